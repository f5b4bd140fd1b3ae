"""Never upload to a board: the contacts at a simulated board's panel and who works them.

A broken wire and an open contact are the same: the board's own pull decides.
"""

import machine

_BOUNCE_US = (0, 3000, 5000)  # a contact opens and closes again before it rests


class Hands:
    """board: the module whose INTERLOCK_PIN, EMERGENCY_PIN and BUTTON_PIN are used, if it has
    them. BUTTON_PRESSED: the level that its contact gives, 0 without."""

    def __init__(self, clock, board):
        self.clock = clock
        self._interlock = _line(board, "INTERLOCK_PIN")
        self._emergency = _line(board, "EMERGENCY_PIN")
        self._button = _line(board, "BUTTON_PIN")
        self._pressed = getattr(board, "BUTTON_PRESSED", 0)
        self._presses = 0
        self.on_button = None  # called with True and False
        self.clear()

    @property
    def fitted(self):
        """Names of the contacts that there are."""
        contacts = (
            ("interlock", self._interlock),
            ("emergency stop", self._emergency),
            ("button", self._button),
        )
        return [name for name, line in contacts if not isinstance(line, _NoLine)]

    def open_interlock(self):
        self._interlock.outside(None)

    def push_emergency(self):
        self._emergency.outside(None)

    def press(self, ms):
        """Hold the button for so long; it bounces at both ends."""
        self._presses += 1
        begun_us = self.clock.now_us
        self._contact(self._pressed, begun_us)
        self._contact(None, begun_us + ms * 1000)

    def clear(self):
        """Interlock closed, emergency stop pulled out, button let go."""
        self._presses += 1
        self._interlock.outside(1)
        self._emergency.outside(0)
        self._button.outside(None)
        if self.on_button is not None:
            self.on_button(False)

    def _contact(self, level, at_us):
        number = self._presses

        def move(level):
            if number == self._presses:
                self._button.outside(level)
                if self.on_button is not None:
                    self.on_button(level is not None)

        other = None if level is not None else self._pressed
        for step, us in enumerate(_BOUNCE_US):
            target = other if step == 1 else level
            self.clock.call_at(at_us + us, lambda target=target: move(target))


class _NoLine:
    """Where the board has no such contact."""

    def outside(self, level):
        pass


def _line(board, name):
    pin = getattr(board, name, None)
    return _NoLine() if pin is None else machine.pin_line(pin)
