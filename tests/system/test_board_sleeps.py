"""A deep discharge in the whole simulator: the board goes off, and starts again from boot.py."""

import sys

from host_tools.sim import settings, supervisor
from host_tools.sim.present import Presenter
from tests.system.simulator import constant_profile, records

EMPTY = ("--soc", "1", "--fault", "t=1 cell 5 mv 2400")


def test_an_empty_board_sleeps_after_ten_minutes_and_a_charger_starts_it_anew(tmp_path):
    profile = constant_profile(tmp_path, 0)
    faults = ("--fault", "t=700 clear", "--fault", "t=720 current a 5")
    seen = records("--profile", profile, *EMPTY, *faults, "--duration", 735)
    asleep = [record["t_s"] for record in seen if record["asleep"]]
    assert 600 <= asleep[0] <= 615
    assert asleep[-1] == 720
    assert asleep == list(range(asleep[0], 721))
    for record in seen:
        if record["asleep"]:
            assert not record["true_charge_on"] and not record["true_discharge_on"]
            assert set(record["cells_mv"]) == set(record["temps_dc"]) == {None}
            assert record["stack_mv"] is record["soc_pct"] is record["current_ma"] is None
            assert "sleeps after a deep discharge" in record["faults"][0]
    counted = [record["sleeping_in_s"] for record in seen if record["t_s"] < asleep[0]]
    down = [left_s for left_s in counted if left_s is not None]
    assert down[0] == 600 and down[-1] <= 2
    assert all(0 <= before - after <= 2 for before, after in zip(down, down[1:], strict=False))
    # Both interpreters have loaded the firmware a second time: it measures and charges.
    last = seen[-1]
    assert not last["asleep"]
    assert last["current_ma"] > 4900
    assert last["true_charge_on"]


def test_it_starts_again_on_cpython_too(tmp_path):
    said = run_here(
        "--profile",
        constant_profile(tmp_path, 0),
        "--fault",
        "t=1 cell 5 mv 1900",
        "--fault",
        "t=50 clear",
        "--fault",
        "t=52 button 0.3",
        "--duration",
        60,
        run_dir=tmp_path / "run",
    )
    asleep = [record["t_s"] for record in said if record["asleep"]]
    assert asleep[0] < 45
    assert asleep[-1] in (52, 53)
    assert said[-1]["true_charge_on"] and said[-1]["true_discharge_on"]


def run_here(*arguments, run_dir):
    """The records of a board that runs on CPython."""
    options = {"--profile": "rest", "--duration": "1"}
    faults = []
    words = list(map(str, arguments))
    for name, value in zip(words[::2], words[1::2], strict=True):
        if name == "--fault":
            faults.append(value)
        else:
            options[name] = value
    wanted = settings.check(
        "sim16_lfp",
        options["--profile"],
        "max",
        options["--duration"],
        "1",
        "40",
        faults,
        str(run_dir),
        "jbd",
        "1",
        True,
    )
    kept = Recorder()
    assert supervisor.run(wanted, sys.executable, presenter=kept) == 0
    return kept.records


class Recorder(Presenter):
    def __init__(self):
        self.records = []

    def started(self, settings, batteries):
        pass

    def note(self, text):
        pass

    def record(self, node, record):
        self.records.append(record)

    def ended(self, why, t_s):
        pass
