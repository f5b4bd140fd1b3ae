"""Never upload to a board: the desk's stand-in for `time`, on the virtual clock.

It shadows the built-in on MicroPython only; the real one stays within reach as `utime`.
"""

from host_tools.mock.fake_time import (
    sleep,
    sleep_ms,
    sleep_us,
    ticks_add,
    ticks_diff,
    ticks_ms,
    ticks_us,
    use,
)

__all__ = (
    "sleep",
    "sleep_ms",
    "sleep_us",
    "ticks_add",
    "ticks_diff",
    "ticks_ms",
    "ticks_us",
    "use",
)
