"""What the estimates promise, on a part of the accuracy table; `make bench` has the whole."""

import pytest

from host_tools.bench.accuracy import goals, left_out, runs, sets, solar, table
from host_tools.bench.accuracy.single import Singles, doubles
from host_tools.replay import estimators

needs_data = pytest.mark.skipif(bool(sets.missing()), reason=sets.missing() or "all there")
TIER = sets.TIERS[1]
# Gain and offset that add up while the cell is discharged.
HARD = ((1, -1, 1), (-1, 1, -1))


def by_name(name):
    return next(one for one in sets.SETS if one.name == name)


def at(name):
    return [one.name for one in sets.SETS].index(name)


@needs_data
@pytest.mark.parametrize("data_set", sets.SETS, ids=lambda one: one.name)
def test_with_known_start_the_hard_corners_hold(data_set):
    _, worst_rmse, maximum = goals.KNOWN[data_set.chemistry]
    for corner in HARD[:1] if data_set.chemistry == "LFP" else HARD:
        result = runs.estimate(data_set, TIER, corner, True, in_singles=False)
        assert 100 * result.rmse() <= worst_rmse
        assert 100 * result.worst() <= (maximum or 2.5)
        assert 100 * result.covered() >= goals.LEAST_COVERED


@needs_data
@pytest.mark.parametrize(
    "data_set", [one for one in sets.SETS if one.chemistry != "LFP"], ids=lambda one: one.name
)
def test_without_knowledge_the_charge_is_found_in_ten_minutes(data_set):
    for corner in HARD:
        result = runs.estimate(data_set, TIER, corner, False, in_singles=False)
        assert result.apart_until_s(goals.SOON / 100) < runs.SOON_S
        # The mean of eight corners is what has to be below 1; these are the outer ones.
        assert 100 * result.rmse(runs.SETTLED_S) <= 1.25 * goals.SETTLED_RMSE
        assert 100 * result.covered() >= goals.LEAST_COVERED


@needs_data
@pytest.mark.parametrize("name, corner", [("LFP 25C", (-1, -1, -1)), ("LFP 10C", (1, -1, 1))])
def test_without_knowledge_on_a_plateau_the_error_bar_is_honest(name, corner):
    result = runs.estimate(by_name(name), TIER, corner, False, 15000, in_singles=False)
    assert 100 * result.covered() >= goals.LEAST_COVERED
    assert result.sigmas[-1] < 0.05


@needs_data
def test_a_row_of_eight_corners_holds_in_singles():
    rows = table.rows([at("NCA us06")], [1], ("known",))
    verdicts = goals.judged(rows)
    assert len(verdicts) == 6
    assert [what for what, _, _, holds in verdicts if not holds] == []


@needs_data
def test_singles_are_as_good_as_doubles():
    for known in (True, False):
        single, double = (
            runs.estimate(by_name("NCA us06"), TIER, (1, 1, 1), known, 1200, in_singles)
            for in_singles in (True, False)
        )
        apart = [abs(a - b) for a, b in zip(single.errors, double.errors, strict=True)]
        assert 0 < max(apart) < 0.0005


def test_nothing_in_the_singles_estimators_is_a_double():
    estimate = Singles().make("LFP", 3000)
    replay = estimators.Replay(estimate, number=runs.single)
    for second in range(200):
        replay.row(second, -1500.0, 3280.0, 25.0)
    assert doubles(estimate) == []
    estimate.filters.offsets[0] = 0.5
    estimate.sigma = 0.1
    assert doubles(estimate) == [".filters.offsets.0", ".sigma"]


def test_making_singles_leaves_the_firmwares_modules_as_they_were():
    before = estimators.make("NMC", 5000)
    Singles()
    after = estimators.make("NMC", 5000)
    assert type(before) is type(after)
    assert type(after.filters.offsets[0]) is type(after.sigma) is float


@needs_data
def test_no_data_set_is_needed_to_choose_the_parameters_that_serve_it():
    figures = left_out.table(3600, [(0.7, 1.0), left_out.SHIPPED, (1.4, 1.0)])
    for name, scale, rmse, shipped in left_out.judged(figures):
        assert rmse <= 1.0, (name, scale)
        # What the others would have chosen serves no better than what is shipped, nearly.
        assert shipped <= rmse + 0.25, (name, scale)


def row(**figures):
    usual = dict.fromkeys(table.Row.__dataclass_fields__, 0.5)
    usual.update(data_set="LFP x", tier="B", way="known", covered=99.0, least_covered=96.0)
    return table.Row(**dict(usual, **figures))


@pytest.mark.parametrize(
    "figures, what",
    [
        ({"mean_rmse": 1.21}, "mean RMSE"),
        ({"worst_rmse": 2.1}, "worst corner"),
        ({"maximum": 4.6}, "largest error"),
        ({"mean_sigma": 1.51}, "sigma over RMSE"),
        ({"covered": 94.9}, "two sigma hold"),
        ({"least_covered": 94.9}, "worst corner"),
        ({"tier": "A", "covered": 94.9}, "sensor A, known start: two sigma hold"),
        ({"tier": "C", "way": "unknown", "mean_sigma": 1.51}, "sigma over RMSE"),
        ({"data_set": "NCA x", "way": "unknown", "soon_maximum": 5.1}, "after 10 min"),
        ({"data_set": "NMC x", "way": "unknown", "settled_rmse": 1.01}, "after 60 min"),
    ],
)
def test_each_goal_that_is_missed_is_told(figures, what):
    assert all(holds for *_, holds in goals.judged([row()]))
    missed = [said for said, _, _, holds in goals.judged([row(**figures)]) if not holds]
    assert len(missed) == 1 and what in missed[0]


@pytest.mark.parametrize(
    "figures, what",
    [
        ({"rmse": 1.51}, "mean RMSE"),
        ({"maximum": 5.1}, "largest error"),
        ({"least_covered": 94.9}, "worst home"),
        ({"mean_sigma": 3.1}, "sigma over RMSE"),
    ],
)
def test_each_home_that_misses_its_goal_is_told(figures, what):
    names = ("rmse", "pooled_rmse", "maximum", "mean_sigma")
    usual = dict.fromkeys(names, 1.0) | {"covered": 99.0, "least_covered": 96.0}
    assert all(holds for *_, holds in goals.judged_homes({"C": usual}))
    missed = [one for one in goals.judged_homes({"C": usual | figures}) if not one[-1]]
    assert len(missed) == 1 and what in missed[0][0]


@needs_data
def test_counting_drifts_by_what_its_sensor_is_off():
    data_set = by_name("LFP 25C")
    hours = data_set.load()[0].time_s[-1] / 3600
    result = runs.counting(data_set, sets.TIERS[2], (1, 1, 1), False)
    throughput = 0.01 * (0.97 - 0.70845)
    assert result.errors[-1] == pytest.approx(0.005 * hours - throughput, abs=0.001)


def test_thirty_days_of_a_solar_home_hold():
    seed, corner = solar.CASES[0]
    home = solar.run(seed, TIER, corner, in_singles=False)
    rmse, maximum = goals.HOMES["B"]
    assert 100 * home.rmse <= rmse
    assert 100 * home.maximum <= maximum
    assert 100 * home.covered >= goals.LEAST_COVERED
    # What others do with the same sensor.
    assert home.reset_rmse > 2 * home.rmse
    assert abs(home.offset_error_ma) < 2
