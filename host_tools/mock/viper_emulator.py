"""Never upload to a board. @micropython.viper for CPython: runs kernels with the arithmetic of a
32-bit board, and refuses what a board would refuse, corrupt or crash on: types, bounds, alignment,
shift counts, division by zero.

    with mode("strict"): ...    what does not fit 32 bits raises instead of wrapping, and so does
                                a returned value beyond 30 bits (a board would allocate it)
"""

import ast
import builtins
import functools
import inspect
import itertools
import linecache
import textwrap
import types

from host_tools import kernel_lint
from host_tools.mock import viper_memory
from host_tools.mock.viper_arithmetic import INT_HIGH, INT_LOW, LITERAL_HIGH, UINT_HIGH
from host_tools.mock.viper_compiler import WIDTHS, Compiler
from host_tools.mock.viper_memory import Address, ViperError

__all__ = ["ViperError", "load", "mode", "viper"]

_strict = [False]
_loaded = itertools.count(1)


class mode:
    """Context manager: "strict" or "wrap" arithmetic for the kernels called inside.

    Outside of any, kernels wrap."""

    def __init__(self, name):
        if name not in ("strict", "wrap"):
            raise ValueError(f"no such mode: {name}")
        self._wanted = name == "strict"

    def __enter__(self):
        self._before = _strict[0]
        _strict[0] = self._wanted
        return self

    def __exit__(self, *_):
        _strict[0] = self._before


class _TypeName:
    """Stands for ptr8 and its like in annotations; the kernels' own text is what counts."""

    def __init__(self, name):
        self._name = name

    def __repr__(self):
        return self._name

    def __call__(self, *_):
        raise ViperError(f"{self._name}() exists in viper kernels only")


for _name in ("ptr", "uint", *WIDTHS):
    if not hasattr(builtins, _name):
        setattr(builtins, _name, _TypeName(_name))


def viper(function):
    """The decorator."""
    try:
        source, first_line = inspect.getsourcelines(function)
    except OSError:
        raise ViperError(f"{function.__name__}: no source text to compile") from None
    definition = ast.parse(textwrap.dedent("".join(source))).body[0]
    ast.increment_lineno(definition, first_line - 1)
    problems = kernel_lint.viper_problems(definition)
    if function.__closure__:
        problems.append((definition.lineno, "a kernel has no free variables"))
    if problems:
        line, problem = problems[0]
        raise ViperError(f"{function.__name__}, line {line}: {problem}")
    wrapping = _build(function, definition, strict=False)
    kernel = functools.wraps(function)(wrapping)
    kernel.is_viper_kernel = True
    return kernel


def load(source, name="<kernels>", **namespace):
    """Runs the text of a module with kernels; returns its namespace. For generated kernels."""
    namespace.setdefault("__name__", name)
    namespace.update(micropython=types.SimpleNamespace(viper=viper), const=lambda value: value)
    filename = f"<{name} {next(_loaded)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    exec(compile(source, filename, "exec"), namespace)
    return namespace


def _build(function, definition, strict):
    """The kernel as a Python function, its lines numbered as in the kernel's file."""
    compiler = Compiler(definition, function.__globals__, strict)
    body = compiler.compile()
    helpers = dict(_HELPERS, h__strict_mode=_strict, h__regions=viper_memory.regions)
    helpers["h__strictly"] = _later(function, definition)
    names = ", ".join(name for name, _ in compiler.parameters)
    head = definition.lineno
    lines = [
        (f"def h__make({', '.join(helpers)}):", head),
        (f"  def {compiler.name}({names}{', /' if names else ''}):", head),
    ]
    if not strict:
        lines.append((f"    if h__strict_mode[0]: return h__strictly()({names})", head))
    lines += [
        ("    h__mark = len(h__regions)", head),
        ("    try:", head),
    ]
    lines += [("      " + text, head) for text in _entry(compiler)]
    lines += [("" + text[6:], line) for text, line in body]
    lines += [
        ("    except Exception as h__error:", head),
        (f"      h__fault = h__explain(h__error, {compiler.name!r})", head),
        ("    finally:", head),
        ("      del h__regions[h__mark:]", head),
    ]
    # The raised error keeps this frame; it must not keep the caller's buffers locked.
    views = [f"v__{name} = " for name, kind in compiler.kinds.items() if kind in WIDTHS]
    lines += [
        (f"    {''.join(views)}None", head),
        ("    h__locals()", head),
        ("    raise h__fault", head),
        (f"  return {compiler.name}", head),
    ]
    tree = ast.parse("\n".join(text for text, _ in lines))
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = lines[node.lineno - 1][1]
            node.col_offset = node.end_col_offset = 0
    made = {}
    code = compile(tree, function.__code__.co_filename, "exec")
    exec(code, function.__globals__, made)
    return made["h__make"](**helpers)


def _later(function, definition):
    built = []

    def strictly():
        if not built:
            built.append(_build(function, definition, strict=True))
        return built[0]

    return strictly


def _entry(compiler):
    """Arguments become checked integers and views."""
    for name, kind in compiler.parameters:
        if kind in WIDTHS:
            yield f"v__{name}, b__{name} = h__enter({name}, {WIDTHS[kind]}, {name!r})"
            if name not in compiler.fixed_pointers:
                yield f"o__{name} = 0"
        else:
            low, high = (INT_LOW, INT_HIGH) if kind == "int" else (0, UINT_HIGH)
            yield f"if h__type({name}) is not h__int or not {low} <= {name} <= {high}:"
            yield f"  {name} = h__integer({name}, {low}, {high}, {name!r})"


def _integer(value, low, high, name):
    if not isinstance(value, int):
        raise ViperError(f"'{name}' needs an integer, not {type(value).__name__}")
    if not low <= value <= high:
        raise ViperError(f"'{name}' = {value} does not fit 32 bits")
    return int(value)


def _explain(error, kernel):
    """The error with the kernel's line and the values of its locals."""
    if getattr(error, "located", False):
        return error
    trace = error.__traceback__
    frame = trace.tb_frame
    line = trace.tb_lineno
    what = {
        IndexError: "index outside the buffer",
        UnboundLocalError: "a local is read before it is assigned",
    }.get(type(error), str(error))
    if isinstance(error, IndexError) and error.args[0].startswith("index -"):
        what = str(error)
    shown = [
        f"{name}={value}"
        for name, value in frame.f_locals.items()
        if type(value) is int and (name.startswith("o__") or "__" not in name)
    ]
    text = linecache.getline(frame.f_code.co_filename, line).strip()
    located = ViperError(f"{kernel}, line {line}: {what}\n    {text}\n    {' '.join(shown)}")
    located.located = True
    return located


def _below(index):
    raise IndexError(f"index {index} before the start of the buffer")


def _fit(value):
    if INT_LOW <= value <= INT_HIGH:
        return value
    raise ViperError(f"{value} does not fit 32 bits (strict mode)")


def _fit_unsigned(value):
    if 0 <= value <= UINT_HIGH:
        return value
    raise ViperError(f"{value} does not fit uint (strict mode)")


def _small(value):
    if -LITERAL_HIGH - 1 <= value <= LITERAL_HIGH:
        return value
    raise ViperError(f"returning {value} allocates on a board: beyond 30 bits (strict mode)")


def _count(count):
    if 0 <= count <= 31:
        return count
    raise ViperError(f"shift by {count}: outside 0..31")


def _wrapped(value):
    return ((value + 0x80000000) & UINT_HIGH) - 0x80000000


def _divide(left, right):
    """Floor division as MicroPython does it: its correction overflows near the 32-bit limits."""
    if right == 0:
        raise ViperError("division by zero")
    if left >= 0:
        if right < 0:
            left = _wrapped(left - right - 1)
    elif right >= 0:
        left = _wrapped(left - right + 1)
    quotient = abs(left) // abs(right)
    return _wrapped(quotient if (left < 0) == (right < 0) else 0 - quotient)


def _divide_safely(left, right):
    if abs(left) + abs(right) > INT_HIGH:
        raise ViperError(f"{left} // {right} is wrong on a 32-bit board (strict mode)")
    return _divide(left, right)


def _remainder(left, right):
    if right == 0:
        raise ViperError("division by zero")
    return left % right


def _whole(offset, width):
    if offset % width:
        raise ViperError(
            f"ptr{8 * width} moved by {offset} bytes: not aligned, HardFault on RP2040"
        )
    return offset // width


def _turns(start, stop=None, step=1):
    if stop is None:
        start, stop = 0, start
    counter = range(start, stop, step)
    if counter and not INT_LOW <= counter[-1] + step <= INT_HIGH:
        raise ViperError("the counter of range() passes the 32-bit limit")
    return counter


def _kernel(function):
    if not getattr(function, "is_viper_kernel", False):
        raise ViperError(f"{getattr(function, '__name__', function)!r} is not a kernel")
    return function


_HELPERS = {
    "h__enter": viper_memory.enter_pointer,
    "h__point": viper_memory.point,
    "h__Address": Address,
    "h__integer": _integer,
    "h__explain": _explain,
    "h__below": _below,
    "h__fit": _fit,
    "h__fit_unsigned": _fit_unsigned,
    "h__small": _small,
    "h__count": _count,
    "h__divide": _divide,
    "h__divide_safely": _divide_safely,
    "h__remainder": _remainder,
    "h__whole": _whole,
    "h__turns": _turns,
    "h__range": range,
    "h__type": type,
    "h__int": int,
    "h__locals": locals,
    "h__kernel": _kernel,
}
