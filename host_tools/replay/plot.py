"""The trace of a replay as a picture: charge with its two sigma, what told it, and the log.

matplotlib (the extra `plot`) is imported here only, and without a screen.
"""

from pathlib import Path

KINDS = (".svg", ".png", ".pdf")
_SOURCE_COLOURS = {
    "unknown": "#9e9e9e",
    "boot": "#c9b458",
    "grid": "#b07aa1",
    "filter": "#4e79a7",
    "full": "#59a14f",
    "empty": "#e15759",
    "rest": "#76b7b2",
}
_SIZE_INCHES = (10, 7)
_HOUR_S = 3600


def check(path):
    """ValueError with a sentence for a name or a machine with which nothing can be drawn."""
    if Path(path).suffix.lower() not in KINDS:
        raise ValueError(f"--plot: {path} has to end in {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        raise ValueError("--plot needs matplotlib: pip install 'vigil-bms[plot]'") from None


def draw(path, trace, log, title, start_share=None, capacity_mah=None):
    """trace: [(t_s, share, sigma, source)]; log: what the estimators saw.

    With a start_share plain counting from there is drawn beside it.
    """
    from matplotlib.figure import Figure

    has_temps = log.temp_c is not None
    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    heights = [3, 1, 1] + [1] * has_temps
    charge, voltage, current, *temps = figure.subplots(
        len(heights), 1, sharex=True, height_ratios=heights
    )
    _draw_charge(charge, trace)
    log_h = [time_s / _HOUR_S for time_s in log.time_s]
    if start_share is not None:
        counted = _counted(log, start_share, capacity_mah)
        charge.plot(log_h, counted, "--", color="#888888", lw=1, label="counting alone")
    charge.set_ylabel("charge, %")
    charge.set_title(title)
    charge.legend(loc="best", fontsize="small", ncols=2)
    voltage.plot(log_h, log.voltage_mv, color="#333333", lw=0.8)
    voltage.set_ylabel("cell, mV")
    current.plot(log_h, [ma / 1000 for ma in log.current_ma], color="#333333", lw=0.8)
    current.set_ylabel("current, A\n(+ charging)")
    if has_temps:
        temps[0].plot(log_h, log.temp_c, color="#333333", lw=0.8)
        temps[0].set_ylabel("degC")
    lowest = (temps or [current])[-1]
    lowest.set_xlabel("hours")
    for panel in (charge, voltage, current, *temps):
        panel.grid(alpha=0.3)
    try:
        figure.savefig(path)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from None


def _draw_charge(panel, trace):
    hours = [line[0] / _HOUR_S for line in trace]
    shares = [100 * line[1] for line in trace]
    low = [100 * max(line[1] - 2 * line[2], 0) for line in trace]
    high = [100 * min(line[1] + 2 * line[2], 1) for line in trace]
    panel.fill_between(hours, low, high, color="#4e79a7", alpha=0.2, lw=0, label="two sigma")
    told = set()
    for source, first, last in stretches(trace):
        panel.plot(
            hours[first : last + 1],
            shares[first : last + 1],
            color=_SOURCE_COLOURS[source],
            lw=1.6,
            label=None if source in told else source,
        )
        told.add(source)


def stretches(trace):
    """[(source, first row, last row)]; each reaches to the beginning of the next."""
    found = []
    for row, line in enumerate(trace):
        if not found or found[-1][0] != line[3]:
            if found:
                found[-1] = (*found[-1][:2], row)
            found.append((line[3], row, row))
    if found:
        found[-1] = (*found[-1][:2], len(trace) - 1)
    return found


def _counted(log, share, capacity_mah):
    counted = []
    last_s = log.time_s[0]
    for time_s, ma in zip(log.time_s, log.current_ma, strict=True):
        share += ma * (time_s - last_s) / _HOUR_S / capacity_mah
        last_s = time_s
        counted.append(100 * share)
    return counted
