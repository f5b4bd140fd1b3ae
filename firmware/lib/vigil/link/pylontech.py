"""Pylontech's low-voltage RS485 protocol: what a module tells an inverter, out of the points.

A pure byte engine like vigil.link.modbus. Nothing can be written. What is not known is told so
that an inverter stops: 0 V, 0 K, no current allowed. See docs/pylontech.md.
"""

from micropython import const

from vigil import door, limits
from vigil.link.rs485 import Rs485
from vigil.points import Points
from vigil.sample import BOARD, TEMPS, UNKNOWN

_BEGIN = const(0x7E)
_END = const(0x0D)
_VERSION = const(0x20)
_BATTERY = const(0x46)
_FRAMING = const(18)  # characters of a frame besides INFO
_INFO = const(13)  # where that begins
# The longest request, which sets values, and some room: whatever is longer is an answer.
_MOST_REQUEST = const(40)
_MOST_ANSWER = const(256)  # 32 cells, 16 sensors
_MOST_CELLS = const(32)
_MOST_MV = const(0xFFFF)
_SMALL_MAH = const(65000)
_PART = const(16)  # values of an answer that are filled in at once

_ANALOG = const(0x42)
_ALARMS = const(0x44)
_LIMITS = const(0x47)
_PROTOCOL = const(0x4F)
_MAKER = const(0x51)
_PERMITTED = const(0x92)
_SERIAL = const(0x93)
_SET_PERMITTED = const(0x94)
_SWITCH_OFF = const(0x95)
_SOFTWARE = const(0x96)
_ALL = const(0xFF)

# Return codes. No command has such a number, and an answer that is heard back is not answered.
_OK = const(0)
_BAD_SUM = const(2)
_BAD_LENGTH_SUM = const(3)
_NO_SUCH_COMMAND = const(4)
_BAD_FORMAT = const(5)
_BAD_DATA = const(6)
_LAST_CODE = const(6)
_CODES = const(0x90)  # and the next one

# Element states.
_BELOW = const(1)
_ABOVE = const(2)
_OTHERWISE = const(0xF0)
_CHARGE_ENABLED = const(0x80)
_DISCHARGE_ENABLED = const(0x40)
_CHARGE_AT_ONCE = const(0x20)
_CHARGE_SOON = const(0x10)

# How a value is put: one byte, or 16 bits as mV, 0.1 K, 0.1 A to the nearest, 0.1 A towards zero,
# the same negative, any number, mAh if they fit; 24 bits of mAh if they did not.
_BYTE = const(0)
_MV = const(1)
_KELVIN = const(2)
_CURRENT = const(3)
_ALLOWED = const(4)
_NEGATIVE = const(5)
_NUMBER = const(6)
_MAH = const(7)
_LARGE_MAH = const(8)
_ZERO_CELSIUS = const(2731)
# An answer is a row of fields: number of a point, or FF00h and what only this view knows; first
# element; how, and in the upper two bits how many: one, cells, sensors, characters.
_FIELD = const(4)
_OWN = const(0xFF00)
_CELL_MV = const(0xFF11)  # the most of all, so without a call
_LAYOUTS = {
    _ANALOG: b"\x00\xff\x00\x00\x01\xff\x00\x00\x02\xff\x00\x00\x11\xff\x00\x41"
    b"\x03\xff\x00\x00\x04\xff\x00\x82\x14\x00\x00\x03\x12\x00\x00\x01\x1a\x00\x00\x07"
    b"\x05\xff\x00\x00\x1c\x00\x00\x07\x1e\x00\x00\x06\x1a\x00\x00\x08\x1c\x00\x00\x08",
    _ALARMS: b"\x00\xff\x00\x00\x01\xff\x00\x00\x02\xff\x00\x00\x06\xff\x00\x40"
    b"\x03\xff\x00\x00\x07\xff\x00\x80\x08\xff\x00\x00\x08\xff\x01\x00\x08\xff\x02\x00"
    b"\x09\xff\x00\x00\x0a\xff\x00\x00\x0b\xff\x00\x00\x0c\xff\x00\x00\x0c\xff\x08\x00",
    # Trips of cells, temperatures, stack; releases of currents; where a load should have ended.
    _LIMITS: b"\x00\xff\x00\x00\x90\x01\x01\x01\x90\x01\x02\x01\x90\x01\x03\x01"
    b"\x90\x01\x08\x02\x90\x01\x09\x02\x10\x02\x06\x04\x90\x01\x04\x01\x54\x00\x00\x01"
    b"\x90\x01\x05\x01\x90\x01\x0a\x02\x90\x01\x0b\x02\x10\x02\x07\x04",
    _PROTOCOL: b"",
    _MAKER: b"\x0d\xff\x00\xc0",
    _PERMITTED: b"\x01\xff\x00\x00\x52\x00\x00\x01\x54\x00\x00\x01"
    b"\x0e\xff\x00\x04\x0f\xff\x00\x05\x10\xff\x00\x00",
    _SERIAL: b"\x01\xff\x00\x00\x0d\xff\x00\xc0",
    _SOFTWARE: b"\x01\xff\x00\x00\x0d\xff\x00\xc0",
}
# Of status 1, by row of limits: 7 pack low, 6 too hot to charge, 5 too hot, 4 discharge current,
# 2 charge current, 1 cell low, 0 pack or cell high.
_ALARM_BITS = (
    b"\x00\x01\x00\x02\x01\x80\x04\x10\x40\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    b"\x00\x00\x01\x02\x04\x10\x00\x00\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x20\x04"
    b"\x00\x00\x00\x00\x00\x10"
)
_DIGITS = b"0123456789ABCDEF"
_SWITCHES_ALLOWED = const(1609)  # the point that a refused command is about
_COUNTER_MASK = const(0xFFFFFFF)  # counters start anew before they would need the heap


class Pylontech:
    """One module at `address`. Bytes in by receive() and silence(); see vigil.link.jbd.Jbd."""

    def __init__(self, points, address=2, maker=b"Vigil"):
        if not 2 <= address <= 0xFF or address & 0xF < 2:
            raise ValueError("a Pylontech address is 2 to 15, in group m 16 x m more")
        bms = points.bms
        if bms.sample.cell_count > _MOST_CELLS or bms.allowed.charge_end_mv > _MOST_MV:
            raise ValueError("Pylontech shows at most 32 cells and 65 V")
        self._points = points
        self._bms = bms
        self._address = address
        name = bms.board.device_name
        first, second, third = _three(points.version)
        self._texts = {
            _MAKER: _padded(name, 10) + bytes([first, second]) + _padded(maker, 20),
            _SERIAL: _padded(name, 13) + b"-%02X" % address,
            _SOFTWARE: bytes([first, second, first, second, third]),
        }
        self._text = b""
        # In the order of the fields' numbers.
        self._own = (
            self._nothing,
            self._which,
            self._cell_count,
            self._sensor_count,
            self._sensor_dc,
            self._items,
            self._cell_state,
            self._sensor_state,
            self._flow_state,
            self._told_alarms,
            self._switches,
            self._flows,
            self._doubted,
            self._letter,
            self._charge_ma,
            self._discharge_ma,
            self._permission,
        )
        self.keeps_gap = True  # transceivers of others turn round slowly
        self._request = bytearray(_MOST_REQUEST)
        self.pending = 0
        self.reply = bytearray(_MOST_ANSWER)
        self.reply_length = 0
        self.unfinished = 0  # 2 while an answer is not whole
        self._to = 0  # where the next character goes
        self._layout = b""
        self._field = 0
        self._index = 0
        self._told_address = 0
        self._told_number = 0
        self._blind = False  # what has been measured is too old to be told
        self._alarms = 0  # as of the answer that is being filled in
        self.frames = 0  # requests to this module that are answered
        self.refused = 0  # of these, with a code other than 0
        self.superseded = 0  # of these, overtaken by a newer request before they were answered
        self.checksum_errors = 0
        self.garbage_bytes = 0

    def receive(self, data, count):
        """Take the first `count` bytes of data."""
        request = self._request
        pending = self.pending
        for at in range(count):
            byte = data[at]
            if byte == _BEGIN:
                if pending:
                    self._pass_over(pending)
                pending = 0
            elif not pending:
                self._pass_over(1)
                continue
            request[pending] = byte
            pending += 1
            if byte == _END:
                self._take(pending)
                pending = 0
            elif pending == _MOST_REQUEST:
                self._pass_over(pending)
                pending = 0
        self.pending = pending

    def silence(self):
        """The line fell silent: what has begun stays half."""
        self._pass_over(self.pending)
        self.pending = 0

    def reply_sent(self):
        self.reply_length = 0

    def go_on(self):
        """While `unfinished`: fill in a part of the answer, so that none takes long."""
        self._fill()

    # Requests.

    def _pass_over(self, count):
        self.garbage_bytes = (self.garbage_bytes + count) & _COUNTER_MASK

    def _hex(self, at, digits):
        """The number there; -1 if it is none."""
        request = self._request
        value = 0
        for place in range(at, at + digits):
            digit = request[place]
            if 0x30 <= digit <= 0x39:
                digit -= 0x30
            elif 0x41 <= digit <= 0x46:
                digit -= 0x37
            else:
                return -1
            value = value << 4 | digit
        return value

    def _take(self, length):
        """From ~ to the end of a line."""
        if length < _FRAMING:
            self._pass_over(length)
            return
        address = self._hex(3, 2)
        command = self._hex(7, 2)
        ours = address == self._address
        if address == 0 and self._address & 0xF == 2:
            # Whoever is the only one, or the first, is asked who he is.
            ours = command == _PROTOCOL or command == _MAKER
        if not ours or self._hex(5, 2) != _BATTERY:
            return
        if command <= _LAST_CODE or command | 1 == _CODES | 1:
            self._pass_over(length)
            return
        code = self._judge(length, command)
        self.frames = (self.frames + 1) & _COUNTER_MASK
        if self.reply_length or self.unfinished:
            # Who asks again has given up on his earlier request.
            self.superseded = (self.superseded + 1) & _COUNTER_MASK
        self.reply_length = 0
        self._told_address = address
        self._to = _INFO
        self._field = self._index = 0
        self._layout = b""
        if code == _OK:
            self.unfinished = 2
            self._layout = _LAYOUTS[command]
            self._text = self._texts.get(command, b"")
            self._blind = command <= _ALARMS and self._is_stale()
            self._fill()
        else:
            self.refused = (self.refused + 1) & _COUNTER_MASK
            self._complete(code)

    def _judge(self, length, command):
        """Return code for a request to this module; finds whose values it asks for."""
        request = self._request
        total = self._hex(length - 5, 4)
        for at in range(1, length - 5):
            total += request[at]
        if total & 0xFFFF:
            self.checksum_errors = (self.checksum_errors + 1) & _COUNTER_MASK
            return _BAD_SUM
        told = self._hex(9, 4)
        if told < 0 or (told >> 12) + (told >> 8 & 0xF) + (told >> 4 & 0xF) + told & 0xF:
            return _BAD_LENGTH_SUM
        count = length - _FRAMING
        if told & 0xFFF != count:
            return _BAD_FORMAT
        if command not in _LAYOUTS:
            if command == _SET_PERMITTED or command == _SWITCH_OFF:
                # Nobody has a key here.
                self._points.door.refuse(_SWITCHES_ALLOWED, door.NOT_ALLOWED)
            return _NO_SUCH_COMMAND
        number = self._address
        if count:
            number = self._hex(_INFO, 2)
            if count != 2 or number < 0:
                return _BAD_FORMAT
            if number != self._address and number != _ALL and number != self._hex(3, 2):
                return _BAD_DATA
        self._told_number = self._address
        if number == _ALL and command <= _ALARMS:
            self._told_number = 1
        return _OK

    # Answers.

    def _fill(self):
        """The next part of an answer, or the rest of it."""
        points = self._points
        layout = self._layout
        reply = self.reply
        digits = _DIGITS
        blind = self._blind
        values = self._bms.sample.values
        cells_at = self._bms.sample.cells_at
        field = self._field
        index = self._index
        to = self._to
        left = _PART
        while field < len(layout):
            source = layout[field] | layout[field + 1] << 8
            index += layout[field + 2]
            how = layout[field + 3] & 0x3F
            stop = index + 1
            if how != layout[field + 3]:
                stop = self._how_many(layout[field + 3] >> 6)
            at = points.find(source) if source < _OWN else 0
            own = self._own[source & 0xFF] if _OWN <= source < _CELL_MV else None
            while index < stop and left:
                left -= 1
                if source == _CELL_MV:
                    value = values[cells_at + index]
                else:
                    value = own(index) if own else points.value(at, index)
                index += 1
                if how == _BYTE:
                    reply[to] = digits[value >> 4]
                    reply[to + 1] = digits[value & 0xF]
                    to += 2
                    continue
                if blind and how <= _CURRENT:
                    value = UNKNOWN
                if value == UNKNOWN or how == _MV and value > _MOST_MV:
                    value = 0
                elif how > _MV:
                    value = self._converted(how, value)
                if how == _LARGE_MAH:
                    if self._items(0) == 2:
                        continue
                    reply[to] = digits[value >> 20 & 0xF]
                    reply[to + 1] = digits[value >> 16 & 0xF]
                    to += 2
                reply[to] = digits[value >> 12 & 0xF]
                reply[to + 1] = digits[value >> 8 & 0xF]
                reply[to + 2] = digits[value >> 4 & 0xF]
                reply[to + 3] = digits[value & 0xF]
                to += 4
            if index < stop:
                self._index = index - layout[field + 2]
                break
            index = self._index = 0
            field += _FIELD
        self._field = field
        self._to = to
        if field >= len(layout):
            self._complete(_OK)

    def _how_many(self, which):
        if which == 1:
            return self._bms.sample.cell_count
        return len(self._text) if which == 3 else self._bms.sample.temp_count + 1

    def _converted(self, how, value):
        """A known value in the units of its field, within what that can hold."""
        if how == _KELVIN:
            value += _ZERO_CELSIUS
        elif how == _LARGE_MAH:
            return value
        elif how == _MAH:
            return 0xFFFF if self._items(0) == 4 else value
        elif how == _NUMBER:
            return min(value, 0xFFFF)
        else:
            if how == _CURRENT:
                value = (value + 50) // 100
            else:
                tenths = abs(value) // 100
                value = tenths if value >= 0 and how == _ALLOWED else 0 - tenths
            value = min(value, 0x7FFF)
        return max(-0x8000, value)

    def _put(self, value, digits):
        reply = self.reply
        to = self._to
        self._to = to + digits
        for at in range(to + digits - 1, to - 1, -1):
            reply[at] = _DIGITS[value & 0xF]
            value >>= 4

    def _complete(self, code):
        """Head and sums around what is in place."""
        reply = self.reply
        end = self._to
        count = end - _INFO
        reply[0] = _BEGIN
        self._to = 1
        self._put(_VERSION, 2)
        self._put(self._told_address, 2)
        self._put(_BATTERY, 2)
        self._put(code, 2)
        total = count + (count >> 4) + (count >> 8) & 0xF
        self._put((0x10 - total & 0xF) << 12 | count, 4)
        total = 0
        for at in range(1, end):
            total += reply[at]
        self._to = end
        self._put(0x10000 - total & 0xFFFF, 4)
        reply[end + 4] = _END
        self.reply_length = end + 5
        self.unfinished = 0

    # What only this view knows.

    def _nothing(self, index):
        return 0

    def _which(self, index):
        """Its own number; or, where the whole group is asked, how many modules follow."""
        return self._told_number

    def _cell_count(self, index):
        return self._bms.sample.cell_count

    def _is_stale(self):
        if self._bms.protection.actions & limits.OPEN_BOTH:
            for row in range(limits.CELLS_STALE, limits.FRONT_END_SILENT + 1):
                if self._tripped(row):
                    return True
        return False

    def _seen(self, at):
        return UNKNOWN if self._blind else self._bms.sample.values[at]

    def _sensor_count(self, index):
        return self._bms.sample.temp_count + 1

    def _sensor_dc(self, index):
        """First that of the board, where it has none the hottest of the cells."""
        sample = self._bms.sample
        if self._blind:
            return UNKNOWN
        if index:
            return sample.values[sample.temps_at + index - 1]
        return sample.highest(BOARD if sample.board_temp_count else TEMPS)

    def _items(self, index):
        return 4 if self._bms.counter.capacity_mah > _SMALL_MAH else 2

    def _letter(self, index):
        return self._text[index]

    def _tripped(self, row):
        return self._bms.protection.is_tripped(self._points.row_at[row - 1])

    def _trip(self, row):
        return self._bms.table.trip[self._points.row_at[row - 1]]

    def _state(self, value, low_row, high_row):
        if value == UNKNOWN:
            return _OTHERWISE
        if value < self._trip(low_row):
            return _BELOW
        return _ABOVE if value > self._trip(high_row) else 0

    def _cell_state(self, index):
        return self._state(
            self._seen(self._bms.sample.cells_at + index),
            limits.CELL_UNDER_VOLTAGE_WARNING,
            limits.CELL_OVER_VOLTAGE_WARNING,
        )

    def _sensor_state(self, index):
        value = self._sensor_dc(index)
        if index or value == UNKNOWN or not self._bms.sample.board_temp_count:
            return self._state(
                value, limits.CHARGE_UNDER_TEMPERATURE, limits.CHARGE_OVER_TEMPERATURE
            )
        return _ABOVE if value > self._trip(limits.BOARD_TEMPERATURE_WARNING) else 0

    def _flow_state(self, index):
        """Of charge current, pack voltage, discharge current."""
        sample = self._bms.sample
        if index == 0:
            self._alarms = self._alarm_bits()
        alarms = self._alarms
        value = self._seen(sample.stack_at if index == 1 else sample.current_at)
        if value == UNKNOWN:
            return _OTHERWISE
        if not alarms and self._bms.protection.actions & limits.OPEN_BOTH:
            # Open for a reason that this protocol has no word for.
            return _OTHERWISE
        if index == 1:
            return _BELOW if alarms & 0x80 else _ABOVE if alarms & 1 else 0
        return _ABOVE if alarms & (4 if index == 0 else 0x10) else 0

    def _told_alarms(self, index):
        return self._alarms

    def _alarm_bits(self):
        protection = self._bms.protection
        bits = 0
        if protection.actions:
            for row in range(limits.LAST_ROW):
                if _ALARM_BITS[row] and protection.is_tripped(self._points.row_at[row]):
                    bits |= _ALARM_BITS[row]
        return bits

    def _switches(self, index):
        switches = self._bms.switches
        return (12 if switches.discharge_on else 0) | (2 if switches.charge_on else 0)

    def _flows(self, index):
        """Current in or out, heater, full."""
        bms = self._bms
        current_ma = self._seen(bms.sample.current_at)
        bits = 0
        if current_ma != UNKNOWN:
            bits = 0x80 if current_ma > 100 else 0x40 if current_ma < -100 else 0
        if bms.climate.heater.on:
            bits |= 0x20
        if bms.charge.known and bms.charge.soc_permille >= 1000:
            bits |= 8
        return bits

    def _doubted(self, index):
        """A bit for each of eight cells whose voltage is not known."""
        sample = self._bms.sample
        bits = 0
        for cell in range(index, min(index + 8, sample.cell_count)):
            if self._seen(sample.cells_at + cell) == UNKNOWN:
                bits |= 1 << (cell - index)
        return bits

    def _charge_ma(self, index):
        return self._bms.allowed.charge_ma

    def _discharge_ma(self, index):
        return self._bms.allowed.discharge_ma

    def _permission(self, index):
        bits = 0
        if self._charge_ma(0) >= 100:
            bits = _CHARGE_ENABLED
            if self._tripped(limits.CELL_UNDER_VOLTAGE):
                bits |= _CHARGE_AT_ONCE
            elif self._tripped(limits.CELL_UNDER_VOLTAGE_WARNING):
                bits |= _CHARGE_SOON
        if self._discharge_ma(0) >= 100:
            bits |= _DISCHARGE_ENABLED
        return bits


def offer(board, uart, driver_enable=None, baudrate=115200, address=2, maker=b"Vigil"):
    """Give a board Pylontech on this port, and the points that it shows."""

    def pylontech_on_rs485(status):
        engine = Pylontech(status.points, address, maker)
        return Rs485(uart, engine, driver_enable, baudrate)

    board.points = Points
    board.links = [pylontech_on_rs485]


def _padded(text, length):
    """Plain characters of a field, spaces behind them."""
    text = bytearray(text.encode() if isinstance(text, str) else text)[:length]
    for at in range(len(text)):
        if not 0x20 <= text[at] < 0x7E:
            text[at] = 0x3F  # a question mark
    return bytes(text) + b" " * (length - len(text))


def _three(version):
    """The first three numbers of a version; 0 for those that it has not."""
    numbers = [0, 0, 0]
    at = 0
    for letter in version:
        if 0x30 <= letter <= 0x39:
            numbers[at] = min(numbers[at] * 10 + letter - 0x30, 255)
        elif at == 2:
            break
        else:
            at += 1
    return numbers
