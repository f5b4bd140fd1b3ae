"""What every front end owes the firmware, each promise written once and asked of every pair.

The contract is told in docs/adding-a-chip.md; pairs are built by conformance_pairs.py.
"""

from conformance_pairs import GROUPS, PAIRS, Rig

from host_tools.mock.seeded_random import SeededRandom
from vigil.afe.errors import (
    CHECK_FAILED,
    NO_ANSWER,
    NOT_CONFIGURED,
    READ_BACK_DIFFERS,
    UNSUPPORTED,
    WRONG_DEVICE,
    AfeError,
)
from vigil.backstop_check import backstop_problems
from vigil.limits import (
    BACKSTOP_CELL_OVER_VOLTAGE,
    BACKSTOP_CELL_UNDER_VOLTAGE,
    BACKSTOP_CHARGE_CURRENT,
    BACKSTOP_CHARGE_OVER_TEMPERATURE,
    BACKSTOP_CHARGE_UNDER_TEMPERATURE,
    BACKSTOP_DISCHARGE_CURRENT,
    BACKSTOP_DISCHARGE_OVER_TEMPERATURE,
    BACKSTOP_DISCHARGE_UNDER_TEMPERATURE,
    BACKSTOP_SHORT_CIRCUIT,
)
from vigil.sample import (
    CELLS,
    CURRENT,
    FAULT_NOT_CONFIGURED,
    UNKNOWN,
    stale_limit_ms,
)

BLEED_ERROR_MV = 8
SHORT_MS = 3000
# Everything is measured anew within this, even what is looked at in turns.
ROUND_MS = 12000

CHARGE_CODES = (
    BACKSTOP_CELL_OVER_VOLTAGE,
    BACKSTOP_CHARGE_CURRENT,
    BACKSTOP_CHARGE_OVER_TEMPERATURE,
    BACKSTOP_CHARGE_UNDER_TEMPERATURE,
)
CURRENT_CODES = (BACKSTOP_CHARGE_CURRENT, BACKSTOP_DISCHARGE_CURRENT, BACKSTOP_SHORT_CIRCUIT)
VOLTAGE_CODES = (BACKSTOP_CELL_OVER_VOLTAGE, BACKSTOP_CELL_UNDER_VOLTAGE)
TEMPERATURE_CODES = (
    BACKSTOP_CHARGE_OVER_TEMPERATURE,
    BACKSTOP_CHARGE_UNDER_TEMPERATURE,
    BACKSTOP_DISCHARGE_OVER_TEMPERATURE,
    BACKSTOP_DISCHARGE_UNDER_TEMPERATURE,
)


def of_every_pair(check):
    """A test of one function for all pairs; says which one fails."""

    def test():
        for build in PAIRS:
            rig = build()
            rig.build = build
            try:
                check(rig)
            except Exception:
                print("failed with", rig.name)
                raise

    return test


def code_of(verb, *arguments):
    """Code of the AfeError that it raises, 0 = none."""
    try:
        verb(*arguments)
    except AfeError as error:
        return error.code
    return 0


def run(generator):
    for _ in generator:
        pass


# Measure.


@of_every_pair
def test_nothing_is_known_before_the_first_measurement(rig):
    assert code_of(rig.front_end.read, rig.sample, rig.now_ms) == NOT_CONFIGURED
    assert rig.sample.front_end_fault & FAULT_NOT_CONFIGURED
    rig.up()
    for _ in range(ROUND_MS // max(rig.cycle_ms, 50)):
        for group in GROUPS:
            known = [value for value in rig.group_values(group) if value != UNKNOWN]
            assert rig.sample.sequence(group) or known == [], group
        assert rig.wrong_values() == []
        rig.read()
        if min(rig.sequences()) > 2:
            break
    for group in GROUPS:
        assert rig.sample.sequence(group) > 2 and UNKNOWN not in rig.group_values(group), group
    assert rig.sample.front_end_fault == 0


@of_every_pair
def test_every_value_is_true_and_at_its_place(rig):
    rig.up().on()
    bench = rig.bench
    for cell in range(rig.front_end.cell_count):
        bench.set_cell_mv(cell + 1, 3300 + 11 * (cell * 5 % rig.front_end.cell_count))
    for place in range(rig.front_end.temp_count):
        bench.set_temp_dc(place + 1, 200 + 45 * (place * 2 % 3))
    for current_ma in (12000, -9000, 0):
        bench.override_current_ma(current_ma)
        rig.wait(1000)
        if current_ma == 12000:
            # Cells and temperatures are on their way meanwhile.
            rig.wait(3000)
            rig.cycles(ROUND_MS if rig.cycle_ms > 100 else 600)
        assert rig.wrong_values() == [], current_ma
        assert abs(rig.value(rig.sample.current_at) - current_ma) <= rig.current_error_ma
    for group in GROUPS:
        assert UNKNOWN not in rig.group_values(group), group
    die_dc = rig.value(rig.sample.board_at)
    assert abs(die_dc - 10 * bench.die_c) <= 30, (die_dc, bench.die_c)


@of_every_pair
def test_every_group_is_measured_as_often_as_told(rig):
    rig.up().cycles(ROUND_MS if rig.cycle_ms > 100 else 500)
    longest = [0] * len(GROUPS)
    last = [rig.now_ms] * len(GROUPS)
    known = rig.sequences()
    begun_ms = rig.now_ms
    lasts_ms = 30000 if rig.cycle_ms > 100 else 3000
    while rig.now_ms - begun_ms < lasts_ms:
        assert rig.read() == 0
        for group in GROUPS:
            if rig.sample.sequence(group) != known[group]:
                known[group] = rig.sample.sequence(group)
                longest[group] = max(longest[group], rig.now_ms - last[group])
                last[group] = rig.now_ms
    for group in GROUPS:
        # None is missed, and none comes close to being stale.
        period_ms = max(rig.periods_ms[group], rig.cycle_ms)
        assert longest[group] <= period_ms + 2 * rig.cycle_ms, (group, longest[group])
        stale_ms = stale_limit_ms(rig.periods_ms[group], rig.cycle_ms)
        assert longest[group] < stale_ms, (group, longest[group])


# Protect.


@of_every_pair
def test_both_switches_are_off_at_the_start(rig):
    assert rig.flows() == (False, False)
    front_end = rig.front_end
    assert not front_end.charge_is_on and not front_end.discharge_is_on
    for _ in front_end.configure(rig.requests):
        rig.clock.advance(1000)
        assert rig.flows() == (False, False)
    rig.cycles(1000)
    assert rig.flows() == (False, False)
    assert not front_end.charge_is_on and not front_end.discharge_is_on
    assert front_end.switch_stuck == 0 and front_end.power_path_fault == 0


@of_every_pair
def test_each_combination_of_switches_is_reached_in_time(rig):
    rig.up().cycles(500)
    front_end = rig.front_end
    if rig.common:
        orders = ((True, True), (True, False), (True, True), (False, False))
    else:
        orders = ((True, False), (False, True), (True, True), (False, True), (True, True))
        orders += ((True, False), (False, False))
    for charge, discharge in orders:
        front_end.set_switches(charge, discharge)
        if rig.common:
            charge = discharge = charge and discharge
        wanted = (charge, discharge)
        # What is to open does not wait for what is to close.
        rig.cycles(rig.open_ms)
        flows = rig.flows()
        assert (charge or not flows[0]) and (discharge or not flows[1]), wanted
        assert rig.reaches(wanted, rig.close_ms), wanted
        # And read() tells it.
        rig.cycles(300)
        assert (front_end.charge_is_on, front_end.discharge_is_on) == wanted
        assert front_end.switch_stuck == 0


@of_every_pair
def test_all_off_acts_at_once_and_needs_no_bus(rig):
    rig.up().on()
    for bus in rig.buses:
        bus.dead = True
    rig.front_end.all_off()
    rig.clock.advance(1000 * rig.off_ms)
    assert rig.flows() == (False, False)
    for bus in rig.buses:
        bus.dead = False
    # It stays so, whatever was wanted before.
    rig.cycles(1000)
    assert rig.flows() == (False, False)
    assert rig.switch(True, True)


@of_every_pair
def test_all_off_is_allowed_at_any_moment(rig):
    rig.front_end.all_off()
    slices = 0
    for _ in rig.front_end.configure(rig.requests):
        rig.clock.advance(1000)
        slices += 1
    for at in range(0, slices, max(1, slices // 8)):
        for number, _ in enumerate(rig.front_end.configure(rig.requests)):
            rig.clock.advance(1000)
            if number == at:
                rig.front_end.all_off()
        assert rig.front_end.configured and rig.flows() == (False, False)
    # Amid every transfer of a cycle, as an interrupt would.
    rig.on()
    bus = rig.buses[0]
    rig.read()
    before = bus.transfers
    rig.read()
    for at in range(0, bus.transfers - before, 3):
        bus.interrupt(at, rig.front_end.all_off)
        assert rig.read() == 0
        rig.clock.advance(1000 * rig.off_ms)
        assert rig.flows() == (False, False), at


@of_every_pair
def test_nothing_closes_without_settings(rig):
    front_end = rig.front_end
    assert code_of(front_end.set_switches, True, True) == NOT_CONFIGURED
    assert code_of(front_end.set_switches, False, False) == 0
    assert code_of(front_end.balance, bytearray(front_end.cell_count)) == NOT_CONFIGURED
    assert code_of(run, front_end.verify()) == NOT_CONFIGURED
    assert rig.flows() == (False, False)


# Balance.


def bleed_of(rig, cells):
    bleed = bytearray(rig.front_end.cell_count)
    for cell in cells:
        bleed[cell] = 1
    return bleed


@of_every_pair
def test_the_cells_that_are_asked_bleed_and_no_others(rig):
    rig.up().cycles(1000)
    last = rig.front_end.cell_count - 1
    patterns = [[0], [last], []]
    # Each cell is in patterns of its own, so that none can pass for another.
    for first in (0, 1):
        every = range(first, last + 1, 2)
        patterns.append(list(every))
        for bit in (1, 2, 3, 4):
            patterns.append([cell for cell in every if cell >> bit & 1])
    for number, cells in enumerate(patterns):
        if not cells and number != 2:
            # So high a bit has no cell here; to ask for none has been tried.
            continue
        rig.front_end.balance(bleed_of(rig, cells))
        rig.wait(1100, 550)
        assert rig.bled(500) == cells


@of_every_pair
def test_bleeding_lapses_unless_it_is_asked_for_again(rig):
    rig.up().cycles(500)
    lapse_ms = rig.front_end.bleed_lapse_ms
    assert lapse_ms >= 15000
    rig.front_end.balance(bleed_of(rig, [1]))
    rig.wait(3000)
    rig.front_end.balance(bleed_of(rig, [1]))
    rig.wait(lapse_ms - 2000)
    assert rig.bled(600) == [1]
    rig.wait(2700)
    assert rig.bled(600) == []


@of_every_pair
def test_bleeding_of_a_firmware_that_hangs_ends_where_the_pair_says_so(rig):
    rig.up().cycles(500)
    alone_ms = rig.front_end.capabilities()["bleed_alone_ms"]
    rig.front_end.balance(bleed_of(rig, [1]))
    rig.cycles(500)
    rig.clock.advance(1000 * (alone_ms or 25000))
    before = rig.bench.bled_mas[1]
    rig.clock.advance(3000000)
    assert (rig.bench.bled_mas[1] == before) == (alone_ms > 0)


@of_every_pair
def test_neighbours_bleed_together_only_where_they_may(rig):
    rig.up().cycles(500)
    assert not rig.front_end.bleeds_adjacent
    for cell in range(rig.front_end.cell_count - 1):
        code = code_of(rig.front_end.balance, bleed_of(rig, [cell, cell + 1]))
        # Cells of two chips, or with an unused input in between, may be no neighbours to them.
        if code == 0:
            assert rig.apart(cell), cell
        else:
            assert code == UNSUPPORTED
            assert rig.bled(500) == [], "refused, and yet something bleeds"
    # A refusal does not spoil what follows.
    rig.front_end.balance(bleed_of(rig, [0]))
    rig.wait(1200)
    assert rig.bled(2000) == [0]


@of_every_pair
def test_bleeding_does_not_falsify_what_is_measured(rig):
    rig.up().cycles(1000)
    count = rig.front_end.cell_count
    rig.front_end.balance(bleed_of(rig, range(0, count, 2)))
    rig.wait(1500)
    bench = rig.bench
    lowest = [9999] * count
    highest = [0] * count
    for _ in range(30):
        rig.read()
        for cell, cell_mv in enumerate(rig.cells_mv()):
            lowest[cell] = min(lowest[cell], cell_mv)
            highest[cell] = max(highest[cell], cell_mv)
    bench.set_bleed(0)
    bench.update()
    for cell in range(count):
        assert lowest[cell] >= bench.cell_mv[cell] - BLEED_ERROR_MV, cell
        assert highest[cell] <= bench.cell_mv[cell] + BLEED_ERROR_MV, cell


# Backstop.


@of_every_pair
def test_what_is_planned_is_what_is_applied(rig):
    planned = sorted(rig.front_end.plan_backstop(rig.requests))
    rig.up()
    assert sorted(rig.front_end.plan_backstop(rig.requests)) == sorted(rig.front_end.applied)
    # Before the first bring-up it may lack the chip's own steps, but knows the same limits.
    applied = sorted(rig.front_end.applied)
    assert [row[0] for row in planned] == [row[0] for row in applied]


@of_every_pair
def test_no_limit_is_tighter_than_asked(rig):
    rig.up()
    applied = rig.front_end.applied
    assert backstop_problems(rig.requests, applied) == []
    for code, trip, _ in applied:
        asked = [request[1] for request in rig.requests if request[0] == code]
        assert asked != [], code
        # Of several levels the nearest one bounds it; a severe one may be out further.
        if code in (BACKSTOP_DISCHARGE_CURRENT, BACKSTOP_SHORT_CIRCUIT):
            assert trip < max(asked), (code, trip, asked)
        elif code in (
            BACKSTOP_CELL_UNDER_VOLTAGE,
            BACKSTOP_CHARGE_UNDER_TEMPERATURE,
            BACKSTOP_DISCHARGE_UNDER_TEMPERATURE,
        ):
            assert trip < max(asked), (code, trip, asked)
        else:
            assert trip > min(asked), (code, trip, asked)


def push(rig, code, value):
    """Bring what this limit looks at to this value."""
    bench = rig.bench
    if code in VOLTAGE_CODES:
        bench.set_cell_mv(rig.front_end.cell_count // 2, value)
    elif code == BACKSTOP_SHORT_CIRCUIT:
        bench.override_current_ma(value)
    elif code in CURRENT_CODES:
        bench.override_current_ma(value)
    else:
        bench.set_temp_dc(1, value)


def hang(rig, ms):
    """Nobody reads or switches; but whoever waits for the firmware hears a word now and then."""
    while ms > 0:
        rig.clock.advance(1000 * min(ms, 1000))
        ms -= 1000
        code_of(run, rig.front_end.verify())


def beyond(code, trip, by):
    """A value that is beyond trip by so much (part of it, or mV, or 0.1 degC)."""
    if code in CURRENT_CODES:
        return trip + int(trip * by)
    outward = -1 if trip < 0 else 1
    if code == BACKSTOP_CELL_UNDER_VOLTAGE:
        return trip - int(600 * by)
    if code in VOLTAGE_CODES:
        return trip + int(600 * by)
    if code in (BACKSTOP_CHARGE_UNDER_TEMPERATURE, BACKSTOP_DISCHARGE_UNDER_TEMPERATURE):
        return trip - int(200 * by)
    return trip + outward * int(200 * by)


def is_guarded_side_open(rig, code):
    charge, discharge = rig.flows()
    return not charge if code in CHARGE_CODES else not discharge


def hides_behind_another(rig, code):
    """The charge limits lie nearer, and open the only contactor there is."""
    return rig.common and code in TEMPERATURE_CODES and code not in CHARGE_CODES


def fresh(rig):
    """Another rig of the same pair."""
    return rig.build()


def near(rig, code):
    """Another one, switched on, whose air is almost as warm or cold as that limit."""
    ambients_c = {
        BACKSTOP_CHARGE_OVER_TEMPERATURE: 42.0,
        BACKSTOP_CHARGE_UNDER_TEMPERATURE: 4.0,
        BACKSTOP_DISCHARGE_OVER_TEMPERATURE: 57.0,
        BACKSTOP_DISCHARGE_UNDER_TEMPERATURE: -17.0,
    }
    Rig.ambient_c = ambients_c.get(code, 25.0)
    try:
        again = rig.build()
    finally:
        Rig.ambient_c = 25.0
    again.up().cycles(2 * again.cycle_ms)
    again.front_end.set_switches(True, True)
    # The other one may not be allowed to close in such air.
    again.reaches((True, True), again.close_ms)
    assert not is_guarded_side_open(again, code)
    return again


@of_every_pair
def test_what_is_guarded_opens_while_the_firmware_hangs(rig):
    rig.up()
    for code, trip, delay in sorted(rig.front_end.applied):
        if code > BACKSTOP_DISCHARGE_UNDER_TEMPERATURE or hides_behind_another(rig, code):
            continue
        again = near(rig, code)
        push(again, code, beyond(code, trip, 0.25))
        hang(again, 2000 + (delay if code != BACKSTOP_SHORT_CIRCUIT else 0))
        if code in TEMPERATURE_CODES:
            hang(again, 7000)
        elif code in VOLTAGE_CODES:
            hang(again, 5000)
        assert is_guarded_side_open(again, code), (code, trip, delay)


@of_every_pair
def test_nothing_opens_at_the_limits_that_were_asked(rig):
    """The firmware is the one that acts there; a backstop would be in its way."""
    rig.up()
    guarded = [row[0] for row in rig.front_end.applied]
    for code, trip, delay, _ in rig.requests:
        if code not in guarded or code == BACKSTOP_SHORT_CIRCUIT:
            continue
        if code > BACKSTOP_DISCHARGE_UNDER_TEMPERATURE:
            continue
        nearest = [row[1] for row in rig.requests if row[0] == code]
        if abs(trip) != min([abs(value) for value in nearest]):
            continue
        if hides_behind_another(rig, code):
            continue
        again = near(rig, code)
        push(again, code, trip)
        hang(again, 3000 + min(delay, 3000))
        # The other switch has limits of its own, which may lie nearer.
        assert not is_guarded_side_open(again, code), (code, trip)


@of_every_pair
def test_what_is_not_guarded_is_not_told(rig):
    """Limits left to the software: nothing happens beyond them while the firmware hangs."""
    rig.up()
    guarded = [row[0] for row in rig.front_end.applied]
    for code, trip, _, _ in rig.requests:
        if code in guarded or code > BACKSTOP_DISCHARGE_UNDER_TEMPERATURE:
            continue
        if code == BACKSTOP_SHORT_CIRCUIT and BACKSTOP_DISCHARGE_CURRENT in guarded:
            continue
        if code in TEMPERATURE_CODES and guarded and rig.cycle_ms < 100:
            continue
        again = near(rig, code)
        push(again, code, beyond(code, trip, 0.1))
        hang(again, 6000)
        assert again.flows() == (True, True), (code, trip)


@of_every_pair
def test_a_silent_firmware_is_noticed_where_the_pair_says_so(rig):
    rig.up().on()
    silence_ms = rig.front_end.capabilities()["silence_ms"]
    if silence_ms:
        rig.hang(silence_ms - 500)
        assert rig.flows() == (True, True)
        rig.hang(1500)
        assert rig.flows() == (False, False)
    else:
        rig.hang(10000)
        assert rig.flows() == (True, True)


# Faults of the bus.


@of_every_pair
def test_a_single_bus_error_is_tried_again_and_counted(rig):
    rig.up().on()
    rig.cycles(500)
    for bus in rig.buses:
        rig.read()
        before = bus.transfers
        rig.cycles(4 * rig.cycle_ms)
        most = bus.transfers - before
        counted = rig.counted()
        errors = 0
        for at in range(0, most, max(1, most // 12)):
            bus.fail_at = at
            for _ in range(5):
                before = rig.snapshot()
                if rig.read():
                    errors += 1
                assert rig.wrong_since(before) == [], at
            bus.fail_at = None
        assert errors == 0
        assert rig.counted() > counted
        assert rig.flows() == (True, True)


@of_every_pair
def test_a_dead_bus_raises_and_nothing_passes_for_new(rig):
    rig.up().on()
    rig.cycles(ROUND_MS if rig.cycle_ms > 100 else 500)
    for bus in rig.buses:
        before = rig.sequences()
        bus.dead = True
        for _ in range(6):
            assert rig.read() in (NO_ANSWER, CHECK_FAILED)
        after = rig.sequences()
        bus.dead = False
        for group in GROUPS:
            moved = after[group] != before[group]
            # The parts of a front end do not blind each other.
            if group in bus.groups:
                assert not moved, group
            elif group in (CELLS, CURRENT):
                assert moved, group
        assert rig.front_end.configured
        assert rig.cycles(2 * rig.cycle_ms), "it does not come back"
    for bus in rig.buses:
        bus.dead = True
    assert code_of(run, rig.front_end.verify())
    assert code_of(run, rig.front_end.configure(rig.requests))
    assert not rig.front_end.configured
    rig.clock.advance(1000 * rig.off_ms)
    assert rig.flows() == (False, False)


@of_every_pair
def test_corrupted_bytes_never_become_values(rig):
    """Up to three bits of a transfer are flipped, or all of it reads one level.

    The level only where there are check codes: two registers that both read zero agree.
    """
    rig.up().on()
    rig.bench.override_current_ma(-8000)
    rig.cycles(ROUND_MS if rig.cycle_ms > 100 else 600)
    random = SeededRandom(7)
    odds = [1]

    def spoil(buffer):
        if random.below(odds[0]):
            return
        kind = random.below(8)
        if kind < 2 and bus.has_checks:
            for at in range(len(buffer)):
                buffer[at] = 0xFF * kind
            return
        for _ in range(1 + random.below(3)):
            buffer[random.below(len(buffer))] ^= 1 << random.below(8)

    raised = well = 0
    for bus in rig.buses:
        bus.spoil = spoil
        for rarely in (1, 4, 20):
            odds[0] = rarely
            for _ in range(30):
                before = rig.snapshot()
                if rig.read():
                    raised += 1
                else:
                    well += 1
                assert rig.wrong_since(before) == []
                if not rig.front_end.configured:
                    # So many failures in a row are answered by a new bring-up.
                    bus.spoil = None
                    rig.up().cycles(10 * rig.cycle_ms)
                    bus.spoil = spoil
        bus.spoil = None
    assert raised > 10 and well > 10, (raised, well)


@of_every_pair
def test_conversions_that_stand_still_do_not_pass_for_new(rig):
    rig.up().on()
    rig.cycles(ROUND_MS if rig.cycle_ms > 100 else 500)
    for freeze, groups in rig.freezes:
        freeze()
        rig.cycles(rig.stuck_ms)
        before = rig.sequences()
        rig.cycles(500)
        for group in groups:
            values = rig.group_values(group)
            unknown = values.count(UNKNOWN) == len(values)
            assert unknown or rig.sample.sequence(group) == before[group], group


# Lost settings, wrong devices, changed registers.


@of_every_pair
def test_a_chip_that_lost_its_settings_is_noticed_and_set_up_anew(rig):
    rig.up().on()
    for reset in rig.resets:
        reset()
        for _ in range(1 + 2000 // rig.cycle_ms):
            rig.read()
            if not rig.front_end.configured:
                break
        assert not rig.front_end.configured
        assert rig.sample.front_end_fault & FAULT_NOT_CONFIGURED
        rig.clock.advance(1000 * rig.off_ms)
        assert rig.flows() == (False, False)
        assert code_of(rig.front_end.set_switches, True, True) == NOT_CONFIGURED
        before = rig.sequences()
        assert rig.read() == NOT_CONFIGURED
        rig.clock.advance(30000)
        rig.up()
        assert rig.flows() == (False, False)
        rig.cycles(1000)
        assert rig.wrong_values() == []
        assert rig.sample.sequence(CELLS) > before[0]
        assert rig.sample.front_end_fault & FAULT_NOT_CONFIGURED == 0
        rig.on()


@of_every_pair
def test_a_wrong_device_is_refused(rig):
    for number in range(len(rig.wrongs)):
        again = fresh(rig)
        again.wrongs[number]()
        code = again.configure()
        assert code == WRONG_DEVICE, (number, code)
        assert not again.front_end.configured and again.front_end.applied == []
        assert code_of(again.front_end.set_switches, True, True) == NOT_CONFIGURED
        assert again.flows() == (False, False)


@of_every_pair
def test_a_stranger_is_refused(rig):
    for number in range(len(rig.strangers)):
        again = fresh(rig)
        again.strangers[number]()
        code = again.configure()
        assert code not in (0, NOT_CONFIGURED), number
        assert not again.front_end.configured
        assert again.flows() == (False, False)


@of_every_pair
def test_a_changed_register_is_found_by_verify(rig):
    rig.up().on()
    assert code_of(run, rig.front_end.verify()) == 0
    rig.front_end.balance(bleed_of(rig, [0]))
    assert code_of(run, rig.front_end.verify()) == 0
    for flip in rig.flips:
        flip()
        assert code_of(run, rig.front_end.verify()) == READ_BACK_DIFFERS
        rig.up()
        assert code_of(run, rig.front_end.verify()) == 0


# Time.


@of_every_pair
def test_a_reading_leaves_half_of_the_cycle_to_others(rig):
    rig.up().on()
    rig.cycles(500)
    longest_us = 0
    for _ in range(60):
        cycle_us = rig.cycle_ms * 1000
        rig.clock.advance(cycle_us - rig.clock.now_us % cycle_us)
        begun_us = rig.clock.now_us
        rig.front_end.read(rig.sample, rig.now_ms)
        rig.sample.answered(rig.now_ms)
        longest_us = max(longest_us, rig.clock.now_us - begun_us)
    # A test of the leads, in which pulling takes its time, is the longest.
    assert longest_us <= cycle_us // 2, longest_us


@of_every_pair
def test_slices_of_the_slow_verbs_are_short(rig):
    for verb in (lambda: rig.front_end.configure(rig.requests), rig.front_end.verify):
        begun_us = rig.clock.now_us
        longest_us = 0
        for _ in verb():
            longest_us = max(longest_us, rig.clock.now_us - begun_us)
            rig.clock.advance(1000)
            begun_us = rig.clock.now_us
        assert longest_us <= 6000, longest_us


# What it says of itself.


@of_every_pair
def test_it_tells_the_truth_about_itself(rig):
    rig.up()
    front_end = rig.front_end
    can = front_end.capabilities()
    assert can["chip"] and can["cells"] == front_end.cell_count <= can["inputs"]
    assert can["temps"] == front_end.temp_count
    assert front_end.board_temp_count >= 1
    told = ("cells", "temps", "current", "stack")
    assert [can[name + "_period_ms"] for name in told] == list(rig.periods_ms[:4])
    assert set(can["guards"]) == set([row[0] for row in front_end.applied])
    assert can["bleeds_adjacent"] == front_end.bleeds_adjacent
    assert can["bleed_lapse_ms"] == front_end.bleed_lapse_ms
    for name in ("silence_ms", "open_wire_ms", "bleed_alone_ms"):
        assert can[name] >= 0, name
    for name in ("retries", "check_errors", "no_answers"):
        assert getattr(front_end.bus, name) >= 0
    assert front_end.open_lead_seen in (False, True)


@of_every_pair
def test_broken_leads_are_found_where_the_pair_says_so(rig):
    rig.up().on()
    period_ms = rig.front_end.capabilities()["open_wire_ms"]
    rig.open_lead(3)
    found = rig.until(lambda: rig.front_end.open_lead_seen, 3 * max(period_ms, 2000))
    assert found == (period_ms > 0)


@of_every_pair
def test_terminals_are_told_or_said_to_be_unknown(rig):
    rig.up().on()
    rig.bench.offer(-5000)
    rig.cycles(1000)
    assert rig.sample.load_seen in (1, -1) and rig.sample.charger_seen in (0, -1)
    rig.bench.offer(5000)
    rig.cycles(1000)
    assert rig.sample.charger_seen in (1, -1)
    for name in ("load_seen", "charger_seen"):
        assert getattr(rig.sample, name) in (-1, 0, 1)
