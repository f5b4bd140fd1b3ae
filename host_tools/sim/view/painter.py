"""Styled lines to what a terminal understands."""

import io

from rich.console import Console

from host_tools.sim.view import signs


class Painter:
    def __init__(self, plain_signs=False):
        """plain_signs: the terminal knows ASCII only."""
        self._plain_signs = plain_signs
        # Asked once: the colours that this terminal has (TERM, COLORTERM, NO_COLOR).
        self._console = Console(
            file=io.StringIO(), force_terminal=True, width=1000, highlight=False, emoji=False
        )

    def paint(self, lines):
        """One string with escape sequences for each line."""
        return [self._paint(line) for line in lines]

    def _paint(self, line):
        with self._console.capture() as capture:
            self._console.print(line, end="", no_wrap=True, overflow="ignore", crop=False)
        text = capture.get()
        return text.translate(signs.ASCII) if self._plain_signs else text
