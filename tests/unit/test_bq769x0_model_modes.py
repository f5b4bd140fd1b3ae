"""Sleep, boot and faults of the BQ769x0 model, and its balancing."""

import pytest

from tests.unit.bq769x0_rig import CHG, DSG, MS, SECOND, XREADY, Rig


def awake(**options):
    rig = Rig(**options)
    rig.wait(1200 * MS)
    return rig


def pulse(rig, us):
    rig.chip.boot_pin(1)
    rig.wait(us)
    rig.chip.boot_pin(0)


def put_to_sleep(rig):
    for value in (0x00, 0x01, 0x02):
        rig.write(0x04, value)
    assert not rig.chip.i2c_present()


# SHIP mode


def test_sleep_opens_the_switches_and_forgets_everything():
    rig = awake()
    rig.write(0x0B, 0x19)
    rig.write(0x09, 0xBF)
    rig.switch_on()
    put_to_sleep(rig)
    assert rig.gates == (False, False)
    assert not rig.chip.powered
    rig.wait(SECOND)
    pulse(rig, 3 * MS)
    rig.wait(7 * MS)
    assert rig.read(0x00, 12) == bytes([0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0xAC, 0x97, 0])
    assert rig.read(0x0C, 30) == bytes(30)
    rig.wait(800 * MS)
    assert rig.cell_code(15) > 8000


@pytest.mark.parametrize(
    "writes",
    [
        [(0x04, 0x00), (0x04, 0x02), (0x04, 0x01)],
        [(0x04, 0x00), (0x04, 0x02)],
        [(0x04, 0x00), (0x04, 0x03)],
        [(0x04, 0x03), (0x04, 0x01), (0x04, 0x02)],
        [(0x04, 0x00), (0x04, 0x01), (0x04, 0x10), (0x04, 0x02)],
        [(0x04, 0x00), (0x04, 0x01), (0x0B, 0x19), (0x04, 0x02)],
    ],
)
def test_any_other_sequence_is_ignored(writes):
    rig = awake()
    for register, value in writes:
        rig.write(register, value)
    assert rig.chip.i2c_present()


def test_measuring_bit_may_stay_set_on_the_way_to_sleep():
    rig = awake()
    for value in (0x18, 0x19, 0x1A):
        rig.write(0x04, value)
    assert not rig.chip.i2c_present()


@pytest.mark.parametrize("us, boots", [(1900, False), (2100, True)])
def test_boot_pulse_must_be_long_enough(us, boots):
    rig = Rig(asleep=True)
    rig.wait(SECOND)
    pulse(rig, us)
    rig.wait(10 * MS)
    assert rig.chip.i2c_present() == boots


def test_pin_that_is_always_high_neither_wakes_nor_keeps_awake():
    rig = awake()
    rig.chip.boot_pin(1)
    put_to_sleep(rig)
    rig.wait(SECOND)
    assert not rig.chip.i2c_present()
    rig.chip.boot_pin(0)
    rig.wait(MS)
    pulse(rig, 3 * MS)
    rig.wait(10 * MS)
    assert rig.chip.i2c_present()


@pytest.mark.parametrize("ms, status", [(50, XREADY), (200, 0)])
def test_woken_too_soon_the_groups_do_not_find_each_other(ms, status):
    rig = awake()
    put_to_sleep(rig)
    rig.wait(ms * MS)
    pulse(rig, 3 * MS)
    rig.wait(10 * MS)
    assert rig.status == status


def test_lost_link_keeps_the_chip_from_sleeping():
    rig = awake()
    rig.chip.lose_link()
    for value in (0x00, 0x01, 0x02):
        rig.write(0x04, value)
    assert rig.chip.i2c_present()


# Faults


def test_reset_loses_the_configuration_and_the_switches():
    rig = awake()
    rig.write(0x0B, 0x19)
    rig.switch_on()
    rig.chip.reset()
    assert rig.gates == (False, False)
    assert rig.chip.i2c_write(b"\x00") == 0
    rig.wait(10 * MS)
    assert rig.u8(0x0B) == 0


def test_brown_out_needs_a_boot_pulse():
    rig = awake()
    rig.switch_on()
    rig.chip.brown_out()
    assert rig.gates == (False, False)
    rig.wait(SECOND)
    assert rig.chip.i2c_read(2) is None
    pulse(rig, 3 * MS)
    rig.wait(10 * MS)
    assert rig.u8(0x05) == 0


@pytest.mark.parametrize("sleeps", [True, False])
def test_starved_upper_group(sleeps):
    rig = awake()
    rig.chip.low_group_sleeps = sleeps
    rig.switch_on()
    # The first group alone ends everything, the others may only lose the link.
    for n in range(11, 16):
        rig.bench.cell(n, 700)
    rig.wait(300 * MS)
    assert rig.gates == (False, False)
    assert rig.chip.i2c_present() != sleeps
    if not sleeps:
        assert rig.status & XREADY
        for n in range(1, 6):
            rig.bench.cell(n, 700)
        rig.wait(300 * MS)
        assert not rig.chip.i2c_present()


def test_silent_chip_answers_neither_writes_nor_reads():
    rig = awake()
    rig.chip.answering = False
    assert rig.chip.i2c_write(b"\x00") == 0
    assert rig.chip.i2c_read(2) is None
    assert not rig.chip.i2c_present()


def test_disturbed_bus_spoils_every_check_both_ways():
    rig = awake()
    rig.write(0x0B, 0x19)
    rig.chip.corrupt_checks = True
    assert rig.chip.i2c_write(rig.framed(0x0B, 0x00)) == 2
    rig.chip.i2c_write(b"\x0b")
    spoiled = rig.chip.i2c_read(4)
    rig.chip.corrupt_checks = False
    rig.chip.i2c_write(b"\x0b")
    good = rig.chip.i2c_read(4)
    assert spoiled[0] == good[0] == 0x19
    assert spoiled[1] != good[1] and spoiled[3] != good[3]


def test_frozen_conversion_never_gets_ready_again_and_keeps_its_values():
    rig = awake()
    rig.write(0x05, 0x40)
    rig.wait(300 * MS)
    rig.write(0x00, 0x80)
    rig.chip.frozen = True
    before = rig.read(0x0C, 40)
    rig.bench.cell(1, 3900)
    rig.bench.current(5000)
    rig.wait(5 * SECOND)
    assert rig.read(0x0C, 40) == before and rig.status == 0
    rig.chip.frozen = False
    rig.wait(600 * MS)
    assert rig.status == 0x80 and rig.i16(0x32) == 592


def test_data_line_held_high_reads_all_ones():
    rig = awake()
    rig.chip.reads_ones = True
    rig.chip.i2c_write(b"\x00")
    assert rig.chip.i2c_read(4) == b"\xff\xff\xff\xff"


def test_flipped_bit_moves_the_over_voltage_limit():
    rig = awake()
    rig.write(0x09, 0xBF)
    rig.chip.flip_a_setting()
    assert rig.u8(0x09) == 0xBE


def test_broken_sense_lead_shares_between_two_cells_what_they_do_afterwards():
    rig = awake()
    rig.chip.open_leads.add(3)
    rig.wait(300 * MS)
    rig.bench.cell(3, 3500)
    rig.wait(300 * MS)
    assert abs(0.382 * rig.cell_code(3) - 3400) < 0.5
    assert abs(0.382 * rig.cell_code(4) - 3400) < 0.5
    assert abs(0.382 * rig.cell_code(2) - 3300) < 0.5
    rig.chip.open_leads.clear()
    rig.wait(600 * MS)
    assert abs(0.382 * rig.cell_code(3) - 3500) < 0.5


def test_balancing_beside_a_broken_lead_empties_the_input_and_not_the_cell():
    rig = awake()
    rig.chip.open_leads.add(3)
    rig.wait(300 * MS)
    rig.write(0x01, 0x04)
    rig.wait(600 * MS)
    assert rig.bench.bleed == 0
    assert rig.cell_code(3) == 0
    assert abs(0.382 * rig.cell_code(4) - 6258.3) < 1  # all that fourteen bits show


# Balancing


def bled_share(rig, us, step_us=MS):
    bled = {}
    for _ in range(us // step_us):
        rig.wait(step_us)
        bled[rig.bench.bleed] = bled.get(rig.bench.bleed, 0) + 1
    return {mask: count * step_us / us for mask, count in bled.items()}


def test_bleeds_seventy_percent_of_the_time():
    rig = awake()
    rig.write(0x01, 0x05)
    rig.wait(300 * MS)
    shares = bled_share(rig, 5 * SECOND)
    assert set(shares) == {0, 0x05}
    assert 0.68 < shares[0x05] < 0.72


def test_bits_stand_for_inputs_and_not_for_cells():
    rig = awake(cells=9)
    # Inputs 1, 2, 5, 6, 7, 10, ...: input 5 has the third cell, input 10 the sixth.
    rig.write(0x01, 0x10, 0x10)
    assert rig.chip.balancing.wrong_requests == 0
    rig.wait(300 * MS)
    seen = 0
    for _ in range(50):
        rig.wait(10 * MS)
        seen |= rig.bench.bleed
    assert seen == 1 << 2 | 1 << 5


def test_never_bleeds_while_the_group_is_measured():
    rig = awake()
    asked = []
    convert = rig.chip.inputs.convert

    def watched(group, balanced):
        asked.append(rig.bench.bleed >> 5 * group & 0x1F)
        convert(group, balanced)

    rig.chip.inputs.convert = watched
    rig.write(0x01, 0x15, 0x0A, 0x11)
    rig.wait(5 * SECOND)
    assert len(asked) > 50 and set(asked) == {0}


@pytest.mark.parametrize("values, wrong", [((0x03,), 1), ((0x15,), 0), ((0x10, 0x01), 0)])
def test_neighbours_are_taken_but_counted_except_across_groups(values, wrong):
    rig = awake()
    rig.write(0x01, *values)
    assert rig.chip.balancing.wrong_requests == wrong
    assert rig.read(0x01, len(values)) == bytes(values)


def test_unused_inputs_are_counted_and_bleed_nothing():
    rig = awake(cells=14)
    rig.write(0x03, 0x08)
    assert rig.chip.balancing.wrong_requests == 1
    assert set(bled_share(rig, SECOND)) == {0}


def test_absent_groups_have_no_balancing_register():
    rig = awake(variant="bq76920", cells=5)
    rig.write(0x02, 0x01, 0x01)
    assert rig.read(0x01, 3) == bytes(3)


def test_nothing_ends_balancing_but_sleep():
    rig = awake()
    rig.write(0x01, 0x01)
    rig.wait(3600 * SECOND)
    assert rig.u8(0x01) == 0x01
    put_to_sleep(rig)
    assert rig.bench.bleed == 0


def test_switches_are_held_without_a_host():
    rig = awake()
    rig.switch_on()
    rig.wait(3600 * SECOND)
    assert rig.switches == CHG | DSG
