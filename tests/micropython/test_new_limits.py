"""Another set of limits while the BMS runs: taken over whole, or refused whole."""

from desk import Desk

from vigil import backstop_check, chemistry, journal, limits, presets, validate


def preset():
    return presets.preset(chemistry.lfp(), 16, 100000, (63, 189, 63, 189, 189), 50)


def put(table, row_id, **numbers):
    at = limits.position(row_id)
    for name in numbers:
        getattr(table, name)[at] = numbers[name]


def test_a_contradictory_set_is_refused_whole_with_every_contradiction_and_the_old_one_stays():
    desk = Desk(current_ma=10000)
    before = desk.bms.table
    rows = list(desk.bms.protection._rows)
    table = preset()
    put(table, limits.CELL_OVER_VOLTAGE, trip=4200)
    put(table, limits.CELL_UNDER_VOLTAGE, release=2000)
    put(table, limits.CHARGE_OVER_CURRENT, trip=-1, release=-2)
    # This one alone would be fine, and must not slip through with the others.
    put(table, limits.CELL_OVER_VOLTAGE_WARNING, trip=3580)
    found = {(row_id, code) for row_id, code, _, _ in desk.bms.use_limits(table)}
    assert (limits.CELL_OVER_VOLTAGE, validate.BEYOND_CHEMISTRY) in found
    assert (limits.CELL_UNDER_VOLTAGE, validate.RELEASE_BEYOND_TRIP) in found
    assert (limits.CHARGE_OVER_CURRENT, validate.WRONG_SIGN) in found
    assert desk.bms.table is before
    assert desk.bms.front_end.configured
    desk.run_ms(3000)
    assert desk.both_on()
    now = desk.bms.protection._rows
    trips = [now[at + 4] for at in range(0, len(now) - 1, limits.ROW_WORDS)]
    assert trips == [rows[at + 4] for at in range(0, len(rows) - 1, limits.ROW_WORDS)]
    desk.bench.set_cell_mv(5, 3600)
    desk.run_ms(6000)
    assert limits.CELL_OVER_VOLTAGE not in desk.tripped()


def test_an_accepted_set_protects_and_is_backed_by_the_chip():
    desk = Desk(current_ma=10000)
    table = preset()
    put(table, limits.CELL_OVER_VOLTAGE_WARNING, trip=3450, release=3400)
    put(table, limits.CELL_OVER_VOLTAGE, trip=3500, release=3420)
    put(table, limits.STACK_OVER_VOLTAGE, trip=3480 * 16, release=3430 * 16)
    assert desk.bms.use_limits(table) == []
    desk.run_ms(100)
    assert desk.both_off()
    desk.run_until(desk.both_on, 6000)
    (applied,) = [one for one in desk.bms.front_end.applied if one[0] == 1]
    assert 3510 <= applied[1] <= 3571
    desk.bench.set_cell_mv(5, 3520)
    desk.run_until(lambda: not desk.bench.true_charge, 4000)
    assert limits.CELL_OVER_VOLTAGE in desk.tripped()
    kinds = [entry.kind for entry in desk.bms.memory.journal.newest_first()]
    assert journal.LIMITS in kinds


def kinds_of(desk):
    return [entry.kind for entry in desk.bms.memory.journal.newest_first()]


def trips_noted(desk):
    """Rows of the trips in flash, newest first."""
    newest = desk.bms.memory.journal.newest_first()
    return [entry.code for entry in newest if entry.kind == journal.TRIP]


def test_a_front_end_that_is_set_up_anew_for_other_limits_is_no_trip_in_the_journal():
    desk = Desk(current_ma=10000)
    trips = desk.bms.memory.trips
    for _ in range(3):
        assert desk.bms.use_limits(preset()) == []
        desk.run_ms(100)
        assert desk.both_off() and desk.tripped()
        desk.run_ms(20000)
        assert desk.both_on()
    assert kinds_of(desk).count(journal.LIMITS) == 3
    assert trips_noted(desk) == [] and desk.bms.memory.trips == trips


def test_a_front_end_that_dies_while_it_is_set_up_anew_is_in_the_journal():
    desk = Desk(current_ma=10000)
    assert desk.bms.use_limits(preset()) == []
    desk.chip.answering = False
    desk.run_ms(30000)
    desk.chip.answering = True
    desk.run_ms(30000)
    assert limits.FRONT_END_SILENT in trips_noted(desk)
    assert limits.CELLS_STALE in trips_noted(desk)


def test_what_has_nothing_to_do_with_it_is_in_the_journal_however_short():
    desk = Desk(current_ma=10000)
    assert desk.bms.use_limits(preset()) == []
    desk.twin.hands.open_interlock()
    desk.run_ms(300)
    desk.twin.hands.clear()
    desk.run_ms(30000)
    assert trips_noted(desk) == [limits.INTERLOCK_OPEN]


def test_what_has_tripped_stays_tripped_under_new_limits_until_it_releases():
    desk = Desk(current_ma=10000)
    desk.bench.set_cell_mv(5, 3700)
    desk.run_until(lambda: not desk.bench.true_charge, 5000)
    # The cell is within the new trip, but has not come down to the release.
    desk.bench.set_cell_mv(5, 3500)
    desk.run_ms(2000)
    assert desk.bms.use_limits(preset()) == []
    desk.run_ms(8000)
    assert not desk.bench.true_charge and desk.bench.true_discharge
    assert limits.CELL_OVER_VOLTAGE in desk.tripped()


def test_limits_that_the_front_end_cannot_guard_are_refused():
    desk = Desk()
    table = preset()
    # 1000 A across half a milliohm is beyond every comparator.
    put(table, limits.CHARGE_OVER_CURRENT, trip=800000, release=700000)
    put(table, limits.CHARGE_OVER_CURRENT_SEVERE, trip=1000000, release=900000)
    assert (0, backstop_check.BACKSTOP_IMPOSSIBLE, 0, 0) in desk.bms.use_limits(table)
    assert desk.bms.front_end.configured


def test_a_limit_that_the_current_would_never_be_seen_to_reach_is_refused():
    desk = Desk()
    before = desk.bms.table
    table = preset()
    # 200 mV across half a milliohm.
    put(table, limits.CHARGE_OVER_CURRENT_SEVERE, trip=410000, release=380000)
    assert desk.bms.use_limits(table) == [
        (limits.CHARGE_OVER_CURRENT_SEVERE, backstop_check.BEYOND_MEASUREMENT, 410000, 400000)
    ]
    assert desk.bms.table is before


_STALE_MS = (
    (limits.CELLS_STALE, 63 + 50),
    (limits.TEMPS_STALE, 189 + 50),
    (limits.CURRENT_STALE, 63 + 50),
    (limits.STACK_STALE, 189 + 50),
    (limits.BOARD_STALE, 189 + 50),
    (limits.FRONT_END_SILENT, 50),
)


def test_data_that_would_be_stale_in_good_health_are_refused_as_a_limit():
    desk = Desk()
    before = desk.bms.table
    table = preset()
    for row_id, least_ms in _STALE_MS:
        put(table, row_id, trip=least_ms - 1, release=least_ms - 1)
    assert sorted(desk.bms.use_limits(table)) == sorted(
        [
            (row_id, backstop_check.STALE_TOO_SOON, least_ms - 1, least_ms)
            for row_id, least_ms in _STALE_MS
        ]
    )
    assert desk.bms.table is before


def test_the_soonest_that_data_may_be_stale_lets_a_healthy_pack_run():
    desk = Desk(current_ma=10000)
    table = preset()
    for row_id, least_ms in _STALE_MS:
        put(table, row_id, trip=least_ms, release=least_ms)
    assert desk.bms.use_limits(table) == []
    # The front end is set up anew first.
    desk.run_ms(100)
    desk.run_until(desk.both_on, 6000)
    for _ in range(400):
        desk.run_ms(50)
        assert not desk.tripped() and desk.both_on()
