"""REG1 and REG2 of the BQ76952 model in mV, and what the host watchdog does to them.

`listeners`: functions(reg1_mv, reg2_mv), called on a change; a controller fed by REG1 hangs there.
"""

_LEVELS_MV = (1800, 1800, 1800, 1800, 2500, 3000, 3300, 5000)
_OFF = 1
_OFF_THEN_ON = 2


class Regulators:
    def __init__(self, chip):
        self.chip = chip
        self.listeners = []
        self.value = 0
        self.reg1_mv = 0
        self.reg2_mv = 0
        # The sheet does not say what ends "off" after HWDF; here 0x0098 or a new start does.
        self._held_off = False
        self._entry = None
        self._back_call = self._back

    def start(self):
        """Power-up and leaving CONFIG_UPDATE: as the settings say."""
        self.set(self.chip.settings.reg12)

    def set(self, value):
        self.value = value
        self._hold(False)

    def watchdog(self):
        settings = self.chip.settings
        if settings.silence_regulators in (_OFF, _OFF_THEN_ON):
            self._hold(True)
        if settings.silence_regulators == _OFF_THEN_ON:
            clock = self.chip.clock
            due_us = clock.now_us + settings.silence_regulators_us
            self._entry = clock.call_at(due_us, self._back_call)

    def _back(self):
        self._entry = None
        self._hold(False)

    def _hold(self, off):
        if self._entry is not None:
            self.chip.clock.cancel(self._entry)
            self._entry = None
        self._held_off = off
        self.update()

    def update(self):
        value = 0
        if self.chip.regulators_fed() and not self._held_off:
            value = self.value
        reg1_mv = _LEVELS_MV[value >> 1 & 7] if value & 0x01 else 0
        reg2_mv = _LEVELS_MV[value >> 5] if value & 0x10 else 0
        if (reg1_mv, reg2_mv) != (self.reg1_mv, self.reg2_mv):
            self.reg1_mv = reg1_mv
            self.reg2_mv = reg2_mv
            self.chip.show_alert_pin()
            for listener in self.listeners:
                listener(reg1_mv, reg2_mv)
