"""Serial ports for the fake `machine`, byte by byte at baud pace. Never upload to a board.

Like the weakest port: write() may take less than it is given, nothing ever blocks but flush().
"""

_CHUNK_BYTES = 16

_clock = None
_lines = {}


class _Run:
    """Bytes that follow each other on a wire without a gap."""

    def __init__(self):
        self.start_us = 0
        self.moved = 0  # bytes of this run that have completely passed
        self.waiting = bytearray()

    def passed(self, now_us, baudrate, bits):
        """Bytes still waiting here that have completely passed by now."""
        count = (now_us - self.start_us) * baudrate // (bits * 1000000) - self.moved
        return min(count, len(self.waiting))

    def take(self, count):
        data = bytes(self.waiting[:count])
        self.waiting = self.waiting[count:]
        self.moved += count
        return data

    def append(self, data, now_us):
        if not self.waiting:
            self.start_us = now_us
            self.moved = 0
        self.waiting.extend(data)


class UartLine:
    """The two wires of one port, and what its hardware holds."""

    def __init__(self):
        self.on_transmit = None  # bytes that have left
        self.on_write = None  # bytes that the port has taken
        self.overruns = 0
        self.baudrate = 9600
        self.bits = 10  # start, data, parity and stop bits of one character
        self.txbuf = 256
        self.rxbuf = 256
        self.received = bytearray()
        self._arriving = _Run()
        self._leaving = _Run()
        self._chunk = 0

    def receive(self, data):
        """Bytes from outside; each becomes readable when its stop bit has passed."""
        self.settle()
        self._arriving.append(data, _clock.now_us)

    def settle(self):
        """Move what has arrived by now into the receive buffer; what does not fit is lost."""
        arriving = self._arriving
        if not arriving.waiting:
            return
        count = arriving.passed(_clock.now_us, self.baudrate, self.bits)
        if count > 0:
            data = arriving.take(count)
            room = self.rxbuf - len(self.received)
            if room < count:
                self.overruns += count - room
                data = data[:room]
            self.received.extend(data)

    def unsent(self):
        leaving = self._leaving
        if not leaving.waiting:
            return 0
        return len(leaving.waiting) - leaving.passed(_clock.now_us, self.baudrate, self.bits)

    def send(self, data):
        count = min(len(data), self.txbuf - self.unsent())
        if count > 0:
            self._leaving.append(data[:count], _clock.now_us)
            if self.on_write is not None:
                self.on_write(data[:count])
            if self._chunk == 0:
                self._next_chunk()
        return count

    def last_bit_us(self):
        """When the last byte given so far has completely left."""
        return self._leaves_us(len(self._leaving.waiting))

    def _leaves_us(self, count):
        leaving = self._leaving
        bits = (leaving.moved + count) * self.bits * 1000000
        return leaving.start_us + (bits + self.baudrate - 1) // self.baudrate

    def _next_chunk(self):
        self._chunk = min(_CHUNK_BYTES, len(self._leaving.waiting))
        if self._chunk:
            _clock.call_at(self._leaves_us(self._chunk), self._chunk_left)

    def _chunk_left(self):
        data = self._leaving.take(self._chunk)
        self._next_chunk()
        if self.on_transmit is not None:
            self.on_transmit(data)


class UART:
    def __init__(
        self,
        id,
        baudrate=9600,
        bits=8,
        parity=None,
        stop=1,
        tx=None,
        rx=None,
        txbuf=256,
        rxbuf=256,
        timeout=0,
    ):
        self._line = uart_line(id)
        self.init(baudrate, bits, parity, stop, tx, rx, txbuf, rxbuf, timeout)

    def init(
        self,
        baudrate=9600,
        bits=8,
        parity=None,
        stop=1,
        tx=None,
        rx=None,
        txbuf=256,
        rxbuf=256,
        timeout=0,
    ):
        if timeout != 0:
            raise ValueError("a read that waits would hold up the protection: timeout must be 0")
        if bits not in (7, 8) or stop not in (1, 2) or baudrate <= 0:
            raise ValueError("unsupported character format")
        line = self._line
        if line.unsent():
            raise RuntimeError("changing the format would garble what is still leaving")
        line.settle()
        line.baudrate = baudrate
        line.bits = 1 + bits + (parity is not None) + stop
        line.txbuf = txbuf
        line.rxbuf = rxbuf

    def any(self):
        self._line.settle()
        return len(self._line.received)

    def read(self, nbytes=-1):
        line = self._line
        line.settle()
        if not line.received:
            return None
        if nbytes < 0:
            nbytes = len(line.received)
        data = bytes(line.received[:nbytes])
        line.received = line.received[nbytes:]
        return data

    def readinto(self, buf, nbytes=-1):
        if nbytes < 0 or nbytes > len(buf):
            nbytes = len(buf)
        data = self.read(nbytes)
        if data is None:
            return None
        buf[: len(data)] = data
        return len(data)

    def write(self, buf):
        taken = self._line.send(bytes(buf))
        return taken if taken > 0 else None

    def txdone(self):
        return self._line.unsent() == 0

    def flush(self):
        """Wait until the last stop bit has passed."""
        if self._line.unsent():
            _clock.sleep(self._line.last_bit_us() - _clock.now_us)


def use(clock):
    global _clock
    _clock = clock


def uart_line(id):
    if id not in _lines:
        _lines[id] = UartLine()
    return _lines[id]


def forget():
    _lines.clear()
