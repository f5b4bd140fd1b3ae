"""The BQ76952 driver with few cells, chosen inputs and the smaller chip: who sits where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bq76952_stand_in import BOARD, CELLS, CURRENT, STACK, TEMPS, Desk
from vigil.afe import errors
from vigil.afe.errors import AfeError


def small_desk(**options):
    desk = Desk(variant="BQ76942", **options)
    desk.chip.device_number = 0x7694
    return desk


wirings = st.sets(st.integers(0, 15), min_size=3)
small_wirings = st.sets(st.integers(0, 9), min_size=3)


def mask_of(places):
    return sum(1 << place for place in places)


def check_wiring(desk, used, bleeding):
    """Every input shows a voltage of its own; only the used ones may be seen."""
    cells = len(used)
    desk.configure()
    assert [desk.chip.memory[0x9304], desk.chip.memory[0x9305]] == [
        mask_of(used) & 0xFF,
        mask_of(used) >> 8,
    ]
    shown = [3000 + 7 * place for place in range(16)]
    desk.read_scan(shown)
    assert list(desk.readings.values[:cells]) == [shown[place] for place in sorted(used)]
    # Neighbours are refused: of each row of them every other one.
    for place in sorted(bleeding):
        if place - 1 in bleeding:
            bleeding = bleeding - {place}
    desk.front_end.balance(bytearray([1 if place in bleeding else 0 for place in sorted(used)]))
    mask = mask_of(bleeding & used)
    assert desk.chip.events[-1] == ("data", 0x0083, bytes([mask & 0xFF, mask >> 8]))
    reads = [transfer for transfer in desk.chip.transfers if transfer[0] == "r"]
    span = 2 * (max(used) - min(used) + 1)
    assert ("r", 0x14 + 2 * min(used), span) in reads


@given(wirings, st.sets(st.integers(0, 15)))
def test_any_three_to_sixteen_inputs_are_read_and_bled_as_cells_in_order(used, bleeding):
    check_wiring(Desk(cells=len(used), channels=mask_of(used)), used, bleeding)


@given(small_wirings, st.sets(st.integers(0, 9)))
def test_the_small_chip_does_the_same_with_up_to_ten_inputs(used, bleeding):
    check_wiring(small_desk(cells=len(used), channels=mask_of(used)), used, bleeding)


@pytest.mark.parametrize("cells", range(3, 17))
def test_without_a_mask_the_lowest_inputs_carry_the_cells(cells):
    check_wiring(Desk(cells=cells), set(range(cells)), {0, cells - 1})


@given(st.integers(0, 0x1FFFF), st.integers(0, 17), st.sampled_from(["BQ76952", "BQ76942"]))
def test_a_mask_that_does_not_fit_the_cells_or_the_chip_is_refused(mask, cells, variant):
    top = 16 if variant == "BQ76952" else 10
    fits = 3 <= cells <= top and mask >> top == 0 and mask.bit_count() == cells
    if mask == 0:
        fits = 3 <= cells <= top
    try:
        Desk(cells=cells, channels=mask, variant=variant)
        assert fits
    except AfeError as error:
        assert not fits and error.code == errors.UNSUPPORTED


def test_a_torn_reading_is_recognised_on_chosen_inputs_too():
    desk = Desk(cells=3, channels=0x8011).configure()
    desk.read_scan([3300] * 16)
    desk.chip.cell_reads = [[3300] * 15 + [3072], [3300] * 16]
    assert desk.read_scan([3300] * 16, alarm=0x02) == []
    assert desk.front_end.torn_reads == 1


# The smaller chip.


def test_each_chip_is_recognised_by_its_number_and_never_taken_for_the_other():
    assert small_desk(cells=10).configure().front_end.configured
    for desk in (Desk(variant="BQ76942", cells=10), small_desk_as_large()):
        with pytest.raises(AfeError) as error:
            desk.configure()
        assert error.value.code == errors.WRONG_DEVICE


def small_desk_as_large():
    desk = Desk(cells=10)
    desk.chip.device_number = 0x7694
    return desk


def test_the_small_chip_scans_faster():
    front_end = small_desk(cells=10).front_end
    assert (front_end.cells_period_ms, front_end.current_period_ms) == (45, 45)
    assert (front_end.stack_period_ms, front_end.temps_period_ms) == (135, 135)


def test_the_small_chip_never_sees_a_read_beyond_its_ten_inputs():
    desk = small_desk(cells=10).configure()
    del desk.chip.transfers[:]
    assert desk.read_scan([3300] * 10) == [CELLS, CURRENT, BOARD, TEMPS, STACK]
    assert ("r", 0x14, 20) in desk.chip.transfers


def test_an_unknown_chip_is_refused():
    with pytest.raises(AfeError) as error:
        Desk(variant="BQ76972")
    assert error.value.code == errors.UNSUPPORTED
