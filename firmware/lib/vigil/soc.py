"""State of charge by counting: integer coulomb counter, start value from the open-circuit voltage.

mAh, mA and ms. The estimate with an error bar comes later; this counter is its lowest layer.
"""

from array import array

from vigil import kernels
from vigil.sample import CELLS, CURRENT, UNKNOWN

# |current * time| must stay below this in one step (31-bit words on the board).
_LARGEST_STEP = 1000000000


class ChargeCounter:
    """Charge in the pack, as the cells' capacity times the counted state of charge."""

    def __init__(self, capacity_mah, ocv_dmv):
        """ocv_dmv: 101 open-circuit voltages in 0.1 mV, 0..100 %."""
        self.capacity_mah = capacity_mah
        self._ocv_dmv = ocv_dmv
        # [0] mAh in the pack, [1] remainder in mA*ms: whole numbers only, nothing is rounded away.
        self._counter = array("i", [0, 0])
        self._throughput = array("i", [0, 0])
        self.known = False

    @property
    def remaining_mah(self):
        """Charge left, within 0..capacity."""
        return self._counter[0]

    @property
    def soc_permille(self):
        # Within 31 bits up to 1000 Ah.
        return self.remaining_mah * 1000 // self.capacity_mah

    @property
    def cycles(self):
        """Full equivalent cycles: charge in and out over twice the capacity."""
        return self._throughput[0] // (2 * self.capacity_mah)

    def start(self, sample):
        """Read the state of charge off the mean cell voltage; call it while no current flows."""
        total_mv = 0
        for cell in range(sample.cell_count):
            total_mv += sample.values[sample.cells_at + cell]
        mean_dmv = total_mv * 10 // sample.cell_count
        hundredths = self.hundredths_from_ocv(mean_dmv)
        # Two steps keep the product within a board's small integers.
        self._counter[0] = self.capacity_mah // 100 * hundredths // 100
        self._counter[1] = 0
        self.known = True

    def hundredths_from_ocv(self, cell_dmv):
        """State of charge in 0.01 % at an open-circuit voltage in 0.1 mV, by interpolation."""
        table = self._ocv_dmv
        if cell_dmv <= table[0]:
            return 0
        for percent in range(1, 101):
            if cell_dmv <= table[percent]:
                below = table[percent - 1]
                span = table[percent] - below
                return (percent - 1) * 100 + ((cell_dmv - below) * 100 // span if span > 0 else 0)
        return 10000

    def count(self, current_ma, elapsed_ms):
        """Add one sample of current held for `elapsed_ms`; in the cycle, allocates nothing."""
        if current_ma == UNKNOWN or elapsed_ms <= 0:
            return
        magnitude_ma = current_ma if current_ma >= 0 else 0 - current_ma
        while elapsed_ms > 0:
            # A long gap or a huge current is counted in steps that fit.
            step_ms = elapsed_ms
            if magnitude_ma and step_ms > _LARGEST_STEP // magnitude_ma:
                step_ms = _LARGEST_STEP // magnitude_ma
                if step_ms == 0:
                    return
            kernels.count_charge(self._counter, current_ma, step_ms)
            kernels.count_charge(self._throughput, magnitude_ma, step_ms)
            elapsed_ms -= step_ms
        self._stay_in_range()

    def _stay_in_range(self):
        """A full or empty pack stays so: an error beyond the ends must not be paid back later."""
        counter = self._counter
        if counter[0] >= self.capacity_mah:
            counter[0] = self.capacity_mah
            counter[1] = 0
        elif counter[0] < 0:
            counter[0] = 0
            counter[1] = 0


def ready_to_start(sample, at_rest_below_ma):
    """Whether the cells can be read as if no current flowed."""
    current_ma = sample.values[sample.current_at]
    return (
        sample.sequence(CELLS)
        and not sample.unknown(CELLS)
        and sample.sequence(CURRENT)
        and current_ma != UNKNOWN
        and -at_rest_below_ma < current_ma < at_rest_below_ma
    )
