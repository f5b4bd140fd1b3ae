"""The virtual radio: bumble phones reach the fake `bluetooth`, and lose it as in the air."""

import asyncio

import bluetooth
import pytest
from bluetooth import FLAG_NOTIFY, FLAG_READ, FLAG_WRITE, FLAG_WRITE_NO_RESPONSE, UUID
from bumble import core
from bumble.att import ATT_Error
from bumble.core import AdvertisingData, ProtocolError
from bumble.hci import HCI_Error
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from radio_rig import Radio, connected, found, name_of, phone, run, until, values_of

_WRITTEN = 3
LEVEL = UUID(0x2A19)
REQUEST = UUID("76690002-6c2d-424d-5310-000000000000")


class Firmware:
    """Echoes what is written, and notes what it hears."""

    def __init__(self, ble, flags=FLAG_WRITE | FLAG_WRITE_NO_RESPONSE):
        self.ble = ble
        self.heard = []
        ble.irq(self.irq)
        ble.active(True)
        services = (
            (UUID(0x180F), ((LEVEL, FLAG_READ | FLAG_NOTIFY),)),
            (
                UUID("76690001-6c2d-424d-5310-000000000000"),
                (
                    (REQUEST, flags),
                    (UUID("76690003-6c2d-424d-5310-000000000000"), FLAG_NOTIFY),
                ),
            ),
        )
        (self.level,), (self.request, self.answer) = ble.gatts_register_services(services)
        ble.gatts_set_buffer(self.request, 300)
        ble.gatts_write(self.level, b"\x4c")
        self.listen()

    def listen(self, connectable=True):
        self.ble.gap_advertise(20000, b"\x02\x01\x06\x03\x03\x00\xff", resp_data=b"\x06\x09Vigil")

    def irq(self, event, data):
        data = tuple(bytes(item) if isinstance(item, memoryview) else item for item in data)
        if event == _WRITTEN and data[1] == self.request:
            value = self.ble.gatts_read(self.request)
            data = (*data, value)
            self.ble.gatts_notify(data[0], self.answer, value)
        self.heard.append((event, *data))

    def events(self, kind):
        return [each[1:] for each in self.heard if each[0] == kind]


def test_a_phone_finds_reads_writes_and_hears():
    async def scene():
        async with Radio() as radio:
            firmware = Firmware(radio.ble)
            assert radio.said == []
            async with phone(radio.hci) as device:
                advertisement = await found(device, lambda each: name_of(each) == "Vigil")
                services = AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS
                uuids = advertisement.data.get(services)
                assert [uuid.to_hex_str() for uuid in uuids] == ["FF00"]
                assert str(advertisement.address).startswith("28:CD:C1:00:00:07")
                assert advertisement.is_connectable
                connection, peer = await connected(device)
                assert await peer.request_mtu(247) == 247
                values = await values_of(peer)
                assert await values["2A19"].read_value() == b"\x4c"
                heard = []
                answer = values["766900036C2D424D5310000000000000"]
                await answer.subscribe(heard.append)
                request = values["766900026C2D424D5310000000000000"]
                await request.write_value(bytes(range(200)), with_response=True)
                await until(lambda: heard)
                assert heard == [bytes(range(200))]
                for at in range(20):
                    await request.write_value(bytes([at]))
                await until(lambda: len(heard) == 21)
                assert heard[1:] == [bytes([at]) for at in range(20)]
                await connection.disconnect()
            await until(lambda: radio.phones == 0)
            assert [each[1] for each in firmware.heard[:1]] == [0]
            assert firmware.events(1)[0][2] == b"\xc0\x00\x00\x00\x00\x01"
            assert firmware.events(21) == [(0, 247)]
            assert len(firmware.events(2)) == 1 and not bluetooth.air.links
            # Nobody has asked it to advertise again.
            assert bluetooth.air.advertised is None and bluetooth.air.irq_errors == 0

    run(scene())


def test_a_phone_that_dies_is_noticed_after_its_supervision_time_out():
    async def scene():
        async with Radio() as radio:
            firmware = Firmware(radio.ble)
            loop = asyncio.get_running_loop()
            async with phone(radio.hci) as device:
                await connected(device)
                await until(lambda: bluetooth.air.links)
                gone_s = loop.time()
            # The socket has closed; the board knows nothing yet.
            assert bluetooth.air.links and not firmware.events(2)
            await until(lambda: firmware.events(2))
            assert loop.time() - gone_s > 0.5
            await until(lambda: radio.phones == 0)
            reasons = [message[4] for message in radio.said if message[2:3] == ("ended",)]
            assert reasons == [8]
            firmware.listen()
            async with phone(radio.hci) as device:
                await connected(device)

    run(scene())


def test_loss_slows_a_link_down_and_much_of_it_ends_it_for_both():
    async def scene():
        async with Radio(loss=0.5) as radio:
            firmware = Firmware(radio.ble)
            async with phone(radio.hci) as device:
                connection, peer = await connected(device)
                values = await values_of(peer)
                assert await values["2A19"].read_value() == b"\x4c"
                assert not firmware.events(2)
                ended = asyncio.get_running_loop().create_future()
                connection.on("disconnection", ended.set_result)
                radio.hub._misses._share = 1
                assert await ended == 8
                await until(lambda: firmware.events(2))

    run(scene())


def test_a_full_queue_is_enomem_until_the_link_has_carried_something():
    async def scene():
        async with Radio() as radio:
            firmware = Firmware(radio.ble)
            async with phone(radio.hci) as device:
                _, peer = await connected(device)
                values = await values_of(peer)
                heard = []
                await values["2A19"].subscribe(heard.append)
                for at in range(8):
                    radio.ble.gatts_notify(0, firmware.level, bytes([at]))
                with pytest.raises(OSError) as error:
                    radio.ble.gatts_notify(0, firmware.level, b"no")
                assert error.value.args[0] == 12
                await until(lambda: len(heard) == 8)
                assert heard == [bytes([at]) for at in range(8)]
                radio.ble.gatts_notify(0, firmware.level, b"!")
                await until(lambda: len(heard) == 9)

    run(scene())


def test_packets_wait_for_the_connection_interval():
    async def scene():
        async with Radio() as radio:
            Firmware(radio.ble)
            async with phone(radio.hci) as device:
                connection, peer = await connected(device)
                values = await values_of(peer)
                loop = asyncio.get_running_loop()
                interval_s = connection.parameters.connection_interval / 1000
                begun_s = loop.time()
                for _ in range(5):
                    await values["2A19"].read_value()
                # Question and answer each have a meeting of their own.
                assert loop.time() - begun_s > 9 * interval_s

    run(scene())


def test_phones_beyond_the_ports_links_wait_and_nobody_hears_a_stranger():
    async def scene():
        async with Radio("rp2") as radio:
            firmware = Firmware(radio.ble)
            async with phone(radio.hci, "C0:00:00:00:00:01") as one:
                connection, _ = await connected(one)
                await until(lambda: bluetooth.air.links)
                with pytest.raises(OSError):
                    firmware.listen()
                async with phone(radio.hci, "C0:00:00:00:00:02") as two:
                    with pytest.raises(core.TimeoutError):
                        await two.connect(connection.peer_address, timeout=0.3)
                    await connection.disconnect()
                    await until(lambda: firmware.events(2))
                    firmware.listen()
                    await connected(two)
            assert [address for _, _, address in firmware.events(1)] == [
                b"\xc0\x00\x00\x00\x00\x01",
                b"\xc0\x00\x00\x00\x00\x02",
            ]

    run(scene())


def test_a_board_that_goes_off_is_gone_and_comes_back_as_new():
    async def scene():
        async with Radio() as radio:
            Firmware(radio.ble)
            async with phone(radio.hci) as device:
                connection, _ = await connected(device)
                ended = asyncio.get_running_loop().create_future()
                connection.on("disconnection", ended.set_result)
                await until(lambda: bluetooth.air.links)
                radio.bridge.power_down()
                await ended
                radio.switch_on()
                firmware = Firmware(radio.ble)
                _, peer = await connected(device)
                assert await (await values_of(peer))["2A19"].read_value() == b"\x4c"
                assert len(firmware.events(1)) == 1

    run(scene())


class _Typing(PairingDelegate):
    """The phone's owner types what the board shows."""

    def __init__(self, typed):
        super().__init__(PairingDelegate.KEYBOARD_INPUT_ONLY)
        self._typed = typed

    async def get_number(self):
        return self._typed


def _will_type(device, passkey):
    device.pairing_config_factory = lambda connection: PairingConfig(
        sc=True, mitm=True, bonding=True, delegate=_Typing(passkey)
    )


class _PairingFirmware(Firmware):
    """Shows 123456, and keeps its bonds."""

    def __init__(self, ble):
        self.kept = {}
        ble.active(True)
        ble.config(bond=True, mitm=True, io=0, le_secure=True)
        super().__init__(ble, FLAG_READ | FLAG_WRITE | 0x0400 | 0x2000)

    def irq(self, event, data):
        if event == 30:
            self.kept[(data[0], bytes(data[1]))] = bytes(data[2])
            return True
        if event == 29:
            return self.kept.get((data[0], bytes(data[2])))
        if event == 31:
            self.ble.gap_passkey(data[0], data[1], 123456)
        super().irq(event, data)


def test_a_phone_pairs_with_the_right_passkey_and_its_bond_opens_the_next_link():
    async def scene():
        async with Radio() as radio:
            firmware = _PairingFirmware(radio.ble)
            async with phone(radio.hci) as device:
                device.keystore = MemoryKeyStore()
                _will_type(device, 123456)
                connection, peer = await connected(device)
                guarded = (await values_of(peer))["766900026C2D424D5310000000000000"]
                with pytest.raises(ATT_Error) as error:
                    await guarded.read_value()
                assert error.value.error_code == 15
                await connection.pair()
                await until(lambda: firmware.events(28))
                assert firmware.events(28) == [(0, 1, 1, 1, 16)]
                assert await guarded.read_value() == b""
                await connection.disconnect()
                await until(lambda: firmware.events(2))
                firmware.listen()
                connection, peer = await connected(device)
                await connection.encrypt()
                guarded = (await values_of(peer))["766900026C2D424D5310000000000000"]
                assert await guarded.read_value() == b""
                await connection.disconnect()
                await until(lambda: len(firmware.events(2)) == 2)
                # Without the board's part of it the bond is worth nothing.
                firmware.kept.clear()
                firmware.listen()
                connection, peer = await connected(device)
                with pytest.raises(HCI_Error):
                    await connection.encrypt()

    run(scene())


def test_a_wrong_passkey_and_a_board_that_cannot_pair_refuse():
    async def scene():
        for profile, make in (("esp32", _PairingFirmware), ("rp2", Firmware)):
            async with Radio(profile) as radio:
                firmware = make(radio.ble)
                async with phone(radio.hci) as device:
                    _will_type(device, 654321)
                    connection, _ = await connected(device)
                    with pytest.raises(ProtocolError):
                        await connection.pair()
                    assert not connection.is_encrypted
                    await asyncio.sleep(0.05)
                    assert not any(event[1] for event in firmware.events(28))

    run(scene())


def test_what_the_board_refuses_the_phone_hears_with_its_code():
    async def scene():
        async with Radio() as radio:
            firmware = Firmware(radio.ble)
            async with phone(radio.hci) as device:
                _, peer = await connected(device)
                values = await values_of(peer)
                codes = []
                for work in (
                    values["2A19"].write_value(b"\0", with_response=True),
                    values["766900026C2D424D5310000000000000"].read_value(),
                ):
                    with pytest.raises(ATT_Error) as error:
                        await work
                    codes.append(error.value.error_code)
                assert codes == [3, 2]
                assert not firmware.events(3)

    run(scene())
