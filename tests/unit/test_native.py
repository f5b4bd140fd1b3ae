"""The native protocol's engine: golden frames, its page, and any bytes whatever."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native_desk import NativeDesk, Session, plain, ranges

from host_tools.handbook import native_page
from vigil import door
from vigil.link import native_answers


@pytest.fixture(scope="module", params=["serial", "modbus"])
def desk(request):
    return NativeDesk(request.param, code_time=False, settle=False)


@pytest.fixture(scope="module")
def serial():
    return NativeDesk("serial", code_time=False, settle=False)


def raw(desk, frame):
    """What the engine answers to these bytes; b"" for nothing."""
    engine = desk.engine
    for at in range(0, len(frame), 64):
        engine.receive(frame[at : at + 64], len(frame[at : at + 64]))
    while engine.unfinished:
        engine.go_on()
    answer = bytes(engine.reply[: engine.reply_length])
    engine.reply_sent()
    return answer


GOLDEN = [
    ("A6 10 05 07 03 06 43 01 AF E1", "A6 10 05 07 83 00 00 00 96 D0"),
    ("A6 10 02 01 05 64 B7", "A6 10 06 01 85 00 00 00 00 EB 08"),
    ("A6 20 02 01 01 6A 74", "A6 10 05 01 81 01 01 01 8E F8"),
    ("A6 10 07 02 04 06 49 01 00 00 6B 0E", "A6 10 04 02 84 14 00 BD DA"),
    ("A6 10 05 03 03 00 63 01 A7 E0", "A6 10 05 03 83 11 00 63 77 3C"),
    (
        "A6 11 11 01 00 00 00 01 AA AA 00 00 00 00 00 00 00 00 00 00 63 30",
        "A6 10 03 00 80 04 85 84",
    ),
    ("01 64 10 05 07 03 06 43 01 B4 5A", "01 64 10 05 07 83 00 00 00 8D 6B"),
    ("01 64 20 02 01 01 1A 52", "01 64 10 05 01 81 01 01 01 95 43"),
    ("01 64 10 07 02 04 06 49 01 00 00 21 8D", "01 64 10 04 02 84 14 00 19 C0"),
]


@pytest.mark.parametrize("request_hex, answer_hex", GOLDEN)
def test_an_answer_is_the_golden_frame(serial, request_hex, answer_hex):
    master = serial
    if request_hex.startswith("01"):
        master = NativeDesk("modbus", code_time=False, settle=False)
    assert raw(master, bytes.fromhex(request_hex)) == bytes.fromhex(answer_hex)


def test_a_sealed_answer_is_the_golden_message():
    """Keys, proofs and seal of fixed nonces, computed with Python's hmac and openssl's AES."""
    session = Session(bytes(range(32)), b"vigil1" + bytes(range(42)), 9)
    message = session.seal(0x03, b"\x00\x12\x02", tag=5)
    assert message.hex() == GOLDEN_SEAL


GOLDEN_SEAL = "11120900000001c3044c44eec5aeb744b5397df0"


def test_the_examples_of_the_page_are_what_the_engine_answers(serial):
    assert len(native_page.EXAMPLES) >= 6
    for what, request, answer in native_page.EXAMPLES:
        frame = bytes.fromhex(native_page.serial(request))
        assert raw(serial, frame) == bytes.fromhex(native_page.serial(answer)), what


def test_every_operation_that_the_page_names_is_one_and_no_other(serial):
    named = {getattr(native_answers, name) for name, _, _ in native_page._OPS}
    assert len(named) == len(native_page._OPS)
    for op in range(0x80):
        status, _ = serial.ask(op)
        assert (status != 2) == (op in named), op


ops = st.one_of(st.sampled_from([*range(0x17)]), st.integers(0, 255))


@given(op=ops, payload=st.binary(max_size=200), kind=st.sampled_from([0x10, 0x11, 0x12, 0x30]))
@settings(max_examples=400, deadline=None)
def test_any_message_is_answered_and_nothing_is_written(desk, op, payload, kind):
    before = desk.door.taken
    message = bytes([kind, 2 + len(payload), 7, op]) + payload
    answer = desk.at_once(message)
    assert answer[0] == 0x10 and len(answer) == answer[1] + 2 <= 240
    assert answer[3] & 0x80
    if kind != 0x10:
        assert answer[4] in (1, 3, 4)
    assert desk.door.taken == before and not desk.door.waiting
    assert not desk.door.began_s and not desk.authority.window_left_s
    assert desk.authority.role(door.NATIVE) == door.VIEWER


@given(data=st.lists(st.binary(max_size=64), max_size=8))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_survived_and_a_good_request_is_answered_behind_them(desk, data):
    good = desk.framed(plain(native_answers.READ, ranges((18, 2))))
    for piece in data:
        raw(desk, piece)
    desk.clock.advance(250000)
    desk.bms.board.watchdog.feed()
    desk.engine.silence()
    desk.engine.reply_sent()
    assert desk.unframed(raw(desk, good))[4] == 0
    assert not desk.door.taken


@given(payload=st.binary(max_size=60), op=ops, data=st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_the_owner_sends_is_answered_by_a_sealed_message(serial, payload, op, data):
    session = getattr(serial, "owner", None)
    # What ends the session, or the keys, is tried elsewhere.
    if op in (0x12, 0x13) or op >= 0x80:
        return
    if session is None:
        session = serial.owner = serial.log_in()
    serial.door.waiting = 0
    status, told = serial.ask(op, payload, session)
    assert status in (*range(8), *range(17, 26), 30) and len(told) <= 222
