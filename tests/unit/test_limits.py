"""The limit table: complete, compiled as meant, and refused with a reason when it contradicts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.contradictions import problem_sentence
from vigil import backstop_check, chemistry, limits, presets, sample, validate

PERIODS_MS = (63, 189, 63, 189, 189)


def table(cells=16, capacity_mah=100000, name="LFP"):
    return presets.preset(chemistry.by_name(name), cells, capacity_mah, PERIODS_MS, 50)


def problems(broken):
    return validate.problems(broken, chemistry.lfp(), 16)


def codes(broken):
    return {(row_id, code) for row_id, code, _, _ in problems(broken)}


def put(broken, row_id, **numbers):
    at = limits.position(row_id)
    for name, value in numbers.items():
        getattr(broken, name)[at] = value


@pytest.mark.parametrize("name", chemistry.NAMES)
@pytest.mark.parametrize("cells", range(3, 25))
@pytest.mark.parametrize("capacity_mah", [1000, 20000, 1000000])
def test_no_preset_contradicts_itself(name, cells, capacity_mah):
    made = table(cells, capacity_mah, name)
    assert validate.problems(made, chemistry.by_name(name), cells) == []


def test_row_ids_are_unique_and_every_named_row_is_in_the_table():
    ids = [row[limits.ID] for row in limits.TABLE]
    assert sorted(ids) == list(range(1, len(ids) + 1))


def test_every_group_has_a_row_for_stale_and_for_invalid_data():
    groups = {row[limits.GROUP] for row in limits.TABLE}
    for group in range(sample.GROUPS):
        assert sample.CELLS_AGE + group in groups
        assert sample.CELLS_UNKNOWN + group in groups


def test_rows_for_unknown_data_open_both_switches():
    for row in limits.TABLE:
        if sample.CELLS_AGE <= row[limits.GROUP] <= sample.FAULT:
            assert row[limits.ACTION] == limits.OPEN_BOTH


def test_a_row_latches_exactly_when_its_owner_has_to_release_it():
    for row in limits.TABLE:
        latches = bool(row[limits.ACTION] & limits.LATCH)
        assert latches == (row[limits.RECOVERY] == limits.BY_OWNER)


def test_of_a_kind_the_graver_row_comes_first():
    for graver, milder in (
        (limits.CELL_OVER_VOLTAGE_SEVERE, limits.CELL_OVER_VOLTAGE),
        (limits.CELL_UNDER_VOLTAGE_SEVERE, limits.CELL_UNDER_VOLTAGE),
        (limits.CHARGE_OVER_CURRENT_SEVERE, limits.CHARGE_OVER_CURRENT),
        (limits.DISCHARGE_OVER_CURRENT_SEVERE, limits.DISCHARGE_OVER_CURRENT),
    ):
        assert limits.position(graver) < limits.position(milder)


def test_a_lower_limit_is_compiled_inverted():
    rows = table().compile()
    at = limits.position(limits.CELL_UNDER_VOLTAGE) * limits.ROW_WORDS
    lowest, unknowns = sample.GROUPS_AT + sample.LOWEST, sample.GROUPS_AT + sample.UNKNOWNS
    expected = [lowest, -2501, 0, 0, -2501, -2951, unknowns * 4, 2000, 10000, 2 | limits.ACTIVE]
    assert list(rows[at : at + limits.ROW_WORDS]) == expected


# (row, its numbers, the code, the bound that the problem names)
CONTRADICTIONS = [
    (limits.CELL_OVER_VOLTAGE, {"release": 3651}, validate.RELEASE_BEYOND_TRIP, 3650),
    (limits.CELL_UNDER_VOLTAGE, {"release": 2499}, validate.RELEASE_BEYOND_TRIP, 2500),
    (limits.CELL_OVER_VOLTAGE, {"release": 3650}, validate.HYSTERESIS_TOO_SMALL, 20),
    (limits.CELL_OVER_VOLTAGE, {"release": 3631}, validate.HYSTERESIS_TOO_SMALL, 20),
    (limits.STACK_OVER_VOLTAGE, {"release": 57300}, validate.HYSTERESIS_TOO_SMALL, 320),
    (limits.CHARGE_OVER_TEMPERATURE, {"release": 431}, validate.HYSTERESIS_TOO_SMALL, 20),
    (limits.CHARGE_OVER_CURRENT, {"release": 59000}, validate.HYSTERESIS_TOO_SMALL, 1200),
    (limits.DISCHARGE_OVER_CURRENT, {"release": -120000}, validate.HYSTERESIS_TOO_SMALL, 2400),
    (limits.CELL_OVER_VOLTAGE, {"trip": 3651}, validate.BEYOND_CHEMISTRY, 3650),
    (limits.CELL_UNDER_VOLTAGE, {"trip": 1999}, validate.BEYOND_CHEMISTRY, 2000),
    (limits.STACK_OVER_VOLTAGE, {"trip": 3651 * 16}, validate.BEYOND_CHEMISTRY, 3650 * 16),
    (limits.CHARGE_UNDER_TEMPERATURE, {"trip": -1}, validate.BEYOND_CHEMISTRY, 0),
    (limits.DISCHARGE_OVER_TEMPERATURE, {"trip": 601}, validate.BEYOND_CHEMISTRY, 600),
    (limits.CELL_OVER_VOLTAGE_WARNING, {"trip": 3650}, validate.WARNING_BEYOND_TRIP, 3650),
    (limits.CELL_UNDER_VOLTAGE_WARNING, {"trip": 2500}, validate.WARNING_BEYOND_TRIP, 2500),
    (limits.CELL_OVER_VOLTAGE, {"trip_delay_ms": -1}, validate.DELAY_OUT_OF_RANGE, 0),
    (limits.CELL_OVER_VOLTAGE, {"trip_delay_ms": 30001}, validate.DELAY_OUT_OF_RANGE, 30000),
    (limits.CELLS_INVALID, {"trip_delay_ms": 2001}, validate.DELAY_OUT_OF_RANGE, 2000),
    (limits.STACK_STALE, {"release_delay_ms": 1 << 23}, validate.DELAY_OUT_OF_RANGE, 3600000),
    (limits.CHARGE_OVER_CURRENT, {"release_delay_ms": 5}, validate.RELEASE_DELAY_TOO_SHORT, 1000),
    (limits.CHARGE_OVER_CURRENT, {"trip": -5, "release": -6}, validate.WRONG_SIGN, 0),
    (limits.CHARGE_OVER_CURRENT, {"release": -1}, validate.WRONG_SIGN, 0),
    (limits.DISCHARGE_OVER_CURRENT, {"trip": 5, "release": 6}, validate.WRONG_SIGN, 0),
    (limits.DISCHARGE_OVER_CURRENT, {"trip": -400000}, validate.SHORT_CIRCUIT_TOO_LOW, -400000),
    (limits.CELL_OVER_VOLTAGE_SEVERE, {"trip": 3901}, validate.BEYOND_CHEMISTRY, 3900),
    (limits.CELL_UNDER_VOLTAGE_SEVERE, {"trip": 1499}, validate.BEYOND_CHEMISTRY, 1500),
    (limits.CELL_OVER_VOLTAGE, {"trip": 3800}, validate.SEVERE_TOO_NEAR, 3800),
    (limits.CELL_UNDER_VOLTAGE, {"trip": 1800}, validate.SEVERE_TOO_NEAR, 1800),
    (limits.CHARGE_OVER_CURRENT, {"trip": 100000}, validate.SEVERE_TOO_NEAR, 100000),
    (limits.DISCHARGE_OVER_CURRENT, {"trip": -200000}, validate.SEVERE_TOO_NEAR, -200000),
    (
        limits.DISCHARGE_OVER_CURRENT_SEVERE,
        {"trip_delay_ms": 1001},
        validate.DELAY_OUT_OF_RANGE,
        1000,
    ),
    (limits.BOARD_TEMPERATURE_WARNING, {"trip": 850}, validate.WARNING_BEYOND_TRIP, 850),
    (limits.BOARD_OVER_TEMPERATURE, {"trip": 8500}, validate.NUMBER_OUT_OF_RANGE, 1500),
    (limits.CELL_IMBALANCE, {"trip": 19}, validate.NUMBER_OUT_OF_RANGE, 20),
    (limits.THERMAL_RUNAWAY, {"trip": 2}, validate.NUMBER_OUT_OF_RANGE, 1),
    (limits.RUNAWAY_WARNING, {"trip": 1}, validate.WARNING_BEYOND_TRIP, 1),
    (limits.CELL_OVER_VOLTAGE, {"release": 2900}, validate.OVER_UNDER_CROSSED, 2950),
    (limits.STACK_STALE, {"trip": 1 << 29}, validate.NUMBER_OUT_OF_RANGE, 10000),
    (limits.CELLS_STALE, {"trip": 0}, validate.NUMBER_OUT_OF_RANGE, 1),
    (limits.TEMPS_STALE, {"trip": 15001}, validate.NUMBER_OUT_OF_RANGE, 15000),
    (limits.BOARD_STALE, {"trip": 15001}, validate.NUMBER_OUT_OF_RANGE, 15000),
    (limits.BOARD_INVALID, {"trip_delay_ms": 5001}, validate.DELAY_OUT_OF_RANGE, 5000),
    (limits.CELL_OVER_VOLTAGE, {"trip": 36500}, validate.NUMBER_OUT_OF_RANGE, 6000),
    (limits.CELL_UNDER_VOLTAGE, {"trip": 3}, validate.NUMBER_OUT_OF_RANGE, 500),
    (limits.CHARGE_OVER_TEMPERATURE, {"trip": 45000}, validate.NUMBER_OUT_OF_RANGE, 1500),
    (limits.CELLS_INVALID, {"trip": 1}, validate.NUMBER_OUT_OF_RANGE, 0),
    (limits.STACK_OVER_VOLTAGE, {"trip": 3650 * 16 + 1}, validate.STACK_CONTRADICTS_CELLS, 58400),
    (limits.STACK_OVER_VOLTAGE, {"trip": 3600 * 15}, validate.STACK_CONTRADICTS_CELLS, 55200),
    (limits.STACK_UNDER_VOLTAGE, {"trip": 39999}, validate.STACK_CONTRADICTS_CELLS, 40000),
    (limits.STACK_UNDER_VOLTAGE, {"trip": 47201}, validate.STACK_CONTRADICTS_CELLS, 47200),
    (limits.CHARGE_OVER_TEMPERATURE, {"trip": 601}, validate.CHARGE_WINDOW_TOO_WIDE, 600),
    (limits.CHARGE_UNDER_TEMPERATURE, {"trip": -201}, validate.CHARGE_WINDOW_TOO_WIDE, -200),
    (
        limits.STACK_STALE,
        {"trip": 0, "release": 0, "trip_delay_ms": 0, "release_delay_ms": 0},
        validate.MISSING_ROW,
        0,
    ),
]


def named(broken, row_id, code):
    """Bounds of the problems of this kind."""
    return [problem[3] for problem in problems(broken) if problem[:2] == (row_id, code)]


@pytest.mark.parametrize("row_id, numbers, code, bound", CONTRADICTIONS)
def test_a_contradiction_is_named_with_its_row_and_what_it_contradicts(
    row_id, numbers, code, bound
):
    broken = table()
    put(broken, row_id, **numbers)
    assert bound in named(broken, row_id, code)


@pytest.mark.parametrize("delay_us", [-1, 1001])
def test_a_short_circuit_that_would_be_cut_too_late_is_named(delay_us):
    broken = table()
    broken.short_circuit_delay_us = delay_us
    assert codes(broken) == {(limits.DISCHARGE_OVER_CURRENT, validate.SHORT_CIRCUIT_TOO_SLOW)}


def test_a_short_circuit_within_the_over_current_is_named():
    broken = table()
    broken.short_circuit_ma = -200000
    severe = limits.DISCHARGE_OVER_CURRENT_SEVERE
    assert codes(broken) == {(severe, validate.SHORT_CIRCUIT_TOO_LOW)}


def test_a_table_without_one_of_its_rows_is_refused():
    kept = limits.TABLE
    made = table()
    try:
        at = limits.position(limits.CELL_UNDER_VOLTAGE)
        limits.TABLE = kept[:at] + kept[at + 1 :]
        assert (limits.CELL_UNDER_VOLTAGE, validate.MISSING_ROW) in codes(made)
    finally:
        limits.TABLE = kept


def test_limits_of_another_number_of_cells_are_refused():
    made = table(cells=15)
    for cells in (8, 10, 14, 16, 17):
        rows = {problem[0] for problem in validate.problems(made, chemistry.lfp(), cells)}
        assert rows & {limits.STACK_OVER_VOLTAGE, limits.STACK_UNDER_VOLTAGE}


@pytest.mark.parametrize("name", chemistry.NAMES)
@pytest.mark.parametrize("other", chemistry.NAMES)
def test_limits_of_a_cell_that_goes_higher_are_refused(name, other):
    made, known = table(16, 100000, name), chemistry.by_name(other)
    refused = bool(validate.problems(made, known, 16))
    assert refused or known.cell_maximum_mv >= chemistry.by_name(name).cell_maximum_mv


def test_every_code_has_a_test():
    tested = {code for _, _, code, _ in CONTRADICTIONS} | {
        validate.LATCH_MUST_OPEN_BOTH,
        backstop_check.BACKSTOP_TIGHTER,
        validate.SHORT_CIRCUIT_TOO_SLOW,
        backstop_check.BACKSTOP_IMPOSSIBLE,  # tests/micropython/test_new_limits.py
        backstop_check.BEYOND_MEASUREMENT,
    }
    assert tested == set(range(1, 20))


def test_a_current_limit_beyond_what_can_be_measured_is_refused_in_either_direction():
    made = table()
    assert backstop_check.unmeasurable(made, 200000) == []
    put(made, limits.CHARGE_OVER_CURRENT_SEVERE, trip=200001)
    beyond = backstop_check.BEYOND_MEASUREMENT
    assert backstop_check.unmeasurable(made, 199999) == [
        (limits.CHARGE_OVER_CURRENT_SEVERE, beyond, 200001, 199999),
        (
            limits.DISCHARGE_OVER_CURRENT_SEVERE,
            backstop_check.BEYOND_MEASUREMENT,
            -200000,
            -199999,
        ),
    ]


@given(
    st.sampled_from([row[limits.ID] for row in limits.TABLE]),
    st.sampled_from(["trip", "release", "trip_delay_ms", "release_delay_ms"]),
    st.integers(-(1 << 31), (1 << 31) - 1),
)
def test_whatever_number_stands_in_a_row_the_answer_is_a_list_of_problems(row_id, name, number):
    broken = table()
    put(broken, row_id, **{name: number})
    for problem in problems(broken):
        assert len(problem) == 4
        assert problem_sentence(*problem).endswith(".")


def test_every_contradiction_is_named_not_just_the_first():
    broken = table()
    put(broken, limits.CELL_OVER_VOLTAGE, trip=4200)
    put(broken, limits.CHARGE_OVER_CURRENT, trip=-1, release=-2)
    assert len(codes(broken)) >= 2


def test_a_row_that_latches_must_open_both():
    kept = limits.TABLE
    at = limits.position(limits.CELL_OVER_VOLTAGE)
    row = list(kept[at])
    row[limits.ACTION] = limits.OPEN_CHARGE | limits.LATCH
    try:
        limits.TABLE = (*kept[:at], tuple(row), *kept[at + 1 :])
        assert (limits.CELL_OVER_VOLTAGE, validate.LATCH_MUST_OPEN_BOTH) in codes(table())
    finally:
        limits.TABLE = kept


# What a front end can see by itself, and the rows of the same meaning: it backs both levels of a
# current, and of a cell the one that comes first.
BACKED = {
    limits.BACKSTOP_CELL_OVER_VOLTAGE: [limits.CELL_OVER_VOLTAGE],
    limits.BACKSTOP_CELL_UNDER_VOLTAGE: [limits.CELL_UNDER_VOLTAGE],
    limits.BACKSTOP_CHARGE_CURRENT: [
        limits.CHARGE_OVER_CURRENT_SEVERE,
        limits.CHARGE_OVER_CURRENT,
    ],
    limits.BACKSTOP_DISCHARGE_CURRENT: [
        limits.DISCHARGE_OVER_CURRENT_SEVERE,
        limits.DISCHARGE_OVER_CURRENT,
    ],
    limits.BACKSTOP_CHARGE_OVER_TEMPERATURE: [limits.CHARGE_OVER_TEMPERATURE],
    limits.BACKSTOP_CHARGE_UNDER_TEMPERATURE: [limits.CHARGE_UNDER_TEMPERATURE],
    limits.BACKSTOP_DISCHARGE_OVER_TEMPERATURE: [limits.DISCHARGE_OVER_TEMPERATURE],
    limits.BACKSTOP_DISCHARGE_UNDER_TEMPERATURE: [limits.DISCHARGE_UNDER_TEMPERATURE],
    limits.BACKSTOP_BOARD_OVER_TEMPERATURE: [limits.BOARD_OVER_TEMPERATURE],
}


@pytest.mark.parametrize("name", chemistry.NAMES)
def test_the_front_end_is_asked_to_guard_all_that_it_can_and_nothing_else(name):
    made = table(name=name)
    expected = [(limits.BACKSTOP_SHORT_CIRCUIT, made.short_circuit_ma, 100, 0)]
    for backstop, row_ids in BACKED.items():
        for row_id in row_ids:
            at = limits.position(row_id)
            expected.append(
                (backstop, made.trip[at], made.trip_delay_ms[at], made.release[at]),
            )
    assert sorted(made.backstop_requests()) == sorted(expected)


def test_a_backstop_that_is_not_wider_than_asked_is_found():
    requests = table().backstop_requests()
    tight = [(request[0], request[1], request[2]) for request in requests]
    found = backstop_check.backstop_problems(requests, tight)
    assert {row for row, _, _, _ in found} == {request[0] for request in requests}


def applied_instead(backstop, trip, delay_ms):
    """Problems of the presets' requests with one backstop applied like this."""
    requests = table().backstop_requests()
    return backstop_check.backstop_problems(requests, [(backstop, trip, delay_ms)])


@pytest.mark.parametrize(
    "backstop, trip, delay_ms, fits",
    [
        (limits.BACKSTOP_CELL_OVER_VOLTAGE, 3660, 1500, True),
        (limits.BACKSTOP_CELL_OVER_VOLTAGE, 3660, 999, False),
        (limits.BACKSTOP_CELL_OVER_VOLTAGE, 3750, 999, True),
        (limits.BACKSTOP_CELL_UNDER_VOLTAGE, 2490, 2750, True),
        (limits.BACKSTOP_CELL_UNDER_VOLTAGE, 2510, 2750, False),
        (limits.BACKSTOP_CELL_UNDER_VOLTAGE, 2401, 20, False),
        (limits.BACKSTOP_DISCHARGE_CURRENT, -125000, 12750, True),
        (limits.BACKSTOP_DISCHARGE_CURRENT, -125000, 400, False),
        (limits.BACKSTOP_DISCHARGE_CURRENT, -150000, 400, True),
        (limits.BACKSTOP_CHARGE_CURRENT, 59999, 9000, False),
    ],
)
def test_a_backstop_acts_later_than_the_software_or_clearly_further_out(
    backstop, trip, delay_ms, fits
):
    assert (applied_instead(backstop, trip, delay_ms) == []) == fits


def test_an_unknown_row_is_an_error():
    with pytest.raises(KeyError):
        table().set(999, 0, 0, 0, 0)
