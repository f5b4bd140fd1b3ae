"""Messages of the native protocol: how they are made and read; no line, no key, no state."""

import struct
from typing import NamedTuple

PLAIN, SEALED = 0x10, 0x11
VERSION = PLAIN >> 4
LEAST, MOST = 3, 240
ANSWER = 0x80

IDENTIFY, LIST, READ, WRITE = 0x01, 0x02, 0x03, 0x04
BLACK_BOX, SUBSCRIBE, JOURNAL, TIME = 0x05, 0x06, 0x07, 0x08
CALIBRATE = 0x09
CHALLENGE, PROOF, END, SET_KEY, COMMISSION, OPEN_WINDOW = 0x10, 0x11, 0x12, 0x13, 0x14, 0x15
TELEMETRY = SUBSCRIBE | ANSWER

OK = 0
WRONG_VERSION, UNKNOWN_OP, MALFORMED, NO_SESSION, BAD_PROOF, TOO_EARLY = range(1, 7)
NOTHING_THERE, BUSY = 7, 8
DOOR = 16  # and above: why the door has refused a write
DOOR_NOT_BEGUN = DOOR + 6
DOOR_BUSY = DOOR + 7
NO_COMMISSIONING = 30

ROLES = {"operator": 1, "owner": 2}
BROADCASTS = 3  # has a key as roles have, and may nothing

MOST_RANGES = 16  # of one READ
MOST_REGISTERS = 110
MOST_VALUES = 8  # of one WRITE
JOURNAL_BOUNDS = 0xFFFFFFFF
LIST_END = 0xFFFF
NONCE = 16
PROOF_BYTES = 16

_SENTENCES = {
    UNKNOWN_OP: "the BMS cannot do that: its firmware does not know the request",
    MALFORMED: "the BMS finds the request malformed: its firmware may be of another version",
    NO_SESSION: "the session has ended: begin anew",
    BAD_PROOF: "the key is not that of the BMS",
    NOTHING_THERE: "there is nothing there",
    BUSY: "the BMS is busy: try again in a moment",
    NO_COMMISSIONING: "a key without the old one can be set only for two minutes after a start"
    " with the board's button held",
    DOOR + 1: "the BMS has no such point",
    DOOR + 2: "this board has no such element",
    DOOR + 3: "nobody may write this point",
    DOOR + 4: "not allowed without the key of who may",
    DOOR + 5: "the value is out of the point's range",
    DOOR + 6: "no set of limits has been begun",
    DOOR + 7: "too many writes wait",
    DOOR + 8: "the BMS has other limits than these tools know: install the tools of its version",
    DOOR + 9: "the validator has refused the set of limits",
}


class Answer(NamedTuple):
    """A plain one; `op` without the bit of an answer."""

    tag: int
    op: int
    status: int
    payload: bytes


class Identity(NamedTuple):
    """Who answers IDENTIFY."""

    version: tuple  # of the protocol: major, minor
    keys_set: bool
    window_open: bool
    commissioning: bool
    points_schema: int
    limits_schema: int
    device_id: bytes
    firmware: str
    board: str
    name: str


def whole(data):
    """Length of the message that begins here, by its own second byte; 0 if it is none."""
    if len(data) < 2 or data[0] & 0xF0 == 0 or data[1] < 1:
        return 0
    return 2 + data[1]


def request(tag, op, payload=b""):
    return bytes([PLAIN, 2 + len(payload), tag, op]) + payload


def answer(message):
    """The Answer of a plain message, None if it is none."""
    if len(message) < 5 or message[0] != PLAIN or not message[3] & ANSWER:
        return None
    if message[1] != len(message) - 2:
        return None
    return Answer(message[2], message[3] & ~ANSWER, message[4], bytes(message[5:]))


def sentence(status, payload=b""):
    """What a status other than OK means."""
    if status == WRONG_VERSION:
        spoken = f"{payload[0]} to {payload[1]}" if len(payload) >= 2 else "others"
        return (
            f"the BMS speaks versions {spoken} of the native protocol, these tools version"
            f" {VERSION}: install the tools of its version"
        )
    if status == TOO_EARLY:
        wait = f" in {int.from_bytes(payload[:2])} s" if len(payload) >= 2 else " later"
        return f"the BMS has just been shown a wrong key: try again{wait}"
    return _SENTENCES.get(status, f"the BMS refuses for a reason {status} unknown to these tools")


def identity(payload):
    """ValueError if it is none."""
    try:
        major, minor, flags, points, limits = struct.unpack_from(">BBBII", payload)
        device_id, rest = payload[11:19], payload[19:]
        texts = []
        for _ in range(3):
            length = rest[0]
            if len(rest) <= length:
                raise ValueError("a text ends early")
            texts.append(rest[1 : 1 + length].decode("utf-8", "replace"))
            rest = rest[1 + length :]
    except (struct.error, IndexError):
        raise ValueError("it is too short") from None
    return Identity(
        (major, minor),
        bool(flags & 1),
        bool(flags & 2),
        bool(flags & 4),
        points,
        limits,
        bytes(device_id),
        *texts,
    )


def ranges(blocks):
    """READ's payload, and the end of SUBSCRIBE's."""
    return b"".join(struct.pack(">HB", number, count) for number, count in blocks)


def batches(blocks, most=MOST_REGISTERS):
    """The same blocks of registers, as many to a request as it may have."""
    batch, registers = [], 0
    for number, count in blocks:
        if batch and (len(batch) == MOST_RANGES or registers + count > most):
            yield batch
            batch, registers = [], 0
        batch.append((number, count))
        registers += count
    if batch:
        yield batch


def registers(payload, blocks):
    """The payload of READ's answer, block by block; ValueError if it has another size."""
    if len(payload) != 2 * sum(count for _, count in blocks):
        raise ValueError("the answer has another size than was asked for")
    words = struct.unpack(f">{len(payload) // 2}H", payload)
    parts = []
    for _, count in blocks:
        parts.append(list(words[:count]))
        words = words[count:]
    return parts


def value(number, words, number_written):
    """One value of WRITE's payload."""
    size = 2 * words
    data = (number_written & (1 << 8 * size) - 1).to_bytes(size)
    return struct.pack(">HB", number, words) + data
