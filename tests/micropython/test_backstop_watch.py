"""The front end's own configuration is read again in the background: found, mended, or a fault."""

from desk import Desk

from vigil import journal, limits
from vigil.afe.errors import NO_ANSWER, READ_BACK_DIFFERS, AfeError
from vigil.backstop_watch import OVERDUE_MS, VERIFY_EVERY_MS, BackstopWatch
from vigil.sample import BACKSTOP_FAULT, BACKSTOP_OVERDUE, HEALTH_FIRST
from vigil.switches import LATCHED

# Minutes of simulated time.
LONG_ON_CPYTHON = ("test_the_configuration_is_never_older_than_a_minute_and_costs_no_overrun",)

FOUND_WITHIN_MS = VERIFY_EVERY_MS + 2000


def notes(desk):
    return [
        entry.code
        for entry in desk.bms.memory.journal.newest_first()
        if entry.kind == journal.BACKSTOP
    ]


def now_ms():
    import time

    return time.ticks_ms()


def test_the_configuration_is_never_older_than_a_minute_and_costs_no_overrun():
    desk = Desk(current_ma=-10000)
    watch = desk.bms.backstop_watch
    oldest_s = 0
    for _ in range(200):
        desk.run_ms(1000)
        oldest_s = max(oldest_s, watch.age_s(now_ms()))
    assert VERIFY_EVERY_MS // 1000 <= oldest_s < 45
    assert watch.verifications >= 6
    assert watch.differences == 0
    assert desk.bms.executive.overruns == 0
    assert desk.tripped() == []


def test_a_setting_that_changed_is_found_mended_and_noted():
    desk = Desk(current_ma=-10000)
    bring_ups = desk.bms.bring_ups
    desk.chip.flip_a_setting()
    desk.run_until(lambda: desk.bms.backstop_watch.differences == 1, FOUND_WITHIN_MS)
    desk.run_until(desk.both_off, 200)
    desk.run_until(desk.both_on, 5000)
    assert desk.bms.bring_ups == bring_ups + 1
    assert notes(desk) == [1]
    desk.run_ms(2 * VERIFY_EVERY_MS)
    assert desk.bms.backstop_watch.differences == 1
    assert desk.tripped() == []


def test_a_second_change_is_a_fault_for_the_owner():
    desk = Desk(current_ma=-10000)
    for differences in (1, 2):
        desk.chip.flip_a_setting()
        desk.run_until(
            lambda wanted=differences: desk.bms.backstop_watch.differences == wanted,
            FOUND_WITHIN_MS + 5000,
        )
        desk.run_ms(3000)
    assert desk.both_off()
    assert limits.BACKSTOP_LOST in desk.tripped()
    assert list(desk.bms.switches.state) == [LATCHED, LATCHED]
    desk.run_ms(20000)
    assert desk.both_off()
    assert not desk.bms.backstop_is_good()
    desk.bms.owner_reset()
    desk.run_until(desk.both_on, 10000)


def test_a_configuration_that_cannot_be_verified_in_time_is_a_fault():
    desk = Desk(current_ma=-10000)

    def fail():
        raise AfeError(NO_ANSWER)
        yield

    desk.bms.front_end.verify = fail
    begun_ms = desk.clock.now_us // 1000
    desk.run_until(desk.both_off, OVERDUE_MS + 2000)
    assert desk.clock.now_us // 1000 - begun_ms >= OVERDUE_MS - 6000
    assert limits.BACKSTOP_LOST in desk.tripped()
    assert notes(desk) == [2]


class Part:
    """Takes two slices to verify; its error comes instead."""

    def __init__(self, limits):
        self.applied = [(code, 0, 0) for code in range(limits)]
        self.error = 0
        self.verified = 0

    def verify(self):
        yield
        if self.error:
            raise AfeError(self.error)
        self.verified += 1


class TwoParts:
    def __init__(self):
        self.configured = True
        self.verified_parts = (Part(2), Part(1))

    @property
    def applied(self):
        return self.verified_parts[0].applied + self.verified_parts[1].applied


class Health:
    health = None


def watch_of_two():
    Health.health = [0] * 17
    front_end = TwoParts()
    watch = BackstopWatch(front_end, Health, lambda kind, code: None)
    assert watch.ages_s(0) == [-1, -1, -1]
    watch.brought_up(0)
    return watch, front_end


def step_until(watch, begin_ms, end_ms):
    """(oldest age, ages of the limits) as they were at worst."""
    worst_s = 0
    ages_s = [0, 0, 0]
    for now_ms in range(begin_ms, end_ms, 1000):
        while watch.step(now_ms):
            pass
        worst_s = max(worst_s, watch.age_s(now_ms))
        ages_s = [max(pair) for pair in zip(ages_s, watch.ages_s(now_ms))]
    return worst_s, ages_s


def test_each_part_of_a_front_end_is_verified_and_has_its_own_age():
    watch, front_end = watch_of_two()
    worst_s, ages_s = step_until(watch, 0, 300000)
    assert worst_s == max(ages_s) <= 40
    assert [part.verified for part in front_end.verified_parts] == [9, 9]
    assert Health.health == [0] * 17
    front_end.configured = False
    assert watch.age_s(300000) == -1 and watch.ages_s(300000) == [-1, -1, -1]


def test_a_part_that_cannot_be_verified_holds_no_other_one_up_and_is_overdue():
    for silent in (0, 1):
        watch, front_end = watch_of_two()
        front_end.verified_parts[silent].error = NO_ANSWER
        step_until(watch, 0, OVERDUE_MS - 1000)
        assert Health.health == [0] * 17
        worst_s, ages_s = step_until(watch, OVERDUE_MS - 1000, 120000)
        assert worst_s == 119
        assert (ages_s[0] == ages_s[1]) and (ages_s[0] > 100) == (silent == 0)
        assert (ages_s[2] > 100) == (silent == 1)
        assert Health.health[BACKSTOP_FAULT - HEALTH_FIRST] == BACKSTOP_OVERDUE


def test_a_difference_in_any_part_sets_everything_up_anew():
    for other in (0, 1):
        watch, front_end = watch_of_two()
        front_end.verified_parts[other].error = READ_BACK_DIFFERS
        step_until(watch, 0, VERIFY_EVERY_MS + 10000)
        assert watch.differences == 1 and not front_end.configured


def test_a_chip_that_was_reset_is_verified_by_its_bring_up():
    desk = Desk(current_ma=-10000)
    desk.run_ms(10000)
    desk.chip.reset()
    desk.run_ms(100)
    assert desk.bms.backstop_watch.age_s(now_ms()) == -1
    desk.run_until(desk.both_on, 6000)
    assert 0 <= desk.bms.backstop_watch.age_s(now_ms()) <= 5
