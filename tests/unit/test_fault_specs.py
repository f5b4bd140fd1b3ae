"""Fault specifications: what people type becomes what the node acts on, or a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.sim import faults
from host_tools.sim.settings import board_contactors


def parsed(spec):
    return faults.parse(spec, cells=16, temps=3)


@pytest.mark.parametrize(
    "spec, t_ms, what, n, value",
    [
        ("t=20 cell 5 mv 3720", 20000, "cell_mv", 5, 3720),
        ("t=0 cell 1 mv 0", 0, "cell_mv", 1, 0),
        ("t=20.5 cell 16 mv 5500", 20500, "cell_mv", 16, 5500),
        ("t=1 temp 2 c -12.5", 1000, "temp_dc", 2, -125),
        ("t=1 temp all c 61", 1000, "temp_dc", 0, 610),
        ("t=1 temp die c 90", 1000, "board_dc", 0, 900),
        ("t=1 temp switches c 90.5", 1000, "board_dc", 1, 905),
        ("t=1 cell 3 open", 1000, "cell_open", 3, 0),
        ("t=1 cell 3 leak 0.25", 1000, "cell_leak_mohm", 3, 250),
        ("t=1 temp 3 open", 1000, "temp_open", 3, 0),
        ("t=1 temp 1 shorted", 1000, "temp_shorted", 1, 0),
        ("t=1 temp switches open", 1000, "temp_open", 0, 0),
        ("t=1 current a -130.25", 1000, "current_ma", 0, -130250),
        ("t=1 current a +40", 1000, "current_ma", 0, 40000),
        ("t=1 short", 1000, "short", 0, 0),
        ("t=1 afe nak", 1000, "afe_nak", 0, 0),
        ("t=1 afe crc", 1000, "afe_crc", 0, 0),
        ("t=1 afe frozen", 1000, "afe_frozen", 0, 0),
        ("t=1 afe reset", 1000, "afe_reset", 0, 0),
        ("t=1 fet charge stuck-on", 1000, "fet_stuck", 1, 0),
        ("t=1 fet discharge stuck-on", 1000, "fet_stuck", 2, 0),
        ("t=1 interlock", 1000, "interlock", 0, 0),
        ("t=1 emergency", 1000, "emergency", 0, 0),
        ("t=1 button 5.5", 1000, "button_ms", 0, 5500),
        ("t=1 heater broken", 1000, "heater_broken", 0, 0),
        ("t=1 heater stuck-on", 1000, "heater_stuck_on", 0, 0),
        ("t=1 fan broken", 1000, "fan_broken", 0, 0),
        ("t=1 contactor main welded", 1000, "contactor_welded", 1, 0),
        ("t=1 contactor charge stuck-open", 1000, "contactor_stuck_open", 2, 0),
        ("t=1 contactor precharge welded", 1000, "contactor_welded", 3, 0),
        ("t=1 link short", 1000, "link_short", 0, 0),
        ("t=1 link disconnected", 1000, "link_disconnected", 0, 0),
        ("  T=1   CLEAR ", 1000, "clear", 0, 0),
    ],
)
def test_every_form_is_understood(spec, t_ms, what, n, value):
    assert parsed(spec) == {"t_ms": t_ms, "what": what, "n": n, "value": value}


@pytest.mark.parametrize(
    "spec, words",
    [
        ("", "must begin with t=SECONDS"),
        ("cell 5 mv 3720", "must begin with t=SECONDS"),
        ("t=20", "says no fault"),
        ("t= short", "'' is not a number"),
        ("t=soon short", "'soon' is not a number"),
        ("t=-1 short", "t must be 0 to"),
        ("t=nan short", "not a finite number"),
        ("t=1e99 short", "t must be 0 to"),
        ("t=1 cell 17 mv 3000", "no cell 17: the board has 16"),
        ("t=1 cell 0 mv 3000", "no cell 0: they are counted from 1"),
        ("t=1 cell 1.5 mv 3000", "'1.5' is not a whole number"),
        ("t=1 cell five mv 3000", "'five' is not a whole number"),
        ("t=1 cell 5 mv 5501", "cell voltage must be 0 to 5500 mV"),
        ("t=1 cell 5 mv -1", "cell voltage must be 0 to 5500 mV"),
        ("t=1 cell 5 mv", "unknown fault"),
        ("t=1 cell 5 v 3.7", "unknown fault"),
        ("t=1 cell 5 mv 3700 3800", "unknown fault"),
        ("t=1 temp 4 c 20", "no temperature sensor 4: the board has 3"),
        ("t=1 temp 1 c 151", "temperature must be -60 to 150 degC"),
        ("t=1 temp 1 c inf", "not a finite number"),
        ("t=1 current a 2001", "current must be -2000 to 2000 A"),
        ("t=1 afe sulks", "unknown fault"),
        ("t=1 fet charge", "unknown fault"),
        ("t=1 fet both stuck-on", "unknown fault"),
        ("t=1 contactor main open", "unknown fault"),
        ("t=1 contactor all welded", "unknown fault"),
        ("t=1 link", "unknown fault"),
        ("t=1 explode", "unknown fault"),
        ("t=1 button -1", "press must be 0.05 to 600 s"),
        ("t=1 button", "unknown fault"),
        ("t=1 interlock open", "unknown fault"),
        ("t=1 cell 17 open", "no cell 17: the board has 16"),
        ("t=1 cell 17 leak 1", "no cell 17: the board has 16"),
        ("t=1 cell 3 leak 0", "leak must be 0.01 to 100000 ohm"),
        ("t=1 cell 3 leak", "unknown fault"),
        ("t=1 temp 4 open", "no temperature sensor 4: the board has 3"),
        ("t=1 temp 0 shorted", "no temperature sensor 0: they are counted from 1"),
        ("t=1 temp all open", "'all' is not a whole number"),
        ("t=1 temp die open", "'die' is not a whole number"),
        ("t=1 temp die c 151", "temperature must be -60 to 150 degC"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_reason(spec, words):
    with pytest.raises(ValueError) as caught:
        parsed(spec)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "spec, contactors, words",
    [
        ("t=1 contactor main welded", (), "the board has no main contactor"),
        ("t=1 link short", (), "the board has no contactors"),
        ("t=1 contactor charge welded", ("main", "precharge"), "has no charge contactor"),
    ],
)
def test_a_contactor_that_the_board_has_not_is_refused(spec, contactors, words):
    with pytest.raises(ValueError) as caught:
        faults.parse(spec, 16, 3, contactors)
    assert words in str(caught.value)


def test_boards_say_which_contactors_they_have():
    assert board_contactors("sim16_lfp") == ()
    assert board_contactors("sim16_lfp_contactors") == faults.CONTACTORS


def test_faults_come_in_the_order_of_their_times_and_as_given_at_the_same_time():
    specs = ["t=9 clear", "t=2 short", "t=2 afe nak", "t=1 afe crc"]
    assert [fault["what"] for fault in faults.parse_all(specs, 16, 3)] == [
        "afe_crc",
        "short",
        "afe_nak",
        "clear",
    ]


def test_a_place_is_checked_later_when_the_board_does_not_tell_its_counts_before():
    fault = faults.parse("t=1 cell 17 mv 3000", None, None)
    assert faults.beyond(fault, 16, 3) == "there is no cell 17: the board has 16"
    assert faults.beyond(fault, 17, 3) is None
    for spec in ("cell 17 open", "cell 17 leak 1"):
        fault = faults.parse("t=1 " + spec, None, None)
        assert faults.beyond(fault, 16, 3) == "there is no cell 17: the board has 16"
    fault = faults.parse("t=1 temp 4 open", None, None)
    assert faults.beyond(fault, 16, 3) == "there is no temperature sensor 4: the board has 3"
    assert faults.beyond(faults.parse("t=1 temp die c 20", None, None), 16, 0) is None
    assert faults.beyond(faults.parse("t=1 temp all c 20", None, None), 16, 3) is None


def test_a_fault_of_a_part_that_the_board_lacks_is_told_from_one_that_it_has():
    interlock = faults.parse("t=1 interlock", 16, 3)
    assert faults.lacking(interlock, ["button"]) == "the board has no interlock"
    assert faults.lacking(interlock, ["button", "interlock"]) is None
    assert faults.lacking(faults.parse("t=1 short", 16, 3), []) is None
    for how in ("nak", "frozen", "reset"):
        monitor = faults.parse("t=1 monitor " + how, 16, 3)
        assert faults.lacking(monitor, ["fan"]) == "the board has no current monitor"
        assert faults.lacking(monitor, ["current monitor"]) is None


@given(st.integers(1, 16), st.integers(0, 5500), st.integers(0, 10**6))
def test_cell_faults_keep_their_numbers(cell, mv, t_ms):
    fault = parsed(f"t={t_ms / 1000} cell {cell} mv {mv}")
    assert fault == {"t_ms": t_ms, "what": "cell_mv", "n": cell, "value": mv}


@given(st.text(max_size=60))
def test_any_text_is_understood_or_refused_in_one_line(text):
    for spec in (text, "t=1 " + text):
        try:
            parsed(spec)
        except ValueError as error:
            assert "\n" not in str(error)
