"""The executive: one fixed period, in it read-judge-act, then links and slow tasks in the slack.

Times in us on time.ticks_us(). No threads, no asyncio: what runs when can be read off turn().
"""

import gc
import time

from micropython import const

# A slow task gets a slice only if this much is left; a slice stays below it.
_SLICE_US = const(5000)
# A collection takes 11 ms; a cycle of 20 ms seldom leaves more than 13.
_GC_NEEDS_US = const(12000)
_AT_ONCE_US = const(1)
_LONGEST_SLEEP_US = const(5000)
# A cycle that begins later than this share of its period, or ends after the next is due, overran.
_LATE_SHARE = const(5)


class SlowTask:
    """step(now_ms) is called every `period_ms`; while it returns True it is called again."""

    def __init__(self, step, period_ms):
        self.step = step
        self.period_ms = period_ms
        self.due_ms = 0
        self.continuing = False


class Executive:
    """Runs `work(now_ms)` every `period_us`; `work` returns True if it was done completely."""

    def __init__(self, work, period_us, links, tasks, watchdog=None, collect_every=20):
        self._work = work
        self.period_us = period_us
        self._links = links
        self._tasks = tasks
        self._watchdog = watchdog
        self._collect_every = collect_every
        self._until_collect = collect_every
        self._next_task = 0
        self._hurried = False  # a task has got work since the last look
        self._due_us = 0
        self._started_us = 0
        self.cycles = 0
        self._excused_us = 0
        self.overruns = 0
        self.planned_stalls = 0
        self.cycle_us = 0
        self.cycle_us_max = 0
        self.worst_period_us = 0

    def add(self, task):
        """One more slow task; before start."""
        self._tasks.append(task)

    def hurry(self, task):
        """It has work: not at its turn, but in this slack still."""
        task.continuing = self._hurried = True

    def start(self):
        now_ms = time.ticks_ms()
        for task in self._tasks:
            task.due_ms = now_ms
        self._due_us = time.ticks_us()
        self._started_us = 0

    def run(self):
        """Until an exception ends it; the caller opens the switches then."""
        self.start()
        while True:
            self.turn()

    def excuse(self, us):
        """A planned flash write may delay the next cycle by so much: no overrun, but counted."""
        self._excused_us = us

    def turn(self):
        """Use the slack until the cycle is due, then do the cycle."""
        self._use_slack()
        begun_us = time.ticks_us()
        if self.cycles:
            period_us = time.ticks_diff(begun_us, self._started_us)
            if period_us > self.worst_period_us:
                self.worst_period_us = period_us
        self._started_us = begun_us
        late_us = time.ticks_diff(begun_us, self._due_us)
        late = late_us > self.period_us // _LATE_SHARE
        excused = late and late_us <= self._excused_us
        self._excused_us = 0
        done = self._work(time.ticks_ms())
        ended_us = time.ticks_us()
        self.cycle_us = time.ticks_diff(ended_us, begun_us)
        if self.cycle_us > self.cycle_us_max:
            self.cycle_us_max = self.cycle_us
        self.cycles += 1
        self._due_us = time.ticks_add(self._due_us, self.period_us)
        if time.ticks_diff(self._due_us, ended_us) <= 0:
            # The next cycle is already due: start the beat anew rather than race.
            late = True
            self._due_us = ended_us
        if excused:
            self.planned_stalls += 1
            late = False
        if late:
            self.overruns += 1
        elif done and self._watchdog is not None:
            self._watchdog.feed()

    def _use_slack(self):
        sliced = False
        if self._until_collect <= 0:
            # A request that came during the cycle must not wait for this, too, nor its answer.
            idle = True
            for link in self._links:
                if link.poll(time.ticks_us()) < _LONGEST_SLEEP_US:
                    idle = False
            left_us = time.ticks_diff(self._due_us, time.ticks_us())
            # Collect at a chosen moment rather than in the middle of a measurement.
            if idle and left_us > _GC_NEEDS_US or self._until_collect < -self._collect_every:
                gc.collect()
                self._until_collect = self._collect_every
                # Who asks meanwhile has waited enough.
                sliced = True
        self._until_collect -= 1
        while True:
            now_us = time.ticks_us()
            left_us = time.ticks_diff(self._due_us, now_us)
            if left_us <= 0:
                return
            nap_us = _LONGEST_SLEEP_US
            for link in self._links:
                wanted_us = link.poll(now_us)
                if wanted_us < nap_us:
                    nap_us = wanted_us
            # A link that wants to go on at once is in the middle of an answer.
            wanted = not sliced or self._hurried
            if wanted and left_us > _SLICE_US and nap_us > _AT_ONCE_US:
                self._hurried = False
                sliced = not self._slice()
                if not sliced:
                    continue
            left_us = time.ticks_diff(self._due_us, time.ticks_us())
            if left_us > 0:
                time.sleep_us(nap_us if nap_us < left_us else left_us)

    def _slice(self):
        """Give the next due slow task one slice; False if none was due."""
        tasks = self._tasks
        now_ms = time.ticks_ms()
        for _ in range(len(tasks)):
            task = tasks[self._next_task]
            self._next_task = (self._next_task + 1) % len(tasks)
            if task.continuing or time.ticks_diff(now_ms, task.due_ms) >= 0:
                if not task.continuing:
                    task.due_ms = time.ticks_add(now_ms, task.period_ms)
                task.continuing = bool(task.step(now_ms))
                if self._excused_us:
                    for link in self._links:
                        link.stalled(time.ticks_us())
                return True
        return False
