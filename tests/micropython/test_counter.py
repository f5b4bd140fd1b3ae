"""Counting charge: nothing is rounded away, and what the sensor adds of its own is taken off."""

from vigil.estimate.counter import ChargeCounter
from vigil.estimate.offset import OffsetLearner


def counted(charge):
    """mA*ms since the zero."""
    return charge.moved[0] * 3600000 + charge.moved[1]


def test_charge_is_counted_to_the_last_milliampere_millisecond():
    charge = ChargeCounter(100000)
    total = elapsed = 0
    seed = 12345
    for _ in range(5000):
        seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
        current_ma = seed % 400001 - 200000
        elapsed_ms = 1 + seed % 130
        charge.count(current_ma, elapsed_ms)
        total += current_ma * elapsed_ms
        elapsed += elapsed_ms
    assert counted(charge) == total
    assert charge.elapsed_ms == elapsed


def test_a_long_gap_or_a_huge_current_is_counted_exactly_in_steps_that_fit():
    charge = ChargeCounter(100000)
    charge.count(-300000, 100000)
    assert counted(charge) == -300000 * 100000
    charge = ChargeCounter(100000)
    charge.count(999999999, 3)
    assert counted(charge) == 999999999 * 3


def test_unknown_current_counts_nothing():
    charge = ChargeCounter(100000)
    charge.count(0x1FFFFFFF, 1000)
    assert list(charge.moved) == [0, 0]
    assert charge.elapsed_ms == 0


def test_full_equivalent_cycles_count_both_ways():
    charge = ChargeCounter(10000)
    for _ in range(3600):
        charge.count(10000, 1000)
        charge.count(-10000, 1000)
    assert charge.cycles == 1
    assert counted(charge) == 0


def test_microamperes_are_carried_until_they_make_a_milliampere_millisecond():
    charge = ChargeCounter(100000)
    for _ in range(997):
        charge.add_ua(-3, 7)
        charge.add_ua(2, 1)
    # 19 nA*s a turn, less than one mA*ms in 52 of them.
    assert counted(charge) in (-997 * 19 // 1000, -997 * 19 // 1000 + 1)


def test_moving_the_zero_changes_the_figure_and_not_the_remainder():
    charge = ChargeCounter(50000)
    charge.count(90001, 40000001)
    before = counted(charge)
    charge.moved[0] -= 50000
    assert before - counted(charge) == 50000 * 3600000
    assert abs(charge.mah() - counted(charge) / 3600000) < 0.1


def look(learner, mean_ma, seconds, both_open=True):
    took = 0
    for at in range(seconds):
        # Dithered as a chip's code is; the mean of it counts.
        took += learner.look(both_open, mean_ma * 1000 + (1000 if at % 2 else -1000), 1000)
    return took


def test_the_offset_is_learned_while_both_switches_are_open():
    learner = OffsetLearner(100000)
    unsure = learner.sigma_share
    assert look(learner, 37, 600) == 595
    assert abs(learner.offset_ua - 37000) < 300
    assert learner.sigma_share < unsure / 5


def test_the_offset_is_not_learned_while_current_may_flow():
    learner = OffsetLearner(100000)
    assert look(learner, 37, 600, both_open=False) == 0
    assert learner.offset_ua == 0


def test_a_minute_that_is_interrupted_teaches_nothing():
    learner = OffsetLearner(100000)
    for _ in range(10):
        look(learner, 37, 55)
        look(learner, 37, 1, both_open=False)
    assert learner.offset_ua == 0


def test_a_current_that_cannot_be_an_offset_is_no_offset():
    learner = OffsetLearner(100000)
    look(learner, 5000, 600)
    assert learner.offset_ua == 0


def test_what_was_learned_ages():
    learner = OffsetLearner(100000)
    look(learner, 37, 3600)
    fresh = learner.sigma_share
    for _ in range(24):
        learner.look(False, 0, 3600000)
    assert fresh < learner.sigma_share < fresh + 0.00011
    for _ in range(24 * 30):
        learner.look(False, 0, 3600000)
    assert learner.sigma_share == 0.001
