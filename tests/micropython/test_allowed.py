"""Allowed currents: cells stay within their limits, nobody hunts, what is not known is none."""

from allow_rig import CAPACITY_MAH, AllowRig

from host_tools.mock.seeded_random import SeededRandom
from vigil import allowed, chemistry, limits
from vigil.sample import UNKNOWN

# Minutes of simulated time.
LONG_ON_CPYTHON = (
    "test_a_charger_that_follows_late_settles_and_does_not_hunt",
    "test_a_load_that_follows_late_settles_and_does_not_hunt",
)
CHARGE, DISCHARGE = 0, 1
DELAY_S = 6
UNSURE = 0.3  # what a cell may resist more or less than its model


def over(rig):
    return rig.row(limits.CELL_OVER_VOLTAGE_WARNING)


def under(rig):
    return rig.row(limits.CELL_UNDER_VOLTAGE_WARNING)


def full_ma(rig, which):
    return abs(rig.row((limits.CHARGE_OVER_CURRENT, limits.DISCHARGE_OVER_CURRENT)[which])[1])


def told_ma(rig, which):
    return rig.allowed.discharge_ma if which else rig.allowed.charge_ma


def follow(rig, which, seconds, most_ma):
    """A charger or load that hears of it late and moves half the way a second.

    How far it was told up again once a cell had come near its end, and the cells' farthest.
    """
    heard = [0] * (DELAY_S + 1)
    ma = 0.0
    end_mv = under(rig)[1] if which else over(rig)[1]
    lowest_ma = None
    rise_ma = 0
    farthest_mv = rig.lowest_mv if which else rig.highest_mv
    for _ in range(seconds):
        heard.append(min(told_ma(rig, which), most_ma))
        ma += 0.5 * (heard.pop(0) - ma)
        rig.second(0 - int(ma) if which else int(ma))
        cell_mv = rig.lowest_mv if which else rig.highest_mv
        farthest_mv = min(farthest_mv, cell_mv) if which else max(farthest_mv, cell_mv)
        assert told_ma(rig, which) <= full_ma(rig, which)
        if lowest_ma is None and abs(end_mv - cell_mv) < 10:
            lowest_ma = told_ma(rig, which)
        if lowest_ma is not None:
            lowest_ma = min(lowest_ma, told_ma(rig, which))
            rise_ma = max(rise_ma, told_ma(rig, which) - lowest_ma)
    assert lowest_ma is not None, "no cell has come near its end"
    return rise_ma, farthest_mv


def test_a_charger_that_follows_late_settles_and_does_not_hunt():
    for at, name in enumerate(chemistry.NAMES):
        ohm = 1.0 + UNSURE * (1 - at % 2 * 2)
        rig = AllowRig(name, 98 if name == "LFP" else 90, ohm=ohm, seed=at)
        rise_ma, highest_mv = follow(rig, CHARGE, 900, CAPACITY_MAH * 10)
        assert highest_mv < over(rig)[0], name
        assert rise_ma <= full_ma(rig, CHARGE) * 4 // 100, name


def test_a_load_that_follows_late_settles_and_does_not_hunt():
    for at, name in enumerate(chemistry.NAMES):
        ohm = 1.0 - UNSURE * (1 - at % 2 * 2)
        rig = AllowRig(name, 10 if at < 3 else 14, ohm=ohm, seed=at)
        rise_ma, lowest_mv = follow(rig, DISCHARGE, 700, CAPACITY_MAH * 10)
        assert lowest_mv > under(rig)[0], name
        assert rise_ma <= full_ma(rig, DISCHARGE) * 4 // 100, name


def test_what_is_allowed_ahead_keeps_every_cell_within_its_warnings_so_long():
    dice = SeededRandom(8)
    for name in chemistry.NAMES:
        limited = [0, 0]
        for turn in range(16):
            ohm = 1.0 + UNSURE * (2.0 * dice.uniform() - 1.0)
            near_full = turn % 2 == 0
            soc_pct = 99.5 - 6 * dice.uniform() if near_full else 1.5 + 8 * dice.uniform()
            rig = AllowRig(name, soc_pct, ohm=ohm, seed=turn, own_cells=True)
            # A history: some minutes of what is allowed, in parts.
            for _ in range(3):
                share = dice.uniform()
                toward = dice.below(2)
                for _ in range(20):
                    ma = told_ma(rig, toward) * share
                    rig.second(0 - int(ma) if toward else int(ma))
            for which in (CHARGE, DISCHARGE):
                for at, seconds in ((0, 10), (1, 60)):
                    ma = rig.allowed.ahead_ma[2 * which + at]
                    limited[which] += 0 < ma < full_ma(rig, which)
                    held(rig, 0 - ma if which else ma, seconds)
        assert min(limited) >= 4, name


def held(rig, ma, seconds):
    """The true cells with this current, put back as they were."""
    pack = rig.pack
    before = (pack.charge_mas, pack.fast_ma, pack.slow_ma, pack.hysteresis)
    cells_mv = [0.0] * rig.CELLS
    for _ in range(2 * seconds):
        pack.pass_current(ma, 500000)
        pack.fill_mv(ma, cells_mv)
        if ma > 0:
            assert max(cells_mv) < over(rig)[0]
        elif ma < 0:
            assert min(cells_mv) > under(rig)[0]
    pack.charge_mas, pack.fast_ma, pack.slow_ma, pack.hysteresis = before


def quiet(name, soc_pct, temp_c=25.0):
    """Just made, with cells all alike and measured exactly; what is allowed ahead."""
    rig = AllowRig(name, soc_pct, temp_c=temp_c)
    rig.noise_mv = 0.0
    rig.charge.sigma = 0.01
    rig.rest()
    return rig


def test_the_fuller_the_less_is_taken_and_the_more_is_given():
    for name in chemistry.NAMES:
        before = None
        for soc_pct in range(2, 100, 7):
            rig = quiet(name, soc_pct)
            ahead_ma = list(rig.allowed.ahead_ma)
            # For longer never more.
            assert ahead_ma[1] <= ahead_ma[0] and ahead_ma[3] <= ahead_ma[2]
            if before is not None:
                assert ahead_ma[0] <= before[0] and ahead_ma[1] <= before[1], (name, soc_pct)
                assert ahead_ma[2] >= before[2] and ahead_ma[3] >= before[3], (name, soc_pct)
            # A deeply discharged cell is charged slowly: that is another rule.
            before = None if rig.charge_guard.recovering else ahead_ma


def test_the_colder_the_less_and_nothing_where_a_limit_opens():
    for name in chemistry.NAMES:
        rig = quiet(name, 50)
        for direction in (-1, 1):
            before = [CAPACITY_MAH * 10] * 4
            for step in range(44):
                rig.warm(25.0 + direction * step * 1.5)
                rig.rest()
                ahead_ma = list(rig.allowed.ahead_ma)
                for at in range(4):
                    assert ahead_ma[at] <= before[at], (name, rig.temp_c)
                before = ahead_ma
                for which, row in (
                    (CHARGE, limits.CHARGE_UNDER_TEMPERATURE),
                    (DISCHARGE, limits.DISCHARGE_UNDER_TEMPERATURE),
                ):
                    if rig.temps_dc[0] <= rig.row(row)[0]:
                        assert ahead_ma[2 * which] == 0, (name, rig.temp_c)
                for which, row in (
                    (CHARGE, limits.CHARGE_OVER_TEMPERATURE),
                    (DISCHARGE, limits.DISCHARGE_OVER_TEMPERATURE),
                ):
                    if rig.temps_dc[0] >= rig.row(row)[0] - 10:
                        assert ahead_ma[2 * which] == 0, (name, rig.temp_c)


def test_up_it_goes_by_two_percent_a_second_and_down_at_once():
    rig = quiet("NMC", 50)
    most_ma = rig.allowed.charge_ma
    assert most_ma == full_ma(rig, CHARGE)
    rig.warm(43.5)
    rig.second(0)
    low_ma = rig.allowed.charge_ma
    assert low_ma <= most_ma // 4
    assert rig.allowed.reasons[CHARGE] == allowed.TEMPERATURE
    rig.warm(25.0)
    for _ in range(60):
        before_ma = rig.allowed.charge_ma
        rig.second(0)
        assert 0 <= rig.allowed.charge_ma - before_ma <= most_ma * 2 // 100 + 1
        if rig.allowed.charge_ma < most_ma * 98 // 100:
            assert rig.allowed.reasons[CHARGE] == allowed.RISING
    assert rig.allowed.charge_ma == most_ma
    assert list(rig.allowed.reasons) == [allowed.TABLE, allowed.TABLE]


def spoil_a_sensor(rig):
    rig.temps_dc[1] = UNKNOWN


def spoil_a_cell(rig):
    rig.cells_mv[2] = UNKNOWN


def test_what_is_not_known_and_every_fault_is_nothing_at_once_with_a_reason():
    for spoil, reason in (
        (spoil_a_sensor, allowed.NOT_KNOWN),
        (spoil_a_cell, allowed.NOT_KNOWN),
        (lambda rig: setattr(rig, "current_ma", UNKNOWN), allowed.NOT_KNOWN),
        (lambda rig: setattr(rig.switches, "charge_on", False), allowed.OPEN),
        (lambda rig: setattr(rig, "temps_dc", [800] * 3), allowed.OPEN),
    ):
        rig = quiet("NMC", 50)
        assert rig.allowed.charge_ma > 0 and rig.allowed.discharge_ma > 0
        spoil(rig)
        # No second look of the slow task is needed.
        rig.step(60)
        assert rig.allowed.charge_ma == 0
        assert rig.allowed.reasons[CHARGE] == reason
        if rig.switches.charge_on:
            assert rig.allowed.discharge_ma == 0 and rig.allowed.reasons[DISCHARGE] == reason
    rig = quiet("NMC", 50)
    rig.cells_mv[1] = over(rig)[0] + 5
    rig.step(40)
    assert rig.allowed.charge_ma == 0 and rig.allowed.reasons[CHARGE] == allowed.WARNED
    assert rig.allowed.discharge_ma > 0
    rig.cells_mv[1] = under(rig)[0] - 5
    rig.step(60)
    assert rig.allowed.discharge_ma == 0 and rig.allowed.reasons[DISCHARGE] == allowed.WARNED


def test_after_a_fault_it_begins_small():
    rig = quiet("NMC", 50)
    rig.switches.discharge_on = False
    rig.second(0)
    assert rig.allowed.discharge_ma == 0
    rig.switches.discharge_on = True
    assert 0 < rig.allowed.discharge_ma <= full_ma(rig, DISCHARGE) * 5 // 100


def test_a_measured_resistance_and_a_faded_capacity_allow_less():
    rig = quiet("NMC", 6)
    before = list(rig.allowed.ahead_ma)
    assert 0 < before[3] < full_ma(rig, DISCHARGE)
    rig.ageing.ohm_times = 2.0
    rig.rest()
    assert rig.allowed.ahead_ma[3] < before[3] * 3 // 4
    rig = quiet("NMC", 50)
    rig.charge.capacities_mah[2] = 0.7 * CAPACITY_MAH
    rig.rest()
    for which in (CHARGE, DISCHARGE):
        wanted_ma = full_ma(rig, which) * 7 // 10
        assert abs(rig.allowed.ahead_ma[2 * which] - wanted_ma) < 100


def test_a_wrong_charge_cannot_hide_an_empty_cell():
    """The voltage knows better, and the other way round."""
    for error in (-0.4, 0.4):
        rig = AllowRig("NMC", 3, error=error)
        rig.rest()
        allowed_ma = rig.allowed.ahead_ma[3]
        assert allowed_ma < full_ma(rig, DISCHARGE)
        held(rig, 0 - allowed_ma, 60)


def test_the_voltages_of_an_inverter_are_the_warnings_releases():
    rig = quiet("LFP", 50)
    assert rig.allowed.charge_end_mv == 4 * over(rig)[1]
    assert rig.allowed.discharge_end_mv == 4 * under(rig)[1]


# Times.


def test_the_time_to_empty_has_the_truth_between_its_least_and_its_most():
    rig = AllowRig("NMC", 60, error=0.03)
    for _ in range(120):
        rig.second(-30000)
    soc_pct = min([rig.pack.soc_pct(cell) for cell in range(rig.CELLS)])
    true_s = soc_pct / 100 * CAPACITY_MAH * 3600 / 30000
    least_s, likely_s, most_s = rig.allowed.time_left_s[:3]
    assert least_s <= true_s <= most_s
    assert abs(likely_s - true_s) < 0.1 * true_s
    assert list(rig.allowed.time_left_s[3:]) == [UNKNOWN] * 3


def test_the_time_to_full_allows_for_the_tail_of_a_charge():
    rig = AllowRig("NMC", 60)
    for _ in range(120):
        rig.second(40000)
    least_s, likely_s, most_s = rig.allowed.time_left_s[3:]
    counted_s = rig.charge.take_mah * 3600 // 40000
    assert 0 < least_s <= likely_s <= most_s
    assert counted_s < likely_s < counted_s + 3600
    assert list(rig.allowed.time_left_s[:3]) == [UNKNOWN] * 3


def test_the_tail_of_a_charge_with_the_voltage_held_is_learned():
    rig = AllowRig("NMC", 70, seed=3)
    before_s = list(rig.allowed.tail_s)
    assert before_s[1] == 1200 and before_s[0] < before_s[1] < before_s[2]
    end_mv = rig.allowed.charge_end_mv / rig.CELLS
    ma = 40000.0
    fell_s = 0
    while ma > CAPACITY_MAH * 0.05:
        rig.second(int(ma))
        # A charger that holds the highest cell.
        ma = min(ma + 200.0 * (end_mv - rig.highest_mv), 40000.0)
        fell_s += 14800 < ma < 38800
    assert list(rig.allowed.tail_s) == before_s
    rig.second(0)
    rig.rest()
    # Half way to what was seen: from 97 % of it to 37 % is one tail, nearly.
    seen_s = rig.allowed.tail_s[1] * rig.allowed.tail_s[1] / 1200
    assert abs(seen_s - fell_s) < 0.3 * fell_s
    assert rig.allowed.tail_s[1] != 1200


def test_an_uneven_current_widens_the_times():
    even = AllowRig("NMC", 60)
    uneven = AllowRig("NMC", 60)
    for turn in range(900):
        even.second(-30000)
        uneven.second(-50000 if turn % 300 < 150 else -10000)
    spans = [rig.allowed.time_left_s[2] - rig.allowed.time_left_s[0] for rig in (even, uneven)]
    assert spans[1] > 2 * spans[0]


def test_at_rest_no_time_is_known():
    rig = AllowRig("LFP", 60)
    for _ in range(10):
        rig.second(-500)
    assert list(rig.allowed.time_left_s) == [UNKNOWN] * 6
