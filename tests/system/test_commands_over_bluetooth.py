"""The commands over a simulator's radio, as a user has them: read, write with a key, limits."""

import json

from host_tools import cli
from tests.system.simulator import running_simulator, wait_for

LIMITS = """
[limits.cell_over_voltage]
trip_mv = 3600
[limits.cell_over_voltage_warning]
trip_mv = 3560
release_mv = 3520
[limits.stack_over_voltage]
trip_v = 57
"""


class Phone:
    """Runs commands at the one board of a simulator."""

    def __init__(self, simulator, capsys):
        self._where = ["--run-dir", str(simulator.run_dir), "--json"]
        self._capsys = capsys
        self._name = []

    def __call__(self, *words):
        """(exit code, what the command says, or what it complains of)."""
        code = cli.main([*words, *self._name, *self._where])
        output, errors = self._capsys.readouterr()
        return code, (json.loads(output.splitlines()[-1]) if output else errors)

    def finds_it(self):
        """What the only board that is heard tells everybody; from now on commands go there."""
        self._name = []
        code, heard = self("scan", "--seconds", "3")
        (one,) = heard["devices"]
        assert code == 0 and one["name"].startswith("Vigil-")
        self._name = ["--ble", one["name"]]
        return one["bthome"]


def test_read_set_and_limits_over_the_air_with_and_without_the_key(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIGIL_KEY", raising=False)
    (tmp_path / "mine.toml").write_text(LIMITS)
    (tmp_path / "wrong.key").write_text("00" * 32)
    wrong = ("--key-file", "wrong.key")

    with running_simulator("--seed", 4, "--soc", 60) as simulator:
        vigil = Phone(simulator, capsys)
        soc_pct = simulator.soc_pct(60)
        told = vigil.finds_it()
        assert abs(told["soc_pct"] - soc_pct) <= 1 and told["problem"] is False
        for protocol in ("native", "jbd"):
            code, seen = vigil("monitor", "--count", "1", "--protocol", protocol)
            assert code == 0 and seen["discharge_on"] and len(seen["cells_mv"]) == 16
            assert abs(seen["soc_pct"] - soc_pct) <= 1 and seen["faults"] == []
            assert abs(seen["stack_mv"] / 1000 - told["stack_v"]) < 0.2

        before = vigil("limits", "show")[1]
        for words in (
            ("set", "switches_allowed", "none", *wrong),
            ("limits", "apply", "mine.toml", *wrong),
        ):
            code, errors = vigil(*words)
            assert code == 1 and "the key is not that of the BMS's owner" in errors
        assert vigil("limits", "show")[1] == before
        assert vigil("points", "switches_allowed")[1] == {"switches_allowed": 3}

        assert vigil("set", "switches_allowed", "charge", "--role", "operator")[0] == 0
        wait_for(lambda: not simulator.records()[-1]["true_discharge_on"])
        assert vigil("set", "switches_allowed", "both")[0] == 0
        code, applied = vigil("limits", "apply", "mine.toml")
        assert code == 0 and applied["applied"]
        assert vigil("key", "broadcast", "home.key") == (0, {"encrypted": True})
        kinds = [entry["kind"] for entry in vigil("log")[1]["entries"]]
        assert {"start", "session", "write", "limits"} <= set(kinds)
        # When the reserve of its counter is in the flash.
        wait_for(lambda: vigil.finds_it() == {"encrypted": True})
        seen = simulator.records()
    assert seen[-1]["overruns"] == 0


def test_a_pico_w_with_its_one_link_is_read_and_written_as_well(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIGIL_KEY", raising=False)
    with running_simulator("--board", "sim4_lfp", "--seed", 5) as simulator:
        vigil = Phone(simulator, capsys)
        vigil.finds_it()
        code, seen = vigil("monitor", "--count", "1")
        assert code == 0 and len(seen["cells_mv"]) == 4
        assert vigil("set", "switches_allowed", "charge")[0] == 0
        assert vigil("points", "switches_allowed")[1] == {"switches_allowed": 1}
        assert simulator.records()[-1]["overruns"] == 0
