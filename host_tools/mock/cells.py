"""Cells in series: open-circuit voltage, resistance, one slow RC, seeded differences between them.

mV, mA, ohm, mA*s, % of charge. Current + = charging. All cells share one current and one time
constant, so the slow part is one filtered current and the charge moved is one number.
"""

from math import exp

from host_tools.mock.ocv import GUARD_PCT, POSITION_LIMIT, lines
from host_tools.mock.seeded_random import SeededRandom

_CAPACITY_SIGMA = 0.01
_CHARGE_SIGMA_PCT = 0.5
_RESISTANCE_SIGMA = 0.05
_OHM_AH = 0.040  # large prismatic LFP at 25 degC
_WARM_K = 298.15
_RESISTANCE_B_K = 2000.0

SLOW_SHARE = 0.6  # resistance of the RC part, of the immediate resistance
SLOW_TAU_US = 30000000

_LAST_POSITION = POSITION_LIMIT - 0.001


class Pack:
    def __init__(self, cells=16, capacity_mah=280000, chemistry="LFP", seed=0, soc_pct=50.0):
        self.cells = cells
        self.capacity_mah = capacity_mah
        self.chemistry = chemistry
        self.charge_mas = 0.0  # moved through all cells since the beginning
        self.slow_ma = 0.0  # the current as the RC parts feel it
        self._intercept_mv, self._slope_mv = lines(chemistry)
        random = SeededRandom(seed)
        self.capacity_mas = []
        self.ohm_warm = []  # at 25 degC
        self._start = []
        self._pct_per_mas = []
        for _ in range(cells):
            capacity_mas = capacity_mah * 3600.0 * (1.0 + _CAPACITY_SIGMA * random.normal())
            self.capacity_mas.append(capacity_mas)
            self._pct_per_mas.append(100.0 / capacity_mas)
            self._start.append(soc_pct + _CHARGE_SIGMA_PCT * random.normal() + GUARD_PCT)
            ohm = _OHM_AH * 1000.0 / capacity_mah
            self.ohm_warm.append(ohm * (1.0 + _RESISTANCE_SIGMA * random.normal()))
        self.ohm = list(self.ohm_warm)
        self._kept = 1.0
        self._kept_for_us = 0

    def soc_pct(self, cell):
        """True charge of cell 0, 1, ... in %."""
        return self._start[cell] + self.charge_mas * self._pct_per_mas[cell] - GUARD_PCT

    def mean_soc_pct(self):
        return sum([self.soc_pct(cell) for cell in range(self.cells)]) / self.cells

    def pass_current(self, ma, us):
        """A constant current for some time."""
        self.charge_mas += ma * us * 0.000001
        if us != self._kept_for_us:
            self._kept_for_us = us
            self._kept = exp(-us / SLOW_TAU_US)
        self.slow_ma = ma + (self.slow_ma - ma) * self._kept

    def drain(self, cell, mas):
        """Take charge from one cell alone."""
        self._start[cell] -= mas * self._pct_per_mas[cell]

    def fill_mv(self, ma, cell_mv):
        """Terminal voltages at this current, into cell_mv."""
        start = self._start
        pct_per_mas = self._pct_per_mas
        intercept_mv = self._intercept_mv
        slope_mv = self._slope_mv
        ohm = self.ohm
        charge_mas = self.charge_mas
        drop_ma = ma + SLOW_SHARE * self.slow_ma
        for cell in range(self.cells):
            position = start[cell] + charge_mas * pct_per_mas[cell]
            if position < 0.0:
                position = 0.0
            elif position > _LAST_POSITION:
                position = _LAST_POSITION
            k = int(position)
            cell_mv[cell] = intercept_mv[k] + slope_mv[k] * position + ohm[cell] * drop_ma

    def warm(self, cell_c):
        """Resistance follows temperature: about double at 0 degC."""
        for cell in range(self.cells):
            factor = exp(_RESISTANCE_B_K * (1.0 / (cell_c[cell] + 273.15) - 1.0 / _WARM_K))
            self.ohm[cell] = self.ohm_warm[cell] * factor
