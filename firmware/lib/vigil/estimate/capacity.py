"""How much each cell holds: what flowed between two moments whose voltages told the charge.

The pairs lie in a ring of 32, as they are kept in flash. Each cell's capacity is the slope
through its pairs: total least squares, since both ends have errors, with the rated capacity as a
weak guess before, and the current sensor's offset found beside it. Shares of the rated capacity.
"""

from array import array
from math import sqrt

from micropython import const

from vigil.estimate.told import NOT_TOLD, Told

RING = const(32)
_UNIT = const(25000)  # of moved charge, drift and charge told, in a record
_MOST = const(1.3)
_SIGMA_UNIT = const(5000)
_NOBODY = const(255)
_AGE_UNIT = const(100)
# A record: moved, drift, age (2 each), then for each cell charge between (2) and sigma of it.
_HEAD = const(6)
_CELL = const(3)

_FAR = const(0.3)  # moved between the two moments of a pair
_SAME = const(0.05)
_MOST_DRIFT = const(0.1)  # of what was moved
_GUESS = const(0.15)  # one sigma of the rated capacity
_NOISE2 = const(2.5e-7)  # of counting
_GAIN = const(0.01)  # of the current sensor, the same in all pairs
_COMMON2 = const(0.5)  # of the voltages' errors, the same in all pairs
_FADE = const(0.0003)  # of the capacity, a full cycle
_FORGET = const(0.97)  # a pair
_TURNS = const(4)
_PAIRS = const(2)  # a slice
_CELLS = const(4)  # a slice
_FIVE2 = const(25.0)  # squared sigmas
_DOUBTS = const(3)

_WAITING = const(0)
_PAIRING = const(1)


class Capacity:
    """`shares` and `sigmas` of each cell's capacity in the rated one; `pairs` they rest on."""

    def __init__(self, model, rated_mah, cell_count):
        self._rated_mah = rated_mah
        self.cell_count = cell_count
        self.shares = array("f", [1.0] * cell_count)
        self.sigmas = array("f", [_GUESS] * cell_count)
        self.pairs = bytearray(cell_count)
        # Through each cell's bleed resistor, mA * s.
        self.bled_mas = array("i", [0] * cell_count)
        self.size = _HEAD + _CELL * cell_count
        self.ring = bytearray(RING * self.size)
        self.count = 0
        self.next = 0
        self.doubts = 0  # pairs that contradict what was known
        self._doubted = 0
        self.news = False  # a pair has come
        self.fitted = False  # the figures have changed
        self._new = Told(model, cell_count)
        self._held = Told(model, cell_count)
        self._held_at = 0
        self._kind = 0
        self._cell = 0
        self._moved_mah = 0
        self._passed_mah = 0
        self._drift = 0.0
        self._phase = _WAITING
        self._fitting = -1  # cell
        self._begin_cell(-1)

    def moved(self, mah, drift):
        """The counter has moved by so many whole mAh; by how much more it may have, one sigma."""
        self._moved_mah += mah
        self._passed_mah += abs(mah)
        self._drift += drift

    def moment(self, kind, rest_mah):
        """About a second has passed; True if cells are to be looked at.

        kind: of vigil.estimate.anchors, 0 if the voltages tell nothing now; rest_mah: moved
        beside the whole mAh.
        """
        if self._phase != _WAITING:
            return False
        self._rest_mah = rest_mah
        if self._kind and kind != self._kind:
            self._kind = 0
            self._end()
            return False
        if kind and not self._kind:
            self._kind = kind
            self._new.forget()
        return kind != 0

    @property
    def busy(self):
        """A step is due, or the figures have changed."""
        return self._phase == _PAIRING or self._fitting >= 0 or self.fitted

    def look(self, cells_mv):
        """At the cell whose turn it is."""
        cell = self._cell
        mah = self._moved_mah + self._rest_mah - self.bled_mas[cell] / 3600.0
        self._new.look(cell, cells_mv[cell], mah / self._rated_mah)
        self._new_at = self._moved_mah
        self._cell = (cell + 1) % self.cell_count

    def step(self):
        """One slice of what there is to do; False if nothing is."""
        if self._phase == _PAIRING:
            self._pair()
        elif self._fitting >= 0:
            self._fit()
        else:
            return False
        return True

    def refit(self):
        """Every cell's figure anew, from the ring."""
        self._fitting = -1
        self._next_cell()

    # A moment has ended.

    def _end(self):
        new = self._new
        held = self._held
        if new.count * 2 < self.cell_count or not new.count:
            return
        moved = (self._new_at - self._held_at) / self._rated_mah
        size = abs(moved)
        if not held.count or size > _MOST or (size >= _FAR and self._drift > _MOST_DRIFT * size):
            self._take()
        elif size >= _FAR:
            self._phase = _PAIRING
            self._cell = 0
            self._off = self._fits = 0
        elif size < _SAME:
            self._merge(_GAIN * size + self._drift)
        elif self._quality(new) <= self._quality(held):
            self._take()

    def _quality(self, told):
        total = 0.0
        for sigma in told.sigmas:
            total += sigma
        return total

    def _take(self):
        """The new moment is the one from which on is counted."""
        self._new, self._held = self._held, self._new
        self._held_at = self._new_at
        self._drift = 0.0

    def _merge(self, moved_sigma):
        """Hardly anything has moved: of each cell the better one."""
        new = self._new
        held = self._held
        for cell in range(self.cell_count):
            sigma = held.sigmas[cell] + moved_sigma
            if sigma < new.sigmas[cell]:
                if new.sigmas[cell] == NOT_TOLD:
                    new.count += 1
                new.sigmas[cell] = sigma
                new.offsets[cell] = held.offsets[cell]
        self._take()

    def _pair(self):
        """Some cells of a new record; behind the last it counts or it does not."""
        new = self._new
        held = self._held
        ring = self.ring
        moved = (self._new_at - self._held_at) / self._rated_mah
        base = self.next * self.size
        for cell in range(self._cell, min(self._cell + _CELLS, self.cell_count)):
            at = base + _HEAD + _CELL * cell
            ring[at + 2] = _NOBODY
            here = new.sigmas[cell]
            there = held.sigmas[cell]
            if here == NOT_TOLD or there == NOT_TOLD:
                continue
            between = new.offsets[cell] - held.offsets[cell] + moved
            if abs(between) > _MOST:
                continue
            variance = here * here + there * there
            share = self.shares[cell]
            sigma = self.sigmas[cell] * between
            missed = moved - share * between
            spread2 = share * share * variance + self._drift * self._drift + sigma * sigma
            if missed * missed > _FIVE2 * (spread2 + _NOISE2):
                self._off += 1
                continue
            self._fits += 1
            _put(ring, at, int(between * _UNIT + (0.5 if between > 0.0 else -0.5)))
            ring[at + 2] = min(int(sqrt(variance) * _SIGMA_UNIT + 1.0), _NOBODY - 1)
        self._cell += _CELLS
        if self._cell < self.cell_count:
            return
        self._cell = 0
        self._phase = _WAITING
        if self._off > self._fits:
            # One such pair is a mistake; several in a row are another pack.
            self.doubts += 1
            self._doubted += 1
            if self._doubted >= _DOUBTS:
                self.forget()
        elif self._fits:
            self._doubted = 0
            age = self._passed_mah * _AGE_UNIT // (2 * self._rated_mah)
            _put(ring, base, int(moved * _UNIT + (0.5 if moved > 0.0 else -0.5)))
            _put(ring, base + 2, int(self._drift * _UNIT + 1.0))
            _put(ring, base + 4, min(age, 0x7FFF))
            self._passed_mah = 0
            self.next = (self.next + 1) % RING
            self.count = min(self.count + 1, RING)
            self.news = True
            self.refit()
        self._take()

    def forget(self):
        """Another pack: nothing of what was found is true any more."""
        self.count = self._doubted = 0
        for cell in range(self.cell_count):
            self.shares[cell] = 1.0
            self.sigmas[cell] = _GUESS
            self.pairs[cell] = 0
        self.news = self.fitted = True

    # A cell's capacity, a few pairs at a time.

    def _next_cell(self):
        self._fitting += 1
        if self._fitting < self.cell_count and self.count:
            self._begin_cell(self._fitting)
            return
        self.fitted = self.fitted or self._fitting > 0
        self._fitting = -1

    def _begin_cell(self, cell):
        self._turn = 0
        self._share = self.shares[cell] if cell >= 0 else 1.0
        self._begin_turn()

    def _begin_turn(self):
        self._at = 0
        self._found = 0
        self._weight = 1.0
        self._lag = 0.0
        guess = 1.0 / (_GUESS * _GUESS)
        self._xx = self._xy = guess
        self._xt = self._tx = self._ty = 0.0
        self._tt = 1.0
        self._errors = self._lags = self._weights = 0.0

    def _fit(self):
        ring = self.ring
        share = self._share
        for _ in range(_PAIRS):
            if self._at == self.count:
                self._end_turn()
                return
            base = (self.next - 1 - self._at) % RING * self.size
            at = base + _HEAD + _CELL * self._fitting
            if ring[at + 2] != _NOBODY:
                moved = _get(ring, base) / _UNIT
                # Towards more charge as towards less an offset adds to what is counted.
                drift = _get(ring, base + 2) / _UNIT
                between = _get(ring, at) / _UNIT
                sigma = ring[at + 2] / _SIGMA_UNIT
                faded = _FADE * self._lag * between
                variance = sigma * sigma + faded * faded
                trust = 1.0 / (_NOISE2 + share * share * variance)
                missed = moved - share * between
                # Where the pair most likely lies on the line.
                along = between + share * variance * trust * missed
                weight = trust * self._weight
                self._xx += weight * along * between
                self._xy += weight * along * moved
                self._xt += weight * along * drift
                self._tx += weight * drift * between
                self._tt += weight * drift * drift
                self._ty += weight * drift * moved
                size = weight * between * between
                self._errors += weight * abs(between) * sigma
                self._lags += size * self._lag
                self._weights += size
                self._found += 1
            self._weight *= _FORGET
            self._lag += _get(ring, base + 4) / _AGE_UNIT
            self._at += 1

    def _end_turn(self):
        cell = self._fitting
        if not self._found:
            self.pairs[cell] = 0
            self._next_cell()
            return
        whole = self._xx * self._tt - self._xt * self._tx
        share = self._share = (self._xy * self._tt - self._xt * self._ty) / whole
        self._turn += 1
        if self._turn < _TURNS:
            self._begin_turn()
            return
        common = share * self._errors / self._weights
        faded = _FADE * self._lags / self._weights
        variance = self._tt / whole + _COMMON2 * common * common
        variance += share * share * (_GAIN * _GAIN + faded * faded)
        self.shares[cell] = share
        self.sigmas[cell] = sqrt(variance)
        self.pairs[cell] = self._found
        self._next_cell()


def _put(data, at, value):
    data[at] = value & 0xFF
    data[at + 1] = value >> 8 & 0xFF


def _get(data, at):
    value = data[at] | data[at + 1] << 8
    return value - 0x10000 if value & 0x8000 else value
