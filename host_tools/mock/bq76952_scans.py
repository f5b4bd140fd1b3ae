"""Measuring side of the BQ76952 model: which channels and pins are read, in which loop, and how.

Cells mV, current userA, stack, PACK and LD userV, temperatures 0.1 K, as the settings say.
"""

from host_tools.mock.bq76952_commands import CommandPort
from host_tools.mock.bq76952_leads import Leads
from host_tools.mock.bq76952_modes import Modes
from host_tools.mock.bq76952_pins import Pins

FULLSCAN = 0x0080
ADSCAN = 0x0002

_CELL_1 = 0x14
_STACK = 0x34
_PACK = 0x36
_LD = 0x38
_CC2 = 0x3A
_DIE = 0x68
_LOOPS_A_FULL_SCAN = 3


class ScanPort(CommandPort):
    # One 16-bit count of CC2 in shunt microvolts; the settings' own default gain is 1.2 % off it.
    cc_count_uv = 1e6 * 1.24 / (5 * 32768)
    # What thermistor pins show whose thermistor is missing: not known of the real chip.
    open_pin_value = 0
    noise_mv = 0
    # Called after each measurement: whoever wants the registers to lie overwrites them then.
    after_measuring = None

    def __init__(self, clock, address, bench, cells, shunt_uohm, seed, wiring, variant):
        super().__init__(clock, address)
        if not 3 <= cells <= variant.channels:
            raise ValueError("this chip measures 3 to %d cells" % variant.channels)
        if wiring is not None:
            if (
                wiring & ~variant.all_channels
                or sum([wiring >> n & 1 for n in range(16)]) != cells
            ):
                raise ValueError("the wiring names one channel for each cell")
        self.variant = variant
        self.pins = Pins(self)
        self.leads = Leads(self)
        self.modes = Modes(self)
        self.bench = bench
        self.cells = cells
        self.shunt_uohm = shunt_uohm
        self._wiring = wiring
        self._random = seed & 0x7FFFFFFF

    def _restart_scans(self):
        """Until the first scan nothing is known, and what was known before does not stay."""
        self._loop = 0
        for at in range(_CELL_1, _CC2 + 2):
            self.image[at] = 0
        self.die_c = None
        self.pins.forget()

    def _load_channels(self):
        """After a change of settings: what there is to measure, and its scale."""
        settings = self.settings
        every = self.variant.all_channels
        mask = settings.cell_mask & every or every
        wiring = mask if self._wiring is None else self._wiring
        places = [-1] * 16
        cell = 0
        for channel in range(16):
            if wiring >> channel & 1 and cell < self.cells:
                places[channel] = cell
                cell += 1
        # (register, index of the cell or -1, gain) of every channel that is measured.
        channels = []
        watched = []
        for channel in range(16):
            if mask >> channel & 1:
                if self._wiring is None and mask == every and channel >= self.cells:
                    # No mask written yet: the sockets above the pack are shorted and unwatched.
                    continue
                place = places[channel]
                channels.append((_CELL_1 + 2 * channel, place, settings.cell_gains[channel]))
                watched.append(place)
        self._places = places
        self.channels = channels
        self._watched = watched
        self._all_cells = watched == list(range(len(self.bench.cell_mv)))
        if self.leads.shift_mv is not None:
            self._all_cells = False
        self._plain_cells = (
            watched == list(range(16))
            and self._all_cells
            and max(settings.cell_gains) == min(settings.cell_gains) == 1
            and not self.noise_mv
        )
        for channel in range(16):
            if not mask >> channel & 1:
                self._put(_CELL_1 + 2 * channel, 0)
        count_ma = self.cc_count_uv / (self.shunt_uohm / 1000)
        self.current_ratio = settings.cc_gain / count_ma
        self._most_ma = 32768 * count_ma
        self.charge_ratio = settings.capacity_gain / 298261.6178 / count_ma

    def loop_us(self):
        slots = self.variant.loop_slots + min(3, len(self.pins.converted))
        settings = self.settings
        slow = settings.balancing_loop_slow if self.balancing.active else settings.loop_slow
        return slots * settings.slot_us * slow

    def _put(self, register, value):
        self.image[register] = value & 0xFF
        self.image[register + 1] = value >> 8 & 0xFF

    def _put_signed(self, register, value):
        value = int(value + 0.5) if value >= 0 else -int(0.5 - value)
        if value > 32767:
            value = 32767
        elif value < -32768:
            value = -32768
        self.image[register] = value & 0xFF
        self.image[register + 1] = value >> 8 & 0xFF

    def _measure(self):
        """One ADC loop into the registers; returns the scan bits it sets."""
        bench = self.bench
        settings = self.settings
        image = self.image
        self._before_scan[:] = image
        if self._plain_cells:
            at = _CELL_1
            for mv in bench.cell_mv:
                value = int(mv + 0.5)
                image[at] = value & 0xFF
                image[at + 1] = value >> 8 & 0xFF
                at += 2
        else:
            self._scan_channels()
        self._put_signed(_CC2, self.measured_ma() / settings.user_ma)
        loop = self._loop
        # A burst in SLEEP brings everything up to date.
        everything = self.modes.sleeping
        if loop == 0 or everything:
            self._put_signed(_STACK, bench.stack_mv / settings.user_mv)
            self.die_c = bench.die_c
            self._put_signed(_DIE, self.die_c * 10 + 2731.5 + settings.die_offset_dk)
            self.modes.check_supplies()
        if loop == 1 or everything:
            self._put_signed(_PACK, bench.pack_mv / settings.user_mv)
        if loop == 2 or everything:
            ld_mv = self.ld_mv()
            self._put_signed(_LD, ld_mv / settings.user_mv)
            self.load_detect.ld_measured(ld_mv)
        self.pins.convert(loop, everything)
        self._loop = (loop + 1) % _LOOPS_A_FULL_SCAN
        if everything:
            self._loop = 0
        if self.after_measuring is not None:
            self.after_measuring()
        return FULLSCAN | ADSCAN if self._loop == 0 else ADSCAN

    def show_cell(self, place, mv):
        for register, measured, _ in self.channels:
            if measured == place:
                self._put_signed(register, mv)

    def show_stack(self, mv):
        self._put_signed(_STACK, mv / self.settings.user_mv)

    def show_current(self, ma):
        self._put_signed(_CC2, ma * self.current_ratio / self.settings.user_ma)

    def _scan_channels(self):
        cell_mv = self.leads.sensed_mv()
        for register, place, gain in self.channels:
            mv = cell_mv[place] * gain if place >= 0 else 0.0
            if self.noise_mv:
                mv += self._noise()
            self._put_signed(register, mv)

    def _noise(self):
        self._random = (self._random * 1103515245 + 12345) & 0x7FFFFFFF
        span = 2 * self.noise_mv + 1
        return (self._random >> 12) % span - self.noise_mv

    def temperature_c(self, place):
        """ "hottest" and "coldest" cell thermistor, "fet_hottest", "die"; None: not measured."""
        die = self.die_c
        settings = self.settings
        pins = self.pins
        if place == "die":
            return die
        if place == "fet_hottest":
            value = pins.fet_hottest_c
            if settings.die_is_fet and die is not None and (value is None or die > value):
                return die
            return value
        value = pins.hottest_c if place == "hottest" else pins.coldest_c
        if settings.die_is_cell and die is not None:
            if value is None:
                return die
            return max(value, die) if place == "hottest" else min(value, die)
        return value

    def ld_mv(self):
        """LD as it is; with the current source on it follows the stack unless a load holds it."""
        bench = self.bench
        if self.load_detect.source_on:
            return max(bench.ld_mv, bench.lifted_mv(self.load_detect.source_ma))
        return bench.ld_mv

    def measured_ma(self):
        """The current as the settings' gain makes the chip see it."""
        return self.convertible_ma(self.bench.sensed_ma) * self.current_ratio

    def convertible_ma(self, ma):
        """The converter ends at 1.24 V / 5 across the shunt."""
        most_ma = self._most_ma
        if -most_ma <= ma <= most_ma:
            return ma
        return most_ma if ma > 0 else -most_ma

    def lowest_mv(self):
        if self._all_cells:
            return self.bench.lowest_mv
        cell_mv = self.leads.sensed_mv()
        return min([cell_mv[place] if place >= 0 else 0.0 for place in self._watched])

    def highest_mv(self):
        if self._all_cells:
            return self.bench.highest_mv
        cell_mv = self.leads.sensed_mv()
        return max([cell_mv[place] if place >= 0 else 0.0 for place in self._watched])
