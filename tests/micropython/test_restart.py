"""The whole firmware on the desk through power cuts and restarts of the same flash."""

import time

import machine
from desk import Desk, machine_ms

from host_tools.mock.fake_flash import FakeFlash, PowerCut
from vigil import journal, limits, memory, selftest
from vigil.keeper import CONFIRM_AFTER_MS, LATCHED_KEPT_MS, LATCHED_KEPT_QUIET_MS
from vigil.memory import Memory
from vigil.switches import LATCHED, OFF, REASON_MEMORY_LOST, REASON_SAFE_MODE

# Minutes of simulated time.
LONG_ON_CPYTHON = (
    "test_a_start_that_runs_well_is_confirmed_once",
    "test_an_erase_at_its_worst_opens_no_switch",
    "test_flash_writes_cost_no_overrun_and_no_fault",
    "test_starts_and_their_causes_are_counted",
    "test_three_starts_that_fail_lead_to_safe_mode",
)

OVER_VOLTAGE_AT = limits.position(limits.CELL_OVER_VOLTAGE)


def latching(desk):
    """Make over-voltage a row that latches; no preset has one that is easily provoked."""
    desk.bms.protection._rows[OVER_VOLTAGE_AT * limits.ROW_WORDS + limits.ROW_ACTIONS] = (
        limits.OPEN_BOTH | limits.LATCH | limits.ACTIVE
    )
    desk.bms.table_guard.take()
    return desk


def latch(desk):
    latching(desk).bench.set_cell_mv(5, 3720)
    desk.run_until(lambda: desk.bms.switches.state[0] == LATCHED, 20000)


def kept_rows(desk):
    return list(Memory(desk.flash).latched_rows)


def kinds(desk):
    return [entry.kind for entry in desk.bms.memory.journal.newest_first()]


def test_a_latched_switch_is_kept_within_a_second_when_quiet():
    desk = Desk()
    latch(desk)
    rows = [limits.CELL_OVER_VOLTAGE] * 2
    desk.run_until(lambda: kept_rows(desk) == rows, LATCHED_KEPT_QUIET_MS)
    assert desk.bms.keeper.forced == 0


def test_a_latched_switch_is_kept_within_five_seconds_when_never_quiet():
    desk = Desk()
    desk.bms.keeper._window._backstop_is_good = lambda: False
    latch(desk)
    waited_ms = desk.run_until(lambda: kept_rows(desk)[0] != 0, LATCHED_KEPT_MS)
    assert waited_ms > LATCHED_KEPT_QUIET_MS
    assert desk.bms.keeper.forced == 1


def test_a_latched_switch_stays_open_through_a_power_cut_until_the_owner_resets():
    desk = Desk()
    latch(desk)
    desk.run_ms(LATCHED_KEPT_QUIET_MS)
    desk = Desk(flash=desk.flash, settle=False)
    desk.run_ms(10000)
    assert desk.both_off()
    assert list(desk.bms.switches.state) == [LATCHED, LATCHED]
    assert list(desk.bms.switches.reason) == [limits.CELL_OVER_VOLTAGE] * 2
    desk.bms.owner_reset()
    desk.run_until(desk.both_on, 5000)
    desk.run_until(lambda: kept_rows(desk) == [0, 0], LATCHED_KEPT_QUIET_MS)
    assert Desk(flash=desk.flash).both_on()


def test_a_latched_switch_is_never_closed_even_for_a_moment_after_a_restart():
    desk = Desk()
    latch(desk)
    desk.run_ms(LATCHED_KEPT_QUIET_MS)
    desk = Desk(flash=desk.flash, settle=False)
    closed = []
    desk.bench.listeners.append(lambda: closed.append(1) if not desk.both_off() else None)
    desk.run_ms(8000)
    assert closed == []


def test_a_trip_is_told_by_the_journal_after_a_restart():
    desk = Desk(current_ma=5000)
    desk.bench.set_cell_mv(5, 3720)
    desk.run_until(lambda: not desk.bench.true_charge, 20000)
    desk.run_ms(12000)
    desk = Desk(flash=desk.flash, settle=False)
    trips = [e for e in desk.bms.memory.journal.newest_first() if e.kind == journal.TRIP]
    first = trips[-1]
    assert (first.code, first.where, first.start) == (limits.CELL_OVER_VOLTAGE, 5, 1)
    assert 3650 < first.value <= 3720


def test_starts_and_their_causes_are_counted():
    desk = Desk()
    for number in range(2, 4):
        desk.run_ms(CONFIRM_AFTER_MS + 2000)
        desk = Desk(flash=desk.flash)
        assert desk.bms.memory.starts == number
    assert kinds(desk).count(journal.START) == 3
    assert desk.bms.memory.reset_cause == machine.reset_cause()


def test_a_start_that_runs_well_is_confirmed_once():
    desk = Desk()
    assert Memory(desk.flash).unconfirmed_starts == 1
    desk.run_ms(CONFIRM_AFTER_MS - 3000)
    assert Memory(desk.flash).unconfirmed_starts == 1
    desk.run_ms(5000)
    assert Memory(desk.flash).unconfirmed_starts == 0
    assert not desk.bms.memory.flags
    desk.run_ms(30000)
    assert kinds(desk).count(journal.CONFIRMED) == 1


def test_a_start_that_failed_its_self_test_is_not_confirmed():
    desk = Desk()
    desk.bms.self_test_passed = False
    desk.run_ms(CONFIRM_AFTER_MS + 5000)
    assert Memory(desk.flash).unconfirmed_starts == 1


def test_flash_writes_cost_no_overrun_and_no_fault():
    desk = Desk(current_ma=-10000)
    desk.run_ms(CONFIRM_AFTER_MS + 30000)
    assert desk.bms.keeper.writes >= 3
    assert desk.bms.executive.overruns == 0
    assert desk.tripped() == []
    assert desk.both_on()


def test_an_erase_at_its_worst_opens_no_switch():
    flash = FakeFlash(erase_us=395000)
    desk = Desk(current_ma=-10000, flash=flash)
    opened = []
    desk.bench.listeners.append(lambda: opened.append(1) if not desk.both_on() else None)
    erases = flash.erases
    for _ in range(40):
        desk.bms.memory.stage()
        desk.run_ms(2000)
    assert flash.erases > erases + 3
    assert desk.bms.executive.planned_stalls >= 3
    assert opened == []


def test_no_write_is_planned_under_heavy_current():
    desk = Desk(current_ma=-90000, soc_pct=90)
    desk.run_ms(2000)
    writes = desk.bms.keeper.writes
    desk.bms.memory.stage()
    desk.run_ms(10000)
    assert desk.bms.keeper.writes == writes
    desk.bench.offer(0)
    desk.run_ms(2000)
    assert desk.bms.keeper.writes > writes


def test_three_starts_that_fail_lead_to_safe_mode():
    flash = FakeFlash()
    for _ in range(3):
        desk = Desk(flash=flash)
        assert not desk.bms.memory.safe_mode
        desk.run_ms(2000)
    desk = Desk(flash=flash, settle=False)
    assert desk.bms.memory.safe_mode
    desk.run_ms(60000)
    assert desk.both_off()
    assert list(desk.bms.switches.state) == [OFF, OFF]
    assert list(desk.bms.switches.reason) == [REASON_SAFE_MODE] * 2
    # And it stays so: it has not run well, it has only run.
    assert Desk(flash=flash, settle=False).bms.memory.safe_mode


def safe_mode_desk():
    flash = FakeFlash()
    for _ in range(3):
        Memory(flash).begin(1)
    return Desk(flash=flash, settle=False)


def test_safe_mode_answers_on_rs485_and_says_that_both_switches_are_off():
    desk = safe_mode_desk()
    heard = []
    desk.twin.rs485.on_transmit = lambda data: heard.extend(data)
    desk.run_ms(1000)
    desk.twin.rs485.receive(b"\xdd\xa5\x03\x00\xff\xfd\x77")
    desk.run_ms(1000)
    assert heard[:3] == [0xDD, 0x03, 0x00]
    assert heard[4 + 20] & 3 == 0


def test_safe_mode_leaves_the_front_end_protecting_itself():
    desk = safe_mode_desk()
    touched = []
    write = desk.chip.i2c_write
    desk.chip.i2c_write = lambda data: touched.append(data) or write(data)
    desk.run_ms(5000)
    assert touched == []
    assert desk.both_off()


def test_the_owner_ends_safe_mode_for_the_next_start():
    desk = safe_mode_desk()
    desk.bms.owner_reset()
    assert Desk(flash=desk.flash).both_on()


def test_the_owner_in_safe_mode_also_releases_what_has_latched():
    for switch in (0, 1):
        flash = FakeFlash()
        kept = Memory(flash)
        for _ in range(3):
            kept = Memory(flash)
            kept.begin(1)
        kept.latched_rows[switch] = limits.CELL_OVER_VOLTAGE
        kept.stage()
        while kept.state_waits:
            kept.commit()
        desk = Desk(flash=flash, settle=False)
        assert desk.bms.memory.safe_mode
        assert kept_rows(desk)[switch] == limits.CELL_OVER_VOLTAGE
        desk.bms.owner_reset()
        assert kept_rows(desk) == [0, 0]


def test_a_lost_memory_keeps_both_switches_open_until_the_owner_looks():
    desk = Desk()
    desk.run_ms(3000)
    for name in ("state.0", "state.1"):
        desk.flash.records[name] = b"\x00" * 48
    desk = Desk(flash=desk.flash, settle=False)
    desk.run_ms(10000)
    assert desk.bms.memory.flags & memory.MEMORY_LOST
    assert desk.both_off()
    assert list(desk.bms.switches.reason) == [REASON_MEMORY_LOST] * 2
    desk.bms.owner_reset()
    desk.run_until(desk.both_on, 5000)


def test_a_journal_without_a_state_is_a_lost_memory_and_no_new_board():
    desk = Desk()
    desk.run_ms(3000)
    del desk.flash.records["state.0"], desk.flash.records["state.1"]
    assert Memory(desk.flash).flags & memory.MEMORY_LOST
    assert Memory(FakeFlash()).flags == 0


def test_a_flash_that_cannot_be_written_is_told_and_the_pack_goes_on():
    desk = Desk()
    desk.flash.failing = True
    desk.bms.memory.stage()
    desk.run_ms(3000)
    assert desk.bms.memory.flags & memory.WRITE_FAILED
    assert desk.both_on()
    desk.flash.failing = False
    desk.run_ms(5000)
    assert desk.bms.memory.flags == 0


def test_a_board_that_keeps_nothing_runs_and_says_so():
    bare = Memory(None)
    bare.begin(1)
    assert bare.flags == memory.NO_STORAGE
    assert not bare.safe_mode
    assert not bare.state_waits


def test_power_may_fail_at_any_moment_of_a_whole_run():
    operations = 0
    while True:
        flash = FakeFlash()
        flash.cut_power_in(operations)
        latched_ms = None
        try:
            desk = Desk(flash=flash)
            latch(desk)
            latched_ms = machine_ms()
            desk.run_ms(15000)
        except PowerCut:
            found = Memory(flash)
            assert found.flags & memory.MEMORY_LOST == 0
            if latched_ms is not None and machine_ms() - latched_ms > LATCHED_KEPT_QUIET_MS:
                assert list(found.latched_rows) == [limits.CELL_OVER_VOLTAGE] * 2
            operations += 1
            continue
        break
    assert operations >= 7
    assert kept_rows(desk) == [limits.CELL_OVER_VOLTAGE] * 2


def test_restarts_by_the_watchdog_are_counted():
    flash = FakeFlash()
    for cause in (machine.PWRON_RESET, machine.WDT_RESET, machine.SOFT_RESET, machine.WDT_RESET):
        Memory(flash).begin(cause)
    assert Memory(flash).watchdog_restarts == 2
    assert Memory(flash).reset_cause == machine.WDT_RESET


class BrokenSoftware(Exception):
    pass


def run_main_with_a_bms_that_cannot_be_built(desk, for_ms):
    """main.run() on the board of `desk` until somebody presses Ctrl-C."""
    import main

    def broken(hardware, memory):
        raise BrokenSoftware

    def interrupt():
        raise KeyboardInterrupt

    desk.clock.call_at(desk.clock.now_us + for_ms * 1000, interrupt)
    built = main.make_bms
    main.make_bms = broken
    try:
        main.run()
    finally:
        main.make_bms = built


def test_a_start_that_dies_is_left_to_the_watchdog_and_counted():
    desk = Desk()
    desk.run_ms(CONFIRM_AFTER_MS + 2000)
    try:
        run_main_with_a_bms_that_cannot_be_built(desk, 1000)
    except BrokenSoftware:
        assert Memory(desk.flash).unconfirmed_starts == 1
        return
    raise AssertionError("it did not die")


def test_safe_mode_holds_the_switches_open_even_if_no_bms_can_be_built():
    desk = safe_mode_desk()
    try:
        run_main_with_a_bms_that_cannot_be_built(desk, 10000)
    except KeyboardInterrupt:
        assert desk.both_off()
        return
    raise AssertionError("it did not go on")


def test_the_owner_resets_from_the_repl():
    import main

    flash = safe_mode_desk().flash
    main.owner_reset()
    assert Memory(flash).unconfirmed_starts == 0
    assert Desk(flash=flash).both_on()


def test_a_slow_start_has_the_watchdogs_patience_for_each_of_its_pieces():
    fast = selftest.failures

    def slow():
        time.sleep_ms(1500)
        return fast()

    selftest.failures = slow
    try:
        # Two seconds are the watchdog's; a slow flash and this self-test take three.
        desk = Desk(flash=FakeFlash(erase_us=1500000), settle=False)
    finally:
        selftest.failures = fast
    assert desk.clock.now_us > 3000000
    desk.run_until(desk.both_on, 5000)
