"""Capacity after ten pairs: NMC between rests in the middle, LFP between full and empty.

Beside it the last stretch alone: what was counted from one moment to the next, over what the
voltage table says of the two.
"""

import itertools
from dataclasses import dataclass

from host_tools.bench.accuracy import sets
from host_tools.bench.health.bench_cells import CAPACITY_MAH, Cells
from vigil.estimate.capacity import RING

PAIRS = 10
_MOST_TURNS = 40
# Error of the capacity in %, as a root mean square over all runs, and its coverage in %.
GOALS = {"NMC": 2.0, "LFP": 1.2}
LEAST_COVERED = 90.0
CHARGER = {"NMC": 4200.0, "LFP": 3500.0}
CUT = {"NMC": 2950.0, "LFP": 2700.0}


@dataclass(frozen=True)
class Outcome:
    """Shares of the true capacity, one for each cell."""

    errors: tuple
    sigmas: tuple
    single_errors: tuple  # of the last stretch alone
    each: tuple  # pairs that a cell's figure rests on
    pairs: int

    def told(self):
        """[(error, sigma)] of the cells that have a figure."""
        both = zip(self.errors, self.sigmas, self.each, strict=True)
        return [(error, sigma) for error, sigma, pairs in both if pairs]

    def alone(self):
        """[(error of the last stretch, pairs)] of the same cells."""
        both = zip(self.single_errors, self.each, strict=True)
        return [(error, pairs) for error, pairs in both if pairs]

    @property
    def cells(self):
        return len(self.errors)


def charge_fully(cells, rate):
    """Constant current, then constant voltage until little is left of it; held for a while."""
    ma = rate * CAPACITY_MAH
    limit_mv = CHARGER[cells.pack.chemistry]
    while ma > CAPACITY_MAH / 25:
        near = max(cells.mv) > limit_mv - 60
        cells.run(ma, 10 if near else 20)
        over_mv = max(cells.mv) - limit_mv
        if over_mv > 0:
            ma *= max(1 - over_mv / 60, 0.7)
    for _ in range(12):
        cells.run(ma if max(cells.mv) < limit_mv else CAPACITY_MAH / 200)


def discharge_fully(cells, rate):
    """Until a cell is at its end, then on with a small current until it is there again."""
    limit_mv = CUT[cells.pack.chemistry]
    for ma in (rate * CAPACITY_MAH, CAPACITY_MAH / 8):
        while min(cells.mv) > limit_mv:
            cells.run(-ma, 10 if min(cells.mv) < limit_mv + 300 else 20)


def move_to(cells, share, rate):
    """Until the first cell is there."""
    ma = rate * CAPACITY_MAH
    shares = [cells.share(cell) for cell in range(cells.pack.cells)]
    up = share > max(shares)
    while max(shares) < share if up else min(shares) > share:
        cells.run(ma if up else -ma, 20)
        shares = [cells.share(cell) for cell in range(cells.pack.cells)]


def day(cells, up):
    """One way up or down, and a rest."""
    dice = cells.dice
    rate = dice.uniform(0.2, 0.5)
    if cells.pack.chemistry == "LFP":
        (charge_fully if up else discharge_fully)(cells, rate)
        cells.rest(round(dice.uniform(600, 3600)))
    else:
        share = dice.uniform(0.7, 0.93) if up else dice.uniform(0.15, 0.4)
        move_to(cells, share, rate)
        cells.rest(round(dice.uniform(3600, 9000)))


def run(chemistry, seed, tier, corner, cells=4, in_singles=False, worn_pct=None):
    dice_worn = (seed * 7919) % 16 if worn_pct is None else worn_pct
    # Balanced where they are wanted to be: LFP when full.
    soc_pct = 98.0 if chemistry == "LFP" else 50.0
    bench = Cells(chemistry, seed, tier, corner, cells, dice_worn, soc_pct, in_singles)
    ageing = bench.ageing
    for turn in range(_MOST_TURNS):
        day(bench, turn % 2 == (chemistry == "LFP"))
        if ageing.pairs >= PAIRS:
            break
    errors, sigmas, alone = [], [], []
    for cell in range(cells):
        true = bench.capacity_mah(cell) / CAPACITY_MAH
        errors.append(float(ageing.capacity.shares[cell]) / true - 1)
        sigmas.append(float(ageing.capacity.sigmas[cell]) / true)
        alone.append(_last_stretch(ageing.capacity, cell) / true - 1)
    return Outcome(
        tuple(errors), tuple(sigmas), tuple(alone), tuple(ageing.capacity.pairs), ageing.pairs
    )


def _last_stretch(capacity, cell):
    """Counted over told, of the newest record; the rated capacity if there is none."""
    base = (capacity.next - 1) % RING * capacity.size
    at = base + 6 + 3 * cell
    moved, told = (
        int.from_bytes(capacity.ring[here : here + 2], "little", signed=True)
        for here in (base, at)
    )
    return moved / told if told else 1.0


def cases(seeds):
    """Each seed with each corner of the sensor's errors."""
    return tuple(itertools.product(seeds, sets.CORNERS))
