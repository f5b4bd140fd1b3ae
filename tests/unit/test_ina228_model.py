"""INA228 model: the sheet's examples, conversions, sums of charge and energy, limits, ALERT."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.mock.bench import Bench
from host_tools.mock.cells import Pack
from host_tools.mock.clock import VirtualClock
from host_tools.mock.fake_pins import Pin, PinLine
from host_tools.mock.ina228 import Ina228Model
from tests.unit.bq76952_rig import MS, SECOND, ObedientBench

CONFIG, ADC_CONFIG, SHUNT_CAL, TEMPCO, VSHUNT, VBUS, DIETEMP, CURRENT, POWER = range(9)
ENERGY, CHARGE, DIAG, SOVL, SUVL, BOVL, BUVL, TEMP_LIMIT, PWR_LIMIT = range(9, 18)
WIDTHS = {VSHUNT: 3, VBUS: 3, CURRENT: 3, POWER: 3, ENERGY: 5, CHARGE: 5}
SHNTOL, SHNTUL, BUSOL, BUSUL, TMPOL, POL = 0x40, 0x20, 0x10, 0x08, 0x80, 0x04
CNVRF = 0x02
FIRST_RESULT = 3200


class Rig:
    def __init__(self, bench=None, **options):
        self.clock = VirtualClock()
        self.bench = bench or ObedientBench()
        self.line = PinLine()
        # The pull-up that an open-drain output needs.
        self.line.pull = Pin.PULL_UP
        self.chip = Ina228Model(self.clock, self.bench, alert_line=self.line, **options)
        self.wait(300)

    def wait(self, us):
        self.clock.advance(us)

    def read(self, register):
        assert self.chip.i2c_write(bytes([register])) == 1
        return int.from_bytes(self.chip.i2c_read(WIDTHS.get(register, 2)), "big")

    def signed(self, register):
        bits = 8 * WIDTHS.get(register, 2)
        value = self.read(register)
        return value - (1 << bits) if value >> (bits - 1) else value

    def write(self, register, value):
        assert self.chip.i2c_write(bytes([register, value >> 8, value & 0xFF])) == 3


def example():
    """10 A range at 16.2 mOhm: 6 A at 48 V and 25 degC."""
    rig = Rig(shunt_uohm=16200)
    rig.bench.current_ma = 6000.0
    rig.bench.stack_mv = 48000.0
    rig.bench.die_c = 25.0
    rig.write(SHUNT_CAL, 4050)
    rig.wait(FIRST_RESULT)
    return rig


def test_the_example_of_the_sheet():
    rig = example()
    assert rig.read(VSHUNT) >> 4 == 311040
    assert rig.read(VBUS) >> 4 == 245760
    assert rig.read(CURRENT) >> 4 == 314572
    assert rig.read(POWER) == pytest.approx(4718592, abs=20)
    assert rig.read(DIETEMP) == 3200


def test_the_example_after_an_hour():
    rig = example()
    rig.chip.least_event_us = SECOND
    rig.write(ADC_CONFIG, 0xFB68 | 7)
    rig.write(CONFIG, 0x4000)
    rig.wait(3600 * SECOND)
    # Up to one round of 1024 averages is still under way.
    assert rig.read(ENERGY) == pytest.approx(1061683200, rel=0.001)
    assert rig.read(CHARGE) == pytest.approx(1132462080, rel=0.001)


@pytest.mark.parametrize(
    "ma, word", [(100000.0, 0x555550), (-100000.0, 0xAAAAB0), (0.0, 0), (-97200.0, None)]
)
def test_current_of_the_150_a_shunt_in_both_signs(ma, word):
    rig = Rig(shunt_uohm=1e6 / 3000)
    rig.write(CONFIG, 0x0010)
    rig.write(SHUNT_CAL, 5000)
    rig.bench.current_ma = ma
    rig.wait(FIRST_RESULT)
    if word is None:
        assert (rig.signed(CURRENT) >> 4) * 0.286102 == pytest.approx(ma, abs=0.6)
    else:
        assert rig.read(CURRENT) == word


def test_shunt_voltage_of_the_sheet_below_zero():
    rig = Rig(shunt_uohm=1000)
    rig.bench.current_ma = -97200.0
    rig.wait(FIRST_RESULT)
    assert rig.read(VSHUNT) == 0xB41000
    assert rig.signed(VSHUNT) >> 4 == -311040


def test_the_small_range_clips():
    rig = Rig(shunt_uohm=1e6 / 3000)
    rig.write(CONFIG, 0x0010)
    rig.write(SHUNT_CAL, 5000)
    rig.bench.current_ma = 150000.0
    rig.wait(FIRST_RESULT)
    assert (rig.read(CURRENT) >> 4) * 0.286102 == pytest.approx(122880, rel=0.001)


@given(st.integers(-150000, 150000), st.booleans())
@settings(max_examples=40, deadline=None)
def test_current_is_right_in_both_ranges_as_far_as_the_word_reaches(ma, small):
    """0.5 mOhm and 80 A: CAL 1000, or 4000 in the small range, 152.588 uA each."""
    rig = Rig(shunt_uohm=500)
    rig.write(CONFIG, 0x0010 if small else 0)
    rig.write(SHUNT_CAL, 4000 if small else 1000)
    rig.bench.current_ma = float(ma)
    rig.wait(FIRST_RESULT)
    # The word of 20 bits ends before either range does.
    most = (1 << 19) * 0.152588
    expected = max(-most, min(most, ma))
    assert (rig.signed(CURRENT) >> 4) * 0.152588 == pytest.approx(expected, abs=0.8)


def test_without_calibration_there_is_no_current():
    rig = example()
    rig.write(SHUNT_CAL, 0)
    rig.wait(FIRST_RESULT)
    assert rig.read(CURRENT) == rig.read(POWER) == 0
    assert rig.read(VSHUNT) >> 4 == 311040


def test_registers_start_at_the_values_of_the_sheet():
    rig = Rig()
    words = {register: rig.read(register) for register in (0, 1, 2, 3, *range(12, 18), 62, 63)}
    assert words == {
        CONFIG: 0,
        ADC_CONFIG: 0xFB68,
        SHUNT_CAL: 0x1000,
        TEMPCO: 0,
        SOVL: 0x7FFF,
        SUVL: 0x8000,
        BOVL: 0x7FFF,
        BUVL: 0,
        TEMP_LIMIT: 0x7FFF,
        PWR_LIMIT: 0xFFFF,
        0x3E: 0x5449,
        0x3F: 0x2281,
    }
    assert rig.read(DIAG) == 1


def test_the_pointer_stays_and_does_not_count_on():
    rig = Rig()
    rig.chip.i2c_write(b"\x3e")
    assert rig.chip.i2c_read(2) == b"\x54\x49"
    assert rig.chip.i2c_read(4) == b"\x54\x49\xff\xff"


def test_read_only_registers_and_reserved_bits_take_nothing():
    rig = Rig()
    rig.write(SHUNT_CAL, 0xFFFF)
    assert rig.read(SHUNT_CAL) == 0x7FFF
    for register in (0x3E, 0x3F, CURRENT):
        before = rig.read(register)
        rig.write(register, 0x1234)
        assert rig.read(register) == before


@pytest.mark.parametrize(
    "config, us",
    [
        (0xFB68, 3156),
        (0xF000, 150),
        (0xA000, 50),
        (0xA000 | 7 << 6, 4120),
        (0xA000 | 2 << 6 | 3, 150 * 64),
        (0xF000 | 7 << 9 | 7 << 6 | 7 << 3 | 1, 3 * 4120 * 4),
    ],
)
def test_a_cycle_takes_the_sum_of_its_channels_times_the_average(config, us):
    rig = Rig()
    rig.chip.least_event_us = 1
    rig.write(ADC_CONFIG, config)
    rig.wait(us - 1)
    assert not rig.read(DIAG) & CNVRF
    rig.wait(1)
    assert rig.read(DIAG) & CNVRF
    assert not rig.read(DIAG) & CNVRF
    rig.wait(us)
    assert rig.read(DIAG) & CNVRF


def test_one_shot_measures_once_and_shutdown_never():
    rig = Rig()
    rig.bench.current_ma = 1000.0
    rig.write(ADC_CONFIG, 0x2000)
    rig.wait(50)
    first = rig.read(VSHUNT)
    rig.bench.current_ma = 2000.0
    rig.wait(SECOND)
    assert rig.read(VSHUNT) == first == round(500000 / 312.5) << 4
    rig.write(ADC_CONFIG, 0x0000)
    rig.wait(SECOND)
    assert rig.read(VSHUNT) == first


def test_the_first_conversion_may_be_delayed():
    rig = Rig()
    rig.write(CONFIG, 3 << 6)
    rig.write(ADC_CONFIG, 0xA000)
    rig.wait(6049)
    assert not rig.read(DIAG) & CNVRF
    rig.wait(1)
    assert rig.read(DIAG) & CNVRF


def test_averages_are_of_the_samples_in_the_window():
    rig = Rig()
    rig.chip.least_event_us = 1
    rig.write(ADC_CONFIG, 0xA000 | 5 << 6 | 1)
    rig.bench.current_ma = 1000.0
    rig.wait(3 * 1052)
    rig.bench.current_ma = 5000.0
    rig.wait(1052)
    assert rig.signed(VSHUNT) >> 4 == 2000 * 500 // 312.5


# Sums


@given(st.integers(-80000, 80000))
@settings(max_examples=20, deadline=None)
def test_charge_is_signed_and_energy_is_not(ma):
    rig = Rig(shunt_uohm=500)
    rig.write(SHUNT_CAL, 1000)
    rig.bench.current_ma = float(ma)
    rig.wait(FIRST_RESULT)
    rig.write(CONFIG, 0x4000)
    rig.wait(10 * SECOND)
    lsb_a = 152.588e-6
    coulomb = rig.signed(CHARGE) * lsb_a
    assert coulomb == pytest.approx(ma / 100, abs=0.01 + abs(ma) * 1e-5)
    joule = rig.read(ENERGY) * 51.2 * lsb_a
    power_w = abs(ma) / 1000 * rig.bench.stack_mv / 1000
    # The shunt's word steps in 0.6 mA.
    assert joule == pytest.approx(10 * power_w, rel=0.002, abs=0.4)


def test_on_the_bench_charge_follows_the_true_current():
    clock = VirtualClock()
    bench = Bench(clock, Pack(16), shunt_uohm=500)
    chip = Ina228Model(clock, bench, shunt_uohm=500)
    bench.set_gates(True, True)
    bench.offer(-20000.0)
    clock.advance(SECOND)
    chip.i2c_write(bytes([SHUNT_CAL, 1000 >> 8, 1000 & 0xFF]))
    chip.i2c_write(bytes([CONFIG, 0x40, 0]))
    before = bench.discharged_mas
    clock.advance(60 * SECOND)
    chip.i2c_write(bytes([CHARGE]))
    charge = int.from_bytes(chip.i2c_read(5), "big") - (1 << 40)
    assert -charge * 0.152588 == pytest.approx(bench.discharged_mas - before, rel=0.001)


def test_the_reset_of_the_sums_leaves_everything_else():
    rig = example()
    rig.wait(SECOND)
    assert rig.read(CHARGE) and rig.read(ENERGY)
    rig.write(CONFIG, 0x4000)
    assert rig.read(CHARGE) == rig.read(ENERGY) == 0
    assert rig.read(CURRENT) >> 4 == 314572
    assert rig.read(CONFIG) == 0x4000
    rig.chip.accumulator_reset_clears = True
    rig.write(CONFIG, 0x4000)
    assert rig.read(CONFIG) == 0


@pytest.mark.parametrize("ma, wrapped", [(6000.0, -1), (-6000.0, 1)])
def test_an_overflow_rolls_over_and_shows_until_the_sum_is_read(ma, wrapped):
    rig = example()
    rig.bench.current_ma = ma
    rig.wait(FIRST_RESULT)
    edge = (1 << 39) * 1_000_000
    rig.chip._charge = edge - 1 if ma > 0 else -edge
    rig.wait(FIRST_RESULT)
    assert rig.read(DIAG) & 0x0400
    assert rig.signed(CHARGE) * wrapped > 0
    assert not rig.read(DIAG) & 0x0400
    assert rig.line.level == 1


def test_a_shunt_that_warms_is_compensated():
    rig = example()
    rig.write(TEMPCO, 1000)
    rig.write(CONFIG, 0x0020)
    rig.bench.die_c = 125.0
    rig.wait(FIRST_RESULT)
    assert rig.read(CURRENT) >> 4 == pytest.approx(314572 / 1.1, abs=1)


# Limits


@pytest.mark.parametrize(
    "register, code, setting, below, above, flag",
    [
        (SOVL, 0x7D00 // 4, "current_ma", 79900.0, 80100.0, SHNTOL),
        (SUVL, -8000 & 0xFFFF, "current_ma", -80100.0, -79900.0, SHNTUL),
        (BOVL, 0x4900, "stack_mv", 58390.0, 58410.0, BUSOL),
        (BUVL, 0x4100, "stack_mv", 51990.0, 52010.0, BUSUL),
        (TEMP_LIMIT, 0x2A80, "die_c", 84.9, 85.1, TMPOL),
    ],
)
def test_limits_trip_where_the_sheet_says(register, code, setting, below, above, flag):
    rig = Rig(shunt_uohm=500)
    rig.write(register, code)
    high = flag in (SHNTOL, BUSOL, TMPOL)
    for value, tripped in ((below, not high), (above, high)):
        setattr(rig.bench, setting, value)
        rig.wait(2 * FIRST_RESULT)
        assert bool(rig.read(DIAG) & flag) == tripped
        assert rig.line.level == (0 if tripped else 1)


def test_power_has_a_limit_too():
    rig = example()
    rig.write(PWR_LIMIT, 4718000 // 256)
    rig.wait(FIRST_RESULT)
    assert rig.read(DIAG) & POL
    rig.write(PWR_LIMIT, 4720000 // 256)
    rig.wait(FIRST_RESULT)
    assert not rig.read(DIAG) & POL


def test_shunt_limits_change_their_meaning_with_the_range():
    rig = Rig(shunt_uohm=500)
    rig.write(SOVL, 0x7D00)
    rig.bench.current_ma = 81000.0
    rig.wait(FIRST_RESULT)
    assert not rig.read(DIAG) & SHNTOL
    rig.write(CONFIG, 0x0010)
    rig.wait(FIRST_RESULT)
    assert rig.read(DIAG) & SHNTOL


def test_a_latched_alert_holds_until_it_is_read():
    rig = Rig(shunt_uohm=500)
    rig.write(SOVL, 8000)
    rig.write(DIAG, 0x8000)
    rig.bench.current_ma = 90000.0
    rig.wait(FIRST_RESULT)
    rig.bench.current_ma = 0.0
    rig.wait(SECOND)
    assert rig.line.level == 0
    assert rig.read(DIAG) & SHNTOL
    assert rig.line.level == 1
    rig.bench.current_ma = 90000.0
    rig.wait(FIRST_RESULT)
    rig.read(DIAG)
    rig.wait(FIRST_RESULT)
    assert rig.line.level == 0


def test_a_short_spike_is_seen_by_samples_but_not_by_averages():
    def alarmed(control):
        rig = Rig(shunt_uohm=500)
        rig.chip.least_event_us = 1
        rig.write(SOVL, 8000)
        rig.write(DIAG, 0x8000 | control)
        rig.write(ADC_CONFIG, 0xA000 | 5 << 6 | 2)
        rig.wait(1052 * 4)
        rig.bench.current_ma = 90000.0
        rig.wait(1052)
        rig.bench.current_ma = 0.0
        rig.wait(50 * MS)
        return rig.line.level == 0

    assert alarmed(0)
    assert not alarmed(0x2000)


def test_the_pin_may_be_turned_round_and_tell_of_conversions():
    rig = Rig()
    rig.write(DIAG, 0x1000)
    assert rig.line.level == 0
    rig.write(DIAG, 0x4000)
    rig.wait(FIRST_RESULT)
    assert rig.line.level == 0
    rig.read(DIAG)
    assert rig.line.level == 1


# Reset and faults


def test_a_reset_and_a_brown_out_lose_everything():
    rig = example()
    rig.write(SOVL, 100)
    rig.write(CONFIG, 0x8000)
    assert (rig.read(SHUNT_CAL), rig.read(SOVL), rig.read(CHARGE)) == (0x1000, 0x7FFF, 0)
    rig.write(SHUNT_CAL, 4050)
    rig.chip.brown_out(5 * MS)
    assert not rig.chip.i2c_present()
    rig.wait(5 * MS)
    assert rig.read(SHUNT_CAL) == 0x1000
    rig.wait(FIRST_RESULT)
    assert rig.read(CURRENT)


def test_frozen_it_keeps_its_words_and_silent_it_acknowledges_nothing():
    rig = example()
    rig.chip.frozen = True
    rig.bench.current_ma = 0.0
    rig.wait(SECOND)
    assert rig.read(CURRENT) >> 4 == 314572
    rig.chip.answering = False
    assert not rig.chip.i2c_present()
    assert rig.chip.i2c_read(2) is None


def test_damaged_trim_memory_shows():
    rig = Rig()
    rig.chip.memory_good = False
    assert not rig.read(DIAG) & 1
