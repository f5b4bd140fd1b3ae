"""What is built for a board tests itself, closes, takes new limits and trips, on MicroPython."""

import json
import os
import subprocess

import pytest

from host_tools.build import image
from host_tools.build.__main__ import write
from host_tools.build.chosen import chosen
from host_tools.firmware import load
from tests.interpreter import micropython

(limits,) = load("limits")
KNOWS = ("charge", "balancing", "allowed", "totals", "age")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    root = chosen("pico_ltc6813_contactors", tmp_path_factory.mktemp("root"), KNOWS=KNOWS)
    made = image.make("pico_ltc6813_contactors", root, processor="x64")
    folder = tmp_path_factory.mktemp("built")
    write(made, folder)
    row = [row[limits.ID] for row in limits.TABLE].index(limits.CELL_OVER_VOLTAGE)
    asked = {"names": short_names(made), "row": row}
    path = ("host_tools/mock/fakes", ".", ".frozen")
    done = subprocess.run(
        [micropython(), "-X", "heapsize=8m", "tests/unit/built_board_probe.py"]
        + [str(folder / image.FOLDER)],
        input=json.dumps(asked) + "\n",
        cwd=image.ROOT,
        env=dict(os.environ, MICROPYPATH=":".join(path)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def short_names(made):
    return {
        name: short
        for path, names in made.private_names.items()
        for short, name in names.items()
        if " " not in name
    }


def test_it_passes_its_self_test_and_closes_both_contactors(told):
    assert told["self_test"]
    assert told["started"] == [True, True]


def test_a_new_set_of_limits_is_taken_whole_or_refused_whole(told):
    assert told["refused"] > 0 and told["kept"]
    assert told["accepted"] == 0 and told["replaced"]
    assert told["set_up_anew"] == [True, True]


def test_the_new_limit_trips(told):
    assert told["tripped_row"]
    assert told["tripped"] == [False, True]


def test_it_finds_out_what_it_was_asked_to(told):
    knows = told["knows"]
    # The pack was 60 % full, and no more can be known of it within twenty seconds.
    assert abs(knows["soc_permille"] - 600) <= 2 * knows["sigma_permille"] < 600
    assert knows["allowed_ma"][0] > 0 and knows["allowed_ma"][1] > 0 and knows["ahead"] > 0
    assert knows["watched_s"] in range(15, 41)
    assert knows["pairs"] == 0 and knows["to_move"] is True


def test_what_only_the_start_needed_is_gone(told):
    left = set(told["modules"])
    assert "board" not in left and "vigil.app" not in left and "vigil.selftest" not in left
    assert not any(name.startswith("vigil.afe") for name in left)


def test_an_owner_can_still_reset_what_is_remembered(told):
    assert told["starts_after"] == 0 and told["starts_before"] >= 0
