"""The estimates' pieces, whose floats stay in memory for good: nothing else is beside them; see
passes.py.

Runs inside the counting interpreter. Never upload to a board.
"""

from host_tools.bench import passes

notes = passes.notes
install = passes.install
CALLS = passes.CALLS


class Pieces(passes.Pieces):
    def give_tasks(self, board):
        from vigil.estimate.ageing import Ageing
        from vigil.estimate.allow import AllowedAhead
        from vigil.estimate.task import EstimateTask

        board.estimator = EstimateTask
        board.ageing = Ageing
        board.allowed = AllowedAhead

    def estimator(self):
        """The dearest slice: a second's measurements."""
        self._measured()
        counter = self.bms.counter
        counter.elapsed_ms = 1000
        counter.add(-20000000)
        self._settled_estimate()
        self.bms.estimator._busy = False
        self.bms.estimator.step(self.now_ms)

    # Whole seconds of everything that estimates, each with what costs the most in it: two cells
    # look at their voltages, and both sides' allowed currents are looked for.

    def second_watched(self):
        """Beside them the grid looks at two of its guesses."""
        self.bms.ageing._turn = 0
        self._whole_second(True)

    def second_stepped(self):
        """Or the current has made a step, which tells the cells' resistances."""
        resistance = self.bms.ageing.resistance
        resistance._steady = True
        resistance._last_ma = 40000.0
        resistance._unsteady_ma = 0.0
        for cell in range(passes.CELLS):
            resistance._last_mv[cell] = 3350.0
        self._whole_second(True)

    def second_after_step(self):
        """Or a second after it."""
        resistance = self.bms.ageing.resistance
        resistance.due = 1 + (passes.CELLS + 3) // 4
        resistance._step_ma = -60000.0
        resistance._median = 0.0007
        resistance._gain = 0.01
        resistance._cell = 0
        resistance.due -= 1
        self._whole_second(True)

    def second_at_rest(self):
        """Or the voltages of two cells tell their charge."""
        self._rest()
        self.bms.ageing._turn = 2
        self._whole_second(True)

    def second_fitted(self):
        """Or a cell's capacity is fitted."""
        self._fill_ring()
        self.bms.ageing.capacity.fitted = False
        self.bms.ageing._turn = 1
        self._whole_second(True)

    def second_figured(self):
        """Or the capacities have changed."""
        self.bms.ageing.resistance.fitted = False
        self.bms.ageing.capacity.fitted = True
        self.bms.ageing._turn = 1
        self._whole_second(True)

    def second_of_resistances(self):
        """Or the resistances have."""
        self.bms.ageing.resistance.steps = 9
        self.bms.ageing.resistance.fitted = True
        self.bms.ageing._turn = 1
        self._whole_second(True)

    def second_begun(self):
        """After a start: the grid alone looks, at six of its guesses."""
        self.bms.charge.settled = False
        self.bms.charge.source = 2
        self._whole_second(True)

    def _rest(self):
        sample = self.bms.sample
        sample.values[sample.current_at] = 0
        self.bms.charge.anchors._held_s[3] = 1e6
        self._mams = 0

    _mams = -20000000

    def _measured(self):
        """The stand-ins of the kernels measure nothing: what a scan would leave behind."""
        sample = self.bms.sample
        if sample.sequence(0):
            return
        from vigil import sample as names

        for group, value in ((names.CELLS, 3300), (names.TEMPS, 250), (names.CURRENT, -20000)):
            at = names.GROUPS_AT + names.GROUP_WORDS * group
            sample.words[at + names.SEQUENCE] = 5
            sample.words[at + names.HIGHEST] = value
            sample.words[at + names.LOWEST] = value ^ -1
        for values, value in ((sample.cell_values, 3300), (sample.temp_values, 250)):
            for at in range(len(values)):
                values[at] = value

    def _whole_second(self, watched):
        bms = self.bms
        sample = bms.sample
        self._measured()
        estimate = bms.charge
        if estimate.source != 2:
            estimate = self._settled_estimate()
            estimate.filters.variances[0] = 0.0001
        if self._mams:
            sample.values[sample.current_at] = -20000
        if watched:
            estimate.grid.begin(3300, 10.0, 0.0)
        else:
            estimate.grid.at = 101
            estimate._since_grid_s = 0.0
        bms.counter.elapsed_ms = 1000
        bms.counter.add(self._mams)
        task = bms.estimator
        task._busy = False
        while task.step(self.now_ms):
            pass
        allowed = bms.allowed
        allowed._known = True
        allowed._second = 3
        allowed._last_ms = self.now_ms - 1000
        while allowed.step(self.now_ms):
            pass
        self._to_move().step(self.now_ms)
