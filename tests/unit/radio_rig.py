"""A hub, boards of the fake `bluetooth` and phones of bumble, in one process and real time."""

import asyncio
import contextlib
import socket

import bluetooth
from bumble.core import AdvertisingData
from bumble.device import Device, Peer
from bumble.hci import Address
from bumble.host import Host
from bumble.transport import open_transport

from host_tools.sim.radio.bridge import Bridge
from host_tools.sim.radio.hub import Hub

PATIENCE_S = 60


def run(scene):
    """Run a coroutine with an end."""
    return asyncio.run(asyncio.wait_for(scene, PATIENCE_S))


class Radio:
    """Hub with one board, whose firmware the test is; what passes between them in `said`."""

    def __init__(self, profile="esp32", loss=0.0):
        self.said = []
        self._profile = profile
        self.switch_on()
        self.bridge = Bridge(bluetooth.air, self._from_board)
        self.hub = Hub(self._from_hub, 1, loss, seed=1)

    def switch_on(self):
        """The board's own part, as it is after power-up."""
        bluetooth.use(None, self._profile, mac=b"\x28\xcd\xc1\0\0\x07")
        self.ble = bluetooth.BLE()
        if hasattr(self, "bridge"):
            self.bridge.begin_again()

    def _from_board(self, *words):
        self.said.append(words)
        self.hub.hear([1, *words])

    def _from_hub(self, message):
        self.said.append(tuple(message))
        if message[0] == "board":
            self.bridge.hear(*message[2:])

    async def __aenter__(self):
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        self.port = listening.getsockname()[1]
        await self.hub.listen(listening)
        return self

    async def __aexit__(self, *_):
        self.hub.close()
        bluetooth.forget()

    @property
    def hci(self):
        return f"tcp-client:127.0.0.1:{self.port}"

    @property
    def phones(self):
        return [message[1] for message in self.said if message[0] == "phones"][-1]


@contextlib.asynccontextmanager
async def phone(hci, address="C0:00:00:00:00:01", keystore=None):
    """A bumble device that has its radio at the hub."""
    async with await open_transport(hci) as (source, sink):
        device = Device(name="phone", address=Address(address), host=Host(source, sink))
        await device.power_on()
        yield device


async def found(device, wanted=lambda advertisement: True):
    """The first advertisement that is wanted, with its scan response."""
    future = asyncio.get_running_loop().create_future()

    def heard(advertisement):
        if not future.done() and wanted(advertisement):
            future.set_result(advertisement)

    device.on("advertisement", heard)
    await device.start_scanning(filter_duplicates=False)
    try:
        return await future
    finally:
        device.remove_listener("advertisement", heard)
        await device.stop_scanning()


def name_of(advertisement):
    return advertisement.data.get(AdvertisingData.COMPLETE_LOCAL_NAME)


async def connected(device, address="28:CD:C1:00:00:07"):
    connection = await device.connect(Address(address, Address.PUBLIC_DEVICE_ADDRESS))
    peer = Peer(connection)
    return connection, peer


async def values_of(peer):
    """{uuid text: characteristic} after a whole discovery."""
    await peer.discover_services()
    found = {}
    for service in peer.services:
        for one in await service.discover_characteristics():
            found[one.uuid.to_hex_str()] = one
    return found


async def until(condition):
    while not condition():
        await asyncio.sleep(0.005)
