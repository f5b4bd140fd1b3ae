"""ISL94202 on I2C: bytes without check codes, so that what counts is read twice and has to agree.

Knows no register's meaning. Nothing but making it allocates. At most 100 kHz. Times in us.
"""

import time

from micropython import const

from vigil.afe.errors import CHECK_FAILED, NO_ANSWER, failure

_TRIES = const(3)
_RETRY_US = const(500)
_MOST_WRITTEN = const(4)


class Bus:
    """The chip at its 7-bit address; `data` holds what was read twice last."""

    def __init__(self, i2c, address, burst_bytes, longest):
        self._i2c = i2c
        self._address = address
        self._burst = burst_bytes
        self.data = bytearray(longest)
        self._other = bytearray(longest)
        self._byte = bytearray(1)
        self._tx = bytearray(_MOST_WRITTEN)
        # Cut once: a slice of the cycle's would allocate.
        self._tx_cuts = [memoryview(self._tx)[:count] for count in range(_MOST_WRITTEN + 1)]
        self.retries = 0
        self.check_errors = 0
        self.no_answers = 0

    def cuts(self, register, count):
        """For read_twice(): transactions of at most burst_bytes each."""
        return [
            (
                register + at,
                memoryview(self.data)[at : min(at + self._burst, count)],
                memoryview(self._other)[at : min(at + self._burst, count)],
            )
            for at in range(0, count, self._burst)
        ]

    def read_twice(self, cuts, masks, count):
        """Read until two readings in a row agree; of the first bytes only the bits of `masks`.

        A scan that ends in between makes them differ, and the next two agree.
        """
        for cut in cuts:
            self._read(cut[0], cut[1])
        place = 1
        for _ in range(_TRIES):
            place ^= 3
            for cut in cuts:
                self._read(cut[0], cut[place])
            if self._agree(masks, count):
                return
            self.check_errors += 1
        raise failure(CHECK_FAILED)

    def _agree(self, masks, count):
        data = self.data
        other = self._other
        exact = len(masks)
        for at in range(count):
            if data[at] != other[at]:
                if at >= exact or (data[at] ^ other[at]) & masks[at]:
                    return False
        return True

    def read_byte(self, register):
        self._read(register, self._byte)
        return self._byte[0]

    def _read(self, register, view):
        try:
            self._i2c.readfrom_mem_into(self._address, register, view)
            return
        except OSError:
            self.no_answers += 1
        self.retries += 1
        time.sleep_us(_RETRY_US)
        try:
            self._i2c.readfrom_mem_into(self._address, register, view)
        except OSError:
            self.no_answers += 1
            raise failure(NO_ANSWER)

    def write_byte(self, register, byte):
        self._tx[0] = byte
        self._write(register, self._tx_cuts[1])

    def write_word(self, register, word):
        """Low byte first."""
        self._tx[0] = word & 0xFF
        self._tx[1] = word >> 8
        self._write(register, self._tx_cuts[2])

    def _write(self, register, view):
        try:
            self._i2c.writeto_mem(self._address, register, view)
            return
        except OSError:
            self.no_answers += 1
        self.retries += 1
        time.sleep_us(_RETRY_US)
        try:
            self._i2c.writeto_mem(self._address, register, view)
        except OSError:
            self.no_answers += 1
            raise failure(NO_ANSWER)
