"""The driver on the independent chip model: every bus, both chips, start to shutdown."""

from array import array

import machine
import pytest
from bq76952_rig import ObedientBench
from bq76952_stand_in import REQUESTS, Readings

from host_tools.mock import fake_time
from host_tools.mock.bq76952 import Bq76952Model
from host_tools.mock.clock import VirtualClock
from vigil.afe.bq76952 import Bq76952
from vigil.afe.bq76952_spi import SpiTransfer, switch_to_spi
from vigil.afe.bq76952_verbs import DEEP_ASLEEP

CHIP_SELECT_PIN = 5
BOTH_OFF_PIN = 3
# The chip's own unit is 10 mA and 10 mV.
UNIT = 10


class Wired:
    """A chip of one family on one bus, as it may leave the factory; `starts` is that state."""

    def __init__(self, variant, starts, bus):
        cells = 16 if variant == "BQ76952" else 10
        self.clock = VirtualClock()
        machine.forget()
        fake_time.use(self.clock)
        machine.use(self.clock)
        self.bench = ObedientBench(cells)
        self.chip = Bq76952Model(
            self.clock,
            self.bench,
            cells=cells,
            variant=variant.lower(),
            spi_at_power_up=starts == "spi",
            crc_at_power_up=starts == "i2c with crc",
        )
        machine.attach_spi(0, self.chip, CHIP_SELECT_PIN)
        machine.attach_i2c(0, 8, self.chip)
        machine.pin_line(BOTH_OFF_PIN).listeners.append(self.chip.dfetoff_pin)
        both_off = machine.Pin(BOTH_OFF_PIN, machine.Pin.OUT, value=0)
        i2c = machine.I2C(0, scl=machine.Pin(1), sda=machine.Pin(2), freq=400000)
        self.clock.advance(300000)
        if bus == "spi":
            if starts != "spi":
                assert switch_to_spi(i2c)
            select = machine.Pin(CHIP_SELECT_PIN, machine.Pin.OUT, value=1)
            # Both chips manage the slower one's clock.
            transport = SpiTransfer(machine.SPI(0, baudrate=1800000), select)
        else:
            transport = i2c
        self.front_end = Bq76952(
            transport, both_off, cells=cells, variant=variant, cc_gain_uohm=7568.4
        )
        self.readings = Readings(cells, 3)
        self.cells = cells
        self.slices_us = []
        begun_us = self.clock.now_us
        for _ in self.front_end.configure(REQUESTS):
            self.slices_us.append(self.clock.now_us - begun_us)
            begun_us = self.clock.now_us

    def read(self, cycles=10):
        for _ in range(cycles):
            self.clock.advance(50000)
            self.front_end.read(self.readings, self.clock.now_us // 1000)


WIRINGS = [
    ("i2c", "i2c"),
    ("i2c with crc", "i2c"),
    ("i2c", "spi"),
    ("i2c with crc", "spi"),
    ("spi", "spi"),
]


@pytest.fixture(params=WIRINGS, ids=lambda wiring: " on ".join(wiring))
def wiring(request):
    return request.param


@pytest.fixture(params=["BQ76952", "BQ76942"])
def wired(request, wiring):
    starts, bus = wiring
    return Wired(request.param, starts, bus)


def test_bring_up_arms_every_protection_in_short_slices(wired):
    assert wired.front_end.configured
    assert {entry[0] for entry in wired.front_end.applied} == {entry[0] for entry in REQUESTS}
    assert max(wired.slices_us) < 5000
    assert wired.chip.unsupported_writes == 0
    assert wired.chip.rejected_writes == 0
    assert wired.chip.lost_writes == 0


def test_values_reach_the_sample_as_they_are_at_the_pins(wired):
    for cell in range(wired.cells):
        wired.bench.cell_mv[cell] = 3200.0 + 10 * cell
    wired.bench._sum_up()
    wired.bench.current_ma = -12345.0
    wired.bench.temps_c[:] = [25.0, -10.0, 48.5]
    # Closed, or the current would rightly count as that of a switch that does not open.
    wired.front_end.set_switches(True, True)
    wired.read(40)
    values = wired.readings.values
    assert list(values[: wired.cells]) == [3200 + 10 * cell for cell in range(wired.cells)]
    temps = values[wired.readings.temps_at : wired.readings.temps_at + 3]
    assert all(
        abs(temp - wanted) <= 1 for temp, wanted in zip(temps, (250, -100, 485), strict=True)
    )
    assert abs(values[wired.readings.current_at] + 12345) <= UNIT
    assert abs(values[wired.readings.stack_at] - wired.bench.stack_mv) <= UNIT
    assert wired.readings.front_end_fault == 0


def test_switches_do_as_told_and_the_direct_line_needs_no_bus(wired):
    wired.read()
    assert wired.bench.gates[:2] == (False, False)
    wired.front_end.set_switches(True, True)
    wired.read()
    assert wired.bench.gates[:2] == (True, True)
    assert wired.front_end.charge_is_on and wired.front_end.discharge_is_on
    wired.front_end.set_switches(False, True)
    wired.read(1)
    assert wired.bench.gates[:2] == (False, True)
    assert not wired.front_end.charge_is_on and wired.front_end.discharge_is_on
    wired.front_end.set_switches(True, True)
    wired.read()
    wired.front_end.all_off()
    assert wired.bench.gates[:2] == (False, False)


def test_balancing_reaches_the_chosen_cell(wired):
    wired.read()
    bleed = bytearray(wired.cells)
    bleed[2] = 1
    wired.front_end.balance(bleed)
    wired.clock.advance(1500000)
    assert wired.bench.bleed == 1 << 2
    wired.front_end.balance(bytearray(wired.cells))
    wired.clock.advance(1500000)
    assert wired.bench.bleed == 0


def test_passed_charge_is_read_to_the_milliampere_hour(wired):
    wired.read()
    wired.bench.current_ma = 36000.0
    before = array("i", [0] * 5)
    wired.front_end.read_charge(before)
    wired.clock.advance(100 * 1000000)
    after = array("i", [0] * 5)
    wired.front_end.read_charge(after)
    # 36 A for 100 s are 1000 mAh.
    assert abs(after[0] - before[0] - 1000) <= 10


def test_deep_sleep_opens_the_switches_and_wake_brings_measurements_back(wired):
    wired.read()
    wired.front_end.set_switches(True, True)
    wired.read()
    wired.front_end.deep_sleep()
    wired.clock.advance(300000)
    assert wired.bench.gates[:2] == (False, False)
    assert wired.front_end.control_status() & DEEP_ASLEEP
    wired.front_end.wake()
    wired.clock.advance(1000000)
    assert not wired.front_end.control_status() & DEEP_ASLEEP
    wired.readings.take_refreshed()
    wired.read()
    assert wired.readings.take_refreshed()


def test_shutdown_opens_everything_and_asks_for_a_new_bring_up(wired):
    wired.read()
    wired.front_end.set_switches(True, True)
    wired.read()
    wired.front_end.shutdown()
    assert wired.bench.gates[:2] == (False, False)
    assert not wired.front_end.configured


def test_the_configuration_is_found_unchanged_later(wired):
    wired.read()
    slices = list(wired.front_end.verify())
    assert slices
    assert wired.front_end.configured
