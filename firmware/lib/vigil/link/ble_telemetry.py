"""What a board tells a phone again and again, in 20 bytes: some of its points, low byte first.

FIELDS is all there is to know of it; the host reads the same one (host_tools/points/telemetry.py).
"""

from micropython import const

from vigil.sample import UNKNOWN

LAYOUT = const(1)  # the first byte; another number for another list
# Of each: number of the point (high byte first), element, bytes of the field, divisor. SIGNED in
# the bytes: below zero, too; what is not known is the lowest number then, else the highest.
SIGNED = const(0x80)
FIELD = const(5)
FIELDS = (
    b"\x00\x06\x00\x01\x01"  # state
    b"\x00\x07\x00\x01\x01\x00\x07\x01\x01\x01"  # switches: charge, discharge
    b"\x00\x09\x00\x01\x01\x00\x09\x01\x01\x01"  # what keeps them open
    b"\x00\x18\x00\x02\x01"  # charge
    b"\x00\x12\x00\x02\x0a"  # stack
    b"\x00\x14\x00\x84\x01"  # current
    b"\x00\x29\x00\x02\x01\x00\x27\x00\x02\x01"  # cells: lowest, highest
    b"\x00\x2e\x00\x81\x0a\x00\x2c\x00\x81\x0a"  # temperatures: lowest, highest
)
LENGTH = const(20)


class Telemetry:
    """handle: of its characteristic."""

    def __init__(self, points, handle):
        self._points = points
        self._handle = handle
        self._places = bytes(
            [points.find(FIELDS[at] << 8 | FIELDS[at + 1]) for at in range(0, len(FIELDS), FIELD)]
        )
        self.record = bytearray(LENGTH)
        self.record[0] = LAYOUT

    def tell(self, radio):
        """To whoever has subscribed; false if the port has no room."""
        record = self.record
        to = 1
        for which in range(len(self._places)):
            field = which * FIELD
            size = FIELDS[field + 3] & 0xF
            signed = FIELDS[field + 3] & SIGNED
            value = self._points.value(self._places[which], FIELDS[field + 2])
            divisor = FIELDS[field + 4]
            # Bit 31 would need the heap: only the current has four bytes, and is no such number.
            bits = 8 * size - 1 if size < 4 else 29
            most = (1 << bits) - 1
            if not signed:
                most += most
            if value == UNKNOWN:
                value = 0 - most - 1 if signed else most + 1
                if size == 4:
                    record[to] = record[to + 1] = record[to + 2] = 0
                    record[to + 3] = 0x80
                    to += 4
                    continue
            else:
                value = (value + divisor // 2) // divisor
                value = max(0 - most if signed else 0, min(value, most))
            for _ in range(size):
                record[to] = value & 0xFF
                value >>= 8
                to += 1
        try:
            radio.gatts_write(self._handle, record, True)
        except OSError:
            return False
        return True
