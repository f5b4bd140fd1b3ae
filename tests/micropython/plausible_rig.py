"""Cells, stack, temperatures and current by script, scanned at different moments as a chip does.

Three scans of cells and current make one of stack and temperatures; the stack is converted in the
first of the three and told with the last.
"""

from vigil.plausible import Plausibility
from vigil.sample import (
    BUS_FAILURES,
    CELL_SPREAD,
    CELLS,
    CELLS_DOUBT,
    CURRENT,
    CURRENT_DOUBT,
    HEALTH_FIRST,
    STACK,
    STACK_DOUBT,
    TEMP_SPREAD,
    TEMPS,
    TEMPS_DOUBT,
    Sample,
)

PERIODS_MS = (63, 189, 63, 189, 189)
CAPACITY_MAH = 100000
OHM_MV_A_C = 40  # what a current of the capacity an hour makes of one cell


class FrontEnd:
    """Of a front end only what its own test for open leads says."""

    def __init__(self):
        self.open_lead_seen = False


class PlausibleRig:
    """true_mv: the cells at no current. shown: {cell: mV} added to what the chip shows."""

    def __init__(self, cells=16, temps=3, settle=True):
        self.sample = Sample(cells, temps, PERIODS_MS, 50)
        self.front_end = FrontEnd()
        self.plausibility = Plausibility(self.sample, self.front_end, CAPACITY_MAH, 50)
        self.true_mv = [3300] * cells
        self.temps_dc = [250] * temps
        self.current_ma = 0
        self.shown = {}
        self.stack_error_mv = 0
        self.late_cells = 0  # so many of the upper ones show the current of the scan before
        self._last_ma = 0
        self.shown_current = None  # a function of the true current
        self.now_ms = 0x3FFFFF00  # the clock wraps soon
        self.loop = 0
        self.after_scan = None  # called after every scan: what happens next
        self._stack_mv = 0
        self.sample.start(self.now_ms)
        if settle:
            self.run_ms(4000)

    def run_ms(self, ms):
        for _ in range(ms // PERIODS_MS[CELLS] + 1):
            self.scan()

    def terminal_mv(self, cell):
        late = cell >= len(self.true_mv) - self.late_cells
        current_ma = self._last_ma if late else self.current_ma
        return self.true_mv[cell] + current_ma * OHM_MV_A_C // CAPACITY_MAH

    def scan(self):
        """One scan of the cells, with the stack's every third time; the words of doubt."""
        sample = self.sample
        values = sample.values
        self.now_ms = (self.now_ms + PERIODS_MS[CELLS]) & 0x3FFFFFFF
        now_ms = self.now_ms
        stack_mv = 0
        for cell in range(sample.cell_count):
            cell_mv = self.terminal_mv(cell)
            stack_mv += cell_mv
            if self.shown.get(cell) == "unknown":
                values[cell] = 0x1FFFFFFF
            else:
                values[cell] = cell_mv + self.shown.get(cell, 0)
        self._last_ma = self.current_ma
        if self.loop == 0:
            self._stack_mv = stack_mv
        current_ma = self.current_ma
        values[sample.current_at] = (
            current_ma if self.shown_current is None else self.shown_current(current_ma)
        )
        sample.refresh(CELLS, now_ms)
        sample.refresh(CURRENT, now_ms)
        if self.loop == 2:
            values[sample.stack_at] = (self._stack_mv + self.stack_error_mv + 5) // 10 * 10
            sample.refresh(STACK, now_ms)
            for at in range(sample.temp_count):
                values[sample.temps_at + at] = self.temps_dc[at]
            sample.refresh(TEMPS, now_ms)
        self.loop = (self.loop + 1) % 3
        self.plausibility.look(now_ms)
        if self.after_scan is not None:
            self.after_scan()
        return self.doubts()

    def unknown_temp(self, at):
        self.temps_dc[at] = 0x1FFFFFFF

    def doubts(self):
        """(cells, stack, temperatures, current)"""
        health = self.sample.health
        return (
            health[CELLS_DOUBT - HEALTH_FIRST],
            health[STACK_DOUBT - HEALTH_FIRST],
            health[TEMPS_DOUBT - HEALTH_FIRST],
            health[CURRENT_DOUBT - HEALTH_FIRST],
        )

    def word(self, code):
        return self.sample.health[code - HEALTH_FIRST]

    def cell_spread_mv(self):
        return self.word(CELL_SPREAD)

    def temp_spread_dk(self):
        return self.word(TEMP_SPREAD)

    def bus_failures(self):
        return self.word(BUS_FAILURES)

    def doubts_within(self, ms):
        """All doubts seen while so much time passes, and when the first came (-1: none)."""
        seen = (0, 0, 0, 0)
        first_ms = -1
        for at in range(ms // PERIODS_MS[CELLS] + 1):
            now = self.scan()
            seen = tuple([seen[i] | now[i] for i in range(4)])
            if first_ms < 0 and seen != (0, 0, 0, 0):
                first_ms = (at + 1) * PERIODS_MS[CELLS]
        return seen, first_ms
