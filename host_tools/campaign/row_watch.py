"""One limit and what its quantity does in the simulated hardware: may it have tripped, must it?

Two clocks a limit. `may` is as generous to the firmware as the tolerances allow: from then on an
opening is justified. `must` is as strict as the promise: from then on the switches have to block.
Between the two either is right. Times in us; a lower limit is watched with its signs turned round.
"""

from host_tools.campaign import meaning


class RowWatch:
    def __init__(self, row, numbers, pace):
        """row: of meaning.LIMITS; numbers: (trip, release, trip delay ms, release delay ms)."""
        self.row_id, self.words, self.quantity, self.above, self.opens, self.recovery = row
        sign = 1 if self.above else -1
        self.trip = sign * numbers[0]
        self.release = sign * numbers[1]
        self.tolerance = meaning.TOLERANCE[self.quantity]
        if self.quantity == meaning.CURRENT:
            self.tolerance += abs(numbers[0]) * meaning.CURRENT_PERMILLE // 1000
        self.delay_us = numbers[2] * 1000
        self.release_us = numbers[3] * 1000
        period_us = pace.period_us[self.quantity]
        self.promise_us = self.delay_us + 2 * period_us
        self.release_promise_us = self.release_us + 2 * period_us
        self.may = False
        self.must = False
        self.tripped_us = 0  # since when it must
        self.latest_may_us = 0  # last time that it may have been tripped
        self.freed_us = 0  # since when it no longer must
        self._maybe_from_us = -1
        self._surely_from_us = -1
        self._paused_us = 0
        self._maybe_inside_us = -1
        self._surely_inside_us = -1
        self.looks = 0
        self.band_looks = 0

    def sample(self, conversion, read_us):
        """A conversion has finished; read_us: when it was surely read, or -1."""
        if self.above:
            low, high = conversion.highest
        else:
            low, high = conversion.lowest
            low, high = 0 - high, 0 - low
        finished_us = conversion.finished_us
        surely_beyond = low > self.trip + self.tolerance
        maybe_beyond = high > self.trip - self.tolerance
        if read_us >= 0:
            self.looks += 1
            if maybe_beyond and not surely_beyond:
                self.band_looks += 1
        if conversion.unknown:
            # Who is unknown may be beyond, and lets nothing release.
            if maybe_beyond and self._maybe_from_us < 0:
                self._maybe_from_us = finished_us
            self._surely_from_us = self._maybe_inside_us = self._surely_inside_us = -1
            return
        if maybe_beyond:
            if self._maybe_from_us < 0:
                self._maybe_from_us = finished_us
        elif read_us >= 0:
            self._maybe_from_us = -1
        if not surely_beyond:
            self._surely_from_us = -1
        elif read_us >= 0 and self._surely_from_us < 0:
            self._surely_from_us = read_us
            self._paused_us = 0
        if low > self.release + self.tolerance:
            if read_us >= 0:
                self._maybe_inside_us = -1
        elif self._maybe_inside_us < 0:
            self._maybe_inside_us = finished_us
        if high > self.release - self.tolerance:
            self._surely_inside_us = -1
        elif read_us >= 0 and self._surely_inside_us < 0:
            self._surely_inside_us = read_us

    def blind(self, us):
        """The front end could not be read all this time: the promise and a release wait."""
        self._paused_us += us
        self._surely_inside_us = -1

    def forgive(self):
        """The chip has lost its configuration: what it had measured is worth nothing."""
        self._surely_from_us = -1

    def may_have_tripped(self, now_us):
        if self.may:
            return True
        since_us = self._maybe_from_us
        return since_us >= 0 and now_us - since_us >= self.delay_us - meaning.TIME_TOLERANCE_US

    def is_free(self, now_us):
        """It can have released by now, at the earliest."""
        if not self.must:
            return True
        since_us = self._maybe_inside_us
        return since_us >= 0 and now_us - since_us >= self.release_us - meaning.TIME_TOLERANCE_US

    def blame(self, now_us):
        """Nothing else can have opened the switch: it has tripped."""
        self.may = self.must = True
        self.latest_may_us = now_us
        self._surely_from_us = -1

    def advance(self, now_us):
        """Bring both verdicts to now; True if it must have tripped just now."""
        if not self.may and self.may_have_tripped(now_us):
            self.may = True
        if self.may:
            self.latest_may_us = now_us
            inside_us = self._surely_inside_us
            if inside_us >= 0 and now_us - inside_us >= self.release_promise_us:
                self.may = self.must = False
                self._maybe_from_us = -1
                return False
        if self.must:
            if self.is_free(now_us):
                self.must = False
                self.freed_us = self._maybe_inside_us + self.release_us
            return False
        since_us = self._surely_from_us
        if since_us < 0 or now_us - since_us - self._paused_us < self.promise_us:
            return False
        self.must = True
        self.tripped_us = since_us + self._paused_us + self.promise_us
        self._surely_from_us = -1
        return True

    @property
    def beyond(self):
        """Its latest conversions may have been beyond the trip."""
        return self._maybe_from_us >= 0
