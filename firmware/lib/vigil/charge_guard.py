"""How fast the pack may be charged as it is now: by its coldest sensor and its lowest cell.

step() is a slow task and finds what is allowed; look() runs in the cycle, compares, and allocates
nothing. mA, 0.1 degC, integers.
"""

from micropython import const

from vigil import limits
from vigil.sample import CELLS, CHARGE_EXCESS, CURRENT, HEALTH_FIRST, TEMPS, UNKNOWN

PERIOD_MS = const(250)

# A sensor sits outside the cell, which may be colder.
MARGIN_DC = const(10)
# Up a step only when it is warmer by so much, or a noisy sensor would make a charger hunt.
_HYSTERESIS_DC = const(5)
# A deeply discharged cell is charged slowly until it has recovered, and for so long after.
RECOVERY_PERCENT = const(10)
_RECOVERED_AFTER_MS = const(10000)
# A current sensor is off by some of what it shows, and by a little anyway.
_NOISE_MA = const(50)
_NOISE_DIVISOR = const(200)  # of the capacity an hour
_ERROR_DIVISOR = const(50)  # of what is allowed
# A driven pack brakes into its cells for some seconds between longer discharges: that plates
# nothing, so the excess counts only while more goes in than comes out, seen over half a minute.
_MEAN_STEP_MS = const(500)
_MEAN_SHIFT = const(6)  # 64 steps of half a second
_MEAN_SCALE = const(16)
_BRAKED_DIVISOR = const(10)  # and however much came out before, it excuses no more than this
_STILL_DIVISOR = const(500)
_NEVER_MA = const(1 << 28)
_TICKS = const(0x3FFFFFFF)
_CHARGE_EXCESS = CHARGE_EXCESS - HEALTH_FIRST


class ChargeGuard:
    def __init__(self, sample, table, chemistry, capacity_mah):
        """table: limits.Limits."""
        self._sample = sample
        self._capacity_mah = capacity_mah
        self._plating_dc = chemistry.plating_dc
        self.use_limits(table)
        self._steps = chemistry.cold_charge
        self._step = 0
        self._low = True
        self._fine_since_ms = 0
        self._mean = 0  # of the current, x _MEAN_SCALE
        self._mean_ms = 0
        # Below it the pack is really being discharged.
        self._still_mean = 0 - 128 - capacity_mah * _MEAN_SCALE // _STILL_DIVISOR
        self._least_mean = 0 - capacity_mah * _MEAN_SCALE // _BRAKED_DIVISOR
        self._excess_above_ma = _NOISE_MA + capacity_mah // _NOISE_DIVISOR
        # What a charger may deliver; 0 until the temperatures are known.
        self.limit_ma = 0
        self.recovering = False  # the lowest cell is below its release

    def use_limits(self, table):
        """table: limits.Limits."""
        self._recovered_mv = table.release[limits.position(limits.CELL_UNDER_VOLTAGE)]
        self._most_ma = table.release[limits.position(limits.CHARGE_OVER_CURRENT)]

    def look(self):
        """In the cycle: how much the current is above what is allowed."""
        sample = self._sample
        current_ma = sample.values[sample.current_at]
        if current_ma == UNKNOWN:
            # Neither forgives nor accuses.
            return
        excess_ma = current_ma - self._excess_above_ma
        sample.health[_CHARGE_EXCESS] = excess_ma if excess_ma > 0 else 0

    def step(self, now_ms):
        """What is allowed from now on."""
        allowed_ma = self._allowed_ma(now_ms)
        limited = allowed_ma < _NEVER_MA
        self.limit_ma = min(allowed_ma, self._most_ma)
        if not limited or self._is_braking(now_ms):
            self._excess_above_ma = _NEVER_MA
        else:
            self._excess_above_ma = (
                allowed_ma
                + allowed_ma // _ERROR_DIVISOR
                + _NOISE_MA
                + self._capacity_mah // _NOISE_DIVISOR
            )
        return False

    def _allowed_ma(self, now_ms):
        """_NEVER_MA where only the over-current limit decides."""
        sample = self._sample
        if not sample.sequence(TEMPS) or sample.unknown(TEMPS) or not sample.sequence(CELLS):
            self._step = 0
            return 0
        allowed_ma = _NEVER_MA
        self._find_step(sample.lowest(TEMPS) - self._plating_dc - MARGIN_DC)
        if self._step < len(self._steps):
            allowed_ma = self._capacity_mah * self._steps[self._step][1] // 100
        self._find_recovery(sample.lowest(CELLS), now_ms)
        if self.recovering:
            allowed_ma = min(allowed_ma, self._capacity_mah * RECOVERY_PERCENT // 100)
        return allowed_ma

    def _find_step(self, warmth_dc):
        while self._step and warmth_dc <= self._steps[self._step - 1][0]:
            self._step -= 1
        while (
            self._step < len(self._steps)
            and warmth_dc > self._steps[self._step][0] + _HYSTERESIS_DC
        ):
            self._step += 1

    def _find_recovery(self, lowest_mv, now_ms):
        if lowest_mv == UNKNOWN:
            return
        if lowest_mv < self._recovered_mv:
            self._low = self.recovering = True
        elif self._low:
            self._low = False
            self._fine_since_ms = now_ms
        elif self.recovering and (now_ms - self._fine_since_ms) & _TICKS >= _RECOVERED_AFTER_MS:
            self.recovering = False

    def _is_braking(self, now_ms):
        sample = self._sample
        if (now_ms - self._mean_ms) & _TICKS >= _MEAN_STEP_MS:
            self._mean_ms = now_ms
            current_ma = sample.values[sample.current_at]
            if sample.sequence(CURRENT) and current_ma != UNKNOWN:
                self._mean += (current_ma * _MEAN_SCALE - self._mean) >> _MEAN_SHIFT
                self._mean = max(self._mean, self._least_mean)
        return self._mean < self._still_mean
