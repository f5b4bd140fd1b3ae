"""How fast a cold or an empty pack may be charged, by what is really there; two bounds of it.

mA, 0.1 degC, mV. The excess beyond it is watched like any other limit, by a RowWatch.
"""

from host_tools.campaign import meaning

_LOOK_US = 250000
_LOOKS = 5
_RECOVERED_US = 10000000
_BRAKED_US = 60000000
_NEVER_MA = 1 << 28
# Up a step half a kelvin late; a reading is off by a tenth.
_LATE_DC = 6
_OFF_DC = 1
_RECOVERY_PERCENT = 10
_OFF_MV = 1


class ChargeWatch:
    def __init__(self, case, recovered_mv):
        """recovered_mv: where the under-voltage of a cell releases."""
        chemistry = case["chemistry"]
        self._capacity_ma = case["capacity_mah"]
        self._coldest_dc = meaning.PLATING_DC.get(chemistry, 0) + meaning.PLATING_MARGIN_DC
        self._steps = meaning.PLATING_STEPS[: 1 if chemistry == "LTO" else None]
        self._recovered_mv = recovered_mv
        self._low_until_us = _RECOVERED_US
        self._next_us = 0
        # Of the last looks.
        self._least_ma = [0] * _LOOKS
        self._most_ma = [_NEVER_MA] * _LOOKS
        self._discharged_us = -_BRAKED_US
        self.least_ma = 0
        self.most_ma = _NEVER_MA

    def look(self, now_us, coldest_dc, lowest_mv, lowest_ma):
        """coldest_dc: None if any sensor is unknown."""
        if lowest_ma < 0:
            self._discharged_us = now_us
        if now_us < self._next_us:
            return
        self._next_us = now_us + _LOOK_US
        least_ma = 0
        most_ma = _NEVER_MA
        if coldest_dc is not None:
            warmth_dc = coldest_dc - self._coldest_dc
            least_ma = self._allowed_ma(warmth_dc - _LATE_DC)
            most_ma = self._allowed_ma(warmth_dc + _OFF_DC)
        slow_ma = self._capacity_ma * _RECOVERY_PERCENT // 100
        if lowest_mv < self._recovered_mv + _OFF_MV:
            self._low_until_us = now_us + _RECOVERED_US + 4 * _LOOK_US
        if now_us < self._low_until_us:
            least_ma = min(least_ma, slow_ma)
        if lowest_mv < self._recovered_mv - _OFF_MV:
            most_ma = min(most_ma, slow_ma)
        if now_us - self._discharged_us < _BRAKED_US:
            # Braking between discharges plates nothing; how much is excused is not judged.
            most_ma = _NEVER_MA
        _take(self._least_ma, least_ma)
        _take(self._most_ma, most_ma)
        self.least_ma = min(self._least_ma)
        self.most_ma = max(self._most_ma)

    def _allowed_ma(self, warmth_dc):
        for step_dc, percent in self._steps:
            if warmth_dc <= step_dc:
                return self._capacity_ma * percent // 100
        return _NEVER_MA

    def excess(self, ma):
        """(at least, at most) so much beyond what is allowed."""
        return ma - self._with_errors(self.most_ma), ma - self._with_errors(self.least_ma)

    def _with_errors(self, allowed_ma):
        return allowed_ma + allowed_ma // 50 + 50 + self._capacity_ma // 200


def _take(values, value):
    values.append(value)
    values.pop(0)
