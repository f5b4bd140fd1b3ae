"""The cycle allocates nothing on the board's interpreter (see no_allocation.py)."""

from pathlib import Path

from tests.interpreter import run_micropython

SCRIPT = Path(__file__).parents[1] / "micropython" / "no_allocation.py"


def test_read_judge_act_allocates_nothing_in_ten_thousand_cycles():
    result = run_micropython(SCRIPT, "10000")
    assert result.stdout.splitlines()[-1:] == ["ok"], result.stdout + result.stderr
    assert "cycles 10000 bytes 0" in result.stdout
