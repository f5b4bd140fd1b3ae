"""Start self-test: every kernel on a known answer, because compilers and boards differ.

Answers are written out here, not computed, so that the test cannot agree with a wrong kernel.
"""

from array import array

from vigil import kernels
from vigil.afe.check_codes import CRC8_TABLE, PEC15_SEED, pec15_table

_UNKNOWN = 0x1FFFFFFF


def failures():
    """Names of the kernels that gave a wrong answer; [] when all is well."""
    checks = (
        ("crc8", _crc8),
        ("crc8_unpack", _crc8_unpack),
        ("pec15", _pec15),
        ("pec15_blocks", _pec15_blocks),
        ("scatter_tenths", _scatter_tenths),
        ("crc16", _crc16),
        ("unpack_words", _unpack_words),
        ("differ", _differ),
        ("publish", _publish),
        ("correct", _correct),
        ("refresh", _refresh),
        ("judge", _judge),
        ("count_charge", _count_charge),
        ("look", _look),
    )
    # A build holds only the kernels that its board uses.
    return [name for name, check in checks if hasattr(kernels, name) and not check()]


def _crc8():
    # A register write printed in the BQ76952 communication guide.
    return kernels.crc8(bytearray(b"\x10\x3e\x90"), CRC8_TABLE, 3, 0) == 0x74


def _crc8_unpack():
    # A register read from the same guide: 0x68 0x0B at 0x14.
    seed = 0xD6  # of 0x10 0x14 0x11
    good = bytearray(b"\x68\x33\x0b\x31")
    bad = bytearray(b"\x69\x33\x0b\x31")
    return (
        kernels.crc8_unpack(good, CRC8_TABLE, 2, seed) == 1
        and good[:2] == b"\x68\x0b"
        and kernels.crc8_unpack(bad, CRC8_TABLE, 2, seed) == 0
    )


def _pec15():
    # The command WRCFGA and its code from the LTC6811 data sheet.
    return kernels.pec15(b"\x00\x01", pec15_table(), 2, PEC15_SEED) == 0x3D6E


def _pec15_blocks():
    # Ones, zeros and a configuration with the codes of the fact sheet; the second is disturbed.
    blocks = bytearray(b"\xff\xff\xff\xff\xff\xff\x66\x4c\0\0\0\x01\0\0\xc2\x12")
    blocks += b"\xfc\x52\x17\xa4\0\0\x07\xa0"
    first = kernels.pec15_blocks(blocks, pec15_table(), 3, PEC15_SEED) == 5
    blocks[11] = 0
    return first and kernels.pec15_blocks(blocks, pec15_table(), 3, PEC15_SEED) == 7


def _scatter_tenths():
    words = array("i", [7, 7, 7, 7])
    data = b"\xff\xff\xe4\x80\x04\0\x05"
    kernels.scatter_tenths(words, data + b"\0", b"\x03\x00\x00\x02\x01\x04", 3)
    first = list(words) == [3300, 0, 7, 6554]
    kernels.scatter_tenths(words, data + b"\0", b"\x02\x06", 1)
    return first and list(words) == [3300, 0, 1, 6554]


def _crc16():
    # A request for three registers at 40000, and how a whole frame ends.
    frame = b"\x01\x03\x9c\x40\x00\x03\x2a\x4f\x01"
    half = kernels.crc16(frame, 0xFFFF, 0, 6)
    return half == 6 << 16 | 0x4F2A and kernels.crc16(frame, 0x4F2A, 6, 9) == 8 << 16


def _unpack_words():
    words = array("i", [7, 7, 7, 7])
    kernels.unpack_words(words, b"\xe4\x0c\xff\xff\x00\x80\xff\x7f", b"\x06\x00\x02", 3)
    return list(words) == [32767, 3300, -1, 7]


def _differ():
    some = array("i", [3300, -5, 100])
    others = array("i", [3450, 145, -100000])
    return (
        kernels.differ(some, others, 2, 150) == 0
        and kernels.differ(some, others, 2, 149) == 1
        and kernels.differ(others, some, 3, 150) == 1
    )


def _publish():
    words = array("i", [7, 7, 7, 7, 7])
    kernels.publish(words, array("i", [2130, 2131, 4231, 4232]), 4, 2731, -600, 1500)
    return list(words) == [_UNKNOWN, -600, 1500, _UNKNOWN, 7]


def _correct():
    # Two cells, one of them unknown, and a current of -30,000 with 100 too much and a tenth more.
    words = array("i", [5, -29900, 8, 3300, _UNKNOWN, 3301])
    state = array("i", [0, 4, 1, 100, 1638, 0, 2, 7, 3, 2])
    cells = array("i", [0 - 7, 9])
    for _ in range(2):
        kernels.correct(words, cells, state)
    return list(words) == [5, -33000, 8, 3293, _UNKNOWN, 3301] and list(state[1:8]) == [
        5,
        1,
        100,
        1638,
        -29900,
        2,
        8,
    ]


def _refresh():
    # Sequence, judged, stamp, read, read before are words 8 to 12; the ticks wrap at 2**30.
    record = array("i", [0] * 13)
    kernels.refresh(record, 20, 0x3FFFFFF2, 63)
    first = list(record[8:]) == [1, 0, 0x3FFFFFF2, 20, 20]
    record[8] = 0x3FFFFFFF
    kernels.refresh(record, 90, 0x3FFFFFF2, 63)
    return first and list(record[8:]) == [1, 0, 27, 90, 20]


def _judge():
    """Cells -5, 3300 and one unknown; current; two rows that trip and release."""
    words = array("i", [0] * 69)
    at = 69
    for group, values in enumerate(((3300, -5, _UNKNOWN), (250,), (-70000,), (6600,))):
        record = 8 + 15 * group
        words[record + 8] = 1  # a sequence that was not judged
        words[record + 10], words[record + 11], words[record + 12] = 1000, 1040, 1040
        words[record + 13] = 140
        words[record], words[record + 14] = at * 4, (at + len(values)) * 4
        at += len(values) + 1
        words.extend(array("i", values))
        words.append(_UNKNOWN)
    # Above 3250 after 50 ms, released below 3200; a lower limit of 0 at once, released at 5.
    rows = array("i", [9, 3250, 0, 0, 3250, 3200, 52, 50, 0, 33])
    rows.extend(array("i", [10, -1, 0, 0, -1, 5 ^ -1, 52, 0, 0, 34, 0]))
    first = kernels.judge(words, 1050, rows)
    summary = list(words[9:16]) == [3300, 4, 276, 280, 1, 1, 50]
    current = words[39] == -70000 and words[40] == 69999
    words[16], words[19] = 2, 1091
    second = kernels.judge(words, 1100, rows)
    words[69], words[70], words[71], words[16] = 3200, 5, 5, 3
    third = kernels.judge(words, 1150, rows)
    tripped = first == 2 | 16 | 32 and second == 1 | 2 | 16 | 32
    return summary and current and tripped and third == 16


def _count_charge():
    counter = array("i", [10, 5])
    carried = kernels.count_charge(counter, -200000, 63)
    negative = carried == -4 and list(counter) == [6, 1800005]
    carried = kernels.count_charge(counter, 28571, 63)
    return negative and carried == 0 and list(counter) == [6, 3599978]


def _look():
    """Five cells: one moves, one is unknown, two mirror each other; then the stack is off."""
    words = array("i", [0] * 123)
    state = array("i", [5] + [0] * 10 + [1, 100, 200, 3, 50, 5000, 1, 9, 440, 116])
    state.extend(array("i", [_UNKNOWN] * 3 + [0] * 7 + [2, 0, 0, 0, 0, 118, 0, 480, 2]))
    state.extend(array("i", [0, 0, 2000, 7, 7, 250, 66] + [_UNKNOWN] * 8 + [0, 50, 150, 0, 0]))
    # Each cell: before, reference, reference to come; then the references of two temperatures.
    for before, reference, coming in (
        (3300, 3299, 3300),
        (3290, 3298, _UNKNOWN),
        (3300, 3297, 3300),
        (3400, 3296, 3300),
        (3101, 3295, 3300),
    ):
        state.extend(array("i", [before, reference, coming]))
    state.extend(array("i", [-200, _UNKNOWN]))
    _measure(words, (3300, 3450, _UNKNOWN, 3400, 3100), 1000, 13250, (-50, -201))
    found = kernels.look(words, state)
    told = list(state[1:12]) == [4, 13250, 3100, 3450, 160, -1, 159, -100, 300, 4, 2]
    kept = list(state[60:69]) == [3300, 3300, 3300, 3450, _UNKNOWN, 3450, 3300, 3300, _UNKNOWN]
    spreads = words[98] == 350 and words[99] == 151
    first = found == 1 | 4 | 8 | 16 | 32 | 256 | 512 | 1024 | 4096
    for current_ma in (1250, 999):
        _measure(words, (3300, 3450, 3290, 3400, 3100), current_ma, 16800, (-50, -201))
        found = kernels.look(words, state)
    offset = state[32] == 260 and state[33] == 0
    second = found == 8 | 16 | 32 | 128 | 256 | 512 | 1024 | 2048 | 4096
    return first and told and kept and spreads and offset and second


def _measure(words, cells, current_ma, stack_mv, temps):
    """Everything new in a Sample whose values lie at 110, 116, 118 and 120, 50 ms later."""
    for record in (8, 23, 38, 53):
        words[record + 8] += 1
        words[record + 11] += 50
    for at in range(5):
        words[110 + at] = cells[at]
    words[116], words[118], words[120], words[121] = current_ma, stack_mv, temps[0], temps[1]
