"""Lines to and from the supervisor, and real time, on both interpreters.

Never upload to a board.
"""

import json
import select
import sys

_MICROPYTHON = sys.implementation.name == "micropython"

if _MICROPYTHON:
    import utime

    def real_us():
        return utime.time_ns() // 1000
else:
    import os
    import time as _time

    def real_us():
        return _time.monotonic_ns() // 1000


class Console:
    """JSON arrays, one a line: standard input is the supervisor, standard output goes to it."""

    def __init__(self):
        self._poll = select.poll()
        self._poll.register(sys.stdin if _MICROPYTHON else 0, select.POLLIN)
        self._buffer = b""
        self._ended = False

    def say(self, *message):
        sys.stdout.write(json.dumps(message) + "\n")
        if not _MICROPYTHON:
            sys.stdout.flush()

    def listen(self, wait_ms=0):
        """Messages that have arrived, waiting at most wait_ms for one; ["quit"] at the end."""
        messages = []
        while not self._ended and self._poll.poll(wait_ms):
            wait_ms = 0
            self._read(messages)
        if self._ended:
            messages.append(["quit"])
        return messages

    def _read(self, messages):
        if _MICROPYTHON:
            # Unbuffered: what has not been read stays visible to poll().
            line = sys.stdin.readline()
            self._ended = not line
            lines = [line]
        else:
            data = os.read(0, 65536)
            self._ended = not data
            lines = (self._buffer + data).split(b"\n")
            self._buffer = lines.pop()
        for line in lines:
            if line.strip():
                messages.append(json.loads(line))
