"""The model's variants, cell counts and channel masks."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bq76952_rig import MS, Rig, enabled


def test_bq76942_says_who_it_is():
    rig = Rig(cells=10, variant="bq76942")
    assert rig.ask(0x0001) == b"\x94\x76"
    assert rig.ask(0x0002)[:2] == b"\x76\x94"


def test_bq76942_shows_ten_cells_and_nothing_above():
    rig = Rig(cells=10, variant="bq76942")
    rig.wait(300 * MS)
    assert rig.cells() == [3300] * 10 + [0] * 6


@pytest.mark.parametrize(
    "pins, power, loop_ms",
    [
        (b"\x00\x00\x00", 0x2982, 36),
        (b"\x07\x07\x07", 0x2982, 45),
        (b"\x07\x07\x07", 0x2982 | 0x04, 90),
        (b"\x07\x07\x07", 0x2982 | 0x08, 180),
        (b"\x07\x07\x07", 0x2982 | 0x0C, 360),
    ],
)
def test_bq76942_loop_is_as_much_shorter_as_it_has_fewer_cells(pins, power, loop_ms):
    rig = Rig(cells=10, variant="bq76942")
    rig.configure((0x92FD, pins), (0x9234, struct.pack("<H", power)))
    assert rig.chip.loop_us() == loop_ms * MS


def test_bq76942_full_scan_takes_135_ms():
    rig = Rig(cells=10, variant="bq76942")
    rig.configure((0x92FD, b"\x07\x07\x07"), (0x926D, struct.pack("<H", 0xF882)))
    rig.command(0x009A, 0)
    rig.wait(135 * MS - 1)
    assert not rig.u16(0x62) & 0x0080
    rig.wait(1)
    assert rig.u16(0x62) & 0x0080


@pytest.mark.parametrize("variant, cells", [("bq76952", 2), ("bq76952", 17), ("bq76942", 11)])
def test_cell_counts_the_chip_cannot_measure_are_refused(variant, cells):
    with pytest.raises(ValueError):
        Rig(cells=cells, variant=variant)


@pytest.mark.parametrize("wiring", [0x000F, 0x001F, 0x10003])
def test_wiring_must_name_one_channel_for_each_cell(wiring):
    with pytest.raises(ValueError):
        Rig(cells=3, wiring=wiring)


@given(channels=st.sets(st.integers(0, 15), min_size=3, max_size=16))
def test_mask_that_matches_the_wiring_shows_every_cell_in_its_channel(channels):
    wiring = sum(1 << channel for channel in channels)
    rig = Rig(cells=len(channels), wiring=wiring)
    for n in range(len(channels)):
        rig.bench.cell(n + 1, 3001 + n)
    rig.configure((0x9304, struct.pack("<H", wiring)), enabled(0x0C))
    rig.wait(1000 * MS)
    shown = [mv for mv in rig.cells() if mv]
    assert shown == [3001 + n for n in range(len(channels))]
    assert rig.u8(0x03) == 0


@given(
    channels=st.sets(st.integers(0, 15), min_size=3, max_size=12),
    extra=st.integers(0, 15),
)
def test_mask_with_a_channel_that_has_no_cell_trips_under_voltage(channels, extra):
    wiring = sum(1 << channel for channel in channels)
    if wiring >> extra & 1:
        extra = min(set(range(16)) - channels)
    rig = Rig(cells=len(channels), wiring=wiring)
    rig.configure((0x9304, struct.pack("<H", wiring | 1 << extra)), enabled(0x04))
    rig.wait(1000 * MS)
    assert rig.u8(0x03) == 0x04


def test_mask_that_leaves_a_cell_out_does_not_watch_it():
    rig = Rig(cells=4, wiring=0x000F)
    rig.configure((0x9304, b"\x0b\x00"), enabled(0x0C))
    rig.bench.cell(3, 4500)
    rig.wait(1000 * MS)
    assert rig.cells()[:4] == [3300, 3300, 0, 3300]
    assert rig.u8(0x03) == 0


def test_fewer_cells_with_the_mask_of_power_up_trip_under_voltage_when_wired():
    rig = Rig(cells=8, wiring=0x807F)
    rig.configure(enabled(0x04))
    rig.wait(1000 * MS)
    assert rig.u8(0x03) == 0x04


def test_bq76942_balances_only_channels_it_has():
    rig = Rig(cells=10, variant="bq76942")
    rig.command(0x009A)
    rig.send(0x0083, b"\x01\xfc")
    rig.wait(1100 * MS)
    assert rig.ask(0x0083) == b"\x01\x00"
