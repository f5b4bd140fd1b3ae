"""Backstop requests rounded to what a BQ769x0 can do: wider and slower than asked, or refused.

Runs at bring-up only. mV, mA (+ = charging), ms (short circuit: us), shunt in uOhm. Nothing of
this can be switched off in the chip, so that what would be tighter than asked has to be refused.
"""

from micropython import const

from vigil.afe.errors import UNSUPPORTED, AfeError
from vigil.limits import (
    BACKSTOP_CELL_OVER_VOLTAGE,
    BACKSTOP_CELL_UNDER_VOLTAGE,
    BACKSTOP_DISCHARGE_CURRENT,
    BACKSTOP_SHORT_CIRCUIT,
)

# What the converter is compared with: 0b10_rrrrrrrr_1000 and 0b01_rrrrrrrr_0000. Beyond these
# windows the eight bits of the register would mean some other voltage.
_OVER_FIRST = const(0x2008)
_UNDER_FIRST = const(0x1000)
_STEP = const(16)
_HIGHEST = const(0xFF)

# (nominal, shortest) ms; codes count from 0.
_OVER_DELAYS = ((1000, 700), (2000, 1600), (4000, 3500), (8000, 7000))
_UNDER_DELAYS = ((1000, 700), (4000, 3500), (8000, 7000), (16000, 14000))
_CURRENT_DELAYS = ((8, 6), (20, 16), (40, 32), (80, 64), (160, 128), (320, 256), (640, 512)) + (
    (1280, 1024),
)
# us; the fourth, 400 us, asks for other resistors at the cell inputs and is not used.
_SHORT_DELAYS = ((70, 35), (100, 50), (200, 140))
# mV across the shunt, without and with RSNS, which doubles both kinds.
_SHORT_MV = ((22, 33, 44, 56, 67, 78, 89, 100), (44, 67, 89, 111, 133, 155, 178, 200))
_CURRENT_MV = (
    (8, 11, 14, 17, 19, 22, 25, 28, 31, 33, 36, 39, 42, 44, 47, 50),
    (17, 22, 28, 33, 39, 44, 50, 56, 61, 67, 72, 78, 83, 89, 94, 100),
)

# How much wider than asked.
_VOLTAGE_MARGIN_MV = const(10)
_UNTIMED_VOLTAGE_MARGIN_MV = const(100)
_CURRENT_MARGIN_PERCENT = const(5)
_UNTIMED_CURRENT_MARGIN_PERCENT = const(25)
# The software sees a conversion a cycle late and acts on the next one.
_LATER_MS = const(750)


class Backstop:
    """Register values that back the requests, and `applied`: what they really amount to.

    Voltages, over-current in discharge and the short circuit. Charge current and temperatures are
    not among what the chip can guard: such requests leave nothing in `applied`.
    """

    def __init__(self, requests, gain_uv, offset_mv, shunt_uohm):
        self._gain_uv = gain_uv
        self._offset_mv = offset_mv
        self._shunt_uohm = shunt_uohm
        self.applied = []
        # Without a request as wide as can be.
        self.over_trip = _HIGHEST
        self.under_trip = 0
        self.over_delay = self.under_delay = 3
        # Cells have to be back within these before the chip's trips are cleared.
        self.over_release_mv = self._level_mv(_OVER_FIRST + _STEP * _HIGHEST)
        self.under_release_mv = self._level_mv(_UNDER_FIRST)
        current = short = None
        for request in requests:
            if request[0] == BACKSTOP_CELL_OVER_VOLTAGE:
                self._over_voltage(request[1], request[2], request[3])
            elif request[0] == BACKSTOP_CELL_UNDER_VOLTAGE:
                self._under_voltage(request[1], request[2], request[3])
            elif request[0] == BACKSTOP_DISCHARGE_CURRENT:
                # One comparator: the lower of several levels is backed, and thereby the others.
                if current is None or request[1] > current[1]:
                    current = request
            elif request[0] == BACKSTOP_SHORT_CIRCUIT:
                short = request
        self._currents(current, short)

    def registers(self, protect3):
        """PROTECT1, PROTECT2, PROTECT3, OV_TRIP, UV_TRIP; protect3: as read, TI's own bits."""
        return bytes(
            (
                self._rsns << 7 | self._short_delay << 3 | self._short,
                self._current_delay << 4 | self._current,
                self.under_delay << 6 | self.over_delay << 4 | protect3 & 0x0F,
                self.over_trip,
                self.under_trip,
            )
        )

    def _level_mv(self, value):
        return (value * self._gain_uv + 500) // 1000 + self._offset_mv

    def _over_voltage(self, trip_mv, delay_ms, release_mv):
        self.over_delay, applied_ms, in_time = _slower(_OVER_DELAYS, _later_ms(delay_ms))
        wide_mv = trip_mv + (_VOLTAGE_MARGIN_MV if in_time else _UNTIMED_VOLTAGE_MARGIN_MV)
        least = _ceil((wide_mv - self._offset_mv) * 1000, self._gain_uv)
        self.over_trip = max(0, _ceil(least - _OVER_FIRST, _STEP))
        if self.over_trip > _HIGHEST:
            raise AfeError(UNSUPPORTED)
        applied_mv = self._level_mv(_OVER_FIRST + _STEP * self.over_trip)
        self.over_release_mv = min(release_mv, applied_mv - 1)
        self.applied.append((BACKSTOP_CELL_OVER_VOLTAGE, applied_mv, applied_ms))

    def _under_voltage(self, trip_mv, delay_ms, release_mv):
        self.under_delay, applied_ms, in_time = _slower(_UNDER_DELAYS, _later_ms(delay_ms))
        wide_mv = trip_mv - (_VOLTAGE_MARGIN_MV if in_time else _UNTIMED_VOLTAGE_MARGIN_MV)
        most = (wide_mv - self._offset_mv) * 1000 // self._gain_uv
        self.under_trip = min(_HIGHEST, (most - _UNDER_FIRST) // _STEP)
        if self.under_trip < 0:
            raise AfeError(UNSUPPORTED)
        applied_mv = self._level_mv(_UNDER_FIRST + _STEP * self.under_trip)
        self.under_release_mv = max(release_mv, applied_mv + 1)
        self.applied.append((BACKSTOP_CELL_UNDER_VOLTAGE, applied_mv, applied_ms))

    def _currents(self, current, short):
        """Find the one RSNS with which both thresholds can be expressed, the finer one first."""
        delay_ms = _later_ms(current[2]) if current else 0
        self._current_delay, current_ms, current_in_time = _slower(_CURRENT_DELAYS, delay_ms)
        delay_us = short[2] if short else 0
        self._short_delay, short_us, short_in_time = _slower(_SHORT_DELAYS, delay_us)
        for rsns in (0, 1):
            self._rsns = rsns
            self._current = self._threshold(
                _CURRENT_MV[rsns], current, _CURRENT_MARGIN_PERCENT, current_in_time
            )
            self._short = self._threshold(_SHORT_MV[rsns], short, 0, short_in_time)
            if self._current >= 0 and self._short >= 0:
                break
        else:
            raise AfeError(UNSUPPORTED)
        if current:
            applied_ma = self._milliamperes(_CURRENT_MV[rsns][self._current])
            self.applied.append((BACKSTOP_DISCHARGE_CURRENT, -applied_ma, current_ms))
        if short:
            applied_ma = self._milliamperes(_SHORT_MV[rsns][self._short])
            self.applied.append((BACKSTOP_SHORT_CIRCUIT, -applied_ma, short_us))

    def _threshold(self, thresholds_mv, request, margin_percent, in_time):
        """Code of the lowest threshold that even at its worst lies beyond the request, or -1."""
        if request is None:
            return len(thresholds_mv) - 1
        asked_ma = -request[1]
        if asked_ma <= 0:
            # A limit of the wrong sign would guard nothing.
            raise AfeError(UNSUPPORTED)
        asked_nv = asked_ma * self._shunt_uohm
        worst_nv = asked_nv + _ceil(asked_nv * margin_percent, 100)
        untimed_nv = asked_nv + _ceil(asked_nv * _UNTIMED_CURRENT_MARGIN_PERCENT, 100)
        for code, threshold_mv in enumerate(thresholds_mv):
            # 10 % of scale and 2.5 mV of offset may be missing.
            lowest_nv = threshold_mv * 900000 - 2500000
            if lowest_nv >= worst_nv and (in_time or threshold_mv * 1000000 >= untimed_nv):
                return code
        return -1

    def _milliamperes(self, threshold_mv):
        return threshold_mv * 1000000 // self._shunt_uohm


def _ceil(number, divisor):
    return -(-number // divisor)


def _later_ms(delay_ms):
    return _ceil(delay_ms * 5, 4) + _LATER_MS


def _slower(delays, wanted):
    """(code, nominal, whether in time) of the first delay that is never shorter than wanted."""
    for code, (nominal, shortest) in enumerate(delays):
        if shortest >= wanted:
            return code, nominal, True
    return code, nominal, False
