"""The library proves the limit table row by row, both ways: it acts, and it lets be."""

from host_tools.prove import rows, scenario
from host_tools.prove.expectation import NO_TRIP, NOTHING_TRIPS, OPENS, WARNS

# Every word that the current register of a simulated front end can hold is a current, and a limit
# that lies beyond what it can tell is refused; tests/micropython/test_every_row.py shows the row.
CANNOT_ACT = {"current_invalid"}


def expectations():
    return [one for path in scenario.library() for one in scenario.load(path).expect]


def proved(kinds):
    return {cause.key for one in expectations() if one.kind in kinds for cause in one.causes}


def test_every_limit_is_seen_to_act():
    acts = proved((OPENS, WARNS))
    assert set(rows.by_key()) - acts == CANNOT_ACT


def test_every_limit_of_a_measured_value_is_seen_to_let_be_what_only_comes_near_it():
    let_be = proved((NO_TRIP,))
    measured = {key for key, row in rows.by_key().items() if row.quantity}
    assert measured <= let_be


def test_a_run_without_any_fault_trips_no_limit_at_all():
    assert any(one.kind == NOTHING_TRIPS for one in expectations())
