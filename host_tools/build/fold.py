"""Puts the numbers of all modules in their places, so that the board keeps no names for them.

mpy-cross folds `const` within a file; most constants here are defined in one module and used in
others. What is a number once and for all, at the top of a module with an upper-case name, is
written into every place that uses it, and its definition goes. Arrays and tables of small numbers
become bytes.
"""

import ast

_CONST = "const"
# In a joined module a float left behind as a constant would take its name from all of it.
_NUMBERS = (int, float)


def folded(sources, fixed, keep_names=False):
    """{path: source text} of modules with their numbers in place.

    sources: {path: text}, a module's path being its name. fixed: texts that stay as they are; what
    they name keeps its definition. keep_names: every definition stays, for whoever looks on.
    """
    trees = {path: ast.parse(text, path) for path, text in sources.items()}
    modules = {module_of(path): tree for path, tree in trees.items()}
    numbers = _numbers(modules)
    for name, tree in modules.items():
        _Places(tree, name, numbers).fill()
    used = set()
    for tree in (*map(ast.parse, fixed), *modules.values()):
        used |= _asked_for(tree)
    for name, tree in modules.items():
        known = numbers[name]
        here = {node.id for node in ast.walk(tree) if _is_load(node)}
        for node in list(tree.body):
            target = _target(node)
            if target in known:
                if not keep_names and target not in used | here:
                    tree.body.remove(node)
                else:
                    node.value = _literal(known[target])
        _drop_const(tree)
        _pack(tree)
    return {path: ast.unparse(tree) + "\n" for path, tree in trees.items()}


def module_of(path):
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _target(node):
    """The name that a plain assignment at the top of a module gives, or None."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return None
    name = getattr(node.targets[0], "id", "")
    return name if name.isupper() else None


def _numbers(modules):
    """{module: {name: number}}: whatever can be worked out, from the modules it comes from on."""
    found = {name: {} for name in modules}
    bound = {name: _bindings(tree) for name, tree in modules.items()}
    more = True
    while more:
        more = False
        for name, tree in modules.items():
            for node in tree.body:
                target = _target(node)
                if target is None or target in found[name] or bound[name][target] != [target]:
                    continue
                number = _value(node.value, name, bound[name], found)
                if number is not None:
                    found[name][target] = number
                    more = True
    return found


def _bindings(tree):
    """{name: [what binds it]} in a module: (module, name) for an import, else its own name."""
    bound = {}

    def bind(name, what):
        # The same import in several functions is one binding.
        if not (isinstance(what, tuple) and what in bound.get(name, ())):
            bound.setdefault(name, []).append(what)

    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                bind(alias.asname or alias.name, (node.module, alias.name))
        elif isinstance(node, ast.Import):
            for alias in node.names:
                bind(alias.asname or alias.name.split(".")[0], alias.name)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bind(node.id, node.id)
        elif isinstance(node, ast.arg):
            bind(node.arg, node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bind(node.name, node.name)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bind(node.name, node.name)
    return bound


def _value(node, module, bound, found):
    """The number that an expression always has, or None."""
    if isinstance(node, ast.Call):
        if getattr(node.func, "id", None) != _CONST or len(node.args) != 1:
            return None
        return _value(node.args[0], module, bound, found)
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) in _NUMBERS else None
    if isinstance(node, (ast.Name, ast.Attribute)):
        return _named(node, module, bound, found)
    if isinstance(node, (ast.BinOp, ast.UnaryOp)):
        copy = _Worked(module, bound, found).visit(ast.parse(ast.unparse(node), mode="eval"))
        if any(not isinstance(part, _PLAIN) for part in ast.walk(copy)):
            return None
        number = eval(compile(ast.fix_missing_locations(copy), module, "eval"), {})
        return number if type(number) in _NUMBERS else None
    return None


_PLAIN = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.Constant, ast.operator, ast.unaryop)


class _Worked(ast.NodeTransformer):
    def __init__(self, module, bound, found):
        self._about = (module, bound, found)

    def visit_Name(self, node):
        number = _named(node, *self._about)
        return node if number is None else _literal(number)

    visit_Attribute = visit_Name


def _named(node, module, bound, found):
    """The number behind `NAME` or `module.NAME`, or None."""
    if isinstance(node, ast.Name):
        name, what = node.id, bound.get(node.id, [])
        if what == [name]:
            return found[module].get(name)
        if len(what) == 1 and isinstance(what[0], tuple):
            origin, name = what[0]
            return found.get(origin, {}).get(name)
        return None
    what = bound.get(getattr(node.value, "id", None), [])
    if len(what) != 1:
        return None
    origin = ".".join(what[0]) if isinstance(what[0], tuple) else what[0]
    return found.get(origin, {}).get(node.attr)


def _literal(number):
    return ast.parse(repr(number), mode="eval").body


class _Places(ast.NodeTransformer):
    """Fills the places of one module that use a number, and drops imports that brought it."""

    def __init__(self, tree, module, numbers):
        self._tree = tree
        self._about = (module, _bindings(tree), numbers)
        self._numbers = numbers

    def fill(self):
        before = self._loaded()
        self.visit(self._tree)
        ast.fix_missing_locations(self._tree)
        now = self._loaded()
        filled = before - now
        for node in list(ast.walk(self._tree)):
            for field in ("body", "orelse", "finalbody"):
                body = getattr(node, field, None)
                if body and isinstance(body, list):
                    self._drop_imports(body, filled, now)

    def _loaded(self):
        return {node.id for node in ast.walk(self._tree) if _is_load(node)}

    def _drop_imports(self, body, filled, used):
        for node in list(body):
            if not isinstance(node, ast.ImportFrom) or node.module is None:
                continue
            # A number that is in place; or a module that was there for its numbers.
            numbers = self._numbers.get(node.module, {})
            node.names = [
                alias
                for alias in node.names
                if (alias.asname or alias.name) not in filled
                and (alias.name not in numbers or alias.name in used)
            ]
            if not node.names:
                body.remove(node)
        if not body:
            body.append(ast.Pass())

    def visit_Name(self, node):
        if not isinstance(node.ctx, ast.Load):
            return node
        number = _named(node, *self._about)
        return node if number is None else _literal(number)

    def visit_BinOp(self, node):
        self.generic_visit(node)
        number = _value(node, *self._about)
        return node if number is None else _literal(number)

    def visit_Attribute(self, node):
        if isinstance(node.ctx, ast.Load):
            number = _named(node, *self._about)
            if number is not None:
                return _literal(number)
        return self.generic_visit(node)


def _is_load(node):
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)


def _asked_for(tree):
    """Every name that a module may want from another one."""
    words = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            words |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.add(node.value)
    return words


def _drop_const(tree):
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in list(tree.body):
        if isinstance(node, ast.ImportFrom) and node.module == "micropython":
            node.names = [alias for alias in node.names if alias.name != _CONST or _CONST in names]
            if not node.names:
                tree.body.remove(node)


# What an array of them has a byte order for, on every processor the same.
_FORMATS = {"B": (1, False), "H": (2, False), "h": (2, True), "I": (4, False), "i": (4, True)}
_ROWS = 8  # a tuple of at least so many equal rows is a table


def _pack(tree):
    """`array("H", (1, 2, ...))` from bytes; the rows of a table as bytes, which count the same."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "array":
            kind, values = (*node.args, None, None)[:2]
            numbers = _ints(values)
            if isinstance(kind, ast.Constant) and numbers and kind.value in _FORMATS:
                size, signed = _FORMATS[kind.value]
                data = b"".join(n.to_bytes(size, "little", signed=signed) for n in numbers)
                node.args[1] = ast.Constant(data)
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            rows = [_ints(row) for row in node.value.elts]
            small = all(row and max(row) < 256 and min(row) >= 0 for row in rows)
            if len(rows) >= _ROWS and small and len(set(map(len, rows))) == 1:
                node.value.elts = [ast.Constant(bytes(row)) for row in rows]


def _ints(node):
    """The numbers of a tuple or list of nothing else, or None."""
    if not isinstance(node, (ast.Tuple, ast.List)) or not node.elts:
        return None
    try:
        numbers = ast.literal_eval(node)
    except ValueError:
        return None
    return numbers if all(type(number) is int for number in numbers) else None
