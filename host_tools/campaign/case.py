"""A random case from its seed: a pack, its owner's limits, a load, and what goes wrong.

A case is plain data, so that it can be printed, cut down and played again. Runs on both
interpreters. Times in ms; mV, mA (+ = charging), 0.1 degC.
"""

from host_tools.campaign import meaning
from host_tools.mock.seeded_random import SeededRandom
from vigil import chemistry as chemistries
from vigil import limits, presets, validate

CYCLE_MS = 50
PERIODS_MS = {"BQ76952": (63, 189, 63, 189, 189), "BQ76942": (45, 135, 45, 135, 135)}
_SMALL_CHIP_CELLS = 10
FETS = "sim16_lfp"
CONTACTORS = "sim16_lfp_contactors"
# Faults and other events: [ms, what, number, value].
FAULTS = (
    "cell",
    "temp",
    "current",
    "short",
    "nak",
    "crc",
    "frozen",
    "reset",
    "blink",
    "stuck",
    "board",
    "interlock",
    "emergency",
    "thermistor",
    "lead",
    "cell lie",
    "stack lie",
    "temp lie",
    "runaway",
)
_PANEL = ("interlock", "emergency")
# What takes half a minute to show.
_SLOW = ("runaway", "empty")
_BACK_MS = 12000
_START_MS = 4000
_LARGEST_MAH = {"LFP": 400000, "NMC": 400000, "NCA": 400000, "Na-ion": 400000, "LTO": 80000}
_SHUNTS_UOHM = (100, 200, 500, 1000)


def random_case(seed, cycles=900):
    """The case of this seed, about `cycles` cycles long."""
    random = SeededRandom(seed)
    case = _pack(random, seed)
    case["cycles"] = cycles
    case["limits"] = _limits(random, case)
    case["events"] = _events(random, case, cycles * CYCLE_MS)
    return case


def _pick(random, things):
    return things[random.below(len(things))]


def _between(random, low, high):
    return low + random.below(high - low + 1)


def _pack(random, seed):
    name = _pick(random, chemistries.NAMES)
    shunt_uohm = _pick(random, _SHUNTS_UOHM)
    # As large as the chip can measure and back on this shunt, on the severe level too.
    largest_mah = min((8000000 if name == "LTO" else 40000000) // shunt_uohm, _LARGEST_MAH[name])
    contactors = not random.below(5)
    cells = _between(random, 8 if contactors else 3, 16)
    small = not contactors and cells <= _SMALL_CHIP_CELLS and random.below(2)
    return {
        "seed": seed,
        "board": CONTACTORS if contactors else FETS,
        "chip": "BQ76942" if small else "BQ76952",
        "cells": cells,
        "temps": _between(random, 1, 3),
        "chemistry": name,
        "capacity_mah": max(4000, largest_mah * _between(random, 30, 100) // 100),
        "shunt_uohm": shunt_uohm,
        "soc_pct": _between(random, 15, 90),
    }


# The owner's limits.


def base_limits(case):
    """The preset of the case's pack."""
    return presets.preset(
        chemistries.by_name(case["chemistry"]),
        case["cells"],
        case["capacity_mah"],
        PERIODS_MS[case["chip"]],
        CYCLE_MS,
    )


def apply_limits(table, changes):
    for row_id, trip, release, delay_ms, release_ms in changes:
        table.set(row_id, trip, release, delay_ms, release_ms)
    return table


def _limits(random, case):
    """[[row id, trip, release, delay ms, release delay ms]]; drawn again until they are valid."""
    chemistry = chemistries.by_name(case["chemistry"])
    for _ in range(40):
        drawn = _draw_limits(random, case, chemistry)
        table = apply_limits(base_limits(case), drawn)
        if not validate.problems(table, chemistry, case["cells"]):
            return drawn
    return []


def _draw_limits(random, case, chemistry):
    def between(low, high):
        return _between(random, low, high)

    def delay(longest_ms):
        return _pick(random, (0, between(1, 200), between(50, longest_ms)))

    cells = case["cells"]
    drawn = []

    def put(row_id, trip, release, delay_ms, release_ms):
        drawn.append([row_id, trip, release, delay_ms, release_ms])

    over_mv = chemistry.cell_maximum_mv - between(0, 60)
    over_release_mv = over_mv - between(20, 150)
    under_mv = chemistry.cell_minimum_mv + between(0, 300)
    under_release_mv = under_mv + between(20, 200)
    put(limits.CELL_OVER_VOLTAGE, over_mv, over_release_mv, delay(3000), between(0, 3000))
    put(limits.CELL_UNDER_VOLTAGE, under_mv, under_release_mv, delay(3000), between(0, 3000))
    trip_mv = over_mv + between(20, 150)
    put(limits.CELL_OVER_VOLTAGE_SEVERE, trip_mv, trip_mv - between(20, 80), delay(2000), 1000)
    trip_mv = under_mv - between(20, 150)
    put(limits.CELL_UNDER_VOLTAGE_SEVERE, trip_mv, trip_mv + between(20, 80), delay(2000), 1000)
    trip_mv = over_mv - between(10, 60)
    put(limits.CELL_OVER_VOLTAGE_WARNING, trip_mv, trip_mv - between(20, 60), delay(2000), 1000)
    trip_mv = under_mv + between(10, 60)
    put(limits.CELL_UNDER_VOLTAGE_WARNING, trip_mv, trip_mv + between(20, 60), delay(2000), 1000)
    trip_mv = between(over_release_mv + 20, over_mv + 1) * cells - between(0, cells)
    trip_mv = min(max(trip_mv, over_release_mv * cells), over_mv * cells)
    put(
        limits.STACK_OVER_VOLTAGE,
        trip_mv,
        trip_mv - between(20, 60) * cells,
        delay(3000),
        between(0, 3000),
    )
    trip_mv = between(under_mv, under_release_mv) * cells
    put(
        limits.STACK_UNDER_VOLTAGE,
        trip_mv,
        trip_mv + between(20, 60) * cells,
        delay(3000),
        between(0, 3000),
    )
    capacity_ma = case["capacity_mah"]
    charge_ma = capacity_ma * chemistry.charge_trip_percent * between(30, 100) // 10000
    discharge_ma = 0 - capacity_ma * chemistry.discharge_trip_percent * between(30, 100) // 10000
    for row_id, severe_id, trip_ma in (
        (limits.CHARGE_OVER_CURRENT, limits.CHARGE_OVER_CURRENT_SEVERE, charge_ma),
        (limits.DISCHARGE_OVER_CURRENT, limits.DISCHARGE_OVER_CURRENT_SEVERE, discharge_ma),
    ):
        release_ma = trip_ma * between(50, 95) // 100
        put(row_id, trip_ma, release_ma, delay(6000), between(1000, 5000))
        trip_ma = trip_ma * between(110, 160) // 100
        put(severe_id, trip_ma, trip_ma * between(50, 95) // 100, delay(400), between(1000, 5000))
    warm_dc = chemistry.charge_temp_maximum_dc - between(0, 100)
    cold_dc = chemistry.charge_temp_minimum_dc + between(0, 100)
    hot_dc = max(warm_dc, chemistry.discharge_temp_maximum_dc - between(0, 100))
    icy_dc = min(cold_dc, chemistry.discharge_temp_minimum_dc + between(0, 100))
    step_dc = between(20, 60)
    put(limits.CHARGE_OVER_TEMPERATURE, warm_dc, warm_dc - step_dc, delay(3000), between(0, 3000))
    put(limits.CHARGE_UNDER_TEMPERATURE, cold_dc, cold_dc + step_dc, delay(3000), between(0, 3000))
    put(limits.DISCHARGE_OVER_TEMPERATURE, hot_dc, hot_dc - step_dc, delay(3000), between(0, 3000))
    put(limits.DISCHARGE_UNDER_TEMPERATURE, icy_dc, icy_dc + step_dc, delay(3000), 1000)
    trip_dc = between(500, 900)
    put(limits.BOARD_OVER_TEMPERATURE, trip_dc, trip_dc - between(20, 100), delay(3000), 1000)
    put(limits.BOARD_TEMPERATURE_WARNING, trip_dc - 50, trip_dc - 100, delay(3000), 1000)
    return drawn


def numbers_of(case):
    """{row id: (trip, release, delay ms, release delay ms)} of the whole table."""
    table = apply_limits(base_limits(case), case["limits"])
    numbers = {}
    for at, row in enumerate(limits.TABLE):
        numbers[row[limits.ID]] = (
            table.trip[at],
            table.release[at],
            table.trip_delay_ms[at],
            table.release_delay_ms[at],
        )
    return numbers


# What happens.


def _events(random, case, length_ms):
    numbers = numbers_of(case)
    events = []
    _profile(random, case, numbers, length_ms, events)
    at_ms = _START_MS
    slow = _pick(random, _SLOW) if not random.below(8) else None
    if slow:
        _fault(random, case, numbers, slow, at_ms, events)
        at_ms = length_ms - _between(random, 4000, 12000)
    # From when on a sense lead may break: docs/campaign.md says why not while cells move.
    still_ms = 0
    cells_move = slow == "empty"
    lead_breaks = False
    while at_ms < length_ms - 4000:
        at_ms += _between(random, 200, 12000)
        end_ms = min(at_ms + _between(random, 500, 15000), length_ms - 3000)
        for _ in range(_pick(random, (1, 1, 1, 2, 2, 3))):
            what = _pick(random, FAULTS)
            if case["board"] == CONTACTORS and what in _PANEL:
                # This board has no panel.
                what = "contactor"
            if what == "lead" and (cells_move or at_ms < still_ms):
                what = "board"
            elif what == "cell" and lead_breaks:
                what = "board"
            cells_move = cells_move or what == "cell"
            lead_breaks = lead_breaks or what == "lead"
            if what == "runaway":
                end_ms = length_ms
            _fault(random, case, numbers, what, at_ms, events)
            at_ms += _pick(random, (0, 0, _between(random, 1, 3000)))
        if end_ms < length_ms and (at_ms < end_ms or random.below(4) == 0):
            at_ms = max(at_ms + 100, end_ms)
            if cells_move:
                still_ms = at_ms + _BACK_MS
            cells_move = lead_breaks = False
            events.append([at_ms, "clear", 0, 0])
            if random.below(3) == 0:
                events.append([at_ms + _between(random, 1000, 5000), "owner", 0, 0])
    return _in_order(events)


def _in_order(events):
    """By time, those of one moment as they were drawn: not every interpreter's sort keeps that."""
    places = sorted([(event[0], place) for place, event in enumerate(events)])
    return [events[place] for _, place in places]


def _some_current(random, numbers):
    """Mostly what the pack may do; often near a limit, sometimes beyond it."""
    row_id = _pick(random, (7, 8, 8, 27, 28))
    trip_ma = numbers[row_id][0]
    share = _pick(random, (0, 20, 40, 60, 80, 95, 99, 100, 101, 105, 130, 200))
    return trip_ma * share // 100


def _profile(random, case, numbers, length_ms, events):
    """Charger and load outside: steps, ramps, pulses, regeneration; or a charger that stays."""
    at_ms = 0
    calm = not random.below(6)
    if calm and random.below(2):
        # Cold, as far as it may be charged or barely farther, or warm enough for all but haste.
        cold_dc = meaning.PLATING_DC.get(case["chemistry"], 0) + _between(random, -20, 180)
        events.append([200, "temp", 0, cold_dc])
    while at_ms < length_ms:
        kind = random.below(5)
        if calm:
            kind = 5
        start_ma = _some_current(random, numbers)
        if kind == 0:
            goal_ma = _some_current(random, numbers)
            for step in range(10):
                value = start_ma + (goal_ma - start_ma) * (step + 1) // 10
                events.append([at_ms + step * 100, "offer", 0, value])
        elif kind == 1:
            quiet_ma = start_ma // 10
            for pulse in range(_between(random, 2, 8)):
                pulse_ms = _between(random, 20, 400)
                events.append([at_ms + pulse * 800, "offer", 0, start_ma])
                events.append([at_ms + pulse * 800 + pulse_ms, "offer", 0, quiet_ma])
        elif kind == 2:
            for turn in range(4):
                value = start_ma if turn % 2 == 0 else 0 - start_ma // 3
                events.append([at_ms + turn * 700, "offer", 0, value])
        elif kind == 5:
            share = _pick(random, (2, 5, 6, 10, 11, 20, 22, 50, 55))
            events.append([at_ms, "offer", 0, case["capacity_mah"] * share // 100])
            at_ms += _between(random, 10000, 40000)
        else:
            events.append([at_ms, "offer", 0, start_ma])
        at_ms += _between(random, 2000, 12000)


def _beside(random, trip, step):
    """A value near a trip: clearly or barely beyond it, or barely not."""
    return trip + step * _pick(random, (-3, -1, 1, 2, 10, 40, 80))


def _fault(random, case, numbers, what, at_ms, events):
    if what == "cell":
        row_id, step = _pick(random, ((2, 1), (25, 1), (4, -1), (26, -1), (1, 1), (3, -1)))
        number = _between(random, 1, case["cells"])
        value = max(0, _beside(random, numbers[row_id][0], step))
        events.append([at_ms, "cell", number, value])
    elif what == "temp":
        row_id, step = _pick(random, ((9, 1), (10, -1), (11, 1), (12, -1)))
        number = _between(random, 0, case["temps"])
        events.append([at_ms, "temp", number, _beside(random, numbers[row_id][0], step)])
    elif what == "board":
        events.append([at_ms, "board", 0, _beside(random, numbers[32][0], 2)])
    elif what == "current":
        events.append([at_ms, "current", 0, _some_current(random, numbers)])
    elif what == "blink":
        # The bus fails for moments, again and again, never long enough to matter.
        for _ in range(_between(random, 1, 6)):
            how = _pick(random, ("nak", "crc"))
            events.append([at_ms, how, 1, 0])
            at_ms += _between(random, 1, 8)
            events.append([at_ms, how, 0, 0])
            at_ms += _between(random, 300, 900)
    elif what in ("nak", "crc", "frozen"):
        events.append([at_ms, what, 1, 0])
        if random.below(2):
            events.append([at_ms + _between(random, 5, 2500), what, 0, 0])
    elif what == "stuck":
        events.append([at_ms, "stuck", _between(random, 1, 2), 0])
    elif what == "interlock":
        events.append([at_ms, what, 1, 0])
        if random.below(2):
            # Plugged in again, or shaken for a moment.
            shaken_ms = _pick(random, (_between(random, 1, 60), _between(random, 100, 3000)))
            events.append([at_ms + shaken_ms, what, 0, 0])
    elif what == "thermistor":
        first = 1 if case["board"] == CONTACTORS else 0
        events.append([at_ms, what, _between(random, first, case["temps"]), random.below(2)])
    elif what == "contactor":
        # Welded or stuck open: main, charge or pre-charge.
        events.append([at_ms, what, _between(random, 1, 3), random.below(2)])
    elif what == "lead":
        events.append([at_ms, what, _between(random, 1, case["cells"]), 0])
    elif what == "cell lie":
        lowest_mv, highest_mv = numbers[26][0], numbers[25][0]
        between_mv = _between(random, lowest_mv, highest_mv)
        value = _pick(random, (0, 5200, between_mv, between_mv, lowest_mv - 700))
        events.append([at_ms, what, _between(random, 1, case["cells"]), max(0, value)])
    elif what == "stack lie":
        events.append([at_ms, what, 0, 1000 + _pick(random, (-200, -80, -30, 10, 40, 90, 200))])
    elif what == "temp lie":
        value = _pick(random, (-300, 0, 150, 400, 700))
        events.append([at_ms, what, _between(random, 1, case["temps"]), value])
    elif what == "runaway":
        events.append([at_ms, "temp", _between(random, 0, case["temps"]), numbers[11][0] + 300])
    elif what == "empty":
        near_mv = numbers[26][0] + (numbers[4][0] - numbers[26][0]) // _pick(random, (5, 5, 3))
        events.append([at_ms, "current", 0, 0])
        events.append([at_ms, "cell", _between(random, 1, case["cells"]), near_mv])
    else:
        events.append([at_ms, what, 0, 0])
