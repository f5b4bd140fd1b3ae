"""The executive keeps its period, counts what is late, feeds the watchdog only for good work."""

import time

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from vigil import cycle
from vigil.cycle import Executive, SlowTask


class Desk:
    def __init__(self, work_us=3000, links=(), tasks=(), start_us=0):
        self.clock = VirtualClock()
        fake_time.use(self.clock, start_us)
        self.work_us = work_us
        self.done = True
        self.begun_us = []
        self.feeds = 0
        self.executive = Executive(self.work, 50000, links, tasks, self)
        self.executive.start()

    def feed(self):
        self.feeds += 1

    def work(self, now_ms):
        self.begun_us.append(self.clock.now_us)
        self.clock.advance(self.work_us)
        return self.done

    def turns(self, count):
        for _ in range(count):
            self.executive.turn()


class BusyLink:
    def __init__(self, clock_of, poll_us, wants_us):
        self.clock_of = clock_of
        self.poll_us = poll_us
        self.wants_us = wants_us
        self.polls = 0

    def poll(self, now_us):
        self.polls += 1
        self.clock_of().advance(self.poll_us)
        return self.wants_us


def periods(desk):
    return [now - then for now, then in zip(desk.begun_us[1:], desk.begun_us)]


def test_period_is_kept_whatever_the_work_costs():
    desk = Desk(work_us=30000)
    desk.turns(100)
    assert periods(desk) == [50000] * 99
    assert desk.executive.overruns == 0
    assert desk.executive.cycle_us_max == 30000
    assert desk.executive.worst_period_us == 50000
    assert desk.feeds == 100


def test_period_is_kept_across_the_wrap_of_the_ticks():
    desk = Desk(start_us=(1 << 30) - 1000000)
    desk.turns(100)
    assert periods(desk) == [50000] * 99
    assert desk.executive.overruns == 0


def test_an_overrun_is_counted_starts_a_new_beat_and_does_not_feed():
    desk = Desk()
    desk.turns(10)
    desk.work_us = 70000
    desk.turns(1)
    desk.work_us = 3000
    desk.turns(10)
    assert desk.executive.overruns == 1
    assert desk.executive.worst_period_us == 70000
    assert desk.feeds == 20
    assert sorted(periods(desk))[-2] == 50000


def test_incomplete_work_is_not_fed():
    desk = Desk()
    desk.done = False
    desk.turns(10)
    assert desk.feeds == 0


def test_links_are_polled_in_the_slack_as_often_as_they_ask():
    desk = None
    link = BusyLink(lambda: desk.clock, 20, 500)
    desk = Desk(links=[link])
    desk.turns(2)
    link.polls = 0
    desk.turns(10)
    assert 10 * 80 <= link.polls <= 10 * 95
    link.wants_us = 5000
    link.polls = 0
    desk.turns(10)
    assert 10 * 9 <= link.polls <= 10 * 11
    assert desk.executive.overruns == 0


def test_slow_tasks_get_slices_in_turn_and_their_period():
    desk = None
    calls = []

    def make(name, cost_us, more):
        left = [more]

        def step(now_ms):
            calls.append((name, now_ms))
            desk.clock.advance(cost_us)
            left[0] -= 1
            return left[0] > 0

        return step

    tasks = [SlowTask(make("a", 4000, 30), 100000), SlowTask(make("b", 100, 0), 100)]
    desk = Desk(tasks=tasks)
    desk.turns(41)
    assert len([1 for name, _ in calls if name == "a"]) == 30
    often = [now_ms for name, now_ms in calls if name == "b"]
    assert 18 <= len(often) <= 21
    assert desk.executive.overruns == 0
    assert periods(desk) == [50000] * 40


def test_a_slow_task_that_takes_too_long_shows_as_an_overrun():
    desk = None

    def step(now_ms):
        desk.clock.advance(60000)
        return False

    desk = Desk(tasks=[SlowTask(step, 500)])
    desk.turns(30)
    assert 2 <= desk.executive.overruns <= 3
    assert desk.executive.worst_period_us > 60000
    assert time.ticks_us() == desk.clock.now_us & 0x3FFFFFFF


class PatientLink:
    """Notes when it was told that nothing could run."""

    def __init__(self):
        self.stalled_us = []

    def poll(self, now_us):
        return 5000

    def stalled(self, now_us):
        self.stalled_us.append(now_us)


def stalling_desk(stall_us, announced_us):
    """A desk on which one slow task, once, stands still as a flash write does."""
    link = PatientLink()
    desk = None
    left = [1]

    def write(now_ms):
        if left[0] and desk.executive.cycles > 5:
            left[0] = 0
            if announced_us:
                desk.executive.excuse(announced_us)
            desk.clock.advance(stall_us)
        return False

    desk = Desk(links=[link], tasks=[SlowTask(write, 50)])
    desk.turns(20)
    desk.executive.link = link
    return desk


def test_an_announced_stall_is_counted_but_is_no_overrun_and_feeds():
    for stall_us in (60000, 300000):
        desk = stalling_desk(stall_us, 400000)
        assert desk.executive.overruns == 0
        assert desk.executive.planned_stalls == 1
        assert desk.feeds == 20
        assert len(desk.executive.link.stalled_us) == 1


def test_a_stall_that_nobody_announced_is_an_overrun():
    desk = stalling_desk(60000, 0)
    assert desk.executive.overruns == 1
    assert desk.executive.planned_stalls == 0
    assert desk.executive.link.stalled_us == []


def test_a_stall_longer_than_announced_is_an_overrun():
    desk = stalling_desk(300000, 100000)
    assert desk.executive.overruns == 1
    assert desk.feeds == 19


def test_an_announcement_excuses_the_next_cycle_only():
    desk = Desk()
    desk.turns(5)
    desk.executive.excuse(400000)
    desk.turns(1)
    desk.work_us = 70000
    desk.turns(1)
    assert desk.executive.overruns == 1


class Collections:
    """In the place of the module gc: the cycles before which it was asked to collect."""

    def __init__(self, desk_of):
        self._desk_of = desk_of
        self.before = []

    def collect(self):
        self.before.append(self._desk_of().executive.cycles)


def collections(owed):
    """Cycles before which memory was collected, in a hundred; owed(cycles): a reply is."""
    desk = None

    class Link(BusyLink):
        def poll(self, now_us):
            return 1000 if owed(desk.executive.cycles) else 5000

    desk = Desk(links=[Link(lambda: desk.clock, 20, 5000)])
    real, cycle.gc = cycle.gc, Collections(lambda: desk)
    try:
        desk.turns(100)
        return cycle.gc.before
    finally:
        cycle.gc = real


def test_memory_is_collected_once_a_second_but_not_while_a_reply_is_owed():
    assert collections(lambda cycles: False) == [20, 40, 60, 80]
    assert collections(lambda cycles: 18 <= cycles < 25) == [25, 45, 65, 85]
    # Who is asked all the time cannot wait for ever.
    assert collections(lambda cycles: True) == [41, 82]
