"""The BQ769x0's page states the figures and wirings that the driver has."""

import re
from pathlib import Path

from vigil import chemistry, presets
from vigil.afe.bq769x0_backstop import Backstop
from vigil.afe.bq769x0_options import Options

PAGE = (Path(__file__).parents[2] / "docs" / "bq769x0.md").read_text()


def test_the_backstop_table_shows_what_the_chip_is_given():
    periods_ms = (260, 5000, 260, 260, 5000)
    table = presets.preset(chemistry.by_name("LFP"), 15, 20000, periods_ms, 250)
    lines = PAGE.splitlines()
    for code, trip, delay in Backstop(table.backstop_requests(), 382, 0, 1000).applied:
        value = f"{trip} mV" if code <= 2 else f"{-trip // 1000} A"
        time = f"{delay} us" if code == 5 else f"{delay / 1000:g} s"
        assert [line for line in lines if line.endswith(f"| {value}, {time} |")], (code, value)


def test_every_wiring_is_the_one_that_the_driver_reads():
    wirings = re.findall(r"^\| (BQ769\d0) \| (\d+) \| ([\d, -]+) \| ([\w, -]+) \|$", PAGE, re.M)
    assert len(wirings) == 15
    for chip, cells, used, shorted in wirings:
        options = Options(chip=chip, cells=int(cells))
        assert _numbers(used) == list(options.inputs)
        assert _numbers(shorted) == list(options.shorted())


def _numbers(spans):
    numbers = []
    for span in spans.replace("none", "").split(", "):
        if span:
            first, _, last = span.partition("-")
            numbers += range(int(first), int(last or first) + 1)
    return numbers
