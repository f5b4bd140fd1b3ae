"""Balancing of the BQ76952 model: by mask (0x0083), by level (0x0084), and by itself.

Masks are bit n-1 = VC channel n. Works in whole seconds from the chip's start, as the chip does.
"""

_SECOND_US = 1_000_000
_CELL_1 = 0x14


class Balancing:
    def __init__(self, chip):
        self.chip = chip
        self.active = 0
        self.level_mv = 0
        self._asked = 0
        self._lapse_us = 0
        self._own = 0
        self._choose_again_us = 0
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
        self._keep_going()

    def command(self, mask):
        if self._takes_commands():
            self._asked = mask
            self.level_mv = 0
            self._asked_for_a_while()

    def level_command(self, mv):
        """The chip chooses among the cells above this level."""
        if self._takes_commands():
            self._asked = 0
            self.level_mv = mv
            self._asked_for_a_while()

    def _takes_commands(self):
        return not self.chip.settings.balance_no_command and self.chip.running

    def _asked_for_a_while(self):
        chip = self.chip
        self._lapse_us = chip.clock.now_us + chip.settings.balance_lapse_us
        self._schedule()

    def stop(self):
        """At once: alerts, faults, CONFIG_UPDATE, reset."""
        self._asked = 0
        self.level_mv = 0
        self._own = 0
        if self._entry is not None:
            self.chip.clock.cancel(self._entry)
            self._entry = None
        self._show(0)

    def reconsider(self):
        if self.active and self._blocked():
            self.stop()
            self._keep_going()

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

    def _keep_going(self):
        """Without being asked the chip still looks each second, where it may."""
        settings = self.chip.settings
        if self.chip.running and (settings.balance_charging or settings.balance_relaxed):
            self._schedule()

    def _schedule(self):
        if self._entry is None:
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
        blocked = self._blocked()
        if blocked or chip.clock.now_us >= self._lapse_us:
            self._asked = 0
            self.level_mv = 0
        if self._asked:
            mask = self._asked
        elif self.level_mv:
            mask = self._highest(self.level_mv)
        else:
            mask = self._own_choice(blocked)
        self._show(mask)
        if self._asked or self.level_mv or mask:
            self._schedule()
        self._keep_going()

    def _own_choice(self, blocked):
        """Chosen anew every interval; charging and resting have limits of their own."""
        chip = self.chip
        settings = chip.settings
        current_ma = chip.coulombs.cc1_ma
        if current_ma > settings.charging_ma:
            limits = settings.balance_charge_mv if settings.balance_charging else None
        elif current_ma >= -settings.discharging_ma:
            limits = settings.balance_relax_mv if settings.balance_relaxed else None
        else:
            limits = None
        if blocked or limits is None or not chip.scanned:
            self._own = 0
            return 0
        if self._own and chip.clock.now_us < self._choose_again_us:
            return self._own
        least_mv, start_mv, stop_mv = limits
        cells_mv = [mv for mv, _, _ in self._measured()]
        low_mv = min(cells_mv)
        spread_mv = max(cells_mv) - low_mv
        if low_mv < least_mv or spread_mv <= (stop_mv if self._own else start_mv):
            self._own = 0
        else:
            self._own = self._highest(low_mv + stop_mv)
            self._choose_again_us = chip.clock.now_us + settings.balance_lapse_us
        return self._own

    def _measured(self):
        """(mV, place in the row of used channels, channel) of every cell."""
        image = self.chip.image
        cells = []
        for register, _, _ in self.chip.channels:
            mv = image[register] | image[register + 1] << 8
            cells.append((mv, len(cells), (register - _CELL_1) >> 1))
        return cells

    def _highest(self, above_mv):
        """Mask of the highest cells above a level: never two neighbours, never too many."""
        chosen = []
        mask = 0
        for mv, place, channel in sorted(self._measured(), reverse=True):
            if mv <= above_mv or len(chosen) >= self.chip.settings.balance_most:
                break
            if place - 1 not in chosen and place + 1 not in chosen:
                chosen.append(place)
                mask |= 1 << channel
        return mask

    def _show(self, mask):
        if mask != self.active:
            self.active = mask
            self.chip.balancing_changed()
