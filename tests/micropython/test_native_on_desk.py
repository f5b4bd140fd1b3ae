"""The running BMS asked by the native protocol, on both carriers: answers, keys, and when."""

from native_desk import (
    ANSWER,
    CHALLENGE,
    COMMISSION,
    END,
    IDENTIFY,
    JOURNAL,
    KEYS,
    LIST,
    OPERATOR,
    OWNER,
    READ,
    SET_KEY,
    SUBSCRIBE,
    TIME,
    WINDOW,
    WRITE,
    NativeDesk,
    hmac,
    plain,
    ranges,
    registers,
    writes,
)

from host_tools.mock.seeded_random import SeededRandom
from vigil import door, journal, limit_stage

REPLY_US = 20000
OTHER_VERSION, NO_SUCH_OP, MALFORMED, NO_SESSION, BAD_PROOF, TOO_EARLY, NOTHING = range(1, 8)
REFUSED = 16 + door.NOT_ALLOWED
RESULT, STATE, BEGIN, VALIDATE, COMMIT, ABANDON = 1600, 1603, 1604, 1605, 1606, 1607
ALLOWED, STAGED_TRIP, STAGED_TRIP_MS = 1609, 1000, 1256
CARRIERS = ("serial", "modbus")


def desk(carrier="serial", **options):
    return NativeDesk(carrier, code_time=False, **options)


def sessions(master):
    """Plain, the operator's and the owner's."""
    return None, master.log_in(OPERATOR), master.log_in(OWNER)


def wide(words):
    return [words[at] << 16 | words[at + 1] for at in range(0, len(words), 2)]


def test_it_says_who_it_is():
    for carrier in CARRIERS:
        master = desk(carrier, keys=False)
        status, told = master.ask(IDENTIFY)
        assert status == 0 and told[:3] == b"\x01\x00\x08"
        schema = master.points.schema
        rows = master.points.limits_schema
        assert registers(told[3:11]) == [schema[0], schema[1], rows[0], rows[1]]
        assert told[11:19] == master.authority.device_id
        texts, at = [], 19
        while at < len(told):
            texts.append(bytes(told[at + 1 : at + 1 + told[at]]))
            at += 1 + told[at]
        assert texts == [b"", b"sim16_lfp", b"Vigil sim16_lfp"]
        master.authority.open_commissioning(0)
        assert master.ask(IDENTIFY)[1][2] == 8 | 4 | 2
        master.authority.commission(OWNER, KEYS[OWNER], 0)
        assert master.ask(IDENTIFY)[1][2] == 8 | 1


def test_the_list_names_every_point_once_with_its_type_and_role():
    master = desk()
    points = master.points
    place, found = 0, []
    while place != 0xFFFF:
        status, told = master.ask(LIST, bytes([place >> 8, place & 0xFF]))
        assert status == 0 and (len(told) - 2) % 6 == 0
        place = told[0] << 8 | told[1]
        found += [told[at : at + 6] for at in range(2, len(told), 6)]
    assert len(found) == points.count
    for at, told in enumerate(found):
        assert told[0] << 8 | told[1] == points.number(at)
        assert tuple(told[2:]) == (
            points.type(at),
            points.role(at),
            points.elements(at),
            points.real(at),
        )
    assert master.ask(LIST, b"\xff\xff") == (NOTHING, b"")
    assert master.ask(LIST, b"\x00") == (MALFORMED, b"")


def test_what_is_read_is_what_modbus_gives_however_it_is_asked():
    master = desk(current_ma=-10000)
    out = bytearray(256)
    asked = ((0, 88), (100, 16), (400, 2), (914, 2), (20, 1), (21, 1))
    expected = b""
    for number, count in asked:
        master.points.fill(number, count, out, 0)
        expected += bytes(out[: 2 * count])
    for session in sessions(master):
        status, told = master.ask(READ, ranges(*asked), session)
        # The state of the door and ages stand still, as no time passes.
        assert status == 0 and told == expected
    assert wide(registers(told[-4:])) == [(-10000) & 0xFFFFFFFF]
    assert len(master.ask(READ, ranges((400, 110)))[1]) == 220


def test_reading_refuses_what_is_nobodys_and_what_makes_no_sense():
    master = desk()
    for number in (88, 168, 9000, 40000, 65535):
        nobody = bytes([number >> 8, number & 0xFF])
        assert master.ask(READ, ranges((0, 50), (number, 1))) == (16 + 1, nobody)
    assert master.ask(READ, ranges((86, 3))) == (16 + 1, b"\x00\x56")
    for payload in (
        b"",
        b"\x00",
        ranges((0, 0)),
        ranges((400, 111)),
        ranges((400, 60), (528, 60)),
        ranges(*[(0, 1)] * 17),
        ranges((0, 1)) + b"\x00",
    ):
        assert master.ask(READ, payload) == (MALFORMED, b""), payload
    assert len(master.ask(READ, ranges(*[(0, 1)] * 16))[1]) == 32


def test_every_write_without_a_session_is_refused_and_recorded():
    for carrier in CARRIERS:
        master = desk(carrier)
        before = master.door.refused
        assert master.ask(WRITE, writes((ALLOWED, 0, 1))) == (REFUSED, b"\x00")
        assert master.ask(WRITE, writes((0, 0, 1))) == (REFUSED, b"\x00")
        assert master.ask(TIME, bytes([0x65, 0, 0, 0])) == (REFUSED, b"")
        assert master.ask(SET_KEY, bytes([OWNER]) + bytes(31) + b"\x01") == (REFUSED, b"")
        assert master.ask(WINDOW, b"\x00\x3c") == (REFUSED, b"")
        assert master.ask(END) == (NO_SESSION, b"")
        assert master.ask(COMMISSION, bytes([OWNER]) + bytes(31) + b"\x01") == (30, b"")
        assert master.door.refused == before + 3 and master.door.taken == 0
        master.run_ms(500)
        assert master.both_on() and not master.bms.switches.held_off
        kinds = [entry.kind for entry in master.bms.memory.journal.newest_first()]
        assert journal.WRITE_REFUSED in kinds and journal.PROOF_REFUSED in kinds
        assert not master.authority.window_left_s


def test_operator_and_owner_may_what_the_table_says():
    master = desk()
    _, operator, owner = sessions(master)
    assert master.ask(WRITE, writes((ALLOWED, 1, 1)), operator) == (0, b"")
    master.run_ms(300)
    assert master.bms.switches.held_off == 2
    begin = writes((BEGIN, master.points.limits_schema[1], 1))
    assert master.ask(WRITE, begin, operator) == (REFUSED, b"\x00")
    assert master.ask(WRITE, writes((ALLOWED, 3, 1)) + begin, operator) == (REFUSED, b"\x01")
    assert master.ask(WINDOW, b"\x00\x3c", operator) == (REFUSED, b"")
    assert master.ask(SET_KEY, bytes([OWNER]) + bytes(31) + b"\x01", operator) == (REFUSED, b"")
    master.run_ms(300)
    assert master.bms.switches.held_off == 2 and master.door.stage.state == limit_stage.IDLE
    assert master.ask(WRITE, begin, owner) == (0, b"")
    master.run_ms(300)
    assert master.door.stage.state == limit_stage.BEGUN
    # Nobody acts between messages, nor by another's session.
    assert master.ask(WRITE, writes((ALLOWED, 3, 1))) == (REFUSED, b"\x00")
    assert master.authority.role(door.NATIVE) == 0


def test_a_lot_is_taken_whole_or_not_at_all():
    master = desk()
    owner = master.log_in()
    refused = (
        ((ALLOWED, 0, 1), (0, 1, 1), 16 + door.READ_ONLY, 1),
        ((ALLOWED, 0, 1), (88, 1, 1), 16 + door.NO_SUCH_POINT, 1),
        ((ALLOWED, 0, 1), (ALLOWED, 4, 1), 16 + door.OUT_OF_RANGE, 1),
        ((ALLOWED, 0, 2), (ALLOWED, 0, 1), 16 + door.NO_SUCH_ELEMENT, 0),
        ((ALLOWED, 0, 1), (STAGED_TRIP, 1, 2), 16 + door.NOT_BEGUN, 1),
        ((ALLOWED, 0, 1), (BEGIN, 1, 1), 16 + door.OTHER_TABLE, 1),
    )
    for first, second, status, index in refused:
        told = master.ask(WRITE, writes(first, second), owner)
        assert told == (status, bytes([index])), (first, second)
    schema = master.points.limits_schema[1]
    # Nothing may follow what ends the set; and what begins it may come first.
    lots = (
        ((BEGIN, schema, 1), (ABANDON, 1, 1), (STAGED_TRIP, 3600, 2)),
        ((BEGIN, schema, 1), (COMMIT, 1, 1), (ABANDON, 1, 1)),
    )
    for lot in lots:
        assert master.ask(WRITE, writes(*lot), owner) == (16 + door.NOT_BEGUN, b"\x02")
    assert master.door.taken == 0 and master.door.waiting == 0
    status, _ = master.ask(
        WRITE, writes((BEGIN, schema, 1), (STAGED_TRIP_MS, 1234, 2), (STAGED_TRIP, -5, 2)), owner
    )
    assert status == 0
    master.run_ms(500)
    assert registers(master.ask(READ, ranges((STAGED_TRIP_MS, 2)))[1]) == [0, 1234]
    assert registers(master.ask(READ, ranges((STAGED_TRIP, 2)))[1]) == [0xFFFF, 0xFFFB]
    for payload in (
        b"",
        writes((ALLOWED, 0, 1))[:-1],
        writes((ALLOWED, 0, 1)) + b"\x00",
        bytes([6, 73, 3, 0, 0, 0, 0, 0, 0]),
        bytes([6, 73, 0]),
        writes(*[(ALLOWED, 0, 1)] * 9),
    ):
        assert master.ask(WRITE, payload, owner) == (MALFORMED, b""), payload
    for _ in range(door.MOST_WAITING // 8):
        assert master.ask(WRITE, writes(*[(ALLOWED, 3, 1)] * 8), owner) == (0, b"")
    assert master.ask(WRITE, writes((ALLOWED, 3, 1)), owner) == (16 + door.BUSY, b"\x00")


def test_a_set_of_limits_is_staged_checked_taken_over_and_read_back():
    master = NativeDesk()
    owner = master.log_in()
    warning = 400 + 2 * 0
    running = registers(master.ask(READ, ranges((warning, 2)))[1])
    schema = master.points.limits_schema[1]
    assert master.ask(WRITE, writes((BEGIN, schema, 1)), owner)[0] == 0
    master.run_ms(200)
    put = writes((656 + 600 + 2, 2500, 2))
    assert master.ask(WRITE, put, owner)[0] == 0
    assert master.ask(WRITE, writes((VALIDATE, 1, 1)), owner)[0] == 0
    master.run_until(lambda: master.door.stage.state == limit_stage.GOOD, 8000)
    assert master.ask(WRITE, writes((COMMIT, 1, 1)), owner)[0] == 0
    master.run_until(lambda: master.door.stage.state == limit_stage.COMMITTED, 8000)
    assert registers(master.ask(READ, ranges((656 + 2, 2), (STATE, 1)))[1]) == [0, 2500, 5]
    assert registers(master.ask(READ, ranges((warning, 2)))[1]) == running


def test_a_replayed_reordered_or_damaged_message_changes_nothing():
    for carrier in CARRIERS:
        master = desk(carrier)
        owner = master.log_in()
        late = owner.seal(WRITE, writes((ALLOWED, 0, 1)))
        first = owner.seal(WRITE, writes((ALLOWED, 3, 1)))
        assert owner.open(master.at_once(first))[1] == bytes([7, WRITE | 0x80, 0])
        taken = master.door.taken
        for message in (first, late, owner.seal(WRITE, writes((ALLOWED, 0, 1)), count=1)):
            assert master.at_once(message) == b"\x10\x03\x00\x80\x05"
        strange = bytearray(owner.seal(WRITE, writes((ALLOWED, 0, 1))))
        for at in range(2, len(strange)):
            strange[at] ^= 1 << at % 8
            answer = master.at_once(bytes(strange))
            assert answer in (b"\x10\x03\x00\x80\x05", b"\x10\x03\x00\x80\x04"), at
            strange[at] ^= 1 << at % 8
        assert master.door.taken == taken
        # The session goes on: that message itself has never been taken.
        assert master.at_once(bytes(strange))[0] == 0x11
        assert master.door.taken == taken + 1


def test_a_wrong_key_has_to_wait_and_open_sessions_go_on():
    master = desk()
    operator = master.log_in(OPERATOR)
    assert master.log_in(OWNER, bytes(31) + b"\x05") == BAD_PROOF
    status, wait = master.ask(CHALLENGE, bytes([OWNER]) + bytes(16))
    assert status == TOO_EARLY and wait == b"\x00\x01"
    assert master.ask(ANSWER, bytes(17))[0] == TOO_EARLY
    assert master.ask(READ, ranges((24, 1)), operator)[0] == 0
    master.run_ms(1100)
    assert master.ask(READ, ranges((24, 1)), master.log_in(OWNER))[0] == 0
    assert master.ask(CHALLENGE, b"\x02" + bytes(15))[0] == MALFORMED
    assert master.ask(CHALLENGE, bytes([0]) + bytes(16))[0] == NOTHING


def test_the_owner_changes_keys_opens_the_window_and_ends_his_session():
    master = desk()
    owner = master.log_in()
    assert master.ask(WINDOW, b"\x00\x3c", owner) == (0, b"\x00\x3c")
    assert master.authority.role(door.MODBUS) == OWNER
    assert master.ask(WINDOW, b"\x00\x00", owner) == (0, b"\x00\x00")
    assert master.authority.role(door.MODBUS) == 0
    assert master.ask(WINDOW, b"\x0e\x11", owner) == (MALFORMED, b"")
    other = bytes(range(7, 39))
    assert master.ask(SET_KEY, bytes([OPERATOR]) + other, owner) == (0, b"")
    assert master.ask(READ, ranges((24, 1)), owner)[0] == 0
    # His own: the answer is still sealed by the session that ends with it.
    assert master.ask(SET_KEY, bytes([OWNER]) + other, owner) == (0, b"")
    assert master.ask(READ, ranges((24, 1)), owner) == (NO_SESSION, b"")
    KEYS[OPERATOR], kept = other, KEYS[OPERATOR]
    operator = master.log_in(OPERATOR)
    KEYS[OPERATOR] = kept
    assert master.ask(END, b"", operator) == (0, b"")
    assert master.ask(READ, ranges((24, 1)), operator) == (NO_SESSION, b"")


def test_the_time_is_told_by_the_operator_and_read_by_everybody():
    master = desk()
    master.run_ms(3000)
    uptime_s = master.bms.keeper.uptime_s
    assert master.ask(TIME) == (0, uptime_s.to_bytes(4, "big") + bytes(4))
    now_s = 1795000000
    operator = master.log_in(OPERATOR)
    told = uptime_s.to_bytes(4, "big") + now_s.to_bytes(4, "big")
    assert master.ask(TIME, now_s.to_bytes(4, "big"), operator) == (0, told)
    master.run_ms(2000)
    assert master.ask(TIME)[1][4:] == (now_s + master.bms.keeper.uptime_s - uptime_s).to_bytes(
        4, "big"
    )
    for late_s in (2200000000, 0xFFFFFFFF):
        assert master.ask(TIME, late_s.to_bytes(4, "big"), operator)[0] == 0
        assert master.ask(TIME)[1][4:] == late_s.to_bytes(4, "big")
    for payload in (bytes(4), b"\x01"):
        assert master.ask(TIME, payload, operator)[0] == MALFORMED
    newest = next(master.bms.memory.journal.newest_first())
    assert (newest.kind, newest.code, newest.where) == (journal.WRITE, 0xFF08, door.NATIVE)
    assert newest.value == -1


def test_the_journal_comes_in_pieces_as_it_is_stored():
    master = desk()
    for number in range(70):
        master.bms.keeper.note(journal.TRIP, number)
        if master.bms.memory.journal.pending == 16:
            master.bms.memory.flush()
            master.bms.memory.flush()
    kept = list(master.bms.memory.journal.newest_first())
    kept.reverse()
    status, bounds = master.ask(JOURNAL, b"\xff" * 4)
    oldest, end = wide(registers(bounds))
    assert status == 0 and end == kept[-1].sequence + 1 and oldest == kept[0].sequence > 0
    assert master.bms.memory.journal.pending
    at, found = oldest, []
    while at < end:
        status, told = master.ask(JOURNAL, at.to_bytes(4, "big"))
        assert status == 0 and wide(registers(told[:8])) == [oldest, end]
        assert 0 < len(told) - 8 <= 192
        for place in range(8, len(told), 32):
            found.append(journal.parse(told[place : place + 32]))
            at += 1
    assert [entry.sequence for entry in found] == list(range(oldest, end))
    assert [entry.code for entry in found] == [entry.code for entry in kept]
    for strange in (oldest - 1, end, 1 << 29, 1 << 30, 0xFFFFFFFE):
        assert master.ask(JOURNAL, strange.to_bytes(4, "big")) == (NOTHING, bounds)
    assert master.ask(JOURNAL, b"")[0] == MALFORMED


def test_what_was_subscribed_to_is_told_until_it_is_stopped_or_forgotten():
    master = desk(current_ma=-5000)
    assert master.ask(SUBSCRIBE, b"\x05" + ranges((20, 2), (100, 2))) == (0, b"")
    heard = told(master, master.send(b"", 2100))
    assert len(heard) == 4
    for message in heard:
        assert message[:5] == b"\x10\x0b\x00\x86\x00"
        assert registers(message[5:])[:2] == [0xFFFF, 0x10000 - 5000]
    assert master.ask(SUBSCRIBE, b"\x00") == (0, b"")
    assert master.send(b"", 1000) == b""
    master.ask(SUBSCRIBE, b"\x0a" + ranges((24, 1)))
    assert len(told(master, master.send(b"", 1200))) == 1
    # A minute without renewal, most of it not waited for.
    master.native._renewed_ms -= 58000
    assert master.send(b"", 2500) == b""
    for payload in (b"", b"\x05", b"\x05" + ranges((0, 0)), b"\x00\x00"):
        assert master.ask(SUBSCRIBE, payload) == (MALFORMED, b"")
    assert master.ask(SUBSCRIBE, b"\x05" + ranges((9000, 1))) == (17, b"\x23\x28")
    assert master.send(b"", 1000) == b""


def test_a_sealed_subscription_is_told_sealed_and_ends_with_its_session():
    master = desk()
    owner = master.log_in()
    assert master.ask(SUBSCRIBE, b"\x01" + ranges((100, 3)), owner) == (0, b"")
    counts = []
    for message in told(master, master.send(b"", 1000)):
        count, text = owner.open(message, direction=2)
        counts.append(count)
        assert text[:3] == b"\x00\x86\x00" and len(text) == 9
    assert counts == list(range(1, len(counts) + 1)) and len(counts) >= 8
    master.ask(END, b"", owner)
    assert master.send(b"", 1000) == b""


def test_modbus_is_asked_and_never_tells_by_itself():
    master = desk("modbus")
    assert master.ask(SUBSCRIBE, b"\x05" + ranges((20, 2))) == (NO_SUCH_OP, b"")


def told(master, data):
    """The messages in these bytes."""
    found = []
    while data:
        length = data[2] + 5
        found.append(master.unframed(data[:length]))
        data = data[length:]
    return found


def test_what_is_not_spoken_gets_a_clear_answer():
    for carrier in CARRIERS:
        master = desk(carrier)
        for kind in (0x00, 0x20, 0x21, 0xF0):
            answer = master.at_once(bytes([kind, 2, 9, READ]))
            assert answer == bytes([0x10, 5, 9, READ | 0x80, OTHER_VERSION, 1, 1])
        for kind in (0x12, 0x1F):
            assert master.at_once(bytes([kind, 2, 9, READ])) == b"\x10\x03\x09\x83\x03"
        # As on a board that has neither black box nor calibration.
        master.bms.black_box = master.bms.calibration = None
        for op in (0, 5, 9, 0x0A, 0x0F, 0x16, 0x7F):
            assert master.ask(op) == (NO_SUCH_OP, b"")
        assert master.at_once(b"\x11\x02\x07\x01") == b"\x10\x03\x00\x80\x03"
        # Long and unknown.
        assert master.at_once(b"\x11\xee" + bytes(238)) == b"\x10\x03\x00\x80\x04"


def test_a_newer_request_takes_the_place_of_the_one_before():
    for carrier in CARRIERS:
        master = desk(carrier)
        owner = master.log_in()
        for message in (
            plain(READ, ranges((400, 110))),
            owner.seal(WRITE, writes((ALLOWED, 0, 1))),
            owner.seal(READ, ranges((400, 110))),
        ):
            frame = master.framed(message)
            for at in range(0, len(frame), 64):
                master.engine.receive(frame[at:], min(64, len(frame) - at))
            assert master.ask(IDENTIFY)[0] == 0
        assert master.engine.superseded == 3
        assert master.ask(READ, ranges((24, 1)), owner)[0] == 0
        assert master.authority.role(door.NATIVE) == 0


def test_two_ports_at_once_do_not_borrow_each_others_role():
    master = NativeDesk("serial", code_time=False, RS485_PROTOCOL="modbus")
    owner = master.log_in()
    other = master.bms.executive._links[0]._engine
    frame = master.framed(owner.seal(WRITE, writes((ALLOWED, 3, 1))))
    master.engine.receive(frame, len(frame))
    master.engine.go_on()  # opened, not written yet
    master.carrier = "modbus"
    strange = master.framed(plain(WRITE, writes((ALLOWED, 0, 1))))
    other.receive(strange, len(strange))
    while other.unfinished:
        other.go_on()
    assert master.unframed(bytes(other.reply[: other.reply_length]))[4] == REFUSED
    assert master.door.taken == 0


def test_a_lot_is_given_up_if_somebody_else_writes_while_it_is_checked():
    # Before its last check, and behind it.
    for rows, code in ((5, door.NOT_BEGUN), (3, door.BUSY)):
        master = desk()
        owner = master.log_in()
        schema = master.points.limits_schema[1]
        staged = [(STAGED_TRIP + 2 * row, -5, 2) for row in range(rows)]
        lot = writes((BEGIN, schema, 1), *staged)
        frame = master.framed(owner.seal(WRITE, lot))
        master.engine.receive(frame, len(frame))
        for _ in range(2):
            master.engine.go_on()
        assert master.native._checked == 4 and not master.door.waiting
        assert master.door.write(ALLOWED, 0, door.JBD) == door.NOT_ALLOWED
        while master.engine.unfinished:
            master.engine.go_on()
        answer = master.unframed(bytes(master.engine.reply[: master.engine.reply_length]))
        master.engine.reply_sent()
        assert owner.open(answer)[1][:3] == bytes([7, WRITE | 0x80, 16 + code])
        assert not master.door.waiting and not master.door.taken
        assert master.ask(WRITE, lot, owner) == (0, b"")
        assert master.door.waiting == rows + 1


# The wire.


def test_serial_frames_are_found_in_any_rubbish_and_half_ones_are_dropped():
    master = desk()
    frame = master.framed(plain(READ, ranges((100, 1))))
    good = master.send(frame)
    assert master.unframed(good)[4] == 0
    for before in (b"hello\r\n>>> ", b"\xa6", b"\xa6\xa6\xa6", b"\xa6\x10", b"\xa6\x10\x06\x07"):
        heard = master.send(before + frame, 300)
        assert heard == good, before
    # Lengths that no message has.
    for length in (0, 1, 239, 255):
        assert master.send(b"\xa6\x10" + bytes([length]) + frame, 300) == good
    # A frame that pauses is one all the same, for 200 ms.
    assert master.send(frame[:5], 150) == b"" and master.send(frame[5:], 60) == good
    assert master.send(frame[:5], 250) == b"" and master.send(frame[5:], 60) == b""
    assert master.send(frame) == good
    damaged = bytearray(frame)
    damaged[6] ^= 4
    before = master.engine.checksum_errors
    assert master.send(bytes(damaged), 300) == b""
    assert master.engine.checksum_errors == before + 1


def test_function_100_is_silent_for_all_for_others_and_for_wrong_lengths():
    from modbus_desk import with_sum

    master = desk("modbus")
    message = plain(READ, ranges((100, 1)))
    assert master.send(with_sum(b"\x01\x64" + message))
    assert master.send(with_sum(b"\x00\x64" + message)) == b""
    assert master.send(with_sum(b"\x02\x64" + message)) == b""
    assert master.send(with_sum(b"\x01\x64" + message + b"\x00")) == b""
    damaged = bytearray(with_sum(b"\x01\x64" + message))
    damaged[5] ^= 16
    assert master.send(bytes(damaged)) == b""
    assert master.send(with_sum(b"\x01\x64" + message))


def test_a_board_without_the_native_protocol_knows_no_function_100():
    from modbus_desk import with_sum

    from vigil.link.modbus import Modbus

    engine = Modbus(desk("modbus").points)
    frame = with_sum(b"\x01\x64" + plain(IDENTIFY))
    engine.receive(frame, len(frame))
    assert bytes(engine.reply[: engine.reply_length - 2]) == b"\x01\xe4\x01"


def test_every_answer_begins_within_twenty_milliseconds_and_the_period_is_kept():
    for carrier, options in (
        ("serial", {}),
        ("modbus", {}),
        ("modbus", {"RS485_BAUD": 115200}),
    ):
        master = NativeDesk(carrier, current_ma=-10000, **options)
        master.bms.executive.worst_period_us = 0
        owner = master.log_in()
        asked = (
            (READ, ranges((400, 110))),
            (IDENTIFY, b""),
            (LIST, b"\x00\x00"),
            (WRITE, writes(*[(ALLOWED, 3, 1)] * 8)),
            (JOURNAL, bytes(4)),
            (READ, ranges(*[(100, 6)] * 16)),
        )
        for turn in range(24):
            master.run_ms(41 + turn)
            op, payload = asked[turn % len(asked)]
            session = owner if turn % 4 == 3 or op == WRITE else None
            message = session.seal(op, payload) if session else plain(op, payload)
            answer = master.send(master.framed(message), 350)
            assert answer, op
            assert master.heard_us - master.asked_us <= REPLY_US, (carrier, op)
            assert master.unframed(answer)[0] == (0x11 if session else 0x10)
        assert master.bms.executive.overruns == 0
        assert master.bms.executive.worst_period_us <= 60000


def test_ten_thousand_strange_writes_change_nothing():
    master = desk()
    session = master.log_in()
    session.mac_key = hmac(b"wrong", b"key")
    dice = SeededRandom(11)
    taken = master.door.taken
    numbers = (BEGIN, COMMIT, 1608, ALLOWED, STAGED_TRIP, 400, 0, 1700)
    for turn in range(10000):
        number = numbers[dice.below(len(numbers))]
        words = 1 + dice.below(2)
        payload = writes((number, dice.below(1 << 16), words))
        message = session.seal(WRITE, payload) if turn % 16 == 0 else plain(WRITE, payload)
        assert master.at_once(message)[4] in (REFUSED, BAD_PROOF)
    master.run_ms(500)
    assert master.door.taken == taken and not master.bms.switches.held_off
    assert master.door.stage.state == limit_stage.IDLE and master.both_on()
