"""Start self-test: every kernel on a known answer, because compilers and boards differ.

Answers are written out here, not computed, so that the test cannot agree with a wrong kernel.
"""

from array import array

from vigil import kernels
from vigil.afe.check_codes import CRC8_TABLE

_UNKNOWN = 0x1FFFFFFF


def failures():
    """Names of the kernels that gave a wrong answer; [] when all is well."""
    checks = (
        ("crc8", _crc8),
        ("crc8_unpack", _crc8_unpack),
        ("reduce", _reduce),
        ("judge", _judge),
        ("count_charge", _count_charge),
    )
    return [name for name, check in checks if not check()]


def _crc8():
    # A register write printed in the BQ76952 communication guide.
    return kernels.crc8(bytearray(b"\x10\x3e\x90"), CRC8_TABLE, 3, 0) == 0x74


def _crc8_unpack():
    # A register read from the same guide: 0x68 0x0B at 0x14.
    seed = kernels.crc8(bytearray(b"\x10\x14\x11"), CRC8_TABLE, 3, 0)
    good = bytearray(b"\x68\x33\x0b\x31")
    bad = bytearray(b"\x69\x33\x0b\x31")
    return (
        kernels.crc8_unpack(good, CRC8_TABLE, 2, seed) == 1
        and good[:2] == b"\x68\x0b"
        and kernels.crc8_unpack(bad, CRC8_TABLE, 2, seed) == 0
    )


def _reduce():
    values = array("i", [3300, -5, _UNKNOWN, 250, -70000, 6600, 0, 0, 0, 9])
    groups = array("i", [0] * 40)
    for group, first, count in ((0, 0, 3), (1, 3, 1), (2, 4, 1), (3, 5, 1)):
        groups[group * 8] = first
        groups[group * 8 + 1] = count
        groups[group * 8 + 2] = 1
        groups[group * 8 + 4] = 1000
        groups[group * 8 + 5] = 1040
        groups[group * 8 + 6] = 139
    groups[32] = 6
    extremes = array("i", [0] * 128)
    if kernels.reduce(values, groups, extremes, 1050) != 4:
        return False
    cells = list(extremes[:7]) == [-5, 3300, 1, 0, 3305, 1, 1]
    current = extremes[16] == -70000 and extremes[17] == -70000
    health = extremes[32] == 50 and extremes[64] == 1 and extremes[15 * 8] == 9
    again = kernels.reduce(values, groups, extremes, 1100) == 0 and extremes[6] == 0
    return cells and current and health and again


def _judge():
    extremes = array("i", [0] * 128)
    extremes[0], extremes[1], extremes[6] = 2400, 3660, 1
    rows = array("i", [1, 5, 0, 3650, 3450, 50, 0, 1, 0, 5, -1, 2500 ^ -1, 2950 ^ -1, 0, 0, 2])
    states = array("i", [0, 0])
    first = kernels.judge(rows, states, extremes, 2)
    extremes[6] = 51
    second = kernels.judge(rows, states, extremes, 2)
    extremes[0], extremes[1] = 2950, 3450
    third = kernels.judge(rows, states, extremes, 2)
    return first == 2 | 16 | 32 and second == 1 | 2 | 16 | 32 and third == 16


def _count_charge():
    counter = array("i", [10, 5])
    carried = kernels.count_charge(counter, -200000, 63)
    negative = carried == -4 and list(counter) == [6, 1800005]
    carried = kernels.count_charge(counter, 28571, 63)
    return negative and carried == 0 and list(counter) == [6, 3599978]
