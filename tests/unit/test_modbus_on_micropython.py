"""The board's interpreter answers Modbus, and rubbish, without touching the heap."""

from tests.interpreter import ROOT, run_micropython


def test_request_and_answer_allocate_nothing_and_rubbish_changes_nothing():
    result = run_micropython(ROOT / "tests" / "micropython" / "modbus_no_allocation.py")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-2:] == ["rounds 200 bytes 0 rubbish 20000", "ok"]
