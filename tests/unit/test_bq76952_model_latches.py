"""BQ76952 model: latched protections with their counters, and load detection on LD."""

import struct

import pytest

from tests.unit.bq76952_rig import DSG, MS, SECOND, Rig, enabled, gain

OCD3 = 0x80
SCDL = 0x40
OCDL = 0x20
COVL = 0x10
SHORT_MA = -30000
# Beyond OCD2 (6 mV) alone: OCD1 would count as a second trip.
OVERLOAD_MA = -13000
LD_ON = 0x01
LD_TIMEOUT = 0x02


def latching(*blocks, c=SCDL | OCDL | COVL, **options):
    """Limits 2, decrement 10 s, recovery 15 s; quick trips; OCD recovers without a charger."""
    rig = Rig(**options)
    rig.configure(
        enabled(0xFC, 0, c),
        gain(0.5),
        (0x927D, bytes([2, 10, 15])),
        (0x928F, bytes([2, 10, 15])),
        (0x9295, bytes([2, 30, 15])),
        (0x928D, struct.pack("<h", -100)),
        *blocks,
    )
    rig.switch_on()
    return rig


def overload(rig):
    rig.bench.current(OVERLOAD_MA)
    rig.wait(50 * MS)
    rig.bench.current(0)


def status_c(rig):
    return rig.u8(0x07)


def alert_c(rig):
    return rig.u8(0x06)


def latched_overload(*blocks, **options):
    rig = latching(*blocks, **options)
    overload(rig)
    rig.wait(4 * SECOND)
    overload(rig)
    rig.wait(4 * SECOND)
    assert status_c(rig) == OCDL
    return rig


def test_first_trip_shows_as_an_alert_and_second_sets_the_latch():
    rig = latching()
    overload(rig)
    assert (alert_c(rig), status_c(rig)) == (OCDL, 0)
    rig.wait(4 * SECOND)
    assert rig.fets & DSG
    overload(rig)
    assert (alert_c(rig), status_c(rig)) == (0, OCDL)
    rig.wait(60 * SECOND)
    assert rig.u8(0x03) == 0
    assert not rig.fets & DSG


def test_counter_falls_after_the_decrement_delay():
    rig = latching()
    overload(rig)
    rig.wait(10 * SECOND)
    assert alert_c(rig) == 0
    overload(rig)
    assert status_c(rig) == 0
    assert alert_c(rig) == OCDL


def test_latch_that_is_not_enabled_counts_nothing():
    rig = latching(c=0)
    for _ in range(4):
        overload(rig)
        assert (alert_c(rig), status_c(rig)) == (0, 0)
        rig.wait(4 * SECOND)
    assert rig.fets & DSG


def test_slow_over_current_counts_too():
    rig = latching(enabled(0x00, 0, OCD3 | OCDL))
    for _ in range(2):
        rig.bench.current(-5000)
        rig.wait(2900 * MS)
        rig.bench.current(0)
        rig.wait(3500 * MS)
    assert status_c(rig) & OCDL


def test_short_circuit_latches_after_its_retries():
    rig = latching()
    for _ in range(2):
        rig.bench.current(SHORT_MA)
        rig.wait(1 * MS)
        rig.bench.current(0)
        rig.wait(6 * SECOND)
    assert status_c(rig) == SCDL
    assert rig.fets == 0


@pytest.mark.parametrize("code, bit", [(0x009B, OCDL), (0x009C, SCDL)])
def test_recover_commands_release_their_own_latch(code, bit):
    rig = latching()
    for _ in range(2):
        rig.bench.current(SHORT_MA if bit == SCDL else OVERLOAD_MA)
        rig.wait(1 * MS if bit == SCDL else 50 * MS)
        rig.bench.current(0)
        rig.wait(6 * SECOND)
    assert status_c(rig) == bit
    rig.command(0x009B if code == 0x009C else 0x009C)
    assert status_c(rig) == bit
    rig.command(code)
    rig.wait(300 * MS)
    assert status_c(rig) == 0
    assert rig.fets & DSG


def test_charge_current_releases_only_where_the_configuration_says_so():
    for config, left in ((0x0002, OCDL), (0x0202, 0)):
        rig = latched_overload((0x925F, struct.pack("<H", config)))
        rig.bench.current(300)
        rig.wait(14 * SECOND)
        assert status_c(rig) == OCDL
        rig.wait(2 * SECOND)
        assert status_c(rig) == left


def test_current_must_last_for_the_whole_recovery_time():
    rig = latched_overload((0x925F, b"\x02\x02"))
    for _ in range(4):
        rig.bench.current(300)
        rig.wait(14 * SECOND)
        rig.bench.current(0)
        rig.wait(1 * SECOND)
    assert status_c(rig) == OCDL


def test_over_voltage_latch_holds_charge_until_its_own_recovery_time():
    rig = latching(enabled(0x08, 0, COVL))
    for _ in range(2):
        rig.bench.cell(4, 4400)
        rig.wait(500 * MS)
        rig.bench.cell(4, 3300)
        rig.wait(3500 * MS)
    assert status_c(rig) == COVL
    assert not rig.fets & 0x01
    rig.wait(11 * SECOND)
    assert status_c(rig) == COVL
    rig.wait(1 * SECOND)
    assert status_c(rig) == 0
    rig.wait(300 * MS)
    assert rig.fets & 0x01


def test_latches_do_not_outlast_config_update():
    rig = latched_overload()
    rig.configure()
    assert status_c(rig) == 0


# Load detection: 3 s in every 20 s


LOAD_DETECT = (0x92B4, struct.pack("<BBH", 3, 20, 1))


def test_load_is_detected_as_gone_while_the_source_is_on():
    rig = held(LOAD_DETECT)
    rig.wait(60 * SECOND)
    assert status_c(rig) == OCDL
    rig.bench.load = False
    rig.wait(21 * SECOND)
    assert status_c(rig) == 0
    rig.wait(300 * MS)
    assert rig.fets & DSG


def held(*blocks):
    rig = latching(*blocks)
    rig.bench.load = True
    for _ in range(2):
        rig.wait(4 * SECOND)
        overload(rig)
    assert status_c(rig) == OCDL
    return rig


def test_source_is_on_for_the_active_time_in_every_retry_interval():
    rig = held(LOAD_DETECT)
    on_s = 0
    rig.wait(10 * MS)
    for _ in range(200):
        on_s += rig.u16(0x00) & LD_ON
        rig.wait(1 * SECOND)
    assert on_s == 30


def test_load_detection_is_off_with_an_active_time_of_zero():
    rig = held()
    rig.bench.load = False
    rig.wait(200 * SECOND)
    assert rig.u16(0x00) == 0
    assert status_c(rig) == OCDL


def test_load_detection_gives_up_after_its_hours_and_restarts_on_command():
    rig = held(LOAD_DETECT)
    rig.wait(3600 * SECOND + 20 * SECOND)
    assert rig.u16(0x00) == LD_TIMEOUT
    rig.bench.load = False
    rig.wait(60 * SECOND)
    assert status_c(rig) == OCDL
    rig.command(0x009D)
    assert rig.u16(0x00) == LD_ON
    rig.wait(1 * SECOND)
    assert status_c(rig) == 0
    assert rig.u16(0x00) == 0


def test_host_turns_the_source_on_and_off():
    rig = held()
    rig.bench.load = False
    rig.command(0x009E)
    assert rig.u16(0x00) & LD_ON
    rig.wait(300 * MS)
    assert status_c(rig) == 0
    rig.command(0x009F)
    assert not rig.u16(0x00) & LD_ON


def test_ld_reads_high_with_the_source_on_and_no_load():
    rig = Rig()
    rig.command(0x009A)
    rig.wait(500 * MS)
    assert rig.i16(0x38) == 0
    rig.command(0x009E)
    rig.wait(300 * MS)
    assert rig.i16(0x38) == 5280
    rig.bench.load = True
    rig.wait(300 * MS)
    assert rig.i16(0x38) == 0


def test_command_window_has_an_alias_at_register_zero_that_reads_a5_ff_once():
    rig = Rig()
    rig.write(0x00, b"\x90\x00")
    assert rig.u16(0x00) == 0xFFA5
    assert rig.u16(0x00) == 0
    rig.wait(3 * MS)
    assert rig.status & 0x0001


def test_setting_the_chip_up_anew_ends_load_detection_and_says_so():
    rig = Rig()
    rig.switch_on()
    rig.command(0x009E)
    assert rig.u16(0x00) & 1
    rig.configure()
    assert not rig.u16(0x00) & 1
