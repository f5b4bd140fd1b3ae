"""Pieces of the journal as they are stored, for a link to hand on."""

from micropython import const

from vigil.journal import FILES, PER_FILE, RECORD_SIZE

_MOST = const(6)


def oldest(journal):
    """Sequence of the first record that the ring still has."""
    return max(0, journal.kept // PER_FILE - FILES + 1) * PER_FILE


def copy(journal, first, out, to):
    """At most six records from `first` on, all of one file or all pending; how many bytes.

    A record that cannot be read is zeros; who reads looks at its check code and its sequence.
    """
    kept = journal.kept
    if first >= kept:
        records = journal._pending[first - kept : first - kept + _MOST]
        data = b"".join(records)
        begin = 0
        count = len(records)
    else:
        lap = first // PER_FILE
        place = first % PER_FILE
        count = min(_MOST, kept - first, PER_FILE - place)
        begin = place * RECORD_SIZE
        if lap == kept // PER_FILE:
            data = journal._head
        else:
            data = journal._read(lap % FILES) or b""
    for at in range(count * RECORD_SIZE):
        out[to + at] = data[begin + at] if begin + at < len(data) else 0
    return count * RECORD_SIZE
