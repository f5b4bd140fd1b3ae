"""Early warning of thermal runaway: counts independent signs of it, once a second.

One sign is a warning, two latch everything open. All that thermistors tell is one sign, so that a
loose one is never two; a cell that falls at rest is another, gas or pressure the third. A slow
task: it may allocate. mV, mA, 0.1 degC; docs/plausibility.md says why these figures.
"""

from array import array

from micropython import const

from vigil import limits
from vigil.sample import CELLS, CURRENT, HEALTH_FIRST, RUNAWAY_SIGNS, TEMPS, UNKNOWN

PERIOD_MS = const(1000)
# Signs count together if they come within this time.
_HOLD_S = const(300)
_CONFIRM_S = const(3)
# After a pause like this nothing that was seen before tells a rate.
_GAP_MS = const(2500)
_REST_DIVISOR = const(10)
_STEP_DIVISOR = const(20)
_SETTLED_S = const(300)

_HOT_SPOT_DK = const(80)
_MINUTE_S = const(60)
_WARMING_MINUTES = const(3)
_WARMING_DK = const(5)  # in each of these minutes
_RACING_DK = const(10)  # in a second; more than _BELIEVED_DK is no cell but a bad contact
_BELIEVED_DK = const(50)
_RACING_MS = const(5000)

_FALL_MV = const(25)

_SIGNS_AT = RUNAWAY_SIGNS - HEALTH_FIRST
_OVER_TEMP_AT = limits.position(limits.DISCHARGE_OVER_TEMPERATURE)
_TICKS = const(0x3FFFFFFF)


class EarlyWarning:
    """step() is the slow task; `heated` may be set while a heater warms the pack on purpose."""

    def __init__(self, sample, protection, capacity_mah, knee_mv, bleed, gas=None):
        """knee_mv: below it cells part from each other by themselves.

        bleed: bytes of the cells that are bled; gas: pin, 1 = gas or pressure.
        """
        self._sample = sample
        self._protection = protection
        self._knee_mv = knee_mv
        self._bleed = bleed
        self._gas = gas
        self.heated = False
        self._rest_ma = capacity_mah // _REST_DIVISOR
        self._step_ma = capacity_mah // _STEP_DIVISOR
        temps = sample.temp_count
        # Temperatures at the last full minutes, the latest first, and a second ago.
        self._minutes = [array("i", [UNKNOWN] * temps) for _ in range(_WARMING_MINUTES)]
        self._before = array("i", [UNKNOWN] * temps)
        self._racing_ms = array("i", [0] * temps)
        self._temps_seen = 0
        self._temps_ms = 0
        # Cells one to two minutes ago, less than a minute ago, and now; the median last.
        self._cells = [array("i", [UNKNOWN] * (sample.cell_count + 1)) for _ in range(3)]
        self._hot_s = 0
        self._fallen_s = 0
        self._gas_s = 0
        self._last_ms = 0
        self._rest_s = 0
        self._second = 0
        self._lowest_ma = 0
        self._highest_ma = 0
        # Seconds that each sign still counts.
        self._temperature_left_s = 0
        self._voltage_left_s = 0
        self._gas_left_s = 0
        self._emergency_left_s = 0

    def step(self, now_ms):
        elapsed_ms = (now_ms - self._last_ms) & _TICKS
        self._last_ms = now_ms
        if elapsed_ms > _GAP_MS:
            self._forget()
        self._follow_rest()
        self._second += 1
        minute = self._second >= _MINUTE_S
        if minute:
            self._second = 0
        hot = self._shows_hot_spot()
        self._hot_s = self._hot_s + 1 if hot else 0
        warming = minute and self._warms_at_rest()
        self._fallen_s = self._fallen_s + 1 if self._a_cell_has_fallen(minute) else 0
        self._gas_s = self._gas_s + 1 if self._gas_is_seen() else 0
        racing = self._races(now_ms)
        self._temperature_left_s = _counted(
            self._temperature_left_s, warming or self._hot_s >= _CONFIRM_S
        )
        self._voltage_left_s = _counted(self._voltage_left_s, self._fallen_s >= _CONFIRM_S)
        self._gas_left_s = _counted(self._gas_left_s, self._gas_s >= _CONFIRM_S)
        self._emergency_left_s = _counted(self._emergency_left_s, racing)
        self._sample.health[_SIGNS_AT] = self._signs()
        return False

    def _signs(self):
        signs = 0
        for left_s in (self._temperature_left_s, self._voltage_left_s, self._gas_left_s):
            if left_s:
                signs += 1
        if self._emergency_left_s and signs < 2:
            signs = 2
        return signs

    def _forget(self):
        for temps in self._minutes:
            _blank(temps)
        for cells in self._cells:
            _blank(cells)
        _blank(self._before)
        for at in range(len(self._racing_ms)):
            self._racing_ms[at] = 0
        self._rest_s = 0
        self._second = 0

    def _follow_rest(self):
        sample = self._sample
        current_ma = sample.values[sample.current_at]
        stale = sample.age_ms(CURRENT) > sample.stale_ms[CURRENT]
        rest_ma = self._rest_ma
        if stale or current_ma == UNKNOWN or not 0 - rest_ma < current_ma < rest_ma:
            self._rest_s = 0
            return
        if not self._rest_s:
            self._lowest_ma = self._highest_ma = current_ma
        self._rest_s = min(self._rest_s + 1, 2 * _SETTLED_S)
        self._lowest_ma = min(self._lowest_ma, current_ma)
        self._highest_ma = max(self._highest_ma, current_ma)
        if self._highest_ma - self._lowest_ma > self._step_ma:
            # A step, if a small one: the cells have to settle again.
            self._rest_s = 0

    # What thermistors tell.

    def _shows_hot_spot(self):
        """A sensor is far above the middle one, at rest or not."""
        temps = self._known(TEMPS)
        if len(temps) < 2:
            return False
        temps.sort()
        return temps[-1] - temps[(len(temps) - 1) // 2] > _HOT_SPOT_DK

    def _warms_at_rest(self):
        """Once a minute: a sensor has risen in each of the last minutes, at rest and unheated."""
        sample = self._sample
        minutes = self._minutes
        warming = False
        for at in range(sample.temp_count):
            later_dc = sample.values[sample.temps_at + at]
            rising = True
            for temps in minutes:
                earlier_dc = temps[at]
                if UNKNOWN in (later_dc, earlier_dc) or later_dc - earlier_dc <= _WARMING_DK:
                    rising = False
                later_dc = earlier_dc
            warming = warming or rising
        oldest = minutes.pop()
        for at in range(sample.temp_count):
            oldest[at] = sample.values[sample.temps_at + at]
        minutes.insert(0, oldest)
        if self.heated:
            for temps in minutes:
                _blank(temps)
        return warming and self._rest_s >= _SETTLED_S + _WARMING_MINUTES * _MINUTE_S

    def _races(self, now_ms):
        """A sensor above the discharge limit has risen faster than 1 K/s for several seconds.

        From one measurement to the next, which may be seconds later.
        """
        sample = self._sample
        if sample.sequence(TEMPS) == self._temps_seen:
            return False
        self._temps_seen = sample.sequence(TEMPS)
        elapsed_ms = (now_ms - self._temps_ms) & _TICKS
        self._temps_ms = now_ms
        before = self._before
        over_temp_dc = self._protection.table.trip[_OVER_TEMP_AT]
        racing = False
        for at in range(sample.temp_count):
            temp_dc = sample.values[sample.temps_at + at]
            before_dc = before[at]
            before[at] = temp_dc
            slow_dc = _RACING_DK * elapsed_ms // 1000
            if UNKNOWN in (temp_dc, before_dc) or before_dc <= over_temp_dc:
                self._racing_ms[at] = 0
            elif slow_dc < temp_dc - before_dc <= _BELIEVED_DK * elapsed_ms // 1000:
                self._racing_ms[at] += elapsed_ms
            else:
                self._racing_ms[at] = 0
            racing = racing or self._racing_ms[at] >= _RACING_MS
        return racing

    # What the cells tell.

    def _a_cell_has_fallen(self, minute):
        """At rest a cell falls, and falls below the median, where relaxation leads no cell."""
        older, newer, now = self._cells
        self._fill(now)
        fallen = False
        median_mv = now[-1]
        if self._rest_s >= _SETTLED_S and self._knee_mv <= median_mv < UNKNOWN:
            for cell in range(len(now) - 1):
                if now[cell] == UNKNOWN or older[cell] == UNKNOWN:
                    continue
                below_mv = median_mv - now[cell]
                before_mv = max(older[-1] - older[cell], 0)
                if below_mv - before_mv > _FALL_MV and older[cell] - now[cell] > _FALL_MV:
                    fallen = True
        if minute:
            self._cells[0] = newer
            self._cells[1] = now
            self._cells[2] = older
        return fallen

    def _fill(self, cells):
        """The cells as they are, the bled ones unknown, and their median behind them."""
        sample = self._sample
        known = self._known(CELLS)
        known.sort()
        for cell in range(sample.cell_count):
            bled = self._bleed[cell]
            cells[cell] = UNKNOWN if bled else sample.values[sample.cells_at + cell]
        cells[-1] = known[len(known) // 2] if known else UNKNOWN

    def _known(self, group):
        """The known values of a group that is not stale."""
        sample = self._sample
        if not sample.sequence(group) or sample.age_ms(group) > sample.stale_ms[group]:
            return []
        at, count = sample.cells_at, sample.cell_count
        if group == TEMPS:
            at, count = sample.temps_at, sample.temp_count
        return [value for value in sample.values[at : at + count] if value != UNKNOWN]

    def _gas_is_seen(self):
        return self._gas is not None and self._gas.value() == 1


def _counted(left_s, seen):
    return _HOLD_S if seen else max(left_s - 1, 0)


def _blank(values):
    for at in range(len(values)):
        values[at] = UNKNOWN
