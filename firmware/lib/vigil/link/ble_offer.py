"""Gives a board Bluetooth: registers the services that board.py names. Needed for the start only.

Parts: jbd, jbd_parameters or jbd_writing; native; bthome or bthome_sealed; pairing. What each of
them needs is imported by its name and brought along by the build, see host_tools/build/imports.py.
"""

import binascii
import hashlib

from micropython import const

from vigil.link.ble import Ble, Profile
from vigil.link.ble_battery import Battery

PARTS = ("jbd", "jbd_parameters", "jbd_writing", "native", "bthome", "bthome_sealed", "pairing")

_READ = const(0x02)
_WRITE_NO_RESPONSE = const(0x04)
_WRITE = const(0x08)
_NOTIFY = const(0x10)
_WRITE_PAIRED = const(0x3000)  # encrypted, by who knew the passkey

_BATTERY = const(0x180F)
_LEVEL = const(0x2A19)
_LEVEL_STATUS = const(0x2BED)
_DEVICE = const(0x180A)
_MAKER = const(0x2A29)
_MODEL = const(0x2A24)
_FIRMWARE = const(0x2A26)
_SERIAL = const(0x2A25)
_JBD = const(0xFF00)
_JBD_ANSWER = const(0xFF01)
_JBD_REQUEST = const(0xFF02)
_NATIVE = "7669000%d-6c2d-424d-5310-000000000000"

_MTU = const(247)
_EVENTS = const(512)  # bytes of events that the port keeps
_JBD_WRITE = const(64)  # what may be written at once
_NATIVE_WRITE = const(244)
_NATIVE_FRAME_MS = const(3000)


def offer(
    board,
    parts,
    name="Vigil-*",
    interval_ms=500,
    links=1,
    passkey=None,
    paired=False,
    shunt_uohm=0,
):
    """name: a star in it becomes the end of the device's number; links: as many as the port has;
    passkey: for pairing, a number of six digits; paired: requests of the native protocol come
    only from who knows it."""
    for part in parts:
        if part not in PARTS:
            raise ValueError("BLUETOOTH has no part " + part)
    try:
        import bluetooth
    except ImportError:
        print("this MicroPython has no Bluetooth")
        return
    radio = bluetooth.BLE()
    # It takes its memory before everything else does.
    radio.active(True)
    if "native" in parts or "jbd_writing" in parts:
        board.points = _module("points").Points

    def ble_link(status):
        makes = _Offer(bluetooth.UUID, radio, board, status, parts, links)
        return makes.link(name, interval_ms, passkey, paired, shunt_uohm)

    board.links = list(getattr(board, "links", ())) + [ble_link]


class _Offer:
    def __init__(self, uuid, radio, board, status, parts, links):
        self._uuid = uuid
        self._radio = radio
        self._board = board
        self._status = status
        self._parts = parts
        self._links = links

    def link(self, name, interval_ms, passkey, paired, shunt_uohm):
        radio = self._radio
        parts = self._parts
        status = self._status
        jbd = [part for part in parts if part[:3] == "jbd"]
        native = "native" in parts
        bonds = self._bonds(passkey)
        services = [
            self._service(_BATTERY, (_LEVEL, _LEVEL_STATUS), _READ | _NOTIFY),
            self._service(_DEVICE, (_MAKER, _MODEL, _FIRMWARE, _SERIAL), _READ),
        ]
        if jbd:
            answer, request = self._uuid(_JBD_ANSWER), self._uuid(_JBD_REQUEST)
            writes = _READ | _WRITE | _WRITE_NO_RESPONSE
            services.append((self._uuid(_JBD), ((answer, _READ | _NOTIFY), (request, writes))))
        if native:
            writes = _WRITE | _WRITE_NO_RESPONSE
            if paired and bonds is not None:
                writes |= _WRITE_PAIRED
            service, request, answer, told = [self._uuid(_NATIVE % at) for at in range(1, 5)]
            services.append(
                (service, ((request, writes), (answer, _NOTIFY), (told, _READ | _NOTIFY)))
            )
        handles = list(radio.gatts_register_services(tuple(services)))
        level, level_status = handles.pop(0)
        # As the native protocol tells it.
        identity = hashlib.sha256(b"vigil device" + status.bms.memory.unique_id)
        number = binascii.hexlify(identity.digest()[:8]).decode()
        self._tell_device(handles.pop(0), number)
        profiles = []
        telemetry = None
        if jbd:
            answer, request = handles.pop(0)
            radio.gatts_set_buffer(request, _JBD_WRITE, True)
            radio.gatts_set_buffer(answer, _JBD_WRITE)
            engines = [self._jbd(jbd[0], shunt_uohm) for _ in range(self._links)]
            profiles.append(Profile(request, answer, engines, False))
        if native:
            frames = _module("link.serial_frames").SerialFrames
            request, answer, told = handles.pop(0)
            radio.gatts_set_buffer(request, _NATIVE_WRITE, True)
            points = status.points
            engines = [frames(points, False, _NATIVE_FRAME_MS) for _ in range(self._links)]
            profiles.append(Profile(request, answer, engines, True))
            telemetry = _module("link.ble_telemetry").Telemetry(points, told)
        name = name.replace("*", number[-4:]).encode()
        radio.config(gap_name=name)
        radio.config(mtu=_MTU)
        radio.config(rxbuf=_EVENTS)
        return Ble(
            radio,
            self._links,
            profiles,
            self._adverts(name, _JBD if jbd else 0),
            interval_ms * 1000,
            Battery(status, level, level_status),
            telemetry,
            bonds,
        )

    def _service(self, service, characteristics, flags):
        uuid = self._uuid
        return uuid(service), tuple([(uuid(one), flags) for one in characteristics])

    def _tell_device(self, handles, number):
        texts = (b"Vigil", self._board.name.encode(), _version(), number.encode())
        for handle, text in zip(handles, texts):
            self._radio.gatts_write(handle, text)

    def _jbd(self, kind, shunt_uohm):
        status = self._status
        engine = _module("link.jbd").Jbd(status, self._board.device_name)
        if kind != "jbd":
            module = _module("link." + kind)
            make = module.Parameters if kind == "jbd_parameters" else module.over_bluetooth
            engine.use(make(status, engine.name, engine.production_date, shunt_uohm))
        return engine

    def _adverts(self, name, service):
        status = self._status
        if "bthome_sealed" in self._parts:
            address = self._radio.config("mac")[1]
            return _module("link.bthome_sealed").SealedBtHome(status, name, service, address)
        if "bthome" in self._parts:
            return _module("link.bthome").BtHome(status, name, service)
        return _module("link.ble_adverts").Adverts(name, service)

    def _bonds(self, passkey):
        if "pairing" not in self._parts or passkey is None:
            return None
        try:
            return _module("link.ble_bonds").Bonds(self._radio, self._status.bms.memory, passkey)
        except ValueError:
            print("this port cannot pair: anybody in reach may listen")


def _module(name):
    return __import__("vigil." + name, None, None, ("__name__",))


def _version():
    """As the build has told it."""
    try:
        from vigil_release import VERSION
    except ImportError:
        return b"unbuilt"
    return VERSION.encode()
