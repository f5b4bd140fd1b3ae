"""Judge the Sample by the limit table; say which rows have tripped, where and at what value.

Runs in the cycle: judge() allocates nothing.
"""

from array import array

from micropython import const

from vigil import kernels, limits
from vigil.sample import (
    BOARD,
    CELLS_DOUBT,
    DOUBT_LEAD_TEST,
    HEALTH_FIRST,
    HIGHEST_AT,
    LOWEST_AT,
    NOTHING,
    UNKNOWN,
)

_ROW_WORDS = const(10)

# Bits of Protection.owed.
OWED_NO_LOAD = const(1)
OWED_NO_CHARGER = const(2)
OWED_RETRIES = const(4)  # after so many retries the owner has to look

_CELLS_DOUBT = CELLS_DOUBT - HEALTH_FIRST
# A cell that moves while the front end tests its leads can look like a broken one.
_LATCHES_NOTHING = ~DOUBT_LEAD_TEST
# TABLE positions of the rows that latch for a single cell, each with that of the stack's row that
# bears it out; and of the row that does so for both.
_SEVERE_CELLS = (
    (
        limits.position(limits.CELL_OVER_VOLTAGE_SEVERE),
        limits.position(limits.STACK_OVER_VOLTAGE),
    ),
    (
        limits.position(limits.CELL_UNDER_VOLTAGE_SEVERE),
        limits.position(limits.STACK_UNDER_VOLTAGE),
    ),
)
_HEAT_SIGN = limits.position(limits.RUNAWAY_WARNING)


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
        # TABLE positions of the first row that holds each switch open, or -1; and of the first
        # that latches.
        self.charge_opened_by = -1
        self.discharge_opened_by = -1
        self.latched_by = -1
        # What has to happen before the charge and the discharge switch may close again: every
        # row that opens one adds its part, whether or not another row hid it.
        self.owed = array("i", [0, 0])
        self.trips = 0
        self.trip_counts = array("H", [0] * count)  # of each row, since the start

    def replace(self, table):
        """Other limits from now on, in one step; what has tripped stays tripped until it releases.

        table: limits.Limits, validated. Delays begin anew.
        """
        rows = table.compile()
        for at in range(self.row_count):
            row = at * _ROW_WORDS
            if self._rows[row + limits.ROW_TRIPPED]:
                rows[row + limits.ROW_TRIPPED] = self._rows[row + limits.ROW_TRIPPED]
                rows[row + limits.ROW_LEVEL] = self._rows[row + limits.ROW_LEVEL]
        self.table = table
        # In place: whoever watches the rows goes on watching these.
        self._rows[:] = rows

    def judge(self, sample, now_ms):
        """Summarise the sample and interpret all rows over it; returns the kernel's result."""
        sample.close(now_ms)
        actions = kernels.judge(sample.words, now_ms, self._rows)
        if actions & limits.CHANGED:
            if sample.health[_CELLS_DOUBT] & _LATCHES_NOTHING:
                actions = self._hold_back(actions)
            self._note_changes(sample)
        self.actions = actions
        return actions

    def is_counting(self):
        """A row that opens a switch sees its value beyond the trip, and its delay runs."""
        return self.opening_in_ms(limits.OPEN_BOTH) >= 0

    def opening_in_ms(self, switches):
        """Time until a delay that runs would open one of `switches` (action bits); -1 if none."""
        if not self.actions & limits.ACTIVE:
            return -1
        rows = self._rows
        soonest_ms = -1
        for at in range(self.row_count):
            row = at * _ROW_WORDS
            elapsed = rows[row + limits.ROW_ELAPSED]
            if elapsed and not rows[row + limits.ROW_TRIPPED]:
                if limits.TABLE[at][limits.ACTION] & switches:
                    # elapsed is 1 + the time.
                    left_ms = self.table.trip_delay_ms[at] - elapsed + 1
                    if left_ms < 0:
                        left_ms = 0
                    if soonest_ms < 0 or left_ms < soonest_ms:
                        soonest_ms = left_ms
        return soonest_ms

    def is_tripped(self, at):
        return self._rows[at * _ROW_WORDS + limits.ROW_TRIPPED] != 0

    def value_now(self, at, sample):
        """The scalar that row `at` looks at."""
        value = sample.words[self._rows[at * _ROW_WORDS + limits.ROW_SCALAR]]
        row = limits.TABLE[at]
        if row[limits.GROUP] <= BOARD:
            if value == NOTHING:
                return UNKNOWN
            if row[limits.DIRECTION] == limits.BELOW:
                return value ^ -1
        return value

    def _hold_back(self, actions):
        """Cells that are in doubt latch nothing by themselves: the doubt has both switches open.

        The time beyond the limit goes on counting, so that a value that is still there when it is
        believed again latches with that very scan; a stack or a heat that bears it out, at once.
        """
        rows = self._rows
        held = False
        for at, sign_at in _SEVERE_CELLS:
            row = at * _ROW_WORDS
            if rows[row + limits.ROW_TRIPPED] and not self._was_tripped[at]:
                if not self.is_tripped(sign_at) and not self.is_tripped(_HEAT_SIGN):
                    rows[row + limits.ROW_TRIPPED] = 0
                    rows[row + limits.ROW_ELAPSED] = self.table.trip_delay_ms[at] + 1
                    held = True
        if held:
            actions = limits.CHANGED | limits.ACTIVE
            for at in range(self.row_count):
                if rows[at * _ROW_WORDS + limits.ROW_TRIPPED]:
                    actions |= rows[at * _ROW_WORDS + limits.ROW_ACTIONS]
        return actions

    def _note_changes(self, sample):
        rows = self._rows
        self.charge_opened_by = -1
        self.discharge_opened_by = -1
        self.latched_by = -1
        for at in range(self.row_count):
            tripped = rows[at * _ROW_WORDS + limits.ROW_TRIPPED]
            if tripped and not self._was_tripped[at]:
                row = limits.TABLE[at]
                group = row[limits.GROUP]
                below = row[limits.DIRECTION] == limits.BELOW
                if group <= BOARD:
                    self.trip_at[at] = sample.place(group, LOWEST_AT if below else HIGHEST_AT)
                self.trip_value[at] = self.value_now(at, sample)
                self.trips += 1
                if self.trip_counts[at] < 0xFFFF:
                    self.trip_counts[at] += 1
                self._owe(row)
            self._was_tripped[at] = tripped
            if tripped:
                action = rows[at * _ROW_WORDS + limits.ROW_ACTIONS]
                if action & limits.OPEN_CHARGE and self.charge_opened_by < 0:
                    self.charge_opened_by = at
                if action & limits.OPEN_DISCHARGE and self.discharge_opened_by < 0:
                    self.discharge_opened_by = at
                if action & limits.LATCH and self.latched_by < 0:
                    self.latched_by = at

    def _owe(self, row):
        recovery = row[limits.RECOVERY]
        if recovery == limits.BY_VALUE or recovery == limits.BY_OWNER:
            return
        owed = OWED_RETRIES
        if recovery == limits.BY_REMOVAL:
            by_charger = row[limits.ID] == limits.CHARGE_OVER_CURRENT_SEVERE
            owed |= OWED_NO_CHARGER if by_charger else OWED_NO_LOAD
        if row[limits.ACTION] & limits.OPEN_CHARGE:
            self.owed[0] |= owed
        if row[limits.ACTION] & limits.OPEN_DISCHARGE:
            self.owed[1] |= owed


# A constant of another module costs a lookup in the cycle, so this one is repeated.
if limits.ROW_WORDS != _ROW_WORDS:
    raise ValueError("protect.py and limits.py disagree on the length of a row")
