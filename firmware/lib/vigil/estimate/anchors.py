"""Moments in which the charge is told by something better than the shape of a curve.

Full: a high voltage although the current has become small. Empty: a low voltage although the
current is small. Rest: no current for so long that the filter's own looks are as good as any.
"""

from array import array

from micropython import const

NONE = const(0)
FULL = const(1)
EMPTY = const(2)
REST = const(3)

_HELD_S = const(60)
_FULL_DIVISOR = const(20)  # of the capacity an hour
_EMPTY_DIVISOR = const(5)
_REST_DIVISOR = const(100)
_AGAIN = const(0.05)  # share of charge that must have moved before the same is told again
_NEVER = const(1000.0)
_LONG_AGO = const(500.0)


class Anchors:
    def __init__(self, figures, capacity_mah):
        self.full_mv, self.empty_mv, self._rest_s = figures[6:9]
        self._capacity_mah = capacity_mah
        self._held_s = array("f", [0.0] * 4)
        # What was counted when a kind was told last.
        self.told_at = array("f", [_NEVER] * 4)
        self.now = NONE  # what holds at this moment, told or not
        self.since_s = -1  # since the latest, -1 if there was none
        self.count = 0
        self._rest = 0.0

    def look(self, lowest_mv, highest_mv, current_ma, seconds, counted):
        """A second has passed; the kind of anchor that is to be used now, or NONE."""
        if self.since_s >= 0:
            self._rest += seconds
            whole = int(self._rest)
            self._rest -= whole
            self.since_s += whole
        size_ma = abs(current_ma)
        capacity_mah = self._capacity_mah
        self.now = told = NONE
        # Rest last: a full cell that rests is at rest.
        for kind in (FULL, EMPTY, REST):
            needed_s = _HELD_S
            if kind == FULL:
                holds = highest_mv >= self.full_mv and current_ma > 0
                divisor = _FULL_DIVISOR
            elif kind == EMPTY:
                holds = lowest_mv <= self.empty_mv
                divisor = _EMPTY_DIVISOR
            else:
                holds = True
                divisor = _REST_DIVISOR
                needed_s = self._rest_s
            if abs(counted - self.told_at[kind]) > _AGAIN:
                self.told_at[kind] = _NEVER
            if not holds or size_ma * divisor >= capacity_mah:
                self._held_s[kind] = 0.0
            elif self._held_s[kind] < needed_s:
                self._held_s[kind] += seconds
            else:
                self.now = kind
                if self.told_at[kind] >= _LONG_AGO:
                    self.told_at[kind] = counted
                    told = kind
                    self.since_s = 0
                    self.count += 1
        return told
