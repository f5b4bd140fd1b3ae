"""I2C port of the BQ769x0 model: plain framing, or a check code behind every data byte.

A write is checked over address, register and data, a read over the read address and data; every
further byte of a block has a check of its own. Registers live in `regs`.
"""

from host_tools.mock.bq76952_bus import CRC_TABLE


class RegisterPort:
    """256 registers behind a pointer that moves on by itself and wraps at the end."""

    def __init__(self, address, crc):
        self.address = address
        self.crc_mode = crc
        self.regs = bytearray(256)
        self.answering = True
        self.corrupt_checks = False
        # Fault hook: data line held high, so that every bit reads 1.
        self.reads_ones = False
        self._pointer = 0
        self._write_seed = CRC_TABLE[address << 1]
        self._read_seed = CRC_TABLE[address << 1 | 1]

    def i2c_present(self):
        return self.answering

    def i2c_write(self, data):
        """The number of bytes acknowledged."""
        if not self.i2c_present():
            return 0
        length = len(data)
        if length == 0:
            return 0
        self._pointer = data[0]
        if not self.crc_mode:
            for at in range(1, length):
                self._take(data[at])
            return length
        seed = CRC_TABLE[self._write_seed ^ data[0]]
        # A last byte without its check never counts.
        for at in range(1, length - 1, 2):
            value = data[at]
            if self.corrupt_checks or data[at + 1] != CRC_TABLE[seed ^ value]:
                return at + 1
            self._take(value)
            seed = 0
        return length

    def _take(self, value):
        register = self._pointer
        self._pointer = (register + 1) & 0xFF
        # A byte may have sent the chip to sleep.
        if self.i2c_present():
            self._written(register, value)

    def i2c_read(self, count):
        if not self.i2c_present():
            return None
        needed = (count + 1) >> 1 if self.crc_mode else count
        first = self._pointer
        self._pointer = (first + needed) & 0xFF
        if self.reads_ones:
            return b"\xff" * count
        self._about_to_read(first, needed)
        regs = self.regs
        data = bytes([regs[(first + at) & 0xFF] for at in range(needed)])
        if not self.crc_mode:
            return data
        framed = bytearray()
        seed = self._read_seed
        spoiled = 0x5A if self.corrupt_checks else 0
        for value in data:
            framed.append(value)
            framed.append(CRC_TABLE[seed ^ value] ^ spoiled)
            seed = 0
        # A single byte may be read and its check left aside.
        return bytes(framed[:count])

    def _about_to_read(self, first, count):
        """For what is only known at the moment of looking."""

    def _written(self, register, value):
        raise NotImplementedError
