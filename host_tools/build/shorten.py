"""Gives names and arguments short names, in many modules the same: kept once on a board.

Left alone: exceptions, what the interpreter and its modules name, what a text or a file that is
not changed says. Names of modules that share objects (by inheritance, or because both say the
name) stay different; all others may become the same. For a traceback from a board:
`python -m host_tools.build.shorten BOARD < traceback`.
"""

import array
import ast
import binascii
import builtins
import gc
import io
import json
import os
import re
import struct
import sys
import time
from string import ascii_lowercase

_FRAME = re.compile(r'(File "(?P<module>[^"]+)", .*in )(?P<name>_[a-z]+)$')
_BY_PLACE = re.compile(r"p\d+$")
_PLAIN = (0, "", b"", [], (), {}, set(), bytearray(), Exception(), OSError(), iter(()), print)
_MODULES = (array, binascii, builtins, gc, io, json, os, struct, sys, time)


def _generator():
    yield


# What a name may mean beside what a module of ours gives it.
OF_PYTHON = frozenset(
    name
    for thing in (*_PLAIN, *_MODULES, array.array("B"), io.FileIO, io.StringIO, _generator())
    for name in dir(thing)
)


def shortened(sources, fixed, outside=()):
    """({path: text}, {path: {short: name}}).

    fixed: texts on the board that are not changed. outside: texts of those who handle the
    running firmware, or are handled by it.
    """
    trees = {path: ast.parse(text, path) for path, text in sources.items()}
    others = [ast.parse(text) for text in fixed]
    foreign = [*others, *map(ast.parse, outside)]
    arguments = _Arguments(_keywords([*trees.values(), *others]))
    for tree in trees.values():
        arguments.visit(tree)
    modules = {path.removesuffix(".py").replace("/", ".") for path in trees}
    short = _chosen(trees, foreign, modules)
    told = {}
    for path, tree in trees.items():
        used = _names(tree) & set(short)
        _Rename(short).visit(tree)
        told[path] = {short[name]: name for name in sorted(used)}
    return {path: ast.unparse(tree) + "\n" for path, tree in trees.items()}, told


def _names(tree):
    """Names of attributes, functions, arguments and variables, and what is imported."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.arg, ast.keyword)):
            names.add(node.arg or "")
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def _given(tree):
    """Names that a module gives: functions, arguments, attributes, what stands at its top."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.arg) and node.arg != "self" and not _BY_PLACE.match(node.arg):
            names.add(node.arg)
        elif isinstance(node, ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Attribute) and _is_stored(node):
            names.add(node.attr)
        if isinstance(node, (ast.Module, ast.ClassDef)):
            for part in _outside_functions(node):
                if isinstance(part, ast.Name) and _is_stored(part):
                    names.add(part.id)
    return names


def _given_from_elsewhere(tree):
    """Attributes of objects whose other names are perhaps not known here."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and _is_stored(node) and not _is_self(node.value)
    }


def _outside_functions(node):
    for part in ast.iter_child_nodes(node):
        if not isinstance(part, (ast.FunctionDef, ast.Lambda)):
            yield part
            yield from _outside_functions(part)


def _is_stored(node):
    return not isinstance(node.ctx, ast.Load)


def _is_self(node):
    return isinstance(node, ast.Name) and node.id == "self"


def _kept(tree, modules):
    """Names that are more than names: texts, classes, what is imported under another name."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            names |= set(node.names)
        elif isinstance(node, ast.ExceptHandler):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef) and _is_error(node):
            # Told to people.
            names.add(node.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                names |= {alias.asname, *alias.name.split(".")}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                ours = node.module in modules and f"{node.module}.{alias.name}" not in modules
                if alias.asname or not ours:
                    names |= {alias.name, alias.asname}
    return names


def _is_error(node):
    bases = [getattr(base, "id", getattr(base, "attr", "")) for base in node.bases]
    return any(base.endswith(("Error", "Exception")) for base in bases)


def _texts(tree):
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _put_together(trees):
    """Names that are asked for as a beginning and a text: getattr(self, "_do_" + name)."""
    beginnings = {
        node.args[1].left.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", None) == "getattr"
        and isinstance(node.args[1], ast.BinOp)
        and isinstance(node.args[1].left, ast.Constant)
    }
    texts = set().union(*map(_texts, trees))
    return {beginning + text for beginning in beginnings for text in texts}


def _words(tree):
    """Everything that could be a name in a text that is not ours to change."""
    names = _names(tree) | _kept(tree, ())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names |= set(re.findall(r"\w+", node.value))
    return names


def _chosen(trees, foreign, modules):
    """{name: short one}."""
    groups = [set() for _ in range(len(trees))]
    place = _sharing(trees)
    kept = OF_PYTHON.union(*(_kept(tree, modules) for tree in trees.values()))
    kept = kept.union(_put_together(trees.values()), *map(_words, foreign))
    ours = set().union(*map(_given, trees.values())) - kept
    ours = {name for name in ours if not name.startswith("__") and name != "_"}
    anywhere = set().union(*map(_given_from_elsewhere, trees.values())) & ours
    named = {path: _names(tree) for path, tree in trees.items()}
    for path, names in named.items():
        groups[place[path]] |= names & ours
    for group in groups:
        group |= anywhere
    occupied = set(kept).union(*named.values()) - ours
    taken = [set(occupied) for _ in groups]
    inside = {}
    for at, group in enumerate(groups):
        for name in group:
            inside.setdefault(name, []).append(at)
    short = {}
    # What is in many groups first: it has the least choice.
    for name in sorted(inside, key=lambda name: (-len(inside[name]), name)):
        for candidate in _candidates():
            if not any(candidate in taken[at] for at in inside[name]):
                break
        short[name] = candidate
        for at in inside[name]:
            taken[at].add(candidate)
    return short


def _sharing(trees):
    """{path: number}, the same for modules whose classes inherit from each other."""
    place = {path: at for at, path in enumerate(trees)}
    for path, tree in trees.items():
        bases = {
            base.value.id if isinstance(base, ast.Attribute) else base.id
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            for base in node.bases
            if isinstance(base, ast.Name)
            or (isinstance(base, ast.Attribute) and isinstance(base.value, ast.Name))
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            for alias in node.names:
                if (alias.asname or alias.name) not in bases:
                    continue
                # The class itself, or the module that has it.
                folder = node.module.replace(".", "/")
                for other in (f"{folder}.py", f"{folder}/{alias.name}.py"):
                    if other in place:
                        old, new = place[path], place[other]
                        place = {
                            at: new if number == old else number for at, number in place.items()
                        }
    return place


def _candidates():
    for first in ("", *ascii_lowercase):
        for last in ascii_lowercase:
            yield f"_{first}{last}"


def _keywords(trees):
    """Names of arguments that anybody gives by name."""
    names = set()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword):
                names.add(node.arg)
            elif isinstance(node, ast.arguments):
                names |= {argument.arg for argument in node.kwonlyargs}
    return names


class _Rename(ast.NodeTransformer):
    """The same everywhere, so that local variables may have the name as well."""

    def __init__(self, short):
        self._short = short

    def visit_Name(self, node):
        node.id = self._short.get(node.id, node.id)
        return node

    def visit_Attribute(self, node):
        node.attr = self._short.get(node.attr, node.attr)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node):
        node.name = self._short.get(node.name, node.name)
        return self.generic_visit(node)

    visit_ClassDef = visit_FunctionDef

    def visit_arg(self, node):
        node.arg = self._short.get(node.arg, node.arg)
        return self.generic_visit(node)

    visit_keyword = visit_arg

    def visit_ImportFrom(self, node):
        for alias in node.names:
            alias.name = self._short.get(alias.name, alias.name)
        return node


class _Arguments(ast.NodeTransformer):
    """Arguments that are given by place become `p0`, `p1`, ...; `self` stays."""

    def __init__(self, keywords):
        self._keywords = keywords

    def visit_FunctionDef(self, node):
        inner = [part for part in ast.walk(node) if part is not node]
        if any(isinstance(part, (ast.FunctionDef, ast.Lambda)) for part in inner):
            return self.generic_visit(node)
        new = {}
        for at, argument in enumerate(node.args.args):
            if argument.arg != "self" and argument.arg not in self._keywords:
                new[argument.arg] = f"p{at}"
                argument.arg = new[argument.arg]
        self._check(node, new)
        for statement in node.body:
            for part in ast.walk(statement):
                if isinstance(part, ast.Name):
                    part.id = new.get(part.id, part.id)
        return node

    def _check(self, node, new):
        words = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        assert not words & set(new.values()), "a name is like one of ours"


def main(arguments):
    from host_tools.build import fold, image

    told = image.make(arguments[0]).private_names
    told = {fold.module_of(path): names for path, names in told.items()}
    for line in sys.stdin:
        found = _FRAME.search(line.rstrip())
        names = told.get(found["module"], {}) if found else {}
        if found and found["name"] in names:
            line = f"{found[1]}{names[found['name']]}\n"
        print(line, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
