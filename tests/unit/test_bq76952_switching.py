"""BQ76952 model: protections with delays and recoveries, FET control, balancing, SLEEP."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.bq76952_rig import CHG, DSG, MS, SECOND, Rig, enabled, gain

STATUS_A = 0x03
STATUS_B = 0x05
STATUS_C = 0x07
ALERT_A = 0x02
BOTH = CHG | DSG


def signed(value):
    return struct.pack("<h", value)


def running(*blocks, **options):
    """Configured, FETs on, never asleep."""
    rig = Rig(**options)
    rig.configure(*blocks)
    rig.switch_on()
    assert rig.fets == BOTH
    return rig


# Voltage


def test_only_short_circuit_and_over_voltage_are_on_after_power_up():
    rig = running((0x92FD, b"\x07"))
    rig.bench.cell(4, 2000)
    rig.bench.current(-16000)
    rig.wait(5 * SECOND)
    assert rig.read(0x02, 6) == bytes(6)
    rig.bench.current(-20001)
    rig.wait(1 * MS)
    assert rig.u8(STATUS_A) == 0x80


@pytest.mark.parametrize(
    "mv, status, left_on", [(4351.6, 0x08, DSG), (2530.0, 0x04, CHG)], ids=["over", "under"]
)
def test_cell_voltage_trips_at_its_threshold_after_its_delay(mv, status, left_on):
    rig = running(enabled(0xFC))
    rig.bench.cell(9, mv)
    assert rig.u8(ALERT_A) == status
    rig.wait((74 + 2) * 3300 - 1)
    assert rig.u8(STATUS_A) == 0
    assert rig.fets == BOTH
    rig.wait(1)
    assert rig.u8(STATUS_A) == status
    assert rig.u8(ALERT_A) == 0
    assert rig.fets == left_on


@pytest.mark.parametrize("mv", [4351.5, 2530.1])
def test_cell_voltage_inside_the_thresholds_does_not_trip(mv):
    rig = running(enabled(0xFC))
    rig.bench.cell(9, mv)
    rig.wait(5 * SECOND)
    assert rig.read(0x02, 2) == b"\x00\x00"


def test_condition_that_ends_within_the_delay_starts_it_anew():
    rig = running(enabled(0xFC))
    for _ in range(4):
        rig.bench.cell(1, 4400)
        rig.wait(250 * MS)
        rig.bench.cell(1, 4300)
        rig.wait(1 * MS)
    assert rig.u8(STATUS_A) == 0


@pytest.mark.parametrize(
    "trip, near, released", [(4400, 4250.5, 4250.3), (2500, 2631.2, 2631.3)], ids=["over", "under"]
)
def test_cell_voltage_recovers_beyond_the_hysteresis_for_three_seconds(trip, near, released):
    rig = running(enabled(0xFC), (0x927B, b"\x02\x02"))
    rig.bench.cell(1, trip)
    rig.wait(500 * MS)
    rig.bench.cell(1, near)
    rig.wait(10 * SECOND)
    assert rig.u8(STATUS_A) != 0
    rig.bench.cell(1, released)
    rig.wait(3 * SECOND - 1)
    assert rig.u8(STATUS_A) != 0
    rig.wait(1)
    assert rig.u8(STATUS_A) == 0
    rig.wait(250 * MS)
    assert rig.fets == BOTH


def test_recovery_time_starts_anew_when_the_cell_goes_back():
    rig = running(enabled(0xFC))
    rig.bench.cell(1, 4400)
    rig.wait(500 * MS)
    rig.bench.cell(1, 4000)
    rig.wait(2 * SECOND)
    rig.bench.cell(1, 4340)
    rig.bench.cell(1, 4000)
    rig.wait(3 * SECOND - 1)
    assert rig.u8(STATUS_A) == 0x08
    rig.wait(1)
    assert rig.u8(STATUS_A) == 0


def test_delay_of_zero_turns_a_protection_off():
    rig = running(enabled(0xFC), (0x9276, b"\x00\x00"))
    rig.bench.cell(1, 1000)
    rig.wait(10 * SECOND)
    assert rig.read(0x02, 2) == b"\x00\x00"


def test_snapshot_keeps_the_cells_of_the_trip():
    rig = running(enabled(0xFC))
    rig.bench.cell(6, 4400)
    rig.wait(500 * MS)
    rig.bench.cell(6, 3300)
    rig.wait(500 * MS)
    assert struct.unpack("<16h", rig.ask(0x0081))[5] == 4400


# Current; the shunt is 0.5 mOhm, so 1 mV is 2 A


@pytest.mark.parametrize(
    "ma, status, delay_us, left_on",
    [
        (8000, 0x10, (4 + 2) * 3300, DSG),
        (-16000, 0x20, (1 + 2) * 3300, CHG),
        (-12000, 0x40, (7 + 2) * 3300, CHG),
        (-20000, 0x80, 15, 0),
    ],
    ids=["OCC", "OCD1", "OCD2", "SCD"],
)
def test_current_trips_at_its_threshold_after_its_delay(ma, status, delay_us, left_on):
    # Series body-diode help off, so that the FETs show what the protections do.
    rig = running(enabled(status), (0x9308, b"\x0c"))
    rig.bench.current(ma * 0.999)
    rig.wait(1 * SECOND)
    assert rig.u8(STATUS_A) == 0
    rig.bench.current(ma)
    rig.wait(delay_us - 1)
    assert rig.u8(STATUS_A) == 0
    rig.wait(1)
    assert rig.u8(STATUS_A) == status
    assert rig.fets == left_on


@pytest.mark.parametrize("index, mv", [(0, 10), (1, 20), (5, 100), (7, 150), (15, 500)])
def test_short_circuit_thresholds_are_those_of_the_index(index, mv):
    rig = running(enabled(0x80), (0x9286, bytes([index, 1])))
    rig.bench.current(-mv * 2000 + 1)
    rig.wait(1 * MS)
    assert rig.u8(STATUS_A) == 0
    rig.bench.current(-mv * 2000)
    rig.wait(0)
    assert rig.u8(STATUS_A) == 0x80
    assert rig.fets == 0


def test_short_circuit_recovers_by_time_alone_and_tries_again():
    rig = running(enabled(0x80))
    rig.bench.current(-50000)
    rig.wait(15)
    assert rig.fets == 0
    rig.wait(5 * SECOND - 1)
    assert rig.u8(STATUS_A) == 0x80
    rig.wait(1)
    assert rig.u8(STATUS_A) == 0
    # Still short: again after the same delay.
    rig.wait(15 + 20 * MS)
    rig.bench.react()
    rig.wait(15)
    assert rig.u8(STATUS_A) == 0x80


def test_over_current_discharge_is_stuck_without_a_charger():
    rig = running(enabled(0x20), gain(0.5))
    rig.bench.current(-20000)
    rig.wait(20 * MS)
    rig.bench.current(0)
    rig.wait(600 * SECOND)
    assert rig.u8(STATUS_A) == 0x20
    rig.bench.current(250)
    rig.wait(3 * SECOND)
    assert rig.u8(STATUS_A) == 0


def test_over_current_discharge_recovers_by_itself_with_a_negative_release():
    rig = running(enabled(0x20), (0x928D, signed(-100)))
    rig.bench.current(-20000)
    rig.wait(10 * MS)
    assert rig.u8(STATUS_A) == 0x20
    rig.bench.current(0)
    rig.wait(3 * SECOND)
    assert rig.u8(STATUS_A) == 0


@pytest.mark.parametrize("way", ["discharging", "charger gone"])
def test_over_current_charge_recovers_by_discharge_or_by_the_charger_leaving(way):
    rig = running(enabled(0x10), gain(0.5))
    rig.bench.current(9000)
    rig.wait(100 * MS)
    rig.bench.current(0)
    rig.wait(10 * SECOND)
    assert rig.u8(STATUS_A) == 0x10
    if way == "discharging":
        rig.bench.current(-210)
    else:
        rig.bench.pack_mv = rig.bench.stack_mv - 2000
        rig.bench.react()
    rig.wait(3 * SECOND)
    assert rig.u8(STATUS_A) == 0


def test_slow_over_current_counts_seconds_on_the_quarter_second_mean():
    rig = running(enabled(c=0x80), gain(0.5))
    start_us = rig.clock.now_us
    rig.bench.current(-4001)
    while not rig.u8(STATUS_C):
        rig.wait(1 * MS)
    took_us = rig.clock.now_us - start_us
    assert 2 * SECOND <= took_us <= 2 * SECOND + 502 * MS
    assert not rig.fets & DSG


def test_slow_over_current_rescales_with_user_amps():
    rig = running(
        enabled(c=0x80),
        gain(0.5),
        (0x9303, b"\x06"),
        (0x928A, signed(-1000)),
    )
    rig.bench.current(-9900)
    rig.wait(5 * SECOND)
    assert rig.u8(STATUS_C) == 0
    rig.bench.current(-10100)
    rig.wait(3 * SECOND)
    assert rig.u8(STATUS_C) == 0x80


@settings(max_examples=40)
@given(
    steps=st.integers(2, 50),
    delay=st.integers(1, 127),
    excess_ma=st.integers(-3000, 3000).filter(lambda ma: ma),
)
def test_any_over_current_setting_trips_exactly_then(steps, delay, excess_ma):
    rig = running(enabled(0x20), (0x9282, bytes([steps, delay])))
    rig.bench.current(-(steps * 2 * 2000 + excess_ma))
    rig.wait((delay + 2) * 3300 - 1)
    assert rig.u8(STATUS_A) == 0
    rig.wait(1)
    assert rig.u8(STATUS_A) == (0x20 if excess_ma > 0 else 0)


# Temperature


@pytest.mark.parametrize(
    "bit, degrees, released, left_on",
    [
        (0x10, 55.0, 50.0, DSG),
        (0x20, 60.0, 55.0, CHG),
        (0x01, 0.0, 5.0, DSG),
        (0x02, 0.0, 5.0, CHG),
    ],
    ids=["OTC", "OTD", "UTC", "UTD"],
)
def test_temperature_trips_after_its_delay_and_recovers(bit, degrees, released, left_on):
    rig = running(enabled(b=bit), (0x92FD, b"\x07\x07\x07"))
    rig.bench.temps_c[1] = degrees
    rig.wait(2 * SECOND - 70 * MS)
    assert rig.u8(STATUS_B) == 0
    rig.wait(140 * MS)
    assert rig.u8(STATUS_B) == bit
    assert rig.fets == left_on
    rig.bench.temps_c[1] = released
    rig.wait(3 * SECOND - 70 * MS)
    assert rig.u8(STATUS_B) == bit
    rig.wait(140 * MS + 250 * MS)
    assert rig.u8(STATUS_B) == 0
    assert rig.fets == BOTH


def test_fet_thermistor_and_die_have_their_own_protections():
    rig = running(enabled(b=0xC0), (0x92FD, b"\x07\x0f\x07"))
    rig.bench.temps_c[0] = 90.0
    rig.wait(5 * SECOND)
    assert rig.u8(STATUS_B) == 0
    rig.bench.temps_c[1] = 80.0
    rig.wait(3 * SECOND)
    assert rig.u8(STATUS_B) == 0x80
    rig.bench.die_c = 86.0
    rig.wait(3 * SECOND)
    assert rig.u8(STATUS_B) == 0xC0
    assert rig.fets == 0


# FET control


def test_fets_stay_off_after_power_up_until_fet_enable():
    rig = Rig()
    rig.wait(3 * SECOND)
    assert rig.fets == 0
    rig.command(0x009A)
    rig.command(0x0022)
    assert rig.ask(0x0057) == b"\x50\x00"
    rig.wait(250 * MS)
    assert rig.fets == BOTH


def test_fet_enable_sent_twice_turns_them_off_again():
    rig = running()
    rig.command(0x0022)
    assert rig.ask(0x0057) == b"\x40\x00"
    assert rig.fets == 0
    assert rig.bench.gates == (False, False, False, False)


def test_writing_the_initial_status_in_ram_does_not_enable_the_fets():
    rig = Rig()
    rig.configure((0x9343, b"\x50\x00"))
    rig.wait(1 * SECOND)
    assert rig.ask(0x0057) == b"\x40\x00"
    assert rig.fets == 0


@pytest.mark.parametrize(
    "bits, left_on", [(0x01, CHG), (0x04, DSG), (0x05, 0), (0x0A, BOTH), (0x0F, 0)]
)
def test_fet_control_bits_force_off_at_once(bits, left_on):
    rig = running()
    rig.send(0x0097, bytes([bits]), 495)
    assert rig.fets == left_on
    rig.send(0x0097, b"\x00", 1 * MS)
    assert rig.fets == left_on
    rig.wait(250 * MS)
    assert rig.fets == BOTH


def test_fets_turn_on_only_at_the_quarter_second_evaluation():
    rig = running()
    rig.command(0x0095)
    moments = set()
    for wait_ms in range(0, 250, 40):
        rig.command(0x0095)
        rig.wait(wait_ms * MS)
        rig.command(0x0096, 0)
        while not rig.fets:
            rig.wait(1 * MS)
        moments.add(rig.clock.now_us // MS % 250)
    assert max(moments) - min(moments) <= 1


@pytest.mark.parametrize("code, left_on", [(0x0093, CHG), (0x0094, DSG), (0x0095, 0)])
def test_off_commands_hold_until_all_fets_on(code, left_on):
    rig = running()
    rig.command(code, 550)
    assert rig.fets == left_on
    rig.wait(2 * SECOND)
    assert rig.fets == left_on
    rig.command(0x0096, 300 * MS)
    assert rig.fets == BOTH


def test_all_fets_on_lifts_host_blocks_but_no_fault():
    rig = running(enabled(0xFC))
    rig.send(0x0097, b"\x0f")
    rig.bench.cell(1, 4400)
    rig.wait(500 * MS)
    rig.command(0x0096, 300 * MS)
    assert rig.fets == DSG


def test_host_without_permission_blocks_nothing():
    rig = running((0x9308, b"\x08"))
    rig.send(0x0097, b"\x0f")
    rig.command(0x0095)
    assert rig.fets == BOTH


def test_without_fet_control_enable_nothing_turns_on():
    rig = Rig()
    rig.configure((0x9308, b"\x04"))
    rig.switch_on()
    assert rig.fets == 0


def test_test_commands_toggle_one_fet_each_while_fet_enable_is_off():
    rig = Rig()
    rig.command(0x009A)
    rig.command(0x001F, 600 * MS)
    assert rig.fets == CHG
    rig.command(0x0020, 300 * MS)
    assert rig.fets == BOTH
    rig.command(0x001F, 1 * MS)
    assert rig.fets == DSG


@pytest.mark.parametrize("mask, at_once", [(0x98, True), (0x18, True), (0x08, False)])
def test_charge_fet_turns_off_at_once_only_with_the_advised_mask(mask, at_once):
    rig = running(enabled(0x08), (0x9265, bytes([mask])), (0x9308, b"\x0c"))
    rig.bench.cell(1, 4400)
    rig.wait(76 * 3300)
    assert rig.u8(STATUS_A) == 0x08
    assert bool(rig.fets & CHG) != at_once
    rig.wait(250 * MS)
    assert not rig.fets & CHG


@pytest.mark.parametrize("config, allowed", [(0xC6, 1), (0x42, 0)], ids=["low", "high"])
def test_dfetoff_pin_as_both_off(config, allowed):
    rig = Rig()
    rig.configure((0x92FB, bytes([config])))
    rig.chip.dfetoff_pin(allowed)
    rig.switch_on()
    assert rig.fets == BOTH
    rig.chip.dfetoff_pin(1 - allowed)
    assert rig.bench.gates == (False, False, False, False)
    assert rig.fets == 0
    rig.bench.current(-5000)
    rig.wait(2 * SECOND)
    assert rig.fets == 0


def test_undriven_dfetoff_pin_with_pull_down_means_off_when_active_low():
    rig = Rig()
    rig.configure((0x92FB, b"\xc6"))
    rig.switch_on()
    assert rig.fets == 0
    rig.chip.dfetoff_pin(1)
    rig.wait(250 * MS)
    assert rig.fets == BOTH
    rig.chip.dfetoff_pin(None)
    assert rig.fets == 0


def test_dfetoff_pin_without_both_off_holds_discharge_only():
    rig = running((0x92FB, b"\x02"))
    rig.chip.dfetoff_pin(1)
    assert rig.fets == CHG


def test_dfetoff_pin_works_while_the_chip_is_frozen():
    rig = running((0x92FB, b"\x42"))
    rig.chip.frozen = True
    rig.chip.dfetoff_pin(1)
    assert rig.bench.gates[:2] == (False, False)


def test_body_diode_is_helped_against_a_host_block_and_reported_as_help():
    rig = running((0x9308, b"\x0d"))
    rig.send(0x0097, b"\x04")
    assert rig.fets == DSG
    rig.bench.current(-51)
    assert rig.fets == BOTH
    assert rig.bench.gates == (True, True, True, False)
    rig.bench.current(-49)
    rig.wait(100 * MS)
    assert rig.fets == DSG
    assert rig.bench.gates == (False, True, False, False)


def test_body_diode_of_the_discharge_fet_is_helped_after_under_voltage():
    rig = running(enabled(0x04))
    rig.bench.cell(1, 2400)
    rig.wait(300 * MS)
    assert rig.bench.gates == (True, False, False, False)
    rig.bench.current(2000)
    assert rig.bench.gates == (True, True, False, True)


def test_no_help_without_series_fets_or_with_both_off():
    rig = running((0x9308, b"\x0c"))
    rig.send(0x0097, b"\x04")
    rig.bench.current(-5000)
    assert rig.fets == DSG
    rig.send(0x0097, b"\x0f")
    assert rig.fets == 0


def test_host_blocks_do_not_outlast_config_update_but_fet_enable_does():
    rig = running()
    rig.command(0x0095)
    rig.configure(enabled(0x88))
    rig.command(0x009A)
    rig.wait(300 * MS)
    assert rig.fets == BOTH


def test_host_watchdog_holds_the_fets_until_somebody_talks():
    rig = running(enabled(c=0x02), (0x92B2, b"\x0a\x00"))
    rig.wait(10 * SECOND - 1)
    assert rig.bench.gates[:2] == (True, True)
    rig.wait(2)
    assert rig.bench.gates[:2] == (False, False)
    assert rig.u8(STATUS_C) == 0
    rig.wait(250 * MS)
    assert rig.fets == BOTH


def test_any_fault_shows_in_battery_status_and_latches_its_alarm():
    rig = running(enabled(0xFC))
    rig.bench.cell(1, 4400)
    rig.wait(500 * MS)
    assert rig.status & 0x0800
    assert rig.u16(0x62) & 0x4000
    assert rig.u16(0x64) & 0x0040


# Balancing


def test_balancing_starts_within_a_second_and_lapses_after_its_interval():
    rig = running()
    rig.send(0x0083, b"\x05\x00")
    start_us = rig.clock.now_us
    rig.wait(1 * SECOND)
    assert rig.bench.bleed == 0x0005
    assert rig.ask(0x0083) == b"\x05\x00"
    rig.wait_until(start_us + 19 * SECOND)
    assert rig.bench.bleed == 0x0005
    rig.wait_until(start_us + 21 * SECOND)
    assert rig.bench.bleed == 0
    assert rig.ask(0x0083) == b"\x00\x00"


def test_balancing_does_not_start_at_once():
    rig = running()
    rig.wait_until((rig.clock.now_us // SECOND + 1) * SECOND + 100 * MS)
    rig.send(0x0083, b"\x01\x00")
    assert rig.bench.bleed == 0


def test_balancing_goes_on_while_it_is_rewritten():
    rig = running()
    for _ in range(6):
        rig.send(0x0083, b"\x00\x80")
        rig.wait(10 * SECOND)
        assert rig.bench.bleed == 0x8000
    assert struct.unpack("<H", rig.ask(0x0085))[0] >= 58
    assert struct.unpack("<8I", rig.ask(0x0087))[7] >= 58
    rig.send(0x0083, b"\x00\x00")
    rig.wait(1 * SECOND)
    assert rig.bench.bleed == 0


def test_balancing_mask_follows_channels_not_cells():
    rig = Rig(cells=4)
    rig.configure((0x9304, b"\x07\x80"))
    rig.command(0x009A)
    rig.send(0x0083, b"\x01\x80")
    rig.wait(1 * SECOND)
    assert rig.bench.bleed == 0b1001


def test_balancing_delays_cell_voltage_trips_by_up_to_a_second():
    rig = running(enabled(0x0C))
    rig.send(0x0083, b"\x01\x00")
    rig.wait(3 * SECOND)
    started_us = rig.clock.now_us
    rig.bench.cell(8, 4400)
    rig.bench.react()
    assert rig.u8(ALERT_A) == 0
    while not rig.u8(ALERT_A):
        rig.wait(1 * MS)
    assert rig.clock.now_us - started_us <= 1 * SECOND
    # The alert stops balancing and the delay runs as always.
    assert rig.bench.bleed == 0
    rig.wait(76 * 3300)
    assert rig.u8(STATUS_A) == 0x08


@pytest.mark.parametrize(
    "reason", ["alert", "config", "hot cell", "cold cell", "hot die", "reset"]
)
def test_balancing_stops_for(reason):
    rig = running(enabled(0xFC), (0x92FD, b"\x07\x07\x07"), (0x9282, b"\x04\x7f"))
    rig.send(0x0083, b"\x0f\x00")
    rig.wait(1 * SECOND)
    assert rig.bench.bleed == 0x000F
    if reason == "alert":
        rig.bench.current(-16500)
    elif reason == "config":
        rig.command(0x0090)
    elif reason == "hot cell":
        rig.bench.temps_c[2] = 61.0
    elif reason == "cold cell":
        rig.bench.temps_c[0] = -21.0
    elif reason == "hot die":
        rig.bench.die_c = 71.0
    else:
        rig.chip.reset()
    rig.wait(0 if reason == "alert" else 200 * MS)
    assert rig.bench.bleed == 0


def test_over_voltage_fault_does_not_forbid_balancing():
    rig = running(enabled(0x08))
    rig.bench.cell(1, 4400)
    rig.wait(500 * MS)
    assert rig.u8(STATUS_A) == 0x08
    rig.send(0x0083, b"\x01\x00")
    rig.wait(1 * SECOND)
    assert rig.bench.bleed == 1


def test_host_balancing_can_be_forbidden_by_the_configuration():
    rig = running((0x9335, b"\x10"))
    rig.send(0x0083, b"\x01\x00")
    rig.wait(2 * SECOND)
    assert rig.bench.bleed == 0


# SLEEP


def test_sleep_at_rest_turns_the_charge_fet_off_and_slows_the_scans():
    rig = running(enabled(0xFC))
    rig.command(0x0099)
    rig.wait(500 * MS)
    assert rig.status & 0x8000
    assert rig.fets == DSG
    rig.bench.cell(1, 3400)
    rig.wait(4 * SECOND)
    assert rig.cells()[0] == 3300
    rig.wait(1 * SECOND)
    assert rig.cells()[0] == 3400


@pytest.mark.parametrize("why", ["current", "command", "fault"])
def test_sleep_ends_with(why):
    rig = running(enabled(0xFC))
    rig.command(0x0099)
    rig.wait(1 * SECOND)
    assert rig.status & 0x8000
    if why == "current":
        rig.bench.current(-501)
        rig.wait(12 * MS)
    elif why == "command":
        rig.command(0x009A)
    else:
        rig.bench.cell(2, 2000)
        rig.wait(300 * MS)
    assert not rig.status & 0x8000
    rig.bench.cell(1, 3350)
    rig.wait(100 * MS)
    assert rig.cells()[0] == 3350


def test_sleep_waits_before_it_comes_back():
    rig = running()
    rig.command(0x0099)
    rig.wait(1 * SECOND)
    rig.bench.current(-600)
    rig.wait(12 * MS)
    rig.bench.current(0)
    rig.wait(9 * SECOND)
    assert not rig.status & 0x8000
    rig.wait(2 * SECOND)
    assert rig.status & 0x8000


def test_no_sleep_while_current_flows():
    rig = running()
    rig.command(0x0099)
    rig.bench.current(-100)
    rig.wait(30 * SECOND)
    assert not rig.status & 0x8000


def test_clock_holds_few_events_however_long_the_chip_runs():
    rig = running(enabled(0xFC, 0x33, 0x82))
    for _ in range(20):
        rig.send(0x0083, b"\x01\x00")
        rig.bench.cell(1, 4400)
        rig.bench.cell(1, 3300)
        rig.wait(3 * SECOND)
    assert len(rig.clock._pending) <= 5
