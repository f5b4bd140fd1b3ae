"""A small recording stand-in for an ISL94202's bus side, written from the register list.

It measures nothing: a test puts codes into it, and reads `events`. Its end-of-charge flag follows
its threshold at every scan; handed over, its switches follow what its status says.
"""

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from vigil import limits, sample
from vigil.afe.isl94202 import Isl94202

CELLS, TEMPS, CURRENT, STACK = sample.CELLS, sample.TEMPS, sample.CURRENT, sample.STACK
BOARD = sample.BOARD

REQUESTS = [
    (limits.BACKSTOP_CELL_OVER_VOLTAGE, 3650, 1000, 3450),
    (limits.BACKSTOP_CELL_UNDER_VOLTAGE, 2500, 2000, 2950),
    (limits.BACKSTOP_CHARGE_CURRENT, 20000, 40, 18000),
    (limits.BACKSTOP_CHARGE_CURRENT, 12000, 2000, 10800),
    (limits.BACKSTOP_DISCHARGE_CURRENT, -40000, 40, -36000),
    (limits.BACKSTOP_DISCHARGE_CURRENT, -24000, 10000, -21600),
    (limits.BACKSTOP_SHORT_CIRCUIT, -60000, 100, 0),
    (limits.BACKSTOP_CHARGE_OVER_TEMPERATURE, 450, 2000, 400),
    (limits.BACKSTOP_CHARGE_UNDER_TEMPERATURE, 10, 2000, 50),
    (limits.BACKSTOP_DISCHARGE_OVER_TEMPERATURE, 600, 2000, 550),
    (limits.BACKSTOP_DISCHARGE_UNDER_TEMPERATURE, -200, 2000, -150),
    (limits.BACKSTOP_BOARD_OVER_TEMPERATURE, 850, 2000, 700),
]

EOC, CELL_BYTE, SETUP0 = 0x0C, 0x49, 0x4A
STAT0, STAT1, STAT2, STAT3, CBFC = 0x80, 0x81, 0x82, 0x83, 0x84
CTRL0, CTRL1, CTRL2, CTRL3, EEEN = 0x85, 0x86, 0x87, 0x88, 0x89
CELLMIN, ISNS, CELL1, IT, XT1, XT2, VBATT = 0x8A, 0x8E, 0x90, 0xA0, 0xA2, 0xA4, 0xA6
OV, UV, COT, DOT = 0x01, 0x04, 0x40, 0x10
VEOC, OPEN, CELLF, DSC, DOC, COC, IOT = 0x80, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01
DCHING, CHING, CHPRSNT, LDPRSNT = 0x08, 0x04, 0x02, 0x01
UCFET, UCCBAL, CBAL_ON = 0x40, 0x20, 0x01
CHARGE, DISCHARGE = 2, 1  # CFET and DFET in CTRL1

# From the sheet: 0.463 V are 25 degC; the die's 1.8527 mV/K make 1.8 V the full code.
WARM_CODE = round(0.463 * 2 * 4095 / 1.8)
DIE_CODE = round((25 + 273.15) * 1.8527e-3 * 4095 / 1.8)


def cell_code(volts):
    return round(volts * 4095 * 3 / (1.8 * 8))


class StandIn:
    """The i2c object that the driver gets."""

    def __init__(self, clock):
        self.clock = clock
        self.registers = bytearray(range(256))
        self.events = []
        self.lost = 0  # transfers that will not be acknowledged
        self.torn = 0  # readings in which one bit of one byte is wrong
        self.torn_at = CELL1 + 1
        self.asleep_ms = 0
        self.deaf = set()  # registers whose writing has no effect
        self.answers_question = True
        self.sleeping_until_us = 0
        self.reset()

    def reset(self):
        registers = self.registers
        registers[0:0x4C] = bytes([0x5A] * 0x4C)
        registers[CELL_BYTE] = 0x83
        registers[STAT0:0xB0] = bytes(0x30)
        registers[CTRL1] = CHARGE | DISCHARGE  # works alone until somebody says otherwise

    def word(self, register):
        return self.registers[register] | self.registers[register + 1] << 8

    def put(self, register, word):
        self.registers[register] = word & 0xFF
        self.registers[register + 1] = word >> 8

    def scan(self, cells_v, amps_code=0, direction=0):
        for number in range(8):
            self.put(CELL1 + 2 * number, cell_code(cells_v[number]))
        self.put(ISNS, amps_code)
        self.put(IT, DIE_CODE)
        self.put(VBATT, round(sum(cells_v) * 4095 / (1.8 * 32)))
        self.registers[STAT2] = self.registers[STAT2] & 0xF3 | direction
        if self.answers_question:
            above = max(map(cell_code, cells_v)) > self.word(EOC) & 0xFFF
            self.registers[STAT1] = self.registers[STAT1] & 0x7F | (VEOC if above else 0)
        self._act_alone()

    def _act_alone(self):
        registers = self.registers
        if not registers[CTRL2] & UCFET:
            forbidden = CHARGE if registers[STAT0] & 0xC3 or registers[STAT1] & 0x02 else 0
            forbidden |= DISCHARGE if registers[STAT0] & 0x3C or registers[STAT1] & 0x0C else 0
            if registers[STAT1] & 0x31:
                forbidden = 3
            registers[CTRL1] = 3 & (forbidden ^ 3)

    @property
    def switches(self):
        return self.registers[CTRL1] & 3

    # The i2c object.

    def _lose(self):
        if self.lost:
            self.lost -= 1
            raise OSError(19)

    def readfrom_mem_into(self, address, register, buffer):
        assert address == 0x28
        self._lose()
        assert not (register < 0x7F < register + len(buffer))
        if self.clock.now_us >= self.sleeping_until_us:
            self.registers[STAT3] &= 0xBF
        buffer[:] = self.registers[register : register + len(buffer)]
        if self.torn and register <= self.torn_at < register + len(buffer):
            self.torn -= 1
            buffer[self.torn_at - register] ^= 0x04

    def writeto_mem(self, address, register, buffer):
        assert address == 0x28 and len(buffer) <= 4
        assert register < 0x4C or CBFC <= register <= EEEN, "nobody may write there"
        self._lose()
        self.events.append((register, bytes(buffer)))
        assert not (register < 0x4C and self.registers[EEEN] & 1), "the EEPROM is written"
        for at, byte in enumerate(buffer):
            if register + at not in self.deaf:
                self.registers[register + at] = byte


class Line:
    def __init__(self, events):
        self.level = 0
        self.events = events

    def value(self, level):
        self.level = level
        self.events.append(("line", level))


class Readings(sample.Sample):
    """A Sample that notes what was refreshed."""

    def __init__(self, cell_count):
        super().__init__(cell_count, 2, (500,) * 5, 250)
        self.refreshed = []

    def refresh(self, group, now_ms):
        super().refresh(group, now_ms)
        self.refreshed.append(group)


class Desk:
    """Driver, stand-in and clock; turn() is one cycle of 250 ms."""

    def __init__(self, line=True, **options):
        self.clock = VirtualClock()
        fake_time.use(self.clock)
        self.chip = StandIn(self.clock)
        self.line = Line(self.chip.events) if line else None
        self.front_end = Isl94202(self.chip, both_off=self.line, **options)
        self.readings = Readings(self.front_end.cell_count)
        self.readings.start(0)
        self.cells_v = [3.3] * 8
        self.amps_code = 0
        self.direction = 0
        self.chip.put(XT1, WARM_CODE)
        self.chip.put(XT2, WARM_CODE)

    @property
    def now_ms(self):
        return self.clock.now_us // 1000

    def configure(self, requests=REQUESTS):
        for _ in self.front_end.configure(requests):
            # It measures by itself.
            self.chip.scan(self.cells_v)
        return self

    def turn(self, count=1, scanning=True):
        """What was refreshed in the last of `count` cycles."""
        for _ in range(count):
            self.readings.refreshed = []
            self.clock.advance(250000 - self.clock.now_us % 250000)
            if scanning:
                self.chip.scan(self.cells_v, self.amps_code, self.direction)
            self.front_end.read(self.readings, self.now_ms)
            self.readings.answered(self.now_ms)
        return self.readings.refreshed

    def values(self, at, count):
        return list(self.readings.values[at : at + count])

    @property
    def cells_mv(self):
        return self.values(self.readings.cells_at, self.front_end.cell_count)

    @property
    def current_ma(self):
        return self.readings.values[self.readings.current_at]

    @property
    def temps_dc(self):
        return self.values(self.readings.temps_at, 2)


def closed(**options):
    """Everything measured, both switches on."""
    desk = Desk(**options).configure()
    desk.turn(3)
    desk.front_end.set_switches(True, True)
    desk.turn(2)
    return desk
