"""Balancing by charge: how much has to leave each cell, learned where its voltage tells it.

LFP tells it near full (at the knee of its curve), the others at rest; what was learned is bled at
any time. Charge to move in mA*s; shares and sigmas in 0.01 % of the capacity; + = charging.
"""

from array import array

from micropython import const

from vigil import to_move_kept
from vigil.balance import TopVoltage
from vigil.leak import LeakWatch
from vigil.sample import CELLS, CURRENT, UNKNOWN

# Where the board says nothing: rather too much is believed to have left a cell than too little.
_UNSTATED_OHM = const(33)
_SMALL_DIVISOR = const(20)  # of the capacity an hour
_STILL_DIVISOR = const(100)
_KNEE_HELD_MS = const(60000)
_REST_HELD_MS = const(1800000)
_AGAIN_MS = const(10000)
_LEAST_REST = const(1500)  # below it the curve is steep, but tells of capacities
_MATCHING_DMV = const(20)  # what channels differ by
_DOUBT_DMV = const(120)
_HIDDEN_SIGMA = const(70)
_TOLERANCE = const(10)
_LEAST_SIGMA = const(7)
_MOST_SIGMA = const(1000)
_MOST = const(2000)  # nothing learned says more
_HOUR_MS = const(3600000)
_FORGOTTEN = const(1)  # of the variance, in an hour
_MOVED = const(2500)  # variance
_PER_SLICE = const(4)
_TICKS = const(0x3FFFFFFF)


class ChargeToMove(TopVoltage):
    """A board may have bleed_ohm: of a cell's bleed path, in the mean over the chip's pauses.

    As long as nothing has been learned it balances by voltage, at the top.
    """

    stretches = 3
    period_ms = 1000

    def __init__(self, board, chemistry, sample, memory):
        # Only for the start.
        from vigil import cell_models

        super().__init__(board, chemistry, sample, memory)
        self.floor_mv = chemistry.under_voltage_mv[1]
        self.capacity_mah = capacity_mah = board.capacity_mah
        self.sample = sample
        self._ocv_dmv = chemistry.ocv_dmv
        figures = cell_models.figures(board.chemistry)
        cell_models.let_go()
        # Not known below this share: on a plateau all cells look alike. 0: at rest it is.
        self.knee = getattr(chemistry, "knee", 0)
        # Who does not look fuller than this may lie below the knee: hidden.
        self._hides = 0
        if self.knee:
            self._hides = self._share(self._ocv_dmv[self.knee // 100] + 2 * _DOUBT_DMV)
        # What measures the cells' capacities, and what follows their charge, if anything does.
        self.ageing = self.estimate = None
        self._follows = self._hidden = False
        self._most = self._most_sigma = 0
        # Half the hysteresis before the knee, which is always reached by charging.
        self._lift_dmv = 10 * figures[4][-2] if self.knee else 0
        per_ah = 1000.0 / capacity_mah
        self._ohm = per_ah * figures[0]
        self._fast_ohm, self._fast_ms = per_ah * figures[1][0], int(1000 * figures[1][1])
        self._slow_ohm, self._slow_ms = per_ah * figures[2][0], int(1000 * figures[2][1])
        self.bleed_ohm = getattr(board, "bleed_ohm", 0) or _UNSTATED_OHM
        count = sample.cell_count
        self.unit_mas = capacity_mah * 36 // 100  # 0.01 % of the capacity
        self.left_mas = array("i", [0] * count)
        self.variance = array("i", [_MOST_SIGMA * _MOST_SIGMA] * count)
        self.known = False
        self.looks = 0
        self.disturbed = False  # the voltages are not the cells' own: something else balances
        self.leak = LeakWatch(count, self.unit_mas, capacity_mah)
        # For links.
        self.to_move_mah = array("i", [UNKNOWN] * count)
        self.spread_permille = UNKNOWN
        self._fast_ma = self._slow_ma = 0.0
        self._still_ms = 0
        self._told_ms = _AGAIN_MS
        self._hour_ms = 0
        self._last_ms = -1
        self._changed = False
        # A snapshot in the making.
        self._mv = array("i", [0] * count)
        self._shares = array("i", [0] * count)
        self._sigmas = array("i", [0] * count)
        self._sizes = array("i", [1000] * count)  # 0.1 % of the rated capacity
        self._slopes = array("i", [0] * count)  # 0.1 mV for each per cent
        self._at = self._done = 2 * count + 2
        self._rise_dmv = 1
        self._shift_dmv = self._error_dmv = 0
        self._store = to_move_kept.recall(self, memory)
        self._show()

    # What the balancer asks.

    def choose(self, sample, bleed):
        """Nothing bleeds: measure, and mark in `bleed` the cells to bleed."""
        if self._tells(sample):
            self._take(sample)
        if not self.known:
            return TopVoltage.choose(self, sample, bleed)
        values = sample.cell_values
        lowest = sample.lowest(CELLS)
        apart = sample.highest(CELLS) - lowest > 2 * self.delta_mv
        for cell in range(sample.cell_count):
            # What is not sure to be there is not begun.
            least = 0 if bleed[cell] else self._sigma(cell) * self.unit_mas
            cell_mv = values[cell]
            wanted = (
                cell_mv != UNKNOWN
                and lowest >= self.floor_mv
                and self.left_mas[cell] > least
                and not self.disturbed
                and not (apart and cell_mv == lowest)
            )
            bleed[cell] = 1 if wanted else 0

    def bled(self, bleed, ms):
        values = self.sample.cell_values
        still = True
        for cell in range(len(bleed)):
            if bleed[cell]:
                mv = values[cell]
                if mv == UNKNOWN:
                    mv = self._mv[cell]
                mas = mv * ms // 1000 // self.bleed_ohm
                left = self.left_mas[cell] - mas
                self.left_mas[cell] = left
                self.leak.bled_mas[cell] += mas
                if left <= 0:
                    still = False
                    self.left_mas[cell] = left = 0
                if self.known:
                    self.to_move_mah[cell] = (left + 1800) // 3600
        self._changed = True
        return still

    def unsettle(self):
        """Something else has moved charge: nobody knows how much."""
        self._still_ms = 0
        for cell in range(len(self.variance)):
            self.variance[cell] = min(self.variance[cell] + _MOVED, _MOST_SIGMA * _MOST_SIGMA)

    def _sigma(self, cell):
        sigma = int(self.variance[cell] ** 0.5)
        return sigma if sigma > _TOLERANCE else _TOLERANCE

    # When the voltages tell the charge.

    def _tells(self, sample):
        if self.disturbed or self._at < self._done or self._told_ms < _AGAIN_MS:
            return False
        if self.knee:
            return self._still_ms >= _KNEE_HELD_MS and sample.highest(CELLS) >= self.start_mv
        return self._still_ms >= _REST_HELD_MS

    def _take(self, sample):
        values = sample.cell_values
        ageing = self.ageing
        measured = ageing and ageing.all_sure
        self._follows = bool(self.estimate and self.estimate.settled)
        for cell in range(sample.cell_count):
            self._mv[cell] = values[cell]
            # Some measured and some not would tell less than none.
            self._sizes[cell] = (
                ageing.capacities_mah[cell] * 100 // (self.capacity_mah // 10)
                if measured
                else 1000
            )
        drop_mv = self._ohm * sample.values[sample.current_at]
        drop_mv += self._fast_ohm * self._fast_ma + self._slow_ohm * self._slow_ma
        drop_dmv = int(10.0 * drop_mv)
        self._shift_dmv = drop_dmv + self._lift_dmv
        self._error_dmv = _MATCHING_DMV + abs(drop_dmv) // 8
        self._told_ms = 0
        self._at = 0

    def step(self, now_ms):
        """Once a second: how still it is; and what a snapshot says, slice by slice."""
        if self._at < self._done:
            self._slice()
            return self._at < self._done or self.leak.busy
        if self.leak.busy:
            return self.leak.step()
        elapsed_ms = 0 if self._last_ms < 0 else (now_ms - self._last_ms) & _TICKS
        self._last_ms = now_ms
        self._follow(elapsed_ms)
        self.leak.pass_ms(elapsed_ms)
        self._hour_ms += elapsed_ms
        if self._hour_ms >= _HOUR_MS:
            self._hour_ms -= _HOUR_MS
            self._pass_hour()
        return False

    def _slice(self):
        """Of a snapshot: where the cells are, who has most room, and what that says of each."""
        count = len(self.left_mas)
        at = self._at
        if at < count:
            self._at = min(at + _PER_SLICE, count)
            for cell in range(at, self._at):
                self._place(cell)
        elif at == count:
            self._at = count + 1 if self._compare() else self._done
        elif at <= 2 * count:
            self._at = min(at + _PER_SLICE, 2 * count + 1)
            for cell in range(at, self._at):
                self._learn(cell - count - 1)
        else:
            self._at = self._done
            self.known = self._changed = True
            self.looks = (self.looks + 1) & _TICKS
            self._show()
            floor = 0 if self._follows else self.knee
            self.leak.look(self._shares, self._sigmas, floor, self._sizes)

    def _follow(self, ms):
        sample = self.sample
        ma = sample.values[sample.current_at]
        if not sample.sequence(CURRENT) or ma == UNKNOWN:
            self._still_ms = 0
            return
        self._fast_ma += (ma - self._fast_ma) * (ms / (ms + self._fast_ms))
        self._slow_ma += (ma - self._slow_ma) * (ms / (ms + self._slow_ms))
        self._told_ms = min(self._told_ms + ms, _AGAIN_MS)
        if (
            abs(ma) * _SMALL_DIVISOR > self.capacity_mah
            or self.knee
            and ma * _STILL_DIVISOR < 0 - self.capacity_mah
        ):
            # A discharge turns the hysteresis round.
            self._still_ms = 0
        else:
            self._still_ms = min(self._still_ms + ms, _REST_HELD_MS)

    def _pass_hour(self):
        """Slowly forgotten; and what is left is kept."""
        for cell in range(len(self.variance)):
            if self.variance[cell] < _MOST_SIGMA * _MOST_SIGMA:
                self.variance[cell] += _FORGOTTEN
        self.leak.forget()
        if self._changed:
            self.keep()
        self._show()

    def keep(self):
        """What is known now is to be written."""
        self._changed = False
        if self.known:
            self._store.stage(to_move_kept.pack(self))

    # What they say.

    def _place(self, cell):
        """The share of a cell, by its voltage."""
        self._shares[cell] = max(self._share(10 * self._mv[cell] - self._shift_dmv), self.knee)
        slope = self._slopes[cell] = self._rise_dmv
        sigma = 100 * self._error_dmv // slope
        if self._shares[cell] <= self._hides:
            sigma = _HIDDEN_SIGMA
            if self._follows:
                followed = int(10000.0 * self.estimate.cell_share(cell))
                if followed < self._shares[cell]:
                    self._shares[cell] = followed
                    sigma = max(int(10000.0 * self.estimate.filters.variances[cell] ** 0.5), sigma)
        self._sigmas[cell] = min(max(sigma, _LEAST_SIGMA), _MOST_SIGMA)

    def _share(self, cell_dmv):
        table = self._ocv_dmv
        low = 0
        high = 100
        while high - low > 1:
            middle = low + high >> 1
            if table[middle] <= cell_dmv:
                low = middle
            else:
                high = middle
        rise_dmv = self._rise_dmv = max(table[high] - table[low], 1)
        return 100 * low + 100 * (cell_dmv - table[low]) // rise_dmv

    def _whole_sigma(self, cell):
        """A cell of another capacity is as far from full as it is larger."""
        return self._sigmas[cell] + abs(10000 - self._shares[cell]) // 100

    def _room(self, cell, share):
        """What it still takes until it is full: cells are balanced to be full together."""
        return (10000 - share) * self._sizes[cell] // 1000

    def _compare(self):
        """Who has most room to full; the others have by so much more than that to lose."""
        shares = self._shares
        if not self.knee and min(shares) < _LEAST_REST:
            return False
        at = 0
        most = self._room(0, shares[0])
        for cell in range(1, len(shares)):
            room = self._room(cell, shares[cell])
            if room > most:
                most = room
                at = cell
        self._most_sigma = self._whole_sigma(at)
        # A hidden cell may have more room still: who is above has more to lose.
        self._hidden = min(shares) <= self._hides
        if self.knee:
            # There a small error of table and sensor is a large one of the charge: rather full.
            doubted_dmv = 10 * self._mv[at] - self._shift_dmv + _DOUBT_DMV
            most = self._room(at, max(self._share(doubted_dmv), self.knee))
            if self._hidden:
                # A bound, and a sure one.
                self._most_sigma = _LEAST_SIGMA
                most = max(most, self._room(at, shares[at] + 2 * self._sigmas[at]))
        self._most = most
        return True

    def _learn(self, cell):
        share = self._shares[cell]
        if share <= self._hides:
            return
        tolerance = max(2 * 100 * _MATCHING_DMV // self._slopes[cell], _TOLERANCE)
        found = min(max(self._most - self._room(cell, share) - tolerance, 0), _MOST)
        apart_mas = found * self.unit_mas - self.left_mas[cell]
        if self._hidden and apart_mas < 0:
            return
        variance = self.variance[cell]
        sigma = self._whole_sigma(cell)
        its_own = sigma * sigma + self._most_sigma * self._most_sigma
        if its_own > 2 * variance and (
            not self.knee or (apart_mas // self.unit_mas) ** 2 <= 9 * its_own
        ):
            # Looks at one place all have the same error: many poor ones outweigh no good one.
            return
        gain = (variance << 8) // (variance + its_own)
        self.left_mas[cell] += (apart_mas >> 8) * gain
        if variance > its_own:
            # Looks that follow each other are alike: together no surer than one.
            self.variance[cell] = its_own

    def _show(self):
        if not self.known:
            return
        most = 0
        for cell in range(len(self.left_mas)):
            left_mas = self.left_mas[cell]
            most = max(most, left_mas)
            self.to_move_mah[cell] = (left_mas + 1800) // 3600
        self.spread_permille = (most // self.unit_mas + _TOLERANCE + 5) // 10
