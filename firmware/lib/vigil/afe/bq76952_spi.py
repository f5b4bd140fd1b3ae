"""BQ76952 on SPI: frames, check codes, answers one frame late; knows no register's meaning.

Mode 0, at most 2 MHz (BQ76942 1.8 MHz), one register a frame. Nothing allocates. Times in us.
"""

import time

from micropython import const

from vigil.afe.bq76952_subcommands import (
    BUFFER,
    CHECKSUM,
    COMMAND_US,
    SUBCOMMAND,
    Subcommands,
)
from vigil.afe.bq76952_transfer import Transfer
from vigil.afe.check_codes import CRC8_TABLE
from vigil.afe.errors import CHECK_FAILED, NO_ANSWER, AfeError, failure

_BATTERY_STATUS = const(0x12)
_SPI_CRC = const(0x10)
_SWITCH_TO_SPI = const(0x7C35)
_WRITE = const(0x80)
_GAP_US = const(50)
_WAKING_US = const(50)
# Answers in one transfer that may be something else than the one that was due.
_PATIENCE = const(10)
_LOOKS = const(120)
_PAUSE_US = const(500)

# What came back.
_ANSWER = const(0)
_NOT_YET = const(1)
_SPOILT = const(2)


class SpiTransfer(Subcommands):
    """The chip on `spi` (write_readinto), selected by cs.value(0).

    gap_us: pause after each frame, in which the chip works on it.
    """

    comm_type = _SPI_CRC
    # A chip that has reset takes no frame with a check code, and says nothing.
    hides_reset = True

    def __init__(self, spi, cs, gap_us=_GAP_US):
        super().__init__()
        self._spi = spi
        self._cs = cs
        self._gap_us = gap_us
        self._tx = bytearray(3)
        self._rx = bytearray(3)
        self._plain_tx = memoryview(self._tx)[:2]
        self._plain_rx = memoryview(self._rx)[:2]
        cs.value(1)

    def reading(self, register, count):
        """What take() needs; see Transfer. Every reading is free of allocation here."""
        return register, count

    def writing(self, register, data):
        return register, bytes(data)

    def take(self, reading):
        self.read(reading[0], reading[1])

    def send(self, writing):
        register, data = writing
        payload = self.payload
        for index in range(len(data)):
            payload[index] = data[index]
        self.write(register, len(data))

    def read(self, register, count):
        """Read `count` bytes of consecutive registers into data[0..count-1]."""
        patience = _PATIENCE
        # The first answer belongs to whatever came before, perhaps long ago: it is not ours even
        # if it looks like it.
        came = self._exchange(register, 0)
        while came == _NOT_YET:
            patience = self._less(patience, came)
            came = self._exchange(register, 0)
        data = self.data
        rx = self._rx
        done = 0
        while done < count:
            # Ask for the next while the answer to this one comes; at the end ask again.
            wanted = register + done
            came = self._exchange(wanted + 1 if done + 1 < count else wanted, 0)
            if came == _ANSWER and rx[0] == wanted:
                data[done] = rx[1]
                done += 1
            else:
                patience = self._less(patience, came)
                self._exchange(wanted, 0)

    def peek(self, register, count):
        """The same as read(): no frame can be taken for another."""
        self.read(register, count)

    def write(self, register, count):
        """Write payload[0..count-1] to consecutive registers, each confirmed by its echo.

        Only the transfer buffer takes the next byte before the last one is confirmed: elsewhere
        a lost byte followed by a good one would make another command.
        """
        patience = _PATIENCE
        payload = self.payload
        rx = self._rx
        flowing = BUFFER <= register < CHECKSUM
        sent = False
        done = 0
        while done < count:
            if not sent:
                self._exchange(_WRITE | (register + done), payload[done])
            sent = flowing and done + 1 < count
            if sent:
                came = self._exchange(_WRITE | (register + done + 1), payload[done + 1])
            else:
                # Fetch the echo by a frame that changes nothing: some writes must not come twice.
                came = self._exchange(_BATTERY_STATUS, 0)
                while came == _NOT_YET:
                    patience = self._less(patience, came)
                    came = self._exchange(_BATTERY_STATUS, 0)
            if came == _ANSWER and rx[0] == _WRITE | (register + done) and rx[1] == payload[done]:
                done += 1
            else:
                patience = self._less(patience, came)
                sent = False

    def write_block(self, code, count):
        """Write payload[2..count+1] as the data of a subcommand or to data memory at `code`."""
        payload = self.payload
        total = (code & 0xFF) + (code >> 8)
        self._wait_for_chip()
        # The code goes out alone and makes the chip fill its buffer: data only after that.
        payload[0] = code & 0xFF
        payload[1] = code >> 8
        self.write(SUBCOMMAND, 2)
        time.sleep_us(COMMAND_US)
        for index in range(count):
            byte = payload[index + 2]
            payload[index] = byte
            total += byte
        self.write(BUFFER, count)
        payload[0] = (total & 0xFF) ^ 0xFF
        payload[1] = count + 4
        self.write(CHECKSUM, 2)
        self._last_command_us = time.ticks_us()

    def find_mode(self):
        """One look whether the chip answers, with check codes or without; True if it does."""
        for checked in (True, False):
            self.check_codes = checked
            try:
                self.read(_BATTERY_STATUS, 2)
                return True
            except AfeError:
                # Silence or noise: perhaps the other mode.
                pass
        self.check_codes = True
        return False

    def _less(self, patience, came):
        """One answer less to wait for."""
        if patience == 0:
            if came == _SPOILT:
                raise failure(CHECK_FAILED)
            self.no_answers += 1
            raise failure(NO_ANSWER)
        self.retries += 1
        return patience - 1

    def _exchange(self, first, second):
        """Send one frame; what comes back (in _rx) answers the frame before."""
        tx = self._tx
        rx = self._rx
        tx[0] = first
        tx[1] = second
        checked = self.check_codes
        self._cs.value(0)
        try:
            if checked:
                tx[2] = CRC8_TABLE[CRC8_TABLE[first] ^ second]
                self._spi.write_readinto(tx, rx)
            else:
                self._spi.write_readinto(self._plain_tx, self._plain_rx)
        except OSError:
            rx[0] = rx[1] = rx[2] = 0xFF
        self._cs.value(1)
        time.sleep_us(self._gap_us)
        if rx[0] == 0xFF and rx[1] == 0xFF:
            # No register is called that, so it is the chip's own word (or nobody's).
            if not checked or rx[2] == 0x00:
                return _NOT_YET
            if rx[2] == 0xFF:
                time.sleep_us(_WAKING_US)
                return _NOT_YET
            # 0xAA: the frame before arrived spoilt and was dropped.
            self.check_errors += 1
            return _SPOILT
        if checked and CRC8_TABLE[CRC8_TABLE[rx[0]] ^ rx[1]] != rx[2]:
            self.check_errors += 1
            return _SPOILT
        return _ANSWER


def switch_to_spi(i2c, address=8):
    """Tell a chip that starts with I2C to change to SPI with check codes, before the cycle runs.

    Takes up to 0.2 s. False if nobody answered, as a chip does that has changed already.
    """
    transfer = Transfer(i2c, address)
    for _ in range(_LOOKS):
        if transfer.find_mode():
            transfer.command(_SWITCH_TO_SPI)
            return True
        time.sleep_us(_PAUSE_US)
    return False
