"""What an LTC681x chain measures beside its cells, in short steps, and open sense leads.

A round: every GPIO channel in use, the reference, the dies, and whether the settings still stand.
Leads: currents pull every input up, then down.
"""

from array import array

from micropython import const

from vigil.afe.ltc681x_chain import command
from vigil.afe.ltc681x_layout import (
    ADAX,
    ADOW_DOWN,
    ADOW_UP,
    ADSTAT_DIE,
    ALL_CELLS_US,
    CLRAUX,
    CLRCELL,
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

# mV: a cell that reads this much less when pulled up has lost the lead below it.
_FALLS = const(-400)
# A cell at an end whose outer lead is open reads nothing; no living cell is as low as this.
_NOTHING = const(100)
# A tenth of all ones: cleared and not converted since.
_NEVER_MV = const(6554)


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


class Leads:
    """Two halves, so that no cycle becomes long.

    open_leads[k] = 1: the lead above cell k (1-based) is open; 0 is the lead below the first.
    """

    def __init__(self, chain, layout, read_cells_into):
        self._chain = chain
        self._devices = layout.devices
        self._read_cells_into = read_cells_into
        self._clear = command(CLRCELL)
        self._pull_up = command(ADOW_UP)
        self._pull_down = command(ADOW_DOWN)
        self._up = array("i", [0] * layout.cell_count)
        self._down = array("i", [0] * layout.cell_count)
        self.half_done = False
        self.open_leads = bytearray(layout.cell_count + 1)
        self.count = 0  # of them
        self.tests = 0

    def forget(self):
        self.half_done = False
        self.count = 0
        for lead in range(len(self.open_leads)):
            self.open_leads[lead] = 0

    def give_up(self):
        self.half_done = False

    def test_up(self):
        """Takes over 5 ms; overwrites the cells' results. Nothing may bleed meanwhile."""
        self.half_done = self._pull(self._pull_up, self._up)

    def test_down(self):
        """False if nothing was measured: the test has to begin anew."""
        self.half_done = False
        if not self._pull(self._pull_down, self._down):
            return False
        self._find()
        self.tests += 1
        return True

    def _pull(self, start, target):
        # Twice, for the current needs time to move the filters' capacitors.
        self._chain.send(self._clear)
        self._chain.convert(start, ALL_CELLS_US)
        self._chain.convert(start, ALL_CELLS_US)
        self._read_cells_into(target)
        for cell in range(len(target)):
            if target[cell] == _NEVER_MV:
                # That the cells are unknown is told by the cycle's own readings.
                return False
        return True

    def _find(self):
        self.forget()
        up = self._up
        down = self._down
        cell = 0
        for number in range(len(self._devices)):
            cells = self._devices[number].cells
            if up[cell] < _NOTHING:
                self._note(cell)
            for place in range(len(cells)):
                # Inputs that are not neighbours share no lead.
                if place and cells[place] == cells[place - 1] + 1:
                    if up[cell] - down[cell] < _FALLS:
                        self._note(cell)
                cell += 1
            if down[cell - 1] < _NOTHING:
                self._note(cell)

    def _note(self, lead):
        if not self.open_leads[lead]:
            self.open_leads[lead] = 1
            self.count += 1
