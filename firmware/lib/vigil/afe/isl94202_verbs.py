"""What is asked of an ISL94202 now and then: bring-up, verification, power-down, what it can do.

Generators, run in slices below 5 ms. Only the RAM behind the EEPROM is written. Times in ms.
"""

import time

from micropython import const

from vigil.afe.errors import (
    NO_ANSWER,
    NOT_CONFIGURED,
    READ_BACK_DIFFERS,
    TIMED_OUT,
    WRONG_DEVICE,
    AfeError,
    failure,
)
from vigil.afe.isl94202_settings import Settings

_EOC = const(0x0C)
_CBMAXDV = const(0x22)
_TIMER_AND_CELLS = const(0x48)
_SETUP = const(0x4A)
_STAT0 = const(0x80)
_STAT1 = const(0x81)
_STAT3 = const(0x83)
_CBFC = const(0x84)
_CTRL0 = const(0x85)
_CTRL1 = const(0x86)
_CTRL2 = const(0x87)
_CTRL3 = const(0x88)
_EEEN = const(0x89)

_VEOC = const(0x80)
_ASLEEP = const(0x40)
_UCFET = const(0x40)
_UCCBAL = const(0x20)
_POWER_DOWN = const(0x08)
_NEVER = const(0xFFF)  # no cell is above it
EOC_LOW = const(426)  # half a volt: every living pack has a cell above it

CONFIG_BYTES = const(0x4C)
# What one slice reads twice.
_PART = const(16)
_SETTLE_MS = const(600)
_WAKE_MS = const(3500)
_PAUSE_US = const(1000)
_TICKS = const(0x3FFFFFFF)


class Verbs:
    """Part of Isl94202, which brings the bus, the options, the switches and the readings."""

    def _start_verbs(self):
        self.configured = False
        self.applied = []
        self._image = bytearray(CONFIG_BYTES)
        self._parts = [
            (register, self._bus.cuts(register, min(_PART, CONFIG_BYTES - register)))
            for register in range(0, CONFIG_BYTES, _PART)
        ]
        self._gain_code = 0
        self._step = 0
        self._parts_of_ma = 1000

    def configure(self, requests):
        """Bring the chip from whatever state into ours; generator, at its end `configured`.

        requests: (backstop code, trip, delay_ms, release); raises AfeError.
        """
        self.configured = False
        self.applied = []
        self.all_off()
        settings = Settings(requests, self._options)
        yield from self._find()
        yield from self._quieten()
        yield from self._set_up(settings)
        # What was measured before, or with another gain, is over by then.
        yield from _pause(_SETTLE_MS)
        yield from self._compare()
        if not self._bus.read_byte(_STAT1) & _VEOC and not self._options.still_ms:
            # Something that keeps what is written, but measures nothing.
            raise AfeError(TIMED_OUT)
        self._forget_measurements()
        self.applied = settings.applied
        self.configured = True

    def _find(self):
        """It has no device number: an answer, and later what it keeps, have to do."""
        begun_ms = time.ticks_ms()
        while (time.ticks_ms() - begun_ms) & _TICKS <= _WAKE_MS:
            try:
                self._bus.read_byte(_STAT0)
                yield
                return
            except AfeError:
                yield from _pause(50)
        raise AfeError(NO_ANSWER)

    def _quieten(self):
        """No EEPROM, the host's switches off, nobody bled, awake."""
        bus = self._bus
        for register, byte in (
            (_EEEN, 0),
            (_CTRL2, _UCFET | _UCCBAL),
            (_CTRL1, 0),
            (_CBFC, 0),
            (_CTRL3, 0),
        ):
            bus.write_byte(register, byte)
            yield
        if bus.read_byte(_EEEN) & 1:
            # Settings would go to the EEPROM.
            raise AfeError(READ_BACK_DIFFERS)
        if not bus.read_byte(_CTRL2) & _UCFET:
            raise AfeError(WRONG_DEVICE)
        self._forget_switching()
        begun_ms = time.ticks_ms()
        while bus.read_byte(_STAT3) & _ASLEEP:
            if (time.ticks_ms() - begun_ms) & _TICKS > _WAKE_MS:
                raise AfeError(TIMED_OUT)
            yield from _pause(50)

    def _set_up(self, settings):
        """Write what differs from what the chip has from its EEPROM, and nothing else."""
        options = self._options
        words = settings.words
        words[_EOC] = (0x0FFF, EOC_LOW)
        # How far apart cells may stand is the limit table's business, and bleeding ours.
        words[_CBMAXDV] = (0x0FFF, _NEVER)
        # XT2 on the cells, no double gain, open-wire test on; no power-down at an under-voltage.
        words[_SETUP] = (0x0832, 0)
        words[_TIMER_AND_CELLS] = (0xFF00, options.cell_byte << 8)
        if options.mode_timer is not None:
            words[_TIMER_AND_CELLS] = (0xFFFF, options.cell_byte << 8 | options.mode_timer)
        bus = self._bus
        image = self._image
        for register, cuts in self._parts:
            count = min(_PART, CONFIG_BYTES - register)
            bus.read_twice(cuts, b"", count)
            image[register : register + count] = bus.data[:count]
            yield
        for register, (mask, word) in words.items():
            before = image[register] | image[register + 1] << 8
            after = before & (mask ^ 0xFFFF) | word
            if after != before:
                image[register] = after & 0xFF
                image[register + 1] = after >> 8
                bus.write_word(register, after)
                yield
        bus.write_byte(_CTRL0, settings.gain_code << 4)
        self._gain_code = settings.gain_code
        self._step = settings.step
        self._parts_of_ma = settings.parts
        yield

    def plan_backstop(self, requests):
        """What configure() would apply, without touching the chip; raises AfeError UNSUPPORTED."""
        return Settings(requests, self._options).applied

    def highest_ma(self, requests):
        """The largest current that is measured once these limits are configured."""
        return Settings(requests, self._options).highest_ma

    def verify(self):
        """Generator: read the whole configuration again; READ_BACK_DIFFERS if it has changed."""
        if not self.configured:
            raise failure(NOT_CONFIGURED)
        yield from self._compare()

    def _compare(self):
        bus = self._bus
        for register, cuts in self._parts:
            count = min(_PART, CONFIG_BYTES - register)
            bus.read_twice(cuts, b"", count)
            for at in range(count):
                if bus.data[at] != self._image[register + at]:
                    raise failure(READ_BACK_DIFFERS)
            yield

    def shutdown(self):
        """Power-down: both switches off, RAM forgotten, until the chip is woken from outside."""
        self.all_off()
        self.configured = False
        self._bus.write_byte(_CTRL3, _POWER_DOWN)
        self.charge_is_on = False
        self.discharge_is_on = False

    def wake(self):
        """A charger or a load wakes the chip; bring-up only looks for it."""

    def forget_faults(self):
        """The owner has looked; there is nothing here that only an owner can release."""

    def capabilities(self):
        """What the chip is and guards by itself, as configured (guards: backstop codes)."""
        guards = []
        for backstop in self.applied:
            if backstop[0] not in guards:
                guards.append(backstop[0])
        return {
            "chip": "ISL94202",
            "inputs": 8,
            "cells": self.cell_count,
            "temps": self.temp_count,
            "cells_period_ms": self.cells_period_ms,
            "temps_period_ms": self.temps_period_ms,
            "current_period_ms": self.current_period_ms,
            "stack_period_ms": self.stack_period_ms,
            "bleeds_adjacent": self.bleeds_adjacent,
            "bleed_lapse_ms": self.bleed_lapse_ms,
            "bleed_alone_ms": 0,
            "guards": tuple(guards),
            "silence_ms": 0,
            "open_wire_ms": 5000,  # or sooner: nobody tells
            "stack_apart": True,
            "latch_after": 0,
            "predischarge_ms": 0,
            "direct_line": self._both_off is not None,
            "load_detect": False,
            "check_codes": False,
        }


def _pause(ms):
    """Slices until so much time has passed."""
    begun_ms = time.ticks_ms()
    while (time.ticks_ms() - begun_ms) & _TICKS < ms:
        time.sleep_us(_PAUSE_US)
        yield
