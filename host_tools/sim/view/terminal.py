"""The user's terminal: keys without Enter, a screen of our own, and everything as it was after."""

import os
import select
import termios
import tty

_ENTER = "\x1b[?1049h\x1b[?25l"
_LEAVE = "\x1b[0m\x1b[?25h\x1b[?1049l"
_FAREWELL_MS = 500


class Terminal:
    """Context manager. Ctrl-C stays the signal it is; Ctrl-Z is taken away, for it would leave
    the shell with our screen."""

    def __init__(self, output):
        self._output = output
        self._before = None
        self._shown = []

    def __enter__(self):
        self._before = termios.tcgetattr(0)
        tty.setcbreak(0, termios.TCSANOW)
        mode = termios.tcgetattr(0)
        mode[6][termios.VSUSP] = os.fpathconf(0, "PC_VDISABLE").to_bytes(1, "little")
        termios.tcsetattr(0, termios.TCSANOW, mode)
        self._output.send(_ENTER)
        return self

    def __exit__(self, *_):
        try:
            # Where there is no second screen, what follows goes below this one.
            self._farewell(f"\x1b[{self.size()[1]};1H\n" + _LEAVE)
            termios.tcsetattr(0, termios.TCSANOW, self._before)
        except (OSError, termios.error):
            # The terminal has gone: nothing is left to be put in order.
            pass

    @staticmethod
    def size():
        """(columns, rows)"""
        try:
            columns, rows = os.get_terminal_size(1)
        except OSError:
            columns = rows = 0
        return columns or 80, rows or 24

    def show(self, lines, anew=False):
        """Bring these lines (with their escape sequences) on the screen; only what has changed."""
        parts = []
        if anew or len(lines) != len(self._shown):
            parts.append("\x1b[0m\x1b[2J")
            self._shown = [None] * len(lines)
        for at, line in enumerate(lines):
            if line != self._shown[at]:
                # Erased first: behind a full line the cursor stands on its last character.
                parts.append(f"\x1b[{at + 1};1H\x1b[2K{line}")
        self._shown = list(lines)
        if parts:
            self._output.send("".join(parts))

    def say(self, text):
        """A line on the ordinary screen, after the end."""
        self._farewell(text + "\n")

    @staticmethod
    def _farewell(text):
        # A terminal that is held (Ctrl-S) must not hold us.
        poll = select.poll()
        poll.register(1, select.POLLOUT)
        if poll.poll(_FAREWELL_MS):
            try:
                os.write(1, text.encode())
            except OSError:
                pass
