"""The pack's figures for everybody, as BTHome v2: Home Assistant shows them without connecting.

The format's fields have bounds: a current beyond 32.767 A stays there, the power beside it not.
"""

from micropython import const

from vigil.link.ble_adverts import Adverts
from vigil.link.ble_battery import has_problem
from vigil.sample import TEMPS, UNKNOWN

_HEAD = const(4)  # length, kind, UUID
_SERVICE_DATA = const(0x16)
_UUID = const(0xFCD2)
_PLAIN = const(0x40)
# Objects, in rising order.
_PACKET = const(0x00)
_CHARGE = const(0x01)
_MILLIVOLTS = const(0x0C)
_PROBLEM = const(0x26)
_TENTHS_OF_VOLTS = const(0x4A)
_DEGREES = const(0x57)
_POWER = const(0x5C)
_CURRENT = const(0x5D)
_MOST_OBJECTS = const(19)


class BtHome(Adverts):
    """Everything in one packet, anew when something has changed."""

    def __init__(self, status, name, service, in_response=False):
        super().__init__(name, service, in_response)
        self._bms = status.bms
        self._objects = bytearray(_MOST_OBJECTS)
        self._to = 0
        self._packet = 0
        self._told = b""

    def refresh(self):
        self._to = 0
        self._put(_PACKET, self._packet, 1)
        self._collect(True, True)
        objects = self._objects
        now = bytes(objects[2 : self._to])
        if now == self._told:
            return False
        self._told = now
        # Receivers pass over a packet whose number they have just heard.
        objects[1] = self._packet = (self._packet + 1) & 0xFF
        self._close(_PLAIN, objects, self._to)
        return True

    def _collect(self, voltage, current):
        """What is known; the rest is left out, and is a problem."""
        bms = self._bms
        sample = bms.sample
        permille = bms.estimator.shown_permille
        stack_mv = sample.values[sample.stack_at]
        current_ma = sample.values[sample.current_at]
        temp_dc = sample.highest(TEMPS)
        unknown = stack_mv == UNKNOWN or current_ma == UNKNOWN or temp_dc == UNKNOWN
        problem = 1 if unknown or has_problem(bms) else 0
        if permille <= 1000:
            self._put(_CHARGE, (permille + 5) // 10, 1)
        if voltage and stack_mv <= 0xFFFF:
            self._put(_MILLIVOLTS, stack_mv, 2)
        self._put(_PROBLEM, problem, 1)
        if voltage and 0xFFFF < stack_mv < UNKNOWN:
            self._put(_TENTHS_OF_VOLTS, (stack_mv + 50) // 100, 2)
        if temp_dc != UNKNOWN:
            self._put(_DEGREES, max(-0x80, min((temp_dc + 5) // 10, 0x7F)), 1)
        if stack_mv != UNKNOWN and current_ma != UNKNOWN:
            # This stays off the heap up to 100 V and a kiloampere.
            power = (stack_mv + 5) // 10 * ((abs(current_ma) + 5) // 10) // 100
            self._put(_POWER, power if current_ma >= 0 else 0 - power, 4)
        if current and current_ma != UNKNOWN:
            self._put(_CURRENT, max(-0x7FFF, min(current_ma, 0x7FFF)), 2)

    def _put(self, kind, value, size):
        objects = self._objects
        at = self._to
        objects[at] = kind
        for _ in range(size):
            at += 1
            objects[at] = value & 0xFF
            value >>= 8
        self._to = at + 1

    def _close(self, information, payload, length):
        """Put the packet together."""
        buffer = self._buffer
        at = self._own
        buffer[at] = _HEAD + length
        buffer[at + 1] = _SERVICE_DATA
        buffer[at + 2] = _UUID & 0xFF
        buffer[at + 3] = _UUID >> 8
        buffer[at + 4] = information
        at += _HEAD + 1
        for index in range(length):
            buffer[at + index] = payload[index]
        self.data = memoryview(buffer)[: at + length]
