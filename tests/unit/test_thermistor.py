"""Thermistor tables against the Steinhart-Hart equation, in floating point."""

import math

from hypothesis import given
from hypothesis import strategies as st

from vigil.afe.thermistor import OHMS_103, code_table, temp_dc
from vigil.sample import UNKNOWN

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
