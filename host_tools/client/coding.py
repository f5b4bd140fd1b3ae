"""The points as a client sees them: from registers to values with names, and back.

A value is the number of the point's own unit (mV, mA, 0.1 degC ...), None where it is not known.
"""

import difflib
import re
from functools import cache
from typing import NamedTuple

from host_tools.points import declared, pack

_UNKNOWN = {
    declared.U16: 0xFFFF,
    declared.S16: 0x8000,
    declared.U32: 0xFFFFFFFF,
    declared.S32: 0x80000000,
}
_SIGNED = {declared.S16: 16, declared.S32: 32}
_CODE = re.compile(r"(-?\d+) ([a-z][^,]*)")
_ELEMENT = re.compile(r"([a-z_0-9]+)(?:\[(\d{1,3})\])?", re.ASCII)


class Place(NamedTuple):
    """An element of a point."""

    point: declared.Point
    index: int

    @property
    def number(self):
        """Its first register."""
        return self.point.number + self.index * self.words

    @property
    def words(self):
        return declared.WORDS[self.point.type]

    @property
    def name(self):
        return f"{self.point.key}[{self.index}]" if self.point.count > 1 else self.point.key


@cache
def _by_key():
    return declared.by_key()


@cache
def schema():
    """Hash of the points whose names these tools have."""
    return pack.schema()


def point(key):
    """ValueError with the nearest right name if there is none."""
    found = _by_key().get(key)
    if found is None:
        near = difflib.get_close_matches(str(key), _by_key(), 1)
        hint = f"did you mean {near[0]}?" if near else "`vigil points --names` lists all"
        raise ValueError(f"there is no point {str(key)[:40]!r}; {hint}")
    return found


def place(text):
    """The Place of "key" or "key[index]"; ValueError with a sentence."""
    match = _ELEMENT.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text[:40]!r} is no point: write key or key[index]")
    found = point(match[1])
    index = int(match[2] or 0)
    if match[2] is None and found.count > 1:
        raise ValueError(f"{found.key} has {found.count} elements: say which, {found.key}[0] ...")
    if index >= found.count:
        raise ValueError(f"{found.key} has no element {index}: it has {found.count}, from 0 on")
    return Place(found, index)


def check_write(where, value):
    """ValueError with a sentence where the points table forbids this value."""
    point = where.point
    if not point.access:
        raise ValueError(f"nobody may write {point.key}: it can only be read")
    low, high = point.range
    if not low <= value <= high:
        raise ValueError(f"{where.name} must be {low:,} to {high:,}, not {value:,}")


def blocks(points, counts, most):
    """[(first register, registers)] that hold these points, each at most `most` long.

    counts: elements to read of each point. Neighbours are read together; no element is cut.
    """
    found = []
    for point, count in sorted(zip(points, counts, strict=True), key=lambda pair: pair[0].number):
        words = declared.WORDS[point.type]
        for index in range(count):
            number = point.number + index * words
            if found and sum(found[-1]) == number and found[-1][1] + words <= most:
                found[-1] = (found[-1][0], found[-1][1] + words)
            else:
                found.append((number, words))
    return found


def values(point, count, registers):
    """One value, a list of them, or a text; registers: {number: word}."""
    words = declared.WORDS[point.type]
    found = []
    for index in range(count):
        at = point.number + index * words
        number = registers[at] if words == 1 else registers[at] << 16 | registers[at + 1]
        found.append(number if point.type == declared.TEXT else _value(point, number))
    if point.type == declared.TEXT:
        data = b"".join(number.to_bytes(2) for number in found)
        return data.split(b"\0")[0].decode("utf-8", "replace")
    return found if point.count > 1 else found[0]


def _value(point, number):
    if number == _UNKNOWN[point.type]:
        return None
    bits = _SIGNED.get(point.type)
    return number - (1 << bits) if bits and number >> bits - 1 else number


def code_word(point, value):
    """What a code means, as the point's declaration says; None where it says nothing."""
    return dict(_CODE.findall(point.meaning)).get(str(value))


def written(point, value):
    """A value with its unit, for a person."""
    if value is None:
        return "unknown"
    if isinstance(value, str):
        return value
    unit, scale = declared.UNITS[point.unit]
    if unit in ("code", "of the limit"):
        word = code_word(point, value)
        return f"{value} ({word})" if word else f"{value}"
    if unit == "bits":
        return f"0x{value:04X}"
    number = f"{value / 10**-scale:.{-scale}f}" if scale else f"{value}"
    return f"{number} {unit}".rstrip()
