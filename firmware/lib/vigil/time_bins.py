"""Seconds of the pack's life by temperature, charge, current and voltage; for vigil.totals."""

from micropython import const

from vigil import limits
from vigil.sample import CELLS, TEMPS, UNKNOWN

# Seconds by the hottest sensor, the charge, the current, and the highest cell; by temperature and
# charge, by temperature and current; warned, tripped.
_CHARGES = const(8)
_CURRENTS = const(18)
_VOLTAGES = const(28)
_BOTH = const(36)
_HEAT = const(66)
_OUTSIDE = const(96)
_END = const(98)
# Upper ends in degC, from -50 on; of the current in per cent of the capacity an hour: rest
# below the first, then four of charging, then five of discharging; and how far in 10 mV the
# highest cell is below the chemistry's over-voltage.
_DEGREES = b"\x28\x32\x3c\x4b\x55\x5f\x69"
_RATES = b"\x14\x32\x64\xc8"
_BELOW = b"\x05\x0a\x0f\x14\x1e\x28\x3c"
RESTS_BELOW = const(50)  # a fiftieth of the capacity an hour
# Together they have fewer bins: temperatures below 0, 10, 25, 35, 45, above; charge by 20 %;
# at rest, charging below 0.5 C, above, discharging likewise.
_COARSE_TEMPS = b"\x00\x00\x05\x0a\x0f\x14\x19\x19"
_COARSE_RATES = b"\x00\x01\x01\x02\x02\x03\x03\x04\x04\x04"
_MOST = const(0x1FFFFFFE)


class TimeBins:
    def __init__(self, bms, words):
        """words: a memoryview of 98 integers."""
        self._bms = bms
        self._words = words
        # Read by the points, through vigil.totals.
        self.views = [
            words[:_CHARGES],
            words[_CHARGES:_CURRENTS],
            words[_CURRENTS:_VOLTAGES],
            words[_VOLTAGES:_BOTH],
            words[_BOTH:_OUTSIDE],
            words[_OUTSIDE:_END],
        ]

    def note(self, current_ma, cells_known, temps_known, whole_s):
        """current_ma: UNKNOWN while it is not known."""
        bms = self._bms
        sample = bms.sample
        if cells_known:
            below = (bms.chemistry.over_voltage_mv[0] - sample.highest(CELLS)) // 10
            self._add(_VOLTAGES + _place(_BELOW, below), whole_s)
        coarse = -1
        if temps_known:
            degrees = max(0, min(sample.highest(TEMPS) // 10 + 50, 255))
            at = _place(_DEGREES, degrees)
            self._add(at, whole_s)
            coarse = _COARSE_TEMPS[at]
        permille = bms.estimator.shown_permille
        if permille != UNKNOWN:
            at = min(permille // 100, 9)
            self._add(_CHARGES + at, whole_s)
            if coarse >= 0:
                self._add(_BOTH + coarse + at // 2, whole_s)
        if current_ma != UNKNOWN:
            capacity_mah = bms.counter.capacity_mah
            at = 0
            if abs(current_ma) >= capacity_mah // RESTS_BELOW:
                percent = min(abs(current_ma) // (capacity_mah // 100 or 1), 255)
                if current_ma > 0:
                    at = 1 + _place(_RATES[:3], percent)
                else:
                    at = 5 + _place(_RATES, percent)
            self._add(_CURRENTS + at, whole_s)
            if coarse >= 0:
                self._add(_HEAT + coarse + _COARSE_RATES[at], whole_s)
        actions = bms.protection.actions
        if actions & (limits.OPEN_BOTH | limits.WARNING):
            self._add(_OUTSIDE + (1 if actions & limits.OPEN_BOTH else 0), whole_s)

    def _add(self, at, count):
        self._words[at] = min(self._words[at] + count, _MOST)


def _place(ends, value):
    at = 0
    while at < len(ends) and value >= ends[at]:
        at += 1
    return at
