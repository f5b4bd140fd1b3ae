"""Balancing: when bleeding is allowed, and the rhythm of bleed and measure.

Which cells need bleeding is a policy with the verb choose(sample, bleed); this file has the
first, balancing at the top by voltage, vigil.charge_to_move another. Cells are measured with every
bleed off.
"""

from micropython import const

from vigil.sample import (
    BOARD,
    CELLS,
    CELLS_DOUBT,
    HEALTH_FIRST,
    TEMPS,
    TEMPS_DOUBT,
    UNKNOWN,
)

_BLEED_MS = const(10000)  # shorter than the time after which chips stop by themselves
_REST_MS = const(2000)  # the chip takes up to a second to stop, then filters must settle
_HYSTERESIS_MV = const(5)
_COLDEST_DC = const(0)
_HOTTEST_DC = const(550)
# From here on fewer cells bleed at once, the warmer the board; at the end none.
_BOARD_WARM_DC = const(600)
_BOARD_HOT_DC = const(850)
_CELLS_DOUBT = CELLS_DOUBT - HEALTH_FIRST
_TEMPS_DOUBT = TEMPS_DOUBT - HEALTH_FIRST

_MEASURING = const(0)
_BLEEDING = const(1)
_TICKS = const(0x3FFFFFFF)


class TopVoltage:
    """Bleed cells above `start_mv` that stand `delta_mv` above the lowest cell."""

    stretches = 1  # so many turns between two measurements
    floor_mv = 0  # with a lower cell nothing is bled
    period_ms = 0  # of its step(), if it has one
    known = False  # what has to leave each cell
    leak = None

    def __init__(self, board, chemistry, sample, memory):
        self.start_mv = chemistry.balance_start_mv
        self.delta_mv = chemistry.balance_delta_mv

    def choose(self, sample, bleed):
        """Mark in `bleed` (one byte a cell, holding the choice before) the cells to bleed."""
        values = sample.values
        lowest = sample.lowest(CELLS)
        for cell in range(sample.cell_count):
            cell_mv = values[sample.cells_at + cell]
            # A cell that bleeds goes on until it is well below the start of bleeding.
            slack = _HYSTERESIS_MV if bleed[cell] else 0
            wanted = (
                cell_mv != UNKNOWN
                and cell_mv >= self.start_mv - slack
                and cell_mv - lowest >= self.delta_mv - slack
            )
            bleed[cell] = 1 if wanted else 0

    def bled(self, bleed, ms):
        """These cells have been bled for so long; True while the choice still holds."""
        return True


class Balancer:
    """Runs a policy in a rhythm of measuring (all bleeds off) and bleeding.

    most: so many cells at once, which is as much heat as the board can stand.
    """

    def __init__(self, policy, cell_count, bleeds_adjacent, most=255):
        self.policy = policy
        self.bleed = bytearray(cell_count)  # what the front end shall do now
        self._chosen = bytearray(cell_count)
        self._most = most
        self._first = 0
        self._stretch = 0
        self._bleeds_adjacent = bleeds_adjacent
        self._odd_turn = False
        self._phase = _MEASURING
        self._since_ms = 0
        self._started = False
        self.allowed = True

    @property
    def active(self):
        return self._phase == _BLEEDING

    def step(self, sample, fault_free, now_ms):
        """Advance the rhythm; returns True when `bleed` has changed and must be written."""
        if not self._started:
            self._since_ms = now_ms
            self._started = True
        if not (self.allowed and fault_free and self.may_bleed(sample)):
            return self._stop(now_ms)
        waited_ms = (now_ms - self._since_ms) & _TICKS
        if self._phase == _BLEEDING:
            if waited_ms < _BLEED_MS:
                return False
            self._stretch += 1
            if self._stretch >= self.policy.stretches:
                return self._stop(now_ms)
            if not self.policy.bled(self.bleed, waited_ms):
                return self._stop(now_ms, False)
            self._since_ms = now_ms
            self._take_turn(sample)
            return True
        if waited_ms < _REST_MS:
            return False
        self.policy.choose(sample, self._chosen)
        self._since_ms = now_ms
        if not any(self._chosen):
            return False
        self._take_turn(sample)
        self._phase = _BLEEDING
        self._stretch = 0
        return True

    def may_bleed(self, sample):
        """All is known and believed, not too cold, too hot or too empty."""
        health = sample.health
        return (
            self._is_known(sample, CELLS)
            and self._is_known(sample, TEMPS)
            and not health[_CELLS_DOUBT]
            and not health[_TEMPS_DOUBT]
            and sample.lowest(CELLS) >= self.policy.floor_mv
            and sample.lowest(TEMPS) >= _COLDEST_DC
            and sample.highest(TEMPS) <= _HOTTEST_DC
            and self._most_now(sample) > 0
        )

    def _is_known(self, sample, group):
        if not sample.sequence(group) or sample.unknown(group):
            return False
        return sample.age_ms(group) <= sample.stale_ms[group]

    def _most_now(self, sample):
        """So many cells at once; a board that has not been measured is taken for a cool one."""
        most = min(self._most, len(self.bleed))
        if not sample.sequence(BOARD):
            return most
        if sample.unknown(BOARD):
            return 0
        room_dc = _BOARD_HOT_DC - sample.highest(BOARD)
        if room_dc >= _BOARD_HOT_DC - _BOARD_WARM_DC:
            return most
        return most * room_dc // (_BOARD_HOT_DC - _BOARD_WARM_DC)

    def _take_turn(self, sample):
        """Copy the choice; of two chosen neighbours only one bleeds, and they take turns."""
        self._odd_turn = not self._odd_turn
        bleed = self.bleed
        chosen = self._chosen
        for cell in range(len(bleed)):
            bleed[cell] = chosen[cell]
        if not self._bleeds_adjacent:
            self._part_neighbours()
        # Of more than the board can stand, each is left out in its turn.
        most = self._most_now(sample)
        at = self._first
        for _ in range(len(bleed)):
            at = at + 1 if at + 1 < len(bleed) else 0
            if bleed[at]:
                if most > 0:
                    most -= 1
                    self._first = at
                else:
                    bleed[at] = 0

    def _part_neighbours(self):
        bleed = self.bleed
        first = 1 if self._odd_turn else 0
        # Cells of this turn's parity come first, the others fill the gaps.
        for parity in (first, 1 - first):
            for cell in range(parity, len(bleed), 2):
                if parity == first or not bleed[cell]:
                    continue
                below = cell > 0 and bleed[cell - 1]
                above = cell + 1 < len(bleed) and bleed[cell + 1]
                if below or above:
                    bleed[cell] = 0

    def _stop(self, now_ms, untold=True):
        was_active = self._phase == _BLEEDING
        if was_active and untold:
            self.policy.bled(self.bleed, (now_ms - self._since_ms) & _TICKS)
        self._phase = _MEASURING
        self._since_ms = now_ms
        if was_active:
            for cell in range(len(self.bleed)):
                self.bleed[cell] = 0
        return was_active
