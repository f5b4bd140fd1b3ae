"""JBD's parameters: any write by strangers, any value by the owner, a board without points."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jbd_desk import DISCARD, ENTER, NOT_ALLOWED, OK, READ, SAVE, WRITE, Host, checked, frame

from host_tools.handbook import jbd_page
from host_tools.points.declared import POINTS
from vigil import limits
from vigil.link import jbd_parameters, jbd_writing
from vigil.link.jbd import Jbd

WORDS = [*range(0x18, 0x2A), 0x36, 0x37]
DELAYS = [*range(0x3A, 0x40)]
NAMES = ("trip", "release", "trip_delay_ms", "release_delay_ms")


@pytest.fixture(scope="module")
def host():
    return Host(line=False)


@pytest.fixture(scope="module")
def owned():
    return Host(owner=True, line=False)


def drain(host):
    while host.door.step(0):
        pass


def state(host):
    stage = host.door.stage
    table = host.bms.table
    return [list(getattr(table, name)) for name in NAMES] + [
        table.short_circuit_ma,
        host.bms.switches.held_off,
        stage.state,
        stage.table,
        host.door.waiting,
        host.door.taken,
    ]


# Nobody writes outside the window.

REGISTERS = st.one_of(
    st.sampled_from([*WORDS, *DELAYS, 0x00, 0x01, 0x06, 0x07, 0x09, 0x10, 0xA0, 0xE1, 0xFB, 0xAA]),
    st.integers(0, 255),
)
DATA = st.one_of(
    st.sampled_from([ENTER, SAVE, DISCARD, b"\x00\x03", b"\x0a\x01", b"\x0e\x10"]),
    st.binary(max_size=32),
)


@settings(deadline=None)
@given(st.lists(st.tuples(REGISTERS, DATA), max_size=12))
@example([(0x00, ENTER), (0x24, b"\x0e\x10"), (0x01, SAVE)])
@example([(0xE1, b"\x00\x03"), (0xFB, b"\x0a\x01")])
def test_whatever_strangers_write_nothing_changes(host, writes):
    before = state(host)
    refused = host.door.refused
    for register, data in writes:
        answer = host.at_once(frame(WRITE, register, data))
        if register not in (0xA5, 0x5A):
            told, status, data_back = checked(answer)
            assert told == register and data_back == b""
            changes_nothing = register in (0x00, 0x01, 0x06)
            assert status in (NOT_ALLOWED, 0x80) or changes_nothing
            if status != OK:
                refused += 1
                assert host.door.refused & 0x7FFF >= refused & 0x7FFF
    drain(host)
    assert state(host) == before


# What the owner writes is what is read, until it is saved or dropped.


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(st.sampled_from(WORDS + DELAYS), st.integers(0, 0xFFFF), max_size=6),
    st.booleans(),
)
@example({0x24: 0, 0x29: 0x8000, 0x28: 0x7FFF, 0x3D: 0xFFFF, 0x18: 0}, True)
def test_any_number_is_read_back_as_written_while_nothing_that_runs_has_changed(
    owned, numbers, at_once
):
    running = state(owned)[:6]
    assert owned.write(0x00, ENTER) == OK
    for register, value in numbers.items():
        assert owned.write(register, value) == OK
        if not at_once:
            drain(owned)
    for register, value in numbers.items():
        assert owned.read(register) == value, hex(register)
    drain(owned)
    for register, value in numbers.items():
        assert owned.read(register) == value, hex(register)
    assert state(owned)[:6] == running
    assert owned.write(0x01, DISCARD) == OK
    drain(owned)
    assert not owned.door.stage.is_begun


@settings(deadline=None)
@given(
    st.integers(-(2**28), 2**28),
    st.integers(0, 1 << 22),
    st.sampled_from(WORDS + DELAYS),
)
def test_what_is_shown_lies_no_further_off_than_half_a_unit(host, number, delay_ms, register):
    table = host.bms.table
    before = [list(getattr(table, name)) for name in NAMES]
    try:
        for name in NAMES:
            filled = delay_ms if name.endswith("_ms") else number
            for at in range(len(limits.TABLE)):
                getattr(table, name)[at] = filled
        host.write(0x00, ENTER)
        shown = host.read(register)
    finally:
        for name, values in zip(NAMES, before, strict=True):
            for at, value in enumerate(values):
                getattr(table, name)[at] = value
    if register in DELAYS:
        for seconds in (shown >> 8, shown & 0xFF):
            assert abs(seconds * 1000 - min(delay_ms, 255000)) <= 500
    elif register in (0x28, 0x29):
        signed = (shown ^ 0x8000) - 0x8000
        assert abs(10 * signed - max(-327680, min(number, 327670))) <= 5
    elif register < 0x20:
        assert shown == max(0, min(number + 2731, 0xFFFF))
    elif register < 0x24:
        assert abs(10 * shown - max(0, min(number, 655350))) <= 5
    else:
        assert shown == max(0, min(number, 0xFFFF))


# A board without points.


@pytest.fixture(scope="module")
def reader(host):
    """The engine of a board that offers vigil.link.jbd_parameters, over the same BMS."""
    engine = Jbd(host.bms.status, b"Vigil sim16_lfp")
    parameters = jbd_parameters.Parameters(
        host.bms.status, engine.name, engine.production_date, shunt_uohm=500
    )
    engine.use(parameters)
    return engine


def ask(engine, data):
    engine.receive(data, len(data))
    answer = bytes(engine.reply[: engine.reply_length])
    engine.reply_sent()
    return checked(answer)


def test_without_points_everything_is_read_as_with_them_and_every_write_refused(host, reader):
    host.write(0x00, ENTER)
    assert ask(reader, frame(WRITE, 0x00, ENTER)) == (0x00, OK, b"")
    for register in range(256):
        if register not in (READ, WRITE):
            expected = checked(host.at_once(frame(READ, register)))
            assert ask(reader, frame(READ, register)) == expected, hex(register)
    for register in range(256):
        if register not in (READ, WRITE):
            expected = checked(host.at_once(frame(WRITE, register, b"\x12\x34")))
            assert ask(reader, frame(WRITE, register, b"\x12\x34")) == expected, hex(register)
    for register, data in ((0x01, SAVE), (0xE1, b"\x00\x03"), (0xA0, b"\x05Vigil")):
        assert ask(reader, frame(WRITE, register, data)) == (register, NOT_ALLOWED, b"")
    assert ask(reader, frame(WRITE, 0x06, b"\x06" + bytes(6))) == (0x06, OK, b"")
    assert ask(reader, frame(WRITE, 0x01, DISCARD)) == (0x01, OK, b"")
    assert ask(reader, frame(READ, 0x24))[1] == NOT_ALLOWED


def test_the_start_of_venus_oss_driver_is_answered_throughout(reader):
    for command, register, data in (
        (READ, 0x05, b""),
        (READ, 0x03, b""),
        (WRITE, 0x00, ENTER),
        (READ, 0x11, b""),
        (READ, 0x28, b""),
        (READ, 0x29, b""),
        (READ, 0x2D, b""),
        (READ, 0x03, b""),
        (READ, 0x04, b""),
    ):
        told, status, answer = ask(reader, frame(command, register, data))
        assert (told, status) == (register, OK)
        if register == 0x28:
            assert int.from_bytes(answer, "big", signed=True) == 6000
        if register == 0x29:
            assert int.from_bytes(answer, "big", signed=True) == -12000
        if register == 0x2D:
            assert answer[1] & 4


def test_a_shunt_that_is_no_tenth_of_a_milliohm_is_told_in_hundredths(host):
    for shunt_uohm, word in ((250, 0x8000 | 25), (1000, 10), (0, 0), (50, 0x8000 | 5)):
        parameters = jbd_parameters.Parameters(host.bms.status, shunt_uohm=shunt_uohm)
        reply = bytearray(16)
        parameters.write(0x00, b"\xdd\x5a\x00\x02\x56\x78", 4)
        assert parameters.read(0x2C, reply) == 2
        assert int.from_bytes(reply[4:6], "big") == word
        assert parameters.read(0x38, reply) == 2
        assert any(reply[4:6]) == bool(shunt_uohm)


# What is written down twice.


def test_the_page_explains_every_register_that_is_answered(host):
    host.write(0x00, ENTER)
    answered = [
        register
        for register in range(0x10, 0xF0)
        if register not in (READ, 0xAA) and host.at_once(frame(READ, register))[2:3] == b"\x00"
    ]
    assert answered == jbd_page.registers()


def test_the_points_that_are_written_are_those_declared():
    numbers = {point.key: point.number for point in POINTS}
    assert jbd_writing._STAGED == tuple(
        numbers[key]
        for key in ("staged_trip", "staged_release", "staged_trip_ms", "staged_release_ms")
    )
    assert [jbd_writing._BEGIN, jbd_writing._COMMIT, jbd_writing._ABANDON] == [
        numbers[key] for key in ("limits_begin", "limits_commit", "limits_abandon")
    ]
    assert jbd_writing._ALLOWED == numbers["switches_allowed"]
    assert jbd_writing.NO_POINT > max(numbers.values()) + 1000
