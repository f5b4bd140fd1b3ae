"""A board on the virtual radio: bumble's host for what its firmware asks of `bluetooth`.

Attributes, notifications and pairing are bumble's; every read and write is asked of the board.
"""

import asyncio
import itertools
import types

from bumble import att, device, gatt, hci, host, pairing
from bumble.core import UUID
from bumble.transport.common import AsyncPipeSink

_ANYTHING = att.Attribute.READABLE | att.Attribute.WRITEABLE  # the board itself refuses
_PROPERTIES = 0x3E
_WRITE_NOT_PERMITTED = 0x03
_UNLIKELY = 0x0E
_MOST_UNANSWERED = 32  # writes of one phone; more are lost
_ANSWER_WITHIN_S = 20
_IO = {
    0: pairing.PairingDelegate.DISPLAY_OUTPUT_ONLY,
    1: pairing.PairingDelegate.DISPLAY_OUTPUT_AND_YES_NO_INPUT,
    2: pairing.PairingDelegate.KEYBOARD_INPUT_ONLY,
    3: pairing.PairingDelegate.NO_OUTPUT_NO_INPUT,
    4: pairing.PairingDelegate.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT,
}


class Peripheral:
    """say(word, ...): a message to the board."""

    def __init__(self, controller, say):
        self.controller = controller
        self._say = say
        controller.before_connection = self._expect_connection
        self._device = device.Device(host=host.Host(controller, AsyncPipeSink(controller)))
        controller.host = AsyncPipeSink(self._device.host)
        self._device.on("connection", self._connected)
        self._connections = {}  # number: bumble's connection
        self._numbers = itertools.count(1)
        self._tickets = itertools.count(1)
        self._unanswered = {}  # ticket: (connection number, future)
        self._characteristics = {}  # the board's handle: characteristic
        self._passkeys = {}
        self._long_term_keys = {}  # {address of a phone: of its bond}
        self._settings = None
        self._tasks = set()

    async def start(self):
        await self._device.power_on()
        await asyncio.sleep(0)

    # What the board says.

    def board(self, settings):
        """Name, largest packet, pairing (None: it cannot)."""
        self._settings = settings
        self._device.gatt_server.max_mtu = settings["mtu"]
        self._device.pairing_config_factory = self._pairing_config
        self._device.host.long_term_key_provider = self._long_term_key

    def services(self, layout):
        server = self._device.gatt_server
        server.attributes.clear()
        server.attributes_by_handle.clear()
        server.services.clear()
        self._characteristics.clear()
        self._device.add_default_services(add_gap_service=True)
        self._device.add_services([self._service(*each) for each in layout])
        for attribute in server.attributes:
            if not isinstance(attribute.value, att.AttributeValue | att.AttributeValueV2):
                # bumble would let anybody write declarations.
                attribute.write_value = _refuse

    def _service(self, uuid, values):
        return gatt.Service(_uuid(uuid), [self._characteristic(*each) for each in values])

    def _characteristic(self, handle, uuid, flags, descriptors):
        characteristic = gatt.Characteristic(
            _uuid(uuid),
            gatt.Characteristic.Properties(flags & _PROPERTIES),
            _ANYTHING,
            self._value(handle),
            [
                gatt.Descriptor(_uuid(each), _ANYTHING, self._value(number))
                for number, each, _ in descriptors
            ],
        )
        characteristic.on(
            characteristic.EVENT_SUBSCRIPTION,
            lambda connection, notify, indicate: self._subscribed(
                connection, handle, notify + 2 * indicate
            ),
        )
        self._characteristics[handle] = characteristic
        return characteristic

    def _value(self, handle):
        async def read(connection):
            code, data = await self._ask(connection, "read", handle)
            if code:
                raise att.ATT_Error(code)
            return data

        async def write(connection, data):
            code, _ = await self._ask(connection, "write", handle, bytes(data).hex())
            if code:
                raise att.ATT_Error(code)

        return att.AttributeValue(read, write)

    async def _ask(self, connection, word, handle, *data):
        number = getattr(connection, "number", None)
        busy = [one for one, _ in self._unanswered.values() if one == number]
        if number not in self._connections or len(busy) >= _MOST_UNANSWERED:
            return _UNLIKELY, b""
        ticket = next(self._tickets)
        future = asyncio.get_running_loop().create_future()
        self._unanswered[ticket] = (number, future)
        self._say(word, number, handle, *data, ticket)
        try:
            return await asyncio.wait_for(future, _ANSWER_WITHIN_S)
        except TimeoutError:
            return _UNLIKELY, b""
        finally:
            self._unanswered.pop(ticket, None)

    def answer(self, ticket, code, data):
        _, future = self._unanswered.get(ticket, (None, None))
        if future is not None and not future.done():
            future.set_result((code, bytes.fromhex(data)))

    def notify(self, number, handle, data, confirmed):
        connection = self._connections.get(number)
        characteristic = self._characteristics.get(handle)
        if connection is None or characteristic is None:
            return
        # As an attribute of its own handle: the board tells, subscribed or not.
        kind = att.ATT_Handle_Value_Indication if confirmed else att.ATT_Handle_Value_Notification
        pdu = kind(attribute_handle=characteristic.handle, attribute_value=bytes.fromhex(data))
        self._device.gatt_server.send_gatt_pdu(connection, bytes(pdu))

    def end(self, number):
        connection = self._connections.get(number)
        if connection is not None:
            self._in_background(connection.disconnect(0x13))

    def end_all(self):
        for number in list(self._connections):
            self.end(number)

    def passkey(self, number, passkey):
        future = self._passkeys.pop(number, None)
        if future is not None and not future.done():
            future.set_result(passkey)

    def pair(self, number):
        connection = self._connections.get(number)
        if connection is not None:
            connection.request_pairing()

    # What phones do.

    def _expect_connection(self):
        """bumble then knows which of its addresses the phone has called."""
        self._device.legacy_advertiser = types.SimpleNamespace(
            own_address_type=hci.OwnAddressType.PUBLIC, auto_restart=False
        )

    def _connected(self, connection):
        number = connection.number = next(self._numbers)
        self._connections[number] = connection
        end = self.controller.find_le_connection_by_handle(connection.handle)
        if end is not None:
            end.on_told = lambda: self._say("sent", number)
        # Pairing puts another one in its place.
        address = connection.called_from = connection.peer_address
        parameters = connection.parameters
        self._say(
            "connect",
            number,
            # bumble keeps addresses as they are sent, last byte first.
            bytes(reversed(bytes(address))).hex(),
            1 if address.is_random else 0,
            int(parameters.connection_interval * 1000),
            int(parameters.supervision_timeout * 1000),
        )
        connection.on("disconnection", lambda reason: self._disconnected(number, reason))
        connection.on(
            "connection_att_mtu_update", lambda: self._say("mtu", number, connection.att_mtu)
        )
        connection.on(
            "connection_parameters_update", lambda: self._parameters_changed(number, connection)
        )
        connection.on("pairing_failure", lambda reason: self._say("paired", number, 0, 0))
        connection.on("pairing", lambda keys: self._paired(number, connection, keys))

    def _disconnected(self, number, reason):
        self._connections.pop(number, None)
        self._passkeys.pop(number, None)
        for ticket, (owner, future) in list(self._unanswered.items()):
            if owner == number:
                self._unanswered.pop(ticket)
                if not future.done():
                    future.set_result((_UNLIKELY, b""))
        self._say("ended", number, int(reason))

    def _parameters_changed(self, number, connection):
        parameters = connection.parameters
        self._say(
            "update",
            number,
            int(parameters.connection_interval * 1000),
            int(parameters.supervision_timeout * 1000),
        )

    def _subscribed(self, connection, handle, value):
        number = getattr(connection, "number", None)
        if number in self._connections:
            self._say("subscribe", number, handle, value)

    # Pairing.

    def _pairing_config(self, connection):
        settings = self._settings["pairing"]
        if settings is None:
            return pairing.PairingConfig(delegate=_Refusing())
        return pairing.PairingConfig(
            sc=bool(settings["le_secure"]),
            mitm=bool(settings["mitm"]),
            bonding=bool(settings["bond"]),
            delegate=_Delegate(self, connection, _IO[settings["io"]]),
        )

    async def show_passkey(self, number):
        """The board is asked for a number, and shows it."""
        shown = self._passkeys[number] = asyncio.get_running_loop().create_future()
        self._say("pairing", number)
        return await asyncio.wait_for(shown, _ANSWER_WITHIN_S)

    def _paired(self, number, connection, keys):
        if keys.ltk is not None:
            self._long_term_keys[connection.called_from] = keys.ltk.value
        self._say("paired", number, 1, 1 if connection.authenticated else 0)

    async def _long_term_key(self, handle, rand, ediv):
        connection = self._device.lookup_connection(handle)
        session = connection and self._device.smp_manager.get_long_term_key(connection, rand, ediv)
        if session is not None or connection is None:
            return session
        # An earlier bond: only if the board has kept its part of it.
        _, kept = await self._ask(connection, "encrypt", 0)
        if not kept or not kept[0]:
            return None
        return self._long_term_keys.get(connection.called_from)

    def _in_background(self, work):
        async def quietly():
            try:
                await work
            except Exception:  # the other side has gone already
                pass

        task = asyncio.get_running_loop().create_task(quietly())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Refusing(pairing.PairingDelegate):
    """A port that cannot pair."""

    async def accept(self):
        return False


class _Delegate(pairing.PairingDelegate):
    def __init__(self, peripheral, connection, io_capability):
        super().__init__(io_capability)
        self._peripheral = peripheral
        self._number = connection.number

    async def generate_passkey(self):
        return await self._peripheral.show_passkey(self._number)


async def _refuse(bearer, value):
    raise att.ATT_Error(_WRITE_NOT_PERMITTED)


def _uuid(text):
    return UUID.from_bytes(bytes.fromhex(text))
