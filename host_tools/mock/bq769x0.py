"""Register-level model of a BQ76920, BQ76930 or BQ76940 on its bench, for the virtual clock.

Written from the fact sheet, independently of the driver. Units: mV, mA (+ = charging),
microseconds on the clock.
"""

from host_tools.mock.bq769x0_balancing import Balancing
from host_tools.mock.bq769x0_bus import RegisterPort
from host_tools.mock.bq769x0_coulombs import CC_READY, CoulombCounter
from host_tools.mock.bq769x0_inputs import GROUP, Inputs
from host_tools.mock.bq769x0_protections import OCD, OV, SCD, UV, Comparator, VoltageLimit
from host_tools.mock.thermistors import ohm_103jt

SYS_STAT = 0x00
CELLBAL1 = 0x01
SYS_CTRL1 = 0x04
SYS_CTRL2 = 0x05
PROTECT1 = 0x06
PROTECT2 = 0x07
PROTECT3 = 0x08
OV_TRIP = 0x09
UV_TRIP = 0x0A
CC_CFG = 0x0B
VC1 = 0x0C
BAT = 0x2A
TS1 = 0x2C
_CC_HIGH = 0x32
_GAIN_1 = 0x50
_OFFSET = 0x51
_GAIN_2 = 0x59

OVRD_ALERT = 0x10
XREADY = 0x20
_LOAD_PRESENT = 0x80
_ADC_EN = 0x10
_TEMP_SEL = 0x08
_SHUT = 0x03
_DELAY_DIS = 0x80
_DSG_ON = 0x02
_CHG_ON = 0x01

_FORBIDS_CHARGE = OV | OVRD_ALERT
_FORBIDS_DISCHARGE = UV | OCD | SCD | OVRD_ALERT

# Bits that exist, and bits that must be written as 0.
_WRITABLE = {
    SYS_CTRL1: 0x1B,
    SYS_CTRL2: 0xE3,
    PROTECT1: 0x9F,
    PROTECT2: 0x7F,
    PROTECT3: 0xFF,
    OV_TRIP: 0xFF,
    UV_TRIP: 0xFF,
    CC_CFG: 0x3F,
}
_MUST_BE_0 = {SYS_CTRL1: 0x04, SYS_CTRL2: 0x1C, PROTECT1: 0x20, PROTECT3: 0x0F}

_FIRST_CELLS_US = (250_000, 400_000, 800_000)
_CYCLE_US = 250_000
_BOOT_PULSE_US = 2000
_READY_US = 10_000
_TOO_SOON_US = 125_000
_TEMPERATURES_EVERY = 8
_LEAST_GROUP_MV = 3600.0
_BOOT_GROUP_MV = 4500.0
# A pull-up of about 1 MOhm looks for a load at the open charge switch.
_LOAD_LOOK_MA = 0.02
_LOAD_MV = 700.0


class Bq769x0Model(RegisterPort):
    """I2C device. `address` and `crc` are fixed in the part: 8 or 0x18, with check codes or not.

    wiring: input numbers with a cell where a product deviates from the chip's table. gain_uv,
    offset_mv: this very chip's, else drawn from the seed. current_sign: -1 where SRP and SRN are
    the other way round. asleep: as a new battery is, until its boot pulse.
    """

    # What the sheet leaves open, each both ways.
    fets_on_despite_fault = True
    trips_again_at_once = False
    low_group_sleeps = True
    # Called after each measurement: whoever wants the registers to lie overwrites them then.
    after_measuring = None

    def __init__(
        self,
        clock,
        bench,
        *,
        variant="bq76940",
        cells=15,
        shunt_uohm=500,
        address=8,
        crc=True,
        seed=0,
        wiring=None,
        gain_uv=None,
        offset_mv=None,
        current_sign=1,
        thermistor_ohm=ohm_103jt,
        asleep=False,
    ):
        super().__init__(address, crc)
        self.clock = clock
        self.bench = bench
        self.inputs = Inputs(bench, variant, cells, wiring, seed, thermistor_ohm)
        if gain_uv is not None:
            self.inputs.gain_uv = gain_uv
        if offset_mv is not None:
            self.inputs.offset_mv = offset_mv
        self.groups = self.inputs.groups
        self._junk = seed * 37 & 0xFF
        self.shunt_mohm = shunt_uohm / 1000.0
        self.current_sign = current_sign
        self.powered = False
        self.frozen = False
        self.alert = False
        self.alert_listeners = []
        # What a host should never do; counted, not refused.
        self.forbidden_writes = 0
        self.link_lost = False
        self._alert_forced = False
        self._boot_level = 0
        self._clamped = False
        self._boot_entry = None
        self._left_us = -_TOO_SOON_US
        self._answers_from_us = 0
        self._half_shut = False
        self._ma = bench.sensed_ma
        self._entries = [None] * self.groups
        self._calls = [self._cycle_of(group) for group in range(self.groups)]
        self._voltage = (VoltageLimit(self, OV), VoltageLimit(self, UV))
        self._comparators = (Comparator(self, OCD), Comparator(self, SCD))
        self.coulombs = CoulombCounter(self)
        self.balancing = Balancing(self, CELLBAL1)
        bench.listeners.append(self._on_bench)
        if asleep:
            self.shut_down()
        else:
            self._start(0)

    # Power: boot, sleep, faults

    def _start(self, answers_after_us):
        """NORMAL mode with everything at its default."""
        self._stop()
        now_us = self.clock.now_us
        self.powered = True
        self._answers_from_us = now_us + answers_after_us
        self._forget_registers()
        self.regs[SYS_CTRL1] = _ADC_EN
        # Cycles without cells pass before the first ones of an upper group.
        self._cycles = [first_us // _CYCLE_US - 1 for first_us in _FIRST_CELLS_US[: self.groups]]
        self._load_protections()
        for group in range(self.groups):
            due_us = now_us + _FIRST_CELLS_US[group]
            self._entries[group] = self.clock.call_at(due_us, self._calls[group])
        self._refresh()
        if self.link_lost:
            self._cut_link()
        self._look_at_override()

    def _forget_registers(self):
        regs = self.regs
        for at in range(len(regs)):
            regs[at] = 0
        regs[OV_TRIP] = 0xAC
        regs[UV_TRIP] = 0x97
        code = self.inputs.gain_uv - 365
        # The bits beside the gain are nobody's promise.
        regs[_GAIN_1] = code >> 3 << 2 | self._junk & 0xF3
        regs[_GAIN_2] = (code & 7) << 5 | self._junk & 0x1F
        regs[_OFFSET] = self.inputs.offset_mv & 0xFF
        self.inputs.forget()
        self._half_shut = False

    def _stop(self):
        for entry in self._entries:
            if entry is not None:
                self.clock.cancel(entry)
        self._entries = [None] * self.groups
        for protection in self._voltage + self._comparators:
            protection.forget()
        self.coulombs.stop()
        self.balancing.forget()

    def shut_down(self):
        """SHIP mode: nothing works and nothing is kept."""
        self._stop()
        self.powered = False
        self._left_us = self.clock.now_us
        self._forget_registers()
        self._refresh()

    def reset(self):
        """Fault hook: the supply dips and the board boots the chip again."""
        self._start(_READY_US)

    def brown_out(self):
        """Fault hook: the supply dips and nobody boots the chip: it stays in SHIP mode."""
        self.shut_down()

    def boot_pin(self, level):
        """TS1 pulled high from outside: wakes if it was low before and stays high long enough."""
        rising = level and not self._boot_level
        self._boot_level = level
        if self._boot_entry is not None:
            self.clock.cancel(self._boot_entry)
            self._boot_entry = None
        if rising and not self.powered:
            due_us = self.clock.now_us + _BOOT_PULSE_US
            self._boot_entry = self.clock.call_at(due_us, self._boot)

    def _boot(self):
        self._boot_entry = None
        self.bench.update()
        for group in range(self.groups):
            if self.inputs.group_mv(group) < _BOOT_GROUP_MV:
                return
        too_soon = self.clock.now_us - _BOOT_PULSE_US - self._left_us < _TOO_SOON_US
        self._start(_READY_US - _BOOT_PULSE_US)
        if too_soon and self.groups > 1:
            self._not_ready()

    def lose_link(self):
        """Fault hook: the link to an upper group is gone until restore_link()."""
        self.link_lost = True
        if self.powered:
            self._cut_link()

    def restore_link(self):
        self.link_lost = False

    def _cut_link(self):
        for at in range(VC1, _CC_HIGH + 2):
            self.regs[at] = 0
        self.inputs.forget()
        self._not_ready()

    def _not_ready(self):
        self.balancing.forget()
        self.trip(XREADY)

    def flip_a_setting(self):
        """A bit of the over-voltage threshold changes by itself, as a bad memory cell does."""
        self.regs[OV_TRIP] ^= 1
        self._load_protections()

    @property
    def open_leads(self):
        """Fault hook: the set of broken sense leads; lead n goes to the top of cell n."""
        return self.inputs.open_leads

    def i2c_present(self):
        return self.answering and self.powered and self.clock.now_us >= self._answers_from_us

    # Status bits, ALERT, switches

    def has(self, bit):
        return self.regs[SYS_STAT] & bit

    def trip(self, bit):
        """A protection strikes: its bit, and the switches it opens."""
        if not self.powered or self.has(bit):
            return
        self.regs[SYS_STAT] |= bit
        if bit & (_FORBIDS_CHARGE | XREADY):
            self.regs[SYS_CTRL2] &= ~_CHG_ON & 0xFF
        if bit & (_FORBIDS_DISCHARGE | XREADY):
            self.regs[SYS_CTRL2] &= ~_DSG_ON & 0xFF
        self._refresh()

    def conversion_done(self):
        self.regs[SYS_STAT] |= CC_READY
        self._show_alert()

    def force_alert(self, forced):
        """A secondary protector pulls the pin up; heard only while the chip holds it low."""
        self._alert_forced = bool(forced)
        self._look_at_override()

    def _look_at_override(self):
        if self._alert_forced and self.powered and not self.regs[SYS_STAT]:
            self.trip(OVRD_ALERT)

    def _show_alert(self):
        alert = self.regs[SYS_STAT] != 0
        if alert != self.alert:
            self.alert = alert
            for listener in self.alert_listeners:
                listener(1 if alert else 0)

    def _refresh(self):
        """After any change: pin and switches."""
        control = 0 if self._clamped else self.regs[SYS_CTRL2]
        self._show_alert()
        self.bench.set_gates(bool(control & _CHG_ON), bool(control & _DSG_ON))

    def clamp_gates(self, level):
        """What a board may add behind CHG and DSG: low holds both gates down."""
        self._clamped = not level
        self._refresh()

    def _clear(self, ones):
        cleared = self.regs[SYS_STAT] & ones
        self.regs[SYS_STAT] &= ~ones & 0xFF
        for protection in self._voltage + self._comparators:
            if cleared & protection.bit:
                protection.released()
        self._show_alert()
        self._look_at_override()

    # What the host writes

    def _written(self, register, value):
        if self._shuts(register, value & _SHUT):
            self.shut_down()
            return
        if value & _MUST_BE_0.get(register, 0):
            self.forbidden_writes += 1
        if register == SYS_STAT:
            self._clear(value)
        elif CELLBAL1 <= register < CELLBAL1 + 3:
            self.balancing.write(register, value)
        elif register == SYS_CTRL2:
            self._control(value & _WRITABLE[SYS_CTRL2])
        elif register in _WRITABLE:
            self.regs[register] = value & _WRITABLE[register]
            if PROTECT1 <= register <= UV_TRIP:
                self._load_protections()

    def _shuts(self, register, bits):
        """SHUT_A and SHUT_B: both 0, then 01, then 10, with nothing else written between."""
        half_way = self._half_shut
        self._half_shut = False
        if register == SYS_CTRL1:
            if bits == 2:
                return half_way and not self.link_lost
            self._half_shut = bits == 1 and not self.regs[SYS_CTRL1] & _SHUT
        return False

    def _control(self, value):
        status = self.regs[SYS_STAT]
        refused = 0
        if status & XREADY:
            refused = _CHG_ON | _DSG_ON
        elif not self.fets_on_despite_fault:
            if status & _FORBIDS_CHARGE:
                refused |= _CHG_ON
            if status & _FORBIDS_DISCHARGE:
                refused |= _DSG_ON
        # What is on already was not switched on by this write.
        before = self.regs[SYS_CTRL2]
        value &= ~(refused & ~before) & 0xFF
        self.regs[SYS_CTRL2] = value
        if (before ^ value) & _DELAY_DIS:
            self._load_protections()
        self.coulombs.control(before, value)
        self._refresh()

    def _load_protections(self):
        regs = self.regs
        shortened = regs[SYS_CTRL2] & _DELAY_DIS
        doubled = regs[PROTECT1] & 0x80
        over, under = self._voltage
        over.load(regs[OV_TRIP], regs[PROTECT3] >> 4 & 3, shortened)
        under.load(regs[UV_TRIP], regs[PROTECT3] >> 6, shortened)
        slow, fast = self._comparators
        slow.load(regs[PROTECT2], doubled, shortened)
        fast.load(regs[PROTECT1], doubled, shortened)
        self._compare()

    def _about_to_read(self, first, count):
        if first <= SYS_CTRL1 < first + count:
            self.regs[SYS_CTRL1] &= ~_LOAD_PRESENT & 0xFF
            if self._load_present():
                self.regs[SYS_CTRL1] |= _LOAD_PRESENT

    def _load_present(self):
        """The CHG pin shows it, unless the chip drives that pin itself."""
        if self.regs[SYS_CTRL2] & _CHG_ON:
            return False
        bench = self.bench
        bench.update()
        return bench.lifted_mv(_LOAD_LOOK_MA) < bench.stack_mv - _LOAD_MV

    # Currents

    def discharge_mv(self):
        """Across the shunt; what charges does not count."""
        return -self.bench.sensed_ma * self.shunt_mohm / 1000.0

    def _on_bench(self):
        ma = self.bench.sensed_ma
        if ma != self._ma:
            self._ma = ma
            self.coulombs.changed(ma)
            if self.powered:
                self._compare()

    def _compare(self):
        for comparator in self._comparators:
            comparator.look()

    # Measurement: every group by its own clock

    def _cycle_of(self, group):
        def cycle():
            self._cycle(group)

        return cycle

    def _cycle(self, group):
        clock = self.clock
        due_us = clock.now_us + self.inputs.periods_us[group]
        self._entries[group] = clock.call_at(due_us, self._calls[group])
        self.bench.update()
        if self._starved(group):
            return
        if self.link_lost:
            self.trip(XREADY)
        elif self.regs[SYS_CTRL1] & _ADC_EN and not self.frozen:
            self._convert(group)
        self.balancing.converted(group)

    def _starved(self, group):
        if self.inputs.group_mv(group) >= _LEAST_GROUP_MV:
            return False
        if group == 0 or self.low_group_sleeps:
            self.shut_down()
        else:
            self._not_ready()
        return True

    def _convert(self, group):
        regs = self.regs
        inputs = self.inputs
        inputs.convert(group, regs[CELLBAL1 + group])
        codes = inputs.codes[GROUP * group : GROUP * group + GROUP]
        at = VC1 + 2 * GROUP * group
        for code in codes:
            self._put(at, code)
            at += 2
        if group == self.groups - 1:
            self._put(BAT, inputs.pack_code())
        self._cycles[group] += 1
        if self._cycles[group] % _TEMPERATURES_EVERY == 0:
            self._put(TS1 + 2 * group, self._temperature_code(group))
        for limit in self._voltage:
            limit.converted(group, codes)
        if self.after_measuring is not None:
            self.after_measuring()

    def show_cell(self, place, mv):
        inputs = self.inputs
        self._put(VC1 + 2 * inputs.places.index(place), inputs.code_of(mv))

    def show_stack(self, mv):
        inputs = self.inputs
        used = len(inputs.places) - inputs.places.count(-1)
        code = int((mv - used * inputs.offset_mv) * 250.0 / inputs.gain_uv + 0.5)
        self._put(BAT, min(max(code, 0), 0xFFFF))

    def show_current(self, ma):
        self.put_current(ma)

    def _temperature_code(self, group):
        if not self.regs[SYS_CTRL1] & _TEMP_SEL:
            return self.inputs.die_code()
        if group == 0 and self._boot_level:
            return self.inputs.pin_code(3300.0)
        return self.inputs.thermistor_code(group)

    def put_current(self, ma):
        sense_uv = self.current_sign * ma * self.shunt_mohm
        self._put(_CC_HIGH, self.inputs.current_code(sense_uv) & 0xFFFF)

    def _put(self, register, value):
        self.regs[register] = value >> 8
        self.regs[register + 1] = value & 0xFF
