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
_LIMITS = const(1)
_STAGED = const(2)
_TABLE = const(5)
_FIRST_OWN = const(11)

# The same as SAMPLE_UNKNOWN, without looking it up.
_UNKNOWN = const(0x1FFFFFFF)


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
            self.row_at[limits.TABLE[at][limits.ID] - 1] = at
        self.version = _version()
        self._computed = [getattr(points_values, name) for name in COMPUTED]
        self.door = Door(self)
        self._holders = None

    def give_authority(self):
        """Let somebody decide who may write; None where the board has one of its own."""
        bms = self.bms
        given = getattr(bms.board, "authority", None)
        if given is None:
            from vigil.auth import Authority

            self.door.authority = Authority(bms.memory, bms.keeper.note)
            return self.door.authority
        self.door.authority = given

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
        table = TABLE
        low = 0
        high = len(table)
        while low < high:
            base = (low + high >> 1) & -_RECORD
            if table[base] | table[base + 1] << 8 <= number:
                low = base + _RECORD
            else:
                high = base
        if not low:
            return -1
        low -= _RECORD
        registers = table[low + _ELEMENTS]
        if table[low + _TYPE] & 2:
            registers *= 2
        if number - (table[low] | table[low + 1] << 8) >= registers:
            return -1
        return low // _RECORD

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
        table = TABLE
        base = at * _RECORD
        holder = table[base + _HOLDER]
        elements = table[base + _ELEMENTS]
        real = elements
        if holder > 31:
            real = self._real[holder >> 5]
            holder &= 31
        if index >= real:
            return SAMPLE_UNKNOWN
        if not holder:
            return self._computed[table[base + _NAME]](self, index) + 0
        if holder <= _TABLE:
            self._look_up_tables()
        owner = self._holders[holder]
        if owner is None:
            return SAMPLE_UNKNOWN
        held = getattr(owner, NAMES[table[base + _NAME]])
        if elements > 1:
            return held[self.row_at[index] if holder <= _STAGED else index]
        return held + 0

    def fill(self, number, count, out, to, most=256):
        """So many registers from `number` on into `out`, high byte first.

        How many of them are done: all, or at least `most`; 0 if one is nobody's. No element is
        left half.

        What is not known is 0xFFFF, 0x8000 where there is a sign. More than a register can hold
        saturates.
        """
        # Long on purpose: a call for each element would take as long as all the rest.
        self._look_up_tables()
        table = TABLE
        names = NAMES
        holders = self._holders
        computed = self._computed
        row_at = self.row_at
        base = self.find(number) * _RECORD
        if base < 0:
            return 0
        first = number
        end = number + count
        enough = end if count < most else number + most
        while number < enough:
            if base == len(table):
                return 0
            begin = table[base] | table[base + 1] << 8
            if begin > number:
                return 0
            kind = table[base + _TYPE] & 0xF
            real = elements = table[base + _ELEMENTS]
            holder = table[base + _HOLDER]
            if holder > 31:
                real = self._real[holder >> 5]
                holder &= 31
            if not holder:
                held = computed[table[base + _NAME]]
            elif holders[holder] is None:
                real = 0
                held = _UNKNOWN
            else:
                held = getattr(holders[holder], names[table[base + _NAME]])
            base += _RECORD
            signed = kind & 1
            wide = kind & 2
            if elements == 1 and (not wide or number == begin and end - number > 1):
                value = held if holder else held(self, 0)
                if wide:
                    high = value >> 16
                    if value == _UNKNOWN:
                        high = 0x8000 if signed else 0xFFFF
                        value = 0 if signed else 0xFFFF
                    out[to] = high >> 8 & 0xFF
                    out[to + 1] = high & 0xFF
                    to += 2
                    number += 1
                elif value == _UNKNOWN:
                    value = 0x8000 if signed else 0xFFFF
                elif signed:
                    if value + 0x8000 >> 16:
                        value = 0x7FFF if value > 0 else 0x8000
                elif value >> 16:
                    value = 0xFFFF if value > 0 else 0
                out[to] = value >> 8 & 0xFF
                out[to + 1] = value & 0xFF
                to += 2
                number += 1
                continue
            if wide:
                # 32 bits: perhaps only the lower half of the first, the upper one of the last.
                stop = begin + 2 * elements
                if stop > enough:
                    stop = enough + (enough - begin & 1)
                    if stop > end:
                        stop = end
                index = number - begin
                last = to + 2 * (stop - number)
                number = stop
                half = index & 1
                index >>= 1
                while to < last:
                    if index >= real:
                        value = _UNKNOWN
                    elif holder > _STAGED:
                        value = held[index] if elements > 1 else held
                    elif holder:
                        value = held[row_at[index]]
                    else:
                        value = held(self, index)
                    index += 1
                    high = value >> 16
                    if value == _UNKNOWN:
                        high = 0x8000 if signed else 0xFFFF
                        value = 0 if signed else 0xFFFF
                    if half:
                        half = 0
                    else:
                        out[to] = high >> 8 & 0xFF
                        out[to + 1] = high & 0xFF
                        to += 2
                        if to == last:
                            break
                    out[to] = value >> 8 & 0xFF
                    out[to + 1] = value & 0xFF
                    to += 2
                continue
            index = number - begin
            number = begin + elements
            if number > enough:
                number = enough
            last = number - begin
            while index < last:
                if index >= real:
                    value = _UNKNOWN
                elif holder > _STAGED:
                    value = held[index]
                elif holder:
                    value = held[row_at[index]]
                else:
                    value = held(self, index)
                index += 1
                if signed:
                    if value == _UNKNOWN:
                        value = 0x8000
                    elif value + 0x8000 >> 16:
                        value = 0x7FFF if value > 0 else 0x8000
                elif value >> 16:
                    value = 0xFFFF if value > 0 else 0
                out[to] = value >> 8 & 0xFF
                out[to + 1] = value & 0xFF
                to += 2
        return number - first

    def _look_up_tables(self):
        """Which sets of limits run, and are staged, changes."""
        holders = self._holders
        holders[_LIMITS] = holders[_TABLE] = self.bms.table
        holders[_STAGED] = self.door.stage.table


def _version():
    """As the build has told it; nothing where nothing was built."""
    try:
        from vigil_release import VERSION
    except ImportError:
        return b""
    return VERSION.encode()
