"""The bench: what flows through which switch, faults that move at their rates, heat, profiles."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.mock.bench import TICK_US, Bench, Profile
from host_tools.mock.cells import Pack
from host_tools.mock.clock import VirtualClock

SECOND_US = 1_000_000


def make_bench(soc_pct=60.0, **options):
    clock = VirtualClock()
    return Bench(clock, Pack(seed=4, soc_pct=soc_pct), **options)


def wait(bench, seconds):
    bench.clock.advance(int(seconds * SECOND_US))
    bench.update()


# Switches and body diodes


@pytest.mark.parametrize(
    ("charge", "discharge", "offered_ma", "flows_ma"),
    [
        (True, True, 50000, 50000),
        (True, True, -50000, -50000),
        (True, False, 50000, 50000),  # through the discharge switch's body diode
        (True, False, -50000, 0),
        (False, True, 50000, 0),
        (False, True, -50000, -50000),  # through the charge switch's body diode
        (False, False, 50000, 0),
        (False, False, -50000, 0),
    ],
)
def test_current_flows_only_where_a_switch_or_a_body_diode_lets_it(
    charge, discharge, offered_ma, flows_ma
):
    bench = make_bench()
    bench.set_gates(charge, discharge)
    bench.offer(offered_ma)
    assert bench.current_ma == flows_ma
    assert (bench.true_charge, bench.true_discharge) == (charge, discharge)


def test_a_body_diode_in_the_way_costs_its_drop_at_the_terminals():
    bench = make_bench()
    bench.set_gates(True, True)
    bench.offer(50000)
    open_mv = bench.pack_mv
    bench.set_gates(True, False)
    assert bench.pack_mv == pytest.approx(open_mv + 700, abs=1)
    bench.offer(-50000)
    bench.set_gates(True, True)
    loaded_mv = bench.ld_mv
    bench.set_gates(False, True)
    assert bench.ld_mv == pytest.approx(loaded_mv - 700, abs=1)


def test_an_assist_gate_conducts_but_does_not_count_as_an_open_way():
    bench = make_bench()
    bench.offer(-50000)
    bench.set_gates(True, False, discharge_assist=True)
    assert bench.current_ma == -50000
    assert not bench.true_discharge
    bench.set_gates(False, False, charge_assist=True)
    assert not bench.true_charge


def test_terminals_show_stack_charger_or_nothing_as_the_switches_stand():
    bench = make_bench()
    assert bench.ld_mv == 0
    bench.offer(20000)
    assert bench.pack_mv == 16 * 3600
    bench.offer(0)
    bench.set_gates(True, True)
    assert bench.pack_mv == bench.stack_mv
    bench.set_gates(False, True)
    assert bench.pack_mv == bench.stack_mv - 700


def test_a_resistor_at_the_terminals_draws_by_its_ohms_and_lets_go():
    bench = make_bench()
    bench.set_gates(True, True)
    bench.attach_load(5.0)
    assert bench.current_ma == pytest.approx(-bench.pack_mv / 5.0, rel=0.002)
    bench.set_gates(True, False)
    assert (bench.current_ma, bench.ld_mv) == (0, 0)
    bench.attach_load(None)
    bench.set_gates(True, True)
    assert bench.current_ma == 0


def test_a_small_current_lifts_an_open_terminal_as_far_as_the_load_lets_it():
    bench = make_bench()
    assert bench.lifted_mv(0.1) == bench.stack_mv
    bench.attach_load(20000.0)
    assert bench.lifted_mv(0.1) == pytest.approx(2000)
    bench.attach_load(1e9)
    assert bench.lifted_mv(0.1) == bench.stack_mv
    bench.clear()
    bench.offer(-1000)
    assert bench.lifted_mv(0.1) == 0


fault_steps = st.lists(
    st.tuples(
        st.sampled_from(["offer", "override", "short", "cell", "temp", "bleed", "clear", "limit"]),
        st.integers(-300000, 300000),
        st.integers(1, 300_000),
    ),
    max_size=15,
)


def do(bench, what, number):
    if what == "offer":
        bench.offer(number)
    elif what == "override":
        bench.override_current_ma(number)
    elif what == "short":
        bench.set_short()
    elif what == "cell":
        bench.set_cell_mv(number % 16 + 1, 2000 + abs(number) % 2000)
    elif what == "temp":
        bench.set_temp_dc(number % 4, number // 500)
    elif what == "bleed":
        bench.set_bleed(number & 0xFFFF)
    elif what == "limit":
        bench.limit_charger(3550 if number > 0 else None)
    else:
        bench.clear()


@given(fault_steps)
def test_with_both_switches_off_no_current_ever_flows(steps):
    bench = make_bench()
    for what, number, us in steps:
        do(bench, what, number)
        assert bench.current_ma == 0
        bench.clock.advance(us)
        bench.update()
        assert bench.current_ma == 0
    assert bench.charged_mas == bench.discharged_mas == 0


@given(fault_steps, st.booleans())
def test_one_open_switch_blocks_its_direction_whatever_happens(steps, charge):
    bench = make_bench()
    bench.set_gates(charge, not charge)
    for what, number, us in steps:
        do(bench, what, number)
        bench.clock.advance(us)
        bench.update()
    assert (bench.discharged_mas if charge else bench.charged_mas) == 0


@given(
    st.lists(
        st.tuples(
            st.integers(-200000, 200000), st.booleans(), st.booleans(), st.integers(1, 700_000)
        ),
        max_size=15,
    )
)
def test_charge_is_conserved_through_the_switches(steps):
    bench = make_bench()
    pack = bench.pack
    before = [pack.soc_pct(cell) for cell in range(16)]
    bench.set_bleed(0x0101)
    for ma, charge, discharge, us in steps:
        bench.offer(ma)
        bench.set_gates(charge, discharge)
        bench.clock.advance(us)
    bench.update()
    for cell in range(16):
        gained_mas = (pack.soc_pct(cell) - before[cell]) / 100 * pack.capacity_mas[cell]
        passed_mas = bench.charged_mas - bench.discharged_mas - bench.bled_mas[cell]
        passed_mas -= pack.lost_mas[cell]
        assert gained_mas == pytest.approx(passed_mas, abs=1.0)


@given(st.lists(st.integers(1, 50_000), max_size=30))
def test_looking_more_often_changes_nothing(looks_us):
    looked, left_alone = make_bench(), make_bench()
    for bench in (looked, left_alone):
        bench.set_gates(True, True)
        bench.offer(-100000)
    for us in looks_us:
        looked.clock.advance(us)
        looked.update()
    left_alone.clock.advance(sum(looks_us))
    left_alone.update()
    assert looked.cell_mv == pytest.approx(left_alone.cell_mv, abs=1e-6)
    assert looked.discharged_mas == pytest.approx(left_alone.discharged_mas, rel=1e-9)


def test_a_switch_that_opens_between_ticks_ends_the_charge_at_that_very_microsecond():
    bench = make_bench()
    bench.set_gates(True, True)
    bench.offer(100000)
    bench.clock.advance(30_007)
    bench.set_gates(False, True)
    wait(bench, 1)
    assert bench.charged_mas == pytest.approx(100000 * 0.030007)


def test_a_bled_cell_loses_the_charge_that_its_resistor_draws():
    bench = make_bench()
    cell_mv = bench.cell_mv[6]
    bench.set_bleed(1 << 6)
    wait(bench, 100)
    # About 3.3 V across 68 ohm for 100 s.
    assert bench.bled_mas[6] == pytest.approx(cell_mv / 68 * 100, rel=1e-4)
    assert sum(bench.bled_mas) == bench.bled_mas[6]
    bench.set_bleed(0)
    wait(bench, 100)
    assert bench.bled_mas[6] == pytest.approx(cell_mv / 68 * 100, rel=1e-4)


def test_without_resistance_in_the_sense_leads_bleeding_does_not_show():
    bench = make_bench(sense_ohm=0.0)
    before_mv = list(bench.cell_mv)
    bench.set_bleed(1 << 6)
    assert bench.cell_mv == before_mv


@given(st.integers(0, 0xFFFF), st.floats(0.01, 2.0))
def test_bleeding_through_sense_leads_moves_what_they_show_and_not_the_stack(mask, sense_ohm):
    bench = make_bench(sense_ohm=sense_ohm)
    true_mv = list(bench.cell_mv)
    stack_mv = bench.stack_mv
    bench.set_bleed(mask)
    bleed_ma = [true_mv[cell] / 68 if mask >> cell & 1 else 0.0 for cell in range(16)]
    # Lead k, below cell k, carries the bleed current of the cell above less that of the one below.
    lead_ma = [a - b for a, b in zip([0.0, *bleed_ma], [*bleed_ma, 0.0], strict=True)]
    for cell in range(16):
        expected_mv = true_mv[cell] - sense_ohm * (lead_ma[cell + 1] - lead_ma[cell])
        assert bench.cell_mv[cell] == pytest.approx(expected_mv, abs=1e-6)
    assert bench.highest_mv == max(bench.cell_mv)
    assert bench.stack_mv == stack_mv
    bench.set_bleed(0)
    assert bench.cell_mv == pytest.approx(true_mv, abs=1e-6)


# Leaks


def test_a_leak_takes_charge_from_its_cell_and_warms_it():
    bench = make_bench()
    bench.set_leak(5, 2.0)
    before_mas = list(bench.pack.lost_mas)
    cell_mv = bench.cell_mv[4]
    wait(bench, 600)
    lost_mas = [now - then for now, then in zip(bench.pack.lost_mas, before_mas, strict=True)]
    # All others lose some 8 mA.
    assert lost_mas[4] == pytest.approx(600 * cell_mv / 2.0, rel=0.01)
    assert max(lost_mas[:4] + lost_mas[5:]) < 600 * 15
    # 5 W for 600 s into 5.3 kJ/K, and the sensor in the middle of its cells.
    assert bench.temps_c[0] - 25 < 0.12
    assert max(bench.temps_c) == bench.temps_c[0] > bench.temps_c[2]
    bench.clear()
    at_clear = bench.pack.lost_mas[4]
    wait(bench, 100)
    assert bench.pack.lost_mas[4] - at_clear < 100 * 15


def test_a_leak_pulls_its_cell_down_by_its_share_of_the_resistance():
    bench = make_bench()
    before_mv = bench.cell_mv[4]
    bench.set_leak(5, 0.1)
    figures = bench.pack.figures
    whole_ohm = bench.pack.ohm[4] * (1 + figures.fast_share + figures.slow_share)
    assert bench.cell_mv[4] == pytest.approx(before_mv * 0.1 / (0.1 + whole_ohm), rel=1e-9)
    assert bench.cell_mv[3] > before_mv - 10


# Listeners


def test_listeners_hear_every_tick_switch_offer_and_fault():
    bench = make_bench()
    heard = []
    bench.listeners.append(lambda: heard.append(bench.clock.now_us))
    bench.clock.advance(3 * TICK_US)
    assert heard == [TICK_US, 2 * TICK_US, 3 * TICK_US]
    for change in (
        lambda: bench.set_gates(True, True),
        lambda: bench.offer(1000),
        bench.set_short,
        lambda: bench.override_current_ma(5000),
        lambda: bench.stick_fet(1),
        lambda: bench.set_cell_mv(1, 3000),
        bench.clear,
    ):
        count = len(heard)
        change()
        assert len(heard) == count + 1
    bench.set_gates(True, True)
    assert len(heard) == count + 1


def test_a_listener_that_opens_the_switches_at_once_sees_no_current_in_the_end():
    bench = make_bench()
    seen_ma = []

    def comparator():
        seen_ma.append(bench.current_ma)
        if bench.current_ma < -200000:
            bench.set_gates(False, False)

    bench.listeners.append(comparator)
    bench.set_gates(True, True)
    bench.set_short()
    assert min(seen_ma) < -1_000_000
    assert seen_ma[-1] == 0
    assert bench.discharged_mas == 0


def test_listeners_that_never_agree_do_not_hang_the_bench():
    bench = make_bench()
    bench.listeners.append(lambda: bench.set_gates(not bench.true_charge, True))
    bench.offer(1000)
    wait(bench, 0.1)


# Faults


def test_a_cell_fault_moves_at_its_rate_stays_and_goes_back_when_cleared():
    bench = make_bench()
    start_mv = bench.cell_mv[4]
    bench.set_cell_mv(5, 3720)
    assert bench.cell_mv[4] == pytest.approx(start_mv, abs=0.01)
    wait(bench, 1)
    assert bench.cell_mv[4] == pytest.approx(start_mv + 200, abs=0.01)
    assert bench.highest_mv == bench.cell_mv[4]
    wait(bench, 2)
    assert bench.cell_mv[4] == 3720
    assert bench.stack_mv == pytest.approx(sum(bench.cell_mv))
    bench.clear()
    wait(bench, 1)
    assert bench.cell_mv[4] == pytest.approx(3520, abs=0.01)
    wait(bench, 2)
    assert bench.cell_mv[4] == pytest.approx(start_mv, abs=0.01)


def test_a_moved_cell_keeps_its_voltage_whatever_the_current():
    bench = make_bench()
    bench.set_gates(True, True)
    bench.set_cell_mv(16, 2400)
    wait(bench, 10)
    bench.offer(-250000)
    assert bench.cell_mv[15] == bench.lowest_mv == 2400
    wait(bench, 1)
    assert bench.cell_mv[15] == 2400
    assert bench.cell_mv[14] < 3300


def test_a_cell_fault_aimed_anew_turns_from_where_it_is():
    bench = make_bench()
    bench.set_cell_mv(1, 3900)
    wait(bench, 1)
    turned_mv = bench.cell_mv[0]
    bench.set_cell_mv(1, 2500)
    wait(bench, 0.5)
    assert bench.cell_mv[0] == pytest.approx(turned_mv - 100, abs=0.01)


def test_a_sensor_moves_two_kelvin_a_second_alone_or_with_all():
    bench = make_bench()
    bench.set_temp_dc(2, 610)
    wait(bench, 10)
    assert bench.temps_c == pytest.approx([25, 45, 25], abs=0.1)
    bench.set_temp_dc(0, -100)
    wait(bench, 10)
    assert bench.temps_c == pytest.approx([5, 25, 5], abs=0.1)
    wait(bench, 60)
    assert bench.temps_c == [-10, -10, -10]
    bench.clear()
    wait(bench, 5)
    assert bench.temps_c == pytest.approx([0, 0, 0], abs=0.1)
    wait(bench, 20)
    assert bench.temps_c == pytest.approx([25, 25, 25], abs=0.1)


def test_a_short_is_limited_by_the_cells_and_five_milliohm():
    bench = make_bench()
    bench.set_gates(True, True)
    open_mv = bench.stack_mv
    bench.set_short()
    expected_ma = -open_mv / (sum(bench.pack.ohm) + 0.005)
    assert bench.current_ma == pytest.approx(expected_ma, rel=1e-6)
    assert bench.stack_mv == pytest.approx(-expected_ma * 0.005, rel=1e-6)
    bench.set_gates(True, False)
    assert bench.current_ma == 0
    assert bench.ld_mv == 0
    bench.clear()
    bench.set_gates(True, True)
    assert bench.current_ma == 0


def test_an_override_takes_the_place_of_the_offer_until_cleared():
    bench = make_bench()
    bench.set_gates(True, True)
    bench.offer(10000)
    bench.override_current_ma(-300000)
    bench.offer(20000)
    assert bench.current_ma == -300000
    bench.clear()
    assert bench.current_ma == 20000


def test_a_stuck_switch_stays_open_to_current_until_cleared():
    bench = make_bench()
    bench.set_gates(True, True)
    bench.offer(30000)
    bench.stick_fet(1)
    bench.set_gates(False, False)
    assert (bench.true_charge, bench.true_discharge) == (True, False)
    assert bench.current_ma == 30000
    bench.clear()
    assert (bench.true_charge, bench.current_ma) == (False, 0)
    bench.stick_fet(2)
    bench.offer(-30000)
    assert (bench.true_discharge, bench.current_ma) == (True, -30000)


@pytest.mark.parametrize(
    "fault",
    [
        lambda bench: bench.set_cell_mv(0, 3000),
        lambda bench: bench.set_cell_mv(17, 3000),
        lambda bench: bench.set_temp_dc(4, 250),
        lambda bench: bench.stick_fet(3),
        lambda bench: bench.set_leak(17, 10),
        lambda bench: bench.set_leak(1, 0),
    ],
)
def test_a_fault_of_something_that_is_not_there_is_refused(fault):
    with pytest.raises(ValueError):
        fault(make_bench())


# Charger


def test_without_a_limit_the_offer_is_played_unchanged_even_into_full_cells():
    bench = make_bench(soc_pct=100)
    bench.set_gates(True, True)
    bench.offer(140000)
    wait(bench, 30)
    assert bench.current_ma == 140000
    assert bench.highest_mv > 3600


def test_a_limited_charger_tapers_towards_its_voltage_and_never_discharges():
    bench = make_bench(soc_pct=98)
    bench.limit_charger()
    bench.set_gates(True, True)
    bench.offer(140000)
    currents_ma = []
    for _ in range(100):
        wait(bench, 60)
        currents_ma.append(bench.current_ma)
        assert bench.stack_mv <= 16 * 3550 + 0.001
    assert currents_ma[0] > 100000
    assert currents_ma == sorted(currents_ma, reverse=True)
    assert 0 <= currents_ma[-1] < 10000
    bench.limit_charger(None)
    assert bench.current_ma == 140000


def test_a_limit_does_not_touch_the_load():
    bench = make_bench(charger_limit_mv_per_cell=3200)
    bench.set_gates(True, True)
    bench.offer(-70000)
    assert bench.current_ma == -70000
    bench.offer(70000)
    assert bench.current_ma == 0


# Heat


def test_losses_warm_the_cells_by_their_energy_at_first():
    bench = make_bench()
    bench.set_gates(True, True)
    bench.offer(-280000)
    wait(bench, 120)
    # At most I*I*(R0 + R1 + R2)*t into about 19 J/K for each Ah; the sensors lag behind.
    most_k = 280.0**2 * 0.00016 * 1.9 * 120 / (19 * 280)
    for temp_c in bench.temps_c:
        assert 0.5 * most_k < temp_c - 25 < most_k
    assert bench.die_c > 30


def test_a_pack_at_rest_stays_at_ambient():
    bench = make_bench(ambient_c=-5.0)
    wait(bench, 60)
    assert bench.temps_c == pytest.approx([-5, -5, -5])
    assert bench.die_c == pytest.approx(-2)


# Profiles


def offers(bench, pairs, seconds, scale=1):
    heard = []
    bench.set_gates(True, True)
    begun_us = bench.clock.now_us
    bench.listeners.append(lambda: heard.append((bench.clock.now_us - begun_us, bench.current_ma)))
    profile = Profile(bench, array("i", pairs), scale)
    bench.clock.advance(int(seconds * SECOND_US))
    changes = []
    for t_us, ma in heard:
        if not changes or changes[-1][1] != ma:
            changes.append((t_us, ma))
    return profile, changes


def test_a_profile_holds_each_value_until_the_next_and_repeats():
    bench = make_bench()
    bench.clock.advance(12_345)
    profile, changes = offers(bench, [500, 1000, 700, -2000, 1000, 3000], 1.7)
    # Times shifted to 0; the last value holds 300 ms, as the one before it.
    assert profile.period_ms == 800
    assert changes == [
        (0, 1000),
        (200_000, -2000),
        (500_000, 3000),
        (800_000, 1000),
        (1_000_000, -2000),
        (1_300_000, 3000),
        (1_600_000, 1000),
    ]


def test_a_profile_is_scaled_to_milliamperes():
    bench = make_bench()
    _, changes = offers(bench, [0, 500_000, 1000, -250_000], 1.5, 280000 / 1_000_000)
    assert [ma for _, ma in changes] == [140000, -70000]


class OfferBook:
    """As much of a bench as a profile needs; writes down every offer."""

    def __init__(self):
        self.clock = VirtualClock()
        self.offers = []

    def offer(self, ma):
        self.offers.append((self.clock.now_us, ma))


def test_only_a_change_of_the_value_is_an_event_across_the_repeat_too():
    book = OfferBook()
    Profile(book, array("i", [0, 1000, 10, 1000, 20, 2000, 30, 1000]))
    book.clock.advance(100_000)
    # 30..40 ms and the next round's first 20 ms are one stretch of the same value.
    assert book.offers == [
        (0, 1000),
        (20_000, 2000),
        (30_000, 1000),
        (60_000, 2000),
        (70_000, 1000),
        (100_000, 2000),
    ]


@pytest.mark.parametrize("pairs", [[7, 5000], [0, 5000, 1000, 5000, 2000, 5000]])
def test_a_constant_profile_is_offered_once(pairs):
    book = OfferBook()
    Profile(book, array("i", pairs))
    book.clock.advance(60_000_000)
    assert book.offers == [(0, 5000)]


@pytest.mark.parametrize("pairs", [[], [0], [0, 1, 0, 2], [5, 1, 4, 2]])
def test_a_profile_that_makes_no_sense_is_refused(pairs):
    with pytest.raises(ValueError):
        Profile(make_bench(), array("i", pairs))


@given(
    st.lists(
        st.tuples(st.integers(1, 400), st.sampled_from([-2000, 0, 0, 3000])),
        min_size=2,
        max_size=8,
    )
)
def test_a_profile_means_the_same_as_looking_its_value_up(steps):
    times_ms, values = [0], [steps[0][1]]
    for step_ms, value in steps[1:]:
        times_ms.append(times_ms[-1] + step_ms)
        values.append(value)
    period_ms = times_ms[-1] + (times_ms[-1] - times_ms[-2])
    bench = make_bench()
    bench.set_gates(True, True)
    pairs = array("i", [number for pair in zip(times_ms, values, strict=True) for number in pair])
    Profile(bench, pairs)
    for _ in range(25):
        bench.clock.advance(73_000)
        now_ms = bench.clock.now_us // 1000 % period_ms
        expected = [v for t, v in zip(times_ms, values, strict=True) if t <= now_ms][-1]
        assert bench.current_ma == expected
