"""The BQ769x0 model on both interpreters: each part once, on the simulator's own bench."""

from host_tools.mock.bench import Bench
from host_tools.mock.bq769x0 import Bq769x0Model
from host_tools.mock.cells import Pack
from host_tools.mock.clock import VirtualClock
from host_tools.mock.thermistors import ohm_103jt

MS = 1000
SECOND = 1000000

# The maker's table, as far as the sheet prints it.
PRINTED_OHM = (
    (-40, 204700),
    (-30, 118500),
    (-20, 71020),
    (-10, 43670),
    (0, 27700),
    (10, 18070),
    (25, 10000),
    (40, 5811),
    (60, 3011),
    (80, 1668),
    (90, 1267),
)


class Desk:
    def __init__(self, cells=15, **options):
        self.clock = VirtualClock()
        self.bench = Bench(self.clock, Pack(cells))
        self.chip = Bq769x0Model(self.clock, self.bench, cells=cells, crc=False, **options)
        self.wait(1200 * MS)

    def wait(self, us):
        self.clock.advance(us)

    def write(self, *data):
        assert self.chip.i2c_write(bytes(data)) == len(data)

    def read(self, register, count=1):
        self.chip.i2c_write(bytes([register]))
        return self.chip.i2c_read(count)

    def u16(self, register):
        high, low = self.read(register, 2)
        return high << 8 | low


def test_cells_and_stack_are_the_ones_of_the_bench():
    for seed in range(5):
        desk = Desk(seed=seed)
        inputs = desk.chip.inputs
        for n in range(15):
            code = desk.u16(0x0C + 2 * n)
            mv = code * inputs.gain_uv / 1000 + inputs.offset_mv
            assert abs(mv - desk.bench.cell_mv[n]) < 0.5
        pack_mv = 4 * inputs.gain_uv * desk.u16(0x2A) / 1000 + 15 * inputs.offset_mv
        assert abs(pack_mv - desk.bench.stack_mv) < 8


def test_thermistors_follow_the_makers_table():
    for degrees, ohm in PRINTED_OHM:
        # Half a kelvin is 2 to 3.5 % of the resistance.
        assert abs(ohm_103jt(degrees) / ohm - 1) < 0.02, degrees


def test_current_is_measured_and_a_short_opens_the_real_switch_in_time():
    desk = Desk(shunt_uohm=500)
    desk.write(0x06, 0x9F, 0x7F)
    desk.write(0x05, 0x43)
    desk.bench.offer(-50000)
    desk.wait(600 * MS)
    code = desk.u16(0x32)
    assert abs((code - 65536) * 8.44 / 0.5 + 50000) < 20
    assert desk.bench.true_discharge
    desk.bench.set_short()
    desk.wait(500)
    assert desk.read(0x00)[0] & 0x02
    assert not desk.bench.true_discharge and desk.bench.true_charge
    assert desk.bench.current_ma == 0
    # The load shows at the open switches once the charge switch is off as well.
    desk.write(0x05, 0x40)
    assert desk.read(0x04)[0] & 0x80
    desk.bench.clear()
    desk.bench.offer(0)
    assert not desk.read(0x04)[0] & 0x80


def test_balancing_drains_the_chosen_cells_and_does_not_show_in_their_readings():
    desk = Desk()
    desk.write(0x01, 0x01)
    before = desk.u16(0x0C)
    desk.wait(60 * SECOND)
    assert desk.bench.bled_mas[0] > 1000
    assert sum(desk.bench.bled_mas[1:]) == 0
    assert abs(desk.u16(0x0C) - before) <= 3


def test_over_voltage_opens_the_charge_switch():
    desk = Desk()
    desk.write(0x05, 0x03)
    assert desk.bench.true_charge
    desk.bench.set_cell_mv(9, 4500)
    desk.wait(10 * SECOND)
    assert desk.read(0x00)[0] & 0x04
    assert not desk.bench.true_charge and desk.bench.true_discharge


def test_same_seed_is_the_same_chip():
    def story(seed):
        desk = Desk(seed=seed)
        desk.bench.offer(-3000)
        desk.write(0x05, 0x43)
        desk.wait(5 * SECOND)
        return bytes(desk.read(0x00, 0x60))

    assert story(7) == story(7)
    assert story(7) != story(8)
