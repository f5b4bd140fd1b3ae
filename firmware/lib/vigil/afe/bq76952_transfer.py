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
        for count in (1, 2, 4, 6):
            self._cut(self._rx_cuts, self.data, 2 * count)
        for count in (2, 3, 4):
            self._cut(self._tx_cuts, self._tx, 2 * count)

    def prepare(self, count):
        """Make readings of this length free of allocation."""
        self._cut(self._rx_cuts, self.data, count)
        self._cut(self._rx_cuts, self.data, 2 * count)

    def read(self, register, count):
        """Read `count` bytes of consecutive registers in one transaction into data[0..count-1]."""
        checked = self.check_codes
        view = self._cut(self._rx_cuts, self.data, 2 * count if checked else count)
        # A read's first check code covers both address bytes and the register.
        seed = CRC8_TABLE[
            CRC8_TABLE[CRC8_TABLE[self._write_address] ^ register] ^ (self._write_address | 1)
        ]
        retried = False
        while True:
            try:
                self._i2c.readfrom_mem_into(self._address, register, view)
                if not checked or kernels.crc8_unpack(self.data, CRC8_TABLE, count, seed):
                    return
                self.check_errors += 1
                code = CHECK_FAILED
            except OSError:
                # Not acknowledged: ENODEV or EIO by port; ETIMEDOUT when the clock is held.
                self.no_answers += 1
                code = NO_ANSWER
            if retried:
                raise failure(code)
            # The first access after a pause fails on some controllers (ESP32-C3).
            retried = True
            self.retries += 1
            if code == NO_ANSWER:
                time.sleep_us(_RETRY_US)

    def peek(self, register, count):
        """Read whatever comes, without retry or check, for a chip in an unknown mode."""
        try:
            view = self._cut(self._rx_cuts, self.data, count)
            self._i2c.readfrom_mem_into(self._address, register, view)
        except OSError:
            raise failure(NO_ANSWER)

    def write(self, register, count):
        """Write payload[0..count-1] to consecutive registers in one transaction."""
        wire = self._tx
        payload = self.payload
        if self.check_codes:
            # The first check code covers address and register too.
            crc = CRC8_TABLE[CRC8_TABLE[self._write_address] ^ register]
            for index in range(count):
                byte = payload[index]
                wire[2 * index] = byte
                wire[2 * index + 1] = CRC8_TABLE[crc ^ byte]
                crc = 0
            view = self._cut(self._tx_cuts, wire, 2 * count)
        else:
            for index in range(count):
                wire[index] = payload[index]
            view = self._cut(self._tx_cuts, wire, count)
        retried = False
        while True:
            try:
                self._i2c.writeto_mem(self._address, register, view)
                return
            except OSError:
                # The same errors as in read(); a bad check code is not acknowledged either.
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
