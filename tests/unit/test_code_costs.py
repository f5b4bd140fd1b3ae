"""The table of what code costs is what is counted, and the cycle is short enough."""

import pytest

from host_tools.bench import bq769x0_costs, code_costs, estimated_second, ltc_costs
from host_tools.mock import costs


@pytest.fixture(scope="module")
def counted():
    return code_costs.measure()


def test_the_table_is_what_is_counted(counted):
    rows, tasks, _ = counted
    assert code_costs.differences(rows, tasks) == []


def test_read_judge_act_takes_at_most_a_millisecond_outside_the_bus(counted):
    for rows in (counted[0], costs.ROWS):
        cycles = sum(part for _, part in code_costs.read_judge_act(rows))
        assert cycles <= 1000 * costs.MHZ


def test_what_is_looked_at_besides_takes_a_quarter_of_that_at_most(counted):
    for rows in (counted[0], costs.ROWS):
        assert sum(part for _, part in code_costs.checks(rows)) <= 250 * costs.MHZ


def test_a_row_that_is_old_or_missing_is_named(counted):
    rows, tasks, _ = counted
    dearer = dict(rows, judge=rows["judge"] * 2)
    (found,) = code_costs.differences(dearer, tasks)
    assert found.startswith("judge: counted")
    assert len(code_costs.differences(dict(rows, more=1), tasks)) == 1


def test_a_task_without_a_row_costs_as_much_as_the_dearest():
    assert costs.DEFAULT_TASK[0] >= max(idle for idle, _ in costs.TASKS.values())
    assert costs.DEFAULT_TASK[1] >= max(work for _, work in costs.TASKS.values())


def test_the_table_of_a_chain_is_what_is_counted_and_a_cycle_takes_half_its_period_at_most():
    rows, tasks, _ = code_costs.measure("ltc_costs")
    assert code_costs.differences(rows, tasks, ltc_costs.TABLE) == []
    for counted in (rows, costs.LTC681X_ROWS):
        cycles = sum(part for _, part in ltc_costs.read_judge_act(counted))
        assert cycles / costs.MHZ + ltc_costs.spi_us() + ltc_costs.i2c_us() < 10_000


def test_the_table_of_a_bq769x0_is_what_is_counted_and_leaves_most_of_its_cycle_free():
    rows, tasks, _ = code_costs.measure("bq769x0_costs")
    assert code_costs.differences(rows, tasks, bq769x0_costs.TABLE) == []
    for counted in (rows, costs.BQ769X0_ROWS):
        cycles = sum(part for _, part in bq769x0_costs.read_judge_act(counted))
        assert cycles / costs.MHZ < 250_000 / 20


def test_no_second_of_estimates_takes_fifteen_milliseconds():
    found = estimated_second.measure()
    assert len(found) == 8
    for holds, ms in found:
        assert 5 < ms < estimated_second.GOAL_MS, holds
