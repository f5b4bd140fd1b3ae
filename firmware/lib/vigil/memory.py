"""What the BMS remembers over a restart: starts, latched switches, counts, and the journal.

Nothing here is ever guessed in silence: `flags` says what was missing, and a memory that was
lost latches both switches until the owner looks.
"""

import struct
from array import array

from micropython import const

from vigil import journal, store
from vigil.switches import LATCHED, REASON_MEMORY_LOST

# flags
ONE_COPY = const(1)  # the other copy was missing or damaged; nothing was lost that was written
MEMORY_LOST = const(2)  # neither copy was good: conservative defaults
WRITE_FAILED = const(4)  # the latest write failed: what happens now may be forgotten
JOURNAL_DAMAGED = const(8)  # some records of the journal were not good
NO_STORAGE = const(16)  # the board keeps nothing
TOTALS_LOST = const(32)  # the totals of the pack's life begin anew

FAILED_STARTS_TO_SAFE_MODE = const(3)

_SCHEMA = const(1)
# Starts, trips, latches, latched charge row, latched discharge row, watchdog restarts,
# unconfirmed starts, reset cause, version that these starts were of; the rest is reserved.
_FORMAT = "<IIIHHHBB4s8x"
_LENGTH = const(32)
_WATCHDOG_RESET = const(3)  # machine.WDT_RESET of every port
_LARGEST_BYTE = const(255)
_COUNTER_MASK = const(0x3FFFFFFF)


class NoStorage:
    """Stands in where a board keeps nothing."""

    def read(self, name):
        return None

    def write(self, name, data):
        raise OSError(19)


class Memory:
    """`latched_rows`: row id that latched the charge and the discharge switch, 0 for none;
    `unique_id`: the processor's, as main.py has it.

    trial: None, or what has a confirm() that writes to flash: a new version is being tried.
    """

    def __init__(self, storage=None, trial=None):
        self._trial = trial
        self._trial_waits = False
        self.flags = NO_STORAGE if storage is None else 0
        self._can_write = storage is not None
        self.store = store.Store(storage or NoStorage(), "state", _SCHEMA, _LENGTH)
        self.journal = journal.Journal(storage or NoStorage())
        self._others = []
        self.unique_id = b""
        self.starts = 0
        self.unconfirmed_starts = 0
        self._version = bytes(4)
        self.reset_cause = 0
        self.watchdog_restarts = 0
        self.trips = 0
        self.latches = 0
        self.latched_rows = array("H", [0, 0])
        self.safe_mode = False
        self._load()

    def _load(self):
        self.journal.load()
        payload = self.store.load()
        if self.journal.damaged:
            self.flags |= JOURNAL_DAMAGED
        if payload is None:
            # A journal without a state: the state was there once.
            if self.store.origin == store.LOST or self.journal.present:
                self.flags |= MEMORY_LOST
                self.latched_rows[0] = REASON_MEMORY_LOST
                self.latched_rows[1] = REASON_MEMORY_LOST
            return
        if self.store.origin == store.ONE_COPY:
            self.flags |= ONE_COPY
        (
            self.starts,
            self.trips,
            self.latches,
            self.latched_rows[0],
            self.latched_rows[1],
            self.watchdog_restarts,
            self.unconfirmed_starts,
            self.reset_cause,
            self._version,
        ) = struct.unpack(_FORMAT, payload)

    def begin(self, reset_cause, version=None):
        """Count this start as failed until it is confirmed; written before the BMS is built.

        version: four bytes that tell one version of the firmware from another. The failures of
        one are not held against the next.
        """
        if version is not None and version != self._version:
            self._version = version
            self.unconfirmed_starts = 0
        self.safe_mode = self.unconfirmed_starts >= FAILED_STARTS_TO_SAFE_MODE
        failed = self.unconfirmed_starts
        self.unconfirmed_starts = min(failed + 1, _LARGEST_BYTE)
        self.starts = (self.starts + 1) & _COUNTER_MASK
        self.reset_cause = reset_cause & _LARGEST_BYTE
        if reset_cause == _WATCHDOG_RESET:
            self.watchdog_restarts = min(self.watchdog_restarts + 1, 0xFFFF)
        self.note(0, journal.START, reset_cause, value=self.starts)
        if self.flags:
            self.note(0, journal.MEMORY, self.flags)
        if self.safe_mode:
            self.note(0, journal.SAFE_MODE, value=failed)
        self.stage()
        self.commit()
        self.flush()

    def note(self, t_s, kind, code=0, where=0, value=0, states=0):
        """Append to the journal of this start."""
        self.journal.append(self.starts, t_s, kind, code, where, value, states)

    def restore(self, switches):
        """Latch again what was latched; before the switches may close."""
        for switch in (0, 1):
            if self.latched_rows[switch]:
                switches.restore_latched(switch, self.latched_rows[switch])

    def take_latched(self, switches):
        """Remember which switches are latched now, and by what; True if that is news."""
        news = False
        for switch in (0, 1):
            row = switches.reason[switch] if switches.state[switch] == LATCHED else 0
            if row != self.latched_rows[switch]:
                self.latched_rows[switch] = row
                news = True
        return news

    def confirm(self):
        """This start has run well: it no longer counts as failed."""
        self.unconfirmed_starts = 0
        self._trial_waits = self._trial is not None

    def forget(self):
        """The owner's reset while nothing runs: no latched switch, no failed start."""
        self.latched_rows[0] = 0
        self.latched_rows[1] = 0
        self.unconfirmed_starts = 0
        self.note(0, journal.OWNER_RESET)
        self.stage()
        while self.state_waits and self.commit():
            pass
        self.flush()

    def stage(self):
        """What is remembered now is to be written."""
        self.store.stage(
            struct.pack(
                _FORMAT,
                self.starts,
                self.trips,
                self.latches,
                self.latched_rows[0],
                self.latched_rows[1],
                self.watchdog_restarts,
                self.unconfirmed_starts,
                self.reset_cause,
                self._version,
            )
        )

    def another(self, name, schema, length):
        """A store of its own, written in the same quiet moments."""
        other = store.Store(self.store._storage, name, schema, length)
        self.share(other)
        return other

    def share(self, other):
        """The storage, for what has copies_owed and a commit(), which is called likewise."""
        self._others.append(other)
        return self.store._storage

    def _owing(self):
        """The store that is to be written next, None if all are."""
        if self._can_write:
            if self.store.copies_owed:
                return self.store
            for other in self._others:
                if other.copies_owed:
                    return other

    @property
    def state_waits(self):
        return self._trial_waits or self._owing() is not None

    @property
    def journal_waits(self):
        return self._can_write and self.journal.pending

    def commit(self):
        """Write one copy of what is staged; stops everything for the time of a flash write.

        Last, that a version on trial stays: a cut before that costs one more start on trial.
        """
        owing = self._owing()
        if owing is not None:
            return self._note_success(owing.commit())
        return self._note_success(not self._trial_waits or self._end_trial())

    def _end_trial(self):
        try:
            self._trial.confirm()
        except OSError:
            return False
        self._trial_waits = False
        return True

    def flush(self):
        """Write one file of the journal; stops everything for the time of a flash write."""
        return self._note_success(not self._can_write or self.journal.flush())

    def _note_success(self, good):
        if good:
            self.flags = self.flags & (self.flags ^ WRITE_FAILED)
        else:
            self.flags |= WRITE_FAILED
        return good
