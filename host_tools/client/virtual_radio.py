"""bleak on a simulator's radio: its scanner and client as backends over bumble.

What is written for a real radio runs here unchanged. Every scanner and every client is a phone of
its own, since each opens the transport anew.
"""

import asyncio
import logging

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError, BleakGATTProtocolError

from host_tools.client.errors import NotSpoken

LARGEST_MTU = 517
SIMULATED_PASSKEY = 314159
_PROPERTIES = (
    *((0x02, "read"), (0x04, "write-without-response"), (0x08, "write")),
    *((0x10, "notify"), (0x20, "indicate")),
)
_LONGEST_S = 30
_WITHOUT_RESPONSE = 3  # bytes of a packet that are not the value's


def check():
    """NotSpoken where bumble is missing."""
    try:
        import bumble.device  # noqa: F401
    except ImportError:
        raise NotSpoken(
            "a simulator's radio needs the package bumble: pip install -e '.[sim]'"
        ) from None


class _Phone:
    """A bumble device with its radio at the simulator."""

    def __init__(self, hci):
        self._hci = hci
        self._transport = None
        self.device = None

    async def switch_on(self):
        from bumble.device import Device
        from bumble.hci import Address
        from bumble.host import Host
        from bumble.transport import open_transport

        try:
            self._transport = await open_transport(self._hci)
        except OSError as error:
            raise BleakError(f"no radio at {self._hci}: {error.strerror}") from None
        self.device = Device(
            name="vigil",
            address=Address.generate_static_address(),
            host=Host(self._transport.source, self._transport.sink),
        )
        await asyncio.wait_for(self.device.power_on(), _LONGEST_S)

    async def switch_off(self):
        if self._transport is not None:
            transport, self._transport = self._transport, None
            await transport.close()


class Scanner(BaseBleakScanner):
    def __init__(self, detection_callback, service_uuids, scanning_mode, *, hci, **_):
        super().__init__(detection_callback, service_uuids)
        self._phone = _Phone(hci)
        self._parts = {}  # by address: what advertisement and scan response have told

    async def start(self):
        self.seen_devices = {}
        await self._phone.switch_on()
        self._phone.device.on("advertisement", self._on_advertisement)
        await self._phone.device.start_scanning(active=True, filter_duplicates=False)

    async def stop(self):
        try:
            await asyncio.wait_for(self._phone.device.stop_scanning(), _LONGEST_S)
        except Exception as error:
            # The simulator has ended meanwhile, or so it is taken: we wanted no more of it.
            logging.getLogger(__name__).debug("end of the scan: %r", error)
        finally:
            await self._phone.switch_off()

    def _on_advertisement(self, advertisement):
        address = str(advertisement.address).split("/")[0]
        parts = self._parts.setdefault(address, {})
        # Both packets of a scannable one, when the second has come.
        for kind, value in advertisement.data.ad_structures:
            parts[int(kind)] = bytes(value)
        data = AdvertisementData(
            local_name=_text(parts.get(0x09, parts.get(0x08))),
            manufacturer_data={},
            service_data={_short(parts[0x16][:2]): parts[0x16][2:]} if 0x16 in parts else {},
            service_uuids=[
                *_uuids(parts.get(0x03, parts.get(0x02, b"")), 2),
                *_uuids(parts.get(0x07, parts.get(0x06, b"")), 16),
            ],
            tx_power=None,
            rssi=advertisement.rssi,
            platform_data=(),
        )
        if not self.is_allowed_uuid(data.service_uuids):
            return
        device = self.create_or_update_device(
            address, address, data.local_name, advertisement.address, data
        )
        self.call_detection_callbacks(device, data)


def _text(value):
    return None if value is None else value.decode("utf-8", "replace")


def _short(value):
    return f"0000{value[1]:02x}{value[0]:02x}-0000-1000-8000-00805f9b34fb"


def _uuids(value, size):
    for at in range(0, len(value) - size + 1, size):
        part = value[at : at + size]
        yield _short(part) if size == 2 else _long(part)


def _long(value):
    digits = bytes(reversed(value)).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


class Client(BaseBleakClient):
    def __init__(self, address_or_ble_device, *, hci, passkey=None, services=None, **kwargs):
        super().__init__(address_or_ble_device, **kwargs)
        self._wanted = services
        self._address = getattr(address_or_ble_device, "details", address_or_ble_device)
        self._name = getattr(address_or_ble_device, "name", None)
        self._phone = _Phone(hci)
        self._passkey = passkey
        self._connection = None
        self._leaving = False

    @property
    def name(self):
        return self._name

    @property
    def mtu_size(self):
        return self._connection.att_mtu

    @property
    def is_connected(self):
        return self._connection is not None

    async def connect(self, pair, **_):
        from bumble.device import Peer

        await self._phone.switch_on()
        self._phone.device.pairing_config_factory = self._pairing
        try:
            self._connection = await self._within(
                self._phone.device.connect(self._address), self._timeout
            )
            self._connection.on("disconnection", self._ended)
            self._peer = Peer(self._connection)
            await self._within(self._peer.request_mtu(LARGEST_MTU))
            self.services = await self._discover()
        except BaseException:
            await self.disconnect()
            raise

    async def _discover(self):
        found = BleakGATTServiceCollection()
        await self._within(self._peer.discover_services())
        for service in self._peer.services:
            ours = BleakGATTService(service, service.handle, _uuid(service))
            if self._wanted is not None and ours.uuid not in self._wanted:
                continue
            found.add_service(ours)
            await self._within(service.discover_characteristics())
            for each in service.characteristics:
                await self._within(each.discover_descriptors())
                characteristic = BleakGATTCharacteristic(
                    each,
                    each.handle,
                    _uuid(each),
                    [name for bit, name in _PROPERTIES if each.properties & bit],
                    lambda: self.mtu_size - _WITHOUT_RESPONSE,
                    ours,
                )
                found.add_characteristic(characteristic)
                for at in each.descriptors:
                    found.add_descriptor(
                        BleakGATTDescriptor(at, at.handle, _uuid(at), characteristic)
                    )
        return found

    def _ended(self, *_):
        self._connection = None
        if self._disconnected_callback is not None and not self._leaving:
            self._disconnected_callback()

    async def disconnect(self):
        self._leaving = True
        connection = self._connection
        try:
            if connection is not None:
                await self._within(connection.disconnect())
        except BleakError:
            # It has ended by itself.
            pass
        finally:
            self._connection = None
            await self._phone.switch_off()

    async def pair(self, *_, **__):
        await self._within(self._connection.pair(), _LONGEST_S)

    async def unpair(self):
        raise NotImplementedError

    def _pairing(self, _):
        from bumble.pairing import PairingConfig, PairingDelegate

        passkey = self._passkey

        class Delegate(PairingDelegate):
            async def get_number(self):
                return passkey

        kind = (
            PairingDelegate.NO_OUTPUT_NO_INPUT
            if passkey is None
            else PairingDelegate.KEYBOARD_INPUT_ONLY
        )
        return PairingConfig(sc=True, mitm=True, bonding=False, delegate=Delegate(kind))

    async def read_gatt_char(self, characteristic, *, use_cached=False, **_):
        return bytearray(await self._within(characteristic.obj.read_value()))

    async def read_gatt_descriptor(self, descriptor, *, use_cached=False, **_):
        return bytearray(await self._within(descriptor.obj.read_value()))

    async def write_gatt_char(self, characteristic, data, response):
        await self._within(characteristic.obj.write_value(bytes(data), with_response=response))

    async def write_gatt_descriptor(self, descriptor, data):
        await self._within(descriptor.obj.write_value(bytes(data), with_response=True))

    async def start_notify(self, characteristic, callback, **_):
        await self._within(characteristic.obj.subscribe(lambda value: callback(bytearray(value))))

    async def stop_notify(self, characteristic):
        await self._within(characteristic.obj.unsubscribe())

    async def _within(self, work, longest_s=_LONGEST_S):
        """bumble's errors become bleak's; none waits for ever, nor longer than the link lasts."""
        from bumble.core import BaseBumbleError, ProtocolError

        task = asyncio.ensure_future(work)
        try:
            await self._first(task, longest_s)
            return task.result()
        except ProtocolError as error:
            if error.error_namespace == "att":
                raise BleakGATTProtocolError(error.error_code) from None
            raise BleakError(f"refused: {error.error_name or error.error_code}") from None
        except (BaseBumbleError, TimeoutError, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and not task.cancelled():
                raise
            raise BleakError(str(error) or "no answer") from None
        finally:
            task.cancel()

    async def _first(self, task, longest_s):
        """Until the task is done, the link has ended or the time is over."""
        connection = self._connection
        ended = asyncio.get_running_loop().create_future()

        def end(*_):
            if not ended.done():
                ended.set_result(None)

        if connection is not None:
            connection.on("disconnection", end)
        try:
            done, _ = await asyncio.wait(
                [task, ended], timeout=longest_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            if connection is not None:
                connection.remove_listener("disconnection", end)
        if task not in done:
            raise BleakError("the link has ended" if done else "no answer in time")


def _uuid(attribute):
    kind = getattr(attribute, "uuid", None) or attribute.type
    value = kind.to_bytes()
    return _short(value) if len(value) == 2 else _long(value)
