"""JBD with parameters allocates nothing where it only reads or refuses; rubbish changes nothing.

Run by tests/unit/test_jbd_on_micropython.py: rounds, bytes of rubbish; prints both and "ok".
"""

import gc
import sys

import micropython
from jbd_desk import Host

from host_tools.campaign.jbd_rubbish import GOOD_PIECES, PIECES, damaged, reading
from host_tools.campaign.rubbish import rubbish
from host_tools.mock.seeded_random import SeededRandom
from vigil.link import jbd_parameters

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
RUBBISH = int(sys.argv[2]) if len(sys.argv) > 2 else 20000


class Clock:
    """The desk's makes numbers beyond 30 bits on this computer; a board's makes none."""

    def ticks_ms(self):
        return 1000


def a_round(engine):
    for piece in PIECES:
        engine.receive(piece, len(piece))
        engine.reply_sent()
        engine.silence()


def main():
    host = Host(line=False)
    engine = host.engine
    jbd_parameters.time = Clock()
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
    dice = SeededRandom(6)
    rubbish(engine, dice, RUBBISH, PIECES)
    host.door.authority.granted = 2
    damaged(engine, dice, RUBBISH)
    gc.collect()
    assert gc.mem_alloc() <= before + 64
    engine.silence()
    engine.reply_sent()
    assert host.at_once(reading(0x05))[1] == 5
    door = host.door
    assert door.taken == 0 and door.waiting == 0 and door.stage.state == 0
    assert host.both_on() and not host.bms.switches.held_off
    print("rounds", ROUNDS, "bytes", allocated, "rubbish", 2 * RUBBISH)
    print("ok")


main()
