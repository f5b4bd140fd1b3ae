"""Cells in series: open-circuit voltage, resistance, two RC parts, hysteresis, losses, spread.

mV, mA, ohm, mA*s, % of charge. Current + = charging. All cells share one current and the same
time constants, so RC parts and hysteresis have one state for the whole pack, and the charge moved
is one number; charge, capacity, resistance and losses are each cell's own.
"""

from math import exp

from host_tools.mock.cell_figures import figures
from host_tools.mock.ocv import GUARD_PCT, POSITION_LIMIT, lines
from host_tools.mock.seeded_random import SeededRandom

_CAPACITY_SIGMA = 0.01
_CHARGE_SIGMA_PCT = 0.5
_RESISTANCE_SIGMA = 0.05
_LOSS_SIGMA = 0.3
# Of the capacity that ageing took; a cell that has lost 1 % resists 2 % more.
_WEAR_SIGMA = 0.25
_RESISTANCE_PER_WEAR = 2.0

_WARM_K = 298.15
_LOSS_B_K = 6000.0  # self-discharge about doubles every 10 K
_COLD_HYSTERESIS_PER_K = 0.018  # wider by this below 25 degC (measured on an LFP cell)
_MONTH_S = 2592000.0
_STILL_C_RATE = 0.002  # a smaller current turns no hysteresis round

_LAST_POSITION = POSITION_LIMIT - 0.001
_FAR_MAS = 1e30


class Pack:
    """worn_pct: the mean capacity that ageing has taken so far, different in every cell."""

    def __init__(
        self, cells=16, capacity_mah=280000, chemistry="LFP", seed=0, soc_pct=50.0, worn_pct=0.0
    ):
        self.cells = cells
        self.capacity_mah = capacity_mah
        self.chemistry = chemistry
        self.figures = figures(chemistry)
        self.charge_mas = 0.0  # moved through all cells since the beginning
        self.fast_ma = 0.0  # the current as the RC parts feel it
        self.slow_ma = 0.0
        self.hysteresis = 0.0  # -1 after a long discharge, 1 after a long charge
        self._intercept_mv, self._slope_mv = lines(chemistry)
        self._make_cells(seed, soc_pct, worn_pct)
        self.lost_mas = [0.0] * cells  # by self-discharge and leaks
        self.leak_ohm = [0.0] * cells  # 0: none
        self._loss_factor = [1.0] * cells
        self.ohm = list(self.ohm_warm)
        self._kept_for_us = 0
        self._fast_kept = 1.0
        self._slow_kept = 1.0
        self._turned_us = 0
        self._turned_ma = 0.0
        self._turn_kept = 1.0
        self._still_ma = _STILL_C_RATE * capacity_mah
        # Each cell's voltage as a straight line over charge_mas, good within this window.
        self._base_mv = [0.0] * cells
        self._mv_per_mas = [0.0] * cells
        self._from_mas = 0.0
        self._to_mas = 0.0
        self._half_width_mv = 0.0
        self._find_half_width(0.0)
        self._find_lines()

    def _make_cells(self, seed, soc_pct, worn_pct):
        random = SeededRandom(seed)
        self.capacity_mas = []
        self.ohm_warm = []  # at 25 degC
        self._start = []
        self._pct_per_mas = []
        self._loss_ma = []  # self-discharge at 25 degC
        capacities = []
        for _ in range(self.cells):
            capacities.append(1.0 + _CAPACITY_SIGMA * random.normal())
            self._start.append(soc_pct + _CHARGE_SIGMA_PCT * random.normal() + GUARD_PCT)
            ohm = self.figures.ohm_ah * 1000.0 / self.capacity_mah
            self.ohm_warm.append(ohm * (1.0 + _RESISTANCE_SIGMA * random.normal()))
        for cell in range(self.cells):
            wear = 0.01 * worn_pct * (1.0 + _WEAR_SIGMA * random.normal())
            capacity_mas = self.capacity_mah * 3600.0 * capacities[cell] * (1.0 - wear)
            self.capacity_mas.append(capacity_mas)
            self._pct_per_mas.append(100.0 / capacity_mas)
            self.ohm_warm[cell] *= 1.0 + _RESISTANCE_PER_WEAR * wear
            loss_ma = 0.01 * self.figures.loss_pct_month * capacity_mas / _MONTH_S
            self._loss_ma.append(loss_ma * (1.0 + _LOSS_SIGMA * random.normal()))

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
            self._fast_kept = exp(-0.000001 * us / self.figures.fast_s)
            self._slow_kept = exp(-0.000001 * us / self.figures.slow_s)
        self.fast_ma = ma + (self.fast_ma - ma) * self._fast_kept
        self.slow_ma = ma + (self.slow_ma - ma) * self._slow_kept
        if ma > self._still_ma or -ma > self._still_ma:
            if us != self._turned_us or ma != self._turned_ma:
                self._turned_us = us
                self._turned_ma = ma
                share = 0.000001 * us * abs(ma) / (3600.0 * self.capacity_mah)
                self._turn_kept = exp(-self.figures.gamma * share)
            goal = 1.0 if ma > 0.0 else -1.0
            self.hysteresis = goal + (self.hysteresis - goal) * self._turn_kept

    def drain(self, cell, mas):
        """Take charge from one cell alone."""
        pct = mas * self._pct_per_mas[cell]
        self._start[cell] -= pct
        self._base_mv[cell] -= self._mv_per_mas[cell] * mas
        if pct > 0.01:
            self._find_lines()

    def set_leak(self, cell, ohm):
        """A leak inside the cell, 0 ends it."""
        self.leak_ohm[cell] = ohm
        self._find_lines()

    def leak_watts(self, cell):
        """What the leak turns to heat inside the cell."""
        if not self.leak_ohm[cell]:
            return 0.0
        volt = 0.001 * (self._base_mv[cell] + self._mv_per_mas[cell] * self.charge_mas)
        return volt * volt / self.leak_ohm[cell]

    def lose(self, seconds):
        """Self-discharge and leaks of some time that is short beside their effect."""
        charge_mas = self.charge_mas
        for cell in range(self.cells):
            ma = self._loss_ma[cell] * self._loss_factor[cell]
            if self.leak_ohm[cell]:
                mv = self._base_mv[cell] + self._mv_per_mas[cell] * charge_mas
                ma += mv / self.leak_ohm[cell]
            mas = ma * seconds
            self._start[cell] -= mas * self._pct_per_mas[cell]
            self.lost_mas[cell] += mas
        self._find_lines()

    def warm(self, cell_c):
        """Resistance, losses and hysteresis follow temperature: R is about double at 0 degC."""
        warmth_k = self.figures.warmth_k
        below_k = 0.0
        for cell in range(self.cells):
            colder = 1.0 / (cell_c[cell] + 273.15) - 1.0 / _WARM_K
            self.ohm[cell] = self.ohm_warm[cell] * exp(warmth_k * colder)
            self._loss_factor[cell] = exp(-_LOSS_B_K * colder)
            below_k += 25.0 - cell_c[cell]
        self._find_half_width(max(below_k / self.cells, 0.0))

    def square_ma2(self, ma):
        """What one ohm of immediate resistance and its RC parts turn to heat, in mA squared."""
        return (
            ma * ma
            + self.figures.fast_share * self.fast_ma * self.fast_ma
            + self.figures.slow_share * self.slow_ma * self.slow_ma
        )

    def fill_mv(self, ma, cell_mv):
        """Terminal voltages at this current, into cell_mv."""
        charge_mas = self.charge_mas
        if not self._from_mas <= charge_mas < self._to_mas:
            self._find_lines()
        base_mv = self._base_mv
        mv_per_mas = self._mv_per_mas
        ohm = self.ohm
        figures = self.figures
        drop_ma = ma + figures.fast_share * self.fast_ma + figures.slow_share * self.slow_ma
        lift_mv = self._half_width_mv * self.hysteresis
        for cell in range(self.cells):
            open_mv = base_mv[cell] + mv_per_mas[cell] * charge_mas
            cell_mv[cell] = open_mv + ohm[cell] * drop_ma + lift_mv

    def _find_lines(self):
        """The piece of the voltage table that each cell is on, as a line over charge_mas."""
        start = self._start
        charge_mas = self.charge_mas
        whole = 1.0 + self.figures.fast_share + self.figures.slow_share
        from_mas = -_FAR_MAS
        to_mas = _FAR_MAS
        for cell in range(self.cells):
            pct_per_mas = self._pct_per_mas[cell]
            position = start[cell] + charge_mas * pct_per_mas
            if position < 0.0 or position >= _LAST_POSITION:
                # Off the table the voltage stands still.
                at = 0.0 if position < 0.0 else _LAST_POSITION
                k = int(at)
                base_mv = self._intercept_mv[k] + self._slope_mv[k] * at
                mv_per_mas = 0.0
                first, end = (-_FAR_MAS, 0.0) if position < 0.0 else (_LAST_POSITION, _FAR_MAS)
            else:
                k = int(position)
                base_mv = self._intercept_mv[k] + self._slope_mv[k] * start[cell]
                mv_per_mas = self._slope_mv[k] * pct_per_mas
                first, end = k, min(k + 1, _LAST_POSITION)
            if self.leak_ohm[cell]:
                # The leak and the cell's own resistance divide the voltage.
                share = self.leak_ohm[cell] / (self.leak_ohm[cell] + whole * self.ohm[cell])
                base_mv *= share
                mv_per_mas *= share
            self._base_mv[cell] = base_mv
            self._mv_per_mas[cell] = mv_per_mas
            from_mas = max(from_mas, (first - start[cell]) / pct_per_mas)
            to_mas = min(to_mas, (end - start[cell]) / pct_per_mas)
        self._from_mas = from_mas
        self._to_mas = to_mas

    def _find_half_width(self, below_k):
        """Half the distance between the curves of charge and discharge, at this charge."""
        width_mv = self.figures.hysteresis_mv
        if not isinstance(width_mv, float):
            position = min(max(self.mean_soc_pct() / 5.0, 0.0), 19.999)
            k = int(position)
            width_mv = width_mv[k] + (width_mv[k + 1] - width_mv[k]) * (position - k)
        self._half_width_mv = width_mv * (1.0 + _COLD_HYSTERESIS_PER_K * below_k)
