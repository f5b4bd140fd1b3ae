"""Precharge of the BQ76952 model: PCHG in the place of CHG while a cell is very low, its timeout.

mV, mA, microseconds; all of it moves at the chip's quarter-second evaluation.
"""

from host_tools.mock.bq76952_protections import IDLE, TRIPPED, Protection

PTO = 0x04
PTOS = 0x08

_QUARTER_US = 250_000


class Precharging:
    def __init__(self, chip):
        self.chip = chip
        self.active = False

    def forget(self):
        self.active = False

    def look(self):
        settings = self.chip.settings
        lowest_mv = self.chip.lowest_mv()
        if self.active:
            active = lowest_mv < settings.precharge_stop_mv
        else:
            active = lowest_mv < settings.precharge_start_mv
        if active != self.active:
            self.active = active
            self.chip.refresh_status()


class PrechargeTimeout(Protection):
    """Counts while precharge current flows, is suspended (PTOS) while it does not; only the host
    recovers it."""

    def __init__(self, chip):
        super().__init__(chip, 2, PTO)
        self.alert_bit = PTOS
        self.forget()

    def configure(self, settings):
        return settings.pto_us or None

    def exceeds(self):
        return False

    def recovered(self):
        return False

    def forget(self):
        super().forget()
        self._counted_us = 0
        self._suspended = False
        self._most_user_as = None

    def in_alert(self):
        return self._suspended

    def look(self):
        """Each quarter of a second; the bench's own calls change nothing."""

    def quarter(self):
        if not self.enabled or self.state == TRIPPED:
            return
        chip = self.chip
        settings = chip.settings
        self._forgive(chip.coulombs.charge_user_as, settings.pto_reset_user_as)
        flowing = chip.coulombs.cc1_ma > settings.pto_ma
        on = chip.switches.precharge
        suspended = on and not flowing
        if on and flowing:
            self._counted_us += _QUARTER_US
        if self._counted_us > settings.pto_us:
            self.state = TRIPPED
            suspended = False
        elif suspended == self._suspended:
            return
        self._suspended = suspended
        chip.safety_changed()

    def _forgive(self, user_as, reset_user_as):
        """Enough discharge starts the count anew."""
        if self._most_user_as is None or user_as > self._most_user_as:
            self._most_user_as = user_as
        elif self._most_user_as - user_as >= reset_user_as:
            self._most_user_as = user_as
            self._counted_us = 0

    def recover(self):
        """008A."""
        self._counted_us = 0
        if self.state == TRIPPED:
            self.state = IDLE
            self.chip.safety_changed()
