"""`make types`: mypy over firmware and boards, with the stubs of each port of MicroPython.

Run by the Python of .venv-types, where mypy and, one folder a port, the stubs are installed.
"""

import ast
import functools
import os
import re
import subprocess
import sys
from pathlib import Path

from host_tools.build import image

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".venv-types"
_FIRMWARE = ("firmware/lib/vigil", "firmware/main.py", "firmware/boot.py")
_LOADER = ("firmware/loader/slots.py", "firmware/loader/boot.py", "firmware/loader/main.py")
# Stubs of the port that a processor's boards run.
PORTS = {"armv6m": "rp2", "xtensawin": "esp32", "rv32imc": "esp32"}

# Findings that are none, and why. Each names what it is about: everything else is a finding.
ALLOWED = (
    # Viper takes any buffer as a pointer; the stubs do not say so.
    r'Argument \d+ to "(crc8|crc8_unpack|crc16|pec15|pec15_blocks|unpack_words|scatter_tenths'
    r'|differ|publish|refresh|judge|look|count_charge|correct)" has incompatible type'
    r' "(bytes|bytearray|memoryview\[int\]|array\[(int|Any)\])"; expected "ptr(8|32)"',
    # The stubs give ticks types of their own, which no other number has. Here a time that is not
    # known yet begins as 0, or as None, and differences are masked.
    r'Incompatible types in assignment \(expression has type "(_Ticks\w+)", variable has type'
    r' "int"\)',
    r'Incompatible types in assignment \(expression has type "None", variable has type'
    r' "_Ticks\w+"\)',
    r'Value of type variable "_Ticks" of "ticks_add" cannot be "int"',
    r'Unsupported (left operand type for - \("_Ticks|operand types for - \("_Ticks\w+" and "int")',
    r'Incompatible types in assignment \(expression has type "int", variable has type'
    r' "_Ticks\w+"\)',
    r'Item "_TicksUs" of "Any \| int \| _TicksUs" has no attribute "to_bytes"',
    # Made by the build.
    r'Cannot find implementation or library stub for module named "vigil_release"',
    r'Module "vigil" has no attribute "let_go"',
    # The loader's main imports the version's, which has the same name.
    r'loader/main\.py:\d+: error: Module has no attribute "trial"',
    # Set by app.py before anybody can ask.
    r'status\.py:\d+: error: Item "None" of "Any \| None" has no attribute "sleeping_in_s"',
    # Given by begin() when the BMS is complete, before any link is polled.
    r'native\.py:\d+: error: Item "None" of "Any \| None" has no attribute'
    r' "(role_of|session|counter|acting|seal|done)"',
    r'points\.py:\d+: error: Value of type "Any \| None" is not indexable',
    r'points\.py:\d+: error: Unsupported target for indexed assignment \("Any \| None"\)',
    # Whatever has role() is an authority.
    r'expression has type "Authority", variable has type "Nobody"',
    # Let go of with the session's opening.
    r'sessions\.py:\d+: error: Incompatible types in assignment \(expression has type "None", var',
    # Set by the class of which it is a part, which mypy reads later.
    r'native_answers\.py:\d+: error: Cannot determine type of "_\w+"',
    # Only its parameters let a write wait for their verdict.
    r'jbd\.py:\d+: error: Item "None" of "Any \| None" has no attribute "verdict"',
    # Only a policy with a period is asked for these, and only what a board has given.
    r'app\.py:\d+: error: Item "(TopVoltage|Allowed)" of "Any \| (TopVoltage|Allowed)" has no'
    r' attribute "(step|keep|period_ms|ageing|estimate)"',
    # Given by the BMS, if there are any; looked at before.
    r'charge_to_move\.py:\d+: error: Item "None" of "Any \| None" has no attribute "\w+"',
    # The class it is built upon watches no leak.
    r'charge_to_move\.py:\d+: error: "None" has no attribute "\w+"',
    r'Incompatible types in assignment \(expression has type "LeakWatch", variable has',
    # Set with what makes it busy.
    r'leak\.py:\d+: error: "None" object is not iterable',
    # The class it is built upon looks at nothing ahead, and holds that much that is not known.
    r'allow\.py:\d+: error: Unsupported target for indexed assignment \("tuple\[int, int, ',
    r'allow\.py:\d+: error: Incompatible types in assignment \(expression has type "array\[int\]"',
    r'Need type annotation for "\w+" \(hint: "\w+: (dict|list)\[',
)
# Classes that are only ever part of a driver use what the driver has; objects that are nothing but
# what is put into them get it from somebody else. What they have has to exist, though: it is set
# or defined somewhere in the same folder.
_PARTS = re.compile(
    r'^(?P<path>\S+)/\w+\.py:\d+: error: "(Verbs|Terminals|Switching|Subcommands|Board|Chemistry'
    r'|Chosen|Answers)" has no attribute "(?P<name>\w+)"'
)
# A class that is only ever built upon calls methods that its heirs bring, every one of them.
_BASES = re.compile(
    r'^(?P<path>\S+)/\w+\.py:\d+: error: "(?P<base>ShuntMonitor|Sessions)" has'
    r' no attribute "(?P<name>\w+)"'
)


def findings(port, boards, root=ROOT):
    """["file:line: error: ..."] of everything that goes onto boards of this port."""
    groups = [_FIRMWARE, _LOADER]
    groups += [(f"boards/{board}/board.py",) for board in boards]
    found = []
    for group in groups:
        found += _run(port, boards[0], group, root)
    return sorted(set(found))


def is_allowed(line, root=ROOT):
    part = _PARTS.search(line)
    if part:
        return part["name"] in _given(root / part["path"])
    base = _BASES.search(line)
    if base:
        heirs = _heirs(root / base["path"], base["base"])
        return bool(heirs) and all(base["name"] in methods for methods in heirs)
    return any(re.search(pattern, line) for pattern in ALLOWED)


@functools.cache
def _given(folder):
    """Names that the modules of a folder set on objects, take as arguments, or define."""
    names = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
            elif isinstance(node, ast.FunctionDef):
                names.add(node.name)
            elif isinstance(node, ast.ClassDef):
                names |= {
                    part.id
                    for statement in node.body
                    for part in ast.walk(statement)
                    if isinstance(statement, ast.Assign) and isinstance(part, ast.Name)
                }
    return names


@functools.cache
def _heirs(folder, base):
    """The names of the methods of each class in a folder that is directly built upon `base`."""
    return [
        {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
        for path in sorted(folder.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
        and any(isinstance(name, ast.Name) and name.id == base for name in node.bases)
    ]


def _run(port, board, files, root):
    stubs = HOME / port
    place = "firmware/loader" if files is _LOADER else f"boards/{board}"
    if files[0].startswith("boards/"):
        place = str(Path(files[0]).parent)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--no-site-packages", "--check-untyped-defs"),
            *("--follow-imports", "silent", "--custom-typeshed-dir", stubs),
            *("--cache-dir", HOME / f"cache-{port}", "--no-error-summary"),
            *files,
        ],
        cwd=root,
        env=dict(os.environ, MYPYPATH=os.pathsep.join((str(stubs), "firmware/lib", place))),
        capture_output=True,
        text=True,
    )
    if done.returncode not in (0, 1):
        sys.exit(f"mypy: {done.stdout}{done.stderr}")
    # The stubs have findings of their own.
    lines = [line for line in done.stdout.splitlines() if ": error: " in line]
    return [line for line in lines if line.startswith(("firmware/", "boards/"))]


def main():
    boards = {}
    for board in image.real_boards():
        processor = image.constant(ROOT / "boards" / board / "board.py", "PROCESSOR")
        boards.setdefault(PORTS[processor], []).append(board)
    left = 0
    for port, names in boards.items():
        every = findings(port, names)
        told = [line for line in every if not is_allowed(line)]
        for line in told:
            print(f"{port}: {line}")
        left += len(told)
        kept = len(every) - len(told)
        print(
            f"types for {port}: {', '.join(names)}: {len(told)} findings, {kept} known to be none"
        )
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
