"""The BQ76952 driver's rarer verbs: rest, load detection, charge, extremes, chip options."""

import struct
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bq76952_spi_stand_in import SpiDesk
from tests.unit.bq76952_stand_in import Desk
from vigil import sample
from vigil.afe import bq76952_verbs, errors
from vigil.afe.bq76952_options import Options
from vigil.afe.errors import AfeError


@pytest.fixture(params=[Desk, SpiDesk])
def desk(request):
    desk = request.param().configure()
    del desk.chip.events[:]
    return desk


def commands(desk):
    return [event[1] for event in desk.chip.events if event[0] == "command"]


# Rest.


def test_sleep_is_forbidden_at_bring_up_and_allowed_only_by_the_verb():
    desk = Desk().configure()
    assert 0x0099 not in commands(desk) and 0x009A in commands(desk)
    assert not desk.front_end.sleep_allowed
    desk.front_end.sleep(True)
    assert commands(desk)[-1] == 0x0099 and desk.front_end.sleep_allowed
    desk.front_end.sleep(False)
    assert commands(desk)[-1] == 0x009A and not desk.front_end.sleep_allowed


def test_a_sleeping_chip_is_seen_to_sleep(desk):
    desk.read_scan()
    assert not desk.front_end.asleep
    desk.chip.set_status(0x8180)
    desk.read()
    assert desk.front_end.asleep


def test_deep_sleep_opens_both_switches_and_is_asked_for_twice(desk):
    desk.front_end.set_switches(True, True)
    del desk.chip.events[:]
    begun_us = desk.clock.now_us
    desk.front_end.deep_sleep()
    assert desk.clock.now_us - begun_us < 5000
    assert desk.line.level == 0
    assert ("data", 0x0097, b"\x0f") in desk.chip.events
    assert commands(desk)[-2:] == [0x000F, 0x000F]
    assert desk.front_end.control_status() == bq76952_verbs.DEEP_ASLEEP


def test_waking_leaves_the_switches_open_and_believes_nothing_old(desk):
    desk.read_scan()
    desk.front_end.deep_sleep()
    desk.chip.scan([3000] * 16)
    begun_us = desk.clock.now_us
    desk.front_end.wake()
    assert desk.clock.now_us - begun_us < 5000
    assert desk.front_end.control_status() == 0
    assert desk.line.level == 0 and not desk.front_end.sleep_allowed
    # The scan that was latched before is not taken.
    assert desk.read() == []
    assert sample.CELLS in desk.read_scan()


@pytest.mark.parametrize("make", [Desk, SpiDesk])
def test_a_restarted_controller_wakes_a_chip_in_deep_sleep(make):
    desk = make()
    desk.chip.registers[0x00] = 0x04
    desk.configure()
    assert desk.front_end.configured
    assert commands(desk).index(0x000E) < commands(desk).index(0x0090)


def test_shutdown_opens_the_switches_and_is_asked_for_twice(desk):
    desk.front_end.set_switches(True, True)
    desk.front_end.shutdown()
    assert commands(desk)[-2:] == [0x0010, 0x0010]
    assert desk.line.level == 0 and not desk.front_end.configured


def test_a_chip_that_is_gone_after_the_first_shutdown_is_no_error():
    desk = Desk().configure()
    original = desk.chip._command

    def leave(code, data):
        original(code, data)
        if code == 0x0010:
            desk.chip.lost = 10**6

    desk.chip._command = leave
    desk.front_end.shutdown()
    assert not desk.front_end.configured and desk.line.level == 0


def test_shutdown_that_never_reaches_the_chip_says_so_with_the_line_low():
    desk = Desk().configure()
    desk.front_end.set_switches(True, True)
    desk.chip.lost = 10**6
    with pytest.raises(AfeError):
        desk.front_end.shutdown()
    assert desk.line.level == 0


@pytest.mark.parametrize(
    "verb",
    [
        lambda chip: chip.sleep(True),
        lambda chip: chip.deep_sleep(),
        lambda chip: chip.wake(),
        lambda chip: chip.load_detect(True),
        lambda chip: chip.read_charge(array("i", [0] * 3)),
        lambda chip: chip.read_extremes(array("i", [0] * 5)),
    ],
)
def test_verbs_before_bring_up_are_refused(verb):
    desk = Desk()
    with pytest.raises(AfeError) as error:
        verb(desk.front_end)
    assert error.value.code == errors.NOT_CONFIGURED
    assert commands(desk) == []


# Load detection.


def test_load_detection_and_latches_have_their_commands(desk):
    front_end = desk.front_end
    front_end.load_detect(True)
    front_end.load_detect_again()
    front_end.load_detect(False)
    front_end.recover_latches()
    assert commands(desk) == [0x009E, 0x009D, 0x009F, 0x009B, 0x009C]


@pytest.mark.parametrize("register", range(8))
def test_the_state_of_load_detection_is_read(desk, register):
    desk.chip.registers[0x00] = register | 0xF8
    assert desk.front_end.control_status() == register


# Charge and extremes.


@given(
    st.integers(-(10**8) + 2, 10**8 - 2),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**30 - 1),
)
def test_passed_charge_is_exact_to_the_sixteenth_bit(steps, fraction, seconds):
    desk = Desk().configure()
    desk.chip.answers[0x0076] = struct.pack("<iII", steps, fraction, seconds) + bytes(20)
    charge = array("i", [0] * 3)
    desk.front_end.read_charge(charge)
    # In 1/65536 mAh; a step is 10 mAh and the counter starts at half a step.
    wanted = (steps * 65536 + (fraction >> 16) - 0x8000) * 10
    assert charge[0] * 65536 + charge[1] == wanted
    assert 0 <= charge[1] < 65536 and charge[2] == seconds


def test_a_counter_that_just_started_shows_zero():
    desk = Desk().configure()
    desk.chip.answers[0x0076] = struct.pack("<iII", 0, 1 << 31, 0) + bytes(20)
    charge = array("i", [9] * 3)
    desk.front_end.read_charge(charge)
    assert list(charge) == [0, 0, 0]


def test_an_impossible_charge_or_a_short_answer_is_refused(desk):
    for answer in (struct.pack("<iII", 2**31 - 1, 0, 0) + bytes(20), bytes(8)):
        desk.chip.answers[0x0076] = answer
        with pytest.raises(AfeError) as error:
            desk.front_end.read_charge(array("i", [0] * 3))
        assert error.value.code == errors.CHECK_FAILED


def test_the_charge_counter_is_reset_by_its_command(desk):
    desk.front_end.reset_charge()
    assert commands(desk) == [0x0082]


def test_extremes_are_those_of_the_chips_status_block(desk):
    words = [1, 2, 3412, 3287, 5300, 2981, 2990, 3001, 2705, 2903, -5, -6]
    desk.chip.answers[0x0075] = struct.pack("<12h", *words) + bytes(8)
    extremes = array("i", [0] * 5)
    begun_us = desk.clock.now_us
    desk.front_end.read_extremes(extremes)
    assert desk.clock.now_us - begun_us < 5000
    assert list(extremes) == [3412, 3287, 270, -26, 172]


# Options in the chip's memory.


def memory_of(**options):
    return Desk(**options).configure().chip.memory


@pytest.mark.parametrize(
    "options, address, wanted",
    [
        ({}, 0x92FC, b"\x00"),
        ({"alert_pin": 0x2A}, 0x92FC, b"\x2a"),
        ({}, 0x926D, b"\x82\xf8"),
        ({"alarms": 0x2000}, 0x926D, b"\x82\x20"),
        ({}, 0x9308, b"\x2d"),
        ({"predischarge_ms": 300, "predischarge_delta_mv": 1000}, 0x9308, b"\x3d"),
        ({"predischarge_ms": 300, "predischarge_delta_mv": 1000}, 0x930E, b"\x1e\x64"),
        ({"sleep_charges": True}, 0x9308, b"\x2f"),
        ({"sleep_below_ma": 30, "wake_above_ma": 1000}, 0x9248, b"\x1e\x00\x05\xe8\x03\x0a"),
        ({"sleep_voltage_s": 9}, 0x924A, b"\x09"),
        ({}, 0x92B4, b"\x00\x32\x01\x00"),
        (
            {"load_detect_s": 2, "load_detect_every_s": 20, "load_detect_h": 300},
            0x92B4,
            b"\x02\x14\x2c\x01",
        ),
        ({}, 0x9314, b"\x05"),
        ({"open_wire_s": 0}, 0x9314, b"\x00"),
        ({"reg12": 0x0D}, 0x9236, b"\x0d\x01"),
        ({"miso_on_reg1": True}, 0x923C, b"\x60"),
        ({}, 0x923C, b"\x20"),
    ],
)
def test_options_reach_their_place_in_the_chip(options, address, wanted):
    memory = memory_of(**options)
    assert bytes(memory[address + at] for at in range(len(wanted))) == wanted


def test_regulators_are_left_alone_unless_named():
    memory = memory_of()
    assert 0x9236 not in memory and 0x9237 not in memory


@pytest.mark.parametrize(
    "options",
    [
        {"sleep_voltage_s": 2},
        {"wake_above_ma": 499},
        {"predischarge_ms": 2560},
        {"latch_after": 256},
        {"open_wire_s": -1},
        {"alarms": 0x10000},
        {"watchdog_s": -1},
        {"reg12": 256},
    ],
)
def test_what_does_not_fit_the_chips_memory_is_refused_at_once(options):
    with pytest.raises(AfeError) as error:
        Options(**options)
    assert error.value.code == errors.UNSUPPORTED


def test_predischarge_carries_the_discharge_current():
    desk = Desk(predischarge_ms=300).configure()
    desk.front_end.set_switches(False, True)
    desk.chip.registers[0x7F] = 0x08
    desk.read()
    assert desk.front_end.discharge_is_on


# Capabilities.


def test_capabilities_name_what_the_chip_guards_by_itself():
    desk = Desk(cells=8, watchdog_s=7)
    assert desk.front_end.capabilities()["guards"] == ()
    desk.configure()
    able = desk.front_end.capabilities()
    assert able["guards"] == (1, 2, 3, 4, 5, 6, 7, 8, 9)
    assert (able["chip"], able["inputs"], able["cells"], able["temps"]) == ("BQ76952", 16, 8, 3)
    assert able["silence_ms"] == 7000 and able["open_wire_ms"] == 5000
    assert not able["bleeds_adjacent"] and able["bleed_lapse_ms"] == 20000


def test_capabilities_do_not_claim_temperatures_without_sensors():
    desk = Desk(temps=0).configure()
    assert desk.front_end.capabilities()["guards"] == (1, 2, 3, 4, 5)
