"""Never upload to a board: the board's `time` on a virtual clock, ticks wrapping at 2**30.

On MicroPython fakes/time.py shadows the built-in; on CPython, whose
`time` cannot be shadowed, use() adds the missing functions to it and leaves its own alone.
"""

import sys

_PERIOD = 1 << 30
_MASK = _PERIOD - 1
_HALF = _PERIOD >> 1

_clock = None
_start_us = 0
# Firmware code looks at the time: a moment for an interrupt (fake_radio). None: there is none.
interrupt = None


def use(clock, start_us=0):
    """Take time from this clock; start_us lets a test begin just before the ticks wrap."""
    global _clock, _start_us
    _clock = clock
    _start_us = start_us
    if sys.implementation.name != "micropython":
        import time

        for function in (ticks_us, ticks_ms, ticks_add, ticks_diff, sleep_us, sleep_ms):
            setattr(time, function.__name__, function)


def ticks_us():
    if interrupt is not None:
        interrupt()
    return (_start_us + _clock.now_us) & _MASK


def ticks_ms():
    if interrupt is not None:
        interrupt()
    return ((_start_us + _clock.now_us) // 1000) & _MASK


def ticks_add(ticks, delta):
    # Real ports refuse what they could not tell from its negative.
    if not -_HALF < delta < _HALF:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) & _MASK


def ticks_diff(end, start):
    return ((end - start + _HALF) & _MASK) - _HALF


def sleep_us(us):
    if us > 0:
        _clock.sleep(us)


def sleep_ms(ms):
    if ms > 0:
        _clock.sleep(ms * 1000)


def sleep(seconds):
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    _clock.sleep(int(seconds * 1000000))
