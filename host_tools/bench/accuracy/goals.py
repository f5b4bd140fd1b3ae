"""What the estimates must hold, and by how much a table misses it.

How far off they may be is asked of the sensor of tier B, an honest error bar of every sensor and
start. In % of the capacity, seconds and per cent of the time.
"""

TIER = "B"
# Chemistry: mean of the corners' RMSE, the worst corner's, the largest error, with known start.
KNOWN = {"NCA": (0.8, 1.3, 2.5), "NMC": (0.8, 1.2, None), "LFP": (1.2, 2.0, 4.5)}
SETTLED_RMSE = 1.0  # from an hour on, with unknown start; not asked of LFP
SOON = 5.0  # the largest error after ten minutes, the same
LEAST_COVERED = 95.0
# Of thirty days of a solar home: mean of the RMSE, the largest error of any.
HOMES = {"B": (1.2, 4.0), "C": (1.5, 5.0)}
MOST_SIGMA_PER_RMSE = 3.0


def judged(rows):
    """[(sentence, figure, limit, holds)] for every row that has a limit."""
    found = []

    def most(what, figure, limit):
        found.append((what, figure, limit, figure <= limit))

    def least_covered(what, figure):
        found.append((what, figure, LEAST_COVERED, figure >= LEAST_COVERED))

    for row in rows:
        if row.way not in ("known", "unknown"):
            continue
        chemistry = row.data_set.split()[0]
        name = f"{row.data_set}, sensor {row.tier}, {row.way} start"
        least_covered(f"{name}: two sigma hold", row.covered)
        ratio = round(row.mean_sigma / row.pooled_rmse, 2)
        most(f"{name}: mean sigma over RMSE", ratio, MOST_SIGMA_PER_RMSE)
        if row.tier != TIER:
            continue
        least_covered(f"{name}: two sigma hold in the worst corner", row.least_covered)
        if row.way == "known":
            mean, worst, maximum = KNOWN[chemistry]
            most(f"{name}: mean RMSE", row.mean_rmse, mean)
            most(f"{name}: RMSE of the worst corner", row.worst_rmse, worst)
            if maximum is not None:
                most(f"{name}: largest error", row.maximum, maximum)
        elif chemistry != "LFP":
            most(f"{name}: largest error after 10 min", row.soon_maximum, SOON)
            most(f"{name}: mean RMSE after 60 min", row.settled_rmse, SETTLED_RMSE)
    return found


def judged_homes(homes):
    """The same of solar.table()'s figures."""
    found = []
    for tier, figures in homes.items():
        name = f"solar home, sensor {tier}"
        for what, figure, limit in zip(
            ("mean RMSE", "largest error"),
            (figures["rmse"], figures["maximum"]),
            HOMES[tier],
            strict=True,
        ):
            found.append((f"{name}: {what}", figure, limit, figure <= limit))
        for what in ("covered", "least_covered"):
            hold = "two sigma hold" + (" in the worst home" if what != "covered" else "")
            covered = figures[what]
            found.append((f"{name}: {hold}", covered, LEAST_COVERED, covered >= LEAST_COVERED))
        ratio = round(figures["mean_sigma"] / figures["pooled_rmse"], 2)
        what = f"{name}: mean sigma over RMSE"
        found.append((what, ratio, MOST_SIGMA_PER_RMSE, ratio <= MOST_SIGMA_PER_RMSE))
    return found


def as_lines(verdicts):
    for what, figure, limit, holds in verdicts:
        yield f"  {'holds' if holds else 'MISSED':6} {what:66} {figure:8.2f}  (limit {limit:g})"
