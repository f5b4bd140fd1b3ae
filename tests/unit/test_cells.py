"""The simulated cells: table, seeded spread, and the RC step response against its formula."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.mock.cells import SLOW_SHARE, SLOW_TAU_US, Pack
from host_tools.mock.ocv import GUARD_PCT, POSITION_LIMIT, lines
from host_tools.mock.seeded_random import SeededRandom


def ocv_mv(soc_pct):
    intercept_mv, slope_mv = lines("LFP")
    position = soc_pct + GUARD_PCT
    k = min(int(position), POSITION_LIMIT - 1)
    return intercept_mv[k] + slope_mv[k] * position


def terminal_mv(pack, ma):
    cell_mv = [0.0] * pack.cells
    pack.fill_mv(ma, cell_mv)
    return cell_mv


# Open-circuit voltage


@given(st.floats(-9.9, 109.9), st.floats(-9.9, 109.9))
def test_open_circuit_voltage_rises_with_charge_everywhere(one, other):
    low, high = sorted((one, other))
    if high - low > 1e-6:
        assert ocv_mv(low) < ocv_mv(high)


@given(st.integers(-9, 109))
def test_open_circuit_voltage_has_no_jump_between_lines(soc_pct):
    assert ocv_mv(soc_pct - 1e-9) == pytest.approx(ocv_mv(soc_pct + 1e-9), abs=1e-3)


@pytest.mark.parametrize(
    ("soc_pct", "expected_mv"),
    [(0, 2286.2), (5, 3064.7), (50, 3299.5), (99, 3361.8), (100, 3530.5)],
)
def test_table_points_are_met(soc_pct, expected_mv):
    assert ocv_mv(soc_pct) == pytest.approx(expected_mv, abs=1e-6)


def test_beyond_full_and_empty_voltage_runs_away_steeply():
    assert ocv_mv(102) - ocv_mv(100) > 200
    assert ocv_mv(0) - ocv_mv(-2) > 500


def test_a_chemistry_without_a_table_is_refused():
    with pytest.raises(ValueError, match="unobtainium"):
        Pack(chemistry="unobtainium")


@pytest.mark.parametrize("soc_pct", [-500, 700])
def test_a_cell_far_outside_its_table_still_has_a_voltage(soc_pct):
    pack = Pack(soc_pct=soc_pct)
    for mv in terminal_mv(pack, 0.0):
        assert mv < 0 if soc_pct < 0 else mv > 5000


# Spread


def test_the_same_seed_makes_the_same_pack_and_another_seed_another():
    one, same, other = Pack(seed=5), Pack(seed=5), Pack(seed=6)
    assert one.capacity_mas == same.capacity_mas
    assert one.ohm == same.ohm
    assert terminal_mv(one, 0.0) == terminal_mv(same, 0.0)
    assert one.capacity_mas != other.capacity_mas


def test_the_spread_of_many_cells_is_as_declared():
    pack = Pack(cells=2000, capacity_mah=100000, seed=1, soc_pct=50.0)

    def sigma(values):
        mean = sum(values) / len(values)
        return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values)), mean

    deviation, mean = sigma([mas / 3600 for mas in pack.capacity_mas])
    assert mean == pytest.approx(100000, rel=0.002)
    assert deviation == pytest.approx(1000, rel=0.1)
    deviation, mean = sigma([pack.soc_pct(cell) for cell in range(pack.cells)])
    assert mean == pytest.approx(50.0, abs=0.1)
    assert deviation == pytest.approx(0.5, rel=0.1)
    deviation, mean = sigma(pack.ohm_warm)
    assert mean == pytest.approx(0.0004, rel=0.01)
    assert deviation == pytest.approx(0.00002, rel=0.1)


@given(st.integers(0, 2**40))
def test_random_numbers_stay_in_their_ranges_for_any_seed(seed):
    random = SeededRandom(seed)
    for _ in range(20):
        assert 0 < random.bits() < 2**32
        assert 0.0 <= random.uniform() < 1.0
        assert -3.0 <= random.normal() <= 3.0
        assert 0 <= random.below(7) < 7


# Charge and resistance


@given(
    steps=st.lists(
        st.tuples(st.floats(-300000, 300000), st.integers(1, 5_000_000)), min_size=1, max_size=20
    )
)
def test_every_cell_gains_exactly_the_charge_that_was_passed(steps):
    pack = Pack(seed=3, soc_pct=50.0)
    before = [pack.soc_pct(cell) for cell in range(pack.cells)]
    for ma, us in steps:
        pack.pass_current(ma, us)
    passed_mas = sum(ma * us / 1e6 for ma, us in steps)
    for cell in range(pack.cells):
        gained_mas = (pack.soc_pct(cell) - before[cell]) / 100 * pack.capacity_mas[cell]
        assert gained_mas == pytest.approx(passed_mas, abs=1.0)


def test_draining_one_cell_leaves_the_others_alone():
    pack = Pack(seed=3)
    before = [pack.soc_pct(cell) for cell in range(pack.cells)]
    pack.drain(4, pack.capacity_mas[4] / 100)
    for cell in range(pack.cells):
        lost = before[cell] - pack.soc_pct(cell)
        assert lost == pytest.approx(1.0 if cell == 4 else 0.0)


@given(
    ma=st.floats(-280000, 280000),
    cuts_us=st.lists(st.integers(1, 20_000_000), min_size=1, max_size=12),
)
def test_the_step_response_is_the_exponential_however_time_is_cut(ma, cuts_us):
    pack = Pack(seed=2, soc_pct=50.0)
    for us in cuts_us:
        pack.pass_current(ma, us)
    seconds = sum(cuts_us) / 1e6
    cell_mv = terminal_mv(pack, ma)
    for cell in range(pack.cells):
        ohm = pack.ohm_warm[cell]
        rise = SLOW_SHARE * ohm * ma * (1 - math.exp(-seconds / (SLOW_TAU_US / 1e6)))
        expected_mv = ocv_mv(pack.soc_pct(cell)) + ohm * ma + rise
        assert cell_mv[cell] == pytest.approx(expected_mv, abs=1e-6)


def test_after_the_current_ends_the_voltage_relaxes_to_open_circuit():
    pack = Pack(seed=2, soc_pct=50.0)
    pack.pass_current(-200000.0, 60_000_000)
    at_once = terminal_mv(pack, 0.0)
    pack.pass_current(0.0, 600_000_000)
    later = terminal_mv(pack, 0.0)
    for cell in range(pack.cells):
        assert later[cell] > at_once[cell] + 5
        assert later[cell] == pytest.approx(ocv_mv(pack.soc_pct(cell)), abs=0.01)


def test_cold_cells_resist_more():
    pack = Pack(seed=2)
    pack.warm([0.0] * pack.cells)
    for cell in range(pack.cells):
        assert 1.6 < pack.ohm[cell] / pack.ohm_warm[cell] < 2.2
    pack.warm([25.0] * pack.cells)
    assert pack.ohm == pytest.approx(pack.ohm_warm)
