"""What can go wrong with a front end: one exception class with an integer code."""

from micropython import const

NO_ANSWER = const(1)
CHECK_FAILED = const(2)
WRONG_DEVICE = const(3)
TIMED_OUT = const(4)
NOT_CONFIGURED = const(5)
READ_BACK_DIFFERS = const(6)
UNSUPPORTED = const(7)
SELF_TEST_FAILED = const(8)

_CODES = const(9)
_RAISES = const(8)


class AfeError(Exception):
    """`code` is one of the constants above."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


_prepared = [AfeError(code) for code in range(_CODES)]
_raised = bytearray(_CODES)


def failure(code):
    """The prepared error of this code, for raising in the cycle.

    MicroPython appends to an error's traceback at every raise and never shortens it, so that one
    error raised for ever would fill the heap: it is replaced now and then.
    """
    _raised[code] += 1
    if _raised[code] > _RAISES:
        try:
            _prepared[code] = AfeError(code)
            _raised[code] = 0
        except MemoryError:
            # A locked or full heap: keep the old one, it cannot grow there either.
            _raised[code] = _RAISES
    return _prepared[code]
