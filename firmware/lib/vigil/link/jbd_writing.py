"""JBD with parameters and switches that the owner writes, over the points.

A write goes through the door, in the role that JBD has there at that moment: parameters are
staged as a set of limits, which saving checks and commits, or refuses, as a whole.
"""

from micropython import const

from vigil import door, limits
from vigil.door import BLUETOOTH, JBD
from vigil.limit_stage import REFUSED, SOUND, UNKNOWN
from vigil.link.jbd import Jbd
from vigil.link.jbd_parameters import (
    BARCODE,
    FIELDS,
    KELVIN,
    LARGEST,
    LEAVE,
    LIMIT,
    LIMITS,
    MAKER,
    NO_SUCH_REGISTER,
    NOT_ALLOWED,
    OK,
    RELEASE,
    SAVE,
    SECOND_DELAYS,
    SECONDS,
    SWITCH,
    SWITCHES,
    TENS,
    TRIP,
    ZERO_CELSIUS,
    Parameters,
    is_current,
    position,
)
from vigil.link.rs485 import Rs485
from vigil.points import Points

_WAITS = const(-1)

# A row's trip that is written takes along what JBD has no register for: row, what follows, what
# of it. It keeps its distance.
FOLLOWERS = b"\x02\x01\x00\x02\x01\x01\x04\x03\x00\x04\x03\x01\x19\x19\x01\x1a\x1a\x01"
_FOLLOWER = const(3)
_MOST_WRITES = const(4)  # of one parameter: a set begun, the number, two followers

# Points.
_STAGED = (1000, 1128, 1256, 1384)  # as FIELDS
_BEGIN = const(1604)
_COMMIT = const(1606)
_ABANDON = const(1607)
_ALLOWED = const(1609)
# What is no point is recorded as this and its register.
NO_POINT = const(0xFF00)


class Writing(Parameters):
    """The same, and a write is done if the door takes it."""

    def __init__(self, status, name=b"", production_date=0, shunt_uohm=0, who=JBD):
        """who: the link, for the door."""
        super().__init__(status, name, production_date, shunt_uohm)
        self._who = who
        self._points = status.points
        self._door = status.points.door
        self._editing = False  # the set of limits in the making is ours
        self._saved = False  # it will be taken over, perhaps has been
        # Places of the points.
        find = self._points.find
        self._staged_at = bytes([find(number) for number in _STAGED])
        self._begin_at = find(_BEGIN)
        self._allowed_at = find(_ALLOWED)

    def _number(self, field, row):
        """Of the set in the making, else of that which runs."""
        if not self._editing and not self._saved:
            return super()._number(field, row)
        stage = self._door.stage
        coming = self._door.coming
        table = self._points.bms.table
        if not stage.is_begun:
            self._saved = False
        elif stage.state != REFUSED:
            if self._saved or self._editing and coming(self._begin_at, 0, -1) < 0:
                table = stage.table
        number = getattr(table, FIELDS[field])[position(row)]
        if not self._editing:
            return number
        return coming(self._staged_at[field], row - 1, number)

    def _change(self, register, request, at, count, value):
        if register == LEAVE and value == SAVE and self._in_factory():
            return self._save()
        if register == SWITCHES:
            if 0 <= value <= 3:
                return self._command(_ALLOWED, 3 ^ value)
        elif register == SWITCH:
            which = value >> 8
            if value >= 0 and value & 0xFE == 0 and which in (0x00, 0x01, 0x0A):
                mask = 3 if which == 0x0A else 1 if which else 2
                allowed = self._door.switches_allowed
                allowed = self._door.coming(self._allowed_at, 0, allowed)
                off = value & 1
                return self._command(_ALLOWED, allowed & ~mask if off else allowed | mask)
        elif MAKER <= register <= BARCODE:
            return self._write_text(register, request, at, count)
        else:
            shown = self._parameter(register)
            if shown < 0 and not self._is_there(register):
                return self._refuse(register, door.NO_SUCH_POINT, NO_SUCH_REGISTER)
            if shown >= 0 and count == 2:
                return self._write_parameter(register, value, shown)
        return self._refuse(register, door.NOT_ALLOWED)

    def _refuse(self, register, code, status=NOT_ALLOWED):
        self._door.refuse(NO_POINT | register, code)
        return status

    def _command(self, number, value):
        return OK if self._door.write(number, value, self._who) == door.TAKEN else NOT_ALLOWED

    def _is_owner(self):
        return self._door.authority.role(self._who) >= door.OWNER

    def _write_text(self, register, request, at, count):
        """Nothing can be renamed, but what is written back as it was read is no rename."""
        text = self._texts[register - MAKER]
        if not self._in_factory() or not self._is_owner():
            return self._refuse(register, door.NOT_ALLOWED)
        same = count == len(text) + 1 and request[at] == len(text)
        for index in range(len(text)):
            same = same and request[at + 1 + index] == text[index]
        return OK if same else self._refuse(register, door.READ_ONLY)

    def _write_parameter(self, register, value, shown):
        if not self._in_factory() or not self._is_owner():
            return self._refuse(register, door.NOT_ALLOWED)
        if value == shown:
            # Whoever writes everything back changes nothing, not even what was rounded.
            return OK
        if self._door.room < _MOST_WRITES:
            return self._refuse(register, door.BUSY)
        shift = 8
        for at in range(0, len(LIMITS), LIMIT):
            if LIMITS[at] == register:
                if LIMITS[at + 3] != SECONDS:
                    return self._put(at, self._meant(at, value))
                if value >> shift & 0xFF != shown >> shift & 0xFF:
                    status = self._put(at, (value >> shift & 0xFF) * 1000)
                    if status != OK:
                        return status
                if not shift:
                    return OK
                shift = 0
        # Clients that count in floats write one unit less than they have read, and bmstools
        # turns the two delays of one register round.
        same = abs(value - shown) == 1
        if register == SECOND_DELAYS:
            same = value == shown & 0xFF | (shown & 0x3000) << 2 | (shown & 0xC000) >> 2
        return OK if same else self._refuse(register, door.READ_ONLY)

    def _meant(self, at, value):
        unit = LIMITS[at + 3]
        if unit == KELVIN:
            return value - ZERO_CELSIUS
        if unit == TENS:
            if is_current(LIMITS[at]) and value > LARGEST:
                value -= 0x10000
            return value * 10
        return value

    def _put(self, at, number):
        """A limit and what follows it into the set in the making."""
        field = LIMITS[at + 1]
        row = LIMITS[at + 2]
        if not self._editing:
            if self._door.write(_BEGIN, self._points.limits_schema[1], self._who) != door.TAKEN:
                return NOT_ALLOWED
            self._editing = True
        self._door.stage.hurried = True
        before = self._number(field, row)
        if not self._stage(field, row, number):
            return NOT_ALLOWED
        if field == TRIP:
            if row == limits.CHARGE_OVER_CURRENT or row == limits.DISCHARGE_OVER_CURRENT:
                self._stage(RELEASE, row, number * 9 // 10)
            for at in range(0, len(FOLLOWERS), _FOLLOWER):
                if FOLLOWERS[at] == row:
                    field = FOLLOWERS[at + 2]
                    row_there = FOLLOWERS[at + 1]
                    moved = self._number(field, row_there) + number - before
                    self._stage(field, row_there, moved)
        return OK

    def _stage(self, field, row, number):
        written = self._door.write(_STAGED[field] + 2 * (row - 1), number, self._who)
        if written != door.TAKEN:
            # Somebody else has ended the set, or the window has closed.
            self._editing = False
        return written == door.TAKEN

    # The end of factory mode.

    def _leave(self):
        """Whatever has been staged is given up."""
        self._factory = False
        if self._editing:
            self._editing = False
            self._door.write(_ABANDON, 1, self._who)

    def _save(self):
        if not self._is_owner():
            self._leave()
            return self._refuse(LEAVE, door.NOT_ALLOWED)
        return self.verdict() if self._editing else self._end_saving(OK)

    def verdict(self):
        """The status of saving, below 0 while it is not known whether the set is good.

        It is checked while it is written, and once more when it is taken over, whole: that comes
        behind the answer. Until then who asks again is still in factory mode.
        """
        entrance = self._door
        stage = entrance.stage
        if entrance.waiting or stage.is_checking or stage.is_begun and stage.sound == UNKNOWN:
            stage.hurried = True
            return _WAITS
        status = NOT_ALLOWED
        if stage.is_begun:
            if stage.sound != SOUND:
                stage.refuse()
                entrance.write(_ABANDON, 1, self._who)
                entrance.result = door.REFUSED
            elif entrance.write(_COMMIT, 1, self._who) == door.TAKEN:
                self._saved = True
                status = OK
        return self._end_saving(status)

    def _end_saving(self, status):
        self._factory = self._editing = False
        if status == OK:
            self._count_trips()
            self._cleared[:] = self._counted
            self._door.done(NO_POINT | LEAVE, SAVE, self._who)
        return status


def over_bluetooth(status, name, production_date, shunt_uohm):
    """The same for a phone, whom the journal calls by another number."""
    return Writing(status, name, production_date, shunt_uohm, BLUETOOTH)


def offer(board, uart, driver_enable=None, baudrate=9600, shunt_uohm=0):
    """Give a board the whole of JBD on this port, and the points behind it."""

    def jbd_on_rs485(status):
        engine = Jbd(status, board.device_name)
        engine.use(Writing(status, engine.name, engine.production_date, shunt_uohm))
        return Rs485(uart, engine, driver_enable, baudrate)

    board.points = Points
    board.links = [jbd_on_rs485]
