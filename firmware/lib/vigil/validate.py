"""Refuse a limit table that contradicts itself or its chemistry: every row at fault, and why.

A problem is (row id, code, number, bound): the number at fault and the one that it goes beyond.
"""

from micropython import const

from vigil import limits
from vigil.sample import (
    BOARD,
    BOARD_AGE,
    BOARD_UNKNOWN,
    BUS_FAILURES,
    CELL_SPREAD,
    CELLS,
    CELLS_AGE,
    CELLS_UNKNOWN,
    CHARGE_EXCESS,
    CURRENT,
    RUNAWAY_SIGNS,
    SILENCE,
    STACK,
    TEMP_SPREAD,
    TEMPS,
    TEMPS_AGE,
    TEMPS_UNKNOWN,
)

# Problem codes; the host has the sentences. Those of the backstop, 7 and 18, have their own file.
RELEASE_BEYOND_TRIP = const(1)
BEYOND_CHEMISTRY = const(2)
WARNING_BEYOND_TRIP = const(3)
DELAY_OUT_OF_RANGE = const(4)
WRONG_SIGN = const(5)
OVER_UNDER_CROSSED = const(6)
NUMBER_OUT_OF_RANGE = const(8)
LATCH_MUST_OPEN_BOTH = const(9)
HYSTERESIS_TOO_SMALL = const(10)
STACK_CONTRADICTS_CELLS = const(11)
CHARGE_WINDOW_TOO_WIDE = const(12)
SHORT_CIRCUIT_TOO_LOW = const(13)
SHORT_CIRCUIT_TOO_SLOW = const(14)
MISSING_ROW = const(15)
RELEASE_DELAY_TOO_SHORT = const(16)
SEVERE_TOO_NEAR = const(17)

_LARGEST = const(1 << 28)
_LONGEST_AGE_MS = const(10000)
# Temperatures change slowly, and some front ends measure them in turn, every few seconds.
_LONGEST_TEMPERATURE_AGE_MS = const(15000)
# A short circuit of a big pack destroys switches within a millisecond.
_SLOWEST_SHORT_CIRCUIT_US = const(1000)
# With its switch open an over-current is gone at once: only the delay keeps it from hunting.
_SHORTEST_CURRENT_RELEASE_MS = const(1000)

# Longest trip delay of a group: what its cells and switches bear.
_LONGEST_TRIP_DELAY_MS = {
    CELLS: 30000,
    STACK: 30000,
    CURRENT: 60000,
    TEMPS: 60000,
    BOARD: 60000,
    CELL_SPREAD: 600000,
    TEMP_SPREAD: 600000,
    CHARGE_EXCESS: 60000,
    # One conversion.
    TEMPS_UNKNOWN: 5000,
    BOARD_UNKNOWN: 5000,
}
# What a limit on a concluded number can be at all.
_SCALAR_RANGES = {
    CELL_SPREAD: (20, 3000),
    TEMP_SPREAD: (20, 1000),
    RUNAWAY_SIGNS: (0, 1),
    BUS_FAILURES: (0, 50),
    CHARGE_EXCESS: (0, 1000),
}
# How far beyond a chemistry's bound the severe level may lie.
_SEVERE_BEYOND_MV = const(250)
_SEVERE_BELOW_MV = const(500)
_LONGEST_SEVERE_CURRENT_MS = const(1000)
_LONGEST_BLIND_MS = const(2000)
_LONGEST_RELEASE_DELAY_MS = const(3600000)

# (upper row, lower row): the released upper limit must lie above the released lower one.
_PAIRS = (
    (limits.CELL_OVER_VOLTAGE, limits.CELL_UNDER_VOLTAGE),
    (limits.CELL_OVER_VOLTAGE_WARNING, limits.CELL_UNDER_VOLTAGE_WARNING),
    (limits.STACK_OVER_VOLTAGE, limits.STACK_UNDER_VOLTAGE),
    (limits.CHARGE_OVER_TEMPERATURE, limits.CHARGE_UNDER_TEMPERATURE),
    (limits.DISCHARGE_OVER_TEMPERATURE, limits.DISCHARGE_UNDER_TEMPERATURE),
)
# (row that must come first, row that comes later), and the code where it does not.
_BEFORE = (
    (limits.CELL_OVER_VOLTAGE_WARNING, limits.CELL_OVER_VOLTAGE, WARNING_BEYOND_TRIP),
    (limits.CELL_UNDER_VOLTAGE_WARNING, limits.CELL_UNDER_VOLTAGE, WARNING_BEYOND_TRIP),
    (limits.BOARD_TEMPERATURE_WARNING, limits.BOARD_OVER_TEMPERATURE, WARNING_BEYOND_TRIP),
    (limits.RUNAWAY_WARNING, limits.THERMAL_RUNAWAY, WARNING_BEYOND_TRIP),
    (limits.CELL_OVER_VOLTAGE, limits.CELL_OVER_VOLTAGE_SEVERE, SEVERE_TOO_NEAR),
    (limits.CELL_UNDER_VOLTAGE, limits.CELL_UNDER_VOLTAGE_SEVERE, SEVERE_TOO_NEAR),
    (limits.CHARGE_OVER_CURRENT, limits.CHARGE_OVER_CURRENT_SEVERE, SEVERE_TOO_NEAR),
    (limits.DISCHARGE_OVER_CURRENT, limits.DISCHARGE_OVER_CURRENT_SEVERE, SEVERE_TOO_NEAR),
)
_INSIDE = (
    (limits.CHARGE_OVER_TEMPERATURE, limits.DISCHARGE_OVER_TEMPERATURE, CHARGE_WINDOW_TOO_WIDE),
    (limits.CHARGE_UNDER_TEMPERATURE, limits.DISCHARGE_UNDER_TEMPERATURE, CHARGE_WINDOW_TOO_WIDE),
)


# Place of each row of the limit table, by its id.
_PLACES = bytearray(limits.LAST_ROW + 1)
for _at, _row in enumerate(limits.TABLE):
    _PLACES[_row[limits.ID]] = _at


def problems(table, chemistry, cell_count):
    """Every contradiction in `table`: [(row id, problem code, number, bound), ...]."""
    found = []
    for _ in check(table, chemistry, cell_count, found):
        pass
    return found


def check(table, chemistry, cell_count, found, rows=None):
    """The same in slices, for while the BMS runs: a generator that fills `found`.

    rows: of each row of the table, whether it may be wrong; others have been found good by
    themselves. Kept up to date.
    """
    if rows is None:
        found.extend(_missing_rows(table))
        if found:
            # The other rules look rows up.
            return
    for at, row in enumerate(limits.TABLE):
        if rows is None:
            _check_row(table, at, row, cell_count, found)
            yield
        elif rows[at]:
            before = len(found)
            _check_filled(table, at, row, found)
            _check_row(table, at, row, cell_count, found)
            rows[at] = len(found) > before
            yield
    _check_chemistry(table, chemistry, cell_count, found)
    for first_id, later_id, code in _BEFORE:
        first, later, above = _two_trips(table, first_id, later_id)
        if (first >= later) if above else (first <= later):
            found.append((first_id, code, first, later))
    yield
    for first_id, later_id, code in _INSIDE:
        first, later, above = _two_trips(table, first_id, later_id)
        if (first > later) if above else (first < later):
            found.append((first_id, code, first, later))
    for upper_id, lower_id in _PAIRS:
        upper = table.release[_PLACES[upper_id]]
        lower = table.release[_PLACES[lower_id]]
        if upper <= lower:
            found.append((upper_id, OVER_UNDER_CROSSED, upper, lower))
    yield
    _check_stack(table, cell_count, found)
    _check_currents(table, found)


def _missing_rows(table):
    found = []
    present = bytearray(limits.LAST_ROW + 1)
    for row in limits.TABLE:
        present[row[limits.ID]] = 1
    for row_id in range(1, limits.LAST_ROW + 1):
        if not present[row_id]:
            found.append((row_id, MISSING_ROW, 0, 0))
    for at, row in enumerate(limits.TABLE):
        _check_filled(table, at, row, found)
    return found


def _check_filled(table, at, row, found):
    # No limit of this table has four zeros: nobody has filled it in.
    if not (table.trip[at] or table.release[at] or table.trip_delay_ms[at]):
        if not table.release_delay_ms[at]:
            found.append((row[limits.ID], MISSING_ROW, 0, 0))


def _check_row(table, at, row, cell_count, found):
    row_id = row[limits.ID]
    group = row[limits.GROUP]
    action = row[limits.ACTION]
    trip = table.trip[at]
    release = table.release[at]
    if action & limits.LATCH and action & limits.OPEN_BOTH != limits.OPEN_BOTH:
        found.append((row_id, LATCH_MUST_OPEN_BOTH, action, limits.OPEN_BOTH))
    lowest, highest = _range(group, cell_count)
    for number in (trip, release):
        if number < lowest:
            found.append((row_id, NUMBER_OUT_OF_RANGE, number, lowest))
        elif number > highest:
            found.append((row_id, NUMBER_OUT_OF_RANGE, number, highest))
    distance = trip - release if row[limits.DIRECTION] == limits.ABOVE else release - trip
    if distance < 0:
        found.append((row_id, RELEASE_BEYOND_TRIP, release, trip))
    else:
        least = _least_hysteresis(group, trip, cell_count)
        if distance < least:
            found.append((row_id, HYSTERESIS_TOO_SMALL, distance, least))
    longest_ms = _LONGEST_TRIP_DELAY_MS.get(group, _LONGEST_BLIND_MS)
    trip_delay = (table.trip_delay_ms[at], longest_ms)
    release_delay = (table.release_delay_ms[at], _LONGEST_RELEASE_DELAY_MS)
    for delay_ms, most_ms in (trip_delay, release_delay):
        if delay_ms < 0:
            found.append((row_id, DELAY_OUT_OF_RANGE, delay_ms, 0))
        elif delay_ms > most_ms:
            found.append((row_id, DELAY_OUT_OF_RANGE, delay_ms, most_ms))
    release_delay_ms = table.release_delay_ms[at]
    if group == CURRENT and 0 <= release_delay_ms < _SHORTEST_CURRENT_RELEASE_MS:
        problem = (row_id, RELEASE_DELAY_TOO_SHORT, release_delay_ms, _SHORTEST_CURRENT_RELEASE_MS)
        found.append(problem)


def _range(group, cell_count):
    """What a limit of this group can be at all, whatever the chemistry."""
    if group == CELLS:
        return 500, 6000
    if group == STACK:
        return 500 * cell_count, 6000 * cell_count
    if group == TEMPS or group == BOARD:
        return -600, 1500
    if group == CURRENT:
        return -_LARGEST, _LARGEST
    if CELLS_AGE <= group < CELLS_UNKNOWN or group == SILENCE:
        # Older than this, a value says nothing any more.
        slow = group in (TEMPS_AGE, BOARD_AGE)
        return 1, _LONGEST_TEMPERATURE_AGE_MS if slow else _LONGEST_AGE_MS
    return _SCALAR_RANGES.get(group, (0, 0))


def _least_hysteresis(group, trip, cell_count):
    """Less than this between trip and release, and noise makes a switch chatter."""
    if group == CELLS:
        return 20
    if group == STACK:
        return 20 * cell_count
    if group in (TEMPS, BOARD, CELL_SPREAD, TEMP_SPREAD):
        return 20
    if group == CURRENT:
        return abs(trip) // 50
    return 0


def _check_chemistry(table, chemistry, cell_count, found):
    # (row, largest or smallest trip that the chemistry allows)
    bounds = (
        (limits.CELL_OVER_VOLTAGE, chemistry.cell_maximum_mv),
        (limits.CELL_OVER_VOLTAGE_SEVERE, chemistry.cell_maximum_mv + _SEVERE_BEYOND_MV),
        (limits.CELL_UNDER_VOLTAGE_SEVERE, chemistry.cell_minimum_mv - _SEVERE_BELOW_MV),
        (limits.STACK_OVER_VOLTAGE, chemistry.cell_maximum_mv * cell_count),
        (limits.CELL_UNDER_VOLTAGE, chemistry.cell_minimum_mv),
        (limits.STACK_UNDER_VOLTAGE, chemistry.cell_minimum_mv * cell_count),
        (limits.CHARGE_OVER_TEMPERATURE, chemistry.charge_temp_maximum_dc),
        (limits.CHARGE_UNDER_TEMPERATURE, chemistry.charge_temp_minimum_dc),
        (limits.DISCHARGE_OVER_TEMPERATURE, chemistry.discharge_temp_maximum_dc),
        (limits.DISCHARGE_UNDER_TEMPERATURE, chemistry.discharge_temp_minimum_dc),
    )
    for row_id, bound in bounds:
        at = _PLACES[row_id]
        trip = table.trip[at]
        above = limits.TABLE[at][limits.DIRECTION] == limits.ABOVE
        if (trip > bound) if above else (trip < bound):
            found.append((row_id, BEYOND_CHEMISTRY, trip, bound))


def _two_trips(table, first_id, later_id):
    at = _PLACES[later_id]
    above = limits.TABLE[at][limits.DIRECTION] == limits.ABOVE
    return table.trip[_PLACES[first_id]], table.trip[at], above


def _check_stack(table, cell_count, found):
    """A stack limit acts between the cells' release and their trip, or it is for another pack."""
    stack_and_cell = (
        (limits.STACK_OVER_VOLTAGE, limits.CELL_OVER_VOLTAGE),
        (limits.STACK_UNDER_VOLTAGE, limits.CELL_UNDER_VOLTAGE),
    )
    for stack_id, cell_id in stack_and_cell:
        trip = table.trip[_PLACES[stack_id]]
        cell = _PLACES[cell_id]
        ends = (table.trip[cell] * cell_count, table.release[cell] * cell_count)
        if trip > max(ends):
            found.append((stack_id, STACK_CONTRADICTS_CELLS, trip, max(ends)))
        elif trip < min(ends):
            found.append((stack_id, STACK_CONTRADICTS_CELLS, trip, min(ends)))


def _check_currents(table, found):
    signs = (
        (limits.CHARGE_OVER_CURRENT, 1),
        (limits.CHARGE_OVER_CURRENT_SEVERE, 1),
        (limits.DISCHARGE_OVER_CURRENT, -1),
        (limits.DISCHARGE_OVER_CURRENT_SEVERE, -1),
    )
    for row_id, sign in signs:
        at = _PLACES[row_id]
        if table.trip[at] * sign <= 0:
            found.append((row_id, WRONG_SIGN, table.trip[at], 0))
        elif table.release[at] * sign < 0:
            found.append((row_id, WRONG_SIGN, table.release[at], 0))
    for row_id in (limits.CHARGE_OVER_CURRENT_SEVERE, limits.DISCHARGE_OVER_CURRENT_SEVERE):
        delay_ms = table.trip_delay_ms[_PLACES[row_id]]
        if delay_ms > _LONGEST_SEVERE_CURRENT_MS:
            found.append((row_id, DELAY_OUT_OF_RANGE, delay_ms, _LONGEST_SEVERE_CURRENT_MS))
    for row_id in (limits.DISCHARGE_OVER_CURRENT_SEVERE, limits.DISCHARGE_OVER_CURRENT):
        over_current = table.trip[_PLACES[row_id]]
        if table.short_circuit_ma >= over_current:
            found.append((row_id, SHORT_CIRCUIT_TOO_LOW, table.short_circuit_ma, over_current))
    delay_us = table.short_circuit_delay_us
    if not 0 <= delay_us <= _SLOWEST_SHORT_CIRCUIT_US:
        row_id = limits.DISCHARGE_OVER_CURRENT
        found.append((row_id, SHORT_CIRCUIT_TOO_SLOW, delay_us, _SLOWEST_SHORT_CIRCUIT_US))
