"""A thermistor below a pull-up resistor: from the converter's code to 0.1 degC, in integers.

The divider's ratio is all that counts, so each part needs one table of codes, made at start. What
is colder or hotter than the table is a broken lead or a short, never a temperature.
"""

from array import array

from micropython import const

from vigil.sample import UNKNOWN

_COLDEST_DC = const(-400)
_STEP_DC = const(50)
_STEPS = const(35)

# Ohm from -40 to 130 degC in steps of 5 K: Steinhart-Hart with A = 8.01689e-4, B = 2.670495e-4,
# C = 1.186595e-7, fitted to a 10k part of the 103AT/103JT kind (within 0.25 K from -40 to 90).
OHMS_103 = (
    (207623, 156586, 119232, 91622, 71020, 55509, 43731, 34713, 27754, 22344, 18108, 14768, 12117)
    + (10000, 8299, 6924, 5806, 4893, 4143, 3524, 3010, 2582, 2224, 1923, 1669, 1454, 1271, 1114)
    + (980, 865, 766, 680, 605, 540, 484)
)
# Scale of a ratio; its product with a code of sixteen bits stays a small integer.
_FULL = const(16000)


def code_table(ohms, pull_up_ohm, full_milli):
    """Codes at the temperatures of `ohms`; full_milli: thousandths of the code of an open input.

    Falls from cold to hot.
    """
    return array("H", [(full_milli * ohm // (ohm + pull_up_ohm) + 500) // 1000 for ohm in ohms])


def temp_dc(table, code):
    """Temperature of one code; UNKNOWN outside the table. Allocates nothing."""
    if code > table[0] or code < table[len(table) - 1]:
        return UNKNOWN
    place = 1
    while code < table[place]:
        place += 1
    lower = table[place]
    width = table[place - 1] - lower
    warmer_dc = _COLDEST_DC + _STEP_DC * place
    return warmer_dc - (_STEP_DC * (code - lower) + width // 2) // width


class Thermistor:
    """One kind of thermistor, its pull-up at a reference that is converted too."""

    def __init__(self, ohms=OHMS_103, pull_up_ohm=10000):
        """ohms: from -40 to 130 degC in steps of 5 K."""
        if len(ohms) != _STEPS:
            raise ValueError("resistances from -40 to 130 degC in steps of 5 K are needed")
        self._table = code_table(ohms, pull_up_ohm, 1000 * _FULL)

    def temp_dc(self, value, reference):
        """Two codes of the same scale, below 2**16; UNKNOWN where no thermistor is that."""
        if reference <= 0 or not 0 <= value < reference:
            return UNKNOWN
        return temp_dc(self._table, (value * _FULL + (reference >> 1)) // reference)


def ntc_103jt(pull_up_ohm=10000):
    """Semitec 103JT and 103AT-like parts of 10 kohm."""
    return Thermistor(OHMS_103, pull_up_ohm)


def by_beta(beta, pull_up_ohm=10000, nominal_ohm=10000):
    """A thermistor known by its B constant, which must be that of the part.

    Even then it reads warm by 1 to 3 K in deep cold. A B of 3950 for a part of 3435 reads 3 K too
    warm at 0 degC and 5 K too cold at 60: both on the unsafe side.
    """
    return Thermistor(ohms_by_beta(beta, nominal_ohm), pull_up_ohm)


def ohms_by_beta(beta, nominal_ohm=10000):
    """For at start: needs floats."""
    from math import exp

    ohms = []
    for step in range(_STEPS):
        kelvin = (_COLDEST_DC + step * _STEP_DC) / 10 + 273.15
        ohms.append(int(nominal_ohm * exp(beta * (1 / kelvin - 1 / 298.15)) + 0.5))
    return tuple(ohms)
