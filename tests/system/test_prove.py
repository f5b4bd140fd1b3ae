"""`vigil prove` as a user runs it: the whole library, wrong scenarios, its page."""

import json
import re
import signal
import subprocess

import pytest

from tests.system import simulator

RESTING = """
title = "A pack at rest"
why = "Nothing happens to it."
end_s = 20
expect = "{expect}"
"""
OVER_VOLTAGE = """
title = "A charger that does not stop"
why = "It is common."
current_a = 20
events = ["t=8 cell 5 mv 3720"]
expect = ["{expect}", "charge stays off"]
"""


# Of the third family what is most unlike the others: its cycle of 20 ms makes all of them slow.
ON_LTC6813 = [
    str(simulator.ROOT / "host_tools" / "scenarios" / (name + ".toml"))
    for name in (
        "broken_sense_lead",
        "cell_over_voltage",
        "cell_reads_nonsense_once",
        "cell_under_voltage",
        "contactor_welded",
        "discharge_over_current_severe_just_not",
        "front_end_frozen",
        "front_end_lost_its_configuration",
        "interlock_shaken",
        "missed_scans",
        "shunt_reversed",
        "stack_reads_nonsense",
        "stale_current",
    )
]


def prove(*arguments, timeout_s=850):
    return subprocess.run(
        [simulator.VIGIL, "prove", *map(str, arguments)],
        cwd=simulator.ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
    )


def file(folder, text, name="mine.toml", **words):
    path = folder / name
    path.write_text(text.format(**words))
    return path


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("board", "least"),
    [
        pytest.param([], 120, id="each on its own board"),
        pytest.param(["--board", "sim15_bq76940"], 90, id="BQ76940"),
        pytest.param(["--board", "pico_ltc6813_contactors", *ON_LTC6813], 12, id="LTC6813"),
    ],
)
def test_every_scenario_of_the_library_passes(board, least):
    done = prove("--json", *board)
    verdict = json.loads(done.stdout)
    failed = [
        (one["name"], check["expected"], check["observed"])
        for one in verdict["scenarios"]
        for check in one["checks"]
        if not check["passed"]
    ]
    assert failed == []
    assert done.returncode == 0 and verdict["failed"] == 0
    assert verdict["passed"] == len(verdict["scenarios"]) >= least
    for one in verdict["scenarios"]:
        assert one["checks"], one["name"]
    assert bool(verdict["left_out"]) == (len(board) == 2)


def test_a_board_that_there_is_not_is_told_with_those_that_there_are():
    done = prove("--board", "sim15_bq76941")
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and "sim15_bq76940" in done.stderr


@pytest.mark.parametrize(
    ("text", "expect", "words"),
    [
        (RESTING, "charge opens because of cell_over_voltage", "it never opened"),
        (RESTING, "warns of cell_over_voltage_warning", "it never warned"),
        (RESTING, "cell_over_voltage does not trip", "not near enough to prove anything"),
        (OVER_VOLTAGE, "nothing opens", "charge opens at"),
        (OVER_VOLTAGE, "charge opens because of stack_over_voltage", "because of cell_over_volt"),
        (OVER_VOLTAGE, "charge opens because of cell_over_voltage within 1 s", "late"),
        (OVER_VOLTAGE, "charge opens because of cell_over_voltage not before 2 s", "not before"),
        (OVER_VOLTAGE, "discharge opens because of cells_doubtful", "it never opened"),
    ],
)
def test_a_scenario_that_expects_something_wrong_fails(tmp_path, text, expect, words):
    done = prove(file(tmp_path, text, expect=expect))
    assert done.returncode == 1
    assert "FAIL" in done.stdout and words in done.stdout


def test_a_bad_file_ends_with_one_line_and_code_2(tmp_path):
    for path in (tmp_path / "none.toml", file(tmp_path, RESTING, expect="wonders")):
        done = prove(path)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1 and done.stderr.startswith("vigil prove: ")
        assert done.stdout == ""


def test_contradictory_limits_are_refused_with_a_sentence_for_each(tmp_path):
    limits = "[limits.cell_over_voltage]\ntrip_mv = 3640\nrelease_mv = 3700\n"
    done = prove(file(tmp_path, RESTING + limits, expect="nothing opens"))
    assert done.returncode == 2
    assert "which is beyond its trip" in done.stdout


def test_own_limits_are_the_ones_that_act(tmp_path):
    limits = "[limits.cell_over_voltage]\ntrip_mv = 3620\ndelay_ms = 300\n"
    limits += "[limits.cell_over_voltage_warning]\ntrip_mv = 3580\nrelease_mv = 3550\n"
    text = OVER_VOLTAGE.replace("3720", "3640") + limits
    expect = "charge opens because of cell_over_voltage before t=10.2"
    done = prove(file(tmp_path, text, expect=expect))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_same_files_give_the_same_bytes_and_a_page_that_needs_nothing_else(tmp_path):
    path = file(tmp_path, OVER_VOLTAGE, expect="charge opens because of cell_over_voltage")
    first = prove("--json", "--report", tmp_path / "one.html", path)
    again = prove("--json", "--report", tmp_path / "two.html", path)
    assert first.returncode == 0 and first.stdout == again.stdout
    page = (tmp_path / "one.html").read_text()
    assert page == (tmp_path / "two.html").read_text()
    assert page.count("<svg") == 2
    assert not re.search(r"https?:|\bsrc=|@import|url\(|<script|<link", page)
    assert "A charger that does not stop" in page


def test_a_scenario_can_be_watched():
    path = simulator.ROOT / "host_tools" / "scenarios" / "too_warm_to_charge.toml"
    records = simulator.records("--scenario", path)
    assert not records[-1]["true_charge_on"] or records[-1]["t_s"] > 40
    assert any(not record["true_charge_on"] for record in records[20:30])
    assert max(record["temps_dc"][1] for record in records) == pytest.approx(480, abs=3)


def test_a_scenario_and_a_board_exclude_each_other():
    path = simulator.ROOT / "host_tools" / "scenarios" / "too_warm_to_charge.toml"
    done = simulator.run("--scenario", path, "--board", "sim4_lfp")
    assert done.returncode == 2
    assert "exclude each other" in done.stderr


def test_an_interrupted_proof_has_not_passed_and_leaves_no_board_behind(tmp_path):
    text = RESTING.replace("end_s = 20", "end_s = 90000")
    process = subprocess.Popen(
        [simulator.VIGIL, "prove", file(tmp_path, text, expect="nothing opens")],
        cwd=simulator.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    try:
        simulator.wait_for(lambda: boards_of(process.pid))
        boards = boards_of(process.pid)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert complaint == b"vigil prove: interrupted\n"
    assert not any(simulator.is_alive(pid) for pid in boards)


def boards_of(pid):
    """The simulated boards among the children of a process."""
    command = ["ps", "-ww", "-o", "pid=", "-o", "args=", "--ppid", str(pid)]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if "witness.py" in line]
