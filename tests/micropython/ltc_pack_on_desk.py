"""The whole firmware on two LTC6813, an INA228 and contactors: start, faults, who opens what.

Switch states are those of the simulated contacts, times those of the virtual clock with the code's
own time charged. Run by tests/unit/test_ltc_pack.py, on the board's interpreter only: CPython
would emulate its kernels for minutes.
"""

from desk import Desk
from modbus_desk import Master
from test_reply_times import FAST_BAUD, LONGEST

from vigil.contactors import CLOSED
from vigil.limits import SHORT_CIRCUIT_SEEN
from vigil.sample import CELLS, TEMPS

CYCLE_MS = 20
# Stale after three cycles, opened one later; contacts take 8 ms to part.
STALE_MS = 4 * CYCLE_MS + 10
PART_MS = 10


class PackDesk(Desk):
    BOARD = "pico_ltc6813_contactors"

    def __init__(self, **scene):
        Desk.__init__(self, **scene)
        self.path = self.twin.path
        front_end = self.bms.front_end
        self.contactors = front_end._contactors
        self.chain = front_end._voltages
        self.current = front_end._current

    def overruns(self):
        return self.bms.executive.overruns

    def bled(self):
        mask = self.bench._bleed_mask
        return [cell for cell in range(self.bench.pack.cells) if mask >> cell & 1]


def test_it_starts_within_five_seconds_and_measures_every_cell_and_place():
    desk = PackDesk(settle=False, current_ma=-20000)
    assert desk.both_off()
    desk.run_until(desk.both_on, 5000)
    desk.run_ms(500)
    assert desk.contactors.state == CLOSED
    assert desk.path.worst_closing_gap_mv < 0.06 * desk.bench.stack_mv
    assert desk.tripped() == [] and desk.overruns() == 0
    sample = desk.bms.sample
    assert sample.cell_count == 24 and sample.temp_count == 4 and sample.board_temp_count == 2
    for cell in range(24):
        assert abs(sample.cell_values[cell] - desk.bench.cell_mv[cell]) <= 1
    assert abs(sample.values[sample.stack_at] - desk.bench.stack_mv) <= 8
    assert sample.values[sample.current_at] == -20000
    # New cells each cycle, new temperatures within three of their rounds.
    cells, temps = sample.sequence(CELLS), sample.sequence(TEMPS)
    desk.run_ms(1000)
    assert sample.sequence(CELLS) - cells == 1000 // CYCLE_MS
    assert sample.sequence(TEMPS) - temps >= 4
    # Each sensor has a place of its own.
    for place in range(4):
        desk.bench.set_temp_dc(place + 1, 300 + 10 * place)
    desk.run_ms(12000)
    temps = [sample.temp_values[place] for place in range(4)]
    assert [abs(temps[place] - 300 - 10 * place) <= 4 for place in range(4)] == [True] * 4
    assert desk.overruns() == 0


def test_thirty_six_cells_are_measured_as_quickly():
    for cells, ms in ((25, 1000), (36, 11000)):
        desk = PackDesk(CELLS=cells, current_ma=-20000)
        desk.run_ms(ms)
        sample = desk.bms.sample
        assert sample.cell_count == cells
        for cell in range(cells):
            assert abs(sample.cell_values[cell] - desk.bench.cell_mv[cell]) <= 1
        assert desk.tripped() == [] and desk.overruns() == 0


def test_a_chain_that_fails_opens_everything_within_three_cycles():
    for what in ("answering", "corrupt_checks", "frozen"):
        desk = PackDesk(current_ma=-20000)
        desk.run_ms(300)
        setattr(desk.chip, what, what != "answering")
        desk.run_until(desk.both_off, STALE_MS)
        desk.run_ms(2500)
        assert desk.both_off(), what
        assert desk.overruns() == 0, what
        setattr(desk.chip, what, what == "answering")
        desk.run_until(desk.both_on, 9000)
        assert desk.contactors.power_path_fault == 0


def test_a_chain_that_lost_its_settings_is_set_up_anew_and_closed_onto():
    # Devices that sleep at once keep the cycle that finds them waiting.
    for happen, late in (("brown_out", 0), ("reset", 1), ("flip_a_setting", 0)):
        desk = PackDesk(current_ma=-20000)
        getattr(desk.chip, happen)()
        # A changed setting shows when the round comes to it.
        desk.run_until(desk.both_off, 400)
        desk.run_until(desk.both_on, 7000)
        assert desk.bms.bring_ups == 2 and desk.overruns() <= late
        assert desk.bms.switches.charge_on and desk.bms.switches.discharge_on


def test_one_device_of_the_chain_missing_opens_everything():
    desk = PackDesk(current_ma=-20000)
    desk.chip.devices[1].missing = True
    desk.run_until(desk.both_off, STALE_MS)
    desk.chip.devices[1].missing = False
    desk.run_until(desk.both_on, 9000)


def test_a_monitor_that_is_silent_or_stands_still_opens_everything():
    for what in ("answering", "frozen"):
        desk = PackDesk(current_ma=-20000)
        setattr(desk.twin.monitor, what, what != "answering")
        desk.run_until(desk.both_off, STALE_MS)
        setattr(desk.twin.monitor, what, what == "answering")
        desk.run_until(desk.both_on, 9000)


def test_a_short_circuit_is_cut_by_the_alert_alone_while_the_firmware_hangs():
    desk = PackDesk(current_ma=-20000)
    desk.bench.set_short()
    # The mean of 10.5 ms has to be beyond the limit, of a reading that ends at 410 A.
    desk.clock.advance(17000 + 1000 * PART_MS)
    assert desk.both_off()
    # The firmware comes back, finds the alert, and does not close onto the short by itself.
    closings = desk.path.main.closings
    desk.run_ms(2000)
    assert SHORT_CIRCUIT_SEEN in desk.tripped()
    assert not desk.bench.true_discharge and desk.path.main.closings == closings


def test_an_alert_never_closes_what_it_cut_without_precharge():
    desk = PackDesk(current_ma=-20000)
    precharges = desk.contactors.precharges
    desk.bench.override_current_ma(200000)
    desk.run_until(desk.both_off, 2 * CYCLE_MS + PART_MS)
    desk.bench.clear()
    # Charging alone was too much; the load comes back first, and not at once.
    desk.run_until(lambda: desk.bench.true_discharge, 9000)
    assert desk.contactors.precharges == precharges + 1
    assert desk.path.worst_closing_gap_mv < 0.06 * desk.bench.stack_mv
    assert desk.overruns() == 0


def test_an_over_voltage_opens_the_charge_contactor_alone_an_under_voltage_the_main_one():
    desk = PackDesk(current_ma=20000)
    desk.bench.set_cell_mv(13, 3720)
    desk.run_until(lambda: not desk.bench.true_charge, 5000)
    assert desk.bench.true_discharge and desk.bench.current_ma == 0
    desk = PackDesk(current_ma=-20000)
    desk.bench.set_cell_mv(24, 2400)
    desk.run_until(lambda: not desk.bench.true_discharge, 8000)
    assert desk.bench.true_charge


def test_broken_leads_and_thermistors_open_everything():
    for lead in (0, 5, 12, 24):
        desk = PackDesk()
        desk.chip.open_leads.add(lead)
        # The test of the leads, every 10 s, moves the loose input, at the latest.
        desk.chain._test_wait_ms = 0
        desk.run_until(desk.both_off, 3500)
        assert desk.chain.open_leads[lead]
    for place, shorted in ((1, False), (4, True)):
        desk = PackDesk()
        desk.bench.break_sensor(place, shorted)
        desk.run_until(desk.both_off, 1000)


def test_high_cells_bleed_in_turns_and_no_neighbours_together():
    desk = PackDesk(current_ma=0)
    for n in (3, 4, 5, 12, 13, 20):
        desk.bench.set_cell_mv(n, 3480)
    seen = set()
    for _ in range(28):
        desk.run_ms(1000)
        bled = desk.bled()
        assert [cell for cell in bled if cell + 1 in bled] == []
        seen.update(bled)
    assert seen == {2, 3, 4, 11, 12, 19}
    assert desk.tripped() == [] and desk.overruns() == 0
    assert [device.watchdog_resets for device in desk.chip.devices] == [0, 0]


class PackMaster(Master):
    BOARD = "pico_ltc6813_contactors"


def test_long_reads_make_no_cycle_late():
    master = PackMaster(current_ma=-20000, RS485_BAUD=FAST_BAUD)
    executive = master.bms.executive
    executive.worst_period_us = 0
    for kind, request, ms in LONGEST:
        longest_us = master.waits_us(request, 12, ms)[1]
        print("ltc6813 %-20s %6.1f ms" % (kind, longest_us / 1000))
        # A cycle's own 9 ms may come in between.
        assert longest_us <= 23000, (kind, longest_us)
    assert executive.overruns == 0
    assert executive.worst_period_us <= 24000
