"""The cycle over an LTC681x chain, an INA228 and contactors allocates nothing: by count and lock.

Canned buses answer from prepared frames and allocate nothing themselves; cells bleed on and off,
leads are tested, blocks are spoilt now and then, the alert trips.
Run by tests/unit/test_ltc681x_no_allocation.py; prints the counts and "ok".
"""

import gc
import sys

import micropython
from ltc_desk import pec

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from vigil.afe.errors import AfeError
from vigil.afe.ltc681x import Ltc681x
from vigil.afe.ltc681x_layout import Device
from vigil.app import Bms
from vigil.contactor import Contactor, LinkVoltage
from vigil.contactors import CLOSED, Contactors
from vigil.front_end import FrontEnd
from vigil.precharge import Precharge
from vigil.sample import BOARD, CELLS, CURRENT, TEMPS
from vigil.sensor.ina228 import Ina228
from vigil.sensor.thermistor import ntc_103jt

CYCLES = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
CYCLE_MS = 20
PACK_MV = 24 * 3300
LINK_FULL_MV = 160000
STORY = 1000


def words(*values):
    return b"".join([bytes([value & 0xFF, value >> 8]) for value in values])


class CannedChain:
    """spi and select pin in one: two devices that answer the same."""

    def __init__(self):
        self.spoilt = False
        blocks = {
            0x010: words(12 * 33000 // 30, 22876, 33000),
            0x00C: words(15000, 15000, 15000),
            0x00E: words(15000, 15000, 30000),
            0x00D: words(15000, 15000, 15000),
            0x026: bytes(6),
        }
        for code in (0x004, 0x006, 0x008, 0x00A):
            blocks[code] = words(33000, 33000, 33000)
        self._answers = {}
        for code in blocks:
            self._answers[code] = b"\xff" * 4 + 2 * (blocks[code] + pec(blocks[code]))
        self._config = bytearray(20)

    def value(self, level):
        pass

    def write(self, data):
        if len(data) == 20 and data[1] == 0x01:
            # What is written first lies farthest.
            for at in range(8):
                self._config[4 + at] = data[12 + at]
                self._config[12 + at] = data[4 + at]

    def write_readinto(self, sent, into):
        code = sent[0] << 8 | sent[1]
        answer = self._config if code == 0x002 else self._answers.get(code)
        for at in range(len(into)):
            into[at] = 0xFF if answer is None else answer[at]
        if self.spoilt and code == 0x006:
            into[13] ^= 1


class CannedMonitor:
    """I2C and ALERT of an INA228 with 10 A out of the pack, or more."""

    def __init__(self):
        self.flags = 0xA003
        self.code = bytearray(3)
        self.alert = 1

    def put_ma(self, current_ma):
        # 100 uOhm and 312.5 nV a code.
        code = (current_ma * 1000 // 3125) & 0xFFFFF
        self.code[0], self.code[1], self.code[2] = code >> 12, code >> 4 & 0xFF, code << 4 & 0xF0

    def value(self):
        return self.alert

    def writeto_mem(self, address, register, data):
        pass

    def readfrom_mem_into(self, address, register, into):
        if register == 0x0B:
            into[0] = self.flags >> 8
            into[1] = self.flags & 0xFF
        else:
            for at in range(3):
                into[at] = self.code[at]


class Coil:
    def __init__(self):
        self.level = 0

    def value(self, level):
        self.level = level


class Contact:
    def __init__(self, coil):
        self.coil = coil

    def value(self):
        return self.coil.level


class Link:
    """Follows the coils, between cycles only."""

    def __init__(self, main, relay):
        self.main = main
        self.relay = relay
        self.reading = 0

    def read_u16(self):
        return self.reading

    def move(self):
        full = PACK_MV * 65535 // LINK_FULL_MV
        if self.main.level:
            self.reading = full
        elif self.relay.level:
            self.reading += (full - self.reading) // 9
        else:
            self.reading -= self.reading // 40


class Board:
    name = "canned"
    device_name = b"canned"
    chemistry = "LFP"
    capacity_mah = 100000
    links = ()
    watchdog = None


class Pack:
    def __init__(self, clock):
        self.clock = clock
        self.chain = CannedChain()
        devices = [Device("LTC6813", 12, (1, 6)), Device("LTC6813", 12, (1,))]
        self.voltages = Ltc681x(
            self.chain, self.chain, devices, thermistor=ntc_103jt(), open_wire_s=2
        )
        self.monitor = CannedMonitor()
        current = Ina228(self.monitor, shunt_uohm=100, alert=self.monitor, alert_cuts=True)
        current._control = self.monitor.flags & 0xF000
        current._divisor = 640
        main_coil, relay, charge = Coil(), Coil(), Coil()
        self.link = Link(main_coil, relay)
        self.contactors = Contactors(
            Contactor(main_coil, Contact(main_coil), 1),
            Contactor(relay),
            LinkVoltage(self.link, LINK_FULL_MV),
            Precharge(68, 5000, 1000, ready_gap_mv=4560),
            common=False,
            charge=Contactor(charge, Contact(charge), 1),
            enable=Coil(),
        )
        board = Board()
        board.front_end = FrontEnd(self.voltages, self.contactors, current=current)
        self.bms = Bms(board, CYCLE_MS)
        self.voltages._chain.slept = False
        self.voltages._config.write()
        self.voltages.configured = current.configured = True
        self.bms.bring_up_tried = True
        self.bms.sample.start(0)
        self.bms.switches.permit()
        self.bleed = bytearray(24)
        self.turns = 0

    def prepare(self):
        """What happens between two cycles; this may allocate."""
        self.clock.advance(CYCLE_MS * 1000 - self.clock.now_us % (CYCLE_MS * 1000))
        phase = self.turns % STORY
        self.turns += 1
        self.chain.spoilt = phase == 900
        main = self.contactors.state == CLOSED
        self.monitor.put_ma(-10000 if main else 0)
        # Charge over-current: the main contactor falls too, and comes back by pre-charge.
        self.monitor.alert = 0 if phase == 400 else 1
        self.monitor.flags = 0xA043 if phase == 400 else 0xA003
        self.link.move()
        if phase % 100 == 50:
            self.bleed[3] ^= 1
        if phase == 0:
            self.bms.switches.reset()
        self.bms.charge_guard.step(self.now_ms())

    def now_ms(self):
        return self.clock.now_us // 1000

    def cycle(self, now_ms):
        self.bms.cycle(now_ms)
        try:
            if self.turns % 100 == 51:
                self.bms.front_end.balance(self.bleed)
        except AfeError:
            raise RuntimeError("a chain that answers was bled in vain")


def main():
    clock = VirtualClock()
    fake_time.use(clock)
    pack = Pack(clock)
    bms = pack.bms
    sample = bms.sample
    for _ in range(STORY + 1):
        pack.prepare()
        pack.cycle(pack.now_ms())
    before_all = [sample.sequence(group) for group in (CELLS, CURRENT, TEMPS, BOARD)]
    tests = pack.voltages._leads.tests
    precharges = pack.contactors.precharges
    allocated = failures = 0
    gc.collect()
    gc.disable()
    for number in range(CYCLES):
        pack.prepare()
        now_ms = pack.now_ms()
        errors = bms.read_errors
        before = gc.mem_alloc()
        pack.cycle(now_ms)
        cost = gc.mem_alloc() - before
        # A prepared error grows a traceback, which is not counted.
        if bms.read_errors == errors:
            allocated += cost
        else:
            failures += 1
        if number % 100 == 99:
            gc.collect()
    gc.enable()
    assert allocated == 0, "%d bytes were allocated" % allocated
    gained = [sample.sequence(group) for group in (CELLS, CURRENT, TEMPS, BOARD)]
    least = (CYCLES * 9 // 10, CYCLES * 9 // 10, CYCLES // 20, CYCLES // 20)
    for place in range(4):
        assert gained[place] - before_all[place] >= least[place]
    assert failures >= CYCLES // STORY, "no reading failed"
    assert pack.voltages._leads.tests - tests >= CYCLES // 400, "no lead was tested"
    assert pack.contactors.precharges - precharges >= CYCLES // STORY, "the alert cut nothing"
    assert sample.values[0] == 3300 and sample.values[sample.temps_at] == 250
    for _ in range(STORY):
        pack.prepare()
        now_ms = pack.now_ms()
        micropython.heap_lock()
        try:
            pack.cycle(now_ms)
        finally:
            micropython.heap_unlock()
    print("cycles", CYCLES, "bytes", allocated, "failed", failures)
    print("ok")


main()
