"""The whole chip model on both interpreters: each part once, on the simulator's own bench."""

import struct

from host_tools.mock.bench import Bench
from host_tools.mock.bq76952 import Bq76952Model
from host_tools.mock.bq76952_bus import CRC_TABLE
from host_tools.mock.cells import Pack
from host_tools.mock.clock import VirtualClock

MS = 1000
SECOND = 1000000


class Desk:
    def __init__(self, cells=16, **options):
        self.clock = VirtualClock()
        self.bench = Bench(self.clock, Pack(cells))
        self.chip = Bq76952Model(self.clock, self.bench, cells=cells, **options)
        self.wait(300 * MS)

    def wait(self, us):
        self.clock.advance(us)

    def write(self, reg, data):
        message = bytes([reg]) + bytes(data)
        assert self.chip.i2c_write(message) == len(message)

    def read(self, reg, count):
        self.chip.i2c_write(bytes([reg]))
        return self.chip.i2c_read(count)

    def u16(self, reg):
        return struct.unpack("<H", self.read(reg, 2))[0]

    def command(self, code):
        self.write(0x3E, struct.pack("<H", code))
        self.wait(3 * MS)

    def ask(self, code):
        self.command(code)
        self.wait(10 * MS)
        assert self.u16(0x3E) == code
        return self.read(0x40, self.read(0x61, 1)[0] - 4)

    def send(self, code, data):
        total = (code & 0xFF) + (code >> 8)
        for value in data:
            total += value
        self.write(0x3E, struct.pack("<H", code) + bytes(data))
        self.write(0x60, [~total & 0xFF, len(data) + 4])
        self.wait(3 * MS)

    def configure(self, *blocks):
        self.command(0x0090)
        for address, data in blocks:
            self.send(address, data)
        self.command(0x0092)

    def switch_on(self):
        self.command(0x009A)
        self.command(0x0022)
        self.wait(600 * MS)


def test_frames_go_through_the_spi_pipeline():
    desk = Desk(crc_at_power_up=True, spi_at_power_up=True)

    def frame(first, second):
        check = CRC_TABLE[CRC_TABLE[first] ^ second]
        answer = desk.chip.spi(bytes([first, second, check]))
        desk.wait(500)
        return answer

    assert frame(0x12, 0xFF) == b"\xff\xff\xff"
    assert frame(0xBE, 0x02) == b"\xff\xff\x00"
    assert frame(0xBE, 0x02) == b"\xbe\x02\x97"
    assert desk.chip.spi(b"\xbe\x01\x00") == b"\xbe\x02\x97"
    assert frame(0x12, 0xFF) == b"\xff\xff\xaa"


def test_a_bq76942_measures_ten_cells():
    desk = Desk(cells=10, variant="bq76942")
    assert desk.ask(0x0001) == b"\x94\x76"
    cells = struct.unpack("<16h", desk.read(0x14, 32))
    assert min(cells[:10]) > 3000
    assert cells[10:] == (0,) * 6


def test_overloads_latch_and_removing_the_load_releases():
    desk = Desk()
    desk.configure(
        (0x9261, b"\xfc\x00\x20"),
        (0x928D, struct.pack("<h", -100)),
        (0x928F, b"\x02\x0a\x0f"),
        (0x92B4, b"\x03\x14\x01\x00"),
    )
    desk.switch_on()
    for _ in range(2):
        desk.bench.offer(-13000)
        desk.wait(4 * SECOND)
    assert desk.read(0x07, 1)[0] == 0x20
    desk.wait(60 * SECOND)
    assert desk.read(0x07, 1)[0] == 0x20
    desk.bench.offer(0)
    desk.wait(25 * SECOND)
    assert desk.read(0x07, 1)[0] == 0
    assert desk.bench.true_discharge


def test_a_broken_lead_drifts_apart():
    desk = Desk()
    desk.command(0x009A)
    desk.chip.open_leads.add(5)
    desk.wait(12 * SECOND)
    cells = struct.unpack("<16h", desk.read(0x14, 32))
    assert cells[5] - cells[4] > 1400


def test_deep_sleep_and_shutdown_end_with_a_charger():
    desk = Desk()
    desk.switch_on()
    desk.command(0x000F)
    desk.command(0x000F)
    assert desk.u16(0x00) == 0x04
    desk.bench.offer(1000)
    assert desk.u16(0x00) == 0
    desk.bench.offer(0)
    desk.command(0x0010)
    assert not desk.chip.i2c_present()
    desk.bench.offer(1000)
    desk.wait(10 * MS)
    assert desk.u16(0x12) == 0x018C


def test_a_brown_out_loses_the_configuration():
    desk = Desk()
    desk.configure((0x9261, b"\xfc"))
    desk.chip.brown_out()
    assert not desk.chip.i2c_present()
    desk.wait(30 * MS)
    assert desk.u16(0x12) == 0x018C


def test_predischarge_comes_before_discharge():
    desk = Desk()
    desk.configure((0x9308, b"\x1d"), (0x930E, b"\xc8\x00"))
    desk.switch_on()
    assert desk.read(0x7F, 1)[0] == 0x09
    desk.wait(2 * SECOND)
    assert desk.read(0x7F, 1)[0] == 0x05


def test_summaries_and_counters_answer():
    desk = Desk()
    desk.configure((0x92FD, b"\x07\x0b\x0f"))
    desk.command(0x009A)
    desk.bench.offer(-3000)
    desk.wait(5 * SECOND)
    assert len(desk.ask(0x0075)) == 32
    assert len(desk.ask(0x0076)) == 32
    assert len(desk.ask(0x0077)) == 16


def test_the_chip_balances_by_level():
    desk = Desk()
    desk.command(0x009A)
    desk.send(0x0084, struct.pack("<H", 3000))
    desk.wait(1100 * MS)
    assert desk.ask(0x0083) != b"\x00\x00"
