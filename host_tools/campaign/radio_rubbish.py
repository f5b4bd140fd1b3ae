"""Rubbish from phones: random packets to every handle, cut and damaged requests, links that come
and go, to a running BMS over which nobody has a key.

`python -m host_tools.campaign.radio_rubbish SEED` plays a million packets on CPython and some on
MicroPython (part of `make campaign`).
"""

import sys

from host_tools.campaign import rubbish

_CPYTHON_PACKETS = 500000  # on each port
_MICROPYTHON_PACKETS = 50000
_PROFILES = ("esp32", "rp2")
_LONGEST = 244
_A_TURN_MS = 20
_PACKETS_A_TURN = 30
# JBD writes, read requests, and what is none.
_JBD = (
    b"\xdd\xa5\x03\x00\xff\xfd\x77",
    b"\xdd\xa5\x04\x00\xff\xfc\x77",
    b"\xdd\x5a\x00\x02\x56\x78\xff\x30\x77",
    b"\xdd\x5a\x01\x02\x28\x28\xff\xad\x77",
    b"\xdd\x5a\xe1\x02\x00\x03\xff\x1a\x77",
    b"\xdd\x5a\x2b\x02\x00\x0f\xff\xc4\x77",
    b"\xff\xaa\x15\x06\x30\x30\x30\x30\x30\x30\x3b",
    b"\xdd\x5a\x24\x20" + bytes(20),
)


def play(seed, count, profile="esp32"):
    """Complaints about a BMS that has heard so many packets."""
    from ble_desk import JBD_REQUEST, REQUEST, BleDesk

    from host_tools.mock.seeded_random import SeededRandom

    parts = ("jbd_writing", "native", "bthome")
    links = 1 if profile == "rp2" else 4
    radio = {"profile": profile, "links": links, "parts": parts}
    master = BleDesk(radio=radio, code_time=False, seed=seed)
    dice = SeededRandom(seed)
    pieces = list(_JBD) + rubbish.in_serial_frames()
    before = _state(master)
    table = master.bms.table
    errors = 0
    asked = [master.handles[JBD_REQUEST], master.handles[REQUEST]]
    sent = 0
    while sent < count:
        _come_and_go(master.air, dice, links)
        for link in list(master.air.links.values()):
            for _ in range(1 + dice.below(_PACKETS_A_TURN)):
                handle = asked[dice.below(2)] if dice.below(4) else dice.below(60)
                _send(link, handle, _packet(dice, pieces), dice)
                sent += 1
        master.run_ms(dice.below(_A_TURN_MS))
        errors += master.bms.executive.overruns > 0
    for link in list(master.air.links.values()):
        link.disconnect()
    master.run_ms(5000)
    found = []
    if errors:
        found.append("the cycle was late")
    if master.air.irq_errors:
        found.append("the handler raised")
    if _state(master) != before or master.bms.table is not table:
        found.append("something has changed")
    kept = [value for value in master.radio._values if value is not None]
    if kept or master.radio.links_open or master.radio.reply_owed:
        found.append("something is left behind")
    phone = master.phone(185)
    if phone.ask_jbd(_JBD[1])[:2] != b"\xdd\x04" or phone.ask(0x01)[0]:
        found.append("a good request is not answered any more")
    return found


def _state(master):
    door = master.door
    authority = master.authority
    return (
        door.taken,
        door.waiting,
        door.stage.state,
        door.began_s,
        master.bms.switches.held_off,
        bytes(authority._keys),
        authority.window_left_s,
        authority.sessions_open,
        master.both_on(),
    )


def _come_and_go(air, dice, links):
    if len(air.links) < links and dice.below(2):
        try:
            link = air.connect(bytes([0xC0, 0, 0, 0, 0, dice.below(256)]))
        except OSError:
            return
        if dice.below(2):
            link.mtu(23 + dice.below(300))
        link.subscribe(dice.below(60))
    elif air.links and not dice.below(20):
        numbers = sorted(air.links)
        air.links[numbers[dice.below(len(numbers))]].disconnect()


def _packet(dice, pieces):
    kind = dice.below(4)
    if not kind:
        return bytes([dice.below(256) for _ in range(dice.below(_LONGEST))])
    piece = bytearray(pieces[dice.below(len(pieces))][:_LONGEST])
    if kind == 1:
        piece = piece[: 1 + dice.below(len(piece))]
    elif kind == 2:
        piece[dice.below(len(piece))] ^= 1 << dice.below(8)
    return bytes(piece)


def _send(link, handle, data, dice):
    """In the pieces that the link takes, or as one long write."""
    if not dice.below(8):
        link.write(handle, data * 2, True, ignored)
        return
    most = link.mtu_now - 3
    for at in range(0, len(data), most):
        link.write(handle, data[at : at + most])


def ignored(code):
    pass


def main():
    return rubbish.main("host_tools/campaign/radio_rubbish.py", _PROFILES, _PACKETS, "packets")


_PACKETS = (_CPYTHON_PACKETS, _MICROPYTHON_PACKETS)

if __name__ == "__main__":
    if len(sys.argv) > 2:
        _found = play(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
        print(", ".join(_found) or "ok")
        sys.exit(1 if _found else 0)
    sys.exit(main())
