"""The ISL94202's cycle allocates nothing on the board's interpreter."""

from pathlib import Path

from tests.interpreter import run_micropython

SCRIPT = Path(__file__).parents[1] / "micropython" / "isl94202_no_allocation.py"


def test_the_whole_cycle_over_an_isl94202_allocates_nothing():
    result = run_micropython(SCRIPT, "3000")
    assert result.stdout.splitlines()[-1:] == ["ok"], result.stdout + result.stderr
    assert "cycles 3000 bytes 0" in result.stdout
