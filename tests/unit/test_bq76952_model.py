"""BQ76952 model on the bus: check codes, transfers, data memory, CONFIG_UPDATE, scans, faults."""

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.mock import bq76952_memory as memory
from host_tools.mock.bq76952 import Bq76952Model
from tests.unit.bq76952_rig import (
    ADSCAN,
    CFGUPDATE,
    CHG,
    DEFAULT_STATUS,
    DSG,
    FULLSCAN,
    MS,
    POR,
    SECOND,
    Rig,
    checksum,
    crc8,
    enabled,
    gain,
)

LOOP_WITH_3 = 63 * MS
THREE_THERMISTORS = (0x92FD, b"\x07\x07\x07")
LATCH_SCANS = (0x926D, struct.pack("<H", 0xF882))


def three_thermistors(*blocks, **options):
    rig = Rig(**options)
    rig.configure(THREE_THERMISTORS, LATCH_SCANS, *blocks)
    rig.command(0x009A, 0)
    return rig


# Check codes


@pytest.mark.parametrize(
    "reg, data, checks",
    [(0x3E, (0x90, 0x00), (0x74, 0x00)), (0x3E, (0x22, 0x00), (0x63, 0x00))],
)
def test_written_check_codes_of_the_sheet_are_accepted(reg, data, checks):
    chip = Rig(crc=True).chip
    message = bytes([reg, data[0], checks[0], data[1], checks[1]])
    assert chip.i2c_write(message) == 5


@pytest.mark.parametrize(
    "reg, data, checks",
    [
        (0x14, (0x68, 0x0B), (0x33, 0x31)),
        (0x14, (0x80, 0x0C), (0xA5, 0x24)),
        (0x12, (0x84, 0x01), (0xC4, 0x07)),
    ],
)
def test_read_check_codes_are_those_of_the_sheet(reg, data, checks):
    chip = Rig(crc=True).chip
    chip.image[reg] = data[0]
    chip.image[reg + 1] = data[1]
    chip.i2c_write(bytes([reg]))
    assert chip.i2c_read(4) == bytes([data[0], checks[0], data[1], checks[1]])


@pytest.mark.parametrize(
    "code, data, check, length",
    [
        (0x9180, b"\x7a\x30", 0x44, 6),
        (0x9261, b"\x8c", 0x80, 5),
        (0x9304, b"\xff\xff", 0x6A, 6),
        (0x9234, b"\x80\x2d", 0x8C, 6),
        (0x9335, b"\x00", 0x37, 5),
        (0x91A8, b"\xf2\x41\xef\x40\x6a\x1c\x08\x4a", 0x8C, 12),
    ],
)
def test_transfer_vectors_of_the_sheet_reach_the_data_memory(code, data, check, length):
    rig = Rig()
    rig.command(0x0090)
    rig.write(0x3E, struct.pack("<H", code) + data)
    rig.write(0x60, [check, length])
    rig.wait(2 * MS)
    assert rig.ask(code)[: len(data)] == data
    assert rig.chip.rejected_writes == 0


@pytest.mark.parametrize("data, check", [(0x0F, 0x59), (0x00, 0x68)])
def test_fet_control_vectors_of_the_sheet_are_accepted(data, check):
    rig = Rig()
    rig.write(0x3E, [0x97, 0x00, data])
    rig.write(0x60, [check, 5])
    rig.wait(1 * MS)
    assert rig.ask(0x0097) == bytes([data])


@pytest.mark.parametrize("data, check", [(b"\x05\x00", 0x77), (b"\x00\x00", 0x7C)])
def test_balancing_vectors_of_the_sheet_are_accepted(data, check):
    rig = Rig()
    rig.command(0x009A)
    rig.write(0x3E, b"\x83\x00" + data)
    rig.write(0x60, [check, 6])
    rig.wait(1 * SECOND + 1 * MS)
    assert rig.chip.rejected_writes == 0
    assert rig.ask(0x0083) == data


def test_power_up_gains_are_the_floats_of_the_sheet():
    rig = Rig()
    assert rig.ask(0x91A8)[:8] == b"\xf2\x41\xef\x40\x6a\x1c\x08\x4a"


@given(reg=st.integers(0, 127), count=st.integers(1, 64))
def test_checked_and_plain_reads_show_the_same_bytes(reg, count):
    plain, checked = Rig(), Rig(crc=True)
    for rig in (plain, checked):
        rig.wait(300 * MS)
    assert plain.read(reg, count) == checked.read(reg, count)


def test_wrong_check_is_not_acknowledged_and_its_byte_and_the_rest_are_dropped():
    rig = Rig(crc=True)
    message = bytearray(rig.framed(0x40, b"\x11\x22\x33"))
    message[4] ^= 0x01
    assert rig.chip.i2c_write(message) == 4
    assert rig.read(0x40, 3) == b"\x11\x00\x00"


def test_command_whose_check_is_wrong_does_nothing():
    rig = Rig(crc=True)
    message = bytearray(rig.framed(0x3E, b"\x90\x00"))
    message[-1] ^= 0x80
    assert rig.chip.i2c_write(message) < len(message)
    rig.wait(3 * MS)
    assert not rig.status & CFGUPDATE


def test_plain_write_in_checked_mode_is_refused():
    rig = Rig(crc=True)
    assert rig.chip.i2c_write(b"\x3e\x90\x00") == 2
    assert rig.chip.i2c_write(b"\x3e\x12") == 2
    rig.wait(3 * MS)
    assert rig.status == DEFAULT_STATUS


def test_read_goes_on_where_the_last_one_stopped_and_wraps():
    rig = Rig()
    rig.write(0x40, bytes(range(1, 9)))
    assert rig.read(0x40, 4) == b"\x01\x02\x03\x04"
    assert rig.chip.i2c_read(4) == b"\x05\x06\x07\x08"
    assert len(rig.read(0x7F, 3)) == 3


# Subcommands and data memory


@pytest.mark.parametrize(
    "code, busy_us", [(0x0001, 400), (0x0004, 8500), (0x0057, 605), (0x0083, 560), (0x0075, 660)]
)
def test_window_reads_ff_until_the_answer_is_there(code, busy_us):
    rig = Rig()
    rig.command(code, busy_us - 1)
    assert rig.read(0x3E, 2) == b"\xff\xff"
    rig.wait(1)
    assert rig.u16(0x3E) == code


def test_device_number_and_big_endian_firmware_version():
    rig = Rig()
    assert rig.ask(0x0001) == b"\x95\x76"
    assert rig.ask(0x0002)[:2] == b"\x76\x95"


def test_memory_read_hands_out_32_bytes_with_checksum_and_length():
    rig = Rig()
    data = rig.ask(0x9261)
    assert len(data) == 32
    assert data[:3] == b"\x88\x00\x00"
    assert rig.u8(0x61) == 0x24


def test_echo_of_a_pure_command_comes_before_its_effect():
    rig = Rig()
    rig.command(0x0090, 0)
    assert rig.u16(0x3E) == 0x0090
    assert not rig.status & CFGUPDATE
    rig.command(0x0057, 1999)
    assert not rig.status & CFGUPDATE
    rig.wait(1)
    assert rig.status & CFGUPDATE
    assert rig.chip.hurried_commands == 1


def test_nothing_is_written_until_the_length_is():
    rig = Rig()
    rig.command(0x0090)
    rig.write(0x3E, b"\x61\x92\x8c")
    rig.wait(5 * MS)
    assert rig.ask(0x9261)[0] == 0x88


def test_refill_of_the_window_leaves_what_the_host_has_written():
    rig = Rig()
    rig.command(0x0090)
    rig.write(0x3E, b"\x61\x92\x8c")
    rig.wait(5 * MS)
    assert rig.read(0x40, 3) == b"\x8c\x00\x00"


def test_address_and_data_may_be_written_separately():
    rig = Rig()
    rig.command(0x0090)
    rig.write(0x3E, b"\x61\x92")
    rig.wait(5 * MS)
    rig.write(0x40, b"\x8c")
    rig.write(0x60, b"\x80\x05")
    rig.wait(2 * MS)
    assert rig.ask(0x9261)[0] == 0x8C


@pytest.mark.parametrize(
    "writes",
    [
        [(0x60, b"\x81\x05")],
        [(0x60, b"\x80\x09")],
        [(0x60, b"\x80\x04")],
        [(0x60, b"\x80\x25")],
        [(0x60, b"\x80"), (0x61, b"\x05")],
    ],
    ids=["checksum", "length", "no data", "too long", "not together"],
)
def test_wrong_checksum_or_length_is_rejected(writes):
    rig = Rig()
    rig.command(0x0090)
    rig.write(0x3E, b"\x61\x92\x8c")
    rig.wait(1 * MS)
    for reg, data in writes:
        rig.write(reg, data)
    rig.wait(2 * MS)
    assert rig.chip.rejected_writes == 1
    assert rig.ask(0x9261)[0] == 0x88


@given(st.integers(memory.BASE, memory.END - 32), st.binary(min_size=1, max_size=32))
def test_any_block_written_in_config_update_reads_back(address, data):
    rig = Rig(crc=True)
    rig.command(0x0090)
    rig.send(address, data)
    assert rig.ask(address)[: len(data)] == data
    assert rig.chip.rejected_writes == 0


@given(seed=st.integers(0, 2**32))
def test_any_settings_at_all_keep_the_chip_measuring(seed):
    image = bytearray(random.Random(seed).randbytes(memory.SIZE))
    # Else a random shutdown voltage or temperature turns the chip off, as it should.
    image[0x923F - memory.BASE : 0x9246 - memory.BASE] = bytes(7)
    rig = Rig()
    rig.command(0x0090)
    rig.chip.memory[:] = image
    rig.command(0x0092)
    rig.bench.current(-12345)
    rig.wait(2 * SECOND)
    rig.read(0, 128)
    rig.ask(0x0075)


def test_settings_outside_their_range_are_named():
    rig = Rig()
    rig.configure((0x9275, b"\x13"), (0x9286, b"\x10"))
    assert rig.chip.settings.out_of_range == [0x9275, 0x9286]


def test_memory_written_outside_config_update_acts_but_is_counted():
    rig = Rig()
    rig.send(0x9304, b"\x0f\x00")
    assert rig.chip.unsupported_writes == 1
    rig.wait(300 * MS)
    assert rig.cells() == [3300] * 4 + [0] * 12


def test_settings_written_in_config_update_are_not_counted():
    rig = Rig()
    rig.configure(enabled(0xFC))
    assert rig.chip.unsupported_writes == 0
    assert rig.chip.lost_writes == 0


# CONFIG_UPDATE


def test_config_update_is_entered_after_2_ms_and_left_after_1():
    rig = Rig()
    rig.command(0x0090, 1999)
    assert not rig.status & CFGUPDATE
    rig.wait(1)
    assert rig.status & CFGUPDATE
    assert rig.status & POR
    rig.command(0x0092, 999)
    assert rig.status & CFGUPDATE
    rig.wait(1)
    assert not rig.status & (CFGUPDATE | POR)


def test_what_is_written_before_config_update_is_entered_is_lost():
    rig = Rig()
    rig.command(0x0090, 100)
    rig.send(0x9261, b"\x8c")
    assert rig.chip.lost_writes == 1
    assert rig.ask(0x9261)[0] == 0x88


@pytest.mark.parametrize("prepare", ["seal", "lock"])
def test_config_update_is_refused_when_sealed_or_locked(prepare):
    rig = Rig()
    if prepare == "seal":
        rig.command(0x0030)
    else:
        rig.configure((0x9256, b"\x02"))
    rig.command(0x0090)
    assert not rig.status & CFGUPDATE


def test_sealed_chip_hides_its_memory_and_opens_with_the_keys_in_time():
    rig = Rig()
    rig.command(0x0030)
    assert rig.status >> 8 & 3 == 3
    assert rig.ask(0x9261) == b""
    rig.command(0x0022)
    assert rig.ask(0x0057) == b"\x40\x00"
    rig.command(0x0414)
    rig.wait(5 * SECOND)
    rig.command(0x3672)
    assert rig.status >> 8 & 3 == 3
    rig.command(0x0414)
    rig.command(0x3672)
    assert rig.status >> 8 & 3 == 2
    rig.command(0xFFFF)
    rig.command(0xFFFF)
    assert rig.status >> 8 & 3 == 1


def test_nothing_is_measured_and_nothing_on_in_config_update():
    rig = Rig()
    rig.wait(300 * MS)
    rig.switch_on()
    assert rig.fets == CHG | DSG
    rig.command(0x0090)
    assert rig.bench.gates == (False, False, False, False)
    rig.bench.cell(1, 4500)
    rig.wait(5 * SECOND)
    assert rig.cells()[0] == 3300
    assert rig.read(0x02, 6) == bytes(6)


def test_registers_are_empty_from_leaving_config_update_to_the_first_scan():
    rig = Rig()
    rig.wait(300 * MS)
    rig.configure(enabled(0x88))
    assert rig.cells() == [0] * 16
    rig.wait(rig.chip.loop_us())
    assert rig.cells() == [3300] * 16


def test_sleep_disable_does_not_outlast_config_update():
    rig = Rig()
    rig.command(0x009A)
    assert not rig.status & 0x0004
    rig.configure(enabled(0x88))
    assert rig.status & 0x0004


# Scans


def test_power_up_status_and_first_scan():
    rig = Rig()
    assert rig.status == DEFAULT_STATUS
    rig.wait(88 * MS - 1)
    assert rig.cells() == [0] * 16
    rig.wait(1)
    assert rig.cells() == [3300] * 16


def test_cells_are_new_every_63_ms_with_three_thermistors():
    rig = three_thermistors()
    rig.wait(LOOP_WITH_3)
    for n in range(5):
        rig.bench.cell(1, 3000 + n)
        rig.wait(LOOP_WITH_3 - 1)
        assert rig.cells()[0] != 3000 + n
        rig.wait(1)
        assert rig.cells()[0] == 3000 + n


@pytest.mark.parametrize(
    "pins, power, loop_ms",
    [
        (b"\x00\x00\x00", 0x2982, 54),
        (b"\x07\x00\x00", 0x2982, 57),
        (b"\x07\x07\x07", 0x2982 | 0x40, 31.5),
        (b"\x07\x07\x07", 0x2982 | 0x04, 126),
        (b"\x07\x07\x07", 0x2982 | 0x0C, 504),
    ],
)
def test_loop_time_follows_the_settings(pins, power, loop_ms):
    rig = Rig()
    rig.configure((0x92FD, pins), (0x9234, struct.pack("<H", power)))
    assert rig.chip.loop_us() == loop_ms * MS


def test_scan_bits_latch_at_each_scan_and_clear_by_ones():
    rig = three_thermistors()
    seen = []
    for _ in range(9):
        rig.wait(LOOP_WITH_3)
        seen.append(rig.u16(0x62) & (ADSCAN | FULLSCAN))
        rig.write(0x62, struct.pack("<H", ADSCAN | FULLSCAN))
        assert rig.u16(0x62) & (ADSCAN | FULLSCAN) == 0
    assert seen == [ADSCAN, ADSCAN, ADSCAN | FULLSCAN] * 3
    # The raw bits never fall again.
    assert rig.u16(0x64) & (ADSCAN | FULLSCAN) == ADSCAN | FULLSCAN


def test_alarm_words_act_only_as_a_whole():
    rig = three_thermistors()
    rig.wait(LOOP_WITH_3)
    rig.write(0x62, b"\x02")
    assert rig.u16(0x62) & ADSCAN
    rig.write(0x66, b"\x00")
    assert rig.u16(0x66) == 0xF882
    rig.write(0x66, b"\x00\xf8")
    assert rig.u16(0x66) == 0xF800


def test_alarm_enable_after_power_up_hides_the_scans():
    rig = Rig()
    rig.wait(1 * SECOND)
    assert rig.u16(0x66) == 0xF800
    assert rig.u16(0x62) & (ADSCAN | FULLSCAN) == 0


def test_alert_pin_follows_the_alarm_status_once_it_is_configured():
    rig = three_thermistors((0x92FC, b"\x2a"))
    assert not rig.chip.alert
    rig.wait(LOOP_WITH_3)
    assert rig.chip.alert
    assert rig.u8(0x7F) & 0x40
    rig.write(0x62, b"\xff\xff")
    assert not rig.chip.alert


def test_stack_pack_ld_and_die_are_new_once_a_full_scan():
    rig = three_thermistors()
    rig.wait(3 * LOOP_WITH_3)
    moments = []
    for loop in range(1, 7):
        rig.bench.stack_mv = 50000 + 100 * loop
        rig.bench.pack_mv = 51000 + 100 * loop
        rig.bench.ld_mv = 52000 + 100 * loop
        rig.bench.die_c = 30 + loop
        rig.wait(LOOP_WITH_3)
        moments.append(
            (
                rig.i16(0x34) - 5000,
                rig.i16(0x36) - 5100,
                rig.i16(0x38) - 5200,
                (rig.i16(0x68) - 3031) // 10,
            )
        )
    assert [m[0] for m in moments] == [10, 10, 10, 40, 40, 40]
    assert [m[1] for m in moments[1:]] == [20, 20, 20, 50, 50]
    assert [m[2] for m in moments[2:]] == [30, 30, 30, 60]
    assert [m[3] for m in moments] == [1, 1, 1, 4, 4, 4]


def test_thermistors_read_tenths_of_a_kelvin_and_other_pins_do_not():
    rig = Rig()
    rig.configure((0x92FD, b"\x07\x0f\x00"), (0x9301, b"\x07"))
    rig.bench.temps_c = [-12.3, 40.0, 25.0, 60.05]
    rig.wait(300 * MS)
    assert rig.i16(0x70) == 2609
    assert rig.i16(0x72) == 3132
    assert rig.i16(0x74) == 0
    assert rig.i16(0x78) == 3332


def test_thermistor_pin_with_the_wrong_curve_shows_no_temperature():
    rig = Rig()
    rig.configure((0x92FD, b"\x57\x07\x07"))
    rig.wait(300 * MS)
    assert rig.i16(0x70) == 0
    assert rig.i16(0x72) == 2982


def test_missing_thermistor_shows_the_open_pin_value():
    rig = three_thermistors()
    rig.bench.temps_c[1] = None
    rig.wait(300 * MS)
    assert rig.i16(0x72) == Bq76952Model.open_pin_value
    assert rig.i16(0x70) == 2982


@pytest.mark.parametrize("config, shown", [(0x05, 5280), (0x01, 32767)])
def test_stack_is_in_user_volts_and_saturates(config, shown):
    rig = Rig()
    rig.configure((0x9303, bytes([config])))
    rig.wait(300 * MS)
    assert rig.i16(0x34) == shown


@pytest.mark.parametrize("unit, user_ma", [(0x04, 0.1), (0x05, 1), (0x06, 10), (0x07, 100)])
def test_current_is_in_user_amps_and_saturates(unit, user_ma):
    rig = Rig()
    rig.configure(gain(0.5), (0x9303, bytes([unit])))
    for ma in (-20000, 150, 300000, -5000000):
        rig.bench.current(ma)
        rig.wait(300 * MS)
        # The converter ends at 248 mV, here 496 A, whatever the unit.
        right = max(-32768, min(32767, max(ma, -496000) / user_ma))
        assert rig.i16(0x3A) == pytest.approx(right, abs=0.51, rel=1e-5)


def test_wrong_gain_shows_as_wrong_current():
    rig = Rig()
    rig.configure(gain(1.0))
    rig.bench.current(-10000)
    rig.wait(300 * MS)
    assert rig.i16(0x3A) == -5000
    # The settings' own default constant differs by 1.2 %.
    rig.configure(gain(0.5, 7.4768))
    rig.wait(300 * MS)
    assert rig.i16(0x3A) == pytest.approx(-9879, abs=1)


def test_cells_follow_the_channels_of_vcell_mode():
    rig = Rig(cells=4)
    rig.configure((0x9304, b"\x07\x80"))
    for n in range(4):
        rig.bench.cell(n + 1, 3001 + n)
    rig.wait(300 * MS)
    assert rig.cells() == [3001, 3002, 3003] + [0] * 12 + [3004]


def test_mask_that_does_not_match_the_wiring_reads_zero_and_trips_under_voltage():
    rig = Rig(cells=4, wiring=0x8007)
    rig.configure((0x9304, b"\x0f\x00"), enabled(0x04))
    rig.wait(600 * MS)
    assert rig.cells() == [3300, 3300, 3300] + [0] * 13
    assert rig.u8(0x03) == 0x04


def test_cell_gains_scale_what_is_read():
    rig = Rig()
    rig.configure((0x9180, struct.pack("<h", 12120 * 2)))
    rig.wait(300 * MS)
    assert rig.cells()[:2] == [6600, 3300]


def test_noise_comes_from_the_seed():
    traces = []
    for seed in (1, 1, 2):
        rig = Rig(seed=seed)
        rig.chip.noise_mv = 2
        rig.configure(enabled(0x88))
        rig.wait(300 * MS)
        traces.append(rig.cells())
    assert traces[0] == traces[1] != traces[2]
    assert all(3298 <= mv <= 3302 for mv in traces[0])


def test_raw_counts_and_summary_agree_with_the_registers():
    rig = Rig()
    rig.bench.cell(7, 3456)
    rig.wait(600 * MS)
    counts = struct.unpack("<8i", rig.ask(0x0072))
    assert counts[4] * 0.722 / 1000 == pytest.approx(3456, abs=0.01)
    words = struct.unpack("<12h", rig.ask(0x0075)[:24])
    assert words[2:4] == (3456, 3300)


def test_passed_charge_counts_user_amp_hours_from_half_a_unit():
    rig = Rig()
    rig.configure(gain(0.5))
    rig.command(0x0082)
    rig.bench.current(-36000)
    rig.wait(100 * SECOND)
    whole, fraction, seconds = struct.unpack("<iII", rig.ask(0x0076)[:12])
    assert whole + fraction / 2**32 - 0.5 == pytest.approx(-1000, abs=4)
    assert seconds in (99, 100)


# Bus type, faults


def test_comm_type_acts_only_on_29bc_and_is_lost_with_a_reset():
    rig = Rig()
    rig.configure((0x9239, b"\x12"))
    assert rig.status
    rig.command(0x29BC)
    rig.crc = True
    assert rig.ask(0x0001) == b"\x95\x76"
    rig.command(0x0012, 10 * MS)
    rig.crc = False
    assert rig.status == DEFAULT_STATUS


def test_29e7_goes_back_to_plain_i2c_at_once():
    rig = Rig(crc=True)
    rig.command(0x29E7)
    rig.crc = False
    assert rig.status == DEFAULT_STATUS


def test_other_bus_types_leave_i2c_until_a_reset():
    rig = Rig()
    rig.command(0x7C40)
    assert not rig.chip.i2c_present()
    rig.chip.reset()
    rig.wait(5 * MS)
    assert rig.chip.i2c_present()


def test_chip_that_does_not_answer_acknowledges_nothing():
    rig = Rig()
    rig.chip.answering = False
    assert not rig.chip.i2c_present()
    assert rig.chip.i2c_write(b"\x12") == 0
    assert rig.chip.i2c_read(2) is None


def test_corrupt_checks_spoil_every_read_and_refuse_every_write():
    rig = Rig(crc=True)
    rig.wait(300 * MS)
    rig.chip.corrupt_checks = True
    rig.chip.i2c_write(b"\x14")
    framed = rig.chip.i2c_read(64)
    header = b"\x10\x14\x11"
    for at in range(0, 64, 2):
        assert framed[at + 1] != crc8(header + framed[at : at + 1])
        header = b""
    assert rig.chip.i2c_write(rig.framed(0x3E, b"\x95\x00")) == 2
    rig.chip.corrupt_checks = False
    assert rig.cells() == [3300] * 16


def test_frozen_chip_answers_but_measures_and_trips_no_more():
    rig = three_thermistors(enabled(0xFC))
    rig.switch_on()
    rig.chip.frozen = True
    rig.write(0x62, b"\xff\xff")
    rig.bench.cell(3, 4600)
    rig.bench.current(-90000)
    rig.wait(20 * SECOND)
    assert rig.cells() == [3300] * 16
    assert rig.i16(0x3A) == 0
    assert rig.u16(0x62) == 0
    assert rig.u8(0x03) == 0
    assert rig.fets == CHG | DSG
    rig.chip.frozen = False
    rig.wait(1 * SECOND)
    assert rig.cells()[2] == 4600
    assert rig.u8(0x03) & 0x08
    assert rig.fets == 0


def test_reset_loses_everything_once():
    rig = three_thermistors(enabled(0xFC))
    rig.switch_on()
    assert rig.bench.gates[:2] == (True, True)
    rig.chip.reset()
    assert rig.bench.gates[:2] == (False, False)
    assert not rig.chip.i2c_present()
    rig.wait(5 * MS)
    assert rig.status == DEFAULT_STATUS
    assert rig.ask(0x9261)[:3] == b"\x88\x00\x00"
    assert rig.ask(0x0057) == b"\x40\x00"
    rig.wait(2 * SECOND)
    assert rig.cells() == [3300] * 16
    assert rig.fets == 0


def test_torn_read_mixes_old_low_with_new_high_bytes():
    rig = three_thermistors()
    rig.bench.cell(2, 0x0D00)
    rig.wait(LOOP_WITH_3 * 2)
    rig.chip.tear_next_reads(1)
    assert rig.cells()[1] == 0x0D00
    rig.bench.cell(2, 0x0CFF)
    rig.wait(LOOP_WITH_3)
    assert rig.chip.torn_reads == 0
    assert rig.cells()[1] == 0x0C00
    assert rig.cells()[1] == 0x0CFF
    assert rig.chip.torn_reads == 1


def test_stack_below_six_volts_turns_the_chip_off():
    rig = three_thermistors()
    rig.bench.stack_mv = 5900
    rig.wait(2 * SECOND)
    assert not rig.chip.i2c_present()
    rig.bench.stack_mv = 50000
    rig.chip.power_up()
    assert rig.status == DEFAULT_STATUS


def test_otp_write_is_only_counted():
    rig = Rig()
    rig.command(0x00A1)
    assert rig.chip.otp_writes == 1


@given(st.lists(st.tuples(st.integers(0, 127), st.binary(max_size=6)), max_size=12))
def test_any_rubbish_on_the_bus_is_survived(writes):
    rig = Rig()
    for reg, data in writes:
        rig.chip.i2c_write(bytes([reg]) + data)
        rig.wait(1 * MS)
        rig.chip.i2c_read(5)
    rig.wait(1 * SECOND)
    assert checksum(0x9261, b"\x8c") == 0x80
