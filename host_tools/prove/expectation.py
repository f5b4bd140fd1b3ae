"""The sentences of a scenario's `expect`, and what they mean.

    charge|discharge|both opens because of CAUSE [or CAUSE] [MODIFIERS]
    charge|discharge|both closes [MODIFIERS]
    charge|discharge|both stays on|off
    nothing opens
    nothing trips
    warns of LIMIT [MODIFIERS]
    LIMIT does not trip
    limits are refused because of LIMIT [and LIMIT]

CAUSE: a LIMIT (cell_over_voltage), "backstop LIMIT" or "backstop short_circuit" (the chip acts by
itself), restart, watchdog, sleep (the board turns itself off). MODIFIERS: within TIME, not before
TIME (both from the moment at which the limit was crossed), after t=SECONDS, before t=SECONDS (both
on the scenario's clock).
"""

import re
from collections import namedtuple

from host_tools.prove import rows
from host_tools.sim.quantity import number, shown

OPENS, CLOSES, STAYS_ON, STAYS_OFF = "opens", "closes", "stays on", "stays off"
NOTHING_OPENS, NOTHING_TRIPS = "nothing opens", "nothing trips"
WARNS, NO_TRIP, REFUSED = "warns", "does not trip", "refused"

ROW, BACKSTOP = "row", "backstop"
RESTART, WATCHDOG, SLEEP = "restart", "watchdog", "sleep"
CHARGE, DISCHARGE = 0, 1
SWITCHES = {"charge": (CHARGE,), "discharge": (DISCHARGE,), "both": (CHARGE, DISCHARGE)}

# key: of a limit; None where the cause has none.
Cause = namedtuple("Cause", "kind key")
# Times in us, None where the sentence does not say.
Expectation = namedtuple(
    "Expectation", "text kind switches causes within_us not_before_us after_us before_us"
)

_MODIFIER = re.compile(r"\s+(within|not before|after|before)\s+(t\s*=\s*)?(\S+(?:\s+m?s\b)?)\s*$")
_SWITCH = re.compile(
    r"(charge|discharge|both)\s+(opens?|closes?|stays?\s+on|stays?\s+off)"
    r"(?:\s+because\s+of\s+(.+))?"
)
_WARNS = re.compile(r"warns?\s+of\s+(\S+)")
_NO_TRIP = re.compile(r"(\S+)\s+does\s+not\s+trip")
_REFUSED = re.compile(r"limits\s+are\s+refused\s+because\s+of\s+(.+)")


def parse(text):
    """One sentence; a ValueError carries what is wrong with it."""
    rest = text.strip().lower()
    times = {}
    while match := _MODIFIER.search(rest):
        word, clock, time = match.groups()
        if word in times:
            raise ValueError(f'expect {shown(text)}: "{word}" twice')
        if bool(clock) != (word in ("after", "before")):
            form = "t=SECONDS" if word in ("after", "before") else 'a time as "200 ms" or "1.5 s"'
            raise ValueError(f'expect {shown(text)}: "{word}" wants {form}')
        try:
            times[word] = round(number(time) * 1e6) if clock else _time_us(time)
        except ValueError as error:
            raise ValueError(f"expect {shown(text)}: {error}") from None
        rest = rest[: match.start()]
    try:
        kind, switches, causes = _what(rest)
    except ValueError as error:
        raise ValueError(f"expect {shown(text)}: {error}") from None
    if times and kind not in (OPENS, CLOSES, WARNS):
        raise ValueError(f"expect {shown(text)}: takes no times")
    return Expectation(
        " ".join(text.split()),
        kind,
        switches,
        causes,
        times.get("within"),
        times.get("not before"),
        times.get("after"),
        times.get("before"),
    )


def _what(text):
    words = " ".join(text.split())
    if words in (NOTHING_OPENS, NOTHING_TRIPS):
        return words, (), ()
    if match := _WARNS.fullmatch(text):
        return WARNS, (), (_limit(match[1]),)
    if match := _NO_TRIP.fullmatch(text):
        return NO_TRIP, (), (_limit(match[1]),)
    if match := _REFUSED.fullmatch(text):
        names = re.split(r"\s*,\s*|\s+and\s+", match[1])
        return REFUSED, (), tuple(_limit(name) for name in names)
    match = _SWITCH.fullmatch(text)
    if not match:
        raise ValueError(
            'says nothing that can be judged; try "charge opens because of cell_over_voltage",'
            ' "charge closes", "nothing opens" or see docs/proving.md'
        )
    who, does, why = match.groups()
    switches = SWITCHES[who]
    words = does.split()
    kind = {"open": OPENS, "clos": CLOSES}.get(words[0][:4]) or f"stays {words[-1]}"
    if kind == OPENS and not why:
        raise ValueError('must say why: "because of" and a limit, restart or watchdog')
    if why and kind != OPENS:
        raise ValueError('"because of" belongs to "opens"')
    causes = tuple(_cause(one) for one in re.split(r"\s+or\s+", why)) if why else ()
    for cause in causes:
        for switch in switches:
            if cause.kind == ROW and not rows.opens(rows.by_key()[cause.key], switch):
                raise ValueError(f"{cause.key} does not open the {_name(switch)} switch")
    return kind, switches, causes


def _cause(text):
    words = text.split()
    if words in ([RESTART], [WATCHDOG], [SLEEP]):
        return Cause(words[0], None)
    if len(words) == 2 and words[0] == "backstop":
        if words[1] == rows.BACKSTOP_SHORT_CIRCUIT:
            return Cause(BACKSTOP, words[1])
        cause = _limit(words[1])
        if not rows.by_key()[cause.key].backstop:
            raise ValueError(f"the front end does not guard {words[1]} by itself")
        return Cause(BACKSTOP, cause.key)
    if len(words) != 1:
        raise ValueError(f"{shown(text)} is no cause")
    return _limit(words[0])


def _limit(key):
    if key not in rows.by_key():
        raise ValueError(f"there is no limit {shown(key)}; {nearest(key, rows.by_key())}")
    return Cause(ROW, key)


def nearest(word, known):
    """Words to follow "there is no such": what the writer probably meant."""
    import difflib

    close = difflib.get_close_matches(word, list(known), 1, 0.5)
    return f"did you mean {close[0]}?" if close else "known are: " + ", ".join(known)


def _time_us(text):
    match = re.fullmatch(r"(\S+?)\s*(ms|s)", text)
    if not match:
        raise ValueError(f'{shown(text)} is no time; write it as "200 ms" or "1.5 s"')
    return round(number(match[1]) * (1e6 if match[2] == "s" else 1e3))


def _name(switch):
    return ("charge", "discharge")[switch]
