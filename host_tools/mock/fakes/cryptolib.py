"""Never upload to a board: `cryptolib` where the interpreter has none, with ECB for encrypting.

Written from the standard's text, for a few blocks at a time. MicroPython's own is used there.
"""

import sys

_ECB = 1
_BLOCK = 16
_ROUNDS = {16: 10, 32: 14}


def _times_two(value):
    value <<= 1
    return value ^ 0x11B if value & 0x100 else value


def _substitutes():
    """The S-box: the inverse in the field, then an affine map."""
    power = [1] * 256
    for at in range(1, 256):
        power[at] = power[at - 1] ^ _times_two(power[at - 1])  # of the generator 3
    box = [0x63] * 256
    for at in range(255):
        inverse = power[255 - at]
        mixed = 0
        for turn in range(5):
            mixed ^= inverse << turn | inverse >> (8 - turn)
        box[power[at]] = mixed & 0xFF ^ 0x63
    return box


def _schedule(key, box):
    """Round keys of 16 bytes."""
    size = len(key)
    words = [list(key[at : at + 4]) for at in range(0, size, 4)]
    constant = 1
    for at in range(size // 4, 4 * (_ROUNDS[size] + 1)):
        word = words[-1]
        if at * 4 % size == 0:
            word = [box[byte] for byte in word[1:] + word[:1]]
            word[0] ^= constant
            constant = _times_two(constant)
        elif size == 32 and at % 8 == 4:
            word = [box[byte] for byte in word]
        words.append([a ^ b for a, b in zip(words[at - size // 4], word)])
    flat = [byte for word in words for byte in word]
    return [flat[at : at + _BLOCK] for at in range(0, len(flat), _BLOCK)]


class _Aes:
    def __init__(self, key, mode, iv=None):
        if mode != _ECB:
            raise ValueError("mode")
        if len(key) not in _ROUNDS:
            raise ValueError("key")
        self._keys = _schedule(bytes(key), _BOX)

    def encrypt(self, text, out=None):
        text = bytes(text)
        if len(text) % _BLOCK:
            raise ValueError("blksize % 16")
        if out is not None and len(out) < len(text):
            raise ValueError("output too small")
        sealed = b"".join(
            [self._block(text[at : at + _BLOCK]) for at in range(0, len(text), _BLOCK)]
        )
        if out is None:
            return sealed
        out[: len(sealed)] = sealed
        return out

    def _block(self, text):
        state = [a ^ b for a, b in zip(text, self._keys[0])]
        for key in self._keys[1:-1]:
            state = [a ^ b for a, b in zip(_mixed(_shifted(state)), key)]
        return bytes([a ^ b for a, b in zip(_shifted(state), self._keys[-1])])


def _shifted(state):
    """Every byte substituted, each row turned by its number."""
    return [_BOX[state[(at + 4 * (at % 4)) % _BLOCK]] for at in range(_BLOCK)]


def _mixed(state):
    """The columns mixed."""
    out = []
    for at in range(0, _BLOCK, 4):
        column = state[at : at + 4]
        total = column[0] ^ column[1] ^ column[2] ^ column[3]
        for row in range(4):
            out.append(column[row] ^ total ^ _DOUBLE[column[row] ^ column[(row + 1) % 4]])
    return out


if sys.implementation.name == "micropython":
    from ucryptolib import aes
else:
    aes = _Aes
    _BOX = _substitutes()
    _DOUBLE = [_times_two(value) for value in range(256)]

__all__ = ("aes",)
