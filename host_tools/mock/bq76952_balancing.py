"""Host-commanded balancing of the BQ76952 model: 0x0083 with its slow start and its lapse.

Masks are bit n-1 = VC channel n. Works in whole seconds from the chip's start, as the chip does.
"""

_SECOND_US = 1_000_000


class Balancing:
    def __init__(self, chip):
        self.chip = chip
        self.active = 0
        self._asked = 0
        self._lapse_us = 0
        self._started_us = 0
        self._entry = None
        self._second_call = self._second
        self.restart()

    def restart(self):
        """Reset, and leaving CONFIG_UPDATE: nothing asked for, counters at zero."""
        self.stop()
        self._started_us = self.chip.clock.now_us
        self.total_s = 0
        self.cell_s = [0] * 16

    def command(self, mask):
        chip = self.chip
        if chip.settings.balance_no_command or chip.config_update:
            return
        self._asked = mask
        self._lapse_us = chip.clock.now_us + chip.settings.balance_lapse_us
        if self._entry is None:
            self._schedule()

    def stop(self):
        """At once: alerts, faults, CONFIG_UPDATE, reset."""
        self._asked = 0
        if self._entry is not None:
            self.chip.clock.cancel(self._entry)
            self._entry = None
        self._show(0)

    def reconsider(self):
        if self.active and self._blocked():
            self.stop()

    def _blocked(self):
        chip = self.chip
        settings = chip.settings
        if chip.balancing_forbidden() or chip.modes.sleeping and not settings.balance_in_sleep:
            return True
        hottest = chip.temperature_c("hottest")
        if hottest is not None:
            if hottest > settings.balance_max_c:
                return True
            if chip.temperature_c("coldest") < settings.balance_min_c:
                return True
        die = chip.temperature_c("die")
        return die is not None and die > settings.balance_max_die_c

    def _schedule(self):
        clock = self.chip.clock
        whole = (clock.now_us - self._started_us) // _SECOND_US + 1
        self._entry = clock.call_at(self._started_us + whole * _SECOND_US, self._second_call)

    def _second(self):
        self._entry = None
        chip = self.chip
        if chip.frozen:
            self._schedule()
            return
        if self.active:
            self.total_s += 1
            for n in range(16):
                self.cell_s[n] += self.active >> n & 1
            chip.look_at_voltages()
        if self._asked and (chip.clock.now_us >= self._lapse_us or self._blocked()):
            self._asked = 0
        self._show(self._asked)
        if self._asked and self._entry is None:
            self._schedule()

    def _show(self, mask):
        if mask != self.active:
            self.active = mask
            self.chip.balancing_changed()
