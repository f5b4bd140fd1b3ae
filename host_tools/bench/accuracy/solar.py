"""Thirty days of a solar home on one LFP cell of 100 Ah, in steps of 10 s; nobody forces it full.

The cell is the simulator's, with a capacity that is wrong by 1 % or so and twice the resistance
that the estimators take it for, its voltage table wrong by 3 mV in waves. Once a night both
switches are open for ten minutes. Current in mA, + = charging; charge as a share.
"""

import math
import random
from dataclasses import dataclass

from host_tools.bench.accuracy import goals, sets
from host_tools.bench.accuracy.single import Singles, single
from host_tools.mock.cells import Pack
from host_tools.replay import estimators

CAPACITY_MAH = 100_000
STEP_S = 10
DAY_S = 86400
DAYS = 30
LEARNING_DAYS = 2
_PACK_MV = 51_200  # 16 cells; powers in W are of the whole pack
_RIPPLE_MV = 3.0
_OPEN_FROM_S, _OPEN_TO_S = 3 * 3600, 3 * 3600 + 600
_EMPTY_SHARE = 0.10
_CHARGE_MV = 3450  # where the charger begins to hold the voltage
_FULL_MV = 3450
_FULL_HELD_S = 60


class Home:
    """What flows: sun by day as the weather is, a household that sleeps, an inverter's limits."""

    skies = (0.15, 0.35, 0.55, 0.75, 0.95)

    def __init__(self, seed):
        self._dice = random.Random(seed)
        self._day = -1
        self._minute = -1
        self._load_w = 0.0
        self._cloud = 1.0

    def wanted_ma(self, now_s):
        day, second = divmod(now_s, DAY_S)
        dice = self._dice
        if day != self._day:
            self._day = day
            self._sun_w = 2800 * dice.choice(self.skies)
        minute = second // 300
        if minute != self._minute:
            self._minute = minute
            hour = second / 3600
            evening = 17.5 <= hour < 22.5
            self._load_w = 160 + 120 * dice.random() + (450 * dice.random() if evening else 0)
            if dice.random() < (0.06 if 7 <= hour < 22 else 0.005):
                self._load_w += dice.choice((900, 1500, 2000))
            self._cloud = 0.6 + 0.4 * dice.random()
        height = math.sin(math.pi * (second / 3600 - 6.5) / 12)
        sun_w = self._sun_w * self._cloud * max(height, 0.0) ** 1.3
        return 1_000_000 * (sun_w - self._load_w) / _PACK_MV


@dataclass
class Outcome:
    rmse: float
    maximum: float
    covered: float
    mean_sigma: float
    reset_rmse: float  # counting with a reset at full
    reset_maximum: float
    offset_error_ma: float


def run(seed, tier, corner, in_singles=True, days=DAYS):
    """Shares; from the third day on."""
    dice = random.Random(seed + 1)
    pack = Pack(1, CAPACITY_MAH, "LFP", seed, 50.0)
    pack.warm([25.0])
    home = Home(seed)
    number = single if in_singles else float
    make = Singles().make if in_singles else estimators.make
    estimate = make("LFP", CAPACITY_MAH)
    if tier.offset_share > estimate.offset.sigma_share:
        estimate.offset.state(number(tier.offset_share))
    estimate.resume([number(pack.soc_pct(0) / 100)], number(0.02))
    phase = dice.random()
    cell_mv = [3300.0]
    gain = 1 + corner[0] * tier.gain_pct / 100
    offset_ma = corner[1] * tier.offset_share * CAPACITY_MAH
    off_mv = corner[2] * tier.voltage_mv
    counted = pack.soc_pct(0) / 100
    held_s = 0
    sums = [0.0] * 6
    worst = worst_reset = 0.0
    looks = 0
    for now_s in range(0, days * DAY_S, STEP_S):
        true = pack.soc_pct(0) / 100
        second = now_s % DAY_S
        is_open = _OPEN_FROM_S <= second < _OPEN_TO_S
        ma = 0.0 if is_open else home.wanted_ma(now_s)
        if ma > 0:
            # The charger holds its voltage; a full cell takes nothing.
            room_ma = (_CHARGE_MV + 20 - cell_mv[0]) * 2500
            ma = min(ma, max(room_ma, 0.0)) if true < 0.9995 else 0.0
        elif true < _EMPTY_SHARE:
            ma = 0.0
        pack.pass_current(ma, STEP_S * 1_000_000)
        if not now_s % 3600:
            pack.lose(3600)
        pack.fill_mv(ma, cell_mv)
        true = pack.soc_pct(0) / 100
        seen_mv = cell_mv[0] + _RIPPLE_MV * math.sin(2 * math.pi * (7 * true + phase))
        seen_mv = round(seen_mv + off_mv + dice.gauss(0, sets.NOISE_MV))
        seen_ma = round(ma * gain + offset_ma + dice.gauss(0, sets.NOISE_SHARE * CAPACITY_MAH))
        mams = round(ma * gain + offset_ma) * STEP_S * 1000
        estimate.counter.add(mams)
        estimate.second([number(seen_mv)], number(seen_ma), mams, STEP_S * 1000, 250, is_open)
        while estimate.step():
            pass
        counted += mams / 3_600_000 / CAPACITY_MAH
        full = seen_mv >= _FULL_MV and 0 < seen_ma < CAPACITY_MAH / 20
        held_s = held_s + STEP_S if full else 0
        counted = 1.0 if held_s >= _FULL_HELD_S else min(max(counted, 0.0), 1.0)
        if now_s < LEARNING_DAYS * DAY_S:
            continue
        looks += 1
        error = float(estimate.share) - true
        reset_error = counted - true
        sigma = float(estimate.sigma)
        worst = max(worst, abs(error))
        worst_reset = max(worst_reset, abs(reset_error))
        for at, value in enumerate(
            (error * error, abs(error) <= 2 * sigma, sigma, reset_error * reset_error)
        ):
            sums[at] += value
    return Outcome(
        math.sqrt(sums[0] / looks),
        worst,
        sums[1] / looks,
        sums[2] / looks,
        math.sqrt(sums[3] / looks),
        worst_reset,
        estimate.offset.offset_ua / 1000 - offset_ma,
    )


# Each of these homes has another seed; together they are all signs of the errors twice.
CASES = tuple(enumerate(((1, 1, 1), (-1, -1, -1), (1, -1, -1), (-1, 1, 1)), 1))


def _job(words):
    at_tier, seed, corner = words
    return run(seed, sets.TIERS[at_tier], corner)


def table(pool):
    """{tier: figures in %}; RMSE is the mean of the homes, the largest error that of any."""
    found = {}
    for at_tier, tier in enumerate(sets.TIERS):
        if tier.name not in goals.HOMES:
            continue
        made = pool.map(_job, [(at_tier, seed, corner) for seed, corner in CASES], chunksize=1)
        count = len(made)
        found[tier.name] = {
            "rmse": round(100 * sum(one.rmse for one in made) / count, 3),
            "pooled_rmse": round(100 * math.sqrt(sum(one.rmse**2 for one in made) / count), 3),
            "worst_rmse": round(100 * max(one.rmse for one in made), 3),
            "maximum": round(100 * max(one.maximum for one in made), 3),
            "covered": round(100 * sum(one.covered for one in made) / count, 3),
            "least_covered": round(100 * min(one.covered for one in made), 3),
            "mean_sigma": round(100 * sum(one.mean_sigma for one in made) / count, 3),
            "reset_rmse": round(100 * sum(one.reset_rmse for one in made) / count, 3),
            "reset_maximum": round(100 * max(one.reset_maximum for one in made), 3),
        }
    return found


def as_lines(found):
    for tier, figures in found.items():
        yield (
            f"  sensor {tier}: RMSE {figures['rmse']:.2f}, of the worst home "
            f"{figures['worst_rmse']:.2f}; largest error {figures['maximum']:.2f}; two sigma hold "
            f"{figures['covered']:.1f} %, of the worst home {figures['least_covered']:.1f} %; "
            f"sigma {figures['mean_sigma']:.2f}"
        )
        yield (
            f"    counting with a reset at full: RMSE {figures['reset_rmse']:.2f}, largest error "
            f"{figures['reset_maximum']:.2f}"
        )
