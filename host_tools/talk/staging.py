"""Bring a set of limits onto the BMS: staged, read back, judged there, taken over, read back."""

from host_tools import contradictions
from host_tools.client import coding
from host_tools.client.errors import ClientError, Refused, Unanswered
from host_tools.client.messages import DOOR_NOT_BEGUN
from host_tools.client.trying import PATIENT

RUNNING = ("limit_trip", "limit_release", "limit_trip_ms", "limit_release_ms")
_STAGED = ("staged_trip", "staged_release", "staged_trip_ms", "staged_release_ms")
# The front end's own limit, which is no row: as one that has a trip in mA and a delay in us.
SHORT_CIRCUIT = 0
_SHORT_KEYS = {0: "short_circuit_ma", 2: "short_circuit_us"}
BEGUN, _CHECKING, GOOD, REFUSED, TAKEN = range(1, 6)
_LONGEST_S = 20
_AGAIN_S = 0.1
_AT_ONCE = 6


def read(bms, keys=RUNNING):
    """{row id: [trip, release, trip ms, release ms]} of what runs, or of what is staged."""
    short = tuple(("staged_" if keys is _STAGED else "") + key for key in _SHORT_KEYS.values())
    found = bms.read(*keys, *short)
    numbers = zip(*(found[key] for key in keys), strict=True)
    table = {at + 1: list(four) for at, four in enumerate(numbers)}
    if found[short[0]] is not None:
        table[SHORT_CIRCUIT] = [found[short[0]], None, found[short[1]], None]
    return table


def places(changes):
    """[(coding.Place, value)] for {row id: {column: value}}; ValueError where out of range."""
    found = []
    for row_id, columns in changes.items():
        for column, value in columns.items():
            if row_id == SHORT_CIRCUIT:
                where = coding.Place(coding.point("staged_" + _SHORT_KEYS[column]), 0)
            else:
                where = coding.Place(coding.point(_STAGED[column]), row_id - 1)
            coding.check_write(where, value)
            found.append((where, value))
    return found


def stage(bms, changes):
    """A copy of what runs with these changes, read back; the BMS's objections, [] if none."""
    _command(bms, "limits_begin", bms.value("limits_schema")[1])
    values = places(changes)
    for at in range(0, len(values), _AT_ONCE):
        bms.write(*values[at : at + _AT_ONCE])
    _until(bms, lambda: bms.value("limits_state") == BEGUN and _is_staged(bms, changes), "begin")
    _command(bms, "limits_validate")
    return _verdict(bms, GOOD)


def commit(bms):
    """[] where it runs now, else what the BMS finds wrong."""
    begun = coding.Place(coding.point("limits_commit"), 0), 1
    lost = None
    for _ in range(PATIENT):
        try:
            bms.write(begun, repeat=False)
        except Unanswered as error:
            # Not known whether it has arrived; if it has, the state moves on.
            lost = error
            bms.line.read(_AGAIN_S)
            if bms.value("limits_state") == GOOD:
                continue
        except Refused as error:
            if not lost or error.status != DOOR_NOT_BEGUN:
                raise
        return _verdict(bms, TAKEN)
    raise lost


def what_runs(bms, before, after):
    """A sentence for whoever was interrupted: which of the two tables, as read() gives them."""
    try:
        _until(bms, lambda: bms.value("limits_state") != _CHECKING, "judge")
        now = read(bms)
    except ClientError:
        return "which limits run now is not known: look with vigil limits show"
    if now == before:
        return "nothing has changed: the limits of before still run"
    if now == after:
        return "all the same the new limits run now"
    return "other limits run now than before, and other than these: look with vigil limits show"


def abandon(bms):
    """Forget what is staged; whatever stands against that is no news."""
    try:
        _command(bms, "limits_abandon")
    except ClientError:
        pass


def _command(bms, key, value=1):
    bms.write((coding.Place(coding.point(key), 0), value))


def _is_staged(bms, changes):
    staged = read(bms, _STAGED)
    return all(
        staged[row_id][column] == value
        for row_id, columns in changes.items()
        for column, value in columns.items()
    )


def _verdict(bms, wanted):
    _until(bms, lambda: bms.value("limits_state") in (wanted, REFUSED), "judge")
    if bms.value("limits_state") == wanted:
        return []
    keys = ("problem_row", "problem_code", "problem_number", "problem_bound")
    found = bms.read("limits_problems", *keys)
    told = zip(*(found[key] for key in keys), strict=True)
    told = [contradictions.sentence(*problem) for problem in told if problem[1]]
    more = (found["limits_problems"] or 0) - len(told)
    return told + ([f"and {more} more"] if more > 0 else []) or ["it gives no reason"]


def _until(bms, condition, what):
    line = bms.line
    deadline = line.now() + _LONGEST_S
    while not condition():
        if line.now() > deadline:
            raise Refused(f"the BMS did not {what} the set of limits within {_LONGEST_S} s")
        line.read(_AGAIN_S)
