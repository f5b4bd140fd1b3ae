"""Never upload to a board. The arithmetic of a 32-bit board as Python text: values that know their
viper type and interval, and the operators between them. CPython only.

In wrap mode sums, products and masks stay unwrapped until a comparison, division, right shift,
assignment or store looks at them: modulo 2**32 that is the same. Strict mode checks each."""

INT_LOW, INT_HIGH = -0x80000000, 0x7FFFFFFF
UINT_HIGH = 0xFFFFFFFF
LITERAL_HIGH = 0x3FFFFFFF
RANGES = {"int": (INT_LOW, INT_HIGH), "uint": (0, UINT_HIGH), "bool": (0, 1)}
_LAZY_LIMIT = 1 << 66


class Value:
    """One expression: Python text, viper type, interval, and how many low bits are surely zero."""

    __slots__ = ("text", "kind", "low", "high", "zeros")

    def __init__(self, text, kind, low, high, zeros=0):
        self.text = text
        self.kind = kind
        self.low = low
        self.high = high
        self.zeros = zeros

    @property
    def known(self):
        return self.low == self.high

    @property
    def simple(self):
        return self.text.isidentifier() or self.text.isdigit()


def literal(number):
    zeros = (number & -number).bit_length() - 1 if number else 31
    text = str(number) if number >= 0 else f"({number})"
    return Value(text, "int", number, number, zeros)


def _mask_above(number):
    """The smallest 2**k - 1 that is not below the number (or its complement)."""
    return (1 << (number if number >= 0 else -number - 1).bit_length()) - 1


class Arithmetic:
    """Base of the compiler, which has `strict` and refuse(node, why)."""

    def exact(self, value):
        """Text of the value as the board's register holds it."""
        least, most = RANGES[value.kind]
        if least <= value.low and value.high <= most:
            return value.text
        if value.kind == "uint":
            return f"({value.text} & {UINT_HIGH})"
        return f"(({value.text} + {INT_HIGH + 1} & {UINT_HIGH}) - {INT_HIGH + 1})"

    def _settled(self, value):
        """The same value, surely inside its type."""
        least, most = RANGES[value.kind]
        if least <= value.low and value.high <= most:
            return value
        return Value(self.exact(value), value.kind, least, most, min(value.zeros, 31))

    def _binary(self, node, left, operator, right):
        for value in (left, right):
            if value.kind not in ("int", "uint"):
                self.refuse(node, f"can't do binary op with '{value.kind}'")
        method = getattr(self, "_by_" + type(operator).__name__.lower(), None)
        if method is None:
            self.refuse(node, f"{type(operator).__name__} does not belong in a kernel")
        if left.known and right.known:
            left, right = self._settled(left), self._settled(right)
        folded = left.text.strip("()-").isdigit() and right.text.strip("()-").isdigit()
        result = method(node, left, right)
        if folded and result.known and result.kind == "int":
            if not -LITERAL_HIGH - 1 <= result.low <= LITERAL_HIGH:
                self.refuse(node, f"{result.low:#x} folds to an object on a 32-bit board")
            return literal(result.low)
        least, most = RANGES[result.kind]
        if self.strict and not least <= result.low <= result.high <= most:
            fit = "h__fit" if result.kind == "int" else "h__fit_unsigned"
            low, high = max(result.low, least), min(result.high, most)
            if low > high:
                low, high = least, most
            return Value(f"{fit}({result.text})", result.kind, low, high, result.zeros)
        return result

    def _ring(self, left, sign, right, corners, zeros):
        """+ - *: exact modulo 2**32 however far the operands have grown."""
        low, high = min(corners), max(corners)
        return Value(f"({left.text} {sign} {right.text})", left.kind, low, high, min(zeros, 31))

    def _by_add(self, node, left, right):
        left, right = self._near(left), self._near(right)
        corners = (left.low + right.low, left.high + right.high)
        return self._ring(left, "+", right, corners, min(left.zeros, right.zeros))

    def _by_sub(self, node, left, right):
        left, right = self._near(left), self._near(right)
        corners = (left.low - right.high, left.high - right.low)
        return self._ring(left, "-", right, corners, min(left.zeros, right.zeros))

    def _by_mult(self, node, left, right):
        left, right = self._settled(left), self._settled(right)
        corners = [a * b for a in (left.low, left.high) for b in (right.low, right.high)]
        return self._ring(left, "*", right, corners, left.zeros + right.zeros)

    def _near(self, value):
        near = -_LAZY_LIMIT < value.low and value.high < _LAZY_LIMIT
        return value if near else self._settled(value)

    def _by_bitand(self, node, left, right):
        text = f"({left.text} & {right.text})"
        zeros = max(left.zeros, right.zeros)
        tops = [value.high for value in (left, right) if value.low >= 0]
        if tops:
            return Value(text, left.kind, 0, min(tops), zeros)
        mask = max(_mask_above(n) for v in (left, right) for n in (v.low, v.high))
        return Value(text, left.kind, -mask - 1, mask, zeros)

    def _by_bitor(self, node, left, right):
        return self._bits("|", left, right)

    def _by_bitxor(self, node, left, right):
        return self._bits("^", left, right)

    def _bits(self, sign, left, right):
        text = f"({left.text} {sign} {right.text})"
        mask = max(_mask_above(n) for v in (left, right) for n in (v.low, v.high))
        low = 0 if left.low >= 0 and right.low >= 0 else -mask - 1
        if left.known and right.known:
            low = mask = left.low | right.low if sign == "|" else left.low ^ right.low
        return Value(text, left.kind, low, mask, min(left.zeros, right.zeros))

    def _shift_count(self, node, right):
        if right.kind == "uint":
            right = self._settled(Value(right.text, "int", right.low, right.high))
        right = self._settled(right)
        if 0 <= right.low and right.high <= 31:
            return right
        if right.known:
            self.refuse(node, f"shift by {right.low}: outside 0..31")
        return Value(f"h__count({right.text})", "int", 0, 31)

    def _by_lshift(self, node, left, right):
        left, right = self._settled(left), self._shift_count(node, right)
        corners = [a << b for a in (left.low, left.high) for b in (right.low, right.high)]
        return self._ring(left, "<<", right, corners, left.zeros + right.low)

    def _by_rshift(self, node, left, right):
        left, right = self._settled(left), self._shift_count(node, right)
        corners = [a >> b for a in (left.low, left.high) for b in (right.low, right.high)]
        return self._ring(left, ">>", right, corners, max(0, left.zeros - right.high))

    def _divided(self, node, left, right):
        if left.kind == "uint" or right.kind == "uint":
            self.refuse(node, "viper has no division of uint")
        left, right = self._settled(left), self._settled(right)
        if right.known and right.low == 0:
            self.refuse(node, "division by zero")
        return left, right

    def _by_floordiv(self, node, left, right):
        left, right = self._divided(node, left, right)
        largest = max(abs(left.low), abs(left.high)) + max(abs(right.low), abs(right.high))
        if right.low > 0 or right.high < 0:
            if largest < 1 << 31:
                corners = [a // b for a in (left.low, left.high) for b in (right.low, right.high)]
                return self._ring(left, "//", right, corners, 0)
        helper = "h__divide_safely" if self.strict else "h__divide"
        return Value(f"{helper}({left.text}, {right.text})", "int", INT_LOW, INT_HIGH)

    def _by_mod(self, node, left, right):
        left, right = self._divided(node, left, right)
        if right.low > 0:
            return Value(f"({left.text} % {right.text})", "int", 0, right.high - 1)
        return Value(f"h__remainder({left.text}, {right.text})", "int", INT_LOW, INT_HIGH)
