"""INA228 and INA226 drivers against registers by hand, with the vectors of the fact sheet."""

from shunt_desk import REQUESTS, Desk, code_of, desks

from vigil.afe import errors
from vigil.limits import BACKSTOP_CHARGE_CURRENT, BACKSTOP_DISCHARGE_CURRENT
from vigil.sample import (
    CHARGE_TRIP_OVER_CURRENT,
    CURRENT,
    DISCHARGE_TRIP_OVER_CURRENT,
    FAULT_INTERNAL,
    FAULT_NOT_CONFIGURED,
    UNKNOWN,
)
from vigil.sensor.ina226 import Ina226
from vigil.sensor.ina228 import Ina228

SOVL, SUVL, DIAG = 0x0C, 0x0D, 0x0B
CHARGE_40_A = ((BACKSTOP_CHARGE_CURRENT, 40000, 40, 36000),)


def run(steps):
    """All slices of a generator; the code of the error that ended it."""
    try:
        for _ in steps:
            pass
        return 0
    except errors.AfeError as error:
        return error.code


# Numbers.


def test_the_sheets_examples_of_shunt_voltage_are_told_in_milliamperes():
    desk = Desk(shunt_uohm=16200).configure(())
    assert desk.after(311040) == 6000
    desk = Desk(shunt_uohm=1000).configure(())
    assert desk.after(0xB4100 - 0x100000) == -97200
    # 150 A and 50 mV; limits of 75 A let it measure in the fine range, where 100 A are 426666.
    desk = Desk(shunt_uohm=333.333).configure(((BACKSTOP_CHARGE_CURRENT, 75000, 40, 70000),))
    assert abs(desk.after(426666) - 100000) <= 5
    assert abs(desk.after(-426666) + 100000) <= 5
    desk = Desk(Ina226, shunt_uohm=2000).configure(())
    assert desk.after(8000) == 10000
    assert desk.after(-8000) == -10000


def test_a_shunt_wired_the_other_way_round_charges_with_negative_voltage():
    for desk in desks(charge_negative=True):
        desk.configure()
        assert desk.after(1000) < 0 < desk.after(-1000)


def test_both_ends_of_the_range_in_both_directions():
    desk = Desk(shunt_uohm=500).configure(())
    for code, current_ma in ((0x7FFFF, 327679), (-0x80000, -327680), (1, 1), (-1, -1), (0, 0)):
        assert desk.after(code) == current_ma
    desk = Desk(Ina226, shunt_uohm=500).configure(())
    for code, current_ma in ((0x7FFF, 163835), (-0x8000, -163840), (1, 5), (-1, -5)):
        assert desk.after(code) == current_ma


# Bring-up.


def test_settings_are_those_of_the_sheet_and_are_read_back():
    desk = Desk().configure()
    chip = desk.chip
    assert desk.driver.configured
    # Averages of sixteen, bus and shunt, continuous; one to one; 250 A and 125 A at 0.5 mOhm.
    assert chip.words[0x01] == 0xB302
    assert chip.words[0x00] == 0x0000 and chip.words[0x02] == 4096
    assert chip.words[SOVL] == 12500 and chip.words[SUVL] == 0x10000 - 25000
    assert chip.control == 0xA000
    assert chip.writes[0] == (0x00, 0x8000)
    for register in (0x00, 0x01, 0x02, 0x03, SOVL, SUVL):
        assert register in chip.reads
    desk = Desk(Ina226, shunt_uohm=250).configure()
    assert desk.chip.words == {0: 0x441D, 5: 2048, 7: 0x10000 - 25000, 0xFE: 0x5449, 0xFF: 0x2260}
    assert desk.chip.control == 0x4001


def test_limits_of_the_sheet_in_both_ranges():
    # 10 A at 16.2 mOhm, 100 A at 0.75 mOhm, 80 A at 0.5 mOhm: a quarter above what is asked.
    desk = Desk(shunt_uohm=16200).configure(((BACKSTOP_CHARGE_CURRENT, 8000, 40, 0),))
    assert desk.chip.words[SOVL] == 0x7E90 and desk.chip.words[SUVL] == 0x8000
    desk = Desk(shunt_uohm=750).configure(((BACKSTOP_DISCHARGE_CURRENT, -80000, 40, 0),))
    assert desk.chip.words[SUVL] == 0xC568 and desk.chip.words[SOVL] == 0x7FFF
    desk = Desk(shunt_uohm=500).configure(((BACKSTOP_CHARGE_CURRENT, 64000, 40, 0),))
    assert desk.chip.words[SOVL] == 0x7D00 and desk.chip.words[0x00] == 0x0010


def test_what_was_really_applied_is_told_in_the_ways_of_other_front_ends():
    desk = Desk().configure()
    assert desk.driver.applied == [
        (BACKSTOP_CHARGE_CURRENT, 125000, 11),
        (BACKSTOP_DISCHARGE_CURRENT, -250000, 11),
    ]
    assert desk.driver.plan_backstop(REQUESTS) == desk.driver.applied
    desk = Desk(alert_averaged=False).configure()
    assert desk.driver.applied[0] == (BACKSTOP_CHARGE_CURRENT, 125000, 1)
    # The INA226 has one limit; who wants it for charging says so.
    desk = Desk(Ina226, shunt_uohm=250).configure()
    assert desk.driver.applied == [(BACKSTOP_DISCHARGE_CURRENT, -250000, 10)]
    desk = Desk(Ina226, shunt_uohm=250, guard_charge=True).configure()
    assert desk.driver.applied == [(BACKSTOP_CHARGE_CURRENT, 125000, 10)]
    assert desk.chip.control == 0x8001


def test_a_shunt_wired_the_other_way_round_swaps_the_limits():
    desk = Desk(charge_negative=True).configure()
    assert desk.chip.words[SOVL] == 25000 and desk.chip.words[SUVL] == 0x10000 - 12500
    desk = Desk(Ina226, shunt_uohm=250, charge_negative=True).configure()
    assert desk.chip.control == 0x8001 and desk.chip.words[7] == 25000


def test_an_alert_that_cuts_nothing_guards_nothing():
    for desk in desks(wired=False, shunt_uohm=250):
        desk.configure()
        assert desk.driver.configured and desk.driver.applied == []
        assert desk.after(30000) > 0
        assert desk.sample.front_end_charge_trip == 0
        assert not desk.driver.cut


def test_limits_that_the_shunt_cannot_tell_or_of_the_wrong_sign_are_refused():
    for part, shunt_uohm in ((Ina228, 700), (Ina226, 500)):
        for wired in (True, False):
            desk = Desk(part, shunt_uohm=shunt_uohm, wired=wired)
            assert run(desk.driver.configure(REQUESTS)) == errors.UNSUPPORTED
            assert not desk.driver.configured
            assert code_of(lambda desk=desk: desk.driver.plan_backstop(REQUESTS)) == (
                errors.UNSUPPORTED
            )
    for request in ((BACKSTOP_CHARGE_CURRENT, -5, 1, 0), (BACKSTOP_DISCHARGE_CURRENT, 5, 1, 0)):
        desk = Desk()
        assert run(desk.driver.configure((request,))) == errors.UNSUPPORTED


def test_options_that_no_chip_can_do_are_refused():
    for options in ({"shunt_uohm": 0}, {"shunt_uohm": 2000000}, {"average": 5}):
        for part in (Ina228, Ina226):
            assert code_of(lambda part=part, more=options: Desk(part, **more)) == (
                errors.UNSUPPORTED
            )


def test_the_wrong_device_is_refused_before_anything_is_written():
    for desk, register, values in (
        (Desk(), 0x3F, (0x2381, 0x2291, 0x2260, 0xFFFF, 0)),
        (Desk(), 0x3E, (0x5448, 0xFFFF, 0)),
        (Desk(Ina226), 0xFF, (0x2270, 0x2281, 0xFFFF, 0)),
        (Desk(Ina226), 0xFE, (0x4954, 0)),
    ):
        for value in values:
            desk.chip.words[register] = value
            assert run(desk.driver.configure(())) == errors.WRONG_DEVICE
            assert desk.chip.writes == [] and not desk.driver.configured
    # A later revision of the right one is welcome.
    desk = Desk()
    desk.chip.words[0x3F] = 0x2283
    assert run(desk.driver.configure(())) == errors.TIMED_OUT or desk.driver.configured


def test_an_alert_whose_wire_does_not_show_is_refused():
    for part in (Ina228, Ina226):
        for level in (0, 1):
            desk = Desk(part, shunt_uohm=250)
            desk.pin.stuck = level
            assert code_of(desk.configure) == errors.SELF_TEST_FAILED
            assert not desk.driver.configured and desk.driver.applied == []


def test_limits_that_do_not_raise_the_alert_are_refused():
    for desk in desks(shunt_uohm=250):
        convert = desk.chip.convert

        def deaf(chip=desk.chip, convert=convert):
            convert()
            chip.flags &= 0x000A
            chip.alert = True

        desk.chip.convert = deaf
        assert code_of(desk.configure) == errors.SELF_TEST_FAILED


def test_after_bring_up_the_alert_is_silent_again():
    for desk in desks(shunt_uohm=250):
        desk.configure()
        assert not desk.chip.alert and not desk.driver.cut
        for _ in range(5):
            assert desk.read() == 0
        assert desk.driver.alerts == 0


def test_a_converter_that_never_finishes_is_found_at_bring_up():
    for desk in desks():
        desk.chip.converts = False
        assert code_of(desk.configure) == errors.TIMED_OUT


def test_a_bus_that_fails_or_a_setting_that_does_not_hold_ends_bring_up_whenever_it_happens():
    for part in (Ina228, Ina226):
        for fails_at in range(0, 60, 3):
            desk = Desk(part, shunt_uohm=250)
            steps = desk.driver.configure(REQUESTS)
            ended = 0
            for step in range(1000):
                desk.wait(1)
                if step >= fails_at:
                    desk.chip.nak = 1000
                try:
                    next(steps)
                except StopIteration:
                    break
                except errors.AfeError as error:
                    ended = error.code
                    break
            assert ended == errors.NO_ANSWER or (step < fails_at and desk.driver.configured)
    for register in (0x00, 0x01, 0x02, 0x03, SOVL, SUVL):
        desk = Desk()
        write = desk.chip.write

        def forgetful(into, value, register=register, write=write, chip=desk.chip):
            write(into, value)
            if into == register and (into or not value & 0x8000):
                chip.words[register] ^= 0x0400

        desk.chip.write = forgetful
        # Some of them spoil the test of the alert first.
        assert code_of(desk.configure) in (
            errors.READ_BACK_DIFFERS,
            errors.SELF_TEST_FAILED,
            errors.TIMED_OUT,
        )
        assert not desk.driver.configured


def test_verifying_finds_every_setting_that_changed_and_never_touches_the_flags():
    for part, registers in ((Ina228, (0, 1, 2, 3, SOVL, SUVL)), (Ina226, (0, 5, 7))):
        for register in registers:
            desk = Desk(part, shunt_uohm=250).configure()
            desk.chip.reads.clear()
            assert run(desk.driver.verify()) == 0
            assert (DIAG if part is Ina228 else 0x06) not in desk.chip.reads
            desk.chip.words[register] ^= 0x0002
            assert run(desk.driver.verify()) == errors.READ_BACK_DIFFERS
    assert run(Desk().driver.verify()) == errors.NOT_CONFIGURED


# The cycle.


def test_what_has_not_been_converted_anew_is_not_told_anew():
    for desk in desks():
        desk.configure()
        assert desk.after(1000) != 0
        told = desk.sample.sequence(CURRENT)
        desk.chip.converts = False
        desk.read()
        told = desk.sample.sequence(CURRENT)
        for _ in range(10):
            assert desk.read() == 0
        assert desk.sample.sequence(CURRENT) == told
        desk.chip.converts = True
        assert desk.read() == 0
        assert desk.sample.sequence(CURRENT) == told + 1


def test_every_cycle_of_twenty_milliseconds_finds_a_new_current():
    for desk in desks():
        desk.configure()
        told = desk.sample.sequence(CURRENT)
        for code in range(50):
            desk.chip.code = code * 100
            assert desk.read() == 0
        assert desk.sample.sequence(CURRENT) == told + 50


def test_one_transfer_that_is_not_acknowledged_is_repeated_and_two_are_an_error():
    for desk in desks():
        desk.configure()
        desk.chip.nak = 1
        assert desk.read() == 0
        assert desk.driver.retries == 1
        told = desk.sample.sequence(CURRENT)
        current_ma = desk.current_ma()
        desk.chip.code = 5000
        desk.chip.nak = 2
        assert desk.read() == errors.NO_ANSWER
        assert desk.sample.sequence(CURRENT) == told and desk.current_ma() == current_ma
        assert desk.driver.configured
        assert desk.read() == 0
        assert desk.current_ma() != current_ma


def test_garbage_instead_of_a_current_is_never_believed():
    for part, voltage, width in ((Ina228, 0x04, 3), (Ina226, 0x01, 2)):
        current = 0x07 if part is Ina228 else 0x04
        for register in (voltage, current):
            for byte in (0x00, 0xFF, 0x5A, 0x10):
                desk = Desk(part).configure()
                wanted = desk.after(3000)
                desk.chip.garbage[register] = [bytes([byte] * width)]
                assert desk.read() in (0, errors.CHECK_FAILED)
                assert desk.current_ma() == wanted
                assert desk.driver.check_errors == 1
                told = desk.sample.sequence(CURRENT)
                desk.chip.garbage[register] = [bytes([byte] * width)] * 9
                assert desk.read() == errors.CHECK_FAILED
                assert desk.current_ma() == wanted
                assert desk.sample.sequence(CURRENT) == told


def test_a_conversion_that_ends_between_two_readings_is_no_garbage():
    for desk in desks():
        desk.configure()
        chip = desk.chip
        read = chip.read
        voltage = 0x04 if chip.words.get(0x3E) else 0x01

        def jump(chip=chip):
            chip.code = 9000
            chip.convert()

        def reading(register, chip=chip, read=read, jump=jump, voltage=voltage):
            if register == voltage and chip.code == 0:
                chip.after_read = jump
            return read(register)

        chip.read = reading
        assert desk.read() == 0
        chip.read = read
        told = desk.current_ma()
        assert told == desk.after(9000)


def test_reading_once_can_be_chosen_where_the_registers_are_not_alike():
    for desk in desks(read_twice=False):
        desk.configure()
        desk.chip.reads.clear()
        desk.read()
        assert len(desk.chip.reads) == 2


def test_a_chip_that_could_not_calculate_has_no_current():
    for desk in desks():
        desk.configure()
        desk.after(1000)
        desk.chip.math_over = True
        assert desk.read() == 0
        assert desk.current_ma() == UNKNOWN


def test_damaged_trim_memory_is_a_fault():
    desk = Desk().configure()
    desk.chip.memory_bad = True
    assert desk.read() == 0
    assert desk.sample.front_end_fault & FAULT_INTERNAL


def test_a_chip_that_was_reset_is_found_in_the_next_cycle():
    for wired in (True, False):
        for desk in desks(wired=wired):
            desk.configure(CHARGE_40_A)
            told = desk.sample.sequence(CURRENT)
            desk.chip.reset()
            assert desk.read() == errors.NOT_CONFIGURED
            assert not desk.driver.configured
            assert desk.driver.settings_lost == 1
            assert desk.sample.front_end_fault & FAULT_NOT_CONFIGURED
            assert desk.sample.sequence(CURRENT) == told
            assert desk.read() == errors.NOT_CONFIGURED
            desk.sample.front_end_fault = 0
            desk.configure(CHARGE_40_A)
            assert desk.read() == 0


def test_flags_that_come_garbled_once_are_looked_at_again():
    for desk in desks():
        desk.configure()
        flags = DIAG if 0x3E in desk.chip.words else 0x06
        for byte in (0x00, 0xFF):
            desk.chip.garbage[flags] = [bytes([byte, byte])]
            assert desk.read() == 0
            assert desk.driver.configured
            assert desk.driver.alerts == 0
        assert desk.read() == 0


# The alert.


def test_the_alert_is_told_once_and_for_a_second_with_its_direction():
    for part, up, charge, discharge in (
        (Ina228, True, CHARGE_TRIP_OVER_CURRENT, 0),
        (Ina228, False, 0, DISCHARGE_TRIP_OVER_CURRENT),
        (Ina226, False, 0, DISCHARGE_TRIP_OVER_CURRENT),
    ):
        desk = Desk(part, shunt_uohm=250).configure()
        sample = desk.sample
        desk.chip.code = 0x7000 * 16 if part is Ina228 else 0x7000
        if not up:
            desk.chip.code = 0 - desk.chip.code
        desk.wait(12)
        desk.chip.code = 0
        assert desk.chip.alert and desk.driver.cut
        assert desk.read() == 0
        assert (sample.front_end_charge_trip, sample.front_end_discharge_trip) == (
            charge,
            discharge,
        )
        assert desk.driver.alerts == 1
        for _ in range(40):
            desk.read()
            assert desk.driver.cut
        for _ in range(20):
            desk.read()
        assert sample.front_end_charge_trip == sample.front_end_discharge_trip == 0
        assert not desk.driver.cut and desk.driver.alerts == 1


def test_the_alert_stands_until_somebody_looks():
    desk = Desk().configure()
    desk.chip.code = -0x7000 * 16
    desk.wait(12)
    desk.chip.code = 0
    desk.wait(60000)
    assert desk.chip.alert and desk.driver.cut
    desk.read()
    desk.read()
    assert not desk.chip.alert


def test_trips_that_other_parts_tell_stay():
    desk = Desk().configure()
    desk.sample.front_end_charge_trip = 1
    desk.chip.code = 0x7000 * 16
    desk.wait(12)
    desk.chip.code = 0
    for _ in range(100):
        desk.read()
    assert desk.sample.front_end_charge_trip == 1


def test_an_alert_seen_at_its_pin_is_known_even_if_its_flags_were_garbled():
    desk = Desk().configure()
    desk.chip.code = -0x7000 * 16
    desk.wait(12)
    desk.chip.code = 0
    desk.chip.garbage[DIAG] = [b"\xff\xff"]
    assert desk.read() == 0
    assert desk.driver.cut
    assert desk.sample.front_end_charge_trip and desk.sample.front_end_discharge_trip


def test_currents_up_to_the_severe_limits_leave_the_alert_alone():
    desk = Desk().configure()
    for code, current_ma in ((160000, 100000), (-320000, -200000)):
        assert desk.after(code) == current_ma
    assert desk.driver.alerts == 0


# Sums.


def test_the_sum_of_charge_counts_in_both_directions_and_rolls_over():
    desk = Desk(shunt_uohm=16200).configure(())
    # 6 A for an hour, in codes of shunt voltage each second.
    desk.chip.charge = 311040 * 3600
    assert desk.driver.charge_mas() == 21600000
    desk.chip.charge -= 2 * 311040 * 3600
    assert desk.driver.charge_mas() == -21600000
    desk.chip.charge -= 1 << 39
    first = desk.driver.charge_mas()
    desk.chip.charge -= 1 << 38
    assert abs(desk.driver.charge_mas() - first + (1 << 38) * 3125 // 162000) <= 1


def test_the_sum_goes_on_after_a_bring_up_in_the_other_range():
    desk = Desk(shunt_uohm=500).configure(())
    desk.chip.charge = 160000 * 100
    assert desk.driver.charge_mas() == 10000000
    desk.configure(((BACKSTOP_CHARGE_CURRENT, 64000, 40, 0),))
    assert desk.driver.charge_mas() == 10000000
    desk.chip.charge = 640000 * 10
    assert desk.driver.charge_mas() == 11000000


def test_the_sum_of_energy_counts_as_the_sheet_says():
    desk = Desk(shunt_uohm=16200).configure(())
    # 288 W for an hour at 48 V and 6 A: POWER = 311040 * 245760 / 16384, a sixteenth a second.
    desk.chip.energy = 311040 * 245760 // 16384 * 3600 // 16
    assert abs(desk.driver.energy_mj() - 1036800000) < 1000


def test_sums_need_settings():
    assert code_of(Desk().driver.charge_mas) == errors.NOT_CONFIGURED
