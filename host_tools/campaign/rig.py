"""The firmware of one case on its simulated board, in this process, with its judge. Both
interpreters; never upload."""

import sys

import machine

from host_tools.campaign import case as cases
from host_tools.campaign import meaning
from host_tools.campaign.judge import Judge
from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from host_tools.sim.lies import Lies
from vigil import presets

_SETTINGS = ("CHIP", "CELLS", "TEMPS", "CHEMISTRY", "CAPACITY_MAH", "SHUNT_UOHM")


def _board(name):
    """The module `board` of this board, in the place of another's."""
    folder = "boards/" + name
    if sys.path[0] != folder:
        if sys.path[0].startswith("boards/"):
            del sys.path[0]
        sys.path.insert(0, folder)
        if "board" in sys.modules:
            del sys.modules["board"]
    import board

    return board


class Rig:
    def __init__(self, case):
        self.case = case
        self.counts = {}
        self.clock = VirtualClock()
        machine.forget()
        fake_time.use(self.clock)
        machine.use(self.clock)
        board = _board(case["board"])
        for name in _SETTINGS:
            setattr(board, name, case[name.lower()])
        for pin, level in board.SAFE_PINS:
            machine.Pin(pin, machine.Pin.OUT, value=level)
        if case["board"] == cases.CONTACTORS:
            from host_tools.sim.twins.bq76952_contactors import build
        else:
            from host_tools.sim.twins.bq76952 import build

        self.twin = build(self.clock, board, case["seed"] & 0xFFFF, case["soc_pct"])
        self.bench = self.twin.bench
        self.chip = self.twin.chip
        self.bms = self._make_bms()
        self.lies = Lies(self.twin, self.clock)
        self.judge = Judge(self.clock, self.twin, self.lies, case, cases.numbers_of(case))
        self._watch_cycles()
        for event in case["events"]:
            self._schedule(event)
        self.bms.sample.start((self.clock.now_us // 1000) & 0x3FFFFFFF)
        self.bms.executive.start()

    def _make_bms(self):
        """With the owner's limits, until the firmware has settings of its own."""
        import main

        preset = presets.preset

        def own(*arguments):
            return cases.apply_limits(preset(*arguments), self.case["limits"])

        presets.preset = own
        try:
            return main.make_bms()
        finally:
            presets.preset = preset

    def _watch_cycles(self):
        executive = self.bms.executive
        work = executive._work
        self._cycle_us = 0

        def watched(now_ms):
            self._cycle_us = self.clock.now_us
            return work(now_ms)

        executive._work = watched

    def run(self):
        """All cycles of the case; returns the judge."""
        return self.run_cycles(self.case["cycles"])

    def run_cycles(self, cycles):
        judge = self.judge
        turn = self.bms.executive.turn
        for _ in range(cycles):
            if judge.sleep_watch.asleep:
                break
            try:
                turn()
            except machine.PoweredDown:
                judge.sleep_watch.fell_asleep(self.clock.now_us)
            judge.look(self._cycle_us)
        return judge

    @property
    def refused(self):
        """The front end cannot back these limits, so that the switches stay off."""
        bms = self.bms
        return bool(bms.problems) or not bms._backstop_fits

    def _schedule(self, event):
        def strike():
            self._strike(event)

        self.clock.call_at(event[0] * 1000, strike)

    def _strike(self, event):
        _, what, number, value = event
        bench = self.bench
        chip = self.chip
        judge = self.judge
        self.counts[what] = self.counts.get(what, 0) + 1
        if what == "offer":
            bench.offer(value)
        elif what == "current":
            bench.override_current_ma(value)
        elif what == "cell":
            bench.set_cell_mv(number, value)
        elif what == "temp":
            bench.set_temp_dc(number, value)
        elif what == "board":
            bench.set_board_dc(0, value)
        elif what == "short":
            judge.shorted()
            bench.set_short()
            if self.case["board"] == cases.CONTACTORS:
                # Pre-charge into it fails, and fails again.
                judge.begin("contactor")
        elif what == "nak":
            chip.answering = not number
        elif what == "crc":
            chip.corrupt_checks = bool(number)
        elif what == "frozen":
            chip.frozen = bool(number)
        elif what == "reset":
            chip.reset()
        elif what == "stuck":
            judge.stick(number)
            bench.stick_fet(number)
            if self.case["board"] == cases.CONTACTORS:
                judge.begin("contactor")
        elif what == "contactor":
            self._break_contactor(number, value)
        elif what in ("thermistor", "lead", "cell lie", "stack lie", "temp lie"):
            self._blind(what, number, value)
        elif what == "interlock":
            self._work_interlock(number)
        elif what == "emergency":
            self.twin.hands.push_emergency()
            judge.begin("emergency")
        elif what == "owner":
            self.bms.owner_reset()
            judge.owner_reset()
        elif what == "clear":
            bench.clear()
            self.lies.clear()
            chip.open_leads.clear()
            self.twin.hands.clear()
            judge.end_all()
            chip.answering = True
            chip.corrupt_checks = False
            chip.frozen = False
            judge.unstick()
        else:
            raise ValueError("unknown event " + what)
        judge.fault()

    def _work_interlock(self, opens):
        if opens:
            self.twin.hands.open_interlock()
            self.judge.begin("interlock")
        else:
            self.twin.hands.clear()
            self.judge.end("interlock")
            self.judge.end("emergency")

    def _break_contactor(self, number, welded):
        if welded and number < 3:
            # The main one is for discharge.
            self.judge.stick(3 - number)
        self.bench.break_contactor(number, bool(welded))
        self.judge.begin("contactor")

    def _blind(self, what, number, value):
        """Something between the pack and the converter breaks, or lies."""
        bench = self.bench
        judge = self.judge
        if what == "thermistor":
            bench.break_sensor(number, shorted=bool(value))
            judge.begin("thermistor" if number else "switch thermistor", number)
            # What shows nothing cannot lie.
            judge.end("temp lie", number)
        elif what == "lead":
            self.chip.open_leads.add(number)
            judge.begin(what, number)
        elif what == "cell lie":
            self._lie(what, "reads_cell", number, value, value - bench.cell_mv[number - 1])
        elif what == "stack lie":
            # A thousandth of what is so.
            self._lie(what, "reads_stack", 0, bench.stack_mv * value // 1000, value - 1000)
        else:
            before_dc = judge.truth.shown_temps_dc()[number - 1]
            off_dc = 0 if before_dc is None else value - before_dc
            self._lie(what, "reads_temp", number, value, off_dc)
            # Who lies shows something again.
            judge.end("thermistor", number)

    def _lie(self, what, lie, number, value, off):
        self.lies.tell(lie, number, value)
        self.judge.lie(what, number, abs(off) >= meaning.CLEAR_LIES[what])
