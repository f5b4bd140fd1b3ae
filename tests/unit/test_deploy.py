"""A version goes onto a board beside the one that runs; whatever happens, a whole one runs."""

import shutil

import pytest

from host_tools.deploy import fitness, steps, wire
from host_tools.deploy.__main__ import GIVEN_UP, REFUSED, RUNS, SILENT, main, put
from tests.interpreter import ROOT, run_micropython
from tests.unit import board_stand_in as stand_in
from tests.unit.board_stand_in import BoardStandIn, runs, version

FIRST_SAMPLE_S = 20


@pytest.fixture(scope="module")
def first_flash(tmp_path_factory):
    """A board that runs version 1, confirmed; it has kept something."""
    flash = tmp_path_factory.mktemp("board") / "flash"
    with BoardStandIn(flash) as board:
        line = wire.Wire(board.port)
        assert put(version(1), line, FIRST_SAMPLE_S) == RUNS
        line.open()
        line.run(steps._HELPER.read_text())
        line.run("put('/kept/state0', b'c2V0dGluZ3M=', True)")
        line.close()
    return flash


@pytest.fixture
def flash(first_flash, tmp_path):
    return shutil.copy(first_flash, tmp_path / "flash")


class Pulled(wire.Wire):
    """The cable is pulled before command `at`, or after it when its answer was under way."""

    def __init__(self, port, at, answered=False):
        super().__init__(port)
        self._left = at
        self._answered = answered

    def run(self, code):
        self._left -= 1
        if self._left > 0:
            return super().run(code)
        if self._left == 0 and self._answered:
            super().run(code)
        raise wire.Unreachable("pulled")

    def restart(self):
        if self._left <= 0:
            raise wire.Unreachable("pulled")
        super().restart()


class Corrupting(wire.Wire):
    """One bit of one piece of one file arrives as another; its letters remain base64."""

    def run(self, code):
        if code.startswith("put(") and "large.mpy" in code:
            code = code.replace("AAEC", "AAED", 1)
        return super().run(code)


def test_a_second_version_runs_from_the_other_folder_and_settings_stay(flash, capsys):
    with BoardStandIn(flash) as board:
        line = wire.Wire(board.port)
        assert put(version(2), line, FIRST_SAMPLE_S) == RUNS
        line.open()
        assert line.run("print(open('/running').read())").split() == ["app_b"]
        assert line.run("print(open('/kept/state0').read())").split() == ["settings"]
        line.close()
    said = capsys.readouterr().out
    assert "app_a stays as it is; the new version goes to app_b" in said
    assert "board: sample of" in said
    assert runs(flash) == "version 2 runs"


def test_the_third_version_goes_where_the_first_was(flash):
    for number in (2, 3):
        with BoardStandIn(flash) as board:
            assert put(version(number), wire.Wire(board.port), FIRST_SAMPLE_S) == RUNS
    assert runs(flash) == "version 3 runs"


@pytest.mark.parametrize("then", (stand_in.FAIL, stand_in.RAISE), ids=("resets", "raises"))
def test_a_version_that_fails_three_starts_gives_way_to_the_old_one(flash, capsys, then):
    with BoardStandIn(flash) as board:
        assert put(version(2, then), wire.Wire(board.port), FIRST_SAMPLE_S) == GIVEN_UP
    said = capsys.readouterr()
    assert said.out.count("board: version 2 runs") == 3
    assert "app_b failed 3 starts; back to app_a" in said.out
    assert "the old one is back" in said.err
    assert runs(flash) == "version 1 runs"


def test_a_version_that_nobody_confirms_gets_three_starts(flash):
    with BoardStandIn(flash) as board:
        made = version(2, stand_in.UNCONFIRMED)
        assert put(made, wire.Wire(board.port), FIRST_SAMPLE_S) == RUNS
    started = [runs(flash) for _ in range(4)]
    assert started == ["version 2 runs"] * 2 + ["version 1 runs"] * 2


def test_a_version_deployed_during_a_trial_replaces_the_one_on_trial(flash):
    for number in (2, 3):
        with BoardStandIn(flash) as board:
            made = version(number, stand_in.UNCONFIRMED)
            assert put(made, wire.Wire(board.port), FIRST_SAMPLE_S) == RUNS
    # One of the three starts was the deploy's own.
    started = [runs(flash) for _ in range(3)]
    assert started == ["version 3 runs"] * 2 + ["version 1 runs"]


def test_a_version_without_a_sign_of_life_is_told(flash, capsys):
    with BoardStandIn(flash) as board:
        made = version(2, "while True: time.sleep_ms(10)")
        assert put(made, wire.Wire(board.port), 1) == SILENT
    assert "on trial" in capsys.readouterr().err


@pytest.mark.parametrize(
    "made, sentence",
    [
        (version(2, processor="armv6m"), "the board's processor is x64; test is built for armv6m"),
        (version(2, micropython=(99, 0, 0)), "99.0.0 or newer is needed"),
    ],
    ids=("wrong processor", "old MicroPython"),
)
def test_a_board_that_does_not_fit_is_refused_and_runs_on(flash, capsys, made, sentence):
    with BoardStandIn(flash) as board:
        assert put(made, wire.Wire(board.port)) == REFUSED
        # It was restarted: the old version does not wait for an owner.
        assert board.says("version ") == "version 1 runs"
    assert sentence in capsys.readouterr().err


def test_a_corrupted_copy_is_noticed_and_the_old_version_runs_on(flash, capsys):
    with BoardStandIn(flash) as board:
        assert put(version(2), Corrupting(board.port)) == GIVEN_UP
        assert board.says("version ") == "version 1 runs"
    assert "/app_b/vigil/large.mpy on the board is not what was sent" in capsys.readouterr().err


@pytest.mark.parametrize("at", (1, 2, 3, 5, 9, 16, 19))
def test_a_pulled_cable_leaves_the_old_version(flash, capsys, at):
    with BoardStandIn(flash) as board:
        assert put(version(2), Pulled(board.port, at, answered=at % 2)) == GIVEN_UP
    assert "given up: pulled" in capsys.readouterr().err
    assert runs(flash) == "version 1 runs"


def test_a_half_copied_version_is_no_obstacle(flash):
    with BoardStandIn(flash) as board:
        assert put(version(2), Pulled(board.port, 9)) == GIVEN_UP
    with BoardStandIn(flash) as board:
        assert put(version(3), wire.Wire(board.port), FIRST_SAMPLE_S) == RUNS
    assert runs(flash) == "version 3 runs"


def test_power_may_fail_at_every_flash_operation_and_the_cable_between_any_two(flash, tmp_path):
    """A pulled cable leaves the flash as some operation left it: every step is among these."""
    log = tmp_path / "log"
    before = shutil.copy(flash, tmp_path / "before")
    with BoardStandIn(flash, log) as board:
        made = version(2, stand_in.UNCONFIRMED)
        # Another loader, so that its replacement is among the operations.
        made.loader["slots.py"] += b"\n# another\n"
        assert put(made, wire.Wire(board.port), FIRST_SAMPLE_S) == RUNS
    result = run_micropython(
        ROOT / "tests" / "micropython" / "deploy_cuts.py", str(before), str(log)
    )
    assert result.returncode == 0, result.stdout[-500:] + result.stderr
    started = result.stdout.split("\n")[:-1]
    assert len(started) > 100
    assert set(started) == {"1.0", "2.0"}
    # Once over, it never goes back by itself: the old one until one moment, then the new one.
    assert started == sorted(started)


def test_the_answer_lost_at_the_switch_is_told_as_unknown(flash, capsys):
    class PulledAtTheSwitch(wire.Wire):
        def run(self, code):
            said = super().run(code)
            if code.startswith("point("):
                raise wire.Unreachable("pulled")
            return said

    with BoardStandIn(flash) as board:
        assert put(version(2), PulledAtTheSwitch(board.port)) == GIVEN_UP
    assert "Either version may run now" in capsys.readouterr().err
    assert runs(flash) == "version 2 runs"


def facts(**changed):
    good = dict(
        name="micropython",
        version=(1, 29, 0),
        mpy=4 << 10 | 3 << 8 | 6,
        free_bytes=1000000,
        pointer="app_a",
        whole=["app_a"],
    )
    return fitness.Facts(**{**good, **changed})


@pytest.mark.parametrize(
    "changed, sentence",
    [
        ({"name": "circuitpython"}, "the board runs circuitpython"),
        ({"version": (1, 28, 9)}, "MicroPython 1.28.9; 1.29.0 or newer"),
        ({"mpy": 10 << 10 | 3 << 8 | 6}, "processor is xtensawin; test is built for armv6m"),
        ({"mpy": 4 << 10 | 2 << 8 | 6}, "version 6.2; built are 6.3"),
        ({"mpy": 0}, "processor is none"),
    ],
)
def test_what_a_board_is_refused_for(changed, sentence):
    with pytest.raises(fitness.Refused, match=sentence):
        fitness.check(facts(**changed), version(2, processor="armv6m"))


def test_newer_versions_and_cores_that_run_the_same_code_are_welcome():
    made = version(2, processor="armv6m")
    for changed in ({}, {"version": (1, 30, 0)}, {"mpy": 7 << 10 | 3 << 8 | 6}):
        fitness.check(facts(**changed), made)


def test_a_full_board_is_refused():
    made = version(2)
    fitness.check_room(1000000, made)
    with pytest.raises(fitness.Refused, match="100 bytes free"):
        fitness.check_room(100, made)


@pytest.mark.parametrize(
    "pointer, whole, expected",
    [
        ("", [], ("app_a", None)),
        ("app_a", ["app_a"], ("app_b", "app_a")),
        ("app_b\n", ["app_a", "app_b"], ("app_a", "app_b")),
        ("app_b 2 app_a", ["app_a", "app_b"], ("app_b", "app_a")),
        ("app_b 2 app_a", ["app_b"], ("app_a", "app_b")),
        ("app_b", ["app_a"], ("app_b", "app_a")),
        ("rubbish", ["app_b"], ("app_a", "app_b")),
    ],
)
def test_the_new_version_never_goes_where_the_good_one_is(pointer, whole, expected):
    assert fitness.folders(facts(pointer=pointer, whole=whole)) == expected


@pytest.mark.parametrize("text", ("", "x", "app_c", "app_a 0", "app_a 9 app_b", "app_a 0 app_a"))
def test_a_damaged_pointer_is_no_pointer(text):
    assert fitness.loader().parse(text) is None


def slots_on(folder, files):
    """The loader with `folder` for its filesystem, and what it is given there."""
    for path, text in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    slots = fitness.loader()
    slots.ROOT = f"{folder}/"
    return slots


BOTH = {"app_a/manifest.json": "{}", "app_b/manifest.json": "{}"}


@pytest.mark.parametrize(
    "files, expected",
    [
        ({}, "app_a"),
        (BOTH, "app_a"),
        ({**BOTH, "running": "app_b"}, "app_b"),
        ({**BOTH, "running": "app_b 2 app_a"}, "app_b"),
        ({**BOTH, "running": "app_b 3 app_a"}, "app_a"),
        ({**BOTH, "running": "app_b 3 app_b"}, "app_a"),
        ({"app_b/manifest.json": "{}", "running": "app_a"}, "app_b"),
        ({"app_b/manifest.json": "{}"}, "app_b"),
        ({"app_b/manifest.json": "{}", "running": "app_b 3 app_a"}, "app_b"),
    ],
)
def test_the_loader_starts_a_whole_version(tmp_path, files, expected):
    slots = slots_on(tmp_path, files)
    assert slots.chosen() == expected
    assert slots.begin() == expected


def test_a_trial_that_cannot_be_counted_falls_back_at_once(tmp_path):
    slots = slots_on(tmp_path, {**BOTH, "running": "app_b 0 app_a"})
    (tmp_path / "running.new").mkdir()
    assert slots.begin() == "app_a"


def test_an_ordinary_start_writes_nothing(tmp_path):
    slots = slots_on(tmp_path, {**BOTH, "running": "app_b"})
    (tmp_path / "running.new").mkdir()
    assert slots.begin() == "app_b"
    slots.confirm()


@pytest.mark.parametrize(
    "arguments", ([], ["pico_bq76952"], ["pico_bq76952", ""], ["nosuch", "p"])
)
def test_wrong_arguments_end_with_a_sentence(arguments, capsys):
    assert main(arguments) == REFUSED
    assert "pico_bq76952" in capsys.readouterr().err


def test_no_board_at_the_port_is_told(tmp_path, capsys):
    assert put(version(1), wire.Wire(str(tmp_path / "nothing"))) == GIVEN_UP
    assert "no board at" in capsys.readouterr().err


def test_the_first_sample_is_waited_for_long_enough():
    from vigil import keeper

    assert steps.FIRST_SAMPLE_S * 1000 >= keeper.CONFIRM_AFTER_MS
