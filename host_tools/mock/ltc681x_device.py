"""One LTC6811, LTC6813 or ADBMS1818 of a chain: registers, watchdog, sleep, faults.

Written from the fact sheet, independently of the driver. The chain brings commands and data.
"""

import struct

from host_tools.mock import ltc681x_commands as commands
from host_tools.mock.ltc681x_discharge import Discharge
from host_tools.mock.ltc681x_gpio import Gpio
from host_tools.mock.ltc681x_measuring import Measuring

_CFGA_DEFAULT = b"\xf8\x00\x00\x00\x00\x00"
_CFGB_DEFAULT = b"\x0f\x00\x00\x00\x00\x00"
_REFON = 0x04
_DTEN = 0x02
_ADCOPT = 0x01
_MUTED = 0x80
_FDRF = 0x40
_DTMEN = 0x08
_I2C_NOT_ACKNOWLEDGED = 0x0F


class Ltc681xDevice:
    """Knobs are what the sheet is unsure of, or gives a range for, taken the strict way."""

    watchdog_us = 2_000_000
    wake_us = 400
    ready_us = 10
    idle_us = 5500
    # A wake-up pulse alone does not keep the configuration alive.
    wake_up_feeds_watchdog = False
    results_survive_sleep = False
    # A monitor (DTMEN) would be senseless if the watchdog took its threshold.
    monitor_keeps_thresholds = True
    # CLRSTAT sets UV, OV, MUXFAIL and THSD; whether power-up does is not said.
    flags_after_power_up = False
    hottest_c = 150.0
    revision = 1

    def __init__(self, chain, index, part, cells, channels, thermistors, seed):
        """cells: places in the pack from below; channels: the inputs they are wired to."""
        self.chain = chain
        self.clock = chain.clock
        self.bench = chain.bench
        self.index = index
        self.part = part
        self.cells = list(cells)
        self.channels = list(channels)
        # Fault hooks, besides brown_out(), measuring.mux_fails and leads.open:
        self.missing = False  # neither it nor what is above answers
        self.bad_pecs = 0  # so many of its answers have a wrong PEC; below zero: all
        self.lost_commands = 0  # so many commands reach it and those above with a wrong PEC
        self.lost_blocks = 0  # so many written blocks arrive with a wrong PEC
        self.stuck = False  # a conversion started now never ends
        self.frozen = False  # conversions end but measure nothing
        self.dten = False  # level of the DTEN pin
        self.powered = True
        self.asleep = True
        self.expired = False
        self.refused_commands = 0
        self.refused_blocks = 0
        self.watchdog_resets = 0
        self._watch_entry = None
        self._watch_call = self._watch
        self.measuring = Measuring(self, seed)
        self.leads = self.measuring.leads
        self.gpio = Gpio(self, thermistors, self.measuring.vref2_mv)
        self.discharge = Discharge(self)
        self.power_up()

    # Power, sleep, watchdog

    def power_up(self):
        """From nothing: defaults, results cleared, asleep."""
        self._unwatch()
        self.powered = True
        self.asleep = True
        self.expired = False
        self.ready_at_us = 0
        self.port_us = 0
        self.heard_us = 0
        self._cfga = bytearray(_CFGA_DEFAULT)
        self._cfgb = bytearray(_CFGB_DEFAULT)
        self._comm = bytearray(6)
        self._sctrl = bytearray(6)
        self._psb_sctl = bytearray(3)
        self.measuring.forget()
        self.gpio.forget()
        self.discharge.forget()
        if self.flags_after_power_up:
            self.measuring.clear_status()
        self.chain.show_discharge()

    def brown_out(self, us=20_000):
        """Fault hook: the supply dips for a moment."""
        self.power_up()
        self.powered = False
        self.clock.call_at(self.clock.now_us + us, self.power_up)

    def pulse(self, t_us):
        """An edge at the port at t_us: True if it was ready, else this only wakes it."""
        if self.wake_up_feeds_watchdog:
            self.heard_us = t_us
        if self.asleep:
            self.asleep = False
            self.ready_at_us = self.port_us = self.heard_us = t_us + self.wake_us
            self._watch_from(t_us + self.wake_us)
            return False
        if t_us < self.ready_at_us:
            return False
        if t_us - self.port_us > self.idle_us:
            self.ready_at_us = self.port_us = t_us + self.ready_us
            return False
        self.port_us = t_us
        return True

    def _watch_from(self, t_us):
        self._watch_entry = self.clock.call_at(t_us + self.watchdog_us, self._watch_call)

    def _unwatch(self):
        if self._watch_entry is not None:
            self.clock.cancel(self._watch_entry)
            self._watch_entry = None

    def _watch(self):
        self._watch_entry = None
        if self.clock.now_us < self.heard_us + self.watchdog_us:
            self._watch_from(self.heard_us)
            return
        self.watchdog_resets += 1
        discharge = self.discharge
        if discharge.timer_runs:
            kept = self._cfga[1:4]
            self._default_cfga(4)
            if discharge.monitored and self.monitor_keeps_thresholds:
                self._cfga[1:4] = kept
            self._cfgb[0] |= 0x0F
            self.gpio.pulled_down = 0
            self.expired = True
            discharge.begin_slots()
            self.chain.show_discharge()
        else:
            self._default_all()
            self._fall_asleep()

    def timer_ended(self):
        self._cfga[4:6] = b"\x00\x00"
        self._cfgb[0] &= 0x0F
        self._cfgb[1] &= ~(3 | _DTMEN) & 0xFF
        if self.expired:
            self._fall_asleep()
        self.chain.show_discharge()

    def _fall_asleep(self):
        self._unwatch()
        measuring = self.measuring
        if not self.results_survive_sleep:
            measuring.clear_cells()
            measuring.clear_aux()
            measuring.status = [0xFFFF] * 4
        measuring.stop()
        measuring.ref_up_us = None
        self.discharge.end_slots()
        self.discharge.paused = 0
        self.expired = False
        self.asleep = True
        self.chain.show_discharge()

    def _default_cfga(self, count):
        self._cfga[:count] = _CFGA_DEFAULT[:count]
        self.measuring.hold_reference(False)

    def _default_all(self):
        self._default_cfga(6)
        self._cfgb[:] = _CFGB_DEFAULT
        self.gpio.pulled_down = 0
        self.discharge.clear()
        self.discharge.muted = False
        self.chain.show_discharge()

    def check_heat(self):
        if self.bench.die_c > self.hottest_c:
            self.measuring.too_hot = True
            self._default_all()
            if self.expired:
                # The timer is gone, and nobody has spoken for long.
                self._fall_asleep()

    def heard(self):
        """A valid command."""
        self.heard_us = self.clock.now_us
        if self.expired:
            self.expired = False
            self.discharge.end_slots()
            self._watch_from(self.heard_us)
            self.chain.show_discharge()
        self.check_heat()

    # What settings say

    @property
    def adcopt(self):
        return self._cfga[0] & _ADCOPT

    @property
    def fails_comparison(self):
        return bool(self._cfgb[1] & _FDRF)

    def thresholds(self):
        """Under- and over-voltage in 0.1 mV."""
        under = self._cfga[1] | (self._cfga[2] & 0x0F) << 8
        over = self._cfga[2] >> 4 | self._cfga[3] << 4
        return (under + 1) * 16, over * 16

    def below_threshold(self):
        """Channels below VUV, as the monitor of the timer period sees them."""
        under, _ = self.thresholds()
        mask = 0
        inputs_mv = self.measuring.inputs_mv()
        for at in range(len(inputs_mv)):
            if inputs_mv[at] * 10.0 < under:
                mask |= 1 << at
        return mask

    def pause_discharge(self, mask):
        if mask != self.discharge.paused:
            self.discharge.paused = mask
            if self.discharge.dcc:
                self.chain.show_discharge()

    def bled_cells(self):
        """Mask of the pack's cells that this device discharges now."""
        active = self.discharge.active()
        if not active:
            return 0
        places = 0
        for place in range(len(self.cells)):
            places |= (active >> (self.channels[place] - 1) & 1) << place
        places = self.leads.carried(places)
        mask = 0
        for place in range(len(self.cells)):
            mask |= (places >> place & 1) << self.cells[place]
        return mask

    # Commands

    def command(self, code):
        """A command with a good PEC; what has an answer answers with 6 bytes."""
        self.heard()
        if code in commands.ONLY_BIG and not self.part.big:
            return None
        measuring = self.measuring
        if code == commands.CLRCELL:
            measuring.clear_cells()
        elif code == commands.CLRAUX:
            measuring.clear_aux()
        elif code == commands.CLRSTAT:
            measuring.clear_status()
        elif code == commands.CLRSCTRL:
            self._sctrl = bytearray(6)
            self._psb_sctl = bytearray(3)
        elif code == commands.DIAGN:
            measuring.diagnose()
        elif code == commands.MUTE or code == commands.UNMUTE:
            self.discharge.muted = code == commands.MUTE
            self.chain.show_discharge()
        elif code == commands.STCOMM:
            self._transmit()
        elif code & 0x600:
            if code & 0x600 != 0x600:
                conversion = commands.conversion(code)
                if conversion is not None and self._can(conversion):
                    measuring.start(conversion)
            elif code == commands.RDCOMM:
                return bytes(self._comm)
        else:
            return self._read(code)
        return None

    def _can(self, conversion):
        return self.part.big or conversion.kind != commands.AXOW

    def _read(self, code):
        measuring = self.measuring
        if code in commands.CELL_GROUPS:
            at = 3 * commands.CELL_GROUPS.index(code)
            if at >= self.part.cells:
                return None
            return struct.pack("<3H", *measuring.cells[at : at + 3])
        if code in commands.AUX_GROUPS:
            at = 3 * commands.AUX_GROUPS.index(code)
            if at == 9:
                return struct.pack("<HHH", measuring.aux[9], 0xFFFF, self._top_flags())
            return struct.pack("<3H", *measuring.aux[at : at + 3])
        if code == commands.RDSTATA:
            return struct.pack("<3H", *measuring.status[:3])
        if code == commands.RDSTATB:
            return self._read_status_b()
        if code == commands.RDCFGA:
            return self._read_cfga()
        if code == commands.RDCFGB:
            first = self._cfgb[0] & 0xF0 | self.gpio.level_mask() >> 5 & 0x0F
            muted = _MUTED if self.discharge.muted else 0
            return bytes([first, self._cfgb[1] & 0x7F | muted]) + bytes(4)
        if code == commands.RDPWM:
            return _nibbles(self.discharge.pwm[:12])
        if code == commands.RDPSB:
            return _nibbles(self.discharge.pwm[12:]) + bytes(self._psb_sctl)
        if code == commands.RDSCTRL:
            return bytes(self._sctrl)
        return None

    def _read_cfga(self):
        data = bytearray(self._cfga)
        levels = self.gpio.level_mask() & 0x1F
        data[0] = levels << 3 | self._cfga[0] & (_REFON | _ADCOPT)
        if self.dten:
            data[0] |= _DTEN
        data[5] = self.discharge.dcto_left() << 4 | self._cfga[5] & 0x0F
        return bytes(data)

    def _read_status_b(self):
        measuring = self.measuring
        flags = self._flags(0) | self._flags(4) << 8 | self._flags(8) << 16
        last = self.revision << 4
        if measuring.mux_failed:
            last |= 2
        if measuring.too_hot:
            last |= 1
            measuring.too_hot = False
        data = struct.pack("<HHB", measuring.status[3], flags & 0xFFFF, flags >> 16)
        return data + bytes([last])

    def _flags(self, first):
        """Four cells from `first` on: two bits each."""
        flags = 0
        for at in range(4):
            flags |= (self.measuring.under >> (first + at) & 1) << 2 * at
            flags |= (self.measuring.over >> (first + at) & 1) << (2 * at + 1)
        return flags

    def _top_flags(self):
        return self._flags(12) | (self._flags(16) & 0x0F) << 8

    def _transmit(self):
        """Nothing hangs on the device's own bus: every byte that is sent finds no taker."""
        for at in (1, 3, 5):
            if self._comm[at - 1] >> 4 != 7:
                self._comm[at] = self._comm[at] & 0xF0 | _I2C_NOT_ACKNOWLEDGED

    # Written blocks

    def write(self, code, data):
        """A block of 6 bytes with a good PEC."""
        if code in commands.ONLY_BIG and not self.part.big:
            return
        discharge = self.discharge
        if code == commands.WRCFGA:
            self._cfga[:] = data
            self._cfga[0] &= ~_DTEN & 0xFF
            self._cfga[5] &= 0x0F
            self._load_pull_downs()
            self.measuring.hold_reference(bool(data[0] & _REFON))
            discharge.set_timer(data[5] >> 4)
            self._load_dcc()
        elif code == commands.WRCFGB:
            self._cfgb[0] = data[0]
            self._cfgb[1] = data[1] & ~_MUTED & 0xFF
            self._load_pull_downs()
            discharge.monitored = bool(data[1] & _DTMEN)
            self._load_dcc()
        elif code == commands.WRPWM:
            discharge.pwm[:12] = _split(data)
        elif code == commands.WRPSB:
            discharge.pwm[12:] = _split(data[:3])
            self._psb_sctl[:] = data[3:]
        elif code == commands.WRSCTRL:
            self._sctrl[:] = data
        elif code == commands.WRCOMM:
            self._comm[:] = data
        self.chain.show_discharge()

    def _load_pull_downs(self):
        kept_high = self._cfga[0] >> 3 & 0x1F | (self._cfgb[0] & 0x0F) << 5
        self.gpio.pulled_down = ~kept_high & ((1 << self.part.gpios) - 1)

    def _load_dcc(self):
        dcc = self._cfga[4] | (self._cfga[5] & 0x0F) << 8
        if self.part.big:
            dcc |= (self._cfgb[0] >> 4) << 12 | (self._cfgb[1] & 3) << 16
        self.discharge.dcc = dcc

    def flip_a_setting(self):
        """Fault hook: the over-voltage threshold loses its top bit, as in a disturbed write."""
        self._cfga[3] ^= 0x80


def _nibbles(values):
    return bytes([values[at] | values[at + 1] << 4 for at in range(0, len(values), 2)])


def _split(data):
    values = []
    for byte in data:
        values.append(byte & 0x0F)
        values.append(byte >> 4)
    return values
