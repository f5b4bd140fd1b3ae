"""The whole firmware over a BQ769x0, 250 ms a cycle: the chip converts by a clock of its own."""

import pytest

from tests.unit.bq769x0_stand_in import OCD, SCD, SYS_CTRL1, XREADY, Desk
from vigil import limits, sample, switches
from vigil.app import Bms

CYCLE_MS = 250
LOAD_PRESENT = 0x80


class Board:
    name = "canned"
    device_name = b"canned"
    chemistry = "LFP"
    capacity_mah = 20000
    links = ()
    watchdog = None


class Running:
    """A BMS whose executive runs; the chip's clock is `slow_permille` slower than the board's."""

    def __init__(self, slow_permille=0, **options):
        self.desk = desk = Desk(**options)
        desk.cells_mv = [3300] * len(desk.cells_mv)
        self.chip = desk.chip
        self.converting = True
        self.step_us = 250 * (1000 + slow_permille)
        self.conversions = 0
        board = Board()
        board.front_end = desk.front_end
        self.bms = Bms(board, CYCLE_MS)
        self.bms.self_test_passed = True
        self.bms.sample.start(0)
        self.bms.executive.start()
        desk.clock.call_at(self.step_us, self.convert)

    def convert(self):
        clock = self.desk.clock
        clock.call_at(clock.now_us + self.step_us, self.convert)
        if not self.converting or self.chip.asleep:
            return
        self.conversions += 1
        self.chip.convert(self.desk.input_codes(), self.desk.current_code)
        if self.conversions % 8 == 0:
            self.chip.convert_temperatures()

    def run_ms(self, ms):
        end_us = self.desk.clock.now_us + ms * 1000
        while self.desk.clock.now_us < end_us:
            self.bms.executive.turn()

    def until(self, condition, at_most_ms):
        """Milliseconds that it took; AssertionError if it never came."""
        begun_us = self.desk.clock.now_us
        while not condition():
            self.bms.executive.turn()
            assert self.desk.clock.now_us - begun_us <= at_most_ms * 1000
        return (self.desk.clock.now_us - begun_us) // 1000

    def both_on(self):
        return self.chip.switches == 3

    def both_off(self):
        return self.chip.switches == 0

    def tripped(self):
        protection = self.bms.protection
        return [row[limits.ID] for at, row in enumerate(limits.TABLE) if protection.is_tripped(at)]


def running(**options):
    pack = Running(**options)
    pack.until(pack.both_on, 20000)
    return pack


@pytest.mark.parametrize("slow_permille", [-35, -7, 0, 3, 35])
def test_a_pack_stays_on_whatever_the_beat_of_both_clocks(slow_permille):
    pack = running(slow_permille=slow_permille)
    bms = pack.bms
    changes = bms.switches.changes
    trips = bms.protection.trips
    # Longer than the beat, and than six verifications.
    pack.run_ms(200000)
    assert pack.both_on()
    assert (bms.switches.changes, bms.protection.trips) == (changes, trips)
    assert bms.executive.overruns == 0 and bms.read_errors == 0 and bms.bring_ups == 1
    assert bms.backstop_is_good()
    # Read again every half minute, and never found to differ.
    assert bms.backstop_watch.verifications >= 6 and bms.backstop_watch.differences == 0


@pytest.mark.parametrize("chip, most_ms", [("BQ76920", 7000), ("BQ76940", 8000)])
def test_the_switches_close_as_soon_as_both_kinds_of_temperature_are_known(chip, most_ms):
    pack = Running(chip=chip)
    assert pack.until(pack.both_on, 20000) <= most_ms


def test_a_chip_that_converts_no_more_is_opened_within_a_second():
    pack = running()
    pack.converting = False
    assert pack.until(pack.both_off, 5000) <= 1000
    assert limits.CELLS_STALE in pack.tripped()
    pack.converting = True
    pack.until(pack.both_on, 20000)


def test_converters_that_stand_still_behind_a_living_counter_are_opened_too():
    pack = running()
    pack.chip.turns_temperatures = False
    pack.chip.convert_temperatures = lambda: None
    assert pack.until(pack.both_off, 20000) <= 9000
    assert limits.CELLS_STALE in pack.tripped()


def test_a_chip_that_falls_silent_is_opened_by_the_line():
    pack = running()
    pack.chip.lost = 1 << 30
    pack.until(lambda: pack.desk.line.level == 0, 1500)
    pack.until(lambda: limits.FRONT_END_SILENT in pack.tripped(), 1000)


def test_a_short_circuit_stays_open_until_the_load_is_taken_away():
    pack = running()
    pack.chip.registers[SYS_CTRL1] |= LOAD_PRESENT
    store = pack.chip._store

    def keeps_the_load(register, byte):
        seen = pack.chip.registers[SYS_CTRL1] & LOAD_PRESENT
        store(register, byte)
        if register == SYS_CTRL1:
            pack.chip.registers[SYS_CTRL1] |= seen

    pack.chip._store = keeps_the_load
    pack.chip.trip(SCD)
    pack.until(pack.both_off, 1000)
    pack.run_ms(60000)
    assert pack.both_off()
    assert limits.SHORT_CIRCUIT_SEEN in pack.tripped()
    pack.chip.registers[SYS_CTRL1] &= LOAD_PRESENT ^ 0xFF
    # Seen gone for a second, five seconds of the limit, a second of hold.
    assert pack.until(pack.both_on, 20000) <= 10000


def test_over_currents_of_the_chip_that_come_back_are_latched_in_the_end():
    pack = running()
    for _ in range(4):
        pack.until(pack.both_on, 120000)
        pack.chip.trip(OCD)
        pack.until(pack.both_off, 1000)
    pack.run_ms(200000)
    # Charging has nothing to do with it.
    assert pack.chip.switches == 1
    assert pack.bms.switches.state[switches.DISCHARGE] == switches.LATCHED


def test_a_lost_link_is_healed_by_setting_up_anew():
    pack = running()
    pack.chip.trip(XREADY)
    pack.until(lambda: not pack.bms.front_end.configured, 10000)
    pack.until(pack.both_on, 20000)
    assert pack.bms.front_end.link_losses == 1 and pack.bms.bring_ups == 2


def test_a_chip_that_resets_is_set_up_anew_before_it_may_close():
    pack = running()
    pack.chip.reset()
    pack.until(lambda: not pack.bms.front_end.configured, 1000)
    pack.until(pack.both_on, 20000)
    assert pack.chip.registers[0x0B] == 0x19 and pack.bms.bring_ups == 2


def test_a_setting_that_changes_is_found_within_a_minute_and_mended():
    pack = running()
    pack.chip.registers[0x09] ^= 0x40
    pack.until(lambda: pack.bms.backstop_watch.differences == 1, 60000)
    pack.until(pack.both_on, 20000)
    assert pack.bms.front_end.applied


def test_a_charge_current_is_limited_by_the_software_alone():
    pack = running()
    assert limits.BACKSTOP_CHARGE_CURRENT not in pack.bms.front_end.capabilities()["guards"]
    # 14 A of 12 A.
    pack.desk.current_code = 14000 * 1000 // 8440
    waited_ms = pack.until(lambda: not pack.chip.switches & 1, 5000)
    assert 2000 <= waited_ms <= 3000
    assert limits.CHARGE_OVER_CURRENT in pack.tripped()


def test_a_hot_cell_is_opened_by_the_software_alone_within_a_turn_and_the_delay():
    pack = running()
    pack.chip.thermistor_codes = [2259, 4319, 4319]
    waited_ms = pack.until(lambda: not pack.chip.switches & 1, 20000)
    # A turn of both kinds, and the next one to confirm.
    assert waited_ms <= 2 * 5000
    assert limits.CHARGE_OVER_TEMPERATURE in pack.tripped()


def test_a_thermistor_torn_off_opens_both():
    pack = running()
    pack.chip.thermistor_codes = [4319, 8637, 4319]
    pack.until(pack.both_off, 3 * 5000)
    assert limits.TEMPS_INVALID in pack.tripped()
    assert pack.bms.sample.unknown(sample.TEMPS) == 1
