"""The calibration of a BMS: how it stands, in values and words."""

import struct
from typing import NamedTuple

ZERO, GAIN, CELL, UNDO = range(1, 5)
DRY = 0x80
NOTHING, AVERAGING, TAKEN, WOULD_TAKE = range(4)
GAIN_UNIT = 16384  # of a gain of 1
_HEAD = struct.Struct(">ihBBBiiBB")
REFUSED = {
    10: "a switch is on: current may flow. First open both: vigil set switches_allowed none",
    11: "the true current is too small: let at least 1 A flow, and a fiftieth of the capacity"
    " an hour",
    12: "it was not steady for ten seconds",
    13: "that is more than may be corrected (10 % of the current, 20 mV of a cell, an offset of"
    " a hundredth of the capacity an hour): look for what is wrong with the shunt, the wiring"
    " or the true value",
    14: "it could not be measured for ten seconds",
    16: "a limit would then lie beyond what the front end can show: lower it first",
    17: "cells are being balanced, which moves their voltages: try again later",
    18: "there is nothing to go back to",
    19: "the board has no such cell",
}


class Standing(NamedTuple):
    """What is corrected, and what became of what was asked for last."""

    offset_ma: int  # taken off the current, before the gain
    gain: int  # of 16384, added to 1
    kind: int
    result: int
    cell: int
    mean: int  # what the front end showed
    would: int  # the new correction
    seconds_left: int
    can_undo: bool
    lost: bool
    cells: dict  # {cell: mV added}

    @property
    def gain_percent(self):
        return 100 * self.gain / GAIN_UNIT


def standing(payload):
    """ValueError if it is none."""
    if len(payload) < _HEAD.size or (len(payload) - _HEAD.size) % 2:
        raise ValueError("the BMS's calibration cannot be read")
    *fields, flags = _HEAD.unpack_from(payload)
    cells = dict(struct.iter_unpack(">Bb", payload[_HEAD.size :]))
    return Standing(*fields, bool(flags & 1), bool(flags & 2), cells)


def taken(kind, cell, value):
    """A correction that has been taken over, in words."""
    if kind == ZERO:
        return f"calibrated: {value} mA are taken off the current"
    if kind == GAIN:
        return f"calibrated: the current is shown {100 * value / GAIN_UNIT:+.2f} %"
    if kind == CELL:
        return f"calibrated: cell {cell} is shown {value:+d} mV"
    return "the calibration before was taken back"
