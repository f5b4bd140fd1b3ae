"""A BMS whose points are read by name, whatever protocol carries them."""

from host_tools import firmware
from host_tools.client import coding
from host_tools.client.errors import (
    ClientError,
    NotSpoken,
    OtherPoints,
    Refused,
    Unanswered,
)
from host_tools.client.messages import DOOR, batches
from host_tools.points import declared

# Who it is, and how many elements its arrays have.
_HEAD = ("points_schema", "limits_schema")
_COUNTS = {"cell_count": declared.CELLS, "temp_count": declared.TEMPS}
_COUNTS["board_temp_count"] = declared.BOARD_TEMPS


class Bms:
    """Made by connect.py; a context manager that closes the port.

    `protocol` says what is spoken: "native", "native over Modbus", "Modbus" or "JBD".
    """

    def __init__(self, line, source, protocol, identity=None):
        """source: native.Native, modbus.Modbus; see jbd.Jbd for what has no points."""
        self.line = line
        self.protocol = protocol
        self.identity = identity
        self._source = source
        self.known_keys = {}  # a simulator's, by role
        self._elements = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            if self.can_write and self._source.in_session:
                self._source.end_session()
        finally:
            self.line.close()

    # Reading.

    def read(self, *keys):
        """{key: value} of these points; a list where a point has elements."""
        while True:
            points, counts, wanted = self._plan(keys)
            try:
                registers = self._registers(wanted)
                break
            except Unanswered:
                if not self._source.shorten():
                    raise
        return {
            point.key: coding.values(point, count, registers)
            for point, count in zip(points, counts, strict=True)
        }

    def value(self, key):
        return self.read(key)[key]

    @property
    def keys(self):
        """Of every point that can be read here."""
        return [point.key for point in declared.POINTS]

    @property
    def knows_limits(self):
        """Whether its limits are those that these tools have the names of."""
        self._meet()
        return self._limits_schema == firmware.load("limits")[0].schema()

    @property
    def has_points(self):
        return True

    def watch(self, keys, period_s):
        """What the BMS sends by itself; a generator of {key: value}, None for a silence.

        Only where sends_by_itself(keys); elsewhere read() again and again.
        """
        points, counts, wanted = self._plan(keys)
        renewed = None
        try:
            while True:
                now = self.line.now()
                if renewed is None or now - renewed >= _RENEW_S:
                    self._source.subscribe(period_s, wanted)
                    renewed = now
                parts = self._source.next_telemetry(2 * period_s + 1)
                if parts is None:
                    renewed = None
                    yield None
                    continue
                registers = _by_number(wanted, parts)
                yield {
                    point.key: coding.values(point, count, registers)
                    for point, count in zip(points, counts, strict=True)
                }
        finally:
            try:
                self._source.unsubscribe()
            except ClientError:
                # It ends by itself within a minute.
                pass

    def sends_by_itself(self, keys):
        """Whether watch() can have these: native on a line of its own, and not too many."""
        if not getattr(self._source, "may_subscribe", False):
            return False
        return len(list(batches(self._plan(keys)[2]))) == 1

    # Writing.

    @property
    def can_write(self):
        return hasattr(self._source, "open_session")

    @property
    def native(self):
        """The native.Native behind it; NotSpoken where that is not spoken."""
        if not self.can_write:
            raise NotSpoken(f"{self.protocol} has no keys: this needs the native protocol")
        return self._source

    def open_session(self, role, key):
        """See native.Native.open_session()."""
        self._meet()
        self.native.open_session(role, key)

    def write(self, *values, repeat=True):
        """(coding.Place, value) each: range-checked here, then all taken or none.

        repeat: when no answer comes, write once more; not for what must not be done twice.
        """
        self._meet()
        for where, value in values:
            coding.check_write(where, value)
        for left in reversed(range(self.native.tries if repeat else 1)):
            try:
                return self._write(values)
            except Unanswered:
                if not left:
                    raise

    def _write(self, values):
        try:
            self.native.write([(where.number, where.words, value) for where, value in values])
        except Refused as error:
            at = error.payload[0] if error.payload and error.status > DOOR else len(values)
            if at < len(values):
                error.args = (_about(values[at][0], error),)
            raise

    # Meeting it.

    def _meet(self):
        """Whether it has the points that we know, and how many elements; asked once."""
        if self._elements is not None:
            return
        head = [coding.point(key) for key in _HEAD]
        wanted = coding.blocks(head, [2, 2], self._source.most_registers)
        found = self._registers(wanted)
        schema, self._limits_schema = (
            found[point.number] << 16 | found[point.number + 1] for point in head
        )
        if schema != coding.schema():
            raise OtherPoints(
                f"the BMS has other points ({schema:08X}) than these tools have the names of"
                f" ({coding.schema():08X}): install the tools of its version"
            )
        counts = [coding.point(key) for key in _COUNTS]
        registers = self._registers(
            coding.blocks(counts, [1] * len(counts), self._source.most_registers)
        )
        elements = {
            _COUNTS[point.key]: coding.values(point, 1, registers) or 0 for point in counts
        }
        if self._limits_schema == firmware.load("limits")[0].schema():
            elements[declared.ROWS] = firmware.load("limits")[0].LAST_ROW
        self._elements = elements

    def _plan(self, keys):
        """The points, how many elements of each, and the blocks of registers they are in."""
        points = [coding.point(key) for key in keys]
        self._meet()
        counts = [self._count(point) for point in points]
        return points, counts, coding.blocks(points, counts, self._source.most_registers)

    def _count(self, point):
        return min(point.count, self._elements.get(point.of, point.count))

    def _registers(self, wanted):
        return _by_number(wanted, self._source.read_blocks(wanted))


def _about(where, error):
    """Why just this point was refused."""
    if error.status == DOOR + 4:
        return f"{where.name}: only with the {declared.ROLES[where.point.access]}'s key"
    return f"{where.name}: {error}"


_RENEW_S = 20


def _by_number(wanted, parts):
    return {
        number + at: word
        for (number, _), words in zip(wanted, parts, strict=True)
        for at, word in enumerate(words)
    }
