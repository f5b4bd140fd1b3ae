"""The two switches: what they shall be, why, and every change with its reason.

Runs in the cycle: act() allocates nothing. A front end that cannot be commanded is opened by the
direct line.
"""

from array import array

from micropython import const

from vigil import limits
from vigil.afe.errors import AfeError

# States of one switch.
OFF = const(0)  # not permitted: starting, self-test failed, owner
ON = const(1)
TRIPPED = const(2)  # a limit holds it open
RECOVERING = const(3)  # the limit has released, the hold time runs
LATCHED = const(4)  # opened for good until reset()

# Reasons beside row ids.
REASON_NONE = const(0)
REASON_STARTING = const(100)
REASON_OWNER = const(101)
REASON_SELF_TEST = const(102)
REASON_SAFE_MODE = const(103)  # three starts in a row have failed
REASON_MEMORY_LOST = const(104)  # whether a limit had latched is no longer known

CHARGE = const(0)
DISCHARGE = const(1)

_HOLD_MS = const(1000)
# A front end turns a switch on within 250 ms; told again after this time if it has not.
_REPEAT_MS = const(1000)
_RING = const(16)
_RECORD = const(4)  # ticks_ms, switch, state, reason
_TICKS = const(0x3FFFFFFF)


class Switches:
    """Both switches over one front end (or contactor driver) with the same verbs."""

    def __init__(self, front_end):
        self._front_end = front_end
        self.state = array("i", [OFF, OFF])
        self.reason = array("i", [REASON_STARTING, REASON_STARTING])
        self._since_ms = array("i", [0, 0])
        self._commanded = -1  # bit 0 charge, bit 1 discharge; -1 nothing known
        self._commanded_ms = 0
        self.command_failures = 0
        self.changes = 0
        self._ring = array("i", [0] * (_RING * _RECORD))
        self._permitted = False
        self._refusal = REASON_STARTING

    @property
    def charge_on(self):
        """What is commanded."""
        return self.state[CHARGE] == ON

    @property
    def discharge_on(self):
        return self.state[DISCHARGE] == ON

    def permit(self):
        """The self-test has passed and the front end is ready: limits alone decide now."""
        self._permitted = True

    def forbid(self, reason):
        """Keep both switches off for `reason`, whatever the limits say."""
        self._permitted = False
        self._refusal = reason

    def restore_latched(self, switch, reason):
        """It was latched before the restart; before act() is first called."""
        self.state[switch] = LATCHED
        self.reason[switch] = reason

    def reset(self):
        """The owner releases latched switches; limits still decide."""
        for switch in (CHARGE, DISCHARGE):
            if self.state[switch] == LATCHED:
                self.state[switch] = TRIPPED

    def change(self, index):
        """Change number `index` counted from the latest (0): (ticks_ms, switch, state, reason).

        None when there were not that many, or it is no longer held.
        """
        if not 0 <= index < min(self.changes, _RING):
            return None
        at = (self.changes - 1 - index) % _RING * _RECORD
        return tuple(self._ring[at : at + _RECORD])

    def act(self, protection, now_ms):
        """Bring the switches to what the verdict demands."""
        # A row that latches opens both switches (validate.py sees to it).
        actions = protection.actions
        latch = actions & limits.LATCH
        self._judge_one(
            CHARGE, actions & limits.OPEN_CHARGE, latch, protection.charge_opened_by, now_ms
        )
        self._judge_one(
            DISCHARGE,
            actions & limits.OPEN_DISCHARGE,
            latch,
            protection.discharge_opened_by,
            now_ms,
        )
        self._command(now_ms)

    def _judge_one(self, switch, demanded, latch, opened_by, now_ms):
        # Numbered cases, first match wins:
        # 1 latched stays; 2 a limit demands open; 3 not permitted; 4 released: hold, then on.
        state = self.state[switch]
        if state == LATCHED:
            return
        if demanded:
            row_id = limits.TABLE[opened_by][limits.ID]
            wanted = LATCHED if latch else TRIPPED
            if state == OFF and not self._permitted:
                # Never closed yet: stay off, but say what stands in the way.
                if self.reason[switch] != row_id:
                    self._enter(switch, OFF, row_id, now_ms)
            elif state != wanted:
                self._enter(switch, wanted, row_id, now_ms)
        elif not self._permitted:
            if state != OFF or self.reason[switch] != self._refusal:
                self._enter(switch, OFF, self._refusal, now_ms)
        elif state == TRIPPED:
            self._enter(switch, RECOVERING, self.reason[switch], now_ms)
        elif state == RECOVERING:
            if (now_ms - self._since_ms[switch]) & _TICKS >= _HOLD_MS:
                self._enter(switch, ON, REASON_NONE, now_ms)
        elif state == OFF:
            self._enter(switch, ON, REASON_NONE, now_ms)

    def _enter(self, switch, state, reason, now_ms):
        self.state[switch] = state
        self.reason[switch] = reason
        self._since_ms[switch] = now_ms
        at = self.changes % _RING * _RECORD
        ring = self._ring
        ring[at] = now_ms
        ring[at + 1] = switch
        ring[at + 2] = state
        ring[at + 3] = reason
        self.changes += 1

    def _command(self, now_ms):
        front_end = self._front_end
        charge = self.state[CHARGE] == ON
        discharge = self.state[DISCHARGE] == ON
        wanted = (1 if charge else 0) | (2 if discharge else 0)
        if not wanted:
            # No bus needed, so no bus can prevent it.
            front_end.all_off()
        if not front_end.configured:
            # It starts with both off and has to be told again.
            self._commanded = -1
            return
        if wanted == self._commanded:
            obeyed = front_end.charge_is_on == charge and front_end.discharge_is_on == discharge
            if obeyed or (now_ms - self._commanded_ms) & _TICKS < _REPEAT_MS:
                return
        self._commanded_ms = now_ms
        try:
            front_end.set_switches(charge, discharge)
            self._commanded = wanted
        except AfeError:
            # One switch cannot be opened alone over a dead bus: open both.
            front_end.all_off()
            self._commanded = -1
            self.command_failures += 1
