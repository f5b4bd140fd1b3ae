"""A board as its owner may choose it: with other constants in its board.py."""

import ast
import shutil

from host_tools.build import image


def chosen(board, folder, **choices):
    """A root for image.make() in an empty folder; choices: {constant of board.py: its value}."""
    copy = folder / "boards" / board
    shutil.copytree(image.ROOT / "boards" / board, copy)
    for name in ("firmware", "host_tools", "pyproject.toml"):
        (folder / name).symlink_to(image.ROOT / name)
    path = copy / "board.py"
    path.write_text(with_choices(path.read_text("utf-8"), choices), "utf-8")
    return folder


def with_choices(text, choices):
    """The text of a board.py with other values; ValueError if it has no such constant."""
    lines = text.splitlines(keepends=True)
    for node in reversed(ast.parse(text).body):
        name = getattr(node.targets[0], "id", None) if isinstance(node, ast.Assign) else None
        if name in choices:
            lines[node.lineno - 1 : node.end_lineno] = [f"{name} = {choices[name]!r}\n"]
            choices = {other: value for other, value in choices.items() if other != name}
    if choices:
        raise ValueError(f"board.py has no {', '.join(choices)}")
    return "".join(lines)
