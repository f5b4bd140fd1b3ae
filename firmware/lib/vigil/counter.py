"""Counts charge in whole numbers: mA, ms and mAh; nothing is rounded away, nothing is a float.

count() runs in the cycle and allocates nothing.
"""

from array import array

from micropython import const

from vigil import kernels
from vigil.sample import UNKNOWN

# |current * time| must stay below this in one step (31-bit words on the board).
_LARGEST_STEP = const(1000000000)


class ChargeCounter:
    """`moved`: [0] mAh since the zero, [1] remainder in mA*ms; who estimates knows from where."""

    def __init__(self, capacity_mah):
        self.capacity_mah = capacity_mah
        self.moved = array("i", [0, 0])
        # What has flowed in and out, each as above; vigil.totals takes it from here.
        self.charged = array("i", [0, 0])
        self.discharged = array("i", [0, 0])
        self.totals = None
        self.elapsed_ms = 0

    @property
    def cycles(self):
        """Full equivalent cycles: charge in and out over twice the capacity."""
        if self.totals is not None:
            return self.totals.cycles
        return (self.charged[0] + self.discharged[0]) // (2 * self.capacity_mah)

    def count(self, current_ma, elapsed_ms):
        """Add one sample of current held for `elapsed_ms`; in the cycle, allocates nothing."""
        if current_ma == UNKNOWN or elapsed_ms <= 0:
            return
        self.elapsed_ms += elapsed_ms
        magnitude_ma = current_ma if current_ma >= 0 else 0 - current_ma
        flowed = self.charged if current_ma >= 0 else self.discharged
        while elapsed_ms > 0:
            # A long gap or a huge current is counted in steps that fit.
            step_ms = elapsed_ms
            if magnitude_ma and step_ms > _LARGEST_STEP // magnitude_ma:
                step_ms = _LARGEST_STEP // magnitude_ma
                if step_ms == 0:
                    return
            kernels.count_charge(self.moved, current_ma, step_ms)
            kernels.count_charge(flowed, magnitude_ma, step_ms)
            elapsed_ms -= step_ms
