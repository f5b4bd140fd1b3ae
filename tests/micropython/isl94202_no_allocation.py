"""The cycle over an ISL94202 allocates nothing: by count and under heap lock.

The real driver is brought up on a canned chip that allocates nothing itself, then the whole cycle
runs: scans, the question whether they are new, trips, both switches, a silence now and then.
Run by tests/unit/test_isl94202_no_allocation.py; prints the counts and "ok".
"""

import gc
import sys

import micropython

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from vigil.afe.errors import AfeError
from vigil.afe.isl94202 import Isl94202
from vigil.app import Bms
from vigil.sample import BOARD, CELLS, TEMPS

CYCLES = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
CYCLE_MS = 250
STAT0, STAT1, STAT2, CTRL1, CTRL2 = 0x80, 0x81, 0x82, 0x86, 0x87


class CannedChip:
    """i2c and direct line in one."""

    def __init__(self):
        self.registers = bytearray(256)
        self.silent = False

    def value(self, level):
        pass

    def readfrom_mem_into(self, address, register, buffer):
        if self.silent:
            raise OSError(19)
        for place in range(len(buffer)):
            buffer[place] = self.registers[register + place]

    def writeto_mem(self, address, register, buffer):
        if self.silent:
            raise OSError(19)
        for place in range(len(buffer)):
            self.registers[register + place] = buffer[place]

    def put(self, register, value):
        self.registers[register] = value & 0xFF
        self.registers[register + 1] = value >> 8

    def scan(self, turn):
        registers = self.registers
        for place in range(8):
            # Now and then nothing moves, and the chip has to answer.
            self.put(0x90 + 2 * place, 2815 + (turn // 4 + place) % 3)
        self.put(0xA0, 1257)
        self.put(0xA2, 2107)
        self.put(0xA4, 2107)
        self.put(0xA6, 1877)
        self.put(0x8E, 100 + turn % 5 if registers[CTRL1] & 2 else 0)
        registers[STAT2] = 0x04 if registers[CTRL1] & 2 else 0
        asked = registers[0x0C] | (registers[0x0D] & 0x0F) << 8
        registers[STAT1] = registers[STAT1] & 0x7F | (0x80 if asked < 2815 else 0)
        if not registers[CTRL2] & 0x40:
            registers[CTRL1] = 3


class Board:
    name = "canned"
    device_name = b"canned"
    chemistry = "LFP"
    capacity_mah = 20000
    links = ()
    watchdog = None


class Story:
    """Scans, trips of the chip, single failures and a long silence, one after the other."""

    def __init__(self):
        self.clock = VirtualClock()
        fake_time.use(self.clock)
        self.chip = CannedChip()
        board = Board()
        board.front_end = self.front_end = Isl94202(self.chip, both_off=self.chip, shunt_uohm=500)
        self.bms = Bms(board, CYCLE_MS)
        for _ in self.front_end.configure(self.bms.table.backstop_requests()):
            self.chip.scan(0)
        self.bms.bring_up_tried = True
        self.bms.sample.start(0)
        self.bms.switches.permit()
        self.bleed = bytearray(8)
        self.turn = 0
        self.now_ms = 0

    def prepare(self):
        """What happens between two cycles; this may allocate."""
        self.turn += 1
        self.now_ms += CYCLE_MS
        phase = self.turn % 1000
        chip = self.chip
        # Above the driver's limit of failures it would be brought up again.
        chip.silent = phase in (500, 520, 521) or 600 <= phase < 605
        chip.scan(self.turn)
        chip.registers[STAT1] = chip.registers[STAT1] & 0xFB | (4 if 100 <= phase < 130 else 0)
        chip.registers[STAT0] = 1 if 200 <= phase < 230 else 0
        self.bleed[3] = self.turn & 1

    def cycle(self):
        self.bms.cycle(self.now_ms)
        if not self.chip.silent:
            try:
                self.front_end.balance(self.bleed)
            except AfeError:
                raise RuntimeError("a chip that answers was bled in vain")


def main():
    story = Story()
    bms = story.bms
    for _ in range(1001):
        story.prepare()
        story.cycle()
    sample = bms.sample
    before_all = [sample.sequence(group) for group in (CELLS, TEMPS, BOARD)]
    changes = bms.switches.changes
    allocated = 0
    failures = 0
    gc.collect()
    gc.disable()
    for number in range(CYCLES):
        story.prepare()
        errors = bms.read_errors
        before = gc.mem_alloc()
        story.cycle()
        cost = gc.mem_alloc() - before
        # A failed transfer raises OSError, and every raise costs a traceback.
        if bms.read_errors == errors:
            allocated += cost
        else:
            failures += 1
        if number % 100 == 99:
            gc.collect()
    gc.enable()
    assert allocated == 0, "%d bytes were allocated" % allocated
    assert story.front_end.configured
    for place, group in enumerate((CELLS, TEMPS, BOARD)):
        assert sample.sequence(group) - before_all[place] >= CYCLES * 9 // 10
    assert failures >= 7 * (CYCLES // 1000), "the bus did not fail"
    assert bms.switches.changes - changes >= 6 * (CYCLES // 1000), "nothing was switched"
    for _ in range(1000):
        story.prepare()
        micropython.heap_lock()
        try:
            story.cycle()
        finally:
            micropython.heap_unlock()
    print("cycles", CYCLES, "bytes", allocated, "failed", failures)
    print("ok")


main()
