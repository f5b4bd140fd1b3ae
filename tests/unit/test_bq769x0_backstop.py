"""Backstop requests as a BQ769x0 can hold them: never tighter than asked, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil import backstop_check, limits
from vigil.afe.bq769x0_backstop import Backstop
from vigil.afe.errors import UNSUPPORTED, AfeError

OVER, UNDER = limits.BACKSTOP_CELL_OVER_VOLTAGE, limits.BACKSTOP_CELL_UNDER_VOLTAGE
CHARGE, DISCHARGE = limits.BACKSTOP_CHARGE_CURRENT, limits.BACKSTOP_DISCHARGE_CURRENT
SHORT = limits.BACKSTOP_SHORT_CIRCUIT

gains_uv = st.integers(365, 396)
offsets_mv = st.integers(-128, 127)
delays_ms = st.integers(0, 20000)
shunts_uohm = st.sampled_from([100, 200, 333, 500, 750, 1000, 2000])

# The data sheet's tables, typed once more: shortest delays in ms and us, thresholds in mV.
OVER_SHORTEST_MS = [700, 1600, 3500, 7000]
UNDER_SHORTEST_MS = [700, 3500, 7000, 14000]
CURRENT_MS = [8, 20, 40, 80, 160, 320, 640, 1280]
SHORT_SHORTEST_US = [35, 50, 140, 280]
CURRENT_MV = [
    [8, 11, 14, 17, 19, 22, 25, 28, 31, 33, 36, 39, 42, 44, 47, 50],
    [17, 22, 28, 33, 39, 44, 50, 56, 61, 67, 72, 78, 83, 89, 94, 100],
]
SHORT_MV = [[22, 33, 44, 56, 67, 78, 89, 100], [44, 67, 89, 111, 133, 155, 178, 200]]


def backstop(*requests, gain_uv=382, offset_mv=0, shunt_uohm=1000):
    return Backstop(requests, gain_uv, offset_mv, shunt_uohm)


def refused(*requests, **chip):
    with pytest.raises(AfeError) as error:
        backstop(*requests, **chip)
    return error.value.code == UNSUPPORTED


def level_mv(value, gain_uv, offset_mv):
    return value * gain_uv / 1000 + offset_mv


def over_value(register):
    return 0b10 << 12 | register << 4 | 0b1000


def under_value(register):
    return 0b01 << 12 | register << 4


@given(st.integers(1500, 5000), delays_ms, gains_uv, offsets_mv)
def test_over_voltage_lies_above_the_request_or_is_refused(trip_mv, delay_ms, gain_uv, offset_mv):
    highest_mv = level_mv(over_value(0xFF), gain_uv, offset_mv)
    request = (OVER, trip_mv, delay_ms, trip_mv - 100)
    try:
        guard = backstop(request, gain_uv=gain_uv, offset_mv=offset_mv)
    except AfeError as error:
        assert error.code == UNSUPPORTED and trip_mv + 100 > highest_mv
        return
    registers = guard.registers(0x05)
    real_mv = level_mv(over_value(registers[3]), gain_uv, offset_mv)
    shortest_ms = OVER_SHORTEST_MS[registers[2] >> 4 & 3]
    assert real_mv >= trip_mv + 10
    assert shortest_ms >= delay_ms + 500 or real_mv >= trip_mv + 100
    # As near as the steps allow, or at the lower end of the chip's window.
    assert real_mv <= trip_mv + 107 or registers[3] == 0
    [(code, applied_mv, applied_ms)] = guard.applied
    assert code == OVER and abs(applied_mv - real_mv) <= 0.5 and applied_ms >= shortest_ms
    assert not backstop_check.backstop_problems([request], guard.applied)


@given(st.integers(1200, 4000), delays_ms, gains_uv, offsets_mv)
def test_under_voltage_lies_below_the_request_or_is_refused(trip_mv, delay_ms, gain_uv, offset_mv):
    lowest_mv = level_mv(under_value(0), gain_uv, offset_mv)
    request = (UNDER, trip_mv, delay_ms, trip_mv + 200)
    try:
        guard = backstop(request, gain_uv=gain_uv, offset_mv=offset_mv)
    except AfeError as error:
        assert error.code == UNSUPPORTED and trip_mv - 100 < lowest_mv
        return
    registers = guard.registers(0x05)
    real_mv = level_mv(under_value(registers[4]), gain_uv, offset_mv)
    shortest_ms = UNDER_SHORTEST_MS[registers[2] >> 6]
    assert real_mv <= trip_mv - 10
    assert shortest_ms >= delay_ms + 500 or real_mv <= trip_mv - 100
    assert real_mv >= trip_mv - 107 or registers[4] == 0xFF
    assert not backstop_check.backstop_problems([request], guard.applied)


@given(
    st.integers(1000, 300000),
    delays_ms,
    st.integers(1000, 900000),
    st.integers(0, 500),
    shunts_uohm,
)
def test_both_currents_hold_at_their_worst_or_are_refused(
    current_ma, delay_ms, short_ma, delay_us, shunt_uohm
):
    requests = ((DISCHARGE, -current_ma, delay_ms, 0), (SHORT, -short_ma, delay_us, 0))
    try:
        guard = backstop(*requests, shunt_uohm=shunt_uohm)
    except AfeError as error:
        assert error.code == UNSUPPORTED
        # With RSNS even the worst of both highest thresholds would be tighter, or nearly.
        assert current_ma * shunt_uohm * 1.25 > 87.5e6 or short_ma * shunt_uohm * 1.25 > 177.5e6
        return
    protect1, protect2 = guard.registers(0)[:2]
    assert protect1 & 0x60 == 0 and protect2 & 0x80 == 0
    rsns = protect1 >> 7
    current_mv = CURRENT_MV[rsns][protect2 & 0x0F]
    short_mv = SHORT_MV[rsns][protect1 & 0x07]
    # The comparators may be 10 % and 2.5 mV early.
    assert current_mv * 0.9 - 2.5 >= current_ma * shunt_uohm * 1e-6
    assert short_mv * 0.9 - 2.5 >= short_ma * shunt_uohm * 1e-6
    shortest_ms = CURRENT_MS[protect2 >> 4 & 7] * 0.8
    shortest_us = SHORT_SHORTEST_US[protect1 >> 3 & 3]
    assert shortest_ms >= delay_ms or current_mv >= current_ma * shunt_uohm * 1.25e-6
    assert shortest_us >= delay_us or short_mv >= short_ma * shunt_uohm * 1.25e-6
    # 400 us would need other resistors at the cell inputs.
    assert shortest_us <= 140
    assert not backstop_check.backstop_problems(requests, guard.applied)


@pytest.mark.parametrize(
    "over_mv, gain_uv, offset_mv, register, real_mv",
    [
        (4289, 382, 0, 0xBF, 4300),
        (4189, 377, 30, 0xB3, 4201),
        (3641, 377, 30, 0x58, 3652),
        (4187, 377, -10, 0xB9, 4197),
    ],
)
def test_over_voltage_registers_of_the_sheets_examples(
    over_mv, gain_uv, offset_mv, register, real_mv
):
    guard = backstop((OVER, over_mv, 0, over_mv - 50), gain_uv=gain_uv, offset_mv=offset_mv)
    assert guard.registers(0)[3] == register
    assert guard.applied == [(OVER, real_mv, 2000)]


@pytest.mark.parametrize(
    "under_mv, gain_uv, offset_mv, register, real_mv",
    [
        (2510, 382, 0, 0x99, 2500),
        (2809, 377, 30, 0xCB, 2799),
        (2815, 377, 30, 0xCC, 2805),
        (2510, 377, -10, 0xA0, 2499),
    ],
)
def test_under_voltage_registers_of_the_sheets_examples(
    under_mv, gain_uv, offset_mv, register, real_mv
):
    guard = backstop((UNDER, under_mv, 0, under_mv + 50), gain_uv=gain_uv, offset_mv=offset_mv)
    assert guard.registers(0)[4] == register
    assert guard.applied == [(UNDER, real_mv, 4000)]


def test_what_the_eight_bits_would_fold_back_is_refused_or_kept_at_the_ends():
    assert refused((OVER, 4700, 0, 4600))
    assert refused((UNDER, 1560, 0, 1700))
    # Wider than asked, as far as the window goes.
    assert backstop((OVER, 2850, 0, 2650)).applied == [(OVER, 3132, 2000)]
    assert backstop((UNDER, 3300, 0, 3400)).applied == [(UNDER, 3123, 4000)]


def test_a_shunt_too_large_for_the_current_is_refused():
    # 100 mV is the most; what the comparator would do at its worst has to lie beyond the request.
    assert refused((DISCHARGE, -84000, 0, 0))
    assert backstop((DISCHARGE, -83000, 0, 0)).applied == [(DISCHARGE, -100000, 1280)]
    assert refused((SHORT, -178000, 100, 0))


def test_one_range_serves_both_currents_the_finer_one_if_it_can():
    fine = backstop((DISCHARGE, -20000, 0, 0), (SHORT, -60000, 100, 0)).registers(0)
    coarse = backstop((DISCHARGE, -20000, 0, 0), (SHORT, -90000, 100, 0)).registers(0)
    assert fine[0] >> 7 == 0 and coarse[0] >> 7 == 1
    assert CURRENT_MV[0][fine[1] & 0x0F] == 28 and CURRENT_MV[1][coarse[1] & 0x0F] == 28


def test_of_two_levels_the_lower_one_is_backed():
    levels = ((DISCHARGE, -40000, 40, 0), (DISCHARGE, -24000, 10000, 0))
    assert backstop(*levels).applied == backstop(*reversed(levels)).applied
    assert backstop(*levels).applied == [(DISCHARGE, -31000, 1280)]


def test_charge_current_and_temperatures_are_not_claimed():
    requests = [(CHARGE, 12000, 2000, 0)]
    requests += [
        (code, 450, 2000, 400)
        for code in range(
            limits.BACKSTOP_CHARGE_OVER_TEMPERATURE,
            limits.BACKSTOP_DISCHARGE_UNDER_TEMPERATURE + 1,
        )
    ]
    assert backstop(*requests).applied == []


@pytest.mark.parametrize("request_", [(DISCHARGE, 5000, 1000, 0), (SHORT, 0, 100, 0)])
def test_a_limit_of_the_wrong_sign_is_refused(request_):
    assert refused(request_)


def test_without_requests_everything_is_as_wide_as_can_be():
    registers = backstop().registers(0x07)
    assert list(registers[3:]) == [0xFF, 0x00]
    # Delays at their longest; the lowest four bits stay TI's own.
    assert registers[2] == 0xF7
    assert registers[1] & 0x0F == 0x0F and registers[0] & 0x07 == 0x07
