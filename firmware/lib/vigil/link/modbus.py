"""Modbus RTU: the points at their own numbers, functions 3, 4, 6, 16; SunSpec, 100 if wanted.

A pure byte engine like vigil.link.jbd, with the same face towards the port; allocates nothing.
"""

from micropython import const

from vigil import door, kernels
from vigil.link.rs485 import Rs485
from vigil.points import Points

_MOST_FRAME = const(256)
_WINDOW = const(8)  # bytes of a request that reads
_READ_HOLDING = const(3)
_READ_INPUT = const(4)
_WRITE_ONE = const(6)
_WRITE_MANY = const(16)
_NATIVE = const(100)
_OF_KNOWN_LENGTH = (_READ_HOLDING, _READ_INPUT, _WRITE_ONE, _WRITE_MANY)
_EXCEPTION = const(0x80)
_MOST_READ = const(125)
_PART = const(32)  # registers of an answer that are filled in at once, and what ends there
_FEW = const(16)  # more than these are not filled in before the next poll
_MOST_WRITTEN = const(123)

# Exceptions.
_NO_SUCH_FUNCTION = const(1)
_NO_SUCH_ADDRESS = const(2)
_BAD_VALUE = const(3)
_BUSY = const(6)

_BROADCAST = const(0)
_LARGEST_UNIT = const(247)
_SUNSPEC = const(40000)
_COUNTER_MASK = const(0xFFFFFFF)  # counters start anew before they would need the heap


class Modbus:
    """Unit 1 to 247. Bytes in by receive() and silence(); see vigil.link.jbd.Jbd for the rest.

    A frame ends where its sum comes out as zero: so other stations' frames are passed over, too.
    What reads is believed wherever it stands, what writes only where a frame may begin: behind a
    silence or behind a good frame.
    """

    def __init__(self, points, unit=1, sunspec=None, native=None):
        """sunspec: the class of that name, for boards that show its models from 40000 on; native:
        vigil.link.native.Native, for boards that carry its messages in function 100."""
        if not 1 <= unit <= _LARGEST_UNIT:
            raise ValueError("a Modbus unit is 1 to 247")
        self._points = points
        self._door = points.door
        self.keeps_gap = True
        self._sunspec = sunspec and sunspec(points, unit)
        self._unit = unit
        self._request = bytearray(_MOST_FRAME)
        self._sum = 0xFFFF  # over the first _summed bytes
        self._summed = 0
        self._searched = 0  # before this no request that reads begins
        self._astray = False  # what has been heard is longer than any frame
        self.pending = 0
        self.reply = bytearray(_MOST_FRAME)
        self.reply_length = 0
        self.native = native and native(points, self.reply, 2)
        self.unfinished = 0  # registers of an answer that are not filled in yet
        self._address = 0  # of the first of these
        self._to = 0  # where it goes
        self._function = 0
        self._word = bytearray(2)  # of a command of SunSpec, as the points have it
        self.frames = 0  # good requests to this unit
        self.refused = 0  # of these, answered with an exception
        self.superseded = 0  # of these, overtaken by a newer request before they were answered
        self.checksum_errors = 0
        self.garbage_bytes = 0

    def receive(self, data, count):
        """Take the first `count` bytes of data."""
        request = self._request
        for at in range(count):
            if self.pending == _MOST_FRAME:
                self._look()
                if self.pending == _MOST_FRAME:
                    self._go_astray()
            request[self.pending] = data[at]
            self.pending += 1
        self._look()

    def silence(self):
        """The line fell silent: what is left is no frame."""
        if self.pending:
            if self.pending > 3 and self._request[0] == self._unit:
                self.checksum_errors = (self.checksum_errors + 1) & _COUNTER_MASK
            self._pass_over(self.pending)
            self._begin_anew()

    def reply_sent(self):
        self.reply_length = 0

    def go_on(self):
        """While `unfinished`: fill in a part of the answer, so that none takes long."""
        if self._function != _NATIVE:
            self._read_on()
            return
        native = self.native
        native.go_on()
        self.unfinished = native.unfinished
        if native.reply_length:
            self._complete(2 + native.reply_length)

    # Framing.

    def _look(self):
        """Find the frames in what has been collected."""
        while not self._astray and self._summed < self.pending:
            found = kernels.crc16(self._request, self._sum, self._summed, self.pending)
            self._summed = found >> 16
            self._sum = found & 0xFFFF
            if not self._sum and self._summed > 3:
                self._take(self._summed)
        # Behind a stray byte stands a good request all the same.
        request = self._request
        begin = self._searched
        while begin + _WINDOW <= self.pending:
            if request[begin] == self._unit and 3 <= request[begin + 1] <= 4:
                if kernels.crc16(request, 0xFFFF, begin, begin + _WINDOW) == begin + _WINDOW << 16:
                    self._pass_over(begin)
                    self._answer(begin, begin + _WINDOW)
                    self._drop(begin + _WINDOW)
                    begin = 0
                    continue
            begin += 1
        self._searched = begin

    def _take(self, length):
        """The sum is zero here: a whole frame, ours or not, unless ours has to be longer."""
        request = self._request
        if request[0] == self._unit or request[0] == _BROADCAST:
            function = request[1]
            whole = _WINDOW
            if function == _WRITE_MANY and length > 6:
                whole = 9 + request[6]
            if function == _NATIVE and self.native and length > 3:
                whole = 6 + request[3]
                if length < whole:
                    return
            elif length < whole and function in _OF_KNOWN_LENGTH:
                return
            self._answer(0, length)
        self._drop(length)

    def _drop(self, count):
        """A frame ends here, and the next one may begin."""
        request = self._request
        left = self.pending - count
        for at in range(left):
            request[at] = request[count + at]
        self._begin_anew()
        self.pending = left

    def _begin_anew(self):
        self.pending = 0
        self._sum = 0xFFFF
        self._summed = 0
        self._searched = 0
        self._astray = False

    def _pass_over(self, count):
        self.garbage_bytes = (self.garbage_bytes + count) & _COUNTER_MASK

    def _go_astray(self):
        """Keep only what may be the beginning of a request that reads."""
        request = self._request
        kept = _WINDOW - 1
        for at in range(kept):
            request[at] = request[_MOST_FRAME - kept + at]
        self._pass_over(_MOST_FRAME - kept)
        self._astray = True
        self._searched = 0
        self.pending = kept

    # Answers.

    def _answer(self, begin, length):
        request = self._request
        self.frames = (self.frames + 1) & _COUNTER_MASK
        if self.reply_length or self.unfinished:
            # A master that asks again has given up on its earlier request.
            self.superseded = (self.superseded + 1) & _COUNTER_MASK
            self.reply_length = self.unfinished = 0
        self._function = function = request[begin + 1]
        address = request[begin + 2] << 8 | request[begin + 3]
        number = request[begin + 4] << 8 | request[begin + 5]
        if function == _READ_HOLDING or function == _READ_INPUT:
            if request[begin]:
                self._read(address, number)
            return
        if function == _NATIVE and self.native:
            # Never for all; and a message that is not as long as it says is none.
            if request[begin] and length == 6 + request[begin + 3]:
                self.native.handle(request, begin + 2, length - 4)
                self.unfinished = self.native.unfinished
            return
        size = 6
        if function == _WRITE_ONE and length == _WINDOW:
            code = self._write(address, 1, 4)
        elif function == _WRITE_MANY:
            code = _BAD_VALUE
            if length > _WINDOW and 1 <= number <= _MOST_WRITTEN:
                if request[6] == 2 * number and length == 9 + 2 * number:
                    code = self._write(address, number, 7)
        else:
            code = _NO_SUCH_FUNCTION
        if request[0] == _BROADCAST:
            # Done, perhaps, but never answered.
            if code:
                self.refused = (self.refused + 1) & _COUNTER_MASK
        elif code:
            self._refuse(code)
        else:
            for at in range(2, size):
                self.reply[at] = request[at]
            self._complete(size)

    def _refuse(self, code):
        self.refused = (self.refused + 1) & _COUNTER_MASK
        self._function |= _EXCEPTION
        self.reply[2] = code
        self._complete(3)

    def _complete(self, size):
        """Head and sum around what is in place."""
        reply = self.reply
        reply[0] = self._unit
        reply[1] = self._function
        at = 0
        total = 0xFFFF
        while at < size:
            # It stops where the sum is zero by chance.
            found = kernels.crc16(reply, total, at, size)
            at = found >> 16
            total = found & 0xFFFF
        reply[size] = total & 0xFF
        reply[size + 1] = total >> 8
        self.reply_length = size + 2

    # Reading.

    def _read(self, address, count):
        if not 1 <= count <= _MOST_READ:
            self._refuse(_BAD_VALUE)
            return
        self.reply[2] = 2 * count
        self._address = address
        self._to = 3
        self.unfinished = count
        if count <= _FEW:
            self._read_on()

    def _read_on(self):
        """The next part of an answer that reads."""
        count = self.unfinished
        if self._address >= _SUNSPEC and self._sunspec:
            done = self._sunspec.read(self._address, count, self.reply, self._to)
        else:
            done = self._points.fill(self._address, count, self.reply, self._to, _PART)
        if not done:
            self.unfinished = 0
            self._refuse(_NO_SUCH_ADDRESS)
            return
        self._address += done
        self._to += 2 * done
        self.unfinished = count - done
        if not self.unfinished:
            self._complete(self._to)

    # Writing.

    def _write(self, address, count, data):
        """Everything or nothing: the code of an exception, or 0; data: where in the request."""
        code = self._lay(address, count, data)
        if code != door.TAKEN:
            self._door.refuse(address, code)
            if code <= door.READ_ONLY:
                return _NO_SUCH_ADDRESS
            return _BUSY if code == door.BUSY else _BAD_VALUE
        self._door.take_lot()
        return 0

    def _lay(self, address, count, data):
        """Lay it before the door, point by point; the door's code."""
        points = self._points
        entrance = self._door
        entrance.begin_lot()
        end = address + count
        while address < end:
            source = self._request
            begin = data
            number = address
            span = 1
            if address >= _SUNSPEC and self._sunspec:
                number, value = self._sunspec.command(
                    address, source[data] << 8 | source[data + 1]
                )
                if not number:
                    return door.READ_ONLY if self._sunspec.has(address) else door.NO_SUCH_POINT
                source = self._word
                source[0] = value >> 8
                source[1] = value & 0xFF
                begin = 0
            at = points.find(number)
            if at < 0:
                return door.NO_SUCH_POINT
            if begin:
                span = min(points.number(at) + points.registers(at), end) - address
            code = entrance.lay(number, at, span, source, begin, door.MODBUS)
            if code != door.TAKEN:
                return code
            address += span
            data += 2 * span
        return door.TAKEN


def offer(board, uart, driver_enable=None, baudrate=9600, unit=1, sunspec=None, native=None):
    """Give a board Modbus on this port, and the points that it shows."""

    def modbus_on_rs485(status):
        engine = Modbus(status.points, unit, sunspec, native)
        return Rs485(uart, engine, driver_enable, baudrate)

    board.points = Points
    board.links = [modbus_on_rs485]
