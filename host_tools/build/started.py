"""What only a start runs, found in the sources: once a BMS runs, a board lets go of it.

A function is for the start alone if it is nowhere spoken of but in calls from other such
functions, from the tops of modules, and from the board's own build(); a class's `__init__`, if the
class is. So is what a board's KNOWS names, and what offer() of a link puts together: both are
made with the BMS. Whatever else may reach a function (a value, a text, a generator, a function
within another one, a file that is sent to the board) keeps it.
"""

import ast
import re

_LATE = object()  # a place that may run at any time
_START = None
# Run at a start and at no other time.
_OF_THE_START = {
    "main.py": ("begin", "make_bms", "greet", "owner_reset"),
    "board.py": ("build", "devices"),
    "probe.py": ("build",),  # the doctor's
}
# Of main.py itself, which stays a source on the board.
_OF_MAIN = (
    "FOR_THE_START",
    "begin",
    "forget_start",
    "greet",
    "make_bms",
    "release",
    "version_is_good",
)
_MADE_BY_NAME = "vigil.knows"  # what it names is made with the BMS, and not later
_OFFER = "offer"
_OFFERED = {"Limits", "use_limits"}  # to an owner's program
_WORDS = re.compile(r"\w+")
_SENTENCE = re.compile(r"\w \w")  # told to people, names nothing


def only_for_start(texts, fixed, outside):
    """[(module, class or None, function)] that no running BMS needs.

    texts: {path: source} of the modules; fixed: {path: source} of what else is on the board;
    outside: texts that handle a running BMS by its names.
    """
    return Mentions(texts, fixed, outside).only_for_start()


def letting_go(found, final):
    """(source of a module that drops them, {module: {(class or None, function)}}).

    final: {(module, name at its top): (module, name) where it lies on the board}.
    """
    gone = {"main": {(None, name) for name in _OF_MAIN}}
    for module, owner, function in found:
        place = final.get((module, owner or function))
        if place:
            names = (place[1], function) if owner else (None, place[1])
            gone.setdefault(place[0], set()).add(names)
    lines = ["import sys"]
    for module, names in sorted(gone.items()):
        package, _, last = module.rpartition(".")
        # What this start did not need is not to be loaded for it.
        lines.append(f"if {module!r} in sys.modules:")
        lines.append(f"    from {package} import {last}" if package else f"    import {last}")
        for owner, function in sorted(names, key=lambda pair: (pair[0] or "", pair[1])):
            whole = f"{last}.{owner}.{function}" if owner else f"{last}.{function}"
            # What is deleted from a dictionary is still held by its place in there.
            lines.append(f"    {whole} = None")
    return "\n".join(lines) + "\n", gone


def _name(path):
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _words(tree):
    """Every word of a text but those of its comments and docstrings."""
    words = set()
    for node in ast.walk(tree):
        if isinstance(getattr(node, "body", None), list):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                first.value.value = None
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words |= set(_WORDS.findall(node.value))
    return words | set(_WORDS.findall(ast.unparse(tree)))


class Mentions:
    """Who speaks of which function and class, and from where."""

    def __init__(self, texts, fixed, outside):
        self.defined = []  # (module, class or None, function)
        self.bases = {}  # {class: names of what it inherits from}
        # (name, place, whether it is called there; None: asked for a part of it)
        self.mentions = []
        self.late = set()  # names
        self.said = set()  # in texts within the sources, and outside of them
        self.beginnings = set()  # of names that are put together
        for path, text in texts.items():
            self.read(_name(path), text, None)
        for path, text in fixed.items():
            self.read(path, text, _OF_THE_START.get(path, ()))
        for text in outside:
            tree = ast.parse(text)
            self.said |= _words(tree)
            self._note_beginnings(tree)

    def read(self, module, text, starting):
        """starting: functions of a file that is no module of ours; None for one."""
        tree = ast.parse(text)
        self._aliases = {
            alias.asname: alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.asname
        }
        self._module, self._starting = module, starting
        self._note_beginnings(tree)
        for node in tree.body:
            self._look(node, _START, None)

    def _look(self, node, place, owner):
        """owner: the class whose body this is."""
        if isinstance(node, ast.ClassDef):
            self._class(node, place)
        elif isinstance(node, ast.FunctionDef):
            self._function(node, place, owner)
        elif isinstance(node, ast.Lambda):
            self._look(node.body, _LATE, None)
        elif isinstance(node, ast.Call):
            if isinstance(node.func, (ast.Name, ast.Attribute)):
                self._mention(node.func, place, True)
                if isinstance(node.func, ast.Attribute):
                    self._look_before_dot(node.func.value, place)
            else:
                self._look(node.func, place, None)
            for part in (*node.args, *node.keywords):
                self._look(part, place, None)
        elif isinstance(node, (ast.Name, ast.Attribute)):
            self._mention(node, place, False)
            if isinstance(node, ast.Attribute):
                self._look_before_dot(node.value, place)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            pass  # a docstring
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str) and self._module == _MADE_BY_NAME:
                self.mentions.append((node.value, _START, True))
            elif isinstance(node.value, str) and not _SENTENCE.search(node.value):
                self.said |= set(_WORDS.findall(node.value))
        elif isinstance(node, ast.ExceptHandler):
            # To catch one is not to make one.
            for part in node.body:
                self._look(part, place, None)
        else:
            for part in ast.iter_child_nodes(node):
                self._look(part, place, owner if isinstance(node, (ast.If, ast.Try)) else None)

    def _look_before_dot(self, node, place):
        """Who asks a class or a function for something that it has neither makes nor calls it."""
        if isinstance(node, (ast.Name, ast.Attribute)):
            self._mention(node, place, None)
            if isinstance(node, ast.Attribute):
                self._look_before_dot(node.value, place)
        else:
            self._look(node, place, None)

    def _note_beginnings(self, tree):
        for node in ast.walk(tree):
            if isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant):
                if isinstance(node.left.value, str):
                    self.beginnings.add(node.left.value.partition("%")[0])

    def _mention(self, node, place, called):
        name = node.id if isinstance(node, ast.Name) else node.attr
        name = self._aliases.get(name, name)
        if isinstance(node.ctx, ast.Load):
            self.mentions.append((name, place, called))

    def _class(self, node, place):
        names = [getattr(base, "id", getattr(base, "attr", None)) for base in node.bases]
        self.bases.setdefault(node.name, set()).update(self._aliases.get(n, n) for n in names)
        if place is not _START or node.decorator_list:
            self.late.add(node.name)
        for part in node.body:
            self._look(part, place, node.name)

    def _function(self, node, place, owner):
        for part in (*node.args.defaults, *node.args.kw_defaults, *node.decorator_list):
            if part is not None:
                self._look(part, place, None)
        inner = (owner, node.name)
        makes_later = any(isinstance(part, (ast.Yield, ast.YieldFrom)) for part in ast.walk(node))
        special = node.name.startswith("__") and node.name != "__init__"
        if self._starting is None and place == (None, _OFFER):
            self.late.add(node.name)
            inner = place
        elif place is not _START or node.decorator_list or makes_later or special:
            self.late.add(node.name)
            inner = _LATE
        elif self._starting is not None:
            inner = _START if node.name in self._starting else _LATE
        else:
            self.defined.append((self._module, owner, node.name))
        for part in node.body:
            self._look(part, inner, None)

    def nowhere(self):
        """Names of functions that nothing speaks of."""
        spoken = {name for name, *_ in self.mentions} | self._in_texts()
        return {f for _, _, f in self.defined} - spoken

    def _in_texts(self):
        return self.said | self.longer_names()

    def longer_names(self):
        """ "_do_" + name: what a text names may be called under a longer name."""
        return {
            function
            for _, _, function in self.defined
            for first in self.beginnings
            if function.startswith(first) and function[len(first) :] in self.said
        }

    def only_for_start(self):
        late = self.late | self._in_texts() | self.nowhere() | _OFFERED
        called = {name for name, _, is_call in self.mentions if is_call}
        for name in sorted(called & set(self.bases)):
            called |= self.bases[name]
        more = True
        while more:
            before = len(late)
            for name, place, is_call in self.mentions:
                if is_call is False or is_call and self._is_late(place, late):
                    late.add(name)
            for name, above in self.bases.items():
                if name in late:
                    late |= above - {None}
            more = len(late) > before
        reached = self._reached()
        return [
            (module, owner, function)
            for module, owner, function in self.defined
            if not self._is_late((owner, function), late)
            and (owner if function == "__init__" else function) in called & reached
        ]

    def _reached(self):
        """Names that a start calls; what nobody calls but itself is no part of it."""
        reached = set()
        more = True
        while more:
            before = len(reached)
            for name, place, is_call in self.mentions:
                if is_call and (place is _START or self._is_late(place, reached)):
                    reached.add(name)
            for name, above in self.bases.items():
                if name in reached:
                    reached |= above - {None}
            more = len(reached) > before
        return reached

    def _is_late(self, place, late):
        if place is _START or place is _LATE:
            return place is _LATE
        owner, function = place
        return (owner if function == "__init__" else function) in late
