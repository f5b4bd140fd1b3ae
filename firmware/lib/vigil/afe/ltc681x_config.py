"""Configuration of a chain: shadows that are written whole, never read, changed and written back.

A pin's level stands where its pull-down was written, so that a register read back would pull
thermistors to ground if it were written again.
"""

from micropython import const

from vigil.afe.errors import READ_BACK_DIFFERS, UNSUPPORTED, failure
from vigil.afe.ltc681x_layout import RDCFGA, RDCFGB, WRCFGA, WRCFGB

# All pull-downs off, reference always on.
_CFGA0 = const(0xFC)
# Under-voltage 3.0 V, over-voltage 4.2 V: nothing judges by them, a reset shows by them.
_THRESHOLDS = b"\x52\x17\xa4"
_CFGB0 = const(0x0F)

# What must read as written; pins, timer and mute tell something else.
_MASK_A = (0x05, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F)
_MASK_B = (0xF0, 0x7F, 0, 0, 0, 0)

# Setting of the discharge timer by its seconds; 0: discharge ends with the watchdog.
TIMER_S = {0: 0, 30: 1, 60: 2, 120: 3}


class Config:
    """What the devices are set to, and which cells bleed."""

    def __init__(self, chain, layout, timer_s):
        self._chain = chain
        self._devices = layout.devices
        self._some_long = layout.some_long
        self._long_members = layout.long_members
        self._timer = TIMER_S[timer_s] << 4
        self.bleeding = False
        self._write_a = chain.writing(WRCFGA)
        self._write_b = chain.writing(WRCFGB)
        self._views_a = chain.seals(self._write_a)
        self._views_b = chain.seals(self._write_b)
        self._read_a = chain.reading(RDCFGA)
        self._read_b = chain.reading(RDCFGB, layout.long_members)
        for view in self._views_a:
            view[0] = _CFGA0
            view[1:4] = _THRESHOLDS
        for view in self._views_b:
            view[0] = _CFGB0
        self.bleed_none()

    def bleed_none(self):
        """As it will be written next; wait for write()."""
        for number in range(len(self._devices)):
            view = self._views_a[number]
            view[4] = 0
            view[5] = 0
            view = self._views_b[number]
            view[0] = _CFGB0
            view[1] = 0
        self.bleeding = False
        self._chain.seal(self._views_a)
        self._chain.seal(self._views_b)

    def bleed(self, marks):
        """marks: a byte a cell. Neighbours on one device: UNSUPPORTED, and no cell bleeds."""
        self.bleed_none()
        cell = 0
        for number in range(len(self._devices)):
            cells = self._devices[number].cells
            before = -1
            for place in range(len(cells)):
                if marks[cell]:
                    cell_input = cells[place]
                    if cell_input == before + 1:
                        self.bleed_none()
                        raise failure(UNSUPPORTED)
                    before = cell_input
                    self._mark(number, cell_input - 1)
                cell += 1
        if self.bleeding:
            for view in self._views_a:
                view[5] |= self._timer
        self._chain.seal(self._views_a)
        self._chain.seal(self._views_b)

    def _mark(self, number, bit):
        self.bleeding = True
        if bit < 8:
            self._views_a[number][4] |= 1 << bit
        elif bit < 12:
            self._views_a[number][5] |= 1 << (bit - 8)
        elif bit < 16:
            self._views_b[number][0] |= 1 << (bit - 8)
        else:
            self._views_b[number][1] |= 1 << (bit - 16)

    def write(self):
        """Settings and bleeds to all devices; starts their watchdog and discharge timer anew."""
        self._chain.write(self._write_a)
        if self._some_long:
            self._chain.write(self._write_b)

    def compare(self):
        """READ_BACK_DIFFERS unless every device is set as written."""
        self._chain.take(self._read_a)
        for number in range(len(self._devices)):
            self._compare(number, self._views_a, _MASK_A)
        if self._some_long:
            self._chain.take(self._read_b)
            for number in range(len(self._devices)):
                if self._long_members[number]:
                    self._compare(number, self._views_b, _MASK_B)

    def _compare(self, number, views, mask):
        block = self._chain.blocks[number]
        view = views[number]
        for at in range(6):
            if (block[at] ^ view[at]) & mask[at]:
                raise failure(READ_BACK_DIFFERS)
