"""Heat of the simulated cells: the balance of energy, and the curves of a single lump."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.mock.heat import Heat

AIR_S = 7200.0
CAPACITY_MAH = 100000
JOULE_PER_K = 19.0 * 100


def make(cells=16, ambient_c=25.0):
    return Heat(cells, CAPACITY_MAH, min(cells, 3), ambient_c, 19.0)


def test_a_single_cell_warms_to_its_losses_times_its_thermal_resistance():
    heat = make(cells=1)
    # 2 W: 50 A through 0.8 mOhm.
    for _ in range(3600):
        heat.step(1.0, 2500.0, [0.0008], 0.0)
    final_k = 2.0 * AIR_S / JOULE_PER_K
    expected_k = final_k * (1 - math.exp(-3600 / AIR_S))
    assert heat.cell_c[0] - 25 == pytest.approx(expected_k, rel=1e-3)
    for _ in range(50000):
        heat.step(1.0, 2500.0, [0.0008], 0.0)
    assert heat.cell_c[0] - 25 == pytest.approx(final_k, rel=1e-3)


@given(
    st.lists(st.floats(-20, 60), min_size=2, max_size=16),
    st.floats(0, 90000),
    st.integers(1, 50),
)
def test_no_energy_is_lost_between_losses_cells_and_air(start_c, square_a2s, steps):
    heat = make(cells=len(start_c))
    heat.cell_c[:] = start_c
    ohm = [0.0004 + 0.00001 * cell for cell in range(len(start_c))]
    stored_j = 0.0
    to_air_j = 0.0
    for _ in range(steps):
        to_air_j += sum(cell_c - 25.0 for cell_c in heat.cell_c) / AIR_S * JOULE_PER_K
        before = sum(heat.cell_c)
        heat.step(1.0, square_a2s, ohm, 0.001)
        stored_j += (sum(heat.cell_c) - before) * JOULE_PER_K
    assert stored_j + to_air_j == pytest.approx(steps * square_a2s * sum(ohm), abs=1e-2)


def test_heat_goes_from_a_cell_to_its_neighbours_first():
    heat = make()
    heat.heat_cell(7, 20 * JOULE_PER_K)
    assert heat.cell_c[7] == pytest.approx(45.0)
    for _ in range(300):
        heat.step(1.0, 0.0, [0.0] * 16, 0.0)
    warmer_k = [cell_c - 25 for cell_c in heat.cell_c]
    assert warmer_k[7] > warmer_k[6] == pytest.approx(warmer_k[8], rel=1e-6)
    assert warmer_k[6] > 5 * warmer_k[5] > 0
    # 300 s of 7200 s to the air.
    assert sum(warmer_k) == pytest.approx(20 * math.exp(-300 / AIR_S), rel=1e-4)


def test_a_warmer_surrounding_warms_the_cells_until_they_are_alike():
    heat = make(ambient_c=10.0)
    heat.ambient_c = 40.0
    for _ in range(7200):
        heat.step(1.0, 0.0, [0.0] * 16, 0.0)
    for cell_c in heat.cell_c:
        assert cell_c == pytest.approx(40 - 30 / math.e, rel=1e-3)
