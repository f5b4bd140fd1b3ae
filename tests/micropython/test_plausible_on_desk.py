"""The whole firmware on the simulated board: what is not believed opens both switches."""

from desk import Desk

from vigil import limits
from vigil.sample import CELLS_DOUBT, DOUBT_LEAD, HEALTH_FIRST

# Minutes of simulated time.
LONG_ON_CPYTHON = (
    "test_a_thermistor_that_races_above_the_limit_latches",
    "test_any_open_sense_lead_opens_both_switches",
    "test_current_steps_and_a_short_raise_no_doubt",
    "test_temperatures_that_the_simulator_moves_are_believed",
)

DOUBTFUL = (
    limits.CELLS_DOUBTFUL,
    limits.TEMPS_DOUBTFUL,
    limits.CURRENT_DOUBTFUL,
    limits.STACK_DOUBTFUL,
    limits.BUS_DISTURBED,
    limits.RUNAWAY_WARNING,
    limits.THERMAL_RUNAWAY,
)


def doubtful(desk):
    return [row_id for row_id in desk.tripped() if row_id in DOUBTFUL]


def rows_within(desk, seconds):
    """Every row among DOUBTFUL that trips meanwhile."""
    seen = []
    for _ in range(seconds * 10):
        desk.run_ms(100)
        for row_id in doubtful(desk):
            if row_id not in seen:
                seen.append(row_id)
    return seen


def test_any_open_sense_lead_opens_both_switches():
    # Lead 0 does not show: the chip's check sinks to there anyway.
    for lead in (1, 2, 9, 15, 16):
        desk = Desk(current_ma=-10000)
        desk.chip.leads.open.add(lead)
        # The chip looks every five seconds.
        desk.run_until(desk.both_off, 6500)
        assert desk.bms.sample.health[CELLS_DOUBT - HEALTH_FIRST] & DOUBT_LEAD, lead
        assert limits.CELLS_DOUBTFUL in desk.tripped()
        desk.run_ms(15000)
        assert desk.both_off()


def test_a_mended_lead_is_believed_again_and_the_switches_close():
    desk = Desk(current_ma=-10000)
    desk.chip.leads.open.add(9)
    desk.run_until(desk.both_off, 6500)
    desk.chip.leads.open.remove(9)
    desk.run_until(desk.both_on, 40000)
    assert doubtful(desk) == []


def test_cells_that_the_simulator_moves_are_believed():
    desk = Desk(current_ma=-10000)
    for cell, cell_mv in ((1, 3700), (16, 2300), (8, 3500)):
        desk.bench.set_cell_mv(cell, cell_mv)
        assert rows_within(desk, 6) == []
    desk.bench.clear()
    assert rows_within(desk, 8) == []


def test_a_dead_cell_is_in_doubt_and_under_voltage_as_well():
    desk = Desk(current_ma=-10000)
    desk.bench.set_cell_mv(3, 0)
    desk.run_ms(25000)
    assert limits.CELLS_DOUBTFUL in desk.tripped()
    assert limits.CELL_UNDER_VOLTAGE in desk.tripped()
    assert limits.STACK_DOUBTFUL not in desk.tripped()


def test_temperatures_that_the_simulator_moves_are_believed():
    desk = Desk(current_ma=-10000)
    desk.bench.set_temp_dc(1, 500)
    # A hot spot is a sign of a thermal runaway, and a sign is a warning.
    assert rows_within(desk, 20) == [limits.RUNAWAY_WARNING]
    assert desk.bench.true_discharge
    desk.bench.clear()
    desk.bench.set_temp_dc(0, -50)
    assert limits.TEMPS_DOUBTFUL not in rows_within(desk, 20)


def test_a_thermistor_that_races_above_the_limit_latches():
    desk = Desk(current_ma=-10000)
    desk.bench.set_temp_dc(2, 900)
    desk.run_ms(60000)
    assert limits.THERMAL_RUNAWAY in desk.tripped()
    desk.bench.clear()
    desk.run_ms(60000)
    assert desk.both_off()


def test_current_steps_and_a_short_raise_no_doubt():
    desk = Desk(soc_pct=50)
    for step in range(40):
        desk.bench.offer((0, -90000, 40000, -20000, 50000)[step % 5])
        assert rows_within(desk, 1) == []
    desk.bench.set_short()
    assert rows_within(desk, 3) == []


def test_an_inverted_current_sensor_opens_both_switches():
    desk = Desk(current_ma=-20000, CURRENT_GAIN_UOHM=-7476.8)
    assert desk.bms.sample.values[desk.bms.sample.current_at] > 0
    for step in range(3):
        desk.bench.offer((-60000, -20000)[step % 2])
        desk.run_ms(1500)
    assert desk.both_off()
    assert limits.CURRENT_DOUBTFUL in desk.tripped()


def test_faults_of_the_bus_and_of_the_chip_are_no_doubts():
    for spoil in ("answering", "corrupt_checks", "frozen"):
        desk = Desk(current_ma=-10000)
        setattr(desk.chip, spoil, spoil != "answering")
        seen = rows_within(desk, 3)
        setattr(desk.chip, spoil, spoil == "answering")
        seen += rows_within(desk, 10)
        assert [row_id for row_id in seen if row_id != limits.BUS_DISTURBED] == [], spoil


def test_a_bus_that_fails_now_and_then_is_told():
    desk = Desk(current_ma=-10000)
    for _ in range(14):
        desk.chip.answering = False
        desk.run_ms(50)
        desk.chip.answering = True
        desk.run_ms(200)
    assert doubtful(desk) == [limits.BUS_DISTURBED]


def test_a_chip_that_is_brought_up_anew_is_believed():
    desk = Desk(current_ma=-10000)
    desk.chip.reset()
    assert [row_id for row_id in rows_within(desk, 15) if row_id != limits.BUS_DISTURBED] == []
    assert desk.both_on()
