"""What may flow now: one figure for a charger and one for a load, wherever they are shown.

Without a model of the cells (vigil.estimate.allow) what the limits allow, and the charge guard.
mA and mV as positive numbers; reading allocates nothing.
"""

from array import array

from micropython import const

from vigil import limits
from vigil.sample import CELLS, STACK, UNKNOWN

CHARGE = const(0)
DISCHARGE = const(1)

# Rows of the table, in the order of their places in _at.
_ROWS = (
    limits.CELL_OVER_VOLTAGE_WARNING,
    limits.CELL_UNDER_VOLTAGE_WARNING,
    limits.CHARGE_OVER_CURRENT,
    limits.DISCHARGE_OVER_CURRENT,
)
CURRENT_ROW = const(2)

# What holds the figure down.
TABLE = const(0)  # only the over-current limit
NOT_KNOWN = const(1)  # something is not measured
OPEN = const(2)  # the switch is open, or a limit is about to open it
WARNED = const(3)  # a cell is where charger or load should have ended
TEMPERATURE = const(4)
RECOVERING = const(5)  # a deeply discharged cell is charged slowly
VOLTAGE = const(6)  # a cell would come too near its end
RISING = const(7)  # goes up slowly


class Allowed:
    """`ahead_ma`: charge for 10 s and for 60 s, discharge likewise; `time_left_s`: to empty and
    to full, `tail_s`: of a charge with the voltage held; each at least, expected, at most. Without
    a model of the cells not known."""

    ahead_ma = (UNKNOWN,) * 4
    time_left_s = (UNKNOWN,) * 6
    tail_s = (UNKNOWN,) * 3

    def __init__(self, bms):
        self._bms = bms
        self._reasons = array("H", [NOT_KNOWN, NOT_KNOWN])
        self._at = bytes([limits.position(row_id) for row_id in _ROWS])

    @property
    def charge_ma(self):
        return 0 if self._stops(CHARGE) else self._now_ma(CHARGE)

    @property
    def discharge_ma(self):
        return 0 if self._stops(DISCHARGE) else self._now_ma(DISCHARGE)

    @property
    def reasons(self):
        """Of charge and discharge."""
        for which in (CHARGE, DISCHARGE):
            self._reasons[which] = self._stops(which) or self._why(which)
        return self._reasons

    @property
    def charge_end_mv(self):
        """The warning's release of the cells is where a charger ends (chemistry.py)."""
        return self._release(CHARGE) * self._bms.sample.cell_count

    @property
    def discharge_end_mv(self):
        return self._release(DISCHARGE) * self._bms.sample.cell_count

    def _release(self, row):
        return abs(self._bms.table.release[self._at[row]])

    def _stops(self, which):
        """Why nothing at all may flow at this moment; 0 if something may."""
        sample = self._bms.sample
        for group in range(CELLS, STACK + 1):
            if not sample.sequence(group) or sample.unknown(group):
                return NOT_KNOWN
        return self._is_shut(which)

    def _is_shut(self, which):
        bms = self._bms
        protection = bms.protection
        on = bms.switches.discharge_on if which else bms.switches.charge_on
        if not on or protection.actions & (limits.OPEN_DISCHARGE if which else limits.OPEN_CHARGE):
            return OPEN
        if protection.actions and protection.is_tripped(self._at[which]):
            # Whoever obeys stops before a switch has to open.
            return WARNED
        return 0

    def _now_ma(self, which):
        return self._release(CURRENT_ROW + which) if which else self._bms.charge_guard.limit_ma

    def _why(self, which):
        guard = self._bms.charge_guard
        if which or guard.limit_ma >= self._release(CURRENT_ROW):
            return TABLE
        return RECOVERING if guard.recovering else TEMPERATURE
