"""BQ769x0 switches: commands, trips and what clears them, the load, bleeding, SHIP."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bq769x0_stand_in import (
    CC_EN,
    CELLBAL1,
    CELLS,
    CHARGE,
    DISCHARGE,
    OCD,
    OPENS,
    OV,
    OVERRIDE,
    SCD,
    SYS_CTRL1,
    SYS_CTRL2,
    SYS_STAT,
    UV,
    XREADY,
    Desk,
)
from vigil import sample
from vigil.afe import errors
from vigil.afe.errors import AfeError

LOAD_PRESENT = 0x80


@pytest.fixture
def desk():
    desk = Desk().configure()
    desk.turn()
    return desk


def fails(verb, code):
    with pytest.raises(AfeError) as error:
        verb()
    return error.value.code == code


def is_on(desk):
    return desk.front_end.charge_is_on, desk.front_end.discharge_is_on


def trips(desk):
    readings = desk.readings
    return readings.front_end_charge_trip, readings.front_end_discharge_trip


def load(desk, present):
    control = desk.chip.registers[SYS_CTRL1] & 0x7F
    desk.chip.registers[SYS_CTRL1] = control | (LOAD_PRESENT if present else 0)


# Commands.


@pytest.mark.parametrize("charge", [False, True])
@pytest.mark.parametrize("discharge", [False, True])
def test_each_switch_is_commanded_and_read_back(desk, charge, discharge):
    desk.front_end.set_switches(charge, discharge)
    assert desk.chip.switches == (CHARGE if charge else 0) | (DISCHARGE if discharge else 0)
    assert desk.chip.registers[SYS_CTRL2] & 0xFC == CC_EN
    assert is_on(desk) == (charge, discharge)
    assert desk.line.level == int(charge or discharge)


def test_both_off_pulls_the_line_before_the_bus_and_on_releases_it_after(desk):
    desk.front_end.set_switches(True, True)
    desk.chip.events.clear()
    desk.front_end.set_switches(False, False)
    desk.front_end.set_switches(True, False)
    assert desk.chip.events == [
        ("line", 0),
        (SYS_CTRL2, CC_EN),
        (SYS_CTRL2, CC_EN | CHARGE),
        ("line", 1),
    ]


def test_a_dead_bus_leaves_the_line_low(desk):
    desk.front_end.set_switches(True, True)
    desk.chip.lost = 1000
    assert fails(lambda: desk.front_end.set_switches(False, False), errors.NO_ANSWER)
    assert desk.line.level == 0
    assert fails(lambda: desk.front_end.set_switches(True, True), errors.NO_ANSWER)
    assert desk.line.level == 0


def test_without_a_line_all_off_goes_over_the_bus_until_it_is_seen_off():
    desk = Desk(line=False).configure()
    desk.turn()
    desk.front_end.set_switches(True, True)
    desk.chip.lost = 2
    desk.front_end.all_off()
    assert desk.chip.switches == 3
    desk.front_end.all_off()
    assert desk.chip.switches == 0
    desk.turn()
    writes = len(desk.chip.wire)
    desk.front_end.all_off()
    assert len(desk.chip.wire) == writes
    assert not desk.front_end.capabilities()["direct_line"]


def test_without_a_line_a_known_part_is_opened_before_it_is_looked_for():
    desk = Desk(line=False, check_codes=True)
    desk.chip.registers[SYS_CTRL2] = 0x43
    desk.front_end.all_off()
    assert desk.chip.switches == 0


def test_without_a_line_a_part_of_unknown_framing_is_not_written_to():
    desk = Desk(checked=False, line=False)
    before = bytes(desk.chip.registers)
    desk.front_end.all_off()
    assert bytes(desk.chip.registers) == before and desk.chip.wire == []


def test_a_failing_line_does_not_fail_its_caller(desk):
    def broken(level):
        raise OSError(5)

    desk.line.value = broken
    desk.front_end.all_off()


def test_before_bring_up_only_off_is_obeyed():
    desk = Desk()
    assert fails(lambda: desk.front_end.set_switches(True, False), errors.NOT_CONFIGURED)
    desk.front_end.set_switches(False, False)
    assert desk.line.level == 0
    assert fails(lambda: desk.front_end.balance(bytes(15)), errors.NOT_CONFIGURED)


# Trips. The chip opens, the driver never closes against it.

BLOCKED = {OV: CHARGE, UV: DISCHARGE, OCD: 3, SCD: 3, OVERRIDE: 3}


@pytest.mark.parametrize("bit", sorted(BLOCKED))
def test_a_command_does_not_close_what_the_chip_has_opened(desk, bit):
    desk.front_end.set_switches(True, True)
    desk.chip.trip(bit)
    desk.chip.events.clear()
    desk.front_end.set_switches(True, True)
    assert desk.chip.switches == 3 & ~BLOCKED[bit]
    # Not even for a moment.
    assert not [byte for _, byte in desk.chip.events[:-1] if byte & BLOCKED[bit]]


@pytest.mark.parametrize("bit", sorted(BLOCKED))
def test_a_trip_in_the_very_moment_of_the_command_wins(desk, bit):
    store = desk.chip._store

    def trips_just_before(register, byte):
        if register == SYS_CTRL2 and byte & 3:
            desk.chip._store = store
            desk.chip.trip(bit)
        store(register, byte)

    desk.chip._store = trips_just_before
    desk.front_end.set_switches(True, True)
    assert desk.chip.switches == 3 & ~BLOCKED[bit]
    assert is_on(desk) == (desk.chip.switches & 1 != 0, desk.chip.switches & 2 != 0)


@given(
    st.lists(st.tuples(st.sampled_from(["trip", "set", "turn"]), st.integers(0, 7)), max_size=30)
)
def test_no_order_of_trips_and_commands_closes_a_switch_with_its_bit_set(steps):
    desk = Desk().configure()
    desk.turn()
    bits = [OV, UV, OCD, SCD, OVERRIDE]
    for verb, number in steps:
        if verb == "trip":
            desk.chip.trip(bits[number % 5])
        elif verb == "set":
            desk.front_end.set_switches(bool(number & 1), bool(number & 2))
        else:
            desk.turn(1 + number)
        status = desk.chip.registers[SYS_STAT]
        for bit in bits:
            if status & bit:
                assert not desk.chip.switches & OPENS[bit]


@pytest.mark.parametrize("load_detect", [True, False])
@pytest.mark.parametrize(
    "bit, charge, discharge", [(OV, 1, 0), (UV, 0, 1), (OCD, 8, 2), (SCD, 8, 4)]
)
def test_trips_are_told_each_to_the_switch_that_it_opened(bit, charge, discharge, load_detect):
    desk = Desk(load_detect=load_detect).configure()
    desk.turn()
    desk.chip.trip(bit)
    desk.turn()
    if not load_detect and charge == sample.CHARGE_TRIP_LOAD:
        charge = 0
    assert trips(desk) == (charge, discharge)
    assert desk.readings.front_end_fault == 0


def test_voltage_trips_are_cleared_when_the_cells_are_back_and_not_before(desk):
    desk.cells_mv[3] = 3700
    desk.chip.trip(OV)
    desk.turn(20)
    assert trips(desk) == (1, 0)
    # The release that was asked for, not the trip.
    desk.cells_mv[3] = 3451
    desk.turn(20)
    assert trips(desk) == (1, 0)
    desk.cells_mv[3] = 3440
    desk.turn(2)
    assert trips(desk) == (0, 0)
    desk.cells_mv[7] = 2400
    desk.chip.trip(UV)
    desk.turn(20)
    assert trips(desk) == (0, 1)
    desk.cells_mv[7] = 2960
    desk.turn(2)
    assert trips(desk) == (0, 0)


def test_a_trip_that_still_stands_is_told_without_a_gap(desk):
    desk.chip.trip(OV)
    desk.chip.persistent = OV
    for _ in range(20):
        desk.turn()
        assert trips(desk) == (1, 0)


def test_a_trip_over_unknown_cells_is_kept(desk):
    desk.chip.trip(UV)
    codes = desk.input_codes()
    codes[0] = 0x3FFF
    for _ in range(10):
        desk.chip.convert(codes)
        desk.turn(converting=False)
        assert trips(desk) == (0, 1)


def test_a_short_circuit_is_kept_until_the_load_is_gone(desk):
    desk.front_end.set_switches(True, True)
    load(desk, True)
    desk.chip.trip(SCD)
    desk.turn()
    desk.front_end.set_switches(False, False)
    for _ in range(100):
        desk.turn()
        assert trips(desk) == (sample.CHARGE_TRIP_LOAD, sample.DISCHARGE_TRIP_SHORT_CIRCUIT)
    assert desk.readings.load_seen == 1
    load(desk, False)
    gone_ms = desk.now_ms
    while trips(desk) != (0, 0):
        desk.turn()
    assert 1000 <= desk.now_ms - gone_ms <= 1750
    assert desk.readings.load_seen == 0
    desk.front_end.set_switches(True, True)
    assert desk.chip.switches == 3


def test_a_short_circuit_holds_for_five_seconds_at_least(desk):
    desk.chip.trip(SCD)
    tripped_ms = desk.now_ms
    desk.turn()
    while trips(desk) != (0, 0):
        desk.turn()
    assert 5000 <= desk.now_ms - tripped_ms <= 6000


def test_a_short_circuit_is_kept_while_nothing_is_known_of_the_load(desk):
    desk.front_end.set_switches(True, True)
    desk.chip.trip(SCD)
    # The charge switch is still on, so nobody can look.
    desk.turn(100)
    assert desk.readings.load_seen == -1
    assert trips(desk) == (sample.CHARGE_TRIP_LOAD, sample.DISCHARGE_TRIP_SHORT_CIRCUIT)


def test_without_load_detection_time_alone_clears():
    desk = Desk(load_detect=False).configure()
    desk.turn()
    load(desk, True)
    desk.chip.trip(OCD)
    desk.turn(19)
    assert trips(desk) == (0, sample.DISCHARGE_TRIP_OVER_CURRENT)
    desk.turn(4)
    assert trips(desk) == (0, 0)
    assert desk.readings.load_seen == -1


def test_a_second_protector_is_a_fault_for_as_long_as_it_pulls(desk):
    desk.chip.trip(OVERRIDE)
    desk.chip.persistent = OVERRIDE
    for _ in range(20):
        desk.turn()
        assert desk.readings.front_end_fault == sample.FAULT_INTERNAL
    desk.chip.persistent = 0
    desk.turn(6)
    assert desk.readings.front_end_fault == 0


def test_only_bits_that_were_dealt_with_are_cleared(desk):
    desk.chip.trip(OV)
    desk.chip.trip(UV)
    desk.chip.trip(SCD)
    desk.cells_mv[0] = 2800
    desk.chip.events.clear()
    desk.turn(2)
    # The cells are low: over-voltage is over, under-voltage is not, the short circuit is young.
    cleared = [byte for register, byte in desk.chip.events if register == SYS_STAT]
    assert cleared == [0x80, OV, 0x80]


# The load.


def test_the_load_is_told_only_while_both_are_off_and_a_look_later(desk):
    load(desk, True)
    desk.front_end.set_switches(True, True)
    desk.turn()
    assert desk.readings.load_seen == -1
    desk.front_end.set_switches(False, False)
    desk.turn()
    assert desk.readings.load_seen == -1
    desk.turn()
    assert desk.readings.load_seen == 1
    load(desk, False)
    desk.turn()
    assert desk.readings.load_seen == 0
    assert desk.readings.charger_seen == -1


def test_what_was_seen_of_the_load_is_remembered_for_ten_seconds_of_charging(desk):
    desk.turn(3)
    desk.front_end.set_switches(True, False)
    desk.turn(39)
    assert desk.readings.load_seen == 0
    desk.turn(3)
    assert desk.readings.load_seen == -1


def test_with_the_discharge_switch_on_nothing_is_known_of_the_load(desk):
    desk.turn(3)
    desk.front_end.set_switches(False, True)
    desk.turn()
    assert desk.readings.load_seen == -1


# Switches that do not obey.


@pytest.mark.parametrize("bit", [CHARGE, DISCHARGE])
def test_a_switch_bit_that_stays_on_is_stuck_after_a_second(desk, bit):
    desk.chip.registers[SYS_CTRL2] |= bit
    for _ in range(5):
        desk.turn()
        assert desk.front_end.switch_stuck == 0
    desk.turn()
    assert desk.front_end.switch_stuck == bit
    desk.chip.registers[SYS_CTRL2] &= ~bit & 0xFF
    desk.turn()
    assert desk.front_end.switch_stuck == 0


@pytest.mark.parametrize("current_code, mask", [(30, 1), (-30, 2), (20, 0), (-20, 0)])
def test_current_through_a_switch_that_is_off_is_stuck_after_five_conversions(
    desk, current_code, mask
):
    desk.current_code = current_code
    desk.turn(4)
    assert desk.front_end.switch_stuck == 0
    desk.turn()
    assert desk.front_end.switch_stuck == mask


def test_current_through_a_switch_that_is_on_is_not_stuck(desk):
    desk.front_end.set_switches(True, True)
    for desk.current_code in (3000, -3000):
        desk.turn(20)
        assert desk.front_end.switch_stuck == 0


# Balancing.


@given(st.integers(0, 0x7FFF))
def test_neighbours_are_bled_only_across_groups(mask):
    desk = Desk().configure()
    bleed = bytes([mask >> cell & 1 for cell in range(15)])
    pairs = [cell for cell in range(14) if bleed[cell] and bleed[cell + 1]]
    allowed = all(cell in (4, 9) for cell in pairs)
    if allowed:
        desk.front_end.balance(bleed)
    else:
        assert fails(lambda: desk.front_end.balance(bleed), errors.UNSUPPORTED)
    registers = desk.chip.registers[CELLBAL1 : CELLBAL1 + 3]
    seen = registers[0] | registers[1] << 5 | registers[2] << 10
    assert seen == (mask if allowed else 0)


def test_bleeding_that_nobody_renews_ends_after_twenty_seconds(desk):
    bleed = bytes([1] + [0] * 14)
    desk.front_end.balance(bleed)
    desk.turn(70)
    desk.front_end.balance(bleed)
    desk.turn(80)
    assert desk.chip.registers[CELLBAL1] == 1
    desk.turn(2)
    assert desk.chip.registers[CELLBAL1] == 0
    list(desk.front_end.verify())


def test_bring_up_ends_bleeding_that_another_run_left(desk):
    desk.front_end.balance(bytes([1, 0, 1] + [0] * 12))
    again = Desk()
    again.chip.registers[CELLBAL1 : CELLBAL1 + 3] = b"\x05\x01\x10"
    again.configure()
    assert list(again.chip.registers[CELLBAL1 : CELLBAL1 + 3]) == [0, 0, 0]


# SHIP and back.


def test_shutdown_opens_both_switches_and_sends_the_sequence(desk):
    desk.front_end.set_switches(True, True)
    desk.chip.events.clear()
    desk.front_end.shutdown()
    assert desk.chip.asleep
    assert desk.chip.events == [("line", 0), (SYS_CTRL1, 0), (SYS_CTRL1, 1), (SYS_CTRL1, 2)]
    assert not desk.front_end.configured and is_on(desk) == (False, False)


def test_a_chip_that_was_sent_to_ship_stays_there_until_it_is_to_be_woken():
    desk = Desk(wake=True).configure()
    desk.front_end.shutdown()
    shut_ms = desk.now_ms
    with pytest.raises(AfeError):
        desk.configure()
    assert desk.chip.asleep
    desk.front_end.wake()
    desk.configure()
    assert desk.front_end.configured and desk.front_end.found.woken
    # Woken sooner than 125 ms after SHIP, an upper group may not come up.
    assert desk.wake.raised_us / 1000 - shut_ms >= 125
    assert CELLS in desk.turn()


def test_a_chip_woken_from_outside_is_brought_up():
    desk = Desk(wake=True).configure()
    desk.front_end.shutdown()
    desk.chip.asleep = False
    desk.configure()
    assert desk.front_end.configured and desk.front_end.found.had_reset


def test_while_the_link_is_lost_no_switch_closes(desk):
    desk.chip.trip(XREADY)
    desk.turn()
    desk.front_end.set_switches(True, True)
    assert desk.chip.switches == 0
