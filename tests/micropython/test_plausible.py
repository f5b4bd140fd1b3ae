"""What is believed and what is not, by script: every check finds its fault, and nothing else."""

from plausible_rig import CAPACITY_MAH, PlausibleRig

from host_tools.mock.seeded_random import SeededRandom
from vigil.sample import (
    DOUBT_APART,
    DOUBT_DIRECTION,
    DOUBT_JUMP,
    DOUBT_LEAD,
    DOUBT_LEAD_TEST,
    DOUBT_RAIL,
    DOUBT_RATE,
    DOUBT_SUM,
)

NONE = (0, 0, 0, 0)
REST_SCANS = 44  # word of the state of kernels.look


def cells_doubt(rig, ms):
    return rig.doubts_within(ms)[0][0]


# The sum of the cells and the stack.


def test_a_stack_that_is_not_the_sum_of_its_cells_is_in_doubt_and_so_are_the_cells():
    for error_mv in (-330, 330):
        rig = PlausibleRig()
        rig.stack_error_mv = error_mv
        seen, first_ms = rig.doubts_within(1200)
        assert seen[0] & DOUBT_SUM and seen[1] & DOUBT_SUM
        # Never by one scan of the stack alone.
        assert first_ms >= 2 * 189


def test_a_sum_within_half_a_percent_and_50_mv_is_believed():
    for error_mv in (-300, 300):
        rig = PlausibleRig()
        rig.stack_error_mv = error_mv
        assert rig.doubts_within(5000) == (NONE, -1)


def test_the_smallest_pack_has_the_tightest_sum():
    rig = PlausibleRig(cells=3)
    rig.stack_error_mv = 120
    assert rig.doubts_within(1200)[0][:2] == (DOUBT_SUM, DOUBT_SUM)


def test_one_odd_conversion_of_the_stack_is_no_doubt():
    rig = PlausibleRig()
    for _ in range(5):
        rig.stack_error_mv = 2000
        rig.run_ms(189)
        rig.stack_error_mv = 0
        assert rig.doubts_within(1000) == (NONE, -1)


def test_a_doubt_about_the_sum_ends_ten_seconds_after_the_last_reason():
    rig = PlausibleRig()
    rig.stack_error_mv = 1000
    rig.run_ms(1500)
    rig.stack_error_mv = 0
    rig.run_ms(9000)
    assert rig.doubts() == (DOUBT_SUM, DOUBT_SUM, 0, 0)
    rig.run_ms(1700)
    assert rig.doubts() == NONE


def test_current_steps_of_all_sizes_at_all_moments_raise_no_doubt():
    rig = PlausibleRig()
    for step in range(120):
        rig.current_ma = (0, 100000, -100000, 300000, -200000, 20000)[step * 7 % 6]
        assert rig.doubts_within(63 * (step % 17)) == (NONE, -1)


# Jumps.


def test_a_jump_that_the_stack_confirms_is_real():
    for jump_mv in (200, 420, -900, -3200):
        for moment in range(3):
            rig = PlausibleRig()
            rig.run_ms(63 * moment)
            rig.true_mv[4] += jump_mv
            assert rig.doubts_within(3000) == (NONE, -1), jump_mv


def test_a_jump_that_the_stack_does_not_confirm_is_in_doubt_within_600_ms():
    for jump_mv in (180, 250, -180, -900):
        for moment in range(3):
            rig = PlausibleRig()
            rig.run_ms(63 * moment)
            rig.shown[4] = jump_mv
            seen, first_ms = rig.doubts_within(600)
            assert seen[0] & DOUBT_JUMP, (jump_mv, moment)
            assert seen[0] & DOUBT_LEAD == 0
            assert first_ms >= 189


def test_an_unconfirmed_jump_stays_in_doubt_until_the_cell_is_back():
    rig = PlausibleRig()
    rig.shown[4] = 200
    rig.run_ms(60000)
    assert rig.doubts() == (DOUBT_JUMP, 0, 0, 0)
    rig.shown[4] = 0
    rig.run_ms(9000)
    assert rig.doubts() == (DOUBT_JUMP, 0, 0, 0)
    rig.run_ms(4000)
    assert rig.doubts() == NONE


def test_a_jump_at_any_moment_is_in_doubt_and_believed_ten_seconds_after_it_is_gone():
    for jump_mv in (-500, -160, 250):
        for moment in range(6):
            rig = PlausibleRig()
            rig.run_ms(63 * moment)
            rig.shown[6] = jump_mv
            rig.run_ms(8000)
            assert rig.doubts()[0] & DOUBT_JUMP, (jump_mv, moment)
            rig.shown[6] = 0
            rig.run_ms(10600)
            assert rig.doubts() == NONE, (jump_mv, moment)


def test_a_cell_that_jumps_there_and_back_is_in_doubt_at_once():
    rig = PlausibleRig()
    rig.shown[4] = -700
    rig.scan()
    rig.shown[4] = 0
    assert rig.scan()[0] == DOUBT_JUMP
    rig.run_ms(12000)
    assert rig.doubts() == NONE


def test_a_cell_that_the_simulator_moves_is_never_in_doubt():
    # 200 mV/s, as `cell N mv V` does, and back.
    for cell in (0, 7, 15):
        rig = PlausibleRig()
        for direction in (1, -1):
            for _ in range(90):
                rig.true_mv[cell] += direction * 13
                assert rig.scan() == NONE


def test_a_weak_cell_that_sags_in_a_current_step_has_not_jumped():
    rig = PlausibleRig()
    rig.current_ma = -100000
    rig.true_mv[5] -= 250
    assert rig.scan() == NONE
    assert rig.plausibility.stack._jump_scans == 0


def test_after_a_pause_in_the_data_nothing_has_jumped():
    rig = PlausibleRig()
    rig.now_ms = (rig.now_ms + 30000) & 0x3FFFFFFF
    rig.shown[3] = 200
    assert rig.doubts_within(3000) == (NONE, -1)


# Rails.


def test_a_cell_that_shows_nothing_or_full_scale_is_in_doubt():
    for shown_mv in (0, 50, 5000, 5999):
        rig = PlausibleRig()
        rig.true_mv[9] = shown_mv
        assert rig.scan()[0] & DOUBT_RAIL == 0
        assert rig.scan()[0] & DOUBT_RAIL
        rig.true_mv[9] = 3300
        assert cells_doubt(rig, 9500) & DOUBT_RAIL
        rig.run_ms(3000)
        assert rig.doubts()[0] & DOUBT_RAIL == 0


def test_a_nearly_empty_and_an_overfull_cell_are_believed():
    for cell_mv in (51, 500, 4999):
        rig = PlausibleRig()
        rig.true_mv[9] = cell_mv
        assert rig.doubts_within(2000) == (NONE, -1)


# Open sense leads.


def test_two_neighbours_that_mirror_each_other_show_an_open_lead():
    for upper in (1, 8, 15):
        for shift_mv in (120, -120, 375, 800):
            rig = PlausibleRig()
            rig.shown[upper - 1] = 0 - shift_mv
            rig.shown[upper] = shift_mv
            rig.scan()
            assert rig.scan()[0] & DOUBT_LEAD, (upper, shift_mv)


def test_a_lead_that_loses_hold_within_a_second_is_found():
    rig = PlausibleRig()
    for part in range(1, 17):
        rig.shown[6] = -10 * part
        rig.shown[7] = 10 * part
        rig.scan()
    assert rig.doubts()[0] == DOUBT_LEAD


def test_an_open_first_or_last_lead_shows_beside_the_stack():
    for cell in (0, 15):
        for shift_mv in (-120, -375, 200):
            rig = PlausibleRig()
            rig.shown[cell] = shift_mv
            assert cells_doubt(rig, 800) & DOUBT_LEAD, (cell, shift_mv)


def test_an_open_lead_stays_in_doubt_until_the_neighbours_are_as_before():
    for cells in ((6, 7), (15,)):
        rig = PlausibleRig()
        for cell in cells:
            rig.shown[cell] = 300 if cell == 7 else -300
        rig.run_ms(40000)
        assert rig.doubts()[0] & DOUBT_LEAD
        rig.shown = {}
        rig.run_ms(9000)
        assert rig.doubts()[0] & DOUBT_LEAD
        rig.run_ms(4000)
        assert rig.doubts() == NONE


def test_a_second_open_lead_does_not_hide_behind_the_first():
    rig = PlausibleRig()
    rig.shown = {2: -300, 3: 300}
    rig.run_ms(5000)
    rig.shown = {2: -300, 3: 300, 9: -200, 10: 200}
    rig.run_ms(5000)
    rig.shown = {9: -200, 10: 200}
    rig.run_ms(20000)
    assert rig.doubts()[0] & DOUBT_LEAD


def test_cells_that_really_move_apart_but_unlike_are_no_open_lead():
    rig = PlausibleRig()
    for _ in range(20):
        rig.true_mv[4] += 20
        rig.true_mv[5] -= 9
        assert rig.scan() == NONE


def test_a_cell_that_has_moved_and_stays_is_measured_from_where_it_stays():
    rig = PlausibleRig()
    rig.after_scan = lambda: moving(rig, 4, -12)
    assert rig.doubts_within(1600) == (NONE, -1)
    rig.after_scan = None
    assert rig.doubts_within(5000) == (NONE, -1)
    rig.after_scan = lambda: moving(rig, 5, 12)
    assert rig.doubts_within(1600) == (NONE, -1)


def moving(rig, cell, step_mv):
    rig.true_mv[cell] += step_mv


def test_a_cell_that_moves_while_the_current_swings_is_no_open_lead():
    for seed in range(24):
        random = SeededRandom(seed)
        rig = PlausibleRig(cells=3 + seed % 14)
        cell = (0, rig.sample.cell_count - 1, random.below(rig.sample.cell_count))[seed % 3]
        step_mv = (-12, 12)[random.below(2)]
        for _ in range(10):
            rig.current_ma = (-100000, -10000, 0, 20000, 60000)[random.below(5)]
            for _ in range(1 + random.below(8)):
                rig.true_mv[cell] += step_mv
                assert rig.scan() == NONE, (seed, cell)


def test_a_step_in_the_middle_of_a_scan_is_no_open_lead():
    # Half of the cells are converted before a step of 250 mV, half after it.
    for scans in range(13):
        rig = PlausibleRig()
        rig.run_ms(63 * scans)
        for cell in range(8):
            rig.shown[cell] = 250
        rig.true_mv = [2950] * 16
        rig.current_ma = 250000
        rig.scan()
        rig.shown = {}
        assert rig.doubts_within(3000) == (NONE, -1)


def test_what_the_front_ends_own_test_finds_is_a_doubt():
    rig = PlausibleRig()
    rig.front_end.open_lead_seen = True
    assert rig.scan()[0] == DOUBT_LEAD_TEST
    rig.front_end.open_lead_seen = False
    rig.run_ms(9000)
    assert rig.doubts()[0] == DOUBT_LEAD_TEST
    rig.run_ms(2000)
    assert rig.doubts() == NONE


# Temperatures.


def test_a_temperature_that_moves_faster_than_5_kelvin_a_second_is_in_doubt():
    for rate_dk in (13, -13):  # a scan of 189 ms
        rig = PlausibleRig()
        seen = 0
        for _ in range(12):
            rig.temps_dc[1] += rate_dk
            seen |= rig.doubts_within(2 * 63)[0][2]
        assert seen == DOUBT_RATE


def test_a_sensor_that_comes_loose_is_in_doubt_for_a_minute():
    rig = PlausibleRig()
    rig.temps_dc[2] = -300
    assert rig.doubts_within(600)[0] == (0, 0, DOUBT_RATE, 0)
    rig.run_ms(55000)
    assert rig.doubts() == (0, 0, DOUBT_RATE, 0)
    rig.run_ms(7000)
    assert rig.doubts() == NONE


def test_a_sensor_that_the_simulator_moves_is_never_in_doubt():
    rig = PlausibleRig()
    for step in range(100):
        rig.temps_dc[0] += (4, 4, 3)[step % 3] if step < 50 else -4
        assert rig.doubts_within(2 * 63) == (NONE, -1)


def test_a_sensor_that_has_warmed_while_nothing_could_be_read_is_not_in_doubt():
    for pause_ms in (1500, 4000, 11800, 59000):
        rig = PlausibleRig()
        rig.run_ms(2000)
        rig.now_ms += pause_ms
        # 4 K/s; it goes on and comes back.
        rig.temps_dc[1] += pause_ms * 4 // 100
        assert rig.doubts_within(600) == (NONE, -1)
        rig.temps_dc[1] += 5
        assert rig.doubts_within(3000) == (NONE, -1)


def test_a_sensor_that_has_jumped_while_nothing_could_be_read_for_a_moment_is_in_doubt():
    rig = PlausibleRig()
    rig.run_ms(2000)
    rig.now_ms += 1500
    rig.temps_dc[1] += 250
    assert rig.doubts_within(600)[0] == (0, 0, DOUBT_RATE, 0)


def test_one_odd_conversion_of_a_temperature_is_no_doubt():
    rig = PlausibleRig()
    rig.temps_dc[0] = 800
    rig.run_ms(126)
    rig.temps_dc[0] = 250
    assert rig.doubts_within(3000) == (NONE, -1)


def test_sensors_15_kelvin_apart_are_in_doubt_after_two_hours_of_rest_and_no_sooner():
    rig = PlausibleRig()
    for _ in range(125):
        rig.temps_dc[0] += 2
        rig.run_ms(126)
    rig.plausibility.state[REST_SCANS] = 300  # instead of two hours
    rig.current_ma = -20000
    assert rig.doubts_within(40000) == (NONE, -1)
    rig.current_ma = 5000
    assert rig.doubts_within(50000) == (NONE, -1)
    assert rig.doubts_within(20000)[0] == (0, 0, DOUBT_APART, 0)


def test_the_rest_before_sensors_are_compared_is_two_hours():
    rest_ms = 189 * PlausibleRig(settle=False).plausibility.state[REST_SCANS]
    assert 7200000 <= rest_ms < 7201000


def test_sensors_14_kelvin_apart_at_rest_are_believed():
    rig = PlausibleRig()
    rig.temps_dc[0] = 390
    rig.run_ms(70000)
    rig.plausibility.state[REST_SCANS] = 10
    assert rig.doubts_within(30000) == (NONE, -1)


# Current.


def drive(rig, shown_current, steps=8, depth_ma=CAPACITY_MAH):
    """Steps of the load with time to settle; the doubts and after how many steps they came."""
    rig.shown_current = shown_current
    for step in range(steps):
        rig.current_ma = 0 if step % 2 else 0 - depth_ma
        rig.run_ms(1000)
        if rig.doubts() != NONE:
            return rig.doubts(), step + 1
    return NONE, 0


def test_an_inverted_current_sensor_is_in_doubt_after_three_steps():
    for depth_ma in (30000, 100000, -50000):
        assert drive(PlausibleRig(), lambda ma: 0 - ma, depth_ma=depth_ma) == (
            (0, 0, 0, DOUBT_DIRECTION),
            3,
        )


def test_an_inverted_sensor_is_found_by_a_chip_whose_groups_of_cells_take_turns():
    for late in (5, 8, 10):
        rig = PlausibleRig()
        rig.late_cells = late
        assert drive(rig, lambda ma: 0 - ma) == ((0, 0, 0, DOUBT_DIRECTION), 3)
        rig = PlausibleRig()
        rig.late_cells = late
        assert drive(rig, None) == (NONE, 0)


def test_a_stuck_current_sensor_is_in_doubt_after_three_steps():
    for stuck in (lambda ma: 0, lambda ma: 5000, lambda ma: -10000):
        rig = PlausibleRig()
        rig.shown_current = stuck
        rig.run_ms(1000)
        assert drive(rig, stuck) == ((0, 0, 0, DOUBT_DIRECTION), 3)


def test_a_current_that_no_cell_notices_is_in_doubt_after_three_steps():
    rig = PlausibleRig()
    for step in range(3):
        assert rig.doubts() == NONE
        rig.shown_current = (lambda ma: 60000) if step % 2 == 0 else (lambda ma: 0)
        rig.run_ms(1000)
    assert rig.doubts() == (0, 0, 0, DOUBT_DIRECTION)


def test_a_true_current_is_believed_whatever_its_steps():
    for depth_ma in (10000, 25000, 100000, 300000, -100000):
        assert drive(PlausibleRig(), None, 12, depth_ma) == (NONE, 0)


def test_a_sensor_that_is_right_in_between_needs_three_more_wrong_steps():
    rig = PlausibleRig()
    assert drive(rig, lambda ma: 0 - ma, 2) == (NONE, 0)
    assert drive(rig, None, 2) == (NONE, 0)
    assert drive(rig, lambda ma: 0 - ma, 2) == (NONE, 0)
    assert drive(rig, lambda ma: 0 - ma, 2) == ((0, 0, 0, DOUBT_DIRECTION), 1)


def test_after_the_doubt_about_the_current_one_more_wrong_step_is_enough():
    rig = PlausibleRig()
    drive(rig, lambda ma: 0 - ma)
    rig.current_ma = 0
    rig.run_ms(62000)
    assert rig.doubts() == NONE
    assert drive(rig, lambda ma: 0 - ma) == ((0, 0, 0, DOUBT_DIRECTION), 1)


def test_at_the_knees_cells_move_without_a_step_and_the_current_is_believed():
    rig = PlausibleRig()
    rig.current_ma = 50000
    for scan in range(400):
        # 40 mV/s, ten times as steep as any knee at half the capacity an hour.
        rig.true_mv = [3300 + scan * 5 // 2] * 16
        assert rig.scan() == NONE


# Unknown values, spreads, the bus.


def test_unknown_cells_raise_no_doubt_and_hide_none():
    rig = PlausibleRig()
    rig.shown[3] = "unknown"
    assert rig.doubts_within(3000) == (NONE, -1)
    rig.shown[3] = 0
    assert rig.doubts_within(3000) == (NONE, -1)
    rig.stack_error_mv = 1000
    rig.run_ms(1500)
    assert rig.doubts()[:2] == (DOUBT_SUM, DOUBT_SUM)
    # Nobody can say now that it is well again.
    rig.stack_error_mv = 0
    rig.shown[3] = "unknown"
    rig.run_ms(60000)
    assert rig.doubts()[:2] == (DOUBT_SUM, DOUBT_SUM)
    rig.shown[7] = -3290
    assert cells_doubt(rig, 200) & DOUBT_RAIL


def test_unknown_cells_do_not_hide_an_open_lead_elsewhere():
    rig = PlausibleRig()
    rig.shown = {3: "unknown", 8: -300, 9: 300}
    rig.scan()
    assert rig.scan()[0] & DOUBT_LEAD


def test_unknown_temperatures_raise_no_doubt_and_hide_none():
    rig = PlausibleRig()
    rig.unknown_temp(0)
    assert rig.doubts_within(3000) == (NONE, -1)
    rig.temps_dc[2] = 600
    assert rig.doubts_within(600)[0][2] == DOUBT_RATE
    rig.temps_dc[0] = 255
    rig.run_ms(70000)
    assert rig.doubts() == NONE


def test_spreads_are_those_of_the_known_values():
    rig = PlausibleRig()
    rig.true_mv[3] = 3340
    rig.true_mv[4] = 3280
    rig.true_mv[5] = 0
    rig.shown[5] = "unknown"
    rig.temps_dc[1] = 255
    rig.temps_dc[2] = 248
    rig.run_ms(200)
    assert rig.cell_spread_mv() == 60
    assert rig.temp_spread_dk() == 7


def test_failed_reads_among_the_last_hundred_are_counted():
    rig = PlausibleRig()
    note = rig.plausibility.note_read
    for turn in range(250):
        note(1 if turn % 4 == 0 else 0)
    assert rig.bus_failures() == 25
    for _ in range(99):
        note(0)
    assert rig.bus_failures() in (0, 1)
    note(0)
    assert rig.bus_failures() == 0


def test_doubts_of_different_kinds_come_and_go_without_each_other():
    rig = PlausibleRig()
    rig.temps_dc[0] = 700
    rig.shown = {8: -300, 9: 300}
    rig.run_ms(1500)
    rig.stack_error_mv = 1000
    rig.run_ms(1500)
    assert rig.doubts() == (DOUBT_SUM | DOUBT_LEAD, DOUBT_SUM, DOUBT_RATE, 0)
    rig.stack_error_mv = 0
    rig.run_ms(20000)
    assert rig.doubts() == (DOUBT_LEAD, 0, DOUBT_RATE, 0)
    rig.shown = {}
    rig.run_ms(20000)
    assert rig.doubts() == (0, 0, DOUBT_RATE, 0)
    rig.run_ms(40000)
    assert rig.doubts() == NONE


def test_groups_that_stand_still_are_not_looked_at_twice():
    rig = PlausibleRig()
    rig.shown[4] = 10
    rig.run_ms(63)
    before = list(rig.plausibility.state)
    rig.sample.values[4] = 0
    for _ in range(50):
        rig.plausibility.look(rig.now_ms)
    assert list(rig.plausibility.state) == before
    assert rig.doubts() == NONE
