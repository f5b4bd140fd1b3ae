"""Corrections of what the front end measures: docs/calibration.md.

The current's offset and gain, and a few mV of a few cells. While nothing is corrected the front
end is read past this; else in the same pass, before anything is judged. A new correction is the
mean of ten seconds against what its owner knows to be true, and refused if it is not plausible.
"""

import struct
from array import array

from micropython import const

from vigil import journal, kernels
from vigil.sample import (
    CELLS,
    CURRENT,
    HEALTH_AT,
    HEALTH_WORDS,
    SEQUENCE,
    UNKNOWN,
    record_at,
)

# What is asked for.
ZERO = const(1)  # no current flows: both switches are open
GAIN = const(2)  # this current flows
CELL = const(3)  # this cell has this voltage
UNDO = const(4)  # back to what was before, and forth
DRY = const(0x80)  # as well: measure and tell, take nothing over

# How it stands.
NOTHING = const(0)
AVERAGING = const(1)
TAKEN = const(2)
WOULD_TAKE = const(3)
SWITCHES_ON = const(10)
TOO_SMALL = const(11)
UNSTEADY = const(12)
IMPLAUSIBLE = const(13)
NOT_MEASURED = const(14)
LIMIT_UNSEEN = const(16)
BALANCES = const(17)
NONE_BEFORE = const(18)
NO_SUCH_CELL = const(19)

MOST_GAIN = const(1638)  # of 16384: a tenth
MOST_CELL_MV = const(20)
_LEAST_TRUE_MA = const(1000)
_LEAST_OFFSET_MA = const(200)
_WINDOW_MS = const(10000)
_LEAST_COUNT = const(10)
# So far apart may the values of a window be: cells in mV, currents in 1/16 of their mean.
_STEADY_MV = const(10)
_TICKS = const(0x3FFFFFFF)
_SCHEMA = const(1)
# Offset in mA, gain; then a byte for each cell.
_HEAD = "<ih"
_HEAD_SIZE = const(6)
_SET = const(48)
# Of the kernel's state.
_CURRENT_SEEN = const(1)
_OFFSET = const(3)
_GAIN = const(4)
_RAW = const(5)
_CELLS_SEEN = const(7)


class Calibration:
    """A board asks for it by `calibration`, this class."""

    period_ms = 100

    def __init__(self, bms):
        self._bms = bms
        self._front_end = bms.front_end
        capacity_mah = bms.board.capacity_mah
        self._most_offset_ma = max(_LEAST_OFFSET_MA, capacity_mah // 100)
        self._least_true_ma = max(_LEAST_TRUE_MA, capacity_mah // 50)
        self.kind = 0
        self.result = NOTHING
        self._cell = 0
        self._mean = 0
        self._would = 0
        self._dry = False
        self._true = 0
        sample = bms.sample
        self.cells = array("i", [0] * sample.cell_count)
        self._state = array(
            "i",
            (
                record_at(CURRENT) + SEQUENCE,
                0,
                HEALTH_AT + HEALTH_WORDS + sample.current_at,
                0,
                0,
                UNKNOWN,
                record_at(CELLS) + SEQUENCE,
                0,
                HEALTH_AT + HEALTH_WORDS + sample.cells_at,
                sample.cell_count,
            ),
        )
        self.lost = False  # what was remembered is not good
        self._now = self._before = bytes(_SET)
        self._store = bms.memory.another("trim", _SCHEMA, 2 * _SET)
        payload = self._store.load()
        if payload is not None:
            self._before = payload[_SET:]
        elif self._store.bad_copies:
            self.lost = True
        if payload is None or not self._use(payload[:_SET]):
            self.lost = self.lost or payload is not None
            self._use(bytes(_SET))
        if self.lost:
            bms.keeper.note(journal.CALIBRATION)

    # The cycle.

    def read(self, sample, now_ms):
        """The front end's, with what is new corrected; also where a part of it has failed."""
        try:
            self._front_end.read(sample, now_ms)
        finally:
            kernels.correct(sample.words, self.cells, self._state)

    def seen_ma(self, highest_ma):
        """Of a front end that shows currents up to this: what is shown of either direction."""
        least_ma = highest_ma - abs(self.offset_ma)
        return least_ma + ((least_ma >> 4) * self.gain >> 10)

    # What is asked.

    @property
    def is_busy(self):
        return self.result == AVERAGING

    def begin(self, kind, cell, true):
        """Average from now on; the result comes in ten seconds, or at once if it is refused."""
        self._dry = kind & DRY != 0
        self.kind = kind = kind & ~DRY
        self._cell = cell
        self._true = true
        self._mean = self._would = 0
        self.result = AVERAGING
        if kind == UNDO:
            if self._before == self._now:
                self.result = NONE_BEFORE
            else:
                self._take(self._before)
            return
        if kind == GAIN and abs(true) < self._least_true_ma:
            self.result = TOO_SMALL
        elif kind == CELL and cell > self._bms.sample.cell_count:
            self.result = NO_SUCH_CELL
        else:
            self.result = self._spoiled() or AVERAGING
        self._begun = False

    def step(self, now_ms):
        """A slow task."""
        if self.result != AVERAGING:
            return False
        if not self._begun:
            self._begun = True
            self._since_ms = now_ms
            self._sequence = self._group_sequence()
            self._count = self._sum = 0
            return False
        spoiled = self._spoiled()
        if spoiled:
            self.result = spoiled
            return False
        sequence = self._group_sequence()
        if sequence != self._sequence:
            self._sequence = sequence
            value = self._raw()
            if value == UNKNOWN:
                self.result = NOT_MEASURED
                return False
            if not self._count:
                self._low = self._high = value
            self._low = min(self._low, value)
            self._high = max(self._high, value)
            self._sum += value
            self._count += 1
        if (now_ms - self._since_ms) & _TICKS >= _WINDOW_MS:
            self._finish()
        return False

    def seconds_left(self, now_ms):
        if self.result != AVERAGING or not self._begun:
            return _WINDOW_MS // 1000 if self.result == AVERAGING else 0
        left_ms = _WINDOW_MS - ((now_ms - self._since_ms) & _TICKS)
        return max(0, left_ms + 999) // 1000

    def _spoiled(self):
        """Why this is no moment for it; 0 if it is."""
        bms = self._bms
        front_end = self._front_end
        if not front_end.configured:
            return NOT_MEASURED
        if self.kind == ZERO and (front_end.charge_is_on or front_end.discharge_is_on):
            return SWITCHES_ON
        if self.kind == CELL and bms.balancer.active:
            return BALANCES
        return 0

    def _group_sequence(self):
        return self._bms.sample.sequence(CELLS if self.kind == CELL else CURRENT)

    def _raw(self):
        """As the front end gave it."""
        sample = self._bms.sample
        corrects = self._bms.reader is self
        if self.kind != CELL:
            return self._state[_RAW] if corrects else sample.values[sample.current_at]
        value = sample.cell_values[self._cell - 1]
        return value if value == UNKNOWN else value - self.cells[self._cell - 1]

    def _finish(self):
        count = self._count
        if count < _LEAST_COUNT:
            self.result = NOT_MEASURED
            return
        mean = self._mean = (self._sum + count // 2) // count
        apart = self._high - self._low
        offset_ma = self.offset_ma
        gain = self.gain
        cells = list(self.cells)
        if self.kind == ZERO:
            offset_ma = self._would = mean
            steady = self._most_offset_ma
            plausible = abs(mean) <= self._most_offset_ma
        elif self.kind == GAIN:
            shown = mean - offset_ma
            steady = abs(mean) // 16
            # Beyond a quarter it is not worth the division, nor room enough for it.
            plausible = shown != 0 and abs(self._true - shown) < abs(shown) // 4
            if plausible:
                gain = self._would = _divided((self._true - shown) * 1024, shown, 16)
                plausible = abs(gain) <= MOST_GAIN
        else:
            steady = _STEADY_MV
            self._would = cells[self._cell - 1] = self._true - mean
            plausible = abs(self._would) <= MOST_CELL_MV
        if apart > steady:
            self.result = UNSTEADY
        elif not plausible:
            self.result = IMPLAUSIBLE
        else:
            packed = bytearray(_SET)
            struct.pack_into(_HEAD, packed, 0, offset_ma, gain)
            for cell in range(len(cells)):
                packed[_HEAD_SIZE + cell] = cells[cell] & 0xFF
            self._take(bytes(packed))

    def _take(self, packed):
        """A whole set, if every limit can still be seen with it."""
        bms = self._bms
        now = self._now
        if not self._use(packed) or bms.unmeasurable():
            self._use(now)
            self.result = LIMIT_UNSEEN
            return
        if self._dry:
            self._use(now)
            self.result = WOULD_TAKE
            return
        self._before = now
        self._store.stage(self._now + now)
        self.lost = False
        self.result = TAKEN
        bms.keeper.note(journal.CALIBRATION, self.kind, self._cell, self._would)

    def _use(self, packed):
        """False, and nothing is used, if a value is beyond what may be corrected."""
        offset_ma, gain = struct.unpack(_HEAD, packed[:_HEAD_SIZE])
        if abs(offset_ma) > self._most_offset_ma or abs(gain) > MOST_GAIN:
            return False
        mvs = [(byte ^ 0x80) - 0x80 for byte in packed[_HEAD_SIZE:]]
        count = len(self.cells)
        # Of a board with more cells, these were others.
        if max(mvs) > MOST_CELL_MV or min(mvs) < 0 - MOST_CELL_MV or any(mvs[count:]):
            return False
        self._now = packed
        self.offset_ma = offset_ma
        self.gain = gain
        for cell in range(count):
            self.cells[cell] = mvs[cell]
        state = self._state
        state[_OFFSET] = offset_ma
        state[_GAIN] = gain
        sample = self._bms.sample
        # What is there already stays as it was corrected, or not, before.
        state[_CURRENT_SEEN] = sample.sequence(CURRENT)
        state[_CELLS_SEEN] = sample.sequence(CELLS)
        self._bms.reader = self if offset_ma or gain or any(mvs) else self._front_end
        return True

    # For a link.

    def answer(self, now_ms):
        """How it stands."""
        told = struct.pack(
            ">ihBBBiiBB",
            self.offset_ma,
            self.gain,
            self.kind,
            self.result,
            self._cell,
            self._mean,
            self._would,
            self.seconds_left(now_ms),
            (self._before != self._now) | self.lost << 1,
        )
        for cell in range(len(self.cells)):
            if self.cells[cell]:
                told += struct.pack(">Bb", cell + 1, self.cells[cell])
        return told


def _divided(number, by, factor):
    """number * factor / by, rounded, where the product alone would be too long."""
    whole = number // by
    rest = number - whole * by
    return whole * factor + (rest * factor + by // 2) // by
