"""What differs between LTC6811, LTC6813 and ADBMS1818: sizes, scales, times of conversion in us.

Columns of the time tables: 422 Hz, 1 kHz, 27 kHz, 14 kHz, 7 kHz, 3 kHz, 26 Hz, 2 kHz, which is
2 * MD + ADCOPT.
"""

FAST = 2
FAST_14K = 3
SLOWEST = 6


def mode(md, adcopt):
    return 2 * md + adcopt


class Part:
    def __init__(self, name, cells, gpios, sum_scale, counts_per_k, zero_c, all_us, one_us):
        self.name = name
        self.cells = cells
        self.gpios = gpios
        self.big = cells > 12
        # Counts of the sum of cells: sum_scale * 0.1 mV each.
        self.sum_scale = sum_scale
        self.counts_per_k = counts_per_k
        self.zero_c = zero_c
        self.all_us = all_us
        self.one_us = one_us

    def auxiliary_us(self, at, channels):
        """Of `channels` auxiliary inputs: 1, 2, or all of them."""
        if channels == 1:
            return self.one_us[at]
        if channels == 2:
            return _PAIR_US.get(at, 2 * self.one_us[at])
        return _ALL_PINS_US[at] if self.big else self.all_us[at]

    def both_us(self, at):
        """Cells together with GPIO1 and 2; the sheet has this column for the small part only."""
        extra_us = self.all_us[at] - LTC6811.all_us[at]
        return _CELLS_AND_PINS_US.get(at, LTC6811.all_us[at] + 2 * LTC6811.one_us[at]) + extra_us

    def status_us(self, at):
        return _STATUS_US[at]


_STATUS_US = (8500, 4800, 748, 865, 1563, 2028, 134218, 2959)
_CELLS_AND_PINS_US = {2: 1564, 3: 1736, 4: 3133, 5: 4064, 7: 5925}
_ALL_PINS_US = (21316, 12007, 1825, 2116, 3862, 5025, 335498, 7353)
_PAIR_US = {2: 380, 4: 788, 6: 67100}

_BIG_ALL_US = (12816, 7230, 1121, 1296, 2343, 3041, 201325, 4437)
_BIG_ONE_US = (2152, 1221, 203, 232, 407, 523, 33570, 756)

LTC6811 = Part(
    "ltc6811",
    12,
    5,
    20,
    75,
    273,
    (12807, 7222, 1113, 1288, 2335, 3033, 201317, 4430),
    (2150, 1219, 201, 230, 405, 521, 33568, 754),
)
LTC6813 = Part("ltc6813", 18, 9, 30, 76, 276, _BIG_ALL_US, _BIG_ONE_US)
ADBMS1818 = Part("adbms1818", 18, 9, 30, 76, 276, _BIG_ALL_US, _BIG_ONE_US)

PARTS = {"ltc6811": LTC6811, "ltc6813": LTC6813, "adbms1818": ADBMS1818}
