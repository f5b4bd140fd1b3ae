"""What an ISL94202 is told: a board's options, and limits rounded to the chip's own words.

Wider and slower than asked, or refused. Runs at bring-up only. mV, mA (+ = charging), 0.1 degC, ms
(short circuit: us), shunt in uOhm.
"""

from micropython import const

from vigil import limits
from vigil.afe.errors import UNSUPPORTED, AfeError
from vigil.sensor.thermistor import OHMS_103, code_table, temp_dc

_OVL, _OVR, _UVL, _UVR = const(0x00), const(0x02), const(0x04), const(0x06)
_OVLO, _UVLO = const(0x08), const(0x0A)
_OVDT, _UVDT = const(0x10), const(0x12)
_OCD, _OCC, _SCD = const(0x16), const(0x18), const(0x1A)
_IOT = const(0x40)
# Where each kind of temperature has its trip; its release is the word behind.
_TEMPERATURES = {
    limits.BACKSTOP_CHARGE_OVER_TEMPERATURE: 0x30,
    limits.BACKSTOP_CHARGE_UNDER_TEMPERATURE: 0x34,
    limits.BACKSTOP_DISCHARGE_OVER_TEMPERATURE: 0x38,
    limits.BACKSTOP_DISCHARGE_UNDER_TEMPERATURE: 0x3C,
}
# Byte 0x49 by the number of cells; bit n - 1: input n carries one.
_CELL_BYTES = {3: 0x83, 4: 0xC3, 5: 0xC7, 6: 0xE7, 7: 0xEF, 8: 0xFF}
_HIGHEST = const(0xFFE)  # full scale means nothing
_FULL_CODE = const(4095)
# mV across the shunt for codes 0 to 7.
_OCD_MV = (4, 8, 16, 24, 32, 48, 64, 96)
_OCC_MV = (1, 2, 4, 6, 8, 12, 16, 24)
_SCD_MV = (16, 24, 32, 48, 64, 96, 128, 256)
# Code in CTRL0 and gain of the current amplifier, the finest first.
_GAINS = ((2, 500), (0, 50), (1, 5))
_FULL_SCALE_NV = const(1800000000)
# The product of a step with any code stays a small integer.
_LARGEST_STEP = const(262000)

# How much wider than asked; thresholds in mV may be wrong by a tenth, which nobody promises.
_MARGIN_MV = const(10)
_MARGIN_PERCENT = const(5)
_WORST_PERCENT = const(90)
_LEAST_MARGIN_DC = const(50)
# The lockouts act at once, and lie beyond the limits after which only the owner closes again.
_LOCKOUT_ABOVE_MV = const(250)
_LOCKOUT_BELOW_MV = const(750)
_LOWEST_LOCKOUT_MV = const(300)
# The software sees a scan a cycle late and acts on the next one.
_LATER_MS = const(750)
_UNITS_US = (1, 1000, 1000000, 60000000)
_LONGEST = const(1023)


class Options:
    """cells: 3 to 8; the chip fixes which inputs they use (`inputs`, lowest first).

    ohms: both thermistors, from -40 to 130 degC in steps of 5 K, each with parallel_ohm beside it
    (0: none) below pull_up_ohm at bias_mv.
    charge_sign: -1 where CHING is seen while discharging: the shunt is the other way round.
    hands_over: both switches on = the chip closes and opens them by itself. False: the host always
    commands them, for a chip that has been seen to open them then as well.
    still_ms: how long codes that do not move are believed though the chip does not answer the
    question of its end-of-charge flag; 0 = not at all.
    mode_timer: byte 0x48; None = as the EEPROM has it.
    burst_bytes: the longest reading of consecutive registers that the chip bears.
    """

    def __init__(
        self,
        *,
        cells=8,
        shunt_uohm=1000,
        ohms=OHMS_103,
        pull_up_ohm=22000,
        parallel_ohm=10000,
        bias_mv=2500,
        charge_sign=1,
        hands_over=True,
        still_ms=0,
        mode_timer=None,
        burst_bytes=42,
    ):
        if not (
            cells in _CELL_BYTES
            and shunt_uohm > 0
            and len(ohms) == 35
            and charge_sign in (1, -1)
            and still_ms >= 0
            and 2 <= burst_bytes
        ):
            raise AfeError(UNSUPPORTED)
        self.cell_byte = _CELL_BYTES[cells]
        self.inputs = bytes([n for n in range(1, 9) if self.cell_byte >> n - 1 & 1])
        self.shunt_uohm = shunt_uohm
        self.charge_sign = charge_sign
        self.hands_over = hands_over
        self.still_ms = still_ms
        self.mode_timer = mode_timer
        self.burst_bytes = burst_bytes
        if parallel_ohm:
            ohms = [ohm * parallel_ohm // (ohm + parallel_ohm) for ohm in ohms]
        # The amplifier doubles what is at the pin: 1.8 V of it is the full code.
        self.table = code_table(ohms, pull_up_ohm, bias_mv * 2 * _FULL_CODE * 10 // 18)


class Settings:
    """words: register -> (mask, word) of the chip's RAM; `applied`: what they amount to.

    gain_code: of the current amplifier, one step of which is step / parts mA.
    """

    def __init__(self, requests, options):
        self._options = options
        self.applied = []
        self.words = {}
        charge = discharge = short = None
        highest_ma = 0
        for request in requests:
            kind, trip, delay, release = request
            if kind == limits.BACKSTOP_CELL_OVER_VOLTAGE:
                self._over_voltage(trip, delay, release)
            elif kind == limits.BACKSTOP_CELL_UNDER_VOLTAGE:
                self._under_voltage(trip, delay, release)
            elif kind == limits.BACKSTOP_CHARGE_CURRENT:
                # Of several levels the lower one is backed, and thereby the others.
                charge = request if charge is None or trip < charge[1] else charge
                highest_ma = max(highest_ma, trip)
            elif kind == limits.BACKSTOP_DISCHARGE_CURRENT:
                discharge = request if discharge is None or trip > discharge[1] else discharge
                highest_ma = max(highest_ma, -trip)
            elif kind == limits.BACKSTOP_SHORT_CIRCUIT:
                short = request
            elif kind == limits.BACKSTOP_BOARD_OVER_TEMPERATURE:
                self._die_temperature(trip, release)
            elif kind in _TEMPERATURES:
                self._temperature(kind, trip)
        if charge:
            self._current(_OCC, _OCC_MV, charge, charge[1], _later_us(charge[2]), 1000)
        if discharge:
            self._current(_OCD, _OCD_MV, discharge, -discharge[1], _later_us(discharge[2]), 1000)
        if short:
            self._current(_SCD, _SCD_MV, short, -short[1], 2 * short[2], 1)
        self._choose_gain(highest_ma)

    def _put(self, register, word, mask=0x0FFF):
        if not 0 <= word & 0x0FFF <= _HIGHEST or word < 0:
            raise AfeError(UNSUPPORTED)
        self.words[register] = (mask, word)

    def _put_level(self, register, code):
        if not 0 < code <= _HIGHEST:
            raise AfeError(UNSUPPORTED)
        self._put(register, code)

    def _over_voltage(self, trip_mv, delay_ms, release_mv):
        code = _ceil((trip_mv + _MARGIN_MV) * 273, 320)
        applied_mv = code_mv(code)
        self._put_level(_OVL, code)
        self._put_level(_OVR, min(release_mv, applied_mv - 1) * 273 // 320)
        self._put_level(_OVLO, min(_HIGHEST, (applied_mv + _LOCKOUT_ABOVE_MV) * 273 // 320))
        field, applied_us = _delay(_later_us(delay_ms))
        self.words[_OVDT] = (0x0FFF, field)
        self.applied.append((limits.BACKSTOP_CELL_OVER_VOLTAGE, applied_mv, applied_us // 1000))

    def _under_voltage(self, trip_mv, delay_ms, release_mv):
        code = (trip_mv - _MARGIN_MV) * 273 // 320
        applied_mv = code_mv(code)
        self._put_level(_UVL, code)
        self._put_level(_UVR, _ceil(max(release_mv, applied_mv + 1) * 273, 320))
        lockout_mv = max(_LOWEST_LOCKOUT_MV, applied_mv - _LOCKOUT_BELOW_MV)
        self._put_level(_UVLO, lockout_mv * 273 // 320)
        field, applied_us = _delay(_later_us(delay_ms))
        self.words[_UVDT] = (0x0FFF, field)
        self.applied.append((limits.BACKSTOP_CELL_UNDER_VOLTAGE, applied_mv, applied_us // 1000))

    def _current(self, register, thresholds_mv, request, asked_ma, wanted_us, unit_us):
        """The lowest threshold that even at its worst lies beyond the request."""
        if asked_ma <= 0:
            # A limit of the wrong sign would guard nothing.
            raise AfeError(UNSUPPORTED)
        uohm = self._options.shunt_uohm
        least_nv = _ceil(asked_ma * uohm * (100 + _MARGIN_PERCENT), 100)
        for code, threshold_mv in enumerate(thresholds_mv):
            if threshold_mv * 10000 * _WORST_PERCENT >= least_nv:
                field, applied_us = _delay(wanted_us)
                self.words[register] = (0x7FFF, code << 12 | field)
                applied_ma = threshold_mv * 1000000 // uohm
                signed_ma = applied_ma if request[1] > 0 else 0 - applied_ma
                self.applied.append((request[0], signed_ma, applied_us // unit_us))
                return
        raise AfeError(UNSUPPORTED)

    def _temperature(self, kind, trip_dc):
        """No delay is known: clearly wider instead.

        Released at what was asked: what the chip's EEPROM has tripped on before bring-up is then
        soon forgiven, and the software's own release lies further in.
        """
        table = self._options.table
        margin_dc = _untimed_dc(trip_dc)
        register = _TEMPERATURES[kind]
        over = kind in (
            limits.BACKSTOP_CHARGE_OVER_TEMPERATURE,
            limits.BACKSTOP_DISCHARGE_OVER_TEMPERATURE,
        )
        code = _code_at(table, trip_dc + margin_dc if over else trip_dc - margin_dc)
        self._put_level(register, code)
        self._put_level(register + 2, _code_at(table, trip_dc))
        self.applied.append((kind, temp_dc(table, code), 0))

    def _die_temperature(self, trip_dc, release_dc):
        code = _die_code(trip_dc + _untimed_dc(trip_dc))
        self._put_level(_IOT, code)
        self._put_level(_IOT + 2, _die_code(release_dc))
        self.applied.append((limits.BACKSTOP_BOARD_OVER_TEMPERATURE, die_dc(code), 0))

    def _choose_gain(self, highest_ma):
        """The finest gain that shows every limit and a tenth more."""
        uohm = self._options.shunt_uohm
        for self.gain_code, gain in _GAINS:
            self.highest_ma = _FULL_SCALE_NV // (gain * uohm)
            if highest_ma * 11 <= self.highest_ma * 10:
                break
        for self.parts in (1000, 10):
            self.step = (self.highest_ma * self.parts + _FULL_CODE // 2) // _FULL_CODE
            if self.step <= _LARGEST_STEP:
                return
        raise AfeError(UNSUPPORTED)


def code_mv(code):
    """Cell voltage: 4.8 V are the full code."""
    return (code * 320 + 136) // 273


def die_dc(code):
    """1.8527 mV for each kelvin."""
    return (code * 180000 - 207195508) // 75868


def _die_code(temp_dc):
    return (temp_dc * 75868 + 207195508) // 180000 + 1


def _code_at(table, temp_dc):
    """The code of a temperature, between two steps of 5 K."""
    if not -400 <= temp_dc < 1300:
        raise AfeError(UNSUPPORTED)
    place = (temp_dc + 400) // 50
    warmer = (temp_dc + 400) % 50
    return table[place] - (table[place] - table[place + 1]) * warmer // 50


def _untimed_dc(trip_dc):
    return max(_LEAST_MARGIN_DC, abs(trip_dc) // 5 + 3)


def _later_us(delay_ms):
    return (_ceil(delay_ms * 5, 4) + _LATER_MS) * 1000


def _delay(wanted_us):
    """(unit and value, us) of the shortest delay that is not shorter than wanted."""
    for unit, unit_us in enumerate(_UNITS_US):
        value = _ceil(wanted_us, unit_us)
        if value <= _LONGEST:
            return unit << 10 | value, value * unit_us
    raise AfeError(UNSUPPORTED)


def _ceil(number, divisor):
    return -(-number // divisor)
