"""Never upload to a board. Turns the source of a viper kernel into plain Python on plain integers
that computes what a 32-bit board computes. CPython only.

Every expression carries its viper type and the interval its value can lie in, so that a wrap to 32
bits or a check is written only where the interval asks for one."""

import ast

from host_tools.mock.viper_arithmetic import (
    INT_HIGH,
    INT_LOW,
    LITERAL_HIGH,
    RANGES,
    Arithmetic,
    Value,
    literal,
)
from host_tools.mock.viper_memory import ViperError

WIDTHS = {"ptr8": 1, "ptr16": 2, "ptr32": 4}
_LOADED = {"ptr8": (0, 255), "ptr16": (0, 65535), "ptr32": (INT_LOW, INT_HIGH)}
_TWO_POWER = {1: 0, 2: 1, 4: 2}
_COMPARISONS = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


class Compiler(Arithmetic):
    """One kernel's ast.FunctionDef; `constants` is its module's namespace at decoration time."""

    def __init__(self, definition, constants, strict):
        self.definition = definition
        self.constants = constants
        self.strict = strict
        self.name = definition.name
        self.parameters = [(a.arg, a.annotation.id) for a in definition.args.args]
        self.returns = definition.returns.id
        stored = {
            n.id
            for n in ast.walk(definition)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        self.locals = stored | {a for a, _ in self.parameters}
        self.fixed_pointers = {a for a, _ in self.parameters} - stored
        self.ranges = {}
        for name, kind in self.parameters:
            if kind in RANGES:
                self.ranges[name] = RANGES[kind] + (0,)

    def compile(self):
        """Lines of (text, line number in the kernel's source): the body, indented by two steps."""
        for turn in range(100):
            before = dict(self.ranges)
            self.lines = []
            self.kinds = dict(self.parameters)
            self.widen = turn > 2
            self._block(self.definition.body, 3)
            if self.ranges == before:
                return self.lines
        raise ViperError(f"{self.name}: intervals do not settle")

    def refuse(self, node, why):
        raise ViperError(f"{self.name}, line {node.lineno}: {why}")

    # Statements

    def _block(self, statements, depth):
        for statement in statements:
            method = getattr(self, "_do_" + type(statement).__name__.lower(), None)
            if method is None:
                self.refuse(statement, f"{type(statement).__name__} does not belong in a kernel")
            method(statement, depth)

    def _write(self, node, depth, text):
        self.lines.append(("    " * depth + text, node.lineno))

    def _do_pass(self, node, depth):
        self._write(node, depth, "pass")

    def _do_break(self, node, depth):
        self._write(node, depth, "break")

    def _do_continue(self, node, depth):
        self._write(node, depth, "continue")

    def _do_expr(self, node, depth):
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            self._write(node, depth, "pass")
        elif isinstance(node.value, ast.Call):
            self._write(node, depth, self._call_kernel(node.value))
        else:
            self._write(node, depth, self.value(node.value).text)

    def _do_return(self, node, depth):
        if node.value is None:
            self.refuse(node, "return needs a value")
        value = self.value(node.value)
        if value.kind != self.returns:
            self.refuse(node, f"return expected '{self.returns}' but got '{value.kind}'")
        text = self.exact(value)
        if self.strict and not -LITERAL_HIGH - 1 <= value.low <= value.high <= LITERAL_HIGH:
            text = f"h__small({text})"
        self._write(node, depth, f"return {text}")

    def _do_if(self, node, depth):
        self._write(node, depth, f"if {self.condition(node.test)}:")
        self._block(node.body, depth + 1)
        if node.orelse:
            self._write(node.orelse[0], depth, "else:")
            self._block(node.orelse, depth + 1)

    def _do_while(self, node, depth):
        self._write(node, depth, f"while {self.condition(node.test)}:")
        self._block(node.body, depth + 1)
        if node.orelse:
            self._write(node.orelse[0], depth, "else:")
            self._block(node.orelse, depth + 1)

    def _do_for(self, node, depth):
        call = node.iter
        if not (isinstance(call, ast.Call) and getattr(call.func, "id", "") == "range"):
            self.refuse(node, "a kernel counts with range() only")
        if not isinstance(node.target, ast.Name) or not 1 <= len(call.args) <= 3:
            self.refuse(node, "for NAME in range(...) only")
        bounds = [self.integer(argument) for argument in call.args]
        step = bounds[2] if len(bounds) == 3 else literal(1)
        start = bounds[0] if len(bounds) > 1 else literal(0)
        stop = bounds[1] if len(bounds) > 1 else bounds[0]
        if not step.known or step.low == 0:
            self.refuse(node, "the step of range() must be a constant other than 0")
        texts = ", ".join(bound.text for bound in bounds)
        counter = f"h__range({texts})"
        if not INT_LOW <= stop.low + step.low <= stop.high + step.low <= INT_HIGH:
            if abs(step.low) != 1:
                counter = f"h__turns({texts})"
        if step.low > 0:
            low, high = start.low, max(start.low, stop.high - 1)
        else:
            low, high = min(start.high, stop.low + 1), start.high
        low, high = max(low, INT_LOW), min(high, INT_HIGH)
        zeros = min(start.zeros, step.zeros)
        self._bind(node, node.target.id, Value("", "int", low, high, zeros))
        self._write(node, depth, f"for {node.target.id} in {counter}:")
        self._block(node.body, depth + 1)
        if node.orelse:
            self._write(node.orelse[0], depth, "else:")
            self._block(node.orelse, depth + 1)

    def _do_assign(self, node, depth):
        if len(node.targets) > 1:
            self.refuse(node, "one assignment at a time")
        target = node.targets[0]
        if isinstance(target, ast.Subscript):
            value = self.value(node.value)
            self._store(node, depth, target, value)
        elif isinstance(target, ast.Name):
            if self._is_pointer(node.value):
                self._assign_pointer(node, depth, target.id)
            else:
                value = self.value(node.value)
                text = self.exact(value)
                self._bind(node, target.id, value)
                self._write(node, depth, f"{target.id} = {text}")
        else:
            self.refuse(node, "one assignment at a time")

    def _do_augassign(self, node, depth):
        target = node.target
        if isinstance(target, ast.Name):
            old = self._name(target)
            value = self._binary(node, old, node.op, self.value(node.value))
            text = self.exact(value)
            self._bind(node, target.id, value)
            self._write(node, depth, f"{target.id} = {text}")
            return
        index = self.integer(target.slice)
        if not index.simple:
            self._write(node, depth, f"t__i = {index.text}")
            index = Value("t__i", "int", index.low, index.high)
        item, old = self._load(target, index)
        value = self._binary(node, old, node.op, self.value(node.value))
        self._write(node, depth, f"{item} = {self._stored(node, target.value.id, value)}")

    def _store(self, node, depth, target, value):
        item, _ = self._load(target, self.integer(target.slice, exact=False))
        self._write(node, depth, f"{item} = {self._stored(node, target.value.id, value)}")

    def _stored(self, node, pointer, value):
        """What remains of a value in an item of that width."""
        if value.kind not in RANGES:
            self.refuse(node, f"can't store '{value.kind}'")
        width = WIDTHS[self.kinds[pointer]]
        if value.kind == "bool":
            return f"(1 if {value.text} else 0)"
        if width == 4:
            return self.exact(Value(value.text, "int", value.low, value.high))
        mask = (1 << 8 * width) - 1
        if 0 <= value.low and value.high <= mask:
            return value.text
        return f"{value.text} & {mask}"

    def _fix_type(self, node, name, kind):
        first = self.kinds.setdefault(name, kind)
        if first != kind:
            self.refuse(node, f"local '{name}' has type '{first}' but source is '{kind}'")
        return kind

    def _bind(self, node, name, value):
        """The first assignment fixes a local's type; all of them together its interval."""
        kind = self._fix_type(node, name, value.kind)
        low, high, zeros = value.low, value.high, value.zeros
        least, most = RANGES[kind]
        if low < least or high > most:
            low, high, zeros = least, most, min(zeros, 31)
        old = self.ranges.get(name)
        if old is not None:
            if self.widen:
                low = least if low < old[0] else low
                high = most if high > old[1] else high
            low, high, zeros = min(low, old[0]), max(high, old[1]), min(zeros, old[2])
        self.ranges[name] = (low, high, zeros)

    # Pointers: v__p is a view, o__p the index of the item pointed at, b__p the address of v__p[0].

    def _is_pointer(self, node):
        if isinstance(node, ast.Name):
            return self.kinds.get(node.id) in WIDTHS
        return isinstance(node, ast.Call) and getattr(node.func, "id", "") in WIDTHS

    def _offset(self, name):
        return "" if name in self.fixed_pointers else f"o__{name}"

    def _assign_pointer(self, node, depth, name):
        source = node.value
        kind = self.kinds[source.id] if isinstance(source, ast.Name) else source.func.id
        width = WIDTHS[kind]
        self._fix_type(node, name, kind)
        origin, terms = self._pointer_sum(source, kind)
        if origin is None:
            address = self._address(source)
            text = f"v__{name}, o__{name}, b__{name} = h__point({address}, {width})"
            self._write(node, depth, text)
            return
        index = self._offset(origin) or "0"
        for sign, term in terms:
            offset = self.integer(term)
            if offset.known and offset.low % width == 0:
                index += f" {sign} {literal(offset.low // width).text}"
            elif offset.zeros >= _TWO_POWER[width]:
                index += f" {sign} ({offset.text} >> {_TWO_POWER[width]})"
            else:
                index += f" {sign} h__whole({offset.text}, {width})"
        if origin != name:
            self._write(node, depth, f"v__{name} = v__{origin}")
            self._write(node, depth, f"b__{name} = b__{origin}")
        self._write(node, depth, f"o__{name} = {index}")

    def _pointer_sum(self, source, kind):
        """q, or ptrN(int(q) + a - b) with q of the same type: (q, [(sign, a), ...]); else no q."""
        if isinstance(source, ast.Name):
            return source.id, []
        if len(source.args) != 1:
            self.refuse(source, f"{kind}() takes one argument")
        node = source.args[0]
        terms = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
            terms.insert(0, ("+" if isinstance(node.op, ast.Add) else "-", node.right))
            node = node.left
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "int":
            inner = node.args[0] if len(node.args) == 1 else None
            if isinstance(inner, ast.Name) and self.kinds.get(inner.id) == kind:
                return inner.id, terms
        return None, None

    def _address(self, node):
        """Text of the address that a pointer expression stands for."""
        if isinstance(node, ast.Name):
            offset = self._offset(node.id)
            if not offset:
                return f"b__{node.id}"
            return f"(b__{node.id} + {offset} * {WIDTHS[self.kinds[node.id]]})"
        if len(node.args) != 1:
            self.refuse(node, f"{node.func.id}() takes one argument")
        if self._is_pointer(node.args[0]):
            return self._address(node.args[0])
        return self.integer(node.args[0]).text

    def _load(self, node, index):
        """(text of the item, Value read from it) for p[index]."""
        if not isinstance(node.value, ast.Name):
            self.refuse(node, "give the pointer a name before indexing it")
        name = node.value.id
        kind = self.kinds.get(name)
        if kind not in WIDTHS:
            self.refuse(node, f"'{name}' is no pointer here")
        offset = self._offset(name)
        place = index.text
        low = index.low
        if offset:
            place = offset if index.known and index.low == 0 else f"{offset} + {index.text}"
            low = -1
        if low < 0:
            if place.isidentifier():
                place = f"{place} if {place} >= 0 else h__below({place})"
            else:
                place = f"t__ if (t__ := {place}) >= 0 else h__below(t__)"
        text = f"v__{name}[{place}]"
        return text, Value(text, "int", *_LOADED[kind])

    # Expressions

    def value(self, node):
        method = getattr(self, "_of_" + type(node).__name__.lower(), None)
        if method is None:
            self.refuse(node, f"{type(node).__name__} does not belong in a kernel")
        return method(node)

    def integer(self, node, exact=True):
        value = self.value(node)
        if value.kind != "int":
            self.refuse(node, f"needs an 'int', not '{value.kind}'")
        if exact:
            value.text = self.exact(value)
            if not INT_LOW <= value.low <= value.high <= INT_HIGH:
                value.low, value.high = INT_LOW, INT_HIGH
        return value

    def condition(self, node):
        """Text with the truth of an expression."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return f"(not {self.condition(node.operand)})"
        if isinstance(node, ast.BoolOp):
            word = " and " if isinstance(node.op, ast.And) else " or "
            return "(" + word.join(self.condition(v) for v in node.values) + ")"
        if isinstance(node, ast.Compare):
            return self._of_compare(node).text
        return self.exact(self.value(node))

    def _of_constant(self, node):
        number = node.value
        if number is True or number is False:
            return Value(str(number), "bool", int(number), int(number))
        if type(number) is not int:
            self.refuse(node, f"{number!r} does not belong in a kernel")
        if number > LITERAL_HIGH:
            self.refuse(node, f"{number:#x} is above 0x3fffffff: an object on a 32-bit board")
        return literal(number)

    def _of_name(self, node):
        if node.id not in self.locals:
            number = self.constants.get(node.id)
            if type(number) is not int:
                self.refuse(node, f"'{node.id}' is neither a local nor an integer constant")
            if not -LITERAL_HIGH - 1 <= number <= LITERAL_HIGH:
                self.refuse(node, f"constant '{node.id}' is an object on a 32-bit board")
            return literal(number)
        return self._name(node)

    def _name(self, node):
        kind = self.kinds.get(node.id)
        if kind is None:
            self.refuse(node, f"local '{node.id}' used before type known")
        if kind in WIDTHS:
            self.refuse(node, f"a {kind} takes no part in arithmetic: use int({node.id})")
        return Value(node.id, kind, *self.ranges[node.id])

    def _of_unaryop(self, node):
        inner = node.operand
        if not (isinstance(inner, ast.Constant) and type(inner.value) is int):
            self.refuse(node, "unary - and ~ overwrite their operand: write 0 - x, x ^ -1")
        number = inner.value
        if isinstance(node.op, ast.USub):
            number = -number
        elif isinstance(node.op, ast.Invert):
            number = ~number
        else:
            self.refuse(node, "use int(x == 0)")
        if not -LITERAL_HIGH - 1 <= number <= LITERAL_HIGH:
            self.refuse(node, f"{number} is an object on a 32-bit board")
        return literal(number)

    def _of_binop(self, node):
        return self._binary(node, self.value(node.left), node.op, self.value(node.right))

    def _of_subscript(self, node):
        return self._load(node, self.integer(node.slice, exact=False))[1]

    def _of_compare(self, node):
        values = [self.value(item) for item in [node.left, *node.comparators]]
        for value in values:
            if value.kind != values[0].kind or value.kind == "bool":
                kinds = f"'{values[0].kind}' and '{value.kind}'"
                self.refuse(node, f"comparison of {kinds}")
        text = self.exact(values[0])
        for operator, value in zip(node.ops, values[1:], strict=True):
            sign = _COMPARISONS.get(type(operator))
            if sign is None:
                self.refuse(node, f"{type(operator).__name__} does not belong in a kernel")
            text += f" {sign} {self.exact(value)}"
        return Value(f"({text})", "bool", 0, 1)

    def _of_boolop(self, node):
        values = [self._settled(self.value(item)) for item in node.values]
        if any(value.kind != values[0].kind for value in values):
            self.refuse(node, "and / or between different types")
        word = " and " if isinstance(node.op, ast.And) else " or "
        return self._either("(" + word.join(v.text for v in values) + ")", values)

    def _of_ifexp(self, node):
        test = self.condition(node.test)
        values = [self._settled(self.value(item)) for item in (node.body, node.orelse)]
        if values[0].kind != values[1].kind:
            self.refuse(node, "both results of a choice need the same type")
        return self._either(f"({values[0].text} if {test} else {values[1].text})", values)

    def _either(self, text, values):
        low = min(value.low for value in values)
        high = max(value.high for value in values)
        return Value(text, values[0].kind, low, high, min(value.zeros for value in values))

    def _of_namedexpr(self, node):
        value = self._settled(self.value(node.value))
        self._bind(node, node.target.id, value)
        return Value(f"({node.target.id} := {value.text})", value.kind, value.low, value.high)

    def _of_call(self, node):
        name = getattr(node.func, "id", None)
        if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            self.refuse(node, "positional arguments only")
        if name not in ("int", "uint"):
            self.refuse(node, f"a call gives an object: wrap it, int({name or '...'}(...))")
        if len(node.args) != 1:
            self.refuse(node, f"{name}() takes one argument")
        inner = node.args[0]
        if isinstance(inner, ast.Call) and getattr(inner.func, "id", "") not in (
            "int",
            "uint",
            *WIDTHS,
        ):
            if name == "uint":
                self.refuse(node, "take a kernel's result with int()")
            return Value(self._call_kernel(inner), "int", INT_LOW, INT_HIGH)
        if self._is_pointer(inner):
            width = WIDTHS[self.kinds[inner.id] if isinstance(inner, ast.Name) else inner.func.id]
            value = Value(self._address(inner), "int", 0, LITERAL_HIGH, _TWO_POWER[width])
        else:
            value = self.value(inner)
        if value.kind == "bool":
            return Value(f"(1 if {value.text} else 0)", name, 0, 1)
        result = Value(value.text, name, value.low, value.high, value.zeros)
        return result if value.kind == name else self._settled(result)

    def _call_kernel(self, node):
        """Text of g(a, p): checked to be a kernel and to give an integer."""
        name = getattr(node.func, "id", None)
        if name is None or name in self.locals:
            self.refuse(node, "a kernel calls kernels only")
        if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            self.refuse(node, "positional arguments only")
        arguments = []
        for argument in node.args:
            if self._is_pointer(argument):
                arguments.append(f"h__Address({self._address(argument)})")
            else:
                arguments.append(self.integer(argument).text)
        return f"h__kernel({name})({', '.join(arguments)})"
