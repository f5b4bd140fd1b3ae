"""The black box on the board's interpreter: no allocation, and power cuts on its own littlefs."""

import re

from tests.interpreter import ROOT, run_micropython


def test_a_power_cut_at_every_flash_operation_loses_none_of_the_two_events_before():
    result = run_micropython(ROOT / "tests" / "micropython" / "box_power_cut.py")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1:] == ["ok"]
    counts = {name: int(count) for name, count in re.findall(r"(\w+) (\d+)", result.stdout)}
    assert counts["lost"] == counts["allocated"] == 0
    assert counts["cuts"] >= 100 and counts["events"] == 8
