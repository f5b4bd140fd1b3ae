"""Backstop requests as the BQ76952 can hold them: always wider than asked, never narrower."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil import limits
from vigil.afe.bq76952_config import Backstop, settings
from vigil.afe.errors import UNSUPPORTED, AfeError

OVER, UNDER = limits.BACKSTOP_CELL_OVER_VOLTAGE, limits.BACKSTOP_CELL_UNDER_VOLTAGE
CHARGE, DISCHARGE = limits.BACKSTOP_CHARGE_CURRENT, limits.BACKSTOP_DISCHARGE_CURRENT
SHORT = limits.BACKSTOP_SHORT_CIRCUIT

delays_ms = st.integers(0, 60000)
shunts_uohm = st.sampled_from([100, 200, 250, 333, 500, 1000, 2000])


def backstop(*requests, shunt_uohm=500):
    return Backstop(requests, shunt_uohm)


def applied(*requests, shunt_uohm=500):
    return backstop(*requests, shunt_uohm=shunt_uohm).applied


def wait_is_long_enough(applied_ms, delay_ms):
    return applied_ms >= delay_ms * 1.25 + 250


@given(st.integers(1500, 5400), delays_ms, st.integers(0, 300))
def test_over_voltage_is_at_least_ten_millivolts_above(trip_mv, delay_ms, below_mv):
    guard = backstop((OVER, trip_mv, delay_ms, trip_mv - below_mv))
    [(code, applied_mv, applied_ms)] = guard.applied
    assert code == OVER
    if wait_is_long_enough(applied_ms, delay_ms):
        assert trip_mv + 10 <= applied_mv <= trip_mv + 61 or applied_mv == 1012
    else:
        assert applied_mv >= trip_mv + 100 and applied_ms == 6761
    steps, delay = guard.cov
    assert 20 <= steps <= 110 and 1 <= delay <= 2047
    assert abs(steps * 50.6 - applied_mv) <= 0.5
    assert 0 <= (delay + 2) * 3.3 - applied_ms < 1
    recovery_mv = (steps - guard.cov_hysteresis) * 50.6
    assert recovery_mv >= trip_mv - below_mv - 1 or guard.cov_hysteresis == 2


@given(st.integers(1200, 4500), delays_ms, st.integers(0, 600))
def test_under_voltage_is_at_least_ten_millivolts_below(trip_mv, delay_ms, above_mv):
    guard = backstop((UNDER, trip_mv, delay_ms, trip_mv + above_mv))
    [(code, applied_mv, applied_ms)] = guard.applied
    assert code == UNDER
    if wait_is_long_enough(applied_ms, delay_ms):
        assert trip_mv - 61 <= applied_mv <= trip_mv - 10
    else:
        assert applied_mv <= trip_mv - 100 and applied_ms == 6761
    steps, _ = guard.cuv
    assert 20 <= steps <= 90
    recovery_mv = (steps + guard.cuv_hysteresis) * 50.6
    assert recovery_mv <= trip_mv + above_mv + 1 or guard.cuv_hysteresis == 2


@given(st.integers(1000, 200000), delays_ms, shunts_uohm)
def test_charge_current_waits_long_enough_or_is_a_quarter_above(trip_ma, delay_ms, shunt_uohm):
    try:
        guard = backstop((CHARGE, trip_ma, delay_ms, 0), shunt_uohm=shunt_uohm)
    except AfeError:
        assert trip_ma * 1.26 * shunt_uohm > 122e6
        return
    [(code, applied_ma, applied_ms)] = guard.applied
    assert code == CHARGE
    in_time = wait_is_long_enough(applied_ms, delay_ms)
    assert applied_ma >= trip_ma * (1.05 if in_time else 1.25)
    assert applied_ma <= trip_ma * 1.25 + 4e6 / shunt_uohm + 2
    steps, delay = guard.occ
    assert 2 <= steps <= 62 and 1 <= delay <= 127
    assert steps * 2e6 / shunt_uohm - 1 < applied_ma <= steps * 2e6 / shunt_uohm


@given(st.integers(1000, 300000), delays_ms, shunts_uohm)
def test_every_discharge_guard_is_wider_than_asked(trip_ma, delay_ms, shunt_uohm):
    try:
        guard = backstop((DISCHARGE, -trip_ma, delay_ms, 0), shunt_uohm=shunt_uohm)
    except AfeError:
        assert trip_ma * 1.26 * shunt_uohm > 198e6
        return
    assert guard.applied
    for code, applied_ma, applied_ms in guard.applied:
        assert code == DISCHARGE
        in_time = wait_is_long_enough(applied_ms, delay_ms)
        assert -applied_ma >= trip_ma * (1.05 if in_time else 1.25)


@given(st.integers(1000, 400000), st.integers(0, 1000), shunts_uohm)
def test_short_circuit_is_the_next_threshold_above(trip_ma, delay_us, shunt_uohm):
    try:
        guard = backstop((SHORT, -trip_ma, delay_us, 0), shunt_uohm=shunt_uohm)
    except AfeError:
        assert trip_ma * 1.26 * shunt_uohm > 499e6
        return
    [(code, applied_ma, applied_us)] = guard.applied
    assert code == SHORT and -applied_ma > trip_ma
    assert applied_us >= delay_us * 1.25 or (applied_us == 450 and -applied_ma > trip_ma * 1.25)
    index, delay = guard.scd
    assert 0 <= index <= 15 and 2 <= delay <= 31


def test_a_slow_discharge_limit_gets_both_a_quick_and_a_slow_guard():
    guard = backstop((DISCHARGE, -120000, 10000, 0))
    assert guard.applied == [(DISCHARGE, -126000, 13000), (DISCHARGE, -152000, 425)]
    assert guard.enabled_a == 0x20 and guard.enabled_c == 0x80
    assert guard.ocd3 == (-12600, 13)


def test_two_discharge_limits_share_the_two_comparators_and_a_third_has_none():
    fast, slow = (DISCHARGE, -150000, 100, 0), (DISCHARGE, -100000, 5000, 0)
    guard = backstop(fast, slow)
    assert guard.enabled_a == 0x60
    assert guard.ocd1[0] > guard.ocd2[0]
    with pytest.raises(AfeError):
        backstop(fast, slow, fast)


def test_what_is_not_asked_for_is_not_enabled():
    guard = backstop()
    assert (guard.enabled_a, guard.enabled_c, guard.applied) == (0, 0, [])


@pytest.mark.parametrize(
    "request_",
    [
        (OVER, 5560, 1000, 5400),
        (UNDER, 1020, 1000, 1100),
        (CHARGE, -5000, 1000, 0),
        (DISCHARGE, 5000, 1000, 0),
        (SHORT, 0, 100, 0),
        (99, 1, 1, 1),
    ],
)
def test_a_limit_that_cannot_be_backed_is_refused(request_):
    with pytest.raises(AfeError) as error:
        backstop(request_)
    assert error.value.code == UNSUPPORTED


def test_the_host_watchdog_is_off_unless_wanted():
    def at(image, address):
        for start, data in image:
            if start <= address < start + len(data):
                return data[address - start]

    without = settings(backstop(), 0xFFFF, 3, 500, 7476.8, 0)
    wanted = settings(backstop(), 0xFFFF, 3, 500, 7476.8, 5)
    assert at(without, 0x9263) == 0
    assert at(wanted, 0x9263) == 0x02 and at(wanted, 0x92B2) == 5
