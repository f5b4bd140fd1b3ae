"""What balancing by charge promises, in one home; `make bench` has more of them."""

from dataclasses import replace

from host_tools.bench import balancing
from host_tools.bench.balancing import Bench


def test_in_ten_days_five_per_cent_are_half_a_per_cent_and_nothing_is_burned_for_nothing():
    bench = Bench("charge", "LFP", 4)
    begun_mas = bench.rooms_mas()
    outcome = bench.run()
    assert outcome.begun > 0.0499
    # Counted anew, from the cells alone.
    rooms = bench.rooms_mas()
    assert max(rooms) - min(rooms) <= 0.005 * 100_000 * 3600
    needed_mas = sum(max(begun_mas) - room for room in begun_mas)
    assert sum(bench.burned_mas) <= 1.2 * needed_mas
    assert outcome.neighbours == 0
    assert outcome.most_at_once <= balancing.MOST_AT_ONCE
    assert outcome.leaking_cell == 0
    assert balancing.holds(outcome)


def test_a_leaking_cell_is_found_in_days():
    # 2 mA/Ah of an LFP cell, that soon lies hidden on the plateau; 0.5 of an NMC cell.
    for kind, ohm, days, follows in (("LFP", 16.5, 3, True), ("NMC", 72.0, 2.5, False)):
        bench = Bench("charge", kind, 1, leaking=(4, ohm, 0), spread=0.01, follows=follows)
        outcome = bench.run(days)
        assert outcome.leaking_cell == 5
        leak_ma = (3330 if kind == "LFP" else 3700) / ohm
        sigma_ma = bench.policy.leak.sigma_ma[4]
        assert sigma_ma < leak_ma / 3
        most_ma = leak_ma + 2 * sigma_ma + 0.05 * leak_ma
        # Of a hidden cell is told what it has lost at least.
        least_ma = leak_ma / 3 if follows else leak_ma - 2 * sigma_ma - 0.05 * leak_ma
        assert least_ma <= outcome.leak_ma <= most_ma


def test_each_promise_that_is_broken_is_seen():
    kept = balancing.Outcome(
        "charge",
        "LFP",
        1,
        0.05,
        0.004,
        8.0,
        40000.0,
        39000.0,
        42000.0,
        0,
        balancing.MOST_AT_ONCE,
        0,
        0.0,
    )
    assert balancing.holds(kept)
    for broken in (
        {"spread": 0.0051},
        {"burned_mah": 39000 * 1.21},
        {"neighbours": 1},
        {"most_at_once": balancing.MOST_AT_ONCE + 1},
    ):
        assert not balancing.holds(replace(kept, **broken))
