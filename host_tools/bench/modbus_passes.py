"""The firmware's pieces where a port speaks Modbus or the native protocol, with the points behind
it; see passes.py.

Runs inside the counting interpreter. Never upload to a board.
"""

from host_tools.bench import passes

notes = passes.notes
install = passes.install
CALLS = passes.CALLS


def _with_sum(frame):
    """A Modbus frame with its check code, as a byte array."""
    total = 0xFFFF
    for byte in frame:
        total ^= byte
        for _ in range(8):
            total = total >> 1 ^ (0xA001 if total & 1 else 0)
    return bytearray(frame) + bytes([total & 0xFF, total >> 8])


def _reading(address, count):
    return _with_sum(bytes([1, 3, address >> 8, address & 0xFF, 0, count]))


class Pieces(passes.Pieces):
    def __init__(self):
        super().__init__()
        self.modbus = self.bms.executive._links[0]._engine
        self.frames = self.bms.executive._links[1]._engine

    def give_tasks(self, board):
        pass

    def give_links(self, board):
        from vigil.link import modbus, serial_frames
        from vigil.link.sunspec import SunSpec

        modbus.offer(board, passes.Port(), sunspec=SunSpec)
        serial_frames.offer(board, passes.Port())

    def modbus_eight_bytes(self):
        """As they come for another station."""
        engine = self.modbus
        engine.receive(b"\x09\x03\x00\x00\x00\x00\x00\x00", 8)
        engine._begin_anew()

    def _ask(self, frame):
        self.modbus.reply_length = 0
        self.modbus.receive(frame, len(frame))
        while self.modbus.unfinished:
            self.modbus.go_on()
        if not self.modbus.reply_length or self.modbus.reply[1] & 0x80:
            raise ValueError("not answered, or refused")

    _one = _reading(18, 1)
    _many = _reading(0, 87)
    _cells = _reading(100, 32)
    _base = _reading(40070, 125)
    _limits = _reading(400, 125)

    def modbus_one(self):
        """From a request's last byte to the answer, one register."""
        self._ask(self._one)

    def modbus_many(self):
        self._ask(self._many)

    def modbus_cells(self):
        self._ask(self._cells)

    def modbus_limits(self):
        """Two arrays of 32 bits."""
        self._ask(self._limits)

    def modbus_sunspec(self):
        self._ask(self._base)

    _put = _with_sum(b"\x01\x10\x03\xe8\x00\x64\xc8" + b"\x00\x00\x0e\x10" * 50)

    def _write(self, count):
        """So many registers of a request that has come: checked and queued."""
        engine = self.modbus
        door = self.bms.door
        door._will_be_begun = True
        engine._request[: len(self._put)] = self._put
        if engine._write(1000, count, 7) or door.waiting != count // 2:
            raise ValueError("refused")
        door.waiting = 0

    def modbus_put_one(self):
        """A number of a set of limits."""
        self._write(2)

    def modbus_put(self):
        """All trips of a set: the most that one request can write."""
        self._write(100)

    def native_eight_bytes(self):
        """Of a frame that has begun."""
        frames = self.frames
        frames.pending = 1
        frames._wanted = 100
        frames.receive(b"\x10\x06\x07\x03\x00\x12\x01\x00", 8)
        frames.pending = 0

    def _tell(self, message):
        native = self.frames.native
        self.frames.reply_sent()
        native.handle(message, 0, len(message))
        while native.unfinished:
            self.frames.go_on()
        if native.reply[5]:
            raise ValueError("refused")

    def native_one(self):
        """From a whole frame to its answer, one register."""
        self._tell(b"\x10\x05\x07\x03\x00\x12\x01")

    def native_many(self):
        self._tell(b"\x10\x05\x07\x03\x00\x00\x57")

    def native_list(self):
        """Thirty-six points."""
        self._tell(b"\x10\x04\x07\x02\x00\x00")

    _lot = b"\x11" + bytes(6) + b"\x07\x04" + b"\x06\x49\x01\x00\x03" * 8

    def native_write(self):
        """Eight writes checked and queued."""
        native = self.frames.native
        native._message[:] = self._lot + bytes(240 - len(self._lot))
        native._session = native._direction = 1
        native._authority = self.bms.door.authority
        native._begin = 9
        native._end = len(self._lot)
        native._begin_answer()
        self.bms.door.waiting = 0
        while native._write():
            pass
        if not self.bms.door.waiting:
            raise ValueError("refused")
        self.bms.door.waiting = 0
        native._session = 0

    def door_idle(self):
        self.bms.door.step(self.now_ms)

    def door(self):
        """One row of a set of limits checked."""
        from vigil import limits, validate

        self.door_idle()
        validate._check_row(self.bms.table, 0, limits.TABLE[0], passes.CELLS, [])

    def door_nothing(self):
        pass

    def door_begins(self):
        self.bms.door.stage.begin()

    def door_looks_through(self):
        from vigil import validate

        validate._missing_rows(self.bms.table)

    def door_asks_front_end(self):
        self.bms.backstop_problems()
