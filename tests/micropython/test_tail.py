"""The tail of a charge with the voltage held is learned, within reason, and the times tell it."""

from math import exp, log

from test_totals import Storage, commit

from host_tools.mock.seeded_random import SeededRandom
from vigil import chemistry
from vigil.estimate.tail import END, Tail
from vigil.estimate.time_left import TimeLeft
from vigil.memory import Memory

CAPACITY_MAH = 100000
END_MV = 3550
STEP_S = 4
END_MA = END * CAPACITY_MAH


class Charger:
    """Constant current, then the voltage held: the current falls to 37 % in `tau_s`."""

    def __init__(self, tau_s, ma=50000, constant_s=1200, seed=1):
        self.tau_s = tau_s
        self.ma = ma
        self.constant_s = constant_s
        self.tail_s = tau_s * log(ma / END_MA)
        self.dice = SeededRandom(seed)

    @property
    def whole_s(self):
        return self.constant_s + self.tail_s

    def at(self, t_s):
        """(mA, mV of the highest cell), measured with noise."""
        held_s = t_s - self.constant_s
        ma, mv = self.ma, END_MV
        if held_s < 0:
            mv += held_s // 8
        else:
            ma *= exp(-held_s / self.tau_s)
        return int(ma * (1.0 + 0.01 * self.dice.normal())), int(mv + 2 * self.dice.normal())

    def left_mah(self, t_s):
        held_s = max(t_s - self.constant_s, 0)
        begins_ma = self.ma * exp(-held_s / self.tau_s)
        mas = self.ma * max(self.constant_s - t_s, 0) + self.tau_s * (begins_ma - END_MA)
        return max(mas, 0) / 3600


class Estimate:
    known = True
    sigma = 0.01
    take_mah = give_mah = 0.0


def charge(tail, charger, see=None):
    """A whole charge, and what comes after it; see(t_s, ma) at each look."""
    t_s = 0
    # Long ones in longer steps.
    step_s = STEP_S if see else max(STEP_S, int(charger.tau_s) // 60)
    while t_s < charger.whole_s + 60:
        ma, mv = charger.at(t_s)
        tail.look(ma, mv, mv > END_MV - 100, step_s)
        if see:
            see(t_s, ma)
        t_s += step_s
    for t_s in range(0, 600, STEP_S):
        tail.look(0, END_MV - t_s // 3, t_s < 300, STEP_S)


def test_other_tails_than_the_chemistrys_are_learned_and_lie_within_what_is_told():
    for default_s in {chemistry.by_name(name).tail_s for name in chemistry.NAMES}:
        for times in (0.4, 0.6, 1.0, 1.7, 3.0):
            tail = Tail(default_s, CAPACITY_MAH, Memory())
            tau_s = default_s * times
            spans = []
            for count in range(12):
                charge(tail, Charger(tau_s, seed=count))
                assert tail.charges == count + 1
                assert tail.told_s[0] <= tau_s <= tail.told_s[2], (default_s, times, count)
                spans.append(tail.most_s / tail.least_s)
            assert abs(tail.tail_s / tau_s - 1.0) < 0.06, (default_s, times)
            # It becomes surer.
            assert spans[-1] < spans[1] and spans[-1] < 2.2


def test_tails_that_vary_stay_within_what_is_told():
    tail = Tail(480, CAPACITY_MAH, Memory())
    dice = SeededRandom(4)
    within = 0
    for count in range(40):
        tau_s = 600 * exp(0.25 * dice.normal())
        within += tail.least_s <= tau_s <= tail.most_s
        charge(tail, Charger(tau_s, seed=count))
    assert within >= 36
    assert abs(tail.tail_s / 600 - 1) < 0.25


def test_what_is_not_believable_is_not_learned_and_no_figure_leaves_the_range():
    for looks in (
        # The sun goes: slowly, and the voltage with it; on the plain, with the voltage standing.
        [(int(50000 * exp(-t_s / 500)), END_MV - t_s // 20, True) for t_s in range(0, 2000, 4)],
        [(int(50000 * exp(-t_s / 500)), 3330, False) for t_s in range(0, 2000, 4)],
        # Turned down, in one step and within a minute.
        [(50000, END_MV, True)] * 50 + [(12000, END_MV - 5, True)] * 10,
        [(50000 - 10000 * step, END_MV, True) for step in range(5) for _ in range(5)],
        # It never falls far.
        [(int(50000 - 20 * t_s), END_MV, True) for t_s in range(0, 1000, 4)],
    ):
        tail = Tail(480, CAPACITY_MAH, Memory())
        for ma, mv, is_near in looks:
            tail.look(ma, mv, is_near, STEP_S)
        tail.look(0, 3400, False, STEP_S)
        assert tail.charges == 0 and tail.tail_s == 480
    # Longer than anybody believes.
    for _ in range(15):
        charge(tail, Charger(480 * 10))
    assert 480 * 3 < tail.tail_s <= tail.most_s <= 480 * 4
    for _ in range(15):
        charge(tail, Charger(480 // 4 + 5))
    assert 480 // 4 <= tail.least_s <= tail.tail_s < 480 // 3


def test_one_charge_tells_once():
    tail = Tail(480, CAPACITY_MAH, Memory())
    charger = Charger(700)
    # The charger pauses and goes on, again and again, with the voltage still high.
    for _ in range(5):
        for t_s in range(1100, int(charger.whole_s), STEP_S):
            tail.look(*charger.at(t_s), True, STEP_S)
        tail.look(0, END_MV - 20, True, STEP_S)
    assert tail.charges == 1


def test_what_was_learned_is_there_after_a_restart():
    storage = Storage()
    memory = Memory(storage)
    tail = Tail(480, CAPACITY_MAH, memory)
    for _ in range(6):
        charge(tail, Charger(800))
    commit(memory)
    again = Tail(480, CAPACITY_MAH, Memory(storage))
    assert max([abs(a - b) for a, b in zip(again.told_s, tail.told_s)]) <= 1
    assert again.charges == 6
    # Of cells with another chemistry as much as is believable for them.
    assert Tail(100, CAPACITY_MAH, Memory(storage)).tail_s == 400


class Watch:
    """What is told while the current is constant, and what is true then."""

    def __init__(self, tail, charger):
        self.times = TimeLeft(CAPACITY_MAH, tail)
        self.charger = charger
        self.estimate = Estimate()
        self.seen = []

    def look(self, t_s, ma):
        self.estimate.take_mah = self.charger.left_mah(t_s)
        self.times.step(ma, STEP_S, self.estimate)
        if 100 < t_s < self.charger.constant_s:
            self.seen.append((list(self.times.left_s[3:]), self.charger.whole_s - t_s))


def test_the_time_to_full_has_the_truth_between_its_least_and_its_most():
    for times in (0.6, 1.0, 1.7):
        tail = Tail(480, CAPACITY_MAH, Memory())
        widths = []
        for count in range(8):
            charger = Charger(480 * times, seed=count)
            watch = Watch(tail, charger)
            charge(tail, charger, watch.look)
            assert len(watch.seen) > 200
            for (least_s, likely_s, most_s), true_s in watch.seen:
                assert least_s <= likely_s <= most_s
                assert least_s <= true_s <= most_s, (times, count)
            (least_s, likely_s, most_s), true_s = watch.seen[50]
            widths.append(most_s - least_s)
        assert widths[-1] < widths[0]
        # It was off by minutes before.
        assert abs(likely_s - true_s) < 90
