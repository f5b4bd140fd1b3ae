"""Pack, contactors, capacitor and load as simple physics, stepped in milliseconds, for Contactors.

Written from the wiring alone; notes whatever must never happen.
"""

from math import exp

from vigil.contactor import Contactor, LinkVoltage
from vigil.contactors import Contactors
from vigil.precharge import Precharge
from vigil.sample import UNKNOWN

CYCLE_MS = 50
PACK_MV = 53000
OHM = 47
REST_MS = 3000
ADC_MV = 80000
_ARMATURE_MS = 15


class Wire:
    """A pin; an output that remembers, or an input that asks."""

    def __init__(self, source=None):
        self.level = 0
        self._source = source

    def value(self, level=None):
        if level is None:
            return self._source()
        self.level = level


class Contact:
    """A coil that pulls while its pin and the enable line are high."""

    def __init__(self, enable):
        self.pin = Wire()
        self.closed = False
        self.welded = False
        self.stuck_open = False
        self.lie = None
        self.rises_ms = []
        self._enable = enable
        self._pulled = False
        self._moves_in_ms = 0

    def pulled(self):
        return bool(self.pin.level and self._enable.level)

    def feedback(self):
        closed = self.closed if self.lie is None else self.lie
        return 0 if closed else 1

    def pass_ms(self, ms):
        if self.pulled() != self._pulled:
            self._pulled = self.pulled()
            self._moves_in_ms = _ARMATURE_MS
        self._moves_in_ms -= ms
        if self._moves_in_ms <= 0:
            self.closed = self.welded or (self._pulled and not self.stuck_open)


class World:
    def __init__(
        self,
        common=False,
        feedback=True,
        uf=10000,
        bleeder_ohm=2200.0,
        relay_feedback=False,
        **options,
    ):
        self.now_ms = 0
        self.start_ms = 12345
        self.enable = Wire()
        self.main = Contact(self.enable)
        self.relay = Contact(self.enable)
        self.charge = None if common else Contact(self.enable)
        self.uf = uf
        self.bleeder_ohm = bleeder_ohm
        self.short = False
        self.early_ohm = None
        self.fed_mv = None  # something else holds the link there
        self.link_mv = 0.0
        self.load_ma = 0
        self.charger_ma = 0
        self.adc_broken = False
        self.blind = False  # stack and current unknown
        self.pack_mv = PACK_MV
        self._current_ma = 0.0
        self._late_ma = [0, 0]
        self.contactors = Contactors(
            self._part(self.main, feedback),
            self._part(self.relay, feedback and relay_feedback),
            LinkVoltage(self, ADC_MV),
            Precharge(OHM, 10000, 2000),
            common=common,
            charge=None if common else self._part(self.charge, feedback),
            enable=self.enable,
            rest_ms=REST_MS,
            **options,
        )

    def _part(self, contact, feedback):
        return Contactor(contact.pin, Wire(contact.feedback) if feedback else None)

    def read_u16(self):
        if self.adc_broken:
            return 65535
        return max(0, min(65535, round(self.link_mv * 65535 / ADC_MV)))

    # Physics.

    def _pass_ms(self, ms):
        for contact in (self.main, self.relay, self.charge):
            if contact is not None:
                contact.pass_ms(ms)
        if self.main.closed:
            self.link_mv = 0.0 if self.short else float(self.pack_mv)
            self._current_ma = -self.load_ma
            if self.short:
                self._current_ma = -1000000
        else:
            self._current_ma = self._drift(ms)
        charging = self.main if self.charge is None else self.charge
        if charging.closed:
            self._current_ma += self.charger_ma

    def _drift(self, ms):
        """Current into the pack while only the relay may conduct."""
        if self.fed_mv is not None:
            self.link_mv = float(self.fed_mv)
        elif self.short:
            self.link_mv = 0.0
        else:
            siemens = 1.0 / self.bleeder_ohm
            if self.early_ohm:
                siemens += 1.0 / self.early_ohm
            if self.load_ma and self.link_mv > 0.8 * self.pack_mv and not self.relay.closed:
                self.link_mv -= min(self.link_mv, self.load_ma * ms * 1000.0 / self.uf)
            goal_mv = 0.0
            if self.relay.closed:
                siemens += 1.0 / OHM
                goal_mv = self.pack_mv / OHM / siemens
            share = exp(-ms * 1000.0 * siemens / self.uf)
            self.link_mv = goal_mv + (self.link_mv - goal_mv) * share
        return (self.link_mv - self.pack_mv) / OHM if self.relay.closed else 0.0

    def wait(self, ms, step_ms=CYCLE_MS):
        """Physics in millisecond steps, the firmware's step() every step_ms."""
        for _ in range(0, ms, step_ms):
            for _ in range(step_ms):
                self._pass_ms(1)
            self.now_ms += step_ms
            self.step()

    def step(self):
        self._late_ma.append(round(self._current_ma))
        current_ma = self._late_ma.pop(0)
        pulled = self.main.pulled()
        charged = self.charge is not None and self.charge.pulled()
        self.contactors.step(
            (self.start_ms + self.now_ms) & 0x3FFFFFFF,
            UNKNOWN if self.blind else self.pack_mv,
            UNKNOWN if self.blind else current_ma,
        )
        if self.main.pulled() and not pulled:
            self.main.rises_ms.append(self.now_ms)
            self._judge_closing()
        if self.charge is not None and self.charge.pulled() and not charged:
            self.charge.rises_ms.append(self.now_ms)

    def _judge_closing(self):
        """The main coil is pulled: only onto a link that is charged, by a relay that carries."""
        assert self.relay.pulled(), "main was closed without pre-charge"
        assert not self.adc_broken, "main was closed with the link unknown"
        assert not self.blind, "main was closed with the pack unknown"
        assert self.link_mv >= 0.94 * self.pack_mv, f"main closed onto {self.link_mv} mV"
        assert self.pack_mv - self.link_mv <= 3100

    def want(self, charge, discharge):
        self.contactors.set_switches(charge, discharge)

    def all_dark(self):
        """No coil has current."""
        contacts = [c for c in (self.main, self.relay, self.charge) if c is not None]
        return not any(contact.pin.level for contact in contacts)
