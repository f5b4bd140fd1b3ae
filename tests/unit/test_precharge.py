"""Pre-charge against the physics of resistor and capacitor: ready only when it is true."""

from math import exp

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vigil import power_path
from vigil.precharge import READY, RISING, Precharge
from vigil.sample import UNKNOWN

OHM = 47
MOST_UF = 10000
LEAST_UF = 2000
PACK_MV = 53000
CYCLE_MS = 50
RELAY_MS = 15
CURRENT_LAG_MS = 100


class Circuit:
    """Pack, relay, resistor, capacitor and a resistive load, solved exactly."""

    def __init__(self, pack_mv=PACK_MV, ohm=OHM, uf=MOST_UF, load_ohm=1e9, start_mv=0.0):
        self.pack_mv = pack_mv
        siemens = 1.0 / ohm + 1.0 / load_ohm
        self.end_mv = pack_mv / ohm / siemens
        self.tau_ms = uf / siemens / 1000.0
        self.ohm = ohm
        self.start_mv = start_mv

    def link_mv(self, ms):
        passed_ms = max(0.0, ms - RELAY_MS)
        return self.end_mv + (self.start_mv - self.end_mv) * exp(-passed_ms / self.tau_ms)

    def current_ma(self, ms):
        if ms <= RELAY_MS:
            return 0.0
        return -(self.pack_mv - self.link_mv(ms)) / self.ohm


def gap_mv_for(pack_mv):
    """What a board of this voltage allows: the measurement's errors grow with the pack."""
    return max(3000, pack_mv // 20)


def outcome(circuit, gain=1.0, noise_mv=lambda: 0.0, cycle_ms=CYCLE_MS, begin_ms=1000, limit=200):
    """(what look() said in the end, ms of it)."""
    attempt = Precharge(OHM, MOST_UF, LEAST_UF, ready_gap_mv=gap_mv_for(circuit.pack_mv))

    def seen_mv(ms):
        return max(0, round(circuit.link_mv(ms) * gain + noise_mv()))

    attempt.begin(begin_ms & 0x3FFFFFFF, circuit.pack_mv - seen_mv(0))
    for count in range(1, limit):
        ms = count * cycle_ms
        result = attempt.look(
            (begin_ms + ms) & 0x3FFFFFFF,
            seen_mv(ms),
            circuit.pack_mv,
            round(circuit.current_ma(ms - CURRENT_LAG_MS)),
        )
        if result != RISING:
            return result, ms
    raise AssertionError("pre-charge came to no end")


def noises(most_mv):
    return st.randoms(use_true_random=False).map(
        lambda random: lambda: random.uniform(-most_mv, most_mv)
    )


packs_mv = st.integers(9000, 800000)
gains = st.floats(0.985, 1.015)


@example(118841, 10000.0, 0.98828125, lambda: 0.0, 0.0)
@given(packs_mv, st.floats(1.2 * LEAST_UF, MOST_UF), gains, noises(40), st.floats(0, 0.85))
def test_a_load_within_the_boards_figures_is_ready_in_time(pack_mv, uf, gain, noise, start):
    circuit = Circuit(pack_mv, uf=uf, load_ohm=OHM * 100, start_mv=start * pack_mv)
    result, ms = outcome(circuit, gain, noise)
    assert result == READY
    assert ms <= 2500
    assert circuit.link_mv(ms) >= 0.93 * pack_mv
    assert circuit.pack_mv - circuit.link_mv(ms) <= gap_mv_for(pack_mv) + 0.015 * pack_mv + 40


@given(
    packs_mv,
    st.floats(1, 200000),
    st.one_of(st.just(1e9), st.floats(0.01, 5000)),
    gains,
    noises(100),
    st.floats(0, 0.9),
    st.integers(5, 200),
)
def test_whatever_hangs_on_it_nothing_is_called_ready_that_is_not(
    pack_mv, uf, load_ohm, gain, noise, start, cycle_ms
):
    circuit = Circuit(pack_mv, uf=uf, load_ohm=load_ohm, start_mv=start * pack_mv)
    result, ms = outcome(circuit, gain, noise, cycle_ms, limit=1000)
    assert ms <= 2500 + cycle_ms
    if result == READY:
        assert circuit.link_mv(ms) >= 0.935 * pack_mv - 100
        assert -circuit.current_ma(ms) <= 0.2 * pack_mv / OHM + 1


@given(packs_mv, st.floats(0.001, 0.5), gains, noises(40))
def test_a_dead_short_is_told_by_its_current_and_given_up_early(pack_mv, load_ohm, gain, noise):
    result, ms = outcome(Circuit(pack_mv, load_ohm=load_ohm), gain, noise)
    assert result == power_path.PRECHARGE_SHORT
    assert ms <= OHM * MOST_UF / 1000 + 100


@given(packs_mv, gains, noises(40))
def test_a_relay_that_does_not_close_rises_nothing_and_carries_nothing(pack_mv, gain, noise):
    open_relay = Circuit(pack_mv, ohm=1e9, load_ohm=2200.0)
    assert outcome(open_relay, gain, noise)[0] == power_path.PRECHARGE_NO_RISE


@given(packs_mv, st.floats(0.01, LEAST_UF / 5), gains, noises(40))
def test_a_link_without_its_capacitor_rises_too_fast(pack_mv, uf, gain, noise):
    result, ms = outcome(Circuit(pack_mv, uf=uf), gain, noise)
    assert result == power_path.LOAD_MISSING
    assert ms <= 250


@given(packs_mv, st.floats(LEAST_UF, MOST_UF), st.floats(0.3, 0.91), gains, noises(20))
def test_a_load_that_draws_meanwhile_is_a_stall(pack_mv, uf, share, gain, noise):
    circuit = Circuit(pack_mv, uf=uf, load_ohm=OHM * share / (1 - share))
    result, _ = outcome(circuit, gain, noise)
    assert result in (power_path.PRECHARGE_STALLED, power_path.PRECHARGE_TIMED_OUT)


@given(st.floats(2.0 * MOST_UF, 4.0 * MOST_UF))
def test_more_capacitance_than_the_board_allows_times_out(uf):
    result, ms = outcome(Circuit(uf=uf))
    assert result == power_path.PRECHARGE_TIMED_OUT
    assert 2500 <= ms < 2500 + CYCLE_MS


def test_a_current_that_stays_although_the_link_is_up_is_told():
    attempt = Precharge(OHM, MOST_UF, LEAST_UF)
    attempt.begin(0, PACK_MV)
    results = [
        attempt.look(ms, PACK_MV - 500 if ms > 800 else ms * 50, PACK_MV, -400)
        for ms in range(50, 2550, 50)
    ]
    assert set(results[:-1]) == {RISING}
    assert results[-1] == power_path.CURRENT_STAYS


def test_one_lucky_reading_is_not_ready():
    attempt = Precharge(OHM, MOST_UF, LEAST_UF)
    attempt.begin(0, PACK_MV)
    near_mv = PACK_MV - 1000
    for ms, link_mv in ((300, 20000), (400, near_mv), (450, 30000), (500, near_mv)):
        assert attempt.look(ms, link_mv, PACK_MV, -50) == RISING
    assert attempt.look(550, near_mv, PACK_MV, -50) == READY


def test_the_boards_own_current_is_not_taken_for_a_short():
    for own_ma, code in (
        (-100, power_path.PRECHARGE_NO_RISE),
        (-PACK_MV // OHM, power_path.PRECHARGE_SHORT),
    ):
        attempt = Precharge(OHM, MOST_UF, LEAST_UF)
        attempt.begin(0, PACK_MV)
        results = [attempt.look(ms, 0, PACK_MV, own_ma) for ms in range(50, 600, 50)]
        assert results[-1] == code


def test_a_link_that_is_lifted_above_the_pack_is_told():
    attempt = Precharge(OHM, MOST_UF, LEAST_UF)
    attempt.begin(0, PACK_MV)
    assert attempt.look(500, 30000, PACK_MV, -400) == RISING
    assert attempt.look(550, PACK_MV + 4000, PACK_MV, 0) == RISING
    assert attempt.look(600, PACK_MV + 4000, PACK_MV, 0) == power_path.LINK_ABOVE_PACK


@pytest.mark.parametrize("unknown", [0, 1, 2])
def test_what_is_unknown_is_never_ready_and_times_out(unknown):
    values = [PACK_MV - 100, PACK_MV, 0]
    values[unknown] = UNKNOWN
    attempt = Precharge(OHM, MOST_UF, LEAST_UF)
    attempt.begin(0, PACK_MV)
    assert {attempt.look(ms, *values) for ms in range(50, 2500, 50)} == {RISING}
    assert attempt.look(2500, *values) == power_path.LINK_UNKNOWN


@given(st.integers(0, (1 << 30) - 1))
def test_ticks_may_wrap_under_way(begin_ms):
    assert outcome(Circuit(), begin_ms=begin_ms) == outcome(Circuit())


def test_the_heat_of_a_try_is_half_of_c_v_squared():
    attempt = Precharge(OHM, MOST_UF, LEAST_UF)
    circuit = Circuit()
    attempt.begin(0, PACK_MV)
    for ms in range(10, 2500, 10):
        attempt.look(ms, round(circuit.link_mv(ms)), PACK_MV, 0)
    half_cv2_mj = 0.5 * MOST_UF * 1e-6 * (PACK_MV / 1000) ** 2 * 1000
    assert attempt.energy_mj == pytest.approx(half_cv2_mj, rel=0.05)


@pytest.mark.parametrize(
    "figures, options",
    [
        ((0, 100, 100), {}),
        ((47, 100, 0), {}),
        ((47, 100, 200), {}),
        ((47, 10000, 2000), {"timeout_ms": 2000}),
        ((47, 10000, 2000), {"ready_permille": 890}),
        ((47, 10000, 2000), {"ready_gap_mv": 0}),
    ],
)
def test_figures_that_do_not_fit_are_refused(figures, options):
    with pytest.raises(ValueError):
        Precharge(*figures, **options)
