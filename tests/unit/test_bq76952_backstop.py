"""Backstop requests as the BQ76952 can hold them: always wider than asked, never narrower."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil import backstop_check, limits
from vigil.afe.bq76952_backstop import Backstop
from vigil.afe.bq76952_config import settings
from vigil.afe.bq76952_options import Options
from vigil.afe.errors import UNSUPPORTED, AfeError

OVER, UNDER = limits.BACKSTOP_CELL_OVER_VOLTAGE, limits.BACKSTOP_CELL_UNDER_VOLTAGE
CHARGE, DISCHARGE = limits.BACKSTOP_CHARGE_CURRENT, limits.BACKSTOP_DISCHARGE_CURRENT
SHORT = limits.BACKSTOP_SHORT_CIRCUIT
BOARD = limits.BACKSTOP_BOARD_OVER_TEMPERATURE

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


@given(st.integers(-100, 1600), delays_ms, st.integers(10, 300), st.booleans())
def test_board_temperature_is_at_least_one_kelvin_above(trip_dc, delay_ms, below_dc, at_switches):
    guard = Backstop(((BOARD, trip_dc, delay_ms, trip_dc - below_dc),), 500, True, at_switches)
    guarded = guard.enabled_b & 0xC0
    if not guard.applied:
        assert not guarded
        assert guard.shutdown_c == 85
        return
    [(code, applied_dc, applied_ms)] = guard.applied
    assert code == BOARD
    assert trip_dc + 10 <= applied_dc <= trip_dc + 50
    assert applied_ms >= delay_ms * 1.25 + 250 or applied_ms == 255000
    assert (guarded & 0x80 != 0) == at_switches
    # The die's limit and what shuts the chip down are signed bytes up to 120 degC.
    assert (guarded & 0x40 != 0) == (applied_dc <= 1200)
    for threshold_c, delay_s, recovery_c in (guard.otf, guard.otint):
        if (threshold_c, delay_s) == (applied_dc // 10, applied_ms // 1000):
            assert 0 <= recovery_c < threshold_c
            assert recovery_c * 10 >= trip_dc - below_dc or recovery_c == threshold_c - 1
    if guarded & 0x40:
        assert guard.shutdown_c == applied_dc // 10 + 10


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


def test_beside_a_quick_limit_a_slow_one_is_not_cut_short():
    fast, slow = (DISCHARGE, -150000, 100, 0), (DISCHARGE, -100000, 5000, 0)
    guard = backstop(fast, slow)
    assert guard.enabled_a == 0x20 and guard.enabled_c == 0x80
    quick, patient = guard.applied
    assert quick[1] <= -150000 and patient[1] <= -100000 and patient[2] >= 5000


def test_two_quick_discharge_limits_share_the_two_comparators_and_a_third_has_none():
    quick, quicker = (DISCHARGE, -100000, 100, 0), (DISCHARGE, -150000, 50, 0)
    guard = backstop(quicker, quick)
    assert guard.enabled_a == 0x60
    assert guard.ocd1[0] > guard.ocd2[0]
    with pytest.raises(AfeError):
        backstop(quicker, quick, quicker)


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


def image_at(image, address):
    for start, data in image:
        if start <= address < start + len(data):
            return data[address - start]


def image_of(*requests, **options):
    return settings(backstop(*requests), Options(**options), 0x12)


def test_the_host_watchdog_is_armed_unless_told_otherwise():
    without, usual, wanted = image_of(watchdog_s=0), image_of(), image_of(watchdog_s=300)
    assert image_at(without, 0x9263) == 0
    assert image_at(usual, 0x9263) == 0x02
    assert [image_at(usual, 0x92B2 + n) for n in range(2)] == [5, 0]
    assert [image_at(wanted, 0x92B2 + n) for n in range(2)] == [300 & 0xFF, 300 >> 8]


def test_the_host_watchdog_opens_both_switches():
    image = image_of()
    assert image_at(image, 0x9267) & 0x02 and image_at(image, 0x926B) & 0x02


# Temperatures. Code: enabled bit, address of threshold, delay, recovery.

TEMPERATURES = {
    limits.BACKSTOP_CHARGE_OVER_TEMPERATURE: (0x10, 0x929A),
    limits.BACKSTOP_DISCHARGE_OVER_TEMPERATURE: (0x20, 0x929D),
    limits.BACKSTOP_CHARGE_UNDER_TEMPERATURE: (0x01, 0x92A6),
    limits.BACKSTOP_DISCHARGE_UNDER_TEMPERATURE: (0x02, 0x92A9),
}
OVER_TEMPERATURES = (
    limits.BACKSTOP_CHARGE_OVER_TEMPERATURE,
    limits.BACKSTOP_DISCHARGE_OVER_TEMPERATURE,
)


def signed(byte):
    return byte - 256 if byte > 127 else byte


@given(
    st.sampled_from(sorted(TEMPERATURES)),
    st.integers(-380, 1150),
    st.integers(0, 400000),
    st.integers(10, 300),
)
def test_temperatures_are_guarded_one_to_five_kelvin_further_out(code, trip_dc, delay_ms, back_dc):
    over = code in OVER_TEMPERATURES
    outward = 1 if over else -1
    request = (code, trip_dc, delay_ms, trip_dc - outward * back_dc)
    image = image_of(request)
    bit, address = TEMPERATURES[code]
    threshold_c, recovery_c = (
        signed(image_at(image, address)),
        signed(image_at(image, address + 2)),
    )
    delay_s = image_at(image, address + 1)
    recovery_wanted_c = (trip_dc - outward * back_dc) / 10
    if not applied(request):
        assert image_at(image, 0x9262) == 0
        assert trip_dc < -350 or trip_dc > 1100 or not -39 < recovery_wanted_c < 119
        return
    assert image_at(image, 0x9262) == bit
    assert applied(request) == [(code, threshold_c * 10, delay_s * 1000)]
    assert 10 <= outward * (threshold_c * 10 - trip_dc) <= 50
    if wait_is_long_enough(delay_s * 1000, delay_ms):
        assert outward * (threshold_c * 10 - trip_dc) < 20
    else:
        assert delay_s == 255
    # The chip lets go before the software does, and never while it still trips.
    assert outward * (threshold_c - recovery_c) >= 1
    assert outward * (recovery_c - recovery_wanted_c) > 0


def test_four_temperatures_are_guarded_at_once_and_each_only_once():
    requests = [(code, 200, 2000, 190) for code in sorted(TEMPERATURES)]
    requests[1] = (limits.BACKSTOP_CHARGE_UNDER_TEMPERATURE, 10, 2000, 50)
    image = image_of(*requests)
    assert image_at(image, 0x9262) == 0x33
    with pytest.raises(AfeError):
        backstop(*requests, requests[0])


def test_charge_temperatures_open_charging_and_discharge_temperatures_open_both():
    image = image_of()
    charge, discharge = image_at(image, 0x9266), image_at(image, 0x926A)
    for bit in (0x10, 0x01):
        assert charge & bit and not discharge & bit
    for bit in (0x20, 0x02):
        assert charge & bit and discharge & bit


@pytest.mark.parametrize("code, trip_dc", [(6, 1195), (8, 1300), (7, -395), (9, -500)])
def test_a_temperature_beyond_the_chips_range_is_left_to_the_software(code, trip_dc):
    guard = backstop((code, trip_dc, 2000, 200))
    assert (guard.enabled_b, guard.applied) == (0, [])


def test_temperatures_are_not_guarded_without_thermistors():
    guard = Backstop([(6, 450, 2000, 400)], 500, False)
    assert (guard.enabled_b, guard.applied) == (0, [])


def test_what_was_applied_passes_the_validator_and_what_is_tighter_does_not():
    requests = [(6, 450, 2000, 400), (7, 10, 2000, 50), (8, 600, 2000, 550), (9, -200, 2000, -150)]
    guard = backstop(*requests)
    assert backstop_check.backstop_problems(requests, guard.applied) == []
    for at, outward in enumerate((1, -1, 1, -1)):
        tight = list(guard.applied)
        tight[at] = (tight[at][0], requests[at][1] - outward, 3000)
        assert [found[0] for found in backstop_check.backstop_problems(requests, tight)] == [
            requests[at][0]
        ]


# Latches and open wires.


def test_second_levels_are_off_unless_asked_for():
    off, on = image_of(), image_of(latch_after=3)
    assert image_at(off, 0x9263) & 0x70 == 0 and image_at(on, 0x9263) & 0x70 == 0x70
    for limit in (0x927D, 0x928F, 0x9295):
        assert image_at(off, limit) == 0 and image_at(on, limit) == 3


@pytest.mark.parametrize("period_s", [1, 5, 255])
def test_checking_for_open_wires_keeps_both_voltage_comparators_on(period_s):
    guard = backstop()
    guard.watch_open_wires()
    assert guard.enabled_a == 0x0C and guard.applied == []
    assert (guard.cuv[0], guard.cov[0]) == (20, 110)
    assert image_at(image_of(open_wire_s=period_s), 0x9314) == period_s
    asked = backstop((OVER, 3650, 1000, 3450), (UNDER, 2500, 2000, 2950))
    thresholds = asked.cuv, asked.cov
    asked.watch_open_wires()
    assert (asked.cuv, asked.cov) == thresholds
