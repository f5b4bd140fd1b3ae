"""BQ76952 model: DASTATUS blocks, coulomb counter, what a thermistor pin shows by its use."""

import struct

import pytest

from host_tools.mock.bq76952_pins import thermistor_ohm
from tests.unit.bq76952_rig import MS, SECOND, Rig, gain

MAX_CELL, MIN_CELL, SUM, CELL_T, FET_T, MAX_T, MIN_T, MEAN_T, CC3, CC1 = range(2, 12)


def words(rig):
    return struct.unpack("<12h", rig.ask(0x0075)[:24])


def test_dastatus5_sums_up_cells_and_temperatures():
    rig = Rig()
    rig.configure((0x92FD, b"\x07\x07\x0f"))
    rig.bench.temps_c = [20.0, 30.0, 61.0]
    rig.bench.cell(3, 3500)
    rig.bench.cell(9, 3100)
    rig.wait(300 * MS)
    seen = words(rig)
    assert (seen[MAX_CELL], seen[MIN_CELL], seen[SUM]) == (3500, 3100, 5280)
    assert (seen[CELL_T], seen[MEAN_T]) == (2982, 2982)
    assert (seen[FET_T], seen[MAX_T], seen[MIN_T]) == (3342, 3032, 2932)


def test_cc1_is_a_quarter_second_mean_and_cc3_the_mean_of_its_samples():
    rig = Rig()
    # 100 samples of 3 ms.
    rig.configure(gain(0.5), (0x9307, bytes([100])))
    rig.command(0x009A, 0)
    start_us = rig.clock.now_us
    rig.bench.current(-2000)
    rig.wait_until(start_us + 600 * MS)
    rig.bench.current(0)
    rig.wait_until(start_us + 750 * MS)
    rig.bench.current(-8000)
    rig.wait_until(start_us + 910 * MS)
    seen = words(rig)
    assert seen[CC3] == pytest.approx((-8000 * 150) / 300, abs=2)
    assert seen[CC1] == pytest.approx((-2000 * 100) / 250, abs=20)


def test_currents_of_dastatus5_are_in_user_amps_and_its_counts_are_not():
    rig = Rig()
    rig.configure(gain(0.5), (0x9303, b"\x06"))
    rig.bench.current(-50000)
    rig.wait(1 * SECOND)
    data = rig.ask(0x0075)
    assert struct.unpack("<12h", data[:24])[CC3:] == (-5000, -5000)
    cc2, cc3 = struct.unpack("<ii", data[24:])
    assert cc2 == cc3 == pytest.approx(-50000 * 0.5 / 0.02956, rel=1e-4)


def test_charge_stops_at_the_dead_band_and_starts_again_at_zero():
    rig = Rig()
    rig.configure(gain(0.5), (0x922D, b"\x0a"))
    rig.command(0x0082)
    # 10 x 234 nV are 4.7 mA at 0.5 milliohm.
    rig.bench.current(-4)
    rig.wait(100 * SECOND)
    whole, fraction, seconds = struct.unpack("<iII", rig.ask(0x0076)[:12])
    assert (whole, fraction) == (0, 2**31)
    assert seconds in (99, 100)
    rig.bench.current(36000)
    rig.wait(100 * SECOND)
    assert struct.unpack("<i", rig.ask(0x0076)[:4])[0] == pytest.approx(1000, abs=4)
    rig.command(0x0082)
    assert struct.unpack("<i", rig.ask(0x0076)[:4])[0] == 0


def test_negative_charge_has_a_whole_part_below_and_a_positive_fraction():
    rig = Rig()
    rig.configure(gain(0.5))
    rig.command(0x0082)
    rig.bench.current(-3600)
    rig.wait(10 * SECOND)
    whole, fraction = struct.unpack("<iI", rig.ask(0x0076)[:8])
    assert whole == -10
    assert whole + fraction / 2**32 == pytest.approx(-9.5, abs=0.3)


@pytest.mark.parametrize(
    "config, watched", [(0x07, True), (0x0B, False), (0x0F, False)], ids=["cell", "report", "FET"]
)
def test_only_cell_thermistors_count_for_the_cells(config, watched):
    rig = Rig()
    rig.configure((0x92FD, bytes([config])))
    rig.bench.temps_c = [61.0, 25.0, 25.0]
    rig.wait(300 * MS)
    assert rig.i16(0x70) == 3342
    assert (words(rig)[MAX_T] == 3342) == watched
    assert (words(rig)[FET_T] == 3342) == (config == 0x0F)


def test_adcin_pin_shows_millivolts_and_is_no_temperature():
    rig = Rig()
    rig.chip.pins.outside_mv[0] = 1234.0
    rig.configure((0x92FA, b"\x83"))
    rig.wait(300 * MS)
    assert rig.i16(0x6A) == 1234
    assert words(rig)[FET_T] == 0


def test_thermistor_is_10k_when_warm_and_the_pin_divides_by_its_pull_up():
    assert thermistor_ohm(25.0) == pytest.approx(10000)
    assert thermistor_ohm(0.0) == pytest.approx(27280, rel=0.06)
    assert thermistor_ohm(60.0) == pytest.approx(3020, rel=0.05)
    rig = Rig()
    rig.configure((0x92FD, b"\x03"))
    rig.wait(300 * MS)
    assert rig.i16(0x70) == pytest.approx(1800 * 10 / 28, abs=1)


def test_pin_counts_come_in_dastatus6_and_7():
    rig = Rig()
    rig.configure((0x92FD, b"\x07\x07\x07"))
    rig.wait(300 * MS)
    first = struct.unpack("<5i", rig.ask(0x0076)[12:])
    second = struct.unpack("<4i", rig.ask(0x0077))
    assert first[:3] == (0, 0, 0)
    assert first[3] == first[4] == second[0] > 0
    assert second[1:] == (0, 0, 0)


def test_more_than_three_thermistors_take_turns_in_the_loops():
    rig = Rig()
    rig.configure((0x92FA, b"\x0b\x0b\x0b\x0b"), (0x926D, b"\x82\xf8"))
    rig.command(0x009A, 0)
    rig.bench.temps_c = [20.0, 21.0, 22.0, 23.0, 24.0, 25.0]
    rig.wait(63 * MS)
    assert [rig.i16(0x6A + 2 * n) > 0 for n in range(4)] == [True, True, True, False]
    rig.wait(63 * MS)
    assert rig.i16(0x70) == 2932
