"""`vigil prove --board NAME`: the scenarios of the library on another board.

They are written for 16 LFP cells of 100 Ah. Currents go along with the board's capacity, pack
voltages with its number of cells; the top cell stays the top cell. What a board has no part for,
or a front end cannot do, does not apply, and is told.
"""

import dataclasses

from host_tools.prove import expectation, rows
from host_tools.prove.expectation import BACKSTOP
from host_tools.sim import faults

_CELLS = 16
_CAPACITY_MAH = 100_000
_LOOK_S = 8

_OF_SENSORS = ("temp_dc", "temp_open", "temp_shorted", "reads_temp")

_TEMPS = 1
_QUICK_MS = 1000
_USUAL_CYCLE_MS = 50
_MARGIN_S = 15
_CONTACTORS = "contactors"
LEAD_TEST = "test of sense leads"

# What a scenario may need: the words in the file, and whether the board has it.
NEEDS = {
    "a second discharge limit in the front end": lambda facts: _guards_twice(facts),
    "quick temperatures": lambda facts: facts["periods_ms"][_TEMPS] <= _QUICK_MS,
    LEAD_TEST: lambda facts: facts["front_end"].get("open_wire_ms", 0) > 0,
    "stack measured apart": lambda facts: facts["front_end"].get("stack_apart", True),
    "watch over the controller": lambda facts: facts["front_end"].get("silence_ms", 0) > 0,
    "guard against a short circuit": lambda facts: _guards_short_circuit(facts),
    # A BQ769x0 looks for the load at its open charge switch only.
    "load detection beside charging": lambda facts: (
        not facts["front_end"].get("load_detect", False)
    ),
    "sensor at the switches": lambda facts: "sensor at the switches" in facts["parts"],
    "results that stay": lambda facts: facts["front_end"].get("keeps_results", True),
    "sleep": lambda facts: facts["sleeps"],
    "FETs": lambda facts: not facts["contactors"],
    # A file that needs them names a board that has some; any other such board will do.
    _CONTACTORS: lambda facts: facts["contactors"],
}
GUARD_OF = "guard of "


class DoesNotApply(Exception):
    """Says in a few words what the board lacks."""


def move_all(scenarios, board, interpreter):
    """(the Scenarios that apply to this board, [(name, why not) of the others])."""
    facts = _facts(board, interpreter)
    moved = []
    left_out = []
    for one in scenarios:
        try:
            moved.append(move(one, board, facts))
        except DoesNotApply as why:
            left_out.append((one.name, str(why)))
    if not moved:
        raise ValueError(f"none of the scenarios applies to {board}")
    return moved, left_out


def _facts(board, interpreter):
    """What a board says of itself once everything is measured."""
    from host_tools.prove import run, scenario

    table = {
        "title": "a look at the board",
        "why": "what it has decides what applies to it",
        "expect": "nothing trips",
        "end_s": _LOOK_S,
        "pack": {"board": board, "chemistry": "LFP"},
    }
    with run.Runs([scenario.parse(table, "look")], interpreter) as runs:
        (result,) = runs.results()
    trace = result.trace
    if not trace.front_end:
        raise ValueError(f"{board} does not run: {trace.ended_by}")
    facts = {
        name: getattr(trace, name)
        for name in (
            "cells",
            "temps",
            "capacity_mah",
            "parts",
            "front_end",
            "sleeps",
            "periods_ms",
            "cycle_ms",
            "applied",
        )
    }
    return {**facts, "contactors": trace.pre_charges}


def move(scenario, board, facts):
    """The Scenario for this board; facts: what the witness told of it (and of its parts)."""
    if scenario.board == board and scenario.of_its_board:
        return scenario
    if scenario.of_its_board and _CONTACTORS not in scenario.needs:
        raise DoesNotApply(f"is about {scenario.board}")
    cells = facts["cells"]
    events = _no_longer_than_a_cycle(
        [_event(event, cells, facts) for event in scenario.events], facts["cycle_ms"]
    )
    if faults.MONITOR_PART in facts["parts"] and _is_about_current(scenario):
        events = [_of_current_part(event) for event in events]
    for event in events:
        problem = faults.lacking(event, facts["parts"])
        if problem:
            raise DoesNotApply(problem)
    for need in scenario.needs:
        if need.startswith(GUARD_OF):
            cause = expectation.Cause(BACKSTOP, need.removeprefix(GUARD_OF))
            if _backstop_code(cause) not in facts["front_end"]["guards"]:
                raise DoesNotApply(f"no {need}")
            _reaches_guard(cause, events, facts)
        elif not NEEDS[need](facts):
            raise DoesNotApply(f"no {need}")
    guards = facts["front_end"]["guards"]
    for one in scenario.expect:
        for cause in one.causes:
            if cause.kind == BACKSTOP and _backstop_code(cause) not in guards:
                raise DoesNotApply(f"the front end does not guard {cause.key}")
            if cause.kind == BACKSTOP:
                _reaches_guard(cause, events, facts)
    share = facts["capacity_mah"] / _CAPACITY_MAH
    pack = {"CHEMISTRY": "LFP", **scenario.pack}
    return dataclasses.replace(
        scenario,
        board=board,
        pack=pack,
        profile=scenario.profile.scaled(share),
        limits=[_limit(change, cells, share) for change in scenario.limits],
        events=events,
        end_ms=scenario.end_ms + _MARGIN_S * 1000 * (facts["cycle_ms"] > _USUAL_CYCLE_MS),
        moved=True,
    )


def _is_about_current(scenario):
    return any(cause.key == "current_stale" for one in scenario.expect for cause in one.causes)


def _reaches_guard(cause, events, facts):
    """A guard may be armed further out than on the board that the file is written for."""
    currents = [event["value"] for event in events if event["what"] == "current_ma"]
    if not currents or cause.key == rows.BACKSTOP_SHORT_CIRCUIT:
        return
    if rows.by_key()[cause.key].quantity != rows.CURRENT:
        return
    code = _backstop_code(cause)
    trips = [trip for guard, trip, _ in facts["applied"] if guard == code]
    if not any(abs(ma) > abs(trip) and ma * trip > 0 for trip in trips for ma in currents):
        nearest = min(trips, key=abs) / 1000
        raise DoesNotApply(f"the front end guards {cause.key} from {nearest:+g} A on only")


def _guards_short_circuit(facts):
    cause = expectation.Cause(BACKSTOP, rows.BACKSTOP_SHORT_CIRCUIT)
    return _backstop_code(cause) in facts["front_end"]["guards"]


def _guards_twice(facts):
    from host_tools import firmware

    (limits,) = firmware.load("limits")
    row = rows.by_key()["discharge_over_current"]
    return [entry[0] for entry in facts["applied"]].count(row.backstop) > 1


def _of_current_part(event):
    """What stops the current's measuring, where a part of its own measures it."""
    what = event["what"].replace("afe_", "monitor_")
    return {**event, "what": what} if what in faults.MONITOR else event


def _no_longer_than_a_cycle(events, cycle_ms):
    """What is over before the usual cycle's second reading is over before it here."""
    moved = []
    for event in events:
        lasted_ms = event["t_ms"] - moved[-1]["t_ms"] if moved else 0
        if (
            event["what"] == "clear"
            and moved
            and moved[-1]["what"].startswith(("reads_", "afe_"))
            and cycle_ms <= lasted_ms < _USUAL_CYCLE_MS
        ):
            lasted_ms = lasted_ms * cycle_ms // _USUAL_CYCLE_MS
            event = {**event, "t_ms": moved[-1]["t_ms"] + lasted_ms}
        moved.append(event)
    return moved


def _event(event, cells, facts):
    what, n, value = event["what"], event["n"], event["value"]
    if what == "current_ma":
        value = round(value * facts["capacity_mah"] / _CAPACITY_MAH)
    elif what == "reads_stack":
        value = round(value * cells / _CELLS)
    elif what.startswith("cell_") or what == "reads_cell":
        n = cells if n == _CELLS else n
        if n > cells:
            raise DoesNotApply(f"there is no cell {n}")
    elif what in _OF_SENSORS and n > facts["temps"]:
        raise DoesNotApply(f"there is no temperature sensor {n}")
    return {**event, "n": n, "value": value}


def _limit(change, cells, share):
    row = rows.by_id()[change[0]]
    factor = {rows.CURRENT: share, rows.STACK: cells / _CELLS}.get(row.quantity, 1)
    trip, release = [one if one is None else round(one * factor) for one in change[1:3]]
    return [change[0], trip, release, *change[3:]]


def _backstop_code(cause):
    if cause.key == rows.BACKSTOP_SHORT_CIRCUIT:
        from host_tools import firmware

        (limits,) = firmware.load("limits")
        return limits.BACKSTOP_SHORT_CIRCUIT
    return rows.by_key()[cause.key].backstop
