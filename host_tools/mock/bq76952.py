"""Register-level model of a BQ76952 on its bench of cells, for the virtual clock.

Written from the fact sheet, independently of the driver. Units: mV, mA (+ = charging), 0.1 K
in registers, microseconds on the clock.
"""

import struct

from host_tools.mock import bq76952_memory as memory
from host_tools.mock.bq76952_alarms import EVENTS, INITCOMP, INITSTART, AlarmPort
from host_tools.mock.bq76952_answers import answer
from host_tools.mock.bq76952_balancing import Balancing
from host_tools.mock.bq76952_commands import (
    CB_ACTIVE_CELLS,
    CB_SET_LVL,
    EXIT_CFGUPDATE,
    FET_CONTROL,
    REG12_CONTROL,
    SET_CFGUPDATE,
    is_memory,
)
from host_tools.mock.bq76952_coulombs import CoulombCounter
from host_tools.mock.bq76952_latches import LoadDetect, build_latches
from host_tools.mock.bq76952_precharge import PrechargeTimeout, Precharging
from host_tools.mock.bq76952_protections import COV, CUV, HWDF, IDLE, TRIPPED, build
from host_tools.mock.bq76952_regulators import Regulators
from host_tools.mock.bq76952_spi import SpiPort
from host_tools.mock.bq76952_switches import Switches
from host_tools.mock.bq76952_variants import VARIANTS

_SAFETY = 0x02
_COV_THRESHOLD = 0x9278
_CELL_1 = 0x14

_SEC_FULL_ACCESS = 1
_SEC_UNSEALED = 2
_SEC_SEALED = 3
_SECOND_US = 1_000_000
_QUARTER_US = 250_000
_NOT_WHEN_SEALED = (0x12, 0x22, 0x24, SET_CFGUPDATE)
_PLAIN_TYPES = (0x07, 0x08, 0x09, 0x1E)
_CRC_TYPES = (0x11, 0x12)
_SPI_TYPES = (0x0F, 0x10)
_FAR = 1e12


class Bq76952Model(AlarmPort):
    """I2C device at address 8, or SPI device. `variant`: "bq76952" or "bq76942". `wiring`
    (mask of VC channels with a cell) defaults to the channels that Vcell Mode names."""

    # Time without acknowledging after a reset.
    startup_us = 4300
    first_scan_us = 88_000
    first_switch_on_us = 280_000
    # The sheet says that FET_INIT_OFF holds after a reset, which has lost it; whether leaving
    # CONFIG_UPDATE counts is not said, so a driver may not rely on it.
    init_off_after_config = False
    spi_mode = 0

    def __init__(
        self,
        clock,
        bench,
        *,
        cells=16,
        shunt_uohm=500,
        crc_at_power_up=False,
        spi_at_power_up=False,
        seed=0,
        wiring=None,
        variant="bq76952",
    ):
        super().__init__(clock, 8, bench, cells, shunt_uohm, seed, wiring, VARIANTS[variant])
        self.ma_per_shunt_mv = 1e6 / shunt_uohm
        self.crc_at_power_up = crc_at_power_up
        self.spi_at_power_up = spi_at_power_up
        self.frozen = False
        self.unsupported_writes = 0
        self.lost_writes = 0
        self.otp_writes = 0
        self._scan_entry = None
        self._quarter_entry = None
        self._silence_entry = None
        self._scan_call = self._scan
        self._quarter_call = self._quarter
        self._silence_call = self._silence
        self.settings = memory.Settings(memory.power_up_image())
        self.running = False
        self.config_update = False
        self.powered = False
        self.kept_ts2 = False
        self.safety = bytearray(3)
        self._answers_from_us = 0
        self.coulombs = CoulombCounter(self)
        voltage, current, slow, temperature = build(self)
        self._voltage = voltage
        self._comparators = voltage + current
        self._slow = slow
        self._temperature = temperature
        self._latches, self._counted = build_latches(self)
        self.precharging = Precharging(self)
        self._precharge_timeout = PrechargeTimeout(self)
        self._protections = voltage + current + slow + temperature + self._latches
        self._protections += (self._precharge_timeout,)
        # Never started by a change on the bench, but released by it.
        self._patient = slow + temperature + self._latches
        self.load_detect = LoadDetect(self, self._latches[1:])
        self.regulators = Regulators(self)
        self.switches = Switches(self)
        self.balancing = Balancing(self)
        self.spi_port = SpiPort(self)
        self.power_up()
        bench.listeners.append(self._on_bench)

    # Power, reset, faults

    def power_up(self):
        """From nothing: all RAM at its defaults, POR set, everything off."""
        now_us = self.clock.now_us
        self._stop()
        self.modes.forget()
        self._forget_transfers()
        self.powered = True
        self._default_bus()
        self.spi_port.forget()
        self.memory = memory.power_up_image()
        self.por = True
        self._security = _SEC_FULL_ACCESS
        self._keys = ()
        self._keys_until_us = 0
        self.config_update = False
        self._entering = False
        for at in range(len(self.image)):
            self.image[at] = 0
        self._before_scan[:] = self.image
        self.snapshots = [bytes(32), bytes(32)]
        self._load_settings()
        self.coulombs.reset_charge()
        self.switches.reset()
        self.regulators.start()
        self.heard_us = now_us
        self._start(now_us + self.first_scan_us, now_us + self.first_switch_on_us)
        self.bench.set_gates(False, False)

    def reset(self):
        """Fault hook and 0x0012: configuration lost, silent for a moment."""
        self.power_up()
        self._answers_from_us = self.clock.now_us + self.startup_us

    def shut_down(self):
        """SHUTDOWN mode; a rising LD or a falling TS2 wakes from it."""
        self.kept_ts2 = self.settings.shut_by_ld_only
        self.powered = False
        self.config_update = False
        self._forget_transfers()
        self._stop()
        self.modes.off()
        self.switches.update()
        self.regulators.update()

    def brown_out(self, us=20_000):
        """Fault hook: the supply dips for a moment; everything in RAM is lost."""
        self.shut_down()
        self.modes.dead = True
        self._answers_from_us = self.clock.now_us + us
        self._after(us, self.reset)

    def pause(self):
        """DEEPSLEEP: settings and commands stay, all else stops."""
        self._stop()
        self.switches.update()
        self.regulators.update()
        self.safety_changed()
        self.show_control_status()

    def resume(self, first_switch_on_us):
        now_us = self.clock.now_us
        sleep_allowed = self.sleep_allowed
        self._start(now_us + self.loop_us(), now_us + first_switch_on_us)
        self.sleep_allowed = sleep_allowed
        self.refresh_status()
        self.regulators.update()
        self.show_control_status()

    @property
    def open_leads(self):
        """Fault hook: the set of broken sense leads; lead n goes to the top of cell n."""
        return self.leads.open

    def ts2_pin(self, level):
        self.modes.ts2_pin(level)

    def rst_shut_pin(self, level):
        self.modes.rst_shut_pin(level)

    def dfetoff_pin(self, level):
        self.switches.dfetoff_pin(level)

    def cfetoff_pin(self, level):
        self.switches.cfetoff_pin(level)

    def i2c_present(self):
        return self.on_i2c and self._answers()

    def _answers(self):
        if not (self.answering and self.powered):
            return False
        return self.clock.now_us >= self._answers_from_us

    def spi(self, sent):
        """One frame, chip select low around it."""
        if not (self.on_spi and self._answers()):
            return b"\xff" * len(sent)
        return self.spi_port.exchange(sent)

    def spi_more(self, sent):
        """More clocks before chip select went high again."""
        if self.on_spi and self._answers():
            self.spi_port.more_clocks()
        return b"\xff" * len(sent)

    @property
    def spi_hz_limit(self):
        return self.variant.spi_hz_limit

    @property
    def miso_mv(self):
        """Height of a one on MISO; a controller at 3.3 V may not take 1.8 V for one."""
        if self.settings.miso_on_reg1 and self.regulators.reg1_mv:
            return self.regulators.reg1_mv
        return 1800

    def _default_bus(self):
        self._choose_bus(self.spi_at_power_up, self.crc_at_power_up)

    def _choose_bus(self, spi, crc):
        self.on_spi = spi
        self.on_i2c = not spi
        self.crc_mode = crc

    def _heard(self):
        self.heard_us = self.clock.now_us
        if self.safety[2] & HWDF:
            self.safety[2] &= ~HWDF & 0xFF
            self.safety_changed()

    # Start, stop and settings

    def _start(self, first_scan_us, first_switch_on_us):
        clock = self.clock
        self.running = True
        self.sleep_allowed = self.settings.sleep_enabled
        self.modes.restart()
        self.leads.restart()
        self.scanned = False
        self._restart_scans()
        self.coulombs.restart()
        self._raw_sticky = INITSTART
        self._alarm_status = 0
        self._enable_alarms(self.settings.alarm_enable)
        self._scan_entry = clock.call_at(first_scan_us, self._scan_call)
        self._quarter_entry = clock.call_at(first_switch_on_us, self._quarter_call)
        self.balancing.restart()
        self._watch_silence()
        self._show_alarms()
        self.switches_changed()
        self.safety_changed()

    def _stop(self):
        """No measurement, no protection, no balancing."""
        self.running = False
        self._calm = False
        self.modes.stop()
        for entry in (self._scan_entry, self._quarter_entry, self._silence_entry):
            if entry is not None:
                self.clock.cancel(entry)
        self._scan_entry = self._quarter_entry = self._silence_entry = None
        for protection in self._protections:
            protection.forget()
        self.safety[2] = 0
        self.load_detect.forget()
        self.show_control_status()
        self.precharging.forget()
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
        self.regulators.start()
        self.switches.restart()
        now_us = self.clock.now_us
        self._start(now_us + self.loop_us(), now_us + _QUARTER_US)

    def _load_settings(self):
        settings = self.settings = memory.Settings(self.memory)
        self._load_channels()
        self.pins.load(settings)
        for protection in self._protections:
            protection.apply(settings)
        self._temperature_enabled = [p for p in self._temperature if p.enabled]

    # Measurement

    def _scan(self):
        """End of an ADC loop: everything measured in it becomes readable."""
        clock = self.clock
        settings = self.settings
        period_us = settings.sleep_period_us if self.modes.sleeping else self.loop_us()
        self._scan_entry = clock.call_at(clock.now_us + period_us, self._scan_call)
        if self.frozen:
            return
        bench = self.bench
        bench.update()
        leads = self.leads
        if (leads.open or leads.shift_mv is not None) and leads.look():
            self._load_channels()
            self._arm()
            self._on_bench()
        scans = self._measure()
        if not self.running:
            # Too low a stack has turned the chip off.
            return
        self._raw_sticky |= scans | INITCOMP
        if not self.scanned:
            self.scanned = True
            scans |= INITCOMP | INITSTART
        for protection in self._temperature_enabled:
            protection.look()
        switches = self.switches
        if switches.charge_assist or switches.discharge_assist:
            switches.assist(bench.sensed_ma, True)
        if self.balancing.active:
            self.balancing.reconsider()
        self._latch_scan(scans)

    # Quarter second: CC1, turn-on, SLEEP

    def _quarter(self):
        clock = self.clock
        now_us = clock.now_us
        self._quarter_entry = clock.call_at(now_us + _QUARTER_US, self._quarter_call)
        if not self.frozen:
            self.bench.update()
        counting = self.running and not self.frozen
        self.coulombs.quarter(counting)
        if not counting:
            return
        for protection in self._slow:
            protection.look()
        self._precharge_timeout.quarter()
        self.modes.consider_sleep()
        self.precharging.look()
        self.switches.update(True)
        self._on_bench()

    def mode_changed(self, next_scan_us):
        """Into SLEEP or out of it."""
        self._loop = 0
        self._reschedule_scan(next_scan_us)
        self.refresh_status()
        self.balancing.reconsider()
        self.switches.update()
        self._arm()

    def _reschedule_scan(self, delay_us):
        if self._scan_entry is not None:
            self.clock.cancel(self._scan_entry)
        self._scan_entry = self.clock.call_at(self.clock.now_us + delay_us, self._scan_call)

    # Comparators

    def _on_bench(self):
        """Called by the bench after every electrical change: must cost little when all is well."""
        bench = self.bench
        current_ma = bench.sensed_ma
        if current_ma != self.coulombs.last_ma:
            self.coulombs.changed(current_ma)
        if (
            self._calm
            and self._quiet_low_mv < bench.lowest_mv
            and bench.highest_mv < self._quiet_high_mv
            and self._quiet_discharge_ma < current_ma < self._quiet_charge_ma
        ):
            return
        if not self.running:
            self.modes.look_at_ld()
        if self.frozen or not self.running:
            return
        self.modes.bench_changed()
        for protection in self._comparators:
            if protection.enabled:
                if protection.state == IDLE and self.balancing.active:
                    if protection in self._voltage:
                        continue
                protection.look()
        for protection in self._patient:
            if protection.state >= TRIPPED:
                protection.look()
        self.switches.assist(bench.sensed_ma, False)

    def discharge_is_on(self):
        return self.switches.discharge or self.switches.discharge_assist

    def regulators_fed(self):
        if self.modes.deep and not self.settings.ldo_in_deep_sleep:
            return False
        return self.powered and self.settings.reg0

    def look_at_voltages(self):
        """While balancing the cell comparators get their turn only once a second."""
        self.bench.update()
        for protection in self._voltage:
            if protection.enabled:
                protection.look()

    def _arm(self):
        """The window in which `_on_bench` has nothing to do."""
        low_mv, high_mv, discharge_ma, charge_ma = -_FAR, _FAR, -_FAR, _FAR
        calm = self.running and not self.modes.sleeping
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
        """Snapshots for 0x0080 and 0x0081, and the counters of the latches."""
        if protection.bank == 0 and protection.bit in (CUV, COV):
            values = [0] * 16
            sensed_mv = self.leads.sensed_mv()
            for register, place, _ in self.channels:
                if place >= 0:
                    values[(register - _CELL_1) // 2] = int(sensed_mv[place] + 0.5)
            which = 0 if protection.bit == CUV else 1
            self.snapshots[which] = struct.pack("<16h", *values)
        latch = self._counted.get((protection.bank, protection.bit))
        if latch is not None:
            latch.hit()

    def safety_changed(self):
        """A protection has changed state: registers, alarms, balancing, gates."""
        alerts = bytearray(3)
        status = bytearray(3)
        for protection in self._protections:
            if protection.in_alert():
                alerts[protection.bank] |= protection.alert_bit
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
            self.modes.wake()
        self._arm()
        self.refresh_status()
        self._latch_alarms(self._raw() & ~EVENTS)
        self.balancing.reconsider()
        self.switches.update()
        self.load_detect.consider()

    def any_alert(self):
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
        self._latch_alarms(self._raw() & ~EVENTS)
        self.bench.set_bleed(self.leads.bled(cells))

    def switches_changed(self):
        self._arm()
        self._latch_alarms(self._raw() & ~EVENTS)
        self._show_switches()
        self.load_detect.consider()

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
            if not self.safety[2] & HWDF:
                self.regulators.watchdog()
            self.safety[2] |= HWDF
            self.safety_changed()
        self._watch_silence()

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
            self.modes.shutdown_command(self._security == _SEC_SEALED)
        elif code == 0x0E:
            self.modes.leave_deep_sleep()
        elif code == 0x0F:
            self.modes.deep_sleep_command()
        elif code == 0x99:
            self.sleep_allowed = True
            self.refresh_status()
        elif code == 0x9A:
            self.sleep_allowed = False
            self.modes.wake()
            self.refresh_status()
        elif code == 0x30:
            self._security = _SEC_SEALED
            self.refresh_status()
        elif code in (0x9B, 0x9C):
            self._latches[code - 0x9A].release()
        elif code == 0x8A:
            self._precharge_timeout.recover()
        elif code == 0x9D:
            self.load_detect.restart()
        elif code in (0x9E, 0x9F):
            self.load_detect.command(code == 0x9E)
        elif code & 0xFFE0 == 0x2800:
            self._set_output(code & 0x0F, code >> 4 & 1)
        elif code == 0x82:
            self.coulombs.reset_charge()
        elif code == 0x00A1:
            self.otp_writes += 1
        elif code == 0x29BC:
            self._apply_comm_type(self.memory[0x9239 - memory.BASE])
        elif code == 0x29E7:
            self._apply_comm_type(0x08)
        elif code == 0x7C35:
            self._apply_comm_type(0x10)
        elif code == 0x7C40:
            self._apply_comm_type(0x03)
        else:
            self._offer_key(code)
            self.switches.command(code)

    def _apply_comm_type(self, kind):
        if kind in (0x00, 0xFF):
            self._default_bus()
        elif kind in _PLAIN_TYPES:
            self._choose_bus(False, False)
        elif kind in _CRC_TYPES:
            self._choose_bus(False, True)
        elif kind in _SPI_TYPES:
            self._choose_bus(True, kind == 0x10)
        else:
            # HDQ: nothing more to hear on these buses until the chip is reset.
            self.on_i2c = self.on_spi = False

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
        self.refresh_status()

    def _control(self, code, data):
        if code == FET_CONTROL:
            self.switches.force_off(data[0])
        elif code == CB_ACTIVE_CELLS:
            self.balancing.command((data[0] | data[1] << 8) & self.variant.all_channels)
        elif code == CB_SET_LVL:
            self.balancing.level_command(data[0] | data[1] << 8)
        elif code == REG12_CONTROL:
            self.regulators.set(data[0])

    def flip_a_setting(self):
        """A bit of the over-voltage threshold changes by itself, as a bad memory cell does."""
        self.memory[_COV_THRESHOLD - memory.BASE] ^= 1
        self._load_settings()

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
        return answer(self, code)
