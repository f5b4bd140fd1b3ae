"""Every command with what is missing, contradictory, unreadable or nonsense: one line each.

2 where an argument or a file is wrong, 1 where the BMS or the way to it fails. All of it in this
process, against real files, and a stand-in of a BMS that goes away in the middle.
"""

import json
import os

import pytest
from native_stand_in import OWNER_KEY, Device, Line

from host_tools import cli
from host_tools.build import __main__ as build
from host_tools.client import connect
from host_tools.client.errors import PortError
from host_tools.deploy import __main__ as deploy

TALKING = (
    ("monitor", "--count", "1"),
    ("points", "soc"),
    ("set", "owner_reset", "1"),
    ("log",),
    ("limits", "show"),
    ("limits", "diff", "good.toml"),
    ("limits", "apply", "good.toml"),
    ("key", "commission", "--new-key-file", "owner.key"),
    ("key", "set", "--new-key-file", "owner.key"),
    ("key", "window", "5"),
    ("time",),
    ("time", "--set", "now"),
)
RUN_DIRS = {
    "no run.json": None,
    "a list": "[]",
    "no nodes": '{"nodes": []}',
    "a number for a path": '{"nodes": [{"node": 1, "rs485": 5}]}',
    "no such port": '{"nodes": [{"node": 1, "rs485": "/dev/nosuch"}]}',
    "no JSON": "{",
    "no text": b"\xff\xfe",
}
PLACES = (
    (["--port", ""], 2),
    (["--port", "/dev/nosuch"], 2),
    (["--port", "a_folder"], 1),
    (["--port", "empty"], 1),
    (["--port", "/dev/null"], 1),
    (["--port", "/dev/null", "--run-dir", "a_folder"], 2),
    (["--port", "/dev/null", "--baud", "fast"], 2),
    (["--port", "/dev/null", "--unit", "248"], 2),
    (["--port", "/dev/null", "--protocol", "can"], 2),
    (["--run-dir", "nosuch"], 2),
    (["--run-dir", ""], 2),
    (["--node", "x"], 2),
    ([], 2),
)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """run(words): (exit code, output, the one line of error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VIGIL_KEY", OWNER_KEY.hex())
    (tmp_path / "good.toml").write_text("[limits.cell_over_voltage]\ndelay_s = 2\n")
    (tmp_path / "owner.key").write_text(OWNER_KEY.hex())
    (tmp_path / "a_folder").mkdir()
    (tmp_path / "empty").write_text("")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x80" * 9)

    def running(words, main=cli.main):
        code = main(list(words))
        output, errors = capsys.readouterr()
        assert "Traceback" not in errors + output, words
        assert errors.count("\n") == 1 and errors.endswith("\n"), (words, errors)
        return code, output, errors

    return running


@pytest.mark.parametrize("words", TALKING, ids=" ".join)
def test_a_talking_command_without_a_bms_says_what_is_wrong(run, words):
    for place, wanted in PLACES:
        code, output, _ = run([*words, *place])
        assert (code, output) == (wanted, ""), place


def test_a_run_directory_that_says_nothing_useful_is_named(run, tmp_path):
    for at, (name, text) in enumerate(RUN_DIRS.items()):
        folder = tmp_path / f"run{at}"
        folder.mkdir()
        if text is not None:
            (folder / "run.json").write_bytes(text if isinstance(text, bytes) else text.encode())
        for words in (TALKING[at], ("doctor",)):
            code, output, errors = run([*words, "--run-dir", str(folder)])
            assert (code, output) == (2, ""), (name, words)
            assert f"run{at}" in errors or "/dev/nosuch" in errors or "port" in errors


@pytest.mark.parametrize("words", TALKING, ids=" ".join)
def test_a_bms_that_goes_in_the_middle_is_one_line_and_exit_code_1(
    run, words, monkeypatch, capsys
):
    for message in (1, 2, 4, 7, 12):
        asked = []

        def going(frame, asked=asked, message=message):
            asked.append(frame)
            if len(asked) > message:
                raise PortError("gone", "/dev/desk has gone: unplugged")
            return [(0.02, frame)]

        monkeypatch.setattr(
            connect,
            "SerialLine",
            lambda path, baudrate=9600, going=going: Line(
                Device(commissioning=True), True, mischief=going
            ),
        )
        code = cli.main([*words, "--port", "/dev/desk"])
        errors = capsys.readouterr().err
        if not errors:
            # All was done by then; that the goodbye is lost is nobody's concern.
            assert len(asked) <= message + 1
            break
        assert code == 1 and errors.count("\n") == 1 and "/dev/desk has gone" in errors, message


BAD_FILES = {
    "nosuch": None,
    "a_folder": None,
    "empty": None,
    "binary": None,
    "broken.toml": "[x\n",
    "odd.toml": "limits = 3\nname = 4\n",
    "words.csv": "time_s,current_ma,voltage_mv\n1,a,3\n",
    "short.csv": "time_s\n1\n",
    "nan.csv": "time_s,current_ma,voltage_mv\n0,nan,3300\n1,inf,3300\n",
    "backwards.csv": "time_s,current_ma,voltage_mv\n5,1,3300\n1,2,3300\n",
}
REPLAY = ("--chemistry", "LFP", "--capacity-mah", "1000")


def test_a_file_that_cannot_be_used_is_named_with_the_reason(run, tmp_path):
    for name, text in BAD_FILES.items():
        if text is not None:
            (tmp_path / name).write_text(text)
        for words in (
            ("prove", name),
            ("sim", "--scenario", name),
            ("sim", "--profile", name),
            ("replay", name, *REPLAY),
            ("limits", "diff", name, "--port", "/dev/null"),
            ("limits", "apply", name, "--port", "/dev/null"),
            ("set", "owner_reset", "1", "--key-file", name, "--run-dir", name),
        ):
            code, output, errors = run(words)
            assert (code, output) == (2, ""), (words, errors)


NONSENSE = (
    "set",
    "set soc",
    "points nosuch",
    "points cell_mv[99]",
    "log --last x",
    "monitor --count x",
    "key new",
    "key window",
    "key set --role king --port /dev/null",
    "doctor --board nosuch",
    "doctor --board sim16_lfp --run-dir x",
    "prove --bogus",
    "replay",
    "replay good.toml",
    "replay empty --chemistry wood --capacity-mah 1",
    "replay empty --chemistry LFP --capacity-mah -1",
    "replay empty --chemistry LFP --capacity-mah nan",
    "replay empty --chemistry LFP --capacity-mah 1 --start-soc 200",
    "replay empty --chemistry LFP --capacity-mah 1 --gain-pct x",
    "sim --noise 200",
    "sim --rs485 canbus",
    "sim --nodes 0",
    "sim --speed -1",
    "sim --run-dir empty",
)


@pytest.mark.parametrize("line", NONSENSE)
def test_nonsense_is_exit_code_2(run, line):
    code, output, _ = run(line.split())
    assert (code, output) == (2, "")


@pytest.mark.parametrize(
    "main, words",
    [
        (build.main, []),
        (build.main, [""]),
        (build.main, ["nosuch"]),
        (build.main, ["../sim16_lfp"]),
        (build.main, ["pico_bq76952", "more"]),
        (deploy.main, []),
        (deploy.main, ["pico_bq76952"]),
        (deploy.main, ["pico_bq76952", ""]),
        (deploy.main, ["nosuch", "/dev/null"]),
        (deploy.main, ["pico_bq76952", "/dev/null", "more"]),
    ],
)
def test_build_and_deploy_refuse_what_is_wrong_before_they_begin(run, main, words):
    code, output, errors = run(words, main)
    assert (code, output) == (2, "") and "pico_bq76952" in errors


def test_a_build_folder_that_cannot_be_written_is_one_line(run, monkeypatch):
    def full(board):
        raise OSError(28, os.strerror(28), "build/" + board)

    for module in (build, deploy):
        monkeypatch.setattr(module, "build", full)
        words = ["pico_bq76952"] + ["/dev/null"] * (module is deploy)
        code, _, errors = run(words, module.main)
        assert code == 1 and "No space left on device" in errors


def test_where_nothing_is_wrong_the_same_command_works(run, monkeypatch, capsys):
    monkeypatch.setattr(connect, "SerialLine", lambda path, baudrate=9600: Line(Device(), True))
    assert cli.main(["points", "soc", "--port", "/dev/desk", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"soc": 599}
