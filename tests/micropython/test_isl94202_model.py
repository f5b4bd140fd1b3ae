"""The ISL94202 model on both interpreters, on the simulator's own bench: the sheet's vectors."""

from host_tools.mock.bench import Bench
from host_tools.mock.cells import Pack
from host_tools.mock.clock import VirtualClock
from host_tools.mock.isl94202 import Isl94202Model

MS = 1000
SECOND = 1000000
SETTLED = 200 * MS

UCFET, UCCBAL, CBAL_ON = 0x40, 0x20, 0x01
DFET, CFET = 0x01, 0x02
OPEN, DSC, DOC, COC = 0x20, 0x08, 0x04, 0x02
CHING, DCHING, LDPRSNT = 0x04, 0x08, 0x01

# Number of cells, CELL byte, and which of CELL1 to CELL8 carry a cell.
PRINTED_CELL_BYTES = (
    (3, 0x83, (1, 2, 8)),
    (4, 0xC3, (1, 2, 7, 8)),
    (5, 0xC7, (1, 2, 3, 7, 8)),
    (6, 0xE7, (1, 2, 3, 6, 7, 8)),
    (7, 0xEF, (1, 2, 3, 4, 6, 7, 8)),
    (8, 0xFF, (1, 2, 3, 4, 5, 6, 7, 8)),
)
PRINTED_THERMISTOR = ((80, 153), (50, 295), (25, 463), (0, 710), (-40, 755))
PRINTED_GAINS = ((0, 50), (1, 5), (2, 500), (3, 500))
PRINTED_MV = {
    0x16: (4, 8, 16, 24, 32, 48, 64, 96),
    0x18: (1, 2, 4, 6, 8, 12, 16, 24),
    0x1A: (16, 24, 32, 48, 64, 96, 128, 256),
}
# Limits of an LFP pack, by register; wide temperatures.
SETTINGS = {
    0x00: 3150,  # 3.69 V
    0x02: 3000,
    0x04: 2048,  # 2.4 V
    0x06: 2300,
    0x08: 3300,
    0x0A: 1500,
    0x0C: 3140,
    0x0E: 1000,
    0x10: 0x0400 | 500,
    0x12: 0x0400 | 500,
    0x22: 0xFFF,
    0x44: 0,
}


class Desk:
    """Quick limits far away, both switches the chip's own affair."""

    def __init__(self, cells=8, soc_pct=50.0, **options):
        self.clock = VirtualClock()
        self.bench = Bench(self.clock, Pack(cells, 20000, soc_pct=soc_pct), temps=2)
        self.chip = Isl94202Model(self.clock, self.bench, cells=cells, **options)
        for register in SETTINGS:
            self.word(register, SETTINGS[register])
        self.write(0x49, PRINTED_CELL_BYTES[cells - 3][1])
        for register in (0x30, 0x32, 0x38, 0x3A):
            self.word(register, 0x100)
        for register in (0x34, 0x36, 0x3C, 0x3E):
            self.word(register, 0xF00)
        self.wait(SETTLED)

    def wait(self, us):
        self.clock.advance(us)

    def write(self, *data):
        assert self.chip.i2c_write(bytes(data)) == len(data)

    def word(self, register, value):
        self.write(register, value & 0xFF, value >> 8)

    def read(self, register, count=1):
        self.chip.i2c_write(bytes([register]))
        return self.chip.i2c_read(count)

    def u16(self, register):
        low, high = self.read(register, 2)
        return high << 8 | low

    def status(self, n):
        return self.read(0x80 + n)[0]

    def host_switches(self, on=DFET | CFET):
        self.write(0x87, UCFET)
        self.write(0x86, on)

    def switches(self):
        return self.bench.true_charge, self.bench.true_discharge


def refuses(cells):
    clock = VirtualClock()
    try:
        Isl94202Model(clock, Bench(clock, Pack(4)), cells=cells)
    except ValueError:
        return True
    return False


def test_cells_have_the_printed_scale():
    desk = Desk()
    assert desk.chip.address == 0x28
    desk.bench.set_cell_mv(3, 3600)
    desk.wait(3 * SECOND)
    assert desk.u16(0x94) == 0xBFF
    for n in range(8):
        mv = desk.u16(0x90 + 2 * n) * 1800 * 8 / (4095 * 3)
        assert abs(mv - desk.bench.cell_mv[n]) < 0.7
    assert desk.u16(0x8C) == 0xBFF
    assert desk.u16(0x8A) == min([desk.u16(0x90 + 2 * n) for n in range(8)])


def test_every_number_of_cells_sits_on_its_printed_inputs():
    for cells, byte, inputs in PRINTED_CELL_BYTES:
        desk = Desk(cells)
        assert desk.read(0x49)[0] == byte
        codes = [desk.u16(0x90 + 2 * n) for n in range(8)]
        assert [n + 1 for n in range(8) if codes[n]] == list(inputs)
        for place, number in enumerate(inputs):
            mv = codes[number - 1] * 14400 / 12285
            assert abs(mv - desk.bench.cell_mv[place]) < 0.7
        assert desk.switches() == (True, True)
    assert refuses(0) and refuses(2) and refuses(9)


def test_chip_told_of_a_cell_that_is_not_there_finds_it_empty():
    desk = Desk(4)
    desk.write(0x49, 0xC7)
    desk.wait(SECOND)
    assert desk.status(0) & 0x0C and not desk.bench.true_discharge


def test_stack_die_and_thermistors_have_the_printed_scales():
    desk = Desk()
    stack_mv = desk.u16(0xA6) * 1800 * 32 / 4095
    assert abs(stack_mv / desk.bench.stack_mv - 1) < 0.004
    die_c = desk.u16(0xA0) * 1800 / 4095 / 1.8527 - 273.15
    assert abs(die_c - desk.bench.die_c) < 0.3
    desk.chip.scan_us = (SECOND, 0, 0)  # quicker to run
    for degrees, mv in PRINTED_THERMISTOR:
        desk.bench.set_temp_dc(1, 10 * degrees)
        desk.wait(35 * SECOND)
        assert abs(desk.u16(0xA2) * 1800 / 4095 / 2 - mv) < 0.3, degrees
        assert abs(desk.u16(0xA4) * 1800 / 4095 / 2 - 463) < 10
    desk.bench.break_sensor(1)
    desk.wait(5 * SECOND)
    assert desk.u16(0xA2) == 0xFFF
    desk.bench.break_sensor(1, shorted=True)
    desk.wait(5 * SECOND)
    assert desk.u16(0xA2) == 0


def test_current_is_a_size_and_two_bits_for_its_direction():
    for code, gain in PRINTED_GAINS:
        for ma, bits in ((3000, CHING), (-3000, DCHING), (0, 0)):
            desk = Desk(shunt_uohm=1000)
            desk.write(0x85, code << 4)
            desk.bench.offer(ma)
            desk.wait(SETTLED)
            expected = min(round(abs(ma) / 1000 * 4095 * gain * 0.001 / 1.8), 4095)
            assert abs(desk.u16(0x8E) - expected) <= 1, (gain, ma)
            assert desk.status(2) & (CHING | DCHING) == bits


def test_high_and_low_cells_open_their_switch_after_the_delay_and_recover_at_their_release():
    for mv, register_bit, left in ((3800, 0x01, (False, True)), (2300, 0x04, (True, False))):
        desk = Desk()
        desk.bench.set_cell_mv(5, mv)
        while not (desk.bench.highest_mv > 3695 or desk.bench.lowest_mv < 2395):
            desk.wait(10 * MS)
        desk.wait(450 * MS)
        assert desk.switches() == (True, True)
        desk.wait(150 * MS)
        assert desk.status(0) & 0x05 == register_bit
        assert desk.switches() == left
        desk.bench.clear()
        desk.wait(10 * SECOND)
        assert desk.status(0) & 0x05 == 0 and desk.switches() == (True, True)


def test_over_current_and_short_act_at_the_printed_thresholds():
    for register, sign, bit in ((0x16, -1, DOC), (0x18, 1, COC), (0x1A, -1, DSC)):
        for code in range(8):
            limit_mv = PRINTED_MV[register][code]
            for share, trips in ((0.97, False), (1.03, True)):
                desk = Desk(shunt_uohm=1000)
                # The other ones out of the way: slow, and the highest threshold.
                for other in (0x16, 0x18, 0x1A):
                    desk.word(other, 0x7FFF)
                desk.word(register, code << 12 | 1 << 10 | 20)
                desk.bench.override_current_ma(sign * limit_mv * 1000 * share)
                desk.wait(19 * MS)
                assert desk.status(1) & bit == 0
                desk.wait(2 * MS)
                assert bool(desk.status(1) & bit) == trips, (register, code, share)


def test_delay_words_count_in_their_own_unit():
    for unit, us in ((0, 1), (1, 1000), (2, 1000000), (3, 60000000)):
        desk = Desk(shunt_uohm=1000)
        desk.chip.scan_us = (SECOND, 0, 0)  # quicker to run
        desk.word(0x16, 0x7FFF)
        desk.word(0x1A, unit << 10 | 2)
        desk.bench.attach_load(1.0)
        desk.wait(2 * us - 1)
        assert desk.status(1) & DSC == 0 and desk.bench.true_discharge
        desk.wait(2)
        assert desk.status(1) & DSC and not desk.bench.true_discharge


def test_short_is_forgiven_when_the_load_is_gone():
    desk = Desk()
    desk.bench.set_short()
    desk.wait(SECOND)
    assert desk.status(1) & DSC and desk.status(2) & LDPRSNT
    assert desk.switches() == (True, False)
    desk.bench.clear()
    desk.wait(SECOND)
    assert desk.status(1) & DSC == 0 and desk.switches() == (True, True)


def test_temperatures_open_what_they_forbid():
    # Register of the limit, its bit, and whether the charge switch stays.
    cases = ((0x30, 0x40, 60, False), (0x34, 0x80, -10, False))
    cases += ((0x38, 0x10, 60, True), (0x3C, 0x20, -10, True))
    for register, bit, degrees, charge in cases:
        desk = Desk()
        desk.chip.scan_us = (SECOND, 0, 0)  # quicker to run
        mv = 255 if degrees > 0 else 715
        desk.word(register, round(mv * 2 * 4095 / 1800))
        desk.word(register + 2, round((mv + (60 if degrees > 0 else -60)) * 2 * 4095 / 1800))
        desk.bench.set_temp_dc(2, degrees * 10)
        desk.wait(40 * SECOND)
        assert desk.status(0) & 0xF0 == bit
        assert desk.switches() == (charge, not charge)
        desk.bench.set_temp_dc(2, 250)
        desk.wait(40 * SECOND)
        assert desk.switches() == (True, True)


def test_host_has_the_switches_only_after_asking_and_hard_faults_go_before():
    desk = Desk()
    desk.write(0x86, 0)
    assert desk.switches() == (True, True) and desk.chip.forbidden_writes == 1
    desk.host_switches(CFET)
    assert desk.switches() == (True, False)
    desk.host_switches()
    desk.bench.set_cell_mv(1, 3750)
    desk.wait(5 * SECOND)
    # Ordinary over-voltage shows and is left to the host, a lock-out is not.
    assert desk.status(0) & 0x01 and desk.switches() == (True, True)
    desk.bench.set_cell_mv(1, 4000)
    desk.wait(5 * SECOND)
    assert desk.status(0) & 0x02 and desk.switches() == (False, True)
    desk.write(0x86, CFET | DFET)
    assert desk.switches() == (False, True)
    every = Desk()
    every.chip.overrides_host = -1
    every.host_switches()
    every.bench.set_cell_mv(1, 3750)
    every.wait(5 * SECOND)
    assert every.switches() == (False, True)


def test_silent_host_loses_the_switches_to_the_watchdog():
    for keeps_off in (False, True):
        desk = Desk()
        desk.chip.watchdog_keeps_off = keeps_off
        desk.word(0x46, 5 << 11)
        desk.host_switches(CFET)
        for _ in range(8):
            desk.wait(SECOND)
            assert desk.status(0) == 0
        assert desk.switches() == (True, False)
        desk.wait(7 * SECOND)
        assert desk.chip.watchdog_bites == 1
        assert desk.switches() == (not keeps_off, not keeps_off)
        assert desk.read(0x87)[0] == 0
        desk.host_switches()
        assert desk.switches() == (True, True)


def test_broken_lead_is_found_by_the_test_and_reads_wrong_afterwards():
    for lead in (1, 4, 8):
        desk = Desk()
        desk.host_switches()
        desk.chip.open_leads.add(lead)
        desk.write(0x87, UCFET | 0x02)
        assert desk.status(1) & OPEN and desk.switches() == (False, False)
        desk.wait(SETTLED)
        assert desk.u16(0x90 + 2 * (lead - 1)) == 0
        if lead < 8:
            assert desk.u16(0x90 + 2 * lead) > 4000
        desk.chip.open_leads.clear()
        desk.wait(2 * SECOND)
        assert desk.status(1) & OPEN == 0


def test_host_bleeds_what_it_names_and_the_reading_does_not_show_it():
    desk = Desk()
    before = desk.u16(0x90)
    desk.write(0x87, UCCBAL)
    desk.write(0x84, 0x05)
    desk.wait(10 * SECOND)
    assert desk.bench.bled_mas[0] == 0 and desk.read(0x84)[0] == 0x05
    desk.write(0x87, UCCBAL | CBAL_ON)
    desk.wait(60 * SECOND)
    bled = desk.bench.bled_mas
    assert bled[0] > 1000 and bled[2] > 1000 and sum(bled) == bled[0] + bled[2]
    assert abs(desk.u16(0x90) - before) <= 1
    desk.write(0x84, 0x00)
    at_end = bled[0]
    desk.wait(10 * SECOND)
    assert desk.bench.bled_mas[0] == at_end


def test_chip_alone_bleeds_the_high_cell_while_charging_and_never_neighbours():
    desk = Desk()
    desk.word(0x1C, 2000)
    desk.word(0x1E, 3120)
    desk.word(0x20, 20)
    for cell in (4, 5):
        desk.bench.set_cell_mv(cell, 3450)
    desk.bench.offer(2000)
    for _ in range(40):
        desk.wait(500 * MS)
        asked = desk.read(0x84)[0]
        assert asked & asked << 1 == 0 and asked & ~0x18 == 0
    bled = desk.bench.bled_mas
    assert bled[3] > 0 and bled[4] > 0 and sum(bled) == bled[3] + bled[4]


def test_settings_live_in_the_working_copy_until_eeprom_is_asked_for():
    desk = Desk(eeprom_words={0x44: 0})
    desk.word(0x00, 3111)
    desk.write(0x89, 1)
    assert desk.u16(0x00) & 0xFFF != 3111
    desk.word(0x02, 2999)
    desk.write(0x89, 0)
    assert desk.u16(0x00) == 3111 and desk.u16(0x02) != 2999
    desk.chip.reset()
    assert desk.chip.i2c_write(b"\x00") == 0
    desk.wait(4 * SECOND)
    assert desk.u16(0x00) != 3111 and desk.u16(0x02) == 2999
    stubborn = Desk()
    stubborn.chip.written_twice = (0x02,)
    stubborn.write(0x89, 1)
    before = stubborn.read(0x02)
    stubborn.write(0x02, 0x11)
    assert stubborn.read(0x02) == before
    stubborn.write(0x02, 0x11)
    stubborn.write(0x02, 0x11)
    assert stubborn.read(0x02)[0] == 0x11


def test_a_write_takes_four_bytes_and_some_registers_take_none():
    desk = Desk()
    assert desk.chip.i2c_write(bytes([0x1C, 1, 2, 3, 4, 5])) == 5
    assert desk.read(0x1C, 4) == bytes([1, 2, 3, 4])
    for register in (0x59, 0x7E, 0x80, 0x90, 0xFF):
        wrong = desk.chip.forbidden_writes
        before = desk.read(register)
        desk.chip.i2c_write(bytes([register, 0xA5]))
        assert desk.read(register) == before and desk.chip.forbidden_writes == wrong + 1


def test_sleep_and_power_down_open_everything_and_waking_takes_seconds():
    for bit, answers in ((0x04, True), (0x08, False)):
        desk = Desk(eeprom_words={0x44: 0, 0x48: 0xFFFF, 0x0A: 0, 0x22: 0xFFF})
        desk.write(0x88, bit)
        assert desk.switches() == (False, False)
        assert desk.chip.powered == answers
        assert desk.chip.i2c_present() == answers
        if answers:
            assert desk.status(3) == 0x40
        desk.wait(SECOND)
        desk.chip.wake_pin(1)
        desk.wait(2 * SECOND)
        assert not desk.chip.i2c_present()
        desk.wait(2 * SECOND)
        assert desk.chip.i2c_present() and desk.status(3) & 0x40 == 0
    touched = Desk()
    touched.write(0x88, 0x08)
    touched.wait(SECOND)
    touched.bench.touch_ld(True)
    touched.wait(4 * SECOND)
    assert touched.chip.i2c_present()


def test_idle_and_doze_scan_less_often_until_current_flows():
    for bit, shown in ((0x01, 0x10), (0x02, 0x20)):
        desk = Desk()
        desk.write(0x88, bit)
        assert desk.status(3) & 0x70 == shown
        desk.bench.offer(2000)
        desk.wait(SECOND)
        assert desk.status(3) & 0x70 == 0


def test_standing_scan_stuck_input_and_disturbed_bytes():
    desk = Desk()
    desk.chip.frozen = True
    desk.chip.inputs.stuck.add(6)
    before = desk.read(0x90, 16)
    desk.bench.offer(-15000)
    desk.wait(SECOND)
    assert desk.read(0x90, 16) == before
    desk.chip.frozen = False
    desk.wait(SECOND)
    after = desk.read(0x90, 16)
    assert after[12:14] == before[12:14] and after[:2] != before[:2]
    desk.chip.corrupt_checks = True
    seen = [desk.read(0x00, 8) for _ in range(6)]
    assert len(set(seen)) == 6
    assert desk.chip.i2c_write(bytes([0x86, 3])) == 1
    desk.chip.corrupt_checks = False
    assert desk.read(0x00, 8) not in seen
    desk.chip.answering = False
    assert desk.chip.i2c_write(b"\x00") == 0 and desk.chip.i2c_read(1) is None
    desk.chip.answering = True
    desk.chip.impostor = True
    desk.write(0x00, 1, 2)
    assert desk.read(0x00, 2) != bytes([1, 2])
    desk.chip.impostor = False
    assert desk.read(0x00, 2) != bytes([1, 2])


def test_same_seed_is_the_same_chip():
    def story(seed):
        desk = Desk(seed=seed)
        desk.bench.offer(-3000)
        desk.wait(2 * SECOND)
        desk.chip.corrupt_checks = True
        return bytes(desk.read(0x80, 0x2C))

    assert story(7) == story(7)
    assert story(7) != story(8)
