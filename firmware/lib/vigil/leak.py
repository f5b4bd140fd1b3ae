"""Self-discharge of a cell beyond its neighbours': what it loses between two looks at all cells.

What was bled is known and does not count. mA, mA*s; shares in 0.01 % of the capacity; floats, for
a rate at a time, never added up.
"""

from array import array

from micropython import const

from vigil.sample import UNKNOWN

_LEAST_S = const(72000)  # between two looks that tell a rate
_ALIKE = const(500)  # share: looks that may be compared
_LONG_S = const(604800)
_FAR = const(2000)
# Of the capacity an hour: a cell that loses so much is told, until it loses half of it.
_TOLD_DIVISOR = const(5000)
_BLEED_ERROR = const(0.1)
_UNLIKE = const(0.0001)  # squared: capacities that differ, between looks at different shares
_PER_SLICE = const(4)
_POOR = const(50)  # sigma: not seen at the knee
_SURE = const(2.0)
# A leak may begin: so much sigma comes back in a day, as a share of what is told.
_NEW = const(0.25)


class LeakWatch:
    def __init__(self, cell_count, unit_mas, capacity_mah):
        self.leak_ma = array("i", [UNKNOWN] * cell_count)
        self.sigma_ma = array("i", [UNKNOWN] * cell_count)
        self.cell = 0  # the one that leaks most, counted from 1; 0: none that matters
        self.bled_mas = array("i", [0] * cell_count)  # since the look before
        self._unit_mas = unit_mas
        self._told_ma = max(capacity_mah / _TOLD_DIVISOR, 1.0)
        self._leaks = array("f", [0.0] * cell_count)
        self._variances = array("f", [-1.0] * cell_count)  # -1: never told
        self._shares = array("i", [0] * cell_count)
        self._sigmas = array("i", [0] * cell_count)
        self._lost = array("i", [0] * cell_count)
        self._usual = self._usual_bled = 0
        self._look = None
        self._at = 0
        self.busy = False
        self._begun = False
        self._since_s = 0
        self._rest_ms = 0

    def recall(self, cell, leak_ma):
        """Known from before a power cut."""
        self._leaks[cell] = float(leak_ma)
        self._variances[cell] = self._told_ma * self._told_ma
        self._tell()

    def pass_ms(self, ms):
        ms += self._rest_ms
        self._since_s += ms // 1000
        self._rest_ms = ms % 1000

    def forget(self):
        """An hour has passed."""
        more = _NEW * self._told_ma
        for cell in range(len(self._variances)):
            if self._variances[cell] >= 0.0:
                self._variances[cell] += more * more / 24.0

    def look(self, shares, sigmas, floor, sizes):
        """All cells' shares; those at `floor` may be lower still. True if step() has work now.

        sizes: their capacities, in 0.1 % of the rated one.
        """
        if not self._begun:
            if min(shares) > floor:
                self._begin(shares, sigmas)
            return False
        # At another charge, cells of other capacities are apart by more than they have lost.
        moved = abs(max(self._shares) - max(shares))
        if self._since_s < _LEAST_S or (moved > _ALIKE and self._since_s < _LONG_S):
            return False
        count = len(shares)
        lost = self._lost
        for cell in range(count):
            # Charge that a cell has lost by itself, beside a common part.
            less = min(max(self._shares[cell] - shares[cell], 0 - _FAR), _FAR)
            lost[cell] = less * sizes[cell] // 1000 * self._unit_mas - self.bled_mas[cell]
        self._usual = sorted(lost)[count // 2]
        self._usual_bled = sorted(self.bled_mas)[count // 2]
        self._look = (shares, sigmas, floor)
        self._at = 0
        self.busy = True
        return True

    def step(self):
        """A slice of that work: some cells."""
        shares, sigmas, floor = self._look
        seconds = float(self._since_s)
        count = len(shares)
        poor = self._poor(sigmas)
        for cell in range(self._at, min(self._at + _PER_SLICE, count)):
            rate_ma = (self._lost[cell] - self._usual) / seconds
            moved = self._shares[cell] - shares[cell]
            error = float(self._sigmas[cell] * self._sigmas[cell] + sigmas[cell] * sigmas[cell])
            error += _UNLIKE * moved * moved
            error *= float(self._unit_mas) * self._unit_mas
            bled = _BLEED_ERROR * (self.bled_mas[cell] - self._usual_bled)
            error += bled * bled
            error /= seconds * seconds
            if max(self._sigmas[cell], sigmas[cell]) < _POOR:
                if not poor:
                    self._weigh(cell, rate_ma, error)
            elif self._is_news(cell, rate_ma, error, shares[cell] <= floor):
                self._leaks[cell] = rate_ma
                self._variances[cell] = error
        self._at += _PER_SLICE
        self.busy = self._at < count
        if not self.busy:
            self._tell()
            if not poor:
                self._begin(shares, sigmas)
        return self.busy

    def _poor(self, sigmas):
        """Some cell's rate takes longer to tell: until then the others wait."""
        worst = max(max(self._sigmas), max(sigmas))
        return worst >= _POOR and self._since_s < _LONG_S

    def _is_news(self, cell, rate_ma, error, at_floor):
        """Held against the same look again and again: not to be added up."""
        if at_floor and rate_ma <= self._leaks[cell]:
            return False  # no more than that is known
        variance = self._variances[cell]
        apart_ma = rate_ma - self._leaks[cell]
        return variance < 0.0 or error <= variance or apart_ma * apart_ma > 4.0 * error

    def _begin(self, shares, sigmas):
        for cell in range(len(shares)):
            self._shares[cell] = shares[cell]
            self._sigmas[cell] = sigmas[cell]
            self.bled_mas[cell] = 0
        self._since_s = 0
        self._begun = True

    def _weigh(self, cell, rate_ma, its_own):
        variance = self._variances[cell]
        if variance < 0.0:
            self._leaks[cell] = rate_ma
            self._variances[cell] = its_own
            return
        gain = variance / (variance + its_own)
        self._leaks[cell] += gain * (rate_ma - self._leaks[cell])
        self._variances[cell] = variance * (1.0 - gain)

    def _tell(self):
        worst = 0
        most_ma = 0.0
        for cell in range(len(self._leaks)):
            variance = self._variances[cell]
            if variance < 0.0:
                continue
            leak_ma = max(self._leaks[cell], 0.0)
            sigma_ma = variance**0.5
            self.leak_ma[cell] = int(leak_ma + 0.5)
            self.sigma_ma[cell] = int(sigma_ma + 0.5)
            told = cell + 1 == self.cell
            # Told when it is sure; withdrawn when it is half of that.
            sure_ma = leak_ma if told else leak_ma - _SURE * sigma_ma
            if sure_ma > (0.5 * self._told_ma if told else self._told_ma) and leak_ma > most_ma:
                worst = cell + 1
                most_ma = leak_ma
        self.cell = worst
