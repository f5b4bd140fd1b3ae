"""Takes up what kept.py has packed; only for the start."""

import struct

from vigil.estimate.kept import FULL, HEAD, HEAD_SIZE, SCHEMA

# How long the power was away is not known: four days of self-discharge and of an unseen load.
_AWAY = 0.02


def recall(estimate, memory):
    """The store of the estimate; what lay there is taken up, if of a pack of this capacity."""
    length = HEAD_SIZE + 2 * estimate.cell_count
    store = memory.another("charge", SCHEMA, length)
    # Lost, it is learned anew: that is no fault.
    data = store.load()
    if data is not None:
        restore(estimate, data)
    return store


def restore(estimate, data):
    capacity_mah, offset_ua, offset_sigma, hysteresis, sigma = struct.unpack(
        HEAD, data[:HEAD_SIZE]
    )
    if capacity_mah != estimate.counter.capacity_mah:
        return False
    offset = estimate.offset
    offset.offset_ua = offset_ua
    offset.sigma_share = min(offset_sigma / 1000000.0, offset.unknown)
    estimate.model.hysteresis = hysteresis / 100.0
    wholes = struct.unpack("<%dH" % estimate.cell_count, data[HEAD_SIZE:])
    sigma = sigma / FULL
    estimate.resume([whole / FULL for whole in wholes], (sigma * sigma + _AWAY * _AWAY) ** 0.5)
    return True
