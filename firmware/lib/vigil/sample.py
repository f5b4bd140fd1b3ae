"""The Sample: everything measured, in one array, with sequence, age and validity of each group.

Cell voltages and stack in mV, temperatures in 0.1 degC, current in mA (+ = charging).
A driver writes values in place and calls refresh() for what is genuinely new; nobody else writes.
"""

from array import array

from micropython import const

from vigil import kernels

# Measured groups, in the order of their records.
CELLS = const(0)
TEMPS = const(1)
CURRENT = const(2)
STACK = const(3)
BOARD = const(4)  # temperatures of the front end's die and of the switches
GROUPS = const(5)
# Health scalars: group g has its age as CELLS_AGE + g and its unknown values as CELLS_UNKNOWN + g.
CELLS_AGE = const(8)
TEMPS_AGE = const(9)
CURRENT_AGE = const(10)
STACK_AGE = const(11)
BOARD_AGE = const(12)
CELLS_UNKNOWN = const(16)
TEMPS_UNKNOWN = const(17)
CURRENT_UNKNOWN = const(18)
STACK_UNKNOWN = const(19)
BOARD_UNKNOWN = const(20)
# What the front end says of itself.
SILENCE = const(24)
FAULT = const(25)
CHARGE_TRIP = const(26)
DISCHARGE_TRIP = const(27)
# What is concluded from the measurements or comes from elsewhere: Sample.health, 0 = well.
HEALTH_FIRST = const(28)
CELLS_DOUBT = const(28)
TEMPS_DOUBT = const(29)
CURRENT_DOUBT = const(30)
STACK_DOUBT = const(31)
SWITCH_STUCK = const(
    32
)  # 1 charge, 2 discharge: it conducts or reports closed against the command
INTERLOCK = const(33)
EMERGENCY = const(34)
RUNAWAY_SIGNS = const(35)  # independent signs of a thermal runaway
CHARGE_EXCESS = const(36)  # mA above what coldest sensor and lowest cell allow
BACKSTOP_FAULT = const(37)
POWER_PATH = const(38)
CLIMATE_FAULT = const(39)
BUS_FAILURES = const(40)  # failed reads among the last 100
SELF_CHECK = const(41)
CELL_SPREAD = const(42)  # mV
TEMP_SPREAD = const(43)  # 0.1 K
SHORT_CIRCUIT = const(44)
HEALTH_WORDS = const(17)

UNKNOWN = const(0x1FFFFFFF)

# What the front end reports of itself.
FAULT_NOT_CONFIGURED = const(1)
FAULT_INTERNAL = const(2)
CHARGE_TRIP_OVER_VOLTAGE = const(1)
CHARGE_TRIP_OVER_CURRENT = const(2)
CHARGE_TRIP_TEMPERATURE = const(4)
CHARGE_TRIP_LOAD = const(8)  # held off to see whether the load is still there
DISCHARGE_TRIP_UNDER_VOLTAGE = const(1)
DISCHARGE_TRIP_OVER_CURRENT = const(2)
DISCHARGE_TRIP_SHORT_CIRCUIT = const(4)
DISCHARGE_TRIP_TEMPERATURE = const(8)

# Why measured values are not believed.
DOUBT_SUM = const(1)  # cells and stack: the cells do not add up to the stack
DOUBT_JUMP = const(2)
DOUBT_RAIL = const(4)  # nothing, or full scale
DOUBT_LEAD = const(8)  # two neighbours mirror each other, as with a broken sense lead
DOUBT_LEAD_TEST = const(16)  # the front end's own test says so
DOUBT_RATE = const(1)  # temperatures: faster than anything warms
DOUBT_APART = const(2)
DOUBT_DIRECTION = const(1)  # current: the cells move as if it flowed the other way

BACKSTOP_DIFFERS = const(1)  # the front end's configuration has differed a second time
BACKSTOP_OVERDUE = const(2)

# Layout of the words that kernels.judge works on; its docstring says what each one means.
WORD_BYTES = const(4)
SILENCE_WORD = const(2)
_CALLED = const(6)
GROUPS_AT = const(8)
GROUP_WORDS = const(15)
_FIRST = const(0)
HIGHEST = const(1)
LOWEST = const(2)  # inverted: value ^ -1
HIGHEST_AT = const(3)
LOWEST_AT = const(4)
UNKNOWNS = const(5)
AGE = const(7)
SEQUENCE = const(8)
_STAMP = const(10)
_READ = const(11)
_READ_BEFORE = const(12)
_LONGEST = const(13)
_END = const(14)
HEALTH_AT = const(8 + 5 * 15 + 1)
_VALUES_AT = const(HEALTH_AT + HEALTH_WORDS)
NOTHING = const(0 - (1 << 28))  # extreme of a group of which nothing is known
_TICKS = const(0x3FFFFFFF)
_SHORT_CIRCUIT_WORD = const(HEALTH_AT + SHORT_CIRCUIT - HEALTH_FIRST)
_FAST_TRIPS = const(DISCHARGE_TRIP_OVER_CURRENT | DISCHARGE_TRIP_SHORT_CIRCUIT)


class Sample:
    """Values and health of one front end; all buffers are made here, once."""

    def __init__(self, cell_count, temp_count, periods_ms, cycle_ms, board_temp_count=1):
        """periods_ms: conversion period of (cells, temperatures, current, stack, board)."""
        self.cell_count = cell_count
        self.temp_count = temp_count
        self.board_temp_count = board_temp_count
        # One word after each group's values stays UNKNOWN: the kernel's scan ends there.
        self.cells_at = 0
        self.temps_at = cell_count + 1
        self.current_at = self.temps_at + temp_count + 1
        self.stack_at = self.current_at + 2
        self.board_at = self.stack_at + 2
        count = self.board_at + board_temp_count + 1
        self.words = array("i", [0] * _VALUES_AT + [UNKNOWN] * count)
        self.values = memoryview(self.words)[_VALUES_AT:]
        # Word `scalar - HEALTH_FIRST` holds what is concluded; 0 = well.
        self.health = memoryview(self.words)[HEALTH_AT:_VALUES_AT]
        self.cell_values = self.values[:cell_count]
        self.temp_values = self.values[self.temps_at : self.temps_at + temp_count]
        self.periods_ms = array("i", periods_ms)
        self.stale_ms = array("i", [stale_limit_ms(period, cycle_ms) for period in periods_ms])
        firsts = (self.cells_at, self.temps_at, self.current_at, self.stack_at, self.board_at)
        counts = (cell_count, temp_count, 1, 1, board_temp_count)
        words = self.words
        for group in range(GROUPS):
            base = record_at(group)
            words[base + HIGHEST] = words[base + LOWEST] = NOTHING
            words[base + HIGHEST_AT] = words[base + LOWEST_AT] = words[base + _FIRST] = (
                _VALUES_AT + firsts[group]
            ) * WORD_BYTES
            words[base + _END] = words[base + _FIRST] + counts[group] * WORD_BYTES
            words[base + _LONGEST] = self.stale_ms[group] + 1
            # Unknown counts begin at 0: what was never measured is old, not invalid.
        # The record of each group, cut once for refresh().
        self._records = [memoryview(words)[record_at(group) :] for group in range(GROUPS)]
        self._answered_ms = 0
        self._extension_ms = 0
        self._stall_ms = 0
        self._extended_at = array("i", [0] * GROUPS)
        self.front_end_fault = FAULT_NOT_CONFIGURED
        self.front_end_charge_trip = 0
        self.front_end_discharge_trip = 0
        # Whether a load or a charger hangs on the terminals: 1 yes, 0 no, -1 cannot be told.
        self.load_seen = -1
        self.charger_seen = -1

    def start(self, now_ms):
        """Age everything from now: nothing has been measured yet."""
        for group in range(GROUPS):
            self.words[record_at(group) + _STAMP] = now_ms
        self.words[_CALLED] = now_ms
        self._answered_ms = now_ms

    def refresh(self, group, now_ms):
        """A new conversion of this group is in place.

        It may have been ready since the last look at the front end, so its age starts there,
        but no further back than one period: conversions do not pause.
        """
        kernels.refresh(self._records[group], now_ms, self._answered_ms, self.periods_ms[group])

    def answered(self, now_ms):
        """The front end has answered completely, with or without new conversions."""
        self._answered_ms = now_ms

    def extend_once(self, most_ms, now_ms):
        """Nothing runs for a while from now on, by plan: a flash write.

        Up to `most_ms` of the time until the next close() makes nothing older. False, and no
        extension, unless every group has had a new conversion since the one before: two stalls in
        a row would let old data pass for new.
        """
        for group in range(GROUPS):
            if self.sequence(group) == self._extended_at[group]:
                return False
        for group in range(GROUPS):
            self._extended_at[group] = self.sequence(group)
        self._extension_ms = most_ms
        self._stall_ms = now_ms
        return True

    def _extend(self, now_ms):
        stall_ms = (now_ms - self._stall_ms) & _TICKS
        extension_ms = min(stall_ms, self._extension_ms)
        self._extension_ms = 0
        words = self.words
        for group in range(GROUPS):
            base = GROUPS_AT + group * GROUP_WORDS
            # What has been read since the stall began is as old as it says.
            if (now_ms - words[base + _READ]) & _TICKS >= stall_ms:
                words[base + _STAMP] = (words[base + _STAMP] + extension_ms) & _TICKS
        if (now_ms - self._answered_ms) & _TICKS >= stall_ms:
            self._answered_ms = (self._answered_ms + extension_ms) & _TICKS

    def close(self, now_ms):
        """All is read: put the health scalars where the kernel finds them."""
        if self._extension_ms:
            self._extend(now_ms)
        words = self.words
        words[SILENCE_WORD] = (now_ms - self._answered_ms) & _TICKS
        words[SILENCE_WORD + 1] = self.front_end_fault
        words[SILENCE_WORD + 2] = self.front_end_charge_trip
        words[SILENCE_WORD + 3] = self.front_end_discharge_trip
        words[_SHORT_CIRCUIT_WORD] = self.front_end_discharge_trip & _FAST_TRIPS

    def sequence(self, group):
        return self.words[GROUPS_AT + group * GROUP_WORDS + SEQUENCE]

    def read_ms(self, group):
        """When the latest conversion of this group was read (ticks)."""
        return self.words[GROUPS_AT + group * GROUP_WORDS + _READ]

    # As of the last Protection.judge():

    def judged_ms(self):
        """When that was (ticks)."""
        return self.words[_CALLED]

    def age_ms(self, group):
        return self.words[GROUPS_AT + group * GROUP_WORDS + AGE]

    def lowest(self, group):
        value = self.words[GROUPS_AT + group * GROUP_WORDS + LOWEST]
        return UNKNOWN if value == NOTHING else value ^ -1

    def highest(self, group):
        value = self.words[GROUPS_AT + group * GROUP_WORDS + HIGHEST]
        return UNKNOWN if value == NOTHING else value

    def unknown(self, group):
        return self.words[GROUPS_AT + group * GROUP_WORDS + UNKNOWNS]

    def place(self, group, extreme_at):
        """Which of the group's values (0-based) is the highest or lowest."""
        base = GROUPS_AT + group * GROUP_WORDS
        return (self.words[base + extreme_at] - self.words[base + _FIRST]) // WORD_BYTES

    def complete(self):
        """Every group has been measured at least once, with every value known."""
        for group in range(GROUPS):
            if not self.sequence(group) or self.unknown(group):
                return False
        return True


def record_at(group):
    """Index of the record of a measured group in Sample.words."""
    return GROUPS_AT + group * GROUP_WORDS


def stale_limit_ms(period_ms, cycle_ms):
    """Age at which a group counts as stale.

    Three of its own periods, less the cycle in which the switches are opened, so that they
    really are open three periods after the last good conversion. Of a front end quicker than the
    cycle no more than one conversion a cycle can be had: there three cycles count.
    """
    return 3 * max(period_ms, cycle_ms) - cycle_ms
