"""BQ76952 model: SLEEP, DEEPSLEEP, SHUTDOWN, brown-out, and what leads there and back."""

import struct

import pytest

from tests.unit.bq76952_rig import CHG, DEFAULT_STATUS, DSG, MS, POR, SECOND, Rig, enabled, gain

SLEEP = 0x8000
SD_CMD = 0x2000
DEEPSLEEP = 0x04
WAKE = 0x0001
SHUTV = 0x0010


def running(*blocks):
    rig = Rig()
    rig.configure(gain(0.5), *blocks)
    rig.switch_on()
    return rig


def asleep(*blocks):
    rig = running(*blocks)
    rig.command(0x0099)
    rig.wait(500 * MS)
    assert rig.status & SLEEP
    return rig


def ld(rig, mv):
    rig.bench.ld_mv = float(mv)
    rig.bench.react()


# SLEEP


def test_sleep_measures_every_five_seconds_and_keeps_discharge_on():
    rig = asleep()
    assert rig.fets == DSG
    rig.wait(5 * SECOND)
    rig.bench.cell(1, 3200)
    rig.wait(4 * SECOND)
    assert rig.cells()[0] == 3300
    rig.wait(1 * SECOND)
    assert rig.cells()[0] == 3200


def test_charge_fet_stays_on_in_sleep_with_sleepchg():
    rig = asleep((0x9308, b"\x0f"))
    assert rig.fets == CHG | DSG


@pytest.mark.parametrize("ma, asleep_after", [(19, True), (21, False)])
def test_sleep_needs_less_than_its_current(ma, asleep_after):
    rig = running()
    rig.bench.current(-ma)
    rig.command(0x0099)
    rig.wait(1 * SECOND)
    assert bool(rig.status & SLEEP) == asleep_after


@pytest.mark.parametrize("stack_mv, awake", [(19000, True), (21000, False)])
def test_charger_keeps_awake_only_below_the_stack_threshold(stack_mv, awake):
    rig = running()
    rig.bench.stack_mv = float(stack_mv)
    rig.bench.pack_mv = stack_mv + 2100.0
    rig.command(0x0099)
    rig.wait(1 * SECOND)
    assert bool(rig.status & SLEEP) != awake


def test_charger_wakes():
    rig = asleep()
    rig.bench.stack_mv = 19000.0
    rig.bench.pack_mv = 21500.0
    rig.bench.react()
    assert not rig.status & SLEEP


@pytest.mark.parametrize("speed, period_ms", [(0, 48), (1, 24), (2, 12), (3, 6)])
def test_wake_current_is_looked_at_in_its_rhythm(speed, period_ms):
    rig = asleep((0x9234, struct.pack("<H", 0x2980 | speed)))
    now_us = rig.clock.now_us
    rig.wait(period_ms * MS - now_us % (period_ms * MS) + 1)
    rig.bench.current(-501)
    rig.wait(period_ms * MS - 2)
    assert rig.status & SLEEP
    rig.wait(1)
    assert not rig.status & SLEEP


def test_short_current_between_two_looks_does_not_wake():
    rig = asleep()
    rig.wait(12 * MS - rig.clock.now_us % (12 * MS) + 1)
    rig.bench.current(-2000)
    rig.wait(5 * MS)
    rig.bench.current(0)
    rig.wait(100 * MS)
    assert rig.status & SLEEP


def test_data_is_fresh_within_a_second_after_waking_and_the_alarm_tells():
    rig = asleep((0x926D, struct.pack("<H", WAKE)))
    rig.bench.cell(1, 3200)
    rig.command(0x009A)
    assert rig.u16(0x62) == WAKE
    rig.wait(1 * SECOND)
    assert rig.cells()[0] == 3200
    assert rig.fets == CHG | DSG


def test_over_current_trips_in_sleep_as_fast_as_awake():
    rig = asleep(enabled(0xFC))
    rig.bench.current(-30000)
    rig.wait(15)
    assert rig.u8(0x03) & 0x80
    assert not rig.status & SLEEP


# DEEPSLEEP


def deep():
    rig = running(enabled(0xFC))
    rig.command(0x000F)
    assert not rig.u16(0x00) & DEEPSLEEP
    rig.command(0x000F)
    assert rig.u16(0x00) & DEEPSLEEP
    return rig


def test_deep_sleep_needs_its_command_twice_within_four_seconds():
    rig = running()
    rig.command(0x000F)
    rig.wait(5 * SECOND)
    rig.command(0x000F)
    assert not rig.u16(0x00) & DEEPSLEEP
    rig.command(0x000F)
    assert rig.u16(0x00) & DEEPSLEEP


def test_nothing_is_on_measured_or_guarded_in_deep_sleep():
    rig = deep()
    assert rig.bench.gates[:2] == (False, False)
    rig.bench.cell(1, 4600)
    rig.wait(10 * SECOND)
    assert rig.cells()[0] == 3300
    assert rig.u8(0x03) == 0


@pytest.mark.parametrize("way", ["command", "LD", "button"])
def test_deep_sleep_ends_and_the_fets_come_back_after_250_ms_and_a_loop(way):
    rig = deep()
    rig.ask(0x0001)
    assert rig.u16(0x00) & DEEPSLEEP
    if way == "command":
        rig.command(0x000E, 500)
    elif way == "LD":
        ld(rig, 53000)
    else:
        rig.chip.rst_shut_pin(1)
        rig.wait(900 * MS)
        rig.chip.rst_shut_pin(0)
    assert not rig.u16(0x00) & DEEPSLEEP
    wait_us = 250 * MS + rig.chip.loop_us()
    rig.wait(wait_us - 1)
    assert rig.bench.gates[:2] == (False, False)
    rig.wait(1)
    assert rig.bench.gates[:2] == (True, True)
    assert not rig.status & POR


@pytest.mark.parametrize("power, reg1_mv", [(0x2982, 0), (0x2D82, 3300)])
def test_regulators_stay_on_in_deep_sleep_only_if_told_to(power, reg1_mv):
    rig = running((0x9234, struct.pack("<H", power)), (0x9236, b"\x0d"), (0x9237, b"\x01"))
    assert rig.chip.regulators.reg1_mv == 3300
    rig.command(0x000F)
    rig.command(0x000F)
    assert rig.chip.regulators.reg1_mv == reg1_mv
    rig.command(0x000E)
    if reg1_mv:
        assert rig.chip.regulators.reg1_mv == 3300


# SHUTDOWN


def test_shutdown_command_loses_everything_and_ld_wakes():
    rig = running(enabled(0xFC))
    rig.command(0x0010)
    assert not rig.chip.i2c_present()
    assert rig.bench.gates[:2] == (False, False)
    rig.wait(10 * SECOND)
    assert not rig.chip.i2c_present()
    ld(rig, 53000)
    rig.wait(4299)
    assert not rig.chip.i2c_present()
    rig.wait(1)
    assert rig.status == DEFAULT_STATUS
    assert rig.ask(0x9261)[:1] == b"\x88"


def test_ld_that_has_been_high_all_along_does_not_wake():
    rig = running()
    ld(rig, 53000)
    rig.command(0x0010)
    rig.bench.react()
    assert not rig.chip.powered
    ld(rig, 0)
    ld(rig, 53000)
    assert rig.chip.powered


@pytest.mark.parametrize("power, wakes", [(0x2982, True), (0x3982, False)])
def test_ts2_wakes_unless_it_has_a_thermistor(power, wakes):
    rig = running((0x9234, struct.pack("<H", power)))
    rig.command(0x0010)
    rig.chip.ts2_pin(1)
    assert not rig.chip.powered
    rig.chip.ts2_pin(0)
    assert rig.chip.powered == wakes


def test_sealed_shutdown_needs_its_command_twice():
    rig = running()
    rig.command(0x0030)
    rig.command(0x0010)
    rig.wait(5 * SECOND)
    rig.command(0x0010)
    assert rig.chip.powered
    rig.command(0x0010)
    assert not rig.chip.powered


def test_shutdown_delays_show_and_a_second_command_skips_them():
    rig = running((0x9252, b"\x04\x08"))
    rig.command(0x0010)
    assert rig.status & SD_CMD
    rig.wait(990 * MS)
    assert rig.bench.gates[:2] == (True, True)
    rig.wait(20 * MS)
    assert rig.bench.gates[:2] == (False, False)
    rig.wait(1980 * MS)
    assert rig.chip.powered
    rig.wait(20 * MS)
    assert not rig.chip.powered
    rig = running((0x9252, b"\x04\x08"))
    rig.command(0x0010)
    rig.command(0x0010)
    assert not rig.chip.powered


def test_button_held_for_a_second_turns_off():
    rig = running()
    rig.chip.rst_shut_pin(1)
    rig.wait(1 * SECOND - 1)
    assert rig.chip.powered
    rig.wait(1)
    assert not rig.chip.powered


def test_low_cell_turns_off_where_a_voltage_is_set_and_warns_before():
    rig = running((0x923F, struct.pack("<h", 2000)), (0x926D, struct.pack("<H", SHUTV)))
    rig.bench.cell(5, 1990)
    rig.wait(400 * MS)
    assert rig.u16(0x62) == SHUTV
    assert rig.chip.powered
    rig.wait(1 * SECOND)
    assert not rig.chip.powered


def test_low_cell_alone_does_not_turn_off_by_default():
    rig = running()
    rig.bench.cell(5, 500)
    rig.wait(10 * SECOND)
    assert rig.chip.powered


def test_hot_die_turns_off_after_five_seconds():
    rig = running()
    rig.bench.die_c = 86.0
    rig.wait(5 * SECOND)
    assert rig.chip.powered
    rig.wait(400 * MS)
    assert not rig.chip.powered


def test_brown_out_resets_and_nobody_answers_until_it_is_over():
    rig = running(enabled(0xFC))
    rig.chip.brown_out(30 * MS)
    assert rig.bench.gates[:2] == (False, False)
    ld(rig, 53000)
    rig.chip.ts2_pin(0)
    rig.wait(34299)
    assert not rig.chip.i2c_present()
    assert rig.chip.spi(b"\x12\xff") == b"\xff\xff"
    rig.wait(1)
    assert rig.status == DEFAULT_STATUS
    assert rig.ask(0x9261)[:1] == b"\x88"
    rig.wait(1 * SECOND)
    assert rig.cells() == [3300] * 16
