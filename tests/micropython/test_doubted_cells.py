"""What cells in doubt do to the limits that latch: nothing by themselves, and hide nothing."""

from desk import Desk

from vigil import limits
from vigil.sample import CELLS, CELLS_DOUBT, HEALTH_FIRST

TOO_HIGH = limits.CELL_OVER_VOLTAGE_SEVERE
TOO_LOW = limits.CELL_UNDER_VOLTAGE_SEVERE
# The chip's own check shows a broken lead after some of its rounds of 5 s.
SHOWN_MS = 40000


def trip_mv(desk, row_id):
    return desk.bms.table.trip[limits.position(row_id)]


def is_doubted(desk):
    return desk.bms.sample.health[CELLS_DOUBT - HEALTH_FIRST] != 0


def with_a_broken_lead(lead=8):
    """Long enough that the cells beside it read beyond both levels that latch."""
    desk = Desk(soc_pct=60)
    desk.chip.open_leads.add(lead)
    sample = desk.bms.sample
    desk.run_until(
        lambda: (
            sample.highest(CELLS) > trip_mv(desk, TOO_HIGH)
            and sample.lowest(CELLS) < trip_mv(desk, TOO_LOW)
        ),
        SHOWN_MS,
    )
    desk.run_ms(6000)
    assert is_doubted(desk) and desk.both_off()
    return desk


def stays_open_until(desk, condition, at_most_ms):
    def look():
        assert desk.both_off()
        return condition()

    return desk.run_until(look, at_most_ms)


def latched(desk):
    return desk.bms.protection.latched_by >= 0


def test_a_broken_lead_latches_nothing_and_a_mended_one_closes_both_again():
    desk = with_a_broken_lead()
    assert not latched(desk)
    assert TOO_HIGH not in desk.tripped() and TOO_LOW not in desk.tripped()
    assert limits.CELL_OVER_VOLTAGE in desk.tripped()
    desk.chip.open_leads.clear()
    stays_open_until(desk, lambda: not is_doubted(desk), 20000)
    desk.run_until(desk.both_on, 15000)


def latches_once_believed(row_id, mv):
    desk = with_a_broken_lead()
    desk.bench.set_cell_mv(3, mv)
    desk.run_ms(9000)
    assert not latched(desk)
    desk.chip.open_leads.clear()
    stays_open_until(desk, lambda: not is_doubted(desk), 30000)
    # Its time has gone on counting.
    stays_open_until(desk, lambda: latched(desk), 200)
    assert row_id in desk.tripped()
    desk.bench.clear()
    desk.run_ms(6000)
    assert desk.both_off() and not is_doubted(desk)


def test_a_cell_that_is_really_too_high_latches_with_the_first_scan_that_is_believed():
    latches_once_believed(TOO_HIGH, 3950)


def test_a_cell_that_is_really_too_low_latches_with_the_first_scan_that_is_believed():
    latches_once_believed(TOO_LOW, 1700)


def test_a_cell_that_has_latched_stays_latched_whatever_lead_breaks_after_it():
    desk = Desk(soc_pct=60)
    desk.bench.set_cell_mv(3, 3950)
    desk.run_until(lambda: latched(desk), 8000)
    desk.chip.open_leads.add(8)
    desk.run_until(lambda: is_doubted(desk), SHOWN_MS)
    assert TOO_HIGH in desk.tripped()
    desk.bench.clear()
    desk.chip.open_leads.clear()
    desk.run_until(lambda: not is_doubted(desk), 20000)
    desk.run_ms(6000)
    assert desk.both_off()


def test_a_stack_that_is_too_high_itself_bears_a_doubted_cell_out():
    desk = with_a_broken_lead()
    for cell in range(1, 17):
        desk.bench.set_cell_mv(cell, 3640)
    desk.run_until(lambda: limits.STACK_OVER_VOLTAGE in desk.tripped(), 6000)
    assert is_doubted(desk)
    desk.run_until(lambda: latched(desk), 500)
    assert TOO_HIGH in desk.tripped()


def test_a_sign_of_heat_bears_a_doubted_cell_out():
    desk = with_a_broken_lead()
    desk.bench.set_temp_dc(2, 400)
    desk.run_until(lambda: limits.RUNAWAY_WARNING in desk.tripped(), 30000)
    assert is_doubted(desk)
    desk.run_until(lambda: latched(desk), 500)
