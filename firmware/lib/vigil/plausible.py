"""Is what was measured believable? All judgement of that is here and in the plausible_ files.

Runs in the cycle between read and judge, over new conversions only, and allocates nothing. It
writes doubts and spreads into Sample.health; every value counts for its limits all the same.
docs/plausibility.md lists the checks.
"""

from micropython import const

from vigil.plausible_cells import CellChecks
from vigil.plausible_current import CurrentCheck
from vigil.plausible_stack import StackChecks
from vigil.plausible_temps import TempChecks
from vigil.sample import (
    BUS_FAILURES,
    CELLS,
    CURRENT,
    HEALTH_FIRST,
    STACK,
    TEMPS,
    UNKNOWN,
    record_at,
)

_READS = const(100)
# After a pause like this two scans have nothing to do with each other.
_GAP_MS = const(1000)
_BUS_FAILURES = BUS_FAILURES - HEALTH_FIRST
_SEQUENCE = const(8)  # words of a group's record
_READ_MS = const(11)
_TICKS = const(0x3FFFFFFF)


class Plausibility:
    """look() once a cycle, note_read() once for each attempt to read the front end."""

    def __init__(self, sample, front_end, capacity_mah, cycle_ms):
        self._sample = sample
        self._words = sample.words
        self._values = sample.values
        self._health = sample.health
        self._current_at = sample.current_at
        self._stack_at = sample.stack_at
        self._cells_sequence_at = record_at(CELLS) + _SEQUENCE
        self._cells_read_at = record_at(CELLS) + _READ_MS
        self._stack_sequence_at = record_at(STACK) + _SEQUENCE
        self._temps_sequence_at = record_at(TEMPS) + _SEQUENCE
        self._temps_read_at = record_at(TEMPS) + _READ_MS
        self._current_sequence_at = record_at(CURRENT) + _SEQUENCE
        self._cells_seen = 0
        self._stack_seen = 0
        self._temps_seen = 0
        self._current_seen = 0
        self._cells_ms = 0
        self._found = 0
        # The last two currents.
        self._last_ma = UNKNOWN
        self._before_ma = UNKNOWN
        self.cells = CellChecks(sample, front_end)
        self.stack = StackChecks(sample, self.cells, capacity_mah, cycle_ms)
        self.temps = TempChecks(sample, capacity_mah)
        self.current = CurrentCheck(sample, self.cells, capacity_mah)
        self._reads = bytearray(_READS)
        self._read_at = 0

    def look(self, now_ms):
        words = self._words
        sequence = words[self._cells_sequence_at]
        if sequence != self._cells_seen:
            self._cells_seen = sequence
            self._look_at_cells(words[self._cells_read_at])
        sequence = words[self._stack_sequence_at]
        if sequence != self._stack_seen:
            self._stack_seen = sequence
            self.stack.stack(self._values[self._stack_at])
        sequence = words[self._temps_sequence_at]
        if sequence != self._temps_seen:
            self._temps_seen = sequence
            self.temps.scan(self._values[self._current_at], words[self._temps_read_at])

    def _look_at_cells(self, read_ms):
        elapsed_ms = (read_ms - self._cells_ms) & _TICKS
        self._cells_ms = read_ms
        if elapsed_ms > _GAP_MS:
            self.cells.forget()
            self.stack.forget()
            self.current.forget()
        current_ma = self._values[self._current_at]
        sequence = self._words[self._current_sequence_at]
        if sequence == self._current_seen:
            current_ma = UNKNOWN
        self._current_seen = sequence
        found = self.cells.scan(self._found or self.current.phase)
        self._found = found
        self.stack.cells(found, elapsed_ms, self._span_ma(current_ma) if found else 0)
        self.current.scan(found, current_ma)
        self._before_ma = self._last_ma
        self._last_ma = current_ma

    def _span_ma(self, current_ma):
        """How far the current has moved in the last three scans."""
        before_ma = self._before_ma
        last_ma = self._last_ma
        if current_ma == UNKNOWN or last_ma == UNKNOWN or before_ma == UNKNOWN:
            return 0
        return max(current_ma, last_ma, before_ma) - min(current_ma, last_ma, before_ma)

    def note_read(self, failed):
        """Count failed reads among the last hundred."""
        at = self._read_at
        self._health[_BUS_FAILURES] += failed - self._reads[at]
        self._reads[at] = failed
        at += 1
        self._read_at = at if at < _READS else 0
