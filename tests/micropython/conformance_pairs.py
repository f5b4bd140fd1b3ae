"""Every driver with its simulated chip, behind one face, for test_front_end_conformance.py.

A pair is a function that returns a Rig; PAIRS lists them. Times in us on the virtual clock.
"""

import machine

from host_tools.mock import fake_buses, fake_time
from host_tools.mock.bench import Bench
from host_tools.mock.bq769x0 import Bq769x0Model
from host_tools.mock.bq76952 import Bq76952Model
from host_tools.mock.cells import Pack
from host_tools.mock.clock import VirtualClock
from host_tools.mock.ina226 import Ina226Model
from host_tools.mock.ina228 import Ina228Model
from host_tools.mock.isl94202 import Isl94202Model
from host_tools.mock.isl94202_inputs import divider_mv
from host_tools.mock.ltc681x import Ltc681xChain
from host_tools.sim.twins import contactors as contactor_twin
from vigil import chemistry, presets
from vigil.afe.bq769x0 import Bq769x0
from vigil.afe.bq76952 import Bq76952
from vigil.afe.bq76952_spi import SpiTransfer
from vigil.afe.errors import AfeError
from vigil.afe.isl94202 import Isl94202
from vigil.afe.ltc681x import Ltc681x
from vigil.afe.ltc681x_layout import Device
from vigil.contactor import Contactor, LinkVoltage
from vigil.contactors import Contactors
from vigil.front_end import FrontEnd
from vigil.precharge import Precharge
from vigil.sample import BOARD, CELLS, CURRENT, STACK, TEMPS, UNKNOWN, Sample
from vigil.sensor.ina226 import Ina226
from vigil.sensor.ina228 import Ina228
from vigil.sensor.thermistor import ntc_103jt

GROUPS = (CELLS, TEMPS, CURRENT, STACK, BOARD)
LINE_PIN = 3
WAKE_PIN = 7
CS_PIN = 17
ALERT_PIN = 18
TICK_US = 100000
_NO_DEVICE = 19


class Bus:
    """In the place of machine.I2C or SPI: passes everything on, unless a test disturbs it."""

    def __init__(self, bus, groups):
        self._bus = bus
        self.groups = groups  # of the Sample that come over it
        self.dead = False
        self.fail_at = None  # so many transfers from now one fails
        self.spoil = None  # function that changes what was read (bytearray)
        self._happens = None
        self.transfers = 0
        self.has_checks = True

    def interrupt(self, at, happens):
        """Call happens() before the transfer that is so many away."""
        self._happens = [at, happens]

    def _fails(self):
        self.transfers += 1
        if self._happens is not None:
            self._happens[0] -= 1
            if self._happens[0] < 0:
                happens = self._happens[1]
                self._happens = None
                happens()
        if self.fail_at is not None:
            self.fail_at -= 1
            if self.fail_at < 0:
                self.fail_at = None
                return True
        return self.dead

    # I2C.

    def readfrom_mem_into(self, address, register, buffer):
        if self._fails():
            raise OSError(_NO_DEVICE)
        self._bus.readfrom_mem_into(address, register, buffer)
        if self.spoil is not None:
            self.spoil(buffer)

    def writeto_mem(self, address, register, buffer):
        if self._fails():
            raise OSError(_NO_DEVICE)
        self._bus.writeto_mem(address, register, buffer)

    # SPI: nobody hears what fails, and nobody drives the answering line.

    def write(self, data):
        if not self._fails():
            self._bus.write(data)

    def write_readinto(self, sent, into):
        if self._fails():
            for at in range(len(into)):
                into[at] = 0xFF
            return
        self._bus.write_readinto(sent, into)
        if self.spoil is not None:
            self.spoil(into)


class CalmBench(Bench):
    """One whose cells change more seldom, for the many hours that these tests simulate."""

    def _tick(self):
        self.clock.call_at(self.clock.now_us + TICK_US, self._tick)
        self.update()
        if self.clock.now_us - self._heated_us >= 1000000:
            self._do_slow_things(self.clock.now_us)
        self._react()


class Rig:
    """One pair on its bench. What a pair may say otherwise stands here as attributes.

    close_ms, open_ms: from set_switches() until current can flow, or no longer can. off_ms: the
    same for all_off(). stuck_ms: in which conversions that have ceased are noticed.
    """

    close_ms = 600
    open_ms = 100
    off_ms = 0
    stuck_ms = 500
    cycle_ms = 50
    cell_error_mv = 3
    stack_error_mv = 40
    current_error_ma = 150
    temp_error_dc = 5
    ambient_c = 25.0  # of every rig that is built from now on

    def __init__(self, name, cells, temps, capacity_mah, shunt_uohm, path=None, clock=None):
        self.name = name
        self.clock = clock or new_clock()
        pack = Pack(cells, capacity_mah, "LFP", 1, 60)
        self.capacity_mah = capacity_mah
        self.bench = CalmBench(
            self.clock,
            pack,
            temps=temps,
            ambient_c=Rig.ambient_c,
            shunt_uohm=shunt_uohm,
            path=path,
        )
        self.buses = []
        self.resets = []  # each makes one chip forget its settings
        self.flips = []  # each changes one setting behind the driver's back
        self.wrongs = []  # each puts a wrong device in a chip's place
        self.freezes = []  # (function that stops a chip's conversions, groups)
        self.strangers = []  # each puts something there that is no such chip at all
        self.seams = ()  # cells (from 0) whose upper neighbour hangs on another chip or group
        self.open_lead = None  # function(n) that breaks a sense lead
        self.counters = ()  # objects with retries, check_errors, no_answers
        self.common = False  # one port: both directions or none

    def bus(self, bus, groups):
        self.buses.append(Bus(bus, groups))
        return self.buses[-1]

    def has_contactors(self, path, coils):
        """They take their time: pre-charge, rest, and 8 ms to part."""
        self.common = coils.COMMON_PORT
        self.close_ms = 3000
        self.off_ms = 10
        contactor_twin.show_link(coils, self.bench, path)

    def ready(self, front_end):
        """The front end is there: a Sample and the usual limits for it."""
        self.front_end = front_end
        periods = self.periods_ms = (
            front_end.cells_period_ms,
            front_end.temps_period_ms,
            front_end.current_period_ms,
            front_end.stack_period_ms,
            front_end.board_period_ms,
        )
        table = presets.preset(
            chemistry.lfp(), front_end.cell_count, self.capacity_mah, periods, self.cycle_ms
        )
        self.requests = table.backstop_requests()
        self.sample = Sample(
            front_end.cell_count,
            front_end.temp_count,
            periods,
            self.cycle_ms,
            front_end.board_temp_count,
        )
        self.sample.start(self.now_ms)
        return self

    # Time.

    @property
    def now_ms(self):
        return self.clock.now_us // 1000

    def configure(self):
        """Bring-up in slices; the code of its error, 0 = well."""
        try:
            for _ in self.front_end.configure(self.requests):
                self.clock.advance(1000)
        except AfeError as error:
            return error.code
        return 0

    def up(self):
        assert self.configure() == 0, self.name
        return self

    def read(self):
        """One cycle later; the code of its error, 0 = well."""
        cycle_us = self.cycle_ms * 1000
        self.clock.advance(cycle_us - self.clock.now_us % cycle_us)
        now_ms = self.now_ms
        try:
            self.front_end.read(self.sample, now_ms)
        except AfeError as error:
            return error.code
        self.sample.answered(now_ms)
        return 0

    def cycles(self, ms):
        """So much time in cycles; True if each was read well."""
        end_us = self.clock.now_us + ms * 1000
        well = True
        while self.clock.now_us < end_us:
            well = self.read() == 0 and well
        return well

    def wait(self, ms, step_ms=1000):
        """So much time with few cycles, but never a silence that means something."""
        end_us = self.clock.now_us + ms * 1000
        while self.clock.now_us < end_us:
            self.clock.advance(min(step_ms * 1000, end_us - self.clock.now_us))
            self.read()

    def hang(self, ms):
        """The firmware runs no more, but a chip that listens for it still hears something."""
        self.clock.advance(ms * 1000)

    def until(self, condition, at_most_ms):
        """Cycles until condition(); whether it came in time."""
        end_us = self.clock.now_us + at_most_ms * 1000
        while not condition():
            if self.clock.now_us >= end_us:
                return False
            self.read()
        return True

    # What is true.

    def flows(self):
        """Whether current could flow: (charging, discharging)."""
        self.bench.update()
        return self.bench.true_charge, self.bench.true_discharge

    def switch(self, charge, discharge):
        """Told so and cycled until it is so; False if it takes longer than it may."""
        self.front_end.set_switches(charge, discharge)
        return self.reaches((charge, discharge), self.close_ms)

    def reaches(self, wanted, at_most_ms):
        return self.until(lambda: self.flows() == wanted, at_most_ms)

    def on(self):
        self.cycles(2 * self.cycle_ms)
        assert self.switch(True, True), self.name
        return self

    def cells_mv(self):
        return list(self.sample.cell_values)

    def value(self, at):
        return self.sample.values[at]

    def group_values(self, group):
        sample = self.sample
        first = (0, sample.temps_at, sample.current_at, sample.stack_at, sample.board_at)[group]
        count = (sample.cell_count, sample.temp_count, 1, 1, sample.board_temp_count)[group]
        return list(sample.values[first : first + count])

    def sequences(self):
        return [self.sample.sequence(group) for group in GROUPS]

    def truth(self):
        """Of cells, temperatures, current and stack."""
        bench = self.bench
        bench.update()
        temps_dc = [10 * temp_c for temp_c in bench.temps_c]
        return list(bench.cell_mv), temps_dc, [bench.current_ma], [bench.stack_mv]

    def wrong_values(self):
        """Values that are neither true nor unknown: (group, place, value, true)."""
        truth = self.truth()
        return self._wrong_of((0, 1, 2, 3), truth, truth)

    def snapshot(self):
        seen = [(self.sample.sequence(group), self.group_values(group)) for group in GROUPS]
        return seen, self.truth()

    def wrong_since(self, snapshot):
        """The same, of groups refreshed or touched since then; true is what was so meanwhile."""
        before, truth = snapshot
        now, truth_now = self.snapshot()
        moved = [group for group in range(4) if now[group] != before[group]]
        return self._wrong_of(moved, truth, truth_now)

    def _wrong_of(self, groups, some, others):
        wrong = []
        errors = (self.cell_error_mv, self.temp_error_dc, self.current_error_ma)
        errors += (self.stack_error_mv,)
        for group in groups:
            for place, value in enumerate(self.group_values(group)):
                low = min(some[group][place], others[group][place]) - errors[group]
                high = max(some[group][place], others[group][place]) + errors[group]
                if value != UNKNOWN and not low <= value <= high:
                    wrong.append((group, place, value, others[group][place]))
        return wrong

    def bled(self, ms):
        """Cells that lose charge by bleeding within the next ms."""
        before = list(self.bench.bled_mas)
        self.wait(ms, 500)
        return [cell for cell in range(len(before)) if self.bench.bled_mas[cell] > before[cell]]

    def apart(self, cell):
        """Whether this cell and the next are no neighbours to the chips."""
        return cell in self.seams

    def counted(self):
        """Bus errors that the drivers have counted."""
        total = 0
        for counters in self.counters:
            total += counters.retries + counters.check_errors + counters.no_answers
        return total


def new_clock():
    clock = VirtualClock()
    machine.forget()
    fake_time.use(clock)
    machine.use(clock)
    return clock


# BQ76952 and BQ76942.


def _bq76952(name, variant, cells, spi=False, coils=None):
    clock = new_clock()
    path, *gates = contactor_twin.wire(clock, coils) if coils else (None,)
    rig = Rig(name, cells, 3, 100000, 500, path, clock)
    chip = Bq76952Model(
        clock, rig.bench, cells=cells, shunt_uohm=500, variant=variant, spi_at_power_up=spi
    )
    if spi:
        machine.attach_spi(0, chip, CS_PIN)
        cs = machine.Pin(CS_PIN, machine.Pin.OUT, value=1)
        port = SpiTransfer(rig.bus(_spi(0, 1800000), GROUPS), cs)
    else:
        machine.attach_i2c(0, 8, chip)
        port = rig.bus(_i2c(), GROUPS)
    both_off = _line(LINE_PIN, chip.dfetoff_pin)
    driver = Bq76952(port, both_off, variant=variant.upper(), cells=cells, temps=3, shunt_uohm=500)
    rig.counters = (driver.bus,)
    rig.resets.append(chip.reset)
    rig.flips.append(chip.flip_a_setting)
    rig.open_lead = chip.open_leads.add
    rig.freezes.append((lambda: setattr(chip, "frozen", True), GROUPS))

    def other_one():
        """Of the same family, with other inputs."""
        other = "bq76942" if variant == "bq76952" else "bq76952"
        bench = Bench(clock, Pack(4, 1000, "LFP", 1, 60))
        return Bq76952Model(clock, bench, cells=4, variant=other, spi_at_power_up=spi)

    def put(device):
        if spi:
            fake_buses._spi_devices.clear()
            machine.attach_spi(0, device, CS_PIN)
        else:
            machine.attach_i2c(0, 8, device)

    rig.wrongs.append(lambda: put(other_one()))
    if not spi:
        rig.strangers.append(lambda: put(_bq76940_somewhere(clock)))
        rig.strangers.append(lambda: put(Memory()))
    if coils is None:
        return rig.ready(driver)

    def gates_changed(charge, discharge):
        for takes, allowed in zip(gates, (charge, discharge)):
            for take in takes:
                take(allowed)

    path.gates_changed = gates_changed
    gates_changed(False, False)
    rig.has_contactors(path, coils)
    return rig.ready(FrontEnd(driver, coils.contactors(), gate=driver))


def bq76952():
    return _bq76952("BQ76952", "bq76952", 16)


def bq76952_spi():
    return _bq76952("BQ76952 on SPI", "bq76952", 16, spi=True)


def bq76942():
    return _bq76952("BQ76942", "bq76942", 10)


def bq76952_contactors():
    return _bq76952("BQ76952 with contactors", "bq76952", 16, coils=Coils(16, common=True))


# BQ76920, BQ76930, BQ76940.


def _bq769x0(variant, cells, temps):
    rig = Rig(variant.upper(), cells, temps, 20000, 1000)
    rig.cycle_ms = 250
    rig.stuck_ms = 9000
    rig.temp_error_dc = 8
    clock = rig.clock
    chip = Bq769x0Model(
        clock, rig.bench, variant=variant, cells=cells, shunt_uohm=1000, crc=True, seed=cells
    )
    machine.attach_i2c(0, 8, chip)
    driver = Bq769x0(
        rig.bus(_i2c(100000), GROUPS),
        both_off=_line(LINE_PIN, chip.clamp_gates),
        wake=_line(WAKE_PIN, chip.boot_pin),
        chip=variant.upper(),
        cells=cells,
        shunt_uohm=1000,
        check_codes=True,
    )
    rig.counters = (driver.bus,)
    rig.resets.append(chip.reset)
    rig.flips.append(chip.flip_a_setting)
    rig.open_lead = chip.open_leads.add
    rig.freezes.append((lambda: setattr(chip, "frozen", True), GROUPS))

    def put(device):
        machine.attach_i2c(0, 8, device)

    # It has no device number: known is a register that keeps what is written.
    rig.wrongs.append(lambda: setattr(chip, "_written", lambda register, value: None))
    rig.strangers.append(lambda: put(_bq76952_somewhere(clock)))
    rig.strangers.append(lambda: put(Memory()))
    return rig.ready(driver)


def bq76920():
    return _bq769x0("bq76920", 5, 1)


def bq76930():
    rig = _bq769x0("bq76930", 9, 2)
    # Groups of five inputs, the fourth of the upper one unused.
    rig.seams = (4, 7)
    return rig


def bq76940():
    rig = _bq769x0("bq76940", 15, 3)
    rig.seams = (4, 9)
    return rig


# ISL94202: no check codes, so everything is read twice.


def _isl94202(cells):
    rig = Rig("ISL94202 of %d cells" % cells, cells, 2, 20000, 500)
    rig.cycle_ms = 250
    rig.stuck_ms = 1500
    rig.close_ms = 700
    rig.temp_error_dc = 8
    clock = rig.clock
    chip = Isl94202Model(
        clock, rig.bench, cells=cells, shunt_uohm=500, seed=cells, thermistor_mv=divider_mv
    )
    machine.attach_i2c(0, 0x28, chip)
    bus = rig.bus(_i2c(100000), GROUPS)
    bus.has_checks = False
    driver = Isl94202(bus, both_off=_line(LINE_PIN, chip.clamp_gates), cells=cells, shunt_uohm=500)
    rig.counters = (driver.bus,)
    rig.resets.append(chip.reset)
    rig.flips.append(chip.flip_a_setting)
    rig.open_lead = chip.open_leads.add
    rig.freezes.append((lambda: setattr(chip, "frozen", True), GROUPS))

    def put(device):
        machine.attach_i2c(0, 0x28, device)

    # It has no device number: known is a flag that follows what is asked.
    rig.wrongs.append(lambda: setattr(chip, "_written", lambda register, value: None))
    rig.strangers.append(lambda: put(_bq76952_somewhere(clock)))
    rig.strangers.append(lambda: put(Memory()))
    return rig.ready(driver)


def isl94202():
    return _isl94202(8)


def isl94202_of_five():
    rig = _isl94202(5)
    # Inputs 1 to 3, 7 and 8.
    rig.seams = (2,)
    return rig


# LTC681x chains with a shunt monitor and contactors.


def _ltc681x(name, parts, cells, monitor, coils):
    """parts, cells: of each device, with a thermistor at GPIO1. monitor: (driver, model)."""
    clock = new_clock()
    path, *gates = contactor_twin.wire(clock, coils)
    rig = Rig(name, sum(cells), len(parts), 100000, 100, path, clock)
    rig.cycle_ms = 20
    rig.has_contactors(path, coils)
    chain = Ltc681xChain(
        clock,
        rig.bench,
        parts=[part.lower() for part in parts],
        cells=list(cells),
        thermistors=[[place] for place in range(len(parts))],
        seed=1,
    )
    machine.attach_spi(0, chain, CS_PIN)
    alert = machine.pin_line(ALERT_PIN)
    alert.pulled_up = True
    alert.settle()
    driver, model = monitor
    chip = model(clock, rig.bench, shunt_uohm=100, bus_mv=lambda: 0.0, alert_line=alert)
    # A whole average in a few steps.
    chip.least_event_us = 5000
    machine.attach_i2c(0, 0x40, chip)
    for takes in gates:
        for take in takes:
            contactor_twin.follow(alert, take)
    voltages = Ltc681x(
        rig.bus(_spi(1, 1000000), (CELLS, TEMPS, STACK, BOARD)),
        machine.Pin(CS_PIN, machine.Pin.OUT, value=1),
        [Device(part, count, (1,)) for part, count in zip(parts, cells)],
        thermistor=ntc_103jt(),
        open_wire_s=2,
    )
    current = driver(
        rig.bus(_i2c(), (CURRENT,)),
        shunt_uohm=100,
        alert=machine.Pin(ALERT_PIN, machine.Pin.IN, machine.Pin.PULL_UP),
        alert_cuts=True,
    )
    rig.buses[1].has_checks = False
    rig.counters = (voltages.bus, current)
    rig.open_lead = chain.open_leads.add
    rig.seams = tuple([sum(cells[: at + 1]) - 1 for at in range(len(cells) - 1)])
    rig.resets.extend((chain.reset, chip.brown_out))
    rig.flips.extend((chain.flip_a_setting, lambda: change_a_limit(chip)))
    rig.freezes.append((lambda: setattr(chain, "frozen", True), (CELLS, TEMPS, STACK, BOARD)))
    rig.freezes.append((lambda: setattr(chip, "frozen", True), (CURRENT,)))

    def shorter():
        chain.devices[-1].missing = True

    def put_the_other_monitor():
        other = Ina226Model if driver is Ina228 else Ina228Model
        machine.attach_i2c(0, 0x40, other(clock, rig.bench, shunt_uohm=100))

    def put_other_devices(part):
        bench = Bench(clock, Pack(len(parts), 1000, "LFP", 1, 60))
        fake_buses._spi_devices.clear()
        others = Ltc681xChain(
            clock, bench, parts=[part] * len(parts), cells=[1] * len(parts), thermistors=None
        )
        machine.attach_spi(0, others, CS_PIN)

    def put_one_more():
        bench = Bench(clock, Pack(len(parts) + 1, 1000, "LFP", 1, 60))
        fake_buses._spi_devices.clear()
        longer = [part.lower() for part in parts] + ["ltc6811"]
        machine.attach_spi(
            0, Ltc681xChain(clock, bench, parts=longer, cells=[1] * len(longer)), CS_PIN
        )

    rig.wrongs.append(put_the_other_monitor)
    rig.wrongs.append(put_one_more)
    for part in ("ltc6811", "ltc6813"):
        if part.upper() not in parts and not (part == "ltc6813" and "ADBMS1818" in parts):
            rig.wrongs.append(lambda part=part: put_other_devices(part))
    if len(set(parts)) > 1:
        rig.wrongs.append(lambda: put_other_devices("ltc6811"))
        rig.wrongs.append(lambda: put_other_devices("ltc6813"))
    rig.strangers.append(shorter)
    rig.strangers.append(lambda: machine.attach_i2c(0, 0x40, Memory()))
    return rig.ready(FrontEnd(voltages, coils.contactors(), current=current))


def change_a_limit(chip):
    """A bit of the alert's limit changes by itself."""
    if hasattr(chip, "_limit"):
        chip._limit ^= 0x40
    else:
        chip._words[0x0C] ^= 0x40


def ltc6811_ina228():
    return _ltc681x(
        "LTC6811 and LTC6813, INA228",
        ("LTC6811", "LTC6813"),
        (8, 10),
        (Ina228, Ina228Model),
        Coils(18),
    )


def adbms1818_ina226():
    return _ltc681x(
        "ADBMS1818, INA226", ("ADBMS1818",), (16,), (Ina226, Ina226Model), Coils(16, common=True)
    )


PAIRS = (
    bq76952,
    bq76952_spi,
    bq76942,
    bq76952_contactors,
    bq76920,
    bq76930,
    bq76940,
    isl94202,
    isl94202_of_five,
    ltc6811_ina228,
    adbms1818_ina226,
)


# Surroundings.


class Coils:
    """Pins and figures of contactors, as twins.contactors wants them; a small link is quick."""

    CHEMISTRY = "LFP"
    SHUNT_UOHM = 100
    PRECHARGE_OHM = 68
    LINK_UF = 1000
    BLEEDER_OHM = 4700
    LINK_FULL_SCALE_MV = 160000
    COIL_ENABLE_PIN = 22
    MAIN_PIN = 20
    PRECHARGE_PIN = 21
    MAIN_FEEDBACK_PIN = 24
    CHARGE_PIN = 23
    CHARGE_FEEDBACK_PIN = 25
    LINK_PIN = 26

    def __init__(self, cells, common=False):
        self.CELLS = cells
        self.COMMON_PORT = common

    def contactors(self):
        """The firmware's side."""
        charge = None
        if not self.COMMON_PORT:
            charge = _contactor(self.CHARGE_PIN, self.CHARGE_FEEDBACK_PIN)
        return Contactors(
            _contactor(self.MAIN_PIN, self.MAIN_FEEDBACK_PIN),
            _contactor(self.PRECHARGE_PIN),
            LinkVoltage(machine.ADC(machine.Pin(self.LINK_PIN)), self.LINK_FULL_SCALE_MV),
            Precharge(self.PRECHARGE_OHM, self.LINK_UF, 200, ready_gap_mv=self.CELLS * 190),
            common=self.COMMON_PORT,
            charge=charge,
            enable=machine.Pin(self.COIL_ENABLE_PIN, machine.Pin.OUT, value=0),
            rest_ms=500,
        )


def _contactor(pin, feedback_pin=None):
    coil = machine.Pin(pin, machine.Pin.OUT, value=0)
    if feedback_pin is None:
        return Contactor(coil)
    return Contactor(coil, machine.Pin(feedback_pin, machine.Pin.IN, machine.Pin.PULL_UP))


class Memory:
    """A stranger on the bus: answers, takes everything, and keeps nothing."""

    def i2c_present(self):
        return True

    def i2c_write(self, data):
        return len(data)

    def i2c_read(self, count):
        return bytes([0x5A]) * count


def _bq76952_somewhere(clock):
    return Bq76952Model(clock, Bench(clock, Pack(4, 1000, "LFP", 1, 60)), cells=4)


def _bq76940_somewhere(clock):
    bench = Bench(clock, Pack(15, 1000, "LFP", 1, 60))
    return Bq769x0Model(clock, bench, variant="bq76940", cells=15)


def _i2c(freq=400000):
    return machine.I2C(0, scl=machine.Pin(5), sda=machine.Pin(4), freq=freq)


def _spi(mode, hz):
    pins = {"sck": machine.Pin(14), "mosi": machine.Pin(15), "miso": machine.Pin(16)}
    return machine.SPI(0, baudrate=hz, polarity=mode, phase=mode, **pins)


def _line(pin, take):
    line = machine.pin_line(pin)
    line.listeners.append(take)
    take(line.level)
    return machine.Pin(pin, machine.Pin.OUT, value=0)
