"""A discharged pack without a charger: announced, noted, then all is off; and what wakes it."""

import machine
from desk import Desk

from vigil import deep_discharge, journal, limits
from vigil.memory import Memory

# Minutes of simulated time.
LONG_ON_CPYTHON = ("test_the_next_start_charges_slowly_and_not_fast_and_keeps_discharge_off",)

PATIENCE_MS = deep_discharge.PATIENCE_MS


def empty_desk(cell_mv=2450, **scene):
    """Discharge has been cut off because of cell 3, and nobody charges."""
    desk = Desk(soc_pct=30, **scene)
    desk.bench.set_cell_mv(3, cell_mv)
    desk.run_until(lambda: not desk.bench.true_discharge, 20000)
    desk.run_ms(1200)
    return desk


def hurry(desk, left_ms=3000):
    """Most of the patience has passed."""
    desk.bms.deep_discharge._left_ms = left_ms


def sleeps(desk, within_ms):
    """True if the board turns itself off; the program would end there."""
    end_us = desk.clock.now_us + within_ms * 1000
    while desk.clock.now_us < end_us:
        try:
            desk.bms.executive.turn()
        except machine.PoweredDown:
            machine.power_down()
            return True
    return False


def entries(desk, kind):
    found = Memory(desk.flash).journal.newest_first()
    return [(entry.code, entry.value) for entry in found if entry.kind == kind]


def test_the_sleep_is_announced_ten_minutes_before_and_counts_down():
    desk = empty_desk()
    status = desk.bms.status
    left_s = status.sleeping_in_s
    assert PATIENCE_MS // 1000 - 3 <= left_s <= PATIENCE_MS // 1000
    assert desk.bms.panel.sleeps_soon
    desk.run_ms(10000)
    assert left_s - 11 <= status.sleeping_in_s <= left_s - 9
    assert desk.bench.true_charge


def test_the_chip_and_the_board_are_off_afterwards_and_the_journal_says_why():
    desk = empty_desk()
    hurry(desk)
    assert sleeps(desk, 6000)
    assert not desk.chip.powered
    assert desk.both_off()
    for kind in (journal.SLEEPS_SOON, journal.SLEEPING):
        (code, lowest_mv) = entries(desk, kind)[0]
        assert code == limits.CELL_UNDER_VOLTAGE
        assert 2440 <= lowest_mv <= 2500
    # Time passes, and nothing happens.
    desk.clock.sleep(3600 * 1000000)
    assert not desk.chip.powered


def test_a_cell_that_nears_the_level_of_damage_makes_haste():
    desk = empty_desk(cell_mv=1900)
    desk.run_ms(3000)
    assert desk.bms.status.sleeping_in_s <= deep_discharge.HASTE_MS // 1000
    assert sleeps(desk, deep_discharge.HASTE_MS + 3000)


def test_a_charger_ends_the_countdown_and_it_begins_anew_without_one():
    desk = empty_desk()
    hurry(desk, 20000)
    desk.bench.offer(5000)
    desk.run_ms(3000)
    assert desk.bms.status.sleeping_in_s == -1
    assert not sleeps(desk, 30000)
    desk.bench.offer(0)
    desk.run_ms(3000)
    assert desk.bms.status.sleeping_in_s > PATIENCE_MS // 1000 - 5


def test_a_pack_that_is_not_empty_never_sleeps():
    desk = Desk(soc_pct=50)
    desk.bench.set_cell_mv(3, 2700)
    desk.run_ms(10000)
    assert desk.bms.status.sleeping_in_s == -1
    # Nor does one whose discharge is off for another reason.
    desk.twin.hands.open_interlock()
    desk.run_ms(5000)
    assert desk.bms.status.sleeping_in_s == -1


def test_a_board_that_cannot_sleep_goes_on():
    desk = empty_desk()
    del desk.bms.board.deep_sleep
    desk.bms.deep_discharge = deep_discharge.DeepDischarge(desk.bms)
    for second in range(700):
        desk.bms.deep_discharge.step(1000 * second)
    assert not desk.bms.deep_discharge.can_sleep
    assert desk.chip.powered


def machine_ms(desk):
    return desk.clock.now_us // 1000


class Hold:
    """The pin that keeps the board's supply."""

    def __init__(self):
        self.levels = []

    def value(self, level):
        self.levels.append(level)


def test_a_board_with_a_supply_of_its_own_lets_it_go_after_the_chip():
    desk = empty_desk()
    hold = desk.bms.board.power_hold = Hold()
    desk.bms.deep_discharge = deep_discharge.DeepDischarge(desk.bms)
    now_ms = machine_ms(desk)
    desk.bms.deep_discharge.step(now_ms)
    hurry(desk, 0)
    try:
        desk.bms.deep_discharge.step(now_ms + 1000)
    except machine.PoweredDown:
        pass
    assert hold.levels == [0]
    assert not desk.chip.powered


def test_a_chip_that_does_not_listen_does_not_keep_the_board_awake():
    desk = empty_desk()
    hurry(desk)
    desk.chip.answering = False
    assert sleeps(desk, 15000)
    assert desk.both_off()


def test_heater_fan_and_lamps_are_off_in_the_sleep():
    desk = empty_desk()
    hurry(desk)
    assert sleeps(desk, 6000)
    for pin in (13, 14, 15, 16):
        assert machine.pin_line(pin).level == 0


def test_a_latched_fault_sleeps_and_wakes_with_the_board():
    desk = empty_desk(cell_mv=1700)
    desk.run_until(lambda: desk.bms.switches.state[0] == 4, 10000)
    assert sleeps(desk, deep_discharge.HASTE_MS + 10000)
    assert list(Memory(desk.flash).latched_rows) == [limits.CELL_UNDER_VOLTAGE_SEVERE] * 2


# What wakes it, seen at the chip.


def test_a_charger_wakes_the_chip():
    desk = empty_desk()
    hurry(desk)
    assert sleeps(desk, 6000)
    desk.bench.offer(5000)
    desk.clock.sleep(100000)
    assert desk.chip.powered
    assert desk.both_off()


def test_the_button_wakes_the_chip():
    desk = empty_desk()
    hurry(desk)
    assert sleeps(desk, 6000)
    desk.twin.hands.press(300)
    desk.clock.sleep(1000000)
    assert desk.chip.powered
    assert desk.both_off()


def note_closing(bench):
    closed = []
    bench.listeners.append(lambda: closed.append(1) if bench.true_discharge else None)
    return closed


def test_the_next_start_charges_slowly_and_not_fast_and_keeps_discharge_off():
    for current_ma, charges in ((8000, True), (30000, False)):
        desk = Desk(soc_pct=30, settle=False)
        bench = desk.bench
        bench.set_cell_mv(3, 2400)
        for _ in range(6):
            desk.clock.sleep(1000000)
            desk.bms.board.watchdog.feed()
        closed = note_closing(bench)
        desk.bms.sample.start(machine_ms(desk))
        desk.bms.executive.start()
        bench.offer(current_ma)
        desk.run_ms(25000)
        assert closed == []
        assert bench.true_charge == charges
        assert desk.bms.charge_guard.limit_ma == 10000
        # Through an open switch nothing may flow.
        assert desk.bms.status.charge_limit_ma == (10000 if charges else 0)
