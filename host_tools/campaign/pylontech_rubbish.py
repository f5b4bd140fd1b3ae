"""Rubbish for the Pylontech engine of a running BMS; see rubbish.py, which plays it.

`python -m host_tools.campaign.pylontech_rubbish` is part of `make campaign`.
"""

import sys


def asking(command, info=b"02", address=2):
    """A frame of Pylontech."""
    count = len(info)
    nibbles = (count >> 4) + (count & 15)
    text = b"20%02X46%02X%04X" % (address, command, (0 - nibbles & 15) << 12 | count) + info
    return b"~" + text + b"%04X\r" % (0 - sum(text) & 0xFFFF)


PYLONTECH_PIECES = (
    asking(0x42),
    asking(0x42, b"FF"),
    asking(0x44),
    asking(0x47, b""),
    asking(0x4F, b"", 0),
    asking(0x51, b"", 0),
    asking(0x92),
    asking(0x93),
    asking(0x96),
    asking(0x92, b"07"),
    asking(0x60, b""),
    asking(0x94, b"02FFFFFFFFFFFFFFFF"),
    asking(0x95),
    b"~~" + asking(0x42),
    asking(0x00, b"1002080D020D02"),
    asking(0x42, b"03", 3),
    b"~2002",
    b"\r" * 9 + b"0123456789ABCDEF" * 3,
)
GOOD_PYLONTECH_PIECES = 14  # of these are requests to module 2


def play(seed, count):
    """Complaints about a BMS that has heard all this: nobody may write there."""
    from pylontech_desk import Inverter

    from host_tools.campaign.rubbish import rubbish
    from host_tools.mock.seeded_random import SeededRandom

    inverter = Inverter(code_time=False)
    engine = inverter.engine
    table = inverter.bms.table
    rubbish(engine, SeededRandom(seed), count, PYLONTECH_PIECES)
    engine.silence()
    engine.reply_sent()
    found = []
    door = inverter.door
    if door.taken or door.waiting or door.stage.state or inverter.bms.table is not table:
        found.append("something was written")
    if not inverter.both_on() or inverter.bms.switches.held_off:
        found.append("a switch has moved")
    good = PYLONTECH_PIECES[2]
    engine.receive(good, len(good))
    if not engine.reply_length and not engine.unfinished:
        found.append("a good request is not answered any more")
    print("frames", engine.frames, "refused", engine.refused, "garbage", engine.garbage_bytes)
    return found


if __name__ == "__main__":
    if len(sys.argv) > 2:
        _found = play(int(sys.argv[1]), int(sys.argv[2]))
        print(", ".join(_found) or "ok")
        sys.exit(1 if _found else 0)
    from host_tools.campaign.rubbish import main

    sys.exit(main("host_tools/campaign/pylontech_rubbish.py", ("pylontech",)))
