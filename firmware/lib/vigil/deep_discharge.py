"""A discharged pack without a charger: the whole board goes to sleep before it empties the cells.

A slow task. Announces, notes it in the journal, turns the front end off and then the board;
a charger, or the button where it is wired so, starts everything anew.
"""

from micropython import const

from vigil import journal, limits
from vigil.afe.errors import AfeError
from vigil.sample import CELLS, UNKNOWN
from vigil.switches import DISCHARGE, ON

PERIOD_MS = const(1000)
# From the under-voltage to the sleep, if nothing changes; and when a cell nears the level at
# which it is damaged.
PATIENCE_MS = const(600000)
HASTE_MS = const(30000)
# How near: this part of the way from the trip to the severe trip is left.
_NEAR_DIVISOR = const(4)
# Without anything that sees a charger, a current into the pack tells of one.
_CHARGING_MA = const(100)
_TRIES = const(5)
_TICKS = const(0x3FFFFFFF)

_WHY = (
    limits.CELL_UNDER_VOLTAGE_SEVERE,
    limits.CELL_UNDER_VOLTAGE,
    limits.STACK_UNDER_VOLTAGE,
)


class DeepDischarge:
    """Board attributes: power_hold (pin, 1 keeps the supply), deep_sleep (function, does not
    return); without both the board cannot sleep and nothing is done."""

    def __init__(self, bms):
        board = bms.board
        self._bms = bms
        self._power_hold = getattr(board, "power_hold", None)
        self._deep_sleep = getattr(board, "deep_sleep", None)
        self.can_sleep = self._power_hold is not None or self._deep_sleep is not None
        self.use_limits(bms.table)
        self._at = [limits.position(row_id) for row_id in _WHY]
        self._doubtful_at = limits.position(limits.CELLS_DOUBTFUL)
        self._invalid_at = limits.position(limits.CELLS_INVALID)
        self._waiting = False
        self._left_ms = PATIENCE_MS
        self._last_ms = 0
        self._tries = 0

    def use_limits(self, table):
        """table: limits.Limits."""
        trip_mv = table.trip[limits.position(limits.CELL_UNDER_VOLTAGE)]
        severe_mv = table.trip[limits.position(limits.CELL_UNDER_VOLTAGE_SEVERE)]
        self._near_mv = severe_mv + (trip_mv - severe_mv) // _NEAR_DIVISOR

    @property
    def sleeping_in_s(self):
        """Seconds until the board goes to sleep; -1 while it is not going to."""
        return (self._left_ms + 999) // 1000 if self._waiting else -1

    def step(self, now_ms):
        passed_ms = (now_ms - self._last_ms) & _TICKS
        self._last_ms = now_ms
        why = self._why()
        if not why:
            self._waiting = False
            self._bms.panel.sleeps_soon = False
            return False
        if not self._waiting:
            self._waiting = True
            self._left_ms = PATIENCE_MS
            self._tries = 0
            self._bms.panel.sleeps_soon = True
            self._note(journal.SLEEPS_SOON, why)
        elif self._left_ms > passed_ms:
            self._left_ms -= passed_ms
        else:
            self._left_ms = 0
        if self._left_ms > HASTE_MS and self._is_near():
            self._left_ms = HASTE_MS
        if not self._left_ms:
            self._sleep(why)
        return False

    def _why(self):
        """The row that keeps discharge off, 0 if there is none or somebody charges."""
        bms = self._bms
        if not self.can_sleep or bms.switches.state[DISCHARGE] == ON or self._is_charged():
            return 0
        for number, at in enumerate(self._at):
            if bms.protection.is_tripped(at):
                if _WHY[number] != limits.STACK_UNDER_VOLTAGE and not self._cells_are_believed():
                    # A broken sense lead reads like an empty cell; only the stack can tell.
                    continue
                return _WHY[number]
        return 0

    def _cells_are_believed(self):
        protection = self._bms.protection
        return not (
            protection.is_tripped(self._doubtful_at) or protection.is_tripped(self._invalid_at)
        )

    def _is_charged(self):
        sample = self._bms.sample
        if sample.charger_seen >= 0:
            return sample.charger_seen > 0
        current_ma = sample.values[sample.current_at]
        return current_ma != UNKNOWN and current_ma > _CHARGING_MA

    def _is_near(self):
        lowest_mv = self._bms.sample.lowest(CELLS)
        return lowest_mv != UNKNOWN and lowest_mv < self._near_mv

    def _note(self, kind, why):
        bms = self._bms
        lowest_mv = bms.sample.lowest(CELLS)
        value = 0 if lowest_mv == UNKNOWN else lowest_mv
        bms.memory.note(bms.keeper.uptime_s, kind, why, value=value)

    def _sleep(self, why):
        bms = self._bms
        # Open first: what follows takes its time.
        bms.front_end.all_off()
        self._tries += 1
        try:
            bms.front_end.shutdown()
        except AfeError as error:
            bms.last_error = error.code
            if self._tries < _TRIES:
                return
            # It does not listen; its own watchdog keeps the switches off.
        self._note(journal.SLEEPING, why)
        bms.keep_everything()
        bms.panel.dark()
        bms.climate.off(self._last_ms)
        if self._power_hold is not None:
            self._power_hold.value(0)
        if self._deep_sleep is not None:
            self._deep_sleep()
