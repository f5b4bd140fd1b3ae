"""The BMS's black box: which events it holds, and the record of one in values and words."""

import binascii
import struct
from typing import NamedTuple

from host_tools import firmware, meanings

RECORDING, AFTER, WAITS = range(3)
STATES = {
    RECORDING: "recording",
    AFTER: "recording the seconds after a trip",
    WAITS: "waiting for a quiet moment to write an event",
}
HEAD = 64  # words
RING_HEAD = 6
SLOW = 10
NO_VALUE = -0x8000
UNKNOWN = meanings.UNKNOWN
_MAGIC = 0x4256
_VERSION = 1
_TRIP_AT, _TRIP = 36, 5
_TEXT_AT, _TEXT = 56, 8
_EVENT = struct.Struct(">IHHII")
FLAGS = (
    (0x10, "charge_commanded"),
    (0x20, "discharge_commanded"),
    (0x40, "charge_on"),
    (0x80, "discharge_on"),
    (0x100, "cells_doubted"),
    (0x200, "temps_doubted"),
    (0x400, "current_doubted"),
    (0x800, "stack_doubted"),
    (0x1000, "front_end_fault"),
)


class Held(NamedTuple):
    """An event that the box holds."""

    number: int
    size: int
    row: int
    start: int
    uptime_s: int


class Trip(NamedTuple):
    row: int
    where: int
    value: int
    after_ms: int  # behind the first one


class Moment(NamedTuple):
    """What was measured then; None where nothing was known. Extremes only, where that is all."""

    t_ms: int  # from the first trip
    flags: int
    current_ma: int | None
    stack_mv: int | None
    cell_min_mv: int | None
    cell_max_mv: int | None
    temp_min_dc: int | None
    temp_max_dc: int | None
    cells_mv: list
    temps_dc: list
    board_temps_dc: list


class Event(NamedTuple):
    number: int
    start: int
    uptime_s: int
    unix_s: int | None
    limits_schema: int
    firmware: str
    missed: int
    trips: list
    sentence: str
    cells: int
    temps: int
    board_temps: int
    moments: list  # in the order of time; where two are of the same time, that with all values


def bounds(payload):
    """(state, trips missed, [Held], the newest first) of the answer to an empty request."""
    if len(payload) < 3 or (len(payload) - 3) % _EVENT.size:
        raise ValueError("the list of the black box cannot be read")
    held = [Held(*fields) for fields in _EVENT.iter_unpack(payload[3:])]
    return payload[0], int.from_bytes(payload[1:3]), held


def event(data):
    """The Event in a whole record; ValueError if it is none."""
    if len(data) < 2 * HEAD + 4 or len(data) % 4:
        raise ValueError("the black box's record is too short")
    words = struct.unpack(f"<{len(data) // 2}H", data)
    if words[0] != _MAGIC:
        raise ValueError("that is no record of a black box")
    if words[1] != _VERSION:
        raise ValueError(
            f"the black box's record is of version {words[1]}, these tools read version"
            f" {_VERSION}: install the tools of the BMS's version"
        )
    if binascii.crc32(data[:-4]) != _wide(words, len(words) - 2, signed=False):
        raise ValueError("the black box's record is damaged")
    cells, temps, board_temps = words[12:15]
    told, slow_at, slow_filled, slow_count, all_at, all_filled, all_count = words[28:35]
    width = RING_HEAD + cells + temps + board_temps
    first = HEAD + slow_count * SLOW
    if len(words) != first + all_count * width + 2 or not 1 <= told <= 4:
        raise ValueError("the black box's record contradicts itself")
    trips = [_trip(words, _TRIP_AT + at * _TRIP) for at in range(told)]
    text = struct.pack(f"<{_TEXT}H", *words[_TEXT_AT : _TEXT_AT + _TEXT])
    slow = _ring(words, HEAD, SLOW, slow_count, slow_at, slow_filled)
    every = _ring(words, first, width, all_count, all_at, all_filled)
    moments = {}
    for t_ms, record in _times(slow, words[17]):
        moments[t_ms] = _extremes(t_ms, record)
    for t_ms, record in _times(every, words[17]):
        moments[t_ms] = _everything(t_ms, record, cells, temps)
    schema = _wide(words, 10, signed=False)
    return Event(
        _wide(words, 2),
        _wide(words, 4),
        _wide(words, 6),
        _wide(words, 8, signed=False) or None,
        schema,
        text.rstrip(b"\0").decode("utf-8", "replace"),
        words[18],
        trips,
        _sentence(words, trips[0], schema),
        cells,
        temps,
        board_temps,
        [moments[t_ms] for t_ms in sorted(moments)],
    )


def trip_words(trip):
    """A trip that came behind the first one, in words."""
    value = meanings.limit(meanings.meaning(trip.row).unit, trip.value)
    return f"{meanings.name(trip.row, trip.where)} at {value}, {trip.after_ms} ms later"


def _sentence(words, trip, schema):
    if schema != firmware.load("limits")[0].schema():
        return (
            f"limit {trip.row} tripped at {trip.value}, place {trip.where} (these tools do not"
            " know this firmware's limits: install those of its version)"
        )
    row = meanings.Row(
        trip.row,
        _wide(words, 20),
        _wide(words, 22),
        _wide(words, 24),
        _wide(words, 26),
        words[19] & 0xFF,
        words[19] >> 8,
    )
    return meanings.sentence(row, trip.where, trip.value, trip.value)


def _trip(words, at):
    return Trip(words[at], words[at + 1], _wide(words, at + 2), words[at + 4])


def _ring(words, first, width, count, at, filled):
    """Its records, the oldest first."""
    if at >= count or filled > count:
        raise ValueError("the black box's record contradicts itself")
    starts = (first + (at - filled + turn) % count * width for turn in range(filled))
    return [words[start : start + width] for start in starts]


def _times(records, trip_ms):
    """[(ms from the trip, record)]: each tells its time modulo 65.536 s, one after the other."""
    if not records:
        return []
    t_ms = _signed(records[-1][0] - trip_ms)
    timed = [(t_ms, records[-1])]
    for later, sooner in zip(records[:0:-1], records[-2::-1], strict=True):
        t_ms -= (later[0] - sooner[0]) & 0xFFFF
        timed.append((t_ms, sooner))
    return timed[::-1]


def _extremes(t_ms, record):
    return Moment(t_ms, *_head(record), *map(_value, record[RING_HEAD:SLOW]), [], [], [])


def _everything(t_ms, record, cells, temps):
    values = [_value(word) for word in record[RING_HEAD:]]
    cells_mv, temps_dc = values[:cells], values[cells : cells + temps]
    found = []
    for group in (cells_mv, temps_dc):
        known = [value for value in group if value is not None]
        found += [min(known, default=None), max(known, default=None)]
    return Moment(t_ms, *_head(record), *found, cells_mv, temps_dc, values[cells + temps :])


def _head(record):
    current_ma, stack_mv = _wide(record, 2), _wide(record, 4)
    return (
        record[1],
        None if current_ma == UNKNOWN else current_ma,
        None if stack_mv == UNKNOWN else stack_mv,
    )


def _value(word):
    value = _signed(word)
    return None if value == NO_VALUE else value


def _signed(word):
    return ((word + 0x8000) & 0xFFFF) - 0x8000


def _wide(words, at, signed=True):
    value = words[at + 1] << 16 | words[at]
    return value - (1 << 32) if signed and value >> 31 else value
