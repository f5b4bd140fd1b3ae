"""Events of a scenario: every fault SPEC of `vigil sim`, and what only a scenario can ask for."""

from host_tools.sim import faults
from host_tools.sim.quantity import number, shown

_LONGEST_S = 100_000
# What nobody outside the board can do: words, and what the witness calls it.
WORDS = {
    "restart": "restart",
    "firmware hangs": "hang",
    "owner reset": "owner_reset",
    "bus noisy": "bus_noisy",
    "memory flips": "memory_flips",
    "current reads reversed": "reads_reversed",
}
# A front end that measures wrong from one reading to the next: the firmware's number for one unit.
READS = {"cell": ("mv", 1, "reads_cell"), "temp": ("c", 10, "reads_temp")}
_LARGEST = 1_000_000


def parse(text, cells, temps):
    """One event; ValueError carries the sentence for the writer."""
    words = text.lower().split()
    what = _own(words[1:], cells, temps)
    if what is None:
        event = faults.parse(text, cells, temps)
        problem = faults.beyond(event, cells, temps)
        if problem:
            raise ValueError(f"event {shown(text)}: {problem}")
        return event
    if not words[0].startswith("t="):
        raise ValueError(f"event {shown(text)} must begin with t=SECONDS")
    time_s = number(words[0][2:])
    if not 0 <= time_s <= _LONGEST_S:
        raise ValueError(f"event {shown(text)}: t must be 0 to {_LONGEST_S} s")
    name, n, value = what
    return {"t_ms": round(time_s * 1000), "what": name, "n": n, "value": value}


def _own(words, cells, temps):
    """(what, n, value) of an event that is no fault of `vigil sim`, else None."""
    name = WORDS.get(" ".join(words))
    if name:
        return name, 0, 0
    match words:
        case ["stack", "reads", "v", text]:
            return "reads_stack", 0, _value(text, 1000)
        case [("cell" | "temp") as kind, place, "reads", unit, text] if unit == READS[kind][0]:
            count = cells if kind == "cell" else temps
            n = _value(place, 1)
            if not 1 <= n <= (count or n):
                raise ValueError(f"there is no {kind} {place}: the pack has {count}")
            return READS[kind][2], n, _value(text, READS[kind][1])
    return None


def _value(text, factor):
    value = number(text)
    if abs(value) > _LARGEST:
        raise ValueError(f"{shown(text)} is too large")
    return round(value * factor)
