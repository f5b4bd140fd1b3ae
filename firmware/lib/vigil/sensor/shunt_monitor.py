"""What shunt monitors have in common: bring-up, limits behind the alert, the cycle's reading.

mA (+ = charging), shunt in uOhm, times in ms. These chips have no check codes. A calibration of
exactly 1 makes the registers of current and of shunt voltage equal: reading both is the check.
"""

import time

from micropython import const

from vigil.afe.errors import (
    CHECK_FAILED,
    NO_ANSWER,
    NOT_CONFIGURED,
    READ_BACK_DIFFERS,
    SELF_TEST_FAILED,
    TIMED_OUT,
    UNSUPPORTED,
    WRONG_DEVICE,
    AfeError,
    failure,
)
from vigil.limits import BACKSTOP_CHARGE_CURRENT, BACKSTOP_DISCHARGE_CURRENT
from vigil.sample import (
    CHARGE_TRIP_OVER_CURRENT,
    CURRENT,
    DISCHARGE_TRIP_OVER_CURRENT,
    FAULT_INTERNAL,
    FAULT_NOT_CONFIGURED,
    UNKNOWN,
)

# What look() has seen.
NEW = const(1)  # a conversion since the look before
HIGH = const(2)  # beyond the alert's limit of positive shunt voltage
LOW = const(4)
NO_NUMBER = const(8)  # the chip could not calculate
BROKEN = const(16)
LOST = const(32)  # its settings are not ours

# Limits of the alert as the chips count them, signed; at the ends they guard nothing.
HIGHEST = const(0x7FFF)
LOWEST = const(0 - 0x8000)
# Where a limit is still clearly within what can be measured.
_LARGEST_LIMIT = const(0x7F00)

_RESET_US = const(1000)
_FIRST_CONVERSIONS = const(20)  # so many times its period may pass
# An alert is told for this long, so that the row that opens has its own delays.
_TELL_MS = const(1000)
# An alert waits for nothing, so it stands clearly further out than the severe limits.
_MARGIN_PERCENT = const(25)
# Of two codes that the chip works out from one conversion.
_ROUNDING = const(2)
_LEAST_UOHM = const(10)
_MOST_UOHM = const(1000000)
_TICKS = const(0x3FFFFFFF)


class ShuntMonitor:
    """The current part of a front end; its chips are Ina228 and Ina226.

    A chip brings what is declared here, and choose_range(nv), divisor(), settings(armed) and
    limit_settings(high, low) -> [(register, value)], armed_flags(); look() and code(buffer), which
    allocate nothing.
    """

    identity: tuple  # (register, shift, value) ...
    reset: tuple  # (register, value)
    width: int  # bytes of a reading
    voltage: int  # register, as is `current`
    current: int
    numerator: int
    limit_nv: int  # a limit's step
    period_ms: int
    alert_ms: int
    guards_charge: bool
    guards_discharge: bool

    def __init__(self, i2c, address, shunt_uohm, charge_negative, alert, alert_cuts, read_twice):
        if not _LEAST_UOHM <= shunt_uohm <= _MOST_UOHM:
            raise AfeError(UNSUPPORTED)
        self._i2c = i2c
        self._address = address
        # Fractions of a uOhm count, for big shunts have but a few tens of them.
        self.shunt_nohm = int(shunt_uohm * 1000 + 0.5)
        self._sign = -1 if charge_negative else 1
        self._alert = alert
        self._alert_cuts = alert_cuts
        self._read_twice = read_twice
        self._word = bytearray(2)
        self._first = bytearray(self.width)
        self._second = bytearray(self.width)
        # mA = code * numerator / divisor.
        self._divisor = 1
        self._written = []
        self._high = HIGHEST
        self._low = LOWEST
        self._tripped = False
        self._charge_trip = 0
        self._discharge_trip = 0
        self._tripped_ms = 0
        self.configured = False
        self.applied = []
        self.current_period_ms = self.period_ms
        self.alerts = 0
        self.retries = 0
        self.no_answers = 0
        self.check_errors = 0
        self.settings_lost = 0

    # Registers.

    def read_word(self, register):
        """Sixteen bits, highest first; tried twice."""
        word = self._word
        self.read_into(register, word)
        return word[0] << 8 | word[1]

    def read_into(self, register, into):
        try:
            self._i2c.readfrom_mem_into(self._address, register, into)
            return
        except OSError:
            self.no_answers += 1
            self.retries += 1
        try:
            self._i2c.readfrom_mem_into(self._address, register, into)
        except OSError:
            self.no_answers += 1
            raise failure(NO_ANSWER)

    def write_word(self, register, value):
        self._word[0] = value >> 8 & 0xFF
        self._word[1] = value & 0xFF
        try:
            self._i2c.writeto_mem(self._address, register, self._word)
        except OSError:
            self.no_answers += 1
            raise failure(NO_ANSWER)

    # Bring-up.

    def configure(self, requests):
        """Generator; at its end `configured`. requests: (backstop code, trip, delay, release).

        The contactors are open meanwhile: the alert is made to speak once.
        """
        self.configured = False
        self.applied = []
        self._tripped = False
        for register, shift, value in self.identity:
            if self.read_word(register) >> shift != value:
                raise failure(WRONG_DEVICE)
        yield
        self.write_word(self.reset[0], self.reset[1])
        time.sleep_us(_RESET_US)
        self._high, self._low, backed = self._plan(requests)
        self._divisor = self.divisor()
        # With its ends exchanged every value lies beyond the alert's limits.
        armed = bool(backed)
        settings = self.settings(armed)
        for register, value in settings:
            self.write_word(register, value)
        if armed:
            self._write_limits(LOWEST, HIGHEST)
        yield from self._first_conversion(armed)
        self._write_limits(self._high, self._low)
        self._written = settings + self.limit_settings(self._high, self._low)
        # Takes the test back.
        self.look()
        yield
        for _ in self._compare():
            yield
        if self._alert_stands():
            raise failure(SELF_TEST_FAILED)
        self.applied = backed
        self.configured = True

    def _first_conversion(self, armed):
        """Generator: until there is one; if armed, every limit and the alert's wire must show."""
        begun_ms = time.ticks_ms()
        while True:
            yield
            waited_ms = (time.ticks_ms() - begun_ms) & _TICKS
            # Looking takes the alert back, so its wire comes first.
            stands = self._alert_stands()
            seen = self.look()
            if seen & NEW:
                break
            if waited_ms > _FIRST_CONVERSIONS * self.period_ms:
                raise failure(TIMED_OUT)
        if not armed:
            return
        # The conversion that ends between the two looks sets them again.
        wanted = self.armed_flags()
        begun_ms = time.ticks_ms()
        while seen & wanted != wanted or not (stands or self._alert is None):
            if (time.ticks_ms() - begun_ms) & _TICKS > _FIRST_CONVERSIONS * self.period_ms:
                raise failure(SELF_TEST_FAILED)
            yield
            stands = self._alert_stands()
            seen = self.look()

    def _write_limits(self, high, low):
        for register, value in self.limit_settings(high, low):
            self.write_word(register, value)

    def _alert_stands(self):
        return self._alert is not None and self._alert.value() == 0

    def plan_backstop(self, requests):
        """What configure() would apply, without touching the chip."""
        return self._plan(requests)[2]

    def verify(self):
        """Generator: READ_BACK_DIFFERS if any setting is not what we wrote."""
        if not self.configured:
            raise failure(NOT_CONFIGURED)
        yield from self._compare()

    def _compare(self):
        for register, value in self._written:
            if self.read_word(register) != value & 0xFFFF:
                raise failure(READ_BACK_DIFFERS)
            yield

    # Limits behind the alert.

    def _plan(self, requests):
        """(limits of positive and of negative shunt voltage, what they amount to)."""
        charge_nv = self._wanted_nv(requests, BACKSTOP_CHARGE_CURRENT, 1)
        discharge_nv = self._wanted_nv(requests, BACKSTOP_DISCHARGE_CURRENT, -1)
        # Whatever cuts: what cannot be measured cannot be judged either.
        self.choose_range(max(charge_nv, discharge_nv))
        limit_nv = self.limit_nv
        charge = _ceil(charge_nv, limit_nv)
        discharge = _ceil(discharge_nv, limit_nv)
        if max(charge, discharge) > _LARGEST_LIMIT:
            raise AfeError(UNSUPPORTED)
        if not self._alert_cuts or not self.guards_charge:
            charge = 0
        if not self._alert_cuts or not self.guards_discharge:
            discharge = 0
        backed = []
        if charge:
            applied_ma = charge * limit_nv * 1000 // self.shunt_nohm
            backed.append((BACKSTOP_CHARGE_CURRENT, applied_ma, self.alert_ms))
        if discharge:
            applied_ma = discharge * limit_nv * 1000 // self.shunt_nohm
            backed.append((BACKSTOP_DISCHARGE_CURRENT, 0 - applied_ma, self.alert_ms))
        if self._sign < 0:
            charge, discharge = discharge, charge
        return charge or HIGHEST, 0 - discharge or LOWEST, backed

    def _wanted_nv(self, requests, code, sign):
        """Shunt voltage, at least, of the alert for the highest level asked; 0 if none is."""
        trips = [sign * request[1] for request in requests if request[0] == code]
        if not trips:
            return 0
        if min(trips) <= 0:
            # A limit of the wrong sign would guard nothing.
            raise AfeError(UNSUPPORTED)
        wide = max(trips) * (100 + _MARGIN_PERCENT)
        return _ceil(wide * self.shunt_nohm, 100000)

    # The cycle.

    @property
    def cut(self):
        """The alert has taken the coils' current away, just now or a moment ago."""
        return self._alert_cuts and (self._tripped or self._alert_stands())

    def read(self, sample, now_ms):
        """Bring a new current into the Sample; raises AfeError, and then nothing is written."""
        if not self.configured:
            sample.front_end_fault |= FAULT_NOT_CONFIGURED
            raise failure(NOT_CONFIGURED)
        if self._alert_cuts and self._alert_stands():
            # Looking takes the alert back, and tells which it was.
            self._note(True, True, now_ms)
        seen = self.look()
        if seen & LOST:
            # Or a disturbed transfer.
            self.retries += 1
            seen = self.look()
            if seen & LOST:
                self.configured = False
                self.settings_lost += 1
                sample.front_end_fault |= FAULT_NOT_CONFIGURED
                raise failure(NOT_CONFIGURED)
        if seen & BROKEN:
            sample.front_end_fault |= FAULT_INTERNAL
        if seen & (HIGH | LOW) and self._alert_cuts:
            charge = HIGH if self._sign > 0 else LOW
            self._note(seen & charge != 0, seen & (charge ^ HIGH ^ LOW) != 0, now_ms)
        self._tell(sample, now_ms)
        if seen & NEW:
            # First read, then write: one that fails leaves the old value to its age.
            current_ma = UNKNOWN if seen & NO_NUMBER else self._current_ma()
            sample.values[sample.current_at] = current_ma
            sample.refresh(CURRENT, now_ms)

    def _current_ma(self):
        voltage = self._read_code(self.voltage, self._first)
        if self._read_twice and not self._agrees(voltage):
            # A conversion may have ended in between, but not a second time so soon.
            self.check_errors += 1
            voltage = self._read_code(self.voltage, self._first)
            if not self._agrees(voltage):
                raise failure(CHECK_FAILED)
        divisor = self._divisor
        return self._sign * ((voltage * self.numerator + (divisor >> 1)) // divisor)

    def _read_code(self, register, buffer):
        self.read_into(register, buffer)
        return self.code(buffer)

    def _agrees(self, voltage):
        apart = self._read_code(self.current, self._second) - voltage
        return 0 - _ROUNDING <= apart <= _ROUNDING

    def _note(self, charge, discharge, now_ms):
        if not self._tripped:
            self.alerts += 1
        self._tripped = True
        self._charge_trip = CHARGE_TRIP_OVER_CURRENT if charge else 0
        self._discharge_trip = DISCHARGE_TRIP_OVER_CURRENT if discharge else 0
        self._tripped_ms = now_ms

    def _tell(self, sample, now_ms):
        """Beside what other parts of the front end tell; taken back once."""
        if not self._tripped:
            return
        if (now_ms - self._tripped_ms) & _TICKS < _TELL_MS:
            sample.front_end_charge_trip |= self._charge_trip
            sample.front_end_discharge_trip |= self._discharge_trip
        else:
            self._tripped = False
            sample.front_end_charge_trip &= self._charge_trip ^ 0xFF
            sample.front_end_discharge_trip &= self._discharge_trip ^ 0xFF


def _ceil(number, divisor):
    return -(-number // divisor)
