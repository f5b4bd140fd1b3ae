"""Whether the current can be believed: on a clear step all cells move the way the current says.

A step is judged from rest to rest: quiet before, at most a few scans of movement, quiet after.
mA, mV. Called when kernels.look has found something, and until that is settled.
"""

from micropython import const

from vigil.doubts import Doubt, scans_in
from vigil.plausible_cells import FALL, KNOWN, MOVED, RISE, SOME_UNKNOWN, STEPPED
from vigil.sample import CELLS, CURRENT_DOUBT, DOUBT_DIRECTION

# As in sample.py: a constant of another module costs a lookup in the cycle.
_UNKNOWN = const(0x1FFFFFFF)
# Words of the state of kernels.look.
_NOW_MA = const(21)
_LAST_MA = const(22)
# Shares of the capacity: what counts as a clear step, as no step, as a huge one.
_CLEAR_DIVISOR = const(5)
_STILL_DIVISOR = const(50)
_HUGE_DIVISOR = const(2)
# The cells have moved the wrong way by this in the mean, or the right way. The mean, for a front
# end that measures them in groups shows a step of all in two scans.
_WRONG_MV = const(5)
_RIGHT_MV = const(3)
# Every cell has moved by this, so some current must have stepped.
_STEPPED_MV = const(20)
# No cell has moved by more than this, so no huge current can have stepped.
_UNMOVED_MV = const(1)
_LONGEST = const(6)
_QUIET_SCANS = const(2)
_CONFIRMATIONS = const(3)
_BELIEVABLE_MS = const(60000)

_IDLE = const(0)
_TOO_LONG = const(-1)


class CurrentCheck:
    """scan() for each new scan of cells and current in which there is something to see."""

    def __init__(self, sample, state, capacity_mah):
        self._words = state
        self._clear_ma = capacity_mah // _CLEAR_DIVISOR
        self._still_ma = capacity_mah // _STILL_DIVISOR
        self._huge_ma = capacity_mah // _HUGE_DIVISOR
        self._doubt = Doubt(
            sample,
            CURRENT_DOUBT,
            DOUBT_DIRECTION,
            scans_in(_BELIEVABLE_MS, sample.periods_ms[CELLS]),
        )
        self.phase = _IDLE  # scans since the step began
        self._quiet = 0
        self._from_ma = 0
        # At least and at most so far has every cell moved since.
        self._least_mv = 0
        self._most_mv = 0
        self._moved_mv = 0  # all cells together
        self._known = 0
        self._against = 0

    def forget(self):
        self.phase = _IDLE

    def is_awake(self):
        return self.phase or self._doubt.left

    def scan(self, found):
        """found: what kernels.look said."""
        moved = found & STEPPED
        if not moved and not self.phase:
            if self._doubt.left:
                self._doubt.tell(False)
            return
        last_ma = self._words[_LAST_MA]
        current_ma = self._words[_NOW_MA]
        if last_ma == _UNKNOWN or current_ma == _UNKNOWN or found & SOME_UNKNOWN:
            self.phase = _TOO_LONG if moved else _IDLE
            return
        self._follow(moved, last_ma, current_ma)

    def _follow(self, moved, last_ma, current_ma):
        words = self._words
        if self.phase == _IDLE:
            self._from_ma = last_ma
            self._least_mv = 0
            self._most_mv = 0
            self._moved_mv = 0
            self._quiet = 0
        if self.phase >= _IDLE:
            self._least_mv += words[FALL]
            self._most_mv += words[RISE]
            self._moved_mv += words[MOVED]
            self._known = words[KNOWN]
            self.phase += 1
        self._quiet = 0 if moved else self._quiet + 1
        if self._quiet >= _QUIET_SCANS:
            if self.phase > _IDLE:
                self._weigh(current_ma - self._from_ma)
            self.phase = _IDLE
        elif self.phase > _LONGEST:
            self.phase = _TOO_LONG

    def _weigh(self, step_ma):
        up_ma = step_ma if step_ma > 0 else 0 - step_ma
        if self._is_inverted(step_ma, up_ma) or self._is_stuck(up_ma) or self._is_invented(up_ma):
            if self._against < _CONFIRMATIONS:
                self._against += 1
            if self._against == _CONFIRMATIONS:
                # One more is enough after this.
                self._doubt.tell(True)
        elif up_ma >= self._clear_ma and self._agrees(step_ma):
            self._against = 0

    def _agrees(self, step_ma):
        moved_mv = self._moved_mv if step_ma > 0 else 0 - self._moved_mv
        return moved_mv >= _RIGHT_MV * self._known

    def _is_inverted(self, step_ma, size_ma):
        """The cells moved against a clear step."""
        if size_ma < self._clear_ma:
            return False
        moved_mv = 0 - self._moved_mv if step_ma > 0 else self._moved_mv
        return moved_mv >= _WRONG_MV * self._known

    def _is_stuck(self, size_ma):
        """All cells stepped, the current did not."""
        if size_ma > self._still_ma:
            return False
        return self._least_mv >= _STEPPED_MV or self._most_mv <= 0 - _STEPPED_MV

    def _is_invented(self, size_ma):
        """The current made a huge step, and no cell noticed."""
        if size_ma < self._huge_ma:
            return False
        return self._least_mv >= 0 - _UNMOVED_MV and self._most_mv <= _UNMOVED_MV
