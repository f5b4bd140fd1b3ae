"""The running BMS asked by JBD: what is read, what may be written and when, and how fast."""

import time

from jbd_desk import DISCARD, ENTER, NO_REGISTER, NOT_ALLOWED, OK, READ, SAVE, WRITE, Host, frame

from host_tools.mock.seeded_random import SeededRandom
from vigil import door, journal, limit_stage, limits, validate
from vigil.link import jbd_parameters

REPLY_US = 20000
# What bmstools' readEeprom asks for, refusing to go on without one of them.
EEPROM = tuple(range(0x10, 0x40)) + (0xA0, 0xA1, 0xA2, 0xAA)
# Register, row and which of its numbers, in what unit: the sheet's table, not the firmware's.
MV, TENS, KELVIN = (1, 0), (10, 0), (1, 2731)
WORDS = (
    (0x18, limits.CHARGE_OVER_TEMPERATURE, "trip", KELVIN),
    (0x19, limits.CHARGE_OVER_TEMPERATURE, "release", KELVIN),
    (0x1A, limits.CHARGE_UNDER_TEMPERATURE, "trip", KELVIN),
    (0x1B, limits.CHARGE_UNDER_TEMPERATURE, "release", KELVIN),
    (0x1C, limits.DISCHARGE_OVER_TEMPERATURE, "trip", KELVIN),
    (0x1D, limits.DISCHARGE_OVER_TEMPERATURE, "release", KELVIN),
    (0x1E, limits.DISCHARGE_UNDER_TEMPERATURE, "trip", KELVIN),
    (0x1F, limits.DISCHARGE_UNDER_TEMPERATURE, "release", KELVIN),
    (0x20, limits.STACK_OVER_VOLTAGE, "trip", TENS),
    (0x21, limits.STACK_OVER_VOLTAGE, "release", TENS),
    (0x22, limits.STACK_UNDER_VOLTAGE, "trip", TENS),
    (0x23, limits.STACK_UNDER_VOLTAGE, "release", TENS),
    (0x24, limits.CELL_OVER_VOLTAGE, "trip", MV),
    (0x25, limits.CELL_OVER_VOLTAGE, "release", MV),
    (0x26, limits.CELL_UNDER_VOLTAGE, "trip", MV),
    (0x27, limits.CELL_UNDER_VOLTAGE, "release", MV),
    (0x28, limits.CHARGE_OVER_CURRENT, "trip", TENS),
    (0x29, limits.DISCHARGE_OVER_CURRENT, "trip", TENS),
    (0x36, limits.CELL_OVER_VOLTAGE_SEVERE, "trip", MV),
    (0x37, limits.CELL_UNDER_VOLTAGE_SEVERE, "trip", MV),
)
DELAYS = (
    (0x3A, limits.CHARGE_UNDER_TEMPERATURE, limits.CHARGE_OVER_TEMPERATURE),
    (0x3B, limits.DISCHARGE_UNDER_TEMPERATURE, limits.DISCHARGE_OVER_TEMPERATURE),
    (0x3C, limits.STACK_UNDER_VOLTAGE, limits.STACK_OVER_VOLTAGE),
    (0x3D, limits.CELL_UNDER_VOLTAGE, limits.CELL_OVER_VOLTAGE),
)


def numbers(table):
    return [list(getattr(table, name)) for name in ("trip", "release", "trip_delay_ms")] + [
        list(table.release_delay_ms),
        table.short_circuit_ma,
        table.short_circuit_delay_us,
    ]


def as_it_is(host):
    """Everything that a write could change."""
    stage = host.door.stage
    return numbers(host.bms.table) + [
        host.bms.switches.held_off,
        stage.state,
        stage.is_begun,
        host.door.waiting,
        host.door.taken,
    ]


def limit(host, row, name="trip"):
    return getattr(host.bms.table, name)[limits.position(row)]


def kinds(host):
    host.run_ms(300)
    return [entry.kind for entry in host.bms.memory.journal.newest_first()]


# Reading.


def test_everything_that_bmstools_asks_for_is_read_in_factory_mode_by_anybody():
    host = Host(line=False)
    host.enter()
    for register in EEPROM:
        assert host.ask(READ, register)[0] == OK, register
    table = host.bms.table
    for register, row, name, (scale, zero) in WORDS:
        expected = getattr(table, name)[limits.position(row)] // scale + zero
        assert host.read(register) == expected & 0xFFFF, register
    for register, high, low in DELAYS:
        delays = table.trip_delay_ms
        told = host.read(register)
        assert told >> 8 == delays[limits.position(high)] // 1000, register
        assert told & 0xFF == delays[limits.position(low)] // 1000, register
    assert host.read(0x3E) == 2 << 8 | 30
    assert host.read(0x3F) == 10 << 8 | 30
    assert host.read(0x10) == host.read(0x11) == 10000
    assert (host.read(0x2A), host.read(0x2B), host.read(0x2C)) == (3400, 10, 5)
    assert (host.read(0x2D) & 4, host.read(0x2E), host.read(0x2F)) == (4, 7, 16)
    assert host.read(0xA0) == b"\x05Vigil"
    assert host.read(0xA1) == b"\x0fVigil sim16_lfp"
    assert host.read(0xA2) == b"\x00"
    falling = [host.read(at) for at in (0x47, 0x42, 0x32, 0x43, 0x33, 0x44, 0x34, 0x45, 0x35)]
    assert sorted(falling, reverse=True) == falling
    assert host.read(0x12) == falling[0] and host.read(0x13) < falling[-1]
    # 300 A and 200 A on 0.5 mOhm: 150 mV as 2 x 78, 100 mV as 2 x 50; 100 us and 40 ms.
    assert host.read(0x38) == 0x8000 | 1 << 11 | 5 << 8 | 2 << 4 | 15
    assert host.read(0x39) == 0 << 14 | 1 << 12 | 5
    assert host.leave() == OK
    assert as_it_is(host)[-2:] == [0, 0]


def test_outside_factory_mode_only_what_is_measured_is_read():
    host = Host(line=False)
    for register in (0x03, 0x04, 0x05, 0xAA, 0x00):
        assert host.ask(READ, register)[0] == OK
    assert host.read(0x00) == 0
    assert len(host.read(0xAA)) == 24
    for register in (0x10, 0x29, 0x3F, 0x47, 0xA0, 0xA2):
        assert host.ask(READ, register) == (NOT_ALLOWED, b"")
    for register in (0x50, 0x48, 0xB0, 0xFA, 0xE1, 0xE0):
        assert host.ask(READ, register) == (NO_REGISTER, b"")


class LaterClock:
    """The board's clock, but so much later."""

    later_ms = 0

    def ticks_ms(self):
        return (time.ticks_ms() + self.later_ms) & 0x3FFFFFFF


def test_factory_mode_ends_by_itself_a_minute_after_the_last_parameter():
    host = Host(owner=True, line=False)
    jbd_parameters.time = clock = LaterClock()
    try:
        host.enter()
        for _ in range(30):
            clock.later_ms += 59000
            assert host.ask(READ, 0x24)[0] == OK
        assert host.write(0x24, 3600) == OK
        clock.later_ms += 59000
        assert host.read(0x24) == 3600
        clock.later_ms += 60000
        assert host.ask(READ, 0x24)[0] == NOT_ALLOWED
        host.run_ms(300)
        assert host.door.stage.state == limit_stage.ABANDONED
        host.enter()
        assert host.read(0x24) == 3650
        clock.later_ms += 60000
        assert host.write(0x24, 3600) == NOT_ALLOWED
    finally:
        jbd_parameters.time = time


def test_limits_that_were_set_elsewhere_are_told_as_the_sheet_has_them():
    host = Host(line=False)
    table = host.bms.table
    put = limits.position
    table.trip[put(limits.CHARGE_OVER_TEMPERATURE)] = 550
    table.trip[put(limits.DISCHARGE_OVER_CURRENT)] = -120000
    table.trip[put(limits.DISCHARGE_UNDER_TEMPERATURE)] = -205
    table.trip_delay_ms[put(limits.CELL_OVER_VOLTAGE)] = 1499
    table.trip_delay_ms[put(limits.CELL_UNDER_VOLTAGE)] = 1500
    host.bms.counter.capacity_mah = 100000
    host.enter()
    for asked, answer in (
        ("DDA51000FFF077", "DD1000022710FFC777"),
        ("DDA52900FFD777", "DD290002D120FF0D77"),
        ("DDA51800FFE877", "DD1800020CD1FF2177"),
    ):
        assert host.at_once(unhex(asked)) == unhex(answer)
    assert host.read(0x1E) == 2731 - 205
    assert host.read(0x3D) == 2 << 8 | 1
    table.trip[put(limits.DISCHARGE_OVER_CURRENT)] = -500000
    table.trip[put(limits.CHARGE_OVER_CURRENT)] = 500004
    assert (host.read(0x28), host.read(0x29)) == (0x7FFF, 0x8000)


def unhex(text):
    return bytes(int(text[at : at + 2], 16) for at in range(0, len(text), 2))


def test_error_counters_have_each_kind_of_trip_and_saving_clears_all_but_the_restarts():
    host = Host(owner=True, current_ma=10000)
    host.bench.set_cell_mv(5, 3720)
    host.run_until(lambda: not host.bench.true_charge, 6000)
    host.bench.clear()
    host.run_ms(3000)
    counters = host.read(0xAA)
    assert len(counters) == 24
    assert counters[7] == 1 and counters[23] == 1
    assert sum(counters) == 2, counters
    host.enter()
    # An empty save, as bmstools' clearErrors does it.
    assert host.leave(SAVE) == OK
    assert list(host.read(0xAA)) == [0] * 23 + [1]
    assert journal.WRITE in kinds(host)


# Nobody else writes.

WRITES = (
    (0x24, b"\x0e\x10"),
    (0x29, b"\xd1\x20"),
    (0x3D, b"\x03\x03"),
    (0x10, b"\x00\x01"),
    (0xA1, b"\x01x"),
    (0xE1, b"\x00\x03"),
    (0xE1, b"\x00\x00"),
    (0xFB, b"\x0a\x01"),
    (0x01, SAVE),
    (0x07, b"\x0c" + bytes(12)),
    (0x09, b"\x06J1B2D4"),
    (0x0F, bytes(4)),
    (0x03, b"\x00\x00"),
    (0xAA, b"\x00\x00"),
)


def test_outside_the_owners_window_every_write_is_refused_and_recorded():
    host = Host(current_ma=-10000, line=False)
    before = as_it_is(host)
    for factory in (False, True):
        for register, data in WRITES:
            if factory:
                host.enter()
            refused = host.door.refused
            assert host.write(register, data) == NOT_ALLOWED, register
            assert host.door.refused > refused, register
    for register in (0x50, 0xB0, 0xD0, 0xE0, 0xE2, 0xE3, 0x0A, 0xFE):
        assert host.write(register, b"\x00\x01") == NO_REGISTER, register
    assert as_it_is(host) == before
    assert host.both_on()
    found = kinds(host)
    assert found.count(journal.WRITE_REFUSED) == 1 and journal.WRITE not in found


def test_the_golden_refusals_and_acknowledgements():
    host = Host(line=False)
    for asked, answer in (
        ("DD5A2B02000FFFC477", "DD2B8100FF7F77"),
        ("DD5A00025678FF3077", "DD000000000077"),
        ("DD5A01020000FFFD77", "DD010000000077"),
        ("DD5A0607063030303030" + "30FECD77", "DD060000000077"),
        ("DD5A060706000000000000FFED77", "DD060000000077"),
        ("DD5AE1020003FF1A77", "DDE18100FF1F77"[:6] + "00FF7F77"),
    ):
        assert host.at_once(unhex(asked)) == unhex(answer), asked
    host = Host(owner=True, line=False)
    for code in ("00FF1D", "01FF1C", "02FF1B", "03FF1A"):
        assert host.at_once(unhex("DD5AE10200" + code + "77")) == unhex("DDE10000000077")
        host.run_ms(100)
        assert host.bms.switches.held_off == int(code[:2], 16)


def test_ten_thousand_random_writes_by_strangers_change_nothing():
    host = Host(current_ma=-10000, line=False)
    before = as_it_is(host)
    dice = SeededRandom(3)
    for turn in range(10000):
        register = WRITES[dice.below(len(WRITES))][0] if dice.below(2) else dice.below(256)
        data = bytes(dice.below(256) for _ in range(dice.below(4)))
        if not dice.below(8):
            register, data = 0x00, ENTER
        elif not dice.below(8):
            register, data = 0x01, SAVE
        host.at_once(frame(WRITE, register, data))
        if not turn % 500:
            host.run_ms(60)
    host.run_ms(300)
    assert as_it_is(host) == before
    assert host.both_on()
    assert host.at_once(frame(READ, 0x03))[:3] == b"\xdd\x03\x00"


def test_an_hour_of_attack_leaves_a_few_records_and_the_trips_and_the_owners_writes():
    host = Host(owner=True, current_ma=10000)
    host.bench.set_cell_mv(5, 3720)
    host.run_until(lambda: not host.bench.true_charge, 6000)
    assert host.write(0xE1, 2) == OK
    host.door.authority.granted = door.VIEWER
    memory = host.bms.memory
    before = [entry.kind for entry in memory.journal.newest_first()]
    assert journal.TRIP in before and journal.WRITE in before
    dice = SeededRandom(5)
    begun_ms = time.ticks_ms()
    refused = host.door.refused
    for turn in range(10000):
        register = WRITES[dice.below(len(WRITES))][0]
        host.at_once(frame(WRITE, register, bytes([dice.below(256), dice.below(256)])))
        host.bms.board.watchdog.feed()
        # An hour: a write every 360 ms.
        host.door.step((begun_ms + 360 * turn) & 0x3FFFFFFF)
        while memory.journal.pending:
            memory.flush()
    after = [entry.kind for entry in memory.journal.newest_first()]
    assert after[len(after) - len(before) :] == before
    assert set(after[: len(after) - len(before)]) == {journal.WRITE_REFUSED}
    assert 2 <= after.count(journal.WRITE_REFUSED) <= 5
    assert host.door.refused >= refused + 9000
    told = [
        entry.value
        for entry in memory.journal.newest_first()
        if entry.kind == journal.WRITE_REFUSED
    ]
    assert sum(told) > 400


# The owner does.


def test_a_set_is_begun_by_the_first_parameter_read_back_and_taken_over_by_saving():
    host = Host(owner=True, current_ma=10000)
    host.enter()
    for register, value in ((0x24, 3550), (0x25, 3420), (0x20, 5600), (0x3D, 0x0403)):
        assert host.write(register, value) == OK
        assert host.read(register) == value
    assert limit(host, limits.CELL_OVER_VOLTAGE) == 3650
    overruns = host.bms.executive.overruns
    assert host.leave(SAVE) == OK
    assert host.door.stage.state == limit_stage.COMMITTED
    assert host.bms.executive.overruns == overruns
    assert limit(host, limits.CELL_OVER_VOLTAGE) == 3550
    assert limit(host, limits.CELL_OVER_VOLTAGE, "release") == 3420
    assert limit(host, limits.STACK_OVER_VOLTAGE) == 56000
    assert limit(host, limits.CELL_OVER_VOLTAGE, "trip_delay_ms") == 3000
    assert limit(host, limits.CELL_UNDER_VOLTAGE, "trip_delay_ms") == 4000
    # What JBD has no register for keeps its distance.
    assert limit(host, limits.CELL_OVER_VOLTAGE_WARNING) == 3500
    assert limit(host, limits.CELL_OVER_VOLTAGE_WARNING, "release") == 3450
    host.run_until(host.both_on, 6000)
    host.bench.set_cell_mv(5, 3580)
    host.run_until(lambda: not host.bench.true_charge, 6000)
    assert limits.CELL_OVER_VOLTAGE in host.tripped()
    assert host.ask(READ, 0x24)[0] == NOT_ALLOWED
    found = kinds(host)
    assert journal.LIMITS in found and journal.WRITE in found


def test_currents_take_their_release_along():
    host = Host(owner=True)
    host.enter()
    assert host.write(0x28, 4000) == OK
    assert host.write(0x29, 0x10000 - 9000) == OK
    assert host.leave(SAVE) == OK
    assert limit(host, limits.CHARGE_OVER_CURRENT) == 40000
    assert limit(host, limits.CHARGE_OVER_CURRENT, "release") == 36000
    assert limit(host, limits.DISCHARGE_OVER_CURRENT) == -90000
    assert limit(host, limits.DISCHARGE_OVER_CURRENT, "release") == -81000


def test_a_contradictory_set_is_refused_when_it_is_saved_and_nothing_of_it_stays():
    for register, value in ((0x24, 4200), (0x25, 3660), (0x28, 0x10000 - 100), (0x18, 2731 + 900)):
        host = Host(owner=True)
        before = numbers(host.bms.table)
        host.enter()
        assert host.write(0x3C, 0x0303) == OK
        assert host.write(register, value) == OK
        assert host.leave(SAVE) == NOT_ALLOWED
        host.run_ms(300)
        assert numbers(host.bms.table) == before
        assert not host.door.stage.is_begun
        assert host.door.stage.found > 0
        assert host.both_on()
        # And the next set begins with what runs.
        host.enter()
        assert host.read(0x3C) == 0x0201
        assert host.write(0x24, 3640) == OK
        assert host.leave(SAVE) == OK


def test_leaving_without_saving_discards_what_was_written():
    host = Host(owner=True)
    before = numbers(host.bms.table)
    host.enter()
    assert host.write(0x24, 3600) == OK
    assert host.leave(DISCARD) == OK
    host.run_ms(500)
    assert host.door.stage.state == limit_stage.ABANDONED
    host.enter()
    assert host.read(0x24) == 3650
    assert numbers(host.bms.table) == before


def test_writing_back_what_was_read_is_accepted_and_changes_nothing_not_even_by_rounding():
    host = Host(owner=True, line=False)
    table = host.bms.table
    table.trip[limits.position(limits.CHARGE_OVER_CURRENT)] = 59996
    table.trip_delay_ms[limits.position(limits.CELL_OVER_VOLTAGE)] = 1040
    before = numbers(table)
    host.enter()
    for register in EEPROM[:-1]:
        status, data = host.ask(READ, register)
        assert host.write(register, data) == OK, register
    assert host.leave(SAVE) == OK
    assert numbers(host.bms.table) == before
    assert host.door.stage.state == limit_stage.IDLE
    assert host.both_on()


def test_what_is_not_a_limit_cannot_be_changed_by_anybody():
    host = Host(owner=True, line=False)
    host.enter()
    for register in (0x10, 0x11, 0x12, 0x14, 0x17, 0x2A, 0x2C, 0x2D, 0x2F, 0x32, 0x38, 0x47):
        refused = host.door.refused
        assert host.write(register, host.read(register) ^ 0x40) == NOT_ALLOWED, register
        assert host.door.result == door.READ_ONLY and host.door.refused == refused + 1
    assert host.write(0xA0, b"\x05Other") == NOT_ALLOWED
    assert host.write(0x24, b"\x0e") == NOT_ALLOWED
    assert host.write(0x24, b"\x0e\x10\x00") == NOT_ALLOWED
    assert host.door.stage.state == limit_stage.IDLE


def test_the_window_may_close_in_the_middle_and_then_nothing_is_done():
    for ends_before_saving in (True, False):
        host = Host(owner=True)
        before = numbers(host.bms.table)
        host.enter()
        assert host.write(0x24, 3600) == OK
        host.door.authority.granted = door.VIEWER
        if ends_before_saving:
            assert host.write(0x25, 3400) == NOT_ALLOWED
        assert host.leave(SAVE) == NOT_ALLOWED
        host.run_ms(500)
        assert numbers(host.bms.table) == before
        host.enter()
        assert host.read(0x24) == 3650


def test_somebody_elses_set_is_not_mixed_with_ours():
    host = Host(owner=True)
    version = host.points.limits_schema[1]
    assert host.door.write(1604, version, door.NATIVE) == door.TAKEN
    assert host.door.write(1000 + 2 * (limits.CELL_OVER_VOLTAGE - 1), 3500, door.NATIVE) == 0
    host.run_ms(200)
    host.enter()
    # Not yet a set of ours: what runs is shown, and our first write begins anew with it.
    assert host.read(0x24) == 3650
    assert host.at_once(frame(WRITE, 0x25, b"\x0d\x5c"))[2] == OK
    assert host.at_once(frame(READ, 0x24))[4:6] == b"\x0e\x42"
    host.run_ms(200)
    assert host.read(0x24) == 3650
    assert host.leave(SAVE) == OK
    assert limit(host, limits.CELL_OVER_VOLTAGE) == 3650
    assert limit(host, limits.CELL_OVER_VOLTAGE, "release") == 0x0D5C


def test_switches_are_kept_off_with_and_without_factory_mode_and_basic_info_says_so():
    host = Host(owner=True, current_ma=-5000)
    host.door.authority.granted = door.OPERATOR
    for factory, register, value, charge, discharge in (
        (False, 0xE1, 1, False, True),
        (True, 0xE1, 2, True, False),
        (True, 0xE1, 3, False, False),
        (False, 0xE1, 0, True, True),
        (False, 0xFB, 0x0001, True, False),
        (False, 0xFB, 0x0101, False, False),
        (False, 0xFB, 0x0000, False, True),
        (False, 0xFB, 0x0A01, False, False),
        (False, 0xFB, 0x0A00, True, True),
    ):
        if factory:
            host.enter()
        assert host.write(register, value) == OK
        host.run_ms(1500)
        assert (host.bench.true_charge, host.bench.true_discharge) == (charge, discharge)
        info = host.read(0x03)
        assert info[20] == (1 if charge else 0) + (2 if discharge else 0)
        assert info[16] >> 4 & 1 == (0 if charge and discharge else 1)
        if factory:
            assert host.leave() == OK
    for register, value in ((0xE1, 4), (0xE1, 0x0100), (0xFB, 0x0301), (0xFB, 0x0002)):
        assert host.write(register, value) == NOT_ALLOWED
    assert host.write(0xE1, b"\x03") == NOT_ALLOWED
    assert host.bms.switches.held_off == 0
    # Two switches in one breath, before the first has been done.
    assert host.at_once(frame(WRITE, 0xFB, b"\x00\x01"))[2] == OK
    assert host.at_once(frame(WRITE, 0xFB, b"\x01\x01"))[2] == OK
    host.run_ms(300)
    assert host.bms.switches.held_off == 3


def test_a_limit_wins_over_a_release_of_the_switches():
    host = Host(owner=True, current_ma=10000)
    host.bench.set_cell_mv(5, 3720)
    host.run_until(lambda: not host.bench.true_charge, 6000)
    assert host.write(0xE1, 0) == OK
    host.run_ms(1500)
    assert not host.bench.true_charge
    assert host.read(0x03)[17] & 1


# What the line may do to it.


def test_a_write_behind_rubbish_is_not_believed_until_the_line_was_silent_or_a_frame_good():
    host = Host(owner=True)
    off = frame(WRITE, 0xE1, b"\x00\x03")
    assert host.send(b"\x55" + off) == b""
    host.run_ms(100)
    assert host.bms.switches.held_off == 0
    assert host.send(off) != b""
    host.run_ms(100)
    assert host.bms.switches.held_off == 3
    on = frame(WRITE, 0xE1, b"\x00\x00")
    assert host.send(b"\xdd\xa5\x03" + frame(READ, 0x05) + on)[1] == 0xE1
    host.run_ms(100)
    assert host.bms.switches.held_off == 0


def test_no_write_with_one_byte_damaged_is_done():
    host = Host(owner=True, line=False)
    host.enter()
    before = as_it_is(host)
    for register, data in ((0xE1, b"\x00\x03"), (0x24, b"\x0e\x10"), (0xFB, b"\x0a\x01")):
        good = frame(WRITE, register, data)
        for at in range(len(good)):
            for wrong in range(256):
                if good[at] != wrong and not (at == 1 and wrong == READ):
                    host.at_once(good[:at] + bytes([wrong]) + good[at + 1 :])
                    host.engine.silence()
        # Nor is a read that has become a write.
        host.at_once(frame(WRITE, register))
    host.run_ms(300)
    assert as_it_is(host)[:-1] == before[:-1]
    assert host.door.taken == before[-1]


def test_with_bytes_damaged_on_the_medium_every_answered_write_is_the_one_that_was_sent():
    host = Host(owner=True, line=False)
    dice = SeededRandom(9)
    damaged = 0
    state = 0
    for turn in range(3000):
        wanted = dice.below(4)
        sent = bytearray(frame(WRITE, 0xE1, bytes([0, wanted])))
        for at in range(len(sent)):
            if not dice.below(200):
                sent[at] = dice.below(256)
        damaged += bytes(sent) != frame(WRITE, 0xE1, bytes([0, wanted]))
        answer = host.at_once(bytes(sent))
        host.engine.silence()
        if answer and answer[2] == OK:
            assert answer[1] == 0xE1
            state = wanted
        while host.door.step(time.ticks_ms()):
            pass
        assert host.bms.switches.held_off == state, turn
    assert damaged > 50


# Times.


def test_every_answer_begins_within_twenty_milliseconds_and_the_period_is_kept():
    host = Host(owner=True, current_ma=-10000)
    host.bms.executive.worst_period_us = 0
    host.enter()
    found = []
    asked = (0x03, 0xAA, 0x04, 0x24, 0x3F, 0x38, 0xA1, 0x05, 0x47)
    for turn in range(45):
        host.run_ms(41 + turn)
        host.ask(READ, asked[turn % len(asked)])
        found.append(host.heard_us - host.asked_us)
    for turn in range(10):
        host.run_ms(17 + turn)
        host.write(0x24, 3600 + turn)
        found.append(host.heard_us - host.asked_us)
        host.write(0xE1, 0)
        found.append(host.heard_us - host.asked_us)
    host.leave()
    found.append(host.heard_us - host.asked_us)
    assert max(found) <= REPLY_US, max(found)
    assert host.bms.executive.overruns == 0
    assert host.bms.executive.worst_period_us <= 60000


def test_saving_is_answered_with_the_verdict_in_time_although_the_set_came_just_before():
    for value, status, runs in ((3600, OK, 3600), (4200, NOT_ALLOWED, 3650)):
        host = Host(owner=True, current_ma=-10000)
        host.enter()
        # As fast as the wire lets a host: the save behind the answer to the write.
        assert host.ask(WRITE, 0x24, bytes([value >> 8, value & 0xFF]), 5)[0] == OK
        assert host.leave(SAVE) == status
        assert host.heard_us - host.asked_us <= REPLY_US
        assert host.bms.executive._links[0].late_replies == 0
        host.run_ms(500)
        assert limit(host, limits.CELL_OVER_VOLTAGE) == runs
        assert host.bms.executive.overruns == 0


def test_what_was_foretold_of_a_set_is_what_the_whole_check_finds():
    dice = SeededRandom(11)
    verdicts = set()
    host = Host(owner=True)
    stage = host.door.stage
    for turn in range(24):
        host.enter()
        for _ in range(1 + dice.below(4)):
            register, row, name, (scale, zero) = WORDS[dice.below(len(WORDS))]
            number = limit(host, row, name) * (90 + dice.below(21)) // 100 // scale + zero
            assert host.at_once(frame(WRITE, register, pair(number)))[2] == OK
        host.run_until(lambda: not host.door.waiting, 500)
        if not stage.is_begun:
            # The same numbers as before.
            assert host.leave(SAVE) == OK
            continue
        host.run_until(lambda: stage.sound >= 0, 500)
        told = validate.problems(stage.table, host.bms.chemistry, 16)
        told = told or host.bms.backstop_problems(stage.table)
        assert (stage.sound == limit_stage.SOUND) == (not told), turn
        verdicts.add(stage.sound)
        saved = host.leave(SAVE)
        assert saved == (NOT_ALLOWED if told else OK)
        host.run_until(lambda: not stage.is_begun, 500)
        assert stage.state == (limit_stage.ABANDONED if told else limit_stage.COMMITTED)
        assert stage.found == len(told)
    assert len(verdicts) == 2


def pair(number):
    return bytes([number >> 8 & 0xFF, number & 0xFF])


def test_a_newer_request_takes_the_place_of_a_verdict_and_saving_can_be_asked_for_again():
    host = Host(owner=True)
    host.enter()
    assert host.at_once(frame(WRITE, 0x24, b"\x0e\x10"))[2] == OK
    assert host.at_once(frame(WRITE, 0x01, SAVE)) == b""
    assert host.engine.unfinished
    assert host.at_once(frame(READ, 0x05))[1] == 0x05
    assert not host.engine.unfinished
    host.run_ms(1000)
    assert limit(host, limits.CELL_OVER_VOLTAGE) == 3650
    assert host.read(0x24) == 3600
    assert host.leave(SAVE) == OK
    # As it will be, whoever asks.
    host.enter()
    assert host.read(0x24) == 3600
    host.run_ms(500)
    assert limit(host, limits.CELL_OVER_VOLTAGE) == 3600
