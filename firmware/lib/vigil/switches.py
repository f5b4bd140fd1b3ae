"""The two switches: what they shall be, why, and every change with its reason.

Runs in the cycle: act() allocates nothing. A front end that cannot be commanded is opened by the
direct line.
"""

from array import array

from micropython import const

from vigil import limits
from vigil.afe.errors import AfeError
from vigil.protect import OWED_NO_CHARGER, OWED_NO_LOAD, OWED_RETRIES

# States of one switch.
OFF = const(0)  # not permitted: starting, self-test failed, owner
ON = const(1)
TRIPPED = const(2)  # a limit holds it open
RECOVERING = const(3)  # the limit has released, the hold time runs
LATCHED = const(4)  # opened for good until reset()
WAITING = const(5)  # the limit has released, but load or charger has to be taken away first

# Reasons beside row ids.
REASON_NONE = const(0)
REASON_STARTING = const(100)
REASON_OWNER = const(101)
REASON_SELF_TEST = const(102)
REASON_SAFE_MODE = const(103)  # three starts in a row have failed
REASON_MEMORY_LOST = const(104)  # whether a limit had latched is no longer known
REASON_ASLEEP = const(110)  # after a deep discharge: nothing runs

CHARGE = const(0)
DISCHARGE = const(1)

# From the release of the last limit to closing: longer each time the same limit opens again
# within _FORGET_MS, so that no pack that sits on a limit makes a switch chatter.
_HOLD_MS = (1000, 5000, 20000, 60000)
_MOST_RETRIES = const(3)
_FORGET_MS = const(300000)
# Without anything to tell whether a load or a charger is there, time has to do.
_REMOVAL_MS = const(30000)
# A front end turns a switch on within 250 ms; told again after this time if it has not.
_REPEAT_MS = const(1000)
_FORGIVE_MS = const(5000)
_NOT_FORGIVING = const(0)
_ASKED = const(1)
_FORGIVING = const(2)
_RING = const(16)
_RECORD = const(4)  # ticks_ms, switch, state, reason
_TICKS = const(0x3FFFFFFF)
_BOTH = const(3)  # as commanded
_DEMANDS = limits.OPEN_BOTH | limits.LATCH


class Switches:
    """Both switches over one front end (or contactor driver) with the same verbs."""

    def __init__(self, front_end, sample):
        """sample: says whether a load or a charger is there."""
        self._front_end = front_end
        self._sample = sample
        # One contactor for both directions: what opens one opens the other.
        self._common = getattr(front_end, "common", False)
        self.state = array("i", [OFF, OFF])
        self.reason = array("i", [REASON_STARTING, REASON_STARTING])
        self._since_ms = array("i", [0, 0])
        self._commanded = -1  # bit 0 charge, bit 1 discharge; -1 nothing known
        self._commanded_ms = 0
        self.command_failures = 0
        self.changes = 0
        self._ring = array("i", [0] * (_RING * _RECORD))
        self._allowed = False
        self.held_off = 0  # by a command: 1 charge, 2 discharge
        self._permitted = False  # allowed, and none held off
        self._refusal = REASON_STARTING
        # Place in TABLE of the row that opened each switch last; times it did so again soon.
        self._opened_at = array("i", [-1, -1])
        self.retries = array("i", [0, 0])
        self._closed_lately = array("i", [0, 0])
        self._forgiving = _NOT_FORGIVING
        self._forgiving_since_ms = 0
        self._forgiven_at = -1
        self._plan_reason = REASON_NONE
        self._plan_ms = 0
        self._planned_ms = 0

    @property
    def charge_on(self):
        """What is commanded."""
        return self.state[CHARGE] == ON

    @property
    def discharge_on(self):
        return self.state[DISCHARGE] == ON

    def permit(self):
        """The self-test has passed and the front end is ready: limits alone decide now."""
        self._allowed = True
        self._permitted = not self.held_off

    def forbid(self, reason):
        """Keep both switches off for `reason`, whatever the limits say."""
        self._allowed = self._permitted = False
        self._refusal = reason

    def hold_off(self, switches):
        """Keep these off until told otherwise (1 charge, 2 discharge; 0: neither)."""
        self.held_off = _BOTH if self._common and switches else switches
        self._permitted = self._allowed and not switches

    def plan_off(self, reason, now_ms, in_ms):
        """Announce that both switches open for `reason` so much later; a plan made is kept."""
        if self._plan_reason == REASON_NONE:
            self._plan_reason = reason
            self._planned_ms = now_ms
            self._plan_ms = in_ms

    def cancel_plan(self):
        self._plan_reason = REASON_NONE

    def opening_in_ms(self, protection, switch, now_ms):
        """Time until this switch opens by a delay that runs or a plan; -1 if none is known."""
        if self.state[switch] != ON:
            return -1
        left_ms = protection.opening_in_ms(limits.OPEN_CHARGE << switch)
        if self._plan_reason != REASON_NONE:
            planned_ms = max(0, self._plan_ms - ((now_ms - self._planned_ms) & _TICKS))
            if left_ms < 0 or planned_ms < left_ms:
                left_ms = planned_ms
        return left_ms

    def restore_latched(self, switch, reason):
        """It was latched before the restart; before act() is first called."""
        self.state[switch] = LATCHED
        self.reason[switch] = reason

    def reset(self):
        """The owner releases latched switches; limits still decide.

        A limit that still stands after _FORGIVE_MS latches again.
        """
        self._forgiving = _ASKED
        for switch in (CHARGE, DISCHARGE):
            self.retries[switch] = 0
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
        if self._plan_reason != REASON_NONE:
            if (now_ms - self._planned_ms) & _TICKS >= self._plan_ms:
                self.forbid(self._plan_reason)
                self._plan_reason = REASON_NONE
        actions = protection.actions
        if self._common and actions & limits.OPEN_BOTH:
            actions |= limits.OPEN_BOTH
        state = self.state
        lately = self._closed_lately
        if (
            actions & _DEMANDS
            or self._forgiving
            or not self._permitted
            or state[CHARGE] != ON
            or state[DISCHARGE] != ON
            or lately[CHARGE]
            or lately[DISCHARGE]
        ):
            # A row that latches opens both switches (validate.py sees to it).
            latch = actions & limits.LATCH
            if self._forgiving:
                latch = self._still_latches(latch, protection.latched_by, now_ms)
            self._judge_one(CHARGE, actions & limits.OPEN_CHARGE, latch, protection, now_ms)
            self._judge_one(DISCHARGE, actions & limits.OPEN_DISCHARGE, latch, protection, now_ms)
        elif self._commanded == _BOTH:
            # The usual case, and done: both shall be on, are told so and obey.
            front_end = self._front_end
            if front_end.configured and front_end.charge_is_on and front_end.discharge_is_on:
                return
        self._command(now_ms)

    def _still_latches(self, latch, latched_by, now_ms):
        """The owner has just looked: what he saw and ends now is forgiven, what stays is not."""
        if self._forgiving == _ASKED:
            self._forgiving = _FORGIVING
            self._forgiving_since_ms = now_ms
            self._forgiven_at = latched_by
        elif (now_ms - self._forgiving_since_ms) & _TICKS >= _FORGIVE_MS:
            self._forgiving = _NOT_FORGIVING
            return latch
        if latch and latched_by == self._forgiven_at:
            return 0
        # Whatever comes after he has looked is new to him.
        self._forgiven_at = -1
        return latch

    def _judge_one(self, switch, demanded, latch, protection, now_ms):
        # Numbered cases, first match wins: 1 latched stays; 2 a limit demands open; 3 not
        # permitted; 4 released: wait for what is owed, hold, then on.
        state = self.state[switch]
        if state == LATCHED:
            return
        if demanded:
            self._open(switch, state, latch, protection, now_ms)
        elif not self._permitted and self._is_kept_off(switch, state, now_ms):
            pass
        elif state == ON:
            if self._closed_lately[switch]:
                if (now_ms - self._since_ms[switch]) & _TICKS >= _FORGET_MS:
                    self._closed_lately[switch] = 0
        elif state == TRIPPED:
            # Who was not on has nothing to wait for.
            owed = protection.owed[switch] & (OWED_NO_LOAD | OWED_NO_CHARGER)
            self._enter(switch, WAITING if owed else RECOVERING, self.reason[switch], now_ms)
        elif state == WAITING:
            if self._is_removed(protection.owed[switch], now_ms - self._since_ms[switch]):
                self._enter(switch, RECOVERING, self.reason[switch], now_ms)
        elif state == RECOVERING:
            if self._has_recovered(switch, now_ms):
                self._close(switch, protection, now_ms)
        else:
            self._close(switch, protection, now_ms)

    def _is_kept_off(self, switch, state, now_ms):
        reason = self._refusal
        if self._allowed:
            if not self.held_off >> switch & 1:
                return False
            # What a limit still wants before it closes is waited for all the same.
            if state == TRIPPED or state == WAITING:
                return False
            if state == RECOVERING and not self._has_recovered(switch, now_ms):
                return False
            reason = REASON_OWNER
        if state != OFF or self.reason[switch] != reason:
            self._enter(switch, OFF, reason, now_ms)
        return True

    def _has_recovered(self, switch, now_ms):
        hold_ms = _HOLD_MS[self.retries[switch]]
        return (now_ms - self._since_ms[switch]) & _TICKS >= hold_ms

    def _open(self, switch, state, latch, protection, now_ms):
        if latch:
            opened_at = protection.latched_by
        elif switch == CHARGE:
            opened_at = protection.charge_opened_by
        else:
            opened_at = protection.discharge_opened_by
        if opened_at < 0:
            # Nothing speaks against this one, but it has its contactor in common with the other.
            opened_at = max(protection.charge_opened_by, protection.discharge_opened_by)
        row_id = limits.TABLE[opened_at][limits.ID]
        if latch and (self._allowed or state != OFF):
            self._enter(switch, LATCHED, row_id, now_ms)
        elif state == OFF and not self._allowed:
            # Never closed yet: stay off, but say what stands in the way.
            if self.reason[switch] != row_id:
                self._enter(switch, OFF, row_id, now_ms)
        elif state == ON:
            self._count_retry(switch, opened_at)
            spent = self.retries[switch] >= _MOST_RETRIES
            latches = spent and protection.owed[switch] & OWED_RETRIES
            self._opened_at[switch] = opened_at
            self._enter(switch, LATCHED if latches else TRIPPED, row_id, now_ms)
        elif state != TRIPPED or not protection.is_tripped(self._opened_at[switch]):
            # Still open, now (also) because of this row.
            self._opened_at[switch] = opened_at
            self._enter(switch, TRIPPED, row_id, now_ms)

    def _count_retry(self, switch, opened_at):
        if not self._closed_lately[switch]:
            self.retries[switch] = 0
        elif self._opened_at[switch] == opened_at and self.retries[switch] < _MOST_RETRIES:
            self.retries[switch] += 1

    def _is_removed(self, owed, waited_ms):
        """What has to be taken away is seen gone; where nothing can be seen, time has passed."""
        sample = self._sample
        load = sample.load_seen if owed & OWED_NO_LOAD else 0
        charger = sample.charger_seen if owed & OWED_NO_CHARGER else 0
        if load > 0 or charger > 0:
            return False
        return (load == 0 and charger == 0) or waited_ms & _TICKS >= _REMOVAL_MS

    def _close(self, switch, protection, now_ms):
        protection.owed[switch] = 0
        self._closed_lately[switch] = 1
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
        state = self.state
        charge = state[CHARGE] == ON
        discharge = state[DISCHARGE] == ON
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
