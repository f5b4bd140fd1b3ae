"""`vigil replay`: the firmware's estimators over a recorded cell log, one line a second."""

import json
import math
import sys
from pathlib import Path

from host_tools.replay import estimators, log, plot

_LEAST_MAH, _MOST_MAH = 10, 2_000_000
_MOST_MA = 10_000_000
_COLUMNS = "t_s,soc_pct,soc_sigma_pct,source"


def replay(
    path,
    chemistry,
    capacity_mah,
    start_soc,
    offset_ma,
    gain_pct,
    voltage_mv,
    sensor_offset_ma,
    as_json,
    picture=None,
):
    """Prints the trace, or draws it; ValueError with a sentence before anything is printed."""
    if picture is not None:
        plot.check(picture)
    chemistry, capacity_mah = cell(chemistry, capacity_mah)
    start_share = start(start_soc)
    errors = (
        _number("--offset-ma", offset_ma, -_MOST_MA, _MOST_MA),
        _number("--gain-pct", gain_pct, -99, 1000),
        _number("--voltage-offset-mv", voltage_mv, -5000, 5000),
    )
    if sensor_offset_ma is not None:
        sensor_offset_ma = _number("--sensor-offset-ma", sensor_offset_ma, 0, _MOST_MA)
    made = log.read(path).with_errors(*errors)
    estimate = estimators.make(chemistry, capacity_mah, sensor_offset_ma=sensor_offset_ma)
    trace = estimators.trace(estimate, made, start_share)
    if picture is not None:
        trace = list(trace)
        title = f"{Path(path).name}, {chemistry}, {capacity_mah:g} mAh"
        plot.draw(picture, trace, made, title, start_share, capacity_mah)
        if not as_json:
            return 0
    try:
        if not as_json:
            print(_COLUMNS)
        for line in trace:
            print(_as_json(*line) if as_json else _as_text(*line))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has seen enough; nothing may be written at exit either.
        sys.stdout = None
    return 0


def _as_json(t_s, share, sigma, source):
    values = {
        "t_s": t_s,
        "soc_pct": round(share * 100, 3),
        "soc_sigma_pct": round(sigma * 100, 3),
        "source": source,
    }
    return json.dumps(values)


def _as_text(t_s, share, sigma, source):
    return f"{t_s},{share * 100:.3f},{sigma * 100:.3f},{source}"


def cell(chemistry, capacity_mah):
    """What the two words say."""
    return _chemistry(chemistry), _number("--capacity-mah", capacity_mah, _LEAST_MAH, _MOST_MAH)


def start(word):
    """As a share, or None."""
    if word.strip().lower() == "unknown":
        return None
    return _number("--start-soc", word, 0, 100, " or unknown") / 100


def _chemistry(word):
    for name in estimators.NAMES:
        if name.lower() == word.strip().lower():
            return name
    raise ValueError(f"--chemistry: {word!r} is not one of {', '.join(estimators.NAMES)}")


def _number(option, word, least, most, also=""):
    try:
        value = float(word)
    except ValueError:
        raise ValueError(f"{option}: {word!r} is not a number{also}") from None
    if not math.isfinite(value):
        raise ValueError(f"{option}: {word} is not a finite number{also}")
    if not least <= value <= most:
        raise ValueError(f"{option} must be {least} to {most}{also}, not {word}")
    return value
