"""What of the cells' ageing survives a power cut: the ring of pairs as it is, and resistances.

Rated capacity in mAh; pairs in the ring and where the next one goes; steps, logarithm of the
common resistance, B's error and their covariances in 1/10000; each cell's ratio in 1/10000; ring.
"""

import struct

from micropython import const

from vigil.estimate.capacity import RING

SCHEMA = const(1)
_HEAD = "<IBBHhhHhHH"
_HEAD_SIZE = const(20)
_UNIT = const(10000.0)
_MOST = const(65535)


def length(ageing):
    return _HEAD_SIZE + 2 * ageing.capacity.cell_count + len(ageing.capacity.ring)


def pack(ageing):
    capacity = ageing.capacity
    resistance = ageing.resistance
    count = capacity.cell_count
    data = bytearray(length(ageing))
    struct.pack_into(
        _HEAD,
        data,
        0,
        ageing.rated_mah,
        capacity.count,
        capacity.next,
        min(resistance.steps, _MOST),
        int(resistance.common * _UNIT),
        int(resistance.warmth * _UNIT),
        # Never less than it was: a sigma of nothing would never be corrected.
        int(resistance.common2 * _UNIT) + 1,
        int(resistance.both * _UNIT),
        int(resistance.warmth2 * _UNIT) + 1,
        int(resistance.ratio2 * _UNIT) + 1,
    )
    for cell in range(count):
        ratio = int(resistance.ratios[cell] * _UNIT)
        struct.pack_into("<H", data, _HEAD_SIZE + 2 * cell, min(max(ratio, 0), _MOST))
    data[_HEAD_SIZE + 2 * count :] = capacity.ring
    return data


def recall(ageing, memory):
    """Takes up what was kept, if of a pack of this capacity; lost, it is learned anew."""
    store = ageing.store = memory.another("ageing", SCHEMA, length(ageing))
    data = store.load()
    if data is not None:
        restore(ageing, data)


def restore(ageing, data):
    capacity = ageing.capacity
    resistance = ageing.resistance
    kept = struct.unpack(_HEAD, data[:_HEAD_SIZE])
    if kept[0] != ageing.rated_mah or kept[1] > RING or kept[2] >= RING:
        return
    capacity.count, capacity.next, resistance.steps = kept[1:4]
    resistance.common, resistance.warmth, resistance.common2 = [one / _UNIT for one in kept[4:7]]
    resistance.both, resistance.warmth2, resistance.ratio2 = [one / _UNIT for one in kept[7:]]
    count = capacity.cell_count
    ratios = struct.unpack("<%dH" % count, data[_HEAD_SIZE : _HEAD_SIZE + 2 * count])
    for cell in range(count):
        resistance.ratios[cell] = ratios[cell] / _UNIT
    capacity.ring[:] = data[_HEAD_SIZE + 2 * count :]
    capacity.refit()
    resistance.fitted = True
