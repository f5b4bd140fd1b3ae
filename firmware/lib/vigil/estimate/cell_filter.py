"""One cell's charge with an error bar: a scalar Schmidt-Kalman filter.

What cannot be learned from one cell's voltage is carried as covariance only: offset and gain of
the current, errors of the voltage and of its table, of the charge axis and of the resistance.
Charge as a share of the capacity. Single floats; the charge itself is counted in integers.
"""

from math import sqrt

# One sigma each.
OFFSET_SHARE = 0.001  # of the capacity an hour, of a current sensor that was not calibrated
_GAIN = 0.01
_AXIS = 0.015  # the table's axis of charge
OHM = 0.25  # of the whole voltage drop
OHM_COLD = 0.5  # the same while no temperature is known
_LOW = 0.2  # of the charge; to double at a quarter of it
_RISES = 1.0 / 0.15
_RISE_UNSURE = 0.25
_HYSTERESIS = 0.4  # of its half width
_NOISE2_MV = 25.0
_UNSETTLED = 3.0  # share of the drop of the recent mean current: what two RC parts do not tell
_LEAST2 = 1e-6
_WANDER2 = 1e-10  # a second
_ERROR_S = 7200.0
_CLIP = 5.0
_NARROWEST = 0.01
_WIDEST = 0.06
_OVER = 0.02  # beyond full and empty, where a table ends


class CellFilter:
    """`offset`: the share of charge less what was counted since the counter's zero."""

    def __init__(self, offset, sigma):
        self.resistance = 1.0  # of the model's; whoever measures it puts it here
        self.start(offset, sigma)

    def start(self, offset, sigma, error_share=0.0):
        """error_share: how much of sigma comes from what also moves the voltage."""
        self.offset = offset
        self.variance = sigma * sigma
        # Covariances with the errors, each error in units of its sigma.
        self._with_offset = self._with_gain = self._with_axis = self._with_ohm = 0.0
        self._with_error = -error_share * sigma

    @property
    def sigma(self):
        return sqrt(self.variance)

    def moved(self, share, seconds, offset_share):
        """The counter has moved by `share` in so many seconds; its error may have, too."""
        drift = seconds * offset_share / 3600.0
        gain = share * _GAIN
        with_offset = self._with_offset
        with_gain = self._with_gain
        self.variance += (
            _WANDER2 * seconds
            + drift * (drift - 2.0 * with_offset)
            + gain * (gain + 2.0 * with_gain)
        )
        self._with_offset = with_offset - drift
        self._with_gain = with_gain + gain
        self._with_error -= self._with_error * (seconds / _ERROR_S)

    def look(self, model, cell_mv, counted):
        """Correct by a voltage of this moment; returns the share that was added."""
        variance = self.variance
        share = self.offset + counted
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
        drop_mv = model.drop_mv * self.resistance
        unsure = OHM_COLD if model.temp_dc is None else OHM
        if share < _LOW:
            # Towards empty the resistance rises, in every chemistry, and in each cell differently.
            rise = (_LOW - share) * _RISES
            drop_mv += drop_mv * rise
            unsure += _RISE_UNSURE * rise
        ohm_mv = drop_mv * unsure
        turn = model.hysteresis_sigma
        error2 = model.ocv_mv * model.ocv_mv
        error2 += width_mv * width_mv * (_HYSTERESIS * _HYSTERESIS + turn * turn)
        error = sqrt(error2)
        unsettled = _UNSETTLED * model.unsettled_mv
        with_error = self._with_error
        with_axis = self._with_axis
        with_ohm = self._with_ohm
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
        self.offset += added
        variance -= gain * common
        self.variance = variance if variance > _LEAST2 else _LEAST2
        self._with_offset *= kept
        self._with_gain *= kept
        self._with_error = kept * with_error - gain * error
        self._with_axis = kept * with_axis - gain * slope * _AXIS
        self._with_ohm = kept * with_ohm - gain * ohm_mv
        return added

    def anchor(self, share, sigma, counted):
        """Told from elsewhere: not believed blindly, and independent of the voltage's errors."""
        gain = self.variance / (self.variance + sigma * sigma)
        self.offset += gain * (share - counted - self.offset)
        kept = 1.0 - gain
        self.variance *= kept
        self._with_offset *= kept
        self._with_gain *= kept
        self._with_error *= kept
        self._with_axis *= kept
        self._with_ohm *= kept
