"""A front end that scans quicker than the cycle looks (BQ76942: 45 ms): still fresh or stale."""

import time

from desk import Desk

from vigil import limits
from vigil.sample import CELLS, CURRENT, stale_limit_ms

CYCLE_MS = 50


def a_desk():
    return Desk(CHIP="BQ76942", CELLS=8, current_ma=5000)


def turn_late(desk, late_us):
    """One cycle that begins so much later than it should."""
    executive = desk.bms.executive
    now_us = time.ticks_us()
    due_us = time.ticks_diff(executive._due_us, now_us)
    desk.clock.advance(max(0, due_us + late_us))
    executive.turn()


def test_no_phase_of_scan_and_cycle_makes_fresh_data_stale():
    # Every fourth cycle is late by 8.0 to 9.9 ms, which is no overrun yet: the next one can come
    # too early for another conversion. Fifty and 45 ms meet in steps of 5 ms: start between them.
    oldest_ms = 0
    for phase_us in range(0, 5000, 1000):
        desk = a_desk()
        desk.clock.advance(phase_us)
        desk.bms.executive.start()
        for count in range(160):
            if count % 4:
                desk.bms.executive.turn()
            else:
                turn_late(desk, 8000 + count * 617 % 1900)
            assert desk.tripped() == []
            for group in (CELLS, CURRENT):
                oldest_ms = max(oldest_ms, desk.bms.sample.age_ms(group))
        assert desk.bms.executive.overruns == 0
    # It has met the phase that it is about.
    assert oldest_ms > 80


def test_one_torn_reading_is_not_staleness():
    desk = a_desk()
    bench = desk.bench
    torn = 0
    for goal_mv in (3400, 3250) * 4:
        # On the way the high byte changes, at 3328 mV; the reading in which it does is torn.
        bench.set_cell_mv(3, goal_mv)
        while abs(bench.cell_mv[2] - goal_mv) > 1:
            desk.chip.tear_next_reads(1 if abs(bench.cell_mv[2] - 3328) < 25 else 0)
            desk.bms.executive.turn()
            assert desk.tripped() == []
            torn = desk.bms.front_end.torn_reads
    assert torn >= 4


def test_scans_that_stand_still_open_both_within_three_cycles():
    for phase_us in range(0, 45000, 5000):
        desk = a_desk()
        desk.clock.advance(phase_us)
        desk.run_ms(500)
        desk.chip.frozen = True
        opened_ms = desk.run_until(desk.both_off, 3 * CYCLE_MS + 5)
        assert opened_ms > CYCLE_MS
        assert limits.CELLS_STALE in desk.tripped()


def test_the_stale_limit_lies_a_cycle_below_three_of_the_longer_period():
    for period_ms in (36, 45, 63, 189):
        limit_ms = stale_limit_ms(period_ms, CYCLE_MS)
        assert limit_ms + CYCLE_MS == 3 * max(period_ms, CYCLE_MS)
