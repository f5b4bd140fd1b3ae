"""Refuse limits that the front end cannot keep to, and a backstop that would act before them."""

from micropython import const

from vigil import limits
from vigil.sample import BOARD_AGE, CELLS_AGE, CURRENT, SILENCE

# Problem codes beside those of validate.py.
BACKSTOP_TIGHTER = const(7)
BACKSTOP_IMPOSSIBLE = const(18)
BEYOND_MEASUREMENT = const(19)
STALE_TOO_SOON = const(20)


def unmeasurable(table, highest_ma):
    """Limits that the current cannot be seen to reach: problems as from validate.problems()."""
    found = []
    for at, row in enumerate(limits.TABLE):
        trip = table.trip[at]
        if row[limits.GROUP] == CURRENT and abs(trip) > highest_ma:
            bound = highest_ma if trip > 0 else 0 - highest_ma
            found.append((row[limits.ID], BEYOND_MEASUREMENT, trip, bound))
    return found


def too_soon_stale(table, periods_ms, cycle_ms):
    """Limits of age that a front end in good health goes beyond: nothing would ever close.

    periods_ms: as of Sample. A conversion is seen a cycle late at most; problems as above.
    """
    found = []
    for at, row in enumerate(limits.TABLE):
        group = row[limits.GROUP]
        if CELLS_AGE <= group <= BOARD_AGE:
            least_ms = periods_ms[group - CELLS_AGE] + cycle_ms
        elif group == SILENCE:
            least_ms = cycle_ms
        else:
            continue
        if table.trip[at] < least_ms:
            found.append((row[limits.ID], STALE_TOO_SOON, table.trip[at], least_ms))
    return found


def backstop_problems(requests, applied):
    """Compare what the front end really applied with what was asked: it must be wider.

    requests: (backstop, trip, delay, release); applied: (backstop, trip, delay). Problems as from
    validate.problems(), with the backstop code in place of the row id. Where the front end waits
    less long than asked, its threshold has to lie clearly wider instead: by 100 mV or a fifth of a
    current.
    """
    found = []
    for backstop, trip, delay in applied:
        asked = [request for request in requests if request[0] == backstop]
        # Several levels may be asked of one kind: it has to suit the one that it backs.
        if asked and not any([_is_wider(backstop, trip, delay, request) for request in asked]):
            found.append((backstop, BACKSTOP_TIGHTER, trip, asked[len(asked) - 1][1]))
    return found


def _is_wider(backstop, trip, delay, request):
    lower = backstop in (
        limits.BACKSTOP_CELL_UNDER_VOLTAGE,
        limits.BACKSTOP_DISCHARGE_CURRENT,
        limits.BACKSTOP_SHORT_CIRCUIT,
        limits.BACKSTOP_CHARGE_UNDER_TEMPERATURE,
        limits.BACKSTOP_DISCHARGE_UNDER_TEMPERATURE,
    )
    wider = request[1] - trip if lower else trip - request[1]
    voltage = backstop in (
        limits.BACKSTOP_CELL_OVER_VOLTAGE,
        limits.BACKSTOP_CELL_UNDER_VOLTAGE,
    )
    untimed = 100 if voltage else abs(request[1]) // 5
    return wider > 0 and (delay >= request[2] or wider >= untimed)
