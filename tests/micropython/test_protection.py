"""What the limit table does with a pack, in time: trip, delay, release, stale, unknown."""

from packs import Rig

from vigil import limits
from vigil.sample import BOARD, CELLS, CURRENT, STACK, TEMPS, UNKNOWN


def cycles(ms):
    return ms // 50


def test_healthy_pack_trips_nothing():
    rig = Rig()
    assert rig.step(200) == 0
    assert rig.tripped() == []


def test_over_voltage_opens_charge_after_its_delay_and_not_before():
    rig = Rig()
    rig.step(5)
    rig.cells_mv[4] = 3651
    assert rig.step(cycles(1000)) & limits.OPEN_BOTH == 0
    assert rig.step() & limits.OPEN_BOTH == limits.OPEN_CHARGE
    at = limits.position(limits.CELL_OVER_VOLTAGE)
    assert rig.protection.trip_at[at] == 4
    assert rig.protection.trip_value[at] == 3651
    assert rig.protection.charge_opened_by == at
    assert rig.protection.discharge_opened_by == -1


def test_value_on_the_limit_does_not_trip():
    rig = Rig()
    rig.cells_mv[0] = 3650
    rig.cells_mv[1] = 2500
    assert rig.step(200) & limits.OPEN_BOTH == 0


def test_a_value_back_on_the_limit_makes_a_row_forget_its_time():
    rig = Rig()
    rig.cells_mv[3] = 3651
    rig.step(12)
    assert limits.CELL_OVER_VOLTAGE not in rig.tripped()
    rig.cells_mv[3] = 3650
    rig.step(100)
    assert limits.CELL_OVER_VOLTAGE not in rig.tripped()


def test_one_good_sample_makes_a_row_forget_its_time():
    rig = Rig()
    rig.step()
    rig.cells_mv[4] = 3700
    rig.step(cycles(900))
    rig.cells_mv[4] = 3300
    rig.step()
    rig.cells_mv[4] = 3700
    assert rig.step(cycles(1000)) & limits.OPEN_CHARGE == 0
    assert rig.step() & limits.OPEN_CHARGE


def test_under_voltage_opens_discharge_and_releases_with_hysteresis():
    rig = Rig()
    rig.step()
    rig.cells_mv[15] = 2400
    rig.step(cycles(2000) + 2)
    assert limits.CELL_UNDER_VOLTAGE in rig.tripped()
    # Above the trip but below the release: stays.
    rig.cells_mv[15] = 2940
    rig.step(cycles(20000))
    assert limits.CELL_UNDER_VOLTAGE in rig.tripped()
    rig.cells_mv[15] = 2950
    rig.step(cycles(10000))
    assert limits.CELL_UNDER_VOLTAGE in rig.tripped()
    rig.step()
    assert limits.CELL_UNDER_VOLTAGE not in rig.tripped()


def test_warning_comes_before_the_trip_and_opens_nothing():
    rig = Rig()
    rig.step()
    rig.cells_mv[2] = 3610
    assert rig.step(cycles(1000) + 2) == limits.WARNING
    assert rig.tripped() == [limits.CELL_OVER_VOLTAGE_WARNING]


def test_current_limits_open_the_switch_of_their_direction():
    rig = Rig()
    rig.step()
    rig.current_ma = 61000
    rig.step(cycles(2000) + 2)
    assert rig.tripped() == [limits.CHARGE_OVER_CURRENT]
    rig = Rig()
    rig.step()
    rig.current_ma = -121000
    assert rig.step(cycles(10000)) == 0
    assert rig.step(2) == limits.OPEN_DISCHARGE


def test_cold_cells_may_discharge_but_not_charge():
    rig = Rig()
    rig.step()
    rig.temps_dc[1] = -50
    assert rig.step(cycles(2000) + 2) == limits.OPEN_CHARGE
    assert rig.protection.trip_at[limits.position(limits.CHARGE_UNDER_TEMPERATURE)] == 1


def test_hot_cells_open_both():
    rig = Rig()
    rig.step()
    rig.temps_dc[2] = 601
    assert rig.step(cycles(2000) + 2) == limits.OPEN_BOTH


def test_each_stale_group_opens_both_within_three_of_its_periods():
    for group, row_id, period_ms in (
        (CELLS, limits.CELLS_STALE, 63),
        (TEMPS, limits.TEMPS_STALE, 189),
        (CURRENT, limits.CURRENT_STALE, 63),
        (STACK, limits.STACK_STALE, 189),
        (BOARD, limits.BOARD_STALE, 189),
    ):
        rig = Rig()
        assert rig.step(10) == 0
        last_good_ms = rig.now_ms
        rig.stale = (group,)
        while rig.step() != limits.OPEN_BOTH:
            assert rig.now_ms - last_good_ms <= 3 * period_ms
        assert rig.now_ms - last_good_ms <= 3 * period_ms
        assert rig.tripped() == [row_id]
        rig.stale = ()
        rig.step(cycles(1000) + 2)
        assert rig.tripped() == []


def test_unknown_cell_opens_both_and_hides_no_other_limit():
    rig = Rig()
    rig.step()
    rig.cells_mv[3] = 3700
    rig.step(cycles(500))
    rig.cells_mv[7] = UNKNOWN
    rig.step(cycles(600))
    assert rig.tripped() == [
        limits.CELL_OVER_VOLTAGE,
        limits.CELL_OVER_VOLTAGE_WARNING,
        limits.CELLS_INVALID,
    ]
    assert rig.protection.actions & limits.OPEN_BOTH == limits.OPEN_BOTH


def test_unknown_value_lets_a_row_neither_forget_nor_release():
    rig = Rig()
    rig.step()
    rig.cells_mv[3] = 3700
    rig.step(cycles(900))
    # The high cell itself becomes unknown: the time it has collected must stay.
    rig.cells_mv[3] = UNKNOWN
    rig.step(3)
    rig.cells_mv[3] = 3700
    rig.step(3)
    assert limits.CELL_OVER_VOLTAGE in rig.tripped()
    rig.cells_mv[3] = UNKNOWN
    rig.step(cycles(20000))
    assert limits.CELL_OVER_VOLTAGE in rig.tripped()


def test_front_end_masks_open_what_they_concern():
    rig = Rig()
    rig.step()
    rig.sample.front_end_charge_trip = 1
    assert rig.step() == limits.OPEN_CHARGE
    rig.sample.front_end_charge_trip = 0
    rig.sample.front_end_discharge_trip = 4
    assert rig.step() & limits.OPEN_DISCHARGE
    rig.sample.front_end_fault = 1
    assert rig.step() == limits.OPEN_BOTH


def test_nothing_changes_when_the_millisecond_ticks_wrap():
    rig = Rig(now_ms=(1 << 30) - 700)
    assert rig.step(50) == 0
    rig = Rig(now_ms=(1 << 30) - 700)
    rig.step()
    rig.cells_mv[4] = 3651
    assert rig.step(cycles(1000)) & limits.OPEN_BOTH == 0
    assert rig.step() & limits.OPEN_CHARGE


def test_place_and_value_stay_those_of_the_moment_of_the_trip():
    rig = Rig()
    rig.step()
    rig.cells_mv[4] = 3660
    rig.step(cycles(1000) + 2)
    at = limits.position(limits.CELL_OVER_VOLTAGE)
    # Later another cell is higher, and another row trips.
    rig.cells_mv[9] = 3800
    rig.temps_dc[0] = 650
    rig.step(cycles(3000))
    assert limits.DISCHARGE_OVER_TEMPERATURE in rig.tripped()
    assert (rig.protection.trip_at[at], rig.protection.trip_value[at]) == (4, 3660)
    assert rig.protection.value_now(at, rig.sample) == 3800
