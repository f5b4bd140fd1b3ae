"""The native protocol on a line of its own, USB or a UART: 0xA6, a message, CRC-16.

Whatever else is on the line, text of the REPL for instance, is passed over.
"""

import time

from micropython import const

from vigil import kernels
from vigil.link.native import MOST_MESSAGE, Native
from vigil.link.rs485 import Rs485
from vigil.points import Points

_START = const(0xA6)
_AROUND = const(3)  # bytes of a frame beside its message
_HEAD = const(3)  # of a frame, up to the message's length
_LEAST = const(2)  # bytes behind the length
_LONGEST_MS = const(200)
_MOST_MISSES = const(4)  # frames that are none, in what is taken at once
_CONTROL_C = const(3)
_COUNTER_MASK = const(0xFFFFFFF)


class SerialFrames:
    """As vigil.link.jbd.Jbd towards the port. breaks: Ctrl-C between frames ends the firmware;
    longest_ms: what a frame may take from its first byte to its last."""

    keeps_gap = False

    def __init__(self, points, breaks=False, longest_ms=_LONGEST_MS):
        self.reply = bytearray(MOST_MESSAGE + _AROUND)
        self.reply[0] = _START
        self.native = Native(points, self.reply, 1, True)
        self.reply_length = 0
        self._breaks = breaks
        self._frame = bytearray(MOST_MESSAGE + _AROUND)
        self.pending = 0
        self._wanted = _HEAD  # bytes after which there is something to look at
        self._begun_ms = 0
        self._longest_ms = longest_ms
        self._misses = 0
        self.frames = 0
        self.superseded = 0
        self.checksum_errors = 0
        self.garbage_bytes = 0

    @property
    def unfinished(self):
        return self.native.unfinished

    @property
    def refused(self):
        return self.native.refused

    def receive(self, data, count):
        """Take the first `count` bytes of data."""
        self._misses = 0
        self._look_at_the_time()
        frame = self._frame
        for at in range(count):
            byte = data[at]
            if not self.pending:
                if byte != _START:
                    if byte == _CONTROL_C and self._breaks:
                        raise KeyboardInterrupt
                    self._pass_over(1)
                    continue
                self._begun_ms = time.ticks_ms()
            frame[self.pending] = byte
            self.pending += 1
            if self.pending == self._wanted:
                self._look()

    def silence(self):
        """A frame may pause, but not for long."""
        self._misses = 0
        self._look_at_the_time()

    def go_on(self):
        native = self.native
        native.go_on()
        if native.reply_length:
            self.reply_length = self._close(native.reply_length + 1)

    def reply_sent(self):
        self.reply_length = 0
        self.native.reply_sent()

    def caller_gone(self):
        """Whoever has asked is gone, and nothing is unfinished."""
        self.pending = self.reply_length = 0
        self._wanted = _HEAD
        self.native.caller_left()

    def tick(self, now_ms):
        """What has begun may be too old, or there is something to tell that nobody asked for."""
        if self.pending:
            self.silence()
        else:
            self.native.tick(now_ms)

    # Framing.

    def _look_at_the_time(self):
        if self.pending and time.ticks_diff(time.ticks_ms(), self._begun_ms) > self._longest_ms:
            # What has begun stays half, but may hide a good frame.
            self._look(True)
            self._pass_over(self.pending)
            self.pending = 0

    def _look(self, late=False):
        """Frames, and what is none, off the front of what has been collected."""
        frame = self._frame
        while self.pending >= _HEAD:
            whole = frame[2] + 2 + _AROUND
            if _LEAST + 2 + _AROUND <= whole <= len(frame):
                if whole <= self.pending:
                    if not self._sum(frame, whole):
                        self._take(whole - _AROUND)
                        self._drop(whole)
                        continue
                    self.checksum_errors = (self.checksum_errors + 1) & _COUNTER_MASK
                elif not late:
                    self._wanted = whole
                    return
            self._miss()
        self._wanted = _HEAD

    def _take(self, length):
        self.frames = (self.frames + 1) & _COUNTER_MASK
        if self.native.unfinished or self.reply_length:
            self.superseded = (self.superseded + 1) & _COUNTER_MASK
            self.reply_length = 0
        self.native.handle(self._frame, 1, length)

    def _miss(self):
        """No frame begins here: on to where the next one may begin."""
        self._misses += 1
        frame = self._frame
        at = 1
        while at < self.pending and (frame[at] != _START or self._misses > _MOST_MISSES):
            at += 1
        self._pass_over(at)
        self._begun_ms = time.ticks_ms()
        self._drop(at)

    def _drop(self, count):
        frame = self._frame
        left = self.pending - count
        for at in range(left):
            frame[at] = frame[count + at]
        self.pending = left
        if left and frame[0] != _START:
            self._miss()

    def _pass_over(self, count):
        self.garbage_bytes = (self.garbage_bytes + count) & _COUNTER_MASK

    def _sum(self, data, end):
        """CRC-16 of what is behind the first byte."""
        at = 1
        total = 0xFFFF
        while at < end:
            # It stops where the sum is zero by chance.
            found = kernels.crc16(data, total, at, end)
            at = found >> 16
            total = found & 0xFFFF
        return total

    def _close(self, end):
        total = self._sum(self.reply, end)
        self.reply[end] = total & 0xFF
        self.reply[end + 1] = total >> 8
        return end + 2


class SerialPort(Rs485):
    """A line with nobody else on it: no echo, and some things are told unasked."""

    def poll(self, now_us):
        if not self._sending:
            self._engine.tick(time.ticks_ms())
        return super().poll(now_us)

    def _release(self, now_us):
        wanted_us = super()._release(now_us)
        self._echo_length = 0
        return wanted_us


def offer(board, uart, baudrate=115200, breaks=False):
    """Give a board the native protocol on this port, beside its other links."""

    def native_on_serial(status):
        return SerialPort(uart, SerialFrames(status.points, breaks), None, baudrate)

    board.points = Points
    board.links = list(getattr(board, "links", ())) + [native_on_serial]
