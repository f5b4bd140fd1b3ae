"""A chain of LTC681x on SPI or isoSPI: wake-up, command and register frames, one PEC a device.

Device 0 is the nearest, which is the bottom of the stack. send(), take() and write() allocate
nothing. Times in us and ms. The SPI runs in mode 3 with at most 1 MHz.
"""

import time

from micropython import const

from vigil import kernels
from vigil.afe.check_codes import PEC15_SEED, pec15_table
from vigil.afe.errors import CHECK_FAILED, NO_ANSWER, TIMED_OUT, failure

MOST_DEVICES = const(8)
BLOCK_BYTES = const(6)  # of data; two of PEC follow
FRAME_BYTES = const(8)  # a block with its PEC
_COMMAND_BYTES = const(4)

_PLADC = const(0x714)
_WAKE_US = const(400)
_READY_US = const(10)
# Without a good command for this long a device may have gone to sleep, its settings with it.
_ASLEEP_MS = const(1700)
# Looks at a conversion that takes longer than planned.
_LOOKS = const(4)
_LOOK_AGAIN_US = const(200)

_TABLE = pec15_table()


def command(code):
    """The four bytes of a command that has no data."""
    frame = bytearray((code >> 8, code & 0xFF, 0, 0))
    _seal(frame, 0, 2)
    return frame


def _seal(buffer, start, count):
    pec = kernels.pec15(memoryview(buffer)[start:], _TABLE, count, PEC15_SEED)
    buffer[start + count] = pec >> 8
    buffer[start + count + 1] = pec & 0xFF


class Chain:
    """`blocks[k]`: what device k answered last, 6 bytes and their PEC."""

    def __init__(self, spi, cs, devices):
        if not 1 <= devices <= MOST_DEVICES:
            raise ValueError("one to eight devices")
        self.devices = devices
        self._spi = spi
        self._cs = cs
        self._all = (1 << devices) - 1
        self._rx = bytearray(_COMMAND_BYTES + FRAME_BYTES * devices)
        self.data = memoryview(self._rx)[_COMMAND_BYTES:]  # the blocks, one after the other
        self.blocks = [
            memoryview(self._rx)[at : at + FRAME_BYTES]
            for at in range(_COMMAND_BYTES, len(self._rx), FRAME_BYTES)
        ]
        self._nothing = bytes([0xFF])
        # The first clocks of a poll pass through the devices; the last byte tells.
        self._poll = command(_PLADC) + b"\xff\xff"
        self._polled = bytearray(len(self._poll))
        self._talked_ms = time.ticks_ms()
        self.slept = True  # long enough to have lost settings; for the driver to clear
        self.retries = 0
        self.check_errors = 0
        self.no_answers = 0
        self.device_errors = [0] * devices
        cs.value(1)

    # Frames, made once.

    def reading(self, code, members=None):
        """What take() needs: the frame, and which devices (bytes, 1 = yes) have that register."""
        mask = self._all
        if members:
            mask = sum([1 << device for device in range(self.devices) if members[device]])
        return bytes(command(code)) + b"\xff" * (FRAME_BYTES * self.devices), mask

    def writing(self, code):
        """A frame for write(); its data is put() there."""
        return command(code) + bytearray(FRAME_BYTES * self.devices)

    def place(self, device):
        """Where the data of this device begins: the first block goes to the farthest device."""
        return _COMMAND_BYTES + FRAME_BYTES * (self.devices - 1 - device)

    def seals(self, frame):
        """Views of a frame for seal(), device by device."""
        views = []
        for device in range(self.devices):
            at = self.place(device)
            views.append(memoryview(frame)[at : at + FRAME_BYTES])
        return views

    # The bus.

    def wake(self, asleep=False):
        """Before every command after a pause; harmless to a device that is awake."""
        if time.ticks_diff(time.ticks_ms(), self._talked_ms) >= _ASLEEP_MS:
            self.slept = asleep = True
        cs = self._cs
        for _ in range(self.devices):
            cs.value(0)
            try:
                self._spi.write(self._nothing)
            except OSError:
                # Whether anybody heard it shows with the next reading.
                pass
            if asleep:
                time.sleep_us(_WAKE_US)
            cs.value(1)
            time.sleep_us(_READY_US)

    def send(self, frame):
        """A command without data."""
        self._cs.value(0)
        try:
            self._spi.write(frame)
        except OSError:
            self.no_answers += 1
            raise failure(NO_ANSWER)
        finally:
            self._cs.value(1)
        self._talked_ms = time.ticks_ms()

    write = send

    def seal(self, views):
        """Put the PEC behind the data of every device."""
        for device in range(self.devices):
            view = views[device]
            pec = kernels.pec15(view, _TABLE, BLOCK_BYTES, PEC15_SEED)
            view[BLOCK_BYTES] = pec >> 8
            view[BLOCK_BYTES + 1] = pec & 0xFF

    def take(self, reading):
        """Read a register group of all devices into `blocks`; a reading is tried twice."""
        if self._exchange(reading[0]) & reading[1] != reading[1]:
            self._take_again(reading)
        self._talked_ms = time.ticks_ms()

    def _take_again(self, reading):
        self._note(reading[1])
        self.retries += 1
        self.wake()
        if self._exchange(reading[0]) & reading[1] != reading[1]:
            raise failure(self._note(reading[1]))

    def peek(self, reading):
        """One try; which devices answered well, as a bit mask."""
        return self._exchange(reading[0])

    def is_longer(self, code):
        """Whether a device more than told answers that reading; bring-up only."""
        frame = bytes(command(code)) + b"\xff" * (FRAME_BYTES * (self.devices + 1))
        came = bytearray(len(frame))
        self._transfer(frame, came)
        block = memoryview(came)[len(came) - FRAME_BYTES :]
        return kernels.pec15_blocks(block, _TABLE, 1, PEC15_SEED) == 1

    def _exchange(self, frame):
        """Bit k of the result: device k has answered, and well."""
        self._transfer(frame, self._rx)
        return kernels.pec15_blocks(self.data, _TABLE, self.devices, PEC15_SEED)

    def _transfer(self, frame, rx):
        self._cs.value(0)
        try:
            self._spi.write_readinto(frame, rx)
        except OSError:
            for at in range(len(rx)):
                rx[at] = 0xFF
        finally:
            self._cs.value(1)

    def _note(self, members):
        """Count who of `members` is not whole; a disturbed answer tells more than none."""
        lacking = members & (
            self._all ^ kernels.pec15_blocks(self.data, _TABLE, self.devices, PEC15_SEED)
        )
        code = 0
        for device in range(self.devices):
            if not lacking >> device & 1:
                continue
            self.device_errors[device] += 1
            if self._is_nobody(device):
                self.no_answers += 1
                code = code or NO_ANSWER
            else:
                self.check_errors += 1
                code = CHECK_FAILED
        return code

    def _is_nobody(self, device):
        """All ones: the pull-up of a line that nobody drives."""
        block = self.blocks[device]
        for at in range(FRAME_BYTES):
            if block[at] != 0xFF:
                return False
        return True

    # Conversions.

    def busy(self):
        """A device still converts. A chain that is gone reads as done: only results prove."""
        self._cs.value(0)
        try:
            self._spi.write_readinto(self._poll, self._polled)
        except OSError:
            self.no_answers += 1
            raise failure(NO_ANSWER)
        finally:
            self._cs.value(1)
        return self._polled[len(self._polled) - 1] == 0

    def convert(self, frame, us):
        """Start a conversion and wait for its end; TIMED_OUT if it does not come."""
        self.send(frame)
        time.sleep_us(us)
        for _ in range(_LOOKS):
            if not self.busy():
                return
            time.sleep_us(_LOOK_AGAIN_US)
        raise failure(TIMED_OUT)
