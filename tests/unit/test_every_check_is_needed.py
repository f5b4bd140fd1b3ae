"""Each plausibility check and each sign of a runaway, turned off alone, makes its test fail."""

import pytest
import test_early_warning
import test_plausible

from host_tools.mutants import catalog
from vigil.early_warning import EarlyWarning
from vigil.plausible import Plausibility
from vigil.plausible_cells import CellChecks
from vigil.plausible_current import CurrentCheck
from vigil.plausible_stack import StackChecks
from vigil.plausible_temps import TempChecks

CHECKS = [
    (CellChecks, "_stays_at_rail", "a_cell_that_shows_nothing_or_full_scale_is_in_doubt"),
    (CellChecks, "_lead_is_open", "two_neighbours_that_mirror_each_other_show_an_open_lead"),
    (CellChecks, "_test_has_failed", "what_the_front_ends_own_test_finds_is_a_doubt"),
    (
        StackChecks,
        "_sum_is_off",
        "a_stack_that_is_not_the_sum_of_its_cells_is_in_doubt_and_so_are_the_cells",
    ),
    (
        StackChecks,
        "_jump_is_unconfirmed",
        "a_jump_that_the_stack_does_not_confirm_is_in_doubt_within_600_ms",
    ),
    (
        StackChecks,
        "_stack_is_elsewhere",
        "an_unconfirmed_jump_stays_in_doubt_until_the_cell_is_back",
    ),
    (StackChecks, "_jumps_again", "a_cell_that_jumps_there_and_back_is_in_doubt_at_once"),
    (StackChecks, "_end_is_open", "an_open_first_or_last_lead_shows_beside_the_stack"),
    (
        TempChecks,
        "_is_impossible",
        "a_temperature_that_moves_faster_than_5_kelvin_a_second_is_in_doubt",
    ),
    (
        TempChecks,
        "_are_apart_at_rest",
        "sensors_15_kelvin_apart_are_in_doubt_after_two_hours_of_rest_and_no_sooner",
    ),
    (CurrentCheck, "_is_inverted", "an_inverted_current_sensor_is_in_doubt_after_three_steps"),
    (CurrentCheck, "_is_stuck", "a_stuck_current_sensor_is_in_doubt_after_three_steps"),
    (CurrentCheck, "_is_invented", "a_current_that_no_cell_notices_is_in_doubt_after_three_steps"),
    (Plausibility, "note_read", "failed_reads_among_the_last_hundred_are_counted"),
    (EarlyWarning, "_warms_at_rest", "a_sensor_that_warms_for_minutes_at_rest_is_a_sign"),
    (EarlyWarning, "_shows_hot_spot", "a_hot_spot_is_a_sign_at_rest_and_under_load"),
    (EarlyWarning, "_races", "a_cell_that_races_away_above_the_limit_is_an_emergency"),
    (EarlyWarning, "_a_cell_has_fallen", "a_cell_that_falls_at_rest_is_a_sign"),
    (EarlyWarning, "_gas_is_seen", "gas_is_a_sign_after_three_seconds"),
]


@pytest.mark.parametrize("owner, check, test", CHECKS, ids=[check for _, check, _ in CHECKS])
def test_without_a_check_its_test_fails(monkeypatch, owner, check, test):
    module = test_early_warning if owner is EarlyWarning else test_plausible
    run = getattr(module, "test_" + test)
    run()
    monkeypatch.setattr(owner, check, lambda *arguments: False)
    with pytest.raises(AssertionError):
        run()


def test_the_mutations_break_every_one_of_these_checks():
    broken = {mutation.name for mutation in catalog.mutations()}
    assert {check.strip("_") + " finds nothing" for _, check, _ in CHECKS} <= broken
