"""Frames are found in whatever surrounds them, and a damaged one is never taken for good."""

from hypothesis import example, given
from hypothesis import strategies as st

from host_tools.client import frames, messages

MESSAGES = st.builds(
    messages.request,
    st.integers(0, 255),
    st.integers(0, 127),
    st.binary(max_size=messages.MOST - 4),
)
GARBAGE = st.binary(max_size=60)
# What a half frame can still swallow.
SILENCE = bytes(messages.MOST + 8)


def serial_messages(heard):
    found = []
    while True:
        message, heard = frames.take_serial(heard)
        if message is None:
            return found
        found.append(message)


def fed(pieces):
    """What a reader finds that gets these pieces one after the other."""
    found, heard = [], b""
    for piece in pieces:
        heard += piece
        while True:
            message, heard = frames.take_serial(heard)
            if message is None:
                break
            found.append(message)
    return found


def test_the_check_sum_is_that_of_the_modbus_specification():
    # Read two registers of unit 2; from the specification's serial line guide.
    assert frames.with_crc(bytes.fromhex("0207")).hex() == "02074112"


@given(GARBAGE, MESSAGES, st.lists(st.integers(0, 300), max_size=4))
@example(b"\xa6", messages.request(1, 1), [])
@example(b"\xa6\x10", messages.request(1, 1), [3])
@example(b"\xa6\xa6\xa6\x10\xa6", messages.request(1, 1), [1, 2, 3])
def test_a_frame_behind_garbage_and_in_pieces_is_found(garbage, message, cuts):
    whole = garbage + frames.serial(message) + SILENCE
    at = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[a:b] for a, b in zip(at, at[1:], strict=False)]
    assert message in fed(pieces)


@given(MESSAGES, st.data())
def test_a_frame_with_one_wrong_bit_is_not_taken(message, data):
    frame = bytearray(frames.serial(message))
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    assert message not in serial_messages(bytes(frame) + SILENCE)


@given(st.lists(MESSAGES, min_size=1, max_size=4), GARBAGE)
def test_frames_behind_a_damaged_one_are_all_found(wanted, garbage):
    damaged = bytearray(frames.serial(messages.request(1, 1)))
    damaged[-1] ^= 0xFF
    text = b">>> print of the board\r\n".join(frames.serial(message) for message in wanted)
    found = serial_messages(bytes(damaged) + text + SILENCE)
    assert [message for message in found if message in wanted] == wanted


@given(st.binary(max_size=300))
def test_no_bytes_whatever_make_a_reader_fail_or_keep_more_than_a_frame(heard):
    _, left = frames.take_serial(heard)
    assert len(left) <= len(heard)
    frames.take_rtu(heard, 1, frames.NATIVE)


@given(GARBAGE, MESSAGES)
def test_a_native_message_inside_modbus_is_found_behind_garbage(garbage, message):
    heard = garbage + frames.native_rtu(1, message)
    found, left = frames.take_rtu(heard, 1, frames.NATIVE)
    # Garbage may hold a whole frame by chance; then ours is behind it.
    while found is not None and found[2:] != message:
        found, left = frames.take_rtu(left, 1, frames.NATIVE)
    assert found[2:] == message


def test_an_exception_of_modbus_is_told_from_an_answer():
    frame, _ = frames.take_rtu(frames.with_crc(b"\x01\xe4\x01"), 1, frames.NATIVE)
    assert frame == b"\x01\xe4\x01"
    assert frames.take_rtu(frames.with_crc(b"\x02\xe4\x01"), 1, frames.NATIVE)[0] is None


@given(st.lists(st.tuples(st.integers(0, 65000), st.integers(1, 110)), max_size=60))
def test_batches_hold_every_block_in_order_and_no_more_than_a_request_may(blocks):
    batches = list(messages.batches(blocks))
    assert [block for batch in batches for block in batch] == blocks
    for batch in batches:
        assert 1 <= len(batch) <= messages.MOST_RANGES
        assert sum(count for _, count in batch) <= messages.MOST_REGISTERS
