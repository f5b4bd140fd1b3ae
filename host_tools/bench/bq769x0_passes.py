"""The firmware's pieces on a BQ76940 with 15 cells and check codes; see passes.py.

Runs inside the counting interpreter. Never upload to a board.
"""

import sys

from host_tools.bench import passes

CELLS = 15
_GROUPS = 3
_THERMISTOR = b"\x10\xdf"  # 25 degC
_DIE = 3141  # the same
# As the chip answers in good health: 3300 mV a cell, thermistors selected, both switches on.
_REPLIES = {
    0x00: b"\x00",
    0x01: bytes(_GROUPS),
    0x04: b"\x18\x43" + bytes(5) + b"\x19",
    0x05: b"\x43",
    0x08: b"\x05",
    0x0C: b"\x21\xbf" * CELLS,
    0x12: b"\x00",
    0x2A: b"\x7e\x8c" + _THERMISTOR * _GROUPS,
    0x2C: _THERMISTOR * _GROUPS,
    0x32: b"\x01\x00",
    0x50: b"\x08\x00",
    0x59: b"\x20",
}
_CONVERTED = 0x80
_REQUESTED = 0x100

notes = passes.notes
install = passes.install
CALLS = passes.CALLS


class Pieces(passes.Pieces):
    """scans(): 0x80 there is a new conversion; with 0x100 it ends a turn of the temperatures."""

    def __init__(self):
        from vigil import app
        from vigil.afe.bq769x0 import Bq769x0
        from vigil.afe.bq769x0_bring_up import compare
        from vigil.memory import Memory

        self.bus = bus = passes.Bus()
        bus.replies = {register: (data, len(data)) for register, data in _REPLIES.items()}
        self.compare = compare
        board = passes.Board()
        board.capacity_mah = 20000
        self.chip = chip = Bq769x0(bus, both_off=passes.Line(), cells=CELLS, check_codes=True)
        board.front_end = chip
        self.transfer = chip._transfer
        bus.buffer = self.transfer.data
        chip.configured = True
        chip.gain_uv = 382
        chip._forget_measurements()
        self.bms = bms = app.Bms(board, 250, Memory(passes.Storage()))
        chip._trips.brought_up(3500, 2700)
        bms.bring_up_tried = True
        bms.sample.start(0)
        bms.sample.front_end_fault = 0
        bms.switches.permit()
        bms.self_test_passed = True
        self.turns = False
        self.now_ms = 1000
        for _ in range(5):
            self.scans(_CONVERTED)
            self.cycle()
        if not (chip.charge_is_on and chip.discharge_is_on and chip._conversions.current_ma):
            raise ValueError("the chip is not as well as it should be")
        bms._backstop_fits = True
        bms.table_guard.take()
        self.long_on()

    def scans(self, bits):
        self.bus.replies[0x00] = (bytes([bits & 0xFF]), 1)
        self.turns = bits & _REQUESTED

    def cycle(self):
        self.now_ms += 250
        self.stir()
        self.bms.cycle(self.now_ms)

    def stir(self):
        """What is read next differs from what was: each cell, and in a turn each thermistor."""
        conversions = self.chip._conversions
        temperatures = conversions.temperatures
        for place in range(CELLS):
            conversions._codes[place] = 0
        temperatures._of_cells = True
        temperatures._since_ms = self.now_ms - 1000
        if self.turns:
            for group in range(_GROUPS):
                temperatures._before[group] = _DIE
                temperatures._codes[group] = _DIE

    def read(self):
        self.stir()
        self.chip.read(self.bms.sample, self.now_ms)

    # Transfers; the first writes one byte, the other six.

    def read_one(self):
        self.transfer.read(0x12, 1)

    def write_one(self):
        self.transfer.write(0x01, 1)

    def write_six(self):
        self.transfer.write(0x01, 6)

    # Slow tasks.

    def bring_up(self):
        """The limits rounded to what the chip can guard: the longest slice."""
        chip = self.chip
        backstop = chip._backstop(self.bms._requests)
        chip._conversions.temperatures.begin(True)
        self.transfer.read(0x08, 1)
        backstop.registers(0x05)

    def balance(self):
        """The choice among all cells, and the bits to the chip."""
        bms = self.bms
        balancer = bms.balancer
        balancer.policy.choose(bms.sample, balancer._chosen)
        for cell in range(0, CELLS, 3):
            balancer._chosen[cell] = 1
        balancer._take_turn(bms.sample)
        self.chip.balance(balancer.bleed)

    def backstop_watch(self):
        """The settings compared."""
        for _ in self.compare(self.transfer, _REPLIES[0x04]):
            pass


if sys.implementation.name != "micropython":
    raise ImportError("for the counting interpreter only")
