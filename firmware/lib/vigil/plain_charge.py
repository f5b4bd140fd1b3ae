"""The charge by counting alone, for boards with little room: no error bar, no correction.

It begins with what the cells' voltage says at rest, stays within empty and full, and is forgotten
at a restart. Stands in for vigil.estimate.task.EstimateTask, and is its own estimate.
"""

from micropython import const

from vigil.sample import CELLS, CURRENT, UNKNOWN

# Below this share of the capacity an hour the cells count as resting.
_REST_DIVISOR = const(50)
_COUNTED = const(7)  # beyond the sources in vigil.estimate.charge


class PlainCharge:
    sigma_permille = UNKNOWN
    since_s = -1

    def __init__(self, bms):
        self._sample = bms.sample
        self._counter = bms.counter
        self._ocv_dmv = bms.chemistry.ocv_dmv
        self.estimate = self
        self.source = 0
        self.known = False
        self.soc_permille = self.shown_permille = self.remaining_mah = UNKNOWN

    def step(self, now_ms):
        if not self.known and not self._begins():
            return False
        counter = self._counter
        moved = counter.moved
        # An error beyond the ends must not be paid back later.
        if moved[0] >= counter.capacity_mah or moved[0] < 0:
            moved[0] = counter.capacity_mah if moved[0] > 0 else 0
            moved[1] = 0
        self.known = True
        self.remaining_mah = moved[0]
        # Within 31 bits up to 1000 Ah.
        self.soc_permille = self.shown_permille = moved[0] * 1000 // counter.capacity_mah
        return False

    def keep(self):
        """Nothing is."""

    def _begins(self):
        """Read the charge off the mean cell voltage, as soon as next to no current flows."""
        sample = self._sample
        counter = self._counter
        current_ma = sample.values[sample.current_at]
        if not sample.sequence(CELLS) or sample.unknown(CELLS) or not sample.sequence(CURRENT):
            return False
        if abs(current_ma) >= counter.capacity_mah // _REST_DIVISOR:
            return False
        total_mv = 0
        for cell_mv in sample.cell_values:
            total_mv += cell_mv
        mean_dmv = total_mv * 10 // sample.cell_count
        # Two steps keep the product within a board's small integers.
        hundredths = hundredths_at(self._ocv_dmv, mean_dmv)
        counter.moved[0] = counter.capacity_mah // 100 * hundredths // 100
        counter.moved[1] = 0
        self.source = _COUNTED
        return True


def hundredths_at(ocv_dmv, cell_dmv):
    """Charge in 0.01 % at an open-circuit voltage in 0.1 mV, by interpolation in 101 of them."""
    if cell_dmv <= ocv_dmv[0]:
        return 0
    for percent in range(1, 101):
        if cell_dmv <= ocv_dmv[percent]:
            below = ocv_dmv[percent - 1]
            span = ocv_dmv[percent] - below
            return (percent - 1) * 100 + ((cell_dmv - below) * 100 // span if span > 0 else 0)
    return 10000
