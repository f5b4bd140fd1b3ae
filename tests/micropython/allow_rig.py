"""A pack on a desk of its own for the allowed currents: simulated cells, the estimators' model,
and no chip; a second a step. What the charge estimate says is given."""

from packs import CYCLE_MS, PERIODS_MS, Rig

from host_tools.mock.cells import Pack
from host_tools.mock.seeded_random import SeededRandom
from vigil import cell_models, chemistry, limits, presets
from vigil.charge_guard import ChargeGuard
from vigil.estimate.allow import AllowedAhead
from vigil.estimate.cell_model import CellModel
from vigil.memory import Memory
from vigil.protect import Protection

CAPACITY_MAH = 100000
STEP_US = 1000000


class Given:
    """The charge as if estimated, with an error."""

    def __init__(self, model, sigma):
        self.model = model
        self.known = True
        self.sigma = sigma
        self.capacities_mah = [float(CAPACITY_MAH)] * 4
        self.give_mah = self.take_mah = 0.0


class Aged:
    """What resistances are measured, as far as the currents want to know."""

    ohm_times = 1.0


class Switches:
    charge_on = discharge_on = True


class Board:
    capacity_mah = CAPACITY_MAH


class AllowRig(Rig):
    """`ohm`: how many times the simulated cells' resistance the firmware's model has.

    own_cells: cells that are like the firmware's model, but for `ohm`.
    """

    CELLS = 4

    def __init__(
        self,
        name,
        soc_pct,
        ohm=1.0,
        seed=1,
        temp_c=25.0,
        error=0.0,
        own_cells=False,
        storage=None,
    ):
        super().__init__(self.CELLS)
        self.chemistry = chemistry.by_name(name)
        self.table = presets.preset(self.chemistry, self.CELLS, CAPACITY_MAH, PERIODS_MS, CYCLE_MS)
        self.protection = Protection(self.table)
        self.dice = SeededRandom(seed)
        self.pack = pack = Pack(self.CELLS, CAPACITY_MAH, name, seed, soc_pct)
        model = CellModel(cell_models.figures(name), self.chemistry.ocv_dmv, CAPACITY_MAH)
        model.recent_ma = 0.0
        if own_cells:
            # Its figures are a class's own, made anew for every pack.
            figures = pack.figures = cell_like(model, pack.figures)
            for cell in range(self.CELLS):
                pack.ohm_warm[cell] = figures.ohm_ah * 1000.0 / CAPACITY_MAH
        for cell in range(self.CELLS):
            pack.ohm_warm[cell] *= ohm
        self.error = error
        self.board = Board()
        self.switches = Switches()
        self.memory = Memory(storage)
        self.charge = Given(model, 0.02)
        self.ageing = Aged()
        self.charge_guard = ChargeGuard(self.sample, self.table, self.chemistry, CAPACITY_MAH)
        self.noise_mv = 1.0
        self.over_mv = self.under_mv = None  # the farthest that cells came
        self.temp_c = None
        self.warm(temp_c)
        self.allowed = AllowedAhead(self)
        self.second(0)

    def warm(self, temp_c):
        if temp_c != self.temp_c:
            self.temp_c = temp_c
            self.pack.warm([temp_c] * self.CELLS)
            self.temps_dc = [int(temp_c * 10)] * 3
            self.charge.model.warm(int(temp_c * 10))

    def true_mv(self, current_ma):
        cells_mv = [0.0] * self.CELLS
        self.pack.fill_mv(current_ma, cells_mv)
        return cells_mv

    def second(self, current_ma):
        """So much flows for a second; then it is measured, and what is allowed is found."""
        self.pack.pass_current(current_ma, STEP_US)
        model = self.charge.model
        model.step(current_ma, current_ma, 1.0)
        true_mv = self.true_mv(current_ma)
        self.highest_mv = max(true_mv)
        self.lowest_mv = min(true_mv)
        self.cells_mv = [int(mv + self.noise_mv * self.dice.normal() + 0.5) for mv in true_mv]
        self.current_ma = current_ma
        pct = [self.pack.soc_pct(cell) + 100 * self.error for cell in range(self.CELLS)]
        self.charge.give_mah = min(max(min(pct), 0.0), 100.0) * CAPACITY_MAH / 100
        self.charge.take_mah = CAPACITY_MAH - min(max(max(pct), 0.0), 100.0) * CAPACITY_MAH / 100
        self.now_ms += 950
        self.step()
        self.charge_guard.step(self.now_ms)
        while self.allowed.step(self.now_ms):
            pass

    def rest(self):
        """Until both sides have had their turn."""
        for _ in range(4):
            self.second(0)

    def row(self, row_id):
        """(trip, release)."""
        at = limits.position(row_id)
        return self.table.trip[at], self.table.release[at]


def cell_like(model, figures):
    """The simulated cell's figures, as the firmware's model has them."""

    class Like:
        pass

    like = Like()
    for name in dir(figures):
        if not name.startswith("__"):
            setattr(like, name, getattr(figures, name))
    like.ohm_ah = model.ohm * CAPACITY_MAH / 1000.0
    like.fast_share, like.fast_s = model.fast_ohm / model.ohm, model._fast_s
    like.slow_share, like.slow_s = model.slow_ohm / model.ohm, model._slow_s
    like.warmth_k = model.warmth_k
    return like
