"""One reason not to believe a group: raised at once, gone after enough believable scans in a row.

Runs in the cycle: tell() allocates nothing.
"""

from vigil.sample import HEALTH_FIRST


class Doubt:
    """A bit of one health word. left: believable scans still wanted, 0 = no doubt."""

    def __init__(self, sample, word, bit, believable_scans):
        self._health = sample.health
        self._at = word - HEALTH_FIRST
        self._bit = bit
        self._scans = believable_scans
        self.left = 0

    def tell(self, doubtful):
        """Once a scan that allowed a verdict; a scan that allows none tells nothing."""
        if doubtful:
            self.left = self._scans
            self._health[self._at] |= self._bit
        elif self.left:
            self.left -= 1
            if not self.left:
                self._health[self._at] &= self._bit ^ -1


def scans_in(time_ms, period_ms):
    """So many scans take at least this time."""
    return time_ms // period_ms + 1
