"""RS485 port: when it drives the bus, what it does with partial writes, echo and rubbish."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.mock import fake_time, fake_uart
from host_tools.mock.clock import VirtualClock
from tests.unit.jbd_packs import good_requests, read_answer, request, sixteen_cells
from vigil.link.jbd import Jbd
from vigil.link.rs485 import Rs485

TICKS = 1 << 30


@pytest.fixture(autouse=True)
def ticks():
    fake_time.use(VirtualClock())


class Port:
    """A UART with a small transmit buffer, which puts a byte on the wire each byte_us.

    echoing: a transceiver whose receiver stays on hands every byte back as it leaves.
    """

    def __init__(self, byte_us=1042, txbuf=256, echoing=False):
        self.now_us = 0
        self.byte_us = byte_us
        self.txbuf = txbuf
        self.echoing = echoing
        self.refusing = False  # takes nothing, as a full buffer does
        self.stuck = False  # never finishes
        self.received = bytearray()
        self.leaving = []  # (moment its last bit has left, byte)
        self.wire = bytearray()
        self.reads = []

    def run_until(self, now_us):
        self.now_us = now_us
        while self.leaving and self.leaving[0][0] <= now_us and not self.stuck:
            byte = self.leaving.pop(0)[1]
            self.wire.append(byte)
            if self.echoing:
                self.received.append(byte)

    def any(self):
        return len(self.received)

    def readinto(self, buffer, count):
        data = self.received[: min(count, len(buffer))]
        self.received = self.received[len(data) :]
        buffer[: len(data)] = data
        self.reads.append(len(data))
        return len(data) or None

    def write(self, data):
        taken = 0 if self.refusing else min(len(data), self.txbuf - len(self.leaving))
        at_us = max(self.now_us, self.leaving[-1][0] if self.leaving else 0)
        for byte in bytes(data[:taken]):
            at_us += self.byte_us
            self.leaving.append((at_us, byte))
        return taken or None

    def txdone(self):
        return not self.leaving


class DriverEnable:
    """A pin that remembers when it moved, and whether bytes were still leaving then."""

    def __init__(self, port):
        self.port = port
        self.level = None
        self.moves = []

    def value(self, level):
        if self.level is not None:
            assert not (self.level and not level and self.port.leaving), "cut off a byte"
            self.moves.append((self.port.now_us, level))
        self.level = level


class Bus:
    """Port, engine and link, polled whenever the link asks for it or somebody else is slower."""

    def __init__(self, slowest_us=0, start_us=0, **options):
        self.uart = Port(**options)
        self.pin = DriverEnable(self.uart)
        self.engine = Jbd(sixteen_cells())
        self.link = Rs485(self.uart, self.engine, self.pin, 9600)
        self.now_us = 0
        self.slowest_us = slowest_us
        self.start_us = start_us  # of the ticks
        self.waits = []

    def poll(self):
        self.uart.run_until(self.now_us)
        wait_us = self.link.poll((self.start_us + self.now_us) % TICKS)
        self.waits.append(wait_us)
        assert 0 < wait_us <= 5000
        if not self.uart.leaving and self.uart.wire and not self.link._sending:
            assert self.pin.level == 0
        return wait_us

    def run(self, for_us):
        end_us = self.now_us + for_us
        while self.now_us < end_us:
            self.now_us += max(self.poll(), self.slowest_us)
        self.poll()

    def hear(self, data):
        """Bytes from another station, a byte time apart."""
        for byte in bytes(data):
            self.uart.received.append(byte)
            self.run(1042)

    def answers(self):
        """The answers that have completely left, checked and read."""
        found = []
        wire = bytes(self.uart.wire)
        while wire:
            length = wire[3] + 7
            found.append(read_answer(wire[:length]))
            wire = wire[length:]
        self.uart.wire = bytearray()
        return found


def test_a_request_is_answered_at_once_and_the_bus_released_after_the_last_stop_bit():
    bus = Bus()
    bus.uart.received.extend(request(4))
    bus.poll()
    assert bus.pin.moves == [(0, 1)]
    assert len(bus.uart.leaving) == 39
    bus.now_us = 39 * 1042 - 1
    bus.poll()
    assert bus.pin.level == 1
    assert bus.waits[-1] == 200
    bus.now_us += 1
    bus.poll()
    assert bus.pin.moves == [(0, 1), (39 * 1042, 0)]
    assert [answer[:2] for answer in bus.answers()] == [(4, 0)]
    assert (bus.link.bytes_in, bus.link.bytes_out, bus.link.replies) == (7, 39, 1)
    assert bus.link.late_replies == 0


def test_left_to_itself_it_looks_again_at_the_moment_the_last_bit_leaves():
    bus = Bus()
    bus.uart.received.extend(request(3))
    bus.run(100000)
    released_us = bus.pin.moves[-1][0]
    assert 45 * 1042 <= released_us <= 45 * 1042 + 200
    # Asleep most of the time all the same.
    assert len(bus.waits) < 60


def test_an_idle_line_is_looked_at_every_five_milliseconds_and_never_driven():
    bus = Bus()
    bus.run(1000000)
    assert set(bus.waits) == {5000}
    assert bus.pin.moves == []


def test_without_a_driver_enable_line_it_works_the_same():
    bus = Bus()
    bus.link = Rs485(bus.uart, bus.engine, None, 9600)
    bus.pin.level = 0
    bus.uart.received.extend(request(5))
    bus.run(50000)
    assert [answer[:2] for answer in bus.answers()] == [(5, 0)]


@pytest.mark.parametrize("txbuf", [1, 3, 16, 38])
def test_a_port_that_takes_only_a_part_gets_the_rest_later(txbuf):
    bus = Bus(txbuf=txbuf)
    bus.uart.received.extend(request(4))
    bus.run(200000)
    assert [answer[:2] for answer in bus.answers()] == [(4, 0)]
    assert len(bus.pin.moves) == 2
    assert (bus.link.replies, bus.link.bytes_out) == (1, 39)


def test_a_port_that_takes_nothing_yet_is_asked_again():
    bus = Bus()
    bus.uart.refusing = True
    bus.uart.received.extend(request(4))
    bus.run(30000)
    assert bus.link.replies == 0
    bus.uart.refusing = False
    bus.run(100000)
    assert [answer[:2] for answer in bus.answers()] == [(4, 0)]
    assert (bus.link.replies, bus.link.late_replies) == (1, 1)


def test_a_port_that_never_takes_anything_does_not_keep_the_bus():
    bus = Bus()
    bus.uart.refusing = True
    bus.uart.received.extend(request(4))
    bus.run(700000)
    assert bus.pin.level == 0
    assert bus.link.abandoned == 1
    bus.uart.refusing = False
    bus.uart.received.extend(request(5))
    bus.run(100000)
    assert [answer[:2] for answer in bus.answers()] == [(5, 0)]


@pytest.mark.parametrize("slowest_us", [0, 7000, 30000])
def test_its_own_echo_is_not_taken_for_a_request(slowest_us):
    bus = Bus(echoing=True, slowest_us=slowest_us)
    for register in (3, 4, 5, 0x10):
        bus.uart.received.extend(request(register))
        bus.run(200000)
        assert [answer[0] for answer in bus.answers()] == [register]
    assert bus.engine.garbage_bytes == 0
    assert bus.engine.frames == 4


def test_an_echo_that_dribbles_in_after_the_last_bit_is_still_an_echo():
    bus = Bus()
    bus.uart.received.extend(request(0x10))
    bus.run(15000)
    assert [answer[0] for answer in bus.answers()] == [0x10]
    bus.hear(bytes.fromhex("DD 10 80 00 FF 80 77"))
    bus.run(100000)
    assert bus.answers() == []
    assert bus.engine.garbage_bytes == 0


@pytest.mark.parametrize("register", [0xA5, 0x5A])
def test_a_refusal_that_would_read_as_a_request_is_not_sent(register):
    # Its echo, mixed with other bytes, could not be told from a host that asks.
    bus = Bus(echoing=True)
    bus.uart.received.extend(request(register))
    bus.uart.received.extend(b"\xdd")
    bus.run(200000)
    assert bus.answers() == []
    assert bus.engine.refused == 1
    bus.uart.received.extend(request(4))
    bus.run(200000)
    assert [answer[0] for answer in bus.answers()] == [4]


def test_an_echo_cut_short_does_not_hide_the_next_request():
    bus = Bus()
    bus.uart.received.extend(request(5))
    bus.run(12 * 1042 + 1000)
    assert [answer[0] for answer in bus.answers()] == [5]
    bus.hear(bytes.fromhex("DD 05 00 05"))
    bus.hear(request(4))
    bus.run(100000)
    assert [answer[0] for answer in bus.answers()] == [4]


@pytest.mark.parametrize("register", [3, 4, 5])
def test_without_echo_the_next_request_may_come_right_after_the_answer(register):
    bus = Bus()
    bus.uart.received.extend(request(register))
    while bus.uart.leaving or not bus.uart.wire:
        bus.now_us += bus.poll()
    bus.answers()
    bus.hear(request(register))
    bus.run(100000)
    assert [answer[0] for answer in bus.answers()] == [register]
    assert bus.engine.garbage_bytes == 0


def test_on_a_full_duplex_line_a_request_during_the_answer_waits_for_its_turn():
    bus = Bus()
    bus.uart.received.extend(request(4))
    bus.run(10000)
    bus.hear(request(5))
    bus.run(100000)
    assert [answer[0] for answer in bus.answers()] == [4, 5]


def test_a_half_request_is_forgotten_after_a_silence_and_not_before():
    bus = Bus()
    bus.hear(request(3)[:5])
    bus.run(18000)
    assert bus.engine.pending == 5
    bus.hear(request(3)[5:])
    bus.run(100000)
    assert [answer[0] for answer in bus.answers()] == [3]
    bus.hear(request(3)[:5])
    bus.run(25000)
    assert bus.engine.pending == 0
    bus.hear(request(4))
    bus.run(100000)
    assert [answer[0] for answer in bus.answers()] == [4]


def test_a_request_behind_a_half_frame_is_answered_after_the_silence_and_counted_late():
    bus = Bus()
    bus.hear(bytes.fromhex("DD A5 03 20") + request(5))
    bus.run(100000)
    assert [answer[0] for answer in bus.answers()] == [5]
    assert bus.link.late_replies == 1


def test_after_a_stall_only_the_newest_request_is_answered():
    bus = Bus()
    bus.poll()
    bus.uart.received.extend(request(3) + request(4))
    bus.now_us += 300000
    bus.run(100000)
    assert [answer[0] for answer in bus.answers()] == [4]
    assert bus.link.late_replies == 1


def test_a_request_that_is_just_being_repeated_is_answered_once():
    bus = Bus()
    bus.uart.received.extend(request(3) + request(4)[:3])
    bus.poll()
    assert bus.pin.moves == []
    bus.hear(request(4)[3:])
    bus.run(100000)
    assert [answer[0] for answer in bus.answers()] == [4]


def test_one_poll_moves_at_most_64_bytes_and_answers_when_all_are_in():
    bus = Bus()
    bus.uart.received.extend(bytes(100) + request(3) + bytes(60))
    for _ in range(3):
        bus.poll()
    assert bus.uart.reads == [64, 64, 39]
    bus.run(100000)
    assert [answer[0] for answer in bus.answers()] == [3]


def test_polls_that_come_too_late_are_told_from_those_in_time():
    for slowest_us, late in ((19000, 0), (40000, 1)):
        bus = Bus(slowest_us=slowest_us)
        bus.run(100000)
        bus.uart.received.extend(request(5))
        bus.now_us += slowest_us
        bus.run(200000)
        assert [answer[0] for answer in bus.answers()] == [5]
        assert bus.link.late_replies == late


def test_the_wrap_of_the_ticks_changes_nothing():
    bus = Bus(start_us=TICKS - 60000)
    for register in (3, 4, 5):
        bus.hear(request(3)[:5])
        bus.run(25000)
        bus.hear(request(register))
        bus.run(70000)
        assert [answer[0] for answer in bus.answers()] == [register]
    assert bus.link.late_replies == 0


def test_on_the_simulated_port_the_first_byte_of_the_answer_leaves_in_time():
    clock = VirtualClock()
    fake_uart.use(clock)
    fake_uart.forget()
    fake_time.use(clock)
    uart = fake_uart.UART(1, baudrate=9600)
    line = fake_uart.uart_line(1)
    wire = bytearray()
    line.on_transmit = wire.extend
    link = Rs485(uart, Jbd(sixteen_cells()), None, 9600)
    for register in (3, 4, 5):
        line.receive(request(register))
        asked_us = clock.now_us + 7 * 1042
        while link.replies == 0:
            clock.advance(link.poll(clock.now_us))
        assert clock.now_us - asked_us < 7000
        while len(wire) < 7 or len(wire) < wire[3] + 7:
            clock.advance(link.poll(clock.now_us))
        assert read_answer(wire)[:2] == (register, 0)
        wire[:] = b""
        link.replies = 0
    fake_uart.forget()


@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(
        st.one_of(
            st.binary(min_size=1, max_size=20),
            st.sampled_from([b"\xdd", b"\xdd\xa5\x03\x20", b"\x77"]),
            st.builds(request, st.sampled_from([3, 4, 5, 0xA5])),
        ),
        max_size=8,
    ),
    echoing=st.booleans(),
    txbuf=st.sampled_from([5, 64, 256]),
    slowest_us=st.sampled_from([0, 6000, 25000]),
)
def test_whatever_was_on_the_line_a_request_after_a_silence_is_answered_once(
    pieces, echoing, txbuf, slowest_us
):
    bus = Bus(slowest_us, echoing=echoing, txbuf=txbuf)
    for piece in pieces:
        bus.hear(piece)
    bus.run(400000)
    assert len(bus.answers()) <= len(good_requests(b"".join(pieces)))
    bus.uart.received.extend(request(4))
    bus.run(200000)
    assert [answer[0] for answer in bus.answers()] == [4]
    assert bus.pin.level == 0


def test_a_reply_is_owed_from_the_first_byte_of_a_request_until_it_has_left():
    bus = Bus()
    assert not bus.link.reply_owed
    bus.uart.received.extend(request(4)[:3])
    bus.poll()
    assert bus.link.reply_owed
    bus.uart.received.extend(request(4)[3:])
    bus.poll()
    assert bus.link.reply_owed
    bus.run(39 * 1042 + 1000)
    assert not bus.link.reply_owed
    assert len(bus.answers()) == 1


def test_a_planned_stall_does_not_count_as_reply_time():
    for told, late in ((True, 0), (False, 1)):
        bus = Bus()
        bus.poll()
        bus.uart.received.extend(request(4))
        bus.now_us += 45000
        if told:
            bus.link.stalled(bus.now_us)
        bus.poll()
        assert bus.link.replies == 1
        assert bus.link.late_replies == late
