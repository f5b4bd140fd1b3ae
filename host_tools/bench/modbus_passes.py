"""The firmware's pieces where a port speaks Modbus, with the points behind it; see passes.py.

Runs inside the counting interpreter. Never upload to a board.
"""

from host_tools.bench import passes

notes = passes.notes
install = passes.install
CALLS = passes.CALLS


class Everybody:
    """The authority while the costs of writing are counted."""

    def role(self, who):
        return 2


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

    def give_links(self, board):
        from vigil.link.modbus import offer
        from vigil.link.sunspec import SunSpec

        offer(board, passes.Port(), sunspec=SunSpec)
        # The counting interpreter has no cryptolib; what keys take is counted by key_costs.py.
        board.authority = Everybody()

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
        if not self.modbus.reply_length:
            raise ValueError("not answered")

    _one = _reading(18, 1)
    _many = _reading(0, 87)
    _cells = _reading(100, 32)
    _base = _reading(40070, 125)

    def modbus_one(self):
        """From a request's last byte to the answer, one register."""
        self._ask(self._one)

    def modbus_many(self):
        self._ask(self._many)

    def modbus_cells(self):
        self._ask(self._cells)

    def modbus_sunspec(self):
        self._ask(self._base)

    _put = _with_sum(bytes([1, 16, 4, 76, 0, 60, 120]) + bytes([0, 0, 14, 16]) * 30)

    def modbus_put(self):
        """Thirty numbers of a set of limits; checked and queued."""
        door = self.bms.door
        door._will_be_begun = True
        door.waiting = 0
        self._ask(self._put)
        door.waiting = 0

    def door_idle(self):
        self.bms.door.step(self.now_ms)

    def door(self):
        """One row of a set of limits checked."""
        from vigil import limits, validate

        self.door_idle()
        validate._check_row(self.bms.table, 0, limits.TABLE[0], passes.CELLS, [])
