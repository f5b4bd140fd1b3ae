"""Rainflow counting: how deep the charge went up and down, and around which charge.

Moved by counted charge alone: whatever the estimate corrects moves all turning points alike, and
makes no cycle. Four points close one. Whole numbers; everything lies in the words it is given.
"""

from micropython import const

from vigil.sample import UNKNOWN

# In the words: half cycles by depth and mean, ten by ten; then, in 0.01 % of the capacity, ...
_LEVEL = const(100)
_REST = const(101)  # mA * ms that make none of it yet
_WAY = const(102)  # 1 up, -1 down, 0 not known yet
_PEAK = const(103)  # the farthest that way
_COUNT = const(104)
_TURNS = const(105)  # confirmed turning points, the oldest first; UNKNOWN behind them
MOST_TURNS = const(32)
WORDS = const(137)

_BINS = const(10)
_BIN = const(1000)
_LEAST = const(100)  # what has to be moved back to make a turning point; or be corrected at once
_A_SLICE = const(4)  # cycles closed in one
_MOST = const(0x1FFFFFFE)
_UNIT_MAMS = const(360)  # of 0.01 % of a mAh


class Rainflow:
    def __init__(self, words, capacity_mah):
        """words: a memoryview of WORDS integers, new() or as they were kept."""
        self._words = words
        self._unit_mams = max(capacity_mah, 1) * _UNIT_MAMS
        self.halves = words[:_LEVEL]
        self.turns = words[_TURNS:]

    def new(self):
        """Nothing was ever counted."""
        for at in range(MOST_TURNS):
            self.turns[at] = UNKNOWN

    def move(self, mams, permille):
        """So much charge has flowed in; permille: what the estimate says now, or UNKNOWN.

        Nothing is counted before the charge was known for the first time.
        """
        words = self._words
        if not words[_COUNT]:
            if permille == UNKNOWN:
                return
            words[_LEVEL] = words[_TURNS] = 10 * permille
            words[_COUNT] = 1
        rest = words[_REST] + mams
        moved = rest // self._unit_mams
        words[_REST] = rest - moved * self._unit_mams
        level = words[_LEVEL] = words[_LEVEL] + moved
        if permille != UNKNOWN and abs(10 * permille - level) >= _LEAST:
            self._correct(10 * permille - level)
            level = words[_LEVEL]
        way = words[_WAY]
        back = level - words[_PEAK]
        if way == 0:
            moved = level - words[_TURNS]
            if abs(moved) > _LEAST:
                words[_WAY] = 1 if moved > 0 else -1
                words[_PEAK] = level
        elif back * way > 0:
            words[_PEAK] = level
        elif back * way < -_LEAST:
            self._turn(words[_PEAK])
            words[_WAY] = 0 - way
            words[_PEAK] = level

    def close(self):
        """A slice: close what cycles can be closed; True if it has to go on."""
        words = self._words
        turns = self.turns
        for _ in range(_A_SLICE):
            count = words[_COUNT]
            if count < 4:
                return False
            one = turns[count - 3]
            other = turns[count - 2]
            depth = abs(one - other)
            if depth > abs(turns[count - 4] - one) or depth > abs(other - turns[count - 1]):
                return False
            self._count(one, other, 2)
            turns[count - 3] = turns[count - 1]
            turns[count - 2] = turns[count - 1] = UNKNOWN
            words[_COUNT] = count - 2
        return True

    def _turn(self, level):
        words = self._words
        turns = self.turns
        count = words[_COUNT]
        if count == MOST_TURNS:
            # No room: the oldest range will never be closed, and is half a cycle.
            self._count(turns[0], turns[1], 1)
            count -= 1
            for at in range(count):
                turns[at] = turns[at + 1]
        turns[count] = level
        words[_COUNT] = count + 1

    def _count(self, one, other, halves):
        depth = min(abs(one - other) // _BIN, _BINS - 1)
        mean = max(0, min((one + other) // (2 * _BIN), _BINS - 1))
        at = depth * _BINS + mean
        self.halves[at] = min(self.halves[at] + halves, _MOST)

    def _correct(self, by):
        words = self._words
        words[_LEVEL] += by
        words[_PEAK] += by
        for at in range(words[_COUNT]):
            self.turns[at] += by
