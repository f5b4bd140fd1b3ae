"""Reading by the native protocol allocates nothing; rubbish and sealed messages leave nothing.

Run by tests/unit/test_native_on_micropython.py: rounds, bytes of rubbish; prints both and "ok".
"""

import gc
import sys

from native_desk import READ, WRITE, NativeDesk, plain, ranges, writes

from host_tools.campaign.rubbish import in_function_100, in_serial_frames, rubbish
from host_tools.mock.seeded_random import SeededRandom

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
RUBBISH = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
ASKED = (
    plain(0x02, b"\x00\x00"),
    plain(READ, ranges((0, 88))),
    plain(READ, ranges((400, 110))),
    plain(READ, ranges((100, 48), (148, 16))),
    plain(READ, ranges((99, 1))),
    plain(WRITE, writes((1609, 0, 1))),
    plain(0x7F, bytes(60)),
    b"\x20\x02\x01\x01",
)


def a_round(engine, frames):
    for frame in frames:
        engine.receive(frame, len(frame))
        while engine.unfinished:
            engine.go_on()
        if not engine.reply_length:
            raise ValueError("not answered")
        engine.reply_sent()


def main():

    for carrier, pieces in (("serial", in_serial_frames()), ("modbus", in_function_100())):
        desk = NativeDesk(carrier, code_time=False)
        engine = desk.engine
        frames = [desk.framed(message) for message in ASKED]
        a_round(engine, frames)
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        for _ in range(ROUNDS):
            a_round(engine, frames)
        allocated = gc.mem_alloc() - before
        gc.enable()
        assert allocated == 0, "%s: %d bytes were allocated" % (carrier, allocated)
        owner = desk.log_in()
        lot = writes((1609, 3, 1))
        for _ in range(20):
            assert desk.ask(READ, ranges((400, 110)), owner)[0] == 0
            desk.ask(WRITE, lot, owner)
            desk.door.waiting = 0
        rubbish(engine, SeededRandom(6), 2000, pieces)
        gc.collect()
        before = gc.mem_alloc()
        rubbish(engine, SeededRandom(7), RUBBISH, pieces)
        # A frame that has begun is given up after a while.
        desk.clock.advance(250000)
        engine.silence()
        engine.reply_sent()
        desk.ask(READ, ranges((400, 110)), owner)
        gc.collect()
        assert gc.mem_alloc() <= before + 2048, gc.mem_alloc() - before
    print("rounds", ROUNDS, "bytes", allocated, "rubbish", RUBBISH)
    print("ok")


main()
