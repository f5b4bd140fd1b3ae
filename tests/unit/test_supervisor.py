"""The supervisor of `vigil sim` with a stand-in node: real processes, real pseudo-terminals."""

import json
import os
import pty
import select
import signal
import time
import tty

import pytest

from host_tools.sim import commands
from host_tools.sim.pace import Pace
from tests.unit.sim_process import PATIENCE_S, ROOT, SimProcess, command, is_alive, wait_until
from tests.unit.sim_process import environment as environment_of

KEYS = (
    "t_s cells_mv temps_dc stack_mv current_ma soc_pct soc_sigma_pct charge_on discharge_on "
    "true_charge_on true_discharge_on faults warnings balancing cycle_us_max overruns "
    "charge_limit_ma heater_on fan_on sleeping_in_s asleep "
    "soh_pct soh_sigma_pct bad_joints discharge_limit_ma limited_by "
    "time_to_empty_s time_to_full_s total_ah total_wh to_move_mah"
).split()


@pytest.fixture
def run_dir(tmp_path):
    return tmp_path / "run"


class Client:
    """A program that opens the RS485 line as a user's client would."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def ask(self, data):
        os.write(self.fd, data)
        return self.read(len(data))

    def read(self, count, patience_s=PATIENCE_S):
        answer = b""
        deadline = time.monotonic() + patience_s
        while len(answer) < count and time.monotonic() < deadline:
            if select.select([self.fd], [], [], 0.05)[0]:
                answer += os.read(self.fd, count - len(answer))
        return answer


def leftovers(run_dir):
    return sorted(path.name for path in run_dir.iterdir())


# Records.


def test_json_records_have_the_promised_keys_in_order_and_nothing_else_is_on_stdout(run_dir):
    with SimProcess(run_dir, speed="max", duration="5") as sim:
        exit_code, output, errors = sim.finish()
    assert exit_code == 0
    records = [json.loads(line) for line in output.splitlines()]
    assert [list(record) for record in records] == [KEYS] * 5
    assert [record["t_s"] for record in records] == [1, 2, 3, 4, 5]
    assert records[0]["temps_dc"] == [250, 251, None]
    assert "RS485 at /dev/" in errors and "warning" not in errors


def test_faults_in_json_are_sentences_while_they_last(run_dir):
    with SimProcess(run_dir, "over-voltage", speed="max", duration="5") as sim:
        _, output, _ = sim.finish()
    faults = [json.loads(line)["faults"] for line in output.splitlines()]
    assert [len(sentences) for sentences in faults] == [0, 0, 1, 1, 0]
    assert faults[2][0].startswith(
        "Cell 5 over-voltage: 3.702 V is above 3.650 V for 1.0 s; charge switch opened. "
    )


def test_people_get_a_banner_a_line_a_second_and_a_sentence_for_every_change(run_dir):
    with SimProcess(run_dir, "over-voltage", speed="max", duration="5", form="plain") as sim:
        exit_code, output, errors = sim.finish()
    assert exit_code == 0 and errors == ""
    for promised in ("16S LFP 100 Ah", "seed 7", "/dev/", "JBD(serial.Serial(", "Ctrl-C"):
        assert promised in output
    assert output.count(">> Cell 5 over-voltage: 3.702 V") == 1
    assert output.count(">> Passed: Cell 5 over-voltage.") == 1
    assert ">> Charge switch is open (cell over-voltage)." in output
    live = [line for line in output.splitlines() if "52.80 V" in line]
    assert len(live) == 5
    assert all(len(line) <= 100 for line in live)
    assert "chg open" in live[2] and "chg on" in live[4]


def test_a_board_with_another_limit_table_is_announced(run_dir):
    with SimProcess(run_dir, "other table", speed="max", duration="1") as sim:
        exit_code, _, errors = sim.finish()
    assert exit_code == 0
    assert "warning: the firmware's limit table differs" in errors


# The end.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_and_leaves_nothing(run_dir, number):
    with SimProcess(run_dir) as sim:
        node = sim.node_pid()
        facts = sim.run_json()
        same = {name: facts[name] for name in ("rs485", "native", "keys")}
        assert set(facts) == {"pid", "seed", "board", "nodes", *same}
        assert facts["nodes"] == [{"node": 1, "seed": 7, **same}]
        assert sorted(len(key) for key in facts["keys"].values()) == [64, 64]
        assert facts["pid"] == sim.process.pid
        assert (facts["seed"], facts["board"]) == (7, "sim16_lfp")
        for line in ("rs485", "native"):
            assert (run_dir / line).resolve() == type(run_dir)(facts[line])
        exit_code, _, errors = sim.stop(number)
    assert exit_code == 0
    assert "Traceback" not in errors
    assert not is_alive(node)
    assert leftovers(run_dir) == []


def test_a_node_that_hangs_does_not_survive_ctrl_c(run_dir):
    with SimProcess(run_dir, "hang") as sim:
        node = sim.node_pid()
        exit_code, _, _ = sim.stop()
    assert exit_code == 0
    assert not is_alive(node)
    assert leftovers(run_dir) == []


def test_a_killed_supervisor_takes_the_node_with_it_and_its_directory_can_be_used_again(run_dir):
    with SimProcess(run_dir) as sim:
        node = sim.node_pid()
        sim.run_json()
        sim.stop(signal.SIGKILL)
    wait_until(lambda: not is_alive(node), "the end of the node")
    assert "run.json" in leftovers(run_dir)
    with SimProcess(run_dir, speed="max", duration="1") as sim:
        assert sim.finish()[0] == 0
    assert leftovers(run_dir) == []


def test_ctrl_c_works_while_nobody_reads_the_output(run_dir):
    with SimProcess(run_dir, speed="max") as sim:
        node = sim.node_pid()
        sim.run_json()
        # Its output is not read: sooner or later it waits for room, and so does the node.
        exit_code, _, _ = sim.stop()
    assert exit_code == 0
    assert not is_alive(node)


def test_a_reader_that_goes_away_ends_the_simulation_quietly(run_dir):
    with SimProcess(run_dir, speed="max") as sim:
        node = sim.node_pid()
        sim.wait_for('"t_s": 1,', "stdout")
        sim.process.stdout.close()
        sim.process.stdout = None
        exit_code, _, errors = sim.finish()
    assert exit_code == 0
    assert "Traceback" not in errors
    assert not is_alive(node)


@pytest.mark.parametrize(
    "how, words",
    [
        ("crash", "died after 2 s (exit code 3): MemoryError: memory allocation failed"),
        ("crash at start", "died after 0 s (exit code 1): ValueError: no such cell"),
        ("watchdog", "watchdog expired after 2 s"),
        ("nonsense", "sent what this version does not understand"),
    ],
)
def test_a_board_that_fails_ends_with_one_line_and_exit_code_1(run_dir, how, words):
    with SimProcess(run_dir, how, speed="max") as sim:
        node = sim.node_pid()
        exit_code, _, errors = sim.finish()
    assert exit_code == 1
    assert words in errors.splitlines()[-1]
    assert "Traceback" not in errors
    assert not is_alive(node)
    assert leftovers(run_dir) == []


def test_a_second_simulator_in_the_same_directory_is_refused_and_the_first_goes_on(run_dir):
    with SimProcess(run_dir) as first:
        before = first.run_json()
        with SimProcess(run_dir) as second:
            exit_code, output, errors = second.finish()
        assert exit_code == 2
        assert output == "" and errors.count("\n") == 1
        assert f"pid {first.process.pid}" in errors and "--run-dir" in errors
        assert first.run_json() == before
        assert first.stop()[0] == 0


def test_a_run_json_left_by_a_process_that_is_no_simulator_is_no_hindrance(run_dir):
    run_dir.mkdir()
    (run_dir / "run.json").write_text(json.dumps({"pid": os.getpid()}))
    with SimProcess(run_dir, speed="max", duration="1") as sim:
        assert sim.finish()[0] == 0


# The RS485 line.


def test_a_client_reaches_the_board_and_hears_its_answer(run_dir):
    every_byte = bytes(range(256))
    with SimProcess(run_dir) as sim, Client(sim.run_json()["rs485"]) as client:
        assert client.ask(b"\xdd\xa5\x03\x00\xff\xfd\x77") == b"\xdd\xa5\x03\x00\xff\xfd\x77"
        assert client.ask(every_byte) == every_byte
        assert sim.stop()[0] == 0


def test_the_next_client_hears_nothing_of_the_last_ones_conversation(run_dir):
    with SimProcess(run_dir, speed="20") as sim:
        path = sim.run_json()["rs485"]
        with Client(path) as client:
            client.ask(b"first")
            os.write(client.fd, b"unread")
            assert select.select([client.fd], [], [], PATIENCE_S)[0]
        sim.wait_for("client gone")
        with Client(path) as client:
            assert client.ask(b"hello") == b"hello"


def test_a_client_finds_a_raw_line_whatever_the_last_one_did_to_it(run_dir):
    with SimProcess(run_dir, speed="20") as sim:
        path = sim.run_json()["rs485"]
        with Client(path) as client:
            sim.wait_for("attached")
            modes = tty.tcgetattr(client.fd)
            modes[tty.LFLAG] |= tty.ECHO | tty.ICANON
            tty.tcsetattr(client.fd, tty.TCSANOW, modes)
        sim.wait_for("client gone")
        with Client(path) as client:
            assert client.ask(b"\r\n\x03\x04") == b"\r\n\x03\x04"


def test_an_attached_client_forces_real_time_and_gets_it_back_when_it_leaves(run_dir):
    with SimProcess(run_dir, speed="20") as sim:
        with Client(sim.run_json()["rs485"]):
            sim.wait_for("attached: real time")
            sim.wait_for("speed 1$")
        sim.wait_for("client gone")
        sim.wait_for("speed 20")
        assert sim.stop()[0] == 0


def test_the_duration_counts_on_while_a_client_is_attached(run_dir):
    with SimProcess(run_dir, speed="0.01", duration="2") as sim:
        with Client(sim.run_json()["rs485"]):
            exit_code, output, _ = sim.finish()
    assert exit_code == 0
    assert len(output.splitlines()) == 2


def test_a_client_that_never_reads_does_not_stop_the_simulation(run_dir):
    with SimProcess(run_dir, speed="20") as sim, Client(sim.run_json()["rs485"]) as client:
        for _ in range(50):
            os.write(client.fd, bytes(1000))
        sim.wait_for('"t_s": 2,', "stdout")
        assert sim.stop()[0] == 0


# The terminal.


def test_a_fault_typed_into_the_terminal_reaches_the_board_and_a_wrong_one_is_explained(run_dir):
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        words = command(run_dir, form="plain")
        os.execve(words[0], words, environment_of(""))
    try:
        wait_until((run_dir / "run.json").exists, "run.json")
        os.write(terminal, b"cell 99 mv 3000\nCELL 5 mv 3720\n")
        shown = b""
        deadline = time.monotonic() + PATIENCE_S
        while b"fault cell_mv 5" not in shown or b"no cell 99" not in shown:
            assert time.monotonic() < deadline, shown
            if select.select([terminal], [], [], 0.1)[0]:
                shown += os.read(terminal, 65536)
        # Ctrl-C as the terminal makes it.
        os.write(terminal, b"\x03")
        wait_until(lambda: not is_alive(pid), "the end of the simulator")
    finally:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    assert leftovers(run_dir) == []


# Several batteries.


def test_several_boards_have_a_line_each_and_one_signal_ends_them_all(run_dir):
    with SimProcess(run_dir, nodes="3") as sim:
        facts = sim.run_json()
        assert [node["node"] for node in facts["nodes"]] == [1, 2, 3]
        assert [node["seed"] for node in facts["nodes"]] == [7, 8, 9]
        assert facts["rs485"] == facts["nodes"][0]["rs485"]
        assert len({node["rs485"] for node in facts["nodes"]}) == 3
        for node in facts["nodes"]:
            with Client(node["rs485"]) as client:
                assert client.ask(b"hello") == b"hello"
        nodes = [int(sim.wait_for(rf"node {n}: board: pid (\d+)$").group(1)) for n in (1, 2, 3)]
        exit_code, _, errors = sim.stop()
    assert exit_code == 0 and "Traceback" not in errors
    assert not any(is_alive(node) for node in nodes)
    assert leftovers(run_dir) == []


def test_lines_of_several_boards_say_whose_they_are(run_dir):
    with SimProcess(
        run_dir, "over-voltage", speed="max", duration="4", form="plain", nodes="2"
    ) as sim:
        exit_code, output, _ = sim.finish()
    assert exit_code == 0
    live = [line for line in output.splitlines() if "52.80 V" in line]
    assert sorted(line[:3] for line in live) == ["1| "] * 4 + ["2| "] * 4
    assert all(len(line) <= 100 for line in live)
    assert "1|   >> Cell 5 over-voltage" in output and "2|   >> Cell 5 over-voltage" in output


def test_when_one_of_several_boards_dies_all_end_and_the_line_says_which(run_dir):
    with SimProcess(run_dir, "watchdog", speed="1", nodes="2") as sim:
        exit_code, _, errors = sim.finish()
    assert exit_code == 1
    assert "watchdog expired after 2 s" in errors.splitlines()[-1]
    assert ": node " in errors.splitlines()[-1]
    assert leftovers(run_dir) == []


# Words while it runs.


@pytest.mark.parametrize(
    "text, meant",
    [
        ("pause", ("pause", None)),
        (" GO ", ("go", None)),
        ("speed max", ("speed", None)),
        ("speed 2.5", ("speed", 2.5)),
        ("quit", ("quit", None)),
        ("cell 5 mv 3720", ("fault", "cell 5 mv 3720")),
        ("pause now", ("fault", "pause now")),
    ],
)
def test_words_typed_while_it_runs(text, meant):
    assert commands.parse(text) == meant


@pytest.mark.parametrize("text", ["speed 0", "speed -1", "speed fast", "speed nan"])
def test_a_speed_that_cannot_be_is_refused(text):
    with pytest.raises(ValueError):
        commands.parse(text)


def test_a_fault_may_name_its_battery():
    assert commands.split_node("t=5 Node 2 cell 5 mv 3720", 3) == (2, "t=5 cell 5 mv 3720")
    assert commands.split_node("short", 3, default=3) == (3, "short")
    with pytest.raises(ValueError, match="there is no node 4: there are 3"):
        commands.split_node("node 4 short", 3)


def test_a_pause_outranks_a_client_and_a_client_outranks_the_wish():
    pace = Pace(20)
    pace.attached = True
    assert pace.speed == 1
    pace.paused = True
    assert pace.speed == 0
    pace.attached = pace.paused = False
    assert pace.speed == 20


def test_speeds_step_up_to_as_fast_as_it_goes_and_down_again():
    pace = Pace(3)
    steps = []
    while pace.wanted is not None:
        pace.wanted = pace.step(1)
        steps.append(pace.wanted)
    assert steps == [5, 10, 20, 50, 100, 200, 500, None]
    assert pace.step(1) is None
    assert pace.step(-1) == 500
    assert Pace(0.01).step(-1) == 0.01
