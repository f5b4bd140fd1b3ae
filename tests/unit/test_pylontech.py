"""Pylontech engine: golden frames, whose frames it answers, and any rubbish on the line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylontech_desk import Inverter, frame, opened, with_sum

from host_tools.points.declared import POINTS
from tests.unit.modbus_line import ask
from vigil.link import pylontech
from vigil.link.pylontech import Pylontech

GOLDEN_REQUESTS = {
    0x42: b"~20024642E00202FD33\r",
    0x44: b"~20024644E00202FD31\r",
    0x47: b"~200246470000FDA7\r",
    0x4F: b"~2002464F0000FD98\r",
    0x51: b"~200046510000FDAE\r",
    0x92: b"~20024692E00202FD2E\r",
    0x93: b"~20024693E00202FD2D\r",
    0x96: b"~20024696E00202FD2A\r",
}
# 8 cells, five sensors, 95.460 of 111.000 Ah.
GOLDEN_ANALOG = (
    b"~20024600D05E1002080D020D020D020D030D000D010D010D03050B7D0B690B690B690B73FFFA680EFFFF04FFFF"
    b"00000174E401B198E906\r"
)
GOLDEN_PERMITTED = b"~20024600B01402D002AFC801F4FE0CC0F915\r"


@pytest.fixture(scope="module")
def desk():
    return Inverter(settle=False)


@pytest.fixture
def engine(desk):
    return Pylontech(desk.points)


@pytest.fixture(scope="module")
def golden():
    """A module with the values of the golden frame of 42."""
    desk = Inverter(CELLS=8, CAPACITY_MAH=111000, current_ma=0)
    sample = desk.bms.sample
    values = sample.values
    cells = [3330, 3330, 3330, 3331, 3328, 3329, 3329, 3331]
    for cell, cell_mv in enumerate(cells):
        values[sample.cells_at + cell] = cell_mv
    for sensor in range(3):
        values[sample.temps_at + sensor] = 190
    values[sample.stack_at] = 26638
    values[sample.current_at] = -600
    charge = desk.bms.charge
    charge.known, charge.remaining_mah = True, 95460
    return desk


@pytest.mark.parametrize("command", GOLDEN_REQUESTS)
def test_the_golden_requests_are_answered(desk, engine, command):
    answer = ask(engine, GOLDEN_REQUESTS[command])
    address, code, _ = opened(answer)
    assert (address, code) == (0 if command == 0x51 else 2, 0)
    assert (engine.frames, engine.refused, engine.garbage_bytes) == (1, 0, 0)


def test_the_answer_of_analog_values_is_the_golden_frame(golden):
    _, _, expected = opened(GOLDEN_ANALOG)
    _, code, told = opened(ask(golden.engine, GOLDEN_REQUESTS[0x42]))
    assert code == 0
    # One sensor less than there, and the first one is the chip's own.
    assert told[1:19] == expected[1:19]
    assert (told[19], expected[19]) == (4, 5)
    assert told[22:28] == expected[22:28]
    assert told[28:] == expected[30:]


def test_the_answer_that_inverters_obey_is_the_golden_frame(desk, engine, monkeypatch):
    values = {82: 53250, 84: 45000}
    monkeypatch.setattr(desk.points, "value", lambda at, _: values[desk.points.number(at)])
    engine._own = list(engine._own)
    engine._own[14:17] = [lambda _: 50000, lambda _: 50000, lambda _: 0xC0]
    assert ask(engine, GOLDEN_REQUESTS[0x92]) == GOLDEN_PERMITTED


def test_the_points_behind_the_fields_are_still_those():
    names = {point.number: point.key for point in POINTS}
    found = set()
    for layout in pylontech._LAYOUTS.values():
        for at in range(0, len(layout), 4):
            source = layout[at] | layout[at + 1] << 8
            if source < 0xFF00:
                found.add(names[source])
    assert found == {
        "current_ma",
        "stack_mv",
        "remaining_mah",
        "capacity_mah",
        "cycles",
        "limit_trip",
        "limit_release",
        "charge_end_mv",
        "discharge_end_mv",
    }
    assert names[pylontech._SWITCHES_ALLOWED] == "switches_allowed"
    assert len(pylontech._ALARM_BITS) == pylontech.limits.LAST_ROW


@pytest.mark.parametrize("command", [0x43, 0x45, 0x60, 0x61, 0x63, 0x94, 0x95, 0xFF])
def test_an_unknown_command_is_refused_by_its_code(engine, command):
    assert ask(engine, frame(command)) == b"~200246040000FDAE\r"
    assert (engine.frames, engine.refused) == (1, 1)


@pytest.mark.parametrize(
    "request_frame, code",
    [
        (GOLDEN_REQUESTS[0x92][:-2] + b"0\r", 2),
        (with_sum(b"20024692D00202"), 3),
        (with_sum(b"20024692E0020"), 5),
        (with_sum(b"20024692C00402"), 5),
        (frame(0x92, b"0203"), 5),
        (frame(0x92, b"zz"), 5),
        (frame(0x92, b"03"), 6),
    ],
    ids=["sum", "length sum", "too short", "too long", "two bytes", "no number", "not its own"],
)
def test_what_is_wrong_with_a_request_is_told_by_its_code(engine, request_frame, code):
    assert opened(ask(engine, request_frame))[:2] == (2, code)
    assert engine.checksum_errors == (code == 2)
    assert opened(ask(engine, GOLDEN_REQUESTS[0x92]))[1] == 0


@pytest.mark.parametrize(
    "heard",
    [
        frame(0x42, b"03", 3),
        frame(0x42, b"02", 2, kind=0x4A),
        frame(0x42, b"", 0),
        frame(0x00, b"C0"),
        frame(0x04),
        frame(0x90),
        frame(0x91),
        b"~2002\r",
        b"~" + b"0" * 60 + b"\r",
    ],
    ids=["another", "another make", "nobody", "answer", "refusal", "90", "91", "short", "long"],
)
def test_what_is_not_for_it_is_met_with_silence(engine, heard):
    assert ask(engine, heard) == b""
    assert (engine.frames, engine.reply_length) == (0, 0)
    assert opened(ask(engine, GOLDEN_REQUESTS[0x93]))[1] == 0


@pytest.mark.parametrize("version", [0x20, 0x21, 0x25, 0x35])
def test_the_version_of_an_inverter_makes_no_difference(engine, version):
    assert ask(engine, frame(0x92, b"02", version=version)) == ask(engine, frame(0x92))


def test_an_answer_of_its_own_that_is_heard_back_is_not_answered(engine):
    for command in GOLDEN_REQUESTS:
        answer = ask(engine, frame(command, b"02"))
        assert answer and ask(engine, answer) == b""


@pytest.mark.parametrize("address", [2, 3, 15, 0x12, 0xF3])
def test_every_address_of_the_book_is_taken_and_no_other(desk, address):
    engine = Pylontech(desk.points, address)
    info = b"%02X" % address
    assert opened(ask(engine, frame(0x93, info, address)))[2][1:][-2:] == info
    for wrong in (0, 1, 0x10, 0x21, 256, -1):
        with pytest.raises(ValueError, match="address is 2 to 15"):
            Pylontech(desk.points, wrong)


def test_a_newer_request_takes_the_place_of_an_older_one(engine):
    for command in (0x42, 0x93):
        request = frame(command)
        engine.receive(request, len(request))
    assert engine.superseded == 1
    while engine.unfinished:
        engine.go_on()
    assert opened(bytes(engine.reply[: engine.reply_length]))[2][1:].endswith(b"-02")


@settings(max_examples=150, deadline=None)
@given(
    pieces=st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from([*GOLDEN_REQUESTS.values(), b"~", b"\r", b"~20024642"]),
            st.builds(
                lambda *each: damaged(*each),
                st.sampled_from(sorted(GOLDEN_REQUESTS.values())),
                st.integers(0, 17),
                st.integers(1, 255),
            ),
        ),
        max_size=8,
    )
)
def test_behind_any_rubbish_a_good_request_is_answered_at_once(desk, pieces):
    engine = Pylontech(desk.points)
    for piece in pieces:
        answer = ask_without_silence(engine, piece)
        if answer:
            opened(answer)
        assert 0 <= engine.pending < 40
    assert opened(ask_without_silence(engine, GOLDEN_REQUESTS[0x92]))[:2] == (2, 0)


def damaged(request_frame, at, by):
    return request_frame[:at] + bytes([request_frame[at] ^ by]) + request_frame[at + 1 :]


def ask_without_silence(engine, heard):
    engine.receive(heard, len(heard))
    while engine.unfinished:
        engine.go_on()
    answer = bytes(engine.reply[: engine.reply_length])
    engine.reply_sent()
    return answer


@given(st.sampled_from(sorted(GOLDEN_REQUESTS)), st.integers(1, 16), st.integers(1, 255))
@settings(max_examples=150, deadline=None)
def test_a_request_with_one_damaged_byte_is_refused_or_passed_over(desk, command, at, by):
    engine = Pylontech(desk.points)
    answer = ask_without_silence(engine, damaged(GOLDEN_REQUESTS[command], at, by))
    assert answer == b"" or opened(answer)[1] != 0
