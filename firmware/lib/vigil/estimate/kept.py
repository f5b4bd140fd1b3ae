"""What of the estimate survives a power cut, packed; recalled.py takes it up again.

Capacity in mAh; offset in uA and its sigma in a millionth of the capacity an hour; hysteresis in
per cent; sigma of the cells in 1/65535; then the share of each cell in 1/65535.
"""

import struct

from micropython import const

SCHEMA = const(1)
HEAD = "<IiHbxHxx"
HEAD_SIZE = const(16)
FULL = const(65535)


def pack(estimate):
    offset = estimate.offset
    data = bytearray(HEAD_SIZE + 2 * estimate.cell_count)
    struct.pack_into(
        HEAD,
        data,
        0,
        estimate.counter.capacity_mah,
        offset.offset_ua,
        min(int(offset.sigma_share * 1000000.0), FULL),
        int(estimate.model.hysteresis * 100.0),
        min(int(estimate.sigma * FULL), FULL),
    )
    for cell in range(estimate.cell_count):
        struct.pack_into("<H", data, HEAD_SIZE + 2 * cell, int(estimate.cell_share(cell) * FULL))
    return data
