"""The live view of `vigil sim` in a real pseudo-terminal, read as a person would read it."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import struct
import termios
import time

import pyte
import pytest

from tests.system.simulator import ROOT, VIGIL

PATIENCE_S = 60


class OnTerminal:
    """`vigil sim` on a terminal of its own; `screen` is what is to be seen."""

    def __init__(self, run_dir, arguments, columns, rows, kind):
        self.run_dir = run_dir
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.written = b""
        self.exit_code = None
        self._started = time.monotonic()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(ROOT)
                environment = dict(os.environ, TERM=kind, PYTHONUTF8="1")
                words = [VIGIL, "sim", "--run-dir", str(run_dir), *arguments]
                os.execve(VIGIL, words, environment)
            finally:
                os._exit(127)
        self.resize(columns, rows)
        self.modes_before = termios.tcgetattr(self._fd)

    @property
    def lines(self):
        return self._screen.display

    @property
    def screen(self):
        return "\n".join(self.lines)

    def resize(self, columns, rows):
        self._screen.resize(rows, columns)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, text):
        os.write(self._fd, text.encode())

    def wait_for(self, pattern):
        """The match on the screen, as soon as it is there."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            match = re.search(pattern, self.screen)
            if match:
                return match
            assert time.monotonic() < deadline, f"no {pattern} on\n{self.screen}"
            assert self._listen(0.1), f"it ended without {pattern}:\n{self.screen}"

    def finish(self):
        """Wait for its end; returns its exit code."""
        deadline = time.monotonic() + PATIENCE_S
        while self._listen(0.1):
            assert time.monotonic() < deadline, "it does not end"
        _, status = os.waitpid(self.pid, 0)
        self.exit_code = os.waitstatus_to_exitcode(status)
        return self.exit_code

    def modes(self):
        return termios.tcgetattr(self._fd)

    def _listen(self, wait_s):
        """False when nobody is on the other side any more."""
        if not select.select([self._fd], [], [], wait_s)[0]:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            return False
        self.written += data
        self._stream.feed(data)
        return bool(data)

    def close(self):
        if self.exit_code is None:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
        os.close(self._fd)


@pytest.fixture
def start(tmp_path):
    """A function that starts it; everything started is ended with the test."""
    with contextlib.ExitStack() as stack:

        def start(*arguments, columns=80, rows=24, kind="xterm-256color"):
            terminal = OnTerminal(tmp_path / "run", arguments, columns, rows, kind)
            stack.callback(terminal.close)
            return terminal

        yield start


def node_processes(run_dir):
    """Processes that were started with a file of this run directory."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
            if any(word.startswith(bytes(run_dir) + b"/node") for word in words):
                found.append(int(pid))
    return found


def clock_s(terminal):
    """Virtual time in the title."""
    hours, minutes, seconds = terminal.wait_for(r"(\d+):(\d\d):(\d\d)  ").groups()
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


def test_the_first_screen_shows_every_cell_and_the_state_of_the_switches(start):
    view = start()
    view.wait_for(r"Charge +● ON +hardware: current can flow")
    for number in range(1, 17):
        view.wait_for(rf"(?m)(^| ){number:>2} 3\.\d\d\d ")
    for part in ("sim16_lfp", "SoC", "degC", "no fault", "spread", "Backstop  armed, verified"):
        view.wait_for(part)
    view.wait_for(json.loads((view.run_dir / "run.json").read_text())["rs485"] + " ")
    assert len(node_processes(view.run_dir)) == 1


def test_a_fault_injected_by_keys_becomes_a_sentence_and_clear_ends_it(start):
    view = start("--speed", "5")
    view.wait_for("● ON")
    view.press("f")
    view.wait_for("fault: _")
    view.press("cell 5 mv 3720\r")
    # While it is bled it shows 5 mV less.
    view.wait_for(r"✖ Cell 5 over-voltage: 3\.7(20|15) V is above 3\.650 V for 1\.0 s; charge")
    view.wait_for(r"Charge +○ OPEN +cell over-voltage +hardware: no current can flow")
    view.wait_for(r" 5 3\.7(20|15) .*OVER")
    view.press("c")
    view.wait_for(r"Charge +● ON")
    view.wait_for("no fault")


def test_a_wrong_fault_is_explained_and_the_view_goes_on(start):
    view = start()
    view.wait_for("● ON")
    view.press("fcell 99 mv 3000\r")
    view.wait_for("there is no cell 99: the board has 16")
    before_s = clock_s(view)
    view.wait_for(f"0:00:{before_s + 2:02}")


def test_pause_stops_virtual_time_and_go_lets_it_run_on(start):
    view = start("--speed", "50")
    view.wait_for("● ON")
    view.press(" ")
    view.wait_for("‖ PAUSED")
    # Commands are obeyed in order: when this one is answered the pause has long been in force.
    paused_s = clock_s(view)
    view.press("w")
    view.wait_for("any key: back")
    view.press("x")
    view.wait_for("‖ PAUSED")
    assert clock_s(view) - paused_s <= 50
    view.press("+")
    view.wait_for("You: current a -5")
    stood_s = clock_s(view)
    view.press(" ")
    view.wait_for(r"▶ x50")
    while clock_s(view) <= stood_s:
        view.wait_for("▶")
        view._listen(0.1)


def test_load_and_speed_follow_the_keys(start):
    view = start("--profile", "rest")
    view.wait_for("● ON")
    view.press("++")
    view.wait_for(r"-10\.0 A discharging")
    view.press("---")
    view.wait_for(r"\+5\.0 A charging")
    view.press(">>")
    view.wait_for(r"▶ x5\s")
    view.press("<")
    view.wait_for(r"▶ x2\s")


def test_the_view_follows_the_size_of_the_window(start):
    view = start()
    view.wait_for("● ON")
    view.resize(120, 40)
    view.wait_for(r"^Vigil .{100,119}▶ x1 *\n(.*\n){38}f fault .*q quit *$")
    view.resize(80, 24)
    view.wait_for(r"^Vigil .{60,79}▶ x1 *\n(.*\n){22}f fault .*q quit *$")


def test_an_attached_client_and_its_frames_are_seen_and_time_becomes_real(start):
    view = start("--speed", "20")
    view.wait_for("● ON")
    port = json.loads((view.run_dir / "run.json").read_text())["rs485"]
    client = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        view.wait_for(r"▶ x1 \(client\)")
        view.wait_for("client attached")
        os.write(client, bytes.fromhex("dda50300fffd77"))
        view.wait_for(r"JBD 0\.2")
    finally:
        os.close(client)
    view.wait_for("no client")
    view.wait_for(r"▶ x20\s")


@pytest.mark.parametrize("key", ["q", "\x03"], ids=["q", "ctrl-c"])
def test_quitting_restores_the_terminal_and_leaves_nothing_behind(start, key):
    view = start()
    view.wait_for("● ON")
    assert b"\x1b[?1049h" in view.written and b"\x1b[?25l" in view.written
    assert view.modes() != view.modes_before
    view.press(key)
    view.wait_for(r"Ended after \d+ s: asked to")
    assert view.modes() == view.modes_before
    assert view.finish() == 0
    last = view.written[view.written.rindex(b"\x1b[?1049l") - 40 :]
    assert b"\x1b[?25h" in last
    assert node_processes(view.run_dir) == []
    assert list(view.run_dir.iterdir()) == []


def test_a_wrong_argument_never_touches_the_screen(start):
    view = start("--speed", "never")
    assert view.finish() == 2
    assert b"\x1b" not in view.written


def test_plain_lines_can_be_asked_for_and_take_pause_go_and_speed(start):
    view = start("--plain")
    view.wait_for("charge on")
    assert b"\x1b" not in view.written
    view.press("pause\n")
    view.wait_for("Paused: virtual time stands still until go")
    view.press("speed 20\n")
    view.wait_for("From now on speed 20")
    view.press("go\n")
    view.wait_for("Virtual time goes on")
    view.wait_for(r"(?m)^ +[6-9]\d s ")
    view.press("quit\n")
    view.wait_for(r"Ended after \d+ s: asked to")
    assert view.finish() == 0


def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(start):
    view = start(kind="dumb")
    view.wait_for("charge on")
    assert b"\x1b" not in view.written


def test_of_several_batteries_each_is_shown_and_faults_reach_the_chosen_one(start):
    view = start("--nodes", "3", "--speed", "20")
    view.wait_for(r"seed 1  node 1/3")
    assert len(node_processes(view.run_dir)) == 3
    view.press("n")
    view.wait_for(r"seed 2  node 2/3")
    view.press("fcell 5 mv 3720\r")
    view.wait_for("Cell 5 over-voltage")
    view.press("n")
    view.wait_for(r"(?s)node 3/3.*no fault")
    view.press("q")
    assert view.finish() == 0
    assert node_processes(view.run_dir) == []
