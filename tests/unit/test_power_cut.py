"""Power cut at every flash operation, on the interpreter's littlefs (see power_cut.py)."""

import re
from pathlib import Path

from tests.interpreter import run_micropython

SCRIPT = Path(__file__).parents[1] / "micropython" / "power_cut.py"


def test_power_cut_at_every_flash_operation_of_a_hundred_histories_loses_nothing():
    result = run_micropython(SCRIPT, "100", timeout_s=280)
    assert result.stdout.splitlines()[-1:] == ["ok"], result.stdout + result.stderr
    assert "corrupt 0 silent defaults 0" in result.stdout
    counts = {name: int(count) for name, count in re.findall(r"(\w+) (\d+)", result.stdout)}
    assert counts["lost"] == 0
    # The histories are worth their name: long, with erases, faults that latch, a ring that turns.
    assert counts["operations"] == counts["cuts"] >= 10000
    assert counts["erases"] >= 500
    assert counts["checked"] >= 800
    assert counts["turned"] >= 50
    # Keys that changed, and cuts that left the ones before.
    assert counts["keys"] >= 4000
    assert counts["before"] >= 40
