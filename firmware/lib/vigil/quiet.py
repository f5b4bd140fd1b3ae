"""The quiet window: when a flash write, which stops everything, may be planned.

On an RP2040 an erase takes 45 ms, at worst 400 ms, and nothing runs meanwhile: no cycle, no
interrupt. The front end's own protection has to be good enough for that long.
"""

from micropython import const

from vigil import limits

# A switch that has not opened by then will not open by being waited for: it is welded, or the
# front end closes it to spare its body diode.
_LONGEST_OPENING_MS = const(2000)
_TICKS = const(0x3FFFFFFF)


class QuietWindow:
    def __init__(self, sample, protection, front_end, links, backstop_is_good, quiet_ma):
        """backstop_is_good: function; quiet_ma: a current below this has time to be watched."""
        self._sample = sample
        self._protection = protection
        self._front_end = front_end
        self._links = links
        self._backstop_is_good = backstop_is_good
        self.quiet_ma = quiet_ma
        self._awaited = 0  # switches that are to open and have not, as of the last look
        self._awaited_ms = 0

    def is_quiet(self):
        """Nothing would be missed."""
        if self.protection_is_busy() or not self._backstop_is_good():
            return False
        sample = self._sample
        current_ma = sample.values[sample.current_at]
        # An unknown current is far above every level.
        if not 0 - self.quiet_ma < current_ma < self.quiet_ma:
            return False
        return not self.reply_is_owed()

    def protection_is_busy(self):
        """A limit is about to open a switch, or has decided to and the switch is not open yet."""
        front_end = self._front_end
        closed = limits.OPEN_CHARGE if front_end.charge_is_on else 0
        if front_end.discharge_is_on:
            closed |= limits.OPEN_DISCHARGE
        if self._opening_is_awaited(self._protection.actions & closed):
            return True
        return closed != 0 and self._protection.is_counting()

    def _opening_is_awaited(self, switches):
        now_ms = self._sample.judged_ms()
        if switches & (self._awaited ^ -1):
            self._awaited_ms = now_ms
        self._awaited = switches
        if not switches:
            return False
        return (now_ms - self._awaited_ms) & _TICKS < _LONGEST_OPENING_MS

    def reply_is_owed(self):
        for link in self._links:
            if link.reply_owed:
                return True
        return False
