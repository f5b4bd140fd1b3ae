"""The cycle allocates nothing with contactors either (see contactors_no_allocation.py)."""

from pathlib import Path

from tests.interpreter import run_micropython

SCRIPT = Path(__file__).parents[1] / "micropython" / "contactors_no_allocation.py"


def test_read_judge_act_and_the_contactors_steps_allocate_nothing():
    result = run_micropython(SCRIPT)
    assert result.stdout.splitlines()[-1:] == ["ok"], result.stdout + result.stderr
    assert "cycles 6000 bytes 0" in result.stdout
