"""Protections of the BQ76952 model: alert while it lasts, trip after the delay, recover.

Each is exact on the virtual clock: it is looked at after every electrical change (temperatures
and CC1: after every new reading) and keeps one clock entry while it waits.
"""

IDLE = 0
ALERT = 1
TRIPPED = 2
RECOVERING = 3

SCD = 0x80
OCD2 = 0x40
OCD1 = 0x20
OCC = 0x10
COV = 0x08
CUV = 0x04
OTF = 0x80
OTINT = 0x40
OTD = 0x20
OTC = 0x10
UTINT = 0x04
UTD = 0x02
UTC = 0x01
OCD3 = 0x80
HWDF = 0x02


class Protection:
    """`bank` 0, 1, 2 is Safety A, B, C; `bit` its bit there."""

    def __init__(self, chip, bank, bit):
        self.chip = chip
        self.bank = bank
        self.bit = bit
        self.alert_bit = bit
        self.enabled = False
        self.state = IDLE
        self.trip = 0
        self.delay_us = 0
        self.recovery_us = 0
        self._entry = None
        self._due_call = self._due

    def apply(self, settings):
        """Take over new settings; what has tripped stays tripped."""
        delay_us = self.configure(settings)
        self.delay_us = delay_us or 0
        self.enabled = bool(settings.enabled[self.bank] & self.bit) and delay_us is not None
        if not self.enabled:
            self.forget()

    def forget(self):
        self._cancel()
        self.state = IDLE

    def in_alert(self):
        return self.state == ALERT

    def look(self):
        state = self.state
        if state == IDLE:
            if self.enabled and self.exceeds():
                self._wait(ALERT, self.delay_us)
        elif state == ALERT:
            if not self.exceeds():
                self._settle(IDLE)
        elif state == TRIPPED:
            if self.recovered():
                self._wait(RECOVERING, self.recovery_us)
        elif not self.recovered():
            self._settle(TRIPPED)

    def _wait(self, state, delay_us):
        self.state = state
        clock = self.chip.clock
        self._entry = clock.call_at(clock.now_us + delay_us, self._due_call)
        self.chip.safety_changed()

    def _settle(self, state):
        self._cancel()
        self.state = state
        self.chip.safety_changed()

    def _cancel(self):
        if self._entry is not None:
            self.chip.clock.cancel(self._entry)
            self._entry = None

    def _due(self):
        self._entry = None
        waited_for = self.state
        if self.chip.frozen:
            self.state = IDLE if waited_for == ALERT else TRIPPED
            self.chip.safety_changed()
            return
        self.chip.bench.update()
        # The update may itself have made the bench call back and settle or restart the wait.
        if self.state != waited_for or self._entry is not None:
            return
        if waited_for == ALERT:
            tripped = self.exceeds()
        else:
            tripped = not self.recovered()
        self.state = TRIPPED if tripped else IDLE
        if tripped and waited_for == ALERT:
            self.chip.tripped(self)
        self.chip.safety_changed()
        if self.state == TRIPPED:
            # Already within the release: the recovery time runs from here.
            self.look()


class CellUnderVoltage(Protection):
    def configure(self, settings):
        self.trip = settings.cuv_mv
        self.release = settings.cuv_release_mv
        self.recovery_us = settings.recovery_us
        return settings.cuv_delay_us

    def exceeds(self):
        return self.chip.lowest_mv() <= self.trip

    def recovered(self):
        return self.chip.lowest_mv() > self.release


class CellOverVoltage(Protection):
    def configure(self, settings):
        self.trip = settings.cov_mv
        self.release = settings.cov_release_mv
        self.recovery_us = settings.recovery_us
        return settings.cov_delay_us

    def exceeds(self):
        return self.chip.highest_mv() >= self.trip

    def recovered(self):
        return self.chip.highest_mv() < self.release


class ChargeCurrent(Protection):
    def configure(self, settings):
        self.trip = settings.occ_mv * self.chip.ma_per_shunt_mv
        self.release_ma = settings.occ_release_ma
        self.pack_delta_mv = settings.occ_pack_delta_mv
        self.recovery_us = settings.recovery_us
        return settings.occ_delay_us

    def exceeds(self):
        return self.chip.bench.sensed_ma >= self.trip

    def recovered(self):
        bench = self.chip.bench
        if self.chip.measured_ma() <= self.release_ma:
            return True
        return bench.pack_mv <= bench.stack_mv - self.pack_delta_mv


class DischargeCurrent(Protection):
    """OCD1 and OCD2; the release of +200 mA after a reset asks for a charger."""

    def configure(self, settings):
        first = self.bit == OCD1
        shunt_mv = settings.ocd1_mv if first else settings.ocd2_mv
        self.trip = -shunt_mv * self.chip.ma_per_shunt_mv
        self.release_ma = settings.ocd_release_ma
        self.recovery_us = settings.recovery_us
        return settings.ocd1_delay_us if first else settings.ocd2_delay_us

    def exceeds(self):
        return self.chip.bench.sensed_ma <= self.trip

    def recovered(self):
        return self.chip.measured_ma() >= self.release_ma


class SlowDischargeCurrent(Protection):
    """OCD3, on the quarter-second mean CC1."""

    def configure(self, settings):
        self.trip = settings.ocd3_ma
        self.release_ma = settings.ocd_release_ma
        self.recovery_us = settings.recovery_us
        return settings.ocd3_delay_us

    def exceeds(self):
        return self.chip.coulombs.cc1_ma <= self.trip

    def recovered(self):
        return self.chip.measured_ma() >= self.release_ma


class ShortCircuit(Protection):
    """Recovers by time alone and so tries again."""

    def configure(self, settings):
        self.trip = -settings.scd_mv * self.chip.ma_per_shunt_mv
        self.recovery_us = settings.scd_recovery_us
        return settings.scd_delay_us

    def exceeds(self):
        return self.chip.bench.sensed_ma <= self.trip

    def recovered(self):
        return True


class Temperature(Protection):
    """Over- or under-temperature of one place: "hottest", "coldest", "fet_hottest", "die"."""

    def __init__(self, chip, bit, name, place, over):
        super().__init__(chip, 1, bit)
        self.name = name
        self.place = place
        self.over = over

    def configure(self, settings):
        self.trip, delay_us, self.release = getattr(settings, self.name)
        self.recovery_us = settings.recovery_us
        return delay_us

    def exceeds(self):
        degrees = self.chip.temperature_c(self.place)
        if degrees is None:
            return False
        return degrees >= self.trip if self.over else degrees <= self.trip

    def recovered(self):
        degrees = self.chip.temperature_c(self.place)
        if degrees is None:
            return False
        return degrees <= self.release if self.over else degrees >= self.release


def build(chip):
    """(voltage, current, CC1, temperature) protections, each group a tuple."""
    return (
        (CellUnderVoltage(chip, 0, CUV), CellOverVoltage(chip, 0, COV)),
        (
            ChargeCurrent(chip, 0, OCC),
            DischargeCurrent(chip, 0, OCD1),
            DischargeCurrent(chip, 0, OCD2),
            ShortCircuit(chip, 0, SCD),
        ),
        (SlowDischargeCurrent(chip, 2, OCD3),),
        (
            Temperature(chip, OTF, "otf", "fet_hottest", True),
            Temperature(chip, OTINT, "otint", "die", True),
            Temperature(chip, OTD, "otd", "hottest", True),
            Temperature(chip, OTC, "otc", "hottest", True),
            Temperature(chip, UTINT, "utint", "die", False),
            Temperature(chip, UTD, "utd", "coldest", False),
            Temperature(chip, UTC, "utc", "coldest", False),
        ),
    )
