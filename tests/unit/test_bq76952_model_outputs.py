"""BQ76952 model: ALERT pin, general outputs, regulators and the host watchdog."""

import struct

import pytest

from tests.unit.bq76952_rig import MS, SECOND, Rig, enabled

HWDF = 0x02
REG0_ON = (0x9237, b"\x01")
ALERT_ON_SCANS = (0x926D, struct.pack("<H", 0xF882))


@pytest.mark.parametrize(
    "config, idle, alert",
    [(0x2A, 0, 1), (0xAA, 1, 0), (0x0A, 0, 1), (0x02, 0, None), (0x12, 0, 1), (0x06, 0, 0)],
    ids=["as advised", "active low", "1.8 V", "open", "pulled up", "pulled down"],
)
def test_alert_pin_levels_follow_its_configuration(config, idle, alert):
    rig = Rig()
    seen = []
    rig.chip.alert_listeners.append(seen.append)
    rig.configure((0x92FC, bytes([config])), (0x9236, b"\x0d"), REG0_ON, ALERT_ON_SCANS)
    assert rig.chip.alert_level == idle
    rig.wait(300 * MS)
    assert rig.chip.alert_level == alert
    rig.write(0x66, b"\x00\x00")
    rig.write(0x62, b"\xff\xff")
    assert rig.chip.alert_level == idle
    assert seen[-1] == idle


def test_alert_on_reg1_shows_nothing_while_reg1_is_off():
    rig = Rig()
    rig.configure((0x92FC, b"\x2a"), ALERT_ON_SCANS)
    rig.wait(300 * MS)
    assert rig.chip.alert
    assert rig.chip.alert_level == 0
    rig.configure((0x9236, b"\x0d"), REG0_ON)
    rig.wait(300 * MS)
    assert rig.chip.alert_level == 1


def test_only_enabled_alarms_raise_the_pin():
    rig = Rig()
    rig.configure((0x92FC, b"\x0a"), (0x926D, b"\x00\x40"), enabled(0x08))
    rig.wait(1 * SECOND)
    assert rig.chip.alert_level == 0
    rig.bench.cell(2, 4400)
    rig.wait(600 * MS)
    assert rig.chip.alert_level == 1
    assert rig.u16(0x62) == 0x4000


def test_alert_as_a_general_output_obeys_its_commands():
    rig = Rig()
    rig.configure((0x92FC, b"\x09"))
    assert rig.chip.alert_level == 0
    rig.command(0x2812)
    assert rig.chip.alert_level == 1
    rig.command(0x2802)
    assert rig.chip.alert_level == 0


# Regulators


@pytest.mark.parametrize(
    "value, reg1_mv, reg2_mv",
    [(0x0D, 3300, 0), (0x0F, 5000, 0), (0x09, 2500, 0), (0x01, 1800, 0), (0xDD, 3300, 3300)],
)
def test_regulators_follow_their_command_once_reg0_is_on(value, reg1_mv, reg2_mv):
    rig = Rig()
    rig.send(0x0098, bytes([value]))
    assert rig.chip.regulators.reg1_mv == 0
    rig.configure(REG0_ON)
    rig.send(0x0098, bytes([value]))
    assert (rig.chip.regulators.reg1_mv, rig.chip.regulators.reg2_mv) == (reg1_mv, reg2_mv)
    assert rig.ask(0x0098) == bytes([value])


@pytest.mark.parametrize(
    "config, reg12, miso_mv", [(0x60, 0x0D, 3300), (0x60, 0x00, 1800), (0x20, 0x0D, 1800)]
)
def test_miso_is_high_as_reg1_only_when_both_are_set_up(config, reg12, miso_mv):
    rig = Rig()
    rig.configure((0x923C, bytes([config])), (0x9236, bytes([reg12])), REG0_ON)
    assert rig.chip.miso_mv == miso_mv


def silent_rig(option):
    rig = Rig()
    rig.configure(
        enabled(0, 0, HWDF),
        (0x92B2, b"\x05\x00"),
        (0x9236, b"\x0d"),
        REG0_ON,
        (0x9238, bytes([option])),
    )
    seen = []
    rig.chip.regulators.listeners.append(
        lambda reg1_mv, reg2_mv: seen.append((rig.clock.now_us, reg1_mv))
    )
    rig.start_us = rig.clock.now_us
    return rig, seen


def test_host_watchdog_may_leave_the_regulators_alone():
    rig, seen = silent_rig(0x00)
    rig.wait(20 * SECOND)
    assert rig.chip.safety[2] == HWDF
    assert seen == []


def test_host_watchdog_may_turn_the_regulators_off():
    rig, seen = silent_rig(0x13)
    rig.wait(30 * SECOND)
    assert [mv for _, mv in seen] == [0]
    assert rig.u8(0x07) == 0
    rig.send(0x0098, b"\x0d")
    assert rig.chip.regulators.reg1_mv == 3300


def test_host_watchdog_may_restart_the_controller_by_its_supply():
    rig, seen = silent_rig(0x23)
    rig.wait(30 * SECOND)
    assert [mv for _, mv in seen] == [0, 3300]
    assert seen[1][0] - seen[0][0] == 3 * SECOND


def test_host_watchdog_has_no_alert_and_trips_after_exactly_its_silence():
    rig, _ = silent_rig(0x00)
    heard_us = rig.chip.heard_us
    rig.wait_until(heard_us + 5 * SECOND - 1)
    assert rig.chip.image[0x06:0x08] == b"\x00\x00"
    rig.wait(1)
    assert rig.chip.image[0x06:0x08] == b"\x00\x02"


def test_a_write_with_a_wrong_check_does_not_feed_the_host_watchdog():
    rig = Rig(crc=True)
    rig.configure(enabled(0, 0, HWDF), (0x92B2, b"\x05\x00"))
    for _ in range(6):
        rig.wait(1 * SECOND)
        rig.chip.i2c_write(b"\x3e\x00\x01")
    assert rig.chip.safety[2] & HWDF


def test_busy_chip_keeps_its_window_closed_for_longer():
    rig = Rig()
    rig.chip.busy_more_us = 20 * MS
    rig.command(0x0057, 20 * MS)
    assert rig.read(0x3E, 2) == b"\xff\xff"
    rig.wait(1 * MS)
    assert rig.u16(0x3E) == 0x0057
