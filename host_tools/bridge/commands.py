"""What Home Assistant may have done by the BMS, with the key that the bridge was given."""

from host_tools.bridge import entities
from host_tools.client import coding, keys
from host_tools.client.errors import ClientError

WINDOW_S = 600
ROLES = {  # who may
    "charge_allowed": "operator",
    "discharge_allowed": "operator",
    "window": "owner",
    "owner_reset": "owner",
}
_BITS = {"charge_allowed": 1, "discharge_allowed": 2}
_PAYLOADS = {entities.SWITCH: (b"ON", b"OFF"), entities.BUTTON: (b"PRESS",)}


def of_role(role):
    """The commands that a key of this role is good for."""
    return [name for name, needed in ROLES.items() if role in ("owner", needed)]


def check(name, payload, allowed):
    """ValueError with a sentence unless it is a command and its payload a possible one."""
    if name not in allowed:
        raise ValueError("there is no such command")
    platform = next(entity.platform for entity in entities.COMMANDED if entity.key == name)
    if payload not in _PAYLOADS[platform]:
        raise ValueError(f"it takes {' or '.join(word.decode() for word in _PAYLOADS[platform])}")


def prove(bms, role, key_text):
    """Whether the key is that of this BMS; ClientError with a sentence if it is not."""
    bms.open_session(role, _key(bms, key_text))
    bms.native.end_session()


def perform(bms, name, payload, role, key_text):
    """Do it in a session of its own; ClientError with a sentence if the BMS refuses."""
    bms.open_session(role, _key(bms, key_text))
    try:
        if name in _BITS:
            _allow(bms, _BITS[name], payload == b"ON")
        elif name == "window":
            bms.native.open_window(WINDOW_S if payload == b"ON" else 0)
        else:
            _write(bms, "owner_reset", 1)
    finally:
        bms.native.end_session()


def _allow(bms, bit, on):
    before = bms.value("switches_allowed")
    if before is None:
        raise ClientError("the BMS does not say which switches are allowed")
    _write(bms, "switches_allowed", before | bit if on else before & 3 - bit)


def _write(bms, key, value):
    bms.write((coding.Place(coding.point(key), 0), value))


def _key(bms, text):
    return keys.from_text(text, bms.native.identify().device_id)
