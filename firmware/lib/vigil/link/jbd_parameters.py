"""The rest of JBD, over the points: factory mode, parameters, switches, error counters, passwords.

Everybody reads. A write goes through the door, in the role that JBD has there at that moment:
parameters are staged as a set of limits, which saving checks and commits, or refuses, as a whole.
"""

import time
from array import array

from micropython import const

from vigil import door, limits
from vigil.door import JBD
from vigil.limit_stage import COMMITTED, REFUSED
from vigil.link.jbd import Jbd
from vigil.link.rs485 import Rs485
from vigil.points import Points

_OK = const(0x00)
_NO_SUCH_REGISTER = const(0x80)
_NOT_ALLOWED = const(0x81)
_WAITS = const(-1)

# Registers.
_FACTORY = const(0x00)
_LEAVE = const(0x01)
_BASIC_INFO = const(0x03)
_NAME_AGAIN = const(0x05)
_USE_PASSWORD = const(0x06)
_PASSWORDS = (0x07, 0x09, 0x0F)
_ERRORS = const(0xAA)
_SECOND_CURRENTS = const(0x38)
_SECOND_DELAYS = const(0x39)
_SWITCHES = const(0xE1)
_SWITCH = const(0xFB)
_MAKER = const(0xA0)
_NAME = const(0xA1)
_BARCODE = const(0xA2)

_ENTER = const(0x5678)
_SAVE = const(0x2828)
_FACTORY_MS = const(60000)
_TICKS = const(0x3FFFFFFF)
_LARGEST = const(0x7FFF)
_DATA = const(4)  # where an answer's data begin

# The parameters that are limits: register, what of the row, row, unit. Of two with the same
# register the first is the upper byte.
LIMITS = (
    b"\x18\x00\x09\x02\x19\x01\x09\x02\x1a\x00\x0a\x02\x1b\x01\x0a\x02"
    b"\x1c\x00\x0b\x02\x1d\x01\x0b\x02\x1e\x00\x0c\x02\x1f\x01\x0c\x02"
    b"\x20\x00\x05\x01\x21\x01\x05\x01\x22\x00\x06\x01\x23\x01\x06\x01"
    b"\x24\x00\x02\x00\x25\x01\x02\x00\x26\x00\x04\x00\x27\x01\x04\x00"
    b"\x28\x00\x07\x01\x29\x00\x08\x01\x36\x00\x19\x00\x37\x00\x1a\x00"
    b"\x3a\x02\x0a\x03\x3a\x02\x09\x03\x3b\x02\x0c\x03\x3b\x02\x0b\x03"
    b"\x3c\x02\x06\x03\x3c\x02\x05\x03\x3d\x02\x04\x03\x3d\x02\x02\x03"
    b"\x3e\x02\x07\x03\x3e\x03\x07\x03\x3f\x02\x08\x03\x3f\x03\x08\x03"
)
_LIMIT = const(4)  # bytes of each
FIELDS = ("trip", "release", "trip_delay_ms", "release_delay_ms")
_TRIP = const(0)
_RELEASE = const(1)
# Units: mV as they are; 10 mV and 10 mA; 0.1 K; seconds in one byte.
_ONES = const(0)
_TENS = const(1)
_KELVIN = const(2)
_SECONDS = const(3)
_ZERO_CELSIUS = const(2731)
# A row's trip that is written takes along what JBD has no register for: row, what follows, what
# of it. It keeps its distance.
FOLLOWERS = b"\x02\x01\x00\x02\x01\x01\x04\x03\x00\x04\x03\x01\x19\x19\x01\x1a\x1a\x01"
_FOLLOWER = const(3)
_MOST_WRITES = const(4)  # of one parameter: a set begun, the number, two followers

# Points.
_STAGED = (1000, 1128, 1256, 1384)  # as FIELDS
_BEGIN = const(1604)
_COMMIT = const(1606)
_ABANDON = const(1607)
_ALLOWED = const(1609)
# What is no point is recorded as this and its register.
NO_POINT = const(0xFF00)

# Cell voltage at so many percent, register by register.
PERCENTS = (
    b"\x12\x64\x13\x00\x32\x50\x33\x3c\x34\x28\x35\x14"
    b"\x42\x5a\x43\x46\x44\x32\x45\x1e\x46\x0a\x47\x64"
)
# Zero, as nothing here has them: self discharge, serial number, times of a switch and of LEDs.
ZEROS = (0x14, 0x16, 0x30, 0x31)
# Short-circuit recovery needs the load taken away; balancing.
_FUNCTIONS = const(6)
# Bits of the protection word in the order of the error counters.
COUNTED = b"\x0a\x08\x09\x00\x01\x04\x05\x06\x07\x02\x03"
_COUNTERS = const(12)  # the last one: restarts
# mV across the shunt, as the short circuit and the second over-current are coded.
_SHORT_MV = b"\x16\x21\x2c\x38\x43\x4e\x59\x64"
_OVER_MV = b"\x08\x0b\x0e\x11\x13\x16\x19\x1c\x1f\x21\x24\x27\x2a\x2c\x2f\x32"


class Parameters:
    """read() and write() answer for the registers that the Jbd itself has not."""

    def __init__(self, points, name=b"", production_date=0, shunt_uohm=0):
        """shunt_uohm: 0 where it is not told, registers 2C and 38 are then 0."""
        self._points = points
        self._door = points.door
        self._date = production_date
        self._shunt_uohm = shunt_uohm
        self._texts = (b"Vigil", name, b"")
        self._factory = False
        self._touched_ms = 0
        self._editing = False  # the set of limits in the making is ours
        self._cleared = array("H", [0] * len(COUNTED))  # error counters when they were cleared

    # Reading.

    def read(self, register, reply):
        """Put the data of a register into the reply: their number, or 0 - status."""
        if register == _FACTORY:
            # The type of the front end, where 0 is the usual one.
            return self._two(reply, 0)
        if register == _ERRORS:
            return self._errors(reply)
        text = _MAKER <= register <= _BARCODE
        value = 0 if text else self._parameter(register)
        if value < 0:
            return 0 - _NO_SUCH_REGISTER
        if not self._in_factory():
            return 0 - _NOT_ALLOWED
        if text:
            text = self._texts[register - _MAKER]
            reply[_DATA] = len(text)
            for at in range(len(text)):
                reply[_DATA + 1 + at] = text[at]
            return 1 + len(text)
        return self._two(reply, value)

    def _two(self, reply, value):
        reply[_DATA] = value >> 8 & 0xFF
        reply[_DATA + 1] = value & 0xFF
        return 2

    def _in_factory(self):
        """Looked at by everything that needs it, which puts its end off."""
        now_ms = time.ticks_ms()
        if self._factory and (now_ms - self._touched_ms) & _TICKS >= _FACTORY_MS:
            self._leave()
        self._touched_ms = now_ms
        return self._factory

    def _parameter(self, register):
        """16 bits; -1 if there is no such parameter."""
        value = -1
        for at in range(0, len(LIMITS), _LIMIT):
            if LIMITS[at] == register:
                part = self._part(at)
                if LIMITS[at + 3] != _SECONDS:
                    return part
                value = part if value < 0 else value << 8 | part
        return value if value >= 0 else self._own_word(register)

    def _number(self, field, row):
        """Of the set in the making, else of that which runs."""
        at = self._points.row_at[row - 1]
        stage = self._door.stage
        table = self._points.bms.table
        if self._editing:
            begins = self._door.coming(_BEGIN, -1) >= 0
            if not begins and stage.is_begun and stage.state != REFUSED:
                table = stage.table
            number = getattr(table, FIELDS[field])[at]
            return self._door.coming(_STAGED[field] + 2 * (row - 1), number)
        return getattr(table, FIELDS[field])[at]

    def _part(self, at):
        """What is shown of a limit: 16 bits, of a delay 8."""
        unit = LIMITS[at + 3]
        number = self._number(LIMITS[at + 1], LIMITS[at + 2])
        if unit == _SECONDS:
            return min((number + 500) // 1000, 0xFF)
        if unit == _KELVIN:
            return max(0, min(number + _ZERO_CELSIUS, 0xFFFF))
        if unit == _TENS:
            number = (number + 5) // 10
            if _is_current(LIMITS[at]):
                return max(-_LARGEST - 1, min(number, _LARGEST)) & 0xFFFF
        return max(0, min(number, 0xFFFF))

    def _own_word(self, register):
        bms = self._points.bms
        for at in range(0, len(PERCENTS), 2):
            if PERCENTS[at] == register:
                return bms.chemistry.ocv_dmv[PERCENTS[at + 1]] // 10
        if register in ZEROS:
            return 0
        if register == 0x10 or register == 0x11:
            return min((bms.counter.capacity_mah + 5) // 10, 0xFFFF)
        if register == 0x15:
            return self._date
        if register == 0x17:
            return min(bms.counter.cycles, 0xFFFF)
        if register == 0x2A:
            return bms.balancer.policy.start_mv
        if register == 0x2B:
            return bms.balancer.policy.delta_mv
        if register == 0x2C:
            tenths = self._shunt_uohm // 100
            # Not a multiple of 0.1 mOhm: in 0.01 mOhm, and marked so.
            return tenths if tenths * 100 == self._shunt_uohm else self._shunt_uohm // 10 | 0x8000
        if register == 0x2D:
            return _FUNCTIONS
        if register == 0x2E:
            return (1 << min(bms.sample.temp_count, 8)) - 1
        if register == 0x2F:
            return bms.sample.cell_count
        if register == _SECOND_CURRENTS:
            return self._second_currents(bms.table)
        if register == _SECOND_DELAYS:
            return self._second_delays(bms.table)
        return -1

    def _second_currents(self, table):
        """Short circuit and second over-current, as the nearest code; doubled if one needs it."""
        if not self._shunt_uohm:
            return 0
        row = self._points.row_at[limits.DISCHARGE_OVER_CURRENT_SEVERE - 1]
        short_mv = abs(table.short_circuit_ma) // 100 * self._shunt_uohm // 10000
        over_mv = abs(table.trip[row]) // 100 * self._shunt_uohm // 10000
        doubled = 0
        if short_mv > 100 or over_mv > 50:
            doubled = 0x8000
            short_mv //= 2
            over_mv //= 2
        short = _nearest(_SHORT_MV, short_mv)
        delay_us = table.short_circuit_delay_us
        short |= (0 if delay_us < 85 else 1 if delay_us < 150 else 2 if delay_us < 300 else 3) << 3
        code = 0
        while code < 7 and (10 << code if code else 8) < table.trip_delay_ms[row]:
            code += 1
        return doubled | short << 8 | code << 4 | _nearest(_OVER_MV, over_mv)

    def _second_delays(self, table):
        over = under = 0
        rows = self._points.row_at
        over_ms = table.trip_delay_ms[rows[limits.CELL_OVER_VOLTAGE_SEVERE - 1]]
        under_ms = table.trip_delay_ms[rows[limits.CELL_UNDER_VOLTAGE_SEVERE - 1]]
        while over < 3 and 1500 << over < over_ms:
            over += 1
        while under < 3 and (3000 << under if under else 2500) < under_ms:
            under += 1
        release_ms = table.release_delay_ms[rows[limits.SHORT_CIRCUIT_SEEN - 1]]
        return over << 14 | under << 12 | min((release_ms + 500) // 1000, 0xFF)

    def _errors(self, reply):
        """How often each kind of limit has opened a switch since the counters were cleared."""
        bms = self._points.bms
        for kind in range(len(COUNTED)):
            total = self._trips(COUNTED[kind]) - self._cleared[kind]
            reply[_DATA + 2 * kind] = total >> 8 & 0xFF
            reply[_DATA + 2 * kind + 1] = total & 0xFF
        starts = min(bms.memory.starts, 0xFFFF)
        reply[_DATA + 2 * _COUNTERS - 2] = starts >> 8
        reply[_DATA + 2 * _COUNTERS - 1] = starts & 0xFF
        return 2 * _COUNTERS

    def _trips(self, bit):
        counts = self._points.bms.protection.trip_counts
        total = 0
        for at in range(len(counts)):
            if counts[at]:
                row = limits.TABLE[at]
                if row[limits.JBD_BIT] == bit and row[limits.ACTION] != limits.WARNING:
                    total += counts[at]
        return min(total, 0xFFFF)

    # Writing.

    def write(self, register, request, at):
        """The status of a write whose data begin at request[at]; below 0: verdict() has it."""
        count = request[at - 1]
        value = request[at] << 8 | request[at + 1] if count == 2 else -1
        if register == _FACTORY:
            if value == _ENTER:
                self._in_factory()
                self._factory = True
                return _OK
        elif register == _LEAVE:
            if value == 0:
                self._leave()
                return _OK
            if value == _SAVE and self._in_factory():
                return self._save()
        elif register == _USE_PASSWORD:
            # None is set: keys belong to the door.
            if count == 7 and request[at] == 6:
                return _OK
        elif register in _PASSWORDS or _BASIC_INFO <= register <= _NAME_AGAIN:
            pass
        elif register == _ERRORS:
            pass
        elif register == _SWITCHES:
            if 0 <= value <= 3:
                return self._command(_ALLOWED, 3 ^ value)
        elif register == _SWITCH:
            which = value >> 8
            if value >= 0 and value & 0xFE == 0 and which in (0x00, 0x01, 0x0A):
                mask = 3 if which == 0x0A else 1 if which else 2
                allowed = self._door.coming(_ALLOWED, self._door.switches_allowed)
                off = value & 1
                return self._command(_ALLOWED, allowed & ~mask if off else allowed | mask)
        elif _MAKER <= register <= _BARCODE:
            return self._write_text(register, request, at, count)
        else:
            shown = self._parameter(register)
            if shown < 0:
                return self._refuse(register, door.NO_SUCH_POINT, _NO_SUCH_REGISTER)
            if count == 2:
                return self._write_parameter(register, value, shown)
        return self._refuse(register, door.NOT_ALLOWED)

    def _refuse(self, register, code, status=_NOT_ALLOWED):
        self._door.refuse(NO_POINT | register, code)
        return status

    def _command(self, number, value):
        return _OK if self._door.write(number, value, JBD) == door.TAKEN else _NOT_ALLOWED

    def _is_owner(self):
        return self._door.authority.role(JBD) >= door.OWNER

    def _write_text(self, register, request, at, count):
        """Nothing can be renamed, but what is written back as it was read is no rename."""
        text = self._texts[register - _MAKER]
        if not self._in_factory() or not self._is_owner():
            return self._refuse(register, door.NOT_ALLOWED)
        same = count == len(text) + 1 and request[at] == len(text)
        for index in range(len(text)):
            same = same and request[at + 1 + index] == text[index]
        return _OK if same else self._refuse(register, door.READ_ONLY)

    def _write_parameter(self, register, value, shown):
        if not self._in_factory() or not self._is_owner():
            return self._refuse(register, door.NOT_ALLOWED)
        if value == shown:
            # Whoever writes everything back changes nothing, not even what was rounded.
            return _OK
        if self._door.room < _MOST_WRITES:
            return self._refuse(register, door.BUSY)
        shift = 8
        for at in range(0, len(LIMITS), _LIMIT):
            if LIMITS[at] == register:
                if LIMITS[at + 3] != _SECONDS:
                    return self._put(at, self._meant(at, value))
                if value >> shift & 0xFF != shown >> shift & 0xFF:
                    status = self._put(at, (value >> shift & 0xFF) * 1000)
                    if status != _OK:
                        return status
                if not shift:
                    return _OK
                shift = 0
        # Clients that count in floats write one unit less than they have read, and bmstools
        # turns the two delays of one register round.
        same = abs(value - shown) == 1
        if register == _SECOND_DELAYS:
            same = value == shown & 0xFF | (shown & 0x3000) << 2 | (shown & 0xC000) >> 2
        return _OK if same else self._refuse(register, door.READ_ONLY)

    def _meant(self, at, value):
        unit = LIMITS[at + 3]
        if unit == _KELVIN:
            return value - _ZERO_CELSIUS
        if unit == _TENS:
            if _is_current(LIMITS[at]) and value > _LARGEST:
                value -= 0x10000
            return value * 10
        return value

    def _put(self, at, number):
        """A limit and what follows it into the set in the making."""
        field = LIMITS[at + 1]
        row = LIMITS[at + 2]
        if not self._editing:
            if self._door.write(_BEGIN, self._points.limits_schema[1], JBD) != door.TAKEN:
                return _NOT_ALLOWED
            self._editing = True
        before = self._number(field, row)
        if not self._stage(field, row, number):
            return _NOT_ALLOWED
        if field == _TRIP:
            if row == limits.CHARGE_OVER_CURRENT or row == limits.DISCHARGE_OVER_CURRENT:
                self._stage(_RELEASE, row, number * 9 // 10)
            for at in range(0, len(FOLLOWERS), _FOLLOWER):
                if FOLLOWERS[at] == row:
                    field = FOLLOWERS[at + 2]
                    row_there = FOLLOWERS[at + 1]
                    moved = self._number(field, row_there) + number - before
                    self._stage(field, row_there, moved)
        return _OK

    def _stage(self, field, row, number):
        written = self._door.write(_STAGED[field] + 2 * (row - 1), number, JBD)
        if written != door.TAKEN:
            # Somebody else has ended the set, or the window has closed.
            self._editing = False
        return written == door.TAKEN

    # The end of factory mode.

    def _leave(self):
        """Whatever has been staged is given up."""
        self._factory = False
        if self._editing:
            self._editing = False
            self._door.write(_ABANDON, 1, JBD)

    def _save(self):
        if not self._is_owner():
            self._leave()
            return self._refuse(_LEAVE, door.NOT_ALLOWED)
        self._factory = False
        for kind in range(len(COUNTED)):
            self._cleared[kind] = self._trips(COUNTED[kind])
        self._door.done(NO_POINT | _LEAVE, _SAVE, JBD)
        if not self._editing:
            return _OK
        self._editing = False
        if self._door.write(_COMMIT, 1, JBD) != door.TAKEN:
            return _NOT_ALLOWED
        return _WAITS

    def verdict(self):
        """The status of saving, below 0 while the set is being checked."""
        stage = self._door.stage
        if self._door.waiting or stage.is_checking:
            return _WAITS
        if stage.state == COMMITTED:
            return _OK
        if stage.is_begun:
            self._door.write(_ABANDON, 1, JBD)
        return _NOT_ALLOWED


def _is_current(register):
    return 0x28 <= register <= 0x29


def _nearest(table, number):
    found = 0
    for at in range(len(table)):
        if abs(table[at] - number) < abs(table[found] - number):
            found = at
    return found


def offer(board, uart, driver_enable=None, baudrate=9600, shunt_uohm=0):
    """Give a board the whole of JBD on this port, and the points behind it."""

    def jbd_on_rs485(status):
        engine = Jbd(status, board.device_name)
        engine.use(Parameters(status.points, engine.name, engine.production_date, shunt_uohm))
        return Rs485(uart, engine, driver_enable, baudrate)

    board.points = Points
    board.links = [jbd_on_rs485]
