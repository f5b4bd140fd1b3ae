"""NEVER UPLOAD THIS FILE TO A BOARD: the `micropython` module for CPython.

MicroPython itself always uses its own. viper is the 32-bit-true emulator; what concerns the heap
and interrupts is harmless."""

from host_tools.mock.viper_emulator import viper

__all__ = [
    "alloc_emergency_exception_buf",
    "const",
    "heap_lock",
    "heap_locked",
    "heap_unlock",
    "kbd_intr",
    "mem_info",
    "native",
    "opt_level",
    "qstr_info",
    "schedule",
    "stack_use",
    "viper",
]

_locks = [0]
_level = [0]


def const(value):
    return value


def native(function):
    return function


def schedule(function, argument):
    """The board runs it between two bytecodes, soon; here that is now."""
    function(argument)


def heap_lock():
    _locks[0] += 1
    return _locks[0]


def heap_unlock():
    _locks[0] = max(0, _locks[0] - 1)
    return _locks[0]


def heap_locked():
    return _locks[0]


def opt_level(level=None):
    if level is None:
        return _level[0]
    _level[0] = level


def mem_info(verbose=None):
    pass


def qstr_info(verbose=None):
    pass


def stack_use():
    return 0


def alloc_emergency_exception_buf(size):
    pass


def kbd_intr(character):
    pass
