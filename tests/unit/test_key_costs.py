"""What proofs and seals take on a board: what is counted is SHA-256 and AES, and fits a slice."""

import hashlib
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.bench import key_costs
from host_tools.bench.on_arm import C
from host_tools.mock import costs
from host_tools.mock.fakes import cryptolib

_CODE = C()
_START = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A)
_START += (0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)


def _constants():
    """The first 32 bits behind the point of the cube roots of the first 64 primes."""
    primes = [n for n in range(2, 312) if all(n % other for other in range(2, n))]
    roots = []
    for prime in primes:
        root = 0
        for bit in reversed(range(36)):
            if (root + (1 << bit)) ** 3 <= prime << 96:
                root += 1 << bit
        roots.append(root & 0xFFFFFFFF)
    return struct.pack("<64I", *roots)


@settings(max_examples=10, deadline=None)
@given(st.binary(max_size=150))
def test_the_counted_sha_256_is_sha_256(text):
    state = bytearray(struct.pack("<8I", *_START))
    padded = text + b"\x80" + bytes(-(len(text) + 9) % 64) + struct.pack(">Q", 8 * len(text))
    constants = _constants()
    for at in range(0, len(padded), 64):
        _CODE.call("sha256_block", state, padded[at : at + 64], constants)
    found = struct.pack(">8I", *struct.unpack("<8I", state))
    assert found == hashlib.sha256(text).digest()


@settings(max_examples=10, deadline=None)
@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_the_counted_aes_is_aes(key, text):
    block = bytearray(text)
    keys = bytes(sum(cryptolib._schedule(key, cryptolib._BOX), []))
    _CODE.call("aes_block", block, keys, bytes(cryptolib._BOX))
    theirs = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(text)
    assert bytes(block) == theirs


def test_every_piece_of_work_with_keys_fits_into_a_slice():
    found = key_costs.measure(("hmac", "challenge", "answer", "unseal_longest", "seal_longest"))
    for name, (_, _, _, cycles) in found.items():
        assert 0 < cycles / costs.MHZ <= key_costs.MOST_US, name
    # Blocks, counted by hand: two pads, what is sealed with its direction, the padding.
    assert found["hmac"][1:3] == (5, 0)
    assert found["unseal_longest"][1:3] == found["seal_longest"][1:3] == (7, 15)
    assert found["answer"][1:3] == (12, 1)
