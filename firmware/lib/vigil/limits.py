"""The limit table: one row is one limit, and every row is listed here.

Voltages in mV, currents in mA (+ = charging), temperatures in 0.1 degC, times in ms.
Names and sentences for people live with the host tools, tied to this table by schema().
"""

import binascii
from array import array

from micropython import const

from vigil.sample import (
    AGE,
    CELLS,
    CELLS_AGE,
    CELLS_UNKNOWN,
    CHARGE_TRIP,
    CURRENT,
    CURRENT_AGE,
    CURRENT_UNKNOWN,
    DISCHARGE_TRIP,
    FAULT,
    HIGHEST,
    LOWEST,
    SILENCE,
    SILENCE_WORD,
    STACK,
    STACK_AGE,
    STACK_UNKNOWN,
    TEMPS,
    TEMPS_AGE,
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

# Row, group, direction, action, what the front end guards by itself, bit in JBD's protection word
# (of a warning: in its alarm word).
TABLE = (
    (CELL_OVER_VOLTAGE_WARNING, CELLS, ABOVE, WARNING, BACKSTOP_NONE, 0),
    (CELL_OVER_VOLTAGE, CELLS, ABOVE, OPEN_CHARGE, BACKSTOP_CELL_OVER_VOLTAGE, 0),
    (CELL_UNDER_VOLTAGE_WARNING, CELLS, BELOW, WARNING, BACKSTOP_NONE, 1),
    (CELL_UNDER_VOLTAGE, CELLS, BELOW, OPEN_DISCHARGE, BACKSTOP_CELL_UNDER_VOLTAGE, 1),
    (STACK_OVER_VOLTAGE, STACK, ABOVE, OPEN_CHARGE, BACKSTOP_NONE, 2),
    (STACK_UNDER_VOLTAGE, STACK, BELOW, OPEN_DISCHARGE, BACKSTOP_NONE, 3),
    (CHARGE_OVER_CURRENT, CURRENT, ABOVE, OPEN_CHARGE, BACKSTOP_CHARGE_CURRENT, 8),
    (DISCHARGE_OVER_CURRENT, CURRENT, BELOW, OPEN_DISCHARGE, BACKSTOP_DISCHARGE_CURRENT, 9),
    (CHARGE_OVER_TEMPERATURE, TEMPS, ABOVE, OPEN_CHARGE, BACKSTOP_CHARGE_OVER_TEMPERATURE, 4),
    (CHARGE_UNDER_TEMPERATURE, TEMPS, BELOW, OPEN_CHARGE, BACKSTOP_CHARGE_UNDER_TEMPERATURE, 5),
    (DISCHARGE_OVER_TEMPERATURE, TEMPS, ABOVE, OPEN_BOTH, BACKSTOP_DISCHARGE_OVER_TEMPERATURE, 6),
    (
        DISCHARGE_UNDER_TEMPERATURE,
        TEMPS,
        BELOW,
        OPEN_BOTH,
        BACKSTOP_DISCHARGE_UNDER_TEMPERATURE,
        7,
    ),
    (CELLS_STALE, CELLS_AGE, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (TEMPS_STALE, TEMPS_AGE, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (CURRENT_STALE, CURRENT_AGE, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (STACK_STALE, STACK_AGE, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (CELLS_INVALID, CELLS_UNKNOWN, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (TEMPS_INVALID, TEMPS_UNKNOWN, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (CURRENT_INVALID, CURRENT_UNKNOWN, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (STACK_INVALID, STACK_UNKNOWN, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (FRONT_END_SILENT, SILENCE, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (FRONT_END_FAULT, FAULT, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (FRONT_END_CHARGE_TRIP, CHARGE_TRIP, ABOVE, OPEN_CHARGE, BACKSTOP_NONE, 11),
    (FRONT_END_DISCHARGE_TRIP, DISCHARGE_TRIP, ABOVE, OPEN_DISCHARGE, BACKSTOP_NONE, 11),
)

ID = const(0)
GROUP = const(1)
DIRECTION = const(2)
ACTION = const(3)
BACKSTOP = const(4)
JBD_BIT = const(5)

# A compiled row, as kernels.judge documents it.
ROW_WORDS = const(10)
ROW_SCALAR = const(0)
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


def _scalar_word(group, direction):
    """The word of the Sample that a row looks at."""
    if group <= STACK:
        return record_at(group) + (LOWEST if direction == BELOW else HIGHEST)
    if direction == BELOW:
        raise ValueError("a health scalar has no lower limit: it is not kept inverted")
    if group <= STACK_AGE:
        return record_at(group - CELLS_AGE) + AGE
    if group <= STACK_UNKNOWN:
        return record_at(group - CELLS_UNKNOWN) + UNKNOWNS
    return SILENCE_WORD + group - SILENCE


def _told_at(group):
    """Where in the Sample, in bytes, the unknown count and the freshness of a row's group lie."""
    return (record_at(group) + UNKNOWNS) * WORD_BYTES if group <= STACK else 0


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
