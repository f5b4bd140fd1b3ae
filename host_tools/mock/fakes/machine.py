"""Never upload to a board: the desk's stand-in for `machine`, as strict as the strictest port.

use(clock) comes first; forget() drops every line and device.
"""

from host_tools.mock import fake_buses, fake_pins, fake_uart
from host_tools.mock.fake_buses import I2C, SPI, attach_i2c, attach_spi
from host_tools.mock.fake_pins import ADC, Pin, adc_line, pin_line
from host_tools.mock.fake_uart import UART, uart_line

__all__ = (
    "ADC",
    "I2C",
    "SPI",
    "UART",
    "WDT",
    "Pin",
    "adc_line",
    "attach_i2c",
    "attach_spi",
    "pin_line",
    "uart_line",
)

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5

_WDT_LIMIT_MS = 8388  # RP2040: 24 bits of half microseconds
_IDLE_US = 1000

_clock = None
_cause = PWRON_RESET
_unique_id = b"\xe6\x61\x41\x04\x03\x00\x00\x01"
_freq_hz = 125000000
_watchdogs = {}


def _watchdog_default():
    raise RuntimeError("the watchdog was not fed in time")


on_watchdog = _watchdog_default  # the simulator puts its own here


class WDT:
    """Cannot be stopped, as on the board."""

    def __init__(self, id=0, timeout=5000):
        if not 0 < timeout <= _WDT_LIMIT_MS:
            raise ValueError("watchdog timeout out of range")
        if id != 0:
            raise ValueError("there is one watchdog, number 0")
        self._timeout_us = timeout * 1000
        previous = _watchdogs.get(id)
        if previous is not None:
            _clock.cancel(previous._entry)
        _watchdogs[id] = self
        self._deadline_us = 0
        self.feed()
        self._entry = _clock.call_at(self._deadline_us, self._due)

    def feed(self):
        self._deadline_us = _clock.now_us + self._timeout_us

    def _due(self):
        # Feeding only moves the deadline; one look per timeout finds out.
        if _clock.now_us < self._deadline_us:
            self._entry = _clock.call_at(self._deadline_us, self._due)
        else:
            on_watchdog()


def use(clock, reset_cause=PWRON_RESET, unique_id=None):
    """Take time from this clock; the rest is what the firmware finds when it starts."""
    global _clock, _cause, _unique_id
    _clock = clock
    _cause = reset_cause
    if unique_id is not None:
        _unique_id = unique_id
    fake_buses.use(clock)
    fake_uart.use(clock)


def forget():
    global on_watchdog
    for watchdog in _watchdogs.values():
        _clock.cancel(watchdog._entry)
    _watchdogs.clear()
    fake_pins.forget()
    fake_buses.forget()
    fake_uart.forget()
    on_watchdog = _watchdog_default


class PoweredDown(BaseException):
    """Deep sleep: the program ends here, and the next thing is boot.py."""


def deepsleep(time_ms=None):
    raise PoweredDown


def power_down(next_cause=DEEPSLEEP_RESET):
    """What hangs on the board sees it go: no pin is driven, no watchdog runs."""
    global _cause
    for watchdog in _watchdogs.values():
        _clock.cancel(watchdog._entry)
    _watchdogs.clear()
    fake_pins.let_go()
    _cause = next_cause


def reset_cause():
    return _cause


def reset():
    raise SystemExit


def unique_id():
    return _unique_id


def freq(hz=None):
    global _freq_hz
    if hz is None:
        return _freq_hz
    _freq_hz = hz


def idle():
    """Wait for the next tick interrupt."""
    _clock.sleep(_IDLE_US)


def disable_irq():
    return 1


def enable_irq(state):
    pass
