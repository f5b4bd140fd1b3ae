"""Modbus RTU: the points at their own numbers, SunSpec at 40000, functions 3, 4, 6 and 16.

A pure byte engine like vigil.link.jbd, with the same face towards the port; allocates nothing.
"""

from array import array

from micropython import const

from vigil import door
from vigil.link.rs485 import Rs485
from vigil.link.sunspec import SunSpec
from vigil.points import S16, S32, U32, Points

_MOST_FRAME = const(256)
_WINDOW = const(8)  # bytes of a request that reads
_READ_HOLDING = const(3)
_READ_INPUT = const(4)
_WRITE_ONE = const(6)
_WRITE_MANY = const(16)
_EXCEPTION = const(0x80)
_MOST_READ = const(125)
_MOST_WRITTEN = const(123)

# Exceptions.
_NO_SUCH_FUNCTION = const(1)
_NO_SUCH_ADDRESS = const(2)
_BAD_VALUE = const(3)
_BUSY = const(6)

_BROADCAST = const(0)
_LARGEST_UNIT = const(247)
_SUNSPEC = const(40000)
_UNKNOWN = const(0x1FFFFFFF)
_POLYNOMIAL = const(0xA001)
_COUNTER_MASK = const(0xFFFFFFF)  # counters start anew before they would need the heap


class Modbus:
    """Unit 1 to 247. Bytes in by receive() and silence(); see vigil.link.jbd.Jbd for the rest.

    A frame ends where its sum comes out as zero: so other stations' frames are passed over, too.
    What reads is believed wherever it stands, what writes only where a frame may begin: behind a
    silence or behind a good frame.
    """

    def __init__(self, points, unit=1):
        if not 1 <= unit <= _LARGEST_UNIT:
            raise ValueError("a Modbus unit is 1 to 247")
        self._points = points
        self._door = points.door
        self._sunspec = SunSpec(points, unit)
        self._unit = unit
        self._table = _crc_table()
        self._request = bytearray(_MOST_FRAME)
        self._sum = 0xFFFF
        self._astray = False  # what has been heard is longer than any frame
        self.pending = 0
        self.reply = bytearray(_MOST_FRAME)
        self.reply_length = 0
        self.frames = 0  # good requests to this unit
        self.refused = 0  # of these, answered with an exception
        self.superseded = 0  # of these, overtaken by a newer request before they were answered
        self.checksum_errors = 0
        self.garbage_bytes = 0

    def receive(self, data, count):
        """Take the first `count` bytes of data."""
        request = self._request
        table = self._table
        unit = self._unit
        for at in range(count):
            byte = data[at]
            length = self.pending
            if length == _MOST_FRAME:
                length = self._go_astray()
            request[length] = byte
            length += 1
            self.pending = length
            self._sum = total = table[(self._sum ^ byte) & 0xFF] ^ self._sum >> 8
            begin = length - _WINDOW
            if (
                begin >= 0
                and request[begin] == unit
                and 3 <= request[begin + 1] <= 4
                and (not total if not begin else self._is_good(begin))
            ):
                self._answer(begin, length)
            elif not total and length > 3 and not self._astray:
                self._take(length)

    def silence(self):
        """The line fell silent: what is left is no frame."""
        if self.pending:
            if self.pending > 3 and self._request[0] == self._unit:
                self.checksum_errors = (self.checksum_errors + 1) & _COUNTER_MASK
            self._pass_over(self.pending)
            self._begin_anew()

    def reply_sent(self):
        self.reply_length = 0

    # Framing.

    def _begin_anew(self):
        self.pending = 0
        self._sum = 0xFFFF
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
        return kept

    def _is_good(self, begin):
        request = self._request
        total = 0xFFFF
        for at in range(begin, begin + _WINDOW):
            total = self._table[(total ^ request[at]) & 0xFF] ^ total >> 8
        return not total

    def _take(self, length):
        """The sum is zero here: a whole frame, ours or not, unless ours has to be longer."""
        request = self._request
        if request[0] == self._unit or request[0] == _BROADCAST:
            function = request[1]
            whole = 8
            if function == _WRITE_MANY and length > 6:
                whole = 9 + request[6]
            if (function == _WRITE_ONE or function == _WRITE_MANY) and length < whole:
                return
            self._answer(0, length)
        else:
            self._begin_anew()

    # Answers.

    def _answer(self, begin, length):
        request = self._request
        if begin:
            self._pass_over(begin)
        self.frames = (self.frames + 1) & _COUNTER_MASK
        if self.reply_length:
            # A master that asks again has given up on its earlier request.
            self.superseded = (self.superseded + 1) & _COUNTER_MASK
        function = request[begin + 1]
        address = request[begin + 2] << 8 | request[begin + 3]
        number = request[begin + 4] << 8 | request[begin + 5]
        if function == _READ_HOLDING or function == _READ_INPUT:
            code = self._read(address, number)
            size = 3 + 2 * number
        elif function == _WRITE_ONE and length == 8:
            code = self._write(address, 1, 4)
            size = 6
        elif function == _WRITE_MANY:
            code = _BAD_VALUE
            if length > 8 and 1 <= number <= _MOST_WRITTEN:
                if request[6] == 2 * number and length == 9 + 2 * number:
                    code = self._write(address, number, 7)
            size = 6
        else:
            code = _NO_SUCH_FUNCTION
            size = 0
        if code:
            self.refused = (self.refused + 1) & _COUNTER_MASK
        if request[0] == _BROADCAST and not begin:
            self.reply_length = 0
        else:
            self._complete(begin, code, size)
        self._begin_anew()

    def _complete(self, begin, code, size):
        """Head and sum around what is in place; a write's answer is its own head."""
        request = self._request
        reply = self.reply
        reply[0] = self._unit
        reply[1] = function = request[begin + 1]
        if code:
            reply[1] = function | _EXCEPTION
            reply[2] = code
            size = 3
        elif function <= _READ_INPUT:
            reply[2] = size - 3
        else:
            for at in range(2, 6):
                reply[at] = request[at]
        table = self._table
        total = 0xFFFF
        for at in range(size):
            total = table[(total ^ reply[at]) & 0xFF] ^ total >> 8
        reply[size] = total & 0xFF
        reply[size + 1] = total >> 8
        self.reply_length = size + 2

    # Reading.

    def _read(self, address, count):
        """Fill in the data of an answer; an exception's code, or 0."""
        if not 1 <= count <= _MOST_READ:
            return _BAD_VALUE
        if address >= _SUNSPEC:
            return 0 if self._sunspec.read(address, count, self.reply) else _NO_SUCH_ADDRESS
        points = self._points
        at = points.find(address)
        end = address + count
        to = 3
        while address < end:
            # Behind a point's last register follows the next point, or nothing.
            if at < 0 or at >= points.count or points.number(at) > address:
                return _NO_SUCH_ADDRESS
            begin = points.number(at)
            to = self._put(at, address - begin, min(end - begin, points.registers(at)), to)
            address = begin + points.registers(at)
            at += 1
        return 0

    def _put(self, at, first, end, to):
        """Registers `first` up to `end` of one point into the reply; where to go on."""
        points = self._points
        reply = self.reply
        kind = points.type(at)
        if kind == U32 or kind == S32:
            while first < end:
                value = points.value(at, first // 2)
                high = value >> 16
                low = value
                if value == _UNKNOWN:
                    high = 0x8000 if kind == S32 else 0xFFFF
                    low = 0 if kind == S32 else 0xFFFF
                if not first & 1:
                    reply[to] = high >> 8 & 0xFF
                    reply[to + 1] = high & 0xFF
                    to += 2
                    first += 1
                if first < end:
                    reply[to] = low >> 8 & 0xFF
                    reply[to + 1] = low & 0xFF
                    to += 2
                    first += 1
            return to
        while first < end:
            put_16(reply, to, points.value(at, first), kind == S16)
            to += 2
            first += 1
        return to

    # Writing.

    def _write(self, address, count, data):
        """Everything or nothing: the code of an exception, or 0; data: where in the request."""
        code = self._walk(address, count, data, False)
        if code != door.TAKEN:
            self._door.refuse(address, code)
            if code <= door.READ_ONLY:
                return _NO_SUCH_ADDRESS
            return _BUSY if code == door.BUSY else _BAD_VALUE
        self._walk(address, count, data, True)
        return 0

    def _walk(self, address, count, data, really):
        """Check, or really write, element by element; the door's code."""
        points = self._points
        request = self._request
        entrance = self._door
        if count > entrance.room:
            return door.BUSY
        end = address + count
        while address < end:
            value = request[data] << 8 | request[data + 1]
            number = address
            wide = 1
            if address >= _SUNSPEC:
                number, value = self._sunspec.command(address, value)
                if not number:
                    return door.READ_ONLY if self._sunspec.has(address) else door.NO_SUCH_POINT
            else:
                at = points.find(address)
                if at < 0:
                    return door.NO_SUCH_POINT
                kind = points.type(at)
                wide = points.wide(at)
                if wide == 2:
                    if address + 2 > end:
                        return door.NO_SUCH_ELEMENT
                    if kind == S32:
                        value = (value ^ 0x8000) - 0x8000
                    value = value * 65536 + (request[data + 2] << 8 | request[data + 3])
                elif kind == S16:
                    value = (value ^ 0x8000) - 0x8000
            if really:
                entrance.write(number, value, door.MODBUS)
            else:
                code = entrance.check(number, value, door.MODBUS)
                if code != door.TAKEN:
                    return code
            address += wide
            data += 2 * wide
        return door.TAKEN


def offer(board, uart, driver_enable=None, baudrate=9600, unit=1):
    """Give a board Modbus on this port, and the points that it shows."""

    def modbus_on_rs485(status):
        return Rs485(uart, Modbus(status.points, unit), driver_enable, baudrate)

    board.points = Points
    board.links = [modbus_on_rs485]


def put_16(reply, to, value, signed):
    """A value into a register; more than it can hold saturates, it never wraps."""
    if value == _UNKNOWN:
        value = 0x8000 if signed else 0xFFFF
    elif signed:
        value = -0x8000 if value < -0x8000 else 0x7FFF if value > 0x7FFF else value
    elif value < 0:
        value = 0
    elif value > 0xFFFF:
        value = 0xFFFF
    reply[to] = value >> 8 & 0xFF
    reply[to + 1] = value & 0xFF


def _crc_table():
    table = array("H", [0] * 256)
    for byte in range(256):
        total = byte
        for _ in range(8):
            total = total >> 1 ^ (_POLYNOMIAL if total & 1 else 0)
        table[byte] = total
    return table
