"""ISL94202: 3 to 8 cells, current, temperatures, both switches, a backstop that works alone.

mV, mA (+ = charging), 0.1 degC, times in ms. read(), set_switches(), balance() and all_off() run
in the cycle and allocate nothing; configure() and verify() are slow tasks of slices below 5 ms
(at most 13 ms on the bus). Only the RAM behind the EEPROM is written. docs/isl94202.md says why.
"""

import time
from array import array

from micropython import const

from vigil.afe.errors import (
    NO_ANSWER,
    NOT_CONFIGURED,
    READ_BACK_DIFFERS,
    TIMED_OUT,
    UNSUPPORTED,
    AfeError,
    failure,
)
from vigil.afe.isl94202_bus import Bus
from vigil.afe.isl94202_settings import Options, Settings, code_mv, die_dc
from vigil.sample import (
    BOARD,
    CELLS,
    CHARGE_TRIP_OVER_CURRENT,
    CHARGE_TRIP_OVER_VOLTAGE,
    CHARGE_TRIP_TEMPERATURE,
    CURRENT,
    DISCHARGE_TRIP_OVER_CURRENT,
    DISCHARGE_TRIP_SHORT_CIRCUIT,
    DISCHARGE_TRIP_TEMPERATURE,
    DISCHARGE_TRIP_UNDER_VOLTAGE,
    FAULT_INTERNAL,
    FAULT_NOT_CONFIGURED,
    STACK,
    TEMPS,
    UNKNOWN,
)
from vigil.sensor.thermistor import temp_dc

_CONFIG_BYTES = const(0x4C)
_EOC = const(0x0C)
_TIMER_AND_CELLS = const(0x48)
_SETUP = const(0x4A)
_STAT0 = const(0x80)
_STAT1 = const(0x81)
_CBFC = const(0x84)
_CTRL0 = const(0x85)
_CTRL1 = const(0x86)
_CTRL2 = const(0x87)
_CTRL3 = const(0x88)
_EEEN = const(0x89)

# One reading from STAT0 to VRGO: bytes, then words in this order.
_STATE_BYTES = const(42)
_FIRST_WORD = const(10)
_WORDS = const(16)
_ISNS = const(2)
_CELL1 = const(3)
_IT = const(11)
_XT1 = const(12)
_XT2 = const(13)
_VBATT = const(14)
# Which bits of the bytes two readings have in common: INTSCAN comes and goes with every scan, and
# CBFC does not tell what is on.
_STATE_MASKS = b"\xff\xff\xbf\xff\x00\xff\xff\xff\xff\xff"

_VEOC = const(0x80)
_OPEN = const(0x20)
_CELLF = const(0x10)
_DSC = const(0x08)
_DOC = const(0x04)
_COC = const(0x02)
_IOT = const(0x01)
_ECC_FAILED = const(0x20)
_DISCHARGING = const(0x08)
_CHARGING = const(0x04)
_CHARGER = const(0x02)
_LOAD = const(0x01)
_ASLEEP = const(0x40)
# What speaks against each switch, in STAT0 and STAT1.
_NO_CHARGE = (0xC3, 0x33)
_NO_DISCHARGE = (0x3C, 0x3D)

_CG = const(0x30)
_CHARGE_ON = const(0x01)
_DISCHARGE_ON = const(0x02)
_UCFET = const(0x40)
_UCCBAL = const(0x20)
_CBAL_ON = const(0x01)
_MODES = const(0x0F)
_POWER_DOWN = const(0x08)

_RAIL = const(0xFFF)
# VEOC with the one is there as soon as a cell has half a volt, with the other never.
_EOC_LOW = const(426)
_EOC_HIGH = const(0xFFF)

# Proof of a new scan takes up to two cycles of 250 ms.
_PERIOD_MS = const(500)
_SETTLE_MS = const(600)
_WAKE_MS = const(3500)
_LOOKS = const(10)
_PAUSE_US = const(1000)
_BLEED_LAPSE_MS = const(20000)
_READS_GIVEN_UP = const(20)
# A switch that is on against the command for so long, or leaks in so many scans, is stuck.
_MISMATCH_MS = const(1000)
_MISMATCH_SCANS = const(5)
_LEAK_UV = const(200)
_TICKS = const(0x3FFFFFFF)


class Isl94202:
    """One chip on its bus.

    both_off: pin with value(0) = both gates held off by the board; the chip has no such input, and
    None means that only the bus can open the switches. choices: see isl94202_settings.Options.
    """

    def __init__(self, i2c, *, address=0x28, both_off=None, **choices):
        options = self._options = Options(**choices)
        self.cell_count = len(options.inputs)
        self.temp_count = 2
        self.board_temp_count = 1  # the die
        self.open_lead_seen = False  # the chip's own test, as of the last read
        self.power_path_fault = 0  # FETs have no pre-charge to fail
        self.cells_period_ms = _PERIOD_MS
        self.temps_period_ms = _PERIOD_MS
        self.current_period_ms = _PERIOD_MS
        self.stack_period_ms = _PERIOD_MS
        self.board_period_ms = _PERIOD_MS
        self.bleeds_adjacent = False
        self.bleed_lapse_ms = 0  # the chip bleeds on until it is told otherwise
        self.configured = False
        self.applied = []
        self.charge_is_on = False
        self.discharge_is_on = False
        self.switch_stuck = 0  # 1 charge, 2 discharge: on against the command
        self.unproven = 0  # reads that nothing proved to be of a new scan

        self._bus = Bus(i2c, address, options.burst_bytes, _CONFIG_BYTES)
        self._state_cuts = self._bus.cuts(_STAT0, _STATE_BYTES)
        self._config_cuts = self._bus.cuts(0, _CONFIG_BYTES)
        self._config_masks = b"\xff" * _CONFIG_BYTES
        self._both_off = both_off
        self._image = bytearray(_CONFIG_BYTES)
        self._gain_code = 0
        self._step_ua = 0
        self._places = bytes([_CELL1 + number - 1 for number in options.inputs])
        self._codes = array("H", [0] * _WORDS)
        self._lived_ms = 0
        self._asked = -1  # what VEOC shall become; -1 nothing
        self._failed_reads = 0
        # What CTRL2 was told last, beside the switches: bleeding.
        self._bleeding = 0
        self._bleed_begins = False
        self._bleed_ms = 0
        self._handed_over = False
        self._off_is_written = False
        self._wanted = 0
        self._wrong = 0
        self._wrong_ms = array("i", [0, 0])
        self._leaks = array("i", [0, 0])
        self._leak_ma = max(1, _LEAK_UV * 1000 // options.shunt_uohm)

    # Counters of the bus, for the status page.

    @property
    def retries(self):
        return self._bus.retries

    @property
    def check_errors(self):
        return self._bus.check_errors

    @property
    def no_answers(self):
        return self._bus.no_answers

    # Bring-up.

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
        self._gain_code = settings.gain_code
        self._step_ua = settings.step_ua
        yield from self._set_up(settings)
        # What was measured before, or with another gain, is over by then.
        yield from _pause(_SETTLE_MS)
        yield from self._compare()
        self._bus.read_twice(self._state_cuts, _STATE_MASKS, _STATE_BYTES)
        if self._is_foreign(self._bus.data):
            raise AfeError(READ_BACK_DIFFERS)
        self._forget_measurements()
        self.applied = settings.applied
        self.configured = True

    def _find(self):
        """It has no device number: an answer, and later what it keeps, have to do."""
        for _ in range(_LOOKS):
            try:
                self._bus.read_byte(_STAT0)
                break
            except AfeError:
                yield from _pause(2)
        else:
            raise AfeError(NO_ANSWER)
        yield

    def _quieten(self):
        """No EEPROM, host's switches off, nobody bled, awake."""
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
        self._bleeding = 0
        self._handed_over = False
        self._off_is_written = True
        begun_ms = time.ticks_ms()
        while True:
            bus.read_twice(self._state_cuts, _STATE_MASKS, _STATE_BYTES)
            data = bus.data
            if not data[3] & _ASLEEP:
                break
            if (time.ticks_ms() - begun_ms) & _TICKS > _WAKE_MS:
                raise AfeError(TIMED_OUT)
            yield from _pause(50)
        if data[9] & 1:
            # Settings would go to the EEPROM.
            raise AfeError(READ_BACK_DIFFERS)
        yield

    def _set_up(self, settings):
        """Write what differs from what the chip has from its EEPROM, and nothing else."""
        options = self._options
        words = settings.words
        words[_EOC] = (0x0FFF, _EOC_HIGH)
        # XT2 on the cells, no double gain, open-wire test on; no power-down at an under-voltage.
        words[_SETUP] = (0x0832, 0)
        if options.mode_timer is None:
            words[_TIMER_AND_CELLS] = (0xFF00, options.cell_byte << 8)
        else:
            words[_TIMER_AND_CELLS] = (0xFFFF, options.cell_byte << 8 | options.mode_timer)
        bus = self._bus
        bus.read_twice(self._config_cuts, self._config_masks, _CONFIG_BYTES)
        yield
        image = self._image
        image[:] = bus.data
        for register, (mask, word) in words.items():
            before = image[register] | image[register + 1] << 8
            after = before & (mask ^ 0xFFFF) | word
            if after != before:
                image[register] = after & 0xFF
                image[register + 1] = after >> 8
                bus.write_word(register, after)
                yield
        bus.write_byte(_CTRL0, self._gain_code << 4)
        self._asked = -1
        yield from self._compare()

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
        yield
        yield from self._compare()

    def _compare(self):
        self._bus.read_twice(self._config_cuts, self._config_masks, _CONFIG_BYTES)
        data = self._bus.data
        for at in range(_CONFIG_BYTES):
            if data[at] != self._image[at]:
                raise failure(READ_BACK_DIFFERS)
        yield

    def _forget_measurements(self):
        for word in range(_WORDS):
            self._codes[word] = 0
        self._lived_ms = time.ticks_ms()
        self._failed_reads = 0
        self._wrong = 0
        self._leaks[0] = self._leaks[1] = 0
        self.switch_stuck = 0
        self.charge_is_on = False
        self.discharge_is_on = False

    # The cycle.

    def read(self, sample, now_ms):
        """Bring what is new into the Sample; raises AfeError, and then nothing half-read is in."""
        if not self.configured:
            sample.front_end_fault |= FAULT_NOT_CONFIGURED
            raise failure(NOT_CONFIGURED)
        try:
            self._read(sample, now_ms)
            self._failed_reads = 0
        except AfeError:
            self._failed_reads += 1
            if self._failed_reads >= _READS_GIVEN_UP:
                self.configured = False
                sample.front_end_fault |= FAULT_NOT_CONFIGURED
            raise

    def _read(self, sample, now_ms):
        self._bus.read_twice(self._state_cuts, _STATE_MASKS, _STATE_BYTES)
        data = self._bus.data
        self.charge_is_on = bool(data[6] & _CHARGE_ON)
        self.discharge_is_on = bool(data[6] & _DISCHARGE_ON)
        if self._is_foreign(data):
            # The chip has reset, slept or taken the switches back.
            self.configured = False
            sample.front_end_fault = FAULT_NOT_CONFIGURED
            return
        self._follow_trips(data, sample)
        if self._is_new(data, now_ms):
            self._publish(data, sample, now_ms)
        else:
            self.unproven += 1
        self._watch_switches(now_ms)
        self._end_bleeding(now_ms)

    def _control(self):
        """CTRL2 as last told."""
        return (0 if self._handed_over else _UCFET) | _UCCBAL | (_CBAL_ON if self._bleeding else 0)

    def _is_foreign(self, data):
        return (
            (data[7] ^ self._control()) & 0x7D
            or data[5] & _CG != self._gain_code << 4
            or data[3] & _ASLEEP
            or data[8] & _MODES
            or data[9] & 1
        )

    def _follow_trips(self, data, sample):
        voltages = data[0]
        others = data[1]
        charge = 0
        discharge = 0
        if voltages & 0x03:
            charge |= CHARGE_TRIP_OVER_VOLTAGE
        if voltages & 0x0C:
            discharge |= DISCHARGE_TRIP_UNDER_VOLTAGE
        if voltages & 0xC0:
            charge |= CHARGE_TRIP_TEMPERATURE
        if voltages & 0x30:
            discharge |= DISCHARGE_TRIP_TEMPERATURE
        if others & _IOT:
            charge |= CHARGE_TRIP_TEMPERATURE
            discharge |= DISCHARGE_TRIP_TEMPERATURE
        if others & _COC:
            charge |= CHARGE_TRIP_OVER_CURRENT
        if others & _DOC:
            discharge |= DISCHARGE_TRIP_OVER_CURRENT
        if others & _DSC:
            discharge |= DISCHARGE_TRIP_SHORT_CIRCUIT
        sample.front_end_charge_trip = charge
        sample.front_end_discharge_trip = discharge
        self.open_lead_seen = bool(others & _OPEN)
        broken = others & (_OPEN | _CELLF) or data[2] & _ECC_FAILED
        sample.front_end_fault = FAULT_INTERNAL if broken else 0
        # Whether it looks at all times nobody promises: only what is seen counts.
        sample.load_seen = 1 if data[2] & _LOAD else -1
        sample.charger_seen = 1 if data[2] & _CHARGER else -1

    def _is_new(self, data, now_ms):
        """Whether a scan has ended since the last look: a code has moved, or the chip has
        answered what it was asked: to raise or to lower its end-of-charge flag."""
        codes = self._codes
        at = _FIRST_WORD
        moved = False
        for word in range(_WORDS):
            code = data[at] | (data[at + 1] & 0x0F) << 8
            if code != codes[word]:
                codes[word] = code
                moved = True
            at += 2
        flag = 1 if data[1] & _VEOC else 0
        answered = flag == self._asked
        if answered or self._asked < 0:
            self._ask(flag ^ 1)
        if moved or answered:
            self._lived_ms = now_ms
            return True
        return (now_ms - self._lived_ms) & _TICKS < self._options.still_ms

    def _ask(self, flag):
        word = _EOC_LOW if flag else _EOC_HIGH
        image = self._image
        self._asked = -1
        word |= (image[_EOC + 1] & 0xF0) << 8
        self._bus.write_word(_EOC, word)
        image[_EOC] = word & 0xFF
        image[_EOC + 1] = word >> 8
        self._asked = flag

    def _publish(self, data, sample, now_ms):
        values = sample.values
        codes = self._codes
        at = sample.cells_at
        for word in self._places:
            code = codes[word]
            values[at] = UNKNOWN if code >= _RAIL else code_mv(code)
            at += 1
        code = codes[_VBATT]
        # It feeds the chip: nothing is not a measurement.
        values[sample.stack_at] = UNKNOWN if not 0 < code < _RAIL else (code * 1280 + 45) // 91
        at = sample.temps_at
        table = self._options.table
        values[at] = temp_dc(table, codes[_XT1])
        values[at + 1] = temp_dc(table, codes[_XT2])
        inside_dc = die_dc(codes[_IT])
        values[sample.board_at] = inside_dc if -600 <= inside_dc <= 1500 else UNKNOWN
        current_ma = self._current_ma(codes[_ISNS], data[2])
        values[sample.current_at] = current_ma
        sample.refresh(CELLS, now_ms)
        sample.refresh(TEMPS, now_ms)
        sample.refresh(CURRENT, now_ms)
        sample.refresh(STACK, now_ms)
        sample.refresh(BOARD, now_ms)
        self._watch_leak(0, current_ma != UNKNOWN and current_ma >= self._leak_ma)
        self._watch_leak(1, current_ma <= 0 - self._leak_ma)

    def _current_ma(self, code, status):
        """At full scale it is at least that, which is beyond every limit."""
        direction = status & (_CHARGING | _DISCHARGING)
        if not direction:
            return 0
        if direction == _CHARGING | _DISCHARGING:
            return UNKNOWN
        size_ma = (code * self._step_ua + 500) // 1000
        if direction == _DISCHARGING:
            size_ma = 0 - size_ma
        return size_ma * self._options.charge_sign

    # Switches.

    def set_switches(self, charge, discharge):
        """Turn each switch on or off; both off also pulls the direct line, before the bus.

        Both on: the chip is left to close them, and to open them by itself. One on: the host
        commands both, and not against what the chip says before and after it.
        """
        if not charge and not discharge:
            self.all_off()
        if not self.configured:
            if charge or discharge:
                raise failure(NOT_CONFIGURED)
            return
        wanted = (_CHARGE_ON if charge else 0) | (_DISCHARGE_ON if discharge else 0)
        bus = self._bus
        if wanted:
            self._off_is_written = False
        self._wanted = wanted
        self._handed_over = (
            wanted == _CHARGE_ON | _DISCHARGE_ON and self._options.hands_over and not self._trips()
        )
        bus.write_byte(_CTRL2, self._control())
        if not self._handed_over:
            allowed = wanted & (self._trips() ^ 3)
            bus.write_byte(_CTRL1, allowed)
            still_allowed = allowed & (self._trips() ^ 3)
            if still_allowed != allowed:
                bus.write_byte(_CTRL1, still_allowed)
        if (bus.read_byte(_CTRL2) ^ self._control()) & (_UCFET | _UCCBAL):
            raise failure(READ_BACK_DIFFERS)
        switches = bus.read_byte(_CTRL1)
        self.charge_is_on = bool(switches & _CHARGE_ON)
        self.discharge_is_on = bool(switches & _DISCHARGE_ON)
        if wanted and self._both_off is not None:
            self._both_off.value(1)

    def _trips(self):
        """Bits of CTRL1 that the chip's status speaks against."""
        voltages = self._bus.read_byte(_STAT0)
        others = self._bus.read_byte(_STAT1)
        trips = 0
        if voltages & _NO_CHARGE[0] or others & _NO_CHARGE[1]:
            trips = _CHARGE_ON
        if voltages & _NO_DISCHARGE[0] or others & _NO_DISCHARGE[1]:
            trips |= _DISCHARGE_ON
        return trips

    def all_off(self):
        """Both switches off: by the direct line where there is one, and by the bus if it lives."""
        self._wanted = 0
        try:
            if self._both_off is not None:
                self._both_off.value(0)
            if not self._off_is_written or self.charge_is_on or self.discharge_is_on:
                self._handed_over = False
                self._bus.write_byte(_CTRL2, self._control())
                self._bus.write_byte(_CTRL1, 0)
                self._off_is_written = True
        except Exception:
            # The last resort must not fail its caller; the read-back shows what it did.
            pass

    def _watch_switches(self, now_ms):
        """Whether a switch is on against the command: by its bit for a second, or by current."""
        wrong = (1 if self.charge_is_on else 0) | (2 if self.discharge_is_on else 0)
        wrong &= self._wanted ^ 3
        stuck = 0
        for switch in range(2):
            bit = 1 << switch
            if wrong & bit and not self._wrong & bit:
                self._wrong_ms[switch] = now_ms
            if wrong & bit and (now_ms - self._wrong_ms[switch]) & _TICKS > _MISMATCH_MS:
                stuck |= bit
            if self._leaks[switch] >= _MISMATCH_SCANS:
                stuck |= bit
        self._wrong = wrong
        self.switch_stuck = stuck

    def _watch_leak(self, switch, flows):
        if flows and not self._wanted >> switch & 1:
            self._leaks[switch] = min(self._leaks[switch] + 1, _MISMATCH_SCANS)
        else:
            self._leaks[switch] = 0

    # Balancing.

    def balance(self, bleed):
        """Bleed the cells whose byte in `bleed` is not zero; ends by itself after 20 s of cycles.

        Two neighbouring inputs at a time are refused: nothing is known of how they share.
        """
        if not self.configured:
            raise failure(NOT_CONFIGURED)
        mask = 0
        cell = 0
        for word in self._places:
            if bleed[cell]:
                mask |= 1 << word - _CELL1
            cell += 1
        if mask & mask >> 1:
            raise failure(UNSUPPORTED)
        self._bleed(mask)
        self._bleed_begins = True

    def _bleed(self, mask):
        self._bus.write_byte(_CBFC, mask)
        self._bleeding = mask
        self._bus.write_byte(_CTRL2, self._control())

    def _end_bleeding(self, now_ms):
        if self._bleed_begins:
            self._bleed_begins = False
            self._bleed_ms = now_ms
        elif self._bleeding and (now_ms - self._bleed_ms) & _TICKS >= _BLEED_LAPSE_MS:
            self._bleed(0)

    # Now and then.

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
            "guards": tuple(guards),
            "silence_ms": 0,
            "open_wire_ms": 0,
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
