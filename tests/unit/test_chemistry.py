"""What the firmware takes for granted of each chemistry, against simulated cells and itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.mock.ocv import GUARD_PCT, lines
from vigil import chemistry
from vigil.plain_charge import hundredths_at

every_chemistry = pytest.mark.parametrize("name", chemistry.NAMES)
names = st.sampled_from(chemistry.NAMES)


def cell_mv(name, soc_pct):
    intercept_mv, slope_mv = lines(name)
    k = int(soc_pct) + GUARD_PCT
    return intercept_mv[k] + slope_mv[k] * (soc_pct + GUARD_PCT)


def test_an_unknown_chemistry_is_refused():
    with pytest.raises(KeyError):
        chemistry.by_name("unobtainium")


@every_chemistry
def test_a_chemistry_answers_to_its_name(name):
    assert chemistry.by_name(name).name == name


@every_chemistry
def test_the_open_circuit_voltage_rises_with_every_percent(name):
    table = list(chemistry.by_name(name).ocv_dmv)
    assert len(table) == 101
    assert all(lower < higher for lower, higher in zip(table, table[1:], strict=False))


@given(names, st.floats(0, 100))
def test_the_charge_of_a_resting_simulated_cell_is_found_again(name, soc_pct):
    hundredths = hundredths_at(chemistry.by_name(name).ocv_dmv, round(cell_mv(name, soc_pct) * 10))
    # A tenth of a millivolt is up to a third of a percent on the plateau of LFP.
    assert hundredths / 100 == pytest.approx(soc_pct, abs=0.4)


@every_chemistry
def test_a_charged_cell_and_a_discharged_one_lie_inside_their_limits(name):
    known = chemistry.by_name(name)
    assert known.under_voltage_mv[0] < cell_mv(name, 10) < known.over_voltage_mv[0]
    assert known.under_voltage_mv[0] < cell_mv(name, 99.9) < known.over_voltage_mv[0]


@every_chemistry
def test_a_full_charge_ends_before_a_warning_and_balancing_begins_before_it_ends(name):
    known = chemistry.by_name(name)
    warning_mv, charge_mv = known.over_voltage_warning_mv
    assert charge_mv < warning_mv < known.over_voltage_mv[0]
    assert known.balance_start_mv < charge_mv
    assert cell_mv(name, 75) < known.balance_start_mv
    assert 0 < known.balance_delta_mv <= 20


@every_chemistry
def test_the_limit_of_the_stack_lies_between_a_cells_warning_and_its_trip(name):
    known = chemistry.by_name(name)
    assert known.over_voltage_warning_mv[0] <= known.stack_over_cell_mv[0]
    assert known.stack_over_cell_mv[0] < known.over_voltage_mv[0]
    assert known.under_voltage_mv[0] < known.stack_under_cell_mv[0]
    assert known.stack_under_cell_mv[0] < known.under_voltage_warning_mv[0]
