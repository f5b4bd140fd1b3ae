"""Small helpers of the tests: a limit table, a sample, a scripted front end."""

from vigil import chemistry, limits, presets
from vigil.afe.errors import NO_ANSWER, AfeError
from vigil.protect import Protection
from vigil.sample import BOARD, CELLS, CURRENT, STACK, TEMPS, UNKNOWN, Sample

CYCLE_MS = 50
PERIODS_MS = (63, 189, 63, 189, 189)


def lfp_table(cells=16, capacity_mah=100000):
    return presets.preset(chemistry.lfp(), cells, capacity_mah, PERIODS_MS, CYCLE_MS)


class Rig:
    """Sample and protection, fed with whole measurements every 50 ms."""

    def __init__(self, cells=16, now_ms=1000):
        self.table = lfp_table(cells)
        self.sample = Sample(cells, 3, PERIODS_MS, CYCLE_MS)
        self.protection = Protection(self.table)
        self.now_ms = now_ms
        self.cells_mv = [3300] * cells
        self.temps_dc = [250] * 3
        self.current_ma = 0
        self.board_dc = 300
        self.stack_mv = None  # else what the cells add up to
        self.silent = False
        self.unknown_group = None
        self.stale = ()  # groups that get no new conversions
        self.sample.start(now_ms)
        self.sample.front_end_fault = 0

    def step(self, count=1):
        """`count` cycles; returns the actions of the last."""
        sample = self.sample
        for _ in range(count):
            self.now_ms = (self.now_ms + CYCLE_MS) & 0x3FFFFFFF
            values = sample.values
            stack_mv = 0
            for cell, cell_mv in enumerate(self.cells_mv):
                values[cell] = cell_mv
                if cell_mv != UNKNOWN:
                    stack_mv += cell_mv
            for sensor, temp_dc in enumerate(self.temps_dc):
                values[sample.temps_at + sensor] = temp_dc
            values[sample.current_at] = self.current_ma
            values[sample.stack_at] = stack_mv if self.stack_mv is None else self.stack_mv
            values[sample.board_at] = self.board_dc
            if self.unknown_group is not None:
                firsts = (0, sample.temps_at, sample.current_at, sample.stack_at, sample.board_at)
                values[firsts[self.unknown_group]] = UNKNOWN
            for group in (CELLS, TEMPS, CURRENT, STACK, BOARD):
                if group not in self.stale:
                    sample.refresh(group, self.now_ms)
            if not self.silent:
                sample.answered(self.now_ms)
            actions = self.protection.judge(sample, self.now_ms)
        return actions & (limits.OPEN_BOTH | limits.WARNING)

    def make_unknown(self, group, unknown):
        """The first value of this group is not known (or it is again)."""
        self.unknown_group = group if unknown else None

    def tripped(self):
        return [
            row[limits.ID] for at, row in enumerate(limits.TABLE) if self.protection.is_tripped(at)
        ]


class ScriptedFrontEnd:
    """Remembers what it was told; `bus_dead` makes every command over the bus fail."""

    def __init__(self):
        self.configured = True
        self.bus_dead = False
        self.deaf = False  # acknowledges but does not switch
        self.charge_is_on = False
        self.discharge_is_on = False
        self.commands = []
        self.direct_offs = 0

    def set_switches(self, charge, discharge):
        if self.bus_dead:
            raise AfeError(NO_ANSWER)
        self.commands.append((charge, discharge))
        if not self.deaf:
            self.charge_is_on = charge
            self.discharge_is_on = discharge

    def all_off(self):
        self.direct_offs += 1
        self.charge_is_on = False
        self.discharge_is_on = False
