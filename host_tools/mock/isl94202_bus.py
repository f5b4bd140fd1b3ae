"""I2C port of the ISL94202 model: registers behind a pointer, no check codes whatever happens.

Configuration exists twice, in `eeprom` and in the working copy `regs`; EEEN chooses which of them
the host sees.
"""

from host_tools.mock.isl94202_map import CONFIG_END, EEEN, HOLE_END, HOLE_FROM, NEW_WORDS
from host_tools.mock.seeded_random import SeededRandom

ADDRESS = 0x28
_MOST_DATA_BYTES = 4
_LAST = 0xAB


class RegisterPort:
    # Whether a disturbed write arrives changed, or goes unacknowledged.
    spoiled_writes_arrive = False
    # EEPROM addresses that take only the second of two writes in a row: the sheet doubts some.
    written_twice = ()

    def __init__(self, seed):
        self.address = ADDRESS
        self.regs = bytearray(256)
        self.eeprom = bytearray(CONFIG_END)
        for at in range(CONFIG_END):
            self.eeprom[at] = NEW_WORDS[at >> 1] >> 8 * (at & 1) & 0xFF
        self.answering = True
        # Fault hooks: bits of every transfer change; data line held high; another make of chip.
        self.corrupt_checks = False
        self.reads_ones = False
        self.impostor = False
        # What a host should never do; counted, not refused.
        self.forbidden_writes = 0
        self._noise = SeededRandom(seed * 5 + 3)
        self._pointer = 0
        self._half_written = None

    def i2c_present(self):
        return self.answering

    def i2c_write(self, data):
        """The number of bytes acknowledged: register and at most four data bytes."""
        if not self.i2c_present():
            return 0
        self._heard()
        length = len(data)
        if length == 0:
            return 0
        if self.corrupt_checks and length > 1:
            if not self.spoiled_writes_arrive:
                return 1
            data = self._spoiled(data)
        self._pointer = data[0]
        taken = min(length, 1 + _MOST_DATA_BYTES)
        if taken < length:
            self.forbidden_writes += 1
        for at in range(1, taken):
            self._take(data[at])
        return taken

    def _take(self, value):
        register = self._pointer
        self._pointer = (register + 1) & 0xFF
        # A byte may have sent the chip to sleep.
        if self.impostor or not self.i2c_present():
            return
        if HOLE_FROM <= register < HOLE_END or register > _LAST:
            self.forbidden_writes += 1
        elif register < CONFIG_END and self.regs[EEEN]:
            self._keep(register, value)
        else:
            self._written(register, value)

    def _keep(self, register, value):
        first = self._half_written != (register, value)
        self._half_written = (register, value) if first else None
        if register not in self.written_twice or not first:
            self.eeprom[register] = value

    def i2c_read(self, count):
        if not self.i2c_present():
            return None
        self._heard()
        first = self._pointer
        self._pointer = (first + count) & 0xFF
        if self.reads_ones:
            return b"\xff" * count
        if self.impostor:
            return bytes([(first + at) * 73 + 19 & 0xFF for at in range(count)])
        self._about_to_read(first, count)
        data = bytes([self._shown((first + at) & 0xFF) for at in range(count)])
        return self._spoiled(data) if self.corrupt_checks else data

    def _shown(self, register):
        if register < CONFIG_END and self.regs[EEEN]:
            return self.eeprom[register]
        if HOLE_FROM <= register < HOLE_END or register > _LAST:
            return 0
        return self.regs[register]

    def _spoiled(self, data):
        """One byte or more with wrong bits, never the same twice."""
        data = bytearray(data)
        random = self._noise
        for _ in range(1 + len(data) // 4):
            data[random.below(len(data))] ^= 1 + random.below(255)
        return bytes(data)

    def _heard(self):
        """Somebody talks to the chip."""

    def _about_to_read(self, first, count):
        """For what is only known at the moment of looking."""

    def _written(self, register, value):
        raise NotImplementedError
