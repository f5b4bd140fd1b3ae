"""PEC15 of the LTC681x family: polynomial 0x4599, seed 0x0010, shifted left by one at the end."""

_POLYNOMIAL = 0x4599
_SEED = 0x0010


def _build_table():
    table = []
    for byte in range(256):
        rest = byte << 7
        for _ in range(8):
            rest <<= 1
            if rest & 0x8000:
                rest ^= _POLYNOMIAL
        table.append(rest & 0x7FFF)
    return table


_TABLE = _build_table()


def pec15(data):
    rest = _SEED
    for byte in data:
        rest = (rest << 8 & 0x7FFF) ^ _TABLE[(rest >> 7 ^ byte) & 0xFF]
    return rest << 1


def framed(data):
    """Data with its PEC behind it, high byte first."""
    pec = pec15(data)
    return bytes(data) + bytes([pec >> 8, pec & 0xFF])


def is_framed(data):
    return pec15(data[:-2]) == data[-2] << 8 | data[-1]
