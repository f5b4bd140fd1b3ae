"""Which cell and which thermistor of a mixed chain lies in which register, and the settings.

Settings are shadows that are written whole, never read, changed and written back: a pin's level
reads where its pull-down was written, and would pull a thermistor to ground.
"""

from micropython import const

from vigil.afe.errors import READ_BACK_DIFFERS, UNSUPPORTED, failure
from vigil.afe.ltc681x_chain import FRAME_BYTES

RDCFGA = const(0x002)
WRCFGA = const(0x001)
RDCFGB = const(0x026)
WRCFGB = const(0x024)
RDSTATA = const(0x010)
RDSTATB = const(0x012)
CLRCELL = const(0x711)
CLRAUX = const(0x712)
CLRSTAT = const(0x713)
DIAGN = const(0x715)
# Starts, all in the 7 kHz mode; discharge pauses at the measured cell and its neighbours.
ADCVSC = const(0x567)  # all cells and their sum
ADOW_UP = const(0x368)
ADOW_DOWN = const(0x328)
ADAX = const(0x560)  # + channel
ADSTAT_DIE = const(0x56A)
CVST = const(0x307)  # + test << 5
AXST = const(0x507)
STATST = const(0x50F)
REFERENCE_CHANNEL = const(6)

# Conversion times with a tenth in hand.
ALL_CELLS_US = const(2600)
ONE_CHANNEL_US = const(450)
TWO_CHANNELS_US = const(870)
ALL_CHANNELS_US = const(4250)
ALL_STATUS_US = const(1720)

_CELL_GROUPS = (0x004, 0x006, 0x008, 0x00A, 0x009, 0x00B)
_AUX_GROUPS = (0x00C, 0x00E, 0x00D, 0x00F)
# Registers of the aux groups in turn, GPIO numbers; 0 is the reference.
_AUX_PLACES = ((1, 2, 3), (4, 5, 0), (6, 7, 8), (9,))

# Cell inputs, GPIOs, mV of one step of the sum of cells, kelvin a step and offset of the die as
# (numerator, denominator, offset) in 0.1 degC.
PARTS = {
    "LTC6811": (12, 5, 2, (2, 15, -2730)),
    "LTC6813": (18, 9, 3, (5, 38, -2760)),
    "ADBMS1818": (18, 9, 3, (5, 38, -2760)),
}

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


class Device:
    """One device: its type, the inputs that carry cells (1-based, upwards), thermistor GPIOs."""

    def __init__(self, part, cells, thermistors=()):
        """cells: a count, or the inputs used; thermistors: GPIO numbers."""
        if part not in PARTS:
            raise ValueError("unknown part: " + part)
        self.part = part
        self.inputs, self.gpios, self.sum_step_mv, self.die = PARTS[part]
        self.cells = tuple(range(1, cells + 1)) if isinstance(cells, int) else tuple(cells)
        self.thermistors = tuple(thermistors)
        self.is_long = self.inputs > 12
        if not self.cells or list(self.cells) != sorted(set(self.cells)):
            raise ValueError("cell inputs count upwards")
        if self.cells[0] < 1 or self.cells[-1] > self.inputs:
            raise ValueError("no such cell input")
        for gpio in self.thermistors:
            if not 1 <= gpio <= self.gpios:
                raise ValueError("no such GPIO")


class Layout:
    """Readings and places of a chain of `Device`s, nearest (bottom) first."""

    def __init__(self, chain, devices):
        self.devices = devices
        self.cell_count = sum([len(device.cells) for device in devices])
        self.temp_count = sum([len(device.thermistors) for device in devices])
        self.long_members = bytes([1 if device.is_long else 0 for device in devices])
        self.some_long = any(self.long_members)
        # Every cell group that some device has, for the self-test: (reading, members).
        self.all_cells = []
        # The groups that hold cells in use: (reading, places for kernels.scatter_tenths, count).
        self.cell_readings = []
        for group in range(6 if self.some_long else 4):
            members = self.long_members if group >= 4 else b"\x01" * len(devices)
            reading = chain.reading(_CELL_GROUPS[group], members)
            self.all_cells.append((reading, members))
            places = bytearray()
            for number, device in enumerate(devices):
                for place, cell_input in enumerate(device.cells):
                    if (cell_input - 1) // 3 == group:
                        at = FRAME_BYTES * number + 2 * ((cell_input - 1) % 3)
                        places.extend(bytes((self.first_cell(number) + place, at)))
            if places:
                self.cell_readings.append((reading, bytes(places), len(places) // 2))
        self.all_aux = []
        for group in range(4 if self.some_long else 2):
            members = self.long_members if group >= 2 else b"\x01" * len(devices)
            words = len(_AUX_PLACES[group])
            self.all_aux.append((chain.reading(_AUX_GROUPS[group], members), members, words))
        self.channels = self._channels()

    def first_cell(self, number):
        """Index in the stack of the lowest cell of device `number`."""
        return sum([len(device.cells) for device in self.devices[:number]])

    def _channels(self):
        """Steps of a round through the GPIOs: (channel, [(reading, [(temp, device, at)])])."""
        # On the long parts GPIO n and n+5 are converted together.
        steps = []
        temp = 0
        wanted = []
        for number, device in enumerate(self.devices):
            for gpio in device.thermistors:
                wanted.append((gpio, temp, number))
                temp += 1
        for channel in range(1, 6):
            readings = []
            for group, aux in enumerate(self.all_aux):
                found = []
                for gpio, temp, number in wanted:
                    if (gpio - 1) % 5 + 1 == channel and gpio in _AUX_PLACES[group]:
                        found.append((temp, number, 2 * _AUX_PLACES[group].index(gpio)))
                if found:
                    readings.append((aux[0], found))
            if readings:
                steps.append((channel, readings))
        return steps


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

    def timer_s(self):
        """How long bleeding outlives the devices' watchdog, 0 = not at all."""
        return [seconds for seconds in TIMER_S if TIMER_S[seconds] << 4 == self._timer][0]

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
