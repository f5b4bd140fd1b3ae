"""Measuring side of the ISL94202 model: cells at its eight inputs, thermistors, die, codes.

Twelve bits of 1.8 V behind a divider or an amplifier each; mV and mA of the bench come in.
"""

from host_tools.mock.isl94202_map import CELL_BYTES
from host_tools.mock.thermistors import ohm_103jt

INPUTS = 8
TOP_CODE = 0xFFF
_REFERENCE_MV = 1800.0
_GAINS = (50, 5, 500, 500)
_DIE_MV_PER_K = 1.8527
_REGULATOR_MV = 2500.0
# Thermistor behind 22 kOhm, as printed: degC and mV, warmest first.
PRINTED_MV = ((80, 153), (50, 295), (25, 463), (0, 710), (-40, 755))


def printed_mv(degrees):
    """Straight lines between the printed points, and on beyond the outer ones."""
    at = 0
    while at < len(PRINTED_MV) - 2 and degrees < PRINTED_MV[at + 1][0]:
        at += 1
    warm_c, warm_mv = PRINTED_MV[at]
    cold_c, cold_mv = PRINTED_MV[at + 1]
    return warm_mv + (degrees - warm_c) * (cold_mv - warm_mv) / (cold_c - warm_c)


def divider_mv(degrees):
    """A 10k thermistor with 10 kOhm beside it, below 22 kOhm at 2.5 V.

    Shows every printed point but 0 degC: there it is at 625 mV, and at 710 mV it is at -20 degC.
    """
    ohm = ohm_103jt(degrees)
    ohm = ohm * 10000.0 / (ohm + 10000.0)
    return 2500.0 * ohm / (ohm + 22000.0)


def code_of(mv, full_mv):
    return min(max(int(mv * TOP_CODE / full_mv + 0.5), 0), TOP_CODE)


class Inputs:
    # Below it neither CHING nor DCHING shows, and the current reads 0; not on the sheet.
    direction_uv = 100.0

    def __init__(self, bench, cells, wiring, shunt_uohm, seed, thermistor_mv, switches_on_xt2):
        """wiring: input numbers with a cell, lowest first, where a product deviates."""
        self.bench = bench
        if cells not in CELL_BYTES:
            raise ValueError("this chip measures no such number of cells")
        used = CELL_BYTES[cells]
        numbers = [n + 1 for n in range(INPUTS) if used >> n & 1] if wiring is None else wiring
        if len(numbers) != cells or min(numbers) < 1 or max(numbers) > INPUTS:
            raise ValueError("the wiring names one input for each cell")
        self.places = [-1] * INPUTS
        for place, number in enumerate(numbers):
            self.places[number - 1] = place
        self.shunt_mohm = shunt_uohm / 1000.0
        # The stack is measured less well than its cells.
        self.stack_permille = seed * 7 % 5 - 2
        self.open_leads = set()
        # Fault hook: cells (by place) whose input converts no more and keeps its old code.
        self.stuck = set()
        self.codes = [0] * INPUTS
        self._thermistor_mv = thermistor_mv
        self._switches_on_xt2 = switches_on_xt2
        self._shift_mv = [0.0] * (cells + 1)
        self._before_mv = None

    def convert_cells(self):
        cell_mv = self.bench.cell_mv
        if self.open_leads or self._before_mv is not None:
            cell_mv = self._through_leads(cell_mv)
        for at in range(INPUTS):
            place = self.places[at]
            if place not in self.stuck:
                self.codes[at] = code_of(cell_mv[place], 4800.0) if place >= 0 else 0

    def stack_code(self, mv):
        return code_of(mv * (1000 + self.stack_permille) / 1000.0, 57600.0)

    def sense_uv(self):
        return self.bench.sensed_ma * self.shunt_mohm

    def direction(self):
        """1 charging, -1 discharging, 0 too little to tell."""
        sense_uv = self.sense_uv()
        if abs(sense_uv) < self.direction_uv:
            return 0
        return 1 if sense_uv > 0 else -1

    def current_code(self, ma, gain_code):
        full_uv = 1000.0 * _REFERENCE_MV / _GAINS[gain_code]
        return code_of(abs(ma) * self.shunt_mohm, full_uv)

    def thermistor_code(self, n, tgain):
        temps_c = self.bench.temps_c
        if n == 1 and self._switches_on_xt2:
            degrees = self.bench.switch_c
        else:
            degrees = temps_c[n] if n < len(temps_c) else None
        if degrees is None:
            return TOP_CODE
        # Only the amplifier's other setting is printed; this one is taken to be without.
        gain = 1 if tgain else 2
        return code_of(self._thermistor_mv(degrees) * gain, _REFERENCE_MV)

    def die_code(self):
        return code_of((self.bench.die_c + 273.15) * _DIE_MV_PER_K, _REFERENCE_MV)

    def regulator_code(self):
        return code_of(_REGULATOR_MV, 2.0 * _REFERENCE_MV)

    # Broken sense leads: lead n goes to the top of cell n. Its input stays where its capacitor is,
    # and sinks to the input below when the test for open wires pulls at it.

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

    def test_leads(self):
        """True if a lead is broken; pulls its input down."""
        shift_mv = self._shift_mv
        cell_mv = self.bench.cell_mv
        broken = False
        for lead in sorted(self.open_leads):
            if 1 <= lead <= len(cell_mv):
                shift_mv[lead] = shift_mv[lead - 1] - cell_mv[lead - 1]
                broken = True
        return broken

    def bled(self, cells):
        """Of these cells (a mask by place) the ones whose bleed current finds a way."""
        for lead in self.open_leads:
            if lead >= 1:
                cells &= ~(3 << (lead - 1))
        return cells
