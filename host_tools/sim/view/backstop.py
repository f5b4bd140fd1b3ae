"""What the front end guards by itself, in words. The node tells what the driver applied, after
quantisation, and how often the chip was brought up; nothing here claims more than that.
"""

from host_tools import meanings
from host_tools.sim.view import signs

_CELL_OVER, _CELL_UNDER, _CHARGE, _DISCHARGE, _SHORT = 1, 2, 3, 4, 5
_CHARGE_HOT, _CHARGE_COLD, _DISCHARGE_HOT, _DISCHARGE_COLD, _BOARD_HOT = 6, 7, 8, 9, 10
_CELLS = (_CELL_OVER, _CELL_UNDER)
_COLD = (_CHARGE_COLD, _DISCHARGE_COLD)
_TEMPERATURES = (_CHARGE_HOT, _DISCHARGE_HOT, _BOARD_HOT, *_COLD)
_WHAT = {
    _CELL_OVER: "cell",
    _CELL_UNDER: "cell",
    _CHARGE: "charge",
    _DISCHARGE: "discharge",
    _SHORT: "short",
    _CHARGE_HOT: "charge",
    _CHARGE_COLD: "charge",
    _DISCHARGE_HOT: "discharge",
    _DISCHARGE_COLD: "discharge",
    _BOARD_HOT: "board",
}


def state(backstop, t_s):
    """(sentence, style)"""
    if backstop is None or not (backstop["configured"] or backstop["bring_ups"]):
        return "not armed yet: the front end has not been set up", signs.WARNING
    if not backstop["configured"]:
        return "NOT ARMED: the front end has lost its settings or does not answer", signs.FAULT
    bring_ups = backstop["bring_ups"]
    when = "" if bring_ups == 1 else f" (set up {bring_ups} times)"
    armed = f"armed{when}, {verified(backstop['verified_s'], t_s)}"
    if backstop["differences"]:
        return f"{armed}; it HAD CHANGED", signs.WARNING
    return armed, signs.GOOD


def verified(verified_s, t_s):
    if verified_s is None:
        return "not verified"
    return f"verified {max(0, t_s - verified_s)} s ago"


def by_row(backstop, rows, t_s):
    """(limit, the software's, the chip's with when it was verified) of every row it can guard."""
    armed = backstop is not None and backstop["configured"]
    found = []
    for row in rows.values():
        if not row.backstop:
            continue
        guards = [
            (*one, verified_s)
            for one, verified_s in zip(
                backstop["applied"], backstop["limits_verified_s"], strict=True
            )
            if one[0] == row.backstop
        ]
        own = _suiting(row, guards) if armed else None
        if own is None:
            told = "software only" if armed else "NOT ARMED"
        else:
            told = f"{_limit(*own[:2])} {_delay(own[0], own[2])}, {verified(own[3], t_s)}"
        software = f"{_limit(row.backstop, row.trip)} {_delay(row.backstop, row.trip_delay_ms)}"
        found.append((meanings.name(row.id), software, told))
    return found


def _suiting(row, guards):
    """Of several levels the nearest that lies beyond the row's own."""
    beyond = [one for one in guards if abs(one[1]) >= abs(row.trip) or len(guards) == 1]
    return min(beyond or guards, key=lambda one: abs(one[1] - row.trip), default=None)


def applied(backstop, width):
    """The chip's own limits in one line, with delays if they fit."""
    if backstop is None or not backstop["configured"]:
        return ""
    rows = backstop["applied"]
    forms = (_listed(rows, True), _listed(rows, False), _brief(rows))
    return next((form for form in forms if len(form) <= width), forms[-1])


def _listed(rows, with_delays):
    words = {}
    for code, trip, delay in rows:
        words.setdefault(_WHAT.get(code, f"protection {code}"), []).append(
            _limit(code, trip) + (f" {_delay(code, delay)}" if with_delays else "")
        )
    separator = ", " if with_delays else " "
    return "; ".join(f"{what} {separator.join(limits)}" for what, limits in words.items())


def _brief(rows):
    """For a narrow terminal: signs and units only where nothing is clear without them."""
    text = _listed(rows, False)
    for long, short in (
        (";", ""),
        ("discharge", "dis"),
        ("charge", "chg"),
        (" degC", "C"),
        (" A", "A"),
        (" V", "V"),
    ):
        text = text.replace(long, short)
    return text


def _limit(code, trip):
    if code in _CELLS:
        return f"{'>' if code == _CELL_OVER else '<'}{trip / 1000:.3f} V"
    if code in _TEMPERATURES:
        return f"{'<' if code in _COLD else '>'}{trip / 10:.0f} degC"
    if code in _WHAT:
        return f">{abs(trip) / 1000:.0f} A"
    return str(trip)


def _delay(code, delay):
    if code == _SHORT:
        return f"{delay} us"
    return f"{delay} ms" if delay < 1000 else f"{delay / 1000:.4g} s"
