"""Register-level model of an INA228 shunt monitor on its bench, for the virtual clock.

Written from the fact sheet, independently of the driver. All registers are integers, as in the
chip: current = shunt * 4096 / SHUNT_CAL, sums of charge and energy in parts of a microsecond.
"""

from host_tools.mock.ina2xx import Ina2xx, clipped, rounded, signed

_CONFIG, _ADC_CONFIG, _SHUNT_CAL, _SHUNT_TEMPCO = 0x00, 0x01, 0x02, 0x03
_DIAG_ALRT = 0x0B
_SOVL, _SUVL, _BOVL, _BUVL, _TEMP_LIMIT, _PWR_LIMIT = 0x0C, 0x0D, 0x0E, 0x0F, 0x10, 0x11
_RESET = {
    _CONFIG: 0x0000,
    _ADC_CONFIG: 0xFB68,
    _SHUNT_CAL: 0x1000,
    _SHUNT_TEMPCO: 0x0000,
    _SOVL: 0x7FFF,
    _SUVL: 0x8000,
    _BOVL: 0x7FFF,
    _BUVL: 0x0000,
    _TEMP_LIMIT: 0x7FFF,
    _PWR_LIMIT: 0xFFFF,
}
_WRITABLE = {
    _SHUNT_CAL: 0x7FFF,
    _SHUNT_TEMPCO: 0x3FFF,
    _SOVL: 0xFFFF,
    _SUVL: 0xFFFF,
    _BOVL: 0x7FFF,
    _BUVL: 0x7FFF,
    _TEMP_LIMIT: 0xFFFF,
    _PWR_LIMIT: 0xFFFF,
}
_RST = 0x8000
_RSTACC = 0x4000
_TEMPCOMP = 0x0020
_ADCRANGE = 0x0010

_ALATCH, _CNVR, _SLOWALERT, _APOL = 0x8000, 0x4000, 0x2000, 0x1000
_ENERGYOF, _CHARGEOF, _MATHOF = 0x0800, 0x0400, 0x0200
_TMPOL, _SHNTOL, _SHNTUL, _BUSOL, _BUSUL, _POL = 0x80, 0x40, 0x20, 0x10, 0x08, 0x04
_CNVRF, _MEMSTAT = 0x02, 0x01
_LIMITS = _TMPOL | _SHNTOL | _SHNTUL | _BUSOL | _BUSUL | _POL

_TIMES_US = (50, 84, 150, 280, 540, 1052, 2074, 4120)
_BUS, _SHUNT, _TEMP = 1, 2, 4

_MICRO = 1_000_000
_ENERGY_SHIFT = 16
_SUM_BITS = 40


class Ina228Model(Ina2xx):
    """alert_line: the copper at the ALERT pin, which needs a pull-up."""

    device_id = 0x2281
    # Whether RSTACC goes back to 0 by itself is not said.
    accumulator_reset_clears = False
    # Fault hook: trim memory found damaged.
    memory_good = True

    def __init__(
        self, clock, bench, *, shunt_uohm=500, bus_mv=None, reversed_shunt=False, alert_line=None
    ):
        super().__init__(clock, bench, shunt_uohm, bus_mv, reversed_shunt, alert_line)
        self._answers_from_us = clock.now_us + self.powered_us
        self.reset()

    def reset(self):
        self._words = dict(_RESET)
        self._control = 0
        self._flags = 0
        self.vshunt = self.vbus = self.dietemp = self.current = self.power = 0
        self._clear_sums()
        self._restart()
        self._show()

    def _clear_sums(self):
        self._charge = 0
        self._energy = 0
        self._flags &= ~(_ENERGYOF | _CHARGEOF | _MATHOF)

    # Registers

    def _read(self, register):
        words = self._words
        if register in words:
            return _bytes(words[register], 2)
        if register == 0x04:
            return _bytes(self.vshunt << 4, 3)
        if register == 0x05:
            return _bytes(self.vbus << 4, 3)
        if register == 0x06:
            return _bytes(self.dietemp, 2)
        if register == 0x07:
            return _bytes(self.current << 4, 3)
        if register == 0x08:
            return _bytes(self.power, 3)
        if register == 0x09:
            self._flags &= ~_ENERGYOF
            return _bytes(self.energy, 5)
        if register == 0x0A:
            self._flags &= ~_CHARGEOF
            return _bytes(self.charge, 5)
        if register == _DIAG_ALRT:
            return self._read_flags()
        if register == 0x3E:
            return _bytes(0x5449, 2)
        if register == 0x3F:
            return _bytes(self.device_id, 2)
        return b""

    def _read_flags(self):
        word = self._control | self._flags
        if self.memory_good:
            word |= _MEMSTAT
        self._flags &= ~_CNVRF
        if self._control & _ALATCH:
            self._flags &= ~_LIMITS
        self._show()
        return _bytes(word, 2)

    def _write(self, register, value):
        if register == _CONFIG:
            if value & _RST:
                self.reset()
                return
            if value & _RSTACC:
                self._clear_sums()
                if self.accumulator_reset_clears:
                    value &= ~_RSTACC
            self._words[_CONFIG] = value & 0x7FF0
        elif register == _ADC_CONFIG:
            self._words[_ADC_CONFIG] = value
            self._flags &= ~_CNVRF
            self._restart((self._words[_CONFIG] >> 6 & 0xFF) * 2000)
        elif register == _DIAG_ALRT:
            self._control = value & (_ALATCH | _CNVR | _SLOWALERT | _APOL)
        elif register in _WRITABLE:
            self._words[register] = value & _WRITABLE[register]
        self._show()

    # Conversions

    @property
    def _mode(self):
        return self._words[_ADC_CONFIG] >> 12

    @property
    def _continuous(self):
        return self._mode & 8

    @property
    def _average(self):
        return self._words[_ADC_CONFIG] & 7

    def _one_cycle_us(self):
        config = self._words[_ADC_CONFIG]
        us = 0
        if self._mode & _BUS:
            us += _TIMES_US[config >> 9 & 7]
        if self._mode & _SHUNT:
            us += _TIMES_US[config >> 6 & 7]
        if self._mode & _TEMP:
            us += _TIMES_US[config >> 3 & 7]
        return us

    def _sample(self):
        shunt = self._shunt_code(self.shunt_nv())
        bus = clipped(max(0, rounded(self.bus_mv() / 0.1953125)), 20)
        return shunt, bus, clipped(rounded(self.bench.die_c / 0.0078125), 16)

    def _shunt_code(self, nv):
        nv_per_lsb = 78.125 if self._words[_CONFIG] & _ADCRANGE else 312.5
        return clipped(rounded(nv / nv_per_lsb), 20)

    def _show_shunt(self, nv):
        self.vshunt = self._shunt_code(nv)

    def _look_at_sample(self, sample):
        if not self._control & _SLOWALERT:
            self._compare(sample[0], sample[1], sample[2], None)

    def _finish(self, values, us):
        mode = self._mode
        if mode & _SHUNT:
            self.vshunt = values[0]
            if self.after_measuring is not None:
                self.after_measuring()
        if mode & _BUS:
            self.vbus = values[1]
        if mode & _TEMP:
            self.dietemp = values[2]
        self._calculate()
        self._sum_up(us)
        self._flags |= _CNVRF
        if self._control & _SLOWALERT:
            self._compare(self.vshunt, self.vbus, self.dietemp, self.power)
        else:
            self._compare(None, None, None, self.power)

    def _calculate(self):
        words = self._words
        cal = words[_SHUNT_CAL]
        self._flags &= ~_MATHOF
        current = 0
        if cal:
            current = _quotient(self.vshunt * 4096, cal)
            if words[_CONFIG] & _TEMPCOMP:
                # Of the shunt's resistance, by the temperature of the chip, from 25 degC on.
                more = words[_SHUNT_TEMPCO] * (self.dietemp - 3200)
                current = _quotient(current * 128 * _MICRO, 128 * _MICRO + more)
        power = abs(current) * self.vbus // 16384
        self.current = clipped(current, 20)
        self.power = min(power, 0xFFFFFF)
        if self.current != current or self.power != power:
            self._flags |= _MATHOF

    def _sum_up(self, us):
        whole = 1 << _SUM_BITS
        self._energy += self.power * us
        if self._energy >= whole * _ENERGY_SHIFT * _MICRO:
            self._energy -= whole * _ENERGY_SHIFT * _MICRO
            self._flags |= _ENERGYOF
        self._charge += self.current * us
        half = (whole >> 1) * _MICRO
        if not -half <= self._charge < half:
            self._charge += -2 * half if self._charge > 0 else 2 * half
            self._flags |= _CHARGEOF

    @property
    def energy(self):
        return self._energy // (_ENERGY_SHIFT * _MICRO)

    @property
    def charge(self):
        return _quotient(self._charge, _MICRO)

    # Limits

    def _compare(self, shunt, bus, temp, power):
        words = self._words
        mode = self._mode
        if mode & _SHUNT and shunt is not None:
            self._flag(_SHNTOL, shunt > signed(words[_SOVL]) * 16)
            self._flag(_SHNTUL, shunt < signed(words[_SUVL]) * 16)
        if mode & _BUS and bus is not None:
            self._flag(_BUSOL, bus > words[_BOVL] * 16)
            self._flag(_BUSUL, bus < words[_BUVL] * 16)
        if mode & _TEMP and temp is not None:
            self._flag(_TMPOL, temp > signed(words[_TEMP_LIMIT]))
        if power is not None:
            self._flag(_POL, power > words[_PWR_LIMIT] * 256)
        self._show()

    def _flag(self, flag, exceeded):
        if exceeded:
            self._flags |= flag
        elif not self._control & _ALATCH:
            self._flags &= ~flag

    def _show(self):
        flags = self._flags & _LIMITS
        if self._control & _CNVR:
            flags |= self._flags & _CNVRF
        self._show_alert(bool(flags), bool(self._control & _APOL))


def _bytes(value, count):
    value &= (1 << 8 * count) - 1
    return bytes([value >> 8 * at & 0xFF for at in range(count - 1, -1, -1)])


def _quotient(value, by):
    """Towards zero, as far as the sheet's examples tell."""
    return value // by if value >= 0 else -(-value // by)
