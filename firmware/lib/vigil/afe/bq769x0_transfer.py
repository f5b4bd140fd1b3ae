"""BQ769x0 on I2C: bytes and check codes; knows no register's meaning but the one it looks for.

At most 100 kHz. Prepared readings and writes allocate nothing. Times in us.
"""

import time

from micropython import const

from vigil import kernels
from vigil.afe.check_codes import CRC8_TABLE
from vigil.afe.errors import CHECK_FAILED, NO_ANSWER, AfeError, failure

# The longest reading: fifteen cells of two bytes.
_LARGEST_READ = const(30)
_LARGEST_WRITE = const(6)
_PROTECT3 = const(0x08)
_RETRY_US = const(500)


class Transfer:
    """The chip at its 7-bit address; `data` holds what was read last, `payload` what is sent.

    check_codes: True or False where the part is known, None where it must be found out.
    """

    def __init__(self, i2c, address, check_codes):
        self._i2c = i2c
        self._address = address
        self._write_address = address << 1
        # A reading's first check code covers the address, not the register: unlike a write's.
        self._read_seed = CRC8_TABLE[address << 1 | 1]
        self._fixed = check_codes is not None
        self.check_codes = bool(check_codes)
        self.mode_known = self._fixed
        self.data = bytearray(2 * _LARGEST_READ)
        self.payload = bytearray(_LARGEST_WRITE)
        # Every byte has a check code behind it.
        self._tx = bytearray(2 * _LARGEST_WRITE)
        # Cut once: a slice of the cycle's would allocate.
        self._rx_cuts = [memoryview(self.data)[:count] for count in range(2 * _LARGEST_READ + 1)]
        self._tx_cuts = [memoryview(self._tx)[:count] for count in range(2 * _LARGEST_WRITE + 1)]
        self.retries = 0
        self.check_errors = 0
        self.no_answers = 0

    def read(self, register, count):
        """Read `count` bytes of consecutive registers in one transaction into data[0..count-1]."""
        checked = self.check_codes
        view = self._rx_cuts[2 * count if checked else count]
        retried = False
        while True:
            try:
                # A repetition has to name the register again: the chip has counted on.
                self._i2c.readfrom_mem_into(self._address, register, view)
                if not checked:
                    return
                if kernels.crc8_unpack(self.data, CRC8_TABLE, count, self._read_seed):
                    return
                self.check_errors += 1
                code = CHECK_FAILED
            except OSError:
                self.no_answers += 1
                code = NO_ANSWER
            if retried:
                raise failure(code)
            retried = True
            self.retries += 1
            if code == NO_ANSWER:
                time.sleep_us(_RETRY_US)

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
            view = self._tx_cuts[2 * count]
        else:
            for index in range(count):
                wire[index] = payload[index]
            view = self._tx_cuts[count]
        retried = False
        while True:
            try:
                self._i2c.writeto_mem(self._address, register, view)
                return
            except OSError:
                # Nobody there, or a check code that the chip refused.
                self.no_answers += 1
            if retried:
                raise failure(NO_ANSWER)
            retried = True
            self.retries += 1
            time.sleep_us(_RETRY_US)

    def write_byte(self, register, byte):
        self.payload[0] = byte
        self.write(register, 1)

    def find_mode(self):
        """One look whether the chip answers, and with check codes or without; True if it does.

        Only reads: a write with the wrong framing would reach the register behind.
        """
        believed = self.check_codes
        if not self._fixed:
            # Four bytes cannot pass by chance. Each look starts without the last one's verdict.
            self.check_codes = True
        try:
            self.read(_PROTECT3, 4)
        except AfeError as error:
            if error.code != CHECK_FAILED:
                # Nothing has been learnt.
                self.check_codes = believed
                return False
            if self._fixed:
                raise
            self.check_codes = False
        self.mode_known = True
        return True
