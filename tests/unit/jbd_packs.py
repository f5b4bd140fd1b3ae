"""Packs as a link sees them, and an independent reading of JBD frames, for the tests."""

from types import SimpleNamespace

UNKNOWN = 0x1FFFFFFF


class Pack:
    """The interface of vigil.status.Status, with whatever values a test wants."""

    UNKNOWN = UNKNOWN

    def __init__(self, cells_mv, temps_dc=(), **values):
        self.cells_mv = list(cells_mv)
        self.temps_dc = list(temps_dc)
        self.cell_count = len(self.cells_mv)
        self.temp_count = len(self.temps_dc)
        self.stack_mv = sum(self.cells_mv)
        self.current_ma = 0
        self.remaining_mah = 0
        self.full_mah = 0
        self.cycles = 0
        self.soc_pct = 0
        self.charge_on = True
        self.discharge_on = True
        self.protection_bits = 0
        self.warning_bits = 0
        self.bleed = bytearray(self.cell_count)
        self.device_name = b"Vigil"
        self.usable_mah = None
        for name, value in values.items():
            assert hasattr(self, name), name
            setattr(self, name, value)
        if self.usable_mah is None:
            self.usable_mah = self.full_mah

    def cell_mv(self, cell):
        return self.cells_mv[cell]

    def temp_dc(self, sensor):
        return self.temps_dc[sensor]


def sixteen_cells(**values):
    """The constructed pack of the protocol notes."""
    bleed = bytearray(16)
    bleed[0] = bleed[2] = 1
    constructed = dict(
        stack_mv=52920,
        current_ma=-12340,
        remaining_mah=76000,
        full_mah=100000,
        cycles=37,
        soc_pct=76,
        bleed=bleed,
    )
    return Pack(range(3300, 3316), (251, 240, 302), **dict(constructed, **values))


def request(register, data=b"", command=0xA5):
    body = bytes([register, len(data)]) + bytes(data)
    return bytes([0xDD, command]) + body + (-sum(body) % 65536).to_bytes(2, "big") + b"\x77"


def read_answer(frame):
    """Check an answer's frame; returns register, status and data."""
    frame = bytes(frame)
    assert frame[0] == 0xDD and frame[-1] == 0x77
    assert len(frame) == frame[3] + 7
    assert (sum(frame[2:-3]) + int.from_bytes(frame[-3:-1], "big")) % 65536 == 0
    return frame[1], frame[2], frame[4:-3]


def read_basic_info(data):
    """The fields of register 03 in their wire units; temperatures in 0.1 degC, None for 0 K."""

    def word(at):
        return int.from_bytes(data[at : at + 2], "big")

    temps = data[22]
    tail = 23 + 2 * temps
    assert len(data) == tail + 9
    kelvin = [word(23 + 2 * sensor) for sensor in range(temps)]
    return SimpleNamespace(
        voltage=word(0),
        current=int.from_bytes(data[2:4], "big", signed=True),
        remaining=word(4),
        full=word(6),
        cycles=word(8),
        date=word(10),
        bleeding=word(12) | word(14) << 16,
        protection=word(16),
        version=data[18],
        soc=data[19],
        switches=data[20],
        cells=data[21],
        temps_dc=[tenths - 2731 if tenths else None for tenths in kelvin],
        humidity=data[tail],
        warnings=word(tail + 1),
        full_again=word(tail + 3),
        remaining_again=word(tail + 5),
        balance_current=word(tail + 7),
    )


def good_requests(stream):
    """The good requests in a stream, from left to right: (command, register) of each."""
    found = []
    at = 0
    while at < len(stream):
        end = at + 7 + (stream[at + 3] if at + 3 < len(stream) else 0)
        frame = stream[at:end]
        if (
            len(frame) == end - at
            and len(frame) <= 39
            and frame[0] == 0xDD
            and frame[1] in (0xA5, 0x5A)
            and frame[-1] == 0x77
            and sum(frame[2:-3]) + frame[-3] * 256 + frame[-2] in (0, 65536)
        ):
            found.append((frame[1], frame[2]))
            at = end
        else:
            at += 1
    return found
