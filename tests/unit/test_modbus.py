"""Modbus engine: golden frames, whose frames it answers, and any rubbish on the line."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.modbus_line import Everybody, Master, ask, with_sum
from vigil import door
from vigil.link.modbus import Modbus
from vigil.link.sunspec import SunSpec

READ_HEAD = bytes.fromhex("01 03 9C 40 00 03 2A 4F")
ANSWER_HEAD = bytes.fromhex("01 03 06 53 75 6E 53 00 01 8D E4")
RESET = with_sum(b"\x01\x06\x06\x48\x00\x01")


@pytest.fixture(scope="module")
def desk():
    return Master(settle=False)


@pytest.fixture
def engine(desk):
    desk.door.authority = Everybody(door.VIEWER)
    while desk.door.step(0):
        pass
    desk.door.taken = 0
    return Modbus(desk.points, sunspec=SunSpec)


# Golden frames.


@pytest.mark.parametrize(
    "request_hex, answer_hex",
    [
        ("01 03 9C 40 00 03 2A 4F", "01 03 06 53 75 6E 53 00 01 8D E4"),
        ("01 03 0F A0 00 01 87 3C", "01 83 02 C0 F1"),
        ("01 06 00 32 04 D2 AA 98", "01 86 02 C3 A1"),
        ("01 10 00 32 00 01 02 00 0A 22 45", "01 90 02 CD C1"),
    ],
    ids=["read", "no such address", "write one", "write many"],
)
def test_an_answer_is_the_golden_frame(engine, request_hex, answer_hex):
    assert ask(engine, bytes.fromhex(request_hex)) == bytes.fromhex(answer_hex)
    assert (engine.frames, engine.garbage_bytes) == (1, 0)


def test_both_ways_of_writing_are_echoed_as_the_book_says(desk, engine):
    desk.door.authority = Everybody()
    assert ask(engine, RESET) == RESET
    many = with_sum(b"\x01\x10\x06\x48\x00\x01\x02\x00\x01")
    assert ask(engine, many) == with_sum(many[:6])
    assert desk.door.waiting == 2


@pytest.mark.parametrize("function", [1, 2, 5, 7, 8, 15, 17, 22, 23, 43, 100, 127])
def test_an_unknown_function_is_told_at_once_whatever_its_length(engine, function):
    for data in (b"", b"\x00", b"\x00\x00\x12\x34", bytes(60)):
        frame = with_sum(bytes([1, function]) + data)
        engine.receive(frame, len(frame))
        answer = bytes(engine.reply[: engine.reply_length])
        engine.reply_sent()
        assert answer == with_sum(bytes([1, function | 0x80, 1])), data
    assert engine.refused == 4


@pytest.mark.parametrize(
    "frame",
    [
        b"\x01\x10\x03\xe8\x00\x02\x03\x00\x00\x01",
        b"\x01\x10\x03\xe8\x00\x02\x02\x00\x00",
        b"\x01\x10\x03\xe8\x00\x00\x00",
        b"\x01\x10\x03\xe8\x00\x7c\xf6" + bytes(246),
        b"\x01\x03\x00\x00\x00\x00",
        b"\x01\x04\x00\x00\x00\x7e",
    ],
    ids=["odd bytes", "too few", "none", "124 registers", "reads none", "reads 126"],
)
def test_a_count_that_does_not_fit_is_a_bad_value(engine, frame):
    assert ask(engine, with_sum(frame)) == with_sum(bytes([1, frame[1] | 0x80, 3]))


# Whose frames.


@pytest.mark.parametrize("unit", [2, 17, 247, 255])
def test_other_units_frames_and_their_answers_are_passed_over(engine, unit):
    line = b"".join(
        with_sum(bytes([unit]) + frame)
        for frame in (
            b"\x03\x00\x00\x00\x02",
            b"\x03\x04\x01\x03\x00\x00",
            b"\x10\x00\x00\x00\x01\x02\x00\x01",
            b"\x10\x00\x00\x00\x01",
            b"\x83\x02",
        )
    )
    assert ask(engine, line) == b""
    assert (engine.frames, engine.checksum_errors) == (0, 0)
    assert ask(engine, READ_HEAD) == ANSWER_HEAD


def test_right_behind_other_units_frames_a_request_is_answered_and_a_writing_done(desk, engine):
    desk.door.authority = Everybody()
    others = with_sum(b"\x09\x03\x00\x00\x00\x02") + with_sum(b"\x09\x03\x04" + bytes(4))
    assert ask(engine, others + READ_HEAD) == ANSWER_HEAD
    assert ask(engine, others + RESET) == RESET
    assert desk.door.waiting == 1


def test_its_own_unit_may_be_any_from_1_to_247(desk):
    for unit in (1, 2, 247):
        answer = ask(Modbus(desk.points, unit, SunSpec), with_sum(bytes([unit]) + READ_HEAD[1:6]))
        assert answer == with_sum(bytes([unit]) + ANSWER_HEAD[1:-2])
        told = ask(
            Modbus(desk.points, unit, SunSpec), with_sum(bytes([unit]) + b"\x03\x9c\x84\x00\x01")
        )
        assert told[3:5] == bytes([0, unit])
    for unit in (0, 248, -1):
        with pytest.raises(ValueError):
            Modbus(desk.points, unit)


def test_without_sunspec_there_is_nothing_at_40000(desk):
    desk.door.authority = Everybody()
    plain = Modbus(desk.points)
    assert ask(plain, READ_HEAD) == with_sum(b"\x01\x83\x02")
    assert ask(plain, with_sum(b"\x01\x06\x9c\x9a\x00\x01")) == with_sum(b"\x01\x86\x02")
    assert len(ask(plain, with_sum(b"\x01\x03\x00\x64\x00\x10"))) == 37


def test_a_broadcast_is_done_and_never_answered(desk, engine):
    desk.door.authority = Everybody()
    assert ask(engine, with_sum(b"\x00\x06\x06\x48\x00\x01")) == b""
    assert desk.door.waiting == 1
    assert ask(engine, with_sum(b"\x00\x03\x00\x00\x00\x01")) == b""
    assert ask(engine, with_sum(b"\x00\x06\x00\x00\x00\x01")) == b""
    assert desk.door.waiting == 1


def test_a_newer_request_replaces_the_answer_to_an_older_one(engine):
    engine.receive(READ_HEAD + with_sum(b"\x01\x03\x0f\xa0\x00\x01"), 16)
    assert bytes(engine.reply[: engine.reply_length]) == with_sum(b"\x01\x83\x02")
    assert engine.superseded == 1
    many = with_sum(b"\x01\x03\x00\x00\x00\x57")
    engine.receive(many, 8)
    assert engine.unfinished and not engine.reply_length
    engine.receive(READ_HEAD, 8)
    assert not engine.unfinished
    assert bytes(engine.reply[: engine.reply_length]) == ANSWER_HEAD


# Rubbish.


@pytest.mark.parametrize("bit", range(64))
def test_a_single_wrong_bit_is_never_answered(engine, bit):
    frame = bytearray(READ_HEAD)
    frame[bit // 8] ^= 1 << bit % 8
    assert ask(engine, bytes(frame)) == b""
    assert engine.pending == 0
    assert ask(engine, READ_HEAD) == ANSWER_HEAD


def test_behind_a_stray_byte_a_reading_is_answered_but_no_writing_is_done(desk, engine):
    desk.door.authority = Everybody()
    for stray in (b"\x00", b"\xff", b"\x01", b"\x01\x03", b"\x00\x10\x00"):
        assert ask(engine, stray + READ_HEAD) == ANSWER_HEAD, stray
        assert ask(engine, stray + RESET) == b"", stray
    assert desk.door.waiting == 0
    assert ask(engine, RESET) == RESET


def test_on_a_noisy_line_only_what_was_hit_is_lost_and_no_damaged_frame_writes(desk, engine):
    """One byte in two hundred is another one; two thirds read, one third writes."""
    desk.door.authority = Everybody()
    dice = random.Random(7)
    many = with_sum(b"\x01\x03\x00\x00\x00\x57")
    lost = written = 0
    for turn in range(3000):
        frame = (READ_HEAD, many, RESET)[turn % 3]
        heard = bytearray(frame)
        for at in range(len(heard)):
            if dice.random() < 0.005:
                heard[at] ^= dice.randrange(1, 256)
        hit = heard != frame
        answer = ask(engine, bytes(heard))
        assert bool(answer) == (not hit), turn
        lost += hit
        written += turn % 3 == 2 and not hit
        assert desk.door.taken == written
        while desk.door.step(0):
            pass
    assert 80 < lost < 160


@settings(max_examples=150, deadline=None)
@given(
    pieces=st.lists(
        st.one_of(
            st.binary(min_size=1, max_size=40),
            st.sampled_from([b"\x01\x10", b"\x01\x03\x00", RESET[:-1], READ_HEAD[:-1]]),
            st.builds(
                lambda unit, function, data: with_sum(bytes([unit, function]) + data),
                st.sampled_from([0, 1, 2]),
                st.sampled_from([3, 4, 6, 16, 1, 0x83]),
                st.binary(max_size=12),
            ),
        ),
        max_size=10,
    ),
    cut=st.integers(1, 64),
)
def test_whatever_came_before_a_request_after_a_silence_is_answered(pieces, cut):
    desk = _fuzzed()
    engine = desk.engine
    stream = b"".join(pieces)
    for at in range(0, len(stream), cut):
        piece = stream[at : at + cut]
        engine.receive(piece, len(piece))
        assert 0 <= engine.pending <= 256
        if engine.unfinished:
            engine.go_on()
    engine.silence()
    assert engine.pending == 0
    engine.reply_sent()
    assert ask(engine, READ_HEAD) == ANSWER_HEAD
    # Nobody may write here, and nobody has.
    assert desk.door.taken == 0 and desk.door.waiting == 0


@settings(max_examples=100, deadline=None)
@given(stream=st.binary(max_size=700), places=st.lists(st.integers(0, 699), max_size=6))
def test_exactly_the_good_readings_that_do_not_overlap_are_counted(stream, places):
    for place in sorted(places):
        stream = stream[:place] + READ_HEAD + stream[place + 8 :]
    engine = _fuzzed().engine
    frames = engine.frames
    ask(engine, stream)
    # By a way of its own: every place where the eight bytes stand, from the left.
    assert engine.frames - frames >= stream.count(READ_HEAD)


_DESKS = []


def _fuzzed():
    if not _DESKS:
        _DESKS.append(Master(settle=False))
    return _DESKS[0]
