"""Judge the Sample by the limit table; say which rows have tripped, where and at what value.

Runs in the cycle: judge() allocates nothing.
"""

from array import array

from micropython import const

from vigil import kernels, limits
from vigil.sample import HIGHEST_AT, LOWEST_AT

_TRIPPED = const(1 << 24)
_ROW_WORDS = const(8)
_AT_FROM_VALUE = const(2)  # in a record of extremes a place lies two words after its value


class Protection:
    """The compiled table, one state word a row, and the particulars of every trip."""

    def __init__(self, table):
        """table: limits.Limits, validated."""
        count = len(limits.TABLE)
        self.table = table
        self.row_count = count
        self._rows = table.compile()
        self._states = array("i", [0] * count)
        # Where (0-based) and at what value a tripped row tripped; meaningless while it has not.
        self.trip_at = array("i", [0] * count)
        self.trip_value = array("i", [0] * count)
        self._was_tripped = bytearray(count)
        self.actions = 0
        # TABLE positions of the first row that holds each switch open, or -1.
        self.charge_opened_by = -1
        self.discharge_opened_by = -1
        self.trips = 0

    def judge(self, sample):
        """Interpret all rows over the summarised sample; returns the kernel's result bits."""
        actions = kernels.judge(self._rows, self._states, sample.extremes, self.row_count)
        if actions & limits.CHANGED:
            self._note_changes(sample)
        self.actions = actions
        return actions

    def is_counting(self):
        """A row that opens a switch sees its value beyond the trip, and its delay runs."""
        if not self.actions & limits.ACTIVE:
            return False
        for at in range(self.row_count):
            if 0 < self._states[at] < _TRIPPED:
                if limits.TABLE[at][limits.ACTION] & limits.OPEN_BOTH:
                    return True
        return False

    def is_tripped(self, at):
        return self._states[at] >= _TRIPPED

    def value_now(self, at, sample):
        """The scalar that row `at` looks at."""
        return sample.extremes[self._rows[at * _ROW_WORDS]]

    def _note_changes(self, sample):
        extremes = sample.extremes
        rows = self._rows
        self.charge_opened_by = -1
        self.discharge_opened_by = -1
        for at in range(self.row_count):
            tripped = 1 if self._states[at] >= _TRIPPED else 0
            if tripped and not self._was_tripped[at]:
                scalar = rows[at * _ROW_WORDS]
                self.trip_at[at] = extremes[scalar + _AT_FROM_VALUE]
                self.trip_value[at] = extremes[scalar]
                self.trips += 1
            self._was_tripped[at] = tripped
            if tripped:
                action = rows[at * _ROW_WORDS + 7]
                if action & limits.OPEN_CHARGE and self.charge_opened_by < 0:
                    self.charge_opened_by = at
                if action & limits.OPEN_DISCHARGE and self.discharge_opened_by < 0:
                    self.discharge_opened_by = at


# The offset above is a fact of the record layout in sample.py.
if LOWEST_AT != _AT_FROM_VALUE or HIGHEST_AT != _AT_FROM_VALUE + 1:
    raise ValueError("protect.py and sample.py disagree on the record of extremes")
