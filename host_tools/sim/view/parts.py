"""The parts of the screen: what one battery shows, as lines of a given width."""

import textwrap

from rich.text import Text

from host_tools import meanings
from host_tools.sim.view import backstop, bars, signs

_LABEL = 10


def title(latest, nodes, pace, width):
    ready = latest.ready
    # Its banner on standard error lies behind this screen.
    reduced = ready.get("interpreter", "micropython") != "micropython"
    left = "Vigil (CPython: reduced fidelity)" if reduced else "Vigil"
    left += (
        f"  {ready['board']}  {ready['cells']}S {ready['chemistry']}"
        f" {ready['capacity_mah'] / 1000:g} Ah  seed {latest.seed}"
    )
    if nodes > 1:
        left += f"  node {latest.number}/{nodes}"
    time = clock(latest.t_s)
    right = Text(f"{time}  ") + _speed(latest, pace)
    return _two_ends(Text(left, style=signs.STRONG), right, width)


def clock(t_s):
    days, rest = divmod(t_s, 86400)
    text = f"{rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"day {days + 1} {text}" if days else text


def _speed(latest, pace):
    if pace.paused:
        return Text(f"{signs.PAUSED} PAUSED", style=signs.WARNING)
    speed = pace.speed
    text = "max" if speed is None else f"x{speed:g}"
    if pace.attached and pace.wanted != speed:
        text += " (client)"
    elif latest.speed_seen is not None and (speed is None or latest.speed_seen < 0.9 * speed):
        text += f" (really x{latest.speed_seen:.3g})"
    return Text(f"{signs.PLAYING} {text}")


def pack(latest, faults, warnings, width):
    record = latest.record
    if record is None:
        return _labelled("Pack", Text("starting ..."))
    health = _health(faults, warnings)
    ma = record["current_ma"]
    volts = _number(record["stack_mv"], 1000, 2, "V")
    amperes = _number(ma, 1000, 1, "A", "+")
    soc = "SoC " + _number(record["soc_pct"], 1, 1, "%")
    aged = _aged(record)
    forms = [
        f"{volts}  {amperes}{_direction(ma)}  {soc}{aged}  {_temps(record, 1)}",
        f"{volts}  {amperes}{_direction(ma)}  {soc}{aged}  {_temps(record, 0)}",
        f"{volts}  {amperes}  {soc}{aged}  {_temps(record, 0)}",
        f"{volts}  {amperes}  {soc}{aged}",
        f"{volts} {amperes} {soc}",
    ]
    if not aged:
        del forms[3]
    text = _longest_that_fits(forms, width - _LABEL - len(health) - 1)
    return _two_ends(_labelled("Pack", Text(text, style=signs.STRONG)), health, width)


def _temps(record, decimals):
    numbers = ("?" if dc is None else f"{dc / 10:.{decimals}f}" for dc in record["temps_dc"])
    return " ".join(numbers) + " degC"


def _aged(record):
    """Health and joints, where something is known of them."""
    told = ""
    if record.get("soh_pct") is not None:
        told = f"  SoH {record['soh_pct']:.1f} %"
    if record.get("bad_joints"):
        told += "  bad joint " + ",".join(map(str, record["bad_joints"]))
    return told


def _longest_that_fits(forms, width):
    return next((form for form in forms if len(form) <= width), forms[-1])


def _health(faults, warnings):
    if faults:
        return Text(f" {signs.PROBLEM} {_count(faults, 'fault').upper()} ", style=signs.FAULT)
    if warnings:
        return Text(f"{signs.ATTENTION} {_count(warnings, 'warning')}", style=signs.WARNING)
    return Text(f"{signs.ON} no fault", style=signs.GOOD)


def _direction(ma):
    if ma is None or -50 < ma < 50:
        return ""
    return " charging" if ma > 0 else " discharging"


def switch(latest, at, width):
    """at: 0 charge, 1 discharge. What is commanded and why, and what the hardware really does."""
    name = ("charge", "discharge")[at]
    line = Text(f"{name.capitalize():<{_LABEL}}")
    record = latest.record
    if record is None:
        return line + Text("?")
    state, why = record["state"][at], record["state"][at + 2]
    on, flows = record[f"{name}_on"], record[f"true_{name}_on"]
    word = meanings.STATES.get(state, f"state {state}").upper()
    line += Text(
        f"{signs.ON if on else signs.OPEN} {word:<11}", style=signs.GOOD if on else signs.WARNING
    )
    reason = "" if on or not why else meanings.reason(why)
    opening_ms = record.get("opening_in_ms", (-1, -1))[at]
    if on and opening_ms >= 0:
        reason = f"opens in {-(-opening_ms // 1000)} s"
    if flows and not on:
        really = Text(f" {signs.PROBLEM} yet {name} current CAN FLOW ", style=signs.FAULT)
    elif on and not flows:
        really = Text(f"{signs.ATTENTION} no current can flow: not closed", style=signs.WARNING)
    else:
        really = Text(f"hardware: {'current can flow' if flows else 'no current can flow'}")
    return _two_ends(line + Text(reason), really, width)


def allowed(latest, width):
    """What charger and load may do now, and how long that lasts; None where it is not told."""
    record = latest.record
    if record is None or "discharge_limit_ma" not in record:
        return None
    sides = []
    for name, by in zip(("charge", "discharge"), record["limited_by"], strict=True):
        why = "" if by == "the limit table" else f" ({by})"
        sides.append(f"{name} {record[name + '_limit_ma'] / 1000:.1f} A{why}")
    left = ""
    for name, times in (("empty", record["time_to_empty_s"]), ("full", record["time_to_full_s"])):
        if times:
            left = f"{name} in {_hours(times[0])} to {_hours(times[2])} h"
    return _two_ends(_labelled("Allowed", Text("  ".join(sides))), Text(left), width)


def _hours(seconds):
    return f"{seconds // 3600}:{seconds // 60 % 60:02}"


def cells(latest, width, columns):
    """Heading, and the bars in `columns` columns; numbers run downwards."""
    record = latest.record
    count = latest.ready["cells"]
    cells_mv = record["cells_mv"] if record else [None] * count
    bleeding = set(record["balancing"]) if record else set()
    gap = 2
    bar_width = (width - gap * (columns - 1)) // columns
    rows = -(-count // columns)
    lines = [rule(_cells_heading(cells_mv, bleeding), width)]
    for row in range(rows):
        line = Text()
        for number in range(row + 1, count + 1, rows):
            if row + 1 != number:
                line += Text(" " * gap)
            line += bars.cell_line(
                number, cells_mv, latest.cell_limits, number in bleeding, bar_width
            )
        lines.append(line)
    return lines


def _cells_heading(cells_mv, bleeding):
    known = [mv for mv in cells_mv if mv is not None]
    if not known:
        return "Cells: not known"
    low, high = min(known), max(known)
    text = (
        f"Cells  min {low / 1000:.3f} V (cell {cells_mv.index(low) + 1})"
        f"  max {high / 1000:.3f} V (cell {cells_mv.index(high) + 1})  spread {high - low} mV"
    )
    return text + (f"  balancing {len(bleeding)}" if bleeding else "")


def legend(limits):
    parts = []
    for sign, word, pair in (
        (signs.TRIP_LINE, "trip", (limits.under, limits.over)),
        (signs.WARNING_LINE, "warning", (limits.under_warning, limits.over_warning)),
    ):
        numbers = "/".join(f"{mv / 1000:.3f}" for mv in pair if mv is not None)
        if numbers:
            parts.append(f"{sign} {word} {numbers} V")
    parts.append(f"{signs.LOWEST} lowest  {signs.HIGHEST} highest  {signs.BLEEDS} balancing")
    return Text("  ".join(parts), style=signs.QUIET)


def sentences(faults, warnings, width, rows):
    """At most `rows` lines: each fault, then each warning; what has no room is counted."""
    signed = [(signs.PROBLEM, signs.FAULT, text) for text in faults]
    signed += [(signs.ATTENTION, signs.WARNING, text) for text in warnings]
    lines = []
    for at, (sign, style, text) in enumerate(signed):
        wrapped = textwrap.wrap(text, max(20, width - 2))
        room = rows - len(lines) - (1 if at + 1 < len(signed) else 0)
        if len(wrapped) > room and lines:
            lines.append(_more(signed[at:], width))
            return lines
        if len(wrapped) > room:
            wrapped = wrapped[: max(1, room)]
            wrapped[-1] = wrapped[-1][: width - 16] + " … (w: all)"
        for number, part in enumerate(wrapped):
            lead, weight = (sign, signs.STRONG) if number == 0 else (" ", signs.PLAIN)
            lines.append(Text.assemble((lead, style if number == 0 else ""), " ", (part, weight)))
    if not signed:
        lines.append(Text("none", style=signs.QUIET))
    return lines[:rows]


def _more(signed, width):
    """One line for those that found no room: how many, and their names."""
    names = ", ".join(text.partition(":")[0] for _, _, text in signed)
    line = Text(f"  {len(signed)} more (w: all): {names}", style=signs.WARNING)
    line.truncate(width, overflow="ellipsis")
    return line


def events(latest, width, rows):
    """The latest happenings, newest last."""
    if rows < 1:
        return []
    return [
        Text(f"{clock(t_s):>9}  {text}"[:width], style=signs.QUIET)
        for t_s, text in list(latest.events)[-rows:]
    ]


def guard(latest, width):
    """The front end's own protection: state, and its limits."""
    text, style = backstop.state(latest.backstop, latest.t_s)
    limits = backstop.applied(latest.backstop, width - 2)
    return [_labelled("Backstop", Text(text, style=style)), Text(f"  {limits}")]


def link(latest, width):
    record = latest.record
    right = Text("")
    if record:
        overruns = record["overruns"]
        right = Text(f"longest cycle {record['cycle_us_max'] / 1000:.1f} ms  ")
        right += Text(
            _count(overruns, "overrun"), style=signs.WARNING if overruns else signs.PLAIN
        )
    client = "client attached" if latest.attached else "no client"
    rate = f"JBD {latest.frames.a_second:.1f}/s"
    forms = [
        f"{latest.port}  {client}, {rate.replace('/s', ' frames/s')}",
        f"{latest.port}  {client}, {rate}",
        f"{latest.port}  {client.removesuffix(' attached')}, {rate}",
        f"{latest.port} {client}",
    ]
    left = _longest_that_fits(forms, width - _LABEL - len(right) - 1)
    return _two_ends(_labelled("RS485", Text(left)), right, width)


def rule(text, width):
    return Text(f"{signs.RULE * 2} {text} ".ljust(width, signs.RULE), style=signs.QUIET)


def _labelled(label, text):
    return Text(f"{label:<{_LABEL}}") + text


def _two_ends(left, right, width):
    """Left and right text of one line; what does not fit is cut from the left one."""
    room = width - len(right) - (1 if len(right) else 0)
    left.truncate(max(0, room), overflow="ellipsis")
    return Text.assemble(left, " " * max(0, width - len(left) - len(right)), right)


def _number(value, scale, decimals, unit, sign=""):
    return f"{'?' if value is None else f'{value / scale:{sign}.{decimals}f}'} {unit}"


def _count(things, word):
    number = things if isinstance(things, int) else len(things)
    return f"{number} {word}" + ("" if number == 1 else "s")
