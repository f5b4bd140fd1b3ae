"""The worst reaction times that the scenarios have shown, for docs/limits.md.

`python -m host_tools.handbook.proved` runs the library and writes them down anew.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

PATH = Path(__file__).parent / "proved.json"
BOARD = "sim16_lfp"
HOW = """ The last column is the slowest of the
scenarios of `vigil prove` with these limits, from the moment at which the simulated cell, sensor
or load itself crossed the limit, up to one period earlier than its first sample; of what is
concluded (doubts, stuck switches, lost settings), from the cause. A row without a figure has no
scenario that times it alone."""
_OPENED = re.compile(r"opened at [0-9.]+ s because of ([a-z_]+)$")


def worst(row_id):
    """The slowest reaction seen, in words; empty for a row that no scenario has timed."""
    ms = _known().get(str(row_id))
    return "" if ms is None else f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.2f} s"


def _known():
    return json.loads(PATH.read_text()) if PATH.exists() else {}


def slowest(scenarios, of_interest, ids):
    """{row id: ms} of `vigil prove --json`'s scenarios, of those named in of_interest."""
    found = {}
    for scenario in scenarios:
        if scenario["name"] not in of_interest:
            continue
        for check in scenario["checks"]:
            opened = _OPENED.search(check["observed"])
            timed = check["passed"] and check["reaction_ms"] is not None
            if timed and opened and " opens because of " in check["expected"]:
                row_id = ids.get(opened.group(1))
                if row_id is not None:
                    found[row_id] = max(found.get(row_id, 0), round(check["reaction_ms"]))
    return {str(row_id): found[row_id] for row_id in sorted(found)}


def main():
    from host_tools.prove import rows, scenario

    loaded = [scenario.load(path) for path in scenario.library()]
    plain = {one.name for one in loaded if one.board == BOARD and not one.limits and not one.pack}
    done = subprocess.run(
        [sys.executable, "-m", "host_tools.cli", "prove", "--json"], capture_output=True, text=True
    )
    told = json.loads(done.stdout)
    ids = {key: row.id for key, row in rows.by_key().items()}
    PATH.write_text(json.dumps(slowest(told["scenarios"], plain, ids), indent=1) + "\n")
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main())
