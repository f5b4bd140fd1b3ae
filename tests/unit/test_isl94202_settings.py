"""Backstop requests as an ISL94202 can hold them: never tighter than asked, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.isl94202_stand_in import REQUESTS, Desk
from vigil import backstop_check, chemistry, limits, presets
from vigil.afe.errors import UNSUPPORTED, AfeError
from vigil.afe.isl94202_settings import Options, Settings

OVER, UNDER = limits.BACKSTOP_CELL_OVER_VOLTAGE, limits.BACKSTOP_CELL_UNDER_VOLTAGE
CHARGE, DISCHARGE = limits.BACKSTOP_CHARGE_CURRENT, limits.BACKSTOP_DISCHARGE_CURRENT
SHORT = limits.BACKSTOP_SHORT_CIRCUIT

# The sheet's tables, typed once more.
UNITS_MS = [0.001, 1, 1000, 60000]
MILLIVOLTS = {
    0x16: [4, 8, 16, 24, 32, 48, 64, 96],
    0x18: [1, 2, 4, 6, 8, 12, 16, 24],
    0x1A: [16, 24, 32, 48, 64, 96, 128, 256],
}
delays_ms = st.integers(0, 200000)
shunts_uohm = st.sampled_from([200, 333, 500, 750, 1000, 2000])


def settings(*requests, **options):
    return Settings(requests, Options(**options))


def word(guard, register):
    return guard.words[register][1]


def delay_ms(field):
    return (field & 0x3FF) * UNITS_MS[field >> 10 & 3]


@given(st.integers(500, 4600), delays_ms)
def test_over_voltage_lies_above_the_request_in_level_and_time(trip_mv, wait_ms):
    guard = settings((OVER, trip_mv, wait_ms, trip_mv - 200))
    level_mv = word(guard, 0x00) * 4800 / 4095
    assert trip_mv + 5 < level_mv < trip_mv + 20
    assert word(guard, 0x02) < word(guard, 0x00) < word(guard, 0x08) < 0xFFF
    assert delay_ms(word(guard, 0x10)) >= wait_ms
    assert abs(guard.applied[0][1] - level_mv) <= 1
    assert guard.applied[0][2] == int(delay_ms(word(guard, 0x10)))


@given(st.integers(500, 4500), delays_ms)
def test_under_voltage_lies_below_the_request_in_level_and_time(trip_mv, wait_ms):
    guard = settings((UNDER, trip_mv, wait_ms, trip_mv + 200))
    level_mv = word(guard, 0x04) * 4800 / 4095
    assert trip_mv - 20 < level_mv < trip_mv - 5
    assert word(guard, 0x06) > word(guard, 0x04) > word(guard, 0x0A) > 0
    assert delay_ms(word(guard, 0x12)) >= wait_ms


@given(st.integers(100, 400000), delays_ms, shunts_uohm)
def test_currents_lie_beyond_the_request_even_at_their_worst_or_are_refused(
    trip_ma, wait_ms, shunt_uohm
):
    for kind, register, sign in ((CHARGE, 0x18, 1), (DISCHARGE, 0x16, -1)):
        highest_ma = max(MILLIVOLTS[register]) * 1000000 / shunt_uohm
        try:
            guard = settings((kind, sign * trip_ma, wait_ms, 0), shunt_uohm=shunt_uohm)
        except AfeError as error:
            assert error.code == UNSUPPORTED and highest_ma * 0.9 < trip_ma * 1.05 + 1
            continue
        stored = word(guard, register)
        level_ma = MILLIVOLTS[register][stored >> 12 & 7] * 1000000 / shunt_uohm
        assert level_ma * 0.9 >= trip_ma
        assert delay_ms(stored) >= wait_ms
        assert guard.applied == [(kind, sign * int(level_ma), int(delay_ms(stored)))]
        # And every limit can be seen.
        assert 10 * guard.highest_ma >= 11 * trip_ma


def test_of_several_levels_the_lower_one_is_backed():
    guard = settings(*REQUESTS, shunt_uohm=500)
    applied = {kind: trip for kind, trip, _ in guard.applied}
    assert applied[CHARGE] == 16000 and applied[DISCHARGE] == -32000


@pytest.mark.parametrize(
    "request_", [(CHARGE, -5, 10, 0), (DISCHARGE, 5, 10, 0), (SHORT, 0, 9, 0)]
)
def test_limits_of_the_wrong_sign_are_refused(request_):
    with pytest.raises(AfeError) as error:
        settings(request_)
    assert error.value.code == UNSUPPORTED


@pytest.mark.parametrize("request_", [(OVER, 4790, 10, 4700), (UNDER, 0, 10, 300)])
def test_voltages_beyond_the_converter_are_refused(request_):
    with pytest.raises(AfeError) as error:
        settings(request_)
    assert error.value.code == UNSUPPORTED


def test_a_short_circuit_waits_at_least_as_long_as_asked():
    guard = settings((SHORT, -60000, 100, 0), shunt_uohm=500)
    stored = word(guard, 0x1A)
    assert stored >> 10 & 3 == 0 and stored & 0x3FF >= 100
    assert MILLIVOLTS[0x1A][stored >> 12] * 2000 * 0.9 >= 60000


@pytest.mark.parametrize(
    "name, shunt_uohm", [("LFP", 500), ("NMC", 500), ("NCA", 500), ("LTO", 100)]
)
def test_what_is_applied_to_every_chemistry_is_wider_than_the_table(name, shunt_uohm):
    periods_ms = (500,) * 5
    table = presets.preset(chemistry.by_name(name), 8, 20000, periods_ms, 250)
    requests = table.backstop_requests()
    desk = Desk(shunt_uohm=shunt_uohm)
    applied = desk.front_end.plan_backstop(requests)
    assert {kind for kind, _, _ in applied} == {request[0] for request in requests}
    assert backstop_check.backstop_problems(requests, applied) == []
    assert not backstop_check.unmeasurable(table, desk.front_end.highest_ma(requests))


def test_a_temperature_is_backed_on_the_thermistors_own_curve():
    guard = settings(*REQUESTS, shunt_uohm=500)
    # Hotter reads lower: released above the trip; the other way round in the cold.
    assert word(guard, 0x30) < word(guard, 0x32) and word(guard, 0x38) < word(guard, 0x3A)
    assert word(guard, 0x34) > word(guard, 0x36) and word(guard, 0x3C) > word(guard, 0x3E)
    # 0.295 V are 50 degC: a charge limit of 45 is backed beyond that, one of 60 further on.
    assert word(guard, 0x38) < word(guard, 0x30) < 0.295 * 2 * 4095 / 1.8
    # The die at 85 degC and 17 K more, 1.8527 mV/K.
    assert word(guard, 0x40) >= (102 + 273.15) * 1.8527e-3 * 4095 / 1.8
