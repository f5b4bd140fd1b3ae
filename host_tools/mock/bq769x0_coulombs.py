"""Coulomb counter of the BQ769x0 model: the mean current of each 250 ms, always or once.

Between changes the current is constant, so every mean is exact.
"""

CC_READY = 0x80
_CC_EN = 0x40
_ONE_SHOT = 0x20
_SYS_CTRL2 = 0x05


class CoulombCounter:
    def __init__(self, chip):
        self.chip = chip
        self._entry = None
        self._done_call = self._done
        self._ma = chip.bench.sensed_ma
        self._ma_us = 0.0
        self._from_us = self._until_us = 0

    def stop(self):
        if self._entry is not None:
            self.chip.clock.cancel(self._entry)
            self._entry = None

    def changed(self, ma):
        """The current has just become another."""
        self._advance()
        self._ma = ma

    def _advance(self):
        now_us = self.chip.clock.now_us
        self._ma_us += self._ma * (now_us - self._until_us)
        self._until_us = now_us

    def control(self, before, value):
        """SYS_CTRL2 has been written."""
        if value & _CC_EN:
            if not before & _CC_EN:
                self._begin()
        elif before & _CC_EN:
            self.stop()
        if value & _ONE_SHOT and not before & _ONE_SHOT:
            if value & _CC_EN or self.chip.has(CC_READY):
                # Only with the counter off and its bit clear.
                self.chip.regs[_SYS_CTRL2] &= ~_ONE_SHOT & 0xFF
            else:
                self._begin()
        elif before & _ONE_SHOT and not value & (_ONE_SHOT | _CC_EN):
            self.stop()

    def _begin(self):
        self.stop()
        self._advance()
        clock = self.chip.clock
        self._ma_us = 0.0
        self._from_us = clock.now_us
        due_us = clock.now_us + self.chip.inputs.periods_us[0]
        self._entry = clock.call_at(due_us, self._done_call)

    def _done(self):
        chip = self.chip
        chip.bench.update()
        self._advance()
        mean_ma = self._ma_us / (self._until_us - self._from_us)
        self._entry = None
        self._begin()
        if not chip.regs[_SYS_CTRL2] & _CC_EN:
            self.stop()
            chip.regs[_SYS_CTRL2] &= ~_ONE_SHOT & 0xFF
        if chip.frozen or chip.link_lost:
            return
        chip.put_current(mean_ma)
        if chip.after_measuring is not None:
            chip.after_measuring()
        chip.conversion_done()
