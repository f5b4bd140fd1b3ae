"""The native protocol's messages over points, door and authority: docs/native-protocol.md.

Carriers (modbus.py, serial_frames.py) hand over whole messages and send what is in `reply`.
"""

import time

from micropython import const

from vigil import door
from vigil.link.native_answers import (
    MALFORMED,
    MORE,
    MOST_RANGES,
    MOST_WRITES,
    NO_SESSION,
    OK,
    OTHER_VERSION,
    SUBSCRIBE,
    VERSION,
    Answers,
)

MOST_MESSAGE = const(240)
_PLAIN = const(0x10)
_SEALED = const(0x11)
_ANSWER = const(0x80)
_SEALED_HEAD = const(7)  # kind, length, session, counter
_MAC = const(8)

# What is left to do of an answer.
_TO_OPEN = const(1)
_TO_FILL = const(2)
_TO_SEAL = const(3)

# Directions of sealed messages.
_REPLY = const(1)
_TOLD = const(2)
_RENEWAL_MS = const(60000)


class Native(Answers):
    """handle() takes a message, go_on() does a slice while `unfinished`; see modbus.py.

    The answer is reply[at : at + reply_length]; tells: the carrier may send unasked.
    """

    def __init__(self, points, reply, at, tells=False):
        self._points = points
        self._bms = points.bms
        self._name = self._bms.board.name.encode()
        self._door = points.door
        self._take = points.door.take
        self._authority = None  # as found when a message comes; None: nobody can prove anything
        self._tells = tells
        self._message = bytearray(MOST_MESSAGE)
        self._length = 0
        self.reply = reply
        self._whole = memoryview(reply)[at:]
        self._at = at
        self.reply_length = 0
        self.unfinished = 0
        self.refused = 0  # answers with a status other than 0
        # Of the message in work: whose, and where its payload lies.
        self._session = 0  # 0: plain
        self._counter = None
        self._direction = _REPLY
        self._role = door.VIEWER
        self._tag = 0
        self._op = 0
        self._begin = 0
        self._end = 0
        # Of its answer.
        self._payload = 0
        self._to = 0
        self._done = 0
        self._checked = 0  # writes
        self._lot = 0
        self._places = bytearray(MOST_WRITES)  # of their points
        # Ranges that are being read.
        self._source = self._message
        self._source_at = 0
        self._source_end = 0
        # The subscription.
        self._ranges = bytearray(MOST_RANGES) if tells else None
        self._ranges_end = 0
        self._period_ms = 0
        self._told_session = 0
        self._told_ms = 0
        self._renewed_ms = 0

    def handle(self, message, begin, length):
        """Begin to answer this message; it is copied. An answer in work is given up."""
        own = self._message
        for at in range(length):
            own[at] = message[begin + at]
        self._length = length
        self.reply_length = 0
        self.unfinished = _TO_OPEN

    def reply_sent(self):
        self.reply_length = 0

    def caller_left(self):
        """Nothing is told any more."""
        self.reply_length = self._period_ms = 0

    def go_on(self):
        """One slice, below 5 ms."""
        if self.unfinished == _TO_FILL:
            self._fill()
        elif self.unfinished == _TO_SEAL:
            self._seal()
        else:
            self._open()

    def tick(self, now_ms):
        """Tell what has been subscribed to, when it is due; the carrier is idle."""
        if not self._period_ms or self.unfinished or self.reply_length:
            return
        session = self._told_session
        if time.ticks_diff(now_ms, self._renewed_ms) > _RENEWAL_MS or (
            session and not self._authority.role_of(session)
        ):
            self._period_ms = 0
        elif time.ticks_diff(now_ms, self._told_ms) >= self._period_ms:
            self._told_ms = now_ms
            self._session = session
            self._counter = None
            self._direction = _TOLD
            self._tag = 0
            self._op = SUBSCRIBE
            self._begin_answer()
            self._begin_reading(self._ranges, 0, self._ranges_end)
            self.unfinished = _TO_FILL

    # Opening.

    def _open(self):
        message = self._message
        length = self._length
        kind = message[0]
        self._session = 0
        self._role = door.VIEWER
        self._direction = _REPLY
        authority = self._door.authority
        self._authority = authority = authority if hasattr(authority, "unseal") else None
        begin = 2
        end = length
        status = OK
        if kind == _SEALED:
            status = NO_SESSION
            if authority:
                status = authority.unseal(message, length, time.ticks_ms())
            if status:
                # What lies there is nobody's.
                message[2] = message[3] = 0
            else:
                self._session = authority.session
                self._counter = authority.counter
                self._role = authority.acting
                # Between two slices nobody acts.
                authority.acting = door.VIEWER
                begin = _SEALED_HEAD
                end = length - _MAC
        elif kind >> 4 != VERSION:
            status = OTHER_VERSION
        elif kind != _PLAIN or length < 4:
            status = MALFORMED
        self._tag = message[begin]
        self._op = message[begin + 1] & 0x7F
        self._begin = begin + 2
        self._end = end
        self._begin_answer()
        if status == OTHER_VERSION:
            self._put16(VERSION << 8 | VERSION)
        if status:
            self._finish(status)
            return
        self._begin_reading(message, self._begin, end)
        self.unfinished = _TO_FILL
        if not self._session:
            # Opening took no time; a sealed one has had its slice.
            self._fill()

    def _begin_answer(self):
        self._payload = self._to = self._at + 3 + (_SEALED_HEAD if self._session else 2)
        self._done = self._checked = 0

    def _begin_reading(self, source, at, end):
        self._source = source
        self._source_at = at
        self._source_end = end

    # Closing.

    def _finish(self, status):
        if status:
            self.refused = (self.refused + 1) & 0xFFFFFFF
        reply = self.reply
        payload = self._payload
        reply[payload - 3] = self._tag
        reply[payload - 2] = self._op | _ANSWER
        reply[payload - 1] = status
        if self._session:
            self.unfinished = _TO_SEAL
        else:
            reply[self._at] = _PLAIN
            reply[self._at + 1] = self._to - self._at - 2
            self.reply_length = self._to - self._at
            self.unfinished = 0

    def _seal(self):
        self.unfinished = 0
        session = self._session
        length = self._to - self._payload + 3
        authority = self._authority
        self.reply_length = authority.seal(
            self._direction, session, self._counter, self._whole, length
        )
        if self._direction == _REPLY:
            authority.done()
        if not self.reply_length and self._direction == _REPLY:
            # The session ended meanwhile.
            self._session = self._tag = self._op = 0
            self._begin_answer()
            self._finish(NO_SESSION)

    # Answers.

    def _fill(self):
        if self._direction == _TOLD:
            status = self._read_on()
        else:
            status = self._answer(self._op, self._end - self._begin)
        if status != MORE:
            self._finish(status)
