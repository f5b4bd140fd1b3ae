"""Bring-up of an LTC681x chain: who is there, settings, self-tests. Slices below 5 ms."""

import time

from micropython import const

from vigil.afe.errors import SELF_TEST_FAILED, WRONG_DEVICE, failure
from vigil.afe.ltc681x_chain import command
from vigil.afe.ltc681x_layout import (
    ALL_CELLS_US,
    ALL_CHANNELS_US,
    ALL_STATUS_US,
    AXST,
    CLRAUX,
    CLRCELL,
    CLRSTAT,
    CVST,
    DIAGN,
    RDCFGA,
    RDCFGB,
    RDSTATA,
    RDSTATB,
    STATST,
)

_DIAGNOSE_US = const(1000)
_REFERENCE_US = const(4400)
# What every register holds after self-test 1 and 2, in all modes but the two fastest.
_PATTERNS = (0x9555, 0x6AAA)
_MUX_FAILED = const(2)
_TOO_HOT = const(1)


def bring_up(chain, layout, config):
    """Generator; raises AfeError unless every device is there, obeys and passes its tests."""
    yield from _identify(chain, layout)
    chain.wake()
    # Bleeds of a life before are off with this.
    config.write()
    config.compare()
    # Nobody sleeps any more; from here on a long pause is a loss.
    chain.slept = False
    yield
    # Conversions would take so much longer until the references are up.
    time.sleep_us(_REFERENCE_US)
    yield
    every = b"\x01" * chain.devices
    status = ((chain.reading(RDSTATA), every, 3), (chain.reading(RDSTATB), every, 1))
    cells = [(reading, members, 3) for reading, members in layout.all_cells]
    for start, us, clear, groups in (
        (CVST, ALL_CELLS_US, CLRCELL, cells),
        (AXST, ALL_CHANNELS_US, CLRAUX, layout.all_aux),
        (STATST, ALL_STATUS_US, CLRSTAT, status),
    ):
        for test in (1, 2):
            chain.wake()
            chain.send(command(clear))
            chain.convert(command(start | test << 5), us)
            yield
            chain.wake()
            _expect(chain, groups, _PATTERNS[test - 1])
            yield
    chain.wake()
    _diagnose(chain)
    yield


def _identify(chain, layout):
    chain.wake(True)
    # One try that wakes whoever was half asleep, then one that counts.
    every = chain.reading(RDCFGA)
    chain.peek(every)
    chain.take(every)
    yield
    # Once more, so that a device too many has had the time to wake.
    chain.wake(True)
    if chain.is_longer(RDCFGA):
        # Cells would go unwatched.
        raise failure(WRONG_DEVICE)
    yield
    chain.wake()
    # Only the long parts have a second group of settings.
    long_ones = 0
    for number in range(chain.devices):
        if layout.long_members[number]:
            long_ones |= 1 << number
    second = chain.reading(RDCFGB)
    if chain.peek(second) != long_ones and chain.peek(second) != long_ones:
        raise failure(WRONG_DEVICE)
    yield


def _expect(chain, groups, pattern):
    for reading, members, words in groups:
        chain.take(reading)
        for number in range(chain.devices):
            if not members[number]:
                continue
            block = chain.blocks[number]
            for word in range(words):
                if block[2 * word] | block[2 * word + 1] << 8 != pattern:
                    raise failure(SELF_TEST_FAILED)


def _diagnose(chain):
    """The multiplexer's own test clears a flag that clearing the registers has set."""
    flags = chain.reading(RDSTATB)
    chain.send(command(CLRSTAT))
    # Reading takes back the thermal flag, which clearing sets too.
    chain.take(flags)
    for number in range(chain.devices):
        if not chain.blocks[number][5] & _MUX_FAILED:
            raise failure(SELF_TEST_FAILED)
    chain.send(command(DIAGN))
    time.sleep_us(_DIAGNOSE_US)
    chain.take(flags)
    for number in range(chain.devices):
        if chain.blocks[number][5] & (_MUX_FAILED | _TOO_HOT):
            raise failure(SELF_TEST_FAILED)
