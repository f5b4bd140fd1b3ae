"""The firmware on a simulated board, inside this process, on the virtual clock."""

import sys

import machine

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from host_tools.mock.code_time import CodeTime
from host_tools.sim import native_port, radio_port

_REAL = {}  # the board's own numbers, while a desk has others


class Numbers:
    """A board's numbers, to change some of them for the cells alone."""

    def __init__(self, board):
        for name in dir(board):
            if name.upper() == name and not name.startswith("_"):
                setattr(self, name, getattr(board, name))


class Desk:
    """A running BMS on BOARD; `soc_pct` and `current_ma` set the scene. Times in virtual us.

    pack: other numbers for the board, as CELLS=8. hurry: the cells hold so many times less than
    the firmware believes, with the resistance of the full size: charging takes that much less.
    native: the board has a port for the native protocol. radio: options of radio_port.give(), and
    `profile` of the fake bluetooth. code_time: code takes its time; tasks:
    other costs for slow tasks, in cycles (idle, working).
    """

    BOARD = "sim16_lfp"

    def __init__(
        self,
        soc_pct=60,
        current_ma=0,
        seed=1,
        start_us=0,
        settle=True,
        flash=None,
        hurry=1,
        code_time=True,
        tasks=None,
        ambient_c=25.0,
        native=False,
        radio=None,
        **pack,
    ):
        board = import_board(self.BOARD)
        self.clock = VirtualClock()
        machine.forget()
        fake_time.use(self.clock, start_us)
        machine.use(self.clock)
        for name in _REAL:
            setattr(board, name, _REAL[name])
        for name in pack:
            _REAL.setdefault(name, getattr(board, name))
            setattr(board, name, pack[name])
        for pin, level in board.SAFE_PINS:
            machine.Pin(pin, machine.Pin.OUT, value=level)
        twins = "host_tools.sim.twins." + board.TWIN
        __import__(twins)
        numbers = Numbers(board)
        numbers.CAPACITY_MAH = board.CAPACITY_MAH // hurry
        self.twin = sys.modules[twins].build(
            self.clock, numbers, seed, soc_pct, flash, ambient_c=ambient_c
        )
        self.flash = self.twin.flash
        board.make_storage = numbers.make_storage
        self.bench = self.twin.bench
        self.chip = self.twin.chip
        if hurry != 1:
            cells = self.bench.pack
            for cell in range(cells.cells):
                cells.ohm_warm[cell] /= hurry
            cells.warm([ambient_c] * cells.cells)
        self.bench.offer(current_ma)
        radio_port.give(board, False)
        native_port.give(board, native)
        if radio is not None:
            self._fit_radio(board, seed, **radio)
        elif "bluetooth" in sys.modules:
            # A new one, that nobody is near.
            sys.modules["bluetooth"].use()
        import main

        self.bms = main.make_bms()
        self.code_time = CodeTime(self.clock, tasks)
        if code_time:
            self.code_time.charge(self.bms)
        self.bms.sample.start(machine_ms())
        self.bms.executive.start()
        if settle:
            self.run_until(lambda: self.bench.true_charge and self.bench.true_discharge, 5000)

    def _fit_radio(self, board, seed, profile="esp32", **options):
        import bluetooth

        bluetooth.use(self.clock, profile, seed)
        self.air = bluetooth.air
        radio_port.give(board, True, **options)

    def run_ms(self, ms):
        end_us = self.clock.now_us + ms * 1000
        while self.clock.now_us < end_us:
            self.bms.executive.turn()

    def run_until(self, condition, at_most_ms):
        """Milliseconds until condition() held at the end of a cycle; AssertionError if never."""
        begun_us = self.clock.now_us
        while not condition():
            waited_ms = (self.clock.now_us - begun_us) / 1000
            assert waited_ms <= at_most_ms, "not within %d ms" % at_most_ms
            self.bms.executive.turn()
        return (self.clock.now_us - begun_us) / 1000

    def tripped(self):
        from vigil import limits

        protection = self.bms.protection
        return [row[limits.ID] for at, row in enumerate(limits.TABLE) if protection.is_tripped(at)]

    def both_on(self):
        return self.bench.true_charge and self.bench.true_discharge

    def both_off(self):
        return not self.bench.true_charge and not self.bench.true_discharge


def import_board(name):
    """The board module of that folder: the one that `import board` gives from now on."""
    folder = "boards/" + name
    if sys.path[0] != folder:
        for other in [path for path in sys.path if path.startswith("boards/")]:
            sys.path.remove(other)
        sys.path.insert(0, folder)
        if "board" in sys.modules:
            del sys.modules["board"]
        _REAL.clear()
    import board

    return board


def machine_ms():
    import time

    return time.ticks_ms()
