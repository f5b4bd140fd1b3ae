"""Finds in code for the board what MicroPython's compiler accepts but the board lacks or does
differently, and misplaced viper. `python -m host_tools.board_lint` checks the whole tree."""

import ast
import sys
from pathlib import Path

from host_tools import kernel_lint

ROOT = Path(__file__).parents[1]
KERNELS = Path("firmware/lib/vigil/kernels.py")

_MODULES = """
    array binascii bluetooth collections cryptolib deflate errno esp32 gc hashlib heapq io json
    machine math micropython network os platform random re rp2 select struct sys time uctypes utime
    vfs
""".split()
_MISSING_NAMES = """
    ascii breakpoint format vars aiter anext TimeoutError ConnectionError RecursionError Warning
    PermissionError FileNotFoundError ModuleNotFoundError BlockingIOError BrokenPipeError IOError
    InterruptedError UnicodeDecodeError BufferError FloatingPointError EnvironmentError
    ExceptionGroup
""".split()
_MISSING_ATTRIBUTES = """
    zfill ljust rjust removeprefix removesuffix bit_length bit_count casefold title capitalize
    isalnum isidentifier expandtabs swapcase translate tobytes cast nbytes monotonic perf_counter
    __cause__ __init_subclass__ __set_name__
""".split()
_ABSENT_FROM = {"os": {"replace", "path", "environ"}, "struct": {"Struct"}}
_EMITTERS = ("native", "asm_thumb", "asm_xtensa", "asm_rv32")


def problems_in(source, is_kernels=False, local_modules=()):
    """[(line, problem)] of one file's text."""
    problems = kernel_lint.kernels_file_problems(source) if is_kernels else []
    allowed = set(_MODULES) | set(local_modules)
    for node in ast.walk(ast.parse(source)):
        for problem in _problems(node, is_kernels, allowed):
            problems.append((getattr(node, "lineno", 0), problem))
    return sorted(problems)


def board_files(root=ROOT):
    return sorted(
        path.relative_to(root)
        for part in ("firmware", "boards")
        for path in (root / part).rglob("*.py")
    )


def tree_problems(root=ROOT):
    """["file:line: problem"] of everything that goes onto a board."""
    files = board_files(root)
    # vigil_release is made by the build.
    local = {"vigil", "vigil_release"} | {path.stem for path in files}
    found = []
    for path in files:
        # A simulated board has no upload to fear: it shares its building with the others.
        known = local | {"host_tools"} if path.parts[1].startswith("sim") else local
        for line, problem in problems_in((root / path).read_text(), path == KERNELS, known):
            found.append(f"{path}:{line}: {problem}")
    return found


def _problems(node, is_kernels, allowed):
    check = _CHECKS.get(type(node))
    if check is not None:
        yield from check(node)
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield from _module_problems(alias.name, allowed)
    elif isinstance(node, ast.ImportFrom) and node.level == 0:
        yield from _module_problems(node.module, allowed)
        for alias in node.names:
            if alias.name in _ABSENT_FROM.get(node.module, ()):
                yield f"{node.module}.{alias.name} is missing in MicroPython"
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not is_kernels:
        if any(ast.unparse(d) in ("micropython.viper", "viper") for d in node.decorator_list):
            yield "viper belongs in kernels.py only"


def _module_problems(name, allowed):
    if name.split(".")[0] not in allowed or name == "collections.abc":
        yield f"module {name} is missing in MicroPython or does not belong on a board"


def _function(node):
    if node.args.posonlyargs:
        yield "no positional-only marker in MicroPython"
    for decorator in node.decorator_list:
        if ast.unparse(decorator).split(".")[-1] in _EMITTERS:
            yield "of the emitters only viper is used"


def _class(node):
    if node.keywords:
        yield "no keywords in a class statement in MicroPython"
    for statement in node.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__slots__":
            yield "__slots__ does nothing in MicroPython"


def _name(node):
    if isinstance(node.ctx, ast.Load) and node.id in _MISSING_NAMES:
        yield f"{node.id} is missing in MicroPython"


def _attribute(node):
    owner = node.value.id if isinstance(node.value, ast.Name) else ""
    if node.attr in _MISSING_ATTRIBUTES or node.attr in _ABSENT_FROM.get(owner, ()):
        yield f".{node.attr} is missing in MicroPython"


def _call(node):
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    keywords = {keyword.arg for keyword in node.keywords}
    if name in ("from_bytes", "to_bytes") and ("signed" in keywords or len(node.args) > 2):
        yield "MicroPython ignores or refuses signed: use struct or xor and subtract"
    for builtin, keyword in (("zip", "strict"), ("sum", "start"), ("print", "flush")):
        if name == builtin and keyword in keywords:
            yield f"{builtin}() knows no {keyword} in MicroPython"


def _f_string(node):
    for part in node.values:
        if not isinstance(part, ast.FormattedValue):
            continue
        if part.conversion == ord("a"):
            yield "no !a in an f-string in MicroPython"
        for inner in ast.walk(part.value):
            if isinstance(inner, (ast.JoinedStr, ast.Dict, ast.Set, ast.DictComp, ast.SetComp)):
                yield "no f-string or braces inside an f-string"
            elif isinstance(inner, ast.Constant) and isinstance(inner.value, (str, bytes)):
                yield "no quotes inside an f-string's braces"


def _assertion(node):
    yield "assert vanishes with -O3: raise or return an error"


def _unknown_statement(node):
    yield f"no {type(node).__name__.lower()} in MicroPython"


_CHECKS = {
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.JoinedStr: _f_string,
    ast.Assert: _assertion,
    ast.Match: _unknown_statement,
    ast.TryStar: _unknown_statement,
}


if __name__ == "__main__":
    found = tree_problems()
    print("\n".join(found) or "nothing found")
    sys.exit(1 if found else 0)
