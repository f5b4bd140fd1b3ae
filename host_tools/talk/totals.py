"""`vigil totals`: what the pack has been through, as tables for a person."""

import json
import time

from host_tools.client.errors import NotSpoken

KEYS = (
    *("total_s", "total_charge", "total_energy", "cycles", "anchors", "trips", "outside_s"),
    *("harm_count", "harm_s", "records", "record_s", "half_cycles", "open_turns"),
    *("at_temp_s", "at_charge_s", "at_rate_s", "at_voltage_s", "at_temp_and_s"),
)
_EPOCH_S = 1_577_836_800  # 2020
_HARMS = (
    *("deeply discharged", "overcharged", "too hot", "too cold"),
    *("charged too hot", "charged too cold"),
)
_RECORDS = (
    *("highest cell", "lowest cell", "hottest", "coldest"),
    *("highest charge", "highest discharge"),
)
_TEMPS = ("< -10", "< 0", "< 10", "< 25", "< 35", "< 45", "< 55", "above")
_CHARGES = tuple(f"< {10 * at}" for at in range(1, 10)) + ("above",)
_RATES = (
    *("rest", "in < 0.2", "in < 0.5", "in < 1", "in above"),
    *("out < 0.2", "out < 0.5", "out < 1", "out < 2", "out above"),
)
_BELOW = ("< 50", "< 100", "< 150", "< 200", "< 300", "< 400", "< 600", "above")
_COARSE_TEMPS = ("< 0", "< 10", "< 25", "< 35", "< 45", "above")
_COARSE_CHARGES = ("< 20", "< 40", "< 60", "< 80", "above")
_COARSE_RATES = ("rest", "in < 0.5", "in above", "out < 0.5", "out above")


def totals(bms, as_json, say=print):
    missing = [key for key in KEYS if key not in bms.keys]
    if missing:
        raise NotSpoken(f"{bms.protocol} has no {missing[0]}")
    values = bms.read(*KEYS)
    if values["total_s"] is None:
        raise NotSpoken("this BMS keeps no totals")
    if as_json:
        say(json.dumps(values))
        return 0
    for line in lines(values):
        say(line)
    return 0


def lines(values):
    charge = [f"{dah / 10:.1f} Ah" for dah in values["total_charge"]]
    energy = [f"{wh / 1000:.3f} kWh" for wh in values["total_energy"]]
    yield f"watched for {_span(values['total_s'])}"
    yield f"charge    {charge[0]} in, {charge[1]} out, {charge[2]} in below 5 degC"
    yield f"energy    {energy[0]} in, {energy[1]} out"
    yield f"cycles    {values['cycles']} full equivalent ones"
    yield f"charge told anew {values['anchors']} times"
    warned_s, tripped_s = values["outside_s"]
    trips = values["trips"]
    yield f"limits    warned for {_span(warned_s)}, open for {_span(tripped_s)}, {trips} trips"
    for name, count, seconds in zip(_HARMS, values["harm_count"], values["harm_s"], strict=True):
        if count:
            yield f"{name} {_times(count)}, {_span(seconds)} in all"
    yield ""
    yield from _records(values)
    yield ""
    yield from _cycles(values)
    for title, names, seconds in (
        ("hottest sensor, degC", _TEMPS, values["at_temp_s"]),
        ("charge, %", _CHARGES, values["at_charge_s"]),
        ("current, C", _RATES, values["at_rate_s"]),
        ("highest cell below its over-voltage, mV", _BELOW, values["at_voltage_s"]),
    ):
        yield ""
        yield from _table(f"time by {title}", ("",), names, [[each] for each in seconds])
    both = values["at_temp_and_s"]
    for title, names, seconds in (
        ("charge, %", _COARSE_CHARGES, both[:30]),
        ("current, C", _COARSE_RATES, both[30:]),
    ):
        rows = [seconds[at : at + 5] for at in range(0, 30, 5)]
        yield ""
        yield from _table(f"time by hottest sensor, degC, and {title}", names, _COARSE_TEMPS, rows)


def _records(values):
    found = values["records"]
    for at, name in enumerate(_RECORDS):
        value = found[at]
        if value is None:
            yield f"{name:17}  unknown"
            continue
        number = f"{value / 10:.1f} degC" if 2 <= at < 4 else f"{value / 1000:.3f} "
        number += "V" if at < 2 else "A" if at > 3 else ""
        where = f"  cell {found[6 + at]}" if at < 2 else ""
        when_s, clock_s = values["record_s"][at], values["record_s"][6 + at]
        when = f"after {_span(when_s)}"
        if clock_s is not None:
            utc = time.gmtime(_EPOCH_S + clock_s)
            when += time.strftime(", %Y-%m-%d %H:%M UTC", utc)
        yield f"{name:17}  {number:>11}{where}  {when}"


def _cycles(values):
    halves = values["half_cycles"]
    rows = [[halves[10 * depth + mean] / 2 for mean in range(10)] for depth in range(10)]
    names = tuple(f"{10 * at} to" for at in range(10))
    title = "cycles by depth, and the charge around which, % of the rated capacity"
    used = [at for at in range(10) if any(rows[at])]
    yield from _table(title, names, [names[at] for at in used], [rows[at] for at in used], _count)
    turns = [f"{turn / 100:.1f}" for turn in values["open_turns"] if turn is not None]
    if len(turns) > 1:
        yield f"still open, by their turning points in %: {', '.join(turns)}"


def _span(seconds):
    """As people count: the two largest parts."""
    if seconds is None:
        return "?"
    parts = (seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min")
    told = [f"{count} {unit}" for count, unit in (*parts, (seconds % 60, "s")) if count]
    return " ".join(told[:2]) or "0 s"


def _times(count):
    return "once" if count == 1 else f"{count} times"


def _count(number):
    return f"{number:g}" if number else "."


def _seconds(number):
    return _span(number) if number else "."


def _table(title, names, heads, rows, written=_seconds):
    """Rows and columns in which there is nothing are left out, of one column its name, too."""
    yield title
    columns = [at for at in range(len(names)) if any(row[at] for row in rows)]
    if not columns:
        yield "  nothing yet"
        return
    kept = [(head, row) for head, row in zip(heads, rows, strict=True) if any(row)]
    cells = [[written(row[at]) for at in columns] for _, row in kept]
    width = max(len(head) for head, _ in kept)
    if len(names) > 1:
        cells.insert(0, [names[at] for at in columns])
        kept.insert(0, ("", None))
    widths = [max(len(row[at]) for row in cells) for at in range(len(columns))]
    for (head, _), row in zip(kept, cells, strict=True):
        texts = [f"{text:>{widths[at]}}" for at, text in enumerate(row)]
        yield f"  {head:{width}}  {'  '.join(texts)}".rstrip()
