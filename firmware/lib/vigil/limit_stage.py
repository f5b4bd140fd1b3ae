"""A whole set of limits in the making: begin with a copy, put numbers, check, take over."""

from array import array

from micropython import const

from vigil import limits, validate

IDLE = const(0)
BEGUN = const(1)
CHECKING = const(2)
GOOD = const(3)
REFUSED = const(4)
COMMITTED = const(5)
ABANDONED = const(6)

MOST_TOLD = const(8)
_ARRAYS = ("trip", "release", "trip_delay_ms", "release_delay_ms")


class LimitStage:
    """`found` and the problem arrays tell of the latest check."""

    def __init__(self, bms):
        self._bms = bms
        self.table = None
        self.state = IDLE
        self._checking = None
        self._commits = False
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
        self.state = BEGUN

    def put(self, name, at, value):
        """at: place in the limit table; -1 for the short circuit's two numbers."""
        if at < 0:
            setattr(self.table, name, value)
        else:
            getattr(self.table, name)[at] = value
        # Another set than the one that was checked.
        self.state = BEGUN

    def check(self, commits):
        """Begin to check; commits: take it over if it is good."""
        if self.table is None:
            return
        self._commits = commits
        self._found = []
        bms = self._bms
        self._checking = validate.check(
            self.table, bms.chemistry, bms.front_end.cell_count, self._found
        )
        self.state = CHECKING

    def check_on(self):
        """One slice; False when the verdict stands."""
        try:
            next(self._checking)
            return True
        except StopIteration:
            self._checking = None
        found = self._found or self._bms.backstop_problems(self.table)
        if self._commits and not found:
            found = self._bms.use_limits(self.table)
        self._tell(found)
        if found:
            self.state = REFUSED
        elif self._commits:
            self.end(COMMITTED)
        else:
            self.state = GOOD
        return False

    def end(self, state):
        self.table = None
        self.state = state

    def _tell(self, found):
        self.found = len(found)
        for at in range(MOST_TOLD):
            row, code, number, bound = found[at] if at < len(found) else (0, 0, 0, 0)
            self.problem_row[at] = row
            self.problem_code[at] = code
            self.problem_number[at] = number
            self.problem_bound[at] = bound
