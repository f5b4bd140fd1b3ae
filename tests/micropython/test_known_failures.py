"""Failures seen in other battery management systems, one test each: ours must not have them."""

from desk import Desk
from packs import Rig, lfp_table

from vigil import limits
from vigil.app import Bms
from vigil.sample import CLIMATE_FAULT, HEALTH_FIRST


def spoil_everything(desk):
    desk.chip.corrupt_checks = True


def test_values_behind_failed_check_codes_never_go_on_charging():
    # Elsewhere: on a check error the old voltages stay and carry no age.
    desk = Desk(current_ma=20000)
    spoil_everything(desk)
    before = list(desk.bms.sample.values)
    desk.run_ms(300)
    assert list(desk.bms.sample.values[:20]) == before[:20]
    assert desk.both_off()
    assert limits.CELLS_STALE in desk.tripped()


def test_a_failed_read_is_more_than_a_line_in_a_log():
    # Elsewhere: the error is logged and the state machine goes on with old flags.
    desk = Desk(current_ma=20000)
    desk.chip.answering = False
    desk.run_ms(300)
    assert desk.bms.read_errors > 0
    assert list(desk.bms.switches.reason) != [0, 0]
    assert desk.both_off()


def test_a_nearly_dead_cell_does_not_vanish_from_the_minimum():
    # Elsewhere: a cell at or below 0.5 V is skipped, and the pack looks healthy.
    for cell_mv in (500, 300, 0):
        desk = Desk(current_ma=-10000)
        desk.bench.set_cell_mv(3, cell_mv)
        desk.run_ms(25000)
        assert not desk.bench.true_discharge
        assert limits.CELL_UNDER_VOLTAGE in desk.tripped()


def test_invalid_data_clears_no_other_rule():
    # Elsewhere: one invalid module sets all voltage and temperature rules to false.
    rig = Rig()
    rig.step()
    rig.cells_mv[3] = 3700
    rig.temps_dc[0] = 700
    rig.step(60)
    tripped = rig.tripped()
    assert limits.CELL_OVER_VOLTAGE in tripped
    assert limits.DISCHARGE_OVER_TEMPERATURE in tripped
    rig.cells_mv[9] = 0x1FFFFFFF
    rig.temps_dc[1] = 0x1FFFFFFF
    rig.step(400)
    for row_id in tripped:
        assert row_id in rig.tripped()


def test_the_last_row_of_the_table_trips_and_releases_like_the_first():
    # Elsewhere: the loop over the rules ends one short.
    rig = Rig()
    rig.step()
    last = limits.TABLE[len(limits.TABLE) - 1][limits.ID]
    assert last == limits.CLIMATE_WARNING
    rig.sample.health[CLIMATE_FAULT - HEALTH_FIRST] = 1
    rig.step(2)
    assert rig.tripped() == [last]
    rig.sample.health[CLIMATE_FAULT - HEALTH_FIRST] = 0
    rig.step(60)
    assert rig.tripped() == []


def test_rules_work_below_zero_degrees():
    # Elsewhere: temperatures below zero break the comparison.
    for temp_dc, wanted in ((-1, limits.OPEN_CHARGE), (-150, limits.OPEN_CHARGE)):
        rig = Rig()
        rig.temps_dc = [temp_dc] * 3
        rig.step(60)
        assert rig.protection.actions & limits.OPEN_BOTH == wanted
    rig = Rig()
    rig.temps_dc = [250, 250, -201]
    rig.step(60)
    assert limits.DISCHARGE_UNDER_TEMPERATURE in rig.tripped()


def test_every_limit_protects_without_being_configured_by_anybody():
    # Elsewhere: the outputs do nothing until rules are assigned, or over-current is 1000 A.
    table = lfp_table()
    for row in limits.TABLE:
        assert row[limits.ACTION] & (limits.OPEN_BOTH | limits.WARNING)
    assert table.trip[limits.position(limits.DISCHARGE_OVER_CURRENT)] >= -150000
    assert table.trip[limits.position(limits.CHARGE_UNDER_TEMPERATURE)] >= 0


def test_release_is_never_the_trip_itself():
    # Elsewhere: reset equals trigger by default, and the switch chatters.
    table = lfp_table()
    for at, row in enumerate(limits.TABLE):
        if limits.is_measured(row[limits.GROUP]):
            assert table.trip[at] != table.release[at]


def test_the_chips_own_trips_are_read_and_acted_upon():
    # Elsewhere: the flags are read but the call is commented out.
    desk = Desk(current_ma=-10000)
    desk.bench.set_short()
    desk.run_ms(300)
    assert limits.FRONT_END_DISCHARGE_TRIP in desk.tripped()


def test_a_firmware_that_stands_still_is_restarted_by_the_watchdog():
    # Elsewhere: the watchdog watches another thread, waits 26 s, or does not exist.
    import machine

    desk = Desk(current_ma=-10000)
    fired = []
    machine.on_watchdog = lambda: fired.append(desk.clock.now_us)
    desk.run_ms(5000)
    assert not fired
    stopped_us = desk.clock.now_us
    desk.clock.advance(4000000)
    assert fired and fired[0] - stopped_us <= 2000000


def test_whatever_ends_the_firmware_leaves_the_switches_open():
    desk = Desk(current_ma=-10000)
    assert desk.both_on()

    def interrupt(now_ms):
        raise KeyboardInterrupt

    desk.bms.executive._work = interrupt
    try:
        Bms.run(desk.bms)
    except KeyboardInterrupt:
        pass
    assert desk.both_off()
