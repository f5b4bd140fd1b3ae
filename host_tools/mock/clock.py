"""Virtual time in microseconds: runs what falls due, in order, and jumps over the rest.

Whoever uses time (a bus transfer, code, a sleep) advances the clock; nothing reads the computer's.
"""

_NEVER = 1 << 60
_AT = 0
_FUNCTION = 1


class VirtualClock:
    def __init__(self):
        self.now_us = 0
        self.on_sleep = None
        self._pending = []  # latest first, so that the next one due is popped from the end
        self._next_us = _NEVER
        self._running = False

    def call_at(self, t_us, function):
        """Run function() once at t_us (or now, if that has passed); returns an entry to cancel."""
        if t_us < self.now_us:
            t_us = self.now_us
        entry = [t_us, function]
        pending = self._pending
        position = len(pending)
        # Of two at the same time the first one in runs first, so the newcomer stays behind it.
        while position and pending[position - 1][_AT] <= t_us:
            position -= 1
        pending.insert(position, entry)
        self._next_us = pending[-1][_AT]
        return entry

    def cancel(self, entry):
        """Forget an entry; one that has run or was cancelled before is no matter."""
        pending = self._pending
        for position in range(len(pending)):
            if pending[position] is entry:
                del pending[position]
                break
        self._next_us = pending[-1][_AT] if pending else _NEVER

    def advance(self, us):
        """Time that is busy: transfers and code."""
        if self._running:
            raise RuntimeError("the clock was advanced inside a callback")
        if us < 0:
            raise ValueError("time does not go back")
        target_us = self.now_us + us
        if target_us < self._next_us:
            self.now_us = target_us
            return
        self._running = True
        try:
            self._run_until(target_us)
        finally:
            self._running = False
        self.now_us = target_us

    def sleep(self, us):
        """Time that is idle; afterwards the simulator gets its turn (pacing, records)."""
        self.advance(us)
        if self.on_sleep is not None:
            self.on_sleep()

    def _run_until(self, target_us):
        pending = self._pending
        while pending and pending[-1][_AT] <= target_us:
            entry = pending.pop()
            self._next_us = pending[-1][_AT] if pending else _NEVER
            self.now_us = entry[_AT]
            entry[_FUNCTION]()
