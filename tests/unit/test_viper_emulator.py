"""The viper emulator: 32-bit arithmetic, memory, and everything it refuses."""

import struct
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.mock.viper_emulator import ViperError, load, mode

INTEGERS = st.one_of(
    st.integers(-0x80000000, 0x7FFFFFFF),
    st.integers(-5, 40),
    st.sampled_from([-0x80000000, -0x7FFFFFFF, 0x7FFFFFFF, 0x40000000, -0x40000000]),
)


def kernel(signature, *lines):
    """One kernel `k` from its arguments and lines; the last line is its result."""
    body = "".join(f"    {line}\n" for line in lines[:-1])
    text = f"@micropython.viper\ndef k({signature}) -> int:\n{body}    return {lines[-1]}\n"
    return load(text)["k"]


def refused(text, what):
    with pytest.raises(ViperError, match=what):
        load("@micropython.viper\n" + text)


def wrapped(value):
    return ((value + 0x80000000) & 0xFFFFFFFF) - 0x80000000


# Arithmetic


def test_sums_products_and_shifts_wrap_at_32_bits():
    assert kernel("a: int, b: int", "a + b")(0x7FFFFFFF, 1) == -0x80000000
    assert kernel("a: int, b: int", "a - b")(-0x80000000, 1) == 0x7FFFFFFF
    assert kernel("a: int, b: int", "a * b")(0x10001, 0x10001) == 0x20001
    assert kernel("a: int, b: int", "a << b")(3, 31) == -0x80000000
    assert kernel("a: int", "a << 16 >> 16")(0xFFFE) == -2


def test_products_of_narrow_numbers_of_either_sign_wrap_where_they_must():
    high = kernel("a: int, b: int", "(0 - (a & 4095)) * b >> 1")
    assert high(4095, 0x7FFFFFFF) == wrapped(-4095 * 0x7FFFFFFF) >> 1
    assert high(0, 0x7FFFFFFF) == 0


def test_strict_mode_refuses_a_wrap_that_a_later_mask_would_hide():
    masked = kernel("a: int, b: int", "(a * b) & 255")
    assert masked(0x10000, 0x10001) == 0
    with mode("strict"), pytest.raises(ViperError, match="does not fit 32 bits"):
        masked(0x10000, 0x10001)
    assert masked(0x10000, 0x10001) == 0


def test_modes_nest_and_end():
    add = kernel("a: int, b: int", "(a + b) >> 2")
    with mode("strict"):
        with mode("wrap"):
            assert add(0x7FFFFFFF, 1) == -0x20000000
        with pytest.raises(ViperError):
            add(0x7FFFFFFF, 1)
    with pytest.raises(ValueError):
        mode("lenient")


def test_strict_mode_refuses_a_result_that_would_allocate_on_a_board():
    same = kernel("a: int", "a")
    assert same(0x40000000) == 0x40000000
    with mode("strict"):
        assert same(0x3FFFFFFF) == 0x3FFFFFFF
        with pytest.raises(ViperError, match="allocates"):
            same(0x40000000)


def test_right_shift_is_arithmetic_for_int_and_logical_for_uint():
    assert kernel("a: int", "a >> 4")(-256) == -16
    assert kernel("a: int", "int(uint(a) >> 4)")(-256) == 0x0FFFFFF0
    assert kernel("a: uint", "int(a >> 31)")(0xFFFFFFFF) == 1


def test_uint_wraps_without_sign():
    assert kernel("a: uint", "b = a + 1", "int(b < a)")(0xFFFFFFFF) == 1
    assert kernel("a: uint", "int(a)")(0xFFFFFFFE) == -2


def test_shift_counts_outside_0_to_31_are_an_error():
    shift = kernel("a: int, b: int", "(a << b) + (a >> b)")
    assert shift(1, 0) == 2
    for count in (-1, 32):
        with pytest.raises(ViperError, match="outside 0..31"):
            shift(1, count)
    refused("def k(a: int) -> int:\n    return a << 32\n", "outside 0..31")


def test_division_floors_and_the_remainder_follows_the_divisor():
    both = kernel("a: int, b: int", "(a // b) * 100 + a % b")
    for a in (-7, 7):
        for b in (-3, 3):
            assert both(a, b) == (a // b) * 100 + a % b


def test_division_by_zero_is_an_error():
    for sign in ("//", "%"):
        with pytest.raises(ViperError, match="division by zero"):
            kernel("a: int, b: int", f"a {sign} b")(1, 0)
        refused(f"def k(a: int) -> int:\n    return a {sign} 0\n", "division by zero")


def test_floor_division_near_the_limits_is_as_wrong_as_on_a_board():
    assert kernel("a: int", "a // 1000")(-0x80000000) == 2147482
    assert kernel("a: int, b: int", "a // b")(0x7FFFFFFF, -1000) == 2147482
    with mode("strict"), pytest.raises(ViperError, match="wrong on a 32-bit board"):
        kernel("a: int", "a // 1000")(-0x80000000)


def test_sign_of_a_16_bit_word():
    sign = kernel("p: ptr16", "v = p[0]", "(v ^ 0x8000) - 0x8000")
    assert sign(array("H", [0xFFFE])) == -2
    assert sign(array("H", [0x7FFF])) == 0x7FFF


@given(INTEGERS, INTEGERS, st.integers(0, 31))
def test_single_operations_match_the_integers_modulo_2_to_the_32(a, b, count):
    found = array("i", bytes(4 * 9))
    _OPERATIONS(a, b, count, found)
    expected = [a + b, a - b, a * b, a & b, a | b, a ^ b, a << count, a >> count, int(a < b)]
    assert list(found) == [wrapped(value) for value in expected]


_OPERATIONS = kernel(
    "a: int, b: int, n: int, p: ptr32",
    *("p[0] = a + b", "p[1] = a - b", "p[2] = a * b", "p[3] = a & b", "p[4] = a | b"),
    *("p[5] = a ^ b", "p[6] = a << n", "p[7] = a >> n", "p[8] = int(a < b)", "0"),
)


def _tree(inner):
    pairs = st.tuples(st.sampled_from(["+", "-", "*", "&", "|", "^"]), inner, inner)
    shifts = st.tuples(st.sampled_from(["<<", ">>"]), inner, st.integers(0, 31))
    divisions = st.tuples(st.sampled_from(["//", "%"]), inner, st.sampled_from([3, 10, 1000]))
    choices = st.tuples(st.just("?"), inner, inner, inner, inner)
    return pairs | shifts | divisions | choices


# Besides whole words, narrow intervals on either side of zero: the emulator reasons about them.
LEAVES = {
    "a": lambda a, b, c: a,
    "b": lambda a, b, c: b,
    "c": lambda a, b, c: c,
    "(a & 255)": lambda a, b, c: a & 255,
    "(0 - (b & 4095))": lambda a, b, c: 0 - (b & 4095),
    "(c >> 28)": lambda a, b, c: c >> 28,
}
TREES = st.recursive(
    st.sampled_from(sorted(LEAVES)) | st.integers(0, 0xFFFF), _tree, max_leaves=12
)


def _text(tree):
    if not isinstance(tree, tuple):
        return str(tree)
    if tree[0] == "?":
        low, high, yes, no = (_text(item) for item in tree[1:])
        return f"({yes} if {low} < {high} else {no})"
    return f"({_text(tree[1])} {tree[0]} {_text(tree[2])})"


def _worth(tree, values):
    """(32-bit result, no operation wrapped on the way) one operation at a time."""
    if not isinstance(tree, tuple):
        return values.get(tree, tree), True
    if tree[0] == "?":
        low, high = _worth(tree[1], values), _worth(tree[2], values)
        taken = _worth(tree[3 if low[0] < high[0] else 4], values)
        return taken[0], low[1] and high[1] and taken[1]
    (a, a_fits), (b, b_fits) = _worth(tree[1], values), _worth(tree[2], values)
    if tree[0] == "//":
        adjusted = a if a >= 0 else wrapped(a - b + 1)
        quotient = abs(adjusted) // b * (1 if adjusted >= 0 else -1)
        return quotient, a_fits and b_fits and abs(a) + b < 1 << 31
    exact = {
        "+": lambda: a + b,
        "-": lambda: a - b,
        "*": lambda: a * b,
        "&": lambda: a & b,
        "|": lambda: a | b,
        "^": lambda: a ^ b,
        "<<": lambda: a << b,
        ">>": lambda: a >> b,
        "%": lambda: a % b,
    }[tree[0]]()
    return wrapped(exact), a_fits and b_fits and exact == wrapped(exact)


def _constant(tree):
    """Folds to a constant somewhere, which the board's compiler treats differently."""
    if not isinstance(tree, tuple):
        return False
    return not any(isinstance(item, (str, tuple)) for item in tree[1:]) or any(
        _constant(item) for item in tree[1:]
    )


@given(TREES.filter(lambda tree: not _constant(tree)), INTEGERS, INTEGERS, INTEGERS)
def test_whole_expressions_match_one_operation_at_a_time(tree, a, b, c):
    found = array("i", [0])
    compute = kernel("a: int, b: int, c: int, p: ptr32", f"x = {_text(tree)}", "p[0] = x", "0")
    expected, fits = _worth(tree, {text: leaf(a, b, c) for text, leaf in LEAVES.items()})
    compute(a, b, c, found)
    assert found[0] == expected
    with mode("strict"):
        if fits:
            compute(a, b, c, found)
            assert found[0] == expected
        else:
            with pytest.raises(ViperError):
                compute(a, b, c, found)


# Conditions and loops


def test_conditions_on_integers():
    truth = kernel("a: int, b: int", "x = 0", "if a and not b:", "    x = 1", "x")
    assert [truth(5, 0), truth(5, 1), truth(0, 0)] == [1, 0, 0]


def test_and_or_give_their_operand():
    assert kernel("a: int, b: int", "(a and b) * 100 + (a or b)")(3, 5) == 503
    assert kernel("a: int, b: int", "(a and b) * 100 + (a or b)")(0, 5) == 5


def test_a_wrapped_zero_is_false():
    assert kernel("a: int", "1 if a * 65536 else 0")(65536) == 0


def test_chained_comparison_choice_and_walrus():
    between = kernel("a: int, b: int", "(1 if 0 <= (c := a + b) < 10 else 2) * 100 + c")
    assert [between(4, 5), between(4, 6), between(0, -1)] == [109, 210, 199]


def test_a_comparison_counts_through_int():
    assert kernel("a: int, b: int", "int(a > b) + int(a >= b)")(3, 3) == 1
    assert kernel("a: int, b: int", "x = a > b", "int(x)")(4, 3) == 1


def test_loops_with_while_break_continue_and_ranges():
    count = kernel(
        "n: int",
        *("t = 0", "for i in range(n):", "    if i == 3:", "        continue"),
        *(
            "    if i > 6:",
            "        break",
            "    t += i",
            "for j in range(n, 0, -2):",
            "    t += j",
        ),
        *("while True:", "    t += 1", "    if t > 40:", "        break", "t * 100 + i"),
    )
    assert count(9) == (max(0 + 1 + 2 + 4 + 5 + 6 + 9 + 7 + 5 + 3 + 1, 40) + 1) * 100 + 7


def test_a_changed_loop_variable_does_not_change_the_count():
    assert (
        kernel("n: int", "t = 0", "for i in range(n):", "    i = i * 10", "    t += i", "t")(4)
        == 60
    )


def test_a_counter_that_would_pass_the_limit_is_an_error():
    steps = kernel("n: int", "t = 0", "for i in range(0, n, 1000):", "    break", "t")
    assert steps(10) == 0
    with pytest.raises(ViperError, match="passes the 32-bit limit"):
        steps(0x7FFFFFFF)


# Memory


def test_loads_and_truncating_stores():
    store = kernel("p: ptr8, q: ptr16, r: ptr32, v: int", "p[0] = v", "q[0] = v", "r[0] = v", "0")
    p, q, r = bytearray(1), array("H", [0]), array("i", [0])
    store(p, q, r, -2)
    assert (p[0], q[0], r[0]) == (0xFE, 0xFFFE, -2)
    load_all = kernel("p: ptr8, q: ptr16, r: ptr32", "p[0] + q[0] + r[0]")
    assert load_all(p, q, r) == 0xFE + 0xFFFE - 2


def test_any_buffer_serves_any_pointer_in_little_endian_order():
    assert kernel("p: ptr32", "p[1]")(struct.pack("<ii", 1, -5)) == -5
    assert kernel("p: ptr16", "p[1]")(array("i", [0x12345678])) == 0x1234
    assert kernel("p: ptr8", "p[2]")(array("H", [0x1234, 0x5678])) == 0x78
    assert kernel("p: ptr32", "p[0]")(array("I", [0xFFFFFFFE])) == -2
    assert kernel("p: ptr32", "p[0]")(memoryview(bytearray(range(8)))[4:]) == 0x07060504


def test_access_outside_a_buffer_is_an_error_that_names_the_line():
    read = kernel("p: ptr32, i: int", "x = p[i]", "x")
    numbers = array("i", [1, 2, 3])
    assert read(numbers, 2) == 3
    for index in (3, -1, 1 << 29):
        with pytest.raises(ViperError, match=r"(?s)k, line 3: index.*x = p\[i\]"):
            read(numbers, index)
    with pytest.raises(ViperError):
        read(bytearray(7), 1)
    with pytest.raises(ViperError):
        kernel("p: ptr8, i: int", "p[i] = 1", "0")(bytearray(3), -1)


def test_a_write_to_read_only_memory_is_an_error():
    with pytest.raises(ViperError, match="read-only"):
        kernel("p: ptr8", "p[0] = 1", "0")(b"\x00")


def test_pointers_move_by_bytes():
    total = kernel(
        "p: ptr32, n: int",
        *("t = 0", "end = int(p) + n * 4", "while int(p) != end:", "    t = t * 10 + p[0]"),
        *("    p = ptr32(int(p) + 4)", "p = ptr32(int(p) - n * 4)", "p[1] = t", "p[0]"),
    )
    numbers = array("i", [1, 2, 3, 0])
    assert total(numbers, 3) == 1
    assert numbers[1] == 123


def test_a_pointer_may_stand_outside_but_not_look():
    peek = kernel("p: ptr8, n: int", "q = ptr8(int(p) + n)", "q[0 - n]")
    assert peek(b"\x09", 5) == 9
    assert peek(b"\x09", -5) == 9
    with pytest.raises(ViperError):
        kernel("p: ptr8, n: int", "q = ptr8(int(p) + n)", "q[0]")(b"\x09", 1)


def test_pointers_change_their_type():
    read = kernel("p: ptr8", "q = ptr32(int(p) + 4)", "r = ptr16(q)", "q[0] + r[1]")
    assert read(struct.pack("<iHH", 0, 7, 1)) == 0x10007 + 1


def test_misaligned_pointers_are_an_error():
    move = kernel("p: ptr16, n: int", "q = ptr16(int(p) + n)", "q[0]")
    assert move(array("H", [1, 2]), 2) == 2
    with pytest.raises(ViperError, match="not aligned"):
        move(array("H", [1, 2]), 1)
    halved = kernel("p: ptr16, n: int", "q = ptr16(int(p) + (n << 1 >> 1))", "q[0]")
    assert halved(array("H", [1, 2]), 2) == 2
    with pytest.raises(ViperError, match="not aligned"):
        halved(array("H", [1, 2]), 1)
    with pytest.raises(ViperError, match="not aligned"):
        kernel("p: ptr8", "q = ptr32(int(p) + 2)", "q[0]")(bytes(8))
    with pytest.raises(ViperError, match="odd place"):
        kernel("p: ptr16", "p[0]")(memoryview(bytearray(8))[1:])


def test_augmented_stores():
    bump = kernel("p: ptr16, i: int", "p[i + 1] += 5", "p[i] -= 1", "p[i + 1]")
    numbers = array("H", [0, 0xFFFE])
    assert bump(numbers, 0) == 3
    assert list(numbers) == [0xFFFF, 3]


def test_a_buffer_given_twice_is_one_memory():
    alias = kernel("p: ptr8, q: ptr32", "q[0] = 0x01020304", "p[1] + int(int(p) == int(q))")
    assert alias(memory := bytearray(4), memory) == 4


def test_buffers_are_free_after_a_call_and_after_an_error():
    memory = bytearray(4)
    read = kernel("p: ptr8, i: int", "p[i]")
    read(memory, 0)
    memory.append(1)
    with pytest.raises(ViperError):
        read(memory, 9)
    memory.append(2)


@given(st.binary(min_size=1, max_size=64), st.integers(0, 255))
def test_a_table_driven_check_code_matches_plain_python(data, seed):
    table = bytes((n * 7 + 3) & 255 for n in range(256))
    check = seed
    for byte in data:
        check = table[check ^ byte]
    lines = ("c = seed", "for i in range(n):", "    c = table[c ^ p[i]]", "c")
    fold = kernel("p: ptr8, table: ptr8, n: int, seed: int", *lines)
    with mode("strict"):
        assert fold(data, table, len(data), seed) == check


# Arguments, calls, constants


def test_arguments_are_checked():
    same = kernel("a: int", "a")
    assert same(True) == 1
    for wrong in (0x80000000, -0x80000001):
        with pytest.raises(ViperError, match="does not fit 32 bits"):
            same(wrong)
    for wrong in (1.5, None, "1"):
        with pytest.raises(ViperError, match="needs an integer"):
            same(wrong)
    first = kernel("p: ptr8", "p[0]")
    for wrong in (0, [1], None, "text"):
        with pytest.raises(ViperError, match="needs a buffer"):
            first(wrong)
    with pytest.raises(ViperError, match="another width"):
        kernel("p: ptr32", "p[0]")(array("l", [1]))
    with pytest.raises(TypeError):
        same()
    with pytest.raises(TypeError):
        same(a=1)


def test_kernels_call_kernels_with_integers_and_pointers():
    text = """
@micropython.viper
def total(p: ptr16, n: int) -> int:
    t = 0
    for i in range(n):
        t += p[i]
    p[0] = 99
    return t

@micropython.viper
def k(p: ptr16, n: int) -> int:
    first = int(total(p, n))
    q = ptr16(int(p) + 2)
    return first * 1000 + int(total(q, n - 1)) * 10 + int(total(ptr16(int(p) + 4), 1))
"""
    numbers = array("H", [1, 2, 3])
    assert load(text)["k"](numbers, 3) == 6053
    assert list(numbers) == [99, 99, 99]


def test_a_kernel_calls_nothing_else():
    text = "@micropython.viper\ndef k(a: int) -> int:\n    return int(other(a))\n"
    with pytest.raises(ViperError, match="not a kernel"):
        load(text, other=lambda a: a)["k"](1)
    with pytest.raises(ViperError, match="other"):
        load(text)["k"](1)


def test_constants_fold_into_kernels():
    text = "LIMIT = const(40)\n@micropython.viper\ndef k(a: int) -> int:\n    return a + LIMIT\n"
    assert load(text)["k"](2) == 42


def test_a_local_read_before_its_assignment_is_an_error():
    unset = kernel("a: int", "if a:", "    x = 1", "x")
    assert unset(1) == 1
    with pytest.raises(ViperError, match="read before"):
        unset(0)


def test_kernels_keep_their_name_and_text():
    named = kernel("a: int", '"""Says so."""', "a")
    assert named.__name__ == "k"
    assert named.__doc__ == "Says so."
    assert named.is_viper_kernel


REFUSALS = {
    "default argument": ("def k(a: int = 1) -> int:\n    return a\n", "default"),
    "keyword-only": ("def k(*, a: int) -> int:\n    return a\n", "keyword-only"),
    "star arguments": ("def k(*a) -> int:\n    return 0\n", r"\*args"),
    "positional-only": ("def k(a: int, /) -> int:\n    return a\n", "positional-only"),
    "no annotation": ("def k(a) -> int:\n    return 0\n", "argument 'a'"),
    "wrong annotation": ("def k(a: float) -> int:\n    return 0\n", "argument 'a'"),
    "no result type": ("def k(a: int):\n    return a\n", "-> int"),
    "no final return": ("def k(a: int) -> int:\n    if a:\n        return 1\n", "last statement"),
    "empty return": (
        "def k(a: int) -> int:\n    if a:\n        return\n    return 1\n",
        "a value",
    ),
    "async": ("async def k(a: int) -> int:\n    return a\n", "async"),
    "generator": ("def k(a: int) -> int:\n    yield a\n    return a\n", "yield"),
    "unary minus": ("def k(a: int) -> int:\n    return -a\n", "unary"),
    "invert": ("def k(a: int) -> int:\n    return a & ~(1 << a)\n", "unary"),
    "not as a value": ("def k(a: int) -> int:\n    b = not a\n    return int(b)\n", "not x"),
    "large literal": ("def k(a: int) -> int:\n    return a & 0x80000000\n", "0x3fffffff"),
    "folded literal": ("def k(a: int) -> int:\n    return a + (1 << 31)\n", "folds"),
    "folded product": ("def k(a: int) -> int:\n    return a + 4095 * 0x3fffffff\n", "folds"),
    "true division": ("def k(a: int) -> int:\n    return int(a / 2)\n", "/"),
    "power": ("def k(a: int) -> int:\n    return a ** 2\n", r"\*\*"),
    "float": ("def k(a: int) -> int:\n    return int(a * 1.5)\n", "1.5"),
    "keyword call": ("def k(a: int) -> int:\n    return int(g(a=1))\n", "keyword"),
    "bare call": ("def k(a: int) -> int:\n    return g(a)\n", "object"),
    "builtin call": ("def k(a: int) -> int:\n    return abs(a)\n", "object"),
    "other iteration": (
        "def k(a: int) -> int:\n    for i in a:\n        pass\n    return 0\n",
        "range",
    ),
    "variable step": (
        "def k(a: int) -> int:\n    for i in range(0, 9, a):\n        pass\n    return 0\n",
        "step",
    ),
    "sum of comparisons": ("def k(a: int) -> int:\n    return (a > 1) + (a > 2)\n", "bool"),
    "comparison returned": ("def k(a: int) -> int:\n    return a > 1\n", "expected 'int'"),
    "int with uint": ("def k(a: int, b: uint) -> int:\n    return int(a < b)\n", "comparison"),
    "uint division": ("def k(a: uint) -> int:\n    return int(a // 3)\n", "uint"),
    "type change": ("def k(a: int) -> int:\n    x = 0\n    x = a > 1\n    return 0\n", "has type"),
    "pointer sum": ("def k(p: ptr8) -> int:\n    q = p + 1\n    return 0\n", "no part"),
    "pointer as number": ("def k(p: ptr8) -> int:\n    return p\n", "no part"),
    "number as pointer": ("def k(a: int) -> int:\n    return a[0]\n", "no pointer"),
    "unknown name": ("def k(a: int) -> int:\n    return a + OTHER\n", "OTHER"),
    "used too early": (
        "def k(a: int) -> int:\n    b = c\n    c = a\n    return b\n",
        "before type",
    ),
    "tuple": ("def k(a: int, b: int) -> int:\n    a, b = b, a\n    return a\n", "one assignment"),
    "with": ("def k(a: int) -> int:\n    with a:\n        a = 1\n    return a\n", "with"),
    "membership": ("def k(a: int) -> int:\n    return int(a in 5)\n", "In"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_kernel_is_refused_for(case):
    refused(*REFUSALS[case])


def test_len_of_a_pointer_fails_when_called():
    with pytest.raises(ViperError, match="not a kernel"):
        kernel("p: ptr8", "int(len(p))")(b"12")


def test_large_constants_are_refused():
    text = (
        "BIG = const(0x40000000)\n@micropython.viper\ndef k(a: int) -> int:\n    return a + BIG\n"
    )
    with pytest.raises(ViperError, match="object on a 32-bit board"):
        load(text)


def test_kernels_without_source_and_with_free_variables_are_refused():
    namespace = load("")
    with pytest.raises(ViperError, match="no source"):
        exec("@micropython.viper\ndef k(a: int) -> int:\n    return a\n", namespace)
    text = (
        "def outer(n):\n    @micropython.viper\n    def k(a: int) -> int:\n"
        "        return a + int(n)\n    return k\n"
    )
    with pytest.raises(ViperError, match="free variables"):
        load(text)["outer"](1)
