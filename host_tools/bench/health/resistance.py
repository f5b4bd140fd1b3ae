"""Resistance from a load that comes and goes, at one temperature after the other.

Beside it the plain quotient of the latest step, voltage over current, taken as it is.
"""

from dataclasses import dataclass

from host_tools.bench.health.bench_cells import CAPACITY_MAH, Cells

GOAL = 0.08
TEMPS_C = (5.0, 15.0, 45.0, 25.0, 35.0, 5.0)
LEARNED_AFTER = 2  # of these: it was warm and cold by then
STEPS = 30  # at each temperature
LEAST_RATE, MOST_RATE = 0.35, 1.0


@dataclass(frozen=True)
class Outcome:
    """At one temperature; each cell's (error, sigma) as shares of the true resistance."""

    celsius: float
    here: tuple  # against the resistance at this temperature
    warm: tuple  # against the one at 25 degC
    plain: tuple  # the latest step alone, against the one at 25 degC
    steps: int


def run(chemistry, seed, tier, corner, cells=4, temps_c=TEMPS_C):
    """[Outcome] for each temperature in turn."""
    bench = Cells(chemistry, seed, tier, corner, cells)
    return [_at(bench, celsius) for celsius in temps_c]


def _at(bench, celsius):
    dice = bench.dice
    bench.warm(celsius)
    resistance = bench.ageing.resistance
    plain = [0.0] * bench.pack.cells
    for _ in range(STEPS):
        ma = dice.uniform(LEAST_RATE, MOST_RATE) * CAPACITY_MAH
        if bench.share() > 0.5:
            ma = -ma
        before = list(bench.mv)
        bench.run(ma, 1)
        plain = [
            (now_mv - before_mv) / ma for now_mv, before_mv in zip(bench.mv, before, strict=True)
        ]
        for _ in range(dice.randrange(15, 60)):
            bench.run(ma, 1)
        for _ in range(dice.randrange(10, 60)):
            bench.run(0.0, 1)
    sigma = float(resistance.sigma())
    here, warm = [], []
    # What of the whole is owed to the temperature, as the firmware has learned it.
    now = float(resistance.warming(bench.estimate.model.temp_dc))
    for cell in range(bench.pack.cells):
        ohm = float(resistance.common_ohm() * resistance.ratios[cell])
        here.append((ohm * now / bench.pack.ohm[cell] - 1, sigma))
        warm.append((ohm / bench.pack.ohm_warm[cell] - 1, sigma))
    plain = [ohm / true - 1 for ohm, true in zip(plain, bench.pack.ohm_warm, strict=True)]
    return Outcome(celsius, tuple(here), tuple(warm), tuple(plain), resistance.steps)
