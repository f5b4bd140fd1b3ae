"""When a switch may and must have acted: from the limit table, the pack's truth and the events.

Times in us. The clock of a measured limit starts when the pack really crosses it; the measured
value may be off by the tolerance, so that `begins` is a span: it may not act before `earliest` and
must have acted at `latest`.
"""

from collections import namedtuple

from host_tools.prove import rows
from host_tools.prove.expectation import BACKSTOP, RESTART, ROW, SLEEP, WATCHDOG

# anchor: where the reaction time is counted from.
Window = namedtuple("Window", "anchor earliest latest")

# How far chip and pack may disagree.
_TOLERANCE = {
    rows.CELLS: 2,
    rows.CELL_SPREAD: 3,
    rows.TEMPS: 5,
    rows.TEMP_SPREAD: 8,
    rows.BOARD: 5,
}
_STACK_TOLERANCE_MV = 12
_CURRENT_TOLERANCE_MA = 100
_CURRENT_TOLERANCE_SHARE = 0.002

# Until a new value has been read, judged and acted upon: periods after the crossing.
_PERIODS = 3
_STALE_PERIODS = 3
# A front end that is read no more often than it measures: a value may wait a cycle to be read.
_QUICKLY_READ_MS = 50
# One that measures as often as it is read, or oftener, likewise.
# Failures of the bus are counted among so many reads.
_READS = 100
# From the release of the limit to closing: longer each time the same limit opens again within
# five minutes of closing.
_HOLD_US = (1_000_000, 5_000_000, 20_000_000, 60_000_000)
_FORGET_US = 300_000_000
# Load or charger may be seen gone at once; where nothing can be seen, time has to do.
_REMOVAL_US = 31_000_000
# The chip's own trips end by themselves after a while.
_CHIP_RECOVERS_US = 6_000_000
# From the firmware's word to a switch that conducts: the chip waits for its own next look.
_CLOSING_US = 350_000
# Through a look at the link, pre-charge and a main contactor: two and a half seconds are its most.
_PRE_CHARGE_US = 2_700_000
# How often a BQ76952 looks for broken sense leads.
_LEADS_TESTED_US = 5_000_000
_BRING_UP_US = 4_000_000
_START_US = 5_000_000
# Bring-up, before the slowest measurement begins.
_BEFORE_MEASURING_US = 2_500_000
_BOARD_WATCHDOG_US = 2_100_000
_CYCLES = 3
# An empty pack without a charger turns the board off.
_SLEEP_US = 660_000_000
_FALLING_ASLEEP_US = 5_000_000
_PRESSED_US = (5_000_000, 20_000_000)
# A comparator of the chip looks at every scan.
_CHIP_LOOKS_US = 200_000
_SHORT_LOOKS_US = 100


def start_us(trace):
    """From power to closed switches: everything has to be measured first."""
    slowest_us = max(trace.periods_ms, default=0) * 1000
    return max(_START_US, slowest_us + _BEFORE_MEASURING_US)


def tolerance(trace, row):
    if row.quantity == rows.STACK:
        return _STACK_TOLERANCE_MV
    if row.quantity == rows.CURRENT:
        trip = abs(trace.limits[row.id][0])
        return max(_CURRENT_TOLERANCE_MA, round(trip * _CURRENT_TOLERANCE_SHARE))
    return _TOLERANCE[row.quantity]


def period_us(trace, row):
    """How often what the row looks at is new."""
    measured_ms = _measured_ms(trace, row)
    # Of what is quicker than the cycle no more than one conversion a cycle can be had.
    return max(measured_ms or 0, trace.cycle_ms) * 1000


def _measured_ms(trace, row):
    """Period of the front end's own measurement, None for what is looked at every cycle."""
    group = rows.period_group(row)
    if row.quantity in (rows.CELL_SPREAD, rows.TEMP_SPREAD):
        group = 0 if row.quantity == rows.CELL_SPREAD else 1
    if group is None or group >= len(trace.periods_ms):
        return None
    return trace.periods_ms[group]


def reaction_us(trace, row):
    """The longest time from the crossing (or the fault) to a switch that blocks."""
    delay_us = trace.limits[row.id][2] * 1000
    cycle_us = trace.cycle_ms * 1000
    measured_ms = _measured_ms(trace, row)
    wait_us = cycle_us if measured_ms and measured_ms <= trace.cycle_ms else 0
    if rows.is_age(row):
        return delay_us + _STALE_PERIODS * period_us(trace, row) + wait_us
    if trace.cycle_ms > _QUICKLY_READ_MS:
        wait_us = cycle_us
    if row.key == "front_end_fault":
        # A chip that does not tell of a reset: its settings are read back now and then.
        wait_us = max(wait_us, trace.front_end.get("settings_ms", 0) * 1000)
    if rows.counts_reads(row):
        wait_us = _READS * cycle_us
    return delay_us + _PERIODS * period_us(trace, row) + wait_us


def opening(trace, cause, opened_us):
    """The Window for an opening that came at opened_us; None if nothing called for it."""
    if cause.kind in (RESTART, WATCHDOG):
        what = {RESTART: ("restart",), WATCHDOG: ("hang",)}[cause.kind]
        struck = max(
            (t for t, word in trace.events if word in what and t <= opened_us), default=None
        )
        if struck is None:
            return None
        most = _BOARD_WATCHDOG_US if cause.kind == WATCHDOG else _CYCLES * trace.cycle_ms * 1000
        return Window(struck, struck, struck + most)
    if cause.kind == SLEEP:
        asleep = [t for t, what in trace.events if what == "sleep" and t >= opened_us]
        if not asleep or asleep[0] - opened_us > _FALLING_ASLEEP_US:
            return None
        struck = trace.last_event_us(opened_us)
        return Window(struck, struck, struck + _SLEEP_US)
    if cause.kind == BACKSTOP:
        return _backstop(trace, cause, opened_us)
    return tripping(trace, rows.by_key()[cause.key], opened_us)


def tripping(trace, row, tripped_us):
    """The Window for a trip of the row at tripped_us; None if nothing called for it."""
    allowed_us = reaction_us(trace, row)
    if row.quantity is None:
        struck = trace.last_event_us(tripped_us)
        return Window(struck, struck, struck + allowed_us)
    trip, _, delay_ms, _ = trace.limits[row.id]
    return _crossing(trace, row, trip, delay_ms * 1000, allowed_us, tripped_us)


def _crossing(trace, row, trip, delay_us, allowed_us, tripped_us):
    within = tolerance(trace, row) * (1 if row.above else -1)
    # The value may have come back just before the switch acted on the latest reading.
    # A current ends by the opening itself.
    for back_us in (0, period_us(trace, row), 2 * period_us(trace, row), 1):
        may_us = trace.beyond_since(row, trip - within, tripped_us - back_us)
        if may_us is not None:
            break
    else:
        return None
    must_us = trace.beyond_since(row, trip + within, tripped_us - back_us)
    exact_us = trace.beyond_since(row, trip, tripped_us - back_us)
    anchor_us = next((t for t in (exact_us, may_us) if t is not None), may_us)
    latest_us = None if must_us is None else must_us + allowed_us
    return Window(anchor_us, may_us + delay_us, latest_us)


def _backstop(trace, cause, opened_us):
    """The chip's own guard: what it was really given, from applied."""
    if cause.key == rows.BACKSTOP_SHORT_CIRCUIT:
        struck = max(
            (t for t, word in trace.events if word == "short" and t <= opened_us), default=None
        )
        applied = [entry for entry in trace.applied if entry[0] == _short_circuit_code()]
        if struck is None or not applied:
            return None
        return Window(struck, struck, struck + applied[0][2] + _SHORT_LOOKS_US)
    row = rows.by_key()[cause.key]
    windows = []
    for code, trip, delay_ms in trace.applied:
        if code == row.backstop:
            delay_us = delay_ms * 1000
            # The chip's clock begins with its own scan, a little before the delay's first tick.
            window = _crossing(
                trace, row, trip, delay_us - _CHIP_LOOKS_US, delay_us + _CHIP_LOOKS_US, opened_us
            )
            if window:
                windows.append(window)
    return min(windows, key=lambda one: one.earliest, default=None)


def _short_circuit_code():
    from host_tools import firmware

    (limits,) = firmware.load("limits")
    return limits.BACKSTOP_SHORT_CIRCUIT


def due(trace, cause):
    """When the opening was called for at the latest, though it never came; None if never."""
    if cause.kind != ROW:
        window = opening(trace, cause, trace.end_us)
        return window and window.latest
    row = rows.by_key()[cause.key]
    if row.quantity is None:
        window = tripping(trace, row, trace.end_us)
        return window.latest
    trip = trace.limits[row.id][0]
    within = tolerance(trace, row) * (1 if row.above else -1)
    allowed_us = reaction_us(trace, row)
    for from_us, to_us in trace.spans_beyond(row, trip + within):
        if to_us - from_us > allowed_us:
            return from_us + allowed_us
    return None


class Retries:
    """How often one switch has been opened again soon by the same cause."""

    def __init__(self):
        self._cause = None
        self._closed_us = None
        self._count = 0

    def opened(self, cause, t_us):
        if self._closed_us is None or t_us - self._closed_us >= _FORGET_US:
            self._count = 0
        elif cause == self._cause:
            self._count += 1
        self._cause = cause

    def closed(self, t_us):
        self._closed_us = t_us

    @property
    def hold_us(self):
        return _HOLD_US[min(self._count, len(_HOLD_US) - 1)]


def closing(trace, switch, cause, opened_us, closed_us, hold_us):
    """The Window for the closing after an opening by this cause, and whatever else held it."""
    if cause is None or cause.kind in (RESTART, WATCHDOG):
        window = Window(opened_us, opened_us, opened_us + start_us(trace))
    else:
        window = _release(trace, cause, opened_us, closed_us, hold_us)
    for row in rows.by_key().values():
        if row.quantity and rows.opens(row, switch) and row.key != (cause and cause.key):
            must, may = _held(trace, row, opened_us, closed_us)
            if may and window:
                other = _released(trace, row, opened_us, closed_us, hold_us)
                if other is None:
                    window = None if must else window
                else:
                    window = _later(window, other, must)
    return window


def slower_closing_us(trace, of_load, after_leads):
    """What a file that is written for another board has allowed no time for.

    of_load: a pre-charge, where it speaks of FETs. after_leads: until they are tested again.
    """
    tested_us = trace.front_end.get("open_wire_ms", 0) * 1000
    more_us = max(0, tested_us - _LEADS_TESTED_US) if after_leads else 0
    return more_us + (_PRE_CHARGE_US if of_load and trace.pre_charges else 0)


def _later(window, other, must):
    """Both have to be over; of one that perhaps did not hold only the lateness counts."""
    earliest = max(window.earliest, other.earliest) if must else window.earliest
    latest = None
    if window.latest is not None and other.latest is not None:
        latest = max(window.latest, other.latest)
    anchor = other.anchor if latest == other.latest else window.anchor
    return Window(anchor, earliest, latest)


def _release(trace, cause, opened_us, closed_us, hold_us):
    row = rows.by_key().get(cause.key)
    removal = cause.key == rows.BACKSTOP_SHORT_CIRCUIT or (row and rows.waits_for_removal(row))
    if cause.kind == ROW and row.quantity is not None and not removal:
        return _released(trace, row, opened_us, closed_us, hold_us)
    anchor_us = max(trace.last_event_us(closed_us), opened_us)
    delay_us = trace.limits[row.id][3] * 1000 if row else 0
    bring_up_us = max(_BRING_UP_US, start_us(trace) - _BEFORE_MEASURING_US)
    most_us = delay_us + hold_us + bring_up_us + (_REMOVAL_US if removal else 0)
    most_us += _CHIP_RECOVERS_US if cause.kind == BACKSTOP else 0
    return Window(anchor_us, anchor_us, anchor_us + most_us)


def _released(trace, row, opened_us, closed_us, hold_us):
    """When a measured limit lets go; None if the value was not within the release."""
    trip, release, _, release_delay_ms = trace.limits[row.id]
    wait_us = release_delay_ms * 1000 + hold_us
    anew_us = trace.began_anew_us(opened_us, closed_us)
    if anew_us is not None:
        # Only the trip itself counts then; the way from it to the release is not known any more.
        within = tolerance(trace, row) * (1 if row.above else -1)
        may_us = _inside(trace, row, trip + within, anew_us, closed_us)
        must_us = _inside(trace, row, release - within, anew_us, closed_us)
        most_us = wait_us + start_us(trace)
        return may_us and Window(may_us, may_us, must_us and must_us + most_us)
    within = tolerance(trace, row) * (1 if row.above else -1)
    may_us = _inside(trace, row, release + within, opened_us, closed_us)
    if may_us is None:
        return None
    must_us = _inside(trace, row, release - within, opened_us, closed_us)
    most_us = wait_us + _PERIODS * period_us(trace, row) + _CLOSING_US
    return Window(may_us, may_us + wait_us, None if must_us is None else must_us + most_us)


def _inside(trace, row, threshold, opened_us, closed_us):
    # Just before the switch conducts again, and no longer than it was open: before, nothing had
    # to be released.
    since_us = trace.beyond_since(row, threshold, closed_us - 1, not row.above)
    return None if since_us is None else max(since_us, opened_us)


def _held(trace, row, opened_us, closed_us):
    """(surely, perhaps): the row also tripped before or while the switch was open."""
    trip, _, delay_ms, _ = trace.limits[row.id]
    within = tolerance(trace, row) * (1 if row.above else -1)
    seen = trace.seen_spans()

    def lasted(threshold, long_us, sights):
        return any(
            min(to_us, closed_us, sight_to) - max(from_us, sight_from) >= long_us
            for from_us, to_us in trace.spans_beyond(row, threshold)
            if to_us > opened_us
            for sight_from, sight_to in sights
        )

    surely = lasted(trip + within, reaction_us(trace, row), seen)
    return surely, lasted(trip - within, delay_ms * 1000, [(0, trace.end_us)])


def owner_reset(trace, latched_us, closed_us):
    """The Window for a closing after a latch: only the owner ends it; None if he has not."""
    for t_us, what in reversed(trace.events):
        if latched_us < t_us <= closed_us and what in ("owner_reset", "button_ms"):
            # The button counts when it is let go, after five to twenty seconds.
            least_us, most_us = (0, 0) if what == "owner_reset" else _PRESSED_US
            return Window(t_us, t_us + least_us, t_us + most_us + start_us(trace))
    return None
