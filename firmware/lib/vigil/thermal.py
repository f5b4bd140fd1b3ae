"""Heater and fan of a pack: when they run, and whether they do what they should. 0.1 degC, ms.

A slow task. Whatever is not known keeps both off; a failure is a warning, never a reason to act.
"""

from micropython import const

from vigil import limits
from vigil.sample import BOARD, CELLS, CLIMATE_FAULT, CURRENT, HEALTH_FIRST, TEMPS, UNKNOWN

PERIOD_MS = const(1000)

# Bits of the health word.
HEATER_DOES_NOT_HEAT = const(1)
HEATER_STUCK_ON = const(2)
FAN_HAS_NO_EFFECT = const(4)

# Above the lowest temperature at which the chemistry may be charged: warm enough to be charged
# with a tenth of the capacity an hour and more (charge_guard.py).
_HEAT_BELOW_DC = const(70)
_HEAT_UNTIL_DC = const(120)
# Below the release of the limit for charging in the heat, and what electronics like.
_COOL_MARGIN_DC = const(50)
COOL_SPAN_DC = const(50)
COOL_BOARD_DC = const(600)
COOL_BOARD_UNTIL_DC = const(500)
# A relay or a motor is not switched at every breath.
SHORTEST_ON_MS = const(60000)
SHORTEST_OFF_MS = const(60000)

# A heater has warmed the coldest sensor by so much in so long, or it does not work; it is then
# left alone for a while, for it may empty the pack for nothing.
PROOF_MS = const(900000)
HEATER_PROOF_DC = const(5)
HEATER_REST_MS = const(3600000)
# With the heater off and no current, cells that are warmer than their surroundings only cool.
STUCK_LAG_MS = const(300000)
STUCK_PROOF_MS = const(600000)
STUCK_PROOF_DC = const(10)
# A fan takes a quarter of what the cells are warmer than the board, if that is much.
FAN_PROOF_DC = const(60)
_REST_DIVISOR = const(50)  # of the capacity an hour
_MILD_DIVISOR = const(10)
_TICKS = const(0x3FFFFFFF)
_WORD = CLIMATE_FAULT - HEALTH_FIRST


class Output:
    """A pin that is switched no more often than is good for what hangs on it."""

    def __init__(self, pin):
        self._pin = pin
        self.on = False
        self.since_ms = 0
        self._switched = False

    def want(self, on, now_ms):
        """True if it has just been switched."""
        if on == self.on or self._pin is None:
            return False
        shortest_ms = SHORTEST_ON_MS if self.on else SHORTEST_OFF_MS
        if self._switched and self.for_ms(now_ms) < shortest_ms:
            return False
        self._put(on, now_ms)
        return True

    def off(self, now_ms):
        """At once, whatever it was."""
        if self._pin is not None:
            self._put(False, now_ms)

    def for_ms(self, now_ms):
        """How long it has been as it is."""
        return (now_ms - self.since_ms) & _TICKS

    def _put(self, on, now_ms):
        self._pin.value(1 if on else 0)
        if on != self.on:
            self.on = on
            self.since_ms = now_ms
            self._switched = True


class Watch:
    """What a value was when the window began."""

    def __init__(self):
        self.running = False
        self.value = 0
        self._begun_ms = 0

    def begin(self, value, now_ms):
        self.running = True
        self.value = value
        self._begun_ms = now_ms

    def end(self):
        self.running = False

    def is_over(self, window_ms, now_ms):
        return self.running and (now_ms - self._begun_ms) & _TICKS >= window_ms


class Climate:
    """Board attributes, all optional: heater and fan (pins), heat_without_charger (bool)."""

    def __init__(self, board, sample, protection, chemistry):
        self._sample = sample
        self._protection = protection
        self.heater = Output(getattr(board, "heater", None))
        self.fan = Output(getattr(board, "fan", None))
        self._without_charger = getattr(board, "heat_without_charger", False)
        self._heat_below_dc = chemistry.plating_dc + _HEAT_BELOW_DC
        self._heat_until_dc = chemistry.plating_dc + _HEAT_UNTIL_DC
        self._too_warm_dc = chemistry.charge_over_temp_dc[1]
        self._cool_above_dc = chemistry.charge_over_temp_dc[1] - _COOL_MARGIN_DC
        self._enough_mv = chemistry.under_voltage_warning_mv[1]
        self._rest_ma = board.capacity_mah // _REST_DIVISOR
        self._mild_ma = board.capacity_mah // _MILD_DIVISOR
        self._heating = Watch()
        self._idle = Watch()
        self._cooling = Watch()
        self._gave_up = False
        self._gave_up_ms = 0
        self.faults = 0

    def step(self, now_ms):
        """Once a second."""
        sample = self._sample
        # Stale data leaves no choice at all.
        if not (self._is_known(TEMPS) and self._is_known(CELLS) and self._is_known(CURRENT)):
            self.off(now_ms)
            return False
        coldest_dc = sample.lowest(TEMPS)
        hottest_dc = sample.highest(TEMPS)
        board_dc = sample.highest(BOARD) if self._is_known(BOARD) else UNKNOWN
        current_ma = abs(sample.values[sample.current_at])
        self._run_heater(coldest_dc, hottest_dc, now_ms)
        self._run_fan(hottest_dc, board_dc, now_ms)
        self._watch_heater(coldest_dc, now_ms)
        self._watch_idle(coldest_dc, board_dc, current_ma, now_ms)
        self._watch_fan(hottest_dc, board_dc, current_ma, now_ms)
        sample.health[_WORD] = self.faults
        return False

    def off(self, now_ms):
        """Both off at once: nothing is known, or the firmware ends."""
        self.heater.off(now_ms)
        self.fan.off(now_ms)
        self._heating.end()
        self._idle.end()
        self._cooling.end()

    def _is_known(self, group):
        sample = self._sample
        if not sample.sequence(group) or sample.unknown(group):
            return False
        return sample.age_ms(group) <= sample.stale_ms[group]

    def _run_heater(self, coldest_dc, hottest_dc, now_ms):
        if hottest_dc >= self._too_warm_dc or self._protection.actions & limits.LATCH:
            self.heater.off(now_ms)
            return
        until_dc = self._heat_until_dc if self.heater.on else self._heat_below_dc
        wanted = coldest_dc < until_dc and self._may_heat() and not self._rests(now_ms)
        self.heater.want(wanted, now_ms)

    def _may_heat(self):
        """Somebody wants to charge, and somebody can supply it."""
        sample = self._sample
        if sample.charger_seen > 0 or sample.values[sample.current_at] > self._rest_ma:
            return True
        return self._without_charger and sample.lowest(CELLS) >= self._enough_mv

    def _rests(self, now_ms):
        if self._gave_up and (now_ms - self._gave_up_ms) & _TICKS >= HEATER_REST_MS:
            self._gave_up = False
        return self._gave_up

    def _run_fan(self, hottest_dc, board_dc, now_ms):
        cool_dc = self._cool_above_dc
        cool_board_dc = COOL_BOARD_DC
        if self.fan.on:
            cool_dc -= COOL_SPAN_DC
            cool_board_dc = COOL_BOARD_UNTIL_DC
        hot_board = board_dc != UNKNOWN and board_dc >= cool_board_dc
        self.fan.want(hottest_dc >= cool_dc or hot_board, now_ms)

    # Do they work?

    def _watch_heater(self, coldest_dc, now_ms):
        watch = self._heating
        if not self.heater.on:
            watch.end()
        elif not watch.running:
            watch.begin(coldest_dc, now_ms)
        elif watch.is_over(PROOF_MS, now_ms):
            warmed = coldest_dc - watch.value >= HEATER_PROOF_DC
            self._judge(HEATER_DOES_NOT_HEAT, not warmed)
            if not warmed:
                self._gave_up = True
                self._gave_up_ms = now_ms
            watch.begin(coldest_dc, now_ms)

    def _watch_idle(self, coldest_dc, board_dc, current_ma, now_ms):
        watch = self._idle
        settled = not self.heater.on and (
            not self.heater.since_ms or self.heater.for_ms(now_ms) >= STUCK_LAG_MS
        )
        if not settled or current_ma > self._rest_ma or board_dc == UNKNOWN:
            watch.end()
        elif not watch.running:
            watch.begin(coldest_dc, now_ms)
        elif board_dc > watch.value:
            # The surroundings may warm the cells.
            watch.begin(coldest_dc, now_ms)
        elif watch.is_over(STUCK_PROOF_MS, now_ms):
            self._judge(HEATER_STUCK_ON, coldest_dc - watch.value >= STUCK_PROOF_DC)
            watch.begin(coldest_dc, now_ms)

    def _watch_fan(self, hottest_dc, board_dc, current_ma, now_ms):
        watch = self._cooling
        if not self.fan.on or current_ma > self._mild_ma or board_dc == UNKNOWN:
            watch.end()
        elif not watch.running:
            watch.begin(hottest_dc - board_dc, now_ms)
        elif watch.is_over(PROOF_MS, now_ms):
            if watch.value >= FAN_PROOF_DC:
                left_dc = hottest_dc - board_dc
                self._judge(FAN_HAS_NO_EFFECT, 4 * left_dc > 3 * watch.value)
            watch.begin(hottest_dc - board_dc, now_ms)

    def _judge(self, bit, failed):
        self.faults |= bit
        if not failed:
            self.faults ^= bit
