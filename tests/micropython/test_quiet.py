"""When a flash write may be planned, and when not."""

from packs import Rig, ScriptedFrontEnd

from vigil import limits
from vigil.quiet import QuietWindow
from vigil.sample import UNKNOWN

QUIET_MA = 30000


class Link:
    reply_owed = False


class Desk(Rig):
    def __init__(self):
        Rig.__init__(self)
        self.front_end = ScriptedFrontEnd()
        self.front_end.set_switches(True, True)
        self.link = Link()
        self.backstop_good = True
        self.window = QuietWindow(
            self.sample,
            self.protection,
            self.front_end,
            [Link(), self.link],
            lambda: self.backstop_good,
            QUIET_MA,
        )
        self.step(3)


def test_a_healthy_pack_at_rest_is_quiet():
    assert Desk().window.is_quiet()


def test_current_in_either_direction_is_not_quiet():
    for current_ma, quiet in (
        (QUIET_MA - 1, True),
        (1 - QUIET_MA, True),
        (QUIET_MA, False),
        (-QUIET_MA, False),
        (UNKNOWN, False),
    ):
        desk = Desk()
        desk.current_ma = current_ma
        desk.step()
        assert desk.window.is_quiet() == quiet, current_ma


def test_a_counting_row_is_not_quiet():
    desk = Desk()
    desk.cells_mv[3] = 3700
    desk.step(2)
    assert not desk.window.is_quiet()
    assert desk.window.protection_is_busy()
    desk.cells_mv[3] = 3300
    desk.step()
    assert desk.window.is_quiet()


def test_a_row_that_only_warns_does_not_count():
    desk = Desk()
    desk.cells_mv[3] = desk.table.trip[limits.position(limits.CELL_OVER_VOLTAGE_WARNING)] + 1
    desk.step(2)
    assert desk.window.is_quiet()


def test_a_tripped_row_whose_switch_is_still_closed_is_not_quiet():
    desk = Desk()
    desk.cells_mv[3] = 3700
    desk.step(25)
    assert limits.CELL_OVER_VOLTAGE in desk.tripped()
    assert not desk.window.is_quiet()
    desk.front_end.set_switches(False, True)
    assert desk.window.is_quiet()


def welded(charge_closed):
    """A cell too high; the charge switch stays closed, or opens."""
    desk = Desk()
    desk.cells_mv[3] = 3700
    desk.step(25)
    assert limits.CELL_OVER_VOLTAGE in desk.tripped()
    desk.front_end.set_switches(charge_closed, True)
    return desk


def busy_for_ms(desk, at_most_ms):
    begun_ms = desk.sample.judged_ms()
    while desk.window.protection_is_busy():
        desk.step()
        assert desk.sample.judged_ms() - begun_ms < at_most_ms
    return desk.sample.judged_ms() - begun_ms


def test_a_switch_that_does_not_open_is_waited_for_two_seconds_and_no_longer():
    desk = welded(True)
    waited_ms = busy_for_ms(desk, 2200)
    assert 2000 <= waited_ms
    for _ in range(100):
        desk.step()
        assert desk.window.is_quiet()


def test_a_second_switch_that_is_to_open_gets_its_own_time():
    desk = welded(True)
    busy_for_ms(desk, 2200)
    desk.cells_mv[7] = 2400
    desk.step(60)
    assert limits.CELL_UNDER_VOLTAGE in desk.tripped()
    assert desk.window.protection_is_busy()
    assert 1900 <= busy_for_ms(desk, 2200)


def test_a_row_that_counts_is_waited_for_beside_a_welded_switch():
    desk = welded(True)
    busy_for_ms(desk, 2200)
    desk.cells_mv[7] = 2400
    desk.step(2)
    assert desk.window.protection_is_busy()


def test_a_switch_that_opens_and_is_closed_again_is_waited_for_anew():
    desk = welded(False)
    assert not desk.window.protection_is_busy()
    desk.step(100)
    desk.front_end.set_switches(True, True)
    assert busy_for_ms(desk, 2200) >= 2000


def test_both_switches_open_leave_nothing_to_be_missed():
    desk = Desk()
    desk.front_end.set_switches(False, False)
    desk.cells_mv[3] = 3700
    desk.step(2)
    assert desk.window.is_quiet()


def test_without_its_backstop_nothing_is_quiet():
    desk = Desk()
    desk.backstop_good = False
    assert not desk.window.is_quiet()


def test_a_reply_that_is_owed_comes_first():
    desk = Desk()
    desk.link.reply_owed = True
    assert not desk.window.is_quiet()
