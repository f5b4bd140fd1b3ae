"""Learns what the current sensor says while both switches are open and nothing can flow.

uA, mA and ms in whole numbers; a minute at a time.
"""

from math import sqrt

from micropython import const

_WINDOW_MS = const(60000)
_SETTLE_MS = const(5000)
_BELIEVED_DIVISOR = const(50)  # a greater share of the capacity an hour is no offset
# One sigma, as a share of the capacity an hour: of a sensor never looked at, of one minute's mean,
# of what a day changes.
_UNKNOWN = const(0.001)
_WINDOW = const(0.0001)
_DAY_MS = const(864000000000.0)  # 0.0001 a day


class OffsetLearner:
    def __init__(self, capacity_mah):
        self._most_ua = capacity_mah * 1000 // _BELIEVED_DIVISOR
        self.offset_ua = 0
        self.state(_UNKNOWN)
        self._open_ms = 0
        self._mams = 0

    def state(self, sigma_share):
        """What may be expected of a sensor that has not been looked at."""
        self.unknown = self.sigma_share = sigma_share

    def look(self, both_open, mams, elapsed_ms):
        """What was counted in this time; True if none of it can have flowed."""
        grown = self.sigma_share + elapsed_ms / _DAY_MS
        self.sigma_share = grown if grown < self.unknown else self.unknown
        if not both_open:
            self._open_ms = self._mams = 0
            return False
        open_ms = self._open_ms
        self._open_ms += elapsed_ms
        if open_ms < _SETTLE_MS:
            # What flowed last may still be in the filters.
            self._mams = 0
            self._settled_ms = self._open_ms
            return False
        self._mams += mams
        looked_ms = self._open_ms - self._settled_ms
        if looked_ms >= _WINDOW_MS:
            self._learn(self._mams * 1000 // looked_ms)
            self._open_ms = self._settled_ms
            self._mams = 0
        return True

    def _learn(self, mean_ua):
        if abs(mean_ua) >= self._most_ua:
            return
        variance = self.sigma_share * self.sigma_share
        gain = variance / (variance + _WINDOW * _WINDOW)
        self.offset_ua += int(gain * (mean_ua - self.offset_ua))
        self.sigma_share = sqrt(variance * (1.0 - gain))
