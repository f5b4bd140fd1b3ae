"""The tables of docs/first-hardware.md: figures of the boards, the limits and the doctor."""

import ast

from host_tools import firmware
from host_tools.build import image
from host_tools.doctor import verdict

_PAGE = firmware.ROOT / "docs" / "first-hardware.md"
_LADDER_OHM = 100
_FIGURES = (ast.Assign, ast.AugAssign, ast.If)


def text():
    """The whole page, its tables as of today; what stands around them is written by hand."""
    page = _PAGE.read_text("utf-8")
    boards = [_Numbers(name) for name in image.real_boards()]
    for name, table in (("ladder", _ladder), ("good", _good), ("pins", _pins)):
        before, begin, rest = page.partition(f"<!-- {name}: begin -->\n")
        _, end, after = rest.partition(f"<!-- {name}: end -->\n")
        if not begin or not end:
            raise ValueError(f"{_PAGE.name} has no place for {name}")
        page = before + begin + _rows(table(boards)) + end + after
    return page


def _rows(lines):
    head, *rest = ["| " + " | ".join(line) + " |\n" for line in lines]
    return head + "|---" * (head.count(" | ") + 1) + "|\n" + "".join(rest)


def _ladder(boards):
    yield (
        *("board", "cells", "middle", "may balance from", "charging opens", "closes again"),
        *("discharging opens", "closes again", "each resistor, at most"),
    )
    (chemistries,) = firmware.load("chemistry")
    for board in boards:
        cells = board.constants["CELLS"]
        chemistry = chemistries.by_name(board.constants["CHEMISTRY"])
        # Whichever acts first: the limit of a cell or that of the pack.
        high = list(map(min, chemistry.over_voltage_mv, chemistry.stack_over_cell_mv))
        low = list(map(max, chemistry.under_voltage_mv, chemistry.stack_under_cell_mv))
        of_a_cell = (sum(high + low) // 4, chemistry.balance_start_mv, *high, *low)
        stack = [f"{cells * cell_mv / 1000:.1f} V" for cell_mv in of_a_cell]
        watts = (chemistry.over_voltage_mv[0] / 1000) ** 2 / _LADDER_OHM
        yield f"`{board.name}`", str(cells), *stack, f"{watts:.2f} W"


def _good(boards):
    (keeper,) = firmware.load("keeper")
    oldest = ".".join(map(str, _oldest()))
    share = "share the report"
    yield "the report says", "good is", "else"
    yield (
        "MicroPython, processor",
        f"{oldest} or newer; the processor that the board is built for",
        "the deploy refuses it, too",
    )
    yield (
        "files compared with the manifest",
        "none wrong",
        "deploy again; a source file beside its `.mpy` is what really runs",
    )
    yield "kernels that failed their self-test", "none", f"stop here and {share}"
    yield (
        "kernels and parts, x the table",
        "0.75 to 1.25: no better is the table known ([`kernels.md`](kernels.md))",
        f"{share}: nobody has compared them on a board yet",
    )
    yield "overruns", "0", share
    yield (
        "flash write, worst",
        f"under {keeper.STALL_MS} ms",
        "the firmware takes its own writing for a lost front end",
    )
    yield (
        "heap free",
        f"over {verdict.ROOMY:,} bytes; on a Pico W or an ESP32 over {verdict.NARROW:,}",
        share,
    )
    yield (
        "could not be measured",
        "links; readings of a chip that is not there",
        "the reason stands beside it",
    )


def _pins(boards):
    yield "board", "pin", "level"
    for board in boards:
        names = {value: name for name, value in board.constants.items() if name.endswith("_PIN")}
        for pin, level in board.safe_pins:
            yield f"`{board.name}`", f"GPIO {pin} (`{names[pin]}`)", "high" if level else "low"


class _Numbers:
    """What a board.py declares at its top, without what needs the hardware."""

    def __init__(self, name):
        self.name = name
        source = (firmware.ROOT / "boards" / name / "board.py").read_text("utf-8")
        tree = ast.parse(source)
        tree.body = [node for node in tree.body if isinstance(node, _FIGURES)]
        found = {}
        exec(compile(tree, name, "exec"), found)
        self.constants = {key: found[key] for key in found if key.isupper()}
        self.safe_pins = found["SAFE_PINS"]


def _oldest():
    source = (firmware.ROOT / "firmware" / "main.py").read_text("utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "OLDEST_VERSION":
            return ast.literal_eval(node.value)
    raise ValueError("firmware/main.py names no OLDEST_VERSION")
