"""BQ76952 settings image, and the backstop requests rounded to what the chip can do.

Runs at bring-up only. mV, mA (+ = charging), ms, shunt in uOhm; threshold steps are the chip's.
"""

import struct

from micropython import const

from vigil.afe.errors import UNSUPPORTED, AfeError
from vigil.limits import (
    BACKSTOP_CELL_OVER_VOLTAGE,
    BACKSTOP_CELL_UNDER_VOLTAGE,
    BACKSTOP_CHARGE_CURRENT,
    BACKSTOP_DISCHARGE_CURRENT,
    BACKSTOP_NONE,
    BACKSTOP_SHORT_CIRCUIT,
)

COMM_TYPE = const(0x9239)
FET_OPTIONS = const(0x9308)
I2C_FAST_CRC = const(0x12)
# Blocked after a reset (0x20), controlled by chip and host together (0x0C), in series (0x01).
FETS_BLOCKED_AT_RESET = const(0x2D)
BLEED_LAPSE_S = const(20)
# One step of stack voltage and current (DA config below).
USER_VOLT_MV = const(10)
USER_AMP_MA = const(10)

# The chip's capacity gain is its current gain times this, by definition.
_CAPACITY_PER_CURRENT_GAIN = 298261.6178

# Enabled Protections A, and C.
_SCD = const(0x80)
_OCD2 = const(0x40)
_OCD1 = const(0x20)
_OCC = const(0x10)
_COV = const(0x08)
_CUV = const(0x04)
_OCD3 = const(0x80)
_HWDF = const(0x02)

# Voltage thresholds and hysteresis count in 50.6 mV, delays in 3.3 ms after a fixed two.
_STEP_TENTH_MV = const(506)
_DELAY_TENTH_MS = const(33)
_LONGEST_VOLTAGE_DELAY = const(2047)
_LONGEST_CURRENT_DELAY = const(127)
_LONGEST_SHORT_DELAY = const(31)
_SHORT_CIRCUIT_MV = (10, 20, 40, 60, 80, 100, 125, 150, 175, 200, 250, 300, 350, 400, 450, 500)

# How much wider than asked.
_VOLTAGE_MARGIN_MV = const(10)
_UNTIMED_VOLTAGE_MARGIN_MV = const(100)
_CURRENT_MARGIN_PERCENT = const(5)  # the chip's two measurements of one current differ by 1-2 %
_UNTIMED_CURRENT_MARGIN_PERCENT = const(25)


class Backstop:
    """Chip settings that back the requests; `applied` tells what they really amount to.

    A limit that the chip cannot guard more widely than asked raises UNSUPPORTED.
    """

    def __init__(self, requests, shunt_uohm):
        self._shunt_uohm = shunt_uohm
        self.applied = []
        self.enabled_a = 0
        self.enabled_c = 0
        # Threshold and delay of each protection, at its default until asked for.
        self.cuv = (50, 74)
        self.cuv_hysteresis = 2
        self.cov = (86, 74)
        self.cov_hysteresis = 2
        self.occ = (2, 4)
        self.ocd1 = (4, 1)
        self.ocd2 = (3, 7)
        self.ocd3 = (-4000, 2)
        self.scd = (0, 2)
        for code, trip, delay, release in requests:
            if code == BACKSTOP_CELL_OVER_VOLTAGE:
                self._over_voltage(trip, delay, release)
            elif code == BACKSTOP_CELL_UNDER_VOLTAGE:
                self._under_voltage(trip, delay, release)
            elif code == BACKSTOP_CHARGE_CURRENT:
                self._charge_current(trip, delay)
            elif code == BACKSTOP_DISCHARGE_CURRENT:
                self._discharge_current(-trip, delay)
            elif code == BACKSTOP_SHORT_CIRCUIT:
                self._short_circuit(-trip, delay)
            elif code != BACKSTOP_NONE:
                raise AfeError(UNSUPPORTED)

    def _enable(self, bit):
        if self.enabled_a & bit:
            # Each comparator can back one request.
            raise AfeError(UNSUPPORTED)
        self.enabled_a |= bit

    def _over_voltage(self, trip_mv, delay_ms, release_mv):
        self._enable(_COV)
        delay, applied_ms, in_time = _delay(delay_ms, _LONGEST_VOLTAGE_DELAY)
        margin_mv = _VOLTAGE_MARGIN_MV if in_time else _UNTIMED_VOLTAGE_MARGIN_MV
        steps = max(20, _ceil((trip_mv + margin_mv) * 10, _STEP_TENTH_MV))
        if steps > 110:
            raise AfeError(UNSUPPORTED)
        self.cov = (steps, delay)
        self.cov_hysteresis = _hysteresis(_steps_mv(steps) - release_mv)
        self.applied.append((BACKSTOP_CELL_OVER_VOLTAGE, _steps_mv(steps), applied_ms))

    def _under_voltage(self, trip_mv, delay_ms, release_mv):
        self._enable(_CUV)
        delay, applied_ms, in_time = _delay(delay_ms, _LONGEST_VOLTAGE_DELAY)
        margin_mv = _VOLTAGE_MARGIN_MV if in_time else _UNTIMED_VOLTAGE_MARGIN_MV
        steps = min(90, (trip_mv - margin_mv) * 10 // _STEP_TENTH_MV)
        if steps < 20:
            raise AfeError(UNSUPPORTED)
        self.cuv = (steps, delay)
        self.cuv_hysteresis = _hysteresis(release_mv - _steps_mv(steps))
        self.applied.append((BACKSTOP_CELL_UNDER_VOLTAGE, _steps_mv(steps), applied_ms))

    def _charge_current(self, trip_ma, delay_ms):
        self._enable(_OCC)
        delay, applied_ms, in_time = _delay(delay_ms, _LONGEST_CURRENT_DELAY)
        steps = self._current_steps(_widened(trip_ma, in_time))
        if steps > 62:
            raise AfeError(UNSUPPORTED)
        self.occ = (steps, delay)
        self.applied.append((BACKSTOP_CHARGE_CURRENT, self._steps_ma(steps), applied_ms))

    def _discharge_current(self, trip_ma, delay_ms):
        delay, applied_ms, in_time = _delay(delay_ms, _LONGEST_CURRENT_DELAY)
        backed = False
        if not in_time and not self.enabled_c & _OCD3:
            backed = self._slow_discharge_current(trip_ma, delay_ms)
        steps = self._current_steps(_widened(trip_ma, in_time))
        if steps > 100:
            if not backed:
                raise AfeError(UNSUPPORTED)
            return
        if self.enabled_a & _OCD1:
            self._enable(_OCD2)
            self.ocd2 = (steps, delay)
        else:
            self._enable(_OCD1)
            self.ocd1 = (steps, delay)
        self.applied.append((BACKSTOP_DISCHARGE_CURRENT, -self._steps_ma(steps), applied_ms))

    def _slow_discharge_current(self, trip_ma, delay_ms):
        """OCD3 counts seconds on a slower measurement; True if it can back this limit."""
        delay_s = max(2, _ceil(_widened_ms(delay_ms), 1000))
        steps = _ceil(_widened(trip_ma, True), USER_AMP_MA)
        if delay_s > 255 or steps > 32767:
            return False
        self.enabled_c |= _OCD3
        self.ocd3 = (-steps, delay_s)
        self.applied.append((BACKSTOP_DISCHARGE_CURRENT, -steps * USER_AMP_MA, delay_s * 1000))
        return True

    def _short_circuit(self, trip_ma, delay_us):
        self._enable(_SCD)
        delay = max(2, _ceil(delay_us * 5, 4 * 15) + 1)
        wanted_ma = trip_ma
        if delay > _LONGEST_SHORT_DELAY:
            delay = _LONGEST_SHORT_DELAY
            wanted_ma = _widened(trip_ma, False)
        for index, threshold_mv in enumerate(_SHORT_CIRCUIT_MV):
            applied_ma = threshold_mv * 1000000 // self._shunt_uohm
            if wanted_ma > 0 and applied_ma > wanted_ma:
                self.scd = (index, delay)
                self.applied.append((BACKSTOP_SHORT_CIRCUIT, -applied_ma, (delay - 1) * 15))
                return
        raise AfeError(UNSUPPORTED)

    def _current_steps(self, current_ma):
        """Comparator steps of 2 mV across the shunt that are reached at this current."""
        return max(2, _ceil(current_ma * self._shunt_uohm, 2000000))

    def _steps_ma(self, steps):
        return steps * 2000000 // self._shunt_uohm


def _ceil(number, divisor):
    return -(-number // divisor)


def _widened_ms(delay_ms):
    return _ceil(delay_ms * 5, 4) + 250


def _delay(delay_ms, longest):
    """(setting, applied ms, whether that is as long as wanted) of a comparator's delay."""
    setting = max(1, _ceil(_widened_ms(delay_ms) * 10, _DELAY_TENTH_MS) - 2)
    in_time = setting <= longest
    setting = min(setting, longest)
    return setting, (setting + 2) * _DELAY_TENTH_MS // 10, in_time


def _widened(current_ma, in_time):
    if current_ma <= 0:
        # A limit of the wrong sign would guard nothing.
        raise AfeError(UNSUPPORTED)
    percent = _CURRENT_MARGIN_PERCENT if in_time else _UNTIMED_CURRENT_MARGIN_PERCENT
    return current_ma + _ceil(current_ma * percent, 100)


def _steps_mv(steps):
    return (steps * _STEP_TENTH_MV + 5) // 10


def _hysteresis(difference_mv):
    """Not past the release value: software decides when to close again, the chip only allows."""
    return min(20, max(2, difference_mv * 10 // _STEP_TENTH_MV))


def shunt_ma(microvolts, shunt_uohm):
    """Current at which the shunt shows this voltage: small thresholds scale with the shunt."""
    return max(1, microvolts * 1000 // shunt_uohm)


def body_diode_ma(shunt_uohm):
    """Above this the chip turns on the switch whose body diode carries the current."""
    return shunt_ma(50, shunt_uohm)


def settings(backstop, channels, temps, shunt_uohm, cc_gain_uohm, watchdog_s):
    """The whole configuration as [(data memory address, bytes), ...] in rising order.

    Each is one contiguous range of at most 32 bytes. `channels`: bit n-1 = VC input n is a cell.
    """
    gain = cc_gain_uohm / shunt_uohm
    thermistors = [0x07 if place < temps else 0 for place in range(3)]
    recovery_ma = shunt_ma(100, shunt_uohm)
    return [
        (0x91A8, struct.pack("<ff", gain, gain * _CAPACITY_PER_CURRENT_GAIN)),
        # No SLEEP; a thermistor on TS2 must not be taken for the wake button (SHUT_TS2).
        (0x9234, struct.pack("<H", 0x3882 if temps > 1 else 0x2882)),
        # Host watchdog leaves the regulators alone; interface type.
        (0x9238, struct.pack("<BB", 0, I2C_FAST_CRC)),
        # Never shut down for low voltage: a bench supply would not wake it again. 85 C, 5 s stay.
        (0x923F, struct.pack("<hhBBB", 0, 0, 1, 85, 5)),
        # A permanent failure holds the switches off. Enabled Protections A, B, C.
        (
            0x925F,
            struct.pack(
                "<HBBB",
                0x0002,
                backstop.enabled_a,
                0,
                backstop.enabled_c | (_HWDF if watchdog_s else 0),
            ),
        ),
        # What opens CHG, and DSG. Other masks of the first byte delay opening by up to 250 ms.
        (0x9265, b"\x98\xd5\x56"),
        (0x9269, b"\xe4\xe6\xe2"),
        # Alarms: the defaults and both ends of scan.
        (0x926D, struct.pack("<H", 0xF882)),
        (
            0x9273,
            struct.pack(
                "<hBHBHBBBBB",
                body_diode_ma(shunt_uohm),
                backstop.cuv[0],
                backstop.cuv[1],
                backstop.cov[0],
                backstop.cov[1],
                backstop.cuv_hysteresis,
                backstop.cov_hysteresis,
                0,  # over-voltage latch off
                10,
                15,
            ),
        ),
        # Over-current clears once the current has stopped, charger or load still attached:
        # the firmware decides whether to try again.
        (
            0x9280,
            struct.pack(
                "<BBBBBBBBhhBhBBBhBBBBh",
                backstop.occ[0],
                backstop.occ[1],
                backstop.ocd1[0],
                backstop.ocd1[1],
                backstop.ocd2[0],
                backstop.ocd2[1],
                backstop.scd[0],
                backstop.scd[1],
                recovery_ma,
                backstop.ocd3[0],
                backstop.ocd3[1],
                -recovery_ma,
                0,  # over-current latch off
                10,
                15,
                200,
                5,  # short circuit: s until the chip allows the switches again
                0,  # short-circuit latch off
                10,
                15,
                200,
            ),
        ),
        # Recovery time 3 s, charger seen by 2 V, host watchdog.
        (0x92AF, struct.pack("<BhH", 3, 200, watchdog_s or 60)),
        # DFETOFF: own function, both switches, active low, pulled down: no controller means off.
        # Then thermistors (18k pull-up), DA config for steps of 10 mV and 10 mA, cells wired.
        (
            0x92FA,
            bytes([0, 0xC6, 0] + thermistors + [0, 0, 0, 0x06]) + struct.pack("<H", channels),
        ),
        # Charge pump 11 V, no precharge.
        (FET_OPTIONS, struct.pack("<BBhh", FETS_BLOCKED_AT_RESET, 1, 0, 0)),
        # Balancing by command only: -20..60 C, die below 70 C, lapse, as many cells as asked.
        (0x9335, struct.pack("<BbbbBB", 0, -20, 60, 70, BLEED_LAPSE_S, 16)),
    ]
