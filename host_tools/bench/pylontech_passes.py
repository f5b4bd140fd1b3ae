"""The firmware's pieces where a port speaks Pylontech; see passes.py.

Runs inside the counting interpreter. Never upload to a board.
"""

from host_tools.bench import passes

notes = passes.notes
install = passes.install
CALLS = passes.CALLS


def _asking(command, info=b""):
    """A Pylontech frame with its sums, as a byte array."""
    text = b"200246%02X%s%s" % (command, b"E002" if info else b"0000", info)
    return bytearray(b"~" + text + b"%04X\r" % (0 - sum(text) & 0xFFFF))


class Pieces(passes.Pieces):
    def __init__(self):
        super().__init__()
        self.pylontech = self.bms.executive._links[0]._engine

    def give_tasks(self, board):
        pass

    def give_links(self, board):
        from vigil.link.pylontech import offer

        offer(board, passes.Port())

    def pylontech_eight_bytes(self):
        """As they come in the middle of a frame."""
        engine = self.pylontech
        engine.receive(b"~2002464", 8)
        engine.pending = 0

    def _ask(self, frame):
        self.pylontech.reply_length = 0
        self.pylontech.receive(frame, len(frame))
        while self.pylontech.unfinished:
            self.pylontech.go_on()
        if not self.pylontech.reply_length:
            raise ValueError("not answered")

    _version = _asking(0x4F)
    _analog = _asking(0x42, b"02")
    _permitted = _asking(0x92, b"02")

    def pylontech_empty(self):
        """From a request's last byte to an answer without values."""
        self._ask(self._version)

    def pylontech_analog(self):
        """16 cells, four sensors, and what belongs to the pack."""
        self._ask(self._analog)

    def pylontech_permitted(self):
        self._ask(self._permitted)
