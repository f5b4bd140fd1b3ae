"""Temperatures of the chip and of the switches, and sensors that break or are shorted."""

from desk import Desk, machine_ms

from host_tools.mock.bench import DIE, SWITCHES
from vigil import limits
from vigil.sample import CHARGE_TRIP_TEMPERATURE, DISCHARGE_TRIP_TEMPERATURE, UNKNOWN

FULL_SCAN_MS = 400


def board_dc(desk):
    sample = desk.bms.sample
    first = sample.board_at
    return list(sample.values[first : first + sample.board_temp_count])


def temps_dc(desk):
    sample = desk.bms.sample
    return list(sample.values[sample.temps_at : sample.temps_at + sample.temp_count])


def tripped(row_id, desk):
    return lambda: row_id in desk.tripped()


def test_chip_and_switches_are_measured():
    desk = Desk()
    assert desk.bms.sample.board_temp_count == 2
    desk.bench.set_board_dc(SWITCHES, 610)
    desk.bench.set_board_dc(DIE, 450)
    desk.run_ms(25000)
    die_dc, switches_dc = board_dc(desk)
    assert abs(die_dc - 450) <= 1
    assert abs(switches_dc - 610) <= 1


def test_switches_warm_with_the_current_that_they_carry():
    desk = Desk()
    before_dc = board_dc(desk)
    desk.bench.offer(-90000)
    desk.run_ms(60000)
    after_dc = board_dc(desk)
    assert after_dc[1] - before_dc[1] > 100
    assert desk.tripped() == []


def test_hot_switches_or_a_hot_chip_open_both_until_they_are_cool():
    for place in (DIE, SWITCHES):
        desk = Desk(current_ma=-10000)
        desk.bench.set_board_dc(place, 900)
        desk.run_until(tripped(limits.BOARD_TEMPERATURE_WARNING, desk), 40000)
        assert desk.both_on()
        desk.run_until(desk.both_off, 10000)
        assert desk.bms.protection.trip_at[limits.position(limits.BOARD_OVER_TEMPERATURE)] == place
        desk.bench.clear()
        desk.run_until(desk.both_on, 60000)
        # On the way down, at the release.
        assert 25 < board_dc(desk)[place] / 10 <= 70


def test_the_chip_opens_both_by_itself_when_nobody_judges():
    for place in (DIE, SWITCHES):
        desk = Desk(current_ma=-10000)
        sample = desk.bms.sample
        desk.bench.set_board_dc(place, 870)
        hot_us = None
        while desk.both_on():
            desk.clock.advance(50000)
            desk.bms.board.watchdog.feed()
            desk.bms.front_end.read(sample, machine_ms())
            if hot_us is None and max(desk.bench.die_c, desk.bench.switch_c) >= 86:
                hot_us = desk.clock.now_us
            assert hot_us is None or desk.clock.now_us - hot_us < 3600000
        # Its delay is 3 s, in whole scans.
        assert desk.both_off()
        assert desk.clock.now_us - hot_us > 2500000
        desk.bms.front_end.read(sample, machine_ms())
        assert sample.front_end_charge_trip == CHARGE_TRIP_TEMPERATURE
        assert sample.front_end_discharge_trip == DISCHARGE_TRIP_TEMPERATURE
        # Above its limit for longer than 5 s it has still not shut itself down.
        for _ in range(40):
            desk.clock.advance(100000)
            desk.bms.board.watchdog.feed()
            desk.bms.front_end.read(sample, machine_ms())
        assert desk.chip.powered


def test_a_broken_or_shorted_sensor_of_a_cell_is_unknown_and_opens_both():
    for shorted in (False, True):
        for n in (1, 2, 3):
            desk = Desk(current_ma=10000)
            desk.bench.break_sensor(n, shorted)
            desk.run_until(desk.both_off, FULL_SCAN_MS + 200)
            assert desk.tripped() == [limits.TEMPS_INVALID]
            assert [temp_dc == UNKNOWN for temp_dc in temps_dc(desk)] == [
                place == n for place in (1, 2, 3)
            ]
            desk.bench.clear()
            desk.run_until(desk.both_on, 10000)


def test_a_broken_or_shorted_sensor_at_the_switches_is_unknown_and_opens_both():
    for shorted in (False, True):
        desk = Desk(current_ma=10000)
        desk.bench.break_sensor(0, shorted)
        desk.run_until(desk.both_off, FULL_SCAN_MS + 200)
        assert desk.tripped() == [limits.BOARD_INVALID]
        assert board_dc(desk)[0] != UNKNOWN and board_dc(desk)[1] == UNKNOWN
        desk.bench.clear()
        desk.run_until(desk.both_on, 10000)


def test_whatever_a_broken_sensor_shows_beyond_its_curve_is_unknown():
    # What the chip makes of an open pin is not known; a 10k thermistor ends at -43 degC.
    for tenth_k in (0, 1000, 2000, 2300, 4300, 6553, 32767):
        desk = Desk()
        desk.chip.open_pin_value = tenth_k
        desk.bench.break_sensor(2)
        desk.run_ms(FULL_SCAN_MS)
        assert temps_dc(desk)[1] == UNKNOWN


def test_a_sensor_that_was_moving_when_it_broke_goes_on_from_where_it_is():
    desk = Desk()
    desk.bench.break_sensor(2)
    desk.bench.set_temp_dc(0, 300)
    desk.run_ms(5000)
    assert temps_dc(desk)[1] == UNKNOWN
    desk.bench.clear()
    desk.run_ms(5000)
    assert 200 < temps_dc(desk)[1] < 310
