"""What the tests of the BQ769x0 model share: an obedient bench and a host that talks by hand.

The host has a check code of its own (bit by bit), so that an error in the model's table shows.
"""

from host_tools.mock.bq769x0 import Bq769x0Model
from host_tools.mock.clock import VirtualClock
from tests.unit.bq76952_rig import MS, SECOND, ObedientBench, crc8

__all__ = ("MS", "SECOND", "Rig", "crc8")

CC_READY, XREADY, OVRD, UV, OV, SCD, OCD = 0x80, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01
CHG, DSG = 0x01, 0x02


class Rig:
    """Clock, bench, chip, and the host's side of the bus. Transfers take no time here."""

    def __init__(self, crc=True, cells=15, address=8, shunt_uohm=1000, **options):
        self.clock = VirtualClock()
        self.bench = ObedientBench(cells)
        options.setdefault("gain_uv", 382)
        options.setdefault("offset_mv", 0)
        self.chip = Bq769x0Model(
            self.clock,
            self.bench,
            cells=cells,
            crc=crc,
            address=address,
            shunt_uohm=shunt_uohm,
            **options,
        )
        self.crc = crc
        self.write_address = address << 1
        self.read_address = address << 1 | 1

    def wait(self, us):
        self.clock.advance(us)

    def read(self, register, count=1):
        """`count` data bytes; AssertionError when a check is wrong."""
        assert self.chip.i2c_write(bytes([register])) == 1
        if not self.crc:
            return self.chip.i2c_read(count)
        framed = self.chip.i2c_read(2 * count)
        header = bytes([self.read_address])
        for at in range(0, 2 * count, 2):
            assert framed[at + 1] == crc8(header + framed[at : at + 1])
            header = b""
        return framed[::2]

    def framed(self, register, *values):
        if not self.crc:
            return bytes([register, *values])
        header = bytes([self.write_address, register])
        out = bytearray([register])
        for value in values:
            out += bytes([value, crc8(header + bytes([value]))])
            header = b""
        return bytes(out)

    def write(self, register, *values):
        message = self.framed(register, *values)
        assert self.chip.i2c_write(message) == len(message)

    def u8(self, register):
        return self.read(register)[0]

    def u16(self, register):
        high, low = self.read(register, 2)
        return high << 8 | low

    def i16(self, register):
        value = self.u16(register)
        return value - 65536 if value & 0x8000 else value

    def cell_code(self, number):
        return self.u16(0x0C + 2 * (number - 1))

    @property
    def status(self):
        return self.u8(0x00)

    @property
    def switches(self):
        return self.u8(0x05) & (CHG | DSG)

    @property
    def gates(self):
        return self.bench.gates[:2]

    def quiet_limits(self):
        """Limits far from anything that the bench shows."""
        self.write(0x06, 0x87, 0x7F, 0x00, 0xFF, 0x00)

    def switch_on(self):
        self.write(0x00, 0xFF)
        self.write(0x05, CHG | DSG)
        assert self.gates == (True, True)
