"""When the front end could be read, and what follows when it could not: the judge's second clock.

Both switches have to block three conversions after the last one; they may open a cycle before,
and only if the bus was disturbed for longer than the firmware promises to ride through.
"""

from host_tools.campaign import meaning

# A disturbance shorter than this opens nothing: the firmware looks twice, 10 ms apart.
SHORT_US = 9000
# Disturbances are added up over this time.
_WINDOW_US = 250000
# A front end that has to be set up again: tries every 500 ms, then as long as this.
_SURELY_SET_UP_US = 1500000
_SET_UP_US = 5000000
_GIVEN_UP_US = 900000
_SETTLE_US = 110000


class BusWatch:
    def __init__(self, truth, pace):
        self._truth = truth
        self._pace = pace
        self._bad_since_us = -1
        self._bad_until_us = -1
        self._maybe_well_us = 0  # a short relapse after this may have passed unnoticed
        self._last_good_us = -1  # latest conversion that finished before it went bad
        self._bad_us = 0  # disturbed time within the window
        self._window_us = 0
        self.may = False
        self.must = False
        self.deadline_us = -1
        self.well_since_us = 0
        self._was_well = True
        self._set_up_from_us = 0
        self.freed_us = 0

    def changed(self):
        """A fault of the front end begins or ends; now, exactly."""
        truth = self._truth
        now_us = truth.clock.now_us
        well = truth.front_end_well
        if not truth.front_end_set_up:
            # Without its settings the chip holds both switches open by itself.
            self.may = True
        if well == self._was_well:
            return
        self._was_well = well
        if well:
            bad_us = now_us - self._bad_since_us
            self._bad_us += bad_us
            self._bad_until_us = now_us
            if bad_us >= _GIVEN_UP_US:
                # Meanwhile the firmware may have begun to set it up anew.
                self._set_up_from_us = now_us
            self._bad_since_us = -1
            if self._maybe_well_us < 0:
                self._maybe_well_us = now_us
        else:
            self._bad_since_us = now_us
            self._last_good_us = truth.conversions[0].finished_us

    @property
    def surely_read(self):
        """It is well, and has been for long enough to be set up."""
        if self._bad_since_us >= 0:
            return False
        return self._truth.clock.now_us - self._set_up_from_us >= _SURELY_SET_UP_US

    def advance(self, now_us):
        """Bring the verdicts to now; True if both switches must block from `deadline_us` on."""
        truth = self._truth
        self.changed()
        if not truth.front_end_set_up:
            self._set_up_from_us = now_us
        bad_us = self._bad_us
        if self._bad_since_us >= 0:
            bad_us += now_us - self._bad_since_us
        if bad_us >= SHORT_US:
            self.may = True
        if now_us - self._window_us > _WINDOW_US and self._bad_since_us < 0:
            self._window_us = now_us
            self._bad_us = 0
        if self._bad_since_us >= 0:
            return self._demand(now_us)
        well_us = now_us - self._bad_until_us
        free_us = self._maybe_well_us + meaning.BLIND_RELEASE_US - meaning.TIME_TOLERANCE_US
        if self.must and now_us >= free_us:
            self.must = False
            self.freed_us = free_us
        if self.may and now_us - self._window_us > 0 and self._may_be_over(now_us, well_us):
            self.may = False
        return False

    def _may_be_over(self, now_us, well_us):
        set_up_us = now_us - self._set_up_from_us
        return (
            set_up_us >= _SET_UP_US
            and well_us >= meaning.BLIND_RELEASE_US + 2 * self._pace.scan_us + _SETTLE_US
        )

    def _demand(self, now_us):
        deadline_us = max(self._last_good_us, 0) + self._pace.stale_us
        if now_us < deadline_us:
            return False
        self._maybe_well_us = -1
        if self.must:
            return False
        self.must = True
        self.deadline_us = deadline_us
        return True
