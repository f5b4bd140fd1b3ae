"""The ISL94202's driver on the sheet's own figures, over a stand-in for the bus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.isl94202_stand_in import (
    BOARD,
    CBFC,
    CELL1,
    CELL_BYTE,
    CELLF,
    CELLS,
    CHARGE,
    CHING,
    CHPRSNT,
    COC,
    COT,
    CTRL0,
    CTRL1,
    CTRL2,
    CTRL3,
    CURRENT,
    DCHING,
    DISCHARGE,
    DOC,
    DOT,
    DSC,
    EEEN,
    EOC,
    IOT,
    IT,
    LDPRSNT,
    OPEN,
    OV,
    REQUESTS,
    SETUP0,
    STACK,
    STAT0,
    STAT1,
    STAT2,
    STAT3,
    TEMPS,
    UCCBAL,
    UCFET,
    UV,
    VBATT,
    XT1,
    XT2,
    Desk,
    cell_code,
    closed,
)
from vigil import sample
from vigil.afe.errors import (
    CHECK_FAILED,
    NO_ANSWER,
    NOT_CONFIGURED,
    READ_BACK_DIFFERS,
    TIMED_OUT,
    UNSUPPORTED,
    WRONG_DEVICE,
    AfeError,
)
from vigil.sample import UNKNOWN

EVERYTHING = {CELLS, TEMPS, CURRENT, STACK, BOARD}


def code_of(error):
    return error.value.code


# Codes and what they mean, from the sheet.


def test_the_sheets_cell_of_3600_mv_reads_3600_mv():
    desk = Desk().configure()
    desk.turn(2)
    desk.chip.put(CELL1, 0x0BFF)
    desk.turn(scanning=False)
    assert desk.cells_mv[0] == 3600


@given(st.lists(st.floats(0.0, 4.79), min_size=7, max_size=7))
def test_every_cell_lands_in_its_place_within_a_code(cells_v):
    desk = Desk().configure()
    # Something has to feed the chip.
    desk.cells_v = cells_v = [3.3, *cells_v]
    desk.turn(3)
    for volts, cell_mv in zip(cells_v, desk.cells_mv, strict=True):
        assert abs(cell_mv - 1000 * volts) <= 1.2


@pytest.mark.parametrize(
    "cells, byte, inputs",
    [
        (3, 0x83, (1, 2, 8)),
        (4, 0xC3, (1, 2, 7, 8)),
        (5, 0xC7, (1, 2, 3, 7, 8)),
        (6, 0xE7, (1, 2, 3, 6, 7, 8)),
        (7, 0xEF, (1, 2, 3, 4, 6, 7, 8)),
        (8, 0xFF, (1, 2, 3, 4, 5, 6, 7, 8)),
    ],
)
def test_fewer_cells_use_the_inputs_of_the_chips_own_byte(cells, byte, inputs):
    desk = Desk(cells=cells).configure()
    desk.cells_v = [1.0 + number / 4 for number in range(8)]
    desk.turn(3)
    assert desk.chip.registers[CELL_BYTE] == byte
    for number, cell_mv in zip(inputs, desk.cells_mv, strict=True):
        assert abs(cell_mv - (750 + 250 * number)) <= 1


def test_pack_die_and_thermistors_read_as_the_sheet_says():
    desk = Desk().configure()
    assert set(desk.turn(3)) == EVERYTHING
    assert abs(desk.readings.values[desk.readings.stack_at] - 26400) <= 15
    assert abs(desk.readings.values[desk.readings.board_at] - 250) <= 5
    assert [abs(temp - 250) <= 3 for temp in desk.temps_dc] == [True, True]


@pytest.mark.parametrize("volts, temp_dc", [(0.153, 800), (0.295, 500), (0.463, 250)])
def test_warm_thermistors_follow_the_sheets_table(volts, temp_dc):
    desk = Desk().configure()
    desk.turn(2)
    desk.chip.put(XT1, round(volts * 2 * 4095 / 1.8))
    desk.turn()
    assert abs(desk.temps_dc[0] - temp_dc) <= 6


@pytest.mark.parametrize("volts, at_most_dc", [(0.710, 0), (0.755, -380)])
def test_cold_thermistors_never_read_warmer_than_the_sheets_table(volts, at_most_dc):
    desk = Desk().configure()
    desk.turn(2)
    desk.chip.put(XT1, round(volts * 2 * 4095 / 1.8))
    desk.turn()
    assert desk.temps_dc[0] <= at_most_dc


@pytest.mark.parametrize("volts", [0.0, 0.03, 0.78, 1.8])
def test_a_thermistor_that_is_torn_off_or_shorted_is_unknown(volts):
    desk = Desk().configure()
    desk.turn(2)
    desk.chip.put(XT2, round(min(0xFFF, volts * 2 * 4095 / 1.8)))
    desk.turn()
    assert desk.temps_dc[1] == UNKNOWN and desk.temps_dc[0] != UNKNOWN


@pytest.mark.parametrize("shunt_uohm, gain_code, gain", [(500, 0, 50), (1000, 1, 5)])
def test_the_amplifier_shows_every_limit_of_the_table(shunt_uohm, gain_code, gain):
    desk = Desk(shunt_uohm=shunt_uohm).configure()
    assert desk.chip.registers[CTRL0] >> 4 & 3 == gain_code
    assert desk.front_end.highest_ma(REQUESTS) == round(1.8 / gain / shunt_uohm * 1e9)


@pytest.mark.parametrize("direction, sign", [(CHING, 1), (DCHING, -1), (0, 0)])
def test_current_has_the_sign_that_the_status_says(direction, sign):
    desk = Desk(shunt_uohm=500).configure()
    desk.amps_code, desk.direction = 1000, direction
    desk.turn(3)
    assert abs(desk.current_ma - sign * 1000 * 1.8 / 4095 / 50 / 0.0005 * 1000) <= 1


def test_current_in_both_directions_at_once_is_unknown():
    desk = Desk(shunt_uohm=500).configure()
    desk.amps_code, desk.direction = 1000, CHING | DCHING
    desk.turn(3)
    assert desk.current_ma == UNKNOWN


def test_a_shunt_that_is_the_other_way_round_is_turned():
    desk = Desk(shunt_uohm=500, charge_sign=-1).configure()
    desk.amps_code, desk.direction = 1000, CHING
    desk.turn(3)
    assert desk.current_ma < -17000


def test_a_current_at_full_scale_is_beyond_every_limit():
    desk = Desk(shunt_uohm=500).configure()
    desk.amps_code, desk.direction = 0xFFF, DCHING
    desk.turn(3)
    assert desk.current_ma < -70000


def test_full_scale_and_a_dead_pack_input_are_no_measurements():
    desk = Desk().configure()
    desk.turn(2)
    desk.chip.put(CELL1 + 4, 0xFFF)
    desk.chip.put(VBATT, 0)
    desk.chip.put(IT, 0)
    desk.turn(scanning=False)
    assert desk.cells_mv[2] == UNKNOWN and desk.cells_mv[1] != UNKNOWN
    assert desk.readings.values[desk.readings.stack_at] == UNKNOWN
    assert desk.readings.values[desk.readings.board_at] == UNKNOWN


# New or not.


def test_equal_codes_at_rest_are_new_as_long_as_the_chip_answers_its_question():
    desk = Desk().configure()
    desk.turn(3)
    for _ in range(20):
        assert set(desk.turn()) == EVERYTHING


def test_a_chip_that_scans_no_more_brings_nothing_new():
    desk = Desk().configure()
    desk.turn(3)
    assert desk.turn(2, scanning=False) == []
    assert desk.turn(20, scanning=False) == []
    assert desk.front_end.unproven >= 20
    desk.turn()
    assert set(desk.turn()) == EVERYTHING


def test_codes_that_move_prove_a_scan_where_the_flag_does_not_follow():
    desk = Desk().configure()
    desk.chip.answers_question = False
    for turn in range(10):
        desk.cells_v = [3.3 + turn / 100] * 8
        refreshed = desk.turn()
    assert set(refreshed) == EVERYTHING
    assert desk.turn() == []


def test_a_board_may_believe_codes_that_stand_still_for_a_while():
    desk = Desk(still_ms=2000).configure()
    desk.chip.answers_question = False
    desk.turn(7)
    assert set(desk.readings.refreshed) == EVERYTHING
    assert desk.turn(8) == []


def test_the_question_is_never_written_to_the_eeprom_and_nothing_else_is_written_at_rest():
    desk = closed()
    desk.chip.events.clear()
    desk.turn(40)
    assert {register for register, _ in desk.chip.events} == {EOC}


# The bus has no check codes.


@pytest.mark.parametrize("torn_at", [STAT0, CTRL1, CELL1 + 1, XT1 + 1])
def test_one_torn_reading_is_read_again(torn_at):
    desk = closed()
    desk.chip.torn, desk.chip.torn_at = 1, torn_at
    assert set(desk.turn()) == EVERYTHING
    assert desk.cells_mv == [3300] * 8 and desk.front_end.bus.check_errors == 1
    assert desk.readings.front_end_charge_trip == 0


def test_readings_that_never_agree_are_an_error_and_change_nothing():
    desk = closed()
    flips = iter(range(1000))

    def noise(address, register, buffer):
        for at in range(len(buffer)):
            buffer[at] = next(flips) * 37 & 0xFF

    desk.chip.readfrom_mem_into = noise
    with pytest.raises(AfeError) as error:
        desk.turn()
    assert code_of(error) == CHECK_FAILED
    assert desk.readings.refreshed == [] and desk.cells_mv == [3300] * 8


def test_one_lost_transfer_is_repeated_and_two_are_an_error():
    desk = closed()
    desk.chip.lost = 1
    assert desk.turn() and desk.front_end.bus.retries == 1
    desk.chip.lost = 2
    with pytest.raises(AfeError) as error:
        desk.turn()
    assert code_of(error) == NO_ANSWER
    assert desk.readings.refreshed == []


def test_short_bursts_read_the_same():
    desk = Desk(burst_bytes=4).configure()
    desk.cells_v = [3.0 + number / 8 for number in range(8)]
    desk.turn(3)
    for number, cell_mv in enumerate(desk.cells_mv):
        assert abs(cell_mv - (3000 + 125 * number)) <= 1


def test_a_chip_that_stays_silent_has_to_be_set_up_anew():
    desk = closed()
    desk.chip.lost = 1 << 30
    for _ in range(8):
        with pytest.raises(AfeError):
            desk.turn()
    assert not desk.front_end.configured
    with pytest.raises(AfeError) as error:
        desk.turn()
    assert code_of(error) == NOT_CONFIGURED


# Bring-up.


def test_only_ram_is_written_and_the_eeprom_access_is_closed_first():
    desk = Desk()
    desk.chip.registers[EEEN] = 1
    desk.configure()
    first = [event for event in desk.chip.events if event[0] != "line"]
    # Opening both switches may come before; the stand-in refuses settings while access is open.
    assert (EEEN, b"\x00") in first[:4]
    assert desk.chip.registers[EEEN] == 0


def test_bits_that_are_not_ours_stay_as_the_eeprom_had_them():
    desk = Desk()
    before = bytes(desk.chip.registers[:0x4C])
    desk.configure()
    after = desk.chip.registers
    # Pulses that look for charger and load, open wire, balancing, sleep, watchdog, timers.
    assert after[0x01] & 0xF0 == before[0x01] & 0xF0 and after[0x05] & 0xF0 == before[0x05] & 0xF0
    for first, last in ((0x0E, 0x10), (0x14, 0x16), (0x1C, 0x22), (0x24, 0x30), (0x44, 0x49)):
        assert after[first:last] == before[first:last]
    assert after[SETUP0] == before[SETUP0] & 0xCD
    assert after[SETUP0 + 1] == before[SETUP0 + 1] & 0xF7


def test_both_switches_and_the_bleeding_are_off_after_bring_up():
    desk = Desk(line=False)
    desk.chip.registers[CBFC] = 0x55
    desk.configure()
    assert desk.chip.switches == 0 and desk.chip.registers[CBFC] == 0
    assert desk.chip.registers[CTRL2] == UCFET | UCCBAL


def test_a_sleeping_chip_is_waited_for_and_one_that_never_wakes_is_an_error():
    desk = Desk()
    desk.chip.registers[STAT3] = 0x40
    desk.chip.sleeping_until_us = 3000000
    desk.configure()
    assert desk.front_end.configured and desk.clock.now_us >= 3000000
    desk.chip.registers[STAT3] = 0x40
    desk.chip.sleeping_until_us = 1 << 50
    with pytest.raises(AfeError) as error:
        desk.configure()
    assert code_of(error) == TIMED_OUT and not desk.front_end.configured


@pytest.mark.parametrize("register", [0x00, 0x16, 0x30, CELL_BYTE, EEEN])
def test_a_register_that_keeps_nothing_is_found(register):
    desk = Desk()
    desk.chip.registers[EEEN] = 1
    if register != EEEN:
        desk.chip.registers[EEEN] = 0
    desk.chip.deaf.add(register)
    with pytest.raises(AfeError) as error:
        desk.configure()
    assert code_of(error) == READ_BACK_DIFFERS
    assert not desk.front_end.configured


def test_something_that_keeps_no_command_is_another_chip():
    desk = Desk()
    desk.chip.deaf.add(CTRL2)
    with pytest.raises(AfeError) as error:
        desk.configure()
    assert code_of(error) == WRONG_DEVICE and not desk.front_end.configured


def test_nobody_there_is_no_answer():
    desk = Desk()
    desk.chip.lost = 1 << 30
    with pytest.raises(AfeError) as error:
        desk.configure()
    assert code_of(error) == NO_ANSWER


def test_verification_finds_one_bit_in_any_setting():
    desk = closed()
    for register in (0x00, 0x13, 0x1B, 0x37, 0x4B):
        desk.chip.registers[register] ^= 0x08
        with pytest.raises(AfeError) as error:
            list(desk.front_end.verify())
        assert code_of(error) == READ_BACK_DIFFERS
        desk.chip.registers[register] ^= 0x08
    for _ in range(5):
        desk.turn()
        list(desk.front_end.verify())


@pytest.mark.parametrize(
    "register, bits",
    [(CTRL2, UCCBAL), (CTRL0, 0x20), (EEEN, 0x01), (CTRL3, 0x01), (STAT3, 0x40)],
)
def test_whatever_shows_that_the_chip_is_not_as_it_was_left_has_it_set_up_anew(register, bits):
    desk = closed()
    desk.chip.sleeping_until_us = 1 << 50
    desk.chip.registers[register] ^= bits
    desk.turn()
    assert not desk.front_end.configured
    assert desk.readings.front_end_fault & sample.FAULT_NOT_CONFIGURED


def test_a_chip_that_resets_is_noticed_at_once():
    desk = closed()
    desk.chip.reset()
    desk.turn()
    assert not desk.front_end.configured


# Switches.


def test_both_on_hands_the_switches_over_to_the_chip():
    desk = closed()
    assert desk.chip.registers[CTRL2] & UCFET == 0
    assert desk.front_end.charge_is_on and desk.front_end.discharge_is_on
    assert desk.line.level == 1


def test_a_board_may_keep_commanding_them():
    desk = closed(hands_over=False)
    assert desk.chip.registers[CTRL2] & UCFET
    assert desk.chip.switches == CHARGE | DISCHARGE


@pytest.mark.parametrize("charge, discharge", [(True, False), (False, True)])
def test_one_switch_alone_is_commanded_by_the_host(charge, discharge):
    desk = closed()
    desk.chip.events.clear()
    desk.front_end.set_switches(charge, discharge)
    written = [register for register, _ in desk.chip.events if register != "line"]
    # The host takes over before it says what shall be on.
    assert written == [CTRL2, CTRL1]
    desk.turn()
    assert desk.chip.registers[CTRL2] & UCFET
    assert desk.chip.switches == (CHARGE if charge else DISCHARGE)
    assert (desk.front_end.charge_is_on, desk.front_end.discharge_is_on) == (charge, discharge)


def test_off_pulls_the_line_before_the_bus_and_then_writes():
    desk = closed()
    desk.chip.events.clear()
    desk.front_end.set_switches(False, False)
    assert desk.chip.events[0] == ("line", 0)
    assert desk.chip.switches == 0 and desk.chip.registers[CTRL2] & UCFET


def test_off_survives_a_dead_bus_and_is_written_when_it_lives_again():
    desk = closed()
    desk.chip.lost = 1 << 30
    desk.front_end.all_off()
    assert desk.line.level == 0
    desk.chip.lost = 0
    desk.turn()
    assert desk.chip.switches == 0 and desk.chip.registers[CTRL2] & UCFET


def test_off_is_not_written_again_and_again():
    desk = closed()
    desk.front_end.set_switches(False, False)
    desk.turn(2)
    desk.chip.events.clear()
    for _ in range(5):
        desk.front_end.all_off()
    assert desk.chip.events == [("line", 0)] * 5


@pytest.mark.parametrize(
    "register, bits, forbidden",
    [
        (STAT0, OV, CHARGE),
        (STAT0, COT, CHARGE),
        (STAT1, COC, CHARGE),
        (STAT0, UV, DISCHARGE),
        (STAT0, DOT, DISCHARGE),
        (STAT1, DOC, DISCHARGE),
        (STAT1, DSC, DISCHARGE),
        (STAT1, IOT, CHARGE | DISCHARGE),
        (STAT1, OPEN, CHARGE | DISCHARGE),
        (STAT1, CELLF, CHARGE | DISCHARGE),
    ],
)
@pytest.mark.parametrize("wanted", [CHARGE, DISCHARGE, CHARGE | DISCHARGE])
def test_no_command_closes_against_a_trip_of_the_chip(register, bits, forbidden, wanted):
    desk = Desk().configure()
    desk.turn(3)
    desk.chip.registers[register] |= bits
    desk.front_end.set_switches(bool(wanted & CHARGE), bool(wanted & DISCHARGE))
    desk.turn()
    assert desk.chip.switches == wanted & ~forbidden


def test_what_was_tripped_closes_with_the_repeated_command():
    desk = Desk().configure()
    desk.turn(3)
    desk.chip.registers[STAT0] |= OV
    desk.front_end.set_switches(True, True)
    desk.turn()
    assert desk.chip.switches == DISCHARGE
    desk.chip.registers[STAT0] = 0
    desk.front_end.set_switches(True, True)
    desk.turn()
    assert desk.chip.switches == CHARGE | DISCHARGE


def test_a_switch_that_stays_on_against_the_command_is_stuck_after_a_second():
    desk = closed()
    desk.front_end.set_switches(False, False)
    desk.chip.registers[CTRL1] = CHARGE
    desk.chip.deaf.add(CTRL1)
    desk.turn()
    assert desk.front_end.switch_stuck == 0
    desk.turn(6)
    assert desk.front_end.switch_stuck == 1


@pytest.mark.parametrize("direction, stuck", [(CHING, 1), (DCHING, 2)])
def test_current_through_a_switch_that_is_off_is_a_stuck_switch(direction, stuck):
    desk = closed(shunt_uohm=500)
    desk.front_end.set_switches(False, False)
    desk.amps_code, desk.direction = 500, direction
    desk.turn(3)
    assert desk.front_end.switch_stuck == 0
    desk.turn(4)
    assert desk.front_end.switch_stuck == stuck


# What the chip says of itself.


@pytest.mark.parametrize(
    "register, bits, charge, discharge",
    [
        (STAT0, OV, sample.CHARGE_TRIP_OVER_VOLTAGE, 0),
        (STAT0, UV, 0, sample.DISCHARGE_TRIP_UNDER_VOLTAGE),
        (STAT0, COT, sample.CHARGE_TRIP_TEMPERATURE, 0),
        (STAT0, DOT, 0, sample.DISCHARGE_TRIP_TEMPERATURE),
        (STAT1, COC, sample.CHARGE_TRIP_OVER_CURRENT, 0),
        (STAT1, DOC, 0, sample.DISCHARGE_TRIP_OVER_CURRENT),
        (STAT1, DSC, 0, sample.DISCHARGE_TRIP_SHORT_CIRCUIT),
        (STAT1, IOT, sample.CHARGE_TRIP_TEMPERATURE, sample.DISCHARGE_TRIP_TEMPERATURE),
    ],
)
def test_every_trip_reaches_the_sample(register, bits, charge, discharge):
    desk = closed()
    desk.chip.registers[register] |= bits
    desk.turn()
    readings = desk.readings
    assert (readings.front_end_charge_trip, readings.front_end_discharge_trip) == (
        charge,
        discharge,
    )


@pytest.mark.parametrize("register, bits", [(STAT1, OPEN), (STAT1, CELLF), (STAT2, 0x20)])
def test_an_open_lead_a_failed_cell_and_a_bad_eeprom_are_faults(register, bits):
    desk = closed()
    desk.chip.registers[register] |= bits
    desk.turn()
    assert desk.readings.front_end_fault == sample.FAULT_INTERNAL
    assert desk.front_end.open_lead_seen == (register == STAT1 and bits == OPEN)
    desk.chip.registers[register] &= bits ^ 0xFF
    desk.turn()
    assert desk.readings.front_end_fault == 0 and not desk.front_end.open_lead_seen


def test_only_what_the_chip_sees_of_load_and_charger_counts():
    desk = closed()
    assert (desk.readings.load_seen, desk.readings.charger_seen) == (-1, -1)
    desk.chip.registers[STAT2] |= LDPRSNT | CHPRSNT
    desk.turn()
    assert (desk.readings.load_seen, desk.readings.charger_seen) == (1, 1)


# Bleeding.


def test_cells_are_bled_by_their_inputs_and_not_longer_than_told():
    desk = Desk(cells=5).configure()
    desk.turn(2)
    desk.front_end.balance(bytearray((1, 0, 1, 0, 1)))
    assert desk.chip.registers[CBFC] == 0b10000101
    assert desk.chip.registers[CTRL2] & 0x21 == 0x21
    desk.turn(60)
    assert desk.chip.registers[CBFC] == 0b10000101
    desk.turn(30)
    assert desk.chip.registers[CBFC] == 0 and not desk.chip.registers[CTRL2] & 1
    assert desk.front_end.configured


def test_bleeding_does_not_take_the_switches_back():
    desk = closed()
    desk.front_end.balance(bytearray((1, 0, 0, 0, 0, 0, 0, 1)))
    desk.turn()
    assert not desk.chip.registers[CTRL2] & UCFET and desk.chip.switches == 3
    desk.front_end.balance(bytearray(8))
    assert desk.chip.registers[CBFC] == 0 and not desk.chip.registers[CTRL2] & 1


def test_neighbouring_inputs_are_refused():
    desk = Desk().configure()
    with pytest.raises(AfeError) as error:
        desk.front_end.balance(bytearray((0, 1, 1, 0, 0, 0, 0, 0)))
    assert code_of(error) == UNSUPPORTED and desk.chip.registers[CBFC] == 0


# The rest.


def test_nothing_is_read_bled_or_closed_before_bring_up():
    desk = Desk()
    for verb in (
        lambda: desk.front_end.read(desk.readings, 0),
        lambda: desk.front_end.balance(bytearray(8)),
        lambda: desk.front_end.set_switches(True, False),
        lambda: list(desk.front_end.verify()),
    ):
        with pytest.raises(AfeError) as error:
            verb()
        assert code_of(error) == NOT_CONFIGURED
    desk.front_end.set_switches(False, False)


def test_power_down_opens_both_first():
    desk = closed()
    desk.chip.events.clear()
    desk.front_end.shutdown()
    registers = [register for register, _ in desk.chip.events]
    assert registers == ["line", CTRL2, CTRL1, CTRL3]
    assert desk.chip.registers[CTRL3] == 0x08 and not desk.front_end.configured


def test_capabilities_tell_what_is_guarded():
    desk = Desk().configure()
    able = desk.front_end.capabilities()
    assert set(able["guards"]) == {request[0] for request in REQUESTS}
    assert able["chip"] == "ISL94202" and able["cells"] == 8 and able["direct_line"]
    assert not able["check_codes"]


@pytest.mark.parametrize(
    "choices",
    [{"cells": 2}, {"cells": 9}, {"shunt_uohm": 0}, {"charge_sign": 2}, {"ohms": (1, 2)}],
)
def test_a_board_that_cannot_be_is_refused(choices):
    with pytest.raises(AfeError) as error:
        Desk(**choices)
    assert code_of(error) == UNSUPPORTED


def test_full_code_is_48_volts_for_eight_cells():
    assert cell_code(3.6) == 0xBFF
