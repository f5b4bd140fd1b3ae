"""A simulated board with a stage of its own (pack, limits, restarts) and a witness beside it.

The witness tells what the simulated hardware really did, for whoever judges the firmware by it.
Never upload to a board.
"""

import json
import sys

from host_tools.sim.lies import Lies
from host_tools.sim.node import Node

_TRUTH_WORDS = 480
_BOOT_US = 300000
_HANG_STEP_US = 5000
_ROW_TRIP = 4
_POWER_ON = 1
_WATCHDOG = 3


class Restart(BaseException):
    """The controller starts anew; chip and pack know nothing of it."""

    def __init__(self, cause):
        self.cause = cause


class Witness(Node):
    def __init__(self, config):
        Node.__init__(self, config)
        self._tells = config["witness"]
        self._introduced = False
        self._lies = None
        self._hangs = False
        self._switches = None
        self._truth = []
        self._last = None
        self._held_us = 0
        self._cycle = 0
        self._known = None

    # The stage.

    def _build(self):
        sys.path.insert(0, "boards/" + self.config["board"])
        import board

        pack = self.config["pack"]
        for name in pack:
            setattr(board, name, pack[name])
        if self.config["limits"]:
            _own_limits(self.config["limits"])
        Node._build(self)
        self._lies = Lies(self.twin, self.clock)
        if self._tells:
            self.twin.bench.listeners.append(self._look)
            self._look()

    def _start_firmware(self):
        while True:
            try:
                Node._start_firmware(self)
                return
            except Restart as restart:
                self._restart(restart.cause)

    def _restart(self, cause):
        """As the controller does: its pins let go, a boot loader runs, then boot.py."""
        import machine

        from host_tools.mock import fake_pins

        self.clock.on_sleep = None
        self._hangs = False
        for watchdog in machine._watchdogs.values():
            self.clock.cancel(watchdog._entry)
        machine._watchdogs.clear()
        for line in fake_pins._lines.values():
            line.mode = fake_pins.Pin.IN
            line.pull = None
            line.settle()
        self.clock.advance(_BOOT_US)
        machine._cause = cause
        sys.modules.pop("boot", None)
        __import__("boot")

    def _introduce(self):
        if self._introduced:
            return
        self._introduced = True
        Node._introduce(self)
        if self._tells:
            sample = self.bms.sample
            self.console.say(
                "facts",
                {
                    "periods_ms": list(sample.periods_ms),
                    "pre_charges": hasattr(self.board, "COMMON_PORT"),
                    "cycle_ms": self.bms.executive.period_us // 1000,
                    "requests": [list(request) for request in self.bms._requests],
                    "problems": [list(problem) for problem in self.bms.problems],
                },
            )

    def _rest(self):
        self._say_event("sleep")
        Node._rest(self)
        self._say_event("wake")

    def _watchdog(self):
        self._say_event("watchdog")
        raise Restart(_WATCHDOG)

    def _strike(self, fault):
        what = fault["what"]
        self._say_event(what)
        if what == "restart":
            raise Restart(_POWER_ON)
        if what == "hang":
            self._hangs = True
        elif what in ("memory_flips", "owner_reset"):
            # A board that sleeps has neither memory nor ears.
            if self.bms is not None:
                self._flip_a_limit() if what == "memory_flips" else self.bms.owner_reset()
        elif not self._lies.tell(what, fault["n"], fault["value"]):
            Node._strike(self, fault)
            if what == "clear":
                self._lies.clear()

    def _flip_a_limit(self):
        """The trip of cell over-voltage in the table that the kernel reads: a volt more."""
        from vigil import limits

        at = limits.position(limits.CELL_OVER_VOLTAGE) * limits.ROW_WORDS + _ROW_TRIP
        self.bms.protection._rows[at] ^= 1024

    def tend(self):
        if self._hangs:
            self._hang()
        if self._tells:
            self._listen_to_firmware()
        Node.tend(self)

    def _hang(self):
        """The firmware stands still until its watchdog has had enough."""
        while self._end_us is None or self.clock.now_us < self._end_us:
            self.clock.advance(_HANG_STEP_US)

    # The witness.

    def _look(self):
        """A listener of the bench: called at its ticks and whenever something changes."""
        bench = self.twin.bench
        now_us = self.clock.now_us
        switches = (bool(bench.true_charge), bool(bench.true_discharge))
        if switches != self._switches:
            self._switches = switches
            self.console.say("switch", now_us, switches[0], switches[1])
        temps_c = self._whole_sensors_c()
        seen = (
            round(bench.lowest_mv),
            round(bench.highest_mv),
            round(bench.stack_mv),
            round(bench.current_ma),
            round(min(temps_c) * 10),
            round(max(temps_c) * 10),
            round(self._board_c() * 10),
        )
        if seen == self._last:
            self._held_us = now_us
            return
        truth = self._truth
        if self._held_us:
            # It stood still until then: without this a plot would draw a slope.
            truth.append(self._held_us)
            truth.extend(self._last)
            self._held_us = 0
        truth.append(now_us)
        truth.extend(seen)
        self._last = seen
        if len(truth) >= _TRUTH_WORDS:
            self._say_truth()

    def _whole_sensors_c(self):
        """What a broken sensor shows is not the truth of any place."""
        bench = self.twin.bench
        broken = bench._broken
        whole = [c for place, c in enumerate(bench.temps_c) if place not in broken]
        return whole or [25.0]

    def _board_c(self):
        """The hottest of what the front end measures of board and itself."""
        bench = self.twin.bench
        if self._sees_switches() and len(bench.temps_c) not in bench._broken:
            return max(bench.die_c, bench.switch_c)
        return bench.die_c

    def _say_truth(self):
        if self._held_us:
            self._truth.append(self._held_us)
            self._truth.extend(self._last)
            self._held_us = 0
        self.console.say("truth", self._truth)
        self._truth = []

    def _listen_to_firmware(self):
        """What the firmware says of itself, whenever that may have changed."""
        bms = self.bms
        if bms is None:
            return
        cycle = bms.executive.cycles
        if cycle == self._cycle:
            return
        self._cycle = cycle
        known = (bms.protection.actions, bms.protection.trips, bms.switches.changes)
        if known != self._known:
            self._known = known
            self._say_firmware()

    def _say_firmware(self):
        switches = self.bms.switches
        states = list(switches.state) + list(switches.reason)
        self.console.say("firmware", self.clock.now_us, self._active_rows(), states)

    def _abilities(self):
        return {
            "front_end": self.bms.front_end.capabilities(),
            "sleeps": hasattr(self.bms.board, "deep_sleep"),
        }

    def _say_event(self, text):
        if self._tells:
            self.console.say("event", self.clock.now_us, text)

    def _record(self, t_s):
        if self._tells:
            if self.bms is not None:
                self._tell_backstop()
        else:
            Node._record(self, t_s)

    def _end(self, why):
        if self._tells:
            self.twin.bench.update()
            self._say_truth()
            if self.bms is not None:
                self._say_firmware()
                self.console.say("facts", self._abilities())
            # What the firmware does on its way out is no part of the proof.
            self._tells = False
            self.twin.bench.listeners.remove(self._look)
        Node._end(self, why)


def _own_limits(changes):
    """Whatever preset the firmware chooses, these numbers replace its own.

    changes: [row id, trip, release, trip delay ms, release delay ms], None for what stays.
    """
    from vigil import limits, presets

    choose = presets.preset

    def preset(*arguments):
        table = choose(*arguments)
        for row_id, trip, release, trip_delay_ms, release_delay_ms in changes:
            at = limits.position(row_id)
            table.set(
                row_id,
                table.trip[at] if trip is None else trip,
                table.release[at] if release is None else release,
                table.trip_delay_ms[at] if trip_delay_ms is None else trip_delay_ms,
                table.release_delay_ms[at] if release_delay_ms is None else release_delay_ms,
            )
        return table

    presets.preset = preset


if __name__ == "__main__":
    with open(sys.argv[1]) as _file:
        _config = json.load(_file)
    Witness(_config).run()
