"""The running BMS seen from phones: what they read, ask and cannot do, and what it costs."""

import ble_desk
from ble_desk import (
    BASIC,
    CELLS,
    FIRMWARE,
    JBD_ANSWER,
    JBD_REQUEST,
    LEVEL,
    LEVEL_STATUS,
    MAKER,
    MODEL,
    NAME,
    REPLY,
    REQUEST,
    SERIAL,
    TELEMETRY,
    BleDesk,
    OwnBleDesk,
    jbd_frame,
)
from native_desk import (
    IDENTIFY,
    KEYS,
    LIST,
    OPERATOR,
    OWNER,
    READ,
    SET_KEY,
    SUBSCRIBE,
    WINDOW,
    WRITE,
    plain,
    ranges,
    registers,
    writes,
)

from host_tools.mock.seeded_random import SeededRandom
from vigil import door, journal

ALLOWED = 1609
REFUSED = 16 + door.NOT_ALLOWED
PICO = {"profile": "rp2", "links": 1, "parts": ("jbd_writing", "native", "bthome")}


def desk(**options):
    options.setdefault("code_time", False)
    return BleDesk(**options)


def checked(answer, register):
    """Data of a good JBD answer."""
    assert answer[0] == 0xDD and answer[1] == register and answer[2] == 0, answer
    count = answer[3]
    assert len(answer) == count + 7 and answer[-1] == 0x77
    assert (sum(answer[2:-3]) + (answer[-3] << 8 | answer[-2])) & 0xFFFF == 0
    return answer[4:-3]


def words(data):
    return [data[at] << 8 | data[at + 1] for at in range(0, len(data), 2)]


def state(master):
    """What nobody without a key may change."""
    bms = master.bms
    return (
        master.door.taken,
        master.door.waiting,
        master.door.stage.state,
        bms.switches.held_off,
        bytes(master.authority._keys),
        master.authority.window_left_s,
        master.both_on(),
    )


def test_a_phone_reads_everything_there_is():
    for radio in ({}, PICO):
        master = desk(radio=radio, soc_pct=60)
        master.run_ms(3000)
        for mtu in (23, 247):
            phone = master.phone(mtu)
            assert phone.read(MAKER) == b"Vigil" and phone.read(MODEL) == b"sim16_lfp"
            assert phone.read(FIRMWARE) == b"unbuilt"
            number = "".join(["%02x" % byte for byte in master.authority.device_id])
            assert phone.read(SERIAL).decode() == number
            assert abs(phone.read(LEVEL)[0] - 60) <= 2
            flags, low, high, level, more = phone.read(LEVEL_STATUS)
            assert flags == 6 and level == phone.read(LEVEL)[0] and more == 0
            # There is a battery, it idles, and its level is good.
            assert low & 1 and low >> 5 | (high & 1) << 3 == 0b0111
            cells = words(checked(phone.ask_jbd(CELLS), 4))
            sample = master.bms.sample
            assert cells == [sample.values[cell] for cell in range(16)]
            basic = checked(phone.ask_jbd(BASIC), 3)
            assert words(basic[:2])[0] == (sample.values[sample.stack_at] + 5) // 10
            assert basic[19] == phone.read(LEVEL)[0]
            assert checked(phone.ask_jbd(NAME), 5) == b"Vigil sim16_lfp"
            status, told = phone.ask(IDENTIFY)
            assert status == 0 and told[11:19] == master.authority.device_id
            assert phone.ask(READ, ranges((100, 16))) == (
                0,
                b"".join([bytes([mv >> 8, mv & 255]) for mv in cells]),
            )
            place = 0
            while place != 0xFFFF:
                status, told = phone.ask(LIST, bytes([place >> 8, place & 255]))
                assert status == 0
                place = told[0] << 8 | told[1]
            phone.link.disconnect()
            master.run_ms(100)


def test_a_frame_is_one_notification_if_it_fits_and_else_pieces_of_twenty_bytes():
    master = desk()
    for mtu in (23, 50, 247):
        phone = master.phone(mtu)
        phone.told(JBD_ANSWER)
        phone.write(JBD_REQUEST, CELLS)
        master.run_ms(400)
        pieces = phone.told(JBD_ANSWER)
        sizes = [len(piece) for piece in pieces]
        assert sum(sizes) == 39
        assert sizes == {23: [20, 19], 50: [39], 247: [39]}[mtu]
        phone.link.disconnect()
        master.run_ms(100)


def test_a_request_is_understood_in_every_cut_of_pieces():
    master = desk()
    phone = master.phone()
    answer = phone.ask_jbd(NAME)
    for first in range(1, len(NAME)):
        for second in range(first, len(NAME)):
            for begin, end in ((0, first), (first, second), (second, len(NAME))):
                if begin != end:
                    phone.write(JBD_REQUEST, NAME[begin:end])
            assert phone.wait(JBD_ANSWER, lambda heard: len(heard) == len(answer)) == answer


def test_several_phones_at_once_each_get_their_own_answers():
    master = desk()
    phones = [master.phone(mtu, number) for number, mtu in enumerate((23, 247, 60, 185))]
    assert master.radio.links_open == 4
    questions = (CELLS, BASIC, NAME, jbd_frame(0xA5, 0xAA))
    for turn in range(6):
        for number, phone in enumerate(phones):
            phone.write(JBD_REQUEST, questions[(number + turn) % 4])
            message = plain(READ, ranges((100 + number + turn, number + 1)), 40 + number)
            phone.write(REQUEST, b"\xa6" + message + ble_desk.crc16(message))
        master.run_ms(1500)
        for number, phone in enumerate(phones):
            jbd = b"".join(phone.told(JBD_ANSWER))
            checked(jbd, questions[(number + turn) % 4][2])
            frame = b"".join(phone.told(REPLY))
            assert frame[3] == 40 + number and len(registers(frame[6:-2])) == number + 1
            sample = master.bms.sample
            assert registers(frame[6:-2])[0] == sample.values[number + turn]


def test_the_fifth_phone_waits_and_everybody_goes_on_reading_the_broadcast():
    master = desk()
    phones = [master.phone(number=number) for number in range(4)]
    master.run_ms(1500)
    assert master.air.advertised[3] is False
    phones[2].link.disconnect()
    master.run_ms(200)
    assert master.air.advertised[3] is True
    phone = master.phone(number=9)
    checked(phone.ask_jbd(CELLS), 4)


def test_a_pico_has_one_link_and_its_attributes_fit():
    master = desk(radio=PICO)
    assert master.air.table.bytes_used <= 512
    phone = master.phone()
    master.run_ms(1500)
    assert master.air.advertised[3] is False
    phone.link.disconnect()
    master.run_ms(200)
    assert master.air.advertised[3] is True


def test_a_phone_that_leaves_in_the_middle_of_a_request_leaves_nothing_behind():
    master = desk()
    for cut in range(1, len(CELLS)):
        phone = master.phone()
        phone.write(JBD_REQUEST, CELLS[:cut])
        phone.write(REQUEST, b"\xa6\x10\xee\x07"[: 1 + cut % 4])
        master.run_ms(40)
        phone.link.disconnect()
        master.run_ms(40)
        phone = master.phone(number=2)
        assert not phone.told(JBD_ANSWER)
        checked(phone.ask_jbd(NAME), 5)
        assert phone.ask(IDENTIFY)[0] == 0
        # And one that leaves while it is answered.
        phone.write(JBD_REQUEST, BASIC)
        phone.write(REQUEST, b"\xa6" + plain(LIST, b"\x00\x00") + b"xx")
        master.run_ms(cut)
        phone.link.disconnect()
        master.run_ms(40)
    assert master.radio.links_open == 0 and not master.radio.reply_owed


def test_what_waits_of_a_phone_that_left_is_not_answered_to_the_one_in_its_place():
    master = desk()
    phone = master.phone()
    for _ in range(5):
        phone.write(JBD_REQUEST, NAME)
    phone.link.disconnect()
    link = master.air.connect()
    # All of it between two turns of the firmware.
    master.air.deliver()
    assert master.radio.links_open == 1
    master.run_ms(1000)
    assert [
        data for handle, data in link.notifications if handle == master.handles[JBD_ANSWER]
    ] == []
    link.write(master.handles[JBD_REQUEST], CELLS)
    master.run_ms(300)
    told = [data for handle, data in link.notifications if handle == master.handles[JBD_ANSWER]]
    checked(b"".join(told), 4)


def test_half_a_request_is_forgotten():
    master = desk()
    phone = master.phone()
    phone.write(JBD_REQUEST, CELLS[:4])
    phone.write(REQUEST, b"\xa6\x10\x20")
    master.run_ms(5000)
    assert [engine.pending for engine in master.radio.engines] == [0] * 8
    checked(phone.ask_jbd(CELLS), 4)


def test_an_answer_survives_a_full_queue_and_stale_telemetry_does_not():
    master = desk()
    phone = master.phone()
    # Nothing leaves any more, as when the phone is out of reach for a moment.
    phone.link.timeout_us = 60000000
    phone.link.vanish()
    phone.write(JBD_REQUEST, BASIC)
    message = plain(LIST, b"\x00\x00")
    phone.write(REQUEST, b"\xa6" + message + ble_desk.crc16(message))
    phone.told(JBD_ANSWER)
    phone.told(TELEMETRY)
    master.run_ms(3500)
    assert master.radio.full > 0 and master.radio.stale > 0
    phone.link.come_back()
    master.run_ms(3000)
    checked(b"".join(phone.told(JBD_ANSWER)), 3)
    frame = b"".join(phone.told(REPLY))
    assert frame[2] == len(frame) - 5 and ble_desk.crc16(frame[1:-2]) == frame[-2:]
    assert master.radio.abandoned == 0


def test_a_link_that_takes_nothing_more_is_ended():
    master = desk()
    phone = master.phone()
    phone.link._away = True
    for _ in range(4):
        phone.write(JBD_REQUEST, BASIC)
    master.run_ms(8000)
    assert master.radio.abandoned == 1 and master.radio.links_open == 0
    assert master.air.advertised[3] is True


def test_a_killed_phone_frees_its_link_and_the_board_is_found_again():
    master = desk(radio=PICO)
    phone = master.phone()
    phone.link.vanish()
    master.run_ms(1500)
    assert master.radio.links_open == 0 and master.air.advertised[3] is True


def test_telemetry_comes_every_second_and_can_be_read():
    master = desk(soc_pct=70, current_ma=-12340)
    phone = master.phone()
    phone.told(TELEMETRY)
    master.run_ms(10000)
    records = phone.told(TELEMETRY)
    assert 9 <= len(records) <= 11
    sample = master.bms.sample
    record = records[-1]
    assert len(record) == 20 and record == phone.read(TELEMETRY)
    assert record[0] == 1 and list(record[1:6]) == [10, 1, 1, 0, 0]
    assert abs((record[6] | record[7] << 8) - master.bms.estimator.shown_permille) < 3
    assert abs((record[8] | record[9] << 8) * 10 - sample.values[sample.stack_at]) < 30
    current_ma = int.from_bytes(record[10:14], "little")
    assert abs(current_ma - (1 << 32) + 12340) < 100
    lowest, highest = record[14] | record[15] << 8, record[16] | record[17] << 8
    assert 3000 < lowest <= highest < 3500
    assert list(record[18:]) == [25, 25]


def test_a_subscription_is_told_to_who_asked_and_ends_with_his_link():
    master = desk()
    first, second = master.phone(number=1), master.phone(number=2)
    assert first.ask(SUBSCRIBE, bytes([2]) + ranges((100, 4)))[0] == 0
    master.run_ms(2000)
    told = b"".join(first.told(REPLY))
    assert 9 <= len(told) / len(told[: told[2] + 5]) <= 11
    assert not second.told(REPLY)
    first.link.disconnect()
    master.run_ms(100)
    third = master.phone(number=3)
    master.run_ms(1000)
    assert not third.told(REPLY)


def test_without_a_key_no_writable_point_can_be_written_on_either_profile():
    for radio in ({}, PICO):
        master = desk(radio=radio)
        phone = master.phone(185)
        before = state(master)
        points = master.bms.points
        tried = 0
        for at in range(points.count):
            if not points.role(at):
                continue
            number = points.number(at)
            status, _ = phone.ask(WRITE, writes((number, 1, points.wide(at))))
            assert status == REFUSED, number
            tried += 1
        assert tried >= 10
        for op, payload in (
            (SET_KEY, b"\x02" + bytes(range(32))),
            (SET_KEY, b"\x03" + bytes(range(1, 17)) + bytes(16)),
            (WINDOW, b"\x0e\x10"),
            (8, b"\x6a\x00\x00\x00"),
        ):
            assert phone.ask(op, payload)[0] == REFUSED
        # JBD: its switches, and every register there is.
        for frame in (jbd_frame(0x5A, 0xE1, b"\x00\x03"), jbd_frame(0x5A, 0xFB, b"\x0a\x01")):
            assert phone.ask_jbd(frame)[2] == 0x81
        assert phone.ask_jbd(jbd_frame(0x5A, 0x00, b"\x56\x78"))[2] == 0
        for register in list(range(0x10, 0x48)) + [0x0A, 0xA0, 0xA1, 0xA2, 0xAD, 0xB0, 0xE0, 0xE2]:
            answer = phone.ask_jbd(jbd_frame(0x5A, register, b"\x12\x34"))
            assert answer[2] in (0x80, 0x81), register
        assert phone.ask_jbd(jbd_frame(0x5A, 0x01, b"\x28\x28"))[2] == 0x81
        assert state(master) == before


def test_the_owner_writes_and_opens_the_window_for_jbd():
    master = desk()
    phone, other = master.phone(185, 1), master.phone(23, 2)
    session = phone.log_in(OWNER)
    status, _ = phone.ask(WRITE, writes((ALLOWED, 2, 1)), session)
    assert status == 0
    master.run_ms(300)
    assert master.bms.switches.held_off == 1 and not master.bench.true_charge
    off = jbd_frame(0x5A, 0xE1, b"\x00\x02")
    assert other.ask_jbd(off)[2] == 0x81
    assert phone.ask(WINDOW, b"\x00\x3c", session)[0] == 0
    assert other.ask_jbd(off)[2] == 0
    master.run_ms(300)
    assert master.bms.switches.held_off == 2 and not master.bench.true_discharge
    # The journal calls this link by its own number.
    newest = next(master.bms.memory.journal.newest_first())
    assert (newest.kind, newest.code, newest.where) == (journal.WRITE, ALLOWED, door.BLUETOOTH)
    assert phone.ask(WINDOW, b"\x00\x00", session)[0] == 0
    assert other.ask_jbd(off)[2] == 0x81


def test_a_set_of_limits_that_a_phone_began_over_jbd_ends_with_its_link():
    master = desk()
    phone = master.phone(185, 1)
    session = phone.log_in(OWNER)
    assert phone.ask(WINDOW, b"\x00\x3c", session)[0] == 0
    assert phone.ask_jbd(jbd_frame(0x5A, 0x00, b"\x56\x78"))[2] == 0
    assert phone.ask_jbd(jbd_frame(0x5A, 0x24, b"\x0e\x06"))[2] == 0
    master.run_ms(300)
    assert master.door.stage.is_begun
    phone.link.disconnect()
    master.run_ms(300)
    assert not master.door.stage.is_begun


def test_a_sealed_write_is_refused_when_it_is_repeated_by_another_phone():
    master = desk()
    phone, thief = master.phone(185, 1), master.phone(185, 2)
    session = phone.log_in(OPERATOR)
    message = session.seal(WRITE, writes((ALLOWED, 2, 1)))
    answer = phone.ask_native(message)
    assert answer[0] == 0x11
    master.run_ms(300)
    assert master.bms.switches.held_off == 1
    taken = master.door.taken
    assert thief.ask_native(message)[4] == 5
    assert master.door.taken == taken


def test_pairing_shows_the_passkey_and_decides_nothing():
    master = desk(radio={"paired": True})
    phone = master.phone(185)
    handle = master.handles[REQUEST]
    codes = []
    phone.link.write(handle, b"\xa6", done=codes.append)
    master.run_ms(20)
    assert codes == [0x0F]
    phone.link.pair(271828)
    master.run_ms(100)
    assert phone.link.pairing == "failed" and phone.link.passkey_shown == 314159
    phone.link.disconnect()
    master.run_ms(100)
    phone = master.phone(185)
    phone.link.pair(314159)
    master.run_ms(100)
    assert phone.link.pairing == "done" and phone.link.authenticated and phone.link.bonded
    assert phone.ask(IDENTIFY)[0] == 0
    assert phone.ask(WRITE, writes((ALLOWED, 2, 1)))[0] == REFUSED


def test_bonds_survive_a_restart_and_a_stranger_does_not_push_them_out():
    master = desk()
    phone = master.phone(185)
    phone.link.pair(314159)
    master.run_ms(100)
    while master.bms.memory.state_waits:
        master.run_ms(1000)
        assert master.clock.now_us < 120000000
    again = desk(flash=master.flash)
    phone = again.phone(185)
    phone.link.encrypt()
    again.run_ms(100)
    assert phone.link.encrypted and phone.link.authenticated
    stranger = again.phone(185, 7)
    stranger.link.encrypt()
    again.run_ms(100)
    assert not stranger.link.encrypted


def test_a_pico_does_not_pair_and_runs_all_the_same():
    master = desk(radio={"profile": "rp2", "links": 1})
    phone = master.phone()
    checked(phone.ask_jbd(CELLS), 4)


def test_boards_for_real_use_have_what_their_file_names():
    class C1(OwnBleDesk):
        BOARD = "libresolar_bms_c1"

    class PicoW(OwnBleDesk):
        BOARD = "pico_bq76952"

    for board, port, parts in (
        (C1, "esp32", ("jbd", "bthome")),
        (C1, "esp32", ("native", "pairing")),
        (PicoW, "rp2", ("jbd_parameters", "bthome_sealed")),
        (PicoW, "rp2", ("jbd_writing", "native", "bthome")),
    ):
        master = board(
            radio={"profile": port}, keys=False, code_time=False, settle=False, BLUETOOTH=parts
        )
        master.run_ms(1500)
        phone = master.phone(185)
        assert phone.read(MODEL) == board.BOARD.encode()
        assert (JBD_REQUEST in master.handles) == (parts[0][:3] == "jbd")
        assert (REQUEST in master.handles) == ("native" in parts)
        if parts[0][:3] == "jbd":
            assert len(checked(phone.ask_jbd(CELLS), 4)) == 32
        if "native" in parts:
            assert phone.ask(IDENTIFY)[0] == 0


def test_a_board_without_bluetooth_or_with_a_wrong_part_says_so():
    from vigil.link import by_name

    class Board:
        links = ()

    board = Board()
    by_name.offer_bluetooth(board, ())
    assert board.links == ()
    for parts in (("jbd", "wifi"), ("JBD",)):
        try:
            by_name.offer_bluetooth(board, parts)
        except ValueError as error:
            assert "no part" in str(error)
        else:
            raise AssertionError("a wrong part was taken")


def test_too_many_writes_at_once_are_dropped_counted_and_harm_nobody_else():
    master = desk()
    flood, phone = master.phone(247, 1), master.phone(23, 2)
    handle = master.handles[JBD_REQUEST]
    for _ in range(60):
        flood.link.write(handle, b"\xdd" * 60)
    checked(phone.ask_jbd(CELLS), 4)
    assert master.radio.dropped > 0
    master.run_ms(3000)
    checked(flood.ask_jbd(CELLS), 4)


def test_oversize_writes_and_writes_to_every_handle_do_nothing():
    master = desk()
    phone = master.phone(247)
    before = state(master)
    errors = master.air.irq_errors
    for handle in range(0, 60):
        for size in (0, 1, 20, 21, 244):
            phone.link.write(handle, b"\xa6" * size, response=True, done=lambda code: None)
        phone.link.write(handle, bytes(512), response=True, done=lambda code: None)
        master.run_ms(30)
    assert master.air.irq_errors == errors == 0
    master.run_ms(4000)
    assert state(master) == before
    checked(phone.ask_jbd(CELLS), 4)
    assert phone.ask(IDENTIFY)[0] == 0


def test_the_name_and_the_broadcast_fit_and_a_cut_name_is_marked():
    for parts, name in (
        (("jbd", "bthome"), "Vigil-*"),
        (("jbd_writing", "bthome_sealed"), "JBD-Vigil-*"),
        (("jbd",), "A name that is far too long for the radio"),
    ):
        master = desk(radio={"parts": parts, "name": name}, keys=False, settle=False)
        master.run_ms(2000)
        _, data, response, _ = master.air.advertised
        assert len(data) <= 31 and len(response) <= 31
        fields = ad_fields(data)
        fields.update(ad_fields(response))
        assert fields[1] == b"\x06" and fields[3] == b"\x00\xff"
        wanted = name.replace("*", "d28e").encode()
        assert fields.get(9, fields.get(8)) == wanted[:29]
        assert (8 in fields) == (len(wanted) > 29)


def ad_fields(data):
    found = {}
    at = 0
    while at < len(data):
        found[data[at + 1]] = bytes(data[at + 2 : at + 1 + data[at]])
        at += 1 + data[at]
    return found


def test_a_storm_of_connections_changes_nothing():
    master = desk()
    before = state(master)
    dice = SeededRandom(5)
    for turn in range(150):
        try:
            link = master.air.connect(bytes([0xC0, 0, 0, 0, 0, turn]), mtu=23 + dice.below(200))
        except OSError:
            link = None
        if link is not None and dice.below(2):
            link.write(master.handles[JBD_REQUEST], CELLS)
        for other in list(master.air.links.values()):
            if dice.below(3) == 0:
                other.disconnect()
        master.run_ms(dice.below(60))
    for other in list(master.air.links.values()):
        other.disconnect()
    master.run_ms(300)
    assert master.radio.links_open == 0 and state(master) == before
    phone = master.phone()
    checked(phone.ask_jbd(CELLS), 4)


def test_the_cycle_keeps_its_period_with_phones_that_ask_all_the_time():
    master = desk(code_time=True)
    phones = [master.phone(mtu, number) for number, mtu in enumerate((23, 247, 185))]
    executive = master.bms.executive
    overruns = executive.overruns
    executive.worst_period_us = 0
    answered = 0
    for _ in range(40):
        for number, phone in enumerate(phones):
            phone.write(JBD_REQUEST, (BASIC, CELLS, NAME)[number])
            message = plain(READ, ranges((0, 87)))
            phone.write(REQUEST, b"\xa6" + message + ble_desk.crc16(message))
        master.run_ms(250)
        for phone in phones:
            answered += len(phone.told(JBD_ANSWER)) > 0
            answered += len(phone.told(REPLY)) > 0
    assert answered > 200
    assert executive.overruns == overruns
    assert executive.worst_period_us < 60000
    assert all([len(phone.told(TELEMETRY)) > 5 for phone in phones])
    assert KEYS[OWNER] in bytes(master.authority._keys)
