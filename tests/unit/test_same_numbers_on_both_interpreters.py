"""The mock hardware is one program: MicroPython and CPython must agree on every number."""

import json
import os
import subprocess
import sys

import pytest

from tests.interpreter import IMPORT_PATH, ROOT, run_micropython

SCRIPT = ROOT / "tests" / "micropython" / "smoke_bench.py"


def numbers(result):
    assert result.returncode == 0, result.stdout + result.stderr
    verdict, line = result.stdout.splitlines()
    assert verdict == "ok"
    return json.loads(line)


@pytest.fixture(scope="module")
def on_micropython():
    return numbers(run_micropython(SCRIPT))


@pytest.fixture(scope="module")
def on_cpython():
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(IMPORT_PATH))
    command = [sys.executable, str(SCRIPT)]
    return numbers(
        subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
        )
    )


def test_both_interpreters_print_the_same_quantities(on_micropython, on_cpython):
    assert sorted(on_micropython) == sorted(on_cpython)


def test_integers_agree_exactly(on_micropython, on_cpython):
    for name in ("looks", "period_ms", "elapsed_us", "ticks_ms", "now_us"):
        assert on_micropython[name] == on_cpython[name], name
    for name in ("register", "sent_at_us", "received"):
        assert on_micropython[name] == on_cpython[name], name


def test_physical_quantities_agree_far_below_a_millivolt(on_micropython, on_cpython):
    for name, value in on_cpython.items():
        assert on_micropython[name] == pytest.approx(value, rel=1e-9, abs=1e-6), name


def test_the_sixty_seconds_really_exercised_the_bench(on_cpython):
    assert on_cpython["charged_mas"] > 0
    assert on_cpython["discharged_mas"] > 0
    assert on_cpython["bled_mas"] > 0
    assert on_cpython["short_ma"] < -1_000_000
    assert on_cpython["looks"] > 3000
