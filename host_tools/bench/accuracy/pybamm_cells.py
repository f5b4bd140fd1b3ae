"""`python host_tools/bench/accuracy/pybamm_cells.py FOLDER [NAME ...]`: cells nobody has tuned to.

Days of other cells than the bench knows, computed with PyBaMM (https://pybamm.org, not part of
the project: run this with the Python that has it) and written as logs for judge.py, with their
true charge in soc_true_pct and what to tell `vigil replay` in cells.json.
"""

import csv
import gzip
import json
import math
import random
import sys
from pathlib import Path

CYCLES = Path(__file__).parents[4] / "shared" / "data" / "drive_cycles"
HOUR_S = 3600

# Name of a parameter set of PyBaMM, chemistry, voltages of empty and full.
CELLS = {
    "chen": ("Chen2020", "NMC", 2.5, 4.2),
    "mohtat": ("Mohtat2020", "NMC", 2.8, 4.2),
    "prada": ("Prada2013", "LFP", 2.0, 3.6),
    "kim": ("NCA_Kim2011", "NCA", 2.7, 4.2),
}


def _cycle(name, scale):
    """C-rates a second, + = charging."""
    with open(CYCLES / f"{name}.csv", encoding="utf-8", newline="") as file:
        return [scale * float(row["crate_x1000"]) / 1000 for row in csv.DictReader(file)]


def _drive(name, scale, moved):
    """The cycle again and again until so large a share has been taken."""
    once = _cycle(name, scale)
    each = -sum(once) / HOUR_S
    return ("rates", once * max(1, round(moved / each)))


def _rest(hours):
    return ("rates", [0.0] * round(hours * HOUR_S))


def _steady(rate, moved):
    return ("rates", [math.copysign(rate, moved)] * round(abs(moved) / rate * HOUR_S))


def _fill(rate, end=0.03):
    """Constant current, constant voltage, to full."""
    return ("fill", rate, end)


def _home(seed, hours=24, begin_h=5):
    """A day of sun and a household, new figures every 5 min, a cloud now and then."""
    dice = random.Random(seed)
    rates = []
    cloud = 1.0
    for second in range(round(hours * HOUR_S)):
        hour = (begin_h + second / HOUR_S) % 24
        if not second % 300:
            load = 0.03 + 0.03 * dice.random() + (0.1 * dice.random() if 17 <= hour < 23 else 0)
            if dice.random() < 0.05:
                load += 0.3
            cloud = 0.5 + 0.5 * dice.random()
        height = math.sin(math.pi * (hour - 6.5) / 12)
        rates.append(0.17 * cloud * max(height, 0) ** 1.3 - load)
    return ("rates", rates)


# What happens, and the charge at its start.
DAYS = {
    "drive": (
        0.97,
        [_rest(0.5), _drive("UDDS", 1.5, 0.7), _rest(1), _fill(0.33), _rest(1)]
        + [_drive("WLTC3b", 1.0, 0.6), _rest(1)],
    ),
    "partial": (
        0.55,
        [_drive("HWFET", 1.0, 0.25), _rest(3), _steady(0.3, 0.3), _rest(4)]
        + [_drive("WLTC3b", 0.8, 0.35), _rest(6), _steady(0.2, 0.3), _rest(2)],
    ),
    "home": (0.5, [_home(5)]),
    "slow": (
        0.8,
        [_steady(0.1, -0.7), _rest(3), _fill(0.15, 0.02), _rest(2), _steady(0.25, -0.5)],
    ),
    "fast": (0.9, [_drive("US06", 1.0, 0.75), _rest(0.2), _fill(0.7), _drive("US06", 0.8, 0.5)]),
}

JOBS = {
    f"{cell}_{day}_{temp}C": (cell, day, temp)
    for cell, days in {
        "chen": (("drive", 0), ("partial", 10), ("home", 25), ("slow", 40), ("fast", 25)),
        "mohtat": (("drive", 25), ("partial", 10), ("home", 40)),
        "prada": (("drive", 25), ("partial", 25), ("home", 25), ("slow", 25)),
        "kim": (("drive", 25), ("partial", 10), ("home", 25), ("fast", 40)),
    }.items()
    for day, temp in days
}


def _parameters(pybamm, name, celsius):
    values = pybamm.ParameterValues(name)
    kelvin = 273.15 + celsius
    values.update({"Ambient temperature [K]": kelvin, "Initial temperature [K]": kelvin})
    return values


def _make(pybamm, name, day, celsius):
    kind, chemistry, low_v, high_v = CELLS[name]
    values = _parameters(pybamm, kind, celsius)
    values.update({"Lower voltage cut-off [V]": low_v - 0.3}, check_already_exists=False)
    values.update({"Upper voltage cut-off [V]": high_v + 0.1}, check_already_exists=False)
    values.update({"Open-circuit voltage at 0% SOC [V]": low_v})
    values.update({"Open-circuit voltage at 100% SOC [V]": high_v})
    # This cell's heat is not known, nor how it changes with temperature.
    thermal = "isothermal" if kind == "Prada2013" else "lumped"
    model = pybamm.lithium_ion.SPMe({"thermal": thermal})
    least, most = pybamm.lithium_ion.get_min_max_stoichiometries(values)[:2]
    capacity_ah = float(values.evaluate(model.param.n.Q_init) * (most - least))
    begin, parts = DAYS[day]
    steps = []
    for part in parts:
        if part[0] == "fill":
            _, rate, end = part
            steps.append(
                pybamm.step.current(
                    -rate * capacity_ah, termination=f"{high_v - 0.002} V", duration=20 * HOUR_S
                )
            )
            steps.append(
                pybamm.step.voltage(
                    high_v - 0.002, termination=f"{end * capacity_ah:.5f} A", duration=3 * HOUR_S
                )
            )
        else:
            rates = part[1]
            table = [(second, -rate * capacity_ah) for second, rate in enumerate(rates)]
            table.append((len(rates), table[-1][1]))
            if len(set(rates)) == 1:
                steps.append(pybamm.step.current(table[0][1], duration=len(rates), period=1))
            else:
                steps.append(pybamm.step.current(_array(table), period=1))
    for step in steps:
        step.period = 1
    simulation = pybamm.Simulation(
        model, parameter_values=values, experiment=pybamm.Experiment(steps, period="1 second")
    )
    solution = simulation.solve(initial_soc=begin)
    return solution, capacity_ah, begin, chemistry


def _array(table):
    import numpy

    return numpy.array(table)


def write(pybamm, folder, name):
    cell, day, celsius = JOBS[name]
    solution, capacity_ah, begin, chemistry = _make(pybamm, cell, day, celsius)
    columns = [
        solution[key].entries
        for key in (
            "Time [s]",
            "Current [A]",
            "Voltage [V]",
            "Volume-averaged cell temperature [C]",
        )
        + ("Discharge capacity [A.h]",)
    ]
    last_s = -1
    with gzip.open(folder / f"{name}.csv.gz", "wt", encoding="utf-8", newline="") as file:
        file.write("time_s,current_ma,voltage_mv,temp_c,soc_true_pct\n")
        for time_s, current_a, volts, temp_c, taken_ah in zip(*columns, strict=True):
            # One row a second; where two steps meet there are two of the same moment.
            if time_s < last_s + 0.999:
                continue
            last_s = time_s
            true = 100 * (begin - taken_ah / capacity_ah)
            row = (
                f"{time_s:.0f},{-1000 * current_a:.1f},{1000 * volts:.1f},{temp_c:.1f},{true:.4f}"
            )
            file.write(row + "\n")
    return {
        "chemistry": chemistry,
        "capacity_mah": round(1000 * float(capacity_ah), 1),
        "start_pct": 100 * begin,
    }


def main(folder, names):
    import pybamm

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "cells.json"
    told = json.loads(table.read_text()) if table.exists() else {}
    for name in names or JOBS:
        told[name] = write(pybamm, folder, name)
        table.write_text(json.dumps(told, indent=1) + "\n")
        print(name, told[name], flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
