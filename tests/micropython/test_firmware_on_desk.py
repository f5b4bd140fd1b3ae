"""The whole firmware with the real driver on the simulated chip: what happens, and when exactly.

Switch states are those of the simulated hardware, times those of the virtual clock.
"""

from desk import Desk

from vigil import limits
from vigil.switches import OFF

# Minutes of simulated time.
LONG_ON_CPYTHON = (
    "test_a_bus_that_comes_back_is_used_again_and_the_switches_close",
    "test_balancing_stops_bleeding_when_a_fault_comes",
)

CELLS_PERIOD_MS = 63
SCAN_PERIOD_MS = 189


def watch_switches(desk):
    """Times in us at which the hardware's switches changed: [(us, charge, discharge)]."""
    seen = []

    def look():
        now = (desk.bench.true_charge, desk.bench.true_discharge)
        if not seen or seen[-1][1:] != now:
            seen.append((desk.clock.now_us,) + now)

    desk.bench.listeners.append(look)
    look()
    return seen


def test_switches_are_on_within_five_seconds_of_start():
    desk = Desk(settle=False)
    assert desk.both_off()
    assert desk.run_until(desk.both_on, 5000) > 100
    desk.run_ms(3000)
    assert desk.tripped() == []
    assert desk.bms.executive.overruns == 0


def test_measured_values_are_those_of_the_cells():
    desk = Desk(current_ma=-30000)
    desk.run_ms(2000)
    sample = desk.bms.sample
    desk.bench.update()
    for cell in range(16):
        assert abs(sample.values[cell] - desk.bench.cell_mv[cell]) <= 3
    assert abs(sample.values[sample.current_at] + 30000) <= 150
    assert abs(sample.values[sample.stack_at] - desk.bench.stack_mv) <= 30
    for sensor in range(3):
        temp_dc = sample.values[sample.temps_at + sensor]
        assert abs(temp_dc - desk.bench.temps_c[sensor] * 10) <= 2


def test_over_voltage_opens_charge_after_its_delay_and_not_earlier():
    desk = Desk(current_ma=20000)
    seen = watch_switches(desk)
    desk.bench.set_cell_mv(5, 3720)
    desk.run_until(lambda: desk.bench.cell_mv[4] > 3650, 10000)
    crossed_ms = desk.clock.now_us / 1000
    desk.run_until(lambda: not desk.bench.true_charge, 5000)
    opened_ms = seen[-1][0] / 1000
    # The cell crossed at most one cycle before it was looked at above.
    assert 1000 - 50 <= opened_ms - crossed_ms <= 1000 + 3 * CELLS_PERIOD_MS
    assert desk.bench.true_discharge
    assert limits.CELL_OVER_VOLTAGE in desk.tripped()
    # The software was first: the chip's own limit is wider and slower.
    assert limits.FRONT_END_CHARGE_TRIP not in desk.tripped()


def test_under_voltage_opens_discharge_after_its_delay_and_not_earlier():
    desk = Desk(current_ma=-20000)
    seen = watch_switches(desk)
    desk.bench.set_cell_mv(1, 2400)
    desk.run_until(lambda: desk.bench.cell_mv[0] < 2500, 10000)
    crossed_ms = desk.clock.now_us / 1000
    desk.run_until(lambda: not desk.bench.true_discharge, 5000)
    opened_ms = seen[-1][0] / 1000
    assert 2000 - 50 <= opened_ms - crossed_ms <= 2000 + 3 * CELLS_PERIOD_MS
    assert desk.bench.true_charge
    assert limits.CELL_UNDER_VOLTAGE in desk.tripped()


def opening_time_ms(fail, phase_ms):
    """From the failure to both switches open in hardware."""
    desk = Desk(current_ma=-10000)
    desk.run_ms(500 + phase_ms)
    # Let the failure strike anywhere in the cycle, not only at its end.
    failed_us = []

    def strike():
        failed_us.append(desk.clock.now_us)
        fail(desk.chip)

    desk.clock.call_at(desk.clock.now_us + phase_ms * 1000 + 300, strike)
    seen = watch_switches(desk)
    desk.run_until(desk.both_off, 1000)
    return (seen[-1][0] - failed_us[0]) / 1000


def freeze(chip):
    chip.frozen = True


def go_silent(chip):
    chip.answering = False


def spoil_checks(chip):
    chip.corrupt_checks = True


def test_frozen_scans_open_both_switches_within_three_periods():
    for phase_ms in (0, 11, 23, 37, 49, 58):
        assert opening_time_ms(freeze, phase_ms) <= 3 * CELLS_PERIOD_MS


def test_a_dead_bus_opens_both_switches_within_three_periods():
    for phase_ms in (0, 13, 29, 41, 55):
        assert opening_time_ms(go_silent, phase_ms) <= 3 * CELLS_PERIOD_MS


def test_spoiled_transfers_open_both_switches_within_three_periods():
    for phase_ms in (0, 17, 33):
        assert opening_time_ms(spoil_checks, phase_ms) <= 3 * CELLS_PERIOD_MS


def test_a_dead_bus_is_called_silent_and_frozen_scans_are_not():
    for fail, silent in ((go_silent, True), (spoil_checks, True), (freeze, False)):
        desk = Desk(current_ma=-10000)
        fail(desk.chip)
        desk.run_ms(300)
        assert limits.CELLS_STALE in desk.tripped()
        assert (limits.FRONT_END_SILENT in desk.tripped()) == silent


def test_a_bus_that_comes_back_is_used_again_and_the_switches_close():
    desk = Desk(current_ma=-10000)
    # The same failure again and again keeps them open for longer each time.
    for fail, at_most_ms in ((go_silent, 3000), (freeze, 7000), (spoil_checks, 22000)):
        fail(desk.chip)
        desk.run_until(desk.both_off, 1000)
        desk.run_ms(3000)
        desk.chip.answering = True
        desk.chip.frozen = False
        desk.chip.corrupt_checks = False
        desk.run_until(desk.both_on, at_most_ms)
        desk.run_ms(2000)
        # What remains is the warning that many reads have failed lately.
        assert desk.tripped() in ([], [limits.BUS_DISTURBED])


def test_a_chip_that_lost_its_configuration_is_configured_and_on_again():
    desk = Desk(current_ma=-10000)
    before = desk.bms.bring_ups
    desk.chip.reset()
    assert desk.both_off()
    desk.run_ms(200)
    assert limits.FRONT_END_FAULT in desk.tripped()
    desk.run_until(desk.both_on, 6000)
    desk.run_ms(2000)
    assert desk.bms.bring_ups > before
    assert desk.tripped() == []
    assert desk.bms.executive.overruns == 0


def test_a_chip_that_does_not_answer_at_start_is_tried_until_it_does():
    desk = Desk(settle=False)
    desk.chip.answering = False
    desk.run_ms(4000)
    assert desk.both_off()
    assert list(desk.bms.switches.state) == [OFF, OFF]
    assert desk.bms.switches.reason[0] != 0
    assert desk.bms.bring_ups >= 4
    desk.chip.answering = True
    desk.run_until(desk.both_on, 5000)


def test_a_bus_that_is_disturbed_for_a_moment_opens_nothing():
    desk = Desk(current_ma=-10000)
    seen = watch_switches(desk)
    errors = desk.bms.read_errors
    for moment_us in (400, 3000, 9000):
        # The chip's scans and the cycle drift against each other meanwhile.
        for phase_us in range(0, 189000, 1900):
            at_us = desk.clock.now_us + phase_us
            desk.clock.call_at(at_us, lambda: go_silent(desk.chip))
            desk.clock.call_at(at_us + moment_us, lambda: answer(desk.chip))
            desk.run_ms(300)
    assert desk.bms.read_errors > errors
    assert len(seen) == 1
    assert desk.tripped() == []


def answer(chip):
    chip.answering = True


def test_torn_reads_open_nothing_and_reach_nobody():
    desk = Desk(current_ma=-10000)
    highest = 0
    for _ in range(40):
        desk.chip.tear_next_reads(1)
        desk.run_ms(200)
        highest = max(highest, max(desk.bms.sample.values[:16]))
        assert min(desk.bms.sample.values[:16]) > 3000
    assert highest < 3600
    assert desk.tripped() == []
    assert desk.both_on()


def test_the_chip_protects_by_itself_when_the_controller_hangs():
    desk = Desk(current_ma=20000)
    desk.bench.set_cell_mv(5, 3800)
    # Nobody runs the firmware any more; the watchdog is another matter.
    desk.bms.board.watchdog.timeout_stopped = True
    import machine

    machine.on_watchdog = lambda: None
    desk.clock.advance(4500000)
    assert not desk.bench.true_charge
    assert desk.bench.true_discharge
    # The chip notices the silence too.
    desk.clock.advance(2000000)
    assert not desk.bench.true_discharge


def test_a_short_circuit_is_cut_by_the_chip_at_once_and_seen_by_the_software():
    desk = Desk(current_ma=-10000)
    seen = watch_switches(desk)
    begun_us = desk.clock.now_us
    desk.bench.set_short()
    desk.run_until(lambda: not desk.bench.true_discharge, 500)
    assert seen[-1][0] - begun_us <= 1000
    desk.run_ms(200)
    assert limits.FRONT_END_DISCHARGE_TRIP in desk.tripped()


def test_start_works_across_the_wrap_of_the_ticks():
    for start_us in ((1 << 30) - 700000, (1 << 30) * 1000 - 900000):
        desk = Desk(start_us=start_us)
        desk.run_ms(3000)
        assert desk.tripped() == []
        assert desk.both_on()


def test_balancing_bleeds_the_high_cell_in_the_hardware():
    desk = Desk(current_ma=1000)
    desk.bench.set_cell_mv(7, 3450)
    desk.run_ms(20000)
    assert desk.bench.bled_mas[6] > 0
    assert sum(desk.bench.bled_mas) == desk.bench.bled_mas[6]


def test_balancing_stops_bleeding_when_a_fault_comes():
    for strike in (
        lambda bench: bench.set_temp_dc(1, 700),
        lambda bench: bench.set_cell_mv(2, 2400),
    ):
        desk = Desk(current_ma=1000)
        desk.bench.set_cell_mv(7, 3450)
        desk.run_until(lambda desk=desk: desk.bms.balancer.active, 20000)
        desk.run_ms(2000)
        strike(desk.bench)
        desk.run_ms(40000)
        bled = desk.bench.bled_mas[6]
        assert bled > 0
        desk.run_ms(15000)
        assert desk.bench.bled_mas[6] == bled


def test_a_cell_that_is_too_high_to_charge_goes_on_being_bled():
    desk = Desk(current_ma=1000)
    desk.bench.set_cell_mv(7, 3700)
    desk.run_until(lambda: not desk.bench.true_charge, 20000)
    desk.run_ms(5000)
    bled = desk.bench.bled_mas[6]
    desk.run_ms(30000)
    assert desk.bench.bled_mas[6] > bled
