"""Check codes of the front-end chips: tables for vigil.kernels, made once."""

from array import array


def _crc8_table(polynomial):
    table = bytearray(256)
    for index in range(256):
        crc = index
        for _ in range(8):
            crc = (crc << 1) ^ (polynomial if crc & 0x80 else 0)
        table[index] = crc & 0xFF
    return bytes(table)


# CRC-8, x^8 + x^2 + x + 1, start 0, most significant bit first (BQ76952, SMBus PEC).
CRC8_TABLE = _crc8_table(7)

# PEC15 of the LTC68xx: x^15 + x^14 + x^10 + x^8 + x^7 + x^4 + x^3 + 1.
_PEC15_POLYNOMIAL = 0x4599
PEC15_SEED = 0x0010


def pec15_table():
    """512 bytes for kernels.pec15; whoever drives such a chip makes it once."""
    table = array("H", [0] * 256)
    for index in range(256):
        pec = index << 7
        for _ in range(8):
            pec = (pec << 1) ^ (_PEC15_POLYNOMIAL if pec & 0x4000 else 0)
        table[index] = pec & 0x7FFF
    return table
