"""SunSpec models 1, 802, 803 and 805 as registers from 40000 on: a view over the points.

Template and what is filled in come from host_tools/points/sunspec.py.
"""

from micropython import const

from vigil import limits
from vigil.link.sunspec_table import ENTRIES, EVENTS, MODELS, OWN_VALUES, REGISTERS, TEMPLATE
from vigil.points_table import NAMES
from vigil.sample import UNKNOWN
from vigil.switches import LATCHED, REASON_OWNER, REASON_STARTING

_START = const(40000)
_CHUNK = const(14)  # registers in one piece of the template
_PART = const(64)  # registers that are filled in at once, at most
_HEAD = const(5)  # bytes of an entry before its places
_CELL_REGISTERS = const(4)
_NO_TEMPERATURE = const(0x80)
# How an entry is written.
_SIGNED = const(1)
_TEXT = const(3)
_OWN = const(4)
_HELD = const(0x80)
# A register of 0.01 A holds less than 327 A.
_LARGE_MA = const(320000)
# The same as UNKNOWN, without looking it up.
_UNKNOWN = const(0x1FFFFFFF)

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
        self._cells_at = REGISTERS
        self._end = self._cells_at + _CELL_REGISTERS * bms.sample.cell_count
        # A scale is fixed for the life of a connection.
        most_ma = bms.table.trip[limits.position(limits.DISCHARGE_OVER_CURRENT_SEVERE)]
        self._large = abs(most_ma) > _LARGE_MA
        self._divisors = (1, 10, 100, 100 if self._large else 10, 10 if self._large else 1)
        self._own = [getattr(self, "_" + name) for name in OWN_VALUES]

    def has(self, register):
        return _START <= register < _START + self._end + 2

    def read(self, first, count, reply, to):
        """Registers into a reply from byte `to` on, up to the end of one model, or a part of it.

        How many are done; 0 if not all that were asked for are there.
        """
        first -= _START
        end = first + count
        if first < 0 or end > self._end + 2:
            return 0
        if end > first + _PART:
            end = first + _PART
        which = 0
        for model in MODELS:
            if model <= first:
                which += 1
            elif model < end:
                end = model
        base = to - 2 * first
        register = first
        still = end if end < self._cells_at else self._cells_at
        while register < still:
            place = register % _CHUNK
            chunk = TEMPLATE[register // _CHUNK]
            if not place and register + _CHUNK <= still:
                reply[to : to + 2 * _CHUNK] = chunk
                register += _CHUNK
                to += 2 * _CHUNK
                continue
            place *= 2
            register += 1
            reply[to] = chunk[place]
            reply[to + 1] = chunk[place + 1]
            to += 2
        if register < end:
            self._put_cells(register - self._cells_at, end - register, reply, to)
        if first < self._cells_at:
            self._fill_in(ENTRIES[which], first, end, reply, base)
        return end - first

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

    def _put_cells(self, offset, count, reply, to):
        """Of each cell: its voltage, no temperature, nothing, whether it is bled; then the end."""
        sample = self._bms.sample
        values = sample.cell_values
        bleed = self._bms.balancer.bleed
        cells = sample.cell_count
        end = offset + count
        while offset < end:
            cell = offset // _CELL_REGISTERS
            part = offset % _CELL_REGISTERS
            offset += 1
            high = low = 0
            if not part:
                value = 0xFFFF
                if cell < cells and values[cell] != _UNKNOWN:
                    value = values[cell]
                high = value >> 8 & 0xFF
                low = value & 0xFF
            elif cell < cells:
                if part == 1:
                    high = _NO_TEMPERATURE
                elif part == 3 and bleed[cell]:
                    low = 1
            reply[to] = high
            reply[to + 1] = low
            to += 2

    def _fill_in(self, entries, first, end, reply, base):
        """Every value that these registers show: asked for once, put wherever it belongs.

        base: where register 0 would be in the reply.
        """
        points = self._points
        holders = points._holders
        computed = points._computed
        names = NAMES
        size = len(entries)
        at = 0
        while at < size:
            head = at
            place = at + _HEAD
            at = place + 2 * entries[at + 4]
            register = entries[place] | entries[place + 1] << 8
            if register >= end:
                # So do all that follow.
                return
            count = entries[head + 3]
            if register < first and (entries[at - 2] | entries[at - 1] << 8) + count <= first:
                continue
            how = entries[head + 2]
            kind = how >> 4
            value = entries[head]
            if how >= _HELD:
                held = holders[entries[head + 1]]
                value = _UNKNOWN if held is None else getattr(held, names[value])
                kind -= _HELD >> 4
            elif kind < _TEXT:
                value = computed[value](points, entries[head + 1])
            elif kind == _OWN:
                value = self._own[value]()
            else:
                self._put_text(value, register, count, first, end, reply, base)
                continue
            if count > 1:
                high = value >> 16
                if value == _UNKNOWN:
                    high = value = 0xFFFF
            elif value == _UNKNOWN:
                value = 0x8000 if kind == _SIGNED else 0xFFFF
            else:
                how &= 0xF
                if how:
                    how = self._divisors[how]
                    value = (value + (how >> 1)) // how
                if kind == _SIGNED:
                    if value + 0x8000 >> 16:
                        value = 0x7FFF if value > 0 else 0x8000
                elif value >> 16:
                    value = 0xFFFF if value > 0 else 0
            while True:
                to = base + 2 * register
                if count > 1:
                    if first <= register < end:
                        reply[to] = high >> 8 & 0xFF
                        reply[to + 1] = high & 0xFF
                    register += 1
                    to += 2
                if first <= register < end:
                    reply[to] = value >> 8 & 0xFF
                    reply[to + 1] = value & 0xFF
                place += 2
                if place == at:
                    break
                register = entries[place] | entries[place + 1] << 8

    def _put_text(self, source, register, count, first, end, reply, base):
        begin = register if register > first else first
        if register + count < end:
            end = register + count
        number = self._points.number(source) + begin - register
        self._points.fill(number, end - begin, reply, base + 2 * begin)

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
        permille = bms.estimator.shown_permille
        if permille == 0:
            return _EMPTY
        return _FULL if permille == 1000 else _HOLDING

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
        permille = self._bms.estimator.shown_permille
        return UNKNOWN if permille == UNKNOWN else 1000 - permille

    def _model_length(self):
        return self._end - self._cells_at + 42
