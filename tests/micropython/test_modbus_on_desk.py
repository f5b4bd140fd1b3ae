"""The running BMS asked by Modbus: what is read, what may be written, and when it answers."""

from modbus_desk import Everybody, Master, with_sum

from host_tools.mock.seeded_random import SeededRandom
from vigil import door, journal, limit_stage, limits

REPLY_US = 20000
LIMIT_TRIP, LIMIT_RELEASE, LIMIT_TRIP_MS, LIMIT_RELEASE_MS = 400, 528, 656, 784
STAGED_TRIP, STAGED_RELEASE = 1000, 1128
RESULT, STATE, BEGIN, VALIDATE, COMMIT = 1600, 1603, 1604, 1605, 1606
ABANDON, RESET, ALLOWED, FOUND = 1607, 1608, 1609, 1610
PROBLEM_ROW, PROBLEM_CODE = 1612, 1620


def test_what_is_read_is_what_has_been_measured():
    master = Master(current_ma=-10000)
    sample = master.bms.sample
    cells = master.read(100, 48)
    assert cells[:16] == list(sample.cell_values)
    assert cells[16:] == [0xFFFF] * 32
    assert master.read(148, 3, function=4) == list(sample.temp_values)
    stack_mv, current_ma, power_w = master.read_wide(18, 3)
    assert abs(stack_mv - sum(cells[:16])) < 200
    assert current_ma == -10000
    assert abs(power_w + stack_mv // 100) <= 1
    assert master.read(7, 2) == [1, 1]


def test_the_charge_is_told_with_how_sure_it_is():
    master = Master()
    charge = master.bms.charge
    charge.resume([0.4] * 16, 0.03)
    master.run_ms(2000)
    assert master.read(90, 3) == [charge.soc_permille, charge.sigma_permille, charge.source]
    assert abs(charge.soc_permille - 400) <= 20 and charge.sigma_permille <= 30
    assert master.read_wide(93, 1) == [-1]
    # What is shown does not jump there from the simulator's 60 %.
    assert master.read(24) == [master.bms.estimator.shown_permille]


def test_all_fifty_limits_are_read_as_they_run():
    master = Master()
    table = master.bms.table
    for address, numbers in (
        (LIMIT_TRIP, table.trip),
        (LIMIT_RELEASE, table.release),
        (LIMIT_TRIP_MS, table.trip_delay_ms),
        (LIMIT_RELEASE_MS, table.release_delay_ms),
    ):
        told = master.read_wide(address, 30) + master.read_wide(address + 60, 20)
        assert told == [numbers[limits.position(row)] for row in range(1, limits.LAST_ROW + 1)]
    assert master.read_wide(912, 2) == [table.short_circuit_ma, table.short_circuit_delay_us]


def test_every_row_that_the_chip_guards_tells_when_that_was_last_verified():
    master = Master()
    master.run_ms(2500)
    ages = master.read(300, 64)
    guarded = [applied[0] for applied in master.bms.front_end.applied]
    for row in range(1, limits.LAST_ROW + 1):
        guard = limits.TABLE[limits.position(row)][limits.BACKSTOP]
        if guard in guarded:
            assert 2 <= ages[row - 1] <= 4, row
        else:
            assert ages[row - 1] == 0xFFFF, row
    assert ages[limits.LAST_ROW :] == [0xFFFF] * 14


def test_what_has_tripped_is_told_by_bits_and_by_sunspec():
    master = Master(current_ma=10000)
    master.bench.set_cell_mv(5, 3720)
    master.run_until(lambda: not master.bench.true_charge, 6000)
    bits = master.read(14, 4)
    tripped = [
        16 * word + bit + 1 for word in range(4) for bit in range(16) if bits[word] >> bit & 1
    ]
    assert sorted(tripped) == sorted(master.tripped())
    assert limits.CELL_OVER_VOLTAGE in tripped
    assert master.read(9, 2) == [limits.CELL_OVER_VOLTAGE, 0]
    high, low = master.read(40096, 2)
    assert (high << 16 | low) & 1 << 9
    assert master.read(40100, 4) == [bits[1], bits[0], bits[3], bits[2]]
    assert master.read_wide(32)[0] == 0  # what a charger may deliver


def test_an_address_that_is_nobodys_is_refused_and_so_is_a_range_with_a_gap():
    master = Master()
    for address, count in ((88, 1), (87, 2), (168, 1), (9000, 1), (39999, 2), (40304, 1)):
        assert master.read(address, count) == 2, address
    assert master.read(60000, 1) == 2
    for count in (0, 126, 65535):
        assert master.ask(1, 3, 0, count)[1:] == b"\x83\x03"
    assert len(master.read(0, 88)) == 88
    assert master.read(40302, 2) == [0xFFFF, 0]


def at_once(engine, address, count):
    """Registers asked of the engine itself, while no time passes."""
    frame = with_sum(bytes([1, 3, address >> 8, address & 0xFF, 0, count]))
    engine.receive(frame, len(frame))
    parts = 1
    while engine.unfinished:
        engine.go_on()
        parts += 1
    answer = bytes(engine.reply[: engine.reply_length])
    engine.reply_sent()
    assert answer == with_sum(answer[:-2]) and len(answer) == 5 + 2 * count
    return [answer[at] << 8 | answer[at + 1] for at in range(3, 3 + 2 * count, 2)], parts


def test_the_longest_answers_are_the_same_in_parts_as_register_by_register():
    engine = Master(current_ma=-3000).engine
    for first, count, least in (
        (0, 88, 2),
        (400, 125, 3),
        (401, 124, 3),
        (1612, 48, 1),
        (40000, 125, 2),
        (40070, 125, 3),
        (40179, 125, 2),
    ):
        whole, parts = at_once(engine, first, count)
        assert parts >= least
        assert whole == [at_once(engine, first + at, 1)[0][0] for at in range(count)], first


# Writing.


def as_it_runs(master):
    table = master.bms.table
    return [
        list(numbers)
        for numbers in (table.trip, table.release, table.trip_delay_ms, table.release_delay_ms)
    ] + [master.bms.switches.held_off, master.door.stage.state, master.door.waiting]


def test_nobody_can_write_where_there_is_no_authority():
    master = Master(current_ma=-10000)
    before = as_it_runs(master)
    version = master.read(3)[0]
    assert master.write_one(BEGIN, version) == 3
    assert master.read(RESULT)[0] == door.NOT_ALLOWED
    assert master.write_one(ALLOWED, 0) == 3
    assert master.write_one(40120, 2) == 3
    assert master.write_one(40090, 1) == 3
    assert master.write_one(RESET, 1, unit=0) is None
    assert master.write_wide(STAGED_TRIP, 4200) == 3
    assert master.write_one(LIMIT_TRIP, 1) == 2
    dice = SeededRandom(6)
    addresses = (BEGIN, COMMIT, RESET, ALLOWED, STAGED_TRIP, LIMIT_TRIP, 40090, 40120, 0)
    for _ in range(300):
        address = addresses[dice.below(len(addresses))]
        count = 1 + dice.below(8)
        frame = [dice.below(2), 16, address >> 8, address & 0xFF, 0, count, 2 * count]
        frame += [dice.below(256) for _ in range(2 * count)]
        frame = with_sum(bytes(frame))
        master.engine.receive(frame, len(frame))
        master.engine.reply_sent()
    master.run_ms(500)
    assert as_it_runs(master) == before
    assert master.both_on()
    assert master.door.taken == 0
    assert master.door.refused >= 306
    master.run_ms(2000)
    kinds = [entry.kind for entry in master.bms.memory.journal.newest_first()]
    assert kinds.count(journal.WRITE_REFUSED) == 1
    assert journal.WRITE not in kinds


def owner(**options):
    master = Master(**options)
    master.door.authority = Everybody()
    return master


def test_a_viewer_and_an_operator_may_do_no_more_than_theirs():
    master = owner()
    master.door.authority.granted = door.VIEWER
    assert master.write_one(ALLOWED, 3) == 3
    master.door.authority.granted = door.OPERATOR
    assert master.write_one(ALLOWED, 3) == 0
    assert master.write_one(RESET, 1) == 3
    assert master.read(RESULT)[0] == door.NOT_ALLOWED


def test_a_set_of_limits_is_begun_put_committed_and_read_back():
    master = owner(current_ma=10000)
    assert master.write_one(BEGIN, master.read(3)[0]) == 0
    assert master.read(STATE)[0] == limit_stage.BEGUN
    # As they run, until somebody writes.
    assert master.read_wide(STAGED_TRIP, 30) == master.read_wide(LIMIT_TRIP, 30)
    # Cell warning, cell over-voltage, and the stack's.
    assert master.write(STAGED_TRIP, [0, 3450, 0, 3500]) == 0
    assert master.write(STAGED_RELEASE, [0, 3400, 0, 3420]) == 0
    assert master.write_wide(STAGED_TRIP + 8, 3480 * 16) == 0
    assert master.write_wide(STAGED_RELEASE + 8, 3430 * 16) == 0
    assert master.read_wide(LIMIT_TRIP + 2) == [3650]
    assert master.write_one(VALIDATE, 1) == 0
    master.run_until(lambda: master.door.stage.state == limit_stage.GOOD, 2000)
    overruns = master.bms.executive.overruns
    assert master.write_one(COMMIT, 1) == 0
    master.run_until(lambda: master.door.stage.state == limit_stage.COMMITTED, 2000)
    assert master.bms.executive.overruns == overruns
    master.run_until(master.both_on, 6000)
    assert master.read_wide(LIMIT_TRIP, 2) == [3450, 3500]
    assert master.read_wide(STAGED_TRIP, 1) == [-0x80000000]
    master.bench.set_cell_mv(5, 3520)
    master.run_until(lambda: not master.bench.true_charge, 4000)
    assert limits.CELL_OVER_VOLTAGE in master.tripped()
    kinds = [entry.kind for entry in master.bms.memory.journal.newest_first()]
    assert journal.LIMITS in kinds and journal.WRITE in kinds


def test_a_contradictory_set_is_refused_whole_and_says_where():
    master = owner(current_ma=10000)
    before = as_it_runs(master)[:4]
    assert master.write_one(BEGIN, master.read(3)[0]) == 0
    assert master.write_wide(STAGED_TRIP + 2 * (limits.CELL_OVER_VOLTAGE - 1), 4200) == 0
    # While it is being checked nobody can change it.
    assert master.door.write(COMMIT, 1, door.MODBUS) == door.TAKEN
    master.run_until(lambda: master.door.stage.is_checking, 200)
    assert master.door.write(STAGED_TRIP, 3333, door.MODBUS) == door.NOT_BEGUN
    stage = master.door.stage
    while stage.is_checking:
        assert 3333 not in list(stage.table.trip)
        master.door.step(0)
    assert stage.state == limit_stage.REFUSED
    found = master.read(FOUND)[0]
    rows = master.read(PROBLEM_ROW, 8)[:found]
    codes = master.read(PROBLEM_CODE, 8)[:found]
    assert (limits.CELL_OVER_VOLTAGE, 2) in list(zip(rows, codes))
    assert master.read(RESULT)[0] == door.REFUSED
    assert as_it_runs(master)[:4] == before
    assert master.both_on()
    # What was staged is still there, to be mended.
    assert master.write_wide(STAGED_TRIP + 2 * (limits.CELL_OVER_VOLTAGE - 1), 3640) == 0
    assert master.write_one(COMMIT, 1) == 0
    master.run_until(lambda: master.door.stage.state == limit_stage.COMMITTED, 2000)


def test_what_cannot_be_taken_says_why():
    master = owner()
    version = master.read(3)[0]
    cases = (
        (lambda: master.write_wide(STAGED_TRIP, 3500), 3, door.NOT_BEGUN),
        (lambda: master.write_one(COMMIT, 1), 3, door.NOT_BEGUN),
        (lambda: master.write_one(BEGIN, version ^ 1), 3, door.OTHER_TABLE),
        (lambda: master.write_one(COMMIT, 2), 3, door.OUT_OF_RANGE),
        (lambda: master.write_one(ALLOWED, 4), 3, door.OUT_OF_RANGE),
        (lambda: master.write_one(6, 1), 2, door.READ_ONLY),
        (lambda: master.write_one(88, 1), 2, door.NO_SUCH_POINT),
        (lambda: master.write_one(STAGED_TRIP, 1), 2, door.NO_SUCH_ELEMENT),
        (lambda: master.write_wide(STAGED_TRIP + 2 * 50, 1), 2, door.NO_SUCH_ELEMENT),
        (lambda: master.write_one(40016, 1), 2, door.READ_ONLY),
        (lambda: master.write_one(50000, 1), 2, door.NO_SUCH_POINT),
        (lambda: master.write(STAGED_TRIP, [0] * 123), 2, door.NO_SUCH_ELEMENT),
    )
    for write, exception, result in cases:
        assert write() == exception, result
        assert master.door.result == result, result
    assert master.door.taken == 0
    # One bad number spoils the whole writing.
    assert master.write_one(BEGIN, version) == 0
    staged = master.read_wide(STAGED_TRIP, 2)
    assert master.write(STAGED_TRIP, [0, 3500, 0x2000, 0]) == 3
    assert master.read_wide(STAGED_TRIP, 2) == staged
    assert master.write_one(ABANDON, 1) == 0
    assert master.write_wide(STAGED_TRIP, 3500) == 3


def test_switches_are_kept_off_until_they_are_allowed_again():
    master = owner(current_ma=-5000)
    for write, charge, discharge in (
        (lambda: master.write_one(ALLOWED, 1), True, False),
        (lambda: master.write_one(ALLOWED, 2), False, True),
        (lambda: master.write_one(40120, 2), False, False),
        (lambda: master.write_one(40120, 1), True, True),
    ):
        assert write() == 0
        master.run_ms(1500)
        assert (master.bench.true_charge, master.bench.true_discharge) == (charge, discharge)
        assert master.read(7, 2) == [1 if charge else 0, 1 if discharge else 0]
        told = master.read(9, 2)
        assert told == [0 if on else 101 for on in (charge, discharge)]
    assert master.read(40120)[0] == 1


def test_the_owners_reset_releases_what_has_latched():
    master = owner(current_ma=1000)
    master.bench.set_cell_mv(5, 3850)
    master.run_until(lambda: limits.CELL_OVER_VOLTAGE_SEVERE in master.tripped(), 6000)
    master.bench.clear()
    master.bench.set_cell_mv(5, 3300)
    master.run_ms(1000)
    assert master.read(40092)[0] == 99
    assert master.both_off()
    assert master.write_one(40090, 1) == 0
    master.run_until(master.both_on, 20000)
    assert master.read(40092)[0] == 3


# Times.


def test_every_answer_begins_within_twenty_milliseconds_and_the_period_is_kept():
    master = Master(current_ma=-10000)
    shortest_us, longest_us = waits(master, 42)
    assert longest_us <= REPLY_US
    # 3.5 characters, less what the wire's pace rounds away.
    assert shortest_us >= 3500
    assert master.bms.executive.overruns == 0
    assert master.bms.executive.worst_period_us <= 60000


def test_the_longest_answer_begins_in_time_too_whenever_it_is_asked_for():
    master = Master(current_ma=-10000)
    master.bms.executive.worst_period_us = 0
    limits_asked = with_sum(bytes([1, 3, LIMIT_TRIP >> 8, LIMIT_TRIP & 0xFF, 0, 125]))
    _, longest, late = master.waits_us(limits_asked, 30, 300)
    assert longest <= REPLY_US
    # The bus is given back at once, unless a cycle is running.
    assert late <= 8000
    assert master.bms.executive.overruns == 0
    assert master.bms.executive.worst_period_us <= 60000


def test_faster_lines_are_answered_as_well_and_their_silence_is_kept():
    for baudrate in (19200, 57600, 115200):
        master = Master(current_ma=-10000, RS485_BAUD=baudrate)
        shortest_us, longest_us = waits(master, 14)
        assert longest_us <= REPLY_US, baudrate
        assert shortest_us >= 1600, baudrate
        assert master.bms.executive.overruns == 0


def waits(master, requests):
    """(shortest, longest) time from the end of a request to the first bit of its answer."""
    master.bms.executive.worst_period_us = 0
    asked = ((0, 88), (40070, 125), (40000, 125), (100, 48), (400, 125), (18, 2), (60000, 1))
    found = []
    for turn in range(requests):
        master.run_ms(41 + turn)
        assert master.ask(1, 3, *asked[turn % len(asked)])
        found.append(master.heard_us - master.asked_us)
    return min(found), max(found)
