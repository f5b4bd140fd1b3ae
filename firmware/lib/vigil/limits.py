"""The limit table: one row is one limit, and every row is listed here.

Voltages in mV, currents in mA (+ = charging), temperatures in 0.1 degC, times in ms.
Names and sentences for people live with the host tools, tied to this table by schema().
"""

import binascii
from array import array

from micropython import const

from vigil import sample

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
# Added by the kernel to its result.
CHANGED = const(16)
ACTIVE = const(32)

LOWEST = const(0)
HIGHEST = const(1)
ABOVE = const(0)
BELOW = const(1)

# What the front end is asked to guard by itself.
BACKSTOP_NONE = const(0)
BACKSTOP_CELL_OVER_VOLTAGE = const(1)
BACKSTOP_CELL_UNDER_VOLTAGE = const(2)
BACKSTOP_CHARGE_CURRENT = const(3)
BACKSTOP_DISCHARGE_CURRENT = const(4)
BACKSTOP_SHORT_CIRCUIT = const(5)

# id, group, which value, direction, action, backstop, bit in JBD's protection (or alarm) word
TABLE = (
    (CELL_OVER_VOLTAGE_WARNING, sample.CELLS, HIGHEST, ABOVE, WARNING, BACKSTOP_NONE, 0),
    (CELL_OVER_VOLTAGE, sample.CELLS, HIGHEST, ABOVE, OPEN_CHARGE, BACKSTOP_CELL_OVER_VOLTAGE, 0),
    (CELL_UNDER_VOLTAGE_WARNING, sample.CELLS, LOWEST, BELOW, WARNING, BACKSTOP_NONE, 1),
    (
        CELL_UNDER_VOLTAGE,
        sample.CELLS,
        LOWEST,
        BELOW,
        OPEN_DISCHARGE,
        BACKSTOP_CELL_UNDER_VOLTAGE,
        1,
    ),
    (STACK_OVER_VOLTAGE, sample.STACK, HIGHEST, ABOVE, OPEN_CHARGE, BACKSTOP_NONE, 2),
    (STACK_UNDER_VOLTAGE, sample.STACK, LOWEST, BELOW, OPEN_DISCHARGE, BACKSTOP_NONE, 3),
    (CHARGE_OVER_CURRENT, sample.CURRENT, HIGHEST, ABOVE, OPEN_CHARGE, BACKSTOP_CHARGE_CURRENT, 8),
    (
        DISCHARGE_OVER_CURRENT,
        sample.CURRENT,
        LOWEST,
        BELOW,
        OPEN_DISCHARGE,
        BACKSTOP_DISCHARGE_CURRENT,
        9,
    ),
    (CHARGE_OVER_TEMPERATURE, sample.TEMPS, HIGHEST, ABOVE, OPEN_CHARGE, BACKSTOP_NONE, 4),
    (CHARGE_UNDER_TEMPERATURE, sample.TEMPS, LOWEST, BELOW, OPEN_CHARGE, BACKSTOP_NONE, 5),
    (DISCHARGE_OVER_TEMPERATURE, sample.TEMPS, HIGHEST, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 6),
    (DISCHARGE_UNDER_TEMPERATURE, sample.TEMPS, LOWEST, BELOW, OPEN_BOTH, BACKSTOP_NONE, 7),
    (CELLS_STALE, sample.CELLS_AGE, HIGHEST, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (TEMPS_STALE, sample.TEMPS_AGE, HIGHEST, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (CURRENT_STALE, sample.CURRENT_AGE, HIGHEST, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (STACK_STALE, sample.STACK_AGE, HIGHEST, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (CELLS_INVALID, sample.CELLS_UNKNOWN, HIGHEST, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (TEMPS_INVALID, sample.TEMPS_UNKNOWN, HIGHEST, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (CURRENT_INVALID, sample.CURRENT_UNKNOWN, HIGHEST, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (STACK_INVALID, sample.STACK_UNKNOWN, HIGHEST, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (FRONT_END_SILENT, sample.SILENCE, HIGHEST, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (FRONT_END_FAULT, sample.FAULT, HIGHEST, ABOVE, OPEN_BOTH, BACKSTOP_NONE, 11),
    (FRONT_END_CHARGE_TRIP, sample.CHARGE_TRIP, HIGHEST, ABOVE, OPEN_CHARGE, BACKSTOP_NONE, 11),
    (
        FRONT_END_DISCHARGE_TRIP,
        sample.DISCHARGE_TRIP,
        HIGHEST,
        ABOVE,
        OPEN_DISCHARGE,
        BACKSTOP_NONE,
        11,
    ),
)

ID = const(0)
GROUP = const(1)
WHICH = const(2)
DIRECTION = const(3)
ACTION = const(4)
BACKSTOP = const(5)
JBD_BIT = const(6)

_WORDS = const(8)
_UNKNOWN_AT = const(5)
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
        """Rows as kernels.judge reads them: array('i') of 8 words a row."""
        rows = array("i", [0] * (_WORDS * len(TABLE)))
        for at, row in enumerate(TABLE):
            flip = -1 if row[DIRECTION] == BELOW else 0
            record = row[GROUP] * _WORDS
            words = (
                record + (sample.LOWEST if row[WHICH] == LOWEST else sample.HIGHEST),
                record + _UNKNOWN_AT,
                flip,
                self.trip[at] ^ flip,
                self.release[at] ^ flip,
                self.trip_delay_ms[at],
                self.release_delay_ms[at],
                row[ACTION],
            )
            for offset, word in enumerate(words):
                rows[at * _WORDS + offset] = word
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
