"""The firmware's limit table as a proof sees it: keys for people, quantities for the judge.

A key is the name of the row in vigil/limits.py in small letters: cell_over_voltage.
"""

import ast
from collections import namedtuple
from functools import cache

from host_tools import firmware

# What of the pack's truth a row looks at; None: health, of which the pack itself has no figure.
CELLS, STACK, CURRENT, TEMPS, BOARD = "cells", "stack", "current", "temps", "board"
CELL_SPREAD, TEMP_SPREAD = "cell spread", "temp spread"

Row = namedtuple("Row", "key id quantity above action recovery backstop group")

BACKSTOP_SHORT_CIRCUIT = "short_circuit"


@cache
def by_key():
    """{key: Row}, in the order of the table."""
    limits, sample = firmware.load("limits", "sample")
    quantities = _quantities(sample)
    rows = {}
    for name, row in zip(_names(limits), limits.TABLE, strict=True):
        group = row[limits.GROUP]
        rows[name.lower()] = Row(
            name.lower(),
            row[limits.ID],
            quantities.get(group),
            row[limits.DIRECTION] == limits.ABOVE,
            row[limits.ACTION],
            row[limits.RECOVERY],
            row[limits.BACKSTOP],
            group,
        )
    return rows


@cache
def by_id():
    return {row.id: row for row in by_key().values()}


def opens(row, switch):
    """Does the row open this switch (0 charge, 1 discharge)?"""
    return bool(row.action >> switch & 1)


def latches(row):
    (limits,) = firmware.load("limits")
    return bool(row.action & limits.LATCH)


def waits_for_removal(row):
    (limits,) = firmware.load("limits")
    return row.recovery == limits.BY_REMOVAL


def period_group(row):
    """The measured group whose new values a row waits for; None if it is looked at every cycle."""
    (sample,) = firmware.load("sample")
    names = ("CELLS", "TEMPS", "CURRENT", "STACK", "BOARD")
    for at, name in enumerate(names):
        for suffix in ("", "_AGE", "_UNKNOWN", "_DOUBT"):
            if row.group == getattr(sample, name + suffix, None):
                return at
    return 0 if row.group == sample.SILENCE else None


def is_age(row):
    """Does the row watch how old something is?"""
    (sample,) = firmware.load("sample")
    names = ("CELLS_AGE", "TEMPS_AGE", "CURRENT_AGE", "STACK_AGE", "BOARD_AGE", "SILENCE")
    return row.group in [getattr(sample, name, None) for name in names]


def is_unknown(row):
    """Does the row watch whether something has a value at all?"""
    (sample,) = firmware.load("sample")
    names = ("CELLS_UNKNOWN", "TEMPS_UNKNOWN", "CURRENT_UNKNOWN", "STACK_UNKNOWN", "BOARD_UNKNOWN")
    return row.group in [getattr(sample, name) for name in names]


def counts_reads(row):
    (sample,) = firmware.load("sample")
    return row.group == sample.BUS_FAILURES


def _quantities(sample):
    found = {}
    for quantity, name in (
        (CELLS, "CELLS"),
        (TEMPS, "TEMPS"),
        (CURRENT, "CURRENT"),
        (STACK, "STACK"),
        (BOARD, "BOARD"),
        (CELL_SPREAD, "CELL_SPREAD"),
        (TEMP_SPREAD, "TEMP_SPREAD"),
    ):
        code = getattr(sample, name, None)
        if code is not None:
            found[code] = quantity
    return found


def _names(limits):
    """The rows' names: the table itself holds only their numbers."""
    with open(limits.__file__, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "TABLE":
            return [element.elts[0].id for element in node.value.elts]
    raise LookupError("vigil/limits.py has no TABLE")
