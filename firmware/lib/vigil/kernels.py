"""Viper kernels: the arithmetic of the protection loop, over arrays that the caller owns.

House rules for this file are in docs/kernels.md: positional annotated arguments, 31-bit values,
signs read from one bit (right on 32- and 64-bit words), explicit returns, no unary minus or tilde.
"""

import micropython


@micropython.viper
def crc8(buffer: ptr8, table: ptr8, count: int, seed: int) -> int:
    """CRC-8 of `count` bytes by a 256-byte table, started from `seed`."""
    crc = seed
    index = 0
    while index < count:
        crc = table[crc ^ buffer[index]]
        index += 1
    return crc


@micropython.viper
def crc8_unpack(buffer: ptr8, table: ptr8, count: int, seed: int) -> int:
    """Check `count` (data, crc) byte pairs and pack the data to the front; 1 if all agree, else 0.

    The first CRC starts from `seed` (the header bytes folded in), every later one from 0.
    """
    crc = seed
    source = 0
    target = 0
    while target < count:
        data = buffer[source]
        if table[crc ^ data] != buffer[source + 1]:
            return 0
        buffer[target] = data
        crc = 0
        source += 2
        target += 1
    return 1
