"""firmware/lib/vigil/points_table.py: the declared points as the board holds them."""

import binascii
import struct

from host_tools import firmware
from host_tools.points.declared import POINTS

PATH = "firmware/lib/vigil/points_table.py"
_HEAD = '''"""The packed points: written by `make docs` from host_tools/points/declared.py."""

# How a record is made is told in points.py.
'''
_NO_RANGE = 255


def records(points=POINTS):
    """(bytes of every record, names of attributes, names of functions, ranges)."""
    (values,) = firmware.load("points_values")
    holders = values.HOLDERS
    names, computed, ranges = [], [], []
    table = b""
    for point in points:
        holder, name = point.source.split()
        used = computed if holder == "computed" else names
        if name not in used:
            used.append(name)
        span = _NO_RANGE
        if point.range is not None:
            if point.range not in ranges:
                ranges.append(point.range)
            span = ranges.index(point.range)
        table += struct.pack(
            "<HBBBBBB",
            point.number,
            point.type | point.access << 4,
            point.unit,
            point.count,
            point.of << 5 | holders.index(holder),
            used.index(name),
            span,
        )
    return table, names, computed, ranges


def schema(points=POINTS):
    """CRC-32 of all that the board's table says: who has another one must not name ours."""
    table, names, computed, ranges = records(points)
    return binascii.crc32(table + repr((names, computed, ranges)).encode())


def text():
    """The whole file."""
    table, names, computed, ranges = records()
    limits = b"".join(struct.pack("<ii", *span) for span in ranges)
    return "".join(
        [
            _HEAD,
            f"SCHEMA = 0x{schema():08X}\n",
            in_bytes("TABLE", table, 8),
            in_bytes("RANGES", limits, 8),
            in_names("NAMES", names),
            in_names("COMPUTED", computed),
        ]
    )


def literal(data):
    return 'b"' + "".join(f"\\x{byte:02x}" for byte in data) + '"'


def in_bytes(name, data, size, behind=""):
    """behind: "," makes a tuple of pieces."""
    lines = [f"    {literal(data[at : at + size])}{behind}\n" for at in range(0, len(data), size)]
    return f"{name} = (\n{''.join(lines)})\n" if lines else f'{name} = b""\n'


def in_names(name, words):
    lines = [f'    "{word}",\n' for word in words]
    return f"{name} = (\n{''.join(lines)})\n"
