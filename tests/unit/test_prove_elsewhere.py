"""A scenario moved to another board keeps its meaning, or says why it cannot be moved."""

import pytest

from host_tools import firmware
from host_tools.prove import elsewhere, rows, scenario

(limits,) = firmware.load("limits")


def facts(**changes):
    return {
        "cells": 15,
        "temps": 3,
        "capacity_mah": 20000,
        "parts": ["interlock"],
        "front_end": {"guards": (limits.BACKSTOP_CELL_OVER_VOLTAGE,), "open_wire_ms": 0},
        "sleeps": False,
        "periods_ms": [260, 5000, 260, 260, 5000],
        "cycle_ms": 250,
        "applied": [],
        "contactors": False,
        **changes,
    }


def moved(changes=None, **table):
    table = {"title": "a", "why": "b", "expect": "nothing opens", **table}
    return elsewhere.move(scenario.parse(table, "one"), "small", facts(**(changes or {})))


def lacks(words, **table):
    with pytest.raises(elsewhere.DoesNotApply) as raised:
        moved(**table)
    assert words in str(raised.value)


def test_currents_go_along_with_the_capacity_and_the_pack_with_its_cells():
    one = moved(
        current_a=-40,
        events=["t=1 current a 97", "t=2 stack reads v 48"],
        limits={
            "charge_over_current": {"trip_a": 80, "delay_ms": 700},
            "stack_over_voltage": {"trip_v": 56},
        },
    )
    assert one.board == "small" and one.moved
    assert {ma for _, ma in one.profile.rows} == {-8000}
    assert [event["value"] for event in one.events] == [19400, 45000]
    by_id = {change[0]: change for change in one.limits}
    assert by_id[rows.by_key()["charge_over_current"].id][1:] == [16000, None, 700, None]
    assert by_id[rows.by_key()["stack_over_voltage"].id][1] == 52500


def test_the_top_cell_stays_the_top_cell_and_others_stay_where_they_are():
    one = moved(events=["t=1 cell 16 open", "t=2 cell 5 mv 3700"])
    assert [event["n"] for event in one.events] == [15, 5]
    one = moved({"cells": 24}, events=["t=1 cell 16 open"])
    assert one.events[0]["n"] == 24


def test_what_the_board_lacks_is_told():
    lacks("no emergency stop", events=["t=1 emergency"])
    lacks("no test of sense leads", needs="test of sense leads")
    lacks("no quick temperatures", needs=["quick temperatures"])
    lacks("no sleep", needs=["sleep"])
    lacks("no sensor at the switches", needs="sensor at the switches")
    lacks("no guard against a short circuit", needs="guard against a short circuit")
    cleared = {"front_end": {"guards": (), "keeps_results": False}}
    lacks("no results that stay", changes=cleared, needs="results that stay")
    lacks("no guard of charge_over_current", needs=["guard of charge_over_current"])
    lacks("does not guard", expect="charge opens because of backstop charge_over_current")
    lacks("is about sim4_lfp", pack={"board": "sim4_lfp"})
    lacks("is about sim16_lfp", pack={"cells": 8})
    lacks("no cell 9", changes={"cells": 8}, events=["t=1 cell 9 mv 3700"])
    lacks("no temperature sensor 3", changes={"temps": 2}, events=["t=1 temp 3 c 40"])


def test_what_the_board_has_is_taken_along():
    assert moved(events=["t=1 interlock"])
    assert moved(needs="guard of cell_over_voltage")
    assert moved(expect="charge opens because of backstop cell_over_voltage")
    assert moved({"sleeps": True}, needs="sleep")


def test_a_guard_that_is_armed_further_out_than_the_load_proves_nothing():
    facts = {
        "front_end": {"guards": (limits.BACKSTOP_CHARGE_CURRENT,)},
        "applied": [(limits.BACKSTOP_CHARGE_CURRENT, 25000, 11)],
    }
    words = {
        "needs": "guard of charge_over_current",
        "expect": "charge opens because of backstop charge_over_current",
    }
    lacks("from +25 A on only", changes=facts, events=["t=1 current a 97"], **words)
    lacks("from +25 A on only", changes=facts, events=["t=1 current a -140"], **words)
    assert moved(facts, events=["t=1 current a 140"], **words)


def test_what_hides_the_current_strikes_the_part_that_measures_it():
    frozen = {"events": ["t=1 afe frozen"], "expect": "both opens because of current_stale"}
    assert moved(**frozen).events[0]["what"] == "afe_frozen"
    own = {"parts": ["current monitor"]}
    assert moved(own, **frozen).events[0]["what"] == "monitor_frozen"
    frozen["expect"] = "both opens because of cells_stale"
    assert moved(own, **frozen).events[0]["what"] == "afe_frozen"


@pytest.mark.parametrize(("cycle_ms", "ends_ms"), [(20, 1016), (50, 1040), (250, 1040)])
def test_a_lie_of_one_reading_is_one_reading_of_a_quicker_board_too(cycle_ms, ends_ms):
    one = moved({"cycle_ms": cycle_ms}, events=["t=1 cell 7 reads mv 20000", "t=1.04 clear"])
    assert one.events[1]["t_ms"] == ends_ms
    assert moved({"cycle_ms": 20}, events=["t=1 afe nak", "t=3 clear"]).events[1]["t_ms"] == 3000


def test_contactors_are_proved_on_any_board_that_has_some():
    words = {"needs": "contactors", "pack": {"board": "sim16_lfp_contactors"}}
    lacks("no contactors", **words)
    one = moved({"contactors": True}, **words)
    assert one.moved and one.board == "small"


def test_a_scenario_of_this_very_board_stays_as_it_is():
    table = {"title": "a", "why": "b", "expect": "nothing opens", "pack": {"board": "sim4_lfp"}}
    table["current_a"] = -5
    one = scenario.parse(table, "one")
    assert elsewhere.move(one, "sim4_lfp", facts()) == one


def test_a_need_that_nobody_knows_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean quick temperatures"):
        moved(needs="quick temperature")
    with pytest.raises(ValueError, match="guard of nonsense"):
        moved(needs="guard of nonsense")
