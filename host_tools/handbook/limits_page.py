"""docs/limits.md: the limit table of the reference pack, from the code that protects it."""

from host_tools import firmware, meanings
from host_tools.meanings import Row

CELLS = 16
CAPACITY_MAH = 100000
# BQ76952: cells, temperatures, current, stack, board; and the cycle that reads them.
PERIODS_MS = (63, 189, 63, 189, 189)
CYCLE_MS = 50

_HEAD = f"""# The limits

Written by `make docs` from the firmware's own table, for {CELLS} LFP cells in series of
{CAPACITY_MAH // 1000} Ah behind a BQ76952, read every {CYCLE_MS} ms. A limit's delay counts fresh
samples only; an unknown value neither ends it nor lets a limit release.

| limit | trips | after | releases | after | opens | chip guards it too |
|---|---|---|---|---|---|---|
"""
_FOOT = """
An over-voltage or a cold cell leaves discharge on, so that the pack can be used and come down; an
under-voltage leaves charge on, so that it can be saved; what is unknown, stale or contradictory
opens both. A current falls below its release as soon as its switch is open: the time after it does
the waiting. After the last limit that held a switch has released, it closes one second later.
"""


def rows():
    """(limits.TABLE row, meanings.Row) of every limit of the reference pack, in table order."""
    limits, presets, chemistry = firmware.load("limits", "presets", "chemistry")
    table = presets.preset(chemistry.lfp(), CELLS, CAPACITY_MAH, PERIODS_MS, CYCLE_MS)
    return [
        (
            row,
            Row(
                row[limits.ID],
                table.trip[at],
                table.release[at],
                table.trip_delay_ms[at],
                table.release_delay_ms[at],
                row[limits.ACTION],
                row[limits.RECOVERY],
                row[limits.BACKSTOP],
            ),
        )
        for at, row in enumerate(limits.TABLE)
    ]


def text():
    """The whole page."""
    limits, sample = firmware.load("limits", "sample")
    lines = [_line(limits, sample, row, numbers) for row, numbers in rows()]
    return _HEAD + "".join(lines) + _FOOT


def _line(limits, sample, row, numbers):
    measured = limits.is_measured(row[limits.GROUP])
    unit = meanings.meaning(numbers.id).unit
    if numbers.trip == 0 and not measured:
        trips, releases = "if there is any", "when there is none"
    else:
        side = "below" if row[limits.DIRECTION] == limits.BELOW else "above"
        if row[limits.GROUP] == sample.CURRENT:
            # Shown without direction, so "below" would mislead for a discharge.
            side = "beyond"
        trips = f"{side} {meanings.limit(unit, numbers.trip)}"
        releases = f"at {meanings.limit(unit, numbers.release)}"
    cells = (
        meanings.name(numbers.id),
        trips,
        _delay(numbers.trip_delay_ms),
        releases,
        _delay(numbers.release_delay_ms),
        meanings.opened(numbers.action),
        "yes" if row[limits.BACKSTOP] != limits.BACKSTOP_NONE else "no",
    )
    return "| " + " | ".join(cells) + " |\n"


def _delay(ms):
    return meanings.duration(ms) if ms else "at once"
