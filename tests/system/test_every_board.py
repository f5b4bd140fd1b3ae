"""Every simulated board of boards/ runs the firmware, and declares what its name says."""

import re

import pytest

from host_tools.sim.settings import board_counts, boards
from tests.system.simulator import records

SETTLED_S = 5
# A front end that converts every 250 ms, and temperatures in turn, takes longer.
LATER_S = {"sim15_bq76940": 7, "pico_bq76940": 7}


def test_there_are_boards_of_every_size_and_chemistry():
    assert {board_counts(board)[0] for board in boards()} >= {3, 4, 5, 8, 10, 12, 16}


@pytest.mark.parametrize("board", boards())
def test_a_simulated_boards_name_tells_its_cells(board):
    cells, temps = board_counts(board)
    told = re.match(r"sim(\d+)_", board)
    assert told is None or int(told[1]) == cells
    assert 1 <= temps <= 4


@pytest.mark.parametrize("board", boards())
def test_a_board_runs_the_default_profile_without_fault_and_trips_when_it_should(board):
    cells, temps = board_counts(board)
    seen = records("--board", board, "--duration", 40, "--fault", f"t=20 cell {cells} mv 4400")
    for record in seen[LATER_S.get(board, SETTLED_S) - 1 : 20]:
        assert record["faults"] == []
        assert len(record["cells_mv"]) == cells and len(record["temps_dc"]) == temps
        assert None not in record["cells_mv"] + record["temps_dc"]
        assert record["true_charge_on"] and record["true_discharge_on"]
        # Who only counts knows no sigma.
        assert record["soc_sigma_pct"] is None or 0 <= record["soc_sigma_pct"] <= 100
        assert abs(record["stack_mv"] - sum(record["cells_mv"])) < 0.01 * record["stack_mv"]
    assert not seen[-1]["true_charge_on"]
    assert any(f"Cell {cells} over-voltage" in fault for fault in seen[-1]["faults"])
    assert seen[-1]["overruns"] == 0
