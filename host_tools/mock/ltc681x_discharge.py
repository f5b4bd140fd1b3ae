"""Discharge switches of one LTC681x model: DCC, timer, PWM, MUTE, pauses while measuring."""

_MINUTE_US = 60_000_000
# By DCTO; half a minute to two hours.
_HALF_MINUTES = (0, 1, 2, 4, 6, 8, 10, 20, 30, 40, 60, 80, 120, 150, 180, 240)
_SLOT_US = 2_000_000
_SLOTS = 15


class Discharge:
    """Masks are bit n-1 = channel n of the device."""

    def __init__(self, device):
        self.device = device
        self._timer_entry = None
        self._slot_entry = None
        self._timer_call = self._timer_ended
        self._slot_call = self._next_slot
        self.forget()

    def forget(self):
        """Power-up."""
        self._cancel()
        self.dcc = 0
        self.muted = False
        self.monitored = False  # DTMEN
        self.pwm = [15] * 18
        self.paused = 0
        self.dcto = 0
        self._ends_us = None
        self._slot = 0
        # Cells that the monitor of the timer period has found too low.
        self._too_low = 0

    def _cancel(self):
        for entry in (self._timer_entry, self._slot_entry):
            if entry is not None:
                self.device.clock.cancel(entry)
        self._timer_entry = self._slot_entry = None

    @property
    def timer_runs(self):
        return self._ends_us is not None

    def active(self):
        """Channels whose switch conducts now."""
        device = self.device
        if self.muted or not device.powered or device.asleep:
            return 0
        mask = self.dcc & ~self.paused
        if device.expired:
            # The watchdog has run out and the timer goes on: PWM, and the monitor's choice.
            mask &= ~self._too_low
            for channel in range(device.part.cells):
                if self.pwm[channel] <= self._slot:
                    mask &= ~(1 << channel)
        return mask

    def set_timer(self, dcto):
        """Each WRCFGA starts it anew; without the DTEN pin it never runs."""
        self._cancel()
        self.dcto = dcto
        self._ends_us = None
        if dcto and self.device.dten:
            clock = self.device.clock
            self._ends_us = clock.now_us + _HALF_MINUTES[dcto] * (_MINUTE_US // 2)
            self._timer_entry = clock.call_at(self._ends_us, self._timer_call)

    def dcto_left(self):
        """What reads back as DCTO: the time left, rounded up to an entry."""
        if self._ends_us is None:
            return 0
        left_us = self._ends_us - self.device.clock.now_us
        for code in range(1, 16):
            if left_us <= _HALF_MINUTES[code] * (_MINUTE_US // 2):
                return code
        return 15

    def _timer_ended(self):
        self._cancel()
        self._ends_us = None
        self.dcto = 0
        self.dcc = 0
        self.device.timer_ended()

    def clear(self):
        """The watchdog without a timer, or too hot a die: switches off, no timer."""
        self._cancel()
        self._ends_us = None
        self.dcto = 0
        self.dcc = 0
        self.monitored = False

    def begin_slots(self):
        """The watchdog has run out while the timer goes on."""
        self._slot = 0
        self._too_low = 0
        self._look()
        clock = self.device.clock
        self._slot_entry = clock.call_at(clock.now_us + _SLOT_US, self._slot_call)

    def end_slots(self):
        if self._slot_entry is not None:
            self.device.clock.cancel(self._slot_entry)
            self._slot_entry = None

    def _next_slot(self):
        clock = self.device.clock
        self._slot_entry = clock.call_at(clock.now_us + _SLOT_US, self._slot_call)
        self._slot = (self._slot + 1) % _SLOTS
        if self._slot == 0:
            self._look()
        self.device.check_heat()
        self.device.chain.show_discharge()

    def _look(self):
        """Every 30 s of the timer period, with DTMEN: stop the cells below VUV."""
        device = self.device
        if self.monitored:
            self.paused = self.dcc
            device.chain.show_discharge()
            device.bench.update()
            self._too_low |= device.below_threshold()
            self.paused = 0
