"""The chip model on the board's interpreter: one checked block read; prints "ok" at the end.

With the argument "cost" it also prints what a block read and a second of scans cost.
"""

import sys
import time

from host_tools.mock.bq76952 import Bq76952Model
from host_tools.mock.clock import VirtualClock

SIXTEEN_CELLS = 0x14
SECONDS = 400
READS_A_SECOND = 20


class StillBench:
    def __init__(self):
        self.listeners = []
        self.cell_mv = [3301.0 + n for n in range(16)]
        self.lowest_mv = 3301.0
        self.highest_mv = 3316.0
        self.stack_mv = self.pack_mv = 52936.0
        self.ld_mv = self.current_ma = 0.0
        self.temps_c = [25.0, 25.0, 25.0]
        self.die_c = 30.0
        self.switch_c = 35.0
        self.gates = None

    @property
    def sensed_ma(self):
        return self.current_ma

    def update(self):
        pass

    def set_gates(self, charge, discharge, charge_assist=False, discharge_assist=False):
        self.gates = (charge, discharge)

    def lifted_mv(self, source_ma):
        return self.stack_mv

    def set_bleed(self, mask):
        pass


def crc8(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


def read_block(chip, reg, count):
    chip.i2c_write(bytes([reg]))
    framed = chip.i2c_read(2 * count)
    data = bytearray()
    header = bytes([0x10, reg, 0x11])
    for at in range(0, 2 * count, 2):
        if crc8(header + framed[at : at + 1]) != framed[at + 1]:
            raise ValueError("check code of byte %d" % (at // 2))
        header = b""
        data.append(framed[at])
    return data


def check():
    clock = VirtualClock()
    bench = StillBench()
    chip = Bq76952Model(clock, bench, crc_at_power_up=True)
    clock.advance(300000)
    if read_block(chip, 0x12, 1)[0] != 0x8C:
        raise ValueError("Battery Status after power-up")
    data = read_block(chip, SIXTEEN_CELLS, 40)
    for n in range(16):
        if data[2 * n] | data[2 * n + 1] << 8 != 3301 + n:
            raise ValueError("cell %d" % (n + 1))
    chip.reset()
    if bench.gates != (False, False) or chip.i2c_present():
        raise ValueError("reset")


def cost():
    clock = VirtualClock()
    chip = Bq76952Model(clock, StillBench(), crc_at_power_up=True)
    clock.advance(300000)
    # Keeps the chip out of SLEEP, so that it scans all the time.
    message = bytearray([0x3E, 0x9A, 0, 0x00, 0])
    message[2] = crc8(bytes([0x10, 0x3E, 0x9A]))
    message[4] = crc8(b"\x00")
    if chip.i2c_write(message) != 5:
        raise ValueError("write not acknowledged")
    clock.advance(1000)
    register = bytes([SIXTEEN_CELLS])
    reads_us = scans_us = 1e9
    # The least of many is what the code costs; the rest is what else the computer does.
    for _ in range(SECONDS):
        start = time.time()
        for _ in range(READS_A_SECOND):
            chip.i2c_write(register)
            chip.i2c_read(120)
        reads_us = min(reads_us, (time.time() - start) * 1e6)
        start = time.time()
        clock.advance(1000000)
        scans_us = min(scans_us, (time.time() - start) * 1e6)
    print("20 block reads of 60 bytes, us:", reads_us)
    print("a second of scans, us:", scans_us)
    print("both, of 1000 us:", reads_us + scans_us)
    start = time.time()
    for _ in range(30000):
        chip.bench.listeners[0]()
    print("a look at the bench, us:", (time.time() - start) * 1e6 / 30000)


check()
if "cost" in sys.argv:
    cost()
print("ok")
