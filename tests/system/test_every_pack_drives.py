"""Packs of 16, 10, 8, 4 and 3 cells of every chemistry through a recorded drive in town."""

import json

import pytest

from tests.interpreter import ROOT, run_micropython
from tests.system.simulator import drive_cycle
from vigil import chemistry, limits

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


@pytest.mark.parametrize(
    "name, soc_pct, temp_c", [(name, 5, 25) for name in chemistry.NAMES] + [("LFP", 60, 4)]
)
def test_braking_into_an_empty_or_cold_pack_is_not_taken_for_fast_charging(name, soc_pct, temp_c):
    profile = drive_cycle("UDDS.csv")
    if profile is None:
        pytest.skip("the drive cycles beside the project (shared/data/drive_cycles) are not there")
    words = (3, name, profile, 340, soc_pct, temp_c)
    result = run_micropython(SCRIPT, *map(str, words))
    assert result.returncode == 0, result.stdout + result.stderr
    told = json.loads(result.stdout)
    # An empty pack may be told so; nothing else may be said.
    assert set(told["tripped"]) <= {limits.CELL_UNDER_VOLTAGE_WARNING}
    assert told["off_ms"] == 0
    assert told["highest_ma"] > 0.15 * 20000
