"""Whether the temperatures can be believed: impossible rates, sensors far apart after a long rest.

0.1 degC. An open or shorted thermistor is _UNKNOWN already.
"""

from array import array

from micropython import const

from vigil.doubts import Doubt, scans_in
from vigil.sample import (
    DOUBT_APART,
    DOUBT_RATE,
    HEALTH_FIRST,
    TEMP_SPREAD,
    TEMPS,
    TEMPS_DOUBT,
)

# As in sample.py: a constant of another module costs a lookup in the cycle.
_UNKNOWN = const(0x1FFFFFFF)

# No cell warms or cools faster than 5 K/s; 1 K for noise and for the moment of the conversion.
_RATE_MS_A_DK = const(20)
_NOISE_DK = const(10)
_REFERENCE_MS = const(1000)
_RATE_SCANS = const(2)
# A sensor that moved impossibly may stand still at a wrong value afterwards.
_RATE_BELIEVABLE_MS = const(60000)
# After four time constants (half an hour each) of the way from cell to cell, nothing keeps two
# places of one pack so far apart.
_APART_DK = const(150)
_REST_MS = const(7200000)
_REST_DIVISOR = const(10)
_APART_BELIEVABLE_MS = const(10000)
_SPREAD = TEMP_SPREAD - HEALTH_FIRST
_TICKS = const(0x3FFFFFFF)


class TempChecks:
    """scan() once for each new scan of the temperatures."""

    def __init__(self, sample, capacity_mah):
        count = sample.temp_count
        period_ms = sample.periods_ms[TEMPS]
        self._values = sample.values[sample.temps_at : sample.temps_at + count]
        self._health = sample.health
        self._count = count
        self._reference_dc = array("i", [_UNKNOWN] * count)
        self._reference_ms = 0
        self._fast = 0
        self._rate = Doubt(
            sample, TEMPS_DOUBT, DOUBT_RATE, scans_in(_RATE_BELIEVABLE_MS, period_ms)
        )
        self._apart = Doubt(
            sample, TEMPS_DOUBT, DOUBT_APART, scans_in(_APART_BELIEVABLE_MS, period_ms)
        )
        self._rest_ma = capacity_mah // _REST_DIVISOR
        self._rest_scans = scans_in(_REST_MS, period_ms)
        self._rested = 0

    def scan(self, current_ma, read_ms):
        values = self._values
        reference = self._reference_dc
        elapsed_ms = (read_ms - self._reference_ms) & _TICKS
        most_dk = _NOISE_DK + elapsed_ms // _RATE_MS_A_DK
        lowest = _UNKNOWN
        highest = 0 - _UNKNOWN
        fast = False
        for at in range(self._count):
            temp_dc = values[at]
            if temp_dc == _UNKNOWN:
                continue
            if temp_dc < lowest:
                lowest = temp_dc
            if temp_dc > highest:
                highest = temp_dc
            before_dc = reference[at]
            if before_dc != _UNKNOWN and not 0 - most_dk <= temp_dc - before_dc <= most_dk:
                fast = True
        if fast or self._rate.left or self._fast:
            self._rate.tell(self._is_impossible(fast))
        if elapsed_ms >= _REFERENCE_MS or not self._reference_ms:
            self._reference_ms = read_ms
            for at in range(self._count):
                reference[at] = values[at]
        if lowest == _UNKNOWN:
            return
        self._health[_SPREAD] = highest - lowest
        self._count_rest(current_ma)
        apart = highest - lowest > _APART_DK and self._rested >= self._rest_scans
        if apart or self._apart.left:
            self._apart.tell(self._are_apart_at_rest(apart))

    def _is_impossible(self, fast):
        """A sensor has moved faster than anything warms, in two scans."""
        self._fast = self._fast + 1 if fast else 0
        return self._fast >= _RATE_SCANS

    def _count_rest(self, current_ma):
        rest_ma = self._rest_ma
        if current_ma == _UNKNOWN or not 0 - rest_ma < current_ma < rest_ma:
            self._rested = 0
        elif self._rested < self._rest_scans:
            self._rested += 1

    def _are_apart_at_rest(self, apart):
        """Two sensors differ although the pack has had time to become one temperature."""
        return apart
