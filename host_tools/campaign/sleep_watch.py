"""When the board of an empty pack may turn itself off, and when it must have."""

from host_tools.campaign import meaning

_TURN_OFF_US = 4000000


class SleepWatch:
    def __init__(self, judge):
        self._judge = judge
        self._by_id = by_id = judge.by_id
        trip_mv = 0 - by_id[4].trip
        severe_mv = 0 - by_id[26].trip
        self._near_mv = severe_mv + (trip_mv - severe_mv) // 4
        self._may_since_us = self._may_until_us = -1
        self._must_since_us = -1
        self.asleep = False
        self.told = False

    def look(self, now_us, well):
        """After each cycle."""
        judge = self._judge
        truth = judge.truth
        by_id = self._by_id
        discharge = judge.switches[1]
        away = not truth.charger_attached
        empty = by_id[4].may or by_id[26].may or by_id[6].may
        if away and empty and not discharge.closed:
            self._may_until_us = now_us
            if self._may_since_us < 0:
                self._may_since_us = now_us
        elif now_us - self._may_until_us > meaning.PERIOD_OF_TASKS_US:
            # It is looked at once a second: a charger there for less may go unseen.
            self._may_since_us = -1
        surely = (
            judge.can_sleep
            and away
            and well
            and (by_id[4].must or by_id[26].must)
            and not discharge.closed
            and not discharge.stuck
            and truth.conversions[meaning.CELL].lowest[1] < self._near_mv - 2
            and not judge.cells_may_be_doubted
        )
        if not surely:
            self._must_since_us = -1
        elif self._must_since_us < 0:
            self._must_since_us = now_us
        elif now_us - self._must_since_us > meaning.SLEEP_HASTE_US + _TURN_OFF_US:
            if not self.told:
                self.told = True
                judge.find("missed", discharge, now_us, meaning.ASLEEP)

    def fell_asleep(self, now_us):
        """The controller has turned itself off."""
        judge = self._judge
        self.asleep = True
        judge.sleeps += 1
        since_us = self._may_since_us
        long_enough = since_us >= 0 and now_us - since_us >= (
            meaning.SLEEP_HASTE_US - meaning.PERIOD_OF_TASKS_US
        )
        # As they are: those that it has just opened are not taken in yet.
        closed = (judge.truth.charge, judge.truth.discharge)
        for at, watch in enumerate(judge.switches):
            if not long_enough or (closed[at] and not watch.stuck):
                judge.find("forbidden", watch, now_us, meaning.ASLEEP)
