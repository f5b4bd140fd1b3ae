"""Proofs and sealed messages: who has opened a session, and what really comes from him.

The base of vigil.auth.Authority. docs/keys.md says what is proved how.
"""

import hashlib
import os
import time

from micropython import const

from vigil import journal
from vigil.seal import Cipher, Mac, same
from vigil.tally import Tally

# Answers to a message (docs/keys.md).
OK = const(0)
MALFORMED = const(3)
NO_SESSION = const(4)
BAD_PROOF = const(5)
TOO_EARLY = const(6)
NO_KEY = const(7)
NOT_ALLOWED = const(20)
NOT_NOW = const(30)

# Directions of a sealed message.
REQUEST = const(0)
ANSWER = const(1)
UNASKED = const(2)

# What was refused, for the journal.
WRONG_PROOF = const(1)
DAMAGED = const(2)
REPLAYED = const(3)
SESSION_UNKNOWN = const(4)
HURRIED = const(5)
KEY_CHANGE = const(6)
WINDOW = const(7)

SEALED = const(0x11)  # first byte of a sealed message
HEAD = const(7)  # before what is sealed: that byte, length, session, counter
MAC_SIZE = const(8)
NONCE_SIZE = const(16)
PROOF_SIZE = const(16)
PENDING_MS = const(30000)
IDLE_MS = const(900000)
FORGET_MS = const(60000)
LONGEST_WAIT_MS = const(60000)
_STEPS = const(7)
_SLOTS = const(2)
_LAST_NUMBER = const(255)
_LEAST = const(17)


class Session:
    """From a challenge on; the keys of its messages are made when it is answered rightly."""

    def __init__(self, number, role, key, transcript, now_ms):
        self.number = number
        self.role = role
        self._key = Mac(key)
        self._transcript = transcript
        self.since_ms = now_ms  # of the challenge, then of the latest good message
        self.counter = bytes(4)  # of that message
        self.unasked = 0
        self.ends = False  # once the message being handled has been answered

    def proof(self, of):
        return self._key.of(of, self._transcript)[:PROOF_SIZE]

    def open(self):
        self.cipher = Cipher(self._key.of(b"E", self._transcript)[:16])
        self.mac = Mac(self._key.of(b"M", self._transcript))
        self._key = self._transcript = None


class Sessions:
    """Two at once, and as many challenges that wait for their answer."""

    def __init__(self, note, device_id, start, random=os.urandom):
        """start: another number at each start, as far as is remembered."""
        self.device_id = device_id
        self._random = random
        self._start = start
        self._nonces = 0
        self._last_number = 0
        self._open = []
        self._pending = []
        self._wrongs = 0  # steps of the delay
        self._wrong_ms = 0
        self._wait_ms = 0
        self._opened = Tally(note, journal.SESSION)
        self._refused = Tally(note, journal.PROOF_REFUSED)
        self.acting = 0  # role of the sealed message being handled
        self._handled = None  # its session
        # Of the latest challenge or sealed message.
        self.session = 0
        self.counter = bytes(4)
        self.device_nonce = b""
        self.proof = b""
        self.wait_s = 0  # after TOO_EARLY

    @property
    def sessions_open(self):
        return len(self._open)

    @property
    def sessions_opened(self):
        return self._opened.count

    @property
    def proofs_refused(self):
        return self._refused.count

    def role_of(self, number):
        """What who has opened this session may do; 0 if it is not open."""
        session = _find(self._open, number)
        return 0 if session is None else session.role

    # Proofs.

    def challenge(self, role, client_nonce, now_ms):
        """OK: session, device_nonce and proof are what the client shall hear."""
        if len(client_nonce) != NONCE_SIZE:
            return MALFORMED
        if self._must_wait(now_ms):
            return TOO_EARLY
        key = self._key(role)
        if key is None:
            return NO_KEY
        self._tidy(now_ms)
        if len(self._pending) == _SLOTS:
            self._pending.pop(0)
        self.session = number = self._new_number()
        self.device_nonce = self._nonce()
        transcript = (
            b"vigil1"
            + self.device_id
            + bytes((role, number))
            + bytes(client_nonce)
            + self.device_nonce
        )
        session = Session(number, role, key, transcript, now_ms)
        self._pending.append(session)
        self.proof = session.proof(b"D")
        return OK

    def answer(self, number, proof, now_ms):
        """OK: the session is open; the one that has been idle for longest makes room for it."""
        if self._must_wait(now_ms):
            return TOO_EARLY
        self._tidy(now_ms)
        session = _find(self._pending, number)
        if session is None:
            self._refused.add(SESSION_UNKNOWN, number)
            return NO_SESSION
        self._pending.remove(session)
        if not same(proof, session.proof(b"C")):
            self._wrong(WRONG_PROOF, number, now_ms)
            return BAD_PROOF
        session.open()
        session.since_ms = now_ms
        if len(self._open) == _SLOTS:
            self._open.pop(0)
        self._open.append(session)
        self._opened.add(session.role, number)
        return OK

    def end(self, number):
        """At once, or behind the answer to the message being handled."""
        session = _find(self._open, number)
        if session is not None:
            session.ends = True
            if session is not self._handled:
                self._open.remove(session)

    # Sealed messages.

    def unseal(self, message, length, now_ms):
        """OK: message[HEAD : length - MAC_SIZE] is what was sealed, from `session`, and its sender
        is who acts, until done()."""
        self.done()
        if length < _LEAST or message[0] != SEALED or message[1] != length - 2:
            return MALFORMED
        self._tidy(now_ms)
        number = message[2]
        session = _find(self._open, number)
        if session is None:
            self._refused.add(SESSION_UNKNOWN, number)
            return NO_SESSION
        end = length - MAC_SIZE
        view = memoryview(message)
        if not same(session.mac.of(b"\x00", view[:end])[:MAC_SIZE], view[end:length]):
            self._wrong(DAMAGED, number, now_ms)
            return BAD_PROOF
        counter = bytes(view[3:HEAD])
        if counter <= session.counter:
            self._refused.add(REPLAYED, number)
            return BAD_PROOF
        message[HEAD:end] = session.cipher.crypt(REQUEST, counter, view[HEAD:end])
        session.counter = counter
        session.since_ms = now_ms
        self._open.remove(session)
        self._open.append(session)
        self.session = number
        self.counter = counter
        self.acting = session.role
        self._handled = session
        return OK

    def seal(self, direction, number, counter, message, length):
        """Seal message[HEAD : HEAD + length]; the length of the whole, 0 if no such session.

        counter: that of the request. What is unasked counts for itself.
        """
        session = _find(self._open, number)
        if session is None:
            return 0
        if direction == UNASKED:
            session.unasked += 1
            counter = session.unasked.to_bytes(4, "big")
        end = HEAD + length
        message[0] = SEALED
        message[1] = end + MAC_SIZE - 2
        message[2] = number
        message[3:HEAD] = counter
        view = memoryview(message)
        message[HEAD:end] = session.cipher.crypt(direction, counter, view[HEAD:end])
        mac = session.mac.of(bytes((direction,)), view[:end])
        message[end : end + MAC_SIZE] = mac[:MAC_SIZE]
        return end + MAC_SIZE

    def done(self):
        """The message has been handled, and its answer sealed: nobody acts any more."""
        self.acting = 0
        session = self._handled
        self._handled = None
        if session is not None and session.ends and session in self._open:
            self._open.remove(session)

    def step(self, now_ms):
        """A slow task."""
        self._tidy(now_ms)
        if self._wrongs and time.ticks_diff(now_ms, self._wrong_ms) >= FORGET_MS:
            self._wrongs -= 1
            self._wrong_ms = now_ms
        self._opened.step(now_ms)
        self._refused.step(now_ms)
        return False

    def _drop(self, role):
        """Whatever rests on this role's key; the session being handled may still be answered."""
        self._pending = [session for session in self._pending if session.role != role]
        for session in list(self._open):
            if session.role == role:
                self.end(session.number)

    def _tidy(self, now_ms):
        for sessions, most_ms in ((self._pending, PENDING_MS), (self._open, IDLE_MS)):
            # In the order in which they were heard.
            while sessions and time.ticks_diff(now_ms, sessions[0].since_ms) >= most_ms:
                sessions.pop(0)

    # The delay after a wrong proof.

    def _wrong(self, reason, number, now_ms):
        self._refused.add(reason, number)
        self._wait_ms = min(1000 << self._wrongs, LONGEST_WAIT_MS)
        self._wrongs = min(self._wrongs + 1, _STEPS)
        self._wrong_ms = now_ms

    def _must_wait(self, now_ms):
        if self._wrongs:
            left_ms = self._wait_ms - time.ticks_diff(now_ms, self._wrong_ms)
            if left_ms > 0:
                self.wait_s = (left_ms + 999) // 1000
                self._refused.add(HURRIED)
                return True
        return False

    def _new_number(self):
        number = self._last_number
        while True:
            number = number % _LAST_NUMBER + 1
            if _find(self._open, number) is None and _find(self._pending, number) is None:
                self._last_number = number
                return number

    def _nonce(self):
        """Never the same again, even if the port's generator is a poor one."""
        self._nonces += 1
        seed = hashlib.sha256(self._random(NONCE_SIZE))
        for number in (self._start, self._nonces, time.ticks_us()):
            seed.update(number.to_bytes(4, "big"))
        return seed.digest()[:NONCE_SIZE]


def _find(sessions, number):
    for session in sessions:
        if session.number == number:
            return session
