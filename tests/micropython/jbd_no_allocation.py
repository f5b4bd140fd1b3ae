"""JBD over RS485 allocates nothing from request to answer: both proofs, on a port without memory.

Run by tests/unit/test_jbd_on_micropython.py; prints the number of rounds and "ok".
"""

import gc
import sys

import micropython

from vigil.link.jbd import Jbd
from vigil.link.rs485 import Rs485

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
BYTE_US = 1042
LAST_TICKS = (1 << 30) - 1


class Pack:
    UNKNOWN = 0x1FFFFFFF
    cell_count = 16
    temp_count = 3
    stack_mv = 52920
    current_ma = -12340
    remaining_mah = 76000
    full_mah = 100000
    usable_mah = 93000
    cycles = 37
    soc_pct = 76
    charge_on = True
    discharge_on = True
    protection_bits = 0x0902
    warning_bits = 1
    bleed = bytearray(16)
    device_name = b"Vigil"

    def cell_mv(self, cell):
        return 3300 + cell

    def temp_dc(self, sensor):
        return self.UNKNOWN if sensor == 1 else 251


class Port:
    """Hands out one prepared piece; what it is given leaves a byte each BYTE_US, and echoes."""

    def __init__(self):
        self.piece = b""
        self.at = 0
        self.heard = 0
        self.leaving = 0
        self.answered = 0
        self.room = 256

    def any(self):
        return len(self.piece) - self.at

    def readinto(self, buffer, count):
        for index in range(count):
            buffer[index] = self.piece[self.at + index]
        self.at += count
        return count

    def write(self, data):
        taken = min(len(data), self.room)
        self.leaving += taken
        return taken if taken else None

    def txdone(self):
        return self.leaving == 0

    def pass_us(self, us):
        left = min(self.leaving, us // BYTE_US + 1)
        self.leaving -= left
        if left and not self.leaving:
            self.answered += 1


class Pin:
    level = 0

    def value(self, level):
        self.level = level


PIECES = (
    b"\xdd\xa5\x03\x00\xff\xfdw",
    b"\xdd\xa5\x04\x00\xff\xfcw",
    b"\xdd\xa5\x05\x00\xff\xfbw",
    b"\xdd\xa5\x10\x00\xff\xf0w",  # unknown
    b"\xddZ+\x02\x00\x0f\xff\xc4w",  # a write
    b"\xdd\xa5\x03\x00\xff\xfcw",  # checksum
    b"\x00\xff\xdd\xdd\xa5\x55" * 15,  # garbage, more than one poll takes
    b"\xdd\xa5\x03\x20" + b"\xdd\xa5\x04\x00\xff\xfcw",  # swallowed by a half frame
    b"\xddZ\xa1\x1f\x01",  # a half frame
)
ANSWERED = 6


def a_round(link, port, ticks):
    """Every piece once, each followed by a silence; returns the ticks behind it."""
    for piece in PIECES:
        port.piece = piece
        port.at = 0
        for _ in range(40):
            wait_us = link.poll(ticks)
            port.pass_us(wait_us)
            ticks = (ticks + wait_us) & LAST_TICKS
    return ticks


def main():
    port = Port()
    engine = Jbd(Pack())
    link = Rs485(port, engine, Pin(), 9600)
    ticks = LAST_TICKS - 100000
    ticks = a_round(link, port, ticks)
    assert port.answered == ANSWERED, port.answered
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(ROUNDS):
        ticks = a_round(link, port, ticks)
    allocated = gc.mem_alloc() - before
    gc.enable()
    assert allocated == 0, "%d bytes were allocated" % allocated
    # The same under lock, where any allocation raises.
    micropython.heap_lock()
    try:
        for _ in range(100):
            ticks = a_round(link, port, ticks)
    finally:
        micropython.heap_unlock()
    rounds = ROUNDS + 101
    assert port.answered == ANSWERED * rounds
    assert link.replies == ANSWERED * rounds
    assert engine.frames == ANSWERED * rounds
    assert engine.refused == 2 * rounds
    assert engine.checksum_errors == rounds
    assert link.late_replies == rounds
    print("rounds", ROUNDS, "bytes", allocated)
    print("ok")


main()
