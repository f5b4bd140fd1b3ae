"""A JBD host on the desk's serial line, with a checksum of its own."""

from desk import Desk
from modbus_desk import Everybody

from vigil import door

READ, WRITE = 0xA5, 0x5A
OK, NO_REGISTER, NOT_ALLOWED = 0x00, 0x80, 0x81
ENTER, DISCARD, SAVE = b"\x56\x78", b"\x00\x00", b"\x28\x28"


def frame(command, register, data=b""):
    body = bytes([register, len(data)]) + bytes(data)
    total = (0x10000 - sum(body)) & 0xFFFF
    return bytes([0xDD, command]) + body + bytes([total >> 8, total & 0xFF, 0x77])


def checked(answer):
    """(register, status, data) of an answer whose frame is good."""
    assert answer[0] == 0xDD and answer[-1] == 0x77 and len(answer) == answer[3] + 7, answer
    assert (sum(answer[2:-3]) + (answer[-3] << 8) + answer[-2]) & 0xFFFF == 0, answer
    return answer[1], answer[2], bytes(answer[4:-3])


class Host(Desk):
    """A desk whose port speaks JBD; `owner`: it is asked inside the owner's write window;
    line=False: bytes go to the engine at once, no time passes."""

    def __init__(self, owner=False, line=True, **options):
        super().__init__(code_time=line, **options)
        self.line = line
        self.byte_us = 10 * 1000000 / options.get("RS485_BAUD", 9600)
        self.heard = bytearray()
        self.heard_us = 0  # when the first byte of the latest answer began
        self.asked_us = 0  # when the last bit of the latest request had passed
        self.twin.rs485.on_transmit = self._hear
        self.points = self.bms.points
        self.door = self.points.door
        self.door.authority = Everybody(door.OWNER if owner else door.VIEWER)
        self.engine = self.bms.executive._links[0]._engine

    def _hear(self, data):
        if not self.heard:
            self.heard_us = self.clock.now_us - len(data) * self.byte_us
        self.heard.extend(data)

    def send(self, data, ms=60):
        """Bytes on the line and what comes back within `ms` of the last one."""
        self.heard[:] = b""
        self.asked_us = self.clock.now_us + len(data) * self.byte_us
        self.twin.rs485.receive(data)
        self.run_ms(len(data) + 1 + ms)
        return bytes(self.heard)

    def ask(self, command, register, data=b"", ms=110):
        sent = frame(command, register, data)
        answer = self.send(sent, ms) if self.line else self.at_once(sent)
        register_told, status, told = checked(answer)
        assert register_told == register
        return status, told

    def read(self, register):
        """16 bits, or other data as they are; a refusal fails."""
        status, data = self.ask(READ, register)
        assert status == OK, (register, status)
        return data[0] << 8 | data[1] if len(data) == 2 else data

    def write(self, register, value):
        """The status."""
        data = value if isinstance(value, bytes) else bytes([value >> 8 & 0xFF, value & 0xFF])
        status, told = self.ask(WRITE, register, data)
        assert told == b""
        return status

    def enter(self):
        assert self.write(0x00, ENTER) == OK

    def leave(self, how=DISCARD):
        return self.ask(WRITE, 0x01, how, 600)[0]

    def at_once(self, data):
        """The answer to these bytes as they are handed on by a port; b"" for none."""
        engine = self.engine
        for at in range(0, len(data), 64):
            piece = data[at : at + 64]
            engine.receive(piece, len(piece))
        answer = bytes(engine.reply[: engine.reply_length])
        engine.reply_sent()
        return answer
