"""The firmware on a simulated board with an ISL94202: the driver and the chip's model together."""

from desk import Desk

from vigil import limits, sample

UCFET = 0x40
CFET, DFET = 0x02, 0x01
CTRL1, CTRL2, EEEN = 0x86, 0x87, 0x89


class IslDesk(Desk):
    """Both switches on."""

    BOARD = "sim8_isl94202"

    def __init__(self, **options):
        super().__init__(**options)
        self.sample = self.bms.sample
        self.front_end = self.bms.front_end

    def gates(self):
        return self.bench.true_charge, self.bench.true_discharge

    def well_behaved(self):
        """The driver has asked for nothing that a host should never ask for."""
        return self.chip.forbidden_writes == 0 and not self.chip.regs[EEEN]


def test_every_number_of_cells_is_measured():
    for cells in range(3, 9):
        desk = IslDesk(CELLS=cells, current_ma=-3000)
        desk.run_ms(3000)
        assert desk.tripped() == [], (cells, desk.tripped())
        for cell in range(cells):
            cell_mv = desk.sample.values[desk.sample.cells_at + cell]
            assert abs(cell_mv - desk.bench.cell_mv[cell]) <= 2, (cells, cell)
        stack_mv = desk.sample.values[desk.sample.stack_at]
        assert abs(stack_mv - desk.bench.stack_mv) < 50, cells
        assert abs(desk.sample.values[desk.sample.current_at] + 3000) < 40
        assert desk.well_behaved()


def test_a_pack_stays_on_for_longer_than_any_verification():
    desk = IslDesk(current_ma=2000)
    changes = desk.bms.switches.changes
    desk.run_ms(100000)
    assert desk.both_on() and desk.tripped() == []
    assert desk.bms.switches.changes == changes and desk.bms.bring_ups == 1
    assert desk.bms.backstop_watch.verifications >= 3
    assert desk.bms.backstop_watch.differences == 0
    assert desk.bms.executive.overruns == 0 and desk.bms.read_errors == 0
    assert desk.well_behaved()


def test_a_pack_at_rest_is_proven_alive_without_a_code_that_moves():
    desk = IslDesk()
    desk.bench.offer(0)
    before = desk.sample.sequence(sample.CELLS)
    desk.run_ms(60000)
    assert desk.both_on() and desk.tripped() == []
    assert desk.sample.sequence(sample.CELLS) - before >= 200


def test_both_on_is_the_chips_own_business_and_one_on_the_hosts():
    desk = IslDesk(current_ma=-2000)
    assert not desk.chip.regs[CTRL2] & UCFET
    desk.front_end.set_switches(False, True)
    assert desk.gates() == (False, True) and desk.chip.regs[CTRL1] == DFET
    desk.front_end.set_switches(True, False)
    assert desk.gates() == (True, False) and desk.chip.regs[CTRL1] == CFET
    desk.front_end.set_switches(False, False)
    assert desk.both_off()
    assert desk.well_behaved()


def test_an_over_current_each_way_opens_its_own_switch_alone():
    for current_ma, gates, row in (
        (15000, (False, True), limits.CHARGE_OVER_CURRENT),
        (-30000, (True, False), limits.DISCHARGE_OVER_CURRENT),
    ):
        desk = IslDesk()
        desk.bench.offer(current_ma)
        desk.run_until(lambda desk=desk, gates=gates: desk.gates() == gates, 15000)
        assert row in desk.tripped()
        desk.run_ms(5000)
        assert desk.gates() == gates and not desk.front_end.switch_stuck


def test_a_short_circuit_is_opened_by_the_chip_before_the_software_can_look():
    desk = IslDesk(current_ma=-1000)
    desk.bench.set_short()
    begun_us = desk.clock.now_us
    desk.clock.advance(2000)
    assert not desk.bench.true_discharge and desk.clock.now_us - begun_us < 3000
    desk.run_until(lambda: limits.SHORT_CIRCUIT_SEEN in desk.tripped(), 1000)


def test_the_chip_alone_opens_for_a_high_cell_when_the_controller_hangs():
    desk = IslDesk(current_ma=2000)
    desk.bench.set_cell_mv(3, 3750)
    for _ in range(6):
        desk.bms.board.watchdog.feed()
        desk.clock.advance(1000000)
    assert desk.gates() == (False, True)


def test_a_frozen_chip_is_opened_within_a_second_and_a_half():
    desk = IslDesk(current_ma=1000)
    desk.chip.frozen = True
    assert desk.run_until(desk.both_off, 2000) <= 1500
    assert limits.CELLS_STALE in desk.tripped()
    desk.chip.frozen = False
    desk.run_until(desk.both_on, 20000)


def test_a_silent_chip_is_opened_by_the_boards_line():
    desk = IslDesk(current_ma=1000)
    desk.chip.answering = False
    desk.run_until(desk.both_off, 2000)
    desk.chip.answering = True
    desk.run_until(desk.both_on, 20000)


def test_a_reset_is_noticed_and_everything_set_up_anew():
    desk = IslDesk(current_ma=1000)
    before = desk.bms.bring_ups
    desk.chip.reset()
    # It comes back with both switches on by itself; the line holds them off.
    desk.run_until(desk.both_off, 2000)
    desk.run_until(desk.both_on, 20000)
    assert desk.bms.bring_ups > before and desk.well_behaved()


def test_a_setting_that_changes_is_found_within_a_minute():
    desk = IslDesk(current_ma=1000)
    desk.chip.flip_a_setting()
    desk.run_until(lambda: desk.bms.backstop_watch.differences == 1, 60000)
    desk.run_until(desk.both_on, 20000)


def test_temperatures_of_cells_from_deep_cold_to_hot():
    desk = IslDesk()
    for dc in (-200, 0, 50, 500):
        desk.bench.set_temp_dc(1, dc)
        # At 2 K/s.
        desk.run_ms(27000)
        measured = desk.sample.values[desk.sample.temps_at]
        assert abs(measured - dc) <= 6, (dc, measured)


def test_every_second_cell_is_bled_and_only_these():
    desk = IslDesk()
    desk.front_end.balance(bytearray((1, 0, 1, 0, 0, 0, 0, 1)))
    desk.run_ms(1000)
    bled = [n + 1 for n in range(8) if desk.bench.bled_mas[n] > 0]
    assert bled == [1, 3, 8]
    assert desk.front_end.configured
