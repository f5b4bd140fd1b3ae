"""Every kind of request of every protocol: the first byte of its answer comes within 20 ms.

Code, bus and links take their time on the virtual clock. Each is asked at moments spread over a
cycle and a half; native messages, which rest on sessions, are in test_native_on_desk.py.
"""

import jbd_desk
import pylontech_desk
from modbus_desk import Everybody, Master, with_sum

from vigil import cycle

REPLY_US = 20000
LOOK_US = 150  # from the last look at the line to a collection
MOMENTS = 8
STAGED_TRIP, BEGIN, ABANDON, ALLOWED = 1000, 1604, 1607, 1609
SUNSPEC_CONNECT, SUNSPEC_RESET = 40120, 40090


def words(*values):
    return b"".join([bytes([value >> 8 & 0xFF, value & 0xFF]) for value in values])


def reading(function, address, count):
    return with_sum(bytes([1, function]) + words(address, count))


def writing(address, *values):
    head = bytes([1, 16]) + words(address, len(values)) + bytes([2 * len(values)])
    return with_sum(head + words(*values))


def writing_one(address, value):
    return with_sum(b"\x01\x06" + words(address, value))


# What is asked, as the desk's master sends it; (request, milliseconds its answer takes).
MODBUS = (
    ("one register", reading(3, 18, 1), 20),
    ("a register by function 4", reading(4, 18, 1), 20),
    ("the state", reading(3, 0, 88), 220),
    ("limits", reading(3, 400, 125), 300),
    ("SunSpec's battery", reading(3, 40070, 125), 300),
    ("SunSpec's cells", reading(3, 40179, 125), 300),
    ("nobody's register", reading(3, 60000, 1), 20),
    ("too many registers", reading(3, 0, 126), 20),
    ("an unknown function", with_sum(b"\x01\x2b\x0e\x01\x00"), 20),
    ("what nobody may write", writing_one(18, 1), 20),
    ("a register written", writing_one(ALLOWED, 3), 20),
    ("SunSpec's connection", writing_one(SUNSPEC_CONNECT, 1), 20),
    ("SunSpec's reset", writing_one(SUNSPEC_RESET, 1), 20),
    ("a number of a set", writing(STAGED_TRIP, 0, 3500), 20),
    ("all trips of a set", writing(STAGED_TRIP, *([0, 3500] * 50)), 20),
    (
        "all trips, the last out of range",
        writing(STAGED_TRIP, *([0, 3500] * 49 + [0x7000, 0])),
        20,
    ),
    ("more than there are", writing(STAGED_TRIP, *([0, 3500] * 61 + [0])), 20),
    ("commands in a row", writing(1607, 1, 1, 3), 20),
)
JBD = (
    [("register %02X" % at, jbd_desk.frame(jbd_desk.READ, at), 80) for at in (3, 4, 5, 0, 0xAA)]
    + [
        ("parameter %02X" % at, jbd_desk.frame(jbd_desk.READ, at), 40)
        for at in (0x10, 0x24, 0x38, 0x39, 0x3F, 0xA0, 0xA1, 0x50)
    ]
    + [
        ("written %02X" % at, jbd_desk.frame(jbd_desk.WRITE, at, data), 20)
        for at, data in (
            (0x00, jbd_desk.ENTER),
            (0x06, b"\x06" + bytes(6)),
            (0x24, b"\x0e\x10"),
            (0x29, b"\xd1\x20"),
            (0x3F, b"\x0a\x1f"),
            (0x10, b"\x00\x01"),
            (0xA1, b"\x01x"),
            (0xE1, b"\x00\x00"),
            (0xFB, b"\x0a\x00"),
        )
    ]
)
PYLONTECH = [
    ("command %02X" % command, pylontech_desk.frame(command, info), 30)
    for command, info in (
        (0x42, b"02"),
        (0x44, b"02"),
        (0x47, b"02"),
        (0x4F, b""),
        (0x51, b"02"),
        (0x92, b"02"),
        (0x93, b"02"),
        (0x96, b"02"),
        (0x95, b"02"),
    )
]


class JbdMaster(Master):
    PROTOCOL = "jbd_writing"


LONGEST = [row for row in MODBUS if row[2] > 200]

# A fast line's request is so short that it can begin and end while rubbish is collected.
FAST_BAUD = 115200


class WhenCollecting:
    """In the place of the module gc: a request begins with the collection."""

    def __init__(self, master, collector):
        self._master = master
        self._collector = collector
        self.request = None

    def collect(self):
        if self.request:
            self._master.heard[:] = b""
            self._master._begin(self.request)
            self.request = None
        self._collector.collect()


def times(master, table):
    """{kind of request: longest time}; and the cycle keeps its period meanwhile."""
    master.door.authority = Everybody()
    executive = master.bms.executive
    executive.worst_period_us = 0
    longest = {}
    for kind, request, ms in table:
        longest[kind] = master.waits_us(request, MOMENTS, ms)[1]
    late = [(kind, us) for kind, us in longest.items() if us > REPLY_US]
    assert not late, late
    assert executive.overruns == 0
    assert executive.worst_period_us <= 60000
    return longest


def show(name, longest):
    """With pytest -s: the table."""
    for kind in sorted(longest):
        print("%-14s %-34s %6.1f ms" % (name, kind, longest[kind] / 1000))


def test_modbus_answers_in_time_whatever_is_asked():
    for baudrate in (9600, FAST_BAUD):
        master = Master(current_ma=-10000, RS485_BAUD=baudrate)
        assert master.write_one(BEGIN, master.read(3)[0]) in (0, 3)
        master.door.authority = Everybody()
        assert master.write_one(BEGIN, master.read(3)[0]) == 0
        show("modbus %d" % baudrate, times(master, MODBUS[:-1]))
        # The last one ends the set.
        show("modbus %d" % baudrate, times(master, MODBUS[-1:]))


def test_modbus_answers_in_time_what_is_asked_while_rubbish_is_collected():
    master = Master(current_ma=-10000, RS485_BAUD=FAST_BAUD)
    master.door.authority = Everybody()
    # It may have begun before the last look at the line, by not quite a byte.
    sooner_us = int(master.byte_us) + LOOK_US
    collector = cycle.gc
    cycle.gc = WhenCollecting(master, collector)
    try:
        for kind, request, _ in MODBUS[:-1]:
            cycle.gc.request = request
            master.run_ms(1500)
            assert cycle.gc.request is None and master.heard, kind
            late_us = master.heard_us - master.asked_us + sooner_us
            print("collecting     %-34s %6.1f ms" % (kind, late_us / 1000))
            assert late_us <= REPLY_US, (kind, late_us)
    finally:
        cycle.gc = collector
    assert master.bms.executive.overruns == 0


def test_jbd_answers_in_time_whatever_is_asked():
    master = JbdMaster(current_ma=-10000)
    master.door.authority = Everybody()
    master.send(jbd_desk.frame(jbd_desk.WRITE, 0, jbd_desk.ENTER))
    show("jbd", times(master, JBD))


def test_pylontech_answers_in_time_whatever_is_asked():
    show("pylontech", times(pylontech_desk.Inverter(current_ma=-10000), PYLONTECH))


def test_jbds_saving_is_answered_in_time_at_every_phase_of_the_cycle():
    host = jbd_desk.Host(owner=True, current_ma=-10000)
    longest = 0
    for turn in range(16):
        host.run_ms(700 + 3 * turn)
        host.enter()
        # A set that is good, then one that is not, then one that says nothing new.
        status = (jbd_desk.OK, jbd_desk.NOT_ALLOWED, jbd_desk.OK)[turn % 3]
        value = (3600 + turn, 4200, 0)[turn % 3]
        if value:
            assert host.ask(jbd_desk.WRITE, 0x24, words(value), 8 + turn % 3)[0] == jbd_desk.OK
        assert host.leave(jbd_desk.SAVE) == status
        longest = max(longest, host.heard_us - host.asked_us)
    print("jbd saving %d us" % longest)
    assert longest <= REPLY_US, longest
    assert host.bms.executive.overruns == 0
