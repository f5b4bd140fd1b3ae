"""BQ76952 subcommands and data memory over whatever bus: codes, checksums, waiting.

A transfer derives from this and brings read(), write(), peek(), find_mode(), and for the cycle
take() and send() of what reading() and writing() have prepared. Times in us.
"""

import time

from micropython import const

from vigil.afe.errors import CHECK_FAILED, TIMED_OUT, failure

SUBCOMMAND = const(0x3E)
BUFFER = const(0x40)
CHECKSUM = const(0x60)
LARGEST_READ = const(32)
# Code (2) + 32 data bytes.
LARGEST_WRITE = const(34)

# Longest time in the chip's table for a subcommand used here is 660 us; data memory needs less.
COMMAND_US = const(800)
_POLL_US = const(200)
_POLLS = const(8)
_TICKS = const(0x3FFFFFFF)


class Subcommands:
    """`data` holds what was read last, `payload` what write() sends; both belong to the caller.

    check_codes: whether the chip's interface carries them at present.
    """

    def __init__(self):
        self._last_command_us = 0
        self.check_codes = True
        self.data = bytearray(2 * LARGEST_READ)
        self.payload = bytearray(LARGEST_WRITE)
        self.retries = 0
        self.check_errors = 0
        self.no_answers = 0

    def command(self, code):
        """Send a subcommand; the next one waits until the chip has had time for it."""
        self._wait_for_chip()
        self.payload[0] = code & 0xFF
        self.payload[1] = code >> 8
        self.write(SUBCOMMAND, 2)
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
        self.write(SUBCOMMAND, count + 2)
        payload[0] = (total & 0xFF) ^ 0xFF
        payload[1] = count + 4
        self.write(CHECKSUM, 2)
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
            self.read(SUBCOMMAND, 2)
            if data[0] | data[1] << 8 == code:
                break
            polls += 1
            if polls == _POLLS:
                raise failure(TIMED_OUT)
        self.read(CHECKSUM, 2)
        checksum = data[0]
        count = data[1] - 4
        if not 0 < count <= LARGEST_READ:
            raise failure(CHECK_FAILED)
        self.read(BUFFER, count)
        total = (code & 0xFF) + (code >> 8)
        for index in range(count):
            total += data[index]
        if (total & 0xFF) ^ 0xFF != checksum:
            self.check_errors += 1
            raise failure(CHECK_FAILED)
        return count

    def _wait_for_chip(self):
        passed_us = (time.ticks_us() - self._last_command_us) & _TICKS
        if passed_us < COMMAND_US:
            time.sleep_us(COMMAND_US - passed_us)
