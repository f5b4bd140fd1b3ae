"""A hundred and one guesses of the charge, weighed: for a start without knowledge, and as a watch.

Every guess moves with the counter. A look at one moment's voltage is spread over many slices; a
look counts the less the closer it follows the one before.
"""

from math import exp, log, sqrt

from micropython import const

GUESSES = const(101)
_SLICE = const(7)
SLICES = const(16)  # of one look: one to begin, fifteen to weigh
_OHM = 0.25
_UNSETTLED = 0.5
_AXIS = 0.015
_HYSTERESIS = 0.4
_FARTHEST = 50.0
_MOST = 16.0  # of one look: the square of how many sigma it may be off
_OVER = 0.02
_FORGET_S = 86400.0
_LEAST = -30.0  # against the best: no guess is ever lost for good
_STEP2 = 0.0000083  # a guess stands for all the charges about it: 1 % squared over 12


class Grid:
    def __init__(self, model):
        self._model = model
        self._weights = [0.0] * GUESSES  # logarithms
        self._slopes2 = [0.0] * GUESSES
        for guess in range(GUESSES):
            below = max(guess - 2, 0)
            above = min(guess + 2, 100)
            rise = model.open_mv(above * 0.01) - model.open_mv(below * 0.01)
            slope = _AXIS * rise / ((above - below) * 0.01)
            self._slopes2[guess] = slope * slope
        self.restart(0.0)

    def restart(self, counted):
        """Nothing is known from here on."""
        self.zero = counted
        for guess in range(GUESSES):
            self._weights[guess] = 0.0
        self._at = GUESSES
        self._first = True
        self._top = 0.0
        self._mean = 0.5
        self.sigma = 0.29
        self.looks = 0

    def share(self, counted):
        """The mean of the guesses, now that the counter stands at `counted`."""
        return self._mean + counted - self.zero

    def told(self, share, sigma, counted):
        """From elsewhere: an anchor, or what was remembered. Ends a look that is under way."""
        self._at = GUESSES
        self._first = False
        self._best = -1e9
        self._sum = self._sum1 = self._sum2 = 0.0
        centre = share - counted + self.zero
        for guess in range(GUESSES):
            off = (guess * 0.01 - centre) / sigma
            self._weigh(guess, self._kept_weight(guess, 1.0) - 0.5 * min(off * off, _FARTHEST))
        self._conclude()

    @property
    def busy(self):
        return self._at < GUESSES

    def begin(self, cell_mv, seconds, counted):
        """Take a moment's voltage, `seconds` after the one before."""
        model = self._model
        self._gone = counted - self.zero
        self._missed_mv = cell_mv - model.drop_mv
        drop_mv = _OHM * model.drop_mv
        unsettled_mv = _UNSETTLED * model.unsettled_mv
        self._error2 = (
            model.ocv_mv * model.ocv_mv + drop_mv * drop_mv + unsettled_mv * unsettled_mv
        )
        self._spread = _HYSTERESIS + model.hysteresis_sigma
        self._turn = model.hysteresis
        self._counts = 1.0 if self._first else seconds / model.look_s
        self._kept = 1.0 - seconds / _FORGET_S
        self._first = False
        self._best = -1e9
        self._sum = self._sum1 = self._sum2 = 0.0
        self._at = 0

    def slice(self):
        """Weigh some guesses; with the last of them mean and sigma are new."""
        model = self._model
        slopes2 = self._slopes2
        gone = self._gone
        error2 = self._error2
        end = min(self._at + _SLICE, GUESSES)
        for guess in range(self._at, end):
            share = guess * 0.01 + gone
            if -_OVER < share < 1.0 + _OVER:
                width_mv = model.half_width_mv(share)
                spread_mv = width_mv * self._spread
                near = min(max(int(share * 100.0 + 0.5), 0), 100)
                sigma2 = error2 + spread_mv * spread_mv + slopes2[near]
                missed_mv = self._missed_mv - model.open_mv(share) - width_mv * self._turn
                off = missed_mv * missed_mv / sigma2
                if off > _MOST:
                    off = _MOST
            else:
                off = _MOST
                sigma2 = error2
            self._weigh(
                guess,
                self._kept_weight(guess, self._kept) - 0.5 * (off + log(sigma2)) * self._counts,
            )
        self._at = end
        if end == GUESSES:
            self._conclude()

    def _kept_weight(self, guess, kept):
        weight = (self._weights[guess] - self._top) * kept
        return weight if weight > _LEAST else _LEAST

    def _weigh(self, guess, weight):
        self._weights[guess] = weight
        if weight > self._best:
            self._best = weight
        weight = exp(weight)
        place = guess * 0.01
        self._sum += weight
        self._sum1 += weight * place
        self._sum2 += weight * place * place

    def _conclude(self):
        self._top = self._best
        mean = self._sum1 / self._sum
        variance = self._sum2 / self._sum - mean * mean
        self._mean = mean
        self.sigma = sqrt((variance if variance > 0.0 else 0.0) + _STEP2)
        self.looks += 1
