"""Currents near the end of the chip's scale: driver on the chip's model, from 0.1 to 1 mOhm."""

import machine
import pytest
from bq76952_rig import ObedientBench
from bq76952_stand_in import Readings
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.mock import fake_time
from host_tools.mock.bq76952 import Bq76952Model
from host_tools.mock.clock import VirtualClock
from vigil import limits
from vigil.afe.bq76952 import Bq76952

SHUNTS_UOHM = (100, 200, 500, 1000)


class Measuring:
    """A chip on a shunt, set up for a limit of discharge current."""

    def __init__(self, shunt_uohm, limit_ma):
        self.clock = VirtualClock()
        machine.forget()
        fake_time.use(self.clock)
        machine.use(self.clock)
        self.bench = ObedientBench(16)
        self.chip = Bq76952Model(self.clock, self.bench, shunt_uohm=shunt_uohm)
        machine.attach_i2c(0, 8, self.chip)
        i2c = machine.I2C(0, scl=machine.Pin(1), sda=machine.Pin(2), freq=400000)
        both_off = machine.Pin(3, machine.Pin.OUT, value=0)
        self.front_end = Bq76952(i2c, both_off, shunt_uohm=shunt_uohm, cc_gain_uohm=7568.4)
        self.requests = [(limits.BACKSTOP_DISCHARGE_CURRENT, -limit_ma, 40, 0)]
        self.readings = Readings(16, 3)
        self.clock.advance(300000)
        for _ in self.front_end.configure(self.requests):
            pass

    def shown_ma(self, ma):
        self.bench.current_ma = float(ma)
        self.bench.react()
        for _ in range(4):
            self.clock.advance(50000)
            self.front_end.read(self.readings, self.clock.now_us // 1000)
        return self.readings.values[self.readings.current_at]


@settings(max_examples=40)
@given(st.sampled_from(SHUNTS_UOHM), st.data())
def test_beyond_the_largest_limit_every_current_shows_beyond_it(shunt_uohm, data):
    # What the chip's own comparators can still back.
    limit_ma = data.draw(st.integers(1000, 190_000_000 // shunt_uohm))
    desk = Measuring(shunt_uohm, limit_ma)
    highest_ma = desk.front_end.highest_ma(desk.requests)
    assert limit_ma <= highest_ma <= 200_000_000 // shunt_uohm
    step_ma = 10 if limit_ma <= 320_000 else 100
    inside_ma = data.draw(st.integers(-highest_ma, highest_ma))
    assert abs(desk.shown_ma(inside_ma) - inside_ma) <= step_ma // 2
    for sign in (-1, 1):
        beyond_ma = data.draw(st.integers(highest_ma, 20_000_000))
        assert desk.shown_ma(sign * beyond_ma) * sign >= highest_ma - step_ma // 2


@pytest.mark.parametrize(("limit_ma", "step_ma"), [(200_000, 10), (360_000, 100)])
def test_the_step_is_the_finer_one_while_that_reaches_the_limit(limit_ma, step_ma):
    shown_ma = Measuring(500, limit_ma).shown_ma(-12_340)
    assert shown_ma == round(-12_340 / step_ma) * step_ma


def test_slow_over_current_and_passed_charge_are_counted_in_the_step_that_is_set():
    desk = Measuring(200, 900_000)
    requests = [(limits.BACKSTOP_DISCHARGE_CURRENT, -600_000, 10_000, 0)]
    for _ in desk.front_end.configure([*requests, *desk.requests]):
        pass
    slow = (limits.BACKSTOP_DISCHARGE_CURRENT, -630_000, 13_000)
    assert slow in desk.front_end.applied
    assert desk.chip.settings.ocd3_ma == -630_000
    desk.bench.current_ma = 36_000.0
    desk.bench.react()
    charge = [0, 0, 0]
    desk.front_end.read_charge(charge)
    before_mah = charge[0]
    desk.clock.advance(100_000_000)
    desk.front_end.read_charge(charge)
    assert abs(charge[0] - before_mah - 1000) <= 10
