"""A BMS that speaks the native protocol on a line without wires and a clock without time.

Written from the protocol's description, not from the firmware. `mischief` makes the line or the
BMS misbehave: it takes the frame that would be sent and gives [(delay_s, bytes), ...] instead.
"""

import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from host_tools import firmware
from host_tools.client import frames
from host_tools.points import declared, pack

DEVICE_ID = bytes.fromhex("e660583883724a2c")
OWNER_KEY, OPERATOR_KEY = bytes(range(32)), bytes(range(32, 64))
CELLS = [3300 + cell for cell in range(16)]
_READS_UNTIL_VERDICT = 2
_ROLE = {declared.OPERATOR: 1, declared.OWNER: 2}


class Device:
    """Its registers, its keys and what it is asked; everything done is in `done`."""

    def __init__(self, schema=None, version=1, keys=None, commissioning=False):
        self.version = version
        self.keys = {1: OPERATOR_KEY, 2: OWNER_KEY} if keys is None else keys
        self.commissioning = commissioning
        self.window_s = 0
        self.unix_s = 0
        self.words = {}
        self.done = []
        self.journal = []
        self.first_journal = 0
        self.sessions = {}
        self.pending = {}
        self.nonces = 0
        self.wait_s = 0
        self.period = 0
        self.subscribed = b""
        self.sealing = None
        self.busy = 0  # writes that are refused because too many wait
        self.lies = None  # {number of a limit's register: what it reads as}
        self._asked = 0
        self._verdict = None
        self._points = {point.number: point for point in declared.POINTS}
        for point in declared.POINTS:
            for number in range(point.number, point.number + point.registers):
                self.words[number] = 0
        self._fill(pack.schema() if schema is None else schema)

    def _fill(self, schema):
        limits, presets, chemistry = firmware.load("limits", "presets", "chemistry")
        self.table = presets.preset(chemistry.lfp(), 16, 100000, (63, 189, 63, 189, 189), 50)
        rows = limits.schema()
        self.put("points_schema", schema >> 16, schema & 0xFFFF)
        self.put("limits_schema", rows >> 16, rows & 0xFFFF)
        self.put("uptime_s", 4711)
        self.put("state", 10)
        self.put("switch_state", 1, 1)
        for key in ("charge_on", "discharge_on", "fan_on"):
            self.put(key, 1)
        self.put("cell_count", 16)
        self.put("temp_count", 3)
        self.put("board_temp_count", 2)
        self.put("cell_mv", *CELLS, *[0xFFFF] * (declared.by_key()["cell_mv"].count - 16))
        self.put("temp_dc", 251, 249, -30, *[-0x8000] * 13)
        self.put("stack_mv", sum(CELLS))
        self.put("current_ma", -1500)
        self.put("soc", 599)
        self.put("soh", 0xFFFF)
        self.put("sleeping_in_s", -1)
        self.put("switches_allowed", 3)
        self.put("device_name", *struct.unpack(">16H", b"Shed".ljust(32, b"\0")))
        for key, value in (("max", 3315), ("min", 3300), ("mean", 3308)):
            self.put(f"cell_{key}_mv", value)
        self.put("cell_max_at", 16)
        self.put("cell_min_at", 1)
        self._show("limit", self.table)
        self._fill_totals()

    def _fill_totals(self):
        """A summer with the sun."""
        unknown = 0xFFFFFFFF
        self.put("total_s", 9936000)
        self.put("total_charge", 71230, 71018, 12)
        self.put("total_energy", 379612, 371330)
        self.put("cycles", 71)
        self.put("anchors", 96)
        self.put("trips", 3)
        self.put("outside_s", 1860, 42)
        self.put("harm_count", 1, 0, 0, 0, 0, 0)
        self.put("harm_s", 7, 0, 0, 0, 0, 0)
        self.put("records", 3655, 2441, 388, -34, 52100, 118400, 5, 16)
        self.put("record_s", 9100000, 1200, 5000000, 9900000, 8000000, 70, *[unknown] * 6)
        for at, clock_s in ((0, 185000000), (4, 183900000)):
            self.words[declared.by_key()["record_s"].number + 12 + 2 * at] = clock_s >> 16
            self.words[declared.by_key()["record_s"].number + 13 + 2 * at] = clock_s & 0xFFFF
        halves = [0] * 100
        halves[5], halves[6], halves[56], halves[75] = 212, 61, 96, 40
        self.put("half_cycles", *halves)
        self.put("open_turns", 1230, 9870, 2210, 8800, *[-0x8000] * 28)
        self.put("at_temp_s", 0, 4000, 932000, 5000000, 4000000, 0, 0, 0)
        self.put("at_charge_s", 0, 0, 900000, 0, 0, 2936000, 0, 0, 4100000, 2000000)
        self.put("at_rate_s", 4936000, 3000000, 400000, 0, 0, 1600000, 0, 0, 0, 0)
        self.put("at_voltage_s", 0, 4000, 0, 40000, 9892000, 0, 0, 0)
        both = [0] * 60
        both[6:9] = 100000, 300000, 532000
        both[10:15] = 400000, 900000, 1200000, 1500000, 1000000
        both[30 + 10], both[30 + 11], both[30 + 13], both[30 + 16] = 3000000, 1400000, 600000, 90
        self.put("at_temp_and_s", *both)

    def put(self, key, *values):
        point = declared.by_key()[key]
        wide = declared.WORDS[point.type]
        for at, value in enumerate(values):
            number = point.number + at * wide
            for word in range(wide):
                self.words[number + word] = value >> 16 * (wide - 1 - word) & 0xFFFF

    def get(self, key, index=0):
        point = declared.by_key()[key]
        wide = declared.WORDS[point.type]
        words = [self.words[point.number + index * wide + word] for word in range(wide)]
        value = words[0] if wide == 1 else words[0] << 16 | words[1]
        signed = 16 * wide if point.type in (declared.S16, declared.S32) else 0
        return value - (1 << signed) if signed and value >> signed - 1 else value

    def _show(self, prefix, table):
        (limits,) = firmware.load("limits")
        for key, held in (
            ("trip", table.trip),
            ("release", table.release),
            ("trip_ms", table.trip_delay_ms),
            ("release_ms", table.release_delay_ms),
        ):
            ordered = [held[limits.position(row + 1)] for row in range(limits.LAST_ROW)]
            self.put(f"{prefix}_{key}", *ordered)
        short = "short_circuit" if prefix == "limit" else "staged_short_circuit"
        self.put(f"{short}_ma", table.short_circuit_ma)
        self.put(f"{short}_us", table.short_circuit_delay_us)

    # Messages.

    def handle(self, message):
        """The answer to a message, b"" for none."""
        if message[0] >> 4 != self.version:
            return bytes([0x10, 5, message[2], message[3] | 0x80, 1, self.version, self.version])
        if message[0] == 0x11:
            return self._sealed(message)
        tag, op, payload = message[2], message[3], bytes(message[4:])
        status, answer = self._do(op, payload, 0, None)
        return _plain(tag, op, status, answer)

    def _sealed(self, message):
        session = self.sessions.get(message[2])
        if session is None:
            return _plain(0, 0, 4, b"")
        counter = int.from_bytes(message[3:7])
        body, mac = bytes(message[:-8]), bytes(message[-8:])
        if session.mac(0, body) != mac or counter <= session.counter:
            self.done.append("broken seal")
            return _plain(0, 0, 5, b"")
        session.counter = counter
        tag, op, *payload = session.crypt(0, counter, body[7:])
        status, answer = self._do(op, bytes(payload), session.role, session)
        text = bytes([tag, op | 0x80, status]) + answer
        return session.seal(1, counter, text)

    def telemetry(self):
        """What is sent unasked, now."""
        status, answer = self._read(self.subscribed)
        session = self.sealing
        if session:
            session.told += 1
            return session.seal(2, session.told, bytes([0, 0x86, status]) + answer)
        return _plain(0, 0x06, status, answer)

    def _do(self, op, payload, role, session):
        simple = {1: self._identify, 2: self._list, 3: self._read, 7: self._read_journal}
        if op in simple:
            return simple[op](payload)
        if op == 4:
            return self._write(payload, role)
        if op == 6:
            self.period, self.subscribed = payload[0] / 10, payload[1:]
            self.sealing = session
            return 0, b""
        if op == 8:
            return self._time(payload, role)
        if op == 0x10:
            return self._challenge(payload)
        if op == 0x11:
            return self._proof(payload)
        if op == 0x12 and session:
            self.sessions = {}
            return 0, b""
        if op in (0x13, 0x15) and role != 2:
            return 20, b""
        if op == 0x13:
            self.keys[payload[0]] = payload[1:]
            return 0, b""
        if op == 0x14:
            if not self.commissioning:
                return 30, b""
            self.keys[payload[0]] = payload[1:]
            return 0, b""
        if op == 0x15:
            self.window_s = int.from_bytes(payload)
            return 0, payload
        return 2, b""

    def _identify(self, payload):
        flags = bool(self.keys) | bool(self.window_s) << 1 | self.commissioning << 2 | 8
        head = struct.pack(">BBB", 1, 0, flags)
        head += b"".join(self.words[number].to_bytes(2) for number in range(4)) + DEVICE_ID
        return 0, head + b"".join(
            bytes([len(text)]) + text for text in (b"0.1", b"sim16_lfp", b"Shed")
        )

    def _list(self, payload):
        first = int.from_bytes(payload)
        points = declared.POINTS[first : first + 36]
        follows = first + len(points)
        answer = struct.pack(">H", follows if follows < len(declared.POINTS) else 0xFFFF)
        for point in points:
            answer += struct.pack(
                ">HBBBB", point.number, point.type, point.access, point.count, point.count
            )
        return 0, answer

    def _read(self, payload):
        answer = b""
        for at in range(0, len(payload), 3):
            first, count = int.from_bytes(payload[at : at + 2]), payload[at + 2]
            if any(number not in self.words for number in range(first, first + count)):
                return 17, payload[at : at + 2]
            for number in range(first, first + count):
                self._asked += number == declared.by_key()["limits_state"].number
                answer += (self.lies or {}).get(number, self.words[number]).to_bytes(2)
        if not 1 <= len(answer) // 2 <= 110 or not 1 <= len(payload) // 3 <= 16:
            return 3, b""
        if self._verdict and self._asked >= _READS_UNTIL_VERDICT:
            self._conclude()
        return 0, answer

    def _write(self, payload, role):
        if not role:
            self.done.append("refused without a session")
            return 20, b"\0"
        values, at = [], 0
        while at < len(payload):
            number, words = int.from_bytes(payload[at : at + 2]), payload[at + 2]
            data = payload[at + 3 : at + 3 + 2 * words]
            values.append((number, words, data))
            at += 3 + 2 * words
        if not 1 <= len(values) <= 16:
            return 3, b""
        if self.busy:
            self.busy -= 1
            return 23, b"\0"
        for index, value in enumerate(values):
            code = self._why_not(*value, role)
            if code:
                return 16 + code, bytes([index])
        for number, _, data in values:
            self._take(number, data)
        return 0, b""

    def _find(self, number):
        for point in declared.POINTS:
            if point.number <= number < point.number + point.registers:
                return point
        return None

    def _why_not(self, number, words, data, role):
        point = self._find(number)
        if point is None:
            return 1
        if words != declared.WORDS[point.type]:
            return 2
        if not point.access:
            return 3
        if role < _ROLE[point.access]:
            return 4
        value = int.from_bytes(data, signed=point.type == declared.S32)
        if not point.range[0] <= value <= point.range[1]:
            return 5
        if 1000 <= number < 1600 and self.get("limits_state") not in (1, 3, 4):
            return 6
        if point.key == "limits_begin" and value != self.get("limits_schema", 1):
            return 8
        return 0

    def _take(self, number, data):
        point = self._find(number)
        value = int.from_bytes(data, signed=point.type == declared.S32)
        if point.source.startswith("door") and point.key != "switches_allowed":
            self.done.append(point.key)
            self._command(point.key)
            return
        self.done.append((point.key, value))
        for at in range(len(data) // 2):
            self.words[number + at] = int.from_bytes(data[2 * at : 2 * at + 2])
        if 1000 <= number < 1600:
            self.put("limits_state", 1)

    def _command(self, key):
        self._asked = 0
        if key == "limits_begin":
            self._show("staged", self.table)
            self.put("limits_state", 1)
        elif key == "limits_abandon":
            self.put("limits_state", 6)
        elif key in ("limits_validate", "limits_commit"):
            self.put("limits_state", 2)
            self._verdict = key

    def _conclude(self):
        """As the firmware's own validator finds."""
        limits, validate, chemistry = firmware.load("limits", "validate", "chemistry")
        table = limits.Limits()
        for row in range(1, limits.LAST_ROW + 1):
            table.set(
                row,
                *(
                    self.get(f"staged_{key}", row - 1)
                    for key in ("trip", "release", "trip_ms", "release_ms")
                ),
            )
        table.short_circuit_ma = self.get("staged_short_circuit_ma")
        table.short_circuit_delay_us = self.get("staged_short_circuit_us")
        found = validate.problems(table, chemistry.lfp(), 16)
        self.put("limits_problems", len(found))
        for at, problem in enumerate(found[:8]):
            for key, value in zip(("row", "code", "number", "bound"), problem, strict=True):
                point = declared.by_key()[f"problem_{key}"]
                wide = declared.WORDS[point.type]
                for word in range(wide):
                    shifted = value >> 16 * (wide - 1 - word) & 0xFFFF
                    self.words[point.number + at * wide + word] = shifted
        if not found and self._verdict == "limits_commit":
            self.table = table
            self._show("limit", table)
            self.put("limits_state", 5)
        else:
            self.put("limits_state", 4 if found else 3)
        self._verdict = None

    def _read_journal(self, payload):
        first = int.from_bytes(payload)
        end = self.first_journal + len(self.journal)
        bounds = struct.pack(">II", self.first_journal, end)
        if first == 0xFFFFFFFF:
            return 0, bounds
        if not self.first_journal <= first < end:
            return 7, bounds
        at = first - self.first_journal
        return 0, bounds + b"".join(self.journal[at : at + 6])

    # Keys.

    def _time(self, payload, role):
        if payload:
            if not role:
                return 20, b""
            self.unix_s = int.from_bytes(payload)
            if self.unix_s <= self.get("uptime_s"):
                return 3, b""
        return 0, struct.pack(">II", self.get("uptime_s"), self.unix_s)

    def _challenge(self, payload):
        if self.wait_s:
            wait_s, self.wait_s = self.wait_s, 0
            return 6, struct.pack(">H", wait_s)
        role, client_nonce = payload[0], payload[1:]
        if role not in self.keys:
            return 7, b""
        self.nonces += 1
        number, nonce = 7, bytes([self.nonces]) * 16
        session = DeviceSession(self.keys[role], role, number, client_nonce, nonce)
        self.pending[number] = session
        return 0, bytes([number]) + nonce + session.hmac(b"D")[:16]

    def _proof(self, payload):
        session = self.pending.pop(payload[0], None)
        if session is None:
            return 4, b""
        if session.hmac(b"C")[:16] != payload[1:]:
            self.wait_s = 1
            return 5, b""
        self.sessions[payload[0]] = session
        return 0, b""


class DeviceSession:
    def __init__(self, key, role, number, client_nonce, device_nonce):
        self.role, self.number = role, number
        self.counter = self.told = 0
        self._key = key
        self._transcript = (
            b"vigil1" + DEVICE_ID + bytes([role, number]) + client_nonce + device_nonce
        )

    def hmac(self, purpose):
        return hmac.new(self._key, purpose + self._transcript, "sha256").digest()

    def mac(self, direction, body):
        return hmac.new(self.hmac(b"M"), bytes([direction]) + body, "sha256").digest()[:8]

    def crypt(self, direction, counter, text):
        """Block by block, as a board without a counter mode does it."""
        block = Cipher(algorithms.AES(self.hmac(b"E")[:16]), modes.ECB()).encryptor()
        out = b""
        for at in range(0, len(text), 16):
            head = bytes([direction]) + counter.to_bytes(4) + bytes(10)
            stream = block.update(head + bytes([at // 16]))
            out += bytes(a ^ b for a, b in zip(text[at : at + 16], stream, strict=False))
        return out

    def seal(self, direction, counter, text):
        body = bytes([0x11, 5 + len(text) + 8, self.number]) + counter.to_bytes(4)
        body += self.crypt(direction, counter, text)
        return body + self.mac(direction, body)


def _plain(tag, op, status, payload):
    assert len(payload) <= 222
    return bytes([0x10, 3 + len(payload), tag, op | 0x80, status]) + payload


class Line:
    """The Line of host_tools/client/line.py between a client and a Device."""

    answer_s = 0.6
    baudrate = 9600

    def __init__(self, device, over_modbus=False, unit=1, mischief=None, right_baud=None):
        self.device = device
        self.mischief = mischief
        self.damage = bytes  # what becomes of the client's bytes on the way
        self.sent = []  # frames of the client
        self.closed = False
        self._over_modbus = over_modbus
        self._unit = unit
        self._right_baud = right_baud
        self._now_s = 0.0
        self._coming = []  # (when, bytes)
        self._heard = b""
        self._told_s = 0.0

    def write(self, data):
        self.sent.append(bytes(data))
        if self._right_baud not in (None, self.baudrate):
            # A UART at the wrong rate makes other bytes of it, and is not understood.
            self._coming.append((self._now_s + 0.02, bytes(b ^ 0xD5 | 0x80 for b in data[:5])))
            return
        self._heard += self.damage(data)
        message = self._taken()
        if message is None:
            return
        answer = self.device.handle(message)
        frame = self._framed(answer) if answer else b""
        pieces = self.mischief(frame) if self.mischief else [(0.02, frame)]
        self._coming += [(self._now_s + delay_s, piece) for delay_s, piece in pieces if piece]
        self._told_s = self._now_s

    def _taken(self):
        if not self._over_modbus:
            message, self._heard = frames.take_serial(self._heard)
            # What has begun and not ended is dropped before the next request comes.
            self._heard = b""
            return message
        frame, self._heard = frames.take_rtu(self._heard, self._unit, frames.NATIVE)
        if frame is None:
            self._heard = b""
        return frame[2:] if frame else None

    def _framed(self, message):
        if self._over_modbus:
            return frames.native_rtu(self._unit, message)
        return frames.serial(message)

    def read(self, timeout_s):
        end_s = self._now_s + timeout_s
        period_s = self.device.period
        if period_s and self._told_s + period_s <= end_s:
            self._told_s += period_s
            self._coming.append((self._told_s, frames.serial(self.device.telemetry())))
        self._coming.sort(key=lambda entry: entry[0])
        if not self._coming or self._coming[0][0] > end_s:
            self._now_s = end_s
            return b""
        when_s, data = self._coming.pop(0)
        self._now_s = max(self._now_s, when_s)
        return data

    def forget(self):
        self._coming = [entry for entry in self._coming if entry[0] > self._now_s]

    def now(self):
        return self._now_s

    def set_baudrate(self, baudrate):
        self.baudrate = baudrate

    def close(self):
        self.closed = True
