"""`python -m host_tools.bench.accuracy [--quick]`: the accuracy table; build/accuracy.json.

--quick: the sensor of tier B only, and no solar home.
"""

import json
import multiprocessing
import os
import sys

from host_tools.bench.accuracy import goals, sets, solar, table

TARGET = sets.Path(__file__).parents[3] / "build" / "accuracy.json"


def run(quick=False):
    """Prints the table; the figures for JSON, or None without the data."""
    absent = sets.missing()
    if absent:
        print(f"No accuracy table: {absent}")
        return None
    workers = min(2, os.cpu_count() or 1)
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        made = table.rows(tiers=[1] if quick else None, pool=pool)
        homes = {} if quick else solar.table(pool)
    print(
        "How far off the charge is, % of the capacity, eight corners of the sensor's errors each:"
    )
    for line in table.as_lines(made):
        print("  " + line)
    if homes:
        print("Thirty days of a solar home, LFP, from the third day on:")
        for line in solar.as_lines(homes):
            print(line)
    verdicts = goals.judged(made) + goals.judged_homes(homes)
    missed = sum(not holds for *_, holds in verdicts)
    print(f"What has to hold; {missed} of {len(verdicts)} missed:")
    for line in goals.as_lines(verdicts):
        print(line)
    return {"charge": table.as_json(made), "solar": homes, "missed": missed}


def main():
    figures = run("--quick" in sys.argv[1:])
    if figures is not None:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
