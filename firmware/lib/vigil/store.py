"""One fixed record in two copies: a write never touches the copy that holds the newest state.

stage() packs in memory, commit() writes one copy; so whoever plans can wait for a quiet moment
between them. A storage has read(name) -> bytes or None and write(name, data); both may raise
OSError (vigil.file_storage).
"""

import binascii
import struct

from micropython import const

# What load() found.
FRESH = const(0)  # no copy exists: never written
TWO_COPIES = const(1)  # both good; the newer one counts
ONE_COPY = const(2)  # the other is missing or damaged
LOST = const(3)  # copies exist, none is good

_MAGIC = const(0x5647)
_HEADER = "<HHHxxI"  # magic, schema, payload length, sequence; a CRC-32 ends the record
_HEADER_SIZE = const(12)
_OVERHEAD = const(16)


def pack(schema, sequence, payload):
    """The record as it lies in flash."""
    body = struct.pack(_HEADER, _MAGIC, schema, len(payload), sequence) + payload
    return body + struct.pack("<I", binascii.crc32(body))


def parse(data, schema, length):
    """(sequence, payload) of a good record of just this schema and length, else None."""
    if data is None or len(data) != length + _OVERHEAD:
        return None
    magic, its_schema, its_length, sequence = struct.unpack(_HEADER, data[:_HEADER_SIZE])
    if magic != _MAGIC or its_schema != schema or its_length != length:
        return None
    if data[6] or data[7]:
        return None
    if struct.unpack("<I", data[-4:])[0] != binascii.crc32(data[:-4]):
        return None
    return sequence, bytes(data[_HEADER_SIZE:-4])


class Store:
    """A record named `name` of `length` payload bytes."""

    def __init__(self, storage, name, schema, length):
        self._storage = storage
        self._names = (name + ".0", name + ".1")
        self._schema = schema
        self._length = length
        self._sequence = 0
        self._payload = None
        self._next_copy = 0
        # Copies still to be written of what is staged. Both are, so that one bad copy later
        # costs nothing.
        self.copies_owed = 0
        self.origin = FRESH
        self.bad_copies = 0  # bit 0 and 1: a copy that is there but not good
        self.write_failures = 0

    def load(self):
        """The newest good payload, or None; `origin` and `bad_copies` tell how it came."""
        newest = None
        found = 0
        self.bad_copies = 0
        for copy in (0, 1):
            data, record = self._read(copy)
            if record is None:
                if data is not None:
                    self.bad_copies |= 1 << copy
                continue
            found += 1
            if newest is None or record[0] > newest[0]:
                newest = record
                self._next_copy = 1 - copy
        if newest is None:
            self.origin = LOST if self.bad_copies else FRESH
            return None
        self.origin = TWO_COPIES if found == 2 else ONE_COPY
        self._sequence = newest[0]
        return newest[1]

    def stage(self, payload):
        """To be written by the next two commit()s; replaces what was staged before."""
        if len(payload) != self._length:
            raise ValueError("payload has another length")
        self._payload = payload
        self.copies_owed = 2

    def commit(self):
        """Write one copy and read it back; False if that failed and is still owed."""
        if not self.copies_owed:
            return True
        data = pack(self._schema, self._sequence + 1, self._payload)
        try:
            self._storage.write(self._names[self._next_copy], data)
            good = self._storage.read(self._names[self._next_copy]) == data
        except OSError:
            good = False
        if not good:
            # The same copy again: the other one is still the newest good one.
            self.write_failures += 1
            return False
        self._sequence += 1
        self._next_copy = 1 - self._next_copy
        self.copies_owed -= 1
        return True

    def _read(self, copy):
        """(data, record); a copy that cannot be read is there, but not good."""
        try:
            data = self._storage.read(self._names[copy])
        except OSError:
            return b"", None
        return data, parse(data, self._schema, self._length)
