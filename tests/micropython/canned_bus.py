"""An I2C bus that answers a BQ76952 driver from prepared bytes and allocates nothing itself.

Not a chip model: it knows just the registers that the cycle reads, with their CRC bytes.
"""

from vigil.afe.check_codes import CRC8_TABLE


class Line:
    """A pin that remembers its level."""

    def __init__(self):
        self.level = 0

    def value(self, level):
        self.level = level


class CannedBus:
    def __init__(self):
        self.cell_mv = [3300] * 16
        self.stack_error_mv = 0
        self.tenth_k = 2981
        self.fail = False
        self.frozen = False
        self.corrupt = False
        self._registers = bytearray(256)
        # reply[register] holds (data, crc) pairs ready to be copied.
        self._reply = [bytearray(128) for _ in range(256)]
        # A register that nobody reads need not be laid out.
        self._wanted = bytearray(256)
        self._turn = 0
        self._force_off = 5

    def prepare(self):
        """Lay out all replies for the next cycle (this may allocate)."""
        registers = self._registers
        self._turn += 1
        alarm = 0 if self.frozen else 0x0082
        self._put(0x62, alarm)
        self._put(0x12, 0x0180)
        for cell in range(16):
            self._put(0x14 + 2 * cell, self.cell_mv[cell])
        self._put(0x34, (sum(self.cell_mv) + self.stack_error_mv) // 10)
        # No current flows through open switches.
        self._put(0x3A, 0 if self._force_off else 1000 + self._turn % 3)
        self._put(0x68, 3031)
        for register in (0x70, 0x72, 0x74):
            self._put(register, self.tenth_k)
        registers[0x7F] = (0 if self._force_off & 4 else 1) | (0 if self._force_off & 1 else 4)
        for first in range(256):
            if self._wanted[first]:
                self._lay_out(first)

    def _put(self, register, value):
        self._registers[register] = value & 0xFF
        self._registers[register + 1] = value >> 8 & 0xFF

    def _lay_out(self, first):
        reply = self._reply[first]
        crc = 0
        for byte in (0x10, first, 0x11):
            crc = CRC8_TABLE[crc ^ byte]
        for offset in range(min(64, 256 - first)):
            data = self._registers[first + offset]
            crc = CRC8_TABLE[crc ^ data]
            reply[2 * offset] = data
            reply[2 * offset + 1] = crc ^ (1 if self.corrupt else 0)
            crc = 0

    def readfrom_mem_into(self, address, register, buffer):
        if self.fail:
            raise OSError(19)
        self._wanted[register] = 1
        reply = self._reply[register]
        for offset in range(len(buffer)):
            buffer[offset] = reply[offset]

    def writeto_mem(self, address, register, buffer):
        if self.fail:
            raise OSError(19)
        # FET_CONTROL: code, code, force-off bits, each with its check code.
        if register == 0x3E and buffer[0] == 0x97:
            self._force_off = buffer[4]

    def writeto(self, address, buffer):
        if self.fail:
            raise OSError(19)
