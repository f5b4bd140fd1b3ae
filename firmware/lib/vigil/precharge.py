"""One attempt at pre-charging: watches the link's voltage rise and says ready, or what is wrong.

mV, mA (+ = charging), ohm, ms; packs up to 800 V. Runs in the cycle: look() allocates nothing.
"""

from micropython import const

from vigil.power_path import (
    CURRENT_STAYS,
    LINK_ABOVE_PACK,
    LINK_UNKNOWN,
    LOAD_MISSING,
    PRECHARGE_NO_RISE,
    PRECHARGE_SHORT,
    PRECHARGE_STALLED,
    PRECHARGE_TIMED_OUT,
)
from vigil.sample import UNKNOWN

RISING = const(0)
READY = const(0 - 1)

# A lower pack voltage is no basis for anything: it is not connected or not measured.
_LEAST_STACK_MV = const(3000)
_RELAY_MS = const(50)
# Values are believed when they are the same from two looks in a row.
_LOOKS = const(2)
_SHORTEST_WINDOW_MS = const(100)
_LONGEST_STEP_MS = const(200)
_MOST_MJ = const(1 << 28)
_TICKS = const(0x3FFFFFFF)


class Precharge:
    """What the resistor and the capacitors allow, and one attempt after the other."""

    def __init__(
        self,
        resistor_ohm,
        most_uf,
        least_uf,
        *,
        timeout_ms=2500,
        ready_permille=950,
        ready_gap_mv=3000,
    ):
        """most_uf, least_uf: the largest and smallest capacitance of a connected load.

        The main contactor may close once the link has ready_permille of the pack and lacks no
        more than ready_gap_mv, which must exceed what a waiting load and the errors of both
        voltages leave: a twentieth of the pack above 60 V.
        """
        tau_ms = resistor_ohm * most_uf // 1000
        least_tau_ms = resistor_ohm * least_uf // 1000
        if not (resistor_ohm > 0 and 0 < least_uf <= most_uf and ready_gap_mv > 0):
            raise ValueError("pre-charge needs a resistor and capacitors from least to most")
        if not 900 <= ready_permille <= 990:
            raise ValueError("ready_permille must be 900 to 990")
        # 95 % takes three time constants: with less than five a good load would be refused.
        if timeout_ms < 5 * tau_ms + _RELAY_MS:
            raise ValueError("timeout_ms is too short for resistor_ohm and most_uf")
        self._resistor_ohm = resistor_ohm
        self._timeout_ms = timeout_ms
        self._ready_permille = ready_permille
        self._ready_gap_mv = ready_gap_mv
        self._no_rise_ms = tau_ms + _RELAY_MS
        self._window_ms = max(tau_ms // 2, _SHORTEST_WINDOW_MS)
        # The smallest load lacks a tenth after 2.3 time constants; faster is no load at all.
        self._too_fast_ms = 23 * least_tau_ms // 10
        self._begun_ms = 0
        self._looked_ms = 0
        self._first_gap_mv = 0
        self._window_begun_ms = 0
        self._window_gap_mv = UNKNOWN
        self._stalls = 0
        self._readies = 0
        self._aboves = 0
        self.energy_mj = 0  # that the resistor has turned into heat so far

    def begin(self, now_ms, gap_mv):
        """The relay closes now; gap_mv: what the link lacks to the pack."""
        self._begun_ms = now_ms
        self._looked_ms = now_ms
        self._first_gap_mv = gap_mv
        self._window_gap_mv = UNKNOWN
        self._stalls = 0
        self._readies = 0
        self._aboves = 0

    def look(self, now_ms, link_mv, stack_mv, current_ma):
        """RISING, READY, or the code of what went wrong."""
        passed_ms = (now_ms - self._begun_ms) & _TICKS
        timed_out = passed_ms >= self._timeout_ms
        if (
            link_mv == UNKNOWN
            or stack_mv == UNKNOWN
            or current_ma == UNKNOWN
            or stack_mv < _LEAST_STACK_MV
        ):
            self._readies = 0
            self._looked_ms = now_ms
            return LINK_UNKNOWN if timed_out else RISING
        gap_mv = stack_mv - link_mv
        self._heat(now_ms, gap_mv)
        self._aboves = self._aboves + 1 if gap_mv < 0 - self._ready_gap_mv else 0
        if self._aboves >= _LOOKS:
            return LINK_ABOVE_PACK
        # From the gap it began with: what is left of the time before says nothing of this load.
        if passed_ms < self._too_fast_ms and gap_mv * 10 <= self._first_gap_mv:
            return LOAD_MISSING
        through_ma = stack_mv // self._resistor_ohm
        near = (
            0 - self._ready_gap_mv <= gap_mv <= self._ready_gap_mv
            and link_mv >= stack_mv * self._ready_permille // 1000
        )
        if near:
            self._stalls = 0
            self._window_gap_mv = UNKNOWN
            # A fifth of what the empty link would draw: anything more, and a load is not waiting.
            if 0 - current_ma * 5 <= through_ma:
                self._readies += 1
                if self._readies >= _LOOKS:
                    return READY
            else:
                self._readies = 0
            return CURRENT_STAYS if timed_out else RISING
        self._readies = 0
        if passed_ms >= self._no_rise_ms and gap_mv * 10 > self._first_gap_mv * 9:
            return PRECHARGE_SHORT if 0 - current_ma * 2 > through_ma else PRECHARGE_NO_RISE
        if timed_out:
            return PRECHARGE_TIMED_OUT
        return self._watch_rise(now_ms, passed_ms, gap_mv)

    def _watch_rise(self, now_ms, passed_ms, gap_mv):
        """The largest load closes two fifths of the gap in a window; a tenth is a stall."""
        if self._window_gap_mv == UNKNOWN:
            if passed_ms >= _RELAY_MS:
                self._window_begun_ms = now_ms
                self._window_gap_mv = gap_mv
            return RISING
        if (now_ms - self._window_begun_ms) & _TICKS < self._window_ms:
            return RISING
        self._stalls = self._stalls + 1 if gap_mv * 10 > self._window_gap_mv * 9 else 0
        self._window_begun_ms = now_ms
        self._window_gap_mv = gap_mv
        return PRECHARGE_STALLED if self._stalls >= _LOOKS else RISING

    def _heat(self, now_ms, gap_mv):
        ms = min((now_ms - self._looked_ms) & _TICKS, _LONGEST_STEP_MS)
        self._looked_ms = now_ms
        gap_dv = gap_mv // 100
        # Steps of 0.01 V^2 / ohm * ms are 10 uJ.
        mj = gap_dv * gap_dv // self._resistor_ohm * ms // 100
        self.energy_mj = min(self.energy_mj + mj, _MOST_MJ)
