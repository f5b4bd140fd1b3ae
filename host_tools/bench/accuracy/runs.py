"""One run: a data set through a faulty sensor into an estimate; and what counting makes of it.

Shares 0..1. The same noise for every corner of a set and tier, and every time.
"""

import math
import random
import zlib
from dataclasses import dataclass
from functools import cache

from host_tools.bench.accuracy import sets
from host_tools.bench.accuracy.single import Singles, doubles, single
from host_tools.replay import estimators

SETTLED_S = 3600
SOON_S = 600
_FULL_HELD_S = 60


@cache
def _loaded(data_set):
    return data_set.load()


@cache
def _singles():
    return Singles()


def measured(data_set, tier, corner, last_s=None):
    """[(time_s, current_ma, voltage_mv, temp_c, true share)] as the sensor tells it."""
    read, true = _loaded(data_set)
    capacity_mah = data_set.capacity_mah
    seen = read.with_errors(
        corner[1] * tier.offset_share * capacity_mah,
        corner[0] * tier.gain_pct,
        corner[2] * tier.voltage_mv,
    )
    dice = random.Random(zlib.crc32(f"{data_set.name} {tier.name}".encode()))
    noise_ma = sets.NOISE_SHARE * capacity_mah
    temps = read.temp_c or [data_set.temp_c] * len(true)
    rows = []
    for at, time_s in enumerate(read.time_s):
        if last_s is not None and time_s > last_s:
            break
        mv = seen.voltage_mv[at] + dice.gauss(0, sets.NOISE_MV)
        mv = round(mv / sets.QUANTUM_MV) * sets.QUANTUM_MV
        ma = seen.current_ma[at] + dice.gauss(0, noise_ma)
        rows.append((time_s, ma, mv, temps[at], true[at]))
    return rows


@dataclass
class Result:
    """Errors and sigmas of a run, share of the capacity, a row each."""

    times_s: list
    errors: list
    sigmas: list

    def rmse(self, from_s=0):
        kept = [e for t, e in zip(self.times_s, self.errors, strict=True) if t >= from_s]
        return math.sqrt(sum(e * e for e in kept) / len(kept)) if kept else 0.0

    def worst(self, from_s=0):
        pairs = zip(self.times_s, self.errors, strict=True)
        return max((abs(error) for time_s, error in pairs if time_s >= from_s), default=0.0)

    def covered(self):
        pairs = zip(self.errors, self.sigmas, strict=True)
        return sum(abs(error) <= 2 * sigma for error, sigma in pairs) / len(self.errors)

    def mean_sigma(self):
        return sum(self.sigmas) / len(self.sigmas)

    def apart_until_s(self, by):
        """The last moment at which the error was that large; -1 if it never was."""
        pairs = zip(self.times_s, self.errors, strict=True)
        return max((time_s for time_s, error in pairs if abs(error) >= by), default=-1)


def estimate(data_set, tier, corner, known, last_s=None, in_singles=True, change=None):
    """The firmware's estimators; change(estimate) may alter it before the start."""
    rows = measured(data_set, tier, corner, last_s)
    make = _singles().make if in_singles else estimators.make
    number = single if in_singles else float
    made = make(data_set.chemistry, data_set.capacity_mah)
    # A board states how large its sensor's offset may be; the default is that of tier B.
    if tier.offset_share > made.offset.sigma_share:
        made.offset.state(number(tier.offset_share))
    if change is not None:
        change(made)
    replay = estimators.Replay(made, rows[0][4] if known else None, number)
    result = Result([], [], [])
    begun_s = rows[0][0]
    for time_s, ma, mv, temp_c, true in rows:
        replay.row(time_s, ma, mv, temp_c)
        result.times_s.append(time_s - begun_s)
        result.errors.append(float(made.share) - true)
        result.sigmas.append(float(made.sigma))
    if in_singles:
        found = doubles(made)
        assert not found, f"not single: {found}"
    return result


def counting(data_set, tier, corner, resets, start=None):
    """Plain counting from the true start (or a given one); with resets to full as is common."""
    rows = measured(data_set, tier, corner)
    full_mv = estimators.make(data_set.chemistry, 1000).anchors.full_mv
    share = rows[0][4] if start is None else start
    held_s = 0.0
    result = Result([], [], [])
    last_s = begun_s = rows[0][0]
    for time_s, ma, mv, _, true in rows:
        seconds = time_s - last_s
        last_s = time_s
        share += ma * seconds / 3600 / data_set.capacity_mah
        if resets:
            full = mv >= full_mv and 0 < ma < data_set.capacity_mah / 20
            held_s = held_s + seconds if full else 0.0
            if held_s >= _FULL_HELD_S or share > 1.0:
                share = 1.0
            share = max(share, 0.0)
        result.times_s.append(time_s - begun_s)
        result.errors.append(share - true)
        result.sigmas.append(0.0)
    return result
