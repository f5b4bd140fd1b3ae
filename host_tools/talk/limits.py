"""`vigil limits show|diff|apply`: the limits that run, and others in their place."""

import json

from host_tools import contradictions, firmware, meanings
from host_tools.client.errors import ClientError, NotSpoken, OtherPoints
from host_tools.prove import rows
from host_tools.talk import limits_file, staging
from host_tools.talk.options import begin_session
from host_tools.talk.staging import SHORT_CIRCUIT

UNDO = "limits-undo.toml"
_COLUMNS = ("trip", "release", "delay", "release delay")
_KEYS = ("trip", "release", "trip_ms", "release_ms")
_WIDE = 1 << 28


def show(bms, as_json, as_toml, say=print):
    running = _running(bms)
    if as_toml:
        say(limits_file.text(running), end="")
    elif as_json:
        say(
            json.dumps(
                {
                    _key(row): {_name(row, at): n for at, n in enumerate(numbers) if n is not None}
                    for row, numbers in running.items()
                }
            )
        )
    else:
        width = max(len(_key(row)) for row in running)
        for row, numbers in running.items():
            trip, release, delay, hold = (_in_words(row, at, n) for at, n in enumerate(numbers))
            if row == SHORT_CIRCUIT:
                say(f"{_key(row):{width}}  {trip} after {delay}, cut by the front end itself")
                continue
            say(f"{_key(row):{width}}  {trip} after {delay}, released at {release} after {hold}")
    return 0


def diff(bms, wanted, as_json, say=print):
    """0 where the file's limits run already, else 1."""
    running = _running(bms)
    changes = _changes(running, wanted)
    _tell(running, changes, as_json, say)
    return 1 if changes else 0


def apply(bms, wanted, role_key, dry_run, undo, chemistry, as_json, say=print):
    """wanted: as limits_file.read() gives it; role_key: (role, key file). The exit code."""
    note = (lambda text: None) if as_json else say
    running = _running(bms)
    changes = _changes(running, wanted)
    result = {"changes": _told(running, changes), "applied": False, "undo": None, "problems": []}

    def ended(code):
        if as_json:
            say(json.dumps(result))
        return code

    if not changes:
        note("nothing to change: these limits run already")
        return ended(0)
    _tell(running, changes, False, note)
    staging.places(changes)  # beyond a point's range: refused before anything is sent
    result["problems"] = problems(bms, _merged(running, changes), chemistry)
    if result["problems"]:
        _complain(note, "nothing was sent, because these limits contradict themselves:", result)
        return ended(1)
    if dry_run:
        note("dry run: nothing was sent; the BMS judges once more when they are applied")
        return ended(0)
    begin_session(bms, *role_key)
    # Until here a failure has changed nothing.
    try:
        result["problems"] = staging.stage(bms, changes)
        if not result["problems"]:
            result["undo"] = str(
                limits_file.write_new(undo, {row: running[row] for row in changes})
            )
            note(f"what runs now is in {result['undo']}: vigil limits apply takes it back")
            result["problems"] = staging.commit(bms)
            now = staging.read(bms)
    except ClientError as error:
        staging.abandon(bms)
        state = staging.what_runs(bms, running, _merged(running, changes))
        raise ClientError(f"{error}; {state}") from None
    except BaseException:
        staging.abandon(bms)
        raise
    if result["problems"]:
        staging.abandon(bms)
        _complain(note, "the BMS has refused them, and nothing has changed:", result)
        return ended(1)
    different = _changes(now, _as_wanted(_merged(running, changes)))
    if different:
        names = ", ".join(_key(row) for row in different)
        raise ClientError(f"the limits were taken over, but read back differently: {names}")
    result["applied"] = True
    note("they run now, and read back as written")
    return ended(0)


def problems(bms, table, chemistry=None):
    """What the firmware's validator says of these limits, as sentences.

    chemistry: its name; without it only what holds for every chemistry is judged here.
    """
    limits, validate, chemistries = firmware.load("limits", "validate", "chemistry")
    whole = limits.Limits()
    for row, numbers in table.items():
        if row == SHORT_CIRCUIT:
            whole.short_circuit_ma, _, whole.short_circuit_delay_us, _ = numbers
        else:
            whole.set(row, *numbers)
    bounds = _AnyChemistry if chemistry is None else chemistries.by_name(_named(chemistry))
    return [
        contradictions.sentence(*problem)
        for problem in validate.problems(whole, bounds, bms.value("cell_count"))
    ]


def check_chemistry(name):
    if name is not None:
        _named(name)


class _AnyChemistry:
    cell_maximum_mv = charge_temp_maximum_dc = discharge_temp_maximum_dc = _WIDE
    cell_minimum_mv = charge_temp_minimum_dc = discharge_temp_minimum_dc = -_WIDE


def _named(name):
    """As the firmware writes it."""
    (chemistries,) = firmware.load("chemistry")
    for known in chemistries.NAMES:
        if known.lower() == name.lower():
            return known
    raise ValueError(f"--chemistry must be one of {', '.join(chemistries.NAMES)}")


def _running(bms):
    if not bms.has_points:
        raise NotSpoken(f"{bms.protocol} does not tell the limits: it needs Modbus on the port")
    if not bms.knows_limits:
        raise OtherPoints(
            "the BMS has other limits than these tools have the names of:"
            " install the tools of its version"
        )
    return staging.read(bms)


def _changes(running, wanted):
    """{row id: {column: value}} of what differs."""
    changes = {}
    for row, *numbers in wanted:
        for column, value in enumerate(numbers):
            if row not in running:
                raise NotSpoken(f"this board has no {_key(row)} to be set")
            if value is not None and value != running[row][column]:
                changes.setdefault(row, {})[column] = value
    return changes


def _merged(running, changes):
    return {
        row: [changes.get(row, {}).get(column, number) for column, number in enumerate(numbers)]
        for row, numbers in running.items()
    }


def _as_wanted(table):
    return [[row, *numbers] for row, numbers in table.items()]


def _told(running, changes):
    return [
        {"limit": _key(row), "what": _name(row, column), "from": running[row][column], "to": value}
        for row, columns in changes.items()
        for column, value in columns.items()
    ]


def _tell(running, changes, as_json, say):
    if as_json:
        say(json.dumps(_told(running, changes)))
        return
    for row, columns in changes.items():
        for column, value in columns.items():
            before = _in_words(row, column, running[row][column])
            say(f"{_key(row)} {_COLUMNS[column]}: {before} -> {_in_words(row, column, value)}")


def _complain(note, head, result):
    note(head)
    for sentence in result["problems"]:
        note(f"  {sentence}")


def _key(row):
    return "short_circuit" if row == SHORT_CIRCUIT else rows.by_id()[row].key


def _name(row, column):
    """Of a number, for programs."""
    return "trip_us" if row == SHORT_CIRCUIT and column == 2 else _KEYS[column]


def _in_words(row, column, number):
    if row == SHORT_CIRCUIT:
        if number is None:
            return ""
        return f"{abs(number) / 1000:.1f} A" if column == 0 else f"{number} us"
    if column >= 2:
        return meanings.duration(number)
    return meanings.limit(meanings.meaning(row).unit, number)
