"""A front end made of parts: one measures voltages, one perhaps the current, one switches.

A BQ76952 that measures and contactors that switch: the chip's own switch outputs then enable the
coils, so that its protections and its watchdog still cut. Or an LTC681x chain for voltages, a
shunt monitor whose alert cuts the coils, and contactors. read(), set_switches(), balance() and
all_off() run in the cycle and allocate nothing.
"""

from vigil.afe.errors import NOT_CONFIGURED, AfeError, failure
from vigil.sample import CURRENT, STACK, UNKNOWN


class FrontEnd:
    """The whole verb set of a front end; what is not written here is asked of `voltages`."""

    def __init__(self, voltages, contactors, current=None, gate=None):
        """voltages: front end whose cells, temperatures and stack are used.

        current: part with configured, configure(), verify(), plan_backstop(), current_period_ms,
        read(sample, now_ms), applied, and cut: True while its alert takes the coils' current away
        and until that has been told. None: `voltages` measures it too.
        gate: part whose own charge and discharge outputs the coils need to be pulled (the chip);
        it is told first, and a contactor begins to close when the gate reports on.
        """
        self._voltages = voltages
        self._contactors = contactors
        self._current = current
        self._gate = gate
        self._charge_wanted = False
        self._discharge_wanted = False
        self.cell_count = voltages.cell_count
        self.temp_count = voltages.temp_count
        self.cells_period_ms = voltages.cells_period_ms
        self.temps_period_ms = voltages.temps_period_ms
        self.stack_period_ms = voltages.stack_period_ms
        self.current_period_ms = (current or voltages).current_period_ms
        self.bleeds_adjacent = voltages.bleeds_adjacent
        self.bleed_lapse_ms = voltages.bleed_lapse_ms
        self.common = contactors.common

    def __getattr__(self, name):
        """Verbs and counters of the measuring part; none that the cycle needs."""
        return getattr(self._voltages, name)

    # Bring-up.

    @property
    def configured(self):
        if not self._voltages.configured:
            return False
        return self._current is None or self._current.configured

    @configured.setter
    def configured(self, stands):
        """Whoever finds the settings wrong has all parts set up anew."""
        self._voltages.configured = stands
        if self._current is not None:
            self._current.configured = stands

    @property
    def applied(self):
        """What the measuring parts guard by themselves."""
        if self._current is None:
            return self._voltages.applied
        return self._voltages.applied + self._current.applied

    def configure(self, requests):
        self.all_off()
        yield from self._voltages.configure(requests)
        if self._current is not None:
            yield from self._current.configure(requests)

    def plan_backstop(self, requests):
        planned = self._voltages.plan_backstop(requests)
        if self._current is not None:
            planned = planned + self._current.plan_backstop(requests)
        return planned

    def verify(self):
        yield from self._voltages.verify()
        if self._current is not None:
            yield from self._current.verify()

    def capabilities(self):
        can = self._voltages.capabilities()
        can["current_period_ms"] = self.current_period_ms
        can["switches"] = "contactors"
        can["common_port"] = self.common
        return can

    # The cycle.

    def read(self, sample, now_ms):
        """Bring what is new into the Sample, then let the contactors take their next step."""
        try:
            self._voltages.read(sample, now_ms)
            if self._current is not None:
                if self._current.cut:
                    # Before reading takes the alert back, which would pull the coils again.
                    self._contactors.all_off()
                self._current.read(sample, now_ms)
        except AfeError:
            # Nothing new is known, but time-outs and contacts go on.
            self._follow(now_ms, UNKNOWN, UNKNOWN)
            raise
        # Behind an open contactor a bleeder or a capacitor looks like a load, and no pin is there
        # to see a charger.
        if not self._contactors.discharge_is_on:
            sample.load_seen = -1
        if not self._contactors.charge_is_on:
            sample.charger_seen = -1
        values = sample.values
        # A current that stands still must not pass for one that flows through open contacts.
        self._follow(
            now_ms,
            UNKNOWN if _is_stale(sample, STACK) else values[sample.stack_at],
            UNKNOWN if _is_stale(sample, CURRENT) else values[sample.current_at],
        )

    def _follow(self, now_ms, stack_mv, current_ma):
        contactors = self._contactors
        gate = self._gate
        if not self.configured:
            # Whatever the parts said last was said before they lost their settings.
            contactors.all_off()
        elif self._current is not None and self._current.cut:
            # The way back is pre-charge, once it has been told for long enough.
            contactors.all_off()
        elif gate is None:
            contactors.set_switches(self._charge_wanted, self._discharge_wanted)
        else:
            # A gate that has cut by itself drops the coil; the way back is pre-charge.
            contactors.set_switches(
                self._charge_wanted and gate.charge_is_on,
                self._discharge_wanted and gate.discharge_is_on,
            )
        contactors.step(now_ms, stack_mv, current_ma)

    def balance(self, bleed):
        self._voltages.balance(bleed)

    # Switches.

    @property
    def charge_is_on(self):
        return self._contactors.charge_is_on

    @property
    def discharge_is_on(self):
        return self._contactors.discharge_is_on

    @property
    def power_path_fault(self):
        """Code of vigil.power_path, 0 = well."""
        return self._contactors.power_path_fault

    @property
    def switch_stuck(self):
        """1: charge current can flow against the command, 2: discharge current.

        Or the gate no longer takes its leave away, or sees current that it should not.
        """
        stuck = self._contactors.switch_stuck
        return stuck if self._gate is None else stuck | self._gate.switch_stuck

    def set_switches(self, charge, discharge):
        """Opens at once; closing begins with the next read() and takes its time."""
        if self.common:
            charge = discharge = charge and discharge
        if not charge and not discharge:
            self.all_off()
        self._charge_wanted = bool(charge)
        self._discharge_wanted = bool(discharge)
        if not charge or not discharge:
            # What shall open needs no bus; what shall close waits for the gate.
            self._contactors.set_switches(
                charge and self._contactors.charge_wanted,
                discharge and self._contactors.discharge_wanted,
            )
        if not self.configured:
            if charge or discharge:
                raise failure(NOT_CONFIGURED)
            return
        if self._gate is not None:
            self._gate.set_switches(charge, discharge)

    def all_off(self):
        """Coils and gate off by their direct lines, with or without a bus; never raises."""
        self._charge_wanted = False
        self._discharge_wanted = False
        self._contactors.all_off()
        self._voltages.all_off()

    def forget_faults(self):
        """The owner has looked at the contactors."""
        self._contactors.forget_faults()

    # Rest: contactors cannot be left to the chip.

    def deep_sleep(self):
        self.all_off()
        self._voltages.deep_sleep()

    def shutdown(self):
        self.all_off()
        self._voltages.shutdown()


def _is_stale(sample, group):
    return sample.age_ms(group) > sample.stale_ms[group]
