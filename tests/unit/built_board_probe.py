"""A built version on its simulated board: starts, takes new limits, trips; tells it as JSON.

Runs on MicroPython. Argument: its folder. On standard input, as JSON: `names`, {name: the short
one of this build}; `row`: the place of the cells' over-voltage in the limit table.
"""

import json
import sys

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock

_RUN_US = 20000000
_CODE_US = 100
_ARRAYS = ("trip", "release", "trip_delay_ms", "release_delay_ms")
_SINGLE = ("short_circuit_ma", "short_circuit_delay_us")


def run(bms, clock):
    """For _RUN_US; whether the charge and the discharge switch are closed then."""
    end_us = clock.now_us + _RUN_US
    while clock.now_us < end_us:
        bms.executive.turn()
    return [bms.front_end.charge_is_on, bms.front_end.discharge_is_on]


def main(folder, asked):
    import machine

    def short(name):
        return asked["names"].get(name, name)

    clock = VirtualClock()
    fake_time.use(clock)
    machine.use(clock)
    sys.path.insert(0, folder)
    import board

    __import__("boot")
    twins = "host_tools.sim.twins." + board.TWIN
    __import__(twins)
    twin = sys.modules[twins].build(clock, board, 1, 60)
    import time

    ticks_ms = time.ticks_ms

    def later_ms():
        clock.advance(_CODE_US)
        return ticks_ms()

    time.ticks_ms = later_ms
    version = __import__("main")
    bms = version.make_bms()
    version.greet(bms)
    version.forget_start()
    told = {"self_test": bms.self_test_passed}
    table = bms.table
    use_limits = getattr(bms, short("use_limits"))

    def changed(by_mv):
        other = type(table)()
        for name in _ARRAYS:
            getattr(other, short(name))[:] = getattr(table, short(name))
        for name in _SINGLE:
            setattr(other, short(name), getattr(table, short(name)))
        getattr(other, short("trip"))[asked["row"]] += by_mv
        return other

    bms.sample.start(time.ticks_ms())
    bms.executive.start()
    told["started"] = run(bms, clock)
    told["refused"] = len(use_limits(changed(5000)))
    told["kept"] = bms.table is table
    told["accepted"] = len(use_limits(changed(-5)))
    told["replaced"] = bms.table is not table
    told["set_up_anew"] = run(bms, clock)
    charge, allowed = bms.charge, bms.allowed
    told["knows"] = {
        "soc_permille": getattr(charge, short("soc_permille")),
        "sigma_permille": getattr(charge, short("sigma_permille")),
        "allowed_ma": [getattr(allowed, short(n)) for n in ("charge_ma", "discharge_ma")],
        "ahead": getattr(allowed, short("ahead_ma"))[0],
        "watched_s": sum(getattr(bms.totals, short("by_temp_s"))),
        "pairs": bms.ageing.pairs,
        "to_move": getattr(bms, short("to_move")) is not None,
    }
    trip_mv = getattr(bms.table, short("trip"))[asked["row"]]
    twin.bench.set_cell_mv(3, trip_mv + 50)
    told["tripped"] = run(bms, clock)
    told["tripped_row"] = bms.protection.is_tripped(asked["row"])
    told["modules"] = [name for name in sys.modules if name.split(".")[0] in ("vigil", "board")]
    told["starts_before"] = version.remembered.unconfirmed_starts
    version.owner_reset()
    told["starts_after"] = version.remembered.unconfirmed_starts
    print(json.dumps(told))


main(sys.argv[1], json.loads(sys.stdin.readline()))
