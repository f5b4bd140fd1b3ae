"""The verdict on one run: what the simulated hardware did, held against what a scenario expects.

Whether a switch was open is taken from the bench (could current flow?), when a limit was crossed
from the cells themselves; the firmware is only asked for its reason.
"""

from bisect import bisect_right
from collections import namedtuple

from host_tools.prove import elsewhere, rows, timing
from host_tools.prove.expectation import (
    BACKSTOP,
    CHARGE,
    CLOSES,
    DISCHARGE,
    NO_TRIP,
    NOTHING_OPENS,
    NOTHING_TRIPS,
    OPENS,
    REFUSED,
    ROW,
    STAYS_OFF,
    STAYS_ON,
    WARNS,
    WATCHDOG,
    Cause,
)

# reaction_us, allowed_us: from the crossing to the act; None where there is none.
# at_us: when it happened or was due, for the plot.
Check = namedtuple("Check", "expected observed passed reaction_us allowed_us at_us switch")

_NAMES = ("charge", "discharge")
# After a trip of the chip the firmware finds out and says so.
_CHIP_FIRST_US = 500_000
_CHIP_TRIPS = ("front_end_charge_trip", "front_end_discharge_trip", "short_circuit_seen")
# A switch that has just opened: the last reading of the current is no leak.
_BLOCKED_AFTER_US = 100_000
_LEAK_MA = 50
# While the load's capacitors are charged through a resistor the contactor itself is open.
_PRE_CHARGE_MA = 1500


def judge(scenario, trace):
    """Every Check of the run; it has passed if all have."""
    if trace.ended_by != "duration":
        how = trace.ended_by or " ".join(trace.words[-1:]) or "it said nothing"
        return [
            Check("the run lasts to its end", f"it ended early: {how}", False, None, None, 0, None)
        ]
    if scenario.expects_refusal:
        return [_refused(scenario, trace)]
    return _Judge(scenario, trace).checks()


class _Judge:
    def __init__(self, scenario, trace):
        self.scenario = scenario
        self.trace = trace
        self._left = [list(trace.switchings(switch)) for switch in (0, 1)]
        # By what and when each switch was opened last; None: at the start.
        self._opened = [(None, 0), (None, 0)]
        self._latched_us = _first_latch(trace)
        self._retries = [timing.Retries(), timing.Retries()]
        self._on = [False, False]
        self._found = []

    def checks(self):
        for switch in (0, 1):
            first = next(
                (one.kind for one in self.scenario.expect if switch in one.switches), None
            )
            if first not in (STAYS_OFF, CLOSES):
                self._started(switch)
        for one in self.scenario.expect:
            if one.kind in (OPENS, CLOSES, STAYS_ON, STAYS_OFF):
                for switch in one.switches:
                    {OPENS: self._opens, CLOSES: self._closes}.get(one.kind, self._stays)(
                        one, switch
                    )
            elif one.kind == WARNS:
                self._warns(one)
            elif one.kind == NO_TRIP:
                self._does_not_trip(one)
            elif one.kind == NOTHING_TRIPS:
                self._nothing_trips(one)
        for switch in (0, 1):
            self._nothing_else(switch)
        self._nothing_leaks()
        return self._found

    def _note(self, expected, observed, passed, reaction=None, allowed=None, at=None, switch=None):
        self._found.append(Check(expected, observed, bool(passed), reaction, allowed, at, switch))
        return passed

    def _started(self, switch):
        expected = f"{_NAMES[switch]} closes at the start"
        most_us = timing.start_us(self.trace)
        if not self._left[switch] or self._left[switch][0].t_us > most_us:
            text = f"it did not within {most_us / 1e6:g} s"
            self._note(expected, text, False, at=most_us, switch=switch)
            return
        change = self._left[switch].pop(0)
        self._retries[switch].closed(change.t_us)
        self._on[switch] = True
        self._note(
            expected,
            f"closed at {_s(change.t_us)}",
            True,
            change.t_us,
            most_us,
            change.t_us,
            switch,
        )

    # Openings and closings, in the order in which the scenario tells them.

    def _opens(self, one, switch):
        change = self._next(switch, False)
        expected = _of(one, switch)
        if change is None:
            due = [t for t in (timing.due(self.trace, cause) for cause in one.causes) if t]
            when = f"; it was due at {_s(min(due))}" if due else "; nothing called for it"
            self._note(
                expected, "it never opened" + when, False, at=min(due, default=None), switch=switch
            )
            return
        said = self._said(one, change.t_us)
        causes = self._causes(one, switch)
        agreeing = [cause for cause in causes if self._agrees(cause, said)]
        cause = next(
            (cause for cause in agreeing if self._fits(one, cause, change)),
            agreeing[0] if agreeing else None,
        )
        self._opened[switch] = (cause or one.causes[0], change.t_us)
        self._retries[switch].opened(self._opened[switch][0], change.t_us)
        self._on[switch] = False
        if cause is None:
            why = ", ".join(self._key(row_id) for row_id in sorted(said)) or "no reason given"
            text = f"opened at {_s(change.t_us)} because of {why}"
            self._note(expected, text, False, at=change.t_us, switch=switch)
            return
        text = f"opened at {_s(change.t_us)} because of {_spoken(cause)}"
        window = timing.opening(self.trace, cause, change.t_us)
        self._in_time(one, expected, text, change, window, switch)

    def _causes(self, one, switch):
        """Elsewhere the front end may act before the firmware, or leave a switch to it."""
        causes = list(one.causes)
        if self.scenario.moved:
            for cause in one.causes:
                row = rows.by_key().get(cause.key)
                if cause.kind == ROW and rows.is_age(row):
                    causes += [Cause(ROW, key) for key in self._unknown_instead(row)]
                elif cause.kind == ROW and row.backstop:
                    causes.append(Cause(BACKSTOP, cause.key))
                elif cause.kind == BACKSTOP:
                    causes.append(Cause(ROW, _CHIP_TRIPS[switch]))
                    causes.append(Cause(WATCHDOG, None))
        return causes

    def _unknown_instead(self, row):
        """Where results are cleared first, what is no longer measured is unknown, not old."""
        if self.trace.front_end.get("keeps_results", True):
            return []
        group = rows.period_group(row)
        return [
            other.key
            for other in rows.by_key().values()
            if rows.is_unknown(other) and rows.period_group(other) == group
        ]

    def _fits(self, one, cause, change):
        window = timing.opening(self.trace, cause, change.t_us)
        if window is None:
            return False
        earliest, latest = self._span(one, window)
        return earliest <= change.t_us and (latest is None or change.t_us <= latest)

    def _closes(self, one, switch):
        change = self._next(switch, True)
        expected = _of(one, switch)
        if change is None:
            text = f"it had not by the end at {_s(self.trace.end_us)}"
            self._note(expected, text, False, at=self.trace.end_us, switch=switch)
            return
        cause, opened_us = self._opened[switch]
        self._on[switch] = True
        text = f"closed at {_s(change.t_us)}"
        hold_us = self._retries[switch].hold_us
        self._retries[switch].closed(change.t_us)
        if self._latched_us is not None and self._latched_us < change.t_us:
            window = timing.owner_reset(self.trace, self._latched_us, change.t_us)
            if window is None:
                text += " before the owner had reset what had latched"
                self._note(expected, text, False, at=change.t_us, switch=switch)
                return
        else:
            window = timing.closing(self.trace, switch, cause, opened_us, change.t_us, hold_us)
        more_us = 0
        if self.scenario.moved:
            leads = elsewhere.LEAD_TEST in self.scenario.needs
            more_us = timing.slower_closing_us(self.trace, switch == DISCHARGE, leads)
        self._in_time(one, expected, text, change, window, switch, more_us)

    def _stays(self, one, switch):
        on = one.kind == STAYS_ON
        expected = _of(one, switch)
        if on != self._on[switch]:
            text = f"it was {'open' if on else 'closed'} already"
            self._note(expected, text, False, switch=switch)
            return
        # That nothing else happens to it is judged for every switch, at the end.
        text = (
            f"{'closed' if on else 'open'} to the end" if not self._left[switch] else "it did not"
        )
        self._note(expected, text, not self._left[switch], switch=switch)

    def _next(self, switch, on):
        left = self._left[switch]
        if left and left[0].on == on:
            return left.pop(0)
        return None

    def _in_time(self, one, expected, text, change, window, switch, more_us=0):
        """Not too early, not too late, and at all called for."""
        t_us = change.t_us
        if window is None:
            text += ", though nothing called for it"
            self._note(expected, text, False, at=t_us, switch=switch)
            return
        earliest, latest = self._span(one, window, more_us)
        passed = earliest <= t_us and (latest is None or t_us <= latest)
        if t_us < earliest:
            text += f", not before {_s(earliest)}"
        elif latest is not None and t_us > latest:
            text += f", {_ms(t_us - latest)} late"
        allowed = None if latest is None else latest - window.anchor
        self._note(expected, text, passed, t_us - window.anchor, allowed, t_us, switch)

    def _span(self, one, window, more_us=0):
        """(earliest, latest or None) of what the sentence allows."""
        earliest = window.earliest
        latest = None if window.latest is None else window.latest + more_us
        if one.within_us is not None:
            within = window.anchor + one.within_us + more_us
            # Another front end may measure more slowly than the one that the file speaks of.
            latest = max(within, latest or within) if self.scenario.moved else within
            earliest = min(earliest, latest)
        if one.not_before_us is not None:
            earliest = window.anchor + one.not_before_us
        if one.after_us is not None:
            earliest = max(earliest, one.after_us)
        if one.before_us is not None:
            latest = one.before_us if latest is None else min(latest, one.before_us)
        return earliest, latest

    # Reasons.

    def _said(self, one, t_us):
        chip_first = any(
            cause.kind == BACKSTOP or cause.key in _CHIP_TRIPS for cause in one.causes
        )
        return self.trace.said_at(t_us, _CHIP_FIRST_US if chip_first else 0)

    def _agrees(self, cause, said):
        # Of what the chip or a restart does the hardware itself is the witness.
        return cause.kind != ROW or rows.by_key()[cause.key].id in said

    def _key(self, row_id):
        row = rows.by_id().get(row_id)
        return row.key if row else f"limit {row_id}"

    # Warnings and limits that must not trip.

    def _warns(self, one):
        row = rows.by_key()[one.causes[0].key]
        trips = self.trace.tripped(row.id)
        if not trips:
            self._note(
                one.text, "it never warned", False, at=timing.due(self.trace, one.causes[0])
            )
            return
        t_us, _, _ = trips[0]
        window = timing.tripping(self.trace, row, t_us)
        change = namedtuple("Change", "t_us")(t_us)
        self._in_time(one, one.text, f"warned at {_s(t_us)}", change, window, None)

    def _does_not_trip(self, one):
        row = rows.by_key()[one.causes[0].key]
        trips = self.trace.tripped(row.id)
        if trips:
            self._note(one.text, f"it tripped at {_s(trips[0][0])}", False, at=trips[0][0])
            return
        nearest = _nearest(self.trace, row)
        if nearest is None:
            self._note(one.text, "it did not", True)
            return
        text, near = nearest
        if not near:
            text += ": not near enough to prove anything"
        self._note(one.text, f"it did not; {text}", near)

    def _nothing_trips(self, one):
        """Not even a warning, of any limit."""
        for said in self.trace.firmware:
            if said.active:
                keys = ", ".join(self._key(active[0]) for active in said.active)
                self._note(one.text, f"{keys} at {_s(said.t_us)}", False, at=said.t_us)
                return
        self._note(one.text, "none of all the limits did", True)

    # What no scenario has to say.

    def _nothing_else(self, switch):
        for change in self._left[switch]:
            does = "closes" if change.on else "opens"
            why = ""
            if not change.on:
                said = self.trace.said_at(change.t_us)
                keys = [self._key(row_id) for row_id in sorted(said)]
                why = f" because of {', '.join(keys)}" if keys else ""
            text = f"{_NAMES[switch]} {does} at {_s(change.t_us)}{why}"
            self._note("nothing else happens", text, False, at=change.t_us, switch=switch)
        quiet = any(one.kind in (NOTHING_OPENS, NOTHING_TRIPS) for one in self.scenario.expect)
        if quiet and not self._left[switch]:
            opened = self._opened[switch][1]
            self._note(
                f"{_NAMES[switch]} never opens",
                f"opened at {_s(opened)}" if opened else "it never did",
                not opened,
                switch=switch,
            )

    def _nothing_leaks(self):
        """No current against an open switch, whatever anybody calls open."""
        for switch in (0, 1):
            open_since = 0
            for change in [*self.trace.switchings(switch), None]:
                end_us = change.t_us if change else self.trace.end_us
                if open_since is not None:
                    leak = self._leak(switch, open_since + _BLOCKED_AFTER_US, end_us)
                    if leak:
                        t_us, ma = leak
                        expected = f"no {_NAMES[switch]} current while the switch is open"
                        text = f"{ma / 1000:+.1f} A at {_s(t_us)}"
                        self._note(expected, text, False, at=t_us, switch=switch)
                open_since = change.t_us if change and not change.on else None

    def _leak(self, switch, from_us, to_us):
        """(time, current) of the first current in the switch's direction, None if none."""
        sign = 1 if switch == CHARGE else -1
        most_ma = _PRE_CHARGE_MA if self.trace.pre_charges else _LEAK_MA
        times, current = self.trace.column("t_us"), self.trace.column("current_ma")
        # What held when the time began, and every change since.
        first = max(bisect_right(times, from_us) - 1, 0)
        for t_us, ma in zip(times[first:], current[first:], strict=True):
            if t_us >= to_us:
                return None
            if ma * sign > most_ma:
                return max(t_us, from_us), ma
        return None


def _first_latch(trace):
    """When a limit that latches tripped for the first time; None if none did."""
    for one in trace.firmware:
        for active in one.active:
            row = rows.by_id().get(active[0])
            if row and rows.latches(row):
                return one.t_us
    return None


def _refused(scenario, trace):
    one = next(one for one in scenario.expect if one.kind == REFUSED)
    named = {problem[0] for problem in trace.problems}
    wanted = {rows.by_key()[cause.key].id for cause in one.causes}
    missing = [rows.by_id()[row_id].key for row_id in sorted(wanted - named)]
    closed = any(change[1] or change[2] for change in trace.switches)
    if missing:
        text = "the set was not refused because of " + ", ".join(missing)
    elif closed:
        text = "refused, and yet a switch closed"
    else:
        keys = ", ".join(rows.by_id()[row_id].key for row_id in sorted(named))
        text = f"refused because of {keys}; both switches stayed open"
    return Check(one.text, text, not missing and not closed, None, None, None, None)


# How near a value must have come to its trip before "does not trip" says anything.
_NEAR = {
    rows.CELLS: 25,
    rows.CELL_SPREAD: 25,
    rows.TEMPS: 15,
    rows.TEMP_SPREAD: 15,
    rows.BOARD: 25,
}
_NEAR_SHARE = 0.05


def _nearest(trace, row):
    """("came to 3.645 V of 3.650 V", near enough); None for a limit that has no quantity."""
    if row.quantity is None:
        return None
    trip = trace.limits[row.id][0]
    _, values = trace.value(row)
    if not values:
        return None
    extreme = max(values) if row.above else min(values)
    least = _NEAR.get(row.quantity, abs(trip) * _NEAR_SHARE)
    distance = trip - extreme if row.above else extreme - trip
    from host_tools import meanings

    unit = meanings.meaning(row.id).unit
    text = f"the value came to {meanings.limit(unit, extreme)} of {meanings.limit(unit, trip)}"
    return text, distance <= least


def _of(one, switch):
    """The sentence for one of both switches."""
    return one.text.replace("both", _NAMES[switch], 1)


def _spoken(cause):
    return " ".join(
        word for word in (None if cause.kind == ROW else cause.kind, cause.key) if word
    )


def _s(us):
    return f"{us / 1e6:.3f} s"


def _ms(us):
    return f"{us / 1e3:.0f} ms" if us < 1e6 else f"{us / 1e6:.2f} s"
