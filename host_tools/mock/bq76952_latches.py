"""Latched protections of the BQ76952 model (COVL, OCDL, SCDL) and load detection on LD.

Each trip of the protection below counts up, every decrement delay counts down; at the limit the
latch sets. A limit of 0 is taken as "never": the fact sheet leaves it open.
"""

from host_tools.mock.bq76952_protections import (
    COV,
    IDLE,
    OCD1,
    OCD2,
    OCD3,
    SCD,
    TRIPPED,
    Protection,
)

SCDL = 0x40
OCDL = 0x20
COVL = 0x10

LD_ON = 0x0001
LD_TIMEOUT = 0x0002

_HOUR_US = 3600 * 1_000_000


class Latch(Protection):
    """Idle while it counts; its alert bit shows that it does."""

    def __init__(self, chip, bit):
        super().__init__(chip, 2, bit)
        self.count = 0
        self.limit = 0
        self._decrement_us = 0
        self._down_entry = None
        self._down_call = self._down

    def hit(self):
        """The protection below has tripped once more."""
        if not self.enabled or self.state != IDLE:
            return
        self.count += 1
        if self.count >= self.limit:
            self._forget_count()
            self.state = TRIPPED
            self.look()
        elif self._down_entry is None:
            self._count_down()

    def in_alert(self):
        return self.count > 0

    def exceeds(self):
        return False

    def look(self):
        if self.state >= TRIPPED:
            super().look()

    def release(self):
        """By command, or because the load is gone."""
        if self.state >= TRIPPED:
            self._settle(IDLE)

    def forget(self):
        super().forget()
        self._forget_count()

    def _forget_count(self):
        self.count = 0
        if self._down_entry is not None:
            self.chip.clock.cancel(self._down_entry)
            self._down_entry = None

    def _count_down(self):
        clock = self.chip.clock
        self._down_entry = clock.call_at(clock.now_us + self._decrement_us, self._down_call)

    def _down(self):
        self._down_entry = None
        if not self.chip.frozen:
            self.count -= 1
        if self.count:
            self._count_down()
        self.chip.safety_changed()


class OverVoltageLatch(Latch):
    def configure(self, settings):
        self.limit, self._decrement_us, self.recovery_us = settings.covl
        self.release_mv = settings.cov_release_mv
        return 0 if self.limit else None

    def recovered(self):
        return self.chip.highest_mv() < self.release_mv


class CurrentLatch(Latch):
    def configure(self, settings):
        values = settings.ocdl if self.bit == OCDL else settings.scdl
        self.limit, self._decrement_us, self.recovery_us, self.release_ma, self.by_current = values
        return 0 if self.limit else None

    def recovered(self):
        return self.by_current and self.chip.measured_ma() >= self.release_ma


class LoadDetect:
    """The current source on LD: on for the active time in every retry interval while a latch
    holds DSG off, until the timeout; or as the host says."""

    gone_mv = 4000.0
    # Not in the fact sheet.
    source_ma = 0.1

    def __init__(self, chip, latches):
        self.chip = chip
        self.latches = latches
        self._entry = None
        self._step_call = self._step
        self.forget()

    def forget(self):
        self._cancel()
        self.source_on = False
        self.timed_out = False
        self._by_host = False
        self._until_us = None

    def consider(self):
        """A latch has set or cleared, or DSG has changed."""
        wanted = self._wanted()
        if not wanted:
            if self._until_us is not None:
                self._cancel()
                self._until_us = None
                self.timed_out = False
                self._switch(self._by_host)
        elif self._until_us is None and not self.timed_out:
            self.restart()

    def _wanted(self):
        settings = self.chip.settings
        if not settings.load_detect_us or self.chip.discharge_is_on():
            return False
        return self._any_latched()

    def _any_latched(self):
        for latch in self.latches:
            if latch.state >= TRIPPED:
                return True
        return False

    def restart(self):
        """009D, and the moment the latch sets: the timeout begins anew."""
        self.timed_out = False
        if not self._wanted():
            self._switch(self._by_host)
            return
        clock = self.chip.clock
        self._until_us = clock.now_us + self.chip.settings.load_detect_timeout_h * _HOUR_US
        self._cancel()
        self._switch(True)
        self._entry = clock.call_at(
            clock.now_us + self.chip.settings.load_detect_us, self._step_call
        )

    def command(self, on):
        self._by_host = on
        if not on:
            self._cancel()
        self._switch(on)

    def _step(self):
        self._entry = None
        clock = self.chip.clock
        settings = self.chip.settings
        on = not self.source_on or self._by_host
        if clock.now_us >= self._until_us:
            self.timed_out = True
            self._switch(self._by_host)
            return
        pause_us = max(settings.load_detect_retry_us - settings.load_detect_us, 0)
        if on:
            wait_us = settings.load_detect_us
        else:
            wait_us = pause_us
            on = not pause_us
        self._entry = clock.call_at(
            clock.now_us + (wait_us or settings.load_detect_us), self._step_call
        )
        self._switch(on or self._by_host)

    def _switch(self, on):
        self.source_on = on
        self.chip.show_control_status()

    def _cancel(self):
        if self._entry is not None:
            self.chip.clock.cancel(self._entry)
            self._entry = None

    def ld_measured(self, ld_mv):
        """LD has been converted: with the source on and no load it is high."""
        if self.source_on and ld_mv > self.gone_mv:
            for latch in self.latches:
                latch.release()

    def status(self):
        return (LD_ON if self.source_on else 0) | (LD_TIMEOUT if self.timed_out else 0)


def build_latches(chip):
    """(latches, {(bank, bit): latch that counts its trips})"""
    covl = OverVoltageLatch(chip, COVL)
    ocdl = CurrentLatch(chip, OCDL)
    scdl = CurrentLatch(chip, SCDL)
    counted = {
        (0, COV): covl,
        (0, OCD1): ocdl,
        (0, OCD2): ocdl,
        (2, OCD3): ocdl,
        (0, SCD): scdl,
    }
    return (covl, ocdl, scdl), counted
