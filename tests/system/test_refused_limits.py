"""A board whose numbers make a contradictory limit table: switches stay open, the user reads why.

Through the whole simulator, with a board folder of the test's own.
"""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.interpreter import ROOT

RUN = """
import dataclasses, sys
from host_tools.sim import interpreter, settings, supervisor
board, run_dir = sys.argv[1:]
wanted = settings.check("sim4_lfp", "rest", "max", "4", "1", "60", [], run_dir, "jbd", "1", True)
path, _ = interpreter.find()
sys.exit(supervisor.run(dataclasses.replace(wanted, board=board), path))
"""


def run_board(tmp_path, **numbers):
    """(lines of standard error, records) of four seconds of sim4_lfp with other numbers."""
    text = (ROOT / "boards" / "sim4_lfp" / "board.py").read_text()
    for name, value in numbers.items():
        text, found = re.subn(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
        assert found == 1
    folder = tmp_path / "odd_board"
    folder.mkdir()
    (folder / "board.py").write_text(text)
    board = os.path.relpath(folder, ROOT / "boards")
    done = subprocess.run(
        [sys.executable, "-c", RUN, board, str(tmp_path / "run")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines(), [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    "numbers, sentence",
    [
        (
            {"CAPACITY_MAH": 1},
            'Limit "charge over-current" is set to +0 A, which is the wrong direction: a current'
            " above zero charges, one below zero discharges. Change the sign.",
        ),
        (
            {"SHUNT_UOHM": 10000},
            "The front end cannot guard these limits by itself: one lies beyond its range, or"
            " there are more of a kind than it has comparators. Choose limits nearer to the"
            " usual.",
        ),
    ],
)
def test_the_user_reads_a_sentence_and_both_switches_stay_open(tmp_path, numbers, sentence):
    lines, seen = run_board(tmp_path, **numbers)
    refused = [line for line in lines if "limit table refused" in line]
    assert any(line.endswith("board: limit table refused: " + sentence) for line in refused)
    # No numbers of the firmware are left for the user to look up.
    assert not [line for line in refused if " problem " in line]
    assert len(seen) == 4
    for record in seen:
        assert not record["true_charge_on"] and not record["true_discharge_on"]


def test_a_board_without_a_contradiction_says_nothing_of_the_kind(tmp_path):
    lines, seen = run_board(tmp_path)
    assert not [line for line in lines if "refused" in line]
    assert seen[-1]["true_charge_on"]
