"""How the BMS is, at one moment: the numbers, what is wrong as sentences, one line of it."""

from host_tools import firmware, meanings
from host_tools.client import coding
from host_tools.prove import rows

KEYS = (
    *("uptime_s", "state", "switch_state", "switch_reason", "charge_on", "discharge_on"),
    *("tripped", "stack_mv", "current_ma", "soc", "charge_limit_ma", "discharge_limit_ma"),
    *("cell_max_mv", "cell_max_at", "cell_min_mv", "cell_min_at"),
    *("temp_max_dc", "temp_max_at", "temp_min_dc", "temp_min_at", "age_ms", "balancing"),
    *("heater_on", "fan_on", "sleeping_in_s", "memory_flags", "health", "cell_mv", "temp_dc"),
    "board_temp_dc",
)
_LIMITS = ("limit_trip", "limit_release", "limit_trip_ms", "limit_release_ms")
_UNKNOWN = "?"


def running_limits(bms):
    """{row id: meanings.Row} of what runs in this BMS; none where these tools have other names."""
    if not bms.has_points or not bms.knows_limits:
        return {}
    found = bms.read(*_LIMITS)
    numbers = zip(*(found[key] for key in _LIMITS), strict=True)
    known = rows.by_id()
    return {
        at + 1: meanings.Row(
            at + 1, *four, known[at + 1].action, known[at + 1].recovery, known[at + 1].backstop
        )
        for at, four in enumerate(numbers)
        if at + 1 in known
    }


def of_points(values, limits):
    """The object for --json, from the points of KEYS."""
    # Bits are counted from 1, as rows are.
    active = [(row, *_where_and_value(row, values)) for row in ones(values["tripped"])]
    record = {
        "active": [(row, where, value, value) for row, where, value in active],
        "state": [*values["switch_state"], *values["switch_reason"]],
        "memory": values["memory_flags"] or 0,
    }
    faults, warnings = meanings.judge_record(limits, record)
    return {
        "t_s": values["uptime_s"],
        "state": coding.code_word(coding.point("state"), values["state"]),
        "cells_mv": values["cell_mv"],
        "temps_dc": values["temp_dc"],
        "stack_mv": values["stack_mv"],
        "current_ma": values["current_ma"],
        "soc_pct": _tenth(values["soc"]),
        "charge_on": _bool(values["charge_on"]),
        "discharge_on": _bool(values["discharge_on"]),
        "faults": faults,
        "warnings": warnings,
        "balancing": ones(values["balancing"]),
        "charge_limit_ma": values["charge_limit_ma"],
        "discharge_limit_ma": values["discharge_limit_ma"],
        "heater_on": _bool(values["heater_on"]),
        "fan_on": _bool(values["fan_on"]),
        "sleeping_in_s": None if values["sleeping_in_s"] == -1 else values["sleeping_in_s"],
    }


def of_jbd(found):
    """The same from what JBD tells; what it does not have is None."""
    return {
        "t_s": None,
        "state": None,
        "cells_mv": found["cell_mv"],
        "temps_dc": found["temp_dc"],
        "stack_mv": found["stack_mv"],
        "current_ma": found["current_ma"],
        "soc_pct": _tenth(found["soc"]),
        "charge_on": _bool(found["charge_on"]),
        "discharge_on": _bool(found["discharge_on"]),
        "faults": found["protections"],
        "warnings": [],
        "balancing": ones(found["balancing"]),
        "charge_limit_ma": None,
        "discharge_limit_ma": None,
        "heater_on": None,
        "fan_on": None,
        "sleeping_in_s": None,
    }


def line(seen):
    """One line for a person."""
    known = [mv for mv in seen["cells_mv"] if mv is not None]
    temps = [dc for dc in seen["temps_dc"] if dc is not None]
    parts = [
        _number(seen["stack_mv"], 1000, 2, "V"),
        _number(seen["current_ma"], 1000, 1, "A", sign="+"),
        _number(seen["soc_pct"], 1, 1, "%"),
        f"cells {min(known) / 1000:.3f} to {max(known) / 1000:.3f} V" if known else "cells ?",
        f"{min(temps) / 10:.1f} to {max(temps) / 10:.1f} degC" if temps else "temperatures ?",
        f"charge {_on(seen['charge_on'])}, discharge {_on(seen['discharge_on'])}",
    ]
    if seen["t_s"] is not None:
        parts.insert(0, f"{seen['t_s']:6d} s")
    if seen["balancing"]:
        parts.append(f"balancing {', '.join(map(str, seen['balancing']))}")
    return "  ".join(parts)


def ones(words):
    """Which bits are set, counted from 1."""
    bits = sum((word or 0) << 16 * at for at, word in enumerate(words))
    return [cell + 1 for cell in range(bits.bit_length()) if bits >> cell & 1]


def _where_and_value(row_id, values):
    """(cell or sensor counted from 1, value) that the row looks at; 0, UNKNOWN if none is told."""
    row = rows.by_id().get(row_id)
    unknown = 0, meanings.UNKNOWN
    if row is None:
        return unknown
    side = "max" if row.above else "min"
    if row.quantity == rows.CELLS:
        return values[f"cell_{side}_at"] or 0, _known(values[f"cell_{side}_mv"])
    if row.quantity == rows.TEMPS:
        return values[f"temp_{side}_at"] or 0, _known(values[f"temp_{side}_dc"])
    if row.quantity == rows.BOARD:
        known = [dc for dc in values["board_temp_dc"] if dc is not None]
        return 0, (max if row.above else min)(known, default=meanings.UNKNOWN)
    if row.quantity == rows.STACK:
        return 0, _known(values["stack_mv"])
    if row.quantity == rows.CURRENT:
        return 0, _known(values["current_ma"])
    (sample,) = firmware.load("sample")
    at = row.group - sample.HEALTH_FIRST
    if 0 <= at < len(values["health"]):
        return 0, _known(values["health"][at])
    if rows.is_age(row):
        at = row.group - sample.CELLS_AGE
        if 0 <= at < len(values["age_ms"]):
            return 0, _known(values["age_ms"][at])
    return unknown


def _known(value):
    return meanings.UNKNOWN if value is None else value


def _tenth(value):
    return None if value is None else value / 10


def _bool(value):
    return None if value is None else bool(value)


def _on(value):
    return _UNKNOWN if value is None else "on" if value else "off"


def _number(value, by, decimals, unit, sign=""):
    return _UNKNOWN if value is None else f"{value / by:{sign}.{decimals}f} {unit}"
