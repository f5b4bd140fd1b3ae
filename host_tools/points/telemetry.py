"""The record that a board tells phones over Bluetooth, by the board's own table of its fields."""

from typing import NamedTuple

from host_tools import firmware
from host_tools.points import declared

(_board,) = firmware.load("link.ble_telemetry")
LAYOUT, LENGTH = _board.LAYOUT, _board.LENGTH
_ELEMENTS = {"switch_state": ("charge", "discharge"), "switch_reason": ("charge", "discharge")}


class Field(NamedTuple):
    at: int  # in the record
    key: str  # of the point; of two elements, with what it is about
    size: int
    signed: bool
    divisor: int  # the point's number has been divided by it
    point: declared.Point

    @property
    def unknown(self):
        bits = 8 * self.size
        return -1 << bits - 1 if self.signed else (1 << bits) - 1


def _fields():
    points = {point.number: point for point in declared.POINTS}
    at = 1
    table = _board.FIELDS
    for begin in range(0, len(table), _board.FIELD):
        high, low, element, size, divisor = table[begin : begin + _board.FIELD]
        point = points[high << 8 | low]
        names = _ELEMENTS.get(point.key)
        key = f"{point.key}_{names[element]}" if names else point.key
        signed = bool(size & _board.SIGNED)
        size &= ~_board.SIGNED
        yield Field(at, key, size, signed, divisor, point)
        at += size


FIELDS = tuple(_fields())


def decode(record):
    """{key: number in the point's unit, None if not known}; ValueError for another layout."""
    if len(record) != LENGTH or record[0] != LAYOUT:
        raise ValueError("no telemetry record of this layout")
    found = {}
    for field in FIELDS:
        raw = bytes(record[field.at : field.at + field.size])
        number = int.from_bytes(raw, "little", signed=field.signed)
        found[field.key] = None if number == field.unknown else number * field.divisor
    return found
