"""`vigil sim`: starts simulated boards, carries their RS485 lines and records, ends them surely.

One thread, one poll(); nothing here blocks, so Ctrl-C works whatever boards and reader do.
"""

import os
import select
import time

from host_tools import contradictions
from host_tools.sim import commands, faults, schema
from host_tools.sim.battery import GOOD_ENDS, Battery
from host_tools.sim.medium import LOOK_AGAIN_MS
from host_tools.sim.output import Output, Stopped
from host_tools.sim.pace import Pace, in_words
from host_tools.sim.present import JsonPresenter, LinePresenter
from host_tools.sim.radio.station import Station
from host_tools.sim.run_dir import RunDir
from host_tools.sim.settings import board_contactors, keys_of
from host_tools.sim.stop_signals import StopSignals
from host_tools.sim.view import choice
from host_tools.sim.wire import Wire

NODE = "host_tools/sim/node.py"
_READY_WITHIN_S = 60
_LONGEST_WAIT_MS = 1000


class Failure(Exception):
    """The simulation cannot go on; the text is for the user. exit_code as for the shell."""

    def __init__(self, text, exit_code=1):
        super().__init__(text)
        self.exit_code = exit_code


def run(settings, interpreter, node=NODE, presenter=None):
    """Simulate until it ends; returns the exit code. ValueError before anything has started.

    presenter: who shows it; None chooses by settings and terminal.
    """
    with StopSignals() as stop:
        run_dir = RunDir(settings.run_dir)
        output = Output(1, stop.fd)
        note = Output(2, stop.fd).line_if_possible
        presenter = presenter or _presenter(settings, output, note)
        try:
            with presenter:
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


def _presenter(settings, output, note):
    if settings.json:
        return JsonPresenter(output.line, note)
    if not settings.plain and choice.fits_this_terminal():
        return choice.make(output)
    return LinePresenter(output.line)


class _Simulation:
    def __init__(self, settings, presenter, run_dir, stop):
        self.settings = settings
        self.presenter = presenter
        self.run_dir = run_dir
        self._stop_fd = stop.fd
        self._pace = Pace(settings.speed)
        self._batteries = []
        self._wires = []
        self._station = None  # for phones, if the boards have Bluetooth
        self._announced = False
        # What came before every board was ready.
        self._early = []
        self._asked_to_stop = False

    def run(self, interpreter, node):
        try:
            self._start(interpreter, node)
            dead = []
            try:
                self._attend()
                # Before the others are told to quit: they have not died of themselves.
                dead = [one for one in self._batteries if one.ended and not one.ended_well]
            finally:
                for battery in self._batteries:
                    battery.child.tell("quit")
                for battery in self._batteries:
                    battery.end()
        finally:
            if self._station is not None:
                self._station.close()
            for battery in self._batteries:
                battery.close()
            for wire in self._wires:
                wire.close()
        if dead and not self._asked_to_stop:
            raise Failure(self._of(dead[0]) + dead[0].obituary())
        self._say_end()
        return 0

    def _start(self, interpreter, node):
        settings = self.settings
        profile_path = self.run_dir.write("profile.bin", settings.profile.packed())
        for number in range(1, settings.nodes + 1):
            config = settings.node_config(profile_path, number)
            name = "node.json" if number == 1 else f"node{number}.json"
            path = self.run_dir.write(name, config)
            if not self._wires or not settings.shares_a_bus:
                self._wires.append(Wire(settings.baud, settings.noise, settings.seed_of(number)))
            wire = self._wires[-1]
            battery = Battery(number, settings.seed_of(number), settings.speed, wire)
            try:
                battery.start([interpreter, node, path], settings.board)
            except OSError:
                battery.close()
                for started in self._batteries:
                    started.end()
                raise
            self._batteries.append(battery)
            wire.batteries.append(battery)

    def _say_end(self):
        t_s = min(battery.t_s for battery in self._batteries)
        word = self._batteries[0].end_word
        self.presenter.ended("asked to" if self._asked_to_stop else GOOD_ENDS[word], t_s)

    def _of(self, battery):
        return f"node {battery.number}: " if len(self._batteries) > 1 else ""

    # The one loop.

    def _attend(self):
        """Serve everybody until all boards have ended, one has ended badly, or we shall stop."""
        poll = select.poll()
        poll.register(self._stop_fd, select.POLLIN)
        if _is_our_terminal():
            poll.register(0, select.POLLIN)
        ready_by = time.monotonic() + _READY_WITHIN_S
        while not self._asked_to_stop and not self._all_ended():
            self._watch(poll)
            woken = {fd for fd, _ in poll.poll(self._patience_ms())}
            if self._stop_fd in woken:
                self._asked_to_stop = True
                return
            for battery in self._batteries:
                self._serve(battery, woken)
            if self._station is not None:
                self._station.serve(woken)
            if 0 in woken and not self._read_typed():
                poll.unregister(0)
            self._look_at_lines()
            self.presenter.tend(self._pace, self._batteries)
            if not self._announced and time.monotonic() > ready_by:
                raise Failure(f"the board did not start within {_READY_WITHIN_S} s")

    def _all_ended(self):
        ended = [battery for battery in self._batteries if battery.ended]
        return len(ended) == len(self._batteries) or any(not one.ended_well for one in ended)

    def _watch(self, poll):
        """Clients and backlogs come and go, and what has hung up must not be waited for."""
        for battery in self._batteries:
            child = battery.child
            for fd in (child.stdout_fd, child.stderr_fd):
                _watch(poll, fd, select.POLLIN, fd not in child.closed)
            _watch(poll, child.stdin_fd, select.POLLOUT, child.has_unsent)
            for line in battery.lines:
                _watch(poll, line.fd, select.POLLIN, line.attached)
        if self._station is not None:
            self._station.watch(lambda *which: _watch(poll, *which))

    def _patience_ms(self):
        lines = [line for battery in self._batteries for line in battery.lines]
        attached = all(line.attached for line in lines)
        wait_ms = _LONGEST_WAIT_MS if attached else LOOK_AGAIN_MS
        busy = [wait for wait in (wire.patience_ms() for wire in self._wires) if wait is not None]
        return min(wait_ms, self.presenter.patience_ms, *busy)

    def _serve(self, battery, woken):
        child = battery.child
        if child.stderr_fd in woken:
            child.error_lines()
        if child.stdout_fd in woken:
            for message in battery.messages():
                self._receive(battery, message)
        if child.stdin_fd in woken:
            child.send_unsent()

    def _receive(self, battery, message):
        try:
            self._obey(battery, message)
        except (LookupError, TypeError, ValueError) as error:
            raise Failure(
                f"{self._of(battery)}the board sent what this version does not understand:"
                f" {error!r}"
            ) from None

    def _obey(self, battery, message):
        if message[0] in ("rec", "backstop") and not self._announced:
            self._early.append((battery, message))
        elif message[0] == "rec":
            battery.t_s = message[1]["t_s"]
            self.presenter.record(battery.number, message[1])
        elif message[0] == "rs485":
            data = bytes.fromhex(message[1])
            battery.wire.take(battery, data)
            self.presenter.sent(battery.number, data)
        elif message[0] == "native":
            battery.native.send(bytes.fromhex(message[1]))
        elif message[0] == "radio":
            if self._station is not None:
                self._station.from_board(battery.number, message[1:])
        elif message[0] == "log":
            text = contradictions.explained(str(message[1]))
            self.presenter.note(f"{self._of(battery)}board: {text}")
        elif message[0] == "backstop":
            self.presenter.backstop(battery.number, message[1])
        elif message[0] == "ready":
            self._begin(battery, message[1])
        elif message[0] == "end":
            battery.end_word = str(message[1])

    def _begin(self, battery, ready):
        for fault in self.settings.faults[battery.number - 1]:
            problem = faults.beyond(fault, ready["cells"], ready["temps"])
            problem = problem or faults.lacking(fault, ready.get("parts", ()))
            if problem:
                raise Failure(problem, exit_code=2)
        battery.ready = ready
        if all(battery.ready for battery in self._batteries):
            self._announce()

    def _announce(self):
        self._announced = True
        if any(battery.ready.get("radio") for battery in self._batteries):
            self._open_radio()
        nodes = [
            {
                "node": battery.number,
                "seed": battery.seed,
                "rs485": battery.line.path,
                "native": battery.native.path,
                "keys": keys_of(battery.seed),
                **self.settings.station_named(battery.number),
            }
            for battery in self._batteries
        ]
        facts = {
            "pid": os.getpid(),
            "seed": self.settings.seed,
            "board": self.settings.board,
            "rs485": self._batteries[0].line.path,
            "native": self._batteries[0].native.path,
            "keys": nodes[0]["keys"],
            "nodes": nodes,
        }
        if self._station is not None:
            facts["hci"] = self._station.hci
        self.run_dir.announce(facts)
        self.presenter.started(self.settings, self._batteries)
        ready = self._batteries[0].ready
        for problem in (
            schema.complaint(ready["schema"]),
            schema.points_complaint(ready.get("points")),
        ):
            if problem:
                self.presenter.note(f"warning: {problem}")
        for battery, message in self._early:
            self._obey(battery, message)
        self._early.clear()

    def _open_radio(self):
        settings = self.settings
        try:
            self._station = Station(
                settings.nodes,
                settings.radio_loss,
                settings.seed,
                lambda number, *words: self._batteries[number - 1].child.tell("radio", *words),
                self.presenter.note,
            )
        except OSError as error:
            self.presenter.note(f"no phone can attach: {error.strerror}")

    def _look_at_lines(self):
        """Carry what clients send; while one is attached, virtual time is real time."""
        for wire in self._wires:
            wire.carry()
        for battery in self._batteries:
            battery.carry_from_client()
        attached = any(battery.attached for battery in self._batteries)
        attached = attached or (self._station is not None and self._station.attached)
        if attached == self._pace.attached:
            return
        before = self._pace.speed
        self._pace.attached = attached
        if self._pace.speed != before:
            self.presenter.note(
                "client attached: real time while it stays"
                if attached
                else "client gone: back to the speed asked for"
            )
        self._tell_pace()

    def _tell_pace(self):
        for battery in self._batteries:
            battery.pace(self._pace.speed)

    # What the user says.

    def _read_typed(self):
        """Words or keys of the user; False when there will be no more."""
        # In the background a read would stop this process.
        data = os.read(0, 1024) if _is_our_terminal() else b""
        if not data:
            return False
        for node, text in self.presenter.typed(data):
            if self._announced:
                self._do(node, text)
        return True

    def _do(self, node, text):
        """One command (see commands.py), meant for battery `node` if it names none."""
        pace = self._pace
        try:
            word, value = commands.parse(text)
            if word == "fault":
                self._strike(node, value)
            elif word == "quit":
                self._asked_to_stop = True
            elif word == "pause":
                pace.paused = True
                self.presenter.note("Paused: virtual time stands still until go")
            elif word == "go":
                pace.paused = False
                self.presenter.note("Virtual time goes on")
            else:
                pace.wanted = value
                when = " when the client has gone" if pace.attached else ""
                self.presenter.note(f"From now on {in_words(value)}{when}")
        except ValueError as error:
            self.presenter.note(f"  {error}")
        self._tell_pace()

    def _strike(self, node, spec):
        node, spec = commands.split_node(spec, len(self._batteries), node)
        battery = self._batteries[node - 1]
        if not spec.lower().startswith("t="):
            spec = f"t={battery.t_s} {spec}"
        ready = battery.ready
        parts = (ready["cells"], ready["temps"], board_contactors(self.settings.board))
        fault = faults.parse(spec, *parts)
        problem = faults.lacking(fault, ready.get("parts", ()))
        if problem:
            raise ValueError(problem)
        battery.child.tell("fault", fault)


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
