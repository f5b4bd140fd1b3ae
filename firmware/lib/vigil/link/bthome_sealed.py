"""BTHome encrypted with a key of its own, which the owner sets: AES-CCM, with a counter.

No counter is ever used twice with a key: they are reserved in blocks, and a block is used only
when both copies of its reservation are written. Without a key all is told plainly; if the key was
lost, nothing of the pack is told.
"""

from cryptolib import aes
from micropython import const

from vigil import journal
from vigil.auth import BROADCASTS
from vigil.link.bthome import BtHome
from vigil.store import LOST

_ENCRYPTED = const(0x41)
_NAME = "bthome"
_SCHEMA = const(1)
_KEY = const(16)
_COUNTER = const(4)
_TAG = const(4)
_BLOCK = const(16)
_ECB = const(1)
_NO_KEY = bytes(_KEY)
RESERVED = const(1 << 14)
_LAST = const(0x3FFF0000)  # counters end before they would need the heap


class SealedBtHome(BtHome):
    """Voltage and current take turns, for there is not room for both."""

    def __init__(self, status, name, service, address):
        """address: six bytes as they are printed, those that are on the air."""
        super().__init__(status, name, service, True)
        self._store = store = self._bms.memory.another(_NAME, _SCHEMA, _KEY + _COUNTER)
        kept = store.load()
        self._lost = store.origin == LOST
        self._nonce = bytearray(address) + b"\xd2\xfc\x41" + bytes(_COUNTER)
        self._sealed = bytearray(32)
        self._with_voltage = False
        self._asked = False  # whether there is somebody who takes a new key
        self._cipher = None
        self._key = _NO_KEY
        self._counter = self._safe = self._end = 0  # below _safe: reserved for good
        if kept:
            self._end = int.from_bytes(kept[_KEY:], "little")
            self._use(kept[:_KEY])

    def set_key(self, key):
        """32 bytes, of which the second half are zeros; all of them: from now on plain."""
        if bytes(key[_KEY:]) != _NO_KEY:
            return False
        self._lost = False
        self._use(bytes(key[:_KEY]))
        self._bms.keeper.note(journal.KEY, BROADCASTS, journal.BY_OWNER)
        return True

    def refresh(self):
        if not self._asked:
            self._asked = True
            if self._bms.authority is not None:
                self._bms.authority.broadcasts = self
        if self._lost:
            return False
        cipher = self._cipher
        if cipher is None:
            return super().refresh()
        if not self._store.copies_owed:
            self._safe = self._end
            if self._safe - self._counter < RESERVED // 2:
                self._reserve()
        if self._counter >= self._safe:
            return False
        self._to = 0
        self._with_voltage = not self._with_voltage
        self._collect(self._with_voltage, not self._with_voltage)
        self._close(_ENCRYPTED, self._sealed, self._seal(cipher, self._to))
        return True

    def _use(self, key):
        """Nothing that has been reserved before is used with it."""
        self._key = key
        self._cipher = None if key == _NO_KEY else aes(key, _ECB)
        self._counter = self._safe = self._end
        self._told = b""
        self._reserve()

    def _reserve(self):
        """The next block; it may be used when that is written."""
        if self._end < _LAST:
            self._end += RESERVED
        self._store.stage(self._key + self._end.to_bytes(_COUNTER, "little"))

    def _seal(self, cipher, length):
        """Objects, counter and tag into _sealed; how much that is."""
        sealed = self._sealed
        nonce = self._nonce
        counter = self._counter
        self._counter = counter + 1
        for at in range(_COUNTER):
            nonce[9 + at] = sealed[length + at] = counter >> 8 * at & 0xFF
        block = bytearray(_BLOCK)
        # B0: a tag of four bytes, a length of two.
        block[0] = 9
        block[1:14] = nonce
        block[15] = length
        total = bytearray(cipher.encrypt(block))
        block[0] = 1
        for begin in range(0, length, _BLOCK):
            block[15] = begin // _BLOCK + 1
            stream = cipher.encrypt(block)
            for at in range(begin, min(begin + _BLOCK, length)):
                total[at - begin] ^= self._objects[at]
                sealed[at] = self._objects[at] ^ stream[at - begin]
            total = bytearray(cipher.encrypt(total))
        block[15] = 0
        stream = cipher.encrypt(block)
        for at in range(_TAG):
            sealed[length + _COUNTER + at] = total[at] ^ stream[at]
        return length + _COUNTER + _TAG
