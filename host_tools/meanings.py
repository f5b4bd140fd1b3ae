"""What each row of the limit table means to a person: the firmware knows numbers, this file words.

Numbers as the firmware has them: mV, mA (+ = charging), 0.1 degC, ms. Row ids: vigil/limits.py.
"""

from collections import namedtuple

UNKNOWN = 0x1FFFFFFF
OPEN_CHARGE, OPEN_DISCHARGE, WARNING, LATCH = 1, 2, 4, 8

OFF, ON, TRIPPED, RECOVERING, LATCHED, WAITING = range(6)
STATES = {
    OFF: "off",
    ON: "on",
    TRIPPED: "open",
    RECOVERING: "recovering",
    LATCHED: "latched",
    WAITING: "waiting",
}
BY_VALUE, BY_RETRIES, BY_REMOVAL, BY_OWNER = range(4)
REASON_STARTING, REASON_OWNER, REASON_SELF_TEST = 100, 101, 102
REASON_SAFE_MODE, REASON_MEMORY_LOST = 103, 104
REASON_ASLEEP = 110
_REASONS = {
    0: "no reason",
    REASON_STARTING: "starting",
    REASON_OWNER: "switched off by the owner",
    REASON_SELF_TEST: "self-test failed",
    REASON_SAFE_MODE: "safe mode",
    REASON_MEMORY_LOST: "memory lost",
    REASON_ASLEEP: "asleep",
}

# Bits of the memory's flags (vigil/memory.py).
MEMORY_SENTENCES = (
    (1, "One of the two copies of the BMS's memory was missing or damaged; the other one counts."),
    (2, "The BMS has lost its memory: whether a limit had latched is not known."),
    (4, "The flash cannot be written: a fault that latches would be forgotten at a restart."),
    (8, "Part of the journal is damaged."),
    (16, "This board keeps nothing: a restart forgets latched faults."),
    (32, "The totals of the pack's life were lost, and begin anew."),
)

# A row as the node announces it.
Row = namedtuple(
    "Row",
    "id trip release trip_delay_ms release_delay_ms action recovery backstop",
    defaults=(BY_VALUE, 0),
)

# key: short name in words; about: whose value it is; unit: how its numbers are written;
# problem: the sentence; remedy: what the owner can do.
Meaning = namedtuple("Meaning", "key about unit problem remedy")

_CELL_V, _STACK_V, _AMPERE, _DEGREE, _TIME, _COUNT, _BITS, _KELVIN, _CODE = range(9)
BITS = _BITS
_ABOVE = "{value} is above {limit}{delay}"
_BELOW = "{value} is below {limit}{delay}"
_STALE = "no new reading for {value} (limit {limit})"
_BALANCE = "If the other cells are far from it, the pack needs balancing."
_LOOK_AT_CHIP = "If it does not pass, check the front end's supply, bus and fuses."

_MEANINGS = {
    1: Meaning("cell voltage high", "Cell", _CELL_V, _ABOVE, _BALANCE),
    2: Meaning(
        "cell over-voltage",
        "Cell",
        _CELL_V,
        _ABOVE,
        "Stop charging, or lower the charger's voltage; discharging stays possible.",
    ),
    3: Meaning("cell voltage low", "Cell", _CELL_V, _BELOW, "Charge the pack soon."),
    4: Meaning(
        "cell under-voltage",
        "Cell",
        _CELL_V,
        _BELOW,
        "Switch loads off and charge the pack; charging stays possible.",
    ),
    5: Meaning(
        "over-voltage", "Pack", _STACK_V, _ABOVE, "Stop charging, or lower the charger's voltage."
    ),
    6: Meaning("under-voltage", "Pack", _STACK_V, _BELOW, "Switch loads off and charge the pack."),
    7: Meaning("charge over-current", "", _AMPERE, _ABOVE, "Set the charger to less current."),
    8: Meaning("discharge over-current", "", _AMPERE, _ABOVE, "Switch off part of the load."),
    9: Meaning(
        "too warm to charge", "Temperature sensor", _DEGREE, _ABOVE, "Let the cells cool down."
    ),
    10: Meaning(
        "too cold to charge",
        "Temperature sensor",
        _DEGREE,
        _BELOW,
        "Warm the cells before charging; cold charging destroys them.",
    ),
    11: Meaning(
        "too warm",
        "Temperature sensor",
        _DEGREE,
        _ABOVE,
        "Let the cells cool; look for the cause.",
    ),
    12: Meaning("too cold", "Temperature sensor", _DEGREE, _BELOW, "Warm the cells."),
    13: Meaning("cell voltages are stale", "", _TIME, _STALE, _LOOK_AT_CHIP),
    14: Meaning("temperatures are stale", "", _TIME, _STALE, _LOOK_AT_CHIP),
    15: Meaning("current is stale", "", _TIME, _STALE, _LOOK_AT_CHIP),
    16: Meaning("stack voltage is stale", "", _TIME, _STALE, _LOOK_AT_CHIP),
    17: Meaning(
        "cell voltages are unknown",
        "",
        _COUNT,
        "no usable value for {value} of them{delay}",
        "Check the sense wires and their fuses.",
    ),
    18: Meaning(
        "temperatures are unknown",
        "",
        _COUNT,
        "no usable value for {value} of them{delay}",
        "Check the sensors and their wires.",
    ),
    19: Meaning(
        "current is unknown",
        "",
        _COUNT,
        "no usable value{delay}",
        "Check the shunt and its wires.",
    ),
    20: Meaning(
        "stack voltage is unknown",
        "",
        _COUNT,
        "no usable value{delay}",
        "Check the top and bottom sense wires.",
    ),
    21: Meaning(
        "front end is silent",
        "",
        _TIME,
        "no complete answer for {value} (limit {limit})",
        "If it does not pass, check the front end's supply and the wires of its bus.",
    ),
    22: Meaning(
        "front end fault",
        "",
        _BITS,
        "{value}",
        "It is set up anew; if it stays, replace the board.",
    ),
    23: Meaning(
        "front end opened the charge switch by itself",
        "",
        _BITS,
        "{value}",
        "Stop charging and look for the cause.",
    ),
    24: Meaning(
        "front end opened the discharge switch by itself",
        "",
        _BITS,
        "{value}",
        "Disconnect the load and look for the cause.",
    ),
    25: Meaning(
        "cell over-voltage, dangerous",
        "Cell",
        _CELL_V,
        _ABOVE,
        "The cell may be damaged: take it out of the pack and have it tested.",
    ),
    26: Meaning(
        "cell under-voltage, dangerous",
        "Cell",
        _CELL_V,
        _BELOW,
        "The cell may be damaged: do not charge the pack before the cell has been tested.",
    ),
    27: Meaning(
        "charge over-current, severe",
        "",
        _AMPERE,
        _ABOVE,
        "Disconnect the charger and look for the cause.",
    ),
    28: Meaning(
        "discharge over-current, severe",
        "",
        _AMPERE,
        _ABOVE,
        "Disconnect the load and look for the cause.",
    ),
    29: Meaning(
        "cells are out of balance",
        "",
        _CELL_V,
        "they are {value} apart, more than {limit}{delay}",
        "Let the pack balance; a cell that falls back again and again is weak.",
    ),
    30: Meaning(
        "temperatures lie far apart",
        "",
        _KELVIN,
        "they are {value} apart, more than {limit}{delay}",
        "Look for a warm joint, a blocked fan or a sensor that has come loose.",
    ),
    31: Meaning(
        "warm",
        "Board sensor",
        _DEGREE,
        _ABOVE,
        "Reduce the current or cool the switches.",
    ),
    32: Meaning(
        "too hot",
        "Board sensor",
        _DEGREE,
        _ABOVE,
        "Let the board cool down; reduce the current or cool the switches.",
    ),
    33: Meaning("board temperatures are stale", "", _TIME, _STALE, _LOOK_AT_CHIP),
    34: Meaning(
        "board temperatures are unknown",
        "",
        _COUNT,
        "no usable value for {value} of them{delay}",
        "Check the sensors at the switches and their wires.",
    ),
    35: Meaning(
        "cell voltages are not believed",
        "",
        _BITS,
        "{value}",
        "Check the sense wires, their fuses and plugs.",
    ),
    36: Meaning(
        "temperatures are not believed",
        "",
        _BITS,
        "{value}",
        "Check the sensors and how they are fixed.",
    ),
    37: Meaning(
        "current is not believed",
        "",
        _BITS,
        "{value}",
        "Check the shunt and its wires, and which way round they are.",
    ),
    38: Meaning(
        "stack voltage is not believed",
        "",
        _BITS,
        "{value}",
        "Check the top and bottom sense wires and the supply of the front end.",
    ),
    39: Meaning(
        "a switch does not open",
        "",
        _BITS,
        "{value}",
        "Disconnect charger and load by hand; replace the switch.",
    ),
    40: Meaning(
        "interlock open",
        "",
        _COUNT,
        "the loop is not closed{delay}",
        "Close the covers and plugs that the interlock watches.",
    ),
    41: Meaning(
        "emergency stop",
        "",
        _COUNT,
        "it was asked for",
        "When all is safe, release the button.",
    ),
    42: Meaning(
        "sign of a thermal runaway",
        "",
        _COUNT,
        "one sign that a cell heats itself",
        "Stay with the pack: if it goes on, disconnect it and bring it outside.",
    ),
    43: Meaning(
        "thermal runaway",
        "",
        _COUNT,
        "{value} independent signs that a cell heats itself",
        "Leave the room, call the fire brigade, let nobody near.",
    ),
    44: Meaning(
        "charging too fast for the cells as they are",
        "",
        _AMPERE,
        "{value} more than the coldest and the lowest cell allow{delay}",
        "Set the charger to less current until the cells are warm and above their lower limit.",
    ),
    45: Meaning(
        "front end's own protection is lost",
        "",
        _BITS,
        "{value}",
        "Replace the board if it happens again.",
    ),
    46: Meaning(
        "contactors or pre-charge failed",
        "",
        _CODE,
        "{value}",
        "Check what is connected, the pre-charge resistor and the contactors.",
    ),
    47: Meaning(
        "heater or fan does not work", "", _BITS, "{value}", "Check its wires and its supply."
    ),
    48: Meaning(
        "front end's bus is disturbed",
        "",
        _COUNT,
        "{value} of the last 100 readings failed (limit {limit})",
        "Check the wires of the bus: length, shield, pull-ups, ground.",
    ),
    49: Meaning(
        "the limits in memory have changed",
        "",
        _COUNT,
        "their check sum is wrong",
        "Restart the board; replace it if it happens again.",
    ),
    50: Meaning(
        "short circuit or fast over-current",
        "",
        _BITS,
        "the front end has opened the discharge switch: {value}",
        "Disconnect the load and look for the short circuit.",
    ),
}

_BIT_WORDS = {
    22: ("not configured", "internal failure"),
    23: (
        "cell over-voltage",
        "charge over-current",
        "temperature",
        "off until the load is gone after an over-current",
    ),
    24: ("cell under-voltage", "discharge over-current", "short circuit", "temperature"),
    35: (
        "the cells do not add up to the stack",
        "a cell jumped and the stack did not",
        "a cell reads nothing or full scale",
        "two neighbours mirror each other, as with a broken sense lead",
        "the front end's own test found a broken sense lead",
    ),
    36: ("faster than anything warms or cools", "far apart although the pack rests"),
    37: ("the cells move as if the current flowed the other way",),
    38: ("the cells do not add up to it",),
    39: ("the charge switch", "the discharge switch"),
    45: ("its settings have changed again after they were mended", "it could not be verified"),
    47: ("the heater does not warm", "the heater stays on", "the fan"),
    50: ("", "discharge over-current", "short circuit"),
}


# A row whose value is one code out of many (vigil/power_path.py).
CODE_WORDS = {
    46: {
        1: "pre-charge runs into a short circuit behind the contactors",
        2: "pre-charge does not charge: its relay, resistor or a wire is open",
        3: "pre-charge stops halfway: a load draws current before it may",
        4: "pre-charge takes too long: the load has more capacitance than the board allows",
        5: "no load is connected behind the contactors",
        6: "the voltage behind the contactors cannot be measured",
        7: "something else lifted the load's voltage above the pack during pre-charge",
        8: "current goes on flowing after pre-charge: a load does not wait",
        9: "the main contactor does not close",
        10: "the charge contactor does not close",
        11: "the main contactor does not open: welded",
        12: "the charge contactor does not open: welded",
        13: "the pre-charge relay does not open: welded",
        14: "all contactors open, but the load keeps the pack's voltage: welded, or fed",
        15: "current flows in a direction that is switched off: welded, or a load feeds back",
    }
}


def meaning(row_id):
    """The Meaning of a row; an honest general one for a row that this host does not know."""
    known = _MEANINGS.get(row_id)
    if known is None:
        known = Meaning(
            f"limit {row_id}",
            "",
            _COUNT,
            "value {value}, limit {limit}{delay} (this host does not know the limit)",
            "Update the host tools to the firmware's version.",
        )
    return known


def name(row_id, where=0):
    """A short title: "Cell 5 over-voltage"."""
    known = meaning(row_id)
    if not known.about:
        return _capital(known.key)
    key = known.key.removeprefix("cell ")
    if where:
        return f"{known.about} {where} {key}"
    return f"{known.about} {key}" if known.about == "Pack" else f"A {known.about.lower()} {key}"


def sentence(row, where, value_at_trip, value_now):
    """What is wrong, where, by how much, what was opened, and what to do."""
    known = meaning(row.id)
    value = _worst(known, value_at_trip, value_now)
    problem = known.problem.format(
        value=_told(row.id, known.unit, value),
        limit=limit(known.unit, row.trip),
        delay=f" for {duration(row.trip_delay_ms)}" if row.trip_delay_ms else "",
    )
    advice = known.remedy + _closing(row, known)
    return f"{name(row.id, where)}: {problem}; {opened(row.action)}. {advice}"


def _told(row_id, unit, value):
    if unit == _BITS:
        return _bits(row_id, value)
    if unit == _CODE:
        return CODE_WORDS.get(row_id, {}).get(value, f"code {value}")
    return _value(unit, value)


def opened(action):
    """What a row's action bits have done to the switches."""
    which = {
        OPEN_CHARGE: "charge switch opened",
        OPEN_DISCHARGE: "discharge switch opened",
        OPEN_CHARGE | OPEN_DISCHARGE: "both switches opened",
    }.get(action & (OPEN_CHARGE | OPEN_DISCHARGE))
    if which is None:
        return "no switch opened"
    return which + " for good" if action & LATCH else which


def reason(row_or_reason):
    """Why a switch is as it is, in words that follow a colon or stand in brackets."""
    known = _REASONS.get(row_or_reason)
    return known if known is not None else meaning(row_or_reason).key


def switch_state(switch, state, why):
    """One switch in words: "charge switch is open (cell over-voltage)"."""
    text = f"{switch} switch is {STATES.get(state, f'in state {state}')}"
    return text + (f" ({reason(why)})" if state != ON and why else "")


def is_warning(action):
    return bool(action & WARNING) and not action & (OPEN_CHARGE | OPEN_DISCHARGE)


def judge_record(rows, record):
    """(faults, warnings): sentences for the active rows and the switch states of a record.

    rows: {row id: Row} as announced; an unannounced row counts as a fault.
    """
    faults = []
    warnings = []
    active = set()
    for row_id, where, value_at_trip, value_now in record["active"]:
        active.add(row_id)
        row = rows.get(row_id) or Row(row_id, UNKNOWN, UNKNOWN, 0, 0, 0)
        text = sentence(row, where, value_at_trip, value_now)
        (warnings if is_warning(row.action) else faults).append(text)
    faults.extend(_switch_faults(record["state"], active))
    flags = record.get("memory", 0)
    warnings.extend(text for bit, text in MEMORY_SENTENCES if flags & bit)
    return faults, warnings


def _switch_faults(states, active):
    """Switches that stay open although no active row says why."""
    sentences = []
    for at, switch in enumerate(("Charge", "Discharge")):
        state, why = states[at], states[at + 2]
        if state == LATCHED and why not in active:
            sentences.append(
                f"{switch} switch stays open after {reason(why)}: it is latched."
                " Find the cause, then release it."
            )
        elif state == OFF and why == REASON_SAFE_MODE:
            sentences.append(
                f"{switch} switch stays off: safe mode, because three starts in a row failed."
                " Find the cause, then reset as the owner."
            )
        elif state == OFF and why == REASON_ASLEEP:
            sentences.append(
                f"{switch} switch off: the board sleeps after a deep discharge."
                " A charger or the button wakes it."
            )
        elif state == OFF and why == REASON_SELF_TEST:
            sentences.append(
                f"{switch} switch stays off: the self-test failed. Do not use this board."
            )
    return sentences


# Numbers in words.


def duration(ms):
    return f"{ms} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def volts(mv, decimals):
    return "an unknown voltage" if _missing(mv) else f"{mv / 1000:.{decimals}f} V"


def amperes(ma):
    if _missing(ma):
        return "an unknown current"
    direction = "" if -50 < ma < 50 else " charging" if ma > 0 else " discharging"
    return f"{abs(ma) / 1000:.1f} A{direction}"


def degrees(dc):
    return "an unknown temperature" if _missing(dc) else f"{dc / 10:.1f} degC"


def _value(unit, value):
    if unit == _CELL_V:
        return volts(value, 3)
    if unit == _STACK_V:
        return volts(value, 2)
    if unit == _AMPERE:
        return amperes(value)
    if unit == _DEGREE:
        return degrees(value)
    if unit == _KELVIN:
        return "an unknown difference" if _missing(value) else f"{value / 10:.1f} K"
    if _missing(value):
        return "unknown"
    return duration(value) if unit == _TIME else str(value)


def limit(unit, value):
    """A threshold in words; a current without its direction, which the row's name gives."""
    if unit == _AMPERE and not _missing(value):
        return f"{abs(value) / 1000:.1f} A"
    return _value(unit, value)


def is_upper(row_id):
    """Whether the row trips above its limit rather than below."""
    return meaning(row_id).problem != _BELOW


def _bits(row_id, mask):
    words = _BIT_WORDS.get(row_id, ())
    found = [word for bit, word in enumerate(words) if mask >> bit & 1]
    rest = mask >> len(words) << len(words)
    if rest or not found:
        found.append(f"code {rest}")
    return ", ".join(found)


def _worst(known, at_trip, now):
    """Ages and faults are told as they are now, limits as they were when they tripped."""
    if known.unit == _TIME and not _missing(now) and not _missing(at_trip):
        return max(at_trip, now)
    if known.unit == _BITS:
        return (0 if _missing(at_trip) else at_trip) | (0 if _missing(now) else now)
    return at_trip


def _closing(row, known):
    """When what was opened closes again."""
    switches = row.action & (OPEN_CHARGE | OPEN_DISCHARGE)
    if not switches:
        return ""
    they = "They close" if switches == OPEN_CHARGE | OPEN_DISCHARGE else "It closes"
    if row.action & LATCH:
        return " The owner has to release it."
    if row.recovery == BY_REMOVAL:
        return f" {they} again once what caused it has been taken away."
    if known.unit == _AMPERE:
        return f" {they} again after {duration(row.release_delay_ms)}."
    if known.unit in (_CELL_V, _STACK_V, _DEGREE):
        side = "above" if known.problem == _BELOW else "below"
        return f" {they} again at {limit(known.unit, row.release)} or {side}."
    return f" {they} again when this has passed."


def _missing(value):
    return value is None or value == UNKNOWN


def _capital(text):
    return text[:1].upper() + text[1:]
