"""The quiet window: when a flash write, which stops everything, may be planned.

On an RP2040 an erase takes 45 ms, at worst 400 ms, and nothing runs meanwhile: no cycle, no
interrupt. The front end's own protection has to be good enough for that long.
"""

from vigil import limits


class QuietWindow:
    def __init__(self, sample, protection, front_end, links, backstop_is_good, quiet_ma):
        """backstop_is_good: function; quiet_ma: a current below this has time to be watched."""
        self._sample = sample
        self._protection = protection
        self._front_end = front_end
        self._links = links
        self._backstop_is_good = backstop_is_good
        self.quiet_ma = quiet_ma

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
        charge_on = front_end.charge_is_on
        discharge_on = front_end.discharge_is_on
        if not charge_on and not discharge_on:
            return False
        actions = self._protection.actions
        if actions & limits.OPEN_CHARGE and charge_on:
            return True
        if actions & limits.OPEN_DISCHARGE and discharge_on:
            return True
        return self._protection.is_counting()

    def reply_is_owed(self):
        for link in self._links:
            if link.reply_owed:
                return True
        return False
