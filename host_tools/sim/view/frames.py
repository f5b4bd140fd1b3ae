"""Counts the JBD frames that leave the battery, and how many a second of real time."""

import collections
import time

_START = 0xDD
_HEADER = 4  # start, register, status, length
_TAIL = 3  # checksum, end
_WINDOW_S = 5


class FrameCounter:
    def __init__(self, now=time.monotonic):
        self._now = now
        self._begun = bytearray()
        self._seen = collections.deque()
        self.total = 0

    def take(self, data):
        for byte in data:
            if not self._begun and byte != _START:
                continue
            self._begun.append(byte)
            if len(self._begun) >= _HEADER:
                if len(self._begun) == _HEADER + self._begun[3] + _TAIL:
                    self._begun.clear()
                    self.total += 1
                    self._seen.append(self._now())

    @property
    def a_second(self):
        """Mean over the last seconds."""
        oldest = self._now() - _WINDOW_S
        while self._seen and self._seen[0] < oldest:
            self._seen.popleft()
        return len(self._seen) / _WINDOW_S
