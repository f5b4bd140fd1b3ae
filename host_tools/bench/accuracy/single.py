"""The firmware's estimator files with every float a single, as on a board.

CPython has doubles only, so the files are compiled anew: each literal becomes a numpy.float32,
each quotient and each result of float(), exp() and their like is rounded to one; numpy rounds the
rest, since a single meets nothing but singles and whole numbers. doubles() finds what slipped in.
"""

import ast
import importlib.util
import math
import sys
from array import array
from types import ModuleType

import numpy

from host_tools.replay import estimators

MODULES = (
    "vigil.cell_models",
    "vigil.estimate.anchors",
    "vigil.estimate.offset",
    "vigil.estimate.cell_model",
    "vigil.estimate.cell_filter",
    "vigil.estimate.grid",
    "vigil.counter",
    "vigil.estimate.counter",
    "vigil.estimate.charge",
    "vigil.estimate.told",
    "vigil.estimate.capacity",
    "vigil.estimate.resistance",
    "vigil.estimate.ageing",
)
single = numpy.float32


def _quotient(a, b):
    return single(a) / single(b)


def _rounded(function):
    return lambda value: single(function(float(value)))


def _array(typecode, items):
    """An array of floats gives Python's floats back: a list in its place."""
    return [single(item) for item in items] if typecode == "f" else array(typecode, items)


class _Singles(ast.NodeTransformer):
    def __init__(self):
        self.literals = {}

    def visit_Constant(self, node):
        if not isinstance(node.value, float):
            return node
        name = f"_literal_{len(self.literals)}"
        self.literals[name] = single(node.value)
        return ast.copy_location(ast.Name(name, ast.Load()), node)

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div):
            return node
        call = ast.Call(ast.Name("_quotient", ast.Load()), [node.left, node.right], [])
        return ast.copy_location(call, node)

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        assert not isinstance(node.op, (ast.Div, ast.Pow)), "write it out"
        return node


def _compiled(name):
    """The module of that name, its floats singles."""
    source = importlib.util.find_spec(name).loader.get_source(name)
    rewriter = _Singles()
    tree = ast.fix_missing_locations(rewriter.visit(ast.parse(source)))
    module = ModuleType(name)
    module.__dict__.update(rewriter.literals, _quotient=_quotient, float=single)
    exec(compile(tree, f"{name} in singles", "exec"), module.__dict__)
    if "array" in module.__dict__:
        module.array = _array
    for function in ("exp", "log", "sqrt"):
        if function in module.__dict__:
            module.__dict__[function] = _rounded(getattr(math, function))
    return module


class Singles:
    """The estimators in singles; make() is estimators.make() with them."""

    def __init__(self):
        before = {name: sys.modules.get(name) for name in MODULES}
        packages = {name: sys.modules[name.rpartition(".")[0]] for name in MODULES}
        made = {}
        try:
            for name in MODULES:
                made[name] = sys.modules[name] = _compiled(name)
                setattr(packages[name], name.rpartition(".")[2], made[name])
        finally:
            for name, module in before.items():
                if module is None:
                    del sys.modules[name]
                else:
                    sys.modules[name] = module
                    setattr(packages[name], name.rpartition(".")[2], module)
        self._made = made

    def make(self, chemistry, capacity_mah, cell_count=1):
        made = self._made
        return estimators.compose(
            made["vigil.estimate.cell_model"].CellModel,
            made["vigil.estimate.anchors"].Anchors,
            made["vigil.estimate.counter"].ChargeCounter,
            made["vigil.estimate.charge"].ChargeEstimate,
            made["vigil.cell_models"].figures,
            (chemistry, capacity_mah, cell_count),
            single,
        )

    def ageing(self, estimate):
        return self._made["vigil.estimate.ageing"].Ageing(estimate)


def doubles(thing, path="", seen=None):
    """Where in an object a Python float hides: [] if every one is a single."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return []
    seen.add(id(thing))
    if type(thing) in (float, numpy.float64):
        return [path]
    if isinstance(thing, dict):
        items = thing.items()
    elif isinstance(thing, (list, tuple)):
        items = enumerate(thing)
    elif isinstance(thing, (str, bytes, int, array, numpy.float32, type(None))):
        return []
    else:
        items = vars(thing).items() if hasattr(thing, "__dict__") else ()
    return [hit for key, value in items for hit in doubles(value, f"{path}.{key}", seen)]
