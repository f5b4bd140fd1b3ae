"""The wiring table of a board's README, from the pins of its board.py and their remarks.

`python -m host_tools.build.wiring` writes every board's table anew.
"""

import re

from host_tools.build import image

_PIN = re.compile(r"^ *(\w+_PIN) = (\d+)  # (.+?) \| (.+)$", re.MULTILINE)
_BEGIN, _END = "<!-- wiring: begin -->\n", "<!-- wiring: end -->\n"


def table(source):
    lines = ["| pin | name in `board.py` | kind | goes to |", "|---|---|---|---|"]
    for name, pin, kind, place in _PIN.findall(source):
        lines.append(f"| GPIO {pin} | `{name}` | {kind} | {place} |")
    return "\n".join(lines) + "\n"


def with_table(readme, source):
    """The README with the table of today; ValueError where it has no place for one."""
    before, found, rest = readme.partition(_BEGIN)
    _, ended, after = rest.partition(_END)
    if not found or not ended:
        raise ValueError("no place for the wiring table")
    return before + _BEGIN + table(source) + _END + after


def readmes(root=image.ROOT):
    """[(README.md, its text as it should be)] of every real board."""
    pairs = []
    for name in image.real_boards(root):
        folder = root / "boards" / name
        source = (folder / "board.py").read_text("utf-8")
        path = folder / "README.md"
        pairs.append((path, with_table(path.read_text("utf-8"), source)))
    return pairs


if __name__ == "__main__":
    for path, text in readmes():
        path.write_text(text, "utf-8")
