"""BQ769x0 from whatever state into ours: look for it, wake it, settings, read back, first cycle.

Generators, run in slices below 5 ms; they know the chip's order of events and no measurement.
"""

import time

from micropython import const

from vigil.afe.errors import (
    CHECK_FAILED,
    NO_ANSWER,
    READ_BACK_DIFFERS,
    TIMED_OUT,
    WRONG_DEVICE,
    AfeError,
    failure,
)

_SYS_STAT = const(0x00)
_CELLBAL1 = const(0x01)
_SYS_CTRL1 = const(0x04)
_SYS_CTRL2 = const(0x05)
_PROTECT1 = const(0x06)
_PROTECT3 = const(0x08)
_CC_CFG = const(0x0B)
_ADCGAIN1 = const(0x50)
_ADCGAIN2 = const(0x59)

_XREADY = const(0x20)
_EVERY_STATUS = const(0xFF)
_ADC_EN = const(0x10)
_TEMP_SEL = const(0x08)
_CC_EN = const(0x40)
_ANY_MODE = const(0xE3)
# What the data sheet demands after every boot; the reset value is 0, which betrays a reset.
_OPTIMAL_CC = const(0x19)

# Bits of SYS_CTRL1 to CC_CFG that are ours and do not change by themselves. Left out: the load,
# the kind of temperature and the switches, which the cycle looks at.
_OURS = b"\x17\xe0\xbf\x7f\xff\xff\xff\x3f"

_PAUSE_US = const(1000)
_LOOKS = const(10)
# A boot pulse has to be longer than 2 ms; the chip is ready 10 ms later.
_PULSE_US = const(3000)
_BOOT_MS = const(12)
# Woken sooner after SHIP, an upper group may come up lame.
_REST_MS = const(150)
# A lost link to an upper group needs seconds.
XREADY_WAIT_MS = const(3000)
_XREADY_TRIES = const(2)
_TICKS = const(0x3FFFFFFF)


class Found:
    """What bring-up found before it changed anything."""

    def __init__(self):
        self.woken = False  # the chip was in SHIP and had to be woken
        self.had_reset = False  # it answered, but had forgotten our settings
        self.status = 0  # SYS_STAT: what it has tripped on while nobody looked
        self.switches = 0  # 1 charge, 2 discharge: left on by a controller that went away
        self.of_cells = False  # it was measuring thermistors, not dies


def find(transfer, wake, shut_down_ms):
    """Make the chip answer, and find its framing; returns a Found."""
    found = Found()
    for _ in range(2):
        for _ in range(_LOOKS):
            if transfer.find_mode():
                yield from _look(transfer, found)
                return found
            time.sleep_us(_PAUSE_US)
            yield
        if wake is None or found.woken:
            break
        if shut_down_ms is not None:
            yield from pause(_REST_MS, shut_down_ms)
        found.woken = True
        wake.value(1)
        time.sleep_us(_PULSE_US)
        wake.value(0)
        yield
        yield from pause(_BOOT_MS)
    raise AfeError(NO_ANSWER)


def _look(transfer, found):
    data = transfer.data
    transfer.read(_SYS_STAT, 1)
    found.status = data[0]
    transfer.read(_SYS_CTRL1, 2)
    found.of_cells = bool(data[0] & _TEMP_SEL)
    found.switches = data[1] & 3
    transfer.read(_CC_CFG, 1)
    found.had_reset = data[0] & 0x3F != _OPTIMAL_CC
    yield


def quieten(transfer, groups):
    """Switches off, bleeding off, a link to every group; all that may wait comes after it."""
    transfer.write_byte(_SYS_CTRL2, 0)
    # Two bytes: in the wrong framing the second one is a check code, and nothing was written.
    transfer.read(_SYS_CTRL1, 2)
    if transfer.data[1] & _ANY_MODE:
        raise AfeError(READ_BACK_DIFFERS)
    yield
    for index in range(groups):
        transfer.payload[index] = 0
    transfer.write(_CELLBAL1, groups)
    yield
    transfer.write_byte(_CC_CFG, _OPTIMAL_CC)
    transfer.read(_CC_CFG, 1)
    if transfer.data[0] & 0x3F != _OPTIMAL_CC:
        # There is no device number to ask for.
        raise AfeError(WRONG_DEVICE)
    yield
    yield from _clear_status(transfer)


def _clear_status(transfer):
    """A lost link goes away by itself or not at all: clear it, wait, never in a hurry."""
    for _ in range(_XREADY_TRIES):
        transfer.write_byte(_SYS_STAT, _EVERY_STATUS)
        transfer.read(_SYS_STAT, 1)
        if not transfer.data[0] & _XREADY:
            yield
            return
        yield from pause(XREADY_WAIT_MS)
    raise AfeError(TIMED_OUT)


def read_calibration(transfer):
    """(uV per step, signed offset in mV) as burnt in; read twice, for nothing else checks them."""
    first = yield from _calibration(transfer)
    second = yield from _calibration(transfer)
    if first != second:
        raise AfeError(CHECK_FAILED)
    return first


def _calibration(transfer):
    data = transfer.data
    transfer.read(_ADCGAIN1, 2)
    gain1 = data[0]
    offset_mv = (data[1] ^ 0x80) - 0x80
    transfer.read(_ADCGAIN2, 1)
    gain2 = data[0]
    yield
    return 365 + ((gain1 >> 2 & 3) << 3 | gain2 >> 5), offset_mv


def set_up(transfer, backstop, first_cells_ms):
    """Write and read back every setting, wait for the first cells; returns the settings."""
    transfer.read(_PROTECT3, 1)
    registers = backstop.registers(transfer.data[0])
    yield
    payload = transfer.payload
    for index in range(5):
        payload[index] = registers[index]
    payload[5] = _OPTIMAL_CC
    transfer.write(_PROTECT1, 6)
    yield
    image = bytes((_ADC_EN, _CC_EN)) + registers + bytes((_OPTIMAL_CC,))
    yield from pause(first_cells_ms + first_cells_ms // 10)
    # What went wrong while nothing was measured yet is no trip.
    yield from _clear_status(transfer)
    transfer.write_byte(_SYS_CTRL2, _CC_EN)
    yield from compare(transfer, image)
    return image


def compare(transfer, image):
    """Read the settings again; READ_BACK_DIFFERS if they have changed."""
    data = transfer.data
    transfer.read(_SYS_CTRL1, len(image))
    for index in range(len(image)):
        if (data[index] ^ image[index]) & _OURS[index]:
            raise failure(READ_BACK_DIFFERS)
    yield


def compare_balancing(transfer, bleeding):
    """`bleeding`: one byte a group, as last written."""
    groups = len(bleeding)
    transfer.read(_CELLBAL1, groups)
    for group in range(groups):
        if transfer.data[group] & 0x1F != bleeding[group]:
            raise failure(READ_BACK_DIFFERS)
    yield


def compare_calibration(transfer, gain_uv, offset_mv):
    read = yield from read_calibration(transfer)
    if read != (gain_uv, offset_mv):
        raise failure(READ_BACK_DIFFERS)


def pause(ms, since_ms=None):
    """Slices until `ms` have passed since now or since_ms (ticks)."""
    begun_ms = time.ticks_ms() if since_ms is None else since_ms
    while (time.ticks_ms() - begun_ms) & _TICKS < ms:
        time.sleep_us(_PAUSE_US)
        yield
