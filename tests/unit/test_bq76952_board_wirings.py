"""The BQ76952 driver on boards with thermistors on pins of their choice, or no direct line."""

import machine
import pytest
from bq76952_rig import ObedientBench
from bq76952_stand_in import REQUESTS

from host_tools.mock import fake_time
from host_tools.mock.bq76952 import Bq76952Model
from host_tools.mock.clock import VirtualClock
from vigil.afe.bq76952 import Bq76952
from vigil.afe.bq76952_options import Options
from vigil.afe.errors import AfeError
from vigil.sample import Sample

PIN_CONFIGURATION = 0x92FA  # CFETOFF, DFETOFF, ALERT, TS1, TS2, TS3, HDQ, DCHG, DDSG


class WithoutLine:
    """A chip whose DFETOFF pin nobody drives."""

    def __init__(self, **options):
        self.clock = VirtualClock()
        machine.forget()
        fake_time.use(self.clock)
        machine.use(self.clock)
        self.bench = ObedientBench(16)
        self.chip = Bq76952Model(self.clock, self.bench)
        machine.attach_i2c(0, 8, self.chip)
        i2c = machine.I2C(0, scl=machine.Pin(1), sda=machine.Pin(2), freq=400000)
        self.clock.advance(300000)
        self.front_end = Bq76952(i2c, None, cc_gain_uohm=7568.4, **options)
        front_end = self.front_end
        self.readings = Sample(
            16, front_end.temp_count, (63, 189, 63, 189, 189), 50, front_end.board_temp_count
        )
        for _ in self.front_end.configure(REQUESTS):
            pass

    def read(self, cycles=40):
        for _ in range(cycles):
            self.clock.advance(50000)
            self.front_end.read(self.readings, self.clock.now_us // 1000)

    def close(self):
        self.front_end.set_switches(True, True)
        self.read()
        assert self.switches() == (True, True)

    def switches(self):
        return tuple(map(bool, self.bench.gates[:2]))


@pytest.fixture
def two_thermistors():
    return WithoutLine(temps=2, temp_pins=(1, 3), switch_temps=1, switch_temp_pins=(2,))


def test_thermistors_are_read_where_they_are_wired(two_thermistors):
    wired = two_thermistors
    wired.bench.temps_c[:] = [20.0, 35.0, 50.0]
    wired.bench.switch_c = 60.0
    wired.read()
    readings = wired.readings
    temps = list(readings.values[readings.temps_at : readings.temps_at + 2])
    assert all(abs(temp - wanted) <= 1 for temp, wanted in zip(temps, (200, 500), strict=True))
    assert abs(readings.values[readings.board_at + 1] - 600) <= 1
    assert wired.front_end.board_temp_count == 2


def test_pins_without_a_thermistor_are_left_alone(two_thermistors):
    pins = two_thermistors.chip.settings.pins
    assert list(pins[3:9]) == [0x07, 0, 0x07, 0, 0x0F, 0]


@pytest.mark.parametrize(
    "options",
    (
        {"temps": 2, "temp_pins": (1,)},
        {"temps": 2, "temp_pins": (3, 1)},
        {"temps": 2, "temp_pins": (1, 1)},
        {"temps": 1, "temp_pins": (4,)},
        {"temps": 1, "temp_pins": (0,)},
        {"switch_temps": 1, "switch_temp_pins": (1, 2)},
    ),
)
def test_pins_that_cannot_be_are_refused(options):
    with pytest.raises(AfeError):
        Options(**options)


def test_without_a_line_a_floating_pin_opens_nothing():
    wired = WithoutLine()
    assert wired.chip.settings.pins[1] == 0
    wired.close()


@pytest.mark.parametrize("command", ("set_switches", "all_off"))
def test_without_a_line_both_open_over_the_bus(command):
    wired = WithoutLine()
    wired.close()
    if command == "all_off":
        wired.front_end.all_off()
    else:
        wired.front_end.set_switches(False, False)
    wired.clock.advance(10000)
    assert wired.switches() == (False, False)


def test_without_a_line_a_dead_bus_fails_nobody_and_the_chip_opens_by_itself():
    wired = WithoutLine(watchdog_s=3)
    wired.close()
    wired.chip.answering = False
    wired.front_end.all_off()
    wired.clock.advance(2900000)
    assert wired.switches() == (True, True)
    wired.clock.advance(1200000)
    assert wired.switches() == (False, False)
