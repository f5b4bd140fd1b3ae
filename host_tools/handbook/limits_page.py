"""docs/limits.md: the limit table of the reference pack, from the code that protects it."""

from host_tools import firmware, meanings
from host_tools.handbook import proved
from host_tools.handbook.reasons import WHY
from host_tools.meanings import Row

CELLS = 16
CAPACITY_MAH = 100000
SHUNT_UOHM = 500
# BQ76952: cells, temperatures, current, stack, board; and the cycle that reads them.
PERIODS_MS = (63, 189, 63, 189, 189)
CYCLE_MS = 50

_HEAD = f"""# The limits

Written by `make docs` from the firmware's own table, for {CELLS} LFP cells in series of
{CAPACITY_MAH // 1000} Ah behind a BQ76952, read every {CYCLE_MS} ms. A limit's delay counts fresh
samples only; an unknown value neither ends it nor lets a limit release.

## What trips, when, and when it releases

| limit | trips | after | releases | after | opens | closes again | the chip guards it at |
|---|---|---|---|---|---|---|---|
"""
_RECOVERY = """
**by itself**: one second after the last limit that held the switch has released. If the same
limit opens it again within five minutes, the next wait is 5 s, then 20 s, then 60 s: no pack that
sits on a limit makes a switch chatter. **three retries**: likewise, but when the third has failed
the switch latches. **removal**: as three retries, and the load (the charger) has to be seen taken
away first; where the front end cannot see that, 30 s. **owner**: never by itself; the owner resets
it. A restart does not.

The chip's own limits lie a little beyond and are a little slower, so that the software acts first;
they are read back every half minute.

## Which switch opens, and why

| limit | opens | because |
|---|---|---|
"""
_REACTION = f"""
## How fast

From the first fresh sample beyond the limit to a switch that really blocks. Allowed is the delay
and two conversion periods of what the limit looks at; for stale data three periods since the last
good one, for a severe over-current 200 ms.{proved.HOW}

| limit | delay | allowed | worst proved |
|---|---|---|---|
"""
_SENTENCES = """
## What the owner reads

| limit | sentence |
|---|---|
"""
_CLOSES = ("by itself", "three retries", "removal, three retries", "owner")


def rows():
    """(limits.TABLE row, meanings.Row) of every limit of the reference pack, in table order."""
    limits, table = _table()
    return [
        (
            row,
            Row(
                row[limits.ID],
                table.trip[at],
                table.release[at],
                table.trip_delay_ms[at],
                table.release_delay_ms[at],
                row[limits.ACTION],
                row[limits.RECOVERY],
                row[limits.BACKSTOP],
            ),
        )
        for at, row in enumerate(limits.TABLE)
    ]


def _table():
    limits, presets, chemistry = firmware.load("limits", "presets", "chemistry")
    return limits, presets.preset(chemistry.lfp(), CELLS, CAPACITY_MAH, PERIODS_MS, CYCLE_MS)


def guards():
    """{backstop code: [(trip, delay)]} as the BQ76952's driver really sets them."""
    (backstop,) = firmware.load("afe.bq76952_backstop")
    _, table = _table()
    found = {}
    for code, trip, delay in backstop.Backstop(table.backstop_requests(), SHUNT_UOHM).applied:
        found.setdefault(code, []).append((trip, delay))
    return found


def text():
    """The whole page."""
    limits, sample = firmware.load("limits", "sample")
    every = rows()
    guarded = guards()
    return "".join(
        [
            _HEAD,
            *(_line(limits, sample, row, numbers, guarded) for row, numbers in every),
            _RECOVERY,
            *(
                f"| {meanings.name(numbers.id)} | {meanings.opened(numbers.action)} |"
                f" {WHY[numbers.id]} |\n"
                for _, numbers in every
            ),
            _REACTION,
            *(
                f"| {meanings.name(numbers.id)} | {_delay(numbers.trip_delay_ms)} |"
                f" {_allowed(limits, sample, row, numbers)} | {proved.worst(numbers.id)} |\n"
                for row, numbers in every
                if not meanings.is_warning(numbers.action)
            ),
            _SENTENCES,
            *(
                f"| {meanings.name(numbers.id)} | {_sentence(row, numbers)} |\n"
                for row, numbers in every
            ),
        ]
    )


def _line(limits, sample, row, numbers, guarded):
    measured = limits.is_measured(row[limits.GROUP])
    unit = meanings.meaning(numbers.id).unit
    if numbers.trip == 0 and not measured:
        trips, releases = "if there is any", "when there is none"
    else:
        side = "below" if row[limits.DIRECTION] == limits.BELOW else "above"
        if row[limits.GROUP] == sample.CURRENT:
            # Shown without direction, so "below" would mislead for a discharge.
            side = "beyond"
        trips = f"{side} {meanings.limit(unit, numbers.trip)}"
        releases = f"at {meanings.limit(unit, numbers.release)}"
    warns = meanings.is_warning(numbers.action)
    cells = (
        meanings.name(numbers.id),
        trips,
        _delay(numbers.trip_delay_ms),
        releases,
        _delay(numbers.release_delay_ms),
        meanings.opened(numbers.action),
        "" if warns else _CLOSES[numbers.recovery],
        _guards(unit, numbers, guarded),
    )
    return "| " + " | ".join(cells) + " |\n"


def _guards(unit, numbers, guarded):
    beyond = [
        (trip, delay)
        for trip, delay in guarded.get(numbers.backstop, ())
        if abs(trip) >= abs(numbers.trip) or len(guarded[numbers.backstop]) == 1
    ]
    if not numbers.backstop or not beyond:
        return "no"
    trip, delay = min(beyond, key=lambda one: abs(one[0] - numbers.trip))
    return f"{meanings.limit(unit, trip)} after {meanings.duration(delay)}"


def _allowed(limits, sample, row, numbers):
    group = row[limits.GROUP]
    if limits.is_measured(group):
        if numbers.id in (
            limits.CHARGE_OVER_CURRENT_SEVERE,
            limits.DISCHARGE_OVER_CURRENT_SEVERE,
        ):
            return "200 ms"
        return _exactly(numbers.trip_delay_ms + 2 * PERIODS_MS[group])
    if sample.CELLS_AGE <= group <= sample.BOARD_AGE:
        return f"{3 * PERIODS_MS[group - sample.CELLS_AGE]} ms"
    if sample.CELLS_UNKNOWN <= group <= sample.BOARD_UNKNOWN:
        return f"{numbers.trip_delay_ms + 2 * PERIODS_MS[group - sample.CELLS_UNKNOWN]} ms"
    if group == sample.SILENCE:
        return f"{3 * PERIODS_MS[0]} ms"
    within = _exactly(numbers.trip_delay_ms + 2 * CYCLE_MS)
    if group in (sample.INTERLOCK, sample.EMERGENCY, sample.SHORT_CIRCUIT):
        return within
    return within + " once it is concluded"


def _exactly(ms):
    return f"{ms} ms" if ms < 1000 else f"{ms / 1000:.2f} s"


def _sentence(row, numbers):
    placed = row[1] in (0, 1, 4)
    value = numbers.trip
    if meanings.meaning(numbers.id).unit == meanings.BITS:
        value = 4 if numbers.id == 50 else 1
    elif numbers.trip < 10 and not placed:
        # A count: one more than is borne.
        value = numbers.trip + 1
    return meanings.sentence(numbers, 3 if placed else 0, value, value)


def _delay(ms):
    return meanings.duration(ms) if ms else "at once"
