"""What `vigil prove` prints and draws for runs that never happened."""

import io
import json
import re
from xml.etree import ElementTree

import pytest
from prove_rig import Told, over_voltage

from host_tools.prove import plots, present, report, scenario, svg
from host_tools.prove.run import Result, passed

EXPECT = ["charge opens because of cell_over_voltage", "charge closes"]


def result(told, *expect, title="A title", limits=()):
    table = {"title": title, "why": "A reason.", "expect": list(expect), "current_a": 10}
    one = scenario.parse(table, "cell_test", "cell_test.toml")
    return Result(one, told.trace, told.judged(*expect), list(limits))


def good():
    return result(over_voltage(), *EXPECT)


def late():
    return result(over_voltage(opens_s=11.5), *EXPECT, title="Late <&> unlucky")


def test_a_line_says_verdict_name_expected_observed_and_times():
    line = present.line(good(), 12)
    assert line.startswith("ok    cell_test     charge opens because of cell_over_voltage: opened")
    assert line.endswith("[1.080 s of 1.239 s]")


def test_a_failed_scenario_tells_every_check_that_failed():
    one = late()
    assert not passed(one)
    assert present.line(one, 9).startswith("FAIL  cell_test  charge opens")
    (text,) = present.particulars(one)
    assert "expected: charge opens because of cell_over_voltage; observed: " in text
    assert "late" in text


def test_refused_limits_are_told_and_count_as_failed():
    one = result(Told(), "nothing opens", limits=["One sentence.", "Another one."])
    assert not passed(one)
    assert present.particulars(one)[:2] == ["        One sentence.", "        Another one."]


def test_plain_lines_end_with_the_count():
    out = io.StringIO()
    lines = present.Lines([good().scenario, late().scenario], out)
    for one in (good(), late()):
        lines.show(one)
    lines.end([good(), late()])
    assert out.getvalue().splitlines()[-1].endswith("1 FAILED")


def test_json_has_every_check_with_its_times():
    record = json.loads(present.as_json([good(), late()]))
    assert (record["passed"], record["failed"]) == (1, 1)
    checks = record["scenarios"][0]["checks"]
    opened = next(check for check in checks if check["expected"] == EXPECT[0])
    assert opened["passed"] and opened["reaction_ms"] == pytest.approx(1080, abs=0.01)
    assert opened["allowed_ms"] == pytest.approx(1239, abs=0.01)


def pictures(page):
    return [ElementTree.fromstring(text) for text in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def test_the_page_shows_each_run_with_a_plot_of_all_and_one_of_the_reaction():
    page = report.html([good(), late()])
    assert len(pictures(page)) == 4
    assert "Late &lt;&amp;&gt; unlucky" in page and "Late <&>" not in page
    assert "1 failed" in page and "prefers-color-scheme: dark" in page
    assert not re.search(r"https?:|\bsrc=|@import|url\(|<script|<link", page)


def test_a_plot_draws_the_limit_at_its_own_height_and_every_point_inside():
    (picture, _) = pictures(report.html([good()]))
    frame = next(part for part in picture.iter("rect") if part.get("class") == "frame")
    top, height = float(frame.get("y")), float(frame.get("height"))
    (trip,) = [part for part in picture.iter("line") if part.get("class") == "trip"]
    curve = next(part for part in picture.iter("polyline") if part.get("class") == "high")
    points = [tuple(map(float, pair.split(","))) for pair in curve.get("points").split()]
    assert all(top <= y <= top + height for _, y in points)
    # It crosses the limit at 10 s of 60 s.
    left, width = float(frame.get("x")), float(frame.get("width"))
    crossed = next(x for x, y in points if y <= float(trip.get("y1")) + 0.1)
    assert (crossed - left) / width == pytest.approx(10 / 60, abs=0.005)


def test_the_switch_strip_is_green_only_while_current_could_flow():
    (picture, _) = pictures(report.html([good()]))
    strips = [part for part in picture.iter("rect") if part.get("class") == "closed"]
    # Charge before and after, discharge all the time.
    assert len(strips) == 3


def test_a_long_run_is_thinned_out_but_keeps_its_extremes():
    points = [(t, 0) for t in range(100_000)]
    points[54_321] = (54_321, 9)
    points[54_400] = (54_400, -9)
    kept = plots._thinned(points)
    assert len(kept) < 2500
    assert (54_321, 9) in kept and (54_400, -9) in kept
    assert kept == sorted(kept)


@pytest.mark.parametrize("ends", [(0, 36), (-0.3, 0.2), (3287.2, 3301.9), (10.2, 11.5)])
def test_ticks_are_round_and_within(ends):
    ticks = svg.nice(*ends, 5)
    assert 2 <= len(ticks) <= 12
    assert all(ends[0] < tick < ends[1] for tick in ticks)
