"""Counts charge in whole numbers: mA, ms and mAh; nothing is rounded away, nothing is a float.

count() runs in the cycle and allocates nothing; what the sensor adds of its own is taken off
once a second.
"""

from array import array

from micropython import const

from vigil import kernels
from vigil.sample import UNKNOWN

# |current * time| must stay below this in one step (31-bit words on the board).
_LARGEST_STEP = const(1000000000)
_MAMS_PER_MAH = const(3600000)


class ChargeCounter:
    """`moved`: [0] mAh since the zero, [1] remainder in mA*ms; the estimate knows from where."""

    def __init__(self, capacity_mah):
        self.capacity_mah = capacity_mah
        self.moved = array("i", [0, 0])
        self._throughput = array("i", [0, 0])
        self.elapsed_ms = 0
        self._owed = 0

    @property
    def cycles(self):
        """Full equivalent cycles: charge in and out over twice the capacity."""
        return self._throughput[0] // (2 * self.capacity_mah)

    def count(self, current_ma, elapsed_ms):
        """Add one sample of current held for `elapsed_ms`; in the cycle, allocates nothing."""
        if current_ma == UNKNOWN or elapsed_ms <= 0:
            return
        self.elapsed_ms += elapsed_ms
        magnitude_ma = current_ma if current_ma >= 0 else 0 - current_ma
        while elapsed_ms > 0:
            # A long gap or a huge current is counted in steps that fit.
            step_ms = elapsed_ms
            if magnitude_ma and step_ms > _LARGEST_STEP // magnitude_ma:
                step_ms = _LARGEST_STEP // magnitude_ma
                if step_ms == 0:
                    return
            kernels.count_charge(self.moved, current_ma, step_ms)
            kernels.count_charge(self._throughput, magnitude_ma, step_ms)
            elapsed_ms -= step_ms

    def add_ua(self, current_ua, elapsed_ms):
        """A small current, by the microampere; in a slow task, where a big number may come up."""
        self._owed += current_ua * elapsed_ms
        carried = self._owed // 1000
        self._owed -= carried * 1000
        self.add(carried)

    def add(self, mams):
        """So many mA * ms, not seen by the sensor; less than 10**9."""
        kernels.count_charge(self.moved, mams, 1)

    def mah(self):
        """A float, for one difference at a time: never to be added up."""
        return self.moved[0] + self.moved[1] / _MAMS_PER_MAH
