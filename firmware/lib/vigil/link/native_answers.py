"""What the native protocol's operations answer, and what they write: docs/native-protocol.md.

The base of vigil.link.native.Native, which opens and closes the messages.
"""

import time

from micropython import const

from vigil import door
from vigil.link import journal_pieces
from vigil.points import S16, S32

# Operations.
IDENTIFY = const(0x01)
LIST = const(0x02)
READ = const(0x03)
WRITE = const(0x04)
BLACK_BOX = const(0x05)
SUBSCRIBE = const(0x06)
JOURNAL = const(0x07)
TIME = const(0x08)
CALIBRATE = const(0x09)
CHALLENGE = const(0x10)
PROVE = const(0x11)
END = const(0x12)
SET_KEY = const(0x13)
COMMISSION = const(0x14)
OPEN_WINDOW = const(0x15)

# Status of an answer.
OK = const(0)
OTHER_VERSION = const(1)
NO_SUCH_OP = const(2)
MALFORMED = const(3)
NO_SESSION = const(4)
TOO_EARLY = const(6)
NOTHING = const(7)
_DOOR = const(16)  # and the door's result
MORE = const(255)  # no status: the answer goes on in the next slice

VERSION = const(1)
MOST_WRITES = const(8)
MOST_RANGES = const(48)  # bytes of them
_PART = const(48)  # registers of a slice
_PLACES = const(12)  # points of the list in a slice
_MOST_PLACES = const(36)
_MOST_REGISTERS = const(110)
_CHECKS = const(4)  # writes of a slice
_MOST_TEXT = const(32)
_KEY = const(32)
_NONCE = const(16)
_MOST_TRUE = const(500000)  # mA
_OF_NO_POINT = const(0xFF00)  # and the operation: how the journal names a write to no point


class Answers:
    """The payload of a request is _message[_begin:_end]; that of its answer begins at _payload of
    `reply`, and goes on at _to. Attributes are made by Native."""

    def _answer(self, op, size):
        """Status, with the payload behind it; size: of the request's payload."""
        if op == READ:
            return self._read()
        if op == IDENTIFY:
            return self._identify()
        if op == LIST:
            return self._list(size)
        if op == WRITE:
            return self._write()
        if op == SUBSCRIBE and self._tells:
            return self._subscribe(size)
        if op == JOURNAL:
            return self._journal(size)
        if op == BLACK_BOX and self._bms.black_box:
            return self._black_box(self._bms.black_box)
        if op == TIME:
            return self._time(size)
        if op == CALIBRATE and self._bms.calibration:
            return self._calibrate(size, self._bms.calibration)
        if op >= CHALLENGE and op <= OPEN_WINDOW and self._authority:
            return self._trust(op, size, self._authority, time.ticks_ms())
        return NO_SUCH_OP

    def _identify(self):
        authority = self._authority
        flags = 8
        identity = b"\0\0\0\0\0\0\0\0"
        if authority:
            identity = authority.device_id
            if authority.keys_set:
                flags |= 1
            if authority.window_left_s:
                flags |= 2
            if authority.commissioning_left_s:
                flags |= 4
        points = self._points
        self._put16(VERSION << 8)
        self._put(flags)
        self._put16(points.schema[0])
        self._put16(points.schema[1])
        self._put16(points.limits_schema[0])
        self._put16(points.limits_schema[1])
        self._put_bytes(identity, 8)
        self._put_text(points.version)
        self._put_text(self._name)
        self._put_text(self._bms.board.device_name)
        return OK

    def _list(self, size):
        if size != 2:
            return MALFORMED
        points = self._points
        first = self._word(self._begin)
        if first >= points.count:
            return NOTHING
        stop = min(first + _MOST_PLACES, points.count)
        if not self._done:
            self._put16(stop if stop < points.count else 0xFFFF)
            self._done = first
        for at in range(self._done, min(self._done + _PLACES, stop)):
            self._put16(points.number(at))
            self._put(points.type(at))
            self._put(points.role(at))
            self._put(points.elements(at))
            self._put(points.real(at))
            self._done = at + 1
        return OK if self._done == stop else MORE

    def _read(self):
        if self._to == self._payload and not self._ranges_fit(self._begin):
            return MALFORMED
        return self._read_on()

    def _ranges_fit(self, begin):
        size = self._end - begin
        if not 0 < size <= MOST_RANGES or size % 3:
            return False
        total = 0
        for at in range(begin + 2, self._end, 3):
            count = self._message[at]
            if not count:
                return False
            total += count
        return total <= _MOST_REGISTERS

    def _read_on(self):
        """The registers of the ranges, the next part of them."""
        source = self._source
        most = _PART
        while self._source_at < self._source_end:
            if most <= 0:
                return MORE
            at = self._source_at
            number = source[at] << 8 | source[at + 1]
            count = source[at + 2] - self._done
            done = self._points.fill(number + self._done, count, self.reply, self._to, most)
            if not done:
                self._to = self._payload
                self._put16(number)
                return _DOOR + door.NO_SUCH_POINT
            self._to += 2 * done
            # Finding a range takes time, too.
            most -= done + 2
            self._done += done
            if done == count:
                self._source_at = at + 3
                self._done = 0
        return OK

    def _subscribe(self, size):
        message = self._message
        begin = self._begin
        if size == 1 and not message[begin]:
            self._period_ms = 0
            return OK
        if self._to == self._payload:
            if size < 4 or not message[begin] or not self._ranges_fit(begin + 1):
                return MALFORMED
            self._begin_reading(message, begin + 1, self._end)
        # What cannot be read once is not subscribed to.
        status = self._read_on()
        if status:
            return status
        self._to = self._payload
        self._ranges_end = size - 1
        for at in range(self._ranges_end):
            self._ranges[at] = message[begin + 1 + at]
        self._period_ms = 100 * message[begin]
        self._told_session = self._session
        self._renewed_ms = self._told_ms = time.ticks_ms()
        return OK

    def _journal(self, size):
        if size != 4:
            return MALFORMED
        journal = self._bms.memory.journal
        oldest = journal_pieces.oldest(journal)
        end = journal.kept + journal.pending
        self._put32(oldest)
        self._put32(end)
        begin = self._begin
        high = self._word(begin)
        low = self._word(begin + 2)
        if high == 0xFFFF and low == 0xFFFF:
            return OK
        first = (high & 0x1FFF) << 16 | low
        if high > 0x1FFF or not oldest <= first < end:
            return NOTHING
        self._to += journal_pieces.copy(journal, first, self.reply, self._to)
        return OK

    def _black_box(self, box):
        told = box.answer(bytes(self._message[self._begin : self._end]))
        if told is None:
            return MALFORMED
        end = self._to + len(told)
        self.reply[self._to : end] = told
        self._to = end
        return OK if told else NOTHING

    def _calibrate(self, size, calibration):
        begin = self._begin
        entrance = self._door
        if size == 6:
            kind = self._message[begin]
            cell = self._message[begin + 1]
            true = ((self._word(begin + 2) ^ 0x8000) - 0x8000) * 65536 + self._word(begin + 4)
            if self._role < door.OPERATOR:
                entrance.refuse(_OF_NO_POINT | CALIBRATE, door.NOT_ALLOWED)
                return _DOOR + door.NOT_ALLOWED
            if not 1 <= kind & 0x7F <= 4 or (kind & 0x7F == 3) != (cell > 0):
                return MALFORMED
            if not -_MOST_TRUE <= true <= _MOST_TRUE:
                entrance.refuse(_OF_NO_POINT | CALIBRATE, door.OUT_OF_RANGE)
                return _DOOR + door.OUT_OF_RANGE
            if calibration.is_busy:
                entrance.refuse(_OF_NO_POINT | CALIBRATE, door.BUSY)
                return _DOOR + door.BUSY
            calibration.begin(kind, cell, true)
            entrance.done(_OF_NO_POINT | CALIBRATE, true, door.NATIVE)
        elif size:
            return MALFORMED
        told = calibration.answer(time.ticks_ms())
        end = self._to + len(told)
        self.reply[self._to : end] = told
        self._to = end
        return OK

    def _time(self, size):
        uptime_s = self._bms.keeper.uptime_s
        entrance = self._door
        if size == 4:
            if self._role < door.OPERATOR:
                entrance.refuse(_OF_NO_POINT | TIME, door.NOT_ALLOWED)
                return _DOOR + door.NOT_ALLOWED
            begin = self._begin
            now_s = self._word(begin) << 16 | self._word(begin + 2)
            if now_s <= uptime_s:
                return MALFORMED
            entrance.began_s = now_s - uptime_s
            entrance.note_taken(_OF_NO_POINT | TIME, now_s, door.NATIVE)
        elif size:
            return MALFORMED
        self._put32(uptime_s)
        self._put32(entrance.began_s and entrance.began_s + uptime_s)
        return OK

    # Writing.

    def _write(self):
        """Check all, a few a slice, then take all: in the last slice, as one."""
        entrance = self._door
        first = self._word(self._begin)
        if not self._checked:
            count = self._count_writes()
            if not 1 <= count <= MOST_WRITES:
                return MALFORMED
            code = door.TAKEN
            if not self._session:
                code = door.NOT_ALLOWED
            elif count > entrance.room:
                code = door.BUSY
            if code:
                entrance.refuse(first, code)
                self._put(0)
                return _DOOR + code
            self._lot = entrance.begin_lot()
            self._source_at = self._begin
        if self._source_at < self._end:
            code = self._check_on()
            return _DOOR + code if code else MORE
        code = door.TAKEN
        if not entrance.still_fits(self._checked, self._lot) or not self._authority.role_of(
            self._session
        ):
            code = door.BUSY
            entrance.refuse(first, code)
            self._put(0)
            return _DOOR + code
        at = self._begin
        for index in range(self._checked):
            number = self._word(at)
            place = self._places[index]
            self._take(number, self._value(at, place), door.NATIVE, place)
            at += 3 + 2 * self._message[at + 2]
        return OK

    def _count_writes(self):
        """0 if they are not whole."""
        message = self._message
        at = self._begin
        count = 0
        while at + 3 < self._end and 1 <= message[at + 2] <= 2:
            at += 3 + 2 * message[at + 2]
            count += 1
        return count if at == self._end else 0

    def _check_on(self):
        """The next few writes; the door's code."""
        message = self._message
        entrance = self._door
        # For as long as nothing else runs.
        self._authority.acting = self._role
        code = door.TAKEN
        for _ in range(_CHECKS):
            at = self._source_at
            if at == self._end:
                break
            number = self._word(at)
            words = message[at + 2]
            place = self._points.find(number)
            code = door.NO_SUCH_POINT
            if place >= 0:
                code = door.NO_SUCH_ELEMENT
                if self._points.wide(place) == words:
                    value = self._value(at, place)
                    code = entrance.check(number, value, door.NATIVE, place)
            if code:
                entrance.refuse(number, code)
                self._put(self._checked)
                break
            self._places[self._checked] = place
            self._checked += 1
            self._source_at = at + 3 + 2 * words
        self._authority.acting = door.VIEWER
        return code

    def _value(self, at, place):
        """Of the write that begins there."""
        value = self._word(at + 3)
        kind = self._points.type(place)
        if kind == S16 or kind == S32:
            value = (value ^ 0x8000) - 0x8000
        if self._message[at + 2] == 2:
            value = value * 65536 + self._word(at + 5)
        return value

    # Trust: at most one call that computes a proof.

    def _trust(self, op, size, authority, now_ms):
        message = self._message
        begin = self._begin
        if op == END:
            if not self._session:
                return NO_SESSION
            authority.end(self._session)
            return OK
        if op == OPEN_WINDOW:
            if size != 2:
                return MALFORMED
            authority.acting = self._role
            status = authority.open_window(self._word(begin), now_ms)
            authority.acting = door.VIEWER
            if not status:
                self._put16(authority.window_left_s)
            return status
        if size != 1 + (_KEY if op >= SET_KEY else _NONCE):
            return MALFORMED
        first = message[begin]
        given = bytes(self._message[begin + 1 : self._end])
        if op == SET_KEY:
            authority.acting = self._role
            status = authority.set_key(first, given)
            authority.acting = door.VIEWER
        elif op == COMMISSION:
            status = authority.commission(first, given, now_ms)
        elif op == PROVE:
            status = authority.answer(first, given, now_ms)
            if not status and first == self._told_session:
                self._period_ms = 0
        else:
            status = authority.challenge(first, given, now_ms)
            if not status:
                self._put(authority.session)
                self._put_bytes(authority.device_nonce, _NONCE)
                self._put_bytes(authority.proof, _NONCE)
        if status == TOO_EARLY:
            self._put16(authority.wait_s)
        return status

    # Bytes.

    def _word(self, at):
        return self._message[at] << 8 | self._message[at + 1]

    def _put(self, value):
        self.reply[self._to] = value
        self._to += 1

    def _put16(self, value):
        self._put(value >> 8 & 0xFF)
        self._put(value & 0xFF)

    def _put32(self, value):
        self._put16(value >> 16 & 0xFFFF)
        self._put16(value & 0xFFFF)

    def _put_bytes(self, data, count):
        for at in range(count):
            self._put(data[at])

    def _put_text(self, text):
        size = min(len(text), _MOST_TEXT)
        self._put(size)
        self._put_bytes(text, size)
