"""What really happens in the simulated hardware: conversions as they finish, switches, the bus.

Listens at the chip model and the bench; changes nothing and asks the firmware nothing.
"""

from host_tools.campaign import meaning

_FAR = 1e9
_FULL_SCAN = 0x80
_SHORTED_C = 900  # and above: what a shorted thermistor passes for


class Conversion:
    """The latest finished conversion of one quantity.

    A slow one is taken somewhere within its scan, so the highest of its values is known to lie
    between two bounds, and so is the lowest.
    """

    def __init__(self):
        self.finished_us = -1
        self.count = 0
        self.highest = (0, 0)
        self.lowest = (0, 0)
        self.unknown = False  # one value at least
        self.unknown_meanwhile = False
        self.forget()

    def see(self, lowest, highest):
        self._highest_from = min(self._highest_from, highest)
        self._highest_to = max(self._highest_to, highest)
        self._lowest_from = min(self._lowest_from, lowest)
        self._lowest_to = max(self._lowest_to, lowest)

    def finish(self, now_us):
        self.finished_us = now_us
        self.count += 1
        self.unknown = self.unknown_meanwhile
        self.unknown_meanwhile = False
        if self._lowest_from < _FAR:
            self.highest = (self._highest_from, self._highest_to)
            self.lowest = (self._lowest_from, self._lowest_to)
        self.forget()

    def see_temps(self, temps_c):
        """Of thermistors: what is open or shorted is unknown."""
        known_c = [c for c in temps_c if c is not None and c < _SHORTED_C]
        if len(known_c) < len(temps_c):
            self.unknown_meanwhile = True
        if known_c:
            self.see(min(known_c) * 10, max(known_c) * 10)

    def bound(self, now_us, least, most):
        """It is over already, and between these two."""
        self.finished_us = now_us
        self.count += 1
        self.highest = self.lowest = (least, most)

    def forget(self):
        self._highest_from = self._lowest_from = _FAR
        self._highest_to = self._lowest_to = -_FAR


class Truth:
    def __init__(self, clock, bench, chip, lies, charge_watch, board_temps):
        """lies: host_tools.sim.lies.Lies, what the chip reads instead of what is so."""
        self.lies = lies
        self._charge_watch = charge_watch
        self._board_temps = board_temps  # the chip's own, and that of the switches
        self.clock = clock
        self.bench = bench
        self.chip = chip
        self.conversions = [Conversion() for _ in meaning.QUANTITIES]
        # Changes of the real switches: (us, charge, discharge) since the judge last looked.
        self.changes = []
        self.charge = bool(bench.true_charge)
        self.discharge = bool(bench.true_discharge)
        self.highest_ma = 0.0
        self.lowest_ma = 0.0
        self._measure = chip._measure
        chip._measure = self._watch_measure
        bench.listeners.append(self._look)

    def _look(self):
        bench = self.bench
        ma = bench.current_ma
        if ma > self.highest_ma:
            self.highest_ma = ma
        if ma < self.lowest_ma:
            self.lowest_ma = ma
        charge = bool(bench.true_charge)
        discharge = bool(bench.true_discharge)
        if charge != self.charge or discharge != self.discharge:
            self.charge = charge
            self.discharge = discharge
            self.changes.append((self.clock.now_us, charge, discharge))

    def forget_extremes(self):
        self.highest_ma = self.lowest_ma = self.bench.current_ma

    def _watch_measure(self):
        scans = self._measure()
        bench = self.bench
        now_us = self.clock.now_us
        cells, stack, current, temps, board, excess = self.conversions
        cell_mv = self.shown_cells()
        cells.see(min(cell_mv), max(cell_mv))
        current.see(bench.current_ma, bench.current_ma)
        lie_mv = self.lies._stack_mv
        stack_mv = bench.stack_mv if lie_mv is None else lie_mv
        stack.see(stack_mv, stack_mv)
        temps.see_temps(bench.temps_c)
        board.see_temps((bench.die_c, bench.switch_c)[: self._board_temps])
        cells.finish(now_us)
        current.finish(now_us)
        least_ma, most_ma = self._charge_watch.excess(bench.current_ma)
        excess.bound(now_us, least_ma, most_ma)
        if scans & _FULL_SCAN:
            stack.finish(now_us)
            temps.finish(now_us)
            board.finish(now_us)
        return scans

    def shown_cells(self):
        """The cells as they arrive at the chip."""
        cell_mv = self.chip.leads.sensed_mv()
        lies_mv = self.lies._cells_mv
        if lies_mv:
            cell_mv = [lies_mv.get(at, mv) for at, mv in enumerate(cell_mv)]
        return cell_mv

    def shown_temps_dc(self):
        """The temperatures as thermistors show them, None where they show none."""
        return [None if c is None or c >= _SHORTED_C else c * 10 for c in self.bench.temps_c]

    @property
    def load_attached(self):
        """Something between the terminals would draw current if the switch let it."""
        path = self.bench._path
        return path.load_ohm is not None or path.wanted_ma() < 0

    @property
    def charger_attached(self):
        return not self.load_attached and self.bench._path.wanted_ma() > 0

    @property
    def front_end_well(self):
        """It answers, its checks are right, it measures, and it is configured."""
        chip = self.chip
        return (
            chip.answering
            and not chip.corrupt_checks
            and not chip.frozen
            and self.front_end_set_up
        )

    @property
    def front_end_set_up(self):
        chip = self.chip
        return chip.running and not chip.por and not chip.config_update
