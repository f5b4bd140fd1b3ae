"""Inline SVG of one run: what the pack did, the limits, the faults, the true switches.

Colours come from the page's CSS, so that the same picture is readable on light and dark.
"""

from collections import namedtuple
from html import escape
from math import floor, log10

from host_tools.prove import rows

_WIDTH = 960
_LEFT, _RIGHT = 64, 14
_PANEL, _GAP, _STRIP = 150, 16, 20
_TOP = 22
_MOST_POINTS = 500

# The panel of a quantity: title, factor from the firmware's numbers, columns as (name, CSS class).
_Panel = namedtuple("_Panel", "title factor columns")
_PANELS = {
    rows.CELLS: _Panel("cells, V", 0.001, (("lowest_mv", "low"), ("highest_mv", "high"))),
    rows.STACK: _Panel("pack, V", 0.001, (("stack_mv", "high"),)),
    rows.CURRENT: _Panel("current, A (+ charging)", 0.001, (("current_ma", "high"),)),
    rows.TEMPS: _Panel("sensors, degC", 0.1, (("coldest_dc", "low"), ("hottest_dc", "high"))),
    rows.BOARD: _Panel("board, degC", 0.1, (("die_dc", "high"),)),
}
_SAME_PANEL = {rows.CELL_SPREAD: rows.CELLS, rows.TEMP_SPREAD: rows.TEMPS}
_STEPS = (rows.CURRENT,)


def whole(result):
    """The whole run; limits are those that the scenario speaks of."""
    trace = result.trace
    watched = _watched(result.scenario)
    return _svg(result, watched, 0, max(trace.end_us, 1), "The whole run")


def zoom(result, check, cause_row):
    """From just before the crossing to just after the switch, with the moment allowed at most."""
    reaction = max(check.reaction_us, 1000)
    room = max(reaction, check.allowed_us or 0) * 0.35 + 20000
    anchor_us = check.at_us - check.reaction_us
    last = anchor_us + max(reaction, check.allowed_us or 0) + room
    watched = [cause_row] if cause_row and cause_row.quantity else []
    marks = [(anchor_us, "crossed" if watched else "struck", "mark")]
    if check.allowed_us:
        marks.append((anchor_us + check.allowed_us, "allowed", "due"))
    title = f"The reaction: {check.observed}"
    return _svg(result, watched, max(anchor_us - room, 0), last, title, marks)


def _watched(scenario):
    found = []
    for one in scenario.expect:
        for cause in one.causes:
            row = rows.by_key().get(cause.key)
            if row and row.quantity and row not in found:
                found.append(row)
    return found


def _svg(result, watched, from_us, to_us, title, marks=()):
    trace = result.trace
    quantities = []
    for row in watched:
        quantity = _SAME_PANEL.get(row.quantity, row.quantity)
        if quantity not in quantities:
            quantities.append(quantity)
    if rows.CURRENT not in quantities:
        quantities.append(rows.CURRENT)
    drawn = []
    y = _TOP
    scale = _Scale(from_us, to_us, _LEFT, _WIDTH - _RIGHT)
    for quantity in quantities:
        height = _PANEL if watched and quantity == quantities[0] else _PANEL * 2 // 3
        lines = [row for row in watched if row.quantity == quantity]
        drawn.append(_panel(trace, quantity, lines, scale, y, height))
        y += height + _GAP
    bottom = y - _GAP
    drawn.append(_strips(trace, scale, y))
    y += 2 * _STRIP + 6
    drawn.append(_times(scale, _TOP, bottom, y))
    if not marks:
        marks = [(t_ms * 1000, text, "event") for t_ms, text in result.scenario.spoken]
    drawn.append(_marks(scale, marks, _TOP, y))
    height = y + 22
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(drawn)}</svg>"
    )


class _Scale:
    """A straight line from numbers to pixels."""

    def __init__(self, first, last, first_px, last_px):
        self.first, self.last = first, last
        self._first_px = first_px
        self._per = (last_px - first_px) / (last - first or 1)

    def __call__(self, value):
        return round(self._first_px + (value - self.first) * self._per, 1)

    def holds(self, value):
        return self.first <= value <= self.last


def _panel(trace, quantity, limits, across, top, height):
    panel = _PANELS[quantity]
    curves = []
    for column, css in panel.columns:
        if len(panel.columns) == 2 and limits and not _wanted(column, limits):
            css += " faint"
        points = _points(trace, column, across, panel.factor, quantity in _STEPS)
        if points:
            curves.append((points, css))
    levels = []
    for row in limits:
        if row.quantity == quantity:
            trip, release = trace.limits[row.id][:2]
            levels.append((trip * panel.factor, "trip", row.key))
            levels.append((release * panel.factor, "release", "release"))
    values = [value for points, _ in curves for _, value in points]
    values += [level for level, css, _ in levels]
    if not values:
        return ""
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or 1
    down = _Scale(low - room, high + room, top + height, top)
    parts = [
        f'<rect class="frame" x="{_LEFT}" y="{top}" width="{_WIDTH - _LEFT - _RIGHT}" height="{height}"/>'
    ]
    for value in _nice(down.first, down.last, 4):
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{down(value)}" y2="{down(value)}"/>'
        )
        parts.append(
            f'<text class="tick" x="{_LEFT - 6}" y="{down(value) + 4}" text-anchor="end">{value:g}</text>'
        )
    for level, css, name in levels:
        parts.append(
            f'<line class="{css}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{down(level)}" y2="{down(level)}"/>'
        )
        if css == "trip":
            parts.append(
                f'<text class="name" x="{_WIDTH - _RIGHT - 6}" y="{down(level) - 4}" text-anchor="end">'
                f"{escape(name)} {level:g}</text>"
            )
    for points, css in curves:
        path = " ".join(f"{across(t)},{down(value)}" for t, value in points)
        parts.append(f'<polyline class="{css}" points="{path}"/>')
    parts.append(
        f'<text class="title" x="{_LEFT + 6}" y="{top + 14}">{escape(panel.title)}</text>'
    )
    return "".join(parts)


def _wanted(column, limits):
    above = {row.above for row in limits}
    upper = column.startswith(("highest", "hottest"))
    return upper in above


def _points(trace, column, across, factor, steps):
    """What lies in the window, thinned out to its extremes, with its ends."""
    times, values = trace.column("t_us"), trace.column(column)
    found = []
    before = None
    for t_us, value in zip(times, values, strict=True):
        if t_us < across.first:
            before = value
            continue
        if t_us > across.last:
            if found and not steps:
                found.append((across.last, value if t_us == across.last else found[-1][1]))
            break
        if steps and found and found[-1][1] != value:
            found.append((t_us, found[-1][1]))
        elif steps and not found and before is not None:
            found.append((t_us, before))
        found.append((t_us, value))
    if before is not None:
        found.insert(0, (across.first, before))
    if found:
        found.append((across.last, found[-1][1]))
    return [(t_us, value * factor) for t_us, value in _thin(found)]


def _thin(points):
    size = len(points) // _MOST_POINTS + 1
    if size == 1:
        return points
    kept = []
    for at in range(0, len(points), 2 * size):
        bucket = points[at : at + 2 * size]
        chosen = {bucket[0], bucket[-1], min(bucket, key=_value), max(bucket, key=_value)}
        kept += sorted(chosen)
    return kept


def _value(point):
    return point[1]


def _strips(trace, across, top):
    """When charge and discharge current could really flow."""
    parts = []
    for switch, name in enumerate(("charge", "discharge")):
        y = top + switch * (_STRIP + 2)
        parts.append(
            f'<text class="tick" x="{_LEFT - 6}" y="{y + 14}" text-anchor="end">{name}</text>'
        )
        parts.append(
            f'<rect class="open" x="{_LEFT}" y="{y}" width="{_WIDTH - _LEFT - _RIGHT}" height="{_STRIP}"/>'
        )
        since = None
        for change in [*trace.switchings(switch), None]:
            end = change.t_us if change else across.last
            if since is not None:
                x1 = across(min(max(since, across.first), across.last))
                x2 = across(min(max(end, across.first), across.last))
                if x2 > x1:
                    parts.append(
                        f'<rect class="closed" x="{x1}" y="{y}" width="{round(x2 - x1, 1)}" height="{_STRIP}"/>'
                    )
            since = change.t_us if change and change.on else None
        parts.append(
            f'<text class="strip" x="{_LEFT + 6}" y="{y + 14}">{name} current can flow</text>'
        )
    return "".join(parts)


def _times(across, top, bottom, axis):
    parts = []
    for second in _nice(across.first / 1e6, across.last / 1e6, 9):
        x = across(second * 1e6)
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"/>')
        parts.append(
            f'<text class="tick" x="{x}" y="{axis + 14}" text-anchor="middle">{second:g} s</text>'
        )
    return "".join(parts)


def _marks(across, marks, top, bottom):
    parts = []
    used = -1000.0
    row = 0
    for t_us, text, css in sorted(marks):
        if not across.holds(t_us):
            continue
        x = across(t_us)
        parts.append(f'<line class="{css}" x1="{x}" x2="{x}" y1="{top - 4}" y2="{bottom}"/>')
        row = (row + 1) % 2 if x - used < 7 * len(text) else 0
        used = x
        anchor = "end" if x > _WIDTH - 140 else "start"
        shift = -4 if anchor == "end" else 4
        parts.append(
            f'<text class="{css}" x="{x + shift}" y="{top - 8 + 11 * row}" text-anchor="{anchor}">{escape(text)}</text>'
        )
    return "".join(parts)


def _nice(low, high, count):
    """Round numbers between two ends, about so many."""
    span = high - low
    if span <= 0:
        return []
    raw = span / count
    size = 10 ** floor(log10(raw))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw)
    first = floor(low / step) + 1
    found = []
    while first * step < high:
        found.append(round(first * step, 9))
        first += 1
    return found
