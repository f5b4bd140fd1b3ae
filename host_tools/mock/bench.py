"""The desk's test bench: cells behind two switches, charger and load, sensors, faults.

mV, mA, degC as floats; current + = charging. Nothing here knows the chip: it listens and looks.
"""

from host_tools.mock.heat import Heat
from host_tools.mock.power_path import PowerPath
from host_tools.mock.profile import Profile
from host_tools.mock.ramp import aim, follow, let_go, put

__all__ = ("Bench", "Profile")

TICK_US = 20000

_SLOW_US = 1000000
_BLEED_OHM = 68.0
_CELL_MV_PER_S = 200.0
_TEMP_K_PER_S = 2.0
# What a shorted thermistor passes for; an open one shows nothing at all (None).
_SHORTED_C = 1000.0
DIE = 0
SWITCHES = 1
_MOST_REACTIONS = 8  # of listeners to each other at one instant


class Bench:
    def __init__(
        self,
        clock,
        pack,
        temps=3,
        ambient_c=25.0,
        shunt_uohm=500,
        charger_limit_mv_per_cell=None,
        sense_ohm=0.05,
        path=None,
    ):
        """sense_ohm: wire, contact and fuse of each sense lead.

        path: what lies between cells and terminals, two FETs without it.
        """
        self.clock = clock
        self.pack = pack
        self.listeners = []
        self.cell_mv = [0.0] * pack.cells
        self.stack_mv = 0.0
        self.lowest_mv = 0.0
        self.highest_mv = 0.0
        self.pack_mv = 0.0
        self.ld_mv = 0.0
        self.current_ma = 0.0
        # What the shunt makes of it: its own error, and that of the amplifier behind it.
        self.shunt_gain = 1.0
        self.shunt_offset_ma = 0.0
        self.charged_mas = 0.0
        self.discharged_mas = 0.0
        self.bled_mas = [0.0] * pack.cells
        self.true_charge = False
        self.true_discharge = False
        self._heat = Heat(
            pack.cells, pack.capacity_mah, temps, ambient_c, pack.figures.joule_per_k_ah
        )
        self.temps_c = list(self._heat.place_c)
        self.die_c = self._heat.die_c
        self.switch_c = self._heat.switch_c
        self._board_c = [self.die_c, self.switch_c]
        self._board_ramps = []
        # What the broken thermistors show, by place, and SWITCHES behind the cells' places.
        self._broken = {}
        self._path = path or PowerPath(pack.cells, shunt_uohm, pack.figures.charger_mv)
        self._path.charger_limit_mv_per_cell = charger_limit_mv_per_cell
        self._ld_touched = False
        self._heater = [False, False, False]  # switched on, broken, stuck on
        self._fan = [False, False, False]
        self._bleed_mask = 0
        self._bled = []
        self._bleed_ma = [0.0] * pack.cells
        self._sense_ohm = sense_ohm
        self._leaking = []
        self._cell_ramps = []
        self._temp_ramps = []
        self._now_us = clock.now_us
        self._heated_us = clock.now_us
        self._square_a2s = 0.0
        self._reacting = False
        self._react_again = False
        self._current_varies = False
        pack.warm(self._heat.cell_c)
        self._path.join(self)
        self._settle()
        clock.call_at(clock.now_us + TICK_US, self._tick)

    @property
    def sensed_ma(self):
        """The current as whoever measures it at the shunt sees it."""
        return self.current_ma * self.shunt_gain + self.shunt_offset_ma

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
        self._square_a2s += pack.square_ma2(ma) * us * 0.000000000001
        self._path.pass_time(us, self.stack_mv)
        if self._bled:
            self._bleed(us)
        if self._temp_ramps or self._board_ramps:
            self._show_temps()
        if self._current_varies or self._cell_ramps:
            self._settle()
        else:
            pack.fill_mv(ma, self.cell_mv)
            self._sum_up()

    def _tick(self):
        now_us = self.clock.now_us
        self.clock.call_at(now_us + TICK_US, self._tick)
        self.update()
        # At ticks only, so that looking at the bench more often changes nothing.
        if now_us - self._heated_us >= _SLOW_US:
            self._do_slow_things(now_us)
        self._react()

    def _bleed(self, us):
        for cell in self._bled:
            mas = self._bleed_ma[cell] * us * 0.000001
            if mas > 0.0:
                self.pack.drain(cell, mas)
                self.bled_mas[cell] += mas

    def _do_slow_things(self, now_us):
        """Heat, and what the cells lose by themselves."""
        heat = self._heat
        pack = self.pack
        seconds = (now_us - self._heated_us) * 0.000001
        if seconds == 0.0:
            return
        heat.step(seconds, self._square_a2s, pack.ohm, self._path.ohm)
        for cell in self._leaking:
            heat.heat_cell(cell, pack.leak_watts(cell) * seconds)
        self._heated_us = now_us
        self._square_a2s = 0.0
        pack.lose(seconds)
        pack.warm(heat.cell_c)
        self._show_temps()

    def _show_temps(self):
        heat = self._heat
        temps_c = self.temps_c
        temps_c[:] = heat.place_c
        follow(self._temp_ramps, temps_c, self._now_us)
        board_c = self._board_c
        board_c[DIE] = heat.die_c
        board_c[SWITCHES] = heat.switch_c
        follow(self._board_ramps, board_c, self._now_us)
        self.die_c = board_c[DIE]
        self.switch_c = board_c[SWITCHES]
        for place in self._broken:
            if place < len(temps_c):
                temps_c[place] = self._broken[place]
            else:
                self.switch_c = self._broken[place]

    # What flows.

    def _settle(self):
        """Find the current that flows now, and the voltages at it."""
        cell_mv = self.cell_mv
        pack = self.pack
        ma = self.current_ma
        pack.fill_mv(ma, cell_mv)
        ohm = sum(pack.ohm)
        if self._cell_ramps:
            follow(self._cell_ramps, cell_mv, self._now_us)
            # A cell that a fault moves keeps its voltage whatever the current.
            for ramp in self._cell_ramps:
                ohm -= pack.ohm[ramp.index]
        self._current_varies = self._path.follows_voltage()
        flowing_ma = self._path.flow_ma(sum(cell_mv) - ma * ohm, ohm)
        if flowing_ma != ma:
            self.current_ma = flowing_ma
            pack.fill_mv(flowing_ma, cell_mv)
            put(self._cell_ramps, cell_mv)
        self._sum_up()

    def _sum_up(self):
        cell_mv = self.cell_mv
        self.stack_mv = stack_mv = sum(cell_mv)
        if self._bled:
            self._sag()
        self.lowest_mv = min(cell_mv)
        self.highest_mv = max(cell_mv)
        terminal_mv = self._path.terminal_mv(stack_mv, self.current_ma)
        self.pack_mv = terminal_mv
        self.ld_mv = max(terminal_mv, stack_mv) if self._ld_touched else terminal_mv

    def _sag(self):
        """A bleed current lowers what its own two sense leads show and raises the neighbours."""
        cell_mv = self.cell_mv
        bleed_ma = self._bleed_ma
        last = len(cell_mv) - 1
        for cell in self._bled:
            bleed_ma[cell] = cell_mv[cell] / _BLEED_OHM
        for cell in self._bled:
            lead_mv = bleed_ma[cell] * self._sense_ohm
            cell_mv[cell] -= 2.0 * lead_mv
            if cell > 0:
                cell_mv[cell - 1] += lead_mv
            if cell < last:
                cell_mv[cell + 1] += lead_mv

    def _changed(self):
        self._settle()
        self._react()

    def _react(self):
        """Tell the listeners; one that changes something makes all look again."""
        if self._reacting:
            self._react_again = True
            return
        self._reacting = True
        try:
            for _ in range(_MOST_REACTIONS):
                self._react_again = False
                for listener in self.listeners:
                    listener()
                if not self._react_again:
                    break
        finally:
            self._reacting = False

    # What the chip does.

    def set_gates(self, charge, discharge, charge_assist=False, discharge_assist=False):
        """An assist gate is on only to spare the body diode: it conducts, but not lastingly."""
        self.update()
        if self._path.set_gates(charge, discharge, charge_assist, discharge_assist):
            self.path_changed()

    def path_changed(self):
        """Something between cells and terminals has begun or ceased to conduct."""
        self.true_charge = self._path.true_charge
        self.true_discharge = self._path.true_discharge
        self._changed()

    def set_bleed(self, mask):
        if mask == self._bleed_mask:
            return
        self.update()
        self._bleed_mask = mask
        self._bled = [cell for cell in range(self.pack.cells) if mask >> cell & 1]
        self._settle()

    # What the board does.

    def switch_heater(self, on):
        self._work(self._heater, 0, on)

    def switch_fan(self, on):
        self._work(self._fan, 0, on)

    def _work(self, appliance, at, on):
        self.update()
        self._do_slow_things(self._now_us)
        appliance[at] = bool(on)
        heat = self._heat
        heat.heater_on = (self._heater[0] or self._heater[2]) and not self._heater[1]
        heat.fan_on = (self._fan[0] or self._fan[2]) and not self._fan[1]

    # What happens outside, and what goes wrong.

    def break_heater(self):
        self._work(self._heater, 1, True)

    def stick_heater(self):
        """It stays on, whatever the board says."""
        self._work(self._heater, 2, True)

    def break_fan(self):
        self._work(self._fan, 1, True)

    def lifted_mv(self, source_ma):
        """Where a small current lifts the open terminal: to the stack, unless a load is there."""
        ohm = self._path.holding_ohm()
        return self.stack_mv if ohm is None else min(self.stack_mv, source_ma * ohm)

    def offer(self, ma):
        """What charger (+) or load (-) would let flow."""
        self.update()
        if ma != self._path.offered_ma:
            self._path.offered_ma = ma
            self._changed()

    def limit_charger(self, mv_per_cell=3550):
        """A charger that tapers towards this voltage; None: it knows no limit."""
        self.update()
        self._path.charger_limit_mv_per_cell = mv_per_cell
        self._changed()

    def touch_ld(self, touched):
        """A button between the cells and the chip's LD pin, by which a person wakes it."""
        self.update()
        self._ld_touched = touched
        self._changed()

    def override_current_ma(self, ma):
        """Another charger or load takes the place of the offer until clear()."""
        self.update()
        self._path.forced_ma = ma
        self._changed()

    def set_short(self):
        self.attach_load(0.0)

    def attach_load(self, ohm):
        """A resistor between the terminals takes the place of charger and load; None: it goes."""
        self.update()
        self._path.load_ohm = ohm
        self._changed()

    def disconnect_link(self):
        """Load and capacitor are taken off; for a bench with contactors."""
        self.update()
        self._path.disconnect()
        self._changed()

    def break_contactor(self, n, welded):
        """1 main, 2 charge, 3 pre-charge: welded, or else stuck open."""
        self._path.break_contactor(n, welded)

    def stick_fet(self, n):
        """1: the charge switch no longer opens, 2: the discharge switch."""
        self.update()
        self._path.stick(n)
        self.path_changed()

    def set_cell_mv(self, n, mv):
        """Cell 1, 2, ... itself moves to this voltage and stays, whatever the current."""
        if not 1 <= n <= self.pack.cells:
            raise ValueError("no such cell")
        self.update()
        aim(self._cell_ramps, n - 1, self.cell_mv[n - 1], mv, _CELL_MV_PER_S, self._now_us)
        self._changed()

    def set_temp_dc(self, n, dc):
        """The place of sensor 1, 2, ... (0: of all) moves to this temperature."""
        if not 0 <= n <= len(self.temps_c):
            raise ValueError("no such sensor")
        self.update()
        for place in range(len(self.temps_c)):
            if n == 0 or n == place + 1:
                value_c = self.temps_c[place]
                if place in self._broken:
                    value_c = self._heat.place_c[place]
                aim(self._temp_ramps, place, value_c, dc / 10.0, _TEMP_K_PER_S, self._now_us)

    def set_board_dc(self, place, dc):
        """The chip's DIE or the SWITCHES move to this temperature."""
        self.update()
        value_c = self._board_c[place]
        aim(self._board_ramps, place, value_c, dc / 10.0, _TEMP_K_PER_S, self._now_us)

    def break_sensor(self, n, shorted=False):
        """The thermistor of place 1, 2, ... (0: of the switches) breaks, or is shorted."""
        if not 0 <= n <= len(self.temps_c):
            raise ValueError("no such sensor")
        self.update()
        place = n - 1 if n else len(self.temps_c)
        self._broken[place] = _SHORTED_C if shorted else None
        self._show_temps()

    def set_leak(self, n, ohm):
        """Cell 1, 2, ... leaks inside, through so many ohm; the charge it lost stays lost."""
        if not 1 <= n <= self.pack.cells:
            raise ValueError("no such cell")
        if ohm <= 0:
            raise ValueError("a leak has a resistance")
        self.update()
        self._do_slow_things(self._now_us)
        self.pack.set_leak(n - 1, ohm)
        if n - 1 not in self._leaking:
            self._leaking.append(n - 1)
        self._changed()

    def set_shunt_gain(self, percent):
        """From now on it shows so much more than flows."""
        self.update()
        self.shunt_gain = 1.0 + percent / 100.0
        self._settle()

    def set_shunt_offset_ma(self, ma):
        self.update()
        self.shunt_offset_ma = float(ma)
        self._settle()

    def clear(self):
        """Every fault ends; cells and sensors go back as slowly as they came."""
        self.update()
        self.shunt_gain = 1.0
        self.shunt_offset_ma = 0.0
        let_go(self._cell_ramps)
        let_go(self._temp_ramps)
        if self._heater[1] or self._heater[2] or self._fan[1]:
            self._heater[1] = self._heater[2] = False
            self._work(self._fan, 1, False)
        let_go(self._board_ramps)
        self._broken = {}
        self._show_temps()
        if self._leaking:
            self._do_slow_things(self._now_us)
            for cell in self._leaking:
                self.pack.set_leak(cell, 0.0)
            self._leaking = []
        self._path.mend()
        self.path_changed()
