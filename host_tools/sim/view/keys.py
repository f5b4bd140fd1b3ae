"""Bytes of a keyboard become names of keys: printable characters as they are, others in words."""

import re

ENTER, ESCAPE, BACKSPACE, WIPE, UP, DOWN, TAB = (
    "enter",
    "escape",
    "backspace",
    "wipe",
    "up",
    "down",
    "tab",
)
_NAMED = {"\r": ENTER, "\n": ENTER, "\x7f": BACKSPACE, "\b": BACKSPACE, "\x15": WIPE, "\t": TAB}
_ARROWS = {"A": UP, "B": DOWN}
# An escape sequence, whole; else one character.
_KEY = re.compile(r"\x1b[\[O][0-9;]*([A-Za-z~])|(.)", re.DOTALL)


def read(data):
    """Names of the keys in `data`; a key that means nothing here is left out."""
    names = []
    for match in _KEY.finditer(data.decode("utf-8", "replace")):
        final, character = match.groups()
        if final:
            name = _ARROWS.get(final)
        elif character == "\x1b":
            name = ESCAPE
        else:
            name = _NAMED.get(character, character if character.isprintable() else None)
        if name:
            names.append(name)
    return names


class Prompt:
    """A line of text being typed."""

    _LONGEST = 200

    def __init__(self, text=""):
        self.text = text

    def press(self, key):
        """ENTER and ESCAPE come back to the caller, anything else is dealt with here."""
        if key in (ENTER, ESCAPE):
            return key
        if key == BACKSPACE:
            self.text = self.text[:-1]
        elif key == WIPE:
            self.text = ""
        elif len(key) == 1 and len(self.text) < self._LONGEST:
            self.text += key
        return None
