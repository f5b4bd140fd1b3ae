"""Starts a built firmware on a simulated board; prints what each part keeps of the heap, as JSON.

Argument: folder of the built version, or a ROMFS image of it. On standard input: its modules in
the order of their imports, and in a second line all names, which are counted apart; without
modules it tells which ones a start imports. Never upload to a board.
"""

import gc
import json
import sys

import vfs

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock

_RUN_US = 20000000
_CODE_US = 100  # between two looks at the clock: what only moves with it is not polled at once
_BLOCK = 32  # bytes, where a word has eight


def blocks():
    gc.collect()
    return gc.mem_alloc() // _BLOCK


class Done(Exception):
    pass


class Copied:
    """What a twin learns of a board, which it may keep: the board's own file is let go of."""


def surroundings():
    """(twin, clock, blocks of the board's own file): all that is not on a real board."""
    import bluetooth
    import machine

    clock = VirtualClock()
    fake_time.use(clock)
    machine.use(clock)
    # In use before anything is counted, whether the board has one or not.
    bluetooth.use(clock)
    before = blocks()
    import board

    board_blocks = blocks() - before
    __import__("boot")
    twins = "host_tools.sim.twins." + board.TWIN
    __import__(twins)
    told = Copied()
    for name in dir(board):
        if name[0] != "_":
            setattr(told, name, getattr(board, name))
    twin = sys.modules[twins].build(clock, told, 1, 60)
    board.make_storage = told.make_storage
    # Functions of the board would hold all of it.
    for name in ("build", "devices"):
        if hasattr(told, name):
            delattr(told, name)
    board = None  # nor may what the stack still holds
    return twin, clock, board_blocks


def let_code_take_time(clock):
    """Each look at the milliseconds stands for some code; names of a built version are short."""
    import time

    ticks_ms = time.ticks_ms

    def later_ms():
        clock.advance(_CODE_US)
        return ticks_ms()

    time.ticks_ms = later_ms


def raw_bytes(thing, seen, lengths):
    """Lengths of all buffers reachable from `thing`: what does not shrink with the words."""
    if id(thing) in seen:
        return
    seen[id(thing)] = thing
    kind = type(thing).__name__
    if kind in ("bytes", "bytearray", "array"):
        size = {"i": 4, "I": 4, "H": 2, "h": 2}.get(repr(thing)[7], 1) if kind == "array" else 1
        lengths.append(len(thing) * size)
    elif kind in ("list", "tuple", "set"):
        for part in thing:
            raw_bytes(part, seen, lengths)
    elif kind == "dict":
        for part in thing.values():
            raw_bytes(part, seen, lengths)
    elif hasattr(thing, "__dict__") and kind not in ("module", "type"):
        raw_bytes(thing.__dict__, seen, lengths)


def built_in(names):
    """Those of the names that every interpreter has in its read-only memory."""
    known = set()
    for module in ("builtins", "array", "binascii", "gc", "machine", "micropython", "os", "sys"):
        known |= {module} | set(dir(__import__(module)))
    for thing in (
        0,
        "",
        b"",
        [],
        (),
        {},
        set(),
        bytearray(),
        Exception,
        sys.modules["machine"].Pin,
    ):
        known |= set(dir(thing))
    for module in ("json", "struct", "time"):
        known |= {module} | set(dir(__import__("u" + module)))
    return [name for name in names if name in known]


def know(names):
    """Enter names into the interpreter's table, so that no import makes it grow."""

    class Names:
        pass

    for name in names:
        setattr(Names, name, None)
        delattr(Names, name)


def main(folder, modules, names):
    import machine  # noqa: F401

    known = built_in(names)
    know(names)
    if folder.endswith(".romfs"):
        global image  # what lies in flash on a board
        with open(folder, "rb") as file:
            image = file.read()
        vfs.mount(vfs.VfsRom(image), "/rom")
        folder = "/rom"
    sys.path.insert(0, folder)
    twin, clock, board_blocks = surroundings()
    let_code_take_time(clock)
    steps = [("board", board_blocks)]
    before = blocks()
    for module in modules:
        __import__(module)
        now = blocks()
        steps.append((module, now - before))
        before = now
    version = __import__("main")
    bms = version.make_bms()
    version.greet(bms)
    made = blocks()
    imported = set(sys.modules)
    version.forget_start()
    if not modules:
        print(json.dumps(sorted(imported | set(sys.modules))))
        return
    forgotten = made - blocks()
    made -= before

    def stop():
        raise Done

    clock.call_at(clock.now_us + _RUN_US, stop)
    try:
        bms.run()
    except Done:
        pass
    running = blocks() - before + forgotten
    lengths, seen = [], {}
    raw_bytes([twin, clock, sys.modules["machine"].__dict__], seen, [])
    for module in [name for name in modules if name in sys.modules]:
        raw_bytes(sys.modules[module].__dict__, seen, lengths)
    raw_bytes(bms.__dict__, seen, lengths)
    print(
        json.dumps(
            {
                "modules": steps,
                "running": running,
                "forgotten": forgotten,
                "built_in": known,
                "gone": [name for name in ["board"] + modules if name not in sys.modules],
                "buffers": lengths,
                "switches_on": bms.front_end.charge_is_on and bms.front_end.discharge_is_on,
            }
        )
    )


main(sys.argv[1], sys.stdin.readline().split(), sys.stdin.readline().split())
