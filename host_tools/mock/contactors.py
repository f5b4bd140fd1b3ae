"""Contactors as hardware: a coil, an armature that takes its time, contacts that weld or stick.

Times in virtual us. Never upload to a board.
"""

_PULL_IN_US = 20000
_DROP_OUT_US = 8000
_BOUNCE_US = 500


class Contactor:
    """`conducts` is the truth; the auxiliary contact shows it unless it lies."""

    def __init__(self, clock, pull_in_us=_PULL_IN_US, drop_out_us=_DROP_OUT_US, bounces=0):
        """bounces: how often the contacts part again after they first meet."""
        self.conducts = False
        self.moved = None  # called before a change and after it: moved(True), moved(False)
        self.closings = 0  # by the armature; bounces not counted
        self.feedback_line = None  # a pin line: 0 while the auxiliary contact is closed
        self._clock = clock
        self._pull_in_us = pull_in_us
        self._drop_out_us = drop_out_us
        self._bounces = bounces
        self._energised = False
        self._armature = False
        self._welded = False
        self._stuck_open = False
        self._lie = None
        self._left = 0  # movements of a bounce still to come
        self._entry = None

    def energise(self, on):
        """The coil has its current, or not."""
        on = bool(on)
        if on == self._energised:
            return
        self._energised = on
        self._cancel()
        us = self._pull_in_us if on else self._drop_out_us
        self._entry = self._clock.call_at(self._clock.now_us + us, self._arrive)

    def weld(self):
        """The contacts are one piece of metal."""
        self._welded = True
        self._show()

    def stick_open(self):
        """The armature no longer moves: coil wire broken, or something in its way."""
        self._stuck_open = True
        self._show()

    def lie(self, closed):
        """The auxiliary contact says so whatever is true; None: it tells the truth again."""
        self._lie = closed
        self._show_feedback()

    def mend(self):
        self._welded = False
        self._stuck_open = False
        self._lie = None
        self._show()

    def _arrive(self):
        self._entry = None
        if self._energised and not self._armature:
            self.closings += 1
        self._armature = self._energised
        self._show()
        self._left = 2 * self._bounces if self._energised else 0
        self._rebound()

    def _rebound(self):
        if self._left:
            self._entry = self._clock.call_at(self._clock.now_us + _BOUNCE_US, self._part_or_meet)

    def _part_or_meet(self):
        self._entry = None
        self._left -= 1
        self._armature = not self._armature
        self._show()
        self._rebound()

    def _cancel(self):
        if self._entry is not None:
            self._clock.cancel(self._entry)
            self._entry = None

    def _show(self):
        conducts = self._welded or (self._armature and not self._stuck_open)
        if conducts != self.conducts:
            if self.moved is not None:
                self.moved(True)
            self.conducts = conducts
            self._show_feedback()
            if self.moved is not None:
                self.moved(False)
        else:
            self._show_feedback()

    def _show_feedback(self):
        if self.feedback_line is not None:
            closed = self.conducts if self._lie is None else self._lie
            self.feedback_line.outside(0 if closed else 1)


def cut_by(enable, alert):
    """Lines: what follows `enable` sees it low while `alert` is low, whoever drives it high."""
    takes = list(enable.listeners)
    enable.listeners.clear()

    def changed(_):
        for take in takes:
            take(enable.level and alert.level)

    enable.listeners.append(changed)
    alert.listeners.append(changed)
    changed(0)


class Coil:
    """A contactor's driver: pulls only while its pin, the enable line and the gates are all on."""

    def __init__(self, contactor):
        self._contactor = contactor
        self._levels = {}

    def input(self, name):
        """A function that takes the level of one more input; low until it is called."""
        self._levels[name] = False

        def take(level):
            self._levels[name] = bool(level)
            self._contactor.energise(all(self._levels.values()))

        return take
