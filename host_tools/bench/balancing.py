"""`python -m host_tools.bench.balancing`: ways of balancing beside each other, on the cells alone.

The firmware's balancing files run in steps of 10 s on 16 simulated cells of 100 Ah, whose rooms to
full lie 5 % apart: ten days of a solar home (LFP) or of a car that commutes (NMC). Cells differ in
capacity, resistance and self-discharge, channels by some mV. mA, mV, mA*s; shares 0..1.
"""

import json
import math
import multiprocessing
import os
import random
from dataclasses import asdict, dataclass
from pathlib import Path

from host_tools.bench.accuracy.solar import Home
from host_tools.mock.cells import Pack
from host_tools.replay import estimators
from vigil import chemistry as chemistries
from vigil.balance import Balancer, TopVoltage
from vigil.charge_to_move import ChargeToMove
from vigil.memory import Memory
from vigil.sample import BOARD, CELLS, CURRENT, TEMPS, UNKNOWN

TARGET = Path(__file__).parents[2] / "build" / "balancing.json"
CELL_COUNT = 16
CAPACITY_MAH = 100_000
STEP_S = 10
DAY_S = 86400
DAYS = 10
SPREAD = 0.05
BLEED_OHM = 66
MOST_AT_ONCE = 6  # a board that stands 1 W
SEEDS = (1, 2, 3, 4)
HOMES = range(5, 21)  # more of LFP by charge
SMALL_SPREAD = 0.01
# (cells, mA that one of them leaks for each Ah, days); LFP with the estimators beside.
LEAKS = (
    ("LFP", 0.0, 60),
    ("LFP", 1.0, 8),
    ("LFP", 2.0, 8),
    ("NMC", 0.0, 60),
    ("NMC", 0.5, 4),
    ("NMC", 2.0, 4),
)
LEAK_SEEDS = (1, 2)
_LEAKING = 4
# What has to hold of LFP by charge: spread at the end, charge burned over charge to be burned.
GOAL_SPREAD, GOAL_BURNED = 0.005, 1.2

_ESTIMATE_S = 30
_OPEN_S = 600  # both switches, once a night: the sensor's offset is learned
_UNIT_MAS = CAPACITY_MAH * 3600
_MATCHING_MV = 1.5
_RIPPLE_MV = 3.0
_BLEED_OHM_SIGMA = 0.03
_OFFSET_MA = 100.0
# Where a charger begins to hold, where the BMS ends the charge and lets it begin again.
_CHARGER_MV = {"LFP": (3450, 3600, 3400), "NMC": (4150, 4200, 4120)}
_EMPTY_MV = {"LFP": 2950, "NMC": 3300}
WAYS = ("none", "voltage", "charge")


class SummerHome(Home):
    """The sun of four days in five fills the pack."""

    skies = (0.5, 0.7, 0.8, 0.9, 1.0)


class Car:
    """Two drives a day, charged overnight, parked else."""

    def __init__(self, seed):
        self._dice = random.Random(seed)
        self._day = -1

    def wanted_ma(self, now_s):
        day, second = divmod(now_s, DAY_S)
        if day != self._day:
            self._day = day
            self._drive_s = 1800 + 900 * self._dice.random()
        hour = second / 3600
        for begin in (7.5, 17.0):
            if begin <= hour < begin + self._drive_s / 3600:
                return -0.5 * CAPACITY_MAH * (0.4 + 1.2 * self._dice.random())
        return 0.2 * CAPACITY_MAH if hour < 5 else 0.0


class Seen:
    """Stands in for vigil.sample.Sample: everything fresh and known."""

    def __init__(self, cell_count):
        self.cell_count = cell_count
        self.cells_at = 0
        self.current_at = cell_count
        self.values = [UNKNOWN] * (cell_count + 1)
        self.health = [0] * 20
        self.stale_ms = [1000] * 5
        self._extremes = {TEMPS: (250, 250), BOARD: (300, 300)}

    @property
    def cell_values(self):
        return self.values

    def take(self, cells_mv, current_ma):
        self.values[: self.cell_count] = cells_mv
        self.values[self.current_at] = current_ma
        self._extremes[CELLS] = (min(cells_mv), max(cells_mv))
        self._extremes[CURRENT] = (current_ma, current_ma)

    def sequence(self, group):
        return 1 if group in self._extremes else 0

    def unknown(self, group):
        return 0

    def age_ms(self, group):
        return 0

    def lowest(self, group):
        return self._extremes[group][0]

    def highest(self, group):
        return self._extremes[group][1]


class _Board:
    capacity_mah = CAPACITY_MAH
    bleed_ohm = BLEED_OHM

    def __init__(self, chemistry):
        self.chemistry = chemistry


class _Nothing(TopVoltage):
    """No balancing at all."""

    def choose(self, sample, bleed):
        pass


@dataclass
class Outcome:
    way: str
    chemistry: str
    seed: int
    begun: float  # the spread of the rooms to full
    spread: float
    reached_day: float  # from when on it has stayed within the goal; -1 never
    burned_mah: float
    needed_mah: float  # for the spread that was reached; known only afterwards
    level_mah: float  # the same for no spread at all
    neighbours: int  # pairs that bled together
    most_at_once: int
    leaking_cell: int
    leak_ma: float

    @property
    def ratio(self):
        return self.burned_mah / self.needed_mah if self.needed_mah else 0.0


class Bench:
    def __init__(
        self, way, chemistry, seed, leaking=None, spread=SPREAD, told_ohm=BLEED_OHM, follows=False
    ):
        self.way = way
        self.chemistry = chemistry
        self.seed = seed
        self._dice = dice = random.Random(seed + 100)
        self.pack = pack = Pack(CELL_COUNT, CAPACITY_MAH, chemistry, seed, 55.0)
        pack.warm([25.0] * CELL_COUNT)
        self._leaking = leaking  # cell, ohm, second from which on
        self._set_apart(spread)
        self.home = SummerHome(seed) if chemistry == "LFP" else Car(seed)
        self.seen = Seen(CELL_COUNT)
        figures = chemistries.by_name(chemistry)
        board = _Board(chemistry)
        board.bleed_ohm = told_ohm
        make = {"charge": ChargeToMove, "voltage": TopVoltage, "none": _Nothing}[way]
        self.policy = make(board, figures, self.seen, Memory())
        self.estimate = None
        if follows and way == "charge":
            self.estimate = self.policy.estimate = estimators.make(
                chemistry, CAPACITY_MAH, CELL_COUNT
            )
        self._counted_mams = 0
        self.now_s = 0
        self.balancer = Balancer(self.policy, CELL_COUNT, False, MOST_AT_ONCE)
        self._ohm = [BLEED_OHM * (1 + dice.gauss(0, _BLEED_OHM_SIGMA)) for _ in range(CELL_COUNT)]
        common_mv = dice.choice((-5.0, 5.0))
        self._off_mv = [
            common_mv + min(max(dice.gauss(0, _MATCHING_MV), -3.0), 3.0) for _ in range(CELL_COUNT)
        ]
        self._noise = [dice.gauss(0, 1.0) for _ in range(4096)]
        self._noise_at = 0
        self._phase = dice.random()
        self._cell_mv = [3300.0] * CELL_COUNT
        self.burned_mas = [0.0] * CELL_COUNT
        self.neighbours = self.most_at_once = 0
        self._may_charge = True
        self._next_ms = 0
        self.apart_until_s = -1
        self.begun = self.spread()

    def rooms_mas(self):
        pack = self.pack
        return [
            (100 - pack.soc_pct(cell)) / 100 * pack.capacity_mas[cell]
            for cell in range(CELL_COUNT)
        ]

    def spread(self):
        rooms = self.rooms_mas()
        return (max(rooms) - min(rooms)) / _UNIT_MAS

    def _set_apart(self, spread):
        """One cell has the least room, one the most, the others anything between."""
        shares = [0.0, 1.0] + [self._dice.random() for _ in range(CELL_COUNT - 2)]
        self._dice.shuffle(shares)
        rooms = self.rooms_mas()
        for cell, share in enumerate(shares):
            wanted_mas = max(rooms) + share * spread * _UNIT_MAS
            self.pack.drain(cell, wanted_mas - rooms[cell])

    def run(self, days=DAYS):
        pack = self.pack
        cells_mv = self._cell_mv
        warm_c = [25.0] * CELL_COUNT
        for now_s in range(0, int(days * DAY_S), STEP_S):
            self.now_s = now_s
            is_open = self.estimate and now_s % DAY_S < _OPEN_S
            ma = 0.0 if is_open else self._flowing_ma(now_s)
            pack.pass_current(ma, STEP_S * 1_000_000)
            if not now_s % 3600:
                if self._leaking and now_s >= self._leaking[2]:
                    pack.set_leak(*self._leaking[:2])
                    self._leaking = None
                pack.lose(3600)
                pack.warm(warm_c)  # the hysteresis follows the charge
                if self.spread() > GOAL_SPREAD:
                    self.apart_until_s = now_s
            pack.fill_mv(ma, cells_mv)
            self._look(ma)
            if self.estimate:
                self._estimate(now_s)
            self._balance(now_s * 1000)
        return self._outcome(days)

    def _flowing_ma(self, now_s):
        wanted_ma = self.home.wanted_ma(now_s)
        cells_mv = self._cell_mv
        if wanted_ma <= 0:
            return 0.0 if min(cells_mv) < _EMPTY_MV[self.chemistry] else wanted_ma
        hold_mv, end_mv, again_mv = _CHARGER_MV[self.chemistry]
        self.pack.fill_mv(0.0, cells_mv)
        highest_mv = max(cells_mv)
        room_ma = (hold_mv * CELL_COUNT - sum(cells_mv)) / sum(self.pack.ohm)
        ma = max(min(wanted_ma, room_ma), 0.0)
        if self._may_charge:
            self._may_charge = highest_mv + ma * self.pack.ohm[0] < end_mv
        else:
            self._may_charge = highest_mv < again_mv
        return ma if self._may_charge else 0.0

    def _look(self, ma):
        at = self._noise_at = (self._noise_at + CELL_COUNT + 1) % 4000
        noise = self._noise
        off_mv = self._off_mv
        # The table is wrong by some mV in waves, alike for all.
        wave = _RIPPLE_MV * math.sin(2 * math.pi * (7 * self.pack.soc_pct(0) / 100 + self._phase))
        self.seen.take(
            [
                round(mv + off_mv[cell] + wave + noise[at + cell])
                for cell, mv in enumerate(self._cell_mv)
            ],
            round(1.01 * ma + _OFFSET_MA + 100 * noise[at]),
        )

    def _estimate(self, now_s):
        """The firmware's estimators; on a board, too, they look only between two bleedings."""
        estimate = self.estimate
        ma = self.seen.values[CELL_COUNT]
        mams = ma * STEP_S * 1000
        estimate.counter.add(mams)
        self._counted_mams += mams
        if now_s % _ESTIMATE_S:
            return
        cells_mv = self.seen.values[:CELL_COUNT]
        is_open = now_s % DAY_S < _OPEN_S
        elapsed_ms = _ESTIMATE_S * 1000
        estimate.second(cells_mv, float(ma), self._counted_mams, elapsed_ms, 250, is_open)
        self._counted_mams = 0
        while estimate.step():
            pass

    def _balance(self, now_ms):
        """The firmware's slow tasks for as long as a step lasts."""
        end_ms = now_ms + STEP_S * 1000
        balancer = self.balancer
        while self.policy.period_ms and self.policy.step(now_ms):
            pass
        while now_ms < end_ms:
            if now_ms >= self._next_ms:
                if balancer.step(self.seen, True, now_ms):
                    self._check()
                self._next_ms = now_ms + (10_000 if balancer.active else 2_000)
            until_ms = min(self._next_ms, end_ms)
            if balancer.active:
                self._bleed((until_ms - now_ms) / 1000)
            now_ms = until_ms

    def _bleed(self, seconds):
        for cell, on in enumerate(self.balancer.bleed):
            if on:
                mas = self._cell_mv[cell] / self._ohm[cell] * seconds
                self.pack.drain(cell, mas)
                self.burned_mas[cell] += mas
                if self.estimate:
                    self.estimate.bled_mas[cell] += int(mas)

    def _check(self):
        bleed = self.balancer.bleed
        self.neighbours += sum(a and b for a, b in zip(bleed, bleed[1:], strict=False))
        self.most_at_once = max(self.most_at_once, sum(bleed))

    def _outcome(self, days):
        rooms = self.rooms_mas()
        # Had nothing been burned: what would have had to leave each cell for the spread there is?
        unburned = [room - mas for room, mas in zip(rooms, self.burned_mas, strict=True)]
        excess = sum(max(unburned) - room for room in unburned)
        left = sum(max(rooms) - room for room in rooms)
        until_s = self.apart_until_s
        leak = getattr(self.policy, "leak", None)
        cell = leak.cell if leak else 0
        return Outcome(
            self.way,
            self.chemistry,
            self.seed,
            self.begun,
            self.spread(),
            -1 if until_s >= days * DAY_S - 7200 else round((until_s + 3600) / DAY_S, 1),
            sum(self.burned_mas) / 3600,
            (excess - left) / 3600,
            excess / 3600,
            self.neighbours,
            self.most_at_once,
            cell,
            leak.leak_ma[cell - 1] if cell else 0,
        )


def holds(outcome):
    """What has to hold of LFP by charge."""
    return (
        outcome.spread <= GOAL_SPREAD
        and outcome.burned_mah <= GOAL_BURNED * outcome.needed_mah
        and not outcome.neighbours
        and outcome.most_at_once <= MOST_AT_ONCE
    )


def _job(words):
    return Bench(*words).run()


def table(pool):
    jobs = [(way, kind, seed) for kind in ("LFP", "NMC") for way in WAYS for seed in SEEDS]
    jobs += [("charge", "LFP", seed) for seed in HOMES]
    jobs += [
        ("charge", kind, seed, None, SMALL_SPREAD) for kind in ("LFP", "NMC") for seed in SEEDS
    ]
    return pool.map(_job, jobs, chunksize=1)


def _leak_job(words):
    kind, rate, seed, days = words
    volt = 3.33 if kind == "LFP" else 3.7
    ohm = 1e6 * volt / (rate * CAPACITY_MAH) if rate else 0
    leaking = (_LEAKING, ohm, 0) if rate else None
    bench = Bench("charge", kind, seed, leaking, SMALL_SPREAD, follows=kind == "LFP")
    named = {}
    leak = bench.policy.leak
    look = leak.look

    def looked(*words):
        if leak.cell:
            named.setdefault(leak.cell, bench.now_s / DAY_S)
        return look(*words)

    leak.look = looked
    bench.run(days)
    day = named.pop(_LEAKING + 1, -1) if rate else -1
    return {
        "cells": kind,
        "leak_ma_ah": rate,
        "seed": seed,
        "days": days,
        "named_day": round(day, 1),
        "others_named": len(named),
        "told_ma": leak.leak_ma[_LEAKING],
        "sigma_ma": leak.sigma_ma[_LEAKING],
    }


def leaks(pool):
    jobs = [(kind, rate, seed, days) for kind, rate, days in LEAKS for seed in LEAK_SEEDS]
    return pool.map(_leak_job, jobs, chunksize=1)


def as_leak_lines(made):
    for one in made:
        day = f"named on day {one['named_day']:.1f}" if one["named_day"] >= 0 else "not named"
        yield (
            f"{one['cells']:5} {one['leak_ma_ah']:.1f} mA/Ah, seed {one['seed']}, "
            f"{one['days']} days: {day}, {one['told_ma']} +-{one['sigma_ma']} mA; "
            f"others named: {one['others_named']}"
        )


def as_lines(made):
    yield (
        "cells way      home  spread at first, after 10 days   within 0.5 % from day   burned "
        "  needed, Ah   times   of level   at once   neighbours"
    )
    for one in made:
        day = "never" if one.reached_day < 0 else f"{one.reached_day:.1f}"
        judged = ""
        if one.chemistry == "LFP" and one.way == "charge" and one.begun > GOAL_SPREAD * 3:
            judged = "  holds" if holds(one) else "  MISSED"
        yield (
            f"{one.chemistry:5} {one.way:8} {one.seed:4} {100 * one.begun:12.2f} % "
            f"{100 * one.spread:14.2f} % {day:>22} {one.burned_mah / 1000:12.1f} "
            f"{one.needed_mah / 1000:10.1f} {one.ratio:10.2f} "
            f"{one.burned_mah / one.level_mah:10.2f} {one.most_at_once:9d} "
            f"{one.neighbours:12d}{judged}"
        )


def run():
    """Prints the table; figures for JSON."""
    workers = min(2, os.cpu_count() or 1)
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        made = table(pool)
        leaking = leaks(pool)
    print(f"Balancing {CELL_COUNT} cells of 100 Ah with 50 mA, ten days:")
    for line in as_lines(made):
        print("  " + line)
    judged = [one for one in made if (one.way, one.chemistry) == ("charge", "LFP")]
    judged = [one for one in judged if one.begun > GOAL_SPREAD * 3]
    print(f"  {sum(map(holds, judged))} of {len(judged)} homes hold")
    print("A cell that leaks:")
    for line in as_leak_lines(leaking):
        print("  " + line)
    return [asdict(one) for one in made] + leaking


def main():
    figures = run()
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
