"""A client of the native protocol on the desk, written from its page: frames, proofs, seals."""

import hashlib

from cryptolib import aes
from desk import Desk
from modbus_desk import with_sum

from host_tools.sim import native_port

OPERATOR, OWNER = 1, 2
KEYS = {OPERATOR: bytes(range(32)), OWNER: bytes(range(100, 132))}
IDENTIFY, LIST, READ, WRITE, SUBSCRIBE, JOURNAL, TIME = 1, 2, 3, 4, 6, 7, 8
CHALLENGE, ANSWER, END, SET_KEY, COMMISSION, WINDOW = 0x10, 0x11, 0x12, 0x13, 0x14, 0x15


def hmac(key, data):
    key = key + bytes(64 - len(key))
    inner = hashlib.sha256(bytes([byte ^ 0x36 for byte in key]) + data).digest()
    return hashlib.sha256(bytes([byte ^ 0x5C for byte in key]) + inner).digest()


def counter_mode(key, direction, counter, text):
    cipher = aes(key, 1)
    out = bytearray()
    for block in range((len(text) + 15) // 16):
        stream = cipher.encrypt(bytes([direction]) + counter + bytes(10) + bytes([block]))
        out += bytes([a ^ b for a, b in zip(text[16 * block : 16 * block + 16], stream)])
    return bytes(out)


def plain(op, payload=b"", tag=7):
    return bytes([0x10, 2 + len(payload), tag, op]) + payload


def ranges(*pairs):
    return b"".join([bytes([number >> 8, number & 0xFF, count]) for number, count in pairs])


def writes(*entries):
    """(number, value, words) each."""
    made = b""
    for number, value, words in entries:
        made += bytes([number >> 8, number & 0xFF, words])
        made += (value & ((1 << 16 * words) - 1)).to_bytes(2 * words, "big")
    return made


def registers(payload):
    return [payload[at] << 8 | payload[at + 1] for at in range(0, len(payload), 2)]


class Session:
    """The client's half of an open session."""

    def __init__(self, key, transcript, number):
        self.number = number
        self.cipher_key = hmac(key, b"E" + transcript)[:16]
        self.mac_key = hmac(key, b"M" + transcript)
        self.count = 0

    def seal(self, op, payload=b"", tag=7, count=None):
        if count is None:
            self.count += 1
            count = self.count
        counter = count.to_bytes(4, "big")
        text = counter_mode(self.cipher_key, 0, counter, bytes([tag, op]) + payload)
        message = bytes([0x11, 5 + len(text) + 8, self.number]) + counter + text
        return message + hmac(self.mac_key, b"\x00" + message)[:8]

    def open(self, message, direction=1):
        """(counter, clear text) of an answer whose seal is good."""
        assert message[0] == 0x11 and message[1] == len(message) - 2
        assert message[2] == self.number
        body = message[:-8]
        assert hmac(self.mac_key, bytes([direction]) + body)[:8] == message[-8:]
        counter = message[3:7]
        return int.from_bytes(counter, "big"), counter_mode(
            self.cipher_key, direction, counter, body[7:]
        )


class NativeDesk(Desk):
    """A desk whose board speaks the native protocol: `carrier` "serial" or "modbus"."""

    def __init__(self, carrier="serial", keys=True, **options):
        self.carrier = carrier
        if carrier == "modbus":
            options["RS485_PROTOCOL"] = "modbus"
        super().__init__(native=carrier == "serial", **options)
        import machine

        line = machine.uart_line(native_port.UART_ID)
        self.line = self.twin.rs485 if carrier == "modbus" else line
        self.line.on_transmit = self._hear
        self.heard = bytearray()
        self.heard_us = 0
        self.asked_us = 0
        self.byte_us = 10 * 1000000 / self.line.baudrate
        self.link = self.bms.executive._links[0 if carrier == "modbus" else 1]
        self.engine = self.link._engine
        self.native = self.engine.native
        self.points = self.bms.points
        self.door = self.bms.door
        self.authority = self.bms.authority
        if keys:
            self.authority.open_commissioning(machine_ms())
            for role in (OPERATOR, OWNER):
                assert self.authority.commission(role, KEYS[role], machine_ms()) == 0

    def _hear(self, data):
        if not self.heard:
            self.heard_us = self.clock.now_us - len(data) * self.byte_us
        self.heard.extend(data)

    def framed(self, message):
        if self.carrier == "modbus":
            return with_sum(b"\x01\x64" + message)
        return b"\xa6" + with_sum(message)

    def unframed(self, frame):
        if self.carrier == "modbus":
            assert frame[:2] == b"\x01\x64" and with_sum(frame[:-2]) == frame
            return frame[2:-2]
        assert frame[:1] == b"\xa6" and with_sum(frame[1:-2]) == frame[1:]
        return frame[1:-2]

    def send(self, data, ms=60):
        """Raw bytes over the wire; whatever comes back."""
        self.heard[:] = b""
        self.asked_us = self.clock.now_us + len(data) * self.byte_us
        self.line.receive(data)
        self.run_ms(int(len(data) * self.byte_us) // 1000 + 1 + ms)
        return bytes(self.heard)

    def at_once(self, message):
        """The answer of the engine itself, while no time passes; None if there is none."""
        frame = self.framed(message)
        engine = self.engine
        for at in range(0, len(frame), 64):
            engine.receive(frame[at : at + 64], len(frame[at : at + 64]))
        while engine.unfinished:
            engine.go_on()
        if not engine.reply_length:
            return None
        answer = self.unframed(bytes(engine.reply[: engine.reply_length]))
        engine.reply_sent()
        return answer

    def ask(self, op, payload=b"", session=None):
        """(status, payload) of the answer."""
        if session is None:
            answer = self.at_once(plain(op, payload))
            assert answer[:2] == bytes([0x10, len(answer) - 2]), answer
            body = answer[2:]
        else:
            answer = self.at_once(session.seal(op, payload))
            if answer[0] == 0x10:
                assert answer[2:4] == b"\x00\x80", answer
                return answer[4], answer[5:]
            counter, body = session.open(answer)
            assert counter == session.count
        assert body[:2] == bytes([7, op | 0x80]), body
        return body[2], body[3:]

    def log_in(self, role=OWNER, key=None):
        """An open Session, or the status that refused it."""
        key = key or KEYS[role]
        nonce = bytes(range(50, 66))
        status, given = self.ask(CHALLENGE, bytes([role]) + nonce)
        if status:
            return status
        number, device_nonce, proof = given[0], given[1:17], given[17:]
        transcript = (
            b"vigil1" + self.authority.device_id + bytes([role, number]) + nonce + device_nonce
        )
        if key == KEYS[role]:
            assert proof == hmac(key, b"D" + transcript)[:16]
        status, _ = self.ask(ANSWER, bytes([number]) + hmac(key, b"C" + transcript)[:16])
        return status or Session(key, transcript, number)


def machine_ms():
    import time

    return time.ticks_ms()
