"""The accuracy table: every data set, sensor and corner, with known and unknown start.

Figures in % of the capacity; each is of eight runs, one for each corner of the sensor's errors.
"""

import math
from dataclasses import asdict, dataclass

from host_tools.bench.accuracy import runs, sets

WAYS = ("known", "unknown", "counting", "counting, reset at full")


@dataclass
class Row:
    """Over the eight corners of one data set, sensor and way of estimating."""

    data_set: str
    tier: str
    way: str
    mean_rmse: float
    pooled_rmse: float  # of all corners together
    worst_rmse: float
    maximum: float
    covered: float  # of all seconds of all corners, within two sigma
    least_covered: float  # of the corner with the fewest
    mean_sigma: float
    settled_rmse: float  # the mean from an hour on
    settled_worst_rmse: float
    soon_maximum: float  # the largest error after ten minutes
    apart_until_s: float  # the last moment with an error of 5 % in any corner


def _job(words):
    at_set, at_tier, corner, way, in_singles = words
    data_set, tier = sets.SETS[at_set], sets.TIERS[at_tier]
    if way in ("known", "unknown"):
        result = runs.estimate(data_set, tier, corner, way == "known", None, in_singles)
    else:
        result = runs.counting(data_set, tier, corner, way != "counting")
    return (
        result.rmse(),
        result.worst(),
        result.covered(),
        result.mean_sigma(),
        result.rmse(runs.SETTLED_S),
        result.worst(runs.SOON_S),
        result.apart_until_s(0.05),
    )


def _row(data_set, tier, way, figures):
    rmse, worst, covered, sigma, settled, soon, apart_s = zip(*figures, strict=True)
    count = len(figures)
    percent = [
        sum(rmse) / count,
        math.sqrt(sum(one * one for one in rmse) / count),
        max(rmse),
        max(worst),
        sum(covered) / count,
        min(covered),
        sum(sigma) / count,
        sum(settled) / count,
        max(settled),
        max(soon),
    ]
    rounded = [round(100 * value, 3) for value in percent]
    return Row(data_set.name, tier.name, way, *rounded, round(max(apart_s), 1))


def rows(at_sets=None, tiers=None, ways=WAYS, corners=sets.CORNERS, in_singles=True, pool=None):
    """[Row], each set, tier and way in turn; pool: processes to share the work."""
    chosen = [
        (at_set, at_tier, way)
        for at_set in (range(len(sets.SETS)) if at_sets is None else at_sets)
        for at_tier in (range(len(sets.TIERS)) if tiers is None else tiers)
        for way in ways
    ]
    jobs = [
        (at_set, at_tier, corner, way, in_singles)
        for at_set, at_tier, way in chosen
        for corner in corners
    ]
    if pool is None:
        figures = [_job(job) for job in jobs]
    else:
        figures = pool.map(_job, jobs, chunksize=4)
    made = []
    for at, (at_set, at_tier, way) in enumerate(chosen):
        mine = figures[at * len(corners) : (at + 1) * len(corners)]
        made.append(_row(sets.SETS[at_set], sets.TIERS[at_tier], way, mine))
    return made


def as_lines(made):
    yield (
        "data set    sensor start                   RMSE mean  worst   max  two sigma hold (least)"
        "  sigma  after 1 h mean  worst"
    )
    for row in made:
        line = (
            f"{row.data_set:11} {row.tier:6} {row.way:24} {row.mean_rmse:7.2f} "
            f"{row.worst_rmse:6.2f} {row.maximum:5.1f}"
        )
        if row.mean_sigma:
            line += f"   {row.covered:6.1f} % ({row.least_covered:5.1f} %)  {row.mean_sigma:8.2f}"
            line += f"  {row.settled_rmse:14.2f} {row.settled_worst_rmse:6.2f}"
        yield line


def as_json(made):
    return [asdict(row) for row in made]


def pooled(made, tier, way):
    """(two sigma hold in %, mean sigma over RMSE) of all data sets together."""
    mine = [row for row in made if row.tier == tier and row.way == way]
    rmse = math.sqrt(sum(row.mean_rmse**2 for row in mine) / len(mine))
    return (
        sum(row.covered for row in mine) / len(mine),
        sum(row.mean_sigma for row in mine) / len(mine) / rmse,
    )
