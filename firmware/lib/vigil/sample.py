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
# Health scalars: group g has its age at CELLS_AGE + g and its unknown values at CELLS_UNKNOWN + g.
CELLS_AGE = const(4)
TEMPS_AGE = const(5)
CURRENT_AGE = const(6)
STACK_AGE = const(7)
CELLS_UNKNOWN = const(8)
TEMPS_UNKNOWN = const(9)
CURRENT_UNKNOWN = const(10)
STACK_UNKNOWN = const(11)
SILENCE = const(12)
FAULT = const(13)
CHARGE_TRIP = const(14)
DISCHARGE_TRIP = const(15)

UNKNOWN = const(0x1FFFFFFF)

# What the front end reports of itself.
FAULT_NOT_CONFIGURED = const(1)
FAULT_INTERNAL = const(2)
FAULT_SWITCH_MISMATCH = const(4)
CHARGE_TRIP_OVER_VOLTAGE = const(1)
CHARGE_TRIP_OVER_CURRENT = const(2)
CHARGE_TRIP_TEMPERATURE = const(4)
DISCHARGE_TRIP_UNDER_VOLTAGE = const(1)
DISCHARGE_TRIP_OVER_CURRENT = const(2)
DISCHARGE_TRIP_SHORT_CIRCUIT = const(4)
DISCHARGE_TRIP_TEMPERATURE = const(8)

_GROUPS = const(16)
_WORDS = const(8)
_SEQUENCE = const(2)
_STAMP = const(4)
_READ = const(5)
_STALE = const(6)
_LAST_CALL = const(4 * 8 + 4)
_TICKS = const(0x3FFFFFFF)

# Positions inside one record of extremes.
LOWEST = const(0)
HIGHEST = const(1)
LOWEST_AT = const(2)
HIGHEST_AT = const(3)
UNKNOWN_COUNT = const(5)


class Sample:
    """Values and health of one front end; all buffers are made here, once."""

    def __init__(self, cell_count, temp_count, periods_ms, cycle_ms):
        """periods_ms: conversion period of (cells, temperatures, current, stack)."""
        self.cell_count = cell_count
        self.temp_count = temp_count
        self.cells_at = 0
        self.temps_at = cell_count
        self.current_at = cell_count + temp_count
        self.stack_at = self.current_at + 1
        self._health_at = self.stack_at + 1
        self.values = array("i", [UNKNOWN] * (self._health_at + 4))
        self.extremes = array("i", [0] * (_GROUPS * _WORDS))
        self.groups = array("i", [0] * (5 * _WORDS))
        self.periods_ms = array("i", periods_ms)
        self.stale_ms = array("i", [stale_limit_ms(period, cycle_ms) for period in periods_ms])
        firsts = (self.cells_at, self.temps_at, self.current_at, self.stack_at)
        counts = (cell_count, temp_count, 1, 1)
        for group in range(4):
            self.groups[group * _WORDS] = firsts[group]
            self.groups[group * _WORDS + 1] = counts[group]
            self.groups[group * _WORDS + _STALE] = self.stale_ms[group]
            for word in (LOWEST, HIGHEST):
                self.extremes[group * _WORDS + word] = UNKNOWN
            self.extremes[group * _WORDS + UNKNOWN_COUNT] = counts[group]
            # The health scalars begin at 0 unknown: what was never measured is old, not invalid.
        self.groups[4 * _WORDS] = self._health_at
        self._answered_ms = 0
        self._extension_ms = 0
        self._stall_ms = 0
        self._extended_at = array("i", [0] * 4)
        self.front_end_fault = FAULT_NOT_CONFIGURED
        self.front_end_charge_trip = 0
        self.front_end_discharge_trip = 0

    def start(self, now_ms):
        """Age everything from now: nothing has been measured yet."""
        for group in range(4):
            self.groups[group * _WORDS + _STAMP] = now_ms
        self.groups[_LAST_CALL] = now_ms
        self._answered_ms = now_ms

    def refresh(self, group, now_ms):
        """A new conversion of this group is in place.

        It may have been ready since the last look at the front end, so its age starts there,
        but no further back than one period: conversions do not pause.
        """
        base = group * _WORDS
        groups = self.groups
        waited = (now_ms - self._answered_ms) & _TICKS
        period = self.periods_ms[group]
        groups[base + _STAMP] = (now_ms - (waited if waited < period else period)) & _TICKS
        groups[base + _READ] = now_ms
        # The sequence skips 0, which means "never".
        sequence = groups[base + _SEQUENCE] + 1
        groups[base + _SEQUENCE] = sequence if sequence <= _TICKS else 1

    def answered(self, now_ms):
        """The front end has answered completely, with or without new conversions."""
        self._answered_ms = now_ms

    def extend_once(self, most_ms, now_ms):
        """Nothing runs for a while from now on, by plan: a flash write.

        Up to `most_ms` of the time until the next summarise() makes nothing older. False, and no
        extension, unless every group has had a new conversion since the one before: two stalls in
        a row would let old data pass for new.
        """
        for group in range(4):
            if self.sequence(group) == self._extended_at[group]:
                return False
        for group in range(4):
            self._extended_at[group] = self.sequence(group)
        self._extension_ms = most_ms
        self._stall_ms = now_ms
        return True

    def _extend(self, now_ms):
        stall_ms = (now_ms - self._stall_ms) & _TICKS
        extension_ms = min(stall_ms, self._extension_ms)
        self._extension_ms = 0
        groups = self.groups
        for group in range(4):
            base = group * _WORDS
            # What has been read since the stall began is as old as it says.
            if (now_ms - groups[base + _READ]) & _TICKS >= stall_ms:
                groups[base + _STAMP] = (groups[base + _STAMP] + extension_ms) & _TICKS
        if (now_ms - self._answered_ms) & _TICKS >= stall_ms:
            self._answered_ms = (self._answered_ms + extension_ms) & _TICKS

    def summarise(self, now_ms):
        """Bring extremes and ages up to now; returns the number of groups with new data."""
        if self._extension_ms:
            self._extend(now_ms)
        values = self.values
        at = self._health_at
        values[at] = (now_ms - self._answered_ms) & _TICKS
        values[at + 1] = self.front_end_fault
        values[at + 2] = self.front_end_charge_trip
        values[at + 3] = self.front_end_discharge_trip
        return kernels.reduce(values, self.groups, self.extremes, now_ms)

    def sequence(self, group):
        return self.groups[group * _WORDS + _SEQUENCE]

    def read_ms(self, group):
        """When the latest conversion of this group was read (ticks)."""
        return self.groups[group * _WORDS + _READ]

    def age_ms(self, group):
        """As of the last summarise()."""
        return self.extremes[(CELLS_AGE + group) * _WORDS]

    def lowest(self, group):
        return self.extremes[group * _WORDS + LOWEST]

    def highest(self, group):
        return self.extremes[group * _WORDS + HIGHEST]

    def unknown(self, group):
        return self.extremes[group * _WORDS + UNKNOWN_COUNT]

    def complete(self):
        """Every group has been measured at least once, with every value known."""
        for group in range(4):
            if not self.sequence(group) or self.unknown(group):
                return False
        return True


def stale_limit_ms(period_ms, cycle_ms):
    """Age at which a group counts as stale.

    Three of its own periods, less the cycle in which the switches are opened, so that they
    really are open three periods after the last good conversion.
    """
    return 3 * period_ms - cycle_ms
