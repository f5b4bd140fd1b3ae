"""What the pack has been through: charge, energy, time, harmful events. Never decreases.

A slow task, of whole numbers only; one record in the store, so that a power cut costs what came
after the latest one and no more.
"""

from array import array

from micropython import const

from vigil import limits, memory, store
from vigil.extremes import Extremes
from vigil.rainflow import WORDS as CYCLES_WORDS
from vigil.rainflow import Rainflow
from vigil.sample import CELLS, CURRENT, TEMPS, UNKNOWN
from vigil.time_bins import RESTS_BELOW, TimeBins

_SCHEMA = const(2)
# Another record, so that a version that only knows the one before goes on with that.
_NAME = "life"
_BEFORE = ("totals", 1)
_WORDS_BEFORE = const(51)
# Places in the record. Charge in 0.1 Ah: in, out, in below 5 degC; Wh in and out.
_MOVED = const(0)
_COLD = const(2)
_ENERGY = const(3)
# What does not make one of these yet: mAh, and 0.1 Wh.
_RESTS = const(5)
_SECONDS = const(10)
# Deeply discharged, overcharged, too hot, too cold, charged too hot, charged too cold: how
# often, and for how many seconds.
EVENTS = const(6)
_TIMES = const(11)
_LASTED = const(17)
# Seconds by what was; anchors; extremes; cycles.
_BINS = const(23)
_ANCHORS = const(121)
_EXTREMES = const(122)
_CYCLES = const(142)
_WORDS = _CYCLES + CYCLES_WORDS

_MOST = const(0x1FFFFFFE)  # stays there: beyond it is what is not known
_MAMS_PER_MAH = const(3600000)
_COLD_DC = const(50)
_APART_S = const(60)  # an event that comes again sooner is the same one
_KEEP_S = const(600)
_KEEP_STILL_S = const(3600)
_SECOND_MS = const(1000)
_GAP_MS = const(60000)  # longer than this nobody looked
_TICKS = const(0x3FFFFFFF)
_UNKNOWN_CV = const(0x1FFFFFFF // 10)

# Whose trips are harmful.
_ROWS = (
    limits.CELL_UNDER_VOLTAGE,
    limits.CELL_OVER_VOLTAGE,
    limits.DISCHARGE_OVER_TEMPERATURE,
    limits.DISCHARGE_UNDER_TEMPERATURE,
    limits.CHARGE_OVER_TEMPERATURE,
)


class Totals:
    period_ms = 80  # so that the energy is counted ten times a second, whatever waits before it

    def __init__(self, bms):
        self._bms = bms
        self._store = bms.memory.another(_NAME, _SCHEMA, 4 * _WORDS)
        words = self._words = array("i", [0] * _WORDS)
        view = memoryview(words)
        for at in range(_EXTREMES, _CYCLES):
            words[at] = UNKNOWN
        self._cycles = Rainflow(view[_CYCLES:], bms.counter.capacity_mah)
        self._cycles.new()
        self._recall()
        extremes = self._extremes = Extremes(bms, view[_EXTREMES:_CYCLES], words[_SECONDS])
        # Read by the points.
        self.moved_dah = view[_MOVED:_ENERGY]
        self.moved_wh = view[_ENERGY:_RESTS]
        self.event_counts = view[_TIMES:_LASTED]
        self.event_s = view[_LASTED:_BINS]
        self._bins = TimeBins(bms, view[_BINS:_ANCHORS])
        self.by_temp_s, self.by_charge_s, self.by_rate_s, *others = self._bins.views
        self.by_voltage_s, self.by_both_s, self.outside_s = others
        self.records = extremes.records
        self.record_s = extremes.record_s
        self.halves = self._cycles.halves
        self.turns = self._cycles.turns
        self._open = bytearray(EVENTS)  # seconds for which an event is still the same one
        counter = bms.counter
        # Of the second that runs, in and out: mA * ms that energy was made of, and 0.1 W * ms.
        self._charged = counter.charged
        self._discharged = counter.discharged
        self._seen_in = self._seen_out = 0
        self._dwms_in = self._dwms_out = 0
        self._small = array("i", [0] * (_SECONDS - _RESTS))
        self._values = bms.sample.values
        self._stack_at = bms.sample.stack_at
        self._stack_cv = 0
        self._due = True
        self._rows = bytes([limits.position(row_id) for row_id in _ROWS])
        self._begun = False
        self._closed = False
        self._closing = False
        self._last_ms = 0
        self._rest_ms = 0
        self._since_kept_s = 0
        self._kept_moved = words[_MOVED] + words[_MOVED + 1]
        anchors = getattr(bms.charge, "anchors", None)
        self._anchors = anchors
        self._anchors_seen = anchors.count if anchors else 0
        counter.totals = self

    def _recall(self):
        """What was kept; of two records, of each number the larger: none may decrease."""
        words = self._words
        store_before = store.Store(self._bms.memory.store._storage, *_BEFORE, 4 * _WORDS_BEFORE)
        data = self._store.load()
        before = store_before.load()
        if data is not None:
            words[:] = array("i", data)
        if before is not None:
            before = array("i", before)
            # A version from before has gone on with its own.
            if before[_SECONDS] > words[_SECONDS]:
                for at in range(_WORDS_BEFORE):
                    words[at] = max(words[at], before[at])
        if self._store.origin == store.LOST or (
            data is None and before is None and store_before.origin == store.LOST
        ):
            self._bms.memory.flags |= memory.TOTALS_LOST

    @property
    def seconds(self):
        return self._words[_SECONDS]

    @property
    def anchors(self):
        return self._words[_ANCHORS]

    @property
    def cycles(self):
        """Full equivalent cycles."""
        words = self._words
        return (words[_MOVED] + words[_MOVED + 1]) // max(self._bms.counter.capacity_mah // 50, 1)

    def step(self, now_ms):
        """Ten times a second the energy, and once, as a slice of its own, everything."""
        if self._due:
            return self._second(now_ms)
        # Charge times the voltage that the stack has now, in 10 mV: small numbers.
        stack_cv = self._values[self._stack_at] // 10
        if stack_cv >= _UNKNOWN_CV:
            stack_cv = self._stack_cv
        # What makes no thousandth of an ampere-second waits, as does what lies on a whole mAh.
        pair = self._charged
        rest = pair[1]
        if rest:
            whole = (pair[0] * _MAMS_PER_MAH + rest - self._seen_in) // 1000
            self._seen_in += whole * 1000
            self._dwms_in += whole * stack_cv // 10
        pair = self._discharged
        rest = pair[1]
        if rest:
            whole = (pair[0] * _MAMS_PER_MAH + rest - self._seen_out) // 1000
            self._seen_out += whole * 1000
            self._dwms_out += whole * stack_cv // 10
        if (now_ms - self._last_ms) & _TICKS < _SECOND_MS:
            return False
        self._due = True
        return True

    def _second(self, now_ms):
        if self._closing:
            self._due = self._closing = self._cycles.close()
            return self._due
        self._due = False
        bms = self._bms
        elapsed_ms = (now_ms - self._last_ms) & _TICKS
        self._last_ms = now_ms
        if not self._begun:
            self._begun = True
            elapsed_ms = 0
        if elapsed_ms > _GAP_MS:
            elapsed_ms = 0
        stack_cv = self._values[self._stack_at] // 10
        if stack_cv < _UNKNOWN_CV:
            self._stack_cv = stack_cv
        self._take_charge(elapsed_ms)
        self._rest_ms += elapsed_ms
        whole_s = self._rest_ms // 1000
        self._rest_ms -= whole_s * 1000
        if not whole_s:
            return False
        self._add(_SECONDS, whole_s)
        sample = bms.sample
        current_ma = sample.values[sample.current_at]
        if not self._is_known(CURRENT):
            current_ma = UNKNOWN
        cells = self._is_known(CELLS)
        warm = self._is_known(TEMPS)
        harms = self._harms(current_ma, cells, warm)
        news = (harms or max(self._open)) and self._count_events(harms, whole_s)
        self._bins.note(current_ma, cells, warm, whole_s)
        self._extremes.look(self._words[_SECONDS], cells, warm, current_ma)
        if self._anchors:
            count = self._anchors.count
            self._add(_ANCHORS, count - self._anchors_seen)
            self._anchors_seen = count
        self._since_kept_s += whole_s
        moved = self._words[_MOVED] + self._words[_MOVED + 1]
        long_s = _KEEP_STILL_S if moved == self._kept_moved else _KEEP_S
        if news or self._since_kept_s >= long_s:
            self.keep()
        self._due = self._closing = self._cycles.close()
        return self._due

    def keep(self):
        """What is known now is to be written."""
        words = self._words
        self._since_kept_s = 0
        self._kept_moved = words[_MOVED] + words[_MOVED + 1]
        self._store.stage(bytes(words))

    def _add(self, at, count):
        self._words[at] = min(self._words[at] + count, _MOST)

    def _take_charge(self, elapsed_ms):
        """What has flowed since, less what the sensor shows while nothing flows."""
        bms = self._bms
        mams = [_taken(self._charged), _taken(self._discharged)]
        self._seen_in -= mams[0]
        self._seen_out -= mams[1]
        dwms = [self._dwms_in, self._dwms_out]
        self._dwms_in = self._dwms_out = 0
        front_end = bms.front_end
        closed = front_end.charge_is_on or front_end.discharge_is_on
        flowed = closed or self._closed
        self._closed = closed
        if not flowed:
            # It is the sensor's own.
            return
        offset = getattr(bms.charge, "offset", None)
        if offset is not None:
            off_mams = offset.offset_ua * elapsed_ms // 1000
            _shift(mams, off_mams)
            _shift(dwms, off_mams * self._stack_cv // 10000)
        for side in (0, 1):
            self._carry(_MOVED + side, side, mams[side], 100)
            self._carry(_ENERGY + side, 3 + side, dwms[side], 10)
        sample = bms.sample
        if sample.sequence(TEMPS) and sample.lowest(TEMPS) < _COLD_DC:
            self._carry(_COLD, 2, mams[0], 100)
        self._cycles.move(mams[0] - mams[1], bms.charge.soc_permille)

    def _carry(self, at, rest, amount, whole):
        """Amounts of 1 / 3,600,000 of what `whole` make one of this word."""
        amount += self._small[rest]
        carried = amount // _MAMS_PER_MAH
        self._small[rest] = amount - carried * _MAMS_PER_MAH
        words = self._words
        carried += words[_RESTS + rest]
        words[_RESTS + rest] = carried % whole
        self._add(at, carried // whole)

    def _harms(self, current_ma, cells, warm):
        """A bit for each event that is there now."""
        sample = self._bms.sample
        trip = self._bms.table.trip
        rows = self._rows
        harms = 0
        if cells:
            if sample.lowest(CELLS) < trip[rows[0]]:
                harms |= 1
            if sample.highest(CELLS) > trip[rows[1]]:
                harms |= 2
        if warm:
            hottest_dc = sample.highest(TEMPS)
            coldest_dc = sample.lowest(TEMPS)
            if hottest_dc > trip[rows[2]]:
                harms |= 4
            if coldest_dc < trip[rows[3]]:
                harms |= 8
            if self._bms.counter.capacity_mah // RESTS_BELOW < current_ma < UNKNOWN:
                if hottest_dc > trip[rows[4]]:
                    harms |= 16
                if coldest_dc < self._bms.chemistry.plating_dc:
                    harms |= 32
        return harms

    def _count_events(self, harms, whole_s):
        """True if one has begun."""
        news = False
        for event in range(EVENTS):
            if harms >> event & 1:
                if not self._open[event]:
                    self._add(_TIMES + event, 1)
                    news = True
                self._open[event] = _APART_S
                self._add(_LASTED + event, whole_s)
            else:
                self._open[event] = max(self._open[event] - whole_s, 0)
        return news

    def _is_known(self, group):
        sample = self._bms.sample
        if not sample.sequence(group) or sample.unknown(group):
            return False
        return sample.age_ms(group) <= sample.stale_ms[group]


def _taken(pair):
    """What was counted, which begins anew."""
    amount = pair[0] * _MAMS_PER_MAH + pair[1]
    pair[0] = pair[1] = 0
    return amount


def _shift(sides, off):
    """Take off what was added all the time, whichever way it flowed."""
    if sides[0] >= sides[1]:
        sides[0] -= off
    else:
        sides[1] += off
    for side in (0, 1):
        if sides[side] < 0:
            sides[1 - side] -= sides[side]
            sides[side] = 0
