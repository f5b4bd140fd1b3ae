"""What the tests of the BQ76952 model share: an obedient bench and a host that talks by hand.

The host has a check code of its own (bit by bit), so that an error in the model's table shows.
"""

import struct

from host_tools.mock.bq76952 import Bq76952Model
from host_tools.mock.clock import VirtualClock

MS = 1000
SECOND = 1_000_000
ADDRESS_WRITE = 0x10
ADDRESS_READ = 0x11

DEFAULT_STATUS = 0x018C
CFGUPDATE = 0x0001
POR = 0x0008
ADSCAN = 0x0002
FULLSCAN = 0x0080

CHG = 0x01
DSG = 0x04


def crc8(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


def checksum(code, data):
    return ~((code & 0xFF) + (code >> 8) + sum(data)) & 0xFF


class ObedientBench:
    """Shows exactly what a test sets; current flows whatever the switches do, unless it obeys."""

    def __init__(self, cells=16):
        self.listeners = []
        self.cell_mv = [3300.0] * cells
        self.current_ma = 0.0
        self.temps_c = [25.0, 25.0, 25.0]
        self.die_c = 30.0
        self.switch_c = 35.0
        self.ld_mv = 0.0
        self.gates = (False, False, False, False)
        self.gate_log = []
        self.bleed = 0
        self.load = False
        self.updates = 0
        self._sum_up()

    @property
    def sensed_ma(self):
        return self.current_ma

    def _sum_up(self):
        self.lowest_mv = min(self.cell_mv)
        self.highest_mv = max(self.cell_mv)
        self.stack_mv = sum(self.cell_mv)
        self.pack_mv = self.stack_mv

    def update(self):
        self.updates += 1

    def set_gates(self, charge, discharge, charge_assist=False, discharge_assist=False):
        self.gates = (charge, discharge, charge_assist, discharge_assist)
        self.gate_log.append(self.gates)
        self.react()

    def set_bleed(self, mask):
        self.bleed = mask

    def lifted_mv(self, source_ma):
        return 0.0 if self.load else self.stack_mv

    def react(self):
        for listener in self.listeners:
            listener()

    def cell(self, n, mv):
        self.cell_mv[n - 1] = float(mv)
        self._sum_up()
        self.react()

    def current(self, ma):
        self.current_ma = float(ma)
        self.react()


class Rig:
    """Clock, bench, chip, and the host's side of the bus. Transfers take no time here."""

    def __init__(self, crc=False, cells=16, **options):
        self.clock = VirtualClock()
        self.bench = ObedientBench(cells)
        self.chip = Bq76952Model(
            self.clock, self.bench, cells=cells, crc_at_power_up=crc, **options
        )
        self.crc = crc

    def wait(self, us):
        self.clock.advance(us)

    def wait_until(self, us):
        self.clock.advance(us - self.clock.now_us)

    def read(self, reg, count):
        """`count` data bytes; AssertionError when a check is wrong."""
        assert self.chip.i2c_write(bytes([reg])) == 1
        if not self.crc:
            return self.chip.i2c_read(count)
        framed = self.chip.i2c_read(2 * count)
        header = bytes([ADDRESS_WRITE, reg, ADDRESS_READ])
        for at in range(0, 2 * count, 2):
            assert framed[at + 1] == crc8(header + framed[at : at + 1])
            header = b""
        return framed[::2]

    def framed(self, reg, data):
        if not self.crc:
            return bytes([reg]) + bytes(data)
        header = bytes([ADDRESS_WRITE, reg])
        out = bytearray([reg])
        for byte in data:
            out += bytes([byte, crc8(header + bytes([byte]))])
            header = b""
        return bytes(out)

    def write(self, reg, data):
        message = self.framed(reg, data)
        assert self.chip.i2c_write(message) == len(message)

    def u8(self, reg):
        return self.read(reg, 1)[0]

    def u16(self, reg):
        return struct.unpack("<H", self.read(reg, 2))[0]

    def i16(self, reg):
        return struct.unpack("<h", self.read(reg, 2))[0]

    def cells(self):
        return list(struct.unpack("<16h", self.read(0x14, 32)))

    @property
    def status(self):
        return self.u16(0x12)

    @property
    def fets(self):
        return self.u8(0x7F) & 0x0F

    def command(self, code, wait_us=3 * MS):
        self.write(0x3E, struct.pack("<H", code))
        self.wait(wait_us)

    def ask(self, code):
        self.command(code, 10 * MS)
        assert self.u16(0x3E) == code
        length = self.u8(0x61) - 4
        data = self.read(0x40, length)
        assert self.u8(0x60) == checksum(code, data)
        return data

    def send(self, code, data, wait_us=3 * MS):
        """Data of a subcommand or of the data memory, with its checksum and length."""
        self.write(0x3E, struct.pack("<H", code) + bytes(data))
        self.write(0x60, [checksum(code, data), len(data) + 4])
        self.wait(wait_us)

    def configure(self, *blocks):
        """Write blocks (address, bytes) in CONFIG_UPDATE; the chip starts anew at the end."""
        self.command(0x0090)
        assert self.status & CFGUPDATE
        for address, data in blocks:
            self.send(address, data)
        self.command(0x0092, 1 * MS)
        assert not self.status & CFGUPDATE

    def switch_on(self):
        """FET_EN on, no SLEEP, and time for the chip's evaluation."""
        self.command(0x009A)
        self.command(0x0022)
        self.wait(500 * MS)


def enabled(a=0, b=0, c=0):
    return (0x9261, bytes([a, b, c]))


def gain(milliohm, per_milliohm=7.5684):
    value = per_milliohm / milliohm
    return (0x91A8, struct.pack("<ff", value, value * 298261.6178))
