"""A bumble phone for a running simulator: what a telephone's software does with a BMS."""

import asyncio
import json

from radio_rig import connected, found, name_of, phone, values_of

JBD_ANSWER, JBD_REQUEST = "FF01", "FF02"
LEVEL = "2A19"
MAKER = "2A29"
REQUEST, ANSWER, TELEMETRY = (f"7669000{at}6C2D424D5310000000000000" for at in (2, 3, 4))


def facts(simulator):
    return json.loads(simulator.run_json.read_text())


class Visit:
    """Connected to one battery, its values found; JBD answers are put together again."""

    def __init__(self, connection, peer, values):
        self.connection = connection
        self.peer = peer
        self.values = values
        self._jbd = bytearray()
        self._heard = asyncio.Event()

    async def subscribe_jbd(self):
        await self.values[JBD_ANSWER].subscribe(self._take)

    def _take(self, piece):
        self._jbd += piece
        self._heard.set()

    async def jbd(self, register, within_s=20):
        """The payload of a register."""
        self._jbd.clear()
        body = bytes([register, 0])
        frame = b"\xdd\xa5" + body + (-sum(body) & 0xFFFF).to_bytes(2, "big") + b"w"
        await self.values[JBD_REQUEST].write_value(frame)
        async with asyncio.timeout(within_s):
            while len(self._jbd) < 4 or len(self._jbd) < self._jbd[3] + 7:
                self._heard.clear()
                await self._heard.wait()
        whole = bytes(self._jbd)
        assert whole[:3] == bytes([0xDD, register, 0]) and whole[-1:] == b"w", whole.hex()
        payload = whole[4:-3]
        assert (-sum(whole[2:-3]) & 0xFFFF).to_bytes(2, "big") == whole[-3:-1]
        assert len(payload) == whole[3]
        return payload

    async def cells_mv(self):
        payload = await self.jbd(4)
        return [int.from_bytes(payload[at : at + 2], "big") for at in range(0, len(payload), 2)]


async def visit(device, address, mtu=247):
    connection, peer = await connected(device, address)
    if mtu:
        await peer.request_mtu(mtu)
    made = Visit(connection, peer, await values_of(peer))
    await made.subscribe_jbd()
    return made


async def addresses(device, count):
    """Of as many batteries as there are, by their advertised names."""
    seen = {}

    def heard(advertisement):
        name = name_of(advertisement)
        if name and name.startswith("Vigil-"):
            seen[name] = str(advertisement.address).partition("/")[0]

    device.on("advertisement", heard)
    await device.start_scanning(filter_duplicates=False)
    while len(seen) < count:
        await asyncio.sleep(0.02)
    await device.stop_scanning()
    device.remove_listener("advertisement", heard)
    return list(seen.values())


__all__ = ("addresses", "facts", "found", "phone", "visit")
