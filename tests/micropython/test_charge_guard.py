"""The cold-charge guard: what is allowed at which temperature and voltage, and who is cut off."""

from desk import Desk
from packs import CYCLE_MS, PERIODS_MS, Rig

from vigil import charge_guard, chemistry, limits, presets
from vigil.charge_guard import ChargeGuard
from vigil.sample import CHARGE_EXCESS, HEALTH_FIRST, UNKNOWN

# Minutes of simulated time.
LONG_ON_CPYTHON = (
    "test_a_charger_that_does_not_learn_is_cut_off_for_good",
    "test_a_charger_that_keeps_to_the_limit_is_never_cut_off",
)

CAPACITY_MAH = 100000
# Lowest temperature for charging of each chemistry in 0.1 degC.
LOWEST_DC = {"LFP": 0, "NMC": 0, "NCA": 0, "LTO": -200, "Na-ion": -100}
EXCESS = CHARGE_EXCESS - HEALTH_FIRST


def percent_by_the_book(name, coldest_dc):
    """Percent of the capacity an hour; None where the guard sets no limit."""
    above_dc = coldest_dc - 10 - LOWEST_DC[name]
    if above_dc <= 0:
        return 0
    if name == "LTO":
        return None
    if above_dc <= 50:
        return 5
    if above_dc <= 100:
        return 20
    if above_dc <= 150:
        return 50
    return None


class GuardRig(Rig):
    def __init__(self, name="LFP"):
        super().__init__()
        self.chemistry = chemistry.by_name(name)
        table = presets.preset(self.chemistry, 16, CAPACITY_MAH, PERIODS_MS, CYCLE_MS)
        self.most_ma = table.release[limits.position(limits.CHARGE_OVER_CURRENT)]
        self.cells_mv = [self.chemistry.over_voltage_mv[1]] * 16
        self.guard = ChargeGuard(self.sample, table, self.chemistry, CAPACITY_MAH)

    def seconds(self, seconds):
        for _ in range(20 * seconds):
            self.step()
            self.guard.look()
            if self.now_ms % charge_guard.PERIOD_MS == 0:
                self.guard.step(self.now_ms)

    @property
    def excess_ma(self):
        return self.sample.health[EXCESS]


def test_every_chemistry_is_charged_in_steps_of_its_coldest_sensor():
    for name in chemistry.NAMES:
        rig = GuardRig(name)
        # From warm to cold no hysteresis is in the way.
        for coldest_dc in range(300, -320, -3):
            rig.temps_dc = [300, coldest_dc, 310]
            rig.seconds(1)
            percent = percent_by_the_book(name, coldest_dc)
            wanted_ma = rig.most_ma
            if percent is not None:
                wanted_ma = min(rig.most_ma, CAPACITY_MAH * percent // 100)
            assert rig.guard.limit_ma == wanted_ma, (name, coldest_dc)


def test_a_step_up_waits_for_half_a_kelvin_so_that_noise_makes_no_charger_hunt():
    for boundary_dc in (10, 60, 110, 160):
        rig = GuardRig()
        told = set()
        for turn in range(50):
            rig.temps_dc = [boundary_dc + turn % 4] * 3
            rig.seconds(1)
            told.add(rig.guard.limit_ma)
        assert len(told) == 1
        rig.temps_dc = [boundary_dc + 6] * 3
        rig.seconds(1)
        assert rig.guard.limit_ma > min(told)


def test_nothing_is_allowed_while_a_temperature_is_not_known():
    rig = GuardRig()
    assert rig.guard.limit_ma == 0
    rig.seconds(1)
    assert rig.guard.limit_ma > 0
    rig.temps_dc = [250, UNKNOWN, 250]
    rig.current_ma = 5000
    rig.seconds(1)
    assert rig.guard.limit_ma == 0
    assert 0 < rig.excess_ma < 5000


def test_the_excess_is_what_flows_above_the_limit_but_for_the_sensors_error():
    rig = GuardRig()
    rig.temps_dc = [80] * 3
    for current_ma, least_ma, most_ma in (
        (19000, 0, 0),
        (20300, 0, 0),
        (23000, 1000, 3000),
        (40000, 18000, 20000),
        (-40000, 0, 0),
    ):
        rig.current_ma = current_ma
        rig.seconds(1)
        assert least_ma <= rig.excess_ma <= most_ma, current_ma


def test_an_unknown_current_neither_forgives_nor_accuses():
    rig = GuardRig()
    rig.temps_dc = [30] * 3
    rig.current_ma = 20000
    rig.seconds(1)
    before_ma = rig.excess_ma
    assert before_ma > 0
    rig.current_ma = UNKNOWN
    rig.seconds(1)
    assert rig.excess_ma == before_ma


def test_a_deeply_discharged_cell_is_charged_slowly_until_it_has_recovered():
    for name in chemistry.NAMES:
        rig = GuardRig(name)
        released_mv = rig.chemistry.under_voltage_mv[1]
        rig.seconds(1)
        assert rig.guard.limit_ma == rig.most_ma
        rig.cells_mv[7] = released_mv - 1
        rig.seconds(1)
        assert rig.guard.limit_ma == CAPACITY_MAH // 10
        rig.cells_mv[7] = released_mv
        rig.seconds(5)
        assert rig.guard.limit_ma == CAPACITY_MAH // 10
        rig.seconds(8)
        assert rig.guard.limit_ma == rig.most_ma


def test_braking_is_no_charging_but_charging_after_a_drive_is():
    rig = GuardRig()
    rig.temps_dc = [30] * 3
    for _ in range(30):
        rig.current_ma = -30000
        rig.seconds(20)
        rig.current_ma = 30000
        rig.seconds(8)
        assert rig.excess_ma == 0
    rig.current_ma = -30000
    rig.seconds(600)
    rig.current_ma = 30000
    rig.seconds(11)
    assert rig.excess_ma > 20000


def test_a_long_rest_after_a_drive_forgets_the_drive():
    rig = GuardRig()
    rig.temps_dc = [30] * 3
    rig.current_ma = -80000
    rig.seconds(60)
    rig.current_ma = 0
    rig.seconds(300)
    rig.current_ma = 20000
    rig.seconds(1)
    assert rig.excess_ma > 0


# On the whole desk.


def cut_off_ms(desk, at_most_ms):
    return desk.run_until(lambda: not desk.bench.true_charge, at_most_ms)


def cold_desk(temp_dc, **scene):
    desk = Desk(**scene)
    desk.bench.set_temp_dc(0, temp_dc)
    desk.run_ms(15000)
    assert desk.both_on()
    return desk


def test_a_charger_that_is_too_fast_for_cold_cells_is_cut_off_after_ten_seconds():
    desk = cold_desk(40)
    desk.bench.offer(20000)
    waited_ms = cut_off_ms(desk, 15000)
    assert 10000 <= waited_ms <= 10000 + 3 * 63 + 100
    assert desk.tripped() == [limits.CHARGE_TOO_FAST]
    assert desk.bench.true_discharge


def test_a_charger_that_keeps_to_the_limit_is_never_cut_off():
    for temp_dc in (40, 80, 130, 200):
        desk = cold_desk(temp_dc)
        desk.bench.offer(desk.bms.charge_guard.limit_ma)
        for _ in range(60):
            desk.run_ms(1000)
            assert desk.both_on(), temp_dc
        assert desk.bench.current_ma > 0


def test_a_charger_that_does_not_learn_is_cut_off_for_good():
    desk = cold_desk(40)
    desk.bench.offer(20000)
    for _ in range(5 * 60):
        desk.run_ms(1000)
    assert not desk.bench.true_charge
    assert desk.bms.switches.reason[0] == limits.CHARGE_TOO_FAST
    desk.run_ms(120000)
    assert not desk.bench.true_charge


def test_fast_charge_of_a_deeply_discharged_pack_is_refused_and_slow_charge_is_not():
    for current_ma, cut_off in ((30000, True), (9000, False)):
        desk = Desk(soc_pct=50)
        desk.bench.set_cell_mv(4, 2800)
        desk.run_ms(4000)
        desk.bench.offer(current_ma)
        desk.run_ms(20000)
        assert desk.bench.true_charge != cut_off, current_ma
