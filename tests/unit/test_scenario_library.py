"""The library proves the limit table row by row, both ways: it acts, and it lets be."""

from host_tools.prove import rows, scenario
from host_tools.prove.expectation import NO_TRIP, NOTHING_TRIPS, OPENS, WARNS

# Nothing that a scenario can ask for makes these happen on a simulated board.
CANNOT_ACT = {"current_invalid", "stack_invalid", "board_invalid"}
# What finds these is tried in tests of its own; scenarios are still to be written.
NOT_YET = {"climate_warning"}


def expectations():
    return [one for path in scenario.library() for one in scenario.load(path).expect]


def proved(kinds):
    return {cause.key for one in expectations() if one.kind in kinds for cause in one.causes}


def test_every_limit_is_seen_to_act():
    acts = proved((OPENS, WARNS))
    assert set(rows.by_key()) - acts - CANNOT_ACT <= NOT_YET
    assert not CANNOT_ACT & acts


def test_every_limit_of_a_measured_value_is_seen_to_let_be_what_only_comes_near_it():
    let_be = proved((NO_TRIP,))
    measured = {key for key, row in rows.by_key().items() if row.quantity}
    assert measured - let_be <= NOT_YET


def test_a_run_without_any_fault_trips_no_limit_at_all():
    assert any(one.kind == NOTHING_TRIPS for one in expectations())
