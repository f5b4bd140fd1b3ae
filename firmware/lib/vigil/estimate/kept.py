"""What of the estimate survives a power cut: packed, and whether it has changed enough to be worth
a write to flash."""

import struct

from micropython import const

SCHEMA = const(1)
# Capacity in mAh; offset in uA and its sigma in a millionth of the capacity an hour; hysteresis in
# per cent; sigma of the cells in 1/65535; then the share of each cell in 1/65535.
_HEAD = "<IiHbxHxx"
_HEAD_SIZE = const(16)
_FULL = const(65535)
_STEP = 0.01
_PATIENCE_S = const(600)
# How long the power was away is not known: four days of self-discharge and of an unseen load.
_AWAY = 0.02


def length(cell_count):
    return _HEAD_SIZE + 2 * cell_count


def pack(estimate):
    model = estimate.model
    offset = estimate.offset
    data = bytearray(length(estimate.cell_count))
    struct.pack_into(
        _HEAD,
        data,
        0,
        estimate.counter.capacity_mah,
        offset.offset_ua,
        min(int(offset.sigma_share * 1000000.0), _FULL),
        int(model.hysteresis * 100.0),
        min(int(estimate.sigma * _FULL), _FULL),
    )
    for cell in range(estimate.cell_count):
        whole = int(estimate.cell_share(cell) * _FULL)
        struct.pack_into("<H", data, _HEAD_SIZE + 2 * cell, whole)
    return data


def restore(estimate, data):
    """Take up a record; one of another capacity is left alone."""
    capacity_mah, offset_ua, offset_sigma, hysteresis, sigma = struct.unpack(
        _HEAD, data[:_HEAD_SIZE]
    )
    if capacity_mah != estimate.counter.capacity_mah:
        return False
    estimate.offset.restore(offset_ua, offset_sigma / 1000000.0)
    estimate.model.hysteresis = hysteresis / 100.0
    shares = []
    for cell in range(estimate.cell_count):
        at = _HEAD_SIZE + 2 * cell
        shares.append(struct.unpack("<H", data[at : at + 2])[0] / _FULL)
    sigma = sigma / _FULL
    estimate.resume(shares, (sigma * sigma + _AWAY * _AWAY) ** 0.5)
    return True


class Watch:
    """Says when to write: each per cent of charge, and every ten minutes if anything moved."""

    def __init__(self):
        self._share = -1.0
        self._seconds = 0

    def is_due(self, estimate):
        """Once a second."""
        if not estimate.settled:
            return False
        self._seconds += 1
        apart = abs(estimate.share - self._share)
        if apart < _STEP and (self._seconds < _PATIENCE_S or apart < 0.1 * _STEP):
            return False
        self._share = estimate.share
        self._seconds = 0
        return True
