"""Plots of one run: what the pack did, the limits, the faults, the true switches.

Colours come from the page's CSS, so that the same picture is readable on light and dark.
"""

from collections import namedtuple

from host_tools.prove import rows, svg

_WIDTH = 960
_LEFT, _RIGHT = 64, 946
_PANEL, _LOW_PANEL, _GAP, _STRIP = 150, 100, 24, 20
_TOP = 54
_LABEL_ROWS = 3  # of the events, above the first panel's title
_MOST_POINTS = 500
_LABEL_STEP = 230

# The panel of a quantity: title, factor from the firmware's numbers, columns as (name, CSS class).
_Panel = namedtuple("_Panel", "title factor columns")
_PANELS = {
    rows.CELLS: _Panel(
        "lowest and highest cell, V", 0.001, (("lowest_mv", "low"), ("highest_mv", "high"))
    ),
    rows.STACK: _Panel("pack, V", 0.001, (("stack_mv", "high"),)),
    rows.CURRENT: _Panel("current, A (+ charging)", 0.001, (("current_ma", "high"),)),
    rows.TEMPS: _Panel(
        "coldest and hottest sensor, degC", 0.1, (("coldest_dc", "low"), ("hottest_dc", "high"))
    ),
    rows.BOARD: _Panel("board, degC", 0.1, (("board_dc", "high"),)),
}
_SAME_PANEL = {rows.CELL_SPREAD: rows.CELLS, rows.TEMP_SPREAD: rows.TEMPS}


def whole(result):
    """The whole run, with every limit that the scenario speaks of."""
    marks = [(t_ms * 1000, words, "event") for t_ms, words in result.scenario.spoken]
    watched = _watched(result.scenario)
    return _plot(result.trace, watched, 0, max(result.trace.end_us, 1), "The whole run", marks)


def zoom(result, check, row):
    """From before the crossing to after the switch, with the moment allowed at most."""
    reaction_us = max(check.reaction_us, 1000)
    longest_us = max(reaction_us, check.allowed_us or 0)
    room_us = longest_us * 0.35
    anchor_us = check.at_us - check.reaction_us
    watched = [row] if row and row.quantity else []
    marks = [(anchor_us, "limit crossed" if watched else "fault strikes", "mark")]
    if check.allowed_us:
        marks.append((anchor_us + check.allowed_us, "allowed until here", "due"))
    from_us = max(anchor_us - room_us, 0)
    to_us = anchor_us + longest_us + room_us
    return _plot(result.trace, watched, from_us, to_us, check.observed, marks)


def _watched(scenario):
    found = []
    for one in scenario.expect:
        for cause in one.causes:
            row = rows.by_key().get(cause.key)
            if row and row.quantity and row not in found:
                found.append(row)
    return found


def _plot(trace, watched, from_us, to_us, title, marks):
    quantities = [_SAME_PANEL.get(row.quantity, row.quantity) for row in watched]
    quantities = list(dict.fromkeys([*quantities, rows.CURRENT]))
    across = svg.Scale(from_us, to_us, _LEFT, _RIGHT)
    parts = []
    top = _TOP
    for at, quantity in enumerate(quantities):
        height = _PANEL if watched and at == 0 else _LOW_PANEL
        limits = [row for row in watched if row.quantity == quantity]
        parts += _panel(trace, quantity, limits, across, top, height)
        top += height + _GAP
    parts += _strips(trace, across, top)
    bottom = top + 2 * _STRIP + 2
    for second in svg.nice(from_us / 1e6, to_us / 1e6, 9):
        x = across(second * 1e6)
        parts.append(svg.line("grid", x, _TOP, x, bottom))
        parts.append(svg.text("tick", x, bottom + 16, f"{second:g} s", "middle"))
    parts += _marks(across, marks, bottom)
    return svg.picture(_WIDTH, bottom + 22, title, parts)


def _panel(trace, quantity, limits, across, top, height):
    panel = _PANELS[quantity]
    curves = []
    for column, css in panel.columns:
        if len(panel.columns) == 2 and limits and not _wanted(column, limits):
            css += " faint"
        points = _points(trace, column, across, quantity == rows.CURRENT)
        curves.append((css, [(t_us, value * panel.factor) for t_us, value in points]))
    levels = []
    for row in limits:
        trip, release = trace.limits[row.id][:2]
        levels.append((release * panel.factor, "release", ""))
        levels.append((trip * panel.factor, "trip", row.key.replace("_", " ")))
    values = [value for _, points in curves for _, value in points]
    values += [level for level, _, _ in levels]
    if not values:
        return []
    room = (max(values) - min(values)) * 0.08 or 1
    down = svg.Scale(min(values) - room, max(values) + room, top + height, top)
    parts = [svg.box("frame", _LEFT, top, _RIGHT - _LEFT, height)]
    for value in svg.nice(down.first, down.last, 4):
        parts.append(svg.line("grid", _LEFT, down(value), _RIGHT, down(value)))
        parts.append(svg.text("tick", _LEFT - 6, down(value) + 4, f"{value:g}", "end"))
    for css, points in curves:
        parts.append(svg.curve(css, [(across(t_us), down(value)) for t_us, value in points]))
    label_x = _RIGHT - 6
    for level, css, name in levels:
        parts.append(svg.line(css, _LEFT, down(level), _RIGHT, down(level)))
        if name:
            # Two limits may lie close together: their names then stand side by side.
            parts.append(svg.text("name", label_x, down(level) - 4, f"{name} {level:g}", "end"))
            label_x -= _LABEL_STEP
    parts.append(svg.text("title", _LEFT, top - 6, panel.title))
    return parts


def _wanted(column, limits):
    upper = column.startswith(("highest", "hottest"))
    return upper in {row.above for row in limits}


def _points(trace, column, across, steps):
    """(time, value) of what lies in the window, thinned out to its extremes, with both ends."""
    found = []
    before = None
    for t_us, value in zip(trace.column("t_us"), trace.column(column), strict=True):
        if t_us > across.last:
            break
        if t_us < across.first:
            before = value
            continue
        if not found and before is not None:
            found.append((across.first, before))
        if steps and found and found[-1][1] != value:
            found.append((t_us, found[-1][1]))
        found.append((t_us, value))
    if not found and before is not None:
        found.append((across.first, before))
    if found:
        found.append((across.last, found[-1][1]))
    return _thinned(found)


def _thinned(points):
    size = 2 * (len(points) // _MOST_POINTS + 1)
    if size == 2:
        return points
    kept = []
    for at in range(0, len(points), size):
        bucket = points[at : at + size]
        by_value = sorted(bucket, key=lambda point: point[1])
        kept += sorted({bucket[0], bucket[-1], by_value[0], by_value[-1]})
    return kept


def _strips(trace, across, top):
    """When charge and discharge current could really flow."""
    parts = []
    for switch, name in enumerate(("charge", "discharge")):
        y = top + switch * (_STRIP + 2)
        parts.append(svg.box("open", _LEFT, y, _RIGHT - _LEFT, _STRIP))
        since = None
        for change in [*trace.switchings(switch), None]:
            if since is not None:
                x1 = across.held(since)
                x2 = across.held(change.t_us if change else across.last)
                if x2 > x1:
                    parts.append(svg.box("closed", x1, y, round(x2 - x1, 1), _STRIP))
            since = change.t_us if change and change.on else None
        parts.append(svg.text("tick", _LEFT - 6, y + 14, name, "end"))
        parts.append(svg.text("strip", _LEFT + 6, y + 14, f"green: {name} current could flow"))
    return parts


def _marks(across, marks, bottom):
    parts = []
    busy_until = [0] * _LABEL_ROWS
    for t_us, words, css in sorted(marks):
        if not across.holds(t_us):
            continue
        x = across(t_us)
        parts.append(svg.line(css, x, _TOP - 4, x, bottom))
        width = 7 * len(words)
        ends_here = x + width > _RIGHT
        begins = x - width if ends_here else x
        row = next((at for at, end in enumerate(busy_until) if begins >= end), _LABEL_ROWS - 1)
        busy_until[row] = begins + width
        where = x - 4 if ends_here else x + 4
        y = _TOP - 18 - 12 * row
        parts.append(svg.text(css, where, y, words, "end" if ends_here else "start"))
    return parts
