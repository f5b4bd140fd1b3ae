"""What the models of INA228 and INA226 share: register pointer, conversion cycles, alert pin.

A cycle measures every enabled channel once, at its end; results appear after AVG cycles.
"""

AVERAGES = (1, 4, 16, 64, 128, 256, 512, 1024)


class Ina2xx:
    """I2C device. shunt_uohm: what is really there; the host's SHUNT_CAL may say otherwise."""

    powered_us = 300
    # Shorter cycles than this are counted several at once, so that the simulator gets on.
    least_event_us = 500
    # Called with each new value of the shunt, which show_current() may change before it is used.
    after_measuring = None

    def __init__(self, clock, bench, shunt_uohm, bus_mv, reversed_shunt, alert_line):
        self.clock = clock
        self.bench = bench
        self.shunt_uohm = shunt_uohm
        self.shunt_sign = -1 if reversed_shunt else 1
        self._bus_mv = bus_mv
        self.alert_line = alert_line
        # Fault hooks.
        self.answering = True
        self.frozen = False
        self.offset_nv = 0
        self._answers_from_us = 0
        self._cycle_call = self._cycle
        self._entry = None
        self._pointer = 0
        self.alert = False

    # Bus

    def i2c_present(self):
        return self.answering and self.clock.now_us >= self._answers_from_us

    def i2c_write(self, data):
        """Pointer, then two bytes; every writable register has 16 bits."""
        if not self.i2c_present():
            return 0
        if data:
            self._pointer = data[0]
        if len(data) >= 3:
            self._write(self._pointer, data[1] << 8 | data[2])
        return len(data)

    def i2c_read(self, count):
        """The pointer stays; behind the register's last byte the line stays high."""
        if not self.i2c_present():
            return None
        data = self._read(self._pointer)
        return (data + b"\xff" * count)[:count]

    # Conversions

    def brown_out(self, us=20_000):
        """Fault hook: the supply dips for a moment; every register is at its reset value."""
        self.reset()
        self._stop()
        self._answers_from_us = self.clock.now_us + us
        self.clock.call_at(self._answers_from_us, self.reset)

    def _stop(self):
        if self._entry is not None:
            self.clock.cancel(self._entry)
            self._entry = None

    def _restart(self, delay_us=0):
        """A write to the configuration begins a new conversion."""
        self._stop()
        self._done = 0
        self._sums = [0, 0, 0]
        self._cycle_us = self._one_cycle_us()
        if self._cycle_us:
            self._started_us = self.clock.now_us + delay_us
            self._schedule()

    def _schedule(self):
        left = AVERAGES[self._average] - self._done
        several = -(-self.least_event_us // self._cycle_us)
        self._batch = max(1, min(left, several))
        self._started_us += self._batch * self._cycle_us
        self._entry = self.clock.call_at(self._started_us, self._cycle_call)

    def _cycle(self):
        self._entry = None
        self.bench.update()
        sample = self._sample()
        sums = self._sums
        for channel in range(3):
            sums[channel] += sample[channel] * self._batch
        self._done += self._batch
        wanted = AVERAGES[self._average]
        whole = self._done >= wanted
        if not self.frozen:
            self._look_at_sample(sample)
            if whole:
                self._finish([total // wanted for total in sums], wanted * self._cycle_us)
        if whole:
            self._done = 0
            self._sums = [0, 0, 0]
            if not self._continuous:
                return
        self._schedule()

    def shunt_nv(self):
        return self.shunt_sign * self.bench.sensed_ma * self.shunt_uohm + self.offset_nv

    def show_current(self, ma):
        self._show_shunt(self.shunt_sign * ma * self.shunt_uohm)

    def bus_mv(self):
        """bus_mv: a function, or the pack's stack without it."""
        return self.bench.stack_mv if self._bus_mv is None else self._bus_mv()

    # Alert pin

    def _show_alert(self, active, active_high):
        """Open drain: it pulls down, or lets go."""
        self.alert = active
        if self.alert_line is not None:
            self.alert_line.outside(None if active == active_high else 0)


def rounded(value):
    return int(value + 0.5) if value >= 0 else -int(0.5 - value)


def clipped(value, bits):
    """To the range of a two's complement word."""
    top = 1 << (bits - 1)
    return max(-top, min(top - 1, value))


def signed(word):
    return word - 0x10000 if word & 0x8000 else word
