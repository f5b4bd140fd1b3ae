"""The firmware on a simulated board with a BQ769x0: the driver and the chip's model together."""

from desk import Desk, machine_ms

from vigil import limits

PARTS = (("BQ76920", 3, 5, 1), ("BQ76930", 6, 10, 2), ("BQ76940", 9, 15, 3))
START_MS = 12000


class SlowDesk(Desk):
    """Both switches on. offset_mv, gain_uv: of this very chip."""

    BOARD = "sim15_bq76940"

    def __init__(self, offset_mv=None, gain_uv=None, on=True, **options):
        super().__init__(settle=False, **options)
        inputs = self.chip.inputs
        if offset_mv is not None:
            inputs.offset_mv = offset_mv
        if gain_uv is not None:
            inputs.gain_uv = gain_uv
        self.chip.reset()
        self.sample = self.bms.sample
        if on:
            self.run_until(self.both_on, START_MS)

    def cells_mv(self):
        first = self.sample.cells_at
        return list(self.sample.values[first : first + self.sample.cell_count])

    def without_controller(self, seconds):
        """It hangs, and what should start it anew hangs with it."""
        for _ in range(seconds):
            self.bms.board.watchdog.feed()
            self.clock.advance(1000000)

    def well_behaved(self):
        """The driver has asked for nothing that a host should never ask for."""
        return self.chip.forbidden_writes == 0 and self.chip.balancing.wrong_requests == 0


def test_every_number_of_cells_is_measured_whatever_the_chips_own_offset():
    for chip, least, most, temps in PARTS:
        for cells in range(least, most + 1):
            for offset_mv, gain_uv in ((48, 377), (-40, 396), (0, 365)):
                desk = SlowDesk(
                    offset_mv, gain_uv, CHIP=chip, CELLS=cells, TEMPS=temps, current_ma=-3000
                )
                desk.run_ms(3000)
                assert desk.tripped() == [], (chip, cells, offset_mv, desk.tripped())
                for cell, mv in enumerate(desk.cells_mv()):
                    assert abs(mv - desk.bench.cell_mv[cell]) <= 2, (chip, cells, offset_mv, cell)
                stack_mv = desk.sample.values[desk.sample.stack_at]
                # Each input and the sum lose less than a step.
                assert abs(stack_mv - desk.bench.stack_mv) < 12, (chip, cells, offset_mv)
                assert abs(desk.sample.values[desk.sample.current_at] + 3000) < 20
                assert desk.well_behaved()


def test_part_without_check_codes():
    desk = SlowDesk(CHECK_CODES=False, current_ma=3000)
    desk.run_ms(10000)
    assert desk.tripped() == [] and desk.both_on()
    assert abs(desk.sample.values[desk.sample.current_at] - 3000) < 20


def test_temperatures_of_cells_and_die():
    desk = SlowDesk()
    for n, dc in ((1, 50), (2, 350), (3, 200)):
        desk.bench.set_temp_dc(n, dc)
    desk.bench.set_board_dc(0, 550)
    desk.run_ms(30000)
    values = desk.sample.values
    temps = values[desk.sample.temps_at : desk.sample.temps_at + 3]
    for measured, true in zip(temps, (50, 350, 200)):
        assert abs(measured - true) <= 3, list(temps)
    assert abs(values[desk.sample.board_at] - 550) <= 2


def test_high_cell_opens_the_charge_switch_and_the_discharge_switch_stays():
    desk = SlowDesk(current_ma=2000)
    desk.bench.set_cell_mv(15, 3800)
    desk.run_until(lambda: not desk.bench.true_charge, 10000)
    assert limits.CELL_OVER_VOLTAGE in desk.tripped()
    assert desk.bench.true_discharge


def test_chip_alone_opens_when_the_controller_has_stopped():
    for mv, charge, discharge in ((4000, False, True), (2300, True, False)):
        desk = SlowDesk()
        desk.bench.set_cell_mv(8, mv)
        desk.without_controller(20)
        assert (desk.bench.true_charge, desk.bench.true_discharge) == (charge, discharge)


def test_over_current_of_the_chip_alone_waits_for_the_load_to_go():
    desk = SlowDesk()
    desk.bench.offer(-33000)
    # Far less than a cycle later than the chip's own delay.
    desk.clock.advance(1400000)
    assert not desk.bench.true_discharge
    desk.run_ms(20000)
    assert desk.both_off()
    desk.bench.offer(0)
    desk.run_until(desk.both_on, 120000)
    assert desk.well_behaved()


def test_short_circuit_is_gone_within_a_millisecond_and_forgiven_when_it_is_removed():
    desk = SlowDesk()
    desk.bench.set_short()
    desk.clock.advance(1000)
    assert not desk.bench.true_discharge
    desk.run_ms(20000)
    assert desk.both_off() and limits.SHORT_CIRCUIT_SEEN in desk.tripped()
    desk.bench.clear()
    desk.run_until(desk.both_on, 120000)


def test_silent_disturbed_or_standing_chip_opens_both_switches_until_it_is_well():
    for fault, most_ms in (("answering", 4000), ("corrupt_checks", 4000), ("frozen", 4000)):
        desk = SlowDesk()
        setattr(desk.chip, fault, fault != "answering")
        desk.run_until(desk.both_off, most_ms)
        setattr(desk.chip, fault, fault == "answering")
        desk.run_until(desk.both_on, 60000)


def test_reset_chip_is_configured_again():
    desk = SlowDesk()
    bring_ups = desk.bms.bring_ups
    desk.chip.reset()
    assert desk.both_off()
    desk.run_ms(1000)
    desk.run_until(desk.both_on, 60000)
    assert desk.bms.bring_ups == bring_ups + 1


def test_chip_that_has_fallen_asleep_is_woken():
    desk = SlowDesk()
    desk.chip.brown_out()
    desk.run_ms(1000)
    desk.run_until(desk.both_on, 60000)


def test_lost_link_is_nursed_and_everything_set_up_anew():
    desk = SlowDesk()
    desk.chip.lose_link()
    assert desk.both_off()
    desk.run_ms(20000)
    assert desk.both_off()
    desk.chip.restore_link()
    desk.run_until(desk.both_on, 60000)
    assert desk.bms.front_end.link_losses >= 1


def test_same_whichever_way_the_sheet_leaves_it_open():
    for accepts in (False, True):
        for at_once in (False, True):
            desk = SlowDesk(current_ma=2000)
            desk.chip.fets_on_despite_fault = accepts
            desk.chip.trips_again_at_once = at_once
            desk.bench.set_cell_mv(3, 3700)
            desk.without_controller(15)
            assert not desk.bench.true_charge
            for _ in range(300):
                desk.run_ms(100)
                assert not desk.bench.true_charge
            desk.bench.clear()
            desk.run_until(desk.both_on, 120000)


def test_changed_threshold_is_noticed_by_verification():
    desk = SlowDesk()
    desk.chip.flip_a_setting()
    desk.run_until(lambda: desk.bms.backstop_watch.differences >= 1, 120000)


def test_balancing_never_asks_for_neighbours_and_levels_the_cells():
    desk = SlowDesk(soc_pct=97, current_ma=1000)
    bench = desk.bench
    for cell in (2, 3, 9):
        bench.set_cell_mv(cell + 1, 3480)
    desk.run_ms(120000)
    assert desk.well_behaved()
    bled = [mas > 0 for mas in bench.bled_mas]
    assert any(bled)


def test_direct_line_opens_both_switches_whatever_the_chip_says():
    desk = SlowDesk(current_ma=-2000)
    chip = desk.chip
    desk.bms.front_end.all_off()
    assert desk.both_off()
    # Only the line holds them.
    assert chip.regs[5] & 3 == 3


def test_cycle_holds_its_pace():
    desk = SlowDesk(current_ma=-5000)
    desk.run_ms(60000)
    assert desk.bms.executive.overruns == 0
    assert desk.bms.executive.period_us == 250000
    assert machine_ms() > 60000
