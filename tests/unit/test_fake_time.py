"""The board's time functions on the virtual clock, near and across the wrap."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock

PERIOD = 1 << 30
HALF = 1 << 29


@pytest.fixture
def clock():
    clock = VirtualClock()
    fake_time.use(clock)
    return clock


def test_ticks_follow_the_virtual_clock(clock):
    clock.advance(1_234_567)
    assert time.ticks_us() == 1_234_567
    assert time.ticks_ms() == 1_234


def test_sleeping_moves_the_virtual_clock_and_takes_no_real_time(clock):
    fake_time.sleep_us(7)
    fake_time.sleep_ms(2)
    fake_time.sleep(3600)
    assert clock.now_us == 3_600_002_007


def test_a_negative_sleep_is_over_at_once(clock):
    time.sleep_ms(-5)
    time.sleep_us(-5)
    assert clock.now_us == 0
    with pytest.raises(ValueError):
        fake_time.sleep(-1)


def test_the_computers_own_time_functions_are_left_alone(clock):
    assert time.sleep is not fake_time.sleep
    before = time.monotonic()
    clock.advance(10_000_000_000)
    assert time.monotonic() - before < 1000


def test_microseconds_wrap_at_two_to_the_thirty():
    clock = VirtualClock()
    fake_time.use(clock, start_us=PERIOD - 3)
    start = time.ticks_us()
    clock.advance(10)
    assert start == PERIOD - 3
    assert time.ticks_us() == 7
    assert time.ticks_diff(time.ticks_us(), start) == 10


def test_milliseconds_wrap_a_thousand_times_later_and_not_with_the_microseconds():
    clock = VirtualClock()
    fake_time.use(clock, start_us=PERIOD * 1000 - 2000)
    start = time.ticks_ms()
    clock.advance(5000)
    assert start == PERIOD - 2
    assert time.ticks_ms() == 3
    assert time.ticks_diff(time.ticks_ms(), start) == 5


@given(start=st.integers(0, PERIOD - 1), delta=st.integers(-HALF + 1, HALF - 1))
def test_difference_undoes_addition_wherever_the_wrap_lies(start, delta):
    later = fake_time.ticks_add(start, delta)
    assert 0 <= later < PERIOD
    assert fake_time.ticks_diff(later, start) == delta


@pytest.mark.parametrize("delta", [HALF, -HALF, PERIOD])
def test_an_interval_of_half_the_period_cannot_be_told_and_is_refused(delta):
    with pytest.raises(OverflowError):
        fake_time.ticks_add(0, delta)
