"""The switch states, their reasons, and what happens when the bus fails."""

from packs import Rig, ScriptedFrontEnd

from vigil import limits, switches
from vigil.switches import LATCHED, OFF, ON, RECOVERING, TRIPPED, Switches


class Desk(Rig):
    """A Rig whose verdicts reach switches."""

    def __init__(self):
        Rig.__init__(self)
        self.front_end = ScriptedFrontEnd()
        self.switches = Switches(self.front_end)

    def step(self, count=1):
        for _ in range(count):
            actions = Rig.step(self)
            self.switches.act(self.protection, self.now_ms)
        return actions

    def states(self):
        return tuple(self.switches.state)


def closed_desk():
    desk = Desk()
    desk.switches.permit()
    desk.step()
    assert desk.states() == (ON, ON)
    return desk


def test_switches_stay_off_until_permitted_and_say_why():
    desk = Desk()
    desk.step(10)
    assert desk.states() == (OFF, OFF)
    assert list(desk.switches.reason) == [switches.REASON_STARTING] * 2
    assert not desk.front_end.charge_is_on
    assert desk.front_end.direct_offs == 10
    desk.switches.permit()
    desk.step()
    assert desk.front_end.charge_is_on and desk.front_end.discharge_is_on


def test_a_trip_before_the_first_closing_is_the_reason_shown():
    desk = Desk()
    desk.sample.front_end_fault = 1
    desk.step()
    assert desk.states() == (OFF, OFF)
    assert desk.switches.reason[0] == limits.FRONT_END_FAULT


def test_over_voltage_trips_charge_recovers_and_closes_again():
    desk = closed_desk()
    desk.cells_mv[4] = 3700
    desk.step(25)
    assert desk.states() == (TRIPPED, ON)
    assert desk.switches.reason[0] == limits.CELL_OVER_VOLTAGE
    assert desk.front_end.commands[-1] == (False, True)
    desk.cells_mv[4] = 3400
    seen = []
    for _ in range(150):
        desk.step()
        if not seen or seen[-1] != desk.states()[0]:
            seen.append(desk.states()[0])
    assert seen == [TRIPPED, RECOVERING, ON]
    closed_ms, released_ms = desk.switches.change(0)[0], desk.switches.change(1)[0]
    assert desk.switches.change(1)[2] == RECOVERING
    assert 1000 <= closed_ms - released_ms <= 1050
    assert desk.front_end.commands[-1] == (True, True)


def test_every_change_is_noted_with_its_reason():
    desk = closed_desk()
    before = desk.switches.changes
    desk.cells_mv[4] = 3700
    desk.step(25)
    assert desk.switches.changes == before + 1
    _, switch, state, reason = desk.switches.change(0)
    assert (switch, state, reason) == (switches.CHARGE, TRIPPED, limits.CELL_OVER_VOLTAGE)
    assert desk.switches.change(1)[2] == ON
    assert desk.switches.change(100) is None


def test_one_switch_that_cannot_be_opened_over_the_bus_opens_both_by_the_line():
    desk = closed_desk()
    desk.front_end.bus_dead = True
    desk.cells_mv[4] = 3700
    desk.step(25)
    assert desk.states() == (TRIPPED, ON)
    assert not desk.front_end.charge_is_on and not desk.front_end.discharge_is_on
    assert desk.switches.command_failures > 0
    # The bus is back: the command is repeated without anybody asking.
    desk.front_end.bus_dead = False
    desk.step()
    assert desk.front_end.commands[-1] == (False, True)
    assert desk.front_end.discharge_is_on


def test_a_switch_that_does_not_obey_is_told_again():
    desk = Desk()
    desk.front_end.deaf = True
    desk.switches.permit()
    desk.step(50)
    assert len(desk.front_end.commands) == 3
    desk.front_end.deaf = False
    desk.step(25)
    assert desk.front_end.charge_is_on


def test_a_front_end_that_lost_its_configuration_is_told_again_afterwards():
    desk = closed_desk()
    desk.front_end.configured = False
    desk.sample.front_end_fault = 1
    desk.step(3)
    desk.front_end.configured = True
    desk.sample.front_end_fault = 0
    count = len(desk.front_end.commands)
    desk.step()
    assert desk.front_end.commands[count:] == [(False, False)]
    desk.step(60)
    assert desk.front_end.commands[-1] == (True, True)


def test_a_latched_switch_waits_for_the_owner():
    desk = closed_desk()
    at = limits.position(limits.DISCHARGE_OVER_TEMPERATURE)
    desk.protection._rows[at * limits.ROW_WORDS + limits.ROW_ACTIONS] = (
        limits.OPEN_BOTH | limits.LATCH
    )
    desk.temps_dc[0] = 700
    desk.step(50)
    assert desk.states() == (LATCHED, LATCHED)
    desk.temps_dc[0] = 250
    desk.step(400)
    assert desk.states() == (LATCHED, LATCHED)
    desk.switches.reset()
    desk.step(30)
    assert desk.states() == (ON, ON)


def test_forbidding_opens_closed_switches():
    desk = closed_desk()
    desk.switches.forbid(switches.REASON_OWNER)
    desk.step()
    assert desk.states() == (OFF, OFF)
    assert list(desk.switches.reason) == [switches.REASON_OWNER] * 2
    assert not desk.front_end.charge_is_on
