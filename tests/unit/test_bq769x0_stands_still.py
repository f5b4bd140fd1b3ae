"""A BQ769x0 whose temperatures stand still: what was measured of one kind is never the other's."""

from tests.unit.bq769x0_stand_in import Desk
from vigil.sample import BOARD, TEMPS


def test_temperatures_of_a_converter_that_stands_still_are_not_told_again():
    desk = Desk().configure()
    desk.until(TEMPS)
    desk.until(BOARD)
    desk.chip.turns_temperatures = False
    # What was converted before may still be told; then the registers are of the wrong kind.
    told = []
    for _ in range(40):
        told += [group for group in desk.turn() if group in (TEMPS, BOARD)]
    assert told in ([], [TEMPS])
    desk.chip.turns_temperatures = True
    assert desk.until(TEMPS) <= 40
