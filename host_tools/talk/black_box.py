"""`vigil log --black-box`: a trip in a sentence, and the seconds before it as a table."""

import csv
import json
import time
from pathlib import Path

from host_tools.client import black_box as box

_FIXED = (
    "current_ma",
    "stack_mv",
    "cell_min_mv",
    "cell_max_mv",
    "temp_min_dc",
    "temp_max_dc",
)


def show(bms, number, csv_file, as_json, say=print):
    """number: of the event, None for the latest; csv_file: where its values are written."""
    state, missed, held = bms.native.black_box()
    if number is None and held:
        number = held[0].number
    if number is not None and number not in [one.number for one in held]:
        there = ", ".join(str(one.number) for one in reversed(held)) or "none"
        raise ValueError(f"the black box holds no event {number} (it holds: {there})")
    found = None
    if number is not None:
        try:
            found = box.event(bms.native.black_box_record(number))
        except ValueError as error:
            raise ValueError(f"event {number}: {error}") from None
    if csv_file and found:
        _write(found, csv_file)
    if as_json:
        say(json.dumps(_for_programs(state, missed, held, found)))
        return 0
    say(f"black box: {box.STATES.get(state, f'in state {state}')}")
    if found is None:
        say("no limit has opened a switch since it records")
        return 0
    _tell(found, held, say)
    if csv_file:
        say(f"{len(found.moments)} moments written to {csv_file}")
    return 0


def _for_programs(state, missed, held, found):
    told = {
        "state": box.STATES.get(state, str(state)),
        "missed": missed,
        "events": [one._asdict() for one in held],
        "event": None,
    }
    if found:
        told["event"] = found._asdict() | {
            "trips": [trip._asdict() for trip in found.trips],
            "moments": [
                moment._asdict()
                | {"flags": [name for bit, name in box.FLAGS if moment.flags & bit]}
                for moment in found.moments
            ],
        }
    return told


def _tell(found, held, say):
    say("events: " + ", ".join(_title(one) for one in held))
    say("")
    when = f"start {found.start}, {found.uptime_s} s after it"
    if found.unix_s:
        when += time.strftime(", %Y-%m-%d %H:%M:%S UTC", time.gmtime(found.unix_s))
    firmware = f", firmware {found.firmware}" if found.firmware else ""
    say(f"event {found.number} ({when}{firmware})")
    say(found.sentence)
    for trip in found.trips[1:]:
        say(f"  also: {box.trip_words(trip)}")
    if found.missed:
        say(f"  {found.missed} trips before it found the box waiting to be written; see vigil log")
    say("")
    say("    t s   current A   stack V  cells V          temperatures degC  switches")
    for moment in found.moments:
        say(
            f"{moment.t_ms / 1000:7.2f}  {_number(moment.current_ma, 1000, 2):>10}"
            f"  {_number(moment.stack_mv, 1000, 2):>8}"
            f"  {_span(moment.cell_min_mv, moment.cell_max_mv, 1000, 3):<15}"
            f"  {_span(moment.temp_min_dc, moment.temp_max_dc, 10, 1):<17}"
            f"  {_switches(moment.flags)}"
        )


def _title(one):
    return f"{one.number} ({box.meanings.name(one.row)})"


def _number(value, scale, places):
    return "?" if value is None else f"{value / scale:.{places}f}"


def _span(low, high, scale, places):
    return f"{_number(low, scale, places)} to {_number(high, scale, places)}"


def _switches(flags):
    words = []
    for commanded, is_on, name in ((0x10, 0x40, "charge"), (0x20, 0x80, "discharge")):
        if flags & is_on:
            words.append(name if flags & commanded else f"{name} (to open)")
    doubts = [name.replace("_", " ") for bit, name in box.FLAGS[4:] if flags & bit]
    return ", ".join([" and ".join(words) or "both open", *doubts])


def _write(found, path):
    lists = (
        [f"cell_{at + 1}_mv" for at in range(found.cells)]
        + [f"temp_{at + 1}_dc" for at in range(found.temps)]
        + [f"board_temp_{at + 1}_dc" for at in range(found.board_temps)]
    )
    flags = [name for _, name in box.FLAGS]
    with Path(path).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["time_s", *_FIXED, *flags, *lists])
        for moment in found.moments:
            values = moment.cells_mv + moment.temps_dc + moment.board_temps_dc
            row = [f"{moment.t_ms / 1000:.3f}"]
            row += [getattr(moment, name) for name in _FIXED]
            row += [int(bool(moment.flags & bit)) for bit, _ in box.FLAGS]
            writer.writerow(row + (values or [None] * len(lists)))
