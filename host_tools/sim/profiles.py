"""Current profiles: what charger and load outside the battery offer, over time (+ = charging).

A profile is a list of (t_ms, value) from t_ms 0 on, each value held until the next, and a unit:
"ma" (mA) or "crate_ppm" (millionths of the capacity an hour).
"""

import csv
import io
import math
import random
import struct
from dataclasses import dataclass

from host_tools.sim.quantity import INT32_MAX, number, shown

DEFAULT = "solar-home"
_LARGEST_FILE = 64_000_000
# csv column -> (unit, factor from the column's number)
_COLUMNS = {"current_ma": ("ma", 1), "crate_x1000": ("crate_ppm", 1000)}
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Profile:
    name: str
    unit: str
    rows: list

    def packed(self):
        """Little-endian int32 pairs, as the node reads them."""
        return b"".join(struct.pack("<ii", *row) for row in self.rows)

    def scaled(self, share):
        """For a pack with this share of the capacity; what is given in C goes along by itself."""
        if self.unit != "ma":
            return self
        rows = [(t, round(ma * share)) for t, ma in self.rows]
        return Profile(self.name, self.unit, rows)


def load(name_or_path, seed):
    """A named profile, or else that csv file; ValueError carries the sentence for the user."""
    if name_or_path in NAMED:
        return Profile(name_or_path, "crate_ppm", NAMED[name_or_path](seed))
    return read_csv(name_or_path)


def read_csv(path):
    try:
        unit, rows = _parse(_text(path))
    except FileNotFoundError:
        names = ", ".join(sorted(NAMED))
        raise ValueError(f"profile {shown(path)} is no file and not one of: {names}") from None
    except OSError as error:
        raise ValueError(f"cannot read profile {shown(path)}: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"profile {shown(path)}: {error}") from None
    return Profile(path, unit, rows)


def _text(path):
    with open(path, "rb") as file:
        data = file.read(_LARGEST_FILE + 1)
    if len(data) > _LARGEST_FILE:
        raise ValueError("is larger than 64 MB")
    if b"\0" in data:
        raise ValueError("is not a text file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("is not a text file (not UTF-8)") from None


def _parse(text):
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        lines = ((reader.line_num, row) for row in reader if any(map(str.strip, row)))
        header = next(lines, None)
        if header is None:
            raise ValueError("is empty")
        time_at, value_at, value_name = _columns(header[1])
        unit, factor = _COLUMNS[value_name]
        rows = []
        first_ms = None
        for line, row in lines:
            t_ms = round(_cell(row, time_at, "time_s", line) * 1000)
            value = round(_cell(row, value_at, value_name, line) * factor)
            if first_ms is None:
                first_ms = t_ms
            t_ms -= first_ms
            if rows and t_ms <= rows[-1][0]:
                raise ValueError(f"line {line}: time_s must rise by at least 0.001 s a row")
            if t_ms > INT32_MAX:
                raise ValueError(f"line {line}: time_s is too large (24 days at most)")
            if abs(value) > INT32_MAX:
                raise ValueError(f"line {line}: {value_name} is too large")
            rows.append((t_ms, value))
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from None
    if not rows:
        raise ValueError("has a header but no rows")
    if len(rows) == 1:
        # The node takes the profile's period from its last step.
        rows.append((1000, rows[0][1]))
    return unit, rows


def _columns(header):
    """Positions of time and value, and the value's name."""
    names = [name.strip().lower() for name in header]
    for name in ("time_s", *_COLUMNS):
        if names.count(name) > 1:
            raise ValueError(f"has column {name} more than once")
    value = next((name for name in _COLUMNS if name in names), None)
    if "time_s" not in names:
        missing = "time_s"
    elif value is None:
        missing = "current_ma (or crate_x1000)"
    else:
        return names.index("time_s"), names.index(value), value
    raise ValueError(f"has no column {missing}; its first line is {shown(','.join(header))}")


def _cell(row, at, name, line):
    text = row[at].strip() if at < len(row) else ""
    if not text:
        raise ValueError(f"line {line}: {name} is missing")
    try:
        return number(text)
    except ValueError as error:
        raise ValueError(f"line {line}: {name} {error}") from None


# The named profiles: rows in crate_ppm, so that they fit a pack of any size.


def _steady(crate_ppm):
    return [(0, crate_ppm), (_HOUR_MS, crate_ppm)]


_STEP_S = 10
_DAY_STEPS = 86400 // _STEP_S
_SUNRISE_H = 7.0
# Hours since sunrise when the panels deliver more than the house takes.
_SUN_FROM_H, _SUN_TO_H = 1.5, 9.0
# Appliances: (from, to) in hours since sunrise, draw in C ppm, longest run in minutes, share of
# the time that it runs.
_APPLIANCES = (
    (0.0, 24.0, 8_000, 15, 0.4),  # fridge
    (0.1, 1.2, 180_000, 4, 0.3),  # kettle and toaster
    (5.0, 6.0, 60_000, 8, 0.3),  # lunch
    (10.5, 12.5, 210_000, 10, 0.3),  # oven
    (10.8, 12.2, 320_000, 8, 0.22),  # hob
    (11.0, 16.0, 14_000, 30, 0.6),  # lights and screens
)
_BASE_PPM = 7_000
_HIGHEST_PPM, _LOWEST_PPM = 450_000, -600_000


def solar_home(seed):
    """A day in a house with solar panels, from sunrise (07:00) to sunrise, back where it began.

    For a 100 Ah pack: night base load about 1 A, cooking to -60 A, sun to 45 A between clouds.
    """
    # A string seed: the sequence for it is the same in every Python.
    chance = random.Random(f"solar-home {seed}")
    load = _house(chance)
    sun = _sun(chance)
    # As much sun as the house needs, so that tomorrow begins like today.
    share = sum(load) / sum(sun)
    rows = []
    for step in range(_DAY_STEPS):
        ppm = round(sun[step] * share - load[step])
        rows.append((step * _STEP_S * 1000, max(_LOWEST_PPM, min(_HIGHEST_PPM, ppm))))
    return rows


def _house(chance):
    load = [_BASE_PPM] * _DAY_STEPS
    for from_h, to_h, draw, longest_min, share in _APPLIANCES:
        step = int(from_h * 3600 / _STEP_S)
        end = int(to_h * 3600 / _STEP_S)
        while step < end:
            run = int(chance.uniform(0.4, 1.0) * longest_min * 60 / _STEP_S)
            for at in range(step, min(step + run, end)):
                load[at] += draw
            step += run + int(run * (1 - share) / share * chance.uniform(0.6, 1.4)) + 1
    return load


def _sun(chance):
    """The bell of the day behind drifting clouds, peak about 1."""
    phases = [chance.uniform(0, 2 * math.pi) for _ in range(3)]
    sun = []
    for step in range(_DAY_STEPS):
        hour = step * _STEP_S / 3600
        height = (hour - _SUN_FROM_H) / (_SUN_TO_H - _SUN_FROM_H)
        bell = math.sin(math.pi * height) ** 2 if 0 < height < 1 else 0.0
        drift = (
            math.sin(2.1 * hour + phases[0])
            + 0.7 * math.sin(9.7 * hour + phases[1])
            + 0.5 * math.sin(47.0 * hour + phases[2])
        )
        cloud = 1 / (1 + math.exp(-5 * (drift + 0.35)))
        sun.append(bell * (1 - 0.8 * cloud))
    return sun


NAMED = {
    "solar-home": solar_home,
    "rest": lambda seed: _steady(0),
    "charge": lambda seed: _steady(300_000),
    "discharge": lambda seed: _steady(-300_000),
}
