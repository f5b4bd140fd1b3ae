"""What an LTC681x chain measures beside its cells, one short step a cycle.

A round: every GPIO channel in use, the reference, the dies, and whether the settings still stand.
"""

from array import array

from micropython import const

from vigil.afe.ltc681x_chain import command
from vigil.afe.ltc681x_layout import (
    ADAX,
    ADSTAT_DIE,
    CLRAUX,
    CLRSTAT,
    ONE_CHANNEL_US,
    RDSTATA,
    REFERENCE_CHANNEL,
    TWO_CHANNELS_US,
)
from vigil.sample import UNKNOWN

_REFERENCE_GROUP = const(1)
_REFERENCE_AT = const(4)
_DIE_AT = const(2)
_NEVER_RAW = const(0xFFFF)
# A reference further than 50 mV from its 3 V is not one.
_LOWEST_REFERENCE = const(29500)
_HIGHEST_REFERENCE = const(30500)
_COLDEST_DIE_DC = const(-500)
_HOTTEST_DIE_DC = const(1750)


class SlowRound:
    """temps_dc and dies_dc hold the results when a round is over."""

    def __init__(self, chain, layout, config, thermistor):
        self._chain = chain
        self._config = config
        self._thermistor = thermistor
        self._devices = layout.devices
        self._clear_aux = command(CLRAUX)
        self._clear_status = command(CLRSTAT)
        self._steps = []
        for channel, readings in layout.channels:
            two = layout.some_long and channel < 5
            wait_us = TWO_CHANNELS_US if two else ONE_CHANNEL_US
            self._steps.append((command(ADAX + channel), wait_us, readings))
        self._reference_start = command(ADAX + REFERENCE_CHANNEL)
        self._reference_reading = layout.all_aux[_REFERENCE_GROUP][0]
        self._die_start = command(ADSTAT_DIE)
        self._die_reading = chain.reading(RDSTATA)
        # Which device each thermistor hangs on.
        self._temp_device = bytes(
            [number for number, device in enumerate(layout.devices) for _ in device.thermistors]
        )
        self._raw = array("i", [_NEVER_RAW] * layout.temp_count)
        self._references = array("i", [0] * len(layout.devices))
        self.temps_dc = array("i", [UNKNOWN] * layout.temp_count)
        self.dies_dc = array("i", [UNKNOWN] * len(layout.devices))
        self._at = 0
        self.is_over = True

    def forget(self):
        self.is_over = True

    def begin(self):
        self._at = 0
        self.is_over = False

    def step(self):
        """The next step of the round; one that fails is tried again."""
        at = self._at
        channels = len(self._steps)
        if at < channels:
            self._read_channel(self._steps[at])
        elif at == channels:
            self._read_references()
        elif at == channels + 1:
            self._read_dies()
        else:
            self._config.compare()
            self._conclude()
            self.is_over = True
        self._at = at + 1

    def _read_channel(self, step):
        chain = self._chain
        blocks = chain.blocks
        chain.send(self._clear_aux)
        chain.convert(step[0], step[1])
        for reading, found in step[2]:
            chain.take(reading)
            for temp, number, at in found:
                block = blocks[number]
                self._raw[temp] = block[at] | block[at + 1] << 8

    def _read_references(self):
        chain = self._chain
        chain.send(self._clear_aux)
        chain.convert(self._reference_start, ONE_CHANNEL_US)
        chain.take(self._reference_reading)
        for number in range(len(self._devices)):
            block = chain.blocks[number]
            self._references[number] = block[_REFERENCE_AT] | block[_REFERENCE_AT + 1] << 8

    def _read_dies(self):
        chain = self._chain
        chain.send(self._clear_status)
        chain.convert(self._die_start, ONE_CHANNEL_US)
        chain.take(self._die_reading)
        for number in range(len(self._devices)):
            block = chain.blocks[number]
            raw = block[_DIE_AT] | block[_DIE_AT + 1] << 8
            scale = self._devices[number].die
            die_dc = (raw * scale[0] + (scale[1] >> 1)) // scale[1] + scale[2]
            if raw == _NEVER_RAW or not _COLDEST_DIE_DC <= die_dc <= _HOTTEST_DIE_DC:
                die_dc = UNKNOWN
            self.dies_dc[number] = die_dc

    def _conclude(self):
        for temp in range(len(self._raw)):
            reference = self._references[self._temp_device[temp]]
            raw = self._raw[temp]
            temp_dc = UNKNOWN
            if raw != _NEVER_RAW and _LOWEST_REFERENCE <= reference <= _HIGHEST_REFERENCE:
                temp_dc = self._thermistor.temp_dc(raw, reference)
            self.temps_dc[temp] = temp_dc
