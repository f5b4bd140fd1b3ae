"""Limits that a scenario sets itself: `[limits.cell_over_voltage] trip_mv = 3600`.

They replace single numbers of the preset; the firmware's own validator judges the whole set.
"""

from host_tools.prove import rows
from host_tools.prove.expectation import nearest
from host_tools.sim.quantity import shown

# quantity: (unit in the file, the firmware's number for one of it)
_UNITS = {
    rows.CELLS: {"mv": 1},
    rows.CELL_SPREAD: {"mv": 1},
    rows.STACK: {"mv": 1, "v": 1000},
    rows.CURRENT: {"a": 1000, "ma": 1},
    rows.TEMPS: {"c": 10},
    rows.TEMP_SPREAD: {"k": 10},
    rows.BOARD: {"c": 10},
}
_AGE_UNIT = {"ms": 1}
_COUNT_UNIT = {"count": 1}
_DELAYS = {"delay_ms": (3, 1), "delay_s": (3, 1000)}
_DELAYS |= {"release_delay_ms": (4, 1), "release_delay_s": (4, 1000)}
_LARGEST = 2**29


def parse(table):
    """[[row id, trip, release, trip delay ms, release delay ms]], None for what stays."""
    if not isinstance(table, dict):
        raise ValueError("[limits] must hold limits by their name, as [limits.cell_over_voltage]")
    return [_row(key, numbers) for key, numbers in table.items()]


def fields_of(row):
    """{name in the file: (place in a change, the firmware's number for one of it)}."""
    units = _UNITS.get(row.quantity) or (_AGE_UNIT if rows.is_age(row) else _COUNT_UNIT)
    fields = dict(_DELAYS)
    for unit, factor in units.items():
        fields["trip_" + unit] = (1, factor)
        fields["release_" + unit] = (2, factor)
    return fields


def _row(key, numbers):
    row = rows.by_key().get(key)
    if row is None:
        raise ValueError(f"there is no limit {shown(key)}; {nearest(key, rows.by_key())}")
    if not isinstance(numbers, dict) or not numbers:
        raise ValueError(f"[limits.{key}] names no number, as trip_mv or delay_ms")
    fields = fields_of(row)
    change = [row.id, None, None, None, None]
    for name, value in numbers.items():
        if name not in fields:
            raise ValueError(f"limit {key} has no {shown(name)}; {nearest(name, fields)}")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"limit {key}: {name} must be a number, not {shown(str(value))}")
        at, factor = fields[name]
        if not abs(value) * factor < _LARGEST:
            raise ValueError(f"limit {key}: {name} is too large")
        if change[at] is not None:
            raise ValueError(f"limit {key}: {name} is given twice, in different units")
        change[at] = round(value * factor)
        if row.quantity == rows.CURRENT and not row.above and at < 3 and change[at] > 0:
            # A person writes 80 A of discharge; the firmware counts it below zero.
            change[at] = -change[at]
    return change
