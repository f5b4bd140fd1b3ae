"""A cell log in columns: time_s, current_ma (+ = charging), voltage_mv and perhaps temp_c."""

import csv
import gzip
import math
from dataclasses import dataclass, replace
from pathlib import Path

NEEDED = ("time_s", "current_ma", "voltage_mv")
OPTIONAL = ("temp_c",)
LONGEST_GAP_S = 3600
LEAST_MV, MOST_MV = 100, 6000
MOST_MA = 10_000_000


@dataclass(frozen=True)
class Log:
    time_s: list
    current_ma: list
    voltage_mv: list
    temp_c: list | None
    others: dict

    def with_errors(self, offset_ma=0.0, gain_pct=0.0, voltage_offset_mv=0.0):
        """As a sensor with these errors would have recorded it."""
        gain = 1.0 + gain_pct / 100.0
        return replace(
            self,
            current_ma=[ma * gain + offset_ma for ma in self.current_ma],
            voltage_mv=[mv + voltage_offset_mv for mv in self.voltage_mv],
        )


def read(path):
    """The Log, or ValueError with a sentence."""
    path = Path(path)
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            return parse(file, path.name)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError):
        raise ValueError(f"{path.name} is not a text file") from None
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from None


def parse(lines, name):
    rows = csv.reader(lines)
    try:
        header = [word.strip().lower() for word in next(rows, [])]
        _check(header, name)
        columns = _columns(rows, header, name)
    except csv.Error as error:
        raise ValueError(f"{name}: {error}") from None
    if len(columns["time_s"]) < 2:
        raise ValueError(f"{name} has fewer than two rows of figures")
    return Log(*(columns.pop(key, None) for key in NEEDED + OPTIONAL), columns)


def _check(header, name):
    missing = [key for key in NEEDED if key not in header]
    if missing:
        raise ValueError(
            f"{name} has no column {' and no column '.join(missing)}; it needs "
            f"{', '.join(NEEDED)}, and may have {', '.join(OPTIONAL)}"
        )
    for key in NEEDED + OPTIONAL:
        if header.count(key) > 1:
            raise ValueError(f"{name} has the column {key} more than once")


def _columns(rows, header, name):
    columns = {key: [] for key in header}
    known = NEEDED + OPTIONAL
    last_s = -math.inf
    for line, row in enumerate(rows, 2):
        if not any(word.strip() for word in row):
            continue
        if len(row) != len(header):
            raise ValueError(f"{name}, line {line}: {len(row)} values, not {len(header)}")
        for key, word in zip(header, row, strict=True):
            value = _number(word)
            if value is None and key in known:
                raise ValueError(f'{name}, line {line}: {key} is "{word.strip()[:20]}"')
            columns[key].append(value)
        _check_sizes(columns, name, line)
        now_s = columns["time_s"][-1]
        if now_s <= last_s:
            raise ValueError(f"{name}, line {line}: time_s goes from {last_s:g} to {now_s:g}")
        if now_s - last_s > LONGEST_GAP_S and math.isfinite(last_s):
            raise ValueError(
                f"{name}, line {line}: {now_s - last_s:g} s without a row; at most "
                f"{LONGEST_GAP_S} s can be followed"
            )
        last_s = now_s
    return columns


def _check_sizes(columns, name, line):
    """Volts in the place of millivolts would only give nonsense."""
    millivolts = columns["voltage_mv"][-1]
    if not MOST_MV >= millivolts >= LEAST_MV:
        raise ValueError(f"{name}, line {line}: no cell has {millivolts:g} mV")
    milliamperes = columns["current_ma"][-1]
    if abs(milliamperes) > MOST_MA:
        raise ValueError(f"{name}, line {line}: no cell bears {milliamperes:g} mA")


def _number(word):
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
