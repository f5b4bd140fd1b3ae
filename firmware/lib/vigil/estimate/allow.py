"""What may flow as the cells are now: so much that none comes to its end within 10 s or 60 s.

A slow task, once a second in slices. The model says what a current adds to the voltage that is
measured now, so that its errors shrink as the figure is approached. Down at once, up slowly.
"""

from array import array
from math import exp

from micropython import const

from vigil import limits
from vigil.allowed import (
    CHARGE,
    CURRENT_ROW,
    DISCHARGE,
    NOT_KNOWN,
    RECOVERING,
    RISING,
    TABLE,
    TEMPERATURE,
    VOLTAGE,
    Allowed,
)
from vigil.estimate.tail import Tail
from vigil.estimate.time_left import TimeLeft
from vigil.sample import CELLS, CURRENT, TEMPS

_SECOND_MS = const(1000)
_HORIZONS_S = (10.0, 60.0)
# A cell may resist more by so much than the model says, unless it has been measured.
_UNSURE = const(1.3)
_SURE = const(0.6)  # the least it resists, against the most
_SIGMAS = const(2.0)
_SMOOTHED = const(0.25)
# Per cent of the table's current: up in a second; what noise may move; where it ends; resumes.
_RISE = const(2)
_NOISE = const(1)
_END = const(1)
_RESUME = const(5)
_MARGIN_DC = const(10)
# The last tenth of the charge, where it is cold: lithium plates then, too.
_COLD_DC = const(100)
_LAST = const(0.1)
_NEAR_MV = const(100)  # below where a charger ends: there it may hold the voltage
_TICKS = const(0x3FFFFFFF)
# Slices.
_SIDE = const(0)
_OTHER = const(1)
_TIMES = const(2)

# Rows of limits that temperatures go by: (trip, release) are zero and full.
_HOT = (limits.CHARGE_OVER_TEMPERATURE, limits.DISCHARGE_OVER_TEMPERATURE)


class AllowedAhead(Allowed):
    """Needs the estimators; where resistances are measured, it goes by the cell that has most."""

    period_ms = 250

    def __init__(self, bms):
        super().__init__(bms)
        self._ageing = bms.ageing
        self.ahead_ma = array("i", [0] * 4)
        self._ma = array("i", [0, 0])
        self._holds = bytearray([NOT_KNOWN, NOT_KNOWN])
        self._ended = bytearray(2)  # a cell has come to its end
        self._begun = bytearray(2)  # something was allowed to flow once
        self._open_mv = array("f", [0.0, 0.0])
        model = bms.charge.model
        # What is left of each RC part's voltage after each horizon.
        self._kept = array("f", [])
        for horizon_s in _HORIZONS_S:
            self._kept.append(exp(-horizon_s / model._fast_s))
            self._kept.append(exp(-horizon_s / model._slow_s))
        self._hot = bytes([limits.position(row_id) for row_id in _HOT])
        self._cold = limits.position(limits.DISCHARGE_UNDER_TEMPERATURE)
        self._other_end = (
            limits.position(limits.CELL_OVER_VOLTAGE),
            limits.position(limits.CELL_UNDER_VOLTAGE),
        )
        capacity_mah = bms.board.capacity_mah
        self._tail = Tail(bms.chemistry.tail_s, capacity_mah, bms.memory)
        self.tail_s = self._tail.told_s
        self._times = TimeLeft(capacity_mah, self._tail)
        self.time_left_s = self._times.left_s
        self._known = False
        self._turn = _SIDE
        self._side = CHARGE
        self._second = 0
        self._last_ms = self._times_ms = 0
        self._looked_ms = array("i", [0, 0])
        self._current_ma = 0

    def step(self, now_ms):
        """The side that the current flows on; every fourth second the other, and in between the
        times."""
        if self._turn == _OTHER:
            self._turn = _SIDE if self._known else _TIMES
            self._look(1 - self._side, now_ms)
            return self._turn != _SIDE
        if self._turn == _TIMES:
            self._turn = _SIDE
            self._known = True
            self._take_times(_seconds(now_ms, self._times_ms))
            self._times_ms = now_ms
            return False
        if self._known and (now_ms - self._last_ms) & _TICKS < _SECOND_MS:
            return False
        bms = self._bms
        sample = bms.sample
        for group in (CELLS, TEMPS, CURRENT):
            if (
                not sample.sequence(group)
                or sample.unknown(group)
                or sample.age_ms(group) > sample.stale_ms[group]
            ):
                self._forget()
                return False
        if not self._known:
            # It may not have seen what is measured now.
            bms.charge_guard.step(now_ms)
        self._last_ms = now_ms
        self._current_ma = sample.values[sample.current_at]
        self._side = DISCHARGE if self._current_ma < 0 else CHARGE
        self._second = (self._second + 1) & 3
        self._look(self._side, now_ms)
        if not self._known or self._second == 0:
            self._turn = _OTHER
        else:
            if self._second == 2:
                self._turn = _TIMES
            if self._is_shut(1 - self._side):
                self._begin_small(1 - self._side)
        return self._turn != _SIDE

    def _take_times(self, seconds):
        highest_mv = self._bms.sample.highest(CELLS)
        is_near = highest_mv > self._release(CHARGE) - _NEAR_MV
        if not self._tail.look(self._current_ma, highest_mv, is_near, seconds):
            self._times.step(self._current_ma, seconds, self._bms.charge)

    def _forget(self):
        self._known = False
        self._turn = _SIDE
        for at in range(4):
            self.ahead_ma[at] = 0
        for which in (CHARGE, DISCHARGE):
            self._ma[which] = 0
            self._holds[which] = NOT_KNOWN

    def _now_ma(self, which):
        if which:
            return self._ma[which]
        # The guard may have become stricter since.
        return min(self._ma[which], self._bms.charge_guard.limit_ma)

    def _why(self, which):
        return self._holds[which]

    # One side.

    def _look(self, which, now_ms):
        seconds = _seconds(now_ms, self._looked_ms[which]) if self._known else 1.0
        self._looked_ms[which] = now_ms
        bms = self._bms
        sample = bms.sample
        charge = bms.charge
        model = charge.model
        full_ma = self._release(CURRENT_ROW + which)
        cell_mv = sample.lowest(CELLS) if which else sample.highest(CELLS)
        end_mv = self._release(which)
        times = _UNSURE * model.resists
        if self._ageing:
            times *= self._ageing.ohm_times
        ohm = times * model.ohm
        fast_ohm = times * model.fast_ohm
        slow_ohm = times * model.slow_ohm
        fast_mv = fast_ohm * model.fast_ma
        slow_mv = slow_ohm * model.slow_ma
        drop_mv = ohm * self._current_ma + fast_mv + slow_mv
        open_mv = cell_mv - drop_mv
        if self._known:
            before_mv = self._open_mv[which]
            open_mv = before_mv + min(_SMOOTHED * seconds, 1.0) * (open_mv - before_mv)
        self._open_mv[which] = open_mv
        share = self._pessimistic(which, cell_mv, drop_mv)
        most_ma = self._most_ma(which, full_ma, share)
        sign = -1 if which else 1
        reach_ma = full_ma
        # The farther one has to wait where the other side is looked at, too.
        for horizon in (0,) if which == self._side and not self._second else (1, 0):
            kept_fast = self._kept[2 * horizon]
            kept_slow = self._kept[2 * horizon + 1]
            free_mv = open_mv + kept_fast * fast_mv + kept_slow * slow_mv
            reach_ma = self._reach(
                sign,
                share,
                (end_mv - free_mv) * sign,
                ohm + (1.0 - kept_fast) * fast_ohm + (1.0 - kept_slow) * slow_ohm,
                _HORIZONS_S[horizon] / (3600.0 * model.capacity_ma),
                full_ma,
            )
            self.ahead_ma[2 * which + horizon] = min(most_ma, reach_ma)
        step_ma = int(0.01 * _RISE * full_ma * seconds)
        self._settle(which, full_ma, most_ma, reach_ma, (end_mv - cell_mv) * sign, step_ma)

    def _pessimistic(self, which, cell_mv, drop_mv):
        """The charge of the cell that comes first to its end, at worst: by the estimate, unless
        the voltage knows better."""
        bms = self._bms
        charge = bms.charge
        model = charge.model
        capacity_mah = model.capacity_ma
        sigma = _SIGMAS * charge.sigma if charge.known else 1.0
        if which:
            share = charge.give_mah / capacity_mah
            width_mv = model.half_width_mv(share) + model.ocv_mv
            if drop_mv < 0.0:
                drop_mv *= _SURE
            return max(share - sigma, _share_at(model.ocv_dmv, cell_mv - drop_mv - width_mv), 0.0)
        share = 1.0 - charge.take_mah / capacity_mah
        width_mv = model.half_width_mv(share) + model.ocv_mv
        if drop_mv > 0.0:
            drop_mv *= _SURE
        return min(share + sigma, _share_at(model.ocv_dmv, cell_mv - drop_mv + width_mv), 1.0)

    def _reach(self, sign, share, room_mv, ohm, share_a_ma, full_ma):
        """mA that use up room_mv, along the voltage table from `share` on."""
        if room_mv <= 0.0:
            return 0
        table = self._bms.charge.model.ocv_dmv
        at = min(int(share * 100.0), 99)
        edge = (at + 1) * 0.01 - share if sign > 0 else share - at * 0.01
        moved = raised_mv = 0.0
        while True:
            slope_mv = 10.0 * (table[at + 1] - table[at])
            ma = (room_mv - raised_mv + slope_mv * moved) / (ohm + slope_mv * share_a_ma)
            at += sign
            if ma * share_a_ma <= edge or edge >= full_ma * share_a_ma or not 0 <= at <= 99:
                return full_ma if ma >= full_ma else int(ma)
            raised_mv += slope_mv * (edge - moved)
            moved = edge
            edge += 0.01

    def _most_ma(self, which, full_ma, share):
        """By temperature, health, and charge where it is cold."""
        bms = self._bms
        sample = bms.sample
        table = bms.table
        coldest_dc = sample.lowest(TEMPS)
        hottest_dc = sample.highest(TEMPS)
        row = self._hot[which]
        permille = 1000
        if hottest_dc > table.release[row]:
            permille = _ramp(table.trip[row] - _MARGIN_DC, table.release[row], hottest_dc)
        if which:
            full_dc, percent = bms.chemistry.cold_discharge
            if coldest_dc < full_dc:
                row = self._cold
                trip_dc = table.trip[row]
                # Less the colder it is, and at last nothing.
                warm = _ramp(trip_dc, full_dc, coldest_dc)
                permille = permille * (percent * 10 + warm * (100 - percent) // 100) // 1000
                permille = min(
                    permille, _ramp(trip_dc + _MARGIN_DC, table.release[row], coldest_dc)
                )
            most_ma = full_ma
        else:
            if coldest_dc - bms.chemistry.plating_dc < _COLD_DC and share > 1.0 - _LAST:
                permille = int(permille * (1.0 - share) / _LAST)
            most_ma = min(full_ma, bms.charge_guard.limit_ma)
        lowest = min(bms.charge.capacities_mah) / bms.charge.model.capacity_ma
        if lowest < 1.0:
            most_ma = min(most_ma, int(full_ma * lowest))
        # Two steps keep the product within a board's small integers.
        return most_ma // 10 * permille // 100 if permille < 1000 else most_ma

    def _settle(self, which, full_ma, most_ma, reach_ma, left_mv, step_ma):
        """What is told now: down at once, up slowly, and not up and down again."""
        table = self._bms.table
        wanted_ma = min(most_ma, reach_ma)
        if self._ended[which]:
            # Half way to where its switch would close again.
            row = self._other_end[which]
            resume_mv = abs(self._release(which) - table.release[row]) // 2
            if reach_ma * 100 > full_ma * _RESUME and left_mv >= resume_mv:
                self._ended[which] = 0
        elif reach_ma * 100 < full_ma * _END:
            self._ended[which] = 1
        if self._ended[which]:
            wanted_ma = 0
        ma = self._ma[which]
        holds = TABLE
        if wanted_ma < most_ma:
            holds = VOLTAGE
        elif most_ma < full_ma:
            recovers = not which and self._bms.charge_guard.recovering
            holds = RECOVERING if recovers else TEMPERATURE
        stops = self._is_shut(which)
        if not stops and ma:
            self._begun[which] = 1
        if wanted_ma < ma or not self._begun[which]:
            ma = wanted_ma
        elif wanted_ma > ma + full_ma * _NOISE // 100:
            ma = min(wanted_ma, ma + step_ma)
            holds = RISING if ma < wanted_ma else holds
        self._ma[which] = ma
        self._holds[which] = holds
        if stops:
            self._begin_small(which)

    def _begin_small(self, which):
        """Once the switch closes again."""
        if self._begun[which]:
            small_ma = self._release(CURRENT_ROW + which) * _RESUME // 100
            self._ma[which] = min(self._ma[which], small_ma)


def _seconds(now_ms, before_ms):
    """Since then, and no more than some."""
    return min(0.001 * ((now_ms - before_ms) & _TICKS), 10.0)


def _ramp(zero, full, value):
    """Permille: 0 at `zero`, 1000 at `full`, evenly between."""
    span = full - zero
    if span == 0:
        return 1000
    return max(0, min((value - zero) * 1000 // span, 1000))


def _share_at(ocv_dmv, mv):
    """Charge at this open-circuit voltage."""
    wanted = 10.0 * mv
    low = 0
    high = 100
    if wanted <= ocv_dmv[low]:
        return 0.0
    if wanted >= ocv_dmv[high]:
        return 1.0
    while high - low > 1:
        middle = (low + high) // 2
        if ocv_dmv[middle] <= wanted:
            low = middle
        else:
            high = middle
    return 0.01 * (low + (wanted - ocv_dmv[low]) / (ocv_dmv[high] - ocv_dmv[low]))
