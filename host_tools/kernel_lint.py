"""Rules for viper kernels that no compiler checks: what viper gets wrong in silence on some board,
and the house rules that keep kernels equal on every processor. See also board_lint."""

import ast

_TYPES = ("int", "uint", "ptr8", "ptr16", "ptr32")
_LITERAL_HIGH = 0x3FFFFFFF
_FORBIDDEN = {
    ast.AsyncFunctionDef: "no async",
    ast.Await: "no await",
    ast.Yield: "no yield",
    ast.YieldFrom: "no yield",
    ast.Lambda: "no lambda",
    ast.ListComp: "no comprehension",
    ast.GeneratorExp: "no comprehension",
    ast.Try: "no try",
    ast.With: "no with",
    ast.Global: "no global",
    ast.Nonlocal: "no nonlocal",
    ast.Raise: "no raise",
    ast.Div: "no /: the result is a float object",
    ast.Pow: "no **",
    ast.MatMult: "no @",
    ast.Import: "no import",
    ast.ImportFrom: "no import",
}


def viper_problems(definition):
    """[(line, problem)] of one kernel: what viper miscompiles, ignores or refuses on a board."""
    if isinstance(definition, ast.AsyncFunctionDef):
        return [(definition.lineno, "no async: it crashes when called")]
    problems = _signature_problems(definition)
    allowed_not = _negated_conditions(definition)
    for statement in definition.body:
        for node in ast.walk(statement):
            problem = _FORBIDDEN.get(type(node)) or _node_problem(node, allowed_not)
            if problem:
                problems.append((getattr(node, "lineno", definition.lineno), problem))
    return problems


def _signature_problems(definition):
    line = definition.lineno
    arguments = definition.args
    problems = []
    if arguments.defaults or any(arguments.kw_defaults):
        problems.append((line, "no default arguments: viper ignores them"))
    if arguments.kwonlyargs:
        problems.append((line, "no keyword-only arguments: viper reads garbage"))
    if arguments.vararg or arguments.kwarg:
        problems.append((line, "no *args or **kwargs"))
    if arguments.posonlyargs:
        problems.append((line, "no positional-only marker: MicroPython has none"))
    for argument in arguments.args:
        if not isinstance(argument.annotation, ast.Name) or argument.annotation.id not in _TYPES:
            problems.append((line, f"argument '{argument.arg}' needs int or ptr8/ptr16/ptr32"))
    returns = definition.returns
    if not isinstance(returns, ast.Name) or returns.id not in ("int", "uint"):
        problems.append((line, "the result must be annotated: -> int"))
    last = definition.body[-1]
    if not isinstance(last, ast.Return) or last.value is None:
        problems.append((last.lineno, "the last statement must return a value"))
    return problems


def _node_problem(node, allowed_not):
    if isinstance(node, ast.FunctionDef):
        return "no function inside a kernel"
    if isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Not):
            return None if node in allowed_not else "`not x` is no value: use int(x == 0)"
        if not isinstance(node.operand, ast.Constant):
            return "unary - and ~ overwrite their operand: write 0 - x, x ^ -1"
    if isinstance(node, ast.Constant) and type(node.value) is int and node.value > _LITERAL_HIGH:
        return f"{node.value:#x} is above 0x3fffffff: an object on a 32-bit board"
    if isinstance(node, ast.Call) and node.keywords:
        return "no keyword arguments in a call"
    if isinstance(node, ast.Return) and node.value is None:
        return "return needs a value"
    return None


def _negated_conditions(definition):
    """The `not` nodes that only steer a branch."""
    found = set()

    def look(node):
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            found.add(node)
            look(node.operand)
        elif isinstance(node, ast.BoolOp):
            for value in node.values:
                look(value)

    for node in ast.walk(definition):
        if isinstance(node, (ast.If, ast.While, ast.IfExp)):
            look(node.test)
    return found


# House rules: kernels.py holds kernels and their constants, nothing else.


def kernels_file_problems(source):
    """[(line, problem)] of the text of kernels.py."""
    tree = ast.parse(source)
    kernels = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    constants = {}
    problems = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if [ast.unparse(d) for d in node.decorator_list] != ["micropython.viper"]:
                problems.append((node.lineno, f"'{node.name}' is not decorated micropython.viper"))
            problems += kernel_problems(node, kernels, constants)
        elif _is_constant(node):
            value = _folded(node.value.args[0], constants)
            if value is None:
                problems.append((node.lineno, "a constant is an integer known at compile time"))
            elif not -_LITERAL_HIGH - 1 <= value <= _LITERAL_HIGH:
                problems.append((node.lineno, f"constant {value:#x} is an object on a board"))
            constants[node.targets[0].id] = value
        elif not _is_harmless(node):
            problems.append((node.lineno, "kernels.py holds kernels and const() names only"))
    return problems


def kernel_problems(definition, kernels, constants):
    """Every rule for one kernel: given its module's kernels and the constants above it."""
    problems = viper_problems(definition)
    if isinstance(definition, ast.AsyncFunctionDef):
        return problems
    arguments = definition.args.args
    for place in [argument.annotation for argument in arguments] + [definition.returns]:
        if isinstance(place, ast.Name) and place.id == "uint":
            problems.append(
                (definition.lineno, "no uint: comparing and dividing it do not compile")
            )
    local = {argument.arg for argument in arguments}
    body = [node for statement in definition.body for node in ast.walk(statement)]
    local |= {n.id for n in body if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    cast = {id(n.args[0]) for n in body if _calls(n, "int") and len(n.args) == 1}
    for node in body:
        problem = None
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if node.id not in local and node.id not in constants:
                if (
                    node.id not in ("int", "range", "ptr8", "ptr16", "ptr32")
                    and node.id not in kernels
                ):
                    problem = f"'{node.id}' is no local, const() name above, or kernel"
        elif isinstance(node, ast.Call):
            problem = _call_problem(node, kernels, id(node) in cast)
        elif isinstance(node, (ast.BinOp, ast.AugAssign)):
            problem = _operation_problem(node, constants)
        if problem:
            problems.append((node.lineno, problem))
    return problems


def _calls(node, name):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _call_problem(node, kernels, is_cast):
    name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
    if name in ("int", "range", "ptr8", "ptr16", "ptr32"):
        return None
    if name not in kernels:
        return f"a kernel may not call {name}()"
    return None if is_cast else f"a kernel's result is an object: int({name}(...))"


def _operation_problem(node, constants):
    if isinstance(node.op, (ast.FloorDiv, ast.Mod)):
        divisor = _folded(node.right if isinstance(node, ast.BinOp) else node.value, constants)
        if not divisor:
            return "divide by a constant other than 0 only"
    if isinstance(node, ast.BinOp):
        value = _folded(node, constants)
        if value is not None and not -_LITERAL_HIGH - 1 <= value <= _LITERAL_HIGH:
            return f"folds to {value:#x}: an object on a 32-bit board"
    return None


def _is_constant(node):
    return (
        isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and _calls(node.value, "const")
        and len(node.value.args) == 1
    )


def _is_harmless(node):
    if isinstance(node, ast.Import):
        return all(alias.name == "micropython" for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return node.module == "micropython"
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


_FOLD = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.LShift: lambda a, b: a << b if 0 <= b < 64 else None,
    ast.RShift: lambda a, b: a >> b if b >= 0 else None,
    ast.BitAnd: lambda a, b: a & b,
    ast.BitOr: lambda a, b: a | b,
    ast.BitXor: lambda a, b: a ^ b,
    ast.FloorDiv: lambda a, b: a // b if b else None,
    ast.Mod: lambda a, b: a % b if b else None,
    ast.USub: lambda a: 0 - a,
    ast.Invert: lambda a: ~a,
}


def _folded(node, constants):
    """The integer that the board's compiler makes of an expression of constants, or None."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    parts = []
    if isinstance(node, ast.BinOp):
        parts = [_folded(node.left, constants), _folded(node.right, constants)]
    elif isinstance(node, ast.UnaryOp):
        parts = [_folded(node.operand, constants)]
    fold = _FOLD.get(type(getattr(node, "op", None)))
    return fold(*parts) if fold and parts and None not in parts else None
