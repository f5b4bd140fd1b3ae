"""BQ76952: measures up to 16 cells, current and temperatures, holds both switches, backs limits.

mV, mA (+ = charging), 0.1 degC, times in ms. read(), set_switches(), balance() and all_off() run
in the cycle and allocate nothing; configure() and verify() are slow tasks of slices below 5 ms.
"""

from array import array

from micropython import const

from vigil import kernels
from vigil.afe.bq76952_backstop import Backstop, highest_ma
from vigil.afe.bq76952_bring_up import bring_up, compare
from vigil.afe.bq76952_config import BLEED_LAPSE_S, USER_VOLT_MV, body_diode_ma, settings
from vigil.afe.bq76952_subcommands import Subcommands
from vigil.afe.bq76952_terminals import Terminals
from vigil.afe.bq76952_transfer import Transfer
from vigil.afe.bq76952_verbs import Verbs
from vigil.afe.errors import CHECK_FAILED, NOT_CONFIGURED, UNSUPPORTED, AfeError, failure
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

# Direct commands.
_SAFETY = const(0x02)  # alert and status of A, B, C in turn
_BATTERY_STATUS = const(0x12)
_CELL_1 = const(0x14)
_STACK_PACK_LD = const(0x34)
_CC2_CURRENT = const(0x3A)
_DIE_TEMP = const(0x68)
_ALARM_STATUS = const(0x62)
_TS1 = const(0x70)
_FET_STATUS = const(0x7F)

# Battery Status, low byte (CFGUPDATE, POR, WD) and high byte (PF, SLEEP).
_CFGUPDATE = const(0x01)
_POR = const(0x08)
_WD = const(0x10)
_PF = const(0x10)
_SLEEP = const(0x80)

# Alarm Status, low byte.
_FULLSCAN = const(0x80)
_ADSCAN = const(0x02)

# FET Status; precharge and predischarge carry the same current.
_CHARGE_ON = const(0x03)
_DISCHARGE_ON = const(0x0C)

# Subcommands with data.
_CB_ACTIVE_CELLS = const(0x0083)
_FET_CONTROL = const(0x0097)

# FET Control forces off: 0 DSG, 1 PDSG, 2 CHG, 3 PCHG. Not the order of FET Status.
_FORCE_DISCHARGE_OFF = const(0x03)
_FORCE_CHARGE_OFF = const(0x0C)

# Safety Status A, B, C.
_A_CUV = const(0x04)
_A_COV = const(0x08)
_A_OCC = const(0x10)
_A_OCD = const(0x60)
_A_SCD = const(0x80)
_B_CHARGE = const(0xF7)
_B_DISCHARGE = const(0xE6)
_C_COVL = const(0x10)
_C_OCD = const(0xA0)
_C_SCDL = const(0x40)
_C_PRECHARGE_TIMEOUT = const(0x04)  # never asked for
_C_HOST_WATCHDOG = const(0x02)

# A cell that moves further than this from one scan to the next is read twice.
_JUMP_MV = const(150)
_SAME_MV = const(20)
_HIGHEST_CELL_MV = const(5999)
_NEVER_MV = const(-100000)
_ZERO_CELSIUS = const(2731)  # 0.1 K; it is 2731.5, so this reads 0.05 K high
# A 10k thermistor is taken for broken below (open) and for shorted above these: no reading then.
_COLDEST_DC = const(-430)
_HOTTEST_DC = const(1500)
_TS_PINS = const(3)

_MISMATCH_MS = const(1000)
_MISMATCH_SCANS = const(16)
# Failed checks in a row after which the chip is brought up again even if it shows no reset.
_CHECKS_GIVEN_UP = const(20)
_TICKS = const(0x3FFFFFFF)


class Chosen:
    """The options, checked; without the code that did it."""


class Bq76952(Verbs, Terminals):
    """Voltages, current and switches of one chip.

    i2c: machine.I2C at `address`, or a transfer of another bus (bq76952_spi.SpiTransfer).
    both_off: pin with value(0) = both switches off (chip's DFETOFF), value(1) = allowed; None
    where the board has no such line: then only the bus and the chip's own watchdog open them.
    choices: see bq76952_options.
    """

    # Of the class: each attribute of the object makes finding the others dearer.
    bleeds_adjacent = False
    bleed_lapse_ms = BLEED_LAPSE_S * 1000

    def __init__(self, i2c, both_off, *, address=8, **choices):
        # Only for the start: main.py lets go of it.
        from vigil.afe.bq76952_options import Options

        checked = Options(**choices)
        options = self._options = Chosen()
        for name in checked.__dict__:
            setattr(options, name, getattr(checked, name))
        cells = options.cells
        shunt_uohm = options.shunt_uohm
        self.cell_count = cells
        self.temp_count = options.temps
        self.cells_period_ms = options.quick_period_ms
        self.current_period_ms = options.quick_period_ms
        self.stack_period_ms = options.slow_period_ms
        self.temps_period_ms = options.slow_period_ms
        self.board_period_ms = options.slow_period_ms
        # The chip's die, then the switches.
        self.board_temp_count = 1 + options.switch_temps
        self.open_lead_seen = False  # the chip's open-wire check, as of the last read
        self.switch_stuck = 0  # 1 charge, 2 discharge: on against the command
        self.power_path_fault = 0  # FETs have no pre-charge to fail
        self.configured = False
        self.applied = []
        self.charge_is_on = False
        self.discharge_is_on = False
        self.asleep = False  # the chip is in SLEEP, as of the last read
        self.sleep_allowed = False
        self.torn_reads = 0
        self.watchdog_trips = 0  # times that the chip has been seen to act on our silence
        self._host_was_silent = False
        self._safety_seen = 1  # by the pass before: any bit of the trips, as if there were one

        self._transfer = i2c if isinstance(i2c, Subcommands) else Transfer(i2c, address)
        # Its counters (retries, check_errors, no_answers) are for the status page. A property for
        # each would make every store to an attribute of ours ten times dearer.
        self.bus = self._transfer
        self._both_off = both_off
        self._image = []
        # Where each cell lies in a reading from the lowest used input to the highest.
        first = options.used[0]
        cells_bytes = 2 * (options.used[-1] - first + 1)
        self._cell_at = bytes([2 * (place - first) for place in options.used])
        self._temp_at = bytes([2 * pin - 2 for pin in options.temp_pins])
        # The thermistors of the switches lie behind those of the cells.
        self._switch_temp_at = bytes(
            [2 * (_TS_PINS + pin - 1) for pin in options.switch_temp_pins]
        )
        places = self._temp_at + self._switch_temp_at
        pins = (places[-1] >> 1) + 1 if places else 0
        self._thermistor_bytes = 2 * pins
        transfer = self._transfer
        self._status_reading = transfer.reading(_BATTERY_STATUS, 2)
        self._alarm_reading = transfer.reading(_ALARM_STATUS, 2)
        self._cells_reading = transfer.reading(_CELL_1 + 2 * first, cells_bytes)
        self._current_reading = transfer.reading(_CC2_CURRENT, 2)
        self._stack_reading = transfer.reading(_STACK_PACK_LD, 6)
        self._die_reading = transfer.reading(_DIE_TEMP, 2)
        self._temps_reading = transfer.reading(_TS1, 2 * pins)
        self._safety_reading = transfer.reading(_SAFETY, 6)
        self._fets_reading = transfer.reading(_FET_STATUS, 1)
        self._clearings = {
            scans: transfer.writing(_ALARM_STATUS, bytes([scans, 0]))
            for scans in (_ADSCAN, _FULLSCAN, _ADSCAN | _FULLSCAN)
        }
        self._accepted_mv = array("i", [_NEVER_MV] * cells)
        self._first_mv = array("i", [0] * cells)
        self._second_mv = array("i", [0] * cells)
        self._temps_dk = array("i", [0] * options.temps)  # 0.1 K
        self._current_ma = 0
        self._step_ma = 10  # of the current, as configured
        self._stack_limit_mv = (_HIGHEST_CELL_MV + 1) * cells
        self._assist_ma = body_diode_ma(shunt_uohm) // 2
        self._leak_ma = 4 * body_diode_ma(shunt_uohm)
        self._start_terminals(body_diode_ma(shunt_uohm))
        self._failed_checks = 0
        self._scans_due = 0
        self._charge_wanted = False
        self._discharge_wanted = False
        # Since when a switch has been on against the command; _wrong: 1 charge, 2 discharge.
        self._wrong = 0
        self._charge_wrong_ms = 0
        self._discharge_wrong_ms = 0
        # Scans in a row with current through a switch that is commanded off.
        self._charge_leaks = 0
        self._discharge_leaks = 0

    # Bring-up.

    def configure(self, requests):
        """Bring the chip from whatever state into ours; generator, at its end `configured`.

        requests: (backstop code, trip, delay_ms, release); raises AfeError.
        """
        self.configured = False
        self.all_off()
        self.charge_is_on = False
        self.discharge_is_on = False
        options = self._options
        backstop = self._backstop(requests)
        if options.open_wire_s:
            backstop.watch_open_wires()
        self._image = settings(
            backstop, options, self._transfer.comm_type, self._both_off is not None
        )
        self.applied = []
        self.sleep_allowed = False
        yield from bring_up(self._transfer, self._image, options.device_number)
        self._forget_measurements()
        self.applied = backstop.applied
        self._step_ma = backstop.step_ma
        self.configured = True

    def plan_backstop(self, requests):
        """What configure() would apply, without touching the chip; raises AfeError UNSUPPORTED."""
        return self._backstop(requests).applied

    def highest_ma(self, requests):
        """Currents beyond this all look alike, once configured with these requests."""
        return highest_ma(requests, self._options.shunt_uohm)

    def _backstop(self, requests):
        options = self._options
        return Backstop(requests, options.shunt_uohm, options.temps > 0, options.switch_temps > 0)

    def verify(self):
        """Generator: read the whole configuration again; READ_BACK_DIFFERS if it has changed."""
        if not self.configured:
            raise failure(NOT_CONFIGURED)
        yield from compare(self._transfer, self._image)

    def _forget_measurements(self):
        """Whatever was scanned with other settings is not a measurement."""
        for cell in range(self.cell_count):
            self._accepted_mv[cell] = _NEVER_MV
        self._current_ma = 0
        self._forget_terminals()
        self._wrong = 0
        self._charge_leaks = 0
        self._discharge_leaks = 0
        self.switch_stuck = 0
        self.open_lead_seen = False
        self._safety_seen = 1
        self._failed_checks = 0
        self._scans_due = 0
        self._transfer.send(self._clearings[_ADSCAN | _FULLSCAN])

    # The cycle.

    def read(self, sample, now_ms):
        """Bring what is new into the Sample; raises AfeError, and then nothing half-read is in."""
        self._doubt_terminals(sample, now_ms)
        if not self.configured:
            sample.front_end_fault |= FAULT_NOT_CONFIGURED
            raise failure(NOT_CONFIGURED)
        try:
            self._read(sample, now_ms)
            self._failed_checks = 0
        except AfeError as error:
            if error.code == CHECK_FAILED or self._transfer.hides_reset:
                self._consider_reset()
            if not self.configured:
                sample.front_end_fault |= FAULT_NOT_CONFIGURED
            raise

    def _read(self, sample, now_ms):
        transfer = self._transfer
        data = transfer.data
        transfer.take(self._status_reading)
        if data[0] & (_POR | _WD | _CFGUPDATE):
            # Settings are gone or not in force: units and gains are not ours, so nothing is read.
            self.configured = False
            internal = FAULT_INTERNAL if data[0] & _WD else 0
            sample.front_end_fault = FAULT_NOT_CONFIGURED | internal
            return
        fault = FAULT_INTERNAL if data[1] & _PF else 0
        self.asleep = data[1] & _SLEEP != 0
        transfer.take(self._alarm_reading)
        scans = data[0] & (_ADSCAN | _FULLSCAN)
        due = self._scans_due
        new_current = False
        if scans:
            # First clear, then read: a scan that ends in between is read again, never missed.
            # What fails to be read now stays due, or one lost transfer would cost a whole scan.
            due = self._scans_due = due | scans
            transfer.send(self._clearings[scans])
        if due & _ADSCAN and self._read_cells():
            self._read_current_and_publish(sample, now_ms)
            due = self._scans_due = due & _FULLSCAN
            new_current = True
        full_scan = due & _FULLSCAN
        if full_scan:
            self._read_stack_and_temps(sample, now_ms)
            self._scans_due = due & _ADSCAN
        transfer.take(self._safety_reading)
        seen = data[0] | data[1] | data[3] | data[5]
        if seen | self._safety_seen:
            # Once more when all is over, to take back what was noted.
            fault |= self._note_trips(sample)
            self._safety_seen = seen
        sample.front_end_fault = fault
        transfer.take(self._fets_reading)
        charge_on = self.charge_is_on = data[0] & _CHARGE_ON != 0
        discharge_on = self.discharge_is_on = data[0] & _DISCHARGE_ON != 0
        if not (self._charge_wanted and self._discharge_wanted):
            if new_current:
                self._watch_leaks()
            self._note_switches(charge_on, discharge_on, now_ms)
        if full_scan:
            self._look_at_terminals(sample, sample.values[sample.stack_at], now_ms)

    def _consider_reset(self):
        """A chip that has reset answers without check codes, so every check fails.

        The first byte of a reading is the same with and without them, and shows the reset.
        """
        self._failed_checks += 1
        if self._failed_checks >= _CHECKS_GIVEN_UP:
            self.configured = False
            return
        self._transfer.peek(_BATTERY_STATUS, 2)
        if self._transfer.data[0] & _POR:
            self.configured = False

    def _read_current_and_publish(self, sample, now_ms):
        transfer = self._transfer
        transfer.take(self._current_reading)
        data = transfer.data
        current_ma = (((data[0] | data[1] << 8) ^ 0x8000) - 0x8000) * self._step_ma
        self._current_ma = current_ma
        kernels.publish(
            sample.cell_values, self._accepted_mv, self.cell_count, 0, 0, _HIGHEST_CELL_MV
        )
        sample.values[sample.current_at] = current_ma
        sample.refresh(CELLS, now_ms)
        sample.refresh(CURRENT, now_ms)

    def _read_cells(self):
        """Read the cells into _accepted_mv; False if they cannot be believed this time.

        A register can be caught while the chip changes its two bytes. A cell that jumps is read
        again at once: a true jump reads the same, a torn value does not.
        """
        read = self._first_mv
        count = self.cell_count
        transfer = self._transfer
        transfer.take(self._cells_reading)
        kernels.unpack_words(read, transfer.data, self._cell_at, count)
        if kernels.differ(read, self._accepted_mv, count, _JUMP_MV):
            again = self._second_mv
            transfer.take(self._cells_reading)
            kernels.unpack_words(again, transfer.data, self._cell_at, count)
            if kernels.differ(again, read, count, _SAME_MV):
                self.torn_reads += 1
                return False
            self._second_mv = read
            read = again
        self._first_mv = self._accepted_mv
        self._accepted_mv = read
        return True

    def _read_stack_and_temps(self, sample, now_ms):
        transfer = self._transfer
        data = transfer.data
        values = sample.values
        transfer.take(self._stack_reading)
        # More than cells can add up to is no measurement; what is negative comes out so, too.
        stack_mv = (data[0] | data[1] << 8) * USER_VOLT_MV
        if stack_mv > self._stack_limit_mv:
            stack_mv = UNKNOWN
        self._pack_mv = (((data[2] | data[3] << 8) ^ 0x8000) - 0x8000) * USER_VOLT_MV
        self._ld_mv = (((data[4] | data[5] << 8) ^ 0x8000) - 0x8000) * USER_VOLT_MV
        transfer.take(self._die_reading)
        values[sample.board_at] = _temp_dc(data[0] | data[1] << 8)
        count = self.temp_count
        if self._thermistor_bytes:
            transfer.take(self._temps_reading)
            kernels.unpack_words(self._temps_dk, data, self._temp_at, count)
            kernels.publish(
                sample.temp_values, self._temps_dk, count, _ZERO_CELSIUS, _COLDEST_DC, _HOTTEST_DC
            )
            at = sample.board_at
            for place in self._switch_temp_at:
                at += 1
                values[at] = _temp_dc(data[place] | data[place + 1] << 8)
        sample.refresh(BOARD, now_ms)
        if count:
            sample.refresh(TEMPS, now_ms)
        values[sample.stack_at] = stack_mv
        sample.refresh(STACK, now_ms)

    def _mirrored(self):
        """Lowest and highest cell are neighbours, or but one: no pack drifts apart like that."""
        accepted = self._accepted_mv
        lowest = highest = 0
        for cell in range(1, self.cell_count):
            if accepted[cell] < accepted[lowest]:
                lowest = cell
            if accepted[cell] > accepted[highest]:
                highest = cell
        return -2 <= highest - lowest <= 2

    def _note_trips(self, sample):
        """Set the trip masks from the chip's own protections; returns fault bits."""
        data = self._transfer.data
        # The check has no flag of its own: what it moves at a broken lead reaches both limits.
        beyond_a = data[0] | data[1]
        both = beyond_a & _A_CUV and beyond_a & _A_COV
        self.open_lead_seen = bool(both) and self._mirrored()
        status_a = data[1]
        status_b = data[3]
        status_c = data[5]
        charge = 0
        discharge = 0
        if status_a & _A_COV or status_c & _C_COVL:
            charge |= CHARGE_TRIP_OVER_VOLTAGE
        if status_a & _A_OCC:
            charge |= CHARGE_TRIP_OVER_CURRENT
        if status_b & _B_CHARGE:
            charge |= CHARGE_TRIP_TEMPERATURE
        if status_a & _A_CUV:
            discharge |= DISCHARGE_TRIP_UNDER_VOLTAGE
        if status_a & _A_OCD or status_c & _C_OCD:
            discharge |= DISCHARGE_TRIP_OVER_CURRENT
        if status_a & _A_SCD or status_c & _C_SCDL:
            discharge |= DISCHARGE_TRIP_SHORT_CIRCUIT
        if status_b & _B_DISCHARGE:
            discharge |= DISCHARGE_TRIP_TEMPERATURE
        sample.front_end_charge_trip = charge
        sample.front_end_discharge_trip = discharge
        # The chip forgets its watchdog's trip as soon as it is spoken to, perhaps before this.
        host_was_silent = status_c & _C_HOST_WATCHDOG != 0
        if host_was_silent and not self._host_was_silent:
            self.watchdog_trips += 1
        self._host_was_silent = host_was_silent
        return FAULT_INTERNAL if status_c & (_C_HOST_WATCHDOG | _C_PRECHARGE_TIMEOUT) else 0

    # Switches.

    def set_switches(self, charge, discharge):
        """Turn each switch on or off; both off also pulls the direct line, before the bus."""
        if not charge and not discharge:
            self.all_off()
        if not self.configured:
            if charge or discharge:
                raise failure(NOT_CONFIGURED)
            return
        self._force_off(
            (0 if charge else _FORCE_CHARGE_OFF) | (0 if discharge else _FORCE_DISCHARGE_OFF)
        )
        self._charge_wanted = bool(charge)
        self._discharge_wanted = bool(discharge)
        if charge and discharge:
            # Nothing can be on, or conduct, against this command.
            self._wrong = 0
            self._charge_leaks = 0
            self._discharge_leaks = 0
            self.switch_stuck = 0
        if charge or discharge:
            if self._both_off is not None:
                self._both_off.value(1)

    def all_off(self):
        """Both switches off by the direct line, with or without a bus; else by the bus, if it
        lives."""
        self._charge_wanted = False
        self._discharge_wanted = False
        try:
            if self._both_off is not None:
                self._both_off.value(0)
            elif self.configured:
                self._force_off(_FORCE_CHARGE_OFF | _FORCE_DISCHARGE_OFF)
        except Exception:
            # The last resort must not fail its caller; the read-back shows what it did.
            pass

    def _force_off(self, mask):
        self._transfer.payload[2] = mask
        self._transfer.write_block(_FET_CONTROL, 1)

    def _note_switches(self, charge_on, discharge_on, now_ms):
        """Compare what the switches do with the command."""
        # Numbered cases for a switch that is on against the command:
        # 1 current flows the other way: the chip spares its body diode, no fault;
        # 2 it lasts less than a second: the chip is still switching; 3 mismatch.
        charge_wrong = (
            charge_on
            and not self._charge_wanted
            and not (discharge_on and self._current_ma <= 0 - self._assist_ma)
        )
        discharge_wrong = (
            discharge_on
            and not self._discharge_wanted
            and not (charge_on and self._current_ma >= self._assist_ma)
        )
        if charge_wrong and not self._wrong & 1:
            self._charge_wrong_ms = now_ms
        if discharge_wrong and not self._wrong & 2:
            self._discharge_wrong_ms = now_ms
        self._wrong = (1 if charge_wrong else 0) | (2 if discharge_wrong else 0)
        stuck = 0
        if charge_wrong and (now_ms - self._charge_wrong_ms) & _TICKS > _MISMATCH_MS:
            stuck |= 1
        if discharge_wrong and (now_ms - self._discharge_wrong_ms) & _TICKS > _MISMATCH_MS:
            stuck |= 2
        if self._charge_leaks >= _MISMATCH_SCANS:
            stuck |= 1
        if self._discharge_leaks >= _MISMATCH_SCANS:
            stuck |= 2
        self.switch_stuck = stuck

    def _watch_leaks(self):
        """Current through a switch that is commanded off: FET Status shows only its driver."""
        if self._current_ma >= self._leak_ma and not self._charge_wanted:
            self._charge_leaks = min(self._charge_leaks + 1, _MISMATCH_SCANS)
        else:
            self._charge_leaks = 0
        if self._current_ma <= 0 - self._leak_ma and not self._discharge_wanted:
            self._discharge_leaks = min(self._discharge_leaks + 1, _MISMATCH_SCANS)
        else:
            self._discharge_leaks = 0

    # Balancing.

    def balance(self, bleed):
        """Bleed the cells whose byte in `bleed` is not zero; lapses after bleed_lapse_ms.

        Two neighbouring inputs at a time are refused, and then no cell bleeds.
        """
        if not self.configured:
            raise failure(NOT_CONFIGURED)
        # The chip's mask follows its inputs, not the cells.
        mask = 0
        used = self._options.used
        for cell in range(self.cell_count):
            if bleed[cell]:
                mask |= 1 << used[cell]
        refused = mask & mask >> 1
        if refused:
            mask = 0
        payload = self._transfer.payload
        payload[2] = mask & 0xFF
        payload[3] = mask >> 8
        self._transfer.write_block(_CB_ACTIVE_CELLS, 2)
        if refused:
            raise failure(UNSUPPORTED)


def _temp_dc(tenth_k):
    temp_dc = tenth_k - _ZERO_CELSIUS
    return temp_dc if _COLDEST_DC <= temp_dc <= _HOTTEST_DC else UNKNOWN
