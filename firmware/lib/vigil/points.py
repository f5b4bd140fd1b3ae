"""The points: everything that can be read from outside, by number, over the running BMS.

The packed table comes from host_tools/points/declared.py; names and sentences stay there. Links
hold a Points (and its door, where writes enter) and nothing else; reading allocates nothing.
"""

from array import array

from micropython import const

from vigil import limits, points_values
from vigil.door import Door
from vigil.points_table import COMPUTED, NAMES, SCHEMA, TABLE
from vigil.sample import UNKNOWN as SAMPLE_UNKNOWN

# A record of the table: number (2), type and role x 16, unit, declared elements, how many really
# x 32 and holder, name, range.
_RECORD = const(8)
_TYPE = const(2)
_ELEMENTS = const(4)
_HOLDER = const(5)
_NAME = const(6)
_RANGE = const(7)

# Types.
U16 = const(0)
S16 = const(1)
U32 = const(2)
S32 = const(3)
TEXT = const(4)

# Of points_values.HOLDERS.
_COMPUTED = const(0)
_LIMITS = const(1)
_STAGED = const(2)
_TABLE = const(5)
_FIRST_OWN = const(11)


class Points:
    """Made before the links, which may keep it; bound by begin() when the BMS is complete."""

    UNKNOWN = SAMPLE_UNKNOWN

    def __init__(self, bms):
        self.bms = bms
        self.count = len(TABLE) // _RECORD
        # Two halves: a whole hash would need the heap.
        self.schema = array("H", [SCHEMA >> 16, SCHEMA & 0xFFFF])
        rows = limits.schema()
        self.limits_schema = array("H", [rows >> 16, rows & 0xFFFF])
        # Place in the limit table of row id n + 1.
        self.row_at = bytearray(limits.LAST_ROW)
        for at in range(limits.LAST_ROW):
            self.row_at[at] = limits.position(at + 1)
        self.version = _version()
        self._computed = [getattr(points_values, name) for name in COMPUTED]
        self.door = Door(self)
        self._holders = None

    def begin(self):
        """The BMS is complete: take hold of its parts."""
        bms = self.bms
        port = bms.executive._links[0]
        self._holders = [
            None,
            None,
            None,
            self,
            bms,
            None,
            bms.memory.journal,
            port,
            port._engine,
            self.door,
            self.door.stage,
        ] + [getattr(bms, name) for name in points_values.HOLDERS[_FIRST_OWN:]]
        sample = bms.sample
        self._real = (
            0,
            sample.cell_count,
            sample.temp_count,
            sample.board_temp_count,
            limits.LAST_ROW,
        )

    def number(self, at):
        return TABLE[at * _RECORD] | TABLE[at * _RECORD + 1] << 8

    def find(self, number):
        """Place of the point whose registers include this number; -1 if there is none."""
        low = 0
        high = self.count
        while low < high:
            middle = (low + high) // 2
            if self.number(middle) <= number:
                low = middle + 1
            else:
                high = middle
        at = low - 1
        if at < 0 or number - self.number(at) >= self.registers(at):
            return -1
        return at

    def type(self, at):
        return TABLE[at * _RECORD + _TYPE] & 0xF

    def role(self, at):
        """Who may write it; 0 nobody."""
        return TABLE[at * _RECORD + _TYPE] >> 4

    def range_at(self, at):
        """Which range of RANGES a written value has to lie in."""
        return TABLE[at * _RECORD + _RANGE]

    def is_staged(self, at):
        return TABLE[at * _RECORD + _HOLDER] & 31 == _STAGED

    def name(self, at):
        """Attribute or command behind it."""
        return NAMES[TABLE[at * _RECORD + _NAME]]

    def wide(self, at):
        """Registers of an element: 2 for 32 bits."""
        kind = TABLE[at * _RECORD + _TYPE] & 0xF
        return 2 if kind == U32 or kind == S32 else 1

    def elements(self, at):
        """As declared, the most that any board has."""
        return TABLE[at * _RECORD + _ELEMENTS]

    def registers(self, at):
        return TABLE[at * _RECORD + _ELEMENTS] * self.wide(at)

    def real(self, at):
        """Elements that this board really has."""
        counted = TABLE[at * _RECORD + _HOLDER] >> 5
        return self._real[counted] if counted else TABLE[at * _RECORD + _ELEMENTS]

    def value(self, at, index=0):
        """Of the point at this place; UNKNOWN for what is not known or not there."""
        base = at * _RECORD
        holder = TABLE[base + _HOLDER]
        counted = holder >> 5
        if index >= (self._real[counted] if counted else TABLE[base + _ELEMENTS]):
            return SAMPLE_UNKNOWN
        holder &= 31
        name = TABLE[base + _NAME]
        if holder == _COMPUTED:
            return self._computed[name](self, index) + 0
        if holder == _LIMITS or holder == _TABLE:
            owner = self.bms.table
        elif holder == _STAGED:
            owner = self.door.stage.table
            if owner is None:
                return SAMPLE_UNKNOWN
        else:
            owner = self._holders[holder]
        held = getattr(owner, NAMES[name])
        if holder == _LIMITS or (holder == _STAGED and TABLE[base + _ELEMENTS] > 1):
            return held[self.row_at[index]]
        if TABLE[base + _ELEMENTS] > 1:
            held = held[index]
        return held + 0


def _version():
    """As the build has told it; nothing where nothing was built."""
    try:
        from vigil_release import VERSION
    except ImportError:
        return b""
    return VERSION.encode()
