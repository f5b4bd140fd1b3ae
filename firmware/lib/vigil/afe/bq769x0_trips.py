"""BQ769x0 trips: what SYS_STAT means for the Sample and the switches, and when a bit is cleared.

The chip opens a switch by itself, never closes one, and keeps the bit until it is cleared: if the
cause still stands, the bit is back at the next look. Runs in the cycle.
"""

from micropython import const

from vigil.sample import (
    CHARGE_TRIP_LOAD,
    CHARGE_TRIP_OVER_VOLTAGE,
    DISCHARGE_TRIP_OVER_CURRENT,
    DISCHARGE_TRIP_SHORT_CIRCUIT,
    DISCHARGE_TRIP_UNDER_VOLTAGE,
    FAULT_INTERNAL,
    UNKNOWN,
)

_OCD = const(0x01)
_SCD = const(0x02)
_OV = const(0x04)
_UV = const(0x08)
_OVERRIDE = const(0x10)
_XREADY = const(0x20)
_CURRENTS = const(0x03)

_CHARGE_ON = const(0x01)
_DISCHARGE_ON = const(0x02)
_NO_CHARGE = const(0x34)  # over-voltage, override, lost link
_NO_DISCHARGE = const(0x3B)  # under-voltage, over-current, short circuit, override, lost link

# From the trip to the earliest clearing, and from the last sign of a load.
_CURRENT_MS = const(5000)
_NO_LOAD_MS = const(1000)
_OVERRIDE_MS = const(1000)
_TICKS = const(0x3FFFFFFF)


class Trips:
    """`load_seen` is what the driver knows of the load: 1, 0, or -1 for nothing."""

    def __init__(self, load_detect):
        self._load_detect = load_detect
        self.load_seen = -1
        self._over_release_mv = 0
        self._under_release_mv = 0
        self._seen = 0
        self._current_ms = 0
        self._load_ms = 0
        self._override_ms = 0
        self.overrides = 0  # times that a second protector has pulled ALERT

    def brought_up(self, over_release_mv, under_release_mv):
        self._over_release_mv = over_release_mv
        self._under_release_mv = under_release_mv
        self._seen = 0

    def allows(self, status):
        """Bits of SYS_CTRL2 that may be set while SYS_STAT says this."""
        allowed = 0
        if not status & _NO_CHARGE and not (status & _CURRENTS and self._load_detect):
            allowed = _CHARGE_ON
        if not status & _NO_DISCHARGE:
            allowed |= _DISCHARGE_ON
        return allowed

    def follow(self, status, cells_mv, sample, now_ms):
        """Put the trips into the Sample; returns the bits that may be cleared now."""
        appeared = status & (self._seen ^ 0xFF)
        self._seen = status
        charge = 0
        discharge = 0
        handled = 0
        if status & _OV:
            charge |= CHARGE_TRIP_OVER_VOLTAGE
            if self._all_below(cells_mv):
                handled |= _OV
        if status & _UV:
            discharge |= DISCHARGE_TRIP_UNDER_VOLTAGE
            if self._all_above(cells_mv):
                handled |= _UV
        if status & _CURRENTS:
            if status & _OCD:
                discharge |= DISCHARGE_TRIP_OVER_CURRENT
            if status & _SCD:
                discharge |= DISCHARGE_TRIP_SHORT_CIRCUIT
            if self._load_detect:
                # The load can be looked for only with the charge switch open as well.
                charge |= CHARGE_TRIP_LOAD
            if appeared & _CURRENTS:
                self._current_ms = now_ms
                self._load_ms = now_ms
            elif self._is_over(now_ms):
                handled |= status & _CURRENTS
        fault = 0
        if status & _OVERRIDE:
            fault = FAULT_INTERNAL
            if appeared & _OVERRIDE:
                self.overrides += 1
                self._override_ms = now_ms
            elif (now_ms - self._override_ms) & _TICKS >= _OVERRIDE_MS:
                self._override_ms = now_ms
                handled |= _OVERRIDE
        sample.front_end_charge_trip = charge
        sample.front_end_discharge_trip = discharge
        sample.front_end_fault = fault
        return handled

    def _is_over(self, now_ms):
        """Enough time has passed, and the load has been seen gone where that can be seen."""
        if self._load_detect and self.load_seen:
            self._load_ms = now_ms
            return False
        return (now_ms - self._current_ms) & _TICKS >= _CURRENT_MS and (
            now_ms - self._load_ms
        ) & _TICKS >= _NO_LOAD_MS

    def _all_below(self, cells_mv):
        for cell_mv in cells_mv:
            # An unknown cell is far above.
            if cell_mv >= self._over_release_mv:
                return False
        return True

    def _all_above(self, cells_mv):
        for cell_mv in cells_mv:
            if cell_mv <= self._under_release_mv or cell_mv == UNKNOWN:
                return False
        return True
