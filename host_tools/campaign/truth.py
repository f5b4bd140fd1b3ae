"""What really happens in the simulated hardware: conversions as they finish, switches, the bus.

Listens at the chip model and the bench; changes nothing and asks the firmware nothing.
"""

from host_tools.campaign import meaning

_FAR = 1e9
_FULL_SCAN = 0x80


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
        self.forget()

    def see(self, lowest, highest):
        self._highest_from = min(self._highest_from, highest)
        self._highest_to = max(self._highest_to, highest)
        self._lowest_from = min(self._lowest_from, lowest)
        self._lowest_to = max(self._lowest_to, lowest)

    def finish(self, now_us):
        self.finished_us = now_us
        self.count += 1
        self.highest = (self._highest_from, self._highest_to)
        self.lowest = (self._lowest_from, self._lowest_to)
        self.forget()

    def forget(self):
        self._highest_from = self._lowest_from = _FAR
        self._highest_to = self._lowest_to = -_FAR


class Truth:
    def __init__(self, clock, bench, chip):
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
        cells, stack, current, temps, board = self.conversions
        cells.see(min(bench.cell_mv), max(bench.cell_mv))
        current.see(bench.current_ma, bench.current_ma)
        stack.see(bench.stack_mv, bench.stack_mv)
        if bench.temps_c:
            temps.see(min(bench.temps_c) * 10, max(bench.temps_c) * 10)
        chip_c, switches_c = bench.die_c, bench.switch_c
        board.see(min(chip_c, switches_c) * 10, max(chip_c, switches_c) * 10)
        cells.finish(now_us)
        current.finish(now_us)
        if scans & _FULL_SCAN:
            stack.finish(now_us)
            temps.finish(now_us)
            board.finish(now_us)
        return scans

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
