"""Bytes on a line: the native protocol's serial frame, and Modbus RTU's, out of any garbage."""

from host_tools.client.messages import LEAST, MOST, whole

START = 0xA6
NATIVE = 100  # Modbus's function that carries a native message
_EXCEPTION = 0x80


def crc16(data):
    """Modbus's check sum."""
    total = 0xFFFF
    for byte in data:
        total ^= byte
        for _ in range(8):
            total = total >> 1 ^ (0xA001 if total & 1 else 0)
    return total


def with_crc(data):
    return bytes(data) + crc16(data).to_bytes(2, "little")


def serial(message):
    """A native message as it travels over a serial line of its own."""
    return bytes([START]) + with_crc(message)


def native_rtu(unit, message):
    """A native message inside Modbus's function 100."""
    return with_crc(bytes([unit, NATIVE]) + message)


def take_serial(heard):
    """(message or None, what of the bytes is still to be looked at).

    Whatever comes before a frame is passed over; a damaged one costs only its first byte, since
    a good one may begin inside it.
    """
    unfinished = None
    begin = heard.find(START)
    while begin >= 0:
        rest = heard[begin + 1 :]
        length = whole(rest)
        if len(rest) < 2 or LEAST <= length <= MOST and len(rest) < length + 2:
            # Only a good frame inside proves that this one is none.
            unfinished = begin if unfinished is None else unfinished
        elif LEAST <= length <= MOST and with_crc(rest[:length]) == rest[: length + 2]:
            return rest[:length], rest[length + 2 :]
        begin = heard.find(START, begin + 1)
    return None, b"" if unfinished is None else heard[unfinished:]


def take_rtu(heard, unit, function):
    """(frame without its check sum or None, what came behind it): an answer of this unit.

    It is looked for at every place, so that garbage before it does no harm.
    """
    for begin in range(len(heard) - 4):
        if heard[begin] != unit or heard[begin + 1] & ~_EXCEPTION != function:
            continue
        length = _length(heard[begin:])
        end = begin + length + 2
        if length and end <= len(heard) and with_crc(heard[begin : end - 2]) == heard[begin:end]:
            return heard[begin : end - 2], heard[end:]
    return None, heard


def _length(frame):
    """Of an answer without its check sum; 0 if it cannot be one."""
    if frame[1] & _EXCEPTION:
        return 3
    if frame[1] == NATIVE:
        length = whole(frame[2:])
        return 2 + length if length else 0
    return 3 + frame[2]
