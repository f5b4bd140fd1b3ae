"""Scenario files: what can be written, and the one line that says what is wrong."""

import pytest

from host_tools.prove import expectation, own_limits, rows, scenario
from host_tools.prove.expectation import BACKSTOP, CLOSES, OPENS, ROW, Cause
from vigil import limits

GOOD = {
    "title": "A title",
    "why": "A reason",
    "events": ["t=20 clear", "t=8 cell 5 mv 3720"],
    "expect": "charge opens because of cell_over_voltage",
}


def parsed(**changes):
    table = {key: value for key, value in (GOOD | changes).items() if value is not None}
    return scenario.parse(table, "name")


def complaint(**changes):
    with pytest.raises(ValueError) as error:
        parsed(**changes)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_file_needs_little():
    one = parsed(events=None)
    assert one.board == "sim16_lfp" and one.soc_pct == 60 and one.events == []
    assert one.profile.rows[0] == (0, 0)


def test_events_come_in_the_order_of_their_times():
    assert [event["what"] for event in parsed().events] == ["cell_mv", "clear"]
    assert parsed().spoken == [(8000, "cell 5 mv 3720"), (20000, "clear")]


def test_a_scenario_knows_events_that_no_fault_is():
    one = parsed(events=["t=5 restart", "t=6 firmware hangs", "t=7 Owner Reset"])
    assert [event["what"] for event in one.events] == ["restart", "hang", "owner_reset"]


def test_the_run_lasts_until_what_is_expected_can_have_happened():
    closes = ["discharge opens because of discharge_over_current", "discharge closes"]
    assert parsed(expect=closes).end_ms >= 20000 + 10000 + 30000 + 1000
    assert parsed(end_s=21).end_ms == 21000


def test_the_pack_may_differ_from_the_board():
    one = parsed(pack={"chemistry": "NMC", "cells": 10, "capacity_ah": 20, "temps": 2, "soc": 30})
    assert one.pack == {"CHEMISTRY": "NMC", "CELLS": 10, "CAPACITY_MAH": 20000, "TEMPS": 2}
    assert one.soc_pct == 30
    assert "no cell 12" in complaint(pack={"cells": 8}, events=["t=1 cell 12 mv 3000"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"title": None}, "title is missing"),
        ({"why": ""}, "why is missing"),
        ({"expect": None}, "expects nothing"),
        ({"expect": [1]}, "expect must be a text"),
        ({"evnets": []}, "did you mean events?"),
        ({"pack": {"bord": "sim4_lfp"}}, "did you mean board?"),
        ({"pack": {"board": "sim16"}}, "no simulated board"),
        ({"pack": {"board": 16}}, "no simulated board"),
        ({"pack": {"chemistry": "lead"}}, "not one of: LFP"),
        ({"pack": {"cells": 17}}, "cells must be 3 to 16"),
        ({"pack": {"soc": True}}, "soc must be a number"),
        ({"pack": "sim4_lfp"}, "pack must be a table"),
        ({"current_a": "20"}, "current_a must be a number"),
        ({"current_a": 20, "profile": "rest"}, "not both"),
        ({"profile": "no_such_file.csv"}, "is no file"),
        ({"events": ["cell 5 mv 3720"]}, "must begin with t="),
        ({"events": ["t=5 cell 99 mv 3720"]}, "there is no cell 99"),
        ({"events": ["t=5 temp 9 c 20"]}, "there is no temperature sensor 9"),
        ({"events": ["t=-1 restart"]}, "t must be 0 to"),
        ({"events": ["t=soon restart"]}, "is not a number"),
        ({"events": ["t=5 lightning"]}, "unknown fault"),
        ({"end_s": 10}, "the last event comes at 20"),
        ({"limits": {"cell_over_volts": {"trip_mv": 1}}}, "did you mean cell_over_voltage?"),
        ({"limits": {"cell_over_voltage": {}}}, "names no number"),
        ({"limits": {"cell_over_voltage": 3600}}, "names no number"),
        ({"limits": {"cell_over_voltage": {"trip_v": 3.6}}}, "did you mean trip_mv?"),
        ({"limits": {"cell_over_voltage": {"trip_mv": "3600"}}}, "must be a number"),
        ({"limits": {"cell_over_voltage": {"trip_mv": 1e12}}}, "too large"),
        ({"limits": {"stack_over_voltage": {"trip_v": 50, "trip_mv": 5}}}, "given twice"),
        ({"limits": [1]}, "by their name"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(changes, words):
    assert words in complaint(**changes)


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("it works", "says nothing that can be judged"),
        ("charge opens", "must say why"),
        ("charge opens because of bad luck", "is no cause"),
        ("charge opens because of cell_over_voltag", "did you mean cell_over_voltage?"),
        ("discharge opens because of cell_over_voltage", "does not open the discharge switch"),
        ("both opens because of charge_under_temperature", "does not open the discharge switch"),
        ("charge closes because of cell_over_voltage", 'belongs to "opens"'),
        ("charge opens because of backstop stack_over_voltage", "does not guard"),
        ("charge closes within soon", "is no time"),
        ("charge closes within 5", 'wants a time as "200 ms"|is no time'),
        ("charge closes after 5 s", "wants t=SECONDS"),
        ("charge closes within 1 s within 2 s", "twice"),
        ("nothing opens within 1 s", "takes no times"),
        ("cell_voltage does not trip", "there is no limit"),
        ("warns of nothing", "there is no limit"),
        ("limits are refused because of magic", "there is no limit"),
    ],
)
def test_a_sentence_that_cannot_be_judged_is_refused(sentence, words):
    with pytest.raises(ValueError) as error:
        expectation.parse(sentence)
    assert any(word in str(error.value) for word in words.split("|")), str(error.value)


def test_a_sentence_says_switch_cause_and_times():
    one = expectation.parse(
        "Both open because of cells_stale or backstop cell_over_voltage"
        " not before 10 ms within 1.5 s after t=3 before t=9.5"
    )
    assert one.kind == OPENS and one.switches == (0, 1)
    assert one.causes == (Cause(ROW, "cells_stale"), Cause(BACKSTOP, "cell_over_voltage"))
    assert (one.not_before_us, one.within_us) == (10_000, 1_500_000)
    assert (one.after_us, one.before_us) == (3_000_000, 9_500_000)
    assert expectation.parse("discharge closes").kind == CLOSES


def test_every_row_of_the_table_has_a_key():
    assert [row.id for row in rows.by_key().values()] == [row[0] for row in limits.TABLE]
    assert rows.by_key()["cell_over_voltage"].id == limits.CELL_OVER_VOLTAGE


def test_own_limits_become_the_firmwares_numbers():
    table = {
        "cell_over_voltage": {"trip_mv": 3600, "delay_ms": 500},
        "discharge_over_current": {"trip_a": 80, "release_a": 70, "delay_s": 5},
        "charge_under_temperature": {"release_c": 7.5, "release_delay_s": 60},
        "cells_stale": {"trip_ms": 150},
    }
    assert own_limits.parse(table) == [
        [limits.CELL_OVER_VOLTAGE, 3600, None, 500, None],
        [limits.DISCHARGE_OVER_CURRENT, -80000, -70000, 5000, None],
        [limits.CHARGE_UNDER_TEMPERATURE, None, 75, None, 60000],
        [limits.CELLS_STALE, 150, None, None, None],
    ]


def test_every_file_of_the_library_can_be_read_and_has_its_own_title():
    scenarios = [scenario.load(path) for path in scenario.library()]
    assert len({one.title for one in scenarios}) == len(scenarios) > 30
    for one in scenarios:
        assert one.title[-1] != "." and one.why[-1] == "."


def test_a_file_that_is_none_is_told_by_its_name(tmp_path):
    for name, data, words in (
        ("missing.toml", None, "cannot read"),
        ("binary.toml", b"\xff\xfe\x00", "not UTF-8"),
        ("broken.toml", b"title = ", "broken.toml: "),
        ("empty.toml", b"", "title is missing"),
    ):
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(ValueError, match=words):
            scenario.load(path)
