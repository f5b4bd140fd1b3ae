"""INA226: current through a shunt in 16 bits; its alert guards one direction.

mA (+ = charging), shunt in uOhm, times in ms. A current part like ina228; it keeps no sums.
"""

from micropython import const

from vigil.afe.errors import UNSUPPORTED, AfeError
from vigil.sensor.shunt_monitor import (
    HIGH,
    LOST,
    LOW,
    NEW,
    NO_NUMBER,
    ShuntMonitor,
)

_CONFIG = const(0x00)
_SHUNT = const(0x01)
_CURRENT = const(0x04)
_CALIBRATION = const(0x05)
_MASK = const(0x06)
_LIMIT = const(0x07)
_MANUFACTURER = const(0xFE)
_DIE = const(0xFF)

_RST = const(0x8000)
_TI = const(0x5449)
_DIE_AND_REVISION = const(0x2260)
# One code of current is one code of shunt voltage.
_ONE_TO_ONE = const(2048)

# Shunt alone, 588 us without pause: sixteen of them span 9.4 ms.
_CONTINUOUS = const(0x4000 | 3 << 3 | 5)
_ROUND_US = const(588)
_AVERAGES = (1, 4, 16, 64, 128)
_SLOWER_PERCENT = const(5)

_SHUNT_HIGH = const(0x8000)
_SHUNT_LOW = const(0x4000)
_ALERT_LATCHES = const(0x0001)
_OURS = const(0xFC03)
_TRIPPED = const(0x0010)
_CONVERTED = const(0x0008)
_MATH_OVER = const(0x0004)

_STEP_NV = const(2500)
# 2**15 of it stay below 2**30; for each uOhm the divisor grows by this many thousandths.
_NUMERATOR = const(32000)
_DIVISOR_MILLI = const(12800)


class Ina226(ShuntMonitor):
    """One INA226, options as those of Ina228.

    guard_charge: the alert, which has one limit, guards charging instead of discharging.
    """

    identity = ((_MANUFACTURER, 0, _TI), (_DIE, 0, _DIE_AND_REVISION))
    reset = (_CONFIG, _RST)
    width = 2
    voltage = _SHUNT
    current = _CURRENT
    numerator = _NUMERATOR
    limit_nv = _STEP_NV

    def __init__(
        self,
        i2c,
        *,
        shunt_uohm,
        address=0x40,
        charge_negative=False,
        alert=None,
        alert_cuts=False,
        guard_charge=False,
        average=16,
        read_twice=True,
    ):
        if average not in _AVERAGES:
            raise AfeError(UNSUPPORTED)
        self._mode = _CONTINUOUS | _AVERAGES.index(average) << 9
        self.period_ms = (average * _ROUND_US * (100 + _SLOWER_PERCENT) + 99999) // 100000
        self.alert_ms = self.period_ms
        self.guards_charge = guard_charge
        self.guards_discharge = not guard_charge
        self._looks_up = guard_charge != charge_negative
        self._control = 0
        super().__init__(i2c, address, shunt_uohm, charge_negative, alert, alert_cuts, read_twice)

    # Bring-up.

    def choose_range(self, nv):
        """There is but one."""

    def divisor(self):
        return (self.shunt_nohm * _DIVISOR_MILLI + 500000) // 1000000

    def settings(self, armed):
        # Latching without a limit still tells our settings from those after a reset.
        self._control = _ALERT_LATCHES
        if armed:
            self._control |= _SHUNT_HIGH if self._looks_up else _SHUNT_LOW
        self.write_word(_MASK, self._control)
        return [(_CALIBRATION, _ONE_TO_ONE), (_CONFIG, self._mode)]

    def limit_settings(self, high, low):
        return [(_LIMIT, high if self._looks_up else low)]

    def armed_flags(self):
        return HIGH if self._looks_up else LOW

    # The cycle.

    def look(self):
        """The only reader of this register: each reading takes flags and alert back."""
        flags = self.read_word(_MASK)
        if flags & _OURS != self._control:
            return LOST
        seen = NEW if flags & _CONVERTED else 0
        if flags & _TRIPPED:
            seen |= HIGH if self._looks_up else LOW
        if flags & _MATH_OVER:
            seen |= NO_NUMBER
        return seen

    def code(self, buffer):
        code = buffer[0] << 8 | buffer[1]
        return (code ^ 0x8000) - 0x8000
