"""Shunt monitors for the drivers' tests: registers by hand, every access recorded.

As simple as the tests allow and written for them alone. A test says what the next conversions
find; wait() lets them happen.
"""

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from vigil.afe.errors import AfeError
from vigil.limits import BACKSTOP_CHARGE_CURRENT, BACKSTOP_DISCHARGE_CURRENT
from vigil.sample import Sample
from vigil.sensor.ina226 import Ina226
from vigil.sensor.ina228 import Ina228

REQUESTS = (
    (BACKSTOP_CHARGE_CURRENT, 100000, 40, 90000),
    (BACKSTOP_CHARGE_CURRENT, 60000, 2000, 54000),
    (BACKSTOP_DISCHARGE_CURRENT, -200000, 40, -180000),
    (BACKSTOP_DISCHARGE_CURRENT, -120000, 10000, -108000),
)
PERIODS_MS = (20, 200, 11, 20, 200)
CYCLE_MS = 20


class AlertPin:
    """Input pin; `stuck` is a wire that shows one level for ever."""

    def __init__(self, chip):
        self.chip = chip
        self.stuck = None

    def value(self):
        if self.stuck is not None:
            return self.stuck
        return 0 if self.chip.alert else 1


class Chip:
    """I2C and chip in one. `code`: what the converter finds, in codes of shunt voltage."""

    def __init__(self, clock):
        self.clock = clock
        self.code = 0
        self.converts = True
        self.nak = 0  # so many transfers are not acknowledged
        self.garbage = {}  # register: bytes that come instead, once each
        self.writes = []
        self.reads = []
        self.after_read = None  # called once, behind the next reading of a register
        self.shown = 0  # the code of the latest conversion
        self.math_over = False
        self.memory_bad = False
        self._next_us = 0
        self.reset()

    def readfrom_mem_into(self, address, register, buffer):
        assert address == 0x40
        self._transfer()
        data = self.read(register)
        self.reads.append(register)
        assert len(data) == len(buffer), "register %x has %d bytes" % (register, len(data))
        if self.garbage.get(register):
            data = self.garbage[register].pop(0)
        buffer[:] = data
        if self.after_read is not None:
            then = self.after_read
            self.after_read = None
            then()

    def writeto_mem(self, address, register, buffer):
        assert address == 0x40 and len(buffer) == 2
        self._transfer()
        value = buffer[0] << 8 | buffer[1]
        self.writes.append((register, value))
        self.write(register, value)

    def _transfer(self):
        self.clock.advance(130)
        self.settle()
        if self.nak:
            self.nak -= 1
            raise OSError(19)

    def settle(self):
        while self.converts and self.clock.now_us >= self._next_us:
            self._next_us += self.round_us()
            self.convert()

    def restart(self):
        self._next_us = self.clock.now_us + self.round_us()


class Chip228(Chip):
    def reset(self):
        self.words = {
            0x00: 0x0000,
            0x01: 0xFB68,
            0x02: 0x1000,
            0x03: 0x0000,
            0x0C: 0x7FFF,
            0x0D: 0x8000,
            0x0E: 0x7FFF,
            0x0F: 0x0000,
            0x10: 0x7FFF,
            0x11: 0xFFFF,
            0x3E: 0x5449,
            0x3F: 0x2281,
        }
        self.control = 0
        self.flags = 0
        self.alert = False
        self.charge = 0
        self.energy = 0
        self.shown = 0
        self.restart()

    def round_us(self):
        word = self.words[0x01]
        times = (50, 84, 150, 280, 540, 1052, 2074, 4120)
        us = 0
        for bit, at in ((1, 9), (2, 6), (4, 3)):
            if word >> 12 & bit:
                us += times[word >> at & 7]
        return us * (1, 4, 16, 64, 128, 256, 512, 1024)[word & 7]

    def convert(self):
        self.shown = max(-0x80000, min(0x7FFFF, self.code))
        self.flags |= 0x0002
        if self.shown > _signed(self.words[0x0C], 16) * 16:
            self.flags |= 0x0040
        if self.shown < _signed(self.words[0x0D], 16) * 16:
            self.flags |= 0x0020
        self._show()

    def _show(self):
        self.alert = bool(self.flags & 0x00FC)

    def current(self):
        cal = self.words[0x02]
        return self.shown * 4096 // cal if cal else 0

    def read(self, register):
        if register == 0x04:
            return _bytes(self.shown << 4, 3)
        if register == 0x07:
            return _bytes(self.current() << 4, 3)
        if register == 0x09:
            return _bytes(self.energy, 5)
        if register == 0x0A:
            return _bytes(self.charge, 5)
        if register == 0x0B:
            word = self.control | self.flags
            word |= 0 if self.memory_bad else 1
            word |= 0x0200 if self.math_over else 0
            # Latched flags go with their reading, the others follow the next conversion.
            self.flags = 0
            self._show()
            return _bytes(word, 2)
        return _bytes(self.words[register], 2)

    def write(self, register, value):
        if register == 0x00 and value & 0x8000:
            self.reset()
        elif register == 0x0B:
            self.control = value & 0xF000
        else:
            assert register in self.words and register < 0x3E
            self.words[register] = value
            if register == 0x01:
                self.flags &= 0xFFFD
                self.restart()


class Chip226(Chip):
    def reset(self):
        self.words = {0x00: 0x4127, 0x05: 0, 0x07: 0, 0xFE: 0x5449, 0xFF: 0x2260}
        self.control = 0
        self.flags = 0
        self.alert = False
        self.shown = 0
        self.restart()

    def round_us(self):
        word = self.words[0x00]
        times = (140, 204, 332, 588, 1100, 2116, 4156, 8244)
        us = times[word >> 3 & 7] if word & 1 else 0
        us += times[word >> 6 & 7] if word & 2 else 0
        return us * (1, 4, 16, 64, 128, 256, 512, 1024)[word >> 9 & 7]

    def convert(self):
        self.shown = max(-0x8000, min(0x7FFF, self.code))
        self.flags |= 0x0008
        limit = _signed(self.words[0x07], 16)
        if self.control & 0x8000:
            beyond = self.shown > limit
        else:
            beyond = self.control & 0x4000 and self.shown < limit
        if beyond:
            self.flags |= 0x0010
        self.alert = bool(self.flags & 0x0010)

    def read(self, register):
        if register == 0x01:
            return _bytes(self.shown, 2)
        if register == 0x04:
            return _bytes(self.shown * self.words[0x05] // 2048, 2)
        if register == 0x06:
            word = self.control | self.flags | (4 if self.math_over else 0)
            self.flags = 0
            self.alert = False
            return _bytes(word, 2)
        return _bytes(self.words[register], 2)

    def write(self, register, value):
        if register == 0x00 and value & 0x8000:
            self.reset()
        elif register == 0x06:
            self.control = value & 0xFC03
        else:
            assert register in (0x00, 0x05, 0x07)
            self.words[register] = value
            if register == 0x00:
                self.flags &= 0xFFF7
                self.restart()


class Desk:
    """A driver, its chip and a Sample; a driver of Ina228 unless PART says otherwise."""

    def __init__(self, part=Ina228, shunt_uohm=None, wired=True, **options):
        if shunt_uohm is None:
            # The largest that the limits allow, of the usual ones.
            shunt_uohm = 500 if part is Ina228 else 250
        self.clock = VirtualClock()
        fake_time.use(self.clock)
        self.chip = (Chip228 if part is Ina228 else Chip226)(self.clock)
        self.pin = AlertPin(self.chip)
        if wired:
            options["alert"] = self.pin
            options["alert_cuts"] = True
        self.driver = part(self.chip, shunt_uohm=shunt_uohm, **options)
        self.sample = Sample(16, 3, PERIODS_MS, CYCLE_MS)
        self.sample.start(0)
        self.sample.front_end_fault = 0

    @property
    def now_ms(self):
        return self.clock.now_us // 1000

    def wait(self, ms):
        self.clock.advance(ms * 1000)
        self.chip.settle()

    def configure(self, requests=REQUESTS):
        """Slices with a millisecond between them."""
        # There may be several desks; time is one for all.
        fake_time.use(self.clock)
        for _ in self.driver.configure(requests):
            self.wait(1)
        return self

    def read(self, ms=CYCLE_MS):
        """One cycle later; the error's code, 0 = well."""
        self.wait(ms)
        try:
            self.driver.read(self.sample, self.now_ms)
            return 0
        except AfeError as error:
            return error.code

    def current_ma(self):
        return self.sample.values[self.sample.current_at]

    def after(self, code):
        """The current that is told once the converter has found this code."""
        self.chip.code = code
        self.wait(12)
        assert self.read() == 0
        return self.current_ma()


def desks(**options):
    """One of each kind."""
    return (Desk(Ina228, **options), Desk(Ina226, **options))


def code_of(action):
    """Code of the AfeError that it raises, 0 = none."""
    try:
        action()
        return 0
    except AfeError as error:
        return error.code


def _signed(word, bits):
    return word - (1 << bits) if word >> (bits - 1) else word


def _bytes(value, count):
    value &= (1 << 8 * count) - 1
    return bytes([value >> 8 * at & 0xFF for at in range(count - 1, -1, -1)])
