"""The charge by counting alone, for boards with little room: no error bar, no correction.

It begins with what the cells' voltage says at rest, stays within empty and full, and is forgotten
at a restart. Stands in for vigil.estimate.task.EstimateTask; is its own estimate and counter.
"""

from micropython import const

from vigil.counter import ChargeCounter
from vigil.sample import CELLS, CURRENT, UNKNOWN

# Below this share of the capacity an hour the cells count as resting.
_REST_DIVISOR = const(50)
_COUNTED = const(7)  # beyond the sources in vigil.estimate.charge


class PlainCharge(ChargeCounter):
    source = 0
    known = settled = False
    soc_permille = shown_permille = sigma_permille = remaining_mah = UNKNOWN
    since_s = -1

    def __init__(self, bms):
        super().__init__(bms.board.capacity_mah)
        self._sample = bms.sample
        self._ocv_dmv = bms.chemistry.ocv_dmv
        self.estimate = self.counter = self

    def step(self, now_ms):
        if not self.known and not self._begins():
            return False
        moved = self.moved
        # An error beyond the ends must not be paid back later.
        if moved[0] >= self.capacity_mah or moved[0] < 0:
            moved[0] = self.capacity_mah if moved[0] > 0 else 0
            moved[1] = 0
        self.remaining_mah = moved[0]
        # Within 31 bits up to 1000 Ah.
        self.soc_permille = self.shown_permille = moved[0] * 1000 // self.capacity_mah
        return False

    def keep(self):
        """Nothing is."""

    def _begins(self):
        """Read the charge off the mean cell voltage, as soon as next to no current flows."""
        sample = self._sample
        if not sample.sequence(CELLS) or sample.unknown(CELLS) or not sample.sequence(CURRENT):
            return False
        if abs(sample.values[sample.current_at]) >= self.capacity_mah // _REST_DIVISOR:
            return False
        mean_dmv = sum(sample.cell_values) * 10 // sample.cell_count
        # Two steps keep the product within a board's small integers.
        hundredths = hundredths_at(self._ocv_dmv, mean_dmv)
        self.moved[0] = self.capacity_mah // 100 * hundredths // 100
        self.moved[1] = 0
        self.known = True
        self.source = _COUNTED
        return True


def hundredths_at(ocv_dmv, cell_dmv):
    """Charge in 0.01 % at an open-circuit voltage in 0.1 mV, by interpolation in 101 of them."""
    percent = 100
    while percent and cell_dmv < ocv_dmv[percent]:
        percent -= 1
    if percent == 100 or cell_dmv <= ocv_dmv[0]:
        return percent * 100
    below = ocv_dmv[percent]
    return percent * 100 + (cell_dmv - below) * 100 // (ocv_dmv[percent + 1] - below)
