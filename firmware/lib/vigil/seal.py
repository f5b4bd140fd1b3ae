"""HMAC-SHA256 and AES-128-CTR from what every port has: hashlib.sha256 and cryptolib's ECB."""

import hashlib

from cryptolib import aes
from micropython import const

BLOCK_SIZE = const(16)
_ECB = const(1)
_HASH_BLOCK = const(64)
_INNER = b"\x36" * 64
_OUTER = b"\x5c" * 64


def xor(one, other):
    """Both of the same length; whole numbers do it at the speed of C."""
    mixed = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return mixed.to_bytes(len(one), "big")


def same(one, other):
    """Whether they are equal, in a time that does not tell how far they are."""
    if len(one) != len(other):
        return False
    different = 0
    for at in range(len(one)):
        different |= one[at] ^ other[at]
    return not different


class Mac:
    """HMAC-SHA256 under one key of at most 64 bytes."""

    def __init__(self, key):
        key = bytes(key) + bytes(_HASH_BLOCK - len(key))
        self._inner = xor(key, _INNER)
        self._outer = xor(key, _OUTER)

    def of(self, first, second=b""):
        """32 bytes for the two parts, one behind the other."""
        inner = hashlib.sha256(self._inner)
        inner.update(first)
        inner.update(second)
        outer = hashlib.sha256(self._outer)
        outer.update(inner.digest())
        return outer.digest()


class Cipher:
    """AES-128 in counter mode; the stream of a message starts from its direction and counter."""

    def __init__(self, key):
        self._aes = aes(key, _ECB)

    def crypt(self, direction, counter, text):
        """`text` sealed, or opened again."""
        blocks = (len(text) + BLOCK_SIZE - 1) // BLOCK_SIZE
        stream = bytearray(BLOCK_SIZE * blocks)
        for block in range(blocks):
            at = BLOCK_SIZE * block
            stream[at] = direction
            stream[at + 1 : at + 5] = counter
            stream[at + 15] = block
        self._aes.encrypt(stream, stream)
        return xor(text, memoryview(stream)[: len(text)])
