"""Who may import what belongs to a port: boards, the start, and the files that are a port."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OF_A_PORT = {"machine", "bluetooth", "esp32", "rp2"}
ALLOWED = {"boot.py", "main.py", "loader/main.py", "loader/boot.py", "lib/vigil/store.py"}
ALLOWED |= {"lib/vigil/link/ble_offer.py"}


def imported(source):
    """Names of the modules that this source imports, wherever in it, under whatever name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "__import__":
            if node.args and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value).split(".")[0]


def offenders(folder):
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        found = OF_A_PORT & set(imported(path.read_text()))
        if found and name not in ALLOWED:
            yield name, sorted(found)


def test_only_boards_and_the_start_know_the_port():
    assert list(offenders(ROOT / "firmware")) == []
    for path in (ROOT / "boards").rglob("*.py"):
        if path.name != "board.py":
            assert not OF_A_PORT & set(imported(path.read_text())), path


@pytest.mark.parametrize(
    "source",
    [
        "import machine",
        "def late():\n    from machine import Pin as Line",
        "import os, rp2 as other",
        "Radio = __import__('bluetooth').BLE",
    ],
)
def test_every_way_to_import_one_is_seen(tmp_path, source):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "clean.py").write_text("import time\nmachine = time\n")
    (tmp_path / "lib" / "late.py").write_text(source + "\n")
    assert [name for name, _ in offenders(tmp_path)] == ["lib/late.py"]
