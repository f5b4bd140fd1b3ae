"""The pack of pico_ltc6813_contactors on MicroPython: tests/micropython/ltc_pack_on_desk.py."""

import ast

import pytest

from tests.interpreter import ROOT, run_micropython

FOLDER = ROOT / "tests" / "micropython"
STORIES = [
    node.name
    for node in ast.parse((FOLDER / "ltc_pack_on_desk.py").read_text()).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
]


@pytest.fixture(scope="module")
def told():
    return run_micropython(FOLDER / "runner.py", "ltc_pack_on_desk", timeout_s=300)


@pytest.mark.parametrize("story", STORIES)
def test_story(told, story):
    assert f"ok {story}" in told.stdout.splitlines(), told.stdout + told.stderr
