"""Check codes of the front-end chips: tables for vigil.kernels, made once at import."""


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
