"""A run that never happened, told message by message as a witness would: to try the judge on."""

import dataclasses

from host_tools.prove import judge, rows, scenario
from host_tools.prove.trace import COLUMNS, Trace
from vigil import chemistry, limits, presets

PERIODS_MS = (63, 189, 63, 189, 189)
APPLIED = [[1, 3694, 1501], [2, 2479, 2752], [3, 76000, 425], [5, -350000, 135]]
_AT_REST = {
    "lowest_mv": 3290,
    "highest_mv": 3300,
    "stack_mv": 52720,
    "current_ma": 0,
    "coldest_dc": 240,
    "hottest_dc": 250,
    "board_dc": 300,
}


class Told:
    """Times in seconds; both switches close at 0.4 s and the run ends at 60 s."""

    def __init__(self):
        self.trace = Trace()
        self.ends_by = "duration"
        self.moved = False  # to a board that the scenario is not about
        table = presets.preset(chemistry.lfp(), 16, 100000, PERIODS_MS, 50)
        numbers = (table.trip, table.release, table.trip_delay_ms, table.release_delay_ms)
        listed = [
            [row[limits.ID], *(number[at] for number in numbers), row[limits.ACTION]]
            for at, row in enumerate(limits.TABLE)
        ]
        ready = {"rows": listed, "capacity_mah": 100000, "cells": 16, "schema": 0}
        self.trace.take(["ready", ready])
        self.trace.take(["facts", {"periods_ms": PERIODS_MS, "cycle_ms": 50}])
        self.trace.take(["backstop", {"applied": APPLIED}])
        self.trace.take(["switch", 0, False, False])
        self._lines = {name: [(0, value)] for name, value in _AT_REST.items()}
        self.switches(0.4, True, True)
        self.step(0.4, current_ma=10000)
        self.says(0.41)

    def pack(self, t_s, **values):
        """A straight line to this value from the one before; what is not named stays."""
        for name, value in values.items():
            self._lines[name].append((round(t_s * 1e6), value))
            self._lines[name].sort(key=lambda point: point[0])

    def step(self, t_s, **values):
        """A change at once rather than along a line."""
        for name, value in values.items():
            t_us = round(t_s * 1e6)
            before = _on(self._lines[name], t_us - 1)
            self._lines[name] += [(t_us - 1, before), (t_us, value)]
            self._lines[name].sort(key=lambda point: point[0])

    def switches(self, t_s, charge, discharge):
        self.trace.take(["switch", round(t_s * 1e6), charge, discharge])

    def says(self, t_s, *keys):
        """The firmware calls these limits tripped."""
        active = [[rows.by_key()[key].id, 1, 0, 0] for key in keys]
        self.trace.take(["firmware", round(t_s * 1e6), active, [1, 1, 0, 0]])

    def strikes(self, t_s, what):
        self.trace.take(["event", round(t_s * 1e6), what])

    def judged(self, *expect):
        """The checks of a scenario that expects this."""
        times = {t_us for line in self._lines.values() for t_us, _ in line} | {60_000_000}
        for t_us in sorted(times):
            values = [_on(self._lines[name], t_us) for name in COLUMNS[1:]]
            self.trace.take(["truth", [t_us, *values]])
        self.trace.take(["end", self.ends_by])
        table = {"title": "a title", "why": "a reason", "expect": list(expect)}
        one = dataclasses.replace(scenario.parse(table, "told"), moved=self.moved)
        return judge.judge(one, self.trace)

    def failures(self, *expect):
        return [
            f"{check.expected}: {check.observed}"
            for check in self.judged(*expect)
            if not check.passed
        ]


def _on(line, t_us):
    """The value of a broken line at that time."""
    after = next((at for at, point in enumerate(line) if point[0] >= t_us), None)
    if after is None:
        return line[-1][1]
    (t2_us, second) = line[after]
    if t2_us == t_us or not after:
        return second
    (t1_us, first) = line[after - 1]
    return first + (second - first) * (t_us - t1_us) / (t2_us - t1_us)


def over_voltage(opens_s=11.08, says=("cell_over_voltage",), closes_s=26.3):
    """A cell passes 3.65 V at exactly 10 s, is back below 3.45 V at 20 s; the charge switch opens
    and closes."""
    told = Told()
    told.pack(9, highest_mv=3610)
    told.pack(10, highest_mv=3650)
    told.pack(11, highest_mv=3690)
    if opens_s is not None:
        told.switches(opens_s, False, True)
        told.says(opens_s + 0.01, *says)
        told.step(opens_s, current_ma=0)
    told.pack(19, highest_mv=3690)
    told.pack(20, highest_mv=3450)
    told.pack(20.1, highest_mv=3430)
    if closes_s is not None:
        told.says(closes_s - 0.2)
        told.switches(closes_s, True, True)
        told.step(closes_s, current_ma=10000)
    return told
