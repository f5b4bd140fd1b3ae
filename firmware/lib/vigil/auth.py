"""Who may do what from outside: the operator's and the owner's key, and the owner's window.

Keys are set by the owner in a session, or at the board: its button, held at the start, opens
commissioning for two minutes. Nothing else sets or replaces one.
"""

import hashlib
import os
import time

from micropython import const

from vigil import journal
from vigil.door import NATIVE, OPERATOR, OWNER, VIEWER
from vigil.sessions import (
    KEY_CHANGE,
    MALFORMED,
    NOT_ALLOWED,
    NOT_NOW,
    OK,
    WINDOW,
    Sessions,
)
from vigil.store import LOST, Store

KEY_SIZE = const(32)
BROADCASTS = const(3)  # in the place of a role
COMMISSIONING_S = const(120)
LONGEST_WINDOW_S = const(3600)
PERIOD_MS = const(200)
_NAME = "keys"
_SCHEMA = const(1)
_LENGTH = const(64)  # the operator's, then the owner's; zeros: none
_NO_KEY = bytes(KEY_SIZE)
# Of one commissioning: each is a flash write and a record.
_MOST_KEYS = const(4)


class Authority(Sessions):
    """memory: vigil.memory.Memory; note: as keeper.Keeper has it."""

    period_ms = PERIOD_MS
    broadcasts = None  # who else has a key, see vigil.link.bthome_sealed

    def __init__(self, memory, note, device_id=None, random=os.urandom):
        super().__init__(note, device_id or own_id(memory.unique_id), memory.starts, random)
        self._note = note
        self._memory = memory
        self._store = memory.another(_NAME, _SCHEMA, _LENGTH)
        self._keys = bytearray(self._store.load() or _LENGTH)
        if self._store.origin == LOST:
            note(journal.KEY, 0, journal.KEYS_LOST)
        self._window_until_ms = 0
        self._window = False
        self._commissioning_until_ms = 0
        self._commissions = 0  # keys that may still be set at the board
        self._operator_is_new = False

    def role(self, who):
        """What the user behind a link may do."""
        if who == NATIVE:
            return self.acting
        return OWNER if self.window_left_s else VIEWER

    @property
    def keys_set(self):
        """1 the operator's, 2 the owner's."""
        return (self._key(OPERATOR) is not None) | (self._key(OWNER) is not None) << 1

    @property
    def key_copies_owed(self):
        """Until it is 0 a power cut may bring the keys before back."""
        return self._store.copies_owed

    @property
    def window_left_s(self):
        if self._window:
            left_ms = time.ticks_diff(self._window_until_ms, time.ticks_ms())
            if left_ms > 0:
                return (left_ms + 999) // 1000
            self._window = False
        return 0

    @property
    def commissioning_left_s(self):
        if self._commissions:
            left_ms = time.ticks_diff(self._commissioning_until_ms, time.ticks_ms())
            if left_ms > 0:
                return (left_ms + 999) // 1000
            self._commissions = 0
        return 0

    def open_window(self, seconds, now_ms):
        """Asked by the sealed message being handled; 0 closes."""
        if self.acting != OWNER:
            self._refused.add(WINDOW)
            return NOT_ALLOWED
        if not 0 <= seconds <= LONGEST_WINDOW_S:
            return MALFORMED
        self._open_window(seconds, now_ms)
        self._note(journal.WINDOW, seconds, self.session)
        return OK

    def open_commissioning(self, now_ms):
        """The board's button was held at the start: who did it may do everything for a while."""
        self._commissions = _MOST_KEYS
        self._commissioning_until_ms = time.ticks_add(now_ms, 1000 * COMMISSIONING_S)
        self._operator_is_new = False
        self._open_window(COMMISSIONING_S, now_ms)
        self._wrongs = 0

    def set_key(self, role, key):
        """Asked by the sealed message being handled."""
        if self.acting != OWNER:
            self._refused.add(KEY_CHANGE)
            return NOT_ALLOWED
        if role == BROADCASTS and self.broadcasts:
            return OK if self.broadcasts.set_key(key) else MALFORMED
        if not _is_good(role, key):
            return MALFORMED
        self._take(role, key, journal.BY_OWNER)
        return OK

    def commission(self, role, key, now_ms):
        """Asked by anybody while the button has just been held; the owner's key ends that."""
        if not self.commissioning_left_s:
            self._refused.add(KEY_CHANGE)
            return NOT_NOW
        if not _is_good(role, key):
            return MALFORMED
        if role == OWNER:
            # Whoever had the keys before has none any more.
            if not self._operator_is_new:
                self._put(OPERATOR, _NO_KEY)
            self._drop(OPERATOR)
            self._commissions = 0
            self._window = False
        else:
            self._operator_is_new = True
            self._commissions -= 1
        self._take(role, key, journal.AT_BOARD)
        return OK

    def step(self, now_ms):
        """A slow task. In safe mode there is no keeper that writes."""
        if self._memory.safe_mode and self._store.copies_owed:
            self._memory.commit()
        return super().step(now_ms)

    def _open_window(self, seconds, now_ms):
        self._window = seconds > 0
        self._window_until_ms = time.ticks_add(now_ms, 1000 * seconds)

    def _key(self, role):
        """None if it is not set."""
        if not OPERATOR <= role <= OWNER:
            return None
        key = bytes(self._keys[KEY_SIZE * (role - 1) : KEY_SIZE * role])
        return None if key == _NO_KEY else key

    def _put(self, role, key):
        self._keys[KEY_SIZE * (role - 1) : KEY_SIZE * role] = key

    def _take(self, role, key, how):
        self._put(role, key)
        self._store.stage(bytes(self._keys))
        self._drop(role)
        self._note(journal.KEY, role, how)


def own_id(unique_id):
    """Eight bytes that no other board has."""
    return hashlib.sha256(b"vigil device" + unique_id).digest()[:8]


def set_keys(owner, operator=""):
    """For the REPL, with the BMS stopped: 64 hex digits each. Other keys are forgotten."""
    import board

    written = write_keys(board.build().storage, bytes.fromhex(operator), bytes.fromhex(owner))
    print("set; restart the board" if written else "the flash does not take them")


def write_keys(storage, operator, owner):
    """At the board, with the BMS stopped; nothing: no such key."""
    for key in (operator, owner):
        if key and not _is_good(OWNER, key):
            raise ValueError("a key has 32 bytes")
    store = Store(storage, _NAME, _SCHEMA, _LENGTH)
    store.load()
    store.stage((operator or _NO_KEY) + (owner or _NO_KEY))
    return store.commit() and store.commit()


def _is_good(role, key):
    return OPERATOR <= role <= OWNER and len(key) == KEY_SIZE and bytes(key) != _NO_KEY
