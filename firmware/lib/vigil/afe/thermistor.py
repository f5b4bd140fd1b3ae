"""A thermistor below a pull-up resistor: from the converter's code to 0.1 degC, in integers.

The divider's ratio is all that counts, so each part needs one table of codes, made at start.
"""

from array import array

from micropython import const

from vigil.sample import UNKNOWN

_COLDEST_DC = const(-400)
_STEP_DC = const(50)

# Ohm from -40 to 130 degC in steps of 5 K: Steinhart-Hart with A = 8.01689e-4, B = 2.670495e-4,
# C = 1.186595e-7, fitted to a 10k part of the 103AT/103JT kind (within 0.25 K from -40 to 90).
OHMS_103 = (
    (207623, 156586, 119232, 91622, 71020, 55509, 43731, 34713, 27754, 22344, 18108, 14768, 12117)
    + (10000, 8299, 6924, 5806, 4893, 4143, 3524, 3010, 2582, 2224, 1923, 1669, 1454, 1271, 1114)
    + (980, 865, 766, 680, 605, 540, 484)
)


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
