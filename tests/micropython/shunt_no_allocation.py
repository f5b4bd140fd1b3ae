"""A front end's reading with INA228 or INA226 allocates nothing: by count and under heap lock.

Conversions, cycles without one, alerts, disturbed transfers and a silence, one after the other.
Run by tests/unit/test_shunt_no_allocation.py; prints the counts and "ok".
"""

import gc

import micropython

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from vigil.afe.errors import AfeError
from vigil.front_end import FrontEnd
from vigil.limits import BACKSTOP_CHARGE_CURRENT, BACKSTOP_DISCHARGE_CURRENT
from vigil.sample import CURRENT, STACK, Sample
from vigil.sensor.ina226 import Ina226
from vigil.sensor.ina228 import Ina228

CYCLES = 2000
CYCLE_MS = 20
REQUESTS = (
    (BACKSTOP_CHARGE_CURRENT, 100000, 40, 90000),
    (BACKSTOP_DISCHARGE_CURRENT, -200000, 40, -180000),
)


class CannedMonitor:
    """I2C, chip and alert pin in one: registers as they were written, and flags."""

    def __init__(self, clock, wide):
        self.clock = clock
        self.flags_at = 0x0B if wide else 0x06
        self.always = 0x0001 if wide else 0
        self.new = 0x0002 if wide else 0x0008
        self.tripped = 0x0060 if wide else 0x0010
        self.values = (0x04, 0x07) if wide else (0x01, 0x04)
        self.registers = [bytearray(3) for _ in range(256)]
        self.put(0x3E, 0x5449)
        self.put(0x3F, 0x2281)
        self.put(0xFE, 0x5449)
        self.put(0xFF, 0x2260)
        self.wide = wide
        self.flags = 0
        self.alert = 0
        self.silent = False
        self.spoil = 0

    def put(self, register, value):
        self.registers[register][0] = value >> 8 & 0xFF
        self.registers[register][1] = value & 0xFF

    def value(self):
        return 1 - self.alert

    def convert(self, code):
        for register in self.values:
            into = self.registers[register]
            if self.wide:
                into[0] = code >> 12 & 0xFF
                into[1] = code >> 4 & 0xFF
                into[2] = code << 4 & 0xF0
            else:
                into[0] = code >> 8 & 0xFF
                into[1] = code & 0xFF
        self.flags |= self.new

    def trip(self):
        self.flags |= self.tripped
        self.alert = 1

    def readfrom_mem_into(self, address, register, buffer):
        if self.silent:
            raise OSError(19)
        data = self.registers[register]
        for at in range(len(buffer)):
            buffer[at] = data[at]
        if register == self.flags_at:
            word = self.flags | self.always
            buffer[0] |= word >> 8
            buffer[1] |= word & 0xFF
            self.flags = 0
            self.alert = 0
        elif self.spoil and register == self.values[1]:
            self.spoil -= 1
            buffer[0] ^= 0x40

    def writeto_mem(self, address, register, buffer):
        if register == 0 and buffer[0] & 0x80:
            return
        self.registers[register][0] = buffer[0]
        self.registers[register][1] = buffer[1]


class Voltages:
    cell_count = 16
    temp_count = 3
    cells_period_ms = current_period_ms = stack_period_ms = CYCLE_MS
    temps_period_ms = 200
    bleeds_adjacent = False
    bleed_lapse_ms = 20000
    configured = True
    applied = []

    def read(self, sample, now_ms):
        sample.values[sample.stack_at] = 53000
        sample.refresh(STACK, now_ms)
        sample.front_end_charge_trip = 0
        sample.front_end_discharge_trip = 0


class Contacts:
    common = False
    charge_is_on = discharge_is_on = True
    dropped = 0

    def set_switches(self, charge, discharge):
        pass

    def all_off(self):
        self.dropped += 1

    def step(self, now_ms, stack_mv, current_ma):
        pass


def prepare(chip, cycle, clock):
    """What happens between two cycles; this may allocate."""
    clock.advance(1000 * CYCLE_MS)
    phase = cycle % 500
    chip.silent = phase in (100, 120, 121, 122)
    if not 200 <= phase < 210:
        chip.convert((cycle * 977) % 0x8000 - 0x4000)
    if phase in (300, 330):
        chip.trip()
    chip.spoil = 1 if phase == 400 else 2 if phase == 420 else 0


def run(part, shunt_uohm):
    clock = VirtualClock()
    fake_time.use(clock)
    chip = CannedMonitor(clock, part is Ina228)
    driver = part(chip, shunt_uohm=shunt_uohm, alert=chip, alert_cuts=True)
    for _ in driver.configure(REQUESTS):
        chip.convert(100)
        if not driver._written:
            # Its limits are at their ends: the test of the alert.
            chip.trip()
    contacts = Contacts()
    front_end = FrontEnd(Voltages(), contacts, current=driver)
    sample = Sample(16, 3, (20, 200, 11, 20, 200), CYCLE_MS)
    sample.start(0)
    contacts.dropped = 0
    allocated = 0
    failures = 0
    told = 0
    gc.collect()
    gc.disable()
    for cycle in range(CYCLES + 500):
        prepare(chip, cycle, clock)
        failed = False
        now_ms = clock.now_us // 1000
        before = gc.mem_alloc()
        try:
            front_end.read(sample, now_ms)
        except AfeError:
            failed = True
        cost = gc.mem_alloc() - before
        if cycle == 500:
            told = sample.sequence(CURRENT)
        # The first round warms up; a failed transfer raises, and every raise costs a traceback.
        if cycle >= 500:
            if failed or chip.silent:
                failures += 1
            else:
                allocated += cost
        if cycle % 100 == 99:
            gc.collect()
    gc.enable()
    assert allocated == 0, "%d bytes were allocated" % allocated
    assert failures >= 4 * (CYCLES // 500)
    assert sample.sequence(CURRENT) - told >= CYCLES * 9 // 10
    assert driver.alerts >= CYCLES // 500 and contacts.dropped >= 40 * (CYCLES // 500)
    assert driver.check_errors >= 2 * (CYCLES // 500)
    for cycle in range(500):
        prepare(chip, cycle, clock)
        now_ms = clock.now_us // 1000
        micropython.heap_lock()
        try:
            front_end.read(sample, now_ms)
        except AfeError:
            pass
        finally:
            micropython.heap_unlock()
    print("cycles", CYCLES, "bytes", allocated, "failed", failures)


run(Ina228, 500)
run(Ina226, 250)
print("ok")
