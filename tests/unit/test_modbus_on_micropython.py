"""The board's interpreter answers a bus, and rubbish, without touching the heap."""

import pytest

from tests.interpreter import ROOT, run_micropython


@pytest.mark.parametrize("protocol", ["modbus", "pylontech"])
def test_request_and_answer_allocate_nothing_and_rubbish_changes_nothing(protocol):
    program = ROOT / "tests" / "micropython" / "modbus_no_allocation.py"
    result = run_micropython(program, protocol)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-2:] == ["rounds 200 bytes 0 rubbish 20000", "ok"]
