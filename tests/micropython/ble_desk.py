"""A phone on the desk: a board with Bluetooth, and links to it through the fake radio."""

import machine  # noqa: F401  the fakes come first
from desk import Desk
from native_desk import ANSWER, CHALLENGE, KEYS, OPERATOR, OWNER, Session, hmac, machine_ms, plain

LEVEL, LEVEL_STATUS = 0x2A19, 0x2BED
MAKER, MODEL, FIRMWARE, SERIAL = 0x2A29, 0x2A24, 0x2A26, 0x2A25
JBD_ANSWER, JBD_REQUEST = 0xFF01, 0xFF02
REQUEST, REPLY, TELEMETRY = ["7669000%d-6c2d-424d-5310-000000000000" % n for n in (2, 3, 4)]
BASIC, CELLS, NAME = [
    bytes.fromhex("dda5%s77" % rest) for rest in ("0300fffd", "0400fffc", "0500fffb")
]


def jbd_frame(command, register, data=b""):
    body = bytes([register, len(data)]) + data
    total = (0x10000 - sum(body)) & 0xFFFF
    return bytes([0xDD, command]) + body + bytes([total >> 8, total & 0xFF, 0x77])


def crc16(data):
    total = 0xFFFF
    for byte in data:
        total ^= byte
        for _ in range(8):
            total = total >> 1 ^ (0xA001 if total & 1 else 0)
    return bytes([total & 0xFF, total >> 8])


class Phone:
    """A link; `send` writes a frame in pieces, `ask_*` wait for the answer."""

    def __init__(self, desk, mtu=23, number=1):
        self.desk = desk
        self.link = desk.air.connect(bytes([0xC0, 1, 2, 3, 4, number]), mtu=mtu)
        for uuid in desk.handles:
            self.link.subscribe(desk.handles[uuid])
        desk.run_ms(60)

    def read(self, uuid):
        return bytes(self.link.read(self.desk.handles[uuid]))

    def told(self, uuid):
        """What has arrived there, and is taken out."""
        handle = self.desk.handles[uuid]
        found = [bytes(data) for at, data in self.link.notifications if at == handle]
        self.link.notifications = [one for one in self.link.notifications if one[0] != handle]
        return found

    def write(self, uuid, data, piece=None):
        handle = self.desk.handles[uuid]
        most = piece or self.link.mtu_now - 3
        for at in range(0, len(data), most):
            self.link.write(handle, data[at : at + most])

    def wait(self, uuid, whole, ms=2000):
        """Bytes notified there until whole(bytes); what there is if it is never whole."""
        heard = b""
        for _ in range(ms // 10):
            heard += b"".join(self.told(uuid))
            if whole(heard):
                break
            self.desk.run_ms(10)
        return heard

    def ask_jbd(self, frame, piece=None, ms=2000):
        self.write(JBD_REQUEST, frame, piece)
        return self.wait(JBD_ANSWER, _is_whole_jbd, ms)

    def ask_native(self, message, ms=3000):
        """The answer's message; empty if there is none."""
        self.write(REQUEST, b"\xa6" + message + crc16(message))
        frame = self.wait(REPLY, _is_whole_native, ms)
        if not frame:
            return frame
        assert frame[:1] == b"\xa6" and crc16(frame[1:-2]) == frame[-2:], frame
        return frame[1:-2]

    def ask(self, op, payload=b"", session=None):
        """(status, payload) of the answer."""
        if session is None:
            body = self.ask_native(plain(op, payload))[2:]
        else:
            answer = self.ask_native(session.seal(op, payload))
            if answer[0] == 0x10:
                return answer[4], answer[5:]
            body = session.open(answer)[1]
        assert body[:2] == bytes([7, op | 0x80]), body
        return body[2], body[3:]

    def log_in(self, role=OWNER):
        key = KEYS[role]
        nonce = bytes(range(50, 66))
        status, given = self.ask(CHALLENGE, bytes([role]) + nonce)
        assert status == 0
        number, device_nonce = given[0], given[1:17]
        transcript = (
            b"vigil1"
            + self.desk.authority.device_id
            + bytes([role, number])
            + nonce
            + device_nonce
        )
        status, _ = self.ask(ANSWER, bytes([number]) + hmac(key, b"C" + transcript)[:16])
        assert status == 0
        return Session(key, transcript, number)


def _is_whole_jbd(heard):
    return len(heard) > 3 and len(heard) >= heard[3] + 7


def _is_whole_native(heard):
    return len(heard) > 2 and len(heard) >= heard[2] + 5


class BleDesk(Desk):
    """radio: options of the desk's radio; keys: both are set."""

    def __init__(self, radio=None, keys=True, **options):
        super().__init__(radio=radio or {}, **options)
        self.radio = self.bms.executive._links[-1]
        self.door = self.bms.door
        self.authority = self.bms.authority
        self.handles = {}
        for _, characteristics in self.air.table.layout:
            for handle, uuid, _, _ in characteristics:
                self.handles[name_of(uuid)] = handle
        if keys and self.authority:
            self.authority.open_commissioning(machine_ms())
            for role in (OPERATOR, OWNER):
                assert self.authority.commission(role, KEYS[role], machine_ms()) == 0

    def phone(self, mtu=23, number=1):
        return Phone(self, mtu, number)


class OwnBleDesk(BleDesk):
    """A board for real use, with the parts that its BLUETOOTH is set to; radio: the port."""

    def _fit_radio(self, board, seed, profile="esp32"):
        import bluetooth

        bluetooth.use(self.clock, profile, seed)
        self.air = bluetooth.air


def name_of(uuid):
    """The number of a short one, the text of a long one."""
    packed = uuid.packed
    if len(packed) == 2:
        return packed[0] | packed[1] << 8
    digits = "".join(["%02x" % packed[at] for at in range(15, -1, -1)])
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])
