"""The SPI driver allocates nothing on the board's interpreter (see spi_no_allocation.py)."""

from pathlib import Path

from tests.interpreter import run_micropython

SCRIPT = Path(__file__).parents[1] / "micropython" / "spi_no_allocation.py"


def test_reading_switching_and_balancing_over_spi_allocate_nothing():
    result = run_micropython(SCRIPT, "2000")
    assert result.stdout.splitlines()[-1:] == ["ok"], result.stdout + result.stderr
    assert "readings 2000 bytes 0" in result.stdout
