"""Switches that a command keeps off: the limits decide as always, and nothing else closes them."""

from packs import Rig, ScriptedFrontEnd

from vigil import limits, switches
from vigil.switches import (
    LATCHED,
    OFF,
    ON,
    REASON_OWNER,
    RECOVERING,
    TRIPPED,
    WAITING,
    Switches,
)

CHARGE, DISCHARGE, BOTH = 1, 2, 3


class Desk(Rig):
    def __init__(self, common=False):
        Rig.__init__(self)
        self.front_end = ScriptedFrontEnd()
        self.front_end.common = common
        self.switches = Switches(self.front_end, self.sample)
        self.switches.permit()
        self.run(2)
        assert self.states() == (ON, ON)

    def run(self, cycles):
        for _ in range(cycles):
            Rig.step(self)
            # As commissioning does, again and again.
            self.switches.permit()
            self.switches.act(self.protection, self.now_ms)

    def states(self):
        return tuple(self.switches.state)


def test_one_switch_held_off_leaves_the_other_alone_and_closes_when_let_go():
    for held, expected in ((CHARGE, (OFF, ON)), (DISCHARGE, (ON, OFF)), (BOTH, (OFF, OFF))):
        desk = Desk()
        desk.switches.hold_off(held)
        desk.run(100)
        assert desk.states() == expected
        reasons = [REASON_OWNER if state == OFF else 0 for state in expected]
        assert list(desk.switches.reason) == reasons
        assert (desk.front_end.charge_is_on, desk.front_end.discharge_is_on) == (
            expected[0] == ON,
            expected[1] == ON,
        )
        desk.switches.hold_off(0)
        desk.run(2)
        assert desk.states() == (ON, ON)


def test_a_limit_opens_the_other_switch_and_its_release_does_not_close_the_held_one():
    desk = Desk()
    desk.switches.hold_off(CHARGE)
    desk.run(10)
    desk.cells_mv[3] = 2400
    desk.run(100)
    assert desk.states() == (OFF, TRIPPED)
    desk.cells_mv[3] = 3300
    desk.run(400)
    assert desk.states() == (OFF, ON)
    desk.cells_mv[3] = 3700
    desk.run(60)
    # It says which limit stands in the way besides.
    assert desk.switches.reason[0] == limits.CELL_OVER_VOLTAGE
    desk.cells_mv[3] = 3300
    desk.run(400)
    assert desk.states() == (OFF, ON)
    assert desk.switches.reason[0] == REASON_OWNER


def test_holding_off_and_letting_go_does_not_hurry_a_switch_that_waits_for_the_load_to_go():
    desk = Desk()
    desk.sample.load_seen = 1
    desk.current_ma = -400000
    desk.run(200)
    desk.current_ma = 0
    desk.run(1000)
    assert desk.states() == (WAITING, WAITING)
    for _ in range(5):
        desk.switches.hold_off(BOTH)
        desk.run(20)
        assert desk.states() == (WAITING, WAITING)
        desk.switches.hold_off(0)
        desk.run(20)
        assert desk.states() == (WAITING, WAITING)
    desk.switches.hold_off(DISCHARGE)
    desk.sample.load_seen = 0
    desk.run(400)
    assert desk.states() == (ON, OFF) and desk.switches.reason[1] == REASON_OWNER
    desk.switches.hold_off(0)
    desk.run(2)
    assert desk.states() == (ON, ON)


def test_holding_off_and_letting_go_does_not_shorten_the_recovery():
    def cycles_to_close(toggled):
        desk = Desk()
        desk.cells_mv[3] = 3700
        desk.run(60)
        desk.cells_mv[3] = 3300
        cycles = 0
        seen = set()
        while desk.states() != (ON, ON):
            if toggled:
                desk.switches.hold_off(BOTH if cycles % 4 < 2 else 0)
            desk.run(1)
            seen.add(desk.states()[0])
            cycles += 1
        assert RECOVERING in seen
        return cycles

    assert cycles_to_close(False) <= cycles_to_close(True) <= cycles_to_close(False) + 3


def test_what_latches_latches_a_switch_that_is_held_off_too():
    desk = Desk()
    desk.switches.hold_off(CHARGE)
    desk.run(10)
    desk.cells_mv[3] = 3850
    desk.run(60)
    desk.cells_mv[3] = 3300
    desk.run(400)
    desk.switches.hold_off(0)
    desk.run(400)
    assert desk.states() == (LATCHED, LATCHED)
    desk.switches.reset()
    desk.run(400)
    assert desk.states() == (ON, ON)


def test_what_is_forbidden_stays_off_whatever_is_allowed():
    desk = Desk()
    desk.switches.forbid(switches.REASON_SELF_TEST)
    for held in (CHARGE, BOTH, 0):
        desk.switches.hold_off(held)
        Rig.step(desk)
        desk.switches.act(desk.protection, desk.now_ms)
        assert desk.states() == (OFF, OFF)
        assert list(desk.switches.reason) == [switches.REASON_SELF_TEST] * 2


def test_a_contactor_in_common_is_held_off_as_a_whole():
    desk = Desk(common=True)
    desk.switches.hold_off(DISCHARGE)
    desk.run(10)
    assert desk.states() == (OFF, OFF)
    assert desk.switches.held_off == BOTH
