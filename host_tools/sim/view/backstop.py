"""What the front end guards by itself, in words. The node tells what the driver applied, after
quantisation, and how often the chip was brought up; nothing here claims more than that.
"""

from host_tools.sim.view import signs

_CELL_OVER, _CELL_UNDER, _CHARGE, _DISCHARGE, _SHORT = 1, 2, 3, 4, 5
_WHAT = {
    _CELL_OVER: "cell",
    _CELL_UNDER: "cell",
    _CHARGE: "charge",
    _DISCHARGE: "discharge",
    _SHORT: "short",
}


def state(backstop):
    """(sentence, style)"""
    if backstop is None or not (backstop["configured"] or backstop["bring_ups"]):
        return "not armed yet: the front end has not been set up", signs.WARNING
    if not backstop["configured"]:
        return "NOT ARMED: the front end has lost its settings or does not answer", signs.FAULT
    bring_ups = backstop["bring_ups"]
    when = "at start" if bring_ups == 1 else f"anew (set up {bring_ups} times)"
    return f"armed {when}, read back then, not re-verified since", signs.GOOD


def applied(backstop, width):
    """The chip's own limits in one line, with delays if they fit."""
    if backstop is None or not backstop["configured"]:
        return ""
    full = _listed(backstop["applied"], True)
    return full if len(full) <= width else _listed(backstop["applied"], False)


def _listed(rows, with_delays):
    words = {}
    for code, trip, delay in rows:
        words.setdefault(_WHAT.get(code, f"protection {code}"), []).append(
            _limit(code, trip) + (f" {_delay(code, delay)}" if with_delays else "")
        )
    separator = ", " if with_delays else " "
    return "; ".join(f"{what} {separator.join(limits)}" for what, limits in words.items())


def _limit(code, trip):
    if code in (_CELL_OVER, _CELL_UNDER):
        return f"{'>' if code == _CELL_OVER else '<'}{trip / 1000:.3f} V"
    if code in _WHAT:
        return f">{abs(trip) / 1000:.0f} A"
    return str(trip)


def _delay(code, delay):
    if code == _SHORT:
        return f"{delay} us"
    return f"{delay} ms" if delay < 1000 else f"{delay / 1000:.4g} s"
