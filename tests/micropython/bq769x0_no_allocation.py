"""The cycle over a BQ76940 allocates nothing: by count and under heap lock.

The real driver is brought up on a canned chip that allocates nothing itself, then the whole cycle
runs: conversions, temperatures in turn, trips, both switches, a silence now and then.
Run by tests/unit/test_bq769x0_no_allocation.py; prints the counts and "ok".
"""

import gc
import sys

import micropython

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from vigil.afe.bq769x0 import Bq769x0
from vigil.afe.check_codes import CRC8_TABLE
from vigil.afe.errors import AfeError
from vigil.app import Bms
from vigil.sample import BOARD, CELLS, TEMPS

CYCLES = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
CYCLE_MS = 250


class CannedChip:
    """i2c and direct line in one."""

    def __init__(self):
        self.registers = bytearray(256)
        self.registers[0x04] = 0x10
        self.registers[0x50] = 0x08
        self.registers[0x59] = 0x20
        self.silent = False

    def value(self, level):
        pass

    def readfrom_mem_into(self, address, register, buffer):
        if self.silent:
            raise OSError(19)
        registers = self.registers
        crc = CRC8_TABLE[0x11]
        for place in range(len(buffer) // 2):
            byte = registers[register + place]
            buffer[2 * place] = byte
            buffer[2 * place + 1] = CRC8_TABLE[crc ^ byte]
            crc = 0

    def writeto_mem(self, address, register, buffer):
        if self.silent:
            raise OSError(19)
        registers = self.registers
        for place in range(len(buffer) // 2):
            byte = buffer[2 * place]
            if register:
                registers[register + place] = byte
            else:
                registers[0] &= byte ^ 0xFF

    def put(self, register, value):
        self.registers[register] = value >> 8 & 0xFF
        self.registers[register + 1] = value & 0xFF

    def convert(self, turn):
        for place in range(15):
            self.put(0x0C + 2 * place, 8600 + (turn + place) % 3)
        self.put(0x2A, 15 * 8601 // 4)
        self.put(0x32, 100 + turn % 5 if self.registers[0x05] & 1 else 0)
        if turn % 8 == 0:
            for group in range(3):
                self.put(0x2C + 2 * group, 4319 if self.registers[0x04] & 8 else 3141)
        self.registers[0] |= 0x80


class Board:
    name = "canned"
    device_name = b"canned"
    chemistry = "LFP"
    capacity_mah = 20000
    links = ()
    watchdog = None


class Story:
    """Conversions, trips of the chip, single failures and a long silence, one after the other."""

    def __init__(self):
        self.clock = VirtualClock()
        fake_time.use(self.clock)
        self.chip = CannedChip()
        board = Board()
        board.front_end = self.front_end = Bq769x0(self.chip, both_off=self.chip)
        self.bms = Bms(board, CYCLE_MS)
        for _ in self.front_end.configure(self.bms.table.backstop_requests()):
            pass
        self.bms.bring_up_tried = True
        self.bms.sample.start(0)
        self.bms.switches.permit()
        self.bleed = bytearray(15)
        self.turn = 0
        self.now_ms = 0

    def prepare(self):
        """What happens between two cycles; this may allocate."""
        self.turn += 1
        self.now_ms += CYCLE_MS
        phase = self.turn % 1000
        chip = self.chip
        # Above the driver's limit of failures it would be brought up again.
        chip.silent = phase in (500, 520, 521) or 600 <= phase < 615
        chip.convert(self.turn)
        if phase == 100:
            chip.registers[0] |= 0x02
            chip.registers[0x05] &= 0xFD
        if phase == 200:
            chip.registers[0] |= 0x10
            chip.registers[0x05] &= 0xFC
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
    gained = [sample.sequence(group) for group in (CELLS, TEMPS, BOARD)]
    least = (CYCLES * 9 // 10, CYCLES // 20, CYCLES // 20)
    for place in range(3):
        assert gained[place] - before_all[place] >= least[place]
    assert failures >= 15 * (CYCLES // 1000), "the bus did not fail"
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
