"""Whether the temperatures can be believed: impossible rates, sensors far apart after a long rest.

kernels.look compares them; an open or shorted thermistor is UNKNOWN already. Called when it has
found something, and until that is settled.
"""

from micropython import const

from vigil.doubts import Doubt, scans_in
from vigil.sample import DOUBT_APART, DOUBT_RATE, TEMPS, TEMPS_DOUBT

# Bits of what kernels.look returns.
_FAST = const(256)
_APART = const(512)

_RATE_SCANS = const(2)
# A sensor that moved impossibly may stand still at a wrong value afterwards.
_RATE_BELIEVABLE_MS = const(60000)
_APART_BELIEVABLE_MS = const(10000)


class TempChecks:
    """scan() for each new scan of the temperatures in which there is something to see."""

    def __init__(self, sample):
        period_ms = sample.periods_ms[TEMPS]
        self._fast = 0
        self._rate = Doubt(
            sample, TEMPS_DOUBT, DOUBT_RATE, scans_in(_RATE_BELIEVABLE_MS, period_ms)
        )
        self._apart = Doubt(
            sample, TEMPS_DOUBT, DOUBT_APART, scans_in(_APART_BELIEVABLE_MS, period_ms)
        )

    def is_awake(self):
        return self._fast or self._rate.left or self._apart.left

    def scan(self, found):
        """found: what kernels.look said."""
        if found & _FAST or self._fast or self._rate.left:
            self._rate.tell(self._is_impossible(found))
        if found & _APART or self._apart.left:
            self._apart.tell(self._are_apart_at_rest(found))

    def _is_impossible(self, found):
        """A sensor has moved faster than anything warms, in two scans."""
        self._fast = self._fast + 1 if found & _FAST else 0
        return self._fast >= _RATE_SCANS

    def _are_apart_at_rest(self, found):
        """Two sensors differ although the pack has had time to become one temperature."""
        return found & _APART != 0
