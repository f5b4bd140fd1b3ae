"""Pairing with a passkey, where the port can: phones that know it, and their secrets.

It keeps strangers from listening; what anybody may do is decided by keys alone (docs/keys.md).
"""

from micropython import const

_GET_SECRET = const(29)
_SET_SECRET = const(30)
_PASSKEY = const(31)
_DISPLAY = const(3)
_DISPLAY_ONLY = const(0)
_NAME = "bonds"
_SCHEMA = const(1)
_MOST = const(8)  # a phone has two
_MOST_KEY = const(16)
_MOST_SECRET = const(96)
# Of each: kind + 1, length of the key, of the secret, key, secret.
_HEAD = const(3)
_ENTRY = const(115)


class Bonds:
    """memory: vigil.memory.Memory, where the secrets are kept."""

    def __init__(self, radio, memory, passkey):
        self._radio = radio
        self._passkey = passkey
        self._store = memory.another(_NAME, _SCHEMA, _MOST * _ENTRY)
        self._kept = bytearray(self._store.load() or _MOST * _ENTRY)
        self._next = 0  # to be forgotten when there is no room
        self._changed = False
        self.refused = 0
        radio.config(bond=True)
        radio.config(mitm=True)
        radio.config(le_secure=True)
        radio.config(io=_DISPLAY_ONLY)

    def event(self, event, data):
        """The radio asks, and has to be answered at once."""
        if event == _GET_SECRET:
            return self._get(data[0], data[1], data[2])
        if event == _SET_SECRET:
            return self._set(data[0], data[1], data[2])
        if event == _PASSKEY and data[1] == _DISPLAY:
            self._radio.gap_passkey(data[0], _DISPLAY, self._passkey)

    def step(self):
        """What has been put is to be written."""
        if self._changed:
            self._changed = False
            self._store.stage(bytes(self._kept))

    def _get(self, kind, index, key):
        kept = self._kept
        for at in range(0, len(kept), _ENTRY):
            if kept[at] != kind + 1 or key is not None and not self._is_of(at, key):
                continue
            if key is not None or not index:
                begin = at + _HEAD + _MOST_KEY
                return bytes(kept[begin : begin + kept[at + 2]])
            index -= 1

    def _set(self, kind, key, secret):
        """secret: None forgets."""
        kept = self._kept
        found = free = -1
        for at in range(0, len(kept), _ENTRY):
            if kept[at] == kind + 1 and self._is_of(at, key):
                found = at
            elif not kept[at] and free < 0:
                free = at
        if secret is None:
            if found < 0:
                return False
            for at in range(found, found + _ENTRY):
                kept[at] = 0
        else:
            if len(key) > _MOST_KEY or len(secret) > _MOST_SECRET:
                self.refused += 1
                return False
            if found < 0:
                found = free
            if found < 0:
                found = self._next * _ENTRY
                self._next = (self._next + 1) % _MOST
            kept[found] = kind + 1
            kept[found + 1] = len(key)
            kept[found + 2] = len(secret)
            _put(kept, found + _HEAD, key)
            _put(kept, found + _HEAD + _MOST_KEY, secret)
        self._changed = True
        return True

    def _is_of(self, at, key):
        if self._kept[at + 1] != len(key):
            return False
        for index in range(len(key)):
            if self._kept[at + _HEAD + index] != key[index]:
                return False
        return True


def _put(kept, at, data):
    for index in range(len(data)):
        kept[at + index] = data[index]
