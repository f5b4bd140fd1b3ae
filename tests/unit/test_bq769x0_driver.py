"""The BQ769x0 driver against a recording stand-in: bring-up, cell maps, readings, freshness."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.bq769x0_stand_in import (
    BOARD,
    CC_CFG,
    CELLBAL1,
    CELLS,
    CURRENT,
    OV_TRIP,
    PROTECT1,
    PROTECT3,
    REQUESTS,
    SCD,
    STACK,
    SYS_CTRL1,
    SYS_CTRL2,
    SYS_STAT,
    TEMPS,
    UV_TRIP,
    XREADY,
    Desk,
)
from vigil import backstop_check, chemistry, presets, sample, validate
from vigil.afe import errors
from vigil.afe.bq769x0 import Bq769x0
from vigil.afe.bq769x0_options import Options
from vigil.afe.errors import AfeError

QUICK = [CURRENT, CELLS, STACK]
UNKNOWN = sample.UNKNOWN


@pytest.fixture
def desk():
    return Desk().configure()


def fails(verb, code):
    with pytest.raises(AfeError) as error:
        result = verb()
        if hasattr(result, "__next__"):
            list(result)
    return error.value.code == code


# Bring-up.


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("chip", ["BQ76920", "BQ76930", "BQ76940"])
@pytest.mark.parametrize("address", [0x08, 0x18])
def test_every_part_is_brought_up_and_measures(checked, known, chip, address):
    desk = Desk(checked, chip=chip, address=address, check_codes=checked if known else None)
    desk.configure()
    assert desk.front_end.configured
    assert desk.front_end.capabilities()["check_codes"] == checked
    assert desk.turn() == QUICK
    assert desk.values(0, len(desk.cells_mv)) == desk.cells_mv


def test_registers_are_those_of_the_data_sheet(desk):
    registers = desk.chip.registers
    assert registers[CC_CFG] == 0x19
    assert registers[SYS_CTRL1] & 0xF7 == 0x10 and registers[SYS_CTRL2] == 0x40
    # OV 3664 mV after 4 s, UV 2488 mV after 4 s, TI's own bits kept.
    assert registers[OV_TRIP] == 0x57 and registers[UV_TRIP] == 0x97
    assert registers[PROTECT3] == 0b01_10_0101
    # 78 mV after 200 us, 31 mV after 1280 ms, fine range.
    assert registers[PROTECT1] == 0b0_00_10_101 and registers[PROTECT1 + 1] == 0b0_111_1000


def test_applied_values_are_reported_and_what_the_chip_cannot_do_is_not(desk):
    assert desk.front_end.applied == [
        (1, 3664, 4000),
        (2, 2488, 4000),
        (4, -31000, 1280),
        (5, -78000, 200),
    ]
    able = desk.front_end.capabilities()
    assert able["guards"] == (1, 2, 4, 5)
    assert able["silence_ms"] == able["open_wire_ms"] == able["bleed_alone_ms"] == 0
    assert desk.front_end.plan_backstop(REQUESTS) == desk.front_end.applied


def test_a_plan_before_the_first_bring_up_assumes_usual_steps_and_touches_nothing():
    desk = Desk(gain_uv=396, offset_mv=40)
    plan = desk.front_end.plan_backstop(REQUESTS)
    assert plan == Desk(gain_uv=382).configure().front_end.applied
    assert desk.chip.reads == [] and desk.chip.wire == []
    desk.configure()
    assert desk.front_end.plan_backstop(REQUESTS) == desk.front_end.applied != plan


@pytest.mark.parametrize("name", ["LFP", "NMC", "NCA"])
def test_the_preset_for_its_periods_contradicts_nothing(name):
    front_end = Desk().front_end
    periods_ms = (
        front_end.cells_period_ms,
        front_end.temps_period_ms,
        front_end.current_period_ms,
        front_end.stack_period_ms,
        front_end.board_period_ms,
    )
    known = chemistry.by_name(name)
    table = presets.preset(known, 15, 20000, periods_ms, 250)
    assert validate.problems(table, known, 15) == []
    requests = table.backstop_requests()
    applied = front_end.plan_backstop(requests)
    assert {code for code, _, _ in applied} == {1, 2, 4, 5}
    assert backstop_check.backstop_problems(requests, applied) == []


def test_switches_are_off_before_anything_else_and_settings_come_before_the_counter(desk):
    events = desk.chip.events
    assert events[0] == ("line", 0)
    assert events[1] == (SYS_CTRL2, 0)
    assert events.index((SYS_CTRL2, 0x40)) > events.index((UV_TRIP, 0x97))
    assert events.index((SYS_STAT, 0xFF)) < events.index((SYS_CTRL2, 0x40))
    assert not any(register == SYS_CTRL2 and byte & 3 for register, byte in events)


def test_the_first_cells_are_waited_for():
    for chip, ms in (("BQ76920", 250), ("BQ76930", 400), ("BQ76940", 800)):
        assert ms <= Desk(chip=chip).configure().now_ms <= ms + 200


def test_thresholds_follow_each_chips_own_steps_with_a_signed_offset():
    low, high = Desk(gain_uv=365, offset_mv=-10), Desk(gain_uv=396, offset_mv=48)
    low.configure()
    high.configure()
    assert (low.front_end.gain_uv, low.front_end.offset_mv) == (365, -10)
    assert (high.front_end.gain_uv, high.front_end.offset_mv) == (396, 48)
    assert low.chip.registers[OV_TRIP] > high.chip.registers[OV_TRIP]
    for desk in (low, high):
        desk.turn()
        assert desk.values(0, 15) == pytest.approx(desk.cells_mv, abs=1)


def test_a_state_left_by_another_run_is_told():
    desk = Desk()
    desk.chip.registers[SYS_CTRL2] = 0x43
    desk.chip.registers[CC_CFG] = 0x19
    desk.chip.registers[SYS_STAT] = SCD
    desk.configure()
    found = desk.front_end.found
    assert (found.had_reset, found.woken, found.switches, found.status) == (False, False, 3, SCD)
    assert desk.chip.switches == 0
    assert Desk().configure().front_end.found.had_reset


def test_a_sleeping_chip_is_woken_by_a_long_enough_pulse():
    desk = Desk(wake=True)
    desk.chip.asleep = True
    desk.configure()
    assert desk.front_end.configured and desk.front_end.found.woken
    assert desk.wake.level == 0


def test_a_sleeping_chip_without_a_wake_line_is_no_answer():
    desk = Desk()
    desk.chip.asleep = True
    assert fails(lambda: desk.front_end.configure(REQUESTS), errors.NO_ANSWER)
    assert not desk.front_end.configured


def test_switches_are_not_believed_off_while_the_framing_was_found_wrong():
    desk = Desk(line=False)
    desk.chip.registers[SYS_CTRL2] = 0x43
    desk.chip.registers[CC_CFG] = 0x19
    desk.chip.corrupt = 2
    assert fails(lambda: desk.front_end.configure(REQUESTS), errors.READ_BACK_DIFFERS)
    assert desk.chip.switches == 3
    desk.configure()
    assert desk.chip.switches == 0 and desk.front_end.found.switches == 3


def test_another_device_at_the_address_is_refused():
    desk = Desk()
    desk.chip.deaf.add(CC_CFG)
    assert fails(lambda: desk.front_end.configure(REQUESTS), errors.WRONG_DEVICE)


@pytest.mark.parametrize("register", [SYS_CTRL2, PROTECT1, PROTECT3, OV_TRIP, UV_TRIP])
def test_a_setting_that_does_not_stay_ends_bring_up(register):
    desk = Desk()
    desk.chip.registers[register] ^= 0x80
    desk.chip.deaf.add(register)
    assert fails(lambda: desk.front_end.configure(REQUESTS), errors.READ_BACK_DIFFERS)
    assert not desk.front_end.configured


def test_a_limit_that_cannot_be_held_ends_bring_up():
    desk = Desk()
    request = [(sample_request[0], 1560, 0, 1700) for sample_request in REQUESTS[1:2]]
    assert fails(lambda: desk.front_end.configure(request), errors.UNSUPPORTED)
    assert desk.front_end.applied == []


def test_calibration_that_reads_differently_twice_is_refused():
    desk = Desk()
    read = desk.chip.readfrom_mem_into

    def other_the_second_time(address, register, buffer):
        read(address, register, buffer)
        if register == 0x59:
            desk.chip.registers[0x59] = 0

    desk.chip.readfrom_mem_into = other_the_second_time
    assert fails(lambda: desk.front_end.configure(REQUESTS), errors.CHECK_FAILED)


def test_a_lost_link_at_start_is_cleared_slowly_and_then_an_error():
    desk = Desk()
    desk.chip.persistent = desk.chip.registers[SYS_STAT] = XREADY
    assert fails(lambda: desk.front_end.configure(REQUESTS), errors.TIMED_OUT)
    assert desk.now_ms >= 6000
    assert len([event for event in desk.chip.events if event == (SYS_STAT, 0xFF)]) == 2


def test_no_slice_of_bring_up_or_verification_takes_five_milliseconds():
    desk = Desk()
    for generator in (desk.front_end.configure(REQUESTS), desk.front_end.verify()):
        begun_us = desk.clock.now_us
        for _ in generator:
            assert desk.clock.now_us - begun_us < 5000
            begun_us = desk.clock.now_us


@pytest.mark.parametrize(
    "register, byte",
    [
        (SYS_CTRL1, 0x18 | 0x04),
        (SYS_CTRL2, 0xC0),  # delays disabled
        (PROTECT1, 0x00),
        (PROTECT1 + 1, 0x00),
        (PROTECT3, 0x65 ^ 0x02),
        (OV_TRIP, 0xAC),
        (UV_TRIP, 0x98),
        (CC_CFG, 0x00),
        (CELLBAL1, 0x01),
        (CELLBAL1 + 2, 0x10),
        (0x50, 0x00),
        (0x51, 0x30),
        (0x59, 0x00),
    ],
)
def test_verification_finds_every_register_that_has_changed(desk, register, byte):
    list(desk.front_end.verify())
    desk.chip.registers[register] = byte
    assert fails(desk.front_end.verify, errors.READ_BACK_DIFFERS)


def test_verification_does_not_mind_what_changes_by_itself(desk):
    desk.chip.registers[SYS_CTRL1] ^= 0x88
    desk.chip.registers[SYS_CTRL2] ^= 0x03
    desk.front_end.balance(bytes([1, 0, 1] + [0] * 12))
    list(desk.front_end.verify())


# Cells to inputs, typed from the sheet's table.

USED = {
    ("BQ76920", 3): [1, 2, 5],
    ("BQ76920", 4): [1, 2, 3, 5],
    ("BQ76920", 5): [1, 2, 3, 4, 5],
    ("BQ76930", 6): [1, 2, 5, 6, 7, 10],
    ("BQ76930", 7): [1, 2, 3, 5, 6, 7, 10],
    ("BQ76930", 8): [1, 2, 3, 5, 6, 7, 8, 10],
    ("BQ76930", 9): [1, 2, 3, 4, 5, 6, 7, 8, 10],
    ("BQ76930", 10): list(range(1, 11)),
    ("BQ76940", 9): [1, 2, 5, 6, 7, 10, 11, 12, 15],
    ("BQ76940", 10): [1, 2, 3, 5, 6, 7, 10, 11, 12, 15],
    ("BQ76940", 11): [1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 15],
    ("BQ76940", 12): [1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13, 15],
    ("BQ76940", 13): [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 15],
    ("BQ76940", 14): list(range(1, 11)) + [11, 12, 13, 15],
    ("BQ76940", 15): list(range(1, 16)),
}


@pytest.mark.parametrize("chip, cells", sorted(USED))
def test_every_count_of_cells_sits_on_the_data_sheets_inputs(chip, cells):
    options = Options(chip=chip, cells=cells)
    inputs = USED[chip, cells]
    assert list(options.inputs) == inputs
    every = range(1, 5 * options.groups + 1)
    assert sorted(options.shorted() + tuple(inputs)) == list(every)


@pytest.mark.parametrize("chip, cells", sorted(USED))
def test_every_count_of_cells_is_read_and_bled_on_its_inputs(chip, cells):
    desk = Desk(chip=chip, cells=cells, offset_mv=30).configure()
    desk.turn()
    assert desk.values(0, cells) == desk.cells_mv
    for cell in range(cells):
        bleed = bytearray(cells)
        bleed[cell] = 1
        desk.front_end.balance(bleed)
        on = USED[chip, cells][cell] - 1
        registers = desk.chip.registers[CELLBAL1 : CELLBAL1 + desk.chip.groups]
        expected = [1 << on % 5 if group == on // 5 else 0 for group in range(desk.chip.groups)]
        assert list(registers) == expected


def test_a_board_may_wire_its_cells_otherwise():
    desk = Desk(chip="BQ76930", cells=7, inputs=(1, 2, 3, 4, 6, 7, 10)).configure()
    desk.turn()
    assert desk.values(0, 7) == desk.cells_mv


@pytest.mark.parametrize(
    "wrong",
    [
        {"chip": "BQ76952"},
        {"chip": "BQ76920", "cells": 2},
        {"chip": "BQ76920", "cells": 6},
        {"chip": "BQ76940", "cells": 8},
        {"cells": 9, "inputs": (1, 2, 3)},
        {"cells": 9, "inputs": (1, 2, 3, 4, 5, 6, 7, 8, 16)},
        {"cells": 9, "inputs": (2, 1, 3, 4, 5, 6, 7, 8, 15)},
        {"thermistors": (4,)},
        {"thermistors": (1, 1)},
        {"chip": "BQ76920", "thermistors": (2,)},
        {"shunt_uohm": 0},
        {"charge_sign": 0},
        {"cc_nv": 0},
        {"cc_nv": 30000},
        {"ohms": (1, 2, 3)},
    ],
)
def test_a_board_that_cannot_be_is_refused_at_once(wrong):
    assert fails(lambda: Bq769x0(None, **wrong), errors.UNSUPPORTED)


# Readings.


def test_the_pack_voltage_of_a_real_chip_counts_connected_cells_only():
    desk = Desk(cells=14, gain_uv=377, offset_mv=48).configure()
    desk.chip.convert(desk.input_codes(), pack_code=0x922B)
    desk.turn(converting=False)
    assert desk.values(desk.readings.stack_at, 1) == [57100]


@pytest.mark.parametrize("cells", [9, 12, 14, 15])
@pytest.mark.parametrize("offset_mv", [-40, -12])
def test_what_shorted_inputs_show_with_a_negative_offset_is_no_part_of_the_pack(cells, offset_mv):
    desk = Desk(cells=cells, gain_uv=380, offset_mv=offset_mv).configure()
    codes = [desk.chip.code(0)] * 15
    for place, cell_mv in zip(desk.inputs, desk.cells_mv, strict=True):
        codes[place - 1] = desk.chip.code(cell_mv)
    desk.chip.convert(codes)
    desk.turn(converting=False)
    (stack_mv,) = desk.values(desk.readings.stack_at, 1)
    # A code of the pack counts four, a cell's is rounded.
    assert abs(stack_mv - sum(desk.cells_mv)) <= 4 + cells // 4


def test_more_than_the_cells_can_add_up_to_is_no_stack_voltage():
    desk = Desk(cells=14, gain_uv=380, offset_mv=0).configure()
    for pack_code, stack in ((55263, 84000), (55264, UNKNOWN), (0xFFFF, UNKNOWN)):
        desk.chip.convert(desk.input_codes(), pack_code=pack_code)
        desk.turn(converting=False)
        assert desk.values(desk.readings.stack_at, 1) == [stack]


@pytest.mark.parametrize(
    "gain_uv, offset_mv, code, cell_mv",
    [(380, 30, 0x1800, 2365), (380, 30, 0x1F10, 3052), (365, -10, 8000, 2910), (386, 0, 0, 0)],
)
def test_known_codes_are_known_voltages(gain_uv, offset_mv, code, cell_mv):
    desk = Desk(gain_uv=gain_uv, offset_mv=offset_mv).configure()
    desk.chip.convert([code] + [8000] * 14)
    desk.turn(converting=False)
    assert desk.values(0, 1) == [cell_mv]


def test_undefined_bits_above_a_code_are_ignored(desk):
    desk.chip.convert([code | 0xC000 for code in desk.input_codes()])
    desk.turn(converting=False)
    assert desk.values(0, 15) == desk.cells_mv


@pytest.mark.parametrize(
    "shunt_uohm, sign, code, current_ma",
    [
        (1000, 1, 0x2710, 84400),
        (1000, 1, 0x8300, -270080),
        (1000, 1, 0xFFFF, -8),
        (1000, -1, 0x2710, -84400),
        (500, 1, 0x2710, 168800),
        (333, 1, 0xFFFF, -25),
        (100, 1, 0x8000, -2765619),
    ],
)
def test_known_codes_are_known_currents(shunt_uohm, sign, code, current_ma):
    desk = Desk(shunt_uohm=shunt_uohm, charge_sign=sign).configure([])
    desk.current_code = code
    desk.turn()
    assert desk.values(desk.readings.current_at, 1) == [current_ma]


def test_full_scale_and_a_dead_group_are_unknown_but_a_dead_cell_is_nothing(desk):
    codes = desk.input_codes()
    codes[2] = 0x3FFF
    codes[3] = 0
    codes[5:10] = [0] * 5
    desk.chip.convert(codes)
    desk.turn(converting=False)
    assert desk.values(0, 10) == [3300, 3301, UNKNOWN, 0, 3304] + [UNKNOWN] * 5


def test_a_reversed_cell_reads_nothing_rather_than_less():
    desk = Desk(offset_mv=-10).configure()
    desk.chip.convert([0] + desk.input_codes()[1:])
    desk.turn(converting=False)
    assert desk.values(0, 1) == [0]


def test_without_check_codes_a_jump_counts_only_if_a_second_reading_agrees():
    desk = Desk(checked=False).configure()
    desk.turn()
    good = desk.input_codes()
    read = desk.chip.readfrom_mem_into

    def one_bad(address, register, buffer):
        read(address, register, buffer)
        if register == 0x0C:
            buffer[4] ^= 0x20
            desk.chip.readfrom_mem_into = read

    desk.chip.readfrom_mem_into = one_bad
    desk.chip.convert(good)
    assert desk.turn(converting=False) == []
    assert desk.front_end.torn_reads == 1 and desk.values(0, 15) == desk.cells_mv
    # Still due, and read in the next cycle.
    assert desk.turn(converting=False) == QUICK
    desk.cells_mv[4] = 2500
    assert desk.turn() == QUICK and desk.values(4, 1) == [2500]


# Temperatures.


def test_thermistors_and_dies_are_new_in_turn_within_their_period():
    desk = Desk().configure()
    desk.until(TEMPS)
    desk.until(BOARD)
    begun_ms = desk.now_ms
    for group in (TEMPS, BOARD, TEMPS, BOARD):
        desk.until(group)
    assert desk.now_ms - begun_ms == 8000
    period_ms = desk.front_end.temps_period_ms
    assert desk.front_end.board_period_ms == period_ms and 4000 <= period_ms <= 5000


def test_thermistor_and_die_codes_are_known_temperatures():
    desk = Desk().configure()
    desk.chip.thermistor_codes = [6321, 3181, 2259]
    desk.chip.die_codes = [3416, 3141, 2757]
    desk.until(TEMPS)
    desk.until(BOARD)
    readings = desk.readings
    # 27.28 k, 5.827 k and 3.54 k by the equation: 0.4, 39.9 and 54.8 degC.
    assert desk.values(readings.temps_at, 3) == pytest.approx([4, 399, 548], abs=3)
    # 0, 25 and 60 degC: the hottest is told.
    assert desk.values(readings.board_at, 1) == pytest.approx([600], abs=1)


@pytest.mark.parametrize(
    "code, die_dc", [(3416, 0), (3141, 250), (2757, 600), (0, UNKNOWN), (9000, UNKNOWN)]
)
def test_each_die_code_is_a_known_temperature_or_none(code, die_dc):
    desk = Desk(chip="BQ76920").configure()
    desk.chip.die_codes = [code]
    desk.until(TEMPS)
    desk.until(BOARD)
    assert desk.values(desk.readings.board_at, 1) == pytest.approx([die_dc], abs=1)


def test_one_unknown_die_is_not_hidden_by_the_others():
    desk = Desk().configure()
    desk.chip.die_codes = [3141, 0x3FFF, 2757]
    desk.until(TEMPS)
    desk.until(BOARD)
    assert desk.values(desk.readings.board_at, 1) == [UNKNOWN]


@pytest.mark.parametrize("code", [0, 399, 8201, 8637, 0x3FFF])
def test_a_thermistor_torn_off_or_shorted_is_unknown(code):
    desk = Desk().configure()
    desk.chip.thermistor_codes[1] = code
    desk.until(TEMPS)
    assert desk.values(desk.readings.temps_at, 3) == [250, UNKNOWN, 250]


def test_only_the_thermistors_that_a_board_has_are_told():
    desk = Desk(thermistors=(1, 3)).configure()
    desk.chip.thermistor_codes[1] = 8600
    desk.until(TEMPS)
    assert desk.values(desk.readings.temps_at, 2) == [250, 250]
    assert (desk.front_end.temp_count, desk.front_end.board_temp_count) == (2, 1)


def test_a_code_of_the_other_kind_is_never_taken_for_this_one():
    desk = Desk().configure()
    desk.until(TEMPS)
    desk.until(BOARD)
    for _ in range(100):
        desk.turn()
        assert desk.values(desk.readings.temps_at, 3) == [250] * 3
        assert desk.values(desk.readings.board_at, 1) == [250]


class Converters:
    """Three groups by clocks of their own; a conversion of 50 ms sees every kind selected."""

    def __init__(self, desk, phases_ms, slow_permille):
        self.desk = desk
        self.chip = desk.chip
        self.chip.turns_temperatures = False
        self.selected = [(0, self.chip.registers[SYS_CTRL1] & 0x08)]
        store = self.chip._store

        def note(register, byte):
            store(register, byte)
            if register == SYS_CTRL1:
                self.selected.append((desk.clock.now_us, byte & 0x08))

        self.chip._store = note
        for group in range(3):
            step_us = 2000 * (1000 + slow_permille[group])
            self.plan(group, step_us, desk.clock.now_us + phases_ms[group] * 1000)

    def plan(self, group, step_us, at_us):
        self.desk.clock.call_at(at_us, lambda: self.end(group, step_us))

    def end(self, group, step_us):
        now_us = self.desk.clock.now_us
        changed_us, kind = self.selected[-1]
        share = min(1, (now_us - changed_us) / 50000)
        codes = (self.chip.thermistor_codes[group], self.chip.die_codes[group])
        new, old = codes if kind else codes[::-1]
        self.chip.put(0x2C + 2 * group, round(share * new + (1 - share) * old))
        self.plan(group, step_us, now_us + step_us)


times = st.tuples(*[st.integers(1, 2000)] * 3)
slownesses = st.tuples(*[st.integers(-35, 35)] * 3)


@settings(max_examples=20)
@given(times, slownesses, st.just(100))
# Long enough for groups to drift past each other, through every place of a turn.
@example((300, 900, 850), (10, 0, 0), 1500)
@example((1600, 900, 850), (-10, 0, 0), 1500)
@example((300, 900, 850), (35, 25, 30), 1500)
@example((300, 900, 850), (35, 35, 33), 1500)
def test_conversions_under_way_are_never_told_however_the_groups_lie(
    phases_ms, slow_permille, turns
):
    desk = Desk().configure()
    desk.chip.thermistor_codes = [2259] * 3
    Converters(desk, phases_ms, slow_permille)
    # What a chip that has just booted shows at first may be dies or nothing.
    desk.until(BOARD)
    read_ms = {TEMPS: desk.now_ms, BOARD: desk.now_ms}
    for turn in range(turns):
        # Cells that move prove nothing about temperatures.
        desk.cells_mv = [3300 + turn % 3] * 15
        for group in set(desk.turn()) & {TEMPS, BOARD}:
            assert desk.now_ms - read_ms[group] <= 5300
            read_ms[group] = desk.now_ms
            if group == TEMPS:
                assert desk.values(desk.readings.temps_at, 3) == [549] * 3
            else:
                assert desk.values(desk.readings.board_at, 1) == [250]
    assert all(desk.now_ms - when_ms <= 5300 for when_ms in read_ms.values())


def test_a_selection_that_was_lost_or_came_late_is_noticed():
    desk = Desk().configure()
    # Warm cells, whose codes would pass for dies of 47 degC.
    desk.chip.thermistor_codes = [2900] * 3
    desk.until(TEMPS)
    warm = desk.values(desk.readings.temps_at, 3)
    # Somebody turns it back: the codes that follow are thermistors, not dies.
    desk.chip.registers[SYS_CTRL1] ^= 0x08
    for turn in range(40):
        desk.cells_mv = [3300 + turn % 2] * 15
        desk.turn()
        assert desk.values(desk.readings.temps_at, 3) == warm
        assert desk.values(desk.readings.board_at, 1) in ([250], [UNKNOWN])
    assert desk.values(desk.readings.board_at, 1) == [250]


def test_equal_codes_of_both_kinds_are_believed_while_the_cells_move():
    desk = Desk().configure()
    desk.chip.thermistor_codes = desk.chip.die_codes = [3000] * 3
    seen = []
    for turn in range(80):
        desk.cells_mv = [3300 + turn % 2 * 3] * 15
        seen += desk.turn()
    assert seen.count(TEMPS) >= 4 and seen.count(BOARD) >= 4


# Freshness.


def test_nothing_is_new_without_a_conversion(desk):
    assert desk.turn() == QUICK
    assert desk.turn(converting=False) == []
    assert desk.turn() == QUICK


def test_readiness_is_cleared_before_the_values_are_read(desk):
    desk.chip.events.clear()
    desk.chip.reads.clear()
    desk.turn()
    assert desk.chip.events[0] == (SYS_STAT, 0x80)
    order = [register for register, _ in desk.chip.reads]
    assert order == [SYS_STAT, SYS_CTRL1, 0x0C, 0x32, 0x2A]


def test_absent_registers_are_not_read():
    desk = Desk(chip="BQ76920").configure()
    desk.chip.reads.clear()
    desk.turn(20)
    spans = {(register, register + count // 2) for register, count in desk.chip.reads}
    absent = set(range(0x02, 0x04)) | set(range(0x16, 0x2A)) | set(range(0x2E, 0x32))
    for first, end in spans:
        assert not absent & set(range(first, end))


@pytest.mark.parametrize("register", [0x0C, 0x32, 0x2A])
def test_what_could_not_be_read_stays_due_and_nothing_half_read_is_told(desk, register):
    desk.turn()
    before = list(desk.readings.values)
    desk.cells_mv = [3400] * 15
    desk.current_code = 100
    read = desk.chip.readfrom_mem_into

    def fails_here(address, where, buffer):
        if where == register:
            raise OSError(19)
        read(address, where, buffer)

    desk.chip.readfrom_mem_into = fails_here
    assert fails(desk.turn, errors.NO_ANSWER)
    assert list(desk.readings.values) == before and desk.readings.refreshed == []
    desk.chip.readfrom_mem_into = read
    assert desk.turn(converting=False) == QUICK
    assert desk.values(0, 15) == [3400] * 15


def test_cells_whose_converter_stands_still_go_stale_while_the_current_goes_on():
    desk = Desk().configure()
    desk.until(TEMPS)
    desk.until(BOARD)
    desk.chip.turns_temperatures = False
    stood_still_ms = desk.now_ms
    while CELLS in desk.turn():
        assert desk.now_ms - stood_still_ms <= 7500
    for _ in range(40):
        assert desk.turn() == [CURRENT]
    assert desk.front_end.stuck_conversions == 41
    # It moves again, and the kind that is selected differs from what stood still after one turn.
    desk.chip.turns_temperatures = True
    assert desk.until(CELLS) <= 18


def test_one_group_that_stands_still_is_enough():
    desk = Desk().configure()
    desk.until(TEMPS)
    desk.chip.thermistor_codes[1] = desk.chip.die_codes[1] = 2900
    for turn in range(60):
        desk.cells_mv = [3300 + turn % 3] * 5 + [3300] * 5 + [3300 + turn % 3] * 5
        refreshed = desk.turn()
    assert refreshed == [CURRENT]


def test_resting_cells_are_not_taken_for_a_converter_that_stands_still():
    desk = Desk().configure()
    for _ in range(400):
        assert desk.turn()[:3] == QUICK


def test_a_chip_that_has_reset_is_set_up_anew(desk):
    desk.turn()
    desk.chip.reset()
    assert desk.turn(converting=False) == []
    assert not desk.front_end.configured
    assert desk.readings.front_end_fault == sample.FAULT_NOT_CONFIGURED
    assert fails(desk.turn, errors.NOT_CONFIGURED)
    desk.configure()
    assert desk.turn() == QUICK


def test_a_chip_without_its_converter_is_set_up_anew(desk):
    desk.chip.registers[SYS_CTRL1] &= 0xEF
    desk.turn()
    assert not desk.front_end.configured


def test_a_chip_that_is_silent_for_five_seconds_is_looked_for_and_woken():
    desk = Desk(wake=True).configure()
    desk.chip.reset()
    desk.chip.asleep = True
    for _ in range(19):
        assert fails(desk.turn, errors.NO_ANSWER) and desk.front_end.configured
    assert fails(desk.turn, errors.NO_ANSWER) and not desk.front_end.configured
    desk.configure()
    assert desk.front_end.found.woken and desk.turn() == QUICK


def test_a_low_alert_saves_one_look_but_never_two():
    desk = Desk(alert=True).configure()
    desk.alert.level = 0
    desk.chip.reads.clear()
    assert desk.turn() == [] and desk.chip.reads == []
    assert desk.turn() == QUICK
    desk.alert.level = 1
    assert desk.turn() == QUICK and desk.turn() == QUICK


# A lost link to an upper group.


def test_a_lost_link_is_a_fault_until_it_stays_cleared_and_then_all_is_set_up_anew(desk):
    desk.turn()
    desk.chip.trip(XREADY)
    desk.chip.persistent = XREADY
    desk.chip.events.clear()
    for _ in range(40):
        assert desk.turn() == []
        assert desk.readings.front_end_fault == sample.FAULT_INTERNAL
    # Ten seconds: cleared every three, never in a hurry.
    clears = [event for event in desk.chip.events if event[0] == SYS_STAT]
    assert clears == [(SYS_STAT, XREADY)] * 3
    assert desk.front_end.link_losses == 1
    desk.chip.persistent = 0
    while desk.front_end.configured:
        desk.turn()
    assert desk.readings.front_end_fault == sample.FAULT_NOT_CONFIGURED
    desk.configure()
    assert desk.turn()[:3] == QUICK and desk.readings.front_end_fault == 0


def test_nothing_that_is_read_while_the_link_is_lost_is_believed(desk):
    desk.turn()
    before = list(desk.readings.values)
    desk.chip.trip(XREADY)
    desk.cells_mv = [0] * 15
    assert desk.turn(5) == []
    assert list(desk.readings.values) == before
