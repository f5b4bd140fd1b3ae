"""Half-duplex serial port: carries bytes between a UART and a protocol engine, never blocks.

Times are ticks in microseconds. The engine has receive(data, count), silence(), pending, frames,
reply, reply_length and reply_sent(), see vigil.link.jbd; go_on() is called while `unfinished`;
keeps_gap: its frames are told apart by silences. silence() comes once behind whatever is heard.
"""

import time

from micropython import const

_MOST_BYTES = const(64)  # moved in one poll
_IDLE_POLL_US = const(5000)
_LISTENING_POLL_US = const(1000)
_BUSY_POLL_US = const(200)
_AT_ONCE_US = const(1)
_LATE_US = const(20000)
_SILENCE_US = const(20000)  # or 20 characters, if that is longer
_SILENCE_BITS = const(200)
_MOST_VIEWS = const(16)
_BITS_PER_BYTE = const(10)
_GAP_BITS = const(35)  # of silence between two frames, where the protocol wants it
_LEAST_GAP_US = const(1750)
_GIVE_UP_US = const(500000)  # for a port that does not finish: the bus belongs to others, too
_COUNTER_MASK = const(0xFFFFFFF)  # counters start anew before they would need the heap


class Rs485:
    """One port. driver_enable: pin, high while sending; None if the transceiver does it itself."""

    def __init__(self, uart, engine, driver_enable=None, baudrate=9600):
        self._uart = uart
        self._engine = engine
        self._driver_enable = driver_enable
        self._byte_us = _BITS_PER_BYTE * 1000000 // baudrate + 1
        self._silence_us = max(_SILENCE_US, _SILENCE_BITS * 1000000 // baudrate)
        self._gap_us = 0
        if engine.keeps_gap:
            self._gap_us = max(_LEAST_GAP_US, _GAP_BITS * 1000000 // baudrate)
        self._received = bytearray(_MOST_BYTES)
        self._views = {}  # of the reply, by length: made once, there are only a few
        self._sending = False
        self._length = 0  # of the reply on its way
        self._written = 0  # bytes of it the port has taken
        self._ends_us = 0  # when it should have left
        self._echo_at = 0  # bytes of it that have come back so far
        self._echo_length = 0  # bytes that may come back
        self._heard_us = 0  # when something was last heard, or sent
        self._unsettled = False  # something was heard since the last silence
        self._quiet_us = 0  # poll at which nothing was left waiting
        self._asked_us = 0  # the latest request was complete after this moment
        self.bytes_in = 0
        self.bytes_out = 0
        self.replies = 0
        self.late_replies = 0  # begun more than 20 ms after the request may have been complete
        self.abandoned = 0  # the port did not finish sending
        if driver_enable is not None:
            driver_enable.value(0)

    @property
    def reply_owed(self):
        """From the first byte of a request until its reply has left."""
        engine = self._engine
        return self._sending or engine.reply_length or engine.pending or engine.unfinished

    def stalled(self, now_us):
        """Nothing could run until now, by plan: the reply time counts from here."""
        self._quiet_us = now_us

    def poll(self, now_us):
        """Do what is due; returns in how many microseconds it wants to be called again."""
        if self._sending:
            # What is heard meanwhile waits in the port's buffer: it is our own echo, or the next
            # request on a full-duplex line, and must not overwrite the reply.
            return self._send(now_us)
        engine = self._engine
        if self._listen(now_us):
            # Nobody else's slice comes between a request and its answer's next part.
            return _AT_ONCE_US if engine.unfinished > 1 else _BUSY_POLL_US
        self._quiet_us = now_us
        if engine.unfinished and not engine.pending:
            engine.go_on()
            # 1: it waits for others, who need their turn.
            return _BUSY_POLL_US if engine.unfinished == 1 else _AT_ONCE_US
        # A request that is just arriving will replace the one before; then that is not answered.
        if engine.reply_length and not engine.pending:
            gap_us = self._gap_us - time.ticks_diff(now_us, self._heard_us)
            if not self._gap_us or not 0 < gap_us <= self._gap_us:
                return self._start(now_us)
            return gap_us
        return _LISTENING_POLL_US if engine.pending or self._echo_length else _IDLE_POLL_US

    def _listen(self, now_us):
        """Hand on what was heard; true if there is more to come."""
        engine = self._engine
        count = min(self._uart.any(), _MOST_BYTES)
        if count:
            count = self._uart.readinto(self._received, count) or 0
        if count:
            frames = engine.frames
            self.bytes_in = (self.bytes_in + count) & _COUNTER_MASK
            self._heard_us = now_us
            self._unsettled = True
            count = self._without_echo(count)
            engine.receive(self._received, count)
            if engine.frames != frames:
                self._asked_us = self._quiet_us
        elif self._unsettled or self._echo_length:
            if time.ticks_diff(now_us, self._heard_us) > self._silence_us:
                frames = engine.frames
                self._echo_length = 0
                self._unsettled = False
                engine.silence()
                if engine.frames != frames:
                    self._asked_us = self._heard_us
        # The next part of an answer is a slice of its own.
        return self._uart.any() or (count and engine.unfinished)

    def _without_echo(self, count):
        """Take our own echo off the front of what was heard; returns how many bytes are left."""
        received = self._received
        reply = self._engine.reply
        at = 0
        while at < count and self._echo_at < self._echo_length:
            if received[at] != reply[self._echo_at]:
                # No echo after all, but the next request, which begins with the same byte.
                self._echo_length = 0
                if self._echo_at > at:
                    self._engine.receive(reply, self._echo_at - at)
                return count
            at += 1
            self._echo_at += 1
        if self._echo_at >= self._echo_length:
            self._echo_length = 0
        left = count - at
        if at:
            for to in range(left):
                received[to] = received[at + to]
        return left

    def _start(self, now_us):
        if self._driver_enable is not None:
            self._driver_enable.value(1)
        self._sending = True
        self._length = self._engine.reply_length
        self._written = 0
        self._ends_us = time.ticks_add(now_us, self._length * self._byte_us)
        return self._send(now_us)

    def _send(self, now_us):
        if self._written < self._length:
            self._write(now_us)
        if self._written == self._length and self._uart.txdone():
            return self._release(now_us)
        left_us = time.ticks_diff(self._ends_us, now_us)
        if left_us < -_GIVE_UP_US:
            self.abandoned = (self.abandoned + 1) & _COUNTER_MASK
            return self._release(now_us)
        if self._written < self._length:
            return _BUSY_POLL_US
        return max(_BUSY_POLL_US, min(left_us, _IDLE_POLL_US))

    def _write(self, now_us):
        if self._written:
            view = memoryview(self._engine.reply)[self._written : self._length]
        else:
            view = self._view()
        taken = self._uart.write(view) or 0
        if taken and not self._written:
            self.replies = (self.replies + 1) & _COUNTER_MASK
            if time.ticks_diff(now_us, self._asked_us) > _LATE_US:
                self.late_replies = (self.late_replies + 1) & _COUNTER_MASK
        self._written += taken
        self.bytes_out = (self.bytes_out + taken) & _COUNTER_MASK

    def _view(self):
        """The reply as far as it is filled; only the first of each length takes memory."""
        view = self._views.get(self._length)
        if view is None:
            if len(self._views) >= _MOST_VIEWS:
                self._views.clear()
            view = memoryview(self._engine.reply)[: self._length]
            self._views[self._length] = view
        return view

    def _release(self, now_us):
        """Give the bus back and listen."""
        if self._driver_enable is not None:
            self._driver_enable.value(0)
        self._sending = False
        self._echo_at = 0
        self._echo_length = self._written
        self._heard_us = now_us
        self._quiet_us = now_us
        self._engine.reply_sent()
        return _LISTENING_POLL_US
