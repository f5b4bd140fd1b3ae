"""A controller that hangs: the chip opens for it, and all works again when it comes back."""

import machine
from desk import Desk


def hang_ms(desk, ms):
    """Nobody speaks to the chip, and nobody restarts the controller either."""
    machine.on_watchdog = lambda: None
    desk.clock.advance(ms * 1000)


def test_a_hang_shorter_than_the_chips_patience_changes_nothing_in_the_hardware():
    desk = Desk(current_ma=10000)
    hang_ms(desk, 4500)
    assert desk.both_on()


def test_a_longer_hang_opens_both_switches_without_the_controller():
    for current_ma in (10000, -10000):
        desk = Desk(current_ma=current_ma)
        hang_ms(desk, 6500)
        assert desk.both_off()


def test_the_switches_close_again_once_the_controller_is_back():
    desk = Desk(current_ma=-10000)
    hang_ms(desk, 8000)
    assert desk.both_off()
    desk.run_until(desk.both_on, 5000)
    desk.run_ms(2000)
    assert desk.both_on() and desk.tripped() == []


def test_a_silent_bus_lets_the_chip_open_by_itself_even_with_a_stuck_line():
    desk = Desk(current_ma=-10000)
    # The direct line no longer follows.
    desk.bms.front_end._both_off.value = lambda level: None
    desk.chip.answering = False
    desk.run_ms(6500)
    assert desk.both_off()
    desk.chip.answering = True
    desk.run_until(desk.both_on, 5000)
