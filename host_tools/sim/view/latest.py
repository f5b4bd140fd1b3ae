"""What the view knows of one battery: its latest record, what it announced, what happened."""

import collections
import time

from host_tools import meanings
from host_tools.sim.present import Changes, rows_of
from host_tools.sim.view.bars import cell_limits
from host_tools.sim.view.frames import FrameCounter

_EVENTS = 200
# Virtual time is compared with real time over this long.
_WINDOW_S = 2.0


class Latest:
    def __init__(self, number, seed, ready, port):
        self.number = number
        self.seed = seed
        self.ready = ready
        self.port = port
        self.rows = rows_of(ready)
        self.cell_limits = cell_limits(self.rows)
        self.record = None
        self.backstop = None
        self.attached = False
        self.frames = FrameCounter()
        self.events = collections.deque(maxlen=_EVENTS)  # (t_s, text)
        self.offered_ma = None  # what the user has told charger or load to offer
        self.speed_seen = None
        self._changes = Changes(self.rows)
        self._seen_from = None
        self._expected = None

    @property
    def t_s(self):
        return self.record["t_s"] if self.record else 0

    def take(self, record):
        self.record = record
        for text in self._changes.since(record):
            self.happened(text)
        self._measure_speed(record["t_s"])

    def happened(self, text):
        self.events.append((self.t_s, text))

    def judged(self):
        """(faults, warnings), in sentences."""
        return meanings.judge_record(self.rows, self.record) if self.record else ([], [])

    def expect(self, speed):
        """The speed that was asked for; when it changes, measuring begins anew."""
        if speed != self._expected:
            self._expected = speed
            self._seen_from = None
            self.speed_seen = None

    def _measure_speed(self, t_s):
        now = time.monotonic()
        if self._seen_from is None:
            self._seen_from = (t_s, now)
        elif now - self._seen_from[1] >= _WINDOW_S:
            self.speed_seen = (t_s - self._seen_from[0]) / (now - self._seen_from[1])
            self._seen_from = (t_s, now)
