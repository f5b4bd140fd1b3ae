"""The BQ76952 driver against a recording stand-in: bytes, order of events, readings, switches."""

import struct

import pytest

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from tests.unit.bq76952_stand_in import (
    ALL_EQUAL,
    BOARD,
    CELLS,
    CURRENT,
    REQUESTS,
    STACK,
    TEMPS,
    Desk,
)
from vigil import sample
from vigil.afe import errors
from vigil.afe.bq76952 import Bq76952
from vigil.afe.bq76952_transfer import Transfer
from vigil.afe.errors import AfeError


@pytest.fixture
def desk():
    return Desk().configure()


def transfer(chip, check_codes=True):
    bus = Transfer(chip, 8)
    bus.check_codes = check_codes
    return bus


class Wire:
    """Records the bytes as they go out; answers reads with `reply`."""

    def __init__(self, reply=b""):
        self.reply = reply
        self.written = []

    def writeto_mem(self, address, register, buffer):
        self.written.append((register, bytes(buffer)))

    def readfrom_mem_into(self, address, register, buffer):
        buffer[:] = self.reply


# Bytes on the wire.


@pytest.mark.parametrize(
    "code, wire", [(0x0090, b"\x90\x74\x00\x00"), (0x0022, b"\x22\x63\x00\x00")]
)
def test_subcommands_carry_the_check_codes_that_ti_prints(code, wire):
    fake_time.use(VirtualClock())
    i2c = Wire()
    transfer(i2c).command(code)
    assert i2c.written == [(0x3E, wire)]


@pytest.mark.parametrize(
    "register, wire, data",
    [
        (0x14, b"\x68\x33\x0b\x31", b"\x68\x0b"),
        (0x14, b"\x80\xa5\x0c\x24", b"\x80\x0c"),
        (0x12, b"\x84\xc4\x01\x07", b"\x84\x01"),
    ],
)
def test_readings_with_the_check_codes_that_ti_prints_are_accepted(register, wire, data):
    fake_time.use(VirtualClock())
    bus = transfer(Wire(wire))
    bus.read(register, 2)
    assert bus.data[:2] == data


@pytest.mark.parametrize("spoilt", range(4))
def test_a_reading_with_any_byte_changed_is_refused_after_one_retry(spoilt):
    fake_time.use(VirtualClock())
    wire = bytearray(b"\x68\x33\x0b\x31")
    wire[spoilt] ^= 0x10
    bus = transfer(Wire(bytes(wire)))
    with pytest.raises(AfeError) as error:
        bus.read(0x14, 2)
    assert error.value.code == errors.CHECK_FAILED
    assert (bus.retries, bus.check_errors) == (1, 2)


@pytest.mark.parametrize(
    "code, data, checksum",
    [
        (0x9180, "7A 30", 0x44),
        (0x9261, "8C", 0x80),
        (0x9304, "FF FF", 0x6A),
        (0x9234, "80 2D", 0x8C),
        (0x0097, "0F", 0x59),
        (0x0097, "00", 0x68),
        (0x0083, "05 00", 0x77),
        (0x0083, "00 00", 0x7C),
        (0x9335, "00", 0x37),
        (0x91A8, "F2 41 EF 40 6A 1C 08 4A", 0x8C),
    ],
)
def test_blocks_end_with_the_known_checksum_and_length_together(code, data, checksum):
    fake_time.use(VirtualClock())
    data = bytes.fromhex(data)
    i2c = Wire()
    bus = transfer(i2c, check_codes=False)
    bus.payload[2 : 2 + len(data)] = data
    bus.write_block(code, len(data))
    assert i2c.written == [
        (0x3E, struct.pack("<H", code) + data),
        (0x60, bytes([checksum, len(data) + 4])),
    ]


def test_no_frame_with_check_codes_is_a_command_to_a_chip_that_fell_back_to_plain_bytes():
    # Such a chip takes the first check code for the command's high byte.
    fake_time.use(VirtualClock())
    for code in (0x0001, 0x0022, 0x0057, 0x0083, 0x0090, 0x0092, 0x0097, 0x009A):
        i2c = Wire()
        transfer(i2c).command(code)
        seen = i2c.written[0][1][1]
        assert seen > 0x02 and not 0x28 <= seen <= 0x29 and not 0x91 <= seen <= 0x94


def test_one_lost_transfer_is_repeated_and_counted(desk):
    desk.chip.lost = 1
    assert desk.read_scan() == [CELLS, CURRENT, BOARD, TEMPS, STACK]
    assert (desk.front_end.bus.retries, desk.front_end.bus.no_answers) == (1, 1)


# Bring-up.


def memory_written(chip):
    return {event[1]: event[2] for event in chip.events if event[0] == "memory"}


def test_configuration_bytes_are_those_of_the_data_sheet(desk):
    memory = desk.chip.memory

    def at(address, shape):
        size = struct.calcsize("<" + shape)
        data = bytes(memory[address + offset] for offset in range(size))
        return struct.unpack("<" + shape, data)[0]

    assert at(0x91A8, "f") == pytest.approx(7.4768 / 0.5)
    assert at(0x91AC, "f") == pytest.approx(2230042.463 / 0.5)
    assert at(0x9234, "H") == 0x3882  # no SLEEP, TS2 is a thermistor
    assert at(0x9239, "B") == 0x12
    assert at(0x923F, "h") == 0 and at(0x9241, "h") == 0
    assert [at(0x9261 + n, "B") for n in range(3)] == [0xBC, 0x33, 0x82]
    # A short circuit (0x80 of A, 0x40 of C) holds the discharge switch alone.
    assert at(0x9265, "B") == 0x18 and at(0x9267, "B") == 0x16
    assert at(0x9269, "B") == 0xE4 and at(0x926B, "B") & 0x40
    assert at(0x926D, "H") & 0x82 == 0x82
    assert at(0x9275, "B") == 49 and at(0x9278, "B") == 73
    assert at(0x928D, "h") <= 0  # a load that is gone is enough to recover
    assert at(0x92FB, "B") == 0xC6
    assert [at(0x92FD + n, "B") for n in range(3)] == [7, 7, 7]
    assert at(0x9303, "B") == 0x06
    assert at(0x9304, "H") == 0xFFFF
    assert at(0x9308, "B") == 0x2D
    assert at(0x9335, "B") == 0


def test_settings_are_contiguous_ranges_that_do_not_overlap(desk):
    end = 0
    for address, data in sorted(memory_written(desk.chip).items()):
        assert address >= end
        assert 1 <= len(data) <= 32
        end = address + len(data)


def test_bring_up_goes_in_the_only_safe_order(desk):
    events = [event[:2] for event in desk.chip.events if event[0] in ("command", "data", "line")]
    assert events == [
        ("line", 0),
        ("data", 0x0097),
        ("command", 0x0090),
        ("command", 0x0092),
        ("data", 0x0097),
        ("command", 0x009A),
        ("command", 0x0022),
    ]
    forced = [event[2] for event in desk.chip.events if event[:2] == ("data", 0x0097)]
    assert forced == [b"\x0f", b"\x0f"]
    assert desk.front_end.configured and desk.line.level == 0
    assert desk.chip.fets_enabled


def test_fet_enable_is_not_toggled_when_already_on():
    desk = Desk()
    desk.chip.fets_enabled = True
    desk.configure()
    assert desk.chip.fets_enabled
    assert ("command", 0x0022) not in desk.chip.events


def test_a_plain_chip_is_switched_to_check_codes_first():
    desk = Desk(check_codes=False).configure()
    assert desk.chip.check_codes
    commands = [event[1] for event in desk.chip.events if event[0] == "command"]
    assert commands == [0x90, 0x92, 0x29BC, 0x90, 0x92, 0x9A, 0x22]
    # Even the first leaving of CONFIG_UPDATE keeps the FETs blocked.
    memory = [event[1:] for event in desk.chip.events if event[0] == "memory"]
    assert memory[:2] == [(0x9308, b"\x2d"), (0x9239, b"\x12")]


def test_a_chip_that_is_still_waking_up_is_waited_for():
    desk = Desk()
    desk.chip.lost = 60
    assert desk.configure().front_end.configured


def test_slices_of_bring_up_and_verification_stay_below_five_milliseconds():
    desk = Desk(check_codes=False)
    longest_us = 0
    for generator in (desk.front_end.configure(REQUESTS), desk.front_end.verify()):
        begun_us = desk.clock.now_us
        for _ in generator:
            longest_us = max(longest_us, desk.clock.now_us - begun_us)
            begun_us = desk.clock.now_us
    assert 2000 < longest_us < 5000


@pytest.mark.parametrize(
    "prepare, code",
    [
        (lambda chip: setattr(chip, "lost", 10**6), errors.NO_ANSWER),
        (lambda chip: setattr(chip, "device_number", 0x7694), errors.WRONG_DEVICE),
        (lambda chip: setattr(chip, "forgets", 0x9278), errors.READ_BACK_DIFFERS),
        (lambda chip: chip.set_status(0x0388), errors.UNSUPPORTED),
    ],
)
def test_bring_up_fails_with_its_reason_and_both_switches_off(prepare, code):
    desk = Desk()
    prepare(desk.chip)
    with pytest.raises(AfeError) as error:
        desk.configure()
    assert error.value.code == code
    assert not desk.front_end.configured and desk.line.level == 0
    with pytest.raises(AfeError) as error:
        desk.front_end.set_switches(True, True)
    assert error.value.code == errors.NOT_CONFIGURED and desk.line.level == 0


def test_every_changed_setting_is_found_by_verification(desk):
    for address, data in memory_written(desk.chip).items():
        for at in range(address, address + len(data)):
            desk.chip.memory[at] ^= 1
            with pytest.raises(AfeError) as error:
                list(desk.front_end.verify())
            assert error.value.code == errors.READ_BACK_DIFFERS
            desk.chip.memory[at] ^= 1
    list(desk.front_end.verify())


def test_fewer_cells_can_sit_on_chosen_inputs():
    desk = Desk(cells=4, channels=0x8007).configure()
    assert [desk.chip.memory[0x9304 + n] for n in range(2)] == [0x07, 0x80]
    desk.read_scan([3301, 3302, 3303] + [0] * 12 + [3316])
    assert list(desk.readings.values[:4]) == [3301, 3302, 3303, 3316]
    desk.front_end.balance(bytearray([0, 0, 0, 1]))
    assert desk.chip.events[-1] == ("data", 0x0083, b"\x00\x80")


@pytest.mark.parametrize(
    "options",
    [{"cells": 2}, {"cells": 17}, {"temps": 4}, {"shunt_uohm": 0}, {"cells": 4, "channels": 7}],
)
def test_what_the_chip_cannot_do_is_refused_at_once(options):
    with pytest.raises(AfeError) as error:
        Desk(**options)
    assert error.value.code == errors.UNSUPPORTED


# Readings.


def test_a_full_scan_fills_the_sample_in_its_units(desk):
    cells = [3300 + cell for cell in range(16)]
    refreshed = desk.read_scan(cells, current=-1234, stack=5292, temps=(2981, 2731, 2482))
    assert refreshed == [CELLS, CURRENT, BOARD, TEMPS, STACK]
    values = desk.readings.values
    assert list(values[:16]) == cells
    assert list(values[16:19]) == [250, 0, -249]
    assert values[desk.readings.current_at] == -12340
    assert values[desk.readings.stack_at] == 52920


def test_nothing_is_refreshed_without_a_new_scan(desk):
    desk.read_scan()
    assert desk.read() == []
    assert desk.read_scan(alarm=0x02) == [CELLS, CURRENT]
    assert desk.read() == []


def test_latched_scans_are_cleared_before_the_values_are_read(desk):
    desk.read_scan()
    del desk.chip.transfers[:]
    desk.read_scan(alarm=0x02)
    assert desk.chip.transfers == [
        ("r", 0x12, 2),
        ("r", 0x62, 2),
        ("w", 0x62, 2),
        ("r", 0x14, 32),
        ("r", 0x3A, 2),
        ("r", 0x02, 6),
        ("r", 0x7F, 1),
    ]
    assert desk.chip.events[-1] == ("clear", 0x0002)


def test_a_scan_whose_reading_failed_is_read_the_next_time(desk):
    desk.read_scan()
    desk.chip.scan([3310] * 16, alarm=0x02)
    original = desk.chip.readfrom_mem_into

    def lose_cells(address, register, buffer):
        if register == 0x14:
            raise OSError(5)
        original(address, register, buffer)

    desk.chip.readfrom_mem_into = lose_cells
    with pytest.raises(AfeError):
        desk.read()
    desk.chip.readfrom_mem_into = original
    assert desk.readings.take_refreshed() == []
    assert desk.read() == [CELLS, CURRENT]
    assert desk.cells_mv() == [3310] * 16


@pytest.mark.parametrize("raw", [-1, -32768, 6000, 32767])
def test_an_impossible_cell_is_unknown_and_the_others_are_not(desk, raw):
    desk.read_scan()
    desk.read_scan([raw & 0xFFFF] + [3300] * 15)
    assert desk.cells_mv() == [sample.UNKNOWN] + [3300] * 15


@pytest.mark.parametrize("raw", [9601, 0x8000, 0xF830])
def test_a_stack_that_no_cells_add_up_to_is_unknown(desk, raw):
    desk.read_scan(stack=raw)
    assert desk.readings.values[desk.readings.stack_at] == sample.UNKNOWN
    desk.read_scan(stack=9599)
    assert desk.readings.values[desk.readings.stack_at] == 95990


def test_impossible_temperatures_are_unknown(desk):
    desk.read_scan(temps=(2300, 4232, 0))
    assert list(desk.readings.values[16:19]) == [sample.UNKNOWN] * 3
    desk.read_scan(temps=(2301, 4231, 0xFFFF))
    assert list(desk.readings.values[16:19]) == [-430, 1500, sample.UNKNOWN]


# Torn readings.


def with_cell(number, cell_mv):
    cells = list(ALL_EQUAL)
    cells[number - 1] = cell_mv
    return cells


def test_a_torn_reading_is_not_taken_and_the_next_cycle_reads_again(desk):
    desk.read_scan()
    # 0x0D00 caught on its way to 0x0CFF.
    desk.chip.cell_reads = [with_cell(7, 0x0BFF), with_cell(7, 3327)]
    assert desk.read_scan(alarm=0x02) == []
    assert desk.front_end.torn_reads == 1
    assert desk.cells_mv() == ALL_EQUAL
    assert desk.read() == [CELLS, CURRENT]
    assert desk.cells_mv() == with_cell(7, 3327)


def test_a_true_jump_is_taken_at_once(desk):
    desk.read_scan()
    desk.chip.cell_reads = [with_cell(1, 3000), with_cell(1, 3020)]
    assert desk.read_scan(alarm=0x02) == [CELLS, CURRENT]
    assert desk.cells_mv() == with_cell(1, 3020)
    assert desk.front_end.torn_reads == 0


def test_cells_are_never_read_more_than_twice_in_a_cycle(desk):
    desk.read_scan()
    desk.chip.cell_reads = [[1000] * 16, [2000] * 16, [3000] * 16]
    del desk.chip.transfers[:]
    desk.read_scan(alarm=0x02)
    assert desk.chip.transfers.count(("r", 0x14, 32)) == 2


def test_small_steps_are_read_once(desk):
    desk.read_scan()
    del desk.chip.transfers[:]
    desk.read_scan([3450] * 16, alarm=0x02)
    assert desk.chip.transfers.count(("r", 0x14, 32)) == 1


def test_the_first_reading_of_all_needs_a_second_that_agrees(desk):
    desk.chip.cell_reads = [with_cell(3, 3584), with_cell(3, 3328)]
    assert CELLS not in desk.read_scan()
    assert desk.front_end.torn_reads == 1


# Faults.


def test_a_chip_that_reset_and_still_has_check_codes_is_not_configured(desk):
    desk.read_scan()
    desk.chip.set_status(0x0188 | 0x08)
    assert desk.read_scan([3000] * 16) == []
    assert not desk.front_end.configured
    assert desk.readings.front_end_fault == sample.FAULT_NOT_CONFIGURED
    assert desk.cells_mv() == ALL_EQUAL


def test_a_chip_that_reset_to_plain_bytes_is_recognised_by_its_first_byte(desk):
    desk.chip.check_codes = False
    desk.chip.set_status(0x0188)
    with pytest.raises(AfeError) as error:
        desk.read()
    assert error.value.code == errors.CHECK_FAILED
    assert not desk.front_end.configured
    assert desk.readings.front_end_fault & sample.FAULT_NOT_CONFIGURED
    desk.configure()
    assert desk.read_scan() == [CELLS, CURRENT, BOARD, TEMPS, STACK]
    assert desk.readings.front_end_fault == 0


def test_disturbed_transfers_do_not_cost_the_configuration_until_they_last(desk):
    desk.chip.corrupt = 10**6
    failed = 0
    while desk.front_end.configured:
        with pytest.raises(AfeError):
            desk.read()
        failed += 1
    assert failed == 20


def test_a_bit_of_disturbance_is_forgotten(desk):
    for _ in range(100):
        desk.chip.corrupt = 2
        with pytest.raises(AfeError):
            desk.read()
        desk.read()
    assert desk.front_end.configured


def test_reading_before_bring_up_says_so():
    desk = Desk()
    with pytest.raises(AfeError) as error:
        desk.read()
    assert error.value.code == errors.NOT_CONFIGURED
    assert desk.readings.front_end_fault == sample.FAULT_NOT_CONFIGURED


@pytest.mark.parametrize(
    "register, bit, fault, charge, discharge",
    [
        (0x03, 0x80, 0, 0, sample.DISCHARGE_TRIP_SHORT_CIRCUIT),
        (0x03, 0x40, 0, 0, sample.DISCHARGE_TRIP_OVER_CURRENT),
        (0x03, 0x20, 0, 0, sample.DISCHARGE_TRIP_OVER_CURRENT),
        (0x03, 0x10, 0, sample.CHARGE_TRIP_OVER_CURRENT, 0),
        (0x03, 0x08, 0, sample.CHARGE_TRIP_OVER_VOLTAGE, 0),
        (0x03, 0x04, 0, 0, sample.DISCHARGE_TRIP_UNDER_VOLTAGE),
        (0x05, 0x10, 0, sample.CHARGE_TRIP_TEMPERATURE, 0),
        (0x05, 0x02, 0, sample.CHARGE_TRIP_TEMPERATURE, sample.DISCHARGE_TRIP_TEMPERATURE),
        (0x05, 0x80, 0, sample.CHARGE_TRIP_TEMPERATURE, sample.DISCHARGE_TRIP_TEMPERATURE),
        (0x07, 0x80, 0, 0, sample.DISCHARGE_TRIP_OVER_CURRENT),
        (0x07, 0x02, sample.FAULT_INTERNAL, 0, 0),
        (0x13, 0x10, sample.FAULT_INTERNAL, 0, 0),
        (0x12, 0x10, sample.FAULT_INTERNAL | sample.FAULT_NOT_CONFIGURED, 0, 0),
        (0x12, 0x01, sample.FAULT_NOT_CONFIGURED, 0, 0),
        (0x02, 0xFC, 0, 0, 0),
    ],
)
def test_what_the_chip_reports_of_itself_reaches_the_masks(
    desk, register, bit, fault, charge, discharge
):
    desk.chip.registers[register] |= bit
    desk.read()
    readings = desk.readings
    assert readings.front_end_fault == fault
    assert readings.front_end_charge_trip == charge
    assert readings.front_end_discharge_trip == discharge


def test_a_trip_of_the_chips_watchdog_is_counted_once_and_ends_with_its_status(desk):
    for seen, times in ((2, 1), (2, 1), (0, 1), (2, 2)):
        desk.chip.registers[0x07] = seen
        desk.read()
        assert desk.front_end.watchdog_trips == times
        assert desk.readings.front_end_fault == (sample.FAULT_INTERNAL if seen else 0)


# Switches.


@pytest.mark.parametrize(
    "charge, discharge, forced, line",
    [(1, 1, 0x00, 1), (1, 0, 0x03, 1), (0, 1, 0x0C, 1), (0, 0, 0x0F, 0)],
)
def test_switches_are_forced_off_one_by_one_and_the_line_says_whether_any_may_be_on(
    desk, charge, discharge, forced, line
):
    desk.front_end.set_switches(charge, discharge)
    assert ("data", 0x0097, bytes([forced])) in desk.chip.events[-2:]
    assert desk.line.level == line


def test_both_off_pulls_the_line_before_the_bus_is_tried(desk):
    desk.front_end.set_switches(True, True)
    desk.chip.lost = 10
    with pytest.raises(AfeError):
        desk.front_end.set_switches(False, False)
    assert desk.line.level == 0


def test_the_line_stays_low_when_the_bus_fails_to_turn_on(desk):
    desk.chip.lost = 10
    with pytest.raises(AfeError):
        desk.front_end.set_switches(True, False)
    assert desk.line.level == 0


def test_all_off_never_raises():
    class Broken:
        def value(self, level):
            raise OSError(5)

    fake_time.use(VirtualClock())
    Bq76952(Wire(), Broken()).all_off()


def set_fets(desk, charge, discharge):
    desk.chip.registers[0x7F] = charge | discharge << 2


def stuck_for(desk, ms, current=0):
    """Masks of switches on against the command seen over `ms`, a scan every 50 ms."""
    seen = set()
    for _ in range(ms // 50):
        desk.read_scan(alarm=0x02, current=current)
        seen.add(desk.front_end.switch_stuck)
        assert desk.readings.front_end_fault == 0
    return seen


def test_switch_states_are_read_back(desk):
    set_fets(desk, 1, 0)
    desk.read()
    assert desk.front_end.charge_is_on and not desk.front_end.discharge_is_on
    set_fets(desk, 0, 1)
    desk.read()
    assert not desk.front_end.charge_is_on and desk.front_end.discharge_is_on


def test_a_switch_that_stays_on_after_a_second_is_a_mismatch(desk):
    set_fets(desk, 1, 1)
    assert stuck_for(desk, 1050) == {0}
    assert stuck_for(desk, 50) == {3}
    set_fets(desk, 0, 0)
    assert stuck_for(desk, 50) == {0}


def test_a_switch_that_the_chip_holds_off_is_not_a_mismatch(desk):
    desk.front_end.set_switches(True, True)
    set_fets(desk, 0, 0)
    assert stuck_for(desk, 3000) == {0}


def test_a_spared_body_diode_is_not_a_mismatch(desk):
    # Current in units of 10 mA: 20 A of discharge through the charge switch.
    desk.front_end.set_switches(False, True)
    set_fets(desk, 1, 1)
    assert stuck_for(desk, 3000, current=-2000) == {0}
    # The same switch still on once nothing flows is one.
    assert stuck_for(desk, 1500, current=0) == {0, 1}


def test_current_through_a_switch_that_is_off_is_a_mismatch(desk):
    desk.front_end.set_switches(False, True)
    set_fets(desk, 0, 1)
    assert stuck_for(desk, 700, current=500) == {0}
    assert stuck_for(desk, 500, current=500) == {0, 1}
    assert stuck_for(desk, 50, current=0) == {0}


def test_scans_that_stand_still_prove_no_current(desk):
    desk.front_end.set_switches(False, True)
    set_fets(desk, 0, 1)
    desk.read_scan(current=500)
    for _ in range(100):
        desk.read()
    assert desk.front_end.switch_stuck == 0


def test_balancing_sends_one_bit_a_cell(desk):
    desk.front_end.balance(bytearray([1, 0, 1] + [0] * 12 + [1]))
    assert desk.chip.events[-1] == ("data", 0x0083, b"\x05\x80")
    desk.front_end.balance(bytearray(16))
    assert desk.chip.events[-1] == ("data", 0x0083, b"\x00\x00")


def test_one_prepared_error_does_not_serve_for_ever():
    served = {id(errors.failure(errors.NO_ANSWER)) for _ in range(8)}
    assert len(served) <= 2
    first = errors.failure(errors.NO_ANSWER)
    for _ in range(17):
        latest = errors.failure(errors.NO_ANSWER)
    assert latest is not first and latest.code == errors.NO_ANSWER
