"""How long the charge lasts, and until it is full: at least, expected, at most.

From the charge's two sigma and from the mean current of a minute and of ten; not known while
hardly any current flows. Once a second; s, mA, mAh.
"""

from array import array
from math import exp, log

from micropython import const

from vigil.estimate.tail import END
from vigil.sample import UNKNOWN

_QUICK_S = const(60.0)
_SLOW_S = const(600.0)
_LEAST = const(0.02)  # of the capacity an hour
_MOST_S = const(0x1FFFFFF)
_EMPTY = const(0)
_FULL = const(3)


class TimeLeft:
    def __init__(self, capacity_mah, tail):
        """tail: vigil.estimate.tail.Tail."""
        self._capacity_mah = capacity_mah
        self._tail = tail
        self._quick_ma = self._slow_ma = 0.0
        self.left_s = array("i", [UNKNOWN] * 6)

    def step(self, current_ma, seconds, charge):
        """charge: vigil.estimate.charge.ChargeEstimate."""
        least_ma = _LEAST * self._capacity_mah
        if abs(self._quick_ma) < least_ma:
            # It rested: what flows now says more.
            self._quick_ma = self._slow_ma = float(current_ma)
        self._quick_ma += (current_ma - self._quick_ma) * (1.0 - exp(-seconds / _QUICK_S))
        self._slow_ma += (current_ma - self._slow_ma) * (1.0 - exp(-seconds / _SLOW_S))
        if self._quick_ma * self._slow_ma < 0.0:
            # What flowed the other way tells nothing of this one.
            self._slow_ma = self._quick_ma
        left_s = self.left_s
        for at in range(6):
            left_s[at] = UNKNOWN
        mean_ma = abs(self._quick_ma)
        if not charge.known or mean_ma < least_ma:
            return
        other_ma = abs(self._slow_ma)
        high_ma = max(mean_ma, other_ma)
        low_ma = max(min(mean_ma, other_ma), least_ma)
        unsure_mah = 2.0 * charge.sigma * self._capacity_mah
        if self._quick_ma > 0.0:
            mah = charge.take_mah
            tail = self._tail
            left_s[_FULL] = self._until_full_s(mah - unsure_mah, high_ma, tail.least_s)
            left_s[_FULL + 1] = self._until_full_s(mah, mean_ma, tail.tail_s)
            left_s[_FULL + 2] = self._until_full_s(mah + unsure_mah, low_ma, tail.most_s)
        else:
            mah = charge.give_mah
            left_s[_EMPTY] = _whole_s((mah - unsure_mah) * 3600.0 / high_ma)
            left_s[_EMPTY + 1] = _whole_s(mah * 3600.0 / mean_ma)
            left_s[_EMPTY + 2] = _whole_s((mah + unsure_mah) * 3600.0 / low_ma)

    def _until_full_s(self, mah, ma, tail_s):
        """With this current, and from some moment on with the voltage held."""
        if mah <= 0.0:
            return 0
        mas = 3600.0 * mah
        end_ma = END * self._capacity_mah
        if ma <= end_ma:
            return _whole_s(mas / ma)
        # The longer the tail the earlier it begins; not before now.
        tail_s = min(tail_s, mas / (ma - end_ma))
        return _whole_s((mas - tail_s * (ma - end_ma)) / ma + tail_s * log(ma / end_ma))


def _whole_s(seconds):
    return int(min(max(seconds, 0.0), _MOST_S))
