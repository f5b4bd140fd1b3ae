"""`python -m host_tools.bench.health [SEEDS]`: capacity and resistance; build/health.json.

Each seed is another pack, looked at through every corner of the sensor's errors.
"""

import json
import multiprocessing
import os
import sys
from pathlib import Path

from host_tools.bench.health import table

TARGET = Path(__file__).parents[3] / "build" / "health.json"
SEEDS = 6


def run(seeds=SEEDS):
    """Prints the tables; the figures for JSON."""
    workers = min(2, os.cpu_count() or 1)
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        capacities = table.capacities(range(1, seeds + 1), pool)
        resistances = table.resistances(range(1, seeds // 2 + 1), pool)
    for line in table.as_lines(capacities, resistances):
        print(line)
    return {"capacity": capacities, "resistance": resistances}


def main():
    figures = run(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
