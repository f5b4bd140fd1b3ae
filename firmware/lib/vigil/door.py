"""The one door for writes from outside: checked at once, queued, done in the next cycle's slack.

An authority has role(who): what the user behind a link (MODBUS, ...) may do at this moment.
"""

from array import array

from micropython import const

from vigil import journal
from vigil.limit_stage import ABANDONED, LimitStage
from vigil.points_table import RANGES

# What the user behind a link may do.
VIEWER = const(0)
OPERATOR = const(1)
OWNER = const(2)

# Links.
MODBUS = const(1)
JBD = const(2)
NATIVE = const(3)

# Results of a write.
TAKEN = const(0)
NO_SUCH_POINT = const(1)
NO_SUCH_ELEMENT = const(2)
READ_ONLY = const(3)
NOT_ALLOWED = const(4)
OUT_OF_RANGE = const(5)
NOT_BEGUN = const(6)
BUSY = const(7)
OTHER_TABLE = const(8)
REFUSED = const(9)

_STEP_MS = const(50)
MOST_WAITING = const(32)
_A_STEP = const(4)
_ENTRY = const(4)
# Refused writes share a record of the journal: a stranger must not push the trips out of it.
_REFUSALS_MS = const(60000)
_TICKS = const(0x3FFFFFFF)
_COUNTER_MASK = const(0x7FFF)
_BOTH = const(3)


class Nobody:
    """The authority where there is no other: everybody may look, nobody may write."""

    def role(self, who):
        return VIEWER


class Door:
    """`result` is that of the latest write; a command is done by the method _do_ and its name."""

    period_ms = _STEP_MS
    # Commands read as 0.
    limits_begin = limits_validate = limits_commit = limits_abandon = owner_reset = 0

    def __init__(self, points):
        self._points = points
        self._bms = points.bms
        self.authority = Nobody()
        self.stage = LimitStage(points.bms)
        self._queue = array("i", [0] * (_ENTRY * MOST_WAITING))  # place, element, value, who
        self._first = 0
        self.waiting = 0
        self._will_be_begun = False  # once all that waits is done
        self._begun_then = False  # and once a lot that is being checked is done, too
        self._begun_before = False  # as it was when that lot began
        self._lot = 0
        self.began_s = 0  # unix seconds at the start, once somebody has told the time
        self.result = TAKEN
        self.taken = 0
        self.refused = 0
        self._untold = 0
        self._untold_number = 0
        self._told_ms = 0
        self._told = False

    @property
    def room(self):
        return MOST_WAITING - self.waiting

    @property
    def switches_allowed(self):
        return _BOTH ^ self._bms.switches.held_off

    def begin_lot(self):
        """What check() is asked from now on would be written one after the other; its number."""
        self._begun_then = self._begun_before = self._will_be_begun
        self._lot = (self._lot + 1) & _COUNTER_MASK
        return self._lot

    def still_fits(self, count, lot):
        """So many writes, all checked in this lot, may be taken: nobody has come in between."""
        if lot != self._lot or self._begun_before != self._will_be_begun:
            return False
        return self.room >= count

    def check(self, number, value, who, at=None):
        """What write() would answer, once what was checked before it in this lot is written.

        at: the point's place, if it has been looked up.
        """
        points = self._points
        if at is None:
            at = points.find(number)
        if at < 0:
            return NO_SUCH_POINT
        wide = points.wide(at)
        offset = number - points.number(at)
        if offset % wide or offset // wide >= points.real(at):
            return NO_SUCH_ELEMENT
        role = points.role(at)
        if not role:
            return READ_ONLY
        if self.authority.role(who) < role:
            return NOT_ALLOWED
        span = points.range_at(at) * 8
        if not _signed(span) <= value <= _signed(span + 4):
            return OUT_OF_RANGE
        name = points.name(at)
        begun = self._begun_then
        if points.is_staged(at) or name in ("limits_validate", "limits_commit", "limits_abandon"):
            if not begun:
                return NOT_BEGUN
            begun = name != "limits_commit" and name != "limits_abandon"
        elif name == "limits_begin":
            if value != points.limits_schema[1]:
                return OTHER_TABLE
            begun = True
        if not self.room:
            return BUSY
        self._begun_then = begun
        return TAKEN

    def write(self, number, value, who):
        """Take a write for the next cycle, or say why not; number: that of the element."""
        self.begin_lot()
        at = self._points.find(number)
        code = self.check(number, value, who, at)
        if code != TAKEN:
            self.refuse(number, code)
        else:
            self.take(number, value, who, at)
        return code

    def take(self, number, value, who, at):
        """Queue what has been checked, for the point at this place."""
        self.result = TAKEN
        points = self._points
        entry = (self._first + self.waiting) % MOST_WAITING * _ENTRY
        queue = self._queue
        queue[entry] = at
        queue[entry + 1] = (number - points.number(at)) // points.wide(at)
        queue[entry + 2] = value
        queue[entry + 3] = who
        self.waiting += 1
        self.taken = (self.taken + 1) & _COUNTER_MASK
        self._will_be_begun = self._begun_then

    def note_taken(self, number, value, who):
        """Count and record a write to what is no point, done already."""
        self.result = TAKEN
        self.taken = (self.taken + 1) & _COUNTER_MASK
        self._note(journal.WRITE, number, who, value if value >> 31 == 0 else value - (1 << 32))

    def coming(self, at, index, otherwise):
        """The value that waits for an element of the point at this place, if any does."""
        queue = self._queue
        for back in range(self.waiting - 1, -1, -1):
            entry = (self._first + back) % MOST_WAITING * _ENTRY
            if queue[entry] == at and queue[entry + 1] == index:
                return queue[entry + 2]
        return otherwise

    def done(self, number, value, who):
        """Record a write that had no need to wait."""
        self.taken = (self.taken + 1) & _COUNTER_MASK
        self._note(journal.WRITE, number, who, value)

    def refuse(self, number, code=None):
        """Count a refused write, and remember which to tell the journal."""
        if code is not None:
            self.result = code
        self.refused = (self.refused + 1) & _COUNTER_MASK
        self._untold = (self._untold + 1) & _COUNTER_MASK
        self._untold_number = number

    def step(self, now_ms):
        """A slow task: do what waits, at most a few writes a slice."""
        if self._untold:
            if not self._told or (now_ms - self._told_ms) & _TICKS >= _REFUSALS_MS:
                self._told = True
                self._told_ms = now_ms
                self._note(journal.WRITE_REFUSED, self._untold_number, self.result, self._untold)
                self._untold = 0
        if self.stage.is_checking:
            return self._check_on(now_ms)
        for _ in range(min(self.waiting, _A_STEP)):
            entry = self._first * _ENTRY
            self._first = (self._first + 1) % MOST_WAITING
            self.waiting -= 1
            queue = self._queue
            self._do(queue[entry], queue[entry + 1], queue[entry + 2], queue[entry + 3])
            if self.stage.is_checking:
                # What comes behind waits for the verdict.
                return True
        return self.waiting > 0

    def _check_on(self, now_ms):
        if self.stage.check_on():
            return True
        if self.stage.found:
            self.result = REFUSED
        self._will_be_begun = self._will_be_begun or self.stage.is_begun
        return self.waiting > 0

    def _do(self, at, index, value, who):
        points = self._points
        name = points.name(at)
        if points.is_staged(at):
            if self.stage.is_begun:
                self.stage.put(
                    name, points.row_at[index] if points.elements(at) > 1 else -1, value
                )
            return
        getattr(self, "_do_" + name)(value)
        self._note(journal.WRITE, points.number(at), who, value)

    def _note(self, kind, number, where, value):
        self._bms.keeper.note(kind, number, where, value)

    def _do_limits_begin(self, value):
        self.stage.begin()

    def _do_limits_validate(self, value):
        self.stage.check(False)

    def _do_limits_commit(self, value):
        self.stage.check(True)

    def _do_limits_abandon(self, value):
        self.stage.end(ABANDONED)

    def _do_owner_reset(self, value):
        self._bms.owner_reset()

    def _do_switches_allowed(self, value):
        self._bms.switches.hold_off(_BOTH ^ value)


def _signed(at):
    """32 bits of RANGES."""
    value = RANGES[at + 3] << 8 | RANGES[at + 2]
    return ((value ^ 0x8000) - 0x8000) * 65536 + (RANGES[at + 1] << 8 | RANGES[at])
