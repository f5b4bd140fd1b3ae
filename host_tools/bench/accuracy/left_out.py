"""Would the parameters be others, had a data set not been there?

For each set: the best scale of resistance and of the expected voltage error is chosen by all other
sets; the set itself then has to hold with that choice. All chemistries are scaled alike, and
nothing else is chosen by these data: resistances and tables come from the sources they name.
"""

from host_tools.bench.accuracy import runs, sets

SCALES = tuple((ohm, mv) for ohm in (0.7, 1.0, 1.4) for mv in (0.6, 1.0, 1.6))
SHIPPED = (1.0, 1.0)
CORNERS = ((1, 1, 1), (-1, -1, -1))
FROM_S = 1800


def _scaled(ohm, mv):
    def change(estimate):
        estimate.model.ocv_mv *= mv
        estimate.model.ohm *= ohm
        estimate.model.fast_ohm *= ohm
        estimate.model.slow_ohm *= ohm

    return change


def rmse(data_set, scale, last_s=None, tier=sets.TIERS[1]):
    """Mean of two opposite corners, share of the capacity; unknown start, on a plateau known."""
    known = data_set.chemistry == "LFP"
    found = []
    for corner in CORNERS:
        run = runs.estimate(data_set, tier, corner, known, last_s, False, _scaled(*scale))
        found.append(run.rmse(FROM_S))
    return sum(found) / len(found)


def table(last_s=None, scales=SCALES):
    """{set: {scale: RMSE}}."""
    return {one.name: {scale: rmse(one, scale, last_s) for scale in scales} for one in sets.SETS}


def chosen_without(name, figures):
    """The scale at which the other sets are best, each set counting alike."""
    others = [mine for other, mine in figures.items() if other != name]

    def loss(scale):
        return sum(mine[scale] / min(mine.values()) for mine in others)

    return min(figures[name], key=loss)


def judged(figures):
    """[(set, chosen scale, RMSE with it, RMSE as shipped)], in %."""
    found = []
    for name, mine in figures.items():
        scale = chosen_without(name, figures)
        found.append((name, scale, round(100 * mine[scale], 2), round(100 * mine[SHIPPED], 2)))
    return found
