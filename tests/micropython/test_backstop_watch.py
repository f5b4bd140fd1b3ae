"""The front end's own configuration is read again in the background: found, mended, or a fault."""

from desk import Desk

from vigil import journal, limits
from vigil.afe.errors import NO_ANSWER, AfeError
from vigil.backstop_watch import OVERDUE_MS, VERIFY_EVERY_MS
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


def test_a_chip_that_was_reset_is_verified_by_its_bring_up():
    desk = Desk(current_ma=-10000)
    desk.run_ms(10000)
    desk.chip.reset()
    desk.run_ms(100)
    assert desk.bms.backstop_watch.age_s(now_ms()) == -1
    desk.run_until(desk.both_on, 6000)
    assert 0 <= desk.bms.backstop_watch.age_s(now_ms()) <= 5
