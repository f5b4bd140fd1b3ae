"""Rubbish for the engines of a running BMS: random, cut, mixed and damaged frames, to Modbus and
to the native protocol on both its carriers.

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
    reading(0, 88),
    reading(100, 68),
    reading(170, 24),
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


def plain(op, payload=b"", kind=0x10):
    """A message of the native protocol."""
    return bytes([kind, 2 + len(payload), 7, op]) + payload


MESSAGES = (
    plain(0x01),
    plain(0x02, b"\x00\x00"),
    plain(0x02, b"\x00\x48"),
    plain(0x03, b"\x00\x00\x57"),
    plain(0x03, b"\x01\x90\x6e"),
    plain(0x03, b"\x00\x12\x02\x00\x64\x10\x00\x63\x01"),
    plain(0x04, b"\x06\x49\x01\x00\x00"),
    plain(0x04, b"\x03\xe8\x02\x00\x00\x0e\x10\x06\x46\x01\x00\x01"),
    plain(0x06, b"\x01\x00\x12\x02"),
    plain(0x06, b"\x00"),
    plain(0x07, b"\xff\xff\xff\xff"),
    plain(0x07, bytes(4)),
    plain(0x08),
    plain(0x08, b"\x6a\x00\x00\x00"),
    plain(0x10, b"\x02" + bytes(16)),
    plain(0x11, b"\x01" + bytes(16)),
    plain(0x12),
    plain(0x13, b"\x02" + bytes(range(32))),
    plain(0x14, b"\x02" + bytes(range(32))),
    plain(0x15, b"\x0e\x10"),
    plain(0x7F, bytes(60)),
    plain(0x03, b"\x00\x00\x01", 0x20),
    b"\x11\x14\x01\x00\x00\x00\x01" + bytes(15),
    b"\x11\xee\x01" + bytes(237),
)


def in_serial_frames():
    """Pieces for a serial line: frames, what a REPL prints, and frames that never end."""
    frames = [b"\xa6" + with_sum(message) for message in MESSAGES]
    return frames + [b">>> print('hello')\r\n", b"\xa6\xa6\xa6", b"\xa6\x10\xee", b"\xa6\x10\xff"]


def in_function_100():
    return [with_sum(b"\x01\x64" + message) for message in MESSAGES] + list(PIECES)


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


ENGINES = ("modbus", "function 100", "serial")


def play(seed, count, which="modbus"):
    """Complaints about a BMS that has heard all this: nobody may write there."""
    from native_desk import KEYS, NativeDesk

    from host_tools.mock.seeded_random import SeededRandom

    master = NativeDesk("serial" if which == "serial" else "modbus", code_time=False)
    pieces = PIECES
    good = PIECES[2]
    if which == "function 100":
        pieces = in_function_100()
        good = pieces[0]
    elif which == "serial":
        pieces = in_serial_frames()
        good = pieces[0]
    engine = master.engine
    table = master.bms.table
    owner = master.log_in()
    taken = master.door.taken
    rubbish(engine, SeededRandom(seed), count, pieces)
    # What has begun has to end first, for a serial frame 200 ms later.
    master.clock.advance(300000)
    engine.silence()
    engine.reply_sent()
    found = []
    door = master.door
    if door.taken != taken or door.waiting or door.stage.state or master.bms.table is not table:
        found.append("something was written")
    if master.authority.window_left_s or master.authority._key(2) != KEYS[2]:
        found.append("a key or the window has changed")
    if door.began_s:
        found.append("the time has been set")
    if not master.both_on() or master.bms.switches.held_off:
        found.append("a switch has moved")
    engine.receive(good, len(good))
    while engine.unfinished:
        engine.go_on()
    if not engine.reply_length:
        found.append("a good request is not answered any more")
    engine.reply_sent()
    if which != "modbus" and master.ask(3, b"\x00\x12\x02", owner)[0]:
        found.append("the open session has ended")
    print("frames", engine.frames, "refused", engine.refused, "garbage", engine.garbage_bytes)
    return found


def main(
    file="host_tools/campaign/rubbish.py",
    engines=ENGINES,
    counts=(_CPYTHON_BYTES, _MICROPYTHON_BYTES),
    unit="bytes",
):
    import os
    import subprocess

    from host_tools.sim import interpreter

    program, _ = interpreter.find()
    seed = sys.argv[1] if len(sys.argv) > 1 else "1"
    failed = 0
    rounds = [
        (which, path, count)
        for which in engines
        for path, count in zip((sys.executable, program), counts)
    ]
    for which, path, count in rounds:
        places = os.pathsep.join(_PATH)
        done = subprocess.run(
            [path, file, seed, str(count), which],
            env=dict(os.environ, PYTHONPATH=places, MICROPYPATH=places + ":.frozen"),
            capture_output=True,
            text=True,
        )
        who = os.path.basename(path)
        print(f"{which}: {count:,} {unit} of rubbish, {who}: {done.stdout.strip()}")
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    if len(sys.argv) > 2:
        _found = play(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
        print(", ".join(_found) or "ok")
        sys.exit(1 if _found else 0)
    sys.exit(main())
