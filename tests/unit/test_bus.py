"""The simulated RS485 wire: pace, noise, collisions, and real engines that share it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modbus_desk import Everybody, Master, with_sum
from pylontech_desk import Inverter, frame, opened

from host_tools.sim.bus import Bus
from tests.unit.modbus_line import ask
from vigil.link.modbus import Modbus
from vigil.link.pylontech import Pylontech

BAUD_RATES = (9600, 19200, 38400, 57600, 115200)


def all_of(found, station):
    return b"".join(data for name, data in found if name == station)


@pytest.mark.parametrize("baudrate", BAUD_RATES)
def test_a_byte_takes_ten_bits(baudrate):
    bus = Bus(baudrate, 0, 1)
    bus.send(1, b"0123456789", 0)
    byte_us = 10_000_000 / baudrate
    assert bus.next_us() == pytest.approx(byte_us)
    assert bus.heard(byte_us * 0.99) == []
    assert bus.heard(byte_us * 4.01) == [(1, b"0123")]
    assert bus.heard(byte_us * 9.99) == [(1, b"45678")]
    assert bus.heard(byte_us * 10.01) == [(1, b"9")]
    assert bus.next_us() is None


def test_what_is_said_before_the_last_byte_has_passed_follows_it_without_a_gap():
    bus = Bus(9600, 0, 1)
    bus.send(0, b"ab", 0)
    bus.send(0, b"cd", 500)
    assert all_of(bus.heard(4 * 1041.7), 0) == b"abcd"
    bus.send(0, b"e", 10_000)
    assert bus.heard(11_000) == []
    assert bus.heard(11_100) == [(0, b"e")]


def test_who_talks_in_turn_is_not_disturbed():
    bus = Bus(9600, 0, 1)
    bus.send(0, b"request", 0)
    assert all_of(bus.heard(8_000), 0) == b"request"
    bus.send(2, b"answer", 9_000)
    assert bus.heard(20_000) == [(2, b"answer")]
    assert bus.collided == 0


def test_when_two_talk_at_once_both_are_garbled_and_only_there():
    bus = Bus(9600, 0, 1)
    early, late = bytes(20), bytes(20)
    bus.send(1, early, 0)
    bus.send(2, late, 10 * 1041.7)
    found = bus.heard(60_000)
    assert all_of(found, 1)[:10] == early[:10]
    assert all_of(found, 1)[10:] != early[10:]
    assert all_of(found, 2)[:9] != late[:9]
    assert all_of(found, 2)[11:] == late[11:]
    assert 18 <= bus.collided <= 22


@given(
    seed=st.integers(0, 1000),
    noise=st.sampled_from([0.0, 0.005, 0.2]),
    cuts=st.lists(st.integers(1, 999), max_size=6),
)
def test_the_same_seed_damages_the_same_bytes_however_they_come(seed, noise, cuts):
    data = bytes(index & 255 for index in range(1000))
    whole, pieces = Bus(9600, noise, seed), Bus(9600, noise, seed)
    whole.send(0, data, 0)
    heard = all_of(whole.heard(2_000_000), 0)
    arrived = b""
    ends = [*sorted(set(cuts)), 1000]
    for begin, end in zip([0, *ends], ends, strict=False):
        pieces.send(0, data[begin:end], begin * 2000)
        arrived += all_of(pieces.heard(begin * 2000 + 500), 0)
    arrived += all_of(pieces.heard(9_000_000), 0)
    assert heard == arrived
    wrong = sum(one != other for one, other in zip(heard, data, strict=True))
    assert wrong == whole.damaged
    assert (wrong > 0) == (noise == 0.2) or noise == 0.005


def test_every_byte_is_damaged_as_often_as_asked_for():
    bus = Bus(115200, 0.005, 7)
    for turn in range(50):
        bus.send(0, bytes(1000), turn * 1_000_000)
        bus.heard(turn * 1_000_000 + 500_000)
    assert 150 < bus.damaged < 350


def test_what_is_left_of_an_answer_dies_with_the_client():
    bus = Bus(9600, 0, 1)
    bus.send(1, bytes(50), 0)
    bus.heard(10_000)
    bus.hush()
    assert bus.heard(90_000) == [] and bus.next_us() is None
    bus.send(0, b"new", 95_000)
    assert all_of(bus.heard(99_000), 0) == b"new"


class Shared:
    """Engines on one bus, and a master that asks one after the other."""

    def __init__(self, engines, seed):
        self.bus = Bus(9600, 0.005, seed)
        self.engines = engines
        self.now_us = 0

    def ask(self, request):
        """(whether it arrived as it was sent, the answer as sent and as it arrived)."""
        heard = self._say(0, request)
        answers = [(at, ask(engine, heard)) for at, engine in enumerate(self.engines)]
        answers = [(at, answer) for at, answer in answers if answer]
        assert len(answers) <= 1
        if not answers:
            return heard == request, b"", b""
        ((at, answer),) = answers
        return heard == request, answer, self._say(at + 1, answer)

    def _say(self, station, data):
        self.bus.send(station, data, self.now_us)
        self.now_us += len(data) * 1042 + 5000
        return all_of(self.bus.heard(self.now_us), station)


def test_modbus_recovers_at_the_next_request_and_writes_nothing_that_was_damaged():
    desks = [Master(settle=False), Master(settle=False)]
    shared = Shared([desk.engine for desk in desks], 11)
    shared.engines[1] = Modbus(desks[1].points, 2)
    arrived = answered = 0
    for turn in range(500):
        at = turn & 1
        door = desks[at].door
        door.authority = Everybody()
        request = with_sum(bytes([at + 1, 6, 6, 73, 0, 3]))
        taken = [desk.door.taken for desk in desks]
        good, sent, heard = shared.ask(request)
        assert sent == (request if good else b"")
        taken[at] += good
        assert [desk.door.taken for desk in desks] == taken
        arrived += good
        answered += heard == request
        while door.step(0):
            pass
    assert arrived < 500 and answered < arrived
    assert answered > 420


def test_pylontech_recovers_at_the_next_request():
    desk = Inverter(settle=False)
    shared = Shared([Pylontech(desk.points, address) for address in (2, 3, 4)], 5)
    answered = 0
    for turn in range(400):
        address = 2 + turn % 3
        good, sent, heard = shared.ask(frame(0x92, b"%02X" % address, address))
        # A damaged one is refused, or nobody knows whom it was meant for.
        assert sent or not good
        if sent:
            assert (opened(sent)[1] == 0) == good
        answered += good and heard == sent
    assert 220 < answered < 380
