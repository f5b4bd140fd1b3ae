"""What of the charge to move survives a power cut: packed, and taken up again at the start.

Capacity in mAh; then for each cell what has to leave it in 0.001 % of the capacity, its sigma in
0.01 %, its leak in mA.
"""

import struct

from micropython import const

SCHEMA = const(1)
_HEAD = "<I"
_CELL = "<HHH"
_HEAD_SIZE = const(4)
_CELL_SIZE = const(6)
# How long the power was away is not known: a month of self-discharge that differs.
_AWAY = const(2500)  # variance
_MOST = const(1000000)


def pack(policy):
    count = len(policy.left_mas)
    data = bytearray(_HEAD_SIZE + _CELL_SIZE * count)
    struct.pack_into(_HEAD, data, 0, policy.capacity_mah)
    leaks_ma = policy.leak.leak_ma
    for cell in range(count):
        struct.pack_into(
            _CELL,
            data,
            _HEAD_SIZE + _CELL_SIZE * cell,
            min(max(policy.left_mas[cell], 0) * 10 // policy.unit_mas, 0xFFFF),
            int(policy.variance[cell] ** 0.5),
            min(leaks_ma[cell], 0xFFFF),
        )
    return data


def recall(policy, memory):
    """The store of the list; what lay there is taken up, if of a pack of this capacity."""
    count = len(policy.left_mas)
    store = memory.another("balance", SCHEMA, _HEAD_SIZE + _CELL_SIZE * count)
    # Lost, it is learned anew: that is no fault.
    data = store.load()
    if data is None or struct.unpack(_HEAD, data[:_HEAD_SIZE])[0] != policy.capacity_mah:
        return store
    for cell in range(count):
        at = _HEAD_SIZE + _CELL_SIZE * cell
        left, sigma, leak_ma = struct.unpack(_CELL, data[at : at + _CELL_SIZE])
        policy.left_mas[cell] = left * policy.unit_mas // 10
        policy.variance[cell] = min(sigma * sigma + _AWAY, _MOST)
        if leak_ma < 0xFFFF:
            policy.leak.recall(cell, leak_ma)
    policy.known = True
    return store
