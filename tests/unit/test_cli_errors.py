"""Bad arguments, files and specs end `vigil` with exit code 2 and one line that says why."""

import os
import subprocess
import sys

import pytest

from host_tools import cli
from host_tools.sim import interpreter
from tests.unit.sim_process import ROOT

BAD = [
    (["simm"], "No such command"),
    (["sim", "--bogus"], "No such option"),
    (["sim", "--duration"], "requires an argument"),
    (["sim", "extra"], "unexpected extra argument"),
    (["sim", "--json=yes"], "--json"),
    (["sim", "--board", "nosuch"], "no simulated board 'nosuch'"),
    (["sim", "--board", "../sim16_lfp"], "no simulated board"),
    (["sim", "--board", ""], "no simulated board ''"),
    (["sim", "--profile", "nosuch"], "'nosuch' is no file and not one of"),
    (["sim", "--profile", ""], "no file and not one of"),
    (["sim", "--profile", "tests"], "cannot read profile 'tests'"),
    (["sim", "--profile", "pyproject.toml"], "no column time_s"),
    (["sim", "--profile", "two\nlines"], "no file and not one of"),
    (["sim", "--speed", "0"], "--speed must be"),
    (["sim", "--speed", "-1"], "--speed must be"),
    (["sim", "--speed", "nan"], "--speed: nan is not a finite number"),
    (["sim", "--speed", "inf"], "--speed: inf is not a finite number"),
    (["sim", "--speed", "fast"], "--speed: 'fast' is not a number"),
    (["sim", "--speed", ""], "--speed: '' is not a number"),
    (["sim", "--duration", "0"], "--duration must be"),
    (["sim", "--duration", "-5"], "--duration must be"),
    (["sim", "--duration", "nan"], "not a finite number"),
    (["sim", "--duration", "1e400"], "too large"),
    (["sim", "--duration", "ten"], "--duration: 'ten' is not a number"),
    (["sim", "--seed", "1.5"], "--seed: '1.5' is not a whole number"),
    (["sim", "--seed", "abc"], "--seed: 'abc' is not a whole number"),
    (["sim", "--seed", "-1"], "--seed must be"),
    (["sim", "--seed", "9" * 5000], "not a whole number"),
    (["sim", "--soc", "-0.1"], "--soc must be 0 to 100"),
    (["sim", "--soc", "101"], "--soc must be 0 to 100"),
    (["sim", "--soc", "full"], "--soc: 'full' is not a number"),
    (["sim", "--aged", "-1"], "--aged must be 0 to 50"),
    (["sim", "--aged", "51"], "--aged must be 0 to 50"),
    (["sim", "--aged", "old"], "--aged: 'old' is not a number"),
    (["sim", "--fault", "t=5 cell 17 open"], "no cell 17: the board has 16"),
    (["sim", "--fault", "t=5 cell 17 mv 3000"], "no cell 17: the board has 16"),
    (["sim", "--fault", "t=5 temp 4 c 20"], "no temperature sensor 4"),
    (["sim", "--fault", "cell 5 mv 3000"], "must begin with t=SECONDS"),
    (["sim", "--fault", "t=5 short", "--fault", "t=6 shrot"], "unknown fault"),
    (["sim", "--board", "sim4_lfp", "--fault", "t=5 interlock"], "the board has no interlock"),
    (["sim", "--fault", "t=5 button 0"], "press must be 0.05 to 600 s"),
    (["sim", "--ambient", "-41"], "--ambient must be -40 to 70"),
    (["sim", "--ambient", "warm"], "--ambient: 'warm' is not a number"),
    (["sim", "--fault", ""], "must begin with t=SECONDS"),
    (["sim", "--rs485", "can"], "'can' is unknown"),
    (["sim", "--board", "libresolar_bms_c1", "--rs485", "modbus"], "speaks nothing but JBD"),
    (["sim", "--baud", "1200"], "--baud must be one of 9600, 19200, 38400, 57600, 115200"),
    (["sim", "--noise", "21"], "--noise must be 0 to 20"),
    (["sim", "--noise", "much"], "--noise: 'much' is not a number"),
    (["sim", "--nodes", "9"], "--nodes must be 1 to 8"),
    (["sim", "--fault", "t=5 node 2 short"], "there is no node 2: there are 1"),
    (["sim", "--nodes", "3", "--fault", "t=5 node 3 cell 17 mv 3000"], "no cell 17"),
    (["sim", "--nodes", "0"], "--nodes must be"),
    (["sim", "--nodes", "some"], "--nodes: 'some' is not a whole number"),
    (["sim", "--run-dir", ""], "--run-dir must not be empty"),
    (["sim", "--run-dir", "README.md"], "cannot use run directory 'README.md'"),
    (["sim", "--run-dir", "/proc/nothing"], "cannot use run directory"),
    (["sim", "--run-dir", "/dev/null/x"], "cannot use run directory"),
]


@pytest.mark.parametrize(
    "arguments, words",
    BAD,
    ids=[" ".join(case[0])[:40].encode("unicode_escape").decode() for case in BAD],
)
def test_a_bad_argument_ends_with_one_line_and_exit_code_2(arguments, words, capfd, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert cli.main(arguments) == 2
    output, errors = capfd.readouterr()
    assert output == ""
    assert errors.count("\n") == 1 and errors.endswith("\n")
    assert words in errors
    assert "Traceback" not in errors


def vigil(*arguments, **variables):
    """The installed command itself, as a user starts it."""
    return subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "vigil"), *arguments],
        cwd=ROOT,
        env=dict(os.environ, **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_installed_command_passes_its_exit_code_on():
    result = vigil("sim", "--speed", "never")
    assert result.returncode == 2
    assert result.stderr == "vigil sim: --speed: 'never' is not a number\n"


def test_the_version_and_the_help_are_no_errors():
    assert vigil("--version").stdout.startswith("vigil 0.")
    for arguments in ((), ("--help",), ("sim", "--help")):
        result = vigil(*arguments)
        assert result.returncode == 0 and "Usage: vigil" in result.stdout
        assert result.stderr == ""


@pytest.mark.parametrize(
    "program, words",
    [
        ("/no/such/micropython", "there is no program /no/such/micropython"),
        (sys.executable, "is not MicroPython"),
        ("false", "is not MicroPython"),
    ],
)
def test_a_wrong_interpreter_in_the_environment_is_refused(program, words, tmp_path):
    result = vigil("sim", "--run-dir", str(tmp_path / "run"), MICROPYTHON=program)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1 and words in result.stderr
    assert not (tmp_path / "run").exists()


def make_program(path, answer):
    path.write_text(f"#!/bin/sh\necho {answer}\n")
    path.chmod(0o755)
    return str(path)


def test_an_old_micropython_is_told_from_a_good_one(tmp_path):
    old = make_program(tmp_path / "old", "micropython 1 20")
    good = make_program(tmp_path / "good", "micropython 1 29")
    assert interpreter.why_unfit(old) == "is MicroPython 1.20; Vigil needs 1.29 or newer"
    assert interpreter.why_unfit(good) is None


def test_without_micropython_cpython_takes_over_and_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("MICROPYTHON", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    alone = tmp_path / "alone"
    alone.mkdir()
    monkeypatch.setattr(sys, "executable", str(alone / "python"))
    path, note = interpreter.find()
    assert path == sys.executable
    assert note.startswith("reduced fidelity") and "no MicroPython found" in note
    make_program(tmp_path / "micropython", "micropython 1 20")
    path, note = interpreter.find()
    assert path == sys.executable and "1.20" in note
    beside = make_program(alone / "micropython", "micropython 1 30")
    assert interpreter.find() == (beside, None)


def test_output_that_cannot_be_written_ends_with_one_line(tmp_path):
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "host_tools.cli", "sim", "--json", "--duration", "1"]
            + ["--speed", "max", "--run-dir", str(tmp_path)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == ("vigil sim: cannot go on: No space left on device")
