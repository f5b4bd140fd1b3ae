"""Totals of a pack's life: true to what flowed, never less than before, whole after a cut."""

from array import array

from desk import Desk
from packs import Rig

from host_tools.mock.seeded_random import SeededRandom
from vigil import chemistry, limits, memory, store
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


class Anchors:
    count = 0


class Door:
    began_s = 0


class Keeper:
    uptime_s = 0


class Charge:
    soc_permille = 555

    def __init__(self):
        self.offset = Offset()
        self.anchors = Anchors()


class TotalsRig(Rig):
    def __init__(self, storage=None):
        super().__init__()
        self.chemistry = chemistry.lfp()
        self.counter = ChargeCounter(CAPACITY_MAH)
        self.memory = Memory(storage)
        self.front_end = FrontEnd()
        self.estimator = Estimator()
        self.charge = Charge()
        self.door = Door()
        self.keeper = Keeper()
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
            totals.by_voltage_s,
            totals.by_both_s,
            totals.outside_s,
            totals.halves,
            (totals.seconds, totals.anchors),
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


def test_energy_follows_a_pulsing_load_and_its_voltage():
    """Counted scan by scan, times the voltage ten times a second: at 150 A, which lower the stack
    by 7 %, on and off every 0.6 s, the end of each pulse is taken with the voltage after it."""
    rig = TotalsRig()
    sample = rig.sample
    dice = SeededRandom(7)
    true_mws = 0.0
    current_ma = 0
    next_scan_ms = next_look_ms = next_change_ms = 0
    begun_ms = rig.now_ms
    for ms in range(0, 600000, 3):
        if ms >= next_change_ms:
            # A motor or an inverter: on and off, a fifth of a second to a second each.
            current_ma = -150000 if current_ma == 0 else 0
            next_change_ms = ms + 200 + dice.below(800)
        stack_mv = 52800 + current_ma // 40
        true_mws -= current_ma * stack_mv / 1000000 * 3
        if ms >= next_scan_ms:
            next_scan_ms += 63
            rig.counter.count(current_ma, 63)
            sample.values[sample.stack_at] = stack_mv
        if ms >= next_look_ms:
            next_look_ms = ms + 100
            rig.now_ms = begun_ms + ms
            while rig.totals.step(rig.now_ms):
                pass
    totals = rig.totals
    # 0.1 Wh and what makes none yet, too.
    counted_mws = (totals.moved_wh[1] * 10 + totals._words[9]) * 360000 + totals._small[4] / 10
    counted_mws += totals._dwms_out / 10
    # The scans themselves see a pulse late or long by half of 63 ms.
    counted_mas = (totals.moved_dah[1] * 100 + totals._words[6]) * 3600 + totals._small[1] / 1000
    waiting = rig.counter.discharged
    counted_mas += waiting[0] * 3600 + waiting[1] / 1000
    by_charge_mws = counted_mas * (52800 - 150000 // 40) / 1000
    assert abs(counted_mws / by_charge_mws - 1) < 0.004
    assert abs(counted_mws / true_mws - 1) < 0.01


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
    # A cell that is not known trips a limit, after a second or so.
    outside_s = rig.totals.outside_s[1]
    assert 8 <= outside_s <= 10
    assert sum(rig.everything()) - outside_s == rig.totals.seconds == 10
    assert extremes(rig) == [UNKNOWN] * 20


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


def test_what_comes_together_is_told_together():
    rig = TotalsRig()
    totals = rig.totals
    for temp_dc, permille, current_ma, temp_at, charge_at, rate_at in (
        (-150, 5, 0, 0, 0, 0),
        (-10, 199, 3000, 0, 0, 1),
        (50, 200, 49000, 1, 1, 1),
        (240, 999, 51000, 2, 4, 2),
        (340, 1000, -3000, 3, 4, 3),
        (440, 450, -49000, 4, 2, 3),
        (540, 650, -51000, 5, 3, 4),
        (900, 850, -300000, 5, 4, 4),
    ):
        rig.temps_dc = [temp_dc, temp_dc - 20, temp_dc - 9]
        rig.estimator.shown_permille = permille
        rig.current_ma = current_ma
        before = list(totals.by_both_s)
        rig.seconds(1)
        wanted = [0] * 60
        wanted[5 * temp_at + charge_at] = wanted[30 + 5 * temp_at + rate_at] = 1
        assert [b - a for a, b in zip(before, totals.by_both_s)] == wanted


def test_how_near_the_highest_cell_was_to_its_end():
    rig = TotalsRig()
    for cell_mv, at in (
        (3700, 0),
        (3601, 0),
        (3600, 1),
        (3550, 2),
        (3500, 3),
        (3450, 4),
        (3350, 5),
        (3250, 6),
        (3050, 7),
        (2000, 7),
    ):
        before = list(rig.totals.by_voltage_s)
        rig.cells_mv = [cell_mv - 60] * 15 + [cell_mv]
        rig.seconds(1)
        moved = [b - a for a, b in zip(before, rig.totals.by_voltage_s)]
        assert moved[at] == sum(moved) == 1, cell_mv


def test_seconds_outside_the_limits_are_told_by_how_far():
    rig = TotalsRig()
    rig.seconds(10)
    assert list(rig.totals.outside_s) == [0, 0]
    rig.cells_mv[2] = 3620
    rig.seconds(20)
    warned_s = rig.totals.outside_s[0]
    assert 10 <= warned_s <= 20 and rig.totals.outside_s[1] == 0
    rig.cells_mv[2] = 3700
    rig.seconds(20)
    assert 10 <= rig.totals.outside_s[1] <= 20
    assert sum(rig.totals.outside_s) == 20 + warned_s


def test_anchors_of_all_starts_add_up():
    storage = Storage()
    for start in range(3):
        rig = TotalsRig(storage)
        for count in (1, 4):
            rig.charge.anchors.count = count
            rig.seconds(2)
        assert rig.totals.anchors == 4 * (start + 1)
        rig.totals.keep()
        commit(rig.memory)


# Extremes.


def extremes(rig):
    return list(rig.totals.records) + list(rig.totals.record_s)


def test_the_highest_and_the_lowest_are_kept_with_their_place_and_time():
    rig = TotalsRig()
    rig.seconds(10)
    rig.cells_mv[4], rig.cells_mv[11] = 3412, 3288
    rig.temps_dc[1] = 312
    rig.current_ma = 17000
    rig.seconds(3)
    rig.cells_mv[4], rig.cells_mv[11] = 3300, 3100
    rig.temps_dc = [-31, 100, 200]
    rig.current_ma = -90000
    rig.seconds(3)
    rig.cells_mv = [3300] * 16
    rig.temps_dc = [250] * 3
    rig.current_ma = 0
    rig.seconds(100)
    # The second of two looks tells; both saw at least that.
    assert extremes(rig) == (
        [3412, 3100, 312, -31, 17000, 90000, 5, 12] + [12, 15, 12, 15, 12, 15] + [UNKNOWN] * 6
    )


def test_when_it_was_by_the_clock_is_known_as_soon_as_somebody_has_told_the_time():
    storage = Storage()
    rig = TotalsRig(storage)
    rig.seconds(30)
    rig.totals.keep()
    commit(rig.memory)
    rig = TotalsRig(storage)
    rig.seconds(100)
    rig.current_ma = 5000
    rig.seconds(100)
    began_s = 1763769600
    rig.keeper.uptime_s = 200
    rig.door.began_s = began_s
    rig.seconds(1)
    found = rig.totals.record_s
    since_2020_s = began_s - 1577836800
    assert abs(found[10] - (since_2020_s + 101)) <= 2
    # What came in a start that was never told it stays unknown.
    assert found[6] == found[9] == UNKNOWN and found[0] <= 2
    rig.keeper.uptime_s = 500
    rig.current_ma = -5000
    rig.seconds(2)
    assert found[11] == since_2020_s + 500


def test_what_is_stale_or_not_known_or_not_believed_or_seen_once_is_no_extreme():
    from vigil import sample as s

    def extreme(rig):
        rig.cells_mv[0], rig.cells_mv[1] = 4000, 2000
        rig.temps_dc = [700, -300, 250]
        rig.current_ma = 250000

    def hide(rig):
        extreme(rig)
        rig.cells_mv[7] = rig.temps_dc[2] = rig.current_ma = UNKNOWN

    def doubt(rig):
        extreme(rig)
        for scalar in (s.CELLS_DOUBT, s.TEMPS_DOUBT, s.CURRENT_DOUBT):
            rig.sample.health[scalar - s.HEALTH_FIRST] = 1

    for spoil, seconds in ((hide, 20), (doubt, 20), (extreme, 1)):
        rig = TotalsRig()
        rig.seconds(5)
        before = extremes(rig)
        assert before[:6] == [3300, 3300, 250, 250, 0, 0]
        spoil(rig)
        rig.seconds(seconds)
        rig.cells_mv = [3300] * 16
        rig.temps_dc = [250] * 3
        rig.current_ma = 0
        for at in range(len(rig.sample.health)):
            rig.sample.health[at] = 0
        rig.seconds(5)
        assert extremes(rig) == before, spoil
    rig = TotalsRig()
    rig.seconds(5)
    before = extremes(rig)
    # The values are there, but nothing is measured any more: they only grow old.
    rig.stale = (s.CELLS, s.TEMPS, s.CURRENT)
    rig.step(30)
    extreme(rig)
    rig.seconds(20)
    assert extremes(rig) == before


# Cycles.


def test_cycles_of_charge_are_counted_and_corrections_are_none():
    rig = TotalsRig()
    totals = rig.totals
    true = 555.0
    for hours_ma in (30000, -60000, 50000, -40000, 60000, -50000) * 2:
        rig.current_ma = hours_ma
        for _ in range(180):
            rig.seconds(1, 20000)
            true += hours_ma * 20 / 3600 / CAPACITY_MAH * 1000
            rig.charge.soc_permille = int(true)
    # Turns at 55.5, 85.5, 25.5, 75.5, 35.5, 95.5, 45.5, 75.5, 15.5, 65.5, 25.5, 85.5 %: closed
    # are 75.5 to 35.5, 45.5 to 75.5 and 65.5 to 25.5 %, each of two halves.
    assert [at for at in range(100) if totals.halves[at]] == [36, 44, 45]
    full = sum(totals.halves)
    assert full == 6
    for permille in (UNKNOWN, 100, 900, UNKNOWN, 355):
        rig.current_ma = 0
        rig.charge.soc_permille = permille
        rig.seconds(5)
    assert sum(totals.halves) == full
    # With both switches open it is the sensor's own.
    rig.front_end.charge_is_on = rig.front_end.discharge_is_on = False
    rig.seconds(2)
    turns = list(totals.turns)
    for current_ma in (-50000, 50000) * 3:
        rig.current_ma = current_ma
        rig.seconds(180, 20000)
    assert sum(totals.halves) == full and list(totals.turns) == turns


def test_nothing_wraps():
    rig = TotalsRig()
    most = UNKNOWN - 1
    totals = rig.totals
    for at in range(len(totals._words)):
        # Apart from extremes, and from where the charge turned.
        if not 122 <= at < 142 and at < 242:
            totals._words[at] = most
    rig.charge.anchors.count = 3
    rig.current_ma = -100000
    rig.cells_mv[0] = 2400
    rig.seconds(120)
    for permille in (500, 300, 600, 200, 700):
        # Deep cycles.
        totals._cycles.move((permille - 500) * CAPACITY_MAH * 3600, UNKNOWN)
        while totals._cycles.close():
            pass
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
    for name in ("life.0", "life.1"):
        storage.files[name] = b"?" + storage.files[name][1:]
    rig = TotalsRig(storage)
    assert rig.memory.flags & memory.TOTALS_LOST
    assert sum(rig.everything()) == 0


def old_record(words, sequence=7):
    """As the version before this one has written it: 51 words, under another name."""
    return store.pack(1, sequence, bytes(array("i", words)))


def test_a_record_of_the_version_before_is_taken_over():
    storage = Storage()
    words = [1000 + at for at in range(51)]
    # What makes no whole one yet.
    words[5:10] = [1, 2, 3, 4, 5]
    storage.files["totals.0"] = old_record(words)
    storage.files["totals.1"] = b"?"
    rig = TotalsRig(storage)
    assert not rig.memory.flags & memory.TOTALS_LOST
    assert list(rig.totals._words[:51]) == words
    assert sum(rig.everything()) > 0 and sum(rig.totals.halves) == 0
    assert extremes(rig) == [UNKNOWN] * 20
    rig.current_ma = -50000
    rig.seconds(700)
    commit(rig.memory)
    # The old one lies there as it was, for whoever goes back.
    assert storage.files["totals.0"] == old_record(words)
    after = rig.everything()
    rig = TotalsRig(storage)
    found = rig.everything()
    assert all([now >= then for now, then in zip(found, words[:5])])
    assert found[1] > words[1] and found[1] <= after[1]


def test_what_the_version_before_has_counted_meanwhile_is_not_lost():
    storage = Storage()
    rig = TotalsRig(storage)
    rig.current_ma = -50000
    rig.seconds(700)
    rig.totals.keep()
    commit(rig.memory)
    kept = rig.everything()
    for longer_s, merged in ((-100, False), (500, True)):
        words = list(rig.totals._words[:51])
        words[0] += 70
        words[10] += longer_s
        storage.files["totals.0"] = old_record(words)
        again = TotalsRig(storage)
        assert all([now >= then for now, then in zip(again.everything(), kept)])
        assert again.totals.moved_dah[0] == (70 if merged else 0)
        assert again.totals.seconds == max(kept[-2], words[10])


def test_a_lost_record_of_the_version_before_is_told_if_there_is_no_other():
    storage = Storage()
    storage.files["totals.0"] = b"?"
    assert TotalsRig(storage).memory.flags & memory.TOTALS_LOST
    rig = TotalsRig(storage)
    rig.seconds(5)
    rig.totals.keep()
    commit(rig.memory)
    assert not TotalsRig(storage).memory.flags & memory.TOTALS_LOST


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
