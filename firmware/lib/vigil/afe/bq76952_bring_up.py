"""BQ76952 from whatever state into ours: interface mode, settings, FET enable.

Generators, run in slices below 5 ms; they know the chip's order of events and no measurement.
"""

import time

from micropython import const

from vigil.afe.bq76952_config import COMM_TYPE, FET_OPTIONS, FETS_BLOCKED_AT_RESET
from vigil.afe.errors import (
    CHECK_FAILED,
    NO_ANSWER,
    READ_BACK_DIFFERS,
    TIMED_OUT,
    UNSUPPORTED,
    WRONG_DEVICE,
    AfeError,
    failure,
)

_CONTROL_STATUS = const(0x00)
_DEEPSLEEP = const(0x04)
_BATTERY_STATUS = const(0x12)
_CFGUPDATE = const(0x01)
_SECURITY = const(0x03)
_FULL_ACCESS = const(0x01)

_DEVICE_NUMBER = const(0x0001)
_EXIT_DEEPSLEEP = const(0x000E)
_FET_ENABLE = const(0x0022)
_MANUFACTURING_STATUS = const(0x0057)
_SET_CFGUPDATE = const(0x0090)
_EXIT_CFGUPDATE = const(0x0092)
_FET_CONTROL = const(0x0097)
_SLEEP_DISABLE = const(0x009A)
_SWAP_COMM_MODE = const(0x29BC)
_FET_EN = const(0x10)
_ALL_FORCED_OFF = const(0x0F)

# A pause before each next look, and how many looks: the chip wakes up in less than 50 ms.
_PAUSE_US = const(500)
_LOOKS = const(120)


def bring_up(transfer, image, device_number):
    """Leave the chip configured by `image`, awake, FETs enabled and each forced off."""
    yield from _find_mode(transfer)
    yield
    yield from _end_deep_sleep(transfer)
    _check_device(transfer, device_number)
    yield
    yield from _wait_for_access(transfer)
    _force_all_off(transfer)
    yield
    if not transfer.check_codes:
        yield from _switch_to_check_codes(transfer)
    yield from _update(transfer, True)
    for address, data in image:
        _write_memory(transfer, address, data)
        yield
    # A second pass, so that what is still in the transfer buffer cannot pass for memory.
    yield from compare(transfer, image)
    yield from _update(transfer, False)
    # Leaving restarts the chip's firmware: nothing is to close by itself.
    _force_all_off(transfer)
    yield
    transfer.command(_SLEEP_DISABLE)
    yield
    yield from _enable_fets(transfer)


def compare(transfer, image):
    """Read the image back, each 32 bytes in one slice; READ_BACK_DIFFERS if it has changed."""
    data = transfer.data
    start = end = 0
    for address, wanted in image:
        if address + len(wanted) > end:
            if end:
                yield
            start = address
            end = start + transfer.read_block(address)
        for index in range(len(wanted)):
            if data[address - start + index] != wanted[index]:
                raise failure(READ_BACK_DIFFERS)
    yield


def _find_mode(transfer):
    """Check codes on or off, whatever the chip was left in; it may still be waking up."""
    for _ in range(_LOOKS):
        if transfer.find_mode():
            return
        time.sleep_us(_PAUSE_US)
        yield
    raise AfeError(NO_ANSWER)


def _end_deep_sleep(transfer):
    """A controller that restarts may find the chip as another run left it."""
    for _ in range(_LOOKS):
        transfer.read(_CONTROL_STATUS, 2)
        if not transfer.data[0] & _DEEPSLEEP:
            return
        transfer.command(_EXIT_DEEPSLEEP)
        time.sleep_us(_PAUSE_US)
        yield
    raise AfeError(TIMED_OUT)


def _check_device(transfer, device_number):
    count = transfer.read_block(_DEVICE_NUMBER)
    data = transfer.data
    if count < 2 or data[0] | data[1] << 8 != device_number:
        raise AfeError(WRONG_DEVICE)


def _wait_for_access(transfer):
    """Security 0 = still loading, 1 = full access, 2 and 3 = sealed: no settings for us."""
    for _ in range(_LOOKS):
        transfer.read(_BATTERY_STATUS, 2)
        security = transfer.data[1] & _SECURITY
        if security == _FULL_ACCESS:
            return
        if security:
            raise AfeError(UNSUPPORTED)
        time.sleep_us(_PAUSE_US)
        yield
    raise AfeError(TIMED_OUT)


def _switch_to_check_codes(transfer):
    yield from _update(transfer, True)
    # Leaving again must not close a switch either.
    _write_memory(transfer, FET_OPTIONS, bytes([FETS_BLOCKED_AT_RESET]))
    yield
    _write_memory(transfer, COMM_TYPE, bytes([transfer.comm_type]))
    yield
    yield from _update(transfer, False)
    try:
        transfer.command(_SWAP_COMM_MODE)
    except AfeError:
        # Changed over before it could confirm; if not, the looks below find that out.
        pass
    transfer.check_codes = True
    for _ in range(_LOOKS):
        time.sleep_us(_PAUSE_US)
        yield
        try:
            transfer.read(_BATTERY_STATUS, 2)
            return
        except AfeError:
            # Not changed over yet: any error means "look again".
            pass
    raise AfeError(CHECK_FAILED)


def _update(transfer, entering):
    """Enter or leave CONFIG_UPDATE; what is written before the chip says so may be lost."""
    transfer.command(_SET_CFGUPDATE if entering else _EXIT_CFGUPDATE)
    for _ in range(_LOOKS):
        time.sleep_us(_PAUSE_US)
        yield
        transfer.read(_BATTERY_STATUS, 2)
        if bool(transfer.data[0] & _CFGUPDATE) == entering:
            return
    raise AfeError(TIMED_OUT)


def _write_memory(transfer, address, data):
    payload = transfer.payload
    for index in range(len(data)):
        payload[2 + index] = data[index]
    transfer.write_block(address, len(data))


def _force_all_off(transfer):
    transfer.payload[2] = _ALL_FORCED_OFF
    transfer.write_block(_FET_CONTROL, 1)


def _enable_fets(transfer):
    # The command toggles: a blind one would switch off what another start switched on.
    for _ in range(3):
        transfer.read_block(_MANUFACTURING_STATUS)
        if transfer.data[0] & _FET_EN:
            return
        transfer.command(_FET_ENABLE)
        yield
    raise AfeError(TIMED_OUT)
