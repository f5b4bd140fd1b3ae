"""What the BQ769x0 model trips on, after how long, which switch it opens, and what clears it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bq769x0_rig import CHG, DSG, MS, OCD, OV, OVRD, SCD, SECOND, UV, XREADY, Rig

# gain, offset, limit register, real level in mV: as printed.
OV_LEVELS = [
    (382, 0, 0xBF, 4299.8),
    (377, 30, 0xB3, 4201.1),
    (377, 30, 0x58, 3652.2),
    (377, -10, 0xB9, 4197.3),
]
UV_LEVELS = [
    (382, 0, 0x99, 2499.8),
    (377, 30, 0xCB, 2798.7),
    (377, 30, 0xCC, 2804.7),
    (377, -10, 0xA0, 2499.3),
]


def settled(**options):
    rig = Rig(**options)
    rig.wait(1200 * MS)
    rig.quiet_limits()
    return rig


def trip_time_us(rig, bit, most_us, step_us=10 * MS):
    for waited_us in range(0, most_us, step_us):
        if rig.status & bit:
            return waited_us
        rig.wait(step_us)
    return None


@pytest.mark.parametrize("gain_uv, offset_mv, register, level_mv", OV_LEVELS)
def test_over_voltage_trips_above_its_printed_level_only(gain_uv, offset_mv, register, level_mv):
    for number in (1, 5, 8, 15):
        rig = settled(gain_uv=gain_uv, offset_mv=offset_mv)
        rig.write(0x09, register)
        rig.switch_on()
        rig.bench.cell(number, level_mv - 1)
        rig.wait(3 * SECOND)
        assert rig.status == 0
        rig.bench.cell(number, level_mv + 1)
        rig.wait(3 * SECOND)
        assert rig.status == OV
        assert rig.switches == DSG and rig.gates == (False, True)


@pytest.mark.parametrize("gain_uv, offset_mv, register, level_mv", UV_LEVELS)
def test_under_voltage_trips_below_its_printed_level_only(gain_uv, offset_mv, register, level_mv):
    for number in (1, 5, 8, 15):
        rig = settled(gain_uv=gain_uv, offset_mv=offset_mv)
        rig.write(0x0A, register)
        rig.switch_on()
        rig.bench.cell(number, level_mv + 1)
        rig.wait(3 * SECOND)
        assert rig.status == 0
        rig.bench.cell(number, level_mv - 1)
        rig.wait(3 * SECOND)
        assert rig.status == UV
        assert rig.switches == CHG and rig.gates == (True, False)


VOLTAGE_DELAYS = [
    *[(OV, code << 4, window) for code, window in enumerate([(0.7, 1.75), (1.6, 2.75)])],
    *[(OV, 2 + code << 4, window) for code, window in enumerate([(3.5, 5), (7, 10)])],
    *[(UV, 0x00, (0.7, 1.75)), (UV, 0x40, (3.5, 5)), (UV, 0x80, (7, 10)), (UV, 0xC0, (14, 20))],
]


@pytest.mark.parametrize("bit, protect3, window", VOLTAGE_DELAYS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_voltage_trips_within_the_printed_window(bit, protect3, window, seed):
    rig = settled(seed=seed)
    rig.write(0x08, protect3, 0xBF, 0x99)
    rig.bench.cell(6, 4400 if bit == OV else 2400)
    took_us = trip_time_us(rig, bit, 25 * SECOND)
    assert window[0] * SECOND <= took_us <= window[1] * SECOND


def test_shorter_excess_than_the_delay_is_forgotten():
    rig = settled()
    rig.write(0x09, 0xBF)
    for _ in range(5):
        rig.bench.cell(2, 4400)
        rig.wait(900 * MS)
        rig.bench.cell(2, 3300)
        rig.wait(300 * MS)
    assert rig.status == 0


def test_dead_cell_gives_no_under_voltage():
    rig = settled()
    rig.write(0x0A, 0x99)
    rig.bench.cell(4, 0x0518 * 0.382 - 1)
    rig.wait(5 * SECOND)
    assert rig.status == 0
    rig.bench.cell(4, 0x0518 * 0.382 + 1)
    rig.wait(5 * SECOND)
    assert rig.status == UV


@pytest.mark.parametrize("variant, cells", [("bq76920", 3), ("bq76930", 6), ("bq76940", 9)])
def test_shorted_inputs_do_not_trip(variant, cells):
    rig = Rig(variant=variant, cells=cells)
    rig.wait(10 * SECOND)
    assert rig.status == 0


def test_without_adc_there_are_no_voltage_limits():
    rig = settled()
    rig.write(0x04, 0x00)
    rig.write(0x09, 0xBF)
    rig.bench.cell(1, 4900)
    rig.wait(5 * SECOND)
    assert rig.status == 0


def test_limits_are_live_after_power_up():
    rig = Rig()
    rig.bench.cell(1, 0x2AC8 * 0.382 + 1)
    rig.wait(3 * SECOND)
    assert rig.status == OV
    rig = Rig(shunt_uohm=1000)
    rig.switch_on()
    rig.bench.current(-8100)
    rig.wait(9 * MS)
    assert rig.status == OCD


@pytest.mark.parametrize("at_once", [False, True])
def test_what_persists_sets_its_bit_again(at_once):
    rig = settled()
    rig.chip.trips_again_at_once = at_once
    rig.write(0x09, 0xBF)
    rig.bench.cell(3, 4400)
    rig.wait(2 * SECOND)
    rig.write(0x00, OV)
    assert rig.status == 0
    took_us = trip_time_us(rig, OV, 3 * SECOND)
    assert took_us <= 300 * MS if at_once else took_us >= 700 * MS


# The shunt's comparators

SCD_DELAYS_US = [70, 100, 200, 400]
SCD_MV = [22, 33, 44, 56, 67, 78, 89, 100]
SCD_MV_DOUBLE = [44, 67, 89, 111, 133, 155, 178, 200]
OCD_DELAYS_MS = [8, 20, 40, 80, 160, 320, 640, 1280]
OCD_MV = [8, 11, 14, 17, 19, 22, 25, 28, 31, 33, 36, 39, 42, 44, 47, 50]
OCD_MV_DOUBLE = [17, 22, 28, 33, 39, 44, 50, 56, 61, 67, 72, 78, 83, 89, 94, 100]


@given(
    st.integers(0, 3), st.integers(0, 7), st.booleans(), st.sampled_from([333, 500, 1000, 2000])
)
def test_short_circuit_by_every_code(delay, threshold, doubled, shunt_uohm):
    rig = settled(shunt_uohm=shunt_uohm)
    rig.write(0x06, doubled << 7 | delay << 3 | threshold, 0x7F)
    rig.switch_on()
    limit_ma = (SCD_MV_DOUBLE if doubled else SCD_MV)[threshold] * 1e6 / shunt_uohm
    rig.bench.current(-(limit_ma - 10))
    rig.wait(MS)
    assert rig.status == 0
    rig.bench.current(-(limit_ma + 10))
    rig.wait(SCD_DELAYS_US[delay] - 1)
    assert rig.status == 0
    rig.wait(1)
    assert rig.status == SCD
    assert rig.switches == CHG and rig.gates == (True, False)


@given(
    st.integers(0, 7), st.integers(0, 15), st.booleans(), st.sampled_from([333, 500, 1000, 2000])
)
def test_over_current_by_every_code(delay, threshold, doubled, shunt_uohm):
    rig = settled(shunt_uohm=shunt_uohm)
    # One register sets the range of both.
    rig.write(0x06, doubled << 7 | 0x07, delay << 4 | threshold)
    rig.switch_on()
    limit_ma = (OCD_MV_DOUBLE if doubled else OCD_MV)[threshold] * 1e6 / shunt_uohm
    rig.bench.current(-(limit_ma - 10))
    rig.wait(2 * SECOND)
    assert rig.status == 0
    rig.bench.current(-(limit_ma + 10))
    rig.wait(OCD_DELAYS_MS[delay] * MS - 1)
    assert rig.status == 0
    rig.wait(1)
    assert rig.status == OCD
    assert rig.switches == CHG and rig.gates == (True, False)


def test_charge_current_never_trips():
    rig = Rig(shunt_uohm=1000)
    rig.switch_on()
    rig.bench.current(260_000)
    rig.wait(5 * SECOND)
    assert rig.status == 0


def test_pulse_shorter_than_the_delay_does_not_trip():
    rig = Rig(shunt_uohm=1000)
    rig.switch_on()
    for _ in range(20):
        rig.bench.current(-15_000)
        rig.wait(7 * MS)
        rig.bench.current(0)
        rig.wait(MS)
    assert rig.status == 0


def test_shortened_delays_for_a_factory():
    rig = settled()
    rig.write(0x08, 0xF0, 0xBF)
    rig.write(0x05, 0x80)
    rig.bench.cell(3, 4400)
    assert trip_time_us(rig, OV, SECOND) <= 530 * MS


# Switches, status, ALERT


def test_clearing_a_bit_does_not_close_a_switch():
    rig = settled()
    rig.switch_on()
    rig.write(0x06, 0x00)
    rig.bench.current(-30_000)
    rig.wait(MS)
    rig.bench.current(0)
    assert rig.switches == CHG
    rig.write(0x00, SCD)
    assert rig.status == 0
    assert rig.switches == CHG and rig.gates == (True, False)
    rig.write(0x05, CHG | DSG)
    assert rig.gates == (True, True)


def test_zeros_written_to_the_status_change_nothing():
    rig = settled()
    rig.write(0x06, 0x00, 0x00)
    rig.bench.current(-30_000)
    rig.wait(20 * MS)
    rig.bench.current(0)
    assert rig.status == SCD | OCD
    rig.write(0x00, 0x00)
    assert rig.status == SCD | OCD
    rig.write(0x00, OCD)
    assert rig.status == SCD


@pytest.mark.parametrize("accepts", [False, True])
def test_switch_on_with_the_bit_still_set(accepts):
    rig = settled()
    rig.chip.fets_on_despite_fault = accepts
    rig.write(0x06, 0x00)
    rig.bench.current(-30_000)
    rig.wait(MS)
    rig.bench.current(0)
    rig.write(0x05, CHG | DSG)
    assert rig.gates == (True, accepts)


def test_alert_pin_is_high_while_any_bit_is_set():
    rig = settled()
    levels = []
    rig.chip.alert_listeners.append(levels.append)
    rig.write(0x06, 0x00, 0x00)
    rig.bench.current(-30_000)
    rig.wait(20 * MS)
    rig.bench.current(0)
    rig.write(0x00, OCD)
    assert levels == [1]
    rig.write(0x00, SCD)
    assert levels == [1, 0]


def test_secondary_protector_opens_both_switches_and_stays_heard_after_the_clear():
    rig = settled()
    rig.switch_on()
    rig.chip.force_alert(True)
    assert rig.status == OVRD and rig.gates == (False, False)
    rig.write(0x00, OVRD)
    assert rig.status == OVRD
    rig.chip.force_alert(False)
    rig.write(0x00, OVRD)
    assert rig.status == 0


def test_secondary_protector_is_not_heard_while_the_chip_itself_holds_the_pin_high():
    rig = settled()
    rig.switch_on()
    rig.write(0x05, 0x40 | CHG | DSG)
    rig.wait(300 * MS)
    rig.chip.force_alert(True)
    assert rig.status == 0x80 and rig.gates == (True, True)
    rig.write(0x00, 0x80)
    assert rig.status & OVRD and rig.gates == (False, False)


def test_lost_link_opens_both_switches_refuses_them_and_ends_balancing():
    rig = settled()
    rig.switch_on()
    rig.write(0x01, 0x01, 0x02, 0x04)
    rig.chip.lose_link()
    assert rig.status == XREADY and rig.gates == (False, False)
    assert rig.read(0x01, 3) == bytes(3) and rig.bench.bleed == 0
    assert rig.read(0x0C, 30) == bytes(30)
    rig.write(0x05, CHG | DSG)
    assert rig.switches == 0 and rig.gates == (False, False)
    rig.write(0x00, XREADY)
    rig.wait(SECOND)
    assert rig.status == XREADY
    rig.chip.restore_link()
    rig.write(0x00, XREADY)
    rig.wait(SECOND)
    assert rig.status == 0 and rig.cell_code(15) > 8000
    rig.write(0x05, CHG | DSG)
    assert rig.gates == (True, True)


def test_load_shows_only_while_the_charge_switch_is_off():
    rig = settled()
    assert rig.u8(0x04) & 0x80 == 0
    rig.bench.load = True
    assert rig.u8(0x04) & 0x80
    rig.write(0x05, CHG)
    assert rig.u8(0x04) & 0x80 == 0
    rig.write(0x05, 0)
    rig.write(0x04, 0x90)
    rig.bench.load = False
    assert rig.u8(0x04) == 0x10
