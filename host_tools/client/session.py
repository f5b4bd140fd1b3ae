"""A session: both sides prove that they know the key, then seal what they say.

Pure functions over bytes (HMAC-SHA256, AES-128-CTR); the line and the requests are native.py's.
AES comes from `cryptography`, which only an open session needs.
"""

import hmac
import struct

from host_tools.client.errors import Forged, NotSpoken
from host_tools.client.messages import SEALED

REQUEST, ANSWER, TELEMETRY = range(3)  # directions
_MAC = 8
_PROOF = 16
_HEAD = 7  # first byte, length, session, counter
_LARGEST_COUNTER = 0xFFFFFFFF


class Session:
    """One that is being opened, or is open."""

    def __init__(self, key, device_id, role, number, client_nonce, device_nonce):
        """role: 1 operator, 2 owner; number: the session's."""
        transcript = b"vigil1" + device_id + bytes([role, number]) + client_nonce + device_nonce

        def derived(purpose):
            return hmac.digest(key, purpose + transcript, "sha256")

        self.number = number
        self.device_proof = derived(b"D")[:_PROOF]
        self.client_proof = derived(b"C")[:_PROOF]
        self._cipher_key = derived(b"E")[:16]
        self._mac_key = derived(b"M")
        self.counter = 0  # of the latest request
        self._telemetry = -1

    def seal(self, tag, op, payload=b""):
        """A request, under the next counter."""
        if self.counter == _LARGEST_COUNTER:
            raise Forged("the session has run out of counters: begin anew")
        self.counter += 1
        return self.sealed(REQUEST, self.counter, bytes([tag, op]) + payload)

    def sealed(self, direction, counter, text):
        head = struct.pack(">BBBI", SEALED, 5 + len(text) + _MAC, self.number, counter)
        message = head + self._crypt(direction, counter, text)
        return message + self._mac(direction, message)

    def unseal(self, message):
        """(direction, tag, op without the bit of an answer, status, payload).

        None where it is no sealed message of this session, or an answer to an earlier request;
        Forged where its seal is broken.
        """
        if len(message) < _HEAD + 3 + _MAC or message[0] != SEALED:
            return None
        if message[1] != len(message) - 2 or message[2] != self.number:
            return None
        counter = int.from_bytes(message[3:_HEAD])
        sealed, mac = message[:-_MAC], message[-_MAC:]
        for direction in (ANSWER, TELEMETRY):
            if hmac.compare_digest(self._mac(direction, sealed), mac):
                break
        else:
            raise Forged("an answer came whose seal is broken: somebody or something changed it")
        if direction == ANSWER and counter != self.counter:
            return None
        if direction == TELEMETRY:
            if counter <= self._telemetry:
                return None
            self._telemetry = counter
        tag, op, status, *payload = self._crypt(direction, counter, sealed[_HEAD:])
        return direction, tag, op & 0x7F, status, bytes(payload)

    def _mac(self, direction, message):
        return hmac.digest(self._mac_key, bytes([direction]) + message, "sha256")[:_MAC]

    def _crypt(self, direction, counter, text):
        algorithms, Cipher, modes = _aes()
        nonce = bytes([direction]) + counter.to_bytes(4) + bytes(11)
        return Cipher(algorithms.AES(self._cipher_key), modes.CTR(nonce)).encryptor().update(text)


def _aes():
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    except ImportError:
        raise NotSpoken(
            "a session needs the package cryptography: pip install -e '.[client]'"
        ) from None
    return algorithms, Cipher, modes
