"""The judge of `vigil prove` on runs that never happened: it must catch what is wrong in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prove_rig import Told, over_voltage

from vigil import chemistry, limits, presets

OPENS = "charge opens because of cell_over_voltage"
CLOSES = "charge closes"
# 1 s of delay and three readings of 63 ms.
ALLOWED_S = 1.189


def test_a_trip_in_time_by_the_right_limit_with_its_recovery_passes():
    assert over_voltage().failures(OPENS, CLOSES) == []


def test_the_reaction_time_runs_from_the_real_crossing():
    told = over_voltage(opens_s=11.1)
    check = next(check for check in told.judged(OPENS, CLOSES) if check.expected == OPENS)
    assert check.reaction_us == pytest.approx(1_100_000, abs=2)
    # The measured value may be 2 mV off, which this cell takes 50 ms for.
    assert check.allowed_us == pytest.approx(ALLOWED_S * 1e6 + 50_000, abs=2)


def test_a_late_trip_fails():
    (failure,) = over_voltage(opens_s=11.3).failures(OPENS, CLOSES)
    assert "late" in failure


def test_a_trip_before_the_delay_is_over_fails():
    (failure,) = over_voltage(opens_s=10.6).failures(OPENS, CLOSES)
    assert "not before" in failure


@given(st.floats(10.0, 13.0))
def test_a_trip_passes_exactly_within_its_window(opens_s):
    earliest, latest = 10 + 1 - 0.05, 10 + ALLOWED_S + 0.05
    if min(abs(opens_s - earliest), abs(opens_s - latest)) < 0.001:
        return
    failed = bool(over_voltage(opens_s=opens_s).failures(OPENS, CLOSES))
    assert failed != (earliest <= opens_s <= latest)


def test_a_trip_that_never_came_fails_and_says_when_it_was_due():
    told = over_voltage(opens_s=None, closes_s=None)
    failures = told.failures(OPENS)
    assert len(failures) == 1
    assert "it never opened; it was due at" in failures[0]


def test_a_firmware_that_believes_it_opened_a_switch_that_conducts_fails():
    told = over_voltage(opens_s=None, closes_s=None)
    told.says(30, "cell_over_voltage")
    assert any("never opened" in failure for failure in told.failures(OPENS))


def test_a_false_trip_fails_though_nobody_asked_for_quiet():
    told = Told()
    told.switches(30, False, True)
    told.says(30.01, "cell_over_voltage")
    told.step(30, current_ma=0)
    (failure,) = told.failures("discharge stays on")
    assert "nothing else happens: charge opens at 30.000 s because of cell_over_voltage" in failure


def test_a_trip_that_the_pack_gave_no_cause_for_fails_even_where_it_is_expected():
    told = Told()
    told.switches(30, False, True)
    told.says(30.01, "cell_over_voltage")
    told.step(30, current_ma=0)
    (failure,) = told.failures(OPENS)
    assert "nothing called for it" in failure


def test_the_wrong_switch_fails():
    told = Told()
    told.pack(10, highest_mv=3700)
    told.switches(11.1, True, False)
    told.says(11.11, "cell_over_voltage")
    failures = told.failures(OPENS)
    assert any("never opened" in failure for failure in failures)
    assert any("discharge opens" in failure for failure in failures)


def test_the_other_switch_opening_as_well_fails():
    told = over_voltage()
    told.switches(11.2, False, False)
    assert any("discharge opens at 11.2" in one for one in told.failures(OPENS, CLOSES))


def test_the_wrong_reason_fails():
    told = over_voltage(says=("stack_over_voltage",))
    assert any("because of stack_over_voltage" in one for one in told.failures(OPENS, CLOSES))


def test_any_of_several_reasons_will_do():
    both = "charge opens because of stack_over_voltage or cell_over_voltage"
    assert over_voltage().failures(both, CLOSES) == []


def test_a_missing_recovery_fails():
    (failure,) = over_voltage(closes_s=None).failures(OPENS, CLOSES)
    assert failure.startswith("charge closes: it had not by the end")


def test_a_recovery_too_early_fails():
    (failure,) = over_voltage(closes_s=24).failures(OPENS, CLOSES)
    assert "not before" in failure


def test_a_recovery_that_nobody_expected_fails():
    failures = over_voltage().failures(OPENS, "charge stays off")
    assert any("nothing else happens: charge closes" in failure for failure in failures)


def test_a_recovery_with_the_cell_still_high_fails():
    told = over_voltage(closes_s=18)
    assert any("nothing called for it" in one for one in told.failures(OPENS, CLOSES))


def test_a_switch_that_chatters_fails():
    told = over_voltage()
    for second in range(30, 40):
        told.switches(second, second % 2 == 1, True)
    assert len(told.failures(OPENS, CLOSES)) >= 10


def test_a_switch_that_does_not_close_at_the_start_fails():
    told = Told()
    told.trace.switches.clear()
    assert any("closes at the start" in one for one in told.failures("nothing opens"))


def test_current_through_a_switch_that_counts_as_open_fails():
    told = over_voltage(closes_s=None)
    told.step(15, current_ma=10000)
    (failure,) = told.failures(OPENS, "charge stays off")
    assert failure.startswith("no charge current while the switch is open: +10.0 A")


def test_discharge_current_may_pass_an_open_charge_switch():
    told = over_voltage(closes_s=None)
    told.step(15, current_ma=-5000)
    assert told.failures(OPENS, "charge stays off") == []


def test_own_times_replace_those_of_the_table():
    told = over_voltage(opens_s=11.3)
    assert told.failures(OPENS + " within 2 s", CLOSES) == []
    assert over_voltage().failures(OPENS + " within 1 s", CLOSES)
    assert over_voltage().failures(OPENS + " not before 1.1 s", CLOSES)
    assert over_voltage().failures(OPENS, CLOSES + " after t=27")
    assert over_voltage().failures(OPENS, CLOSES + " before t=26")


def test_the_short_circuit_belongs_to_the_chip():
    told = Told()
    told.strikes(10, "short")
    told.switches(10.000136, True, False)
    told.step(10.000136, current_ma=0)
    told.says(10.05, "front_end_discharge_trip")
    opens = "discharge opens because of backstop short_circuit"
    assert told.failures(opens, "discharge stays off") == []
    late = Told()
    late.strikes(10, "short")
    late.switches(10.01, True, False)
    late.step(10.01, current_ma=0)
    assert any("late" in failure for failure in late.failures(opens))


def test_stale_data_has_three_periods():
    opens = "both opens because of cells_stale"
    for opens_s, good in ((10.18, True), (10.4, False)):
        told = Told()
        told.strikes(10, "afe_frozen")
        told.switches(opens_s, False, False)
        told.step(opens_s, current_ma=0)
        told.says(opens_s + 0.01, "cells_stale")
        assert (told.failures(opens) == []) == good


def quick(told):
    told.trace.periods_ms, told.trace.cycle_ms = (20, 200, 11, 20, 200), 20
    table = presets.preset(chemistry.lfp(), 16, 100000, told.trace.periods_ms, 20)
    for at, row in enumerate(limits.TABLE):
        numbers = (table.trip, table.release, table.trip_delay_ms, table.release_delay_ms)
        told.trace.limits[row[limits.ID]] = tuple(number[at] for number in numbers)
    return told


def test_a_front_end_quicker_than_the_cycle_has_three_cycles_and_one_to_be_read():
    for opens_s, good in ((10.079, True), (10.082, False)):
        told = quick(Told())
        told.strikes(10, "monitor_frozen")
        told.switches(opens_s, False, False)
        told.step(opens_s, current_ma=0)
        told.says(opens_s, "current_stale")
        assert (told.failures("both opens because of current_stale") == []) == good


def test_where_results_are_cleared_unknown_is_as_good_as_old_but_only_elsewhere():
    for keeps, is_moved, good in ((False, True, True), (True, True, False), (False, False, False)):
        told = quick(Told())
        told.trace.front_end = {"keeps_results": keeps}
        told.strikes(10, "afe_frozen")
        told.switches(10.06, False, False)
        told.step(10.06, current_ma=0)
        told.says(10.06, "cells_invalid")
        told.moved = is_moved
        assert (told.failures("both opens because of cells_stale") == []) == good


def allowed_to_close_us(contactors, is_moved):
    told = Told()
    told.moved = is_moved
    told.trace.pre_charges = contactors
    told.step(9, lowest_mv=2400)
    told.switches(20, True, False)
    told.says(20, "cell_under_voltage")
    told.step(20, lowest_mv=3290)
    told.switches(30, True, True)
    told.says(30)
    checks = told.judged("discharge opens because of cell_under_voltage", "discharge closes")
    return next(check.allowed_us for check in checks if check.expected == "discharge closes")


def test_a_pre_charge_has_its_time_only_on_a_board_that_the_file_is_not_about():
    usual_us = allowed_to_close_us(False, True)
    assert allowed_to_close_us(True, True) == usual_us + 2_700_000
    assert allowed_to_close_us(True, False) == allowed_to_close_us(False, False) == usual_us


def test_what_has_latched_closes_only_after_the_owner_has_reset_it():
    for reset, good in ((True, True), (False, False)):
        told = Told()
        told.pack(10, highest_mv=3600)
        told.pack(11, highest_mv=3900)
        told.switches(11.3, False, False)
        told.step(11.3, current_ma=0)
        told.says(11.31, "cell_over_voltage_severe")
        told.pack(20, highest_mv=3900)
        told.pack(21, highest_mv=3300)
        told.says(30)
        if reset:
            told.strikes(40, "owner_reset")
        told.switches(41.2, True, True)
        expect = ["both opens because of cell_over_voltage_severe", "both closes"]
        failures = told.failures(*expect)
        assert (failures == []) == good, failures


def test_a_limit_that_must_not_trip_has_to_be_nearly_reached():
    near = Told()
    near.pack(30, highest_mv=3640)
    assert near.failures("cell_over_voltage does not trip", "nothing opens") == []
    (failure,) = Told().failures("cell_over_voltage does not trip", "nothing opens")
    assert "not near enough to prove anything" in failure


def test_a_limit_that_must_not_trip_and_does_fails():
    told = over_voltage()
    failures = told.failures("cell_over_voltage does not trip", OPENS, CLOSES)
    assert len(failures) == 1 and "it tripped at" in failures[0]


def test_where_nothing_may_trip_a_warning_is_too_much():
    assert Told().failures("nothing trips") == []
    told = Told()
    told.pack(10, highest_mv=3620)
    told.says(12, "cell_over_voltage_warning")
    told.says(30)
    (failure,) = told.failures("nothing trips")
    assert "cell_over_voltage_warning at 12.000 s" in failure


def test_a_warning_needs_no_switch_but_has_its_time():
    for says_s, good in ((11.1, True), (14, False), (None, False)):
        told = Told()
        told.pack(9, highest_mv=3560)
        told.pack(10, highest_mv=3600)
        told.pack(10.5, highest_mv=3620)
        if says_s:
            told.says(says_s, "cell_over_voltage_warning")
        assert (told.failures("warns of cell_over_voltage_warning") == []) == good


def test_a_run_that_ended_early_proves_nothing():
    told = over_voltage()
    told.ends_by = "watchdog"
    (failure,) = told.failures(OPENS, CLOSES)
    assert failure == "the run lasts to its end: it ended early: watchdog"
