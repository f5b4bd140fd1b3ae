"""Plausibility and early warning by properties, judged by oracles written from their meaning."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from plausible_rig import PlausibleRig
from test_early_warning import WarningRig

from vigil import kernels
from vigil.plausible import make_state
from vigil.sample import CELLS, DOUBT_JUMP, DOUBT_LEAD, DOUBT_RATE, DOUBT_SUM, UNKNOWN, Sample

CELL = st.one_of(st.none(), st.integers(0, 6000))
NONE = (0, 0, 0, 0)
LIMITS = {"jump": 100, "swing": 200, "step": 3, "low": 50, "high": 5000}


# The kernel.


class Oracle:
    """What look_at_cells is to tell, from lists of voltages with None for unknown."""

    def __init__(self, count):
        self.before = [None] * count
        self.reference = [None] * count
        self.coming = [None] * count

    def scan(self, cells, keep):
        if keep == 1:
            self.reference = self.coming
        if keep:
            self.coming = list(cells)
        known = [at for at, cell in enumerate(cells) if cell is not None]
        moves = [0 if self.before[at] is None else cells[at] - self.before[at] for at in known]
        shifts = {
            at: cells[at] - self.reference[at] for at in known if self.reference[at] is not None
        }
        swings = {at: abs(shifts[at] - shifts[at - 1]) for at in shifts if at - 1 in shifts}
        for at in known:
            self.before[at] = cells[at]
        bits = {"unknown": len(known) < len(cells)}
        values = [cells[at] for at in known]
        mean = sum(moves) / len(known) if known else 0
        bits["rail"] = any(mv <= LIMITS["low"] or mv >= LIMITS["high"] for mv in values)
        bits["jump"] = any(abs(move - mean) > LIMITS["jump"] for move in moves)
        bits["swing"] = any(swing > LIMITS["swing"] for swing in swings.values())
        bits["step"] = abs(mean) > LIMITS["step"]
        return known, values, moves, shifts, swings, bits


@settings(max_examples=200)
@given(st.data())
def test_the_kernel_tells_what_the_oracle_sees(data):
    count = data.draw(st.integers(3, 24))
    sample = Sample(count, 1, (63, 189, 63, 189, 189), 50)
    words = make_state(sample, 100000, 50)
    oracle = Oracle(count)
    centre = data.draw(st.integers(0, 5500))
    near = st.one_of(CELL, st.integers(max(centre - 150, 0), centre + 150))
    for _ in range(data.draw(st.integers(1, 6))):
        cells = data.draw(st.lists(near, min_size=count, max_size=count))
        keep = data.draw(st.integers(0, 2))
        # How to keep, until when not, and nothing that moves.
        words[11], words[17], words[28] = keep or 1, 1 if keep else 2, 0
        for at, cell in enumerate(cells):
            sample.values[at] = UNKNOWN if cell is None else cell
        sample.refresh(CELLS, 0)
        found = kernels.look(sample.words, words)
        known, values, moves, shifts, swings, bits = oracle.scan(cells, keep)
        names = ("unknown", "rail", "jump", "swing", "step")
        assert {name: bool(found >> at & 1) for at, name in enumerate(names)} == bits
        assert (words[1], words[2]) == (len(known), sum(values))
        if known:
            assert (words[3], words[4]) == (min(values), max(values))
            assert (words[5], words[6], words[7]) == (max(moves), min(moves), sum(moves))
        assert words[8] == sum(shifts.values())
        assert words[9] == max(swings.values(), default=0)
        if words[9]:
            assert swings[words[10]] == words[9]


# No false doubt.


@st.composite
def honest_life(draw):
    """A cell that moves at up to 200 mV/s, steps of the current, noise, warming at 2 K/s."""
    return {
        "cells": draw(st.integers(3, 24)),
        "cell_mv_a_scan": draw(st.integers(-12, 12)),
        "steps": draw(
            st.lists(
                st.tuples(st.integers(1, 25), st.integers(-300000, 300000)), min_size=1, max_size=8
            )
        ),
        "noise": draw(st.lists(st.integers(-2, 2), min_size=1, max_size=30)),
        "dk_a_scan": draw(st.integers(-3, 3)),
        "spread": draw(st.integers(0, 40)),
    }


@settings(max_examples=60)
@given(honest_life())
def test_an_honest_pack_is_believed(life):
    rig = PlausibleRig(cells=life["cells"], settle=False)
    rig.true_mv = [3300 + at % 5 * life["spread"] for at in range(life["cells"])]
    mover = len(life["noise"]) % life["cells"]
    turn = 0
    for scans, current_ma in life["steps"]:
        rig.current_ma = current_ma
        for _ in range(scans):
            turn += 1
            if 2000 < rig.true_mv[mover] < 4500:
                rig.true_mv[mover] += life["cell_mv_a_scan"]
            rig.shown = {
                at: life["noise"][(at * 7 + turn) % len(life["noise"])]
                for at in range(life["cells"])
            }
            if turn % 3 == 0:
                rig.temps_dc[0] += life["dk_a_scan"]
            assert rig.scan() == NONE


# Doubts where they belong, and only there.


@settings(max_examples=60)
@given(
    cells=st.integers(3, 24),
    cell_mv=st.integers(1500, 4300),
    error_mv=st.integers(-1500, 1500),
    phase=st.integers(0, 5),
)
def test_the_sum_is_in_doubt_exactly_beyond_half_a_percent_and_50_mv(
    cells, cell_mv, error_mv, phase
):
    rig = PlausibleRig(cells=cells, settle=False)
    rig.true_mv = [cell_mv] * cells
    for _ in range(60 + phase):
        rig.scan()
    rig.stack_error_mv = error_mv
    total_mv = cells * cell_mv
    shown_mv = (total_mv + error_mv + 5) // 10 * 10
    beyond_mv = abs(shown_mv - total_mv) - (50 + 0.005 * total_mv)
    assume(abs(beyond_mv) > 1)
    seen, first_ms = rig.doubts_within(1300)
    assert seen == ((DOUBT_SUM, DOUBT_SUM, 0, 0) if beyond_mv > 0 else NONE)
    assert first_ms < 0 or first_ms <= 1200


@settings(max_examples=80)
@given(
    cells=st.integers(4, 24),
    at=st.integers(0, 23),
    jump_mv=st.integers(-2800, 1600).filter(lambda mv: not -190 < mv < 190),
    real=st.booleans(),
    phase=st.integers(0, 30),
    unknown=st.booleans(),
)
def test_a_jump_is_in_doubt_if_and_only_if_the_stack_stays(
    cells, at, jump_mv, real, phase, unknown
):
    at %= cells
    rig = PlausibleRig(cells=cells, settle=False)
    for _ in range(60 + phase):
        rig.scan()
    if real:
        rig.true_mv[at] += jump_mv
    else:
        rig.shown[at] = jump_mv
    doubts, _ = rig.doubts_within(700)
    if unknown:
        # What comes to be unknown later takes nothing away.
        rig.shown[(at + 1) % cells] = "unknown"
        rig.run_ms(15000)
        assert rig.doubts()[0] & DOUBT_JUMP == doubts[0] & DOUBT_JUMP
    assert bool(doubts[0] & DOUBT_JUMP) == (not real)
    if real:
        assert doubts == NONE


@settings(max_examples=80)
@given(
    cells=st.integers(4, 24),
    at=st.integers(0, 23),
    lie_mv=st.integers(-2800, 1600).filter(lambda mv: abs(mv) > 130),
    phase=st.integers(0, 60),
    lies_for=st.integers(1, 80),
    switches_open_after=st.integers(0, 9),
    amperes=st.integers(-200, 200),
    noise_mv=st.lists(st.integers(-2, 2), min_size=1, max_size=30),
)
def test_ten_seconds_after_a_cell_has_ceased_to_lie_it_is_believed(
    cells, at, lie_mv, phase, lies_for, switches_open_after, amperes, noise_mv
):
    at %= cells
    rig = PlausibleRig(cells=cells, settle=False)
    rig.current_ma = amperes * 1000

    def scans(count, error_mv):
        for _ in range(count):
            rig.shown = {
                cell: noise_mv[(cell * 7 + rig.now_ms // 63) % len(noise_mv)]
                for cell in range(cells)
            }
            rig.shown[at] += error_mv
            rig.scan()

    scans(64 + phase, 0)
    scans(min(switches_open_after, lies_for), lie_mv)
    rig.current_ma = 0
    scans(max(lies_for - switches_open_after, 0), lie_mv)
    # A reference that is up to 1.5 s old may still show the lie.
    scans((1500 + 10000 + 600) // 63, 0)
    assert rig.doubts() == NONE


@settings(max_examples=60)
@given(
    cells=st.integers(4, 24),
    lead=st.integers(0, 24),
    shift_mv=st.integers(-1500, 1500).filter(lambda mv: abs(mv) > 160),
    over_scans=st.integers(1, 8),
    current_ma=st.integers(-200000, 200000),
)
def test_every_open_lead_is_found_within_a_second_and_a_half(
    cells, lead, shift_mv, over_scans, current_ma
):
    lead %= cells + 1
    rig = PlausibleRig(cells=cells, settle=False)
    rig.current_ma = current_ma
    rig.run_ms(4000)
    seen = 0
    for part in range(24):
        part_mv = shift_mv * min(part + 1, over_scans) // over_scans
        # Lead n is the top of cell n and the bottom of the next.
        if lead > 0:
            rig.shown[lead - 1] = part_mv
        if lead < cells:
            rig.shown[lead] = 0 - part_mv
        seen |= rig.scan()[0]
    assert seen & DOUBT_LEAD


@settings(max_examples=60)
@given(rate_k_s=st.floats(-12, 12), temps=st.integers(1, 4))
def test_a_rate_is_in_doubt_beyond_5_kelvin_a_second_only(rate_k_s, temps):
    assume(not 4.5 < abs(rate_k_s) < 6.5)
    rig = PlausibleRig(cells=3, temps=temps)
    seen = 0
    for scan in range(1, 16):
        rig.temps_dc[temps - 1] = 250 + round(rate_k_s * 10 * 0.189 * scan)
        seen |= rig.doubts_within(126)[0][2]
    assert seen == (DOUBT_RATE if abs(rate_k_s) > 5 else 0)


@settings(max_examples=120)
@given(
    at=st.integers(0, 2),
    scans_before=st.integers(1, 30),
    beyond_dk=st.one_of(st.integers(-3, 3), st.integers(-90, 600)),
    up=st.booleans(),
)
def test_a_sensor_that_jumps_is_in_doubt_whatever_the_moment(at, scans_before, beyond_dk, up):
    # The first scan is a reference, and then the first one of each new second.
    reference_ms = 189 * ((scans_before - 1) % 6 + 1)
    allowed_dk = 10 + 5 * 10 * (reference_ms + 189) // 1000
    jump_dk = max(allowed_dk + beyond_dk, 0)
    rig = PlausibleRig(settle=False)
    for _ in range(3 * scans_before):
        rig.scan()
    rig.temps_dc[at] += jump_dk if up else -jump_dk
    seen, first_ms = rig.doubts_within(3000)
    assert seen == ((0, 0, DOUBT_RATE, 0) if jump_dk > allowed_dk else NONE)
    assert first_ms < 0 or first_ms <= 400


@settings(max_examples=60)
@given(
    at=st.integers(0, 2),
    scans_before=st.integers(1, 30),
    # Less, but more than 1.9 K, passes for a change if it falls on the scan of a reference.
    error_dk=st.integers(-600, 600).filter(lambda dk: not 19 < abs(dk) <= 66),
)
def test_one_odd_conversion_of_a_sensor_is_no_doubt_whatever_the_moment(
    at, scans_before, error_dk
):
    rig = PlausibleRig(settle=False)
    for _ in range(3 * scans_before):
        rig.scan()
    rig.temps_dc[at] += error_dk
    rig.run_ms(126)
    rig.temps_dc[at] -= error_dk
    assert rig.doubts_within(3000) == (NONE, -1)


# Early warning.


def races(temps_c):
    """Five rises in a row of more than 1 and at most 5 K, all from above the limit of 60 degC."""
    tenths = [None if temp_c is None else int(temp_c * 10) for temp_c in temps_c]
    run = 0
    for before, now in zip(tenths, tenths[1:], strict=False):
        rises = None not in (before, now) and before > 600 and 10 < now - before <= 50
        run = run + 1 if rises else 0
        if run == 5:
            return True
    return False


TEMP = st.one_of(st.none(), st.floats(-40, 140))


@settings(max_examples=60)
@given(
    begin=st.lists(TEMP, max_size=20),
    ramp_c=st.floats(40, 100),
    k_per_s=st.floats(0.2, 8),
    seconds=st.integers(0, 12),
    end=st.lists(TEMP, max_size=20),
)
def test_one_thermistor_is_one_sign_unless_it_races(begin, ramp_c, k_per_s, seconds, end):
    story = begin + [ramp_c + k_per_s * second for second in range(seconds)] + end
    rig = WarningRig()
    most = 0
    for temp_c in story:
        rig.temps_c[0] = temp_c
        most = max(most, rig.step())
    assert (most == 2) == races([25.0, *story])
    assert most <= 2


@settings(max_examples=40)
@given(
    settled=st.booleans(),
    fall_mv=st.integers(0, 120),
    over_s=st.integers(1, 50),
    start_mv=st.integers(-60, 150),
)
def test_a_fall_is_a_sign_if_it_leads_25_mv_below_the_others_of_a_settled_pack(
    settled, fall_mv, over_s, start_mv
):
    rig = WarningRig(settle_s=0)
    rig.cells_mv[3] += start_mv
    rig.run_s(500 if settled else 200)
    for _ in range(over_s):
        rig.cells_mv[3] -= fall_mv / over_s
        rig.step()
    signs = rig.run_s(5)
    below_mv = fall_mv - max(start_mv, 0)
    assume(abs(min(below_mv, fall_mv) - 25) > 1)
    assert signs == (1 if settled and below_mv > 25 else 0)
