"""Register-level model of an ISL94202 on its bench, for the virtual clock.

Written from the fact sheet, independently of the driver. Units: mV, mA (+ = charging),
microseconds on the clock.
"""

from host_tools.mock import isl94202_map as m
from host_tools.mock.isl94202_balancing import Balancing
from host_tools.mock.isl94202_bus import RegisterPort
from host_tools.mock.isl94202_inputs import INPUTS, Inputs, code_of, printed_mv
from host_tools.mock.isl94202_protections import (
    Comparator,
    look_at_temperatures,
    voltage_limits,
)

_WAKE_US = 3000000
_SECOND_US = 1000000
# What the terminals show to a chip that has its switch open.
_LOAD_LOOK_MA = 0.06
_CHARGER_MV = 300.0

# The chip opens for these even while the host has the switches (see `overrides_host`).
HARD_FAULTS = m.DSC | m.IOT_BIT | m.OVLO_BIT | m.UVLO_BIT | m.OPEN


class Isl94202Model(RegisterPort):
    """I2C device at 0x28. eeprom_words: other contents than those of a new part.

    wiring: input numbers (1-8) with a cell, where a product deviates from the chip's table.
    thermistor_mv: what the divider shows at a temperature. asleep: powered down until woken.
    """

    # What the sheet leaves open, each to be set otherwise.
    scan_us = (32000, 256000, 512000)  # normal, idle, doze
    slow_every = 4  # temperatures and supplies, in scans
    leads_every = 32  # the test for open wires, in scans
    lockout_us = 160000  # OVLO and UVLO have no delay of their own
    overrides_host = HARD_FAULTS
    watchdog_keeps_off = False  # afterwards the switches stay open until the host closes them
    answers_asleep = True
    restart_us = _WAKE_US  # after a dip of the supply too; 0: at once
    # Called after each measurement: whoever wants the registers to lie overwrites them then.
    after_measuring = None

    def __init__(
        self,
        clock,
        bench,
        *,
        cells=8,
        shunt_uohm=1000,
        seed=0,
        wiring=None,
        thermistor_mv=printed_mv,
        switches_on_xt2=False,
        eeprom_words=None,
        asleep=False,
    ):
        super().__init__(seed)
        self.clock = clock
        self.bench = bench
        self.inputs = Inputs(
            bench, cells, wiring, shunt_uohm, seed, thermistor_mv, switches_on_xt2
        )
        for at, word in (eeprom_words or {}).items():
            self.eeprom[at] = word & 0xFF
            self.eeprom[at + 1] = word >> 8
        self.powered = False
        self.asleep = False
        self.frozen = False
        self.status = 0
        self.watchdog_bites = 0
        self._clamped = False
        self._held_off = False
        self._answers_from_us = 0
        self._heard_us = clock.now_us
        self._wake_level = 0
        self._charger_seen = True
        self._scans = 0
        self._entries = {}
        self._limits = voltage_limits()
        self._comparators = [Comparator(self, bit) for bit in (m.DOC, m.COC, m.DSC)]
        self._low_since_us = None
        self.balancing = Balancing(self)
        bench.listeners.append(self._on_bench)
        if asleep:
            self.shut_down()
        else:
            self._start(0)

    # Power: start, sleep, faults

    def _start(self, answers_after_us):
        """The working copy comes from EEPROM and the chip goes to work on its own."""
        self._stop()
        self.powered = True
        self.asleep = False
        self._answers_from_us = self.clock.now_us + answers_after_us
        self._heard_us = self._answers_from_us
        for at in range(len(self.regs)):
            self.regs[at] = 0
        self.regs[: m.CONFIG_END] = self.eeprom
        self.status = 0
        self._held_off = False
        self._scans = 0
        self._load_comparators()
        self._later("scan", answers_after_us + self.scan_us[0], self._scan)
        self._later("watchdog", answers_after_us + _SECOND_US, self._watch_host)
        self._refresh()

    def _stop(self):
        for name in self._entries:
            self.clock.cancel(self._entries[name])
        self._entries = {}
        for comparator in self._comparators:
            comparator.forget()
        for limit in self._limits:
            limit.since_us = None
        self._low_since_us = None

    def _later(self, name, us, call):
        if name in self._entries:
            self.clock.cancel(self._entries[name])
        self._entries[name] = self.clock.call_at(self.clock.now_us + us, call)

    def awake(self):
        """Measuring and guarding; the first moments after power-up are not."""
        return self.powered and not self.asleep and self.clock.now_us >= self._answers_from_us

    def shut_down(self):
        """Power-down: nothing works and nothing but EEPROM is kept."""
        self._stop()
        self.powered = False
        self.asleep = False
        self.status = 0
        for at in range(len(self.regs)):
            self.regs[at] = 0
        self._charger_seen = self._terminal_alive()
        self.balancing.forget()
        self._refresh()

    def _fall_asleep(self):
        self._stop()
        self.asleep = True
        self.status = m.INSLEEP
        self.regs[m.CTRL1] = 0
        self._charger_seen = self._terminal_alive()
        self.balancing.forget()
        self._refresh()

    def reset(self):
        """Fault hook: the supply dips; the working copy is lost."""
        self._start(self.restart_us)

    def brown_out(self):
        """Fault hook: the supply dips and the chip stays powered down."""
        self.shut_down()

    def wake_pin(self, level):
        """A rising level wakes from sleep and from power-down."""
        rising = level and not self._wake_level
        self._wake_level = level
        if rising:
            self._wake()

    def _wake(self):
        if not self.powered:
            self._start(_WAKE_US)
        elif self.asleep:
            self.asleep = False
            self.status = 0
            self.regs[m.CTRL3] = 0
            self._answers_from_us = self.clock.now_us + _WAKE_US
            self._heard_us = self._answers_from_us
            self._later("scan", _WAKE_US + self.scan_us[0], self._scan)
            self._later("watchdog", _WAKE_US + _SECOND_US, self._watch_host)

    def flip_a_setting(self):
        """A bit of the over-voltage threshold changes by itself, as a bad memory cell does."""
        self.regs[m.OVL] ^= 1

    @property
    def open_leads(self):
        """Fault hook: the set of broken sense leads; lead n goes to the top of cell n."""
        return self.inputs.open_leads

    def i2c_present(self):
        if not self.answering or not self.powered:
            return False
        if self.asleep:
            return self.answers_asleep
        return self.clock.now_us >= self._answers_from_us

    # Registers

    def u16(self, register):
        return self.regs[register] | self.regs[register + 1] << 8

    def code(self, register):
        """The twelve bits of a threshold or a measurement."""
        return self.u16(register) & 0xFFF

    def _put(self, register, code):
        self.regs[register] = code & 0xFF
        self.regs[register + 1] = code >> 8

    def used_inputs(self):
        return self.regs[m.CELL]

    def _about_to_read(self, first, count):
        for n in range(4):
            self.regs[m.STAT0 + n] = self.status >> 8 * n & 0xFF

    def _heard(self):
        self._heard_us = max(self._heard_us, self.clock.now_us)

    # Status bits and switches

    def has(self, bit):
        return self.status & bit

    def set_bits(self, bits, on):
        self.status = self.status | bits if on else self.status & ~bits

    def trip(self, bit):
        """A limit is passed: its bit, and the switches that the chip opens for it."""
        if not self.powered or self.has(bit):
            return
        self.status |= bit
        if bit == m.OPEN and self.regs[m.SETUP0] & m.OWPSD:
            self.regs[m.CTRL1] |= m.PSD
        if bit == m.CELLF and self.regs[m.SETUP0] & m.CFPSD:
            self.regs[m.CTRL1] |= m.PSD
        if self.regs[m.CTRL2] & m.UCFET:
            self.regs[m.CTRL1] &= ~self._refused(bit)
        if bit == m.UVLO_BIT and self.regs[m.SETUP1] & m.UVLOPD:
            self.shut_down()
            return
        self._refresh()

    def drop(self, bit):
        if self.has(bit):
            self.status &= ~bit
            self._refresh()

    def _refused(self, status):
        """Switches that the chip keeps open although the host has them."""
        status &= self.overrides_host
        refused = m.CFET_ON | m.PCFET_ON if status & m.FORBIDS_CHARGE else 0
        return refused | m.DFET_ON if status & m.FORBIDS_DISCHARGE else refused

    def _refresh(self):
        """After any change: the switches."""
        regs = self.regs
        assists = 0
        if not self.awake() or self._held_off or self._scans == 0:
            # Nor before the first measurement.
            regs[m.CTRL1] &= m.PSD
        elif not regs[m.CTRL2] & m.UCFET:
            control, assists = self._own_choice()
            regs[m.CTRL1] = regs[m.CTRL1] & m.PSD | control
        control = regs[m.CTRL1]
        if self._clamped or control & m.PSD:
            control = assists = 0
        self.bench.set_gates(
            bool(control & m.CFET_ON),
            bool(control & m.DFET_ON),
            bool(assists & m.CFET_ON),
            bool(assists & m.DFET_ON),
        )

    def _own_choice(self):
        """Without a host: the switches that no fault forbids, and those on to spare a diode."""
        status = self.status
        setup = self.regs[m.SETUP1]
        control = assists = 0
        if not status & m.FORBIDS_CHARGE:
            control |= m.CFET_ON
        elif status & m.FORBIDS_CHARGE == m.OV and setup & m.DFODOV and status & m.DCHING:
            assists |= m.CFET_ON
        if control and status & m.LVCHG and self.regs[m.SETUP0] & m.PCFETE:
            control = m.PCFET_ON
        if not status & m.FORBIDS_DISCHARGE:
            control |= m.DFET_ON
        elif status & m.FORBIDS_DISCHARGE == m.UV and setup & m.DFODUV and status & m.CHING:
            assists |= m.DFET_ON
        return control | assists, assists

    def clamp_gates(self, level):
        """What a board may add behind CFET and DFET: low holds both gates down."""
        self._clamped = not level
        self._refresh()

    # What the host writes

    def _written(self, register, value):
        if register < m.STAT0:
            self.regs[register] = value
            if m.OCD <= register < m.SCD + 2:
                self._load_comparators()
                self._compare()
        elif register == m.CBFC:
            self.balancing.host_writes(value)
        elif register not in m.WRITABLE:
            self.forbidden_writes += 1
        elif register == m.CTRL1:
            self._switch(value & m.WRITABLE[register])
        else:
            self.regs[register] = value & m.WRITABLE[register]
            self._control(register)

    def _switch(self, value):
        if not self.regs[m.CTRL2] & m.UCFET:
            self.forbidden_writes += 1
            return
        self._held_off = False
        self.regs[m.CTRL1] = value & ~self._refused(self.status)
        self._refresh()

    def _control(self, register):
        regs = self.regs
        if register == m.CTRL0:
            if regs[m.CTRL0] & m.ADCSTRT:
                self._convert_one(regs[m.CTRL0] & 0x0F)
                regs[m.CTRL0] &= ~m.ADCSTRT & 0xFF
        elif register == m.CTRL2:
            if regs[m.CTRL2] & m.OW_STRT:
                regs[m.CTRL2] &= ~m.OW_STRT & 0xFF
                self._test_leads()
            if not regs[m.CTRL2] & m.UCCBAL:
                regs[m.CBFC] = 0
            self._refresh()
            self.balancing.show()
        elif register == m.CTRL3:
            self._change_mode(regs[m.CTRL3])

    def _change_mode(self, asked):
        if asked & m.PDWN:
            self.shut_down()
        elif asked & m.SLEEP:
            self._fall_asleep()
        elif not self.asleep:
            self.set_bits(m.INIDLE | m.INDOZE, False)
            if asked & (m.DOZE | m.IDLE):
                self.set_bits(m.INDOZE if asked & m.DOZE else m.INIDLE, True)

    def _convert_one(self, channel):
        """A conversion by the host's order; which number means what is not on the sheet."""
        inputs = self.inputs
        regs = self.regs
        self.bench.update()
        if 1 <= channel <= INPUTS:
            inputs.convert_cells()
            code = inputs.codes[channel - 1]
        elif channel == 9:
            code = inputs.current_code(self.bench.sensed_ma, regs[m.CTRL0] >> 4 & 3)
        elif channel == 10:
            code = inputs.stack_code(self.bench.stack_mv)
        elif channel == 11:
            code = inputs.regulator_code()
        elif channel in (12, 13):
            code = inputs.thermistor_code(channel - 12, regs[m.SETUP0] & m.TGAIN)
        else:
            code = inputs.die_code() if channel == 14 else 0
        self._put(m.ADC, code)

    def _watch_host(self):
        """Seconds of silence while the host has any of the chip's work end its part."""
        self._later("watchdog", _SECOND_US, self._watch_host)
        seconds = self.u16(m.SLEEP_WDT) >> 11
        regs = self.regs
        if not seconds or not regs[m.CTRL2] & m.HOST_CONTROL:
            return
        if self.clock.now_us - self._heard_us >= seconds * _SECOND_US:
            self.watchdog_bites += 1
            regs[m.CTRL2] = 0
            regs[m.CTRL1] = 0
            regs[m.EEEN] = 0
            self._held_off = self.watchdog_keeps_off
            self.balancing.forget()
            self._refresh()

    # Currents and terminals

    def _on_bench(self):
        if self.awake():
            self._compare()
            return
        if not self.powered or self.asleep:
            alive = self._terminal_alive()
            rising = alive and not self._charger_seen
            self._charger_seen = alive
            if rising:
                self._wake()

    def _load_comparators(self):
        for comparator in self._comparators:
            comparator.load()

    def _compare(self):
        for comparator in self._comparators:
            comparator.look()

    def _terminal_alive(self):
        """A charger, or a button to the cells, lifts the dead terminal."""
        return self.bench.ld_mv > self.bench.stack_mv / 2.0

    def _look_outside(self):
        """Load and charger show at a switch that is open."""
        control = 0 if self._clamped else self.regs[m.CTRL1]
        bench = self.bench
        load = not control & m.DFET_ON and bench.lifted_mv(_LOAD_LOOK_MA) < bench.stack_mv / 2.0
        charger = not control & m.CFET_ON and bench.ld_mv > bench.stack_mv - _CHARGER_MV
        self.set_bits(m.LDPRSNT, load)
        self.set_bits(m.CHPRSNT, charger)
        control = self.regs[m.CTRL2]
        if not load and not control & m.UCLMON:
            self.drop(m.DOC)
            self.drop(m.DSC)
        if not charger and not control & m.UCCMON:
            self.drop(m.COC)

    # Measurement

    def _scan(self):
        mode = 2 if self.has(m.INDOZE) else 1 if self.has(m.INIDLE) else 0
        self._later("scan", self.scan_us[mode], self._scan)
        self.bench.update()
        # What flowed before the chip was awake has gone unseen.
        self._compare()
        if not self.frozen and not self.regs[m.CTRL2] & m.UCSCAN:
            self._measure()
            if not self.awake():
                return
            if self.after_measuring is not None:
                self.after_measuring()
        self._refresh()

    def _measure(self):
        regs = self.regs
        inputs = self.inputs
        slow = self._scans % self.slow_every == 0
        leads = self._scans % self.leads_every == self.leads_every - 1
        self._scans += 1
        self.balancing.rest()
        inputs.convert_cells()
        codes = inputs.codes
        used = self.used_inputs()
        for n in range(INPUTS):
            self._put(m.CELL1 + 2 * n, codes[n])
        among = [codes[n] for n in range(INPUTS) if used >> n & 1] or [0]
        lowest, highest = min(among), max(among)
        self._put(m.CELLMIN, lowest)
        self._put(m.CELLMAX, highest)
        self._measure_current()
        for limit in self._limits:
            limit.look(self, lowest, highest)
            if not self.powered:
                return
        if highest - lowest > self.code(m.CBMAXDV):
            self.trip(m.CELLF)
        else:
            self.drop(m.CELLF)
        if slow:
            self._measure_slowly()
        if leads and not regs[m.SETUP0] & m.DOWD:
            self._test_leads()
        self.balancing.measured(codes, lowest, highest)
        self._watch_sleep_level(lowest)

    def _measure_current(self):
        direction = self.inputs.direction()
        self.set_bits(m.CHING, direction > 0)
        self.set_bits(m.DCHING, direction < 0)
        if direction:
            self.set_bits(m.INIDLE | m.INDOZE, False)
            self.regs[m.CTRL3] = 0
        ma = self.bench.sensed_ma if direction else 0.0
        gain_code = self.regs[m.CTRL0] >> 4 & 3
        self._put(m.ISNS, self.inputs.current_code(ma, gain_code))

    def _measure_slowly(self):
        inputs = self.inputs
        setup = self.regs[m.SETUP0]
        first = inputs.thermistor_code(0, setup & m.TGAIN)
        second = inputs.thermistor_code(1, setup & m.TGAIN)
        die = inputs.die_code()
        self._put(m.XT1, first)
        self._put(m.XT2, second)
        self._put(m.IT, die)
        self._put(m.VBATT, inputs.stack_code(self.bench.stack_mv))
        self._put(m.VRGO, inputs.regulator_code())
        look_at_temperatures(self, (first, second), die)
        # A thermistor at the switches says nothing about the cells.
        self.balancing.look_at_temperatures((first,) if setup & m.XT2M else (first, second))
        self._look_outside()

    def _test_leads(self):
        self.bench.update()
        if self.inputs.test_leads():
            self.trip(m.OPEN)
        else:
            self.drop(m.OPEN)

    def _watch_sleep_level(self, lowest):
        """The delay is taken to have its unit in bits 10 and 9, the watchdog above them."""
        if lowest >= self.code(m.SLL):
            self._low_since_us = None
            return
        now_us = self.clock.now_us
        if self._low_since_us is None:
            self._low_since_us = now_us
        word = self.u16(m.SLEEP_WDT)
        unit_us = (1, 1000, _SECOND_US, 60 * _SECOND_US)[word >> 9 & 3]
        if now_us - self._low_since_us >= (word & 0x1FF) * unit_us:
            self._fall_asleep()

    # What lies show instead

    def show_cell(self, place, mv):
        self._put(m.CELL1 + 2 * self.inputs.places.index(place), code_of(mv, 4800.0))

    def show_stack(self, mv):
        self._put(m.VBATT, code_of(mv, 57600.0))

    def show_current(self, ma):
        self._put(m.ISNS, self.inputs.current_code(ma, self.regs[m.CTRL0] >> 4 & 3))
        self.set_bits(m.CHING, ma > 0)
        self.set_bits(m.DCHING, ma < 0)
