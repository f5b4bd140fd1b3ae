"""What a simulated minute costs part by part, on the interpreter that runs this file.

Prints one JSON object: real seconds for the cells alone, cells and chip, and everything.
Never upload to a board.
"""

import json
import sys

import machine

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from host_tools.sim.console import real_us

_MINUTE_US = 60000000


def _real_s(function):
    begun_us = real_us()
    function()
    return (real_us() - begun_us) / 1000000


def _desk(board_name):
    clock = VirtualClock()
    machine.forget()
    fake_time.use(clock)
    machine.use(clock)
    if "boards/" + board_name not in sys.path:
        sys.path.insert(0, "boards/" + board_name)
    import board

    module = "host_tools.sim.twins." + board.TWIN
    __import__(module)
    return clock, board, sys.modules[module]


def cells_alone(board_name):
    from host_tools.mock.bench import Bench
    from host_tools.mock.cells import Pack

    clock, board, _ = _desk(board_name)
    Bench(clock, Pack(board.CELLS, board.CAPACITY_MAH, board.CHEMISTRY, 1, 60))
    return _real_s(lambda: clock.advance(_MINUTE_US))


def cells_and_chip(board_name):
    clock, board, twin = _desk(board_name)
    twin.build(clock, board, 1, 60)
    return _real_s(lambda: clock.advance(_MINUTE_US))


def everything(board_name):
    clock, board, twin = _desk(board_name)
    twin.build(clock, board, 1, 60)
    import main

    bms = main.make_bms()
    bms.sample.start(0)
    bms.executive.start()

    def minute():
        while clock.now_us < _MINUTE_US:
            bms.executive.turn()

    return _real_s(minute)


if __name__ == "__main__":
    _name = sys.argv[1]
    print(
        json.dumps(
            {
                "cells_s": cells_alone(_name),
                "cells_and_chip_s": cells_and_chip(_name),
                "everything_s": everything(_name),
            }
        )
    )
