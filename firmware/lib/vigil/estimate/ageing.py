"""What time does to the cells: capacity and resistance of each, health of the pack.

A part of EstimateTask on boards that ask for it. Fade and imbalance are told apart: health is
what the weakest cell holds, `imbalance_mah` what lies beyond reach because the cells' charges
differ.
"""

from array import array

from micropython import const

from vigil.estimate import ageing_kept
from vigil.estimate.anchors import NONE
from vigil.estimate.capacity import Capacity
from vigil.estimate.resistance import Resistance
from vigil.sample import UNKNOWN

_MAMS_PER_MAH = const(3600000)
_COLDEST_DC = const(100)  # for moments that tell the charge: the tables are of 25 degC
_HOTTEST_DC = const(450)
_LONGEST_MS = const(2500)  # between two looks, for a resistance
_SURE = const(0.05)  # sigma of a charge that is known well enough to tell where a cell is
_JOINTS = const(3)  # words of one bit a cell
_CELLS = const(16)
_LOOKS = const(2)  # cells a second, while their voltages tell the charge
_KEEP_S = const(86400)
_BELIEVED = const(0.03)  # sigma below which the charge is reckoned with a capacity


class Ageing:
    def __init__(self, estimate, memory=None):
        self._estimate = estimate
        count = estimate.cell_count
        self.rated_mah = rated_mah = estimate.counter.capacity_mah
        self.capacity = Capacity(estimate.model, rated_mah, count)
        self.resistance = Resistance(estimate.model, count)
        self.store = None
        self._steps = self._extra = 0
        self._turn = 0
        self._looks = 0
        self._kept_s = self._kept_steps = 0
        self._last_mah = estimate.counter.moved[0]
        # For links; UNKNOWN until there is something to tell.
        self.capacities_mah = array("i", [UNKNOWN] * count)
        self.all_sure = False  # of every cell, so that they may be compared
        self.resistances_uohm = array("i", [UNKNOWN] * count)
        self.bad_joints = array("H", [0] * _JOINTS)
        self.joint_level = 0
        # The cell that resists most, against the model; a lower one is not believed.
        self.ohm_times = 1.0
        self.soh_permille = self.soh_sigma_permille = UNKNOWN
        self.usable_mah = self.imbalance_mah = UNKNOWN
        self.resistance_sigma_permille = UNKNOWN
        self.capacity_doubts = 0
        self.pairs = 0
        if memory is not None:
            ageing_kept.recall(self, memory)

    def second(self, cells_mv, now_ma, mams, elapsed_ms, temp_dc, steady=True, at_once=True):
        """Right after the estimate's own second(), with the same measurements.

        at_once: voltages and current are of one moment.
        """
        estimate = self._estimate
        capacity = self.capacity
        counter = estimate.counter
        rated_mah = counter.capacity_mah
        # The counter's zero is moved by whole capacities now and then.
        mah = counter.moved[0] - self._last_mah
        self._last_mah += mah
        while mah * 2 > rated_mah:
            mah -= rated_mah
        while mah * 2 < 0 - rated_mah:
            mah += rated_mah
        hours = elapsed_ms / 3600000.0
        capacity.moved(mah, estimate.offset.sigma_share * hours)
        usable = steady and cells_mv is not None
        # While the grid is at work there is no time for more.
        told = usable and estimate.settled and temp_dc is not None
        told = told and _COLDEST_DC <= temp_dc <= _HOTTEST_DC
        kind = estimate.anchors.now if told else NONE
        looks = capacity.moment(kind, counter.moved[1] / _MAMS_PER_MAH)
        known = estimate.settled and estimate.sigma < _SURE
        self.resistance.second(
            cells_mv,
            now_ma,
            mams / elapsed_ms,
            temp_dc,
            estimate.share if known else None,
            usable and at_once and elapsed_ms <= _LONGEST_MS,
        )
        self._kept_s += elapsed_ms // 1000
        self._cells_mv = cells_mv
        self._share_out(looks)

    def _share_out(self, looks):
        """One dear piece of work a second: a resistance, looks at some cells, the grid's, or
        whatever else there is to do."""
        estimate = self._estimate
        self._looks = self._extra = 0
        resistance = self.resistance
        # What a step of the current tells of all cells, and a second later of each.
        self._steps = resistance.due if resistance.begun else min(resistance.due, 1)
        busy = self.capacity.busy or resistance.fitted
        wanted = (looks, estimate.watches, busy)
        if not self._steps:
            for _ in wanted:
                self._turn = (self._turn + 1) % 3
                if wanted[self._turn]:
                    break
            else:
                return
            if self._turn == 0:
                self._looks = _LOOKS
            elif self._turn == 2:
                self._extra = 1
            else:
                return
        if wanted[1]:
            estimate.put_watch_off()

    def step(self):
        """One slice; False once the second is done."""
        resistance = self.resistance
        if self._steps:
            self._steps -= 1
            resistance.step()
        elif self._looks:
            self._looks -= 1
            self.capacity.look(self._cells_mv)
        elif self._extra:
            # They are many, and there are hours for them.
            self._extra = 0
            if resistance.fitted:
                self._figure_resistance()
            elif self.capacity.fitted:
                self._figure_capacity()
            else:
                self.capacity.step()
        else:
            self._figure()
            return False
        return True

    def _figure(self):
        capacity = self.capacity
        if self.soh_permille != UNKNOWN and self._estimate.settled:
            self.usable_mah = self._estimate.usable_mah
            self.imbalance_mah = max(self._weakest_mah - self.usable_mah, 0)
        aged = self._kept_s >= _KEEP_S and self.resistance.steps != self._kept_steps
        if capacity.news or aged:
            capacity.news = False
            self.keep()

    def _figure_capacity(self):
        capacity = self.capacity
        capacity.fitted = False
        estimate = self._estimate
        rated_mah = estimate.counter.capacity_mah
        self.pairs = capacity.count
        self.capacity_doubts = capacity.doubts
        weakest = 2.0
        all_sure = True
        for cell in range(capacity.cell_count):
            known = capacity.pairs[cell]
            share = capacity.shares[cell]
            sigma = capacity.sigmas[cell]
            sure = known and sigma < _BELIEVED
            if not sure:
                all_sure = False
            estimate.take_capacity(cell, share * rated_mah if sure else float(rated_mah))
            self.capacities_mah[cell] = int(share * rated_mah + 0.5) if known else UNKNOWN
            if not known:
                weakest = -1.0
            elif share < weakest:
                weakest = share
                weakest_sigma = sigma
        self.all_sure = all_sure
        if weakest < 0.0:
            self.soh_permille = self.soh_sigma_permille = UNKNOWN
            self.usable_mah = self.imbalance_mah = UNKNOWN
            return
        self._weakest_mah = int(weakest * rated_mah + 0.5)
        self.soh_permille = int(weakest * 1000.0 + 0.5)
        self.soh_sigma_permille = int(weakest_sigma * 1000.0 + 0.9)

    def _figure_resistance(self):
        resistance = self.resistance
        resistance.fitted = False
        if not resistance.known:
            return
        self.resistance_sigma_permille = int(resistance.sigma() * 1000.0 + 0.9)
        level = 0
        most = usual = self._estimate.model.ohm
        for word in range(_JOINTS):
            self.bad_joints[word] = 0
        common = resistance.common_ohm()
        doubt = resistance.doubt()
        for cell in range(len(resistance.ratios)):
            ohm = common * resistance.ratios[cell]
            if ohm > most:
                most = ohm
            self.resistances_uohm[cell] = int(ohm * 1000000.0 + 0.5)
            bad = resistance.joint(cell, doubt)
            if bad:
                self.bad_joints[cell // _CELLS] |= 1 << cell % _CELLS
                level = max(level, bad)
        self.joint_level = level
        self.ohm_times = most / usual

    def keep(self):
        """What is known now is to be written."""
        self._kept_s = 0
        self._kept_steps = self.resistance.steps
        if self.store:
            self.store.stage(ageing_kept.pack(self))
