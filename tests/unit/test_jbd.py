"""JBD engine: golden frames byte for byte, refusals, saturation, and any rubbish on the line."""

import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.jbd_packs import (
    UNKNOWN,
    Pack,
    good_requests,
    read_answer,
    read_basic_info,
    request,
    sixteen_cells,
)
from vigil.link.jbd import Jbd
from vigil.status import Status

READ_BASIC_INFO = "DD A5 03 00 FF FD 77"
READ_CELLS = "DD A5 04 00 FF FC 77"
READ_NAME = "DD A5 05 00 FF FB 77"


def unhex(text):
    return bytes.fromhex(text)


def ask(engine, frame):
    """Send one frame; returns the answer (b"" for none) and clears it."""
    engine.receive(frame, len(frame))
    return take(engine)


def take(engine):
    answer = bytes(engine.reply[: engine.reply_length])
    engine.reply_sent()
    return answer


def ask_basic_info(pack, **options):
    register, status, data = read_answer(ask(Jbd(pack, **options), unhex(READ_BASIC_INFO)))
    assert (register, status) == (3, 0)
    return read_basic_info(data)


# Golden frames.


@pytest.mark.parametrize(
    "pack, options, frame",
    [
        (
            Pack(
                [3896] * 17,
                (237, 254, 235, 236),
                stack_mv=66230,
                current_ma=-20120,
                remaining_mah=34930,
                full_mah=40000,
                cycles=2,
                soc_pct=87,
            ),
            dict(production_date=(2018, 4, 17), software_version=0x12, newer_tail=False),
            "DD 03 00 1F 19 DF F8 24 0D A5 0F A0 00 02 24 91 00 00 00 00 00 00 12 57 03 11 04"
            " 0B 98 0B A9 0B 96 0B 97 F8 9A 77",
        ),
        (
            Pack(
                [3925] * 15,
                (203, 215),
                stack_mv=58880,
                remaining_mah=7200,
                full_mah=10000,
                soc_pct=72,
            ),
            dict(production_date=(2016, 3, 24), software_version=0x10, newer_tail=False),
            "DD 03 00 1B 17 00 00 00 02 D0 03 E8 00 00 20 78 00 00 00 00 00 00 10 48 03 0F 02"
            " 0B 76 0B 82 FB FF 77",
        ),
        (
            Pack(
                [3900] * 4,
                (224, 223, 217),
                stack_mv=15600,
                current_ma=-2870,
                remaining_mah=4980,
                full_mah=5000,
                cycles=42,
                soc_pct=100,
            ),
            dict(production_date=(2022, 3, 28), software_version=0x80, newer_tail=False),
            "DD 03 00 1D 06 18 FE E1 01 F2 01 F4 00 2A 2C 7C 00 00 00 00 00 00 80 64 03 04 03"
            " 0B 8B 0B 8A 0B 84 F8 84 77",
        ),
        (
            Pack(
                [3437] * 4,
                (262,),
                stack_mv=13750,
                remaining_mah=191670,
                full_mah=200000,
                cycles=2,
                soc_pct=96,
            ),
            dict(production_date=(2022, 8, 20), software_version=0x23),
            "DD 03 00 22 05 5F 00 00 4A DF 4E 20 00 02 2D 14 00 00 00 00 00 00 23 60 03 04 01"
            " 0B B1 00 00 00 4E 20 4A DF 00 00 FA C2 77",
        ),
        (
            sixteen_cells(),
            dict(production_date=(2026, 11, 20), software_version=0x21),
            "DD 03 00 26 14 AC FB 2E 1D B0 27 10 00 25 35 74 00 05 00 00 00 00 21 4C 03 10 03"
            " 0B A6 0B 9B 0B D9 00 00 00 27 10 1D B0 00 00 F8 58 77",
        ),
    ],
    ids=["vendor 17S", "vendor 15S", "aiobmsble 4S", "4S with tail", "16S with tail"],
)
def test_basic_info_is_the_golden_frame(pack, options, frame):
    assert ask(Jbd(pack, **options), unhex(READ_BASIC_INFO)) == unhex(frame)


@pytest.mark.parametrize(
    "cells_mv, frame",
    [
        (
            [
                *(3784, 3784, 3787, 3791, 3786, 3783, 3786, 3789, 3785),
                *(3786, 3787, 3787, 3784, 3788, 3784, 3785, 3785),
            ],
            "DD 04 00 22 0E C8 0E C8 0E CB 0E CF 0E CA 0E C7 0E CA 0E CD 0E C9 0E CA 0E CB 0E CB"
            " 0E C8 0E CC 0E C8 0E C9 0E C9 F1 87 77",
        ),
        ([3909, 3901, 3895, 3901], "DD 04 00 08 0F 45 0F 3D 0F 37 0F 3D FE C6 77"),
        (
            range(3300, 3316),
            "DD 04 00 20 0C E4 0C E5 0C E6 0C E7 0C E8 0C E9 0C EA 0C EB 0C EC 0C ED 0C EE 0C EF"
            " 0C F0 0C F1 0C F2 0C F3 F0 68 77",
        ),
    ],
    ids=["vendor 17S", "4S", "16S"],
)
def test_cell_voltages_are_the_golden_frame(cells_mv, frame):
    assert ask(Jbd(Pack(cells_mv)), unhex(READ_CELLS)) == unhex(frame)


def test_device_name_is_the_golden_frame():
    engine = Jbd(Pack([3300]), name="JBD-SP04S034-L4S-200A-B-U")
    assert ask(engine, unhex(READ_NAME)) == unhex(
        "DD 05 00 19 4A 42 44 2D 53 50 30 34 53 30 33 34 2D 4C 34 53 2D 32 30 30 41 2D 42 2D 55"
        " FA 08 77"
    )


def test_an_unknown_register_is_refused_with_the_golden_frame():
    engine = Jbd(sixteen_cells())
    assert ask(engine, unhex("DD A5 10 00 FF F0 77")) == unhex("DD 10 80 00 FF 80 77")
    assert (engine.frames, engine.refused) == (1, 1)


@pytest.mark.parametrize(
    "frame, answer",
    [
        ("DD 5A 2B 02 00 0F FF C4 77", "DD 2B 81 00 FF 7F 77"),
        ("DD 5A E1 02 00 03 FF 1A 77", "DD E1 81 00 FF 7F 77"),
        ("DD 5A 00 02 56 78 FF 30 77", "DD 00 81 00 FF 7F 77"),
        ("DD 5A A0 08 07 4F 50 45 4E 42 4D 53 FD 3D 77", "DD A0 81 00 FF 7F 77"),
    ],
    ids=["parameter", "switches", "factory mode", "string"],
)
def test_a_write_is_not_allowed(frame, answer):
    engine = Jbd(sixteen_cells())
    assert ask(engine, unhex(frame)) == unhex(answer)
    assert (engine.frames, engine.refused) == (1, 1)


# What the fields say.


def test_the_tail_and_the_bits_are_where_hosts_look_for_them():
    bleed = bytearray(20)
    bleed[0] = bleed[15] = bleed[16] = bleed[19] = 1
    info = ask_basic_info(
        Pack(
            [3300] * 20,
            (250,),
            bleed=bleed,
            charge_on=False,
            protection_bits=0x0902,
            warning_bits=0x0411,
            full_mah=99990,
            remaining_mah=12340,
        )
    )
    assert info.bleeding == 0x98001
    assert info.switches == 2
    assert info.protection == 0x0902
    assert info.warnings == 0x0411
    assert (info.full, info.full_again) == (9999, 9999)
    assert (info.remaining, info.remaining_again) == (1234, 1234)


def test_what_an_aged_pack_holds_stands_in_the_newer_tail():
    info = ask_basic_info(Pack([3300], full_mah=100000, usable_mah=84000))
    assert (info.full, info.full_again) == (10000, 8400)


class OfStatus:
    """As much of a BMS as the Status of a capacity asks for."""

    def __init__(self, ageing):
        self.ageing = ageing
        self.counter = self
        self.capacity_mah = 100000


@pytest.mark.parametrize(
    "usable_mah, told_mah", [(None, 100000), (UNKNOWN, 100000), (84000, 84000)]
)
def test_until_it_is_measured_a_pack_holds_what_it_is_rated_at(usable_mah, told_mah):
    pack = Pack([3300])
    pack.usable_mah = usable_mah
    bms = OfStatus(pack if usable_mah is not None else None)
    pack.bleed = pack.balancer = None
    status = Status(pack, None, None, pack, bms, None, b"")
    assert status.usable_mah == told_mah


@pytest.mark.parametrize("sensor", [0, 1, 2])
def test_an_unknown_temperature_is_zero_kelvin_and_the_others_keep_their_places(sensor):
    temps_dc = [251, -105, 302]
    temps_dc[sensor] = UNKNOWN
    expected = [None if temp_dc == UNKNOWN else temp_dc for temp_dc in temps_dc]
    assert ask_basic_info(Pack([3300], temps_dc)).temps_dc == expected


def test_an_unknown_cell_is_zero_and_the_others_keep_their_places():
    answer = ask(Jbd(Pack([3300, 0, 3302])), unhex(READ_CELLS))
    assert read_answer(answer)[2] == unhex("0C E4 00 00 0C E6")


@given(
    current_ma=st.integers(-(2**29), 2**29),
    stack_mv=st.integers(0, 2**29),
    capacity_mah=st.integers(0, 2**29),
    cycles=st.integers(0, 2**29),
    soc_pct=st.integers(-5, 105),
    temp_dc=st.integers(-400, 2000) | st.just(2**28),
    cell_mv=st.integers(0, 2**20),
)
def test_what_does_not_fit_saturates(
    current_ma, stack_mv, capacity_mah, cycles, soc_pct, temp_dc, cell_mv
):
    pack = Pack(
        [cell_mv],
        [temp_dc],
        current_ma=current_ma,
        stack_mv=stack_mv,
        full_mah=capacity_mah,
        remaining_mah=capacity_mah,
        cycles=cycles,
        soc_pct=soc_pct,
    )
    info = ask_basic_info(pack)
    if abs(current_ma) < 327000:
        assert abs(10 * info.current - current_ma) <= 5
    else:
        assert (info.current > 32699) if current_ma > 0 else (info.current < -32699)
    assert abs(10 * info.voltage - min(stack_mv, 655350)) <= 5
    assert abs(10 * info.full - min(capacity_mah, 655350)) <= 5
    assert info.full == info.remaining == info.full_again == info.remaining_again
    assert info.cycles == min(cycles, 65535)
    assert info.soc == min(max(soc_pct, 0), 100)
    assert info.temps_dc == [min(temp_dc, 65535 - 2731)]
    # Bit 7 of these two would change the units of all the others.
    assert info.switches < 0x80 and info.humidity == 0
    answer = ask(Jbd(pack), unhex(READ_CELLS))
    assert int.from_bytes(read_answer(answer)[2], "big") == min(cell_mv, 65535)


def test_names_are_cut_to_what_the_field_holds_and_kept_ascii():
    engine = Jbd(Pack([3300]), name="Größe " + "x" * 40)
    register, status, data = read_answer(ask(engine, unhex(READ_NAME)))
    assert data == b"Gr????e " + b"x" * 23


def test_without_a_name_of_its_own_it_reports_that_of_the_status():
    engine = Jbd(Pack([3300], device_name=b"Vigil shed"))
    assert read_answer(ask(engine, unhex(READ_NAME)))[2] == b"Vigil shed"


def test_the_largest_pack_fits_and_a_larger_one_is_not_accepted():
    pack = Pack([3300] * 32, [250] * 9)
    assert read_answer(ask(Jbd(pack), unhex(READ_CELLS)))[2] == unhex("0C E4") * 32
    assert ask_basic_info(pack).temps_dc == [250] * 8
    with pytest.raises(ValueError):
        Jbd(Pack([3300] * 33))


# Framing.


def test_data_of_a_read_request_do_not_matter():
    engine = Jbd(Pack([3300]))
    assert ask(engine, request(5, b"\x00\x00")) == ask(engine, unhex(READ_NAME))


@pytest.mark.parametrize(
    "frame, checksum_errors",
    [
        ("DD A5 03 00 FF FC 77", 1),
        ("DD A5 03 00 FE FD 77", 1),
        ("DD A5 03 00 FF FD 78", 0),
        ("DD A6 03 00 FF FD 77", 0),
        ("DC A5 03 00 FF FD 77", 0),
        ("DD A5 03 21 FF DC 77", 0),
    ],
    ids=["checksum", "checksum high", "end", "command", "start", "length"],
)
def test_a_damaged_frame_is_not_answered_and_the_next_good_one_is(frame, checksum_errors):
    engine = Jbd(sixteen_cells())
    assert ask(engine, unhex(frame)) == b""
    assert engine.checksum_errors == checksum_errors
    assert engine.garbage_bytes == 7
    assert read_answer(ask(engine, unhex(READ_NAME)))[0] == 5
    assert engine.garbage_bytes == 7
    assert (engine.frames, engine.pending) == (1, 0)


def test_a_half_frame_does_not_swallow_the_request_after_the_silence():
    engine = Jbd(sixteen_cells())
    assert ask(engine, unhex("DD 5A A1 1F 1E 56")) == b""
    assert engine.pending == 6
    engine.silence()
    assert (engine.pending, engine.garbage_bytes) == (0, 6)
    assert read_answer(ask(engine, unhex(READ_CELLS)))[0] == 4


def test_a_request_swallowed_by_a_half_frame_is_answered_when_the_line_falls_silent():
    engine = Jbd(sixteen_cells())
    assert ask(engine, unhex("DD 5A A1 1F" + READ_CELLS)) == b""
    engine.silence()
    assert read_answer(take(engine))[0] == 4


def test_a_newer_request_replaces_one_that_is_not_answered_yet():
    engine = Jbd(sixteen_cells())
    assert read_answer(ask(engine, unhex(READ_CELLS + READ_NAME)))[0] == 5
    assert (engine.frames, engine.superseded) == (2, 1)


ASKED = st.sampled_from([3, 4, 5])
# Rubbish that looks like frames: many starts, commands, short lengths, ends and whole frames.
RUBBISH = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=8),
        st.sampled_from([b"\xdd", b"\xdd\xa5", b"\xdd\x5a", b"\x77", b"\x00", b"\xdd\xa5\x03"]),
        st.builds(lambda length: bytes([0xDD, 0xA5, 3, length]), st.integers(0, 33)),
        st.builds(request, st.integers(0, 255), st.binary(max_size=34)),
        st.builds(request, ASKED, st.just(b""), st.sampled_from([0xA5, 0x5A])),
    ),
    max_size=12,
).map(b"".join)


def answers_to(engine, stream):
    """Byte by byte, every answer taken at once; then silence, which may bring a last one."""
    answers = []
    for byte in stream:
        answers.append(ask(engine, bytes([byte])))
    engine.silence()
    answers.append(take(engine))
    return [read_answer(answer) for answer in answers if answer]


@given(RUBBISH, ASKED)
def test_after_any_garbage_and_silence_a_request_is_answered_exactly_once(garbage, register):
    engine = Jbd(sixteen_cells())
    answers_to(engine, garbage)
    for _ in range(2):
        answers = answers_to(engine, request(register))
        assert [(answer[0], answer[1]) for answer in answers] == [(register, 0)]


@given(RUBBISH, ASKED)
@example(unhex("DD A5 03 20"), 3)
@example(unhex("DD DD A5"), 4)
def test_right_after_any_garbage_a_request_is_answered_by_the_next_silence(garbage, register):
    answers = answers_to(Jbd(sixteen_cells()), garbage + request(register))
    assert answers[-1][:2] == (register, 0)


@given(RUBBISH)
def test_exactly_the_good_frames_count_whatever_lies_around_them(stream):
    engine = Jbd(sixteen_cells())
    answers_to(engine, stream)
    expected = good_requests(stream)
    assert engine.frames == len(expected)
    assert engine.refused == sum(
        command == 0x5A or register not in (3, 4, 5) for command, register in expected
    )


@given(RUBBISH, st.integers(1, 64))
def test_pieces_of_any_size_mean_the_same_as_single_bytes(stream, size):
    by_bytes = Jbd(sixteen_cells())
    by_pieces = Jbd(sixteen_cells())
    answers_to(by_bytes, stream)
    for at in range(0, len(stream), size):
        ask(by_pieces, stream[at : at + size])
    by_pieces.silence()
    assert by_pieces.frames == by_bytes.frames
    assert by_pieces.garbage_bytes == by_bytes.garbage_bytes
    assert by_pieces.pending == by_bytes.pending == 0


def test_a_long_babble_neither_raises_nor_grows():
    engine = Jbd(sixteen_cells())
    babble = bytes((index * index * 31 + (index >> 3)) & 0xFF for index in range(4096))
    babble = babble.replace(b"\x10", b"\xdd\xa5").replace(b"\x40", unhex(READ_CELLS))
    assert len(good_requests(babble)) > 10
    sizes = (len(engine.reply), len(engine._request))
    ask(engine, babble)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(5):
        ask(engine, babble)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 4096
    assert (len(engine.reply), len(engine._request)) == sizes
