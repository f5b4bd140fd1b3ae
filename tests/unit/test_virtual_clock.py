"""The virtual clock: order, exactness, and that nothing turns time back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.mock.clock import VirtualClock


def test_functions_run_at_their_time_in_order_of_time_then_of_insertion():
    clock = VirtualClock()
    seen = []
    for name, t_us in (("late", 30), ("first at 20", 20), ("early", 10), ("second at 20", 20)):
        clock.call_at(t_us, lambda name=name: seen.append((name, clock.now_us)))
    clock.advance(100)
    assert seen == [("early", 10), ("first at 20", 20), ("second at 20", 20), ("late", 30)]
    assert clock.now_us == 100


def test_what_is_due_at_the_very_end_of_an_advance_runs():
    clock = VirtualClock()
    seen = []
    clock.call_at(50, lambda: seen.append(clock.now_us))
    clock.advance(49)
    assert seen == []
    clock.advance(1)
    assert seen == [50]


def test_a_time_that_has_passed_is_due_at_once_and_not_in_the_past():
    clock = VirtualClock()
    clock.advance(1000)
    seen = []
    clock.call_at(10, lambda: seen.append(clock.now_us))
    assert seen == []
    clock.advance(0)
    assert seen == [1000]


def test_a_callback_may_plan_more_within_the_same_advance():
    clock = VirtualClock()
    seen = []

    def again():
        seen.append(clock.now_us)
        clock.call_at(clock.now_us + 10, again)

    clock.call_at(10, again)
    clock.advance(45)
    assert seen == [10, 20, 30, 40]


def test_a_cancelled_entry_never_runs_and_cancelling_twice_is_no_matter():
    clock = VirtualClock()
    seen = []
    entry = clock.call_at(10, lambda: seen.append("cancelled"))
    clock.call_at(10, lambda: seen.append("kept"))
    clock.cancel(entry)
    clock.cancel(entry)
    clock.advance(20)
    assert seen == ["kept"]


def test_advancing_inside_a_callback_is_refused_and_leaves_the_clock_usable():
    clock = VirtualClock()
    clock.call_at(10, lambda: clock.advance(1))
    with pytest.raises(RuntimeError):
        clock.advance(20)
    clock.advance(5)
    assert clock.now_us == 15


def test_time_does_not_go_back():
    with pytest.raises(ValueError):
        VirtualClock().advance(-1)


def test_only_sleep_gives_the_simulator_its_turn():
    clock = VirtualClock()
    turns = []
    clock.on_sleep = lambda: turns.append(clock.now_us)
    clock.advance(10)
    clock.sleep(5)
    assert turns == [15]


@given(
    times=st.lists(st.integers(0, 200), max_size=30),
    steps=st.lists(st.integers(0, 40), min_size=1, max_size=20),
)
def test_however_time_is_cut_the_same_functions_run_at_the_same_times(times, steps):
    def run(cuts):
        clock = VirtualClock()
        seen = []
        for number, t_us in enumerate(times):
            clock.call_at(t_us, lambda number=number: seen.append((number, clock.now_us)))
        for cut in cuts:
            clock.advance(cut)
        return seen

    expected = sorted(
        ((number, t_us) for number, t_us in enumerate(times) if t_us <= sum(steps)),
        key=lambda item: item[1],
    )
    assert run(steps) == expected
    assert run([sum(steps)]) == expected
