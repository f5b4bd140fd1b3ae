"""`python -m host_tools.bench.accuracy [--quick]`: the accuracy table; build/accuracy.json.

--quick: the sensor of tier B only.
"""

import json
import sys

from host_tools.bench.accuracy import goals, sets, table

TARGET = sets.Path(__file__).parents[3] / "build" / "accuracy.json"


def run(quick=False):
    """Prints the table; the figures for JSON, or None without the data."""
    absent = sets.missing()
    if absent:
        print(f"No accuracy table: {absent}")
        return None
    made = table.rows(tiers=[1] if quick else None)
    print(
        "How far off the charge is, % of the capacity, eight corners of the sensor's errors each:"
    )
    for line in table.as_lines(made):
        print("  " + line)
    print(f"What has to hold (sensor {goals.TIER}):")
    for line in goals.as_lines(made):
        print(line)
    return {"charge": table.as_json(made)}


def main():
    figures = run("--quick" in sys.argv[1:])
    if figures is not None:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
