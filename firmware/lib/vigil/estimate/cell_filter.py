"""Each cell's charge with an error bar: a scalar Schmidt-Kalman filter.

What cannot be learned from one cell's voltage is carried as covariance only: offset and gain of
the current, errors of the voltage and of its table, of the charge axis and of the resistance.
Charge as a share of the capacity. Single floats; the charge itself is counted in integers.
"""

from array import array
from math import sqrt

from micropython import const

# A cell's covariances: with the current's offset and gain, the voltage and its table, the table's
# axis, the resistance.
_GAINED = const(1)
_ERROR = const(2)
_TABLE = const(3)
_RESISTANCE = const(4)
_ERRORS = const(5)
# One sigma each.
_GAIN = const(0.01)
_AXIS = const(0.015)  # the table's axis of charge
_OHM = const(0.25)  # of the whole voltage drop
_OHM_COLD = const(0.5)  # the same while no temperature is known
_LOW = const(0.2)  # of the charge; to double at a quarter of it
_RISES_OVER = const(0.15)
_RISE_UNSURE = const(0.25)
_HYSTERESIS = const(0.4)  # of its half width
_NOISE2_MV = const(25.0)
# Share of the drop of the recent mean current: what two RC parts do not tell.
_UNSETTLED = const(3.0)
_LEAST2 = const(1e-6)
_WANDER2 = const(1e-10)  # a second
_ERROR_S = const(7200.0)
_ELSEWHERE = const(0.1)  # so far away the table errs differently
_CLIP = const(5.0)
_NARROWEST = const(0.01)
_WIDEST = const(0.06)
_OVER = const(0.02)  # beyond full and empty, where a table ends


class CellFilters:
    """`offsets`: each cell's share of charge less what was counted since the counter's zero."""

    def __init__(self, cell_count):
        self.offsets = array("f", [0.5] * cell_count)
        self.variances = array("f", [0.09] * cell_count)
        # Covariances with the errors, each error in units of its sigma.
        self._with = array("f", [0.0] * (_ERRORS * cell_count))
        self.surprise = 0.0  # of the latest look, in squared sigmas

    def start(self, cell, offset, sigma, error_share=0.0, drift=0.0):
        """error_share: how much of sigma comes from what also moves the voltage.

        drift: how much of it from the current's offset.
        """
        self.offsets[cell] = offset
        self.variances[cell] = sigma * sigma
        for at in range(cell * _ERRORS, cell * _ERRORS + _ERRORS):
            self._with[at] = 0.0
        self._with[cell * _ERRORS] = -drift
        self._with[cell * _ERRORS + _ERROR] = -error_share * sigma

    def moved(self, cell, share, seconds, offset_share):
        """The counter has moved by `share` in so many seconds; its error may have, too."""
        covariances = self._with
        base = cell * _ERRORS
        drift = seconds * offset_share / 3600.0
        gain = share * _GAIN
        with_offset = covariances[base]
        with_gain = covariances[base + _GAINED]
        self.variances[cell] += (
            _WANDER2 * seconds
            + drift * (drift - 2.0 * with_offset)
            + gain * (gain + 2.0 * with_gain)
        )
        covariances[base] = with_offset - drift
        covariances[base + _GAINED] = with_gain + gain
        # A voltage's error becomes another with time, but not while the charge stands still.
        other = abs(share) / _ELSEWHERE
        if other > seconds / _ERROR_S:
            other = seconds / _ERROR_S
        covariances[base + _ERROR] -= covariances[base + _ERROR] * other

    def look(self, cell, model, cell_mv, counted):
        """Correct by a voltage of this moment."""
        variance = self.variances[cell]
        covariances = self._with
        base = cell * _ERRORS
        share = self.offsets[cell] + counted
        reach = sqrt(variance)
        if reach < _NARROWEST:
            reach = _NARROWEST
        elif reach > _WIDEST:
            reach = _WIDEST
        low = share - reach
        high = share + reach
        if high > 1.0:
            high = 1.0
            if low > 1.0 - reach:
                low = 1.0 - reach
        if low < 0.0:
            low = 0.0
            if high < reach:
                high = reach
        slope = (model.open_mv(high) - model.open_mv(low)) / (high - low)
        width_mv = model.half_width_mv(share)
        drop_mv = model.drop_mv
        unsure = _OHM_COLD if model.temp_dc is None else _OHM
        if share < _LOW:
            # Towards empty the resistance rises, in every chemistry, and in each cell differently.
            rise = (_LOW - share) / _RISES_OVER
            drop_mv += drop_mv * rise
            unsure += _RISE_UNSURE * rise
        ohm_mv = drop_mv * unsure
        turn = model.hysteresis_sigma
        error2 = model.ocv_mv * model.ocv_mv
        error2 += width_mv * width_mv * (_HYSTERESIS * _HYSTERESIS + turn * turn)
        error = sqrt(error2)
        unsettled = _UNSETTLED * model.unsettled_mv
        with_error = covariances[base + _ERROR]
        with_axis = covariances[base + _TABLE]
        with_ohm = covariances[base + _RESISTANCE]
        missed = cell_mv - model.open_mv(share) - width_mv * model.hysteresis - drop_mv
        others = with_error * error + ohm_mv * with_ohm
        common = slope * (variance + _AXIS * with_axis) + others
        spread2 = (
            slope * (slope * (variance + _AXIS * (2.0 * with_axis + _AXIS)) + 2.0 * others)
            + error2
            + ohm_mv * ohm_mv
            + unsettled * unsettled
            + _NOISE2_MV
        )
        self.surprise = missed * missed / spread2
        most = _CLIP * sqrt(spread2)
        if missed > most:
            missed = most
        elif missed < -most:
            missed = -most
        gain = common / spread2
        kept = 1.0 - gain * slope
        added = gain * missed
        if share + added > 1.0 + _OVER:
            added = 1.0 + _OVER - share
        elif share + added < -_OVER:
            added = -_OVER - share
        self.offsets[cell] += added
        variance -= gain * common
        self.variances[cell] = variance if variance > _LEAST2 else _LEAST2
        covariances[base] *= kept
        covariances[base + _GAINED] *= kept
        covariances[base + _ERROR] = kept * with_error - gain * error
        covariances[base + _TABLE] = kept * with_axis - gain * slope * _AXIS
        covariances[base + _RESISTANCE] = kept * with_ohm - gain * ohm_mv

    def anchor(self, cell, share, sigma, counted):
        """Told from elsewhere: not believed blindly, and independent of the voltage's errors."""
        variance = self.variances[cell]
        gain = variance / (variance + sigma * sigma)
        self.offsets[cell] += gain * (share - counted - self.offsets[cell])
        kept = 1.0 - gain
        self.variances[cell] = variance * kept
        for at in range(cell * _ERRORS, cell * _ERRORS + _ERRORS):
            self._with[at] *= kept
