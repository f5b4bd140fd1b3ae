"""Simulated cells, a sensor with errors and the firmware's estimators, without a board between.

The cells are the simulator's, so their resistances, what settles and how both follow the
temperature are not those that the estimators take them for, and their voltage table is wrong by
3 mV in waves. mA (+ = charging), mV, s, degC; charge as a share.
"""

import math
import random

from host_tools.bench.accuracy import sets
from host_tools.bench.accuracy.single import Singles, single
from host_tools.mock.cells import Pack
from host_tools.replay import estimators

CAPACITY_MAH = 100_000
RIPPLE_MV = 3.0
START_SIGMA = 0.02


class Cells:
    def __init__(
        self, chemistry, seed, tier, corner, cells=4, worn_pct=0.0, soc_pct=50.0, in_singles=False
    ):
        """worn_pct: what the rated capacity has lost before; the estimators are not told."""
        self.dice = random.Random(seed)
        self.pack = Pack(cells, CAPACITY_MAH, chemistry, seed, soc_pct, worn_pct)
        self.number = single if in_singles else float
        makers = Singles() if in_singles else estimators
        self.estimate = makers.make(chemistry, CAPACITY_MAH, cells)
        self.ageing = makers.ageing(self.estimate)
        self.estimate.resume([self.number(soc_pct / 100)] * cells, self.number(START_SIGMA))
        self._gain = 1 + corner[0] * tier.gain_pct / 100
        self._offset_ma = corner[1] * tier.offset_share * CAPACITY_MAH
        self._off_mv = corner[2] * tier.voltage_mv
        self._phase = self.dice.random()
        self._carried = 0.0
        self._mv = [0.0] * cells
        self.mv = list(self._mv)
        self.celsius = 25.0
        self.warm(25.0)
        self.pack.fill_mv(0.0, self.mv)
        self.now_s = 0

    def warm(self, celsius):
        self.celsius = celsius
        self.pack.warm([celsius] * self.pack.cells)

    def share(self, cell=0):
        return self.pack.soc_pct(cell) / 100

    def capacity_mah(self, cell):
        return self.pack.capacity_mas[cell] / 3600

    def run(self, ma, step_s=10):
        """So long at this current; the estimators look at its end."""
        pack = self.pack
        dice = self.dice
        pack.pass_current(ma, step_s * 1_000_000)
        self.now_s += step_s
        pack.fill_mv(ma, self._mv)
        seen_mv = []
        for cell in range(pack.cells):
            waves = math.sin(2 * math.pi * (7 * self.share(cell) + self._phase))
            self.mv[cell] = self._mv[cell] + RIPPLE_MV * waves
            noise_mv = dice.gauss(0, sets.NOISE_MV)
            seen_mv.append(self.number(round(self.mv[cell] + self._off_mv + noise_mv)))
        flowing_ma = ma * self._gain + self._offset_ma
        seen_ma = round(flowing_ma + dice.gauss(0, sets.NOISE_SHARE * CAPACITY_MAH))
        exact = self._carried + flowing_ma * step_s * 1000
        mams = round(exact)
        self._carried = exact - mams
        self.estimate.counter.add(mams)
        moment = (seen_mv, self.number(seen_ma), mams, step_s * 1000, round(self.celsius * 10))
        self.estimate.second(*moment)
        while self.estimate.step():
            pass
        self.ageing.second(*moment)
        while self.ageing.step():
            pass
        # On a board as many slices as seconds have passed.
        for _ in range(step_s - 1):
            if not self.ageing.capacity.step():
                break

    def rest(self, seconds, step_s=60):
        for _ in range(seconds // step_s):
            self.run(0.0, step_s)
