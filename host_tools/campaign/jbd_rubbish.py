"""Rubbish for the JBD engine of a running BMS: random, cut, mixed and damaged frames.

`python -m host_tools.campaign.jbd_rubbish` as host_tools/campaign/rubbish.py; half of the bytes
are heard inside the owner's write window, where whole frames may write and damaged ones may not.
"""

import sys


def frame(command, register, data=b""):
    body = bytes([register, len(data)]) + bytes(data)
    total = (0x10000 - sum(body)) & 0xFFFF
    return bytes([0xDD, command]) + body + bytes([total >> 8, total & 0xFF, 0x77])


def reading(register):
    return frame(0xA5, register)


READS = (
    [reading(register) for register in (0x00, 0x03, 0x04, 0x05, 0xAA)]
    + [reading(register) for register in range(0x10, 0x48, 3)]
    + [reading(register) for register in (0xA0, 0xA1, 0xA2, 0x50, 0xFA)]
    + [frame(0xA5, 0x00, b"\x00\x00"), frame(0x5A, 0x00, b"\x56\x78")]
)
# Nobody may do these outside the window; inside it they change something.
WRITES = [
    frame(0x5A, 0x24, b"\x0e\x10"),
    frame(0x5A, 0x29, b"\xd1\x20"),
    frame(0x5A, 0x3D, b"\x03\x03"),
    frame(0x5A, 0xE1, b"\x00\x03"),
    frame(0x5A, 0xFB, b"\x0a\x01"),
    frame(0x5A, 0x01, b"\x28\x28"),
]
# Refused to everybody, or of no effect.
OTHERS = [
    frame(0x5A, 0x06, b"\x06" + bytes(6)),
    frame(0x5A, 0x07, b"\x0c" + bytes(12)),
    frame(0x5A, 0x09, b"\x06J1B2D4"),
    frame(0x5A, 0x10, b"\x00\x01"),
    frame(0x5A, 0xA0, b"\x07OPENBMS"),
    frame(0x5A, 0xE1),
    frame(0x5A, 0xB0, b"\x0c\xe4"),
    frame(0x5A, 0x01, b"\x00\x00"),
    b"\xdd\xa5\x03",
    b"\xdd\x5a\xa1\x1f",
    bytes(range(0xC0, 0x100)),
]
PIECES = READS + OTHERS + WRITES
GOOD_PIECES = len(PIECES) - 3


def damaged(engine, dice, count):
    """At least so many bytes of writes with one byte damaged, or behind a stray one."""
    done = 0
    heard = bytearray(64)
    while done < count:
        piece = WRITES[dice.below(len(WRITES))]
        stray = dice.below(2)
        length = len(piece) + stray
        for at in range(len(piece)):
            heard[at + stray] = piece[at]
        if stray:
            heard[0] = dice.below(256)
        else:
            heard[dice.below(length)] ^= 1 + dice.below(255)
        engine.receive(heard, length)
        engine.silence()
        engine.reply_sent()
        done += length


def play(seed, count):
    """Complaints about a BMS that has heard all this."""
    from jbd_desk import Host

    from host_tools.campaign.rubbish import rubbish
    from host_tools.mock.seeded_random import SeededRandom

    found = []
    host = Host(line=False)
    engine = host.engine
    door = host.door
    table = host.bms.table
    dice = SeededRandom(seed)
    rubbish(engine, dice, count // 2, PIECES)
    strangers = engine.frames, engine.refused, door.taken
    engine.silence()
    engine.reply_sent()
    host.door.authority.granted = 2
    damaged(engine, dice, count - count // 2)
    if door.taken or door.waiting or door.stage.state or host.bms.table is not table:
        found.append("something was written")
    if not host.both_on() or host.bms.switches.held_off:
        found.append("a switch has moved")
    if not host.at_once(reading(0x03)):
        found.append("a good request is not answered any more")
    print("frames", strangers[0], "refused", strangers[1], "garbage", engine.garbage_bytes)
    return found


if __name__ == "__main__":
    if len(sys.argv) > 2:
        _found = play(int(sys.argv[1]), int(sys.argv[2]))
        print(", ".join(_found) or "ok")
        sys.exit(1 if _found else 0)
    from host_tools.campaign.rubbish import main

    sys.exit(main("host_tools/campaign/jbd_rubbish.py", ("jbd",)))
