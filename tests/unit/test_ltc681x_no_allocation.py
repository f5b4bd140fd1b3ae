"""The cycle of a contactor pack on LTC681x costs no heap (see ltc_no_allocation.py)."""

from pathlib import Path

from tests.interpreter import run_micropython

SCRIPT = Path(__file__).parents[1] / "micropython" / "ltc_no_allocation.py"


def test_the_whole_cycle_over_chain_monitor_and_contactors_allocates_nothing():
    result = run_micropython(SCRIPT, "2000")
    assert result.stdout.splitlines()[-1:] == ["ok"], result.stdout + result.stderr
    assert "cycles 2000 bytes 0" in result.stdout
