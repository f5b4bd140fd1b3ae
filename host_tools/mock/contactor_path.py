"""Contactors between cells and terminals, a capacitor behind them, and what hangs on it.

In the place of power_path.PowerPath. mV, mA, ohm, us; current + = charging. Two ports: the charger
behind the charge contactor, the load and its capacitor (the link) behind the main one. One port:
both behind the main one. Never upload to a board.
"""

from math import exp

_CONTACTS_OHM = 0.0005
_SHORT_OHM = 0.005
_TAPER_MV = 50.0  # a cell's share of the band in which a charger reduces its current
_WAKES_SHARE = 0.8  # a load stops below this share of the stack, and starts with the main contact
_NO_LOAD_UF = 0.05  # cable and divider

_CHARGE = 1
_DISCHARGE = 2


class ContactorPath:
    """true_charge, true_discharge: whether the current of charger or load could really flow."""

    def __init__(
        self,
        cells,
        shunt_uohm,
        main,
        precharge,
        charge=None,
        resistor_ohm=47.0,
        link_uf=10000.0,
        bleeder_ohm=2200.0,
        charger_mv_per_cell=3600.0,
    ):
        """charge: None where one port serves both directions."""
        self.ohm = shunt_uohm / 1000000.0 + _CONTACTS_OHM
        self.main = main
        self.precharge = precharge
        self.charge = charge
        self.true_charge = False
        self.true_discharge = False
        self.offered_ma = 0
        self.forced_ma = None
        self.load_ohm = None  # a resistor in the place of a load, waiting for nobody; 0: a short
        self.connected = True  # load and its capacitor
        self.charger_limit_mv_per_cell = None
        self.link_mv = 0.0
        self.worst_closing_gap_mv = 0.0  # that the main contactor has closed onto
        self.resistor_mj = 0.0
        self.gates_changed = None  # told (charge, discharge), which the chip's outputs allow
        self._cells = cells
        self._resistor_ohm = resistor_ohm
        self._link_uf = link_uf
        self._bleeder_ohm = bleeder_ohm
        self._charger_open_mv = cells * charger_mv_per_cell
        self._gates = (False, False)
        self._load_runs = False
        self._stack_mv = 0.0
        self._bench = None

    def join(self, bench):
        """The bench that carries this path; contactors move in its time."""
        self._bench = bench
        for contactor in (self.main, self.precharge, self.charge):
            if contactor is not None:
                contactor.moved = self._moved

    def _moved(self, before):
        if before:
            self._bench.update()
        else:
            self._switch()
            self._bench.path_changed()

    def set_gates(self, charge, discharge, charge_assist, discharge_assist):
        """The chip's outputs reach coils, not contacts: nothing flows differently for now."""
        gates = (bool(charge), bool(discharge))
        if gates != self._gates:
            self._gates = gates
            if self.gates_changed is not None:
                self.gates_changed(*gates)
        return False

    def stick(self, n):
        if n == _CHARGE:
            (self.charge or self.main).weld()
        elif n == _DISCHARGE:
            self.main.weld()
        else:
            raise ValueError("switch 1 charges, switch 2 discharges")

    def break_contactor(self, n, welded):
        """1 main, 2 charge, 3 pre-charge; ValueError if there is no such contactor."""
        contactor = (self.main, self.charge, self.precharge)[n - 1]
        if contactor is None:
            raise ValueError("one port has no charge contactor")
        if welded:
            contactor.weld()
        else:
            contactor.stick_open()

    def disconnect(self):
        self.connected = False

    def mend(self):
        """Every fault ends."""
        self.load_ohm = None
        self.forced_ma = None
        self.connected = True
        for contactor in (self.main, self.precharge, self.charge):
            if contactor is not None:
                contactor.mend()

    def _switch(self):
        was_on = self.true_discharge
        self.true_discharge = self.main.conducts
        self.true_charge = (self.charge or self.main).conducts
        if self.true_discharge and not was_on:
            gap_mv = abs(self._stack_mv - self.link_mv)
            self.worst_closing_gap_mv = max(self.worst_closing_gap_mv, gap_mv)
            self._load_runs = True
            self.link_mv = self._stack_mv

    # What time does.

    def pass_time(self, us, stack_mv):
        """The link's voltage follows what charges and what drains it."""
        self._stack_mv = stack_mv
        if self.main.conducts:
            self.link_mv = stack_mv + self._bench.current_ma * self.ohm
        else:
            self._drift(us, stack_mv)

    def _drift(self, us, stack_mv):
        uf = self._link_uf if self.connected else _NO_LOAD_UF
        wanted_ma = self.wanted_ma()
        stops_mv = stack_mv * _WAKES_SHARE
        if self._load_runs and self.connected and wanted_ma < 0 and self.link_mv > stops_mv:
            # mA * us / uF is mV.
            self.link_mv = max(stops_mv, self.link_mv + wanted_ma * us / uf)
        if self.link_mv <= stops_mv:
            self._load_runs = False
        if self.charge is None and wanted_ma > 0:
            # A charger on the only port lifts the link to its own voltage.
            self.link_mv = min(self._charger_open_mv, self.link_mv + wanted_ma * us / uf)
            return
        siemens = 1.0 / self._bleeder_ohm
        if self._has_resistor():
            siemens += 1.0 / (_SHORT_OHM + self.load_ohm)
        driven_ma = 0.0
        if self.precharge.conducts:
            siemens += 1.0 / self._resistor_ohm
            driven_ma = stack_mv / self._resistor_ohm
        goal_mv = driven_ma / siemens
        gap_mv = stack_mv - self.link_mv
        # ohm * uF is us.
        self.link_mv = goal_mv + (self.link_mv - goal_mv) * exp(-us * siemens / uf)
        if self.precharge.conducts:
            mean_mv = (gap_mv + stack_mv - self.link_mv) / 2.0
            self.resistor_mj += mean_mv * mean_mv / self._resistor_ohm * us * 1e-9

    def _has_resistor(self):
        return self.load_ohm is not None and self.connected

    # What flows.

    def wanted_ma(self):
        return self.offered_ma if self.forced_ma is None else self.forced_ma

    def follows_voltage(self):
        """The current changes with time, not only with switches and offers."""
        if self.load_ohm is not None or self.precharge.conducts:
            return True
        return self.charger_limit_mv_per_cell is not None and self.wanted_ma() > 0

    def flow_ma(self, emf_mv, ohm):
        """The current from cells of this voltage, at no current, and this resistance."""
        wanted_ma = self.wanted_ma()
        ma = 0.0
        if wanted_ma > 0 and self.true_charge:
            ma = self._charger_ma(wanted_ma, emf_mv, ohm)
        if self.main.conducts:
            if self._has_resistor():
                return -max(emf_mv, 0.0) / (ohm + _SHORT_OHM + self.load_ohm)
            if wanted_ma < 0 and self.connected and self._load_runs:
                ma += wanted_ma
        elif self.precharge.conducts:
            ma -= (emf_mv - self.link_mv) / (self._resistor_ohm + ohm)
        return float(ma)

    def _charger_ma(self, wanted_ma, emf_mv, ohm):
        if self.charger_limit_mv_per_cell is None:
            return wanted_ma
        room_mv = self._cells * self.charger_limit_mv_per_cell - emf_mv
        if room_mv <= 0.0:
            return 0.0
        return min(wanted_ma, wanted_ma * room_mv / (self._cells * _TAPER_MV + wanted_ma * ohm))

    def holding_ohm(self):
        """What holds the load's terminals together: its bleeder at least."""
        return self.load_ohm if self._has_resistor() else self._bleeder_ohm

    def terminal_mv(self, stack_mv, ma):
        """What a meter shows at the load's terminals."""
        self._stack_mv = stack_mv
        return self.link_mv
