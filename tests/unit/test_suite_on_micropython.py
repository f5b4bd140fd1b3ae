"""Every file of tests/micropython, which pytest runs on CPython, once more on MicroPython."""

import ast
from pathlib import Path

import pytest

from tests.interpreter import run_micropython

FOLDER = Path(__file__).parents[1] / "micropython"
FILES = sorted(FOLDER.glob("test_*.py"))


def test_there_are_files_to_run():
    assert len(FILES) >= 5


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file_passes_on_micropython(path):
    names = [
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    result = run_micropython(FOLDER / "runner.py", path.stem)
    passed = [line[3:] for line in result.stdout.splitlines() if line.startswith("ok ")]
    assert result.returncode == 0, result.stdout + result.stderr
    assert sorted(passed) == sorted(names)
