"""Power modes of the BQ76952 model: SLEEP, DEEPSLEEP, SHUTDOWN, what leads there and back.

Voltages in mV, times in microseconds on the clock.
"""

SHUTV = 0x0010
WAKE = 0x0001
DEEPSLEEP = 0x0004

_SECOND_US = 1_000_000
_QUARTER_US = 250_000
_TWICE_US = 4 * _SECOND_US


class Modes:
    # The fact sheet does not say how high LD must rise.
    wake_ld_mv = 2000.0

    def __init__(self, chip):
        self.chip = chip
        self._entries = {}
        self._ld_high = False
        self.forget()

    def forget(self):
        """Power-up."""
        for name in list(self._entries):
            self._cancel(name)
        self.sleeping = False
        self.deep = False
        # Without supply: nothing wakes.
        self.dead = False
        self.shutting_down = False
        self._awake_since_us = None
        self._low_since_us = None
        self._hot_since_us = None
        self._deep_until_us = 0
        self._shutdown_until_us = 0

    def restart(self):
        """Measuring begins (again)."""
        self.stop()
        self._awake_since_us = None

    def stop(self):
        self.sleeping = False
        self._cancel("current")
        self._low_since_us = self._hot_since_us = None

    def _later(self, name, delay_us, function):
        self._cancel(name)
        clock = self.chip.clock

        def run():
            del self._entries[name]
            function()

        self._entries[name] = clock.call_at(clock.now_us + delay_us, run)

    def _cancel(self, name):
        entry = self._entries.pop(name, None)
        if entry is not None:
            self.chip.clock.cancel(entry)

    # SLEEP

    def consider_sleep(self):
        """Each quarter of a second."""
        chip = self.chip
        if self.sleeping or not chip.sleep_allowed or not chip.scanned:
            return
        settings = chip.settings
        if abs(chip.coulombs.cc1_ma) >= settings.sleep_ma:
            return
        if chip.any_alert() or self.charger_seen():
            return
        if chip.balancing.active and settings.balance_keeps_awake:
            return
        since_us = self._awake_since_us
        if since_us is not None and chip.clock.now_us - since_us < settings.wake_hold_us:
            return
        self.sleeping = True
        chip.mode_changed(settings.sleep_period_us)

    def charger_seen(self):
        bench = self.chip.bench
        settings = self.chip.settings
        if bench.stack_mv >= settings.charger_stack_mv:
            return False
        return bench.pack_mv > bench.stack_mv + settings.charger_delta_mv

    def wake(self):
        if not self.sleeping:
            return
        chip = self.chip
        self.sleeping = False
        self._cancel("current")
        self._awake_since_us = chip.clock.now_us
        chip.mode_changed(chip.loop_us())
        chip.latch_event(WAKE)

    def bench_changed(self):
        """In SLEEP: the current comparator has its turn every 12 ms (by default)."""
        if not self.sleeping:
            return
        if self.charger_seen():
            self.wake()
        elif self._current_wakes() and "current" not in self._entries:
            period_us = self.chip.settings.wake_period_us
            rest_us = period_us - self.chip.clock.now_us % period_us
            self._later("current", rest_us, self._check_current)

    def _current_wakes(self):
        return abs(self.chip.bench.sensed_ma) > self.chip.settings.wake_ma

    def _check_current(self):
        self.chip.bench.update()
        if self._current_wakes() and not self.chip.frozen:
            self.wake()

    # DEEPSLEEP

    def deep_sleep_command(self):
        now_us = self.chip.clock.now_us
        if now_us > self._deep_until_us:
            self._deep_until_us = now_us + _TWICE_US
            return
        self._deep_until_us = 0
        if self.deep or self.chip.config_update:
            return
        self.deep = True
        self._remember_ld()
        self.chip.pause()

    def leave_deep_sleep(self):
        if self.deep:
            self.deep = False
            self.chip.resume(_QUARTER_US + self.chip.loop_us())

    # SHUTDOWN

    def shutdown_command(self, sealed):
        """Sealed: only the second within 4 s counts. Else the second skips the delays."""
        now_us = self.chip.clock.now_us
        second = now_us <= self._shutdown_until_us
        self._shutdown_until_us = now_us + _TWICE_US
        if sealed and not second:
            return
        settings = self.chip.settings
        fets_us = settings.shutdown_fets_us
        command_us = settings.shutdown_command_us
        if second and not sealed or not fets_us + command_us:
            self.chip.shut_down()
            return
        self._later("fets", fets_us, self._hold_fets)
        self._later("off", fets_us + command_us, self.chip.shut_down)
        self.chip.refresh_status()

    def _hold_fets(self):
        self.shutting_down = True
        self.chip.switches.update()

    def shutdown_ordered(self):
        return "off" in self._entries

    def check_supplies(self):
        """When the stack has been measured: too low, or too hot, turns the whole chip off."""
        chip = self.chip
        settings = chip.settings
        low = chip.bench.stack_mv < settings.shutdown_stack_mv
        if settings.shutdown_cell_mv and chip.lowest_mv() < settings.shutdown_cell_mv:
            low = True
        hot = settings.shutdown_c and chip.die_c >= settings.shutdown_c
        now_us = chip.clock.now_us
        if low != (self._low_since_us is not None):
            self._low_since_us = now_us if low else None
            chip.latch_event(0)
        self._hot_since_us = _since(hot, self._hot_since_us, now_us)
        if low and now_us - self._low_since_us >= settings.shutdown_delay_us:
            chip.shut_down()
        elif hot and now_us - self._hot_since_us >= settings.shutdown_hot_us:
            chip.shut_down()

    def raw(self):
        return SHUTV if self._low_since_us is not None else 0

    def off(self):
        """The chip has just gone off."""
        self.forget()
        self._remember_ld()

    # Waking from outside

    def _remember_ld(self):
        self._ld_high = self.chip.bench.ld_mv > self.wake_ld_mv

    def look_at_ld(self):
        """LD rising wakes from DEEPSLEEP and SHUTDOWN; LD that has always been high does not."""
        high = self.chip.bench.ld_mv > self.wake_ld_mv
        rising = high and not self._ld_high
        self._ld_high = high
        if rising:
            self._wake_up()

    def ts2_pin(self, level):
        """TS2 pulled low by a button; with SHUT_TS2 it is a thermistor and wakes nobody."""
        if not level and not self.chip.powered and not self.chip.kept_ts2:
            self._wake_up()

    def rst_shut_pin(self, level):
        """High for less than a second wakes, for longer turns off."""
        if level:
            if "button" not in self._entries and self.chip.powered:
                self._later("button", _SECOND_US, self.chip.shut_down)
            return
        if "button" in self._entries:
            self._cancel("button")
            self.wake()
            self.leave_deep_sleep()

    def _wake_up(self):
        if self.deep:
            self.leave_deep_sleep()
        elif not self.chip.powered and not self.dead:
            self.chip.reset()


def _since(condition, since_us, now_us):
    if not condition:
        return None
    return now_us if since_us is None else since_us
