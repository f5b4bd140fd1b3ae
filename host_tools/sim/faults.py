"""Fault specifications: "t=20 cell 5 mv 3720" becomes the dict that the simulator node acts on.

Times in virtual seconds after start; cells and sensors are counted from 1; + = charging.
"""

from host_tools.sim.quantity import number, shown, whole

_LONGEST_S = 2_000_000
_CELL_MV = (0, 5500)
_TEMP_C = (-60, 150)
_CURRENT_A = (-2000, 2000)
_SHUNT_PERCENT = (-50, 50)
_SHUNT_MA = (-20_000, 20_000)
_PRESS_S = (0.05, 600)
_LEAK_OHM = (0.01, 100_000)
_SWITCHES = {"charge": 1, "discharge": 2}
_FRONT_END = ("nak", "crc", "frozen", "reset", "flipped")
_MONITOR = ("nak", "frozen", "reset")
CONTACTORS = ("main", "charge", "precharge")
# A part of its own for the current: its faults, and what it is called.
MONITOR = tuple("monitor_" + how for how in _MONITOR)
MONITOR_PART = "current monitor"
# Parts that not every board has.
_PARTS = {
    "interlock": "interlock",
    "emergency": "emergency stop",
    "button_ms": "button",
    "heater_broken": "heater",
    "heater_stuck_on": "heater",
    "fan_broken": "fan",
    **dict.fromkeys(MONITOR, MONITOR_PART),
}
# A sensor's number that stands for all of them; for a broken one, the sensor at the switches.
ALL = 0
_AT_SWITCHES = 0
_BOARD_PLACES = {"die": 0, "switches": 1}

FORMS = (
    "cell N mv V, cell N open, cell N leak OHM, temp N|all|die|switches c T, "
    "temp N|switches open|shorted, current a A, short, shunt gain PERCENT, "
    "shunt offset MA, afe nak|crc|frozen|reset|flipped, "
    "monitor nak|frozen|reset, fet charge|discharge stuck-on, "
    "contactor main|charge|precharge welded|stuck-open, link short|disconnected, interlock, "
    "emergency, button S, heater broken|stuck-on, fan broken, clear"
)


def parse(spec, cells, temps, contactors=CONTACTORS):
    """One SPEC ("t=SECONDS WHAT") for a pack of so many cells and temperature sensors.

    contactors: names of those that the board has. ValueError carries the sentence for the user.
    None for a count that is not known yet.
    """
    words = spec.lower().split()
    if not words or not words[0].startswith("t="):
        raise ValueError(f"fault {shown(spec)} must begin with t=SECONDS")
    try:
        time_s = number(words[0][2:])
        if not 0 <= time_s <= _LONGEST_S:
            raise ValueError(f"t must be 0 to {_LONGEST_S} s")
        what, n, value = _what(words[1:], cells, temps, contactors)
    except ValueError as error:
        raise ValueError(f"fault {shown(spec)}: {error}") from None
    return {"t_ms": round(time_s * 1000), "what": what, "n": n, "value": value}


def parse_all(specs, cells, temps, contactors=CONTACTORS):
    """Every SPEC, in the order of their times (and as given, at the same time)."""
    faults = [parse(spec, cells, temps, contactors) for spec in specs]
    return sorted(faults, key=lambda fault: fault["t_ms"])


def beyond(fault, cells, temps):
    """Sentence if the pack has no such cell or sensor, else None."""
    what = fault["what"]
    if what.startswith("cell_") and fault["n"] > cells:
        return f"there is no cell {fault['n']}: the board has {cells}"
    if what.startswith("temp_") and fault["n"] > temps:
        return f"there is no temperature sensor {fault['n']}: the board has {temps}"
    return None


def lacking(fault, parts):
    """Sentence if the fault is about a part that the board does not have, else None."""
    part = _PARTS.get(fault["what"])
    if part is None or part in parts:
        return None
    return f"the board has no {part}"


def _what(words, cells, temps, contactors):
    match words:
        case ["cell", place, "mv", text]:
            n = _place(place, "cell", cells)
            return "cell_mv", n, round(_within(text, _CELL_MV, "cell voltage", "mV"))
        case ["cell", place, "open"]:
            return "cell_open", _place(place, "cell", cells), 0
        case ["cell", place, "leak", text]:
            n = _place(place, "cell", cells)
            return "cell_leak_mohm", n, round(1000 * _within(text, _LEAK_OHM, "leak", "ohm"))
        case ["temp", place, "c", text] if place in _BOARD_PLACES:
            value = _within(text, _TEMP_C, "temperature", "degC")
            return "board_dc", _BOARD_PLACES[place], round(10 * value)
        case ["temp", place, "open" | "shorted" as how]:
            if place == "switches":
                return "temp_" + how, _AT_SWITCHES, 0
            return "temp_" + how, _place(place, "temperature sensor", temps), 0
        case ["temp", place, "c", text]:
            n = ALL if place == "all" else _place(place, "temperature sensor", temps)
            return "temp_dc", n, round(10 * _within(text, _TEMP_C, "temperature", "degC"))
        case ["current", "a", text]:
            return "current_ma", 0, round(1000 * _within(text, _CURRENT_A, "current", "A"))
        case ["shunt", "gain", text]:
            value = _within(text, _SHUNT_PERCENT, "error of the shunt", "%")
            return "shunt_gain_ppm", 0, round(10_000 * value)
        case ["shunt", "offset", text]:
            return "shunt_offset_ma", 0, round(_within(text, _SHUNT_MA, "offset", "mA"))
        case ["short"] | ["clear"] | ["interlock"] | ["emergency"]:
            return words[0], 0, 0
        case ["heater", "broken" | "stuck-on"] | ["fan", "broken"]:
            return "_".join(words).replace("-", "_"), 0, 0
        case ["button", text]:
            return "button_ms", 0, round(1000 * _within(text, _PRESS_S, "press", "s"))
        case ["afe", how] if how in _FRONT_END:
            return "afe_" + how, 0, 0
        case ["monitor", how] if how in _MONITOR:
            return "monitor_" + how, 0, 0
        case ["fet", switch, "stuck-on"] if switch in _SWITCHES:
            return "fet_stuck", _SWITCHES[switch], 0
        case ["contactor", name, ("welded" | "stuck-open") as how] if name in CONTACTORS:
            if name not in contactors:
                raise ValueError(f"the board has no {name} contactor")
            return "contactor_" + how.replace("-", "_"), CONTACTORS.index(name) + 1, 0
        case ["link", ("short" | "disconnected") as how]:
            if not contactors:
                raise ValueError("the board has no contactors, and so no link behind them")
            return "link_" + how, 0, 0
        case []:
            raise ValueError(f"says no fault; known are: {FORMS}")
    raise ValueError(f"unknown fault; known are: {FORMS}")


def _place(text, name, count):
    n = whole(text)
    if n < 1:
        raise ValueError(f"there is no {name} {n}: they are counted from 1")
    if count is not None and n > count:
        raise ValueError(f"there is no {name} {n}: the board has {count}")
    return n


def _within(text, limits, name, unit):
    value = number(text)
    lowest, highest = limits
    if not lowest <= value <= highest:
        raise ValueError(f"{name} must be {lowest} to {highest} {unit}")
    return value
