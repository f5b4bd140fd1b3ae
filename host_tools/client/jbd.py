"""JBD, for reading: what its registers 03, 04 and 05 tell, under the names of the points."""

import struct

from host_tools.client.errors import EchoOnly, Garbage, NotSpoken, Refused, Silent
from host_tools.client.trying import TRIES, attempts

_BASIC, _CELLS, _NAME = 3, 4, 5
_LONGEST = 7 + 255
_BITS = 10
_ZERO_CELSIUS_DK = 2731
_BASIC_BYTES = 23

# Bits of its protection word, as sentences.
PROTECTIONS = (
    "a cell's voltage is too high",
    "a cell's voltage is too low",
    "the pack's voltage is too high",
    "the pack's voltage is too low",
    "too warm to charge",
    "too cold to charge",
    "too warm",
    "too cold",
    "too much charge current",
    "too much discharge current",
    "short circuit",
    "the front end has a fault",
    "a switch is held off by software",
)


def request(register):
    body = bytes([register, 0])
    return b"\xdd\xa5" + body + _sum(body) + b"\x77"


def take(heard, register):
    """(status, data) of the answer for this register, wherever it begins; None without one."""
    for begin in range(len(heard) - 6):
        if heard[begin] != 0xDD or heard[begin + 1] != register:
            continue
        end = begin + 7 + heard[begin + 3]
        body = heard[begin + 2 : end - 3]
        if end <= len(heard) and heard[end - 1] == 0x77 and _sum(body) == heard[end - 3 : end - 1]:
            return body[0], body[2:]
    return None


def _sum(body):
    return (-sum(body) & 0xFFFF).to_bytes(2)


class Jbd:
    """The same face as bms.Bms, as far as JBD goes."""

    protocol = "JBD"
    identity = None
    known_keys = {}
    has_points = False
    can_write = False
    tries = TRIES
    knows_limits = False
    keys = (
        *("device_name", "stack_mv", "current_ma", "soc", "remaining_mah", "capacity_mah"),
        *("cycles", "charge_on", "discharge_on", "cell_count", "temp_count", "balancing"),
        *("cell_mv", "temp_dc"),
    )

    def __init__(self, line):
        self.line = line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.line.close()

    @staticmethod
    def sends_by_itself(keys):
        return False

    @property
    def native(self):
        raise NotSpoken("JBD has no keys: this needs the native protocol")

    def read(self, *keys):
        """{key: value}; NotSpoken for a point that JBD does not have."""
        for key in keys:
            if key not in self.keys:
                raise NotSpoken(f"JBD has no {key}")
        found = self.overview()
        return {key: found[key] for key in keys}

    def overview(self):
        """Everything, and `protections`: what it says is wrong."""
        data = self._ask(_BASIC)
        if len(data) < _BASIC_BYTES:
            raise Refused("the BMS's basic information is too short for JBD")
        head = struct.unpack_from(">HhHHHHHHH", data)
        flags, cells, temps = data[20], data[21], data[22]
        if len(data) < _BASIC_BYTES + 2 * temps:
            raise Refused("the BMS's basic information is too short for its sensors")
        kelvins = struct.unpack_from(f">{temps}H", data, _BASIC_BYTES)
        cell_data = self._ask(_CELLS)
        if len(cell_data) % 2:
            raise Refused("the BMS's cell voltages are cut in two")
        return {
            "device_name": self._ask(_NAME).decode("utf-8", "replace"),
            "stack_mv": head[0] * 10,
            "current_ma": head[1] * 10,
            "soc": data[19] * 10,
            "remaining_mah": head[2] * 10,
            "capacity_mah": head[3] * 10,
            "cycles": head[4],
            "charge_on": flags & 1,
            "discharge_on": flags >> 1 & 1,
            "cell_count": cells,
            "temp_count": temps,
            "balancing": [head[6], head[7]],
            "cell_mv": list(struct.unpack(f">{len(cell_data) // 2}H", cell_data)),
            "temp_dc": [kelvin - _ZERO_CELSIUS_DK for kelvin in kelvins],
            "protections": [text for bit, text in enumerate(PROTECTIONS) if head[8] >> bit & 1],
        }

    def _ask(self, register):
        status, data = attempts(lambda: self._once(request(register)), self.tries)
        if status:
            raise Refused(f"the BMS refuses to give its register {register:02X}", status)
        return data

    def _once(self, frame):
        line = self.line
        line.forget()
        line.write(frame)
        heard = b""
        deadline = line.now() + line.answer_s + _LONGEST * _BITS / line.baudrate
        while True:
            left_s = deadline - line.now()
            data = line.read(left_s) if left_s > 0 else b""
            if not data:
                break
            heard += data
            found = take(heard, frame[2])
            if found:
                return found
        if not heard:
            raise Silent("nothing answers")
        if not heard.replace(frame, b""):
            raise EchoOnly("only our own bytes come back")
        raise Garbage(f"{len(heard)} bytes came, but no answer among them", heard)
