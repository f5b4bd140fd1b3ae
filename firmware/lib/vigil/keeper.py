"""Brings what has to be remembered into the memory, in quiet moments (a slow task).

A latched switch is in flash at most 1 s after its trip if the window is quiet, else 5 s.
"""

import time

from micropython import const

from vigil import journal, limits
from vigil.sample import BOARD, BOARD_UNKNOWN, CELLS, CELLS_AGE, FAULT, SILENCE, TEMPS
from vigil.switches import CHARGE, DISCHARGE, LATCHED

# Kept promises: see docs/storage.md. A write that is due now takes its turn among the slow tasks.
LATCHED_KEPT_QUIET_MS = const(1000)
LATCHED_KEPT_MS = const(5000)
CONFIRM_AFTER_MS = const(30000)

PERIOD_MS = const(100)
_FORCE_AFTER_MS = const(4000)
_PATIENCE_MS = const(60000)
# Wear: trips that follow each other closely share one write.
_JOURNAL_PAUSE_MS = const(10000)
_RETRY_MS = const(1000)
# So long a front end that is set up anew on purpose is no news; what lasts longer is.
_ANEW_MS = const(3000)
STALL_MS = const(400)  # worst erase of a common flash part
_TICKS = const(0x3FFFFFFF)


class Keeper:
    def __init__(self, memory, protection, switches, window, announce, runs_well):
        """announce(ms): a stall follows; False if it is too early for another one.

        runs_well(): this start may be confirmed as far as can be seen now.
        """
        self._memory = memory
        self._protection = protection
        self._switches = switches
        self._window = window
        self._announce = announce
        self._runs_well = runs_well
        self._tripped = bytearray(protection.row_count)
        self._some_tripped = False
        self._last_ms = 0
        self._begun = False
        self._uptime_ms = 0
        self.uptime_s = 0
        self.confirmed = False
        self._urgent = False
        self._waiting = False
        self._waits_since_ms = 0
        self._not_before_ms = 0
        self._anew = False
        self._anew_since_ms = 0
        self.forced = 0  # writes that could not wait for a quiet window
        self.writes = 0

    def step(self, now_ms):
        self._count_time(now_ms)
        self._watch(now_ms)
        memory = self._memory
        if not memory.state_waits and not memory.journal_waits:
            self._waiting = False
            self._urgent = False
            return False
        if not self._waiting:
            self._waiting = True
            self._waits_since_ms = now_ms
        if self._may_write(now_ms):
            self._write()
        return False

    def note(self, kind, code=0, where=0, value=0):
        """Into the journal, with the time of this start."""
        self._memory.note(self.uptime_s, kind, code, where, value, self._states())

    def expect_blindness(self, now_ms):
        """The front end is about to be set up for other limits: noted already, no row by row."""
        self._anew = True
        self._anew_since_ms = now_ms

    def expects(self, at):
        """Row `at` trips because the front end is being set up anew on purpose."""
        return self._anew and _is_blindness(limits.TABLE[at][limits.GROUP])

    def _count_time(self, now_ms):
        if not self._begun:
            self._begun = True
            self._last_ms = now_ms
            self._not_before_ms = now_ms
        self._uptime_ms += (now_ms - self._last_ms) & _TICKS
        self._last_ms = now_ms
        # Whole seconds beside a small remainder: stays off the heap for years.
        self.uptime_s += self._uptime_ms // 1000
        self._uptime_ms %= 1000

    # What is worth remembering.

    def _watch(self, now_ms):
        memory = self._memory
        switches = self._switches
        if self._anew:
            self._anew = (now_ms - self._anew_since_ms) & _TICKS < _ANEW_MS
        self._watch_trips()
        if memory.take_latched(switches):
            self._note_latched()
            memory.stage()
            self._urgent = True
            self._waiting = True
            self._waits_since_ms = now_ms
            self._not_before_ms = now_ms
        if not self.confirmed and self.uptime_s * 1000 >= CONFIRM_AFTER_MS and self._runs_well():
            self.confirmed = True
            memory.confirm()
            memory.note(self.uptime_s, journal.CONFIRMED, value=self.uptime_s)
            memory.stage()

    def _watch_trips(self):
        protection = self._protection
        if not protection.actions and not self._some_tripped:
            return
        self._some_tripped = False
        for at in range(protection.row_count):
            tripped = 1 if protection.is_tripped(at) else 0
            if tripped:
                self._some_tripped = True
            if tripped == self._tripped[at]:
                continue
            row = limits.TABLE[at]
            if tripped and self.expects(at):
                continue
            self._tripped[at] = tripped
            if tripped and row[limits.ACTION] & limits.OPEN_BOTH:
                placed = row[limits.GROUP] in (CELLS, TEMPS, BOARD)
                where = protection.trip_at[at] + 1 if placed else 0
                self._memory.trips += 1
                self._memory.note(
                    self.uptime_s,
                    journal.TRIP,
                    row[limits.ID],
                    where,
                    protection.trip_value[at],
                    self._states(),
                )

    def _note_latched(self):
        memory = self._memory
        which = 0
        for switch in (CHARGE, DISCHARGE):
            if self._switches.state[switch] == LATCHED:
                which |= 1 << switch
        if not which:
            memory.note(self.uptime_s, journal.OWNER_RESET, states=self._states())
            return
        memory.latches += 1
        row = memory.latched_rows[CHARGE] or memory.latched_rows[DISCHARGE]
        memory.note(self.uptime_s, journal.LATCHED, row, value=which, states=self._states())

    def _states(self):
        state = self._switches.state
        return state[CHARGE] | state[DISCHARGE] << 4

    # When it is written.

    def _may_write(self, now_ms):
        waited_ms = time.ticks_diff(now_ms, self._waits_since_ms)
        forced = False
        if time.ticks_diff(now_ms, self._not_before_ms) < 0:
            return False
        if not self._window.is_quiet():
            if self._urgent:
                forced = waited_ms >= _FORCE_AFTER_MS
            else:
                # Under a heavy load for long: still not while a limit is about to act.
                forced = waited_ms >= _PATIENCE_MS and not self._window.protection_is_busy()
            if not forced:
                return False
        if not self._announce(STALL_MS) and not (forced and self._urgent):
            return False
        if forced:
            self.forced += 1
        return True

    def _write(self):
        memory = self._memory
        if memory.state_waits:
            good = memory.commit()
            pause_ms = 0
        else:
            good = memory.flush()
            pause_ms = _JOURNAL_PAUSE_MS
        self.writes += 1
        now_ms = time.ticks_ms()
        if good:
            self._urgent = False
            self._waits_since_ms = now_ms
        else:
            pause_ms = _RETRY_MS
        self._not_before_ms = time.ticks_add(now_ms, pause_ms)


def _is_blindness(group):
    """Nothing new, nothing known, no answer, or not set up."""
    return CELLS_AGE <= group <= BOARD_UNKNOWN or SILENCE <= group <= FAULT
