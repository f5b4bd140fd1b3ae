"""What is so or is not, and has to open switches when it is: a contact, a broken sensor, a lie.

As row_watch.py for limits: `may` justifies an opening, `must` demands it; times in us.
"""

from host_tools.campaign import meaning

_NEVER = 1 << 60
# A runaway that is seen at all: a sensor beyond the limit rises by a kelvin in each of five
# seconds. It is looked at once a second, so the two bounds are wide. 0.1 K in a second.
_SECOND_US = 1000000
_MAYBE_RISE_DC = 8
_SURELY_RISE_DC = 15
_MOST_RISE_DC = 55
_MAYBE_RUN_US = 3500000
_SURELY_RUN_US = 8000000


class Sign:
    quantity = -1

    def __init__(self, sign):
        """sign: of meaning.SIGNS."""
        self.name, self.row_id, self.opens, self.recovery, self.needs_bus = sign[:5]
        self._early_us, self._promise_us, self._hold_us, self._release_us = sign[5:]
        self.may = False
        self.must = False
        self.tripped_us = 0
        self.freed_us = 0
        self._places = {}  # where it is so, and whether it has to be found there
        self._again = False  # new ones stand, and only those before have had to be found
        self._since_us = -1
        self._surely_since_us = -1
        self._ended_us = 0
        self._surely_ended_us = 0

    @property
    def _surely(self):
        return True in self._places.values()

    def begin(self, now_us, place=0, surely=True):
        """surely: it has to be found; else it may be."""
        if not self._places:
            self._since_us = self._surely_since_us = now_us
            self.may = self.may or not self._early_us
            self._again = self.must
        self._places[place] = surely
        self._look_what_stays(now_us)

    def end(self, now_us, place=None):
        """At this place, or everywhere."""
        if not self._places:
            return
        if place is None:
            self._places.clear()
        else:
            self._places.pop(place, None)
        self._look_what_stays(now_us)
        if not self._places:
            self._since_us = -1
            self._surely_ended_us = now_us

    def _look_what_stays(self, now_us):
        # What need not be found does not prolong what had to be.
        if not self._surely and not self._again:
            self._again = True
            self._ended_us = now_us

    def excuse(self, now_us):
        """A pause explains what stands and has not been found."""
        if not self.must:
            for place in self._places:
                self._places[place] = False
            self._look_what_stays(now_us)

    def wait(self, now_us):
        """It cannot be seen now: the promise waits."""
        self._surely_since_us = now_us

    def may_have_tripped(self, now_us):
        if self.may:
            return True
        since_us = self._since_us
        return since_us >= 0 and now_us - since_us >= self._early_us - meaning.TIME_TOLERANCE_US

    def is_free(self, now_us):
        if not self.must:
            return True
        free_us = self._ended_us + self._hold_us - meaning.TIME_TOLERANCE_US
        return self._again and now_us >= free_us

    def advance(self, now_us, well):
        """Bring both verdicts to now; True if it must have tripped just now."""
        if self._since_us < 0 and not self.may:
            return False
        stood = self.must
        if self.must and self.is_free(now_us):
            self.must = False
            self.freed_us = self._ended_us + self._hold_us
        if self._since_us >= 0:
            if self.needs_bus and not well or not self._surely:
                self._surely_since_us = now_us
            self.may = self.may_have_tripped(now_us)
            if now_us - self._surely_since_us < self._promise_us:
                return False
            self._again = False
            self.must = True
            if not stood:
                self.tripped_us = self._surely_since_us + self._promise_us
            return not stood
        if self.needs_bus and not well:
            self._surely_ended_us = now_us
        if now_us - self._surely_ended_us >= self._release_us:
            self.may = self.must = False
        return False


class Runaway:
    """Whether temperatures as they are shown tell of a thermal runaway."""

    def __init__(self, sign, trip_dc):
        """sign: the Sign to set; trip_dc: too warm for the cells."""
        self._sign = sign
        self._trip_dc = trip_dc
        self._next_us = 0
        self._before_dc = []
        self._maybe_us = []
        self._surely_us = []

    def look(self, now_us, temps_dc, well):
        """temps_dc: as shown, None where unknown; looked at four times a second."""
        if not self._before_dc:
            count = len(temps_dc)
            self._before_dc = [[None] * 5 for _ in range(count)]
            self._maybe_us = [0] * count
            self._surely_us = [0] * count
        if now_us < self._next_us:
            return
        self._next_us = now_us + _SECOND_US // 4
        for at, temp_dc in enumerate(temps_dc):
            before = self._before_dc[at]
            before.append(temp_dc)
            first_dc = before.pop(0)
            self._follow(at, temp_dc, first_dc, now_us, well)

    def _follow(self, at, temp_dc, first_dc, now_us, well):
        if temp_dc is None or first_dc is None:
            self._maybe_us[at] = self._surely_us[at] = now_us
            return
        rise_dc = temp_dc - first_dc
        if temp_dc < self._trip_dc - 2 or not _MAYBE_RISE_DC <= rise_dc <= _MOST_RISE_DC:
            self._maybe_us[at] = now_us
        if temp_dc <= self._trip_dc + 2 or rise_dc < _SURELY_RISE_DC or not well:
            self._surely_us[at] = now_us
        sign = self._sign
        if now_us - self._maybe_us[at] >= _MAYBE_RUN_US:
            sign.may = True
        if now_us - self._surely_us[at] >= _SURELY_RUN_US:
            # Counts for five minutes, longer than any case.
            sign.begin(now_us)
