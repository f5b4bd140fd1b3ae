"""What an LTC681x chain said before is never taken for an answer of now."""

from ltc_desk import Desk

from vigil.afe import errors
from vigil.afe.errors import AfeError
from vigil.sample import TEMPS, UNKNOWN


def test_a_test_of_the_leads_that_bleeding_interrupts_begins_anew():
    desk = Desk().configure()
    desk.read()
    assert 0x368 in desk.wire.counts and 0x328 not in desk.wire.counts
    bleed = bytearray(24)
    bleed[5] = 1
    desk.driver.balance(bleed)
    # Beside what was measured with the pull-up, every cell now looks like an open lead.
    for device in desk.chain:
        device.wired = [38000] * device.inputs
    bleed[5] = 0
    desk.driver.balance(bleed)
    desk.wire.forget()
    desk.read(60)
    assert desk.wire.counts[0x368] == 2 and desk.wire.counts[0x328] == 2
    assert not desk.driver.open_lead_seen


def test_a_bus_that_fails_leaves_no_earlier_answer():
    desk = Desk().configure()
    chain = desk.driver.bus
    reading = chain.reading(0x004)
    chain.take(reading)
    desk.wire.is_down = True
    code = 0
    try:
        chain.take(reading)
    except AfeError as error:
        code = error.code
    assert code == errors.NO_ANSWER
    desk.wire.is_down = False
    chain.take(reading)


def test_a_temperature_converted_before_a_failed_reading_is_not_taken_for_the_next_conversion():
    desk = Desk().configure()
    desk.read(24)
    device = desk.chain[0]
    # Converted, but what comes of it is damaged.
    device.spoilt = (0x00C,)
    failed = False
    while not failed:
        try:
            desk.read()
        except AfeError as error:
            failed = error.code == errors.CHECK_FAILED
    # The next start is not heard.
    device.spoilt = ()
    device.stuck = True
    desk.read()
    device.stuck = False
    sequence = desk.sample.sequence(TEMPS)
    while desk.sample.sequence(TEMPS) == sequence:
        desk.read()
    assert desk.temps() == [UNKNOWN, 250, 250]
