"""BQ76952 on I2C: bytes, check codes, subcommands and data memory; knows no register's meaning.

Direct reads and prepared writes allocate nothing once each length has been used. Times in us.
"""

import time

from micropython import const

from vigil import kernels
from vigil.afe.check_codes import CRC8_TABLE
from vigil.afe.errors import CHECK_FAILED, NO_ANSWER, TIMED_OUT, failure

_SUBCOMMAND = const(0x3E)
_BUFFER = const(0x40)
_CHECKSUM = const(0x60)
# Code (2) + 32 data bytes, each with its check code.
_LARGEST_WRITE = const(34)
_LARGEST_READ = const(32)

# Longest time in the chip's table for a subcommand used here is 660 us; data memory needs less.
_COMMAND_US = const(800)
_POLL_US = const(200)
# A chip that is busy or disturbed needs a moment more than an address takes on the bus.
_RETRY_US = const(500)
_POLLS = const(8)
_TICKS = const(0x3FFFFFFF)
_I2C_FAST_CRC = const(0x12)


class Transfer:
    """`data` holds what was read last, `payload` what write() sends; both belong to the caller."""

    # What the chip's Comm Type is to say.
    comm_type = _I2C_FAST_CRC

    def __init__(self, i2c, address):
        self._i2c = i2c
        self._address = address
        self._write_address = address << 1
        self._last_command_us = 0
        self.check_codes = True
        self.data = bytearray(2 * _LARGEST_READ)
        self.payload = bytearray(_LARGEST_WRITE)
        self._tx = bytearray(2 * _LARGEST_WRITE)
        # Pre-cut by length on the wire; the cycle's lengths now, bring-up's when they occur.
        self._rx_cuts = {}
        self._tx_cuts = {}
        for count in (1, 2, 4, 6):
            self._cut(self._rx_cuts, self.data, 2 * count)
        for count in (2, 3, 4):
            self._cut(self._tx_cuts, self._tx, 2 * count)
        self.retries = 0
        self.check_errors = 0
        self.no_answers = 0

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

    def command(self, code):
        """Send a subcommand; the next one waits until the chip has had time for it."""
        self._wait_for_chip()
        self.payload[0] = code & 0xFF
        self.payload[1] = code >> 8
        self.write(_SUBCOMMAND, 2)
        self._last_command_us = time.ticks_us()

    def write_block(self, code, count):
        """Write payload[2..count+1] as the data of a subcommand or to data memory at `code`.

        Nothing takes effect in the chip before checksum and length arrive together.
        """
        self._wait_for_chip()
        payload = self.payload
        payload[0] = code & 0xFF
        payload[1] = code >> 8
        total = 0
        for index in range(count + 2):
            total += payload[index]
        self.write(_SUBCOMMAND, count + 2)
        payload[0] = (total & 0xFF) ^ 0xFF
        payload[1] = count + 4
        self.write(_CHECKSUM, 2)
        self._last_command_us = time.ticks_us()

    def read_block(self, code):
        """Read a subcommand's answer, or 32 bytes of data memory; returns the number in `data`.

        The whole transfer happens here: a pause would let somebody else's subcommand into it.
        Takes less than 5 ms.
        """
        self.command(code)
        data = self.data
        polls = 0
        while True:
            time.sleep_us(_POLL_US)
            self.read(_SUBCOMMAND, 2)
            if data[0] | data[1] << 8 == code:
                break
            polls += 1
            if polls == _POLLS:
                raise failure(TIMED_OUT)
        self.read(_CHECKSUM, 2)
        checksum = data[0]
        count = data[1] - 4
        if not 0 < count <= _LARGEST_READ:
            raise failure(CHECK_FAILED)
        self.read(_BUFFER, count)
        total = (code & 0xFF) + (code >> 8)
        for index in range(count):
            total += data[index]
        if (total & 0xFF) ^ 0xFF != checksum:
            self.check_errors += 1
            raise failure(CHECK_FAILED)
        return count

    def _wait_for_chip(self):
        passed_us = (time.ticks_us() - self._last_command_us) & _TICKS
        if passed_us < _COMMAND_US:
            time.sleep_us(_COMMAND_US - passed_us)

    def _cut(self, cuts, buffer, length):
        view = cuts.get(length)
        if view is None:
            view = cuts[length] = memoryview(buffer)[:length]
        return view
