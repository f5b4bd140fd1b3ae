"""A Modbus master on the desk's serial line, with a check code of its own."""

from desk import Desk

OWNER = 2


def with_sum(frame):
    total = 0xFFFF
    for byte in frame:
        total ^= byte
        for _ in range(8):
            total = total >> 1 ^ (0xA001 if total & 1 else 0)
    return bytes(frame) + bytes([total & 0xFF, total >> 8])


class Everybody:
    """An authority that lets everybody do everything, as far as a test wants."""

    def __init__(self, role=OWNER):
        self.granted = role

    def role(self, who):
        return self.granted


class Master(Desk):
    """A desk whose port speaks Modbus; unit 1."""

    PROTOCOL = "modbus"
    BAUD = 9600

    def __init__(self, **options):
        options["RS485_BAUD"] = options.get("RS485_BAUD", self.BAUD)
        super().__init__(RS485_PROTOCOL=self.PROTOCOL, **options)
        self.byte_us = 10 * 1000000 / options["RS485_BAUD"]
        self.heard = bytearray()
        self.heard_us = 0  # when the first byte of the latest answer began
        self.asked_us = 0  # when the last bit of the latest request had passed
        self.twin.rs485.on_transmit = self._hear
        self.points = self.bms.points
        self.door = self.bms.points.door
        self.engine = self.bms.executive._links[0]._engine

    def _hear(self, data):
        if not self.heard:
            self.heard_us = self.clock.now_us - len(data) * self.byte_us
        self.heard.extend(data)

    def send(self, frame, ms=60):
        """Bytes on the line and what comes back within `ms` of the last one."""
        self.heard[:] = b""
        self._begin(frame)
        self.run_ms(len(frame) + 1 + ms)
        return bytes(self.heard)

    def _begin(self, frame):
        self.asked_us = self.clock.now_us + int(len(frame) * self.byte_us)
        self.twin.rs485.receive(frame)

    def waits_us(self, frame, turns, ms):
        """The request at `turns` moments spread over a cycle and a half.

        (shortest, longest) time from its last bit to the first one of the answer, and longest
        time from the answer's last bit to when the bus is given back.
        """
        link = self.bms.executive._links[0]
        pin = link._driver_enable
        line = self.twin.rs485
        late_us = []

        class Watched:
            @staticmethod
            def value(level):
                if not level:
                    late_us.append(self.clock.now_us - line.last_bit_us())
                pin.value(level)

        link._driver_enable = Watched
        found = []
        for turn in range(turns):
            self.heard[:] = b""
            at_us = self.clock.now_us + 1000 + turn * 75000 // turns
            self.clock.call_at(at_us, lambda: self._begin(frame))
            self.run_ms(80 + ms + int(len(frame) * self.byte_us) // 1000)
            assert self.heard
            found.append(self.heard_us - self.asked_us)
        link._driver_enable = pin
        return min(found), max(found), max(late_us)

    def ask(self, *words):
        """A request of unit, function and 16-bit words; the answer, its sum checked."""
        frame = bytearray(words[:2])
        for word in words[2:]:
            frame.append(word >> 8)
            frame.append(word & 0xFF)
        ms = 350 if words[1] in (3, 4) and words[3] > 20 else 60
        answer = self.send(with_sum(frame), ms)
        if answer:
            assert answer == with_sum(answer[:-2]), answer
        return answer[:-2]

    def read(self, address, count=1, function=3):
        """Registers, or the code of the exception."""
        answer = self.ask(1, function, address, count)
        if answer[1] & 0x80:
            return answer[2]
        assert answer[0] == 1 and answer[1] == function and answer[2] == 2 * count
        assert len(answer) == 3 + 2 * count
        return [answer[at] << 8 | answer[at + 1] for at in range(3, len(answer), 2)]

    def read_wide(self, address, count=1):
        words = self.read(address, 2 * count)
        wide = [words[at] << 16 | words[at + 1] for at in range(0, 2 * count, 2)]
        return [value - (1 << 32) if value >> 31 else value for value in wide]

    def write_one(self, address, value, unit=1):
        """0, or the code of the exception; None without an answer."""
        answer = self.ask(unit, 6, address, value)
        return None if not answer else answer[2] if answer[1] & 0x80 else 0

    def write(self, address, words):
        """Function 16; as write_one."""
        frame = [1, 16, address >> 8, address & 0xFF, 0, len(words), 2 * len(words)]
        for word in words:
            frame += [word >> 8 & 0xFF, word & 0xFF]
        answer = self.send(with_sum(bytes(frame)), 80)
        if not answer:
            return None
        return answer[2] if answer[1] & 0x80 else 0

    def write_wide(self, address, value):
        return self.write(address, [value >> 16 & 0xFFFF, value & 0xFFFF])
