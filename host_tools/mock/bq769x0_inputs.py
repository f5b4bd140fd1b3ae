"""Measuring side of the BQ769x0 model: which input has which cell, and what code it converts to.

Each group of five inputs is a chip of its own inside, with its own clock, its own thermistor pin
and its own die. Converts mV of the bench's cells through this very chip's gain and offset.
"""

from host_tools.mock.seeded_random import SeededRandom

GROUP = 5
_TOP_CODE = 0x3FFF
_TS_UV = 382.0
_TS_SUPPLY_MV = 3300.0
_PULL_UP_OHM = 10000.0
_CC_UV = 8.44
_CC_TOP = 32000

GROUPS = {"bq76920": 1, "bq76930": 2, "bq76940": 3}

_THREE = (1, 2, 5)
_FOUR = (1, 2, 3, 5)
_FIVE = (1, 2, 3, 4, 5)

# Inputs with a cell, by group; the rest are shorted to the input below.
_USED = {
    "bq76920": {3: (_THREE,), 4: (_FOUR,), 5: (_FIVE,)},
    "bq76930": {
        6: (_THREE, _THREE),
        7: (_FOUR, _THREE),
        8: (_FOUR, _FOUR),
        9: (_FIVE, _FOUR),
        10: (_FIVE, _FIVE),
    },
    "bq76940": {
        9: (_THREE, _THREE, _THREE),
        10: (_FOUR, _THREE, _THREE),
        11: (_FOUR, _FOUR, _THREE),
        12: (_FOUR, _FOUR, _FOUR),
        13: (_FIVE, _FOUR, _FOUR),
        14: (_FIVE, _FIVE, _FOUR),
        15: (_FIVE, _FIVE, _FIVE),
    },
}


def used_inputs(variant, cells):
    """Numbers (1, 2, ...) of the inputs that have a cell, from the lowest cell up."""
    groups = _USED[variant].get(cells)
    if groups is None:
        raise ValueError("this chip measures no such number of cells")
    return [GROUP * g + n for g in range(len(groups)) for n in groups[g]]


class Inputs:
    # What a shorted input was seen to read; a negative offset shows as well.
    shorted_code = 5
    noise_codes = 0

    def __init__(self, bench, variant, cells, wiring, seed, thermistor_ohm):
        """wiring: input numbers with a cell, where a product deviates from the chip's table."""
        self.bench = bench
        self.groups = GROUPS[variant]
        used = used_inputs(variant, cells) if wiring is None else list(wiring)
        if len(used) != cells or min(used) < 1 or max(used) > GROUP * self.groups:
            raise ValueError("the wiring names one input for each cell")
        self.places = [-1] * (GROUP * self.groups)
        for place, number in enumerate(used):
            self.places[number - 1] = place
        self.codes = [0] * (GROUP * self.groups)
        self._thermistor_ohm = thermistor_ohm
        random = self._random = SeededRandom(seed)
        self.gain_uv = 365 + random.below(32)
        self.offset_mv = random.below(91) - 40
        # The clocks of the groups do not agree.
        self.periods_us = [241250 + random.below(17501) for _ in range(self.groups)]
        self.open_leads = set()
        self._shift_mv = [0.0] * (cells + 1)
        self._before_mv = None

    def forget(self):
        for at in range(len(self.codes)):
            self.codes[at] = 0

    def convert(self, group, balanced):
        """The five cells of a group, into `codes`."""
        cell_mv = self.bench.cell_mv
        if self.open_leads or self._before_mv is not None:
            cell_mv = self._through_leads(cell_mv)
        noise = self.noise_codes * (2 if balanced else 1)
        for at in range(GROUP * group, GROUP * group + GROUP):
            place = self.places[at]
            code = self.code_of(cell_mv[place] if place >= 0 else 0.0)
            if place < 0:
                code = max(code, self.shorted_code)
            if noise:
                code = max(0, code + self._random.below(2 * noise + 1) - noise)
            self.codes[at] = code

    def code_of(self, mv):
        code = int((mv - self.offset_mv) * 1000.0 / self.gain_uv + 0.5)
        return min(max(code, 0), _TOP_CODE)

    def pack_code(self):
        """A quarter of the sum of all inputs, the shorted ones as well."""
        return min(sum(self.codes) >> 2, 0xFFFF)

    def thermistor_code(self, group):
        temps_c = self.bench.temps_c
        degrees = temps_c[group] if group < len(temps_c) else None
        if degrees is None:
            mv = _TS_SUPPLY_MV
        else:
            ohm = self._thermistor_ohm(degrees)
            mv = _TS_SUPPLY_MV * ohm / (ohm + _PULL_UP_OHM)
        return self.pin_code(mv)

    def die_code(self):
        return self.pin_code(1200.0 - (self.bench.die_c - 25.0) * 4.2)

    def pin_code(self, mv):
        return min(max(int(mv * 1000.0 / _TS_UV + 0.5), 0), _TOP_CODE)

    def current_code(self, sense_uv):
        code = sense_uv / _CC_UV
        code = int(code + 0.5) if code >= 0 else -int(0.5 - code)
        return min(max(code, -_CC_TOP), _CC_TOP)

    def group_mv(self, group):
        """What feeds a group: its five inputs together."""
        cell_mv = self.bench.cell_mv
        places = self.places[GROUP * group : GROUP * group + GROUP]
        return sum([cell_mv[place] for place in places if place >= 0])

    # Broken sense leads: lead n goes to the top of cell n. Nothing is printed about them: here the
    # filter capacitors hold the input, and share between them what the two cells do afterwards.

    def _through_leads(self, cell_mv):
        shift_mv = self._shift_mv
        last = len(cell_mv)
        before_mv = self._before_mv or list(cell_mv)
        for lead in range(1, last + 1):
            if lead not in self.open_leads:
                shift_mv[lead] = 0.0
                continue
            moved_mv = before_mv[lead - 1] - cell_mv[lead - 1]
            if lead < last:
                moved_mv = (moved_mv + cell_mv[lead] - before_mv[lead]) / 2.0
            shift_mv[lead] += moved_mv
        self._before_mv = list(cell_mv) if self.open_leads else None
        return [cell_mv[n] + shift_mv[n + 1] - shift_mv[n] for n in range(last)]

    def bled(self, cells):
        """The cells that really lose charge when these are bled (masks by place).

        Beside a broken lead no current flows, but the switch pulls the input to its other end.
        """
        shift_mv = self._shift_mv
        cell_mv = self.bench.cell_mv
        for lead in self.open_leads:
            if not 1 <= lead <= len(cell_mv):
                continue
            below = cells >> (lead - 1) & 1
            above = cells >> lead & 1
            if below and not above:
                shift_mv[lead] = shift_mv[lead - 1] - cell_mv[lead - 1]
            elif above and not below:
                shift_mv[lead] = shift_mv[lead + 1] + cell_mv[lead]
            cells &= ~(3 << (lead - 1))
        return cells
