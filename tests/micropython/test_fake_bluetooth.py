"""The stand-in for `bluetooth` is as strict as the ports, and its phones come at any moment."""

import bluetooth
from bluetooth import FLAG_NOTIFY, FLAG_READ, FLAG_WRITE, FLAG_WRITE_NO_RESPONSE, UUID

from host_tools.mock.clock import VirtualClock

air = bluetooth.air
_CONNECTED = 1
_DISCONNECTED = 2
_WRITTEN = 3
_MTU = 21
_ENCRYPTION = 28
_GET_SECRET = 29
_SET_SECRET = 30
_PASSKEY = 31

BOTH = ("esp32", "rp2")


class Board:
    """A small firmware: it notes what it hears, with what the buffers held."""

    def __init__(self, profile="esp32", clock=None, seed=1):
        bluetooth.use(clock, profile, seed)
        self.ble = bluetooth.BLE()
        self.heard = []
        self.kept = {}
        self.ble.irq(self.irq)
        self.ble.active(True)
        services = (
            (UUID(0x180F), ((UUID(0x2A19), FLAG_READ | FLAG_NOTIFY),)),
            (
                UUID("76690001-6c2d-424d-5310-000000000000"),
                ((UUID(0xFF02), FLAG_WRITE | FLAG_WRITE_NO_RESPONSE), (UUID(0x2A24), FLAG_READ)),
            ),
        )
        (self.level,), (self.request, self.model) = self.ble.gatts_register_services(services)

    def irq(self, event, data):
        if event == _WRITTEN:
            data = data + (self.ble.gatts_read(data[1]),)
        elif event in (_CONNECTED, _DISCONNECTED):
            data = (data[0], data[1], bytes(data[2]))
        elif event == _SET_SECRET:
            self.kept[(data[0], bytes(data[1]))] = bytes(data[2])
            return True
        elif event == _GET_SECRET:
            return self.kept.get((data[0], bytes(data[2])))
        self.heard.append((event,) + data)

    def listen(self):
        self.ble.gap_advertise(100000, b"\x02\x01\x06", resp_data=b"\x05\x09Test")


def raised(kind, function, *arguments, **named):
    try:
        function(*arguments, **named)
    except kind as error:
        return error
    raise AssertionError("accepted")


def test_a_phone_connects_reads_and_writes_on_both_ports():
    for profile, first in (("esp32", 0), ("rp2", 64)):
        board = Board(profile)
        board.listen()
        board.ble.gatts_write(board.level, b"\x4c")
        phone = air.connect(b"\xc1\x01\x02\x03\x04\x05", 1)
        assert board.heard == [(_CONNECTED, first, 1, b"\xc1\x01\x02\x03\x04\x05")]
        assert phone.read(board.level) == b"\x4c"
        phone.write(board.request, b"hello", response=True)
        assert board.heard[-1] == (_WRITTEN, first, board.request, b"hello")
        phone.disconnect()
        assert board.heard[-1][:2] == (_DISCONNECTED, first)


def test_a_value_holds_twenty_bytes_until_its_buffer_is_enlarged():
    board = Board()
    board.listen()
    phone = air.connect(mtu=247)
    phone.write(board.request, bytes(range(60)))
    assert board.heard[-1][3] == bytes(range(20))
    board.ble.gatts_set_buffer(board.request, 64)
    phone.write(board.request, bytes(range(60)))
    assert board.heard[-1][3] == bytes(range(60))
    board.ble.gatts_set_buffer(board.request, 8, True)
    board.ble.irq(None)
    phone.write(board.request, b"abc")
    phone.write(board.request, b"defghi")
    assert board.ble.gatts_read(board.request) == b"abcdefgh"
    assert board.ble.gatts_read(board.request) == b""


def test_what_a_phone_may_not_do_is_refused_with_the_protocols_code():
    for profile in BOTH:
        board = Board(profile)
        board.listen()
        phone = air.connect()
        heard = len(board.heard)
        refusals = [
            raised(bluetooth.Refused, phone.write, board.level, b"\x01", True).code,
            raised(bluetooth.Refused, phone.read, board.request).code,
            raised(bluetooth.Refused, phone.write, 999, b"", True).code,
            raised(bluetooth.Refused, phone.write, board.request, bytes(513), True).code,
        ]
        assert refusals == [3, 2, 1, 13]
        phone.write(board.level, b"\x01")
        raised(ValueError, phone.write, board.request, bytes(21))
        assert len(board.heard) == heard


def test_notifications_are_cut_to_the_packet_and_need_no_subscription():
    board = Board()
    board.listen()
    phone = air.connect()
    board.ble.gatts_notify(0, board.level, bytes(range(40)))
    assert phone.notifications == [(board.level, bytes(range(20)))]
    assert phone.mtu(100) == 100
    board.ble.gatts_notify(0, board.level, bytes(range(40)))
    assert phone.notifications[-1] == (board.level, bytes(range(40)))
    assert phone.mtu(500) == 256
    board.ble.gatts_write(board.level, b"\x09", True)
    assert len(phone.notifications) == 2
    phone.subscribe(board.level)
    board.ble.gatts_write(board.level, b"\x0a", True)
    assert phone.notifications[-1] == (board.level, b"\x0a")
    phone.disconnect()
    assert raised(OSError, board.ble.gatts_notify, 0, board.level, b"").args[0] == 107


def test_a_full_queue_is_enomem_and_empties_with_the_connection_interval():
    for profile, room in (("esp32", 8), ("rp2", 4)):
        clock = VirtualClock()
        board = Board(profile, clock)
        board.listen()
        phone = air.connect()
        clock.sleep(20000)
        for at in range(room):
            board.ble.gatts_notify(phone.number, board.level, bytes([at]))
        error = raised(OSError, board.ble.gatts_notify, phone.number, board.level, b"no")
        assert error.args[0] == 12
        assert phone.notifications == []
        clock.sleep(30000)
        assert len(phone.notifications) == 4
        clock.sleep(60000)
        assert [data[0] for _, data in phone.notifications] == list(range(room))
        board.ble.gatts_notify(phone.number, board.level, b"!")


def test_a_phone_out_of_reach_is_noticed_by_the_supervision_time_out():
    clock = VirtualClock()
    board = Board("esp32", clock)
    board.listen()
    phone = air.connect()
    phone.vanish()
    clock.sleep(710000)
    assert board.heard[-1][0] == _CONNECTED
    board.ble.gatts_notify(phone.number, board.level, b"lost")
    clock.sleep(20000)
    assert board.heard[-1][0] == _DISCONNECTED and phone.reason == 8
    assert phone.notifications == []


def test_advertising_ends_with_a_connection_and_comes_back_only_when_asked():
    board = Board()
    assert raised(OSError, air.connect).args[0] == 103
    board.listen()
    first = air.connect()
    raised(OSError, air.connect, b"\xc2\x01\x02\x03\x04\x05")
    first.disconnect()
    raised(OSError, air.connect, b"\xc2\x01\x02\x03\x04\x05")
    # What was given before is used again.
    board.ble.gap_advertise(100000)
    assert air.advertised == (100000, b"\x02\x01\x06", b"\x05\x09Test", True)
    board.ble.gap_advertise(None)
    assert air.advertised is None


def test_each_port_has_its_number_of_links():
    for profile, most in (("esp32", 4), ("rp2", 1)):
        board = Board(profile)
        for at in range(most):
            board.listen()
            air.connect(bytes([0xC0, at, 0, 0, 0, 0]))
        assert raised(OSError, board.listen).args[0] == 12
        board.ble.gap_advertise(100000, b"", connectable=False)
        raised(OSError, air.connect, b"\xc9\0\0\0\0\0")
        assert sorted(air.links) == list(
            range(air.profile.first_link, air.profile.first_link + most)
        )


def test_the_limits_of_an_advertisement():
    board = Board()
    raised(OSError, board.ble.gap_advertise, 100000, bytes(32))
    raised(OSError, board.ble.gap_advertise, 100000, bytes(31), resp_data=bytes(32))
    raised(OSError, board.ble.gap_advertise, 19000, b"")
    board.ble.gap_advertise(20000, bytes(31), resp_data=bytes(31))
    # Nor are services changed while it is found.
    raised(OSError, board.ble.gatts_register_services, ())


def test_a_radio_that_is_off_does_nothing():
    bluetooth.use(None)
    ble = bluetooth.BLE()
    for function, arguments in (
        (ble.gap_advertise, (100000, b"")),
        (ble.gatts_register_services, ((),)),
        (ble.gatts_write, (3, b"")),
        (ble.gatts_notify, (0, 3)),
    ):
        assert raised(OSError, function, *arguments).args[0] == 19
    assert ble.active() is False
    board = Board()
    board.listen()
    air.connect()
    board.ble.active(False)
    assert not air.links and air.advertised is None
    assert raised(OSError, board.ble.gatts_read, board.level).args[0] == 19


def test_the_pico_w_has_five_hundred_and_twelve_bytes_of_attributes():
    board = Board("rp2")
    value = (UUID(0x2A19), FLAG_READ)
    # 447 are left: ten for the service, 21 for each value.
    board.ble.gatts_register_services(((UUID(0x180F), (value,) * 20),))
    services = ((UUID(0x180F), (value,) * 21),)
    assert raised(OSError, board.ble.gatts_register_services, services).args[0] == 12
    Board("esp32").ble.gatts_register_services(services)
    notified = (UUID("76690001-6c2d-424d-5310-000000000000"), FLAG_NOTIFY)
    bluetooth.use(None, "rp2")
    ble = bluetooth.BLE()
    ble.active(True)
    ble.gatts_register_services(((UUID(0xFF00), (notified,) * 7),))
    assert air.table.bytes_used == 65 + 10 + 7 * (27 + 22 + 10)


def test_only_the_port_without_pairing_tells_of_subscriptions():
    for profile, told in (("esp32", False), ("rp2", True)):
        board = Board(profile)
        board.listen()
        phone = air.connect()
        phone.subscribe(board.level)
        event = (_WRITTEN, phone.number, board.level + 1, b"\x01\x00")
        assert (board.heard[-1] == event) == told


def pairing_board(**settings):
    board = Board()
    board.ble.config(bond=True, mitm=True, io=0, le_secure=True)
    board.listen()
    return board, air.connect(b"\xc7\x01\x02\x03\x04\x05")


def test_the_right_passkey_pairs_and_the_bond_serves_later():
    board, phone = pairing_board()
    phone.pair()
    assert board.heard[-1] == (_PASSKEY, 0, 3, 0)
    board.ble.gap_passkey(0, 3, 123456)
    phone.type_passkey(123456)
    assert board.heard[-1] == (_ENCRYPTION, 0, 1, 1, 1, 16)
    assert len(board.kept) == 2
    phone.disconnect()
    board.listen()
    again = air.connect(b"\xc7\x01\x02\x03\x04\x05")
    again.encrypt()
    assert board.heard[-1] == (_ENCRYPTION, 0, 1, 1, 1, 16)
    again.disconnect()
    board.listen()
    air.connect(b"\xc8\x01\x02\x03\x04\x05").encrypt()
    assert board.heard[-1] == (_ENCRYPTION, 0, 0, 0, 0, 0)


def test_a_wrong_passkey_does_not_pair():
    board, phone = pairing_board()
    phone.pair(typed=654321)
    board.ble.gap_passkey(0, 3, 123456)
    assert board.heard[-1] == (_ENCRYPTION, 0, 0, 0, 0, 0)
    assert not board.kept and phone.pairing == "failed"


def test_without_a_display_pairing_proves_nobody():
    board = Board()
    board.ble.config(mitm=False, io=3)
    board.listen()
    air.connect().pair()
    assert board.heard[-1] == (_ENCRYPTION, 0, 1, 0, 0, 16)


def test_guarded_values_need_their_kind_of_link():
    bluetooth.use(None)
    ble = bluetooth.BLE()
    ble.active(True)
    sealed = (UUID(0x2A19), FLAG_READ | FLAG_WRITE | 0x0200 | 0x2000)
    ((handle,),) = ble.gatts_register_services(((UUID(0xFF00), (sealed,)),))
    ble.gap_advertise(100000, b"")
    phone = air.connect()
    assert raised(bluetooth.Refused, phone.read, handle).code == 15
    phone.pair()
    assert phone.read(handle) == b""
    assert raised(bluetooth.Refused, phone.write, handle, b"1", True).code == 5


def test_the_pico_w_knows_nothing_of_pairing():
    board = Board("rp2")
    for setting in ("bond", "mitm", "io", "le_secure"):
        raised(ValueError, board.ble.config, **{setting: 1})
    assert not hasattr(board.ble, "gap_pair") and not hasattr(board.ble, "gap_passkey")
    board.listen()
    phone = air.connect()
    phone.pair(typed=0)
    assert phone.pairing == "failed" and not phone.encrypted
    raised(ValueError, board.ble.config, "nonsense")


def test_an_address_is_lent_only_while_the_handler_runs():
    lent = []
    board = Board()
    board.ble.irq(lambda event, data: lent.append(data[2]) if event == _CONNECTED else None)
    board.listen()
    air.connect(b"\xc7\x01\x02\x03\x04\x05")
    assert bytes(lent[0]) != b"\xc7\x01\x02\x03\x04\x05"


def test_an_error_in_the_handler_does_not_reach_what_it_interrupted():
    board = Board()
    board.listen()

    def failing(event, data):
        raise KeyError(event)

    board.ble.irq(failing)
    air.connect()
    assert air.irq_errors == 1


def test_the_handler_comes_at_seeded_moments_in_the_middle_of_work():
    def moments(seed):
        clock = VirtualClock()
        board = Board("esp32", clock, seed)
        board.listen()
        phone = air.connect()
        came = []
        board.ble.irq(lambda event, data: came.append(clock.now_us))
        for _ in range(50):
            phone.write(board.request, b"x")
            assert len(came) <= clock.now_us // 1000 + 1
            clock.advance(7000)
        bluetooth.forget()
        return came

    first = moments(3)
    assert first == moments(3) != moments(4)
    assert len(first) == 51
    # Anywhere within a transfer, not only at its ends.
    inside = [at for at in first if at % 7000]
    assert len(inside) > 40 and len({at % 7000 for at in inside}) > 40


def test_looking_at_the_time_is_a_moment_too_and_nothing_is_nested():
    from host_tools.mock import fake_time

    clock = VirtualClock()
    fake_time.use(clock)
    board = Board("esp32", clock)
    board.listen()
    phone = air.connect()
    depth = []

    def nested(event, data):
        depth.append(1)
        assert len(depth) == 1
        clock.advance(20000)
        depth.pop()

    board.ble.irq(nested)
    for _ in range(5):
        phone.write(board.request, b"x")
    before_us = clock.now_us
    while air._pending:
        clock.now_us += 100
        fake_time.ticks_ms()
    assert clock.now_us - before_us >= 6 * 20000
    bluetooth.forget()


def test_forgetting_lets_go_of_the_clock():
    clock = VirtualClock()
    bluetooth.use(clock)
    bluetooth.forget()
    assert "advance" not in clock.__dict__
    clock.advance(10)
    assert clock.now_us == 10
