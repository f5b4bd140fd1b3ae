"""Plain Modbus RTU, for reading the points where the native protocol is not spoken."""

import struct

from host_tools.client.carriers import ModbusFrames
from host_tools.client.errors import Refused
from host_tools.client.trying import SHORT, TRIES, attempts, tries_for

_READ = 3
_EXCEPTIONS = {
    1: "it does not know the function",
    2: "a register of the range is nobody's",
    3: "the count does not fit",
    4: "it has failed",
    6: "it is busy",
}


class Modbus:
    """Reads holding registers of one unit."""

    most_registers = 125
    tries = TRIES

    def __init__(self, line, unit=1):
        self.unit = unit
        self._carrier = ModbusFrames(line, unit, _READ)

    def read_blocks(self, blocks):
        """[(first number, registers)] -> the registers of each block."""
        return [self._read(number, count) for number, count in blocks]

    def shorten(self):
        """From now on short answers, which a noisy line damages more rarely; False if they are."""
        was, self.most_registers = self.most_registers, SHORT
        return was > SHORT

    def _read(self, number, count):
        request = struct.pack(">BBHH", self.unit, _READ, number, count)

        def wanted(frame):
            if frame[1] != _READ:
                return frame
            return frame if frame[2] == 2 * count else None

        tries = tries_for(count, self.tries)
        frame = attempts(lambda: self._carrier.exchange(request, wanted), tries)
        if frame[1] != _READ:
            why = _EXCEPTIONS.get(frame[2], f"exception {frame[2]}")
            raise Refused(f"the BMS refuses to give registers {number} and on: {why}", frame[2])
        return list(struct.unpack(f">{count}H", frame[3:]))
