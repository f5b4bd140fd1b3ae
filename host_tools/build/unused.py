"""Leaves out what nothing on a board speaks of: functions and methods of parts that others use."""

import ast

from host_tools.build import shorten, started

# What the interpreter calls by itself.
_CALLED_BY_ITSELF = shorten.OF_PYTHON | {"ioctl", "readblocks", "writeblocks"}


def left_out(texts, fixed, outside):
    """{path: text} without functions whose name is mentioned in no text of a board, nor outside.

    As started.only_for_start. A name that texts are put together to is not found: what ends
    like a text's word stays.
    """
    trees = {path: ast.parse(text) for path, text in texts.items()}
    while True:
        texts = {path: ast.unparse(tree) + "\n" for path, tree in trees.items()}
        unused = started.Mentions(texts, fixed, outside).nowhere() - _CALLED_BY_ITSELF
        if not unused:
            return texts
        for tree in trees.values():
            for node in ast.walk(tree):
                if isinstance(node, (ast.Module, ast.ClassDef)):
                    node.body = [part for part in node.body if not _is_one(part, unused)]
                    if isinstance(node, ast.ClassDef) and not node.body:
                        node.body.append(ast.Pass())


def _is_one(node, names):
    return isinstance(node, ast.FunctionDef) and not node.decorator_list and node.name in names


def bare(text):
    """Classes without the two names that the interpreter gives each and that nothing asks for."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            node.body.insert(0, ast.parse("del __module__, __qualname__").body[0])
    return ast.unparse(tree) + "\n"
