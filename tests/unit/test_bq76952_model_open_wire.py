"""BQ76952 model: a broken sense lead shows slowly, low below it and high above it."""

import pytest

from tests.unit.bq76952_rig import SECOND, Rig, enabled


def measuring(*blocks, **options):
    rig = Rig(**options)
    rig.configure(*blocks)
    rig.command(0x009A)
    return rig


def test_whole_leads_are_not_moved_by_the_check():
    rig = measuring()
    rig.wait(60 * SECOND)
    assert rig.cells() == [3300] * 16


def test_broken_lead_shows_low_on_its_cell_and_high_on_the_one_above():
    rig = measuring()
    rig.chip.open_leads.add(7)
    rig.wait(4 * SECOND)
    assert rig.cells() == [3300] * 16
    seen = []
    for _ in range(3):
        rig.wait(5 * SECOND)
        cells = rig.cells()
        seen.append((cells[6], cells[7]))
        assert sum(cells) == 16 * 3300
    assert seen == [(2925, 3675), (2550, 4050), (2175, 4425)]


def test_checks_before_the_lead_broke_do_not_count():
    rig = measuring()
    rig.wait(62 * SECOND)
    rig.chip.open_leads.add(7)
    rig.wait(2 * SECOND)
    assert rig.cells() == [3300] * 16
    rig.chip.open_leads.add(12)
    rig.wait(2 * SECOND)
    assert rig.cells()[6:13] == [2925, 3675, 3300, 3300, 3300, 2925, 3675]


def test_broken_lead_trips_both_cell_protections_in_the_end():
    rig = measuring(enabled(0x0C))
    rig.chip.open_leads.add(7)
    rig.wait(11 * SECOND)
    assert rig.u8(0x03) == 0
    rig.wait(5 * SECOND)
    assert rig.u8(0x03) == 0x0C


def test_nothing_shows_when_the_check_is_turned_off():
    rig = measuring((0x9314, b"\x00"), enabled(0x0C))
    rig.chip.open_leads.add(7)
    rig.wait(100 * SECOND)
    assert rig.cells() == [3300] * 16
    assert rig.u8(0x03) == 0


@pytest.mark.parametrize("interval_s", [1, 20])
def test_interval_of_the_check_is_a_setting(interval_s):
    rig = measuring((0x9314, bytes([interval_s])))
    rig.chip.open_leads.add(7)
    rig.wait(interval_s * SECOND * 2 + 300_000)
    assert rig.cells()[6] == 3300 - 2 * 375


def test_reading_goes_no_lower_than_zero_and_comes_back_when_mended():
    rig = measuring()
    rig.chip.open_leads.add(7)
    rig.wait(200 * SECOND)
    assert rig.cells()[6:8] == [0, 6600]
    rig.chip.open_leads.discard(7)
    rig.wait(1 * SECOND)
    assert rig.cells() == [3300] * 16


def test_highest_lead_shows_on_one_cell_and_lowest_on_none():
    rig = measuring()
    rig.chip.open_leads.update((0, 16))
    rig.wait(6 * SECOND)
    assert rig.cells() == [3300] * 15 + [2925]


def test_two_neighbouring_leads_keep_every_reading_at_zero_or_above():
    rig = measuring()
    rig.chip.open_leads.update((3, 4))
    rig.wait(6 * SECOND)
    assert rig.cells()[2:5] == [2925, 3300, 3675]
    rig.wait(300 * SECOND)
    assert min(rig.cells()) == 0
    assert sum(rig.cells()) == 16 * 3300


def bleed(rig, *cells):
    mask = sum(1 << (cell - 1) for cell in cells)
    rig.send(0x0083, bytes([mask & 0xFF, mask >> 8]))
    rig.wait(1300_000)


def test_a_bleed_resistor_pulls_a_broken_lead_to_its_other_end_and_loses_no_charge():
    for cells, below_mv, above_mv in (((7,), 0, 6600), ((8,), 6600, 0), ((7, 8), 3300, 3300)):
        rig = measuring((0x9314, b"\x00"), enabled())
        rig.chip.open_leads.add(7)
        bleed(rig, *cells)
        assert rig.cells()[6:8] == [below_mv, above_mv]
        assert sum(rig.cells()) == 16 * 3300
        # Through both resistors in series current flows; through one of them it cannot.
        assert rig.bench.bleed == (0b11 << 6 if len(cells) == 2 else 0)


def test_a_broken_lead_stays_where_bleeding_has_pulled_it():
    rig = measuring((0x9314, b"\x00"), enabled())
    rig.chip.open_leads.add(7)
    bleed(rig, 7)
    rig.send(0x0083, b"\x00\x00")
    rig.wait(3 * SECOND)
    assert rig.cells()[6:8] == [0, 6600]


def test_whole_leads_bleed_as_before():
    rig = measuring()
    rig.chip.open_leads.add(3)
    bleed(rig, 8, 12)
    assert rig.bench.bleed == 1 << 7 | 1 << 11
