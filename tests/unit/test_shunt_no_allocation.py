"""Reading a shunt monitor allocates nothing on the board (see shunt_no_allocation.py)."""

from pathlib import Path

from tests.interpreter import run_micropython

SCRIPT = Path(__file__).parents[1] / "micropython" / "shunt_no_allocation.py"


def test_a_front_end_with_a_shunt_monitor_reads_without_allocating():
    result = run_micropython(SCRIPT)
    assert result.stdout.splitlines()[-1:] == ["ok"], result.stdout + result.stderr
    assert result.stdout.count("cycles 2000 bytes 0") == 2
