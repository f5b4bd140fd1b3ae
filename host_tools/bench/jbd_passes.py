"""The firmware's pieces where a port speaks the whole of JBD, with the points; see passes.py.

Runs inside the counting interpreter. Never upload to a board.
"""

from host_tools.bench import passes

notes = passes.notes
install = passes.install
CALLS = passes.CALLS


def _frame(command, register, data=b""):
    body = bytes([register, len(data)]) + data
    total = (0x10000 - sum(body)) & 0xFFFF
    return bytearray([0xDD, command]) + body + bytes([total >> 8, total & 0xFF, 0x77])


class Pieces(passes.Pieces):
    def __init__(self):
        super().__init__()
        self.door = self.bms.door
        self.jbd = self.bms.executive._links[0]._engine
        self._ask(_frame(0x5A, 0x00, b"\x56\x78"))

    def give_tasks(self, board):
        pass

    def give_links(self, board):
        from vigil.link.jbd_writing import offer

        offer(board, passes.Port(), shunt_uohm=500)

    def _ask(self, frame):
        self.jbd.reply_length = 0
        self.jbd.receive(frame, len(frame))
        if not self.jbd.reply_length:
            raise ValueError("not answered")

    _basic = _frame(0xA5, 0x03)
    _delays = _frame(0xA5, 0x3F)
    _currents = _frame(0xA5, 0x38)
    _errors = _frame(0xA5, 0xAA)
    _cell = _frame(0x5A, 0x24, b"\x0e\x10")

    def jbd_basic(self):
        self._ask(self._basic)

    def jbd_delays(self):
        """The parameter that is looked for the longest."""
        self._ask(self._delays)

    def jbd_currents(self):
        self._ask(self._currents)

    def jbd_errors(self):
        self._ask(self._errors)

    def jbd_write(self):
        """A set begun, and a cell limit with what follows it."""
        self._ask(self._cell)
        door = self.door
        door.waiting = 0
        door._will_be_begun = False
        self.jbd._parameters._editing = False
