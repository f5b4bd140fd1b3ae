"""Moments in which the charge is told by something better than the shape of a curve.

Full: a high voltage although the current has become small. Empty: a low voltage although the
current is small. Rest: no current for so long that the filter's own looks are as good as any.
"""

from micropython import const

from vigil import cell_models

NONE = const(0)
FULL = const(1)
EMPTY = const(2)
REST = const(3)

_HELD_S = const(60)
_FULL_DIVISOR = const(20)  # of the capacity an hour
_EMPTY_DIVISOR = const(5)
_REST_DIVISOR = const(100)
_AGAIN = 0.05  # share of charge that must have moved before the same is told again
SIGMA = (0.0, 0.01, 0.02, 0.0)
SHARE = (0.0, 1.0, 0.0, 0.0)


class Anchors:
    def __init__(self, chemistry, capacity_mah):
        figures = cell_models.figures(chemistry)
        self.full_mv = figures[cell_models.FULL_MV]
        self.empty_mv = figures[cell_models.EMPTY_MV]
        self._rest_s = figures[cell_models.REST_S]
        self._full_ma = capacity_mah / _FULL_DIVISOR
        self._empty_ma = capacity_mah / _EMPTY_DIVISOR
        self._rest_ma = capacity_mah / _REST_DIVISOR
        self._held_s = [0.0] * 4
        self._told_at = [None] * 4
        self.now = NONE  # what holds at this moment, told or not
        self.latest = NONE
        self.since_s = -1  # since the latest, -1 if there was none
        self.count = 0
        self._rest = 0.0

    def moved_zero(self, share):
        """The counter's zero has moved up by so much."""
        for kind in (FULL, EMPTY, REST):
            if self._told_at[kind] is not None:
                self._told_at[kind] -= share

    def look(self, lowest_mv, highest_mv, current_ma, seconds, counted):
        """A second has passed; the kind of anchor that is to be used now, or NONE."""
        if self.since_s >= 0:
            self._rest += seconds
            whole = int(self._rest)
            self._rest -= whole
            self.since_s += whole
        size_ma = abs(current_ma)
        self.now = NONE
        told = NONE
        # Rest last: a full cell that rests is at rest.
        for kind, holds, needed_s in (
            (FULL, highest_mv >= self.full_mv and 0 < current_ma < self._full_ma, _HELD_S),
            (EMPTY, lowest_mv <= self.empty_mv and size_ma < self._empty_ma, _HELD_S),
            (REST, size_ma < self._rest_ma, self._rest_s),
        ):
            before = self._told_at[kind]
            if before is not None and abs(counted - before) > _AGAIN:
                self._told_at[kind] = before = None
            if not holds:
                self._held_s[kind] = 0.0
                continue
            if self._held_s[kind] < needed_s:
                self._held_s[kind] += seconds
                continue
            self.now = kind
            if before is None:
                self._told_at[kind] = counted
                self.latest = told = kind
                self.since_s = 0
                self.count += 1
        return told
