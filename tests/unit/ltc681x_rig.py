"""What the tests of the LTC681x model share: a host that talks by hand, with a PEC of its own."""

import struct

from host_tools.mock.clock import VirtualClock
from host_tools.mock.ltc681x import Ltc681xChain
from tests.unit.bq76952_rig import ObedientBench

MS = 1000
SECOND = 1_000_000

REFON = 0xFC
PLAIN = 0xF8
WRCFGA, RDCFGA, WRCFGB, RDCFGB = 0x001, 0x002, 0x024, 0x026
CELLS = (0x004, 0x006, 0x008, 0x00A, 0x009, 0x00B)
AUX = (0x00C, 0x00E, 0x00D, 0x00F)
RDSTATA, RDSTATB = 0x010, 0x012
ADCV, ADOW_UP, ADOW_DOWN, ADAX, ADSTAT = 0x360, 0x368, 0x328, 0x560, 0x568
PLADC = 0x714


def pec_bit_by_bit(data):
    rest = 0x10
    for byte in data:
        for place in range(7, -1, -1):
            turn = (byte >> place & 1) ^ rest >> 14
            rest = rest << 1 & 0x7FFF
            if turn:
                rest ^= 0x4599
    return rest << 1


def framed(data):
    return bytes(data) + struct.pack(">H", pec_bit_by_bit(data))


def command(code):
    return framed([code >> 8, code & 0xFF])


class Rig:
    """Clock, bench, chain and the host's side. Transfers take no time here."""

    def __init__(self, parts=("ltc6813",), cells=(18,), awake=True, **options):
        self.clock = VirtualClock()
        self.bench = ObedientBench(sum(cells))
        self.chain = Ltc681xChain(self.clock, self.bench, parts=parts, cells=cells, **options)
        self.devices = self.chain.devices
        if awake:
            self.wake()

    def wait(self, us):
        self.clock.advance(us)

    def pulse(self, low_us=0, high_us=10):
        self.chain.spi_select(0)
        self.wait(low_us)
        self.chain.spi_select(1)
        self.wait(high_us)

    def wake(self):
        for _ in self.devices:
            self.pulse(low_us=400)

    def ready(self):
        """Out of idle, if need be."""
        for _ in self.devices:
            self.pulse()

    def transfer(self, sent):
        self.chain.spi_select(0)
        received = self.chain.spi(sent)
        self.chain.spi_select(1)
        return received

    def send(self, code):
        self.ready()
        self.transfer(command(code))

    def raw(self, code):
        """The answer of every device: 8 bytes each, nearest first."""
        self.ready()
        count = 8 * len(self.devices)
        received = self.transfer(command(code) + b"\xff" * count)[4:]
        return [received[at : at + 8] for at in range(0, count, 8)]

    def read(self, code, device=0):
        block = self.raw(code)[device]
        assert framed(block[:6]) == block
        return block[:6]

    def write(self, code, *blocks):
        """Blocks nearest device first; the farthest has to be sent first."""
        self.ready()
        sent = command(code)
        for block in reversed(blocks):
            sent += framed(block)
        self.transfer(sent)

    def configure(self, dcc=0, refon=True, dcto=0, under=0, over=0, adcopt=0):
        """The same configuration everywhere, and time for the references."""
        first = (REFON if refon else PLAIN) | adcopt
        block = bytes(
            [first, under & 0xFF, (over & 0xF) << 4 | under >> 8, over >> 4, dcc & 0xFF]
            + [dcto << 4 | dcc >> 8 & 0xF]
        )
        self.write(WRCFGA, *[block] * len(self.devices))
        self.wait(4 * MS)

    def words(self, code, device=0):
        return list(struct.unpack("<3H", self.read(code, device)))

    def cells(self, device=0):
        words = []
        for code in CELLS[: self.devices[device].part.cells // 3]:
            words += self.words(code, device)
        return words

    def measure(self, code=ADCV, us=4 * MS):
        self.send(code)
        self.wait(us)
