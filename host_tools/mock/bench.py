"""The desk's test bench: cells, two switches in series, charger and load, sensors, faults.

mV, mA, degC as floats; current + = charging. The charge switch has a body diode that lets
discharge current pass, the discharge switch one that lets charge current pass.
"""

from host_tools.mock.heat import Heat
from host_tools.mock.ramp import aim, follow

TICK_US = 20000

_HEAT_US = 1000000
_SWITCHES_OHM = 0.001
_SHORT_OHM = 0.005
_DIODE_MV = 700.0
_BLEED_OHM = 68.0
_CHARGER_OPEN_MV = 3600.0  # a cell's share of what a charger shows at an open switch
_TAPER_MV = 50.0  # a cell's share of the band in which a charger reduces its current
_CELL_MV_PER_S = 200.0
_TEMP_K_PER_S = 2.0
_MOST_REACTIONS = 8

CHARGE_SWITCH = 1
DISCHARGE_SWITCH = 2


class Bench:
    def __init__(
        self,
        clock,
        pack,
        temps=3,
        ambient_c=25.0,
        shunt_uohm=500,
        charger_limit_mv_per_cell=None,
    ):
        self.clock = clock
        self.pack = pack
        self.charger_limit_mv_per_cell = charger_limit_mv_per_cell
        self.listeners = []
        self.cell_mv = [0.0] * pack.cells
        self.stack_mv = 0.0
        self.lowest_mv = 0.0
        self.highest_mv = 0.0
        self.pack_mv = 0.0
        self.ld_mv = 0.0
        self.current_ma = 0.0
        self.charged_mas = 0.0
        self.discharged_mas = 0.0
        self.bled_mas = [0.0] * pack.cells
        self.true_charge = False
        self.true_discharge = False
        self._heat = Heat(pack.cells, pack.capacity_mah, temps, ambient_c)
        self.temps_c = list(self._heat.place_c)
        self.die_c = self._heat.die_c
        self._path_ohm = shunt_uohm / 1000000.0 + _SWITCHES_OHM
        self._gates = (False, False, False, False)
        self._stuck_charge = False
        self._stuck_discharge = False
        self._charge_conducts = False
        self._discharge_conducts = False
        self._bleed_mask = 0
        self._bled = []
        self._offered_ma = 0
        self._forced_ma = None
        self._short = False
        self._cell_ramps = []
        self._temp_ramps = []
        self._now_us = clock.now_us
        self._heated_us = clock.now_us
        self._square_a2s = 0.0
        self._reacting = False
        self._react_again = False
        pack.warm(self._heat.cell_c)
        self._settle()
        clock.call_at(clock.now_us + TICK_US, self._tick)

    # What time does.

    def update(self):
        """Bring everything to the clock's time; whoever looks calls this first."""
        now_us = self.clock.now_us
        us = now_us - self._now_us
        if us == 0:
            return
        self._now_us = now_us
        ma = self.current_ma
        pack = self.pack
        if ma > 0.0:
            self.charged_mas += ma * us * 0.000001
        elif ma < 0.0:
            self.discharged_mas -= ma * us * 0.000001
        pack.pass_current(ma, us)
        slow_ma = pack.slow_ma
        self._square_a2s += (ma * ma + 0.6 * slow_ma * slow_ma) * us * 0.000000000001
        if self._bled:
            self._bleed(us)
        if now_us - self._heated_us >= _HEAT_US:
            self._warm(now_us)
        if self._temp_ramps:
            self._show_temps()
        pack.fill_mv(ma, self.cell_mv)
        if self._short or self._cell_ramps or (ma and self.charger_limit_mv_per_cell):
            self._settle()
        else:
            self._sum_up()

    def _tick(self):
        self.clock.call_at(self.clock.now_us + TICK_US, self._tick)
        self.update()
        self._react()

    def _bleed(self, us):
        for cell in self._bled:
            mas = self.cell_mv[cell] * us * 0.000001 / _BLEED_OHM
            if mas > 0.0:
                self.pack.drain(cell, mas)
                self.bled_mas[cell] += mas

    def _warm(self, now_us):
        heat = self._heat
        heat.step(
            (now_us - self._heated_us) * 0.000001,
            self._square_a2s,
            self.pack.ohm,
            self._path_ohm,
        )
        self._heated_us = now_us
        self._square_a2s = 0.0
        self.pack.warm(heat.cell_c)
        self.die_c = heat.die_c
        self._show_temps()

    def _show_temps(self):
        self.temps_c[:] = self._heat.place_c
        if self._temp_ramps:
            follow(self._temp_ramps, self.temps_c, self._now_us)

    # What flows.

    def _settle(self):
        """Find the current that flows now, and the voltages at it."""
        cell_mv = self.cell_mv
        self.pack.fill_mv(0.0, cell_mv)
        emf_mv = sum(cell_mv)
        ohm = sum(self.pack.ohm)
        if self._cell_ramps:
            ...
        self._sum_up()
