"""Register-level model of a BQ76952 on its bench of cells, for the virtual clock.

Written from the fact sheet, independently of the driver. Units: mV, mA (+ = charging), 0.1 K
in registers, microseconds on the clock.
"""

import struct

from host_tools.mock import bq76952_memory as memory
from host_tools.mock.bq76952_balancing import Balancing
from host_tools.mock.bq76952_commands import (
    CB_ACTIVE_CELLS,
    CB_SET_LVL,
    EXIT_CFGUPDATE,
    FET_CONTROL,
    REG12_CONTROL,
    SET_CFGUPDATE,
    CommandPort,
    is_memory,
)
from host_tools.mock.bq76952_protections import ALERT, COV, CUV, HWDF, IDLE, TRIPPED, build
from host_tools.mock.bq76952_switches import Switches

_SAFETY = 0x02
_BATTERY_STATUS = 0x12
_CELL_1 = 0x14
_STACK = 0x34
_PACK = 0x36
_LD = 0x38
_CC2 = 0x3A
_ALARM_STATUS = 0x62
_ALARM_RAW = 0x64
_ALARM_ENABLE = 0x66
_DIE = 0x68
_FIRST_PIN = 0x6A
_FET_STATUS = 0x7F

_SEC_FULL_ACCESS = 1
_SEC_UNSEALED = 2
_SEC_SEALED = 3
_OTPB = 0x0080

_SSBC = 0x8000
_SSA = 0x4000
_MSK_SFALERT = 0x1000
_INITSTART = 0x0400
_INITCOMP = 0x0200
_FULLSCAN = 0x0080
_XCHG = 0x0040
_XDSG = 0x0020
_CB = 0x0004
_ADSCAN = 0x0002
_SCANS = _FULLSCAN | _ADSCAN

_SECOND_US = 1_000_000
_QUARTER_US = 250_000
_LOOPS_A_FULL_SCAN = 3
_NOT_WHEN_SEALED = (0x12, 0x22, 0x24, SET_CFGUPDATE)
_PLAIN_TYPES = (0x07, 0x08, 0x09, 0x1E)
_CRC_TYPES = (0x11, 0x12)
_FAR = 1e12


class Bq76952Model(CommandPort):
    """I2C device at address 8. `wiring` (mask of VC channels with a cell) defaults to the
    channels that Vcell Mode names."""

    # One 16-bit count of CC2 in shunt microvolts; the settings' own default gain is 1.2 % off it.
    cc_count_uv = 1e6 * 1.24 / (5 * 32768)
    # Time without acknowledging after a reset.
    startup_us = 4300
    first_scan_us = 88_000
    first_switch_on_us = 280_000
    # The sheet says that FET_INIT_OFF holds after a reset, which has lost it; whether leaving
    # CONFIG_UPDATE counts is not said, so a driver may not rely on it.
    init_off_after_config = False
    # What pins show that are off, and thermistor pins whose thermistor is missing.
    unused_pin_value = 0
    open_pin_value = 0
    noise_mv = 0

    def __init__(
        self,
        clock,
        bench,
        *,
        cells=16,
        shunt_uohm=500,
        crc_at_power_up=False,
        seed=0,
        wiring=None,
    ):
        super().__init__(clock, 8)
        self.bench = bench
        self.cells = cells
        self.shunt_uohm = shunt_uohm
        self.ma_per_shunt_mv = 1e6 / shunt_uohm
        self.crc_at_power_up = crc_at_power_up
        self.frozen = False
        self.unsupported_writes = 0
        self.lost_writes = 0
        self.otp_writes = 0
        self._wiring = wiring
        self._random = seed & 0x7FFFFFFF
        self._scan_entry = None
        self._quarter_entry = None
        self._silence_entry = None
        self._scan_call = self._scan
        self._quarter_call = self._quarter
        self._silence_call = self._silence
        self.settings = memory.Settings(memory.power_up_image())
        self.running = False
        self.config_update = False
        self.sleeping = False
        self.safety = bytearray(3)
        self.alert = False
        self._alarm_status = 0
        self._answers_from_us = 0
        self._last_ma = 0.0
        voltage, current, slow, temperature = build(self)
        self._voltage = voltage
        self._comparators = voltage + current
        self._slow = slow
        self._temperature = temperature
        self._protections = voltage + current + slow + temperature
        self.switches = Switches(self)
        self.balancing = Balancing(self)
        self.power_up()
        bench.listeners.append(self._on_bench)

    # Power, reset, faults

    def power_up(self):
        """From nothing: all RAM at its defaults, POR set, everything off."""
        now_us = self.clock.now_us
        self._stop()
        self._forget_transfers()
        self.powered = True
        self.on_i2c = True
        self.crc_mode = self.crc_at_power_up
        self.memory = memory.power_up_image()
        self.por = True
        self._security = _SEC_FULL_ACCESS
        self._keys = ()
        self._keys_until_us = 0
        self._shutdown_until_us = 0
        self.config_update = False
        self._entering = False
        for at in range(len(self.image)):
            self.image[at] = 0
        self._before_scan[:] = self.image
        self._snapshots = [bytes(32), bytes(32)]
        self._level_mv = 0
        self._reg12 = 0
        self._reset_charge()
        self._load_settings()
        self.switches.reset()
        self.heard_us = now_us
        self._start(now_us + self.first_scan_us, now_us + self.first_switch_on_us)
        self.bench.set_gates(False, False)

    def reset(self):
        """Fault hook and 0x0012: configuration lost, silent for a moment."""
        self.power_up()
        self._answers_from_us = self.clock.now_us + self.startup_us

    def shut_down(self):
        """SHUTDOWN mode; `power_up()` is the waking edge on LD or TS2."""
        self.powered = False
        self._forget_transfers()
        self._stop()
        self.switches.update()

    def dfetoff_pin(self, level):
        self.switches.dfetoff_pin(level)

    def cfetoff_pin(self, level):
        self.switches.cfetoff_pin(level)

    def i2c_present(self):
        if not (self.answering and self.powered and self.on_i2c):
            return False
        return self.clock.now_us >= self._answers_from_us

    def _heard(self):
        self.heard_us = self.clock.now_us
        if self.safety[2] & HWDF:
            self.safety[2] &= ~HWDF & 0xFF
            self.safety_changed()

    # Start, stop and settings

    def _start(self, first_scan_us, first_switch_on_us):
        clock = self.clock
        self.running = True
        self.sleeping = False
        self.sleep_allowed = self.settings.sleep_enabled
        self._awake_since_us = None
        self._loop = 0
        self._scanned = False
        self.hottest_c = self.coldest_c = self.fet_hottest_c = self.die_c = None
        self.cc1_ma = 0.0
        self._low_stack_since_us = None
        self._raw_sticky = _INITSTART
        self._alarm_status = 0
        self._alarm_enable = self.settings.alarm_enable
        self._put(_ALARM_ENABLE, self._alarm_enable)
        self._window_ma_us = 0.0
        self._window_from_us = self._quarter_from_us = clock.now_us
        self._scan_entry = clock.call_at(first_scan_us, self._scan_call)
        self._quarter_entry = clock.call_at(first_switch_on_us, self._quarter_call)
        self.balancing.restart()
        self._watch_silence()
        self.switches_changed()
        self.safety_changed()

    def _stop(self):
        """No measurement, no protection, no balancing."""
        self.running = False
        self.sleeping = False
        for entry in (self._scan_entry, self._quarter_entry, self._silence_entry):
            if entry is not None:
                self.clock.cancel(entry)
        self._scan_entry = self._quarter_entry = self._silence_entry = None
        for protection in self._protections:
            protection.forget()
        self.safety[2] = 0
        self.balancing.stop()

    def _enter_config(self):
        self._entering = False
        self._stop()
        self.config_update = True
        self.switches.update()
        self.safety_changed()

    def _leave_config(self):
        if not self.config_update:
            return
        self.config_update = False
        self.por = False
        self._load_settings()
        self.switches.restart()
        now_us = self.clock.now_us
        self._start(now_us + self.loop_us(), now_us + _QUARTER_US)

    def _load_settings(self):
        settings = self.settings = memory.Settings(self.memory)
        wiring = settings.cell_mask if self._wiring is None else self._wiring
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
            if settings.cell_mask >> channel & 1:
                if self._wiring is None and settings.cell_mask == 0xFFFF and channel >= self.cells:
                    # No mask written yet: the sockets above the pack are shorted and unwatched.
                    continue
                place = places[channel]
                channels.append((_CELL_1 + 2 * channel, place, settings.cell_gains[channel]))
                watched.append(place)
        self._places = places
        self._channels = channels
        self._watched = watched
        self._all_cells = watched == list(range(len(self.bench.cell_mv)))
        self._plain_cells = (
            watched == list(range(16))
            and self._all_cells
            and max(settings.cell_gains) == min(settings.cell_gains) == 1
            and not self.noise_mv
        )
        for at in range(_CELL_1, _STACK):
            self.image[at] = 0
        count_ma = self.cc_count_uv / (self.shunt_uohm / 1000)
        self._current_ratio = settings.cc_gain / count_ma
        self._charge_ratio = settings.capacity_gain / 298261.6178 / count_ma
        self._load_pins()
        for protection in self._protections:
            protection.apply(settings)

    def _load_pins(self):
        """(register, thermistor place or -1 when it reads millivolts, use, offset) in order."""
        pins = self.settings.pins
        places = {3: 0, 4: 1, 5: 2}
        free = 3
        thermistors = []
        for pin in range(9):
            register = _FIRST_PIN + 2 * pin
            self._put(register, self.unused_pin_value)
            config = pins[pin]
            if config & 3 != 3:
                continue
            place = places.get(pin)
            if place is None:
                place = free
                free += 1
            use = config >> 2 & 3
            # Only pull-up 18k with the 18k curve fits the 10k thermistors of the bench.
            if use == 0 or config & 0xF0:
                place = -1
            thermistors.append((register, place, use, self.settings.pin_offsets_dk[pin]))
        self._thermistors = thermistors

    def loop_us(self):
        slots = 18 + min(3, len(self._thermistors))
        settings = self.settings
        slow = settings.balancing_loop_slow if self.balancing.active else settings.loop_slow
        return slots * settings.slot_us * slow

    # Measurement

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

    def _scan(self):
        """End of an ADC loop: everything measured in it becomes readable."""
        clock = self.clock
        settings = self.settings
        period_us = settings.sleep_period_us if self.sleeping else self.loop_us()
        self._scan_entry = clock.call_at(clock.now_us + period_us, self._scan_call)
        if self.frozen:
            return
        bench = self.bench
        bench.update()
        if not self.running:
            return
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
        if loop == 0 or self.sleeping:
            self._put_signed(_STACK, bench.stack_mv / settings.user_mv)
            self.die_c = bench.die_c
            self._put_signed(_DIE, self.die_c * 10 + 2731.5 + settings.die_offset_dk)
            self._check_stack()
            if self._scan_entry is None:
                return
        if loop == 1 or self.sleeping:
            self._put_signed(_PACK, bench.pack_mv / settings.user_mv)
        if loop == 2 or self.sleeping:
            self._put_signed(_LD, bench.ld_mv / settings.user_mv)
        self._scan_pins(loop)
        loop += 1
        scans = _ADSCAN
        if loop == _LOOPS_A_FULL_SCAN or self.sleeping:
            loop = 0
            scans = _SCANS
        self._loop = loop
        self._raw_sticky |= scans | _INITCOMP
        if not self._scanned:
            self._scanned = True
            scans |= _INITCOMP | _INITSTART
        for protection in self._temperature:
            if protection.enabled:
                protection.look()
        switches = self.switches
        if switches.charge_assist or switches.discharge_assist:
            switches.assist(bench.current_ma, True)
        self.balancing.reconsider()
        self._latch_alarms(self._raw() & ~(_SCANS | _INITCOMP | _INITSTART) | scans)

    def _scan_channels(self):
        cell_mv = self.bench.cell_mv
        for register, place, gain in self._channels:
            mv = cell_mv[place] * gain if place >= 0 else 0.0
            if self.noise_mv:
                mv += self._noise()
            self._put_signed(register, mv)

    def _noise(self):
        self._random = (self._random * 1103515245 + 12345) & 0x7FFFFFFF
        span = 2 * self.noise_mv + 1
        return (self._random >> 12) % span - self.noise_mv

    def _scan_pins(self, loop):
        thermistors = self._thermistors
        if len(thermistors) > 3 and not self.sleeping:
            thermistors = thermistors[3 * loop : 3 * loop + 3]
        temps_c = self.bench.temps_c
        hottest = coldest = fet_hottest = None
        for register, place, use, offset_dk in thermistors:
            degrees = temps_c[place] if 0 <= place < len(temps_c) else None
            if degrees is None:
                self._put(register, self.open_pin_value)
                continue
            degrees += offset_dk / 10
            self._put_signed(register, degrees * 10 + 2731.5)
            if use == 1:
                if hottest is None or degrees > hottest:
                    hottest = degrees
                if coldest is None or degrees < coldest:
                    coldest = degrees
            elif use == 3 and (fet_hottest is None or degrees > fet_hottest):
                fet_hottest = degrees
        if hottest is not None:
            self.hottest_c = hottest
            self.coldest_c = coldest
        if fet_hottest is not None:
            self.fet_hottest_c = fet_hottest

    def temperature_c(self, place):
        """ "hottest" and "coldest" cell thermistor, "fet_hottest", "die"; None: not measured."""
        die = self.die_c
        settings = self.settings
        if place == "die":
            return die
        if place == "fet_hottest":
            value = self.fet_hottest_c
            if settings.die_is_fet and die is not None and (value is None or die > value):
                return die
            return value
        value = self.hottest_c if place == "hottest" else self.coldest_c
        if settings.die_is_cell and die is not None:
            if value is None:
                return die
            return max(value, die) if place == "hottest" else min(value, die)
        return value

    def measured_ma(self):
        """The current as the settings' gain makes the chip see it."""
        return self.bench.current_ma * self._current_ratio

    def lowest_mv(self):
        if self._all_cells:
            return self.bench.lowest_mv
        cell_mv = self.bench.cell_mv
        return min([cell_mv[place] if place >= 0 else 0.0 for place in self._watched])

    def highest_mv(self):
        if self._all_cells:
            return self.bench.highest_mv
        cell_mv = self.bench.cell_mv
        return max([cell_mv[place] if place >= 0 else 0.0 for place in self._watched])

    def _check_stack(self):
        """Too low a stack turns the whole chip off (6 V after a reset)."""
        settings = self.settings
        if self.bench.stack_mv >= settings.shutdown_stack_mv:
            self._low_stack_since_us = None
        elif self._low_stack_since_us is None:
            self._low_stack_since_us = self.clock.now_us
        elif self.clock.now_us - self._low_stack_since_us >= settings.shutdown_delay_us:
            self.shut_down()

    # Quarter second: CC1, turn-on, SLEEP

    def _quarter(self):
        clock = self.clock
        now_us = clock.now_us
        self._quarter_entry = clock.call_at(now_us + _QUARTER_US, self._quarter_call)
        if not self.frozen:
            self.bench.update()
        self._window_ma_us += self._last_ma * (now_us - self._window_from_us)
        mean_ma = self._window_ma_us / (now_us - self._quarter_from_us)
        self._window_ma_us = 0.0
        self._window_from_us = self._quarter_from_us = now_us
        if self.frozen or not self.running:
            return
        if abs(mean_ma) * self.shunt_uohm / 1000 < self.settings.dead_band_uv:
            mean_ma = 0.0
        self.cc1_ma = mean_ma * self._current_ratio
        self._charge_user_as += mean_ma * self._charge_ratio / self.settings.user_ma / 4
        self._charge_quarters += 1
        for protection in self._slow:
            protection.look()
        self._consider_sleep()
        self.switches.update(True)
        self._on_bench()

    def _consider_sleep(self):
        if self.sleeping or not self.sleep_allowed or not self._scanned:
            return
        settings = self.settings
        if abs(self.cc1_ma) >= settings.sleep_ma or self._any_alert() or self._charger_seen():
            return
        if self.balancing.active and settings.balance_keeps_awake:
            return
        since_us = self._awake_since_us
        if since_us is not None and self.clock.now_us - since_us < settings.wake_hold_us:
            return
        self.sleeping = True
        self._reschedule_scan(settings.sleep_period_us)
        self._refresh_status()
        self.balancing.reconsider()
        self.switches.update()
        self._arm()

    def _charger_seen(self):
        bench = self.bench
        settings = self.settings
        if bench.stack_mv >= settings.charger_stack_mv:
            return False
        return bench.pack_mv > bench.stack_mv + settings.charger_delta_mv

    def _wake(self):
        if not self.sleeping:
            return
        self.sleeping = False
        self._awake_since_us = self.clock.now_us
        self._loop = 0
        self._reschedule_scan(self.loop_us())
        self._refresh_status()
        self._arm()

    def _reschedule_scan(self, delay_us):
        if self._scan_entry is not None:
            self.clock.cancel(self._scan_entry)
        self._scan_entry = self.clock.call_at(self.clock.now_us + delay_us, self._scan_call)

    # Comparators

    def _on_bench(self):
        """Called by the bench after every electrical change: must cost little when all is well."""
        bench = self.bench
        current_ma = bench.current_ma
        if current_ma != self._last_ma:
            now_us = self.clock.now_us
            self._window_ma_us += self._last_ma * (now_us - self._window_from_us)
            self._window_from_us = now_us
            self._last_ma = current_ma
        if (
            self._calm
            and self._quiet_low_mv < bench.lowest_mv
            and bench.highest_mv < self._quiet_high_mv
            and self._quiet_discharge_ma < current_ma < self._quiet_charge_ma
        ):
            return
        if self.frozen or not self.running:
            return
        if self.sleeping:
            if abs(current_ma) > self.settings.wake_ma or self._charger_seen():
                self._wake()
        for protection in self._comparators:
            if protection.enabled:
                if protection.state == IDLE and self.balancing.active:
                    if protection in self._voltage:
                        continue
                protection.look()
        for protection in self._slow + self._temperature:
            if protection.state >= TRIPPED:
                protection.look()
        self.switches.assist(bench.current_ma, False)

    def look_at_voltages(self):
        """While balancing the cell comparators get their turn only once a second."""
        self.bench.update()
        for protection in self._voltage:
            if protection.enabled:
                protection.look()

    def _arm(self):
        """The window in which `_on_bench` has nothing to do."""
        low_mv, high_mv, discharge_ma, charge_ma = -_FAR, _FAR, -_FAR, _FAR
        calm = self.running and not self.sleeping
        for protection in self._protections:
            if protection.state != IDLE:
                calm = False
        cuv, cov = self._voltage
        if not self.balancing.active:
            if cuv.enabled:
                low_mv = cuv.trip
            if cov.enabled:
                high_mv = cov.trip
            if not self._all_cells and (cuv.enabled or cov.enabled):
                calm = False
        for protection in self._comparators[2:]:
            if protection.enabled:
                if protection.trip > 0:
                    charge_ma = min(charge_ma, protection.trip)
                else:
                    discharge_ma = max(discharge_ma, protection.trip)
        switches = self.switches
        if self.settings.series_fets and switches.charge != switches.discharge:
            if switches.discharge:
                discharge_ma = max(discharge_ma, -self.settings.body_diode_ma)
            else:
                charge_ma = min(charge_ma, self.settings.body_diode_ma)
        self._calm = calm
        self._quiet_low_mv = low_mv
        self._quiet_high_mv = high_mv
        self._quiet_discharge_ma = discharge_ma
        self._quiet_charge_ma = charge_ma

    def tripped(self, protection):
        """Cell voltages at the moment of a CUV or COV trip, for 0x0080 and 0x0081."""
        if protection.bank == 0 and protection.bit in (CUV, COV):
            values = [0] * 16
            for register, place, _ in self._channels:
                if place >= 0:
                    values[(register - _CELL_1) // 2] = int(self.bench.cell_mv[place] + 0.5)
            which = 0 if protection.bit == CUV else 1
            self._snapshots[which] = struct.pack("<16h", *values)

    def safety_changed(self):
        """A protection has changed state: registers, alarms, balancing, gates."""
        alerts = bytearray(3)
        status = bytearray(3)
        for protection in self._protections:
            if protection.state == ALERT:
                alerts[protection.bank] |= protection.bit
            elif protection.state >= TRIPPED:
                status[protection.bank] |= protection.bit
        status[2] |= self.safety[2] & HWDF
        image = self.image
        newly = False
        for bank in (0, 1, 2):
            newly = newly or bool(status[bank] & ~self.safety[bank])
            self.safety[bank] = status[bank]
            image[_SAFETY + 2 * bank] = alerts[bank]
            image[_SAFETY + 2 * bank + 1] = status[bank]
        if newly:
            self._wake()
        self._arm()
        self._refresh_status()
        self._latch_alarms(self._raw() & ~(_SCANS | _INITCOMP | _INITSTART))
        self.balancing.reconsider()
        self.switches.update()

    def _any_alert(self):
        image = self.image
        return bool(image[_SAFETY] | image[_SAFETY + 2] | image[_SAFETY + 4])

    def balancing_forbidden(self):
        image = self.image
        if not self.running or image[_SAFETY]:
            return True
        return bool(self.safety[0] & ~COV)

    def balancing_changed(self):
        mask = self.balancing.active
        cells = 0
        for channel in range(16):
            if mask >> channel & 1 and self._places[channel] >= 0:
                cells |= 1 << self._places[channel]
        self._arm()
        self._latch_alarms(self._raw() & ~(_SCANS | _INITCOMP | _INITSTART))
        self.bench.set_bleed(cells)

    def switches_changed(self):
        self._arm()
        self._latch_alarms(self._raw() & ~(_SCANS | _INITCOMP | _INITSTART))
        self._show_switches()

    def _show_switches(self):
        self.image[_FET_STATUS] = self.switches.status() | (0x40 if self.alert else 0)

    # Host watchdog

    def _watch_silence(self):
        if self.settings.enabled[2] & HWDF and self.settings.host_silence_us:
            due_us = self.heard_us + self.settings.host_silence_us
            if due_us <= self.clock.now_us:
                due_us = self.clock.now_us + self.settings.host_silence_us
            self._silence_entry = self.clock.call_at(due_us, self._silence_call)

    def _silence(self):
        self._silence_entry = None
        silent_us = self.clock.now_us - self.heard_us
        if silent_us >= self.settings.host_silence_us and not self.frozen:
            self.safety[2] |= HWDF
            self.safety_changed()
        self._watch_silence()

    # Alarms and status words

    def _raw(self):
        safety = self.safety
        image = self.image
        masks = self.settings.alert_masks
        raw = self._raw_sticky
        if safety[1] | safety[2]:
            raw |= _SSBC
        if safety[0]:
            raw |= _SSA
        for bank in (0, 1, 2):
            if image[_SAFETY + 2 * bank] & masks[bank]:
                raw |= _MSK_SFALERT
        switches = self.switches
        if not (switches.charge or switches.charge_assist):
            raw |= _XCHG
        if not (switches.discharge or switches.discharge_assist):
            raw |= _XDSG
        if self.balancing.active:
            raw |= _CB
        self._put(_ALARM_RAW, raw)
        return raw

    def _latch_alarms(self, events):
        self._alarm_status |= events & self._alarm_enable
        self._show_alarms()

    def _show_alarms(self):
        self._put(_ALARM_STATUS, self._alarm_status)
        alert = self._alarm_status != 0 and self.settings.pins[memory.PIN_ALERT] & 3 == 2
        if alert != self.alert:
            self.alert = alert
            self._show_switches()

    def _clear_alarms(self, ones):
        self._alarm_status &= ~ones
        self._show_alarms()

    def _enable_alarms(self, mask):
        self._alarm_enable = mask
        self._put(_ALARM_ENABLE, mask)

    def _refresh_status(self):
        safety = self.safety
        value = self._security << 8 | _OTPB
        if self.sleeping:
            value |= 0x8000
        if safety[0] | safety[1] | safety[2]:
            value |= 0x0800
        if self.por:
            value |= 0x0008
        if self.sleep_allowed:
            value |= 0x0004
        if self.config_update:
            value |= 0x0001
        self._put(_BATTERY_STATUS, value)

    # Subcommands and data memory

    def _accepted(self, code):
        """The moment a pure command arrives, before it has taken its time."""
        if code == SET_CFGUPDATE and self._config_permitted():
            self._entering = not self.config_update

    def _config_permitted(self):
        return self._security != _SEC_SEALED and not self.settings.config_locked

    def _execute(self, code):
        if code in _NOT_WHEN_SEALED and self._security == _SEC_SEALED:
            return
        if code == SET_CFGUPDATE:
            if self._entering:
                self._enter_config()
        elif code == EXIT_CFGUPDATE:
            self._leave_config()
        elif code == 0x12:
            self.reset()
        elif code == 0x10:
            self._shutdown_command()
        elif code == 0x99:
            self.sleep_allowed = True
            self._refresh_status()
        elif code == 0x9A:
            self.sleep_allowed = False
            self._wake()
            self._refresh_status()
        elif code == 0x30:
            self._security = _SEC_SEALED
            self._refresh_status()
        elif code == 0x82:
            self._reset_charge()
        elif code == 0x00A1:
            self.otp_writes += 1
        elif code == 0x29BC:
            self._apply_comm_type(self.memory[0x9239 - memory.BASE])
        elif code == 0x29E7:
            self._apply_comm_type(0x08)
        elif code in (0x7C35, 0x7C40):
            self.on_i2c = False
        else:
            self._offer_key(code)
            self.switches.command(code)

    def _apply_comm_type(self, kind):
        if kind in (0x00, 0xFF):
            self.crc_mode = self.crc_at_power_up
        elif kind in _PLAIN_TYPES:
            self.crc_mode = False
        elif kind in _CRC_TYPES:
            self.crc_mode = True
        else:
            # SPI, HDQ: nothing more to hear on this bus until the chip is reset.
            self.on_i2c = False

    def _offer_key(self, code):
        """Two words in a row within 4 s: UNSEALED first, then FULLACCESS."""
        now_us = self.clock.now_us
        first = self._keys[0] if self._keys and now_us <= self._keys_until_us else None
        self._keys = (code,)
        self._keys_until_us = now_us + 4 * _SECOND_US
        settings = self.settings
        if self._security == _SEC_SEALED and (first, code) == settings.unseal_keys:
            self._security = _SEC_UNSEALED
        elif self._security == _SEC_UNSEALED and (first, code) == settings.full_access_keys:
            self._security = _SEC_FULL_ACCESS
        else:
            return
        self._keys = ()
        self._refresh_status()

    def _shutdown_command(self):
        now_us = self.clock.now_us
        if self._security == _SEC_SEALED and now_us > self._shutdown_until_us:
            self._shutdown_until_us = now_us + 4 * _SECOND_US
            return
        self.shut_down()

    def _control(self, code, data):
        if code == FET_CONTROL:
            self.switches.force_off(data[0])
        elif code == CB_ACTIVE_CELLS:
            self.balancing.command(data[0] | data[1] << 8)
        elif code == CB_SET_LVL:
            self._level_mv = data[0] | data[1] << 8
        elif code == REG12_CONTROL:
            self._reg12 = data[0]

    def _memory_written(self, address, data):
        if self._security == _SEC_SEALED:
            self.rejected_writes += 1
            return
        if self._entering:
            self.lost_writes += 1
            return
        at = address - memory.BASE
        end = min(at + len(data), memory.END - memory.BASE)
        self.memory[at:end] = data[: end - at]
        if not self.config_update:
            # It seems to act at once on the real chip, but nobody promises it.
            self.unsupported_writes += 1
            self._load_settings()
            self.safety_changed()

    def _respond(self, code):
        if is_memory(code):
            if self._security == _SEC_SEALED:
                return None
            at = code - memory.BASE
            return bytes(self.memory[at : at + 32])
        if code == 0x01:
            return b"\x95\x76"
        if code == 0x02:
            # The one big-endian answer: device, version, build.
            return b"\x76\x95\x00\x36\x00\x65"
        if code == 0x03:
            return b"\x00\x00"
        if code in (0x04, 0x05, 0x09):
            return struct.pack("<H", 0x1000 + code)
        if code == 0x53:
            return bytes(5)
        if code == 0x57:
            return struct.pack("<H", self.switches.manufacturing)
        if code == 0x70:
            return bytes(32)
        if 0x71 <= code <= 0x74:
            return self._raw_counts(4 * (code - 0x71))
        if code == 0x75:
            return self._status_5()
        if code == 0x76:
            return self._status_6()
        if code in (0x80, 0x81):
            return self._snapshots[code - 0x80]
        if code == CB_ACTIVE_CELLS:
            return struct.pack("<H", self.balancing.active)
        if code == CB_SET_LVL:
            return struct.pack("<H", self._level_mv)
        if code == 0x85:
            return struct.pack("<H", self.balancing.total_s & 0xFFFF)
        if code in (0x86, 0x87):
            first = 0 if code == 0x86 else 8
            return struct.pack("<8I", *self.balancing.cell_s[first : first + 8])
        if code == FET_CONTROL:
            return bytes([self.switches.forced_off])
        if code == REG12_CONTROL:
            return bytes([self._reg12])
        return None

    def _raw_counts(self, first):
        answer = b""
        amps = int(self.bench.current_ma * self.shunt_uohm / 1000 / 0.02956)
        for channel in range(first, first + 4):
            mv = struct.unpack_from("<h", self.image, _CELL_1 + 2 * channel)[0]
            answer += struct.pack("<ii", int(mv * 1000 / 0.722), amps)
        return answer

    def _status_5(self):
        cells = [struct.unpack_from("<h", self.image, reg)[0] for reg, _, _ in self._channels]
        hottest = _decikelvin(self.hottest_c)
        coldest = _decikelvin(self.coldest_c)
        words = (
            0,
            0,
            max(cells),
            min(cells),
            min(sum(cells) // 10, 32767),
            (hottest + coldest) // 2,
            _decikelvin(self.fet_hottest_c),
            hottest,
            coldest,
            (hottest + coldest) // 2,
            _word(self.cc1_ma / self.settings.user_ma),
            _word(self.cc1_ma / self.settings.user_ma),
        )
        counts = int(self.bench.current_ma * self.shunt_uohm / 1000 / 0.02956)
        return struct.pack("<12hii", *(words + (counts, counts)))

    def _status_6(self):
        # Starts at half a unit, so that cutting off the fraction rounds.
        charge = self._charge_user_as / 3600 + 0.5
        whole = int(charge // 1)
        fraction = int((charge - whole) * 4294967296)
        seconds = self._charge_quarters // 4
        return struct.pack("<iII", whole, fraction & 0xFFFFFFFF, seconds) + bytes(20)

    def _reset_charge(self):
        self._charge_user_as = 0.0
        self._charge_quarters = 0


def _word(value):
    return max(-32768, min(32767, int(value)))


def _decikelvin(degrees):
    return 0 if degrees is None else int(degrees * 10 + 2732)
