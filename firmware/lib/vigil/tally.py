"""Counts what strangers can cause, and tells the journal of it so seldom that nobody pushes the
trips out of it: a few records at once, then one every six hours for all that came meanwhile.
"""

import time

from micropython import const

_MOST_RECORDS = const(4)
_RECORD_EVERY_MS = const(21600000)
_APART_MS = const(60000)
_COUNTER_MASK = const(0x7FFF)


class Tally:
    """note: as keeper.Keeper has it; a record says what came last, and how many came."""

    def __init__(self, note, kind):
        self._note = note
        self._kind = kind
        self.count = 0
        self._untold = 0
        self._code = 0
        self._where = 0
        self._records = _MOST_RECORDS
        self._since_ms = 0
        self._told_ms = 0
        self._begun = False

    def add(self, code, where=0):
        self.count = (self.count + 1) & _COUNTER_MASK
        self._untold = min(self._untold + 1, _COUNTER_MASK)
        self._code = code
        self._where = where

    def step(self, now_ms):
        """Now and then."""
        if not self._begun:
            self._begun = True
            self._since_ms = now_ms
            self._told_ms = time.ticks_add(now_ms, 0 - _APART_MS)
        if time.ticks_diff(now_ms, self._since_ms) >= _RECORD_EVERY_MS:
            self._since_ms = time.ticks_add(self._since_ms, _RECORD_EVERY_MS)
            self._records = min(self._records + 1, _MOST_RECORDS)
            # Long past, not wrapped around.
            self._told_ms = time.ticks_add(now_ms, 0 - _APART_MS)
        if self._untold and self._records:
            if time.ticks_diff(now_ms, self._told_ms) >= _APART_MS:
                self._note(self._kind, self._code, self._where, self._untold)
                self._untold = 0
                self._records -= 1
                self._told_ms = now_ms
