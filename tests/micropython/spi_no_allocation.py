"""Reading, switching and balancing over SPI allocate nothing: by count and under heap lock.

A canned chip answers one frame late from plain registers and allocates nothing itself.
Run by tests/unit/test_bq76952_spi_no_allocation.py; prints the counts and "ok".
"""

import gc
import sys

import micropython

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from vigil.afe.bq76952 import Bq76952
from vigil.afe.bq76952_spi import SpiTransfer
from vigil.afe.check_codes import CRC8_TABLE
from vigil.afe.errors import AfeError
from vigil.sample import CELLS, Sample

READINGS = int(sys.argv[1]) if len(sys.argv) > 1 else 2000


class CannedSpi:
    """spi, chip select and both-off line in one."""

    def __init__(self):
        self.registers = bytearray(256)
        self._answer = bytearray(b"\xff\xff\x00")
        self.busy = 0  # frames that will be answered FFFF00
        self.silent = False

    def value(self, level):
        pass

    def write_readinto(self, tx, rx):
        answer = self._answer
        busy = self.busy > 0 or self.silent
        for place in range(3):
            rx[place] = 0xFF if busy and place < 2 else answer[place]
        if busy:
            rx[2] = 0
            self.busy -= 1
            return
        register = tx[0] & 0x7F
        if tx[0] & 0x80:
            if register == 0x62:
                self.registers[register] = 0
            else:
                self.registers[register] = tx[1]
            answer[1] = tx[1]
        else:
            answer[1] = self.registers[register]
        answer[0] = tx[0]
        answer[2] = CRC8_TABLE[CRC8_TABLE[answer[0]] ^ answer[1]]


class Story:
    """Busy chips, and a silence now and then."""

    def __init__(self):
        self.chip = CannedSpi()
        self.front_end = Bq76952(SpiTransfer(self.chip, self.chip), self.chip)
        self.front_end.configured = True
        self.sample = Sample(16, 3, (63, 189, 63, 189, 189), 50)
        self.bleed = bytearray(16)
        registers = self.chip.registers
        registers[0x13] = 0x01
        for cell in range(16):
            registers[0x14 + 2 * cell] = 3300 & 0xFF
            registers[0x15 + 2 * cell] = 3300 >> 8

    def turn(self, number):
        chip = self.chip
        chip.registers[0x62] = 0x82
        chip.busy = number % 3
        chip.silent = number % 500 == 499
        self.bleed[0] = number & 1
        try:
            self.front_end.read(self.sample, number * 50)
            if number % 10 == 0:
                self.front_end.set_switches(number % 20 == 0, True)
                self.front_end.balance(self.bleed)
        except AfeError:
            # Silence: the prepared error grows a traceback, which is not counted.
            pass


def main():
    fake_time.use(VirtualClock())
    story = Story()
    chip = story.chip
    sample = story.sample
    for number in range(1001):
        story.turn(number)
    refreshed = sample.sequence(CELLS)
    allocated = 0
    gc.collect()
    gc.disable()
    for number in range(READINGS):
        before = gc.mem_alloc()
        story.turn(number)
        if not chip.silent:
            allocated += gc.mem_alloc() - before
    gc.enable()
    assert allocated == 0, "%d bytes were allocated" % allocated
    assert sample.sequence(CELLS) - refreshed > READINGS * 9 // 10
    micropython.heap_lock()
    for number in range(1000):
        story.turn(number)
    micropython.heap_unlock()
    print("readings", READINGS, "bytes", allocated)
    print("ok")


main()
