"""Whether the cells can be believed by themselves: rails, impossible jumps, open sense leads.

mV. Called when kernels.look has found something, and until it is settled. Beside the stack the
cells are judged in plausible_stack.py.
"""

from array import array

from micropython import const

from vigil.doubts import Doubt, scans_in
from vigil.sample import (
    CELLS,
    CELLS_DOUBT,
    DOUBT_LEAD,
    DOUBT_LEAD_TEST,
    DOUBT_RAIL,
    UNKNOWN,
)

# Layout of the state of kernels.look.
_HEAD = const(60)
_CELL_WORDS = const(3)
KNOWN = const(1)
RISE = const(5)
FALL = const(6)
MOVED = const(7)
_SHIFTED = const(8)
_SWING_AT = const(10)
_UNTIL_KEEP = const(17)
_BEFORE = const(0)
_REFERENCE = const(1)

SOME_UNKNOWN = const(1)
_AT_RAIL = const(2)
JUMPED = const(4)
_SWUNG = const(8)
STEPPED = const(16)
ENDS = const(32)

# A broken lead moves two neighbours by more than this, one up and one down, ...
_LEAD_MV = const(100)
# ... by amounts this alike: 30 mV and an eighth of the larger.
_ALIKE_MV = const(30)
# Closed again: the two differ as before the lead broke.
_MENDED_MV = const(50)
_BELIEVABLE_MS = const(10000)


class CellChecks:
    """scan() for each new scan of the cells in which there is something to see."""

    def __init__(self, sample, front_end, state):
        count = sample.cell_count
        self._front_end = front_end
        self.words = state
        self._count = count
        scans = scans_in(_BELIEVABLE_MS, sample.periods_ms[CELLS])
        self._rail = Doubt(sample, CELLS_DOUBT, DOUBT_RAIL, scans)
        self._lead = Doubt(sample, CELLS_DOUBT, DOUBT_LEAD, scans)
        self._lead_test = Doubt(sample, CELLS_DOUBT, DOUBT_LEAD_TEST, scans)
        self._rails = 0
        self._swings = 0
        # Of every cell but the last: how far it stood above its upper neighbour before the lead
        # between them broke; UNKNOWN while that lead is whole.
        self._before_mv = array("i", [UNKNOWN] * count)

    def forget(self):
        """After a gap there is no reference."""
        words = self.words
        for cell in range(self._count):
            at = _HEAD + _CELL_WORDS * cell + _REFERENCE
            words[at] = UNKNOWN
            words[at + 1] = UNKNOWN
        words[_UNTIL_KEEP] = 1
        self._rails = 0
        self._swings = 0

    def is_awake(self):
        return (
            self._rails
            or self._swings
            or self._rail.left
            or self._lead.left
            or (self._lead_test.left)
        )

    def scan(self, found):
        """found: what kernels.look said."""
        if found & _AT_RAIL or self._rails or self._rail.left:
            self._rail.tell(self._stays_at_rail(found))
        if found & _SWUNG or self._swings or self._lead.left:
            self._lead.tell(self._lead_is_open(found))
        failed = self._test_has_failed()
        if failed or self._lead_test.left:
            self._lead_test.tell(failed)

    def _stays_at_rail(self, found):
        """A cell shows nothing, or full scale, in two scans."""
        self._rails = self._rails + 1 if found & _AT_RAIL else 0
        return self._rails >= 2

    def _test_has_failed(self):
        """The front end's own test has found an open lead."""
        return self._front_end.open_lead_seen

    def _lead_is_open(self, found):
        """Two neighbours mirror each other in two scans, or have not found back since."""
        self._swings = self._swings + 1 if found & _SWUNG and self._mirrored() else 0
        if self._swings >= 2:
            self.note_open_lead(self.words[_SWING_AT] - 1)
        return self._some_lead_stays_open()

    def _mirrored(self):
        """The widest swing: one cell up, its neighbour as far down, beside all the others."""
        words = self.words
        upper = words[_SWING_AT]
        above_mv = self.shift_mv(upper)
        below_mv = self.shift_mv(upper - 1)
        if above_mv == UNKNOWN or below_mv == UNKNOWN:
            return False
        others = words[KNOWN] - 2
        if others > 0:
            mean_mv = (words[_SHIFTED] - above_mv - below_mv) // others
            above_mv -= mean_mv
            below_mv -= mean_mv
        if above_mv < 0:
            above_mv, below_mv = 0 - above_mv, 0 - below_mv
        if above_mv <= _LEAD_MV or below_mv >= 0 - _LEAD_MV:
            return False
        apart_mv = above_mv + below_mv
        alike_mv = _ALIKE_MV + max(above_mv, 0 - below_mv) // 8
        return 0 - alike_mv <= apart_mv <= alike_mv

    def note_open_lead(self, lower):
        """The lead above cell `lower` (0-based), or the first or last one, does not lead."""
        if self._before_mv[lower] == UNKNOWN:
            at = _HEAD + _CELL_WORDS * lower + _REFERENCE
            before_mv = self.words[at] - self.words[at + _CELL_WORDS]
            self._before_mv[lower] = before_mv
        self._lead.tell(True)

    def _some_lead_stays_open(self):
        words = self.words
        open_leads = 0
        for lower in range(self._count - 1):
            before_mv = self._before_mv[lower]
            if before_mv != UNKNOWN:
                at = _HEAD + _CELL_WORDS * lower + _BEFORE
                off_mv = words[at] - words[at + _CELL_WORDS] - before_mv
                if 0 - _MENDED_MV <= off_mv <= _MENDED_MV:
                    if self._lead.left == 1:
                        # Whole again for as long as it takes.
                        self._before_mv[lower] = UNKNOWN
                else:
                    open_leads += 1
        return open_leads > 0

    def shift_mv(self, cell):
        """How far a cell has moved since the reference; UNKNOWN if that cannot be told."""
        at = _HEAD + _CELL_WORDS * cell
        now_mv = self.words[at + _BEFORE]
        reference_mv = self.words[at + _REFERENCE]
        if now_mv == UNKNOWN or reference_mv == UNKNOWN:
            return UNKNOWN
        return now_mv - reference_mv

    def beside_others_mv(self, cell):
        """The same less the mean of all the others."""
        shift_mv = self.shift_mv(cell)
        others = self.words[KNOWN] - 1
        if shift_mv == UNKNOWN or others <= 0:
            return 0
        return shift_mv - (self.words[_SHIFTED] - shift_mv) // others
