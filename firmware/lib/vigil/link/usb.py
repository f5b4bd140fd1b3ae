"""The board's own USB serial port (or its REPL's UART) with the face of a UART; never waits."""

import select
import sys

import micropython
from micropython import const

_AT_ONCE = const(16)  # bytes written: where the port is slow, each of them takes time


class Usb:
    """Takes the REPL's port over: Ctrl-C is left to who reads (serial_frames.py, breaks)."""

    def __init__(self):
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._readable = select.poll()
        self._readable.register(sys.stdin, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(sys.stdout, select.POLLOUT)
        self._one = bytearray(1)
        micropython.kbd_intr(-1)

    def any(self):
        """1 if something waits; how much, the port does not tell."""
        for _ in self._readable.ipoll(0):
            return 1
        return 0

    def readinto(self, buffer, count):
        at = 0
        while at < count and self.any():
            if not self._in.readinto(self._one):
                break
            buffer[at] = self._one[0]
            at += 1
        return at

    def write(self, data):
        """Byte by byte, each only if there is room: the port would wait for a host that sleeps."""
        at = 0
        while at < len(data) and at < _AT_ONCE:
            for _ in self._writable.ipoll(0):
                break
            else:
                return at
            self._one[0] = data[at]
            self._out.write(self._one)
            at += 1
        return at

    def txdone(self):
        return True
