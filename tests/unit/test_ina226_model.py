"""INA226 model: registers, scales, conversion times, its one limit and ALERT, reset."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.mock.clock import VirtualClock
from host_tools.mock.fake_pins import Pin, PinLine
from host_tools.mock.ina226 import Ina226Model
from tests.unit.bq76952_rig import SECOND, ObedientBench

CONFIG, SHUNT, BUS, POWER, CURRENT, CAL, MASK, LIMIT = range(8)
CYCLE = 2200


class Rig:
    def __init__(self, **options):
        self.clock = VirtualClock()
        self.bench = ObedientBench()
        self.bench.stack_mv = 24000.0
        self.line = PinLine()
        self.line.pull = Pin.PULL_UP
        self.chip = Ina226Model(self.clock, self.bench, alert_line=self.line, **options)
        self.wait(300)

    def wait(self, us):
        self.clock.advance(us)

    def read(self, register):
        self.chip.i2c_write(bytes([register]))
        return int.from_bytes(self.chip.i2c_read(2), "big")

    def signed(self, register):
        value = self.read(register)
        return value - 0x10000 if value & 0x8000 else value

    def write(self, register, value):
        assert self.chip.i2c_write(bytes([register, value >> 8, value & 0xFF])) == 3


def test_identity_and_values_after_power_up():
    rig = Rig()
    assert [rig.read(register) for register in (0xFE, 0xFF)] == [0x5449, 0x2260]
    assert [rig.read(register) for register in range(8)] == [0x4127, 0, 0, 0, 0, 0, 0, 0]


def test_without_calibration_only_voltages_are_measured():
    rig = Rig(shunt_uohm=2000)
    rig.bench.current_ma = 10000.0
    rig.wait(CYCLE)
    assert (rig.read(SHUNT), rig.read(BUS)) == (8000, 19200)
    assert rig.read(CURRENT) == rig.read(POWER) == 0


@given(st.integers(-32000, 32000))
@settings(max_examples=30, deadline=None)
def test_one_milliamp_at_two_milliohm(ma):
    """CAL 2560 of the sheet; the word of the shunt steps in 1.25 mA."""
    rig = Rig(shunt_uohm=2000)
    rig.write(CAL, 2560)
    rig.bench.current_ma = float(ma)
    rig.wait(CYCLE)
    assert rig.signed(CURRENT) == pytest.approx(ma, abs=2)
    assert rig.read(POWER) * 25 == pytest.approx(abs(ma) * 24, abs=100)


def test_the_shunt_word_clips():
    rig = Rig(shunt_uohm=2000)
    for ma, word in ((45000.0, 32767), (-45000.0, -32768)):
        rig.bench.current_ma = ma
        rig.wait(CYCLE)
        assert rig.signed(SHUNT) == word


@pytest.mark.parametrize(
    "config, us",
    [(0x4127, 2200), (0x4005, 140), (0x4006, 140), (0x4FFF, 2 * 8244 * 1024), (0x4205, 560)],
)
def test_cycles_take_their_time_and_reading_the_flag_clears_it(config, us):
    rig = Rig()
    rig.chip.least_event_us = 1 if us < 10000 else 500_000
    rig.write(CONFIG, config)
    rig.wait(us - 1)
    assert not rig.read(MASK) & 8
    rig.wait(1)
    assert rig.read(MASK) & 8
    assert not rig.read(MASK) & 8


def test_one_shot_and_power_down():
    rig = Rig()
    rig.bench.current_ma = 5000.0
    rig.write(CONFIG, 0x4121)
    rig.wait(1100)
    assert rig.read(SHUNT) == 1000
    rig.bench.current_ma = 0.0
    rig.wait(SECOND)
    assert rig.read(SHUNT) == 1000
    rig.write(CONFIG, 0x4120)
    rig.wait(SECOND)
    assert rig.read(SHUNT) == 1000


@pytest.mark.parametrize(
    "function, limit, setting, quiet, loud",
    [
        (0x8000, 8000, "current_ma", 9900.0, 10100.0),
        (0x4000, -8000 & 0xFFFF, "current_ma", -9900.0, -10100.0),
        (0x2000, 19200, "stack_mv", 23900.0, 24100.0),
        (0x1000, 19200, "stack_mv", 24100.0, 23900.0),
        (0x0800, 9600, "current_ma", 9900.0, 10100.0),
        # The highest bit wins.
        (0xF800, 8000, "current_ma", 9900.0, 10100.0),
    ],
)
def test_the_one_limit_follows_the_function_that_was_chosen(function, limit, setting, quiet, loud):
    rig = Rig(shunt_uohm=2000)
    rig.write(CAL, 2560)
    rig.write(MASK, function)
    rig.write(LIMIT, limit)
    for value, alarmed in ((quiet, False), (loud, True), (quiet, False)):
        setattr(rig.bench, setting, value)
        rig.wait(CYCLE)
        assert rig.line.level == (0 if alarmed else 1)
        assert bool(rig.read(MASK) & 0x10) == alarmed


def test_a_latched_alert_holds_until_it_is_read():
    rig = Rig(shunt_uohm=2000)
    rig.write(LIMIT, 8000)
    rig.write(MASK, 0x8001)
    rig.bench.current_ma = 11000.0
    rig.wait(CYCLE)
    rig.bench.current_ma = 0.0
    rig.wait(CYCLE)
    assert rig.line.level == 0
    assert rig.read(MASK) & 0x10
    assert rig.line.level == 1


def test_the_pin_may_be_turned_round_and_tell_of_conversions():
    rig = Rig()
    rig.write(MASK, 0x0402)
    assert rig.line.level == 0
    rig.wait(CYCLE)
    assert rig.line.level == 1


def test_too_much_for_the_current_word_sets_overflow():
    rig = Rig(shunt_uohm=2000)
    rig.write(CAL, 0x7FFF)
    rig.bench.current_ma = 10000.0
    rig.wait(CYCLE)
    assert rig.read(MASK) & 4


def test_a_reset_loses_the_calibration():
    rig = Rig()
    rig.write(CAL, 2560)
    rig.write(CONFIG, 0x8000)
    assert rig.read(CAL) == 0
    assert rig.read(CONFIG) == 0x4127
