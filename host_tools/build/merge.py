"""Puts modules together that stay on the board: one dictionary and one table of names for many.

A module of its own costs a board a hundred bytes and more beside its code. They are joined in the
order of their imports, so that none is run before what it needs; names at their tops that would
clash get others. Where a source on the board imports one by its name, a file of that name hands
on what is asked for.
"""

import ast
from string import ascii_lowercase

PACKAGE = "vigil"
MOST_NAMES = 127  # a name's place in a longer table takes two bytes of bytecode
_OWN = ("own",)


def merged(sources, fixed, apart=(), most_names=MOST_NAMES):
    """(texts, parts, handing on, where).

    texts: {path: text}; parts: {path of a joined module: paths of its parts}; handing on: paths
    that do nothing else; where: {(module, name at its top): (module, name) it has become}.
    fixed: texts that import modules by their own names. apart: dotted names of modules that stay
    as they are; so do those that are imported late or handled as objects.
    """
    modules = {}
    for path, text in sources.items():
        module = _Module(path, text)
        modules[module.name] = module
    alone = set(apart) & set(modules) | _not_to_be_joined(modules)
    order = [name for name in _in_order(modules) if name not in alone]
    asked = {name: words for name, words in _asked(fixed, modules).items() if name in order}
    for module in modules.values():
        module.settle(modules, order)
    groups = [
        _Group(whole, [modules[name] for name in names])
        for whole, names in zip(_names(modules), _cut(order, modules, most_names), strict=False)
    ]
    groups += [_Group(name, [modules[name]], is_own=True) for name in sorted(alone)]
    place = {module.name: group for group in groups for module in group.parts}
    texts, handing_on = {}, []
    for group in groups:
        texts[group.path] = _text(group.joined(place))
    for name, words in sorted(asked.items()):
        module, group = modules[name], place[name]
        finals = {word: group.final[module.origin(word, modules)] for word in sorted(words)}
        lines = [f"from {group.name} import {final} as {word}" for word, final in finals.items()]
        texts[module.path] = "\n".join(lines) + "\n"
        handing_on.append(module.path)
    handing_on += _hollow(modules, order, [*handing_on, *_paths(modules, apart)])
    parts = {
        group.path: [module.path for module in group.parts] for group in groups if not group.is_own
    }
    where = {
        what: (group.name, final)
        for group in groups
        for what, final in group.final.items()
        if len(what) == 2 and place.get(what[0]) is group
    }
    return dict(sorted(texts.items())), parts, handing_on, where


def _paths(modules, names):
    return [modules[name].path for name in names if name in modules]


def _hollow(modules, joined, handing_on):
    """Packages of which nothing is left but files that hand on, or are let go of."""
    left = {name for name in modules if name not in joined or modules[name].path in handing_on}
    return [
        module.path
        for name, module in modules.items()
        if name != PACKAGE
        and not module.tree.body
        and all(
            modules[other].path in handing_on for other in left if other.startswith(name + ".")
        )
    ]


def _text(tree):
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


class _Module:
    """places: [(node, field)] of all names at its top; bound: {such a name: what it stands for}.

    That is _OWN, (module,) or (module, name).
    """

    def __init__(self, path, text):
        self.path = path
        self.name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.tree = ast.parse(text, path)
        self.places = []
        self.inner = set()  # what some function or class calls something of its own
        self._find(self.tree, frozenset(), frozenset())
        self.bound = dict(_imported(self.tree.body))
        for node, field in self.places:
            if field == "name" or isinstance(node.ctx, ast.Store):
                self.bound[getattr(node, field)] = _OWN

    def origin(self, name, modules):
        """(module, name) where a name is made, or (module,)."""
        what = self.bound[name]
        if what is _OWN:
            return self.name, name
        if ".".join(what) in modules:
            return (".".join(what),)
        if len(what) == 2 and what[1] in getattr(modules.get(what[0]), "bound", ()):
            return modules[what[0]].origin(what[1], modules)
        return what

    def settle(self, modules, joined):
        """Places get the origin, None for a builtin; `module.name` becomes a single name."""
        parents = {
            id(node.value): node for node in ast.walk(self.tree) if isinstance(node, ast.Attribute)
        }
        places = []
        for node, field in self.places:
            name = getattr(node, field)
            what = self.origin(name, modules) if name in self.bound else None
            by_module = False
            if what and what[0] in joined and len(what) == 1:
                above = parents[id(node)]
                what = modules[what[0]].origin(above.attr, modules)
                _become(above, ast.Name(above.attr, ast.Load()))
                node, by_module = above, True
            places.append((node, field, what, by_module))
        used = {what for _, _, what, _ in places}
        for name in self.bound:
            what = self.origin(name, modules)
            if what not in used and what[0] not in joined:
                # Imported for nothing but being run.
                places.append((ast.Name(name, ast.Load()), "id", what, False))
        self.places = places

    def needs(self, modules):
        """Modules of ours that are loaded before it."""
        found = {self.origin(name, modules)[0] for name in self.bound}
        found |= {what[0] for what in self.bound.values()}
        return sorted(found & set(modules) - {self.name})

    def _find(self, node, outer, here):
        """outer: what is not at the top in functions below; here: what is not in this place."""
        self.inner |= here
        if isinstance(node, ast.Name):
            if node.id not in here:
                self.places.append((node, "id"))
        elif isinstance(node, (ast.FunctionDef, ast.Lambda)):
            for part in (*node.args.defaults, *node.args.kw_defaults):
                if part is not None:
                    self._find(part, outer, here)
            if isinstance(node, ast.FunctionDef):
                for part in node.decorator_list:
                    self._find(part, outer, here)
                self._note(node, here)
            inner = outer | _locals_of(node)
            for part in node.body if isinstance(node.body, list) else [node.body]:
                self._find(part, inner, inner)
        elif isinstance(node, ast.ClassDef):
            for part in (*node.bases, *node.keywords, *node.decorator_list):
                self._find(part, outer, here)
            self._note(node, here)
            for part in node.body:
                self._find(part, outer, outer | _stored(node.body))
        elif isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            inner = here | _stored([one.target for one in node.generators])
            self._find_below(node, inner, inner)
        else:
            self._find_below(node, outer, here)

    def _find_below(self, node, outer, here):
        for part in ast.iter_child_nodes(node):
            self._find(part, outer, here)

    def _note(self, node, here):
        if node.name not in here:
            self.places.append((node, "name"))


def _stored(nodes):
    """Names that statements give in their own scope."""
    names = set()
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias for alias, _ in _imported([node])}
        elif not isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.GeneratorExp)):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                names.add(node.id)
            elif isinstance(node, ast.ExceptHandler) and node.name:
                names.add(node.name)
            names |= _stored(ast.iter_child_nodes(node))
    return names


def _locals_of(function):
    arguments = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
    if isinstance(function, ast.Lambda):
        return arguments
    from_above = {
        name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names
    }
    return (arguments | _stored(function.body)) - from_above


def _imported(body):
    """(name, what it stands for) of the import statements of a body."""
    for node in body:
        if isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, (node.module, alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.split(".")[0], (alias.name,)


def _become(node, other):
    """The node itself turns into the other one, wherever it hangs."""
    node.__class__ = other.__class__
    node.__dict__.clear()
    node.__dict__.update(other.__dict__)


def _not_to_be_joined(modules):
    """Packages, and what some module imports late, or uses otherwise than by `module.name`."""
    found = {name for name, module in modules.items() if module.path.endswith("__init__.py")}
    for module in modules.values():
        at_top = {id(node) for node in module.tree.body}
        read = set()
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                read.add(id(node.value))
            elif isinstance(node, ast.Global):
                found.add(module.name)
            elif isinstance(node, ast.Import) or (
                isinstance(node, ast.ImportFrom) and id(node) not in at_top
            ):
                found |= {
                    part for _, what in _imported([node]) for part in (what[0], ".".join(what))
                }
        for node, field in module.places:
            name = getattr(node, field)
            if name in module.bound and id(node) not in read:
                what = module.origin(name, modules)
                found |= set(what) if len(what) == 1 else set()
    return found & set(modules)


def _in_order(modules):
    """Each after what it needs; as far as the circles let it."""
    order = []

    def visit(name, above):
        if name in order or name in above:
            return
        for other in modules[name].needs(modules):
            visit(other, (*above, name))
        order.append(name)

    for name in sorted(modules):
        visit(name, ())
    return order


def _cut(order, modules, most_names):
    """Neighbours, as long as their common table of names stays short."""
    found, names = [], set()
    for name in order:
        own = _table_of(modules[name].tree)
        if not found or len(names | own) > most_names:
            found.append([])
            names = set()
        found[-1].append(name)
        names |= own
    return found


def _table_of(tree):
    """About the names that a module's table holds."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.arg, ast.keyword)):
            names.add(node.arg)
    return names


def _asked(texts, modules):
    """{module: what texts import from it}, from modules of ours."""
    asked = {}
    for text in texts:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module in modules:
                words = {alias.name for alias in node.names}
                asked.setdefault(node.module, set()).update(
                    words & set(modules[node.module].bound)
                )
            for _, what in _imported([node]):
                if ".".join(what) in modules:
                    whole = modules[".".join(what)]
                    asked.setdefault(whole.name, set()).update(
                        name for name, kind in whole.bound.items() if kind is _OWN
                    )
    return asked


def _names(modules):
    """Of joined modules: short ones that no module has."""
    for last in _short_names(""):
        if f"{PACKAGE}.{last}" not in modules:
            yield f"{PACKAGE}.{last}"


def _short_names(before):
    for first in ("", *ascii_lowercase):
        for last in ascii_lowercase:
            yield f"{before}{first}{last}"


class _Group:
    """Modules that become one; is_own: a single one that keeps its name and those at its top."""

    def __init__(self, name, parts, is_own=False):
        self.name = name
        self.path = parts[0].path if is_own else name.replace(".", "/") + ".py"
        self.parts = parts
        self.is_own = is_own
        self.final = self._named()

    def _named(self):
        """{origin: name in the joined module}."""
        taken = set()
        users = {}  # {origin: [(name, module, whether it is one of its own places)]}
        for module in self.parts:
            for node, field, what, by_module in module.places:
                name = getattr(node, field)
                if what is None:
                    taken.add(name)
                else:
                    users.setdefault(what, []).append((name, module, not by_module))
        final = {}
        # Names that others may know come first.
        for what in sorted(users, key=lambda what: what[0] != self.name):
            names = {}
            for name, module, known in users[what]:
                names.setdefault(name, set()).update([module] if known else ())
            using = {module for _, module, _ in users[what]}
            for name in (*sorted(names, key=lambda name: name != what[-1]), *_short_names("_")):
                # Not what a function of these modules calls something of its own.
                free = all(name not in module.inner for module in using - names.get(name, set()))
                if free and name not in taken:
                    break
            final[what] = name
            taken.add(name)
        return final

    def joined(self, place):
        body, there = [], set()
        for module in self.parts:
            for node, field, what, _ in module.places:
                if what is None:
                    continue
                setattr(node, field, self.final[what])
                if what not in there and place.get(what[0]) is not self:
                    body.append(_import(what, self.final[what], place))
                there.add(what)
            body += [
                node
                for node in module.tree.body
                if not isinstance(node, (ast.Import, ast.ImportFrom))
            ]
        return ast.Module(body, [])


def _import(what, name, place):
    """The statement that brings what lies elsewhere."""
    if len(what) == 1:
        package, _, last = what[0].rpartition(".")
        alias = [ast.alias(last or what[0], name if name != (last or what[0]) else None)]
        return ast.ImportFrom(package, alias, 0) if package else ast.Import(alias)
    group = place.get(what[0])
    source, known = (group.name, group.final[what]) if group and what in group.final else what
    return ast.ImportFrom(source, [ast.alias(known, name if name != known else None)], 0)
