"""One cell as a bar: its voltage on a scale on which its limits are marked."""

from collections import namedtuple

from rich.text import Text

from host_tools.sim.view import signs

# Limit rows that a cell's bar shows.
_OVER_WARNING, _OVER, _UNDER_WARNING, _UNDER = 1, 2, 3, 4
# Beyond the trips, in parts of their distance.
_MARGIN = 0.06
# A bar is drawn in the colour that stands behind the words.
_FILLS = {signs.FAULT: signs.FAULT_FILL, signs.WARNING: signs.WARNING_FILL}

# mV; None for a limit that the firmware did not announce.
CellLimits = namedtuple("CellLimits", "under under_warning over_warning over")


def cell_limits(rows):
    """rows: {row id: meanings.Row}"""
    trips = {row_id: row.trip for row_id, row in rows.items()}
    return CellLimits(*map(trips.get, (_UNDER, _UNDER_WARNING, _OVER_WARNING, _OVER)))


def scale(limits, cells_mv):
    """(lowest, highest) mV of the scale: the trips with a margin, or else what the cells need."""
    known = [mv for mv in cells_mv if mv is not None] or [0, 5000]
    low = limits.under if limits.under is not None else min(known) - 50
    high = limits.over if limits.over is not None else max(known) + 50
    margin = max(1, round((high - low) * _MARGIN))
    return low - margin, high + margin


def column(mv, low, high, width):
    """Which of `width` columns a voltage falls on."""
    return max(0, min(width - 1, int((mv - low) * width / (high - low))))


def bar(mv, low, high, limits, width, style):
    """`width` columns; the marks stand over the fill, so that a limit is never hidden."""
    filled = 0
    if mv is not None:
        filled = max(0, min(8 * width, round((mv - low) * 8 * width / (high - low))))
    characters = list(signs.FULL * (filled // 8))
    if len(characters) < width:
        characters.append(signs.PARTS[filled % 8])
    characters += " " * (width - len(characters))
    text = Text("".join(characters), style=style)
    for limit, sign in (
        (limits.under_warning, signs.WARNING_LINE),
        (limits.over_warning, signs.WARNING_LINE),
        (limits.under, signs.TRIP_LINE),
        (limits.over, signs.TRIP_LINE),
    ):
        if limit is not None:
            at = column(limit, low, high, width)
            text = Text.assemble(text[:at], (sign, signs.STRONG), text[at + 1 :])
    return text


def verdict(mv, limits):
    """(word, style) for a voltage beside its limits; no word when there is nothing to say."""
    if mv is None:
        return "?", signs.FAULT
    if limits.over is not None and mv > limits.over:
        return "OVER", signs.FAULT
    if limits.under is not None and mv < limits.under:
        return "UNDER", signs.FAULT
    if limits.over_warning is not None and mv > limits.over_warning:
        return "high", signs.WARNING
    if limits.under_warning is not None and mv < limits.under_warning:
        return "low", signs.WARNING
    return "", signs.GOOD


_BESIDE_BAR = len("16 3.290 ") + len(" ◆▴UNDER")


def cell_line(number, cells_mv, limits, bleeds, width):
    """Number, volts, bar, signs for balancing and extremes, verdict: `width` columns."""
    mv = cells_mv[number - 1]
    known = [value for value in cells_mv if value is not None]
    word, style = verdict(mv, limits)
    extreme = " "
    if mv is not None and min(known) < max(known):
        extreme = signs.HIGHEST if number - 1 == cells_mv.index(max(known)) else extreme
        extreme = signs.LOWEST if number - 1 == cells_mv.index(min(known)) else extreme
    volts = "  ?  " if mv is None else f"{mv / 1000:.3f}"
    low, high = scale(limits, cells_mv)
    fill = _FILLS.get(style, style)
    line = Text.assemble(
        (f"{number:>2} ", signs.QUIET),
        (volts, style if word else signs.STRONG),
        " ",
        bar(mv, low, high, limits, max(1, width - _BESIDE_BAR), fill),
        " ",
        (signs.BLEEDS if bleeds else " ", signs.WARNING),
        extreme,
        (word, style),
    )
    line.truncate(width, pad=True)
    return line
