"""Interlock, emergency stop, button, lamp and buzzer, on the whole simulated board."""

import machine
from desk import Desk

from vigil import journal, limits, panel
from vigil.switches import LATCHED

LED_PIN = 13
BUZZER_PIN = 14
WATCH_MS = 10


def a_desk(**scene):
    return Desk(current_ma=-5000, **scene)


def press(desk, ms):
    """The button, held for so long and let go."""
    desk.twin.hands.press(ms)
    desk.run_ms(ms + 200)


def pulses(desk, pin, for_ms):
    """Lengths in ms, in steps of 10, for which the pin was high."""
    line = machine.pin_line(pin)
    seen = []

    def look(level):
        if level:
            seen.append(desk.clock.now_us)
        elif seen:
            seen[-1] = (desk.clock.now_us - seen[-1]) // 1000 // WATCH_MS * WATCH_MS

    line.listeners.append(look)
    desk.run_ms(for_ms)
    line.listeners.remove(look)
    return [ms for ms in seen if ms < 1000000]


def rows(desk):
    return [row_id for row_id in desk.tripped()]


def test_an_open_interlock_opens_both_switches_and_a_closed_one_lets_them_close():
    desk = a_desk()
    desk.twin.hands.open_interlock()
    assert desk.run_until(desk.both_off, 1000) <= 100 + 2 * 50 + 50
    assert rows(desk) == [limits.INTERLOCK_OPEN]
    assert desk.bench.current_ma == 0
    desk.twin.hands.clear()
    desk.run_until(desk.both_on, 4000)


def test_a_contact_that_is_shaken_for_a_moment_is_not_an_open_interlock():
    desk = a_desk()
    for _ in range(20):
        desk.twin.hands.open_interlock()
        desk.run_ms(50)
        desk.twin.hands.clear()
        desk.run_ms(150)
        assert desk.both_on()


def test_a_board_without_contacts_has_nothing_open():
    desk = a_desk()
    board = object()
    bare = panel.Panel(
        board, desk.bms.sample, desk.bms.switches, desk.bms.protection, desk.bms.charge
    )
    desk.bms.panel = bare
    desk.twin.hands.open_interlock()
    desk.twin.hands.push_emergency()
    desk.run_ms(5000)
    assert rows(desk) == []
    assert desk.both_on()


def test_the_emergency_stop_latches_and_a_long_press_releases_it_once_it_is_pulled_out():
    desk = a_desk()
    desk.twin.hands.push_emergency()
    assert desk.run_until(desk.both_off, 1000) <= 3 * 50 + 50
    desk.twin.hands.clear()
    desk.run_ms(20000)
    assert desk.both_off()
    assert list(desk.bms.switches.state) == [LATCHED, LATCHED]
    press(desk, 6000)
    desk.run_until(desk.both_on, 5000)


def test_no_press_releases_an_emergency_stop_that_is_still_asked():
    desk = a_desk()
    desk.twin.hands.push_emergency()
    desk.run_until(desk.both_off, 1000)
    press(desk, 6000)
    desk.run_ms(5000)
    assert desk.both_off()
    assert list(desk.bms.switches.state) == [LATCHED, LATCHED]


def test_the_owners_reset_is_in_the_journal():
    desk = a_desk()
    press(desk, 6000)
    kinds = [(entry.kind, entry.code) for entry in desk.bms.memory.journal.newest_first()]
    assert (journal.BUTTON, journal.BUTTON_RESET) in kinds


def latched_desk():
    desk = a_desk()
    desk.twin.hands.push_emergency()
    desk.run_until(desk.both_off, 1000)
    desk.twin.hands.clear()
    return desk


def test_a_press_that_is_neither_short_nor_long_enough_does_nothing():
    for ms in (100, 1500, 3000, 4800):
        desk = latched_desk()
        press(desk, ms)
        desk.run_ms(4000)
        assert desk.both_off(), ms


def test_a_stuck_button_releases_nothing_neither_while_it_sticks_nor_when_it_is_freed():
    desk = latched_desk()
    desk.twin.hands.press(60000)
    desk.run_ms(30000)
    assert desk.bms.panel.button.stuck
    assert desk.both_off()
    desk.run_ms(35000)
    assert not desk.bms.panel.button.stuck
    assert desk.both_off()
    # And then it is a button again.
    press(desk, 6000)
    desk.run_until(desk.both_on, 5000)


class Contact:
    """A pin at a level."""

    def __init__(self, level):
        self.level = level

    def value(self):
        return self.level


def held_from_the_start(held_ms):
    """What a button tells that is pressed from the start on, let go, and pressed again."""
    pin = Contact(0)
    button = panel.Button(pin)
    told = []
    for now_ms in range(0, held_ms + 10000, 50):
        pin.level = 0 if now_ms < held_ms or now_ms >= held_ms + 3000 else 1
        told.append(button.look(now_ms))
    return [press for press in told if press]


def test_a_button_that_is_pressed_when_the_firmware_starts_is_never_an_owners_reset():
    for held_ms in (100, 1000, 4900, 5200, 15000, 19900, 20100, 60000):
        held = panel.HELD_MS <= held_ms < panel.STUCK_MS
        assert held_from_the_start(held_ms) == [panel.HELD_AT_START] * held, held_ms


def test_the_lamp_says_when_a_button_held_at_the_start_may_be_let_go():
    pin = Contact(0)
    button = panel.Button(pin)
    shown = []
    for now_ms in range(0, 25000, 50):
        button.look(now_ms)
        if button.is_held(now_ms):
            shown.append(now_ms)
    assert panel.HELD_MS <= shown[0] <= panel.HELD_MS + 100
    assert panel.STUCK_MS - 100 <= shown[-1] <= panel.STUCK_MS + 50


def test_a_press_is_told_once_however_often_somebody_looks():
    for step_ms in (20, 50, 90):
        pin = Contact(1)
        button = panel.Button(pin)
        told = []
        for now_ms in range(0, 20000, step_ms):
            pin.level = 0 if 5000 <= now_ms < 5000 + panel.HELD_MS + 500 else 1
            told.append(button.look(now_ms))
        assert [press for press in told if press] == [panel.LONG_PRESS]


def test_the_lamp_flashes_now_and_then_while_all_is_well_and_the_buzzer_is_silent():
    desk = a_desk()
    desk.run_ms(1000)
    seen = pulses(desk, LED_PIN, 20000)
    assert len(seen) == 4
    # Lit for 150: other slow tasks may hold the panel up by two cycles at either end.
    assert all([50 <= ms <= 250 for ms in seen]), seen
    assert pulses(desk, BUZZER_PIN, 20000) == []


def test_every_state_shows_its_own_row_of_flashes():
    # (what brings it, state, flashes in a row)
    desk = a_desk()
    desk.twin.hands.open_interlock()
    desk.run_ms(1000)
    assert desk.bms.panel.state(0) == panel.INTERLOCK_IS_OPEN
    code = panel.CODES[panel.INTERLOCK_IS_OPEN - 1]
    row_ms = code[1] * (code[2] + code[3]) + code[4]
    seen = pulses(desk, LED_PIN, 3 * row_ms)
    assert abs(len(seen) - 3 * code[1]) <= 1
    assert all([abs(ms - code[2]) <= 100 for ms in seen])
    desk.twin.hands.clear()
    desk.run_until(desk.both_on, 4000)
    desk.bench.set_cell_mv(3, 3720)
    desk.run_until(lambda: not desk.bench.true_charge, 10000)
    assert desk.bms.panel.state(0) == panel.LIMIT_ACTS
    desk.twin.hands.push_emergency()
    desk.run_ms(500)
    assert desk.bms.panel.state(0) == panel.STOPPED
    desk.twin.hands.clear()
    desk.run_ms(500)
    assert desk.bms.panel.state(0) == panel.LATCHED_OPEN


def test_no_two_states_flash_alike():
    rhythms = [code[1:5] for code in panel.CODES]
    assert len(set(rhythms)) == len(panel.CODES)
    assert [code[0] for code in panel.CODES] == list(range(1, len(panel.CODES) + 1))


def test_the_buzzer_ends_by_itself_or_by_a_short_press():
    for silence in (False, True):
        desk = a_desk()
        desk.twin.hands.open_interlock()
        assert pulses(desk, BUZZER_PIN, 2000) != []
        if silence:
            press(desk, 300)
        else:
            desk.run_ms(5000)
        assert pulses(desk, BUZZER_PIN, 20000) == []


def test_a_short_press_shows_the_charge_in_fifths():
    for soc_pct, fifths in ((5, 1), (50, 3), (95, 5)):
        desk = Desk(soc_pct=soc_pct)
        desk.run_ms(2000)
        desk.bms.charge.resume([soc_pct / 100] * desk.bms.sample.cell_count, 0.01)
        desk.twin.hands.press(300)
        lit = pulses(desk, LED_PIN, 9000)
        assert len([ms for ms in lit if 500 <= ms <= 700]) == fifths, (soc_pct, lit)


def test_lamp_and_buzzer_are_dark_when_the_firmware_ends():
    desk = latched_desk()
    desk.run_ms(130)

    def stop(now_ms):
        raise KeyboardInterrupt

    desk.bms.executive._work = stop
    for pin in (LED_PIN, BUZZER_PIN):
        machine.Pin(pin, machine.Pin.OUT, value=1)
    try:
        desk.bms.run()
    except KeyboardInterrupt:
        pass
    assert machine.pin_line(LED_PIN).level == 0
    assert machine.pin_line(BUZZER_PIN).level == 0


def test_safe_mode_shows_itself_and_ends_by_the_button():
    from host_tools.mock.fake_flash import FakeFlash
    from vigil.memory import Memory

    flash = FakeFlash()
    for _ in range(3):
        Memory(flash).begin(1)
    desk = Desk(flash=flash, settle=False)
    desk.run_ms(1000)
    assert desk.bms.panel.state(0) == panel.SAFE_MODE
    press(desk, 6000)
    assert Memory(flash).unconfirmed_starts == 0
