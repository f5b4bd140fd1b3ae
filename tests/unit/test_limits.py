"""The limit table: complete, compiled as meant, and refused with a reason when it contradicts."""

import pytest

from vigil import chemistry, limits, presets, sample, validate

PERIODS_MS = (63, 189, 63, 189)


def table(cells=16, capacity_mah=100000):
    return presets.preset(chemistry.lfp(), cells, capacity_mah, PERIODS_MS, 50)


def codes(broken):
    return {(row, code) for row, code, _ in validate.problems(broken, chemistry.lfp(), 16)}


def put(broken, row_id, **numbers):
    at = limits.position(row_id)
    for name, value in numbers.items():
        getattr(broken, name)[at] = value


@pytest.mark.parametrize("cells", range(3, 25))
def test_the_preset_is_without_contradiction_for_every_cell_count(cells):
    assert validate.problems(table(cells), chemistry.lfp(), cells) == []


def test_row_ids_are_unique_and_every_named_row_is_in_the_table():
    ids = [row[limits.ID] for row in limits.TABLE]
    assert sorted(ids) == list(range(1, len(ids) + 1))


def test_every_group_has_a_row_for_stale_and_for_invalid_data():
    groups = {row[limits.GROUP] for row in limits.TABLE}
    for group in (sample.CELLS, sample.TEMPS, sample.CURRENT, sample.STACK):
        assert sample.CELLS_AGE + group in groups
        assert sample.CELLS_UNKNOWN + group in groups


def test_rows_for_unknown_data_open_both_switches():
    for row in limits.TABLE:
        if sample.CELLS_AGE <= row[limits.GROUP] <= sample.FAULT:
            assert row[limits.ACTION] == limits.OPEN_BOTH


def test_a_lower_limit_is_compiled_inverted():
    rows = table().compile()
    at = limits.position(limits.CELL_UNDER_VOLTAGE) * limits.ROW_WORDS
    lowest, unknowns = sample.GROUPS_AT + sample.LOWEST, sample.GROUPS_AT + sample.UNKNOWNS
    expected = [lowest, -2501, 0, 0, -2501, -2951, unknowns * 4, 2000, 10000, 2 | limits.ACTIVE]
    assert list(rows[at : at + limits.ROW_WORDS]) == expected


@pytest.mark.parametrize(
    "row_id, numbers, code",
    [
        (limits.CELL_OVER_VOLTAGE, {"release": 3651}, validate.RELEASE_BEYOND_TRIP),
        (limits.CELL_OVER_VOLTAGE, {"release": 3650}, validate.RELEASE_BEYOND_TRIP),
        (limits.CELL_UNDER_VOLTAGE, {"release": 2499}, validate.RELEASE_BEYOND_TRIP),
        (limits.CELL_OVER_VOLTAGE, {"trip": 3651}, validate.BEYOND_CHEMISTRY),
        (limits.CELL_UNDER_VOLTAGE, {"trip": 1999}, validate.BEYOND_CHEMISTRY),
        (limits.STACK_OVER_VOLTAGE, {"trip": 3651 * 16}, validate.BEYOND_CHEMISTRY),
        (limits.CHARGE_UNDER_TEMPERATURE, {"trip": -1}, validate.BEYOND_CHEMISTRY),
        (limits.DISCHARGE_OVER_TEMPERATURE, {"trip": 601}, validate.BEYOND_CHEMISTRY),
        (limits.CELL_OVER_VOLTAGE_WARNING, {"trip": 3650}, validate.WARNING_BEYOND_TRIP),
        (limits.CELL_UNDER_VOLTAGE_WARNING, {"trip": 2500}, validate.WARNING_BEYOND_TRIP),
        (limits.CELL_OVER_VOLTAGE, {"trip_delay_ms": -1}, validate.DELAY_OUT_OF_RANGE),
        (limits.STACK_STALE, {"release_delay_ms": 1 << 23}, validate.DELAY_OUT_OF_RANGE),
        (limits.CHARGE_OVER_CURRENT, {"trip": -5, "release": -6}, validate.WRONG_SIGN),
        (limits.DISCHARGE_OVER_CURRENT, {"trip": 5, "release": 6}, validate.WRONG_SIGN),
        (limits.DISCHARGE_OVER_CURRENT, {"trip": -400000}, validate.BACKSTOP_TIGHTER),
        (limits.CELL_OVER_VOLTAGE, {"release": 2900}, validate.OVER_UNDER_CROSSED),
        (limits.STACK_STALE, {"trip": 1 << 29}, validate.NOT_A_NUMBER_OF_THE_TABLE),
    ],
)
def test_a_contradiction_is_named_with_its_row(row_id, numbers, code):
    broken = table()
    put(broken, row_id, **numbers)
    assert (row_id, code) in codes(broken)


def test_every_contradiction_is_named_not_just_the_first():
    broken = table()
    put(broken, limits.CELL_OVER_VOLTAGE, trip=4200)
    put(broken, limits.CHARGE_OVER_CURRENT, trip=-1, release=-2)
    assert len(codes(broken)) >= 2


def test_a_row_that_latches_must_open_both():
    kept = limits.TABLE
    row = list(kept[limits.position(limits.CELL_OVER_VOLTAGE)])
    row[limits.ACTION] = limits.OPEN_CHARGE | limits.LATCH
    try:
        limits.TABLE = (*kept[:1], tuple(row), *kept[2:])
        assert (limits.CELL_OVER_VOLTAGE, validate.LATCH_MUST_OPEN_BOTH) in codes(table())
    finally:
        limits.TABLE = kept


def test_a_backstop_that_is_not_wider_than_asked_is_found():
    requests = table().backstop_requests()
    tight = [(request[0], request[1], request[2]) for request in requests]
    found = validate.backstop_problems(requests, tight)
    assert {row for row, _, _ in found} == {request[0] for request in requests}


def test_an_unknown_row_is_an_error():
    with pytest.raises(KeyError):
        table().set(999, 0, 0, 0, 0)
