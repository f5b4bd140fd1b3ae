"""What has to be true before any switch may close, each taken away alone."""

from desk import Desk

from vigil import limits
from vigil.switches import REASON_SELF_TEST

# Longer than a start takes.
START_MS = 8000


def refused(desk):
    desk.run_ms(START_MS)
    return desk.both_off() and list(desk.bms.switches.reason) == [REASON_SELF_TEST] * 2


def test_nothing_closes_without_a_passed_self_test():
    desk = Desk(settle=False)
    desk.bms.self_test_passed = False
    assert refused(desk)


def test_nothing_closes_with_limits_that_contradict_each_other():
    desk = Desk(settle=False)
    desk.bms.problems = [(limits.CELL_OVER_VOLTAGE, 1, 0, 0)]
    assert refused(desk)


def test_nothing_closes_while_the_front_end_guards_other_limits_than_asked():
    desk = Desk(settle=False)
    # Brought up for limits that are none of the table's.
    desk.bms._requests = [(code, trip * 2, ms, end) for code, trip, ms, end in desk.bms._requests]
    desk.run_ms(START_MS)
    assert desk.both_off()


def test_nothing_stays_closed_once_the_backstop_is_known_not_to_fit():
    desk = Desk()
    desk.bms._backstop_fits = False
    assert refused(desk)


def test_nothing_closes_before_everything_is_measured():
    desk = Desk(settle=False)
    desk.bms.sample.complete = lambda: False
    desk.run_ms(START_MS)
    assert desk.both_off()


def test_a_switch_that_does_not_open_is_told_and_latches_the_other():
    desk = Desk(current_ma=20000)
    desk.bench.stick_fet(1)
    desk.bench.set_cell_mv(5, 3720)
    desk.run_until(lambda: limits.SWITCH_STUCK_ON in desk.tripped(), 20000)
    desk.run_ms(100)
    assert not desk.bench.true_discharge
