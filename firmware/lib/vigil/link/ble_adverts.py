"""What a board tells everybody over Bluetooth, in 31 bytes: that it is there, and speaks JBD.

bthome.py adds what the pack is doing. The name is in the scan response.
"""

from micropython import const

_MOST = const(31)
_FLAGS = b"\x02\x01\x06"  # to be found by all, no classic Bluetooth
_SERVICES = b"\x03\x03"  # the complete list of 16-bit ones
_WHOLE_NAME = const(9)
_CUT_NAME = const(8)


class Adverts:
    """`data` and `response` are what is to be told."""

    def __init__(self, name, service, in_response=False):
        """service: a 16-bit UUID that apps look for, 0 for none; in_response: there is its place,
        because the other packet is full."""
        listed = b""
        if service:
            listed = _SERVICES + bytes((service & 0xFF, service >> 8))
        self._buffer = buffer = bytearray(_MOST)
        own = _FLAGS if in_response else _FLAGS + listed
        buffer[: len(own)] = own
        self._own = len(own)
        self.data = memoryview(buffer)[: self._own]
        response = listed if in_response else b""
        room = _MOST - 2 - len(response)
        kind = _WHOLE_NAME if len(name) <= room else _CUT_NAME
        name = name[:room]
        self.response = response + bytes((len(name) + 1, kind)) + name

    def refresh(self):
        """True if there is something new in data."""
        return False
