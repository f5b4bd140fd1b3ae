"""Never upload to a board: the desk's stand-in for `bluetooth`, peripheral role only.

use(clock, profile) comes first: "esp32" (NimBLE) or "rp2" (BTstack, Pico W), each with its
limits. Phones are in `air`; what they do reaches the firmware's handler at random moments.
"""

from host_tools.mock import fake_radio
from host_tools.mock.fake_radio import Refused
from host_tools.mock.gatt_table import GattTable

FLAG_READ = 0x0002
FLAG_WRITE_NO_RESPONSE = 0x0004
FLAG_WRITE = 0x0008
FLAG_NOTIFY = 0x0010
FLAG_INDICATE = 0x0020

_ENOMEM = 12
_ENODEV = 19
_EINVAL = 22
_ENOTCONN = 107
_MOST_ADVERTISED = 31
_SHORTEST_INTERVAL_US = 20000
_LONGEST_INTERVAL_US = 10240000
_CUT_BY_US = 0x16

air = fake_radio.Air()
_ble = None


class UUID:
    """16 bits from an int, 128 from a string or bytes (little endian)."""

    def __init__(self, value):
        if isinstance(value, int):
            if not 0 <= value <= 0xFFFF:
                raise ValueError("invalid UUID")
            self.packed = bytes([value & 0xFF, value >> 8])
        elif isinstance(value, str):
            digits = value.replace("-", "")
            if len(digits) != 32:
                raise ValueError("invalid UUID")
            pairs = [int(digits[at : at + 2], 16) for at in range(30, -1, -2)]
            self.packed = bytes(pairs)
        else:
            if len(value) not in (2, 16):
                raise ValueError("UUID argument too short")
            self.packed = bytes(value)

    # MicroPython's bytes() does not ask for __bytes__.
    def __len__(self):
        return len(self.packed)

    def __iter__(self):
        return iter(self.packed)

    def __bytes__(self):
        return self.packed

    def __eq__(self, other):
        return isinstance(other, UUID) and self.packed == other.packed

    def __hash__(self):
        return hash(self.packed)

    def __repr__(self):
        return "UUID(0x" + "".join(["%02x" % byte for byte in reversed(self.packed)]) + ")"


class _Ble:
    """What both ports can do."""

    def __init__(self, profile):
        self._profile = profile
        self._settings = {"gap_name": b"MPY ESP32" if profile.pairing else b"MPY BTSTACK"}
        self._settings.update({"mtu": 256, "rxbuf": 128, "addr_mode": 0})
        self._active = False
        self._forget_payload()

    def _forget_payload(self):
        self._adv_data = b""
        self._resp_data = b""

    def active(self, active=None):
        if active is None:
            return self._active
        active = bool(active)
        if active != self._active:
            self._active = active
            if active:
                air.table = GattTable(self._profile)
                air.preferred_mtu = self._settings["mtu"]
                air.settled()
            else:
                air.switch_off()
                self._forget_payload()
        return self._active

    def irq(self, handler):
        if handler is not None and not callable(handler):
            raise ValueError("invalid handler")
        air.handler = handler

    def config(self, *names, **settings):
        if names and settings or len(names) > 1:
            raise TypeError("either ask for one or set some")
        if names:
            return self._ask(names[0])
        for name in settings:
            self._set(name, settings[name])

    def _ask(self, name):
        if name == "mac":
            self._must_be_active()
            return (self._settings["addr_mode"] & 1, bytes(air.mac))
        if name not in self._settings:
            raise ValueError("unknown config param")
        return self._settings[name]

    def _set(self, name, value):
        if name == "gap_name":
            self._must_be_active()
            value = bytes(value, "utf-8") if isinstance(value, str) else bytes(value)
        elif name == "mtu":
            self._must_be_active()
            if not 23 <= value <= 527:
                raise OSError(_EINVAL)
            air.preferred_mtu = value
            air.settled()
        elif name == "addr_mode":
            if not 0 <= value <= (3 if self._profile.pairing else 1):
                raise OSError(_EINVAL)
        elif name != "rxbuf":
            self._set_pairing(name, value)
        self._settings[name] = value

    def _set_pairing(self, name, value):
        raise ValueError("unknown config param")

    def _must_be_active(self):
        if not self._active:
            raise OSError(_ENODEV)
        air.poll()

    # Being found.

    def gap_advertise(self, interval_us, adv_data=None, *, resp_data=None, connectable=True):
        self._must_be_active()
        air.advertise(None)
        if interval_us is None:
            return
        if not _SHORTEST_INTERVAL_US <= interval_us <= _LONGEST_INTERVAL_US:
            raise OSError(_EINVAL)
        for data in (adv_data, resp_data):
            if data is not None and len(data) > _MOST_ADVERTISED:
                raise OSError(_EINVAL)
        if adv_data is not None:
            self._adv_data = bytes(adv_data)
        if resp_data is not None:
            self._resp_data = bytes(resp_data)
        if connectable and len(air.links) >= self._profile.most_links:
            raise OSError(_ENOMEM)
        air.advertise((interval_us, self._adv_data, self._resp_data, bool(connectable)))

    def gap_disconnect(self, conn_handle):
        self._must_be_active()
        link = air.links.get(conn_handle)
        if link is None:
            return False
        link.end(_CUT_BY_US)
        return True

    # The attributes.

    def gatts_register_services(self, services):
        self._must_be_active()
        if air.advertised is not None:
            raise OSError(_EINVAL)
        return air.register(services)

    def gatts_read(self, value_handle):
        self._must_be_active()
        return air.table.local(value_handle).read()

    def gatts_write(self, value_handle, data, send_update=False):
        self._must_be_active()
        air.table.local(value_handle).write(data)
        if send_update:
            for link in list(air.links.values()):
                if link.subscribed(value_handle):
                    link.send(value_handle, data, False)

    def gatts_set_buffer(self, value_handle, length, append=False):
        self._must_be_active()
        air.table.local(value_handle).resize(length, append)

    def gatts_notify(self, conn_handle, value_handle, data=None):
        self._send(conn_handle, value_handle, data, False)

    def gatts_indicate(self, conn_handle, value_handle, data=None):
        self._send(conn_handle, value_handle, data, True)

    def _send(self, conn_handle, value_handle, data, confirmed):
        self._must_be_active()
        value = air.table.local(value_handle)
        link = air.links.get(conn_handle)
        if link is None:
            raise OSError(_ENOTCONN)
        if not link.send(value_handle, value.data if data is None else data, confirmed):
            raise OSError(_ENOMEM)


class _BleThatPairs(_Ble):
    def _set_pairing(self, name, value):
        if name not in ("bond", "mitm", "io", "le_secure"):
            raise ValueError("unknown config param")
        if name == "io" and not 0 <= value <= 4:
            raise OSError(_EINVAL)
        air.pairing[name] = value
        air.settled()

    def gap_pair(self, conn_handle):
        self._must_be_active()
        link = air.links.get(conn_handle)
        if link is None:
            raise OSError(_ENOTCONN)
        link.security_wanted()

    def gap_passkey(self, conn_handle, action, passkey):
        self._must_be_active()
        link = air.links.get(conn_handle)
        if link is None or not link.take_passkey(action, passkey):
            raise OSError(_EINVAL)


def BLE():
    """There is one."""
    return _ble


def use(clock=None, profile="esp32", seed=1, mac=b"\x28\xcd\xc1\x00\x00\x01"):
    """A board with this radio has been switched on. Without a clock, all happens at once."""
    global _ble
    found = fake_radio.PROFILES[profile]
    _ble = (_BleThatPairs if found.pairing else _Ble)(found)
    air.begin(clock, found, seed, mac)


def forget():
    """No board, no phone, no hold on the clock."""
    air.end()


__all__ = (
    "BLE",
    "FLAG_INDICATE",
    "FLAG_NOTIFY",
    "FLAG_READ",
    "FLAG_WRITE",
    "FLAG_WRITE_NO_RESPONSE",
    "UUID",
    "Refused",
    "air",
)

use()
