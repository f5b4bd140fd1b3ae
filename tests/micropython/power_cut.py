"""Power cut at every flash operation of random histories, on a real littlefs.

The flash is a RAM block device that logs its operations; each history is run once through the
firmware's own memory, journal and keeper. Then, for every operation, the flash is built as it was
before it, the operation is done half (a torn page, a half-erased sector), and the board starts
anew from that. Run by tests/unit/test_power_cut.py; prints the counts and "ok".
"""

import sys
from array import array

import vfs

from host_tools.mock import fake_time
from host_tools.mock.clock import VirtualClock
from host_tools.mock.seeded_random import SeededRandom
from vigil import auth, journal, limits, memory, store, switches
from vigil.door import OPERATOR, OWNER
from vigil.file_storage import FileStorage
from vigil.keeper import LATCHED_KEPT_MS, PERIOD_MS, Keeper
from vigil.memory import Memory

HISTORIES = int(sys.argv[1]) if len(sys.argv) > 1 else 100
OPERATIONS = 112  # of one history, at least
SECTOR = 4096
PAGE = 256
SECTORS = 12
MOUNT = "/flash"
LATCHING_ROW = limits.CELL_OVER_VOLTAGE


class RamFlash:
    """Block device of a board's flash; writes go page by page, as they do there."""

    def __init__(self, image):
        self.image = image
        self.log = None  # list of (sector, None) erases and (address, bytes) programs

    def readblocks(self, block, buffer, offset=0):
        at = block * SECTOR + offset
        buffer[:] = self.image[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        at = block * SECTOR + offset
        for first in range(0, len(buffer), PAGE):
            data = bytes(buffer[first : first + PAGE])
            if self.log is not None:
                self.log.append((at + first, data))
            program(self.image, at + first, data)

    def ioctl(self, operation, argument):
        if operation == 4:
            return SECTORS
        if operation == 5:
            return SECTOR
        if operation == 6:
            if self.log is not None:
                self.log.append((argument, None))
            self.image[argument * SECTOR : (argument + 1) * SECTOR] = b"\xff" * SECTOR
        return 0


def program(image, at, data):
    """Programming only clears bits; littlefs must never need another."""
    if image[at : at + len(data)] != b"\xff" * len(data):
        raise ValueError("programmed twice without an erase")
    image[at : at + len(data)] = data


def do_half(image, operation, random):
    """The supply fails in the middle of it."""
    at, data = operation
    if data is None:
        part = SECTOR * random.below(9) // 8
        image[at * SECTOR : at * SECTOR + part] = b"\xff" * part
        return
    part = len(data) * random.below(9) // 8
    image[at : at + part] = data[:part]
    if part < len(data):
        # One byte in which only some of the bits have made it.
        image[at + part] = data[part] | random.below(256)


def mount(image):
    flash = RamFlash(image)
    vfs.mount(vfs.VfsLfs2(flash, progsize=PAGE, readsize=32), MOUNT)
    return flash


class Protection:
    """Only what the keeper looks at."""

    def __init__(self):
        self.row_count = len(limits.TABLE)
        self.actions = limits.ACTIVE
        self.tripped = bytearray(self.row_count)
        self.trip_at = array("i", [3] * self.row_count)
        self.trip_value = array("i", [3700] * self.row_count)

    def is_tripped(self, at):
        return self.tripped[at]


class Switches:
    def __init__(self):
        self.state = array("i", [switches.ON, switches.ON])
        self.reason = array("i", [0, 0])

    def restore_latched(self, switch, reason):
        self.state[switch] = switches.LATCHED
        self.reason[switch] = reason


class Window:
    def __init__(self):
        self.quiet = True

    def is_quiet(self):
        return self.quiet

    def protection_is_busy(self):
        return not self.quiet


class Shadow:
    """What has to be in flash, kept beside the log of operations."""

    def __init__(self):
        self.states = []  # (operations before it, operations after it, payload) of every commit
        self.keys = []  # the same of the keys
        self.flushes = []  # (operations before it, operations after it, records kept)
        self.latches = []  # (virtual ms, rows): what the switches were from then on


class History:
    def __init__(self, random, image):
        self.random = random
        self.clock = VirtualClock()
        fake_time.use(self.clock)
        self.flash = mount(image)
        self.flash.log = []
        self.times = []  # virtual ms of each operation
        self.shadow = Shadow()
        self.storage = FileStorage(MOUNT + "/kept")
        self.boot()

    def boot(self):
        self.memory = Memory(self.storage)
        if self.memory.flags & memory.MEMORY_LOST:
            raise ValueError("lost without a cut")
        self._watch_commits()
        self.memory.begin(1 + self.random.below(5))
        self.switches = Switches()
        self.memory.restore(self.switches)
        self.authority = auth.Authority(self.memory, ignore, bytes(8))
        self.protection = Protection()
        self.window = Window()
        self.keeper = Keeper(
            self.memory, self.protection, self.switches, self.window, announce, runs_well
        )

    def _watch_commits(self):
        commit = self.memory.commit
        flush = self.memory.flush

        def watched_commit():
            before = len(self.flash.log)
            owing = self.memory._owing()
            good = commit()
            self._stamp()
            if owing is not None:
                states = self.shadow.states if owing is self.memory.store else self.shadow.keys
                states.append((before, len(self.flash.log), owing._payload))
            return good

        def watched_flush():
            before = len(self.flash.log)
            held = self.memory.journal.pending
            good = flush()
            self._stamp()
            if held:
                self.shadow.flushes.append((before, len(self.flash.log), self.memory.journal.kept))
            return good

        self.memory.commit = watched_commit
        self.memory.flush = watched_flush

    def _stamp(self):
        while len(self.times) < len(self.flash.log):
            self.times.append(self.clock.now_us // 1000)

    def step(self):
        """One keeper period, and now and then an event before it."""
        random = self.random
        event = random.below(120)
        if event < 10:
            at = random.below(self.protection.row_count)
            self.protection.tripped[at] ^= 1
        elif event == 10:
            for switch in (0, 1):
                self.switches.state[switch] = switches.LATCHED
                self.switches.reason[switch] = LATCHING_ROW + random.below(3)
            self.note_latch()
        elif event == 11:
            self.switches.state[0] = self.switches.state[1] = switches.ON
            self.note_latch()
        elif event == 12:
            self.window.quiet = not self.window.quiet
        elif event == 13 and random.below(3) == 0:
            self.boot()
            self.note_latch()
        elif event == 14 and random.below(4) == 0:
            self.authority.open_commissioning(self.clock.now_us // 1000)
            role = OPERATOR + random.below(OWNER)
            self.authority.commission(role, bytes([1 + random.below(255)] * 32), 0)
        self.clock.advance(PERIOD_MS * 1000)
        self.keeper.step(self.clock.now_us // 1000)

    def note_latch(self):
        rows = [0, 0]
        for switch in (0, 1):
            if self.switches.state[switch] == switches.LATCHED:
                rows[switch] = self.switches.reason[switch]
        self.shadow.latches.append((self.clock.now_us // 1000, rows))


def announce(most_ms):
    return True


def ignore(kind, code=0, where=0, value=0):
    pass


def runs_well():
    return True


class Counts:
    cuts = 0
    corrupt = 0
    silent_defaults = 0
    latched_lost = 0
    latched_checked = 0
    one_copy = 0
    keys_checked = 0
    keys_half_written = 0
    operations = 0
    erases = 0
    rings_turned = 0


def check(image, history, cut, counts):
    """Start from what the cut has left, compare, and go on from there."""
    shadow = history.shadow
    # What must be there: the last state complete before the cut, or the one being written.
    known = [b for b in shadow.states if b[1] <= cut]
    writing = [b for b in shadow.states if b[0] <= cut < b[1]]
    good_states = [known[-1][2]] if known else [None]
    good_states += [b[2] for b in writing]
    mount(image)
    try:
        found = Memory(FileStorage(MOUNT + "/kept"))
        payload = store.Store(FileStorage(MOUNT + "/kept"), "state", 1, 32).load()
        counts.cuts += 1
        if payload not in good_states or found.flags & memory.MEMORY_LOST:
            counts.corrupt += 1
        if payload is None and known:
            counts.silent_defaults += 1
        if found.flags & memory.ONE_COPY:
            counts.one_copy += 1
        check_keys(found, history, cut, counts)
        check_journal(found, history, cut, counts)
        check_latches(found, history, cut, counts)
        # Life goes on: the next start writes, and what it wrote is found.
        found.begin(1)
        found.latched_rows[0] = 7
        found.stage()
        found.commit()
        again = store.Store(FileStorage(MOUNT + "/kept"), "state", 1, 32)
        if again.load() != found.store._payload or again.bad_copies:
            counts.corrupt += 1
    finally:
        vfs.umount(MOUNT)


def check_keys(found, history, cut, counts):
    """The keys before or those that are being written, never none and never a mixture."""
    known = [b for b in history.shadow.keys if b[1] <= cut]
    writing = [b for b in history.shadow.keys if b[0] <= cut < b[1]]
    good_keys = [known[-1][2] if known else bytes(64)] + [b[2] for b in writing]
    noted = []
    authority = auth.Authority(found, lambda *record: noted.append(record), bytes(8))
    keys = bytes(authority._keys)
    if keys not in good_keys or noted:
        counts.corrupt += 1
    if keys == bytes(64) and known:
        counts.silent_defaults += 1
    if known:
        counts.keys_checked += 1
    if known and writing and keys == known[-1][2] != writing[0][2]:
        counts.keys_half_written += 1


def check_journal(found, history, cut, counts):
    kept = [f for f in history.shadow.flushes if f[1] <= cut]
    writing = [f for f in history.shadow.flushes if f[0] <= cut < f[1]]
    allowed = [kept[-1][2] if kept else 0] + [f[2] for f in writing]
    if found.journal.kept not in allowed or found.journal.damaged:
        counts.corrupt += 1
        return
    sequence = found.journal.kept
    for entry in found.journal.newest_first():
        sequence -= 1
        if entry.sequence != sequence:
            counts.corrupt += 1
            return
    held = found.journal.kept - sequence
    if held < min(found.journal.kept, journal.PER_FILE * (journal.FILES - 1)):
        counts.corrupt += 1


def check_latches(found, history, cut, counts):
    """What has been latched for longer than the stated time has to be known."""
    cut_ms = history.times[cut]
    latches = history.shadow.latches
    for index, (since_ms, rows) in enumerate(latches):
        until_ms = latches[index + 1][0] if index + 1 < len(latches) else 1 << 40
        if since_ms + LATCHED_KEPT_MS < cut_ms < until_ms:
            counts.latched_checked += 1
            if list(found.latched_rows) != rows:
                counts.latched_lost += 1


def run(seed, counts):
    random = SeededRandom(seed)
    blank = bytearray(b"\xff" * (SECTOR * SECTORS))
    vfs.VfsLfs2.mkfs(RamFlash(blank), progsize=PAGE, readsize=32)
    before = bytearray(blank)
    torn = bytearray(blank)
    history = History(random, blank)
    steps = 0
    while len(history.flash.log) < OPERATIONS and steps < 9000:
        history.step()
        steps += 1
    vfs.umount(MOUNT)
    for cut, operation in enumerate(history.flash.log):
        torn[:] = before
        do_half(torn, operation, random)
        check(torn, history, cut, counts)
        at, data = operation
        if data is None:
            counts.erases += 1
            before[at * SECTOR : (at + 1) * SECTOR] = b"\xff" * SECTOR
        else:
            program(before, at, data)
    counts.operations += len(history.flash.log)
    if history.memory.journal.kept > journal.PER_FILE * journal.FILES:
        counts.rings_turned += 1


def main():
    counts = Counts()
    for seed in range(1, HISTORIES + 1):
        run(seed, counts)
    print("histories", HISTORIES, "operations", counts.operations, "cuts", counts.cuts)
    print("erases", counts.erases, "journals that turned", counts.rings_turned)
    print("corrupt", counts.corrupt, "silent defaults", counts.silent_defaults)
    print("latched checked", counts.latched_checked, "lost", counts.latched_lost)
    print("started from one copy", counts.one_copy)
    print("keys", counts.keys_checked, "those before", counts.keys_half_written)
    if counts.corrupt or counts.silent_defaults or counts.latched_lost:
        sys.exit(1)
    print("ok")


if __name__ == "__main__":
    main()
