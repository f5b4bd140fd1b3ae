"""Balancing of the ISL94202 model: by the chip's own rules, or as the host's CBFC says.

CBFC shows what is asked for, not what flows. Off while the cells are measured.
"""

from host_tools.mock.isl94202_inputs import INPUTS
from host_tools.mock.isl94202_map import (
    CB_EOC,
    CBAL_ON,
    CBDC,
    CBDD,
    CBFC,
    CBMAX,
    CBMAXDV,
    CBMIN,
    CBMINDV,
    CBOFF,
    CBON,
    CBOT,
    CBOT_BIT,
    CBOV,
    CBUT,
    CBUT_BIT,
    CBUV,
    CELLF,
    CHING,
    CTRL2,
    DCHING,
    IOT_BIT,
    OPEN,
    SETUP1,
    UCCBAL,
    VEOC,
    delay_us,
)
from host_tools.mock.isl94202_protections import beyond_and_back

_ENDS = OPEN | CELLF | IOT_BIT
_FORBIDS = _ENDS | CBOV | CBUV | CBOT_BIT | CBUT_BIT


class Balancing:
    def __init__(self, chip):
        self.chip = chip
        # What a host should never ask for; counted, not refused.
        self.wrong_requests = 0
        self.neighbours = 0
        self._on = False
        self._odd = False
        self._turn_us = 0
        self._bled = 0

    def forget(self):
        self.chip.regs[CBFC] = 0
        self._on = False
        self._turn_us = 0
        self.show()

    def host_writes(self, value):
        chip = self.chip
        if not chip.regs[CTRL2] & UCCBAL:
            chip.forbidden_writes += 1
            return
        places = chip.inputs.places
        chip.regs[CBFC] = value
        if any([value >> n & 1 and places[n] < 0 for n in range(INPUTS)]):
            self.wrong_requests += 1
        if value & value << 1:
            self.neighbours += 1
        self.show()

    def rest(self):
        """The cells are being measured."""
        if self._bled:
            self.chip.bench.set_bleed(0)

    def show(self):
        chip = self.chip
        wanted = chip.regs[CBFC]
        control = chip.regs[CTRL2]
        if control & UCCBAL and not control & CBAL_ON:
            wanted = 0
        if chip.status & _ENDS or not chip.awake():
            wanted = 0
        places = chip.inputs.places
        cells = 0
        for n in range(INPUTS):
            if wanted >> n & 1 and places[n] >= 0:
                cells |= 1 << places[n]
        self._bled = chip.inputs.bled(cells)
        chip.bench.set_bleed(self._bled)

    def measured(self, codes, lowest, highest):
        """After the cells: CBOV and CBUV, and the chip's own choice unless the host has it."""
        chip = self.chip
        chip.set_bits(CBOV, highest > chip.code(CBMAX))
        chip.set_bits(CBUV, lowest < chip.code(CBMIN))
        if not chip.regs[CTRL2] & UCCBAL:
            chip.regs[CBFC] = self._choice(codes, lowest)
        self.show()

    def look_at_temperatures(self, codes):
        # The order of the four words is taken to be: cold, its release, warm, its release.
        beyond_and_back(self.chip, CBUT_BIT, CBUT, True, codes)
        beyond_and_back(self.chip, CBOT_BIT, CBOT, False, codes)

    def _choice(self, codes, lowest):
        chip = self.chip
        if not self._allowed() or not self._in_on_time():
            return 0
        least, most = chip.code(CBMINDV), chip.code(CBMAXDV)
        chosen = 0
        used = chip.used_inputs()
        for n in range(INPUTS):
            if used >> n & 1 and least < codes[n] - lowest <= most and (n & 1) == self._odd:
                chosen |= 1 << n
        return chosen

    def _allowed(self):
        chip = self.chip
        setup = chip.regs[SETUP1]
        if chip.status & _FORBIDS:
            return False
        return (
            (setup & CBDC and chip.has(CHING))
            or (setup & CBDD and chip.has(DCHING))
            or (setup & CB_EOC and chip.has(VEOC))
        )

    def _in_on_time(self):
        """On and off in turns; neighbours never in the same turn."""
        chip = self.chip
        now_us = chip.clock.now_us
        if now_us >= self._turn_us:
            self._on = not self._on
            if self._on:
                self._odd = not self._odd
            self._turn_us = now_us + delay_us(chip.u16(CBON if self._on else CBOFF))
        return self._on
