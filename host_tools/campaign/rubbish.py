"""Rubbish for the Modbus engine of a running BMS: random, cut, mixed and damaged frames.

`python -m host_tools.campaign.rubbish` plays it on CPython and on MicroPython (part of `make
campaign`); the file itself, with a seed and a number of bytes, is played by either interpreter.
"""

import sys

_CPYTHON_BYTES = 5000000
_MICROPYTHON_BYTES = 200000
_PATH = ("host_tools/mock/fakes", "tests/micropython", ".", "firmware/lib", "firmware")


def with_sum(frame):
    """A frame with its check code, computed bit by bit."""
    total = 0xFFFF
    for byte in frame:
        total ^= byte
        for _ in range(8):
            total = total >> 1 ^ (0xA001 if total & 1 else 0)
    return bytes(frame) + bytes([total & 0xFF, total >> 8])


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
GOOD_PIECES = 18  # of these are requests to unit 1, or to all


def rubbish(engine, dice, count, pieces=PIECES):
    """At least so many bytes, in pieces as a port hands them on."""
    heard = bytearray(64)
    done = 0
    while done < count:
        kind = dice.below(4)
        length = 1 + dice.below(64)
        if kind == 0:
            for at in range(length):
                heard[at] = dice.below(256)
        else:
            piece = pieces[dice.below(len(pieces))]
            length = min(length, len(piece)) if kind == 1 else min(64, len(piece))
            for at in range(length):
                heard[at] = piece[at]
            if kind == 2:
                heard[dice.below(length)] ^= 1 << dice.below(8)
        engine.receive(heard, length)
        if not 0 <= engine.pending <= 256 or not 0 <= engine.reply_length <= 256:
            raise ValueError("the engine keeps more than a frame")
        done += length
        while engine.unfinished:
            engine.go_on()
        if not dice.below(3):
            engine.reply_sent()
        if not dice.below(8):
            engine.silence()


def play(seed, count):
    """Complaints about a BMS that has heard all this: nobody may write there."""
    from modbus_desk import Master

    from host_tools.mock.seeded_random import SeededRandom

    master = Master(code_time=False)
    engine = master.engine
    table = master.bms.table
    rubbish(engine, SeededRandom(seed), count)
    engine.silence()
    engine.reply_sent()
    found = []
    door = master.door
    if door.taken or door.waiting or door.stage.state or master.bms.table is not table:
        found.append("something was written")
    if not master.both_on() or master.bms.switches.held_off:
        found.append("a switch has moved")
    engine.receive(PIECES[2], 8)
    if not engine.reply_length:
        found.append("a good request is not answered any more")
    print("frames", engine.frames, "refused", engine.refused, "garbage", engine.garbage_bytes)
    return found


def main(file="host_tools/campaign/rubbish.py", protocol="modbus"):
    import os
    import subprocess

    from host_tools.sim import interpreter

    program, _ = interpreter.find()
    seed = sys.argv[1] if len(sys.argv) > 1 else "1"
    failed = 0
    for path, count in ((sys.executable, _CPYTHON_BYTES), (program, _MICROPYTHON_BYTES)):
        places = os.pathsep.join(_PATH)
        done = subprocess.run(
            [path, file, seed, str(count)],
            env=dict(os.environ, PYTHONPATH=places, MICROPYPATH=places + ":.frozen"),
            capture_output=True,
            text=True,
        )
        print(
            f"{protocol}: {count:,} bytes of rubbish, {os.path.basename(path)}: "
            f"{done.stdout.strip()}"
        )
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    if len(sys.argv) > 2:
        _found = play(int(sys.argv[1]), int(sys.argv[2]))
        print(", ".join(_found) or "ok")
        sys.exit(1 if _found else 0)
    sys.exit(main())
