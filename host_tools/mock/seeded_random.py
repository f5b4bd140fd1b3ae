"""Random numbers that are the same on CPython and MicroPython: xorshift in 32 bits."""

_MASK = 0xFFFFFFFF


class SeededRandom:
    def __init__(self, seed):
        # Spread neighbouring seeds; the state must never be zero.
        self._state = ((seed + 1) * 2654435761) & _MASK or 1
        for _ in range(8):
            self.bits()

    def bits(self):
        """An integer from 1 to 2**32 - 1."""
        state = self._state
        state ^= (state << 13) & _MASK
        state ^= state >> 17
        state ^= (state << 5) & _MASK
        self._state = state
        return state

    def below(self, limit):
        """An integer from 0 to limit - 1."""
        return self.bits() % limit

    def uniform(self):
        """A float from 0 up to, not including, 1."""
        return (self.bits() >> 2) / 1073741824.0

    def normal(self):
        """Mean 0, sigma 1, never beyond 3 (a sorted cell is no outlier)."""
        while True:
            value = -6.0
            for _ in range(12):
                value += self.uniform()
            if -3.0 <= value <= 3.0:
                return value
