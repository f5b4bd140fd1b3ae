"""One simulated battery as the supervisor sees it: its process, its lines, its last words."""

import collections
import os

from host_tools.sim.child import Child
from host_tools.sim.medium import Line
from host_tools.sim.settings import ROOT

GOOD_ENDS = {"duration": "the duration is over", "quit": "asked to"}
_IMPORT_PATH = ("host_tools/mock/fakes", ".", "firmware/lib", "firmware")
_LAST_PRINTS = 100


class Battery:
    """number counts from 1; ready is what the node has announced, None until then."""

    def __init__(self, number, seed, speed, wire):
        self.number = number
        self.seed = seed
        self.wire = wire
        self.native = Line()  # USB, with the native protocol
        self.child = None
        self.ready = None
        self.t_s = 0
        self.end_word = None
        self.exit_code = None
        self._speed_told = speed
        # MicroPython prints its tracebacks on standard output: what nothing follows, and those
        # lines, are last words.
        self._prints = collections.deque(maxlen=_LAST_PRINTS)

    def start(self, command, board):
        self.child = Child(command, ROOT, environment(board))

    @property
    def line(self):
        """The port that a client opens."""
        return self.wire.line

    @property
    def ended(self):
        return self.end_word is not None or self.child.ended

    @property
    def ended_well(self):
        return self.end_word in GOOD_ENDS

    def messages(self):
        """What the node has sent: ("log", text) also for what it merely printed."""
        for message in self.child.messages():
            if isinstance(message, str):
                self._prints.append(message)
                continue
            while self._prints:
                yield ["log", self._prints.popleft()]
            yield message

    def pace(self, speed):
        if speed != self._speed_told:
            self._speed_told = speed
            self.child.tell("speed", speed)

    def carry_from_client(self):
        """Hand on what a client has sent on USB."""
        data = self.native.look()
        if data:
            self.child.tell("native", data.hex())

    @property
    def lines(self):
        return (self.line, self.native)

    @property
    def attached(self):
        return self.line.attached or self.native.attached

    def end(self):
        if self.child is not None:
            self.exit_code = self.child.end()

    def close(self):
        self.native.close()

    def obituary(self):
        """How it died, in one sentence."""
        if self.end_word == "watchdog":
            return (
                f"the board's watchdog expired after {self.t_s} s:"
                " the firmware did not finish a cycle in time"
            )
        if self.end_word is not None:
            return f"the board ended after {self.t_s} s: {self.end_word}"
        code = self.exit_code
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        words = [word for word in (*self.child.errors, *self._prints) if word.strip()]
        last = words[-1] if words else "it said nothing"
        return f"the board died after {self.t_s} s ({how}): {last}"


def environment(board):
    """The node's import path, relative to the project root where it runs."""
    path = ":".join((*_IMPORT_PATH, f"boards/{board}"))
    return dict(os.environ, MICROPYPATH=path + ":.frozen", PYTHONPATH=path, PYTHONUNBUFFERED="1")
