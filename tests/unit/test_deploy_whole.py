"""The whole firmware goes onto a board with a simulated chip, is confirmed, and comes back."""

import shutil

import pytest

from host_tools.build import image
from host_tools.deploy import steps, wire
from host_tools.deploy.__main__ import REFUSED, put
from tests.interpreter import ROOT, run_micropython
from tests.unit.whole_board import (
    BOARD,
    CONFIRMED_S,
    UNCONFIRMED_S,
    ask,
    bring,
    changed,
    kept,
    made,
    stand_in,
    started,
)

SETTINGS = "what the owner has set"
HANG = b"import time\nwhile True:\n    time.sleep_ms(10)\n"
# Self-tests that find something wrong: the version runs on, its switches open.
WRONG_KERNEL = b"def failures():\n    return ['judge']\n"


@pytest.fixture(scope="module")
def first():
    return made()


@pytest.fixture(scope="module")
def deployed(first, tmp_path_factory):
    """(flash of a board on which the first version is confirmed, what the deploy said)."""
    flash = tmp_path_factory.mktemp("board") / "flash"
    said = []
    with stand_in(flash, CONFIRMED_S) as board:
        assert bring(first, board, said) == steps.RUNS
        board.says("holds")
        ask(board, f"with open('/kept/settings', 'w') as file:\n file.write({SETTINGS!r})")
        assert kept(board) == (["app_a"], 1, SETTINGS)
    return flash, said


@pytest.fixture
def flash(deployed, tmp_path):
    return shutil.copy(deployed[0], tmp_path / "flash")


def test_an_empty_board_shows_the_first_sample_of_its_first_version(deployed, first):
    _, said = deployed
    name = f"{first.manifest['version']} {first.release}"
    assert "first version of this board, in app_a" in said
    assert f"board: Vigil {name} on board {BOARD}" in said
    assert said[-1].startswith(f"board: sample of {name}: 16 cells 3")


def test_power_may_fail_anywhere_in_the_deploy_of_a_second_version(flash, first, tmp_path):
    before = shutil.copy(flash, tmp_path / "before")
    log = tmp_path / "log"
    second = changed(first, "0.2.0", {"note.txt": b"second"})
    with stand_in(flash, CONFIRMED_S, log) as board:
        assert bring(second, board) == steps.RUNS
        board.says("holds")
        # The first version has started twice, this one once.
        assert kept(board) == (["app_b"], 3, SETTINGS)
    cuts = ROOT / "tests" / "micropython" / "deploy_cuts.py"
    result = run_micropython(cuts, str(before), str(log), "60")
    assert result.returncode == 0, result.stdout[-500:] + result.stderr
    found = result.stdout.split("\n")[:-1]
    assert len(found) > 120
    assert set(found) == {first.manifest["version"], "0.2.0"}
    assert found == sorted(found)


class Pulled(wire.Wire):
    """The cable is pulled when a command contains `word`."""

    def __init__(self, port, word):
        super().__init__(port)
        self._word = word

    def run(self, code):
        if self._word in code:
            self.close()
            raise wire.Unreachable("pulled")
        return super().run(code)

    def restart(self):
        raise wire.Unreachable("pulled")


@pytest.mark.parametrize("word", ("remove(", "/app_b/vigil/afe", "/app_b/manifest", "point("))
def test_a_pulled_cable_leaves_the_first_version_running(flash, first, word):
    # The manifest is only reached when all is copied: a few files will do.
    few = [path for path in first.app if "bq76952" in path]
    second = changed(first, "0.2.0", {"note.txt": b"second"}, None if word == "point(" else few)
    with stand_in(flash, UNCONFIRMED_S) as board:
        with pytest.raises((wire.Unreachable, steps.Unsure)):
            steps.deploy(Pulled(board.port, word), second, [].append)
    assert started(flash) == f"{first.manifest['version']} {first.release}"


def test_a_version_that_fails_its_self_test_is_gone_after_three_starts(flash, first):
    second = changed(first, "0.2.0", {"vigil/selftest.py": WRONG_KERNEL})
    with stand_in(flash, CONFIRMED_S) as board:
        assert bring(second, board) == steps.RUNS
        board.says("holds")
        assert kept(board)[0] == ["app_b", "1", "app_a"]
    names = [started(flash, CONFIRMED_S) for _ in range(3)]
    old = f"{first.manifest['version']} {first.release}"
    assert names == [f"0.2.0 {second.release}"] * 2 + [old]
    with stand_in(flash, CONFIRMED_S) as board:
        board.says("holds")
        # The first version's when it came, before the deploy, and two now; three of the second.
        assert kept(board) == (["app_a"], 7, SETTINGS)


@pytest.mark.parametrize(
    "instead",
    ({"vigil/app.py": b"raise ValueError('broken')\n"}, {"vigil/memory.py": HANG}),
    ids=("raises", "hangs before it has a watchdog"),
)
def test_a_version_that_does_not_start_gives_way_while_the_deploy_looks_on(flash, first, instead):
    said = []
    with stand_in(flash, UNCONFIRMED_S) as board:
        assert bring(changed(first, "0.2.0", instead), board, said) == steps.FELL_BACK
        assert "board: app_b failed 3 starts; back to app_a" in said
        board.says("holds")
        assert kept(board)[0] == ["app_a"]


def test_a_first_version_that_cannot_start_ends_in_safe_mode(first, tmp_path):
    broken = changed(first, "0.1.0", {"vigil/app.py": b"raise ValueError('broken')\n"})
    with stand_in(tmp_path / "flash", UNCONFIRMED_S) as board:
        line = wire.Wire(board.port)
        line.open()
        steps._prepare(line, broken, [].append)
        line.restart()
        # Three starts later, each ended by the watchdog.
        held = board.says("safe mode: nothing")
        assert "switches held open" in held and "broken" in held
        board.says("holds")
        state = "from vigil.memory import Memory\nfrom vigil.file_storage import FileStorage\n"
        state += "print(Memory(FileStorage('/kept')).starts)"
        assert ask(board, state) == "4"


def test_another_processor_and_an_old_micropython_are_refused(flash, first, capsys):
    needed = first.manifest["micropython"]
    for_pico = image.Image(BOARD, "armv6m", first.loader, {"main.py": b""}, "0.2.0", needed)
    with stand_in(flash, UNCONFIRMED_S) as board:
        assert put(for_pico, wire.Wire(board.port)) == REFUSED
        assert board.says("sample of ").split()[3].startswith(first.release)
    with stand_in(flash, UNCONFIRMED_S, age="old") as board:
        assert put(first, wire.Wire(board.port)) == REFUSED
        # And whoever filled such a board by hand has a BMS that does not begin.
        assert "newer is needed; switches stay off" in board.says("MicroPython (1, 29, 0)")
    said = capsys.readouterr().err
    assert "the board's processor is x64" in said
    assert "MicroPython 1.28.0; 1.29.0 or newer is needed" in said
