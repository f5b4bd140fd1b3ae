"""Rules that viper kernels and board code must obey and that no compiler checks."""

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
