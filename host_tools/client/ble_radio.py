"""Who is in the air, and a way to reach him: bleak, on this computer's radio or a simulator's.

bleak is imported here and in virtual_radio.py, and nowhere else; its coroutines run on one thread.
"""

import asyncio
import concurrent.futures
import threading
from typing import NamedTuple

from host_tools.client.errors import NotSpoken, PortError

_BASE = "-0000-1000-8000-00805f9b34fb"
JBD, BTHOME, BATTERY = (f"0000{short}{_BASE}" for short in ("ff00", "fcd2", "180f"))
NATIVE = "76690001-6c2d-424d-5310-000000000000"
SEARCH_S = 10
_CONNECT_S = 20
_NAMESAKES_S = 1.0
_VIRTUAL_NAMESAKES_S = 0.3


class Seen(NamedTuple):
    """What somebody advertises; service_data by UUID."""

    name: str | None
    address: str
    services: tuple
    service_data: dict
    rssi_dbm: int
    device: object  # bleak's


class Radio:
    """hci: a simulator's, as bumble writes transports; None: the computer's own."""

    def __init__(self, hci=None, passkey=None):
        self._bleak = package()
        self._hci = hci
        self._scanner, self._client, self._namesakes_s = {}, {}, _NAMESAKES_S
        if hci is not None:
            from host_tools.client import virtual_radio

            virtual_radio.check()
            self._scanner = {"backend": virtual_radio.Scanner, "hci": hci}
            self._client = {"backend": virtual_radio.Client, "hci": hci, "passkey": passkey}
            self._namesakes_s = _VIRTUAL_NAMESAKES_S

    def scan(self, seconds):
        """Everybody who was heard in this time, as Seen."""
        return self.do(self._scan(seconds, lambda seen: False), seconds + _CONNECT_S)

    def find(self, name, seconds=SEARCH_S):
        """The Seen of this name or address; PortError where there is none, or several."""
        wanted = name.casefold()

        def is_it(seen):
            return wanted in ((seen.name or "").casefold(), seen.address.casefold())

        heard = self.do(self._scan(seconds, is_it), seconds + _CONNECT_S)
        found = [seen for seen in heard if is_it(seen)]
        if not found:
            others = sorted({seen.name for seen in heard if is_ours(seen) and seen.name})
            there = f"; there is {', '.join(others)}" if others else ""
            raise PortError("gone", f"nobody in reach is called {name}{there} (vigil scan)")
        if len(found) > 1:
            addresses = " or ".join(seen.address for seen in found)
            raise PortError("broken", f"several are called {name}: say which, --ble {addresses}")
        return found[0]

    async def _scan(self, seconds, wanted):
        heard = {}
        found = asyncio.Event()

        def on_advertisement(device, data):
            seen = heard[device.address] = Seen(
                data.local_name or device.name,
                device.address,
                tuple(data.service_uuids),
                dict(data.service_data),
                data.rssi,
                device,
            )
            if wanted(seen):
                found.set()

        scanner = self._bleak.BleakScanner(on_advertisement, **self._scanner)
        try:
            async with scanner:
                try:
                    await asyncio.wait_for(found.wait(), seconds)
                    # Another one may have the same name.
                    await asyncio.sleep(self._namesakes_s)
                except TimeoutError:
                    pass
        except (self._bleak.exc.BleakError, OSError) as error:
            raise no_radio(error, self._hci) from None
        return list(heard.values())

    def client(self, seen, on_lost):
        """bleak's client, connected; on_lost() is called on the radio's thread."""
        client = self._bleak.BleakClient(
            seen.device,
            disconnected_callback=lambda _: on_lost(),
            services=(JBD, NATIVE),  # to look for others takes time
            timeout=_CONNECT_S,
            **self._client,
        )
        who = seen.name or seen.address
        try:
            self.do(client.connect(), 2 * _CONNECT_S)
        except (*self.failures, OSError, EOFError) as error:
            text = f"{who} takes no link: perhaps another phone has it ({one_line(error)})"
            raise PortError("busy", text) from None
        return client

    @property
    def failures(self):
        """bleak's errors, and a time that is over."""
        return self._bleak.exc.BleakError, TimeoutError

    @staticmethod
    def do(work, timeout_s):
        """Run a coroutine on the radio's thread; TimeoutError when it takes too long."""
        future = asyncio.run_coroutine_threadsafe(work, _loop())
        try:
            return future.result(timeout_s)
        except concurrent.futures.TimeoutError:
            raise TimeoutError(f"no answer within {timeout_s} s") from None
        finally:
            future.cancel()


def is_ours(seen):
    """Whether it may be a BMS that these tools can talk to, or hear."""
    return bool({JBD, NATIVE, BTHOME} & {*seen.services, *seen.service_data})


def package():
    try:
        import bleak
    except ImportError:
        raise NotSpoken("Bluetooth needs the package bleak: pip install -e '.[ble]'") from None
    return bleak


def no_radio(error, hci=None):
    if hci is not None:
        return PortError("gone", f"the simulator's radio at {hci} is not there: has it ended?")
    return PortError(
        "broken", f"this computer's Bluetooth cannot be used: is it on? ({one_line(error)})"
    )


def one_line(error):
    return " ".join(str(error).split()) or type(error).__name__


_running = None


def _loop():
    global _running
    if _running is None:
        _running = asyncio.new_event_loop()
        threading.Thread(target=_running.run_forever, name="radio", daemon=True).start()
    return _running
