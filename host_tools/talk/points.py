"""`vigil points`: what can be read, with its value, unit and meaning."""

import json

from host_tools.client import coding
from host_tools.client.errors import NotSpoken
from host_tools.points import declared

# Limits and what belongs to staging have their own command, as have totals, and are long.
_LONG = (*range(300, 1660), *range(2300, 2712))


def points(bms, names, as_json, say=print):
    """names: the points to tell; all but the long ones without any."""
    wanted = [coding.point(name) for name in names] or [
        coding.point(key) for key in bms.keys if coding.point(key).number not in _LONG
    ]
    missing = [point.key for point in wanted if point.key not in bms.keys]
    if missing:
        raise NotSpoken(f"{bms.protocol} has no {missing[0]}")
    values = bms.read(*(point.key for point in wanted))
    if as_json:
        say(json.dumps(values))
        return 0
    width = max(len(point.key) for point in wanted)
    for point in wanted:
        say(f"{point.key:{width}}  {_value(point, values[point.key])}")
    return 0


def names(as_json, say=print):
    """Every point there can be, without a BMS."""
    if as_json:
        say(
            json.dumps(
                [
                    {
                        "number": point.number,
                        "key": point.key,
                        "type": declared.NAMES[point.type],
                        "elements": point.count,
                        "unit": declared.UNITS[point.unit][0],
                        "scale": declared.UNITS[point.unit][1],
                        "writes": declared.ROLES[point.access] or None,
                        "range": point.range,
                        "means": point.meaning,
                    }
                    for point in declared.POINTS
                ]
            )
        )
        return 0
    for point in declared.POINTS:
        role = declared.ROLES[point.access]
        writes = f" ({role} writes)" if role else ""
        elements = f"[{point.count}]" if point.count > 1 else ""
        say(f"{point.number:5d}  {point.key}{elements}{writes}: {point.meaning}")
    return 0


def _value(point, value):
    if not isinstance(value, list):
        return coding.written(point, value)
    return ", ".join(coding.written(point, each) for each in value)
