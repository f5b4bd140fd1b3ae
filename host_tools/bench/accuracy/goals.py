"""What the estimates must hold with the sensor of tier B, and by how much a table misses it.

In % of the capacity, seconds and per cent of the time.
"""

TIER = "B"
# Chemistry: mean of the corners' RMSE, the worst corner's, the largest error, with known start.
KNOWN = {"NCA": (0.8, 1.3, 2.5), "NMC": (0.8, 1.2, None), "LFP": (1.2, 2.0, 4.5)}
SETTLED_RMSE = 1.0  # from an hour on, with unknown start; not asked of LFP
SOON = 5.0  # the largest error after ten minutes, the same
LEAST_COVERED = 95.0
MOST_SIGMA_PER_RMSE = 3.0


def judged(rows):
    """[(sentence, figure, limit, holds)] for every row that has a limit."""
    found = []

    def most(what, figure, limit):
        found.append((what, figure, limit, figure <= limit))

    for row in rows:
        if row.tier != TIER or row.way not in ("known", "unknown"):
            continue
        chemistry = row.data_set.split()[0]
        name = f"{row.data_set}, {row.way} start"
        if row.way == "known":
            mean, worst, maximum = KNOWN[chemistry]
            most(f"{name}: mean RMSE", row.mean_rmse, mean)
            most(f"{name}: RMSE of the worst corner", row.worst_rmse, worst)
            if maximum is not None:
                most(f"{name}: largest error", row.maximum, maximum)
            ratio = round(row.mean_sigma / row.mean_rmse, 2)
            most(f"{name}: mean sigma over RMSE", ratio, MOST_SIGMA_PER_RMSE)
        elif chemistry != "LFP":
            most(f"{name}: largest error after 10 min", row.soon_maximum, SOON)
            most(f"{name}: mean RMSE after 60 min", row.settled_rmse, SETTLED_RMSE)
        covered = row.least_covered
        found.append((f"{name}: two sigma hold", covered, LEAST_COVERED, covered >= LEAST_COVERED))
    return found


def as_lines(rows):
    for what, figure, limit, holds in judged(rows):
        yield f"  {'holds' if holds else 'MISSED':6} {what:52} {figure:8.2f}  (limit {limit:g})"
