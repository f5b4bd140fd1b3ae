"""Composes the parts to exactly the rows of the terminal; the least needed parts go first."""

from rich.text import Text

from host_tools.sim.view import parts, signs

SMALLEST = (40, 10)
_KEYS = "f fault  c clear  +/- load  p pause  </> speed  w why  {}? help  q quit"
# Lines that sentences shall have before other parts are left out for them.
_SENTENCE_ROWS = 4
_EXPENDABLE = ("latest event", "allowed", "legend", "backstop limits", "link", "backstop")


def live(latest, nodes, pace, width, height):
    """The ordinary screen: `height` lines."""
    if width < SMALLEST[0] or height < SMALLEST[1]:
        return fitted([Text(f"Too small: {width}x{height}; 80x24 shows all.")], width, height)
    faults, warnings = latest.judged()
    columns = _columns(latest.ready["cells"], width, height)
    head = [
        parts.title(latest, nodes, pace, width),
        parts.pack(latest, faults, warnings, width),
        parts.switch(latest, 0, width),
        parts.switch(latest, 1, width),
        *parts.cells(latest, width, columns),
    ]
    backstop, backstop_limits = parts.guard(latest, width)
    below = {
        "legend": parts.legend(latest.cell_limits),
        "backstop": backstop,
        "backstop limits": backstop_limits,
        "link": parts.link(latest, width),
        "latest event": next(iter(parts.events(latest, width, 1)), Text("")),
    }
    allowed = parts.allowed(latest, width)
    if allowed is not None:
        below["allowed"] = allowed
    # Beside these: heading of the sentences, and the keys.
    room = height - 2
    for name in _EXPENDABLE:
        if room - len(head) - len(below) < _SENTENCE_ROWS:
            below.pop(name, None)
    # A tiny window shows only the first cells rather than no sentence.
    head = head[: room - len(below) - 1]
    room -= len(head) + len(below)
    told = parts.sentences(faults, warnings, width, room)
    middle = [parts.rule("Faults and warnings", width), *told]
    middle += _log(latest, width, room - len(told), below)
    legend = [below.pop("legend")] if "legend" in below else []
    lines = [*head, *legend, *middle]
    lines += [Text("")] * (height - 1 - len(below) - len(lines))
    keys = Text(_KEYS.format("n node  " if nodes > 1 else ""), style=signs.STRONG)
    return fitted([*lines, *below.values(), keys], width, height)


def _log(latest, width, rows, below):
    """With room for several lines, what happened; then its latest needs no place of its own."""
    if rows < 3 or not latest.events:
        return []
    below.pop("latest event", None)
    return [
        parts.rule("What happened", width),
        *parts.events(latest, width, rows),
    ]


def _columns(cells, width, height):
    """As few columns of bars as leave room for everything else; each at least 28 wide."""
    most = max(1, width // 28)
    spare = height - 15
    return min(most, max(1, -(-cells // max(1, min(spare, 12)))))


def page(title, lines, width, height, bottom="any key: back"):
    """A page of text over the whole screen, its last line always visible."""
    shown = [parts.rule(title, width), *lines][: height - 1]
    shown += [Text("")] * (height - 1 - len(shown))
    last = bottom if isinstance(bottom, Text) else Text(bottom, style=signs.STRONG)
    return fitted([*shown, last], width, height)


def fitted(lines, width, height):
    """Exactly `height` lines, none longer than `width`."""
    lines = [line.copy() for line in lines[:height]]
    for line in lines:
        line.truncate(width)
    return lines + [Text("")] * (height - len(lines))
