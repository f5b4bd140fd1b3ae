"""INA228: current through a shunt, sums of charge and energy, alert as hardware over-current.

mA (+ = charging), shunt in uOhm, times in ms. The current part of a front end: read() runs in the
cycle and allocates nothing; configure(), verify() and the sums do not belong there.
"""

from micropython import const

from vigil.afe.errors import CHECK_FAILED, NOT_CONFIGURED, UNSUPPORTED, AfeError, failure
from vigil.sensor.shunt_monitor import (
    BROKEN,
    HIGH,
    LOST,
    LOW,
    NEW,
    NO_NUMBER,
    ShuntMonitor,
)

_CONFIG = const(0x00)
_ADC_CONFIG = const(0x01)
_SHUNT_CAL = const(0x02)
_SHUNT_TEMPCO = const(0x03)
_VSHUNT = const(0x04)
_CURRENT = const(0x07)
_ENERGY = const(0x09)
_CHARGE = const(0x0A)
_DIAG_ALRT = const(0x0B)
_SOVL = const(0x0C)
_SUVL = const(0x0D)
_MANUFACTURER = const(0x3E)
_DEVICE = const(0x3F)

_RST = const(0x8000)
_FINE_RANGE = const(0x0010)
_TI = const(0x5449)
_DIE = const(0x228)
# One code of current is one code of shunt voltage, in both ranges.
_ONE_TO_ONE = const(4096)

# Shunt 540 us and bus 84 us, without pause: sixteen of them span 10 ms, so that the ripple of a
# single-phase inverter is averaged and every cycle finds a new value.
_CONTINUOUS = const(0xB000 | 1 << 9 | 4 << 6)
_ROUND_US = const(624)
_AVERAGES = (1, 4, 16, 64, 128)
# How slow the chip's clock may be.
_SLOWER_PERCENT = const(5)

_ALERT_LATCHES = const(0x8000)
_ALERT_AVERAGED = const(0x2000)
_OURS = const(0xF100)
_MATH_OVER = const(0x0200)
_SHUNT_HIGH = const(0x0040)
_SHUNT_LOW = const(0x0020)
_CONVERTED = const(0x0002)
_MEMORY_GOOD = const(0x0001)

_FINE_NV = const(1250)
_COARSE_NV = const(5000)
_FINE_FULL_NV = const(40600000)
# Numerator of mA = code * _NUMERATOR / divisor: 2**19 of it stay below 2**30. For each uOhm the
# divisor grows by this many thousandths.
_NUMERATOR = const(2000)
_FINE_DIVISOR_MILLI = const(25600)
_COARSE_DIVISOR_MILLI = const(6400)
# One code of shunt voltage in the fine range.
_FINE_PV = const(78125)
_FORTY_BITS = 0xFFFFFFFFFF


class Ina228(ShuntMonitor):
    """One INA228.

    shunt_uohm: calibrated, with a fraction if need be. charge_negative: the shunt is wired so
    that charging reads negative. alert: input pin, 0 = the alert is on; alert_cuts: the alert also
    takes the coils' current away, and so backs limits. average: conversions in one value, 1, 4,
    16, 64 or 128; alert_averaged: the alert looks at these, not at single ones. read_twice:
    compare the registers of current and shunt voltage.
    """

    identity = ((_MANUFACTURER, 0, _TI), (_DEVICE, 4, _DIE))
    reset = (_CONFIG, _RST)
    width = 3
    voltage = _VSHUNT
    current = _CURRENT
    numerator = _NUMERATOR
    guards_charge = True
    guards_discharge = True

    def __init__(
        self,
        i2c,
        *,
        shunt_uohm,
        address=0x40,
        charge_negative=False,
        alert=None,
        alert_cuts=False,
        average=16,
        alert_averaged=True,
        read_twice=True,
    ):
        if average not in _AVERAGES:
            raise AfeError(UNSUPPORTED)
        self._mode = _CONTINUOUS | _AVERAGES.index(average)
        self.period_ms = _slow_ms(average)
        self.alert_ms = self.period_ms if alert_averaged else _slow_ms(1)
        self._control = _ALERT_LATCHES | (_ALERT_AVERAGED if alert_averaged else 0)
        self._fine = False
        self._sum = bytearray(5)
        self._last_charge = 0
        self._last_energy = 0
        self._charge = 0
        self._energy = 0
        super().__init__(i2c, address, shunt_uohm, charge_negative, alert, alert_cuts, read_twice)

    # Bring-up.

    def choose_range(self, nv):
        """The finer one where the alert's limits fit it."""
        self._fine = 0 < nv <= _FINE_FULL_NV
        self.limit_nv = _FINE_NV if self._fine else _COARSE_NV

    def divisor(self):
        milli = _FINE_DIVISOR_MILLI if self._fine else _COARSE_DIVISOR_MILLI
        return (self.shunt_nohm * milli + 500000) // 1000000

    def settings(self, armed):
        # The reset has emptied the sums.
        self._last_charge = 0
        self._last_energy = 0
        self._fine_codes = 1 if self._fine else 4
        self.write_word(_DIAG_ALRT, self._control)
        return [
            (_CONFIG, _FINE_RANGE if self._fine else 0),
            (_SHUNT_CAL, _ONE_TO_ONE),
            (_SHUNT_TEMPCO, 0),
            (_ADC_CONFIG, self._mode),
        ]

    def limit_settings(self, high, low):
        return [(_SOVL, high), (_SUVL, low)]

    def armed_flags(self):
        return HIGH | LOW

    # The cycle.

    def look(self):
        """The only reader of this register: each reading takes flags and alert back."""
        flags = self.read_word(_DIAG_ALRT)
        if flags & _OURS != self._control:
            return LOST
        seen = NEW if flags & _CONVERTED else 0
        if flags & _SHUNT_HIGH:
            seen |= HIGH
        if flags & _SHUNT_LOW:
            seen |= LOW
        if flags & _MATH_OVER:
            seen |= NO_NUMBER
        if not flags & _MEMORY_GOOD:
            seen |= BROKEN
        return seen

    def code(self, buffer):
        if buffer[2] & 0x0F:
            # Four bits that are always 0: a disturbed transfer.
            self.check_errors += 1
            raise failure(CHECK_FAILED)
        code = buffer[0] << 12 | buffer[1] << 4 | buffer[2] >> 4
        return (code ^ 0x80000) - 0x80000

    # Sums that the chip keeps by itself; big integers, not for the cycle.

    def charge_mas(self):
        """mA seconds since the first bring-up, + = into the pack.

        The chip's counter may roll over, so ask at least once a week.
        """
        code = self._read_sum(_CHARGE)
        # The difference, not the counter: it may have rolled over.
        moved = (code - self._last_charge) & _FORTY_BITS
        if moved >> 39:
            moved -= _FORTY_BITS + 1
        self._last_charge = code
        self._charge += moved * self._fine_codes
        return self._sign * (self._charge * _FINE_PV // self.shunt_nohm)

    def energy_mj(self):
        """mJ since the first bring-up, both directions added; needs the bus voltage wired."""
        code = self._read_sum(_ENERGY)
        self._energy += ((code - self._last_energy) & _FORTY_BITS) * self._fine_codes
        self._last_energy = code
        # A code counts 51.2 V times that of the current.
        return self._energy * _FINE_PV * 512 // (self.shunt_nohm * 10)

    def _read_sum(self, register):
        if not self.configured:
            raise failure(NOT_CONFIGURED)
        self.read_into(register, self._sum)
        code = 0
        for byte in self._sum:
            code = code << 8 | byte
        return code


def _slow_ms(average):
    """How long a value takes at most, in whole ms."""
    return (average * _ROUND_US * (100 + _SLOWER_PERCENT) + 99999) // 100000
