"""Signs of thermal runaway, by script: each kind, together, and what is none."""

from packs import lfp_table

from vigil import limits
from vigil.early_warning import EarlyWarning
from vigil.protect import Protection
from vigil.sample import (
    BOARD,
    CELLS,
    CURRENT,
    HEALTH_FIRST,
    RUNAWAY_SIGNS,
    STACK,
    TEMPS,
    UNKNOWN,
    Sample,
)

PERIODS_MS = (63, 189, 63, 189, 189)
CAPACITY_MAH = 100000


class Gas:
    def __init__(self):
        self.level = 0

    def value(self):
        return self.level


class WarningRig:
    """A pack at rest, looked at once a second."""

    def __init__(self, temps=3, cells=16, settle_s=600):
        self.sample = Sample(cells, temps, PERIODS_MS, 50)
        self.protection = Protection(lfp_table(cells))
        self.bleed = bytearray(cells)
        self.gas = Gas()
        self.warning = EarlyWarning(
            self.sample, self.protection, CAPACITY_MAH, 2900, self.bleed, self.gas
        )
        self.cells_mv = [3300] * cells
        self.temps_c = [25.0] * temps
        self.current_ma = 0
        self.now_ms = 0x3FFFF000
        self.stale = ()
        self.temps_every_s = 1
        self.second = 0
        self.sample.start(self.now_ms)
        self.run_s(settle_s)

    def step(self):
        sample = self.sample
        values = sample.values
        self.now_ms = (self.now_ms + 1000) & 0x3FFFFFFF
        for cell, cell_mv in enumerate(self.cells_mv):
            values[cell] = int(cell_mv)
        self.second += 1
        new_temps = self.second % self.temps_every_s == 0
        for at, temp_c in enumerate(self.temps_c):
            if new_temps:
                values[sample.temps_at + at] = UNKNOWN if temp_c is None else int(temp_c * 10)
        values[sample.current_at] = self.current_ma
        values[sample.stack_at] = int(sum(self.cells_mv))
        values[sample.board_at] = 300
        for group in (CELLS, TEMPS, CURRENT, STACK, BOARD):
            if group not in self.stale and (group != TEMPS or new_temps):
                sample.refresh(group, self.now_ms)
        sample.answered(self.now_ms)
        self.protection.judge(sample, self.now_ms)
        assert not self.warning.step(self.now_ms)
        return self.signs()

    def run_s(self, seconds):
        """The most signs seen."""
        most = 0
        for _ in range(seconds):
            most = max(most, self.step())
        return most

    def signs(self):
        return self.sample.health[RUNAWAY_SIGNS - HEALTH_FIRST]

    def warm(self, at, k_per_s, seconds):
        most = 0
        for _ in range(seconds):
            self.temps_c[at] += k_per_s
            most = max(most, self.step())
        return most


# One sign: temperatures.


def test_a_sensor_that_warms_for_minutes_at_rest_is_a_sign():
    rig = WarningRig()
    for at in range(3):
        rig.temps_c[at] = 20.0 + at
    assert rig.run_s(120) == 0
    # All of them, so that none stands out: 0.7 K a minute.
    signs = 0
    for _ in range(300):
        for at in range(3):
            rig.temps_c[at] += 0.7 / 60
        signs = max(signs, rig.step())
    assert signs == 1


def test_warming_under_load_or_soon_after_or_by_a_heater_is_none():
    for spoil in ("load", "soon", "heater"):
        rig = WarningRig(temps=1)
        if spoil == "load":
            rig.current_ma = -10000
        elif spoil == "soon":
            rig.current_ma = -50000
            rig.run_s(10)
            rig.current_ma = 0
            rig.run_s(60)
        else:
            rig.warning.heated = True
        assert rig.warm(0, 1.0 / 60, 400) == 0, spoil


def test_a_slow_day_and_a_single_warm_minute_are_none():
    rig = WarningRig(temps=1)
    assert rig.warm(0, 0.45 / 60, 900) == 0
    assert rig.warm(0, 5.0 / 60, 60) == 0
    assert rig.run_s(300) == 0


def test_a_hot_spot_is_a_sign_at_rest_and_under_load():
    for current_ma in (0, -80000):
        rig = WarningRig(settle_s=5)
        rig.current_ma = current_ma
        rig.temps_c = [26.0, 25.0, 34.2]
        assert rig.run_s(5) == 1


def test_eight_kelvin_above_the_middle_a_cold_spot_and_a_single_sensor_are_no_hot_spot():
    rig = WarningRig(settle_s=5)
    rig.temps_c = [33.0, 25.0, 25.0]
    assert rig.run_s(10) == 0
    rig.temps_c = [25.0, -5.0, 25.0]
    assert rig.run_s(10) == 0
    rig.temps_c = [25.0, None, None]
    assert rig.run_s(10) == 0
    lone = WarningRig(temps=1, settle_s=5)
    lone.temps_c = [55.0]
    assert lone.run_s(30) == 0


def test_a_hot_spot_of_a_moment_is_none():
    rig = WarningRig(settle_s=5)
    rig.temps_c[0] = 60.0
    assert rig.run_s(2) == 0
    rig.temps_c[0] = 25.0
    assert rig.run_s(30) == 0


def test_a_thermistor_is_never_two_signs_however_it_behaves():
    # Up to the limit by the fastest ramp of the simulator, then loose, back, gone, and warming.
    rig = WarningRig()
    most = rig.warm(0, 2.0, 17)
    for temp_c in (120.0, 25.0, None, 61.0, 140.0, -30.0, 59.0):
        rig.temps_c[0] = temp_c
        most = max(most, rig.run_s(20))
    rig.temps_c[0] = 30.0
    most = max(most, rig.warm(0, 2.0 / 60, 600))
    assert most == 1


# One sign: a cell that falls.


def test_a_cell_that_falls_at_rest_is_a_sign():
    for first_mv, last_mv in ((3300, 3270), (3340, 3270)):
        rig = WarningRig(settle_s=0)
        rig.cells_mv[6] = first_mv
        rig.run_s(600)
        for _ in range(30):
            rig.cells_mv[6] -= (first_mv - last_mv) / 30
            rig.step()
        assert rig.run_s(10) == 1


def test_a_fall_of_25_mv_is_none():
    rig = WarningRig()
    rig.cells_mv[6] -= 25
    assert rig.run_s(300) == 0


def test_cells_that_relax_after_a_full_charge_are_none():
    # High cells fall by 200 mV and more, each at its own pace, towards the others.
    rig = WarningRig(settle_s=0)
    rig.cells_mv = [3420 + 15 * cell for cell in range(16)]
    most = 0
    for _ in range(3600):
        for cell in range(16):
            rig.cells_mv[cell] += (3335 - rig.cells_mv[cell]) / (200 + 40 * cell)
        most = max(most, rig.step())
    assert most == 0


def test_a_fall_with_a_load_on_or_just_taken_off_or_in_the_knee_is_none():
    for spoil in ("load", "unsettled", "step", "knee", "bled", "unknown"):
        rig = WarningRig()
        if spoil == "load":
            rig.current_ma = -10000
        elif spoil == "unsettled":
            rig.current_ma = -50000
            rig.step()
            rig.current_ma = 0
            rig.run_s(200)
        elif spoil == "step":
            rig.current_ma = -6000
        elif spoil == "knee":
            rig.cells_mv = [2899] * 16
            rig.run_s(200)
        elif spoil == "bled":
            rig.bleed[6] = 1
        rig.cells_mv[6] = UNKNOWN if spoil == "unknown" else rig.cells_mv[6] - 60
        assert rig.run_s(60) == 0, spoil


def test_a_cell_that_loses_all_in_the_simulators_way_is_a_sign():
    rig = WarningRig()
    for _ in range(4):
        rig.cells_mv[2] -= 200
        rig.step()
    assert rig.run_s(5) == 1


# The third sign, and several.


def test_gas_is_a_sign_after_three_seconds():
    rig = WarningRig(settle_s=5)
    rig.gas.level = 1
    assert rig.run_s(2) == 0
    rig.gas.level = 0
    assert rig.run_s(2) == 0
    rig.gas.level = 1
    assert rig.run_s(3) == 1


def test_a_board_without_a_gas_sensor_has_two_kinds_of_sign():
    rig = WarningRig(settle_s=5)
    rig.warning._gas = None
    assert rig.run_s(5) == 0


def test_independent_signs_add_up_and_two_of_them_latch():
    rig = WarningRig()
    rig.temps_c[0] = 40.0
    rig.run_s(5)
    assert rig.signs() == 1
    assert rig.protection.actions & limits.LATCH == 0
    rig.cells_mv[2] -= 40
    rig.run_s(5)
    assert rig.signs() == 2
    assert rig.protection.is_tripped(limits.position(limits.THERMAL_RUNAWAY))
    rig.gas.level = 1
    rig.run_s(5)
    assert rig.signs() == 3


def test_a_sign_counts_for_five_minutes():
    rig = WarningRig()
    rig.temps_c[0] = 40.0
    rig.run_s(5)
    rig.temps_c[0] = 25.0
    rig.run_s(295)
    assert rig.signs() == 1
    rig.run_s(10)
    assert rig.signs() == 0


def test_a_cell_that_races_away_above_the_limit_is_an_emergency():
    rig = WarningRig()
    rig.temps_c = [61.0] * 3
    rig.run_s(1000)
    most = rig.warm(1, 1.2, 8)
    assert most == 2
    assert rig.protection.is_tripped(limits.position(limits.THERMAL_RUNAWAY))


def test_it_is_found_by_a_front_end_that_measures_temperatures_every_five_seconds():
    rig = WarningRig()
    rig.temps_every_s = 5
    rig.temps_c = [61.0] * 3
    rig.run_s(100)
    assert rig.warm(1, 1.2, 21) == 2
    assert rig.warm(2, 0.0, 400) == 2
    assert rig.signs() < 2


def test_a_contact_that_jumps_is_no_emergency_there_either():
    rig = WarningRig()
    rig.temps_every_s = 5
    rig.temps_c = [61.0] * 3
    rig.run_s(100)
    for jump_k in (26.0, -26.0, 40.0, -40.0):
        rig.temps_c[1] += jump_k
        assert rig.run_s(5) < 2


def test_below_the_limit_or_slower_or_impossibly_fast_is_no_emergency():
    for begin_c, k_per_s, seconds in ((25.0, 2.0, 17), (61.0, 0.9, 60), (61.0, 6.0, 10)):
        rig = WarningRig(temps=1)
        rig.temps_c = [begin_c]
        rig.step()
        assert rig.warm(0, k_per_s, seconds) < 2, begin_c


def test_the_emergency_follows_the_limits_in_force():
    rig = WarningRig(temps=1)
    at = limits.position(limits.DISCHARGE_OVER_TEMPERATURE)
    rig.protection.table.trip[at] = 400
    assert rig.warm(0, 2.0, 16) == 2


def test_stale_or_missing_data_bring_no_sign_and_take_none_away():
    rig = WarningRig()
    rig.temps_c[0] = 40.0
    rig.run_s(5)
    rig.stale = (CELLS, TEMPS, CURRENT)
    rig.cells_mv[5] -= 100
    rig.temps_c[1] = None
    assert rig.run_s(200) == 1
    assert rig.signs() == 1


def test_after_a_pause_nothing_is_compared_with_what_was_before():
    rig = WarningRig()
    rig.now_ms = (rig.now_ms + 60000) & 0x3FFFFFFF
    rig.cells_mv[5] -= 100
    rig.temps_c = [65.0, 64.0, 66.0]
    assert rig.run_s(100) == 0
