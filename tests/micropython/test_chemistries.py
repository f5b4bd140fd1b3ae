"""Every chemistry through a charge, a rest and a discharge at C/3: nothing trips before its limit,
and what should trip does, at both ends. The cells hold a small part of what the board believes,
so that an hour takes a minute, or 15 s.
"""

from desk import Desk

from vigil import chemistry, limits

# Minutes of simulated time.
LONG_ON_CPYTHON = (
    "test_a_charge_a_rest_and_a_discharge_trip_nothing",
    "test_a_charger_that_does_not_end_is_cut_off_where_it_should_be",
    "test_a_load_that_does_not_end_is_cut_off_where_it_should_be",
)

CELLS = 4
CAPACITY_MAH = 30000
HURRY = 60
HURRY_MORE = 240
SHUNT_UOHM = 200  # what the chip's thresholds need for the currents of LTO
C_3_MA = CAPACITY_MAH // 3
UPPER = (limits.CELL_OVER_VOLTAGE, limits.STACK_OVER_VOLTAGE)
LOWER = (limits.CELL_UNDER_VOLTAGE, limits.STACK_UNDER_VOLTAGE)
WARNINGS = (limits.CELL_OVER_VOLTAGE_WARNING, limits.CELL_UNDER_VOLTAGE_WARNING)
# Trip delay and the age of a sample; on top what the chip's rounding to whole mV can make.
SECONDS = 3


def a_pack(name, soc_pct, hurry=HURRY, current_ma=0):
    return Desk(
        soc_pct=soc_pct,
        current_ma=current_ma,
        hurry=hurry,
        CELLS=CELLS,
        CHEMISTRY=name,
        CAPACITY_MAH=CAPACITY_MAH,
        SHUNT_UOHM=SHUNT_UOHM,
    )


def run_without_a_fault(desk, done, at_most_s, warnings=()):
    """Until done(); both switches stay closed, and of the rows only `warnings` may be active."""
    begun_us = desk.clock.now_us
    while not done():
        assert desk.clock.now_us - begun_us < at_most_s * 1000000, "not done in time"
        desk.run_ms(100)
        strange = [row for row in desk.tripped() if row not in warnings]
        assert strange == [], strange
        assert desk.both_on()


def test_a_charge_a_rest_and_a_discharge_trip_nothing():
    for name in chemistry.NAMES:
        desk = a_pack(name, 40, HURRY_MORE)
        known = desk.bms.chemistry
        bench = desk.bench
        pack = bench.pack
        assert desk.bms.problems == []
        # A charger that knows where to end, as the warning's release tells it.
        bench.limit_charger(known.over_voltage_warning_mv[1])
        bench.offer(C_3_MA)
        run_without_a_fault(desk, full_cells(bench), 300)
        assert pack.mean_soc_pct() > 90
        bench.offer(0)
        run_without_a_fault(desk, time_passed(desk.clock, 60), 61)
        bench.offer(-C_3_MA)
        run_without_a_fault(desk, charge_left(pack, 12), 400)
        assert desk.bms.executive.overruns == 0


def full_cells(bench):
    """What ends a charge: a cell is full, or the charger gives only little more."""

    def done():
        first_full = max([bench.pack.soc_pct(cell) for cell in range(CELLS)]) > 98.5
        return first_full or bench.current_ma < C_3_MA / 10

    return done


def time_passed(clock, seconds):
    end_us = clock.now_us + seconds * 1000000
    return lambda: clock.now_us >= end_us


def charge_left(pack, percent):
    return lambda: pack.mean_soc_pct() < percent


def too_high(bench, known):
    cell_mv = known.over_voltage_mv[0]
    stack_mv = known.stack_over_cell_mv[0] * CELLS
    return lambda: bench.highest_mv > cell_mv or bench.stack_mv > stack_mv


def too_low(bench, known):
    cell_mv = known.under_voltage_mv[0]
    stack_mv = known.stack_under_cell_mv[0] * CELLS
    return lambda: bench.lowest_mv < cell_mv or bench.stack_mv < stack_mv


def charge_is_cut(bench):
    return lambda: not bench.true_charge


def discharge_is_cut(bench):
    return lambda: not bench.true_discharge


def test_a_charger_that_does_not_end_is_cut_off_where_it_should_be():
    for name in chemistry.NAMES:
        desk = a_pack(name, 90, current_ma=C_3_MA)
        known = desk.bms.chemistry
        bench = desk.bench
        allowed = (limits.CELL_OVER_VOLTAGE_WARNING,)
        run_without_a_fault(desk, too_high(bench, known), 400, allowed)
        desk.run_until(charge_is_cut(bench), SECONDS * 1000)
        assert [row for row in desk.tripped() if row in UPPER] != []
        assert [row for row in desk.tripped() if row not in UPPER + WARNINGS] == []
        assert bench.true_discharge
        assert bench.current_ma == 0
        # A load brings it back down, and charging is allowed again.
        bench.offer(-C_3_MA)
        desk.run_until(desk.both_on, 300000)


def test_a_load_that_does_not_end_is_cut_off_where_it_should_be():
    for name in chemistry.NAMES:
        desk = a_pack(name, 12, current_ma=-C_3_MA)
        known = desk.bms.chemistry
        bench = desk.bench
        allowed = (limits.CELL_UNDER_VOLTAGE_WARNING,)
        run_without_a_fault(desk, too_low(bench, known), 200, allowed)
        desk.run_until(discharge_is_cut(bench), SECONDS * 1000)
        assert [row for row in desk.tripped() if row in LOWER] != []
        assert [row for row in desk.tripped() if row not in LOWER + WARNINGS] == []
        assert bench.true_charge
        assert bench.current_ma == 0
        # A charger brings it back up.
        bench.offer(C_3_MA)
        desk.run_until(desk.both_on, 300000)


def test_the_first_estimate_of_charge_is_as_near_the_cells_as_it_says():
    for name in chemistry.NAMES:
        for soc_pct in (15, 40, 65, 90):
            desk = Desk(
                soc_pct=soc_pct, CELLS=CELLS, CHEMISTRY=name, CAPACITY_MAH=20000, SHUNT_UOHM=500
            )
            desk.run_ms(2500)
            charge = desk.bms.charge
            off_pct = abs(charge.share * 100 - desk.bench.pack.mean_soc_pct())
            assert charge.known
            assert off_pct < 200 * charge.sigma, (name, soc_pct, off_pct, charge.sigma)
            if name in ("NMC", "NCA"):
                assert charge.sigma < 0.08 and off_pct < 5, (name, soc_pct, off_pct)
