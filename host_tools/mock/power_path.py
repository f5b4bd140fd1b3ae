"""Two switches in series between cells and terminals, and what charger and load make of them.

mV, mA, ohm; current + = charging. The charge switch has a body diode that lets discharge current
pass, the discharge switch one that lets charge current pass.
"""

_SWITCHES_OHM = 0.001
_SHORT_OHM = 0.005
_DIODE_MV = 700.0
_TAPER_MV = 50.0  # a cell's share of the band in which a charger reduces its current

_CHARGE_SWITCH = 1
_DISCHARGE_SWITCH = 2


class PowerPath:
    def __init__(self, cells, shunt_uohm, charger_mv_per_cell=3600.0):
        """charger_mv_per_cell: what a charger shows at an open switch."""
        self.ohm = shunt_uohm / 1000000.0 + _SWITCHES_OHM
        self.true_charge = False
        self.true_discharge = False
        self.offered_ma = 0
        self.forced_ma = None  # another charger or load in the place of the offer
        self.load_ohm = None  # a resistor between the terminals in the place of a load; 0: a short
        self.charger_limit_mv_per_cell = None
        self._cells = cells
        self._charger_open_mv = cells * charger_mv_per_cell
        self._gates = (False, False, False, False)
        self._stuck_charge = False
        self._stuck_discharge = False
        self._charge_conducts = False
        self._discharge_conducts = False

    def join(self, bench):
        """FETs need nobody's time."""

    def pass_time(self, us, stack_mv):
        """Nothing here has a memory."""

    def set_gates(self, charge, discharge, charge_assist, discharge_assist):
        """False if nothing changes by it."""
        gates = (bool(charge), bool(discharge), bool(charge_assist), bool(discharge_assist))
        if gates == self._gates:
            return False
        self._gates = gates
        self._switch()
        return True

    def stick(self, n):
        if n == _CHARGE_SWITCH:
            self._stuck_charge = True
        elif n == _DISCHARGE_SWITCH:
            self._stuck_discharge = True
        else:
            raise ValueError("switch 1 charges, switch 2 discharges")
        self._switch()

    def mend(self):
        """Every fault ends."""
        self.load_ohm = None
        self.forced_ma = None
        self._stuck_charge = False
        self._stuck_discharge = False
        self._switch()

    def _switch(self):
        charge, discharge, charge_assist, discharge_assist = self._gates
        # An assisting gate goes off by itself as soon as the current turns round.
        self.true_charge = (charge and not charge_assist) or self._stuck_charge
        self.true_discharge = (discharge and not discharge_assist) or self._stuck_discharge
        self._charge_conducts = self.true_charge or charge_assist
        self._discharge_conducts = self.true_discharge or discharge_assist

    def wanted_ma(self):
        return self.offered_ma if self.forced_ma is None else self.forced_ma

    def follows_voltage(self):
        """The current changes with the cells, not only with switches and offers."""
        return self.load_ohm is not None or (self._tapers() and self.wanted_ma() > 0)

    def _tapers(self):
        return self.charger_limit_mv_per_cell is not None

    def flow_ma(self, emf_mv, ohm):
        """The current from cells of this voltage, at no current, and this resistance."""
        if self.load_ohm is not None:
            if not self._discharge_conducts:
                return 0.0
            if not self._charge_conducts:
                emf_mv -= _DIODE_MV
            return -max(emf_mv, 0.0) / (ohm + _SHORT_OHM + self.load_ohm)
        wanted_ma = self.wanted_ma()
        if wanted_ma > 0:
            if not self._charge_conducts:
                return 0.0
            if self._tapers():
                return self._tapered_ma(wanted_ma, emf_mv, ohm)
        elif not self._discharge_conducts:
            return 0.0
        return float(wanted_ma)

    def _tapered_ma(self, wanted_ma, emf_mv, ohm):
        # Linear in the stack voltage, which itself depends on the current: solved for the latter.
        room_mv = self._cells * self.charger_limit_mv_per_cell - emf_mv
        if room_mv <= 0.0:
            return 0.0
        tapered_ma = wanted_ma * room_mv / (self._cells * _TAPER_MV + wanted_ma * ohm)
        return min(float(wanted_ma), tapered_ma)

    def holding_ohm(self):
        """What holds the terminals together where no current flows; None: nothing does."""
        if self.load_ohm is not None:
            return self.load_ohm
        return 0.0 if self.wanted_ma() < 0 else None

    def terminal_mv(self, stack_mv, ma):
        """What a meter shows on the load side of the switches."""
        charge = self._charge_conducts
        discharge = self._discharge_conducts
        if ma > 0.0:
            terminal_mv = stack_mv + ma * self.ohm
            return terminal_mv if discharge else terminal_mv + _DIODE_MV
        if ma < 0.0:
            terminal_mv = stack_mv + ma * self.ohm
            return terminal_mv if charge else terminal_mv - _DIODE_MV
        if self.load_ohm is not None:
            return 0.0
        charger = self.wanted_ma() > 0
        if charge and (discharge or charger):
            return stack_mv
        if charger:
            return max(stack_mv, self._charger_open_mv)
        return stack_mv - _DIODE_MV if discharge else 0.0
