"""Each cell's resistance, from steps of the current: at 25 degC, without what settles later.

All cells share steps and temperature. What they have in common is learned against the model's
resistance, together with how it follows the temperature; each cell's own share of it beside that.
A cell that resists far more than its neighbours has a bad joint: its charge shows nothing of it.
"""

from array import array
from math import exp, log, sqrt

from micropython import const

_STEP_DIVISOR = const(3.3)  # of the capacity an hour
_STILL = const(0.1)  # of the step: how steady the current was before it
_EARLY = const(0.5)  # share of the second that the step must have lasted
_OVER = const(1.1)
_LEAST_SHARE = const(0.2)  # of the charge: towards both ends resistance rises
_MOST_SHARE = const(0.9)
_COLDEST_DC = const(50)
_HOTTEST_DC = const(550)
_WARM_K = const(298.15)
_WARMTH_K = const(400.0)  # one sigma of the model's B
_UNKNOWN2 = const(0.25)
_NOISE2_MV = const(4.0)
_COMMON_NOISE2 = const(0.0004)
_CELL_NOISE2 = const(0.0001)
_WANDER2 = const(1e-6)  # a step
_KEPT = const(0.995)
_CLIP_MV = const(60.0)
_GAIN2 = const(0.0005)  # of the current sensor, and of what settles within a second
_CELLS = const(4)  # a slice
_ENOUGH = const(5)  # steps
_BAD = const(1.5)  # times the cells' median
_WORSE = const(2.0)
_TWO = const(2.0)  # sigmas


class Resistance:
    """`ratios`: of each cell to the median of all."""

    def __init__(self, model, cell_count):
        self._model = model
        self.ratios = array("f", [1.0] * cell_count)
        self._last_mv = array("f", [0.0] * cell_count)
        self._apart = array("f", [0.0] * cell_count)
        self._least_ma = model.capacity_ma / _STEP_DIVISOR
        self.steps = 0
        # Logarithm of all cells' part; B's error in its sigmas; their covariance.
        self.common = self.warmth = 0.0
        self.common2 = _UNKNOWN2
        self.both = 0.0
        self.warmth2 = 1.0
        self.ratio2 = _UNKNOWN2
        self._steady = False
        self._last_ma = self._last_settling_mv = 0.0
        self._unsteady_ma = 0.0
        self.due = 0  # slices
        self.fitted = False
        self._cell = -1  # the next to be looked at; first what all have in common

    @property
    def known(self):
        return self.steps >= _ENOUGH

    def common_ohm(self):
        """At 25 degC, to be multiplied by a cell's ratio."""
        return self._model.ohm * exp(self.common)

    def warming(self, temp_dc):
        """By how much it differs at another temperature."""
        model = self._model
        return exp((model.warmth_k + _WARMTH_K * self.warmth) * _colder(temp_dc))

    def sigma(self):
        """One sigma of it, as a share."""
        return sqrt(self.common2 + self.ratio2 + _GAIN2)

    def doubt(self):
        """Two sigma of a ratio."""
        return _TWO * sqrt(self.ratio2)

    def joint(self, cell, doubt):
        """0: like the others; 1, 2: clearly more than one and a half times, twice as much."""
        least = self.ratios[cell] - doubt
        if not self.known or least <= _BAD:
            return 0
        return 2 if least > _WORSE else 1

    def second(self, cells_mv, now_ma, mean_ma, temp_dc, share, usable):
        """now_ma: of the same moment as the voltages; mean_ma: of the time since the ones before;
        share: of the charge, None while it is not known."""
        model = self._model
        settling_mv = model.drop_mv - model.resists * model.ohm * now_ma
        step_ma = now_ma - self._last_ma
        size_ma = abs(step_ma)
        if (
            not self.due
            and usable
            and self._steady
            and size_ma >= self._least_ma
            and self._unsteady_ma <= _STILL * size_ma
            and share is not None
            and _LEAST_SHARE < share < _MOST_SHARE
            and temp_dc is not None
            and _COLDEST_DC <= temp_dc <= _HOTTEST_DC
            and _EARLY <= (mean_ma - self._last_ma) / step_ma <= _OVER
        ):
            settled_mv = settling_mv - self._last_settling_mv
            per_ma = 1.0 / step_ma
            apart = self._apart
            last_mv = self._last_mv
            for cell in range(len(apart)):
                apart[cell] = (cells_mv[cell] - last_mv[cell] - settled_mv) * per_ma
            self._step_ma = step_ma
            self._temp_dc = temp_dc
            self.due = 1 + (len(self.ratios) + _CELLS - 1) // _CELLS
            self._cell = -1
        self._steady = usable
        if usable:
            last_mv = self._last_mv
            for cell in range(len(last_mv)):
                last_mv[cell] = cells_mv[cell]
        self._last_ma = now_ma
        self._unsteady_ma = abs(mean_ma - now_ma)
        self._last_settling_mv = settling_mv

    @property
    def begun(self):
        return self._cell >= 0

    def step(self):
        """One slice."""
        self.due -= 1
        if self._cell < 0:
            self._all()
            return
        # By how much a cell may differ at once.
        clip = _CLIP_MV / abs(self._step_ma) / self._median
        per_median = 1.0 / self._median
        gain = self._gain
        apart = self._apart
        ratios = self.ratios
        for cell in range(self._cell, min(self._cell + _CELLS, len(ratios))):
            ratio = ratios[cell]
            off = apart[cell] * per_median - ratio
            if off > clip:
                off = clip
            elif off < -clip:
                off = -clip
            ratios[cell] = ratio + gain * off
        self._cell += _CELLS
        if not self.due:
            self.fitted = True

    def _all(self):
        """What the cells have in common, told by the one in their middle."""
        count = len(self.ratios)
        ordered = sorted(self._apart)
        median = self._median = 0.5 * (ordered[count // 2] + ordered[(count - 1) // 2])
        model = self._model
        usual = model.ohm * model.resists
        if not 0.2 * usual < median < 5.0 * usual:
            self.due = 0
            return
        noise = 1.0 / (median * self._step_ma)
        noise2 = _NOISE2_MV * noise * noise
        colder = _WARMTH_K * _colder(self._temp_dc)
        with_both = self.both + colder * self.warmth2
        spread = self.common2 + colder * self.both + _WANDER2
        spread2 = spread + colder * with_both + _COMMON_NOISE2 + noise2 / count
        missed = log(median / usual) - self.common - colder * self.warmth
        gain = spread / spread2
        warmth_gain = with_both / spread2
        self.common += gain * missed
        self.warmth += warmth_gain * missed
        self.common2 += _WANDER2 - gain * spread
        self.both -= gain * with_both
        self.warmth2 -= warmth_gain * with_both
        noise2 += _CELL_NOISE2
        self._gain = self.ratio2 / (self.ratio2 + noise2)
        self.ratio2 = self.ratio2 * (1.0 - self._gain) / _KEPT
        self.steps += 1
        self._cell = 0


def _colder(temp_dc):
    return 1.0 / (temp_dc * 0.1 + 273.15) - 1.0 / _WARM_K
