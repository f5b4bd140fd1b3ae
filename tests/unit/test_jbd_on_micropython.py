"""The board's interpreter answers JBD requests, and garbage, without touching the heap."""

from tests.interpreter import ROOT, run_micropython


def test_request_and_answer_allocate_nothing_on_the_boards_interpreter():
    result = run_micropython(ROOT / "tests" / "micropython" / "jbd_no_allocation.py")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines() == ["rounds 2000 bytes 0", "ok"]


def test_parameters_and_refusals_allocate_nothing_and_rubbish_changes_nothing():
    result = run_micropython(ROOT / "tests" / "micropython" / "jbd_parameters_no_allocation.py")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines() == ["rounds 200 bytes 0 rubbish 40000", "ok"]
