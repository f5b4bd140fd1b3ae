"""What the Bluetooth standards show of a battery: level, and level status."""

from micropython import const

from vigil import limits
from vigil.sample import UNKNOWN
from vigil.switches import LATCHED

_PRESENT = const(1)
_POWERED = const(1)  # shift of what feeds it: 0 nothing, 1 something, 2 not known
_CHARGING = const(1 << 5)
_DISCHARGING = const(2 << 5)
_IDLE = const(3 << 5)
_GOOD = const(1 << 7)
_LOW = const(2 << 7)
_CRITICAL = const(3 << 7)
_HAS_LEVEL = const(6)  # and what is behind it
_FAULT = const(4)
_LOW_PCT = const(20)
_CRITICAL_PCT = const(10)
_STILL_SHARE = const(500)


class Battery:
    """level, status: handles of the characteristics."""

    def __init__(self, status, level, status_handle):
        self._bms = status.bms
        self._level_handle = level
        self._status_handle = status_handle
        self._level = bytearray(1)
        self._status = bytearray(5)
        self._told = bytearray(6)
        self._is_told = False

    def tell(self, radio):
        """Anew to whoever has subscribed, if there is something new."""
        bms = self._bms
        sample = bms.sample
        permille = bms.estimator.shown_permille
        level = 0
        power = _PRESENT
        if permille <= 1000:
            level = (permille + 5) // 10
            power |= _CRITICAL if level < _CRITICAL_PCT else _LOW if level < _LOW_PCT else _GOOD
        seen = sample.charger_seen
        power |= (2 if seen < 0 else seen) << _POWERED
        current_ma = sample.values[sample.current_at]
        if current_ma != UNKNOWN:
            still_ma = bms.counter.capacity_mah // _STILL_SHARE
            if current_ma > still_ma:
                power |= _CHARGING
            else:
                power |= _DISCHARGING if current_ma < 0 - still_ma else _IDLE
        told = self._status
        told[0] = _HAS_LEVEL
        told[1] = power & 0xFF
        told[2] = power >> 8
        told[3] = self._level[0] = level
        told[4] = _FAULT if has_problem(bms) else 0
        if self._is_told and told == self._told:
            return
        self._told = bytearray(told)
        try:
            radio.gatts_write(self._level_handle, self._level, True)
            radio.gatts_write(self._status_handle, told, True)
            self._is_told = True
        except OSError:
            # The next round tells.
            self._is_told = False


def has_problem(bms):
    """A limit holds a switch open, one is latched, or the start has not passed its test."""
    if bms.protection.actions & (limits.OPEN_CHARGE | limits.OPEN_DISCHARGE):
        return True
    state = bms.switches.state
    return state[0] == LATCHED or state[1] == LATCHED or not bms.self_test_passed
