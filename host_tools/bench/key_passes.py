"""The pieces of vigil.auth, over ciphers that do nothing but note how many blocks they are given.

Runs inside the counting interpreter, see passes.py. Never upload to a board.
"""

import sys

from host_tools.bench import passes

_MESSAGE = 128
_LONGEST = 240
_BLOCK = 64
_made = []


class Sha256:
    def __init__(self, data):
        self._size = len(data)

    def update(self, data):
        self._size += len(data)

    def digest(self):
        # A bit, and the length.
        _made.append(["sha256", (self._size + 9 + _BLOCK - 1) // _BLOCK])
        return bytes(32)


class Aes:
    def __init__(self, key, mode):
        # Its key schedule takes about as long as a block.
        _made.append(["aes", 1])

    def encrypt(self, text, out):
        _made.append(["aes", len(text) // 16])


class Hashlib:
    sha256 = Sha256


class Cryptolib:
    aes = Aes


class Storage:
    def read(self, name):
        return None


def ignore(kind, code=0, where=0, value=0):
    pass


CALLS = {}


def install():
    passes.install()
    sys.modules["hashlib"] = Hashlib
    sys.modules["cryptolib"] = Cryptolib


def notes(function):
    """[[cipher, blocks]] of what function() asks for."""
    _made[:] = []
    function()
    return list(_made)


class Pieces:
    def __init__(self):
        from vigil.auth import Authority
        from vigil.memory import Memory

        self.authority = authority = Authority(Memory(Storage()), ignore, bytes(8), bytes)
        authority._keys[:] = bytes([7] * 64)
        authority.challenge(2, bytes(16), 0)
        authority.answer(authority.session, bytes(16), 0)
        self.number = authority.session
        self.message = bytearray(_MESSAGE)
        self.longest = bytearray(_LONGEST)
        self.count = 0

    def scans(self, bits):
        pass

    def nothing(self):
        _made[:] = []

    def hmac(self):
        """Of 64 bytes, with a new key."""
        from vigil.seal import Mac

        Mac(self.message[:32]).of(self.message[:64])

    def challenge(self):
        self.authority.challenge(2, self.message[:16], 0)

    def answer(self):
        """A challenge too, which is taken off again."""
        authority = self.authority
        authority.challenge(2, self.message[:16], 0)
        if authority.answer(authority.session, bytes(16), 0):
            raise ValueError("not opened")
        self.number = authority.session

    def _unseal(self, message):
        size = len(message)
        self.count += 1
        message[0] = 0x11
        message[1] = size - 2
        message[2] = self.number
        message[3:7] = self.count.to_bytes(4, "big")
        message[size - 8 :] = bytes(8)
        if self.authority.unseal(message, size, 0):
            raise ValueError("not opened")
        self.authority.done()

    def unseal(self):
        """A whole message of 128 bytes."""
        self._unseal(self.message)

    def seal(self):
        self.authority.seal(1, self.number, b"\0\0\0\1", self.message, _MESSAGE - 15)

    def unseal_longest(self):
        self._unseal(self.longest)

    def seal_longest(self):
        self.authority.seal(1, self.number, b"\0\0\0\1", self.longest, _LONGEST - 15)

    def authority_idle(self):
        self.authority.step(1000)
