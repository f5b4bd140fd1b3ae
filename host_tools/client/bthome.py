"""BTHome version 2, as far as a battery's broadcast goes: from service data to values."""

import struct

_PLAIN, _ENCRYPTED = 0x40, 0x41
# Object: key, format, factor.
_OBJECTS = {
    0x00: ("packet", "<B", 1),
    0x01: ("soc_pct", "<B", 1),
    0x02: ("temp_c", "<h", 0.01),
    0x0B: ("power_w", "<I", 0.01),  # three bytes
    0x0C: ("stack_v", "<H", 0.001),
    0x10: ("power_on", "<B", 1),
    0x15: ("battery_low", "<B", 1),
    0x16: ("charging", "<B", 1),
    0x26: ("problem", "<B", 1),
    0x43: ("current_a", "<H", 0.001),
    0x45: ("temp_c", "<h", 0.1),
    0x4A: ("stack_v", "<H", 0.1),
    0x57: ("temp_c", "<b", 1),
    0x58: ("temp_c", "<b", 0.35),
    0x5C: ("power_w", "<i", 0.01),
    0x5D: ("current_a", "<h", 0.001),
}
_WIDE = 0x0B
_FLAGS = ("power_on", "battery_low", "charging", "problem")


def values(data):
    """{key: value}; {"encrypted": True} where only a key helps; None if it is no BTHome v2.

    What comes behind an object that is not known here cannot be read.
    """
    if not data or data[0] & ~0x04 not in (_PLAIN, _ENCRYPTED):
        return None
    if data[0] & 1:
        return {"encrypted": True}
    found, at = {}, 1
    while at < len(data) and data[at] in _OBJECTS:
        kind = data[at]
        key, form, factor = _OBJECTS[kind]
        size = 3 if kind == _WIDE else struct.calcsize(form)
        raw = data[at + 1 : at + 1 + size]
        if len(raw) < size:
            break
        number = struct.unpack(form, raw.ljust(struct.calcsize(form), b"\0"))[0]
        found.setdefault(key, bool(number) if key in _FLAGS else _scaled(number, factor))
        at += 1 + size
    return found


def _scaled(number, factor):
    return number if factor == 1 else round(number * factor, 3)
