"""What is built for a board does what the sources do, with less on it."""

import ast
import os
import re
import subprocess
import sys
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.bench import heap
from host_tools.build import fold, image, romfs, shorten
from tests.interpreter import micropython

NUMBERS = """
from micropython import const
from array import array
LOW = const(3)
HIGH = const(LOW + 4)
_HIDDEN = const(HIGH << 2)
WORDS = {"low": LOW}
TABLE = ((1, 2), (3, LOW), (5, 6), (7, HIGH), (1, 1), (1, 2), (1, 3), (1, 4))
CURVE = array("H", (1, 500, 65535))
def hidden():
    return _HIDDEN
"""
USER = """
from parts import numbers
from parts.numbers import HIGH, LOW as FLOOR
_AT = HIGH - FLOOR
class Counter:
    def __init__(self, start, step=HIGH):
        self._count = start
        self._step = step
    def _advance(self, by):
        self._count += by
        return self._count
    def next(self):
        return self._advance(self._step) * numbers.LOW + _AT
def shadow(HIGH):
    LOW = HIGH + 1
    return LOW
def total(values):
    return sum([value * FLOOR for value in values])
"""
CHILD = """
from parts.user import Counter
class Double(Counter):
    def __init__(self, start):
        super().__init__(start, step=2)
        self._more = 5
    def next(self):
        self._more += 1
        return self._advance(self._more) + self._step
"""
# What this test asks the modules for.
USED = "user.shadow(step=4), user.total, numbers.hidden, TABLE, [CURVE, WORDS], Counter, Double"
SOURCES = {
    "parts/numbers.py": NUMBERS,
    "parts/user.py": USER,
    "parts/child.py": CHILD,
}


def compact(sources, fixed=(), keep_names=False):
    texts = fold.folded(sources, fixed, keep_names)
    return shorten.shortened(texts, fixed, [USED])


def load(sources, package="parts"):
    """{last part of the name: module} of sources, run on this interpreter."""
    loaded = {package: types.ModuleType(package)}
    before = {name: sys.modules.get(name) for name in (package, *map(_name, sources))}
    try:
        sys.modules[package] = loaded[package]
        for path, text in sources.items():
            name = _name(path)
            module = sys.modules[name] = types.ModuleType(name)
            exec(compile(text, path, "exec"), module.__dict__)
            last = name.rpartition(".")[2]
            setattr(loaded[package], last, module)
            loaded[last] = module
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module
    return loaded


def _name(path):
    return path.removesuffix(".py").replace("/", ".")


@settings(max_examples=20)
@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=5))
def test_a_compact_module_does_what_its_source_does(numbers):
    plain, small = load(SOURCES), load(compact(SOURCES)[0])
    answers = []
    for loaded in (plain, small):
        user, child = loaded["user"], loaded["child"]
        counters = [user.Counter(numbers[0]), user.Counter(1, step=4), child.Double(numbers[-1])]
        answers.append([counter.next() for counter in counters for _ in numbers])
        answers[-1] += [user.shadow(numbers[0]), user.total(numbers), loaded["numbers"].hidden()]
        table = loaded["numbers"].TABLE
        answers[-1] += [[row[1] for row in table], list(loaded["numbers"].CURVE)]
        answers[-1] += [loaded["numbers"].WORDS]
    assert answers[0] == answers[1]


def test_numbers_stand_where_they_are_used_and_leave_no_name():
    texts, _ = compact(SOURCES)
    names = {
        node.id
        for text in texts.values()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Name)
    }
    assert names & {"FLOOR", "_AT", "_HIDDEN", "const"} == set()
    # In shadow() this is something else.
    assert texts["parts/user.py"].count("import") == 1
    assert re.search(r"^from parts.numbers import \w+$", texts["parts/user.py"], re.MULTILINE)


def test_a_float_stands_where_it_is_used_too():
    source = "from micropython import const\nX = const(0.5)\n_Y = const(-X * 3)\n"
    texts = fold.folded({"a.py": source + "def f(z):\n    return z * X + _Y\n"}, ())
    assert load(texts)["a"].f(4.0) == 0.5
    assert "X" not in texts["a.py"] and "_Y" not in texts["a.py"]


def test_what_a_source_on_the_board_asks_for_keeps_its_name():
    texts, _ = compact(SOURCES, fixed=["from parts import numbers\nprint(numbers.HIGH)\n"])
    assert "HIGH = 7" in texts["parts/numbers.py"] and "LOW = " not in texts["parts/numbers.py"]
    texts, _ = compact(SOURCES, fixed=["from parts import numbers\ngetattr(numbers, 'LOW')\n"])
    assert "LOW = 3" in texts["parts/numbers.py"]


def test_a_name_that_is_more_than_a_number_stays():
    source = "from micropython import const\nX = const(1)\ndef f():\n    global X\n    X = 2\n"
    texts = fold.folded({"a.py": source + "    return X\n"}, ())
    assert load(texts)["a"].f() == 2


def test_names_of_a_family_of_classes_stay_apart():
    _, told = compact(SOURCES)
    family = told["parts/user.py"] | told["parts/child.py"]
    assert {"_AT", "_advance", "_count", "_more", "_step"} <= set(family.values())
    assert len(set(family.values())) == len(family)


@pytest.mark.parametrize(
    "bringing, base",
    [
        ("from parts.base import Counted", "Counted"),
        ("from parts.base import Counted as Known", "Known"),
        ("from parts import base", "base.Counted"),
    ],
)
def test_names_of_a_family_stay_apart_however_the_base_is_named(bringing, base):
    sources = {
        "parts/base.py": "class Counted:\n    def __init__(self):\n        self._kept = [1]\n"
        "        self._hidden = [2]\n",
        "parts/child.py": f"{bringing}\nclass Child({base}):\n    def _told(self):\n"
        "        return self._kept\n    def told(self):\n        return self._told()\n",
    }
    texts, told = shorten.shortened(fold.folded(sources, ()), (), ["Child"])
    (public,) = (short for short, name in told["parts/child.py"].items() if name == "told")
    made = load(texts)["child"].Child()
    assert getattr(made, public)() == [1]


def test_names_of_strangers_become_the_same():
    sources = {
        "parts/a.py": "class A:\n    def f(self):\n        self.long_name = 1\n",
        "parts/b.py": "class B:\n    def f(self):\n        self._other_name = 1\n",
    }
    _, told = shorten.shortened(sources, ["A().f()\nB().f()\n"])
    assert told == {"parts/a.py": {"_a": "long_name"}, "parts/b.py": {"_a": "_other_name"}}


def test_a_name_that_a_text_or_a_source_has_is_kept():
    sources = {"a.py": "class A:\n    def f(self):\n        self._one = self.two = 1\n"}
    _, told = shorten.shortened(sources, ["print('hello')\nx._one\nA().f()\n"])
    assert told == {"a.py": {"_a": "two"}}
    sources["a.py"] += "        return getattr(self, 'two')\n"
    _, told = shorten.shortened(sources, ["x._one\nA().f()\n"])
    assert told == {"a.py": {}}


def test_what_the_interpreter_names_and_who_handles_the_firmware_says_is_kept():
    sources = {"a.py": "class A:\n    def append(self):\n        self.seen = self.kept = 1\n"}
    _, told = shorten.shortened(sources, (), ["A().kept\n"])
    assert told == {"a.py": {"_a": "seen"}}


def test_an_exception_keeps_its_name_and_another_class_does_not():
    source = "class Wrong(ValueError):\n    pass\nclass Right:\n    pass\n"
    sources = {"a.py": source, "b.py": "from a import Right, Wrong\nraise Wrong(Right())\n"}
    texts, told = shorten.shortened(sources, ())
    assert set(told["a.py"].values()) == set(told["b.py"].values()) == {"Right"}
    assert "raise Wrong(" in texts["b.py"]


def test_an_attribute_given_from_elsewhere_is_like_no_other():
    sources = {
        "a.py": "class A:\n    def append(self):\n        self.inner = 1\n",
        "b.py": "def append(thing):\n    thing.outer = 1\n",
    }
    texts, told = shorten.shortened(sources, ())
    (inner,) = (short for short, name in told["a.py"].items() if name == "inner")
    (outer,) = (short for short, name in told["b.py"].items() if name == "outer")
    assert inner != outer


def test_a_name_that_two_modules_import_is_short_in_both():
    sources = {
        "parts/a.py": "def helper(first):\n    return first + 1\n",
        "parts/b.py": "from parts.a import helper\ndef double(more):\n    return helper(more)\n",
    }
    texts, _ = shorten.shortened(sources, ["b.double(1)\n"])
    assert not any("helper" in text for text in texts.values())
    assert load(texts)["b"].double(1) == 2


def test_arguments_that_are_given_by_name_are_short_everywhere_or_keep_theirs():
    source = "def f(first, second, *, third):\n    return first + second + third\n"
    texts, _ = shorten.shortened({"a.py": source}, ["f(1, second=2, third=3)\n"])
    assert "def f(p0, second, *, third):" in texts["a.py"]
    assert load(texts)["a"].f(1, second=2, third=3) == 6
    user = "from a import f\ndef g():\n    return f(1, second=2, third=3)\n"
    texts, _ = shorten.shortened({"a.py": source, "b.py": user}, ["b.g()\n"])
    assert "third" not in texts["a.py"] + texts["b.py"]
    assert load(texts)["b"].g() == 6


@pytest.mark.parametrize("board", image.real_boards())
def test_a_board_has_the_kernels_that_its_modules_use_and_no_other(board, monkeypatch):
    jobs = {}

    def noted(found, processor):
        jobs.update({name: text for text, name, _ in found})
        return [b"" for _ in found]

    monkeypatch.setattr(image.compiler, "compile_files", noted)
    image.make(board)
    there = set(re.findall(r"^def (\w+)", jobs.pop("vigil.kernels"), re.MULTILINE))
    del jobs["vigil.selftest"]
    source = (image.ROOT / "firmware/lib/vigil/selftest.py").read_text("utf-8")
    tested = set(re.findall(r'\("(\w+)", _\w+\)', source))
    asked = {
        node.attr
        for text in jobs.values()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "kernels"
    }
    assert there == asked
    assert there <= tested


def test_a_kernel_that_a_kernel_calls_stays():
    kernels = "def a():\n    return b()\ndef b():\n    return 1\ndef c():\n    return 2\n"
    assert "def c" not in (text := image.only_used(kernels, ["kernels.a()"]))
    assert "def a" in text and "def b" in text


def test_a_traceback_of_a_board_is_told_in_the_names_of_the_sources(monkeypatch, capsys):
    made = image.make("pico_bq76952")
    short, name = next(iter(made.private_names["vigil/app.py"].items()))
    lines = f'  File "vigil.app", line 1, in {short}\n  File "main.py", line 3, in {short}\nX\n'
    monkeypatch.setattr(sys, "stdin", lines.splitlines(keepends=True))
    shorten.main(["pico_bq76952"])
    told = capsys.readouterr().out.splitlines()
    assert told[0].endswith(f"in {name}") and told[1:] == lines.splitlines()[1:]


@pytest.fixture(scope="module")
def pico():
    return heap.measure("pico_bq76952")


def test_the_built_firmware_starts_and_closes_the_switches(pico):
    assert pico[1]


def test_every_module_is_counted_or_has_been_let_go_of(pico):
    parts, _ = pico
    modules = {
        path.removesuffix(".mpy").removesuffix("/__init__").replace("/", ".")
        for path in image.make("pico_bq76952").app
        if path.endswith(".mpy")
    }
    gone = {f"vigil.{name}" for name in ("selftest", "presets", "validate")}
    gone |= {"vigil.chemistry", "vigil.ocv_tables", "vigil.afe.bq76952_options"}
    gone |= {"vigil.link.by_name", "vigil.knows", "vigil.cell_models", "vigil.estimate.recalled"}
    # Only a board of another kind imports them.
    gone |= {"vigil.active_balancer", "vigil.plain_charge"}
    release = {}
    exec(image.make("pico_bq76952").app[image.RELEASE], release)
    assert modules - set(parts) == gone | set(release["STAND_INS"])


def test_what_is_bytes_is_counted_in_the_blocks_of_a_board(pico):
    code = sum(len(code) for code in heap.kernel_code("pico_bq76952"))
    assert code <= pico[0]["vigil.kernels"] < code + 2000


def test_a_pico_keeps_the_heap_that_is_promised(pico):
    free = heap.free_after_start("armv6m", sum(pico[0].values()))
    assert free["a Pico"] >= 102_400 and free["a Pico W"] >= 51_200


def test_the_page_tells_what_is_measured(pico):
    page = (image.ROOT / "docs" / "deploying.md").read_text("utf-8")
    known, kept_kb = re.search(r"^\| `pico_bq76952` \| (.+?) \| (\d+) KB \|", page, re.M).groups()
    knows = image.constant(image.ROOT / "boards" / "pico_bq76952" / "board.py", "KNOWS")
    assert known == ", ".join(knows)
    assert abs(int(kept_kb) - sum(pico[0].values()) // 1024) <= 1


@pytest.mark.parametrize(
    "board, least, choices",
    [
        ("pico_bq76952", 114_688, {"KNOWS": ()}),
        ("pico_bq76940", 120_000, {"KNOWS": ()}),
        ("pico_bq76940", 102_400, {}),
        ("pico_ltc6813_contactors", 105_472, {}),
    ],
)
def test_another_board_keeps_its_heap_and_closes_its_switches(board, least, choices):
    parts, switches_on = heap.measure(board, **choices)
    free = heap.free_after_start("armv6m", sum(parts.values()))
    assert switches_on and free["a Pico"] >= least and free["a Pico W"] >= 51_200


def test_a_version_in_romfs_starts_as_well_and_keeps_much_less_of_the_heap():
    in_files, _ = heap.measure("libresolar_bms_c1")
    in_romfs, switches_on = heap.measure("libresolar_bms_c1", in_romfs=True)
    assert switches_on
    assert sum(in_romfs.values()) < sum(in_files.values()) * 2 / 3
    # Machine code is copied wherever it lies.
    assert in_romfs["vigil.kernels"] > 0.95 * in_files["vigil.kernels"]


def test_an_image_for_romfs_holds_the_version_and_nothing_else():
    made = image.make("esp32_bq76952")
    files = romfs.files(made)
    assert set(files) == {"boot.py", "main.py", romfs.IMAGE}
    assert files[romfs.IMAGE].startswith(b"\xd2\xcd\x31")
    assert all(data in files[romfs.IMAGE] for data in made.app.values())


def test_a_pico_is_not_offered_what_its_firmware_cannot_do():
    with pytest.raises(ValueError, match="has no ROMFS"):
        romfs.files(image.make("pico_bq76952"))


def test_the_firmware_on_a_desk_is_as_good_with_its_numbers_in_place(tmp_path):
    made = image.make("pico_bq76952", processor="x64", keep_names=True)
    for path, data in made.app.items():
        if path.startswith("vigil/"):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(data)
    places = ("host_tools/mock/fakes", "tests/micropython", ".", str(tmp_path), "firmware")
    done = subprocess.run(
        [micropython(), "tests/micropython/runner.py", "test_every_row"],
        cwd=image.ROOT,
        env=dict(os.environ, MICROPYPATH=":".join((*places, ".frozen"))),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "ok " in done.stdout, done.stdout + done.stderr
