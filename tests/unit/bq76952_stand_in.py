"""A small recording stand-in for the BQ76952's bus side, written from TI's register list.

It measures nothing: a test puts bytes into `registers` and `cell_reads`, and reads `events`.
"""

from array import array

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from vigil import limits, sample
from vigil.afe.bq76952 import Bq76952

CELLS, TEMPS, CURRENT, STACK = sample.CELLS, sample.TEMPS, sample.CURRENT, sample.STACK
BOARD = sample.BOARD

REQUESTS = [
    (limits.BACKSTOP_CELL_OVER_VOLTAGE, 3650, 1000, 3450),
    (limits.BACKSTOP_CELL_UNDER_VOLTAGE, 2500, 2000, 2950),
    (limits.BACKSTOP_CHARGE_CURRENT, 60000, 2000, 54000),
    (limits.BACKSTOP_DISCHARGE_CURRENT, -120000, 10000, -108000),
    (limits.BACKSTOP_SHORT_CIRCUIT, -300000, 100, 0),
    (limits.BACKSTOP_CHARGE_OVER_TEMPERATURE, 450, 2000, 400),
    (limits.BACKSTOP_CHARGE_UNDER_TEMPERATURE, 10, 2000, 50),
    (limits.BACKSTOP_DISCHARGE_OVER_TEMPERATURE, 600, 2000, 550),
    (limits.BACKSTOP_DISCHARGE_UNDER_TEMPERATURE, -200, 2000, -150),
]
ALL_EQUAL = [3300] * 16


def crc8(data):
    """Bit by bit, unlike the driver's table."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 7) & 0xFF if crc & 0x80 else crc << 1
    return crc


class StandIn:
    """The i2c object that the driver gets; `check_codes` is the chip's present mode."""

    checked_comm_type = 0x12

    def __init__(self, clock, check_codes=True):
        self.clock = clock
        self.check_codes = check_codes
        self.registers = bytearray(256)
        self.memory = {}
        self.answers = {}  # by subcommand
        self.events = []
        self.transfers = []
        self.cell_reads = []
        self.lost = 0  # transfers that will not be acknowledged
        self.corrupt = 0  # reads whose check codes will be wrong
        self.fets_enabled = False
        self.forgets = None  # address whose writing has no effect
        self.device_number = 0x7695
        self.set_status(0x0188)

    def set_status(self, status):
        self.put(0x12, status)

    def put(self, register, value):
        self.registers[register] = value & 0xFF
        self.registers[register + 1] = value >> 8 & 0xFF

    def scan(self, cells_mv, current=0, stack=0, temps=(), alarm=0x82):
        """One finished scan, latched."""
        for cell, cell_mv in enumerate(cells_mv):
            self.put(0x14 + 2 * cell, cell_mv)
        self.put(0x3A, current)
        self.put(0x34, stack)
        for place, raw in enumerate(temps):
            self.put(0x70 + 2 * place, raw)
        self.registers[0x62] |= alarm

    # The bus.

    def readfrom_mem_into(self, address, register, buffer):
        assert address == 8
        self._pass(3 + len(buffer))
        if self._is_lost():
            raise OSError(19)
        if register == 0x14 and self.cell_reads:
            for cell, cell_mv in enumerate(self.cell_reads.pop(0)):
                self.put(0x14 + 2 * cell, cell_mv)
        count = len(buffer) // 2 if self.check_codes else len(buffer)
        self.transfers.append(("r", register, count))
        data = bytes(self.registers[register : register + count])
        if not self.check_codes:
            buffer[:] = data
            return
        spoilt = 0
        if self.corrupt:
            self.corrupt -= 1
            spoilt = 0x40
        header = bytes([0x10, register, 0x11])
        for offset, byte in enumerate(data):
            buffer[2 * offset] = byte
            buffer[2 * offset + 1] = crc8(header + bytes([byte])) ^ spoilt
            header = b""

    def writeto_mem(self, address, register, buffer):
        assert address == 8
        self._pass(2 + len(buffer))
        if self._is_lost():
            raise OSError(19)
        data = bytes(buffer)
        if self.check_codes:
            header = bytes([0x10, register])
            for byte, code in zip(data[::2], data[1::2], strict=True):
                if crc8(header + bytes([byte])) != code:
                    raise OSError(5)
                header = b""
            data = data[::2]
        self.transfers.append(("w", register, len(data)))
        if register == 0x62:
            self.registers[0x62] &= ~data[0] & 0xFF
            self.events.append(("clear", data[0] | data[1] << 8))
            return
        self.registers[register : register + len(data)] = data
        if register == 0x3E:
            self._command(data[0] | data[1] << 8, data[2:])
        elif register == 0x60:
            self._take_block(data)

    def _pass(self, byte_count):
        self.clock.advance((9 * byte_count + 3) * 5 // 2)

    def _is_lost(self):
        self.lost -= 1
        return self.lost >= 0

    # The chip.

    def _command(self, code, data):
        self._pending = (code, data)
        if data:
            return
        if code >= 0x9180:
            self._answer(code, bytes(self.memory.get(code + at, 0) for at in range(32)))
        elif code in self.answers:
            self._answer(code, self.answers[code])
        elif code == 0x0001:
            self._answer(code, bytes([self.device_number & 0xFF, self.device_number >> 8]))
        elif code == 0x0057:
            self._answer(code, bytes([0x50 if self.fets_enabled else 0x40, 0]))
        else:
            self.events.append(("command", code))
            if code == 0x000E:
                self.registers[0x00] &= 0xFF ^ 0x04
            elif code == 0x000F and self.events[-2:-1] == [("command", 0x000F)]:
                self.registers[0x00] |= 0x04
            elif code == 0x0022:
                self.fets_enabled = not self.fets_enabled
            elif code == 0x0090:
                self.registers[0x12] |= 1
            elif code == 0x0092:
                self.registers[0x12] &= 0xFF ^ 0x19
            elif code == 0x29BC:
                self.check_codes = self.memory[0x9239] == self.checked_comm_type

    def _answer(self, code, data):
        self.registers[0x40 : 0x40 + len(data)] = data
        total = (code & 0xFF) + (code >> 8) + sum(data)
        self.registers[0x60] = ~total & 0xFF
        self.registers[0x61] = len(data) + 4

    def _take_block(self, data):
        code, payload = self._pending
        total = (code & 0xFF) + (code >> 8) + sum(payload)
        assert data == bytes([~total & 0xFF, len(payload) + 4])
        if code >= 0x9180:
            assert self.registers[0x12] & 1, "settings are written in CONFIG_UPDATE"
            self.events.append(("memory", code, payload))
            for at, byte in enumerate(payload):
                if code + at != self.forgets:
                    self.memory[code + at] = byte
        else:
            self.events.append(("data", code, payload))


class Line:
    """The both-off pin, recorded among the chip's events."""

    def __init__(self, chip):
        self.chip = chip
        self.level = None

    def value(self, level):
        self.level = level
        self.chip.events.append(("line", level))


class Readings:
    """Just what a driver may touch of a Sample."""

    def __init__(self, cells=16, temps=3):
        self.cells_at = 0
        self.temps_at = cells
        self.current_at = cells + temps
        self.stack_at = self.current_at + 1
        self.board_at = self.stack_at + 1
        self.values = array("i", [sample.UNKNOWN] * (cells + temps + 3))
        self.cell_values = memoryview(self.values)[:cells]
        self.temp_values = memoryview(self.values)[cells : cells + temps]
        self.cell_count = cells
        self.temp_count = temps
        self.front_end_fault = 0
        self.front_end_charge_trip = 0
        self.front_end_discharge_trip = 0
        self.refreshed = []

    def refresh(self, group, now_ms):
        self.refreshed.append(group)

    def take_refreshed(self):
        taken, self.refreshed = self.refreshed, []
        return taken


class Desk:
    """Driver, chip and Sample; make_chip(clock, check_codes), make_bus(chip) for another bus."""

    def __init__(self, check_codes=True, make_chip=StandIn, make_bus=None, **options):
        self.clock = VirtualClock()
        fake_time.use(self.clock)
        self.chip = make_chip(self.clock, check_codes)
        self.line = Line(self.chip)
        options.setdefault("cells", 16)
        bus = make_bus(self.chip) if make_bus else self.chip
        self.front_end = Bq76952(bus, self.line, **options)
        self.readings = Readings(options["cells"], options.get("temps", 3))
        self.now_ms = 0

    def configure(self, requests=REQUESTS):
        for _ in self.front_end.configure(requests):
            pass
        return self

    def read(self, after_ms=50):
        self.now_ms += after_ms
        self.front_end.read(self.readings, self.now_ms)
        return self.readings.take_refreshed()

    def read_scan(self, cells_mv=ALL_EQUAL, **scan):
        self.chip.scan(cells_mv, **scan)
        return self.read()

    def cells_mv(self):
        return list(self.readings.values[:16])
