"""Read, judge and act allocate nothing with contactors in the place of the chip's switches.

Run by tests/unit/test_contactors_no_allocation.py; prints the counts and "ok".
"""

import gc

import micropython
from canned_bus import CannedBus, Line

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from vigil.afe.bq76952 import Bq76952
from vigil.app import Bms
from vigil.contactor import Contactor, LinkVoltage
from vigil.contactors import Contactors
from vigil.front_end import FrontEnd
from vigil.precharge import Precharge

CYCLES = 6000
PACK_MV = 52800


class Coil:
    """A pin that remembers, and its auxiliary contact."""

    def __init__(self):
        self.level = 0
        self.lies = False

    def value(self, level):
        self.level = level


class Contact:
    def __init__(self, coil):
        self.coil = coil

    def value(self):
        return 1 if self.coil.level and not self.coil.lies else 0


class Link:
    """Follows the coils, between cycles only."""

    def __init__(self, main, relay):
        self.main = main
        self.relay = relay
        self.reading = 0

    def read_u16(self):
        return self.reading

    def move(self):
        full = PACK_MV * 65535 // 80000
        if self.main.level:
            self.reading = full
        elif self.relay.level:
            self.reading += (full - self.reading) // 9
        else:
            self.reading -= self.reading // 10


class Board:
    name = "canned"
    device_name = b"canned"
    chemistry = "LFP"
    capacity_mah = 100000
    links = ()
    watchdog = None


def story(bus, cycle, charge):
    """Trips, dead buses and a contact that lies, each followed by a way back."""
    phase = cycle % 1500
    bus.cell_mv[4] = 3720 if 200 <= phase < 280 else 3300
    bus.cell_mv[0] = 2400 if 500 <= phase < 580 else 3300
    bus.fail = 800 <= phase < 840
    bus.frozen = 1100 <= phase < 1140
    charge.lies = 1300 <= phase < 1310
    bus.prepare()


def main():
    fake_time.use(VirtualClock())
    bus = CannedBus()
    board = Board()
    chip = Bq76952(bus, Line(), cells=16, temps=3, shunt_uohm=500, series_fets=False)
    main_coil, relay, charge = Coil(), Coil(), Coil()
    link = Link(main_coil, relay)
    contactors = Contactors(
        Contactor(main_coil, Contact(main_coil), 1),
        Contactor(relay),
        LinkVoltage(link, 80000),
        Precharge(47, 10000, 2000),
        common=False,
        charge=Contactor(charge, Contact(charge), 1),
        enable=Line(),
        leak_ma=20000,  # the canned bus knows no contactors: 10 A flow whenever it allows it
    )
    board.front_end = FrontEnd(chip, contactors, gate=chip)
    chip.configured = True
    bms = Bms(board)
    bms.bring_up_tried = True
    bms.sample.start(0)
    bms.switches.permit()
    now_ms = 0
    allocated = 0
    gc.collect()
    gc.disable()
    for cycle in range(1500 + CYCLES):
        story(bus, cycle, charge)
        link.move()
        if cycle % 250 == 0:
            # Or the hold after the same trip again and again would fill the time.
            bms.switches.reset()
        now_ms += 50
        # The slow task that says how fast the pack may be charged.
        bms.charge_guard.step(now_ms)
        errors = bms.read_errors
        before = gc.mem_alloc()
        bms.cycle(now_ms)
        cost = gc.mem_alloc() - before
        # The first round warms up; a failed transfer raises, which is proved elsewhere.
        if cycle >= 1500 and bms.read_errors == errors:
            allocated += cost
        if cycle % 100 == 99:
            gc.collect()
    gc.enable()
    assert allocated == 0, "%d bytes were allocated" % allocated
    assert contactors.precharges >= 2 * (CYCLES // 1500), contactors.precharges
    assert contactors.power_path_fault == 0
    assert main_coil.level and charge.level
    for cycle in range(1500):
        story(bus, cycle, charge)
        link.move()
        now_ms += 50
        bms.charge_guard.step(now_ms)
        micropython.heap_lock()
        try:
            bms.cycle(now_ms)
        finally:
            micropython.heap_unlock()
    # A fault, with every coil dropped again and again.
    bus.fail = bus.frozen = False
    main_coil.lies = True
    for _ in range(100):
        bus.prepare()
        link.move()
        now_ms += 50
        micropython.heap_lock()
        try:
            bms.cycle(now_ms)
        finally:
            micropython.heap_unlock()
    assert not main_coil.level
    print("cycles", CYCLES, "bytes", allocated, "precharges", contactors.precharges)
    print("ok")


main()
