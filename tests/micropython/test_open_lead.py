"""A sense lead breaks: both switches open, and the chip's own check finds it."""

from desk import Desk

# Minutes of simulated time.
LONG_ON_CPYTHON = ("test_nothing_closes_again_while_the_lead_is_broken",)

CHECK_S = 5
# Bleeding a cell beside the lead shows it early; without that it takes three checks of the chip.
AT_MOST_S = 4 * CHECK_S


def broken(cell, **options):
    desk = Desk(soc_pct=60, **options)
    desk.run_ms(3000)
    assert not desk.bms.front_end.open_lead_seen
    desk.chip.open_leads.add(cell)
    return desk


def seen_by_the_chip(desk):
    return lambda: desk.bms.front_end.open_lead_seen


def test_a_lead_between_two_cells_is_found_by_the_chips_check():
    for cell in (1, 8, 15):
        desk = broken(cell)
        desk.run_until(seen_by_the_chip(desk), AT_MOST_S * 1000)
        assert desk.both_off()
        assert not desk.chip.bench.bled_mas[cell - 1] and not desk.chip.bench.bled_mas[cell]


def test_two_leads_beside_each_other_are_found_too():
    desk = broken(8)
    desk.chip.open_leads.add(9)
    desk.run_until(seen_by_the_chip(desk), 2 * AT_MOST_S * 1000)
    assert desk.both_off()


def test_the_lead_of_the_last_cell_shows_as_under_voltage_and_opens_both():
    for chip, cells in (("BQ76952", 16), ("BQ76942", 10)):
        desk = broken(cells, CHIP=chip, CELLS=cells)
        desk.run_until(desk.both_off, 2 * AT_MOST_S * 1000)
        assert desk.bms.switches.reason[0] != 0 and desk.bms.switches.reason[1] != 0


def test_nothing_closes_again_while_the_lead_is_broken():
    desk = broken(8)
    desk.run_until(seen_by_the_chip(desk), AT_MOST_S * 1000)
    desk.run_ms(120000)
    assert desk.both_off()


def test_a_low_and_a_high_cell_far_apart_are_no_broken_lead():
    desk = Desk(soc_pct=60)
    desk.bench.set_cell_mv(3, 2200)
    desk.bench.set_cell_mv(11, 4000)
    desk.run_until(desk.both_off, 20000)
    desk.run_ms(5000)
    assert desk.chip.safety[0] & 0x0C == 0x0C
    assert not desk.bms.front_end.open_lead_seen
