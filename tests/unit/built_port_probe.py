"""A built version whose port speaks a chosen protocol: requests in, answers out, as JSON.

Runs on MicroPython. Argument: its folder. On standard input, as JSON: `names`, {name: the short
one of this build}; `requests`, hex, each asked by somebody who may do everything.
"""

import json
import sys

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock

_START_US = 20000000
_ANSWER_US = 2000000
_CODE_US = 100


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

    class Owner:
        pass

    setattr(Owner, short("role"), lambda self, who: 2)
    setattr(bms.points.door, short("authority"), Owner())
    heard = bytearray()
    twin.rs485.on_transmit = heard.extend

    def run(us):
        end_us = clock.now_us + us
        while clock.now_us < end_us:
            bms.executive.turn()

    bms.sample.start(time.ticks_ms())
    bms.executive.start()
    run(_START_US)
    answers = []
    for request in asked["requests"]:
        heard[:] = b""
        twin.rs485.receive(bytes.fromhex(request))
        run(_ANSWER_US)
        answers.append(heard.hex())
    closed = [bms.front_end.charge_is_on, bms.front_end.discharge_is_on]
    print(json.dumps({"answers": answers, "closed": closed}))


main(sys.argv[1], json.loads(sys.stdin.readline()))
