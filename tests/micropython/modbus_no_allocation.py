"""Modbus allocates nothing from request to answer, whatever comes; and rubbish changes nothing.

Run by tests/unit/test_modbus_on_micropython.py: rounds, bytes of rubbish; prints both and "ok".
"""

import gc
import sys

import micropython
from modbus_desk import Master, with_sum

from host_tools.mock.seeded_random import SeededRandom

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
RUBBISH = int(sys.argv[2]) if len(sys.argv) > 2 else 20000


def reading(address, count, unit=1):
    return with_sum(bytes([unit, 3, address >> 8, address & 0xFF, 0, count]))


PIECES = (
    reading(0, 87),
    reading(100, 52),
    reading(160, 24),
    reading(200, 44),
    reading(250, 20),
    reading(300, 64),
    reading(400, 125),
    reading(525, 125),
    reading(1000, 125),
    reading(40000, 125),
    reading(40125, 125),
    reading(40250, 54),
    reading(90, 1),
    with_sum(b"\x01\x06\x06\x48\x00\x01"),
    with_sum(b"\x01\x10\x03\xe8\x00\x02\x04\x00\x00\x0e\x10"),
    with_sum(b"\x00\x06\x06\x48\x00\x01"),
    with_sum(b"\x09\x03\x04\x00\x00\x00\x00"),
    with_sum(b"\x01\x63\x00"),
    b"\x00" + reading(18, 2),
    b"\x01\x03\x00",
    bytes(range(256)) + bytes(20),
)


def a_round(engine):
    for piece in PIECES:
        engine.receive(piece, len(piece))
        while engine.unfinished:
            engine.go_on()
        engine.reply_sent()
        engine.silence()


def rubbish(engine, dice, count):
    """Random bytes between good frames that are damaged, cut or mixed; nobody may write."""
    heard = bytearray(64)
    done = 0
    while done < count:
        kind = dice.below(4)
        length = 1 + dice.below(64)
        if kind == 0:
            for at in range(length):
                heard[at] = dice.below(256)
        else:
            piece = PIECES[dice.below(len(PIECES))]
            length = min(length, len(piece)) if kind == 1 else min(64, len(piece))
            for at in range(length):
                heard[at] = piece[at]
            if kind == 2:
                heard[dice.below(length)] ^= 1 << dice.below(8)
        engine.receive(heard, length)
        done += length
        while engine.unfinished:
            engine.go_on()
        if not dice.below(3):
            engine.reply_sent()
        if not dice.below(8):
            engine.silence()


def main():
    master = Master(code_time=False)
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
    assert engine.frames - frames == (ROUNDS + 20) * 18, engine.frames
    gc.collect()
    before = gc.mem_alloc()
    rubbish(engine, SeededRandom(6), RUBBISH)
    gc.collect()
    assert gc.mem_alloc() <= before + 64
    engine.silence()
    engine.reply_sent()
    engine.receive(PIECES[0], 8)
    assert engine.unfinished or engine.reply_length
    door = master.door
    assert door.taken == 0 and door.waiting == 0 and door.stage.state == 0
    assert master.both_on() and not master.bms.switches.held_off
    print("rounds", ROUNDS, "bytes", allocated, "rubbish", RUBBISH)
    print("ok")


main()
