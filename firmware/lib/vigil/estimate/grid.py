"""A hundred and one guesses of the charge, weighed: for a start without knowledge, and as a watch.

Every guess moves with the counter. A look at one moment's voltage is spread over many slices; a
look counts the less the closer it follows the one before.
"""

from array import array
from math import exp, log, sqrt

from micropython import const

GUESSES = const(101)
_SLICE = const(2)
SLICES = const(52)  # of one look: one to begin, the others to weigh
_OHM = const(0.25)
_UNSETTLED = const(0.5)
_AXIS_DMV = const(0.15)  # 0.015 of the charge, over a table in 0.1 mV and per cent
_HYSTERESIS = const(0.4)
_FARTHEST = const(50.0)
_MOST = const(16.0)  # of one look: the square of how many sigma it may be off
_OVER = const(0.02)
_FORGET_S = const(86400.0)
_SLOW_S = const(18000.0)  # slower through the whole charge than so, a look counts less
_STILL = const(0.0625)  # the least: of a night on a plateau one look remains
_LEAST = const(-30.0)  # against the best: no guess is ever lost for good
_NONE = const(-1e9)
_STEP2 = const(0.0000083)  # a guess stands for all the charges about it: 1 % squared over 12


class Grid:
    def __init__(self, model):
        self._model = model
        self._weights = array("f", [0.0] * GUESSES)  # logarithms
        self._told = 0.0
        self.restart(0.0)

    def restart(self, counted):
        """Nothing is known from here on."""
        self.zero = counted
        for guess in range(GUESSES):
            self._weights[guess] = 0.0
        self.at = GUESSES  # of the look that is under way
        self._first = True
        self._gone = 0.0
        self._variance = 0.08
        self.drift = 0.0  # one sigma of what the counter strayed since the looks that count
        self._top = 0.0
        self._mean = 0.5
        self.sigma = 0.29

    def share(self, counted):
        """The mean of the guesses, now that the counter stands at `counted`."""
        return self._mean + counted - self.zero

    def told(self, share, sigma, counted):
        """From elsewhere: an anchor. Ends a look that is under way."""
        self._missed_mv = share - counted + self.zero
        self._told = sigma
        self._begin(1.0, 1.0)
        while self.at < GUESSES:
            self.slice()
        self._told = 0.0

    def begin(self, cell_mv, seconds, counted, offset_share=0.0):
        """Take a moment's voltage, `seconds` after the one before.

        offset_share: one sigma of the current's offset, of the capacity an hour.
        """
        model = self._model
        self._missed_mv = cell_mv - model.drop_mv
        drop_mv = _OHM * model.drop_mv
        unsettled2 = _UNSETTLED * model.unsettled_mv
        unsettled2 *= unsettled2
        error2 = model.ocv_mv * model.ocv_mv + drop_mv * drop_mv + unsettled2
        self._error2 = error2
        # A cell that stands still says the same again, with the same error but what passes of it.
        gone = counted - self.zero
        gait = max(abs(gone - self._gone) * _SLOW_S / seconds, unsettled2 / error2, _STILL)
        self._gone = gone
        self.drift += seconds * offset_share / 3600.0
        counts = 1.0
        if not self._first:
            counts = min(gait, 1.0) * seconds / model.look_s
        self._begin(counts, 1.0 - seconds / _FORGET_S)

    def _begin(self, counts, kept):
        self._counts = counts
        self._kept = kept
        self._first = False
        self._best = _NONE
        self._sum = self._sum1 = self._sum2 = 0.0
        self.at = 0

    def slice(self):
        """Weigh some guesses; with the last of them mean and sigma are new."""
        model = self._model
        table = model.ocv_dmv
        weights = self._weights
        end = min(self.at + _SLICE, GUESSES)
        for guess in range(self.at, end):
            place = guess * 0.01
            if self._told:
                off = (place - self._missed_mv) / self._told
                off *= off
                if off > _FARTHEST:
                    off = _FARTHEST
            else:
                share = place + self._gone
                sigma2 = self._error2
                off = _MOST
                if -_OVER < share < 1.0 + _OVER:
                    width_mv = model.half_width_mv(share)
                    spread_mv = width_mv * (_HYSTERESIS + model.hysteresis_sigma)
                    near = min(max(int(share * 100.0 + 0.5), 0), 100)
                    below = max(near - 2, 0)
                    above = min(near + 2, 100)
                    slope = (table[above] - table[below]) * (_AXIS_DMV / (above - below))
                    sigma2 += spread_mv * spread_mv + slope * slope
                    missed_mv = self._missed_mv - model.open_mv(share)
                    missed_mv -= width_mv * model.hysteresis
                    off = min(missed_mv * missed_mv / sigma2, _MOST)
                off += log(sigma2)
            weight = (weights[guess] - self._top) * self._kept
            weight = (weight if weight > _LEAST else _LEAST) - 0.5 * off * self._counts
            weights[guess] = weight
            if weight > self._best:
                self._best = weight
            weight = exp(weight)
            self._sum += weight
            self._sum1 += weight * place
            self._sum2 += weight * place * place
        self.at = end
        if end == GUESSES:
            self._top = self._best
            mean = self._mean = self._sum1 / self._sum
            variance = self._sum2 / self._sum - mean * mean
            variance = (variance if variance > 0.0 else 0.0) + _STEP2
            if variance < self._variance:
                # So much of what is known comes from looks of before.
                self.drift *= variance / self._variance
            self._variance = variance
            self.sigma = sqrt(variance + self.drift * self.drift)
