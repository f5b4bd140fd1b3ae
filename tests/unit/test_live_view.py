"""What the live view of `vigil sim` shows, as text, for records given by hand."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.sim.view import backstop, bars, keys, pages, screen, signs
from host_tools.sim.view.frames import FrameCounter
from host_tools.sim.view.painter import Painter
from tests.unit.view_rig import BACKSTOP, latest, over_voltage, pace, record, text

LIMITS = bars.CellLimits(2500, 2800, 3600, 3650)


def live(battery, width=80, height=24, nodes=1, **how):
    lines = screen.live(battery, nodes, pace(**how), width, height)
    assert len(lines) == height
    assert all(len(line) <= width for line in lines)
    return text(lines)


# Bars.


def filled(mv, width=40):
    low, high = bars.scale(LIMITS, [mv])
    plain = bars.bar(mv, low, high, LIMITS, width, "").plain
    assert len(plain) == width
    return sum(character in signs.FULL + signs.PARTS[1:] for character in plain)


@given(st.integers(0, 5500), st.integers(0, 5500), st.integers(1, 120))
def test_a_higher_voltage_never_has_the_shorter_bar(one_mv, other_mv, width):
    lower, higher = sorted((one_mv, other_mv))
    assert filled(lower, width) <= filled(higher, width)


def test_a_bar_is_empty_below_its_scale_and_full_above():
    assert filled(0) == 0
    assert filled(5500) == 40 - 4  # the four marks stand over the fill


def test_every_limit_is_marked_on_the_bar_where_it_lies_and_is_never_hidden():
    low, high = bars.scale(LIMITS, [])
    for mv in (2400, 3000, 3700):
        plain = bars.bar(mv, low, high, LIMITS, 60, "").plain
        marks = [at for at, sign in enumerate(plain) if sign == signs.TRIP_LINE]
        assert marks == [bars.column(limit, low, high, 60) for limit in (2500, 3650)]
        marks = [at for at, sign in enumerate(plain) if sign == signs.WARNING_LINE]
        assert marks == [bars.column(limit, low, high, 60) for limit in (2800, 3600)]


@pytest.mark.parametrize(
    "mv, word",
    [
        (3651, "OVER"),
        (3650, "high"),
        (3601, "high"),
        (3600, ""),
        (2800, ""),
        (2799, "low"),
        (2500, "low"),
        (2499, "UNDER"),
        (None, "?"),
    ],
)
def test_beyond_a_limit_there_is_a_word_besides_the_colour(mv, word):
    assert bars.verdict(mv, LIMITS)[0] == word


@given(
    st.lists(st.one_of(st.none(), st.integers(-100, 6000)), min_size=1, max_size=24),
    st.integers(1, 100),
    st.booleans(),
)
def test_a_line_of_a_cell_has_exactly_its_width_whatever_the_values(cells_mv, width, bleeds):
    nothing_known = bars.CellLimits(None, None, None, None)
    for limits in (LIMITS, nothing_known):
        for number in range(1, len(cells_mv) + 1):
            assert len(bars.cell_line(number, cells_mv, limits, bleeds, width)) == width


# The screen.


@pytest.mark.parametrize("width, height", [(80, 24), (120, 40), (60, 16), (200, 60)])
def test_every_cell_is_on_the_screen(width, height):
    shown = live(latest(record()), width, height)
    for number in range(1, 17):
        assert re.search(rf"\b{number} {(3289 + number) / 1000:.3f} ", shown)


@pytest.mark.parametrize("width, height", [(80, 24), (120, 40)])
def test_at_the_usual_sizes_everything_has_its_place(width, height):
    shown = live(latest(over_voltage(overruns=2)), width, height)
    for part in (
        "sim16_lfp",
        "16S LFP 100 Ah",
        "0:01:23",
        "52.66 V",
        "-1.5 A discharging",
        "SoC 39.9 %",
        "2 FAULTS",
        "min 3.290 V (cell 1)",
        "max 3.720 V (cell 5)",
        "spread 430 mV",
        "OPEN",
        "cell over-voltage",
        "hardware: no current can flow",
        "hardware: current can flow",
        "trip 2.500/3.650 V",
        "warning 2.800/3.600 V",
        "Cell 5 over-voltage: 3.720 V is above 3.650 V for 1.0 s; charge switch opened.",
        "closes again at 3.450 V or below.",
        "Backstop  armed, verified 12 s ago",
        ">3.694 V",
        "<2.479 V",
        "charge >76 A",
        "short >350 A",
        "/dev/pts/3",
        "no client",
        "JBD 0.0",
        "longest cycle 4.1 ms",
        "2 overruns",
        "q quit",
    ):
        assert part in shown, part
    assert "◆▴OVER" in shown


def test_a_tall_screen_has_every_sentence_and_what_happened():
    shown = live(latest(record(), over_voltage()), 120, 40)
    assert "Front end opened the charge switch by itself" in shown
    assert "Cell 5 voltage high" in shown
    assert "What happened" in shown
    assert shown.count("Cell 5 over-voltage: 3.720 V") == 2


def test_what_has_no_room_is_counted_and_named():
    shown = live(latest(over_voltage()))
    assert "2 more (w: all): Front end opened the charge switch by itself, Cell 5" in shown
    why = text(pages.why_page(latest(over_voltage()), 80, 24))
    assert "Front end opened the charge switch by itself: cell over-voltage" in why
    assert "Cell 5 voltage high: 3.720 V is above 3.600 V" in why


def test_an_open_switch_through_which_current_flows_cannot_be_overlooked():
    stuck = over_voltage()
    stuck["true_charge_on"] = True
    assert "yet charge current CAN FLOW" in live(latest(stuck))


def test_a_closed_switch_that_lets_nothing_through_is_told():
    assert "no current can flow: not closed" in live(latest(record(true_discharge_on=False)))


def test_health_and_a_bad_joint_are_shown_once_they_are_known():
    assert "SoH" not in live(latest(record(soh_pct=None, soh_sigma_pct=None, bad_joints=[])))
    shown = live(latest(record(soh_pct=91.4, soh_sigma_pct=1.2, bad_joints=[3])))
    assert "SoH 91.4 %" in shown and "bad joint 3" in shown


def test_values_that_are_not_known_are_question_marks():
    unknown = record(cells_mv=[None] * 16, temps_dc=[None] * 3, stack_mv=None, current_ma=None)
    shown = live(latest(unknown))
    assert "? V" in shown and "? A" in shown and "? ? ? degC" in shown
    assert "Cells: not known" in shown
    assert shown.count("  ?  ") >= 16


def test_before_the_first_record_there_is_a_screen_already():
    assert "starting" in live(latest())


def test_pause_speed_and_node_are_in_the_title():
    assert "PAUSED" in live(latest(record()), paused=True).splitlines()[0]
    assert "x10" in live(latest(record()), speed=10).splitlines()[0]
    assert "max" in live(latest(record()), speed=None).splitlines()[0]
    several = live(latest(record()), nodes=3)
    assert "node 1/3" in several.splitlines()[0]
    assert "n node" in several and several.endswith("q quit")


voltages = st.one_of(st.none(), st.integers(0, 5500))


@given(
    st.integers(1, 24).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(voltages, min_size=n, max_size=n))
    ),
    st.integers(1, 220),
    st.integers(1, 70),
    st.integers(0, 3_000_000),
    st.booleans(),
)
def test_any_pack_on_any_terminal_fills_the_screen_and_no_more(pack, width, height, t_s, wrong):
    cells, cells_mv = pack
    active = [[2, 1, 3720, 3720], [99, 0, None, 5]] if wrong else []
    battery = latest(
        record(cells, cells_mv=cells_mv, t_s=t_s, active=active, state=[2, 9, 2, 55]),
        cells=cells,
    )
    live(battery, width, height)
    for page in (
        pages.help_page(width, height),
        pages.why_page(battery, width, height),
        pages.fault_page(battery, keys.Prompt("cell 5 mv 3720"), width, height),
    ):
        assert len(page) == height and all(len(line) <= width for line in page)


def test_a_board_that_runs_on_cpython_says_so_for_good():
    battery = latest(record())
    battery.ready["interpreter"] = "cpython"
    assert "reduced fidelity" in live(battery).splitlines()[0]


# Painting.


def test_without_colour_the_same_signs_are_there(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    lines = screen.live(latest(over_voltage()), 1, pace(), 80, 24)
    coloured = Painter().paint(lines)
    bare = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in coloured]
    assert bare == [line.plain for line in lines]
    assert coloured != bare


def test_a_terminal_that_knows_ascii_only_gets_nothing_else():
    lines = screen.live(latest(record(), over_voltage()), 1, pace(paused=True), 120, 40)
    assert "".join(Painter(plain_signs=True).paint(lines)).isascii()


# Backstop.


def test_the_backstop_line_claims_no_more_than_is_known():
    assert backstop.state(None, 0)[0].startswith("not armed yet")
    lost = dict(BACKSTOP, configured=False)
    assert backstop.state(lost, 0)[0].startswith("NOT ARMED")
    assert backstop.applied(lost, 200) == ""
    assert "set up 3 times" in backstop.state(dict(BACKSTOP, bring_ups=3), 99)[0]


def test_with_room_the_backstop_shows_its_delays():
    assert backstop.applied(BACKSTOP, 200) == (
        "cell >3.694 V 1.5 s, <2.479 V 2.75 s; charge >76 A 425 ms;"
        " discharge >126 A 13 s, >152 A 425 ms; short >350 A 135 us"
    )


def test_temperatures_that_the_chip_guards_fit_even_a_narrow_terminal():
    temperatures = [[6, 570, 3000], [7, -20, 3000], [8, 620, 3000], [9, -220, 3000]]
    rows = dict(BACKSTOP, applied=BACKSTOP["applied"] + temperatures)
    assert backstop.applied(rows, 78) == (
        "cell >3.694V <2.479V chg >76A >57C <-2C dis >126A >152A >62C <-22C short >350A"
    )
    assert ">57 degC 3 s, <-2 degC 3 s" in backstop.applied(rows, 300)


def test_a_protection_that_this_host_does_not_know_is_shown_all_the_same():
    assert "protection 17 12" in backstop.applied(dict(BACKSTOP, applied=[[17, 12, 5]]), 80)


# Keys.


def test_keys_are_read_from_bytes():
    assert keys.read(b"fq\r\x7f\x1b[A\x1bOB\x1b[15~\t\x00") == [
        "f",
        "q",
        keys.ENTER,
        keys.BACKSPACE,
        keys.UP,
        keys.DOWN,
        keys.TAB,
    ]
    assert keys.read(b"\x1b") == [keys.ESCAPE]


@given(st.binary(max_size=60))
def test_no_bytes_disturb_the_keyboard(data):
    for key in keys.read(data):
        keys.Prompt().press(key)


def test_the_prompt_can_be_corrected():
    prompt = keys.Prompt()
    for key in keys.read(b"cell 55\x7f mv"):
        assert prompt.press(key) is None
    assert prompt.text == "cell 5 mv"
    assert prompt.press(keys.WIPE) is None and prompt.text == ""
    assert prompt.press(keys.ENTER) == keys.ENTER


def test_only_faults_that_this_version_knows_are_offered():
    three = pages.examples({"cells": 3, "temps": 1})
    assert "short" in three and "cell 1 mv 2400" in three
    assert "cell 5 mv 3720" not in three and "temp 2 c -5" not in three


# Frames.


def answer(register, data=b""):
    return bytes([0xDD, register, 0, len(data), *data, 0xFF, 0x00, 0x77])


@given(
    st.lists(st.binary(max_size=40), max_size=8),
    st.integers(1, 16),
)
def test_frames_are_counted_however_they_are_cut(payloads, chunk):
    counter = FrameCounter(now=lambda: 0.0)
    data = b"".join(answer(3, payload) for payload in payloads)
    for at in range(0, len(data), chunk):
        counter.take(data[at : at + chunk])
    assert counter.total == len(payloads)


def test_the_rate_falls_when_nothing_is_sent_any_more():
    now = [0.0]
    counter = FrameCounter(now=lambda: now[0])
    counter.take(answer(3) * 10)
    assert counter.a_second == 2.0
    now[0] = 100.0
    assert counter.a_second == 0.0
    assert counter.total == 10


def test_an_opening_to_come_is_announced_beside_its_switch():
    shown = live(latest(record(opening_in_ms=[-1, 1700])), 80, 24)
    assert "opens in 2 s" in next(line for line in shown.splitlines() if "Discharge" in line)
    assert "opens in" not in next(line for line in shown.splitlines() if "Charge  " in line)


def test_the_backstop_page_tells_limit_by_limit_what_the_chip_guards_and_when_it_was_verified():
    shown = text(pages.backstop_page(latest(record()), 100, 24)).splitlines()
    over = next(line for line in shown if "over-voltage" in line)
    assert ">3.650 V 1 s" in over and ">3.694 V 1.5 s, verified 12 s ago" in over
    current = next(line for line in shown if "Charge over-current" in line)
    assert ">76 A 425 ms, verified 3 s ago" in current
    # The rig's chip guards no temperature, and nothing claims that it does.
    assert "software only" in next(line for line in shown if "too warm to charge" in line)


def test_a_backstop_that_has_changed_is_told():
    battery = latest(record())
    battery.backstop = dict(battery.backstop, differences=1)
    assert "it HAD CHANGED" in live(battery, 80, 24)


def permits(**changes):
    known = {
        "charge_limit_ma": 5400,
        "discharge_limit_ma": 108000,
        "limited_by": ["cell voltage", "the limit table"],
        "time_to_empty_s": None,
        "time_to_full_s": [600, 900, 3720],
    }
    return record(**dict(known, **changes))


def test_what_may_flow_is_told_with_what_holds_it_down_and_how_long_it_lasts():
    shown = live(latest(permits()), 80, 30)
    line = next(line for line in shown.splitlines() if line.startswith("Allowed"))
    assert "charge 5.4 A (cell voltage)  discharge 108.0 A" in line
    assert line.rstrip().endswith("full in 0:10 to 1:02 h")
    assert "Allowed" not in live(latest(record()), 80, 30)


def test_in_a_small_window_faults_come_before_what_may_flow():
    shown = live(latest(dict(permits(), **over_voltage())), 80, 24)
    assert "Cell 5" in shown or "cell 5" in shown
    assert len(shown.splitlines()) == 24
