"""A small recording stand-in for a BQ769x0's bus side, written from the register list.

It measures nothing: a test puts codes into it, and reads `events`. Both framings, status bits that
are cleared by ones, switches that the chip opens, and the two kinds of temperature in turn.
"""

from array import array

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from vigil import limits, sample
from vigil.afe.bq769x0 import Bq769x0

CELLS, TEMPS, CURRENT, STACK = sample.CELLS, sample.TEMPS, sample.CURRENT, sample.STACK
BOARD = sample.BOARD

REQUESTS = [
    (limits.BACKSTOP_CELL_OVER_VOLTAGE, 3650, 1000, 3450),
    (limits.BACKSTOP_CELL_UNDER_VOLTAGE, 2500, 2000, 2950),
    (limits.BACKSTOP_CHARGE_CURRENT, 12000, 2000, 10800),
    (limits.BACKSTOP_DISCHARGE_CURRENT, -40000, 40, -36000),
    (limits.BACKSTOP_DISCHARGE_CURRENT, -24000, 10000, -21600),
    (limits.BACKSTOP_SHORT_CIRCUIT, -60000, 100, 0),
    (limits.BACKSTOP_CHARGE_OVER_TEMPERATURE, 450, 2000, 400),
]

SYS_STAT, CELLBAL1, SYS_CTRL1, SYS_CTRL2 = 0x00, 0x01, 0x04, 0x05
PROTECT1, PROTECT3, OV_TRIP, UV_TRIP, CC_CFG = 0x06, 0x08, 0x09, 0x0A, 0x0B
CC_READY, XREADY, OVERRIDE, UV, OV, SCD, OCD = 0x80, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01
CHARGE, DISCHARGE, CC_EN = 0x01, 0x02, 0x40
# What each status bit opens, from the data sheet's table.
OPENS = {OV: 1, UV: 2, OCD: 2, SCD: 2, OVERRIDE: 3, XREADY: 3}

WARM_CODE = 4319  # 10 kOhm: 25 degC
DIE_CODE = 3141  # 25 degC


def crc8(data):
    """Bit by bit, unlike the driver's table."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 7) & 0xFF if crc & 0x80 else crc << 1
    return crc


class StandIn:
    """The i2c object that the driver gets."""

    def __init__(self, clock, checked=True, groups=3, address=8, gain_uv=382, offset_mv=0):
        self.clock = clock
        self.checked = checked
        self.groups = groups
        self.address = address
        self.registers = bytearray(256)
        self.events = []
        self.wire = []  # (address, register, bytes) of every write as it went out
        self.reads = []
        self.lost = 0  # transfers that will not be acknowledged
        self.corrupt = 0  # reads whose check codes will be wrong
        self.asleep = False  # in SHIP
        self.deaf = set()  # registers whose writing has no effect
        self.persistent = 0  # status bits that come back when they are cleared
        self.turns_temperatures = True
        self.thermistor_codes = [WARM_CODE] * groups
        self.die_codes = [DIE_CODE] * groups
        self.calibrate(gain_uv, offset_mv)
        self.reset()

    def calibrate(self, gain_uv, offset_mv):
        self.gain_uv = gain_uv
        self.offset_mv = offset_mv
        step = gain_uv - 365
        # The bits around are not promised to be 0.
        self.registers[0x50] = step >> 3 << 2 | 0xA1
        self.registers[0x59] = (step & 7) << 5 | 0x0F
        self.registers[0x51] = offset_mv & 0xFF

    def reset(self):
        self.registers[0:0x50] = bytes(0x50)
        self.registers[SYS_CTRL1] = 0x10
        self.registers[OV_TRIP] = 0xAC
        self.registers[UV_TRIP] = 0x97
        self.registers[PROTECT3] = 0x05

    def code(self, cell_mv):
        return max(0, round((cell_mv - self.offset_mv) * 1000 / self.gain_uv))

    def put(self, register, value):
        self.registers[register] = value >> 8 & 0xFF
        self.registers[register + 1] = value & 0xFF

    def convert(self, input_codes, current_code=0, pack_code=None):
        """One conversion of everything; codes of all inputs from the lowest."""
        for place, code in enumerate(input_codes):
            self.put(0x0C + 2 * place, code)
        self.put(0x2A, sum(input_codes) // 4 if pack_code is None else pack_code)
        self.put(0x32, current_code & 0xFFFF)
        if self.registers[SYS_CTRL2] & CC_EN:
            self.registers[SYS_STAT] |= CC_READY

    def convert_temperatures(self):
        selected = self.registers[SYS_CTRL1] & 0x08
        codes = self.thermistor_codes if selected else self.die_codes
        for group, code in enumerate(codes):
            self.put(0x2C + 2 * group, code)

    def trip(self, bit):
        self.registers[SYS_STAT] |= bit
        self.registers[SYS_CTRL2] &= 0xFF ^ OPENS[bit]

    @property
    def switches(self):
        return self.registers[SYS_CTRL2] & 3

    # The bus.

    def readfrom_mem_into(self, address, register, buffer):
        self._pass(3 + len(buffer))
        if self._is_gone(address):
            raise OSError(19)
        count = len(buffer)
        self.reads.append((register, count))
        if not self.checked:
            buffer[:] = self.registers[register : register + count]
            return
        spoilt = 0x40 if self.corrupt > 0 else 0
        self.corrupt -= 1
        header = bytes([address << 1 | 1])
        for offset in range(count):
            byte = self.registers[register + offset // 2]
            if offset % 2:
                buffer[offset] = crc8(header + bytes([byte])) ^ spoilt
                header = b""
            else:
                buffer[offset] = byte

    def writeto_mem(self, address, register, buffer):
        self._pass(2 + len(buffer))
        if self._is_gone(address):
            raise OSError(19)
        data = bytes(buffer)
        self.wire.append((address, register, data))
        if self.checked:
            header = bytes([address << 1, register])
            # A last byte without a check code behind it is not committed.
            data = data[: len(data) // 2 * 2]
            for place in range(0, len(data), 2):
                if crc8(header + data[place : place + 1]) != data[place + 1]:
                    raise OSError(5)
                header = b""
            data = data[::2]
        for offset, byte in enumerate(data):
            self._store(register + offset, byte)

    def _store(self, register, byte):
        self.events.append((register, byte))
        if register in self.deaf or register >= 0x0C:
            return
        if register == SYS_STAT:
            self.registers[SYS_STAT] &= ~byte & 0xFF
            self.registers[SYS_STAT] |= self.persistent
        elif register == SYS_CTRL1:
            shut = [value & 3 for where, value in self.events[-2:] if where == SYS_CTRL1]
            self.registers[SYS_CTRL1] = self.registers[SYS_CTRL1] & 0x80 | byte & 0x7F
            if shut == [1, 2]:
                self.reset()
                self.asleep = True
        elif register == SYS_CTRL2 and self.registers[SYS_STAT] & XREADY:
            self.registers[SYS_CTRL2] = byte & 0xFC
        else:
            self.registers[register] = byte

    def _pass(self, byte_count):
        self.clock.advance((9 * byte_count + 3) * 10)

    def _is_gone(self, address):
        self.lost -= 1
        return self.lost >= 0 or self.asleep or address != self.address


class Line:
    """A pin of the controller, recorded among the chip's events."""

    def __init__(self, chip, name):
        self.chip = chip
        self.name = name
        self.level = None

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = level
        self.chip.events.append((self.name, level))


class WakeLine(Line):
    """Boots a sleeping chip by a pulse of more than two milliseconds."""

    def value(self, level=None):
        now_us = self.chip.clock.now_us
        if level:
            self.raised_us = now_us
        elif self.level and self.chip.asleep and now_us - self.raised_us > 2000:
            self.chip.asleep = False
        return Line.value(self, level)


class Readings:
    """Just what a driver may touch of a Sample."""

    def __init__(self, cells, temps, board_temps):
        self.cells_at = 0
        self.temps_at = cells
        self.current_at = cells + temps
        self.stack_at = self.current_at + 1
        self.board_at = self.stack_at + 1
        self.values = array("i", [sample.UNKNOWN] * (cells + temps + 2 + board_temps))
        self.front_end_fault = 0
        self.front_end_charge_trip = 0
        self.front_end_discharge_trip = 0
        self.load_seen = 7
        self.charger_seen = 7
        self.refreshed = []

    def refresh(self, group, now_ms):
        self.refreshed.append(group)

    def take_refreshed(self):
        taken, self.refreshed = self.refreshed, []
        return taken


class Desk:
    """Driver, chip and Sample; every turn is 250 ms with one conversion of the cells."""

    def __init__(self, checked=True, line=True, wake=False, alert=False, **options):
        self.clock = VirtualClock()
        fake_time.use(self.clock)
        options.setdefault("chip", "BQ76940")
        groups = {"BQ76920": 1, "BQ76930": 2, "BQ76940": 3}[options["chip"]]
        calibration = {
            name: options.pop(name) for name in ("gain_uv", "offset_mv") if name in options
        }
        self.chip = StandIn(self.clock, checked, groups, options.get("address", 8), **calibration)
        self.line = Line(self.chip, "line") if line else None
        self.wake = WakeLine(self.chip, "wake") if wake else None
        self.alert = Line(self.chip, "alert") if alert else None
        self.front_end = Bq769x0(
            self.chip, both_off=self.line, wake=self.wake, alert=self.alert, **options
        )
        front_end = self.front_end
        self.readings = Readings(
            front_end.cell_count, front_end.temp_count, front_end.board_temp_count
        )
        self.inputs = list(front_end._options.inputs)
        self.cells_mv = [3300 + cell for cell in range(front_end.cell_count)]
        self.current_code = 0
        self.converted = 0

    @property
    def now_ms(self):
        return self.clock.now_us // 1000

    def configure(self, requests=REQUESTS):
        for _ in self.front_end.configure(requests):
            pass
        return self

    def input_codes(self):
        codes = [5] * (5 * self.chip.groups)
        for place, cell_mv in zip(self.inputs, self.cells_mv, strict=True):
            codes[place - 1] = self.chip.code(cell_mv)
        return codes

    def turn(self, count=1, converting=True):
        """What was refreshed in the last of `count` cycles."""
        refreshed = []
        for _ in range(count):
            self.clock.advance(250000 - self.clock.now_us % 250000)
            if converting and not self.chip.asleep:
                self.chip.convert(self.input_codes(), self.current_code)
                # Every two seconds of the chip's clock.
                if self.now_ms // 2000 != self.converted and self.chip.turns_temperatures:
                    self.converted = self.now_ms // 2000
                    self.chip.convert_temperatures()
            self.front_end.read(self.readings, self.now_ms)
            refreshed = self.readings.take_refreshed()
        return refreshed

    def until(self, group, at_most=40):
        """Turns until this group was refreshed; AssertionError if never."""
        for turns in range(1, at_most + 1):
            if group in self.turn():
                return turns
        raise AssertionError(f"group {group} never came")

    def values(self, at, count):
        return list(self.readings.values[at : at + count])
