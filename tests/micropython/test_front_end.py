"""A front end made of parts: who is asked, in which order, and what a part that fails does."""

from packs import PERIODS_MS, lfp_table

from vigil.afe.errors import NO_ANSWER, AfeError
from vigil.front_end import FrontEnd
from vigil.protect import Protection
from vigil.sample import CURRENT, STACK, UNKNOWN, Sample


class Chip:
    """Measures, and has outputs of its own that enable the coils."""

    cell_count = 16
    temp_count = 3
    cells_period_ms = current_period_ms = 63
    temps_period_ms = stack_period_ms = 189
    bleeds_adjacent = False
    bleed_lapse_ms = 20000
    torn_reads = 7
    switch_stuck = 0

    def __init__(self):
        self.configured = False
        self.applied = []
        self.charge_is_on = False
        self.discharge_is_on = False
        self.told = []
        self.silent = False
        self.bleed = None

    def configure(self, requests):
        yield
        self.applied = [(1, requests, 0)]
        self.configured = True

    def verify(self):
        self.told.append("verify")
        yield

    def capabilities(self):
        return {"chip": "scripted", "cells": 16, "current_period_ms": 63}

    def read(self, sample, now_ms):
        if self.silent:
            raise AfeError(NO_ANSWER)
        sample.values[sample.stack_at] = 53000
        sample.values[sample.current_at] = -1000
        sample.refresh(STACK, now_ms)
        sample.refresh(CURRENT, now_ms)

    def balance(self, bleed):
        self.bleed = bleed

    def set_switches(self, charge, discharge):
        if self.silent:
            raise AfeError(NO_ANSWER)
        self.told.append((charge, discharge))

    def all_off(self):
        self.told.append("all_off")
        self.charge_is_on = False
        self.discharge_is_on = False

    def shutdown(self):
        self.told.append("shutdown")
        self.configured = False


class Monitor:
    """Measures the current only."""

    current_period_ms = 20

    def __init__(self):
        self.configured = False
        self.applied = [(4, -200000, 1)]
        self.cut = False
        self.reads = 0

    def configure(self, requests):
        yield
        self.configured = True

    def verify(self):
        yield

    def plan_backstop(self, requests):
        return self.applied

    def read(self, sample, now_ms):
        self.reads += 1
        sample.values[sample.current_at] = -2000
        sample.refresh(CURRENT, now_ms)


class Contacts:
    common = False
    power_path_fault = 0
    switch_stuck = 0

    def __init__(self):
        self.charge_is_on = False
        self.discharge_is_on = False
        self.charge_wanted = False
        self.discharge_wanted = False
        self.told = []
        self.steps = []

    def set_switches(self, charge, discharge):
        self.charge_wanted = charge
        self.discharge_wanted = discharge
        self.told.append((charge, discharge))

    def all_off(self):
        self.charge_wanted = self.discharge_wanted = False
        self.told.append("all_off")

    def step(self, now_ms, stack_mv, current_ma):
        self.steps.append((now_ms, stack_mv, current_ma))


class Rig:
    def __init__(self, current=None, gate=True, common=False):
        self.chip = Chip()
        self.contacts = Contacts()
        self.contacts.common = common
        self.front_end = FrontEnd(
            self.chip, self.contacts, current=current, gate=self.chip if gate else None
        )
        for _ in self.front_end.configure("requests"):
            pass
        self.sample = Sample(16, 3, PERIODS_MS, 50)
        self.sample.start(0)
        self.protection = Protection(lfp_table())
        self.now_ms = 0
        self.contacts.told.clear()
        self.chip.told.clear()

    def read(self):
        self.now_ms += 50
        self.front_end.read(self.sample, self.now_ms)


def test_it_has_the_figures_of_its_parts():
    front_end = Rig().front_end
    assert front_end.configured
    assert front_end.cell_count == 16 and front_end.current_period_ms == 63
    assert front_end.applied == [(1, "requests", 0)]
    assert front_end.torn_reads == 7
    can = front_end.capabilities()
    assert can["switches"] == "contactors" and can["chip"] == "scripted"
    monitor = Monitor()
    front_end = Rig(current=monitor).front_end
    assert front_end.current_period_ms == 20
    assert front_end.capabilities()["current_period_ms"] == 20
    assert len(front_end.applied) == 2
    assert front_end.configured
    monitor.configured = False
    assert not front_end.configured
    front_end.configured = True
    assert front_end.configured and monitor.configured
    front_end.configured = False
    assert not front_end.configured and not monitor.configured


def test_the_current_of_the_current_part_is_the_one_that_counts():
    rig = Rig(current=Monitor())
    rig.read()
    assert rig.sample.values[rig.sample.current_at] == -2000
    assert rig.contacts.steps == [(50, 53000, -2000)]


def test_what_both_measuring_parts_can_back_is_planned_together():
    rig = Rig(current=Monitor())
    rig.chip.plan_backstop = lambda requests: [(1, requests, 0)]
    assert rig.front_end.plan_backstop("asked") == [(1, "asked", 0), (4, -200000, 1)]
    rig.front_end = Rig().front_end
    rig.front_end._voltages.plan_backstop = lambda requests: [(1, requests, 0)]
    assert rig.front_end.plan_backstop("asked") == [(1, "asked", 0)]


def test_coils_are_dropped_before_the_alert_that_cut_them_is_taken_back():
    monitor = Monitor()
    rig = Rig(current=monitor, gate=False)
    rig.front_end.set_switches(True, True)
    rig.read()
    assert rig.contacts.told[-1] == (True, True)
    monitor.cut = True
    told = []
    monitor_read = monitor.read

    def read(sample, now_ms):
        told.extend(rig.contacts.told)
        monitor_read(sample, now_ms)

    monitor.read = read
    rig.contacts.told.clear()
    rig.read()
    assert told == ["all_off"]
    # Nor are they pulled again as long as it is told.
    assert rig.contacts.told == ["all_off", "all_off"]
    # Where the cells cannot be read, the alert stays as it is, and so do the coils.
    reads = monitor.reads
    rig.chip.silent = True
    rig.contacts.told.clear()
    failed = False
    try:
        rig.read()
    except AfeError:
        failed = True
    assert failed and monitor.reads == reads and rig.contacts.told == ["all_off"]
    rig.chip.silent = False
    monitor.cut = False
    rig.read()
    assert rig.contacts.told[-1] == (True, True)


def test_contactors_begin_to_close_when_the_gate_reports_on():
    rig = Rig()
    rig.front_end.set_switches(True, True)
    assert rig.chip.told == [(True, True)]
    rig.read()
    assert rig.contacts.told[-1] == (False, False)
    rig.chip.charge_is_on = rig.chip.discharge_is_on = True
    rig.read()
    assert rig.contacts.told[-1] == (True, True)


def test_a_gate_that_cuts_by_itself_takes_the_coil_with_it():
    rig = Rig()
    rig.front_end.set_switches(True, True)
    rig.chip.charge_is_on = rig.chip.discharge_is_on = True
    rig.read()
    rig.chip.discharge_is_on = False
    rig.read()
    assert rig.contacts.told[-1] == (True, False)


def test_without_a_gate_the_command_alone_counts():
    rig = Rig(gate=False)
    rig.front_end.set_switches(False, True)
    rig.read()
    assert rig.contacts.told[-1] == (False, True)
    assert rig.chip.told == []


def test_opening_one_switch_leaves_the_other_as_it_is():
    rig = Rig()
    rig.front_end.set_switches(True, True)
    rig.chip.charge_is_on = rig.chip.discharge_is_on = True
    rig.read()
    rig.front_end.set_switches(False, True)
    assert rig.contacts.told[-1] == (False, True)
    # Not closed yet and waiting for the gate: opening the other one does not hasten it.
    rig = Rig()
    rig.front_end.set_switches(True, True)
    rig.front_end.set_switches(False, True)
    assert rig.contacts.told[-1] == (False, False)


def test_a_switch_opens_before_the_bus_is_asked():
    rig = Rig()
    rig.front_end.set_switches(True, True)
    rig.chip.charge_is_on = rig.chip.discharge_is_on = True
    rig.read()
    rig.chip.silent = True
    failed = False
    try:
        rig.front_end.set_switches(False, True)
    except AfeError:
        failed = True
    assert failed
    assert rig.contacts.told[-1] == (False, True)


def test_one_port_knows_both_or_none():
    rig = Rig(common=True)
    rig.front_end.set_switches(True, False)
    assert rig.chip.told == ["all_off", (False, False)]
    assert rig.contacts.told[-1] == (False, False)


def test_either_part_may_see_current_that_should_not_flow():
    rig = Rig()
    assert rig.front_end.switch_stuck == 0
    rig.chip.switch_stuck = 1
    rig.contacts.switch_stuck = 2
    assert rig.front_end.switch_stuck == 3


def test_a_silent_bus_lets_the_contactors_go_on_without_values():
    rig = Rig()
    rig.chip.silent = True
    failed = False
    try:
        rig.read()
    except AfeError:
        failed = True
    assert failed
    assert rig.contacts.steps == [(50, UNKNOWN, UNKNOWN)]


def test_values_that_stand_still_are_not_known_to_the_contactors():
    rig = Rig()
    rig.read()
    chip_read = rig.chip.read
    rig.chip.read = lambda sample, now_ms: None
    rig.now_ms += 1000
    rig.sample.answered(rig.now_ms)
    rig.protection.judge(rig.sample, rig.now_ms)
    rig.read()
    assert rig.contacts.steps[-1] == (1100, UNKNOWN, UNKNOWN)
    rig.chip.read = chip_read
    rig.read()
    rig.protection.judge(rig.sample, rig.now_ms)
    rig.read()
    assert rig.contacts.steps[-1] == (1200, 53000, -1000)


def test_what_hangs_behind_an_open_contactor_cannot_be_told():
    rig = Rig()
    for on, seen in ((True, 1), (False, -1)):
        rig.contacts.charge_is_on = rig.contacts.discharge_is_on = on
        rig.sample.load_seen = rig.sample.charger_seen = 1
        rig.read()
        assert rig.sample.load_seen == rig.sample.charger_seen == seen


def test_a_chip_that_lost_its_settings_drops_the_coils_whatever_it_said_before():
    rig = Rig()
    rig.front_end.set_switches(True, True)
    rig.chip.charge_is_on = rig.chip.discharge_is_on = True
    rig.read()
    rig.chip.configured = False
    rig.read()
    assert rig.contacts.told[-1] == "all_off"
    failed = False
    try:
        rig.front_end.set_switches(True, True)
    except AfeError:
        failed = True
    assert failed
    rig.front_end.set_switches(False, False)


def test_all_off_reaches_coils_first_and_the_chip_too():
    rig = Rig()
    order = []
    rig.contacts.all_off = lambda: order.append("coils")
    rig.chip.all_off = lambda: order.append("chip")
    rig.front_end.all_off()
    assert order == ["coils", "chip"]


def test_shutting_down_drops_the_coils_before():
    rig = Rig()
    rig.front_end.shutdown()
    assert rig.contacts.told == ["all_off"]
    assert rig.chip.told == ["all_off", "shutdown"]


def test_balancing_and_verifying_are_the_measuring_parts():
    rig = Rig()
    rig.front_end.balance(b"\x01")
    assert rig.chip.bleed == b"\x01"
    for _ in rig.front_end.verify():
        pass
    assert rig.chip.told == ["verify"]
