"""A BMS on a virtual radio, written from the layout of its services and not from the firmware.

bumble on a thread; phones attach over TCP, as to a simulator. It answers as native_stand_in's
Device does, and cuts its notifications anywhere.
"""

import asyncio
import contextlib
import random
import threading

from bumble import att, hci
from bumble.controller import Controller
from bumble.core import UUID
from bumble.device import Device as Radio
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.host import Host
from bumble.link import LocalLink
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import AsyncPipeSink, PacketParser
from native_stand_in import Device

from host_tools.client import frames

PASSKEY = 271828
NAME = "Vigil-0042"
# 76 %, 25.1 degC, 52.92 V, -653.03 W, as the fact sheets of BTHome write it.
BTHOME = bytes.fromhex("40 0007 014C 02CE09 0CB8CE 5CE900FFFF")
_NATIVE = "7669000{}-6c2d-424d-5310-000000000000"
_PROPERTIES = Characteristic.Properties
_INTERVAL_MS = 20
_WRITES = _PROPERTIES.WRITE | _PROPERTIES.WRITE_WITHOUT_RESPONSE


class Board:
    """One BMS in the air."""

    def __init__(self, name=NAME, address="C4:00:00:00:00:01", native=True, paired=False, mtu=247):
        self.name, self.address = name, address
        self.device = Device()
        self.mtu = mtu
        self.paired = paired
        self.native = native
        self.written = []  # sizes of what phones have written
        self.lose_after = None  # notifications until the link is lost
        self.random = random.Random(name)
        self._heard = {}
        self._telling = {}

    async def switch_on(self, link):
        controller = Controller(self.name, link=link)
        self.radio = Radio(
            name=self.name,
            address=hci.Address(self.address),
            host=Host(controller, AsyncPipeSink(controller)),
        )
        controller.host = AsyncPipeSink(self.radio.host)
        self.radio.pairing_config_factory = lambda connection: PairingConfig(
            sc=True, mitm=True, bonding=False, delegate=_Display()
        )
        self.radio.gatt_server.max_mtu = self.mtu
        self.radio.add_services(self._services())
        await self.radio.power_on()
        await self.radio.start_advertising(
            advertising_data=self._advertised(),
            auto_restart=True,
            advertising_interval_min=_INTERVAL_MS,
            advertising_interval_max=_INTERVAL_MS,
        )

    def _advertised(self):
        # bumble's own air has no scan responses, and no limit of 31 bytes.
        parts = [b"\x01\x06", b"\x03" + bytes.fromhex("00ff"), b"\x09" + self.name.encode()]
        parts.append(b"\x16" + bytes.fromhex("d2fc") + BTHOME)
        return b"".join(bytes([len(part)]) + part for part in parts)

    def _services(self):
        jbd = self._service("FF00", "FF02", "FF01", self._jbd, False)
        if not self.native:
            return [jbd]
        uuids = [_NATIVE.format(number) for number in (1, 2, 3)]
        return [jbd, self._service(*uuids, self._answer, self.paired)]

    def _service(self, uuid, request, answer, engine, secret):
        answers = Characteristic(
            UUID(answer), _PROPERTIES.NOTIFY, Characteristic.READABLE, CharacteristicValue()
        )

        async def write(connection, data):
            self.written.append(len(data))
            heard = self._heard.setdefault((connection.handle, request), bytearray())
            heard += data
            reply = engine(heard)
            if reply:
                await self._notify(connection, answers, reply)
            if self.device.period and connection.handle not in self._telling:
                self._telling[connection.handle] = asyncio.ensure_future(
                    self._tell(connection, answers)
                )

        allowed = Characteristic.WRITEABLE
        if secret:
            allowed |= Characteristic.WRITE_REQUIRES_AUTHENTICATION
            allowed |= Characteristic.WRITE_REQUIRES_ENCRYPTION
        requests = Characteristic(
            UUID(request), _WRITES, allowed, CharacteristicValue(write=write)
        )
        return Service(UUID(uuid), [requests, answers])

    def _answer(self, heard):
        message, left = frames.take_serial(bytes(heard))
        heard[:] = left
        return frames.serial(self.device.handle(message)) if message else b""

    async def _tell(self, connection, answers):
        """What was subscribed, until the link ends."""
        ended = asyncio.Event()
        connection.on("disconnection", lambda *_: ended.set())
        while not ended.is_set() and self.device.period:
            await self._notify(connection, answers, frames.serial(self.device.telemetry()))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), self.device.period)
        del self._telling[connection.handle]

    def _jbd(self, heard):
        """Registers 3, 4 and 5 of a JBD with four cells."""
        at = heard.find(b"\xdd\xa5")
        if at < 0 or len(heard) < at + 7:
            return b""
        register = heard[at + 2]
        heard.clear()
        cells = b"".join(mv.to_bytes(2) for mv in (3301, 3302, 3303, 3304))
        basic = bytes.fromhex("0528 FC18 1D1A 2710 0025 0000 0000 0000 0000 21 4C 03 04 01 0BA8")
        data = {3: basic, 4: cells, 5: b"Garage"}[register]
        body = bytes([0, len(data)]) + data
        return b"\xdd" + bytes([register]) + body + (-sum(body) & 0xFFFF).to_bytes(2) + b"\x77"

    async def _notify(self, connection, answers, reply):
        most = connection.att_mtu - 3
        while reply:
            size = self.random.randint(1, most)
            piece, reply = reply[:size], reply[size:]
            if self.lose_after is not None:
                self.lose_after -= 1
                if self.lose_after < 0:
                    self.lose_after = None
                    await connection.disconnect()
                    return
            pdu = att.ATT_Handle_Value_Notification(
                attribute_handle=answers.handle, attribute_value=piece
            )
            self.radio.gatt_server.send_gatt_pdu(connection, bytes(pdu))


class _Display(PairingDelegate):
    def __init__(self):
        super().__init__(PairingDelegate.DISPLAY_OUTPUT_ONLY)

    async def generate_passkey(self):
        return PASSKEY


class _PhonePort(asyncio.Protocol):
    """A phone's controller at the end of its TCP connection."""

    def __init__(self, link):
        self._link = link

    def connection_made(self, transport):
        self._transport = transport
        self._controller = Controller("phone", host_sink=self, link=self._link)
        self._parser = PacketParser(self._controller)

    def data_received(self, data):
        self._parser.feed_data(data)

    def on_packet(self, packet):
        self._transport.write(packet)

    def connection_lost(self, error):
        self._link.remove_controller(self._controller)


@contextlib.contextmanager
def on_air(*boards):
    """These boards, on a thread; gives the transport string for phones."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)  # phones leave as they like
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def switch_on():
        link = LocalLink()
        for board in boards:
            await board.switch_on(link)
        server = await loop.create_server(lambda: _PhonePort(link), "127.0.0.1", 0)
        return server.sockets[0].getsockname()[1]

    port = asyncio.run_coroutine_threadsafe(switch_on(), loop).result(20)
    try:
        yield f"tcp-client:127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
