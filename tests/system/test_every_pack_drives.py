"""Packs of 3 to 16 cells of every chemistry, on every chip, through a recorded drive in town."""

import json

import pytest

from host_tools.build import image
from tests.interpreter import ROOT, run_micropython
from tests.system.simulator import drive_cycle, records
from vigil import chemistry, limits

SCRIPT = ROOT / "tests" / "micropython" / "udds_packs.py"
# Chip, cells, seconds: what the cells do is the same on both chips, so that the second one only
# needs the first hill of the cycle, at 0.2 C.
PACKS = [("BQ76952", cells, 120) for cells in (16, 10, 8, 4, 3)]
PACKS += [("BQ76942", cells, 60) for cells in (10, 8, 4, 3)]
# The chips with a cycle of 250 ms; their under-voltage limits end at 1.6 V.
SLOW_PACKS = [("BQ76940", 15), ("BQ76940", 9), ("BQ76930", 7), ("BQ76920", 5), ("BQ76920", 3)]
SLOW_CHEMISTRIES = [name for name in chemistry.NAMES if name not in ("LTO", "Na-ion")]


@pytest.mark.parametrize("chip, cells, seconds", PACKS)
@pytest.mark.parametrize("name", chemistry.NAMES)
def test_the_beginning_of_udds_trips_nothing_and_overruns_nothing(chip, cells, seconds, name):
    profile = drive_cycle("UDDS.csv")
    if profile is None:
        pytest.skip("the drive cycles beside the project (shared/data/drive_cycles) are not there")
    result = run_micropython(SCRIPT, str(cells), name, str(profile), str(seconds), chip)
    assert result.returncode == 0, result.stdout + result.stderr
    told = json.loads(result.stdout)
    assert (told["chip"], told["cells"]) == (chip, cells)
    assert told["problems"] == []
    assert told["tripped"] == []
    assert told["off_ms"] == 0
    assert told["overruns"] == 0
    # It has really driven: it reaches 0.27 C out of the pack and brakes back into it.
    assert told["currents"] > seconds // 2
    assert told["lowest_ma"] < -0.2 * 20000
    assert told["highest_ma"] > 0.05 * 20000
    assert told["stack_error_mv"] < 60 * cells


@pytest.mark.parametrize("chip, cells", SLOW_PACKS)
@pytest.mark.parametrize("name", SLOW_CHEMISTRIES)
def test_a_front_end_of_four_conversions_a_second_drives_as_well(chip, cells, name):
    profile = drive_cycle("UDDS.csv")
    if profile is None:
        pytest.skip("the drive cycles beside the project (shared/data/drive_cycles) are not there")
    result = run_micropython(SCRIPT, str(cells), name, str(profile), "60", chip)
    assert result.returncode == 0, result.stdout + result.stderr
    told = json.loads(result.stdout)
    assert (told["chip"], told["cells"]) == (chip, cells)
    assert told["problems"] == [] and told["tripped"] == []
    assert (told["off_ms"], told["overruns"]) == (0, 0)
    assert told["lowest_ma"] < -0.2 * 20000
    assert told["stack_error_mv"] < 60 * cells


@pytest.mark.parametrize("chip, cells, name", [("LTC6813", 24, "LFP"), ("ADBMS1818", 36, "NMC")])
def test_a_pack_of_20_ms_a_cycle_drives_as_well(chip, cells, name):
    profile = drive_cycle("UDDS.csv")
    if profile is None:
        pytest.skip("the drive cycles beside the project (shared/data/drive_cycles) are not there")
    result = run_micropython(SCRIPT, str(cells), name, str(profile), "40", chip)
    assert result.returncode == 0, result.stdout + result.stderr
    told = json.loads(result.stdout)
    assert (told["chip"], told["cells"]) == (f"{chip}+{chip}", cells)
    assert told["problems"] == [] and told["tripped"] == []
    assert (told["off_ms"], told["overruns"]) == (0, 0)
    assert told["lowest_ma"] < -0.15 * 20000
    assert told["stack_error_mv"] < 20 * cells


@pytest.mark.parametrize("board", image.real_boards())
def test_every_board_drives_as_it_is_wired(board):
    profile = drive_cycle("UDDS.csv")
    if profile is None:
        pytest.skip("the drive cycles beside the project (shared/data/drive_cycles) are not there")
    seen = records("--board", board, "--profile", profile, "--duration", 60)
    assert [record["faults"] for record in seen[9:]] == [[]] * 51
    assert all(record["true_charge_on"] and record["true_discharge_on"] for record in seen[9:])
    assert seen[-1]["overruns"] == 0
    assert min(record["current_ma"] for record in seen[9:]) < 0


@pytest.mark.parametrize(
    "name, soc_pct, temp_c", [(name, 5, 25) for name in chemistry.NAMES] + [("LFP", 60, 4)]
)
def test_braking_into_an_empty_or_cold_pack_is_not_taken_for_fast_charging(name, soc_pct, temp_c):
    profile = drive_cycle("UDDS.csv")
    if profile is None:
        pytest.skip("the drive cycles beside the project (shared/data/drive_cycles) are not there")
    words = (3, name, profile, 340, "BQ76952", soc_pct, temp_c)
    result = run_micropython(SCRIPT, *map(str, words))
    assert result.returncode == 0, result.stdout + result.stderr
    told = json.loads(result.stdout)
    # An empty pack may be told so; nothing else may be said.
    assert set(told["tripped"]) <= {limits.CELL_UNDER_VOLTAGE_WARNING}
    assert told["off_ms"] == 0
    assert told["highest_ma"] > 0.15 * 20000
