"""Capacity and resistance against oracles of their own, and what they promise, on a few cells."""

import math

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.bench.accuracy import sets
from host_tools.bench.accuracy.single import doubles
from host_tools.bench.health import capacity as ten_pairs
from host_tools.bench.health import resistance as steps
from host_tools.bench.health.bench_cells import Cells
from host_tools.replay import estimators
from vigil.estimate.capacity import RING, Capacity

TIER = sets.TIERS[1]
UNIT = 25000
SIGMA_UNIT = 5000


def filled(pairs):
    """A Capacity whose ring holds these (moved, drift, age, told, sigma), the oldest first."""
    model = estimators.make("NMC", 10000).model
    capacity = Capacity(model, 10000, 1)
    for moved, drift, age, told, sigma in pairs:
        base = capacity.next * capacity.size
        for at, value in ((0, moved * UNIT), (2, drift * UNIT), (4, age * 100), (6, told * UNIT)):
            capacity.ring[base + at : base + at + 2] = round(value).to_bytes(
                2, "little", signed=True
            )
        capacity.ring[base + 8] = round(sigma * SIGMA_UNIT)
        capacity.next = (capacity.next + 1) % RING
        capacity.count = min(capacity.count + 1, RING)
    capacity.refit()
    while capacity.step():
        pass
    return capacity


def oracle(pairs):
    """(capacity, sigma of its random part): the least of all squares, told and moved alike both
    having errors, over capacity and offset at once; by looking everywhere."""
    moved, drift, age, told, sigma = (numpy.array(column) for column in zip(*pairs, strict=True))
    newer = numpy.append(numpy.cumsum(age[::-1])[::-1][1:], 0.0)
    spread2 = sigma**2 + (0.0003 * newer * told) ** 2
    weight = 0.97 ** numpy.arange(len(told))[::-1]

    def cost(share):
        trust = weight / (2.5e-7 + share**2 * spread2)
        missed = moved - share * told
        # The offset that suits this capacity best, one sigma of it being 1.
        offset = numpy.sum(trust * drift * missed) / (1 + numpy.sum(trust * drift**2))
        missed = missed - offset * drift
        return numpy.sum(trust * missed**2) + offset**2 + ((share - 1) / 0.15) ** 2

    grid = numpy.linspace(0.4, 1.4, 401)
    at = grid[numpy.argmin([cost(share) for share in grid])]
    fine = numpy.linspace(at - 0.0025, at + 0.0025, 501)
    costs = [cost(share) for share in fine]
    best = fine[int(numpy.argmin(costs))]
    bend = (cost(best + 0.002) - 2 * cost(best) + cost(best - 0.002)) / 0.002**2
    return best, math.sqrt(2 / bend)


a_pair = st.tuples(
    st.booleans(),
    st.floats(0.3, 0.95),  # of the cell's own charge
    st.floats(0.002, 0.028),  # sigma
    st.floats(-1.5, 1.5),  # how far off, in sigmas
    st.floats(0.0, 0.02),  # drift, one sigma
    st.floats(0.0, 5.0),  # cycles
)


@settings(max_examples=40, deadline=None)
@given(true=st.floats(0.65, 1.15), drawn=st.lists(a_pair, min_size=1, max_size=32))
def test_the_capacity_is_the_one_of_total_least_squares(true, drawn):
    pairs = []
    for up, size, sigma, off, drift, age in drawn:
        told = size if up else -size
        pairs.append((true * told, drift, age, told + off * sigma, sigma))
    rounded = [
        (
            round(moved * UNIT) / UNIT,
            round(drift * UNIT) / UNIT,
            round(age * 100) / 100,
            round(told * UNIT) / UNIT,
            round(sigma * SIGMA_UNIT) / SIGMA_UNIT,
        )
        for moved, drift, age, told, sigma in pairs
    ]
    capacity = filled(pairs)
    best, sigma = oracle(rounded)
    assert capacity.shares[0] == pytest.approx(best, abs=0.15 * sigma + 0.0002)
    # Never surer than chance alone would let it be, nor than the sensor's gain.
    assert capacity.sigmas[0] > 0.95 * sigma
    assert capacity.sigmas[0] > 0.01 * best
    assert capacity.pairs[0] == len(drawn)


def test_errors_of_the_voltage_do_not_make_a_capacity_smaller():
    """What plain least squares over noisy charges does."""
    dice = numpy.random.default_rng(5)
    pairs, plain = [], [0.0, 0.0]
    for at in range(32):
        told = 0.35 if at % 2 else -0.35
        seen = told + dice.normal(0, 0.028)
        pairs.append((0.9 * told, 0.0, 0.0, seen, 0.028))
    found = []
    for seed in range(20):
        dice = numpy.random.default_rng(seed)
        drawn = [
            (moved, 0.0, 0.0, math.copysign(0.35, moved) + dice.normal(0, 0.028), 0.028)
            for moved, *_ in pairs
        ]
        found.append(filled(drawn).shares[0])
        plain[0] += sum(told * moved for moved, _, _, told, _ in drawn)
        plain[1] += sum(told * told for _, _, _, told, _ in drawn)
    assert numpy.mean(found) == pytest.approx(0.9, abs=0.0025)
    assert plain[0] / plain[1] < 0.8965


@pytest.mark.parametrize(
    "chemistry, seed, corner",
    [
        ("NMC", 1, (1, 1, 1)),
        ("NMC", 2, (-1, 1, -1)),
        ("LFP", 1, (1, -1, 1)),
        ("LFP", 2, (-1, -1, -1)),
    ],
)
def test_ten_pairs_tell_the_capacity_within_the_goal(chemistry, seed, corner):
    outcome = ten_pairs.run(chemistry, seed, TIER, corner, cells=2)
    assert outcome.pairs >= ten_pairs.PAIRS
    told = outcome.told()
    assert len(told) == 2
    for error, sigma in told:
        # Of one cell in the corner of the sensor's errors; the goal is of all.
        assert 100 * abs(error) <= 1.5 * ten_pairs.GOALS[chemistry]
        assert abs(error) <= 2 * sigma


@pytest.mark.parametrize("chemistry, corner", [("NMC", (1, 1, -1)), ("LFP", (-1, 1, 1))])
def test_resistance_holds_from_cold_to_warm(chemistry, corner):
    for outcome in steps.run(chemistry, 1, TIER, corner, temps_c=(5.0, 45.0, 25.0)):
        assert outcome.steps >= 5
        for error, _ in outcome.here:
            assert abs(error) <= steps.GOAL
        for error, sigma in outcome.warm:
            assert abs(error) <= 2 * sigma
    for error, _ in outcome.warm:
        assert abs(error) <= steps.GOAL


def test_nothing_in_the_singles_ageing_is_a_double():
    bench = Cells("NMC", 1, TIER, (1, 1, 1), cells=2, in_singles=True)
    ten_pairs.move_to(bench, 0.85, 0.5)
    bench.rest(4200)
    ten_pairs.move_to(bench, 0.3, 0.5)
    bench.rest(4200)
    for ma in (60000.0, 0.0) * 6:
        for _ in range(3):
            bench.run(ma, 1)
    bench.run(0.0, 60)
    # What was fitted is told a second later.
    bench.run(0.0, 1)
    assert bench.ageing.pairs == 1 and bench.ageing.resistance.steps > 5
    assert doubles(bench.ageing) == []
