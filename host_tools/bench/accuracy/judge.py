"""`python -m host_tools.bench.accuracy.judge LOG.csv --truth COLUMN ...`: one's own log, judged.

What `vigil replay` makes of a log with a column of true charge in %, with the errors of the
sensors A, B and C added in all eight signs, with known and with unknown start. Beside it counting.
"""

import argparse
import math
import sys
from dataclasses import dataclass

from host_tools.bench.accuracy import sets
from host_tools.replay import command, estimators, log


@dataclass
class Sums:
    """Of one run: how often looked, and the sums of what is judged; shares."""

    looks: int = 0
    square: float = 0.0
    within: int = 0  # two sigma
    sigma: float = 0.0
    largest: float = 0.0

    def take(self, error, sigma):
        self.looks += 1
        self.square += error * error
        self.within += abs(error) <= 2 * sigma
        self.sigma += sigma
        self.largest = max(self.largest, abs(error))

    def rmse(self):
        return math.sqrt(self.square / self.looks)


def run(made, true, cell, start_share, tier, corner, sensor_offset_ma=None):
    """One corner; made: the Log without errors; cell: (chemistry, capacity in mAh)."""
    estimate = estimators.make(*cell, sensor_offset_ma=sensor_offset_ma)
    sums = Sums()
    truth = dict(zip(made.time_s, true, strict=True))
    for t_s, share, sigma, _ in estimators.trace(
        estimate, _seen(made, cell, tier, corner), start_share
    ):
        if t_s in truth:
            sums.take(share - truth[t_s], sigma)
    return sums


def counting(made, true, cell, tier, corner):
    """The same of plain counting from the true start."""
    seen = _seen(made, cell, tier, corner)
    sums = Sums()
    share, last_s = true[0], made.time_s[0]
    for time_s, ma, told in zip(seen.time_s, seen.current_ma, true, strict=True):
        share += ma * (time_s - last_s) / 3600 / cell[1]
        last_s = time_s
        sums.take(share - told, 0.0)
    return sums


def _seen(made, cell, tier, corner):
    offset_ma = corner[1] * tier.offset_share * cell[1]
    return made.with_errors(offset_ma, corner[0] * tier.gain_pct, corner[2] * tier.voltage_mv)


@dataclass
class Verdict:
    """Of all corners: in % of the capacity and of the looks; mean sigma over the RMSE of all."""

    mean_rmse: float
    worst_rmse: float
    largest: float
    covered: float
    least_covered: float
    ratio: float


def verdict(corners):
    """Of the Sums of some corners."""
    looks = sum(one.looks for one in corners)
    pooled = math.sqrt(sum(one.square for one in corners) / looks)
    return Verdict(
        100 * sum(one.rmse() for one in corners) / len(corners),
        100 * max(one.rmse() for one in corners),
        100 * max(one.largest for one in corners),
        100 * sum(one.within for one in corners) / looks,
        100 * min(one.within / one.looks for one in corners),
        sum(one.sigma for one in corners) / looks / pooled if pooled else 0.0,
    )


def lines(made, true, cell, tiers=sets.TIERS, corners=sets.CORNERS):
    """A line for each sensor and way; each board states its sensor's offset, from B's on."""
    yield "sensor start     RMSE mean  worst    max  two sigma hold (least)  sigma over RMSE"
    for tier in tiers:
        stated_ma = max(tier.offset_share, sets.TIERS[1].offset_share) * cell[1]
        for way, start_share in (("known", true[0]), ("unknown", None)):
            found = [
                run(made, true, cell, start_share, tier, corner, stated_ma) for corner in corners
            ]
            yield _line(tier.name, way, verdict(found), True)
        found = [counting(made, true, cell, tier, corner) for corner in corners]
        yield _line(tier.name, "counting", verdict(found), False)


def _line(sensor, way, one, barred):
    text = f"{sensor:6} {way:9} {one.mean_rmse:9.2f} {one.worst_rmse:6.2f} {one.largest:6.1f}"
    if barred:
        text += f"  {one.covered:6.1f} % ({one.least_covered:5.1f} %)  {one.ratio:15.2f}"
    return text


def main(words=None):
    parser = argparse.ArgumentParser(prog="judge", description=__doc__)
    parser.add_argument("path", metavar="LOG.csv")
    parser.add_argument("--truth", metavar="COLUMN", required=True, help="true charge in %%")
    parser.add_argument("--chemistry", required=True)
    parser.add_argument("--capacity-mah", required=True)
    parser.add_argument("--sensors", default="ABC", help="some of A, B and C")
    told = parser.parse_args(words)
    try:
        cell = command.cell(told.chemistry, told.capacity_mah)
        made = log.read(told.path)
        true = _truth(made, told.truth)
    except ValueError as error:
        print(f"judge: {error}", file=sys.stderr)
        return 2
    if not set(told.sensors.upper()) & {tier.name for tier in sets.TIERS}:
        parser.error("--sensors: some of A, B and C")
    tiers = [tier for tier in sets.TIERS if tier.name in told.sensors.upper()]
    for line in lines(made, true, cell, tiers):
        print(line, flush=True)
    return 0


def _truth(made, column):
    values = made.others.get(column.strip().lower())
    if values is None:
        names = ", ".join(made.others) or "none beside the log's own"
        raise ValueError(f"--truth: no column {column}; there are {names}")
    if any(value is None for value in values):
        raise ValueError(f"--truth: {column} has a row that is no number")
    return [value / 100 for value in values]


if __name__ == "__main__":
    sys.exit(main())
