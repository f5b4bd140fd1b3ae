"""Random viper kernels with values inside +-2**29, where 64-bit and 32-bit machines agree."""

import random

BOUND = 1 << 29
ITEMS = 16
ARGUMENT = 1000


class Program:
    """One kernel: its `text` and the arguments of a few `calls`."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.name = f"kernel_{seed}"
        self.ranges = {name: (-ARGUMENT, ARGUMENT) for name in ("a", "b", "c")}
        self.lines = []
        self.count = 0
        for _ in range(self.random.randrange(3, 12)):
            self.statement("    ")
        result, _ = self.expression(3)
        head = f"def {self.name}(p: ptr8, q: ptr16, r: ptr32, a: int, b: int, c: int) -> int:"
        body = [*self.lines, f"    return {result}"]
        self.text = "\n".join(["@micropython.viper", head, *body]) + "\n"
        self.calls = [self.arguments() for _ in range(3)]

    def arguments(self):
        """Items of the buffers, then integers. ptr32 items are positive: x64 loads lack signs."""
        draw = self.random.randrange
        p = [draw(256) for _ in range(ITEMS)]
        q = [draw(65536) for _ in range(ITEMS)]
        r = [draw(1 << 24) for _ in range(ITEMS)]
        return p, q, r, *(self.random.choice((0, 1, draw(-ARGUMENT, ARGUMENT))) for _ in range(3))

    # Statements

    def statement(self, indent):
        kind = self.random.choice(("new", "new", "store", "change", "if", "for", "while", "move"))
        getattr(self, "do_" + kind)(indent)

    def new_name(self):
        self.count += 1
        return f"v{self.count}"

    def do_new(self, indent):
        text, interval = self.expression(3)
        name = self.new_name()
        self.lines.append(f"{indent}{name} = {text}")
        self.ranges[name] = interval

    def do_change(self, indent):
        name = self.random.choice(sorted(self.ranges))
        text, interval = self.expression(2)
        self.lines.append(f"{indent}{name} = {text}")
        self.widen(name, interval)

    def widen(self, name, interval):
        """Branches may skip an assignment, so an interval only ever grows."""
        old = self.ranges[name]
        self.ranges[name] = (min(old[0], interval[0]), max(old[1], interval[1]))

    def do_store(self, indent):
        text, (low, _) = self.expression(3)
        pointer = self.random.choice("pqr")
        if pointer == "r":
            text = f"({text}) & 0xFFFFFF"
        place = self.place()
        if pointer != "r" and self.random.random() < 0.3:
            self.lines.append(f"{indent}{pointer}[{place}] += {text}")
        else:
            self.lines.append(f"{indent}{pointer}[{place}] = {text}")

    def do_if(self, indent):
        known = dict(self.ranges)
        self.lines.append(f"{indent}if {self.condition(2)}:")
        self.do_change(indent + "    ")
        if self.random.random() < 0.5:
            self.lines.append(f"{indent}else:")
            self.do_store(indent + "    ")
        self.ranges = {name: self.ranges[name] for name in known}

    def do_for(self, indent):
        name, total = self.new_name(), self.new_name()
        start, stop = self.random.randrange(-5, 6), self.random.choice(("(a & 7)", "9", "-3"))
        step = self.random.choice((1, 1, 2, -1, -3))
        term, _ = self.small()
        self.lines += [
            f"{indent}{total} = 1",
            f"{indent}{name} = 0",
            f"{indent}for {name} in range({start}, {stop}, {step}):",
            f"{indent}    if {name} == 6:",
            f"{indent}        {self.random.choice(('break', 'continue'))}",
            f"{indent}    {total} = ({total} * 3 + {name} + ({term})) & 0xFFFF",
            f"{indent}    q[{self.place()}] = {total}",
        ]
        self.ranges[name] = (-10, 10)
        self.ranges[total] = (0, 0xFFFF)

    def do_while(self, indent):
        name, left = self.new_name(), self.new_name()
        self.lines += [
            f"{indent}{left} = {self.random.choice('abc')} & 7",
            f"{indent}{name} = 0",
            f"{indent}while {left}{self.random.choice(('', ' > 0', ' and not a == 3'))}:",
            f"{indent}    {left} -= 1",
            f"{indent}    {name} = ({name} << 2 ^ p[{left}]) & 0xFFFFF",
        ]
        self.ranges[name] = (0, 0xFFFFF)
        self.ranges[left] = (0, 7)

    def do_move(self, indent):
        """A second pointer into a buffer, moved and read."""
        pointer, width, top = self.random.choice(
            (("p", 1, 255), ("q", 2, 65535), ("r", 4, 0xFFFFFF))
        )
        place, name = "m" + self.new_name(), self.new_name()
        step = self.random.randrange(ITEMS // 2)
        self.lines += [
            f"{indent}{place} = ptr{8 * width}(int({pointer}) + {step * width})",
            f"{indent}{place} = ptr{8 * width}(int({place}) + {width} * (c & 3))",
            f"{indent}{name} = {place}[{self.random.randrange(4)}] + {place}[0 - (c & 3)]",
        ]
        self.ranges[name] = (0, 2 * top)

    # Expressions: (text, (lowest, highest possible value))

    def place(self):
        return self.random.choice(
            (str(self.random.randrange(ITEMS)), f"{self.random.choice('abc')} & 15")
        )

    def small(self):
        name = self.random.choice("pa")
        return (f"p[{self.place()}]", (0, 255)) if name == "p" else ("1", (1, 1))

    def leaf(self):
        choice = self.random.randrange(8)
        if choice < 4:
            name = self.random.choice(sorted(self.ranges))
            return name, self.ranges[name]
        if choice == 4:
            number = self.random.choice((0, 1, 3, 100, 4096, 0xFFFF))
            return str(number), (number, number)
        pointer, top = (("p", 255), ("q", 65535), ("r", 0xFFFFFF))[choice - 5]
        return f"{pointer}[{self.place()}]", (0, top)

    def condition(self, depth, negation=True):
        choice = self.random.randrange(6)
        if depth and choice == 0:
            return f"({self.condition(depth - 1)} and {self.condition(depth - 1)})"
        if depth and choice == 1:
            return f"({self.condition(depth - 1)} or {self.condition(depth - 1)})"
        if depth and choice == 2 and negation:
            return f"not ({self.condition(depth - 1)})"
        left, right, third = (self.expression(1)[0] for _ in range(3))
        if choice == 3:
            return f"({left}) < ({right}) <= ({third})"
        return f"({left}) {self.random.choice(('<', '<=', '>', '>=', '==', '!='))} ({right})"

    def expression(self, depth):
        if depth == 0:
            return self.leaf()
        for _ in range(20):
            text, (low, high) = self.operation(depth)
            if -BOUND < low <= high < BOUND:
                return text, (low, high)
        return self.leaf()

    def operation(self, depth):
        left, (a, b) = self.expression(depth - 1)
        right, (c, d) = self.expression(depth - 1)
        kind = self.random.choice(
            ("+", "-", "*", "&", "|", "^", "<<", ">>", "//", "%", "int", "?", "and", "or", "sign")
        )
        if kind == "+":
            return f"({left} + {right})", (a + c, b + d)
        if kind == "-":
            return f"({left} - {right})", (a - d, b - c)
        if kind == "*":
            corners = [x * y for x in (a, b) for y in (c, d)]
            return f"({left} * {right})", (min(corners), max(corners))
        if kind in "&|^":
            reach = 1 << max(n.bit_length() for n in (a, b, c, d))
            return f"({left} {kind} {right})", (-reach, reach - 1)
        if kind in ("<<", ">>"):
            count = self.random.randrange(8 if kind == "<<" else 32)
            if kind == "<<":
                return f"({left} << {count})", (a << count, b << count)
            return f"({left} >> {count})", (a >> count, b >> count)
        if kind in ("//", "%"):
            divisor = self.random.choice((1, 2, 3, 10, 1000, -7))
            if kind == "%":
                return f"({left} % {divisor})", (-1000, 1000)
            ends = (a // divisor, b // divisor)
            return f"({left} // {divisor})", (min(ends), max(ends))
        if kind == "int":
            return f"int({self.condition(1, negation=False)})", (0, 1)
        if kind == "sign":
            return f"((({left}) & 0xFFFF ^ 0x8000) - 0x8000)", (-0x8000, 0x7FFF)
        union = (min(a, c), max(b, d))
        if kind == "?":
            return f"({left} if {self.condition(1)} else {right})", union
        return f"({left} {kind} {right})", (min(union[0], 0), max(union[1], 0))


def module(programs):
    """Text of a module that runs every call and prints its results, for either interpreter."""
    head = "import micropython\nfrom array import array\n\n\n"
    runner = """
def show(kernel, p, q, r, a, b, c):
    p = bytearray(p)
    q = array("H", q)
    r = array("i", r)
    print(kernel(p, q, r, a, b, c), list(p), list(q), list(r))


"""
    calls = [
        f"show({program.name}, {', '.join(str(argument) for argument in call)})\n"
        for program in programs
        for call in program.calls
    ]
    return head + "\n\n".join(p.text for p in programs) + "\n" + runner + "".join(calls)
