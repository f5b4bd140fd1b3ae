"""Who talks to an Authority in the tests: HMAC, transcript and seals once more, of its own."""

import hashlib

from cryptolib import aes

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from host_tools.mock.fake_flash import FakeFlash
from vigil import auth
from vigil.memory import Memory

OPERATOR, OWNER = 1, 2
MODBUS, JBD, NATIVE = 1, 2, 3
ID = b"\x01device\xff"
OPERATORS_KEY = bytes(range(32))
OWNERS_KEY = bytes(range(100, 132))
CLIENT_NONCE = b"nonce of client!"
PLAIN = b"\x07\x04\x06\x49\x01\x00\x01"  # tag, write, point 1609, a word, 1


def hmac(key, text):
    """As RFC 2104 tells it."""
    key = key + bytes(64 - len(key))
    inner = hashlib.sha256(bytes([byte ^ 0x36 for byte in key]) + text).digest()
    return hashlib.sha256(bytes([byte ^ 0x5C for byte in key]) + inner).digest()


def crypt(key, direction, counter, text):
    out = b""
    for block in range((len(text) + 15) // 16):
        start = bytes([direction]) + counter + bytes(10) + bytes([block])
        stream = aes(key, 1).encrypt(start)
        piece = text[16 * block : 16 * block + 16]
        out += bytes([a ^ b for a, b in zip(piece, stream)])
    return out


def four(number):
    return bytes([number >> 24 & 255, number >> 16 & 255, number >> 8 & 255, number & 255])


class World:
    """An Authority with a memory, and what it has noted. Virtual time passes in wait_s()."""

    def __init__(self, operator=OPERATORS_KEY, owner=OWNERS_KEY, flash=None, random=None):
        self.clock = VirtualClock()
        fake_time.use(self.clock)
        self.flash = flash
        if flash is None:
            self.flash = FakeFlash()
            if operator or owner:
                auth.write_keys(self.flash, operator, owner)
        self.flash.use(self.clock)
        self.random = random or (lambda size: bytes(size))
        self.start()

    def start(self):
        self.notes = []
        self.memory = Memory(self.flash)
        self.memory.begin(1)
        self.authority = auth.Authority(self.memory, self.note, ID, self.random)

    def note(self, kind, code=0, where=0, value=0):
        self.notes.append((kind, code, where, value))

    def noted(self, kind):
        return [note for note in self.notes if note[0] == kind]

    @property
    def now_ms(self):
        return fake_time.ticks_ms()

    def wait_s(self, seconds, step_s=1):
        for _ in range(seconds // step_s):
            self.clock.advance(step_s * 1000000)
            self.authority.step(self.now_ms)

    def keep(self):
        """As the keeper does in quiet moments."""
        while self.memory.state_waits:
            assert self.memory.commit()

    def commission(self, role, key):
        return self.authority.commission(role, key, self.now_ms)

    def client(self, role=OWNER, key=None, opened=True):
        client = Client(self, role, key or (OWNERS_KEY if role == OWNER else OPERATORS_KEY))
        if opened:
            assert client.challenge() == 0
            assert client.answer() == 0
        return client

    def state(self):
        """What a write from outside must not have changed."""
        authority = self.authority
        roles = [authority.role(who) for who in (MODBUS, JBD, NATIVE)]
        copies = [self.flash.records.get("keys.%d" % copy) for copy in (0, 1)]
        return [bytes(authority._keys), roles, authority.sessions_open, copies]


class Client:
    def __init__(self, world, role, key):
        self.world = world
        self.authority = world.authority
        self.role = role
        self.key = key
        self.count = 0

    def challenge(self, nonce=CLIENT_NONCE):
        status = self.authority.challenge(self.role, nonce, self.world.now_ms)
        if status == 0:
            self.session = self.authority.session
            self.transcript = (
                b"vigil1" + ID + bytes([self.role, self.session]) + nonce
            ) + self.authority.device_nonce
            self.device_proof = bytes(self.authority.proof)
        return status

    def derived(self, what):
        return hmac(self.key, what + self.transcript)

    def device_is_good(self):
        return self.device_proof == self.derived(b"D")[:16]

    def answer(self, proof=None):
        proof = proof or self.derived(b"C")[:16]
        self.cipher_key = self.derived(b"E")[:16]
        self.mac_key = self.derived(b"M")
        return self.authority.answer(self.session, proof, self.world.now_ms)

    def sealed(self, text=PLAIN, counter=None):
        """A request; under the next counter if none is given."""
        if counter is None:
            self.count += 1
            counter = self.count
        head = bytes([0x11, 5 + len(text) + 8, self.session]) + four(counter)
        message = head + crypt(self.cipher_key, 0, four(counter), text)
        return message + hmac(self.mac_key, b"\x00" + message)[:8]

    def send(self, message):
        """(status, role while it is handled, what was in it); it has been handled then."""
        given = bytearray(message) + bytes(3)
        authority = self.authority
        status = authority.unseal(given, len(message), self.world.now_ms)
        found = (status, authority.role(NATIVE), bytes(given[7 : len(message) - 8]))
        authority.done()
        return found

    def ask(self, text=PLAIN):
        return self.send(self.sealed(text))

    def handle(self, work, text=PLAIN):
        """The result of work(), done while this client's message is being handled."""
        message = bytearray(self.sealed(text))
        assert self.authority.unseal(message, len(message), self.world.now_ms) == 0
        result = work()
        answer = self.heard(1, self.authority.counter, b"\x07\x84\x00")
        self.authority.done()
        return result, answer

    def heard(self, direction, counter, text):
        """What is in a message that the board seals now; None if it seals none."""
        message = bytearray(40)
        message[7 : 7 + len(text)] = text
        length = self.authority.seal(direction, self.session, counter, message, len(text))
        if not length:
            return None
        message = bytes(message[:length])
        assert message[0] == 0x11 and message[1] == length - 2 and message[2] == self.session
        assert message[-8:] == hmac(self.mac_key, bytes([direction]) + message[:-8])[:8]
        return crypt(self.cipher_key, direction, message[3:7], message[7:-8])
