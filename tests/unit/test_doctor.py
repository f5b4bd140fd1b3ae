"""`vigil doctor`: a simulated board and one at a port are examined, and neither is believed more
than it was measured."""

import ast
import contextlib
import gc
import io
import json
import sys

import machine
import pytest
from desk import import_board

from host_tools import board_lint, cli
from host_tools.deploy import steps, wire
from host_tools.doctor import command, desk, examination, expected, report
from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from host_tools.mock.code_time import CodeTime
from host_tools.sim.twins import bq76952 as twins
from tests.unit.board_stand_in import BoardStandIn, version
from tests.unit.whole_board import BOARD, CONFIRMED_S, bring, made, stand_in
from vigil import kernels, sample

SHORT_MS = 800  # of each run: every group of values comes several times


def examine(link, board="sim16_lfp", run_ms=SHORT_MS):
    """(the report, the same for a reader)."""
    examined = examination.Examination(link, board, lambda text: None, run_ms)
    try:
        examined.run()
    finally:
        link.close()
    whole = report.make(examined)
    return whole, report.text(whole)


def figures(whole):
    """Every line with a time, as the report has them."""
    return [whole["cycle"], *whole["parts"], *whole["kernels"]]


# A simulated board.


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """(exit code, the report's files read) of a board that is well."""
    path = tmp_path_factory.mktemp("report") / "mine"
    code = cli.main(["doctor", "--board", "sim16_lfp", "--report", str(path)])
    files = [path.with_suffix(suffix).read_text() for suffix in (".json", ".txt")]
    return code, json.loads(files[0]), files[1]


def test_a_simulated_board_that_is_well_has_no_problem(simulated):
    code, whole, readable = simulated
    assert code == command.WELL
    assert whole["problems"] == [] and "No problem found" in readable
    assert whole["start"]["kernels_failed"] == []
    assert whole["front_end"]["verified"] and whole["front_end"]["capabilities"]["cells"] == 16
    assert whole["sample"]["switches"] == [False, False]
    assert all(3000 < cell < 3600 for cell in whole["sample"]["cells_mv"])
    assert whole["bus"] == {"Transfer": {"retries": 0, "check_errors": 0, "no_answers": 0}}


def test_the_time_of_this_computer_is_called_so_and_compared_with_nothing(simulated):
    _, whole, readable = simulated
    assert whole["timing_of"] == "this computer"
    assert "time of this computer" in readable and "; table " not in readable
    for line in figures(whole):
        assert not {"table_us", "ratio", "overruns"} & set(line)


def test_what_a_simulated_board_cannot_tell_is_named(simulated):
    _, whole, readable = simulated
    unmeasured = {entry["what"] for entry in whole["not_measured"]}
    assert {"heap", "stall of a flash write", "files and hashes"} <= unmeasured
    assert not {"heap", "flash_write", "version"} & set(whole)
    for what in unmeasured:
        assert what in readable


def test_every_kernel_of_the_firmware_is_timed(simulated):
    _, whole, _ = simulated
    ours = {name for name in vars(kernels) if callable(vars(kernels)[name])} - {"const"}
    assert {line["name"] for line in whole["kernels"]} == ours


def test_the_same_simulated_board_measures_the_same(simulated, capsys, tmp_path):
    path = tmp_path / "again"
    cli.main(["doctor", "--board", "sim16_lfp", "--report", str(path), "--json"])
    again, before = json.loads(capsys.readouterr().out), simulated[1]
    for key in ("identity", "front_end", "sample", "bus", "problems", "not_measured"):
        assert again[key] == before[key]


def test_a_chip_that_does_not_answer_is_told_with_what_to_look_at():
    whole, readable = examine(desk.Desk("sim16_lfp", ["t=0 afe nak"]))
    assert "could not be set up" in whole["problems"][0]
    assert "pull-ups" in whole["problems"][0]
    assert whole["sample"]["cells_mv"] == [None] * 16
    assert "the front end is not set up" in readable
    # The rest is measured all the same.
    assert len(whole["kernels"]) > 5 and whole["cycle"]["times"] > 40


def test_a_limit_that_is_tripped_is_told_in_words():
    whole, _ = examine(desk.Desk("sim4_lfp", ["t=0 cell 2 mv 3720"]), "sim4_lfp", 3000)
    assert "Limit tripped: Cell 2 over-voltage (3.720 V, limit 3.650 V)." in whole["problems"]


# The same program inside this process, where what it does to the board can be looked at.


class HereInside:
    """A board on a virtual clock on which code takes the time of the cost table."""

    simulated = True

    def __init__(self, fault=None):
        self.fault = fault

    def open(self, soft_reset):
        # The probe collects often; what the tests themselves hold need not be looked through.
        gc.freeze()
        board = import_board("sim16_lfp")
        machine.forget()
        self.clock = VirtualClock()
        fake_time.use(self.clock)
        machine.use(self.clock)
        for pin, level in board.SAFE_PINS:
            machine.Pin(pin, machine.Pin.OUT, value=level)
        self.twin = twins.build(self.clock, board, 1, 50)
        self.closed_once = False
        self.names = {}

    def run(self, code):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(code, self.names)
        if code == "build()":
            CodeTime(self.clock).charge(self.names["bms"])
            self._watch()
        return said.getvalue()

    def _watch(self):
        """Told to close its switches, whoever gives the order, is what must never happen."""
        bench = self.twin.bench

        def look():
            self.closed_once |= bool(bench.true_charge or bench.true_discharge)

        self.clock.on_sleep = look

    def close(self):
        gc.unfreeze()
        sys.modules.pop("main", None)
        machine.forget()


@pytest.fixture(scope="module")
def charged():
    """(the link, the report) of a board that costs what the table says."""
    link = HereInside()
    examined = examination.Examination(link, "sim16_lfp", lambda text: None, SHORT_MS)
    try:
        examined.run()
        examined.simulated = False
        yield link, report.make(examined)
    finally:
        link.close()


def test_both_switches_stay_open_all_the_time(charged):
    link, whole = charged
    assert not link.closed_once
    assert whole["sample"]["switches"] == [False, False]
    assert not link.twin.bench.true_charge and not link.twin.bench.true_discharge


def test_nobody_can_close_a_switch_through_the_front_end(charged):
    link, _ = charged
    bms = link.names["bms"]
    for _ in range(20):
        bms.front_end.set_switches(True, True)
        bms.executive.turn()
    assert not link.closed_once
    assert not link.twin.bench.true_charge and not link.twin.bench.true_discharge


def test_a_board_that_costs_what_the_table_says_has_the_ratio_one(charged):
    """The cost table, charged piece by piece by the simulator, comes back as it was charged."""
    _, whole = charged
    compared = {line["name"]: line["ratio"] for line in whole["parts"] if "ratio" in line}
    for name in (
        *("read, nothing new", "read, new cells", "read, everything new", "act", "inputs"),
        *("judge, everything new", "plausibility, everything new", "count charge"),
    ):
        assert compared[name] == pytest.approx(1, abs=0.02), name
    assert compared["read-judge-act, everything new"] == pytest.approx(1, abs=0.02)


def test_the_program_on_the_board_knows_the_groups_of_the_sample(charged):
    names = charged[0].names
    assert (names["CELLS"], names["STACK"]) == (sample.CELLS, sample.STACK)


def test_the_program_has_nothing_that_a_board_lacks_and_is_small():
    text = examination.program()
    assert board_lint.problems_in(text, local_modules=("board", "vigil")) == []
    assert len(text) < 10000


def test_the_program_uses_no_private_name_of_the_firmware():
    """A build may have given them other ones."""
    for node in ast.walk(ast.parse(examination.program())):
        if isinstance(node, ast.Attribute) and node.attr[0] == "_" and node.attr[:2] != "__":
            assert isinstance(node.value, ast.Name) and node.value.id == "self", node.attr


def test_the_clock_of_an_rp2040_counts_and_no_other():
    assert expected.clock_mhz("armv6m", 200_000_000) == 200
    assert expected.clock_mhz("xtensawin", 240_000_000) == 125
    judge = [expected.part_us("judge", 3, {}, mhz) for mhz in (100, 200)]
    assert judge[0] == 2 * judge[1]
    assert expected.part_us("read", 1, {"chip": "BQ76940"}, 125) is None


# A board at a port.


@pytest.fixture(scope="module")
def at_a_port(tmp_path_factory):
    """Flash of a board on which the whole firmware is confirmed."""
    flash = tmp_path_factory.mktemp("board") / "flash"
    with stand_in(flash, CONFIRMED_S) as board:
        assert bring(made(), board) == steps.RUNS
        board.says("holds")
    return flash


def ask(line, code):
    line.open()
    try:
        return line.run(code)
    finally:
        line.close()


def test_a_board_at_a_port_is_examined_and_runs_again(at_a_port, tmp_path, capsys):
    path = tmp_path / "mine"
    with stand_in(at_a_port, CONFIRMED_S) as board:
        board.says("holds")
        before = ask(wire.Wire(board.port), "import os\nprint(os.listdir('/'))")
        code = command.doctor(BOARD, board.port, str(path), True)
        assert board.says("sample of ")
        board.says("holds")
        assert ask(wire.Wire(board.port), "import os\nprint(os.listdir('/'))") == before
    whole = json.loads(capsys.readouterr().out)
    assert code == command.WELL, whole["problems"]
    assert whole == json.loads(path.with_suffix(".json").read_text())
    assert whole["timing_of"] == "the board"
    found = whole["version"]
    assert found["files"] > 25 and found["folder"] == "app_a" and not found["on_trial"]
    assert found["different"] == found["missing"] == found["not_of_it"] == []
    assert found["loader_as_here"]
    # On this stand-in nothing but the bus takes time, and that is as computed.
    read = {line["name"]: line for line in whole["parts"]}["read, new cells"]
    assert read["mean_us"] == read["worst_us"] == 2615
    assert {"heap", "flash_write"} <= set(whole)


def test_files_that_are_not_those_of_the_manifest_are_problems(at_a_port, tmp_path):
    with stand_in(at_a_port, CONFIRMED_S) as board:
        line = wire.Wire(board.port)
        ask(
            line,
            "import os\n"
            "open('/app_a/vigil/soc.py', 'w').close()\n"
            "with open('/app_a/board.py', 'a') as file:\n file.write('# mine')\n"
            "os.remove('/app_a/vigil/link/jbd_parameters.mpy')",
        )
        whole, _ = examine(line, BOARD)
    told = " ".join(whole["problems"])
    for sentence in (
        "vigil/soc.py does not belong to this version",
        "board.py is not what the manifest says",
        "vigil/link/jbd_parameters.mpy is missing",
    ):
        assert sentence in told
    # A start without one of its modules is not measured, and the report says why.
    assert any("jbd" in entry["why"] for entry in whole["not_measured"])


class Pulled(desk.Desk):
    """Gone in the middle of it."""

    def run(self, code):
        if code.startswith("alone("):
            raise wire.Unreachable("the board does not answer")
        return super().run(code)


def test_a_board_that_goes_away_leaves_a_report_of_what_was_measured():
    whole, readable = examine(Pulled("sim4_lfp"), "sim4_lfp")
    assert whole["cycle"]["times"] > 40
    assert {"what": "the collector", "why": "the board does not answer"} in whole["not_measured"]
    assert "the kernels: the board does not answer" in readable


@pytest.mark.parametrize(
    "bring_version, sentence",
    [(True, "it is set up as test, not as pico_bq76952"), (False, "there is no whole version")],
    ids=("another board", "an empty board"),
)
def test_a_board_that_is_not_the_one_named_is_refused(tmp_path, capsys, bring_version, sentence):
    with BoardStandIn(tmp_path / "flash") as board:
        if bring_version:
            assert bring(version(1), board) == steps.RUNS
        words = ["doctor", "--board", BOARD, "--port", board.port, "--report", str(tmp_path / "r")]
        assert cli.main(words) == 2
        if bring_version:
            assert board.says("version 1 runs")
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("vigil doctor: ") and sentence in said
    assert not list(tmp_path.glob("r.*"))


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["--report", "mine"], "--board NAME is needed"),
        (["--board", "sim16_lfp", "--run-dir", "x"], "go without --board"),
        (["--port", "/dev/nowhere"], "there is no port /dev/nowhere"),
        (["--board", "nosuch"], "no simulated board 'nosuch'"),
        (["--board", "sim16_lfp", "--port", "/dev/null"], "no board 'sim16_lfp' to be examined"),
        (["--board", BOARD, "--port", ""], "--port must not be empty"),
        (["--board", BOARD, "--port", "/nowhere/tty"], "no board at /nowhere/tty"),
        (["--board", "sim16_lfp", "--report", "/nowhere/mine"], "cannot write /nowhere/mine.json"),
        (["--bogus"], "No such option"),
    ],
)
def test_whatever_is_wrong_ends_with_one_line_and_exit_code_2(words, sentence, capsys):
    assert cli.main(["doctor", *words]) == 2
    *progress, said = capsys.readouterr().err.splitlines()
    assert sentence in said and said.startswith("vigil")
    assert all(line.startswith("doctor: ") for line in progress)
