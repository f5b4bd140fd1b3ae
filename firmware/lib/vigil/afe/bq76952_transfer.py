"""BQ76952 on I2C: bytes and check codes; knows no register's meaning.

Direct reads and prepared writes allocate nothing once each length has been used. Times in us.
"""

import time

from micropython import const

from vigil import kernels
from vigil.afe.bq76952_subcommands import LARGEST_WRITE, Subcommands
from vigil.afe.check_codes import CRC8_TABLE
from vigil.afe.errors import CHECK_FAILED, NO_ANSWER, AfeError, failure

_BATTERY_STATUS = const(0x12)
_I2C_FAST_CRC = const(0x12)
# A chip that is busy or disturbed needs a moment more than an address takes on the bus.
_RETRY_US = const(500)


class Transfer(Subcommands):
    """The chip on I2C at its 7-bit address."""

    # What the chip's Comm Type is to say.
    comm_type = _I2C_FAST_CRC
    hides_reset = False  # one that has reset still answers, with bytes that fail their check

    def __init__(self, i2c, address):
        super().__init__()
        self._i2c = i2c
        self._address = address
        self._write_address = address << 1
        # Every byte has a check code behind it.
        self._tx = bytearray(2 * LARGEST_WRITE)
        # Pre-cut by length on the wire; the cycle's lengths now, bring-up's when they occur.
        self._rx_cuts = {}
        self._tx_cuts = {}
        for count in (2, 3, 4):
            self._cut(self._tx_cuts, self._tx, 2 * count)

    def reading(self, register, count):
        """What take() needs, made once: register, count, view of that length, seed of its CRC."""
        view = self._cut(self._rx_cuts, self.data, 2 * count)
        return register, count, view, self._seed(register)

    def writing(self, register, data):
        """What send() needs, made once: register and all bytes, check codes in between."""
        for index in range(len(data)):
            self.payload[index] = data[index]
        return register, bytes(self._coded(register, len(data)))

    def take(self, reading):
        """read() for the cycle: a prepared reading, with check codes."""
        register, count, view, seed = reading
        try:
            self._i2c.readfrom_mem_into(self._address, register, view)
            if kernels.crc8_unpack(self.data, CRC8_TABLE, count, seed):
                return
            self.check_errors += 1
        except OSError:
            self.no_answers += 1
            time.sleep_us(_RETRY_US)
        self.retries += 1
        self._read_once(register, count, view)

    def send(self, writing):
        """write() for the cycle: a prepared writing, with check codes."""
        self._send(writing[0], writing[1])

    def read(self, register, count):
        """Read `count` bytes of consecutive registers in one transaction into data[0..count-1]."""
        view = self._cut(self._rx_cuts, self.data, 2 * count if self.check_codes else count)
        try:
            self._read_once(register, count, view)
            return
        except AfeError as error:
            # The first access after a pause fails on some controllers (ESP32-C3).
            self.retries += 1
            if error.code == NO_ANSWER:
                time.sleep_us(_RETRY_US)
        self._read_once(register, count, view)

    def _read_once(self, register, count, view):
        try:
            self._i2c.readfrom_mem_into(self._address, register, view)
        except OSError:
            # Not acknowledged: ENODEV or EIO by port; ETIMEDOUT when the clock is held.
            self.no_answers += 1
            raise failure(NO_ANSWER)
        if self.check_codes and not kernels.crc8_unpack(
            self.data, CRC8_TABLE, count, self._seed(register)
        ):
            self.check_errors += 1
            raise failure(CHECK_FAILED)

    def _seed(self, register):
        """A reading's first check code covers both address bytes and the register."""
        crc = CRC8_TABLE[CRC8_TABLE[self._write_address] ^ register]
        return CRC8_TABLE[crc ^ (self._write_address | 1)]

    def peek(self, register, count):
        """Read whatever comes, without retry or check, for a chip in an unknown mode."""
        try:
            view = self._cut(self._rx_cuts, self.data, count)
            self._i2c.readfrom_mem_into(self._address, register, view)
        except OSError:
            raise failure(NO_ANSWER)

    def write(self, register, count):
        """Write payload[0..count-1] to consecutive registers in one transaction."""
        self._send(register, self._coded(register, count))

    def _coded(self, register, count):
        """The payload as it goes on the wire."""
        wire = self._tx
        payload = self.payload
        if not self.check_codes:
            for index in range(count):
                wire[index] = payload[index]
            return self._cut(self._tx_cuts, wire, count)
        # The first check code covers address and register too.
        crc = CRC8_TABLE[CRC8_TABLE[self._write_address] ^ register]
        for index in range(count):
            byte = payload[index]
            wire[2 * index] = byte
            wire[2 * index + 1] = CRC8_TABLE[crc ^ byte]
            crc = 0
        return self._cut(self._tx_cuts, wire, 2 * count)

    def _send(self, register, view):
        retried = False
        while True:
            try:
                self._i2c.writeto_mem(self._address, register, view)
                return
            except OSError:
                # The same errors as in reading; a bad check code is not acknowledged either.
                self.no_answers += 1
            if retried:
                raise failure(NO_ANSWER)
            retried = True
            self.retries += 1
            time.sleep_us(_RETRY_US)

    def find_mode(self):
        """One look whether the chip answers, and in which mode; True if it does."""
        self.check_codes = True
        try:
            self.read(_BATTERY_STATUS, 2)
        except AfeError as error:
            if error.code != CHECK_FAILED:
                return False
            # It answers, but not with check codes. A chip that has them and is merely
            # disturbed refuses the plain writes that follow.
            self.check_codes = False
        return True

    def _cut(self, cuts, buffer, length):
        view = cuts.get(length)
        if view is None:
            view = cuts[length] = memoryview(buffer)[:length]
        return view
