"""Limits in a TOML file, named as in a scenario: `[limits.cell_over_voltage] trip_mv = 3600`."""

import tomllib
from pathlib import Path

from host_tools.prove import own_limits, rows
from host_tools.talk.staging import SHORT_CIRCUIT

_SHORT = "short_circuit"
_SHORT_FIELDS = {"trip_a": (1, 1000), "trip_ma": (1, 1), "delay_us": (3, 1), "delay_ms": (3, 1000)}
_LARGEST = 2**28
_HEAD = "# Limits of a BMS; `vigil limits apply` brings them onto it.\n"


def read(path):
    """[[row id, trip, release, trip ms, release ms]], None for what stays; ValueError if bad."""
    try:
        whole = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ValueError(f"cannot read {path}: {reason}") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is no TOML: {error}") from None
    if not whole.get("limits"):
        raise ValueError(f"{path} sets no limits, as [limits.cell_over_voltage] trip_mv = 3600")
    try:
        limits = whole["limits"]
        if not isinstance(limits, dict) or _SHORT not in limits:
            return own_limits.parse(limits)
        rest = {key: numbers for key, numbers in limits.items() if key != _SHORT}
        return own_limits.parse(rest) + [_short_circuit(limits[_SHORT])]
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _short_circuit(numbers):
    """As a row: its current, always of discharge, and its delay in us."""
    if not isinstance(numbers, dict) or not numbers:
        raise ValueError(f"[limits.{_SHORT}] names no number: {' or '.join(_SHORT_FIELDS)}")
    change = [SHORT_CIRCUIT, None, None, None, None]
    for name, value in numbers.items():
        if name not in _SHORT_FIELDS:
            raise ValueError(f"limit {_SHORT} has {' or '.join(_SHORT_FIELDS)}, not {name}")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"limit {_SHORT}: {name} must be a number")
        at, factor = _SHORT_FIELDS[name]
        if not abs(value) * abs(factor) < _LARGEST:
            raise ValueError(f"limit {_SHORT}: {name} is too large")
        if change[at] is not None:
            raise ValueError(f"limit {_SHORT}: {name} is given twice, in different units")
        change[at] = round(value * factor) if at > 1 else -abs(round(value * factor))
    return change


def text(limits):
    """The file for {row id: [trip, release, trip ms, release ms]}."""
    lines = [_HEAD]
    for row_id, numbers in limits.items():
        if row_id == SHORT_CIRCUIT:
            lines.append(f"\n[limits.{_SHORT}]\n")
            lines.append(f"trip_ma = {numbers[0]}\ndelay_us = {numbers[2]}\n")
            continue
        row = rows.by_id()[row_id]
        lines.append(f"\n[limits.{row.key}]\n")
        for at, number in enumerate(numbers):
            name, factor = _field(row, at + 1)
            lines.append(
                f"{name} = {number // factor if number % factor == 0 else number / factor}\n"
            )
    return "".join(lines)


def write_new(path, limits):
    """Write them to `path`, or to a name beside it that is free; returns which."""
    path = Path(path)
    for number in range(1, 1000):
        free = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        try:
            with open(free, "x", encoding="utf-8") as file:
                file.write(text(limits))
            return free
        except FileExistsError:
            continue
        except OSError as error:
            raise ValueError(f"cannot write {free}: {error.strerror}") from None
    raise ValueError(f"there are too many files like {path}")


def _field(row, at):
    """The finest unit in which this number can be written."""
    fields = own_limits.fields_of(row).items()
    return min(
        ((name, factor) for name, (place, factor) in fields if place == at),
        key=lambda field: field[1],
    )
