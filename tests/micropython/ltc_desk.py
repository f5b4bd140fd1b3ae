"""A chain of LTC681x for the driver's tests: plain registers, every frame recorded.

As simple as the tests allow and written for them alone: time passes on a virtual clock, check
codes are worked out bit by bit, a conversion shows its results when its time is over.
"""

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from vigil.afe.ltc681x import Ltc681x
from vigil.afe.ltc681x_layout import Device
from vigil.sample import Sample
from vigil.sensor.thermistor import ntc_103jt

NEVER = 0xFFFF
REFERENCE = 30000
_WATCHDOG_US = 2000000
_MOST_FRAMES = 60
CELL_GROUPS = (0x004, 0x006, 0x008, 0x00A, 0x009, 0x00B)
AUX_GROUPS = (0x00C, 0x00E, 0x00D, 0x00F)
AUX_PLACES = ((1, 2, 3), (4, 5, 0), (6, 7, 8), (9,))
DEFAULT_A = b"\xf8\x00\x00\x00\x00\x00"
DEFAULT_B = b"\x0f\x00\x00\x00\x00\x00"


def pec(data):
    """Bit by bit, as the data sheet says it."""
    remainder = 0x10
    for byte in data:
        for bit in range(7, -1, -1):
            top = (byte >> bit & 1) ^ (remainder >> 14 & 1)
            remainder = (remainder << 1) & 0x7FFF
            if top:
                remainder ^= 0x4599
    remainder <<= 1
    return bytes([remainder >> 8, remainder & 0xFF])


class Registers:
    """One device: what it is connected to, and what it would answer."""

    def __init__(self, inputs):
        self.inputs = inputs
        self.is_long = inputs > 12
        self.wired = [33000] * inputs  # 100 uV
        self.gpios = [15000] * (9 if self.is_long else 5)
        self.reference = REFERENCE
        self.die = 22876 if self.is_long else 22350
        self.open_leads = ()
        self.stuck = False  # starts are ignored
        self.spoilt = ()  # read commands whose answers come with a flipped bit
        self.test_result = None  # in place of a self-test's pattern
        self.mux_broken = False
        self.reset()

    def reset(self):
        self.a = bytearray(DEFAULT_A)
        self.b = bytearray(DEFAULT_B)
        self.cells = [NEVER] * self.inputs
        self.aux = [NEVER] * 10  # 0 is the reference
        self.status = [NEVER] * 4
        self.flags = 0x00
        self.reads = {}

    def group(self, code):
        """Six bytes, or None where there is no such register."""
        self.reads[code] = self.reads.get(code, 0) + 1
        if code == 0x002:
            # Pins read low although their pull-downs are off: a switch, a thermistor.
            return bytes([self.a[0] & 0x07]) + bytes(self.a[1:])
        if code == 0x026:
            return bytes([self.b[0] & 0xF0]) + bytes(self.b[1:]) if self.is_long else None
        if code in CELL_GROUPS:
            first = 3 * CELL_GROUPS.index(code)
            return _words(self.cells[first : first + 3]) if first < self.inputs else None
        if code in AUX_GROUPS:
            group = AUX_GROUPS.index(code)
            if group > 1 and not self.is_long:
                return None
            data = _words([self.aux[gpio] for gpio in AUX_PLACES[group]])
            return data + b"\x00" * (6 - len(data))
        if code == 0x010:
            return _words(self.status[:3])
        if code == 0x012:
            flags = self.flags
            self.flags &= 0xFE
            return _words(self.status[3:]) + b"\x00\x00\x00" + bytes([0x20 | flags])
        return None

    def run(self, code):
        """The results of a conversion, as a function that puts them in place."""
        if code in (0x567, 0x367):
            cells = list(self.wired)
            total = sum(cells) // (30 if self.is_long else 20)
            return lambda: self._put(cells, total)
        if code in (0x368, 0x328):
            cells = self._pulled(code == 0x368)
            return lambda: self._put(cells, None)
        if code & 0x7F8 == 0x560:
            return lambda: self._put_aux(code & 7)
        if code == 0x56A:
            return lambda: self._put_die()
        if code in (0x327, 0x347, 0x527, 0x547, 0x52F, 0x54F):
            word = 0x9555 if code in (0x327, 0x527, 0x52F) else 0x6AAA
            return lambda: self._put_test(code, self.test_result or word)
        raise AssertionError("unexpected start %x" % code)

    def _put(self, cells, total):
        self.cells = cells
        if total is not None:
            self.status[0] = total

    def _put_aux(self, channel):
        if channel == 6:
            self.aux[0] = self.reference
        for gpio in (channel, channel + 5):
            if channel < 6 and gpio <= len(self.gpios):
                self.aux[gpio] = self.gpios[gpio - 1]

    def _put_die(self):
        self.status[1] = self.die

    def _put_test(self, code, word):
        if code in (0x327, 0x347):
            self.cells = [word] * self.inputs
        elif code in (0x527, 0x547):
            self.aux = [word] * 10
        else:
            self.status = [word] * 4

    def _pulled(self, up):
        """Open lead k (above cell k): with pull-up cell k reads high, k+1 low; else reversed."""
        cells = list(self.wired)
        by = 8000 if up else -8000
        for lead in self.open_leads:
            if lead == 0:
                cells[0] = 0 if up else cells[0]
            elif lead == self.inputs:
                cells[lead - 1] = cells[lead - 1] if up else 0
            else:
                cells[lead - 1] += by
                cells[lead] -= by
        return [max(0, cell) for cell in cells]


class Wire:
    """SPI and select pin in one; `frames`: the last ones sent, `counts`: of each command."""

    def __init__(self, clock, chain):
        self.clock = clock
        self.chain = chain  # nearest first
        self.frames = []
        self.counts = {}
        self.cut_behind = None  # so many devices answer
        self.low = False  # the answering line is held low
        self.is_down = False  # the controller's own SPI fails
        self.busy_until_us = 0
        self.endless = ()  # starts of conversions that do not end
        self._pending = []
        self._selected = False
        self._heard_us = 0

    # Select pin.

    def value(self, level):
        assert self._selected != (not level) or level, "selected twice"
        self._selected = not level

    # SPI.

    def write(self, data):
        self._frame(bytes(data))

    def write_readinto(self, sent, into):
        assert len(sent) == len(into)
        into[:] = self._frame(bytes(sent))

    def _frame(self, sent):
        assert self._selected
        if self.is_down:
            raise OSError(5)
        self._settle()
        self.clock.advance(8 * len(sent))
        if self.clock.now_us - self._heard_us > _WATCHDOG_US:
            for device in self.chain:
                device.reset()
        self._heard_us = self.clock.now_us
        if len(sent) < 4:
            return b"\xff" * len(sent)
        if len(self.frames) >= _MOST_FRAMES:
            self.frames.pop(0)
        self.frames.append(sent)
        code = sent[0] << 8 | sent[1]
        self.counts[code] = self.counts.get(code, 0) + 1
        if sent[2:4] != pec(sent[:2]):
            raise AssertionError("a command with a wrong PEC: " + str(sent))
        answer = self._answer(code, sent)
        return b"\x00" * len(sent) if self.low else answer

    def _answer(self, code, sent):
        heard = self.chain[: self.cut_behind] if self.cut_behind is not None else self.chain
        answer = b"\xff" * len(sent)
        if code == 0x714:
            busy = self.clock.now_us < self.busy_until_us
            return answer[:5] + b"\x00" * (len(sent) - 5) if busy else answer
        if code in (0x001, 0x024):
            blocks = [sent[at : at + 8] for at in range(4, len(sent), 8)]
            assert len(blocks) == len(self.chain)
            for device, block in zip(heard, reversed(blocks)):
                assert block[6:] == pec(block[:6]), "data with a wrong PEC"
                if code == 0x001:
                    device.a[:] = block[:6]
                elif device.is_long:
                    device.b[:] = block[:6]
        elif code == 0x711:
            self._clear(heard, lambda device: device._put([NEVER] * device.inputs, None))
        elif code == 0x712:
            for device in heard:
                device.aux = [NEVER] * 10
        elif code == 0x713:
            for device in heard:
                device.status = [NEVER] * 4
                device.flags = 0x03
        elif code == 0x715:
            for device in heard:
                device.flags &= 0xFE
                if not device.mux_broken:
                    device.flags &= 0xFD
        elif len(sent) > 4:
            return self._read(code, heard, len(sent))
        else:
            us = 10000000 if code in self.endless else _conversion_us(code, self.chain)
            self.busy_until_us = self.clock.now_us + us
            self._pending = [device.run(code) for device in heard if not device.stuck]
        return answer

    def _clear(self, devices, clear):
        for device in devices:
            clear(device)

    def _read(self, code, heard, length):
        answer = b"\xff" * 4
        for device in heard:
            data = device.group(code)
            block = b"\xff" * 8
            if data is not None:
                block = data + pec(data)
                if code in device.spoilt:
                    block = bytes([block[0] ^ 0x04]) + block[1:]
            answer += block
        return (answer + b"\xff" * length)[:length]

    def _settle(self):
        if self._pending and self.clock.now_us >= self.busy_until_us:
            for put in self._pending:
                put()
            self._pending = []

    # What tests ask.

    def forget(self):
        del self.frames[:]
        self.counts.clear()

    def commands(self):
        return [frame[0] << 8 | frame[1] for frame in self.frames]


class Desk:
    """A driver over such a chain, with a Sample, 20 ms a cycle."""

    def __init__(self, parts=None, thermistors=True, **options):
        self.clock = VirtualClock()
        fake_time.use(self.clock)
        if parts is None:
            parts = [Device("LTC6813", 12, (1, 7)), Device("LTC6811", 12, (5,))]
        self.chain = [Registers(part.inputs) for part in parts]
        self.wire = Wire(self.clock, self.chain)
        if thermistors:
            options["thermistor"] = ntc_103jt()
        self.driver = Ltc681x(self.wire, self.wire, parts, **options)
        driver = self.driver
        periods = (20, 200, 20, 20, 200)
        self.sample = Sample(
            driver.cell_count, driver.temp_count, periods, 20, driver.board_temp_count
        )
        self.sample.start(0)

    def configure(self):
        for _ in self.driver.configure(()):
            self.clock.advance(5000)
        self.clock.advance(20000)
        self.wire.forget()
        return self

    def read(self, times=1):
        for _ in range(times):
            self.clock.advance(20000 - self.clock.now_us % 20000)
            now_ms = self.clock.now_us // 1000
            self.driver.read(self.sample, now_ms)
            self.sample.answered(now_ms)

    def cells(self):
        return list(self.sample.cell_values)

    def stack(self):
        return self.sample.values[self.sample.stack_at]

    def temps(self):
        return list(self.sample.temp_values)

    def dies(self):
        first = self.sample.board_at
        return list(self.sample.values[first : first + len(self.chain)])


def _words(words):
    data = b""
    for word in words:
        data += bytes([word & 0xFF, word >> 8])
    return data


def _conversion_us(code, chain):
    some_long = any([device.is_long for device in chain])
    if code in (0x567, 0x368, 0x328, 0x327, 0x347):
        return 2343
    if code in (0x527, 0x547):
        return 3862 if some_long else 2335
    if code in (0x52F, 0x54F):
        return 1563
    return 788 if some_long else 405
