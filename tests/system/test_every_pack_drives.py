"""Packs of 16, 10, 8, 4 and 3 cells of every chemistry through a recorded drive in town."""

import json

import pytest

from tests.interpreter import ROOT, run_micropython
from tests.system.simulator import drive_cycle
from vigil import chemistry

SCRIPT = ROOT / "tests" / "micropython" / "udds_packs.py"
SECONDS = 120


@pytest.mark.parametrize("cells", [16, 10, 8, 4, 3])
@pytest.mark.parametrize("name", chemistry.NAMES)
def test_two_minutes_of_udds_trip_nothing_and_overrun_nothing(cells, name):
    profile = drive_cycle("UDDS.csv")
    if profile is None:
        pytest.skip("the drive cycles beside the project (shared/data/drive_cycles) are not there")
    result = run_micropython(SCRIPT, str(cells), name, str(profile), str(SECONDS))
    assert result.returncode == 0, result.stdout + result.stderr
    told = json.loads(result.stdout)
    assert told["cells"] == cells
    assert told["problems"] == []
    assert told["tripped"] == []
    assert told["off_ms"] == 0
    assert told["overruns"] == 0
    # It has really driven: 120 s reach 0.27 C out of the pack and brake back into it.
    assert told["currents"] > 50
    assert told["lowest_ma"] < -0.2 * 20000
    assert told["highest_ma"] > 0.05 * 20000
    assert told["stack_error_mv"] < 60 * cells
