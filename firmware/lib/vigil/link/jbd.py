"""JBD (Jiabaida, Xiaoxiang, Overkill) protocol: basic info, cell voltages, device name.

A pure byte engine for any transport, called from the slack of the cycle; allocates nothing there.
Request DD, A5 or 5A, register, N, N data, checksum, 77; answer DD, register, status, N, and so on.
All other registers, and writing, are in vigil.link.jbd_parameters, for boards that want them.
"""

from micropython import const

from vigil.link.rs485 import Rs485

_START = const(0xDD)
_END = const(0x77)
_READ = const(0xA5)
_WRITE = const(0x5A)
_FRAMING = const(7)  # bytes of a frame besides its data
_HEADER = const(4)  # bytes before the data
# The longest request any host sends writes a string of 31 characters with its length. Taking
# longer frames for garbage limits what a damaged length byte can hold up.
_MOST_REQUEST_DATA = const(32)

_BASIC_INFO = const(0x03)
_CELL_VOLTAGES = const(0x04)
_DEVICE_NAME = const(0x05)

_OK = const(0x00)
_NO_SUCH_REGISTER = const(0x80)
_NOT_ALLOWED = const(0x81)

# What the fields can hold.
_MOST_CELLS = const(32)
_MOST_TEMPS = const(8)
_MOST_NAME = const(31)
_MOST_ANSWER_DATA = const(64)  # 32 cells
_ZERO_CELSIUS = const(2731)  # 0.1 K

_COUNTER_MASK = const(0xFFFFFFF)  # counters start anew before they would need the heap


class Jbd:
    """Bytes go in by receive() and silence(); an answer is in `reply` while reply_length > 0.

    Whoever sent it (or gave it up) calls reply_sent(), and calls receive() only after that or
    while he has not begun to send: a newer request overwrites the answer to an older one.
    """

    def __init__(
        self,
        status,
        name=None,
        production_date=(2026, 1, 1),
        software_version=0x01,
        newer_tail=True,
    ):
        """name: for register 05, else that of the status; software_version: 0x21 is shown as 2.1;
        newer_tail: False for hosts that insist on the older, shorter basic info."""
        if status.cell_count > _MOST_CELLS:
            raise ValueError("JBD shows at most 32 cells")
        year, month, day = production_date
        self._parameters = None
        self._status = status
        self._temp_count = min(status.temp_count, _MOST_TEMPS)
        self.name = _ascii(status.device_name if name is None else name)
        self.production_date = (year - 2000) << 9 | month << 5 | day
        self._software_version = software_version
        self._newer_tail = newer_tail
        self._request = bytearray(_MOST_REQUEST_DATA + _FRAMING)
        self.pending = 0  # bytes of a frame that has begun
        self.reply = bytearray(_MOST_ANSWER_DATA + _FRAMING)
        self.reply_length = 0
        self.unfinished = 0  # 1 while a write waits for its verdict
        self.keeps_gap = False
        self._astray = False  # since the last silence something was heard that is no frame
        self._written = 0  # register whose write waits
        # Register -> what fills in its data and returns their number.
        self._readers = {
            _BASIC_INFO: self._basic_info,
            _CELL_VOLTAGES: self._cell_voltages,
            _DEVICE_NAME: self._device_name,
        }
        self.frames = 0  # good requests
        self.refused = 0  # of these, answered with a status other than 00
        self.superseded = 0  # of these, overtaken by a newer request before they were answered
        self.checksum_errors = 0
        self.garbage_bytes = 0  # bytes that were part of no good request

    def use(self, parameters):
        """parameters: vigil.link.jbd_parameters.Parameters, before the first request."""
        self._parameters = parameters

    def receive(self, data, count):
        """Take the first `count` bytes of data."""
        request = self._request
        for at in range(count):
            byte = data[at]
            if self.pending or byte == _START:
                request[self.pending] = byte
                self.pending += 1
                self._look_for_frames(False)
            else:
                self._count_garbage()

    def silence(self):
        """The line fell silent: what has begun stays half, but may hide a good frame."""
        if self.pending:
            self._look_for_frames(True)
        self._astray = False

    def go_on(self):
        """While `unfinished`: look for the verdict."""
        status = self._parameters.verdict()
        if status >= 0:
            self.unfinished = 0
            self._finish(self._written, status, 0)

    def reply_sent(self):
        self.reply_length = 0

    def caller_gone(self):
        """Whoever has asked is gone, and nothing is unfinished."""
        self.pending = self.reply_length = 0
        self._astray = False
        if self._parameters is not None:
            self._parameters.caller_left()

    # Framing.

    def _look_for_frames(self, silent):
        """Answer the good frames in what has been collected; keep a frame that has only begun.

        Behind a byte that starts no frame the search goes on with the very next one, so that
        garbage (stray DD, wrong length, checksum or end) never hides a good frame.
        """
        request = self._request
        at = 0
        while at < self.pending:
            length = self._frame_length(at)
            if length and at + length > self.pending and not silent:
                break
            if length and at + length <= self.pending and self._is_good(at, length):
                if request[at + 1] == _WRITE and self._astray and self._parameters is not None:
                    # What begins in the middle of rubbish may be a part of it: a write has to
                    # stand behind a silence or a good frame.
                    self.garbage_bytes = (self.garbage_bytes + length) & _COUNTER_MASK
                else:
                    self._astray = False
                    self._answer(at)
                at += length
            else:
                self._count_garbage()
                at += 1
        if at:
            left = self.pending - at
            for to in range(left):
                request[to] = request[at + to]
            self.pending = left

    def _frame_length(self, at):
        """Length of the frame that may start here, as far as known yet; 0 if none can."""
        request = self._request
        known = self.pending - at
        if request[at] != _START:
            return 0
        if known > 1 and request[at + 1] != _READ and request[at + 1] != _WRITE:
            return 0
        if known < _HEADER:
            return _HEADER + _FRAMING
        if request[at + 3] > _MOST_REQUEST_DATA:
            return 0
        return request[at + 3] + _FRAMING

    def _is_good(self, at, length):
        request = self._request
        last = at + length - 1
        if request[last] != _END:
            return False
        total = (request[last - 2] << 8) + request[last - 1]
        for index in range(at + 2, last - 2):
            total += request[index]
        if total & 0xFFFF:
            self.checksum_errors = (self.checksum_errors + 1) & _COUNTER_MASK
            return False
        return True

    def _count_garbage(self):
        self._astray = True
        self.garbage_bytes = (self.garbage_bytes + 1) & _COUNTER_MASK

    # Answers.

    def _answer(self, at):
        """The good frame that begins here."""
        command = self._request[at + 1]
        register = self._request[at + 2]
        self.frames = (self.frames + 1) & _COUNTER_MASK
        if self.reply_length or self.unfinished:
            # A host that asks again has given up on its earlier request, and would take the
            # answer to that one for the answer to this one.
            self.superseded = (self.superseded + 1) & _COUNTER_MASK
            self.reply_length = self.unfinished = 0
        if register == _READ or register == _WRITE:
            # No device has these, and a refusal of one reads, byte for byte, like a request: heard
            # back from the bus it would be answered in turn. Silence is the refusal.
            self.refused = (self.refused + 1) & _COUNTER_MASK
            return
        if command == _WRITE:
            status = _NOT_ALLOWED
            if self._parameters is not None:
                status = self._parameters.write(register, self._request, at + _HEADER)
            if status < 0:
                self._written = register
                self.unfinished = 1
            else:
                self._finish(register, status, 0)
            return
        # Data of a read request mean nothing; one phone app sends some.
        reader = self._readers.get(register)
        if reader is not None:
            count = reader()
        elif self._parameters is not None:
            count = self._parameters.read(register, self.reply)
        else:
            count = 0 - _NO_SUCH_REGISTER
        self._finish(register, 0 - count if count < 0 else _OK, max(count, 0))

    def _finish(self, register, status, count):
        if status != _OK:
            self.refused = (self.refused + 1) & _COUNTER_MASK
        self._complete(register, status, count)

    def _complete(self, register, status, count):
        """Put the frame around the data that are in place."""
        reply = self.reply
        reply[0] = _START
        reply[1] = register
        reply[2] = status
        reply[3] = count
        total = 0
        for at in range(2, _HEADER + count):
            total += reply[at]
        self._put(_HEADER + count, (0x10000 - total) & 0xFFFF)
        reply[_HEADER + count + 2] = _END
        self.reply_length = count + _FRAMING

    def _put(self, at, value):
        """16 bits into the reply; more than they can hold saturates, it never wraps."""
        value = max(0, min(value, 0xFFFF))
        self.reply[at] = value >> 8
        self.reply[at + 1] = value & 0xFF

    def _basic_info(self):
        status = self._status
        reply = self.reply
        self._put(4, _tens(status.stack_mv))
        self._put(6, max(-0x8000, min(_tens(status.current_ma), 0x7FFF)) & 0xFFFF)
        self._put(8, _tens(status.remaining_mah))
        self._put(10, _tens(status.full_mah))
        self._put(12, status.cycles)
        self._put(14, self.production_date)
        self._put(16, self._bleeding(0))
        self._put(18, self._bleeding(16))
        self._put(20, status.protection_bits & 0xFFFF)
        reply[22] = self._software_version
        reply[23] = max(0, min(status.soc_pct, 100))
        # Bit 7 would turn the units to 0.1 A and 0.1 Ah, which few hosts know.
        reply[24] = (1 if status.charge_on else 0) + (2 if status.discharge_on else 0)
        reply[25] = status.cell_count
        reply[26] = self._temp_count
        at = 27
        for sensor in range(self._temp_count):
            self._put(at, self._kelvin(status.temp_dc(sensor)))
            at += 2
        if self._newer_tail:
            reply[at] = 0  # humidity; its bit 7 turns the units, too
            self._put(at + 1, status.warning_bits & 0xFFFF)
            self._put(at + 3, _tens(status.usable_mah))
            self._put(at + 5, _tens(status.remaining_mah))
            self._put(at + 7, 0)  # balance current is not measured
            at += 9
        return at - _HEADER

    def _bleeding(self, first):
        bleed = self._status.bleed
        bits = 0
        for cell in range(first, min(first + 16, self._status.cell_count)):
            if bleed[cell]:
                bits |= 1 << (cell - first)
        return bits

    def _kelvin(self, temp_dc):
        """0.1 K; a temperature that is not known is sent as 0 K.

        The number of sensors stays what it is, or the others would change places. Nothing can be
        that cold, so nobody takes it for a measurement: Home Assistant leaves the sensor out, the
        Victron driver sees its coldest value and stops charging, others show -273 degC.
        """
        if temp_dc == self._status.UNKNOWN:
            return 0
        return temp_dc + _ZERO_CELSIUS

    def _cell_voltages(self):
        status = self._status
        for cell in range(status.cell_count):
            self._put(_HEADER + 2 * cell, status.cell_mv(cell))
        return 2 * status.cell_count

    def _device_name(self):
        name = self.name
        for at in range(len(name)):
            self.reply[_HEADER + at] = name[at]
        return len(name)


def offer(board, uart, driver_enable=None, baudrate=9600):
    """Give a board JBD on this port."""

    def jbd_on_rs485(status):
        return Rs485(uart, Jbd(status, board.device_name), driver_enable, baudrate)

    board.links = [jbd_on_rs485]


def _tens(value):
    """In units of ten, to the nearest."""
    return (value + 5) // 10


def _ascii(name):
    """As many characters as the field holds; hosts take anything but ASCII badly."""
    name = bytearray(name.encode() if isinstance(name, str) else name)[:_MOST_NAME]
    for at in range(len(name)):
        if not 0x20 <= name[at] < 0x7F:
            name[at] = 0x3F  # a question mark
    return bytes(name)
