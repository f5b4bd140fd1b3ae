"""Totals of a pack's life: true to what flowed, never less than before, whole after a cut."""

from desk import Desk
from packs import Rig

from host_tools.mock.seeded_random import SeededRandom
from vigil import chemistry, limits, memory
from vigil.counter import ChargeCounter
from vigil.memory import Memory
from vigil.sample import UNKNOWN
from vigil.totals import EVENTS, Totals

# Whole desks.
LONG_ON_CPYTHON = (
    "test_the_totals_agree_with_what_really_flowed",
    "test_what_was_kept_is_there_after_a_restart",
)

CAPACITY_MAH = 100000
DEEP, OVER, HOT, COLD, CHARGED_HOT, CHARGED_COLD = range(EVENTS)


class PowerCut(Exception):
    pass


class Storage:
    """Files of bytes; the write with that number is cut short somewhere."""

    def __init__(self):
        self.files = {}
        self.cut_in = -1
        self.dice = SeededRandom(1)

    def read(self, name):
        return self.files.get(name)

    def write(self, name, data):
        if self.cut_in == 0:
            self.files[name] = bytes(data[: self.dice.below(len(data) + 1)])
            raise PowerCut
        self.cut_in -= 1
        self.files[name] = bytes(data)


class FrontEnd:
    charge_is_on = discharge_is_on = True


class Estimator:
    shown_permille = 555


class Offset:
    offset_ua = 0


class Charge:
    def __init__(self):
        self.offset = Offset()


class TotalsRig(Rig):
    def __init__(self, storage=None):
        super().__init__()
        self.chemistry = chemistry.lfp()
        self.counter = ChargeCounter(CAPACITY_MAH)
        self.memory = Memory(storage)
        self.front_end = FrontEnd()
        self.estimator = Estimator()
        self.charge = Charge()
        self.totals = Totals(self)
        while self.totals.step(self.now_ms):
            pass

    def seconds(self, seconds, step_ms=1000):
        """The sample's own ages are those of 50 ms; the counters are told how long it was."""
        for _ in range(seconds):
            self.now_ms = (self.now_ms + step_ms - 50) & 0x3FFFFFFF
            self.step()
            self.counter.count(self.current_ma, step_ms)
            while self.totals.step(self.now_ms):
                pass

    def trip(self, row_id):
        return self.table.trip[limits.position(row_id)]

    def everything(self):
        totals = self.totals
        parts = (
            totals.moved_dah,
            totals.moved_wh,
            totals.event_counts,
            totals.event_s,
            totals.by_temp_s,
            totals.by_charge_s,
            totals.by_rate_s,
            (totals.seconds,),
        )
        return [value for part in parts for value in part]


def commit(a_memory):
    while a_memory.state_waits:
        a_memory.commit()


def test_charge_and_energy_are_counted_each_way():
    rig = TotalsRig()
    for current_ma, seconds in ((20000, 1800), (-50000, 3600), (7, 3600), (-7, 3600)):
        rig.current_ma = current_ma
        rig.seconds(seconds // 5, 5000)
    volts = 16 * 3.3
    assert list(rig.totals.moved_dah) == [100, 500, 0]
    assert abs(rig.totals.moved_wh[0] - 10 * volts) <= 1
    assert abs(rig.totals.moved_wh[1] - 50 * volts) <= 1
    assert rig.totals.cycles == 0
    rig.current_ma = -100000
    rig.seconds(3600 * 14 // 50 + 1, 5000)
    assert rig.totals.cycles == rig.counter.cycles == 1


def test_a_gap_of_minutes_is_not_made_up():
    rig = TotalsRig()
    rig.current_ma = -10000
    rig.seconds(10)
    before = rig.totals.seconds
    rig.now_ms += 600000
    rig.seconds(1)
    assert rig.totals.seconds - before <= 1


def test_what_the_sensor_shows_by_itself_is_not_counted():
    rig = TotalsRig()
    rig.charge.offset.offset_ua = 300000
    rig.current_ma = 300
    rig.seconds(1440, 5000)
    assert list(rig.totals.moved_dah) == [0, 0, 0] and list(rig.totals.moved_wh) == [0, 0]
    rig.current_ma = -9700
    rig.seconds(720, 5000)
    assert rig.totals.moved_dah[0] == 0
    assert abs(rig.totals.moved_dah[1] - 100) <= 1
    rig.front_end.charge_is_on = rig.front_end.discharge_is_on = False
    rig.seconds(2)
    before = rig.everything()[:5]
    rig.current_ma = 5000
    rig.seconds(720, 5000)
    assert rig.everything()[:5] == before


def test_charge_taken_in_the_cold_is_counted_besides():
    rig = TotalsRig()
    rig.current_ma = 20000
    for temp_dc, whole in ((51, 0), (49, 100)):
        rig.temps_dc = [200, temp_dc, 200]
        rig.seconds(360, 5000)
        assert rig.totals.moved_dah[2] == whole


def harmed(rig):
    return [(rig.totals.event_counts[at], rig.totals.event_s[at]) for at in range(EVENTS)]


def test_each_harm_is_counted_and_timed_by_itself():
    nothing = [(0, 0)] * EVENTS
    for event, cell_mv, temp_dc, current_ma in (
        (DEEP, 2499, 250, 0),
        (OVER, 3651, 250, 0),
        (HOT, 3300, 601, 0),
        (COLD, 3300, -201, 0),
        (CHARGED_HOT, 3300, 451, 5000),
        (CHARGED_COLD, 3300, -1, 5000),
    ):
        rig = TotalsRig()
        rig.seconds(5)
        assert harmed(rig) == nothing
        rig.cells_mv[3] = cell_mv
        rig.temps_dc[1] = temp_dc
        rig.current_ma = current_ma
        rig.seconds(30)
        wanted = list(nothing)
        wanted[event] = (1, 30)
        assert harmed(rig) == wanted, event
    # Without a charge current the cold harms nothing, and just not is not.
    rig = TotalsRig()
    rig.temps_dc = [-1] * 3
    rig.current_ma = 1000
    rig.cells_mv = [2500] * 8 + [3650] * 8
    rig.seconds(10)
    assert harmed(rig) == nothing


def test_a_harm_that_comes_and_goes_is_one_until_it_stayed_away_for_a_minute():
    rig = TotalsRig()
    for _ in range(5):
        rig.cells_mv[0] = 2400
        rig.seconds(10)
        rig.cells_mv[0] = 2600
        rig.seconds(50)
    assert harmed(rig)[DEEP] == (1, 50)
    rig.seconds(15)
    rig.cells_mv[0] = 2400
    rig.seconds(1)
    assert harmed(rig)[DEEP] == (2, 51)


def test_what_is_not_known_is_no_harm_and_no_time_anywhere():
    rig = TotalsRig()
    rig.cells_mv[0] = rig.temps_dc[0] = rig.current_ma = UNKNOWN
    rig.estimator.shown_permille = UNKNOWN
    rig.seconds(10)
    assert sum(rig.everything()) == rig.totals.seconds == 10


def test_every_second_lies_in_one_bin_of_each_histogram():
    rig = TotalsRig()
    dice = SeededRandom(3)
    for _ in range(300):
        rig.temps_dc = [dice.below(1200) - 400 for _ in range(3)]
        rig.current_ma = dice.below(600000) - 300000
        rig.estimator.shown_permille = dice.below(1001)
        rig.seconds(1)
    totals = rig.totals
    for part in (totals.by_temp_s, totals.by_charge_s, totals.by_rate_s):
        assert sum(part) == totals.seconds == 300
        assert min(part) > 0
    for temp_dc, at in (
        (-101, 0),
        (-100, 1),
        (-1, 1),
        (0, 2),
        (99, 2),
        (249, 3),
        (549, 6),
        (550, 7),
    ):
        before = list(totals.by_temp_s)
        rig.temps_dc = [temp_dc - 5, temp_dc, temp_dc - 100]
        rig.seconds(1)
        assert [b - a for a, b in zip(before, totals.by_temp_s)].index(1) == at
    for current_ma, at in (
        (1999, 0),
        (-1999, 0),
        (2000, 1),
        (20000, 2),
        (99999, 3),
        (100000, 4),
        (-2000, 5),
        (-20000, 6),
        (-99999, 7),
        (-199999, 8),
        (-200000, 9),
    ):
        before = list(totals.by_rate_s)
        rig.current_ma = current_ma
        rig.seconds(1)
        assert [b - a for a, b in zip(before, totals.by_rate_s)].index(1) == at, current_ma


def test_nothing_wraps():
    rig = TotalsRig()
    most = UNKNOWN - 1
    for at in range(len(rig.totals._words)):
        rig.totals._words[at] = most
    rig.current_ma = -100000
    rig.cells_mv[0] = 2400
    rig.seconds(120)
    assert max(rig.everything()) == most and min(rig.everything()) == most


def test_random_power_cuts_cost_only_what_came_after_the_latest_record():
    dice = SeededRandom(11)
    storage = Storage()
    lost = 0
    staged = [TotalsRig(storage).everything()]
    written = staged[0]
    for _ in range(60):
        rig = TotalsRig(storage)
        assert not rig.memory.flags & memory.TOTALS_LOST
        found = rig.everything()
        # One of the records that were staged, whole, and not older than what was surely written.
        assert found in staged
        assert all([now >= then for now, then in zip(found, written)])
        staged = [found]
        storage.cut_in = dice.below(6)
        try:
            for _ in range(1 + dice.below(8)):
                rig.current_ma = dice.below(400000) - 200000
                rig.temps_dc = [dice.below(900) - 300] * 3
                rig.cells_mv[0] = 2000 + dice.below(2000)
                before = rig.everything()
                rig.seconds(20 + dice.below(60))
                after = rig.everything()
                assert all([now >= then for now, then in zip(after, before)])
                rig.totals.keep()
                staged.append(after)
                commit(rig.memory)
                written = after
        except PowerCut:
            lost += 1
    assert lost > 20 and rig.totals.seconds > 1000


def test_a_lost_record_is_told():
    storage = Storage()
    rig = TotalsRig(storage)
    rig.current_ma = -50000
    rig.seconds(600)
    rig.totals.keep()
    commit(rig.memory)
    for name in ("totals.0", "totals.1"):
        storage.files[name] = b"?" + storage.files[name][1:]
    rig = TotalsRig(storage)
    assert rig.memory.flags & memory.TOTALS_LOST
    assert sum(rig.everything()) == 0


# On the whole desk.


def test_the_totals_agree_with_what_really_flowed():
    desk = Desk(soc_pct=50)
    pack = desk.bench.pack
    true_mas = [0.0, 0.0]
    true_mws = [0.0, 0.0]
    cells_mv = [0.0] * pack.cells
    dice = SeededRandom(5)
    for _ in range(8):
        offered_ma = (20000, -60000, -5000, 35000)[dice.below(4)]
        desk.bench.offer(offered_ma)
        for _ in range(12):
            before_mas = pack.charge_mas
            desk.run_ms(400)
            desk.bench.update()
            mas = pack.charge_mas - before_mas
            pack.fill_mv(offered_ma, cells_mv)
            side = 0 if mas > 0 else 1
            true_mas[side] += abs(mas)
            true_mws[side] += abs(mas) * sum(cells_mv) / 1000
    totals = desk.bms.totals
    for side in (0, 1):
        counted_mah = totals.moved_dah[side] * 100 + totals._words[5 + side]
        true_mah = true_mas[side] / 3600
        # The sensor's gain is right to 1 %, its zero to 100 mA, and a second may be on its way.
        assert abs(counted_mah - true_mah) < 0.01 * true_mah + 60000 / 3600 + 7
        counted_wh = totals.moved_wh[side] + totals._words[8 + side] / 10
        true_wh = true_mws[side] / 3600000
        assert abs(counted_wh - true_wh) < 0.015 * true_wh + 1.3


def test_what_was_kept_is_there_after_a_restart():
    desk = Desk(soc_pct=50, current_ma=-50000)
    desk.run_ms(20000)
    desk.bms.keep_everything()
    kept = list(desk.bms.totals._words)
    again = Desk(soc_pct=50, flash=desk.flash)
    assert again.bms.totals.seconds >= kept[10] > 15
    assert again.bms.totals.moved_dah[1] >= kept[1] >= 2
