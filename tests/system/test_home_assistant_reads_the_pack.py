"""Home Assistant's own libraries at a running simulator: aiobmsble connects, bthome-ble listens.

They need Python 3.12 or newer; without one the output says that they were not run.
"""

import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path

import pytest

from host_tools.client import connect
from host_tools.client import messages as m
from tests.system.phone import facts
from tests.system.simulator import ROOT, running_simulator, wait_for

PACKAGES = ("aiobmsble==0.31.0", "bthome-ble==3.25.0", "bumble==0.0.236", "bleak==3.1.0")
HOME = ROOT / "build" / "home-assistant"
_BROADCASTS = 3  # role whose key seals them


def newer_python():
    """A Python of 3.12 or newer, or None."""
    wanted = ("python3.14", "python3.13", "python3.12")
    pyenv = sorted(Path.home().glob(".pyenv/versions/3.1[2-9]*/bin/python3"), reverse=True)
    for path in (*map(shutil.which, wanted), *map(str, pyenv)):
        if path and _version(path) >= (3, 12):
            return path
    return None


def _version(path):
    """(0, 0) for what does not start, such as a stand-in of pyenv."""
    asked = subprocess.run(
        [path, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True
    )
    return tuple(map(int, asked.stdout.split())) if asked.returncode == 0 else (0, 0)


def their_python():
    """The Python with their packages, made once; skips with a sentence where there is none."""
    python = HOME / "bin" / "python"
    stamp = HOME / "packages"
    if stamp.exists() and stamp.read_text().split() == list(PACKAGES):
        return python
    newer = newer_python()
    if newer is None:
        pytest.skip("NOT RUN: Home Assistant's libraries need Python 3.12, and there is none")
    subprocess.run([newer, "-m", "venv", "--clear", HOME], check=True, timeout=120)
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES],
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    stamp.write_text(" ".join(PACKAGES))
    return python


def ask(simulator, *more):
    done = subprocess.run(
        [
            their_python(),
            ROOT / "tests" / "system" / "home_assistant_program.py",
            facts(simulator)["hci"],
            *more,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def sealed_with(simulator, key):
    """The owner gives the broadcasts a key."""
    with connect.in_run_dir(simulator.run_dir) as bms:
        bms.open_session("owner", bytes.fromhex(bms.known_keys["owner"]))
        bms.native.ask(m.SET_KEY, bytes([_BROADCASTS]) + key + bytes(16))


def test_home_assistants_libraries_read_sixteen_cells_and_both_kinds_of_broadcast():
    their_python()
    with running_simulator("--seed", 6, "--soc", 60, "--profile", "rest") as simulator:
        wait_for(lambda: simulator.records() and simulator.records()[-1]["soc_pct"] is not None)
        told = ask(simulator)
        record = simulator.records()[-1]
        cells_mv = [round(1000 * volt) for volt in told["bms"]["cell_voltages"]]
        assert len(cells_mv) == 16
        assert all(abs(a - b) <= 2 for a, b in zip(cells_mv, record["cells_mv"], strict=True))
        assert abs(told["bms"]["voltage"] * 1000 - record["stack_mv"]) <= 50
        assert told["bms"]["problem"] is False
        assert told["info"]["hw_version"].startswith("Vigil")
        _fits(told["sensors"], record)
        assert told["sensors"]["encrypted"] == "none"

        key = secrets.token_bytes(16)
        sealed_with(simulator, key)
        told = ask(simulator, key.hex())
        assert told["sensors"]["encrypted"] == "bthome_bindkey" and told["sensors"]["opened"]
        _fits(told["sensors"], simulator.records()[-1])
        told = ask(simulator, secrets.token_bytes(16).hex())
        assert not told["sensors"]["opened"] and "voltage" not in told["sensors"]["values"]


def _fits(sensors, record):
    values = sensors["values"]
    assert abs(values["voltage"] * 1000 - record["stack_mv"]) <= 100
    assert abs(values["battery"] - record["soc_pct"]) <= 1
    assert abs(values["current"] * 1000 - record["current_ma"]) <= 100
    assert abs(10 * values["temperature"] - record["temps_dc"][0]) <= 10
    assert values["problem"] is False
