"""`vigil sim`: starts a simulated board, carries its RS485 line and its records, ends it surely.

One thread, one poll(); nothing here blocks, so Ctrl-C works whatever board and reader do.
"""

import collections
import os
import select
import time

from host_tools.sim import faults, schema
from host_tools.sim.child import Child
from host_tools.sim.medium import LOOK_AGAIN_MS, Line
from host_tools.sim.output import Output, Stopped
from host_tools.sim.present import JsonPresenter, LinePresenter
from host_tools.sim.run_dir import RunDir
from host_tools.sim.settings import ROOT
from host_tools.sim.stop_signals import StopSignals

NODE = "host_tools/sim/node.py"
_IMPORT_PATH = ("host_tools/mock/fakes", ".", "firmware/lib", "firmware")
_READY_WITHIN_S = 60
_REAL_TIME = 1
_GOOD_ENDS = {"duration": "the duration is over", "quit": "asked to"}


class Failure(Exception):
    """The simulation cannot go on; the text is for the user. exit_code as for the shell."""

    def __init__(self, text, exit_code=1):
        super().__init__(text)
        self.exit_code = exit_code


def run(settings, interpreter, node=NODE):
    """Simulate until it ends; returns the exit code. ValueError before anything has started."""
    with StopSignals() as stop:
        run_dir = RunDir(settings.run_dir)
        say = Output(1, stop.fd).line
        note = Output(2, stop.fd).line_if_possible
        presenter = (JsonPresenter if settings.json else LinePresenter)(say, note)
        try:
            return _Simulation(settings, presenter, run_dir, stop).run(interpreter, node)
        except (Stopped, BrokenPipeError):
            # A broken pipe: whoever read our output has seen enough.
            return 0
        except Failure as failure:
            note(f"vigil sim: {failure}")
            return failure.exit_code
        except OSError as error:
            note(f"vigil sim: cannot go on: {error.strerror}")
            return 1
        finally:
            run_dir.close()


class _Simulation:
    def __init__(self, settings, presenter, run_dir, stop):
        self.settings = settings
        self.presenter = presenter
        self.run_dir = run_dir
        self._stop_fd = stop.fd
        self._line = None
        self._child = None
        self._ready = None
        self._t_s = 0
        self._end_word = None
        self._typed = b""
        self._prints = collections.deque(maxlen=100)

    def run(self, interpreter, node):
        profile_path = self.run_dir.write("profile.bin", self.settings.profile.packed())
        config_path = self.run_dir.write("node.json", self.settings.node_config(profile_path))
        self._line = Line()
        try:
            self._child = Child(
                [interpreter, node, config_path], ROOT, _environment(self.settings.board)
            )
            try:
                stopped = self._attend()
            finally:
                exit_code = self._child.end()
        finally:
            self._line.close()
        if stopped:
            self.presenter.ended("asked to", self._t_s)
        elif self._end_word in _GOOD_ENDS:
            self.presenter.ended(_GOOD_ENDS[self._end_word], self._t_s)
        else:
            raise Failure(self._obituary(exit_code))
        return 0

    def _attend(self):
        """Serve everybody until the node has ended (False) or we shall stop (True)."""
        child = self._child
        poll = select.poll()
        poll.register(self._stop_fd, select.POLLIN)
        poll.register(child.stdout_fd, select.POLLIN)
        poll.register(child.stderr_fd, select.POLLIN)
        if _is_our_terminal():
            poll.register(0, select.POLLIN)
        ready_by = time.monotonic() + _READY_WITHIN_S
        while not child.ended and self._end_word is None:
            # Client and backlog come and go; a line without a client must not be waited for.
            _watch(poll, self._line.fd, select.POLLIN, self._line.attached)
            _watch(poll, child.stdin_fd, select.POLLOUT, child.has_unsent)
            woken = {fd for fd, _ in poll.poll(1000 if self._line.attached else LOOK_AGAIN_MS)}
            if self._stop_fd in woken:
                return True
            if child.stderr_fd in woken:
                child.error_lines()
                if child.stderr_fd in child.closed:
                    poll.unregister(child.stderr_fd)
            if child.stdout_fd in woken:
                for message in child.messages():
                    self._receive(message)
            if child.stdin_fd in woken:
                child.send_unsent()
            if 0 in woken and not self._read_typed():
                poll.unregister(0)
            self._look_at_line()
            if self._ready is None and time.monotonic() > ready_by:
                raise Failure(f"the board did not start within {_READY_WITHIN_S} s")
        return False

    def _receive(self, message):
        try:
            self._obey(message)
        except (LookupError, TypeError, ValueError) as error:
            raise Failure(
                f"the board sent what this version does not understand: {error!r}"
            ) from None

    def _obey(self, message):
        if isinstance(message, str):
            # MicroPython prints its tracebacks here: if nothing follows, these are last words.
            self._prints.append(message)
            return
        while self._prints:
            self.presenter.note(f"board: {self._prints.popleft()}")
        if message[0] == "rec":
            self._t_s = message[1]["t_s"]
            self.presenter.record(message[1])
        elif message[0] == "rs485":
            self._line.send(bytes.fromhex(message[1]))
        elif message[0] == "log":
            self.presenter.note(f"board: {message[1]}")
        elif message[0] == "ready":
            self._begin(message[1])
        elif message[0] == "end":
            self._end_word = str(message[1])

    def _begin(self, ready):
        for fault in self.settings.faults:
            problem = faults.beyond(fault, ready["cells"], ready["temps"])
            if problem:
                raise Failure(problem, exit_code=2)
        self._ready = ready
        facts = {
            "pid": os.getpid(),
            "seed": self.settings.seed,
            "board": self.settings.board,
            "rs485": self._line.path,
        }
        self.run_dir.announce(facts, self._line.path)
        self.presenter.started(self.settings, ready, self._line.path)
        problem = schema.complaint(ready["schema"])
        if problem:
            self.presenter.note(f"warning: {problem}")

    def _look_at_line(self):
        """Carry what a client sends; while one is attached, virtual time is real time."""
        was_attached = self._line.attached
        data = self._line.look()
        if self._line.attached != was_attached and self.settings.speed != _REAL_TIME:
            if self._line.attached:
                self._child.tell("speed", _REAL_TIME)
                self.presenter.note("RS485 client attached: real time while it stays")
            else:
                self._child.tell("speed", self.settings.speed)
                self.presenter.note("RS485 client gone: back to the speed asked for")
        if data:
            self._child.tell("rs485", data.hex())

    def _read_typed(self):
        """Faults typed by the user; False when there will be no more."""
        # In the background a read would stop this process.
        data = os.read(0, 1024) if _is_our_terminal() else b""
        if not data:
            return False
        *lines, self._typed = (self._typed + data).split(b"\n")
        for line in lines:
            spec = line.decode("utf-8", "replace").strip()
            if spec and self._ready is not None:
                self._plan(spec)
        return True

    def _plan(self, spec):
        if not spec.lower().startswith("t="):
            spec = f"t={self._t_s} {spec}"
        try:
            fault = faults.parse(spec, self._ready["cells"], self._ready["temps"])
        except ValueError as error:
            self.presenter.note(f"  {error}")
        else:
            self._child.tell("fault", fault)

    def _obituary(self, exit_code):
        if self._end_word == "watchdog":
            return (
                f"the board's watchdog expired after {self._t_s} s:"
                " the firmware did not finish a cycle in time"
            )
        if self._end_word is not None:
            return f"the board ended after {self._t_s} s: {self._end_word}"
        how = f"exit code {exit_code}" if exit_code >= 0 else f"signal {-exit_code}"
        words = [word for word in (*self._child.errors, *self._prints) if word.strip()]
        last = words[-1] if words else "it said nothing"
        return f"the board died after {self._t_s} s ({how}): {last}"


def _environment(board):
    """The node's import path, relative to the project root where it runs."""
    path = ":".join((*_IMPORT_PATH, f"boards/{board}"))
    return dict(os.environ, MICROPYPATH=path + ":.frozen", PYTHONPATH=path, PYTHONUNBUFFERED="1")


def _is_our_terminal():
    try:
        return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _watch(poll, fd, event, wanted):
    if wanted:
        poll.register(fd, event)
    else:
        try:
            poll.unregister(fd)
        except KeyError:
            pass
