"""Protections of the ISL94202 model: limits on converted codes, comparators on the shunt.

Each sets its bit and takes it back by itself: what the switches make of it is the chip's part.
"""

from host_tools.mock.isl94202_map import (
    CHPRSNT,
    COC,
    COT,
    COT_BIT,
    CUT,
    CUT_BIT,
    DOC,
    DOT,
    DOT_BIT,
    DSC,
    DUT,
    DUT_BIT,
    EOC,
    IOT,
    IOT_BIT,
    LDPRSNT,
    LVCH,
    LVCHG,
    OCC,
    OCD,
    OV,
    OVDT,
    OVL,
    OVLO,
    OVLO_BIT,
    OVR,
    SCD,
    UV,
    UVDT,
    UVL,
    UVLO,
    UVLO_BIT,
    UVR,
    VEOC,
    delay_us,
)

CURRENT_MV = {
    DOC: (4, 8, 16, 24, 32, 48, 64, 96),
    COC: (1, 2, 4, 6, 8, 12, 16, 24),
    DSC: (16, 24, 32, 48, 64, 96, 128, 256),
}
_WORDS = {DOC: OCD, COC: OCC, DSC: SCD}
_HOLDS = {DOC: LDPRSNT, COC: CHPRSNT, DSC: LDPRSNT}


class Limit:
    """A code above (or below) its limit for long enough; `since_us` is when it began."""

    def __init__(self, bit, above, limit, release, delay=None):
        self.bit = bit
        self.above = above
        self.limit = limit
        self.release = release
        self.delay = delay
        self.since_us = None

    def look(self, chip, lowest, highest):
        code = highest if self.above else lowest
        sign = 1 if self.above else -1
        if chip.has(self.bit):
            self.since_us = None
            release = chip.code(self.release)
            if (code - release) * sign < 0 or (self.limit == self.release and code == release):
                chip.drop(self.bit)
            return
        if (code - chip.code(self.limit)) * sign <= 0:
            self.since_us = None
            return
        now_us = chip.clock.now_us
        if self.since_us is None:
            self.since_us = now_us
        wait_us = chip.lockout_us if self.delay is None else delay_us(chip.u16(self.delay))
        if self.bit in (VEOC, LVCHG):
            wait_us = 0
        if now_us - self.since_us >= wait_us:
            chip.trip(self.bit)


def voltage_limits():
    return (
        Limit(OV, True, OVL, OVR, OVDT),
        Limit(UV, False, UVL, UVR, UVDT),
        Limit(OVLO_BIT, True, OVLO, OVR),
        Limit(UVLO_BIT, False, UVLO, UVR),
        Limit(VEOC, True, EOC, EOC),
        Limit(LVCHG, False, LVCH, LVCH),
    )


# Bit, register of the limit (its release follows it), whether a higher code is beyond: a
# thermistor's voltage falls as it gets warmer, the die's rises.
_TEMPERATURES = (
    (COT_BIT, COT, False),
    (CUT_BIT, CUT, True),
    (DOT_BIT, DOT, False),
    (DUT_BIT, DUT, True),
)


def look_at_temperatures(chip, codes, die_code):
    for bit, register, above in _TEMPERATURES:
        beyond_and_back(chip, bit, register, above, codes)
    beyond_and_back(chip, IOT_BIT, IOT, True, (die_code,))


def beyond_and_back(chip, bit, register, above, codes):
    limit = chip.code(register)
    release = chip.code(register + 2)
    code = max(codes) if above else min(codes)
    if code > limit if above else code < limit:
        chip.trip(bit)
    elif code < release if above else code > release:
        chip.drop(bit)


class Comparator:
    """Sees the shunt at any moment; forgiven when load or charger is gone."""

    def __init__(self, chip, bit):
        self.chip = chip
        self.bit = bit
        self.limit_mv = 0
        self.delay_us = 0
        self._sign = 1 if bit == COC else -1
        self._entry = None
        self._due_call = self._due
        self.keeps = _HOLDS[bit]

    def load(self):
        word = self.chip.u16(_WORDS[self.bit])
        self.limit_mv = CURRENT_MV[self.bit][word >> 12 & 7]
        self.delay_us = delay_us(word)

    def forget(self):
        if self._entry is not None:
            self.chip.clock.cancel(self._entry)
            self._entry = None

    def look(self):
        if not self._beyond() or self.chip.has(self.bit):
            self.forget()
        elif self._entry is None:
            clock = self.chip.clock
            self._entry = clock.call_at(clock.now_us + self.delay_us, self._due_call)

    def _beyond(self):
        return self.chip.inputs.sense_uv() * self._sign >= 1000.0 * self.limit_mv

    def _due(self):
        self._entry = None
        self.chip.bench.update()
        if self._beyond():
            self.chip.trip(self.bit)
