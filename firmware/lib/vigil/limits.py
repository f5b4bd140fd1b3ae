"""The limit table: one row is one limit, and every row is listed here.

Voltages in mV, currents in mA (+ = charging), temperatures in 0.1 degC, times in ms.
Names and sentences for people live with the host tools, tied to this table by schema().
"""

import binascii
from array import array

from micropython import const

from vigil.sample import (
    AGE,
    BACKSTOP_FAULT,
    BOARD,
    BOARD_AGE,
    BOARD_UNKNOWN,
    BUS_FAILURES,
    CELL_SPREAD,
    CELLS,
    CELLS_AGE,
    CELLS_DOUBT,
    CELLS_UNKNOWN,
    CHARGE_EXCESS,
    CHARGE_TRIP,
    CLIMATE_FAULT,
    CURRENT,
    CURRENT_AGE,
    CURRENT_DOUBT,
    CURRENT_UNKNOWN,
    DISCHARGE_TRIP,
    EMERGENCY,
    FAULT,
    HEALTH_AT,
    HEALTH_FIRST,
    HIGHEST,
    INTERLOCK,
    LOWEST,
    POWER_PATH,
    RUNAWAY_SIGNS,
    SELF_CHECK,
    SHORT_CIRCUIT,
    SILENCE,
    SILENCE_WORD,
    STACK,
    STACK_AGE,
    STACK_DOUBT,
    STACK_UNKNOWN,
    SWITCH_STUCK,
    TEMP_SPREAD,
    TEMPS,
    TEMPS_AGE,
    TEMPS_DOUBT,
    TEMPS_UNKNOWN,
    UNKNOWNS,
    WORD_BYTES,
    record_at,
)

# Row ids. They are the wire and journal identity of a limit: never reuse one.
CELL_OVER_VOLTAGE_WARNING = const(1)
CELL_OVER_VOLTAGE = const(2)
CELL_UNDER_VOLTAGE_WARNING = const(3)
CELL_UNDER_VOLTAGE = const(4)
STACK_OVER_VOLTAGE = const(5)
STACK_UNDER_VOLTAGE = const(6)
CHARGE_OVER_CURRENT = const(7)
DISCHARGE_OVER_CURRENT = const(8)
CHARGE_OVER_TEMPERATURE = const(9)
CHARGE_UNDER_TEMPERATURE = const(10)
DISCHARGE_OVER_TEMPERATURE = const(11)
DISCHARGE_UNDER_TEMPERATURE = const(12)
CELLS_STALE = const(13)
TEMPS_STALE = const(14)
CURRENT_STALE = const(15)
STACK_STALE = const(16)
CELLS_INVALID = const(17)
TEMPS_INVALID = const(18)
CURRENT_INVALID = const(19)
STACK_INVALID = const(20)
FRONT_END_SILENT = const(21)
FRONT_END_FAULT = const(22)
FRONT_END_CHARGE_TRIP = const(23)
FRONT_END_DISCHARGE_TRIP = const(24)
CELL_OVER_VOLTAGE_SEVERE = const(25)
CELL_UNDER_VOLTAGE_SEVERE = const(26)
CHARGE_OVER_CURRENT_SEVERE = const(27)
DISCHARGE_OVER_CURRENT_SEVERE = const(28)
CELL_IMBALANCE = const(29)
TEMPERATURE_SPREAD = const(30)
BOARD_TEMPERATURE_WARNING = const(31)
BOARD_OVER_TEMPERATURE = const(32)
BOARD_STALE = const(33)
BOARD_INVALID = const(34)
CELLS_DOUBTFUL = const(35)
TEMPS_DOUBTFUL = const(36)
CURRENT_DOUBTFUL = const(37)
STACK_DOUBTFUL = const(38)
SWITCH_STUCK_ON = const(39)
INTERLOCK_OPEN = const(40)
EMERGENCY_STOP = const(41)
RUNAWAY_WARNING = const(42)
THERMAL_RUNAWAY = const(43)
CHARGE_TOO_FAST = const(44)
BACKSTOP_LOST = const(45)
POWER_PATH_FAULT = const(46)
CLIMATE_WARNING = const(47)
BUS_DISTURBED = const(48)
TABLE_DAMAGED = const(49)
SHORT_CIRCUIT_SEEN = const(50)
LAST_ROW = const(50)

OPEN_CHARGE = const(1)
OPEN_DISCHARGE = const(2)
OPEN_BOTH = const(3)
WARNING = const(4)
LATCH = const(8)
# In the kernel's result beside the actions: a row tripped or released; a row is not idle.
CHANGED = const(16)
ACTIVE = const(32)

# A row that looks below a trip looks at the lowest of its group, one above at the highest.
BELOW = const(0)
ABOVE = const(1)

# What the front end is asked to guard by itself.
BACKSTOP_NONE = const(0)
BACKSTOP_CELL_OVER_VOLTAGE = const(1)
BACKSTOP_CELL_UNDER_VOLTAGE = const(2)
BACKSTOP_CHARGE_CURRENT = const(3)
BACKSTOP_DISCHARGE_CURRENT = const(4)
BACKSTOP_SHORT_CIRCUIT = const(5)
BACKSTOP_CHARGE_OVER_TEMPERATURE = const(6)
BACKSTOP_CHARGE_UNDER_TEMPERATURE = const(7)
BACKSTOP_DISCHARGE_OVER_TEMPERATURE = const(8)
BACKSTOP_DISCHARGE_UNDER_TEMPERATURE = const(9)
BACKSTOP_BOARD_OVER_TEMPERATURE = const(10)

# How a switch that a row has opened closes again, once the row has released.
BY_VALUE = const(0)  # by itself; each time it trips again soon it stays open for longer
BY_RETRIES = const(1)  # likewise, but the third retry that fails latches it
BY_REMOVAL = const(2)  # as BY_RETRIES, and the load (charger) must have been taken away
BY_OWNER = const(3)  # not before the owner has released it: the action has LATCH

NO_BIT = const(255)  # JBD has no word for it
_SEVERE = const(OPEN_BOTH | LATCH)

# Row, group, direction, action, how it closes again, what the front end guards by itself, bit in
# JBD's protection word (of a warning: in its alarm word). Of several rows that hold a switch open
# the first is told as the reason, so the graver one of a kind comes first.
TABLE = (
    (CELL_OVER_VOLTAGE_SEVERE, CELLS, ABOVE, _SEVERE, BY_OWNER, BACKSTOP_NONE, 0),
    (CELL_OVER_VOLTAGE, CELLS, ABOVE, OPEN_CHARGE, BY_VALUE, BACKSTOP_CELL_OVER_VOLTAGE, 0),
    (CELL_OVER_VOLTAGE_WARNING, CELLS, ABOVE, WARNING, BY_VALUE, BACKSTOP_NONE, 0),
    (CELL_UNDER_VOLTAGE_SEVERE, CELLS, BELOW, _SEVERE, BY_OWNER, BACKSTOP_NONE, 1),
    (CELL_UNDER_VOLTAGE, CELLS, BELOW, OPEN_DISCHARGE, BY_VALUE, BACKSTOP_CELL_UNDER_VOLTAGE, 1),
    (CELL_UNDER_VOLTAGE_WARNING, CELLS, BELOW, WARNING, BY_VALUE, BACKSTOP_NONE, 1),
    (STACK_OVER_VOLTAGE, STACK, ABOVE, OPEN_CHARGE, BY_VALUE, BACKSTOP_NONE, 2),
    (STACK_UNDER_VOLTAGE, STACK, BELOW, OPEN_DISCHARGE, BY_VALUE, BACKSTOP_NONE, 3),
    (SHORT_CIRCUIT_SEEN, SHORT_CIRCUIT, ABOVE, OPEN_DISCHARGE, BY_REMOVAL, BACKSTOP_NONE, 10),
    (
        CHARGE_OVER_CURRENT_SEVERE,
        CURRENT,
        ABOVE,
        OPEN_BOTH,
        BY_REMOVAL,
        BACKSTOP_CHARGE_CURRENT,
        8,
    ),
    (CHARGE_OVER_CURRENT, CURRENT, ABOVE, OPEN_CHARGE, BY_RETRIES, BACKSTOP_CHARGE_CURRENT, 8),
    (
        DISCHARGE_OVER_CURRENT_SEVERE,
        CURRENT,
        BELOW,
        OPEN_BOTH,
        BY_REMOVAL,
        BACKSTOP_DISCHARGE_CURRENT,
        9,
    ),
    (
        DISCHARGE_OVER_CURRENT,
        CURRENT,
        BELOW,
        OPEN_DISCHARGE,
        BY_RETRIES,
        BACKSTOP_DISCHARGE_CURRENT,
        9,
    ),
    (CHARGE_TOO_FAST, CHARGE_EXCESS, ABOVE, OPEN_CHARGE, BY_RETRIES, BACKSTOP_NONE, 8),
    (
        CHARGE_OVER_TEMPERATURE,
        TEMPS,
        ABOVE,
        OPEN_CHARGE,
        BY_VALUE,
        BACKSTOP_CHARGE_OVER_TEMPERATURE,
        4,
    ),
    (
        CHARGE_UNDER_TEMPERATURE,
        TEMPS,
        BELOW,
        OPEN_CHARGE,
        BY_VALUE,
        BACKSTOP_CHARGE_UNDER_TEMPERATURE,
        5,
    ),
    (
        DISCHARGE_OVER_TEMPERATURE,
        TEMPS,
        ABOVE,
        OPEN_BOTH,
        BY_VALUE,
        BACKSTOP_DISCHARGE_OVER_TEMPERATURE,
        6,
    ),
    (
        DISCHARGE_UNDER_TEMPERATURE,
        TEMPS,
        BELOW,
        OPEN_BOTH,
        BY_VALUE,
        BACKSTOP_DISCHARGE_UNDER_TEMPERATURE,
        7,
    ),
    (THERMAL_RUNAWAY, RUNAWAY_SIGNS, ABOVE, _SEVERE, BY_OWNER, BACKSTOP_NONE, 6),
    (RUNAWAY_WARNING, RUNAWAY_SIGNS, ABOVE, WARNING, BY_VALUE, BACKSTOP_NONE, 6),
    (
        BOARD_OVER_TEMPERATURE,
        BOARD,
        ABOVE,
        OPEN_BOTH,
        BY_VALUE,
        BACKSTOP_BOARD_OVER_TEMPERATURE,
        6,
    ),
    (BOARD_TEMPERATURE_WARNING, BOARD, ABOVE, WARNING, BY_VALUE, BACKSTOP_NONE, 6),
    (CELL_IMBALANCE, CELL_SPREAD, ABOVE, WARNING, BY_VALUE, BACKSTOP_NONE, 10),
    (TEMPERATURE_SPREAD, TEMP_SPREAD, ABOVE, WARNING, BY_VALUE, BACKSTOP_NONE, NO_BIT),
    # What is not known, or not believed.
    (CELLS_STALE, CELLS_AGE, ABOVE, OPEN_BOTH, BY_VALUE, BACKSTOP_NONE, 11),
    (TEMPS_STALE, TEMPS_AGE, ABOVE, OPEN_BOTH, BY_VALUE, BACKSTOP_NONE, 11),
    (CURRENT_STALE, CURRENT_AGE, ABOVE, OPEN_BOTH, BY_VALUE, BACKSTOP_NONE, 11),
    (STACK_STALE, STACK_AGE, ABOVE, OPEN_BOTH, BY_VALUE, BACKSTOP_NONE, 11),
    (BOARD_STALE, BOARD_AGE, ABOVE, OPEN_BOTH, BY_VALUE, BACKSTOP_NONE, 11),
    (CELLS_INVALID, CELLS_UNKNOWN, ABOVE, OPEN_BOTH, BY_VALUE, BACKSTOP_NONE, 11),
    (TEMPS_INVALID, TEMPS_UNKNOWN, ABOVE, OPEN_BOTH, BY_VALUE, BACKSTOP_NONE, 11),
    (CURRENT_INVALID, CURRENT_UNKNOWN, ABOVE, OPEN_BOTH, BY_VALUE, BACKSTOP_NONE, 11),
    (STACK_INVALID, STACK_UNKNOWN, ABOVE, OPEN_BOTH, BY_VALUE, BACKSTOP_NONE, 11),
    (BOARD_INVALID, BOARD_UNKNOWN, ABOVE, OPEN_BOTH, BY_VALUE, BACKSTOP_NONE, 11),
    (CELLS_DOUBTFUL, CELLS_DOUBT, ABOVE, OPEN_BOTH, BY_VALUE, BACKSTOP_NONE, 11),
    (TEMPS_DOUBTFUL, TEMPS_DOUBT, ABOVE, OPEN_BOTH, BY_VALUE, BACKSTOP_NONE, 11),
    (CURRENT_DOUBTFUL, CURRENT_DOUBT, ABOVE, OPEN_BOTH, BY_VALUE, BACKSTOP_NONE, 11),
    (STACK_DOUBTFUL, STACK_DOUBT, ABOVE, OPEN_BOTH, BY_VALUE, BACKSTOP_NONE, 11),
    (FRONT_END_SILENT, SILENCE, ABOVE, OPEN_BOTH, BY_VALUE, BACKSTOP_NONE, 11),
    (FRONT_END_FAULT, FAULT, ABOVE, OPEN_BOTH, BY_VALUE, BACKSTOP_NONE, 11),
    (FRONT_END_CHARGE_TRIP, CHARGE_TRIP, ABOVE, OPEN_CHARGE, BY_VALUE, BACKSTOP_NONE, 11),
    (FRONT_END_DISCHARGE_TRIP, DISCHARGE_TRIP, ABOVE, OPEN_DISCHARGE, BY_VALUE, BACKSTOP_NONE, 11),
    (BUS_DISTURBED, BUS_FAILURES, ABOVE, WARNING, BY_VALUE, BACKSTOP_NONE, NO_BIT),
    # What else has to be well.
    (SWITCH_STUCK_ON, SWITCH_STUCK, ABOVE, _SEVERE, BY_OWNER, BACKSTOP_NONE, 11),
    (EMERGENCY_STOP, EMERGENCY, ABOVE, _SEVERE, BY_OWNER, BACKSTOP_NONE, 12),
    (INTERLOCK_OPEN, INTERLOCK, ABOVE, OPEN_BOTH, BY_VALUE, BACKSTOP_NONE, 12),
    (POWER_PATH_FAULT, POWER_PATH, ABOVE, _SEVERE, BY_OWNER, BACKSTOP_NONE, 11),
    (BACKSTOP_LOST, BACKSTOP_FAULT, ABOVE, _SEVERE, BY_OWNER, BACKSTOP_NONE, 11),
    (TABLE_DAMAGED, SELF_CHECK, ABOVE, _SEVERE, BY_OWNER, BACKSTOP_NONE, 11),
    (CLIMATE_WARNING, CLIMATE_FAULT, ABOVE, WARNING, BY_VALUE, BACKSTOP_NONE, NO_BIT),
)

ID = const(0)
GROUP = const(1)
DIRECTION = const(2)
ACTION = const(3)
RECOVERY = const(4)
BACKSTOP = const(5)
JBD_BIT = const(6)

# A compiled row, as kernels.judge documents it.
ROW_WORDS = const(10)
ROW_SCALAR = const(0)
ROW_LEVEL = const(1)
ROW_ELAPSED = const(2)
ROW_TRIPPED = const(3)
ROW_ACTIONS = const(9)
# Longest delay that the kernel's time counter holds with room to spare.
LONGEST_DELAY_MS = const(1 << 22)


class Limits:
    """The four numbers of every row, in the order of TABLE, plus the front end's short circuit."""

    def __init__(self):
        rows = len(TABLE)
        self.trip = array("i", [0] * rows)
        self.release = array("i", [0] * rows)
        self.trip_delay_ms = array("i", [0] * rows)
        self.release_delay_ms = array("i", [0] * rows)
        self.short_circuit_ma = 0
        self.short_circuit_delay_us = 0

    def set(self, row_id, trip, release, trip_delay_ms, release_delay_ms):
        at = position(row_id)
        self.trip[at] = trip
        self.release[at] = release
        self.trip_delay_ms[at] = trip_delay_ms
        self.release_delay_ms[at] = release_delay_ms

    def compile(self):
        """Rows as kernels.judge reads them, all of them idle: ROW_WORDS a row and a closing 0."""
        rows = array("i", [0] * (ROW_WORDS * len(TABLE) + 1))
        for at, row in enumerate(TABLE):
            flip = -1 if row[DIRECTION] == BELOW else 0
            trip = self.trip[at] ^ flip
            words = (
                _scalar_word(row[GROUP], row[DIRECTION]),
                trip,
                0,
                0,
                trip,
                self.release[at] ^ flip,
                _told_at(row[GROUP]),
                self.trip_delay_ms[at],
                self.release_delay_ms[at],
                row[ACTION] | ACTIVE,
            )
            for offset, word in enumerate(words):
                rows[at * ROW_WORDS + offset] = word
        return rows

    def backstop_requests(self):
        """What the front end shall guard by itself: (backstop, trip, delay, release) each.

        Delays in ms, for the short circuit in us.
        """
        requests = []
        for at, row in enumerate(TABLE):
            if row[BACKSTOP] != BACKSTOP_NONE:
                requests.append(
                    (row[BACKSTOP], self.trip[at], self.trip_delay_ms[at], self.release[at])
                )
        requests.append(
            (BACKSTOP_SHORT_CIRCUIT, self.short_circuit_ma, self.short_circuit_delay_us, 0)
        )
        return requests


def is_measured(group):
    """The row looks at the extremes of a measured group, not at a single health word."""
    return group <= BOARD


def _scalar_word(group, direction):
    """The word of the Sample that a row looks at."""
    if is_measured(group):
        return record_at(group) + (LOWEST if direction == BELOW else HIGHEST)
    if direction == BELOW:
        raise ValueError("a health scalar has no lower limit: it is not kept inverted")
    if group <= BOARD_AGE:
        return record_at(group - CELLS_AGE) + AGE
    if group <= BOARD_UNKNOWN:
        return record_at(group - CELLS_UNKNOWN) + UNKNOWNS
    if group < HEALTH_FIRST:
        return SILENCE_WORD + group - SILENCE
    return HEALTH_AT + group - HEALTH_FIRST


def _told_at(group):
    """Where in the Sample, in bytes, the unknown count and the freshness of a row's group lie."""
    return (record_at(group) + UNKNOWNS) * WORD_BYTES if is_measured(group) else 0


def position(row_id):
    """Index of a row in TABLE; KeyError if there is no such row."""
    for at, row in enumerate(TABLE):
        if row[ID] == row_id:
            return at
    raise KeyError(row_id)


def schema():
    """CRC-32 of the table's shape: a host with other rows must not name ours."""
    shape = bytearray()
    for row in TABLE:
        for number in row:
            shape.append(number & 0xFF)
    return binascii.crc32(shape)
