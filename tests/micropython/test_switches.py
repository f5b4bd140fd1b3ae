"""The switch states, their reasons, and what happens when the bus fails."""

from packs import Rig, ScriptedFrontEnd

from vigil import limits, switches
from vigil.sample import (
    BOARD,
    BOARD_AGE,
    BOARD_UNKNOWN,
    CELLS,
    CELLS_AGE,
    CELLS_UNKNOWN,
    CHARGE_TRIP,
    CURRENT,
    DISCHARGE_TRIP,
    DISCHARGE_TRIP_SHORT_CIRCUIT,
    EMERGENCY,
    FAULT,
    HEALTH_FIRST,
    SHORT_CIRCUIT,
    SILENCE,
    STACK,
    SWITCH_STUCK,
    TEMPS,
)
from vigil.switches import LATCHED, OFF, ON, RECOVERING, TRIPPED, WAITING, Switches


class Desk(Rig):
    """A Rig whose verdicts reach switches."""

    def __init__(self):
        Rig.__init__(self)
        self.front_end = ScriptedFrontEnd()
        self.switches = Switches(self.front_end, self.sample)

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


# What keeps a switch from chattering, and who may close it again.


def fetch_states(desk, switch, cycles):
    seen = []
    for _ in range(cycles):
        desk.step()
        if not seen or seen[-1] != desk.states()[switch]:
            seen.append(desk.states()[switch])
    return seen


def load_that_comes_back(desk, trip_ma, cycles):
    """A load flows whenever the discharge switch lets it; returns how often the switch opened."""
    opened = 0
    was_on = True
    for _ in range(cycles):
        is_on = desk.front_end.discharge_is_on
        desk.current_ma = trip_ma if is_on else 0
        desk.sample.load_seen = 1 if trip_ma else 0
        desk.step()
        if was_on and not is_on:
            opened += 1
        was_on = is_on
    return opened


def test_the_same_limit_again_keeps_the_switch_open_for_longer_each_time():
    desk = closed_desk()
    holds_ms = []
    for _ in range(5):
        desk.cells_mv[4] = 3700
        desk.step(25)
        assert desk.states() == (TRIPPED, ON)
        desk.cells_mv[4] = 3400
        while desk.states()[0] != ON:
            desk.step()
        holds_ms.append(desk.switches.change(0)[0] - desk.switches.change(1)[0])
        desk.step(10)
    assert holds_ms == [1000, 5000, 20000, 60000, 60000]


def test_a_limit_that_has_been_quiet_for_five_minutes_starts_anew():
    desk = closed_desk()
    for _ in range(2):
        desk.cells_mv[4] = 3700
        desk.step(25)
        desk.cells_mv[4] = 3400
        while desk.states()[0] != ON:
            desk.step()
        desk.step(300 * 20 + 5)
        assert desk.switches.change(0)[0] - desk.switches.change(1)[0] == 1000


def test_a_limit_that_comes_back_after_four_minutes_is_not_forgotten():
    desk = closed_desk()
    for hold_ms in (1000, 5000):
        desk.cells_mv[4] = 3700
        desk.step(25)
        desk.cells_mv[4] = 3400
        while desk.states()[0] != ON:
            desk.step()
        assert desk.switches.change(0)[0] - desk.switches.change(1)[0] == hold_ms
        desk.step(240 * 20)


def test_an_over_current_that_comes_back_after_three_retries_latches():
    desk = closed_desk()
    opened = load_that_comes_back(desk, -130000, 4 * 20 * 150)
    assert opened == 4
    assert desk.states() == (ON, LATCHED)
    assert desk.switches.reason[1] == limits.DISCHARGE_OVER_CURRENT
    desk.switches.reset()
    load_that_comes_back(desk, 0, 700)
    assert desk.states() == (ON, ON)


def test_a_severe_over_current_waits_until_the_load_is_gone():
    desk = closed_desk()
    desk.current_ma = -210000
    desk.step(3)
    assert desk.states() == (TRIPPED, TRIPPED)
    assert desk.switches.reason[1] == limits.DISCHARGE_OVER_CURRENT_SEVERE
    desk.current_ma = 0
    desk.sample.load_seen = 1
    desk.step(20 * 100)
    assert desk.states() == (WAITING, WAITING)
    assert not desk.front_end.discharge_is_on
    desk.sample.load_seen = 0
    assert fetch_states(desk, 1, 40) == [RECOVERING, ON]


def test_what_has_been_waited_for_is_not_waited_for_again_by_another_limit():
    desk = closed_desk()
    desk.current_ma = -210000
    desk.step(3)
    desk.current_ma = 0
    desk.sample.load_seen = 0
    desk.step(20 * 10)
    assert desk.states() == (ON, ON)
    desk.sample.load_seen = 1
    desk.temps_dc[0] = 650
    desk.step(50)
    assert desk.states() == (TRIPPED, TRIPPED)
    desk.temps_dc[0] = 250
    desk.step(20 * 7)
    assert desk.states() == (ON, ON)


def test_a_severe_charge_current_waits_for_the_charger_not_for_a_load():
    desk = closed_desk()
    desk.current_ma = 110000
    desk.step(3)
    desk.current_ma = 0
    desk.sample.charger_seen, desk.sample.load_seen = 1, 0
    desk.step(20 * 100)
    assert desk.states() == (WAITING, WAITING)
    desk.sample.charger_seen, desk.sample.load_seen = 0, 1
    desk.step(40)
    assert desk.states() == (ON, ON)


def test_where_no_load_can_be_seen_half_a_minute_has_to_do():
    desk = closed_desk()
    desk.current_ma = -210000
    desk.step(3)
    desk.current_ma = 0
    desk.step(20 * 5 + 3)
    assert desk.states() == (WAITING, WAITING)
    desk.step(20 * 29)
    assert desk.states() == (WAITING, WAITING)
    desk.step(20 * 3)
    assert desk.states() == (ON, ON)


def test_another_limit_does_not_make_a_switch_forget_the_load_it_waits_for():
    desk = closed_desk()
    desk.current_ma = -210000
    desk.cells_mv[4] = 2400
    desk.step(60)
    desk.current_ma = 0
    desk.sample.load_seen = 1
    desk.step(20 * 20)
    # The over-current has released; the low cell is what holds it now, and says so.
    assert desk.switches.reason[1] == limits.CELL_UNDER_VOLTAGE
    desk.cells_mv[4] = 3300
    desk.step(20 * 60)
    assert desk.states() == (WAITING, WAITING)
    desk.sample.load_seen = 0
    desk.step(40)
    assert desk.states() == (ON, ON)


def test_a_severe_limit_latches_both_with_its_own_reason():
    desk = closed_desk()
    desk.cells_mv[4] = 3900
    desk.step(15)
    assert desk.states() == (LATCHED, LATCHED)
    desk.cells_mv[4] = 3300
    desk.step(20 * 120)
    assert desk.states() == (LATCHED, LATCHED)
    assert list(desk.switches.reason) == [limits.CELL_OVER_VOLTAGE_SEVERE] * 2


def test_an_opening_to_come_is_told_and_counts_down():
    desk = closed_desk()
    desk.cells_mv[4] = 2400
    desk.step()
    told_ms = [desk.switches.opening_in_ms(desk.protection, 1, desk.now_ms)]
    assert desk.switches.opening_in_ms(desk.protection, 0, desk.now_ms) == -1
    while desk.states()[1] == ON:
        desk.step()
        told_ms.append(desk.switches.opening_in_ms(desk.protection, 1, desk.now_ms))
    assert told_ms == list(range(2000, -1, -50))[: len(told_ms) - 1] + [-1]


def test_a_planned_opening_is_announced_and_can_be_called_off():
    desk = closed_desk()
    desk.switches.plan_off(switches.REASON_OWNER, desk.now_ms, 10000)
    desk.step(20 * 4)
    assert desk.switches.opening_in_ms(desk.protection, 0, desk.now_ms) == 6000
    desk.switches.cancel_plan()
    desk.step(20 * 10)
    assert desk.states() == (ON, ON)
    desk.switches.plan_off(switches.REASON_OWNER, desk.now_ms, 10000)
    desk.step(20 * 10 - 1)
    assert desk.states() == (ON, ON)
    desk.step(1)
    assert desk.states() == (OFF, OFF)
    assert list(desk.switches.reason) == [switches.REASON_OWNER] * 2


def sits_on(desk, row):
    """Put the value of a row just beyond its trip while its switch lets it, else just within."""
    at = limits.position(row[limits.ID])
    table = desk.table
    step = 1 if row[limits.DIRECTION] == limits.ABOVE else -1
    opens_charge = row[limits.ACTION] & limits.OPEN_CHARGE
    is_on = desk.front_end.charge_is_on if opens_charge else desk.front_end.discharge_is_on
    value = table.trip[at] + step if is_on else table.release[at]
    group = row[limits.GROUP]
    if group == CELLS:
        desk.cells_mv[3] = value
    elif group == STACK:
        desk.stack_mv = value
    elif group == TEMPS:
        desk.temps_dc[1] = value
    elif group == CURRENT:
        desk.current_ma = value if is_on else 0
    elif group == BOARD:
        desk.board_dc = value
    elif group >= HEALTH_FIRST and group != SHORT_CIRCUIT:
        desk.sample.health[group - HEALTH_FIRST] = value
    elif group == FAULT:
        desk.sample.front_end_fault = value
    elif group == CHARGE_TRIP:
        desk.sample.front_end_charge_trip = value
    elif group == DISCHARGE_TRIP:
        desk.sample.front_end_discharge_trip = value
    elif group == SHORT_CIRCUIT:
        desk.sample.front_end_discharge_trip = DISCHARGE_TRIP_SHORT_CIRCUIT if is_on else 0
    elif CELLS_AGE <= group <= BOARD_AGE:
        desk.stale = (group - CELLS_AGE,) if is_on else ()
    elif CELLS_UNKNOWN <= group <= BOARD_UNKNOWN:
        desk.make_unknown(group - CELLS_UNKNOWN, is_on)
    elif group == SILENCE:
        desk.silent = is_on
    else:
        raise ValueError("nothing sits on row %d" % row[limits.ID])
    return is_on


def test_a_pack_that_sits_on_a_limit_makes_no_switch_chatter():
    # A thousand cycles on the edge of every limit that opens something: three retries at most.
    for row in limits.TABLE:
        if not row[limits.ACTION] & limits.OPEN_BOTH:
            continue
        desk = closed_desk()
        opened = 0
        was_on = True
        for _ in range(1000):
            is_on = sits_on(desk, row)
            desk.step()
            if was_on and not is_on:
                opened += 1
            was_on = is_on
        assert 1 <= opened <= 4, (row[limits.ID], opened)


def test_a_reset_forgives_what_ends_soon_and_not_what_stays():
    desk = closed_desk()
    desk.cells_mv[4] = 3900
    desk.step(15)
    desk.switches.reset()
    desk.step(20 * 6)
    assert desk.states() == (LATCHED, LATCHED)
    desk.switches.reset()
    desk.step(5)
    assert desk.states() == (TRIPPED, TRIPPED)
    desk.cells_mv[4] = 3300
    # The row needs five seconds below its release, which is longer than the patience with it.
    desk.step(20 * 7)
    assert desk.states() == (LATCHED, LATCHED)
    desk.switches.reset()
    desk.step(20 * 3)
    assert desk.states() == (ON, ON)


def test_what_latches_after_the_owner_has_looked_is_not_forgiven():
    emergency = EMERGENCY - HEALTH_FIRST
    for before in (None, SWITCH_STUCK - HEALTH_FIRST, emergency):
        desk = closed_desk()
        if before is not None:
            desk.sample.health[before] = 1
            desk.step(5)
            assert desk.states() == (LATCHED, LATCHED)
            desk.sample.health[before] = 0
            desk.step(20 * 3)
        desk.switches.reset()
        desk.step(2)
        desk.sample.health[emergency] = 1
        desk.step(2)
        desk.sample.health[emergency] = 0
        desk.step(20 * 10)
        assert desk.states() == (LATCHED, LATCHED), before
