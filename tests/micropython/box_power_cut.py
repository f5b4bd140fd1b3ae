"""Power cut at every flash operation while the black box is written, on a real littlefs; and its
step allocates nothing. Run by tests/unit/test_black_box_on_micropython.py; prints counts and "ok".
"""

import gc
import sys

import vfs
from desk import Desk
from power_cut import MOUNT, PAGE, SECTOR, SECTORS, RamFlash, do_half, mount, program

from host_tools.mock.seeded_random import SeededRandom
from vigil import blackbox
from vigil.file_storage import FileStorage
from vigil.memory import Memory

EVENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 8
STEPS = 2000


class Bms:
    """What a box asks of its BMS when it looks what is in the flash."""

    def __init__(self, desk):
        self.memory = Memory(FileStorage(MOUNT + "/kept"))
        self.sample = desk.bms.sample
        self.cycle_ms = 50


def held(desk):
    """The numbers of the events that are whole."""
    box = blackbox.BlackBox(Bms(desk))
    return sorted([box._known[at] for at in range(0, len(box._known), 5) if box._known[at]])


class Still:
    """A front end in which all is new and nothing has moved."""

    def read(self, sample, now_ms):
        for group in (0, 2):
            sample.refresh(group, now_ms)


def allocates_nothing(desk):
    """Two minutes of steps and of corrected readings, after a warm-up."""
    box = desk.bms.black_box
    calibration = desk.bms.calibration
    assert calibration._use(b"\x0a\0\0\0\x0a\0\5\xfb" + bytes(40))
    calibration._front_end = Still()
    sample = desk.bms.sample
    now_ms = 1000
    for count in (10, STEPS):
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        for _ in range(count):
            now_ms += 100
            box.step(now_ms)
            calibration.read(sample, now_ms)
        allocated = gc.mem_alloc() - before
        gc.enable()
    return allocated


def main():
    desk = Desk(code_time=False)
    allocated = allocates_nothing(desk)
    random = SeededRandom(11)
    image = bytearray(b"\xff" * (SECTOR * SECTORS))
    vfs.VfsLfs2.mkfs(RamFlash(image), progsize=PAGE, readsize=32)
    flash = mount(image)
    before = bytearray(image)
    flash.log = []
    box = desk.bms.black_box
    box._storage = FileStorage(MOUNT + "/kept")
    done = []  # operations after which each event was whole
    for _ in range(EVENTS):
        box._begin()
        desk.bms.protection.trip_counts[1] += 1
        box._note(1, 5000)
        box._close()
        assert box.commit() and not box.copies_owed
        done.append(len(flash.log))
    assert held(desk) == [EVENTS - 2, EVENTS - 1, EVENTS]
    vfs.umount(MOUNT)
    lost = 0
    torn = bytearray(before)
    for cut, operation in enumerate(flash.log):
        torn[:] = before
        do_half(torn, operation, random)
        mount(torn)
        try:
            found = held(desk)
        finally:
            vfs.umount(MOUNT)
        whole = len([end for end in done if end <= cut])
        # The one being written may be there already, and takes the place of the oldest.
        sure = list(range(max(1, whole - 1), whole + 1))
        if found[-len(sure) :] != sure and found != sure + [whole + 1]:
            lost += 1
        at, data = operation
        if data is None:
            before[at * SECTOR : (at + 1) * SECTOR] = b"\xff" * SECTOR
        else:
            program(before, at, data)
    print("events", EVENTS, "cuts", len(flash.log), "lost", lost, "allocated", allocated)
    if lost or allocated:
        sys.exit(1)
    print("ok")


main()
