"""The estimate of the charge: cells and pack, sources, anchors, watch, display and memory."""

from desk import Desk

from vigil import cell_models, chemistry
from vigil.estimate import charge, kept, recalled
from vigil.estimate.anchors import Anchors
from vigil.estimate.cell_model import CellModel
from vigil.estimate.charge import ChargeEstimate
from vigil.estimate.counter import ChargeCounter
from vigil.estimate.shown import next_permille
from vigil.sample import UNKNOWN

CAPACITY_MAH = 10000
_BOUNDS = (-0.05, 1.05)


def begin(estimate, share, sigma):
    estimate.resume([share] * estimate.cell_count, sigma)


class Cells:
    """Cells that are as the model says, and an estimate that watches them."""

    def __init__(self, name="NMC", shares=(0.5,), estimate=None):
        ocv_dmv = chemistry.by_name(name).ocv_dmv
        figures = cell_models.figures(name)
        self.model = CellModel(figures, ocv_dmv, CAPACITY_MAH)
        self.model.hysteresis_sigma = 0.0
        self.shares = list(shares)
        self.offset_ma = 0
        self.off_mv = [0] * len(self.shares)
        self.open = False
        anchors = Anchors(figures, CAPACITY_MAH)
        model = CellModel(figures, ocv_dmv, CAPACITY_MAH)
        counter = ChargeCounter(CAPACITY_MAH)
        self.estimate = ChargeEstimate(model, anchors, counter, len(self.shares))

    def run(self, current_ma, seconds, step_s=1):
        estimate = self.estimate
        for _ in range(seconds // step_s):
            for cell in range(len(self.shares)):
                moved = current_ma * step_s / 3600 / CAPACITY_MAH
                self.shares[cell] = min(max(self.shares[cell] + moved, 0.0), 1.0)
            self.model.warm(250)
            self.model.step(current_ma, current_ma, step_s)
            cells_mv = []
            for cell in range(len(self.shares)):
                share = self.shares[cell]
                mv = self.model.open_mv(share) + self.model.drop_mv + self.off_mv[cell]
                mv += self.model.half_width_mv(share) * self.model.hysteresis
                cells_mv.append(int(mv + 0.5))
            seen_ma = current_ma + self.offset_ma
            mams = seen_ma * step_s * 1000
            estimate.counter.add(mams)
            estimate.second(cells_mv, seen_ma, mams, step_s * 1000, 250, self.open)
            slices = 0
            while estimate.step():
                slices += 1
                assert slices < 100

    def error(self):
        """Of the pack: what can be taken out of the whole that can be moved."""
        gives = min(self.shares)
        takes = 1.0 - max(self.shares)
        return self.estimate.share - gives / (gives + takes)


def test_a_start_without_knowledge_says_so_and_then_finds_the_charge():
    for share in (0.2, 0.5, 0.8):
        cells = Cells("NMC", (share,))
        assert cells.estimate.source == charge.UNKNOWN
        assert not cells.estimate.known
        cells.run(-500, 600)
        assert abs(cells.error()) < 0.03
        cells.run(-500, 3600)
        assert cells.estimate.source == charge.FILTER
        assert abs(cells.error()) < 0.015


def test_on_the_plateau_a_start_without_knowledge_stays_unsure():
    cells = Cells("LFP", (0.55,))
    cells.run(0, 1200)
    estimate = cells.estimate
    assert estimate.source == charge.GRID
    assert estimate.sigma > 0.05
    assert abs(cells.error()) < 2 * estimate.sigma


def test_the_sigma_of_counting_grows_and_a_look_at_a_steep_curve_shrinks_it():
    plateau = Cells("LFP", (0.60,))
    begin(plateau.estimate, 0.60, 0.005)
    steep = Cells("NMC", (0.60,))
    begin(steep.estimate, 0.60, 0.05)
    for cells in (plateau, steep):
        cells.run(0, 36000, 10)
    assert plateau.estimate.sigma > 0.008
    assert steep.estimate.sigma < 0.025


def test_a_current_sensor_with_an_offset_drags_the_estimate_less_than_the_counter():
    cells = Cells("NMC", (0.55,))
    begin(cells.estimate, 0.55, 0.01)
    cells.offset_ma = 30
    cells.run(0, 72000, 10)
    # Counted 6 %: three times what may be expected of such a sensor.
    assert abs(cells.error()) < 0.03


def test_the_pack_gives_what_its_emptiest_cell_can_and_takes_what_its_fullest_can():
    cells = Cells("NMC", (0.45, 0.50, 0.60))
    begin(cells.estimate, 0.5, 0.08)
    cells.run(-200, 7200, 4)
    estimate = cells.estimate
    for cell in range(3):
        assert abs(estimate.cell_share(cell) - cells.shares[cell]) < 0.025
    gives = min(cells.shares)
    assert abs(estimate.remaining_mah - gives * CAPACITY_MAH) < 250
    assert abs(cells.error()) < 0.03


def test_a_full_cell_is_told_by_its_voltage_at_a_small_current():
    cells = Cells("LFP", (0.985,))
    begin(cells.estimate, 0.90, 0.05)
    cells.off_mv = [90]
    cells.run(400, 200)
    estimate = cells.estimate
    assert estimate.source == charge.AT_FULL
    assert estimate.share > 0.985
    assert 0 <= estimate.anchors.since_s < 200
    # The current has to be small, or the voltage is not the cell's.
    strong = Cells("LFP", (0.9,))
    begin(strong.estimate, 0.90, 0.01)
    strong.off_mv = [150]
    strong.run(5000, 100)
    assert strong.estimate.anchors.count == 0


def test_an_anchor_is_used_once_until_some_charge_has_moved():
    cells = Cells("LFP", (0.99,))
    begin(cells.estimate, 0.97, 0.03)
    cells.off_mv = [90]
    for _ in range(3):
        cells.run(100, 120)
        cells.run(0, 20)
    assert cells.estimate.anchors.count == 1
    cells.off_mv = [0]
    cells.run(-5000, 600)
    cells.run(5000, 600)
    cells.off_mv = [90]
    cells.run(100, 120)
    assert cells.estimate.anchors.count == 2


def test_an_empty_cell_is_told_by_its_voltage():
    cells = Cells("NMC", (0.004,))
    begin(cells.estimate, 0.15, 0.06)
    cells.off_mv = [-100]
    cells.run(-100, 100)
    assert cells.estimate.source == charge.AT_EMPTY
    assert cells.estimate.share < 0.03


def test_a_wrong_start_is_found_by_the_watch():
    cells = Cells("NMC", (0.80,))
    begin(cells.estimate, 0.30, 0.003)
    filters = cells.estimate.filters
    look = filters.look

    def stubborn(cell, *moment):
        # The voltage's own correction is held back, as if the filter had gone wrong.
        offset, variance = filters.offsets[cell], filters.variances[cell]
        look(cell, *moment)
        if not cells.estimate.doubts:
            filters.offsets[cell], filters.variances[cell] = offset, variance

    filters.look = stubborn
    cells.run(-1500, 7200, 4)
    assert cells.estimate.doubts >= 1
    assert abs(cells.error()) < 0.03


def test_the_watch_does_not_overrule_what_the_voltage_allows():
    cells = Cells("LFP", (0.70,))
    begin(cells.estimate, 0.70, 0.005)
    # No more than a cell of another make is off: on the plateau it looks like 20 % less.
    cells.off_mv = [-25]
    cells.run(-300, 14400, 16)
    grid = cells.estimate.grid
    apart = cells.shares[0] - grid.share(cells.estimate._counted)
    assert apart > 0.1
    assert cells.estimate.doubts == 0
    assert abs(cells.error()) < 2 * cells.estimate.sigma


def test_a_night_at_rest_does_not_make_a_voltages_error_smaller():
    for off_mv in (-12, 12):
        cells = Cells("LFP", (0.28,))
        cells.off_mv = [off_mv]
        cells.run(-300, 1800, 10)
        sigma = cells.estimate.sigma
        cells.run(0, 14400, 20)
        assert cells.estimate.sigma > 0.6 * sigma
        assert abs(cells.error()) < 2 * cells.estimate.sigma


def test_a_poor_current_sensor_widens_what_the_guesses_say():
    sigmas = []
    for offset_share in (0.001, 0.01):
        cells = Cells("LFP", (0.60,))
        cells.estimate.offset.state(offset_share)
        cells.offset_ma = int(offset_share * CAPACITY_MAH)
        cells.run(-30, 10800, 20)
        assert abs(cells.error()) < 2 * cells.estimate.sigma
        # The guesses' own spread, and what the counter strayed.
        sigmas.append(cells.estimate.grid.drift)
    assert sigmas[1] > 5 * sigmas[0]


def test_a_charge_that_ended_early_is_not_taken_for_full():
    cells = Cells("NMC", (0.955,))
    begin(cells.estimate, 0.955, 0.02)
    cells.off_mv = [25]
    cells.run(100, 200)
    assert cells.estimate.anchors.count == 1
    assert abs(cells.error()) < 2 * cells.estimate.sigma


def test_charge_that_was_counted_while_nothing_can_flow_is_taken_back():
    cells = Cells("LFP", (0.5,))
    begin(cells.estimate, 0.5, 0.01)
    cells.offset_ma = 40
    cells.open = True
    cells.run(0, 7200)
    estimate = cells.estimate
    assert abs(estimate.offset.offset_ua - 40000) < 1000
    assert abs(estimate.share - 0.5) < 0.002
    cells.open = False
    cells.run(0, 36000, 10)
    # Uncalibrated these ten hours would have been four percent.
    assert abs(estimate.share - 0.5) < 0.005


def test_what_is_drawn_past_the_sensor_and_bled_is_counted():
    cells = Cells("LFP", (0.6, 0.6))
    estimate = cells.estimate
    begin(estimate, 0.6, 0.001)
    estimate.own_ua = 20000
    for _ in range(100):
        estimate.bled_mas[1] += 36 * 200
        cells.run(0, 200, 10)
    # 20 mA for 20000 s, and 200 mAh out of the second cell, all from 10 Ah.
    assert abs(estimate.cell_share(0) - (0.6 - 0.0111)) < 0.004
    assert abs(estimate.cell_share(0) - estimate.cell_share(1) - 0.02) < 0.004


def test_the_counter_stays_near_its_zero_whatever_flows():
    cells = Cells("NMC", (0.5,))
    begin(cells.estimate, 0.5, 0.01)
    cells.estimate.filters.look = lambda *moment: None
    cells.run(9000, 36000, 10)
    moved = cells.estimate.counter.moved[0]
    assert -CAPACITY_MAH <= moved <= CAPACITY_MAH
    assert abs(cells.estimate.filters.offsets[0] + moved / CAPACITY_MAH - (0.5 + 9.0)) < 0.001


def test_voltages_that_are_not_the_cells_own_are_not_looked_at():
    cells = Cells("NMC", (0.5,))
    estimate = cells.estimate
    begin(estimate, 0.5, 0.02)
    for _ in range(60):
        estimate.second([3000], 0, 0, 1000, 250, False, False)
        while estimate.step():
            pass
    assert abs(estimate.share - 0.5) < 0.0001


# What is shown.


def test_a_display_does_not_jump_and_says_full_only_at_full():
    cells = Cells("NMC", (0.999,))
    estimate = cells.estimate
    begin(estimate, 1.0, 0.01)
    cells.run(0, 1)
    shown = next_permille(estimate, UNKNOWN)
    assert 990 <= shown < 995
    begin(estimate, 0.4, 0.01)
    for _ in range(50):
        before = shown
        shown = next_permille(estimate, before)
        assert before - 2 <= shown <= before
    estimate.source = charge.AT_FULL
    for _ in range(1000):
        shown = next_permille(estimate, shown)
    assert shown == 1000


def test_a_display_goes_to_nothing_with_the_voltage():
    cells = Cells("NMC", (0.3,))
    estimate = cells.estimate
    begin(estimate, 0.3, 0.01)
    estimate.lowest_mv = estimate.anchors.empty_mv + 500
    shown = next_permille(estimate, UNKNOWN)
    assert shown == 300
    for above_mv in range(100, 0, -1):
        estimate.lowest_mv = estimate.anchors.empty_mv + above_mv
        for _ in range(200):
            shown = next_permille(estimate, shown)
    assert shown == 6
    estimate.source = charge.AT_EMPTY
    for _ in range(10):
        shown = next_permille(estimate, shown)
    assert shown == 0


# What is kept.


def test_what_was_kept_comes_back_with_more_doubt():
    cells = Cells("LFP", (0.6, 0.7, 0.65))
    estimate = cells.estimate
    begin(estimate, 0.65, 0.03)
    estimate.offset.offset_ua = -12345
    estimate.offset.sigma_share = 0.0002
    estimate.model.hysteresis = -0.5
    cells.run(-100, 60)
    record = kept.pack(estimate)
    again = Cells("LFP", (0.6, 0.7, 0.65)).estimate
    assert recalled.restore(again, record)
    assert again.source == charge.BOOT
    for cell in range(3):
        assert abs(again.cell_share(cell) - estimate.cell_share(cell)) < 0.0001
    assert again.offset.offset_ua == estimate.offset.offset_ua
    assert abs(again.model.hysteresis - estimate.model.hysteresis) < 0.011
    assert again.sigma > estimate.sigma + 0.003


def test_a_record_of_another_pack_is_left_alone():
    cells = Cells("LFP", (0.6,))
    begin(cells.estimate, 0.6, 0.01)
    record = kept.pack(cells.estimate)
    other = ChargeEstimate(
        CellModel(cell_models.figures("LFP"), chemistry.by_name("LFP").ocv_dmv, 5000),
        Anchors(cell_models.figures("LFP"), 5000),
        ChargeCounter(5000),
        1,
    )
    assert not recalled.restore(other, record)
    assert not other.known


def test_it_is_kept_each_percent_and_not_while_nothing_is_known_or_moves():
    desk = Desk()
    kept_by = desk.bms.estimator
    estimate = kept_by.estimate
    estimate.source = charge.UNKNOWN
    estimate.settled = False
    kept_by.store.stage = lambda record: records.append(record)
    records = []

    def seconds(count):
        before = len(records)
        for _ in range(count):
            kept_by._after()
        return len(records) - before

    assert seconds(1000) == 0
    begin(estimate, 0.6, 0.01)
    assert seconds(5000) == 1
    begin(estimate, 0.588, 0.01)
    assert seconds(1) == 1
    begin(estimate, 0.585, 0.01)
    assert seconds(1200) == 1


def test_while_the_voltages_are_not_known_counting_goes_on():
    cells = Cells("LFP", (0.6,))
    estimate = cells.estimate
    begin(estimate, 0.6, 0.01)
    for _ in range(360):
        estimate.counter.add(-1000000)
        estimate.second(None, -1000, -1000000, 1000, 250)
        while estimate.step():
            pass
    assert abs(estimate.share - 0.59) < 0.0001
    assert estimate.anchors.count == 0
