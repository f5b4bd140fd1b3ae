"""Protections of the BQ769x0 model: OV and UV on converted codes, OCD and SCD on the shunt.

The two voltage limits are looked at once a conversion and counted in conversions, group by group;
the two comparators see discharge current at any moment.
"""

OCD = 0x01
SCD = 0x02
OV = 0x04
UV = 0x08

_CYCLES_A_SECOND = 4
# Below it an input counts as unused.
_LEAST_UV_CODE = 0x0518
_SHORTENED_US = 250_000

_OV_S = (1, 2, 4, 8)
_UV_S = (1, 4, 8, 16)
_SCD_US = (70, 100, 200, 400)
_SCD_MV = (22, 33, 44, 56, 67, 78, 89, 100)
_SCD_MV_DOUBLE = (44, 67, 89, 111, 133, 155, 178, 200)
_OCD_MS = (8, 20, 40, 80, 160, 320, 640, 1280)
_OCD_MV = (8, 11, 14, 17, 19, 22, 25, 28, 31, 33, 36, 39, 42, 44, 47, 50)
_OCD_MV_DOUBLE = (17, 22, 28, 33, 39, 44, 50, 56, 61, 67, 72, 78, 83, 89, 94, 100)


class VoltageLimit:
    # Of a code that equals the limit nothing is known.
    trips_when_equal = False

    def __init__(self, chip, bit):
        self.chip = chip
        self.bit = bit
        self.limit_code = 0
        self.cycles = 0
        self._counts = [0] * chip.groups

    def load(self, trip, delay_code, shortened):
        if self.bit == OV:
            self.limit_code = 0x2008 | trip << 4
            seconds = _OV_S[delay_code]
        else:
            self.limit_code = 0x1000 | trip << 4
            seconds = _UV_S[delay_code]
        self.cycles = 1 if shortened else seconds * _CYCLES_A_SECOND

    def forget(self):
        for group in range(len(self._counts)):
            self._counts[group] = 0

    def converted(self, group, codes):
        """A group of cells has just been converted."""
        if not self._beyond(codes):
            self._counts[group] = 0
            return
        self._counts[group] += 1
        if self._counts[group] > self.cycles:
            self.chip.trip(self.bit)

    def _beyond(self, codes):
        limit = self.limit_code
        if self.bit == OV:
            highest = max(codes)
            return highest > limit or (highest == limit and self.trips_when_equal)
        for code in codes:
            if code >= _LEAST_UV_CODE and (
                code < limit or (code == limit and self.trips_when_equal)
            ):
                return True
        return False

    def released(self):
        """The host has cleared the bit; what persists counts anew, or at once."""
        if not self.chip.trips_again_at_once:
            self.forget()


class Comparator:
    def __init__(self, chip, bit):
        self.chip = chip
        self.bit = bit
        self.limit_mv = 0
        self.delay_us = 0
        self._entry = None
        self._due_call = self._due

    def load(self, protect, doubled, shortened):
        if self.bit == SCD:
            self.limit_mv = (_SCD_MV_DOUBLE if doubled else _SCD_MV)[protect & 7]
            delay_us = _SCD_US[protect >> 3 & 3]
        else:
            self.limit_mv = (_OCD_MV_DOUBLE if doubled else _OCD_MV)[protect & 15]
            delay_us = _OCD_MS[protect >> 4 & 7] * 1000
        self.delay_us = _SHORTENED_US if shortened else delay_us

    def forget(self):
        if self._entry is not None:
            self.chip.clock.cancel(self._entry)
            self._entry = None

    def look(self):
        if not self._beyond() or self.chip.has(self.bit):
            self.forget()
        elif self._entry is None:
            self._wait(self.delay_us)

    def _beyond(self):
        return self.chip.discharge_mv() >= self.limit_mv

    def _wait(self, us):
        clock = self.chip.clock
        self._entry = clock.call_at(clock.now_us + us, self._due_call)

    def _due(self):
        self._entry = None
        self.chip.bench.update()
        if self._beyond():
            self.chip.trip(self.bit)

    def released(self):
        if self.chip.trips_again_at_once and self._beyond():
            self.forget()
            self._wait(0)
        else:
            self.look()
