"""The highest and the lowest that was ever measured, and when; for vigil.totals, once a second.

Only what is known, fresh and believed counts, and only what two looks in a row have seen.
"""

from array import array

from micropython import const

from vigil.sample import (
    CELLS,
    CELLS_DOUBT,
    CURRENT_DOUBT,
    HEALTH_FIRST,
    HIGHEST_AT,
    LOWEST_AT,
    TEMPS,
    TEMPS_DOUBT,
    UNKNOWN,
)

# Places: cells, temperatures, current in and out; a low follows its high.
_LOW_CELL = const(1)
_HOT = const(2)
_COLD = const(3)
_IN = const(4)
_OUT = const(5)
_COUNT = const(6)
_EPOCH_S = const(1577836800)  # 2020 began: from there on the seconds stay small for decades
_CELLS_DOUBT = CELLS_DOUBT - HEALTH_FIRST
_TEMPS_DOUBT = TEMPS_DOUBT - HEALTH_FIRST
_CURRENT_DOUBT = CURRENT_DOUBT - HEALTH_FIRST


class Extremes:
    def __init__(self, bms, words, total_s):
        """words: a memoryview of 20 integers, all UNKNOWN or as they were kept."""
        self._bms = bms
        # Read by the points: the values, and which cells; when it was by the record's own seconds,
        # and since 2020 by the clock, if somebody had told it the time.
        self.records = self._values = words[:8]
        self.record_s = words[8:]
        self._now = array("i", [UNKNOWN] * _COUNT)
        self._before = array("i", [UNKNOWN] * _COUNT)
        self._begun_s = total_s
        self._clock_is_new = True

    def look(self, total_s, cells_known, temps_known, current_ma):
        sample = self._bms.sample
        health = sample.health
        now = self._now
        now[0] = now[_LOW_CELL] = now[_HOT] = now[_COLD] = now[_IN] = now[_OUT] = UNKNOWN
        if cells_known and not health[_CELLS_DOUBT]:
            now[0] = sample.highest(CELLS)
            now[_LOW_CELL] = sample.lowest(CELLS)
        if temps_known and not health[_TEMPS_DOUBT]:
            now[_HOT] = sample.highest(TEMPS)
            now[_COLD] = sample.lowest(TEMPS)
        if current_ma != UNKNOWN and not health[_CURRENT_DOUBT]:
            now[_IN] = max(current_ma, 0)
            now[_OUT] = max(0 - current_ma, 0)
        before = self._before
        values = self._values
        for at in range(_COUNT):
            value = now[at]
            last = before[at]
            if value != UNKNOWN and last != UNKNOWN:
                # The lesser of the two looks.
                held = values[at]
                if at == _LOW_CELL or at == _COLD:
                    if value < held and last < held:
                        self._take(at, max(value, last), total_s)
                elif held == UNKNOWN or value > held and last > held:
                    self._take(at, min(value, last), total_s)
            before[at] = value
        if self._clock_is_new and self._clock() != UNKNOWN:
            self._clock_is_new = False
            self._date(total_s)

    def _take(self, at, value, total_s):
        self._values[at] = value
        self.record_s[at] = total_s
        self.record_s[_COUNT + at] = self._clock()
        if at < _HOT:
            extreme_at = LOWEST_AT if at else HIGHEST_AT
            self._values[_COUNT + at] = self._bms.sample.place(CELLS, extreme_at) + 1

    def _clock(self):
        bms = self._bms
        if not bms.door or not bms.door.began_s:
            return UNKNOWN
        return max(bms.door.began_s + bms.keeper.uptime_s - _EPOCH_S, 0)

    def _date(self, total_s):
        """The time is known from now on: so is that of what came since the start."""
        record_s = self.record_s
        for at in range(_COUNT):
            when_s = record_s[at]
            if record_s[_COUNT + at] == UNKNOWN and self._begun_s <= when_s <= total_s:
                record_s[_COUNT + at] = max(self._clock() - (total_s - when_s), 0)
