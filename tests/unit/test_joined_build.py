"""Joined modules do what they did apart; what nothing needs is told from what something needs."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.build import merge, started, unused
from tests.unit.test_compact_build import load

FIRST = """
from binascii import crc32 as crc
WEIGHT = 3
_seen = []
def _scaled(value):
    return value * WEIGHT
def note(value):
    _seen.append(value)
    return crc(bytes(_seen))
class Adder:
    step = 1
    both = step + WEIGHT
    def __init__(self, start):
        self.total = start
    def add(self, value):
        self.total += _scaled(value) + self.step
        return self.total
"""
SECOND = """
from vigil import first
from vigil.first import Adder as Base, note
from zlib import crc32 as crc
WEIGHT = 7
_seen = {}
def _scaled(value, WEIGHT=WEIGHT):
    _seen[value] = crc
    return [WEIGHT - value for value in (value, WEIGHT)]
class Adder(Base):
    def add(self, value):
        _note = super().add(value)
        return _note + sum(_scaled(value)) + first.WEIGHT + note(value % 256)
def seen():
    def inner(first):
        return len(_seen) + first
    return inner(WEIGHT)
"""
THIRD = """
from vigil import second
from vigil.second import Adder, seen
_scaled = second.Adder
class Two:
    def __init__(self, start):
        self.parts = (Adder(start), _scaled(start + 1))
    def add(self, value):
        return [part.add(value) for part in self.parts] + [seen(), second.WEIGHT]
"""
SOURCES = {"vigil/first.py": FIRST, "vigil/second.py": SECOND, "vigil/third.py": THIRD}
ASKED = ["from vigil.third import Two\n", "from vigil.first import Adder, WEIGHT\n"]


def run(sources, numbers):
    loaded = load(sources, "vigil")
    two = loaded["third"].Two(numbers[0])
    one = loaded["first"].Adder(loaded["first"].WEIGHT)
    return [two.add(number) for number in numbers] + [one.add(number) for number in numbers]


def joined(most_names=200):
    """The modules in an order in which none is loaded before what it needs."""
    texts, parts, handing_on, _ = merge.merged(SOURCES, ASKED, (), most_names)
    assert sorted(sum(parts.values(), [])) == sorted(SOURCES)
    assert set(handing_on) == {"vigil/first.py", "vigil/third.py"}
    return {path: texts[path] for path in (*sorted(parts), *handing_on)}, parts


@settings(max_examples=20)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=4), st.sampled_from((1, 12, 200)))
def test_joined_modules_do_what_they_did_apart(numbers, most_names):
    assert run(joined(most_names)[0], numbers) == run(SOURCES, numbers)


def test_a_table_of_names_gets_no_longer_than_it_may():
    assert list(joined(200)[1].values()) == [sorted(SOURCES)]
    assert len(joined(1)[1]) == 3


def test_a_module_that_is_handled_as_an_object_or_imported_late_stays_alone():
    sources = {
        "vigil/a.py": "def f():\n    return 1\n",
        "vigil/b.py": "def g():\n    return 2\n",
        "vigil/c.py": "from vigil import a\ndef h():\n    import vigil.b\n    return a\n",
    }
    texts, parts, _, _ = merge.merged(sources, ())
    # Named as no other is.
    assert parts == {"vigil/d.py": ["vigil/c.py"]}
    assert "def f" in texts["vigil/a.py"] and "def g" in texts["vigil/b.py"]


START = """
from vigil.parts import Part, Late, Passed, table, helper as aid
class Bms:
    def __init__(self):
        self.part = Part(table())
        self.passed = self.make(Passed)
        self.again = aid
        self._prepare()
    def _prepare(self):
        self.words = self._once()
    def _once(self):
        return aid()
    def make(self, kind):
        return kind()
    def run(self):
        self.make(Late)
        return [Late() for _ in self.steps()]
    def steps(self):
        yield Part
    def named(self):
        return getattr(self, "_do_" + "stop")()
    def _do_stop(self):
        return self._halt()
    def _halt(self):
        return 0
    def never(self):
        return self.nor_this()
    def nor_this(self):
        return 1
"""
PARTS = """
class Base:
    def __init__(self):
        self.one = 1
class Part(Base):
    def __init__(self, words):
        super().__init__()
class Late:
    def __init__(self):
        pass
class Passed:
    def __init__(self):
        pass
class Quiet:
    def __init__(self):
        pass
def table():
    return Quiet()
def helper():
    return 1
"""
MAIN = """
def make_bms():
    from vigil.start import Bms
    return Bms()
def run():
    bms = make_bms()
    bms.run()
    bms.named()
"""
LINK = """
def offer(board):
    def link(status):
        return Engine(status)
    board.links = [link]
class Engine:
    def __init__(self, status):
        pass
"""
WHOLE = {"vigil/start.py": START, "vigil/parts.py": PARTS}


def for_start(main=MAIN, outside=(), whole=WHOLE):
    found = started.only_for_start(whole, {"main.py": main}, outside)
    return {f"{owner}.{function}" if owner else function for _, owner, function in found}


def test_what_is_called_from_nothing_but_the_start_is_for_the_start():
    # A part that a generator speaks of is spoken of by a running BMS.
    assert for_start() == {"Bms.__init__", "Bms._prepare", "Bms._once", "Quiet.__init__", "table"}
    whole = WHOLE | {"vigil/start.py": START.replace("yield Part", "yield 1")}
    assert for_start(whole=whole) - for_start() == {"Part.__init__", "Base.__init__"}


@pytest.mark.parametrize(
    "main, outside, kept",
    [
        (MAIN.replace("bms.run()", "bms._once()"), (), "Bms._once"),
        (MAIN.replace("bms.run()", "bms.again = bms._prepare"), (), "Bms._prepare"),
        (MAIN.replace("bms.run()", "getattr(bms, '_pre' + 'pare')"), (), "Bms._prepare"),
        (MAIN.replace("bms.run()", "getattr(bms, '_pre%s' % 'pare')"), (), "Bms._prepare"),
        (MAIN.replace("bms.run()", "getattr(bms, '_prepare')"), (), "Bms._prepare"),
        (MAIN, ("getattr(bms, '_pre' + 'pare')\n",), "Bms._prepare"),
        (MAIN, ("bms._prepare\n",), "Bms._prepare"),
        (
            MAIN + "def again():\n    return make()\ndef make():\n    return Bms()\n",
            (),
            "Bms.__init__",
        ),
        (MAIN.replace("return Bms()", "return lambda: Bms()"), (), "Bms.__init__"),
    ],
)
def test_whoever_else_may_reach_it_keeps_it(main, outside, kept):
    assert kept in for_start() and kept not in for_start(main, outside)


def test_what_only_calls_itself_is_no_part_of_the_start():
    text = "def table():\n    return used()\ndef used():\n    return 1\ndef again():\n"
    whole = {"vigil/start.py": text + "    return other()\ndef other():\n    return again()\n"}
    main = "def make_bms():\n    from vigil import start\n    return start.table()\n"
    assert for_start(main, (), whole) == {"table", "used"}


def test_what_a_board_knows_is_made_at_the_start_and_so_are_its_links():
    whole = {
        "vigil/knows.py": "PARTS = ('Part',)\ndef offer(board):\n    board.part = PARTS[0]\n",
        "vigil/parts.py": PARTS,
        "vigil/link.py": LINK,
    }
    main = "def make_bms():\n    from vigil import knows, link\n"
    main += "    knows.offer(board)\n    link.offer(board)\n"
    found = {"Part.__init__", "Base.__init__", "Engine.__init__", "offer"}
    assert for_start(main, (), whole) == found
    late = whole | {"vigil/later.py": "def run():\n    return Engine(1), run()\n"}
    main += "def run():\n    run()\n"
    assert for_start(main, (), late) == found - {"Engine.__init__"}


def test_what_a_start_did_not_import_is_not_imported_to_be_let_go_of():
    found = [("vigil.a", None, "table"), ("vigil.rare", "Rare", "__init__")]
    final = {
        ("vigil.a", "table"): ("vigil.a", "_b"),
        ("vigil.rare", "Rare"): ("vigil.rare", "Rare"),
    }
    text, _ = started.letting_go(found, final)
    assert "if 'vigil.rare' in sys.modules:\n    from vigil import rare\n" in text


def test_limits_that_an_owner_makes_can_be_made():
    whole = {"vigil/limits.py": "class Limits:\n    def __init__(self):\n        self.trip = 1\n"}
    main = "def make_bms():\n    from vigil.limits import Limits\n    return Limits()\n"
    assert for_start(main, (), whole) == set()


def test_what_nothing_speaks_of_is_left_out_and_all_else_stays():
    texts = unused.left_out(WHOLE, {"main.py": MAIN}, ["bms.helper()\n"])
    names = {
        node.name
        for text in texts.values()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
    }
    everything = {
        node.name
        for text in WHOLE.values()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
    }
    assert everything - names == {"never", "nor_this"}


def test_a_class_does_without_the_names_that_nobody_asks_for():
    text = unused.bare("class A:\n    '''Words.'''\n    def f(self):\n        return 5\n")
    space = {"__name__": "a"}
    exec(text, space)
    assert space["A"]().f() == 5 and space["A"].__name__ == "A"
