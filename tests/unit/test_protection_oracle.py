"""The oracle of the protection against sequences worked out by hand."""

from protection_oracle import Oracle

CELLS = 0
TEMPS = 1
OPEN_CHARGE = 1
OPEN_DISCHARGE = 2


def high_row(**changes):
    row = {
        "row_id": 2,
        "group": CELLS,
        "scalar": "highest",
        "direction": "above",
        "trip": 3650,
        "release": 3550,
        "trip_delay_ms": 100,
        "release_delay_ms": 200,
        "action": OPEN_CHARGE,
    }
    row.update(changes)
    return row


def low_row(**changes):
    row = {
        "row_id": 4,
        "group": CELLS,
        "scalar": "lowest",
        "direction": "below",
        "trip": 2500,
        "release": 2800,
        "trip_delay_ms": 0,
        "release_delay_ms": 0,
        "action": OPEN_DISCHARGE,
    }
    row.update(changes)
    return row


def run(oracle, *samples, group=CELLS):
    """Feeds (values, fresh_ms) one after the other; the tripped ids after each."""
    return [sorted(oracle.step({group: {"values": v, "fresh_ms": ms}})[0]) for v, ms in samples]


def test_a_value_at_the_threshold_is_not_beyond_it():
    assert run(Oracle([high_row(trip_delay_ms=0)]), ([3650, 3600], 0), ([3651, 3600], 50)) == [
        [],
        [2],
    ]
    assert run(Oracle([low_row()]), ([2500, 2600], 0), ([2499, 2600], 50)) == [[], [4]]


def test_the_first_sample_beyond_counts_no_time():
    samples = [([3700], 60), ([3700], 60), ([3700], 39), ([3700], 1)]
    assert run(Oracle([high_row()]), *samples) == [[], [], [], [2]]


def test_a_row_without_delay_trips_at_its_first_sample():
    assert run(Oracle([low_row()]), ([2400, 3000], 0)) == [[4]]


def test_cycles_without_a_fresh_sample_move_nothing():
    samples = [
        ([3700], 0),
        ([3700], None),
        ([3500], None),
        ([3700], 99),
        ([3700], None),
        ([3700], 1),
    ]
    assert run(Oracle([high_row()]), *samples) == [[], [], [], [], [], [2]]


def test_a_healthy_sample_forgets_the_time():
    samples = [([3700], 0), ([3700], 99), ([3650], 10), ([3700], 99), ([3700], 99), ([3700], 1)]
    assert run(Oracle([high_row()]), *samples) == [[], [], [], [], [], [2]]


def test_an_unknown_value_keeps_the_time_but_adds_none():
    samples = [([3700, 3300], 0), ([3700, 3300], 60), ([None, 3300], 60), ([3700, 3300], 39)]
    oracle = Oracle([high_row()])
    assert run(oracle, *samples) == [[], [], [], []]
    assert run(oracle, ([3700, 3300], 1)) == [[2]]


def test_a_sample_with_everything_unknown_is_not_beyond():
    assert run(Oracle([low_row()]), ([None, None], 0), ([None, None], 500)) == [[], []]


def test_known_values_still_trip_beside_unknown_ones():
    assert run(Oracle([low_row()]), ([None, 2400], 0)) == [[4]]


def test_release_needs_its_delay_of_good_samples():
    oracle = Oracle([high_row(trip_delay_ms=0)])
    samples = [([3700], 0), ([3550], 60), ([3550], 199), ([3550], 1)]
    assert run(oracle, *samples) == [[2], [2], [2], []]


def test_release_without_delay_happens_at_the_first_good_sample():
    assert run(Oracle([low_row()]), ([2400], 0), ([2799], 50), ([2800], 50)) == [[4], [4], []]


def test_between_release_and_trip_a_row_stays_tripped_and_starts_over():
    oracle = Oracle([high_row(trip_delay_ms=0)])
    samples = [([3700], 0), ([3550], 60), ([3550], 199), ([3551], 50), ([3550], 50), ([3550], 199)]
    assert run(oracle, *samples) == [[2]] * 6
    assert run(oracle, ([3550], 1)) == [[]]


def test_an_unknown_value_starts_the_release_over():
    oracle = Oracle([high_row(trip_delay_ms=0)])
    samples = [([3700, 3300], 0), ([3500, 3300], 60), ([3500, 3300], 199), ([3500, None], 60)]
    assert run(oracle, *samples) == [[2]] * 4
    assert run(oracle, ([3500, 3300], 199), ([3500, 3300], 199), ([3500, 3300], 1)) == [
        [2],
        [2],
        [],
    ]


def test_a_released_row_needs_its_whole_trip_delay_again():
    oracle = Oracle([high_row(release_delay_ms=0)])
    samples = [([3700], 0), ([3700], 100), ([3500], 50), ([3700], 100), ([3700], 99), ([3700], 1)]
    assert run(oracle, *samples) == [[], [2], [], [], [], [2]]


def test_changed_rows_and_actions_are_reported_in_their_own_cycle():
    oracle = Oracle([high_row(trip_delay_ms=0, release_delay_ms=0), low_row()])
    both = {CELLS: {"values": [3700, 2400], "fresh_ms": 0}}
    stale = {CELLS: {"values": [3700, 2400], "fresh_ms": None}}
    healed = {CELLS: {"values": [3300, 2400], "fresh_ms": 50}}
    assert oracle.step(both) == ({2, 4}, {2, 4}, OPEN_CHARGE | OPEN_DISCHARGE)
    assert oracle.step(stale) == ({2, 4}, set(), OPEN_CHARGE | OPEN_DISCHARGE)
    assert oracle.step(healed) == ({4}, {2}, OPEN_DISCHARGE)


def test_a_trip_remembers_where_and_what():
    oracle = Oracle([high_row(trip_delay_ms=50), low_row()])
    run(oracle, ([3300, 3700, 3690], 0), ([3300, 3710, 3710], 50), ([2400, 3900, 3300], 50))
    assert oracle.trips == {2: (2, 1, 3710), 4: (4, 0, 2400)}


def test_rows_of_other_groups_do_not_stir():
    oracle = Oracle([high_row(trip_delay_ms=0), high_row(row_id=9, group=TEMPS, trip=550)])
    assert run(oracle, ([3700], 0), group=TEMPS) == [[]]
    assert oracle.active
    assert run(oracle, ([3700], 0)) == [[2]]


def test_a_row_that_counts_time_is_active_and_an_idle_one_is_not():
    oracle = Oracle([high_row()])
    assert not oracle.active
    run(oracle, ([3700], 0))
    assert oracle.active
    run(oracle, ([3600], 50))
    assert not oracle.active


def test_either_extreme_serves_either_direction():
    """A row may ask whether even the lowest value is too high, or even the highest too low."""
    oracle = Oracle([high_row(scalar="lowest", trip_delay_ms=0)])
    assert run(oracle, ([3700, 3600], 0), ([3700, 3651], 50)) == [[], [2]]
    oracle = Oracle([low_row(scalar="highest")])
    assert run(oracle, ([2400, 2600], 0), ([2400, 2499], 50)) == [[], [4]]
