"""The charge of every cell and of the pack, with its error bar: what the parts add up to.

A second's work comes in slices: second() takes the measurements, then step() until it says False.
Shares 0..1 of a cell's capacity; mAh; mV; mA. The pack has what its emptiest cell can still give,
and takes what its fullest can still take.
"""

from array import array
from math import sqrt

from micropython import const

from vigil.estimate import anchors as at
from vigil.estimate.cell_filter import CellFilters
from vigil.estimate.grid import GUESSES, Grid
from vigil.estimate.grid import SLICES as GRID_SLICES
from vigil.estimate.offset import OffsetLearner
from vigil.sample import UNKNOWN as NOT_KNOWN

# Where the figure comes from; while an anchor holds, FILTER + its kind.
UNKNOWN = const(0)
BOOT = const(1)  # what was remembered or told
GRID = const(2)
FILTER = const(3)
AT_FULL = const(4)
AT_EMPTY = const(5)
AT_REST = const(6)

_TURNS = const(8)  # seconds in which every cell has its turn; of more cells twice as many
_GRID_S = const(10.0)
_WATCH_S = const(60.0)
_TRUSTED = const(0.015)  # sigma from which on the grid hands over
_SPREAD = const(0.01)  # between the cells, while nothing is known of it
# At most this share of the grid's sigma comes from what moves the voltage.
_FROM_VOLTAGE = const(0.7)
_NEAR = const(0.03)
_DOUBT2 = const(9.0)  # squared sigmas
_ODD2 = const(25.0)
_DOUBT_WATCHES = const(10)
_BOOT_S = const(600.0)
_FULL_SIGMA = const(0.01)
_EMPTY_SIGMA = const(0.02)


class ChargeEstimate:
    def __init__(self, model, anchors, counter, cell_count):
        self.model = model
        self.anchors = anchors
        self.counter = counter
        self.offset = OffsetLearner(counter.capacity_mah)
        self.own_ua = 0  # drawn past the sensor
        self.cell_count = cell_count
        # Whoever measures a cell's capacity puts it here.
        self.capacities_mah = array("f", [counter.capacity_mah] * cell_count)
        self.filters = CellFilters(cell_count)
        self.grid = Grid(model)
        self.source = UNKNOWN
        self.known = False
        self.settled = False  # every cell has a figure of its own
        self.doubts = 0  # how often the grid had to overrule the filters
        self.share = 0.5
        self.sigma = 0.3
        # What the emptiest cell can give, and the fullest take.
        self.give_mah = self.take_mah = 0.5 * counter.capacity_mah
        # The same for links.
        self.soc_permille = self.sigma_permille = self.remaining_mah = NOT_KNOWN
        self.usable_mah = 0
        self.since_s = -1  # since the latest anchor, -1 if there was none
        # Through each cell's bleed resistor since its last turn, mA * s.
        self.bled_mas = array("i", [0] * cell_count)
        self.lowest_mv = 0
        self._disagreed = 0
        self.cells_mv = array("f", [0.0] * cell_count)
        self._counted_mah = self._counted = 0.0  # since the counter's zero, and as a share
        self._looked_at = array("f", [0.0] * cell_count)
        self._at_cell = 0
        self._turns_due = 0
        self._grid_due = 0
        self._steady = True
        self._turn_s = array("f", [0.0] * (_TURNS if cell_count <= _TURNS else 2 * _TURNS))
        self._since_grid_s = _WATCH_S
        self._boot_s = 0.0
        self._figure_due = False

    def resume(self, shares, sigma):
        """Told from outside, for each cell. The grid is told nothing: it is to find this wrong."""
        for cell in range(self.cell_count):
            self._start_cell(cell, shares[cell], sigma, 0.0, 0.0)
        self.grid.restart(self._counted)
        self.source = BOOT
        self.settled = True
        self._boot_s = _BOOT_S
        self._figure()

    def cell_share(self, cell):
        share = self.filters.offsets[cell] + self._counted_mah / self.capacities_mah[cell]
        return min(max(share, 0.0), 1.0)

    def second(
        self, cells_mv, now_ma, mams, elapsed_ms, temp_dc=None, both_open=False, steady=True
    ):
        """About a second has passed; begin its slices. None or any whole number for temp_dc.

        cells_mv: None while they are not known: counting goes on. now_ma: of the same moment;
        mams: what the counter has counted since the second before; steady: the voltages are
        the cells' own.
        """
        counter = self.counter
        offset = self.offset
        if offset.look(both_open, mams, elapsed_ms):
            counter.add(0 - mams)
            now_ma = mean_ma = 0.0
        else:
            counter.add_ua(0 - offset.offset_ua, elapsed_ms)
            offset_ma = offset.offset_ua * 0.001
            now_ma -= offset_ma
            mean_ma = mams / elapsed_ms - offset_ma
        counter.add_ua(0 - self.own_ua, elapsed_ms)
        self._rebase()
        seconds = elapsed_ms * 0.001
        model = self.model
        model.warm(temp_dc)
        model.step(mean_ma, now_ma, seconds, offset.sigma_share)
        told = at.NONE
        if cells_mv is None:
            steady = False
        else:
            lowest_mv = highest_mv = cells_mv[0]
            kept_mv = self.cells_mv
            for cell in range(self.cell_count):
                cell_mv = kept_mv[cell] = cells_mv[cell]
                if cell_mv < lowest_mv:
                    lowest_mv = cell_mv
                elif cell_mv > highest_mv:
                    highest_mv = cell_mv
            self.lowest_mv = lowest_mv
            told = self.anchors.look(lowest_mv, highest_mv, now_ma, seconds, self._counted)
        if told == at.FULL or told == at.EMPTY:
            self._use_anchor(told == at.FULL)
        turn_s = self._turn_s
        for turn in range(len(turn_s)):
            turn_s[turn] += seconds
        whole_s = int(seconds + 0.5) or 1
        self._turns_due = min(whole_s, len(turn_s)) if steady else 0
        self._since_grid_s += seconds
        self._grid_due = 0
        if self.grid.at < GUESSES or self._since_grid_s >= (_WATCH_S if self.settled else _GRID_S):
            # The first look is had at once. Beside the cells' looks is time for one a second.
            self._grid_due = whole_s if self.settled else 3 * whole_s
            if self.source == UNKNOWN:
                self._grid_due = GRID_SLICES
        self._steady = steady
        if self._boot_s > 0.0:
            self._boot_s -= seconds
        self._figure_due = True

    @property
    def watches(self):
        """The grid looks this second, and could do so in another."""
        return self.settled and self._grid_due > 0

    def put_watch_off(self):
        self._grid_due = 0

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

    def take_capacity(self, cell, capacity_mah):
        """A measured one; the cell's charge stays what it is."""
        before = self.capacities_mah[cell]
        self.capacities_mah[cell] = capacity_mah
        apart = self._counted_mah / before - self._counted_mah / capacity_mah
        self.filters.offsets[cell] += apart
        self._looked_at[cell] -= apart

    # Slices.

    def _take_turn(self):
        """Let one of the cells whose turn it is look at its voltage."""
        cell = self._at_cell
        turns = len(self._turn_s)
        turn = cell % turns
        if cell < self.cell_count and self.settled:
            filters = self.filters
            capacity_mah = self.capacities_mah[cell]
            bled_mas = self.bled_mas[cell]
            if bled_mas * 4 > capacity_mah:
                # Not smaller: the sum would be lost in the rounding.
                self.bled_mas[cell] = 0
                filters.offsets[cell] -= bled_mas / 3600.0 / capacity_mah
            counted = self._counted_mah / capacity_mah
            moved = counted - self._looked_at[cell]
            self._looked_at[cell] = counted
            filters.moved(cell, moved, self._turn_s[turn], self.offset.sigma_share)
            filters.look(cell, self.model, self.cells_mv[cell], counted)
        cell += turns
        if cell < self.cell_count:
            self._at_cell = cell
            return
        # The turn is over.
        self._turn_s[turn] = 0.0
        self._at_cell = (turn + 1) % turns
        self._turns_due -= 1

    def _tend_grid(self):
        grid = self.grid
        if grid.at < GUESSES:
            grid.slice()
            if grid.at == GUESSES:
                self._heed_grid()
        elif self._steady and self._since_grid_s >= (_WATCH_S if self.settled else _GRID_S):
            mean_mv = sum(self.cells_mv) / self.cell_count
            grid.begin(mean_mv, self._since_grid_s, self._counted, self.offset.sigma_share)
            self._since_grid_s = 0.0

    def _heed_grid(self):
        grid = self.grid
        if not self.settled:
            self.source = GRID
            if grid.sigma < _TRUSTED:
                self._hand_over()
            return
        filters = self.filters
        apart = variance = 0.0
        for cell in range(self.cell_count):
            apart += filters.offsets[cell]
            variance += filters.variances[cell]
        apart = apart / self.cell_count + self._counted - grid.share(self._counted)
        variance = variance / self.cell_count + grid.sigma * grid.sigma
        # Only if the voltage is odder than a filter heeds: the grid may be wrong, too.
        doubtful = apart * apart > _DOUBT2 * variance and filters.surprise > _ODD2
        self._disagreed = self._disagreed + 1 if doubtful else 0
        if self._disagreed >= _DOUBT_WATCHES:
            self._disagreed = 0
            self.doubts += 1
            self._hand_over()

    def _hand_over(self):
        grid = self.grid
        share = grid.share(self._counted)
        sigma = sqrt(grid.sigma * grid.sigma + _SPREAD * _SPREAD)
        model = self.model
        rise_mv = model.open_mv(share + _NEAR) - model.open_mv(share - _NEAR)
        # An error of the voltage is an error of the charge by the slope there.
        most = _FROM_VOLTAGE * sigma * rise_mv
        error_share = 2.0 * _NEAR * model.ocv_mv
        error_share = error_share / (sigma * rise_mv) if error_share < most else _FROM_VOLTAGE
        for cell in range(self.cell_count):
            self._start_cell(cell, share, sigma, error_share, grid.drift)
        self.source = FILTER
        self.settled = True

    def _start_cell(self, cell, share, sigma, error_share, drift):
        counted = self._counted_mah / self.capacities_mah[cell]
        self._looked_at[cell] = counted
        self.filters.start(cell, share - counted, sigma, error_share, drift)

    def _use_anchor(self, full):
        share = 1.0 if full else 0.0
        sigma = _EMPTY_SIGMA
        if full:
            # What the charger leaves out when it ends early, or against a cold resistance.
            short = self.model.short_of_full(max(self.cells_mv))
            sigma = sqrt(_FULL_SIGMA * _FULL_SIGMA + short * short)
        anchors = self.anchors
        self.grid.told(share, sigma + _SPREAD, self._counted)
        if not self.settled:
            self._hand_over()
        for cell in range(self.cell_count):
            cell_mv = self.cells_mv[cell]
            if cell_mv >= anchors.full_mv if full else cell_mv <= anchors.empty_mv:
                counted = self._counted_mah / self.capacities_mah[cell]
                self.filters.anchor(cell, share, sigma, counted)

    def _figure(self):
        """The pack's charge, limited by its cells, and where it comes from."""
        if not self.settled:
            self.share = min(max(self.grid.share(self._counted), 0.0), 1.0)
            self.sigma = self.grid.sigma
            least = self.share * self.counter.capacity_mah
            most = self.counter.capacity_mah - least
        else:
            least = most = 1e9
            offsets = self.filters.offsets
            capacities_mah = self.capacities_mah
            counted_mah = self._counted_mah
            for cell in range(self.cell_count):
                capacity_mah = capacities_mah[cell]
                can_give = offsets[cell] * capacity_mah + counted_mah
                if can_give < 0.0:
                    can_give = 0.0
                elif can_give > capacity_mah:
                    can_give = capacity_mah
                if can_give < least:
                    least = can_give
                    least_at = cell
                can_take = capacity_mah - can_give
                if can_take < most:
                    most = can_take
                    most_at = cell
            self.usable_mah = int(least + most)
            share = self.share = least / (least + most)
            sigma = (1.0 - share) * sqrt(self.filters.variances[least_at])
            self.sigma = sigma + share * sqrt(self.filters.variances[most_at])
            now = self.anchors.now
            if self._boot_s <= 0.0 or now:
                self._boot_s = 0.0
                self.source = FILTER + now
        self.give_mah = least
        self.take_mah = most
        if self.source != UNKNOWN:
            self.known = True
            self.since_s = self.anchors.since_s
            self.soc_permille = int(self.share * 1000.0 + 0.5)
            self.sigma_permille = int(self.sigma * 1000.0 + 0.5)
            self.remaining_mah = int(least)

    def _rebase(self):
        """Keep the counted charge a small number, so that its float stays exact."""
        counter = self.counter
        while abs(counter.moved[0]) > counter.capacity_mah:
            mah = counter.capacity_mah if counter.moved[0] > 0 else 0 - counter.capacity_mah
            counter.moved[0] -= mah
            for cell in range(self.cell_count):
                share = mah / self.capacities_mah[cell]
                self.filters.offsets[cell] += share
                self._looked_at[cell] -= share
            share = mah / counter.capacity_mah
            for kind in range(len(self.anchors.told_at)):
                self.anchors.told_at[kind] -= share
            self.grid.zero -= share
        self._counted_mah = counter.mah()
        self._counted = self._counted_mah / counter.capacity_mah
