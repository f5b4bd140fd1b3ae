"""Judge the Sample by the limit table; say which rows have tripped, where and at what value.

Runs in the cycle: judge() allocates nothing.
"""

from array import array

from micropython import const

from vigil import kernels, limits
from vigil.sample import HIGHEST_AT, LOWEST_AT, NOTHING, STACK, UNKNOWN

_ROW_WORDS = const(10)


class Protection:
    """The compiled table, two state words a row, and the particulars of every trip."""

    def __init__(self, table):
        """table: limits.Limits, validated."""
        count = len(limits.TABLE)
        self.table = table
        self.row_count = count
        self._rows = table.compile()
        # Where (0-based) and at what value a tripped row tripped; meaningless while it has not.
        self.trip_at = array("i", [0] * count)
        self.trip_value = array("i", [0] * count)
        self._was_tripped = bytearray(count)
        self.actions = 0
        # TABLE positions of the first row that holds each switch open, or -1.
        self.charge_opened_by = -1
        self.discharge_opened_by = -1
        self.trips = 0

    def judge(self, sample, now_ms):
        """Summarise the sample and interpret all rows over it; returns the kernel's result."""
        sample.close(now_ms)
        actions = kernels.judge(sample.words, now_ms, self._rows)
        if actions & limits.CHANGED:
            self._note_changes(sample)
        self.actions = actions
        return actions

    def is_counting(self):
        """A row that opens a switch sees its value beyond the trip, and its delay runs."""
        if not self.actions & limits.ACTIVE:
            return False
        rows = self._rows
        for at in range(self.row_count):
            row = at * _ROW_WORDS
            if rows[row + limits.ROW_ELAPSED] and not rows[row + limits.ROW_TRIPPED]:
                if limits.TABLE[at][limits.ACTION] & limits.OPEN_BOTH:
                    return True
        return False

    def is_tripped(self, at):
        return self._rows[at * _ROW_WORDS + limits.ROW_TRIPPED] != 0

    def value_now(self, at, sample):
        """The scalar that row `at` looks at."""
        value = sample.words[self._rows[at * _ROW_WORDS + limits.ROW_SCALAR]]
        row = limits.TABLE[at]
        if row[limits.GROUP] <= STACK:
            if value == NOTHING:
                return UNKNOWN
            if row[limits.DIRECTION] == limits.BELOW:
                return value ^ -1
        return value

    def _note_changes(self, sample):
        rows = self._rows
        self.charge_opened_by = -1
        self.discharge_opened_by = -1
        for at in range(self.row_count):
            tripped = rows[at * _ROW_WORDS + limits.ROW_TRIPPED]
            if tripped and not self._was_tripped[at]:
                row = limits.TABLE[at]
                group = row[limits.GROUP]
                below = row[limits.DIRECTION] == limits.BELOW
                if group <= STACK:
                    self.trip_at[at] = sample.place(group, LOWEST_AT if below else HIGHEST_AT)
                self.trip_value[at] = self.value_now(at, sample)
                self.trips += 1
            self._was_tripped[at] = tripped
            if tripped:
                action = rows[at * _ROW_WORDS + limits.ROW_ACTIONS]
                if action & limits.OPEN_CHARGE and self.charge_opened_by < 0:
                    self.charge_opened_by = at
                if action & limits.OPEN_DISCHARGE and self.discharge_opened_by < 0:
                    self.discharge_opened_by = at


# A constant of another module costs a lookup in the cycle, so this one is repeated.
if limits.ROW_WORDS != _ROW_WORDS:
    raise ValueError("protect.py and limits.py disagree on the length of a row")
