"""The BQ769x0 model on its bus, and what its conversions say: the fact sheet's printed vectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.mock.bq769x0_inputs import GROUPS, used_inputs
from tests.unit.bq769x0_rig import MS, SECOND, Rig, crc8

# Address, register, data bytes: check bytes as printed, the first of them off a real chip.
WRITES = [
    (0x08, 0x05, [0x40], [0x24]),
    (0x08, 0x0B, [0x19], [0x7A]),
    (0x08, 0x04, [0x10], [0x86]),
    (0x08, 0x04, [0x18], [0xBE]),
    (0x08, 0x04, [0x01], [0xF1]),
    (0x08, 0x04, [0x02], [0xF8]),
    (0x08, 0x05, [0x03], [0xEA]),
    (0x08, 0x00, [0x80], [0x2B]),
    (0x08, 0x09, [0xAC, 0x97], [0x52, 0xEC]),
    (0x18, 0x0B, [0x19], [0x39]),
    (0x18, 0x04, [0x10], [0xC5]),
]


def message(register, data, checks):
    out = [register]
    for value, check in zip(data, checks, strict=True):
        out += [value, check]
    return bytes(out)


@pytest.mark.parametrize("address, register, data, checks", WRITES)
def test_printed_check_of_a_write_is_taken_and_any_other_refused(address, register, data, checks):
    rig = Rig(address=address)
    good = message(register, data, checks)
    assert rig.chip.i2c_write(good) == len(good)
    for bit in range(8):
        bad = bytearray(good)
        bad[-1] ^= 1 << bit
        # Everything before the wrong check was acknowledged, the check itself is not.
        assert Rig(address=address).chip.i2c_write(bytes(bad)) == len(good) - 1


def test_write_with_a_wrong_check_changes_nothing_but_the_good_bytes_before_it_stand():
    rig = Rig()
    rig.chip.i2c_write(bytes([0x09, 0x11, crc8(bytes([0x10, 0x09, 0x11])), 0x22, 0x00]))
    assert rig.read(0x09, 2) == bytes([0x11, 0x97])


def test_byte_without_its_check_is_not_written():
    rig = Rig()
    rig.chip.i2c_write(bytes([0x0B, 0x19]))
    assert rig.u8(0x0B) == 0


@pytest.mark.parametrize("address, check", [(0x08, 0x0A), (0x18, 0xA4)])
def test_read_carries_the_printed_checks(address, check):
    rig = Rig(address=address)
    rig.write(0x04, 0x18)
    rig.chip.i2c_write(b"\x04")
    assert rig.chip.i2c_read(4) == bytes([0x18, check, 0x00, 0x00])


def test_read_back_of_a_real_chip():
    rig = Rig()
    rig.write(0x05, 0x40)
    rig.chip.i2c_write(b"\x05")
    assert rig.chip.i2c_read(2) == b"\x40\x85"
    rig.chip.i2c_write(b"\x05")
    # One byte may be read without its check.
    assert rig.chip.i2c_read(1) == b"\x40"


def test_pointer_goes_on_where_a_read_without_register_begins():
    rig = Rig(crc=False)
    rig.chip.i2c_write(b"\x09")
    assert rig.chip.i2c_read(1) == b"\xac"
    assert rig.chip.i2c_read(1) == b"\x97"


def test_check_byte_that_a_plain_part_takes_for_data_falls_on_a_read_only_register():
    rig = Rig(crc=False)
    rig.chip.i2c_write(bytes([0x0B, 0x19, 0x7A]))
    assert rig.u8(0x0B) == 0x19
    assert rig.u8(0x0C) == 0


@pytest.mark.parametrize("crc", [False, True])
def test_defaults_after_power_up(crc):
    rig = Rig(crc)
    assert rig.read(0x00, 12) == bytes([0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0xAC, 0x97, 0])
    assert rig.gates == (False, False)


@given(st.lists(st.tuples(st.integers(0x06, 0x0B), st.integers(0, 255)), max_size=20))
def test_what_is_written_is_read_back_but_for_bits_that_do_not_exist(writes):
    exists = {0x06: 0x9F, 0x07: 0x7F, 0x08: 0xFF, 0x09: 0xFF, 0x0A: 0xFF, 0x0B: 0x3F}
    kept = {0x06: 0, 0x07: 0, 0x08: 0, 0x09: 0xAC, 0x0A: 0x97, 0x0B: 0}
    rig = Rig()
    for register, value in writes:
        rig.write(register, value)
        kept[register] = value & exists[register]
    assert rig.read(0x06, 6) == bytes([kept[register] for register in range(0x06, 0x0C)])


def test_readings_and_factory_values_cannot_be_written():
    rig = Rig()
    rig.wait(SECOND)
    before = rig.read(0x0C, 80)
    for register in range(0x0C, 0x5C):
        rig.write(register, 0x55)
    assert rig.read(0x0C, 80) == before


def test_bits_that_must_stay_zero_are_counted():
    rig = Rig()
    for register, value in ((0x04, 0x14), (0x05, 0x04), (0x06, 0x20), (0x08, 0x01)):
        rig.write(register, value)
    assert rig.chip.forbidden_writes == 4


# Factory calibration


@given(st.integers(365, 396), st.integers(-128, 127), st.integers(0, 1000))
def test_factory_calibration_reads_back(gain_uv, offset_mv, seed):
    rig = Rig(gain_uv=gain_uv, offset_mv=offset_mv, seed=seed)
    code = (rig.u8(0x50) >> 2 & 3) << 3 | rig.u8(0x59) >> 5
    assert 365 + code == gain_uv
    assert (rig.u8(0x51) ^ 0x80) - 0x80 == offset_mv


def test_printed_gain():
    rig = Rig(gain_uv=386)
    assert (rig.u8(0x50) & 0x0C, rig.u8(0x59) & 0xE0) == (0x08, 0xA0)


def test_every_seed_is_another_chip_within_the_printed_range():
    chips = [Rig(seed=seed, gain_uv=None, offset_mv=None).chip.inputs for seed in range(200)]
    assert {chip.gain_uv for chip in chips} == set(range(365, 397))
    offsets = {chip.offset_mv for chip in chips}
    assert -40 <= min(offsets) < -20 and 30 < max(offsets) <= 50
    for chip in chips:
        assert all(241250 <= period <= 258750 for period in chip.periods_us)


# Cells


@pytest.mark.parametrize("code, mv", [(0x1800, 2365), (0x1F10, 3052)])
def test_printed_cell_codes(code, mv):
    rig = Rig(gain_uv=380, offset_mv=30)
    exact_mv = code * 0.380 + 30
    assert abs(exact_mv - mv) < 0.5
    rig.bench.cell(1, exact_mv)
    rig.wait(SECOND)
    assert rig.cell_code(1) == code


@given(st.integers(365, 396), st.integers(-40, 50), st.floats(500, 4900))
def test_code_is_within_half_a_step_of_the_cell(gain_uv, offset_mv, mv):
    rig = Rig(gain_uv=gain_uv, offset_mv=offset_mv)
    rig.bench.cell(7, mv)
    rig.wait(SECOND)
    assert abs(gain_uv * rig.cell_code(7) / 1000 + offset_mv - mv) <= gain_uv / 2000 + 1e-6


PARTS = [
    (variant, cells)
    for variant, least, most in (("bq76920", 3, 5), ("bq76930", 6, 10), ("bq76940", 9, 15))
    for cells in range(least, most + 1)
]
# The sheet's table, as printed.
PRINTED = {
    ("bq76920", 3): "1,2,5",
    ("bq76920", 4): "1,2,3,5",
    ("bq76930", 6): "1,2,5,6,7,10",
    ("bq76930", 7): "1,2,3,5,6,7,10",
    ("bq76930", 8): "1,2,3,5,6,7,8,10",
    ("bq76930", 9): "1,2,3,4,5,6,7,8,10",
    ("bq76940", 9): "1,2,5,6,7,10,11,12,15",
    ("bq76940", 10): "1,2,3,5,6,7,10,11,12,15",
    ("bq76940", 11): "1,2,3,5,6,7,8,10,11,12,15",
    ("bq76940", 12): "1,2,3,5,6,7,8,10,11,12,13,15",
    ("bq76940", 13): "1,2,3,4,5,6,7,8,10,11,12,13,15",
    ("bq76940", 14): "1,2,3,4,5,6,7,8,9,10,11,12,13,15",
}


@pytest.mark.parametrize("variant, cells", PARTS)
def test_cells_lie_on_the_printed_inputs_and_the_others_are_shorted(variant, cells):
    printed = PRINTED.get((variant, cells))
    used = [int(n) for n in printed.split(",")] if printed else list(range(1, cells + 1))
    assert used_inputs(variant, cells) == used
    rig = Rig(variant=variant, cells=cells)
    for n in range(1, cells + 1):
        rig.bench.cell(n, 3000 + 10 * n)
    rig.wait(SECOND)
    for number in range(1, 16):
        mv = 0.382 * rig.cell_code(number)
        if number in used:
            assert abs(mv - (3010 + 10 * used.index(number))) < 0.2
        elif number <= 5 * GROUPS[variant]:
            assert rig.cell_code(number) == 5
        else:
            assert rig.cell_code(number) == 0


@pytest.mark.parametrize(
    "variant, cells", [("bq76920", 2), ("bq76920", 6), ("bq76930", 5), ("bq76940", 16)]
)
def test_numbers_of_cells_that_a_part_cannot_have(variant, cells):
    with pytest.raises(ValueError):
        Rig(variant=variant, cells=cells)


def test_product_may_wire_its_cells_otherwise():
    wiring = (1, 2, 3, 4, 6, 7, 10)
    rig = Rig(variant="bq76930", cells=7, wiring=wiring)
    rig.wait(SECOND)
    read = [n for n in range(1, 11) if rig.cell_code(n) > 100]
    assert read == list(wiring)


def test_pack_of_the_real_chip():
    """14 cells, gain 377, offset 48: the shorted input adds its five counts."""
    rig = Rig(cells=14, gain_uv=377, offset_mv=48)
    for n in range(1, 15):
        rig.bench.cell(n, 57099.5 / 14)
    rig.wait(SECOND)
    assert abs(377 * rig.cell_code(14) / 1000 + 48 - 49.9) < 0.05
    assert abs(rig.u16(0x2A) - 0x922B) <= 2
    pack_mv = 4 * 377 * rig.u16(0x2A) / 1000 + 14 * 48
    assert abs(pack_mv - 57099.5) < 5


def test_shorted_input_of_a_chip_with_a_negative_offset_reads_nought():
    rig = Rig(cells=14, offset_mv=-38)
    rig.wait(SECOND)
    assert abs(382 * rig.cell_code(14) / 1000 - 38) < 0.4


@pytest.mark.parametrize("variant, ms", [("bq76920", 250), ("bq76930", 400), ("bq76940", 800)])
def test_first_cells_come_late_and_are_zero_before(variant, ms):
    rig = Rig(variant=variant, cells={"bq76920": 5, "bq76930": 10, "bq76940": 15}[variant])
    top = len(rig.bench.cell_mv)
    rig.wait(ms * MS - 1)
    assert rig.cell_code(top) == 0
    rig.wait(1)
    assert all(rig.cell_code(n) > 8000 for n in range(1, top + 1))


def test_cells_are_taken_every_250_ms_by_clocks_that_drift_apart():
    rig = Rig(seed=3)
    rig.wait(SECOND)
    seen = {number: [] for number in (1, 6, 11)}
    for step in range(2000):
        for number in seen:
            rig.bench.cell_mv[number - 1] = 3000.0 + step
        rig.wait(MS)
        for number, codes in seen.items():
            code = rig.cell_code(number)
            if not codes or codes[-1] != code:
                codes.append(code)
    for codes in seen.values():
        assert 7 <= len(codes) - 1 <= 9
    assert seen[1][1] != seen[6][1] != seen[11][1]


def test_without_adc_the_last_reading_stays():
    rig = Rig()
    rig.wait(SECOND)
    rig.write(0x04, 0x00)
    before = rig.read(0x0C, 38)
    rig.bench.cell(1, 3900)
    rig.wait(3 * SECOND)
    assert rig.read(0x0C, 38) == before
    rig.write(0x04, 0x10)
    rig.wait(300 * MS)
    assert abs(0.382 * rig.cell_code(1) - 3900) < 0.2


# Temperatures


@pytest.mark.parametrize(
    "ohm, code", [(27280, 6321), (10000, 4319), (5827, 3181), (3540, 2259), (1e9, 8639)]
)
def test_printed_thermistor_codes(ohm, code):
    rig = Rig(thermistor_ohm=lambda degrees: ohm)
    rig.write(0x04, 0x18)
    rig.wait(3 * SECOND)
    assert [rig.u16(register) for register in (0x2C, 0x2E, 0x30)] == [code] * 3


@pytest.mark.parametrize("die_c, code", [(0, 3416), (25, 3141), (60, 2757)])
def test_printed_die_codes(die_c, code):
    rig = Rig()
    rig.bench.die_c = float(die_c)
    rig.wait(3 * SECOND)
    assert [rig.u16(register) for register in (0x2C, 0x2E, 0x30)] == [code] * 3


def test_change_of_the_temperature_source_shows_within_two_seconds_and_not_at_once():
    rig = Rig()
    rig.wait(3500 * MS)
    die = rig.u16(0x2C)
    rig.write(0x04, 0x18)
    rig.wait(100 * MS)
    assert rig.u16(0x2C) == die
    rig.wait(2 * SECOND)
    assert rig.u16(0x2C) == 4319


def test_broken_and_shorted_thermistors():
    rig = Rig()
    rig.bench.temps_c = [None, 1000.0, 25.0]
    rig.write(0x04, 0x18)
    rig.wait(3 * SECOND)
    assert rig.u16(0x2C) > 8200
    assert rig.u16(0x2E) < 400


def test_boot_voltage_left_on_the_pin_falsifies_its_temperature():
    rig = Rig()
    rig.chip.boot_pin(1)
    rig.write(0x04, 0x18)
    rig.wait(3 * SECOND)
    assert rig.u16(0x2C) > 8200
    assert rig.u16(0x2E) == 4319


# Current


@pytest.mark.parametrize(
    "uv, code", [(84400, 0x2710), (-270080, 0x8300), (-8.44, 0xFFFF), (-400000, 0x8300)]
)
def test_printed_current_codes(uv, code):
    rig = Rig(shunt_uohm=1000)
    rig.quiet_limits()
    rig.bench.current(uv)
    rig.write(0x05, 0x40)
    rig.wait(300 * MS)
    assert rig.u16(0x32) == code


def test_code_is_the_mean_of_its_quarter_second():
    rig = Rig(shunt_uohm=1000)
    rig.write(0x05, 0x40)
    period_us = rig.chip.inputs.periods_us[0]
    rig.bench.current(8440)
    rig.wait(period_us // 4)
    rig.bench.current(0)
    rig.wait(period_us)
    # The second one has begun, with nothing flowing in it.
    assert rig.i16(0x32) in (249, 250, 251)
    rig.wait(period_us)
    assert rig.i16(0x32) == 0


def test_sense_pins_the_other_way_round():
    rig = Rig(current_sign=-1)
    rig.bench.current(8440)
    rig.write(0x05, 0x40)
    rig.wait(300 * MS)
    assert rig.i16(0x32) == -1000


def test_current_is_ready_every_quarter_second_and_stays_so_until_cleared():
    rig = Rig()
    rig.wait(SECOND)
    assert rig.status == 0
    rig.write(0x05, 0x40)
    assert rig.status == 0
    ready = 0
    for _ in range(200):
        rig.wait(10 * MS)
        if rig.status == 0x80:
            ready += 1
            rig.wait(5 * MS)
            assert rig.status == 0x80 and rig.chip.alert
            rig.write(0x00, 0x80)
            assert rig.status == 0 and not rig.chip.alert
    assert 7 <= ready <= 9


def test_single_conversion_only_with_the_counter_off_and_its_bit_clear():
    rig = Rig()
    rig.bench.current(8440)
    rig.write(0x05, 0x20)
    rig.wait(300 * MS)
    assert (rig.u8(0x05), rig.status, rig.i16(0x32)) == (0, 0x80, 1000)
    rig.write(0x05, 0x20)
    assert rig.u8(0x05) == 0
    rig.write(0x00, 0x80)
    rig.wait(SECOND)
    assert rig.status == 0
