"""SunSpec models 1, 802, 803 and 805 as registers from 40000 on: a view over the points.

Template and what is filled in come from host_tools/points/sunspec.py.
"""

from micropython import const

from vigil import limits
from vigil.link.sunspec_table import ENTRIES, EVENTS, OWN_VALUES, TEMPLATE
from vigil.sample import UNKNOWN
from vigil.switches import LATCHED, REASON_OWNER, REASON_STARTING

_START = const(40000)
_ENTRY = const(6)
_CELL_REGISTERS = const(4)
_NO_TEMPERATURE = const(0x80)
# How an entry is written.
_SIGNED = const(1)
_WIDE = const(2)
_OWN = const(4)
_WIDE_OWN = const(2)  # registers
_FINE_CURRENT = const(3)
_FINE_POWER = const(4)
# A register of 0.01 A holds less than 327 A.
_LARGE_MA = const(320000)

# Registers that may be written, and what they ask for.
_ALARM_RESET = const(40090)
_SET_OPERATION = const(40120)
_OWNER_RESET = const(1608)
_SWITCHES_ALLOWED = const(1609)
_CONNECT = const(1)
_DISCONNECT = const(2)
_BOTH = const(3)

# Values of the model.
_OFF = const(1)
_EMPTY = const(2)
_DISCHARGING = const(3)
_CHARGING = const(4)
_FULL = const(5)
_HOLDING = const(6)
_DISCONNECTED = const(1)
_INITIALIZING = const(2)
_CONNECTED = const(3)
_FAULT = const(99)
_BY_FAULT = const(1)
_BY_OTHERS = const(3)
_OTHERWISE = const(4)
_STILL_DIVISOR = const(500)


class SunSpec:
    def __init__(self, points, unit):
        self._points = points
        self._bms = bms = points.bms
        self._unit_id = unit
        self._cells_at = len(TEMPLATE) // 2
        self._end = self._cells_at + _CELL_REGISTERS * bms.sample.cell_count
        # A scale is fixed for the life of a connection.
        most_ma = bms.table.trip[limits.position(limits.DISCHARGE_OVER_CURRENT_SEVERE)]
        self._large = abs(most_ma) > _LARGE_MA
        self._divisors = (1, 10, 100, 100 if self._large else 10, 10 if self._large else 1)
        self._own = [getattr(self, "_" + name) for name in OWN_VALUES]

    def has(self, register):
        return _START <= register < _START + self._end + 2

    def read(self, first, count, reply):
        """Registers into a reply from byte 3 on; False if not all are there."""
        first -= _START
        end = first + count
        if first < 0 or end > self._end + 2:
            return False
        to = 3
        for register in range(first, min(end, self._cells_at)):
            reply[to] = TEMPLATE[2 * register]
            reply[to + 1] = TEMPLATE[2 * register + 1]
            to += 2
        for register in range(max(first, self._cells_at), end):
            self._put_cell(register - self._cells_at, reply, to)
            to += 2
        if first < self._cells_at:
            self._fill_in(first, end, reply)
        return True

    def command(self, register, value):
        """(number of a point, value for it) that a write asks for; (0, 0) if nothing."""
        if register == _ALARM_RESET:
            return _OWNER_RESET, value
        if register == _SET_OPERATION and value == _CONNECT:
            return _SWITCHES_ALLOWED, _BOTH
        if register == _SET_OPERATION and value == _DISCONNECT:
            return _SWITCHES_ALLOWED, 0
        if register == _SET_OPERATION:
            # Out of range, whatever it is.
            return _SWITCHES_ALLOWED, _BOTH + 1
        return 0, 0

    def _put_cell(self, offset, reply, to):
        points = self._points
        cell = offset // _CELL_REGISTERS
        part = offset % _CELL_REGISTERS
        sample = self._bms.sample
        high = low = 0
        if cell >= sample.cell_count:
            # The end of all models.
            high = low = 0xFF if offset % _CELL_REGISTERS == 0 else 0
        elif part == 0:
            value = sample.values[sample.cells_at + cell]
            high, low = (0xFF, 0xFF) if value == UNKNOWN else (value >> 8 & 0xFF, value & 0xFF)
        elif part == 1:
            high = _NO_TEMPERATURE
        elif part == 3:
            low = 1 if points.bms.balancer.bleed[cell] else 0
        reply[to] = high
        reply[to + 1] = low

    def _fill_in(self, first, end, reply):
        points = self._points
        for at in range(0, len(ENTRIES), _ENTRY):
            register = ENTRIES[at] | ENTRIES[at + 1] << 8
            if register >= end:
                return
            count = ENTRIES[at + 4]
            if register + count <= first:
                continue
            how = ENTRIES[at + 5]
            kind = how >> 4
            for turn in range(count):
                if first <= register + turn < end:
                    if kind == _OWN:
                        value = self._own[ENTRIES[at + 2]]()
                    else:
                        index = 0 if kind == _WIDE else ENTRIES[at + 3] + turn
                        value = points.value(ENTRIES[at + 2], index)
                    to = 3 + 2 * (register + turn - first)
                    self._put(reply, to, value, how, count, turn)

    def _put(self, reply, to, value, how, count, turn):
        kind = how >> 4
        if value == UNKNOWN:
            value = 0x8000 if kind == _SIGNED else 0xFFFF
        elif count == _WIDE_OWN and kind != _SIGNED and kind & (_WIDE | _OWN):
            value = value & 0xFFFF if turn else value >> 16 & 0xFFFF
        elif kind <= _SIGNED:
            divisor = self._divisors[how & 0xF]
            value = (value + divisor // 2) // divisor
            if kind:
                value = max(-0x8000, min(value, 0x7FFF))
            else:
                value = max(0, min(value, 0xFFFF))
        reply[to] = value >> 8 & 0xFF
        reply[to + 1] = value & 0xFF

    # What only this view knows.

    def _unit(self):
        return self._unit_id

    def _charge_status(self):
        bms = self._bms
        sample = bms.sample
        current_ma = sample.values[sample.current_at]
        if not bms.switches.charge_on and not bms.switches.discharge_on:
            return _OFF
        still_ma = bms.counter.capacity_mah // _STILL_DIVISOR
        if current_ma == UNKNOWN:
            return UNKNOWN
        if current_ma > still_ma:
            return _CHARGING
        if current_ma < 0 - still_ma:
            return _DISCHARGING
        if bms.counter.known and bms.counter.soc_permille <= 0:
            return _EMPTY
        return _FULL if bms.counter.known and bms.counter.soc_permille >= 1000 else _HOLDING

    def _bank_state(self):
        bms = self._bms
        state = bms.switches.state
        if state[0] == LATCHED or state[1] == LATCHED:
            return _FAULT
        if self._connected():
            return _CONNECTED
        if bms.switches.reason[0] == REASON_STARTING:
            return _INITIALIZING
        return _FAULT if bms.protection.actions & limits.OPEN_BOTH else _DISCONNECTED

    def _heartbeat(self):
        return self._bms.keeper.uptime_s % 0xFFFF

    def _events(self):
        protection = self._bms.protection
        bits = 0
        if protection.actions:
            for row in range(limits.LAST_ROW):
                if protection.is_tripped(self._points.row_at[row]):
                    bits |= 1 << EVENTS[row]
        return bits

    def _connected(self):
        switches = self._bms.switches
        return 1 if switches.charge_on or switches.discharge_on else 0

    def _string_status(self):
        """Enabled; its contactor closed."""
        return 3 if self._connected() else 1

    def _why_open(self):
        if self._connected():
            return 0
        reason = self._bms.switches.reason[1]
        if reason <= limits.LAST_ROW:
            return _BY_FAULT
        return _BY_OTHERS if reason == REASON_OWNER else _OTHERWISE

    def _bleeding(self):
        return sum(self._bms.balancer.bleed)

    def _set_operation(self):
        return _CONNECT if self._points.door.switches_allowed else _DISCONNECT

    def _current_scale(self):
        return 0xFFFF if self._large else 0xFFFE

    def _power_scale(self):
        return 1 if self._large else 0

    def _charge_power(self):
        return self._power(limits.CHARGE_OVER_CURRENT)

    def _discharge_power(self):
        return self._power(limits.DISCHARGE_OVER_CURRENT)

    def _power(self, row_id):
        """At the current where an over-current has released and half-charged cells at rest."""
        bms = self._bms
        amperes = abs(bms.table.release[self._points.row_at[row_id - 1]]) // 1000
        volts_10 = bms.chemistry.ocv_dmv[50] * bms.sample.cell_count // 1000
        return amperes * volts_10 // (100 if self._large else 10)

    def _depth(self):
        counter = self._bms.counter
        return 1000 - counter.soc_permille if counter.known else UNKNOWN

    def _model_length(self):
        return self._end - self._cells_at + 42
