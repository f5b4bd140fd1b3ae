"""The LTC681x chain and both INA monitors on both interpreters, on the simulator's own bench."""

import struct

import machine

from host_tools.mock.bench import Bench
from host_tools.mock.cells import Pack
from host_tools.mock.clock import VirtualClock
from host_tools.mock.ina226 import Ina226Model
from host_tools.mock.ina228 import Ina228Model
from host_tools.mock.ltc681x import Ltc681xChain

MS = 1000
SELECT = 17
RDCVA, RDSTATA, ADCV, ADAX, ADSTAT = 0x004, 0x010, 0x360, 0x560, 0x568
WRCFGA, RDCFGA = 0x001, 0x002


def pec(data):
    rest = 0x10
    for byte in data:
        for place in range(7, -1, -1):
            turn = (byte >> place & 1) ^ (rest >> 14)
            rest = rest << 1 & 0x7FFF
            if turn:
                rest ^= 0x4599
    return rest << 1


def framed(data):
    return bytes(data) + struct.pack(">H", pec(data))


class Desk:
    """Two devices with 24 cells on the fake bus, at true bit time."""

    def __init__(self, seed=0):
        self.clock = VirtualClock()
        self.bench = Bench(self.clock, Pack(24, seed=seed), temps=4)
        self.chain = Ltc681xChain(
            self.clock, self.bench, parts=("ltc6813", "ltc6811"), cells=(14, 10), seed=seed
        )
        machine.forget()
        machine.use(self.clock)
        machine.attach_spi(1, self.chain, SELECT)
        self.spi = machine.SPI(1, 1000000, polarity=1, phase=1)
        self.select = machine.Pin(SELECT, machine.Pin.OUT, value=1)
        for _ in range(2):
            self.pulse(400)

    def pulse(self, low_us=10):
        self.select(0)
        self.clock.advance(low_us)
        self.select(1)
        self.clock.advance(10)

    def frame(self, code, data=b"", count=0):
        self.pulse()
        self.pulse()
        self.select(0)
        self.spi.write(framed([code >> 8, code & 0xFF]) + data)
        received = self.spi.read(count, 0xFF)
        self.select(1)
        return received

    def words(self, code, device):
        received = self.frame(code, b"", 16)
        block = received[8 * device : 8 * device + 8]
        assert framed(block[:6]) == block
        return struct.unpack("<3H", block[:6])

    def configure(self, dcc=0):
        block = framed([0xFC, 0, 0, 0, dcc, 0])
        self.frame(WRCFGA, block + block)
        self.clock.advance(4 * MS)

    def measure(self, code):
        self.frame(code)
        self.clock.advance(5 * MS)


def test_a_chain_measures_the_bench():
    desk = Desk()
    desk.configure()
    desk.measure(ADCV)
    for device, first in ((0, 0), (1, 14)):
        words = desk.words(RDCVA, device)
        for n in range(3):
            assert abs(words[n] - 10 * desk.bench.cell_mv[first + n]) < 2
    desk.measure(ADSTAT)
    assert abs(desk.words(RDSTATA, 0)[0] * 3.0 - sum(desk.bench.cell_mv[:14])) < 4


def test_discharge_reaches_the_bench_and_ends_with_the_watchdog():
    desk = Desk()
    desk.configure(dcc=1)
    desk.clock.advance(1000 * MS)
    assert desk.bench.bled_mas[0] > 0 and desk.bench.bled_mas[14] > 0
    assert desk.bench.bled_mas[1] == 0
    desk.clock.advance(2000 * MS)
    bled_mas = desk.bench.bled_mas[0]
    desk.clock.advance(1000 * MS)
    assert desk.bench.bled_mas[0] == bled_mas


def test_faults_that_a_scenario_knows_reach_the_whole_chain():
    desk = Desk()
    chain = desk.chain
    desk.configure()
    desk.measure(ADCV)
    chain.corrupt_checks = True
    block = desk.frame(RDCVA, b"", 8)
    assert framed(block[:6]) != block
    chain.corrupt_checks = False
    chain.frozen = True
    desk.bench.set_cell_mv(1, 2000.0)
    desk.clock.advance(1000 * MS)
    before = desk.words(RDCVA, 0)
    desk.measure(ADCV)
    assert desk.words(RDCVA, 0) == before
    chain.frozen = False
    desk.measure(ADCV)
    assert desk.words(RDCVA, 0) != before
    before = desk.frame(RDCFGA, b"", 8)
    chain.flip_a_setting()
    assert desk.frame(RDCFGA, b"", 8)[3] == before[3] ^ 0x80
    chain.answering = False
    assert desk.frame(RDCVA, b"", 8) == b"\xff" * 8
    chain.answering = True
    chain.reset()
    desk.clock.advance(30 * MS)
    desk.pulse(400)
    desk.pulse(400)
    assert desk.words(RDCVA, 0) == (0xFFFF, 0xFFFF, 0xFFFF)


def test_the_same_seed_gives_the_same_bytes():
    def words(seed):
        desk = Desk(seed)
        for device in desk.chain.devices:
            device.measuring.noise_counts = 3
        desk.configure()
        taken = []
        for code in (ADCV, ADAX, ADSTAT):
            desk.measure(code)
            for group in (RDCVA, 0x00C, 0x00E, RDSTATA):
                taken.append(desk.frame(group, b"", 16))
        return taken

    assert words(1) == words(1)
    assert words(1) != words(2)


def monitor(model, calibration, cells):
    """Bench, clock and a monitor at 0x40, calibrated, with 20 A of discharge."""
    clock = VirtualClock()
    bench = Bench(clock, Pack(cells), shunt_uohm=500)
    machine.forget()
    machine.use(clock)
    machine.attach_i2c(0, 0x40, model(clock, bench, shunt_uohm=500))
    clock.advance(300)
    i2c = machine.I2C(0, scl=machine.Pin(1), sda=machine.Pin(0))
    i2c.writeto_mem(0x40, calibration[0], struct.pack(">H", calibration[1]))
    bench.set_gates(True, True)
    bench.offer(-20000.0)
    clock.advance(100 * MS)
    return clock, bench, i2c


def test_an_ina228_counts_current_and_charge_below_zero():
    clock, bench, i2c = monitor(Ina228Model, (2, 1000), 16)
    data = i2c.readfrom_mem(0x40, 7, 3)
    current = (data[0] << 16 | data[1] << 8 | data[2]) >> 4
    assert abs((current - (1 << 20)) * 0.152588 - bench.current_ma) < 2
    i2c.writeto_mem(0x40, 0, b"\x40\x00")
    clock.advance(10000 * MS)
    charge = 0
    for byte in i2c.readfrom_mem(0x40, 10, 5):
        charge = charge << 8 | byte
    assert abs((charge - (1 << 40)) * 0.152588 + 200000) < 200


def test_an_ina226_measures_current_below_zero():
    clock, bench, i2c = monitor(Ina226Model, (5, 5120), 8)
    current = struct.unpack(">h", i2c.readfrom_mem(0x40, 4, 2))[0]
    assert abs(current * 2 - bench.current_ma) < 20
    assert abs(struct.unpack(">H", i2c.readfrom_mem(0x40, 2, 2))[0] * 1.25 - bench.stack_mv) < 2
