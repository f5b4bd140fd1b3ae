"""Thermistor tables against the Steinhart-Hart equation, in floating point."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.sample import UNKNOWN
from vigil.sensor.thermistor import (
    OHMS_103,
    Thermistor,
    by_beta,
    code_table,
    ntc_103jt,
    ohms_by_beta,
    temp_dc,
)

FULL_CODE = 3_300_000 / 382
TABLE = code_table(OHMS_103, 10000, 8638743)


def ohms_by_the_sheet(temp_c):
    """The equation solved for the resistance by halving."""
    below, above = 1.0, 1e7
    for _ in range(100):
        middle = math.sqrt(below * above)
        log = math.log(middle)
        kelvin = 1 / (8.01689e-4 + 2.670495e-4 * log + 1.186595e-7 * log**3)
        if kelvin > temp_c + 273.15:
            below = middle
        else:
            above = middle
    return middle


def code_at(temp_c):
    ohms = ohms_by_the_sheet(temp_c)
    return round(FULL_CODE * ohms / (ohms + 10000))


def test_the_table_of_resistances_is_the_equation():
    expected = [round(ohms_by_the_sheet(temp_c)) for temp_c in range(-40, 131, 5)]
    assert list(OHMS_103) == expected


def test_the_table_agrees_with_the_maker_where_it_matters():
    # A part of the 103JT kind, from its maker's table.
    for temp_c, ohms in ((-40, 204700), (-20, 71020), (0, 27700), (25, 10000), (60, 3011)):
        code = round(FULL_CODE * ohms / (ohms + 10000))
        assert abs(temp_dc(TABLE, code) - temp_c * 10) <= 3


@given(st.integers(-390, 1290))
def test_every_temperature_comes_back_within_a_quarter_of_a_kelvin(wanted_dc):
    code = code_at(wanted_dc / 10)
    step_dc = abs(temp_dc(TABLE, code) - temp_dc(TABLE, code - 1))
    assert abs(temp_dc(TABLE, code) - wanted_dc) <= max(2.5, step_dc)


def test_warmer_is_never_shown_as_colder():
    readings = [temp_dc(TABLE, code) for code in range(TABLE[-1], TABLE[0] + 1)]
    assert readings[0] == 1300 and readings[-1] == -400
    assert all(later <= earlier for earlier, later in zip(readings, readings[1:], strict=False))


def test_outside_the_table_nothing_is_known():
    assert temp_dc(TABLE, TABLE[0] + 1) == UNKNOWN
    assert temp_dc(TABLE, TABLE[-1] - 1) == UNKNOWN
    assert temp_dc(TABLE, 0) == UNKNOWN


# Against a reference that is converted too.


@given(st.integers(-390, 1290), st.integers(20000, 65535))
def test_a_divider_reads_the_same_whatever_its_reference(wanted_dc, reference):
    ohms = ohms_by_the_sheet(wanted_dc / 10)
    value = round(reference * ohms / (ohms + 10000))
    assert abs(ntc_103jt().temp_dc(value, reference) - wanted_dc) <= 4


@given(st.integers(-5, 70000), st.integers(-5, 65535))
def test_a_divider_that_shows_nonsense_is_unknown_and_stays_a_small_integer(value, reference):
    told = ntc_103jt().temp_dc(value, reference)
    if not 0 <= value < reference:
        assert told == UNKNOWN
    assert told == UNKNOWN or -400 <= told <= 1300
    assert 65535 * 16000 + 32768 < 1 << 30


def test_parts_known_by_their_b_are_those_of_the_sheet():
    # Resistances printed for B 3380, 3435 and 3950.
    for beta, printed in (
        (3380, {-40: 235831, -20: 75022, 0: 28224, 25: 10000, 40: 5810, 60: 3039, 90: 1315}),
        (3435, {-40: 248277, -20: 77523, 0: 28704, 25: 10000, 40: 5759, 60: 2981, 90: 1272}),
        (3950, {-40: 401860, -20: 105385, 0: 33621, 25: 10000, 40: 5301, 60: 2486, 90: 934}),
    ):
        ohms = ohms_by_beta(beta)
        for temp_c, ohm in printed.items():
            assert abs(ohms[(temp_c + 40) // 5] - ohm) <= 1 + ohm // 10000
            value = round(30000 * ohm / (ohm + 10000))
            assert abs(by_beta(beta).temp_dc(value, 30000) - 10 * temp_c) <= 2


def test_other_pull_ups_and_parts():
    assert ntc_103jt(100000).temp_dc(30000 * 10000 // 110000, 30000) in (249, 250, 251)
    assert by_beta(3950, 100000, 100000).temp_dc(15000, 30000) == 250
    with pytest.raises(ValueError):
        Thermistor(OHMS_103[:-1])
