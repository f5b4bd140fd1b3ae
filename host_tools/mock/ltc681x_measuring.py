"""Conversions of one LTC681x model: how long they take, what they leave in the result words.

Words are 0.1 mV. Everything is sampled at the end of a conversion; until then the old words stay.
"""

from host_tools.mock import ltc681x_commands as commands
from host_tools.mock.ltc681x_leads import Leads
from host_tools.mock.ltc681x_parts import FAST, FAST_14K, mode
from host_tools.mock.seeded_random import SeededRandom

_CLEARED = 0xFFFF
_REF = 5  # place of VREF2 among the auxiliary words
_AUX_WORDS = 10
_HIGHEST_MV = 5700.0  # end of the converter's range
_MISMATCH = 0xFF00  # from here on a word tells of a failed digital comparison
_ALL_FLAGS = (1 << 18) - 1
_NEVER = 1 << 60

_CELL_KINDS = (commands.ADCV, commands.ADOW, commands.ADOL, commands.ADCVAX, commands.ADCVSC)
_AUX_KINDS = (commands.ADAX, commands.ADAXD, commands.AXOW)
_STATUS_KINDS = (commands.ADSTAT, commands.ADSTATD)
_CHECKED_TWICE = (commands.ADAXD, commands.ADSTATD)


class Measuring:
    noise_counts = 0
    refup_us = 3500
    diagnose_us = 400
    diagnose_cold_us = 4500

    def __init__(self, device, seed):
        self.device = device
        self.leads = Leads(device)
        self._random = SeededRandom(seed)
        self.vref2_mv = 2985.0 + 30.0 * self._random.uniform()
        self.va_mv = 4900.0 + 200.0 * self._random.uniform()
        self.vd_mv = 3050.0 + 100.0 * self._random.uniform()
        self.mux_fails = False  # fault hook: DIAGN finds the multiplexer broken
        self.overlapped = 0  # conversions started while another one ran
        self._end_call = self._end
        self._entry = None
        self.forget()

    def forget(self):
        """Power-up."""
        self.stop()
        self.cells = [_CLEARED] * 18
        self.aux = [_CLEARED] * _AUX_WORDS
        self.status = [_CLEARED] * 4
        self.under = 0
        self.over = 0
        self.mux_failed = False
        self.too_hot = False
        self.ref_up_us = None
        self.leads.forget()

    def stop(self):
        if self._entry is not None:
            self.device.clock.cancel(self._entry)
        self._entry = None
        self._running = None
        self._until_us = 0

    def busy_at(self, t_us):
        return t_us < self._until_us

    # Commands that clear

    def clear_cells(self):
        self.cells = [_CLEARED] * 18

    def clear_aux(self):
        self.aux = [_CLEARED] * _AUX_WORDS

    def clear_status(self):
        self.status = [_CLEARED] * 4
        self.under = self.over = _ALL_FLAGS
        self.mux_failed = True
        self.too_hot = True

    # Start

    def hold_reference(self, on):
        """REFON: the references stay up, from tREFUP after now."""
        if not on:
            self.ref_up_us = None
        elif self.ref_up_us is None:
            self.ref_up_us = self.device.clock.now_us + self.refup_us

    def start(self, conversion):
        self._begin(conversion, self._ready_in_us() + self._takes_us(conversion))

    def diagnose(self):
        now_us = self.device.clock.now_us
        warm = self.ref_up_us is not None and self.ref_up_us <= now_us
        self._begin(None, self.diagnose_us if warm else self.diagnose_cold_us)

    def _begin(self, conversion, us):
        if self._running is not None:
            # The sheet leaves it open; here the first one is lost and the second begins.
            self.overlapped += 1
            self.stop()
        self._running = (conversion,)
        device = self.device
        if conversion is not None and not conversion.keep_discharge:
            device.pause_discharge(self._paused_by(conversion))
        if device.stuck:
            self._until_us = _NEVER
            return
        clock = device.clock
        self._until_us = clock.now_us + us
        self._entry = clock.call_at(self._until_us, self._end_call)

    def _ready_in_us(self):
        """Until the references are up."""
        if self.ref_up_us is None:
            return self.refup_us
        return max(0, self.ref_up_us - self.device.clock.now_us)

    def _takes_us(self, conversion):
        part = self.device.part
        at = mode(conversion.md, self.device.adcopt)
        kind = conversion.kind
        if kind in _STATUS_KINDS or kind == commands.STATST:
            return part.one_us[at] if conversion.select else part.status_us(at)
        if kind in _AUX_KINDS or kind == commands.AXST:
            return part.auxiliary_us(at, len(self._pins(conversion)))
        if kind == commands.ADCVAX:
            return part.both_us(at)
        if kind == commands.ADCVSC:
            return part.all_us[at] + part.one_us[at]
        if kind == commands.ADOL:
            return 2 * part.one_us[at]
        return part.one_us[at] if conversion.select else part.all_us[at]

    def _channels(self, conversion):
        """Numbers of the cells that are measured."""
        cells = self.device.part.cells
        if conversion.kind == commands.ADOL:
            return (7, 13) if self.device.part.big else (7,)
        if conversion.kind not in _CELL_KINDS:
            return ()
        if not conversion.select:
            return range(1, cells + 1)
        return range(conversion.select, cells + 1, 6)

    def _paused_by(self, conversion):
        mask = 0
        for channel in self._channels(conversion):
            # Itself and its neighbours.
            mask |= 7 << channel >> 2
        return mask & ((1 << self.device.part.cells) - 1)

    def _pins(self, conversion):
        """Places of the auxiliary words that are measured."""
        if conversion.kind == commands.ADCVAX:
            return (0, 1)
        if conversion.kind in _STATUS_KINDS:
            select = conversion.select if conversion.select in (5, 6) else None
        else:
            select = conversion.select
        if select is None:
            return ()
        big = self.device.part.big
        if select == 0:
            return range(10 if big else 6)
        if big and select <= 4:
            return (select - 1, select + 5)
        return (select - 1,)

    # What a fault puts in the place of a result; what was cleared stays cleared.

    def show_cell(self, channel, mv):
        if self.cells[channel - 1] != _CLEARED:
            self.cells[channel - 1] = self._word(mv)

    def show_sum(self, mv):
        if self.status[0] != _CLEARED:
            self.status[0] = self._sum_word(mv)

    # End

    def _end(self):
        conversion = self._running[0]
        device = self.device
        self._entry = None
        self._running = None
        if conversion is None:
            self.mux_failed = self.mux_fails
        elif not device.frozen:
            device.bench.update()
            if conversion.self_test:
                self._fill_self_test(conversion)
            else:
                self._fill(conversion)
                if device.chain.after_measuring is not None:
                    device.chain.after_measuring()
        device.pause_discharge(0)
        device.check_heat()

    def _fill_self_test(self, conversion):
        speed = mode(conversion.md, self.device.adcopt)
        word = {FAST: 0x9565, FAST_14K: 0x9553}.get(speed, 0x9555)
        if conversion.self_test == 2:
            word = {FAST: 0x6A9A, FAST_14K: 0x6AAC}.get(speed, 0x6AAA)
        if conversion.kind == commands.CVST:
            self.cells = [word] * 18
        elif conversion.kind == commands.AXST:
            self.aux = [word] * _AUX_WORDS
        else:
            self.status = [word] * 4

    def _fill(self, conversion):
        kind = conversion.kind
        if kind in _CELL_KINDS:
            if kind == commands.ADOW:
                speed = mode(conversion.md, self.device.adcopt)
                self.leads.pull(conversion.pull_up, speed)
            else:
                self.leads.rest()
            self._fill_cells(conversion)
        if kind in _AUX_KINDS or kind == commands.ADCVAX or kind in _STATUS_KINDS:
            self._fill_aux(conversion)
        if kind in _STATUS_KINDS or kind == commands.ADCVSC:
            self._fill_status(conversion)

    def inputs_mv(self):
        """By channel 1, 2, ...; an unused one shows nothing."""
        device = self.device
        inputs_mv = [0.0] * device.part.cells
        shown_mv = self.leads.inputs_mv()
        for place in range(len(shown_mv)):
            inputs_mv[device.channels[place] - 1] = shown_mv[place]
        return inputs_mv

    def _fill_cells(self, conversion):
        inputs_mv = self.inputs_mv()
        if conversion.kind == commands.ADOW:
            self._take_currents(conversion.pull_up, inputs_mv)
        for channel in self._channels(conversion):
            word = self._word(inputs_mv[channel - 1])
            self.cells[channel - 1] = word
            self._flag(channel, word)
            if conversion.kind == commands.ADOL:
                # The same cell once more by its other converter.
                self.cells[channel] = self._word(inputs_mv[channel - 1])

    def _take_currents(self, pull_up, inputs_mv):
        """The outermost leads have nowhere to go but the chip's own supply."""
        device = self.device
        broken = self.leads.all_open()
        if pull_up and 0 in broken and device.channels:
            inputs_mv[device.channels[0] - 1] = 0.0
        if not pull_up and len(device.cells) in broken and device.channels:
            inputs_mv[device.channels[-1] - 1] = 0.0

    def _flag(self, channel, word):
        bit = 1 << (channel - 1)
        under, over = self.device.thresholds()
        self.under = self.under | bit if word < under else self.under & ~bit
        self.over = self.over | bit if word > over else self.over & ~bit

    def _fill_aux(self, conversion):
        gpio = self.device.gpio
        current = 0
        if conversion.kind == commands.AXOW:
            current = 1 if conversion.pull_up else -1
        for place in self._pins(conversion):
            if place == _REF:
                mv = self.vref2_mv
            else:
                mv = gpio.mv(place + 1 if place < _REF else place, current)
            self.aux[place] = self._checked(conversion, self._word(mv))

    def _fill_status(self, conversion):
        device = self.device
        part = device.part
        select = 1 if conversion.kind == commands.ADCVSC else conversion.select
        values = (
            self._sum_word(sum(self.inputs_mv())),
            int((device.bench.die_c + part.zero_c) * part.counts_per_k + 0.5),
            int(self.va_mv * 10.0 + 0.5),
            int(self.vd_mv * 10.0 + 0.5),
        )
        for at in range(4):
            if select == 0 or select == at + 1:
                self.status[at] = self._checked(conversion, max(0, min(0xFFFE, values[at])))

    def _sum_word(self, mv):
        return max(0, min(0xFFFE, int(mv * 10.0 / self.device.part.sum_scale + 0.5)))

    def _checked(self, conversion, word):
        """FDRF makes every digital comparison fail."""
        if conversion.kind in _CHECKED_TWICE and self.device.fails_comparison:
            return _MISMATCH
        return word

    def _word(self, mv):
        counts = int(mv * 10.0 + 0.5) if mv > 0.0 else 0
        if self.noise_counts:
            counts += self._random.below(2 * self.noise_counts + 1) - self.noise_counts
        return max(0, min(int(_HIGHEST_MV * 10.0), counts))
