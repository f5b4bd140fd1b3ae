"""BQ76952 model: balancing by level and by itself, and what a sealed chip still does."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bq76952_rig import DSG, MS, SECOND, Rig, gain

CHARGE = 0x01
RELAX = 0x02
SLEEP = 0x04


def rig_with(config=0, most=4, cells=None, *blocks, **options):
    rig = Rig(**options)
    rig.configure(gain(0.5), (0x9335, bytes([config])), (0x933A, bytes([most])), *blocks)
    rig.command(0x009A)
    for n, mv in (cells or {}).items():
        rig.bench.cell(n, mv)
    rig.wait(300 * MS)
    return rig


def active(rig):
    return struct.unpack("<H", rig.ask(0x0083))[0]


def test_level_chooses_the_highest_cells_above_it_and_no_neighbours():
    rig = rig_with(cells={3: 3400, 4: 3410, 5: 3390, 9: 3380, 12: 3350})
    rig.send(0x0084, struct.pack("<H", 3360))
    rig.wait(1100 * MS)
    assert active(rig) == 1 << 3 | 1 << 8
    assert rig.bench.bleed == active(rig)


def test_level_lapses_like_a_mask_and_zero_stops_it():
    rig = rig_with(cells={4: 3410})
    rig.send(0x0084, struct.pack("<H", 3360))
    rig.wait(19 * SECOND)
    assert active(rig)
    rig.wait(2 * SECOND)
    assert not active(rig)
    rig.send(0x0084, struct.pack("<H", 3360))
    rig.wait(2 * SECOND)
    assert active(rig)
    rig.send(0x0084, b"\x00\x00")
    rig.wait(1100 * MS)
    assert not active(rig)


@given(
    cells=st.lists(st.integers(3900, 4100), min_size=16, max_size=16),
    most=st.integers(1, 8),
)
def test_own_choice_has_no_neighbours_and_not_too_many(cells, most):
    rig = rig_with(RELAX, most, {n + 1: mv for n, mv in enumerate(cells)})
    rig.wait(1100 * MS)
    mask = active(rig)
    assert not mask & mask >> 1
    assert bin(mask).count("1") <= most
    assert bool(mask) == (max(cells) - min(cells) > 40)
    for n in range(16):
        if mask >> n & 1:
            assert cells[n] > min(cells) + 20


HIGH = {n: 3950 for n in range(1, 17)}


@pytest.mark.parametrize(
    "config, ma, balances",
    [
        (CHARGE, 100, True),
        (CHARGE, 0, False),
        (RELAX, 0, True),
        (RELAX, 100, False),
        (RELAX, -200, False),
        (CHARGE | RELAX, -200, False),
        (0, 0, False),
    ],
)
def test_own_balancing_asks_for_its_current(config, ma, balances):
    rig = rig_with(config, cells=dict(HIGH) | {6: 4000})
    rig.bench.current(ma)
    rig.wait(3 * SECOND)
    assert active(rig) == (1 << 5 if balances else 0)


def test_own_balancing_starts_beyond_start_and_goes_on_to_stop():
    rig = rig_with(RELAX, cells=dict(HIGH) | {6: 3990})
    rig.wait(30 * SECOND)
    assert not active(rig)
    rig.bench.cell(6, 3991)
    rig.wait(2 * SECOND)
    assert active(rig) == 1 << 5
    rig.bench.cell(6, 3971)
    rig.wait(25 * SECOND)
    assert active(rig) == 1 << 5
    rig.bench.cell(6, 3970)
    rig.wait(25 * SECOND)
    assert not active(rig)


def test_own_balancing_waits_until_every_cell_is_high_enough():
    rig = rig_with(RELAX, cells=dict(HIGH) | {2: 3899, 6: 4000})
    rig.wait(3 * SECOND)
    assert not active(rig)


def test_own_balancing_comes_back_after_what_stopped_it():
    rig = rig_with(RELAX, 4, dict(HIGH) | {6: 4000})
    rig.wait(2 * SECOND)
    assert active(rig)
    rig.bench.temps_c = [61.0, 25.0, 25.0]
    rig.wait(300 * MS)
    assert not active(rig)
    rig.bench.temps_c = [25.0, 25.0, 25.0]
    rig.wait(2 * SECOND)
    assert active(rig)


@pytest.mark.parametrize("config, balances", [(RELAX, False), (RELAX | SLEEP, True)])
def test_own_balancing_in_sleep_needs_its_permission(config, balances):
    rig = rig_with(config, cells=dict(HIGH) | {6: 4000})
    rig.command(0x0099)
    rig.wait(3 * SECOND)
    assert rig.status & 0x8000
    assert bool(active(rig)) == balances


def test_choice_names_channels_and_neighbours_in_the_wiring_are_neighbours():
    wiring = 0x800F
    rig = Rig(cells=5, wiring=wiring)
    rig.configure((0x9304, struct.pack("<H", wiring)), (0x933A, b"\x04"))
    rig.command(0x009A)
    for n, mv in ((3, 3390), (4, 3400), (5, 3395)):
        rig.bench.cell(n, mv)
    rig.wait(300 * MS)
    rig.send(0x0084, struct.pack("<H", 3350))
    rig.wait(1100 * MS)
    assert active(rig) == 1 << 3


# Sealed


@pytest.mark.parametrize("code", [0x0012, 0x0022, 0x0024, 0x0090])
def test_sealed_chip_refuses(code):
    rig = rig_with()
    rig.command(0x0022)
    rig.wait(500 * MS)
    before = rig.ask(0x0057)
    rig.command(0x0030)
    rig.command(code, 10 * MS)
    assert rig.ask(0x0057) == before
    assert rig.status & 0x0309 == 0x0300


def test_sealed_chip_still_obeys_fet_sleep_balancing_and_load_detect_commands():
    rig = rig_with()
    rig.command(0x0022)
    rig.wait(500 * MS)
    rig.command(0x0030)
    rig.command(0x0094)
    assert rig.fets == DSG
    rig.command(0x0099)
    assert rig.status & 0x0004
    rig.command(0x009A)
    rig.send(0x0083, b"\x01\x00")
    rig.command(0x009E)
    assert rig.u16(0x00) & 0x01
    rig.wait(1100 * MS)
    assert active(rig) == 1


def test_sealed_data_memory_neither_reads_nor_writes():
    rig = rig_with()
    rig.command(0x0030)
    rig.send(0x9261, b"\xff")
    assert rig.ask(0x9261) == b""
    assert rig.chip.rejected_writes == 1


def test_config_update_can_be_left_by_a_chip_sealed_meanwhile():
    rig = rig_with()
    rig.command(0x0090)
    rig.command(0x0030)
    rig.command(0x0092)
    assert not rig.status & 0x0001
