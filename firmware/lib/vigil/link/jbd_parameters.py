"""More of JBD, to be read: factory mode, parameters, error counters; no write changes anything.

Everybody reads. Where the owner shall write too there is vigil.link.jbd_writing.
"""

import time
from array import array

from micropython import const

from vigil import limits
from vigil.link.jbd import Jbd
from vigil.link.rs485 import Rs485

OK = const(0x00)
NO_SUCH_REGISTER = const(0x80)
NOT_ALLOWED = const(0x81)

# Registers.
_FACTORY = const(0x00)
LEAVE = const(0x01)
_BASIC_INFO = const(0x03)
_NAME_AGAIN = const(0x05)
_USE_PASSWORD = const(0x06)
_PASSWORDS = (0x07, 0x09, 0x0F)
MAKER = const(0xA0)
BARCODE = const(0xA2)
_ERRORS = const(0xAA)
SWITCHES = const(0xE1)
SWITCH = const(0xFB)
_SECOND_CURRENTS = const(0x38)
SECOND_DELAYS = const(0x39)

_ENTER = const(0x5678)
SAVE = const(0x2828)
_FACTORY_MS = const(60000)
_TICKS = const(0x3FFFFFFF)
LARGEST = const(0x7FFF)
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
LIMIT = const(4)  # bytes of each
FIELDS = ("trip", "release", "trip_delay_ms", "release_delay_ms")
TRIP = const(0)
RELEASE = const(1)
# Units: mV as they are; 10 mV and 10 mA; 0.1 K; seconds in one byte.
_ONES = const(0)
TENS = const(1)
KELVIN = const(2)
SECONDS = const(3)
ZERO_CELSIUS = const(2731)

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
_RESTARTS = const(11)  # behind them
# mV across the shunt, as the short circuit and the second over-current are coded.
_SHORT_MV = b"\x16\x21\x2c\x38\x43\x4e\x59\x64"
_OVER_MV = b"\x08\x0b\x0e\x11\x13\x16\x19\x1c\x1f\x21\x24\x27\x2a\x2c\x2f\x32"


class Parameters:
    """read() and write() answer for the registers that the Jbd itself has not."""

    def __init__(self, status, name=b"", production_date=0, shunt_uohm=0):
        """shunt_uohm: 0 where it is not told, registers 2C and 38 are then 0."""
        self._status = status
        self._date = production_date
        self._shunt_uohm = shunt_uohm
        self._texts = (b"Vigil", name, b"")
        self._factory = False
        self._touched_ms = 0
        self._counted = array("H", [0] * len(COUNTED))
        self._cleared = array("H", self._counted)  # what was counted when it was last cleared

    # Reading.

    def read(self, register, reply):
        """Put the data of a register into the reply: their number, or 0 - status."""
        if register == _FACTORY:
            # The type of the front end, where 0 is the usual one.
            return self._word(reply, 0, 0)
        if register == _ERRORS:
            return self._errors(reply)
        text = MAKER <= register <= BARCODE
        value = 0 if text else self._parameter(register)
        if value < 0:
            return 0 - NO_SUCH_REGISTER
        if not self._in_factory():
            return 0 - NOT_ALLOWED
        if text:
            text = self._texts[register - MAKER]
            reply[_DATA] = len(text)
            for at in range(len(text)):
                reply[_DATA + 1 + at] = text[at]
            return 1 + len(text)
        return self._word(reply, 0, value)

    def _word(self, reply, index, value):
        reply[_DATA + 2 * index] = value >> 8 & 0xFF
        reply[_DATA + 2 * index + 1] = value & 0xFF
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
        for at in range(0, len(LIMITS), LIMIT):
            if LIMITS[at] == register:
                part = self._part(at)
                if LIMITS[at + 3] != SECONDS:
                    return part
                value = part if value < 0 else value << 8 | part
        return value if value >= 0 else self._own_word(register)

    def _number(self, field, row):
        return getattr(self._status.bms.table, FIELDS[field])[position(row)]

    def _part(self, at):
        """What is shown of a limit: 16 bits, of a delay 8."""
        unit = LIMITS[at + 3]
        number = self._number(LIMITS[at + 1], LIMITS[at + 2])
        if unit == SECONDS:
            return min((number + 500) // 1000, 0xFF)
        if unit == KELVIN:
            return max(0, min(number + ZERO_CELSIUS, 0xFFFF))
        if unit == TENS:
            number = (number + 5) // 10
            if is_current(LIMITS[at]):
                return max(-LARGEST - 1, min(number, LARGEST)) & 0xFFFF
        return max(0, min(number, 0xFFFF))

    def _own_word(self, register):
        bms = self._status.bms
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
        if register == SECOND_DELAYS:
            return self._second_delays(bms.table)
        return -1

    def _second_currents(self, table):
        """Short circuit and second over-current, as the nearest code; doubled if one needs it."""
        if not self._shunt_uohm:
            return 0
        row = position(limits.DISCHARGE_OVER_CURRENT_SEVERE)
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
        over_ms = table.trip_delay_ms[position(limits.CELL_OVER_VOLTAGE_SEVERE)]
        under_ms = table.trip_delay_ms[position(limits.CELL_UNDER_VOLTAGE_SEVERE)]
        while over < 3 and 1500 << over < over_ms:
            over += 1
        while under < 3 and (3000 << under if under else 2500) < under_ms:
            under += 1
        release_ms = table.release_delay_ms[position(limits.SHORT_CIRCUIT_SEEN)]
        return over << 14 | under << 12 | min((release_ms + 500) // 1000, 0xFF)

    def _errors(self, reply):
        """How often each kind of limit has opened a switch since the counters were cleared."""
        self._count_trips()
        for kind in range(len(COUNTED)):
            self._word(reply, kind, self._counted[kind] - self._cleared[kind])
        self._word(reply, _RESTARTS, min(self._status.bms.memory.starts, 0xFFFF))
        return 2 * _RESTARTS + 2

    def _count_trips(self):
        """Of each kind, since the start."""
        counts = self._status.bms.protection.trip_counts
        counted = self._counted
        for kind in range(len(COUNTED)):
            counted[kind] = 0
        for at in range(len(counts)):
            if counts[at]:
                row = limits.TABLE[at]
                for kind in range(len(COUNTED)):
                    if row[limits.JBD_BIT] == COUNTED[kind]:
                        if row[limits.ACTION] != limits.WARNING:
                            counted[kind] = min(counted[kind] + counts[at], 0xFFFF)

    # Writing.

    def write(self, register, request, at):
        """The status of a write whose data begin at request[at]; below 0: verdict() has it."""
        count = request[at - 1]
        value = request[at] << 8 | request[at + 1] if count == 2 else -1
        if register == _FACTORY and value == _ENTER:
            self._in_factory()
            self._factory = True
            return OK
        if register == LEAVE and value == 0:
            self._leave()
            return OK
        # No password is set: keys belong to the door.
        if register == _USE_PASSWORD and count == 7 and request[at] == 6:
            return OK
        return self._change(register, request, at, count, value)

    def caller_left(self):
        """Whoever has asked is gone."""
        self._leave()

    def _leave(self):
        self._factory = False

    def _change(self, register, request, at, count, value):
        return NOT_ALLOWED if self._is_there(register) else NO_SUCH_REGISTER

    def _is_there(self, register):
        if register in _PASSWORDS or register <= LEAVE or register == _ERRORS:
            return True
        if _BASIC_INFO <= register <= _USE_PASSWORD or MAKER <= register <= BARCODE:
            return True
        return register == SWITCHES or register == SWITCH or self._parameter(register) >= 0


def is_current(register):
    return 0x28 <= register <= 0x29


def _nearest(table, number):
    found = 0
    for at in range(len(table)):
        if abs(table[at] - number) < abs(table[found] - number):
            found = at
    return found


def position(row_id):
    """As limits.position(), which takes memory."""
    at = 0
    while limits.TABLE[at][limits.ID] != row_id:
        at += 1
    return at


def offer(board, uart, driver_enable=None, baudrate=9600, shunt_uohm=0):
    """Give a board JBD with everything that can be read, on this port."""

    def jbd_on_rs485(status):
        engine = Jbd(status, board.device_name)
        engine.use(Parameters(status, engine.name, engine.production_date, shunt_uohm))
        return Rs485(uart, engine, driver_enable, baudrate)

    board.links = [jbd_on_rs485]
