"""The contactors' sequence in any order of calls, against simple physics of its own."""

import pytest
from contactor_world import CYCLE_MS, PACK_MV, REST_MS, World
from hypothesis import given, settings
from hypothesis import strategies as st

from vigil import power_path
from vigil.contactor import Contactor, LinkVoltage
from vigil.contactors import (
    CLOSED,
    LINK_TO_BE_KNOWN,
    LINK_TO_FALL,
    OPEN,
    OWNER,
    REST,
    Contactors,
)
from vigil.precharge import Precharge
from vigil.sample import UNKNOWN


def closed_world(**options):
    world = World(**options)
    world.want(True, True)
    world.wait(3000)
    assert world.contactors.state == CLOSED
    assert world.contactors.power_path_fault == 0
    return world


def fault_of(world, at_most_ms=60000):
    """The fault that stands within this time, all coils dark by then."""
    for _ in range(0, at_most_ms, 500):
        world.want(True, True)
        world.wait(500)
        if world.contactors.power_path_fault:
            assert world.all_dark()
            assert world.contactors.waits_for == OWNER
            return world.contactors.power_path_fault
    return 0


# The sequence.


@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize("common", [True, False])
def test_on_means_precharge_then_both_then_main_alone(common, feedback):
    world = World(common=common, feedback=feedback)
    world.want(True, True)
    seen = []
    for _ in range(60):
        world.wait(CYCLE_MS)
        now = (world.relay.pulled(), world.main.pulled())
        if not seen or seen[-1] != now:
            seen.append(now)
    # Until the link has been seen low for a while nothing is pulled.
    assert seen == [(False, False), (True, False), (True, True), (False, True)]
    assert world.contactors.discharge_is_on and world.contactors.charge_is_on


def test_separate_ports_open_each_for_itself_and_a_common_one_opens_for_both():
    world = closed_world(common=False)
    world.want(False, True)
    world.wait(100)
    assert world.main.closed and not world.charge.closed
    world.want(True, True)
    world.wait(REST_MS + 200)
    world.want(True, False)
    world.wait(100)
    assert world.charge.closed and not world.main.closed
    for charge, discharge in ((False, True), (True, False)):
        world = closed_world(common=True)
        world.want(charge, discharge)
        world.wait(100)
        assert not world.main.closed
        assert not world.contactors.charge_is_on and not world.contactors.discharge_is_on


def test_a_charge_command_leaves_a_precharge_under_way_alone():
    world = World()
    world.want(True, True)
    world.wait(500)
    assert world.relay.pulled()
    world.want(False, True)
    world.wait(2000)
    assert world.contactors.state == CLOSED
    assert world.contactors.precharges == 1


def test_off_needs_no_step_and_no_order():
    for wait_ms in (0, 100, 300, 900, 1650, 1750, 5000):
        world = World()
        world.want(True, True)
        world.wait(wait_ms)
        world.contactors.all_off()
        assert world.all_dark() and world.enable.level == 0


def test_a_pin_that_fails_keeps_no_other_coil_on():
    class Broken:
        def value(self, level):
            if not level:
                raise OSError(5)

    for broken in ("main", "precharge", "charge", "enable"):
        world = World()
        pins = {"main": world.main.pin, "precharge": world.relay.pin, "charge": world.charge.pin}
        pins["enable"] = world.enable
        parts = dict(pins)
        parts[broken] = Broken()
        contactors = Contactors(
            Contactor(parts["main"]),
            Contactor(parts["precharge"]),
            LinkVoltage(world, 80000),
            Precharge(47, 10000, 2000),
            common=False,
            charge=Contactor(parts["charge"]),
            enable=parts["enable"],
        )
        for pin in pins.values():
            pin.level = 1
        contactors.all_off()
        for name, pin in pins.items():
            assert pin.level == (1 if name == broken else 0)


def test_after_an_opening_there_is_a_rest_before_the_next_closing():
    world = closed_world()
    world.load_ma = 5000
    world.want(True, False)
    world.wait(200)
    world.want(True, True)
    world.wait(CYCLE_MS)
    assert world.contactors.waits_for == REST
    world.wait(2 * REST_MS)
    assert world.contactors.state == CLOSED
    assert world.main.rises_ms[1] - world.main.rises_ms[0] > REST_MS


def test_a_link_that_still_has_the_packs_voltage_is_waited_for():
    world = closed_world()
    world.want(False, False)
    world.wait(100)
    world.want(True, True)
    world.bleeder_ohm = 10000.0
    world.wait(REST_MS + 1000)
    assert world.contactors.waits_for == LINK_TO_FALL
    world.wait(12000)
    assert world.contactors.state == CLOSED
    assert world.contactors.power_path_fault == 0


def test_an_unknown_link_is_waited_for_and_named():
    world = World()
    world.adc_broken = True
    world.want(True, True)
    world.wait(1000)
    assert world.contactors.waits_for == LINK_TO_BE_KNOWN
    assert world.contactors.state == OPEN
    world.adc_broken = False
    world.wait(2500)
    assert world.contactors.state == CLOSED


# What goes wrong.


def broken(name, value):
    def strike(world):
        setattr(world, name, value)

    return strike


def contact(name, how, value=True):
    def strike(world):
        setattr(getattr(world, name), how, value)

    return strike


@pytest.mark.parametrize("common", [True, False])
@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize(
    "strike, code",
    [
        (broken("short", True), power_path.PRECHARGE_SHORT),
        (contact("relay", "stuck_open"), power_path.PRECHARGE_NO_RISE),
        (broken("early_ohm", 100), power_path.PRECHARGE_STALLED),
        (broken("uf", 1), power_path.LOAD_MISSING),
        (broken("adc_broken", True), power_path.LINK_UNKNOWN),
        (contact("relay", "welded"), power_path.LINK_HELD),
        (broken("fed_mv", PACK_MV), power_path.LINK_HELD),
    ],
)
def test_each_failure_before_closing_has_its_code(strike, code, feedback, common):
    world = World(feedback=feedback, common=common)
    strike(world)
    assert fault_of(world) == code
    assert world.main.rises_ms == []
    assert world.contactors.precharges <= 3


def test_more_capacitance_than_the_board_allows_ends_the_try():
    world = World(uf=25000)
    world.want(True, True)
    world.wait(3000)
    assert world.contactors.last_failure == power_path.PRECHARGE_TIMED_OUT
    assert world.contactors.failed_tries == 1
    assert world.main.rises_ms == []


@pytest.mark.parametrize("common", [True, False])
@pytest.mark.parametrize(
    "strike, feedback, code",
    [
        (contact("main", "stuck_open"), True, power_path.MAIN_NOT_CLOSED),
        (contact("main", "stuck_open"), False, power_path.MAIN_NOT_CLOSED),
        (contact("main", "lie", False), True, power_path.MAIN_NOT_CLOSED),
    ],
)
def test_a_main_contactor_that_does_not_close_is_given_up_after_three_tries(
    strike, feedback, code, common
):
    world = World(feedback=feedback, common=common)
    strike(world)
    assert fault_of(world) == code
    assert len(world.main.rises_ms) == 3


def test_a_charge_contactor_that_does_not_close_is_given_up_after_three_tries():
    world = World()
    world.charge.stuck_open = True
    assert fault_of(world) == power_path.CHARGE_NOT_CLOSED
    assert len(world.charge.rises_ms) == 3


@pytest.mark.parametrize("common", [True, False])
@pytest.mark.parametrize(
    "part, feedback, load_ma, code",
    [
        ("main", True, 0, power_path.MAIN_STUCK),
        ("main", True, 20000, power_path.MAIN_STUCK),
        ("main", False, 0, power_path.LINK_HELD),
        ("main", False, 20000, power_path.CURRENT_AGAINST_COMMAND),
        ("relay", True, 0, power_path.LINK_HELD),
    ],
)
def test_a_contactor_welded_in_service_is_found_after_opening(
    part, feedback, load_ma, code, common
):
    world = closed_world(feedback=feedback, common=common)
    world.load_ma = load_ma
    getattr(world, part).welded = True
    world.wait(1000)
    assert world.contactors.power_path_fault == 0
    world.want(False, False)
    world.wait(20000)
    assert world.contactors.power_path_fault == code
    assert world.contactors.switch_stuck == (3 if common else 2)


@pytest.mark.parametrize("common", [True, False])
def test_a_welded_precharge_relay_is_told_by_its_own_contact_before_the_link_shows_it(common):
    world = closed_world(common=common, relay_feedback=True)
    world.relay.welded = True
    world.wait(1000)
    # With the main contactor closed it makes no difference to anything yet, but it is known.
    assert world.contactors.power_path_fault == power_path.PRECHARGE_STUCK
    assert world.contactors.switch_stuck == (3 if common else 2)
    world.want(False, False)
    world.wait(20000)
    assert world.contactors.power_path_fault == power_path.PRECHARGE_STUCK
    assert world.all_dark()


@pytest.mark.parametrize(
    "feedback, code",
    [(True, power_path.CHARGE_STUCK), (False, power_path.CURRENT_AGAINST_COMMAND)],
)
def test_a_welded_charge_contactor_is_found_after_opening(feedback, code):
    world = closed_world(feedback=feedback)
    world.charger_ma = 20000
    world.charge.welded = True
    world.want(False, True)
    world.wait(1000)
    assert world.contactors.power_path_fault == code
    assert world.contactors.switch_stuck == 1
    assert world.all_dark()


def test_a_load_that_feeds_back_while_charging_is_off_opens_the_main_contactor():
    world = closed_world()
    world.want(False, True)
    world.load_ma = -10000
    world.wait(1000)
    assert world.contactors.power_path_fault == power_path.CURRENT_AGAINST_COMMAND
    assert not world.main.closed


def test_a_link_above_the_pack_is_waited_for_without_a_fault():
    world = World(common=True)
    world.fed_mv = PACK_MV * 1.08
    assert fault_of(world, 40000) == 0
    assert world.contactors.waits_for == LINK_TO_FALL
    assert world.main.rises_ms == []
    world.fed_mv = None
    world.wait(10000)
    assert world.contactors.state == CLOSED


def test_a_link_lifted_during_precharge_ends_the_try():
    world = World()
    world.want(True, True)
    world.wait(500)
    world.fed_mv = PACK_MV + 5000
    world.wait(200)
    assert world.contactors.last_failure == power_path.LINK_ABOVE_PACK
    assert not world.relay.pulled()


def test_a_contactor_that_opens_by_itself_is_opened_for_good_and_precharged_again():
    world = closed_world()
    world.load_ma = 20000
    world.main.stuck_open = True
    world.wait(500)
    assert world.contactors.last_failure == power_path.MAIN_NOT_CLOSED
    assert not world.main.pulled()
    world.main.stuck_open = False
    world.wait(6000)
    assert world.contactors.state == CLOSED
    assert world.contactors.precharges == 2


def test_failed_tries_are_forgotten_after_a_minute_closed_and_not_earlier():
    world = World()
    world.main.stuck_open = True
    world.want(True, True)
    world.wait(5000)
    assert world.contactors.failed_tries >= 1
    world.main.stuck_open = False
    world.wait(10000)
    assert world.contactors.state == CLOSED
    assert world.contactors.failed_tries >= 1
    world.wait(60000)
    assert world.contactors.failed_tries == 0


def test_the_first_fault_stands_until_the_owner_has_looked():
    world = World()
    world.short = True
    assert fault_of(world) == power_path.PRECHARGE_SHORT
    world.short = False
    world.adc_broken = True
    assert fault_of(world, 20000) == power_path.PRECHARGE_SHORT
    world.adc_broken = False
    world.contactors.forget_faults()
    world.want(True, True)
    world.wait(REST_MS + 3000)
    assert world.contactors.state == CLOSED


def test_forgetting_a_fault_that_persists_finds_it_again():
    world = closed_world()
    world.main.welded = True
    world.want(False, False)
    world.wait(1000)
    world.contactors.forget_faults()
    assert world.contactors.power_path_fault == 0
    world.wait(1000)
    assert world.contactors.power_path_fault == power_path.MAIN_STUCK


def test_closed_for_weeks_it_stays_closed():
    world = closed_world()
    for _ in range(8):
        # Ticks wrap every twelve days.
        world.start_ms += 300000000
        world.wait(1000)
        assert world.contactors.state == CLOSED
    assert world.contactors.power_path_fault == 0


def test_ports_and_contactors_that_do_not_fit_are_refused():
    world = World()
    parts = (Contactor(world.main.pin), Contactor(world.relay.pin), LinkVoltage(world, 80000))
    sequence = Precharge(47, 10000, 2000)
    with pytest.raises(ValueError):
        Contactors(*parts, sequence, common=False)
    with pytest.raises(ValueError):
        Contactors(*parts, sequence, common=True, charge=Contactor(world.charge.pin))


@given(st.integers(0, 65535), st.integers(1, (1 << 18) - 1))
def test_the_link_voltage_is_the_share_of_full_scale_or_unknown(reading, full_scale_mv):
    class Adc:
        def read_u16(self):
            return reading

    link_mv = LinkVoltage(Adc(), full_scale_mv).read_mv()
    if reading >= 65280:
        assert link_mv == UNKNOWN
    else:
        assert abs(link_mv - reading * full_scale_mv / 65536) <= full_scale_mv / 4096 + 1


# Any order of calls.

_calls = st.one_of(
    st.tuples(st.just("want"), st.booleans(), st.booleans()),
    st.tuples(st.just("wait"), st.integers(1, 80), st.just(0)),
    st.tuples(st.just("all_off"), st.just(0), st.just(0)),
    st.tuples(st.just("forget"), st.just(0), st.just(0)),
    st.tuples(st.just("step"), st.integers(0, 30), st.just(0)),
    st.tuples(st.sampled_from(["short", "adc_broken", "blind"]), st.booleans(), st.just(0)),
    st.tuples(st.just("uf"), st.sampled_from([1, 300, 5000, 10000, 40000]), st.just(0)),
    st.tuples(st.just("early_ohm"), st.sampled_from([None, 20, 500, 5000]), st.just(0)),
    st.tuples(st.just("fed_mv"), st.sampled_from([None, 30000, 52000, 60000]), st.just(0)),
    st.tuples(st.just("load_ma"), st.sampled_from([0, 3000, 50000, -5000]), st.just(0)),
    st.tuples(st.just("charger_ma"), st.sampled_from([0, 20000]), st.just(0)),
    st.tuples(
        st.sampled_from(["main", "relay", "charge"]),
        st.sampled_from(["welded", "stuck_open"]),
        st.booleans(),
    ),
    st.tuples(st.just("lie"), st.sampled_from(["main", "charge"]), st.booleans()),
)


@settings(max_examples=150)
@given(st.booleans(), st.booleans(), st.integers(0, (1 << 30) - 1), st.lists(_calls, max_size=60))
def test_no_order_of_calls_and_faults_closes_what_must_stay_open(
    common, feedback, start_ms, calls
):
    world = World(common=common, feedback=feedback)
    world.start_ms = start_ms
    wanted = (False, False)
    world.want(True, True)
    wanted = (True, True)
    for what, first, second in [("wait", 20, 0), *calls]:
        if what == "want":
            world.want(first, second)
            wanted = (first, second)
        elif what == "wait":
            for _ in range(first):
                world.wait(CYCLE_MS)
                check(world, wanted)
        elif what == "all_off":
            world.contactors.all_off()
            wanted = (False, False)
            assert world.all_dark() and not world.enable.level
        elif what == "forget":
            world.contactors.forget_faults()
        elif what == "step":
            world.now_ms += first
            world.step()
        elif what in ("main", "relay", "charge"):
            struck = getattr(world, what)
            if struck is not None:
                setattr(struck, first, second)
        elif what == "lie":
            if getattr(world, first) is not None:
                getattr(world, first).lie = second
        else:
            setattr(world, what, first)
        check(world, wanted)
    rises = world.main.rises_ms
    assert all(later - one > REST_MS for one, later in zip(rises, rises[1:], strict=False))
    rises = [] if world.charge is None else world.charge.rises_ms
    assert all(later - one > REST_MS for one, later in zip(rises, rises[1:], strict=False))


def check(world, wanted):
    """What holds at every instant."""
    charge, discharge = wanted
    if world.charge is None:
        discharge = charge and discharge
    elif not charge:
        assert not world.charge.pulled()
    if not discharge:
        assert not world.main.pulled() and not world.relay.pulled()
