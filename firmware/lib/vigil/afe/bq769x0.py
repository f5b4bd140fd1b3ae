"""BQ76920, BQ76930, BQ76940: up to 15 cells, current, temperatures, both switches, a backstop.

mV, mA (+ = charging), 0.1 degC, times in ms. read(), set_switches(), balance() and all_off() run
in the cycle and allocate nothing; configure() and verify() are slow tasks of slices below 5 ms.
"""

from micropython import const

from vigil.afe import bq769x0_bring_up as bring_up
from vigil.afe.bq769x0_backstop import Backstop
from vigil.afe.bq769x0_conversions import Conversions
from vigil.afe.bq769x0_options import Options
from vigil.afe.bq769x0_switching import Switching
from vigil.afe.bq769x0_temperatures import PERIOD_MS as TEMPERATURES_PERIOD_MS
from vigil.afe.bq769x0_transfer import Transfer
from vigil.afe.bq769x0_trips import Trips
from vigil.afe.bq769x0_verbs import Verbs
from vigil.afe.errors import NOT_CONFIGURED, UNSUPPORTED, AfeError, failure
from vigil.sample import FAULT_INTERNAL, FAULT_NOT_CONFIGURED

_SYS_STAT = const(0x00)
_CELLBAL1 = const(0x01)
_SYS_CTRL1 = const(0x04)

_CC_READY = const(0x80)
_XREADY = const(0x20)

# SYS_CTRL1 with its shutdown bits, SYS_CTRL2 with its kinds of measurement.
_ADC_MASK = const(0x17)
_ADC_EN = const(0x10)
_CC_MASK = const(0xE0)
_CC_EN = const(0x40)
_CHARGE_ON = const(0x01)
_DISCHARGE_ON = const(0x02)

_USUAL_GAIN_UV = const(382)
# 250 ms by a clock that may be 3.5 % slow.
_PERIOD_MS = const(260)
# Bleeding that nobody renews is ended by this driver, for the chip never does.
_BLEED_LAPSE_MS = const(20000)
_READS_GIVEN_UP = const(20)
_TICKS = const(0x3FFFFFFF)


class Bq769x0(Switching, Verbs):
    """One chip at its 7-bit address (parts 06 and 07: 0x18, all others 0x08).

    both_off: pin with value(0) = both gate drivers held off by the board, value(1) = allowed; the
    chip has no such input, and None means that only the bus can open the switches.
    wake: pin that pulls TS1 up while value(1), for booting out of SHIP; None = by hand only.
    alert: pin that shows ALERT; a look at a chip that has nothing to tell is then cheaper.
    choices: see bq769x0_options.
    """

    def __init__(self, i2c, *, address=8, both_off=None, wake=None, alert=None, **choices):
        options = self._options = Options(**choices)
        self.cell_count = options.cells
        self.temp_count = len(options.thermistors)
        self.board_temp_count = 1  # the hottest of the dies, one in each group of five cells
        self.open_lead_seen = False  # the chip has no test for broken sense leads
        self.power_path_fault = 0  # FETs have no pre-charge to fail
        self.cells_period_ms = _PERIOD_MS
        self.current_period_ms = _PERIOD_MS
        self.stack_period_ms = _PERIOD_MS
        self.temps_period_ms = TEMPERATURES_PERIOD_MS
        self.board_period_ms = TEMPERATURES_PERIOD_MS
        self.bleeds_adjacent = False
        self.bleed_lapse_ms = _BLEED_LAPSE_MS
        self.configured = False
        self.applied = []
        self.found = None  # bring_up.Found of the latest bring-up
        self.gain_uv = 0
        self.offset_mv = 0
        self.link_losses = 0  # times that the link to an upper group was lost

        self._transfer = Transfer(i2c, address, options.check_codes)
        self.bus = self._transfer  # its counters, as of every front end
        self._wake = wake
        self._alert = alert
        self._passed_over = False
        self._shut_down = False
        self._shut_down_ms = None
        self._image = b""
        self._trips = Trips(options.load_detect)
        self._conversions = Conversions(self._transfer, options)
        self._places = bytes([number - 1 for number in options.inputs])
        self._due = False
        self._failed_reads = 0
        self._link_lost = False
        self._link_ms = 0
        self._bleeding = bytearray(options.groups)
        self._bleed_begins = False
        self._bleed_ms = 0
        self._start_switching(both_off)

    # Counters of the bus, for the status page.

    @property
    def retries(self):
        return self._transfer.retries

    @property
    def check_errors(self):
        return self._transfer.check_errors

    @property
    def no_answers(self):
        return self._transfer.no_answers

    @property
    def torn_reads(self):
        return self._conversions.torn_reads

    @property
    def stuck_conversions(self):
        return self._conversions.stuck

    # Bring-up.

    def configure(self, requests):
        """Bring the chip from whatever state into ours; generator, at its end `configured`.

        requests: (backstop code, trip, delay_ms, release); raises AfeError.
        """
        self.configured = False
        self.applied = []
        self.all_off()
        transfer = self._transfer
        options = self._options
        wake = None if self._shut_down else self._wake
        self.found = yield from bring_up.find(transfer, wake, self._shut_down_ms)
        self._shut_down = False
        self._shut_down_ms = None
        yield from bring_up.quieten(transfer, options.groups)
        self._forget_switching()
        self.gain_uv, self.offset_mv = yield from bring_up.read_calibration(transfer)
        backstop = self._backstop(requests)
        # Begin with the kind of temperature that the chip has not been measuring: whatever is in
        # the registers then moves when the first conversion is there.
        self._conversions.temperatures.begin(not self.found.of_cells)
        self._image = yield from bring_up.set_up(transfer, backstop, options.first_cells_ms)
        self._forget_measurements()
        self._trips.brought_up(backstop.over_release_mv, backstop.under_release_mv)
        self.applied = backstop.applied
        self.configured = True

    def plan_backstop(self, requests):
        """What configure() would apply, without touching the chip; raises AfeError UNSUPPORTED.

        Voltages follow the chip's own steps: those of its latest bring-up, before that usual ones.
        """
        return self._backstop(requests).applied

    def _backstop(self, requests):
        gain_uv = self.gain_uv or _USUAL_GAIN_UV
        return Backstop(requests, gain_uv, self.offset_mv, self._options.shunt_uohm)

    def verify(self):
        """Generator: read the whole configuration again; READ_BACK_DIFFERS if it has changed."""
        if not self.configured:
            raise failure(NOT_CONFIGURED)
        yield from bring_up.compare(self._transfer, self._image)
        yield from bring_up.compare_balancing(self._transfer, self._bleeding)
        yield from bring_up.compare_calibration(self._transfer, self.gain_uv, self.offset_mv)

    def _forget_measurements(self):
        self._conversions.forget(self.gain_uv, self.offset_mv)
        for group in range(len(self._bleeding)):
            self._bleeding[group] = 0
        self._due = False
        self._failed_reads = 0
        self._link_lost = False

    # The cycle.

    def read(self, sample, now_ms):
        """Bring what is new into the Sample; raises AfeError, and then nothing half-read is in."""
        if not self.configured:
            sample.front_end_fault |= FAULT_NOT_CONFIGURED
            raise failure(NOT_CONFIGURED)
        if self._alert is not None and not self._passed_over and not self._alert.value():
            # Not even a conversion has ended. A second such look goes to the chip: it may have
            # reset, or the wire may be off.
            self._passed_over = True
            return
        self._passed_over = False
        try:
            self._read(sample, now_ms)
            self._failed_reads = 0
        except AfeError:
            # A chip that fell into SHIP answers nothing until it is woken.
            self._failed_reads += 1
            if self._failed_reads >= _READS_GIVEN_UP:
                self.configured = False
                sample.front_end_fault |= FAULT_NOT_CONFIGURED
            raise

    def _read(self, sample, now_ms):
        transfer = self._transfer
        data = transfer.data
        transfer.read(_SYS_STAT, 1)
        status = data[0]
        transfer.read(_SYS_CTRL1, 2)
        control = data[0]
        switches = data[1]
        self.charge_is_on = bool(switches & _CHARGE_ON)
        self.discharge_is_on = bool(switches & _DISCHARGE_ON)
        if control & _ADC_MASK != _ADC_EN or switches & _CC_MASK != _CC_EN:
            # The chip has reset: factors and thresholds are still right, measuring is not.
            self.configured = False
            sample.front_end_fault = FAULT_NOT_CONFIGURED
            return
        if status & _XREADY or self._link_lost:
            self._nurse_link(status, sample, now_ms)
            return
        if status & _CC_READY:
            # First clear, then read: a conversion that ends in between is read again, never
            # missed. What fails to be read now stays due.
            self._due = True
            transfer.write_byte(_SYS_STAT, _CC_READY)
        conversions = self._conversions
        if self._due and conversions.read(sample, control, now_ms):
            self._due = False
            self._watch_leaks(conversions.current_ma)
        handled = self._trips.follow(status, conversions.cells_mv, sample, now_ms)
        if handled:
            # Only what has been dealt with; if it still stands, the next look shows it again.
            transfer.write_byte(_SYS_STAT, handled)
        self._watch_switches(now_ms)
        self._look_for_load(control, now_ms)
        self._trips.load_seen = self._load_seen
        sample.load_seen = self._load_seen
        sample.charger_seen = -1
        self._end_bleeding(now_ms)

    def _nurse_link(self, status, sample, now_ms):
        """DEVICE_XREADY: an upper group cannot be reached, and the chip has opened both switches.

        Its registers may show 0 meanwhile, so nothing is believed. Cleared every few seconds;
        when it stays clear, everything is set up anew.
        """
        if not status & _XREADY:
            self._link_lost = False
            self.configured = False
            sample.front_end_fault = FAULT_NOT_CONFIGURED
            return
        sample.front_end_fault = FAULT_INTERNAL
        self._due = False
        if not self._link_lost:
            self._link_lost = True
            self._link_ms = now_ms
            self.link_losses += 1
        elif (now_ms - self._link_ms) & _TICKS >= bring_up.XREADY_WAIT_MS:
            self._link_ms = now_ms
            self._transfer.write_byte(_SYS_STAT, _XREADY)

    # Balancing.

    def balance(self, bleed):
        """Bleed the cells whose byte in `bleed` is not zero; ends by itself after 20 s of cycles.

        Two neighbouring inputs of one group of five at a time are refused, and then no cell
        bleeds: the chip would take them.
        """
        if not self.configured:
            raise failure(NOT_CONFIGURED)
        mask = 0
        cell = 0
        for place in self._places:
            if bleed[cell]:
                mask |= 1 << place
            cell += 1
        groups = len(self._bleeding)
        transfer = self._transfer
        payload = transfer.payload
        refused = False
        for group in range(groups):
            bits = mask >> 5 * group & 0x1F
            if bits & bits >> 1:
                refused = True
            payload[group] = bits
        if refused:
            for group in range(groups):
                payload[group] = 0
        transfer.write(_CELLBAL1, groups)
        for group in range(groups):
            self._bleeding[group] = payload[group]
        self._bleed_begins = True
        if refused:
            raise failure(UNSUPPORTED)

    def _end_bleeding(self, now_ms):
        if self._bleed_begins:
            self._bleed_begins = False
            self._bleed_ms = now_ms
        elif (now_ms - self._bleed_ms) & _TICKS >= _BLEED_LAPSE_MS:
            self._bleed_ms = now_ms
            bleeding = self._bleeding
            payload = self._transfer.payload
            any_on = 0
            for group in range(len(bleeding)):
                any_on |= bleeding[group]
                payload[group] = 0
            if any_on:
                self._transfer.write(_CELLBAL1, len(bleeding))
                for group in range(len(bleeding)):
                    bleeding[group] = 0
