"""What hangs at the terminals, as the BQ76952 can tell: a charger, a load, neither.

Part of the cycle, after each full scan: allocates nothing. mV, mA (+ = charging), ms.
"""

from micropython import const

from vigil.afe.bq76952_verbs import LOAD_DETECTING
from vigil.sample import UNKNOWN

_CONTROL_STATUS = const(0x00)
_LOAD_DETECT_ON = const(0x009E)
_LOAD_DETECT_OFF = const(0x009F)

# With the chip's current source on, an LD pin above this has no load.
_LOAD_GONE_MV = const(4000)
# A charger shows this much and 1/128 of the stack above it; less is the dividers' error.
_CHARGER_MV = const(200)
_CHARGER_SHARE = const(7)
_SEEN = const(1)
_NOT_SEEN = const(0)
_CANNOT_TELL = const(-1)
_TICKS = const(0x3FFFFFFF)


class Terminals:
    """Part of Bq76952, which brings the transfer, the switches and the readings."""

    def _start_terminals(self, flow_ma):
        """flow_ma: a current that is no longer an offset of the measurement."""
        self._flow_ma = flow_ma
        self._pack_mv = 0
        self._ld_mv = 0
        self._terminals_ms = 0
        self._terminals_stale_ms = 3 * self.stack_period_ms
        self._source_was_on = False

    def _forget_terminals(self):
        # A chip that has been configured anew has its current source off.
        self._source_was_on = False

    def _doubt_terminals(self, sample, now_ms):
        """What was seen long ago is not known any more."""
        if (now_ms - self._terminals_ms) & _TICKS > self._terminals_stale_ms:
            sample.load_seen = _CANNOT_TELL
            sample.charger_seen = _CANNOT_TELL

    def _look_at_terminals(self, sample, stack_mv, now_ms):
        self._terminals_ms = now_ms
        sample.charger_seen = self._charger(stack_mv)
        # In case that the bus fails half-way.
        sample.load_seen = _CANNOT_TELL
        sample.load_seen = self._load()

    def _charger(self, stack_mv):
        if self._current_ma >= self._flow_ma:
            return _SEEN
        if self.charge_is_on:
            return _NOT_SEEN
        if stack_mv == UNKNOWN:
            return _CANNOT_TELL
        above_mv = _CHARGER_MV + (stack_mv >> _CHARGER_SHARE)
        return _SEEN if self._pack_mv > stack_mv + above_mv else _NOT_SEEN

    def _load(self):
        transfer = self._transfer
        if self.discharge_is_on:
            if self._source_was_on:
                transfer.command(_LOAD_DETECT_OFF)
                self._source_was_on = False
            return _SEEN if self._current_ma <= 0 - self._flow_ma else _NOT_SEEN
        # A load holds the open terminal down, but so does nothing at all: the chip's current
        # source lifts the terminal where there is none.
        transfer.read(_CONTROL_STATUS, 2)
        if not transfer.data[0] & LOAD_DETECTING:
            self._source_was_on = False
            transfer.command(_LOAD_DETECT_ON)
            return _CANNOT_TELL
        if not self._source_was_on:
            # LD may have been measured just before.
            self._source_was_on = True
            return _CANNOT_TELL
        return _NOT_SEEN if self._ld_mv > _LOAD_GONE_MV else _SEEN
