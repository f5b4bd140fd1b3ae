"""What the pack has been through: charge, energy, time, harmful events. Never decreases.

A slow task, of whole numbers only; one record in the store, so that a power cut costs what came
after the latest one and no more.
"""

from array import array

from micropython import const

from vigil import limits, memory, store
from vigil.sample import CELLS, CURRENT, TEMPS, UNKNOWN

_SCHEMA = const(1)
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
# Seconds by the hottest sensor, the charge, and the current.
_BY_TEMP = const(23)
_BY_CHARGE = const(31)
_BY_RATE = const(41)
_WORDS = const(51)
# Upper ends in degC, from -50 on; and of the current in per cent of the capacity an hour: rest
# below the first, then four of charging, then five of discharging.
_DEGREES = b"\x28\x32\x3c\x4b\x55\x5f\x69"
_RATES = b"\x14\x32\x64\xc8"
_RESTS_BELOW = const(50)  # a fiftieth of the capacity an hour

_MOST = const(0x1FFFFFFE)  # stays there: beyond it is what is not known
_MAMS_PER_MAH = const(3600000)
_COLD_DC = const(50)
_APART_S = const(60)  # an event that comes again sooner is the same one
_KEEP_S = const(600)
_KEEP_STILL_S = const(3600)
_SECOND_MS = const(1000)
_GAP_MS = const(60000)  # longer than this nobody looked
_TICKS = const(0x3FFFFFFF)


# Whose trips are harmful.
_ROWS = (
    limits.CELL_UNDER_VOLTAGE,
    limits.CELL_OVER_VOLTAGE,
    limits.DISCHARGE_OVER_TEMPERATURE,
    limits.DISCHARGE_UNDER_TEMPERATURE,
    limits.CHARGE_OVER_TEMPERATURE,
)


class Totals:
    period_ms = 200

    def __init__(self, bms):
        self._bms = bms
        words = array("i", [0] * _WORDS)
        self._store = bms.memory.another("totals", _SCHEMA, 4 * _WORDS)
        data = self._store.load()
        if data is not None:
            words = array("i", data)
        elif self._store.origin == store.LOST:
            bms.memory.flags |= memory.TOTALS_LOST
        self._words = words
        view = memoryview(words)
        # Read by the points.
        self.moved_dah = view[_MOVED:_ENERGY]
        self.moved_wh = view[_ENERGY:_RESTS]
        self.event_counts = view[_TIMES:_LASTED]
        self.event_s = view[_LASTED:_BY_TEMP]
        self.by_temp_s = view[_BY_TEMP:_BY_CHARGE]
        self.by_charge_s = view[_BY_CHARGE:_BY_RATE]
        self.by_rate_s = view[_BY_RATE:]
        self._open = bytearray(EVENTS)  # seconds for which an event is still the same one
        # Of the second that runs, in and out: mA * ms that energy was made of, and 0.1 W * ms.
        self._seen_mams = [0, 0]
        self._dwms = [0, 0]
        self._small = array("i", [0] * (_SECONDS - _RESTS))
        self._stack_mv = 0
        self._due = False
        self._rows = bytes([limits.position(row_id) for row_id in _ROWS])
        self._begun = False
        self._closed = False
        self._last_ms = 0
        self._rest_ms = 0
        self._since_kept_s = 0
        self._kept_moved = words[_MOVED] + words[_MOVED + 1]
        bms.counter.totals = self

    @property
    def seconds(self):
        return self._words[_SECONDS]

    @property
    def cycles(self):
        """Full equivalent cycles."""
        words = self._words
        return (words[_MOVED] + words[_MOVED + 1]) // max(self._bms.counter.capacity_mah // 50, 1)

    def step(self, now_ms):
        """Five times a second the energy, and once, as a slice of its own, everything."""
        if not self._due:
            self._count_energy()
            self._due = not self._begun or (now_ms - self._last_ms) & _TICKS >= _SECOND_MS
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
        self._take_charge(elapsed_ms)
        self._rest_ms += elapsed_ms
        whole_s = self._rest_ms // 1000
        self._rest_ms -= whole_s * 1000
        if not whole_s:
            return False
        self._add(_SECONDS, whole_s)
        current_ma = bms.sample.values[bms.sample.current_at]
        if not self._is_known(CURRENT):
            current_ma = UNKNOWN
        warm = self._is_known(TEMPS)
        harms = self._harms(current_ma, warm)
        news = (harms or max(self._open)) and self._count_events(harms, whole_s)
        self._note_time(current_ma, warm, whole_s)
        self._since_kept_s += whole_s
        moved = self._words[_MOVED] + self._words[_MOVED + 1]
        long_s = _KEEP_STILL_S if moved == self._kept_moved else _KEEP_S
        if news or self._since_kept_s >= long_s:
            self.keep()
        return False

    def _count_energy(self):
        """Charge times the voltage that the stack has now."""
        sample = self._bms.sample
        stack_mv = sample.values[sample.stack_at]
        if stack_mv != UNKNOWN:
            self._stack_mv = stack_mv
        counter = self._bms.counter
        self._take_energy(0, counter.charged)
        self._take_energy(1, counter.discharged)

    def _take_energy(self, side, pair):
        # The rest waits: less than a thousandth of an ampere-second.
        whole = (pair[0] * _MAMS_PER_MAH + pair[1] - self._seen_mams[side]) // 1000
        if whole:
            self._seen_mams[side] += whole * 1000
            self._dwms[side] += whole * self._stack_mv // 100

    def keep(self):
        """What is known now is to be written."""
        words = self._words
        self._since_kept_s = 0
        self._kept_moved = words[_MOVED] + words[_MOVED + 1]
        self._store.stage(bytes(words))

    def _add(self, at, count):
        self._words[at] = min(self._words[at] + count, _MOST)

    def _take_charge(self, elapsed_ms):
        """What the counter has counted since, less what the sensor shows while nothing flows."""
        bms = self._bms
        counter = bms.counter
        mams = [_taken(counter.charged), _taken(counter.discharged)]
        dwms = self._dwms
        self._dwms = [0, 0]
        for side in (0, 1):
            self._seen_mams[side] -= mams[side]
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
            _shift(dwms, off_mams * self._stack_mv // 100000)
        for side in (0, 1):
            self._carry(_MOVED + side, side, mams[side], 100)
            self._carry(_ENERGY + side, 3 + side, dwms[side], 10)
        sample = bms.sample
        if sample.sequence(TEMPS) and sample.lowest(TEMPS) < _COLD_DC:
            self._carry(_COLD, 2, mams[0], 100)

    def _carry(self, at, rest, amount, whole):
        """Amounts of 1 / 3,600,000 of what `whole` make one of this word."""
        amount += self._small[rest]
        carried = amount // _MAMS_PER_MAH
        self._small[rest] = amount - carried * _MAMS_PER_MAH
        words = self._words
        carried += words[_RESTS + rest]
        words[_RESTS + rest] = carried % whole
        self._add(at, carried // whole)

    def _harms(self, current_ma, warm):
        """A bit for each event that is there now."""
        sample = self._bms.sample
        trip = self._bms.table.trip
        rows = self._rows
        harms = 0
        if self._is_known(CELLS):
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
            if self._bms.counter.capacity_mah // _RESTS_BELOW < current_ma < UNKNOWN:
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

    def _note_time(self, current_ma, warm, whole_s):
        bms = self._bms
        if warm:
            degrees = max(0, min(bms.sample.highest(TEMPS) // 10 + 50, 255))
            self._add(_BY_TEMP + _place(_DEGREES, degrees), whole_s)
        permille = bms.estimator.shown_permille
        if permille != UNKNOWN:
            self._add(_BY_CHARGE + min(permille // 100, 9), whole_s)
        if current_ma != UNKNOWN:
            capacity_mah = bms.counter.capacity_mah
            at = 0
            if abs(current_ma) >= capacity_mah // _RESTS_BELOW:
                percent = min(abs(current_ma) // (capacity_mah // 100 or 1), 255)
                if current_ma > 0:
                    at = 1 + _place(_RATES[:3], percent)
                else:
                    at = 5 + _place(_RATES, percent)
            self._add(_BY_RATE + at, whole_s)

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


def _place(ends, value):
    at = 0
    while at < len(ends) and value >= ends[at]:
        at += 1
    return at
