"""How a charge with the voltage held tails off: learned from one charge to the next, and kept.

One observation a charge: from where the current begins to fall while the highest cell stands, near
where a charger ends, until it is small or the voltage moves. s, mA, mV.
"""

import struct
from array import array
from math import exp, log, sqrt

from micropython import const

END = const(0.05)  # of the capacity an hour: there such a charge is over
_SCHEMA = const(1)
_FORMAT = "<HHBx"  # tail; 1/1000 of the sigma of its logarithm; charges seen
_BAND_MV = const(12)  # in which a voltage that is held stays
_BEGUN = const(0.97)  # falls from here on
_ENOUGH = const(0.7)  # of a logarithm: the current has halved
_TIMES = const(4.0)  # it is believed to be this much shorter or longer than the chemistry's
_SMOOTHED_S = const(10.0)
_SIGMA = const(0.35)  # of a tail that nobody has seen: half to twice as long
_LEAST_SIGMA = const(0.07)
_MOST_SIGMA = const(0.7)
_LEAST_GAIN = const(0.2)


class Tail:
    """`tail_s`: in which the current falls to 37 %; `least_s` and `most_s` are two sigma away."""

    def __init__(self, default_s, capacity_mah, memory):
        self._low_s = default_s / _TIMES
        self._high_s = default_s * _TIMES
        self._end_ma = END * capacity_mah
        self.tail_s = float(default_s)
        self._sigma = _SIGMA
        self.charges = 0
        self._store = memory.another("tail", _SCHEMA, struct.calcsize(_FORMAT))
        data = self._store.load()
        if data is not None:
            tail_s, sigma, self.charges = struct.unpack(_FORMAT, data)
            # Another chemistry may have been told since.
            self.tail_s = min(max(float(tail_s), self._low_s), self._high_s)
            self._sigma = sigma / 1000.0
        self.told_s = array("H", [0] * 3)  # at least, expected, at most; for the points
        self._tell()
        self._begin_ma = self._ma = 0.0
        self._mv = 0
        self._since_s = 0.0
        self._over = False  # this charge has told what it can

    def look(self, current_ma, highest_mv, is_near, seconds):
        """Some seconds have passed; is_near: a charger may hold this voltage.

        True if something was learned, which takes its time.
        """
        if current_ma <= self._end_ma or not is_near:
            learned = self._end()
            # A pause of the charger does not make another charge of the rest.
            self._over = self._over and is_near
            return learned
        if self._over:
            return False
        if not self._begin_ma or abs(highest_mv - self._mv) > _BAND_MV:
            learned = self._end()
            self._begin_ma = self._ma = float(current_ma)
            self._mv = highest_mv
            self._since_s = 0.0
            return learned
        self._ma += (current_ma - self._ma) * min(seconds / _SMOOTHED_S, 1.0)
        if self._ma > self._begin_ma * _BEGUN:
            # It does not fall yet.
            self._begin_ma = max(self._begin_ma, self._ma)
            self._mv = highest_mv
            self._since_s = 0.0
        else:
            self._since_s += seconds
        return False

    def _end(self):
        """Learn from what was held until now, if it was long enough."""
        begin_ma = self._begin_ma
        self._begin_ma = 0.0
        if begin_ma:
            fell = log(begin_ma * _BEGUN / self._ma)
            # Quicker than believed: somebody has turned it down.
            if fell >= _ENOUGH and self._since_s >= fell * self._low_s:
                self._over = True
                self._learn(self._since_s / fell)
                return True
        return False

    def _learn(self, seen_s):
        apart = log(min(seen_s, self._high_s) / self.tail_s)
        gain = max(1.0 / (self.charges + 2), _LEAST_GAIN)
        self.tail_s *= exp(gain * apart)
        variance = (1.0 - gain) * (self._sigma * self._sigma + gain * apart * apart)
        self._sigma = min(max(sqrt(variance), _LEAST_SIGMA), _MOST_SIGMA)
        self.charges = min(self.charges + 1, 255)
        self._tell()
        self._store.stage(
            struct.pack(
                _FORMAT, int(self.tail_s + 0.5), int(self._sigma * 1000.0 + 0.5), self.charges
            )
        )

    def _tell(self):
        times = exp(2.0 * self._sigma)
        self.least_s = max(self.tail_s / times, self._low_s)
        self.most_s = min(self.tail_s * times, self._high_s)
        told_s = self.told_s
        told_s[0] = int(self.least_s)
        told_s[1] = int(self.tail_s + 0.5)
        told_s[2] = int(self.most_s + 0.5)
