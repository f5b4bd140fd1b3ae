"""Coulomb counter of the BQ76952 model: CC1 (250 ms), CC3 (mean of CC2), charge.

mA, microseconds; between changes the current is constant, so every mean is exact.
"""

_CC2_US = 3000


class CoulombCounter:
    def __init__(self, chip):
        self.chip = chip
        self.last_ma = 0.0
        self.restart()
        self.reset_charge()

    def restart(self):
        now_us = self.chip.clock.now_us
        self.cc1_ma = 0.0
        self._cc3_ma = 0.0
        self._cc1_ma_us = self._cc3_ma_us = 0.0
        self._until_us = self._cc1_from_us = self._cc3_from_us = now_us

    def reset_charge(self):
        self.charge_user_as = 0.0
        self.quarters = 0

    def changed(self, ma):
        """The current has just become another."""
        self._advance()
        self.last_ma = self.chip.convertible_ma(ma)

    def _advance(self):
        now_us = self.chip.clock.now_us
        ma = self.last_ma
        self._cc1_ma_us += ma * (now_us - self._until_us)
        window_us = self.chip.settings.cc3_samples * _CC2_US
        end_us = self._cc3_from_us + window_us
        if now_us >= end_us:
            self._cc3_ma = (self._cc3_ma_us + ma * (end_us - self._until_us)) / window_us
            whole = (now_us - end_us) // window_us
            if whole:
                self._cc3_ma = ma
            self._cc3_from_us = end_us + whole * window_us
            self._cc3_ma_us = 0.0
            self._until_us = self._cc3_from_us
        self._cc3_ma_us += ma * (now_us - self._until_us)
        self._until_us = now_us

    def cc3_ma(self):
        """Before the settings' gain."""
        self._advance()
        return self._cc3_ma

    def quarter(self, counting):
        """End of a CC1 conversion."""
        self._advance()
        now_us = self.chip.clock.now_us
        span_us = now_us - self._cc1_from_us
        mean_ma = self._cc1_ma_us / span_us if span_us else 0.0
        self._cc1_ma_us = 0.0
        self._cc1_from_us = now_us
        if not counting:
            return
        chip = self.chip
        if abs(mean_ma) * chip.shunt_uohm / 1000 < chip.settings.dead_band_uv:
            mean_ma = 0.0
        self.cc1_ma = mean_ma * chip.current_ratio
        self.charge_user_as += mean_ma * chip.charge_ratio / chip.settings.user_ma / 4
        self.quarters += 1
