"""docs/points.md: everything that can be read or written from outside, from its declaration."""

from host_tools.points import declared, pack
from host_tools.points.declared import POINTS

_HEAD = """# The points

Written by `make docs` from [`declared.py`](../host_tools/points/declared.py), where every point is
declared once. The board holds the same table packed
([`points_table.py`](../firmware/lib/vigil/points_table.py)); `points_schema` is its hash, here
`{schema:08X}`: who finds another one on a board must not take these names for it.

A point's number is its identity, and on Modbus the first of its registers
([`modbus.md`](modbus.md)). 32 bits take two registers, high half first. Real value = number x
10^scale in the unit; units with the scale in brackets. What is not known is 0xFFFF, with a sign
0x8000, in 32 bits 0xFFFFFFFF and 0x80000000. Of an array a board has as many elements as it has
cells or sensors, the others are not known; of limits element n belongs to row n + 1 of
[`limits.md`](limits.md).

"""
_TABLE = """
| number | point | type | unit | who writes | means |
|---|---|---|---|---|---|
"""
_WRITING = """
## Writing

Everybody may read. Every write goes through one door ([`door.py`](../firmware/lib/vigil/door.py)):
it is checked at once, waits in a queue, and is done in the next cycle. Who may write is decided by
an *authority*, an object with `role(link)` that says what the user behind a link may do just now:
0 look, 1 operate, 2 as the owner. Every board here that shows points has the one of
[`keys.md`](keys.md): nobody may write before a key is set. `write_result` tells what became of
the latest write; what was refused is counted, and told to the journal in four records at a
minute's distance, then in one every six hours, with how many they stand for: nobody pushes the
trips and the owner's own writes out of it.

| result | means |
|---|---|
| 0 | taken |
| 1 | there is no such point |
| 2 | there is no such element on this board, or only half of its 32 bits was written |
| 3 | nobody writes this point |
| 4 | not allowed: the user has not the role |
| 5 | out of the point's range |
| 6 | no set of limits has been begun |
| 7 | busy: the queue is full; at most {waiting} values wait |
| 8 | the hash is that of another table |
| 9 | the validator has refused the set of limits |

## Another set of limits

1. Read `limits_schema`; write its second register to `limits_begin`. A host that knows other rows
   is refused here. The staged set is now a copy of the limits that run.
2. Write to `staged_...` whatever is to be different. Nothing that runs changes.
3. `limits_validate` checks the set as a whole, `limits_commit` checks it and takes it over whole
   or not at all; `limits_state` says when the verdict stands, `limits_problems` and
   `problem_...` which rows contradict what. A refused set stays, to be mended.
4. After a commit both switches open for about a second, while the front end is set up anew for the
   new limits. Read `limit_...` back.

`switches_allowed` keeps a switch off for as long as somebody wants that; it never closes one
against a limit. A restart allows both again.
"""
_BLOCKS = (
    (0, "State and measurements", "One reading of registers 0 to 87 has all of these."),
    (100, "Every cell and sensor, and names", ""),
    (
        200,
        "Counters",
        "`starts`, `trips`, `latches` and what follows up to 209 survive a restart.",
    ),
    (300, "The limits that run", ""),
    (1000, "A set of limits in the making", ""),
    (1600, "Writing and its results", "A command reads as 0."),
    (1700, "Keys and sessions", "See [`keys.md`](keys.md)."),
)


def text():
    """The whole page."""
    from host_tools import firmware

    (door,) = firmware.load("door")
    parts = [_HEAD.format(schema=pack.schema())]
    ends = [block[0] for block in _BLOCKS[1:]] + [1 << 16]
    for (first, title, remark), end in zip(_BLOCKS, ends, strict=True):
        parts.append(f"## {title}\n")
        if remark:
            parts.append(f"\n{remark}\n")
        parts.append(_TABLE)
        parts += [line(point) for point in POINTS if first <= point.number < end]
        parts.append("\n")
    return "".join(parts).rstrip() + "\n" + _WRITING.format(waiting=door.MOST_WAITING)


def line(point):
    count = "" if point.count == 1 else f"[{point.count}]"
    numbers = f"{point.number}"
    if point.registers > 1:
        numbers += f" to {point.number + point.registers - 1}"
    words = (
        numbers,
        f"`{point.key}`{count}",
        declared.NAMES[point.type],
        unit(point),
        _writer(point),
        point.meaning,
    )
    return "| " + " | ".join(words) + " |\n"


def unit(point):
    symbol, scale = declared.UNITS[point.unit]
    return f"{symbol} ({scale})" if scale else symbol


def _writer(point):
    if not point.access:
        return ""
    lowest, highest = point.range
    return f"{declared.ROLES[point.access]}, {lowest:,} to {highest:,}"
