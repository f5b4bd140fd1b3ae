"""Read, judge and act allocate nothing: both proofs, on the real driver over a canned bus.

The one exception is a failed transfer: the port itself raises OSError, and every raise costs a
traceback. That is bounded and given back at the next collection, which is proved as well.
Run by tests/unit/test_no_allocation.py; prints the counts and "ok".
"""

import gc
import sys

import micropython
from canned_bus import CannedBus, Line

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from vigil import limits
from vigil.afe.bq76952 import Bq76952
from vigil.app import Bms
from vigil.sample import (
    CELLS_DOUBT,
    DOUBT_JUMP,
    DOUBT_LEAD,
    DOUBT_RAIL,
    DOUBT_RATE,
    DOUBT_SUM,
    HEALTH_FIRST,
)

CYCLES = int(sys.argv[1]) if len(sys.argv) > 1 else 2000


class Contact:
    """A pin that somebody moves."""

    level = 0

    def value(self):
        return self.level


class Board:
    name = "canned"
    device_name = b"canned"
    chemistry = "LFP"
    capacity_mah = 100000
    links = ()
    watchdog = None
    interlock = Contact()
    emergency = Contact()


def story(bus, cycle, bms=None, now_ms=0):
    """Trips, recoveries, doubts, single failures and a long silence, one after the other."""
    phase = cycle % 1000
    bus.cell_mv[4] = 3720 if 100 <= phase < 180 else 3300
    bus.cell_mv[0] = 2400 if 300 <= phase < 380 else 3300
    # What is not believed: a stack of its own, neighbours that mirror each other, a jump, a rail.
    bus.stack_error_mv = 1500 if 400 <= phase < 420 else 0
    bus.cell_mv[8] = 3000 if 20 <= phase < 40 else 3300
    bus.cell_mv[9] = 3600 if 20 <= phase < 40 else 3300
    bus.cell_mv[12] = 0 if 430 <= phase < 440 or phase == 450 else 3300
    # A sensor that has raced is not believed for a minute.
    bus.tenth_k = 3300 if 410 <= phase < 420 and cycle // 1000 % 4 == 2 else 2981
    if bms is not None and phase % 50 == 0:
        # Between two cycles a flash write may have been planned.
        bms.sample.extend_once(400, now_ms)
    Board.interlock.level = 0 if 420 <= phase < 440 else 1
    bus.fail = phase in (500, 520, 521) or 600 <= phase < 640
    bus.frozen = 700 <= phase < 740
    bus.corrupt = 800 <= phase < 805
    bus.prepare()


def main():
    fake_time.use(VirtualClock())
    bus = CannedBus()
    board = Board()
    board.front_end = Bq76952(bus, Line(), cells=16, temps=3, shunt_uohm=500)
    board.front_end.configured = True
    bms = Bms(board)
    bms.bring_up_tried = True
    bms.sample.start(0)
    bms.switches.permit()
    now_ms = 0
    # Warm up: everything has run once.
    for cycle in range(1000):
        story(bus, cycle, bms, now_ms)
        now_ms += 50
        bms.cycle(now_ms)
    trips = bms.protection.trips
    doubts = [0, 0, 0, 0]
    health = bms.sample.health
    allocated = 0
    most_by_failure = 0
    failures = 0
    gc.collect()
    gc.disable()
    kept_before = gc.mem_alloc()
    for cycle in range(CYCLES):
        story(bus, cycle, bms, now_ms)
        now_ms += 50
        errors = bms.read_errors
        before = gc.mem_alloc()
        bms.cycle(now_ms)
        cost = gc.mem_alloc() - before
        for group in range(4):
            doubts[group] |= health[CELLS_DOUBT - HEALTH_FIRST + group]
        if bms.read_errors == errors:
            allocated += cost
        else:
            failures += 1
            most_by_failure = max(most_by_failure, cost)
        if cycle % 100 == 99:
            gc.collect()
    gc.enable()
    gc.collect()
    assert allocated == 0, "%d bytes were allocated" % allocated
    assert failures >= 40 * (CYCLES // 1000), "the bus did not fail"
    assert most_by_failure <= 2048, "a failed cycle took %d bytes" % most_by_failure
    assert gc.mem_alloc() - kept_before < 1024, "memory is not given back"
    assert bms.protection.trips - trips >= 8 * (CYCLES // 1000), "the story did not trip"
    assert bms.switches.changes > 20
    every = DOUBT_SUM | DOUBT_JUMP | DOUBT_RAIL | DOUBT_LEAD
    assert doubts[0] == every and doubts[3] == DOUBT_SUM, doubts
    assert CYCLES < 4000 or doubts[1] == DOUBT_RATE, doubts
    # The same under lock, where any allocation raises.
    for cycle in range(1000):
        story(bus, cycle, bms, now_ms)
        now_ms += 50
        micropython.heap_lock()
        try:
            bms.cycle(now_ms)
        finally:
            micropython.heap_unlock()
    assert bms.protection.actions & limits.OPEN_BOTH == 0
    print("cycles", CYCLES, "bytes", allocated, "trips", bms.protection.trips - trips)
    print("failed cycles", failures, "most bytes in one", most_by_failure)
    print("ok")


main()
