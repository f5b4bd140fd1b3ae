"""Watches what must never change in RAM: the compiled limit table and the tables of check codes.

Its sums are taken once, after the self-test, and taken again in slices by a slow task.
"""

import binascii

from micropython import const

from vigil import limits
from vigil.afe.check_codes import CRC8_TABLE
from vigil.sample import HEALTH_FIRST, SELF_CHECK

# Everything is looked at once in about ten seconds: a slice of _ROWS rows each time.
PERIOD_MS = const(1000)
_ROWS = const(6)
_WORD = SELF_CHECK - HEALTH_FIRST
# Of a row, level, elapsed and tripped (words 1 to 3) are its state and change.
_FIRST_CONSTANT = const(4)


class TableGuard:
    def __init__(self, rows, sample, tables=(CRC8_TABLE,)):
        """rows: as kernels.judge reads them; tables: buffers that are constant altogether."""
        self._rows = memoryview(rows)
        self._count = len(rows) // limits.ROW_WORDS
        self._health = sample.health
        self._tables = tables
        self._at = 0
        self._sums = None

    @property
    def slices(self):
        return (self._count + _ROWS - 1) // _ROWS + len(self._tables)

    def take(self):
        """What is in RAM now is right: after the self-test, and never again."""
        self._sums = [self._sum(at) for at in range(self.slices)]

    def step(self, now_ms):
        """Compare the next slice; a difference stays told."""
        if self._sums is None:
            return False
        if self._sum(self._at) != self._sums[self._at]:
            self._health[_WORD] = 1
        self._at = (self._at + 1) % self.slices
        return False

    def _sum(self, at):
        row_slices = self.slices - len(self._tables)
        if at >= row_slices:
            return binascii.crc32(self._tables[at - row_slices])
        rows = self._rows
        total = 0
        for row in range(at * _ROWS, min((at + 1) * _ROWS, self._count)):
            word = row * limits.ROW_WORDS
            total = binascii.crc32(rows[word : word + 1], total)
            total = binascii.crc32(rows[word + _FIRST_CONSTANT : word + limits.ROW_WORDS], total)
        # The word that closes the table belongs to it.
        return binascii.crc32(rows[self._count * limits.ROW_WORDS :], total)
