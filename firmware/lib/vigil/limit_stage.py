"""A whole set of limits in the making: begin with a copy, put numbers, check, take over."""

from array import array

from micropython import const

from vigil import journal, limits, validate

IDLE = const(0)
BEGUN = const(1)
CHECKING = const(2)
GOOD = const(3)
REFUSED = const(4)
COMMITTED = const(5)
ABANDONED = const(6)

_TAKING_MS = const(60)  # the time in which nothing else runs
MOST_TOLD = const(8)
_ARRAYS = ("trip", "release", "trip_delay_ms", "release_delay_ms")


# What is known of a set before anybody has asked.
UNKNOWN = const(-1)
BAD = const(0)
SOUND = const(1)


class LimitStage:
    """`found` and the problem arrays tell of the latest check; `sound` foretells the next one,
    where a link has set `hurried` because its host does not wait for verdicts."""

    def __init__(self, bms):
        self._bms = bms
        self.table = None
        self.state = IDLE
        self._checking = None
        self._commits = False
        self._found = None
        self.hurried = False
        self.sound = UNKNOWN
        self._open = bytearray(len(limits.TABLE))  # rows that may be wrong
        self._ahead = None
        self._foreseen = None
        self.found = 0
        self.problem_row = array("H", [0] * MOST_TOLD)
        self.problem_code = array("H", [0] * MOST_TOLD)
        self.problem_number = array("i", [0] * MOST_TOLD)
        self.problem_bound = array("i", [0] * MOST_TOLD)

    @property
    def is_begun(self):
        return self.table is not None

    @property
    def is_checking(self):
        return self.state == CHECKING

    def begin(self):
        """Anew, with what runs now."""
        running = self._bms.table
        self.table = table = limits.Limits()
        for name in _ARRAYS:
            getattr(table, name)[:] = getattr(running, name)
        table.short_circuit_ma = running.short_circuit_ma
        table.short_circuit_delay_us = running.short_circuit_delay_us
        self._tell([])
        # What runs has been checked, row by row.
        for at in range(len(self._open)):
            self._open[at] = bool(self._bms.problems)
        self._change()

    def put(self, name, at, value):
        """at: place in the limit table; -1 for the short circuit's two numbers."""
        if at < 0:
            setattr(self.table, name, value)
        else:
            getattr(self.table, name)[at] = value
            self._open[at] = True
        self._change()

    def _change(self):
        """Another set than the one that was checked."""
        self.state = BEGUN
        self.sound = UNKNOWN
        self._ahead = None

    def look_ahead(self):
        """One slice towards `sound`; False if there is nothing to do."""
        if not self.hurried or self.table is None or self.sound != UNKNOWN:
            return False
        if self._ahead is None:
            self._foreseen = []
            self._ahead = self._check_all(self._foreseen, self._open)
        for _ in self._ahead:
            return True
        self.sound = BAD if self._foreseen else SOUND
        self._ahead = None
        return False

    def refuse(self):
        """What has been found bad ahead, as if it had been asked for now."""
        self._found = self._foreseen
        self._bms.keeper.note(journal.LIMITS, min(len(self._found or ()), 0xFFFF))
        self._conclude(REFUSED)

    def _check_all(self, found, rows=None):
        bms = self._bms
        table = self.table
        yield from validate.check(table, bms.chemistry, bms.front_end.cell_count, found, rows)
        if not found:
            yield from bms.check_backstop(table, found)

    def check(self, commits):
        """Begin to check; commits: take it over if it is good."""
        if self.table is None:
            return
        self._commits = commits
        self._found = []
        self._checking = self._check_all(self._found)
        self.state = CHECKING

    def check_on(self):
        """One slice; False when the verdict stands."""
        bms = self._bms
        if self._checking is not None:
            for _ in self._checking:
                return True
            self._checking = None
            return True
        if not self._commits:
            self._conclude(REFUSED if self._found else GOOD)
        elif self._found:
            bms.keeper.note(journal.LIMITS, min(len(self._found or ()), 0xFFFF))
            self._conclude(REFUSED)
        elif not bms.announce_stall(_TAKING_MS):
            return True
        else:
            bms.keeper.note(journal.LIMITS)
            bms.take_limits(self.table)
            self.end(COMMITTED)
            self._conclude(COMMITTED)
        return False

    def _conclude(self, state):
        self._tell(self._found)
        self._found = None
        self.state = state

    def end(self, state):
        self.table = self._ahead = None
        self.hurried = False
        self.state = state

    def _tell(self, found):
        self.found = len(found)
        for at in range(MOST_TOLD):
            row, code, number, bound = found[at] if at < len(found) else (0, 0, 0, 0)
            self.problem_row[at] = row
            self.problem_code[at] = code
            self.problem_number[at] = number
            self.problem_bound[at] = bound
