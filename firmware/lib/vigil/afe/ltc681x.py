"""LTC6811, LTC6813, ADBMS1818: voltages and temperatures of up to eight devices in a chain.

mV, 0.1 degC, times in ms. It measures and bleeds; it has no switches and guards nothing by
itself. read(), balance() and all_off() run in the cycle and allocate nothing; configure() and
verify() are slow tasks of slices below 5 ms.
"""

import time
from array import array

from micropython import const

from vigil import kernels
from vigil.afe.errors import (
    NOT_CONFIGURED,
    READ_BACK_DIFFERS,
    TIMED_OUT,
    UNSUPPORTED,
    AfeError,
    failure,
)
from vigil.afe.ltc681x_bring_up import bring_up
from vigil.afe.ltc681x_chain import Chain, command
from vigil.afe.ltc681x_layout import (
    ADCVSC,
    CLRCELL,
    CLRSTAT,
    RDSTATA,
    TIMER_S,
    Config,
    Layout,
)
from vigil.afe.ltc681x_slow import Leads, SlowRound
from vigil.sample import BOARD, CELLS, FAULT_NOT_CONFIGURED, STACK, TEMPS, UNKNOWN

_CYCLE_MS = const(20)
# A round through GPIOs, reference, dies and settings, one step a cycle.
ROUND_MS = const(200)
# Discharge timers and watchdogs (2 s) are started anew this often while cells bleed.
_REFRESH_MS = const(1000)
_WATCHDOG_S = const(2)
# Bleeding that is not asked for again ends.
_BLEED_LAPSE_MS = const(20000)
# Cleared and not converted since, or an input at the rail: the converter ends at about 5.7 V.
_HIGHEST_MV = const(5599)
_NEVER_RAW = const(0xFFFF)
# Cells and their sum take 2.75 ms, a tenth more at worst.
_LOOKS = const(6)
_LOOK_AGAIN_US = const(500)
# Until a test of the sense leads that failed is tried again; for ever.
_TEST_AGAIN_MS = const(1000)
_NEVER_MS = const(0x3FFFFFFF)
_TICKS = const(0x3FFFFFFF)


class Ltc681x:
    """Voltage part of a front end.

    spi: machine.SPI in mode 3, at most 1 MHz; cs: its select pin. devices: ltc681x_layout.Device,
    nearest first, which is the bottom of the stack. thermistor: sensor.thermistor.Thermistor,
    read against the devices' own reference. bleed_timer_s: 0, or 30, 60, 120 where the devices'
    DTEN pins are high: how long bleeding outlives a controller that hangs. open_wire_s: how often
    the sense leads are tested, 0 = at bring-up only.
    """

    def __init__(self, spi, cs, devices, *, thermistor=None, bleed_timer_s=0, open_wire_s=10):
        if bleed_timer_s not in TIMER_S:
            raise ValueError("no such discharge time")
        chain = self._chain = Chain(spi, cs, len(devices))
        layout = self._layout = Layout(chain, tuple(devices))
        if layout.temp_count and thermistor is None:
            raise ValueError("GPIO thermistors need their table")
        self.cell_count = layout.cell_count
        self.temp_count = layout.temp_count
        self.board_temp_count = len(devices)
        self.cells_period_ms = _CYCLE_MS
        self.stack_period_ms = _CYCLE_MS
        self.temps_period_ms = self.board_period_ms = ROUND_MS
        # Nobody measures the current here; a front end takes it from its own part.
        self.current_period_ms = _CYCLE_MS
        self.bleeds_adjacent = False
        self.bleed_lapse_ms = _BLEED_LAPSE_MS
        self.configured = False
        self.applied = []
        self.bus = chain  # its counters
        self.late_conversions = 0
        self.settings_lost = 0  # times that a device was found with other settings
        self._config = Config(chain, layout, bleed_timer_s)
        self._leads = Leads(chain, layout, self._read_cells_into)
        self._slow = SlowRound(chain, layout, self._config, thermistor)
        self._open_wire_ms = open_wire_s * 1000
        self._test_wait_ms = 0
        self._tested_ms = 0
        self._clear_cells = command(CLRCELL)
        self._clear_status = command(CLRSTAT)
        self._start = command(ADCVSC)
        self._sum_reading = chain.reading(RDSTATA)
        self._cells_mv = array("i", [0] * self.cell_count)
        self._stack_limit_mv = (_HIGHEST_MV + 1) * self.cell_count
        self._bleed_is_new = False
        self._bled_ms = 0
        self._wrote_ms = 0
        self._round_ms = 0
        self._first = True

    @property
    def open_lead_seen(self):
        """As of the latest test of the sense leads."""
        return self._leads.count != 0

    @property
    def open_leads(self):
        """A byte a lead, 1 = open; the first is the one below the first cell."""
        return self._leads.open_leads

    # Bring-up.

    def configure(self, requests):
        """Generator; at its end `configured`. It backs no limit, so `applied` stays empty."""
        self.configured = False
        self.applied = []
        self._config.bleed_none()
        yield from bring_up(self._chain, self._layout, self._config)
        self._slow.forget()
        self._leads.forget()
        self._chain.wake()
        self._convert_cells()
        # Whatever slept meanwhile has lost what it was told.
        if self._chain.slept:
            raise failure(NOT_CONFIGURED)
        self._first = True
        self.configured = True

    def plan_backstop(self, requests):
        return []

    def verify(self):
        """Generator: READ_BACK_DIFFERS if any device is set otherwise than we wrote."""
        if not self.configured:
            raise failure(NOT_CONFIGURED)
        self._chain.wake()
        self._config.compare()
        yield

    def capabilities(self):
        return {
            "chip": "+".join([device.part for device in self._layout.devices]),
            "inputs": sum([device.inputs for device in self._layout.devices]),
            "cells": self.cell_count,
            "temps": self.temp_count,
            "cells_period_ms": _CYCLE_MS,
            "temps_period_ms": ROUND_MS,
            "current_period_ms": _CYCLE_MS,
            "stack_period_ms": _CYCLE_MS,
            "bleeds_adjacent": self.bleeds_adjacent,
            "bleed_lapse_ms": _BLEED_LAPSE_MS,
            # Their watchdog, or the timer that takes over from it.
            "bleed_alone_ms": 1000 * max(_WATCHDOG_S, self._config.timer_s()),
            "guards": (),
            "open_wire_ms": self._open_wire_ms,
            "silence_ms": 0,
            # Results are cleared before each conversion: what did not come is unknown, not old.
            "keeps_results": False,
            "settings_ms": ROUND_MS,
        }

    # The cycle.

    def read(self, sample, now_ms):
        """Bring what is new into the Sample; raises AfeError, and then nothing half-read is in."""
        if not self.configured:
            sample.front_end_fault |= FAULT_NOT_CONFIGURED
            raise failure(NOT_CONFIGURED)
        if self._first:
            self._first = False
            self._wrote_ms = self._bled_ms = self._tested_ms = now_ms
            self._round_ms = now_ms - ROUND_MS
            self._test_wait_ms = 0
        chain = self._chain
        chain.wake()
        if chain.slept:
            # Their watchdogs have run out: reference and pins are back at their defaults.
            self._lose(sample)
        try:
            # First of all, for bleeding has to end even where nothing can be read.
            wrote = self._config.bleeding and self._tend_bleeding(now_ms)
            self._read(sample, now_ms)
            if not wrote:
                self._step_slowly(sample, now_ms)
        except AfeError as error:
            if error.code == READ_BACK_DIFFERS or self._is_set_otherwise(error.code):
                self._lose(sample)
            # So that the next cycle finds cells of its own time, not these once more.
            self._convert_cells()
            raise
        self._convert_cells()

    def _is_set_otherwise(self, code):
        """Whether a conversion lasts so long because a device has lost its reference setting."""
        if code == TIMED_OUT:
            try:
                self._config.compare()
            except AfeError as error:
                return error.code == READ_BACK_DIFFERS
        return False

    def _lose(self, sample):
        self.configured = False
        self.settings_lost += 1
        sample.front_end_fault |= FAULT_NOT_CONFIGURED
        raise failure(NOT_CONFIGURED)

    def _read(self, sample, now_ms):
        chain = self._chain
        if chain.busy():
            self._wait_for_cells()
        self._read_cells_into(self._cells_mv)
        chain.take(self._sum_reading)
        stack_mv = self._sum_mv()
        # All has been read well; what no cell can have is not known.
        kernels.publish(sample.cell_values, self._cells_mv, self.cell_count, 0, 0, _HIGHEST_MV)
        sample.values[sample.stack_at] = stack_mv
        sample.refresh(CELLS, now_ms)
        sample.refresh(STACK, now_ms)
        sample.front_end_fault = 0
        sample.front_end_charge_trip = 0
        sample.front_end_discharge_trip = 0
        sample.load_seen = -1
        sample.charger_seen = -1

    def _wait_for_cells(self):
        """A cycle that came late has begun its conversion just before this one."""
        for _ in range(_LOOKS):
            time.sleep_us(_LOOK_AGAIN_US)
            if not self._chain.busy():
                return
        self.late_conversions += 1
        raise failure(TIMED_OUT)

    def _step_slowly(self, sample, now_ms):
        """Beside the cells at most one slower thing a cycle."""
        if self._config.bleeding:
            # Open leads would be looked for in vain.
            pass
        elif self._leads.half_done:
            if self._leads.test_down():
                self._test_wait_ms = self._open_wire_ms or _NEVER_MS
            return
        elif (now_ms - self._tested_ms) & _TICKS >= self._test_wait_ms:
            # Again soon, unless it comes to a good end.
            self._tested_ms = now_ms
            self._test_wait_ms = _TEST_AGAIN_MS
            self._leads.test_up()
            return
        slow = self._slow
        if slow.is_over:
            if (now_ms - self._round_ms) & _TICKS < ROUND_MS:
                return
            slow.begin()
            self._round_ms = now_ms
        slow.step()
        if slow.is_over:
            values = sample.values
            temps = slow.temps_dc
            for place in range(self.temp_count):
                values[sample.temps_at + place] = temps[place]
            dies = slow.dies_dc
            for number in range(self.board_temp_count):
                values[sample.board_at + number] = dies[number]
            sample.refresh(TEMPS, now_ms)
            sample.refresh(BOARD, now_ms)

    def _tend_bleeding(self, now_ms):
        """True if the settings were written: the bleeding has gone on for long, or too long."""
        if self._bleed_is_new:
            self._bleed_is_new = False
            self._wrote_ms = self._bled_ms = now_ms
        if (now_ms - self._bled_ms) & _TICKS >= _BLEED_LAPSE_MS:
            # Whoever asked for it does not look any more.
            self._config.bleed_none()
        elif (now_ms - self._wrote_ms) & _TICKS < _REFRESH_MS:
            return False
        self._wrote_ms = now_ms
        self._config.write()
        return True

    def _read_cells_into(self, target):
        """mV; 6554 for what was cleared and not converted since."""
        chain = self._chain
        for reading, places, count in self._layout.cell_readings:
            chain.take(reading)
            kernels.scatter_tenths(target, chain.data, places, count)

    def _sum_mv(self):
        devices = self._layout.devices
        blocks = self._chain.blocks
        stack_mv = 0
        for number in range(len(devices)):
            block = blocks[number]
            word = block[0] | block[1] << 8
            if word == _NEVER_RAW:
                return UNKNOWN
            stack_mv += word * devices[number].sum_step_mv
        # More than cells can add up to is no measurement.
        return UNKNOWN if stack_mv > self._stack_limit_mv else stack_mv

    def _convert_cells(self):
        """Results are cleared first: a conversion that does not happen shows as all ones."""
        self._chain.send(self._clear_cells)
        self._chain.send(self._clear_status)
        self._chain.send(self._start)

    def balance(self, bleed):
        """bleed: a byte a cell, 1 = discharge; no neighbours on one device."""
        if not self.configured:
            raise failure(NOT_CONFIGURED)
        if self._leads.half_done:
            # The second half of a test would measure the discharge.
            self._leads.give_up()
        refused = False
        try:
            self._config.bleed(bleed)
        except AfeError:
            refused = True
        self._bleed_is_new = True
        self._chain.wake()
        self._config.write()
        if refused:
            raise failure(UNSUPPORTED)

    # A part without switches, to which a front end of parts says the same as to all.

    def all_off(self):
        """Nothing here opens or closes."""

    def deep_sleep(self):
        self.shutdown()

    def shutdown(self):
        """No bleeding any more; two seconds without a word later the devices sleep."""
        self.configured = False
        self._config.bleed_none()
        self._chain.wake()
        self._config.write()
