"""Gives private names and arguments short names, in many modules the same: kept once on a board.

Private is what begins with one underscore. Names of modules that share objects (by inheritance, or
because both say the name) stay different; all others may become the same. For a traceback from a
board: `python -m host_tools.build.shorten BOARD < traceback`.
"""

import ast
import re
import sys
from string import ascii_lowercase

_FRAME = re.compile(r'(File "(?P<module>[^"]+)", .*in )(?P<name>_[a-z]+)$')


def shortened(sources, fixed):
    """({path: text}, {path: {short: private name}}); fixed: texts that are not changed."""
    trees = {path: ast.parse(text, path) for path, text in sources.items()}
    others = [ast.parse(text) for text in fixed]
    short = _private(trees, others)
    keywords = _keywords([*trees.values(), *others])
    told = {}
    for path, tree in trees.items():
        _Arguments(keywords).visit(tree)
        used = _names(tree) & set(short)
        _Private(short).visit(tree)
        told[path] = {short[name]: name for name in sorted(used)}
    return {path: ast.unparse(tree) + "\n" for path, tree in trees.items()}, told


def _is_private(name):
    return name.startswith("_") and name != "_" and not name.startswith("__")


def _names(tree):
    """Private names of attributes, functions, classes and variables."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return {name for name in names if _is_private(name)}


def _kept(tree):
    """Private names that are more than names: arguments, keywords, texts, what is imported."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.arg, ast.keyword)):
            names.add(node.arg or "")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value)
        elif isinstance(node, ast.Global):
            names |= set(node.names)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names} | {alias.asname for alias in node.names}
    return names


def _private(trees, others):
    """{private name: short one}."""
    groups = [set() for _ in range(len(trees))]
    place = _sharing(trees)
    kept = set().union(*map(_kept, trees.values()), *map(_names, others))
    for path, tree in trees.items():
        groups[place[path]] |= _names(tree) - kept
    taken = [set(kept) for _ in groups]
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
            base.id
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            for base in node.bases
            if isinstance(base, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                other = node.module.replace(".", "/") + ".py"
                if other in place and bases & {alias.name for alias in node.names}:
                    old, new = place[path], place[other]
                    place = {at: new if number == old else number for at, number in place.items()}
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


class _Private(ast.NodeTransformer):
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
