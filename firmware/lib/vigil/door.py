"""The one door for writes from outside: checked at once, queued, done in the next cycle's slack.

An authority has role(who): what the user behind a link (MODBUS, ...) may do at this moment.
"""

from array import array

from micropython import const

from vigil import journal
from vigil.limit_stage import ABANDONED, LimitStage
from vigil.points_table import RANGES
from vigil.tally import Tally

# What the user behind a link may do.
VIEWER = const(0)
OPERATOR = const(1)
OWNER = const(2)

# Links.
MODBUS = const(1)
JBD = const(2)
NATIVE = const(3)
BLUETOOTH = const(4)  # JBD over it; the native protocol is the same over everything

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
# More numbers than one request of any link carries.
MOST_WAITING = const(64)
_A_STEP = const(4)
_ENTRY = const(2)
_COUNTER_MASK = const(0x7FFF)
_BOTH = const(3)
_HIGHEST_HALF = const(0x1FFF)
# As points.py has them, which imports this.
_S16 = const(1)
_S32 = const(3)


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
        self.task = None  # that steps it
        self.stage = LimitStage(points.bms)
        # Place, element x 256 and who x 65536 of each; value.
        self._queue = array("i", [0] * (_ENTRY * MOST_WAITING))
        self._first = 0
        self.waiting = 0
        self._will_be_begun = False  # once all that waits is done
        self._begun_then = False  # and once a lot that is being checked is done, too
        self._begun_before = False  # as it was when that lot began
        self._lot = 0
        self._laid = 0  # of that lot, behind what waits
        self.began_s = 0  # unix seconds at the start, once somebody has told the time
        self.result = TAKEN
        self.taken = 0
        # A stranger must not push the trips out of the journal.
        self._refusals = Tally(self._note, journal.WRITE_REFUSED)

    @property
    def refused(self):
        return self._refusals.count

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
        self._laid = 0
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
        code = self._may(at, who)
        if code != TAKEN:
            return code
        span = points.range_at(at) * 8
        if not _signed(span) <= value <= _signed(span + 4):
            return OUT_OF_RANGE
        if not self.room:
            return BUSY
        return self._follow(at, value)

    def _may(self, at, who):
        role = self._points.role(at)
        if not role:
            return READ_ONLY
        return NOT_ALLOWED if self.authority.role(who) < role else TAKEN

    def _follow(self, at, value):
        """Whether it may be written at this stage of a set of limits."""
        points = self._points
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
        self._begun_then = begun
        return TAKEN

    def lay(self, number, at, count, data, begin, who):
        """check() for `count` registers of the point at this place, high byte first from
        data[begin] on; what is good is laid behind the queue for take_lot()."""
        points = self._points
        wide = points.wide(at)
        offset = number - points.number(at)
        if offset % wide or count % wide or (offset + count) // wide > points.real(at):
            return NO_SUCH_ELEMENT
        code = self._may(at, who)
        if code != TAKEN:
            return code
        elements = count // wide
        if self.room - self._laid < elements:
            return BUSY
        span = points.range_at(at) * 8
        low = _signed(span)
        high = _signed(span + 4)
        kind = points.type(at)
        sign = 0x8000 if kind == _S16 or kind == _S32 else 0
        queue = self._queue
        entry = (self._first + self.waiting + self._laid) % MOST_WAITING * _ENTRY
        what = at | offset // wide << 8 | who << 16
        stop = begin + 2 * count
        value = 0
        while begin < stop:
            value = ((data[begin] << 8 | data[begin + 1]) ^ sign) - sign
            if wide == 2:
                # No range goes beyond, and the heap is left alone.
                if value > _HIGHEST_HALF or value < 0 - _HIGHEST_HALF:
                    return OUT_OF_RANGE
                begin += 2
                value = value * 65536 + (data[begin] << 8 | data[begin + 1])
            if value < low or value > high:
                return OUT_OF_RANGE
            begin += 2
            queue[entry] = what
            queue[entry + 1] = value
            what += 256
            entry += _ENTRY
            if entry == _ENTRY * MOST_WAITING:
                entry = 0
        self._laid += elements
        return self._follow(at, value)

    def take_lot(self):
        """Queue all that has been laid, at once."""
        self.result = TAKEN
        self.waiting += self._laid
        self.taken = (self.taken + self._laid) & _COUNTER_MASK
        self._laid = 0
        self._come()

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
        element = (number - points.number(at)) // points.wide(at)
        queue[entry] = at | element << 8 | who << 16
        queue[entry + 1] = value
        self.waiting += 1
        self.taken = (self.taken + 1) & _COUNTER_MASK
        self._come()

    def _come(self):
        self._will_be_begun = self._begun_then
        if self.task:
            self._bms.executive.hurry(self.task)

    def note_taken(self, number, value, who):
        """Count and record a write to what is no point, done already."""
        self.result = TAKEN
        self.taken = (self.taken + 1) & _COUNTER_MASK
        self._note(journal.WRITE, number, who, value if value >> 31 == 0 else value - (1 << 32))

    def coming(self, at, index, otherwise):
        """The value that waits for an element of the point at this place, if any does."""
        queue = self._queue
        wanted = at | index << 8
        for back in range(self.waiting - 1, -1, -1):
            entry = (self._first + back) % MOST_WAITING * _ENTRY
            if queue[entry] & 0xFFFF == wanted:
                return queue[entry + 1]
        return otherwise

    def done(self, number, value, who):
        """Record a write that had no need to wait."""
        self.taken = (self.taken + 1) & _COUNTER_MASK
        self._note(journal.WRITE, number, who, value)

    def refuse(self, number, code=None):
        """Count a refused write, and remember which to tell the journal."""
        if code is not None:
            self.result = code
        self._refusals.add(number, self.result)

    def step(self, now_ms):
        """A slow task: do what waits, at most a few writes a slice."""
        self._refusals.step(now_ms)
        if self.stage.is_checking:
            return self._check_on(now_ms)
        for _ in range(min(self.waiting, _A_STEP)):
            entry = self._first * _ENTRY
            self._first = (self._first + 1) % MOST_WAITING
            self.waiting -= 1
            queue = self._queue
            what = queue[entry]
            self._do(what & 0xFF, what >> 8 & 0xFF, queue[entry + 1], what >> 16)
            if self.stage.is_checking:
                # What comes behind waits for the verdict.
                return True
        return self.waiting > 0 or self.stage.look_ahead()

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
