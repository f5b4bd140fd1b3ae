"""The black box: a trip, and the seconds before and after it, kept in flash: docs/black-box.md.

One array of 16-bit words is the record as it lies there: head, a minute of extremes once a second,
seconds of everything ten times a second, CRC-32. A slow task fills it and allocates nothing; it
stands still from shortly after a trip until the keeper has written it in a quiet moment.
"""

import binascii
from array import array

from micropython import const

from vigil import limits
from vigil.sample import BOARD, CELLS, CURRENT_DOUBT, HEALTH_FIRST, TEMPS, UNKNOWN

VERSION = const(1)
SLOTS = const(3)
# What it is doing.
RECORDING = const(0)
AFTER = const(1)  # a trip has come, the seconds after it are still recorded
WAITS = const(2)  # for a quiet moment to be written; nothing is recorded

_MAGIC = const(0x4256)
_HEAD = const(64)  # words, as all that follows
_RING_HEAD = const(6)  # time, flags, current (2), stack (2)
_SLOW = const(10)
_SLOW_COUNT = const(60)
_MOST_ALL = const(32)
_MOST_WORDS = const(1536)
_TRIPS = const(4)
_RINGS_AT = const(28)
_TRIP_AT = const(36)
_VERSION_AT = const(56)
_VERSION_WORDS = const(8)
_TRIP = const(5)  # row, where, value (2), ms behind the first one
_ALL_MS = const(100)
_SLOW_MS = const(1000)
_ALL_AFTER = const(10)
_AFTER_MS = const(3000)
_NO_VALUE = const(0x8000)
_PIECE = const(200)
_TICKS = const(0x3FFFFFFF)
_COUNTER_MASK = const(0x3FFFFFFF)
_CURRENT_DOUBT = CURRENT_DOUBT - HEALTH_FIRST
# Of an event in flash: number (0: none), bytes, row, start, seconds since that start.
_KNOWN = const(5)


class BlackBox:
    """A board asks for it by `black_box`, this class."""

    def __init__(self, bms):
        self._bms = bms
        sample = bms.sample
        self._values = _RING_HEAD + sample.cell_count + sample.temp_count + sample.board_temp_count
        room = _MOST_WORDS - _HEAD - _SLOW_COUNT * _SLOW - 2
        self._all_count = min(_MOST_ALL, room // self._values)
        self._all_first = _HEAD + _SLOW_COUNT * _SLOW
        size = self._all_first + self._all_count * self._values + 2
        self._image = array("H", bytes(2 * size))
        self._body = memoryview(self._image)[: size - 2]
        cycle_ms = bms.cycle_ms
        self.period_ms = period_ms = -(-_ALL_MS // cycle_ms) * cycle_ms
        # Steps come when there is time for them: the next one would often be too late.
        self._slow_after_ms = _SLOW_MS - period_ms // 2
        self._steps_after = _AFTER_MS // period_ms
        self._counts = bytearray(limits.LAST_ROW)
        self._trips = 0
        self._closed = 0  # switches that were commanded on at the latest step
        self.missed = 0  # trips that found the box waiting
        self._storage = bms.memory.share(self)
        self.copies_owed = 0
        self.number = 0
        self._known = array("i", [0] * (SLOTS * _KNOWN))
        for slot in range(SLOTS):
            self._look(slot)
            self.number = max(self.number, self._known[slot * _KNOWN])
        self._begin()

    def _begin(self):
        self.state = RECORDING
        self._all_at = self._all_filled = 0
        self._slow_at = self._slow_filled = 0
        self._slow_ms = 0
        self._left = 0
        self._told = 0
        self._first_ms = 0

    # A slow task.

    def step(self, now_ms):
        if self.state == WAITS:
            if self.copies_owed:
                self._watch(now_ms)
                return False
            self._begin()
        if self.state == RECORDING or self._left > self._steps_after - _ALL_AFTER:
            self._record_all(now_ms)
        if not self._slow_filled or (now_ms - self._slow_ms) & _TICKS >= self._slow_after_ms:
            self._slow_ms = now_ms
            self._record_extremes(now_ms)
        self._watch(now_ms)
        if self.state == AFTER:
            self._left -= 1
            if self._left <= 0:
                self._close()
        return False

    def _record_all(self, now_ms):
        to = self._all_first + self._all_at * self._values
        self._all_at = (self._all_at + 1) % self._all_count
        if self._all_filled < self._all_count:
            self._all_filled += 1
        self._record_head(to, now_ms)
        sample = self._bms.sample
        to = self._copy(to + _RING_HEAD, sample.cells_at, sample.cell_count)
        to = self._copy(to, sample.temps_at, sample.temp_count)
        self._copy(to, sample.board_at, sample.board_temp_count)

    def _copy(self, to, first, count):
        image = self._image
        values = self._bms.sample.values
        for at in range(first, first + count):
            value = values[at]
            image[to] = _NO_VALUE if value == UNKNOWN else value & 0xFFFF
            to += 1
        return to

    def _record_extremes(self, now_ms):
        to = _HEAD + self._slow_at * _SLOW
        self._slow_at = (self._slow_at + 1) % _SLOW_COUNT
        if self._slow_filled < _SLOW_COUNT:
            self._slow_filled += 1
        self._record_head(to, now_ms)
        self._put_extremes(to + _RING_HEAD, CELLS)
        self._put_extremes(to + _RING_HEAD + 2, TEMPS)

    def _put_extremes(self, to, group):
        sample = self._bms.sample
        value = sample.lowest(group)
        self._image[to] = _NO_VALUE if value == UNKNOWN else value & 0xFFFF
        value = sample.highest(group)
        self._image[to + 1] = _NO_VALUE if value == UNKNOWN else value & 0xFFFF

    def _record_head(self, to, now_ms):
        bms = self._bms
        sample = bms.sample
        front_end = bms.front_end
        health = sample.health
        flags = bms.protection.actions & 15
        if bms.switches.charge_on:
            flags |= 0x10
        if bms.switches.discharge_on:
            flags |= 0x20
        if front_end.charge_is_on:
            flags |= 0x40
        if front_end.discharge_is_on:
            flags |= 0x80
        for doubt in range(_CURRENT_DOUBT + 2):
            if health[doubt]:
                flags |= 0x100 << doubt
        if sample.front_end_fault:
            flags |= 0x1000
        image = self._image
        image[to] = now_ms & 0xFFFF
        image[to + 1] = flags
        self._put32(to + 2, sample.values[sample.current_at])
        self._put32(to + 4, sample.values[sample.stack_at])

    # Trips.

    def _watch(self, now_ms):
        bms = self._bms
        protection = bms.protection
        before = self._closed
        self._closed = (limits.OPEN_CHARGE if bms.switches.charge_on else 0) | (
            limits.OPEN_DISCHARGE if bms.switches.discharge_on else 0
        )
        if protection.trips == self._trips:
            return
        self._trips = protection.trips
        for at in range(protection.row_count):
            count = protection.trip_counts[at] & 0xFF
            if count != self._counts[at]:
                self._counts[at] = count
                opens = limits.TABLE[at][limits.ACTION] & limits.OPEN_BOTH
                if opens & (before | self._closed) and not bms.keeper.expects(at):
                    self._note(at, now_ms)

    def _note(self, at, now_ms):
        """A limit that opens a switch which was closed."""
        if self.state == WAITS or self._told == _TRIPS:
            self.missed = min(self.missed + 1, 0xFFFF)
            return
        if self.state == RECORDING:
            self.state = AFTER
            self._left = self._steps_after
            self._first_ms = now_ms
            self._begin_head(at, now_ms)
        protection = self._bms.protection
        image = self._image
        to = _TRIP_AT + self._told * _TRIP
        self._told += 1
        row = limits.TABLE[at]
        image[to] = row[limits.ID]
        placed = row[limits.GROUP] in (CELLS, TEMPS, BOARD)
        image[to + 1] = protection.trip_at[at] + 1 if placed else 0
        self._put32(to + 2, protection.trip_value[at])
        image[to + 4] = now_ms - self._first_ms & 0xFFFF

    def _begin_head(self, at, now_ms):
        bms = self._bms
        image = self._image
        self.number = (self.number + 1) & _COUNTER_MASK
        image[0] = _MAGIC
        image[1] = VERSION
        self._put32(2, self.number)
        self._put32(4, bms.memory.starts)
        uptime_s = bms.keeper.uptime_s
        self._put32(6, uptime_s)
        began_s = bms.door.began_s if bms.door else 0
        self._put32(8, began_s and began_s + uptime_s)
        sample = bms.sample
        image[12] = sample.cell_count
        image[13] = sample.temp_count
        image[14] = sample.board_temp_count
        image[15] = self.period_ms
        image[16] = _SLOW_MS
        image[17] = now_ms & 0xFFFF
        image[18] = self.missed
        self.missed = 0
        table = bms.table
        row = limits.TABLE[at]
        image[19] = row[limits.ACTION] | row[limits.RECOVERY] << 8
        self._put32(20, table.trip[at])
        self._put32(22, table.release[at])
        self._put32(24, table.trip_delay_ms[at])
        self._put32(26, table.release_delay_ms[at])
        points = bms.points
        if points:
            # Two halves.
            image[10] = points.limits_schema[1]
            image[11] = points.limits_schema[0]
            version = points.version
            for at in range(2 * _VERSION_WORDS):
                letter = version[at] if at < len(version) else 0
                word = _VERSION_AT + at // 2
                image[word] = letter << 8 | image[word] >> 8
        for place in range(_TRIPS * _TRIP):
            image[_TRIP_AT + place] = 0

    def _close(self):
        image = self._image
        image[_RINGS_AT] = self._told
        image[_RINGS_AT + 1] = self._slow_at
        image[_RINGS_AT + 2] = self._slow_filled
        image[_RINGS_AT + 3] = _SLOW_COUNT
        image[_RINGS_AT + 4] = self._all_at
        image[_RINGS_AT + 5] = self._all_filled
        image[_RINGS_AT + 6] = self._all_count
        self._put32(len(image) - 2, binascii.crc32(self._body))
        self.state = WAITS
        self.copies_owed = 1

    # The flash.

    def commit(self):
        """Write it in the place of the oldest event, and read it back; False if that failed."""
        if not self.copies_owed:
            return True
        known = self._known
        slot = 0
        for other in range(1, SLOTS):
            if known[other * _KNOWN] < known[slot * _KNOWN]:
                slot = other
        known[slot * _KNOWN] = 0
        try:
            self._storage.write(_name(slot), self._image)
        except OSError:
            self._look(slot)
            return False
        self._look(slot)
        if known[slot * _KNOWN] != self.number:
            return False
        self.copies_owed = 0
        return True

    def _look(self, slot):
        """What event lies there, if it is whole."""
        known = self._known
        at = slot * _KNOWN
        known[at] = 0
        try:
            data = self._storage.read(_name(slot))
        except (OSError, MemoryError):
            return
        if not data or len(data) < 2 * _HEAD or _word(data, 0) != _MAGIC:
            return
        size = len(data)
        total = binascii.crc32(memoryview(data)[: size - 4])
        if total & 0xFFFF != _word(data, size - 4) or total >> 16 != _word(data, size - 2):
            return
        known[at + 1] = size
        known[at + 2] = _word(data, 2 * _TRIP_AT)
        for place, word in ((0, 4), (3, 8), (4, 12)):
            known[at + place] = (_word(data, word + 2) & 0x3FFF) << 16 | _word(data, word)

    # For a link.

    def answer(self, asked):
        """bytes of a request to bytes of an answer; None if it is none, b"" if nothing is there.

        Nothing asked: what there is. Number (4) and place (2): a piece from that place on.
        """
        known = self._known
        if not asked:
            told = bytearray((self.state, self.missed >> 8, self.missed & 0xFF))
            for number in range(self.number, max(0, self.number - SLOTS - 1), -1):
                at = self._place_of(number)
                if at >= 0:
                    told += number.to_bytes(4, "big") + known[at + 1].to_bytes(2, "big")
                    told += known[at + 2].to_bytes(2, "big") + known[at + 3].to_bytes(4, "big")
                    told += known[at + 4].to_bytes(4, "big")
            return told
        if len(asked) != 6:
            return None
        at = self._place_of(int.from_bytes(asked[:4], "big"))
        place = asked[4] << 8 | asked[5]
        if at < 0 or place >= known[at + 1]:
            return b""
        try:
            piece = self._storage.read_part(_name(at // _KNOWN), place, _PIECE)
        except OSError:
            return b""
        return asked + piece

    def _place_of(self, number):
        for at in range(0, SLOTS * _KNOWN, _KNOWN):
            if number and self._known[at] == number:
                return at
        return -1

    def _put32(self, to, value):
        self._image[to] = value & 0xFFFF
        self._image[to + 1] = value >> 16 & 0xFFFF


def _name(slot):
    return "box." + str(slot)


def _word(data, at):
    return data[at] | data[at + 1] << 8
