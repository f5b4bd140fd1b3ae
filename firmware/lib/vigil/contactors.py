"""Contactors with pre-charge, in the place of a front end's switches: same verbs, one sequence.

mV, mA (+ = charging), ms. set_switches(), all_off() and step() run in the cycle and allocate
nothing; any order of calls is safe. Closing happens in step() alone, opening at once.
"""

from array import array

from micropython import const

from vigil.power_path import (
    CHARGE_NOT_CLOSED,
    CHARGE_STUCK,
    CURRENT_AGAINST_COMMAND,
    LINK_HELD,
    LINK_UNKNOWN,
    MAIN_NOT_CLOSED,
    MAIN_STUCK,
    PRECHARGE_STUCK,
)
from vigil.precharge import READY, RISING
from vigil.sample import UNKNOWN

# States of the way to the load.
OPEN = const(0)  # main contactor and pre-charge relay are open
PRECHARGING = const(1)  # the relay is closed, the link rises
CLOSING = const(2)  # main told to close, the relay still carries
CLOSED = const(3)  # main alone
# Why it stays OPEN although it is wanted: `waits_for`.
NOTHING = const(0)
REST = const(1)  # after an opening: resistor and contacts cool down
LINK_TO_FALL = const(2)  # the link still has the pack's voltage, or more: nothing proves it open
LINK_TO_BE_KNOWN = const(3)
OWNER = const(4)  # power_path_fault stands

# Bits of switch_stuck.
CHARGE_CONDUCTS = const(1)
DISCHARGE_CONDUCTS = const(2)

# Conditions that have to last.
_CHARGE_FLOWS = const(0)
_DISCHARGE_FLOWS = const(1)
_LINK_STAYS = const(2)
_LINK_IS_LOW = const(3)
_LINK_IS_AWAY = const(4)
_LINK_IS_UNKNOWN = const(5)
_MAIN_RESTS = const(6)
_CHARGE_RESTS = const(7)
_MAIN_HOLDS = const(8)
_OVERLAPS = const(9)
_CONDITIONS = const(10)

_FLOW_MS = const(500)
_LOW_MS = const(100)
_AWAY_MS = const(200)
_LINK_UNKNOWN_MS = const(5000)
_TICKS = const(0x3FFFFFFF)


class Contactors:
    """Main contactor with its pre-charge relay, and a charge contactor where the ports are two.

    common=True: one port, one main contactor for both directions. Whatever opens one direction
    opens both: an over-voltage ends discharging too, an under-voltage charging.
    common=False: the load behind `main`, the charger behind `charge`, each opens for itself.
    """

    def __init__(
        self,
        main,
        precharge,
        link,
        sequence,
        *,
        common,
        charge=None,
        enable=None,
        tries=3,
        rest_ms=3000,
        contact_ms=200,
        overlap_ms=100,
        fall_ms=15000,
        leak_ma=500,
        forgive_ms=60000,
    ):
        """main, precharge, charge: contactor.Contactor. link: contactor.LinkVoltage, or read_mv().

        sequence: precharge.Precharge. enable: pin, value(0) = no coil can be pulled.
        rest_ms: after an opening, before the next closing. contact_ms: the longest that an
        auxiliary contact may differ. overlap_ms: main and pre-charge together. fall_ms: in which
        the link falls a tenth below the pack once all is open (size the bleeder for a third of
        it). leak_ma: more than this is current. forgive_ms: closed so long, tries are forgotten.
        """
        if common != (charge is None):
            raise ValueError("a common port has no charge contactor, separate ports have one")
        self.common = common
        self._main = main
        self._precharge = precharge
        self._charge = charge
        self._link = link
        self._sequence = sequence
        self._enable = enable
        self._tries = tries
        self._rest_ms = rest_ms
        self._contact_ms = contact_ms
        self._overlap_ms = overlap_ms
        self._fall_ms = fall_ms
        self._leak_ma = leak_ma
        self._forgive_ms = forgive_ms
        self.configured = True
        self.state = OPEN
        self.waits_for = NOTHING
        self.power_path_fault = 0
        self.switch_stuck = 0
        self.link_mv = UNKNOWN
        self.precharges = 0  # attempts so far
        self.failed_tries = 0  # in a row
        self.last_failure = 0  # code of the latest try that failed
        self.failed_closings = 0  # of the charge contactor, in a row
        # As told; with one port both or none.
        self.charge_wanted = False
        self.discharge_wanted = False
        self._main_dropped = False
        self._charge_dropped = False
        self._main_resting = False
        self._charge_resting = False
        self._since_ms = array("i", [0] * _CONDITIONS)
        self._held = bytearray(_CONDITIONS)  # 1 since then, 2 for long enough
        self.all_off()

    # The verbs of switches.

    @property
    def charge_is_on(self):
        """A contactor that is open by its contact carries nothing, whatever it was told."""
        return self._main.is_closed if self.common else self._charge.is_closed

    @property
    def discharge_is_on(self):
        return self._main.is_closed

    @property
    def energy_mj(self):
        """Heat in the pre-charge resistor since the start."""
        return self._sequence.energy_mj

    def set_switches(self, charge, discharge):
        """What is off opens at once, what is on closes by its sequence in step()."""
        if self.common:
            charge = discharge = charge and discharge
        self.charge_wanted = bool(charge)
        self.discharge_wanted = bool(discharge)
        if not charge and not discharge:
            self.all_off()
            return
        if not charge and not self.common:
            self._drop_charge()
        if not discharge:
            self._drop_main()

    def all_off(self):
        """All coils off, by the enable line and one by one; needs no bus and never raises."""
        self.charge_wanted = False
        self.discharge_wanted = False
        try:
            if self._enable is not None:
                self._enable.value(0)
        except Exception:
            # The coils' own pins follow.
            pass
        self._drop_main()
        self._drop_charge()

    def forget_faults(self):
        """The owner has looked. What still is wrong will be found again."""
        self.power_path_fault = 0
        self.failed_tries = 0
        self.failed_closings = 0
        for condition in range(_CONDITIONS):
            self._held[condition] = 0

    # The cycle.

    def step(self, now_ms, stack_mv, current_ma):
        """Once a cycle, with UNKNOWN for what is not known."""
        before_mv = self.link_mv
        self.link_mv = self._link.read_mv()
        self._main.look(now_ms, self._contact_ms)
        self._precharge.look(now_ms, self._contact_ms)
        if self._charge is not None:
            self._charge.look(now_ms, self._contact_ms)
        self._watch(now_ms, stack_mv, current_ma, before_mv)
        self._watch_rest(now_ms)
        if self.power_path_fault:
            self.waits_for = OWNER
            self.all_off()
            return
        self._step_charge()
        # Numbered cases:
        # 1 not wanted: set_switches() has opened it; 2 waiting for leave to begin; 3 pre-charge;
        # 4 main pulls in while the relay carries; 5 main alone.
        self.waits_for = NOTHING
        if not self.discharge_wanted:
            return
        if self.state == OPEN:
            self._begin(now_ms, stack_mv)
        elif self.state == PRECHARGING:
            result = self._sequence.look(now_ms, self.link_mv, stack_mv, current_ma)
            if result == READY:
                self._pull(self._main)
                self.state = CLOSING
            elif result != RISING:
                self._fail(result)
        elif self._main.disagrees:
            self._fail(MAIN_NOT_CLOSED)
        elif self.state == CLOSING:
            if self._lasts(_OVERLAPS, True, now_ms, self._overlap_ms) and self._main.is_closed:
                self._precharge.open()
                self.state = CLOSED
        else:
            self._hold(now_ms, stack_mv)

    def _begin(self, now_ms, stack_mv):
        """Leave to pre-charge: rested, the link is known, clearly below the pack, not rising."""
        if self._main_resting:
            self.waits_for = REST
        elif self._held[_LINK_IS_UNKNOWN]:
            self.waits_for = LINK_TO_BE_KNOWN
            if self._held[_LINK_IS_UNKNOWN] == 2:
                self._fault(LINK_UNKNOWN)
        elif self._held[_LINK_IS_LOW] != 2:
            self.waits_for = LINK_TO_FALL
        else:
            self.precharges += 1
            self._sequence.begin(now_ms, stack_mv - self.link_mv)
            self._pull(self._precharge)
            self.state = PRECHARGING

    def _hold(self, now_ms, stack_mv):
        """Closed. A link that leaves the pack shows a contactor that has opened by itself.

        An unknown link is no reason to open: it proves nothing, and the contact stays closed.
        """
        away = (
            self.link_mv != UNKNOWN
            and stack_mv != UNKNOWN
            and self.link_mv < stack_mv - stack_mv // 10
        )
        if self._lasts(_LINK_IS_AWAY, away, now_ms, _AWAY_MS):
            self._fail(MAIN_NOT_CLOSED)
        elif self._lasts(_MAIN_HOLDS, True, now_ms, self._forgive_ms):
            self.failed_tries = 0

    def _step_charge(self):
        """Numbered cases of the charge contactor: 1 not wanted or there is none; 2 it was told to

        close and has not: again after a rest, and not for ever; 3 it closes.
        """
        charge = self._charge
        if charge is None or not self.charge_wanted:
            return
        if charge.wanted:
            if charge.disagrees:
                self._drop_charge()
                self.failed_closings += 1
                if self.failed_closings >= self._tries:
                    self._fault(CHARGE_NOT_CLOSED)
            elif charge.is_closed:
                self.failed_closings = 0
        elif not self._charge_resting:
            self._pull(charge)

    # What may not be.

    def _watch(self, now_ms, stack_mv, current_ma, before_mv):
        """Find what conducts against its command; sets switch_stuck and the fault."""
        all_open = self.state == OPEN
        link_mv = self.link_mv
        unknown = link_mv == UNKNOWN or stack_mv == UNKNOWN
        self._lasts(_LINK_IS_UNKNOWN, unknown, now_ms, _LINK_UNKNOWN_MS)
        tenth_mv = 0 if unknown else stack_mv // 10
        low = not unknown and link_mv < stack_mv - tenth_mv
        # What rises with everything open is fed: by a welded relay, for instance.
        rises = not unknown and before_mv != UNKNOWN and link_mv > before_mv + tenth_mv // 12
        self._lasts(_LINK_IS_LOW, all_open and low and not rises, now_ms, _LOW_MS)
        # Far above the pack it is fed by something else: no contactor of ours does that.
        level = not unknown and not low and link_mv <= stack_mv + tenth_mv // 4
        stays = self._lasts(_LINK_STAYS, all_open and level, now_ms, self._fall_ms)
        charge_off = all_open if self.common else not self._charge.wanted
        flowing = current_ma != UNKNOWN
        charging = self._lasts(
            _CHARGE_FLOWS,
            flowing and charge_off and current_ma >= self._leak_ma,
            now_ms,
            _FLOW_MS,
        )
        discharging = self._lasts(
            _DISCHARGE_FLOWS,
            flowing and all_open and current_ma <= 0 - self._leak_ma,
            now_ms,
            _FLOW_MS,
        )
        behind_main = CHARGE_CONDUCTS | DISCHARGE_CONDUCTS if self.common else DISCHARGE_CONDUCTS
        stuck = (CHARGE_CONDUCTS if charging else 0) | (DISCHARGE_CONDUCTS if discharging else 0)
        # The surest sign last: its code is the one that stands.
        fault = CURRENT_AGAINST_COMMAND if stuck else 0
        if stays:
            stuck |= behind_main
            fault = LINK_HELD
        if self._precharge.disagrees and not self._precharge.wanted:
            stuck |= behind_main
            fault = PRECHARGE_STUCK
        charge = self._charge
        if charge is not None and charge.disagrees and not charge.wanted:
            stuck |= CHARGE_CONDUCTS
            fault = CHARGE_STUCK
        if self._main.disagrees and not self._main.wanted:
            stuck |= behind_main
            fault = MAIN_STUCK
        self.switch_stuck = stuck
        if fault:
            self._fault(fault)

    def _watch_rest(self, now_ms):
        if self._main_dropped:
            self._main_dropped = False
            self._main_resting = True
            self._held[_MAIN_RESTS] = 0
        if self._main_resting and self._lasts(_MAIN_RESTS, True, now_ms, self._rest_ms):
            self._main_resting = False
        if self._charge_dropped:
            self._charge_dropped = False
            self._charge_resting = True
            self._held[_CHARGE_RESTS] = 0
        if self._charge_resting and self._lasts(_CHARGE_RESTS, True, now_ms, self._rest_ms):
            self._charge_resting = False

    def _fail(self, code):
        """One try less; the last one is a fault."""
        self.last_failure = code
        self.failed_tries += 1
        self._drop_main()
        if self.failed_tries >= self._tries:
            self._fault(code)

    def _fault(self, code):
        """All open until the owner has looked; the first cause stands."""
        if not self.power_path_fault:
            self.power_path_fault = code
        self.waits_for = OWNER
        self.all_off()

    # Coils and times.

    def _pull(self, contactor):
        if self._enable is not None:
            self._enable.value(1)
        contactor.close()

    def _drop_main(self):
        self._main.open()
        self._precharge.open()
        if self.state != OPEN:
            self.state = OPEN
            self._main_dropped = True
        self._held[_OVERLAPS] = 0
        self._held[_MAIN_HOLDS] = 0
        self._held[_LINK_IS_AWAY] = 0

    def _drop_charge(self):
        if self._charge is None:
            return
        if self._charge.wanted:
            self._charge_dropped = True
        self._charge.open()

    def _lasts(self, condition, holds, now_ms, ms):
        """The condition has held without a break for ms; days later still so."""
        if not holds:
            self._held[condition] = 0
        elif not self._held[condition]:
            self._held[condition] = 1
            self._since_ms[condition] = now_ms
        elif (now_ms - self._since_ms[condition]) & _TICKS >= ms:
            self._held[condition] = 2
        return self._held[condition] == 2
