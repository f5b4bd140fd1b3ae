"""The native protocol as a client speaks it: every request of docs/native-protocol.md a method."""

import os
import struct

from host_tools.client import black_box, calibrating, keys
from host_tools.client import messages as m
from host_tools.client.errors import (
    ClientError,
    Forged,
    NotNative,
    OtherVersion,
    Refused,
    Unanswered,
)
from host_tools.client.session import TELEMETRY, Session
from host_tools.client.trying import PATIENT, SHORT, TRIES, attempts, tries_for

_RECORD = 32
_BUSY_TRIES = 50
_BUSY_S = 0.1
_PLACE = struct.Struct(">HBBBB")


class Native:
    """Over a carrier (carriers.py). Reads are asked again when no answer comes, writes never:
    whether one has arrived is then not known.
    """

    most_registers = m.MOST_REGISTERS  # of one read

    def __init__(self, carrier, random=os.urandom):
        self._carrier = carrier
        self.tries = TRIES  # of a request at most
        self._random = random
        self._tag = 0
        self._session = None
        self._blocks = []  # of the subscription
        self._arrived = []  # telemetry that came between an answer and its request
        self._identity = None

    # Reading.

    def identify(self):
        """Who is there: messages.Identity."""
        payload = self.ask(m.IDENTIFY)
        try:
            self._identity = m.identity(payload)
        except ValueError as error:
            raise Refused(f"the BMS does not say who it is: {error}") from None
        return self._identity

    def points(self):
        """Every point the BMS has: [(number, type, role, declared elements, real elements)]."""
        found = []
        at = 0
        while at != m.LIST_END:
            payload = self.ask(m.LIST, struct.pack(">H", at))
            follows = int.from_bytes(payload[:2])
            if len(payload) < 2 or (len(payload) - 2) % _PLACE.size or at >= follows:
                raise Refused("the BMS's list of points cannot be read")
            found += _PLACE.iter_unpack(payload[2:])
            at = follows
        return found

    def read_blocks(self, blocks):
        """[(first number, registers)] -> the registers of each block."""
        parts = []
        for batch in m.batches(blocks, self.most_registers):
            tries = tries_for(sum(count for _, count in batch), self.tries)
            try:
                parts += m.registers(self.ask(m.READ, m.ranges(batch), tries), batch)
            except ValueError as error:
                raise Refused(str(error)) from None
        return parts

    def shorten(self):
        """From now on short answers, which a noisy line damages more rarely; False if they are."""
        was, self.most_registers = self.most_registers, SHORT
        return was > SHORT

    def journal(self):
        """Every record that the BMS still has, 32 bytes each, the oldest first."""
        bounds = self.ask(m.JOURNAL, struct.pack(">I", m.JOURNAL_BOUNDS))
        at, end = _word(bounds), _word(bounds, 4)
        records = []
        while at < end:
            try:
                payload = self.ask(m.JOURNAL, struct.pack(">I", at))
            except Refused as error:
                if error.status != m.NOTHING_THERE:
                    raise
                # Overwritten meanwhile, or damaged.
                now_oldest = _word(error.payload)
                at = max(at + 1, now_oldest)
                continue
            now_oldest = _word(payload)
            pieces = payload[8:]
            got = [pieces[n : n + _RECORD] for n in range(0, len(pieces), _RECORD)]
            records += got
            at = max(at + max(1, len(got)), now_oldest)
        return records

    def black_box(self):
        """(state, trips missed, events held) of client/black_box.py."""
        try:
            return black_box.bounds(self.ask(m.BLACK_BOX))
        except Refused as error:
            if error.status != m.UNKNOWN_OP:
                raise
            raise Refused("this board has no black box", error.status) from None
        except ValueError as error:
            raise Refused(str(error)) from None

    def black_box_record(self, number):
        """The bytes of an event that it holds."""
        sizes = {one.number: one.size for one in self.black_box()[2]}
        if number not in sizes:
            raise Refused(f"the black box holds no event {number}", m.NOTHING_THERE)
        data = b""
        while len(data) < sizes[number]:
            where = struct.pack(">IH", number, len(data))
            payload = self.ask(m.BLACK_BOX, where)
            if payload[: len(where)] != where or len(payload) == len(where):
                raise Refused("the black box answers with something else")
            data += payload[len(where) :]
        return data

    def calibration(self):
        """How it stands: calibrating.Standing."""
        return self._calibrate(b"")

    def calibrate(self, kind, cell=0, true=0):
        """Begin, in a session; the Standing. The result is in calibration() ten seconds later."""
        return self._calibrate(struct.pack(">BBi", kind, cell, true))

    def _calibrate(self, asked):
        try:
            return calibrating.standing(self.ask(m.CALIBRATE, asked))
        except Refused as error:
            if error.status != m.UNKNOWN_OP:
                raise
            raise Refused("this board cannot be calibrated", error.status) from None
        except ValueError as error:
            raise Refused(str(error)) from None

    def time(self):
        """(seconds since the start, unix seconds or None)."""
        answer = self.ask(m.TIME)
        return _word(answer), _word(answer, 4) or None

    @property
    def may_subscribe(self):
        return self._carrier.may_subscribe

    def subscribe(self, period_s, blocks):
        """From now on next_telemetry() gives these blocks; renew it at least once a minute."""
        period = max(1, min(255, round(period_s * 10)))
        self._arrived = []
        self._blocks = list(blocks)
        self.ask(m.SUBSCRIBE, bytes([period]) + m.ranges(blocks))

    def unsubscribe(self):
        self.ask(m.SUBSCRIBE, b"\0")

    def next_telemetry(self, timeout_s):
        """The registers of the subscribed blocks; None if nothing came in time."""
        if self._arrived:
            return self._arrived.pop(0)
        self._carrier.listen(self._is_telemetry, timeout_s)
        return self._arrived.pop(0) if self._arrived else None

    # A session, and what needs one.

    def open_session(self, role, key):
        """role: "operator" or "owner"; key: its 32 bytes. From here on all is sealed."""
        for left in reversed(range(self.tries)):
            try:
                return self._open_session(role, key)
            except Unanswered:
                # Anew from the challenge: whether our proof has arrived is not known.
                if not left:
                    raise

    def _open_session(self, role, key):
        device_id = (self._identity or self.identify()).device_id
        nonce = self._random(m.NONCE)
        self._session = None
        try:
            payload = self.ask(m.CHALLENGE, bytes([m.ROLES[role]]) + nonce)
        except Refused as error:
            if error.status != m.NOTHING_THERE:
                raise
            text = f"the BMS has no {role}'s key yet: vigil key commission"
            raise Refused(text, error.status) from None
        if len(payload) != 1 + m.NONCE + m.PROOF_BYTES:
            raise Refused("the BMS answers the challenge with something else")
        number, device_nonce, proof = payload[0], payload[1:17], payload[17:]
        session = Session(key, device_id, m.ROLES[role], number, nonce, device_nonce)
        if proof != session.device_proof:
            raise Refused(
                f"the key is not that of the BMS's {role} (or this is not the BMS it is for)",
                m.BAD_PROOF,
            )
        self.ask(m.PROOF, bytes([number]) + session.client_proof)
        self._session = session

    @property
    def in_session(self):
        return self._session is not None

    def end_session(self):
        """Says goodbye; that nobody answers any more is no error."""
        if self._session:
            try:
                self.ask(m.END)
            except ClientError:
                pass
            self._session = None

    def write(self, values):
        """[(number, words, value)], at most 8; all are taken, or none and Refused says why."""
        for _ in range(_BUSY_TRIES):
            try:
                self.ask(m.WRITE, b"".join(m.value(*value) for value in values))
                return
            except Refused as error:
                if error.status not in (m.BUSY, m.DOOR_BUSY):
                    raise
                # What waits is done at the next cycles.
                self._carrier.line.read(_BUSY_S)
        raise Refused(m.sentence(m.DOOR_BUSY), m.DOOR_BUSY)

    def set_time(self, unix_s):
        self.ask(m.TIME, struct.pack(">I", unix_s))

    def set_key(self, role, key):
        self.ask(m.SET_KEY, bytes([m.ROLES[role]]) + key)

    def set_broadcast_key(self, key):
        """16 bytes for BTHome's encryption; None: plain again."""
        size = keys.BYTES
        self.ask(m.SET_KEY, bytes([m.BROADCASTS]) + (key or b"").ljust(size, b"\0"))

    def commission(self, role, key):
        """A first key, or one in the place of a lost one; travels in the clear."""
        self.ask(m.COMMISSION, bytes([m.ROLES[role]]) + key)

    def open_window(self, seconds):
        """Let protocols without keys write for so long, 0: no more; the seconds left."""
        return int.from_bytes(self.ask(m.OPEN_WINDOW, struct.pack(">H", seconds))[:2])

    # One request.

    def ask(self, op, payload=b"", tries=None):
        """The payload of the answer to one request; Refused or Unanswered."""
        again = op in _REPEATABLE and not (op in (m.TIME, m.CALIBRATE) and payload)
        status, answer = attempts(
            lambda: self._once(op, payload), (tries or self.tries) if again else 1
        )
        if self.tries == TRIES:
            # It is there: what does not come from now on was lost on the way.
            self.tries = PATIENT
        if status == m.OK:
            return answer
        text = m.sentence(status, answer)
        if status == m.NO_SESSION:
            self._session = None
        if status == m.WRONG_VERSION:
            raise OtherVersion(text, status, answer)
        raise Refused(text, status, answer)

    def _once(self, op, payload):
        self._tag = tag = self._tag % 255 + 1
        session = self._session
        message = session.seal(tag, op, payload) if session else m.request(tag, op, payload)

        def wanted(found):
            if self._is_telemetry(found):
                return None
            if len(found) == 1:
                # An exception of Modbus: the unit is there, and has no native protocol.
                raise NotNative("it speaks Modbus, but not the native protocol", m.UNKNOWN_OP)
            plain = m.answer(found)
            if plain is None:
                return self._unsealed(found, tag, op)
            if session and (plain.tag, plain.op) == (0, 0) and plain.status != m.OK:
                # It could not open our message, so it does not know its tag.
                return plain.status, plain.payload
            if plain.tag != tag or plain.op != op:
                return None
            if session and plain.status != m.WRONG_VERSION:
                raise Forged("the BMS answers a sealed request in the clear: not believed")
            return plain.status, plain.payload

        return self._carrier.exchange(message, wanted)

    def _unsealed(self, found, tag, op):
        opened = self._session.unseal(found) if self._session else None
        if opened is None or opened[1] != tag or opened[2] != op:
            return None
        return opened[3], opened[4]

    def _is_telemetry(self, found):
        """Keeps it for next_telemetry(); True if it was."""
        plain = m.answer(found)
        payload = None
        if plain:
            if plain.tag == 0 and plain.op == m.SUBSCRIBE and not self._session:
                payload = plain.payload
        elif self._session and len(found) > 3 and found[0] == m.SEALED:
            payload = self._sealed_telemetry(found)
        if payload is None:
            return None
        try:
            self._arrived.append(m.registers(payload, self._blocks))
        except ValueError:
            # Of an earlier subscription.
            return None
        return True

    def _sealed_telemetry(self, found):
        opened = self._session.unseal(found)
        if opened and opened[0] == TELEMETRY and opened[2] == m.SUBSCRIBE:
            return opened[4]
        return None


def _word(payload, at=0):
    """32 bits, 0 where the answer is too short."""
    return int.from_bytes(payload[at : at + 4])


# Asking twice does no harm.
_REPEATABLE = (
    m.IDENTIFY,
    m.LIST,
    m.READ,
    m.BLACK_BOX,
    m.SUBSCRIBE,
    m.JOURNAL,
    m.TIME,
    m.CALIBRATE,
    m.OPEN_WINDOW,
)
