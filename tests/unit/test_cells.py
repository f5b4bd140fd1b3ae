"""The simulated cells against what paper says: tables, spread, RC parts, hysteresis, losses."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.mock.cell_figures import figures
from host_tools.mock.cells import Pack
from host_tools.mock.ocv import GUARD_PCT, POSITION_LIMIT, lines
from host_tools.mock.seeded_random import SeededRandom

CHEMISTRIES = ("LFP", "NMC", "NCA", "LTO", "Na-ion")
chemistries = st.sampled_from(CHEMISTRIES)


def ocv_mv(soc_pct, chemistry="LFP"):
    intercept_mv, slope_mv = lines(chemistry)
    position = soc_pct + GUARD_PCT
    k = min(int(position), POSITION_LIMIT - 1)
    return intercept_mv[k] + slope_mv[k] * position


def terminal_mv(pack, ma):
    cell_mv = [0.0] * pack.cells
    pack.fill_mv(ma, cell_mv)
    return cell_mv


# Open-circuit voltage


@given(chemistries, st.floats(-9.9, 109.9), st.floats(-9.9, 109.9))
def test_open_circuit_voltage_rises_with_charge_everywhere(chemistry, one, other):
    low, high = sorted((one, other))
    if high - low > 1e-6:
        assert ocv_mv(low, chemistry) < ocv_mv(high, chemistry)


@given(chemistries, st.integers(-9, 109))
def test_open_circuit_voltage_has_no_jump_between_lines(chemistry, soc_pct):
    below_mv, above_mv = (ocv_mv(soc_pct + step, chemistry) for step in (-1e-9, 1e-9))
    assert below_mv == pytest.approx(above_mv, abs=1e-3)


@pytest.mark.parametrize(
    ("chemistry", "empty_mv", "half_mv", "full_mv"),
    [
        ("LFP", 2286.2, 3299.5, 3530.5),
        ("NMC", 2503.7, 3751, 4197.9),
        ("NCA", 2505.1, 3666, 4175.0),
        ("LTO", 1411.4, 2291, 2738.8),
        ("Na-ion", 2000, 3050, 3900),
    ],
)
def test_each_chemistry_has_its_voltages(chemistry, empty_mv, half_mv, full_mv):
    assert ocv_mv(0, chemistry) == pytest.approx(empty_mv, abs=0.06)
    assert ocv_mv(50, chemistry) == pytest.approx(half_mv, abs=0.6)
    assert ocv_mv(100, chemistry) == pytest.approx(full_mv, abs=0.06)


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


def half_width_mv(pack, soc_pct):
    """Of the hysteresis, straight between the points of its table."""
    width_mv = figures(pack.chemistry).hysteresis_mv
    if isinstance(width_mv, float):
        return width_mv
    k = min(int(soc_pct / 5), 19)
    return width_mv[k] + (width_mv[k + 1] - width_mv[k]) * (soc_pct / 5 - k)


@given(
    chemistry=chemistries,
    ma=st.floats(-280000, 280000),
    cuts_us=st.lists(st.integers(1, 20_000_000), min_size=1, max_size=12),
)
def test_the_step_response_is_the_sum_of_exponentials_however_time_is_cut(chemistry, ma, cuts_us):
    pack = Pack(seed=2, soc_pct=50.0, chemistry=chemistry)
    width_mv = half_width_mv(pack, pack.mean_soc_pct())
    for us in cuts_us:
        pack.pass_current(ma, us)
    seconds = sum(cuts_us) / 1e6
    known = figures(chemistry)
    share = 1 + known.fast_share * (1 - math.exp(-seconds / known.fast_s))
    share += known.slow_share * (1 - math.exp(-seconds / known.slow_s))
    turned = 1 - math.exp(-known.gamma * abs(ma) * seconds / (280000 * 3600))
    if abs(ma) <= 0.002 * 280000:
        turned = 0
    cell_mv = terminal_mv(pack, ma)
    for cell in range(pack.cells):
        expected_mv = ocv_mv(pack.soc_pct(cell), chemistry) + share * pack.ohm_warm[cell] * ma
        expected_mv += math.copysign(turned, ma) * width_mv
        assert cell_mv[cell] == pytest.approx(expected_mv, abs=1e-6)


def test_after_the_current_ends_the_voltage_relaxes_to_open_circuit_and_hysteresis():
    pack = Pack(seed=2, soc_pct=50.0)
    pack.pass_current(-200000.0, 60_000_000)
    at_once = terminal_mv(pack, 0.0)
    turned = pack.hysteresis
    pack.pass_current(0.0, 6_000_000_000)
    assert pack.hysteresis == turned < 0
    later = terminal_mv(pack, 0.0)
    lift_mv = turned * half_width_mv(Pack(seed=2), Pack(seed=2).mean_soc_pct())
    for cell in range(pack.cells):
        assert later[cell] > at_once[cell] + 5
        assert later[cell] == pytest.approx(ocv_mv(pack.soc_pct(cell)) + lift_mv, abs=0.01)


# Hysteresis


@pytest.mark.parametrize("chemistry", CHEMISTRIES)
def test_charging_and_discharging_curves_lie_the_hysteresis_apart(chemistry):
    pack = Pack(seed=2, soc_pct=20.0, chemistry=chemistry)
    warm = [25.0] * pack.cells

    def rested_mv_at_50_pct(ma):
        while (pack.mean_soc_pct() < 50.0) == (ma > 0):
            pack.pass_current(ma, 10_000_000)
        pack.pass_current(0.0, 100_000_000_000)
        pack.warm(warm)
        return terminal_mv(pack, 0.0)[3] - ocv_mv(pack.soc_pct(3), chemistry)

    charged_mv = rested_mv_at_50_pct(28000.0)
    while pack.mean_soc_pct() < 80.0:
        pack.pass_current(28000.0, 10_000_000)
    discharged_mv = rested_mv_at_50_pct(-28000.0)
    width_mv = 2 * half_width_mv(pack, 50.0)
    # 30 % of the capacity at gamma 10 turns it round to within 5 %, whose part was turned before.
    assert charged_mv - discharged_mv == pytest.approx(width_mv, rel=0.08)
    assert charged_mv > 0 > discharged_mv


def test_hysteresis_depends_on_the_charge_moved_not_on_how_fast():
    fast, slow = Pack(seed=2), Pack(seed=2)
    fast.pass_current(200000.0, 30_000_000)
    slow.pass_current(20000.0, 300_000_000)
    assert fast.hysteresis == pytest.approx(slow.hysteresis, rel=1e-9)


def test_a_current_that_only_trickles_turns_no_hysteresis():
    pack = Pack(seed=2)
    pack.pass_current(550.0, 3_600_000_000)
    assert pack.hysteresis == 0.0


def test_hysteresis_of_cold_cells_is_wider():
    pack = Pack(seed=2)
    pack.pass_current(28000.0, 9_000_000_000)

    def width_mv(cell_c):
        pack.warm([cell_c] * pack.cells)
        pack.pass_current(0.0, 100_000_000_000)
        return terminal_mv(pack, 0.0)[0] - ocv_mv(pack.soc_pct(0))

    assert width_mv(5.0) == pytest.approx(1.36 * width_mv(25.0), rel=1e-6)
    assert width_mv(40.0) == pytest.approx(width_mv(25.0), rel=1e-6)


# Losses


@pytest.mark.parametrize("chemistry", CHEMISTRIES)
def test_a_month_of_rest_costs_the_declared_share_of_charge(chemistry):
    pack = Pack(cells=500, seed=2, chemistry=chemistry)
    before = [pack.soc_pct(cell) for cell in range(pack.cells)]
    for _ in range(30):
        pack.lose(86400.0)
    lost_pct = [before[cell] - pack.soc_pct(cell) for cell in range(pack.cells)]
    expected_pct = 4.0 if chemistry == "Na-ion" else 2.0
    assert sum(lost_pct) / 500 == pytest.approx(expected_pct, rel=0.05)
    assert min(lost_pct) > 0
    assert max(lost_pct) > 1.5 * min(lost_pct)


def test_self_discharge_about_doubles_every_ten_kelvin():
    pack = Pack(seed=2)
    lost_mas = []
    for cell_c in (15.0, 25.0, 35.0):
        pack.warm([cell_c] * pack.cells)
        before = pack.lost_mas[0]
        pack.lose(1000.0)
        lost_mas.append(pack.lost_mas[0] - before)
    assert 1.8 < lost_mas[1] / lost_mas[0] < 2.2
    assert 1.8 < lost_mas[2] / lost_mas[1] < 2.2


def test_a_leak_drains_its_cell_by_the_law_of_ohm():
    pack = Pack(seed=2)
    cell_mv = terminal_mv(pack, 0.0)[4]
    pack.set_leak(4, 10.0)
    before = list(pack.lost_mas)
    pack.lose(100.0)
    # Beside the self-discharge of all.
    extra_mas = pack.lost_mas[4] - before[4] - 100.0 * pack._loss_ma[4]
    assert extra_mas == pytest.approx(100.0 * cell_mv / 10.0, rel=1e-3)
    assert pack.leak_watts(4) == pytest.approx((cell_mv / 1000) ** 2 / 10, rel=1e-3)
    assert pack.leak_watts(5) == 0


# Ageing


def test_worn_cells_hold_less_resist_more_and_differ():
    new, worn = Pack(cells=500, seed=2), Pack(cells=500, seed=2, worn_pct=20.0)
    held = [worn.capacity_mas[cell] / new.capacity_mas[cell] for cell in range(500)]
    resists = [worn.ohm_warm[cell] / new.ohm_warm[cell] for cell in range(500)]
    assert sum(held) / 500 == pytest.approx(0.80, abs=0.01)
    assert 0.03 < max(held) - 0.80 and 0.03 < 0.80 - min(held)
    for cell in range(500):
        assert resists[cell] == pytest.approx(1 + 2 * (1 - held[cell]))
    assert [new.soc_pct(cell) for cell in range(500)] == [worn.soc_pct(c) for c in range(500)]


# Voltage lines


@given(
    st.lists(st.tuples(st.floats(-3e6, 3e6), st.integers(1, 60_000_000)), min_size=1, max_size=30)
)
def test_the_voltage_is_the_tables_wherever_the_charge_goes(steps):
    pack = Pack(seed=2, soc_pct=50.0)
    pack._half_width_mv = 0.0
    for ma, us in steps:
        pack.pass_current(ma, us)
        known = figures("LFP")
        drop_ma = known.fast_share * pack.fast_ma + known.slow_share * pack.slow_ma
        cell_mv = terminal_mv(pack, 0.0)
        for cell in range(pack.cells):
            soc_pct = min(max(pack.soc_pct(cell), -GUARD_PCT), 109.999)
            expected_mv = ocv_mv(soc_pct) + pack.ohm[cell] * drop_ma
            assert cell_mv[cell] == pytest.approx(expected_mv, abs=1e-3)


def test_cold_cells_resist_more():
    pack = Pack(seed=2)
    pack.warm([0.0] * pack.cells)
    for cell in range(pack.cells):
        assert 1.6 < pack.ohm[cell] / pack.ohm_warm[cell] < 2.2
    pack.warm([25.0] * pack.cells)
    assert pack.ohm == pytest.approx(pack.ohm_warm)
