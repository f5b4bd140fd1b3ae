"""Capacity from pairs of moments, resistance from steps of the current; doubt, and memory."""

from array import array

from desk import Desk

from vigil import cell_models, chemistry
from vigil.estimate import ageing_kept, anchors
from vigil.estimate.ageing import Ageing
from vigil.estimate.capacity import Capacity
from vigil.estimate.cell_model import CellModel
from vigil.estimate.charge import ChargeEstimate
from vigil.estimate.counter import ChargeCounter
from vigil.estimate.resistance import Resistance
from vigil.estimate.told import Told
from vigil.memory import Memory
from vigil.sample import UNKNOWN

RATED_MAH = 10000


def model_of(name="NMC"):
    return CellModel(cell_models.figures(name), chemistry.by_name(name).ocv_dmv, RATED_MAH)


class Cells:
    """Cells at rest of these capacities, and what finds them out."""

    def __init__(self, capacities=(9000,), shares=None, name="NMC"):
        self.model = model_of(name)
        self.model.hysteresis_sigma = self.model.recent_ma = 0.0
        self.model.step(0.0, 0.0, 1)
        self.capacities = capacities
        self.shares = list(shares or [0.2] * len(capacities))
        self.found = Capacity(self.model, RATED_MAH, len(capacities))
        self.drift = 0.0

    def mv(self):
        return [self.model.open_mv(share) for share in self.shares]

    def move(self, mah):
        self.found.moved(mah, self.drift)
        for cell in range(len(self.shares)):
            self.shares[cell] += mah / self.capacities[cell]

    def rest(self):
        """Voltages tell for a while, then no longer; and all that follows from it."""
        for _ in range(len(self.shares)):
            if self.found.moment(anchors.REST, 0.0):
                self.found.look(self.mv())
        self.found.moment(anchors.NONE, 0.0)
        while self.found.step():
            pass

    def swing(self, mah, times=1):
        for _ in range(times):
            self.rest()
            self.move(mah)
            self.rest()
            self.move(0 - mah)
        self.rest()


# What the voltages tell of a moment.


def told_of(model, mv, share):
    told = Told(model, 1)
    told.look(0, mv, 0.0)
    return told.offsets[0] - share, told.sigmas[0]


def test_a_voltage_tells_the_charge_where_the_curve_is_steep_and_says_so_where_it_is_not():
    nmc = model_of("NMC")
    lfp = model_of("LFP")
    for model in (nmc, lfp):
        model.hysteresis_sigma = model.recent_ma = 0.0
        model.step(0.0, 0.0, 1)
    for share in (0.02, 0.2, 0.5, 0.8, 0.99):
        error, sigma = told_of(nmc, nmc.open_mv(share), share)
        assert abs(error) < 0.0005 and 0.001 < sigma < 0.015
    for share in (0.02, 0.995):
        error, sigma = told_of(lfp, lfp.open_mv(share), share)
        assert abs(error) < 0.0005 and sigma < 0.01
    for share in (0.3, 0.5, 0.7, 0.9):
        assert told_of(lfp, lfp.open_mv(share), share)[1] == 1.0


def test_a_current_and_a_hysteresis_that_is_known_are_taken_off_the_voltage():
    model = model_of("LFP")
    model.hysteresis = -1.0
    model.hysteresis_sigma = 0.0
    model.step(-1000.0, -1000.0, 600)
    mv = model.open_mv(0.03) + model.drop_mv - model.half_width_mv(0.03)
    error, sigma = told_of(model, mv, 0.03)
    assert abs(error) < 0.0005 and sigma < 0.01
    model.drop_mv *= 20.0
    assert told_of(model, mv, 0.03)[1] > sigma


# Capacity.


def test_nothing_is_known_before_the_first_pair_and_one_pair_tells_each_cells_capacity():
    cells = Cells((9000, 8700, 9400))
    assert list(cells.found.pairs) == [0, 0, 0]
    cells.rest()
    assert cells.found.count == 0
    cells.move(5000)
    cells.rest()
    found = cells.found
    assert list(found.pairs) == [1, 1, 1]
    for cell in range(3):
        # The rated capacity, as a weak guess, still pulls a little.
        assert abs(found.shares[cell] * RATED_MAH - cells.capacities[cell]) < 40
        assert 0.01 < found.sigmas[cell] < 0.04


def test_more_pairs_make_it_surer_but_never_surer_than_the_current_sensors_gain():
    cells = Cells((9000,))
    cells.swing(4500)
    first = cells.found.sigmas[0]
    cells.swing(4500, 20)
    assert 0.01 < cells.found.sigmas[0] < first
    assert cells.found.count == 32
    assert abs(cells.found.shares[0] - 0.9) < 0.002


def test_too_little_charge_between_two_moments_is_no_pair():
    cells = Cells((10000,), (0.5,))
    for mah in (2500, -2900, 2900):
        cells.rest()
        cells.move(mah)
    cells.rest()
    assert cells.found.count == 0
    cells.move(-3100)
    cells.rest()
    assert cells.found.count == 1


def test_a_stretch_so_long_that_the_offset_may_have_made_it_up_is_no_pair():
    cells = Cells((9000,))
    cells.rest()
    cells.drift = 0.06
    cells.move(5000)
    cells.rest()
    assert cells.found.count == 0
    cells.drift = 0.0
    cells.move(-5000)
    cells.rest()
    assert cells.found.count == 1


def test_an_offset_shows_in_pairs_up_and_down_and_is_not_taken_for_capacity():
    cells = Cells((9000,))
    cells.rest()
    cells.drift = 0.02
    for up in (True, False) * 5:
        # 200 mAh more than what flowed, either way.
        mah = 4500 if up else -4500
        cells.shares[0] -= 200 / 9000
        cells.move(mah + 200)
        cells.rest()
    assert abs(cells.found.shares[0] - 0.9) < 0.004


def test_what_was_bled_from_one_cell_is_not_its_capacity():
    cells = Cells((9000, 9000))
    for _ in range(3):
        cells.rest()
        cells.move(5000)
        cells.found.bled_mas[1] += 150 * 3600
        cells.shares[1] -= 150 / 9000
        cells.rest()
        cells.move(-5000)
        cells.found.bled_mas[1] -= 150 * 3600
        cells.shares[1] += 150 / 9000
    assert abs(cells.found.shares[1] - cells.found.shares[0]) < 0.003


def test_a_cell_whose_voltage_does_not_tell_has_no_capacity_and_the_others_do():
    cells = Cells((9000, 9000, 9000), (0.05, 0.05, 0.35), "LFP")
    cells.rest()
    cells.move(8505)
    cells.rest()
    assert list(cells.found.pairs) == [1, 1, 0]
    assert cells.found.sigmas[2] > 0.1


def test_one_pair_that_contradicts_is_left_out_and_three_in_a_row_are_another_pack():
    cells = Cells((9000,))
    cells.swing(4500, 5)
    found = cells.found
    assert found.count == 10
    # Charge that went past the sensor.
    cells.shares[0] += 0.2
    cells.move(3000)
    cells.rest()
    assert found.doubts == 1 and found.count == 10
    assert abs(found.shares[0] - 0.9) < 0.005
    cells.move(-3100)
    cells.rest()
    assert found.count == 11
    cells.capacities = (5000,)
    for mah in (3000, -3000, 3000):
        cells.move(mah)
        cells.rest()
    assert found.doubts == 4 and list(found.pairs) == [0]
    cells.swing(-2900, 3)
    assert abs(found.shares[0] - 0.5) < 0.03 or list(found.pairs) == [0]


def test_a_capacity_that_fades_is_followed_with_an_error_bar_that_holds():
    cells = Cells((10000,))
    found = cells.found
    for turn in range(300):
        true = 10000 - 4 * turn
        cells.capacities = (true,)
        cells.rest()
        mah = 5000 if turn % 2 == 0 else -5000
        # Ten cycles that no moment saw.
        for _ in range(20):
            found.moved(5000, 0.0)
            found.moved(-5000, 0.0)
        cells.move(mah)
    cells.rest()
    error = found.shares[0] - true / 10000
    assert abs(error) < 2 * found.sigmas[0]
    assert abs(error) < 0.03


# Resistance.


class Steps:
    """Cells of the model, with resistances of their own, a second at a time."""

    def __init__(self, times, name="NMC", warmth_k=2500.0):
        self.model = model_of(name)
        self.true = model_of(name)
        self.true.warmth_k = warmth_k
        self.times = times
        self.found = Resistance(self.model, len(times))
        self.temp_dc = 250
        self.share = 0.5
        self.usable = True
        self.ma = 0.0

    def run(self, ma, seconds=1, mean_ma=None):
        for second in range(seconds):
            mean = ma if mean_ma is None or second else mean_ma
            for model in (self.model, self.true):
                model.warm(self.temp_dc)
                model.step(mean, ma, 1)
            settling = self.true.drop_mv - self.true.resists * self.true.ohm * ma
            ohm = self.true.resists * self.true.ohm
            mv = [3700 + settling + times * ohm * ma for times in self.times]
            self.found.second(mv, ma, mean, self.temp_dc, self.share, self.usable)
            while self.found.due:
                self.found.step()

    def steps(self, count, ma=-8000.0):
        for _ in range(count):
            self.run(ma, 10)
            self.run(0.0, 10)


def test_steps_of_the_current_tell_each_cells_resistance():
    steps = Steps((1.3, 1.0, 1.1, 1.2))
    steps.run(0.0, 5)
    steps.steps(2)
    assert not steps.found.known
    steps.steps(20)
    assert steps.found.known
    for cell in range(4):
        ohm = steps.found.common_ohm() * steps.found.ratios[cell] / steps.model.ohm
        assert abs(ohm / steps.times[cell] - 1) < 0.02
    assert 0.02 < steps.found.sigma() < 0.04


def test_a_step_is_not_used_that_cannot_be_trusted():
    steps = Steps((1.0, 1.0))
    steps.run(0.0, 5)
    steps.steps(5, -2900.0)  # less than 0.3 C
    steps.usable = False
    steps.steps(5)
    steps.usable = True
    steps.share = 0.1
    steps.steps(5)
    steps.share = None
    steps.steps(5)
    steps.share = 0.5
    for temp_dc in (40, 560, None):
        steps.temp_dc = temp_dc
        steps.steps(5)
    steps.temp_dc = 250
    assert steps.found.steps == 0
    for _ in range(5):
        steps.run(-8000.0, 1, mean_ma=-1000.0)  # the step was only just before
        steps.run(-8000.0, 9)
        steps.run(0.0, 1, mean_ma=-9000.0)
        steps.run(0.0, 9)
    assert steps.found.steps == 0
    steps.steps(1)
    assert steps.found.steps == 2


def test_how_resistance_follows_the_temperature_is_learned():
    steps = Steps((1.0, 1.0), warmth_k=2000.0)
    steps.temp_dc = 50
    steps.run(0.0, 5)
    steps.steps(30)
    # Only cold: whether the cell or the cold resists cannot be told, and the sigma says so.
    error = steps.found.common_ohm() * steps.found.ratios[0] / steps.true.ohm - 1
    assert 0.05 < abs(error) < 2 * steps.found.sigma()
    for temp_dc in (450, 250, 150):
        steps.temp_dc = temp_dc
        steps.run(0.0, 5)
        steps.steps(30)
    assert abs(steps.found.common_ohm() * steps.found.ratios[0] / steps.true.ohm - 1) < 0.02


def test_a_bad_joint_is_the_cell_that_resists_far_more_than_the_others():
    steps = Steps((1.0, 1.4, 1.0, 0.9, 1.1))
    steps.run(0.0, 5)
    steps.steps(20)
    found = steps.found
    assert [found.joint(cell, found.doubt()) for cell in range(5)] == [0, 0, 0, 0, 0]
    steps.times = (1.0, 1.4, 1.0, 1.8, 1.1)
    steps.steps(100)
    assert [found.joint(cell, found.doubt()) for cell in range(5)] == [0, 0, 0, 1, 0]
    steps.times = (1.0, 1.4, 1.0, 40.0, 1.1)
    steps.steps(100)
    assert [found.joint(cell, found.doubt()) for cell in range(5)] == [0, 0, 0, 2, 0]
    steps.times = (1.0, 1.4, 1.0, 0.9, 1.1)
    steps.steps(400)
    assert [found.joint(cell, found.doubt()) for cell in range(5)] == [0, 0, 0, 0, 0]


def test_cells_that_all_resist_more_are_old_and_have_no_bad_joint():
    steps = Steps((2.4, 2.5, 2.6))
    steps.run(0.0, 5)
    steps.steps(50)
    assert [steps.found.joint(cell, steps.found.doubt()) for cell in range(3)] == [0, 0, 0]
    assert abs(steps.found.common_ohm() * steps.found.ratios[1] / steps.model.ohm - 2.5) < 0.1


# The whole, and what is kept of it.


class Storage:
    def __init__(self):
        self.files = {}

    def read(self, name):
        return self.files.get(name)

    def write(self, name, data):
        self.files[name] = bytes(data)


def estimate_of(count=3, rated_mah=RATED_MAH):
    figures = cell_models.figures("NMC")
    model = CellModel(figures, chemistry.by_name("NMC").ocv_dmv, rated_mah)
    moments = anchors.Anchors(figures, rated_mah)
    return ChargeEstimate(model, moments, ChargeCounter(rated_mah), count)


def pass_seconds(ageing, count=4):
    """In which nothing is measured, and what is due is done."""
    for _ in range(count):
        ageing._share_out(False)
        while ageing.step():
            pass


def learned(memory=None, count=3):
    """As it is after some pairs, and some steps."""
    ageing = Ageing(estimate_of(count), memory)
    cells = Cells([9000 - 300 * cell for cell in range(count)])
    cells.found = ageing.capacity
    cells.found._new._model.recent_ma = 0.0
    cells.swing(4500, 3)
    steps = Steps([1.1 + 0.05 * cell for cell in range(count)])
    steps.found = ageing.resistance
    steps.run(0.0, 5)
    steps.steps(20)
    pass_seconds(ageing)
    return ageing


def figures_of(ageing):
    return (
        list(ageing.capacities_mah),
        ageing.soh_permille,
        ageing.soh_sigma_permille,
        ageing.pairs,
        list(ageing.resistances_uohm),
    )


def test_health_is_what_the_weakest_cell_holds_and_unknown_before():
    fresh = Ageing(estimate_of())
    pass_seconds(fresh)
    assert fresh.soh_permille == fresh.usable_mah == UNKNOWN
    assert list(fresh.capacities_mah) == list(fresh.resistances_uohm) == [UNKNOWN] * 3
    ageing = learned()
    assert abs(ageing.soh_permille - 840) <= 5
    assert 10 <= ageing.soh_sigma_permille <= 30
    # Which needs each cell's charge, and that is not known yet.
    assert ageing.usable_mah == ageing.imbalance_mah == UNKNOWN
    for cell in range(3):
        assert abs(ageing.capacities_mah[cell] - (9000 - 300 * cell)) < 50


def test_a_second_has_time_for_one_dear_piece_of_work_and_none_is_forgotten():
    ageing = learned()
    estimate = ageing._estimate
    estimate.resume([0.6] * 3, 0.01)
    done = []

    def noted(who, name):
        was = getattr(who, name)

        def instead(*words):
            if name not in done:
                done.append(name)
            return was(*words)

        setattr(who, name, instead)

    noted(ageing.capacity, "look")
    noted(ageing.capacity, "_fit")
    noted(ageing, "_figure_capacity")
    noted(ageing, "_figure_resistance")
    noted(ageing.resistance, "step")
    noted(estimate.grid, "slice")
    ageing.capacity.moment = lambda kind, rest: kind != 0
    seen = []
    at_once = set()
    # A drive with steps of the current, then rest; the grid watches all the time.
    for second in range(400):
        if second == 200:
            estimate.anchors._held_s[anchors.REST] = 1e6
        if second % 200 == 0:
            ageing.capacity.refit()
        now_ma = -3000 if second < 200 else 0
        if second % 20 == 0:
            ageing.resistance._steady = True
            ageing.resistance._unsteady_ma = 0.0
            ageing.resistance._last_ma = 5000.0
            for cell in range(3):
                above_mv = (5000 - now_ma) * estimate.model.ohm
                ageing.resistance._last_mv[cell] = 3800 + above_mv
        estimate._since_grid_s = 1000.0
        for who in (estimate, ageing):
            who.second([3800] * 3, now_ma, now_ma * 1000, 1000, 250)
        done.clear()
        while estimate.step():
            pass
        while ageing.step():
            pass
        at_once.add(len(done))
        seen += done
    assert at_once <= {0, 1}
    for name in ("look", "_fit", "_figure_resistance", "step", "slice"):
        assert seen.count(name) >= 4, name
    # Once after each time that the cells were fitted.
    assert seen.count("_figure_capacity") == 2


def test_fade_and_imbalance_are_told_apart():
    ageing = learned()
    estimate = ageing._estimate
    for shares, lost_mah in (([0.5, 0.5, 0.5], 0), ([0.8, 0.5, 0.5], 2200)):
        estimate.resume(shares, 0.01)
        pass_seconds(ageing)
        assert abs(ageing.soh_permille - 840) <= 5
        # (0.5 of the smallest) + (0.2 of the first), or the smallest alone.
        assert abs(ageing.imbalance_mah - lost_mah) < 250
        assert abs(ageing.usable_mah + ageing.imbalance_mah - 8400) < 60


def test_the_charge_is_reckoned_with_a_measured_capacity_and_does_not_jump_for_it():
    ageing = Ageing(estimate_of(1))
    estimate = ageing._estimate
    estimate.resume([0.6], 0.01)
    estimate.counter.add(-900000000)
    estimate.second([3700], 0, -900000000, 1000, 250)
    before = estimate.cell_share(0)
    estimate.take_capacity(0, 8000.0)
    assert abs(estimate.cell_share(0) - before) < 0.0001
    estimate.counter.add(-720000000)
    estimate._rebase()
    # 200 mAh are 2.5 % of 8 Ah.
    assert abs(estimate.cell_share(0) - (before - 0.025)) < 0.0005


def test_what_was_learned_comes_back_after_a_restart():
    storage = Storage()
    memory = Memory(storage)
    ageing = learned(memory)
    assert ageing.store.copies_owed == 2
    while memory.state_waits:
        assert memory.commit()
    again = Ageing(estimate_of(), Memory(storage))
    pass_seconds(again, 1000)
    capacities, soh, sigma, pairs, uohm = figures_of(ageing)
    told = figures_of(again)
    assert told[1:4] == (soh, sigma, pairs)
    # A cell that nobody has told would make all of them unsure.
    assert ageing.all_sure and again.all_sure
    again.capacity.sigmas[1] = 0.04
    again._figure_capacity()
    assert not again.all_sure
    for cell in range(3):
        assert abs(told[0][cell] - capacities[cell]) <= 1
        assert abs(told[4][cell] - uohm[cell]) <= 1 + uohm[cell] // 1000
    assert again.resistance.sigma() >= ageing.resistance.sigma()


def test_what_was_kept_of_another_pack_or_is_damaged_is_not_taken_up():
    ageing = learned()
    data = ageing_kept.pack(ageing)
    other = Ageing(estimate_of(3, 20000))
    ageing_kept.restore(other, data)
    assert other.capacity.count == 0 and other.resistance.steps == 0
    for at, value in ((4, 33), (5, 32)):
        wrong = bytearray(data)
        wrong[at] = value
        fresh = Ageing(estimate_of())
        ageing_kept.restore(fresh, wrong)
        assert fresh.capacity.count == 0


def test_moments_count_only_in_mild_temperatures_and_while_nothing_bleeds():
    for temp_dc, steady, looked in (
        (250, True, True),
        (90, True, False),
        (460, True, False),
        (None, True, False),
        (250, False, False),
    ):
        ageing = Ageing(estimate_of(1))
        estimate = ageing._estimate
        estimate.resume([0.5], 0.01)
        seen = []
        ageing.capacity.moment = lambda kind, rest, into=seen: into.append(kind)
        estimate.anchors.now = anchors.REST
        ageing.second([3700], 0, 0, 1000, temp_dc, steady)
        assert seen == [anchors.REST if looked else anchors.NONE]


def test_what_the_counters_zero_is_moved_by_has_not_flowed():
    ageing = Ageing(estimate_of(1))
    estimate = ageing._estimate
    estimate.resume([0.5], 0.01)
    moved = array("i", [0])

    def note(mah, drift):
        moved[0] += mah

    ageing.capacity.moved = note
    for _ in range(40):
        for _ in range(2):
            estimate.counter.add(900000000)
        estimate.second([3700], 900000, 1800000000, 2000, 250)
        ageing.second([3700], 900000, 1800000000, 2000, 250)
    assert abs(moved[0] - 20000) <= 1


def test_a_whole_board_finds_its_cells_resistances_from_a_load_that_comes_and_goes():
    desk = Desk(50)
    ageing = desk.bms.ageing
    assert list(ageing.resistances_uohm) == [UNKNOWN] * 16
    desk.bms.charge.resume([0.5] * 16, 0.01)
    for turn in range(24):
        # Of these steps some last long enough before the next look, and some do not.
        desk.bench.offer(0 if turn % 2 else -120000)
        desk.run_ms(1370)
        if ageing.resistance.known:
            break
    desk.run_ms(3000)
    pack = desk.bench.pack
    assert ageing.resistance.known
    for cell in range(16):
        true = pack.ohm_warm[cell] * 1000000
        assert abs(ageing.resistances_uohm[cell] / true - 1) < 0.1
    assert list(ageing.bad_joints) == [0, 0, 0]
    assert ageing.soh_permille == UNKNOWN
    # What may flow goes by the cell that resists most.
    most = max(ageing.resistances_uohm) / 1000000 / desk.bms.charge.model.ohm
    # Shown in whole microohms.
    assert abs(ageing.ohm_times / max(1.0, most) - 1) < 0.003
