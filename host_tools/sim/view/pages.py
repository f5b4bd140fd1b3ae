"""Pages that lie over the live screen: help, all sentences, and the prompt for a fault."""

import textwrap

from rich.text import Text

from host_tools.sim import commands, faults
from host_tools.sim.view import backstop, parts, signs
from host_tools.sim.view.screen import page

_KEYS = (
    ("f", "inject a fault: choose one or type it, in the words of --fault"),
    ("c", "clear: every fault so far ends, charger and load follow the profile again"),
    ("+ -", "more load, less load (beyond zero: charging), in twentieths of the capacity an hour"),
    ("p", "pause and go on (or space); virtual time stands still, and so does the board"),
    ("< >", "slower, faster; while a client has the RS485 port open it is real time"),
    ("w", "why: every fault and warning in full, and what happened before"),
    ("b", "backstop: limit by limit what the front end guards by itself, and when verified"),
    ("n", "next battery (with --nodes)"),
    ("q", "quit (or Ctrl-C)"),
)
_WORDS = (
    "Bars run from the under-voltage to the over-voltage trip of the limit table.",
    "A switch line says what the firmware commands and why, and then what the simulated hardware"
    " really does: these two may differ, and then that is what to look at.",
    "Backstop: what the front-end chip guards by itself, as the driver really set it, a little"
    " wider than the limits of the firmware. Its settings are read again every half minute.",
)

# Offered when the board has such a thing.
_EXAMPLES = (
    "cell 5 mv 3720",
    "cell 1 mv 2400",
    "cell 5 open",
    "temp 2 c -5",
    "temp all c 70",
    "current a -130",
    "short",
    "afe nak",
    "fet charge stuck-on",
    "interlock",
)


def _wrap(text, width, **how):
    # On a narrower terminal the lines are cut.
    return textwrap.wrap(text, max(width, 20), **how)


def help_page(width, height):
    lines = []
    for key, meaning in _KEYS:
        lines += _wrap(f"{key:<5}{meaning}", width, subsequent_indent=" " * 5)
    for words in _WORDS:
        lines += ["", *_wrap(words, width)]
    return page("Help", [Text(line) for line in lines], width, height)


def why_page(latest, width, height):
    told, warned = latest.judged()
    lines = parts.sentences(told, warned, width, height - 4)
    lines.append(parts.rule("What happened", width))
    events = []
    for t_s, text in latest.events:
        wrapped = _wrap(text, width - 11)
        events += [f"{parts.clock(t_s):>9}  {wrapped[0] if wrapped else ''}"]
        events += [" " * 11 + line for line in wrapped[1:]]
    room = height - 2 - len(lines)
    lines += [Text(line) for line in events[-room:]] if room > 0 else []
    return page(f"Why (node {latest.number})", lines, width, height)


def backstop_page(latest, width, height):
    text, style = backstop.state(latest.backstop, latest.t_s)
    lines = [Text(text, style=style), Text("")]
    rows = [
        ("limit", "software", "front end"),
        *backstop.by_row(latest.backstop, latest.rows, latest.t_s),
    ]
    first, second = (max(len(row[at]) for row in rows) + 2 for at in (0, 1))
    lines += [Text(f"{name:<{first}}{own:<{second}}{chip}") for name, own, chip in rows]
    return page(f"Backstop (node {latest.number})", lines, width, height)


def examples(ready):
    """Faults that this version and this board know."""
    known = []
    for spec in _EXAMPLES:
        try:
            fault = faults.parse(f"t=0 {spec}", ready["cells"], ready["temps"])
        except ValueError:
            continue
        if not faults.lacking(fault, ready.get("parts", ())):
            known.append(spec)
    return known[:9]


def fault_page(latest, prompt, width, height):
    lines = [Text("Type a fault, or choose one by its number:"), Text("")]
    lines += [Text(f"  {number}  {spec}") for number, spec in enumerate(examples(latest.ready), 1)]
    lines += [Text(""), Text("Known words:")]
    lines += [Text(f"  {line}") for line in _wrap(commands.FORMS, width - 2)]
    bottom = Text.assemble(
        ("fault: ", signs.STRONG),
        prompt.text[-max(1, width - 40) :],
        ("_", "blink"),
        ("   Enter injects, Esc leaves", signs.QUIET),
    )
    return page(f"Inject a fault (node {latest.number})", lines, width, height, bottom)
