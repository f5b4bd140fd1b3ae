"""Reads the front end's whole configuration again and again: is it still what was asked for?

A difference is mended at once by setting the front end up anew (the switches open meanwhile) and
noted; a second one is a fault, for a chip that forgets cannot be the last line of defence. Of a
front end made of parts each is verified for itself.
"""

from array import array

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
    """age_s() tells when the configuration was last found whole."""

    def __init__(self, front_end, sample, note):
        """note(kind, code): into the journal."""
        self._front_end = front_end
        self._health = sample.health
        self._note = note
        self._parts = getattr(front_end, "verified_parts", (front_end,))
        self._part = 0  # whose turn it is, or was
        self._verifying = None
        self.verified_ms = array("i", [0] * len(self._parts))
        self._tried_ms = 0
        self.verified_once = False
        self.verifications = 0
        self.differences = 0

    def brought_up(self, now_ms):
        """Bring-up has just read everything back."""
        for part in range(len(self._parts)):
            self.verified_ms[part] = now_ms
        self._verifying = None
        self.verified_once = True
        self.verifications += 1

    def reset(self):
        """The owner has looked."""
        self._health[_WORD] = 0
        self.differences = 0

    def age_s(self, now_ms):
        """Seconds since the whole configuration was last found whole; -1 if it never was."""
        if not self.verified_once or not self._front_end.configured:
            return -1
        return self._age_ms(self._oldest(now_ms), now_ms) // 1000

    def ages_s(self, now_ms):
        """The same for each limit in the front end's `applied`: that of the part which has it."""
        if not self.verified_once or not self._front_end.configured:
            return [-1] * len(self._front_end.applied)
        ages = []
        for part in range(len(self._parts)):
            age_s = self._age_ms(part, now_ms) // 1000
            ages += [age_s] * len(self._parts[part].applied)
        return ages

    def _age_ms(self, part, now_ms):
        return (now_ms - self.verified_ms[part]) & _TICKS

    def _oldest(self, now_ms):
        oldest = 0
        for part in range(1, len(self._parts)):
            if self._age_ms(part, now_ms) > self._age_ms(oldest, now_ms):
                oldest = part
        return oldest

    def step(self, now_ms):
        """A slow task: one block of the configuration a slice."""
        if not self._front_end.configured:
            # Other limits hold the switches open; bring-up will verify.
            self._verifying = None
            return False
        if (
            self._age_ms(self._oldest(now_ms), now_ms) >= OVERDUE_MS
            and not self._health[_WORD] & BACKSTOP_OVERDUE
        ):
            self._health[_WORD] |= BACKSTOP_OVERDUE
            self._note(journal.BACKSTOP, BACKSTOP_OVERDUE)
        if self._verifying is None:
            if (now_ms - self._tried_ms) & _TICKS < _RETRY_MS or not self._choose(now_ms):
                return False
            self._tried_ms = now_ms
            self._verifying = self._parts[self._part].verify()
        try:
            next(self._verifying)
            return True
        except StopIteration:
            self.verified_ms[self._part] = now_ms
            self.verifications += 1
        except AfeError as error:
            if error.code == READ_BACK_DIFFERS:
                self._differs()
        self._verifying = None
        return False

    def _choose(self, now_ms):
        """The next part that is due; one that cannot be verified holds no other one up."""
        count = len(self._parts)
        for step in range(1, count + 1):
            part = (self._part + step) % count
            if self._age_ms(part, now_ms) >= VERIFY_EVERY_MS:
                self._part = part
                return True
        return False

    def _differs(self):
        self.differences += 1
        self._note(journal.BACKSTOP, BACKSTOP_DIFFERS)
        if self.differences >= 2:
            self._health[_WORD] |= BACKSTOP_DIFFERS
        # Whatever else has changed with it: everything is set up anew.
        self._front_end.configured = False
