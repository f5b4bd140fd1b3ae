"""Rainflow counting: as an independent one has it, nothing lost, no jump taken for a cycle."""

from array import array
from collections import Counter

import rainflow
from hypothesis import given, settings
from hypothesis import strategies as st

from vigil.rainflow import MOST_TURNS, WORDS, Rainflow
from vigil.sample import UNKNOWN

CAPACITY_MAH = 50000
UNIT_MAMS = CAPACITY_MAH * 360  # of 0.01 % of the capacity
TURN = 100  # 1 %


class Rain:
    """Told of levels in 0.01 %, with nothing but charge in between."""

    def __init__(self, words=None):
        self.words = words or array("i", [0] * WORDS)
        self.counter = Rainflow(memoryview(self.words), CAPACITY_MAH)
        if words is None:
            self.counter.new()
        self.slices = 0

    def begin(self, level):
        # Where the estimate sees it first is given in permille.
        self.move(0, level // 10)
        self.move(level % 10)
        self.level = level

    def go(self, level, permille=UNKNOWN):
        self.move(level - self.level, permille)
        self.level = level

    def move(self, units, permille=UNKNOWN):
        self.counter.move(units * UNIT_MAMS, permille)
        while self.counter.close():
            self.slices += 1

    def open_turns(self):
        return [turn for turn in self.counter.turns if turn != UNKNOWN]

    def halves(self):
        """{(depth bin, mean bin): half cycles}."""
        found = self.counter.halves
        return Counter({divmod(at, 10): found[at] for at in range(100) if found[at]})


def expected(levels):
    """By the independent count: ranges of the residue are half cycles there."""
    found = Counter()
    for depth, mean, count, _, _ in rainflow.extract_cycles(levels):
        where = min(int(depth // 1000), 9), max(0, min(int(mean // 1000), 9))
        found[where] += int(2 * count)
    return found


def walks(most, largest=9000):
    """Levels that turn each time, by more than a turning point needs."""
    steps = st.lists(st.integers(TURN + 1, largest), min_size=1, max_size=most)

    def walk(begin, up, sizes):
        levels = [begin]
        for size in sizes:
            levels.append(levels[-1] + (size if up else -size))
            up = not up
        return levels

    return st.builds(walk, st.integers(0, 1000).map(lambda at: 10 * at), st.booleans(), steps)


def rained(levels):
    rain = Rain()
    rain.begin(levels[0])
    for level in levels[1:]:
        rain.go(level)
    return rain


@settings(max_examples=150, deadline=None)
@given(walks(40))
def test_closed_cycles_and_the_ranges_still_open_are_those_of_another_rainflow(levels):
    rain = rained(levels)
    residue = rain.open_turns() + [levels[-1]]
    if len(residue) <= MOST_TURNS:
        assert rain.halves() + expected(residue) == expected(levels)


@settings(max_examples=100, deadline=None)
@given(walks(30), st.lists(st.integers(-TURN // 2, TURN // 2), min_size=1, max_size=9))
def test_what_wobbles_by_less_than_a_turn_changes_nothing(levels, wobbles):
    rain = Rain()
    rain.begin(levels[0])
    for before, level in zip(levels, levels[1:], strict=False):
        for wobble in wobbles:
            # On the way, a fifth of it further each time at most.
            rain.go(before + (level - before) // 5)
            rain.go(before + (level - before) // 5 + wobble * min(abs(level - before), 400) // 800)
        rain.go(level)
    assert rain.halves() == rained(levels).halves()


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 90), st.integers(1, 90), st.booleans())
def test_nothing_is_lost_and_no_count_decreases_however_full_the_stack_is(count, step, grows):
    # Ever wider or ever narrower ranges: nothing of it can be closed.
    sizes = range(TURN + 1, TURN + 1 + count * step, step)
    rain = Rain()
    rain.begin(5000)
    up = True
    before = rain.halves()
    for turns, size in enumerate(sizes if grows else reversed(sizes), start=1):
        rain.go(rain.level + (size if up else -size))
        up = not up
        assert not before - rain.halves()
        before = rain.halves()
        # The latest point is not confirmed yet.
        assert sum(before.values()) + len(rain.open_turns()) == turns
        assert len(rain.open_turns()) == min(turns, MOST_TURNS)


@settings(max_examples=60, deadline=None)
@given(walks(30), st.lists(st.integers(0, 1000), min_size=30, max_size=30))
def test_a_corrected_estimate_is_no_cycle_and_moves_what_is_open_along(levels, told):
    rain = Rain()
    rain.begin(levels[0])
    for level, permille in zip(levels[1:], told, strict=False):
        rain.go(level)
        rain.move(0, permille)
        # It is where the estimate sees it now, within the per cent that is let be.
        assert abs(rain.words[100] - 10 * permille) < 100
    straight = rained(levels)

    def depths(one):
        found = Counter()
        for (depth, _), halves in one.halves().items():
            found[depth] += halves
        return found

    def ranges(turns):
        return [b - a for a, b in zip(turns, turns[1:], strict=False)]

    assert depths(rain) == depths(straight)
    assert ranges(rain.open_turns()) == ranges(straight.open_turns())


@settings(max_examples=60, deadline=None)
@given(walks(30), st.integers(0, 30))
def test_what_was_kept_goes_on_as_if_nothing_had_been(levels, cut):
    rain = Rain()
    rain.begin(levels[0])
    for at, level in enumerate(levels[1:]):
        if at == cut:
            known = rain.level
            rain = Rain(array("i", bytes(rain.words)))
            rain.level = known
        rain.go(level)
    assert rain.words == rained(levels).words


def test_a_day_of_solar_storage_is_what_a_person_would_count():
    rain = Rain()
    rain.begin(2000)
    for _ in range(5):
        for level in (9000, 6000, 6500, 2000):
            rain.go(level)
    rain.go(2200)
    # Five small ones around 62 %; of the five large ones the first rise and the last fall are
    # still open, for something deeper may come.
    assert rain.halves() == {(0, 6): 10, (7, 5): 8}
    assert rain.open_turns() == [2000, 9000, 2000]


def test_charge_that_is_not_known_yet_counts_nothing_and_the_rest_of_a_unit_is_kept():
    rain = Rain()
    rain.level = 0
    for level in (5000, 0, 5000, 0):
        rain.go(level)
    assert not rain.halves() and not rain.open_turns()
    rain.begin(5000)
    for _ in range(UNIT_MAMS // 1000):
        rain.counter.move(-1000 * 3, UNKNOWN)
    assert rain.words[100] == 5000 - 3


def test_the_work_of_a_slice_is_bounded():
    rain = Rain()
    rain.begin(5000)
    # Ever narrower, and then over all of it: as many cycles close as lie on the stack.
    for size in range(101 + 60 * 30, 101, -60):
        rain.go(rain.level + (size if size // 60 % 2 else -size))
    waiting = len(rain.open_turns())
    assert waiting > 25
    rain.slices = 0
    rain.go(rain.level + 9000)
    rain.go(rain.level - 9000)
    assert len(rain.open_turns()) < 4
    assert 2 * 4 * rain.slices <= waiting + 8
