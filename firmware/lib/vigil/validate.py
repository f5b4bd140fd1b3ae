"""Refuse a limit table that contradicts itself or its chemistry, row by row, with a reason."""

from micropython import const

from vigil import limits

# Problem codes; the host has the sentences.
RELEASE_BEYOND_TRIP = const(1)
BEYOND_CHEMISTRY = const(2)
WARNING_BEYOND_TRIP = const(3)
DELAY_OUT_OF_RANGE = const(4)
WRONG_SIGN = const(5)
OVER_UNDER_CROSSED = const(6)
BACKSTOP_TIGHTER = const(7)
NOT_A_NUMBER_OF_THE_TABLE = const(8)
LATCH_MUST_OPEN_BOTH = const(9)

_LARGEST = const(1 << 28)

# (upper row, lower row): the released upper limit must lie above the released lower one.
_PAIRS = (
    (limits.CELL_OVER_VOLTAGE, limits.CELL_UNDER_VOLTAGE),
    (limits.CELL_OVER_VOLTAGE_WARNING, limits.CELL_UNDER_VOLTAGE_WARNING),
    (limits.STACK_OVER_VOLTAGE, limits.STACK_UNDER_VOLTAGE),
    (limits.CHARGE_OVER_TEMPERATURE, limits.CHARGE_UNDER_TEMPERATURE),
    (limits.DISCHARGE_OVER_TEMPERATURE, limits.DISCHARGE_UNDER_TEMPERATURE),
)
# (warning row, its trip row)
_WARNINGS = (
    (limits.CELL_OVER_VOLTAGE_WARNING, limits.CELL_OVER_VOLTAGE),
    (limits.CELL_UNDER_VOLTAGE_WARNING, limits.CELL_UNDER_VOLTAGE),
)


def problems(table, chemistry, cell_count):
    """Every contradiction in `table`: (row id, problem code, the number at fault)."""
    found = []
    for at, row in enumerate(limits.TABLE):
        row_id = row[limits.ID]
        above = row[limits.DIRECTION] == limits.ABOVE
        trip = table.trip[at]
        release = table.release[at]
        action = row[limits.ACTION]
        if action & limits.LATCH and action & limits.OPEN_BOTH != limits.OPEN_BOTH:
            found.append((row_id, LATCH_MUST_OPEN_BOTH, action))
        for number in (trip, release):
            if not -_LARGEST < number < _LARGEST:
                found.append((row_id, NOT_A_NUMBER_OF_THE_TABLE, number))
        if (release > trip) if above else (release < trip):
            found.append((row_id, RELEASE_BEYOND_TRIP, release))
        for delay_ms in (table.trip_delay_ms[at], table.release_delay_ms[at]):
            if not 0 <= delay_ms <= limits.LONGEST_DELAY_MS:
                found.append((row_id, DELAY_OUT_OF_RANGE, delay_ms))
    _check_measured_hysteresis(table, found)
    _check_chemistry(table, chemistry, cell_count, found)
    for warning_id, trip_id in _WARNINGS:
        warning = table.trip[limits.position(warning_id)]
        trip = table.trip[limits.position(trip_id)]
        above = limits.TABLE[limits.position(trip_id)][limits.DIRECTION] == limits.ABOVE
        if (warning >= trip) if above else (warning <= trip):
            found.append((warning_id, WARNING_BEYOND_TRIP, warning))
    for upper_id, lower_id in _PAIRS:
        upper = limits.position(upper_id)
        lower = limits.position(lower_id)
        if table.release[upper] <= table.release[lower]:
            found.append((upper_id, OVER_UNDER_CROSSED, table.release[upper]))
    for row_id, sign in ((limits.CHARGE_OVER_CURRENT, 1), (limits.DISCHARGE_OVER_CURRENT, -1)):
        trip = table.trip[limits.position(row_id)]
        if trip * sign <= 0:
            found.append((row_id, WRONG_SIGN, trip))
    discharge = table.trip[limits.position(limits.DISCHARGE_OVER_CURRENT)]
    if table.short_circuit_ma >= discharge:
        found.append((limits.DISCHARGE_OVER_CURRENT, BACKSTOP_TIGHTER, table.short_circuit_ma))
    return found


def _check_measured_hysteresis(table, found):
    """A measured quantity needs distance between trip and release, or the switch chatters."""
    for at, row in enumerate(limits.TABLE):
        measured = row[limits.GROUP] < 4
        if measured and table.trip[at] == table.release[at]:
            found.append((row[limits.ID], RELEASE_BEYOND_TRIP, table.release[at]))


def _check_chemistry(table, chemistry, cell_count, found):
    # (row, largest or smallest trip that the chemistry allows)
    bounds = (
        (limits.CELL_OVER_VOLTAGE, chemistry.cell_maximum_mv),
        (limits.STACK_OVER_VOLTAGE, chemistry.cell_maximum_mv * cell_count),
        (limits.CELL_UNDER_VOLTAGE, chemistry.cell_minimum_mv),
        (limits.STACK_UNDER_VOLTAGE, chemistry.cell_minimum_mv * cell_count),
        (limits.CHARGE_OVER_TEMPERATURE, chemistry.charge_temp_maximum_dc),
        (limits.CHARGE_UNDER_TEMPERATURE, chemistry.charge_temp_minimum_dc),
        (limits.DISCHARGE_OVER_TEMPERATURE, chemistry.discharge_temp_maximum_dc),
        (limits.DISCHARGE_UNDER_TEMPERATURE, chemistry.discharge_temp_minimum_dc),
    )
    for row_id, bound in bounds:
        at = limits.position(row_id)
        trip = table.trip[at]
        above = limits.TABLE[at][limits.DIRECTION] == limits.ABOVE
        if (trip > bound) if above else (trip < bound):
            found.append((row_id, BEYOND_CHEMISTRY, trip))


def backstop_problems(requests, applied):
    """Compare what the front end really applied with what was asked: it must be wider.

    requests: (backstop, trip, delay, release); applied: (backstop, trip, delay). Same codes as
    problems(), with the backstop code in place of the row id.
    """
    found = []
    for backstop, trip, _ in applied:
        for request in requests:
            if request[0] != backstop:
                continue
            lower = backstop in (
                limits.BACKSTOP_CELL_UNDER_VOLTAGE,
                limits.BACKSTOP_DISCHARGE_CURRENT,
                limits.BACKSTOP_SHORT_CIRCUIT,
                limits.BACKSTOP_CHARGE_UNDER_TEMPERATURE,
                limits.BACKSTOP_DISCHARGE_UNDER_TEMPERATURE,
            )
            if (trip >= request[1]) if lower else (trip <= request[1]):
                found.append((backstop, BACKSTOP_TIGHTER, trip))
    return found
