"""What links may know: one read-only face over the running BMS.

Links hold a Status and nothing else; none of them reaches a driver.
"""

from micropython import const

from vigil import limits
from vigil.sample import UNKNOWN as SAMPLE_UNKNOWN

_HELD_OFF = const(1 << 12)


class Status:
    """Values in the units of the Sample; see each property."""

    UNKNOWN = SAMPLE_UNKNOWN

    def __init__(self, sample, protection, switches, balancer, estimator, allowed, device_name):
        self._sample = sample
        self._protection = protection
        self._switches = switches
        self._estimator = estimator
        self._allowed = allowed
        self._sleep = None
        self.bms = None  # to be read by links that show more than this face
        self.points = None  # vigil.points.Points, on boards whose links show points
        self.cell_count = sample.cell_count
        self.temp_count = sample.temp_count
        self.bleed = balancer.bleed
        self.device_name = device_name

    def cell_mv(self, cell):
        """0 for a value that is not known."""
        value = self._sample.values[self._sample.cells_at + cell]
        return 0 if value == SAMPLE_UNKNOWN else value

    def temp_dc(self, sensor):
        """0.1 degC, or UNKNOWN."""
        return self._sample.values[self._sample.temps_at + sensor]

    @property
    def stack_mv(self):
        value = self._sample.values[self._sample.stack_at]
        return 0 if value == SAMPLE_UNKNOWN else value

    @property
    def current_ma(self):
        value = self._sample.values[self._sample.current_at]
        return 0 if value == SAMPLE_UNKNOWN else value

    @property
    def remaining_mah(self):
        charge = self._estimator.estimate
        return charge.remaining_mah if charge.known else 0

    @property
    def full_mah(self):
        return self._estimator.counter.capacity_mah

    @property
    def usable_mah(self):
        """From full to empty as the pack is now; what it is rated at until that is measured."""
        ageing = getattr(self._estimator, "ageing", None)
        mah = ageing.usable_mah if ageing else SAMPLE_UNKNOWN
        return self.full_mah if mah == SAMPLE_UNKNOWN else mah

    @property
    def cycles(self):
        return self._estimator.counter.cycles

    @property
    def soc_pct(self):
        """As a display shall show it; 0 while nothing is known."""
        permille = self._estimator.shown_permille
        return 0 if permille > 1000 else (permille + 5) // 10

    @property
    def charge_on(self):
        return self._switches.charge_on

    @property
    def discharge_on(self):
        return self._switches.discharge_on

    @property
    def charge_limit_ma(self):
        """What a charger may deliver now; 0 while it is not known."""
        return self._allowed.charge_ma

    def sleep_of(self, deep_discharge):
        self._sleep = deep_discharge

    @property
    def sleeping_in_s(self):
        """Seconds until the board turns itself off for a deep discharge; -1 if it will not."""
        return self._sleep.sleeping_in_s

    @property
    def protection_bits(self):
        """Rows that hold a switch open, in JBD's bit order; and a command that does."""
        bits = self._bits(False)
        return bits | _HELD_OFF if self._switches.held_off else bits

    @property
    def warning_bits(self):
        """Rows that only warn, in JBD's bit order."""
        return self._bits(True)

    def _bits(self, warnings):
        if not self._protection.actions:
            return 0
        bits = 0
        for at in range(self._protection.row_count):
            row = limits.TABLE[at]
            if row[limits.JBD_BIT] == limits.NO_BIT:
                continue
            warns = row[limits.ACTION] == limits.WARNING
            if warns == warnings and self._protection.is_tripped(at):
                bits |= 1 << row[limits.JBD_BIT]
        return bits
