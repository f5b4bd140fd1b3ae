"""Broken sense leads and sensors, leaking and worn cells, from the command line to the switch."""

import pytest

from tests.system.simulator import constant_profile, records

CHECKED_S = 34  # the chip looks for broken leads every 5 s


@pytest.fixture
def resting(tmp_path):
    return constant_profile(tmp_path, 0)


@pytest.mark.parametrize("cell", [1, 8, 16])
def test_a_broken_sense_lead_opens_both_and_a_mended_one_closes_them_again(resting, cell):
    seen = records(
        *("--duration", 90, "--profile", resting, "--soc", 60),
        *("--fault", f"t=10 cell {cell} open", "--fault", "t=45 clear"),
    )
    assert seen[9]["true_charge_on"] and seen[9]["true_discharge_on"]
    late = seen[9 + CHECKED_S]
    assert not late["true_discharge_on"] and not late["true_charge_on"]
    assert late["faults"]
    cells_mv = late["cells_mv"]
    if cell == 16:
        assert cells_mv[15] < 2600
    else:
        # The check pulls the lead down, bleeding the cell above it has pulled it up.
        assert abs(cells_mv[cell - 1] - cells_mv[cell]) > 500
        # What one has lost the other has gained.
        assert abs(cells_mv[cell - 1] + cells_mv[cell] - sum(seen[9]["cells_mv"][:2])) < 30
    others = [mv for at, mv in enumerate(cells_mv) if at not in (cell - 1, cell)]
    assert max(others) - min(others) < 30
    assert seen[50]["cells_mv"] == pytest.approx(seen[9]["cells_mv"], abs=20)


@pytest.mark.parametrize("how", ["open", "shorted"])
@pytest.mark.parametrize("which", ["2", "switches"])
def test_a_broken_thermistor_opens_both_until_it_is_mended(resting, which, how):
    seen = records(
        *("--duration", 30, "--profile", resting),
        *("--fault", f"t=10 temp {which} {how}", "--fault", "t=15 clear"),
    )
    assert seen[8]["faults"] == []
    assert not seen[11]["true_charge_on"] and not seen[11]["true_discharge_on"]
    assert any("unknown" in fault for fault in seen[11]["faults"])
    assert (seen[11]["temps_dc"][1] is None) == (which == "2")
    assert seen[29]["faults"] == [] and seen[29]["true_charge_on"]


def test_hot_switches_open_both(resting):
    seen = records("--duration", 60, "--profile", resting, "--fault", "t=10 temp switches c 95")
    assert not seen[59]["true_charge_on"] and not seen[59]["true_discharge_on"]
    assert any("too hot" in fault for fault in seen[59]["faults"])


def test_a_leak_drags_its_own_cell_down_and_what_it_lost_stays_lost(resting):
    seen = records(
        *("--duration", 60, "--profile", resting, "--soc", 20),
        *("--fault", "t=10 cell 7 leak 0.02", "--fault", "t=50 clear"),
    )
    before_mv, during_mv, after_mv = (seen[at]["cells_mv"] for at in (8, 45, 58))
    assert during_mv[6] < before_mv[6] - 50
    assert all(abs(during_mv[at] - before_mv[at]) < 10 for at in range(16) if at != 6)
    assert during_mv[6] < after_mv[6] < before_mv[6] - 3


def test_worn_cells_sag_more_under_the_same_load(tmp_path):
    profile = constant_profile(tmp_path, -50000)
    new, worn = (
        records("--duration", 20, "--profile", profile, "--soc", 60, "--aged", aged)[-1]
        for aged in (0, 30)
    )
    assert sum(worn["cells_mv"]) < sum(new["cells_mv"]) - 50
    assert worn["faults"] == [] and worn["true_discharge_on"]
