"""The charge of every cell and of the pack, with its error bar: what the parts add up to.

A second's work comes in slices: second() takes the measurements, then step() until it says False.
Shares 0..1 of a cell's capacity; mAh; mV; mA. The pack has what its emptiest cell can still give,
and takes what its fullest can still take.
"""

from array import array
from math import sqrt

from micropython import const

from vigil.estimate import anchors as at
from vigil.estimate.cell_filter import CellFilter
from vigil.estimate.grid import SLICES as GRID_SLICES
from vigil.estimate.grid import Grid
from vigil.estimate.offset import OffsetLearner

# Where the figure comes from.
UNKNOWN = const(0)
BOOT = const(1)  # what was remembered or told
GRID = const(2)
FILTER = const(3)
AT_FULL = const(4)
AT_EMPTY = const(5)
AT_REST = const(6)
_OF_ANCHOR = (FILTER, AT_FULL, AT_EMPTY, AT_REST)

TURNS = const(8)  # seconds in which every cell has its turn
_GRID_S = 10.0
_WATCH_S = 60.0
_TRUSTED = 0.015  # sigma from which on the grid hands over
_SPREAD = 0.01  # between the cells, while nothing is known of it
_FROM_VOLTAGE = 0.7  # at most this share of the grid's sigma comes from what moves the voltage
_NEAR = 0.03
_DOUBT2 = 9.0  # squared sigmas
_DOUBT_WATCHES = const(10)
_BOOT_S = 600.0


class ChargeEstimate:
    def __init__(self, model, anchors, counter, cell_count):
        self.model = model
        self.anchors = anchors
        self.counter = counter
        self.offset = OffsetLearner(counter.capacity_mah)
        self.own_ua = 0  # drawn past the sensor
        self.cell_count = cell_count
        capacity_mah = counter.capacity_mah
        # Whoever measures a cell's capacity puts it here.
        self.capacities_mah = [float(capacity_mah)] * cell_count
        self.filters = [CellFilter(0.5, 0.3) for _ in range(cell_count)]
        self.grid = Grid(model)
        self.source = UNKNOWN
        self.doubts = 0  # how often the grid had to overrule the filters
        self.share = 0.5
        self.sigma = 0.3
        self.remaining_mah = 0
        self._disagreed = 0
        self._cells_mv = [0] * cell_count
        self._bled_mas = array("i", [0] * cell_count)
        self._counted_mah = 0.0
        self._looked_at = [0.0] * cell_count
        self._at_cell = 0
        self._turns_due = 0
        self._grid_due = 0
        self._steady = True
        self.lowest_mv = 0
        self._turn_s = [0.0] * TURNS
        self._since_grid_s = _WATCH_S
        self._boot_s = 0.0
        self._figure_due = False

    @property
    def known(self):
        return self.source != UNKNOWN

    @property
    def settled(self):
        """Every cell has a figure of its own."""
        return self.source > GRID or self.source == BOOT

    @property
    def soc_permille(self):
        return int(self.share * 1000.0 + 0.5)

    @property
    def sigma_permille(self):
        return int(self.sigma * 1000.0 + 0.5)

    def begin(self, share, sigma):
        """Told from outside: every cell stands there."""
        self.resume([share] * self.cell_count, sigma)

    def resume(self, shares, sigma):
        """The same, for each cell. The grid is told nothing: it is there to find this wrong."""
        for cell in range(self.cell_count):
            self._start_cell(cell, shares[cell], sigma, 0.0)
        self.grid.restart(self._mean_counted())
        self.source = BOOT
        self._boot_s = _BOOT_S
        self._figure()

    def cell_share(self, cell):
        share = self.filters[cell].offset + self._counted_mah / self.capacities_mah[cell]
        return 0.0 if share < 0.0 else 1.0 if share > 1.0 else share

    def bled(self, cell, mas):
        """So much, in mA * s, went through the cell's bleed resistor."""
        self._bled_mas[cell] += mas

    def second(
        self, cells_mv, now_ma, mams, elapsed_ms, temp_dc=None, both_open=False, steady=True
    ):
        """About a second has passed; begin its slices. None or any whole number for temp_dc.

        cells_mv: None while they are not known: counting goes on. now_ma: of the same moment;
        mams: what the counter has counted since the second before; steady: the voltages are
        the cells' own.
        """
        counter = self.counter
        if self.offset.look(both_open, mams, elapsed_ms):
            counter.add(0 - mams)
            now_ma = mean_ma = 0.0
        else:
            counter.add_ua(0 - self.offset.offset_ua, elapsed_ms)
            offset_ma = self.offset.offset_ua * 0.001
            now_ma -= offset_ma
            mean_ma = mams / elapsed_ms - offset_ma
        counter.add_ua(0 - self.own_ua, elapsed_ms)
        self._rebase()
        seconds = elapsed_ms * 0.001
        model = self.model
        model.warm(temp_dc)
        model.step(mean_ma, now_ma, seconds, self.offset.sigma_share)
        self._counted_mah = counter.mah()
        if cells_mv is None:
            steady = False
        else:
            self._take(cells_mv, now_ma, seconds)
        for turn in range(TURNS):
            self._turn_s[turn] += seconds
        self._whole_s = int(seconds + 0.5) or 1
        self._turns_due = min(self._whole_s, TURNS) if steady else 0
        self._since_grid_s += seconds
        self._grid_due = 0
        if self.grid.busy or self._since_grid_s >= (_WATCH_S if self.settled else _GRID_S):
            # The first look is had at once.
            self._grid_due = GRID_SLICES if self.source == UNKNOWN else 2 * self._whole_s
        self._steady = steady
        if self._boot_s > 0.0:
            self._boot_s -= seconds
        self._figure_due = True

    def _take(self, cells_mv, now_ma, seconds):
        lowest_mv = highest_mv = cells_mv[0]
        for cell in range(self.cell_count):
            cell_mv = self._cells_mv[cell] = cells_mv[cell]
            if cell_mv < lowest_mv:
                lowest_mv = cell_mv
            elif cell_mv > highest_mv:
                highest_mv = cell_mv
        self.lowest_mv = lowest_mv
        told = self.anchors.look(lowest_mv, highest_mv, now_ma, seconds, self._mean_counted())
        if told == at.FULL or told == at.EMPTY:
            self._use_anchor(told)

    def step(self):
        """One slice of the second's work; False once all is done."""
        if self._turns_due:
            self._take_turn()
            return True
        if self._grid_due:
            self._grid_due -= 1
            self._tend_grid()
            return True
        if self._figure_due:
            self._figure_due = False
            self._figure()
        return False

    # Slices.

    def _take_turn(self):
        """Let one of the cells whose turn it is look at its voltage."""
        cell = self._at_cell
        turn = cell % TURNS
        waits = not self.settled
        if cell < self.cell_count and not waits:
            counted = self._bring_up(cell, self._turn_s[turn])
            self.filters[cell].look(self.model, self._cells_mv[cell], counted)
        cell += TURNS
        if cell < self.cell_count:
            self._at_cell = cell
            return
        # The turn is over.
        self._turn_s[turn] = 0.0
        self._at_cell = (turn + 1) % TURNS
        self._turns_due -= 1

    def _bring_up(self, cell, seconds):
        """Tell a cell's filter what was counted; returns the counted share."""
        capacity_mah = self.capacities_mah[cell]
        bled_mas = self._bled_mas[cell]
        if bled_mas * 4 > capacity_mah:
            # Not smaller: the sum would be lost in the rounding.
            self._bled_mas[cell] = 0
            self.filters[cell].offset -= bled_mas / 3600.0 / capacity_mah
        counted = self._counted_mah / capacity_mah
        moved = counted - self._looked_at[cell]
        self._looked_at[cell] = counted
        self.filters[cell].moved(moved, seconds, self.offset.sigma_share)
        return counted

    def _tend_grid(self):
        grid = self.grid
        if grid.busy:
            grid.slice()
            if not grid.busy:
                self._heed_grid()
            return
        waits = self.source == UNKNOWN or self.source == GRID
        if self._steady and self._since_grid_s >= (_GRID_S if waits else _WATCH_S):
            total_mv = 0
            for cell_mv in self._cells_mv:
                total_mv += cell_mv
            grid.begin(total_mv / self.cell_count, self._since_grid_s, self._mean_counted())
            self._since_grid_s = 0.0

    def _heed_grid(self):
        grid = self.grid
        if self.source == UNKNOWN or self.source == GRID:
            self.source = GRID
            if grid.sigma < _TRUSTED:
                self._hand_over()
            return
        counted = self._mean_counted()
        mean = variance = 0.0
        for each in self.filters:
            mean += each.offset
            variance += each.variance
        apart = mean / self.cell_count + counted - grid.share(counted)
        variance = variance / self.cell_count + grid.sigma * grid.sigma
        self._disagreed = self._disagreed + 1 if apart * apart > _DOUBT2 * variance else 0
        if self._disagreed >= _DOUBT_WATCHES:
            self._disagreed = 0
            self.doubts += 1
            self._hand_over()

    def _hand_over(self):
        grid = self.grid
        share = grid.share(self._mean_counted())
        sigma = sqrt(grid.sigma * grid.sigma + _SPREAD * _SPREAD)
        model = self.model
        rise_mv = model.open_mv(share + _NEAR) - model.open_mv(share - _NEAR)
        # An error of the voltage is an error of the charge by the slope there.
        most = _FROM_VOLTAGE * sigma * rise_mv
        error_share = 2.0 * _NEAR * model.ocv_mv
        error_share = error_share / (sigma * rise_mv) if error_share < most else _FROM_VOLTAGE
        for cell in range(self.cell_count):
            self._start_cell(cell, share, sigma, error_share)
        self.source = FILTER

    def _start_cell(self, cell, share, sigma, error_share):
        counted = self._counted_mah / self.capacities_mah[cell]
        self._looked_at[cell] = counted
        self.filters[cell].start(share - counted, sigma, error_share)

    def _use_anchor(self, kind):
        share = at.SHARE[kind]
        sigma = at.SIGMA[kind]
        counted = self._mean_counted()
        self.grid.told(share, sigma + _SPREAD, counted)
        if self.source == UNKNOWN or self.source == GRID:
            self._hand_over()
        for cell in range(self.cell_count):
            cell_mv = self._cells_mv[cell]
            mine = cell_mv >= self.anchors.full_mv if kind == at.FULL else False
            if kind == at.EMPTY:
                mine = cell_mv <= self.anchors.empty_mv
            if mine:
                each = self.filters[cell]
                each.anchor(share, sigma, self._counted_mah / self.capacities_mah[cell])

    def _figure(self):
        """The pack's charge, limited by its cells, and where it comes from."""
        if self.source == UNKNOWN or self.source == GRID:
            share = self.grid.share(self._mean_counted())
            self.share = 0.0 if share < 0.0 else 1.0 if share > 1.0 else share
            self.sigma = self.grid.sigma
            self.remaining_mah = int(self.share * self.counter.capacity_mah)
            return
        least = most = 1e9
        for cell in range(self.cell_count):
            share = self.cell_share(cell)
            capacity_mah = self.capacities_mah[cell]
            can_give = share * capacity_mah
            can_take = capacity_mah - can_give
            if can_give < least:
                least, least_at = can_give, cell
            if can_take < most:
                most, most_at = can_take, cell
        share = self.share = least / (least + most)
        filters = self.filters
        self.sigma = (1.0 - share) * filters[least_at].sigma + share * filters[most_at].sigma
        self.remaining_mah = int(least)
        if self._boot_s <= 0.0 or self.anchors.now:
            self._boot_s = 0.0
            self.source = _OF_ANCHOR[self.anchors.now]

    def _mean_counted(self):
        return self._counted_mah / self.counter.capacity_mah

    def _rebase(self):
        """Keep the counted charge a small number, so that its float stays exact."""
        counter = self.counter
        mah = counter.capacity_mah
        while counter.moved[0] > mah:
            self._move_zero(mah)
        while counter.moved[0] < 0 - mah:
            self._move_zero(0 - mah)

    def _move_zero(self, mah):
        self.counter.rebase(mah)
        for cell in range(self.cell_count):
            share = mah / self.capacities_mah[cell]
            self.filters[cell].offset += share
            self._looked_at[cell] -= share
        share = mah / self.counter.capacity_mah
        self.anchors.moved_zero(share)
        self.grid.zero -= share
        self._counted_mah = self.counter.mah()
