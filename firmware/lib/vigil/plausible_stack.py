"""Whether cells and stack bear each other out: their sum, jumps of a cell, the outermost leads.

mV. The stack is converted at another moment than the cells, up to a whole scan ago, so it is
compared with the span of the last few sums: a current step in between explains what lies within.
"""

from micropython import const

from vigil.doubts import Doubt, scans_in
from vigil.plausible_cells import ENDS, FALL, JUMPED, KNOWN, MOVED, RISE
from vigil.sample import (
    CELLS_DOUBT,
    DOUBT_JUMP,
    DOUBT_SUM,
    STACK,
    STACK_DOUBT,
)

# As in sample.py: a constant of another module costs a lookup in the cycle.
_UNKNOWN = const(0x1FFFFFFF)
# Words of the state of kernels.look, and a bit that it returns.
_NOW_MA = const(21)
_LAST_MA = const(22)
_BEFORE_MA = const(23)
_ELAPSED_MS = const(27)
_SUM_COUNT = const(31)
_OFFSET_MV = const(32)
_SLACK_MV = const(33)
_REFERENCE_OFFSET_MV = const(34)
_NEXT_OFFSET_MV = const(35)
_SUMS = const(47)
_CALM_OFFSET_MV = const(58)
_SUM_OFF = const(128)


# To be in doubt, cells and stack differ by more than allowed, the same way, in so many scans.
_SUM_SCANS = const(3)
_BELIEVABLE_MS = const(10000)
# A cell may run away at this rate (mV in 2 ms), and its resistance turns a current step of the
# capacity an hour into at most so many mV more than its neighbours show.
_RUN_MS_A_MV = const(2)
_STEP_MV_A_C = const(300)
_JUMP_MV = const(100)
_LEAD_MV = const(100)


class StackChecks:
    """cells() for each new scan of the cells, stack() for each one of the stack, as CellChecks."""

    def __init__(self, sample, cell_checks, state, capacity_mah):
        self._words = state
        self._cells = cell_checks
        self._last_cell = sample.cell_count - 1
        self._capacity_mah = capacity_mah
        self._window = state[_SUM_COUNT]
        scans = scans_in(_BELIEVABLE_MS, sample.periods_ms[STACK])
        self._sum_of_cells = Doubt(sample, CELLS_DOUBT, DOUBT_SUM, scans)
        self._sum_of_stack = Doubt(sample, STACK_DOUBT, DOUBT_SUM, scans)
        self._jump = Doubt(sample, CELLS_DOUBT, DOUBT_JUMP, scans)
        self._off_scans = 0  # negative: the stack was below the cells
        # Since a jump: its size, the offset before it, scans of the cells since; 0 scans: none.
        self._jump_mv = 0
        self._jump_is_up = False
        self._jump_offset_mv = 0
        self._jump_scans = 0
        self._jump_stands = False
        self._ends = 0

    def forget(self):
        """After a gap there is nothing to compare with."""
        words = self._words
        for at in range(self._window):
            words[_SUMS + at] = _UNKNOWN
        words[_OFFSET_MV] = _UNKNOWN
        words[_REFERENCE_OFFSET_MV] = _UNKNOWN
        words[_NEXT_OFFSET_MV] = _UNKNOWN
        words[_CALM_OFFSET_MV] = _UNKNOWN
        self._jump_scans = 0
        self._jump_stands = False
        self._off_scans = 0

    def is_awake(self):
        return self._jump_scans or self._off_scans or self._jump.left or self._sum_of_cells.left

    def cells(self, found):
        """found: what kernels.look said."""
        self._ends = found & ENDS
        if self._jump_scans:
            self._jump_scans += 1
        if found & JUMPED:
            self._note_jump()

    def _note_jump(self):
        words = self._words
        mean_mv = words[MOVED] // words[KNOWN]
        up_mv = words[RISE] - mean_mv
        down_mv = words[FALL] - mean_mv
        jump_mv = up_mv if up_mv > 0 - down_mv else down_mv
        size_mv = jump_mv if jump_mv > 0 else 0 - jump_mv
        # Small numbers first: a span of a thousand times the capacity explains everything.
        span = min(self._current_span_ma(), 1000 * self._capacity_mah) // 64
        by_current_mv = span * _STEP_MV_A_C // (self._capacity_mah // 64 + 1)
        if size_mv <= _JUMP_MV + words[_ELAPSED_MS] // _RUN_MS_A_MV + by_current_mv:
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
        # A stack told together with the jump has it in its offset already.
        offset_mv = words[_CALM_OFFSET_MV]
        self._jump_offset_mv = 0 if offset_mv == _UNKNOWN else offset_mv
        self._jump_scans = 1

    def _jumps_again(self):
        """A second jump before the stack has confirmed the first: no cell moves like that."""
        return True

    def _current_span_ma(self):
        """How far the current has moved in the last three scans."""
        words = self._words
        now_ma = words[_NOW_MA]
        last_ma = words[_LAST_MA]
        before_ma = words[_BEFORE_MA]
        if now_ma == _UNKNOWN or last_ma == _UNKNOWN or before_ma == _UNKNOWN:
            return 0
        return max(now_ma, last_ma, before_ma) - min(now_ma, last_ma, before_ma)

    def stack(self, found):
        """A new scan of the stack, with enough known sums to compare it with."""
        off = self._sum_is_off(found)
        if off or self._sum_of_cells.left:
            self._sum_of_cells.tell(off)
            self._sum_of_stack.tell(off)
        if self._jump_scans or self._jump.left:
            self._weigh_jump()
        if self._ends:
            self._watch_end(0, 0)
            self._watch_end(self._last_cell, self._last_cell - 1)

    def _sum_is_off(self, found):
        """The cells do not add up to the stack, in several scans, always the same way."""
        if not found & _SUM_OFF:
            self._off_scans = 0
        elif self._words[_OFFSET_MV] > 0:
            self._off_scans = self._off_scans + 1 if self._off_scans > 0 else 1
        else:
            self._off_scans = self._off_scans - 1 if self._off_scans < 0 else -1
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
            self._words[_OFFSET_MV] - self._jump_offset_mv,
            self._jump_mv if self._jump_is_up else 0 - self._jump_mv,
            self._words[_SLACK_MV],
        )

    def _stack_is_elsewhere(self):
        """Cells and stack are still apart as the jump has left them."""
        offset_mv = self._words[_OFFSET_MV]
        half_mv = self._jump_mv // 2
        if 0 - half_mv <= offset_mv - self._jump_offset_mv <= half_mv:
            return False
        # What brought cells and stack together was the end of a lie that began unseen.
        return abs(offset_mv) > abs(self._jump_offset_mv) - half_mv

    def _watch_end(self, cell, lower):
        """The first and the last lead have a cell on one side only; the stack is the other."""
        if self._words[_REFERENCE_OFFSET_MV] == _UNKNOWN:
            return
        shift_mv = self._cells.beside_others_mv(cell)
        if 0 - _LEAD_MV <= shift_mv <= _LEAD_MV:
            return
        if self._end_is_open(shift_mv):
            self._cells.note_open_lead(lower)

    def _end_is_open(self, shift_mv):
        """An outermost cell has moved within about a second, and the stack has not."""
        return _stayed(
            self._words[_OFFSET_MV] - self._words[_REFERENCE_OFFSET_MV],
            shift_mv,
            self._words[_SLACK_MV],
        )


def _stayed(went_mv, moved_mv, slack_mv):
    """The stack less the cells has gone the other way by more than half of a cell's move."""
    if moved_mv > 0:
        return went_mv < 0 - moved_mv // 2 - slack_mv
    return went_mv > 0 - moved_mv // 2 + slack_mv
