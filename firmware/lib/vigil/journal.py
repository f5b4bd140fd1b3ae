"""What happened, as a ring of fixed 32-byte records in a few small files.

append() only takes memory; flush() writes. Each record has its own CRC and a sequence that says
where it belongs, so that a damaged or misplaced one is never shown. Four bytes of each record
are reserved for chaining it to the one before.
"""

import binascii
import struct

from micropython import const

# Kinds: what `code` and `value` mean is in brackets.
START = const(1)  # (reset cause, number of the start)
TRIP = const(2)  # (row, value at the trip); `where` is 1-based, 0 for none
LATCHED = const(3)  # (row, 1 charge, 2 discharge, 3 both)
OWNER_RESET = const(4)
CONFIRMED = const(5)  # (0, seconds of good running)
SAFE_MODE = const(6)  # (0, failed starts in a row)
MEMORY = const(7)  # (memory flags, 0)
# Of a deep discharge: (row that keeps discharge off, lowest cell in mV).
SLEEPS_SOON = const(21)
SLEEPING = const(22)
BUTTON = const(20)  # (BUTTON_RESET, 0)
BUTTON_RESET = const(1)  # the owner's button was held: owner reset
BUTTON_KEYS = const(2)  # it was held at the start: keys may be set
BACKSTOP = const(8)  # (1 its settings had changed, 2 it could not be verified in time; 0)
LIMITS = const(12)  # (problems of a new set of limits: 0 accepted, else refused; 0)
# From outside: (point's number, value), `where` is the link; and those that were refused:
# (number of the latest, how many since the record before), `where` is the reason.
WRITE = const(30)
WRITE_REFUSED = const(31)
# Keys (docs/keys.md), each of the first two for all since the record before: sessions that were
# opened (role of the latest, how many), `where` is its number; what was not believed (why the
# latest, how many), `where` is the session it named.
SESSION = const(32)
PROOF_REFUSED = const(33)
KEY = const(34)  # (whose, 0), `where` is how it came:
KEYS_LOST = const(0)
AT_BOARD = const(1)
BY_OWNER = const(2)
WINDOW = const(35)  # (seconds, 0): the owner lets others write; `where` is his session
CALIBRATION = const(36)  # (what, new correction), `where` is the cell; 0: what was kept is lost

RECORD_SIZE = const(32)
PER_FILE = const(14)  # 448 bytes: littlefs keeps such a file inside its folder's own log
FILES = const(4)
_MOST_PENDING = const(16)
# Sequence, start, seconds since start, code, kind, where, value, switch states, reserved.
_FORMAT = "<IIIHBBiB3x4x"
_EMPTY = bytes(RECORD_SIZE)


class Entry:
    """One record, unpacked. `states`: charge switch, discharge switch x 16 (vigil.switches)."""

    def __init__(self, fields):
        (
            self.sequence,
            self.start,
            self.t_s,
            self.code,
            self.kind,
            self.where,
            self.value,
            self.states,
        ) = fields


def pack(sequence, start, t_s, kind, code, where, value, states):
    body = struct.pack(_FORMAT, sequence, start, t_s, code, kind, where, value, states)
    return body + struct.pack("<I", binascii.crc32(body))


def parse(record):
    """The Entry in these 32 bytes, None if they are not good."""
    if len(record) != RECORD_SIZE:
        return None
    if struct.unpack("<I", record[-4:])[0] != binascii.crc32(record[:-4]):
        return None
    return Entry(struct.unpack(_FORMAT, record[:-4]))


class Journal:
    def __init__(self, storage, name="journal"):
        self._storage = storage
        self._names = [name + "." + str(number) for number in range(FILES)]
        self._pending = []
        self._head = bytearray(PER_FILE * RECORD_SIZE)  # the file that is being filled
        self.kept = 0  # sequence after the latest record in flash
        self.present = False  # a file exists, whatever is in it
        self.damaged = 0  # records found not good by load()
        self.dropped = 0  # records that found no room before they could be written
        self.write_failures = 0

    def load(self):
        """Find the end of the ring."""
        newest = -1
        for number in range(FILES):
            data = self._read(number)
            if data is None:
                continue
            self.present = True
            for at in range(0, len(data), RECORD_SIZE):
                record = data[at : at + RECORD_SIZE]
                if record == _EMPTY:
                    continue
                entry = _at_its_place(record, number, at // RECORD_SIZE)
                if entry is None:
                    self.damaged += 1
                elif entry.sequence > newest:
                    newest = entry.sequence
        self.kept = newest + 1
        self._load_head()

    @property
    def pending(self):
        """Records that wait to be written."""
        return len(self._pending)

    def append(self, start, t_s, kind, code=0, where=0, value=0, states=0):
        """Note an event; a full memory drops the newcomer and counts it."""
        if len(self._pending) >= _MOST_PENDING:
            self.dropped += 1
            return
        sequence = self.kept + len(self._pending)
        self._pending.append(pack(sequence, start, t_s, kind, code, where, value, states))

    def flush(self):
        """Write one file with as much as fits; False if that failed and the records wait."""
        if not self._pending:
            return True
        place = self.kept % PER_FILE
        count = min(PER_FILE - place, len(self._pending))
        head = self._head
        at = place * RECORD_SIZE
        for record in self._pending[:count]:
            head[at : at + RECORD_SIZE] = record
            at += RECORD_SIZE
        name = self._names[self.kept // PER_FILE % FILES]
        data = bytes(head[:at])
        try:
            self._storage.write(name, data)
            good = self._storage.read(name) == data
        except OSError:
            good = False
        if not good:
            self.write_failures += 1
            return False
        self.kept += count
        self._pending = self._pending[count:]
        self.present = True
        return True

    def newest_first(self):
        """Every Entry held, the latest first; what is damaged is left out."""
        for record in reversed(self._pending):
            yield parse(record)
        lap = self.kept // PER_FILE
        oldest = max(0, lap - FILES + 1)
        while lap >= oldest:
            data = self._read(lap % FILES) or b""
            for place in range(PER_FILE - 1, -1, -1):
                at = place * RECORD_SIZE
                entry = parse(data[at : at + RECORD_SIZE])
                if entry is not None and entry.sequence == lap * PER_FILE + place:
                    yield entry
            lap -= 1

    def _load_head(self):
        """Take over what the file in progress holds of this lap; its good records only."""
        data = self._read(self.kept // PER_FILE % FILES) or b""
        first = self.kept - self.kept % PER_FILE
        for place in range(self.kept % PER_FILE):
            at = place * RECORD_SIZE
            entry = parse(data[at : at + RECORD_SIZE])
            if entry is not None and entry.sequence == first + place:
                self._head[at : at + RECORD_SIZE] = data[at : at + RECORD_SIZE]
            else:
                self._head[at : at + RECORD_SIZE] = _EMPTY

    def _read(self, number):
        try:
            return self._storage.read(self._names[number])
        except OSError:
            self.damaged += 1
            return b""


def _at_its_place(record, number, place):
    entry = parse(record)
    if entry is None or entry.sequence % PER_FILE != place:
        return None
    if entry.sequence // PER_FILE % FILES != number:
        return None
    return entry
