"""The firmware's pieces on two LTC6813 with 36 cells, an INA228 and contactors; see passes.py.

Runs inside the counting interpreter. Never upload to a board.
"""

import sys
import time

from host_tools.bench import passes

CELLS = 36
TEMPS = 4
_CELL_GROUPS = 6
# As the chain answers in good health, behind the command's four bytes, two devices each.
_WORDS = {
    0x010: b"\x60\x4d" + b"\x5c\x59" * 2,  # sum of 18 cells, die at 25 degC
    0x00E: b"\x98\x3a" * 2 + b"\x30\x75",  # thermistors at 25 degC, 3 V of reference
}
_CELLS = b"\xe8\x80" * 3
CLOSED = 3  # of vigil.contactors, which cannot be imported before install()
_MONITOR = {0x0B: b"\xa0\x03", 0x04: b"\xff\xff\x00", 0x07: b"\xff\xff\x00"}


def notes(function):
    return passes.notes(function)


def install():
    passes.install()


class Kernels:
    def pec15_blocks(buffer, table, count, seed):
        return 3

    def scatter_tenths(target, data, places, count):
        return 0

    def pec15(buffer, table, count, seed):
        return 0


KERNELS = {
    "pec15_blocks": (4, 2),
    "scatter_tenths": (4, 3),
    "pec15": (4, 2),
}
passes.KERNELS.update(KERNELS)
for _name in KERNELS:
    setattr(passes.Kernels, _name, getattr(Kernels, _name))
CALLS = passes._calls_and_loads()


class Sleepless:
    """In the place of the module time: pauses are charged as what they are."""

    def __init__(self, real):
        self.ticks_ms = real.ticks_ms
        self.ticks_diff = real.ticks_diff

    def sleep_us(self, us):
        pass


class Spi:
    """Bus and select pin in one; answers cost nothing here, nor do the driver's buffers."""

    def __init__(self):
        self.rx = None
        self.answers = {}

    def value(self, level):
        pass

    def write(self, data):
        pass

    def write_readinto(self, sent, into):
        pass


class Pin:
    """A coil, or an input that is high."""

    level = 1

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = level


class Contact:
    """Follows its coil at once."""

    def __init__(self, coil):
        self.coil = coil

    def value(self):
        return self.coil.level


class Link:
    def read_u16(self):
        return 47000


class Pieces(passes.Pieces):
    def __init__(self):
        from vigil import app
        from vigil.afe import ltc681x, ltc681x_chain
        from vigil.afe.ltc681x_bring_up import _expect
        from vigil.afe.ltc681x_layout import Device
        from vigil.contactor import Contactor, LinkVoltage
        from vigil.contactors import Contactors
        from vigil.front_end import FrontEnd
        from vigil.memory import Memory
        from vigil.precharge import Precharge
        from vigil.sensor.ina228 import Ina228
        from vigil.sensor.thermistor import ntc_103jt

        ltc681x_chain.time = ltc681x.time = Sleepless(ltc681x_chain.time)
        self.expect = _expect
        self.spi = spi = Spi()
        devices = [Device("LTC6813", 18, (1, 6)), Device("LTC6813", 18, (1, 6))]
        self.voltages = ltc681x.Ltc681x(spi, spi, devices, thermistor=ntc_103jt())
        self.chain = self.voltages.bus
        self.chain._polled[-1] = 0xFF
        self.monitor = Monitor()
        self.current = Ina228(self.monitor, shunt_uohm=100, alert=Pin(), alert_cuts=True)
        self.current._control = 0xA000
        main, charge = Pin(), Pin()
        self.contactors = Contactors(
            Contactor(main, Contact(main), feedback_closed=1),
            Contactor(Pin()),
            LinkVoltage(Link(), 160000),
            Precharge(68, 5000, 1000),
            common=False,
            charge=Contactor(charge, Contact(charge), feedback_closed=1),
            enable=Pin(),
        )
        board = passes.Board()
        self.chip = board.front_end = FrontEnd(
            self.voltages, self.contactors, current=self.current
        )
        self.bms = bms = app.Bms(board, 20, Memory(passes.Storage()))
        self.voltages.configured = self.current.configured = True
        self.chain.slept = False
        bms.bring_up_tried = True
        bms.sample.start(0)
        bms.sample.front_end_fault = 0
        bms.switches.permit()
        bms.self_test_passed = True
        self.now_ms = 1000
        self._fill()
        for _ in range(40):
            self.rest()
            self.cycle()
        # Closed for long, as if pre-charge had been.
        self._close()
        bms._backstop_fits = True
        bms.table_guard.take()
        self.long_on()

    def _fill(self):
        """What lies in the receive buffer, and what the kernels would have made of it."""
        self.put(_CELLS)
        driver = self.voltages
        driver._cells_mv[:] = type(driver._cells_mv)("i", [3300] * CELLS)
        for cell in range(CELLS):
            self.bms.sample.values[cell] = 3300

    def put(self, block):
        for device in range(2):
            self.chain.data[8 * device : 8 * device + 6] = block

    def _close(self):
        contactors = self.contactors
        self.chip._charge_wanted = self.chip._discharge_wanted = True
        contactors.charge_wanted = contactors.discharge_wanted = True
        contactors._pull(contactors._main)
        contactors._pull(contactors._charge)
        contactors.state = CLOSED
        assert not contactors.power_path_fault

    def well(self):
        """What is counted is a cycle with closed contactors, not one that a fault has opened."""
        contactors = self.contactors
        if contactors.state != CLOSED or contactors.power_path_fault:
            raise ValueError("the contactors have opened")

    def scans(self, bits):
        pass

    def cycle(self):
        self.now_ms += 20
        self.bms.cycle(self.now_ms)

    def rest(self, now_ms=None):
        """No slow step in the reading that follows."""
        if now_ms is None:
            now_ms = self.now_ms
        driver = self.voltages
        driver._test_wait_ms = 1000
        driver._leads.half_done = False
        driver._tested_ms = driver._round_ms = now_ms
        driver._slow.is_over = True
        # The counting takes longer than the devices' watchdogs.
        self.chain._talked_ms = time.ticks_ms()

    # The cycle: the chain's frames, and the rest.

    def wake(self):
        self.rest()
        self.chain.wake()

    def send(self):
        self.chain.send(self.voltages._start)

    def take(self):
        self.chain.take(self.voltages._sum_reading)

    def busy(self):
        self.chain.busy()

    def read(self):
        self.rest()
        self.voltages.read(self.bms.sample, self.now_ms)

    def resting(self):
        self.rest()

    def read_current(self):
        self.current.read(self.bms.sample, self.now_ms)

    def compose(self):
        """The whole front end; the same piece without its parts is contactors and glue."""
        self.rest()
        self.chip.read(self.bms.sample, self.now_ms)

    def turn_at_rest(self):
        self.rest(time.ticks_ms())
        self.turn()

    def slow_pair(self):
        slow = self.voltages._slow
        slow._read_channel(slow._steps[0])

    def slow_references(self):
        self.voltages._slow._read_references()

    def slow_dies(self):
        self.voltages._slow._read_dies()

    def slow_conclude(self):
        slow = self.voltages._slow
        slow._references[0] = slow._references[1] = 30000
        for temp in range(TEMPS):
            slow._raw[temp] = 15000
        slow._conclude()

    def slow_compare(self):
        config = self.voltages._config
        for number in range(2):
            self.chain.data[8 * number : 8 * number + 8] = config._views_a[number]
        config._compare(0, config._views_a, (0x05, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F))

    def leads(self):
        """What finds open leads in two rounds of voltages."""
        self.voltages._leads._find()

    def write(self):
        self.voltages._config.write()

    def count(self):
        self.bms.counter.count(-20000, 20)

    # Slow tasks.

    def bring_up(self):
        """Patterns of a self-test compared: the longest slice beside its frames."""
        self.put(b"\x55\x95" * 3)
        self.expect(self.chain, [(r, m, 3) for r, m in self.voltages._layout.all_cells], 0x9555)

    def balance(self):
        bms = self.bms
        balancer = bms.balancer
        balancer.policy.choose(bms.sample, balancer._chosen)
        for cell in range(0, CELLS, 3):
            balancer._chosen[cell] = 1
        balancer._take_turn(bms.sample)
        self.chip.balance(balancer.bleed)

    def backstop_watch(self):
        """The settings of both devices compared."""
        self.slow_compare()
        self.slow_compare()


class Monitor(passes.Bus):
    def __init__(self):
        pass

    def readfrom_mem_into(self, address, register, buffer):
        buffer[:] = _MONITOR[register]

    def writeto_mem(self, address, register, buffer):
        pass


if sys.implementation.name != "micropython":
    raise ImportError("for the counting interpreter only")
