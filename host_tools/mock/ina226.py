"""Register-level model of an INA226 shunt monitor on its bench, for the virtual clock.

Written from the fact sheet, independently of the driver. One limit only; no sums.
"""

from host_tools.mock.ina2xx import Ina2xx, clipped, rounded, signed

_CONFIG, _SHUNT, _BUS, _POWER, _CURRENT, _CAL, _MASK, _LIMIT = range(8)
_CONFIG_RESET = 0x4127
_RST = 0x8000
_SOL, _SUL, _BOL, _BUL, _POL = 0x8000, 0x4000, 0x2000, 0x1000, 0x0800
_CNVR, _AFF, _CVRF, _OVF, _APOL, _LEN = 0x0400, 0x10, 0x08, 0x04, 0x02, 0x01
_WRITABLE_MASK = 0xFC00 | _APOL | _LEN
_TIMES_US = (140, 204, 332, 588, 1100, 2116, 4156, 8244)
_UV_25 = 2500.0


class Ina226Model(Ina2xx):
    """alert_line: the copper at the ALERT pin, which needs a pull-up."""

    die_id = 0x2260

    def __init__(
        self, clock, bench, *, shunt_uohm=500, bus_mv=None, reversed_shunt=False, alert_line=None
    ):
        super().__init__(clock, bench, shunt_uohm, bus_mv, reversed_shunt, alert_line)
        self._answers_from_us = clock.now_us + self.powered_us
        self.reset()

    def reset(self):
        self._config = _CONFIG_RESET
        self._cal = self._limit = self._control = self._flags = 0
        self.shunt = self.bus = self.power = self.current = 0
        self._restart()
        self._show()

    def _read(self, register):
        if register == _MASK:
            word = self._control | self._flags
            self._flags &= ~_CVRF
            if self._control & _LEN:
                self._flags &= ~_AFF
            self._show()
        else:
            word = self._word(register)
        if word is None:
            return b""
        return bytes([word >> 8 & 0xFF, word & 0xFF])

    def _word(self, register):
        words = (self._config, self.shunt, self.bus, self.power, self.current, self._cal)
        if register < len(words):
            return words[register]
        return {_LIMIT: self._limit, 0xFE: 0x5449, 0xFF: self.die_id}.get(register)

    def _write(self, register, value):
        if register == _CONFIG:
            if value & _RST:
                self.reset()
                return
            self._config = value & 0x0FFF | 0x4000
            self._flags &= ~_CVRF
            self._restart()
        elif register == _CAL:
            self._cal = value & 0x7FFF
        elif register == _MASK:
            self._control = value & _WRITABLE_MASK
        elif register == _LIMIT:
            self._limit = value
        self._show()

    @property
    def _continuous(self):
        return self._config & 4

    @property
    def _average(self):
        return self._config >> 9 & 7

    def _one_cycle_us(self):
        us = 0
        if self._config & 1:
            us += _TIMES_US[self._config >> 3 & 7]
        if self._config & 2:
            us += _TIMES_US[self._config >> 6 & 7]
        return us

    def _sample(self):
        return (
            self._shunt_code(self.shunt_nv()),
            min(0x7FFF, max(0, rounded(self.bus_mv() / 1.25))),
            0,
        )

    def _shunt_code(self, nv):
        return clipped(rounded(nv / _UV_25), 16)

    def _show_shunt(self, nv):
        self.shunt = self._shunt_code(nv)

    def _look_at_sample(self, sample):
        """The limit is compared with results, not with single samples."""

    def _finish(self, values, us):
        if self._config & 1:
            self.shunt = values[0]
            if self.after_measuring is not None:
                self.after_measuring()
        if self._config & 2:
            self.bus = values[1]
        product = abs(self.shunt) * self._cal // 2048
        current = product if self.shunt >= 0 else -product
        power = abs(current) * self.bus // 20000
        self.current = clipped(current, 16)
        self.power = min(power, 0xFFFF)
        self._flags |= _CVRF
        self._flags &= ~_OVF
        if self.current != current or self.power != power:
            self._flags |= _OVF
        if self._exceeded():
            self._flags |= _AFF
        elif not self._control & _LEN:
            self._flags &= ~_AFF
        self._show()

    def _exceeded(self):
        """Of several functions that were chosen the highest bit wins."""
        control = self._control
        if control & _SOL:
            return self.shunt > signed(self._limit)
        if control & _SUL:
            return self.shunt < signed(self._limit)
        if control & _BOL:
            return self.bus > self._limit
        if control & _BUL:
            return self.bus < self._limit
        return bool(control & _POL) and self.power > self._limit

    def _show(self):
        flags = self._flags & _AFF
        if self._control & _CNVR:
            flags |= self._flags & _CVRF
        self._show_alert(bool(flags), bool(self._control & _APOL))
