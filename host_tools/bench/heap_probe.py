"""Starts a built firmware on a simulated board and prints what of the heap each part keeps, as JSON.

Argument: folder of the built version. On standard input: its modules in the order of their imports,
and in a second line all names, which are counted apart. Never upload to a board.
"""

import gc
import json
import sys

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock

_RUN_US = 20000000
_BLOCK = 32  # bytes, where a word has eight


def blocks():
    gc.collect()
    return gc.mem_alloc() // _BLOCK


class Done(Exception):
    pass


def surroundings():
    """(twin, clock, blocks of the board's own file): all that is not on a real board."""
    import machine

    clock = VirtualClock()
    fake_time.use(clock)
    machine.use(clock)
    before = blocks()
    import board

    board_blocks = blocks() - before
    __import__("boot")
    twins = "host_tools.sim.twins." + board.TWIN
    __import__(twins)
    return sys.modules[twins].build(clock, board, 1, 60), clock, board_blocks


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


def know(names):
    """Enter names into the interpreter's table, so that no import makes it grow."""

    class Names:
        pass

    for name in names:
        setattr(Names, name, None)
        delattr(Names, name)


def main(folder, modules, names):
    know(names)
    sys.path.insert(0, folder)
    twin, clock, board_blocks = surroundings()
    steps = [("board", board_blocks)]
    before = blocks()
    for module in modules:
        __import__(module)
        now = blocks()
        steps.append((module, now - before))
        before = now
    version = sys.modules["main"]
    bms = version.make_bms()
    made = blocks() - before

    def stop():
        raise Done

    clock.call_at(clock.now_us + _RUN_US, stop)
    try:
        bms.run()
    except Done:
        pass
    running = blocks() - before
    lengths = []
    seen = {}
    for module in modules:
        raw_bytes(sys.modules[module].__dict__, seen, lengths)
    raw_bytes(bms.__dict__, seen, lengths)
    print(
        json.dumps(
            {
                "modules": steps,
                "made": made,
                "running": running,
                "buffers": lengths,
                "switches_on": bms.front_end.charge_is_on and bms.front_end.discharge_is_on,
            }
        )
    )


main(sys.argv[1], sys.stdin.readline().split(), sys.stdin.readline().split())
