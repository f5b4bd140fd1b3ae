"""Thermistors to ground with a pull-up to the reference: 0.1 degC out of two ADC values.

Tables are made once, with floats; temp_dc() works in integers and allocates nothing. What is
colder or hotter than the part can be is a broken lead or a short, never a temperature.
"""

import math
from array import array

from micropython import const

from vigil.sample import UNKNOWN

# Full scale of a divider's ratio.
FULL = const(16384)
_STEP_DC = const(50)
_COLDEST_DC = const(-500)
_STEPS = const(43)  # to 160 degC
_SHORT_OHM = const(300)
_ZERO_K = 273.15
_NOMINAL_K = 298.15
# Fitted to a 103JT at -20, 25 and 70 degC: within 0.25 K from -40 to 90 degC.
_FIT_103JT = (8.01689e-4, 2.670495e-4, 1.186595e-7)


class Thermistor:
    """One kind of thermistor with its pull-up; resistance_ohm(kelvin) describes the part."""

    def __init__(self, resistance_ohm, pull_up_ohm=10000):
        self._ratios = array("i", [0] * _STEPS)
        for step in range(_STEPS):
            kelvin = (_COLDEST_DC + step * _STEP_DC) / 10 + _ZERO_K
            self._ratios[step] = _ratio(resistance_ohm(kelvin), pull_up_ohm)
        # A fifth above the resistance at -40 degC counts as open.
        self._open = _ratio(1.2 * resistance_ohm(_ZERO_K - 40), pull_up_ohm)
        self._short = _ratio(_SHORT_OHM, pull_up_ohm)

    def temp_dc(self, value, reference):
        """Two values of the same scale, below 2**16; UNKNOWN where no thermistor is that."""
        if reference <= 0 or not 0 <= value < reference:
            return UNKNOWN
        ratio = (value * FULL + (reference >> 1)) // reference
        if ratio > self._open or ratio < self._short:
            return UNKNOWN
        ratios = self._ratios
        # The ratio falls with temperature.
        low = 0
        high = _STEPS - 1
        if ratio < ratios[high] or ratio > ratios[low]:
            return UNKNOWN
        while high - low > 1:
            middle = (low + high) >> 1
            if ratios[middle] >= ratio:
                low = middle
            else:
                high = middle
        span = ratios[low] - ratios[high]
        part = ((ratios[low] - ratio) * _STEP_DC + (span >> 1)) // span
        return _COLDEST_DC + low * _STEP_DC + part


def by_beta(beta, pull_up_ohm=10000, nominal_ohm=10000):
    """A thermistor known by its B constant; warm by 1-3 K in deep cold, see the data sheet."""

    def resistance_ohm(kelvin):
        return nominal_ohm * math.exp(beta * (1 / kelvin - 1 / _NOMINAL_K))

    return Thermistor(resistance_ohm, pull_up_ohm)


def by_steinhart_hart(a, b, c, pull_up_ohm=10000):
    """1/T = a + b ln R + c (ln R)^3, R in ohm, T in kelvin."""

    def resistance_ohm(kelvin):
        log = 9.0
        for _ in range(12):
            error = a + log * (b + c * log * log) - 1 / kelvin
            log -= error / (b + 3 * c * log * log)
        return math.exp(log)

    return Thermistor(resistance_ohm, pull_up_ohm)


def ntc_103jt(pull_up_ohm=10000):
    """Semitec 103JT and 103AT-like parts of 10 kohm."""
    return by_steinhart_hart(_FIT_103JT[0], _FIT_103JT[1], _FIT_103JT[2], pull_up_ohm)


def _ratio(resistance_ohm, pull_up_ohm):
    return int(FULL * resistance_ohm / (resistance_ohm + pull_up_ohm) + 0.5)
