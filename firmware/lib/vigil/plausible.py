"""Is what was measured believable? All judgement of that is here and in the plausible_ files.

Runs in the cycle between read and judge, over new conversions only, and allocates nothing. It
writes doubts and spreads into Sample.health; every value counts for its limits all the same.
docs/plausibility.md lists the checks. kernels.look tells what is remarkable: usually nothing.
"""

from array import array

from micropython import const

from vigil import kernels
from vigil.doubts import scans_in
from vigil.plausible_cells import CellChecks
from vigil.plausible_current import CurrentCheck
from vigil.plausible_stack import StackChecks
from vigil.plausible_temps import TempChecks
from vigil.sample import (
    BUS_FAILURES,
    CELL_SPREAD,
    CELLS,
    HEALTH_AT,
    HEALTH_FIRST,
    STACK,
    TEMP_SPREAD,
    TEMPS,
    UNKNOWN,
    WORD_BYTES,
    record_at,
)

# Bits of what kernels.look returns, as it says.
_EVENTS = const(1023)
_NOT_STEPS = const(1023 - 16)
_CELL_EVENTS = const(1 | 2 | 4 | 8 | 16 | 32)
_GAP = const(64)
_NEW_CELLS = const(1024)
_NEW_STACK = const(2048)
_NEW_TEMPS = const(4096)

# Its state: ...
_HEAD = const(60)
_FOLLOWED = const(29)
_MOST_SUMS = const(8)

# ... and its figures, which docs/plausibility.md gives reasons for. mV, 0.1 K, ms.
_JUMP_MV = const(100)
_SWING_MV = const(200)
_MOVE_MV = const(3)
_LOW_RAIL_MV = const(50)
_HIGH_RAIL_MV = const(5000)
# Beside the mean of all, itself among them; plausible_stack.py has the figure beside the others.
_END_MV = const(66)
_MOVE_DIVISOR = const(20)
_SUM_MV = const(50)
_APART_DK = const(150)
_REST_MS = const(7200000)
_REST_DIVISOR = const(10)
_REFERENCE_MS = const(750)

_READS = const(100)
_BUS_FAILURES = BUS_FAILURES - HEALTH_FIRST


class Plausibility:
    """look() once a cycle, note_read() once for each attempt to read the front end."""

    def __init__(self, sample, front_end, capacity_mah, cycle_ms):
        self._words = sample.words
        self._health = sample.health
        if not hasattr(front_end, "open_lead_seen"):
            # It has no test of its own for open leads.
            front_end.open_lead_seen = False
        self._front_end = front_end
        self.state = state = make_state(sample, capacity_mah, cycle_ms)
        self.cells = CellChecks(sample, front_end, state)
        self.stack = StackChecks(sample, self.cells, state, capacity_mah)
        self.temps = TempChecks(sample)
        self.current = CurrentCheck(sample, state, capacity_mah)
        self._awake = False  # look on, whatever the kernel says
        self._doubting = False  # and not at steps of the current alone
        self._reads = bytearray(_READS)
        self._read_at = 0

    def look(self, now_ms):
        found = kernels.look(self._words, self.state)
        if found & _EVENTS or self._awake or self._front_end.open_lead_seen:
            self._study(found)

    def _study(self, found):
        """Something is remarkable, or was and is not settled; usually a step of the current."""
        if found & _NOT_STEPS or self._doubting or self._front_end.open_lead_seen:
            self._study_all(found)
        elif found & _NEW_CELLS:
            self.current.scan(found)
            self.state[_FOLLOWED] = self.current.phase
        self._awake = self._doubting or self.current.is_awake()

    def _study_all(self, found):
        if found & _NEW_CELLS:
            if found & _GAP:
                # Two scans so far apart have nothing to do with each other.
                found &= _CELL_EVENTS ^ -1
                self.cells.forget()
                self.stack.forget()
                self.current.forget()
            self.cells.scan(found)
            self.stack.cells(found)
            self.current.scan(found)
            self.state[_FOLLOWED] = self.current.phase
        if found & _NEW_STACK:
            self.stack.stack(found)
        if found & _NEW_TEMPS:
            self.temps.scan(found)
        self._doubting = self.cells.is_awake() or self.stack.is_awake() or self.temps.is_awake()

    def note_read(self, failed):
        """Count failed reads among the last hundred."""
        at = self._read_at
        reads = self._reads
        before = reads[at]
        if failed != before:
            self._health[_BUS_FAILURES] += failed - before
            reads[at] = failed
        at += 1
        self._read_at = at if at < _READS else 0


def make_state(sample, capacity_mah, cycle_ms):
    """What kernels.look works on beside the Sample, in the order of its constants."""
    values_at = len(sample.words) - len(sample.values)
    cells_ms = sample.periods_ms[CELLS]
    # Sums that reach back before the moment at which the stack was converted.
    sums = min(scans_in(sample.periods_ms[STACK] + cycle_ms, cells_ms) + 1, _MOST_SUMS)
    count = sample.cell_count
    state = array("i", [count] + [0] * 10)
    state.extend(array("i", [1, _JUMP_MV, _SWING_MV, _MOVE_MV, _LOW_RAIL_MV, _HIGH_RAIL_MV]))
    state.extend(array("i", [1, scans_in(_REFERENCE_MS, cells_ms)]))
    state.extend(array("i", [(values_at + sample.cells_at) * WORD_BYTES]))
    state.extend(array("i", [values_at + sample.current_at, UNKNOWN, UNKNOWN, UNKNOWN]))
    state.extend(array("i", [0] * 7 + [sums, UNKNOWN, 0, UNKNOWN, UNKNOWN]))
    state.extend(array("i", [values_at + sample.stack_at, 0]))
    state.extend(array("i", [(values_at + sample.temps_at) * WORD_BYTES, sample.temp_count]))
    state.extend(array("i", [0, 0, capacity_mah // _REST_DIVISOR, 0]))
    state.extend(array("i", [scans_in(_REST_MS, sample.periods_ms[TEMPS])]))
    state.extend(array("i", [capacity_mah // _MOVE_DIVISOR, _END_MV]))
    state.extend(array("i", [UNKNOWN] * _MOST_SUMS + [0, _SUM_MV, _APART_DK, UNKNOWN, 0]))
    if len(state) != _HEAD:
        raise ValueError("plausible.py and kernels.py disagree on the state")
    state.extend(array("i", [UNKNOWN] * (3 * count + sample.temp_count)))
    return state


# Places that kernels.look knows by heart.
if HEALTH_AT + CELL_SPREAD - HEALTH_FIRST != 98 or HEALTH_AT + TEMP_SPREAD - HEALTH_FIRST != 99:
    raise ValueError("sample.py and kernels.py disagree on the spreads")
if record_at(CELLS) != 8 or record_at(TEMPS) != 23 or record_at(STACK) != 53:
    raise ValueError("sample.py and kernels.py disagree on the records")
