"""The commands and a running `vigil sim`, as a user has them: read, write with a key, limits."""

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
[limits.short_circuit]
trip_a = 280
"""


def test_read_set_and_limits_with_and_without_a_key(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIGIL_KEY", raising=False)
    (tmp_path / "mine.toml").write_text(LIMITS)
    (tmp_path / "wrong.key").write_text("00" * 32)

    with running_simulator("--seed", 1, "--soc", 60) as simulator:

        def vigil(*words):
            code = cli.main([*words, "--run-dir", str(simulator.run_dir), "--json"])
            output, errors = capsys.readouterr()
            return code, (json.loads(output.splitlines()[-1]) if output else errors)

        wait_for(lambda: vigil("monitor", "--count", "1")[1]["discharge_on"] is True)
        soc_pct = simulator.soc_pct(60)
        for protocol in ("native", "jbd"):
            code, seen = vigil("monitor", "--count", "2", "--protocol", protocol)
            assert code == 0 and seen["charge_on"] and len(seen["cells_mv"]) == 16
            assert abs(seen["soc_pct"] - soc_pct) <= 1 and seen["faults"] == []
        code, errors = vigil("set", "switches_allowed", "none", "--key-file", "wrong.key")
        assert code == 1 and "the key is not that of the BMS's owner" in errors
        assert vigil("points", "switches_allowed")[1] == {"switches_allowed": 3}
        assert vigil("set", "switches_allowed", "charge", "--role", "operator")[0] == 0
        assert vigil("monitor", "--count", "1")[1]["discharge_on"] is False
        wait_for(lambda: not simulator.records()[-1]["true_discharge_on"])
        assert vigil("set", "switches_allowed", "both")[0] == 0
        code, applied = vigil("limits", "apply", "mine.toml")
        assert code == 0 and applied["applied"]
        assert vigil("points", "short_circuit_ma")[1] == {"short_circuit_ma": -280000}
        assert vigil("limits", "diff", "mine.toml") == (0, [])
        code, undone = vigil("limits", "apply", applied["undo"])
        assert code == 0 and undone["applied"]
        shown = vigil("limits", "show")[1]
        assert shown["cell_over_voltage"]["trip"] == 3650
        assert shown["short_circuit"]["trip"] == -300000
        assert vigil("time")[1]["unix_s"] is None
        assert vigil("time", "--set", "1700000000", "--role", "operator")[0] == 0
        assert 1700000000 <= vigil("time")[1]["unix_s"] < 1700000600
        kinds = [entry["kind"] for entry in vigil("log")[1]["entries"]]
        assert {"start", "session", "write", "limits"} <= set(kinds)
        # Of all this nothing was a trip.
        assert vigil("log", "--black-box")[1]["events"] == []
        true_mv = vigil("points", "cell_mv")[1]["cell_mv"][2] + 9
        asked = ("calibrate", "cell-voltage", "--cell", "3", "--true-mv", str(true_mv))
        code, told = vigil(*asked, "--role", "operator")
        assert code == 0 and told["taken"] and abs(told["cells"]["3"] - 9) <= 2
        wait_for(lambda: abs(vigil("points", "cell_mv")[1]["cell_mv"][2] - true_mv) <= 2)
        code, told = vigil("calibrate", "current-zero")
        assert code == 1 and "a switch is on" in told
        assert vigil("calibrate", "undo")[1]["cells"] == {}
        seen = simulator.records()
    assert seen[-1]["overruns"] == 0
