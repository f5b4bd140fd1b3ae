"""Reads the front end's whole configuration again and again: is it still what was asked for?

A difference is mended at once by setting the front end up anew (the switches open meanwhile) and
noted; a second one is a fault, for a chip that forgets cannot be the last line of defence.
"""

from micropython import const

from vigil import journal
from vigil.afe.errors import READ_BACK_DIFFERS, AfeError
from vigil.sample import BACKSTOP_DIFFERS, BACKSTOP_FAULT, BACKSTOP_OVERDUE, HEALTH_FIRST

STEP_MS = const(1000)
# Begun this often, so that what is shown is never older than a minute.
VERIFY_EVERY_MS = const(30000)
OVERDUE_MS = const(60000)
_RETRY_MS = const(5000)
_TICKS = const(0x3FFFFFFF)
_WORD = BACKSTOP_FAULT - HEALTH_FIRST


class BackstopWatch:
    """`verified_ms`: ticks when the configuration was last found whole; see age_s()."""

    def __init__(self, front_end, sample, note):
        """note(kind, code): into the journal."""
        self._front_end = front_end
        self._health = sample.health
        self._note = note
        self._verifying = None
        self.verified_ms = 0
        self._tried_ms = 0
        self.verified_once = False
        self.verifications = 0
        self.differences = 0

    def brought_up(self, now_ms):
        """Bring-up has just read everything back."""
        self._verified(now_ms)

    def reset(self):
        """The owner has looked."""
        self._health[_WORD] = 0
        self.differences = 0

    def age_s(self, now_ms):
        """Seconds since the configuration was last found whole; -1 if it never was."""
        if not self.verified_once or not self._front_end.configured:
            return -1
        return ((now_ms - self.verified_ms) & _TICKS) // 1000

    def step(self, now_ms):
        """A slow task: one block of the configuration a slice."""
        if not self._front_end.configured:
            # Other limits hold the switches open; bring-up will verify.
            self._verifying = None
            return False
        age_ms = (now_ms - self.verified_ms) & _TICKS
        if age_ms >= OVERDUE_MS and not self._health[_WORD] & BACKSTOP_OVERDUE:
            self._health[_WORD] |= BACKSTOP_OVERDUE
            self._note(journal.BACKSTOP, BACKSTOP_OVERDUE)
        if self._verifying is None:
            if age_ms < VERIFY_EVERY_MS or (now_ms - self._tried_ms) & _TICKS < _RETRY_MS:
                return False
            self._tried_ms = now_ms
            self._verifying = self._front_end.verify()
        try:
            next(self._verifying)
            return True
        except StopIteration:
            self._verified(now_ms)
        except AfeError as error:
            if error.code == READ_BACK_DIFFERS:
                self._differs()
        self._verifying = None
        return False

    def _verified(self, now_ms):
        self._verifying = None
        self.verified_ms = now_ms
        self.verified_once = True
        self.verifications += 1

    def _differs(self):
        self.differences += 1
        self._note(journal.BACKSTOP, BACKSTOP_DIFFERS)
        if self.differences >= 2:
            self._health[_WORD] |= BACKSTOP_DIFFERS
        # Whatever else has changed with it: everything is set up anew.
        self._front_end.configured = False
