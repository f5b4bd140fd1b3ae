"""Whether cells and stack bear each other out: their sum, jumps of a cell, the outermost leads.

mV. The stack is converted at another moment than the cells, up to a whole scan ago, so it is
compared with the span of the last few sums: a current step in between explains what lies within.
"""

from array import array

from micropython import const

from vigil.doubts import Doubt, scans_in
from vigil.plausible_cells import FALL, JUMP_MV, JUMPED, KNOWN, MOVED, RISE, SOME_UNKNOWN
from vigil.sample import (
    CELLS,
    CELLS_DOUBT,
    DOUBT_JUMP,
    DOUBT_SUM,
    STACK,
    STACK_DOUBT,
)

# As in sample.py and plausible_cells.py: a constant of another module costs a lookup in the cycle.
_UNKNOWN = const(0x1FFFFFFF)
_SUM = const(2)

# Cells and stack may differ by this and a two-hundredth of the stack, ...
_SUM_MV = const(50)
_SUM_SHARE = const(200)
# ... and to be in doubt they differ by more, the same way, in so many scans of the stack.
_SUM_SCANS = const(3)
_BELIEVABLE_MS = const(10000)
# A cell may run away at this rate (mV in 2 ms), and its resistance turns a current step of the
# capacity an hour into at most so many mV more than its neighbours show.
_RUN_MS_A_MV = const(2)
_STEP_MV_A_C = const(300)
_LEAD_MV = const(100)


class StackChecks:
    """cells() for each new scan of the cells, stack() for each one of the stack."""

    def __init__(self, sample, cell_checks, capacity_mah, cycle_ms):
        self._words = cell_checks.words
        self._cells = cell_checks
        self._last_cell = sample.cell_count - 1
        self._capacity_mah = capacity_mah
        stack_ms = sample.periods_ms[STACK]
        # Sums that reach back before the moment at which the stack was converted.
        self._window = scans_in(stack_ms + cycle_ms, sample.periods_ms[CELLS]) + 1
        self._sums = array("i", [_UNKNOWN] * self._window)
        self._sum_at = 0
        scans = scans_in(_BELIEVABLE_MS, stack_ms)
        self._sum_of_cells = Doubt(sample, CELLS_DOUBT, DOUBT_SUM, scans)
        self._sum_of_stack = Doubt(sample, STACK_DOUBT, DOUBT_SUM, scans)
        self._jump = Doubt(sample, CELLS_DOUBT, DOUBT_JUMP, scans)
        self._new_cells = False
        self._off_scans = 0  # negative: the stack was below the cells
        # The stack less the middle of the sums, and by how much that may be wrong; _UNKNOWN.
        self._offset_mv = _UNKNOWN
        self._slack_mv = 0
        self._reference_offset_mv = _UNKNOWN
        self._next_offset_mv = _UNKNOWN
        # Since a jump: its size, the offset before it, scans of the cells since; 0 scans: none.
        self._jump_mv = 0
        self._jump_is_up = False
        self._jump_offset_mv = 0
        self._jump_scans = 0
        self._jump_stands = False

    def forget(self):
        """After a gap no scan is the last one."""
        for at in range(self._window):
            self._sums[at] = _UNKNOWN
        self._offset_mv = _UNKNOWN
        self._reference_offset_mv = _UNKNOWN
        self._next_offset_mv = _UNKNOWN
        self._jump_scans = 0
        self._jump_stands = False
        self._off_scans = 0

    def cells(self, found, elapsed_ms, current_span_ma):
        """found: what kernels.look_at_cells said; elapsed_ms since the scan before.

        current_span_ma: what the current did around the two scans.
        """
        words = self._words
        at = self._sum_at
        self._sums[at] = words[_SUM]
        self._sum_at = at + 1 if at + 1 < self._window else 0
        self._new_cells = True
        if self._cells.kept:
            self._reference_offset_mv = self._next_offset_mv
            self._next_offset_mv = self._offset_mv
        if self._jump_scans:
            self._jump_scans += 1
        if not found:
            return
        if found & SOME_UNKNOWN:
            self._sums[at] = _UNKNOWN
        if found & JUMPED:
            self._note_jump(elapsed_ms, current_span_ma)

    def _note_jump(self, elapsed_ms, current_span_ma):
        words = self._words
        mean_mv = words[MOVED] // words[KNOWN]
        up_mv = words[RISE] - mean_mv
        down_mv = words[FALL] - mean_mv
        jump_mv = up_mv if up_mv > 0 - down_mv else down_mv
        size_mv = jump_mv if jump_mv > 0 else 0 - jump_mv
        by_current_mv = 0
        if current_span_ma:
            # Small numbers first: a span of a thousand times the capacity explains everything.
            span = min(current_span_ma, 1000 * self._capacity_mah) // 64
            by_current_mv = span * _STEP_MV_A_C // (self._capacity_mah // 64 + 1)
        if size_mv <= JUMP_MV + elapsed_ms // _RUN_MS_A_MV + by_current_mv:
            return
        if self._jump_stands:
            # In doubt already: the jump back, perhaps, or another cell's, that must not hide.
            self._jump_mv = min(self._jump_mv, size_mv)
            return
        if self._jump_scans:
            self._jump.tell(self._jumps_again())
            return
        self._jump_mv = size_mv
        self._jump_is_up = jump_mv > 0
        self._jump_offset_mv = 0 if self._offset_mv == _UNKNOWN else self._offset_mv
        self._jump_scans = 1

    def _jumps_again(self):
        """A second jump before the stack has confirmed the first: no cell moves like that."""
        return True

    def stack(self, stack_mv):
        """A new scan of the stack."""
        if stack_mv == _UNKNOWN or not self._new_cells:
            return
        self._new_cells = False
        sums = self._sums
        least = most = sums[0]
        for at in range(1, self._window):
            sum_mv = sums[at]
            if sum_mv < least:
                least = sum_mv
            elif sum_mv > most:
                most = sum_mv
        if most == _UNKNOWN:
            return
        self._offset_mv = stack_mv - (least + most) // 2
        self._slack_mv = (most - least) // 2
        off = self._sum_is_off(stack_mv, least, most)
        if off or self._sum_of_cells.left:
            self._sum_of_cells.tell(off)
            self._sum_of_stack.tell(off)
        if self._jump_scans or self._jump.left:
            self._weigh_jump()
        self._watch_end(0, 0)
        self._watch_end(self._last_cell, self._last_cell - 1)

    def _sum_is_off(self, stack_mv, least, most):
        """The cells do not add up to the stack, in several scans, always the same way."""
        off_mv = _SUM_MV + most // _SUM_SHARE
        if stack_mv > most + off_mv:
            self._off_scans = self._off_scans + 1 if self._off_scans > 0 else 1
        elif stack_mv < least - off_mv:
            self._off_scans = self._off_scans - 1 if self._off_scans < 0 else -1
        else:
            self._off_scans = 0
        return not 0 - _SUM_SCANS < self._off_scans < _SUM_SCANS

    def _weigh_jump(self):
        if self._jump_stands:
            stands = self._stack_is_elsewhere()
        elif self._jump_scans >= self._window:
            # All sums are from after it.
            self._jump_scans = 0
            stands = self._jump_is_unconfirmed()
            if not stands and not self._jump.left:
                return
        elif self._jump_scans:
            return
        else:
            stands = False
        self._jump.tell(stands)
        self._jump_stands = self._jump.left > 0 and (stands or self._jump_stands)

    def _jump_is_unconfirmed(self):
        """The stack has not gone along with the jump by at least half."""
        return _stayed(
            self._offset_mv - self._jump_offset_mv,
            self._jump_mv if self._jump_is_up else 0 - self._jump_mv,
            self._slack_mv,
        )

    def _stack_is_elsewhere(self):
        """Cells and stack are still apart as the jump has left them."""
        apart_mv = self._offset_mv - self._jump_offset_mv
        return not 0 - self._jump_mv // 2 <= apart_mv <= self._jump_mv // 2

    def _watch_end(self, cell, lower):
        """The first and the last lead have a cell on one side only; the stack is the other."""
        if self._reference_offset_mv == _UNKNOWN:
            return
        shift_mv = self._cells.beside_others_mv(cell)
        if 0 - _LEAD_MV <= shift_mv <= _LEAD_MV:
            return
        if self._end_is_open(shift_mv):
            self._cells.note_open_lead(lower)

    def _end_is_open(self, shift_mv):
        """An outermost cell has moved within about a second, and the stack has not."""
        return _stayed(self._offset_mv - self._reference_offset_mv, shift_mv, self._slack_mv)


def _stayed(went_mv, moved_mv, slack_mv):
    """The stack less the cells has gone the other way by more than half of a cell's move."""
    if moved_mv > 0:
        return went_mv < 0 - moved_mv // 2 - slack_mv
    return went_mv > 0 - moved_mv // 2 + slack_mv
