"""What the cells' voltages tell of their charge while they are full, empty or at rest.

From the voltage alone: nothing counted goes in, so that two such moments and what was counted
between them tell a capacity. Shares of the charge; single floats.
"""

from array import array
from math import sqrt

from micropython import const

_NEAR = const(0.015)
_STEEP = const(10000.0)  # mV for the whole charge
_FLAT = const(50.0)
_HYSTERESIS = const(0.4)  # of its half width
_OHM = const(0.25)  # of the voltage drop; towards empty up to three times as much
_OHM_RISE = const(0.5)
_LOW = const(0.2)
_UNSETTLED = const(0.5)
# Of the table's axis at half charge: an aged cell's curve is not only shorter. At both ends it is
# right by what full and empty mean.
_AXIS = const(0.005)
_LEAST2 = const(4e-6)
_WORST = const(0.02)
NOT_TOLD = const(1.0)


class Told:
    """Of one moment: `offsets`, each cell's share less what was counted then, and its `sigmas`."""

    def __init__(self, model, cell_count):
        self._model = model
        self.offsets = array("f", [0.0] * cell_count)
        self.sigmas = array("f", [NOT_TOLD] * cell_count)
        self.forget()

    def forget(self):
        self.count = 0  # cells that are told
        for cell in range(len(self.sigmas)):
            self.sigmas[cell] = NOT_TOLD

    def look(self, cell, cell_mv, counted):
        """Takes what the voltage says if that is no worse than what it said before."""
        model = self._model
        drop_mv = model.drop_mv
        cell_mv -= drop_mv
        share = self._share(cell_mv)
        # The width depends on the charge, and the charge a little on the width.
        share = self._share(cell_mv - model.half_width_mv(share) * model.hysteresis)
        width_mv = model.half_width_mv(share)
        share = self._share(cell_mv - width_mv * model.hysteresis)
        # The flatter side counts: there an error of the voltage goes farthest.
        here_mv = model.open_mv(share)
        slope = _STEEP
        if share > _NEAR:
            slope = (here_mv - model.open_mv(share - _NEAR)) / _NEAR
        if share < 1.0 - _NEAR:
            above = (model.open_mv(share + _NEAR) - here_mv) / _NEAR
            if above < slope:
                slope = above
        if slope < _FLAT:
            return
        turn = model.hysteresis_sigma
        unsure = _OHM + _OHM_RISE * (1.0 - share / _LOW) if share < _LOW else _OHM
        ohm_mv = unsure * drop_mv
        unsettled_mv = _UNSETTLED * model.unsettled_mv
        error2 = model.ocv_mv * model.ocv_mv + ohm_mv * ohm_mv + unsettled_mv * unsettled_mv
        error2 += width_mv * width_mv * (_HYSTERESIS * _HYSTERESIS + turn * turn)
        axis = _AXIS * 4.0 * share * (1.0 - share)
        sigma = sqrt(error2 / (slope * slope) + axis * axis + _LEAST2)
        if sigma < _WORST and sigma <= self.sigmas[cell]:
            if self.sigmas[cell] == NOT_TOLD:
                self.count += 1
            self.sigmas[cell] = sigma
            self.offsets[cell] = share - counted

    def _share(self, open_mv):
        """The charge at an open-circuit voltage."""
        table = self._model.ocv_dmv
        dmv = open_mv * 10.0
        if dmv <= table[0]:
            return 0.0
        if dmv >= table[100]:
            return 1.0
        low = 0
        high = 100
        while high - low > 1:
            middle = (low + high) >> 1
            if table[middle] <= dmv:
                low = middle
            else:
                high = middle
        return (low + (dmv - table[low]) / (table[high] - table[low])) * 0.01
