"""An ISL94202 that fails under the firmware, and what its sheet leaves open, both ways."""

from desk import Desk

from vigil import limits

START_MS = 12000

LONG_ON_CPYTHON = (
    "test_balancing_drains_high_cells_and_never_neighbours",
    "test_short_circuit_is_gone_within_a_millisecond_and_forgiven_when_it_is_removed",
    "test_temperatures_of_cells_and_die",
)


class IslDesk(Desk):
    """Both switches on."""

    BOARD = "sim8_isl94202"

    def __init__(self, **options):
        super().__init__(settle=False, **options)
        self.sample = self.bms.sample
        self.run_until(self.both_on, START_MS)

    def switches(self):
        return self.bench.true_charge, self.bench.true_discharge

    def without_controller(self, seconds):
        """It hangs, and what should start it anew hangs with it."""
        for _ in range(seconds):
            self.bms.board.watchdog.feed()
            self.clock.advance(1000000)

    def well_behaved(self):
        """The driver has asked for nothing that a host should never ask for."""
        return self.chip.forbidden_writes == 0 and self.chip.balancing.wrong_requests == 0


def test_temperatures_of_cells_and_die():
    desk = IslDesk()
    for n, dc in ((1, 20), (2, 350)):
        desk.bench.set_temp_dc(n, dc)
    desk.bench.set_board_dc(0, 550)
    desk.run_ms(20000)
    values = desk.sample.values
    temps = values[desk.sample.temps_at : desk.sample.temps_at + 2]
    for measured, true in zip(temps, (20, 350)):
        assert abs(measured - true) <= 5, list(temps)
    assert abs(values[desk.sample.board_at] - 550) <= 5


def test_high_cell_opens_the_charge_switch_and_low_cell_the_other():
    cases = ((3680, limits.CELL_OVER_VOLTAGE, (False, True)),)
    cases += ((2450, limits.CELL_UNDER_VOLTAGE, (True, False)),)
    for mv, limit, left in cases:
        desk = IslDesk(current_ma=0)
        desk.bench.set_cell_mv(8, mv)
        desk.run_until(lambda desk=desk: not all(desk.switches()), 12000)
        assert limit in desk.tripped() and desk.switches() == left


def test_chip_alone_opens_when_the_controller_has_stopped():
    for mv, left in ((4000, (False, True)), (2300, (True, False))):
        for overrides_host in (-1, 0):
            desk = IslDesk()
            desk.chip.overrides_host = overrides_host
            desk.bench.set_cell_mv(8, mv)
            desk.without_controller(20)
            assert desk.switches() == left, (mv, overrides_host)


def test_watchdog_that_takes_the_switches_back_is_noticed_either_way():
    for keeps_off in (False, True):
        desk = IslDesk(current_ma=-2000)
        desk.chip.watchdog_keeps_off = keeps_off
        desk.without_controller(40)
        assert desk.chip.watchdog_bites == 1
        desk.run_until(desk.both_off, 1000)
        desk.run_until(desk.both_on, 60000)


def test_short_circuit_is_gone_within_a_millisecond_and_forgiven_when_it_is_removed():
    desk = IslDesk()
    desk.bench.set_short()
    desk.clock.advance(1000)
    assert not desk.bench.true_discharge
    desk.run_ms(5000)
    assert not desk.bench.true_discharge and limits.SHORT_CIRCUIT_SEEN in desk.tripped()
    desk.bench.clear()
    desk.run_until(desk.both_on, 120000)


def test_silent_disturbed_standing_or_wrong_chip_opens_both_switches_until_it_is_well():
    faults = ("answering", "corrupt_checks", "frozen", "reads_ones", "impostor")
    for fault in faults:
        desk = IslDesk()
        setattr(desk.chip, fault, fault != "answering")
        desk.run_until(desk.both_off, 4000)
        setattr(desk.chip, fault, fault == "answering")
        desk.run_until(desk.both_on, 60000)


def test_reset_chip_is_configured_again_and_works_by_its_old_settings_for_two_cycles_at_most():
    for restart_us in (0, 3000000):
        desk = IslDesk()
        desk.chip.restart_us = restart_us
        desk.chip.reset()
        assert desk.both_off()
        foreign_ms = 0
        for _ in range(80):
            desk.run_ms(100)
            if not desk.both_off() and not desk.chip.regs[0x49] == 0xFF:
                foreign_ms += 100
        assert foreign_ms <= 500, restart_us
        desk.run_until(desk.both_on, 60000)
        assert desk.bms.front_end.configured


def test_broken_lead_opens_both_switches():
    for lead in (1, 4, 8):
        desk = IslDesk()
        desk.chip.open_leads.add(lead)
        desk.run_until(desk.both_off, 4000)


def test_balancing_drains_high_cells_and_never_neighbours():
    desk = IslDesk(soc_pct=97, current_ma=1000)
    for cell in (2, 3, 6):
        desk.bench.set_cell_mv(cell + 1, 3480)
    desk.run_ms(20000)
    assert desk.well_behaved() and desk.chip.balancing.neighbours == 0
    assert any([mas > 0 for mas in desk.bench.bled_mas])


def test_direct_line_opens_both_switches_whatever_the_chip_says():
    desk = IslDesk(current_ma=-2000)
    desk.chip.answering = False
    desk.bms.front_end.all_off()
    assert desk.both_off()
    # Only the line holds them.
    assert desk.chip.regs[0x86] & 3 == 3
