"""ISL94202: 3 to 8 cells, current, temperatures, both switches, a backstop that works alone.

mV, mA (+ = charging), 0.1 degC, times in ms. read(), set_switches(), balance() and all_off() run
in the cycle and allocate nothing. docs/isl94202.md says why all of this is so.
"""

from array import array

from micropython import const

from vigil.afe.errors import NOT_CONFIGURED, AfeError, failure
from vigil.afe.isl94202_bus import Bus
from vigil.afe.isl94202_settings import Options, code_mv, die_dc
from vigil.afe.isl94202_switching import BLEED_LAPSE_MS, Switching
from vigil.afe.isl94202_verbs import EOC_LOW, Verbs
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

_EOC = const(0x0C)
_STAT0 = const(0x80)

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
_CG = const(0x30)
_CHARGE_ON = const(0x02)
_DISCHARGE_ON = const(0x01)
_MODES = const(0x0F)
# All of CTRL2 that is the host's, but what may end by itself: the lead test, the bleeding.
_HOST = const(0x7C)

_RAIL = const(0xFFF)
# With this no cell raises VEOC.
_EOC_HIGH = const(0xFFF)

# Proof of a new scan takes up to two cycles of 250 ms.
_PERIOD_MS = const(500)
_READS_GIVEN_UP = const(8)
_TICKS = const(0x3FFFFFFF)


class Isl94202(Switching, Verbs):
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
        self.bleed_lapse_ms = BLEED_LAPSE_MS  # by this driver: the chip bleeds on
        self.unproven = 0  # reads that nothing proved to be of a new scan

        self._bus = Bus(i2c, address, options.burst_bytes, _STATE_BYTES)
        self.bus = self._bus  # its counters, as of every front end
        self._state_cuts = self._bus.cuts(_STAT0, _STATE_BYTES)
        self._places = bytes([_CELL1 + number - 1 for number in options.inputs])
        self._codes = array("H", [0] * _WORDS)
        self._has_lived = False
        self._lived_ms = 0
        self._asked = -1  # what VEOC shall become; -1 nothing
        self._failed_reads = 0
        self._start_verbs()
        self._start_switching(both_off)

    # The cycle.

    def _forget_measurements(self):
        """The first codes after a bring-up are new to us, and prove nothing."""
        self._has_lived = False
        self._asked = -1
        self._failed_reads = 0

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
        if not self._wanted and not self._off_is_written:
            # The bus was dead when it was told; the line holds them off meanwhile.
            self._write_off()
        self._follow_trips(data, sample)
        if self._is_new(data, now_ms):
            self._publish(data, sample, now_ms)
        else:
            self.unproven += 1
        self._watch_switches(now_ms)
        self._end_bleeding(now_ms)

    def _is_foreign(self, data):
        return (
            (data[7] ^ self._control()) & _HOST
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
        if not self._has_lived:
            self._has_lived = True
            self._lived_ms = now_ms
        elif moved or answered:
            self._lived_ms = now_ms
            return True
        return (now_ms - self._lived_ms) & _TICKS < self._options.still_ms

    def _ask(self, flag):
        word = EOC_LOW if flag else _EOC_HIGH
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
        self._watch_leak(0, _CHARGE_ON, current_ma != UNKNOWN and current_ma >= self._leak_ma)
        self._watch_leak(1, _DISCHARGE_ON, current_ma <= 0 - self._leak_ma)

    def _current_ma(self, code, status):
        """At full scale it is at least that, which is beyond every limit."""
        direction = status & (_CHARGING | _DISCHARGING)
        if not direction:
            return 0
        if direction == _CHARGING | _DISCHARGING:
            return UNKNOWN
        parts = self._parts_of_ma
        size_ma = (code * self._step + parts // 2) // parts
        if direction == _DISCHARGING:
            size_ma = 0 - size_ma
        return size_ma * self._options.charge_sign
