"""A link allocates nothing from request to answer, whatever comes; and rubbish changes nothing.

Run by tests/unit/test_modbus_on_micropython.py: protocol, rounds, bytes of rubbish; prints "ok".
"""

import gc
import sys

import micropython
from modbus_desk import Master
from pylontech_desk import Inverter

from host_tools.campaign import pylontech_rubbish
from host_tools.campaign import rubbish as campaign
from host_tools.mock.seeded_random import SeededRandom

PROTOCOL = sys.argv[1] if len(sys.argv) > 1 else "modbus"
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 200
RUBBISH = int(sys.argv[3]) if len(sys.argv) > 3 else 20000
MASTER, PIECES, GOOD_PIECES = {
    "modbus": (Master, campaign.PIECES, campaign.GOOD_PIECES),
    "pylontech": (
        Inverter,
        pylontech_rubbish.PYLONTECH_PIECES,
        pylontech_rubbish.GOOD_PYLONTECH_PIECES,
    ),
}[PROTOCOL]


def a_round(engine):
    for piece in PIECES:
        engine.receive(piece, len(piece))
        while engine.unfinished:
            engine.go_on()
        engine.reply_sent()
        engine.silence()


def main():
    master = MASTER(code_time=False)
    engine = master.engine
    # The clock of the desk makes numbers beyond 30 bits on this computer; a board's has none.
    a_round(engine)
    frames = engine.frames
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(ROUNDS):
        a_round(engine)
    allocated = gc.mem_alloc() - before
    gc.enable()
    assert allocated == 0, "%d bytes were allocated" % allocated
    micropython.heap_lock()
    try:
        for _ in range(20):
            a_round(engine)
    finally:
        micropython.heap_unlock()
    assert engine.frames - frames == (ROUNDS + 20) * GOOD_PIECES, engine.frames
    gc.collect()
    before = gc.mem_alloc()
    campaign.rubbish(engine, SeededRandom(6), RUBBISH, PIECES)
    gc.collect()
    assert gc.mem_alloc() <= before + 64
    engine.silence()
    engine.reply_sent()
    engine.receive(PIECES[0], len(PIECES[0]))
    assert engine.unfinished or engine.reply_length
    door = master.door
    assert door.taken == 0 and door.waiting == 0 and door.stage.state == 0
    assert master.both_on() and not master.bms.switches.held_off
    print("rounds", ROUNDS, "bytes", allocated, "rubbish", RUBBISH)
    print("ok")


main()
