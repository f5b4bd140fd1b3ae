"""Backstop requests rounded to what the BQ76952 can do: always wider and slower than asked.

Runs at bring-up only. mV, mA (+ = charging), 0.1 degC, ms, shunt in uOhm; steps are the chip's.
"""

from micropython import const

from vigil.afe.errors import UNSUPPORTED, AfeError
from vigil.limits import (
    BACKSTOP_BOARD_OVER_TEMPERATURE,
    BACKSTOP_CELL_OVER_VOLTAGE,
    BACKSTOP_CELL_UNDER_VOLTAGE,
    BACKSTOP_CHARGE_CURRENT,
    BACKSTOP_CHARGE_OVER_TEMPERATURE,
    BACKSTOP_CHARGE_UNDER_TEMPERATURE,
    BACKSTOP_DISCHARGE_CURRENT,
    BACKSTOP_DISCHARGE_OVER_TEMPERATURE,
    BACKSTOP_DISCHARGE_UNDER_TEMPERATURE,
    BACKSTOP_NONE,
    BACKSTOP_SHORT_CIRCUIT,
)

# One step of the current, as a setting of the chip: the finer one unless a limit lies beyond what
# it tells. A little less than the 32767 steps of its register, and no further than the chip's
# own over-current comparators: 200 mV across the shunt.
_FINE_STEP_MA = const(10)
_COARSE_STEP_MA = const(100)
_MOST_STEPS = const(32000)
_MOST_SHUNT_UV = const(200000)

# Enabled Protections A, B and C.
_SCD = const(0x80)
_OCD2 = const(0x40)
_OCD1 = const(0x20)
_OCC = const(0x10)
_COV = const(0x08)
_CUV = const(0x04)
_OTF = const(0x80)
_OTINT = const(0x40)
_OTD = const(0x20)
_OTC = const(0x10)
_UTD = const(0x02)
_UTC = const(0x01)
_OCD3 = const(0x80)

# Voltage thresholds and hysteresis count in 50.6 mV, delays in 3.3 ms after a fixed two.
_STEP_TENTH_MV = const(506)
_DELAY_TENTH_MS = const(33)
_LONGEST_VOLTAGE_DELAY = const(2047)
_LONGEST_CURRENT_DELAY = const(127)
_LONGEST_SHORT_DELAY = const(31)
_LONGEST_SLOW_DELAY_S = const(255)
_SHORT_CIRCUIT_MV = (10, 20, 40, 60, 80, 100, 125, 150, 175, 200, 250, 300, 350, 400, 450, 500)
_WIDEST_CUV = const(20)
_WIDEST_COV = const(110)
# Whole degC, signed byte.
_COLDEST_C = const(-40)
_HOTTEST_C = const(120)
_HOTTEST_SWITCH_C = const(150)
_SHUTDOWN_ABOVE_K = const(10)

# How much wider than asked.
_VOLTAGE_MARGIN_MV = const(10)
_UNTIMED_VOLTAGE_MARGIN_MV = const(100)
_CURRENT_MARGIN_PERCENT = const(5)  # the chip's two measurements of one current differ by 1-2 %
_UNTIMED_CURRENT_MARGIN_PERCENT = const(25)
_TEMPERATURE_MARGIN_DC = const(10)
_UNTIMED_TEMPERATURE_MARGIN_DC = const(40)

# Enabled bit and, of the chip's list of temperature protections, whether it looks below.
_TEMPERATURES = {
    BACKSTOP_CHARGE_OVER_TEMPERATURE: (_OTC, False),
    BACKSTOP_CHARGE_UNDER_TEMPERATURE: (_UTC, True),
    BACKSTOP_DISCHARGE_OVER_TEMPERATURE: (_OTD, False),
    BACKSTOP_DISCHARGE_UNDER_TEMPERATURE: (_UTD, True),
}


class Backstop:
    """Chip settings that back the requests; `applied` tells what they really amount to.

    A limit that the chip cannot guard more widely than asked raises UNSUPPORTED; a temperature
    outside its range is left to the software (nothing in `applied`).
    """

    def __init__(self, requests, shunt_uohm, thermistors=True, switch_thermistors=False):
        self._shunt_uohm = shunt_uohm
        self.step_ma = current_step_ma(requests)
        self._thermistors = thermistors
        self._switch_thermistors = switch_thermistors
        self.applied = []
        self.enabled_a = 0
        self.enabled_b = 0
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
        # degC, s, degC of recovery.
        self.otc = (55, 2, 50)
        self.otd = (60, 2, 55)
        self.utc = (0, 2, 5)
        self.utd = (0, 2, 5)
        self.otf = (80, 2, 65)
        self.otint = (85, 2, 80)
        self.shutdown_c = 85
        for code, trip, delay, release in requests:
            if code == BACKSTOP_CELL_OVER_VOLTAGE:
                self._over_voltage(trip, delay, release)
            elif code == BACKSTOP_CELL_UNDER_VOLTAGE:
                self._under_voltage(trip, delay, release)
            elif code == BACKSTOP_CHARGE_CURRENT:
                # One comparator, for the lowest level that is asked.
                if trip == min([one[1] for one in requests if one[0] == code]):
                    self._charge_current(trip, delay)
            elif code == BACKSTOP_DISCHARGE_CURRENT:
                self._discharge_current(-trip, delay)
            elif code == BACKSTOP_SHORT_CIRCUIT:
                self._short_circuit(-trip, delay)
            elif code in _TEMPERATURES:
                self._temperature(code, trip, delay, release)
            elif code == BACKSTOP_BOARD_OVER_TEMPERATURE:
                self._board_temperature(trip, delay, release)
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
        if backed and self.enabled_a & _OCD1:
            # A comparator guards a quicker level already; a second one in between would cut
            # short what this level allows for longer.
            return
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
        steps = _ceil(_widened(trip_ma, True), self.step_ma)
        if delay_s > _LONGEST_SLOW_DELAY_S or steps > 32767:
            return False
        self.enabled_c |= _OCD3
        self.ocd3 = (-steps, delay_s)
        self.applied.append((BACKSTOP_DISCHARGE_CURRENT, -steps * self.step_ma, delay_s * 1000))
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

    def _temperature(self, code, trip_dc, delay_ms, release_dc):
        bit, below = _TEMPERATURES[code]
        if self.enabled_b & bit:
            raise AfeError(UNSUPPORTED)
        delay_s, margin_dc = _slow_delay(delay_ms)
        # Recovery comes a little before the release value, at least one kelvin from the trip:
        # software decides when to close again, the chip only allows.
        if below:
            threshold_c = (trip_dc - margin_dc) // 10
            recovery_c = max(threshold_c + 1, (release_dc - 5) // 10)
        else:
            threshold_c = _ceil(trip_dc + margin_dc, 10)
            recovery_c = min(threshold_c - 1, _ceil(release_dc + 5, 10))
        in_range = _COLDEST_C <= threshold_c <= _HOTTEST_C
        if not self._thermistors or not in_range or not _COLDEST_C <= recovery_c <= _HOTTEST_C:
            return
        self.enabled_b |= bit
        setting = (threshold_c, delay_s, recovery_c)
        if bit == _OTC:
            self.otc = setting
        elif bit == _OTD:
            self.otd = setting
        elif bit == _UTC:
            self.utc = setting
        else:
            self.utd = setting
        self.applied.append((code, threshold_c * 10, delay_s * 1000))

    def _board_temperature(self, trip_dc, delay_ms, release_dc):
        """One limit for the chip's die and for the thermistors at the switches."""
        if self.enabled_b & _OTINT:
            raise AfeError(UNSUPPORTED)
        delay_s, margin_dc = _slow_delay(delay_ms)
        threshold_c = _ceil(trip_dc + margin_dc, 10)
        recovery_c = min(threshold_c - 1, _ceil(release_dc + 5, 10))
        setting = (threshold_c, delay_s, recovery_c)
        if recovery_c < 0 or threshold_c > _HOTTEST_SWITCH_C:
            return
        guarded = False
        if threshold_c <= _HOTTEST_C:
            self.enabled_b |= _OTINT
            self.otint = setting
            self.shutdown_c = threshold_c + _SHUTDOWN_ABOVE_K
            guarded = True
        if self._switch_thermistors:
            self.enabled_b |= _OTF
            self.otf = setting
            guarded = True
        if guarded:
            self.applied.append(
                (BACKSTOP_BOARD_OVER_TEMPERATURE, threshold_c * 10, delay_s * 1000)
            )

    def watch_open_wires(self):
        """Open wires show as under- and over-voltage: both comparators on, if only at the ends."""
        if not self.enabled_a & _CUV:
            self.cuv = (_WIDEST_CUV, self.cuv[1])
        if not self.enabled_a & _COV:
            self.cov = (_WIDEST_COV, self.cov[1])
        self.enabled_a |= _CUV | _COV

    def _current_steps(self, current_ma):
        """Comparator steps of 2 mV across the shunt that are reached at this current."""
        return max(2, _ceil(current_ma * self._shunt_uohm, 2000000))

    def _steps_ma(self, steps):
        return steps * 2000000 // self._shunt_uohm


def current_step_ma(requests):
    """Of the current that the chip reports, for these limits."""
    for code, trip, _, _ in requests:
        if code == BACKSTOP_CHARGE_CURRENT or code == BACKSTOP_DISCHARGE_CURRENT:
            if abs(trip) > _MOST_STEPS * _FINE_STEP_MA:
                return _COARSE_STEP_MA
    return _FINE_STEP_MA


def highest_ma(requests, shunt_uohm):
    """The chip tells currents apart up to here, in steps that suit these limits."""
    return min(_MOST_STEPS * current_step_ma(requests), _MOST_SHUNT_UV * 1000 // shunt_uohm)


def _ceil(number, divisor):
    return -(-number // divisor)


def _widened_ms(delay_ms):
    return _ceil(delay_ms * 5, 4) + 250


def _slow_delay(delay_ms):
    """(s, how much wider in 0.1 K): the chip counts whole seconds and may begin amid one."""
    delay_s = _ceil(_widened_ms(delay_ms), 1000)
    if delay_s > _LONGEST_SLOW_DELAY_S:
        return _LONGEST_SLOW_DELAY_S, _UNTIMED_TEMPERATURE_MARGIN_DC
    return delay_s, _TEMPERATURE_MARGIN_DC


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
