"""The cell as a circuit: open-circuit voltage, hysteresis, a resistance and two RC parts.

All cells share one current, so RC parts and hysteresis have one state for the whole pack. mV, mA,
ohm, s; charge as a share of the capacity, 0..1. Single floats; once a second, never in the cycle.
"""

from math import exp

from micropython import const

_WARM_K = const(298.15)
# Wider by so much a kelvin below 25 degC (measured on an LFP cell).
_COLD_HYSTERESIS = const(0.018)
# A tenth of the capacity mostly turns the hysteresis round: 3 to 25 are found.
_GAMMA = const(10.0)
_STILL = const(0.002)  # a smaller share of the capacity an hour turns no hysteresis
_RECENT_S = const(600.0)
# What flowed before the start is not known: as if it had been this share of the capacity an hour.
_BEFORE_START = const(0.2)


class CellModel:
    def __init__(self, figures, ocv_dmv, capacity_mah):
        """figures: of vigil.cell_models."""
        ohm_ah, fast, slow, self.warmth_k, self._half_widths, self.ocv_mv = figures[:6]
        per_ah = 1000.0 / capacity_mah
        self.ocv_dmv = ocv_dmv
        self.capacity_ma = float(capacity_mah)
        self.ohm = ohm_ah * per_ah
        self.fast_ohm = fast[0] * per_ah
        self._fast_s = fast[1]
        self.slow_ohm = slow[0] * per_ah
        self._slow_s = slow[1]
        self.look_s = figures[9]
        self.fast_ma = 0.0
        self.slow_ma = 0.0
        # -1 after a long discharge, 1 after a long charge; not known at the start.
        self.hysteresis = 0.0
        self.hysteresis_sigma = 1.0
        self.recent_ma = _BEFORE_START * self.capacity_ma
        self.drop_mv = 0.0
        self.unsettled_mv = 0.0
        self.temp_dc = None
        self.resists = 1.0  # by temperature
        self._widens = 1.0

    def warm(self, temp_dc):
        """Follow the temperature; None while it is not known."""
        if temp_dc == self.temp_dc:
            return
        self.temp_dc = temp_dc
        celsius = 25.0 if temp_dc is None else temp_dc * 0.1
        self.resists = exp(self.warmth_k * (1.0 / (celsius + 273.15) - 1.0 / _WARM_K))
        below_k = 25.0 - celsius
        self._widens = 1.0 + _COLD_HYSTERESIS * below_k if below_k > 0.0 else 1.0

    def step(self, mean_ma, now_ma, seconds, offset_share=0.0):
        """So long has mean_ma flowed; now_ma is the current of the voltages to be looked at.

        offset_share: what the sensor may say while nothing flows, of the capacity an hour.
        """
        self.fast_ma = mean_ma + (self.fast_ma - mean_ma) * exp(-seconds / self._fast_s)
        self.slow_ma = mean_ma + (self.slow_ma - mean_ma) * exp(-seconds / self._slow_s)
        size_ma = abs(mean_ma)
        self.recent_ma = size_ma + (self.recent_ma - size_ma) * exp(-seconds / _RECENT_S)
        if size_ma > (_STILL + 2.0 * offset_share) * self.capacity_ma:
            turned = _GAMMA * size_ma * seconds / (3600.0 * self.capacity_ma)
            if turned > 1.0:
                turned = 1.0
            goal = 1.0 if mean_ma > 0.0 else -1.0
            self.hysteresis += turned * (goal - self.hysteresis)
            self.hysteresis_sigma -= turned * self.hysteresis_sigma
        drop_mv = self.ohm * now_ma
        drop_mv += self.fast_ohm * self.fast_ma
        drop_mv += self.slow_ohm * self.slow_ma
        self.drop_mv = self.resists * drop_mv
        self.unsettled_mv = self.resists * self.ohm * self.recent_ma

    def open_mv(self, share):
        """Open-circuit voltage, between the table's points."""
        table = self.ocv_dmv
        at = share * 100.0
        if at <= 0.0:
            return table[0] * 0.1
        if at >= 100.0:
            return table[100] * 0.1
        below = int(at)
        mv = table[below]
        return (mv + (table[below + 1] - mv) * (at - below)) * 0.1

    def short_of_full(self, cell_mv):
        """What this voltage leaves to the table's end, as a share; a tenth at most."""
        dmv = (cell_mv - self.drop_mv) * 10.0
        table = self.ocv_dmv
        below = 100
        while below > 90 and table[below] > dmv:
            below -= 1
        if below == 100:
            return 0.0
        if below == 90:
            return 0.1
        above_dmv = table[below + 1]
        return (99 - below + (above_dmv - dmv) / (above_dmv - table[below])) * 0.01

    def half_width_mv(self, share):
        """Half the distance between the curves of charge and discharge."""
        widths = self._half_widths
        last = len(widths) - 1
        at = share * last
        if at <= 0.0:
            return widths[0] * self._widens
        if at >= last:
            return widths[last] * self._widens
        below = int(at)
        mv = widths[below]
        return (mv + (widths[below + 1] - mv) * (at - below)) * self._widens
